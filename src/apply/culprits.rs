//! The rows for which a query fails, found by asking it of parts of the table.
//!
//! A cast that fails names neither the row nor how many there are. So the table is halved by its blocks, and the blocks by
//! their rows, until single rows are left: half of a part that fails is known to hold one. That reads the table about twice
//! for a row, needs no function that PostgreSQL before 16 lacks, and writes nothing.

use std::time::{Duration, Instant};

use super::query::{ask_within, count, is_of_value, state};
use crate::{
    connection::session::Session,
    source::{Probe, SHOWN},
    sql::{Literal, join},
};

/// What was found.
pub(super) struct Found {
    /// How many rows.
    pub(super) rows: usize,
    /// Whether there are no others.
    pub(super) is_all: bool,
    /// The query that shows them.
    pub(super) find: Option<String>,
}

/// A part of the table.
#[derive(Debug, Clone)]
enum Part {
    /// Blocks of one of the tables that hold rows: from the first up to before the last.
    Blocks(Leaf, i64, i64),
    /// Rows of it by their places.
    Rows(Leaf, Vec<String>),
}

/// A table that holds rows of its own: the table itself, or a partition or heir.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leaf {
    oid: String,
    name: String,
}

impl Part {
    /// The condition for its rows.
    fn condition(&self) -> String {
        match self {
            Self::Blocks(leaf, from, to) => format!(
                "tableoid = {} AND ctid >= '({from},0)' AND ctid < '({to},0)'",
                leaf.oid
            ),
            Self::Rows(leaf, places) => format!(
                "tableoid = {} AND ctid IN ({})",
                leaf.oid,
                places_in(places)
            ),
        }
    }

    /// Its halves, where it has some.
    fn halves(self) -> Option<[Self; 2]> {
        match self {
            Self::Blocks(leaf, from, to) if to - from > 1 => {
                let middle = from + (to - from) / 2;
                let first = Self::Blocks(leaf.clone(), from, middle);
                Some([first, Self::Blocks(leaf, middle, to)])
            }
            Self::Rows(leaf, mut places) if places.len() > 1 => {
                let rest = places.split_off(places.len() / 2);
                Some([Self::Rows(leaf.clone(), places), Self::Rows(leaf, rest)])
            }
            Self::Blocks(..) | Self::Rows(..) => None,
        }
    }
}

fn places_in(places: &[String]) -> String {
    join(places.iter().map(|place| Literal(place)), ", ")
}

/// Finds rows for which a probe's query fails: as many as are shown, within a time.
pub(super) async fn find(session: &Session, probe: &Probe, limit: Duration) -> Found {
    let mut search = Search {
        session,
        probe,
        until: Instant::now() + limit,
        rows: Vec::new(),
        is_all: true,
    };
    search.run().await;
    let find = search.query().await;
    Found {
        rows: search.rows.len(),
        is_all: search.is_all,
        find,
    }
}

struct Search<'a> {
    session: &'a Session,
    probe: &'a Probe,
    until: Instant,
    /// The rows, by their places.
    rows: Vec<(Leaf, String)>,
    is_all: bool,
}

/// Whether the query fails for a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fails {
    Yes,
    No,
    Unknown,
}

impl Search<'_> {
    async fn run(&mut self) {
        // The last is the next. Of those that are marked it is known that the query fails.
        let mut parts: Vec<(Part, bool)> = self.leaves().await;
        parts.reverse();
        while let Some((part, is_known)) = parts.pop() {
            if self.rows.len() >= SHOWN as usize || Instant::now() >= self.until {
                self.is_all = false;
                return;
            }
            let is_single = matches!(&part, Part::Rows(_, places) if places.len() == 1);
            // A row may have changed since.
            if !is_known || is_single {
                match self.fails(&part).await {
                    Fails::Yes => {}
                    Fails::No => continue,
                    Fails::Unknown => {
                        self.is_all = false;
                        continue;
                    }
                }
            }
            match (part.clone().halves(), part) {
                (Some([first, second]), _) => match self.fails(&first).await {
                    Fails::Yes => parts.extend([(second, false), (first, true)]),
                    Fails::No => parts.push((second, true)),
                    Fails::Unknown => {
                        self.is_all = false;
                        parts.push((second, false));
                    }
                },
                (None, Part::Rows(leaf, places)) => {
                    self.rows
                        .extend(places.into_iter().map(|place| (leaf.clone(), place)));
                }
                (None, block @ Part::Blocks(..)) => match self.rows_of(&block).await {
                    Some(rows) => parts.push((rows, true)),
                    None => self.is_all = false,
                },
            }
        }
    }

    /// How long the next query may take.
    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    async fn fails(&self, part: &Part) -> Fails {
        let query = self.probe.count(Some(&part.condition()));
        match count(self.session, &query, self.left()).await {
            Ok(_) => Fails::No,
            Err(error) if state(&error).is_some_and(is_of_value) => Fails::Yes,
            Err(_) => Fails::Unknown,
        }
    }

    async fn ask(&self, query: &str) -> Option<Vec<tokio_postgres::Row>> {
        ask_within(self.session, query, self.left()).await.ok()
    }

    /// The tables that hold the rows, as a whole each.
    async fn leaves(&mut self) -> Vec<(Part, bool)> {
        let query = format!(
            "WITH RECURSIVE part AS (SELECT {}::pg_catalog.regclass::pg_catalog.oid AS oid \
             UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN part ON part.oid = i.inhparent) \
             SELECT c.oid::text AS oid, c.oid::pg_catalog.regclass::text AS name, \
             (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint) AS blocks \
             FROM part JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind IN ('r', 'm', 't') ORDER BY c.oid",
            Literal(&self.probe.table)
        );
        let Some(rows) = self.ask(&query).await else {
            self.is_all = false;
            return Vec::new();
        };
        rows.iter()
            .map(|row| {
                let leaf = Leaf {
                    oid: row.get("oid"),
                    name: row.get("name"),
                };
                (Part::Blocks(leaf, 0, row.get("blocks")), false)
            })
            .collect()
    }

    async fn rows_of(&self, block: &Part) -> Option<Part> {
        let Part::Blocks(leaf, ..) = block else {
            return None;
        };
        let (table, condition) = (&self.probe.table, block.condition());
        let query = format!("SELECT ctid::text AS place FROM {table} WHERE {condition}");
        let rows = self.ask(&query).await?;
        let places: Vec<String> = rows.iter().map(|row| row.get("place")).collect();
        (!places.is_empty()).then(|| Part::Rows(leaf.clone(), places))
    }

    /// The query that shows the rows, by the table's primary key if it has one.
    async fn query(&self) -> Option<String> {
        if self.rows.is_empty() {
            return None;
        }
        let mut leaves: Vec<(&Leaf, Vec<String>)> = Vec::new();
        for (leaf, place) in &self.rows {
            match leaves.last_mut().filter(|(last, _)| *last == leaf) {
                Some((_, places)) => places.push(place.clone()),
                None => leaves.push((leaf, vec![place.clone()])),
            }
        }
        let table = &self.probe.table;
        let places = leaves.iter().map(|(leaf, places)| {
            let condition = format!("ctid IN ({})", places_in(places));
            if *table == leaf.name {
                condition
            } else {
                let leaf = Literal(&leaf.name);
                format!("tableoid = {leaf}::regclass AND {condition}")
            }
        });
        let by_place = join(places, " OR ");
        let key = &self.probe.key;
        if key.is_empty() {
            return Some(format!("SELECT * FROM {table} WHERE {by_place}"));
        }
        let texts = key.iter().zip(0..).map(|(column, number)| {
            format!(
                "{column}::text AS value{number}, \
                 pg_catalog.pg_typeof({column})::oid IN (20, 21, 23) AS is_number{number}"
            )
        });
        let query = format!("SELECT {} FROM {table} WHERE {by_place}", join(texts, ", "));
        let rows = self.ask(&query).await?;
        let values = rows.iter().map(|row| {
            let values = (0..key.len()).map(|number| {
                let value: String = row.get(format!("value{number}").as_str());
                if row.get(format!("is_number{number}").as_str()) {
                    value
                } else {
                    Literal(&value).to_string()
                }
            });
            in_parentheses(&values.collect::<Vec<_>>())
        });
        let columns = key.iter().map(ToString::to_string);
        let columns = in_parentheses(&columns.collect::<Vec<_>>());
        let values = join(values, ", ");
        Some(format!(
            "SELECT * FROM {table} WHERE {columns} IN ({values})"
        ))
    }
}

fn in_parentheses(parts: &[String]) -> String {
    match parts {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    }
}
