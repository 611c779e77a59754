//! Columns of tables (PostgreSQL docs: CREATE TABLE, ALTER TABLE).
//!
//! A default is an object of its own; a generation expression and an identity belong to the column.

mod cast;
mod filling;
mod identity;
mod model;
mod not_null;
mod reshape;
mod settings;
mod statement;

pub use self::model::{Column, Generated, Identity, NotNull};
use self::{
    reshape::{reshape, set_generated},
    settings::{set_compression, set_options, set_statistics, set_storage},
    statement::alter_column,
};
use super::{
    Action, Answer, Attribute, Claim, Context, Counter, Facts, Follow, Fragment, HazardKind, Lock,
    ObjectId, ObjectKind, Passage, Profile, Renaming, Replacement, Step, Survival,
    casting::through_text,
    filling::fill,
    heirs::Heirs,
    rename::{noticed, of_whole},
};
use crate::{
    attributes,
    source::Access,
    sql::{Clauses, join},
};

impl ObjectKind for Column {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        position: physical,
        base_type: physical,
        is_enum: physical,
        is_row: physical,
        type_name "type" => reshape,
        collation => reshape,
        generated "expression" => set_generated,
        not_null "NOT NULL" => reshape,
        not_null_constraint "NOT NULL" => reshape,
        identity => reshape,
        storage => set_storage,
        compression => set_compression,
        statistics => set_statistics,
        options => set_options: unordered,
        // Inheritance is the table's to change; these follow from it.
        local: physical,
        typed: physical,
        in_partition_key: physical,
        inherited_from_ref: physical,
    });
    const PROFILE: Profile = Profile {
        added_by: &["add column", "add if not exists"],
        runs_functions: true,
        drop_is_shown: false,
        ..Profile::USUAL
    };
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        rename_along: Self::rename_along,
        resembles: Self::resembles,
        ..Renaming::NONE
    };
    const REPLACEMENT: Replacement<Self> = Replacement {
        repoint: Self::repoint,
        carried: Self::carried,
        loses: Self::loses,
        make_way: Some(Self::make_way),
        needs_new_parent: Self::needs_new_parent,
        ..Replacement::NONE
    };
    const SURVIVAL: Survival<Self> = Survival {
        outlive: Self::outlive,
        ..Survival::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("COLUMN {}", id.sql())
    }

    fn create(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        if let Some(fill) = fill(id, cx).filter(|_| self.facts().holds_values) {
            return self.create_filled(id, parts, fill, cx);
        }
        let table = id.container();
        let mut step = Step::create(
            id,
            format!(
                "ALTER TABLE {table} ADD COLUMN {}",
                self.definition(id, parts, cx)
            ),
        )
        .lock(Lock::AccessExclusive, &table);
        if self.identity.is_some()
            || self
                .generated
                .as_ref()
                .is_some_and(|generated| generated.stored)
        {
            step = step
                .hazard(HazardKind::Rewrites, format!("{table} is written anew"))
                .hazard(HazardKind::BlocksReads, "for as long as that takes");
        } else if self.not_null && parts.is_empty() && self.generated.is_none() {
            step = step.hazard(
                HazardKind::MayFail,
                "a table with rows needs a default for a column that is NOT NULL",
            );
        }
        vec![step]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let (id, cx) = (change.id, change.cx);
        let name = id.sql();
        let Some((live, desired)) = change.both() else {
            let asks = change.desired.is_some_and(|new| new.local && new.asks_for_values(id, cx));
            let left_out = asks.then(|| format!("inserts that leave out {name} fail"));
            return change.unless_it_stays("statements that name").or(left_out);
        };
        let mut reasons = Vec::new();
        if !cast::serves(live, desired) {
            reasons.push(format!("statements that use {name} as {} fail", live.type_name));
        }
        let is_always = |column: &Self| column.identity.as_ref().is_some_and(|identity| identity.always);
        if is_always(desired) && !is_always(live) {
            reasons.push(format!("inserts that give {name} a value fail"));
        }
        if live.facts().holds_values && !desired.facts().holds_values {
            reasons.push(format!("statements that write {name} fail"));
        }
        // That existing rows have no NULL is checked, and shows that statements give a value. A fill is for those that have one.
        let was_filled = live.identity.is_some() || (live.facts().takes_null && fill(id, cx).is_some());
        if was_filled && desired.asks_for_values(id, cx) {
            reasons.push(format!("inserts that leave out {name} fail"));
        } else if !live.facts().holds_values && desired.facts().holds_values && !desired.gives_values(id, cx) {
            reasons.push(format!("inserts give {name} no value"));
        }
        (!reasons.is_empty()).then(|| join(reasons, "; "))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            goes_with: self.goes_with(),
            inherited_from: self.inherited_from_ref.as_ref(),
            holds_values: self.generated.is_none(),
            value_types: vec![&self.type_name],
            takes_null: !self.not_null && self.not_null_constraint.is_none(),
            holds_rows: self.is_row,
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        let table = id.container();
        let Heirs { kept, lost } = cx.heirs_of_dropped(id);
        // ONLY leaves the column to the tables that inherit it.
        let only = if kept.is_empty() { "" } else { "ONLY " };
        let mut step = Step::drop(
            id,
            format!("ALTER TABLE {only}{table} DROP COLUMN {}", id.name()),
        )
        .lock(Lock::AccessExclusive, &table);
        for heir in lost.into_iter().filter(|_| !kept.is_empty()) {
            let heirs_table = heir.container();
            step = step
                .then(format!(
                    "ALTER TABLE {heirs_table} DROP COLUMN {}",
                    heir.name()
                ))
                .lock(Lock::AccessExclusive, heirs_table);
        }
        if self.facts().holds_values {
            step = step.hazard(
                HazardKind::DeletesData,
                format!("the values of {} go with it", id.sql()),
            );
        }
        vec![step]
    }

    fn fold(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Option<Fragment> {
        self.local.then(|| Fragment {
            position: self.position,
            sql: self.definition(id, parts, cx).into(),
        })
    }

    fn complete(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        if !self.local {
            return Vec::new(); // The differences to what the parent hands down are altered.
        }
        let unchecked = self
            .not_null_constraint
            .as_ref()
            .is_some_and(|constraint| !constraint.valid);
        let unchecked = unchecked.then(|| self.set_not_null(id, cx));
        [
            self.storage
                .as_ref()
                .map(|storage| format!("SET STORAGE {storage}")),
            self.statistics
                .map(|statistics| format!("SET STATISTICS {statistics}")),
            (!self.options.is_empty()).then(|| format!("SET ({})", join(&self.options, ", "))),
        ]
        .into_iter()
        .flatten()
        .map(|action| alter_column(id, &action).because(action))
        .chain(unchecked.into_iter().flatten())
        .collect()
    }

    fn implied(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
        if self.typed {
            let has_parts = cx.world.children(id).into_iter().any(|part| {
                let object = cx.world.desired(part);
                object.is_some_and(|object| object.folds(part, cx))
            });
            let (storage, compression, statistics) = (None, None, None);
            let plain = Self {
                storage,
                compression,
                statistics,
                options: Vec::new(),
                ..self.clone()
            };
            return (!self.not_null && !has_parts).then_some(plain);
        }
        if self.local {
            return None;
        }
        if !cx.parent_is_created(id) {
            // A table that has yet to join doesn't get the column with its parent.
            let table = cx.world.parent(id)?;
            let whole = cx.world.parent(self.inherited_from_ref.as_ref()?)?;
            if !cx.world.live_dependents(whole).contains(&table) {
                return None;
            }
        }
        let parent = cx.desired::<Self>(self.inherited_from_ref.as_ref()?)?;
        // Statistics targets and attribute options aren't handed down, and an identity isn't before PostgreSQL 17.
        let (statistics, options, identity) = (None, Vec::new(), None);
        let inherited_from_ref = self.inherited_from_ref.clone();
        Some(Self {
            local: false,
            inherited_from_ref,
            statistics,
            options,
            identity,
            ..parent.clone()
        })
    }

    fn counter(&self, _id: &ObjectId) -> Option<Counter> {
        self.identity.as_ref().map(Identity::counter)
    }

    fn when_dislodged(&self, _desired: Option<&Self>) -> Follow {
        // What is stored is read by the type as it is then; an expression is not.
        if self.generated.is_none() {
            Follow::Stays
        } else {
            Follow::Rebuilt
        }
    }

    fn claims(&self, _id: &ObjectId) -> Vec<Claim> {
        self.identity
            .iter()
            .map(|identity| Claim::Relation(identity.sequence_name()))
            .collect()
    }

    fn when_accessed(&self, _id: &ObjectId, access: &Access) -> Option<Answer> {
        let generated = self.generated.as_ref()?;
        let computes = if generated.stored { access.stores() } else { *access == Access::Reads };
        computes.then(|| Answer::Evaluates(format!("SELECT {}", generated.expression)))
    }
}

impl Column {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        let step = of_whole("TABLE", id, new, "COLUMN").lock(Lock::AccessExclusive, id.container());
        // A column that a parent hands down gets its name there.
        self.local.then(|| noticed(step))
    }

    fn rename_along(&self, desired: &Self, id: &ObjectId) -> Vec<Step> {
        match (&self.identity, &desired.identity) {
            (Some(live), Some(desired)) if live.sequence != desired.sequence => {
                vec![live.rename_sequence(id, desired, Action::Rename)]
            }
            _ => Vec::new(),
        }
    }

    fn resembles(&self, created: &Self) -> bool {
        self.type_name == created.type_name && self.facts().holds_values && created.facts().holds_values
    }

    fn repoint(
        &self,
        desired: &Self,
        id: &ObjectId,
        replaced: &ObjectId,
        cx: &Context<'_>,
    ) -> Option<Vec<Step>> {
        if !self.local {
            return Some(Vec::new()); // The parent's move goes down to it.
        }
        let old = cx.world.live(replaced);
        let using = if old.is_some_and(|old| old.makes_cast(replaced, cx)) {
            format!("{}::{}", id.name(), desired.type_name)
        } else {
            through_text(&id.name().to_string(), &desired.type_name, id, cx)
        };
        let step = alter_column(id, &format!("TYPE {} USING {using}", desired.type_name))
            .because(format!("move it to the new {replaced}"))
            .hazard(
                HazardKind::Rewrites,
                format!("{} is written anew", id.container()),
            )
            .hazard(HazardKind::BlocksReads, "for as long as that takes")
            .hazard(
                HazardKind::MayFail,
                "a value that the new type doesn't have stops it",
            );
        Some(vec![cast::tell_loss(step, self, desired, id, cx)])
    }

    fn carried(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
        cast::carried(self, desired, id, cx)
    }

    fn loses(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
        cast::loss(self, desired, id, cx)
    }

    fn make_way(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        let counter = self.counter(id);
        let step = counter.map(|counter| counter.step_aside(id));
        step.into_iter().collect()
    }

    fn needs_new_parent(change: &Passage<'_, Self>) -> bool {
        let world = change.cx.world;
        let changes = change.both().is_some_and(|(live, desired)| {
            (&live.type_name, &live.collation) != (&desired.type_name, &desired.collation)
                || world.is_repointed(change.id)
                || world.is_created(change.id)
        });
        changes && leads_rows(change.id, change.cx)
    }

    fn outlive(&self, _desired: &Self, _id: &ObjectId, _cx: &Context<'_>) -> Option<Vec<Step>> {
        Some(Vec::new())
    }

    fn goes_with(&self) -> Option<&ObjectId> {
        if self.local {
            None
        } else {
            self.inherited_from_ref.as_ref()
        }
    }
}

impl Column {
    /// Whether an insert that leaves the column out gets a value for it.
    fn gives_values(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
        let has_default = cx.world.children(id).into_iter().any(|part| {
            let object = cx.world.desired(part);
            object.is_some_and(|object| object.folds(part, cx))
        });
        has_default || self.identity.is_some() || self.generated.is_some()
    }

    /// Whether an insert has to give the column a value.
    fn asks_for_values(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
        !self.facts().takes_null && !self.gives_values(id, cx)
    }

    /// The column as it stands in `CREATE TABLE` and `ADD COLUMN`; `parts` is its default.
    fn definition(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Clauses {
        // While the old self of its table stands aside, PostgreSQL would choose other names.
        let names_are_taken = cx.parent_is_created(id) && cx.world.live(id).is_some();
        let type_name = if self.typed {
            "WITH OPTIONS"
        } else {
            &self.type_name
        };
        let mut text = Clauses::new(format!("{} {type_name}", id.name()));
        if let Some(compression) = &self.compression {
            text.push(format_args!(" COMPRESSION {compression}"));
        }
        if let Some(collation) = self.collation.as_ref().filter(|_| !self.typed) {
            text.push(format_args!(" COLLATE {collation}"));
        }
        for part in parts {
            text.push(' ');
            text.push(&part.sql);
        }
        if let Some(generated) = &self.generated {
            let kind = if generated.stored {
                "STORED"
            } else {
                "VIRTUAL"
            };
            text.push(format_args!(
                " GENERATED ALWAYS AS ({}) {kind}",
                generated.expression
            ));
        }
        if let Some(identity) = &self.identity {
            text.push(' ');
            text.push(identity.clause(id));
        }
        match &self.not_null_constraint {
            Some(constraint) if constraint.valid => {
                let name = constraint
                    .name
                    .as_ref()
                    .filter(|name| **name != Self::usual_not_null(id) || names_are_taken);
                if let Some(name) = name {
                    text.push(format_args!(" CONSTRAINT {name}"));
                }
                if constraint.no_inherit {
                    text.push(" NOT NULL NO INHERIT");
                } else if self.identity.is_none() || name.is_some() {
                    // An identity refuses NULL by itself.
                    text.push(" NOT NULL");
                }
            }
            None if self.not_null && self.identity.is_none() => text.push(" NOT NULL"),
            // One that isn't valid is added afterwards.
            Some(_) | None => {}
        }
        text
    }
}

/// Whether rows go to partitions by the column, in its table or in one that it is handed down to.
fn leads_rows(id: &ObjectId, cx: &Context<'_>) -> bool {
    cx.live::<Column>(id).is_some_and(|column| column.in_partition_key) || cx.world.companions(id).into_iter().any(|heir| heir.kind == id.kind && leads_rows(heir, cx))
}
