//! A superuser's privileges for the length of one statement.
//!
//! Code of the tree runs as an ordinary role, which [`Elevation`] makes a superuser while a statement runs that evaluates
//! nothing ([`Inert`]), and an ordinary role again. Whatever code of the tree has left in the session can't use the moment:
//! the statement has a transaction of its own, so that deferred triggers have fired before it begins; triggers are quiet
//! in the role's sessions; and what the statement has done is looked at before it is committed.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use tokio_postgres::{Client, error::DbError};

use super::admin::{self, Admin};
use crate::{
    diagnostic::Result,
    server::{connect::ConnectOptions, load::broken},
    source::{self, Inert, Performer},
    sql::{self, Ident},
};

/// What makes the loading role of one scratch database a superuser.
pub(in crate::server) struct Elevation {
    /// The administrator's way into the database.
    options: ConnectOptions,
    admin: Option<Admin>,
    role: Ident,
    /// The roles that others play here, with who plays them.
    stand_ins: BTreeMap<Ident, Ident>,
    /// The roles that forge has made, which have no rights of their own.
    made: BTreeSet<Ident>,
    calm: bool,
}

/// Begins a transaction in which functions are created unread.
const BEGIN: &str = "BEGIN; SET LOCAL check_function_bodies = off;";

/// What became of a statement that was to run with a superuser's privileges.
pub(in crate::server) enum Outcome {
    /// It stands.
    Done,
    /// The server rejects it all the same. So many characters were sent before it.
    Rejected(Box<DbError>, usize),
    /// It isn't run, for this reason.
    Refused(String),
}

impl Elevation {
    /// Nothing is done yet. `role` is the loading role.
    pub(super) fn new(
        options: ConnectOptions,
        role: Ident,
        stand_ins: BTreeMap<Ident, Ident>,
        made: BTreeSet<Ident>,
    ) -> Self {
        Self {
            options,
            admin: None,
            role,
            stand_ins,
            made,
            calm: false,
        }
    }

    /// From now on no code of the tree runs in the database: things may be given to roles that have rights.
    pub(in crate::server) fn calm_down(&mut self) {
        self.calm = true;
    }

    /// Whether a role may own things while code of the tree still runs, which may then run as that role.
    pub(in crate::server) fn may_own(&self, role: &str) -> bool {
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
    pub(in crate::server) fn in_place<'a>(&self, statement: Cow<'a, str>) -> Cow<'a, str> {
        source::with_stand_ins(statement, &self.stand_ins)
    }

    /// Which role each plays.
    pub(super) fn cast(&self) -> BTreeMap<Ident, Ident> {
        let stand_ins = self.stand_ins.iter();
        stand_ins
            .map(|(role, stand_in)| (stand_in.clone(), role.clone()))
            .collect()
    }

    /// Runs a statement with a superuser's privileges, after commands that set the session up for it. No transaction is
    /// open in `loader`, the loading role's session.
    pub(in crate::server) async fn run(
        &mut self,
        loader: &Client,
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
        if let Some(reason) = self.obstacle(inert).await? {
            return Ok(Outcome::Refused(reason));
        }
        match inert.performer {
            Performer::Administrator => self.administrate(settings, statement).await,
            Performer::Loader => {
                let parts = inert.leakproof.then(|| {
                    source::leakproof(statement).expect("the statement says that it is leakproof")
                });
                let statement = match &parts {
                    None => statement,
                    Some(parts) => {
                        if let Some(rejected) = create(loader, settings, &parts.creation).await? {
                            return Ok(rejected);
                        }
                        &parts.promise
                    }
                };
                let roles = self.raised(inert);
                self.alter(&roles, "SUPERUSER").await?;
                let outcome = perform(loader, settings, statement, &self.role).await;
                // Whatever has happened, the role is ordinary before anything else runs.
                self.alter(&roles, "NOSUPERUSER").await?;
                outcome
            }
        }
    }

    /// Runs a GRANT or REVOKE on what belongs to an extension or to the server itself, once no code of the tree runs any
    /// more. The commands before it set the session up.
    pub(in crate::server) async fn grant(
        &mut self,
        settings: &str,
        statement: &str,
    ) -> Result<Outcome> {
        assert!(self.calm, "code of the tree could use the privilege");
        self.administrate(settings, statement).await
    }

    /// The loading role and the one that becomes an owner: some things only superusers can own.
    fn raised(&self, inert: &Inert) -> Vec<Ident> {
        let owner = inert.owner.iter().map(|owner| self.player(owner));
        let owner = owner.filter(|owner| *owner != self.role && self.made.contains(owner));
        std::iter::once(self.role.clone()).chain(owner).collect()
    }

    async fn alter(&mut self, roles: &[Ident], option: &str) -> Result<()> {
        let each = roles
            .iter()
            .map(|role| format!("ALTER ROLE {role} {option}"));
        let statements = sql::join(each, ";");
        self.admin().await?.run(&statements).await
    }

    async fn admin(&mut self) -> Result<&Admin> {
        if self.admin.is_none() {
            let admin = admin::connect(&self.options).await?;
            admin
                .run("SET session_replication_role = replica; SET check_function_bodies = off")
                .await?;
            self.admin = Some(admin);
        }
        Ok(self.admin.as_ref().expect("it was connected just now"))
    }

    /// What in the database stands in the way, by which code of the tree would run along with the statement.
    async fn obstacle(&mut self, inert: &Inert) -> Result<Option<String>> {
        let row = self
            .admin()
            .await?
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

    /// Runs a statement as the administrator. A schema that comes along with an extension belongs to who loads it.
    async fn administrate(&mut self, settings: &str, statement: &str) -> Result<Outcome> {
        let role = self.role.clone();
        let client = self.admin().await?.client();
        let before = format!("BEGIN;{settings}");
        // What comes later must not find operators of the tree.
        let script = format!("{before}{statement}\n; SET search_path = ''");
        if let Some(rejected) = attempt(client, &script).await? {
            return Ok(Outcome::Rejected(
                Box::new(rejected),
                before.chars().count(),
            ));
        }
        let schemas = client
            .query(include_str!("schemas.sql"), &[])
            .await
            .map_err(|error| admin::failed(&error))?;
        let adopted = schemas
            .iter()
            .map(|row| Ident::new(row.get::<_, String>("name")))
            .map(|schema| format!("ALTER SCHEMA {schema} OWNER TO {role};"));
        let adopted = sql::join(adopted, "");
        client
            .batch_execute(&format!("{adopted}COMMIT"))
            .await
            .map_err(|error| admin::failed(&error))?;
        Ok(Outcome::Done)
    }

    /// Ends the administrator's session.
    pub(super) async fn close(self) {
        if let Some(admin) = self.admin {
            admin.close().await;
        }
    }
}

/// Runs a statement in a transaction of its own as the ordinary role, and returns why it doesn't stand.
async fn create(client: &Client, settings: &str, statement: &str) -> Result<Option<Outcome>> {
    let before = format!("{BEGIN}{settings}");
    let rejected = attempt(client, &format!("{before}{statement}\n; COMMIT")).await?;
    let outcome = |error| Outcome::Rejected(Box::new(error), before.chars().count());
    Ok(rejected.map(outcome))
}

/// Runs a statement in a transaction of its own and commits it if the server itself is what it was.
async fn perform(
    client: &Client,
    settings: &str,
    statement: &str,
    role: &Ident,
) -> Result<Outcome> {
    let before = format!("{BEGIN}{settings}");
    // The look afterwards must not find operators of the tree.
    let script = format!("{before}{statement}\n; SET LOCAL search_path = pg_catalog");
    if let Some(rejected) = attempt(client, &script).await? {
        return Ok(Outcome::Rejected(
            Box::new(rejected),
            before.chars().count(),
        ));
    }
    let touched = client
        .query(include_str!("touched.sql"), &[&role.as_str()])
        .await
        .map_err(|error| broken(&error))?;
    let end = if touched.is_empty() {
        "COMMIT"
    } else {
        "ROLLBACK"
    };
    client
        .batch_execute(end)
        .await
        .map_err(|error| broken(&error))?;
    Ok(match touched.first() {
        None => Outcome::Done,
        Some(row) => {
            let object: String = row.get("object");
            Outcome::Refused(format!("it changes `{object}`, which isn't the tree's"))
        }
    })
}

/// Runs a script that begins a transaction; where it fails, takes that back and returns the server's error.
async fn attempt(client: &Client, script: &str) -> Result<Option<DbError>> {
    let Err(error) = client.batch_execute(script).await else {
        return Ok(None);
    };
    let Some(rejected) = error.as_db_error().filter(|_| !client.is_closed()) else {
        return Err(broken(&error));
    };
    let rejected = rejected.clone();
    client
        .batch_execute("ROLLBACK")
        .await
        .map_err(|error| broken(&error))?;
    Ok(Some(rejected))
}
