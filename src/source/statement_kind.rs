//! The kinds of statements: where each belongs, and what it may do to rows when it runs.

use pg_query::NodeEnum;

/// What is known of a statement by its kind alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatementKind {
    /// What it is about: whether it belongs into a schema tree.
    pub(super) topic: Topic,
    /// What it may do to rows.
    pub(super) does: Does,
}

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// An object of a schema, or of the database: what a schema tree declares.
    Schema,
    /// Rows.
    Rows,
    /// Another server that sends rows.
    Subscription,
    /// Roles, which belong to the cluster.
    Roles,
    /// The settings of a database.
    DatabaseSettings,
    /// A whole database.
    Database,
    /// The cluster's disks.
    Tablespace,
    /// The beginning, the end or the locks of a transaction.
    Transaction,
    /// Files and statistics, which schemas do not have.
    Maintenance,
    /// Whatever a role owns.
    Owned,
    /// None of these.
    Other,
}

/// What a statement may do to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Nothing: it writes no row, and evaluates no expression of the tree. A definition does not run.
    Nothing,
    /// What its text says: the queries, statements and expressions in it run.
    WhatItSays,
    /// What follows from its parts.
    Depends,
    /// What nobody can tell from it.
    Anything,
}

impl StatementKind {
    /// The kind of a statement. One that is not listed may do anything, and belongs into no schema tree.
    pub(super) fn of(node: &NodeEnum) -> Self {
        let (topic, does) = match node {
            NodeEnum::AlterCollationStmt(_)
            | NodeEnum::AlterDefaultPrivilegesStmt(_)
            | NodeEnum::AlterEnumStmt(_)
            | NodeEnum::AlterEventTrigStmt(_)
            | NodeEnum::AlterExtensionContentsStmt(_)
            | NodeEnum::AlterFunctionStmt(_)
            | NodeEnum::AlterObjectDependsStmt(_)
            | NodeEnum::AlterOpFamilyStmt(_)
            | NodeEnum::AlterOperatorStmt(_)
            | NodeEnum::AlterOwnerStmt(_)
            | NodeEnum::AlterPolicyStmt(_)
            | NodeEnum::AlterPublicationStmt(_)
            | NodeEnum::AlterStatsStmt(_)
            | NodeEnum::AlterTsconfigurationStmt(_)
            | NodeEnum::AlterTsdictionaryStmt(_)
            | NodeEnum::AlterTypeStmt(_)
            | NodeEnum::CommentStmt(_)
            | NodeEnum::CompositeTypeStmt(_)
            | NodeEnum::CreateAmStmt(_)
            | NodeEnum::CreateCastStmt(_)
            | NodeEnum::CreateDomainStmt(_)
            | NodeEnum::CreateEnumStmt(_)
            | NodeEnum::CreateOpClassStmt(_)
            | NodeEnum::CreateOpFamilyStmt(_)
            | NodeEnum::CreatePolicyStmt(_)
            | NodeEnum::CreatePublicationStmt(_)
            | NodeEnum::CreateRangeStmt(_)
            | NodeEnum::CreateSchemaStmt(_)
            | NodeEnum::CreateSeqStmt(_)
            | NodeEnum::CreateStatsStmt(_)
            | NodeEnum::CreateTransformStmt(_)
            | NodeEnum::CreateTrigStmt(_)
            | NodeEnum::DropUserMappingStmt(_)
            | NodeEnum::GrantStmt(_)
            | NodeEnum::RenameStmt(_)
            | NodeEnum::RuleStmt(_)
            | NodeEnum::ViewStmt(_) => (Topic::Schema, Does::Nothing),
            NodeEnum::CreateTableAsStmt(_) | NodeEnum::IndexStmt(_) => {
                (Topic::Schema, Does::WhatItSays)
            }
            NodeEnum::AlterDomainStmt(_)
            | NodeEnum::AlterExtensionStmt(_)
            | NodeEnum::AlterFdwStmt(_)
            | NodeEnum::AlterForeignServerStmt(_)
            | NodeEnum::AlterObjectSchemaStmt(_)
            | NodeEnum::AlterSeqStmt(_)
            | NodeEnum::AlterTableStmt(_)
            | NodeEnum::AlterUserMappingStmt(_)
            | NodeEnum::CreateConversionStmt(_)
            | NodeEnum::CreateEventTrigStmt(_)
            | NodeEnum::CreateExtensionStmt(_)
            | NodeEnum::CreateFdwStmt(_)
            | NodeEnum::CreateForeignServerStmt(_)
            | NodeEnum::CreateForeignTableStmt(_)
            | NodeEnum::CreateFunctionStmt(_)
            | NodeEnum::CreatePlangStmt(_)
            | NodeEnum::CreateStmt(_)
            | NodeEnum::CreateUserMappingStmt(_)
            | NodeEnum::DefineStmt(_)
            | NodeEnum::DropStmt(_)
            | NodeEnum::SecLabelStmt(_) => (Topic::Schema, Does::Depends),
            NodeEnum::CallStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::InsertStmt(_)
            | NodeEnum::MergeStmt(_)
            | NodeEnum::UpdateStmt(_) => (Topic::Rows, Does::WhatItSays),
            NodeEnum::CopyStmt(_) | NodeEnum::RefreshMatViewStmt(_) | NodeEnum::TruncateStmt(_) => {
                (Topic::Rows, Does::Depends)
            }
            // They copy rows from another server, or change what is kept there.
            NodeEnum::AlterSubscriptionStmt(_) | NodeEnum::CreateSubscriptionStmt(_) => {
                (Topic::Subscription, Does::Anything)
            }
            // They decide who may do what in the whole cluster, or under which settings everything runs.
            NodeEnum::AlterRoleSetStmt(_)
            | NodeEnum::AlterRoleStmt(_)
            | NodeEnum::CreateRoleStmt(_)
            | NodeEnum::DropRoleStmt(_)
            | NodeEnum::GrantRoleStmt(_) => (Topic::Roles, Does::Anything),
            NodeEnum::AlterDatabaseRefreshCollStmt(_)
            | NodeEnum::AlterDatabaseSetStmt(_)
            | NodeEnum::AlterDatabaseStmt(_) => (Topic::DatabaseSettings, Does::Anything),
            NodeEnum::CreatedbStmt(_) => (Topic::Database, Does::Anything),
            NodeEnum::DropdbStmt(_) => (Topic::Database, Does::Depends),
            NodeEnum::AlterTableMoveAllStmt(_)
            | NodeEnum::AlterTableSpaceOptionsStmt(_)
            | NodeEnum::CreateTableSpaceStmt(_)
            | NodeEnum::DropTableSpaceStmt(_) => (Topic::Tablespace, Does::Nothing),
            NodeEnum::ConstraintsSetStmt(_) => (Topic::Transaction, Does::Nothing),
            NodeEnum::LockStmt(_) => (Topic::Transaction, Does::Depends),
            NodeEnum::TransactionStmt(_) => (Topic::Transaction, Does::Anything),
            NodeEnum::CheckPointStmt(_) => (Topic::Maintenance, Does::Nothing),
            NodeEnum::ClusterStmt(_) | NodeEnum::ReindexStmt(_) | NodeEnum::VacuumStmt(_) => {
                (Topic::Maintenance, Does::Depends)
            }
            NodeEnum::DropOwnedStmt(_) => (Topic::Owned, Does::Depends),
            NodeEnum::ReassignOwnedStmt(_) => (Topic::Owned, Does::Anything),
            NodeEnum::ClosePortalStmt(_)
            | NodeEnum::DeallocateStmt(_)
            | NodeEnum::ListenStmt(_)
            | NodeEnum::UnlistenStmt(_)
            | NodeEnum::VariableShowStmt(_) => (Topic::Other, Does::Nothing),
            NodeEnum::DoStmt(_)
            | NodeEnum::ExecuteStmt(_)
            | NodeEnum::ExplainStmt(_)
            | NodeEnum::PrepareStmt(_) => (Topic::Other, Does::WhatItSays),
            NodeEnum::DeclareCursorStmt(_)
            | NodeEnum::NotifyStmt(_)
            | NodeEnum::SelectStmt(_)
            | NodeEnum::VariableSetStmt(_) => (Topic::Other, Does::Depends),
            _ => (Topic::Other, Does::Anything),
        };
        Self { topic, does }
    }
}
