//! Which privileges statements need, as far as they say it: the server tells whether a role has them.

use pg_query::{
    Node, NodeEnum,
    protobuf::{
        AlterTableStmt, AlterTableType, ConstrType, Constraint, GrantStmt, GrantTargetType,
        ObjectType, RangeVar, RoleSpec, TypeName,
    },
};
use serde::Serialize;

use super::{ast, syntax};

/// What a role needs for a statement. What isn't there yet, a step before creates: then it belongs to the role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Need {
    /// What is needed, in the words of the query that asks for it.
    pub need: &'static str,
    /// The schema of the object.
    pub schema: String,
    /// The object, or what needs a superuser.
    pub name: String,
    /// The column, privilege or role that it is about.
    pub detail: String,
}

/// The privileges of all tables that `ALL` stands for, and those of the other objects.
const ALL: &[(ObjectType, &[&str])] = &[
    (
        ObjectType::ObjectTable,
        &[
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "TRUNCATE",
            "REFERENCES",
            "TRIGGER",
        ],
    ),
    (ObjectType::ObjectSequence, &["SELECT", "USAGE", "UPDATE"]),
    (ObjectType::ObjectSchema, &["USAGE", "CREATE"]),
    (
        ObjectType::ObjectDatabase,
        &["CREATE", "CONNECT", "TEMPORARY"],
    ),
    (ObjectType::ObjectFunction, &["EXECUTE"]),
    (ObjectType::ObjectProcedure, &["EXECUTE"]),
    (ObjectType::ObjectRoutine, &["EXECUTE"]),
    (ObjectType::ObjectType, &["USAGE"]),
    (ObjectType::ObjectDomain, &["USAGE"]),
];

/// What the statements of a text need.
pub fn needs(sql: &str) -> Vec<Need> {
    let Ok(parsed) = syntax::parse(sql) else {
        return Vec::new();
    };
    let mut found = Needs(Vec::new());
    for statement in &parsed.stmts {
        if let Some(node) = statement.stmt.as_deref().and_then(ast::kind) {
            found.statement(node);
        }
    }
    found.0.sort();
    found.0.dedup();
    found.0
}

struct Needs(Vec<Need>);

impl Needs {
    fn add(&mut self, need: &'static str, schema: &str, name: &str, detail: &str) {
        self.0.push(Need {
            need,
            schema: schema.to_owned(),
            name: name.to_owned(),
            detail: detail.to_owned(),
        });
        if !schema.is_empty() && need != "create" {
            self.add("usage", "", schema, "");
        }
    }

    fn relation(&mut self, need: &'static str, range: Option<&RangeVar>, detail: &str) {
        if let Some(range) = range {
            self.add(need, &range.schemaname, &range.relname, detail);
        }
    }

    fn create_in(&mut self, schema: &str) {
        self.add("create", "", schema, "");
    }

    /// Something new whose name is a list.
    fn create_named(&mut self, names: &[Node]) {
        if let [.., schema, _] = ast::strings(names)[..] {
            self.create_in(schema);
        }
    }

    fn routine(&mut self, names: &[Node]) {
        if let [.., schema, name] = ast::strings(names)[..] {
            self.add("execute", schema, name, "");
        }
    }

    fn type_name(&mut self, name: Option<&TypeName>) {
        let Some(name) = name else { return };
        if let [.., schema, name] = ast::strings(&name.names)[..]
            && schema != "pg_catalog"
        {
            self.add("type", schema, name, "");
        }
    }

    /// A role that becomes the owner of something, which may stand in a schema.
    fn new_owner(&mut self, role: Option<&RoleSpec>, schema: &str) {
        if let Some(role) = role.filter(|role| !role.rolename.is_empty()) {
            self.add("owner", "", schema, &role.rolename);
        }
    }

    fn tablespace(&mut self, name: &str) {
        if !name.is_empty() {
            self.add("tablespace", "", name, "");
        }
    }

    fn statement(&mut self, node: &NodeEnum) {
        match node {
            NodeEnum::CreateStmt(create) => {
                let relation = create.relation.as_ref();
                self.create_in(relation.map_or("", |relation| &relation.schemaname));
                self.tablespace(&create.tablespacename);
                for parent in create.inh_relations.iter().filter_map(ast::kind) {
                    if let NodeEnum::RangeVar(parent) = parent {
                        self.relation("own", Some(parent), "");
                    }
                }
                self.elements(&create.table_elts);
                self.elements(&create.constraints);
            }
            NodeEnum::AlterTableStmt(alter) => self.alter_table(alter),
            NodeEnum::IndexStmt(index) => {
                self.relation("own", index.relation.as_ref(), "");
                // The index belongs to the table's owner, who needs the privilege.
                self.create_in(
                    index
                        .relation
                        .as_ref()
                        .map_or("", |table| &table.schemaname),
                );
                self.tablespace(&index.table_space);
            }
            NodeEnum::ViewStmt(view) => {
                self.create_in(view.view.as_ref().map_or("", |view| &view.schemaname));
            }
            NodeEnum::CreateTableAsStmt(create) => {
                let relation = create.into.as_ref().and_then(|into| into.rel.as_ref());
                self.create_in(relation.map_or("", |relation| &relation.schemaname));
            }
            NodeEnum::CreateSeqStmt(create) => {
                let sequence = create.sequence.as_ref();
                self.create_in(sequence.map_or("", |sequence| &sequence.schemaname));
            }
            NodeEnum::CreateEnumStmt(create) => self.create_named(&create.type_name),
            NodeEnum::CreateRangeStmt(create) => self.create_named(&create.type_name),
            NodeEnum::DefineStmt(create) => self.create_named(&create.defnames),
            NodeEnum::CompositeTypeStmt(create) => {
                let typevar = create.typevar.as_ref();
                self.create_in(typevar.map_or("", |typevar| &typevar.schemaname));
                self.elements(&create.coldeflist);
            }
            NodeEnum::CreateDomainStmt(create) => {
                self.create_named(&create.domainname);
                self.type_name(create.type_name.as_ref());
            }
            NodeEnum::CreateFunctionStmt(create) => {
                self.create_named(&create.funcname);
                self.type_name(create.return_type.as_ref());
                for parameter in create.parameters.iter().filter_map(ast::kind) {
                    if let NodeEnum::FunctionParameter(parameter) = parameter {
                        self.type_name(parameter.arg_type.as_ref());
                    }
                }
                self.function_options(&create.options);
            }
            NodeEnum::AlterFunctionStmt(alter) => self.function_options(&alter.actions),
            NodeEnum::CreateTrigStmt(create) => {
                self.relation("table", create.relation.as_ref(), "TRIGGER");
                self.routine(&create.funcname);
            }
            NodeEnum::CreatePolicyStmt(create) => self.relation("own", create.table.as_ref(), ""),
            NodeEnum::CreateStatsStmt(create) => self.create_named(&create.defnames),
            NodeEnum::CreateSchemaStmt(create) => {
                self.add("database", "", "", "CREATE");
                self.new_owner(create.authrole.as_ref(), "");
            }
            NodeEnum::CreateExtensionStmt(create) => self.add("extension", "", &create.extname, ""),
            NodeEnum::CreateEventTrigStmt(_) => {
                self.add("superuser", "", "CREATE EVENT TRIGGER", "");
            }
            NodeEnum::CreatePublicationStmt(create) => {
                self.add("database", "", "", "CREATE");
                if create.for_all_tables {
                    self.add("superuser", "", "CREATE PUBLICATION … FOR ALL TABLES", "");
                }
                for object in create.pubobjects.iter().filter_map(ast::kind) {
                    if let NodeEnum::PublicationObjSpec(object) = object {
                        match &object.pubtable {
                            Some(table) => self.relation("own", table.relation.as_ref(), ""),
                            None => self.add(
                                "superuser",
                                "",
                                "a publication of all tables of a schema",
                                "",
                            ),
                        }
                    }
                }
            }
            NodeEnum::AlterOwnerStmt(alter) => self.alter_owner(alter.object_type(), alter),
            NodeEnum::AlterObjectSchemaStmt(alter) => {
                self.create_in(&alter.newschema);
                self.relation("own", alter.relation.as_ref(), "");
            }
            NodeEnum::RenameStmt(rename) => {
                self.relation("own", rename.relation.as_ref(), "");
                let whole = matches!(
                    rename.rename_type(),
                    ObjectType::ObjectTable
                        | ObjectType::ObjectView
                        | ObjectType::ObjectMatview
                        | ObjectType::ObjectSequence
                );
                if let (true, Some(relation)) = (whole, &rename.relation) {
                    self.create_in(&relation.schemaname);
                }
            }
            NodeEnum::AlterDefaultPrivilegesStmt(alter) => {
                for option in alter.options.iter().filter_map(ast::kind) {
                    if let NodeEnum::DefElem(option) = option
                        && option.defname == "roles"
                        && let Some(NodeEnum::List(roles)) =
                            option.arg.as_deref().and_then(ast::kind)
                    {
                        for role in roles.items.iter().filter_map(ast::kind) {
                            if let NodeEnum::RoleSpec(role) = role {
                                self.add("default privileges", "", "", &role.rolename);
                            }
                        }
                    }
                }
            }
            NodeEnum::GrantStmt(grant) => self.grant(grant),
            _ => {}
        }
    }

    fn elements(&mut self, elements: &[Node]) {
        for element in elements.iter().filter_map(ast::kind) {
            match element {
                NodeEnum::ColumnDef(column) => {
                    self.type_name(column.type_name.as_ref());
                    self.elements(&column.constraints);
                }
                NodeEnum::Constraint(constraint) => self.constraint(constraint),
                _ => {}
            }
        }
    }

    fn constraint(&mut self, constraint: &Constraint) {
        self.tablespace(&constraint.indexspace);
        if constraint.contype() == ConstrType::ConstrForeign {
            self.relation("table", constraint.pktable.as_ref(), "REFERENCES");
        }
    }

    fn alter_table(&mut self, alter: &AlterTableStmt) {
        let relation = alter.relation.as_ref();
        self.relation("own", relation, "");
        let schema = relation.map_or("", |relation| &relation.schemaname);
        for command in alter.cmds.iter().filter_map(ast::kind) {
            let NodeEnum::AlterTableCmd(command) = command else {
                continue;
            };
            self.new_owner(command.newowner.as_ref(), schema);
            if command.subtype() == AlterTableType::AtSetTableSpace {
                self.tablespace(&command.name);
            }
            match command.def.as_deref().and_then(ast::kind) {
                Some(NodeEnum::PartitionCmd(partition)) => {
                    self.relation("own", partition.name.as_ref(), "");
                }
                Some(NodeEnum::RangeVar(parent)) => self.relation("own", Some(parent), ""),
                Some(_) => {
                    if let Some(node) = command.def.as_deref() {
                        self.elements(std::slice::from_ref(node));
                    }
                }
                None => {}
            }
        }
    }

    fn alter_owner(&mut self, sort: ObjectType, alter: &pg_query::protobuf::AlterOwnerStmt) {
        let owner = alter.newowner.as_ref();
        match alter.object.as_deref().and_then(ast::kind) {
            _ if sort == ObjectType::ObjectSchema => {
                self.add("database", "", "", "CREATE");
                self.new_owner(owner, "");
            }
            Some(NodeEnum::ObjectWithArgs(object)) => {
                let names = ast::strings(&object.objname);
                self.new_owner(
                    owner,
                    if let [.., schema, _] = names[..] {
                        schema
                    } else {
                        ""
                    },
                );
            }
            Some(NodeEnum::List(list)) => {
                let names = ast::strings(&list.items);
                self.new_owner(
                    owner,
                    if let [.., schema, _] = names[..] {
                        schema
                    } else {
                        ""
                    },
                );
            }
            Some(NodeEnum::TypeName(name)) => {
                let names = ast::strings(&name.names);
                self.new_owner(
                    owner,
                    if let [.., schema, _] = names[..] {
                        schema
                    } else {
                        ""
                    },
                );
            }
            _ => self.new_owner(
                owner,
                alter.relation.as_ref().map_or("", |it| &it.schemaname),
            ),
        }
    }

    fn function_options(&mut self, options: &[Node]) {
        for option in options.iter().filter_map(ast::kind) {
            let NodeEnum::DefElem(option) = option else {
                continue;
            };
            let argument = option.arg.as_deref().and_then(ast::kind);
            match (option.defname.as_str(), argument) {
                ("leakproof", Some(NodeEnum::Boolean(yes))) if yes.boolval => {
                    self.add("superuser", "", "LEAKPROOF", "");
                }
                ("language", Some(NodeEnum::String(language))) => {
                    self.add("language", "", &language.sval, "");
                }
                _ => {}
            }
        }
    }

    /// Who grants what isn't the owner's needs the grant option; so does who revokes.
    fn grant(&mut self, grant: &GrantStmt) {
        if grant.targtype() != GrantTargetType::AclTargetObject {
            return;
        }
        let all = ALL.iter().find(|(sort, _)| *sort == grant.objtype());
        for object in grant.objects.iter().filter_map(ast::kind) {
            let (need, schema, name) = match object {
                NodeEnum::RangeVar(range) => (
                    "grant on table",
                    range.schemaname.clone(),
                    range.relname.clone(),
                ),
                NodeEnum::ObjectWithArgs(object) => match ast::strings(&object.objname)[..] {
                    [.., schema, name] => ("grant on function", schema.to_owned(), name.to_owned()),
                    _ => continue,
                },
                NodeEnum::List(list) => match ast::strings(&list.items)[..] {
                    [.., schema, name] => ("grant on type", schema.to_owned(), name.to_owned()),
                    _ => continue,
                },
                NodeEnum::String(name) if grant.objtype() == ObjectType::ObjectSchema => {
                    ("grant on schema", String::new(), name.sval.clone())
                }
                NodeEnum::String(name) if grant.objtype() == ObjectType::ObjectDatabase => {
                    ("grant on database", String::new(), name.sval.clone())
                }
                _ => continue,
            };
            if grant.privileges.is_empty() {
                for privilege in all.map_or(&[][..], |(_, privileges)| privileges) {
                    self.add(need, &schema, &name, privilege);
                }
            }
            for privilege in grant.privileges.iter().filter_map(ast::kind) {
                if let NodeEnum::AccessPriv(privilege) = privilege {
                    self.add(need, &schema, &name, &privilege.priv_name.to_uppercase());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_statements_need() {
        fn check(sql: &str, expected: &[&str]) {
            let found: Vec<String> = needs(sql)
                .into_iter()
                .filter(|need| need.need != "usage")
                .map(
                    |Need {
                         need,
                         schema,
                         name,
                         detail,
                     }| {
                        let words = [need, &schema, &name, &detail];
                        words
                            .into_iter()
                            .filter(|word| !word.is_empty())
                            .collect::<Vec<_>>()
                            .join(" ")
                    },
                )
                .collect();
            assert_eq!(found, expected, "{sql}");
        }
        check(
            "CREATE TABLE a.t (id int REFERENCES b.u, m c.mood) TABLESPACE s",
            &[
                "create a",
                "table b u REFERENCES",
                "tablespace s",
                "type c mood",
            ],
        );
        check("ALTER TABLE a.t OWNER TO r", &["own a t", "owner a r"]);
        check("ALTER FUNCTION a.f(int) OWNER TO r", &["owner a r"]);
        check(
            "CREATE TRIGGER x BEFORE INSERT ON a.t FOR EACH ROW EXECUTE FUNCTION b.f()",
            &["execute b f", "table a t TRIGGER"],
        );
        check(
            "CREATE FUNCTION a.f() RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1'",
            &["create a", "language sql", "superuser LEAKPROOF"],
        );
        check(
            "ALTER DEFAULT PRIVILEGES FOR ROLE r IN SCHEMA a GRANT SELECT ON TABLES TO q",
            &["default privileges r"],
        );
        check(
            "GRANT select, INSERT ON a.t TO r",
            &["grant on table a t INSERT", "grant on table a t SELECT"],
        );
        check(
            "REVOKE ALL ON SCHEMA a FROM r",
            &["grant on schema a CREATE", "grant on schema a USAGE"],
        );
        check(
            "CREATE PUBLICATION p FOR ALL TABLES",
            &[
                "database CREATE",
                "superuser CREATE PUBLICATION … FOR ALL TABLES",
            ],
        );
        check("CREATE EXTENSION x", &["extension x"]);
        check("SELECT 1", &[]);
        check("SELECT", &[]);
        check("no SQL", &[]);
    }
}
