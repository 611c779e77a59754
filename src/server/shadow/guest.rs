//! Databases and roles that forge makes on a server of the user's and takes away again.
//!
//! A database's name tells when it was made, by the server's clock, and forge holds an advisory lock on the name while it
//! lives. So another forge sees which ones are left over: those without a lock and without a session, after an hour. (A pooler
//! may take the lock away from its session; hence the hour.)

use std::{
    fmt::Write as _,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::{Mutex, PoisonError},
};

use tokio_postgres::error::SqlState;

use super::admin::{self, Admin};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    server::connect::ConnectOptions,
    sql::{Ident, Literal},
};

/// What the names of the databases begin with.
const PREFIX: &str = "forge_shadow_";

/// The first key of the advisory locks.
const LOCK: i32 = 0x666f_7267;

/// What the comments on the roles begin with.
const ROLE_COMMENT: &str = "made by forge for a shadow database at ";

/// Seconds after which something without an owner is taken for a leftover.
const LEFT_OVER: i64 = 3600;

/// Forge's things on a server that isn't its own.
#[derive(Debug)]
pub(super) struct Guest {
    admin: Admin,
    databases: Mutex<Vec<Ident>>,
    roles: Mutex<Vec<Ident>>,
    /// When this began, by the server's clock, in seconds since 1970.
    began: i64,
    server: Server,
}

/// What matters about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// The version's first number.
    pub(super) major: u32,
    /// The version.
    pub(super) version: String,
    /// Whether every new index waits for the disk (until 16, with fsync).
    pub(super) slow: bool,
    superuser: bool,
}

impl Guest {
    /// Opens a session, and removes what dead forges have left on the server.
    pub(super) async fn open(options: &ConnectOptions) -> Result<Self> {
        let admin = admin::connect(options).await?;
        let row = admin
            .client()
            .query_one(include_str!("guest.sql"), &[])
            .await
            .map_err(|error| admin::failed(&error))?;
        let number: i32 = row.get("version_number");
        let major = u32::try_from(number / 10_000).unwrap_or_default();
        let server = Server {
            major,
            version: row.get("version"),
            slow: major <= 16 && row.get::<_, bool>("fsync"),
            superuser: row.get("superuser"),
        };
        if !server.superuser && !row.get::<_, bool>("creates_databases") {
            return Err(Diagnostic::error(
                Code::NoShadow,
                format!("role `{}` may not create databases", options.user),
            )
            .help(format!(
                "`ALTER ROLE {} CREATEDB`, or use another shadow",
                Ident::new(&options.user)
            )));
        }
        let guest = Self {
            admin,
            databases: Mutex::default(),
            roles: Mutex::default(),
            began: row.get("now"),
            server,
        };
        guest.sweep().await?;
        Ok(guest)
    }

    /// The server.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Creates an empty database and returns its name.
    pub(super) async fn create_database(&self, purpose: &str) -> Result<Ident> {
        let random = RandomState::new().build_hasher().finish();
        let purpose: String = purpose
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .take(16)
            .collect();
        let process = std::process::id();
        let name = format!("{PREFIX}{process}_{}_{random:08x}_{purpose}", self.began);
        // PostgreSQL cuts names after 63 bytes.
        let name = Ident::new(&name[..name.len().min(63)]);
        self.lock(&name).await?;
        remember(&self.databases, &name);
        self.admin
            .run(&create_statement(&name, self.server.major))
            .await?;
        Ok(name)
    }

    async fn lock(&self, name: &Ident) -> Result<()> {
        self.admin
            .client()
            .execute(
                "SELECT pg_catalog.pg_advisory_lock($1, pg_catalog.hashtext($2))",
                &[&LOCK, &name.as_str()],
            )
            .await
            .map_err(|error| admin::failed(&error))?;
        Ok(())
    }

    /// Drops a database, also if somebody is still connected.
    pub(super) async fn drop_database(&self, name: &Ident) -> Result<()> {
        self.admin
            .run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await?;
        let mut databases = self
            .databases
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        databases.retain(|database| database != name);
        Ok(())
    }

    /// Creates the roles that aren't there.
    pub(super) async fn create_roles(&self, names: &[String]) -> Result<()> {
        for name in missing_roles(&self.admin, names).await? {
            let comment = format!("{ROLE_COMMENT}{}", self.began);
            let mut statements = format!(
                "CREATE ROLE {name} NOLOGIN; COMMENT ON ROLE {name} IS {};",
                Literal(&comment)
            );
            // Only a member may make a role the owner of something.
            if !self.server.superuser {
                write!(statements, "GRANT {name} TO CURRENT_USER;")
                    .expect("writing to a String can't fail");
            }
            remember(&self.roles, &name);
            self.admin.run(&statements).await?;
        }
        Ok(())
    }

    /// Drops what was made and ends the session. What can't be dropped is told, after the rest is gone.
    pub(super) async fn close(self) -> Result<()> {
        let mut problems = Vec::new();
        let databases = std::mem::take(
            &mut *self
                .databases
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for name in databases {
            problems.extend(self.drop_database(&name).await.err());
        }
        let roles = std::mem::take(&mut *self.roles.lock().unwrap_or_else(PoisonError::into_inner));
        for name in roles {
            problems.extend(self.drop_role(&name).await.err());
        }
        self.admin.close().await;
        Diagnostic::all(problems).map_or(Ok(()), Err)
    }

    /// Drops a role, unless something else needs it by now.
    async fn drop_role(&self, name: &Ident) -> Result<()> {
        let dropped = self
            .admin
            .client()
            .batch_execute(&format!("DROP ROLE IF EXISTS {name}"))
            .await;
        match dropped {
            Err(error) if error.code() == Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => Ok(()),
            other => other.map_err(|error| admin::failed(&error)),
        }
    }

    /// Removes what dead forges have left.
    async fn sweep(&self) -> Result<()> {
        let rows = self
            .admin
            .client()
            .query(include_str!("leftovers.sql"), &[&LOCK])
            .await
            .map_err(|error| admin::failed(&error))?;
        let mut others = false;
        for row in rows {
            let name = Ident::new(row.get::<_, String>("name"));
            let used: bool = row.get("used");
            if used || !left_over(name.as_str(), self.began) {
                others = true;
                continue;
            }
            // It may be another role's, or somebody connects right now: then it's left alone.
            if let Err(error) = self
                .admin
                .run(&format!("DROP DATABASE IF EXISTS {name}"))
                .await
            {
                tracing::debug!(%error, %name, "a leftover stays");
            }
        }
        if !others {
            self.sweep_roles().await?;
        }
        Ok(())
    }

    async fn sweep_roles(&self) -> Result<()> {
        let rows = self
            .admin
            .client()
            .query(
                "SELECT r.rolname AS name, d.description AS comment \
                 FROM pg_catalog.pg_roles r \
                 JOIN pg_catalog.pg_shdescription d \
                 ON d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_authid'::regclass \
                 WHERE pg_catalog.starts_with(d.description, $1) ORDER BY name",
                &[&ROLE_COMMENT],
            )
            .await
            .map_err(|error| admin::failed(&error))?;
        for row in rows {
            let comment: String = row.get("comment");
            let made = comment
                .strip_prefix(ROLE_COMMENT)
                .and_then(|time| time.parse().ok());
            if made.is_some_and(|made: i64| self.began - made > LEFT_OVER)
                && let Err(error) = self
                    .drop_role(&Ident::new(row.get::<_, String>("name")))
                    .await
            {
                tracing::debug!(%error, "a leftover role stays");
            }
        }
        Ok(())
    }
}

fn remember(list: &Mutex<Vec<Ident>>, name: &Ident) {
    list.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(name.clone());
}

/// Whether a database's name is forge's and says that it is old.
fn left_over(name: &str, now: i64) -> bool {
    let made = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split('_').nth(1)?.parse::<i64>().ok());
    made.is_some_and(|made| now - made > LEFT_OVER)
}

/// The statement that makes an empty database with UTF-8 and the C collation, whatever the cluster's defaults are.
pub(super) fn create_statement(name: &Ident, major: u32) -> String {
    let mut statement = format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    );
    if major >= 15 {
        // A cluster may have ICU as its default provider from 15 on.
        statement.push_str(" LOCALE_PROVIDER libc");
    }
    statement
}

/// Those of `names` that the server doesn't have and that can be created.
pub(super) async fn missing_roles(admin: &Admin, names: &[String]) -> Result<Vec<Ident>> {
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
fn creatable(role: &str) -> bool {
    !role.is_empty() && !role.starts_with("pg_") && !["public", "none"].contains(&role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers() {
        fn check(name: &str, expected: bool) {
            assert_eq!(left_over(name, 10_000), expected, "{name}");
        }
        check("forge_shadow_17_1000_abc_desired", true);
        check("forge_shadow_17_9000_abc_desired", false);
        check("forge_shadow_17", false);
        check("forge_shadow_mine_of_2020", false);
        check("app", false);
    }

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
