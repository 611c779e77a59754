//! What an UPDATE of the plan has to keep to: the constraints and indexes that are there already.

use std::collections::BTreeSet;

use pg_query::NodeEnum;

use super::{
    super::{ast::kind, syntax},
    demand::Demand,
    foresight::Foresight,
    nodes::{name, nodes},
    probe::Probe,
    tables::{ColumnId, TableId},
};
use crate::sql::Ident;

const CASCADED: &str = "an earlier step of the plan changes the key that it refers to";

impl Foresight {
    /// Takes note of a statement that has made a constraint or a unique index of the database.
    pub(super) fn know_demand(&mut self, statement: &str) {
        let Ok(parsed) = syntax::parse(statement) else {
            return;
        };
        for node in nodes(&parsed) {
            match node {
                NodeEnum::AlterDomainStmt(alter) => self.change_domain(alter),
                NodeEnum::IndexStmt(index) => {
                    self.know_index(index);
                }
                NodeEnum::AlterTableStmt(alter) => {
                    let Some(relation) = &alter.relation else {
                        continue;
                    };
                    let table = self.tables.at(&name(relation));
                    for command in alter.cmds.iter().filter_map(kind) {
                        if let NodeEnum::AlterTableCmd(command) = command
                            && let Some(NodeEnum::Constraint(constraint)) =
                                command.def.as_deref().and_then(kind)
                        {
                            let demands = self.demands(table, constraint);
                            self.uphold(table, &constraint.conname, demands);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Notes what a constraint demands of each row from now on.
    pub(super) fn uphold(&mut self, table: TableId, name: &str, demands: Vec<Demand>) {
        let key = (table, name.to_owned());
        self.standing.entry(key).or_default().extend(demands);
    }

    /// Forgets what constraints and indexes demand of a column that is dropped: they go with it.
    pub(super) fn drop_demands(&mut self, table: TableId, column: &Ident) {
        let Some(column) = self.tables.get(table).relation.column(column) else {
            return;
        };
        let dropped = BTreeSet::from([column.id]);
        let stays = |demand: &Demand| demand.table != table || !demand.is_of(&dropped);
        for demands in self.standing.values_mut() {
            demands.retain(stays);
        }
        self.indexes.retain(|_, index| stays(&index.demand));
    }

    /// Rows that break what is there already once columns of a table have their new values. What a foreign key passes on
    /// to other tables can't be told any more.
    pub(super) fn upheld(&mut self, table: TableId, columns: &[Ident]) -> Vec<Probe> {
        let mut probes = Vec::new();
        let mut seen = BTreeSet::new();
        let mut changed: Vec<(TableId, Vec<Ident>)> = vec![(table, columns.to_vec())];
        while let Some((table, columns)) = changed.pop() {
            let is_cascaded = !seen.is_empty();
            if !seen.insert(table) {
                continue;
            }
            let mut touched = self.tables.with_heirs(table);
            touched.extend(self.tables.above(table));
            if is_cascaded {
                for own in &touched {
                    for column in &columns {
                        self.forget(*own, column, CASCADED);
                    }
                }
            }
            let ids = self.changed(&touched, &columns);
            for demand in self.demands_on(&touched, &ids) {
                if is_cascaded && demand.foreign().is_some() {
                    continue; // The server sees to it.
                }
                probes.extend(self.against(&demand));
            }
            // Each part has the whole's NOT NULL, too.
            for column in self.refusing_null(table, &ids) {
                probes.extend(self.against(&self.not_null(table, column)));
            }
            for demand in self.references_to(&touched, &ids) {
                match demand.foreign().filter(|foreign| foreign.cascades) {
                    Some(foreign) => changed.push((demand.table, foreign.own.clone())),
                    None => probes.extend(self.against(&demand)),
                }
            }
        }
        probes
    }

    /// The columns of these names, and those that are computed from others.
    fn changed(&self, tables: &[TableId], names: &[Ident]) -> BTreeSet<ColumnId> {
        let columns = tables
            .iter()
            .flat_map(|table| &self.tables.get(*table).relation.columns);
        let changed = columns.filter(|column| names.contains(&column.name) || column.is_generated);
        changed.map(|column| column.id).collect()
    }

    fn demands_on(&self, tables: &[TableId], columns: &BTreeSet<ColumnId>) -> Vec<Demand> {
        let of_constraints = self.standing.values().flatten();
        let of_indexes = self.indexes.values().map(|index| &index.demand);
        of_constraints
            .chain(of_indexes)
            .filter(|demand| tables.contains(&demand.table) && demand.is_of(columns))
            .cloned()
            .collect()
    }

    fn refusing_null(&self, table: TableId, columns: &BTreeSet<ColumnId>) -> Vec<Ident> {
        let own = self.tables.get(table).relation.columns.iter();
        own.filter(|column| column.refuses_null && columns.contains(&column.id))
            .map(|column| column.name.clone())
            .collect()
    }

    /// The foreign keys that refer to these columns.
    fn references_to(&self, tables: &[TableId], columns: &BTreeSet<ColumnId>) -> Vec<Demand> {
        let demands = self.standing.values().flatten();
        demands
            .filter(|demand| {
                demand
                    .foreign()
                    .is_some_and(|foreign| foreign.refers_to(tables, columns))
            })
            .cloned()
            .collect()
    }
}
