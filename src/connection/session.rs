//! One session on a server, set up so that what the catalog prints and what statements do depends on nothing else.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::Client;

use super::{
    canceller::Canceller,
    inbox::{Inbox, open_inbox},
    local::Local,
    pooling::Pooling,
    pulse::Pulse,
    setup::{self, Facts},
    socket::Ending,
    watch::Watch,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    sql::Ident,
};

/// How long [`Session::close`] waits for the server's process to go.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A connection, the task that drives it, and what is known about the server.
pub struct Session {
    pub(super) client: Client,
    pub(super) driver: JoinHandle<()>,
    pub(super) inbox: Arc<Mutex<Inbox>>,
    pub(super) ending: Ending,
    /// When something was sent and heard.
    pub(super) pulse: Arc<Pulse>,
    pub(super) canceller: Arc<Canceller>,
    pub(super) facts: Facts,
    /// Notices that the connection has gone silent.
    pub(super) watch: Option<Watch>,
    pub(super) pooling: Pooling,
    /// What showed that.
    pub(super) seen: String,
    /// What the connection's own options set, where the session can't keep it.
    pub(super) options: Vec<(String, String)>,
    /// The role to work in, where the session can't keep it.
    pub(super) acting: Mutex<Option<Ident>>,
}

impl Session {
    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The client, for transactions that end with a guard.
    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The server's version as a number: 150018 is 15.18.
    pub fn server_version_num(&self) -> u32 {
        self.facts.version_num
    }

    /// The server's major version.
    pub fn major(&self) -> u32 {
        self.facts.version_num / 10_000
    }

    /// Whether the server is a standby.
    pub fn is_standby(&self) -> bool {
        self.facts.standby
    }

    /// What stands between forge and the server.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// What has to be set with each statement or transaction where the session can't keep it.
    pub(super) fn local(&self, further: &[(&str, &str)]) -> Local {
        let mut settings = self.options.clone();
        settings.extend(setup::of_major(self.major()));
        let further = further
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        settings.extend(further);
        let acting = self.acting.lock();
        let acting = acting.expect("nothing panics while it holds the role");
        if let Some(role) = acting.as_ref() {
            settings.push(("role".to_owned(), role.as_str().to_owned()));
        }
        Local::new(settings)
    }

    /// Runs one statement, read as the parser has read it: code that ran before may have changed the settings of that.
    pub async fn execute_as_parsed(&self, sql: &str) -> Result<u64, tokio_postgres::Error> {
        let reset = self.client.batch_execute(setup::READ_AS_PARSED);
        let statement = self.client.execute_typed(sql, &[]);
        // Polled in this order, so sent in this order, in one flight.
        let (reset, executed) = tokio::join!(biased; reset, statement);
        reset.and(executed)
    }

    /// The server's warnings since the last call, oldest first.
    pub fn take_notices(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut open_inbox(&self.inbox).notices)
    }

    /// The server's warning since the last call that a GRANT or REVOKE did nothing, or not all of it: it has no error for that.
    pub fn take_unprivileged(&self) -> Option<Diagnostic> {
        const NOT_GRANTED: [&str; 2] = ["SQLSTATE 01006", "SQLSTATE 01007"];
        let notices = &mut open_inbox(&self.inbox).notices;
        let tells = |notice: &Diagnostic| {
            let mut notes = notice.notes().iter();
            notes.any(|note| NOT_GRANTED.contains(&note.as_str()))
        };
        let number = notices.iter().position(tells)?;
        let notice = notices.remove(number);
        let error = Diagnostic::error(Code::StepFailed, notice.message().to_owned());
        let error = notice
            .notes()
            .iter()
            .fold(error, |error, note| error.note(note.clone()));
        Some(error.help(
            "have the owner grant these privileges WITH GRANT OPTION, or apply as a role that has the owner's rights; \
             `forge preflight` names them",
        ))
    }

    /// Why the connection ended, if it did so by itself. A query that was in flight has only heard that it ended.
    pub fn failure(&self) -> Option<Diagnostic> {
        open_inbox(&self.inbox).failure.clone()
    }

    /// Why forge has given the connection up, if it has, and if nobody was told yet.
    pub fn take_loss(&self) -> Option<Diagnostic> {
        open_inbox(&self.inbox).loss.take()
    }

    /// What cancels the statement that runs on this session, from elsewhere.
    pub fn cancel_token(&self) -> Arc<Canceller> {
        Arc::clone(&self.canceller)
    }

    /// Ends the session and waits until the server's process has gone, so that the database can be dropped.
    pub async fn close(self) {
        let Self {
            client,
            driver,
            ending,
            inbox: _,
            pulse: _,
            canceller: _,
            facts: _,
            watch: _watch,
            pooling,
            seen: _,
            options: _,
            acting: _,
        } = self;
        if pooling == Pooling::Session {
            // The next client of the process shall find no trace, also where the pooler itself resets nothing.
            let reset = async {
                drop(client.batch_execute("ROLLBACK").await);
                drop(client.batch_execute("DISCARD ALL").await);
            };
            drop(timeout(CLOSE_LIMIT, reset).await);
        }
        // The driver ends the connection when nobody is left to ask.
        drop(client);
        let stop = driver.abort_handle();
        let ended = timeout(CLOSE_LIMIT, async {
            let driven = driver.await;
            drop(driven);
            ending.wait().await;
        });
        if ended.await.is_err() {
            stop.abort();
        }
    }
}
