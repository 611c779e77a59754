//! What the tables are behind a statement.

use pg_query::{
    Node, NodeEnum,
    protobuf::{
        AlterObjectSchemaStmt, AlterTableCmd, AlterTableType, ColumnDef, ConstrType, CreateStmt,
        DropStmt, IndexStmt, InsertStmt, ObjectType, OnConflictAction, RenameStmt, ResTarget,
        TypeName, UpdateStmt,
    },
};

use super::{
    super::ast::kind,
    demand::Demand,
    foresight::{Foresight, Index},
    nodes::{enum_labels, gives, idents, listed_name, name},
    partitions,
    probe::{Probe, state},
    tables::{
        Column, GIVEN, Moved, Name, Partitioned, Reach, Relation, Rows, Table, TableId, Value,
        dotted,
    },
};
use crate::{
    source::{ast::tree, effects},
    sql::{Ident, NullTest, join},
};

const FILLED: &str = "an earlier step of the plan adds rows";
const WRITTEN: &str = "an earlier step of the plan writes the values";
const DELETED: &str = "an earlier step of the plan may delete or change rows";
const TRIGGERED: &str = "an earlier step of the plan writes rows, and a trigger may change them";
const GENERATED: &str = "it is computed from values that an earlier step of the plan changes";
const NOT_KNOWN: &str = "its columns are not known";
const QUERIED: &str = "they come from a query";

impl Foresight {
    /// Follows a statement that rows can't keep from being carried out.
    pub(super) fn follow(&mut self, node: &NodeEnum, statement: &str) {
        match node {
            NodeEnum::RenameStmt(rename) => self.rename(rename),
            NodeEnum::AlterObjectSchemaStmt(moved) => self.change_schema(moved),
            NodeEnum::DropStmt(drop) => self.drop(drop),
            NodeEnum::CreateTableAsStmt(create) => {
                let into = create.into.as_ref().and_then(|into| into.rel.as_ref());
                if let Some(relation) = into {
                    self.create_empty(name(relation), Vec::new(), Rows::Unknown(FILLED));
                }
            }
            NodeEnum::CreateEnumStmt(_) => self.enums.extend(enum_labels(statement)),
            NodeEnum::CompositeTypeStmt(create) => {
                let named = create.typevar.as_ref().map(|range| dotted(&name(range)));
                self.created.extend(named);
            }
            NodeEnum::CreateDomainStmt(create) => self.create_domain(create),
            NodeEnum::CreateTrigStmt(create) => {
                if let Some(relation) = &create.relation {
                    let table = self.tables.at(&name(relation));
                    self.tables.get_mut(table).has_triggers = true;
                }
            }
            NodeEnum::DeleteStmt(_)
            | NodeEnum::TruncateStmt(_)
            | NodeEnum::MergeStmt(_)
            | NodeEnum::CopyStmt(_) => self.tables.lose_all(DELETED),
            NodeEnum::CreateSeqStmt(create) => self.create_sequence(create),
            NodeEnum::SelectStmt(_)
            | NodeEnum::DoStmt(_)
            | NodeEnum::CallStmt(_)
            | NodeEnum::ExecuteStmt(_)
            | NodeEnum::ExplainStmt(_)
                if !effects(statement).is_empty() =>
            {
                self.tables.lose_all(DELETED);
            }
            _ => {}
        }
    }

    fn rename(&mut self, rename: &RenameStmt) {
        let to = Ident::new(rename.newname.as_str());
        let table = rename.relation.as_ref().map(name);
        let table = table.and_then(|name| self.tables.find(&name));
        let from = rename.object.as_deref().and_then(named);
        match rename.rename_type() {
            ObjectType::ObjectTable | ObjectType::ObjectSequence => {
                if let Some(table) = table {
                    let schema = self.tables.get(table).name.0.clone();
                    self.tables.rename(table, (schema, to));
                }
            }
            ObjectType::ObjectColumn => {
                if let (Some(table), Some(relation)) = (table, &rename.relation) {
                    let from = Ident::new(rename.subname.as_str());
                    for table in self.reached(table, relation.inh) {
                        self.rename_column(table, &from, &to);
                    }
                }
            }
            ObjectType::ObjectTabconstraint => {
                let waiting =
                    table.and_then(|table| self.waiting.remove(&(table, rename.subname.clone())));
                if let (Some(table), Some(demands)) = (table, waiting) {
                    self.waiting
                        .insert((table, rename.newname.clone()), demands);
                }
                let standing =
                    table.and_then(|table| self.standing.remove(&(table, rename.subname.clone())));
                if let (Some(table), Some(demands)) = (table, standing) {
                    self.uphold(table, &rename.newname, demands);
                }
            }
            ObjectType::ObjectDomconstraint => {
                let domain = from.map(|name| dotted(&name)).unwrap_or_default();
                self.rename_domain_constraint(&domain, &rename.subname, &rename.newname);
            }
            ObjectType::ObjectSchema => {
                self.rename_schema(&Ident::new(rename.subname.as_str()), &to);
            }
            _ => {
                if let Some(from) = from {
                    let to = (from.0.clone(), to);
                    self.rename_object(&from, to);
                }
            }
        }
    }

    fn rename_column(&mut self, table: TableId, from: &Ident, to: &Ident) {
        let table = self.tables.get_mut(table);
        if table.is_open {
            table.rows = Rows::Unknown(NOT_KNOWN);
        }
        let mut columns = table.relation.columns.iter_mut();
        if let Some(column) = columns.find(|column| column.name == *from) {
            column.name.clone_from(to);
        }
    }

    fn rename_schema(&mut self, from: &Ident, to: &Ident) {
        self.tables.rename_schema(from, to);
        let now = self.schemas.remove(from).unwrap_or_else(|| from.clone());
        self.schemas.insert(to.clone(), now);
        let moved = |name: Name| {
            if name.0 == *from {
                (to.clone(), name.1)
            } else {
                name
            }
        };
        let renamed = std::mem::take(&mut self.renamed).into_iter();
        self.renamed = renamed.map(|(name, now)| (moved(name), now)).collect();
        let indexes = std::mem::take(&mut self.indexes).into_iter();
        self.indexes = indexes
            .map(|(name, columns)| (moved(name), columns))
            .collect();
        let (old, new) = (format!("{from}."), format!("{to}."));
        let moved = |name: String| match name.strip_prefix(&old) {
            Some(rest) => format!("{new}{rest}"),
            None => name,
        };
        let enums = std::mem::take(&mut self.enums).into_iter();
        self.enums = enums.map(|(name, labels)| (moved(name), labels)).collect();
        let created = std::mem::take(&mut self.created).into_iter();
        self.created = created.map(moved).collect();
        self.rename_domains(moved);
    }

    /// Notes that a function, a type or the like has another name.
    fn rename_object(&mut self, from: &Name, to: Name) {
        let (old, new) = (dotted(from), dotted(&to));
        if let Some(labels) = self.enums.remove(&old) {
            self.enums.insert(new.clone(), labels);
        }
        if self.created.remove(&old) {
            self.created.insert(new.clone());
        }
        self.rename_domains(|name| if name == old { new.clone() } else { name });
        if let Some(columns) = self.indexes.remove(from) {
            self.indexes.insert(to.clone(), columns);
        }
        let now = self.now(from.clone());
        self.renamed.remove(from);
        self.renamed.insert(to, now);
    }

    fn change_schema(&mut self, moved: &AlterObjectSchemaStmt) {
        let schema = Ident::new(moved.newschema.as_str());
        if matches!(
            moved.object_type(),
            ObjectType::ObjectTable | ObjectType::ObjectSequence
        ) {
            let table = moved.relation.as_ref().map(name);
            if let Some(table) = table.and_then(|name| self.tables.find(&name)) {
                let own = self.tables.get(table).name.1.clone();
                self.move_sequences(table, &schema);
                self.tables.rename(table, (schema, own));
            }
        } else if let Some(from) = moved.object.as_deref().and_then(named) {
            let to = (schema, from.1.clone());
            self.rename_object(&from, to);
        }
    }

    fn drop(&mut self, drop: &DropStmt) {
        for object in drop.objects.iter().filter_map(named) {
            match drop.remove_type() {
                ObjectType::ObjectTable | ObjectType::ObjectSequence => {
                    if let Some(table) = self.tables.find(&object) {
                        self.sequences.remove(&table);
                        self.tables.remove(table);
                    }
                }
                ObjectType::ObjectIndex => {
                    self.indexes.remove(&object);
                }
                _ => {}
            }
        }
    }

    pub(super) fn create(&mut self, create: &CreateStmt) {
        let Some(relation) = &create.relation else {
            return;
        };
        let own = name(relation);
        if create.if_not_exists && self.tables.find(&own).is_some() {
            return;
        }
        let parents = create.inh_relations.iter().filter_map(kind);
        let parents = parents.filter_map(|parent| match parent {
            NodeEnum::RangeVar(parent) => Some(name(parent)),
            _ => None,
        });
        let parents: Vec<Name> = parents.collect();
        let parents: Vec<TableId> = parents.iter().map(|name| self.tables.at(name)).collect();
        let mut columns: Vec<Column> = Vec::new();
        for parent in &parents {
            columns.extend(self.tables.get(*parent).relation.columns.iter().cloned());
        }
        let mut key = Vec::new();
        for element in create.table_elts.iter().filter_map(kind) {
            match element {
                NodeEnum::ColumnDef(def) => {
                    if def.constraints.iter().any(is_primary) {
                        key.push(Ident::new(def.colname.as_str()));
                    }
                    columns.push(self.column(def, Value::Unknown(FILLED)));
                }
                NodeEnum::Constraint(constraint)
                    if constraint.contype() == ConstrType::ConstrPrimary =>
                {
                    key = idents(&constraint.keys);
                }
                _ => {}
            }
        }
        for column in &mut columns {
            column.id = self.tables.new_column();
        }
        let id = self.create_empty(own, columns, Rows::None);
        let relation = &self.tables.get(id).relation;
        let names = relation.names();
        let key = key
            .iter()
            .filter_map(|name| Some(relation.column(name)?.id));
        let key = key.collect();
        let parts = create.partspec.as_ref().and_then(partitions::of_spec);
        let table = self.tables.get_mut(id);
        table.key = key;
        table.partitioned = parts.map(|key| Partitioned { key, names });
        table.parents.clone_from(&parents);
        table.bound.clone_from(&create.partbound);
    }

    fn create_empty(&mut self, name: Name, columns: Vec<Column>, rows: Rows) -> TableId {
        self.tables.insert(Table {
            relation: Relation::live(name.clone(), columns),
            name,
            rows,
            key: Vec::new(),
            partitioned: None,
            bound: None,
            parents: Vec::new(),
            moved: Moved::default(),
            has_triggers: false,
            is_open: false,
        })
    }

    pub(super) fn index(&mut self, index: &IndexStmt) -> Vec<Probe> {
        let demand = self.know_index(index);
        demand.map_or_else(Vec::new, |demand| self.against(&demand))
    }

    /// Notes a unique index, and returns what it demands.
    pub(super) fn know_index(&mut self, index: &IndexStmt) -> Option<Demand> {
        let demand = self.of_index(index)?;
        let schema = self.tables.get(demand.table).name.0.clone();
        let columns = index.index_params.iter().filter_map(kind);
        let columns = columns.filter_map(|element| match element {
            NodeEnum::IndexElem(element) => Some(Ident::new(element.name.as_str())),
            _ => None,
        });
        let name = (schema, Ident::new(index.idxname.as_str()));
        let index = Index {
            columns: columns.collect(),
            demand: demand.clone(),
        };
        self.indexes.insert(name, index);
        Some(demand)
    }

    /// Rows that come from a query: whether the table takes them isn't asked.
    pub(super) fn insert(&mut self, insert: &InsertStmt) -> Vec<Probe> {
        let Some(relation) = &insert.relation else {
            return Vec::new();
        };
        let table = self.tables.at(&name(relation));
        let whole = self.tables.get(table);
        let from = insert.select_stmt.as_deref().and_then(kind);
        let probe = match from {
            Some(NodeEnum::SelectStmt(select)) if select.values_lists.is_empty() => {
                let probe = self.probe(
                    table,
                    whole.relation.clone(),
                    Reach::Heirs,
                    &whole.name.1,
                    state::DATA,
                    format!("rows that are added to {}", dotted(&whole.name)),
                    String::new(),
                );
                Some(Probe {
                    unknown: Some(QUERIED),
                    ..probe
                })
            }
            _ => None,
        };
        let updates = insert
            .on_conflict_clause
            .as_ref()
            .is_some_and(|clause| clause.action() != OnConflictAction::OnconflictNothing);
        if insert.with_clause.is_some() || updates {
            self.tables.lose_all(DELETED);
        } else if self.fires(table) {
            self.tables.lose(table, TRIGGERED);
        } else {
            self.tables.grow(table, FILLED);
        }
        probe.into_iter().collect()
    }

    /// Whether triggers may change rows that a statement writes: the table's, those of its parts, and those of the
    /// partitioned tables that it is a part of.
    fn fires(&self, table: TableId) -> bool {
        let whole = self.tables.above(table).into_iter();
        let whole = whole.filter(|above| self.tables.get(*above).partitioned.is_some());
        let mut involved = self.tables.with_heirs(table).into_iter().chain(whole);
        involved.any(|table| self.tables.get(table).has_triggers)
    }

    /// Rows that an UPDATE can't compute the new values of, and what it leaves behind.
    pub(super) fn update(&mut self, update: &UpdateStmt, statement: &str) -> Vec<Probe> {
        let Some(relation) = &update.relation else {
            return Vec::new();
        };
        let table = self.tables.at(&name(relation));
        if self
            .filled
            .get(&table)
            .is_some_and(|last| last == statement)
        {
            return Vec::new();
        }
        let targets: Vec<&ResTarget> = update
            .target_list
            .iter()
            .filter_map(kind)
            .filter_map(|node| match node {
                NodeEnum::ResTarget(target) => Some(&**target),
                _ => None,
            })
            .collect();
        let columns = targets
            .iter()
            .map(|target| Ident::new(target.name.as_str()));
        let columns: Vec<Ident> = columns.collect();
        if update.with_clause.is_some() {
            self.tables.lose_all(DELETED);
            return self.upheld(table, &columns);
        }
        if self.fires(table) {
            self.tables.lose(table, TRIGGERED);
            return self.upheld(table, &columns);
        }
        let condition = match &update.where_clause {
            None => Some(None),
            Some(condition) => self.plain(condition).map(Some),
        };
        let condition = condition.filter(|_| update.from_clause.is_empty());
        let alias = update
            .relation
            .as_ref()
            .and_then(|relation| relation.alias.as_ref());
        let alias = alias.map_or(relation.relname.as_str(), |alias| alias.aliasname.as_str());
        let alias = Ident::new(alias);
        let mut probes = Vec::new();
        let mut values = Vec::new();
        for target in targets {
            let column = Ident::new(target.name.as_str());
            let computed = target
                .val
                .as_deref()
                .filter(|_| target.indirection.is_empty())
                .and_then(|value| self.plain(value));
            let (Some(condition), Some(value)) = (&condition, computed) else {
                values.push((column, None));
                continue;
            };
            let rest = condition
                .as_ref()
                .map(|condition| format!(" WHERE {condition}"));
            let cast = self.cast(table, &column, &value);
            let whole = self.tables.get(table);
            let probe = self.probe(
                table,
                whole.relation.clone(),
                Reach::Heirs,
                &alias,
                state::DATA,
                format!(
                    "values that {}.{column} is filled with",
                    dotted(&whole.name)
                ),
                rest.unwrap_or_default(),
            );
            probes.push(probe.evaluating(value));
            let new = match condition {
                Some(condition) => format!("CASE WHEN {condition} THEN {cast} ELSE {column} END"),
                None => cast,
            };
            values.push((column, Some(new)));
        }
        for heir in self.reached(table, relation.inh) {
            self.fill(heir, &alias, &values);
            self.filled.insert(heir, statement.to_owned());
        }
        for above in self.tables.above(table) {
            for (column, _) in &values {
                self.forget(above, column, WRITTEN);
            }
        }
        probes.extend(self.upheld(table, &columns));
        probes
    }

    /// The value as the column's type has it.
    fn cast(&self, table: TableId, column: &Ident, value: &str) -> String {
        let column = self.tables.get(table).relation.column(column);
        match column.and_then(|column| column.type_name.as_ref()) {
            Some(type_name) => format!("({value})::{type_name}"),
            None => format!("({value})"),
        }
    }

    fn fill(&mut self, table: TableId, alias: &Ident, values: &[(Ident, Option<String>)]) {
        self.filled.remove(&table);
        let table = self.tables.get_mut(table);
        if table.is_open {
            table.rows = Rows::Unknown(WRITTEN);
            return;
        }
        let mut columns = table.relation.passed_on();
        for column in &mut columns {
            let filled = values.iter().find(|(name, _)| *name == column.name);
            match filled {
                Some((_, Some(value))) => column.value = Value::Computed(value.clone()),
                Some((_, None)) => column.value = Value::Unknown(WRITTEN),
                None if column.is_generated => column.value = Value::Unknown(GENERATED),
                None => {}
            }
        }
        let inner = table.relation.clone();
        table.relation = inner.under(alias, columns);
    }

    pub(super) fn forget(&mut self, table: TableId, name: &Ident, why: &'static str) {
        self.filled.remove(&table);
        let columns = &mut self.tables.get_mut(table).relation.columns;
        if let Some(column) = columns.iter_mut().find(|column| column.name == *name) {
            column.value = Value::Unknown(why);
        }
    }

    /// An expression that reads nothing but the row, if it is one.
    pub(super) fn plain(&self, node: &Node) -> Option<String> {
        if matches!(
            kind(node),
            Some(NodeEnum::SetToDefault(_) | NodeEnum::MultiAssignRef(_))
        ) {
            return None;
        }
        let text = self.expression(node)?;
        (!has(&tree(node), "SubLink")).then_some(text)
    }

    /// What an action of ALTER TABLE leaves behind.
    pub(super) fn after_command(
        &mut self,
        table: TableId,
        inherits: bool,
        command: &AlterTableCmd,
    ) {
        let column = Ident::new(command.name.as_str());
        let def = command.def.as_deref().and_then(kind);
        match (command.subtype(), def) {
            (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(added))) => {
                self.add_column(table, inherits, command.missing_ok, added);
                let added_name = Ident::new(added.colname.as_str());
                for constraint in added.constraints.iter().filter_map(kind) {
                    if let NodeEnum::Constraint(constraint) = constraint {
                        self.create_identity(table, &added_name, constraint);
                    }
                }
            }
            (AlterTableType::AtDropColumn, _) => {
                for table in self.reached(table, inherits) {
                    self.drop_demands(table, &column);
                    let table = self.tables.get_mut(table);
                    table.relation.columns.retain(|own| own.name != column);
                }
            }
            (AlterTableType::AtAlterColumnType, Some(NodeEnum::ColumnDef(def))) => {
                for table in self.reached(table, inherits) {
                    self.retype(table, &column, def);
                }
            }
            (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint)))
                if constraint.contype() == ConstrType::ConstrPrimary =>
            {
                let key = self.columns_of_key(table, constraint, idents(&constraint.keys));
                let relation = &self.tables.get(table).relation;
                let key = key
                    .iter()
                    .filter_map(|name| Some(relation.column(name)?.id));
                let key = key.collect();
                self.tables.get_mut(table).key = key;
            }
            (AlterTableType::AtAddIdentity, Some(NodeEnum::Constraint(identity))) => {
                self.create_identity(table, &column, identity);
            }
            (AlterTableType::AtDropIdentity, _) => self.drop_identity(table, &column),
            (AlterTableType::AtDropConstraint, _) => {
                self.waiting.remove(&(table, command.name.clone()));
                self.standing.remove(&(table, command.name.clone()));
            }
            (AlterTableType::AtSetNotNull | AlterTableType::AtDropNotNull, _) => {
                let refuses_null = command.subtype() == AlterTableType::AtSetNotNull;
                for table in self.reached(table, inherits) {
                    let columns = self.tables.get_mut(table).relation.columns.iter_mut();
                    for own in columns.filter(|own| own.name == column) {
                        own.refuses_null = refuses_null;
                    }
                }
            }
            (
                AlterTableType::AtAttachPartition | AlterTableType::AtDetachPartition,
                Some(NodeEnum::PartitionCmd(moved)),
            ) => {
                let part = moved.name.as_ref().map(name);
                let Some(part) = part.map(|name| self.tables.at(&name)) else {
                    return;
                };
                if command.subtype() == AlterTableType::AtAttachPartition {
                    self.tables.attach(table, part, moved.bound.clone());
                } else {
                    self.tables.detach(table, part);
                }
            }
            (
                AlterTableType::AtAddInherit | AlterTableType::AtDropInherit,
                Some(NodeEnum::RangeVar(parent)),
            ) => {
                let parent = self.tables.at(&name(parent));
                if command.subtype() == AlterTableType::AtAddInherit {
                    self.tables.attach(parent, table, None);
                } else {
                    self.tables.detach(parent, table);
                }
            }
            _ => {}
        }
    }

    /// The table, with those that its change goes down to.
    fn reached(&self, table: TableId, inherits: bool) -> Vec<TableId> {
        if inherits {
            self.tables.with_heirs(table)
        } else {
            vec![table]
        }
    }

    fn add_column(&mut self, table: TableId, inherits: bool, if_missing: bool, def: &ColumnDef) {
        let own = Ident::new(def.colname.as_str());
        for table in self.reached(table, inherits) {
            if if_missing && self.tables.get(table).relation.column(&own).is_some() {
                continue;
            }
            let value = self.value_of_new(def);
            let mut column = self.column(def, value);
            column.id = self.tables.new_column();
            self.tables.get_mut(table).relation.columns.push(column);
        }
    }

    /// What a new column holds in the rows that are there.
    fn value_of_new(&self, def: &ColumnDef) -> Value {
        let constraints = def.constraints.iter().filter_map(kind);
        let given = constraints.filter_map(|node| match node {
            NodeEnum::Constraint(constraint) if gives(constraint.contype()) => Some(constraint),
            _ => None,
        });
        let type_name = def.type_name.as_ref().and_then(|name| self.type_name(name));
        let is_new = def.type_name.as_ref().is_some_and(|name| self.is_new(name));
        let given: Vec<_> = given.collect();
        match (&given[..], type_name) {
            ([], Some(type_name)) if !is_new && !self.gives_value(def) => {
                Value::Computed(format!("NULL::{type_name}"))
            }
            ([constraint], Some(type_name))
                if !is_new && constraint.contype() == ConstrType::ConstrDefault =>
            {
                let default = constraint.raw_expr.as_deref();
                let default = default.and_then(|default| self.plain(default));
                default.map_or(Value::Unknown(GIVEN), |default| {
                    Value::Computed(format!("({default})::{type_name}"))
                })
            }
            _ => Value::Unknown(GIVEN),
        }
    }

    fn gives_value(&self, def: &ColumnDef) -> bool {
        def.type_name
            .as_ref()
            .is_none_or(|name| self.may_have_default(name))
    }

    /// Whether a type is there only once the plan has created it.
    pub(super) fn is_new(&self, type_name: &TypeName) -> bool {
        let named = join(idents(&type_name.names), ".");
        self.created.contains(&named)
            || self.enums.contains_key(&named)
            || self.domains.get(&named).is_some_and(|domain| domain.is_new)
    }

    /// Whether the values of a type are rows.
    pub(super) fn is_row(&self, named: &str) -> bool {
        self.created.contains(named)
            || self.row_types.contains(&self.translated(named))
            || self.domains.get(named).is_some_and(|domain| domain.is_row)
    }

    fn column(&self, def: &ColumnDef, value: Value) -> Column {
        let named = def
            .type_name
            .as_ref()
            .map(|name| join(idents(&name.names), "."));
        let is = |test: &dyn Fn(&str) -> bool| named.as_deref().is_some_and(test);
        let type_name = def.type_name.as_ref().and_then(|name| self.type_name(name));
        let is_generated = def.constraints.iter().filter_map(kind).any(|node| {
            matches!(node, NodeEnum::Constraint(constraint) if constraint.contype() == ConstrType::ConstrGenerated)
        });
        Column {
            id: 0,
            name: Ident::new(def.colname.as_str()),
            value,
            null: NullTest::of_rows(is(&|name| self.is_row(name))),
            type_name,
            is_domain: is(&|name| self.domains.contains_key(name)),
            is_generated,
            refuses_null: false,
        }
    }

    fn retype(&mut self, table: TableId, column: &Ident, def: &ColumnDef) {
        self.filled.remove(&table);
        let new = self.column(def, Value::Unknown(WRITTEN));
        let is_new = def.type_name.as_ref().is_none_or(|name| self.is_new(name));
        let using = match &def.raw_default {
            None => Some(column.to_string()),
            Some(using) => self.plain(using),
        };
        let value = match (&new.type_name, using) {
            (Some(type_name), Some(using)) if !is_new => {
                Value::Computed(format!("({using})::{type_name}"))
            }
            _ => Value::Unknown(WRITTEN),
        };
        let table = self.tables.get_mut(table);
        if table.is_open {
            table.rows = Rows::Unknown(WRITTEN);
            return;
        }
        let mut columns = table.relation.passed_on();
        for own in &mut columns {
            if own.name == *column {
                *own = Column {
                    id: own.id,
                    name: own.name.clone(),
                    value: value.clone(),
                    ..new.clone()
                };
            }
        }
        let inner = table.relation.clone();
        table.relation = inner.under(&table.name.1, columns);
    }
}

fn is_primary(node: &Node) -> bool {
    matches!(kind(node), Some(NodeEnum::Constraint(constraint)) if constraint.contype() == ConstrType::ConstrPrimary)
}

/// The name of an object as statements that rename or move it have it.
fn named(node: &Node) -> Option<Name> {
    match kind(node)? {
        NodeEnum::ObjectWithArgs(object) => listed_name(&object.objname),
        NodeEnum::List(list) => listed_name(&list.items),
        NodeEnum::TypeName(name) => listed_name(&name.names),
        NodeEnum::RangeVar(range) => Some(name(range)),
        _ => None,
    }
}

/// Whether a syntax tree holds a node of a kind.
fn has(tree: &serde_json::Value, wanted: &str) -> bool {
    match tree {
        serde_json::Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name == wanted || has(value, wanted)),
        serde_json::Value::Array(items) => items.iter().any(|item| has(item, wanted)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Foresight, Known, KnownColumn, KnownTable};
    use crate::sql::Ident;

    /// A table of columns with their types.
    fn table(name: &str, columns: &[(&str, &str)]) -> KnownTable {
        let column = |(name, type_name): &(&str, &str)| KnownColumn {
            name: Ident::new(*name),
            type_name: (*type_name).to_owned(),
            is_row: *type_name == "app.pair",
            is_domain: *type_name == "app.code",
            is_generated: false,
            not_null: false,
        };
        KnownTable {
            schema: Ident::new("app"),
            name: Ident::new(name),
            columns: columns.iter().map(column).collect(),
            key: vec![Ident::new("id")],
            partition_key: None,
            parents: Vec::new(),
            partition_bound: None,
            has_triggers: false,
        }
    }

    fn known() -> Known {
        let users = table(
            "users",
            &[
                ("id", "bigint"),
                ("a", "text"),
                ("b", "text"),
                ("p", "app.pair"),
                ("c", "app.code"),
            ],
        );
        Known {
            tables: vec![
                users,
                table("orders", &[("id", "bigint"), ("user_id", "bigint")]),
            ],
            ..Known::default()
        }
    }

    /// The queries of the last of these statements, and what isn't looked at.
    fn last(known: &Known, statements: &[&str]) -> Vec<String> {
        let mut foresight = Foresight::new(known);
        let mut found = Vec::new();
        for statement in statements {
            found = foresight.ahead(statement);
        }
        let shown = found.iter().map(|probe| match (probe.unknown, probe.more) {
            (Some(why), _) => format!("{}: {why}", probe.what),
            (None, Some(why)) => format!("{} ({why})", probe.find()),
            (None, None) => probe.find(),
        });
        shown.collect()
    }

    fn check(statements: &[&str], expected: &[&str]) {
        assert_eq!(last(&known(), statements), expected, "{statements:?}");
    }

    #[test]
    fn names_that_the_plan_changes() {
        check(
            &[
                "ALTER TABLE app.users RENAME TO people",
                "ALTER TABLE app.people ALTER COLUMN a SET NOT NULL",
            ],
            &["SELECT * FROM app.users AS people WHERE a IS NULL LIMIT 10"],
        );
        check(
            &[
                "ALTER TABLE app.users RENAME COLUMN a TO x",
                "ALTER TABLE app.users ALTER COLUMN x SET NOT NULL",
            ],
            &["SELECT * FROM app.users AS users (id, x) WHERE x IS NULL LIMIT 10"],
        );
        // Two columns change their names, and the name that was free is taken again.
        check(
            &[
                "ALTER TABLE app.users RENAME COLUMN a TO aside",
                "ALTER TABLE app.users RENAME COLUMN b TO a",
                "ALTER TABLE app.users RENAME COLUMN aside TO b",
                "ALTER TABLE app.users ADD CHECK (a <> 'x')",
            ],
            &["SELECT * FROM app.users AS users (id, b, a) WHERE NOT (a <> 'x') LIMIT 10"],
        );
        // Two tables do.
        check(
            &[
                "ALTER TABLE app.users RENAME TO aside",
                "ALTER TABLE app.orders RENAME TO users",
                "ALTER TABLE app.aside RENAME TO orders",
                "ALTER TABLE app.users ALTER COLUMN user_id SET NOT NULL",
            ],
            &["SELECT * FROM app.orders AS users WHERE user_id IS NULL LIMIT 10"],
        );
        check(
            &[
                "ALTER SCHEMA app RENAME TO shop",
                "ALTER TABLE shop.users SET SCHEMA other",
                "ALTER TABLE shop.orders ADD FOREIGN KEY (user_id) REFERENCES other.users",
            ],
            &[
                "SELECT * FROM app.orders AS o WHERE o.user_id IS NOT NULL AND NOT EXISTS \
                 (SELECT FROM app.users AS r WHERE r.id = o.user_id) LIMIT 10",
            ],
        );
        check(
            &[
                "ALTER TABLE app.users RENAME COLUMN id TO number",
                "CREATE UNIQUE INDEX i ON app.users (lower(a))",
                "ALTER TABLE app.orders ADD FOREIGN KEY (user_id) REFERENCES app.users (number)",
            ],
            &[
                "SELECT * FROM app.orders AS o WHERE o.user_id IS NOT NULL AND NOT EXISTS \
                 (SELECT FROM app.users AS r (number) WHERE r.number = o.user_id) LIMIT 10",
            ],
        );
    }

    #[test]
    fn functions_and_types_have_the_names_of_now() {
        check(
            &[
                "ALTER FUNCTION app.is_good(text) RENAME TO is_fine",
                "ALTER TABLE app.users ADD CHECK (app.is_fine(a))",
            ],
            &["SELECT * FROM app.users WHERE NOT (app.is_good(a)) LIMIT 10"],
        );
        check(
            &[
                "ALTER SCHEMA app RENAME TO \"Shop\"",
                "ALTER DOMAIN \"Shop\".code RENAME TO mark",
                "ALTER TABLE \"Shop\".users ADD CHECK (\"Shop\".is_good(a::\"Shop\".mark, users.b))",
            ],
            &["SELECT * FROM app.users WHERE NOT (app.is_good(a::app.code, users.b)) LIMIT 10"],
        );
        check(
            &[
                "ALTER DOMAIN app.code RENAME TO mark",
                "ALTER DOMAIN app.mark ADD CHECK (value <> '')",
            ],
            &[
                "SELECT * FROM app.users AS rows (id, a, b, p, value) WHERE NOT (value <> '') LIMIT 10",
            ],
        );
    }

    #[test]
    fn what_is_validated_later_keeps_the_names_of_its_time() {
        check(
            &[
                "ALTER TABLE app.users ADD CONSTRAINT c CHECK (a <> '') NOT VALID",
                "ALTER TABLE app.users RENAME COLUMN a TO x",
                "ALTER TABLE app.users RENAME CONSTRAINT c TO d",
                "ALTER TABLE app.users VALIDATE CONSTRAINT d",
            ],
            &["SELECT * FROM app.users WHERE NOT (a <> '') LIMIT 10"],
        );
        let mut known = known();
        let add = "ALTER TABLE app.users ADD CONSTRAINT c CHECK (a <> '') NOT VALID";
        known.unvalidated = vec![add.to_owned()];
        let validated = [
            "ALTER TABLE app.users RENAME TO people",
            "ALTER TABLE app.people VALIDATE CONSTRAINT c",
        ];
        assert_eq!(
            last(&known, &validated),
            ["SELECT * FROM app.users AS people WHERE NOT (a <> '') LIMIT 10"]
        );
    }

    #[test]
    fn values_that_the_plan_writes() {
        let fill = "UPDATE app.users SET a = lower(b) WHERE a IS NULL";
        let refuse = "ALTER TABLE app.users ALTER COLUMN a SET NOT NULL";
        let filled = "SELECT * FROM (SELECT id, CASE WHEN a IS NULL THEN (lower(b))::text ELSE a END AS a, b, p, c \
                      FROM app.users) AS users WHERE a IS NULL LIMIT 10";
        check(&[fill, refuse], &[filled]);
        check(&[fill, fill, refuse], &[filled]);
        check(&[fill], &["SELECT lower(b) FROM app.users WHERE a IS NULL"]);
        // Columns of then, tables of now.
        check(
            &[
                "ALTER TABLE app.users RENAME COLUMN a TO x",
                "ALTER TABLE app.users ADD COLUMN d integer",
                "UPDATE app.users SET d = length(x) WHERE d IS NULL",
                "ALTER TABLE app.users ALTER COLUMN d SET NOT NULL",
            ],
            &[
                "SELECT * FROM (SELECT id, x, b, p, c, CASE WHEN d IS NULL THEN (length(x))::int ELSE d END AS d FROM \
                 (SELECT id, a AS x, b, p, c, NULL::int AS d FROM app.users) AS users) AS users WHERE d IS NULL LIMIT 10",
            ],
        );
        check(
            &[
                "ALTER TABLE app.users ALTER COLUMN a TYPE integer USING a::integer",
                "ALTER TABLE app.users ADD CHECK (a > 0)",
            ],
            &[
                "SELECT * FROM (SELECT id, (a::int)::int AS a, b, p, c FROM app.users) AS users WHERE NOT (a > 0) LIMIT 10",
            ],
        );
        check(
            &[
                "ALTER TABLE app.users ADD COLUMN d text DEFAULT 'x'",
                "ALTER TABLE app.users ADD UNIQUE (d)",
            ],
            &[
                "SELECT d, count(*) FROM (SELECT id, a, b, p, c, ('x')::text AS d FROM app.users) AS users \
                 WHERE d IS NOT NULL GROUP BY d HAVING count(*) > 1 LIMIT 10",
            ],
        );
    }

    /// A value that fails isn't computed for a query that doesn't need it.
    #[test]
    fn values_that_a_query_does_not_name_are_left_out() {
        let retype = "ALTER TABLE app.users ALTER COLUMN a TYPE integer USING a::integer";
        let fill = "UPDATE app.users SET b = c WHERE b IS NULL";
        check(
            &[retype, "ALTER TABLE app.users ALTER COLUMN p SET NOT NULL"],
            &["SELECT * FROM app.users WHERE p IS NOT DISTINCT FROM NULL LIMIT 10"],
        );
        let filled = "SELECT * FROM (SELECT id, a, CASE WHEN b IS NULL THEN (c)::text ELSE b END AS b, p, c FROM app.users) \
                      AS users WHERE b IS NULL LIMIT 10";
        let refuse = "ALTER TABLE app.users ALTER COLUMN b SET NOT NULL";
        check(&[retype, fill, refuse], &[filled]);
        check(&[fill, retype, refuse], &[filled]);
        check(
            &[
                retype,
                "ALTER TABLE app.users RENAME COLUMN b TO x",
                "ALTER TABLE app.users ADD CHECK (users.x <> '')",
            ],
            &["SELECT * FROM app.users AS users (id, a, x) WHERE NOT (users.x <> '') LIMIT 10"],
        );
        check(
            &[
                retype,
                "ALTER TABLE app.users ADD CHECK (app.is_good(users))",
            ],
            &[
                "SELECT * FROM (SELECT id, (a::int)::int AS a, b, p, c FROM app.users) AS users \
                 WHERE NOT (app.is_good(users)) LIMIT 10",
            ],
        );
    }

    #[test]
    fn what_cannot_be_told_beforehand() {
        let refuse = "ALTER TABLE app.users ALTER COLUMN a SET NOT NULL";
        let written = "NULL in app.users (a): an earlier step of the plan writes the values";
        check(
            &["UPDATE app.users SET a = (SELECT 'x')", refuse],
            &[written],
        );
        check(
            &["UPDATE app.users u SET a = o.id FROM app.orders o", refuse],
            &[written],
        );
        check(
            &["UPDATE app.users SET b = (SELECT 'x')", refuse],
            &["SELECT * FROM app.users WHERE a IS NULL LIMIT 10"],
        );
        let deleted =
            "NULL in app.users (a): an earlier step of the plan may delete or change rows";
        check(&["DELETE FROM app.orders", refuse], &[deleted]);
        check(&["DO $$ BEGIN END $$", refuse], &[deleted]);
        check(
            &["SELECT pg_catalog.setval('app.s', 1)", refuse],
            &["SELECT * FROM app.users WHERE a IS NULL LIMIT 10"],
        );
        check(
            &["INSERT INTO app.users (id) VALUES (1)", refuse],
            &[
                "SELECT * FROM app.users WHERE a IS NULL LIMIT 10 (an earlier step of the plan adds rows)",
            ],
        );
        let mut known = known();
        known.tables[0].has_triggers = true;
        assert_eq!(
            last(&known, &["UPDATE app.users SET b = 'x'", refuse]),
            [
                "NULL in app.users (a): an earlier step of the plan writes rows, and a trigger may change them"
            ],
        );
    }

    #[test]
    fn columns_that_are_there_already() {
        check(
            &["ALTER TABLE app.users ADD COLUMN IF NOT EXISTS a text NOT NULL"],
            &[],
        );
        check(
            &["ALTER TABLE app.users ADD COLUMN IF NOT EXISTS more text NOT NULL"],
            &["SELECT * FROM app.users LIMIT 10"],
        );
    }

    #[test]
    fn keys_over_indexes() {
        let key = "ALTER TABLE app.users ADD CONSTRAINT k PRIMARY KEY USING INDEX i";
        check(
            &[key],
            &["NULL in the columns of the index i of app.users: the index is not known"],
        );
        check(
            &[
                "CREATE UNIQUE INDEX i ON app.users (a, b)",
                "ALTER TABLE app.users RENAME COLUMN a TO x",
                key,
            ],
            &["SELECT * FROM app.users AS users (id, x) WHERE x IS NULL OR b IS NULL LIMIT 10"],
        );
    }

    #[test]
    fn keys_that_other_tables_refer_to() {
        let statement = |action: &str| {
            format!(
                "ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES app.users (id) {action}"
            )
        };
        let change = "UPDATE app.users SET id = (id + 1)";
        let refuse = "ALTER TABLE app.orders ALTER COLUMN user_id SET NOT NULL";
        let mut known = known();
        known.validated = vec![statement("ON UPDATE CASCADE")];
        assert_eq!(
            last(&known, &[change, refuse]),
            [
                "NULL in app.orders (user_id): an earlier step of the plan changes the key that it refers to"
            ]
        );
        known.validated = vec![statement("")];
        let orphans = "SELECT * FROM app.orders AS o WHERE o.user_id IS NOT NULL AND NOT EXISTS \
             (SELECT FROM (SELECT (id + 1)::bigint AS id, a, b, p, c FROM app.users) AS r WHERE r.id = o.user_id) LIMIT 10";
        assert_eq!(last(&known, &[change])[1..], [orphans]);
        let plain = ["SELECT * FROM app.orders WHERE user_id IS NULL LIMIT 10"];
        assert_eq!(last(&known, &[change, refuse]), plain);
        let other = "UPDATE app.users SET a = 'x'";
        assert_eq!(last(&known, &[other]).len(), 1);
    }

    #[test]
    fn constraints_that_are_there() {
        let mut known = known();
        known.tables[0].columns[1].not_null = true;
        known.validated = vec![
            "ALTER TABLE app.users ADD CONSTRAINT k CHECK (a <> '')".to_owned(),
            "ALTER TABLE app.users ADD CONSTRAINT other CHECK (b <> '')".to_owned(),
        ];
        known.unique_indexes =
            vec!["CREATE UNIQUE INDEX i ON app.users USING btree (a)".to_owned()];
        let fill = "UPDATE app.users SET a = b";
        let filled = "(SELECT id, (b)::text AS a, b, p, c FROM app.users) AS users";
        let [against, twice, null] = [
            format!("SELECT * FROM {filled} WHERE NOT (a <> '') LIMIT 10"),
            format!(
                "SELECT a, count(*) FROM {filled} WHERE a IS NOT NULL GROUP BY a HAVING count(*) > 1 LIMIT 10"
            ),
            format!("SELECT * FROM {filled} WHERE a IS NULL LIMIT 10"),
        ];
        let found = |before: &str| last(&known, &[before, fill])[1..].to_vec();
        assert_eq!(
            found("SELECT 1"),
            [against.clone(), twice.clone(), null.clone()]
        );
        assert_eq!(
            found("ALTER TABLE app.users DROP CONSTRAINT k"),
            [twice.clone(), null.clone()]
        );
        assert_eq!(found("DROP INDEX app.i"), [against.clone(), null]);
        assert_eq!(
            found("ALTER TABLE app.users ALTER COLUMN a DROP NOT NULL"),
            [against, twice]
        );
    }

    #[test]
    fn rows_that_a_query_adds() {
        let added = "rows that are added to app.users: they come from a query";
        check(
            &["INSERT INTO app.users (id) SELECT user_id FROM app.orders"],
            &[added],
        );
        check(&["INSERT INTO app.users (id) VALUES (1)"], &[]);
        let create = "CREATE TABLE app.new (id bigint)";
        check(
            &[create, "INSERT INTO app.new SELECT id FROM app.users"],
            &[],
        );
    }

    #[test]
    fn tables_that_the_plan_creates() {
        let create = "CREATE TABLE app.new (id bigint PRIMARY KEY, a text)";
        check(
            &[create, "ALTER TABLE app.new ALTER COLUMN a SET NOT NULL"],
            &[],
        );
        // Nothing in it can be referred to.
        check(
            &[
                create,
                "ALTER TABLE app.orders ADD FOREIGN KEY (user_id) REFERENCES app.new (id)",
            ],
            &["SELECT * FROM app.orders AS o WHERE o.user_id IS NOT NULL LIMIT 10"],
        );
        check(
            &[
                create,
                "INSERT INTO app.new SELECT id FROM app.users",
                "ALTER TABLE app.orders ADD FOREIGN KEY (user_id) REFERENCES app.new (id)",
            ],
            &["orphans in app.orders (user_id): an earlier step of the plan adds rows"],
        );
        check(
            &[
                "DROP TABLE app.users",
                "CREATE TABLE app.users (id bigint, a text)",
                "ALTER TABLE app.users ALTER COLUMN a SET NOT NULL",
            ],
            &[],
        );
    }

    #[test]
    fn foreign_keys_that_match_full() {
        check(
            &[
                "ALTER TABLE app.users ADD FOREIGN KEY (a, b) REFERENCES app.users (b, a) MATCH FULL",
            ],
            &[
                "SELECT * FROM app.users AS o WHERE o.a IS NOT NULL AND o.b IS NOT NULL AND NOT EXISTS \
                 (SELECT FROM app.users AS r WHERE r.b = o.a AND r.a = o.b) LIMIT 10",
                "SELECT * FROM app.users AS o WHERE (o.a IS NULL OR o.b IS NULL) AND NOT (o.a IS NULL AND o.b IS NULL) LIMIT 10",
            ],
        );
    }

    /// `=` of another schema isn't found.
    #[test]
    fn foreign_keys_of_types_with_an_equality_of_their_own() {
        check(
            &["ALTER TABLE app.users ADD FOREIGN KEY (c) REFERENCES app.users (c)"],
            &[
                "SELECT * FROM app.users AS o WHERE (o.c) IN (SELECT f.c FROM app.users AS f EXCEPT \
                 SELECT r.c FROM app.users AS r) AND o.c IS NOT NULL LIMIT 10",
            ],
        );
    }

    #[test]
    fn values_that_are_rows() {
        check(
            &["ALTER TABLE app.users ALTER COLUMN p SET NOT NULL"],
            &["SELECT * FROM app.users WHERE p IS NOT DISTINCT FROM NULL LIMIT 10"],
        );
        check(
            &["ALTER TABLE app.users ADD CHECK (p IS DISTINCT FROM NULL)"],
            &["SELECT * FROM app.users WHERE p IS NOT DISTINCT FROM NULL LIMIT 10"],
        );
        check(
            &["ALTER TABLE app.users ADD CHECK (p IS NOT NULL)"],
            &["SELECT * FROM app.users WHERE NOT (p IS NOT NULL) LIMIT 10"],
        );
        check(
            &["CREATE UNIQUE INDEX i ON app.users (p)"],
            &[
                "SELECT p, count(*) FROM app.users WHERE p IS DISTINCT FROM NULL GROUP BY p HAVING count(*) > 1 LIMIT 10",
            ],
        );
    }

    #[test]
    fn partitions_and_heirs() {
        let mut known = known();
        let child = |name: &str| KnownTable {
            parents: vec![(Ident::new("app"), Ident::new("users"))],
            ..table(name, &[("id", "bigint"), ("b", "text"), ("a", "text")])
        };
        known.tables.push(child("users_1"));
        let rename = "ALTER TABLE app.users RENAME COLUMN a TO x";
        assert_eq!(
            last(
                &known,
                &[
                    rename,
                    "ALTER TABLE app.users_1 ALTER COLUMN x SET NOT NULL"
                ]
            ),
            ["SELECT * FROM app.users_1 AS users_1 (id, b, x) WHERE x IS NULL LIMIT 10"],
        );
        let of_its_own = "ALTER TABLE app.users ADD CHECK (a <> '') NO INHERIT";
        assert_eq!(
            last(&known, &[of_its_own]),
            ["SELECT * FROM ONLY app.users WHERE NOT (a <> '') LIMIT 10"],
        );
        // A key of a table looks at its own rows only, unless it is partitioned.
        assert_eq!(
            last(&known, &["ALTER TABLE app.users ADD UNIQUE (a)"]),
            [
                "SELECT a, count(*) FROM ONLY app.users WHERE a IS NOT NULL GROUP BY a HAVING count(*) > 1 LIMIT 10"
            ],
        );
        assert_eq!(
            last(
                &known,
                &[
                    "UPDATE app.users_1 SET a = 'x'",
                    "ALTER TABLE app.users ALTER COLUMN a SET NOT NULL"
                ]
            ),
            ["NULL in app.users (a): an earlier step of the plan writes the values"],
        );
        known.tables[0].partition_key = Some("LIST (a)".to_owned());
        let mut fires = known.clone();
        fires.tables[2].has_triggers = true;
        let written = [
            "UPDATE app.users SET b = 'x'",
            "ALTER TABLE app.users ALTER COLUMN a SET NOT NULL",
        ];
        assert_eq!(
            last(&fires, &written),
            [
                "NULL in app.users (a): an earlier step of the plan writes rows, and a trigger may change them"
            ]
        );
        assert_eq!(
            last(&known, &[rename, "ALTER TABLE app.users ADD UNIQUE (x)"]),
            [
                "SELECT x, count(*) FROM app.users AS users (id, x) WHERE x IS NOT NULL GROUP BY x HAVING count(*) > 1 LIMIT 10"
            ],
        );
        let attach = "ALTER TABLE app.users ATTACH PARTITION app.more FOR VALUES IN ('x')";
        known
            .tables
            .push(table("more", &[("id", "bigint"), ("a", "text")]));
        assert_eq!(
            last(
                &known,
                &[rename, "ALTER TABLE app.more RENAME COLUMN a TO x", attach]
            ),
            ["SELECT * FROM app.more WHERE (a IN ('x')) IS NOT TRUE LIMIT 10"],
        );
    }
}
