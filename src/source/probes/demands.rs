//! What a constraint or an index demands of rows, and the queries for those that don't do.

use pg_query::{
    Node, NodeEnum,
    protobuf::{AExprKind, ConstrType, Constraint, IndexStmt, NullTestType, a_const},
};

use super::{
    super::ast::{kind, strings},
    demand::{Demand, Excluding, Foreign, Rule},
    foresight::Foresight,
    nodes::{idents, name},
    probe::{Probe, state},
    tables::{Column, ColumnId, PLACE, Reach, Relation, Rows, TableId, Value, dotted},
};
use crate::sql::{Ident, NullTest, join};

impl Foresight {
    /// What a constraint demands of the rows that are there.
    pub(super) fn demands(&mut self, table: TableId, constraint: &Constraint) -> Vec<Demand> {
        let columns = idents(&constraint.keys);
        let mut rules = Vec::new();
        match constraint.contype() {
            ConstrType::ConstrNotnull => rules.push(Rule::NotNull(columns, state::NULL)),
            ConstrType::ConstrPrimary => {
                let columns = self.columns_of_key(table, constraint, columns);
                rules.push(if columns.is_empty() {
                    Rule::OfIndex(Ident::new(constraint.indexname.as_str()))
                } else {
                    Rule::NotNull(columns.clone(), state::NULL)
                });
                if constraint.indexname.is_empty() {
                    rules.push(unique(columns, false));
                }
            }
            ConstrType::ConstrUnique if !columns.is_empty() => {
                rules.push(unique(columns, constraint.nulls_not_distinct));
            }
            ConstrType::ConstrCheck if constraint.is_enforced => {
                let raw = constraint.raw_expr.as_deref();
                rules.extend(raw.and_then(|raw| self.check(table, raw)));
            }
            ConstrType::ConstrExclusion => rules.extend(self.exclusion(constraint)),
            ConstrType::ConstrForeign if constraint.is_enforced => {
                rules.extend(self.foreign(constraint).map(Rule::Foreign));
            }
            _ => {}
        }
        let reach = if constraint.is_no_inherit {
            Reach::Only
        } else {
            Reach::Heirs
        };
        let demand = |rule| Demand {
            reach,
            ..self.demand(table, rule)
        };
        rules.into_iter().map(demand).collect()
    }

    fn demand(&self, table: TableId, rule: Rule) -> Demand {
        let names = self.tables.get(table).relation.names();
        let reach = Reach::Heirs;
        Demand {
            table,
            names,
            reach,
            rule,
        }
    }

    /// The columns of a primary key; one that takes an index over has that index's.
    pub(super) fn columns_of_key(
        &self,
        table: TableId,
        constraint: &Constraint,
        columns: Vec<Ident>,
    ) -> Vec<Ident> {
        let schema = self.tables.get(table).name.0.clone();
        let index = (schema, Ident::new(constraint.indexname.as_str()));
        let taken = self.indexes.get(&index).filter(|_| columns.is_empty());
        taken.map_or(columns, |index| {
            let relation = &self.tables.get(table).relation;
            let of_index = index.columns.iter();
            let now = of_index.filter_map(|column| index.demand.now(column, relation));
            now.collect()
        })
    }

    /// What an exclusion constraint demands.
    fn exclusion(&self, constraint: &Constraint) -> Option<Rule> {
        let parts = constraint.exclusions.iter().map(|pair| {
            let NodeEnum::List(pair) = kind(pair)? else {
                return None;
            };
            let [element, operator] = &pair.items[..] else {
                return None;
            };
            let (Some(NodeEnum::IndexElem(element)), Some(NodeEnum::List(operator))) =
                (kind(element), kind(operator))
            else {
                return None;
            };
            let operator = match strings(&operator.items)[..] {
                [own] => own.to_owned(),
                [schema, own] => {
                    let schema = Ident::new(schema);
                    let now = self.schemas.get(&schema).unwrap_or(&schema);
                    format!("OPERATOR({now}.{own})")
                }
                _ => return None,
            };
            let column = element.expr.is_none();
            let column = column.then(|| Ident::new(element.name.as_str()));
            let mut sql = match (&element.expr, &column) {
                (Some(expr), _) => self.expression(expr)?,
                (None, Some(column)) => column.to_string(),
                (None, None) => return None,
            };
            let collation = idents(&element.collation);
            let column = column.filter(|_| collation.is_empty());
            if !collation.is_empty() {
                sql = format!("({sql}) COLLATE {}", join(collation, "."));
            }
            Some(Excluding {
                sql,
                column,
                operator,
            })
        });
        let parts: Vec<Excluding> = parts.collect::<Option<_>>()?;
        let rows = match &constraint.where_clause {
            Some(clause) => Some(self.expression(clause)?),
            None => None,
        };
        (!parts.is_empty()).then_some(Rule::Exclusion { parts, rows })
    }

    /// No NULL in a column.
    pub(super) fn not_null(&self, table: TableId, column: Ident) -> Demand {
        self.demand(table, Rule::NotNull(vec![column], state::NULL))
    }

    fn check(&self, table: TableId, raw: &Node) -> Option<Rule> {
        // The constraint before `SET NOT NULL` looks for the same rows.
        if let Some(column) = self.refuses_null(table, raw) {
            return Some(Rule::NotNull(vec![column], state::CHECK));
        }
        Some(Rule::Check(self.expression(raw)?))
    }

    /// The column of which a condition says no more than that it isn't NULL.
    fn refuses_null(&self, table: TableId, condition: &Node) -> Option<Ident> {
        let (tested, test) = match kind(condition)? {
            NodeEnum::NullTest(test) if test.nulltesttype() == NullTestType::IsNotNull => {
                (test.arg.as_deref()?, NullTest::Plain)
            }
            NodeEnum::AExpr(distinct)
                if distinct.kind() == AExprKind::AexprDistinct
                    && distinct.rexpr.as_deref().is_some_and(is_null) =>
            {
                (distinct.lexpr.as_deref()?, NullTest::Row)
            }
            _ => return None,
        };
        let NodeEnum::ColumnRef(column) = kind(tested)? else {
            return None;
        };
        let [column] = strings(&column.fields)[..] else {
            return None;
        };
        let column = Ident::new(column);
        let of_rows = self.tables.get(table).relation.column(&column)?.null;
        // `IS NOT NULL` asks a row for its fields.
        (test == NullTest::Row || of_rows == NullTest::Plain).then_some(column)
    }

    fn foreign(&mut self, constraint: &Constraint) -> Option<Foreign> {
        let mut own = idents(&constraint.fk_attrs);
        if own.is_empty() {
            // That of a single column stands with it.
            own = idents(&constraint.keys);
        }
        let table = self.tables.at(&name(constraint.pktable.as_ref()?));
        let other = self.tables.get(table);
        let names = other.relation.names();
        let mut theirs = idents(&constraint.pk_attrs);
        if theirs.is_empty() {
            let key = other.key.iter().map(|id| names.get(id).cloned());
            theirs = key.collect::<Option<_>>()?;
        }
        let takes_halves = constraint.fk_matchtype != "f";
        let cascades = !matches!(constraint.fk_upd_action.as_str(), "" | "a" | "r");
        (!own.is_empty() && own.len() == theirs.len()).then_some(Foreign {
            own,
            table,
            names,
            theirs,
            takes_halves,
            cascades,
        })
    }

    /// What a unique index demands.
    pub(super) fn of_index(&mut self, index: &IndexStmt) -> Option<Demand> {
        let table = self.tables.at(&name(index.relation.as_ref()?));
        let (mut parts, mut columns) = (Vec::new(), Vec::new());
        for element in index.index_params.iter().filter_map(kind) {
            let NodeEnum::IndexElem(element) = element else {
                return None;
            };
            let mut part = if let Some(expr) = &element.expr {
                format!("({})", self.expression(expr)?)
            } else {
                let column = Ident::new(element.name.as_str());
                let named = column.to_string();
                columns.push(column);
                named
            };
            let collation = idents(&element.collation);
            if !collation.is_empty() {
                part = format!("{part} COLLATE {}", join(collation, "."));
            }
            parts.push(part);
        }
        let rows = match &index.where_clause {
            Some(clause) => Some(self.expression(clause)?),
            None => None,
        };
        if parts.is_empty() {
            return None;
        }
        let also_nulls = index.nulls_not_distinct;
        let rule = Rule::Unique {
            parts,
            columns,
            rows,
            also_nulls,
        };
        Some(self.demand(table, rule))
    }

    /// The queries for the rows that don't do what is demanded.
    pub(super) fn against(&self, demand: &Demand) -> Vec<Probe> {
        let table = self.tables.get(demand.table);
        let named = dotted(&table.name);
        let relation = table.relation.with_names(&demand.names);
        match &demand.rule {
            Rule::NotNull(columns, state) => vec![self.nulls(demand, &relation, columns, state)],
            Rule::Unique {
                parts,
                columns,
                rows,
                also_nulls,
            } => {
                let listed = join(parts, ", ");
                let mut conditions: Vec<String> = rows
                    .as_ref()
                    .map(|rows| format!("({rows})"))
                    .into_iter()
                    .collect();
                if !also_nulls {
                    // A row with a NULL equals no other.
                    conditions.extend(parts.iter().map(|part| {
                        let mut plain = columns.iter().filter(|column| column.to_string() == *part);
                        let test = plain
                            .next()
                            .map_or(NullTest::Plain, |column| null(&relation, column));
                        test.is_not_null(part)
                    }));
                }
                let filter = if conditions.is_empty() {
                    String::new()
                } else {
                    format!(" WHERE {}", conditions.join(" AND "))
                };
                let reach = self.tables.reach_of_keys(demand.table);
                vec![Probe {
                    selected: format!("{listed}, count(*)"),
                    ..self.probe(
                        demand.table,
                        relation,
                        reach,
                        &table.name.1,
                        state::DUPLICATE,
                        format!("duplicates in {named} ({listed})"),
                        format!("{filter} GROUP BY {listed} HAVING count(*) > 1"),
                    )
                }]
            }
            Rule::Check(rule) => vec![self.probe(
                demand.table,
                relation,
                demand.reach,
                &table.name.1,
                state::CHECK,
                format!("rows of {named} against CHECK ({rule})"),
                format!(" WHERE NOT ({rule})"),
            )],
            Rule::Foreign(foreign) => self.orphans(demand, &relation, foreign),
            Rule::Exclusion { parts, rows } => {
                vec![self.excluding(demand, relation, parts, rows.as_deref())]
            }
            Rule::OfIndex(index) => {
                let probe = self.probe(
                    demand.table,
                    relation,
                    demand.reach,
                    &table.name.1,
                    state::NULL,
                    format!("NULL in the columns of the index {index} of {named}"),
                    String::new(),
                );
                vec![Probe {
                    unknown: probe.unknown.or(Some("the index is not known")),
                    ..probe
                }]
            }
        }
    }

    /// Rows that an exclusion constraint doesn't take beside each other.
    fn excluding(
        &self,
        demand: &Demand,
        relation: Relation,
        parts: &[Excluding],
        rows: Option<&str>,
    ) -> Probe {
        let table = self.tables.get(demand.table);
        let mut relation = relation.with_places();
        let mut compared = Vec::new();
        let mut computed = relation.passed_on();
        for (number, part) in (1..).zip(parts) {
            let name = part.column.clone().unwrap_or_else(|| {
                let name = Ident::new(format!("part_{number}"));
                computed.push(Column {
                    id: ColumnId::MAX - PLACE.len() - number,
                    name: name.clone(),
                    value: Value::Computed(format!("({})", part.sql)),
                    type_name: None,
                    null: NullTest::Plain,
                    is_domain: false,
                    is_generated: false,
                    refuses_null: false,
                });
                name
            });
            compared.push(format!("o.{name} {} r.{name}", part.operator));
        }
        if parts.iter().any(|part| part.column.is_none()) {
            relation = relation.under(&table.name.1, computed);
        }
        let reach = self.tables.reach_of_keys(demand.table);
        let of = |alias: &str| join(PLACE.map(|place| format!("{alias}.{place}")), ", ");
        let filter = rows.map_or(String::new(), |rows| format!("({rows}) AND "));
        let compared = compared.join(" AND ");
        let other = Ident::new("r");
        let text = format!("{filter}{compared}");
        let from = relation.clone().for_text(&other, &text);
        let from = from.sql(&other, reach, None);
        let listed = parts
            .iter()
            .map(|part| format!("{} WITH {}", part.sql, part.operator));
        self.probe(
            demand.table,
            relation,
            reach,
            &Ident::new("o"),
            state::EXCLUDED,
            format!(
                "rows of {} that exclude each other ({})",
                dotted(&table.name),
                join(listed, ", ")
            ),
            format!(
                " WHERE {filter}EXISTS (SELECT FROM {from} WHERE {filter}({}) <> ({}) AND {compared})",
                of("r"),
                of("o")
            ),
        )
    }

    fn nulls(
        &self,
        demand: &Demand,
        relation: &Relation,
        columns: &[Ident],
        state: &'static str,
    ) -> Probe {
        let table = self.tables.get(demand.table);
        let is_null = columns
            .iter()
            .map(|column| null(relation, column).is_null(column));
        self.probe(
            demand.table,
            relation.clone(),
            demand.reach,
            &table.name.1,
            state,
            format!("NULL in {} ({})", dotted(&table.name), join(columns, ", ")),
            format!(" WHERE {}", join(is_null, " OR ")),
        )
    }

    /// Rows that refer to none, and with MATCH FULL those that refer by some of the columns only.
    fn orphans(&self, demand: &Demand, relation: &Relation, foreign: &Foreign) -> Vec<Probe> {
        let table = self.tables.get(demand.table);
        let other = self.tables.get(foreign.table);
        let other_rows = self.tables.rows(foreign.table);
        let Foreign { own, theirs, .. } = foreign;
        let alias = Ident::new("o");
        let of_own = |column: &Ident| format!("o.{column}");
        let filled = own
            .iter()
            .map(|column| null(relation, column).is_not_null(of_own(column)));
        let filled = join(filled, " AND ");
        let listed = join(own, ", ");
        let named = dotted(&table.name);
        let probe = |what: String, condition: String| {
            let reach = self.tables.reach_of_keys(demand.table);
            let rest = format!(" WHERE {condition}");
            self.probe(
                demand.table,
                relation.clone(),
                reach,
                &alias,
                state::ORPHAN,
                what,
                rest,
            )
        };
        let condition = if other_rows == Rows::None {
            // The plan creates the other table, and nothing fills it.
            filled
        } else {
            let other_alias = Ident::new("r");
            let theirs_now = other.relation.with_names(&foreign.names);
            let theirs_now = theirs_now.for_text(&other_alias, &join(theirs, " "));
            let reach = self.tables.reach_of_keys(foreign.table);
            let from = theirs_now.sql(&other_alias, reach, None);
            if own.iter().any(|column| has_own_equality(relation, column)) {
                let alias = Ident::new("f");
                let reach = self.tables.reach_of_keys(demand.table);
                let own_from = relation
                    .clone()
                    .for_text(&alias, &filled)
                    .sql(&alias, reach, None);
                let of = |alias: &str, columns: &[Ident]| {
                    join(
                        columns.iter().map(|column| format!("{alias}.{column}")),
                        ", ",
                    )
                };
                format!(
                    "({}) IN (SELECT {} FROM {own_from} EXCEPT SELECT {} FROM {from}) AND {filled}",
                    of("o", own),
                    of("f", own),
                    of("r", theirs),
                )
            } else {
                let pairs = own.iter().zip(theirs);
                let same = pairs.map(|(own, theirs)| format!("r.{theirs} = o.{own}"));
                format!(
                    "{filled} AND NOT EXISTS (SELECT FROM {from} WHERE {})",
                    join(same, " AND ")
                )
            }
        };
        let mut orphans = probe(format!("orphans in {named} ({listed})"), condition);
        let why = match &other_rows {
            Rows::Kept | Rows::None => None,
            Rows::More(why) | Rows::Unknown(why) => Some(*why),
        };
        let of_theirs = foreign.theirs.iter().find_map(|column| {
            let relation = other.relation.with_names(&foreign.names);
            match relation.column(column)?.value {
                Value::Unknown(why) => Some(why),
                Value::Of(_) | Value::Computed(_) => None,
            }
        });
        let of_theirs = of_theirs.filter(|_| other_rows != Rows::None);
        orphans.unknown = orphans.unknown.or(why).or(of_theirs);
        let mut probes = vec![orphans];
        if !foreign.takes_halves && own.len() > 1 {
            let nulls = own
                .iter()
                .map(|column| null(relation, column).is_null(of_own(column)));
            let nulls: Vec<String> = nulls.collect();
            probes.push(probe(
                format!(
                    "rows of {named} with a NULL in some of ({listed}), not in all (MATCH FULL)"
                ),
                format!("({}) AND NOT ({})", nulls.join(" OR "), nulls.join(" AND ")),
            ));
        }
        probes
    }
}

fn unique(columns: Vec<Ident>, also_nulls: bool) -> Rule {
    Rule::Unique {
        parts: columns.iter().map(ToString::to_string).collect(),
        columns,
        rows: None,
        also_nulls,
    }
}

/// Whether a column's type may say by an operator of its own which values are equal, as citext does. A foreign key uses that;
/// `=` finds it only where its schema is on the search path, and EXCEPT takes what the type's values are sorted by.
fn has_own_equality(relation: &Relation, column: &Ident) -> bool {
    let type_name = relation
        .column(column)
        .and_then(|column| column.type_name.as_deref());
    type_name.is_some_and(|name| name.contains('.'))
}

/// How a column's values are tested for NULL.
fn null(relation: &Relation, column: &Ident) -> NullTest {
    let column = relation.column(column);
    column.map_or(NullTest::Plain, |column| column.null)
}

fn is_null(node: &Node) -> bool {
    matches!(kind(node), Some(NodeEnum::AConst(constant))
        if constant.isnull && !matches!(constant.val, Some(a_const::Val::Sval(_))))
}
