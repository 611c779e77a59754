//! Where a server is and how to log in.

use std::time::Duration;

use camino::Utf8PathBuf;

/// A resolved set of connection parameters, after URL, environment, service file and `.pgpass`.
///
/// [`std::fmt::Debug`] and [`ConnectOptions::redacted`] never show the password.
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
    /// How long to wait for one host.
    pub connect_timeout: Duration,
    /// Further settings for the session (`options=-c name=value`), in order.
    pub session_options: Vec<(String, String)>,
}

/// One place where the server may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// A name, an address, or a socket folder.
    pub host: String,
    /// The port; also part of a socket's name.
    pub port: u16,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
