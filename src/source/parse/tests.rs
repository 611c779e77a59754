use super::*;

fn tree(files: &[&str]) -> Tree {
    let file = |(index, text): (usize, &&str)| {
        Arc::new(SourceFile {
            path: format!("{index}.sql").into(),
            text: (*text).to_owned(),
        })
    };
    Tree {
        files: files.iter().enumerate().map(file).collect(),
    }
}

#[test]
fn statements_know_their_place_and_name() {
    fn check(sql: &str, expected: &[(&str, &str)]) {
        let statements = tree(&[sql]).parse().unwrap();
        let found: Vec<_> = statements
            .iter()
            .map(|statement| (statement.description(), statement.text()))
            .collect();
        let found: Vec<_> = found
            .iter()
            .map(|(it, text)| (it.as_str(), *text))
            .collect();
        assert_eq!(found, expected);
    }
    check(
        "-- a\nCREATE TABLE app.t (a int); -- b\n\nCREATE VIEW v AS SELECT 1",
        &[
            ("CREATE TABLE app.t", "CREATE TABLE app.t (a int)"),
            ("CREATE VIEW v", "CREATE VIEW v AS SELECT 1"),
        ],
    );
    check(
        "/* é */ COMMENT ON TABLE t IS 'x';;",
        &[("COMMENT ON TABLE t", "COMMENT ON TABLE t IS 'x'")],
    );
    check("-- nothing\r\n", &[]);
}

#[test]
fn a_file_in_stretches_is_the_same_file() {
    let sql = "SET search_path = app;\nCREATE TABLE t (\n  a int -- forge: renamed from b\n);\n\
        -- forge: renamed from old\nCREATE TABLE u (a int, t int REFERENCES t (a));\nSET search_path = other;\n\
        CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1; END;\n$$;\n\
        \\restrict x\nCREATE VIEW é AS SELECT 'é;' AS a; CREATE VIEW w AS SELECT 1;\nCREATE ROLE r;\n";
    let whole = tree(&[sql]);
    let file = &whole.files[0];
    let parsed = |size: usize, file: &Arc<SourceFile>| {
        let mut found = Found::default();
        found.read(file, size);
        (found.statements, found.problems)
    };
    let expected = parsed(usize::MAX, file);
    assert!(expected.1.is_empty(), "{:?}", expected.1);
    for size in [0, 50, 100, 300] {
        assert_eq!(format!("{:?}", parsed(size, file)), format!("{expected:?}"));
    }
    let broken = tree(&[&format!("{sql}SELECT 1;\nCREATE TABEL x ();\n")]);
    let last = |size| {
        let problems = parsed(size, &broken.files[0]).1;
        problems
            .last()
            .map(|problem| problem.places()[0].location())
    };
    assert_eq!(last(0), Some("0.sql:16:8".to_owned()));
}

/// Runs on a stack like the program's.
fn on_deep_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(512 << 20).spawn(run);
    thread.unwrap().join().unwrap();
}

#[test]
fn what_nests_deeply_is_read_or_named() {
    let wrap = |open: &str, close: &str, depth: usize| {
        format!("SELECT {}1{} AS x", open.repeat(depth), close.repeat(depth))
    };
    let nested = move |depth: usize| {
        [
            wrap("(", ")", depth),
            wrap("1 + ", "", depth),
            wrap("1", " || 1", depth).replace("11", "1"),
            wrap("CASE WHEN true THEN ", " END", depth),
            wrap("ARRAY[", "]", depth),
            wrap("abs(", ")", depth),
            wrap("(SELECT ", ")", depth),
            wrap("NOT ", "", depth),
            wrap("- ", "", depth),
            wrap("", "::int", depth),
            wrap("", " UNION SELECT 1", depth).replace(" AS x", ""),
            format!(
                "SELECT * FROM {}t{}",
                "(SELECT * FROM ".repeat(depth),
                ") x".repeat(depth)
            ),
            format!("SELECT * FROM t{}", " JOIN t USING (a)".repeat(depth)),
            format!(
                "WITH x AS {}SELECT 1{}",
                "(WITH x AS ".repeat(depth) + "(",
                ") SELECT 1".repeat(depth + 1)
            ),
        ]
    };
    on_deep_stack(move || {
        for query in nested(500) {
            let sql = format!("CREATE SCHEMA s;\n\nCREATE VIEW v AS {query};");
            assert_eq!(tree(&[&sql]).parse().unwrap().len(), 2, "{query}");
        }
        for query in nested(20_000) {
            let sql = format!("CREATE SCHEMA s;\n\nCREATE VIEW v AS {query};");
            let problem = tree(&[&sql]).parse().unwrap_err();
            let said = (problem.message(), problem.places()[0].location());
            assert_eq!(
                said.0,
                "a statement nests too deeply to be read",
                "{}",
                &query[..50]
            );
            assert!(said.1.starts_with("0.sql:3:"), "{said:?} {}", &query[..50]);
        }
    });
}

#[test]
fn bodies_that_nest_deeply_are_read() {
    on_deep_stack(|| {
        let depth = 20_000;
        let bodies = [
            ("sql", format!("SELECT {}1", "1 + ".repeat(depth))),
            (
                "sql",
                format!("{}{}", "/*".repeat(depth), "*/".repeat(depth)),
            ),
            (
                "plpgsql",
                format!("BEGIN {}{} END", "/*".repeat(depth), "*/".repeat(depth)),
            ),
            (
                "plpgsql",
                format!("BEGIN RETURN {}1; END", "1 + ".repeat(depth)),
            ),
            (
                "plpgsql",
                format!(
                    "BEGIN {}{} END",
                    "IF a THEN ".repeat(depth),
                    "END IF; ".repeat(depth)
                ),
            ),
        ];
        for (language, body) in bodies {
            let sql = format!("CREATE FUNCTION f() RETURNS int LANGUAGE {language} AS $${body}$$;");
            assert_eq!(tree(&[&sql]).parse().unwrap().len(), 1);
        }
    });
}

#[test]
fn problems_and_statements_have_an_end() {
    let problems = tree(&[&"SELECT 1;\n".repeat(MOST_PROBLEMS * 3), "SELEC 1"]);
    let error = problems.parse().unwrap_err();
    assert_eq!(error.related().len(), MOST_PROBLEMS - 1);
    let last = error.related().last().unwrap();
    assert_eq!(
        last.notes().last().unwrap(),
        "100 problems are shown; there may be more"
    );
    let many = tree(&["a;".repeat(MOST_STATEMENTS).as_str(), "b;"]);
    let error = many.parse().unwrap_err();
    assert_eq!(
        error.message(),
        "the schema tree has more than 500000 statements"
    );
    assert_eq!(error.places()[0].location(), "1.sql:1:1");
}

#[test]
fn every_broken_file_is_reported() {
    let problem = tree(&["CREATE TABEL t ();", "CREATE TABLE t ();", "SELEC 1"])
        .parse()
        .unwrap_err();
    assert_eq!(problem.places()[0].location(), "0.sql:1:8");
    assert_eq!(problem.related()[0].places()[0].location(), "2.sql:1:1");
}

#[test]
fn a_dump_is_read_as_it_is() {
    let dump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict aB3\n\nSET statement_timeout = 0;\n\
        SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n\
        SELECT pg_catalog.set_config('search_path', '', false);\nSET check_function_bodies = false;\n\
        SET xmloption = content;\nSET row_security = off;\nCREATE SCHEMA app;\nALTER SCHEMA app OWNER TO owner;\n\
        CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA app;\nSET default_tablespace = '';\n\
        SET default_table_access_method = heap;\nCREATE TABLE app.t (id integer NOT NULL);\n\
        ALTER TABLE app.t OWNER TO owner;\nCREATE SEQUENCE app.t_id_seq AS integer;\n\
        ALTER SEQUENCE app.t_id_seq OWNED BY app.t.id;\n\
        ALTER TABLE ONLY app.t ALTER COLUMN id SET DEFAULT nextval('app.t_id_seq'::regclass);\n\
        ALTER TABLE ONLY app.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);\nGRANT SELECT ON TABLE app.t TO reader;\n\
        \\unrestrict aB3\n";
    let statements = tree(&[dump]).parse().unwrap();
    let loaded: Vec<_> = statements
        .iter()
        .filter(|statement| statement.is_loaded())
        .collect();
    assert_eq!(loaded.len(), 10);
    assert!(loaded[0].session.search_path.is_empty());
    assert_eq!(
        loaded[9].session.settings["default_table_access_method"],
        "heap"
    );
    assert!(super::super::warnings(&statements).is_empty());
    assert_eq!(
        super::super::roles(&statements)
            .into_iter()
            .collect::<Vec<_>>(),
        ["owner", "reader"]
    );
    assert_eq!(super::super::extensions(&statements)[0].0, "citext");
    let written: Vec<usize> = loaded
        .iter()
        .map(|statement| statement.span.start)
        .collect();
    let ordered: Vec<usize> = super::super::load_order(statements.clone())
        .iter()
        .map(|statement| statement.span.start)
        .collect();
    assert_eq!(ordered, written);
}
