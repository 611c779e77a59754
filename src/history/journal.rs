//! What a target remembers: the revisions and what happened to them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::graph::Node;
use crate::{catalog::Fingerprint, plan::file::Semver, sql::visible};

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum EventKind { $($(#[$doc])* $name,)* }

        impl EventKind {
            /// The name that stands in the target's events.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The kind of this name. One that this version doesn't know is none.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

event_kinds! {
    /// An apply begins, or goes on.
    ApplyStart = "apply_start",
    /// A downgrade begins, or goes on.
    RevertStart = "revert_start",
    /// A step outside of any transaction begins.
    StepStart = "step_start",
    /// What stands of a plan begins to be undone.
    AbortStart = "abort_start",
    /// A step is done and stands.
    StepDone = "step_done",
    /// A step failed, and nothing of it stands.
    StepFailed = "step_failed",
    /// A step that goes in batches stopped between two of them; those that are done stand.
    StepStopped = "step_stopped",
    /// Somebody has undone a step; it is to be done again.
    StepUndone = "step_undone",
    /// A step was found to be done; nothing was run.
    StepFound = "step_found",
    /// What a step drops was copied before.
    Kept = "kept",
    /// All steps are done.
    Applied = "applied",
    /// All steps of the way back are done.
    Reverted = "reverted",
    /// All that stood of the revision is undone.
    Aborted = "aborted",
    /// The revision was declared to be applied; nothing was run.
    Stamped = "stamped",
    /// The revision was declared not to be applied; nothing was run.
    Unstamped = "unstamped",
    /// A person declared a step to be done; nothing was run.
    Repaired = "repaired",
    /// The database isn't what the plan promised.
    Differs = "differs",
    /// The plan is applied, and the command that follows an apply is to be run.
    AfterDue = "after_due",
    /// The command that follows an apply failed.
    AfterFailed = "after_failed",
    /// The command that follows an apply succeeded.
    AfterDone = "after_done",
}

impl EventKind {
    /// What has become of a revision that it settles, for people.
    pub fn participle(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Reverted => "reverted",
            Self::Aborted => "aborted",
            Self::Stamped => "stamped",
            Self::Unstamped => "unstamped",
            Self::ApplyStart
            | Self::RevertStart
            | Self::AbortStart
            | Self::StepUndone
            | Self::StepFound
            | Self::StepStart
            | Self::StepDone
            | Self::StepFailed
            | Self::StepStopped
            | Self::Repaired
            | Self::Kept
            | Self::Differs
            | Self::AfterDue
            | Self::AfterFailed
            | Self::AfterDone => "touched",
        }
    }
}

/// One line of a target's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub id: i64,
    /// The revision that it is about.
    pub revision: String,
    /// What happened.
    pub kind: EventKind,
    /// The number of the step, counted from one.
    pub step: Option<usize>,
    /// When.
    pub at: Timestamp,
    /// The run of forge in which it happened.
    pub run: String,
    /// The role that was logged in.
    pub actor: String,
    /// The account on the machine that ran forge.
    pub os_user: String,
    /// That machine.
    pub host: String,
    /// The commit of the project's repository that was checked out there.
    pub git_commit: Option<String>,
    /// The state of the database before the first step.
    pub fingerprint: Option<Fingerprint>,
    /// Where the backup is that was made before, or the copy of what a step drops.
    pub backup: Option<String>,
    /// What went wrong, with the server's code.
    pub error: Option<String>,
}

impl Event {
    /// What is recorded of a step that did not fail: the user wanted to stop.
    pub const INTERRUPTED: &'static str = "stopped by the user";

    /// Who did it, and when.
    pub fn by(&self) -> String {
        let by = format!(
            "{}@{} as {} at {}",
            self.os_user,
            self.host,
            self.actor,
            self.at.strftime("%Y-%m-%d %H:%M:%S UTC")
        );
        visible(&by).into_owned()
    }
}

/// A revision as a target remembers it, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What it builds on.
    pub node: Node,
    /// The hash with which it was approved.
    pub sha256: String,
    /// The state that it leads from.
    pub from: Fingerprint,
    /// The state that it leads to.
    pub to: Fingerprint,
    /// The schema's version from then on.
    pub semver: Semver,
}

/// Which way a plan is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// As it is written.
    Up,
    /// Its way back.
    Down,
    /// What undoes the steps of it that stand, if it has stopped half-way.
    Abort,
}

impl Direction {
    /// What a plan is that is partly run this way, and the command that goes on with it.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Up => ("applied", "forge apply"),
            Self::Down => ("reverted", "forge downgrade -1"),
            Self::Abort => ("undone", "forge apply --abort"),
        }
    }

    /// The event that says that all steps of a plan are done that is run this way.
    pub fn end(self) -> EventKind {
        match self {
            Self::Up => EventKind::Applied,
            Self::Down => EventKind::Reverted,
            Self::Abort => EventKind::Aborted,
        }
    }

    /// What to do about a plan that is partly run this way.
    pub fn ways_out(self) -> &'static str {
        match self {
            Self::Up => {
                "finish it with `forge apply`, undo it with `forge apply --abort`, \
                 or end it where it stands with `forge repair --mark-done rest`"
            }
            Self::Down => {
                "finish that with `forge downgrade -1`, or end it where it stands with `forge repair --mark-done rest`"
            }
            Self::Abort => {
                "finish that with `forge apply --abort`, or end it where it stands with `forge repair --mark-done rest`"
            }
        }
    }
}

/// A revision that was begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partly {
    /// Which way.
    pub direction: Direction,
    /// The steps that are done.
    pub done: BTreeSet<usize>,
    /// The step outside of any transaction of which only the beginning is known.
    pub begun: Option<usize>,
    /// The plan's own steps that had run, or begun to, when their undo began.
    pub ran: BTreeSet<usize>,
    /// The event with which it was begun.
    pub since: i64,
    /// The state of the database before the first step.
    pub before: Option<Fingerprint>,
}

impl Partly {
    /// The first step that isn't done, of so many; none if all are done and only the end was not recorded.
    pub fn next(&self, total: usize) -> Option<usize> {
        (1..=total).find(|step| !self.done.contains(step))
    }
}

/// Where a revision stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of it stands.
    Absent,
    /// All of it stands.
    Applied,
    /// Some of it stands.
    Partly(Partly),
}

/// What a revision has not kept of what it promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed<'a> {
    /// The event that says so.
    pub event: &'a Event,
    /// The state that the target would be in otherwise.
    pub state: Fingerprint,
    /// That state, as far as it is managed today.
    pub managed: Fingerprint,
}

impl Owed<'_> {
    /// Says it.
    pub fn words(&self) -> String {
        let revision = &self.event.revision;
        let found = self.found();
        format!("the database is not what revision {revision} promised{found}")
    }

    /// What was found to be otherwise then, behind a colon.
    pub fn found(&self) -> String {
        let found = self.event.error.as_deref().unwrap_or_default();
        if found.is_empty() {
            String::new()
        } else {
            format!(": {found}")
        }
    }

    /// Whether a database is as it should be. What was left otherwise may be just what isn't managed any more.
    pub fn is_settled_by(&self, live: Fingerprint) -> bool {
        live == self.state || live == self.managed
    }

    /// What to do.
    pub fn ways_out(&self) -> String {
        let rescoped = if self.managed == self.state {
            ""
        } else {
            "; `[managed]` has changed since that was found: if it was about what is left out now, `forge stamp head` settles it"
        };
        format!("{}{rescoped}", Self::WAYS_OUT)
    }

    /// What to do where the scope is the same.
    pub const WAYS_OUT: &'static str = "`forge plan` shows the difference from the schema tree and plans it away, \
         `forge drift` shows what was changed since; to keep it, bring it into the tree, then `forge plan --from history` \
         and `forge stamp head`; `forge verify` looks again";
}

/// What is known of the snapshot that the target keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The last event when it was taken.
    pub event: i64,
    /// The state that it holds.
    pub fingerprint: Fingerprint,
    /// When it was taken.
    pub at: Timestamp,
}

/// All that a target remembers, except for bodies and the snapshot itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Journal {
    /// The revisions.
    pub revisions: BTreeMap<String, Recorded>,
    /// What happened, oldest first.
    pub events: Vec<Event>,
    /// The snapshot, if there is one.
    pub taken: Option<Taken>,
}

impl Journal {
    /// Where a revision stands.
    pub fn standing(&self, revision: &str) -> Standing {
        let mut standing = Standing::Absent;
        for event in self.of(revision) {
            standing = follow(standing, event);
        }
        match standing {
            Standing::Partly(partly) if partly.done.is_empty() && partly.begun.is_none() => {
                match partly.direction {
                    Direction::Up => Standing::Absent,
                    Direction::Down => Standing::Applied,
                    // What is undone stood.
                    Direction::Abort => Standing::Partly(partly),
                }
            }
            standing @ (Standing::Absent | Standing::Applied | Standing::Partly(_)) => standing,
        }
    }

    /// The numbers of the steps that stand of a revision of which only some do.
    pub fn done(&self, revision: &str) -> BTreeSet<usize> {
        match self.standing(revision) {
            Standing::Partly(partly) => partly.done,
            Standing::Absent | Standing::Applied => BTreeSet::new(),
        }
    }

    /// The revisions of which everything stands.
    pub fn applied(&self) -> BTreeSet<String> {
        self.revisions
            .keys()
            .filter(|revision| self.standing(revision) == Standing::Applied)
            .cloned()
            .collect()
    }

    /// The revisions of which only some stands.
    pub fn partly(&self) -> Vec<(&str, Partly)> {
        let revisions = self.revisions.keys();
        revisions
            .filter_map(|revision| match self.standing(revision) {
                Standing::Partly(partly) => Some((revision.as_str(), partly)),
                Standing::Absent | Standing::Applied => None,
            })
            .collect()
    }

    /// The event that made a revision applied or reverted, the last of these.
    pub fn settled(&self, revision: &str) -> Option<&Event> {
        self.of(revision).rfind(|event| settles(event.kind))
    }

    /// The last event that changed which revisions are applied.
    pub fn last_settled(&self) -> Option<&Event> {
        self.events.iter().rfind(|event| settles(event.kind))
    }

    /// The event that says that a revision has left something else than it promised, and the state that the target would be
    /// in had it not; none if no such difference is open.
    ///
    /// A plan that was made for the target just as it is has an approval for the difference, and a stamp declares it.
    pub fn owed(&self) -> Option<Owed<'_>> {
        let mut owed: Option<Owed<'_>> = None;
        let mut before: BTreeMap<&str, Fingerprint> = BTreeMap::new();
        let mut promised = None;
        for event in &self.events {
            let revision = event.revision.as_str();
            let states = self.revisions.get(revision).map(|it| (it.from, it.to));
            match (event.kind, states) {
                (EventKind::ApplyStart | EventKind::RevertStart | EventKind::AbortStart, _) => {
                    before.extend(event.fingerprint.map(|state| (revision, state)));
                }
                (EventKind::Applied, Some((from, to)))
                | (EventKind::Reverted, Some((to, from))) => {
                    let began = before.remove(revision);
                    for state in before.values_mut() {
                        *state = state.after(from, to);
                    }
                    promised = began.map(|state| state.after(from, to));
                    owed = owed.filter(|_| began != Some(from)).map(|owed| Owed {
                        state: owed.state.after(from, to),
                        managed: owed.managed.after(from, to),
                        ..owed
                    });
                }
                (EventKind::Aborted, _) => promised = before.remove(revision),
                (EventKind::Stamped | EventKind::Unstamped, _) => (owed, promised) = (None, None),
                (EventKind::Differs, _) => {
                    let state = owed.map(|owed| owed.state).or(promised);
                    owed = state.map(|state| Owed {
                        event,
                        state,
                        managed: state,
                    });
                }
                _ => {}
            }
        }
        owed
    }

    /// The failure that the last run of a revision ended with. A run that was interrupted has none.
    pub fn failure(&self, revision: &str) -> Option<&Event> {
        let mut last = self.of(revision).filter(|event| {
            matches!(
                event.kind,
                EventKind::ApplyStart
                    | EventKind::RevertStart
                    | EventKind::AbortStart
                    | EventKind::StepFailed
                    | EventKind::StepStopped
                    | EventKind::StepDone
                    | EventKind::StepStart
                    | EventKind::Repaired
            )
        });
        let error = |event: &&Event| {
            event
                .error
                .as_deref()
                .is_some_and(|it| it != Event::INTERRUPTED)
        };
        last.next_back().filter(error)
    }

    /// The applied revision that was applied last: the one that the database is at.
    pub fn at(&self) -> Option<&str> {
        let applied = self.applied();
        let events = self.events.iter().rev();
        let mut brought =
            events.filter(|event| matches!(event.kind, EventKind::Applied | EventKind::Stamped));
        let last = brought.find(|event| applied.contains(&event.revision));
        last.map(|event| event.revision.as_str())
    }

    /// The applied revisions whose apply the command that follows it has not followed yet: the event that says so of each.
    pub fn to_follow(&self) -> Vec<&Event> {
        let applied = self.applied();
        let last = applied.iter().filter_map(|revision| {
            let since = self
                .of(revision)
                .rev()
                .take_while(|event| !settles(event.kind));
            let mut follows = since.filter(|event| {
                matches!(
                    event.kind,
                    EventKind::AfterDue | EventKind::AfterFailed | EventKind::AfterDone
                )
            });
            follows.next()
        });
        last.filter(|event| event.kind != EventKind::AfterDone)
            .collect()
    }

    /// Whether the snapshot is of what the last revision left. forge was killed before it could take one otherwise.
    pub fn is_settled(&self) -> bool {
        let taken = self.taken.as_ref().map_or(0, |taken| taken.event);
        self.last_settled().is_none_or(|last| last.id <= taken)
    }

    /// The state that the target should be in if nobody but forge has changed it since the snapshot, or since forge was
    /// here first: with the revisions that came to an end after that.
    pub fn promised(&self) -> Option<Fingerprint> {
        let (since, state) = match &self.taken {
            Some(taken) => (taken.event, taken.fingerprint),
            None => (0, self.events.iter().find_map(|event| event.fingerprint)?),
        };
        Some(self.carried(since, state))
    }

    /// The state in which a revision that was begun would find the database today: a plan of another branch may have come
    /// to its end meanwhile.
    pub fn before(&self, partly: &Partly) -> Option<Fingerprint> {
        Some(self.carried(partly.since, partly.before?))
    }

    /// A state with what came to its end after an event.
    fn carried(&self, since: i64, state: Fingerprint) -> Fingerprint {
        let later = self.events.iter().filter(|event| event.id > since);
        later.fold(state, |state, event| {
            let revision = self.revisions.get(&event.revision);
            match (event.kind, revision) {
                (EventKind::Applied, Some(revision)) => state.after(revision.from, revision.to),
                (EventKind::Reverted, Some(revision)) => state.after(revision.to, revision.from),
                // psql has recorded it, which takes no snapshot.
                (EventKind::Stamped | EventKind::Unstamped, _) => {
                    event.fingerprint.unwrap_or(state)
                }
                _ => state,
            }
        })
    }

    fn of<'a>(&'a self, revision: &str) -> impl DoubleEndedIterator<Item = &'a Event> {
        self.events
            .iter()
            .filter(move |event| event.revision == revision)
    }
}

fn settles(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Applied
            | EventKind::Reverted
            | EventKind::Aborted
            | EventKind::Stamped
            | EventKind::Unstamped
    )
}

fn follow(standing: Standing, event: &Event) -> Standing {
    let begin = |direction| {
        Standing::Partly(Partly {
            direction,
            done: BTreeSet::new(),
            begun: None,
            ran: BTreeSet::new(),
            since: event.id,
            before: event.fingerprint,
        })
    };
    match (event.kind, standing) {
        (EventKind::ApplyStart | EventKind::RevertStart, Standing::Partly(partly))
            if !partly.done.is_empty() || partly.begun.is_some() =>
        {
            Standing::Partly(partly) // It goes on.
        }
        (EventKind::ApplyStart, _) => begin(Direction::Up),
        (EventKind::RevertStart, _) => begin(Direction::Down),
        (EventKind::AbortStart, Standing::Partly(partly)) if partly.direction == Direction::Up => {
            Standing::Partly(Partly {
                direction: Direction::Abort,
                ran: partly.done.iter().copied().chain(partly.begun).collect(),
                done: BTreeSet::new(),
                begun: None,
                ..partly
            })
        }
        (EventKind::StepStart, Standing::Partly(mut partly)) => {
            partly.begun = event.step;
            Standing::Partly(partly)
        }
        (
            EventKind::StepDone | EventKind::StepFound | EventKind::Repaired,
            Standing::Partly(mut partly),
        ) => {
            partly.done.extend(event.step);
            partly.begun = None;
            Standing::Partly(partly)
        }
        (EventKind::StepUndone, Standing::Partly(mut partly)) => {
            partly.done.retain(|step| Some(*step) != event.step);
            Standing::Partly(partly)
        }
        (EventKind::StepFailed, Standing::Partly(mut partly)) => {
            partly.begun = None;
            Standing::Partly(partly)
        }
        (EventKind::Applied | EventKind::Stamped, _) => Standing::Applied,
        (EventKind::Reverted | EventKind::Aborted | EventKind::Unstamped, _) => Standing::Absent,
        (
            EventKind::StepStart
            | EventKind::StepDone
            | EventKind::StepFailed
            | EventKind::Repaired
            | EventKind::AbortStart
            | EventKind::StepUndone
            | EventKind::StepFound
            | EventKind::StepStopped
            | EventKind::Kept
            | EventKind::Differs
            | EventKind::AfterDue
            | EventKind::AfterFailed
            | EventKind::AfterDone,
            standing,
        ) => standing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(events: &[(EventKind, usize)]) -> Journal {
        let event = |(id, (kind, step)): (usize, &(EventKind, usize))| Event {
            id: i64::try_from(id).unwrap() + 1,
            revision: "a".to_owned(),
            kind: *kind,
            step: (*step > 0).then_some(*step),
            at: Timestamp::UNIX_EPOCH,
            run: "r".to_owned(),
            actor: "app".to_owned(),
            os_user: "me".to_owned(),
            host: "here".to_owned(),
            git_commit: None,
            fingerprint: None,
            backup: None,
            error: None,
        };
        let state = |digit: &str| format!("{}{digit}", "0".repeat(31)).parse().unwrap();
        let recorded = Recorded {
            node: Node::default(),
            sha256: String::new(),
            from: state("1"),
            to: state("3"),
            semver: Semver::default(),
        };
        Journal {
            revisions: BTreeMap::from([("a".to_owned(), recorded)]),
            events: events.iter().enumerate().map(event).collect(),
            taken: Some(Taken {
                event: 0,
                fingerprint: state("5"),
                at: Timestamp::UNIX_EPOCH,
            }),
        }
    }

    #[test]
    fn where_a_revision_stands() {
        use EventKind::*;
        fn partly(direction: Direction, done: &[usize], begun: Option<usize>) -> Standing {
            Standing::Partly(Partly {
                direction,
                done: done.iter().copied().collect(),
                begun,
                ran: BTreeSet::new(),
                since: if direction == Direction::Up { 1 } else { 13 },
                before: None,
            })
        }
        fn check(events: &[(EventKind, usize)], expected: &Standing) {
            assert_eq!(&journal(events).standing("a"), expected, "{events:?}");
        }
        check(&[], &Standing::Absent);
        check(&[(ApplyStart, 0)], &Standing::Absent);
        check(&[(Stamped, 0)], &Standing::Applied);
        check(&[(Applied, 0), (Unstamped, 0)], &Standing::Absent);
        check(
            &[(ApplyStart, 0), (StepDone, 1), (Repaired, 2)],
            &partly(Direction::Up, &[1, 2], None),
        );
        check(&[(ApplyStart, 0), (StepFailed, 1)], &Standing::Absent);
        let mut events = vec![(ApplyStart, 0), (StepDone, 1), (StepStart, 2)];
        check(&events, &partly(Direction::Up, &[1], Some(2)));
        events.push((ApplyStart, 0));
        check(&events, &partly(Direction::Up, &[1], Some(2)));
        events.extend([(StepStopped, 2), (ApplyStart, 0)]);
        check(&events, &partly(Direction::Up, &[1], Some(2)));
        events.extend([(StepFailed, 2), (ApplyStart, 0)]);
        check(&events, &partly(Direction::Up, &[1], None));
        events.extend([(StepStart, 2), (StepDone, 2)]);
        check(&events, &partly(Direction::Up, &[1, 2], None));
        events.push((Applied, 0));
        check(&events, &Standing::Applied);
        events.push((Differs, 0));
        check(&events, &Standing::Applied);
        events.push((RevertStart, 0));
        check(&events, &Standing::Applied);
        events.push((StepDone, 1));
        check(&events, &partly(Direction::Down, &[1], None));
        events.push((Reverted, 0));
        check(&events, &Standing::Absent);
    }

    #[test]
    fn the_promised_state() {
        fn check(events: &[(EventKind, usize)], last_digit: char) {
            let promised = journal(events).promised().unwrap().to_string();
            assert!(promised.ends_with(last_digit), "{events:?} {promised}");
        }
        check(&[], '5');
        check(&[(EventKind::Applied, 0)], '7');
        check(&[(EventKind::Applied, 0), (EventKind::Reverted, 0)], '5');
    }

    #[test]
    fn what_is_owed() {
        use EventKind::*;
        // The plan leads from 1 to 3; the target was found in the state that stands with the beginning.
        fn check(events: &[(EventKind, &str)], expected: Option<char>) {
            let kinds: Vec<(EventKind, usize)> =
                events.iter().map(|(kind, _)| (*kind, 0)).collect();
            let mut journal = journal(&kinds);
            for (event, (_, digit)) in journal.events.iter_mut().zip(events) {
                let state = format!("{}{digit}", "0".repeat(31));
                event.fingerprint = (!digit.is_empty()).then(|| state.parse().unwrap());
            }
            let owed = journal.owed().map(|owed| owed.state.to_string());
            let last = owed.and_then(|state| state.chars().last());
            assert_eq!(last, expected, "{events:?}");
        }
        let mut events = vec![(ApplyStart, "1"), (Applied, "")];
        check(&events, None);
        events.push((Differs, "8"));
        check(&events, Some('3'));
        // The way back takes from it what it takes from the target.
        events.extend([(RevertStart, "8"), (Reverted, "")]);
        check(&events, Some('1'));
        // The plan is made for what it finds, also where that is not what was promised.
        let mut settled = events.clone();
        settled.extend([(ApplyStart, "1"), (Applied, "")]);
        check(&settled, None);
        events.extend([(ApplyStart, "6"), (Applied, "")]);
        check(&events, Some('3'));
        events.push((Stamped, "7"));
        check(&events, None);
        check(
            &[
                (ApplyStart, "1"),
                (AbortStart, ""),
                (Aborted, ""),
                (Differs, "2"),
            ],
            Some('1'),
        );
    }

    #[test]
    fn what_is_to_follow() {
        use EventKind::*;
        fn check(events: &[EventKind], expected: usize) {
            let events: Vec<(EventKind, usize)> = events.iter().map(|kind| (*kind, 0)).collect();
            assert_eq!(journal(&events).to_follow().len(), expected, "{events:?}");
        }
        check(&[ApplyStart, Applied], 0);
        check(&[ApplyStart, Applied, AfterDue], 1);
        check(&[ApplyStart, Applied, AfterDue, AfterFailed], 1);
        check(&[ApplyStart, Applied, AfterDue, AfterFailed, AfterDone], 0);
        check(&[ApplyStart, Applied, AfterDue, RevertStart, Reverted], 0);
        check(&[Applied, AfterDue, Reverted, Applied], 0);
        check(&[Applied, AfterDone, Reverted, Applied, AfterDue], 1);
    }
}
