//! Materialized views (PostgreSQL docs: CREATE MATERIALIZED VIEW).

use serde::{Deserialize, Serialize};

use super::{
    Action, Answer, Attribute, Change, Claim, Contents, Context, Facts, Fragment, Lock, ObjectId,
    ObjectKind, Passage, Profile, Reaction, Renaming, Step,
    breakage::{changed_columns, name_and_type},
    rename::{in_schema, noticed},
};
use crate::{
    attributes,
    source::Access,
    sql::{Clauses, Expression, Ident},
};

/// A materialized view. Its indexes are objects of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaterializedView {
    /// The query, as `pg_get_viewdef` prints it.
    pub definition: Expression,
    /// The access method, where it isn't `heap`.
    pub access_method: Option<Ident>,
    /// The tablespace, where it isn't the database's.
    pub tablespace: Option<Ident>,
    /// Whether it holds rows. The schema tree can't say so: one that is recreated comes back as it was in the database, and
    /// a new one is filled.
    #[serde(default)]
    pub populated: bool,
    /// Names and types of its columns, which follow from the query and decide nothing.
    #[serde(default, skip_serializing)]
    pub result: Vec<String>,
    /// Settings of its columns, where they aren't the types'.
    #[serde(default)]
    pub columns: Vec<ColumnSettings>,
    /// Storage parameters as `name=value`, in the order in which they were set.
    #[serde(default)]
    pub options: Vec<String>,
}

/// How the values of one column are stored and looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSettings {
    /// The column's name.
    pub name: Ident,
    /// How values are stored, where it isn't the type's way.
    pub storage: Option<String>,
    /// The type's way.
    pub usual_storage: String,
    /// How values are compressed, where it isn't the default.
    pub compression: Option<String>,
    /// The statistics target, where it is set.
    pub statistics: Option<i32>,
    /// `n_distinct` and the like as `name=value`, in the order in which they were set.
    pub options: Vec<String>,
}

impl ColumnSettings {
    /// A column for which nothing is set.
    fn unset(&self) -> Self {
        Self {
            name: self.name.clone(),
            storage: None,
            usual_storage: self.usual_storage.clone(),
            compression: None,
            statistics: None,
            options: Vec::new(),
        }
    }

    /// The actions of `ALTER COLUMN` that lead to `desired`.
    fn actions(&self, desired: &Self) -> Vec<String> {
        let mut actions = Vec::new();
        if self.storage != desired.storage {
            let storage = desired.storage.as_ref().unwrap_or(&desired.usual_storage);
            actions.push(format!("SET STORAGE {storage}"));
        }
        if self.compression != desired.compression {
            let compression = desired.compression.as_deref().unwrap_or("default");
            actions.push(format!("SET COMPRESSION {compression}"));
        }
        if self.statistics != desired.statistics {
            actions.push(format!(
                "SET STATISTICS {}",
                desired.statistics.unwrap_or(-1)
            ));
        }
        actions.extend(super::table::options_difference(
            &self.options,
            &desired.options,
        ));
        actions
    }
}

impl ObjectKind for MaterializedView {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        definition,
        access_method,
        tablespace => set_tablespace,
        populated: physical,
        result: physical,
        columns => set_columns,
        options => set_options: unordered,
    });
    const PROFILE: Profile = Profile {
        runs_functions: true,
        ..Profile::USUAL
    };
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        ..Renaming::NONE
    };
    const CONTENTS: Contents<Self> = Contents {
        declare: Self::declare,
        adopt: Self::adopt,
        fill: Self::fill,
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("MATERIALIZED VIEW {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        let mut text = Clauses::new(format!("CREATE MATERIALIZED VIEW {}", id.sql()));
        if let Some(method) = &self.access_method {
            text.push(format_args!(" USING {method}"));
        }
        if !self.options.is_empty() {
            text.push(format_args!(
                " WITH ({})",
                super::table::options_list(&self.options)
            ));
        }
        if let Some(tablespace) = &self.tablespace {
            text.push(format_args!(" TABLESPACE {tablespace}"));
        }
        text.push(format_args!(" AS\n{}", self.definition));
        if !self.populated {
            text.push("\n WITH NO DATA");
        }
        vec![Step::create(id, text)]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let Some((live, desired)) = change.both() else {
            return change.unless_it_stays("statements that use");
        };
        changed_columns(change.id, &live.result, &desired.result)
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            privilege_class: Some("TABLES"),
            value_types: self.result.iter().map(|column| name_and_type(column).1).collect(),
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![
            Step::drop(id, format!("DROP MATERIALIZED VIEW {}", id.sql()))
                .lock(Lock::AccessExclusive, id.sql()),
        ]
    }

    fn complete(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        column_steps(id, &[], &self.columns)
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        vec![Claim::Relation(id.sql()), Claim::Type(id.sql())]
    }

    fn when_accessed(&self, _id: &ObjectId, access: &Access) -> Option<Answer> {
        (*access == Access::Refreshes).then(|| Answer::Evaluates(self.definition.to_string()))
    }
}

impl MaterializedView {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        let step = in_schema(id, new, |id| self.address(id)).lock(Lock::AccessExclusive, id.sql());
        Some(noticed(step))
    }

    fn declare(&mut self) {
        // The tree is loaded without filling any.
        self.populated = true;
    }

    fn adopt(&mut self, live: &Self) {
        self.populated = live.populated;
    }

    fn fill(&self, desired: &Self, id: &ObjectId) -> Option<Step> {
        let refresh = format!("REFRESH MATERIALIZED VIEW {}", id.sql());
        let step = Step::new(Action::Data, id, refresh).because("fill it");
        (desired.populated && !self.populated)
            .then(|| step.lock(Lock::AccessExclusive, id.sql()))
    }
}

fn set_tablespace(change: &Change<'_, MaterializedView>) -> Reaction {
    let tablespace = change
        .desired
        .tablespace
        .clone()
        .unwrap_or_else(|| Ident::new("pg_default"));
    let sql = format!(
        "ALTER MATERIALIZED VIEW {} SET TABLESPACE {tablespace}",
        change.id.sql()
    );
    Reaction::Alter(vec![
        Step::alter(change.id, sql).lock(Lock::AccessExclusive, change.id.sql()),
    ])
}

fn set_columns(change: &Change<'_, MaterializedView>) -> Reaction {
    Reaction::Alter(column_steps(
        change.id,
        &change.live.columns,
        &change.desired.columns,
    ))
}

fn column_steps(id: &ObjectId, live: &[ColumnSettings], desired: &[ColumnSettings]) -> Vec<Step> {
    let of = |list: &[ColumnSettings], other: &ColumnSettings| {
        let found = list.iter().find(|settings| settings.name == other.name);
        found.cloned().unwrap_or_else(|| other.unset())
    };
    let reset = live
        .iter()
        .filter(|settings| !desired.iter().any(|other| other.name == settings.name));
    let all = desired.iter().chain(reset);
    let step = |name: &Ident, action: String| {
        let sql = format!(
            "ALTER MATERIALIZED VIEW {} ALTER COLUMN {name} {action}",
            id.sql()
        );
        Step::alter(id, sql)
            .because(format!("{action} for {name}"))
            .lock(Lock::AccessExclusive, id.sql())
    };
    all.flat_map(|settings| {
        let actions = of(live, settings).actions(&of(desired, settings));
        actions
            .into_iter()
            .map(|action| step(&settings.name, action))
            .collect::<Vec<_>>()
    })
    .collect()
}

fn set_options(change: &Change<'_, MaterializedView>) -> Reaction {
    let actions = super::table::options_difference(&change.live.options, &change.desired.options);
    let step = |action: String| {
        Step::alter(
            change.id,
            format!("ALTER MATERIALIZED VIEW {} {action}", change.id.sql()),
        )
        .lock(Lock::ShareUpdateExclusive, change.id.sql())
    };
    Reaction::Alter(actions.into_iter().map(step).collect())
}
