//! Tables as they will be when a statement of a plan runs, told by what they are now.
//!
//! The statements before it rename tables and columns, add columns and fill them. A query that is asked beforehand reads the
//! tables by the names that they have now, and computes what those statements will have written.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::protobuf::PartitionBoundSpec;

use super::key::Key;
use crate::sql::{Ident, NullTest, join};

/// A table's or other object's name: its schema, empty where none is written, and its own.
pub(super) type Name = (Ident, Ident);

pub(super) const GIVEN: &str = "its type or an earlier step of the plan gives it a value";
pub(super) const NEW_TYPE: &str = "the plan creates the new type";

/// A name as SQL writes it.
pub(super) fn dotted((schema, name): &Name) -> String {
    if schema.as_str().is_empty() {
        name.to_string()
    } else {
        format!("{schema}.{name}")
    }
}

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: Name,
    pub(super) rows: Rows,
    pub(super) relation: Relation,
    /// The columns of its primary key.
    pub(super) key: Vec<ColumnId>,
    /// By what rows are told apart, if it is partitioned.
    pub(super) partitioned: Option<Partitioned>,
    /// Which rows it holds as a partition.
    pub(super) bound: Option<PartitionBoundSpec>,
    /// What it is a partition of or inherits from.
    pub(super) parents: Vec<TableId>,
    /// The parts that have come and gone.
    pub(super) moved: Moved,
    /// Whether triggers may change rows of it or others.
    pub(super) has_triggers: bool,
    /// Whether columns are missing here: those of a table that isn't managed.
    pub(super) is_open: bool,
}

/// What is known of the rows that a table will have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rows {
    /// They are those that it has now.
    Kept,
    /// There are none: the plan creates the table.
    None,
    /// There are more than now; why.
    More(&'static str),
    /// They can be others; why.
    Unknown(&'static str),
}

/// By what the rows of a partitioned table are told apart.
#[derive(Debug, Clone)]
pub(super) struct Partitioned {
    /// Its columns and expressions, written with the names of that moment.
    pub(super) key: Key,
    pub(super) names: Names,
}

/// The parts of a table that have come and gone.
#[derive(Debug, Clone, Default)]
pub(super) struct Moved {
    /// Those that are detached, as they were then.
    pub(super) away: BTreeMap<TableId, (Rows, Relation)>,
    /// Those that are new.
    pub(super) come: BTreeSet<TableId>,
}

const MOVED: &str = "an earlier step of the plan moves a partition";

/// A table's place in [`Tables`], which stays while its name changes.
pub(super) type TableId = usize;

/// Tells a column, whatever it is called.
pub(super) type ColumnId = usize;

/// The names that columns have at one moment.
pub(super) type Names = BTreeMap<ColumnId, Ident>;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) id: ColumnId,
    pub(super) name: Ident,
    pub(super) value: Value,
    /// Its type, as a cast of a query that is asked now names it.
    pub(super) type_name: Option<String>,
    pub(super) null: NullTest,
    pub(super) is_domain: bool,
    pub(super) is_generated: bool,
    pub(super) refuses_null: bool,
}

/// Where a column's values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// The column of this name of what the relation reads.
    Of(Ident),
    /// An expression over what the relation reads.
    Computed(String),
    /// It can't be told beforehand; why.
    Unknown(&'static str),
}

/// A query's source of rows: a table as it is now, or one step on from another relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    source: Source,
    pub(super) columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// The table of this name, with its columns in their order.
    Live(Name, Vec<(ColumnId, Ident)>),
    /// Another relation, under the name by which the expressions know it.
    Over(Box<Relation>, Ident),
}

/// The system columns by which the rows of a table and of its partitions are told apart.
pub(super) const PLACE: [&str; 2] = ["tableoid", "ctid"];

impl Relation {
    pub(super) fn live(name: Name, columns: Vec<Column>) -> Self {
        let live = columns
            .iter()
            .map(|column| (column.id, column.name.clone()));
        Self {
            source: Source::Live(name, live.collect()),
            columns,
        }
    }

    /// The table in the database from which the rows come.
    pub(super) fn base(&self) -> &Name {
        match &self.source {
            Source::Live(name, _) => name,
            Source::Over(inner, _) => inner.base(),
        }
    }

    /// The names that these columns have in the database.
    pub(super) fn live_names(&self, columns: &[ColumnId]) -> Option<Vec<Ident>> {
        match &self.source {
            Source::Live(_, live) => {
                let name = |id: &ColumnId| live.iter().find(|(own, _)| own == id);
                let names = columns.iter().map(|id| Some(name(id)?.1.clone()));
                names.collect()
            }
            Source::Over(inner, _) => inner.live_names(columns),
        }
    }

    pub(super) fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// The names that the columns have now.
    pub(super) fn names(&self) -> Names {
        let names = self.columns.iter();
        names
            .map(|column| (column.id, column.name.clone()))
            .collect()
    }

    /// The relation with the columns of another moment, under the names of then.
    pub(super) fn with_names(&self, names: &Names) -> Self {
        let mut relation = self.clone();
        relation
            .columns
            .retain(|column| names.contains_key(&column.id));
        for column in &mut relation.columns {
            column.name.clone_from(&names[&column.id]);
        }
        relation
    }

    /// The relation with the places of its rows, which tell one from all others.
    pub(super) fn with_places(mut self) -> Self {
        if let Source::Over(inner, alias) = self.source {
            self.source = Source::Over(Box::new(inner.with_places()), alias);
        }
        for (number, place) in PLACE.into_iter().enumerate() {
            self.columns.push(Column {
                id: ColumnId::MAX - number,
                name: Ident::new(place),
                value: Value::Of(Ident::new(place)),
                type_name: None,
                null: NullTest::Plain,
                is_domain: false,
                is_generated: false,
                refuses_null: false,
            });
        }
        self
    }

    /// Lets expressions over its columns be columns; `alias` is the name under which they know it.
    pub(super) fn under(self, alias: &Ident, columns: Vec<Column>) -> Self {
        Self {
            source: Source::Over(Box::new(self), alias.clone()),
            columns,
        }
    }

    /// Its columns, as those of a relation over it.
    pub(super) fn passed_on(&self) -> Vec<Column> {
        let pass_on = |column: &Column| Column {
            value: match column.value {
                Value::Unknown(why) => Value::Unknown(why),
                Value::Of(_) | Value::Computed(_) => Value::Of(column.name.clone()),
            },
            ..column.clone()
        };
        self.columns.iter().map(pass_on).collect()
    }

    /// The relation with what a text over it needs, under the name `alias`: a value that it doesn't name isn't computed, so
    /// that it can't fail either.
    pub(super) fn for_text(self, alias: &Ident, text: &str) -> Self {
        let word = alias.to_string();
        let parts = words(text, &word);
        // The row as a whole needs them all.
        let is_whole = parts
            .into_iter()
            .any(|after| !after.starts_with('.') || after.starts_with(".*"));
        if is_whole { self } else { self.reduced(text) }
    }

    fn reduced(mut self, text: &str) -> Self {
        let is_needed = |column: &Column| {
            !matches!(column.value, Value::Computed(_)) || is_named(&column.name.to_string(), text)
        };
        let Source::Over(inner, alias) = self.source else {
            self.columns.retain(is_needed);
            return self;
        };
        let computes =
            |column: &Column| matches!(column.value, Value::Computed(_)) && is_needed(column);
        if !self.columns.iter().any(computes) {
            // What isn't computed is what it was, under the name of now.
            let mut names = BTreeMap::new();
            for column in &self.columns {
                if inner.columns.iter().any(|own| own.id == column.id) {
                    names.insert(column.id, column.name.clone());
                }
            }
            return inner.with_names(&names).reduced(text);
        }
        self.columns.retain(is_needed);
        let needed = self
            .columns
            .iter()
            .filter_map(|column| match &column.value {
                Value::Computed(expression) => Some(expression.clone()),
                Value::Of(name) if is_named(&column.name.to_string(), text) => {
                    Some(name.to_string())
                }
                Value::Of(_) | Value::Unknown(_) => None,
            });
        let inner = inner.for_text(&alias, &join(needed, " "));
        self.columns.retain(|column| match &column.value {
            Value::Of(name) => inner.column(name).is_some(),
            Value::Computed(_) | Value::Unknown(_) => true,
        });
        self.source = Source::Over(Box::new(inner), alias);
        self
    }

    /// Whether it computes values that the table doesn't have now.
    pub(super) fn computes(&self) -> bool {
        let is_computed = |column: &Column| matches!(column.value, Value::Computed(_));
        self.columns.iter().any(is_computed)
            || match &self.source {
                Source::Live(..) => false,
                Source::Over(inner, _) => inner.computes(),
            }
    }

    /// The relation as it stands behind FROM; `limit` is a condition on the table's rows.
    pub(super) fn sql(&self, alias: &Ident, reach: Reach, limit: Option<&str>) -> String {
        match &self.source {
            Source::Live(name, live) => {
                let only = match reach {
                    Reach::Only => "ONLY ",
                    Reach::Heirs => "",
                };
                let filter = limit.map(|limit| format!(" WHERE {limit}"));
                let filter = filter.unwrap_or_default();
                let table = format!("{only}{}", dotted(name));
                let Some(list) = self.renamed(live) else {
                    return format!("(SELECT {} FROM {table}{filter}) AS {alias}", self.list());
                };
                if filter.is_empty() && list.is_empty() && *alias == name.1 {
                    return table;
                }
                let table = if filter.is_empty() {
                    table
                } else {
                    format!("(SELECT * FROM {table}{filter})")
                };
                if list.is_empty() {
                    format!("{table} AS {alias}")
                } else {
                    format!("{table} AS {alias} ({})", join(list, ", "))
                }
            }
            Source::Over(inner, inner_alias) => {
                let inner = inner.sql(inner_alias, reach, limit);
                format!("(SELECT {} FROM {inner}) AS {alias}", self.list())
            }
        }
    }

    /// The columns' names as an alias has them, up to the last one that is another than now; `None` where they are more than
    /// other names.
    fn renamed(&self, live: &[(ColumnId, Ident)]) -> Option<Vec<Ident>> {
        if !self
            .columns
            .iter()
            .all(|column| matches!(column.value, Value::Of(_)))
        {
            return None;
        }
        let mut names: Vec<Ident> = Vec::new();
        let mut changed = 0;
        for (id, name) in live {
            let column = self.columns.iter().find(|column| column.id == *id);
            // One that is dropped is still there.
            let now = column.map_or(name, |column| &column.name);
            if names.contains(now) {
                return None;
            }
            names.push(now.clone());
            if now != name {
                changed = names.len();
            }
        }
        names.truncate(changed);
        Some(names)
    }

    /// What is selected.
    fn list(&self) -> String {
        let known = self.columns.iter().filter_map(|column| {
            let name = &column.name;
            match &column.value {
                Value::Of(inner) if inner == name => Some(name.to_string()),
                Value::Of(inner) => Some(format!("{inner} AS {name}")),
                Value::Computed(expression) => Some(format!("{expression} AS {name}")),
                Value::Unknown(_) => None,
            }
        });
        join(known, ", ")
    }
}

/// Whether a name, as SQL writes it, stands as a word in a text.
pub fn is_named(name: &str, text: &str) -> bool {
    !words(text, name).is_empty()
}

/// What follows a word in a text, wherever it stands there.
fn words<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"');
    let found = text.match_indices(word);
    found
        .filter(|(at, _)| !text[..*at].ends_with(part_of_word))
        .map(|(at, _)| &text[at + word.len()..])
        .filter(|after| !after.starts_with(part_of_word))
        .collect()
}

/// Whether the rows of partitions and heirs are among a table's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// They are.
    Heirs,
    /// They aren't.
    Only,
}

/// All tables that a plan may speak of.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    all: Vec<Table>,
    by_name: BTreeMap<Name, TableId>,
    columns: ColumnId,
    /// Why no table's rows are told by those of now, if they aren't.
    lost: Option<&'static str>,
}

impl Tables {
    /// The number of a new column.
    pub(super) fn new_column(&mut self) -> ColumnId {
        self.columns += 1;
        self.columns
    }

    /// Adds a table; one of the same name is forgotten.
    pub(super) fn insert(&mut self, table: Table) -> TableId {
        let id = self.all.len();
        self.by_name.insert(table.name.clone(), id);
        self.all.push(table);
        id
    }

    pub(super) fn find(&self, name: &Name) -> Option<TableId> {
        self.by_name.get(name).copied()
    }

    /// The table of a name. One that isn't known is taken for one that is there.
    pub(super) fn at(&mut self, name: &Name) -> TableId {
        if let Some(id) = self.find(name) {
            return id;
        }
        self.insert(Table {
            name: name.clone(),
            rows: self.lost.map_or(Rows::Kept, Rows::Unknown),
            relation: Relation::live(name.clone(), Vec::new()),
            key: Vec::new(),
            partitioned: None,
            bound: None,
            parents: Vec::new(),
            moved: Moved::default(),
            has_triggers: false,
            is_open: true,
        })
    }

    pub(super) fn get(&self, id: TableId) -> &Table {
        &self.all[id]
    }

    /// What is known of the rows of a table.
    pub(super) fn rows(&self, id: TableId) -> Rows {
        let table = &self.all[id];
        let Moved { away, come } = &table.moved;
        match &table.rows {
            Rows::Unknown(why) => Rows::Unknown(why),
            Rows::None if !come.is_empty() => Rows::Unknown(MOVED),
            _ if !away.is_empty() => Rows::Unknown(MOVED),
            Rows::Kept if !come.is_empty() => Rows::More(MOVED),
            rows => rows.clone(),
        }
    }

    /// Takes a part from a table and what that is a part of.
    pub(super) fn detach(&mut self, whole: TableId, part: TableId) {
        let was = (self.rows(part), self.all[part].relation.clone());
        for whole in self.with_above(whole) {
            let moved = &mut self.all[whole].moved;
            if !moved.come.remove(&part) && was.0 != Rows::None {
                moved.away.insert(part, was.clone());
            }
        }
        let part = &mut self.all[part];
        part.parents.retain(|parent| *parent != whole);
        part.bound = None;
    }

    /// Makes a table a part of another, and of what that is a part of.
    pub(super) fn attach(
        &mut self,
        whole: TableId,
        part: TableId,
        bound: Option<PartitionBoundSpec>,
    ) {
        let is = (self.rows(part), self.all[part].relation.clone());
        for whole in self.with_above(whole) {
            let whole = &mut self.all[whole];
            match whole.moved.away.remove(&part) {
                Some(was) if was == is => {}
                Some(_) => whole.rows = Rows::Unknown(MOVED),
                None if is.0 == Rows::None => {}
                None => {
                    whole.moved.come.insert(part);
                }
            }
        }
        let part = &mut self.all[part];
        part.parents.push(whole);
        part.bound = bound;
    }

    fn with_above(&self, id: TableId) -> Vec<TableId> {
        let mut all = self.above(id);
        all.push(id);
        all
    }

    pub(super) fn get_mut(&mut self, id: TableId) -> &mut Table {
        &mut self.all[id]
    }

    /// The tables that are there, with their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TableId, &Table)> {
        self.by_name.values().map(|id| (*id, &self.all[*id]))
    }

    pub(super) fn rename(&mut self, id: TableId, to: Name) {
        let from = std::mem::replace(&mut self.all[id].name, to.clone());
        self.by_name.remove(&from);
        self.by_name.insert(to, id);
    }

    pub(super) fn rename_schema(&mut self, from: &Ident, to: &Ident) {
        let all = std::mem::take(&mut self.by_name);
        for ((schema, name), id) in all {
            let name = (if schema == *from { to.clone() } else { schema }, name);
            self.all[id].name = name.clone();
            self.by_name.insert(name, id);
        }
    }

    pub(super) fn remove(&mut self, id: TableId) {
        self.by_name.remove(&self.all[id].name);
        for above in self.above(id) {
            self.all[above].rows = Rows::Unknown("an earlier step drops a partition of it");
        }
        for table in &mut self.all {
            table.parents.retain(|parent| *parent != id);
        }
    }

    /// The table, its partitions and its heirs, and theirs.
    pub(super) fn with_heirs(&self, id: TableId) -> Vec<TableId> {
        let mut found = vec![id];
        let mut at = 0;
        while let Some(parent) = found.get(at).copied() {
            at += 1;
            let heirs = self
                .iter()
                .filter(|(_, table)| table.parents.contains(&parent));
            let heirs: Vec<TableId> = heirs.map(|(heir, _)| heir).collect();
            for heir in heirs {
                if !found.contains(&heir) {
                    found.push(heir);
                }
            }
        }
        found
    }

    /// What the table is a part of, and what that is a part of.
    pub(super) fn above(&self, id: TableId) -> Vec<TableId> {
        let mut found = self.all[id].parents.clone();
        let mut at = 0;
        while let Some(table) = found.get(at).copied() {
            at += 1;
            for parent in &self.all[table].parents {
                if !found.contains(parent) {
                    found.push(*parent);
                }
            }
        }
        found
    }

    /// Whether foreign keys and unique indexes of the table leave the rows of its heirs alone.
    pub(super) fn reach_of_keys(&self, id: TableId) -> Reach {
        if self.all[id].partitioned.is_none() && self.with_heirs(id).len() > 1 {
            Reach::Only
        } else {
            Reach::Heirs
        }
    }

    /// Says that a table's rows, and so those of its heirs and of its whole, can be others.
    pub(super) fn lose(&mut self, id: TableId, why: &'static str) {
        let mut lost = self.with_heirs(id);
        lost.extend(self.above(id));
        for id in lost {
            self.all[id].rows = Rows::Unknown(why);
        }
    }

    /// Says that rows come into a table.
    pub(super) fn grow(&mut self, id: TableId, why: &'static str) {
        let mut grown = self.with_heirs(id);
        grown.extend(self.above(id));
        for id in grown {
            let rows = &mut self.all[id].rows;
            *rows = match rows {
                Rows::Kept | Rows::More(_) => Rows::More(why),
                Rows::None => Rows::Unknown(why),
                Rows::Unknown(known) => Rows::Unknown(known),
            };
        }
    }

    /// Says that any row can be another from now on.
    pub(super) fn lose_all(&mut self, why: &'static str) {
        self.lost = Some(why);
        for id in self.by_name.values() {
            self.all[*id].rows = Rows::Unknown(why);
        }
    }
}
