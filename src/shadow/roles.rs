//! The roles that forge makes on a shadow server.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::admin::{self, Admin};
use crate::{
    diagnostic::Result,
    sql::{self, Ident},
};

/// The roles that were made so far.
#[derive(Debug, Default)]
pub(super) struct Roles {
    made: Mutex<BTreeSet<Ident>>,
    stand_ins: Mutex<BTreeMap<Ident, Ident>>,
}

impl Roles {
    /// The list, to be read or changed.
    pub(super) fn made(&self) -> MutexGuard<'_, BTreeSet<Ident>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's own roles, with those that were made to play them, to be read or changed.
    pub(super) fn stand_ins(&self) -> MutexGuard<'_, BTreeMap<Ident, Ident>> {
        self.stand_ins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `role` a member of every other role that was made: so it may give things to them, and is asked for nothing
    /// that a superuser wouldn't be.
    pub(super) async fn grant_to(&self, admin: &Admin, role: &Ident) -> Result<()> {
        let others = sql::join(self.made().iter().filter(|&made| made != role), ", ");
        if others.is_empty() {
            return Ok(());
        }
        admin.run(&format!("GRANT {others} TO {role}")).await
    }
}

/// Those of `names` that the server doesn't have and that can be created.
pub(super) async fn missing(admin: &Admin, names: &[String]) -> Result<Vec<Ident>> {
    let rows = admin
        .client()
        .query(
            "SELECT DISTINCT name FROM pg_catalog.unnest($1::text[]) AS wanted(name) \
             WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted.name) \
             ORDER BY name",
            &[&names],
        )
        .await
        .map_err(|error| admin::failed(&error))?;
    let names = rows.iter().map(|row| row.get::<_, String>("name"));
    Ok(names
        .filter(|name| creatable(name))
        .map(Ident::new)
        .collect())
}

/// PostgreSQL keeps some names for itself. (PostgreSQL docs: CREATE ROLE; `check_rolespec_name` and `IsReservedName`.)
pub(super) fn creatable(role: &str) -> bool {
    !role.is_empty() && !role.starts_with("pg_") && !["public", "none"].contains(&role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_role_names() {
        fn check(role: &str, expected: bool) {
            assert_eq!(creatable(role), expected, "{role}");
        }
        check("app", true);
        check("Public", true);
        check("public", false);
        check("none", false);
        check("pg_monitor", false);
        check("", false);
    }
}
