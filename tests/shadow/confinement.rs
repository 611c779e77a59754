//! The operating system confines private servers: what a superuser there can't do, and what holds where it doesn't.

#[cfg(target_os = "linux")]
use std::os::unix::net::UnixListener;
use std::{net::TcpListener, process::Command};

use camino::{Utf8Path, Utf8PathBuf};
use forge::{
    connection::options::ConnectOptions,
    diagnostic::Code,
    files::ProjectFiles,
    shadow::{Landlock, Mode, Shadow, ShadowSettings, embedded::Embedded},
};
use tokio_postgres::Client;

use super::{any, connect, folder, open_folder, run, settings, text, untrusted::rejection};

/// Whether the kernel confines here; where it doesn't, these tests have nothing to look at.
#[expect(clippy::print_stderr, reason = "the test's output says what it ran on")]
fn confines() -> bool {
    let description = Landlock::of_kernel().description();
    eprintln!("this system: {description}");
    description.starts_with("confined by Landlock")
}

/// A home folder with a secret that every user may read, a port that somebody listens at, and a socket without a file.
struct Outside {
    _folder: tempfile::TempDir,
    home: Utf8PathBuf,
    listener: TcpListener,
    #[cfg(target_os = "linux")]
    abstract_listener: (String, UnixListener),
}

impl Outside {
    fn new() -> Self {
        let folder = open_folder();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs_err::set_permissions(folder.path(), mode).unwrap();
        let home = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        fs_err::write(home.join(".pgpass"), "*:*:*:*:secret\n").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self {
            _folder: folder,
            #[cfg(target_os = "linux")]
            abstract_listener: Self::listen_without_a_file(&home),
            home,
            listener,
        }
    }

    /// Listens at a name in no file system, as libpq looks for it by `host=@name` (unix(7)).
    #[cfg(target_os = "linux")]
    fn listen_without_a_file(home: &Utf8Path) -> (String, UnixListener) {
        use std::os::linux::net::SocketAddrExt as _;

        let name = home.file_name().unwrap().to_owned();
        let address =
            std::os::unix::net::SocketAddr::from_abstract_name(format!("{name}/.s.PGSQL.5432"))
                .unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        listener.set_nonblocking(true).unwrap();
        (name, listener)
    }

    /// Whether anything of the server has come here since it was asked last.
    fn was_reached(&self) -> bool {
        #[cfg(target_os = "linux")]
        if self.abstract_listener.1.accept().is_ok() {
            return true;
        }
        self.listener.accept().is_ok()
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// What a superuser would do, by what it is.
    fn deeds(&self) -> Vec<(&'static str, String)> {
        let Self { home, .. } = self;
        let port = self.port();
        let mut deeds = vec![
            (
                "reads a file",
                format!("SELECT pg_read_file('{home}/.pgpass')"),
            ),
            ("copies a file", format!("COPY taken FROM '{home}/.pgpass'")),
            (
                "imports a file",
                format!("SELECT lo_import('{home}/.pgpass')"),
            ),
            ("lists a folder", format!("SELECT pg_ls_dir('{home}')")),
            (
                "reads users",
                "SELECT pg_read_file('/etc/passwd')".to_owned(),
            ),
            (
                "reads processes",
                "SELECT pg_read_binary_file('/proc/self/environ')".to_owned(),
            ),
            ("lists processes", "SELECT pg_ls_dir('/proc')".to_owned()),
            (
                "writes a file",
                format!("COPY (SELECT 1) TO '{home}/written'"),
            ),
            (
                "runs a program",
                format!("COPY (SELECT 1) TO PROGRAM 'cat > {home}/written'"),
            ),
            (
                "reads by a program",
                format!("COPY taken FROM PROGRAM 'cat {home}/.pgpass'"),
            ),
            (
                "reads by the loader",
                "COPY taken FROM PROGRAM '/lib64/ld-linux-x86-64.so.2 /bin/cat /etc/passwd'"
                    .to_owned(),
            ),
            (
                "connects",
                format!(
                    "SELECT dblink_connect('host=127.0.0.1 port={port} user=u password=p connect_timeout=2')"
                ),
            ),
            (
                "reads a foreign table",
                format!(
                    "CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', connect_timeout '2'); \
                     CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user 'u', password 'p'); \
                     CREATE FOREIGN TABLE theirs (line text) SERVER other; SELECT * FROM theirs"
                ),
            ),
        ];
        #[cfg(target_os = "linux")]
        deeds.push((
            "connects without a file",
            format!(
                "SELECT dblink_connect('host=@{} port=5432 user=u password=p connect_timeout=2')",
                self.abstract_listener.0
            ),
        ));
        deeds
    }

    /// Nobody answers a connection. Until 15 the server waits for libpq's time limit, from 16 on for its own.
    async fn prepare(client: &Client) {
        client
            .batch_execute("CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw; CREATE TABLE taken (line text); SET statement_timeout = '2s'")
            .await
            .unwrap();
    }

    /// Does all of it and returns what the system didn't refuse. A transaction that fails is rolled back.
    async fn done(&self, client: &Client) -> Vec<&'static str> {
        let mut done = Vec::new();
        for (name, sql) in self.deeds() {
            match client.batch_execute(&sql).await {
                Ok(()) => done.push(name),
                Err(error) => {
                    let error = error.as_db_error().unwrap();
                    let said = format!("{} {}", error.message(), error.detail().unwrap_or(""));
                    let refused = said.contains("Permission denied")
                        || said.starts_with("could not execute command");
                    if self.was_reached() {
                        done.push(name);
                    } else {
                        // The system refuses an abstract socket that is there as one that is out of bounds.
                        let refused = refused || said.contains("Operation not permitted");
                        assert!(refused, "{name}: {said}");
                    }
                }
            }
        }
        done
    }

    async fn is_closed_to(&self, options: &ConnectOptions) {
        let client = connect(options).await;
        Self::prepare(&client).await;
        assert_eq!(text(&client, "SHOW is_superuser").await, "on");
        let done = self.done(&client).await;
        assert!(done.is_empty(), "{done:?}");
        assert!(!self.was_reached(), "the server has connected");
        assert!(!self.home.join("written").exists());
        // What PostgreSQL itself is made of is there, as is what a tree may want of the system.
        let zones = "SELECT count(*)::text FROM pg_timezone_names WHERE name = 'Europe/Paris'";
        assert_eq!(text(&client, zones).await, "1");
        let stems = "SELECT to_tsvector('english', 'running')::text";
        assert_eq!(text(&client, stems).await, "'run':1");
    }
}

#[test]
pub(super) fn even_a_superuser_reaches_nothing_outside() {
    if !confines() {
        return;
    }
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let confinement = shadow.confinement().unwrap();
        assert!(
            confinement.starts_with("confined by Landlock ABI "),
            "{confinement}"
        );
        let database = shadow.create_database("app").await.unwrap();
        Outside::new().is_closed_to(&database.options()).await;
        shadow.close().await.unwrap();
    });
}

#[test]
pub(super) fn the_embedded_server_is_confined() {
    if !confines() {
        return;
    }
    run(async {
        let project = open_folder();
        let path = Utf8Path::from_path(project.path()).unwrap();
        let server = Embedded::start(&ProjectFiles::new(path, &[]), &settings(Mode::Auto))
            .await
            .unwrap();
        let outside = Outside::new();
        outside.is_closed_to(&server.options()).await;
        // The project's own files are outside, too.
        fs_err::write(path.join("forge.toml"), "").unwrap();
        let client = connect(&server.options()).await;
        let read = format!("SELECT pg_read_file('{path}/forge.toml')");
        assert!(client.batch_execute(&read).await.is_err());
        drop(client);
        server.stop().await.unwrap();
    });
}

/// An old kernel, another system, or a container that refuses it.
#[test]
pub(super) fn a_system_without_landlock_works_as_before() {
    run(async {
        let settings = ShadowSettings {
            landlock: Landlock::missing("the kernel is too old"),
            ..settings(Mode::Local)
        };
        let shadow = any(&settings).await.unwrap();
        assert_eq!(
            shadow.confinement().unwrap(),
            "not confined: the kernel is too old"
        );
        let database = shadow.create_database("app").await.unwrap();
        let client = connect(&database.options()).await;
        Outside::prepare(&client).await;
        let outside = Outside::new();
        let done = outside.done(&client).await;
        for deed in [
            "reads a file",
            "writes a file",
            "runs a program",
            "lists processes",
            "connects",
            "reads a foreign table",
        ] {
            assert!(done.contains(&deed), "{deed}: {done:?}");
        }
        assert!(!cfg!(target_os = "linux") || done.contains(&"connects without a file"));
        assert!(outside.home.join("written").exists());
        drop(client);
        shadow.close().await.unwrap();
    });
}

/// A kernel that is older confines less, and says so.
#[test]
fn an_older_kernel_confines_what_it_can() {
    if !confines() {
        return;
    }
    run(async {
        for abi in 2..=7 {
            let open: &[&str] = match abi {
                ..4 => &[
                    "connects",
                    "reads a foreign table",
                    "connects without a file",
                ],
                4..6 => &["connects without a file"],
                6.. => &[],
            };
            let landlock = Landlock::of_kernel().at_most(abi);
            if !landlock
                .description()
                .starts_with(&format!("confined by Landlock ABI {abi}:"))
            {
                eprintln!("this kernel is older than ABI {abi}");
                return;
            }
            let settings = ShadowSettings {
                landlock,
                ..settings(Mode::Local)
            };
            let shadow = any(&settings).await.unwrap();
            let database = shadow.create_database("app").await.unwrap();
            let client = connect(&database.options()).await;
            Outside::prepare(&client).await;
            assert_eq!(Outside::new().done(&client).await, open, "ABI {abi}");
            drop(client);
            shadow.close().await.unwrap();
        }
    });
}

/// Programs that only root can reach run in a user namespace, and are confined there.
#[test]
fn a_server_in_a_user_namespace_is_confined() {
    use std::os::unix::fs::MetadataExt as _;

    let root = fs_err::metadata("/proc/self").unwrap().uid() == 0;
    let namespaces = Command::new("unshare").args(["-U", "true"]).status();
    if !root || !confines() || !namespaces.is_ok_and(|status| status.success()) {
        eprintln!("not shown here: it takes root, Landlock and user namespaces");
        return;
    }
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let bin = Utf8PathBuf::from(shadow.description().rsplit_once(" from ").unwrap().1);
        let major = shadow.major();
        shadow.close().await.unwrap();
        let closed = open_folder();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs_err::set_permissions(closed.path(), mode).unwrap();
        let copied = Utf8Path::from_path(closed.path()).unwrap().join("bin");
        fs_err::create_dir(&copied).unwrap();
        for program in ["postgres", "initdb"] {
            fs_err::copy(bin.join(program), copied.join(program)).unwrap();
        }
        for (name, here) in [("lib", bin.join("../lib")), ("share", bin.join("../share"))] {
            let there = copied.join("..").join(name);
            fs_err::os::unix::fs::symlink(here, there).unwrap();
        }
        let settings = ShadowSettings {
            bin: Some(copied),
            ..settings(Mode::Local)
        };
        let shadow = forge::shadow::start(&settings, major, None).await.unwrap();
        let database = shadow.create_database("app").await.unwrap();
        let data = folder(&database.options()).join("data");
        assert_eq!(fs_err::metadata(data).unwrap().uid(), 0);
        Outside::new().is_closed_to(&database.options()).await;
        shadow.close().await.unwrap();
    });
}

#[test]
fn a_tree_that_connects_is_told_why_it_cannot() {
    if !confines() {
        return;
    }
    let check = async |shadow: &Shadow, outside: &Outside, sql: &str, line: &str| {
        let error = rejection(shadow, sql).await;
        assert_eq!(error.code(), Code::Rejected, "{error:?}");
        assert_eq!(error.places()[0].location(), line, "{error:?}");
        let reason = error
            .notes()
            .iter()
            .any(|note| note.starts_with("the operating system confines the throwaway server"));
        assert!(reason, "{error:?}");
        assert!(!outside.was_reached(), "{sql}");
    };
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let outside = Outside::new();
        let port = outside.port();
        let connection = format!("host=127.0.0.1 port={port} user=u password=p");
        check(
            &shadow,
            &outside,
            &format!(
                "CREATE EXTENSION dblink;\nCREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS \
                 $$ BEGIN PERFORM dblink_connect('{connection}'); RETURN 1; END $$;\n\
                 CREATE TABLE t (a int);\nDO $$ BEGIN PERFORM f(); END $$;"
            ),
            "a.sql:4:1",
        )
        .await;
        check(
            &shadow,
            &outside,
            &format!(
                "CREATE EXTENSION dblink;\nCREATE TABLE t ();\nCREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS \
                 $$ BEGIN RETURN dblink_connect('{connection}'); END $$;\n\
                 ALTER TABLE t ADD c text DEFAULT f();\nSELECT f();"
            ),
            "a.sql:5:1",
        )
        .await;
        shadow.close().await.unwrap();
    });
}

/// A program shows its user id and says a version.
fn program(text: &str) -> tempfile::TempDir {
    let folder = open_folder();
    let open = || std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs_err::set_permissions(folder.path(), open()).unwrap();
    for name in ["postgres", "initdb", "pg_config"] {
        let path = folder.path().join(name);
        fs_err::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs_err::set_permissions(&path, open()).unwrap();
    }
    folder
}

#[test]
fn programs_are_asked_for_their_version_without_roots_privileges() {
    use std::os::unix::fs::MetadataExt as _;

    let folder = program(r#"id -u > "$(dirname "$0")/ran"; echo "postgres (PostgreSQL) 15.1""#);
    let bin = Utf8Path::from_path(folder.path()).unwrap();
    let ran = bin.join("ran");
    let cache = tempfile::tempdir().unwrap();
    let settings = ShadowSettings {
        bin: Some(bin.to_owned()),
        landlock: Landlock::missing("a test"),
        cache: Utf8Path::from_path(cache.path()).unwrap().to_owned(),
        ..settings(Mode::Local)
    };
    // It has a version and is no server.
    run(forge::shadow::start(&settings, 15, None)).unwrap_err();
    let user: u32 = fs_err::read_to_string(&ran)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let own = fs_err::metadata("/proc/self").unwrap().uid();
    assert!(user != 0 && (own == 0 || user == own), "{user}");
    if !confines() {
        return;
    }
    // Confined, it can't even run a shell.
    fs_err::remove_file(&ran).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let settings = ShadowSettings {
        landlock: Landlock::of_kernel(),
        cache: Utf8Path::from_path(cache.path()).unwrap().to_owned(),
        ..settings
    };
    run(forge::shadow::start(&settings, 15, None)).unwrap_err();
    assert!(!ran.exists());
}
