//! Opening a session: a login at the first host that will do, and what is set up behind it.

use std::{sync::Mutex, time::Duration};

use tokio::time::timeout;
use tokio_postgres::error::{DbError, SqlState};

use super::{
    failure,
    inbox::open_inbox,
    login::{Failed, LoggedIn, Login},
    nonce::nonce,
    options::{ConnectOptions, Host, Pooler, TargetSession},
    pooler::{self, Found},
    pooling::Pooling,
    session::Session,
    setup::{self, Facts, NEWEST, OLDEST, Scope},
    socket::Ending,
    startup,
    tls::Connector,
};
use crate::diagnostic::{Code, Diagnostic, Result};

/// How long the processes of a pooler are compared at most.
const COMPARING: Duration = Duration::from_secs(30);

/// Connects to the first host that will do, logs in, and sets up the session, which nothing watches yet: one round trip after
/// the login.
///
/// As in libpq, a host that can't be reached is followed by the next, and a login that is refused by none.
pub(super) async fn open(options: &ConnectOptions, application_name: &str) -> Result<Session> {
    let connector = Connector::wanted(options)?;
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
            match Box::pin(login.open()).await {
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
        let comparing = pooler::compare(session.client(), session.backend(), &second.client);
        match timeout(COMPARING, comparing).await {
            Ok(found) => found.unwrap_or_else(|error| unknown(error.to_string())),
            Err(_) => unknown("the processes of two connections could not be compared".to_owned()),
        }
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
        let session = Session {
            client,
            driver,
            inbox,
            ending,
            pulse,
            canceller,
            facts,
            watch: None,
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
}

impl Session {
    /// Makes the session of a pooler that keeps its process what [`Session::open`] makes of one without.
    async fn set_up_own(&self) -> Result<()> {
        let scope = Scope::Process(self.facts.backend.pid);
        let setup = [
            setup::settings_query(self.options.clone(), scope),
            setup::setup_query(self.major(), scope),
        ];
        for query in setup {
            let set = self.client.simple_query(&query).await;
            set.map_err(|error| failure::server_error(&error))?;
        }
        // As without a pooler, some systems can't.
        drop(self.client.simple_query(&setup::watch_query(scope)).await);
        Ok(())
    }
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
