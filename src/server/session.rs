//! One session on a server, set up so that what the catalog prints and what statements do depends on nothing else.

use std::{
    fmt::Write as _,
    future,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustls::crypto::ring;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{
    AsyncMessage, CancelToken, Client, Config, Connection, NoTls, SimpleQueryMessage,
    config::{ChannelBinding as Binding, SslMode},
    error::{DbError, SqlState},
};

use super::{
    connect::{ChannelBinding, ConnectOptions, Host, Pooler, TargetSession, TlsMode},
    failure,
    socket::{Address, Ending, Socket, Stream},
    startup,
    tls::Connector,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    sql::{self, Literal},
};

/// The majors that forge knows.
const OLDEST: u32 = 14;
const NEWEST: u32 = 18;

/// How long [`Session::close`] waits for the server's process to go.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A setting of every session, and the first major that has it.
struct Setup {
    name: &'static str,
    value: &'static str,
    since: u32,
}

const fn setup(name: &'static str, value: &'static str) -> Setup {
    Setup {
        name,
        value,
        since: OLDEST,
    }
}

/// What a role, a database or the server may have set otherwise, and must not matter.
const SETUP: &[Setup] = &[
    // pg_get_viewdef and its kin leave out the schemas that are in the path.
    setup("search_path", ""),
    // How values are printed, in defaults, partition bounds and range types.
    setup("TimeZone", "UTC"),
    setup("DateStyle", "ISO"),
    setup("IntervalStyle", "postgres"),
    setup("extra_float_digits", "1"),
    setup("bytea_output", "hex"),
    setup("quote_all_identifiers", "off"),
    // How statements are read.
    setup("standard_conforming_strings", "on"),
    setup("transform_null_equals", "off"),
    // What statements may do. Row security would hide rows silently; off, it is an error.
    setup("row_security", "off"),
    setup("default_transaction_read_only", "off"),
    setup("default_transaction_isolation", "read committed"),
    // How long they may take: a step sets its own limits.
    setup("lock_timeout", "0"),
    setup("statement_timeout", "0"),
    setup("idle_in_transaction_session_timeout", "60s"),
    Setup {
        name: "transaction_timeout",
        value: "0",
        since: 17,
    },
    setup("client_min_messages", "warning"),
];

/// A connection, the task that drives it, and what is known about the server.
pub struct Session {
    client: Client,
    driver: JoinHandle<()>,
    inbox: Arc<Mutex<Inbox>>,
    ending: Ending,
    canceller: Canceller,
    facts: Facts,
}

/// What comes from the server without being asked for.
#[derive(Default)]
struct Inbox {
    notices: Vec<Diagnostic>,
    failure: Option<Diagnostic>,
}

/// What the first query tells about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    version_num: u32,
    standby: bool,
    read_only: bool,
    pooled: bool,
}

impl Session {
    /// Connects to the first host that will do, logs in, and sets up the session: one round trip after the login.
    ///
    /// As in libpq, a host that can't be reached is followed by the next, and a login that is refused by none.
    pub async fn open(options: &ConnectOptions, application_name: &str) -> Result<Self> {
        let needs_tls = options.tls.mode != TlsMode::Disable
            && options.hosts.iter().any(|host| host.socket().is_none());
        let connector = needs_tls
            .then(|| Connector::new(&options.tls))
            .transpose()?;
        let rounds: &[TargetSession] = match options.target_session {
            TargetSession::PreferStandby => &[TargetSession::Standby, TargetSession::Any],
            TargetSession::Any => &[TargetSession::Any],
            TargetSession::ReadWrite => &[TargetSession::ReadWrite],
            TargetSession::ReadOnly => &[TargetSession::ReadOnly],
            TargetSession::Primary => &[TargetSession::Primary],
            TargetSession::Standby => &[TargetSession::Standby],
        };
        let mut failures = Vec::new();
        for &target in rounds {
            failures.clear();
            for host in &options.hosts {
                let login = Login {
                    host,
                    options,
                    connector: connector.as_ref(),
                    application_name,
                };
                match login.open().await {
                    Ok(session) if session.facts.suits(target) => return Ok(session),
                    Ok(session) => {
                        session.close().await;
                        failures.push(unsuitable(host, target));
                    }
                    Err(failure) if failure.code() == Code::Unreachable => failures.push(failure),
                    Err(failure) => return Err(failure),
                }
            }
        }
        Err(Diagnostic::all(failures).expect("there is at least one host"))
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The client, for transactions that end with a guard.
    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The server's version as a number: 150018 is 15.18.
    pub fn server_version_num(&self) -> u32 {
        self.facts.version_num
    }

    /// The server's major version.
    pub fn major(&self) -> u32 {
        self.facts.version_num / 10_000
    }

    /// Whether the server is a standby.
    pub fn is_standby(&self) -> bool {
        self.facts.standby
    }

    /// Whether a pooler stands between, as [`Pooler::Allow`] permits.
    ///
    /// Nothing was set up then: the settings would reach other clients. Each transaction calls [`Self::set_up_transaction`].
    pub fn is_pooled(&self) -> bool {
        self.facts.pooled
    }

    /// Sets up the current transaction as [`Session::open`] sets up a session.
    pub async fn set_up_transaction(&self) -> Result<()> {
        self.client
            .batch_execute(&setup_query(self.major(), Scope::Transaction))
            .await
            .map_err(|error| failure::server_error(&error))
    }

    /// The server's warnings since the last call, oldest first.
    pub fn take_notices(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut open_inbox(&self.inbox).notices)
    }

    /// Why the connection ended, if it did so by itself. A query that was in flight has only heard that it ended.
    pub fn failure(&self) -> Option<Diagnostic> {
        open_inbox(&self.inbox).failure.clone()
    }

    /// What cancels the statement that runs on this session, from elsewhere.
    pub fn cancel_token(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Ends the session and waits until the server's process has gone, so that the database can be dropped.
    pub async fn close(self) {
        let Self {
            client,
            driver,
            ending,
            inbox: _,
            canceller: _,
            facts: _,
        } = self;
        // The driver ends the connection when nobody is left to ask.
        drop(client);
        let stop = driver.abort_handle();
        let ended = timeout(CLOSE_LIMIT, async {
            let driven = driver.await;
            drop(driven);
            ending.wait().await;
        });
        if ended.await.is_err() {
            stop.abort();
        }
    }
}

/// Cancels what runs on a session, over a connection of its own with the same security.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    host: Host,
    address: Address,
    connector: Option<Connector>,
    limit: Duration,
}

impl Canceller {
    /// Asks the server to cancel, and waits until it has passed the request on. The statement may have ended by itself.
    pub async fn cancel(&self) -> Result<()> {
        let cancelling = async {
            let socket = Socket::open_address(&self.address, self.limit)
                .await
                .map_err(|error| failure::unreachable(&self.host, &error, self.limit))?;
            let sent = match &self.connector {
                None => self.token.cancel_query_raw(socket.stream, NoTls).await,
                Some(connector) => {
                    let handshake = connector.for_host(&self.host.host);
                    self.token.cancel_query_raw(socket.stream, handshake).await
                }
            };
            sent.map_err(|error| failure::server_error(&error))?;
            socket.ending.wait().await;
            Ok(())
        };
        timeout(self.limit, cancelling)
            .await
            .unwrap_or_else(|_| Err(failure::timed_out(&self.host, self.limit)))
    }
}

/// A login at one host.
#[derive(Clone, Copy)]
struct Login<'a> {
    host: &'a Host,
    options: &'a ConnectOptions,
    connector: Option<&'a Connector>,
    application_name: &'a str,
}

/// A connection that is logged in and not yet set up.
struct LoggedIn {
    client: Client,
    driver: JoinHandle<()>,
    inbox: Arc<Mutex<Inbox>>,
    ending: Ending,
    canceller: Canceller,
    /// `server_version` as the server announced it.
    version: Option<String>,
}

/// Why a connection failed.
enum Failed {
    /// Before the server was asked.
    Early(Diagnostic),
    /// The server was asked; with whether TLS was begun.
    Server(tokio_postgres::Error, Encryption),
}

/// What a failed connection went over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Plain,
    Tls,
}

impl Login<'_> {
    async fn open(self) -> Result<Session> {
        let limit = self.options.connect_timeout;
        let nonce = nonce();
        let settings = self
            .options
            .session_options
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let startup = startup::render(settings.chain([("forge.nonce", nonce.as_str())]));
        let logged_in = match self.log_in(Some(&startup)).await {
            Err(Failed::Server(error, _)) if refuses_options(&error) => match self.options.pooler {
                Pooler::Refuse => return Err(pooler(self.host)),
                Pooler::Allow => self.log_in(None).await,
            },
            outcome => outcome,
        };
        let logged_in = logged_in.map_err(|failed| self.explain(failed))?;
        let setting_up = self.set_up(logged_in, &nonce);
        timeout(limit, setting_up)
            .await
            .unwrap_or_else(|_| Err(failure::timed_out(self.host, limit)))
    }

    /// Connects with TLS or without, and once more the other way where `sslmode` allows it.
    async fn log_in(self, startup: Option<&str>) -> Result<LoggedIn, Failed> {
        let (first, second) = if self.host.socket().is_some() {
            // libpq, too, has no TLS on a socket, whatever `sslmode` says.
            (SslMode::Disable, None)
        } else {
            match self.options.tls.mode {
                TlsMode::Disable => (SslMode::Disable, None),
                TlsMode::Allow => (SslMode::Disable, Some(SslMode::Require)),
                TlsMode::Prefer => (SslMode::Prefer, Some(SslMode::Disable)),
                TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => {
                    (SslMode::Require, None)
                }
            }
        };
        let failed = match self.attempt(first, startup).await {
            Err(failed) => failed,
            logged_in => return logged_in,
        };
        let Some(second) = second else {
            return Err(failed);
        };
        let again = match &failed {
            Failed::Early(_) => false,
            Failed::Server(error, encryption) => {
                // pg_hba.conf may let in only the other kind. A password is not tried twice, least of all in the clear.
                let unwelcome =
                    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
                match encryption {
                    Encryption::Plain => unwelcome && second == SslMode::Require,
                    Encryption::Tls => unwelcome || error.as_db_error().is_none(),
                }
            }
        };
        if !again {
            return Err(failed);
        }
        match self.attempt(second, startup).await {
            Ok(logged_in) => Ok(logged_in),
            Err(also) => Err(Failed::Early(self.explain_both(failed, also))),
        }
    }

    async fn attempt(self, mode: SslMode, startup: Option<&str>) -> Result<LoggedIn, Failed> {
        let limit = self.options.connect_timeout;
        let Socket {
            stream,
            address,
            ending,
        } = Socket::open(self.host, limit)
            .await
            .map_err(|error| Failed::Early(failure::unreachable(self.host, &error, limit)))?;
        let config = self.config(mode, startup);
        let connector = self.connector.filter(|_| mode != SslMode::Disable);
        let (client, driver, inbox, version) = match connector {
            None => {
                let connecting = timeout(limit, config.connect_raw(stream, NoTls));
                let (client, connection) = connecting
                    .await
                    .map_err(|_| Failed::Early(failure::timed_out(self.host, limit)))?
                    .map_err(|error| Failed::Server(error, Encryption::Plain))?;
                let version = connection.parameter("server_version").map(str::to_owned);
                let (driver, inbox) = drive(connection);
                (client, driver, inbox, version)
            }
            Some(connector) => {
                let handshake = connector.for_host(&self.host.host);
                let begun = handshake.begun();
                let connecting = timeout(limit, config.connect_raw(stream, handshake));
                let (client, connection) = connecting
                    .await
                    .map_err(|_| Failed::Early(failure::timed_out(self.host, limit)))?
                    .map_err(|error| Failed::Server(error, Encryption::of(&begun)))?;
                let version = connection.parameter("server_version").map(str::to_owned);
                let (driver, inbox) = drive(connection);
                (client, driver, inbox, version)
            }
        };
        let canceller = Canceller {
            token: client.cancel_token(),
            host: self.host.clone(),
            address,
            connector: connector.cloned(),
            limit,
        };
        Ok(LoggedIn {
            client,
            driver,
            inbox,
            ending,
            canceller,
            version,
        })
    }

    fn config(self, mode: SslMode, startup: Option<&str>) -> Config {
        let mut config = Config::new();
        config
            .user(&self.options.user)
            .dbname(&self.options.database)
            .application_name(self.application_name)
            .ssl_mode(mode)
            .channel_binding(match self.options.channel_binding {
                ChannelBinding::Disable => Binding::Disable,
                ChannelBinding::Prefer => Binding::Prefer,
                ChannelBinding::Require => Binding::Require,
            });
        if let Some(password) = &self.options.password {
            config.password(password);
        }
        if let Some(startup) = startup {
            config.options(startup);
        }
        config
    }

    /// Asks who the server is and sets up the session, in one round trip.
    async fn set_up(self, logged_in: LoggedIn, nonce: &str) -> Result<Session> {
        let LoggedIn {
            client,
            driver,
            inbox,
            ending,
            canceller,
            version,
        } = logged_in;
        // The version decides which settings there are. A server that doesn't announce it is treated as the oldest.
        let announced = version.as_deref().and_then(major).unwrap_or(OLDEST);
        if announced < OLDEST {
            return Err(too_old(self.host, version.as_deref().unwrap_or_default()));
        }
        let direct = Scope::Session { nonce };
        let query = format!("{FACTS}; {}", setup_query(announced, direct));
        let watch = watch_query(direct);
        // Some systems can't watch a connection (no POLLRDHUP): a query of its own may fail alone, and as it is sent
        // along with the first it costs no time.
        let (answer, _watched) =
            tokio::join!(client.simple_query(&query), client.simple_query(&watch));
        let answer = answer.map_err(|error| failure::server_error(&error))?;
        let facts = Facts::read(&answer, nonce).ok_or_else(|| {
            Diagnostic::error(
                Code::Server,
                format!(
                    "the server at `{}` does not answer as PostgreSQL does",
                    self.host
                ),
            )
        })?;
        let session = Session {
            client,
            driver,
            inbox,
            ending,
            canceller,
            facts,
        };
        if facts.pooled && self.options.pooler == Pooler::Refuse {
            session.close().await;
            return Err(pooler(self.host));
        }
        if session.major() < OLDEST {
            let version = session.major().to_string();
            session.close().await;
            return Err(too_old(self.host, &version));
        }
        if session.major() > NEWEST {
            let warning = too_new(self.host, session.major());
            open_inbox(&session.inbox).notices.insert(0, warning);
        }
        Ok(session)
    }

    fn explain(self, failed: Failed) -> Diagnostic {
        match failed {
            Failed::Early(diagnostic) => diagnostic,
            Failed::Server(error, _) => failure::login(&error, self.host, self.options),
        }
    }

    fn explain_both(self, first: Failed, second: Failed) -> Diagnostic {
        let (first, second) = (self.explain(first), self.explain(second));
        // Where the role is unknown, the server says the same twice.
        if first.notes() == second.notes() {
            return first;
        }
        let other = match self.options.tls.mode {
            TlsMode::Allow => "with TLS",
            TlsMode::Disable
            | TlsMode::Prefer
            | TlsMode::Require
            | TlsMode::VerifyCa
            | TlsMode::VerifyFull => "without TLS",
        };
        let words = second
            .notes()
            .first()
            .map_or(second.message(), String::as_str);
        let note = format!("{other}: {words}");
        first.note(note)
    }
}

impl Encryption {
    fn of(begun: &AtomicBool) -> Self {
        if begun.load(Ordering::Relaxed) {
            Self::Tls
        } else {
            Self::Plain
        }
    }
}

/// Where the setup holds.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// The session, if it is ours alone: then the server's process knows the nonce of the startup message.
    Session { nonce: &'a str },
    /// The current transaction.
    Transaction,
}

const FACTS: &str = "SELECT pg_catalog.current_setting('server_version_num') AS version_num, \
     pg_catalog.pg_is_in_recovery() AS standby, \
     pg_catalog.current_setting('default_transaction_read_only') AS read_only, \
     pg_catalog.current_setting('forge.nonce', true) AS nonce";

/// The settings in one `SELECT`, so that one condition covers them all: a pooler's process is left as it is.
fn setup_query(major: u32, scope: Scope<'_>) -> String {
    let local = match scope {
        Scope::Session { .. } => false,
        Scope::Transaction => true,
    };
    let calls = SETUP
        .iter()
        .filter(|setting| setting.since <= major)
        .map(|setting| {
            let (name, value) = (Literal(setting.name), Literal(setting.value));
            format!("pg_catalog.set_config({name}, {value}, {local})")
        });
    format!("SELECT {}{}", sql::join(calls, ", "), condition(scope))
}

/// Lets the server notice a client that died (`kill -9`) while a statement runs, and stop, freeing its locks.
fn watch_query(scope: Scope<'_>) -> String {
    format!(
        "SELECT pg_catalog.set_config('client_connection_check_interval', '5s', false){}",
        condition(scope)
    )
}

fn condition(scope: Scope<'_>) -> String {
    match scope {
        Scope::Session { nonce } => format!(
            " WHERE pg_catalog.current_setting('forge.nonce', true) OPERATOR(pg_catalog.=) {}",
            Literal(nonce)
        ),
        Scope::Transaction => String::new(),
    }
}

impl Facts {
    fn read(answer: &[SimpleQueryMessage], nonce: &str) -> Option<Self> {
        let row = answer.iter().find_map(|message| {
            if let SimpleQueryMessage::Row(row) = message {
                Some(row)
            } else {
                None
            }
        })?;
        Some(Self {
            version_num: row.get("version_num")?.parse().ok()?,
            standby: row.get("standby")? == "t",
            read_only: row.get("read_only")? == "on",
            pooled: row.get("nonce") != Some(nonce),
        })
    }

    /// Whether the server will do. A standby writes as little as a server whose transactions are read-only.
    fn suits(self, target: TargetSession) -> bool {
        let writes = !self.standby && !self.read_only;
        match target {
            TargetSession::Any | TargetSession::PreferStandby => true,
            TargetSession::ReadWrite => writes,
            TargetSession::ReadOnly => !writes,
            TargetSession::Primary => !self.standby,
            TargetSession::Standby => self.standby,
        }
    }
}

/// Runs the connection until it ends, collecting what the server says by itself.
fn drive<T>(mut connection: Connection<Stream, T>) -> (JoinHandle<()>, Arc<Mutex<Inbox>>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let inbox = Arc::<Mutex<Inbox>>::default();
    let ours = Arc::clone(&inbox);
    let driver = tokio::spawn(async move {
        loop {
            match future::poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notice(notice))) => {
                    open_inbox(&ours).notices.push(failure::notice(&notice));
                }
                Some(Ok(_)) => {} // Notifications; forge listens to none.
                Some(Err(error)) => {
                    open_inbox(&ours).failure = Some(failure::server_error(&error));
                    return;
                }
                None => return,
            }
        }
    });
    (driver, inbox)
}

fn open_inbox(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox
        .lock()
        .expect("nothing panics while it holds the inbox")
}

/// A value that only this connection's server process knows.
fn nonce() -> String {
    let mut bytes = [0; 16];
    ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .expect("the system has randomness");
    bytes.iter().fold(String::new(), |mut nonce, byte| {
        write!(nonce, "{byte:02x}").expect("writing to a String can't fail");
        nonce
    })
}

/// The major of `server_version`: `15.18 (Debian 15.18-1)`, `19beta1`, `9.6.24`.
fn major(version: &str) -> Option<u32> {
    let digits = version.find(|c: char| !c.is_ascii_digit());
    version[..digits.unwrap_or(version.len())].parse().ok()
}

/// PgBouncer and its kin refuse what they can't pass on; PostgreSQL itself knows `options`.
fn refuses_options(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::PROTOCOL_VIOLATION)
        && error
            .as_db_error()
            .map(DbError::message)
            .is_some_and(|message| message.contains("startup parameter"))
}

fn pooler(host: &Host) -> Diagnostic {
    Diagnostic::error(
        Code::Configuration,
        format!("`{host}` is a connection pooler, not a PostgreSQL server"),
    )
    .note("locks and settings of a session would stay with the pooler's connection and reach other clients")
    .help("connect to the server itself")
}

fn too_old(host: &Host, version: &str) -> Diagnostic {
    Diagnostic::error(
        Code::Configuration,
        format!("the server at `{host}` is PostgreSQL {version}, which is too old"),
    )
    .help(format!("forge works with PostgreSQL {OLDEST} to {NEWEST}"))
}

fn too_new(host: &Host, major: u32) -> Diagnostic {
    Diagnostic::warning(
        Code::Server,
        format!("the server at `{host}` is PostgreSQL {major}, which this forge does not know"),
    )
    .note(format!(
        "forge works with PostgreSQL {OLDEST} to {NEWEST}; what is new since then it can't see"
    ))
    .help("use a newer forge")
}

fn unsuitable(host: &Host, target: TargetSession) -> Diagnostic {
    Diagnostic::error(
        Code::Unreachable,
        format!(
            "the server at `{host}` is not the one that `target_session_attrs={}` asks for",
            target.as_str()
        ),
    )
    .help("name the other hosts too, or change `target_session_attrs`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        fn check(version: &str, expected: Option<u32>) {
            assert_eq!(major(version), expected, "{version}");
        }
        check("15.18 (Debian 15.18-1)", Some(15));
        check("9.6.24", Some(9));
        check("19beta1", Some(19));
        check("18", Some(18));
        check("", None);
    }

    #[test]
    fn settings_follow_the_version_and_the_nonce() {
        let older = setup_query(16, Scope::Session { nonce: "abc" });
        assert!(older.starts_with("SELECT pg_catalog.set_config('search_path', '', false), "));
        assert!(older.ends_with(
            " WHERE pg_catalog.current_setting('forge.nonce', true) OPERATOR(pg_catalog.=) 'abc'"
        ));
        assert!(!older.contains("transaction_timeout', '0'"));
        let newer = setup_query(17, Scope::Transaction);
        assert!(newer.contains("set_config('transaction_timeout', '0', true)"));
        assert!(!newer.contains("WHERE"));
    }

    #[test]
    fn servers_that_will_do() {
        fn check([standby, read_only]: [bool; 2], suited: &[TargetSession]) {
            let facts = Facts {
                version_num: 180_000,
                standby,
                read_only,
                pooled: false,
            };
            let targets = [
                TargetSession::ReadWrite,
                TargetSession::ReadOnly,
                TargetSession::Primary,
                TargetSession::Standby,
            ];
            let found: Vec<TargetSession> = targets
                .into_iter()
                .filter(|&target| facts.suits(target))
                .collect();
            assert_eq!(found, suited);
            assert!(facts.suits(TargetSession::Any));
        }
        check(
            [false, false],
            &[TargetSession::ReadWrite, TargetSession::Primary],
        );
        check(
            [false, true],
            &[TargetSession::ReadOnly, TargetSession::Primary],
        );
        check(
            [true, false],
            &[TargetSession::ReadOnly, TargetSession::Standby],
        );
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
