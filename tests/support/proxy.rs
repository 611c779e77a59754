//! What stands between forge and the server, and fails.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// When the connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// COMMIT never gets to the server, which hears that the connection has ended.
    BeforeCommit,
    /// COMMIT never gets to the server, which hears nothing at all.
    Silent,
    /// The server has carried COMMIT out, and its answer gets lost.
    AfterCommit,
}

/// Forwards connections to a server's socket.
pub(crate) struct Proxy {
    port: u16,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    /// How it is lost, and at which COMMIT.
    loss: Option<(Loss, usize)>,
    /// The connections that nobody has ended.
    kept: Vec<UnixStream>,
}

impl Proxy {
    /// Forwards to `folder/.s.PGSQL.port`.
    pub(crate) fn start(folder: &str, port: &str) -> Self {
        let socket = format!("{folder}/.s.PGSQL.{port}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let shared = Arc::clone(&plan);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = UnixStream::connect(&socket).unwrap();
                forward(client, server, &shared);
            }
        });
        Self { port, plan }
    }

    pub(crate) fn port(&self) -> String {
        self.port.to_string()
    }

    /// Loses the connection at this COMMIT from now on, counted from one.
    pub(crate) fn lose(&self, loss: Loss, commit: usize) {
        self.plan.lock().unwrap().loss = Some((loss, commit));
    }

    /// Whether the connection was lost as it should be.
    pub(crate) fn has_lost(&self) -> bool {
        self.plan.lock().unwrap().loss.is_none()
    }
}

/// A simple query, as it goes over the wire.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// What forge asks before a COMMIT of a transaction that writes.
const ASKED: &[u8] = b"pg_current_xact_id()";

fn forward(client: TcpStream, server: UnixStream, plan: &Arc<Mutex<Plan>>) {
    client.set_nodelay(true).unwrap();
    let (mut from_server, mut to_client) =
        (server.try_clone().unwrap(), client.try_clone().unwrap());
    let gone = Arc::new(Mutex::new(false));
    let muted = Arc::clone(&gone);
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = from_server.read(&mut buffer) {
            if !*muted.lock().unwrap() && to_client.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        to_client.shutdown(Shutdown::Both).ok();
    });
    let (mut from_client, mut to_server, plan) = (client, server, Arc::clone(plan));
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        let mut writes = false;
        while let Ok(count @ 1..) = from_client.read(&mut buffer) {
            let message = &buffer[..count];
            writes |= has(message, ASKED);
            if writes && has(message, COMMIT) {
                writes = false;
                let mut plan = plan.lock().unwrap();
                let loss = plan.loss.as_mut().and_then(|(loss, commits)| {
                    *commits -= 1;
                    (*commits == 0).then_some(*loss)
                });
                if let Some(loss) = loss {
                    plan.loss = None;
                    *gone.lock().unwrap() = true;
                    match loss {
                        Loss::BeforeCommit => to_server.shutdown(Shutdown::Both).unwrap(),
                        Loss::Silent => plan.kept.push(to_server),
                        Loss::AfterCommit => {
                            to_server.write_all(message).unwrap();
                            thread::sleep(Duration::from_millis(300));
                            to_server.shutdown(Shutdown::Both).unwrap();
                        }
                    }
                    from_client.shutdown(Shutdown::Both).ok();
                    return;
                }
            }
            if to_server.write_all(message).is_err() {
                break;
            }
        }
        to_server.shutdown(Shutdown::Both).ok();
    });
}

fn has(message: &[u8], part: &[u8]) -> bool {
    message.windows(part.len()).any(|window| window == part)
}
