//! What the server and the way to it have to say, as diagnostics.

use std::{error::Error as _, io, time::Duration};

use rustls::{AlertDescription, CertificateError};
use tokio_postgres::{
    Error,
    error::{DbError, Severity, SqlState},
};

use super::{
    options::{ConnectOptions, Host},
    socket::NoSocket,
    tls::HandshakeFailed,
};
use crate::{
    diagnostic::{Code, Diagnostic},
    shown,
};

/// An error that the server reports, with its own words: message, SQLSTATE, detail, hint, context.
///
/// The place in the statement is left to those who know the statement.
pub fn server_error(error: &Error) -> Diagnostic {
    if let Some(reported) = error.as_db_error() {
        return rejected(reported);
    }
    if error.is_closed() {
        return Diagnostic::error(Code::ConnectionLost, "the server closed the connection")
            .help("the server's log says why; run the command again");
    }
    let mut code = Code::Server;
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<io::Error>() {
            code = Code::ConnectionLost;
        }
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    Diagnostic::error(code, message)
}

/// Whether the connection is gone with this error.
pub fn ends_connection(error: &Error) -> bool {
    error.is_closed() || error.as_db_error().is_none_or(is_last)
}

/// Whether the server ends the connection with this error.
fn is_last(reported: &DbError) -> bool {
    matches!(
        reported.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    )
}

/// A statement that the server rejects, as [`server_error`] tells it.
pub(crate) fn rejected(reported: &DbError) -> Diagnostic {
    if !is_last(reported) {
        return with_details(
            Diagnostic::error(Code::Server, reported.message()),
            reported,
        );
    }
    with_details(
        Diagnostic::error(Code::ConnectionLost, reported.message()),
        reported,
    )
    .help("check that the server runs and can be reached, then run the command again")
}

/// A warning or notice of the server.
pub(super) fn notice(notice: &DbError) -> Diagnostic {
    with_details(Diagnostic::warning(Code::Server, notice.message()), notice)
}

fn sqlstate(reported: &DbError) -> String {
    format!("SQLSTATE {}", reported.code().code())
}

fn with_details(diagnostic: Diagnostic, reported: &DbError) -> Diagnostic {
    let mut diagnostic = diagnostic.note(sqlstate(reported));
    let details = [
        ("detail", reported.detail()),
        ("hint", reported.hint()),
        ("context", reported.where_()),
    ];
    for (name, text) in details {
        if let Some(text) = text {
            diagnostic = diagnostic.note(format!("{name}: {text}"));
        }
    }
    diagnostic
}

/// How the parameters of a connection are written.
const PAIRS: &str = "write a URL (`postgresql://user@host:5432/database?sslmode=require`), or pairs with spaces between (`host=localhost dbname=shop`); a `,` stands between hosts";

/// There is no way to the server.
pub(super) fn unreachable(host: &Host, failure: &NoSocket, limit: Duration) -> Diagnostic {
    match failure {
        NoSocket::UnknownName(error) => Diagnostic::error(
            Code::Unreachable,
            format!("the host `{}` is not known", shown::host(&host.host)),
        )
        .note(error.to_string())
        .help("check the host's spelling, and that this machine's name service knows it"),
        NoSocket::NoName => Diagnostic::error(
            Code::Unreachable,
            format!("`{}` is not the name of a host", shown::host(&host.host)),
        )
        .note(shown::WHY_HIDDEN)
        .help(PAIRS),
        NoSocket::TimedOut => timed_out(host, limit),
        NoSocket::Failed(error) if host.socket().is_some() => {
            let diagnostic = Diagnostic::error(
                Code::Unreachable,
                format!("no server listens on the socket `{host}`"),
            )
            .note(error.to_string());
            if error.kind() == io::ErrorKind::PermissionDenied {
                diagnostic.help("check who may use the socket and its folder")
            } else {
                diagnostic.help("start the server, or name another host or port in the URL or in `PGHOST` and `PGPORT`")
            }
        }
        NoSocket::Failed(error) => Diagnostic::error(
            Code::Unreachable,
            format!("the server at `{host}` can't be reached"),
        )
        .note(error.to_string())
        .help(if error.kind() == io::ErrorKind::ConnectionRefused {
            "check that PostgreSQL runs there, listens on that port, and has the address in `listen_addresses`"
        } else {
            "check the host, the port, and the network between here and there"
        }),
    }
}

/// The server didn't answer in time.
pub(super) fn timed_out(host: &Host, limit: Duration) -> Diagnostic {
    Diagnostic::error(
        Code::Unreachable,
        format!("the server at `{host}` did not answer within {} s", limit.as_secs()),
    )
    .help("check the host, the port and the firewalls between; `connect_timeout` says how long to wait")
}

/// The server was reached and the login failed.
pub(super) fn login(error: &Error, host: &Host, options: &ConnectOptions) -> Diagnostic {
    let source = error.source();
    if let Some(reported) = error.as_db_error() {
        return refused(reported, host, options);
    }
    if let Some(error) = tls_error(error) {
        return tls(error, host);
    }
    if let Some(error) = source.and_then(|source| source.downcast_ref::<io::Error>()) {
        return Diagnostic::error(
            Code::Unreachable,
            format!("the connection to `{host}` broke off during the login"),
        )
        .note(error.to_string())
        .help("check that it is a PostgreSQL server; its log says more");
    }
    // tokio-postgres tells the rest apart only by these texts.
    let reason = source.map_or_else(|| error.to_string(), ToString::to_string);
    let mode = options.tls.mode.as_str();
    match reason.as_str() {
        "server does not support TLS" => Diagnostic::error(
            Code::Tls,
            format!("the server at `{host}` has no TLS, which `sslmode={mode}` asks for"),
        )
        .help("switch on `ssl` on the server, or connect with `sslmode=prefer`"),
        "password missing" => Diagnostic::error(
            Code::Login,
            format!(
                "the server at `{host}` asks for the password of `{}`, and none was given",
                shown::user(&options.user)
            ),
        )
        .help("put it into `PGPASSWORD`, `~/.pgpass` or the URL"),
        _ if error.is_closed() => Diagnostic::error(
            Code::Unreachable,
            format!("the server at `{host}` closed the connection during the login"),
        )
        .help("the server's log says why"),
        _ => Diagnostic::error(
            Code::Login,
            format!(
                "the login at `{host}` as `{}` failed",
                shown::user(&options.user)
            ),
        )
        .note(reason),
    }
}

/// The server says no, in its own words.
fn refused(reported: &DbError, host: &Host, options: &ConnectOptions) -> Diagnostic {
    let (user, database) = (shown::user(&options.user), shown::name(&options.database));
    let code = reported.code();
    let (kind, message, help) = if *code == SqlState::INVALID_PASSWORD {
        (
            Code::Login,
            format!("the server at `{host}` refuses the password of `{user}`"),
            "check the password in the URL, in `PGPASSWORD` or in `~/.pgpass`",
        )
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        (
            Code::Login,
            format!("there is no database `{database}` on the server at `{host}`"),
            "create it with `createdb`, or name another one in the URL or in `PGDATABASE`",
        )
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        (
            Code::Login,
            format!("the server at `{host}` refuses the login of `{user}`"),
            "check that the role exists and may log in, and that the server's `pg_hba.conf` lets it in from here",
        )
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        (
            Code::Unreachable,
            format!("the server at `{host}` is not ready for connections"),
            "wait until it has started, then run the command again",
        )
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        (
            Code::Unreachable,
            format!("the server at `{host}` has no connection left"),
            "close idle connections, or raise `max_connections` or the role's or database's connection limit",
        )
    } else {
        (
            Code::Login,
            format!("the server at `{host}` refuses the connection of `{user}` to `{database}`"),
            "the server's words say why",
        )
    };
    let diagnostic = Diagnostic::error(kind, message).help(help);
    if options.hides() {
        return diagnostic
            .note(sqlstate(reported))
            .note(shown::WHY_HIDDEN)
            .note("the server's words would repeat it");
    }
    let diagnostic = diagnostic.note(format!("the server says: {}", reported.message()));
    with_details(diagnostic, reported)
}

/// Whether TLS is what failed.
pub(super) fn is_tls(error: &Error) -> bool {
    tls_error(error).is_some()
}

/// TLS's own error: of the handshake, or of what follows it. With TLS 1.3 the server looks at the client's certificate
/// when the handshake is over for the client.
fn tls_error(error: &Error) -> Option<&io::Error> {
    let source = error.source()?;
    if let Some(HandshakeFailed(error)) = source.downcast_ref() {
        return Some(error);
    }
    source
        .downcast_ref()
        .filter(|error| rustls_error(error).is_some())
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// TLS didn't come about.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls may add errors at any time, and most need no words of their own"
)]
fn tls(error: &io::Error, host: &Host) -> Diagnostic {
    let (message, help) = match rustls_error(error) {
        Some(rustls::Error::InvalidCertificate(invalid)) => match invalid {
            CertificateError::UnknownIssuer => (
                format!(
                    "the certificate of `{host}` is not signed by an authority that is trusted here"
                ),
                "name the file with the authority's certificate in `sslrootcert`",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                (
                    format!("the certificate of `{host}` is for another name"),
                    "connect by a name that the certificate has as a subject alternative name, or check only the authority with `sslmode=verify-ca`",
                )
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                format!("the certificate of `{host}` has expired"),
                "renew the server's certificate",
            ),
            _ => (
                format!("the certificate of `{host}` is not valid"),
                "it must be of X.509 version 3, in force, and signed by an authority in `sslrootcert`",
            ),
        },
        Some(rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError,
        )) => (
            format!("the server at `{host}` refuses the client certificate"),
            "check `sslcert` and `sslkey`, and that the server's `ssl_ca_file` has their authority",
        ),
        _ => (
            format!("the TLS handshake with `{host}` failed"),
            "the server's log says more",
        ),
    };
    Diagnostic::error(Code::Tls, message)
        .note(error.to_string())
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(3);

    #[test]
    fn the_way_to_the_server() {
        fn check(host: &Host, failure: &NoSocket, message: &str) {
            let diagnostic = unreachable(host, failure, LIMIT);
            assert_eq!(diagnostic.message(), message);
            assert_eq!(diagnostic.code(), Code::Unreachable);
            assert!(diagnostic.help_text().is_some());
        }
        let host = Host::new("db", 5432);
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        check(
            &host,
            &NoSocket::Failed(refused()),
            "the server at `db:5432` can't be reached",
        );
        check(
            &host,
            &NoSocket::TimedOut,
            "the server at `db:5432` did not answer within 3 s",
        );
        check(
            &host,
            &NoSocket::UnknownName(refused()),
            "the host `db` is not known",
        );
        check(
            &Host::new("/run/pg", 6000),
            &NoSocket::Failed(refused()),
            "no server listens on the socket `/run/pg/.s.PGSQL.6000`",
        );
    }

    #[test]
    fn tls_failures() {
        fn check(error: rustls::Error, message: &str) {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            let diagnostic = tls(&error, &Host::new("db", 5432));
            assert_eq!(diagnostic.message(), message);
            assert_eq!(diagnostic.code(), Code::Tls);
        }
        check(
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer),
            "the certificate of `db:5432` is not signed by an authority that is trusted here",
        );
        check(
            rustls::Error::InvalidCertificate(CertificateError::NotValidForName),
            "the certificate of `db:5432` is for another name",
        );
        check(
            rustls::Error::InvalidCertificate(CertificateError::Expired),
            "the certificate of `db:5432` has expired",
        );
        check(
            rustls::Error::AlertReceived(AlertDescription::UnknownCA),
            "the server at `db:5432` refuses the client certificate",
        );
        check(
            rustls::Error::HandshakeNotComplete,
            "the TLS handshake with `db:5432` failed",
        );
    }
}
