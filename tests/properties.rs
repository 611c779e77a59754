//! What holds for any input.

#![expect(
    clippy::unwrap_used,
    reason = "what is made here by hand is well-formed"
)]

use camino::Utf8Path;
use forge::{
    catalog::{Catalog, Fingerprint},
    diff::{Catalogs, Diff},
    kinds::{Action, Batching, Grantee, Hazard, HazardKind, Kind, Lock, ObjectId, Rollout, Step},
    plan::{
        Batch, Plan,
        file::{Approval, Header, PlanFile, SETTINGS, header_value, render_steps},
        plan,
    },
    sql::{Ident, Locale, Provider},
};
use proptest::{
    collection::{btree_set, vec},
    option,
    prelude::*,
    sample::select,
};
use serde_json::json;
use support::inputs;

/// Names as the catalog may hold them: keywords, quotes, points, blanks, other scripts, and what is meant to be taken for
/// something else.
fn name() -> impl Strategy<Value = Ident> {
    let awkward = select(vec![
        "select",
        "PUBLIC",
        "a\"b",
        "a.b",
        " to ",
        "f(x)",
        "größe",
        "--",
        ";",
        "\n",
        "a\r",
        "\u{a0}",
        "x\nALTER ROLE low SUPERUSER; --",
        "\u{202e}txt",
        "\u{1b}[2J",
        "\\u{a}",
        "\u{2028}",
        "$forge$",
        "x on y · z",
        " = ",
        "\n-- forge:step 2 drop table app.users\n",
    ]);
    prop_oneof![
        "[a-z_][a-z0-9_]{0,8}",
        "[^\0]{1,12}",
        awkward.prop_map(str::to_string),
    ]
    .prop_map(Ident::new)
}

/// Argument types as `format_type` writes them.
fn arguments() -> impl Strategy<Value = String> {
    let simple = select(vec![
        "integer",
        "text[]",
        "numeric(10,2)",
        "timestamp(3) with time zone",
    ]);
    let named = (name(), name()).prop_map(|(schema, name)| format!("{schema}.{name}"));
    vec(prop_oneof![simple.prop_map(str::to_string), named], 0..4)
        .prop_map(|types| types.join(", "))
}

fn grantee() -> impl Strategy<Value = Grantee> {
    prop_oneof![Just(Grantee::Public), name().prop_map(Grantee::Role)]
}

fn object() -> impl Strategy<Value = ObjectId> {
    let kinds = || select(Kind::ALL.to_vec());
    let parts = (
        kinds(),
        option::of(kinds()),
        vec(name(), 1..4),
        option::of(arguments()),
        option::of(grantee()),
    );
    parts.prop_map(|(kind, of, path, args, grantee)| ObjectId {
        kind,
        of,
        path,
        args,
        grantee,
    })
}

/// A line of prose, with a name in it.
fn prose() -> impl Strategy<Value = String> {
    let texts = prop_oneof![
        "[a-zA-Z`][a-zA-Z0-9 `'.,;()$é]{0,30}[a-z.]".boxed(),
        name().prop_map(|name| format!("of {name} ·")).boxed(),
        "of [^\0]{0,20}".boxed(),
    ];
    let lines = texts.prop_map(|text| header_value(&text));
    lines.prop_filter("a line of the file's own", |text| {
        !["lock: ", "hazard: ", "forge:"]
            .iter()
            .any(|own| text.starts_with(own))
    })
}

fn statement() -> impl Strategy<Value = String> {
    let statements = select(vec![
        "CREATE TABLE app.users (\n    id bigint NOT NULL,\n    name text DEFAULT 'it''s; fine'\n)",
        "CREATE FUNCTION app.f() RETURNS integer\n LANGUAGE sql\nAS $function$\nSELECT 1; -- forge:step 9 drop table x\n$function$",
        "CREATE FUNCTION app.g() RETURNS void LANGUAGE plpgsql AS $a$ BEGIN PERFORM $b$;$b$; COMMIT; END $a$",
        "CREATE FUNCTION app.h() RETURNS integer\n BEGIN ATOMIC\n SELECT 1;\n SELECT 2;\nEND",
        "COMMENT ON TABLE app.users IS E'a\\\\b\\n-- forge:step'",
        "ALTER TABLE app.\"we;ird\" ADD CHECK (a > 0 /* ; */)",
        "CREATE INDEX CONCURRENTLY i ON app.users USING btree (name)",
        "DROP TABLE app.old",
        "GRANT SELECT ON TABLE app.users TO PUBLIC",
    ]);
    statements.prop_map(str::to_string)
}

fn step() -> impl Strategy<Value = Step> {
    let relation = (name(), name()).prop_map(|(schema, table)| format!("{schema}.{table}"));
    let lock = (select(Lock::ALL.to_vec()), relation);
    let hazard = (select(HazardKind::ALL.to_vec()), prose());
    let parts = (
        select(Action::ALL.to_vec()),
        object(),
        option::of(prose()),
        vec(statement(), 1..3),
        vec(lock, 0..2),
        vec(
            hazard.prop_map(|(kind, why)| Hazard {
                kind,
                why,
                about: None,
            }),
            0..2,
        ),
        vec((object(), "[0-9a-f]{12}"), 0..2),
    );
    parts.prop_map(
        |(action, object, summary, sql, locks, hazards, expects)| Step {
            summary: summary.unwrap_or_default(),
            sql,
            locks,
            hazards,
            expects,
            ..Step::new(action, &object, "")
        },
    )
}

/// A step whose one statement goes in batches.
fn batched() -> impl Strategy<Value = Step> {
    let statements = select(vec![
        "UPDATE app.users SET name = 'a;b' WHERE name IS NULL -- all\n  OR name = ''",
        "DELETE FROM app.users AS u USING app.gone AS g WHERE g.name = u.name",
        "INSERT INTO app.names (name) SELECT name FROM app.users ON CONFLICT DO NOTHING",
    ]);
    let column = name().prop_filter("the statements set it", |name| name.as_str() != "name");
    let pause = select(vec![0_u64, 50, 1000, 90_000, 1500]);
    (
        step(),
        statements,
        (vec(column, 1..3), 1_u32..=u32::MAX, pause),
    )
        .prop_map(|(step, sql, (mut key, size, pause))| {
            key.dedup();
            Step {
                action: Action::Data,
                sql: vec![sql.to_owned()],
                batching: Some(Batching {
                    key,
                    size,
                    pause: std::time::Duration::from_millis(pause),
                }),
                ..step
            }
        })
}

fn batch() -> impl Strategy<Value = Batch> {
    prop_oneof![
        batched().prop_map(|step| Batch {
            transactional: false,
            steps: vec![step]
        }),
        vec(step(), 1..4).prop_map(|steps| Batch {
            transactional: true,
            steps
        }),
        step().prop_map(|step| Batch {
            transactional: false,
            steps: vec![step]
        }),
    ]
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    any::<u128>().prop_map(|sum| format!("{sum:032x}").parse().unwrap())
}

const SOME_TIME: &str = "2026-11-21T14:30:00Z";

fn approval() -> impl Strategy<Value = Approval> {
    let allowed = vec("[a-z-]{3,12} [a-z. ]{0,12}[a-z]", 0..3);
    // No step of the plan has such a number: reading would mark it.
    let allowed = (allowed, btree_set(1000..2000_usize, 0..3));
    let hash = || "[0-9a-f]{64}";
    let hashes = (option::of(hash()), hash());
    let signature = option::of("U1NIU0lH([A-Za-z0-9+/]{4}){0,20}");
    let parts = (prose(), option::of(prose()), allowed, hashes, signature);
    parts.prop_map(
        |(by, reason, (allowed, by_hand), (down_sha256, sha256), signature)| Approval {
            by,
            at: SOME_TIME.to_string(),
            reason,
            allowed,
            by_hand,
            down_sha256,
            sha256,
            signature,
        },
    )
}

fn header() -> impl Strategy<Value = Header> {
    let revisions = || vec("[0-9a-f]{12}", 0..3);
    let glob = select(vec!["app", "app.user_*", "\"my schema\".\"odd*name\""])
        .prop_map(|glob| glob.parse().unwrap());
    let parts = (
        ("[0-9a-f]{12}", revisions(), revisions()),
        (vec("[a-z]{1,8}", 0..2), vec(glob, 0..3)),
        (prose(), prose()),
        (14_u32..19, locale()),
        (fingerprint(), fingerprint()),
        option::of(approval()),
    );
    parts.prop_map(
        |(
            graph,
            (branch_labels, only),
            (message, author),
            (postgres, locale),
            (from, to),
            approval,
        )| {
            let (revision, down_revision, depends_on) = graph;
            Header {
                revision,
                down_revision,
                depends_on,
                branch_labels,
                only,
                message,
                author,
                created: SOME_TIME.to_string(),
                postgres,
                locale,
                from,
                to,
                semver: forge::plan::file::Semver {
                    major: postgres,
                    minor: 0,
                    patch: 7,
                },
                proved: None,
                approval,
            }
        },
    )
}

fn locale() -> impl Strategy<Value = Locale> {
    let providers = vec![Provider::Libc, Provider::Icu, Provider::Builtin];
    let texts = (
        prose(),
        prose(),
        prose(),
        option::of(prose()),
        option::of(prose()),
    );
    (texts, select(providers)).prop_map(|((encoding, collate, ctype, name, rules), provider)| {
        Locale {
            encoding,
            provider,
            collate,
            ctype,
            name: name.filter(|name| !name.is_empty()),
            rules,
        }
    })
}

fn plan_file() -> impl Strategy<Value = PlanFile> {
    let batches = vec((batch(), select(Rollout::ALL.to_vec())), 0..4);
    (header(), batches).prop_map(|(header, mut batches)| {
        batches.sort_by_key(|(_, rollout)| *rollout);
        for (batch, rollout) in &mut batches {
            batch
                .steps
                .iter_mut()
                .for_each(|step| step.rollout = *rollout);
        }
        let batches = batches.into_iter().map(|(batch, _)| batch).collect();
        PlanFile {
            header,
            plan: Plan {
                batches,
                ..Plan::default()
            },
            undo: None,
        }
    })
}

/// Which of a handful of tables refers to which.
fn references() -> impl Strategy<Value = Vec<(usize, usize)>> {
    vec((0..TABLES, 0..TABLES), 0..16)
}

const TABLES: usize = 8;

/// A catalog of tables with a column each; every reference is a foreign key. The objects are added in turn.
fn catalog(references: &[(usize, usize)], turn: usize) -> Catalog {
    let table = |number| format!("table app.t{number}");
    let column = |number| format!("column app.t{number}.id");
    let mut objects = vec![("schema app".to_string(), json!({}), None, Vec::new())];
    for number in 0..TABLES {
        let model = json!({"position": 1, "type": "bigint", "local": true});
        let schema = vec!["schema app".to_string()];
        objects.push((table(number), json!({}), None, schema));
        objects.push((column(number), model, Some(table(number)), Vec::new()));
    }
    for &(from, to) in references {
        let model = json!({
            "kind": "foreign_key", "valid": true, "references_ref": table(to),
            "definition": format!("FOREIGN KEY (id) REFERENCES app.t{to}(id)"),
        });
        let needs = vec![table(to), column(to), column(from)];
        let key = format!("constraint app.t{from}.to_{to}");
        objects.push((key, model, Some(table(from)), needs));
    }
    let turn = turn % objects.len();
    objects.rotate_left(turn);
    let mut catalog = Catalog::empty(150_000, Ident::new("me"));
    for (id, model, parent, needs) in objects {
        let id: ObjectId = id.parse().unwrap();
        for needed in needs.iter().chain(&parent) {
            catalog.depend(&id, &needed.parse().unwrap());
        }
        let model = id.kind.read(model).unwrap();
        catalog.insert(id, model, parent.map(|parent| parent.parse().unwrap()));
    }
    catalog
}

fn nothing() -> Catalog {
    Catalog::empty(150_000, Ident::new("me"))
}

fn between(live: &Catalog, desired: &Catalog) -> Plan {
    plan(&Diff::new(Catalogs { live, desired })).expect("a foreign key can stand alone")
}

/// The place of the first statement with all these parts.
fn place(plan: &Plan, parts: &[&str]) -> Option<usize> {
    let mut statements = plan.steps().flat_map(|step| &step.sql);
    statements.position(|sql| parts.iter().all(|part| sql.contains(part)))
}

proptest! {
    #[test]
    fn ids_read_back(id in object()) {
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn any_text_is_an_id_or_an_error(text in "(table|grant on column|comment)? ?\\PC{0,20}") {
        if let Ok(id) = text.parse::<ObjectId>() {
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn plan_files_read_back(file in plan_file()) {
        let text = file.render();
        let read = PlanFile::read(Utf8Path::new("plans/x.sql"), &text);
        prop_assert_eq!(read, Ok(file), "{}", text);
    }

    #[test]
    fn a_comment_line_never_becomes_sql(file in plan_file()) {
        let text = file.render();
        let statements: Vec<&str> = file.plan.steps().flat_map(|step| &step.sql).map(String::as_str).collect();
        let own = |line: &str| line.is_empty() || line.starts_with("-- ") || ["BEGIN;", "COMMIT;"].contains(&line)
            || SETTINGS.iter().any(|setting| line == format!("{setting};"));
        // Whatever is neither a statement nor forge's own is a comment, for every reader's idea of a line.
        let rest = statements.iter().fold(text, |text, sql| text.replacen(&format!("{sql};"), "", 1));
        for line in rest.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']) {
            prop_assert!(own(line), "{:?}", line);
        }
        prop_assert!(!rest.contains(|c| c != '\n' && forge::sql::is_hidden(c)), "{}", rest);
    }

    #[test]
    fn line_ends_do_not_change_a_plan(file in plan_file()) {
        let text = format!("\u{feff}{}", file.render().replace('\n', "\r\n"));
        let read = PlanFile::read(Utf8Path::new("plans/x.sql"), &text).unwrap();
        prop_assert_eq!(read.sha256(), file.sha256());
    }

    #[test]
    fn any_text_is_a_plan_or_an_error(
        text in "(-- forge:(step|data|batch|phase|format|expects|to)? ?[a-z0-9 ]{0,12}\n|BEGIN;\n|COMMIT;\n|\\PC{0,20}\n){0,12}"
    ) {
        drop(PlanFile::read(Utf8Path::new("plans/x.sql"), &text));
    }

    #[test]
    fn fingerprints_are_sums(a in fingerprint(), b in fingerprint(), rest in fingerprint()) {
        prop_assert_eq!(a.plus(b), b.plus(a));
        prop_assert_eq!(a.after(a, b), b);
        // What a plan changes is the same whatever else there is.
        prop_assert_eq!(a.plus(rest).after(a, b), b.plus(rest));
        prop_assert_eq!(a.plus(rest).after(a, b).after(b, a), a.plus(rest));
        prop_assert_eq!(a.to_string().parse(), Ok(a));
    }

    #[test]
    fn a_plan_does_not_depend_on_the_order_of_reading(references in references(), turn in 0_usize..64) {
        let made = |turn| render_steps(&between(&nothing(), &catalog(&references, turn)));
        prop_assert_eq!(made(turn), made(0));
    }

    #[test]
    fn each_object_is_created_once_and_after_what_it_needs(references in references()) {
        let up = between(&nothing(), &catalog(&references, 0));
        for number in 0..TABLES {
            let create = format!("CREATE TABLE app.t{number} ");
            let times = up.steps().flat_map(|step| &step.sql).filter(|sql| sql.contains(&create)).count();
            prop_assert_eq!(times, 1);
        }
        for (from, to) in references {
            let created = place(&up, &[&format!("CREATE TABLE app.t{to} ")]);
            let (owner, key) = (format!("TABLE app.t{from} "), format!("CONSTRAINT to_{to} FOREIGN KEY"));
            let used = place(&up, &[&owner, &key]);
            prop_assert!(used.is_some() && created <= used, "{}", render_steps(&up));
        }
    }

    #[test]
    fn each_object_goes_before_what_it_needs(references in references()) {
        let down = between(&catalog(&references, 0), &nothing());
        for (from, to) in references.into_iter().filter(|(from, to)| from != to) {
            let key = format!("ALTER TABLE app.t{from} DROP CONSTRAINT to_{to}");
            let table = format!("DROP TABLE app.t{from}");
            let freed = place(&down, &[&key]).or_else(|| place(&down, &[&table]));
            let gone = place(&down, &[&format!("DROP TABLE app.t{to}")]);
            prop_assert!(freed.is_some() && freed < gone, "{}", render_steps(&down));
        }
    }
}

/// Text that is made of parts which mean something, and of anything.
fn text_of(parts: &'static [&'static str]) -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => select(parts).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => ".{0,3}",
    ];
    let between = select(vec![" ", "\n", "", "", "\t"]);
    vec((part, between), 0..30).prop_map(|parts| {
        parts
            .into_iter()
            .map(|(part, between)| part + between)
            .collect()
    })
}

const SQL: &[&str] = &[
    "CREATE",
    "TABLE",
    "VIEW",
    "FUNCTION",
    "INDEX ON",
    "app.t",
    "(",
    ")",
    "(a int)",
    ",",
    ";",
    "AS",
    "SELECT",
    "1",
    "FROM t",
    "$$",
    "$a$",
    "'",
    "''",
    "E'\\'",
    "\"",
    "--",
    "/*",
    "*/",
    "BEGIN",
    "ATOMIC",
    "END",
    "CASE",
    "\\restrict x\n",
    "\\.",
    "GRANT",
    "TO r",
    "COMMENT ON",
    "IS",
    "DO",
    "LANGUAGE plpgsql",
    "RETURNS int",
    "REFERENCES u",
    "SET search_path = x",
    "ALTER",
    "OWNER TO",
    "ARRAY[",
    "]",
    "::",
    "+",
    "-- forge: renamed from x\n",
    "é",
    "json",
    "PARTITION BY",
    "DEFAULT",
];
const DIRECTIVES: &[&str] = &[
    "renamed", "from", "using", "backfill", "app.t", "\"a", "\"", "a", "'", "(", ")", "::int",
    "--", "/*", "$$", ";", ",", ".",
];
const PLAN: &[&str] = &[
    "-- forge:format 1\n-- forge:revision aaaaaaaaaaaa\n-- forge:message m\n-- forge:author a\n\
     -- forge:created 2026-11-21T16:19:41Z\n-- forge:postgres 15\n-- forge:from 1f0ad78fa841d098fbe87f32794fdec0\n\
     -- forge:to 169cc46676fbe0a971f4e000eb28285b\n-- forge:semver 0.1.0\n\n\
     SELECT pg_catalog.set_config('search_path', '', false);\nSET check_function_bodies = off;\n\
     SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSET array_nulls = on;\n",
    "\n-- forge:step 1 create table app.t\n",
    "\n-- forge:data table app.t x\n",
    "\n-- forge:batch key=id size=10\n",
    "\n-- forge:phase contract\n",
    "\n-- forge:expects table app.t 12\n",
    "\n-- lock: SHARE on app.t\n",
    "\n-- hazard: blocks\n",
    "\n-- a\n",
    "BEGIN;\n",
    "COMMIT;\n",
    "UPDATE t SET a = 1;\n",
    "CREATE TABLE t (a int);\n",
    ";",
    "$$",
    "'",
    "\u{202e}",
];
const TOML: &[&str] = &[
    "[project]\n",
    "[environments.a]\n",
    "[managed]\n",
    "[naming]\n",
    "[shadow]\n",
    "schema",
    "url",
    "include",
    "template",
    "=",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"app\"",
    "\"env:X\"",
    "\"{slug}\"",
    "true",
    "1",
    "\n",
    "#",
    ".",
    "\"\"\"",
    "password=x",
];
const CONNECTION: &[&str] = &[
    "postgresql://",
    "postgres://",
    "user",
    ":",
    "@",
    "host",
    "/",
    "db",
    "?",
    "&",
    "=",
    "sslmode",
    "require",
    "%20",
    "%",
    "%zz",
    "[::1]",
    "5432",
    ",",
    "host=",
    "password=",
    "'",
    "\\",
    " ",
    "options=-c x=1",
    "connect_timeout=",
    "-1",
    "service=x",
    "port=99999",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_a_schema_file_or_an_error(text in text_of(SQL)) {
        inputs::source(&text);
    }

    #[test]
    fn any_text_is_a_directive_or_an_error(text in text_of(DIRECTIVES)) {
        inputs::directives(&text);
    }

    #[test]
    fn any_plan_that_is_read_is_read_again(text in text_of(PLAN)) {
        inputs::plan_file(&text);
    }

    #[test]
    fn any_text_is_a_configuration_or_an_error(text in text_of(TOML)) {
        inputs::forge_toml(&text);
    }

    #[test]
    fn any_text_is_a_connection_string_or_an_error(text in text_of(CONNECTION)) {
        inputs::connection_string(&text);
    }
}
