//! How long the steps of a plan take about, and for how long they hold which locks.
//!
//! What a step does to the rows that are there says [`Step::effort`], how many those are says the target. The rates are
//! measured: PostgreSQL 15 on two busy cores, a table of two million rows in 332 MB, all of it in memory.
//!
//! | what | took | is |
//! |---|---|---|
//! | `VALIDATE` of a check | 0.47 s | 710 MB/s |
//! | `SET NOT NULL` | 0.35 s | 950 MB/s |
//! | `VALIDATE` of a foreign key | 2.0 s | 160 MB/s |
//! | `CREATE INDEX` on a bigint, on a text | 1.5 s, 2.8 s | 220 MB/s, 120 MB/s |
//! | the same, `CONCURRENTLY`, on a text | 3.9 s | 85 MB/s |
//! | a column's type, without indexes | 6.4 s | 52 MB/s |
//! | a column's type, with 266 MB of indexes | 18 s | 23 MB/s for the indexes |
//! | `UPDATE` of all rows, without indexes | 12 s | 160000 rows/s |
//! | `UPDATE` of all rows, with two indexes | 73 s | 27000 rows/s |
//!
//! The rates below are the slower ones of each. What a disk has to be read for takes
//! longer, and nobody knows how long a lock is waited for.

use std::{collections::BTreeMap, time::Duration};

use super::Plan;
use crate::kinds::{Effort, Lock, Step};

/// How much of a table is worked through in a second. Long rows are limited by their bytes, short ones by their number.
#[derive(Clone, Copy)]
struct Rate {
    bytes: i64,
    rows: i64,
}

const SCAN: Rate = Rate {
    bytes: 150 << 20,
    rows: 1_000_000,
};
const BUILD: Rate = Rate {
    bytes: 100 << 20,
    rows: 700_000,
};
/// The table is read twice while writes go on.
const BUILD_ALONGSIDE: Rate = Rate {
    bytes: 70 << 20,
    rows: 500_000,
};
const REWRITE: Rate = Rate {
    bytes: 50 << 20,
    rows: 300_000,
};
/// Bytes of indexes that are built anew with their table in a second.
const REINDEX: i64 = 23 << 20;
/// Rows that a statement changes in a second, in a table without indexes and in one with some.
const WRITE: i64 = 150_000;
const WRITE_INDEXED: i64 = 25_000;

/// How big a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// The bytes of its rows.
    pub heap: i64,
    /// The bytes of its indexes.
    pub indexes: i64,
    /// How many rows it has, as the statistics say.
    pub rows: i64,
    /// Whether all of this is its partitions'.
    pub partitioned: bool,
}

/// The sizes of the relations that are there, by the names that stand in steps.
pub type Sizes = BTreeMap<String, Size>;

/// What is to be expected of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate<'a> {
    /// The step.
    pub step: &'a Step,
    /// What it does to the rows that are there. Steps that touch none take no time.
    pub effort: Option<Effort>,
    /// How long that takes.
    pub time: Duration,
}

/// For how long a relation is locked without a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held<'a> {
    /// The strongest lock.
    pub lock: Lock,
    /// The relation.
    pub relation: &'a str,
    /// How long it is held.
    pub time: Duration,
}

/// What is to be expected of each step, in order.
pub fn estimate<'a>(plan: &'a Plan, sizes: &Sizes) -> Vec<Estimate<'a>> {
    plan.steps().map(|step| of_step(step, sizes)).collect()
}

/// The locks that keep others waiting for a second or more, with how long they are held: from the first step of a
/// transaction that takes one to the transaction's end.
pub fn held<'a>(plan: &'a Plan, sizes: &Sizes) -> Vec<Held<'a>> {
    let mut all = Vec::new();
    for batch in &plan.batches {
        let mut held: BTreeMap<&str, Held<'a>> = BTreeMap::new();
        for step in &batch.steps {
            for (lock, relation) in &step.locks {
                let held = held.entry(relation).or_insert(Held {
                    lock: *lock,
                    relation,
                    time: Duration::ZERO,
                });
                held.lock = held.lock.max(*lock);
            }
            let estimate = of_step(step, sizes);
            for held in held.values_mut() {
                held.time += estimate.time;
            }
        }
        all.extend(held.into_values());
    }
    all.retain(|held| held.lock >= Lock::Share && held.time >= Duration::from_secs(1));
    all.sort_by_key(|held| std::cmp::Reverse((held.time, held.lock)));
    all
}

fn of_step<'a>(step: &'a Step, sizes: &Sizes) -> Estimate<'a> {
    let effort = step.effort();
    // A foreign key's step locks both tables and reads the one that it is on, which its first lock names.
    let size = step.locks.first().and_then(|(_, name)| sizes.get(name));
    let time = match (effort, size) {
        (Some(effort), Some(size)) => takes(effort, *size),
        (None, _) | (_, None) => Duration::ZERO,
    };
    Estimate { step, effort, time }
}

fn takes(effort: Effort, size: Size) -> Duration {
    let per_second = |amount: i64, rate: i64| {
        let milliseconds = amount.max(0).saturating_mul(1000) / rate;
        Duration::from_millis(milliseconds.unsigned_abs())
    };
    let through =
        |rate: Rate| per_second(size.heap, rate.bytes).max(per_second(size.rows, rate.rows));
    match effort {
        // An index of a partitioned table is an empty one, to which those of the partitions are attached.
        Effort::Builds | Effort::BuildsAlongside if size.partitioned => Duration::ZERO,
        Effort::Scans => through(SCAN),
        Effort::Builds => through(BUILD),
        Effort::BuildsAlongside => through(BUILD_ALONGSIDE),
        Effort::Rewrites => through(REWRITE) + per_second(size.indexes, REINDEX),
        Effort::WritesRows if size.indexes > 0 => per_second(size.rows, WRITE_INDEXED),
        Effort::WritesRows => per_second(size.rows, WRITE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{HazardKind, Kind, ObjectId};

    fn big() -> Sizes {
        let size = Size {
            heap: 10 << 30,
            indexes: 5 << 30,
            rows: 60_000_000,
            partitioned: false,
        };
        BTreeMap::from([("app.users".to_owned(), size)])
    }

    fn id(kind: Kind) -> ObjectId {
        ObjectId::new(kind, ["app", "users", "x"])
    }

    #[test]
    fn times() {
        fn check(step: Step, lock: Lock, effort: Option<Effort>, seconds: u64) {
            let step = step.lock(lock, "app.users");
            let found = of_step(&step, &big());
            assert_eq!((found.effort, found.time.as_secs()), (effort, seconds));
        }
        let column = id(Kind::Column);
        let alter = || Step::alter(&column, "");
        check(alter(), Lock::AccessExclusive, None, 0);
        check(
            alter().hazard(HazardKind::Rewrites, ""),
            Lock::AccessExclusive,
            Some(Effort::Rewrites),
            427,
        );
        check(
            alter().hazard(HazardKind::MayFail, ""),
            Lock::AccessExclusive,
            Some(Effort::Scans),
            68,
        );
        let index = id(Kind::Index);
        check(
            Step::create(&index, ""),
            Lock::Share,
            Some(Effort::Builds),
            102,
        );
        check(
            Step::create(&index, ""),
            Lock::ShareUpdateExclusive,
            Some(Effort::BuildsAlongside),
            146,
        );
        let elsewhere = Step::create(&index, "").lock(Lock::Share, "app.new");
        assert_eq!(of_step(&elsewhere, &big()).time, Duration::ZERO);
    }

    #[test]
    fn a_lock_is_held_to_the_end_of_its_transaction() {
        let quick = Step::alter(&id(Kind::Column), "").lock(Lock::AccessExclusive, "app.users");
        let long = Step::create(&id(Kind::Index), "").lock(Lock::Share, "app.users");
        let plan = Plan::from(vec![quick.clone(), long.clone()]);
        let sizes = big();
        let held = held(&plan, &sizes);
        assert_eq!(held.len(), 1);
        assert_eq!(held[0].lock, Lock::AccessExclusive);
        assert_eq!(held[0].time.as_secs(), 102);
        let plan = Plan::from(vec![long, quick]);
        assert_eq!(super::held(&plan, &sizes)[0].lock, Lock::AccessExclusive);
    }
}
