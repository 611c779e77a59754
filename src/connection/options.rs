//! Where a server is and how to log in.
//!
//! [`ConnectOptions::resolve`] gathers the parameters, [`super::session::Session::open`] uses them.

use std::{fmt, net::IpAddr, process::Command, str::FromStr, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};

use super::{keepalive::Keepalive, percent, pooling::Pooling};
use crate::{
    diagnostic::{Diagnostic, Result},
    shown, sql,
};

/// How long to wait for one host where `connect_timeout` says nothing. libpq waits for ever; a release job must not.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The port where nothing else is said.
pub(super) const PORT: u16 = 5432;

/// A resolved set of connection parameters, after URL, environment, service file and `.pgpass`.
///
/// [`fmt::Debug`] and [`ConnectOptions::redacted`] never show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Host names, addresses, or socket folders (those start with `/`), tried in turn. Never empty.
    pub hosts: Vec<Host>,
    /// The role to log in as.
    pub user: String,
    /// The database.
    pub database: String,
    /// The password, if one was given or found.
    pub password: Option<String>,
    /// How much TLS is asked for.
    pub tls: Tls,
    /// How long to wait for one host; [`Duration::MAX`] is for ever.
    pub connect_timeout: Duration,
    /// How a connection that has gone silent is noticed.
    pub keepalive: Keepalive,
    /// Further settings for the session (`options=-c name=value`), in order.
    pub session_options: Vec<(String, String)>,
    /// Whether the login must be bound to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// Which of several servers will do.
    pub target_session: TargetSession,
    /// What to do behind a connection pooler.
    pub pooler: Pooler,
}

/// What [`ConnectOptions::resolve`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The parameters.
    pub options: ConnectOptions,
    /// What was left out and why, such as a password file that others can read.
    pub warnings: Vec<Diagnostic>,
}

/// One place where the server may be.
///
/// [`fmt::Debug`] and [`fmt::Display`] show a host only if it can be one.
#[derive(Clone, PartialEq, Eq)]
pub struct Host {
    /// A name, an address, or a socket folder.
    pub host: String,
    /// The port; also part of a socket's name.
    pub port: u16,
    /// `hostaddr`: where to connect instead of asking the name service about `host`.
    pub address: Option<IpAddr>,
}

/// `sslmode` and its files (PostgreSQL docs: 34.19 SSL Support).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// The mode.
    pub mode: TlsMode,
    /// `sslrootcert`; `None` means the system's roots, as does `system`.
    pub root_certificate: Option<Utf8PathBuf>,
    /// `sslcert`.
    pub client_certificate: Option<Utf8PathBuf>,
    /// `sslkey`.
    pub client_key: Option<Utf8PathBuf>,
}

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TlsMode {
    /// Never TLS.
    Disable,
    /// TLS only if the server insists.
    Allow,
    /// TLS if the server has it.
    #[default]
    Prefer,
    /// TLS, whoever the server is.
    Require,
    /// TLS, and the certificate is signed by a known authority.
    VerifyCa,
    /// TLS, and the certificate is the host's.
    VerifyFull,
}

/// libpq's `channel_binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where the server offers it.
    #[default]
    Prefer,
    /// Always; a server that can't is refused.
    Require,
}

/// libpq's `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetSession {
    /// Any server.
    #[default]
    Any,
    /// One whose sessions may write.
    ReadWrite,
    /// One whose sessions may not write.
    ReadOnly,
    /// One that isn't a standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby if there is one.
    PreferStandby,
}

/// What to do behind a connection pooler.
///
/// A pooler that changes the server's process between transactions makes session locks and settings meaningless: they
/// stay with the process and reach other clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooler {
    /// Refuse it.
    #[default]
    Refuse,
    /// Find out what it does with the server's processes. The session does without anything of its own where they are shared.
    Find,
    /// It was found out already.
    Known(Pooling),
}

impl TlsMode {
    /// libpq's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl FromStr for TlsMode {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [
            Self::Disable,
            Self::Allow,
            Self::Prefer,
            Self::Require,
            Self::VerifyCa,
            Self::VerifyFull,
        ]
        .into_iter()
        .find(|mode| mode.as_str() == word)
        .ok_or(())
    }
}

impl FromStr for ChannelBinding {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "disable" => Ok(Self::Disable),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            _ => Err(()),
        }
    }
}

impl TargetSession {
    /// libpq's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        }
    }
}

impl FromStr for TargetSession {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [
            Self::Any,
            Self::ReadWrite,
            Self::ReadOnly,
            Self::Primary,
            Self::Standby,
            Self::PreferStandby,
        ]
        .into_iter()
        .find(|target| target.as_str() == word)
        .ok_or(())
    }
}

impl Host {
    /// A host by name, address or socket folder.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            address: None,
        }
    }

    /// The socket's path, if the host is a socket folder.
    pub fn socket(&self) -> Option<Utf8PathBuf> {
        self.host
            .starts_with('/')
            .then(|| Utf8Path::new(&self.host).join(format!(".s.PGSQL.{}", self.port)))
    }

    /// The host as it may be shown.
    fn shown(&self) -> Self {
        Self {
            host: shown::host(&self.host).into_owned(),
            ..self.clone()
        }
    }

    /// `host:port`, as in a URL.
    fn of_url(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }
}

/// `host:port`, or the socket's path.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.shown();
        match shown.socket() {
            Some(path) => write!(f, "{path}"),
            None => f.write_str(&shown.of_url()),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match self.address {
            Some(address) => write!(f, " ({address})"),
            None => Ok(()),
        }
    }
}

impl ConnectOptions {
    /// A server's socket on this machine: no TLS, no password, no waiting for what isn't there.
    pub fn local(
        folder: &Utf8Path,
        port: u16,
        user: impl Into<String>,
        database: impl Into<String>,
    ) -> Self {
        Self {
            hosts: vec![Host::new(folder.as_str(), port)],
            user: user.into(),
            database: database.into(),
            password: None,
            tls: Tls {
                mode: TlsMode::Disable,
                ..Tls::default()
            },
            connect_timeout: CONNECT_TIMEOUT,
            keepalive: Keepalive::default(),
            session_options: Vec::new(),
            channel_binding: ChannelBinding::default(),
            target_session: TargetSession::default(),
            pooler: Pooler::default(),
        }
    }

    /// The same server and role, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self {
            database: database.to_owned(),
            ..self.clone()
        }
    }

    /// The same connection with further settings for the session. A later one beats an earlier one of the same name.
    #[must_use]
    pub fn with_options<N: Into<String>, V: Into<String>>(
        mut self,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let options = options
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        self.session_options.extend(options);
        self
    }

    /// Gives a command the variables that lead psql, pg_dump and every other program that uses libpq to this database. It loses
    /// those that would lead it elsewhere; a password that isn't needed does not.
    pub fn lead(&self, command: &mut Command) {
        let (hosts, tls) = (&self.hosts, &self.tls);
        let has_address = hosts.iter().any(|host| host.address.is_some());
        let addresses = hosts.iter().map(|host| {
            host.address
                .map_or(String::new(), |address| address.to_string())
        });
        let path = |path: &Option<Utf8PathBuf>| path.as_ref().map(ToString::to_string);
        let variables = [
            ("PGSERVICE", None),
            (
                "PGHOST",
                Some(sql::join(hosts.iter().map(|host| &host.host), ",")),
            ),
            ("PGHOSTADDR", has_address.then(|| sql::join(addresses, ","))),
            (
                "PGPORT",
                Some(sql::join(hosts.iter().map(|host| host.port), ",")),
            ),
            ("PGUSER", Some(self.user.clone())),
            ("PGDATABASE", Some(self.database.clone())),
            ("PGSSLMODE", Some(tls.mode.as_str().to_owned())),
            ("PGSSLROOTCERT", path(&tls.root_certificate)),
            ("PGSSLCERT", path(&tls.client_certificate)),
            ("PGSSLKEY", path(&tls.client_key)),
        ];
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(password) = &self.password {
            command.env("PGPASSWORD", password);
        }
    }

    /// Whether the server may repeat a text that is not shown.
    pub(super) fn hides(&self) -> bool {
        let differs = |(_, value): &(String, String)| {
            let mut items = value.split([',', ' ']).map(|item| item.trim_matches('"'));
            items.any(|item| shown::name(item) != item)
        };
        shown::user(&self.user) != self.user
            || shown::name(&self.database) != self.database
            || self.session_options.iter().any(differs)
    }

    /// A URL for display: without the password, and without what may hold one.
    pub fn redacted(&self) -> String {
        let shown = Self {
            user: shown::user(&self.user).into_owned(),
            database: shown::name(&self.database).into_owned(),
            hosts: self.hosts.iter().map(Host::shown).collect(),
            ..self.clone()
        };
        shown.url()
    }

    /// A URL without the password, for a program that connects.
    pub fn url(&self) -> String {
        let user = percent::encoded_name(&self.user);
        let database = percent::encoded_name(&self.database);
        let mut query = Vec::new();
        let authority = if self.hosts.iter().any(|host| host.socket().is_some()) {
            // A socket folder is readable as a parameter, and a jumble of `%2F` as a host.
            let hosts = sql::join(self.hosts.iter().map(|host| &host.host), ",");
            query.push(format!("host={}", percent::encoded_value(&hosts)));
            if self.hosts.iter().any(|host| host.port != PORT) {
                let ports = sql::join(self.hosts.iter().map(|host| host.port), ",");
                query.push(format!("port={ports}"));
            }
            String::new()
        } else {
            sql::join(self.hosts.iter().map(Host::of_url), ",")
        };
        if self.tls.mode != TlsMode::default() {
            query.push(format!("sslmode={}", self.tls.mode.as_str()));
        }
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("?{}", query.join("&"))
        };
        format!("postgresql://{user}@{authority}/{database}{query}")
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            hosts,
            user,
            database,
            password,
            tls,
            connect_timeout,
            keepalive,
            session_options,
            channel_binding,
            target_session,
            pooler,
        } = self;
        let names = session_options.iter().map(|(name, _)| shown::name(name));
        let names: Vec<_> = names.collect();
        f.debug_struct("ConnectOptions")
            .field("hosts", hosts)
            .field("user", &shown::user(user))
            .field("database", &shown::name(database))
            .field("password", &password.as_ref().map(|_| "…"))
            .field("tls", &tls.mode)
            .field("connect_timeout", connect_timeout)
            .field("keepalive", keepalive)
            .field("session_options", &names)
            .field("channel_binding", channel_binding)
            .field("target_session", target_session)
            .field("pooler", pooler)
            .finish()
    }
}
