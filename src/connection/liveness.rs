//! Notices a connection that has gone silent although no kernel does: what stands between — a proxy, a tunnel — forwards
//! nothing any more, and its sockets stay open.
//!
//! While an answer is due and nothing moves, the server is asked over another connection whether the process behind this one
//! still works. A statement may take as long as it likes; a process that is idle, or gone, will never answer. The times are
//! those of [`Keepalive`].

use std::{
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};

use super::{
    backend::Backend,
    inbox::{Inbox, open_inbox},
    keepalive::Keepalive,
    login::Login,
    open::open,
    options::{ConnectOptions, Host, TargetSession},
    pulse::Pulse,
    session::Session,
    socket::Address,
    tls::Connector,
    watch::Watch,
};
use crate::diagnostic::{Code, Diagnostic, Result};

/// How often the pulse is felt.
const TICK: Duration = Duration::from_millis(250);
/// How long the process of a lost connection may take to end.
const ENDING: Duration = Duration::from_secs(5);

/// Watches a session that goes over a network, unless its parameters say otherwise.
pub(super) fn watch(session: &Session, options: &ConnectOptions) -> Option<Watch> {
    let keepalive = options.keepalive;
    let canceller = &session.canceller;
    let (Some(socket), Address::Internet(address)) = (session.ending.cut(), &canceller.address)
    else {
        return None;
    };
    if !keepalive.enabled {
        return None;
    }
    // Exactly there.
    let options = ConnectOptions {
        hosts: vec![Host {
            address: Some(address.ip()),
            ..canceller.host.clone()
        }],
        connect_timeout: options.connect_timeout.min(keepalive.pause()),
        keepalive: Keepalive {
            enabled: false,
            ..keepalive
        },
        target_session: TargetSession::Any,
        ..options.clone()
    };
    let watcher = Watcher {
        host: canceller.host.to_string(),
        options,
        keepalive,
        pulse: Arc::clone(&session.pulse),
        inbox: Arc::clone(&session.inbox),
        socket,
        backend: session.backend(),
        pooled: session.facts.pooled,
        asking: None,
    };
    Some(Watch(tokio::spawn(watcher.watch()).abort_handle()))
}

struct Watcher {
    host: String,
    options: ConnectOptions,
    keepalive: Keepalive,
    pulse: Arc<Pulse>,
    inbox: Arc<Mutex<Inbox>>,
    socket: TcpStream,
    backend: Backend,
    /// Whether a pooler stands between: then nobody knows which process answers.
    pooled: bool,
    /// The connection that the server is asked over.
    asking: Option<Session>,
}

/// What is known of the process behind the connection.
enum Verdict {
    /// It works, or nobody can tell.
    Works,
    /// It waits for forge, which waits for it.
    Idle,
    /// It isn't there.
    Gone,
    /// Nobody answers on a new connection either.
    Silent(Diagnostic),
}

impl Watcher {
    async fn watch(mut self) {
        let mut unanswered = 0;
        loop {
            sleep(TICK.min(self.keepalive.pause())).await;
            let silent = self.pulse.silent_for();
            if silent.is_none_or(|silent| silent < self.keepalive.quiet()) {
                unanswered = 0;
                // Nobody is asked any more for now.
                if let Some(session) = self.asking.take() {
                    session.close().await;
                }
                continue;
            }
            let (heard, asked) = (self.pulse.last_heard(), Instant::now());
            let limit = self.keepalive.pause();
            let verdict = timeout(limit, self.ask()).await.unwrap_or_else(|_| {
                self.asking = None;
                Verdict::Silent(Diagnostic::error(
                    Code::Unreachable,
                    format!(
                        "a new connection is not answered within {} s",
                        limit.as_secs()
                    ),
                ))
            });
            if self.pulse.last_heard() != heard {
                continue;
            }
            unanswered = match verdict {
                Verdict::Works => 0,
                Verdict::Idle | Verdict::Gone | Verdict::Silent(_) => unanswered + 1,
            };
            if unanswered >= self.keepalive.questions() {
                self.give_up(&verdict).await;
                return;
            }
            sleep(limit.saturating_sub(asked.elapsed())).await;
        }
    }

    async fn ask(&mut self) -> Verdict {
        if self.pooled {
            // A process may be long in coming, and whose it is nobody knows.
            let connector = Connector::wanted(&self.options).ok().flatten();
            let login = Login {
                host: &self.options.hosts[0],
                options: &self.options,
                connector: connector.as_ref(),
                application_name: "forge watch",
            };
            return match login.reach().await {
                Err(error) if is_silence(&error) => Verdict::Silent(error),
                Ok(()) | Err(_) => Verdict::Works,
            };
        }
        let session = match self.asking.take() {
            Some(session) => session,
            None => match open(&self.options, "forge watch").await {
                Ok(session) => session,
                Err(error) if is_silence(&error) => return Verdict::Silent(error),
                Err(_) => return Verdict::Works,
            },
        };
        match session.judge(self.backend).await {
            Ok(verdict) => {
                self.asking = Some(session);
                verdict
            }
            // The next question goes over another connection.
            Err(_) => Verdict::Works,
        }
    }

    /// Cuts the connection, so that whoever waits for an answer hears of it.
    async fn give_up(&mut self, verdict: &Verdict) {
        let pid = self.backend.pid;
        let silent = self.pulse.silent_for().unwrap_or_default();
        let loss = Diagnostic::error(
            Code::ConnectionLost,
            format!(
                "the connection to `{}` is lost: no answer for {} s",
                self.host,
                silent.as_secs()
            ),
        );
        let loss = match verdict {
            Verdict::Gone => loss.note(format!(
                "its process {pid} on the server is gone, and nothing has told forge"
            )),
            Verdict::Works | Verdict::Idle => loss.note(format!(
                "its process {pid} on the server is idle: the statement or its answer was not forwarded"
            )),
            Verdict::Silent(error) => loss.note(error.message()).note(format!(
                "its process {pid} on the server may still hold locks; `forge apply --takeover` ends it"
            )),
        };
        let loss = loss.help(
            "check the proxy, tunnel or firewall between forge and the server, then run the command again; \
             `keepalives_idle`, `keepalives_interval` and `keepalives_count` say how long forge waits",
        );
        if let Some(session) = self.asking.take() {
            // It would keep its locks for as long as what stands between keeps its sockets. Where that takes long, it isn't
            // waited for: forge's own end of the connection goes now.
            let ending = async {
                drop(session.terminate(self.backend).await);
                session.close().await;
            };
            drop(timeout(ENDING, ending).await);
        }
        {
            let mut inbox = open_inbox(&self.inbox);
            inbox.failure.get_or_insert(loss.clone());
            inbox.loss = Some(loss);
        }
        // That it was cut already is as good.
        drop(self.socket.shutdown(Shutdown::Both));
    }
}

/// Whether nobody has answered. A server that refuses a connection has.
fn is_silence(error: &Diagnostic) -> bool {
    let mut notes = error.notes().iter();
    error.code() == Code::Unreachable && !notes.any(|note| note.starts_with("SQLSTATE"))
}

impl Session {
    /// What a process of the role that logged in is at.
    async fn judge(&self, backend: Backend) -> Result<Verdict> {
        let rows = self
            .ask_as_login(
                "SELECT (EXTRACT(epoch FROM a.backend_start) * 1000000)::bigint AS since, a.state,
                 coalesce(a.wait_event IN ('ClientRead', 'ClientWrite'), false) AS waits FROM pg_stat_activity a WHERE a.pid = $1",
                &[&backend.pid],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Ok(Verdict::Gone);
        };
        let (since, state): (Option<i64>, Option<String>) = (row.get("since"), row.get("state"));
        Ok(match (since, state.as_deref()) {
            (Some(since), _) if since != backend.since => Verdict::Gone,
            (Some(_), Some("active" | "fastpath function call")) if row.get("waits") => {
                Verdict::Idle
            }
            (Some(_), Some("active" | "fastpath function call")) => Verdict::Works,
            (Some(_), Some(state)) if state.starts_with("idle") => Verdict::Idle,
            // The server doesn't tell.
            (_, _) => Verdict::Works,
        })
    }
}
