//! `forge up --dev` and `forge reset --dev`: databases whose rows nobody needs.

use super::{Context, apply};
use crate::{
    apply::sync,
    commands::{
        Project,
        bench::{Whom, on_bench},
        locked, revisions,
    },
    diagnostic::{Code, Diagnostic, Exit, Result, Severity},
    diff::{Catalogs, Diff},
    history::{self, Journal, Revisions},
    plan::plan,
    source::{Tree, load_order, warnings},
    workbench::{Comparison, Wish},
};

/// Bring a disposable database to what schema/ declares, without a plan
///
/// For a database whose rows nobody needs, which its environment in forge.toml calls `disposable`. Nothing is recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Say that you mean it
    #[arg(long, required = true)]
    dev: bool,
}

/// Empty a disposable database, and apply every approved plan
///
/// For a database whose rows nobody needs, which its environment in forge.toml calls `disposable`.
#[derive(Debug, clap::Args)]
pub(super) struct ResetArgs {
    /// Say that you mean it
    #[arg(long, required = true)]
    dev: bool,
}

pub(super) async fn run(_args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let own = project.settings.project()?;
    disposable(&project)?;
    let tree = Tree::read(&own.schema.value, &own.files)?;
    let statements = load_order(tree.parse()?);
    let done = locked::on_target(&project, "up", async |target, work| {
        let live = target.catalog().await?;
        let whom = Whom::live(target, &live).await?;
        let compared = on_bench(&project, whom, async |bench, said| {
            said.extend(warnings(&statements));
            let desired = bench.build(&statements).await?;
            bench
                .compare(&statements, &live, desired, Wish::default(), false, said)
                .await
        })
        .await?;
        match compared {
            Comparison::Same(_) => Ok(0),
            Comparison::Different(proposal) => {
                sync(work, &proposal.up).await?;
                Ok(proposal.up.steps().count())
            }
        }
    })
    .await?;
    context.reporter.note(if done == 0 {
        format!(
            "no changes: the database is what `{}` declares",
            own.schema.value
        )
    } else {
        format!(
            "{}: the database is what `{}` declares; nothing was recorded",
            revisions::counted(done, "step"),
            own.schema.value
        )
    });
    Ok(Exit::Done)
}

/// `forge reset --dev`.
pub(super) async fn reset(_args: &ResetArgs, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    disposable(&project)?;
    // What couldn't be applied again mustn't be taken away.
    let plans = Revisions::ever(revisions::folder(&project)?, Journal::default())?;
    history::validate(&plans, project.signers())?
        .into_iter()
        .find(|found| found.severity() == Severity::Error)
        .map_or(Ok(()), Err)?;
    locked::on_target(&project, "reset", async |target, work| {
        let live = target.catalog().await?;
        let whom = Whom::live(target, &live).await?;
        let empty = on_bench(&project, whom, async |bench, _| bench.empty().await).await?;
        let emptying = plan(&Diff::new(Catalogs {
            live: &live,
            desired: &empty,
        }))?;
        sync(work, &emptying).await?;
        let forget = "DROP SCHEMA IF EXISTS forge CASCADE";
        target.session.run(forget).await
    })
    .await?;
    Box::pin(apply::to_head(context)).await
}

/// Refuses a database of which nobody has said that its rows don't matter.
fn disposable(project: &Project<'_>) -> Result<()> {
    if project.settings.disposable {
        return Ok(());
    }
    let name = project.settings.environment.as_ref();
    let message = match name {
        Some(name) => format!("environment `{}` isn't disposable", name.value),
        None => "only an environment can be disposable".to_owned(),
    };
    Err(Diagnostic::error(Code::NotDisposable, message)
        .note("the command deletes rows without asking")
        .help("if nobody needs that database's rows, write `disposable = true` and its `url` under an environment in forge.toml"))
}
