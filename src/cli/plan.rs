//! `forge plan`: what has to happen, proved and written for review.

use super::{Context, draft::describe};
use crate::{
    commands::{
        self, Project,
        plan::{Difference, Draft, From, Options, Report},
        revisions::counted,
    },
    diagnostic::{Exit, Result},
    history::Reference,
    intent::RenameFlag,
    kinds::Glob,
    plan::file::{Semver, revision_id},
};

/// Plan the steps from the database as it is to what schema/ declares
///
/// The plan is proved on a shadow server and written as a draft for review. Nothing is changed in the database.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Say what the change is for
    #[arg(short, long, value_name = "TEXT")]
    pub(super) message: Option<String>,

    /// Write nothing; end with exit code 2 if there is a difference
    #[arg(long)]
    pub(super) check: bool,

    /// Take what the database calls OLD for what schema/ calls NEW: app.people=app.users, app.users.name=full_name
    #[arg(long, value_name = "OLD=NEW")]
    rename: Vec<RenameFlag>,

    /// Bring only this object to what schema/ declares, with what it needs: app.users, app.user_*, a whole schema. A plan
    /// of the rest follows once this one is applied
    #[arg(long, value_name = "NAME", conflicts_with = "empty")]
    only: Vec<Glob>,

    /// Where the plan begins
    #[arg(long, value_enum, value_name = "WHERE", default_value = "database")]
    from: Begin,

    /// Write a plan without steps, for statements of your own; `forge approve` proves it
    #[arg(long, conflicts_with = "check", visible_alias = "no-autogenerate")]
    pub(super) empty: bool,

    /// Build on this revision, where there are several heads
    #[arg(long, value_name = "REVISION")]
    head: Option<Reference>,

    /// Let `--head` name a revision that others follow: a branch begins
    #[arg(long, requires = "head")]
    splice: bool,

    /// Name the branch that the plan begins
    #[arg(long, value_name = "LABEL")]
    branch_label: Vec<String>,

    /// A further revision that has to be applied before
    #[arg(long, value_name = "REVISION")]
    depends_on: Vec<Reference>,

    /// The plan's revision: twelve hexadecimal digits
    #[arg(long, value_name = "REVISION", value_parser = revision_id)]
    pub(super) rev_id: Option<String>,

    /// The schema's version from then on, where forge would count otherwise
    #[arg(long, value_name = "X.Y.Z")]
    semver: Option<Semver>,
}

/// Where a plan begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Begin {
    /// The database as it is.
    Database,
    /// What the approved plans make of an empty database; no database is needed.
    History,
}

impl Args {
    fn options(&self) -> Options {
        Options {
            message: self.message.clone(),
            check: self.check,
            rename: self.rename.clone(),
            only: self.only.clone(),
            from: match self.from {
                Begin::Database => From::Database,
                Begin::History => From::History,
            },
            empty: self.empty,
            head: self.head.clone(),
            splice: self.splice,
            branch_labels: self.branch_label.clone(),
            depends_on: self.depends_on.clone(),
            revision: self.rev_id.clone(),
            semver: self.semver,
        }
    }
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    match commands::plan(&project, &args.options()).await? {
        Report::Same { objects } => same(args, context, &project, objects),
        Report::SamePart => same_part(args, context),
        Report::Different(difference) => {
            tell_difference(args, context, &project, &difference);
            return Ok(Exit::Difference);
        }
        Report::Written(draft) => tell_draft(args, context, &draft),
    }
    Ok(Exit::Done)
}

fn same(args: &Args, context: &Context<'_>, project: &Project<'_>, objects: usize) {
    let what = match args.from {
        Begin::Database => "the database is",
        Begin::History => "the plans lead to",
    };
    context.reporter.note(format_args!(
        "no changes: {what} what `{}` declares ({objects} objects)",
        project.settings.project.schema.value
    ));
    if objects == 0 && args.from == Begin::Database {
        context
            .reporter
            .note("`forge check -v` says what each file declares, and what isn't managed");
    }
}

fn same_part(args: &Args, context: &Context<'_>) {
    let names: Vec<String> = args.only.iter().map(|glob| format!("`{glob}`")).collect();
    context.reporter.note(format_args!(
        "no changes of {}: what they name is as it is declared",
        names.join(", ")
    ));
}

fn tell_difference(
    args: &Args,
    context: &Context<'_>,
    project: &Project<'_>,
    difference: &Difference,
) {
    context.reporter.sql(&difference.sql);
    context.reporter.notes(&difference.outlook);
    context.reporter.note(format_args!(
        "from the database to {}`{}`: {}",
        if args.only.is_empty() {
            ""
        } else {
            "this part of "
        },
        project.settings.project.schema.value,
        counted(difference.steps, "step")
    ));
}

fn tell_draft(args: &Args, context: &Context<'_>, draft: &Draft) {
    describe(context, draft);
    if !args.empty {
        context.reporter.notes(&draft.outlook);
    }
    let revision = &draft.revision;
    context.reporter.note(if args.empty {
        format!(
            "write the steps, each under a line `-- forge:step <number> <action> <object>`; `forge approve {revision}` proves them"
        )
    } else {
        format!("proved on the shadow server; review it, then run `forge approve {revision}`")
    });
}
