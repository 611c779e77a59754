//! Whether a statement does in parts what it does as a whole: each row of one table for itself.

use pg_query::{
    NodeEnum,
    protobuf::{InsertStmt, JoinType, RangeVar, SelectStmt, SetOperation, WithClause},
};
use serde_json::Value;

use crate::source::{ast, grammar::SyntaxError};

pub(super) const OTHERS: &str = "only an UPDATE, a DELETE or an INSERT … SELECT goes in batches";

/// What the WITH clause reads is read for each batch; what it writes would be written for each.
pub(super) fn plain_with(with: Option<&WithClause>) -> Result<(), SyntaxError> {
    let queries = with.iter().flat_map(|with| &with.ctes);
    let writes = queries.filter_map(ast::kind).any(|node| match node {
        NodeEnum::CommonTableExpr(table) => !matches!(
            table.ctequery.as_deref().and_then(ast::kind),
            Some(NodeEnum::SelectStmt(_))
        ),
        _ => false,
    });
    if writes {
        return Err(cannot(
            "its WITH clause writes, which every batch would do again",
        ));
    }
    Ok(())
}

pub(super) fn not_at_cursor(condition: Option<&pg_query::Node>) -> Result<(), SyntaxError> {
    match condition.and_then(ast::kind) {
        Some(NodeEnum::CurrentOfExpr(_)) => Err(cannot("WHERE CURRENT OF is about one row")),
        _ => Ok(()),
    }
}

/// The table whose rows an INSERT … SELECT goes through: the first one behind FROM.
pub(super) fn driving_table(insert: &InsertStmt) -> Result<&RangeVar, SyntaxError> {
    let Some(NodeEnum::SelectStmt(select)) = insert.select_stmt.as_deref().and_then(ast::kind)
    else {
        return Err(cannot(OTHERS));
    };
    whole_by_parts(select)?;
    let first = select.from_clause.first().and_then(ast::kind);
    let table = leftmost(first.ok_or_else(|| cannot(OTHERS))?)?;
    let into = insert.relation.as_ref();
    if into.is_some_and(|into| into.relname == table.relname && into.schemaname == table.schemaname)
    {
        return Err(cannot(
            "it inserts into the table that it reads: a later batch would read what an earlier one wrote",
        ));
    }
    Ok(table)
}

/// Refuses a query whose rows depend on more than one row of its driving table.
fn whole_by_parts(select: &SelectStmt) -> Result<(), SyntaxError> {
    plain_with(select.with_clause.as_ref())?;
    let several = [
        (
            select.op() != SetOperation::SetopNone,
            "UNION, INTERSECT or EXCEPT",
        ),
        (!select.values_lists.is_empty(), "VALUES"),
        (!select.distinct_clause.is_empty(), "DISTINCT"),
        (!select.group_clause.is_empty(), "GROUP BY"),
        (select.having_clause.is_some(), "HAVING"),
        (!select.window_clause.is_empty(), "WINDOW"),
        (!select.sort_clause.is_empty(), "ORDER BY"),
        (
            select.limit_count.is_some() || select.limit_offset.is_some(),
            "LIMIT or OFFSET",
        ),
        (!select.locking_clause.is_empty(), "FOR UPDATE or FOR SHARE"),
    ];
    if let Some((_, clause)) = several.iter().find(|(there, _)| *there) {
        return Err(cannot(&format!(
            "its SELECT has {clause}, which means another thing for each batch"
        )));
    }
    let list = serde_json::to_value(&select.target_list).expect("the syntax tree is plain data");
    match aggregate(&list) {
        Some(name) => Err(cannot(&format!(
            "its SELECT calls `{name}`, which each batch would do over its own rows"
        ))),
        None => Ok(()),
    }
}

/// The leftmost table of a FROM item, if each of its rows comes out by itself.
fn leftmost(item: &NodeEnum) -> Result<&RangeVar, SyntaxError> {
    match item {
        NodeEnum::RangeVar(table) => Ok(table),
        NodeEnum::JoinExpr(joined) => {
            if joined.alias.is_some() {
                return Err(cannot("its join has a name, behind which no key is seen"));
            }
            match joined.jointype() {
                JoinType::JoinInner | JoinType::JoinLeft => {}
                _ => {
                    return Err(cannot(
                        "its RIGHT or FULL JOIN gives rows that have no key: turn the join round",
                    ));
                }
            }
            let left = joined.larg.as_deref().and_then(ast::kind);
            leftmost(left.ok_or_else(|| cannot(OTHERS))?)
        }
        _ => Err(cannot("the first item behind FROM is no table")),
    }
}

/// The name of an aggregate or window function that is called outside of subqueries.
fn aggregate(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => items.iter().find_map(aggregate),
        Value::Object(fields) => {
            if fields.contains_key("SubLink") {
                return None;
            }
            if let Some(parts) = fields.get("funcname").and_then(Value::as_array) {
                let name = parts.last()?.get("node")?.get("String")?.get("sval")?;
                let name = name.as_str()?;
                let given = |field: &str| match fields.get(field) {
                    None | Some(Value::Null) => false,
                    Some(Value::Bool(is)) => *is,
                    Some(Value::Array(items)) => !items.is_empty(),
                    Some(_) => true,
                };
                let marked = [
                    "over",
                    "agg_order",
                    "agg_filter",
                    "agg_within_group",
                    "agg_star",
                    "agg_distinct",
                ];
                if marked.into_iter().any(given) || AGGREGATES.contains(&name) {
                    return Some(name.to_owned());
                }
            }
            fields.values().find_map(aggregate)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// PostgreSQL's own aggregates that need no `OVER` or `WITHIN GROUP`.
const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "json_agg",
    "json_agg_strict",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_agg_strict",
    "jsonb_object_agg",
    "max",
    "min",
    "range_agg",
    "range_intersect_agg",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
    "xmlagg",
];

/// What keeps a statement from going in batches.
pub(super) fn cannot(reason: &str) -> SyntaxError {
    SyntaxError {
        message: reason.to_owned(),
        at: 0,
    }
}
