//! The target of runs: as it is, and as approved plans made it.

use super::{
    added::Added,
    watch::{Reading, attended},
    work::Work,
};
use crate::{
    catalog::{Catalog, Fingerprint},
    diagnostic::{Code, Diagnostic, Result},
    drift,
    history::{self, Entry, EventKind, Journal, Owed},
    introspect::{Cast, introspect},
    sql::join,
};

/// A target between two runs.
pub struct Target {
    /// As it is, as far as it is managed.
    pub live: Catalog,
    /// As approved plans made it, where somebody has changed it since.
    left: Option<Box<Catalog>>,
    /// What event triggers may have added in the last run.
    added: Option<Added>,
    /// Whether a plan was undone here while others changed something.
    undone: bool,
    /// The state in which it would be had each run left what it promised, where one has not.
    owed: Option<Fingerprint>,
}

/// So many objects are named that are not as a plan promised.
const NAMED: usize = 20;

/// What a revision promises of the state that it leads to.
pub(super) struct Promise {
    /// The state.
    pub(super) state: Fingerprint,
    /// What of it is not so, as far as that is known.
    pub(super) otherwise: Vec<String>,
}

impl Promise {
    /// A state of which nothing else is known.
    fn of(state: Fingerprint) -> Self {
        Self {
            state,
            otherwise: Vec::new(),
        }
    }
}

impl Target {
    /// Reads the target, and takes the snapshot that an earlier run was killed before, if it was. The caller holds the lock.
    ///
    /// # Errors
    /// [`Code::ResultDiffers`] if the target isn't what such a run promised.
    pub async fn read(work: &Work<'_>, journal: &Journal) -> Result<Self> {
        let live = read_target(work).await?;
        let promised = journal.promised();
        let owed = history::owed(work.session, work.scope, journal).await?;
        // Whichever of the two it is that the target keeps to.
        let owed = owed.map(|owed| {
            let is_whole = live.fingerprint() == owed.state;
            if is_whole { owed.state } else { owed.managed }
        });
        if let (Some(last), Some(promised)) = (journal.last_settled(), promised)
            && !journal.is_settled()
        {
            let target = Self {
                live,
                left: None,
                added: None,
                undone: false,
                owed,
            };
            target
                .settle(work, &last.revision, last.id, Promise::of(promised))
                .await?;
            return Ok(target);
        }
        let partly = journal.partly();
        for (revision, partly) in &partly {
            if journal.before(partly) != promised {
                work.listener.warn(format_args!(
                    "somebody had changed the database before revision {revision} was begun; once it is done, \
                     `forge drift` can't tell that from what the revision does"
                ));
            }
        }
        // While a plan is half done, its own changes can't be told from others'.
        let state = live.fingerprint();
        let has_drifted =
            partly.is_empty() && promised.is_some_and(|it| it != state) && owed != Some(state);
        let left = if has_drifted {
            history::snapshot(work.session, work.scope).await?
        } else {
            None
        };
        // What isn't managed any more is neither in the one nor in the other.
        let left = left.filter(|left| !left.is_same_state(&live));
        let left = left.map(Box::new);
        Ok(Self {
            live,
            left,
            added: None,
            undone: false,
            owed,
        })
    }

    /// The target behind a run that promised to lead to `goal`, as it is `after` that.
    ///
    /// A plan that leads to just what is there has what somebody did before in it, and an approval for that.
    #[must_use]
    pub(super) fn behind(self, after: Catalog, (from, goal): (Fingerprint, Fingerprint)) -> Self {
        let has_triggers = !after.event_triggers.is_empty();
        let added = has_triggers.then(|| Added::between(&self.live, &after));
        let left = self
            .left
            .filter(|_| after.fingerprint() != goal)
            .map(|left| drift::carry(&left, &self.live, &after))
            .filter(|left| left.fingerprint() != after.fingerprint())
            .map(Box::new);
        Self {
            live: after,
            left,
            added,
            undone: false,
            owed: self.owed.map(|owed| owed.after(from, goal)),
        }
    }

    /// The target behind the undo of a plan that had found it in the state `before`, as it is `after` that. What is otherwise
    /// then than in `left`, as approved plans had left it, others have changed.
    #[must_use]
    pub(super) fn behind_undo(
        self,
        after: Catalog,
        left: Option<Catalog>,
        before: Fingerprint,
    ) -> Self {
        let left =
            left.filter(|left| left.fingerprint() == before && after.fingerprint() != before);
        Self {
            live: after,
            undone: left.is_some(),
            left: left.map(Box::new),
            ..self
        }
    }

    /// The target where a person ends a plan; `left` is what approved plans and that one have made.
    pub(super) fn given_up(live: Catalog, left: Option<Catalog>, owed: Option<Owed<'_>>) -> Self {
        Self {
            left: left.filter(|left| !left.is_same_state(&live)).map(Box::new),
            live,
            added: None,
            undone: false,
            owed: owed.map(|owed| owed.state),
        }
    }

    /// Compares what a revision left with what it promised, and keeps what approved plans have made.
    ///
    /// # Errors
    /// [`Code::ResultDiffers`] if the target isn't what the revision promised.
    pub(super) async fn settle(
        &self,
        work: &Work<'_>,
        revision: &str,
        ended: i64,
        promise: Promise,
    ) -> Result<()> {
        let Promise {
            state: promised,
            otherwise,
        } = promise;
        let approved = self.left.as_deref().unwrap_or(&self.live);
        let found = self.live.fingerprint();
        // What an earlier run had left otherwise may have gone with this one.
        if found == promised || self.undone || self.owed == Some(found) {
            return history::save_snapshot(work.session, ended, approved).await;
        }
        let added = self.added.as_ref();
        if let Some(objects) = added.and_then(|added| added.explains(found, promised)) {
            work.listener.note(format_args!(
                "event triggers have changed what the plan made: {}",
                join(objects.iter().map(|id| format!("`{id}`")), ", ")
            ));
            return history::save_snapshot(work.session, ended, approved).await;
        }
        let named = join(otherwise.iter().take(NAMED), ", ");
        let named = match otherwise.len().saturating_sub(NAMED) {
            0 => named,
            more => format!("{named}, and {more} more"),
        };
        let entry = Entry {
            fingerprint: Some(found),
            error: Some(named.as_str()).filter(|named| !named.is_empty()),
            ..Entry::new(revision, EventKind::Differs)
        };
        let event = history::record(work.session, work.actor, &entry).await?;
        history::save_snapshot(work.session, event, approved).await?;
        let error = Diagnostic::error(
            Code::ResultDiffers,
            format!(
                "all steps of revision `{revision}` stand, but the database is not what it promised"
            ),
        );
        let named = Some(named).filter(|named| !named.is_empty());
        Err(named
        .into_iter()
        .fold(error, Diagnostic::note)
        .note(format!("promised {promised}, found {found}"))
        .note(
            "somebody changed the database meanwhile, or a statement does more than its plan says",
        )
        .help(Owed::WAYS_OUT))
    }

    /// Whether it is what the runs promised, as far as the journal knows of one that has not kept that.
    ///
    /// # Errors
    /// [`Code::ResultDiffers`] if not.
    pub async fn keeps(&self, work: &Work<'_>, journal: &Journal) -> Result<()> {
        let owed = history::owed(work.session, work.scope, journal).await?;
        match owed.filter(|owed| !owed.is_settled_by(self.live.fingerprint())) {
            Some(owed) => Err(Diagnostic::error(Code::ResultDiffers, owed.words())
                .note(format!("found by {}", owed.event.by()))
                .help(owed.ways_out())),
            None => Ok(()),
        }
    }

    /// Says if something is there that no approved plan made.
    pub fn tell(&self, work: &Work<'_>) {
        if self.left.is_some() {
            work.listener.warn(
                "somebody has changed the database besides; what they changed stays, and `forge drift` shows it",
            );
        }
    }
}

/// The target's catalog as it is now, as far as it is managed.
pub async fn read_target(work: &Work<'_>) -> Result<Catalog> {
    let reading = Reading {
        session: work.session,
        options: work.options,
        listener: work.listener,
    };
    let cast = Cast::new();
    let mut live = attended(reading, introspect(work.session, &cast)).await?;
    work.scope.restrict(&mut live);
    Ok(live)
}
