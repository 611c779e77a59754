//! Sequences that no identity column owns (PostgreSQL docs: CREATE SEQUENCE).

use serde::{Deserialize, Serialize};

use super::{
    Action, Attribute, Change, Claim, Context, Counter, Facts, Fragment, HazardKind, Lock, ObjectId,
    ObjectKind, Passage, Profile, Reaction, Renaming, Step, Survival,
    counting::{begin_anew, forgets, move_into},
    rename::{in_schema, noticed},
};
use crate::{
    attributes,
    sql::{Clauses, Literal, dotted, usual_limits},
};

/// A sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// `AS`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// `START`.
    pub start: i64,
    /// `INCREMENT`.
    pub increment: i64,
    /// `MINVALUE`.
    pub minimum: i64,
    /// `MAXVALUE`.
    pub maximum: i64,
    /// `CACHE`.
    pub cache: i64,
    /// `CYCLE`.
    #[serde(default)]
    pub cycle: bool,
    /// `UNLOGGED` (PostgreSQL 15).
    #[serde(default)]
    pub unlogged: bool,
    /// The column that it goes with.
    pub owned_by_ref: Option<ObjectId>,
}

impl ObjectKind for Sequence {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        type_name "type" => set_options,
        increment => set_options,
        minimum => set_options,
        maximum => set_options,
        start => set_options,
        cache => set_options,
        cycle => set_options,
        unlogged "persistence" => set_logged,
        owned_by_ref "owner column" => set_owner_column,
    });
    const PROFILE: Profile = Profile {
        // A column draws from a sequence that was there before it.
        needs_what_it_goes_with: false,
        drop_is_shown: false,
        ..Profile::USUAL
    };
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        resembles: Self::resembles,
        ..Renaming::NONE
    };
    const SURVIVAL: Survival<Self> = Survival {
        outlive: Self::outlive,
        ..Survival::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("SEQUENCE {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        let unlogged = if self.unlogged { "UNLOGGED " } else { "" };
        let mut steps = vec![Step::create(
            id,
            format!("CREATE {unlogged}SEQUENCE {}{}", id.sql(), self.clauses()),
        )];
        if let Some(column) = &self.owned_by_ref {
            steps.push(own(id, Some(column)));
            if !cx.world.is_created(column) && !cx.world.has_predecessor(id) {
                steps.push(self.catch_up(id, column));
            }
        }
        steps
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let world = change.cx.world;
        // The column's own sequence may take the name over.
        let users = world.live_dependents(change.id).into_iter();
        let columns = users.filter_map(|user| world.parent(user)).chain(change.live?.owned_by_ref.as_ref());
        let counters = columns.filter_map(|column| world.desired(column)?.counter(column));
        let name = [change.id.schema().clone(), change.id.name().clone()];
        if counters.into_iter().any(|counter| counter.sequence == name) {
            return None;
        }
        change.unless_it_stays("statements that draw from the sequence")
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            privilege_class: Some("SEQUENCES"),
            goes_with: self.owned_by_ref.as_ref(),
            // Its position.
            holds_values: true,
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        if cx.world.has_successor(id) {
            let old = self.counter(id).map(|counter| dotted(&counter.aside()));
            let drop = format!("DROP SEQUENCE {}", old.unwrap_or_else(|| id.sql()));
            return vec![Step::drop(id, drop).because("another sequence has its position now")];
        }
        let drop = Step::drop(id, format!("DROP SEQUENCE {}", id.sql()))
            .lock(Lock::AccessExclusive, id.sql());
        vec![forgets(drop, &id.sql())]
    }

    fn counter(&self, id: &ObjectId) -> Option<Counter> {
        Some(Counter {
            sequence: [id.schema().clone(), id.name().clone()],
            increment: self.increment,
            limits: (self.minimum, self.maximum),
            cache: self.cache,
        })
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        vec![Claim::Relation(id.sql())]
    }
}

impl Sequence {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        let step = in_schema(id, new, |id| self.address(id)).lock(Lock::AccessExclusive, id.sql());
        Some(noticed(step))
    }

    fn resembles(&self, created: &Self) -> bool {
        (&self.type_name, self.increment, self.owned_by_ref.is_some())
            == (&created.type_name, created.increment, created.owned_by_ref.is_some())
    }

    fn outlive(&self, desired: &Self, id: &ObjectId, _cx: &Context<'_>) -> Option<Vec<Step>> {
        let leave = own(id, None).because("let it outlive its column");
        Some(
            [leave]
                .into_iter()
                .chain(
                    desired
                        .owned_by_ref
                        .as_ref()
                        .map(|column| own(id, Some(column))),
                )
                .collect(),
        )
    }
}

impl Sequence {
    /// The clauses of `CREATE SEQUENCE`, with those options that aren't the defaults.
    fn clauses(&self) -> Clauses {
        let (minimum, maximum) = usual_limits(&self.type_name, self.increment);
        let mut text = Clauses::default();
        if self.type_name != "bigint" {
            text.push(format_args!(" AS {}", self.type_name));
        }
        if self.increment != 1 {
            text.push(format_args!(" INCREMENT BY {}", self.increment));
        }
        if self.minimum != minimum {
            text.push(format_args!(" MINVALUE {}", self.minimum));
        }
        if self.maximum != maximum {
            text.push(format_args!(" MAXVALUE {}", self.maximum));
        }
        if self.start
            != if self.increment > 0 {
                self.minimum
            } else {
                self.maximum
            }
        {
            text.push(format_args!(" START WITH {}", self.start));
        }
        if self.cache != 1 {
            text.push(format_args!(" CACHE {}", self.cache));
        }
        if self.cycle {
            text.push(" CYCLE");
        }
        text
    }

    /// A sequence that comes to a column with rows begins after the largest value.
    fn catch_up(&self, id: &ObjectId, column: &ObjectId) -> Step {
        let (extreme, name, table) = (
            if self.increment > 0 { "max" } else { "min" },
            column.name(),
            column.container(),
        );
        let sql = format!(
            "SELECT pg_catalog.setval({}, pg_catalog.{extreme}({name})) FROM {table} HAVING pg_catalog.count({name}) > 0",
            Literal(&id.sql())
        );
        let step = Step::new(Action::Data, id, sql)
            .because("let it begin after the largest value of its column");
        step.after(column.clone()).finish()
    }
}

fn own(id: &ObjectId, column: Option<&ObjectId>) -> Step {
    let owner = column.map_or_else(|| "NONE".to_string(), ObjectId::sql);
    let step = Step::alter(id, format!("ALTER SEQUENCE {} OWNED BY {owner}", id.sql()))
        .lock(Lock::ShareRowExclusive, id.sql());
    match column {
        Some(column) => step
            .because(format!("let it go with {}", column.sql()))
            .after(column.clone())
            .finish(),
        None => step,
    }
}

fn set_options(change: &Change<'_, Sequence>) -> Reaction {
    let Change {
        live, desired, id, ..
    } = change;
    let mut text = Clauses::default();
    if live.type_name != desired.type_name {
        text.push(format_args!(" AS {}", desired.type_name));
    }
    if live.increment != desired.increment {
        text.push(format_args!(" INCREMENT BY {}", desired.increment));
    }
    // A change of type moves limits that were the old type's, so both are named.
    let retyped = live.type_name != desired.type_name;
    if live.minimum != desired.minimum || retyped {
        text.push(format_args!(" MINVALUE {}", desired.minimum));
    }
    if live.maximum != desired.maximum || retyped {
        text.push(format_args!(" MAXVALUE {}", desired.maximum));
    }
    if live.start != desired.start {
        text.push(format_args!(" START WITH {}", desired.start));
    }
    if live.cache != desired.cache {
        text.push(format_args!(" CACHE {}", desired.cache));
    }
    if live.cycle != desired.cycle {
        text.push(if desired.cycle { " CYCLE" } else { " NO CYCLE" });
    }
    let limits = |sequence: &Sequence| (sequence.minimum, sequence.maximum);
    let restart = begin_anew(limits(live), limits(desired), desired.start);
    if let Some(restart) = &restart {
        text.push(format_args!(" {restart}"));
    }
    let mut step = Step::alter(id, format!("ALTER SEQUENCE {}{text}", id.sql()))
        .lock(Lock::ShareRowExclusive, id.sql());
    if let Some(move_on) =
        move_into(&id.sql(), desired.increment, limits(live), limits(desired))
    {
        step.sql.insert(0, move_on);
    }
    if restart.is_some() {
        step = forgets(step, &id.sql());
    }
    if live.minimum < desired.minimum || live.maximum > desired.maximum {
        step = step.hazard(
            HazardKind::MayFail,
            "a current value outside the new limits stops it",
        );
    }
    Reaction::Alter(vec![step])
}

fn set_logged(change: &Change<'_, Sequence>) -> Reaction {
    let word = if change.desired.unlogged {
        "UNLOGGED"
    } else {
        "LOGGED"
    };
    Reaction::Alter(vec![
        Step::alter(
            change.id,
            format!("ALTER SEQUENCE {} SET {word}", change.id.sql()),
        )
        .because(format!("make it {}", word.to_lowercase()))
        .lock(Lock::AccessExclusive, change.id.sql()),
    ])
}

fn set_owner_column(change: &Change<'_, Sequence>) -> Reaction {
    let mut steps = Vec::new();
    let goes = |column: &ObjectId| {
        change.cx.world.desired(column).is_none() || change.cx.world.is_created(column)
    };
    if change.live.owned_by_ref.as_ref().is_some_and(goes) || change.desired.owned_by_ref.is_none()
    {
        steps.push(own(change.id, None).because("let it outlive its column"));
    }
    if let Some(column) = &change.desired.owned_by_ref {
        steps.push(own(change.id, Some(column)));
    }
    Reaction::Alter(steps)
}
