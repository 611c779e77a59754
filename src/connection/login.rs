//! One login: connect to a host, with TLS or without as `sslmode` says.

use std::{
    future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, NoTls,
    config::{ChannelBinding as Binding, SslMode},
    error::SqlState,
};

use super::{
    canceller::Canceller,
    failure,
    inbox::{Inbox, open_inbox},
    options::{ChannelBinding, ConnectOptions, Host, TlsMode},
    pulse::{Counted, Pulse},
    socket::{Ending, Socket, Stream},
    tls::Connector,
};
use crate::diagnostic::{Diagnostic, Result};

/// A login at one host.
#[derive(Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) host: &'a Host,
    pub(super) options: &'a ConnectOptions,
    pub(super) connector: Option<&'a Connector>,
    pub(super) application_name: &'a str,
}

/// A connection that is logged in and not yet set up.
pub(super) struct LoggedIn {
    pub(super) client: Client,
    pub(super) driver: JoinHandle<()>,
    pub(super) inbox: Arc<Mutex<Inbox>>,
    pub(super) ending: Ending,
    pub(super) pulse: Arc<Pulse>,
    pub(super) canceller: Arc<Canceller>,
    /// `server_version` as the server announced it.
    pub(super) version: Option<String>,
}

/// Why a connection failed.
pub(super) enum Failed {
    /// Before the server was asked.
    Early(Diagnostic),
    /// The server was asked; with whether TLS was begun.
    Server(tokio_postgres::Error, Encryption),
}

/// What a failed connection went over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    Plain,
    Tls,
}

impl Login<'_> {
    /// Whether somebody answers a login here: behind a pooler, no more of a new connection can be asked at once.
    pub(super) async fn reach(self) -> Result<()> {
        match self.log_in(None).await {
            Ok(_) => Ok(()),
            Err(failed) => Err(self.explain(failed)),
        }
    }

    /// Connects with TLS or without, and once more the other way where `sslmode` allows it.
    pub(super) async fn log_in(self, startup: Option<&str>) -> Result<LoggedIn, Failed> {
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

    /// The failure in words.
    pub(super) fn explain(self, failed: Failed) -> Diagnostic {
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
