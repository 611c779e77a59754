//! Constraints of tables: primary key, unique, check, foreign key, exclusion (PostgreSQL docs: 5.5 Constraints).

mod partitions;

use serde::{Deserialize, Serialize};

use super::{
    Action, Answer, Attribute, Change, Claim, Context, Facts, Follow, Fragment, HandedDown,
    HazardKind, IndexName, Kind, Lock, Mode, ObjectId, ObjectKind, Passage, Profile,
    Reaction, Renaming, Replacement, Step, Survival, filling,
    breakage::arbiter_gone,
    heirs::Heirs,
    partitions::reaching,
    rename::{of_whole, renaming},
};
use crate::{
    attributes,
    source::{Access, passed_on},
    sql::{Expression, Ident, aside_name, dotted},
};

/// A constraint of a table.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the catalog"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// What it demands.
    pub kind: ConstraintKind,
    /// What follows its name, as `pg_get_constraintdef` prints it.
    pub definition: Expression,
    /// Whether the rows that were there before it were checked.
    pub valid: bool,
    /// Whether `CLUSTER` uses its index.
    #[serde(default)]
    pub clustered: bool,
    /// Whether it tells replicas which row is meant.
    #[serde(default)]
    pub replica_identity: bool,
    /// Storage parameters of its index.
    #[serde(default)]
    pub options: Vec<String>,
    /// The tablespace of its index, where it isn't the database's.
    pub tablespace: Option<Ident>,
    /// Its index as SQL; by its name alone it could be told apart from the constraint's.
    pub index: Option<String>,
    /// The columns it is about.
    pub columns: Option<Vec<Ident>>,
    /// The table that a foreign key refers to.
    pub references_ref: Option<ObjectId>,
    /// The partitioned table's constraint that this partition's one is part of.
    pub attached_to_ref: Option<ObjectId>,
    /// Whether a partition's part of it is missing.
    #[serde(default)]
    pub incomplete: bool,
    /// Whether its table declares it, be it that it is inherited, too.
    #[serde(default)]
    pub local: bool,
    /// The parent table's check that it is inherited from.
    pub inherited_from_ref: Option<ObjectId>,
}

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// `PRIMARY KEY`.
    PrimaryKey,
    /// `UNIQUE`.
    Unique,
    /// `CHECK`.
    Check,
    /// `FOREIGN KEY`.
    ForeignKey,
    /// `EXCLUDE`.
    Exclusion,
}

impl ConstraintKind {
    /// The order in which a table's definition lists them.
    fn position(self) -> i32 {
        match self {
            Self::PrimaryKey => 10_000,
            Self::Unique => 10_001,
            Self::Exclusion => 10_002,
            Self::Check => 10_003,
            Self::ForeignKey => 10_004,
        }
    }

    fn has_index(self) -> bool {
        matches!(self, Self::PrimaryKey | Self::Unique | Self::Exclusion)
    }
}

impl ObjectKind for Constraint {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        kind,
        definition => set_definition,
        valid => set_definition,
        clustered "place in CLUSTER" => set_clustered,
        replica_identity => set_replica_identity,
        options => set_options: unordered,
        tablespace => set_tablespace,
        index: physical,
        columns: physical,
        references_ref: physical,
        attached_to_ref "whole" => set_attached,
        incomplete => set_incomplete,
        // Inheritance is the table's to change; these follow from it.
        local: physical,
        inherited_from_ref: physical,
    });
    const PROFILE: Profile = Profile {
        added_by: &["add constraint", "add primary", "add check", "add unique", "add foreign"],
        runs_functions: true,
        splits: true,
        has_index: true,
        // PostgreSQL takes no part of a partitioned constraint, or index, off again.
        leaves: false,
        drop_is_shown: false,
        ..Profile::USUAL
    };
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        ..Renaming::NONE
    };
    const REPLACEMENT: Replacement<Self> = Replacement {
        make_way: Some(Self::make_way),
        ..Replacement::NONE
    };
    const SURVIVAL: Survival<Self> = Survival {
        outlive: Self::outlive,
        ..Survival::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("CONSTRAINT {} ON {}", id.name(), id.container())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        if let Some(had) = self.handed_down().and_then(|own| cx.left_behind(id, &own)) {
            // Its table keeps it when it leaves the whole that has handed it down.
            return if had.valid == self.valid { Vec::new() } else { vec![validate(id)] };
        }
        if let Some((_, name)) = self.copied_from(id, cx) {
            let rename = format!(
                "ALTER TABLE {} RENAME CONSTRAINT {name} TO {}",
                id.container(),
                id.name()
            );
            return vec![
                Step::create(id, rename)
                    .because("the partition's copy of the constraint gets its name"),
            ];
        }
        let table = id.container();
        if let Some(copy) = self.copied_as_index(id, cx) {
            let kind = match self.kind {
                ConstraintKind::PrimaryKey => "PRIMARY KEY",
                ConstraintKind::Unique
                | ConstraintKind::Check
                | ConstraintKind::ForeignKey
                | ConstraintKind::Exclusion => "UNIQUE",
            };
            let add = format!(
                "ALTER TABLE {table} ADD CONSTRAINT {} {kind} USING INDEX {copy}",
                id.name()
            );
            return vec![
                Step::create(id, add)
                    .because("the partition's copy of the index becomes a constraint's"),
            ];
        }
        if self.incomplete {
            // It mustn't be copied: neither onto the partitions that are there nor onto new ones.
            let add = format!("ALTER TABLE ONLY {table} ADD {}", self.element(id));
            let whole = cx.world.parent(id).expect("a constraint has a table");
            let partitions = cx.world.desired_companions(whole).into_iter().cloned();
            let mut create = Step::create(id, add);
            if !cx.parent_is_created(id) {
                create = create.lock(self.lock(), &table);
            }
            return vec![partitions.fold(create, Step::after)];
        }
        let table_id = cx.world.parent(id).expect("a constraint has a table");
        let unmanaged = cx.world.unmanaged_partitions(table_id);
        let only = if self.kind.has_index() && waits_for_partitions(id, cx) && unmanaged.is_empty()
        {
            "ONLY "
        } else {
            ""
        };
        let add = format!("ALTER TABLE {only}{table} ADD {}", self.element(id));
        let attach = self.attach(id, cx);
        if cx.parent_is_created(id) {
            let create = Step::create(id, add);
            return std::iter::once(create).chain(attach).collect();
        }
        let mut step = Step::create(id, add.clone()).lock(self.lock(), &table);
        if let Some(referenced) = &self.references_ref {
            step = step.lock(Lock::ShareRowExclusive, referenced.sql());
        }
        let checks_rows = self.valid && only.is_empty();
        let is_away = cx.world.parent(id).is_some_and(|table| cx.world.changes_whole(table));
        if checks_rows && !is_away && self.can_be_validated_later(id, cx) {
            step.sql = vec![format!("{add} NOT VALID")];
            let checks = filling::of_nullable(id, cx).into_iter();
            let checks = checks.chain([validate(id)]).map(Step::check);
            return std::iter::once(step.mode(Mode::CommitAfter))
                .chain(checks)
                .collect();
        }
        if checks_rows {
            if self.kind.has_index() && !unmanaged.is_empty() {
                let why = reaching(&unmanaged);
                step = step.hazard(HazardKind::BlocksReads, why);
            }
            let kind = if self.lock() == Lock::AccessExclusive {
                HazardKind::BlocksReads
            } else {
                HazardKind::BlocksWrites
            };
            step = step
                .hazard(kind, format!("while {table} is checked"))
                .hazard(
                    HazardKind::MayFail,
                    "a row that breaks the constraint stops it",
                );
        }
        std::iter::once(step).chain(attach).collect()
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        arbiter_gone(change)
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            arbitrates: self.columns.as_deref().filter(|_| matches!(self.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)),
            handed_down: self.handed_down(),
            when_detached: self.when_detached(),
            index_name: self.index.as_deref().map(IndexName::Other),
            row_key: self.row_key(),
            goes_with: self.goes_with(),
            inherited_from: self.inherited_from_ref.as_ref(),
            // An index of which a constraint's one is a part (2BP01).
            holds_whole: self.attached_to_ref.as_ref().is_some_and(|whole| whole.kind != Kind::Constraint),
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        if self.handed_down().is_some_and(|own| cx.is_taken_over(id, &own)) {
            return Vec::new(); // It becomes what the whole hands down that its table joins.
        }
        let table = id.container();
        let Heirs { kept, lost } = cx.heirs_of_dropped(id);
        // ONLY leaves the constraint to the tables that inherit it.
        let (only, lost) = if kept.is_empty() { ("", Vec::new()) } else { ("ONLY ", lost) };
        let drop = |table: &str, name: &Ident| format!("ALTER TABLE {table} DROP CONSTRAINT {name}");
        let mut step = Step::drop(id, drop(&format!("{only}{table}"), id.name())).lock(Lock::AccessExclusive, &table);
        for heir in lost {
            let heirs_table = heir.container();
            step = step.then(drop(&heirs_table, heir.name())).lock(Lock::AccessExclusive, heirs_table);
        }
        if let Some(referenced) = &self.references_ref {
            step = step.lock(Lock::AccessExclusive, referenced.sql());
        }
        vec![step]
    }

    fn fold(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Option<Fragment> {
        // A constraint that isn't valid, or whose index has a life of its own, is added afterwards.
        let plain = self.valid && self.attached_to_ref.is_none() && !self.incomplete;
        plain.then(|| Fragment {
            position: self.kind.position(),
            sql: self.element(id),
        })
    }

    fn complete(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        let cluster = self.clustered.then(|| cluster_on(id));
        cluster
            .into_iter()
            .chain(self.replica_identity.then(|| identify_by(id)))
            .collect()
    }

    fn implied(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
        if self.is_handed_down() {
            return self.inherited(id, cx);
        }
        let (whole, name) = self.copied_from(id, cx)?;
        let (index, attached_to_ref) = (self.index.clone(), self.attached_to_ref.clone());
        (name == *id.name()).then(|| Self {
            index,
            attached_to_ref,
            clustered: false,
            replica_identity: false,
            ..whole.clone()
        })
    }

    fn when_dislodged(&self, desired: Option<&Self>) -> Follow {
        // PostgreSQL builds indexes and checks again by itself, but a foreign key's two sides may change one by one.
        if self.kind != ConstraintKind::ForeignKey && desired == Some(self) {
            Follow::Stays
        } else {
            Follow::Rebuilt
        }
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        // Its index has its name, which is one of the schema's relations.
        let index = Claim::Relation(dotted([id.schema(), id.name()]));
        let index = self.kind.has_index().then_some(index);
        index
            .into_iter()
            .chain([Claim::Constraint(id.sql())])
            .collect()
    }

    fn when_accessed(&self, id: &ObjectId, access: &Access) -> Option<Answer> {
        access.stores().then(|| Answer::Evaluates(format!("ALTER TABLE {} ADD {}", id.container(), self.definition)))
    }

    fn passed_on(&self, other: &ObjectId, access: &Access) -> Vec<Access> {
        if self.references_ref.as_ref() == Some(other) {
            passed_on(self.definition.as_str(), access)
        } else {
            Vec::new()
        }
    }
}

impl Constraint {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        if self.is_handed_down() {
            return None; // It gets its name with the parent's.
        }
        if !self.kind.has_index() {
            let step = of_whole("TABLE", id, new, "CONSTRAINT");
            return Some(step.lock(Lock::AccessExclusive, id.container()));
        }
        // Its index takes it along, under a weaker lock that isn't the table's.
        let index = dotted([id.schema(), id.name()]);
        let sql = format!("ALTER INDEX {index} RENAME TO {}", new.name());
        let step = renaming(id, new, vec![sql]).lock(Lock::ShareUpdateExclusive, index);
        let why = format!("statements with ON CONFLICT ON CONSTRAINT {} fail", id.name());
        Some(step.hazard(HazardKind::BreaksApplication, why))
    }

    fn make_way(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        if !self.facts().holds_whole {
            return self.drop(id, cx);
        }
        let (table, name) = (id.container(), aside_name(id.name()));
        let rename = format!("ALTER TABLE {table} RENAME CONSTRAINT {} TO {name}", id.name());
        let step = Step::new(Action::Rename, id, rename).because("rename the old constraint, which goes with its table");
        vec![step.lock(Lock::AccessExclusive, table)]
    }

    fn outlive(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<Vec<Step>> {
        if self.inherited_from_ref.is_some() {
            return Some(Vec::new()); // It comes back with the parent's, or that goes from its ONLY.
        }
        // Its table is detached while the index goes.
        self.facts().holds_whole.then(|| desired.attach(id, cx).into_iter().collect())
    }

    fn handed_down(&self) -> Option<HandedDown<'_>> {
        let definition = self.definition.as_str();
        let definition = definition.strip_suffix(" NOT VALID").unwrap_or(definition);
        let is_needed = self.kind == ConstraintKind::Check;
        let goes_down = self.kind == ConstraintKind::ForeignKey || (is_needed && !definition.ends_with(" NO INHERIT"));
        let valid = self.valid;
        goes_down.then_some(HandedDown { definition, valid, is_needed })
    }

    fn when_detached(&self) -> Follow {
        // PostgreSQL refuses to detach a partition to whose rows others refer.
        if self.references_ref.is_some() {
            Follow::Rebuilt
        } else {
            Follow::Stays
        }
    }

    fn row_key(&self) -> Option<&[Ident]> {
        let columns = self.columns.as_deref();
        columns.filter(|_| self.kind == ConstraintKind::PrimaryKey)
    }

    fn goes_with(&self) -> Option<&ObjectId> {
        let inherited = self.inherited_from_ref.as_ref().filter(|_| !self.local);
        self.attached_to_ref.as_ref().or(inherited)
    }
}

impl Constraint {
    /// `CONSTRAINT name …` as it stands in `CREATE TABLE` and after `ADD`.
    fn element(&self, id: &ObjectId) -> String {
        let mut text = format!("CONSTRAINT {} {}", id.name(), self.definition);
        if !self.options.is_empty() {
            text = with_index_clause(
                &text,
                &format!("WITH ({})", super::table::options_list(&self.options)),
            );
        }
        if let Some(tablespace) = &self.tablespace {
            text = with_index_clause(&text, &format!("USING INDEX TABLESPACE {tablespace}"));
        }
        text
    }

    /// Whether nobody but a parent table declares it.
    fn is_handed_down(&self) -> bool {
        self.inherited_from_ref.is_some() && !self.local
    }

    /// What it is once its parent table's has been created, or its table beside that.
    fn inherited(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
        let from = self.inherited_from_ref.as_ref()?;
        let parents = cx.desired::<Self>(from)?;
        if cx.parent_is_created(id) {
            // A table that is new has no rows to check.
            return Some(self.clone());
        }
        // A table that has yet to join doesn't get it with its parent.
        let (table, whole) = (cx.world.parent(id)?, cx.world.parent(from)?);
        let live = cx.world.live(table)?;
        let is_heir = live.facts().wholes().contains(&whole);
        is_heir.then(|| Self {
            local: self.local,
            inherited_from_ref: self.inherited_from_ref.clone(),
            ..parents.clone()
        })
    }

    fn lock(&self) -> Lock {
        match self.kind {
            ConstraintKind::ForeignKey => Lock::ShareRowExclusive,
            ConstraintKind::PrimaryKey
            | ConstraintKind::Unique
            | ConstraintKind::Check
            | ConstraintKind::Exclusion => Lock::AccessExclusive,
        }
    }

    /// Whether it can be added `NOT VALID`: checks, and foreign keys, those of partitioned tables from PostgreSQL 18 on.
    fn can_be_validated_later(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
        match self.kind {
            ConstraintKind::Check => true,
            ConstraintKind::ForeignKey => cx.server_version >= 180_000 || !is_partitioned(id, cx),
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion => {
                false
            }
        }
    }
}

/// Index parameters stand before `DEFERRABLE` and `WHERE`, which end the definition.
fn with_index_clause(text: &str, clause: &str) -> String {
    let end = [" DEFERRABLE", " WHERE ("]
        .iter()
        .filter_map(|tail| text.rfind(tail))
        .min()
        .unwrap_or(text.len());
    format!("{} {clause}{}", &text[..end], &text[end..])
}

fn identify_by(id: &ObjectId) -> Step {
    let table = id.container();
    Step::alter(
        id,
        format!(
            "ALTER TABLE {table} REPLICA IDENTITY USING INDEX {}",
            id.name()
        ),
    )
    .lock(Lock::AccessExclusive, table)
    .because("let replicas tell rows by it")
    .finish()
}

/// Whether partitions that are there already get their parts of it by statements of their own.
fn waits_for_partitions(id: &ObjectId, cx: &Context<'_>) -> bool {
    is_partitioned(id, cx) && !cx.parent_is_created(id)
}

fn is_partitioned(id: &ObjectId, cx: &Context<'_>) -> bool {
    let table = cx
        .world
        .parent(id)
        .and_then(|table| cx.world.desired(table));
    table.is_some_and(|object| object.facts().is_partitioned)
}

fn cluster_on(id: &ObjectId) -> Step {
    Step::alter(
        id,
        format!("ALTER TABLE {} CLUSTER ON {}", id.container(), id.name()),
    )
    .lock(Lock::ShareUpdateExclusive, id.container())
    .because("let CLUSTER use it")
    .finish()
}

fn set_definition(change: &Change<'_, Constraint>) -> Reaction {
    let Change {
        live, desired, id, ..
    } = change;
    // The parent's own change goes down to it.
    if live.is_handed_down() && desired.is_handed_down() && parent_leads_to(change) {
        return Reaction::Alter(Vec::new());
    }
    // Nothing but the rows' state differs: it can be validated, not the other way round.
    if !live.valid
        && desired.valid
        && live.definition.as_str() == format!("{} NOT VALID", desired.definition.as_str())
    {
        return Reaction::Alter(vec![validate(id)]);
    }
    Reaction::Replace
}

/// Whether the parent's constraint, from which this one is inherited, is validated in place.
fn parent_leads_to(change: &Change<'_, Constraint>) -> bool {
    let Some(from) = change.desired.inherited_from_ref.as_ref() else {
        return false;
    };
    let both = (change.cx.live(from)).zip(change.cx.desired(from));
    both.is_some_and(|(live, desired): (&Constraint, &Constraint)| {
        (live.valid, desired.valid) == (false, true)
            && live.definition == change.live.definition
            && desired.definition == change.desired.definition
    })
}

fn validate(id: &ObjectId) -> Step {
    let table = id.container();
    let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {}", id.name());
    Step::alter(id, validate)
        .because("check the rows that are there, while reads and writes go on")
        .lock(Lock::ShareUpdateExclusive, table)
        .hazard(HazardKind::MayFail, "a row that breaks the constraint stops it")
}

fn set_incomplete(change: &Change<'_, Constraint>) -> Reaction {
    // It is complete once every partition's part is attached.
    if change.desired.incomplete {
        Reaction::Replace
    } else {
        Reaction::Alter(Vec::new())
    }
}

fn set_clustered(change: &Change<'_, Constraint>) -> Reaction {
    Reaction::Alter(if change.desired.clustered {
        vec![cluster_on(change.id)]
    } else {
        vec![Step::alter(
            change.id,
            format!("ALTER TABLE {} SET WITHOUT CLUSTER", change.id.container()),
        )]
    })
}

fn set_replica_identity(change: &Change<'_, Constraint>) -> Reaction {
    // Another index or the table says what the identity is instead.
    let step = change
        .desired
        .replica_identity
        .then(|| identify_by(change.id));
    Reaction::Alter(step.into_iter().collect())
}

fn set_options(change: &Change<'_, Constraint>) -> Reaction {
    let Some(index) = &change.desired.index else {
        return Reaction::Replace;
    };
    let actions = super::table::options_difference(&change.live.options, &change.desired.options);
    Reaction::Alter(
        actions
            .iter()
            .map(|action| Step::alter(change.id, format!("ALTER INDEX {index} {action}")))
            .collect(),
    )
}

fn set_tablespace(change: &Change<'_, Constraint>) -> Reaction {
    let Some(index) = &change.desired.index else {
        return Reaction::Replace;
    };
    let tablespace = change
        .desired
        .tablespace
        .clone()
        .unwrap_or_else(|| Ident::new("pg_default"));
    Reaction::Alter(vec![
        Step::alter(
            change.id,
            format!("ALTER INDEX {index} SET TABLESPACE {tablespace}"),
        )
        .lock(Lock::AccessExclusive, index),
    ])
}

fn set_attached(change: &Change<'_, Constraint>) -> Reaction {
    let Change { live, desired, id, cx } = change;
    let attach = desired.attach(id, cx);
    match (&live.attached_to_ref, attach) {
        (None, Some(attach)) => Reaction::Alter(vec![attach]),
        // Its table is detached while the index goes of which it was a part.
        (Some(whole), attach) if live.facts().holds_whole && cx.stays_together(id, whole) => {
            Reaction::Alter(attach.into_iter().collect())
        }
        // Detaching the partition leaves the constraint behind as its own.
        (Some(whole), None) if !cx.stays_together(id, whole) => Reaction::Alter(Vec::new()),
        _ => Reaction::Replace,
    }
}
