//! Files of a tree are code that nobody has looked at: what runs of it reaches nothing outside its database.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use forge::{
    build::{Scratch, load::load},
    diagnostic::{Code, Diagnostic, Result, SourceFile},
    introspect::introspect,
    shadow::{self, Landlock, Mode, Shadow, ShadowSettings},
    source::{Statement, Tree, load_order, roles},
    sql::Ident,
};

use super::{any, connect, open_folder, run, settings, text, users_server};

fn statements(sql: &str) -> Result<Vec<Statement>> {
    let file = Arc::new(SourceFile {
        path: "a.sql".into(),
        text: sql.to_owned(),
    });
    Ok(load_order(Tree { files: vec![file] }.parse()?))
}

/// Loads a tree of one file in the name of the role `app`.
pub(super) async fn loaded(shadow: &Shadow, sql: &str) -> Result<Scratch> {
    let statements = statements(sql)?;
    let roles: Vec<String> = roles(&statements).into_iter().collect();
    shadow.create_roles(&roles).await?;
    let mut scratch = shadow.scratch("desired", &Ident::new("app")).await?;
    match load(&mut scratch, &statements).await {
        Ok(_) => Ok(scratch),
        Err(error) => {
            shadow.drop_scratch(scratch).await?;
            Err(error)
        }
    }
}

pub(super) async fn rejection(shadow: &Shadow, sql: &str) -> Diagnostic {
    match loaded(shadow, sql).await {
        Ok(_) => panic!("loaded: {sql}"),
        Err(error) => error,
    }
}

/// A file that the server's user can write, and functions that would.
struct Attack {
    _folder: tempfile::TempDir,
    file: Utf8PathBuf,
    functions: String,
}

impl Attack {
    fn new() -> Self {
        let folder = open_folder();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs_err::set_permissions(folder.path(), mode).unwrap();
        let file = Utf8Path::from_path(folder.path()).unwrap().join("touched");
        let functions = format!(
            "CREATE FUNCTION escape() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE \
             'COPY (SELECT 1) TO PROGRAM ''touch {file}'''; END $$;\n\
             CREATE FUNCTION evil(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.escape(); RETURN a; END $$;\n"
        );
        Self {
            _folder: folder,
            file,
            functions,
        }
    }

    /// Loads the functions and what sets them off: it is rejected, at this place, and nothing was written.
    async fn check(&self, shadow: &Shadow, sql: &str, line: &str) {
        let error = rejection(shadow, &format!("{}{sql}", self.functions)).await;
        assert_eq!(error.code(), Code::Unprivileged, "{error:?}");
        // The words differ between the majors.
        assert!(error.message().contains("external program"), "{error:?}");
        assert_eq!(error.places()[0].location(), line, "{error:?}");
        let reason = error
            .notes()
            .iter()
            .any(|note| note.contains("as an ordinary role"));
        assert!(reason && error.help_text().is_some(), "{error:?}");
        assert!(!self.file.exists(), "{sql}");
    }

    async fn check_every_way(&self, shadow: &Shadow) {
        let check = |sql: &'static str, line: &'static str| self.check(shadow, sql, line);
        check(
            "CREATE TABLE t ();\nALTER TABLE t ADD c int DEFAULT evil(1);",
            "a.sql:4:1",
        )
        .await;
        check(
            "CREATE TABLE p (a int) PARTITION BY LIST (a);\nCREATE TABLE q PARTITION OF p FOR VALUES IN (evil(1));",
            "a.sql:4:1",
        )
        .await;
        check(
            "CREATE TABLE t (a int);\nCREATE INDEX ON t ((a + evil(1)));",
            "a.sql:4:1",
        )
        .await;
        check("DO $$ BEGIN PERFORM public.escape(); END $$;", "a.sql:3:1").await;
        check("SELECT public.escape();", "a.sql:3:1").await;
        // Neither back to another role nor on to one.
        check(
            "DO $$ BEGIN RESET ROLE; RESET SESSION AUTHORIZATION; PERFORM public.escape(); END $$;",
            "a.sql:3:1",
        )
        .await;
        check(
            "ALTER FUNCTION escape() SECURITY DEFINER;\nALTER FUNCTION escape() OWNER TO postgres;\nSELECT public.escape();",
            "a.sql:5:1",
        )
        .await;
        // What a transaction has put off doesn't wait for a statement with more privileges.
        check(
            "CREATE TABLE t (a int);\n\
             CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.escape(); RETURN NULL; END $$;\n\
             CREATE CONSTRAINT TRIGGER later AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fired();\n\
             ALTER TABLE t ENABLE ALWAYS TRIGGER later;\n\
             DO $$ BEGIN EXECUTE 'INSERT INTO t VALUES (1)'; END $$;\n\
             CREATE FUNCTION g() RETURNS int LEAKPROOF LANGUAGE sql AS 'SELECT 1';",
            "a.sql:7:1",
        )
        .await;
        // A materialized view is loaded without its rows, and a plan fills it.
        let view = "CREATE MATERIALIZED VIEW m AS SELECT evil(1) AS a";
        let mut scratch = loaded(shadow, &format!("{}{view}", self.functions))
            .await
            .unwrap();
        let plan = "CREATE MATERIALIZED VIEW public.n AS SELECT public.evil(1) AS a";
        let rejection = scratch
            .run_all(&["SELECT 1", plan], true)
            .await
            .unwrap_err();
        assert!(rejection.lacks_privilege);
        assert_eq!(rejection.number, 1);
        shadow.drop_scratch(scratch).await.unwrap();
        assert!(!self.file.exists());
    }
}

#[test]
fn nothing_gets_out_of_a_private_server() {
    run(async {
        // PostgreSQL's own rules are shown, so nothing else stands in the way.
        let settings = ShadowSettings {
            landlock: Landlock::missing("a test"),
            ..settings(Mode::Local)
        };
        let shadow = any(&settings).await.unwrap();
        let attack = Attack::new();
        attack.check_every_way(&shadow).await;
        // A superuser's session would have done it.
        let database = shadow.create_database("open").await.unwrap();
        let client = connect(&database.options()).await;
        client.batch_execute(&attack.functions).await.unwrap();
        client
            .batch_execute("SELECT public.escape()")
            .await
            .unwrap();
        assert!(attack.file.exists());
        shadow.close().await.unwrap();
    });
}

#[test]
fn nothing_gets_out_of_a_users_server() {
    run(async {
        let (_project, server) = users_server().await;
        let settings = ShadowSettings {
            url: Some(server.options()),
            ..settings(Mode::Url)
        };
        let shadow = shadow::start(&settings, server.major(), None)
            .await
            .unwrap();
        Attack::new().check_every_way(&shadow).await;
        shadow.close().await.unwrap();
        let admin = connect(&server.options()).await;
        let roles = "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'";
        assert_eq!(text(&admin, roles).await, "app,postgres");
        drop(admin);
        server.stop().await.unwrap();
    });
}

#[test]
fn what_needs_a_superuser_and_evaluates_nothing_is_loaded() {
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let attack = Attack::new();
        let sql = format!(
            "{}CREATE FUNCTION fired() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.escape(); END $$;\n\
             CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION fired();\n\
             ALTER EVENT TRIGGER e ENABLE ALWAYS;\n\
             ALTER EVENT TRIGGER e OWNER TO other;\n\
             COMMENT ON EVENT TRIGGER e IS 'x';\n\
             CREATE SCHEMA s; CREATE TABLE s.t (a int); ALTER TABLE s.t OWNER TO other; ALTER TABLE s.t ADD b int;\n\
             CREATE FUNCTION g() RETURNS int LEAKPROOF LANGUAGE sql AS 'SELECT 1';\n\
             CREATE OPERATOR FAMILY f USING btree;\n\
             CREATE FOREIGN DATA WRAPPER w;\n\
             CREATE PUBLICATION p FOR ALL TABLES;",
            attack.functions
        );
        let scratch = loaded(&shadow, &sql).await.unwrap();
        let client = scratch.session().client();
        let owners = "SELECT pg_catalog.concat_ws(' ', \
             (SELECT relowner::regrole FROM pg_class WHERE relname = 't'), \
             (SELECT proowner::regrole FROM pg_proc WHERE proname = 'g'), \
             (SELECT opfowner::regrole FROM pg_opfamily WHERE opfname = 'f' AND opfnamespace = 'public'::regnamespace), \
             (SELECT fdwowner::regrole FROM pg_foreign_data_wrapper), \
             (SELECT pubowner::regrole FROM pg_publication), \
             (SELECT evtowner::regrole FROM pg_event_trigger))";
        assert_eq!(text(client, owners).await, "other app app app app other");
        let powerful = "SELECT coalesce(string_agg(rolname, ','), '') FROM pg_roles WHERE rolsuper AND rolname <> 'forge shadow superuser'";
        assert_eq!(text(client, powerful).await, "");
        shadow.drop_scratch(scratch).await.unwrap();
        assert!(!attack.file.exists());
        shadow.close().await.unwrap();
    });
}

#[test]
fn leakproof_functions_are_created_by_an_ordinary_role() {
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let attack = Attack::new();
        let sql = format!(
            "{}CREATE FUNCTION f(a int DEFAULT evil(1)) RETURNS int LEAKPROOF LANGUAGE sql AS 'SELECT 1';\n\
             CREATE FUNCTION g() RETURNS int LEAKPROOF BEGIN ATOMIC SELECT evil(1); END;",
            attack.functions
        );
        let mut scratch = loaded(&shadow, &sql).await.unwrap();
        let steps = [
            "CREATE OR REPLACE FUNCTION public.f(a int DEFAULT 2) RETURNS int LEAKPROOF LANGUAGE sql AS 'SELECT 2'",
            "CREATE FUNCTION public.h(a int DEFAULT public.evil(1)) RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1'",
        ];
        scratch.run_all(&steps, true).await.unwrap();
        let leakproof = "SELECT string_agg(proname || ' ' || proowner::regrole, ',' ORDER BY proname) \
             FROM pg_proc WHERE proleakproof AND oid >= 16384";
        let found = text(scratch.session().client(), leakproof).await;
        assert_eq!(found, "f app,g app,h app");
        shadow.drop_scratch(scratch).await.unwrap();
        // What the server dislikes is told of the statement as it was written.
        let error = rejection(
            &shadow,
            "CREATE FUNCTION f(a int DEFAULT nowhere()) RETURNS int LEAKPROOF LANGUAGE sql AS ''",
        )
        .await;
        assert_eq!(error.places()[0].location(), "a.sql:1:33", "{error:?}");
        assert!(!attack.file.exists());
        shadow.close().await.unwrap();
    });
}

#[test]
fn what_would_change_the_server_is_not() {
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let check = async |sql: &str, note: &str| {
            let error = rejection(&shadow, sql).await;
            assert_eq!(error.code(), Code::Unprivileged, "{error:?}");
            let told = error.notes().iter().any(|found| found.contains(note));
            assert!(told, "{error:?}");
        };
        check(
            "ALTER FUNCTION pg_catalog.pg_read_file(text) OWNER TO CURRENT_USER",
            "it changes `function pg_read_file(text)`",
        )
        .await;
        check(
            "ALTER SCHEMA pg_catalog OWNER TO app",
            "it changes `schema pg_catalog`",
        )
        .await;
        check(
            "CREATE FUNCTION f(oid, text) RETURNS int LANGUAGE internal AS 'be_lo_export'",
            "as an ordinary role",
        )
        .await;
        check(
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/adminpack', 'pg_file_write'",
            "declare the extension instead",
        )
        .await;
        shadow.close().await.unwrap();
    });
}

#[test]
fn what_is_granted_is_not_there_to_be_used() {
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let tree = "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC;\n\
             CREATE FUNCTION reads() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN pg_read_file('PG_VERSION'); END $$;\n";
        let error = rejection(&shadow, &format!("{tree}SELECT reads();")).await;
        assert_eq!(error.places()[0].location(), "a.sql:3:1", "{error:?}");
        let scratch = loaded(&shadow, tree).await.unwrap();
        let granted = "SELECT has_function_privilege('pg_read_file(text)', 'EXECUTE')::text";
        assert_eq!(text(scratch.session().client(), granted).await, "true");
        shadow.drop_scratch(scratch).await.unwrap();
        shadow.close().await.unwrap();
    });
}

#[test]
fn programs_make_schema_and_no_rows() {
    run(async {
        let shadow = any(&settings(Mode::Local)).await.unwrap();
        let scratch = loaded(
            &shadow,
            "BEGIN;\n\
             DO $$ BEGIN ALTER TABLE later ADD c int; PERFORM set_config('search_path', 'nowhere', false); END $$;\n\
             CREATE TABLE later (a int);\n\
             CREATE FUNCTION make(name text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE TABLE %I (a int)', name); END $$;\n\
             SELECT make('made');\n\
             COMMIT;",
        )
        .await
        .unwrap();
        let columns = "SELECT string_agg(attrelid::regclass || '.' || attname, ',' ORDER BY 1) FROM pg_attribute \
             WHERE attrelid IN ('public.later'::regclass, 'public.made'::regclass) AND attnum > 0";
        assert_eq!(
            text(scratch.session().client(), columns).await,
            "public.later.a,public.later.c,public.made.a"
        );
        shadow.drop_scratch(scratch).await.unwrap();

        let error = rejection(
            &shadow,
            "CREATE TABLE t (a int);\nDO $$ BEGIN EXECUTE 'INSERT INTO t VALUES (1)'; END $$",
        )
        .await;
        assert_eq!(error.code(), Code::NotSchema);
        assert_eq!(
            error.message(),
            "loading the schema tree has written rows into `public.t`"
        );
        assert_eq!(error.places()[0].location(), "a.sql:2:1");
        shadow.close().await.unwrap();
    });
}

/// A role that the server has already, and that may do more than one of forge's.
#[test]
fn roles_of_a_users_server_are_played_by_others() {
    run(async {
        let (_project, server) = users_server().await;
        let admin = connect(&server.options()).await;
        admin
            .batch_execute("CREATE ROLE mighty SUPERUSER; CREATE ROLE reader")
            .await
            .unwrap();
        let settings = ShadowSettings {
            url: Some(server.options()),
            ..settings(Mode::Url)
        };
        let shadow = shadow::start(&settings, server.major(), None)
            .await
            .unwrap();
        let attack = Attack::new();
        let names = ["mighty", "reader", "app"].map(str::to_owned);
        shadow.create_roles(&names).await.unwrap();
        let mut scratch = shadow.scratch("proof", &Ident::new("app")).await.unwrap();
        let functions = attack.functions.replace("FUNCTION ", "FUNCTION public.");
        let (escape, evil) = functions.split_once(";\n").unwrap();
        let steps = [
            escape,
            evil,
            "CREATE TABLE public.t (a int)",
            "ALTER TABLE public.t OWNER TO mighty",
            "CREATE POLICY p ON public.t TO reader, app USING (true)",
            "GRANT SELECT ON public.t TO reader",
            "ALTER TABLE public.t FORCE ROW LEVEL SECURITY",
        ];
        scratch.run_all(&steps, true).await.unwrap();
        let catalog = introspect(scratch.session(), scratch.cast()).await.unwrap();
        let owner_of_public = if server.major() < 15 {
            "postgres"
        } else {
            "pg_database_owner"
        };
        let mut known = vec!["app", "mighty", owner_of_public, "reader"];
        known.sort_unstable();
        assert_eq!(catalog.roles().into_iter().collect::<Vec<_>>(), known);
        // An index is built with the rights of the table's owner.
        let steps = [
            "ALTER FUNCTION public.escape() OWNER TO mighty",
            "ALTER FUNCTION public.escape() SECURITY DEFINER",
            "CREATE MATERIALIZED VIEW public.m AS SELECT public.evil(1)",
        ];
        let rejection = scratch.run_all(&steps, true).await.unwrap_err();
        assert!(rejection.lacks_privilege);
        assert_eq!(rejection.number, 2);
        assert!(!attack.file.exists());
        shadow.drop_scratch(scratch).await.unwrap();
        shadow.close().await.unwrap();
        let roles = "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'";
        assert_eq!(text(&admin, roles).await, "app,mighty,postgres,reader");
        drop(admin);
        server.stop().await.unwrap();
    });
}

#[test]
fn row_security_stands_in_no_ones_way() {
    run(async {
        let (_project, server) = users_server().await;
        let admin = connect(&server.options()).await;
        admin
            .batch_execute("CREATE ROLE ann LOGIN CREATEDB CREATEROLE")
            .await
            .unwrap();
        let mut options = server.options();
        options.user = "ann".to_owned();
        let settings = ShadowSettings {
            url: Some(options),
            ..settings(Mode::Url)
        };
        let shadow = shadow::start(&settings, server.major(), None)
            .await
            .unwrap();
        let mut scratch = shadow.scratch("proof", &Ident::new("app")).await.unwrap();
        let steps = [
            "CREATE TABLE public.t (a int PRIMARY KEY)",
            "ALTER TABLE public.t ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE public.t FORCE ROW LEVEL SECURITY",
            "CREATE POLICY p ON public.t USING (a > 1)",
            "CREATE MATERIALIZED VIEW public.m AS SELECT a FROM public.t",
            "CREATE TABLE public.u (a int)",
            "ALTER TABLE public.u ADD FOREIGN KEY (a) REFERENCES public.t",
        ];
        scratch.run_all(&steps, true).await.unwrap();
        shadow.drop_scratch(scratch).await.unwrap();
        shadow.close().await.unwrap();
        drop(admin);
        server.stop().await.unwrap();
    });
}
