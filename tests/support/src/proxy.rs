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
pub enum Loss {
    /// COMMIT never gets to the server, which hears that the connection has ended.
    BeforeCommit,
    /// COMMIT never gets to the server, which hears nothing at all.
    Silent,
    /// The server has carried COMMIT out, and its answer gets lost.
    AfterCommit,
}

/// Forwards connections to a server's socket.
pub struct Proxy {
    port: u16,
    plan: Arc<Mutex<Plan>>,
}

/// Which connections nothing is forwarded on any more, in neither direction; they stay open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Those that are open; new ones get through.
    Open,
    /// Those that are open, and new ones: they are accepted, and that is all.
    All,
}

#[derive(Default)]
struct Plan {
    /// How it is lost, and at which COMMIT.
    loss: Option<(Loss, usize)>,
    /// How many connections there have been.
    opened: usize,
    /// The connections below this number are silent.
    silent: usize,
    /// Both ends of each connection.
    open: Vec<(TcpStream, UnixStream)>,
    /// The connections that nobody has ended.
    kept: Vec<UnixStream>,
}

impl Proxy {
    /// Forwards to `folder/.s.PGSQL.port`.
    pub fn start(folder: &str, port: &str) -> Self {
        let socket = format!("{folder}/.s.PGSQL.{port}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let shared = Arc::clone(&plan);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let number = {
                    let mut plan = shared.lock().unwrap();
                    plan.opened += 1;
                    plan.opened - 1
                };
                let server = UnixStream::connect(&socket).unwrap();
                let both = (client.try_clone().unwrap(), server.try_clone().unwrap());
                shared.lock().unwrap().open.push(both);
                forward(client, server, number, &shared);
            }
        });
        Self { port, plan }
    }

    pub fn port(&self) -> String {
        self.port.to_string()
    }

    /// Loses the connection at this COMMIT from now on, counted from one.
    pub fn lose(&self, loss: Loss, commit: usize) {
        self.plan.lock().unwrap().loss = Some((loss, commit));
    }

    /// Forwards nothing more on these connections, and closes none.
    pub fn go_silent(&self, silence: Silence) {
        let mut plan = self.plan.lock().unwrap();
        plan.silent = match silence {
            Silence::Open => plan.opened,
            Silence::All => usize::MAX,
        };
    }

    /// Cuts all connections that are open.
    pub fn cut(&self) {
        let mut plan = self.plan.lock().unwrap();
        for (client, server) in plan.open.drain(..) {
            client.shutdown(Shutdown::Both).ok();
            server.shutdown(Shutdown::Both).ok();
        }
    }

    /// Whether the connection was lost as it should be.
    pub fn has_lost(&self) -> bool {
        self.plan.lock().unwrap().loss.is_none()
    }
}

/// A simple query, as it goes over the wire.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// What forge asks before a COMMIT of a transaction that writes.
const ASKED: &[u8] = b"pg_current_xact_id()";

/// Waits for as long as the connection is silent.
fn wait_while_silent(plan: &Mutex<Plan>, number: usize) {
    while number < plan.lock().unwrap().silent {
        thread::sleep(Duration::from_millis(20));
    }
}

fn forward(client: TcpStream, server: UnixStream, number: usize, plan: &Arc<Mutex<Plan>>) {
    client.set_nodelay(true).unwrap();
    let (mut from_server, mut to_client) =
        (server.try_clone().unwrap(), client.try_clone().unwrap());
    let gone = Arc::new(Mutex::new(false));
    let (muted, shared) = (Arc::clone(&gone), Arc::clone(plan));
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = from_server.read(&mut buffer) {
            wait_while_silent(&shared, number);
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
            wait_while_silent(&plan, number);
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
