//! The objects that statements about objects name, of whatever sort: COMMENT, GRANT, ALTER … OWNER, DROP.

use pg_query::{
    NodeEnum,
    protobuf::{CreateSchemaStmt, GrantStmt, GrantTargetType, ObjectType},
};

use super::{Sort, Symbol, ast};

/// The sort that PostgreSQL's `ObjectType` stands for, if forge names things of it.
pub(super) fn sort_of(object_type: ObjectType) -> Option<Sort> {
    Some(match object_type {
        ObjectType::ObjectAccessMethod => Sort::AccessMethod,
        ObjectType::ObjectAggregate => Sort::Aggregate,
        ObjectType::ObjectCollation => Sort::Collation,
        ObjectType::ObjectAttribute | ObjectType::ObjectColumn => Sort::Column,
        ObjectType::ObjectConversion => Sort::Conversion,
        ObjectType::ObjectDomain => Sort::Domain,
        ObjectType::ObjectDomconstraint | ObjectType::ObjectTabconstraint => Sort::Constraint,
        ObjectType::ObjectEventTrigger => Sort::EventTrigger,
        ObjectType::ObjectExtension => Sort::Extension,
        ObjectType::ObjectFdw => Sort::ForeignDataWrapper,
        ObjectType::ObjectForeignServer => Sort::Server,
        ObjectType::ObjectForeignTable => Sort::ForeignTable,
        ObjectType::ObjectFunction => Sort::Function,
        ObjectType::ObjectIndex => Sort::Index,
        ObjectType::ObjectLanguage => Sort::Language,
        ObjectType::ObjectMatview => Sort::MaterializedView,
        ObjectType::ObjectOpclass => Sort::OperatorClass,
        ObjectType::ObjectOperator => Sort::Operator,
        ObjectType::ObjectOpfamily => Sort::OperatorFamily,
        ObjectType::ObjectPolicy => Sort::Policy,
        ObjectType::ObjectProcedure => Sort::Procedure,
        ObjectType::ObjectPublication => Sort::Publication,
        ObjectType::ObjectRoutine => Sort::Routine,
        ObjectType::ObjectRule => Sort::Rule,
        ObjectType::ObjectSchema => Sort::Schema,
        ObjectType::ObjectSequence => Sort::Sequence,
        ObjectType::ObjectSubscription => Sort::Subscription,
        ObjectType::ObjectStatisticExt => Sort::Statistics,
        ObjectType::ObjectTable => Sort::Table,
        ObjectType::ObjectTrigger => Sort::Trigger,
        ObjectType::ObjectTsconfiguration => Sort::TextSearchConfiguration,
        ObjectType::ObjectTsdictionary => Sort::TextSearchDictionary,
        ObjectType::ObjectTsparser => Sort::TextSearchParser,
        ObjectType::ObjectTstemplate => Sort::TextSearchTemplate,
        ObjectType::ObjectType => Sort::Type,
        ObjectType::ObjectView => Sort::View,
        _ => return None,
    })
}

/// The object that a statement such as COMMENT, ALTER … OWNER or DROP names.
pub(super) fn object(object_type: ObjectType, node: &NodeEnum) -> Option<Symbol> {
    let sort = sort_of(object_type)?;
    match node {
        NodeEnum::String(name) => Some(Symbol::new(sort, name.sval.as_str())),
        NodeEnum::RangeVar(name) => Some(ast::relation(sort, name)),
        NodeEnum::TypeName(name) => ast::type_symbol(sort, name),
        NodeEnum::ObjectWithArgs(object) => ast::routine(sort, object),
        NodeEnum::List(list) => {
            // A domain's constraint: the domain's type name, then the constraint's.
            if let [owner, name] = list.items.as_slice()
                && let (Some(NodeEnum::TypeName(owner)), Some(NodeEnum::String(name))) =
                    (ast::kind(owner), ast::kind(name))
            {
                return ast::type_symbol(sort, owner).map(|owner| owner.member(name.sval.as_str()));
            }
            let parts = ast::strings(&list.items);
            match sort {
                Sort::Column | Sort::Constraint | Sort::Trigger | Sort::Policy | Sort::Rule => {
                    ast::member(sort, &parts)
                }
                // The access method comes first.
                Sort::OperatorClass | Sort::OperatorFamily => {
                    let (method, name) = parts.split_first()?;
                    ast::named(sort, name).map(|name| name.member(*method))
                }
                _ => ast::named(sort, &parts),
            }
        }
        _ => None,
    }
}

/// The schema that a statement creates: without a name of its own it has its owner's.
pub(super) fn schema_of(create: &CreateSchemaStmt) -> Symbol {
    let owner = create.authrole.as_ref().map(|role| role.rolename.as_str());
    let name = Some(create.schemaname.as_str()).filter(|name| !name.is_empty());
    Symbol::new(Sort::Schema, name.or(owner).unwrap_or_default())
}

/// The objects that a GRANT or REVOKE names one by one.
pub(super) fn granted(grant: &GrantStmt) -> Vec<Symbol> {
    match grant.targtype() {
        GrantTargetType::AclTargetObject => grant
            .objects
            .iter()
            .filter_map(ast::kind)
            .filter_map(|node| object(grant.objtype(), node))
            .collect(),
        GrantTargetType::AclTargetAllInSchema
        | GrantTargetType::AclTargetDefaults
        | GrantTargetType::Undefined => Vec::new(),
    }
}
