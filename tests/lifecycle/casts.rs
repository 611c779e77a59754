//! What changes of type take from values, measured on the server.

use std::collections::{BTreeMap, BTreeSet};

use forge::{
    catalog::Catalog,
    diff::{Catalogs, Diff},
    introspect::{Cast, introspect},
    kinds::{Action, HazardKind},
    plan::plan,
};

use support::cluster::{Cluster, Database};

const TYPES: &str = "\
CREATE SCHEMA app;
CREATE SCHEMA ext;
CREATE EXTENSION citext SCHEMA ext;
CREATE TYPE app.mood AS ENUM ('sad', '7', 'true');
CREATE DOMAIN app.whole AS integer;
CREATE DOMAIN app.short AS character varying(3);
CREATE DOMAIN app.mood_of_some AS app.mood;
";

/// Types, and values that some other type doesn't keep.
const SAMPLES: &[(&str, &[&str])] = &[
    ("smallint", &["7", "-5", "0", "32767"]),
    ("integer", &["7", "-5", "0", "16777217"]),
    ("bigint", &["7", "-5", "9007199254740993"]),
    ("numeric", &["7", "1.005", "100000000000000000001"]),
    ("numeric(10,2)", &["7", "1.05", "-1.50"]),
    ("numeric(12,2)", &["7", "1.05"]),
    ("numeric(20,0)", &["7", "9007199254740993"]),
    ("real", &["1.5", "0.1", "16777216"]),
    ("double precision", &["1.5", "0.1", "9007199254740992"]),
    ("money", &["7", "1.50"]),
    ("boolean", &["true", "false"]),
    (
        "text",
        &[
            "007",
            " 7",
            "a ",
            "abc",
            "yes",
            "1.10",
            "0.10000000000000000001",
            "10.1.2.3",
            "2024-01-02 03:04:05.678",
            "1 day 25:00",
            r#"{"b": 1, "a": 2, "a": 3}"#,
            "{007, 1}",
            "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}",
            "B101",
            "sad",
            "a text that is much longer than each of the types that hold only a short one; no, it is even longer",
        ],
    ),
    ("character varying(20)", &["007", "a ", "sad", "yes"]),
    ("character varying(50)", &["007", "a ", "sad"]),
    ("character(5)", &["007", "a", "sad"]),
    ("name", &["007", "a ", "sad"]),
    ("\"char\"", &["7", "x"]),
    ("ext.citext", &["007", "A", "sad"]),
    ("date", &["2024-03-10", "infinity"]),
    ("time without time zone", &["03:04:05.678"]),
    ("time(0) without time zone", &["03:04:05"]),
    ("time with time zone", &["03:04:05.678+07"]),
    (
        "timestamp without time zone",
        &["2024-03-10 02:30:00.678", "2024-11-03 01:30"],
    ),
    ("timestamp(0) without time zone", &["2024-03-10 02:30"]),
    (
        "timestamp with time zone",
        &["2024-11-03 05:30:00.678+00", "2024-11-03 06:30+00"],
    ),
    ("interval", &["1 year 25:00:00.678", "2 days", "00:00:01"]),
    ("interval(0)", &["1 year 25:00:01"]),
    ("interval day to second", &["2 days 25:00:00.678"]),
    (
        "json",
        &[r#"{"b": 1, "a": 2, "a": 3}"#, "1.10", "true", "\"ab\" "],
    ),
    ("jsonb", &[r#"{"b": 1, "a": 2}"#, "1.10", "true"]),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("inet", &["10.1.2.3", "10.1.2.3/8"]),
    ("cidr", &["10.0.0.0/8"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("bytea", &["\\x3037"]),
    ("bit(4)", &["1011"]),
    ("bit(8)", &["00001011"]),
    ("bit(32)", &["10000000000000000000000000001011"]),
    ("bit varying(8)", &["1011", "00001011"]),
    ("oid", &["7", "4294967291"]),
    ("integer[]", &["{7,-5,16777217}"]),
    ("bigint[]", &["{7,9007199254740993}"]),
    ("real[]", &["{0.1}"]),
    ("text[]", &["{007,\"a \",sad}", "{sad}", "{007}"]),
    ("character varying(3)[]", &["{007,sad}", "{007}"]),
    ("app.mood", &["sad", "7", "true"]),
    ("app.mood[]", &["{sad,7}", "{7}"]),
    ("app.whole", &["7", "-5", "16777217"]),
    ("app.short", &["007", "sad"]),
    ("app.mood_of_some", &["sad", "7"]),
];

/// Changes that keep every value or fail, and are no loss.
const KEEP: &[(&str, &str)] = &[
    ("smallint", "integer"),
    ("smallint", "bigint"),
    ("smallint", "numeric"),
    ("smallint", "real"),
    ("integer", "bigint"),
    ("integer", "smallint"),
    ("integer", "numeric"),
    ("integer", "numeric(10,2)"),
    ("integer", "double precision"),
    ("integer", "text"),
    ("integer", "app.whole"),
    ("bigint", "integer"),
    ("bigint", "numeric(20,0)"),
    ("bigint", "character varying(20)"),
    ("numeric(10,2)", "numeric(12,2)"),
    ("numeric(12,2)", "numeric(10,2)"),
    ("numeric(10,2)", "numeric"),
    ("numeric(20,0)", "bigint"),
    ("real", "double precision"),
    ("money", "numeric"),
    ("money", "numeric(10,2)"),
    ("boolean", "integer"),
    ("boolean", "text"),
    ("text", "character varying(50)"),
    ("text", "ext.citext"),
    ("text", "json"),
    ("text", "app.mood"),
    ("text", "app.short"),
    ("ext.citext", "text"),
    ("character varying(20)", "character varying(50)"),
    ("character varying(50)", "character varying(20)"),
    ("character varying(20)", "text"),
    ("character(5)", "text"),
    ("character(5)", "character varying(20)"),
    ("name", "text"),
    ("date", "timestamp without time zone"),
    ("date", "text"),
    ("time(0) without time zone", "time without time zone"),
    (
        "timestamp(0) without time zone",
        "timestamp without time zone",
    ),
    ("interval(0)", "interval"),
    ("interval day to second", "interval"),
    ("timestamp with time zone", "text"),
    ("jsonb", "json"),
    ("jsonb", "text"),
    ("json", "text"),
    ("uuid", "text"),
    ("uuid", "character varying(50)"),
    ("cidr", "inet"),
    ("bytea", "text"),
    ("bit(4)", "bit varying(8)"),
    ("integer[]", "bigint[]"),
    ("integer[]", "text"),
    ("character varying(3)[]", "text[]"),
    ("app.mood", "text"),
    ("app.mood", "character varying(20)"),
    ("app.mood", "app.mood_of_some"),
    ("app.mood[]", "text[]"),
    ("text[]", "app.mood[]"),
    ("app.whole", "bigint"),
    ("app.short", "text"),
];

/// Changes a value by the plan's statement and back, and answers what became of it: nothing where it is what it was, `!` and
/// the error's code where the statement failed. Nothing of it stays.
const MEASURE: &str = r"
CREATE FUNCTION app.measure(relation text, source text, sample text, change text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    was text;
    became text;
    back text;
    way text;
BEGIN
    BEGIN
        EXECUTE format('INSERT INTO %s VALUES (%L)', relation, sample);
        EXECUTE format('SELECT v::text FROM %s', relation) INTO was;
        EXECUTE change;
        EXECUTE format('SELECT v::text FROM %s', relation) INTO became;
        FOREACH way IN ARRAY ARRAY['', '::text', '::numeric'] LOOP
            BEGIN
                EXECUTE format('SELECT v%s::%s::text FROM %s', way, source, relation) INTO back;
            EXCEPTION WHEN OTHERS THEN
                back := NULL;
            END;
            EXIT WHEN back = was;
        END LOOP;
        RAISE EXCEPTION USING ERRCODE = 'FORGE', MESSAGE = CASE WHEN back IS DISTINCT FROM was THEN
            format('%s became %s', was, became) ELSE '' END;
    EXCEPTION
        WHEN SQLSTATE 'FORGE' THEN RETURN SQLERRM;
        WHEN OTHERS THEN RETURN '!' || SQLSTATE;
    END;
END $f$;
";

/// No such cast, no such function, another type: the statement itself is wrong.
const REFUSED: &[&str] = &["!42846", "!42883", "!42804", "!42601"];

pub(crate) async fn what_a_cast_takes_from_values_is_told(cluster: &Cluster) {
    let pairs: Vec<(&str, &str, &[&str])> = SAMPLES
        .iter()
        .flat_map(|(from, samples)| SAMPLES.iter().map(|(to, _)| (*from, *to, *samples)))
        .filter(|(from, to, _)| from != to)
        .collect();
    let tables = |side: fn(&(&str, &str, &[&str])) -> String| {
        let tables = pairs
            .iter()
            .enumerate()
            .map(|(number, pair)| format!("CREATE TABLE app.t{number} (v {});\n", side(pair)));
        format!("{TYPES}{}", tables.collect::<String>())
    };
    let live = cluster
        .database(&tables(|pair| pair.0.to_owned()))
        .await
        .unwrap();
    let desired = cluster
        .database(&tables(|pair| pair.1.to_owned()))
        .await
        .unwrap();
    let (old, new) = (read(&live).await, read(&desired).await);
    let made = plan(&Diff::new(Catalogs {
        live: &old,
        desired: &new,
    }))
    .unwrap();
    live.run(MEASURE).await.unwrap();
    live.run("SET TimeZone = 'America/New_York'").await.unwrap();

    let mut changes = BTreeMap::new();
    let mut lossy = BTreeSet::new();
    for step in made.steps() {
        let table = step.object.container();
        if step
            .hazards
            .iter()
            .any(|hazard| hazard.kind == HazardKind::DeletesData)
        {
            lossy.insert(table.clone());
        }
        if step.action == Action::Alter {
            assert_eq!(step.sql.len(), 1, "{:?}", step.sql);
            changes.insert(table, step.sql[0].clone());
        }
    }
    let keeps: BTreeSet<_> = KEEP.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut differ = 0;
    for (number, (from, to, samples)) in pairs.iter().enumerate() {
        let table = format!("app.t{number}");
        let is_told = lossy.contains(&table);
        let Some(change) = changes.get(&table) else {
            if !is_told {
                wrong.push(format!(
                    "{from} to {to}: the column is replaced, and nothing says so"
                ));
            }
            continue;
        };
        if is_told && keeps.contains(&(*from, *to)) {
            wrong.push(format!("{from} to {to} keeps values and is called a loss"));
        }
        for sample in *samples {
            let row = live
                .session()
                .client()
                .query_one(
                    "SELECT app.measure($1, $2, $3, $4)",
                    &[&table, from, sample, change],
                )
                .await
                .unwrap();
            let became: String = row.get(0);
            if REFUSED.contains(&became.as_str()) {
                wrong.push(format!("{from} to {to}: {change} is refused, {became}"));
            } else if !became.is_empty() && !became.starts_with('!') {
                differ += 1;
                if !is_told {
                    wrong.push(format!("{from} to {to}: {became}, and nothing says so"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(differ > 100, "{differ} values changed");
    for database in [live, desired] {
        database.drop().await.unwrap();
    }
}

async fn read(database: &Database) -> Catalog {
    introspect(database.session(), &Cast::new()).await.unwrap()
}
