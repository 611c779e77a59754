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
        assert_eq!(options.url(), expected, "{given:?} {variables:?}");
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
        assert_eq!(options.url(), expected);
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
        "the value of `hostaddr` is not valid",
        "the connection string",
    );
    check(
        Some("sslmode=yes"),
        &[],
        "the value of `sslmode` is not valid",
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
        "the value of `connect_timeout` is not valid",
        "the variable `PGCONNECT_TIMEOUT`",
    );
    check(
        Some("options='-d 5'"),
        &[],
        "the value of `options` is not valid",
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
    for given in [
        "host=h,password=hunter2",
        "host=h user=u:hunter2",
        "host=h dbname=postgresql://u:hunter2@h/d",
        "host=/tmp;password=hunter2",
        "host=h options='-c a.b=hunter2'",
        "host=h sslcert=/x;hunter2 sslkey=u:hunter2",
    ] {
        let options = resolve(Some(given), &[]).unwrap();
        for shown in [options.redacted(), format!("{options:?}")] {
            assert!(!shown.contains("hunter2"), "{given}: {shown}");
        }
        let places = options.hosts.iter().map(ToString::to_string);
        assert!(places.into_iter().all(|place| !place.contains("hunter2")));
    }
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
