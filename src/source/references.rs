//! What a statement, or a function's body, refers to.
//!
//! The syntax tree has hundreds of node types, of which a dozen hold names. So it is read as data: whatever has the
//! fields of a table reference, a type name or a function call is one, wherever it stands.

use std::collections::BTreeSet;

use pg_query::{
    NodeEnum, ParserOptions,
    protobuf::{GrantTargetType, ObjectType, RoleSpecType},
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Sort, Symbol, ast, named, outline, session, syntax};

/// What a statement refers to.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Objects, each once, in the order of their names.
    pub(super) needs: BTreeSet<Symbol>,
    /// Roles.
    pub(super) roles: BTreeSet<String>,
}

/// Reads the references of a statement. The targets of a CREATE TABLE's own foreign keys are left out: they can be
/// added later.
pub(super) fn references(node: &NodeEnum) -> References {
    let mut reader = Reader {
        skips_foreign_keys: matches!(node, NodeEnum::CreateStmt(_)),
        ..Reader::default()
    };
    reader.read(node);
    reader.finish(|needs| named_objects(node, needs))
}

/// The roles that statements of a plan name. What can't be parsed names none: it fails where it is run.
pub fn roles_in(sql: &str) -> BTreeSet<String> {
    let Ok(parsed) = syntax::parse(sql) else {
        return BTreeSet::new();
    };
    let statements = parsed.stmts.iter();
    statements
        .filter_map(|raw| raw.stmt.as_deref()?.node.as_ref())
        .flat_map(|node| references(node).roles)
        .collect()
}

/// Reads the references of a DO block in plpgsql; in another language it shows none.
pub(super) fn references_of_block(statement: &str) -> References {
    let mut reader = Reader::default();
    if let Some(parsed) = syntax::parse_plpgsql(statement) {
        reader.read_plpgsql(&parsed);
    }
    reader.finish(|_| ())
}

/// What the body of a function refers to when it runs: `definition` is its CREATE FUNCTION or CREATE PROCEDURE statement.
///
/// SQL and plpgsql are read, dynamic SQL and other languages are not; what can't be read refers to nothing.
pub fn body_references(definition: &str) -> Vec<Symbol> {
    let Ok(parsed) = syntax::parse(definition) else {
        return Vec::new();
    };
    let node = parsed
        .stmts
        .first()
        .and_then(|raw| raw.stmt.as_deref())
        .and_then(ast::kind);
    match node {
        Some(NodeEnum::CreateFunctionStmt(function)) => body_of(&function.options)
            .map(|(language, body)| references_of_body(&language, &body, definition))
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Longer bodies aren't parsed: the parser takes more than a hundred times a body's length, and what a body refers to only
/// helps the order.
const LONGEST_BODY: usize = 128 << 10;

/// The references of a body, given with the whole statement, without which plpgsql can't be parsed.
pub(super) fn references_of_body(language: &str, body: &str, definition: &str) -> Vec<Symbol> {
    if body.len() > LONGEST_BODY {
        return Vec::new();
    }
    let mut reader = Reader::default();
    match language.to_ascii_lowercase().as_str() {
        "sql" => reader.read_sql(body, 0),
        "plpgsql" => {
            if let Some(parsed) = syntax::parse_plpgsql(definition) {
                reader.read_plpgsql(&parsed);
            }
        }
        _ => {}
    }
    reader.finish(|_| ()).needs.into_iter().collect()
}

/// The language and the text of a function whose body is a string.
pub(super) fn body_of(options: &[pg_query::Node]) -> Option<(String, String)> {
    let option = |name: &str| {
        options
            .iter()
            .filter_map(ast::kind)
            .find_map(|node| match node {
                NodeEnum::DefElem(element) if element.defname == name => {
                    ast::kind(element.arg.as_deref()?)
                }
                _ => None,
            })
    };
    let language = match option("language")? {
        NodeEnum::String(name) => name.sval.clone(),
        other => session::constant(other)?,
    };
    match option("as")? {
        // Two strings are a library and its symbol.
        NodeEnum::List(list) => match ast::strings(&list.items).as_slice() {
            [body] => Some((language, (*body).to_owned())),
            _ => None,
        },
        _ => None,
    }
}

#[derive(Default)]
struct Reader {
    found: References,
    /// Names of common table expressions, which hide relations.
    common_tables: BTreeSet<String>,
    skips_foreign_keys: bool,
}

impl Reader {
    fn finish(mut self, more: impl FnOnce(&mut BTreeSet<Symbol>)) -> References {
        let hidden = self.common_tables;
        self.found.needs.retain(|symbol| {
            symbol.schema.is_some()
                || symbol.sort != Sort::Relation
                || !hidden.contains(symbol.name.as_str())
        });
        more(&mut self.found.needs);
        // Whatever is in a schema needs the schema, and a part needs the whole.
        let wider: Vec<_> = self
            .found
            .needs
            .iter()
            .flat_map(|symbol| {
                let schema = symbol
                    .schema
                    .iter()
                    .map(|schema| Symbol::new(Sort::Schema, schema.as_str()));
                let whole = symbol.member.iter().map(|_| Symbol {
                    sort: Sort::Relation,
                    member: None,
                    arguments: None,
                    ..symbol.clone()
                });
                schema.chain(whole).collect::<Vec<_>>()
            })
            .collect();
        self.found.needs.extend(wider);
        self.found.needs.retain(|symbol| {
            let schema = match symbol.sort {
                Sort::Schema => Some(&symbol.name),
                _ => symbol.schema.as_ref(),
            };
            !schema.is_some_and(|schema| is_system(schema.as_str()))
        });
        self.found
    }

    fn need(&mut self, symbol: Option<Symbol>) {
        self.found.needs.extend(symbol);
    }

    fn read(&mut self, tree: &impl Serialize) {
        let beside = self.skips_foreign_keys.then_some("pktable");
        outline::each_node(tree, beside, &mut |fields| self.read_node(fields));
    }

    fn read_node(&mut self, fields: &Map<String, Value>) {
        let text = |name: &str| {
            fields
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let list = |name: &str| strings(fields.get(name));
        if let Some(name) = text("relname") {
            self.need(Some(
                Symbol::new(Sort::Relation, name).within(text("schemaname").unwrap_or("")),
            ));
        }
        self.common_tables
            .extend(text("ctename").map(str::to_owned));
        if fields.contains_key("pct_type") {
            let names = list("names");
            if fields["pct_type"] == Value::Bool(true) {
                self.need(
                    names
                        .split_last()
                        .and_then(|(_, table)| ast::named(Sort::Relation, table)),
                );
            } else {
                self.need(ast::named(Sort::Type, &names));
            }
        }
        if fields.contains_key("funcname") {
            let names = list("funcname");
            if matches!(names.last(), Some(&("nextval" | "currval" | "setval"))) {
                self.need(
                    fields
                        .get("args")
                        .and_then(|args| args.get(0))
                        .and_then(literal)
                        .and_then(relation_in_literal),
                );
            }
            self.need(ast::named(Sort::Routine, &names));
        }
        if fields.contains_key("objargs") {
            self.need(ast::named(Sort::Routine, &list("objname")));
        }
        if let (Some(arg), Some(target)) = (fields.get("arg"), fields.get("type_name"))
            && strings(target.get("names")).last() == Some(&"regclass")
        {
            self.need(literal(arg).and_then(relation_in_literal));
        }
        if fields.contains_key("fk_attrs")
            && !self.skips_foreign_keys
            && let Some(table) = fields.get("pktable").and_then(Value::as_object)
        {
            let field = |name: &str| table.get(name).and_then(Value::as_str).unwrap_or("");
            self.need(Some(
                Symbol::new(Sort::Key, field("relname")).within(field("schemaname")),
            ));
        }
        for (field, sort) in [
            ("collname", Sort::Collation),
            ("collation", Sort::Collation),
            ("opclass", Sort::OperatorClass),
            ("opclassname", Sort::OperatorClass),
            ("opfamilyname", Sort::OperatorFamily),
            ("cfgname", Sort::TextSearchConfiguration),
            ("dictname", Sort::TextSearchDictionary),
            ("func_name", Sort::Routine),
            ("handler_name", Sort::Routine),
            ("plhandler", Sort::Routine),
        ] {
            self.need(ast::named(sort, &list(field)));
        }
        for (field, sort) in [
            ("fdwname", Sort::ForeignDataWrapper),
            ("servername", Sort::Server),
            ("access_method", Sort::AccessMethod),
            ("amname", Sort::AccessMethod),
            ("lang", Sort::Language),
            ("extname", Sort::Extension),
        ] {
            self.need(text(field).map(|name| Symbol::new(sort, name)));
        }
        if let (Some(name), Some(role_type)) = (text("rolename"), fields.get("roletype"))
            && role_type.as_i64() == Some(RoleSpecType::RolespecCstring as i64)
        {
            self.found.roles.insert(name.to_owned());
        }
    }

    /// Reads SQL in one of the parser's modes: plain statements, or what plpgsql takes for an expression.
    fn read_sql(&mut self, sql: &str, mode: i32) {
        if let Ok(parsed) = syntax::parse_as(sql, mode) {
            self.read(&parsed);
        }
    }

    fn read_plpgsql(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.read_plpgsql(item)),
            Value::Object(fields) => {
                if let Some(query) = fields.get("query").and_then(Value::as_str) {
                    let mode = fields
                        .get("parseMode")
                        .and_then(Value::as_i64)
                        .and_then(|mode| i32::try_from(mode).ok());
                    self.read_sql(query, mode.unwrap_or(0));
                }
                if let Some(name) = fields.get("typname").and_then(Value::as_str) {
                    self.read_type(name);
                }
                fields.values().for_each(|field| self.read_plpgsql(field));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Reads a variable's type: a type's name, or `table%ROWTYPE`, or `table.column%TYPE`.
    fn read_type(&mut self, text: &str) {
        match text.split_once('%') {
            Some((name, _)) => self.need(relation_in_literal(name.trim())),
            None => self.read_sql(text, ParserOptions::TYPE_NAME.bits()),
        }
    }
}

/// Schemas whose objects are always there.
fn is_system(schema: &str) -> bool {
    matches!(
        schema,
        "pg_catalog" | "information_schema" | "pg_temp" | "pg_toast"
    )
}

/// The strings of a list node.
pub(super) fn strings(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|node| node.get("node")?.get("String")?.get("sval")?.as_str())
        .collect()
}

/// The text of a constant, looking through casts.
fn literal(node: &Value) -> Option<&str> {
    let node = node.get("node").unwrap_or(node);
    if let Some(cast) = node.get("TypeCast") {
        return literal(cast.get("arg")?);
    }
    node.get("AConst")?
        .get("val")?
        .get("Sval")?
        .get("sval")?
        .as_str()
}

/// The relation that a string such as `'app.users_id_seq'` names.
fn relation_in_literal(text: &str) -> Option<Symbol> {
    let names = session::dotted_name(text)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    ast::named(Sort::Relation, &names)
}

/// The objects that statements about objects name, which are plain lists of strings in the tree.
fn named_objects(node: &NodeEnum, needs: &mut BTreeSet<Symbol>) {
    let object = |object_type: ObjectType, node: Option<&pg_query::Node>| {
        node.and_then(ast::kind)
            .and_then(|node| named::object(object_type, node))
    };
    match node {
        NodeEnum::CommentStmt(comment) => {
            needs.extend(object(comment.objtype(), comment.object.as_deref()));
        }
        NodeEnum::SecLabelStmt(label) => {
            needs.extend(object(label.objtype(), label.object.as_deref()));
        }
        NodeEnum::AlterOwnerStmt(alter) => {
            needs.extend(object(alter.object_type(), alter.object.as_deref()));
        }
        NodeEnum::AlterObjectSchemaStmt(alter) => {
            needs.extend(object(alter.object_type(), alter.object.as_deref()));
            needs.insert(Symbol::new(Sort::Schema, alter.newschema.as_str()));
        }
        NodeEnum::AlterObjectDependsStmt(alter) => {
            needs.extend(object(alter.object_type(), alter.object.as_deref()));
        }
        NodeEnum::AlterExtensionContentsStmt(alter) => {
            needs.extend(object(alter.objtype(), alter.object.as_deref()));
        }
        NodeEnum::RenameStmt(rename) => {
            needs.extend(object(rename.rename_type(), rename.object.as_deref()));
        }
        NodeEnum::DropStmt(drop) => needs.extend(
            drop.objects
                .iter()
                .filter_map(|node| object(drop.remove_type(), Some(node))),
        ),
        NodeEnum::GrantStmt(grant) => {
            needs.extend(named::granted(grant));
            if grant.targtype() == GrantTargetType::AclTargetAllInSchema {
                let schemas = ast::strings(&grant.objects).into_iter();
                needs.extend(schemas.map(|name| Symbol::new(Sort::Schema, name)));
            }
        }
        NodeEnum::AlterEnumStmt(alter) => {
            needs.extend(ast::named(Sort::Type, &ast::strings(&alter.type_name)));
        }
        NodeEnum::AlterDomainStmt(alter) => {
            needs.extend(ast::named(Sort::Domain, &ast::strings(&alter.type_name)));
        }
        NodeEnum::AlterTypeStmt(alter) => {
            needs.extend(ast::named(Sort::Type, &ast::strings(&alter.type_name)));
        }
        NodeEnum::AlterDefaultPrivilegesStmt(alter) => {
            for option in alter.options.iter().filter_map(ast::kind) {
                if let NodeEnum::DefElem(element) = option
                    && element.defname == "schemas"
                    && let Some(NodeEnum::List(list)) = element.arg.as_deref().and_then(ast::kind)
                {
                    needs.extend(
                        ast::strings(&list.items)
                            .into_iter()
                            .map(|name| Symbol::new(Sort::Schema, name)),
                    );
                }
            }
        }
        NodeEnum::CreateExtensionStmt(extension) => {
            for option in extension.options.iter().filter_map(ast::kind) {
                if let NodeEnum::DefElem(element) = option
                    && element.defname == "schema"
                    && let Some(name) = element.arg.as_deref().and_then(ast::kind)
                {
                    needs.extend(named::object(ObjectType::ObjectSchema, name));
                }
            }
        }
        // CREATE TYPE, AGGREGATE, OPERATOR and TEXT SEARCH name functions and templates where the grammar sees types.
        NodeEnum::DefineStmt(define) => {
            for element in define.definition.iter().filter_map(ast::kind) {
                if let NodeEnum::DefElem(element) = element
                    && let Some(NodeEnum::TypeName(name)) =
                        element.arg.as_deref().and_then(ast::kind)
                {
                    let parts = ast::strings(&name.names);
                    for sort in [
                        Sort::Routine,
                        Sort::Collation,
                        Sort::TextSearchConfiguration,
                        Sort::TextSearchTemplate,
                        Sort::TextSearchParser,
                    ] {
                        needs.extend(ast::named(sort, &parts));
                    }
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
