//! Enums (PostgreSQL docs: 8.7 Enumerated Types).

use serde::{Deserialize, Serialize};

use super::{
    Action, Aside, Attribute, Change, Claim, Context, Facts, Fragment, HazardKind, Mode, ObjectId,
    ObjectKind, Passage, Reaction, Renaming, Replacement, Step,
    rename::{in_schema, noticed},
};
use crate::{
    attributes,
    sql::{Literal, aside_name, join},
};

/// An enum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enumeration {
    /// Its values in order.
    pub values: Vec<String>,
}

impl ObjectKind for Enumeration {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self { values => add_values });
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        part_names: Self::part_names,
        rename_part: Self::rename_part,
        ..Renaming::NONE
    };
    const REPLACEMENT: Replacement<Self> = Replacement {
        aside: Self::aside,
        ..Replacement::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("TYPE {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        let values = join(self.values.iter().map(|value| Literal(value)), ", ");
        vec![Step::create(
            id,
            format!("CREATE TYPE {} AS ENUM ({values})", id.sql()),
        )]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let Some((live, desired)) = change.both() else {
            return change.unless_it_stays("statements that name the type");
        };
        let gone = live.values.iter().filter(|value| !desired.values.contains(value));
        let gone: Vec<String> = gone.map(|value| Literal(value).to_string()).collect();
        let (gone, id) = ((!gone.is_empty()).then(|| join(gone, ", "))?, change.id.sql());
        Some(format!("statements that name {gone} of {id} fail"))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            privilege_class: Some("TYPES"),
            has_labels: true,
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::drop(id, format!("DROP TYPE {}", id.sql()))]
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        vec![Claim::Type(id.sql())]
    }
}

impl Enumeration {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        Some(noticed(in_schema(id, new, |id| self.address(id))))
    }

    fn part_names(&self) -> Vec<&str> {
        self.values.iter().map(String::as_str).collect()
    }

    fn rename_part(&self, id: &ObjectId, from: &str, to: &str) -> Option<Step> {
        let (from, to) = (Literal(from), Literal(to));
        let sql = format!("ALTER TYPE {} RENAME VALUE {from} TO {to}", id.sql());
        let step = Step::new(Action::Rename, id, sql).because(format!("its value {from} to {to}"));
        Some(noticed(step))
    }

    fn aside(&self, _desired: &Self, id: &ObjectId, _cx: &Context<'_>) -> Option<Aside> {
        // PostgreSQL can neither take a value away nor move one, so a new type takes the old one's place.
        let old = id.renamed(aside_name(id.name()));
        let rename = format!("ALTER TYPE {} RENAME TO {}", id.sql(), old.name());
        Some(Aside {
            away: vec![Step::new(Action::Rename, id, rename).because("set the old type aside")],
            carry: Vec::new(),
            remove: vec![
                Step::drop(id, format!("DROP TYPE {}", old.sql())).because("drop the old type"),
            ],
        })
    }
}

fn add_values(change: &Change<'_, Enumeration>) -> Reaction {
    let (live, desired) = (&change.live.values, &change.desired.values);
    let kept: Vec<&String> = desired
        .iter()
        .filter(|value| live.contains(value))
        .collect();
    if kept != live.iter().collect::<Vec<_>>() {
        return Reaction::Replace;
    }
    let mut steps = Vec::new();
    for (index, value) in desired
        .iter()
        .enumerate()
        .filter(|(_, value)| !live.contains(value))
    {
        let place = match (
            index.checked_sub(1).map(|before| &desired[before]),
            live.first(),
        ) {
            (Some(before), _) => format!(" AFTER {}", Literal(before)),
            (None, Some(first)) => format!(" BEFORE {}", Literal(first)),
            (None, None) => String::new(),
        };
        let at_end = desired[..index]
            .iter()
            .filter(|before| live.contains(before))
            .count()
            == live.len();
        let place = if at_end { String::new() } else { place };
        let sql = format!(
            "ALTER TYPE {} ADD VALUE {}{place}",
            change.id.sql(),
            Literal(value)
        );
        // A new value can't be used in the transaction that adds it (55P04).
        let step = Step::alter(change.id, sql)
            .because(format!("add {}", Literal(value)))
            .mode(Mode::CommitAfter);
        steps.push(step.hazard(
            HazardKind::Irreversible,
            "PostgreSQL can't take a value away again but by a new type",
        ));
    }
    Reaction::Alter(steps)
}
