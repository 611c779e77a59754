//! The server that tests run on, and databases of their own.

use std::{
    collections::BTreeMap,
    process::{self, Command},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use forge::{
    connection::{failure::server_error, options::ConnectOptions, session::Session},
    environment::Environment,
    shadow::{self, Shadow, ShadowSettings},
    sql::Locale,
};
use libtest_mimic::Failed;
use tokio::{runtime::Runtime, sync::Notify};

/// A server with the roles that the cases name.
pub struct Cluster {
    place: Place,
    version: u32,
}

enum Place {
    /// The server of `FORGE_TEST_URL`.
    Given(ConnectOptions),
    /// A private server of pg_dump's version.
    Private {
        shadow: Arc<Shadow>,
        end: Arc<Notify>,
        keeper: Option<JoinHandle<()>>,
    },
}

/// To whom the cases' objects belong, and who changes them.
const OWNER: &str = "postgres";

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Cluster {
    /// Uses the server of `FORGE_TEST_URL`, or starts a private one.
    pub fn start() -> Self {
        let place = match std::env::var("FORGE_TEST_URL") {
            Ok(url) => Place::Given(
                ConnectOptions::resolve(Some(&url), &Environment::default())
                    .expect("the URL is sound")
                    .options,
            ),
            Err(_) => Place::private(),
        };
        let version = runtime().block_on(async {
            let session = place.admin().await.expect("the server answers");
            if let Place::Private { .. } = place {
                let owner = format!("CREATE ROLE {OWNER}; ALTER ROLE {OWNER} SUPERUSER LOGIN");
                for statement in owner.split("; ") {
                    // Some versions have it from the start.
                    let _known = session.client().batch_execute(statement).await;
                }
            }
            let needed = include_str!("../../../fixtures/cases/server.sql");
            for statement in needed.lines().filter(|line| !line.starts_with("--")) {
                // On a server of the user's it is there from the run before.
                let _known = session.client().batch_execute(statement).await;
            }
            let version = session.server_version_num();
            session.close().await;
            version
        });
        Self { place, version }
    }

    /// `server_version_num`.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// A fresh database in which a script was run.
    pub async fn database(&self, script: &str) -> Result<Database, Failed> {
        let name = format!(
            "forge_case_{}_{}",
            process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let (admin, options, name) = match &self.place {
            Place::Given(options) => {
                let admin = open(options).await?;
                let create = format!("CREATE DATABASE {name} TEMPLATE template0");
                admin
                    .client()
                    .batch_execute(&create)
                    .await
                    .map_err(|error| server_error(&error).to_string())?;
                (Some(admin), options.with_database(&name), name)
            }
            Place::Private { shadow, .. } => {
                let database = shadow
                    .create_database(&name)
                    .await
                    .map_err(|error| error.to_string())?;
                let options = ConnectOptions {
                    user: OWNER.to_owned(),
                    ..database.options()
                };
                (None, options.clone(), options.database)
            }
        };
        self.opened(admin, options, name, script).await
    }

    /// A fresh database with this encoding and locale; none on a server of the user's.
    pub async fn database_in(&self, locale: &Locale) -> Result<Option<Database>, Failed> {
        let Place::Private { shadow, .. } = &self.place else {
            return Ok(None);
        };
        let name = format!(
            "forge_case_{}_{}",
            process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let database = shadow
            .create_database_in(&name, locale)
            .await
            .map_err(|error| format!("{error} {:?}", error.notes()))?;
        let options = ConnectOptions {
            user: OWNER.to_owned(),
            ..database.options()
        };
        self.opened(None, options, name, "").await.map(Some)
    }

    async fn opened(
        &self,
        admin: Option<Session>,
        options: ConnectOptions,
        name: String,
        script: &str,
    ) -> Result<Database, Failed> {
        let session = open(&options).await?;
        let database = Database {
            session,
            admin,
            name,
            options,
        };
        let opening = "SET search_path = public; SET check_function_bodies = off;";
        database
            .run(&format!(
                "{opening}\n{script}\n;RESET ROLE;SET search_path = '';"
            ))
            .await?;
        Ok(database)
    }
}

impl Place {
    /// Starts a private server on a thread that keeps it, because a server ends with the thread that started it.
    fn private() -> Self {
        let (send, receive) = mpsc::channel();
        let end = Arc::new(Notify::new());
        let ended = Arc::clone(&end);
        let keeper = thread::spawn(move || {
            runtime().block_on(async {
                let environment: Environment = std::env::vars().collect();
                let started =
                    shadow::start(&ShadowSettings::new(environment), dump_major(), None).await;
                let shadow = Arc::new(started.expect("a private server starts"));
                send.send(Arc::clone(&shadow))
                    .expect("the tests wait for the server");
                ended.notified().await;
                if let Some(shadow) = Arc::into_inner(shadow) {
                    shadow.close().await.expect("the private server ends");
                }
            });
        });
        let shadow = receive.recv().expect("the private server starts");
        Self::Private {
            shadow,
            end,
            keeper: Some(keeper),
        }
    }

    async fn admin(&self) -> Result<Session, Failed> {
        match self {
            Self::Given(options) => open(options).await,
            Self::Private { shadow, .. } => {
                let database = shadow
                    .create_database("roles")
                    .await
                    .map_err(|error| error.to_string())?;
                open(&database.options()).await
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Place::Private { end, keeper, .. } = &mut self.place else {
            return;
        };
        let (end, keeper) = (Arc::clone(end), keeper.take());
        // The keeper closes the server once this is the last to let go of it.
        self.place = Place::Given(ConnectOptions::local(camino::Utf8Path::new("/"), 0, "", ""));
        end.notify_one();
        if let Some(keeper) = keeper {
            keeper.join().expect("the private server ends");
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts")
}

/// The major version of pg_dump, which can read servers of its own version.
fn dump_major() -> u32 {
    let output = Command::new("pg_dump")
        .arg("--version")
        .output()
        .expect("pg_dump is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let major = version.and_then(|version| version.split('.').next()?.parse().ok());
    major.unwrap_or_else(|| panic!("`{text}` names no version"))
}

async fn open(options: &ConnectOptions) -> Result<Session, Failed> {
    Session::open(options, "forge tests")
        .await
        .map_err(|error| error.to_string().into())
}

/// A database of a test's own.
pub struct Database {
    session: Session,
    admin: Option<Session>,
    name: String,
    options: ConnectOptions,
}

impl Database {
    /// The session on it.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// How it is reached.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
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

    /// Where it is, for a configuration.
    pub fn url(&self) -> String {
        self.options.redacted()
    }

    /// Runs a script.
    pub async fn run(&self, script: &str) -> Result<(), Failed> {
        self.session
            .client()
            .batch_execute(script)
            .await
            .map_err(|error| words(&server_error(&error)).into())
    }

    /// Runs statements, in a transaction or each by itself.
    pub async fn statements(&self, statements: &[&str], transactional: bool) -> Result<(), String> {
        let all: Vec<&str> = if transactional {
            ["BEGIN"]
                .iter()
                .chain(statements)
                .chain(&["COMMIT"])
                .copied()
                .collect()
        } else {
            statements.to_vec()
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
            let count = client
                .query_one(&format!("SELECT count(*) FROM ONLY {table}"), &[])
                .await?
                .get(0);
            rows.insert(table, count);
        }
        Ok(rows)
    }

    /// Drops it; a private server takes it along when it ends.
    pub async fn drop(self) -> Result<(), Failed> {
        self.session.close().await;
        if let Some(admin) = self.admin {
            admin
                .client()
                .batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name))
                .await?;
            admin.close().await;
        }
        Ok(())
    }
}

fn words(error: &forge::diagnostic::Diagnostic) -> String {
    let mut words = error.to_string();
    for note in error.notes() {
        words.push_str("\n  ");
        words.push_str(note);
    }
    words
}
