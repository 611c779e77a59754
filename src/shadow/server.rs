//! A running shadow server, of forge's own or of the user's: its databases and roles.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use super::{
    admin::{self, Admin},
    cluster::Cluster,
    database::ShadowDatabase,
    ground::{Actors, Ground, Powers},
    guest::{self, Guest},
    roles::{self, Roles},
    template,
};
use crate::{
    connection::options::ConnectOptions,
    diagnostic::{Code, Diagnostic, Result},
    sql::{self, Ident, Locale},
};

/// A running shadow server.
///
/// [`Shadow::close`] takes everything away. Dropping it ends a private server too, but leaves databases on a server that
/// isn't forge's own to the next forge.
pub struct Shadow {
    pub(super) description: String,
    pub(super) major: u32,
    pub(super) warnings: Vec<Diagnostic>,
    /// What its databases are made with.
    pub(super) locale: Mutex<Locale>,
    /// That it hasn't the locale that was asked for.
    pub(super) strange: OnceLock<Diagnostic>,
    /// How long a statement of the tree or of a plan may take.
    pub(super) statement_timeout: Duration,
    pub(super) place: Place,
}

impl fmt::Debug for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shadow").field(&self.description).finish()
    }
}

/// Whose server it is, and what forge has of it.
pub(super) enum Place {
    Private {
        admin: Admin,
        cluster: Cluster,
        /// The names in use.
        databases: Mutex<BTreeSet<Ident>>,
        roles: Roles,
    },
    Guest {
        guest: Guest,
        options: ConnectOptions,
    },
}

impl Shadow {
    /// What it is, for the user: `private PostgreSQL 15.18 from /usr/lib/postgresql/15/bin`.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its major version, which may differ from the one asked for; then there's a warning.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The account of the operating system that it runs as; `None` for a server that isn't forge's own.
    pub fn account(&self) -> Option<String> {
        match &self.place {
            Place::Private { cluster, .. } => Some(cluster.account().description()),
            Place::Guest { .. } => None,
        }
    }

    /// How the operating system confines it; `None` for a server that isn't forge's own.
    pub fn confinement(&self) -> Option<String> {
        match &self.place {
            Place::Private { cluster, .. } => Some(cluster.landlock().description()),
            Place::Guest { .. } => None,
        }
    }

    /// The same server with databases of this encoding and locale; where it hasn't the locale, with the C collation. Text is
    /// compared by code points then, and [`Self::strange_locale`] says so.
    #[must_use]
    pub fn with_locale(self, locale: Locale) -> Self {
        Self {
            locale: Mutex::new(locale),
            ..self
        }
    }

    /// What the user should know if the server hasn't the locale that its databases were to have.
    pub fn strange_locale(&self) -> Option<Diagnostic> {
        self.strange.get().cloned()
    }

    /// What the user should know about it.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Creates an empty database, which a superuser owns, with UTF-8 and the C collation unless [`Self::with_locale`] wants
    /// another one.
    ///
    /// On a private server it is called `purpose` where that is free, so that statements which name the target's database find
    /// one; elsewhere its name only ends so.
    pub async fn create_database(&self, purpose: &str) -> Result<ShadowDatabase> {
        self.create_owned(purpose, None).await
    }

    /// Creates an empty database with this encoding and locale.
    pub async fn create_database_in(
        &self,
        purpose: &str,
        locale: &Locale,
    ) -> Result<ShadowDatabase> {
        self.create_with(purpose, None, locale).await
    }

    async fn create_owned(&self, purpose: &str, owner: Option<&Ident>) -> Result<ShadowDatabase> {
        let locale = || self.locale.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = locale().clone();
        let plain = Locale::in_c(&wanted.encoding);
        let error = match self.create_with(purpose, owner, &wanted).await {
            Err(error) if wanted != plain => error,
            created => return created,
        };
        let database = self.create_with(purpose, owner, &plain).await?;
        *locale() = plain;
        let warning = Diagnostic::warning(
            Code::Note,
            format!(
                "the shadow server has no locale `{}`, which the target has",
                wanted.description()
            ),
        );
        let warning = error.notes().iter().fold(warning, Diagnostic::note);
        let warning = warning
            .note("text is compared by code points there: bounds of partitions may be in another order")
            .help("install the locale where the shadow server runs, or use `--shadow target`");
        drop(self.strange.set(warning));
        Ok(database)
    }

    async fn create_with(
        &self,
        purpose: &str,
        owner: Option<&Ident>,
        locale: &Locale,
    ) -> Result<ShadowDatabase> {
        match &self.place {
            Place::Private {
                admin,
                cluster,
                databases,
                ..
            } => {
                let name = free_name(databases, purpose);
                let mut statement = guest::create_statement(&name, owner, locale, self.major);
                if self.major >= 15 {
                    // Without writes to disk, copying files is twice as fast as logging their pages.
                    statement.push_str(" STRATEGY file_copy");
                }
                if let Err(error) = admin.run(&statement).await {
                    release(databases, &name);
                    return Err(error);
                }
                let options = admin::private(cluster.socket(), template::SUPERUSER, name.as_str());
                Ok(ShadowDatabase { name, options })
            }
            Place::Guest { guest, options } => {
                let name = guest.create_database(purpose, owner, locale).await?;
                let options = options.with_database(name.as_str());
                Ok(ShadowDatabase { name, options })
            }
        }
    }

    /// Drops a database that is needed no more, also if somebody is still connected.
    pub async fn drop_database(&self, database: ShadowDatabase) -> Result<()> {
        match &self.place {
            Place::Private {
                admin, databases, ..
            } => {
                admin
                    .run(&format!("DROP DATABASE {} WITH (FORCE)", database.name))
                    .await?;
                release(databases, &database.name);
                Ok(())
            }
            Place::Guest { guest, .. } => guest.drop_database(&database.name).await,
        }
    }

    /// Creates the roles that the server doesn't have, without login and password. Names that PostgreSQL keeps for itself
    /// (`pg_…`) are skipped.
    ///
    /// On a server that isn't forge's own they are dropped by [`Shadow::close`], unless something needs them by then.
    pub async fn create_roles(&self, names: &[String]) -> Result<()> {
        match &self.place {
            Place::Private { admin, roles, .. } => {
                let missing = roles::missing(admin, names).await?;
                let each = missing
                    .iter()
                    .map(|name| format!("CREATE ROLE {name} NOLOGIN"));
                admin.run(&sql::join(each, ";")).await?;
                roles.made().extend(missing);
                Ok(())
            }
            Place::Guest { guest, .. } => guest.create_roles(names).await,
        }
    }

    /// Creates a database in which `role` is to create objects, as it does on the target. It is an ordinary role there,
    /// whatever it is on the target.
    ///
    /// On a server that isn't forge's own another role stands for it, which forge makes.
    pub(crate) async fn ground(&self, purpose: &str, role: &Ident) -> Result<Ground> {
        let statement_timeout = self.statement_timeout;
        match &self.place {
            Place::Private {
                admin,
                roles,
                cluster,
                ..
            } => {
                self.create_roles(&[role.as_str().to_owned()]).await?;
                roles.grant_to(admin, role).await?;
                // A table's policies must not keep a foreign key on it from being checked.
                let options = "LOGIN BYPASSRLS CONNECTION LIMIT 1";
                admin.run(&format!("ALTER ROLE {role} {options}")).await?;
                let actors = Actors {
                    role: role.clone(),
                    stand_ins: BTreeMap::new(),
                    made: roles.made().clone(),
                };
                let database = self.create_owned(purpose, Some(role)).await?;
                let options = ConnectOptions {
                    user: role.as_str().to_owned(),
                    ..database.options()
                };
                Ok(Ground {
                    database,
                    options,
                    actors,
                    powers: Powers::Superuser,
                    statement_timeout,
                    confined: cluster.landlock().is_there(),
                })
            }
            Place::Guest { guest, .. } => {
                let ordinary = guest.ordinary().await?;
                let made = guest.roles().made().clone();
                let database = self.create_owned(purpose, Some(&ordinary.name)).await?;
                let options = ordinary.log_in(&database.options());
                let mut stand_ins = guest.roles().stand_ins().clone();
                stand_ins.insert(role.clone(), ordinary.name.clone());
                Ok(Ground {
                    database,
                    options,
                    actors: Actors {
                        role: ordinary.name,
                        stand_ins,
                        made,
                    },
                    powers: guest.powers(),
                    statement_timeout,
                    confined: false,
                })
            }
        }
    }

    /// Drops the databases and roles, or ends the private server and removes its folder.
    ///
    /// After a thousand tables this takes a tenth of a second: do it once the result is shown.
    pub async fn close(self) -> Result<()> {
        match self.place {
            Place::Private { admin, cluster, .. } => {
                drop(admin);
                cluster.close().await
            }
            Place::Guest { guest, .. } => guest.close().await,
        }
    }
}

fn release(taken: &Mutex<BTreeSet<Ident>>, name: &Ident) {
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    taken.remove(name);
}

/// `purpose`, or `purpose_2` and so on, and never a name that PostgreSQL gives its own databases.
fn free_name(taken: &Mutex<BTreeSet<Ident>>, purpose: &str) -> Ident {
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    let mut number = 1;
    loop {
        let name = if number == 1 {
            Ident::new(purpose)
        } else {
            Ident::new(format!("{purpose}_{number}"))
        };
        let reserved = ["", template::DATABASE].contains(&name.as_str());
        if !reserved && taken.insert(name.clone()) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_names() {
        let taken = Mutex::default();
        let check = |purpose: &str, expected: &str| {
            assert_eq!(free_name(&taken, purpose).as_str(), expected);
        };
        check("app", "app");
        check("app", "app_2");
        check("desired", "desired");
        check("template0", "template0_2");
    }
}
