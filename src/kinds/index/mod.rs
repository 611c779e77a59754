//! Indexes that no constraint owns (PostgreSQL docs: CREATE INDEX).

use serde::{Deserialize, Serialize};

use super::{
    Action, Answer, Attribute, Change, Claim, Context, Facts, Follow, Fragment, HazardKind,
    IndexName, Lock, Mode, ObjectId, ObjectKind, Passage, Profile, Reaction, Renaming,
    Replacement, Step, Unfinished,
    breakage::arbiter_gone,
    partitions::reaching,
    rename::in_schema,
    table::{options_difference, options_list},
};
use crate::{
    attributes,
    source::Access,
    sql::{Clauses, Expression, Ident, aside_name, chosen_name},
};

/// An index on a table or a materialized view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the catalog"
)]
pub struct Index {
    /// `UNIQUE`.
    #[serde(default)]
    pub unique: bool,
    /// Whether its table is partitioned.
    #[serde(default)]
    pub partitioned: bool,
    /// Its table as SQL.
    pub table: String,
    /// What follows the table's name in `pg_get_indexdef`: method, columns, INCLUDE.
    pub rest: Expression,
    /// Of which rows it is, where it isn't of all.
    pub predicate: Option<Expression>,
    /// Storage parameters as `name=value`.
    #[serde(default)]
    pub options: Vec<String>,
    /// The names of its columns, an expression's being PostgreSQL's choice.
    #[serde(default)]
    pub columns: Vec<Ident>,
    /// How many of them, the last ones, are no part of the key: `INCLUDE`.
    #[serde(default)]
    pub included: usize,
    /// The tablespace, where it isn't the database's.
    pub tablespace: Option<Ident>,
    /// Whether each partition has its part of a partitioned index. Other indexes are whole.
    pub valid: bool,
    /// Whether queries can't use it although it is whole: a concurrent build of it, or of a part, failed or still runs.
    #[serde(default)]
    pub broken: bool,
    /// Whether `CLUSTER` uses it.
    #[serde(default)]
    pub clustered: bool,
    /// Whether it tells replicas which row is meant.
    #[serde(default)]
    pub replica_identity: bool,
    /// Statistics targets of its expressions as `number=target`.
    pub statistics: Option<Vec<String>>,
    /// The partitioned index that this partition's one is part of.
    pub attached_to_ref: Option<ObjectId>,
}

impl ObjectKind for Index {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        unique "uniqueness",
        partitioned,
        table,
        rest "definition",
        predicate,
        options => set_options: unordered,
        columns: physical,
        included: physical,
        tablespace => set_tablespace,
        valid => set_valid,
        broken: physical,
        clustered "place in CLUSTER" => set_clustered,
        replica_identity => set_replica_identity,
        statistics => set_statistics,
        attached_to_ref "whole" => set_attached,
    });
    const PROFILE: Profile = Profile {
        added_by: &["create index", "create unique index"],
        runs_functions: true,
        // PostgreSQL takes no part of a partitioned index off again.
        leaves: false,
        splits: true,
        has_index: true,
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

    fn address(&self, id: &ObjectId) -> String {
        format!("INDEX {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        if let Some((_, name)) = self.copied_from(id, cx) {
            let rename = format!(
                "ALTER INDEX {} RENAME TO {}",
                id.renamed(name).sql(),
                id.name()
            );
            return vec![
                Step::create(id, rename).because("the partition's copy of the index gets its name"),
            ];
        }
        let mut steps = Vec::new();
        if self.partitioned && !self.valid {
            // Its parts are missing, so it mustn't be copied: neither onto the partitions that are there nor onto new ones.
            let table = cx.world.parent(id).expect("an index has a table");
            let partitions = cx.world.desired_companions(table).into_iter().cloned();
            let mut create = Step::create(id, self.statement(id, "", "ONLY "));
            if !cx.parent_is_created(id) {
                create = create.lock(Lock::Share, &self.table);
            }
            steps.push(partitions.fold(create, Step::after));
        } else if cx.parent_is_created(id) {
            steps.push(Step::create(id, self.statement(id, "", "")));
        } else if let Some(create) = self.reaching_all(id, cx) {
            steps.push(create);
        } else if self.partitioned {
            // Postgres refuses CREATE INDEX CONCURRENTLY on a partitioned parent (0A000); the partitions that are there
            // are indexed one by one and attached.
            steps.push(
                Step::create(id, self.statement(id, "", "ONLY ")).lock(Lock::Share, &self.table),
            );
        } else if cx.world.parent(id).is_some_and(|table| cx.world.changes_whole(table)) {
            let create = Step::create(id, self.statement(id, "", ""));
            let create = create.lock(Lock::Share, &self.table);
            let why = format!("while the index of {} is built", self.table);
            steps.push(create.hazard(HazardKind::BlocksWrites, why));
        } else {
            steps.push(
                Step::create(id, self.statement(id, "CONCURRENTLY ", ""))
                    .because(if self.unique {
                        "without blocking writes; duplicates stop it"
                    } else {
                        "without blocking writes"
                    })
                    .lock(Lock::ShareUpdateExclusive, &self.table)
                    .hazard(
                        HazardKind::NotTransactional,
                        "an interrupted build leaves an invalid index",
                    )
                    .mode(Mode::Alone),
            );
        }
        if let Some(parent) = &self.attached_to_ref {
            steps.push(
                Step::alter(
                    id,
                    format!("ALTER INDEX {} ATTACH PARTITION {}", parent.sql(), id.sql()),
                )
                .because("make it part of the partitioned table's")
                .lock(Lock::AccessExclusive, id.sql())
                .after(parent.clone())
                .finish(),
            );
        }
        steps
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        arbiter_gone(change)
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            arbitrates: self.arbitrates(),
            index_name: Some(IndexName::Own),
            copied_columns: self.valid.then_some(&self.columns),
            goes_with: self.attached_to_ref.as_ref(),
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![
            Step::drop(id, format!("DROP INDEX {}", id.sql()))
                .lock(Lock::AccessExclusive, &self.table)
                .lock(Lock::AccessExclusive, id.sql()),
        ]
    }

    fn complete(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        let cluster = self.clustered.then(|| cluster_on(&self.table, id));
        let replica = self.replica_identity.then(|| identify_by(&self.table, id));
        cluster
            .into_iter()
            .chain(replica)
            .chain(statistics_steps(
                id,
                &[],
                self.statistics.as_deref().unwrap_or_default(),
            ))
            .collect()
    }

    fn implied(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
        let (whole, name) = self.copied_from(id, cx)?;
        let attached_to_ref = self.attached_to_ref.clone();
        let copy = Self {
            clustered: false,
            replica_identity: false,
            statistics: None,
            attached_to_ref,
            valid: true,
            broken: false,
            ..self.clone()
        };
        (name == *id.name()).then(|| Self {
            rest: whole.rest.clone(),
            predicate: whole.predicate.clone(),
            options: whole.options.clone(),
            unique: whole.unique,
            ..copy
        })
    }

    fn when_dislodged(&self, desired: Option<&Self>) -> Follow {
        // PostgreSQL builds it again by itself.
        if desired == Some(self) {
            Follow::Stays
        } else {
            Follow::Rebuilt
        }
    }

    fn unfinished(&self, id: &ObjectId) -> Option<Unfinished> {
        let name = id.sql();
        self.broken.then(|| Unfinished {
            problem: "is invalid: a concurrent build failed or still runs, and queries do not use the index",
            finish: if self.partitioned {
                format!(
                    "rebuild the invalid indexes of its partitions with REINDEX INDEX CONCURRENTLY, then repeat `ALTER INDEX \
                     {name} ATTACH PARTITION …` for them"
                )
            } else {
                format!("rebuild it once no build of it runs: REINDEX INDEX CONCURRENTLY {name}")
            },
            removal: (!self.partitioned && self.attached_to_ref.is_none())
                .then(|| format!("DROP INDEX CONCURRENTLY {name}")),
        })
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        vec![Claim::Relation(id.sql())]
    }

    fn when_accessed(&self, _id: &ObjectId, access: &Access) -> Option<Answer> {
        let predicate = self.predicate.as_ref();
        let predicate = predicate.map_or_else(String::new, |predicate| format!(" WHERE {predicate}"));
        // `brin_vacuum_cleanup` summarizes the ranges that have come.
        let summarizes = *access == Access::Vacuums && self.rest.to_string().starts_with("USING brin ");
        let fills = access.stores() || summarizes || matches!(access, Access::Refreshes | Access::Analyzes);
        fills.then(|| Answer::Evaluates(format!("CREATE INDEX ON {} {}{predicate}", self.table, self.rest)))
    }
}

impl Index {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        // It moves to another schema with its table only.
        (id.schema() == new.schema()).then(|| {
            in_schema(id, new, |id| self.address(id)).lock(Lock::ShareUpdateExclusive, id.sql())
        })
    }

    fn make_way(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        let mut parts = cx.world.companions(id).into_iter();
        let is_held = parts.any(|part| cx.world.live(part).is_some_and(|object| object.facts().holds_whole));
        if !is_held {
            return self.drop(id, cx);
        }
        let rename = format!("ALTER INDEX {} RENAME TO {}", id.sql(), aside_name(id.name()));
        let step = Step::new(Action::Rename, id, rename).because("rename the old index, which goes with its table");
        vec![step.lock(Lock::ShareUpdateExclusive, id.sql())]
    }

    fn arbitrates(&self) -> Option<&[Ident]> {
        let key = self.columns.len() - self.included.min(self.columns.len());
        (self.unique && self.predicate.is_none()).then_some(&self.columns[..key])
    }
}

impl Index {
    /// The partitioned table's index that a new partition gets a copy of, and the name that PostgreSQL gives the copy.
    fn copied_from<'a>(&self, id: &ObjectId, cx: &'a Context<'_>) -> Option<(&'a Self, Ident)> {
        let whole_id = self.attached_to_ref.as_ref()?;
        let whole = cx.desired::<Self>(whole_id)?;
        // One whose parts are missing is not copied.
        if !whole.valid || !cx.makes_part(id, whole_id) {
            return None;
        }
        let table = cx.world.parent(id).expect("an index has a table");
        Some((
            whole,
            chosen_name(table.name().as_str(), &self.columns, "idx"),
        ))
    }

    /// The index of a partitioned table with partitions that are not managed, built on all of them at once.
    fn reaching_all(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Step> {
        let table = cx.world.parent(id).filter(|_| self.partitioned)?;
        let unmanaged = cx.world.unmanaged_partitions(table);
        (!unmanaged.is_empty()).then(|| {
            Step::create(id, self.statement(id, "", ""))
                .because("on every partition, also those that are not managed")
                .lock(Lock::Share, &self.table)
                .hazard(HazardKind::BlocksWrites, reaching(&unmanaged))
        })
    }

    fn statement(&self, id: &ObjectId, concurrently: &str, only: &str) -> String {
        let unique = if self.unique { "UNIQUE " } else { "" };
        let mut text = Clauses::new(format!(
            "CREATE {unique}INDEX {concurrently}{} ON {only}{} {}",
            id.name(),
            self.table,
            self.rest
        ));
        if !self.options.is_empty() {
            text.push(format_args!(" WITH ({})", options_list(&self.options)));
        }
        if let Some(tablespace) = &self.tablespace {
            text.push(format_args!(" TABLESPACE {tablespace}"));
        }
        if let Some(predicate) = &self.predicate {
            text.push(format_args!(" WHERE {predicate}"));
        }
        text.into()
    }
}

fn cluster_on(table: &str, id: &ObjectId) -> Step {
    Step::alter(id, format!("ALTER TABLE {table} CLUSTER ON {}", id.name()))
        .lock(Lock::ShareUpdateExclusive, table)
        .because("let CLUSTER use it")
        .finish()
}

fn identify_by(table: &str, id: &ObjectId) -> Step {
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

fn statistics_steps(id: &ObjectId, live: &[String], desired: &[String]) -> Vec<Step> {
    let number = |entry: &str| {
        entry
            .split_once('=')
            .map_or(entry.to_string(), |(number, _)| number.to_string())
    };
    let reset = live
        .iter()
        .filter(|entry| !desired.iter().any(|other| number(other) == number(entry)))
        .map(|entry| (number(entry), "-1".to_string()));
    let set = desired
        .iter()
        .filter(|entry| !live.contains(entry))
        .map(|entry| {
            (
                number(entry),
                entry
                    .split_once('=')
                    .map_or(String::new(), |(_, target)| target.to_string()),
            )
        });
    reset
        .chain(set)
        .map(|(column, target)| {
            Step::alter(
                id,
                format!(
                    "ALTER INDEX {} ALTER COLUMN {column} SET STATISTICS {target}",
                    id.sql()
                ),
            )
            .because(format!(
                "set the statistics target of its column {column} to {target}"
            ))
            .lock(Lock::ShareUpdateExclusive, id.sql())
        })
        .collect()
}

fn set_options(change: &Change<'_, Index>) -> Reaction {
    if change.desired.partitioned {
        // PostgreSQL has no ALTER INDEX … SET for one (42809).
        return Reaction::Replace;
    }
    let (live, desired) = (&change.live.options, &change.desired.options);
    let gentle = live.iter().chain(desired).all(|option| {
        let (name, _) = option.split_once('=').unwrap_or((option, ""));
        live.contains(option) == desired.contains(option)
            || matches!(name, "fillfactor" | "deduplicate_items")
    });
    // (Measured on 15; the others of the btree, gin, gist, brin and hash methods take the stronger lock.)
    let lock = if gentle {
        Lock::ShareUpdateExclusive
    } else {
        Lock::AccessExclusive
    };
    let step = |action| {
        let sql = format!("ALTER INDEX {} {action}", change.id.sql());
        Step::alter(change.id, sql).lock(lock, change.id.sql())
    };
    let actions = options_difference(live, desired).into_iter();
    Reaction::Alter(actions.map(step).collect())
}

fn set_tablespace(change: &Change<'_, Index>) -> Reaction {
    let tablespace = change
        .desired
        .tablespace
        .clone()
        .unwrap_or_else(|| Ident::new("pg_default"));
    Reaction::Alter(vec![
        Step::alter(
            change.id,
            format!(
                "ALTER INDEX {} SET TABLESPACE {tablespace}",
                change.id.sql()
            ),
        )
        .lock(Lock::AccessExclusive, change.id.sql()),
    ])
}

fn set_valid(change: &Change<'_, Index>) -> Reaction {
    // A partitioned index is valid once every partition's part is attached, and none of them can be taken off again.
    if change.desired.partitioned && change.desired.valid {
        Reaction::Alter(Vec::new())
    } else {
        Reaction::Replace
    }
}

fn set_clustered(change: &Change<'_, Index>) -> Reaction {
    let table = &change.desired.table;
    Reaction::Alter(if change.desired.clustered {
        vec![cluster_on(table, change.id)]
    } else {
        vec![Step::alter(
            change.id,
            format!("ALTER TABLE {table} SET WITHOUT CLUSTER"),
        )]
    })
}

fn set_replica_identity(change: &Change<'_, Index>) -> Reaction {
    // Another index or the table says what the identity is instead.
    let step = change
        .desired
        .replica_identity
        .then(|| identify_by(&change.desired.table, change.id));
    Reaction::Alter(step.into_iter().collect())
}

fn set_statistics(change: &Change<'_, Index>) -> Reaction {
    let (live, desired) = (&change.live.statistics, &change.desired.statistics);
    let list = |targets: &Option<Vec<String>>| targets.clone().unwrap_or_default();
    Reaction::Alter(statistics_steps(change.id, &list(live), &list(desired)))
}

fn set_attached(change: &Change<'_, Index>) -> Reaction {
    match (
        &change.live.attached_to_ref,
        &change.desired.attached_to_ref,
    ) {
        (None, Some(parent)) => Reaction::Alter(vec![
            Step::alter(
                change.id,
                format!(
                    "ALTER INDEX {} ATTACH PARTITION {}",
                    parent.sql(),
                    change.id.sql()
                ),
            )
            .because("make it part of the partitioned table's")
            .lock(Lock::AccessExclusive, change.id.sql())
            .after(parent.clone())
            .finish(),
        ]),
        // Detaching the partition leaves the index behind as its own.
        (Some(whole), None) if !change.cx.stays_together(change.id, whole) => {
            Reaction::Alter(Vec::new())
        }
        _ => Reaction::Replace,
    }
}
