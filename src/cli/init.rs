//! `forge init`: a new project.

use camino::Utf8Path;

use super::{
    Context, adopt,
    new_project::{Args, USUAL, accompany_new, companions, said, tell},
};
use crate::{
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::Folder,
    scaffold::{self, Begun, Layout, Start},
    settings::{self, Settings},
};

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let folder = if args.folder == Utf8Path::new(".") {
        context.working_dir.to_owned()
    } else {
        context.working_dir.join(&args.folder)
    };
    let files = context.files_of(&folder);
    if scaffold::take_back(&files)? {
        context.reporter.note(
            "removed what an earlier `forge init` wrote here before it was stopped, and begins again",
        );
    }
    if !args.with.is_empty() && folder.join(settings::FILE_NAME).is_file() {
        return join(args, context, &folder);
    }
    scaffold::refuse_occupied(&files)?;
    if args.from_db {
        return adopt::run(args, context, &folder).await;
    }
    let mut begun = Begun::new(&files);
    begun.write(&scaffold::project(Start::Example))?;
    said(args, context, "an example of a table");
    accompany_new(args, context, &mut begun)?;
    begun.end()?;
    let reporter = context.reporter;
    reporter.note(format_args!(
        "next: `{}forge plan -m \"begin\"` writes the first plan",
        args.go_there()
    ));
    Ok(Exit::Done)
}

/// Adds to a project that there is what it doesn't have.
fn join(args: &Args, context: &Context<'_>, folder: &Utf8Path) -> Result<Exit> {
    if args.from_db {
        return Err(Diagnostic::error(
            Code::Usage,
            format!("`{folder}` is a forge project already"),
        )
        .help("leave `--from-db` out to add the files that `--with` names"));
    }
    let project = Settings::resolve(context.flags, context.environment, folder)?.project;
    let below = |path: &Utf8Path| path.strip_prefix(&project.root).unwrap_or(path).to_owned();
    let (schema, plans) = (below(&project.schema.value), below(&project.plans.value));
    let filed = Folder::read(&project.files, &project.plans.value)?;
    let newest = filed
        .plans
        .values()
        .max_by_key(|filed| &filed.plan.header.created);
    let postgres = newest.map(|filed| filed.plan.header.postgres);
    let layout = Layout {
        schema: &schema,
        plans: &plans,
        postgres: postgres.unwrap_or(USUAL),
    };
    let wanted = companions(args, layout);
    let written = scaffold::write(&context.files_of(folder), &wanted)?;
    tell(context, &wanted, &written);
    Ok(Exit::Done)
}
