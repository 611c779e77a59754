//! Databases and roles that forge makes on a server of the user's and takes away again.
//!
//! A database's name tells when it was made, by the server's clock, and forge holds an advisory lock on the name while it
//! lives. So another forge sees which ones are left over: those without a lock and without a session, after an hour. (A pooler
//! may take the lock away from its session; hence the hour.)

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio_postgres::error::SqlState;

use super::{
    admin::{self, Admin},
    ground::Powers,
    roles::{self, Roles},
};
use crate::{
    connection::{nonce::nonce, options::ConnectOptions},
    diagnostic::{Code, Diagnostic, Result},
    shown,
    sql::{Ident, Literal, Locale},
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
pub(super) struct Guest {
    admin: Admin,
    databases: Mutex<Vec<Ident>>,
    roles: Roles,
    /// The role that code of the tree runs as, where the given one may do anything.
    ordinary: Mutex<Option<Ordinary>>,
    /// When this began, by the server's clock, in seconds since 1970.
    began: i64,
    server: Box<Server>,
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
    /// The extensions in the database that the user has named.
    extensions: BTreeSet<String>,
    /// An hour from now, as the server writes it.
    in_an_hour: String,
}

/// A role of forge's own without any rights, which can log in.
#[derive(Clone)]
pub(super) struct Ordinary {
    /// Its name.
    pub(super) name: Ident,
    password: String,
}

impl Ordinary {
    /// The same connection as this role.
    pub(super) fn log_in(&self, options: &ConnectOptions) -> ConnectOptions {
        ConnectOptions {
            user: self.name.as_str().to_owned(),
            password: Some(self.password.clone()),
            ..options.clone()
        }
    }
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
            extensions: row
                .get::<_, Vec<String>>("extensions")
                .into_iter()
                .collect(),
            in_an_hour: row.get("in_an_hour"),
        };
        if !server.superuser && !row.get::<_, bool>("creates_databases") {
            return Err(lacks(&options.user, "databases", "CREATEDB"));
        }
        if !server.superuser && !row.get::<_, bool>("creates_roles") {
            return Err(lacks(&options.user, "roles", "CREATEROLE").note(
                "statements of the tree run as a role that forge creates for them, never as the one that logs in",
            ));
        }
        let guest = Self {
            admin,
            databases: Mutex::default(),
            roles: Roles::default(),
            ordinary: Mutex::default(),
            began: row.get("now"),
            server: Box::new(server),
        };
        guest.sweep().await?;
        Ok(guest)
    }

    /// The server.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Creates an empty database and returns its name.
    pub(super) async fn create_database(
        &self,
        purpose: &str,
        owner: Option<&Ident>,
        locale: &Locale,
    ) -> Result<Ident> {
        let purpose: String = purpose
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .take(16)
            .collect();
        let name = self.name(&purpose);
        self.lock(&name).await?;
        self.databases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(name.clone());
        self.admin
            .run(&create_statement(&name, owner, locale, self.server.major))
            .await?;
        Ok(name)
    }

    /// A name that nobody uses, by which a later forge knows whose it is and how old.
    fn name(&self, purpose: &str) -> Ident {
        let random = fastrand::u64(..);
        let process = std::process::id();
        let name = format!("{PREFIX}{process}_{}_{random:08x}_{purpose}", self.began);
        // PostgreSQL cuts names after 63 bytes.
        Ident::new(&name[..name.len().min(63)])
    }

    /// The role as which code of the tree runs, which is a member of all the roles that forge has made.
    pub(super) async fn ordinary(&self) -> Result<Ordinary> {
        let known = self
            .ordinary
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let role = match known {
            Some(role) => role,
            None => self.create_ordinary().await?,
        };
        self.roles.grant_to(&self.admin, &role.name).await?;
        Ok(role)
    }

    /// What may be done here with more privileges than that role has.
    pub(super) fn powers(&self) -> Powers {
        Powers::Extensions {
            installed: self.server.extensions.clone(),
            superuser: self.server.superuser,
        }
    }

    async fn create_ordinary(&self) -> Result<Ordinary> {
        let role = Ordinary {
            name: self.name("loader"),
            password: nonce(),
        };
        let Ordinary { name, password } = &role;
        // Only a superuser can lift the role above row security, which otherwise has no rows to hide from it here.
        let above = if self.server.superuser {
            "BYPASSRLS "
        } else {
            ""
        };
        // The limit keeps code that gives the role another password from logging in beside forge.
        let options = format!(
            "LOGIN {above}CONNECTION LIMIT 1 PASSWORD {} VALID UNTIL {}",
            Literal(password),
            Literal(&self.server.in_an_hour)
        );
        self.create_role(name, &options).await?;
        *self.ordinary.lock().unwrap_or_else(PoisonError::into_inner) = Some(role.clone());
        Ok(role)
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

    /// Creates the roles that aren't there, and one in the place of each that is there and has rights of its own.
    pub(super) async fn create_roles(&self, names: &[String]) -> Result<()> {
        for name in roles::missing(&self.admin, names).await? {
            self.create_role(&name, "NOLOGIN").await?;
        }
        for name in names.iter().filter(|name| roles::creatable(name)) {
            let name = Ident::new(name);
            let is_known =
                self.roles.made().contains(&name) || self.roles.stand_ins().contains_key(&name);
            if !is_known {
                let stand_in = self.name("role");
                self.create_role(&stand_in, "NOLOGIN").await?;
                self.roles.stand_ins().insert(name, stand_in);
            }
        }
        Ok(())
    }

    async fn create_role(&self, name: &Ident, options: &str) -> Result<()> {
        let comment = format!("{ROLE_COMMENT}{}", self.began);
        self.roles.made().insert(name.clone());
        self.admin
            .run(&format!(
                "CREATE ROLE {name} {options}; COMMENT ON ROLE {name} IS {}",
                Literal(&comment)
            ))
            .await?;
        if self.server.superuser {
            return Ok(());
        }
        // Only a member may make a role the owner of something, and drop what it owns.
        let inherits = if self.server.major >= 16 {
            " WITH INHERIT TRUE, SET TRUE"
        } else {
            ""
        };
        self.admin
            .run(&format!("GRANT {name} TO CURRENT_USER{inherits}"))
            .await
    }

    /// The roles that were made so far.
    pub(super) fn roles(&self) -> &Roles {
        &self.roles
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
        let roles = std::mem::take(&mut *self.roles.made());
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

fn lacks(role: &str, what: &str, option: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NoShadow,
        format!("role `{}` may not create {what}", shown::user(role)),
    )
    .help(format!(
        "`ALTER ROLE {} {option}`, or use another shadow",
        Ident::new(&*shown::user(role))
    ))
}

/// Whether a database's name is forge's and says that it is old.
fn left_over(name: &str, now: i64) -> bool {
    let made = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split('_').nth(1)?.parse::<i64>().ok());
    made.is_some_and(|made| now - made > LEFT_OVER)
}

/// The statement that makes an empty database with this encoding and locale, whatever the cluster's defaults are.
pub(super) fn create_statement(
    name: &Ident,
    owner: Option<&Ident>,
    locale: &Locale,
    major: u32,
) -> String {
    let owner = owner.map_or_else(String::new, |owner| format!(" OWNER {owner}"));
    let options = locale.options(major);
    format!("CREATE DATABASE {name}{owner} TEMPLATE template0 {options}")
}

/// The statement that keeps triggers from firing in a role's sessions. Only a superuser can set this, for whom it then
/// holds, too.
pub(crate) fn quieten(role: &Ident) -> String {
    format!("ALTER ROLE {role} SET session_replication_role = replica")
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
}
