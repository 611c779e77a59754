//! Steps that people write, and what has to be allowed for them.

use forge::plan::file::{Approval, PlanFile};

use support::{TestEnvironment, made_up};

const A: &str = "aaaaaaaaaaaa";

/// Statements of each class, with the hazards that have to be allowed for them.
const STATEMENTS: &[(&str, &[&str])] = &[
    ("DELETE FROM app.t", &["deletes-data"]),
    (
        "WITH d AS (DELETE FROM app.t RETURNING 1) SELECT count(*) FROM d",
        &["deletes-data"],
    ),
    ("EXPLAIN ANALYZE DELETE FROM app.t", &["deletes-data"]),
    ("PREPARE p AS DELETE FROM app.t", &["deletes-data"]),
    ("EXECUTE p", &["runs-code:EXECUTE"]),
    ("TRUNCATE app.t", &["deletes-data"]),
    (
        "MERGE INTO app.t USING app.n ON n.id = t.id WHEN MATCHED THEN DELETE",
        &["deletes-data"],
    ),
    (
        "DO $$ BEGIN EXECUTE 'DELETE FROM app.t'; END $$",
        &["runs-code:DO"],
    ),
    ("CALL app.purge()", &["runs-code:app.purge"]),
    ("SELECT app.purge()", &["runs-code:app.purge"]),
    (
        "SELECT * FROM app.purging_view",
        &["runs-code:app.purging_view"],
    ),
    (
        "ALTER TABLE app.t ADD COLUMN b int DEFAULT app.purge()",
        &["runs-code:app.purge"],
    ),
    (
        "ALTER TABLE app.t ALTER COLUMN a TYPE int USING app.purge()",
        &["changes-rows:app.t.a", "runs-code:app.purge"],
    ),
    (
        "ALTER TABLE app.t ALTER COLUMN a TYPE text USING ''",
        &["changes-rows:app.t.a"],
    ),
    ("ALTER SEQUENCE app.s RESTART", &["changes-rows:app.s"]),
    (
        "ALTER TABLE app.t ALTER COLUMN a RESTART WITH 1",
        &["changes-rows:app.t.a"],
    ),
    ("DROP SEQUENCE app.s", &["deletes-data:app.s"]),
    // The step is about app.t, and this is not.
    ("DELETE FROM app.n", &["deletes-data:app.n"]),
    (
        "TRUNCATE app.t, app.n",
        &["deletes-data", "deletes-data:app.n"],
    ),
    ("DROP TABLE app.n", &["deletes-data:app.n"]),
    ("UPDATE app.n SET a = 1", &["changes-rows:app.n"]),
    (
        "ALTER ROLE postgres PASSWORD 'x'",
        &["runs-code:AlterRoleStmt"],
    ),
    (
        "CREATE INDEX i ON app.t (app.purge(a))",
        &["runs-code:app.purge"],
    ),
    ("SELECT pg_catalog.lo_unlink(1)", &["runs-code:lo_unlink"]),
    ("SELECT setval('app.s', 1)", &["runs-code:setval"]),
    (
        "SELECT set_config('session_replication_role', 'replica', false)",
        &["runs-code:set_config"],
    ),
    ("SET ROLE postgres", &["runs-code:SET role"]),
    ("REFRESH MATERIALIZED VIEW app.m", &["runs-code:app.m"]),
    ("CREATE EXTENSION hstore", &["runs-code:hstore"]),
    ("ALTER EXTENSION hstore UPDATE", &["runs-code:hstore"]),
    ("UPDATE app.t SET a = NULL", &["changes-rows"]),
    (
        "UPDATE app.t SET a = app.purge()",
        &["changes-rows", "runs-code:app.purge"],
    ),
    (
        "INSERT INTO app.t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = NULL",
        &["changes-rows"],
    ),
    ("COPY app.t FROM '/tmp/rows'", &["changes-rows"]),
    (
        "UPDATE app.t SET a = lower(a) WHERE a <> lower(a)",
        &["changes-rows"],
    ),
    (
        "COPY app.t FROM '/tmp/rows' WHERE app.purge() > 0",
        &["changes-rows", "runs-code:app.purge"],
    ),
    (
        "EXECUTE p (app.purge())",
        &["runs-code:EXECUTE", "runs-code:app.purge"],
    ),
    (
        "CREATE INDEX i ON app.t (a app.ops)",
        &["runs-code:app.ops"],
    ),
    (
        "CREATE FUNCTION app.f() RETURNS int LANGUAGE plperl AS 'BEGIN {}'",
        &["runs-code:plperl"],
    ),
    (
        "CREATE FUNCTION pg_catalog.lower(a app.t) RETURNS text LANGUAGE sql AS 'SELECT NULL'",
        &["runs-code:pg_catalog.lower"],
    ),
    ("NOTIFY news", &["runs-code:news"]),
    (
        "SELECT pg_terminate_backend(1)",
        &["runs-code:pg_terminate_backend"],
    ),
    ("SELECT pg_mine.lower('A')", &["runs-code:pg_mine.lower"]),
    ("LISTEN news", &[]),
    ("ALTER DOMAIN app.d SET DEFAULT app.purge()", &[]),
    ("CREATE VIEW app.v AS SELECT app.purge()", &[]),
    (
        "SELECT lower(current_user), pg_catalog.now(), has_table_privilege('app.t', 'SELECT')",
        &[],
    ),
    ("SET LOCAL lock_timeout = '1s'", &[]),
    ("ANALYZE app.t", &[]),
    ("COMMENT ON TABLE app.t IS 'DELETE FROM app.t'", &[]),
];

fn steps(statement: &str) -> String {
    format!("BEGIN;\n\n-- forge:data table app.t\n{statement};\n\nCOMMIT;\n")
}

fn draft(sql: &str) -> String {
    made_up::plan(A, "", "a message", sql)
}

fn environment(up: &str) -> TestEnvironment {
    TestEnvironment::new()
        .file("forge.toml", "")
        .file("plans/1.sql", up)
        .file("plans/1.down.sql", &draft(""))
}

/// Runs forge, and returns its exit code and what it says.
fn run(environment: &TestEnvironment, args: &[&str]) -> (Option<i32>, String) {
    let output = environment.command(args).output().expect("forge starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), stderr)
}

/// How a hazard is allowed: of the step's table where it names no other.
fn named(hazard: &str) -> String {
    if hazard.contains(':') {
        hazard.to_owned()
    } else {
        format!("{hazard}:app.t")
    }
}

/// What is allowed of the step itself allows nothing of what somebody has added to it.
#[test]
fn another_table_has_no_part_in_what_is_allowed_of_the_step() {
    let dropped = "BEGIN;\n\n-- forge:step 1 drop column app.t.b\n-- hazard: deletes-data · the values of app.t.b go with it\n\
        ALTER TABLE app.t DROP COLUMN b;\n";
    for (added, about) in [
        ("DELETE FROM app.n", "app.n"),
        ("DELETE FROM app.t", "app.t"),
        ("TRUNCATE app.n", "app.n"),
        (
            "WITH d AS (DELETE FROM app.n RETURNING 1) SELECT count(*) FROM d",
            "app.n",
        ),
        ("DROP TABLE app.n", "app.n"),
        ("TRUNCATE app.n CASCADE", "app.n"),
        ("ALTER TABLE app.n DROP COLUMN b", "app.n.b"),
        ("ALTER TABLE app.t DROP COLUMN c", "app.t.c"),
        ("ALTER TABLE app.n DROP CONSTRAINT c CASCADE", "app.n.c"),
        ("DROP VIEW app.v CASCADE", "app.v"),
        ("DROP SCHEMA other CASCADE", "other"),
        ("DROP EXTENSION hstore CASCADE", "hstore"),
        ("DROP SEQUENCE app.s", "app.s"),
    ] {
        let environment = environment(&draft(&format!("{dropped}{added};\n\nCOMMIT;\n")));
        let own = ["approve", "--allow", "deletes-data:app.t.b"];
        let (code, said) = run(&environment, &own);
        assert_eq!(code, Some(3), "{added}: {said}");
        assert!(
            said.contains(&format!("--allow deletes-data:{about}\n")),
            "{added}: {said}"
        );
        let added = format!("deletes-data:{about}");
        let both = [&own[..], &["--allow", &added]].concat();
        let (code, said) = run(&environment, &both);
        assert_eq!(code, Some(0), "{added}: {said}");
    }
}

/// What is allowed of a step's code allows no other code that somebody has added to it.
#[test]
fn other_code_has_no_part_in_what_is_allowed_of_the_step() {
    let own = "BEGIN;\n\n-- forge:step 1 create default app.t.a\n-- hazard: runs-code · calls app.f\n\
        ALTER TABLE app.t ADD COLUMN a int DEFAULT app.f();\n";
    for (added, about) in [
        ("SELECT app.g()", "app.g"),
        ("DO 'BEGIN END'", "DO"),
        ("CALL app.p()", "app.p"),
        ("SELECT setval('app.s', 1)", "setval"),
        ("REFRESH MATERIALIZED VIEW app.m", "app.m"),
    ] {
        let environment = environment(&draft(&format!("{own}{added};\n\nCOMMIT;\n")));
        let args = |names: &[&str]| {
            let hazards = names.iter().map(|name| format!("runs-code:{name}"));
            let flags = hazards.flat_map(|hazard| ["--allow".to_owned(), hazard]);
            ["approve".to_owned()]
                .into_iter()
                .chain(flags)
                .collect::<Vec<_>>()
        };
        let run_with = |names: &[&str]| {
            let args = args(names);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            run(&environment, &args)
        };
        let (code, said) = run_with(&["app.t.a", "app.f"]);
        assert_eq!(code, Some(3), "{added}: {said}");
        let help = format!("--allow runs-code:{about}\n");
        assert!(said.contains(&help), "{added}: {said}");
        let (code, said) = run_with(&["app.t.a", "app.f", about]);
        assert_eq!(code, Some(0), "{added}: {said}");
    }
}

#[test]
fn what_is_not_known_to_be_harmless_is_approved_by_name() {
    for (statement, hazards) in STATEMENTS {
        let environment = environment(&draft(&steps(statement)));
        if !hazards.is_empty() {
            let (code, said) = run(&environment, &["approve"]);
            assert_eq!(code, Some(3), "{statement}: {said}");
            for hazard in *hazards {
                let named = named(hazard);
                let quote = if named.contains(' ') { "'" } else { "" };
                let help = format!("--allow {quote}{named}{quote}");
                assert!(said.contains(&help), "{statement}: {said}");
            }
        }
        let mut args = vec!["approve"];
        let allowed: Vec<String> = hazards.iter().map(|it| named(it)).collect();
        for hazard in &allowed {
            args.extend(["--allow", hazard]);
        }
        let (code, said) = run(&environment, &args);
        assert_eq!(code, Some(0), "{statement}: {said}");
        let (code, said) = run(&environment, &["apply", "--sql", "base:head"]);
        assert_eq!(code, Some(0), "{statement}: {said}");
    }
}

/// A plan that somebody has frozen by hand, hash and all, with these hazards allowed.
fn frozen(steps: &str, allowed: &[String], down: &PlanFile) -> PlanFile {
    let mut plan = PlanFile::read("p.sql".into(), &draft(steps)).expect("the plan can be read");
    plan.header.approval = Some(Approval {
        by: "Ann".to_owned(),
        at: "2026-01-02T03:04:05Z".to_owned(),
        allowed: allowed.to_vec(),
        down_sha256: Some(down.sha256().expect("the plan is SQL")),
        ..Approval::default()
    });
    plan.sealed_as_is().expect("the plan is approved")
}

#[test]
fn apply_reads_the_hazards_from_the_statements() {
    let down = PlanFile::read("p.sql".into(), &draft("")).expect("the plan can be read");
    let down = {
        let mut down = down;
        down.header.approval = Some(Approval::default());
        down.sealed_as_is().expect("the plan is approved")
    };
    let check = |steps: &str, allowed: &[String], expected: i32| {
        let environment = environment(&frozen(steps, allowed, &down).render())
            .file("plans/1.down.sql", &down.render());
        for args in [
            &["apply", "--sql", "base:head"][..],
            &["validate", "--files"],
        ] {
            let (code, said) = run(&environment, args);
            assert_eq!(code, Some(expected), "{args:?} {steps} {allowed:?}: {said}");
            let refused = said.contains("has hazards that its approval does not allow");
            assert_eq!(refused, expected == 3, "{said}");
        }
    };
    for (statement, hazards) in STATEMENTS {
        let allowed: Vec<String> = hazards
            .iter()
            .map(|it| match it.split_once(':') {
                Some((kind, about)) => format!("{kind} {about}"),
                None => format!("{it} table app.t"),
            })
            .collect();
        let steps = steps(statement);
        check(&steps, &allowed, 0);
        for missing in 0..allowed.len() {
            let mut allowed = allowed.clone();
            allowed.remove(missing);
            check(&steps, &allowed, 3);
            allowed.push(format!("{} table app.other", hazards[missing]));
            check(&steps, &allowed, 3);
        }
        if !hazards.is_empty() {
            // What forge has said of other statements is not said of these.
            let safe = steps.replace("app.t\n", "app.t\n-- forge:safe 0123456789ab\n");
            check(&safe, &[], 3);
        }
    }
    let batched = "-- forge:data table app.t\n-- forge:batch key=id size=10\n";
    check(
        &format!("{batched}UPDATE app.t SET a = lower(a);\n"),
        &[],
        0,
    );
    check(
        &format!("{batched}UPDATE app.t SET a = app.f(a);\n"),
        &[],
        3,
    );
    check(&format!("{batched}DELETE FROM app.t;\n"), &[], 3);
}
