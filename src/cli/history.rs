//! `forge history`: the revisions of the plans folder, newest first.

use std::fmt::Write as _;

use super::{Context, revisions};
use crate::{
    diagnostic::{Exit, Result},
    history::Filed,
    report::Verbosity,
};

/// List the revisions, newest first; with -v, all that is known of them
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = revisions::folder(&settings)?;
    let graph = folder.graph()?;
    let heads = graph.heads();
    let mut text = String::new();
    for revision in graph.order().rev() {
        let filed = &folder.plans[revision];
        let mut marks = String::new();
        if heads.contains(&revision) {
            marks.push_str(" (head)");
        }
        if filed.plan.header.approval.is_none() {
            marks.push_str(" (draft)");
        }
        if context.reporter.verbosity() >= Verbosity::Verbose {
            describe(&mut text, filed, &marks);
        } else {
            let parents = parents(filed);
            let message = &filed.plan.header.message;
            writeln!(text, "{parents} -> {revision}{marks}, {message}")
                .expect("writing to a String can't fail");
        }
    }
    context.reporter.data(text);
    Ok(Exit::Done)
}

fn parents(filed: &Filed) -> String {
    match &filed.plan.header.down_revision[..] {
        [] => "<base>".to_owned(),
        parents => parents.join(", "),
    }
}

fn describe(text: &mut String, filed: &Filed, marks: &str) {
    let header = &filed.plan.header;
    let mut line = |name: &str, value: &str| {
        writeln!(text, "{name}: {value}").expect("writing to a String can't fail");
    };
    line("Rev", &format!("{}{marks}", header.revision));
    line("Parent", &parents(filed));
    if !header.depends_on.is_empty() {
        line("Depends on", &header.depends_on.join(", "));
    }
    line("Path", filed.path.as_str());
    line(
        "Created",
        &format!("{} by {}", header.created, header.author),
    );
    if let Some(approval) = &header.approval {
        line("Approved", &format!("{} by {}", approval.at, approval.by));
    }
    writeln!(text, "\n    {}\n", header.message).expect("writing to a String can't fail");
}
