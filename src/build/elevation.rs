//! A superuser's privileges for the length of one statement, on forge's own server.
//!
//! Code of the tree runs as an ordinary role, in a session of its own. A statement that needs a superuser and evaluates
//! nothing ([`Inert`]) runs in the administrator's session instead, in which no code of the tree has ever run: forge writes
//! it anew ([`source::rewritten`]), and the settings by which it is read are put right and verified in the same round trip.
//! The role is a superuser only inside that transaction, which no other session sees; and what the statement has done is
//! looked at before it is committed.
//!
//! On a server of the user's nobody becomes a superuser. There the administrator creates and drops extensions
//! that the server's own administrator has installed before, and the ordinary role does the rest, or is refused.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use futures_util::future::join4;
use tokio_postgres::{
    error::DbError,
    types::{ToSql, Type},
};

use super::{
    broken::broken,
    limit::{Clock, Limit},
    tree_session::{Ended, Errand, RESET, TreeSession},
};
use crate::{
    connection::options::ConnectOptions,
    diagnostic::Result,
    shadow::admin::{self, Admin},
    shadow::{self, Actors, Powers},
    source::{self, AboutExtensions, Inert, Performer},
    sql::{self, Ident},
};

/// What does for the loading role of one scratch database what that role may not do itself.
pub(crate) struct Elevation {
    /// The administrator's session in the database, which was opened before any code of the tree ran there.
    admin: Admin,
    database: Ident,
    role: Ident,
    /// The roles that others play here, with who plays them.
    stand_ins: BTreeMap<Ident, Ident>,
    /// The roles that forge has made, which have no rights of their own.
    made: BTreeSet<Ident>,
    powers: Powers,
    limit: Limit,
    calm: bool,
}

/// What became of a statement that was to run with more privileges.
pub(crate) enum Outcome {
    /// It stands.
    Done,
    /// The server rejects it all the same.
    Rejected {
        /// Why.
        error: Box<DbError>,
        /// Whether the server was sent what stands in the tree, so that its place means something there.
        verbatim: bool,
    },
    /// It took too long.
    Overdue,
    /// It isn't run, for this reason.
    Refused(String),
}

/// Why nobody is made a superuser.
const USERS_SERVER: &str = "it needs a superuser, and on a server that isn't forge's own no statement runs with more privileges than an ordinary role has: \
     use a private shadow server (`--shadow local` or `--shadow download`)";

impl Elevation {
    /// Opens the administrator's session.
    pub(super) async fn open(
        options: &ConnectOptions,
        actors: Actors,
        powers: Powers,
        limit: Limit,
    ) -> Result<Self> {
        let superuser = powers.of_superuser();
        let Actors {
            role,
            stand_ins,
            made,
        } = actors;
        Ok(Self {
            admin: admin::connect_to_scratch(options, superuser).await?,
            database: Ident::new(&options.database),
            role,
            stand_ins,
            made,
            powers,
            limit,
            calm: false,
        })
    }

    /// From now on no code of the tree runs in the database: things may be given to roles that have rights.
    pub(crate) fn calm_down(&mut self) {
        self.calm = true;
    }

    /// Whether the administrator is a superuser, who has lifted the loading role above row security and made its triggers
    /// quiet.
    pub(super) fn is_superusers(&self) -> bool {
        self.powers.of_superuser()
    }

    /// Whether what an ordinary role may not do can be done all the same.
    pub(crate) fn has_superuser(&self) -> bool {
        matches!(self.powers, Powers::Superuser)
    }

    /// Whether a role may own things while code of the tree still runs, which may then run as that role.
    pub(crate) fn may_own(&self, role: &str) -> bool {
        let player = self.player(role);
        self.calm
            || role == "pg_database_owner"
            || player == self.role
            || self.made.contains(&player)
    }

    /// Who plays a role here: a stand-in, or itself.
    fn player(&self, role: &str) -> Ident {
        let role = Ident::new(role);
        self.stand_ins.get(&role).cloned().unwrap_or(role)
    }

    /// The statement with the roles that play those which it names.
    pub(crate) fn in_place<'a>(&self, statement: Cow<'a, str>) -> Cow<'a, str> {
        source::with_stand_ins(statement, &self.stand_ins)
    }

    /// Which role each plays.
    pub(super) fn cast(&self) -> BTreeMap<Ident, Ident> {
        let stand_ins = self.stand_ins.iter();
        stand_ins
            .map(|(role, stand_in)| (stand_in.clone(), role.clone()))
            .collect()
    }

    /// Removes what code of the tree has set for the sessions to come.
    pub(super) async fn forget_settings(&self) -> Result<()> {
        let Self { database, role, .. } = self;
        let mut commands = format!(
            "{RESET}; ALTER DATABASE {database} RESET ALL; ALTER ROLE {role} IN DATABASE {database} RESET ALL; \
             ALTER ROLE {role} RESET ALL"
        );
        if self.is_superusers() {
            commands = format!("{commands}; {}", shadow::quieten(role));
        }
        self.admin.run(&commands).await
    }

    /// Runs a statement that the loading role, in whose session no transaction is open, may not run. `settings` are
    /// forge's commands that lead to the statement's.
    pub(crate) async fn run(
        &mut self,
        loader: &TreeSession,
        settings: &str,
        statement: &str,
        inert: &Inert,
    ) -> Result<Outcome> {
        if let Some(owner) = &inert.owner
            && !self.may_own(owner)
        {
            return Ok(Outcome::Refused(format!(
                "`{owner}` is a role of this server itself, as which the tree's code could then run"
            )));
        }
        if let Powers::Extensions { installed, .. } = &self.powers {
            let Some(about) = source::about_extensions(statement) else {
                return self.hand_over(loader, settings, statement, inert).await;
            };
            return match about.names.iter().find(|name| !installed.contains(*name)) {
                Some(name) => Ok(Outcome::Refused(not_installed(name))),
                None => {
                    self.administrate_extension(settings, statement, &about)
                        .await
                }
            };
        }
        if let Some(reason) = self.obstacle(inert).await? {
            return Ok(Outcome::Refused(reason));
        }
        match inert.performer {
            Performer::Administrator => self.administrate(settings, statement).await,
            Performer::Loader => {
                let parts = inert.leakproof.then(|| {
                    source::leakproof(statement).expect("the statement says that it is leakproof")
                });
                let Some(parts) = parts else {
                    return self.perform(settings, statement, inert).await;
                };
                let creation = Errand::under(settings.to_owned(), Cow::Owned(parts.creation));
                match loader.carry_out(&[creation]).await? {
                    Ended::Well => self.perform(settings, &parts.promise, inert).await,
                    Ended::Rejected { error, .. } => Ok(Outcome::Rejected {
                        error,
                        verbatim: true,
                    }),
                    Ended::Overdue { .. } => Ok(Outcome::Overdue),
                }
            }
        }
    }

    /// Runs a GRANT or REVOKE on what belongs to an extension or to the server itself, once no code of the tree runs any
    /// more.
    pub(crate) async fn grant(&mut self, settings: &str, statement: &str) -> Result<Outcome> {
        assert!(self.calm, "code of the tree could use the privilege");
        self.administrate(settings, statement).await
    }

    /// The loading role and the one that becomes an owner: some things only superusers can own.
    fn raised(&self, inert: &Inert) -> Vec<Ident> {
        let owner = inert.owner.iter().map(|owner| self.player(owner));
        let owner = owner.filter(|owner| *owner != self.role && self.made.contains(owner));
        std::iter::once(self.role.clone()).chain(owner).collect()
    }

    /// What in the database stands in the way, by which code of the tree would run along with the statement.
    async fn obstacle(&self, inert: &Inert) -> Result<Option<String>> {
        let row = self
            .admin
            .client()
            .query_one(include_str!("obstacle.sql"), &[&inert.library])
            .await
            .map_err(|error| admin::failed(&error))?;
        let reason = if row.get("event_triggers") && !inert.about_event_trigger {
            "an event trigger that is enabled for replicas or always would fire"
        } else if row.get("default_privileges") && inert.performer == Performer::Administrator {
            "default privileges of the server's administrator would hold for what it creates"
        } else if inert.library.is_some() && !row.get::<_, bool>("trusted_library") {
            "its library belongs to no extension that is trusted: declare the extension instead"
        } else {
            return Ok(None);
        };
        Ok(Some(reason.to_owned()))
    }

    /// Runs a statement as the loading role, a superuser for the length of a transaction, and commits it if the server
    /// itself is what it was.
    async fn perform(&self, settings: &str, statement: &str, inert: &Inert) -> Result<Outcome> {
        let role = &self.role;
        let raised = self.raised(inert);
        let alter = |option| {
            let each = raised.iter();
            sql::join(each.map(|role| format!("ALTER ROLE {role} {option}")), "; ")
        };
        let begin = format!(
            "BEGIN; {}; SET SESSION AUTHORIZATION {role}; {settings}",
            alter("SUPERUSER")
        );
        let outcome = self.attempt(&begin, role, statement).await?;
        if !matches!(outcome, Outcome::Done) {
            return Ok(outcome);
        }
        let client = self.admin.client();
        let touched = client
            .query(include_str!("touched.sql"), &[&role.as_str()])
            .await
            .map_err(|error| broken(&error))?;
        let end = if touched.is_empty() {
            format!("{}; COMMIT", alter("NOSUPERUSER"))
        } else {
            "ROLLBACK".to_owned()
        };
        self.admin.run(&end).await?;
        Ok(match touched.first() {
            None => Outcome::Done,
            Some(row) => {
                let object: String = row.get("object");
                Outcome::Refused(format!("it changes `{object}`, which isn't the tree's"))
            }
        })
    }

    /// Runs a statement as the administrator. A schema that comes along with an extension belongs to who loads it.
    async fn administrate(&self, settings: &str, statement: &str) -> Result<Outcome> {
        let me = self.administrator().await?;
        let begin = format!("BEGIN; {settings}");
        let outcome = self.attempt(&begin, &me, statement).await?;
        if !matches!(outcome, Outcome::Done) {
            return Ok(outcome);
        }
        let schemas = self
            .admin
            .client()
            .query(include_str!("schemas.sql"), &[])
            .await
            .map_err(|error| admin::failed(&error))?;
        let role = &self.role;
        let adopted = schemas
            .iter()
            .map(|row| Ident::new(row.get::<_, String>("name")))
            .map(|schema| format!("ALTER SCHEMA {schema} OWNER TO {role};"));
        let adopted = sql::join(adopted, "");
        self.admin.run(&format!("{adopted}COMMIT")).await?;
        Ok(Outcome::Done)
    }

    async fn administrator(&self) -> Result<Ident> {
        let row = self
            .admin
            .client()
            .query_one("SELECT session_user::text AS name", &[]);
        let row = row.await.map_err(|error| admin::failed(&error))?;
        Ok(Ident::new(row.get::<_, String>("name")))
    }

    /// Creates, changes or drops an extension on the user's server. Its script runs with the administrator's privileges, and
    /// must not find functions of the tree in the place of its own.
    async fn administrate_extension(
        &self,
        settings: &str,
        statement: &str,
        about: &AboutExtensions,
    ) -> Result<Outcome> {
        if about.cascades {
            return Ok(Outcome::Refused(
                "on a server that isn't forge's own, the extensions that it requires are named one by one: write a `CREATE EXTENSION` for each, without `CASCADE`"
                    .to_owned(),
            ));
        }
        if !about.runs_script {
            return self.administrate(settings, statement).await;
        }
        let rows = self
            .admin
            .client()
            .query(include_str!("capturable.sql"), &[&about.schema])
            .await
            .map_err(|error| admin::failed(&error))?;
        match rows.first() {
            None => self.administrate(settings, statement).await,
            Some(row) => {
                let object: String = row.get("object");
                Ok(Outcome::Refused(format!(
                    "its script would run with the privileges of the server's administrator, and could call {object} of the tree: \
                     give the extension a schema of its own (`WITH SCHEMA`), or use a private shadow server (`--shadow local` or `--shadow download`)"
                )))
            }
        }
    }

    /// Makes another role that forge has made the owner of something, by an ordinary role's privileges: the new owner may
    /// create in the schema only while that happens.
    async fn hand_over(
        &self,
        loader: &TreeSession,
        settings: &str,
        statement: &str,
        inert: &Inert,
    ) -> Result<Outcome> {
        let Some(owner) = inert.owner.as_deref().filter(|_| !inert.about_schema) else {
            return Ok(Outcome::Refused(USERS_SERVER.to_owned()));
        };
        let owner = self.player(owner);
        let rows = loader
            .client()
            .query(include_str!("closed.sql"), &[&owner.as_str()])
            .await
            .map_err(|error| broken(&error))?;
        let schemas = rows
            .iter()
            .map(|row| Ident::new(row.get::<_, String>("name")));
        let schemas = sql::join(schemas, ", ");
        if schemas.is_empty() {
            return Ok(Outcome::Refused(USERS_SERVER.to_owned()));
        }
        loader
            .command(&format!(
                "{RESET}; BEGIN; GRANT CREATE ON SCHEMA {schemas} TO {owner}"
            ))
            .await?;
        let errand = Errand::under(settings.to_owned(), Cow::Borrowed(statement));
        let (end, outcome) = match loader.carry_out(&[errand]).await? {
            Ended::Well => {
                let end = format!("REVOKE CREATE ON SCHEMA {schemas} FROM {owner}; COMMIT");
                (end, Outcome::Done)
            }
            Ended::Rejected { error, .. } => {
                let verbatim = true;
                ("ROLLBACK".to_owned(), Outcome::Rejected { error, verbatim })
            }
            Ended::Overdue { .. } => return Ok(Outcome::Overdue),
        };
        loader.command(&end).await?;
        Ok(outcome)
    }

    /// Runs a statement, written by forge, in the transaction that `begin` opens as `role`. Where the settings aren't those
    /// by which forge has written it, it isn't run. Afterwards names are looked up in `pg_catalog` alone.
    async fn attempt(&self, begin: &str, role: &Ident, statement: &str) -> Result<Outcome> {
        let Some(statement) = source::rewritten(statement) else {
            return Ok(Outcome::Refused(
                "forge can't write it with its own quoting, as what needs a superuser has to be"
                    .to_owned(),
            ));
        };
        let client = self.admin.client();
        let role = role.as_str();
        let user: [(&(dyn ToSql + Sync), Type); 1] = [(&role, Type::TEXT)];
        let clock = Clock::start();
        let running = async {
            let reset = client.batch_execute(RESET);
            let opened = client.batch_execute(begin);
            let verified = client.query_typed(VERIFIED, &user);
            let ran = client.execute_typed(&statement, &[]);
            // Polled in this order, so sent in this order.
            let (reset, opened, verified, ran) = join4(reset, opened, verified, ran).await;
            reset.and(opened).and(verified.map(drop)).and(ran.map(drop))
        };
        let Ok(ran) = self
            .limit
            .watch(self.admin.session(), &clock, running)
            .await
        else {
            return Ok(Outcome::Overdue);
        };
        let Err(error) = ran else {
            // The look afterwards, and what follows, must not find operators of the tree.
            self.admin
                .run("SET SESSION AUTHORIZATION DEFAULT; SET search_path = pg_catalog")
                .await?;
            return Ok(Outcome::Done);
        };
        let rejected = error
            .as_db_error()
            .filter(|_| !client.is_closed())
            .ok_or_else(|| broken(&error))?
            .clone();
        self.admin.run("ROLLBACK").await?;
        Ok(Outcome::Rejected {
            error: Box::new(rejected),
            verbatim: false,
        })
    }

    /// Ends the administrator's session.
    pub(super) async fn close(self) {
        self.admin.close().await;
    }
}

/// Fails unless text is read as forge writes it, by the one who is to run it.
const VERIFIED: &str = include_str!("verified.sql");

fn not_installed(extension: &str) -> String {
    format!(
        "extension `{extension}` isn't trusted, so its script runs with a superuser's privileges; on a server that isn't forge's own that needs its \
         administrator's consent: `CREATE EXTENSION` it there once, in the database that the shadow's URL (or the target's) names, \
         or use a private shadow server (`--shadow local` or `--shadow download`)"
    )
}
