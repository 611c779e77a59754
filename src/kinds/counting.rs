//! What sequences and the sequences of identity columns have in common (PostgreSQL docs: CREATE SEQUENCE).

use super::{Action, HazardKind, Lock, ObjectId, Step};
use crate::sql::{Ident, Literal, aside_name, dotted};

/// The sequence that an object is or brings along: it gives numbers to rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// Its schema and name.
    pub sequence: [Ident; 2],
    /// `INCREMENT`.
    pub increment: i64,
    /// `MINVALUE` and `MAXVALUE`.
    pub limits: (i64, i64),
    /// `CACHE`.
    pub cache: i64,
}

impl Counter {
    fn sql(&self) -> String {
        dotted(&self.sequence)
    }

    /// Its schema and name once another sequence goes on where it is, until it is dropped.
    pub fn aside(&self) -> [Ident; 2] {
        let [schema, name] = &self.sequence;
        [schema.clone(), aside_name(name)]
    }

    /// Renames the sequence of `id`, so that nobody draws from it any more and its name is free.
    pub fn step_aside(&self, id: &ObjectId) -> Step {
        let [_, name] = self.aside();
        let rename = format!("ALTER SEQUENCE {} RENAME TO {name}", self.sql());
        Step::new(Action::Rename, id, rename)
            .because("rename the old sequence, which another one replaces")
            .lock(Lock::AccessExclusive, self.sql())
    }

    /// Lets the new sequence of `id` go on where the old one is. Nothing where no value of the old limits lies within the
    /// new ones.
    pub fn go_on_from(&self, old: &Predecessor, id: &ObjectId) -> Option<Step> {
        let before = &old.counter;
        if begin_anew(before.limits, self.limits, 0).is_some() {
            return None;
        }
        let (limit, further, begins) = if self.increment > 0 {
            (self.limits.0, "GREATEST", before.limits.0 < self.limits.0)
        } else {
            (self.limits.1, "LEAST", before.limits.1 > self.limits.1)
        };
        let at = if begins {
            let at = format!("{further}(last_value, {limit})");
            format!("{at}, is_called AND last_value = {at}")
        } else {
            "last_value, is_called".to_owned()
        };
        let set = format!(
            "SELECT pg_catalog.setval({}, {at}) FROM {}",
            Literal(&self.sql()),
            old.sql()
        );
        let step = Step::new(Action::Data, id, set);
        Some(
            self.between(old, step)
                .because(format!("take over the position of {}", before.sql())),
        )
    }

    /// Moves the sequence of `id`, which is there and may have given out other numbers, behind those of the old one.
    pub fn move_behind(&self, old: &Predecessor, id: &ObjectId) -> Option<Step> {
        let before = &old.counter;
        if begin_anew(before.limits, self.limits, 0).is_some()
            || (before.increment > 0) != (self.increment > 0)
        {
            return None;
        }
        let beyond = if self.increment > 0 { ">" } else { "<" };
        let set = format!(
            "SELECT pg_catalog.setval({}, old.last_value, old.is_called) FROM {} AS old, {} AS new\n    \
             WHERE old.last_value {beyond} new.last_value OR (old.last_value = new.last_value AND old.is_called)",
            Literal(&self.sql()),
            old.sql(),
            self.sql(),
        );
        let mut step = Step::new(Action::Data, id, self.hold()).then(set);
        step = step.lock(Lock::ShareRowExclusive, self.sql());
        Some(
            self.between(old, step)
                .because(format!("move behind the position of {}", before.sql())),
        )
    }

    /// Lets nobody draw a number until the transaction ends.
    fn hold(&self) -> String {
        format!("ALTER SEQUENCE {} CACHE {}", self.sql(), self.cache)
    }

    /// What else has to be said of a step that reads an old sequence.
    fn between(&self, old: &Predecessor, mut step: Step) -> Step {
        let before = &old.counter;
        if !old.goes {
            step.sql.insert(0, before.hold());
            step = step.lock(Lock::ShareRowExclusive, before.sql());
        }
        if self.limits.0 > before.limits.0 || self.limits.1 < before.limits.1 {
            let why = format!("fails if {} is outside the new limits", before.sql());
            step = step.hazard(HazardKind::MayFail, why);
        }
        step
    }
}

impl Predecessor {
    /// What the sequence is called when another one goes on where it is.
    fn sql(&self) -> String {
        if self.goes {
            dotted(&self.counter.aside())
        } else {
            self.counter.sql()
        }
    }
}

/// The sequence that gave numbers to a column's rows before another one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predecessor {
    /// The object that it is or belongs to.
    pub object: ObjectId,
    /// The sequence.
    pub counter: Counter,
    /// Whether the plan drops it; otherwise it stays for others.
    pub goes: bool,
}

/// Moves a sequence whose lower limit is raised (the upper one, if it counts down) to that limit, unless it is beyond.
pub(super) fn move_into(
    sequence: &str,
    increment: i64,
    live: (i64, i64),
    desired: (i64, i64),
) -> Option<String> {
    let (limit, comparison, moves) = if increment > 0 {
        (desired.0, "<", live.0 < desired.0)
    } else {
        (desired.1, ">", live.1 > desired.1)
    };
    let is_within = live.0 <= limit && limit <= live.1;
    (moves && is_within).then(|| {
        format!(
            "SELECT pg_catalog.setval({}, {limit}, false) FROM {sequence} WHERE last_value {comparison} {limit}",
            Literal(sequence)
        )
    })
}

/// The step with what it takes: the position of a sequence.
pub(super) fn forgets(step: Step, sequence: &str) -> Step {
    let why = format!("deletes the position of {sequence}: which numbers it has given out");
    step.hazard(HazardKind::DeletesData, why)
}

/// Where a sequence has to begin anew because no value of the old limits lies within the new ones.
pub(super) fn begin_anew(live: (i64, i64), desired: (i64, i64), start: i64) -> Option<String> {
    (live.1 < desired.0 || desired.1 < live.0).then(|| format!("RESTART WITH {start}"))
}
