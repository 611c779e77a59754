//! Values that domains reject (PostgreSQL docs: CREATE DOMAIN).

use std::collections::BTreeMap;

use pg_query::{
    NodeEnum,
    protobuf::{AlterDomainStmt, ColumnDef, ConstrType, Constraint, CreateDomainStmt},
};

use super::{
    super::ast::kind,
    domain::{Domain, Rule},
    foresight::Foresight,
    known::KnownDomain,
    nodes::{gives, idents},
    probe::Probe,
    tables::{Column, GIVEN, NEW_TYPE, Reach, TableId, Value, dotted},
};
use crate::sql::{Ident, NullTest, join};

impl Foresight {
    pub(super) fn know_domain(&mut self, known: &KnownDomain) {
        let domain = Domain {
            base: known.type_name.clone(),
            on: known.type_name.clone(),
            is_on_new: false,
            is_new: false,
            is_row: known.is_row,
            default: known.default.clone(),
            refuses_null: known.not_null,
            checks: BTreeMap::new(),
        };
        self.domains.insert(known.name.clone(), domain);
    }

    pub(super) fn create_domain(&mut self, create: &CreateDomainStmt) {
        let Some(type_name) = &create.type_name else {
            return;
        };
        let on = join(idents(&type_name.names), ".");
        let inner = self.domains.get(&on);
        let mut domain = Domain {
            base: self.type_name(type_name).unwrap_or_else(|| on.clone()),
            is_on_new: self.is_new(type_name),
            is_new: true,
            is_row: self.is_row(&on),
            // It is copied when the domain is created.
            default: inner.and_then(|inner| inner.default.clone()),
            refuses_null: false,
            checks: BTreeMap::new(),
            on,
        };
        for node in create.constraints.iter().filter_map(kind) {
            let NodeEnum::Constraint(constraint) = node else {
                continue;
            };
            match constraint.contype() {
                ConstrType::ConstrNotnull => domain.refuses_null = true,
                ConstrType::ConstrDefault => {
                    let default = constraint.raw_expr.as_deref();
                    domain.default = default.and_then(|default| self.expression(default));
                }
                _ => domain.checks.extend(self.domain_check(constraint)),
            }
        }
        let named = join(idents(&create.domainname), ".");
        self.domains.insert(named, domain);
    }

    fn domain_check(&self, constraint: &Constraint) -> Option<(String, String)> {
        let check = constraint.raw_expr.as_deref();
        let check = check.filter(|_| constraint.contype() == ConstrType::ConstrCheck)?;
        Some((constraint.conname.clone(), self.expression(check)?))
    }

    /// Notes what a domain demands from now on: of new values also what is NOT VALID.
    pub(super) fn change_domain(&mut self, alter: &AlterDomainStmt) {
        let named = join(idents(&alter.type_name), ".");
        let def = alter.def.as_deref();
        let default = def.and_then(|def| self.expression(def));
        let check = match def.and_then(kind) {
            Some(NodeEnum::Constraint(constraint)) => self.domain_check(constraint),
            _ => None,
        };
        let Some(domain) = self.domains.get_mut(&named) else {
            return;
        };
        match alter.subtype.as_str() {
            "T" => domain.default = default,
            "N" => domain.refuses_null = false,
            "O" => domain.refuses_null = true,
            "C" => domain.checks.extend(check),
            "X" => {
                domain.checks.remove(&alter.name);
            }
            _ => {}
        }
    }

    /// Values of columns that a domain no longer takes.
    pub(super) fn alter_domain(&mut self, alter: &AlterDomainStmt) -> Vec<Probe> {
        self.change_domain(alter);
        let domain = join(idents(&alter.type_name), ".");
        let rule = match (alter.subtype.as_str(), alter.def.as_deref().and_then(kind)) {
            ("O", _) => Some(Rule::NotNull),
            ("C", Some(NodeEnum::Constraint(constraint))) => {
                let check = self.domain_check(constraint);
                let check = check.map(|(_, check)| Rule::Check(check));
                if constraint.skip_validation {
                    let name = (domain, constraint.conname.clone());
                    self.waiting_of_domains
                        .extend(check.map(|check| (name, check)));
                    return Vec::new();
                }
                check
            }
            ("V", _) => self
                .waiting_of_domains
                .remove(&(domain.clone(), alter.name.clone())),
            _ => None,
        };
        rule.map_or_else(Vec::new, |rule| self.of_domain(&domain, &rule))
    }

    fn of_domain(&self, domain: &str, rule: &Rule) -> Vec<Probe> {
        let now = self.translated(domain);
        let mut probes = Vec::new();
        for (id, table) in self.tables.iter() {
            let mut columns = table.relation.columns.iter();
            // The whole is asked for the rows of its parts.
            if table
                .parents
                .iter()
                .any(|parent| self.tables.get(*parent).partitioned.is_some())
            {
                continue;
            }
            while let Some(column) = columns.find(|column| {
                column.is_domain
                    && column
                        .type_name
                        .as_ref()
                        .is_some_and(|name| *name == now || name == domain)
            }) {
                let value = Column {
                    name: Ident::new("value"),
                    value: match column.value {
                        Value::Unknown(why) => Value::Unknown(why),
                        Value::Of(_) | Value::Computed(_) => Value::Of(column.name.clone()),
                    },
                    ..column.clone()
                };
                let words = rule.words();
                let values = table.relation.clone().under(&table.name.1, vec![value]);
                probes.push(self.probe(
                    id,
                    values,
                    Reach::Heirs,
                    &Ident::new("rows"),
                    rule.state(),
                    format!(
                        "values of {}.{} against {domain}: {words}",
                        dotted(&table.name),
                        column.name
                    ),
                    format!(" WHERE {}", rule.broken(column.null)),
                ));
            }
        }
        probes
    }

    /// The domain of a name, and those that it stands on.
    fn chain(&self, named: &str) -> Vec<(String, &Domain)> {
        let mut chain: Vec<(String, &Domain)> = Vec::new();
        let mut named = named.to_owned();
        while let Some(domain) = self.domains.get(&named) {
            let on = domain.on.clone();
            chain.push((named, domain));
            named = on;
        }
        chain
    }

    /// The value that a new column takes in each row has to be one that its domain takes.
    pub(super) fn of_new_column(&self, table: TableId, added: &ColumnDef) -> Vec<Probe> {
        let type_name = added.type_name.as_ref();
        let type_name = type_name.filter(|name| name.array_bounds.is_empty());
        let named = type_name.map(|name| join(idents(&name.names), "."));
        let chain = named.map_or_else(Vec::new, |named| self.chain(&named));
        let (Some((_, first)), Some((_, below))) = (chain.first(), chain.last()) else {
            return Vec::new();
        };
        let given = added.constraints.iter().filter_map(kind);
        let mut given = given.filter_map(|node| match node {
            NodeEnum::Constraint(constraint) if gives(constraint.contype()) => Some(constraint),
            _ => None,
        });
        let value = match given.next_back() {
            Some(constraint) => {
                let value = constraint.raw_expr.as_deref();
                value.and_then(|value| self.plain(value))
            }
            None => Some(first.default.clone().unwrap_or_else(|| "NULL".to_owned())),
        };
        let test = NullTest::of_rows(first.is_row);
        let value = Column {
            id: 0,
            name: Ident::new("value"),
            value: match value {
                _ if below.is_on_new => Value::Unknown(NEW_TYPE),
                Some(value) => Value::Computed(format!("({value})::{}", below.base)),
                None => Value::Unknown(GIVEN),
            },
            type_name: Some(below.base.clone()),
            null: test,
            is_domain: false,
            is_generated: false,
            refuses_null: false,
        };
        let whole = self.tables.get(table);
        let mut columns = whole.relation.passed_on();
        columns.retain(|column| column.name != value.name);
        columns.push(value);
        let values = whole.relation.clone().under(&whole.name.1, columns);
        let column = Ident::new(added.colname.as_str());
        let mut probes = Vec::new();
        for (domain, own) in &chain {
            for rule in own.rules() {
                let words = rule.words();
                probes.push(self.probe(
                    table,
                    values.clone(),
                    Reach::Heirs,
                    &Ident::new("rows"),
                    rule.state(),
                    format!(
                        "values that the new column {}.{column} gets, against {domain}: {words}",
                        dotted(&whole.name)
                    ),
                    format!(" WHERE {}", rule.broken(test)),
                ));
            }
        }
        probes
    }

    /// Notes that domains, or the types that they restrict, have other names.
    pub(super) fn rename_domains(&mut self, moved: impl Fn(String) -> String) {
        let domains = std::mem::take(&mut self.domains).into_iter();
        let domains = domains.map(|(name, domain)| {
            let on = moved(domain.on);
            (moved(name), Domain { on, ..domain })
        });
        self.domains = domains.collect();
        let waiting = std::mem::take(&mut self.waiting_of_domains).into_iter();
        self.waiting_of_domains = waiting
            .map(|((domain, name), rule)| ((moved(domain), name), rule))
            .collect();
    }

    pub(super) fn rename_domain_constraint(&mut self, domain: &str, from: &str, to: &str) {
        let (old, new) = (
            (domain.to_owned(), from.to_owned()),
            (domain.to_owned(), to.to_owned()),
        );
        if let Some(rule) = self.waiting_of_domains.remove(&old) {
            self.waiting_of_domains.insert(new, rule);
        }
        if let Some(domain) = self.domains.get_mut(domain)
            && let Some(check) = domain.checks.remove(from)
        {
            domain.checks.insert(to.to_owned(), check);
        }
    }
}
