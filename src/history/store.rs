//! Reads and writes what a target remembers, in its schema `forge`.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    time::Duration,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use super::{
    graph::Node,
    journal::{Event, EventKind, Journal, Owed, Recorded, Taken},
    registration::{Body, Storable, registration},
};
use crate::{
    catalog::{Catalog, Fingerprint, Scope},
    connection::{failure::server_error, session::Session},
    diagnostic::{Code, Diagnostic, Result},
    plan::file::PlanFile,
    sql::{unescaped, visible},
};

/// Who runs forge, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actor {
    /// The run's own name.
    pub run: String,
    /// The account on this machine.
    pub os_user: String,
    /// This machine.
    pub host: String,
    /// The commit that the project is at.
    /// The commit of the project's repository that is checked out there.
    pub git_commit: Option<String>,
    /// The page of the CI run, if forge runs in one.
    pub ci_run: Option<String>,
}

/// An event to be recorded.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// The revision that it is about.
    pub revision: &'a str,
    /// What happened.
    pub kind: EventKind,
    /// The number of the step.
    pub step: Option<usize>,
    /// How long it took.
    pub duration: Option<Duration>,
    /// The server's code for what went wrong.
    pub sqlstate: Option<&'a str>,
    /// What went wrong.
    pub error: Option<&'a str>,
    /// The state of the database.
    pub fingerprint: Option<Fingerprint>,
    /// Where the backup is that was made before, or the copy of what a step drops.
    pub backup: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// An event without details.
    pub fn new(revision: &'a str, kind: EventKind) -> Self {
        Self {
            revision,
            kind,
            step: None,
            duration: None,
            sqlstate: None,
            error: None,
            fingerprint: None,
            backup: None,
        }
    }

    /// An event of a step.
    pub fn of_step(revision: &'a str, kind: EventKind, step: usize) -> Self {
        Self {
            step: Some(step),
            ..Self::new(revision, kind)
        }
    }
}

/// The statements that make the schema in which forge keeps its history, each with the table that shows that they have been
/// run: the history, and the steps that go in batches, which came later.
pub const HISTORY: [(&str, &str); 2] = [
    ("snapshot", include_str!("sql/schema.sql")),
    ("backfill", include_str!("sql/backfill_table.sql")),
];

/// What had to be done for the history to have its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    /// Nothing.
    Present,
    /// A table was added that an earlier forge didn't know.
    Extended,
    /// All of it was made.
    Created,
}

/// A name for a run of forge on this target, which no other run has.
pub async fn new_run(session: &Session) -> Result<String> {
    let rows = session
        .read("SELECT gen_random_uuid()::text AS run", &[])
        .await?;
    let run: String = rows.first().expect("the query has one row").get("run");
    Ok(run.chars().take(8).collect())
}

/// Creates the schema `forge` if it isn't there. The caller holds the lock: `IF NOT EXISTS` alone lets two sessions collide.
pub async fn ensure(session: &Session) -> Result<Ensured> {
    let found = history_exists(session).await?;
    let [(_, history), (_, backfill)] = HISTORY;
    let (ensured, create) = match found {
        Existing { batches: true, .. } => return Ok(Ensured::Present),
        Existing { present: true, .. } => (Ensured::Extended, format!("BEGIN; {backfill}; COMMIT")),
        Existing { present: false, .. } => (
            Ensured::Created,
            format!("BEGIN; {history}; {backfill}; COMMIT"),
        ),
    };
    let created = session.client().batch_execute(&create).await;
    if let Err(error) = created {
        // The connection is no longer in a transaction of which something could stand.
        drop(session.client().batch_execute("ROLLBACK").await);
        return Err(server_error(&error).help(
            "the role that applies needs the right to create the schema `forge`, in which forge keeps its history",
        ));
    }
    Ok(ensured)
}

/// What of the schema `forge` is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Existing {
    /// The history.
    pub(super) present: bool,
    /// The table of steps that go in batches, which came later.
    pub(super) batches: bool,
}

pub(super) async fn history_exists(session: &Session) -> Result<Existing> {
    let rows = session.read(include_str!("sql/exists.sql"), &[]).await?;
    let row = rows.first().expect("the query has one row");
    Ok(Existing {
        present: row.get("present"),
        batches: row.get("batches"),
    })
}

/// Reads what the target remembers. One on which forge has never been remembers nothing.
pub async fn load(session: &Session) -> Result<Journal> {
    if !history_exists(session).await?.present {
        return Ok(Journal::default());
    }
    let mut answers = session
        .snapshot(&[
            include_str!("sql/revisions.sql"),
            include_str!("sql/events.sql"),
            include_str!("sql/taken.sql"),
        ])
        .await
        .map_err(unreadable_by_role)?
        .into_iter();
    let mut next = || answers.next().expect("there is an answer to each query");
    let mut journal = Journal::default();
    for row in next() {
        let recorded = Recorded {
            node: Node {
                parents: row.get("parents"),
                depends_on: row.get("depends_on"),
                labels: row
                    .get::<_, Vec<String>>("labels")
                    .into_iter()
                    .map(in_one_line)
                    .collect(),
                created: row.get("created"),
                message: in_one_line(row.get("message")),
                author: in_one_line(row.get("author")),
                changes: BTreeSet::new(),
            },
            sha256: row.get("sha256"),
            from: fingerprint(&row.get::<_, String>("from_fp"))?,
            to: fingerprint(&row.get::<_, String>("to_fp"))?,
            semver: row
                .get::<_, String>("semver")
                .parse()
                .map_err(|error: String| unreadable(&error))?,
        };
        journal
            .revisions
            .insert(in_one_line(row.get("rev")), recorded);
    }
    for row in next() {
        let kind: String = row.get("kind");
        let kind = EventKind::named(&kind)
            .ok_or_else(|| unreadable(&format!("an event is of the kind `{kind}`")))?;
        journal.events.push(Event {
            id: row.get("id"),
            revision: in_one_line(row.get("rev")),
            kind,
            step: row
                .get::<_, Option<i32>>("step")
                .and_then(|step| step.try_into().ok()),
            at: row.get("at"),
            run: in_one_line(row.get("run_id")),
            actor: row.get("actor"),
            os_user: row.get("os_user"),
            host: row.get("host"),
            git_commit: row.get::<_, Option<String>>("git_commit").map(in_one_line),
            fingerprint: row
                .get::<_, Option<String>>("fingerprint")
                .map(|state| fingerprint(&state))
                .transpose()?,
            backup: row.get("backup"),
            error: error(row.get("error"), row.get("sqlstate")),
        });
    }
    if let Some(row) = next().first() {
        journal.taken = Some(Taken {
            event: row.get("event"),
            fingerprint: fingerprint(&row.get::<_, String>("fingerprint"))?,
            at: row.get("at"),
        });
    }
    Ok(journal)
}

/// A text as it was before it was stored.
#[expect(clippy::needless_pass_by_value, reason = "it is what a row gives")]
fn plain(text: String) -> String {
    unescaped(&text).into_owned()
}

/// The same of a text that is one line in its file: what others have made of it in the table is one line, too.
fn in_one_line(text: String) -> String {
    visible(&plain(text)).into_owned()
}

/// Remembers a revision with the texts of its files.
///
/// # Panics
/// As [`registration`].
pub async fn register(session: &Session, plan: &PlanFile, body: &Body) -> Result<()> {
    // The caller may have begun a transaction.
    let row = session
        .client()
        .query_one(
            "SELECT pg_catalog.current_setting('server_encoding') AS encoding",
            &[],
        )
        .await
        .map_err(|error| server_error(&error))?;
    let encoding: String = row.get("encoding");
    session
        .run(&registration(plan, body, Storable::of(&encoding)))
        .await
}

/// The texts of a revision's files, as they were applied.
pub async fn body(session: &Session, revision: &str) -> Result<Body> {
    let query = "SELECT body, down_body FROM forge.revision WHERE rev = $1";
    let rows = session.read(query, &[revision]).await?;
    let row = rows.first().ok_or_else(|| {
        Diagnostic::error(
            Code::History,
            format!("the history has no revision `{revision}` any more"),
        )
        .help("run the command again")
    })?;
    Ok(Body {
        up: plain(row.get("body")),
        down: row.get::<_, Option<String>>("down_body").map(plain),
    })
}

/// Adds an event, in the current transaction if there is one. Returns its number.
pub async fn record(session: &Session, actor: &Actor, entry: &Entry<'_>) -> Result<i64> {
    let step = entry.step.and_then(|step| i32::try_from(step).ok());
    let duration = entry
        .duration
        .and_then(|duration| i64::try_from(duration.as_millis()).ok());
    let row = session
        .client()
        .query_one(
            include_str!("sql/record.sql"),
            &[
                &entry.revision,
                &entry.kind.as_str(),
                &step,
                &actor.run,
                &actor.os_user,
                &actor.host,
                &env!("CARGO_PKG_VERSION"),
                &actor.git_commit,
                &actor.ci_run,
                &duration,
                &entry.sqlstate,
                &entry.error,
                &entry.fingerprint.map(|state| state.to_string()),
                &entry.backup,
                &session.backend().since,
            ],
        )
        .await
        .map_err(|error| server_error(&error))?;
    Ok(row.get("id"))
}

/// Keeps the catalog as the revision of this event left it.
pub async fn save_snapshot(session: &Session, event: i64, catalog: &Catalog) -> Result<()> {
    let json = serde_json::to_vec(catalog).expect("a catalog is JSON");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json)?;
    let compressed = encoder.finish()?;
    session
        .client()
        .execute(
            include_str!("sql/save_snapshot.sql"),
            &[&event, &catalog.fingerprint().to_string(), &compressed],
        )
        .await
        .map_err(|error| server_error(&error))?;
    Ok(())
}

/// Whether a database, whose catalog is `live`, is as the last revision left it, as far as it is managed today; or as it should
/// have, if it left something else.
pub async fn is_as_left(
    session: &Session,
    scope: &Scope,
    journal: &Journal,
    live: &Catalog,
) -> Result<bool> {
    if let Some(owed) = owed(session, scope, journal).await? {
        return Ok(owed.is_settled_by(live.fingerprint()));
    }
    let promised = journal.promised();
    let is_promised = promised == Some(live.fingerprint());
    if is_promised || promised.is_none() || !journal.is_settled() {
        return Ok(is_promised);
    }
    let left = snapshot(session, scope).await?;
    Ok(left.is_some_and(|left| left.is_same_state(live)))
}

/// What a revision has not kept of what it promised, as far as it is managed today; none if no such difference is open.
///
/// What the snapshot holds and the scope leaves out now is left out of what was promised, too.
pub async fn owed<'j>(
    session: &Session,
    scope: &Scope,
    journal: &'j Journal,
) -> Result<Option<Owed<'j>>> {
    let (Some(owed), Some(taken)) = (journal.owed(), &journal.taken) else {
        return Ok(journal.owed());
    };
    let left = snapshot(session, scope).await?;
    let managed = left.map_or(owed.state, |left| {
        owed.state.after(taken.fingerprint, left.fingerprint())
    });
    Ok(Some(Owed { managed, ..owed }))
}

/// The catalog as the last revision left it, as far as it is managed today.
pub async fn snapshot(session: &Session, scope: &Scope) -> Result<Option<Catalog>> {
    let query = "SELECT catalog FROM forge.snapshot ORDER BY event DESC LIMIT 1";
    let rows = session.read(query, &[]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let compressed: Vec<u8> = row.get("catalog");
    let mut json = Vec::new();
    GzDecoder::new(&compressed[..])
        .read_to_end(&mut json)
        .map_err(|error| unreadable(&error.to_string()))?;
    let mut left: Catalog =
        serde_json::from_slice(&json).map_err(|error| unreadable(&error.to_string()))?;
    scope.restrict(&mut left);
    Ok(Some(left))
}

/// A role that may not apply may be allowed to look.
fn unreadable_by_role(error: Diagnostic) -> Diagnostic {
    if error.notes().iter().any(|note| note.contains("42501")) {
        error.help("grant the role USAGE on the schema `forge`, and SELECT on the tables in it")
    } else {
        error
    }
}

/// What went wrong, with the server's code.
fn error(message: Option<String>, sqlstate: Option<String>) -> Option<String> {
    Some(match (message?, sqlstate) {
        (message, Some(sqlstate)) => format!("{message} ({sqlstate})"),
        (message, None) => message,
    })
}

fn fingerprint(text: &str) -> Result<Fingerprint> {
    text.parse().map_err(|error: String| unreadable(&error))
}

fn unreadable(reason: &str) -> Diagnostic {
    Diagnostic::error(
        Code::History,
        "what the target's schema `forge` holds can't be read",
    )
    .note(reason)
    .help("it was written by a newer forge: use that version")
}
