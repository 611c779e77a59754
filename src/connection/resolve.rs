//! Gathers connection parameters as libpq does, so that whatever connects `psql` connects forge.

use std::{net::IpAddr, str::FromStr, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    account::Account,
    keepalive::Keepalive,
    options::{CONNECT_TIMEOUT, ConnectOptions, Host, PORT, Pooler, Resolved},
    parameters::{Keyword, Origin, Parameters, Setting},
    passfile, servicefile, startup, tls, uri,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    shown,
};

/// Where servers put their sockets: Debian's and Red Hat's packages, then PostgreSQL's own default.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

impl ConnectOptions {
    /// Gathers the parameters: `given` (a URL or `key=value` pairs), else `DATABASE_URL`; then the service that is
    /// named there or by `PGSERVICE`; then the `PG*` variables; then libpq's defaults; then `.pgpass`.
    pub fn resolve(given: Option<&str>, environment: &Environment) -> Result<Resolved> {
        let account = Account::find(environment);
        let parameters = gather(given, environment, account.home.as_deref())?;
        let mut warnings = Vec::new();

        let hosts = hosts(&parameters)?;
        let user = match (parameters.text(Keyword::User), account.name) {
            (Some(user), _) => user.to_owned(),
            (None, Some(name)) => name,
            (None, None) => {
                return Err(Diagnostic::error(
                    Code::Configuration,
                    "it is not known which role to log in as",
                )
                .note("this process's account has no name")
                .help("name the role in the URL or in `PGUSER`"));
            }
        };
        let database = parameters
            .text(Keyword::Database)
            .unwrap_or(&user)
            .to_owned();
        let mut password = parameters.text(Keyword::Password).map(str::to_owned);
        if password.is_none() {
            let path = parameters
                .text(Keyword::Passfile)
                .map(Utf8PathBuf::from)
                .or_else(|| Some(account.home.as_ref()?.join(".pgpass")));
            match path.map_or(Ok(String::new()), |path| passfile::read(&path)) {
                Ok(text) => password = stored_password(&text, &hosts, &database, &user),
                Err(warning) => warnings.push(warning),
            }
        }
        let options = Self {
            tls: tls::resolve(&parameters, account.home.as_deref(), &mut warnings)?,
            connect_timeout: connect_timeout(&parameters)?,
            keepalive: Keepalive::resolve(&parameters)?,
            session_options: session_options(&parameters)?,
            channel_binding: word(
                &parameters,
                Keyword::ChannelBinding,
                "channel_binding",
                "`disable`, `prefer` or `require`",
            )?,
            target_session: word(
                &parameters,
                Keyword::TargetSession,
                "target_session_attrs",
                "`any`, `read-write`, `read-only`, `primary`, `standby` or `prefer-standby`",
            )?,
            pooler: Pooler::default(),
            hosts,
            user,
            database,
            password,
        };
        Ok(Resolved { options, warnings })
    }
}

/// A connection string as it may be shown: as a URL of those parts that are known to be harmless. Any part of a text that
/// can't be read may be a password.
pub fn shown_connection(text: &str) -> String {
    match read(text, &Origin::Given) {
        Ok(parameters) => parameters.shown(),
        Err(_) => shown::HIDDEN.to_owned(),
    }
}

fn read(text: &str, origin: &Origin) -> Result<Parameters> {
    if uri::looks_like(text.trim()) {
        uri::parse(text.trim(), origin)
    } else {
        Parameters::from_pairs(text, origin)
    }
}

/// The connection string, the service and the environment, in libpq's order. A service beats the environment: its
/// file is the more deliberate of the two.
fn gather(
    given: Option<&str>,
    environment: &Environment,
    home: Option<&Utf8Path>,
) -> Result<Parameters> {
    const DATABASE_URL: &str = "DATABASE_URL";
    let variable = |name: &str| environment.get(name);
    let (text, origin) = match (given, variable(DATABASE_URL)) {
        (Some(given), _) => (given, Origin::Given),
        (None, Some(url)) => (url, Origin::Variable(DATABASE_URL.to_owned())),
        (None, None) => ("", Origin::Given),
    };
    let mut parameters = read(text, &origin)?;
    let variables = Parameters::from_environment(environment)?;
    let named = |keyword| parameters.text(keyword).or_else(|| variables.text(keyword));
    if let Some(service) = named(Keyword::Service) {
        let personal = named(Keyword::ServiceFile)
            .map(Utf8PathBuf::from)
            .or_else(|| Some(home?.join(".pg_service.conf")));
        // libpq asks `pg_config --sysconfdir`; this is Debian's answer.
        let system = variable("PGSYSCONFDIR").unwrap_or("/etc/postgresql-common");
        let files: Vec<Utf8PathBuf> = personal
            .into_iter()
            .chain([Utf8Path::new(system).join("pg_service.conf")])
            .collect();
        let service = servicefile::find(service, &files)?;
        parameters.fall_back_to(service);
    }
    parameters.fall_back_to(variables);
    Ok(parameters)
}

/// Pairs hosts, addresses and ports. One port serves all hosts; otherwise each has its own.
fn hosts(parameters: &Parameters) -> Result<Vec<Host>> {
    let list = |keyword| -> Vec<&str> {
        parameters
            .text(keyword)
            .map(|text| text.split(',').map(str::trim).collect())
            .unwrap_or_default()
    };
    let mut names = list(Keyword::Host);
    let addresses = list(Keyword::HostAddress);
    let ports = list(Keyword::Port);
    if names.is_empty() {
        names = vec![""; addresses.len().max(1)];
    }
    if !addresses.is_empty() && addresses.len() != names.len() {
        return Err(miscounted("hostaddr", addresses.len(), names.len()));
    }
    if ports.len() > 1 && ports.len() != names.len() {
        return Err(miscounted("port", ports.len(), names.len()));
    }
    let mut hosts = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let port = match ports.get(index).or(ports.first()) {
            None | Some(&"") => PORT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|&port: &u16| port != 0)
                .ok_or_else(|| {
                    part_of(parameters, Keyword::Port, text)
                        .invalid("port", "a number from 1 to 65535")
                })?,
        };
        let address: Option<IpAddr> = match addresses.get(index) {
            None | Some(&"") => None,
            Some(text) => Some(text.parse().map_err(|_| {
                part_of(parameters, Keyword::HostAddress, text)
                    .invalid("hostaddr", "an IP address; a name goes to `host`")
            })?),
        };
        let host = match (name, address) {
            ("", Some(address)) => address.to_string(),
            ("", None) => default_host(&SOCKET_FOLDERS.map(Utf8Path::new), port),
            (name, _) => name.to_owned(),
        };
        hosts.push(Host {
            host,
            port,
            address,
        });
    }
    Ok(hosts)
}

/// One item of a list, with the list's origin.
fn part_of(parameters: &Parameters, keyword: Keyword, item: &str) -> Setting {
    let list = parameters.get(keyword).expect("the item is from its list");
    Setting {
        value: item.to_owned(),
        origin: list.origin.clone(),
    }
}

fn miscounted(name: &str, count: usize, hosts: usize) -> Diagnostic {
    Diagnostic::error(
        Code::Configuration,
        format!("`{name}` has {count} items for {hosts} hosts"),
    )
    .help(format!(
        "give each host its own `{name}`, in the same order"
    ))
}

/// Where psql would look: the packaged socket folder, else the other one if a server is there, else this machine.
fn default_host(folders: &[&Utf8Path; 2], port: u16) -> String {
    let [packaged, plain] = folders;
    if packaged.is_dir() {
        packaged.to_string()
    } else if Host::new(plain.as_str(), port)
        .socket()
        .is_some_and(|socket| socket.exists())
    {
        plain.to_string()
    } else {
        "localhost".to_owned()
    }
}

/// The password of the first host that the file knows. Hosts given together are copies of one server, with one set of
/// passwords.
fn stored_password(text: &str, hosts: &[Host], database: &str, user: &str) -> Option<String> {
    hosts.iter().find_map(|host| {
        let usual_socket = SOCKET_FOLDERS.contains(&host.host.as_str());
        passfile::find(
            text,
            passfile::Login {
                host: if usual_socket {
                    "localhost"
                } else {
                    &host.host
                },
                port: host.port,
                database,
                user,
            },
        )
    })
}

fn connect_timeout(parameters: &Parameters) -> Result<Duration> {
    let Some(setting) = parameters.get(Keyword::ConnectTimeout) else {
        return Ok(CONNECT_TIMEOUT);
    };
    let seconds: i32 = setting
        .value
        .trim()
        .parse()
        .map_err(|_| setting.invalid("connect_timeout", "whole seconds, 0 for no limit"))?;
    Ok(match u64::try_from(seconds) {
        Ok(seconds @ 1..) => Duration::from_secs(seconds),
        Ok(0) | Err(_) => Duration::MAX,
    })
}

fn session_options(parameters: &Parameters) -> Result<Vec<(String, String)>> {
    let Some(setting) = parameters.get(Keyword::Options) else {
        return Ok(Vec::new());
    };
    startup::parse(&setting.value).map_err(|word| {
        Setting {
            value: word,
            origin: setting.origin.clone(),
        }
        .invalid("options", "settings: `-c name=value`")
    })
}

fn word<T: FromStr + Default>(
    parameters: &Parameters,
    keyword: Keyword,
    name: &str,
    expected: &str,
) -> Result<T> {
    match parameters.get(keyword) {
        None => Ok(T::default()),
        Some(setting) => setting
            .value
            .parse()
            .map_err(|_| setting.invalid(name, expected)),
    }
}

#[cfg(test)]
mod tests;
