//! Whom other servers of the machine take a private server for: who connects to a Unix socket is the user of his process.

use std::{
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::{Child, Command, Stdio},
};

use camino::{Utf8Path, Utf8PathBuf};
use forge::{
    files::ProjectFiles,
    shadow::{Mode, embedded::Embedded},
};

use super::{any, connect, gone_soon, open_folder, run, settings, text};

/// User and group of `postgres`, where this test can take them.
fn postgres() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;

    let users = fs_err::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut ids = line.split(':').skip(2).map(|id| id.parse().unwrap());
    let is_root = fs_err::metadata("/proc/self").unwrap().uid() == 0;
    is_root.then(|| (ids.next().unwrap(), ids.next().unwrap()))
}

/// A server as a package installs it: `postgres` runs it, and is its superuser by peer authentication.
struct Installed {
    server: Child,
    socket: Utf8PathBuf,
    _folder: tempfile::TempDir,
}

impl Installed {
    fn start(bin: &Utf8Path, (uid, gid): (u32, u32)) -> Self {
        let folder = open_folder();
        let socket = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        fs_err::os::unix::fs::chown(&socket, Some(uid), Some(gid)).unwrap();
        let data = socket.join("data");
        let command = |program: &str| {
            let mut command = Command::new(bin.join(program));
            command.args(["-D", data.as_str()]).current_dir("/");
            command.uid(uid).gid(gid);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        let made = command("initdb")
            .args(["-U", "postgres", "-A", "peer", "--no-sync"])
            .status()
            .unwrap();
        assert!(made.success());
        let server = command("postgres")
            .args(["-k", socket.as_str(), "-c", "listen_addresses="])
            .args(["-c", "fsync=off", "-p", "5432"])
            .spawn()
            .unwrap();
        let installed = Self {
            server,
            socket,
            _folder: folder,
        };
        let is_ready = || {
            fs_err::read_to_string(data.join("postmaster.pid"))
                .is_ok_and(|text| text.lines().nth(7).is_some_and(|l| l.trim() == "ready"))
        };
        assert!(gone_soon(|| !is_ready()), "the server doesn't start");
        // Everybody may connect, as below /var/run/postgresql.
        let socket = fs_err::metadata(installed.socket.join(".s.PGSQL.5432")).unwrap();
        assert_eq!(socket.permissions().mode() & 0o777, 0o777);
        installed
    }

    /// What a superuser of another server is told who asks as `postgres` who he is here.
    async fn answer(&self, client: &tokio_postgres::Client) -> Result<String, String> {
        let sql = format!(
            "SELECT name FROM dblink('host={} port=5432 user=postgres dbname=postgres', \
             'SELECT current_user::text') AS t (name text)",
            self.socket
        );
        let row = client.query_one(&sql, &[]).await;
        row.map(|row| row.get(0)).map_err(|error| {
            let error = error.as_db_error().unwrap();
            format!("{} {}", error.message(), error.detail().unwrap_or(""))
        })
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let process = self.server.id().to_string();
        let told = Command::new("kill").args(["-INT", &process]).status();
        if told.is_ok_and(|status| status.success()) {
            drop(self.server.wait());
        }
    }
}

/// Landlock has no say over sockets in the file system, so it's the user that counts.
#[test]
fn a_superuser_of_roots_private_server_is_nobody_to_servers_of_the_machine() {
    let Some(postgres) = postgres() else {
        eprintln!("not shown here: it takes root and a user `postgres`");
        return;
    };
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let bin = Utf8PathBuf::from(shadow.description().rsplit_once(" from ").unwrap().1);
        let installed = Installed::start(&bin, postgres);
        let check = async |options| {
            let client = connect(&options).await;
            client
                .batch_execute("CREATE EXTENSION dblink")
                .await
                .unwrap();
            assert_eq!(text(&client, "SHOW is_superuser").await, "on");
            let answer = installed.answer(&client).await;
            let reason = "Peer authentication failed for user \"postgres\"";
            assert!(
                answer.as_ref().is_err_and(|error| error.contains(reason)),
                "{answer:?}"
            );
        };
        let database = shadow.create_database("app").await.unwrap();
        check(database.options()).await;
        assert_eq!(shadow.account().as_deref(), Some("`nobody`"));

        let project = open_folder();
        let path = Utf8Path::from_path(project.path()).unwrap();
        let server = Embedded::start(&ProjectFiles::new(path, &[]), &settings(Mode::Auto))
            .await
            .unwrap();
        check(server.options()).await;
        server.stop().await.unwrap();
        shadow.close().await.unwrap();
    });
}
