//! Goes through the statements of plans.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::{
    Node, NodeEnum,
    protobuf::{
        AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint,
        ObjectType, Token, TypeName,
    },
};

use super::{
    super::{
        ast::{identifier, kind, strings},
        syntax, tokens,
    },
    foresight::Foresight,
    known::{Known, KnownTable},
    nodes::{enum_labels, expression, gives, idents, name, nodes, type_text},
    partitions,
    probe::{Probe, state, unknown_value},
    sequences,
    tables::{
        Column, Moved, Name, Partitioned, Reach, Relation, Rows, Table, TableId, Tables, Value,
        dotted,
    },
};
use crate::sql::{Ident, NullTest, join};

impl Foresight {
    /// Begins with what the database holds.
    pub fn new(known: &Known) -> Self {
        let mut foresight = Self {
            tables: Tables::default(),
            sequences: BTreeMap::new(),
            enums: BTreeMap::new(),
            created: BTreeSet::new(),
            domains: BTreeMap::new(),
            row_types: BTreeSet::new(),
            indexes: BTreeMap::new(),
            standing: BTreeMap::new(),
            renamed: BTreeMap::new(),
            schemas: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiting_of_domains: BTreeMap::new(),
            filled: BTreeMap::new(),
        };
        for table in &known.tables {
            foresight.know(table);
        }
        for table in &known.tables {
            foresight.know_parents(table);
        }
        for sequence in &known.sequences {
            foresight.know_sequence(sequence);
        }
        for domain in &known.domains {
            foresight.know_domain(domain);
        }
        let demands = known.domain_checks.iter().chain(&known.unique_indexes);
        for statement in demands.chain(&known.validated) {
            foresight.know_demand(statement);
        }
        for statement in &known.unvalidated {
            foresight.ahead(statement);
        }
        foresight
    }

    pub(super) fn know(&mut self, known: &KnownTable) {
        let name = (known.schema.clone(), known.name.clone());
        let columns: Vec<Column> = known
            .columns
            .iter()
            .map(|column| Column {
                id: self.tables.new_column(),
                name: column.name.clone(),
                value: Value::Of(column.name.clone()),
                type_name: Some(column.type_name.clone()),
                null: NullTest::of_rows(column.is_row),
                is_domain: column.is_domain,
                is_generated: column.is_generated,
                refuses_null: column.not_null,
            })
            .collect();
        let of_rows = known.columns.iter().filter(|column| column.is_row);
        let of_rows = of_rows.map(|column| column.type_name.clone());
        self.row_types.extend(of_rows);
        let relation = Relation::live(name.clone(), columns);
        let key = known.key.iter();
        let key = key.filter_map(|name| Some(relation.column(name)?.id));
        let key = key.collect();
        let names = relation.names();
        let by = known.partition_key.as_deref().and_then(partitions::key);
        let partitioned = by.map(|key| Partitioned { key, names });
        let bound = known.partition_bound.as_deref();
        let bound = bound.and_then(partitions::bound);
        self.tables.insert(Table {
            name,
            rows: Rows::Kept,
            relation,
            key,
            partitioned,
            bound,
            parents: Vec::new(),
            moved: Moved::default(),
            has_triggers: known.has_triggers,
            is_open: false,
        });
    }

    pub(super) fn know_parents(&mut self, known: &KnownTable) {
        let name = (known.schema.clone(), known.name.clone());
        let Some(id) = self.tables.find(&name) else {
            return;
        };
        for parent in &known.parents {
            let parent = self.tables.at(parent);
            self.tables.get_mut(id).parents.push(parent);
        }
    }

    /// Takes note of a statement that has been run: what it has made is there already.
    pub fn behind(&mut self, statement: &str) {
        self.enums.extend(enum_labels(statement));
    }

    /// The ways in which rows can make the next statement fail. None for one that can't be read, or whose ways aren't known.
    pub fn ahead(&mut self, statement: &str) -> Vec<Probe> {
        let Ok(parsed) = syntax::parse(statement) else {
            self.tables.lose_all("an earlier step can't be read");
            return Vec::new();
        };
        let mut probes = Vec::new();
        for node in nodes(&parsed) {
            match node {
                NodeEnum::AlterTableStmt(alter) => probes.extend(self.alter_table(alter)),
                NodeEnum::AlterDomainStmt(alter) => probes.extend(self.alter_domain(alter)),
                NodeEnum::CreateStmt(create) => {
                    probes.extend(self.of_new(create));
                    self.create(create);
                }
                NodeEnum::IndexStmt(index) if index.unique => probes.extend(self.index(index)),
                NodeEnum::AlterSeqStmt(alter) => probes.extend(self.alter_sequence(alter)),
                NodeEnum::SelectStmt(select) if sequences::moves_sequences(select) => {
                    probes.extend(self.set_sequence(select));
                }
                NodeEnum::InsertStmt(insert) => probes.extend(self.insert(insert)),
                NodeEnum::UpdateStmt(update) => probes.extend(self.update(update, statement)),
                _ => self.follow(node, statement),
            }
        }
        probes.retain(|probe| !probe.is_about_none);
        probes.into_iter().map(Probe::reduced).collect()
    }

    pub(super) fn alter_table(&mut self, alter: &AlterTableStmt) -> Vec<Probe> {
        // An index is attached to another, too.
        let (Some(relation), ObjectType::ObjectTable) = (&alter.relation, alter.objtype()) else {
            return Vec::new();
        };
        let table = self.tables.at(&name(relation));
        let mut probes = Vec::new();
        for command in alter.cmds.iter().filter_map(kind) {
            if let NodeEnum::AlterTableCmd(command) = command {
                probes.extend(self.of_command(table, command));
                self.after_command(table, relation.inh, command);
            }
        }
        probes
    }

    /// What rows keep one action of ALTER TABLE from being carried out. Those of a new column come with the column.
    pub(super) fn of_command(&mut self, table: TableId, command: &AlterTableCmd) -> Vec<Probe> {
        let column = Ident::new(command.name.as_str());
        let def = command.def.as_deref().and_then(kind);
        match (command.subtype(), def) {
            (AlterTableType::AtSetNotNull, _) => self.against(&self.not_null(table, column)),
            (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(added))) => {
                let own = Ident::new(added.colname.as_str());
                let is_there = self.tables.get(table).relation.column(&own).is_some();
                if command.missing_ok && is_there {
                    return Vec::new();
                }
                match self.needs_default(table, added) {
                    Some(probe) => vec![probe],
                    None => self.of_new_column(table, added),
                }
            }
            (AlterTableType::AtAlterColumnType, Some(NodeEnum::ColumnDef(def))) => {
                let values = self.of_type(table, &column, def);
                let position = self.retype_identity(table, &column, def);
                values.into_iter().chain(position).collect()
            }
            (AlterTableType::AtSetIdentity, Some(NodeEnum::List(options))) => {
                self.alter_identity(table, &column, &options.items)
            }
            (AlterTableType::AtAttachPartition, Some(NodeEnum::PartitionCmd(attach))) => {
                self.of_attached(table, attach)
            }
            (AlterTableType::AtValidateConstraint, _) => {
                let waiting = self.waiting.remove(&(table, command.name.clone()));
                let waiting = waiting.unwrap_or_default();
                let probes = waiting.iter().flat_map(|demand| self.against(demand));
                let probes = probes.collect();
                self.uphold(table, &command.name, waiting);
                probes
            }
            (_, Some(NodeEnum::Constraint(constraint))) => self.of_constraint(table, constraint),
            _ => Vec::new(),
        }
    }

    pub(super) fn of_constraint(&mut self, table: TableId, constraint: &Constraint) -> Vec<Probe> {
        let demands = self.demands(table, constraint);
        if constraint.skip_validation {
            let name = constraint.conname.clone();
            self.waiting.insert((table, name), demands);
            return Vec::new();
        }
        let probes = demands.iter().flat_map(|demand| self.against(demand));
        let probes = probes.collect();
        self.uphold(table, &constraint.conname, demands);
        probes
    }

    /// A column that is added and refuses NULL has to have a value in each row.
    pub(super) fn needs_default(&self, table: TableId, added: &ColumnDef) -> Option<Probe> {
        let mut demands = Vec::new();
        for node in added.constraints.iter().filter_map(kind) {
            if let NodeEnum::Constraint(constraint) = node {
                demands.push(constraint.contype());
            }
        }
        let refuses = |kind: &ConstrType| {
            matches!(kind, ConstrType::ConstrNotnull | ConstrType::ConstrPrimary)
        };
        if !demands.iter().any(refuses) || demands.iter().copied().any(gives) {
            return None;
        }
        if self.may_have_default(added.type_name.as_ref()?) {
            return None;
        }
        let column = Ident::new(added.colname.as_str());
        let whole = self.tables.get(table);
        Some(self.probe(
            table,
            whole.relation.clone(),
            Reach::Heirs,
            &whole.name.1,
            state::NULL,
            format!(
                "rows of {}, for which the new column {column} has no value",
                dotted(&whole.name)
            ),
            String::new(),
        ))
    }

    /// Whether a type may come with a default: a domain can.
    pub(super) fn may_have_default(&self, type_name: &TypeName) -> bool {
        if !type_name.array_bounds.is_empty() {
            return false;
        }
        let named = join(idents(&type_name.names), ".");
        let is_serial = strings(&type_name.names)
            .last()
            .is_some_and(|name| name.contains("serial"));
        let domain = self.domains.get(&named);
        is_serial || domain.is_some_and(|domain| domain.default.is_some())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the query or of what is said of it"
    )]
    pub(super) fn probe(
        &self,
        table: TableId,
        relation: Relation,
        reach: Reach,
        alias: &Ident,
        state: &'static str,
        what: String,
        rest: String,
    ) -> Probe {
        let rows = self.tables.rows(table);
        let table = self.tables.get(table);
        let (unknown, more) = match rows {
            // Nothing is asked of a table that isn't there.
            Rows::Kept | Rows::None => (None, None),
            Rows::More(why) => (None, Some(why)),
            Rows::Unknown(why) => (Some(why), None),
        };
        let key = table.relation.live_names(&table.key).unwrap_or_default();
        Probe {
            unknown: unknown.or_else(|| unknown_value(&relation, &rest)),
            what,
            state,
            more,
            table: dotted(table.relation.base()),
            key,
            selected: "*".to_owned(),
            relation,
            reach,
            alias: alias.clone(),
            rest,
            evaluated: None,
            sifted: None,
            is_about_none: rows == Rows::None,
        }
    }

    /// The text of an expression, as the parser prints it, with the names that functions and types have now.
    pub(super) fn expression(&self, node: &Node) -> Option<String> {
        expression(node).map(|text| self.translated(&text))
    }

    /// A type as a cast names it, with the name that it has now.
    pub(super) fn type_name(&self, type_name: &TypeName) -> Option<String> {
        type_text(type_name).map(|text| self.translated(&text))
    }

    /// A text with the names that functions and types have now.
    pub(super) fn translated(&self, text: &str) -> String {
        if self.renamed.is_empty() && self.schemas.is_empty() {
            return text.to_owned();
        }
        let Ok(scanned) = tokens::scan(text) else {
            return text.to_owned();
        };
        let is_name = |token: &Token| matches!(token, Token::Ident | Token::Uident);
        let mut translated = String::with_capacity(text.len());
        let mut at = 0;
        let mut number = 0;
        while let Some(token) = scanned.get(number) {
            let bounds = tokens::bounds(token);
            let part = |offset: usize| {
                let token = scanned.get(number + offset)?;
                let word = &text[tokens::bounds(token)];
                let is_word = is_name(&token.token()) || token.keyword_kind != 0;
                is_word.then(|| identifier(word)).flatten().map(Ident::new)
            };
            let is_dot = |offset: usize| {
                let dot = scanned.get(number + offset);
                dot.is_some_and(|dot| &text[tokens::bounds(dot)] == ".")
            };
            if let (Some(schema), true, Some(name)) = (part(0), is_dot(1), part(2)) {
                let end = tokens::bounds(&scanned[number + 2]).end;
                let now = self.now((schema, name));
                translated.push_str(&text[at..bounds.start]);
                translated.push_str(&dotted(&now));
                at = end;
                number += 3;
                continue;
            }
            number += 1;
        }
        translated.push_str(&text[at..]);
        translated
    }

    /// The name that a function or type has now.
    pub(super) fn now(&self, name: Name) -> Name {
        if let Some(now) = self.renamed.get(&name) {
            return now.clone();
        }
        let schema = self.schemas.get(&name.0);
        (schema.cloned().unwrap_or(name.0), name.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_that_wait() {
        let add = "ALTER TABLE app.orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID";
        let mut foresight = Foresight::new(&Known::default());
        assert_eq!(
            foresight
                .clone()
                .ahead(&add.replace(" NOT VALID", ""))
                .len(),
            1
        );
        assert!(foresight.ahead(add).is_empty());
        let validate = "ALTER TABLE app.orders VALIDATE CONSTRAINT c";
        assert_eq!(foresight.ahead(validate).len(), 1);
        assert!(foresight.ahead(validate).is_empty());
    }

    #[test]
    fn what_could_be_in_the_way() {
        fn check(statement: &str, expected: &[(&str, &str)]) {
            let found = Foresight::new(&Known::default()).ahead(statement);
            let found: Vec<(&str, String)> = found
                .iter()
                .map(|probe| (probe.what.as_str(), probe.count(None)))
                .collect();
            let sql = |of: &str| {
                format!("SELECT count(*) AS found FROM (SELECT {of} LIMIT 1000) AS rows")
            };
            let expected: Vec<(&str, String)> =
                expected.iter().map(|(what, of)| (*what, sql(of))).collect();
            assert_eq!(found, expected, "{statement}");
        }
        check(
            "ALTER TABLE app.\"User\" ALTER COLUMN email SET NOT NULL",
            &[(
                "NULL in app.\"User\" (email)",
                "FROM app.\"User\" WHERE email IS NULL",
            )],
        );
        check(
            "ALTER TABLE app.users ADD CONSTRAINT u UNIQUE (a, b)",
            &[(
                "duplicates in app.users (a, b)",
                "FROM app.users WHERE a IS NOT NULL AND b IS NOT NULL GROUP BY a, b HAVING count(*) > 1",
            )],
        );
        check(
            "CREATE UNIQUE INDEX CONCURRENTLY i ON app.users USING btree (pg_catalog.lower(email)) WHERE active",
            &[(
                "duplicates in app.users ((pg_catalog.lower(email)))",
                "FROM app.users WHERE (active) AND (pg_catalog.lower(email)) IS NOT NULL GROUP BY (pg_catalog.lower(email)) HAVING count(*) > 1",
            )],
        );
        check(
            "ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES app.users(id)",
            &[(
                "orphans in app.orders (user_id)",
                "FROM app.orders AS o WHERE o.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM app.users AS r WHERE r.id = o.user_id)",
            )],
        );
        check(
            "ALTER TABLE app.orders ADD CONSTRAINT c CHECK (total > 0)",
            &[(
                "rows of app.orders against CHECK (total > 0)",
                "FROM app.orders WHERE NOT (total > 0)",
            )],
        );
        // The index is there already, and looked for duplicates when it was built.
        check(
            "ALTER TABLE app.users ADD CONSTRAINT u UNIQUE USING INDEX i",
            &[],
        );
        check("CREATE INDEX i ON app.users (email)", &[]);
        check(
            "ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES app.users",
            &[],
        );
        check("no SQL", &[]);
    }
}
