//! Requests over HTTP: downloads, and webhooks.

use std::{sync::Arc, time::Duration};

use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How long the parts of a request may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Until the server is reached.
    pub(crate) connect: Duration,
    /// Until it begins to answer.
    pub(crate) response: Duration,
    /// Until all is over.
    pub(crate) total: Duration,
}

/// What went wrong with a request. Other errors may repeat the address, which may be a secret.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only what is known to be harmless is told"
)]
pub(crate) fn reason(error: &ureq::Error) -> String {
    use ureq::Error;

    match error {
        Error::StatusCode(_)
        | Error::Timeout(_)
        | Error::Io(_)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::TooManyRedirects
        | Error::Tls(_)
        | Error::Rustls(_) => error.to_string(),
        Error::BadUri(_) => "it is not a URL".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

/// A client that trusts whom the system trusts: a company's server is often signed by a company's authority, which only
/// the system knows.
pub(crate) fn agent(limits: Limits) -> ureq::Agent {
    let system: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
        .collect();
    let roots = if system.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::Specific(Arc::new(system))
    };
    ureq::Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .timeout_connect(Some(limits.connect))
        .timeout_recv_response(Some(limits.response))
        .timeout_global(Some(limits.total))
        .build()
        .new_agent()
}
