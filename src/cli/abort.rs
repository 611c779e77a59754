//! `forge apply --abort`: undoes what stands of a plan that has stopped half-way.

use super::{Context, rows::Rows};
use crate::{
    apply::{self, Halfway, Reached, Script, Target, Work},
    catalog::Judge,
    commands::{
        allow::{self, Allow},
        locked,
        revisions::{self, counted},
    },
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Direction, Folder, Partly, Revisions},
    kinds::{Action, HazardKind, Step},
    plan::file::render_steps,
};

/// What is asked of an abort.
pub(super) struct Wish<'a> {
    /// The hazards that are allowed.
    pub(super) allow: &'a [Allow],
    /// Whether the steps are only shown.
    pub(super) dry_run: bool,
    /// What is done about rows.
    pub(super) rows: &'a Rows,
}

pub(super) async fn run(wish: &Wish<'_>, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::folder(&project)?;
    locked::on_target(&project, "apply", async |target, work| {
        let reconnect = async || {
            let session = target.another_session(&project, "apply");
            session.await
        };
        let work = Work {
            dropped: wish.rows.dropped(),
            looks_for_rows: !wish.rows.skip_row_checks,
            ..*work
        };
        Box::pin(abort(wish, context, folder, &work, reconnect)).await
    })
    .await
}

async fn abort(
    wish: &Wish<'_>,
    context: &Context<'_>,
    folder: Folder,
    work: &Work<'_>,
    reconnect: impl AsyncFn() -> Result<Session>,
) -> Result<Exit> {
    let revisions = Revisions::new(folder, history::load(work.session).await?)?;
    let Some((revision, partly)) = half_way(&revisions)? else {
        context
            .reporter
            .note("nothing to undo: no plan is partly applied");
        return Ok(Exit::Done);
    };
    let halfway = Halfway::read(work, &revisions, &revision, &partly).await?;
    let rest = halfway.rest();
    let stays = stays(&revision, &halfway);
    for told in halfway.reached.iter().chain(&stays) {
        context.reporter.warn(told);
    }
    halfway.can_be_undone()?;
    let judge = Judge::new([halfway.live()], rest.statements());
    let risks = |step: &Step| judge.risks(step);
    allow::check(&halfway.undo.path, &rest, wish.allow, risks)?;
    if wish.dry_run {
        context.reporter.sql(&render_steps(&rest));
        context.reporter.note("a dry run: nothing was changed");
        return Ok(Exit::Done);
    }
    apply::outlast(work, reconnect, async |work| {
        Box::pin(undo(work, &revisions.folder, &revision)).await
    })
    .await?;
    let mut undone = halfway.stands.clone();
    undone.retain(|number| step(&halfway, *number).is_none_or(|step| step.action != Action::Data));
    let stands = if stays.is_empty() {
        "nothing of it stands"
    } else {
        "what the warnings name stays as it is"
    };
    context.reporter.note(format_args!(
        "undone {} of revision {revision}; {stands}",
        counted(undone.len(), "step")
    ));
    Ok(Exit::Done)
}

/// A step of the plan, by its number.
fn step(halfway: &Halfway, number: usize) -> Option<&Step> {
    halfway.up.plan.plan.steps().nth(number.checked_sub(1)?)
}

/// Runs the undo steps that are left, as the target remembers them now.
async fn undo(work: &Work<'_>, folder: &Folder, revision: &str) -> Result<()> {
    let journal = history::load(work.session).await?;
    let revisions = Revisions::new(folder.clone(), journal)?;
    let history::Standing::Partly(partly) = revisions.journal.standing(revision) else {
        return Ok(()); // The connection was lost with the last COMMIT under way.
    };
    let halfway = Halfway::read(work, &revisions, revision, &partly).await?;
    halfway.begin(work, &partly).await?;
    let journal = history::load(work.session).await?;
    let target = Target::read(work, &journal).await?;
    let script = Script {
        direction: Direction::Abort,
        file: &halfway.undo,
        down: None,
        phase: None,
    };
    match apply::run(work, &script, &journal, target).await? {
        Reached::End(after) => after.tell(work),
        Reached::Before(_) => unreachable!("undo steps have no phases"),
    }
    Ok(())
}

/// The plan that has stopped half-way, the one that was begun last.
fn half_way(revisions: &Revisions) -> Result<Option<(String, Partly)>> {
    let mut partly = revisions.journal.partly();
    partly.sort_by_key(|(_, partly)| partly.since);
    let Some((revision, partly)) = partly.pop() else {
        return Ok(None);
    };
    if partly.direction == Direction::Down {
        let (_, command) = partly.direction.words();
        return Err(Diagnostic::error(
            Code::Partial,
            format!("revision `{revision}` is partly reverted, not partly applied"),
        )
        .help(format!(
            "`{command}` goes on; then `forge apply` applies it again"
        )));
    }
    Ok(Some((revision.to_owned(), partly)))
}

/// What stays as the plan or others have left it, in words.
fn stays(revision: &str, halfway: &Halfway) -> Vec<String> {
    let mut stays = halfway.left.clone();
    for number in &halfway.ran {
        let Some(step) = step(halfway, *number) else {
            continue;
        };
        let deletes = |kind| step.hazards.iter().any(|hazard| hazard.kind == kind);
        // Rows go with the table or column that they were written to.
        let goes = |undo: &Step| {
            let (whole, part) = (&undo.object.path, &step.object.path);
            undo.action == Action::Drop
                && (undo.object == step.object
                    || part.len() > whole.len() && part.starts_with(whole))
        };
        if step.action == Action::Data {
            if !halfway.undo.plan.plan.steps().any(goes) {
                stays.push(format!(
                    "not undone: the rows that step {number} of revision {revision} wrote stay as they are ({})",
                    step.object
                ));
            }
        } else if deletes(HazardKind::DeletesData) {
            stays.push(format!(
                "not undone: what step {number} of revision {revision} deleted does not come back ({} {})",
                step.action, step.object
            ));
        }
    }
    stays
}
