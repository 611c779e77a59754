//! What a catalog tells of rows: by which rule they are told apart, and which of them no constraint has looked at yet.

use std::collections::{BTreeMap, BTreeSet};

use super::Catalog;
use crate::{
    kinds::{Object, ObjectId},
    source::{Known, KnownColumn, KnownDomain, KnownSequence, KnownTable},
};

impl Catalog {
    /// What queries for rows in a statement's way need to know of the database.
    pub fn known_to_probes(&self) -> Known {
        let mut tables: BTreeMap<&ObjectId, KnownTable> = BTreeMap::new();
        let mut known = Known::default();
        for (id, object) in self.objects() {
            if let Object::Table(table) = object {
                let parents = table.partition_of_ref.iter();
                let parents = parents.chain(table.inherits_refs.iter().flatten());
                let known = KnownTable {
                    schema: id.path[0].clone(),
                    name: id.name().clone(),
                    columns: Vec::new(),
                    key: Vec::new(),
                    partition_key: table.partition_key.as_ref().map(ToString::to_string),
                    parents: parents
                        .map(|parent| (parent.path[0].clone(), parent.name().clone()))
                        .collect(),
                    partition_bound: table.partition_bound.clone(),
                    has_triggers: false,
                };
                tables.insert(id, known);
            }
        }
        let mut composites = BTreeSet::new();
        let mut columns: BTreeMap<&ObjectId, Vec<(i32, KnownColumn)>> = BTreeMap::new();
        for (id, object) in self.objects() {
            let parent = self.parent(id);
            if let Object::Domain(domain) = object {
                known.domains.push(KnownDomain {
                    name: id.sql(),
                    type_name: domain.type_name.clone(),
                    is_row: false,
                    default: domain.default.as_ref().map(ToString::to_string),
                    not_null: domain.not_null,
                });
            } else if let Object::DomainConstraint(check) = object {
                known.domain_checks.push(format!(
                    "ALTER DOMAIN {} ADD CONSTRAINT {} {}",
                    id.container(),
                    id.name(),
                    check.definition
                ));
            } else if let Object::Composite(_) = object {
                composites.insert(id.sql());
            }
            known.sequences.extend(sequence(id, object));
            let Some(table) = parent.and_then(|parent| tables.get_mut(parent)) else {
                continue;
            };
            if let Object::Column(column) = object {
                let own = KnownColumn {
                    name: id.name().clone(),
                    type_name: column.type_name.clone(),
                    is_row: column.is_row,
                    is_domain: column.base_type.is_some(),
                    is_generated: column.generated.is_some(),
                    not_null: column.not_null,
                };
                let columns = columns.entry(parent.expect("it has one")).or_default();
                columns.push((column.position, own));
                known.unvalidated.extend(column.unvalidated(id));
            } else if let Object::Trigger(_) = object {
                table.has_triggers = true;
            } else if let Object::Constraint(constraint) = object {
                if let Some(key) = object.facts().row_key {
                    table.key = key.to_vec();
                }
                let add = format!(
                    "ALTER TABLE {} ADD CONSTRAINT {} {}",
                    id.container(),
                    id.name(),
                    constraint.definition
                );
                if !constraint.valid {
                    known.unvalidated.push(add);
                } else if constraint.attached_to_ref.is_none() {
                    known.validated.push(add);
                }
            } else if let Object::Index(index) = object
                && index.unique
                && index.attached_to_ref.is_none()
            {
                let predicate = index.predicate.iter();
                let predicate = predicate.map(|predicate| format!(" WHERE {predicate}"));
                known.unique_indexes.push(format!(
                    "CREATE UNIQUE INDEX {} ON {} {}{}",
                    id.name(),
                    index.table,
                    index.rest,
                    predicate.collect::<String>()
                ));
            }
        }
        for (id, mut columns) in columns {
            columns.sort_by_key(|(position, _)| *position);
            if let Some(table) = tables.get_mut(id) {
                table.columns = columns.into_iter().map(|(_, column)| column).collect();
            }
        }
        known.tables = tables.into_values().collect();
        tell_rows(&mut known.domains, &composites);
        known
    }
}

/// Tells of which domains the values are rows: those over composite types, and over such domains.
fn tell_rows(domains: &mut [KnownDomain], composites: &BTreeSet<String>) {
    let bases = domains.iter();
    let bases = bases.map(|domain| (domain.name.clone(), domain.type_name.clone()));
    let bases: BTreeMap<String, String> = bases.collect();
    for domain in domains {
        let mut below = std::iter::successors(Some(&domain.type_name), |name| bases.get(*name));
        domain.is_row = below.any(|name| composites.contains(name));
    }
}

/// The sequence that an object is or brings along.
fn sequence(id: &ObjectId, object: &Object) -> Option<KnownSequence> {
    let (type_name, owner) = if let Object::Sequence(sequence) = object {
        (&sequence.type_name, sequence.owned_by_ref.as_ref())
    } else if let Object::Column(column) = object {
        (&column.identity.as_ref()?.type_name, Some(id))
    } else {
        return None;
    };
    let counter = object.counter(id)?;
    let [schema, name] = counter.sequence;
    let owner = owner.map(|column| match &column.path[..] {
        [schema, table, column] => (schema.clone(), table.clone(), column.clone()),
        _ => unreachable!("a column stands in a table"),
    });
    Some(KnownSequence {
        schema,
        name,
        type_name: type_name.clone(),
        increment: counter.increment,
        limits: counter.limits,
        owner,
        is_identity: matches!(object, Object::Column(_)),
    })
}
