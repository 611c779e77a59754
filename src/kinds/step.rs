//! One change of one object: its SQL, and what a reviewer must know of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Batching, Hazard, HazardKind, Lock, ObjectId, Rollout};
use crate::{source::without_variables, sql::visible};

/// What a step does to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Action {
    /// The object comes into being.
    Create,
    /// The object is changed in place.
    Alter,
    /// The object gets another name.
    Rename,
    /// The object goes.
    Drop,
    /// Rows are written.
    Data,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 5] = [
        Self::Create,
        Self::Alter,
        Self::Rename,
        Self::Drop,
        Self::Data,
    ];

    /// The verb as it stands in a plan file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Alter => "alter",
            Self::Rename => "rename",
            Self::Drop => "drop",
            Self::Data => "data",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a step stands towards transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mode {
    /// Shares a transaction with its neighbours.
    Transaction,
    /// Runs in a transaction whose end comes before any step that depends on it: a new enum value can't be used in the
    /// transaction that adds it (55P04), and a constraint is validated after the strong lock of its creation is gone.
    CommitAfter,
    /// Can't run inside a transaction (`CREATE INDEX CONCURRENTLY`).
    Alone,
}

/// When a step runs, relative to the rest of its object's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// What depends on the object waits for it.
    Main,
    /// Nothing waits for it: a sequence's owner, a table's replica identity.
    Finish,
    /// It comes after everything else and checks rows that are there: `VALIDATE CONSTRAINT`.
    Check,
}

/// What a step does to the rows that are there: what it takes time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// It reads them all.
    Scans,
    /// It reads them all and builds an index of them.
    Builds,
    /// The same, while writes go on.
    BuildsAlongside,
    /// It writes the table and its indexes anew.
    Rewrites,
    /// It writes single rows, in the worst case all of them.
    WritesRows,
}

impl Effort {
    /// What it is, as the end of a sentence about the step.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scans => "reads every row",
            Self::Builds => "builds an index",
            Self::BuildsAlongside => "builds an index while writes go on",
            Self::Rewrites => "writes the table anew",
            Self::WritesRows => "writes rows",
        }
    }
}

/// One change of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// To which object.
    pub object: ObjectId,
    /// Why or what, as a clause; empty where action and object say it all.
    pub summary: String,
    /// The statements, without semicolons; psql reads them as PostgreSQL does.
    pub sql: Vec<String>,
    /// The strongest lock on each existing relation, by name.
    pub locks: Vec<(Lock, String)>,
    /// What it can do harm to.
    pub hazards: Vec<Hazard>,
    /// Its transaction.
    pub mode: Mode,
    /// Its place among the steps of its object.
    pub phase: Phase,
    /// Objects that must be there first, besides those the catalogs know of.
    pub requires: Vec<ObjectId>,
    /// The objects that must be as they were when the plan was made, with their short fingerprints.
    #[serde(default)]
    pub expects: Vec<(ObjectId, String)>,
    /// Its part of the plan.
    #[serde(default)]
    pub rollout: Rollout,
    /// How its one statement is carried out in parts, outside of any transaction of the plan.
    #[serde(default)]
    pub batching: Option<Batching>,
    /// The hash of the statements where forge wrote them and the hazards say all that they do: what their text alone shows
    /// is known to lose nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe: Option<String>,
    /// Whether its statements are known not to be forge's: the approval of its plan says so.
    #[serde(skip)]
    pub by_hand: bool,
}

impl Step {
    /// A transactional step of one statement, without locks or hazards.
    pub fn new(action: Action, object: &ObjectId, sql: impl Into<String>) -> Self {
        Self {
            action,
            object: object.clone(),
            summary: String::new(),
            sql: vec![without_variables(sql.into())],
            locks: Vec::new(),
            hazards: Vec::new(),
            mode: Mode::Transaction,
            phase: Phase::Main,
            requires: Vec::new(),
            expects: Vec::new(),
            rollout: Rollout::default(),
            batching: None,
            safe: None,
            by_hand: false,
        }
    }

    /// A step that creates its object.
    pub fn create(object: &ObjectId, sql: impl Into<String>) -> Self {
        Self::new(Action::Create, object, sql)
    }

    /// A step that changes its object.
    pub fn alter(object: &ObjectId, sql: impl Into<String>) -> Self {
        Self::new(Action::Alter, object, sql)
    }

    /// A step that drops its object.
    pub fn drop(object: &ObjectId, sql: impl Into<String>) -> Self {
        Self::new(Action::Drop, object, sql)
    }

    /// Says what changes or why, as a clause.
    #[must_use]
    pub fn because(mut self, summary: impl Into<String>) -> Self {
        self.summary = visible(&summary.into()).into_owned();
        self
    }

    /// Adds a statement.
    #[must_use]
    pub fn then(mut self, sql: impl Into<String>) -> Self {
        self.sql.push(without_variables(sql.into()));
        self
    }

    /// Notes a lock on an existing relation.
    #[must_use]
    pub fn lock(mut self, lock: Lock, relation: impl Into<String>) -> Self {
        self.locks.push((lock, relation.into()));
        self
    }

    /// Notes a hazard; `why` is a clause.
    #[must_use]
    pub fn hazard(mut self, kind: HazardKind, why: impl Into<String>) -> Self {
        self.hazards.push(Hazard {
            kind,
            why: visible(&why.into()).into_owned(),
            about: None,
        });
        self
    }

    /// What the step does to the rows that are there. It follows from what the step says of itself anyway, so that a plan
    /// file has it, too: whoever builds an index locks the table that is there, whoever may fail because of rows reads them.
    pub fn effort(&self) -> Option<Effort> {
        let has = |kind| self.hazards.iter().any(|hazard| hazard.kind == kind);
        let strongest = self.locks.iter().map(|(lock, _)| *lock).max()?;
        let builds = self.action == Action::Create && self.object.kind.profile().has_index;
        if self.action == Action::Data {
            Some(Effort::WritesRows)
        } else if has(HazardKind::Rewrites) {
            Some(Effort::Rewrites)
        } else if builds && strongest == Lock::ShareUpdateExclusive {
            Some(Effort::BuildsAlongside)
        } else if builds && (strongest == Lock::Share || has(HazardKind::BlocksReads)) {
            Some(Effort::Builds)
        } else if has(HazardKind::MayFail) || has(HazardKind::BlocksReads) {
            Some(Effort::Scans)
        } else {
            None
        }
    }

    /// Whether the two differ in nothing but their statements, so that one could hold both.
    pub fn reads_like(&self, other: &Self) -> bool {
        let sql = other.sql.clone();
        let same = Self {
            sql,
            ..self.clone()
        };
        self.mode == Mode::Transaction && same == *other
    }

    /// Sets the transaction mode.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Puts the step into a part of the plan.
    #[must_use]
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }

    /// Carries the one statement out in parts.
    #[must_use]
    pub fn in_batches(mut self, batching: Batching) -> Self {
        self.batching = Some(batching);
        self.mode = Mode::Alone;
        self
    }

    /// Lets nothing wait for this step.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.phase = Phase::Finish;
        self
    }

    /// Puts the step behind everything else.
    #[must_use]
    pub fn check(mut self) -> Self {
        self.phase = Phase::Check;
        self
    }

    /// Lets this step wait for an object.
    #[must_use]
    pub fn after(mut self, object: ObjectId) -> Self {
        self.requires.push(object);
        self
    }
}
