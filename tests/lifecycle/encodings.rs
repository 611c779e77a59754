//! Databases with other encodings and locales than forge's own.

use forge::sql::{Locale, Provider};

use crate::FILES;
use support::{cluster::Cluster, desk::Desk};

/// Encodings, collations of the C library, and a text that is stored so.
const DATABASES: &[(&str, &str, &str)] = &[
    ("LATIN1", "C", "Größe ½"),
    ("LATIN2", "C", "Łódź"),
    ("EUC_JP", "C", "日本語"),
    ("SQL_ASCII", "C", "Größe 表 €"),
    ("UTF8", "C.UTF-8", "Größe 表 €"),
];

fn libc(encoding: &str, collate: &str) -> Locale {
    Locale {
        encoding: encoding.to_owned(),
        collate: collate.to_owned(),
        ctype: collate.to_owned(),
        ..Locale::default()
    }
}

pub(crate) async fn the_shadow_has_the_encoding_and_the_locale_of_the_target(cluster: &Cluster) {
    for (encoding, collate, text) in DATABASES {
        let tree = format!(
            "CREATE SCHEMA app;\n\
             CREATE TABLE app.t (id bigint PRIMARY KEY, \"{text}\" text NOT NULL DEFAULT '{text}' CHECK (\"{text}\" <> '{text}!'));\n\
             COMMENT ON TABLE app.t IS '{text}\r\n';\n\
             CREATE FUNCTION app.f() RETURNS text LANGUAGE sql AS $$ SELECT '{text}' $$;\n"
        );
        let mut desk = Desk::new(cluster, &[FILES[0], ("schema/all.sql", &tree)]).await;
        if !desk.turn_to_one_in(&libc(encoding, collate)).await {
            return;
        }
        begin_and_take_back(&mut desk, encoding, text);
        // psql reads what forge writes in the same encoding, whatever the database's is.
        let script = ["apply", "--sql", "base:head"];
        let script = desk.environment.command(&script).output().unwrap().stdout;
        desk.write("script.sql", &String::from_utf8(script).unwrap());
        for file in ["script.sql", "plans/0001_*t*[!n].sql"] {
            desk.turn_to_one_in(&libc(encoding, collate)).await;
            desk.other(
                "sh",
                &["-c", &format!("psql -X -q -v ON_ERROR_STOP=1 -f {file}")],
            );
            desk.forge("plan --check");
        }
        assert!(!desk.typed.contains("[exit"), "{encoding}\n{}", desk.typed);
    }
    if cluster.version() < 150_000 {
        return;
    }
    // Bounds of text are in the order of the collation: C has the capitals first.
    let tree = "CREATE SCHEMA app;\n\
        CREATE TABLE app.t (name text NOT NULL) PARTITION BY RANGE (name);\n\
        CREATE TABLE app.t1 PARTITION OF app.t FOR VALUES FROM ('a') TO ('B');\n";
    let mut desk = Desk::new(cluster, &[FILES[0], ("schema/all.sql", tree)]).await;
    let icu = Locale {
        provider: Provider::Icu,
        name: Some("en-US".to_owned()),
        ..Locale::default()
    };
    desk.turn_to_one_in(&icu).await;
    begin_and_take_back(&mut desk, "ICU", "a");
}

fn begin_and_take_back(desk: &mut Desk<'_>, name: &str, text: &str) {
    desk.forge(&format!(
        "plan -m \"begin with {text}\" --rev-id 100000000000"
    ));
    for line in [
        "approve",
        "apply",
        "plan --check",
        "drift",
        "plan --check --from history",
        "test",
        "downgrade base --allow all",
        "apply",
    ] {
        desk.forge(line);
    }
    assert!(!desk.typed.contains("[exit"), "{name}\n{}", desk.typed);
}

pub(crate) async fn text_that_the_target_cannot_store_is_told(cluster: &Cluster) {
    let tree = "CREATE SCHEMA app;\nCREATE TABLE app.t (id bigint,\n  price text DEFAULT '5 €');\n";
    let mut desk = Desk::new(cluster, &[FILES[0], ("schema/all.sql", tree)]).await;
    if !desk.turn_to_one_in(&libc("LATIN1", "C")).await {
        return;
    }
    desk.forge("plan -m \"begin it\" --rev-id 100000000000");
    assert!(desk.typed.contains("[exit"), "{}", desk.typed);
    assert!(desk.typed.contains("schema/all.sql:3:25"), "{}", desk.typed);
    assert!(
        desk.typed.contains("`€`") && desk.typed.contains("LATIN1"),
        "{}",
        desk.typed
    );
    desk.write("schema/all.sql", "CREATE SCHEMA app;\n-- € in a comment is no text of the database.\nCREATE TABLE app.t (id bigint);\n");
    desk.typed.clear();
    desk.forge("plan -m \"begin it\" --rev-id 100000000000");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
}
