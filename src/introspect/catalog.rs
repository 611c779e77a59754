//! Reads a catalog: one query for each kind, the dependencies, and what no kind models, at one moment.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio_postgres::Row;

use super::row::{Mismatch, RowDeserializer};
use crate::{
    catalog::{Addresses, Bond, Catalog, EventTrigger, Unmodelled},
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Result},
    kinds::{Address, Grantee, Kind, ObjectId},
    sql::Ident,
};

/// The roles of a server that play others: which role each stands for.
pub type Cast = BTreeMap<Ident, Ident>;

/// Reads every object of the session's database, where each role of the cast goes by the name of the one that it plays: on a
/// shadow server, one creates objects in the place of the role that will create them on the target.
pub async fn introspect(session: &Session, cast: &Cast) -> Result<Catalog> {
    Ok(introspect_with_addresses(session, cast).await?.0)
}

/// Reads every object of the session's database, and says how `pg_depend` names each: what is called otherwise later on is
/// known by that.
pub async fn introspect_with_addresses(
    session: &Session,
    cast: &Cast,
) -> Result<(Catalog, Addresses)> {
    let names: BTreeMap<&str, &str> = cast
        .iter()
        .map(|(role, plays)| (role.as_str(), plays.as_str()))
        .collect();
    let names = serde_json::to_string(&names).expect("names are JSON");
    // Names are printed in full only where the search path is empty.
    let settings = [("forge.roles", names.as_str()), ("search_path", "")];
    let mut queries: Vec<&str> = vec!["SELECT current_user::text AS role"];
    queries.extend(Kind::ALL.iter().map(|kind| kind.introspect()));
    queries.push(include_str!("depends.sql"));
    queries.push(include_str!("extensions.sql"));
    queries.push(include_str!("unmodelled.sql"));
    queries.push(include_str!("event_triggers.sql"));
    let mut answers = session
        .snapshot_under(&settings, &queries)
        .await?
        .into_iter();
    let mut next = || answers.next().expect("there is an answer to each query");
    let own = next()
        .first()
        .map(|row| Ident::new(row.get::<_, String>("role")))
        .expect("a session has a role");
    let kinds: Vec<(Kind, Vec<Row>)> = Kind::ALL.iter().map(|&kind| (kind, next())).collect();
    let (depends, extensions, unmodelled) = (next(), next(), next());
    let event_triggers = next();

    let mut reading = Reading {
        catalog: Catalog::empty(
            session.server_version_num(),
            cast.get(&own).cloned().unwrap_or(own),
        ),
        addresses: BTreeMap::new(),
    };
    let objects = reading.identify(&kinds)?;
    reading.read(objects)?;
    reading.depend(&depends, &extensions);
    reading.privileges_wait_for_owners();
    reading.catalog.unmodelled = unmodelled
        .iter()
        .map(|row| Unmodelled {
            noun: row.get("type"),
            identity: row.get("identity"),
            content: row.get("content"),
        })
        .collect();
    reading.catalog.event_triggers = event_triggers
        .iter()
        .map(|row| EventTrigger {
            name: Ident::new(row.get::<_, String>("name")),
            bodies: row.get("bodies"),
        })
        .collect();
    Ok((reading.catalog, reading.addresses))
}

/// The columns that say which object a row is.
#[derive(Deserialize)]
struct Identity {
    of: Option<Kind>,
    path: Option<Vec<Ident>>,
    args: Option<String>,
    sub_name: Option<Ident>,
    grantee: Option<String>,
    classid: Option<u32>,
    objid: Option<u32>,
    objsubid: Option<i32>,
    parent_classid: Option<u32>,
    parent_objid: Option<u32>,
    parent_objsubid: Option<i32>,
}

impl Identity {
    fn address(&self) -> Option<Address> {
        Some(Address {
            class: self.classid?,
            object: self.objid?,
            sub: self.objsubid.unwrap_or_default(),
        })
    }

    fn parent(&self) -> Option<Address> {
        let (class, object) = (self.parent_classid?, self.parent_objid?);
        Some(Address {
            class,
            object,
            sub: self.parent_objsubid.unwrap_or_default(),
        })
    }
}

struct Identified<'a> {
    kind: Kind,
    id: ObjectId,
    parent: Option<ObjectId>,
    row: &'a Row,
}

struct Reading {
    catalog: Catalog,
    addresses: Addresses,
}

impl Reading {
    /// Gives each row its id, those of the parents before those of their children.
    fn identify<'a>(&mut self, kinds: &'a [(Kind, Vec<Row>)]) -> Result<Vec<Identified<'a>>> {
        let mut waiting = Vec::new();
        for (kind, rows) in kinds {
            for row in rows {
                let resolve = |_| None;
                let source = RowDeserializer {
                    row,
                    resolve: &resolve,
                };
                let identity =
                    Identity::deserialize(source).map_err(|error| broken(*kind, &error))?;
                waiting.push((*kind, row, identity));
            }
        }
        let mut identified = Vec::new();
        // A column of a view or a composite type isn't an object of its own. What is about one belongs to the whole; that
        // is known when everything else has its id.
        for parts_stand_for_the_whole in [false, true] {
            loop {
                let before = waiting.len();
                waiting.retain(|(kind, row, identity)| {
                    let name = self.name(*kind, identity, parts_stand_for_the_whole);
                    let Some((id, parent)) = name else {
                        return true;
                    };
                    if let Some(address) = identity.address() {
                        self.addresses.insert(address, id.clone());
                    }
                    let kind = *kind;
                    identified.push(Identified {
                        kind,
                        id,
                        parent,
                        row,
                    });
                    false
                });
                if waiting.len() == before {
                    break;
                }
            }
        }
        // What is left belongs to objects that aren't managed: an extension's, or those that no kind models.
        Ok(identified)
    }

    fn name(
        &self,
        kind: Kind,
        identity: &Identity,
        parts_stand_for_the_whole: bool,
    ) -> Option<(ObjectId, Option<ObjectId>)> {
        let grantee = identity.grantee.as_ref().map(|role| {
            if role.is_empty() {
                Grantee::Public
            } else {
                Grantee::Role(Ident::new(role.as_str()))
            }
        });
        let parent = match identity.parent() {
            None => None,
            Some(address) => {
                let whole = Address { sub: 0, ..address };
                let known = self.addresses.get(&address).or_else(|| {
                    parts_stand_for_the_whole
                        .then(|| self.addresses.get(&whole))
                        .flatten()
                });
                Some(known.cloned()?)
            }
        };
        if let Some(path) = &identity.path {
            return Some((
                ObjectId {
                    kind,
                    of: identity.of,
                    path: path.clone(),
                    args: identity.args.clone(),
                    grantee,
                },
                parent,
            ));
        }
        let mut id = ObjectId::about(kind, parent.as_ref()?);
        if let Some(column) = &identity.sub_name
            && id.of != Some(Kind::Column)
        {
            id.of = Some(Kind::Column);
            id.path.push(column.clone());
        }
        id.grantee = grantee;
        Some((id, parent))
    }

    fn read(&mut self, objects: Vec<Identified<'_>>) -> Result<()> {
        for Identified {
            kind,
            id,
            parent,
            row,
        } in objects
        {
            let resolve = |address| self.addresses.get(&address).cloned();
            let object = kind
                .read(RowDeserializer {
                    row,
                    resolve: &resolve,
                })
                .map_err(|Mismatch(reason)| unknown(&id, &reason))?;
            if let Some(parent) = &parent {
                self.catalog.depend(&id, parent);
            }
            if let Some(with) = object.needs_to_go_with() {
                self.catalog.depend(&id, with);
            }
            self.catalog.insert(id, object, parent);
        }
        Ok(())
    }

    fn depend(&mut self, depends: &[Row], extensions: &[Row]) {
        let extension_class = extensions.first().and(self.class_of(Kind::Extension));
        let members: BTreeMap<(u32, u32), u32> = extensions
            .iter()
            .map(|row| ((row.get("classid"), row.get("objid")), row.get("extension")))
            .collect();
        let resolve = |class: u32, object: u32, sub: i32| {
            let exact = self.addresses.get(&Address { class, object, sub });
            exact
                .or_else(|| {
                    self.addresses.get(&Address {
                        class,
                        object,
                        sub: 0,
                    })
                })
                .or_else(|| {
                    let extension = *members.get(&(class, object))?;
                    self.addresses.get(&Address {
                        class: extension_class?,
                        object: extension,
                        sub: 0,
                    })
                })
        };
        let mut edges = Vec::new();
        for row in depends {
            let (Some(id), Some(on)) = (
                resolve(row.get("classid"), row.get("objid"), row.get("objsubid")),
                resolve(
                    row.get("refclassid"),
                    row.get("refobjid"),
                    row.get("refobjsubid"),
                ),
            ) else {
                continue;
            };
            let part = self.catalog.parent(on) == Some(id);
            if !part && id != on {
                let bond = match row.get("deptype") {
                    "n" => Bond::Holds,
                    _ => Bond::GoesAlong,
                };
                edges.push((id.clone(), on.clone(), bond));
            }
        }
        for (id, on, bond) in edges {
            self.catalog.bind(id, on, bond);
        }
    }

    /// Privileges depend on the owner of their object: `ALTER … OWNER TO` makes those of the owner before the next one's, so
    /// they are taken back before it and granted behind it.
    fn privileges_wait_for_owners(&mut self) {
        let catalog = &self.catalog;
        let grants = catalog.objects().filter(|(id, _)| id.kind == Kind::Grant);
        let edges: Vec<(ObjectId, ObjectId)> = grants
            .filter_map(|(id, _)| Some((id.clone(), catalog.owner_behind(id)?)))
            .collect();
        for (grant, owner) in edges {
            self.catalog.depend(&grant, &owner);
        }
    }

    fn class_of(&self, kind: Kind) -> Option<u32> {
        self.addresses
            .iter()
            .find(|(_, id)| id.kind == kind)
            .map(|(address, _)| address.class)
    }
}

fn broken(kind: Kind, error: &Mismatch) -> Diagnostic {
    Diagnostic::error(
        Code::UnknownValue,
        format!("the server's {} objects can't be read", kind.noun()),
    )
    .note(error.to_string())
    .help("this is a version of PostgreSQL that this version of forge doesn't know")
}

fn unknown(id: &ObjectId, reason: &str) -> Diagnostic {
    Diagnostic::error(
        Code::UnknownValue,
        format!("`{id}` has a property that this version of forge doesn't know"),
    )
    .note(reason)
    .help("use a newer forge, or leave the object's schema out of `[managed]`")
}
