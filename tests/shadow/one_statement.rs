//! What the server reads is the one statement that the parser has read, whatever code of the tree has set before.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use forge::{
    connection::options::ConnectOptions,
    diagnostic::{Code, Diagnostic},
    shadow::{self, Mode, Shadow, ShadowSettings, embedded::Embedded},
    sql::Ident,
};

use super::{
    any, connect, open_folder, run, settings, text,
    untrusted::{loaded, rejection},
    users_server,
};

/// Where a shadow may be.
const MODES: [Mode; 3] = [Mode::Local, Mode::Url, Mode::Target];

/// A shadow, and the server of the user's on which it is, if it is on one.
pub(super) struct Bed {
    pub(super) shadow: Shadow,
    users: Option<(tempfile::TempDir, Embedded)>,
}

impl Bed {
    /// On a server of the user's a superuser logs in, whose database has the extension dblink.
    pub(super) async fn made(mode: Mode, statement_timeout: Duration) -> Self {
        let mut settings = ShadowSettings {
            statement_timeout,
            ..settings(mode)
        };
        if mode == Mode::Local {
            return Self {
                shadow: any(&settings).await.unwrap(),
                users: None,
            };
        }
        let (project, server) = users_server().await;
        let options = server.options();
        let admin = connect(&options).await;
        admin
            .batch_execute("CREATE EXTENSION dblink")
            .await
            .unwrap();
        settings.url = (mode == Mode::Url).then(|| options.clone());
        let shadow = shadow::start(&settings, server.major(), Some(&options))
            .await
            .unwrap();
        Self {
            shadow,
            users: Some((project, server)),
        }
    }

    pub(super) async fn removed(self) {
        self.shadow.close().await.unwrap();
        if let Some((_project, server)) = self.users {
            server.stop().await.unwrap();
        }
    }
}

/// A text that is one literal to the parser, and two statements to a server for which a backslash escapes.
struct Bait {
    _folder: tempfile::TempDir,
    proof: Utf8PathBuf,
    text: String,
}

impl Bait {
    fn new() -> Self {
        let folder = open_folder();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs_err::set_permissions(folder.path(), mode).unwrap();
        let proof = Utf8PathBuf::from_path_buf(folder.path().join("proof")).unwrap();
        let text = format!("é\\'; COPY (SELECT 1) TO PROGRAM $q$touch {proof}$q$; --");
        Self {
            _folder: folder,
            proof,
            text,
        }
    }

    fn literal(&self) -> String {
        format!("'{}'", self.text.replace('\'', "''"))
    }
}

/// Ways to change a setting: statements that a tree, or a plan, may hold.
fn ways(name: &str, value: &str) -> Vec<String> {
    let set = format!("set_config('{name}', '{value}', false)");
    let function = |volatility: &str, attributes: &str| {
        format!(
            "CREATE FUNCTION app.sets() RETURNS int {volatility} {attributes} LANGUAGE plpgsql AS $$ BEGIN PERFORM {set}; RETURN 1; END $$;\n"
        )
    };
    vec![
        format!("DO $$ BEGIN PERFORM {set}; END $$;\n"),
        format!("DO $$ BEGIN EXECUTE 'SET {name} = ''{value}'''; END $$;\n"),
        format!("DO $$ BEGIN SET {name} = '{value}'; END $$;\n"),
        format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {name} = %L', current_database(), '{value}'); END $$;\n"
        ),
        format!(
            "DO $$ BEGIN EXECUTE format('ALTER ROLE %I SET {name} = %L', current_user, '{value}'); END $$;\n"
        ),
        format!(
            "DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET {name} = %L', current_user, current_database(), '{value}'); END $$;\n"
        ),
        format!("{}SELECT app.sets();\n", function("VOLATILE", "")),
        format!(
            "{}SELECT app.sets();\n",
            function("VOLATILE", "SECURITY DEFINER")
        ),
        format!(
            "{}CREATE TABLE app.t ();\nALTER TABLE app.t ADD c int DEFAULT app.sets();\n",
            function("STABLE", "")
        ),
        format!(
            "{}CREATE TABLE app.p (a int) PARTITION BY LIST (a);\nCREATE TABLE app.q PARTITION OF app.p FOR VALUES IN (app.sets());\n",
            function("IMMUTABLE", "")
        ),
        format!(
            "{}CREATE TABLE app.t (a int);\nCREATE INDEX ON app.t ((a + app.sets()));\n",
            function("IMMUTABLE", "")
        ),
    ]
}

const COMMENT: &str = "SELECT obj_description('app'::regnamespace, 'pg_namespace')";
const EXTENSION: &str =
    "SELECT obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'dblink'";

async fn check_tree(bed: &Bed, bait: &Bait, way: &str) {
    let literal = bait.literal();
    // What needs more than an ordinary role's privileges is among it.
    let sql = format!(
        "CREATE SCHEMA app;\nCREATE EXTENSION dblink;\n{way}COMMENT ON SCHEMA app IS {literal};\nCOMMENT ON EXTENSION dblink IS {literal};\n"
    );
    let scratch = loaded(&bed.shadow, &sql).await.unwrap();
    let client = scratch.session().client();
    assert_eq!(text(client, COMMENT).await, bait.text, "{way}");
    assert_eq!(text(client, EXTENSION).await, bait.text, "{way}");
    bed.shadow.drop_scratch(scratch).await.unwrap();
    assert!(!bait.proof.exists(), "{way}");
}

async fn check_steps(bed: &Bed, bait: &Bait, way: &str, transactional: bool) {
    let role = Ident::new("app");
    let mut scratch = bed.shadow.scratch("proof", &role).await.unwrap();
    let comments = ["SCHEMA app", "EXTENSION dblink"]
        .map(|object| format!("COMMENT ON {object} IS {}", bait.literal()));
    let steps = ["CREATE SCHEMA app", "CREATE EXTENSION dblink SCHEMA app"].into_iter();
    let steps: Vec<&str> = steps
        .chain(way.split(";\n").filter(|step| !step.is_empty()))
        .chain(comments.iter().map(String::as_str))
        .collect();
    scratch.run_all(&steps, transactional).await.unwrap();
    let client = scratch.session().client();
    assert_eq!(text(client, COMMENT).await, bait.text, "{way}");
    assert_eq!(text(client, EXTENSION).await, bait.text, "{way}");
    bed.shadow.drop_scratch(scratch).await.unwrap();
    assert!(!bait.proof.exists(), "{way}");
}

/// Two statements in one text are never carried out, also where the first could be.
async fn check_two_at_once(bed: &Bed) {
    let role = Ident::new("app");
    let mut scratch = bed.shadow.scratch("proof", &role).await.unwrap();
    let both = "CREATE TABLE public.a (); CREATE TABLE public.b ()";
    for transactional in [false, true] {
        let steps = ["SELECT 1", both];
        scratch.run_all(&steps, transactional).await.unwrap_err();
        let ran = scratch.session().run_all(&steps, transactional).await;
        ran.unwrap_err();
    }
    let client = scratch.session().client();
    let tables = "SELECT count(*)::text FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(text(client, tables).await, "0");
    bed.shadow.drop_scratch(scratch).await.unwrap();
}

fn nothing_is_read_otherwise(mode: Mode) {
    run(async {
        let bed = Bed::made(mode, Duration::from_mins(1)).await;
        let bait = Bait::new();
        let every = ways("standard_conforming_strings", "off");
        for way in &every {
            check_tree(&bed, &bait, way).await;
        }
        for way in [&every[0], &every[6], &every[8]] {
            check_steps(&bed, &bait, way, true).await;
            check_steps(&bed, &bait, way, false).await;
        }
        for (name, value) in [
            ("backslash_quote", "on"),
            ("client_encoding", "LATIN1"),
            ("client_encoding", "SJIS"),
            ("escape_string_warning", "off"),
            ("search_path", "nowhere"),
            ("default_table_access_method", "heap"),
            ("DateStyle", "German"),
            ("transform_null_equals", "on"),
            ("default_transaction_read_only", "on"),
            ("row_security", "on"),
        ] {
            let ways = ways(name, value);
            for way in [&ways[0], &ways[3], &ways[4], &ways[8]] {
                check_tree(&bed, &bait, way).await;
            }
        }
        check_two_at_once(&bed).await;
        bed.removed().await;
    });
}

#[test]
fn nothing_is_read_otherwise_on_a_private_server() {
    nothing_is_read_otherwise(Mode::Local);
}

#[test]
fn nothing_is_read_otherwise_on_a_users_server() {
    nothing_is_read_otherwise(Mode::Url);
}

#[test]
fn nothing_is_read_otherwise_on_the_target() {
    nothing_is_read_otherwise(Mode::Target);
}

/// Where code gives itself another role, the statements behind it run as before.
#[test]
fn who_runs_a_statement_stays() {
    run(async {
        for mode in MODES {
            let bed = Bed::made(mode, Duration::from_mins(1)).await;
            for program in [
                "EXECUTE 'SET ROLE other'",
                "EXECUTE 'SET SESSION ROLE other'",
                "PERFORM set_config('role', 'other', false)",
                "EXECUTE format('ALTER ROLE %I SET role = other', current_user)",
                "EXECUTE format('ALTER DATABASE %I SET role = other', current_database())",
            ] {
                let sql = format!(
                    "CREATE SCHEMA app;\nDO $$ BEGIN {program}; END $$;\nCREATE TABLE app.t (a int);\nGRANT SELECT ON app.t TO other;\nDO $$ BEGIN NULL; END $$;"
                );
                let scratch = loaded(&bed.shadow, &sql).await.unwrap();
                let owner = "SELECT (relowner = (SELECT nspowner FROM pg_namespace WHERE nspname = 'app'))::text \
                     FROM pg_class WHERE relname = 't'";
                let client = scratch.session().client();
                assert_eq!(text(client, owner).await, "true", "{program}");
                bed.shadow.drop_scratch(scratch).await.unwrap();
            }
            bed.removed().await;
        }
    });
}

fn told_limit(error: &Diagnostic) {
    let told = error.notes().iter();
    let told = told
        .filter(|note| note.contains("`[shadow] statement_timeout`"))
        .count();
    assert!(
        told == 1 && error.help_text().is_some() && error.message().contains("1s"),
        "{error:?}"
    );
}

/// Ways to take for ever, with the place at which that is told.
const ENDLESS: [(&str, &str); 6] = [
    ("DO $$ BEGIN PERFORM pg_sleep(1e5); END $$", "a.sql:1:1"),
    (
        "DO $$ BEGIN PERFORM set_config('statement_timeout', '0', false); PERFORM pg_sleep(1e5); END $$",
        "a.sql:1:1",
    ),
    (
        "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(1e5); EXCEPTION WHEN OTHERS OR query_canceled THEN NULL; END; END LOOP; END $$",
        "a.sql:1:1",
    ),
    (
        "CREATE FUNCTION public.sleeps() RETURNS int STABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1e5); RETURN 1; END $$;\n\
         CREATE TABLE public.t ();\nALTER TABLE public.t ADD a int DEFAULT public.sleeps()",
        "a.sql:3:1",
    ),
    (
        "CREATE FUNCTION public.loops() RETURNS int VOLATILE LANGUAGE plpgsql AS $$ BEGIN LOOP BEGIN PERFORM 1; EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;\n\
         SELECT public.loops()",
        "a.sql:2:1",
    ),
    (
        "CREATE TABLE public.t (a int);\n\
         CREATE FUNCTION public.fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1e5); RETURN NULL; END $$;\n\
         CREATE CONSTRAINT TRIGGER later AFTER INSERT ON public.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fired();\n\
         ALTER TABLE public.t ENABLE ALWAYS TRIGGER later;\n\
         DO $$ BEGIN EXECUTE 'INSERT INTO public.t VALUES (1)'; END $$",
        "a.sql:5:1",
    ),
];

async fn check_endless(bed: &Bed, sql: &str, place: &str) {
    let begin = Instant::now();
    let error = rejection(&bed.shadow, sql).await;
    told_limit(&error);
    assert_eq!(error.places()[0].location(), place, "{error:?}");
    assert_eq!(error.code(), Code::Rejected);
    let role = Ident::new("app");
    let mut scratch = bed.shadow.scratch("proof", &role).await.unwrap();
    let steps: Vec<&str> = sql.split(";\n").collect();
    let rejection = scratch.run_all(&steps, steps.len() > 1).await.unwrap_err();
    assert!(rejection.overdue);
    assert_eq!(rejection.number, steps.len() - 1);
    told_limit(&rejection.diagnostic);
    bed.shadow.drop_scratch(scratch).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(40), "{sql}");
}

fn nothing_takes_for_ever(mode: Mode, ways: &[(&str, &str)]) {
    run(async {
        let bed = Bed::made(mode, Duration::from_secs(1)).await;
        for (sql, place) in ways {
            check_endless(&bed, sql, place).await;
        }
        // Others go on, each with a time of its own.
        let slow = "DO $$ BEGIN PERFORM pg_sleep(0.6); END $$;\n".repeat(3);
        let scratch = loaded(&bed.shadow, &slow).await.unwrap();
        bed.shadow.drop_scratch(scratch).await.unwrap();
        bed.removed().await;
    });
}

#[test]
fn nothing_takes_for_ever_on_a_private_server() {
    nothing_takes_for_ever(Mode::Local, &ENDLESS);
}

#[test]
fn nothing_takes_for_ever_on_a_users_server() {
    nothing_takes_for_ever(Mode::Url, &ENDLESS[2..4]);
}

#[test]
fn nothing_takes_for_ever_on_the_target() {
    nothing_takes_for_ever(Mode::Target, &ENDLESS[1..3]);
}

/// On a server that isn't forge's own, nobody is made a superuser for a statement.
#[test]
fn what_needs_a_superuser_is_refused_on_a_users_server() {
    run(async {
        for mode in [Mode::Url, Mode::Target] {
            let bed = Bed::made(mode, Duration::from_mins(1)).await;
            for sql in [
                "CREATE SCHEMA app;\nCREATE FUNCTION app.f() RETURNS int LEAKPROOF LANGUAGE sql AS 'SELECT 1';",
                "CREATE FUNCTION fired() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;\nCREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION fired();",
                "CREATE SCHEMA app;\nCREATE FOREIGN DATA WRAPPER w;",
                "CREATE SCHEMA app;\nCREATE PUBLICATION p FOR ALL TABLES;",
                "CREATE SCHEMA app;\nCOMMENT ON SCHEMA pg_catalog IS 'x';",
                "CREATE SCHEMA app;\nGRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO app;",
                "CREATE SCHEMA app;\nALTER SCHEMA pg_catalog OWNER TO app;",
                "CREATE SCHEMA app;\nCREATE EXTENSION pageinspect;",
                "CREATE SCHEMA app;\nCREATE EXTENSION file_fdw SCHEMA app;",
            ] {
                let error = rejection(&bed.shadow, sql).await;
                assert_eq!(error.code(), Code::Unprivileged, "{error:?}");
                assert_eq!(error.places()[0].location(), "a.sql:2:1", "{error:?}");
                let told = error.notes().join("\n");
                let told =
                    told.contains("isn't forge's own") || told.contains("as an ordinary role");
                assert!(told && error.help_text().is_some(), "{error:?}");
            }
            bed.removed().await;
        }
    });
}

/// An extension's script finds no functions of the tree.
#[test]
fn extensions_on_a_users_server() {
    run(async {
        let bed = Bed::made(Mode::Url, Duration::from_mins(1)).await;
        let role = Ident::new("app");
        let function = "CREATE FUNCTION public.lower(int) RETURNS int LANGUAGE sql AS 'SELECT 1'";
        let run = async |steps: &[&str]| {
            let mut scratch = bed.shadow.scratch("proof", &role).await.unwrap();
            let ran = scratch.run_all(steps, true).await;
            bed.shadow.drop_scratch(scratch).await.unwrap();
            ran.map_err(|rejection| rejection.diagnostic)
        };
        let error = run(&[function, "CREATE EXTENSION dblink SCHEMA public"])
            .await
            .unwrap_err();
        let told = error.notes().join("\n");
        assert!(
            told.contains("could call function lower(integer)")
                || told.contains("could call function public.lower(integer)"),
            "{error:?}"
        );
        run(&[
            function,
            "CREATE SCHEMA elsewhere",
            "CREATE EXTENSION dblink SCHEMA elsewhere",
            "ALTER EXTENSION dblink SET SCHEMA public",
            "DROP EXTENSION dblink",
        ])
        .await
        .unwrap();
        // One that is trusted needs nobody's consent.
        run(&[function, "CREATE EXTENSION citext SCHEMA public"])
            .await
            .unwrap();
        bed.removed().await;
    });
}

/// A login that is no superuser isn't the tree's to use, either.
#[test]
fn code_does_not_run_as_the_one_who_logs_in() {
    run(async {
        let (_project, server) = users_server().await;
        let admin = connect(&server.options()).await;
        admin
            .batch_execute("CREATE ROLE ann LOGIN CREATEDB CREATEROLE; CREATE ROLE bob LOGIN CREATEDB; CREATE ROLE mine; GRANT mine TO ann")
            .await
            .unwrap();
        let start = async |user: &str| {
            let settings = ShadowSettings {
                url: Some(ConnectOptions {
                    user: user.to_owned(),
                    ..server.options()
                }),
                ..settings(Mode::Url)
            };
            shadow::start(&settings, server.major(), None).await
        };
        let shadow = start("ann").await.unwrap();
        let sql = "CREATE SCHEMA app;\n\
             DO $$ BEGIN \
             IF session_user = 'ann' OR current_user = 'ann' OR pg_has_role('ann', 'MEMBER') OR pg_has_role('mine', 'MEMBER') \
             OR EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolcreaterole OR rolcreatedb OR rolsuper)) \
             THEN RAISE 'as %', current_user; END IF; END $$;\n\
             CREATE TABLE app.t (id serial PRIMARY KEY);\nALTER TABLE app.t OWNER TO mine;\nALTER TABLE app.t ADD a int;\n\
             GRANT SELECT ON app.t TO mine, app;";
        let scratch = loaded(&shadow, sql).await.unwrap();
        shadow.drop_scratch(scratch).await.unwrap();
        shadow.close().await.unwrap();
        let roles = "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'";
        assert_eq!(text(&admin, roles).await, "ann,app,bob,mine,postgres");
        let error = start("bob").await.unwrap_err();
        assert_eq!(error.code(), Code::NoShadow);
        assert_eq!(error.message(), "role `bob` may not create roles");
        assert!(error.help_text().unwrap().contains("CREATEROLE"));
        drop(admin);
        server.stop().await.unwrap();
    });
}
