//! libpq's connection parameters: their names, where each came from, and the `key=value` form.
//!
//! (PostgreSQL docs: 34.1.2 Parameter Key Words, 34.15 Environment Variables.)

use std::{borrow::Cow, collections::BTreeMap, fmt, iter::Peekable, net::IpAddr, str::Chars};

use super::percent;
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    shown,
    spelling::closest,
};

/// Parameters by keyword, each with its origin. They may hold a password, so there is no `Debug`.
#[derive(Clone, Default)]
pub(super) struct Parameters(BTreeMap<Keyword, Setting>);

/// One parameter's value.
#[derive(Clone)]
pub(super) struct Setting {
    /// The text as it was given, decoded.
    pub(super) value: String,
    /// Who gave it.
    pub(super) origin: Origin,
}

/// Where a parameter was given; an error says so.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The URL or `key=value` string of the command line or of `forge.toml`.
    Given,
    /// A variable of the environment.
    Variable(String),
    /// A line of a service file. The line itself is never shown: it may hold a password.
    Service(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("the connection string"),
            Self::Variable(name) => write!(f, "the variable `{name}`"),
            Self::Service(place) => write!(f, "the service file, `{place}`"),
        }
    }
}

/// The parameters that forge acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keyword {
    ChannelBinding,
    ClientCertificate,
    ClientCertificateMode,
    ClientKey,
    ConnectTimeout,
    Database,
    Host,
    HostAddress,
    Keepalives,
    KeepalivesCount,
    KeepalivesIdle,
    KeepalivesInterval,
    Options,
    Passfile,
    Password,
    Port,
    RootCertificate,
    Service,
    ServiceFile,
    TargetSession,
    TcpUserTimeout,
    TlsMode,
    User,
}

/// Parameters of other drivers that are often left in a URL; an error may name them.
const FOREIGN: &[&str] = &[
    "connection_limit",
    "currentSchema",
    "driver",
    "max_pool_size",
    "pass",
    "passwd",
    "pgbouncer",
    "pool_size",
    "pool_timeout",
    "prepareThreshold",
    "pwd",
    "schema",
    "search_path",
    "server",
    "socket_timeout",
    "statement_cache_size",
    "timeout",
    "uid",
    "username",
];

/// What forge does with a parameter that libpq knows.
#[derive(Debug, Clone, Copy)]
enum Treatment {
    /// Acts on it.
    Used(Keyword),
    /// Leaves it alone: it changes neither who is talked to nor what is done.
    Ignored,
    /// Can't honour it, and leaving it alone would weaken what the user asked for. The values listed ask for nothing.
    Refused { unless: &'static [&'static str] },
}

struct Known {
    name: &'static str,
    variable: Option<&'static str>,
    treatment: Treatment,
}

const fn used(name: &'static str, variable: Option<&'static str>, keyword: Keyword) -> Known {
    Known {
        name,
        variable,
        treatment: Treatment::Used(keyword),
    }
}

const fn ignored(name: &'static str) -> Known {
    Known {
        name,
        variable: None,
        treatment: Treatment::Ignored,
    }
}

const fn refused(
    name: &'static str,
    variable: Option<&'static str>,
    unless: &'static [&'static str],
) -> Known {
    Known {
        name,
        variable,
        treatment: Treatment::Refused { unless },
    }
}

/// Every parameter of libpq 18, and `ssl`, which URLs of other drivers carry.
const KNOWN: &[Known] = &[
    used(
        "channel_binding",
        Some("PGCHANNELBINDING"),
        Keyword::ChannelBinding,
    ),
    used(
        "connect_timeout",
        Some("PGCONNECT_TIMEOUT"),
        Keyword::ConnectTimeout,
    ),
    used("dbname", Some("PGDATABASE"), Keyword::Database),
    used("host", Some("PGHOST"), Keyword::Host),
    used("hostaddr", Some("PGHOSTADDR"), Keyword::HostAddress),
    used("keepalives", None, Keyword::Keepalives),
    used("keepalives_count", None, Keyword::KeepalivesCount),
    used("keepalives_idle", None, Keyword::KeepalivesIdle),
    used("keepalives_interval", None, Keyword::KeepalivesInterval),
    used("options", Some("PGOPTIONS"), Keyword::Options),
    used("passfile", Some("PGPASSFILE"), Keyword::Passfile),
    used("password", Some("PGPASSWORD"), Keyword::Password),
    used("port", Some("PGPORT"), Keyword::Port),
    used("service", Some("PGSERVICE"), Keyword::Service),
    used("servicefile", Some("PGSERVICEFILE"), Keyword::ServiceFile),
    used("sslcert", Some("PGSSLCERT"), Keyword::ClientCertificate),
    used(
        "sslcertmode",
        Some("PGSSLCERTMODE"),
        Keyword::ClientCertificateMode,
    ),
    used("sslkey", Some("PGSSLKEY"), Keyword::ClientKey),
    used("sslmode", Some("PGSSLMODE"), Keyword::TlsMode),
    used(
        "sslrootcert",
        Some("PGSSLROOTCERT"),
        Keyword::RootCertificate,
    ),
    used(
        "target_session_attrs",
        Some("PGTARGETSESSIONATTRS"),
        Keyword::TargetSession,
    ),
    used("tcp_user_timeout", None, Keyword::TcpUserTimeout),
    used("user", Some("PGUSER"), Keyword::User),
    ignored("application_name"), // forge names its sessions itself.
    ignored("client_encoding"),  // It is UTF8.
    ignored("fallback_application_name"),
    ignored("gssdelegation"),
    ignored("gsslib"),
    ignored("krbsrvname"),
    ignored("load_balance_hosts"), // Hosts are tried in order.
    ignored("max_protocol_version"),
    ignored("min_protocol_version"),
    ignored("sslcompression"), // No server of a supported version has it.
    ignored("sslkeylogfile"),
    ignored("sslnegotiation"), // Every server understands the ordinary one.
    ignored("sslsni"),
    refused("gssencmode", Some("PGGSSENCMODE"), &["disable", "prefer"]),
    refused("oauth_client_id", None, &[]),
    refused("oauth_client_secret", None, &[]),
    refused("oauth_issuer", None, &[]),
    refused("oauth_scope", None, &[]),
    refused("replication", None, &["false", "off", "no", "0"]),
    refused("require_auth", Some("PGREQUIREAUTH"), &[]),
    refused("requirepeer", Some("PGREQUIREPEER"), &[]),
    refused("scram_client_key", None, &[]),
    refused("scram_server_key", None, &[]),
    refused("sslcrl", Some("PGSSLCRL"), &[]),
    refused("sslcrldir", Some("PGSSLCRLDIR"), &[]),
    refused(
        "ssl_max_protocol_version",
        Some("PGSSLMAXPROTOCOLVERSION"),
        &["TLSv1.3"],
    ),
    refused(
        "ssl_min_protocol_version",
        Some("PGSSLMINPROTOCOLVERSION"),
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
    ),
    refused("sslpassword", None, &[]),
];

impl Parameters {
    /// Reads the variables that libpq reads, except those that only format output.
    pub(super) fn from_environment(environment: &Environment) -> Result<Self> {
        let mut parameters = Self::default();
        for known in KNOWN {
            if let Some(variable) = known.variable
                && let Some(value) = environment.get(variable)
            {
                parameters.set(
                    known.name,
                    value.to_owned(),
                    Origin::Variable(variable.to_owned()),
                )?;
            }
        }
        Ok(parameters)
    }

    /// Reads libpq's `key=value` form: `host=/tmp password='it\'s'`.
    pub(super) fn from_pairs(text: &str, origin: &Origin) -> Result<Self> {
        let mut parameters = Self::default();
        let mut rest = Pairs(text.chars().peekable());
        // Whatever is out of place may be a piece of an unquoted password, so the errors don't show it.
        while let Some((name, value)) = rest.next_pair().map_err(|reason| {
            Diagnostic::error(Code::Configuration, "the connection string can't be read")
                .note(format!("{reason}, in {origin}"))
                .help("write a URL (`postgresql://user@host:5432/database`) or pairs (`host=localhost dbname=shop`); quote a value with spaces: `password='a b'`")
        })? {
            parameters.set(&name, value, origin.clone())?;
        }
        Ok(parameters)
    }

    /// Sets a parameter by its libpq name. An empty value stands for none, as in libpq.
    pub(super) fn set(&mut self, name: &str, value: String, origin: Origin) -> Result<()> {
        if name == "ssl" {
            // JDBC and asyncpg say `ssl` where libpq says `sslmode`.
            let mode = match value.as_str() {
                "true" | "on" | "1" => "require".to_owned(),
                "false" | "off" | "0" => "disable".to_owned(),
                _ => value,
            };
            return self.set("sslmode", mode, origin);
        }
        let Some(known) = KNOWN.iter().find(|known| known.name == name) else {
            return Err(unknown(name, &origin));
        };
        match known.treatment {
            Treatment::Ignored => {}
            Treatment::Used(keyword) => {
                if value.is_empty() {
                    self.0.remove(&keyword);
                } else {
                    self.0.insert(keyword, Setting { value, origin });
                }
            }
            Treatment::Refused { unless } => {
                if !value.is_empty() && !unless.contains(&value.as_str()) {
                    return Err(Diagnostic::error(
                        Code::Configuration,
                        format!("the connection parameter `{name}` is not supported"),
                    )
                    .note(format!(
                        "it comes from {origin}, and leaving it out silently would ask less of the connection than you do"
                    ))
                    .help("remove it for forge"));
                }
            }
        }
        Ok(())
    }

    /// Adds what isn't set yet.
    pub(super) fn fall_back_to(&mut self, other: Self) {
        for (keyword, setting) in other.0 {
            self.0.entry(keyword).or_insert(setting);
        }
    }

    /// The setting of a keyword, never an empty one.
    pub(super) fn get(&self, keyword: Keyword) -> Option<&Setting> {
        self.0.get(&keyword)
    }

    /// The text of a keyword.
    pub(super) fn text(&self, keyword: Keyword) -> Option<&str> {
        self.get(keyword).map(|setting| setting.value.as_str())
    }

    /// The parameters as a URL that shows what is known to be harmless.
    pub(super) fn shown(&self) -> String {
        const OF_LOGIN: [Keyword; 3] = [Keyword::User, Keyword::Password, Keyword::Database];
        const OF_PLACE: [Keyword; 2] = [Keyword::Host, Keyword::Port];
        let value = |keyword: Keyword| {
            let text = self.text(keyword)?;
            Some(percent::encoded_value(&keyword.shown(text)))
        };
        let user = value(Keyword::User).unwrap_or_default();
        let login = match value(Keyword::Password) {
            Some(password) => format!("{user}:{password}@"),
            None if user.is_empty() => user,
            None => format!("{user}@"),
        };
        let place = self.place();
        let elsewhere = |keyword: &Keyword| {
            OF_LOGIN.contains(keyword) || (place.is_some() && OF_PLACE.contains(keyword))
        };
        let others = self.0.keys().filter(|keyword| !elsewhere(keyword));
        let query = others
            .map(|&keyword| format!("{}={}", keyword.name(), value(keyword).unwrap_or_default()));
        let query = query.collect::<Vec<_>>().join("&");
        let database = value(Keyword::Database);
        let database = database.map_or(String::new(), |database| format!("/{database}"));
        let mark = if query.is_empty() { "" } else { "?" };
        let place = place.unwrap_or_default();
        format!("postgresql://{login}{place}{database}{mark}{query}")
    }

    /// Hosts and ports as they stand in the middle of a URL, if they can stand there.
    fn place(&self) -> Option<String> {
        let list = |keyword: Keyword| {
            let text = keyword.shown(self.text(keyword).unwrap_or_default());
            text.split(',').map(str::to_owned).collect::<Vec<_>>()
        };
        let (hosts, ports) = (list(Keyword::Host), list(Keyword::Port));
        let is_plain = !hosts.iter().any(|host| host.starts_with('/'))
            && (ports.len() == 1 || ports.len() == hosts.len());
        let places = hosts.iter().enumerate().map(|(index, host)| {
            let port = ports.get(index).unwrap_or(&ports[0]);
            let host = if host.contains(':') {
                format!("[{host}]")
            } else {
                host.clone()
            };
            if port.is_empty() {
                host
            } else {
                format!("{host}:{port}")
            }
        });
        is_plain.then(|| places.collect::<Vec<_>>().join(","))
    }
}

impl Setting {
    /// An error about this value, with its origin. The value is shown if it is close to one of the words that stand between
    /// backticks in what is expected, or to a number.
    pub(super) fn invalid(&self, name: &str, expected: &str) -> Diagnostic {
        let words = expected.split('`').skip(1).step_by(2);
        let value = shown::choice(&self.value, words);
        let message = if value == self.value {
            format!("`{value}` is not a valid `{name}`")
        } else {
            format!("the value of `{name}` is not valid")
        };
        Diagnostic::error(Code::Configuration, message)
            .note(format!("it comes from {}", self.origin))
            .help(format!("expected {expected}"))
    }
}

impl Keyword {
    /// libpq's name.
    fn name(self) -> &'static str {
        let used =
            |known: &&Known| matches!(known.treatment, Treatment::Used(keyword) if keyword == self);
        KNOWN.iter().find(used).map_or("", |known| known.name)
    }

    /// What may be shown of a value.
    fn shown(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Database | Self::Service => shown::name(value),
            Self::User => shown::user(value),
            Self::Host => listed(value, shown::host),
            Self::HostAddress => listed(value, |address| match address.parse::<IpAddr>() {
                Ok(_) => address.into(),
                Err(_) => shown::HIDDEN.into(),
            }),
            Self::Port => listed(value, |port| shown::choice(port, [])),
            Self::ClientCertificate
            | Self::ClientKey
            | Self::Passfile
            | Self::RootCertificate
            | Self::ServiceFile => shown::path(value),
            Self::ChannelBinding
            | Self::ClientCertificateMode
            | Self::ConnectTimeout
            | Self::Keepalives
            | Self::KeepalivesCount
            | Self::KeepalivesIdle
            | Self::KeepalivesInterval
            | Self::TargetSession
            | Self::TcpUserTimeout
            | Self::TlsMode => shown::choice(value, WORDS.iter().copied()),
            Self::Options | Self::Password => shown::HIDDEN.into(),
        }
    }
}

/// The words that are values of parameters.
const WORDS: &[&str] = &[
    "allow",
    "any",
    "disable",
    "prefer",
    "prefer-standby",
    "primary",
    "read-only",
    "read-write",
    "require",
    "standby",
    "verify-ca",
    "verify-full",
];

/// What may be shown of each item of a list.
fn listed(list: &str, show: fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    let items = list.split(',').map(|item| match item.trim() {
        "" => "".into(),
        item => show(item),
    });
    items.collect::<Vec<_>>().join(",").into()
}

/// A name that is like no other is not shown: it may be a piece of an unquoted password.
fn unknown(name: &str, origin: &Origin) -> Diagnostic {
    let close = closest(name, KNOWN.iter().map(|known| known.name));
    let message = if close.is_some() || FOREIGN.contains(&name) {
        format!("unknown connection parameter `{name}`")
    } else {
        "unknown connection parameter".to_owned()
    };
    let error =
        Diagnostic::error(Code::Configuration, message).note(format!("it comes from {origin}"));
    match close {
        Some(known) => error.help(format!("did you mean `{known}`?")),
        None => error.help("parameters are those of libpq; remove what another driver needs"),
    }
}

/// The rest of a `key=value` string.
struct Pairs<'a>(Peekable<Chars<'a>>);

impl Pairs<'_> {
    /// The next pair, or what is wrong.
    fn next_pair(&mut self) -> Result<Option<(String, String)>, &'static str> {
        self.skip_space();
        let mut name = String::new();
        while let Some(c) = self.0.next_if(|&c| c != '=' && !c.is_ascii_whitespace()) {
            name.push(c);
        }
        if name.is_empty() && self.0.peek().is_none() {
            return Ok(None);
        }
        self.skip_space();
        if self.0.next() != Some('=') {
            return Err("a word has no `=` after it");
        }
        if name.is_empty() {
            return Err("a `=` has no name before it");
        }
        self.skip_space();
        Ok(Some((name, self.value()?)))
    }

    fn value(&mut self) -> Result<String, &'static str> {
        let quoted = self.0.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match self.0.next() {
                Some('\\') => value.extend(self.0.next()),
                Some('\'') if quoted => return Ok(value),
                Some(c) if !quoted && c.is_ascii_whitespace() => return Ok(value),
                Some(c) => value.push(c),
                None if quoted => return Err("a quote is not closed"),
                None => return Ok(value),
            }
        }
    }

    fn skip_space(&mut self) {
        while self.0.next_if(char::is_ascii_whitespace).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        fn check(text: &str, expected: &[(Keyword, &str)]) {
            let parameters = Parameters::from_pairs(text, &Origin::Given)
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            let found: Vec<(Keyword, &str)> = parameters
                .0
                .iter()
                .map(|(&keyword, setting)| (keyword, setting.value.as_str()))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
        check("", &[]);
        check(
            "host=localhost port = 5433",
            &[(Keyword::Host, "localhost"), (Keyword::Port, "5433")],
        );
        check(
            r"password='it\'s a \\' user=a\ b",
            &[(Keyword::Password, r"it's a \"), (Keyword::User, "a b")],
        );
        check("user=ann user=bob", &[(Keyword::User, "bob")]);
        check("user=ann user=''", &[]);
        check("application_name=x krbsrvname=1 gssencmode=prefer", &[]);
        check("ssl=true", &[(Keyword::TlsMode, "require")]);
        check("ssl=verify-full", &[(Keyword::TlsMode, "verify-full")]);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_shown() {
        fn check(text: &str, message: &str) {
            let Err(error) = Parameters::from_pairs(text, &Origin::Given) else {
                panic!("{text} is accepted");
            };
            assert_eq!(error.message(), message, "{text}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        check(
            "host=a pasword=hunter2",
            "unknown connection parameter `pasword`",
        );
        check(
            "password=very hunter2",
            "the connection string can't be read",
        );
        check("password='hunter2", "the connection string can't be read");
        check("=hunter2", "the connection string can't be read");
        check(
            "require_auth=scram-sha-256",
            "the connection parameter `require_auth` is not supported",
        );
        check(
            "ssl_min_protocol_version=TLSv1.3",
            "the connection parameter `ssl_min_protocol_version` is not supported",
        );
    }

    #[test]
    fn a_near_miss_is_suggested() {
        let error = unknown("sslrootcrt", &Origin::Given);
        assert_eq!(error.help_text(), Some("did you mean `sslrootcert`?"));
    }
}
