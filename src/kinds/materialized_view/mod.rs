//! Materialized views (PostgreSQL docs: CREATE MATERIALIZED VIEW).

use serde::{Deserialize, Serialize};

use super::{
    Attribute, Change, Claim, Context, Fragment, HazardKind, Lock, Object, ObjectId, ObjectKind, Reaction, Step,
};
use crate::{attributes, sql::Ident};

/// A materialized view. Its indexes are objects of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaterializedView {
    /// The query, as `pg_get_viewdef` prints it.
    pub definition: String,
    /// The access method, where it isn't `heap`.
    pub access_method: Option<Ident>,
    /// The tablespace, where it isn't the database's.
    pub tablespace: Option<Ident>,
    /// Whether it holds rows. The schema tree can't say so: a replaced one comes back as it was, a new one is filled.
    #[serde(default)]
    pub populated: bool,
    /// Storage parameters as `name=value`; sorted.
    #[serde(default)]
    pub options: Vec<String>,
}

impl ObjectKind for MaterializedView {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        definition,
        access_method,
        tablespace => set_tablespace,
        populated: physical,
        options => set_options,
    });

    fn address(&self, id: &ObjectId) -> String {
        format!("MATERIALIZED VIEW {}", id.sql())
    }

    fn privilege_class(&self) -> Option<&'static str> {
        Some("TABLES")
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        let mut text = format!("CREATE MATERIALIZED VIEW {}", id.sql());
        if let Some(method) = &self.access_method {
            text.push_str(&format!(" USING {method}"));
        }
        if !self.options.is_empty() {
            text.push_str(&format!(" WITH ({})", super::table::options_list(&self.options)));
        }
        if let Some(tablespace) = &self.tablespace {
            text.push_str(&format!(" TABLESPACE {tablespace}"));
        }
        text.push_str(&format!(" AS\n{}", self.definition.trim_end_matches(';')));
        // One that was never filled stays so when it is replaced.
        if let Some(Object::MaterializedView(live)) = cx.world.live(id)
            && !live.populated
        {
            text.push_str("\n WITH NO DATA");
        }
        vec![Step::create(id, text)]
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![
            Step::drop(id, format!("DROP MATERIALIZED VIEW {}", id.sql()))
                .lock(Lock::AccessExclusive, id.sql())
                .hazard(HazardKind::BreaksApplication, "whoever still uses the view fails"),
        ]
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        vec![Claim::Relation(id.sql()), Claim::Type(id.sql())]
    }
}

fn set_tablespace(change: &Change<'_, MaterializedView>) -> Reaction {
    let tablespace = change.desired.tablespace.clone().unwrap_or_else(|| Ident::new("pg_default"));
    let sql = format!("ALTER MATERIALIZED VIEW {} SET TABLESPACE {tablespace}", change.id.sql());
    Reaction::Alter(vec![Step::alter(change.id, sql).lock(Lock::AccessExclusive, change.id.sql())])
}

fn set_options(change: &Change<'_, MaterializedView>) -> Reaction {
    let actions = super::table::options_difference(&change.live.options, &change.desired.options);
    let step = |action: String| {
        Step::alter(change.id, format!("ALTER MATERIALIZED VIEW {} {action}", change.id.sql()))
            .lock(Lock::ShareUpdateExclusive, change.id.sql())
    };
    Reaction::Alter(actions.into_iter().map(step).collect())
}
