//! Gathers connection parameters as libpq does, so that whatever connects `psql` connects forge.

use std::{net::IpAddr, str::FromStr, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    Environment,
    account::Account,
    connect::{CONNECT_TIMEOUT, ConnectOptions, Host, PORT, Pooler, Resolved},
    parameters::{Keyword, Origin, Parameters, Setting},
    passfile, servicefile, startup, tls, uri,
};
use crate::diagnostic::{Code, Diagnostic, Result};

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
    let mut parameters = if uri::looks_like(text.trim()) {
        uri::parse(text.trim(), &origin)?
    } else {
        Parameters::from_pairs(text, &origin)?
    };
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
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// An environment with a home of its own, so that the developer's `.pgpass` plays no part.
    fn environment(pairs: &[(&str, &str)]) -> Environment {
        [
            ("HOME", "/nonexistent"),
            ("PGUSER", "ann"),
            ("PGHOST", "db"),
        ]
        .iter()
        .chain(pairs)
        .copied()
        .collect()
    }

    fn resolve(given: Option<&str>, pairs: &[(&str, &str)]) -> Result<ConnectOptions> {
        ConnectOptions::resolve(given, &environment(pairs)).map(|resolved| resolved.options)
    }

    #[test]
    fn precedence() {
        fn check(given: Option<&str>, variables: &[(&str, &str)], expected: &str) {
            let options = resolve(given, variables).unwrap();
            assert_eq!(options.redacted(), expected, "{given:?} {variables:?}");
        }
        check(None, &[], "postgresql://ann@db:5432/ann");
        check(
            None,
            &[
                ("PGDATABASE", "shop"),
                ("PGPORT", "6000"),
                ("PGSSLMODE", "require"),
            ],
            "postgresql://ann@db:6000/shop?sslmode=require",
        );
        check(
            None,
            &[("DATABASE_URL", "postgres://bob@url/x"), ("PGPORT", "6000")],
            "postgresql://bob@url:6000/x",
        );
        check(
            Some("postgres://given/y"),
            &[("DATABASE_URL", "postgres://bob@url/x")],
            "postgresql://ann@given:5432/y",
        );
        check(
            Some("host=given dbname=y"),
            &[],
            "postgresql://ann@given:5432/y",
        );
        check(
            Some("dbname=y"),
            &[("PGHOST", "")],
            &socket_or_localhost("y"),
        );
        check(
            Some("postgresql+asyncpg://bob:pw@given/y?ssl=require"),
            &[],
            "postgresql://bob@given:5432/y?sslmode=require",
        );
        check(
            Some("postgresql:///y?host=/run/pg&port=6000"),
            &[],
            "postgresql://ann@/y?host=/run/pg&port=6000",
        );
        check(
            Some("postgresql://a,b:6000,[::1]/y"),
            &[],
            "postgresql://ann@a:5432,b:6000,[::1]:5432/y",
        );
        check(
            Some("host=a,b port=6000"),
            &[],
            "postgresql://ann@a:6000,b:6000/ann",
        );
        check(
            Some("hostaddr=127.0.0.1"),
            &[("PGHOST", "")],
            "postgresql://ann@127.0.0.1:5432/ann",
        );
        check(
            Some("user='odd user' dbname='a/b'"),
            &[],
            "postgresql://odd%20user@db:5432/a%2Fb",
        );
    }

    fn socket_or_localhost(database: &str) -> String {
        match default_host(&SOCKET_FOLDERS.map(Utf8Path::new), PORT).as_str() {
            "localhost" => format!("postgresql://ann@localhost:5432/{database}"),
            folder => format!("postgresql://ann@/{database}?host={folder}"),
        }
    }

    #[test]
    fn a_service_stands_between_the_string_and_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("services");
        fs_err::write(
            &path,
            "[shop]\nhost=service\nport=6000\npassword=secret\nsslmode=disable\n",
        )
        .unwrap();
        let file = ("PGSERVICEFILE", path.to_str().unwrap());
        let check = |given: Option<&str>, variables: &[(&str, &str)], expected: &str| {
            let options = resolve(given, &[variables, &[file]].concat()).unwrap();
            assert_eq!(options.redacted(), expected);
            assert_eq!(options.password.as_deref(), Some("secret"));
        };
        check(
            None,
            &[("PGSERVICE", "shop")],
            "postgresql://ann@service:6000/ann?sslmode=disable",
        );
        check(
            Some("service=shop port=7000"),
            &[("PGPORT", "8000")],
            "postgresql://ann@service:7000/ann?sslmode=disable",
        );
        check(
            Some("postgresql:///x?service=shop"),
            &[],
            "postgresql://ann@service:6000/x?sslmode=disable",
        );
        let error = resolve(Some("service=none"), &[file]).unwrap_err();
        assert_eq!(error.message(), "there is no connection service `none`");
    }

    #[test]
    fn passwords() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".pgpass");
        fs_err::write(
            &path,
            "db:5432:*:ann:of-db\nlocalhost:*:*:*:of-socket\n/run/pg:*:*:*:of-folder\nsecond:*:*:*:of-second\n",
        )
        .unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let check = |given: &str, variables: &[(&str, &str)], password: Option<&str>| {
            let home = ("HOME", home.path().to_str().unwrap());
            let options = resolve(Some(given), &[variables, &[home]].concat()).unwrap();
            assert_eq!(options.password.as_deref(), password, "{given}");
        };
        check("host=db", &[], Some("of-db"));
        check("host=db port=6000", &[], None);
        check("host=db user=bob", &[], None);
        check("host=/tmp", &[], Some("of-socket"));
        check("host=/run/pg", &[], Some("of-folder"));
        check("host=first,second", &[], Some("of-second"));
        check("host=db password=mine", &[], Some("mine"));
        check("host=db", &[("PGPASSWORD", "env")], Some("env"));
        check("host=db passfile=/nonexistent", &[], None);
        check("host=db", &[("PGPASSFILE", "/nonexistent")], None);
    }

    #[test]
    fn a_readable_password_file_is_a_warning() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".pgpass");
        fs_err::write(&path, "*:*:*:*:secret\n").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let environment = environment(&[("HOME", home.path().to_str().unwrap())]);
        let resolved = ConnectOptions::resolve(None, &environment).unwrap();
        assert_eq!(resolved.options.password, None);
        assert_eq!(resolved.warnings.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_origin() {
        fn check(given: Option<&str>, variables: &[(&str, &str)], message: &str, origin: &str) {
            let error = resolve(given, variables).unwrap_err();
            assert_eq!(error.message(), message);
            let told = error.notes().iter().any(|note| note.contains(origin));
            assert!(told || origin.is_empty(), "{error:?}");
            assert_eq!(error.code(), Code::Configuration);
        }
        check(
            None,
            &[("PGPORT", "70000")],
            "`70000` is not a valid `port`",
            "the variable `PGPORT`",
        );
        check(
            Some("postgres://db:0/"),
            &[],
            "`0` is not a valid `port`",
            "the connection string",
        );
        check(
            Some("host=a,b port=1,2,3"),
            &[],
            "`port` has 3 items for 2 hosts",
            "",
        );
        check(
            Some("host=a,b hostaddr=::1"),
            &[],
            "`hostaddr` has 1 items for 2 hosts",
            "",
        );
        check(
            Some("hostaddr=localhost"),
            &[],
            "`localhost` is not a valid `hostaddr`",
            "the connection string",
        );
        check(
            Some("sslmode=yes"),
            &[],
            "`yes` is not a valid `sslmode`",
            "the connection string",
        );
        check(
            None,
            &[("DATABASE_URL", "postgres://db/x?conect_timeout=1")],
            "unknown connection parameter `conect_timeout`",
            "the variable `DATABASE_URL`",
        );
        check(
            None,
            &[("PGCONNECT_TIMEOUT", "soon")],
            "`soon` is not a valid `connect_timeout`",
            "the variable `PGCONNECT_TIMEOUT`",
        );
        check(
            Some("options='-d 5'"),
            &[],
            "`-d` is not a valid `options`",
            "the connection string",
        );
    }

    #[test]
    fn timeouts_and_session_options() {
        let timeout = |given| resolve(Some(given), &[]).unwrap().connect_timeout;
        assert_eq!(timeout(""), CONNECT_TIMEOUT);
        assert_eq!(timeout("connect_timeout=3"), Duration::from_secs(3));
        assert_eq!(timeout("connect_timeout=0"), Duration::MAX);
        assert_eq!(timeout("connect_timeout=-1"), Duration::MAX);
        let options = resolve(Some("postgres://db?options=-c%20role%3Downer"), &[])
            .unwrap()
            .with_options([("work_mem", "64MB")]);
        let expected = [("role", "owner"), ("work_mem", "64MB")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(options.session_options, expected);
    }

    #[test]
    fn the_password_is_never_shown() {
        let options = resolve(Some("postgres://ann:hunter2@db/shop"), &[]).unwrap();
        assert_eq!(options.password.as_deref(), Some("hunter2"));
        assert!(!format!("{options:?}").contains("hunter2"));
        assert!(!options.redacted().contains("hunter2"));
        assert!(!options.with_database("x").redacted().contains("hunter2"));
    }

    #[test]
    fn default_hosts() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let missing = Utf8Path::new("/nonexistent");
        assert_eq!(default_host(&[folder, missing], PORT), folder.as_str());
        assert_eq!(default_host(&[missing, folder], PORT), "localhost");
        fs_err::write(folder.join(".s.PGSQL.5432"), "").unwrap();
        assert_eq!(default_host(&[missing, folder], PORT), folder.as_str());
    }
}
