//! Declares which revisions are applied, and runs nothing.

use std::collections::BTreeSet;

use super::{
    Actor, Entry, EventKind, Reference, Revisions, Signers, check_approved, ensure, record,
    register, save_snapshot,
};
use crate::{
    catalog::{Catalog, Fingerprint},
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Result},
};

/// What has to be declared so that just the wanted revisions, and what they build on, are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// Those that become applied, each after what it builds on.
    pub applied: Vec<&'a str>,
    /// Those that are applied no more, the newest first.
    pub unapplied: Vec<&'a str>,
    /// The state that the database has to be in for that; `None` without any revision.
    pub state: Option<Fingerprint>,
}

impl<'a> Stamp<'a> {
    /// The way to the revisions that the references mean.
    ///
    /// # Errors
    /// If a reference means nothing, or a plan that is not approved as [`check_approved`] wants it.
    pub fn new(
        revisions: &'a Revisions,
        to: &[Reference],
        signers: Option<Signers<'_>>,
    ) -> Result<Self> {
        let walk = revisions.walk();
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        for reference in to {
            for goal in walk.resolve(reference)? {
                wanted.extend(revisions.graph.ancestors(goal));
            }
        }
        let stands = |revision: &&str| revisions.applied.contains(*revision);
        let order = || revisions.graph.order();
        let applied: Vec<&str> = order()
            .filter(|revision| wanted.contains(revision) && !stands(revision))
            .collect();
        for revision in &applied {
            if let Some(filed) = revisions.folder.plans.get(*revision) {
                check_approved(filed, revisions.folder.downs.get(*revision), signers)?;
            }
        }
        Ok(Self {
            applied,
            unapplied: order()
                .rev()
                .filter(|revision| !wanted.contains(revision) && stands(revision))
                .collect(),
            state: revisions.state(&wanted),
        })
    }

    /// Checks that nothing is forgotten of which the project has no file any more.
    ///
    /// # Errors
    /// [`Code::History`] with such revisions.
    pub fn keeps_lost(&self, revisions: &Revisions) -> Result<()> {
        let lost: Vec<&str> = self
            .unapplied
            .iter()
            .copied()
            .filter(|revision| !revisions.folder.plans.contains_key(*revision))
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        Err(Diagnostic::error(
            Code::History,
            "the database remembers revisions that have no file any more",
        )
        .note(lost.join(", "))
        .help("`forge show REVISION --applied` prints them; `--purge` forgets them"))
    }

    /// Whether all is declared already.
    pub fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.unapplied.is_empty()
    }

    /// Checks that the database is what it would be had the revisions been applied.
    ///
    /// # Errors
    /// [`Code::StampDiffers`] with both states.
    pub fn check(&self, live: &Catalog) -> Result<()> {
        let found = live.fingerprint();
        match self.state {
            Some(promised) if promised != found => Err(Diagnostic::error(
                Code::StampDiffers,
                "the database is not what these revisions lead to; nothing was recorded",
            )
            .note(format!("they lead to {promised}, the database is {found}"))
            .help(
                "`forge plan --check` shows what is different from the schema tree; \
                 `--force` stamps nevertheless, and the history says so",
            )),
            Some(_) | None => Ok(()),
        }
    }
}

/// Records a stamp and keeps the catalog as the state that is expected from then on, in one transaction.
///
/// `forced` says that the database is another than the revisions promise.
pub async fn stamp(
    session: &Session,
    actor: &Actor,
    revisions: &Revisions,
    stamp: &Stamp<'_>,
    live: &Catalog,
    forced: bool,
) -> Result<()> {
    ensure(session).await?;
    session.run("BEGIN").await?;
    let recorded = record_all(session, actor, revisions, stamp, live, forced).await;
    match recorded {
        Ok(()) => session.run("COMMIT").await,
        Err(error) => {
            // If the connection has gone, so has the transaction.
            drop(session.run("ROLLBACK").await);
            Err(error)
        }
    }
}

async fn record_all(
    session: &Session,
    actor: &Actor,
    revisions: &Revisions,
    stamp: &Stamp<'_>,
    live: &Catalog,
    forced: bool,
) -> Result<()> {
    let state = Some(live.fingerprint());
    let error = forced.then_some("forced: the database was not what the revision leads to");
    let mut last = None;
    let unapplied = stamp.unapplied.iter().map(|it| (it, EventKind::Unstamped));
    let applied = stamp.applied.iter().map(|it| (it, EventKind::Stamped));
    for (revision, kind) in unapplied.chain(applied) {
        if let Some((plan, body)) = revisions.folder.filed(revision) {
            register(session, plan, &body).await?;
        }
        let entry = Entry {
            fingerprint: state,
            error,
            ..Entry::new(revision, kind)
        };
        last = Some(record(session, actor, &entry).await?);
    }
    match last {
        Some(last) => save_snapshot(session, last, live).await,
        None => Ok(()),
    }
}
