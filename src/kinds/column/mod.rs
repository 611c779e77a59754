//! Columns of tables (PostgreSQL docs: CREATE TABLE, ALTER TABLE).
//!
//! A default is an object of its own; a generation expression and an identity belong to the column.

mod cast;
mod identity;

use serde::{Deserialize, Serialize};

pub use self::identity::Identity;
use super::{
    Action, Attribute, Change, Claim, Context, Fragment, HazardKind, Lock, ObjectId, ObjectKind,
    Reaction, Step,
};
use crate::{
    attributes,
    sql::{Clauses, Expression, Ident, join},
};

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the catalog"
)]
pub struct Column {
    /// Its number in the table.
    pub position: i32,
    /// Its type with modifiers, as `format_type` prints it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What its domain is made of.
    pub base_type: Option<String>,
    /// Whether its type is an enum.
    #[serde(default)]
    pub is_enum: bool,
    /// Its collation, where it isn't the type's.
    pub collation: Option<String>,
    /// `NOT NULL`.
    #[serde(default)]
    pub not_null: bool,
    /// The constraint behind `NOT NULL` (PostgreSQL 18).
    pub not_null_constraint: Option<NotNull>,
    /// `GENERATED … AS IDENTITY`.
    pub identity: Option<Identity>,
    /// `GENERATED ALWAYS AS (…)`.
    pub generated: Option<Generated>,
    /// How values are stored, where it isn't the type's way.
    pub storage: Option<String>,
    /// How values are compressed, where it isn't the default.
    pub compression: Option<String>,
    /// The statistics target, where it is set.
    pub statistics: Option<i32>,
    /// `n_distinct` and the like as `name=value`; sorted.
    #[serde(default)]
    pub options: Vec<String>,
    /// Whether the table itself declares it (inherited or not).
    #[serde(default)]
    pub local: bool,
    /// Whether it comes with the composite type of its table.
    #[serde(default)]
    pub typed: bool,
    /// The parent table's column that it is inherited from.
    pub inherited_from_ref: Option<ObjectId>,
}

/// The constraint behind `NOT NULL`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NotNull {
    /// Its name; none where it is inherited.
    pub name: Option<Ident>,
    /// Its name while it is inherited, which no statement changes, so that it decides nothing.
    #[serde(default, skip_serializing)]
    pub inherited_name: Option<Ident>,
    /// `NO INHERIT`.
    pub no_inherit: bool,
    /// Whether the rows that were there before it were checked.
    pub valid: bool,
}

impl PartialEq for NotNull {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.no_inherit, self.valid) == (&other.name, other.no_inherit, other.valid)
    }
}

/// A generated column's expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// The expression.
    pub expression: Expression,
    /// `STORED`; otherwise `VIRTUAL` (PostgreSQL 18).
    pub stored: bool,
}

impl ObjectKind for Column {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        position: physical,
        base_type: physical,
        is_enum: physical,
        type_name "type" => reshape,
        collation => reshape,
        generated "expression" => set_generated,
        not_null "NOT NULL" => reshape,
        not_null_constraint "NOT NULL" => reshape,
        identity => reshape,
        storage => set_storage,
        compression => set_compression,
        statistics => set_statistics,
        options => set_options,
        // Inheritance is the table's to change; these follow from it.
        local: physical,
        typed: physical,
        inherited_from_ref: physical,
    });

    fn address(&self, id: &ObjectId) -> String {
        format!("COLUMN {}", id.sql())
    }

    fn create(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
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

    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        let table = id.container();
        let heirs = cx
            .world
            .companions(id)
            .into_iter()
            .filter(|heir| heir.kind == id.kind);
        let (kept, lost): (Vec<_>, Vec<_>) =
            heirs.partition(|heir| cx.world.desired(heir).is_some());
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
        if self.holds_values() {
            step = step.hazard(
                HazardKind::DeletesData,
                format!("the values of {} go with it", id.sql()),
            );
        }
        vec![step.hazard(
            HazardKind::BreaksApplication,
            "whoever still names the column fails",
        )]
    }

    fn fold(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Option<Fragment> {
        self.local.then(|| Fragment {
            position: self.position,
            sql: self.definition(id, parts, cx).into(),
        })
    }

    fn complete(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        if !self.local {
            return Vec::new(); // The differences to what the parent hands down are altered.
        }
        let unchecked = self
            .not_null_constraint
            .as_ref()
            .is_some_and(|constraint| !constraint.valid);
        let unchecked = unchecked.then(|| self.set_not_null(id));
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
        .chain(unchecked)
        .collect()
    }

    fn implied(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
        if self.typed {
            let has_parts = cx.world.children(id).into_iter().any(|part| {
                let object = cx.world.desired(part);
                object.is_some_and(|object| object.fold(part, &[], cx).is_some())
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
        let super::Object::Column(parent) = cx.world.desired(self.inherited_from_ref.as_ref()?)?
        else {
            return None;
        };
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

    fn goes_with(&self) -> Option<&ObjectId> {
        if self.local {
            None
        } else {
            self.inherited_from_ref.as_ref()
        }
    }

    fn outlive(&self, _desired: &Self, _id: &ObjectId, _cx: &Context<'_>) -> Option<Vec<Step>> {
        Some(Vec::new())
    }

    const DROP_IS_SHOWN: bool = false;

    fn make_way(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        let rename = |identity: &Identity| {
            let sql = format!(
                "ALTER SEQUENCE {} RENAME TO {}",
                identity.sequence_name(),
                identity.aside()
            );
            Step::new(Action::Rename, id, sql).because("set the sequence of the old table aside")
        };
        self.identity.iter().map(rename).collect()
    }

    fn hand_over(&self, desired: &Self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        match (&self.identity, &desired.identity) {
            (Some(live), Some(desired)) => {
                let go_on = desired.go_on_from(live);
                vec![
                    Step::new(Action::Data, id, go_on)
                        .because("let the identity go on where it was"),
                ]
            }
            _ => Vec::new(),
        }
    }

    fn holds_values(&self) -> bool {
        self.generated.is_none()
    }

    fn claims(&self, _id: &ObjectId) -> Vec<Claim> {
        self.identity
            .iter()
            .map(|identity| Claim::Relation(identity.sequence_name()))
            .collect()
    }

    fn repoint(
        &self,
        desired: &Self,
        id: &ObjectId,
        replaced: &ObjectId,
        _cx: &Context<'_>,
    ) -> Option<Vec<Step>> {
        if !self.local {
            return Some(Vec::new()); // The parent's move goes down to it.
        }
        let using = format!("{}::text::{}", id.name(), desired.type_name);
        Some(vec![
            alter_column(id, &format!("TYPE {} USING {using}", desired.type_name))
                .because(format!("move it to the new {replaced}"))
                .hazard(
                    HazardKind::Rewrites,
                    format!("{} is written anew", id.container()),
                )
                .hazard(HazardKind::BlocksReads, "for as long as that takes")
                .hazard(
                    HazardKind::MayFail,
                    "a value that the new type doesn't have stops it",
                ),
        ])
    }
}

impl Column {
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

    /// The name that PostgreSQL gives the constraint behind `NOT NULL`.
    fn usual_not_null(id: &ObjectId) -> Ident {
        super::names::chosen(id.path[1].as_str(), &[id.name().clone()], "not_null")
    }

    /// `SET NOT NULL`, or the constraint where there is more to say of it.
    fn set_not_null(&self, id: &ObjectId) -> Step {
        let scanned = |step: Step| {
            step.hazard(
                HazardKind::BlocksReads,
                format!("{} is scanned for NULLs", id.container()),
            )
            .hazard(HazardKind::MayFail, "a NULL in the column stops it")
        };
        let Some(constraint) = &self.not_null_constraint else {
            return scanned(alter_column(id, "SET NOT NULL").because("refuse NULL"));
        };
        let name = constraint
            .name
            .clone()
            .unwrap_or_else(|| Self::usual_not_null(id));
        if constraint.valid && !constraint.no_inherit && name == Self::usual_not_null(id) {
            return scanned(alter_column(id, "SET NOT NULL").because("refuse NULL"));
        }
        let table = id.container();
        let inherit = if constraint.no_inherit {
            " NO INHERIT"
        } else {
            ""
        };
        let valid = if constraint.valid { "" } else { " NOT VALID" };
        let add = format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} NOT NULL {}{inherit}{valid}",
            id.name()
        );
        let step = Step::alter(id, add)
            .because("refuse NULL")
            .lock(Lock::AccessExclusive, table);
        if constraint.valid {
            scanned(step)
        } else {
            step
        }
    }
}

fn alter_column(id: &ObjectId, action: &str) -> Step {
    let table = id.container();
    Step::alter(
        id,
        format!("ALTER TABLE {table} ALTER COLUMN {} {action}", id.name()),
    )
    .lock(Lock::AccessExclusive, table)
}

/// Whether the parent's own change, which goes down to this column, already leads where it shall.
fn handed_down<T: PartialEq>(change: &Change<'_, Column>, attribute: fn(&Column) -> &T) -> bool {
    let Some(parent) = change.desired.inherited_from_ref.as_ref() else {
        return false;
    };
    match (
        change.cx.world.live(parent),
        change.cx.world.desired(parent),
    ) {
        (Some(super::Object::Column(live)), Some(super::Object::Column(desired))) => {
            attribute(live) != attribute(desired) && attribute(desired) == attribute(change.desired)
        }
        _ => false,
    }
}

/// Type, collation, NOT NULL and identity lean on each other, so that their order is settled in one place.
fn reshape(change: &Change<'_, Column>) -> Reaction {
    let Change {
        live, desired, id, ..
    } = change;
    let mut steps = Vec::new();
    if live.identity.is_some() && desired.identity.is_none() {
        steps.push(
            alter_column(id, "DROP IDENTITY")
                .because("drop the identity")
                .hazard(
                    HazardKind::BreaksApplication,
                    "an insert without a value gets none from now on",
                ),
        );
    }
    let retyped = (&live.type_name, &live.collation) != (&desired.type_name, &desired.collation);
    if retyped && !handed_down(change, |column| &column.type_name) {
        match set_type(change) {
            Some(step) => steps.push(step),
            None => return Reaction::Replace,
        }
    }
    let refuses = |column: &Column| column.not_null || column.not_null_constraint.is_some();
    if handed_down(change, |column| &column.not_null) {
        // The parent's change leads here.
    } else if refuses(live) && !refuses(desired) {
        steps.push(alter_column(id, "DROP NOT NULL").because("allow NULL"));
    } else if !refuses(live) && refuses(desired) {
        steps.push(desired.set_not_null(id));
    } else if !handed_down(change, |column| &column.not_null_constraint) {
        steps.extend(change_not_null(change));
    }
    match (&live.identity, &desired.identity) {
        (None, Some(identity)) => {
            steps.push(
                alter_column(id, &format!("ADD {}", identity.clause(id)))
                    .because("make it an identity"),
            );
            steps.push(
                Step::new(Action::Data, id, identity.catch_up(id))
                    .because("let the identity begin after the largest value"),
            );
        }
        (Some(live_identity), Some(identity)) => {
            let before = if retyped {
                live_identity.retyped(identity)
            } else {
                live_identity.clone()
            };
            let limits = |identity: &Identity| (identity.minimum, identity.maximum);
            steps.extend(before.alter(identity).into_iter().map(|action| {
                let mut step = alter_column(id, &action);
                let name = before.sequence_name();
                let move_on = super::counting::move_into(
                    &name,
                    identity.increment,
                    limits(&before),
                    limits(identity),
                );
                step.sql.splice(0..0, move_on);
                step
            }));
            if before.sequence != identity.sequence {
                let rename = format!(
                    "ALTER SEQUENCE {} RENAME TO {}",
                    before.sequence_name(),
                    identity.sequence[1]
                );
                steps.push(Step::alter(id, rename).because("rename its sequence"));
            }
        }
        (_, None) => {}
    }
    if retyped {
        Reaction::Dislodge(steps)
    } else {
        Reaction::Alter(steps)
    }
}

/// Changes the constraint behind `NOT NULL`, which is there before and after.
fn change_not_null(change: &Change<'_, Column>) -> Vec<Step> {
    let Change {
        live, desired, id, ..
    } = change;
    let (Some(old), Some(new)) = (&live.not_null_constraint, &desired.not_null_constraint) else {
        return Vec::new();
    };
    if old.valid && !new.valid {
        return vec![
            alter_column(id, "DROP NOT NULL").because("it shall not be valid"),
            desired.set_not_null(id),
        ];
    }
    let table = id.container();
    let alter = |action: String| Step::alter(id, format!("ALTER TABLE {table} {action}"));
    let mut steps = Vec::new();
    let name = new
        .name
        .clone()
        .unwrap_or_else(|| Column::usual_not_null(id));
    // One that was inherited keeps the name that the whole gave it.
    let held = old.name.as_ref().or(old.inherited_name.as_ref());
    if let (Some(from), Some(to)) = (held, &new.name)
        && from != to
    {
        let rename = format!("RENAME CONSTRAINT {from} TO {to}");
        steps.push(
            alter(rename)
                .because("rename its constraint")
                .lock(Lock::AccessExclusive, &table),
        );
    }
    if old.no_inherit != new.no_inherit {
        let inherit = if new.no_inherit {
            "NO INHERIT"
        } else {
            "INHERIT"
        };
        let action = format!("ALTER CONSTRAINT {name} {inherit}");
        steps.push(
            alter(action)
                .because("change who inherits it")
                .lock(Lock::AccessExclusive, &table),
        );
    }
    if !old.valid && new.valid {
        steps.push(
            alter(format!("VALIDATE CONSTRAINT {name}"))
                .because("check the rows that are there, while reads and writes go on")
                .lock(Lock::ShareUpdateExclusive, &table)
                .hazard(HazardKind::MayFail, "a NULL in the column stops it"),
        );
    }
    steps
}

/// `None` where no cast leads from the old type to the new one.
fn set_type(change: &Change<'_, Column>) -> Option<Step> {
    let Change {
        live, desired, id, ..
    } = change;
    let mut action = Clauses::new(format!("TYPE {}", desired.type_name));
    if let Some(collation) = &desired.collation {
        action.push(format_args!(" COLLATE {collation}"));
    }
    let cast = cast::between(live, desired)?;
    match cast {
        cast::Cast::Assignment | cast::Cast::Free => {}
        cast::Cast::Explicit => {
            action.push(format_args!(" USING {}::{}", id.name(), desired.type_name));
        }
        cast::Cast::ThroughText => action.push(format_args!(
            " USING {}::text::{}",
            id.name(),
            desired.type_name
        )),
    }
    let mut step =
        alter_column(id, &String::from(action)).because(format!("from {}", live.type_name));
    if cast != cast::Cast::Free {
        step = step
            .hazard(
                HazardKind::Rewrites,
                format!("{} is written anew", id.container()),
            )
            .hazard(HazardKind::BlocksReads, "for as long as that takes")
            .hazard(
                HazardKind::MayFail,
                "a value that doesn't fit the new type stops it",
            );
    }
    Some(step)
}

fn set_generated(change: &Change<'_, Column>) -> Reaction {
    let Change {
        live,
        desired,
        id,
        cx,
    } = change;
    match (&live.generated, &desired.generated) {
        _ if handed_down(change, |column| &column.generated) => Reaction::Alter(Vec::new()),
        (Some(live), None) if live.stored => Reaction::Alter(vec![
            alter_column(id, "DROP EXPRESSION").because("keep the values, compute no more"),
        ]),
        // SET EXPRESSION came with PostgreSQL 17.
        (Some(live), Some(desired))
            if live.stored == desired.stored && cx.server_version >= 170_000 =>
        {
            let step = alter_column(id, &format!("SET EXPRESSION AS ({})", desired.expression))
                .because("change its expression");
            Reaction::Dislodge(vec![if desired.stored {
                step.hazard(
                    HazardKind::Rewrites,
                    format!("{} is written anew", id.container()),
                )
                .hazard(HazardKind::BlocksReads, "for as long as that takes")
            } else {
                step
            }])
        }
        _ => Reaction::Replace,
    }
}

fn set_storage(change: &Change<'_, Column>) -> Reaction {
    if handed_down(change, |column| &column.storage) {
        return Reaction::Alter(Vec::new());
    }
    // The type's own way can't be named before PostgreSQL 16, so it is looked up where the new type is known.
    let storage = change
        .desired
        .storage
        .as_deref()
        .unwrap_or_else(|| cast::default_storage(&change.desired.type_name));
    Reaction::Alter(vec![alter_column(
        change.id,
        &format!("SET STORAGE {storage}"),
    )])
}

fn set_compression(change: &Change<'_, Column>) -> Reaction {
    if handed_down(change, |column| &column.compression) {
        return Reaction::Alter(Vec::new());
    }
    let compression = change.desired.compression.as_deref().unwrap_or("default");
    Reaction::Alter(vec![alter_column(
        change.id,
        &format!("SET COMPRESSION {compression}"),
    )])
}

fn set_statistics(change: &Change<'_, Column>) -> Reaction {
    let target = change.desired.statistics.unwrap_or(-1);
    Reaction::Alter(vec![column_setting(
        change.id,
        &format!("SET STATISTICS {target}"),
    )])
}

fn set_options(change: &Change<'_, Column>) -> Reaction {
    let actions = super::table::options_difference(&change.live.options, &change.desired.options);
    Reaction::Alter(
        actions
            .iter()
            .map(|action| column_setting(change.id, action))
            .collect(),
    )
}

/// A setting of the planner, which needs only the weaker lock.
fn column_setting(id: &ObjectId, action: &str) -> Step {
    let table = id.container();
    Step::alter(
        id,
        format!("ALTER TABLE {table} ALTER COLUMN {} {action}", id.name()),
    )
    .lock(Lock::ShareUpdateExclusive, table)
}
