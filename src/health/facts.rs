//! What the server tells of itself.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    apply::spoken,
    connection::session::Session,
    diagnostic::Result,
    kinds::Step,
    plan::{Size, Sizes},
    source::Need,
    sql::Literal,
};

/// The server, and this session on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// As it calls itself: `15.18 (Debian 15.18-1)`.
    pub version: String,
    /// Its major version.
    pub major: i32,
    /// Whether it is a standby.
    pub standby: bool,
    /// Who logged in.
    pub login: String,
    /// As whom statements are run.
    pub role: String,
    /// Whether that role may do everything.
    pub superuser: bool,
    /// TLS's version and cipher, if the session has it.
    pub tls: Option<String>,
    /// How big the database is.
    pub size: String,
    /// How many event triggers are on.
    pub event_triggers: i64,
    /// What is set for the role or the database.
    pub settings: Option<String>,
}

/// Something that unfinished work has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is: `invalid index`.
    pub what: String,
    /// Its name.
    pub name: String,
    /// The table that it is about.
    pub relation: Option<String>,
    /// That table's schema.
    pub schema: Option<String>,
    /// Whether a plan may have left it on purpose.
    pub may_be_meant: bool,
}

/// A relation that a plan changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its name.
    pub name: String,
    /// How big it is.
    pub size: Size,
}

/// What stands between plans and their end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The relations that are touched and that are there, the biggest first.
    pub touched: Vec<Touched>,
    /// Extensions that aren't to be had.
    pub missing_extensions: Vec<String>,
    /// Transactions and vacuums that could be in the way, in words.
    pub waiting_for: Vec<String>,
    /// Those who follow the server, in words; and whether one is far behind.
    pub followers: Vec<(String, bool)>,
}

/// Asks the server who it is.
pub async fn server(session: &Session) -> Result<Server> {
    let answers = session.snapshot(&[include_str!("sql/server.sql")]).await?;
    let row = &answers[0][0];
    let tls: bool = row.get("tls");
    Ok(Server {
        version: row.get("version"),
        major: row.get("major"),
        standby: row.get("standby"),
        login: row.get("login"),
        role: row.get("role"),
        superuser: row.get("superuser"),
        tls: tls.then(|| row.get("tls_with")),
        size: row.get("size"),
        event_triggers: row.get("event_triggers"),
        settings: row.get("settings"),
    })
}

/// Looks for what unfinished work has left.
pub async fn leftovers(session: &Session) -> Result<Vec<Leftover>> {
    let answers = session
        .snapshot(&[include_str!("sql/leftovers.sql")])
        .await?;
    let rows = answers[0].iter();
    Ok(rows
        .map(|row| Leftover {
            what: row.get("what"),
            name: row.get("name"),
            relation: row.get("relation"),
            schema: row.get("schema"),
            may_be_meant: row.get("may_be_meant"),
        })
        .collect())
}

/// Looks at what plans that touch these relations and create these extensions have to do with.
pub async fn surroundings(
    session: &Session,
    relations: &[&str],
    extensions: &[&str],
) -> Result<Surroundings> {
    // The lists reach the queries as settings of the transaction, so that the queries stand in files as they are.
    let list = |name: &str, items: &[&str]| {
        let json = serde_json::to_string(items).expect("a list of texts is JSON");
        format!(
            "SELECT set_config({}, {}, true)",
            Literal(name),
            Literal(&json)
        )
    };
    let answers = session
        .snapshot(&[
            &list("forge.touched", relations),
            &list("forge.extensions", extensions),
            include_str!("sql/touched.sql"),
            include_str!("sql/extensions.sql"),
            include_str!("sql/transactions.sql"),
            include_str!("sql/replication.sql"),
        ])
        .await?;
    let mut answers = answers.into_iter().skip(2);
    let mut next = || answers.next().expect("there is an answer to each query");
    let touched = next();
    let (missing, waiting, followers) = (next(), next(), next());
    Ok(Surroundings {
        touched: touched
            .iter()
            .map(|row| Touched {
                name: row.get("name"),
                size: Size {
                    heap: row.get("heap"),
                    indexes: row.get("indexes"),
                    rows: row.get("rows"),
                    partitioned: row.get("partitioned"),
                },
            })
            .collect(),
        missing_extensions: missing.iter().map(|row| row.get("name")).collect(),
        waiting_for: waiting.iter().map(|row| row.get("what")).collect(),
        followers: followers
            .iter()
            .map(|row| (row.get("what"), row.get("late")))
            .collect(),
    })
}

impl Surroundings {
    /// The sizes of what is touched, by name.
    pub fn sizes(&self) -> Sizes {
        let touched = self.touched.iter();
        touched
            .map(|touched| (touched.name.clone(), touched.size))
            .collect()
    }
}

/// The sizes of the relations that steps lock.
pub async fn sizes<'a>(session: &Session, steps: impl Iterator<Item = &'a Step>) -> Result<Sizes> {
    let relations = relations(steps);
    let relations: Vec<&str> = relations.into_iter().collect();
    Ok(surroundings(session, &relations, &[]).await?.sizes())
}

/// What the session's role lacks of what statements need, with what helps.
pub(super) async fn lacks(session: &Session, needs: &BTreeSet<Need>) -> Result<Vec<String>> {
    let json = serde_json::to_string(needs).expect("a list of texts is JSON");
    let list = format!("SELECT set_config('forge.needs', {}, true)", Literal(&json));
    let answers = session
        .snapshot(&[&list, include_str!("sql/needs.sql")])
        .await?;
    let rows = answers.last().into_iter().flatten();
    Ok(rows.map(|row| row.get("lacks")).collect())
}

/// The relations that steps lock.
pub(super) fn relations<'a>(steps: impl Iterator<Item = &'a Step>) -> BTreeSet<&'a str> {
    let locks = steps.flat_map(|step| &step.locks);
    locks.map(|(_, relation)| relation.as_str()).collect()
}

/// A time that is estimated, for people: `about 5 min`.
pub fn about(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        "less than 1 s".to_owned()
    } else {
        format!("about {}", spoken(time))
    }
}

/// A number of bytes for people: `1.2 GB`.
pub fn bytes(number: i64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut whole, mut tenths, mut unit) = (number.max(0), 0, 0);
    while whole >= 1024 && unit + 1 < UNITS.len() {
        tenths = whole % 1024 * 10 / 1024;
        whole /= 1024;
        unit += 1;
    }
    if whole < 10 && unit > 0 {
        format!("{whole}.{tenths} {}", UNITS[unit])
    } else {
        format!("{whole} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes() {
        fn check(number: i64, expected: &str) {
            assert_eq!(super::bytes(number), expected);
        }
        check(0, "0 bytes");
        check(1023, "1023 bytes");
        check(1536, "1.5 kB");
        check(48 << 20, "48 MB");
        check(5 << 30, "5.0 GB");
    }
}
