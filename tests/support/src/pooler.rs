//! A real PgBouncer between forge and the server.

use std::{
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::proxy::Proxy;

/// `nobody`, as whom PgBouncer runs where the tests run as root, which it refuses.
const NOBODY: u32 = 65_534;

/// A PgBouncer that ends with the test.
pub struct Pooler {
    child: Child,
    port: u16,
    _way: Proxy,
    _folder: TempDir,
}

impl Pooler {
    /// Starts one in front of the server on this socket, with further lines of its configuration.
    pub fn start((socket, port): (&str, &str), settings: &str) -> Self {
        // The socket's folder is closed to others.
        let way = Proxy::start(socket, port);
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o755);
        fs_err::set_permissions(folder.path(), open).unwrap();
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n{settings}\n",
            way.port()
        );
        fs_err::write(&file, text).unwrap();
        let mut command = Command::new(program());
        command
            .arg("-q")
            .arg(&file)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let id = Command::new("id").arg("-u").output().unwrap();
        if id.stdout == b"0\n" {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("pgbouncer: {error}; `tools/setup.sh lint` installs it")
        });
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "pgbouncer ended");
            assert!(started.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(20));
        }
        Self {
            child,
            port,
            _way: way,
            _folder: folder,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }
}

/// Debian keeps it off the path of ordinary users.
fn program() -> &'static str {
    let of_debian = "/usr/sbin/pgbouncer";
    if std::path::Path::new(of_debian).exists() {
        of_debian
    } else {
        "pgbouncer"
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
