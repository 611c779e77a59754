//! TLS as libpq understands it, through rustls.
//!
//! `sslmode` says whether there is TLS; whether the server's certificate is checked follows from it and from the root
//! certificates: with a root file the chain is checked in every mode, without one only `verify-ca` and `verify-full` check it.
//! (PostgreSQL docs: 34.19 SSL Support.)

use std::{
    fmt, io,
    os::unix::fs::MetadataExt as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use camino::{Utf8Path, Utf8PathBuf};
use rustls::{
    ClientConfig, InconsistentKeys,
    crypto::{CryptoProvider, ring},
    sign::{CertifiedKey, SingleCertAndKey},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    options::{ConnectOptions, Tls, TlsMode},
    parameters::{Keyword, Parameters},
    pulse::{Counted, Pulse},
    socket::Stream,
    verify,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    shown,
};

/// Reads the TLS parameters and looks for libpq's default files under `~/.postgresql`.
pub(super) fn resolve(
    parameters: &Parameters,
    home: Option<&Utf8Path>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Tls> {
    const MODES: &str = "`disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`";
    let mode: Option<TlsMode> = match parameters.get(Keyword::TlsMode) {
        None => None,
        Some(setting) => Some(
            setting
                .value
                .parse()
                .map_err(|()| setting.invalid("sslmode", MODES))?,
        ),
    };
    let default_file = |name: &str| -> Option<Utf8PathBuf> {
        let path = home?.join(".postgresql").join(name);
        path.exists().then_some(path)
    };

    let (mode, root_certificate) = match parameters.get(Keyword::RootCertificate) {
        Some(root) if root.value == "system" => {
            let mode = mode.unwrap_or(TlsMode::VerifyFull);
            if mode != TlsMode::VerifyFull {
                return Err(Diagnostic::error(
                    Code::Configuration,
                    format!("`sslrootcert=system` needs `sslmode=verify-full`, not `{}`", mode.as_str()),
                )
                .note("a public authority signs certificates for everybody: only the host's name tells the server apart"));
            }
            (mode, None)
        }
        Some(root) => {
            let mode = mode.unwrap_or_default();
            let path = Utf8PathBuf::from(&root.value);
            let shown = shown::path(&root.value);
            if path.exists() {
                (mode, Some(path))
            } else if mode < TlsMode::VerifyCa {
                warnings.push(
                    Diagnostic::warning(
                        Code::Configuration,
                        format!("the root certificate `{shown}` does not exist, so the server's certificate is not checked"),
                    )
                    .note(format!("it comes from {}, and `sslmode` is `{}`", root.origin, mode.as_str())),
                );
                (mode, None)
            } else {
                return Err(Diagnostic::error(
                    Code::Configuration,
                    format!("the root certificate `{shown}` does not exist"),
                )
                .note(format!("it comes from {}", root.origin))
                .help("`sslrootcert=system` trusts what this machine trusts"));
            }
        }
        None => (mode.unwrap_or_default(), default_file("root.crt")),
    };

    let given = |keyword| parameters.text(keyword).map(Utf8PathBuf::from);
    let mut client_certificate =
        given(Keyword::ClientCertificate).or_else(|| default_file("postgresql.crt"));
    if let Some(setting) = parameters.get(Keyword::ClientCertificateMode) {
        match setting.value.as_str() {
            "disable" => client_certificate = None,
            "allow" => {}
            _ => return Err(setting.invalid("sslcertmode", "`disable` or `allow`")),
        }
    }
    let client_key = client_certificate
        .is_some()
        .then(|| given(Keyword::ClientKey).or_else(|| default_file("postgresql.key")))
        .flatten();
    Ok(Tls {
        mode,
        root_certificate,
        client_certificate,
        client_key,
    })
}

/// Makes TLS connections with one configuration.
#[derive(Clone)]
pub(super) struct Connector(MakeRustlsConnect);

impl Connector {
    /// The connector of these options; `None` where no host is talked to over TLS.
    pub(super) fn wanted(options: &ConnectOptions) -> Result<Option<Self>> {
        let is_wanted = options.tls.mode != TlsMode::Disable
            && options.hosts.iter().any(|host| host.socket().is_none());
        is_wanted.then(|| Self::new(&options.tls)).transpose()
    }

    /// Reads the certificates.
    pub(super) fn new(tls: &Tls) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let verifier = verify::verifier(tls, &provider)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match &tls.client_certificate {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let identity = identity(path, tls.client_key.as_deref(), &provider)?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
            }
        };
        Ok(Self(MakeRustlsConnect::new(config)))
    }

    /// The connector for a host, whose name goes into the handshake.
    pub(super) fn for_host(&self, host: &str) -> Handshake {
        Handshake {
            connector: self.0.clone(),
            host: host.to_owned(),
            begun: Arc::default(),
            pulse: Pulse::new(),
        }
    }
}

/// One TLS handshake to come.
pub(super) struct Handshake {
    connector: MakeRustlsConnect,
    host: String,
    begun: Arc<AtomicBool>,
    pulse: Arc<Pulse>,
}

impl Handshake {
    /// Counts what is said over TLS.
    pub(super) fn counted(mut self, pulse: Arc<Pulse>) -> Self {
        self.pulse = pulse;
        self
    }

    /// Tells afterwards whether the server agreed to TLS.
    pub(super) fn begun(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.begun)
    }
}

/// A handshake that failed. The type tells it apart from other failures of a connection.
#[derive(Debug)]
pub(super) struct HandshakeFailed(pub(super) io::Error);

impl fmt::Display for HandshakeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for HandshakeFailed {}

type RustlsStream = <MakeRustlsConnect as MakeTlsConnect<Stream>>::Stream;

impl TlsConnect<Stream> for Handshake {
    type Stream = Counted<RustlsStream>;
    type Error = HandshakeFailed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, HandshakeFailed>> + Send>>;

    fn connect(mut self, stream: Stream) -> Self::Future {
        self.begun.store(true, Ordering::Relaxed);
        let Ok(connect) =
            MakeTlsConnect::<Stream>::make_tls_connect(&mut self.connector, &self.host);
        Box::pin(async move {
            let stream = connect.connect(stream).await.map_err(HandshakeFailed)?;
            Ok(Counted::new(stream, self.pulse))
        })
    }
}

/// The client certificate with its key.
fn identity(
    path: &Utf8Path,
    key: Option<&Utf8Path>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey> {
    let Some(key) = key else {
        return Err(Diagnostic::error(
            Code::Configuration,
            format!(
                "the client certificate `{}` has no key",
                shown::path(path.as_str())
            ),
        )
        .help("name the key's file in `sslkey`"));
    };
    let signer = provider
        .key_provider
        .load_private_key(private_key(key)?)
        .map_err(|error| unusable_key(key, &error))?;
    let identity = CertifiedKey::new(verify::certificates(path)?, signer);
    // Other failures of this check are its own: it reads only X.509 version 3, and the server decides what is good.
    if let Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) =
        identity.keys_match()
    {
        return Err(Diagnostic::error(
            Code::Configuration,
            format!(
                "the key `{}` is not that of the client certificate `{}`",
                shown::path(key.as_str()),
                shown::path(path.as_str())
            ),
        )
        .help("check `sslcert` and `sslkey`"));
    }
    Ok(identity)
}

fn private_key(path: &Utf8Path) -> Result<PrivateKeyDer<'static>> {
    let metadata = fs_err::metadata(path).map_err(|error| shown::file_error(path, error))?;
    // libpq's rule: only the owner reads it, or it is root's and a group reads it.
    let open_bits = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & open_bits != 0 {
        let shown = shown::path(path.as_str());
        return Err(Diagnostic::error(
            Code::Configuration,
            format!("others may read the private key `{shown}`"),
        )
        .note(format!("its mode is {:04o}", metadata.mode() & 0o7777))
        .help(format!("chmod 0600 {shown}")));
    }
    let bytes = fs_err::read(path).map_err(|error| shown::file_error(path, error))?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| unusable_key(path, &error))
}

fn unusable_key(path: &Utf8Path, error: &impl fmt::Display) -> Diagnostic {
    Diagnostic::error(
        Code::Configuration,
        format!(
            "there is no usable private key in `{}`",
            shown::path(path.as_str())
        ),
    )
    .note(error.to_string())
    .help("the file must hold an unencrypted key as PEM text: `openssl pkey -in KEY` writes one")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{parameters::Origin, verify::Check},
        *,
    };

    fn resolved(given: &str, home: &Utf8Path) -> Result<(Tls, Vec<Diagnostic>)> {
        let mut warnings = Vec::new();
        let parameters = Parameters::from_pairs(given, &Origin::Given)?;
        let tls = resolve(&parameters, Some(home), &mut warnings)?;
        Ok((tls, warnings))
    }

    #[test]
    fn what_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        let bare = Utf8Path::from_path(folder.path()).unwrap();
        let with_root = bare.join("home");
        fs_err::create_dir_all(with_root.join(".postgresql")).unwrap();
        let root = with_root.join(".postgresql/root.crt");
        fs_err::write(&root, "").unwrap();

        let check = |given: &str, home: &Utf8Path, mode: TlsMode, check: Check| {
            let (tls, _) = resolved(given, home).unwrap_or_else(|error| panic!("{given}: {error}"));
            assert_eq!((tls.mode, Check::of(&tls)), (mode, check), "{given}");
        };
        check("", bare, TlsMode::Prefer, Check::Nothing);
        check("", &with_root, TlsMode::Prefer, Check::Chain);
        check("sslmode=require", bare, TlsMode::Require, Check::Nothing);
        check(
            "sslmode=require",
            &with_root,
            TlsMode::Require,
            Check::Chain,
        );
        check("sslmode=verify-ca", bare, TlsMode::VerifyCa, Check::Chain);
        check(
            "sslmode=verify-full",
            bare,
            TlsMode::VerifyFull,
            Check::ChainAndName,
        );
        check(
            "sslrootcert=system",
            &with_root,
            TlsMode::VerifyFull,
            Check::ChainAndName,
        );
        let given = format!("sslmode=require sslrootcert={root}");
        check(&given, bare, TlsMode::Require, Check::Chain);
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(folder.path()).unwrap();
        let (tls, warnings) = resolved("sslmode=require sslrootcert=/nonexistent", home).unwrap();
        assert_eq!((tls.root_certificate, warnings.len()), (None, 1));
        let error = resolved("sslmode=verify-ca sslrootcert=/nonexistent", home).unwrap_err();
        assert_eq!(
            error.message(),
            "the root certificate `/nonexistent` does not exist"
        );
        let error = resolved("sslmode=require sslrootcert=system", home).unwrap_err();
        assert_eq!(
            error.message(),
            "`sslrootcert=system` needs `sslmode=verify-full`, not `require`"
        );

        fs_err::create_dir_all(home.join(".postgresql")).unwrap();
        fs_err::write(home.join(".postgresql/postgresql.crt"), "").unwrap();
        let (tls, _) = resolved("sslkey=/k", home).unwrap();
        assert_eq!(tls.client_key.as_deref(), Some(Utf8Path::new("/k")));
        let (tls, _) = resolved("sslcertmode=disable", home).unwrap();
        assert_eq!(tls.client_certificate, None);
    }
}
