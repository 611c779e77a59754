//! Tables: plain, partitioned, partitions and children of an inheritance (PostgreSQL docs: CREATE TABLE, ALTER TABLE).
//!
//! Columns, defaults, constraints, indexes, triggers and policies are objects of their own; those that a new table can
//! declare stand inside its `CREATE TABLE` as fragments.

mod model;
mod options;
mod replacement;

use std::collections::BTreeSet;

pub use self::model::Table;
pub(super) use self::options::{difference as options_difference, list as options_list};
use super::{
    Additions, Answer, Aside, Attribute, Change, Claim, Context, Facts, Fragment, HandedDown,
    HazardKind, Lock, ObjectId, ObjectKind, Passage, Reaction, Renaming, Replacement, Step,
    Survival, Unfinished,
    rename::{in_schema, noticed},
};
use crate::{
    attributes,
    source::Access,
    sql::{Clauses, Ident, join},
};

impl ObjectKind for Table {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        unlogged "persistence" => set_logged,
        access_method => set_access_method,
        options => set_options: unordered,
        partition_key,
        partition_of_ref "partitioned table" => reattach,
        detaching: physical,
        partition_bound => reattach,
        inherits_refs "parents" => set_inheritance,
        of_type "type" => set_type,
        tablespace => set_tablespace,
        row_security => set_row_security,
        force_row_security => set_force_row_security,
        replica_identity => set_replica_identity,
    });
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        resembles: Self::resembles,
        ..Renaming::NONE
    };
    const REPLACEMENT: Replacement<Self> = Replacement {
        aside: Self::aside,
        ..Replacement::NONE
    };
    const SURVIVAL: Survival<Self> = Survival {
        outlive: Self::outlive,
        reattach: Self::reattach,
    };
    const ADDITIONS: Additions<Self> = Additions {
        before_event_triggers: Self::before_event_triggers,
        ..Additions::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("TABLE {}", id.sql())
    }

    fn unfinished(&self, id: &ObjectId) -> Option<Unfinished> {
        let whole = self.partition_of_ref.as_ref().filter(|_| self.detaching)?;
        Some(Unfinished {
            problem: "is being detached: DETACH PARTITION CONCURRENTLY was interrupted or still runs",
            finish: format!(
                "finish it once it no longer runs: ALTER TABLE {} DETACH PARTITION {} FINALIZE",
                whole.sql(),
                id.sql()
            ),
            removal: None,
        })
    }

    fn create(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        let mut create = Step::create(id, self.create_statement(id, parts));
        if let Some(parent) = &self.partition_of_ref
            && !cx.world.is_created(parent)
        {
            create = create.lock(Lock::AccessExclusive, parent.sql());
        }
        let mut steps = vec![create];
        if self.row_security {
            let enable = alter_table(id, "ENABLE ROW LEVEL SECURITY");
            steps.push(enable.because("turn its row security on").finish());
        }
        if self.force_row_security {
            let force = alter_table(id, "FORCE ROW LEVEL SECURITY");
            steps.push(
                force
                    .because("let its row security hold for the owner")
                    .finish(),
            );
        }
        steps.extend(self.replica_identity_step(id));
        steps
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let (id, world) = (change.id, change.cx.world);
        let Some((live, desired)) = change.both() else {
            return change.unless_it_stays("statements that use");
        };
        let mut reasons = Vec::new();
        if desired.row_security && !live.row_security {
            reasons.push(format!("statements on {} find and write only rows that a policy lets their role see", id.sql()));
        } else if desired.facts().hides_rows && desired.force_row_security && !live.force_row_security {
            reasons.push(format!("statements of the owner of {} find and write only rows that a policy lets it see", id.sql()));
        }
        let (before, after) = (live.facts().wholes(), desired.facts().wholes());
        let left = before.into_iter().filter(|whole| !after.contains(whole));
        for whole in left.filter(|whole| world.desired(whole).is_some()) {
            reasons.push(format!("statements on {} no longer find the rows of {}", whole.sql(), id.sql()));
        }
        (!reasons.is_empty()).then(|| join(reasons, "; "))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            privilege_class: Some("TABLES"),
            hides_rows: self.row_security,
            // Dropping a partitioned table drops its partitions: they depend on it automatically.
            goes_with: self.partition_of_ref.as_ref(),
            parents: self.partition_of_ref.iter().chain(self.inherits_refs.iter().flatten()).collect(),
            has_fields: true,
            is_partitioned: self.partition_key.is_some(),
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        let mut step = Step::drop(id, format!("DROP TABLE {}", id.sql()))
            .lock(Lock::AccessExclusive, id.sql());
        if let Some(parent) = &self.partition_of_ref {
            step = step.lock(Lock::AccessExclusive, parent.sql());
        }
        if self.partition_key.is_none() {
            step = step.hazard(
                HazardKind::DeletesData,
                format!("the rows of {} go with it", id.sql()),
            );
        }
        vec![step]
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        let share = self.partition_of_ref.as_ref().zip(self.partition_bound.as_ref());
        let share = share.map(|(whole, bound)| Claim::Share {
            of: whole.sql(),
            bound: bound.clone(),
        });
        let names = [Claim::Relation(id.sql()), Claim::Type(id.sql())];
        names.into_iter().chain(share).collect()
    }

    fn when_accessed(&self, id: &ObjectId, access: &Access) -> Option<Answer> {
        let key = self.partition_key.as_ref().filter(|_| access.stores())?;
        Some(Answer::Evaluates(format!("CREATE TABLE {} () PARTITION BY {key}", id.sql())))
    }
}

impl Table {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        let step = in_schema(id, new, |id| self.address(id)).lock(Lock::AccessExclusive, id.sql());
        Some(noticed(step))
    }

    fn resembles(&self, _created: &Self) -> bool {
        true // What tells tables apart is their columns.
    }

    fn aside(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<Aside> {
        Some(replacement::keep_rows(self, desired, id, cx))
    }

    fn outlive(&self, desired: &Self, _id: &ObjectId, _cx: &Context<'_>) -> Option<Vec<Step>> {
        // It is detached, or stands aside with the table that it is a partition of.
        (self.partition_of_ref != desired.partition_of_ref).then(Vec::new)
    }

    fn reattach(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(parent) = &self.partition_of_ref {
            let detach = format!("ALTER TABLE {} DETACH PARTITION {}", parent.sql(), id.sql());
            let step = Step::alter(id, detach)
                .because(format!("detach it from {}", parent.sql()))
                .lock(Lock::AccessExclusive, parent.sql())
                .lock(Lock::AccessExclusive, id.sql());
            let step = default_partition(parent, id, cx)
                .into_iter()
                .fold(step, |step, default| step.lock(Lock::AccessExclusive, default));
            let step = left_behind(parent, desired.partition_of_ref.as_ref(), id, cx).into_iter().fold(step, Step::then);
            steps.push(if desired.partition_of_ref.is_some() {
                let why = format!("until {} is attached and its rows are checked", id.sql());
                step.hazard(HazardKind::BlocksReads, why)
            } else {
                step
            });
        }
        if let (Some(parent), Some(bound)) = (&desired.partition_of_ref, &desired.partition_bound) {
            let attach = format!(
                "ALTER TABLE {} ATTACH PARTITION {} {bound}",
                parent.sql(),
                id.sql()
            );
            let missing = if self.partition_of_ref.as_ref() == Some(parent) {
                Vec::new()
            } else {
                missing(parent, id, cx)
            };
            let mut statements = missing.into_iter().chain([attach]);
            let first = Step::alter(id, statements.next().expect("it is attached"));
            let mut step = statements
                .fold(first, Step::then)
                .because(format!("attach it to {}", parent.sql()))
                .lock(Lock::ShareUpdateExclusive, parent.sql())
                .lock(Lock::AccessExclusive, id.sql());
            if let Some(default) = default_partition(parent, id, cx) {
                step = step.lock(Lock::AccessExclusive, default);
            }
            step = step
                .hazard(
                    HazardKind::MayFail,
                    "a row that doesn't fit the bound stops it",
                )
                .finish();
            // It has to have the parent's columns and constraints first; one that was a part of it has them.
            let own = if self.partition_of_ref == desired.partition_of_ref {
                Vec::new()
            } else {
                children(id, cx)
            };
            steps.push(own.into_iter().fold(step, Step::after));
        }
        steps
    }

    fn before_event_triggers(&self, bodies: &str) -> Vec<Self> {
        if !bodies.contains("row level security") {
            return Vec::new();
        }
        let without = |row_security, force_row_security| Self {
            row_security,
            force_row_security,
            ..self.clone()
        };
        [(false, false), (true, false), (false, true)]
            .into_iter()
            .filter(|(on, forced)| *on <= self.row_security && *forced <= self.force_row_security)
            .map(|(on, forced)| without(on, forced))
            .filter(|other| other != self)
            .collect()
    }
}

impl Table {
    fn create_statement(&self, id: &ObjectId, parts: &[Fragment]) -> Clauses {
        let mut text = Clauses::new(format!(
            "CREATE {}TABLE {}",
            if self.unlogged { "UNLOGGED " } else { "" },
            id.sql()
        ));
        if let Some(of_type) = &self.of_type {
            text.push(" OF ");
            text.push(of_type);
        }
        if let Some(parent) = &self.partition_of_ref {
            text.push(" PARTITION OF ");
            text.push(parent.sql());
        }
        if !parts.is_empty() {
            text.push(" (\n    ");
            text.push(join(parts.iter().map(|part| &part.sql), ",\n    "));
            text.push("\n)");
        } else if self.of_type.is_none() && self.partition_of_ref.is_none() {
            text.push(" ()");
        }
        if let Some(bound) = &self.partition_bound {
            text.push(' ');
            text.push(bound);
        }
        if let Some(parents) = &self.inherits_refs {
            text.push(format_args!(
                "\nINHERITS ({})",
                join(parents.iter().map(ObjectId::sql), ", ")
            ));
        }
        if let Some(key) = &self.partition_key {
            text.push("\nPARTITION BY ");
            text.push(key);
        }
        if let Some(method) = self
            .access_method
            .as_ref()
            .filter(|method| method.as_str() != "heap")
        {
            text.push(format_args!("\nUSING {method}"));
        }
        if !self.options.is_empty() {
            text.push(format_args!("\nWITH ({})", options_list(&self.options)));
        }
        if let Some(tablespace) = &self.tablespace {
            text.push(format_args!("\nTABLESPACE {tablespace}"));
        }
        text
    }

    fn replica_identity_step(&self, id: &ObjectId) -> Option<Step> {
        let identity = self.replica_identity.as_ref()?;
        (identity != "INDEX")
            .then(|| alter_table(id, &format!("REPLICA IDENTITY {identity}")))
            .map(|step| {
                step.because(format!("set its replica identity to {identity}"))
                    .finish()
            })
    }
}

fn alter_table(id: &ObjectId, action: &str) -> Step {
    Step::alter(id, format!("ALTER TABLE {} {action}", id.sql()))
        .lock(Lock::AccessExclusive, id.sql())
}

fn set_logged(change: &Change<'_, Table>) -> Reaction {
    let (word, id) = (
        if change.desired.unlogged {
            "UNLOGGED"
        } else {
            "LOGGED"
        },
        change.id,
    );
    let mut step = alter_table(id, &format!("SET {word}"))
        .because(format!("make it {}", word.to_lowercase()))
        .hazard(
            HazardKind::Rewrites,
            format!("{} is written anew", id.sql()),
        )
        .hazard(HazardKind::BlocksReads, "for as long as that takes");
    if change.desired.unlogged {
        step = step.hazard(
            HazardKind::DeletesData,
            "an unlogged table is emptied by a crash and absent on replicas",
        );
    }
    // PostgreSQL has no foreign key lead from a table that is logged to one that isn't (42P16).
    let step = keyed(change).into_iter().filter(|other| *other != id).fold(step, |step, other| step.after(other.clone()));
    Reaction::Alter(vec![step])
}

/// The tables whose persistence changes first: those that refer to one that is no longer logged, and those to which one refers
/// that is logged from now on.
fn keyed<'a>(change: &Change<'a, Table>) -> BTreeSet<&'a ObjectId> {
    let (id, world) = (change.id, change.cx.world);
    let parts = world.live_children(id).into_iter();
    let others: Vec<&ObjectId> = if change.desired.unlogged {
        parts.flat_map(|part| world.live_dependents(part)).collect()
    } else {
        parts.flat_map(|part| world.live_dependencies(part)).collect()
    };
    let tables = others.into_iter().filter_map(|part| world.parent(part));
    tables.filter(|other| change.cx.live::<Table>(other).is_some()).collect()
}

fn set_access_method(change: &Change<'_, Table>) -> Reaction {
    match &change.desired.access_method {
        // SET ACCESS METHOD came with PostgreSQL 15.
        Some(method) if change.cx.server_version >= 150_000 => Reaction::Alter(vec![
            alter_table(change.id, &format!("SET ACCESS METHOD {method}"))
                .hazard(
                    HazardKind::Rewrites,
                    format!("{} is written anew", change.id.sql()),
                )
                .hazard(HazardKind::BlocksReads, "for as long as that takes"),
        ]),
        _ => Reaction::Replace,
    }
}

fn set_options(change: &Change<'_, Table>) -> Reaction {
    let actions = options_difference(&change.live.options, &change.desired.options);
    Reaction::Alter(
        actions
            .into_iter()
            .map(|action| {
                Step::alter(
                    change.id,
                    format!("ALTER TABLE {} {action}", change.id.sql()),
                )
                .lock(Lock::ShareUpdateExclusive, change.id.sql())
            })
            .collect(),
    )
}

fn reattach(change: &Change<'_, Table>) -> Reaction {
    Reaction::Alter(change.live.reattach(change.desired, change.id, change.cx))
}

/// The other partition that has the rows which fit no bound: it is looked at and locked, too.
fn default_partition(whole: &ObjectId, but: &ObjectId, cx: &Context<'_>) -> Option<String> {
    let partitions = cx.world.companions(whole).into_iter();
    let mut others = partitions.filter(|partition| *partition != but);
    let is_default = |partition: &&ObjectId| {
        cx.live::<Table>(partition).is_some_and(|table| table.partition_bound.as_deref() == Some("DEFAULT"))
    };
    others.find(is_default).map(ObjectId::sql)
}

/// Statements that drop what a table keeps of a whole that it leaves, and what neither it nor the whole that it joins has.
fn left_behind(whole: &ObjectId, joins: Option<&ObjectId>, id: &ObjectId, cx: &Context<'_>) -> Vec<String> {
    if joins == Some(whole) {
        return Vec::new();
    }
    let goes_on = |had: &(&ObjectId, HandedDown<'_>)| {
        let (other, had) = *had;
        let mut own = cx.world.children(id).into_iter();
        let own = own.find(|own| own.kind == other.kind && own.name() == other.name());
        let stays = own.is_some_and(|own| {
            let after = cx.world.desired(own).and_then(|object| object.facts().handed_down);
            after.is_some_and(|after| cx.left_behind(own, &after).is_some())
        });
        let handed = joins.into_iter().flat_map(|whole| cx.handed_down_after(whole));
        let mut handed = handed.filter(|(wanted, _)| wanted.name() == other.name());
        cx.stays(other) && (stays || handed.any(|(_, wanted)| wanted.definition == had.definition))
    };
    let had = cx.handed_down_before(whole).into_iter();
    had.filter(|had| !goes_on(had))
        .map(|(other, _)| {
            // Where the whole's own one goes, it may have gone before.
            let if_there = if cx.stays(other) { "" } else { "IF EXISTS " };
            format!("ALTER TABLE {} DROP CONSTRAINT {if_there}{}", id.sql(), other.name())
        })
        .collect()
}

/// Statements that give a table what the whole that it joins wants each part to have before.
fn missing(whole: &ObjectId, id: &ObjectId, cx: &Context<'_>) -> Vec<String> {
    let leaves = cx.world.live(id).and_then(|object| object.facts().goes_with);
    let wanted = cx.handed_down_after(whole).into_iter();
    let wanted = wanted.filter(|(_, wanted)| wanted.is_needed);
    wanted
        .filter_map(|(other, wanted)| {
            let had = leaves.into_iter().flat_map(|whole| cx.handed_down_before(whole)).filter(|(had, _)| cx.stays(had));
            let own = cx.world.live_children(id).into_iter();
            let own = own.filter_map(|own| Some((own, cx.world.live(own)?.facts().handed_down?)));
            let mut same = own.chain(had).filter(|(own, had)| {
                own.kind == other.kind && own.name() == other.name() && had.definition == wanted.definition
            });
            let (table, name) = (id.sql(), other.name());
            match same.next() {
                Some((_, had)) if had.valid => None,
                // PostgreSQL refuses one whose rows were not checked.
                Some(_) => Some(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}")),
                None => Some(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {}", wanted.definition)),
            }
        })
        .collect()
}

/// What belongs to the table as it shall be.
fn children(id: &ObjectId, cx: &Context<'_>) -> Vec<ObjectId> {
    cx.world.children(id).into_iter().cloned().collect()
}

fn set_inheritance(change: &Change<'_, Table>) -> Reaction {
    let (live, desired) = (
        change.live.inherits_refs.as_deref(),
        change.desired.inherits_refs.as_deref(),
    );
    let (live, desired) = (live.unwrap_or_default(), desired.unwrap_or_default());
    let leave = live
        .iter()
        .filter(|parent| !desired.contains(parent))
        .map(|parent| {
            let leave = alter_table(change.id, &format!("NO INHERIT {}", parent.sql()));
            leave.because(format!("it no longer inherits from {}", parent.sql()))
        });
    let join = desired
        .iter()
        .filter(|parent| !live.contains(parent))
        .map(|parent| {
            let join = alter_table(change.id, &format!("INHERIT {}", parent.sql()));
            join.because(format!("it inherits from {}", parent.sql()))
        });
    // A table that joins has to have the parent's columns and constraints first.
    let join = join.map(|join| {
        children(change.id, change.cx)
            .into_iter()
            .fold(join.finish(), Step::after)
    });
    Reaction::Alter(leave.chain(join).collect())
}

fn set_type(change: &Change<'_, Table>) -> Reaction {
    let action = change
        .desired
        .of_type
        .as_ref()
        .map_or_else(|| "NOT OF".to_string(), |name| format!("OF {name}"));
    Reaction::Alter(vec![alter_table(change.id, &action)])
}

fn set_tablespace(change: &Change<'_, Table>) -> Reaction {
    let tablespace = change
        .desired
        .tablespace
        .clone()
        .unwrap_or_else(|| Ident::new("pg_default"));
    Reaction::Alter(vec![
        alter_table(change.id, &format!("SET TABLESPACE {tablespace}"))
            .hazard(
                HazardKind::Rewrites,
                format!("{} is copied", change.id.sql()),
            )
            .hazard(HazardKind::BlocksReads, "for as long as that takes"),
    ])
}

fn set_row_security(change: &Change<'_, Table>) -> Reaction {
    Reaction::Alter(vec![if change.desired.row_security {
        // Policies come first, so that nobody finds the table empty in between.
        alter_table(change.id, "ENABLE ROW LEVEL SECURITY")
            .hazard(
                HazardKind::ChangesAccess,
                "roles without a policy see no rows",
            )
            .finish()
    } else {
        alter_table(change.id, "DISABLE ROW LEVEL SECURITY").hazard(
            HazardKind::ChangesAccess,
            "every role that may read the table sees all rows",
        )
    }])
}

fn set_force_row_security(change: &Change<'_, Table>) -> Reaction {
    let word = if change.desired.force_row_security {
        "FORCE"
    } else {
        "NO FORCE"
    };
    Reaction::Alter(vec![
        alter_table(change.id, &format!("{word} ROW LEVEL SECURITY"))
            .hazard(HazardKind::ChangesAccess, "the owner's own access changes"),
    ])
}

fn set_replica_identity(change: &Change<'_, Table>) -> Reaction {
    Reaction::Alter(match &change.desired.replica_identity {
        None => vec![alter_table(change.id, "REPLICA IDENTITY DEFAULT")],
        // The index says so itself.
        Some(_) => change
            .desired
            .replica_identity_step(change.id)
            .into_iter()
            .collect(),
    })
}
