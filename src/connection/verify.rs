//! How a server's certificate is checked.

use std::sync::Arc;

use camino::Utf8Path;
use rustls::{
    CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    server::ParsedCertificate,
};
use rustls_pki_types::{
    CertificateDer, ServerName, UnixTime,
    pem::{self, PemObject as _},
};

use super::options::{Tls, TlsMode};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    shown,
};

/// The verifier that the parameters ask for.
///
/// The system's roots are read only where they are needed: that takes tens of milliseconds.
pub(super) fn verifier(
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    Ok(match Check::of(tls) {
        Check::Nothing => Arc::new(Unchecked(Arc::clone(provider))),
        check @ (Check::Chain | Check::ChainAndName) => {
            Arc::new(Checked::new(tls, check, provider)?)
        }
    })
}

/// How far a server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Not at all: the connection is encrypted, with whomever.
    Nothing,
    /// A known authority signed it.
    Chain,
    /// A known authority signed it for this host.
    ChainAndName,
}

impl Check {
    pub(super) fn of(tls: &Tls) -> Self {
        match tls.mode {
            TlsMode::VerifyFull => Self::ChainAndName,
            TlsMode::VerifyCa => Self::Chain,
            TlsMode::Disable | TlsMode::Allow | TlsMode::Prefer | TlsMode::Require => {
                if tls.root_certificate.is_some() {
                    Self::Chain
                } else {
                    Self::Nothing
                }
            }
        }
    }
}

/// Accepts every certificate.
///
/// Without a check of the chain, the handshake's signatures prove nothing either: whoever stands between has a key of
/// their own. They are not checked, so that old certificates which only OpenSSL understands (X.509 version 1) do no harm.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Checks the chain, and the name where [`Check`] says so.
#[derive(Debug)]
struct Checked {
    check: Check,
    roots: Vec<CertificateDer<'static>>,
    chain: Arc<WebPkiServerVerifier>,
}

impl Checked {
    fn new(tls: &Tls, check: Check, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let (roots, source) = match &tls.root_certificate {
            Some(path) => (
                certificates(path)?,
                format!("the file `{}`", shown::path(path.as_str())),
            ),
            None => (
                rustls_native_certs::load_native_certs().certs,
                "this machine's trusted roots".to_owned(),
            ),
        };
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots.iter().cloned());
        let chain =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
                .build()
                .map_err(|error| {
                    Diagnostic::error(
                        Code::Configuration,
                        format!("there is no usable root certificate in {source}"),
                    )
                    .note(error.to_string())
                    .help("name the authority's certificate in `sslrootcert`")
                })?;
        Ok(Self {
            check,
            roots,
            chain,
        })
    }
}

impl ServerCertVerifier for Checked {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self
            .chain
            .verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verdict {
            // The name is looked at last, when the chain has been found good.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Chain => Ok(ServerCertVerified::assertion()),
            // A self-signed server certificate is its own authority for OpenSSL, and never for webpki, which has
            // looked at the dates by then.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if self.roots.iter().any(|root| root == certificate) =>
            {
                if self.check == Check::ChainAndName {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// The certificates of a PEM file, at least one.
pub(super) fn certificates(path: &Utf8Path) -> Result<Vec<CertificateDer<'static>>> {
    let text = fs_err::read(path).map_err(|error| shown::file_error(path, error))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| not_pem(path, &error))?;
    if certificates.is_empty() {
        return Err(not_pem(path, &pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn not_pem(path: &Utf8Path, error: &pem::Error) -> Diagnostic {
    Diagnostic::error(
        Code::Configuration,
        format!(
            "there is no certificate in `{}`",
            shown::path(path.as_str())
        ),
    )
    .note(error.to_string())
    .help("the file must hold PEM text: `-----BEGIN CERTIFICATE-----`")
}
