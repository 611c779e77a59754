//! What a statement creates, changes and is about.

use pg_query::{
    Node, NodeEnum,
    protobuf::{
        AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint,
        CreateStmt, ObjectType, RangeVar,
    },
};

use super::{Session, Sort, Symbol, ast, do_block::Block, named, session, statement::Traits};

/// What a statement is to other statements.
#[derive(Debug, Default)]
pub(super) struct Definition {
    pub(super) defines: Vec<Symbol>,
    pub(super) implied: Vec<Symbol>,
    pub(super) traits: Traits,
    /// The relation or type whose columns, keys or labels it changes.
    pub(super) shapes: Option<Symbol>,
    /// The schemas to whose every object it applies.
    pub(super) whole_schemas: Vec<String>,
}

/// Reads the definition of a statement, given with its text; names without schema are put where the session would put them.
pub(super) fn definition(node: &NodeEnum, text: &str, session: &Session) -> Definition {
    let mut definition = match node {
        NodeEnum::DoStmt(_) => program(&Block::read(text).statements),
        NodeEnum::SelectStmt(_) => program(&[]),
        node => read(node),
    };
    for symbol in definition.defines.iter_mut().chain(&mut definition.implied) {
        qualify(symbol, session);
    }
    definition
}

/// Puts a name without schema where the session would put it, if things of its sort are in schemas.
fn qualify(symbol: &mut Symbol, session: &Session) {
    let global = matches!(
        symbol.sort,
        Sort::Schema
            | Sort::Extension
            | Sort::Language
            | Sort::AccessMethod
            | Sort::ForeignDataWrapper
            | Sort::Server
            | Sort::Publication
            | Sort::Subscription
            | Sort::EventTrigger
    );
    if symbol.schema.is_none() && !global {
        symbol.schema = Some(session.creation_schema());
    }
}

/// What a program defines where that stands there. It acts on what is there, so its file's order counts.
fn program(statements: &[NodeEnum]) -> Definition {
    let inner = statements.iter().map(read);
    Definition {
        implied: inner
            .flat_map(|inner| inner.defines.into_iter().chain(inner.implied))
            .collect(),
        traits: Traits {
            ordered: true,
            evaluates: true,
            program: true,
            ..Traits::default()
        },
        ..Definition::default()
    }
}

fn read(node: &NodeEnum) -> Definition {
    let mut definition = Definition::default();
    let Definition {
        defines,
        implied,
        traits,
        shapes,
        whole_schemas,
    } = &mut definition;
    match node {
        NodeEnum::CreateStmt(table) => {
            create_table(table, Sort::Table, defines, implied);
            traits.repeatable = table.if_not_exists;
            traits.evaluates = true;
        }
        NodeEnum::CreateForeignTableStmt(foreign) => {
            if let Some(table) = &foreign.base_stmt {
                create_table(table, Sort::ForeignTable, defines, implied);
                traits.repeatable = table.if_not_exists;
            }
        }
        NodeEnum::ViewStmt(view) => {
            defines.extend(
                view.view
                    .as_ref()
                    .map(|name| ast::relation(Sort::View, name)),
            );
            traits.repeatable = view.replace;
        }
        NodeEnum::CreateTableAsStmt(view) => {
            let name = view.into.as_ref().and_then(|into| into.rel.as_ref());
            defines.extend(name.map(|name| ast::relation(Sort::MaterializedView, name)));
            traits.repeatable = view.if_not_exists;
        }
        NodeEnum::IndexStmt(index) => {
            if let Some(table) = &index.relation {
                // An index is in its table's schema. Without a name PostgreSQL chooses one, which nothing can refer to yet.
                if !index.idxname.is_empty() {
                    defines.push(
                        Symbol::new(Sort::Index, index.idxname.as_str()).within(&table.schemaname),
                    );
                }
                if index.unique {
                    implied.push(ast::relation(Sort::Key, table));
                }
            }
            traits.repeatable = index.if_not_exists;
            traits.evaluates = true;
        }
        NodeEnum::CreateSeqStmt(sequence) => {
            defines.extend(
                sequence
                    .sequence
                    .as_ref()
                    .map(|name| ast::relation(Sort::Sequence, name)),
            );
            traits.repeatable = sequence.if_not_exists;
        }
        NodeEnum::CompositeTypeStmt(composite) => {
            defines.extend(
                composite
                    .typevar
                    .as_ref()
                    .map(|name| ast::relation(Sort::CompositeType, name)),
            );
        }
        NodeEnum::CreateEnumStmt(created) => {
            defines.extend(ast::named(Sort::Type, &ast::strings(&created.type_name)));
        }
        NodeEnum::CreateRangeStmt(created) => {
            defines.extend(ast::named(Sort::Type, &ast::strings(&created.type_name)));
        }
        NodeEnum::CreateDomainStmt(domain) => {
            let parts = ast::strings(&domain.domainname);
            defines.extend(ast::named(Sort::Domain, &parts));
            constraints(&domain.constraints, &parts, implied);
            traits.evaluates = true;
        }
        NodeEnum::CreateFunctionStmt(function) => {
            let sort = if function.is_procedure {
                Sort::Procedure
            } else {
                Sort::Function
            };
            let arguments = ast::input_types(&function.parameters);
            defines.extend(
                ast::named(sort, &ast::strings(&function.funcname))
                    .map(|name| name.with_arguments(arguments)),
            );
            traits.repeatable = function.replace;
        }
        NodeEnum::CreateSchemaStmt(schema) => {
            let symbol = named::schema_of(schema);
            let name = symbol.name.as_str();
            for element in schema.schema_elts.iter().filter_map(ast::kind) {
                let inner = read(element);
                // What is created along with a schema is created in it.
                implied.extend(
                    inner
                        .defines
                        .into_iter()
                        .chain(inner.implied)
                        .map(|symbol| symbol.within(name)),
                );
            }
            traits.repeatable = schema.if_not_exists;
            defines.push(symbol);
        }
        NodeEnum::CreateExtensionStmt(extension) => {
            defines.push(Symbol::new(Sort::Extension, extension.extname.as_str()));
            traits.repeatable = extension.if_not_exists;
        }
        NodeEnum::DefineStmt(define) => {
            let parts = ast::strings(&define.defnames);
            defines.extend(
                named::sort_of(define.kind())
                    .and_then(|sort| ast::named(sort, &parts))
                    .map(|symbol| match define.kind() {
                        ObjectType::ObjectAggregate => {
                            symbol.with_arguments(aggregate_arguments(&define.args))
                        }
                        ObjectType::ObjectOperator => {
                            symbol.with_arguments(operand_types(&define.definition))
                        }
                        _ => symbol,
                    }),
            );
            // A type without definition is a shell, to be followed by the type itself.
            traits.repeatable = define.replace
                || define.if_not_exists
                || (define.kind() == ObjectType::ObjectType && define.definition.is_empty());
        }
        NodeEnum::CreateOpClassStmt(class) => {
            defines.extend(
                ast::named(Sort::OperatorClass, &ast::strings(&class.opclassname))
                    .map(|name| name.member(class.amname.as_str())),
            );
        }
        NodeEnum::CreateOpFamilyStmt(family) => {
            defines.extend(
                ast::named(Sort::OperatorFamily, &ast::strings(&family.opfamilyname))
                    .map(|name| name.member(family.amname.as_str())),
            );
        }
        NodeEnum::CreateConversionStmt(conversion) => {
            defines.extend(ast::named(
                Sort::Conversion,
                &ast::strings(&conversion.conversion_name),
            ));
        }
        NodeEnum::CreateStatsStmt(statistics) => {
            defines.extend(ast::named(
                Sort::Statistics,
                &ast::strings(&statistics.defnames),
            ));
            traits.repeatable = statistics.if_not_exists;
            traits.evaluates = true;
        }
        NodeEnum::CreatePlangStmt(language) => {
            defines.push(Symbol::new(Sort::Language, language.plname.as_str()));
            traits.repeatable = language.replace;
        }
        NodeEnum::CreateAmStmt(method) => {
            defines.push(Symbol::new(Sort::AccessMethod, method.amname.as_str()));
        }
        NodeEnum::CreateFdwStmt(wrapper) => defines.push(Symbol::new(
            Sort::ForeignDataWrapper,
            wrapper.fdwname.as_str(),
        )),
        NodeEnum::CreateForeignServerStmt(server) => {
            defines.push(Symbol::new(Sort::Server, server.servername.as_str()));
            traits.repeatable = server.if_not_exists;
        }
        NodeEnum::CreatePublicationStmt(publication) => {
            defines.push(Symbol::new(Sort::Publication, publication.pubname.as_str()));
        }
        NodeEnum::CreateSubscriptionStmt(subscription) => defines.push(Symbol::new(
            Sort::Subscription,
            subscription.subname.as_str(),
        )),
        NodeEnum::CreateEventTrigStmt(trigger) => {
            defines.push(Symbol::new(Sort::EventTrigger, trigger.trigname.as_str()));
            traits.last = true;
        }
        NodeEnum::AlterEventTrigStmt(_) => traits.last = true,
        NodeEnum::CreateTrigStmt(trigger) => {
            defines.extend(trigger.relation.as_ref().map(|table| {
                ast::relation(Sort::Trigger, table).member(trigger.trigname.as_str())
            }));
            traits.repeatable = trigger.replace;
        }
        NodeEnum::CreatePolicyStmt(policy) => {
            defines.extend(policy.table.as_ref().map(|table| {
                ast::relation(Sort::Policy, table).member(policy.policy_name.as_str())
            }));
        }
        NodeEnum::RuleStmt(rule) => {
            defines.extend(
                rule.relation
                    .as_ref()
                    .map(|table| ast::relation(Sort::Rule, table).member(rule.rulename.as_str())),
            );
            traits.repeatable = rule.replace;
        }
        NodeEnum::AlterTableStmt(alter) => alter_table(alter, &mut definition),
        NodeEnum::AlterEnumStmt(alter) => {
            let parts = ast::strings(&alter.type_name);
            *shapes = ast::named(Sort::Type, &parts);
            traits.ordered = !alter.old_val.is_empty();
            if alter.old_val.is_empty() {
                defines.extend(
                    ast::named(Sort::EnumValue, &parts)
                        .map(|name| name.member(alter.new_val.as_str())),
                );
                traits.repeatable = alter.skip_if_new_val_exists;
            }
        }
        NodeEnum::AlterDomainStmt(alter) => {
            let parts = ast::strings(&alter.type_name);
            *shapes = ast::named(Sort::Domain, &parts);
            traits.evaluates = true;
            if let Some(NodeEnum::Constraint(constraint)) = alter.def.as_deref().and_then(ast::kind)
                && !constraint.conname.is_empty()
            {
                defines.extend(
                    ast::named(Sort::Constraint, &parts)
                        .map(|name| name.member(constraint.conname.as_str())),
                );
            }
            traits.ordered = matches!(alter.subtype.as_str(), "X" | "N" | "O");
        }
        NodeEnum::RenameStmt(_) | NodeEnum::DropStmt(_) | NodeEnum::AlterObjectSchemaStmt(_) => {
            traits.ordered = true;
        }
        NodeEnum::GrantStmt(grant)
            if grant.targtype() == pg_query::protobuf::GrantTargetType::AclTargetAllInSchema =>
        {
            *whole_schemas = ast::strings(&grant.objects)
                .into_iter()
                .map(str::to_owned)
                .collect();
        }
        _ => {}
    }
    definition
}

fn create_table(
    table: &CreateStmt,
    sort: Sort,
    defines: &mut Vec<Symbol>,
    implied: &mut Vec<Symbol>,
) {
    let Some(name) = &table.relation else { return };
    defines.push(ast::relation(sort, name));
    for element in table
        .table_elts
        .iter()
        .chain(&table.constraints)
        .filter_map(ast::kind)
    {
        match element {
            NodeEnum::ColumnDef(column) => add_column(name, column, implied),
            NodeEnum::Constraint(constraint) => add_constraint(name, constraint, implied),
            _ => {}
        }
    }
}

/// What a column brings along: itself, its constraints, and a serial's or identity's sequence.
fn add_column(table: &RangeVar, column: &ColumnDef, implied: &mut Vec<Symbol>) {
    implied.push(ast::relation(Sort::Column, table).member(column.colname.as_str()));
    let serial = column.type_name.as_ref().is_some_and(|name| {
        ast::strings(&name.names).last().is_some_and(|name| {
            matches!(
                *name,
                "serial" | "serial2" | "serial4" | "serial8" | "smallserial" | "bigserial"
            )
        })
    });
    let mut identity = false;
    for constraint in column.constraints.iter().filter_map(ast::kind) {
        if let NodeEnum::Constraint(constraint) = constraint {
            identity |= constraint.contype() == ConstrType::ConstrIdentity;
            add_constraint(table, constraint, implied);
        }
    }
    if serial || identity {
        let name = format!("{}_{}_seq", table.relname, column.colname);
        implied.push(Symbol::new(Sort::Sequence, name).within(&table.schemaname));
    }
}

/// What a constraint brings along: itself, and a key with its index.
fn add_constraint(table: &RangeVar, constraint: &Constraint, implied: &mut Vec<Symbol>) {
    let unique = matches!(
        constraint.contype(),
        ConstrType::ConstrPrimary | ConstrType::ConstrUnique
    );
    if unique {
        implied.push(ast::relation(Sort::Key, table));
    }
    let name = if constraint.conname.is_empty() && constraint.contype() == ConstrType::ConstrPrimary
    {
        format!("{}_pkey", table.relname)
    } else {
        constraint.conname.clone()
    };
    if name.is_empty() {
        return;
    }
    if unique || constraint.contype() == ConstrType::ConstrExclusion {
        implied.push(Symbol::new(Sort::Index, name.as_str()).within(&table.schemaname));
    }
    implied.push(ast::relation(Sort::Constraint, table).member(name));
}

fn constraints(nodes: &[Node], owner: &[&str], implied: &mut Vec<Symbol>) {
    for node in nodes.iter().filter_map(ast::kind) {
        if let NodeEnum::Constraint(constraint) = node
            && !constraint.conname.is_empty()
        {
            implied.extend(
                ast::named(Sort::Constraint, owner)
                    .map(|name| name.member(constraint.conname.as_str())),
            );
        }
    }
}

fn alter_table(alter: &AlterTableStmt, definition: &mut Definition) {
    let Some(table) = &alter.relation else { return };
    let commands: Vec<&AlterTableCmd> = alter
        .cmds
        .iter()
        .filter_map(ast::kind)
        .filter_map(|node| match node {
            NodeEnum::AlterTableCmd(command) => Some(&**command),
            _ => None,
        })
        .collect();
    let Definition {
        defines,
        implied,
        traits,
        shapes,
        ..
    } = definition;
    let mut reshaped = false;
    for command in commands {
        let def = command.def.as_deref().and_then(ast::kind);
        match command.subtype() {
            AlterTableType::AtAddColumn => {
                reshaped = true;
                traits.evaluates = true;
                traits.repeatable |= command.missing_ok;
                if let Some(NodeEnum::ColumnDef(column)) = def {
                    // Composite types have attributes in place of columns; both are named alike.
                    defines
                        .push(ast::relation(Sort::Column, table).member(column.colname.as_str()));
                    add_column(table, column, implied);
                }
            }
            AlterTableType::AtAddConstraint | AlterTableType::AtAddIndexConstraint => {
                let constraint = match def {
                    Some(NodeEnum::Constraint(constraint)) => {
                        Some((constraint.conname.as_str(), Some(&**constraint)))
                    }
                    Some(NodeEnum::IndexStmt(index)) => Some((index.idxname.as_str(), None)),
                    _ => None,
                };
                if let Some((name, constraint)) = constraint {
                    if !name.is_empty() {
                        defines.push(ast::relation(Sort::Constraint, table).member(name));
                    }
                    if let Some(constraint) = constraint {
                        add_constraint(table, constraint, implied);
                        reshaped |= matches!(
                            constraint.contype(),
                            ConstrType::ConstrPrimary | ConstrType::ConstrUnique
                        );
                    }
                }
                traits.evaluates = true;
            }
            AlterTableType::AtDropColumn
            | AlterTableType::AtDropConstraint
            | AlterTableType::AtDropInherit
            | AlterTableType::AtDetachPartition => {
                reshaped = true;
                traits.ordered = true;
            }
            AlterTableType::AtAlterColumnType => {
                reshaped = true;
                traits.ordered = true;
                traits.evaluates = true;
            }
            AlterTableType::AtColumnDefault
            | AlterTableType::AtSetNotNull
            | AlterTableType::AtDropNotNull
            | AlterTableType::AtAddIdentity
            | AlterTableType::AtDropIdentity
            | AlterTableType::AtDropExpression
            | AlterTableType::AtSetExpression
            | AlterTableType::AtAddInherit
            | AlterTableType::AtAttachPartition => reshaped = true,
            // The rest leaves columns and keys as they are.
            _ => {}
        }
    }
    if reshaped {
        *shapes = Some(ast::relation(Sort::Relation, table));
    }
}

fn aggregate_arguments(args: &[Node]) -> String {
    // The grammar gives a list and the number of direct arguments.
    args.iter()
        .filter_map(ast::kind)
        .find_map(|node| match node {
            NodeEnum::List(list) => Some(ast::input_types(&list.items)),
            _ => None,
        })
        .unwrap_or_else(|| "*".to_owned())
}

fn operand_types(definition: &[Node]) -> String {
    let operand = |name: &str| {
        definition
            .iter()
            .filter_map(ast::kind)
            .find_map(|node| match node {
                NodeEnum::DefElem(element) if element.defname.eq_ignore_ascii_case(name) => {
                    match ast::kind(element.arg.as_deref()?)? {
                        NodeEnum::TypeName(name) => {
                            ast::type_symbol(Sort::Type, name).map(|name| name.dotted())
                        }
                        other => session::constant(other),
                    }
                }
                _ => None,
            })
    };
    let none = || "NONE".to_owned();
    format!(
        "{}, {}",
        operand("leftarg").unwrap_or_else(none),
        operand("rightarg").unwrap_or_else(none)
    )
}
