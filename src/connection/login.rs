//! One login: connect to a host, with TLS or without as `sslmode` says, and set up the session.

use std::{
    fmt::Write as _,
    future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::crypto::ring;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, NoTls,
    config::{ChannelBinding as Binding, SslMode},
    error::{DbError, SqlState},
};

use super::{
    failure,
    liveness::Watch,
    options::{ChannelBinding, ConnectOptions, Host, Pooler, TlsMode},
    pooling::{self, Found, Pooling},
    pulse::{Counted, Pulse},
    session::{Canceller, Session},
    setup::{self, Facts, NEWEST, OLDEST, Scope},
    socket::{Ending, Socket, Stream},
    startup,
    tls::Connector,
};
use crate::diagnostic::{Code, Diagnostic, Result};

/// A login at one host.
#[derive(Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) host: &'a Host,
    pub(super) options: &'a ConnectOptions,
    pub(super) connector: Option<&'a Connector>,
    pub(super) application_name: &'a str,
}

/// A connection that is logged in and not yet set up.
struct LoggedIn {
    client: Client,
    driver: JoinHandle<()>,
    inbox: Arc<Mutex<Inbox>>,
    ending: Ending,
    pulse: Arc<Pulse>,
    canceller: Arc<Canceller>,
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
    pub(super) async fn open(self) -> Result<Session> {
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
                Pooler::Find | Pooler::Known(_) => self.log_in(None).await,
            },
            outcome => outcome,
        };
        let logged_in = logged_in.map_err(|failed| self.explain(failed))?;
        let setting_up = self.set_up(logged_in, &nonce);
        let mut session = timeout(limit, setting_up)
            .await
            .unwrap_or_else(|_| Err(failure::timed_out(self.host, limit)))?;
        if session.facts.pooled {
            let found = match self.options.pooler {
                Pooler::Known(pooling) => Found {
                    pooling,
                    seen: String::new(),
                },
                Pooler::Find | Pooler::Refuse => self.find(&session).await,
            };
            session.pooling = found.pooling;
            session.seen = found.seen;
            session.options.clone_from(&self.options.session_options);
            if found.pooling == Pooling::Session {
                session.set_up_own().await?;
            }
        }
        Ok(session)
    }

    /// Finds out what the pooler does with the server's processes. Where that can't be found out, nothing is relied on.
    async fn find(self, session: &Session) -> Found {
        let unknown = |seen: String| Found {
            pooling: Pooling::Statement,
            seen,
        };
        let second = match self.log_in(None).await {
            Ok(second) => second,
            Err(failed) => {
                let error = self.explain(failed);
                return unknown(format!("no second connection could be had: {error}"));
            }
        };
        pooling::compare(session.client(), session.backend(), &second.client)
            .await
            .unwrap_or_else(|error| unknown(error.to_string()))
    }

    /// Whether somebody answers a login here: behind a pooler, no more of a new connection can be asked at once.
    pub(super) async fn reach(self) -> Result<()> {
        match self.log_in(None).await {
            Ok(_) => Ok(()),
            Err(failed) => Err(self.explain(failed)),
        }
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
                    Encryption::Tls => unwelcome || failure::is_tls(error),
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
        } = Socket::open(self.host, self.options.keepalive, limit)
            .await
            .map_err(|error| Failed::Early(failure::unreachable(self.host, &error, limit)))?;
        let pulse = Pulse::new();
        let stream: Stream = Box::new(Counted::new(stream, Arc::clone(&pulse)));
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
                let handshake = connector
                    .for_host(&self.host.host)
                    .counted(Arc::clone(&pulse));
                let begun = handshake.begun();
                // Boxed, the compiler sees that it can go to another thread.
                let connecting: Pin<Box<dyn Future<Output = _> + Send>> =
                    Box::pin(config.connect_raw(stream, handshake));
                let (client, connection) = timeout(limit, connecting)
                    .await
                    .map_err(|_| Failed::Early(failure::timed_out(self.host, limit)))?
                    .map_err(|error| Failed::Server(error, Encryption::of(&begun)))?;
                let version = connection.parameter("server_version").map(str::to_owned);
                let (driver, inbox) = drive(connection);
                (client, driver, inbox, version)
            }
        };
        let canceller = Arc::new(Canceller {
            token: client.cancel_token(),
            host: self.host.clone(),
            address,
            connector: connector.cloned(),
            keepalive: self.options.keepalive,
            limit,
        });
        Ok(LoggedIn {
            client,
            driver,
            inbox,
            ending,
            pulse,
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
            pulse,
            canceller,
            version,
        } = logged_in;
        // The version decides which settings there are. A server that doesn't announce it is treated as the oldest.
        let announced = version.as_deref().and_then(setup::major).unwrap_or(OLDEST);
        if announced < OLDEST {
            return Err(too_old(self.host, version.as_deref().unwrap_or_default()));
        }
        let direct = Scope::Session { nonce };
        let query = format!(
            "{}; {}",
            setup::FACTS,
            setup::setup_query(announced, direct)
        );
        let watch = setup::watch_query(direct);
        // Some systems can't watch a connection (no POLLRDHUP): a query of its own may fail alone, and as it is sent
        // along with the first it costs no time.
        let keepalive = self.keepalive_query(&ending, direct);
        let (answer, _watched, _kept_alive) = tokio::join!(
            client.simple_query(&query),
            client.simple_query(&watch),
            client.simple_query(&keepalive)
        );
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
        let watch = Watch::begin(self, &ending, (&pulse, &inbox), &canceller.address, facts);
        let session = Session {
            client,
            driver,
            inbox,
            ending,
            canceller,
            facts,
            watch,
            pooling: Pooling::Direct,
            seen: String::new(),
            options: Vec::new(),
            acting: Mutex::default(),
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

    /// Lets the server notice a connection that has gone silent, where there is a network between.
    fn keepalive_query(self, ending: &Ending, direct: Scope<'_>) -> String {
        let settings = match ending {
            Ending::Internet(_) => self
                .options
                .keepalive
                .server_settings(&self.options.session_options),
            Ending::Socket(_) => Vec::new(),
        };
        setup::settings_query(settings, direct)
    }

    fn explain(self, failed: Failed) -> Diagnostic {
        match failed {
            Failed::Early(diagnostic) => diagnostic,
            Failed::Server(error, _) => failure::login(&error, self.host, self.options),
        }
    }

    /// The failure of both ways leads with the one that came further.
    fn explain_both(self, first: Failed, second: Failed) -> Diagnostic {
        let further = match &second {
            Failed::Early(_) => false,
            Failed::Server(error, _) => error
                .code()
                .is_some_and(|code| *code != SqlState::INVALID_AUTHORIZATION_SPECIFICATION),
        };
        let (first, second) = (self.explain(first), self.explain(second));
        // Where the role is unknown, the server says the same twice.
        if first.notes() == second.notes() {
            return first;
        }
        let (with_tls, without) = ("with TLS", "without TLS");
        let [first_way, second_way] = match self.options.tls.mode {
            TlsMode::Allow => [without, with_tls],
            TlsMode::Disable
            | TlsMode::Prefer
            | TlsMode::Require
            | TlsMode::VerifyCa
            | TlsMode::VerifyFull => [with_tls, without],
        };
        let (lead, other, way) = if further {
            (second, first, first_way)
        } else {
            (first, second, second_way)
        };
        let words = other
            .notes()
            .first()
            .map_or(other.message(), String::as_str);
        let note = format!("{way}: {words}");
        lead.note(note)
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

/// What comes from the server without being asked for.
#[derive(Default)]
pub(super) struct Inbox {
    pub(super) notices: Vec<Diagnostic>,
    pub(super) failure: Option<Diagnostic>,
    /// Why forge has given the connection up.
    pub(super) loss: Option<Diagnostic>,
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
                    let failure = failure::server_error(&error);
                    open_inbox(&ours).failure.get_or_insert(failure);
                    return;
                }
                None => return,
            }
        }
    });
    (driver, inbox)
}

pub(super) fn open_inbox(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox
        .lock()
        .expect("nothing panics while it holds the inbox")
}

/// A value that nobody can guess.
pub(crate) fn nonce() -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
