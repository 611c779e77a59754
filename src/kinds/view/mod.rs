//! Views (PostgreSQL docs: CREATE VIEW).

use serde::{Deserialize, Serialize};

use super::{
    Answer, Attribute, Change, Claim, Context, Facts, Fragment, HazardKind, Lock, ObjectId,
    ObjectKind, Passage, Reaction, Renaming, Step,
    breakage::changed_columns,
    rename::{in_schema, noticed},
};
use crate::{attributes, source::Access, sql::{Expression, join}};

/// A view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The query, as `pg_get_viewdef` prints it.
    pub definition: Expression,
    /// Names and types of its columns.
    pub columns: Option<Vec<String>>,
    /// `security_barrier`, `check_option` and the like as `name=value`, in the order in which they were set.
    #[serde(default)]
    pub options: Vec<String>,
}

impl ObjectKind for View {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self { columns => set_definition, definition => set_definition, options => set_options: unordered });
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        ..Renaming::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("VIEW {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::create(id, self.statement(id, "CREATE VIEW"))]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let Some((live, desired)) = change.both() else {
            return change.unless_it_stays("statements that use");
        };
        let columns = |view: &Self| view.columns.clone().unwrap_or_default();
        let of_columns = changed_columns(change.id, &columns(live), &columns(desired));
        let is_invoker = |view: &Self| {
            let option = view.options.iter().find_map(|option| option.strip_prefix("security_invoker="));
            option.is_some_and(|value| matches!(value, "true" | "on" | "yes" | "1"))
        };
        let of_rights = (is_invoker(desired) && !is_invoker(live))
            .then(|| format!("statements on {} of roles without rights on what it reads fail", change.id.sql()));
        let reasons: Vec<String> = of_columns.into_iter().chain(of_rights).collect();
        (!reasons.is_empty()).then(|| join(reasons, "; "))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            privilege_class: Some("TABLES"),
            has_fields: true,
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![
            Step::drop(id, format!("DROP VIEW {}", id.sql()))
                .lock(Lock::AccessExclusive, id.sql()),
        ]
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        vec![Claim::Relation(id.sql()), Claim::Type(id.sql())]
    }

    fn when_accessed(&self, _id: &ObjectId, access: &Access) -> Option<Answer> {
        let runs = *access == Access::Reads || access.writes();
        runs.then(|| Answer::Evaluates(self.definition.to_string()))
    }
}

impl View {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        let step = in_schema(id, new, |id| self.address(id)).lock(Lock::AccessExclusive, id.sql());
        Some(noticed(step))
    }
}

impl View {
    fn statement(&self, id: &ObjectId, verb: &str) -> String {
        let options = if self.options.is_empty() {
            String::new()
        } else {
            format!(" WITH ({})", super::table::options_list(&self.options))
        };
        format!("{verb} {}{options} AS\n{}", id.sql(), self.definition)
    }
}

fn set_definition(change: &Change<'_, View>) -> Reaction {
    let columns = |view: &View| view.columns.clone().unwrap_or_default();
    // CREATE OR REPLACE VIEW can add columns at the end and change nothing else about them (42P16).
    if !columns(change.desired).starts_with(&columns(change.live)) {
        return Reaction::Replace;
    }
    let statement = change
        .desired
        .statement(change.id, "CREATE OR REPLACE VIEW");
    Reaction::Alter(vec![
        Step::alter(change.id, statement).lock(Lock::AccessExclusive, change.id.sql()),
    ])
}

fn set_options(change: &Change<'_, View>) -> Reaction {
    if change.live.definition != change.desired.definition {
        return set_definition(change); // CREATE OR REPLACE VIEW sets the options too.
    }
    let actions = super::table::options_difference(&change.live.options, &change.desired.options);
    let step = |action: String| {
        Step::alter(
            change.id,
            format!("ALTER VIEW {} {action}", change.id.sql()),
        )
        .lock(Lock::AccessExclusive, change.id.sql())
        .hazard(
            HazardKind::ChangesAccess,
            "the view's options decide whose rights hold",
        )
    };
    Reaction::Alter(actions.into_iter().map(step).collect())
}
