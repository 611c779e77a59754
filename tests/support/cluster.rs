//! The server that tests run on, and databases of their own.

use std::{
    collections::BTreeMap,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use forge::server::{connect::ConnectOptions, failure::server_error, session::Session};
use libtest_mimic::Failed;

/// A server with the roles that the cases name.
pub struct Cluster {
    options: ConnectOptions,
    version: u32,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Cluster {
    /// Uses the server of `FORGE_TEST_URL`.
    pub fn start() -> Self {
        let environment = std::env::vars().collect();
        let url = std::env::var("FORGE_TEST_URL").ok();
        let options = ConnectOptions::resolve(url.as_deref(), &environment).expect("the URL is sound").options;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let version = runtime.block_on(async {
            let session = Session::open(&options, "forge tests").await.expect("the server answers");
            let roles = include_str!("../../fixtures/cases/roles.sql");
            for role in roles.lines().filter(|line| line.starts_with("CREATE ROLE")) {
                // On a server of the user's they are there from the run before.
                let _known = session.client().batch_execute(role).await;
            }
            let version = session.server_version_num();
            session.close().await;
            version
        });
        Self { options, version }
    }

    /// `server_version_num`.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// A fresh database in which a script was run.
    pub async fn database(&self, script: &str) -> Result<Database, Failed> {
        let name = format!("forge_case_{}_{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let admin = open(&self.options).await?;
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        admin.client().batch_execute(&create).await.map_err(|error| server_error(&error).to_string())?;
        let options = self.options.with_database(&name);
        let session = open(&options).await?;
        let database = Database { session, admin, name, options };
        let opening = "SET search_path = public; SET check_function_bodies = off;";
        let ran = database.run(&format!("{opening}\n{script}\n;RESET ROLE;SET search_path = '';")).await;
        if let Err(failed) = ran {
            database.drop().await?;
            return Err(format!("the script can't be run: {}", failed.message().unwrap_or_default()).into());
        }
        Ok(database)
    }
}

async fn open(options: &ConnectOptions) -> Result<Session, Failed> {
    Session::open(options, "forge tests").await.map_err(|error| error.to_string().into())
}

/// A database of a test's own.
pub struct Database {
    session: Session,
    admin: Session,
    name: String,
    options: ConnectOptions,
}

impl Database {
    /// The session on it.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Its name and server, for other programs.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let host = &self.options.hosts[0];
        vec![
            ("PGHOST", host.host.clone()),
            ("PGPORT", host.port.to_string()),
            ("PGUSER", self.options.user.clone()),
            ("PGDATABASE", self.name.clone()),
        ]
    }

    /// Runs a script.
    pub async fn run(&self, script: &str) -> Result<(), Failed> {
        self.session.client().batch_execute(script).await.map_err(|error| words(&server_error(&error)).into())
    }

    /// Runs statements, in a transaction or each by itself.
    pub async fn statements(&self, statements: &[&str], transactional: bool) -> Result<(), String> {
        let all: Vec<&str> = match transactional {
            true => ["BEGIN"].iter().chain(statements).chain(&["COMMIT"]).copied().collect(),
            false => statements.to_vec(),
        };
        for statement in all {
            if let Err(error) = self.session.client().batch_execute(statement).await {
                return Err(format!("{}\nat {statement}", words(&server_error(&error))));
            }
        }
        Ok(())
    }

    /// How many rows each table has, those of the tables that inherit from it not counted.
    pub async fn rows(&self) -> Result<BTreeMap<String, i64>, Failed> {
        let tables = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)'";
        let client = self.session.client();
        let mut rows = BTreeMap::new();
        for row in client.query(tables, &[]).await? {
            let table: String = row.get(0);
            let count = client.query_one(&format!("SELECT count(*) FROM ONLY {table}"), &[]).await?.get(0);
            rows.insert(table, count);
        }
        Ok(rows)
    }

    /// Drops it.
    pub async fn drop(self) -> Result<(), Failed> {
        self.session.close().await;
        self.admin.client().batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await?;
        self.admin.close().await;
        Ok(())
    }
}

fn words(error: &forge::diagnostic::Diagnostic) -> String {
    let notes = error.notes().iter().map(|note| format!("\n  {note}")).collect::<String>();
    format!("{error}{notes}")
}
