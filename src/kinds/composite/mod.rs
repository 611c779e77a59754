//! Composite types (PostgreSQL docs: 8.16 Composite Types).

mod conversion;
mod model;

pub use self::model::{Composite, TypeAttribute};
use super::{
    Action, Aside, Attribute, Change, Claim, Context, Facts, Follow, Fragment, HazardKind, ObjectId,
    ObjectKind, Passage, Reaction, Renaming, Replacement, Step,
    breakage::changed_columns,
    rename::{in_schema, noticed},
    stored::is_stored,
};
use crate::{
    attributes,
    sql::{Ident, join},
};

impl ObjectKind for Composite {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] =
        attributes!(Self { attributes => set_attributes });
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        part_names: Self::part_names,
        rename_part: Self::rename_part,
        ..Renaming::NONE
    };
    const REPLACEMENT: Replacement<Self> = Replacement {
        aside: Self::aside,
        makes_cast: Self::makes_cast,
        ..Replacement::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("TYPE {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        let attributes = join(
            self.attributes.iter().map(TypeAttribute::definition),
            ",\n    ",
        );
        let list = if attributes.is_empty() {
            "()".to_string()
        } else {
            format!("(\n    {attributes}\n)")
        };
        vec![Step::create(
            id,
            format!("CREATE TYPE {} AS {list}", id.sql()),
        )]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let Some((live, desired)) = change.both() else {
            return change.unless_it_stays("statements that name the type");
        };
        let id = change.id.sql();
        let list = |composite: &Self| -> Vec<String> {
            let attributes = composite.attributes.iter();
            attributes.map(|it| format!("{} {}", it.name, it.type_name)).collect()
        };
        let names = |composite: &Self| -> Vec<Ident> {
            composite.attributes.iter().map(|attribute| attribute.name.clone()).collect()
        };
        let of_attributes = changed_columns(change.id, &list(live), &list(desired));
        let of_rows = (names(live) != names(desired))
            .then(|| format!("statements that write values of {id} as rows or text fail"));
        let reasons: Vec<String> = of_attributes.into_iter().chain(of_rows).collect();
        (!reasons.is_empty()).then(|| join(reasons, "; "))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            privilege_class: Some("TYPES"),
            has_fields: true,
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::drop(id, format!("DROP TYPE {}", id.sql()))]
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        vec![Claim::Relation(id.sql()), Claim::Type(id.sql())]
    }

    fn when_dislodged(&self, _desired: Option<&Self>) -> Follow {
        Follow::Stays // The type of one of its attributes changes under it.
    }
}

impl Composite {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        Some(noticed(in_schema(id, new, |id| self.address(id))))
    }

    fn part_names(&self) -> Vec<&str> {
        self.attributes
            .iter()
            .map(|attribute| attribute.name.as_str())
            .collect()
    }

    fn rename_part(&self, id: &ObjectId, from: &str, to: &str) -> Option<Step> {
        let (from, to) = (Ident::new(from), Ident::new(to));
        let sql = format!("ALTER TYPE {} RENAME ATTRIBUTE {from} TO {to}", id.sql());
        let step =
            Step::new(Action::Rename, id, sql).because(format!("its attribute {from} to {to}"));
        Some(noticed(step))
    }

    fn aside(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<Aside> {
        Some(conversion::keep_values(self, desired, id, cx))
    }

    fn makes_cast(&self, _id: &ObjectId, _cx: &Context<'_>) -> bool {
        true
    }
}

fn set_attributes(change: &Change<'_, Composite>) -> Reaction {
    let (live, desired, id) = (
        &change.live.attributes,
        &change.desired.attributes,
        change.id,
    );
    let find = |list: &'_ [TypeAttribute], name: &Ident| {
        list.iter().position(|attribute| attribute.name == *name)
    };
    let gone: Vec<&TypeAttribute> = live
        .iter()
        .filter(|attribute| find(desired, &attribute.name).is_none())
        .collect();
    let kept: Vec<&TypeAttribute> = live
        .iter()
        .filter(|attribute| find(desired, &attribute.name).is_some())
        .collect();
    // ALTER TYPE adds at the end only.
    let in_order = kept
        .iter()
        .zip(desired)
        .all(|(before, after)| before.name == after.name);
    let is_stored = is_stored(id, change.cx);
    // PostgreSQL rewrites no column for the sake of its type (0A000), and changes typed tables only by CASCADE.
    let is_rewritten = kept
        .iter()
        .zip(desired)
        .any(|(before, after)| **before != *after);
    if !in_order
        || live.is_empty()
        || (is_stored && is_rewritten)
        || conversion::is_typed(id, change.cx)
    {
        return Reaction::Replace;
    }
    let alter = |action: String, why: String| {
        Step::alter(id, format!("ALTER TYPE {} {action}", id.sql())).because(why)
    };
    let mut steps = Vec::new();
    for TypeAttribute { name, .. } in gone {
        let mut step = alter(
            format!("DROP ATTRIBUTE {name}"),
            format!("drop its attribute {name}"),
        );
        if is_stored {
            step = step.hazard(HazardKind::DeletesData, conversion::loss(id, name));
        }
        steps.push(step);
    }
    let changed = kept.iter().zip(desired);
    for (before, after) in changed.filter(|(before, after)| **before != *after) {
        let (name, clause) = (&before.name, after.type_clause());
        steps.push(alter(
            format!("ALTER ATTRIBUTE {name} TYPE {clause}"),
            format!("change the type of its attribute {name} to {clause}"),
        ));
    }
    for attribute in &desired[kept.len()..] {
        steps.push(alter(
            format!("ADD ATTRIBUTE {}", attribute.definition()),
            format!("add its attribute {}", attribute.name),
        ));
    }
    Reaction::Dislodge(steps)
}
