//! Which statements make those of an application fail, or find fewer rows: all that are not known to leave them alone.

use pg_query::{
    Node, NodeEnum,
    protobuf::{AlterTableCmd, AlterTableType as At, ConstrType, ObjectType as Of},
};

use super::{
    ast,
    statement_kind::{StatementKind, Topic},
};

/// Why statements of an application may fail once this one has run, as a clause. `None`: none of them does.
pub(super) fn breaks(node: &NodeEnum) -> Option<&'static str> {
    let is_definition = matches!(
        StatementKind::of(node).topic,
        Topic::Schema | Topic::Owned | Topic::Subscription
    );
    match node {
        _ if !is_definition || is_harmless(node) => None,
        NodeEnum::DropStmt(_) | NodeEnum::DropOwnedStmt(_) => {
            Some("statements that use what is dropped fail")
        }
        NodeEnum::RenameStmt(_) | NodeEnum::AlterObjectSchemaStmt(_) => {
            Some("statements with the old name fail")
        }
        NodeEnum::GrantStmt(_) | NodeEnum::AlterOwnerStmt(_) | NodeEnum::ReassignOwnedStmt(_) => {
            Some("statements that need the privileges fail")
        }
        _ => Some("statements that rely on what it changes may fail"),
    }
}

/// Whether a statement only adds what nobody uses yet, or changes what no statement names or notices.
fn is_harmless(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::AlterDefaultPrivilegesStmt(_)
        | NodeEnum::AlterEventTrigStmt(_)
        | NodeEnum::AlterExtensionContentsStmt(_)
        | NodeEnum::AlterExtensionStmt(_)
        | NodeEnum::AlterObjectDependsStmt(_)
        | NodeEnum::AlterPublicationStmt(_)
        | NodeEnum::AlterSeqStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::CommentStmt(_)
        | NodeEnum::CompositeTypeStmt(_)
        | NodeEnum::CreateAmStmt(_)
        | NodeEnum::CreateCastStmt(_)
        | NodeEnum::CreateConversionStmt(_)
        | NodeEnum::CreateDomainStmt(_)
        | NodeEnum::CreateEnumStmt(_)
        | NodeEnum::CreateEventTrigStmt(_)
        | NodeEnum::CreateExtensionStmt(_)
        | NodeEnum::CreateFdwStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::CreateForeignTableStmt(_)
        | NodeEnum::CreateFunctionStmt(_)
        | NodeEnum::CreateOpClassStmt(_)
        | NodeEnum::CreateOpFamilyStmt(_)
        | NodeEnum::CreatePlangStmt(_)
        | NodeEnum::CreatePublicationStmt(_)
        | NodeEnum::CreateRangeStmt(_)
        | NodeEnum::CreateSchemaStmt(_)
        | NodeEnum::CreateSeqStmt(_)
        | NodeEnum::CreateStatsStmt(_)
        | NodeEnum::CreateStmt(_)
        | NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::CreateTableAsStmt(_)
        | NodeEnum::CreateTransformStmt(_)
        | NodeEnum::CreateTrigStmt(_)
        | NodeEnum::CreateUserMappingStmt(_)
        | NodeEnum::DefineStmt(_)
        | NodeEnum::IndexStmt(_)
        | NodeEnum::SecLabelStmt(_)
        | NodeEnum::ViewStmt(_) => true,
        NodeEnum::AlterDomainStmt(alter) => match alter.subtype.as_str() {
            // A default, a constraint, DROP NOT NULL.
            "T" => alter.def.is_some(),
            "C" | "N" | "V" | "X" => true,
            _ => false,
        },
        NodeEnum::AlterEnumStmt(alter) => alter.old_val.is_empty(),
        NodeEnum::AlterTableStmt(alter) => {
            let commands = alter.cmds.iter().filter_map(ast::kind);
            commands.into_iter().all(|command| {
                matches!(command, NodeEnum::AlterTableCmd(command) if is_harmless_command(command))
            })
        }
        NodeEnum::CreatePolicyStmt(policy) => policy.permissive,
        NodeEnum::DropStmt(drop) => matches!(
            drop.remove_type(),
            Of::ObjectEventTrigger
                | Of::ObjectPublication
                | Of::ObjectStatisticExt
                | Of::ObjectSubscription
        ),
        NodeEnum::GrantStmt(grant) => grant.is_grant,
        NodeEnum::RenameStmt(rename) => matches!(
            rename.rename_type(),
            Of::ObjectDomconstraint
                | Of::ObjectEventTrigger
                | Of::ObjectIndex
                | Of::ObjectPolicy
                | Of::ObjectPublication
                | Of::ObjectRule
                | Of::ObjectStatisticExt
                | Of::ObjectSubscription
                | Of::ObjectTrigger
        ),
        NodeEnum::RuleStmt(rule) => !rule.instead,
        _ => false,
    }
}

/// The same of a command of ALTER TABLE.
fn is_harmless_command(command: &AlterTableCmd) -> bool {
    match command.subtype() {
        At::AtAddColumn => !asks_for_values(command),
        // Another default, and not none.
        At::AtColumnDefault => command.def.is_some(),
        At::AtAddConstraint
        | At::AtAddInherit
        | At::AtAddOf
        | At::AtAttachPartition
        | At::AtClusterOn
        | At::AtDetachPartitionFinalize
        | At::AtDisableRowSecurity
        | At::AtDisableTrig
        | At::AtDisableTrigAll
        | At::AtDisableTrigUser
        | At::AtDropCluster
        | At::AtDropNotNull
        | At::AtDropOf
        | At::AtEnableAlwaysTrig
        | At::AtEnableReplicaTrig
        | At::AtEnableTrig
        | At::AtEnableTrigAll
        | At::AtEnableTrigUser
        | At::AtNoForceRowSecurity
        | At::AtReplicaIdentity
        | At::AtResetOptions
        | At::AtResetRelOptions
        | At::AtSetAccessMethod
        | At::AtSetCompression
        | At::AtSetExpression
        | At::AtSetLogged
        | At::AtSetOptions
        | At::AtSetRelOptions
        | At::AtSetStatistics
        | At::AtSetStorage
        | At::AtSetTableSpace
        | At::AtSetUnLogged
        | At::AtValidateConstraint => true,
        _ => false,
    }
}

/// Whether inserts that leave a new column out fail: it refuses NULL, and nothing gives it a value.
fn asks_for_values(command: &AlterTableCmd) -> bool {
    let Some(NodeEnum::ColumnDef(column)) = command.def.as_deref().and_then(ast::kind) else {
        return true;
    };
    let sort = |constraint: &Node| match ast::kind(constraint) {
        Some(NodeEnum::Constraint(constraint)) => Some(constraint.contype()),
        _ => None,
    };
    let has = |sorts: &[ConstrType]| {
        let own = column.constraints.iter().filter_map(sort);
        own.into_iter().any(|own| sorts.contains(&own))
    };
    has(&[ConstrType::ConstrNotnull, ConstrType::ConstrPrimary])
        && !has(&[
            ConstrType::ConstrDefault,
            ConstrType::ConstrGenerated,
            ConstrType::ConstrIdentity,
        ])
}

#[cfg(test)]
mod tests {
    use crate::source::{Harm, effects};

    #[test]
    fn what_makes_statements_of_an_application_fail() {
        for (sql, expected) in [
            ("DROP VIEW app.v", true),
            ("DROP FUNCTION app.f()", true),
            ("DROP TABLE app.t", true),
            ("DROP INDEX app.i", true),
            ("DROP TYPE app.m", true),
            ("DROP SCHEMA app", true),
            ("DROP EXTENSION hstore", true),
            ("DROP POLICY p ON app.t", true),
            ("DROP OWNED BY me", true),
            ("REASSIGN OWNED BY me TO you", true),
            ("DROP STATISTICS app.s", false),
            ("REVOKE SELECT ON app.t FROM you", true),
            ("GRANT SELECT ON app.t TO you", false),
            ("ALTER TABLE app.t OWNER TO you", true),
            ("ALTER VIEW app.v OWNER TO you", true),
            ("ALTER TABLE app.t DETACH PARTITION app.p", true),
            (
                "ALTER TABLE app.t DETACH PARTITION app.p CONCURRENTLY",
                true,
            ),
            ("ALTER TABLE app.t ENABLE ROW LEVEL SECURITY", true),
            ("ALTER TABLE app.t FORCE ROW LEVEL SECURITY", true),
            ("ALTER TABLE app.t DISABLE ROW LEVEL SECURITY", false),
            ("ALTER TABLE app.t RENAME TO n", true),
            ("ALTER TABLE app.t RENAME a TO b", true),
            ("ALTER TABLE app.t RENAME CONSTRAINT a TO b", true),
            ("ALTER SCHEMA app RENAME TO other", true),
            ("ALTER INDEX app.i RENAME TO j", false),
            ("ALTER TRIGGER g ON app.t RENAME TO h", false),
            ("ALTER TABLE app.t SET SCHEMA other", true),
            ("ALTER FUNCTION app.f() SET SCHEMA other", true),
            ("ALTER TABLE app.t DROP COLUMN a", true),
            ("ALTER TABLE app.t ADD COLUMN a int, DROP COLUMN b", true),
            ("ALTER TABLE app.t DROP CONSTRAINT c", true),
            ("ALTER TABLE app.t ALTER a TYPE text", true),
            ("ALTER TABLE app.t ALTER a SET NOT NULL", true),
            ("ALTER TABLE app.t ALTER a DROP NOT NULL", false),
            ("ALTER TABLE app.t ALTER a DROP DEFAULT", true),
            ("ALTER TABLE app.t ALTER a SET DEFAULT 1", false),
            ("ALTER TABLE app.t ALTER a DROP IDENTITY", true),
            ("ALTER TABLE app.t ADD COLUMN a int", false),
            ("ALTER TABLE app.t ADD COLUMN a int NOT NULL", true),
            (
                "ALTER TABLE app.t ADD COLUMN a int NOT NULL DEFAULT 1",
                false,
            ),
            ("ALTER TABLE app.t ADD CHECK (a > 0) NOT VALID", false),
            ("ALTER TABLE app.t VALIDATE CONSTRAINT c", false),
            ("ALTER TABLE app.t SET (fillfactor = 50)", false),
            ("ALTER TYPE app.m RENAME VALUE 'a' TO 'b'", true),
            ("ALTER TYPE app.m ADD VALUE 'c'", false),
            ("ALTER TYPE app.c DROP ATTRIBUTE a", true),
            ("ALTER DOMAIN app.d SET NOT NULL", true),
            ("ALTER DOMAIN app.d DROP DEFAULT", true),
            ("ALTER DOMAIN app.d ADD CHECK (VALUE > 0)", false),
            ("ALTER POLICY p ON app.t USING (false)", true),
            ("CREATE POLICY p ON app.t", false),
            ("CREATE POLICY p ON app.t AS RESTRICTIVE", true),
            (
                "CREATE RULE r AS ON INSERT TO app.t DO INSTEAD NOTHING",
                true,
            ),
            ("CREATE VIEW app.v AS SELECT 1", false),
            ("CREATE UNIQUE INDEX ON app.t (a)", false),
            ("COMMENT ON TABLE app.t IS ''", false),
            ("DELETE FROM app.t", false),
            ("SELECT 1", false),
        ] {
            let breaks = effects(sql).iter().any(|it| it.harm == Harm::Breaks);
            assert_eq!(breaks, expected, "{sql}");
        }
    }
}
