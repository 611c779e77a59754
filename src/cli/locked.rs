//! What commands that write to the target have in common: the target, and the lock on it.

use super::{Context, person, revisions, target::OpenTarget};
use crate::{
    apply::{Work, acquire},
    diagnostic::Result,
    history::{self, Journal},
    settings::Settings,
};

/// Opens the target, takes the lock, does some work, and closes the target however that ends.
pub(super) async fn on_target<T>(
    context: &Context<'_>,
    settings: &Settings,
    command: &str,
    work: impl AsyncFnOnce(&OpenTarget<'_>, &Work<'_>) -> Result<T>,
) -> Result<T> {
    let target = OpenTarget::open(context, settings, command).await?;
    revisions::tell_target(context, settings, &target.url);
    let result = under_lock(context, settings, &target, async |held| {
        work(&target, held).await
    })
    .await;
    target.close().await;
    result
}

/// Takes the lock on an open target, which holds it until it is closed, and does some work.
pub(super) async fn under_lock<T>(
    context: &Context<'_>,
    settings: &Settings,
    target: &OpenTarget<'_>,
    work: impl AsyncFnOnce(&Work<'_>) -> Result<T>,
) -> Result<T> {
    let actor = person::actor(context, &settings.project.root, &target.session).await?;
    let held = target.work(context, settings, &actor);
    acquire(&held).await?;
    work(&held).await
}

/// What the target remembers, which needs no lock.
pub(super) async fn journal(
    context: &Context<'_>,
    settings: &Settings,
    command: &str,
) -> Result<Journal> {
    let target = OpenTarget::open_to_read(context, settings, command).await?;
    let journal = history::load(&target.session).await;
    target.close().await;
    journal
}
