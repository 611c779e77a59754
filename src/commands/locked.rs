//! What commands that write to the target have in common: the target, and the lock on it.

use super::{person, project::Project, revisions, target::OpenTarget};
use crate::{
    apply::{Work, acquire},
    diagnostic::Result,
    history::{self, Journal},
};

/// Opens the target, takes the lock, does some work, and closes the target however that ends.
pub(crate) async fn on_target<T>(
    project: &Project<'_>,
    command: &str,
    work: impl AsyncFnOnce(&OpenTarget<'_>, &Work<'_>) -> Result<T>,
) -> Result<T> {
    let target = OpenTarget::open(project, command).await?;
    revisions::tell_target(project, &target.url);
    let result = under_lock(project, &target, async |held| work(&target, held).await).await;
    target.close().await;
    result
}

/// Takes the lock on an open target, which holds it until it is closed, and does some work.
pub(crate) async fn under_lock<T>(
    project: &Project<'_>,
    target: &OpenTarget<'_>,
    work: impl AsyncFnOnce(&Work<'_>) -> Result<T>,
) -> Result<T> {
    let actor = person::actor(project, &target.session).await?;
    let held = target.work(project, &actor);
    acquire(&held).await?;
    work(&held).await
}

/// What the target remembers, which needs no lock.
pub(crate) async fn journal(project: &Project<'_>, command: &str) -> Result<Journal> {
    let target = OpenTarget::open_to_read(project, command).await?;
    let journal = history::load(&target.session).await;
    target.close().await;
    journal
}
