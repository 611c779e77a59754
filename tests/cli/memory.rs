//! How much memory forge takes for a schema tree: in proportion to its text, whatever it holds.

#![expect(clippy::unwrap_used, reason = "a test's own folder can be written")]

use std::{mem::MaybeUninit, process::Stdio};

use support::TestEnvironment;

/// As many times the input's size is taken at most, beside what a tree of one statement takes.
const MOST: u64 = 20;

/// The most memory that `forge check` held of a tree with this text, in bytes, and its exit code.
#[expect(
    unsafe_code,
    reason = "the standard library doesn't say how much memory a child took"
)]
fn peak(text: &str) -> (u64, i32) {
    let environment = TestEnvironment::new()
        .file("forge.toml", "")
        .file("schema/a.sql", text);
    let mut command = environment.command(&["check"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let id = i32::try_from(child.unwrap().id()).unwrap();
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointers are to variables of the right types, which outlive the call; nothing else waits for the child.
    let usage = unsafe {
        assert_eq!(libc::wait4(id, &raw mut status, 0, usage.as_mut_ptr()), id);
        usage.assume_init()
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let peak = u64::try_from(usage.ru_maxrss).unwrap() * unit;
    (peak, libc::WEXITSTATUS(status))
}

#[test]
fn memory_is_proportional_to_the_tree() {
    let (base, _) = peak("CREATE TABLE t (a int);\n");
    let lines =
        |count: usize, line: &dyn Fn(usize) -> String| -> String { (0..count).map(line).collect() };
    let chain = |count: usize, link: &str, separator: &str| vec![link; count].join(separator);
    let check = |what: &str, text: &str, exit: i32| {
        let (peak, found) = peak(text);
        let limit = base + MOST * text.len() as u64;
        assert!(
            peak < limit,
            "{what}: {peak} bytes for {} of text, over {base} at least",
            text.len()
        );
        assert_eq!(found, exit, "{what}");
    };
    check(
        "a chain of 100,000 ANDs",
        &format!(
            "CREATE TABLE t (a int, CHECK ({}));",
            chain(100_000, "a > 0", " AND ")
        ),
        0,
    );
    check(
        "32,000 nested comments",
        &format!(
            "{}{}\nCREATE TABLE t ();{}",
            "/*".repeat(32_000),
            "*/".repeat(32_000),
            " ".repeat(200_000)
        ),
        0,
    );
    check(
        "an error in a line of 3 MB",
        &format!(
            "CREATE TABLE t (a text DEFAULT '{}' err err);",
            "x".repeat(3_000_000)
        ),
        1,
    );
    check(
        "many rows",
        &format!(
            "CREATE VIEW v AS VALUES {};",
            chain(100_000, "(1, 'a')", ", ")
        ),
        0,
    );
    check(
        "many labels",
        &format!(
            "CREATE TYPE e AS ENUM ({});",
            chain(100_000, "'label'", ", ")
        ),
        0,
    );
    check(
        "tables as people write them",
        &lines(10_000, &|number| {
            format!(
                "CREATE TABLE app.orders_{number} (\n  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n  \
                 customer_id bigint NOT NULL REFERENCES app.customers (id),\n  created_at timestamptz NOT NULL DEFAULT now(),\n  \
                 status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'sent')),\n  note text\n);\n\
                 CREATE INDEX orders_{number}_customer ON app.orders_{number} (customer_id, created_at);\n\
                 COMMENT ON TABLE app.orders_{number} IS 'Orders of shard {number}, kept for ten years';\n"
            )
        }),
        0,
    );
    check(
        "wide tables",
        &lines(100, &|number| {
            let columns: Vec<String> = (0..1_000).map(|at| format!("c{at} int")).collect();
            format!("CREATE TABLE t{number} ({});\n", columns.join(", "))
        }),
        0,
    );
    check(
        "a long body",
        &format!(
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ DECLARE x int := 0; BEGIN\n{}RETURN x; END $$;",
            "x := x + 1 * 2;\n".repeat(50_000)
        ),
        0,
    );
    check(
        "tables of one column",
        &lines(80_000, &|number| {
            format!("CREATE TABLE t{number} (a int);\n")
        }),
        0,
    );
    check(
        "small statements without end",
        &lines(600_000, &|number| {
            format!("CREATE TABLE t{number} (a int);\n")
        }),
        1,
    );
}

#[test]
fn a_statement_of_too_many_words_is_refused() {
    let columns: Vec<String> = (0..130_000)
        .map(|number| format!("c{number} int"))
        .collect();
    let text = format!("CREATE TABLE t (\n{}\n);", columns.join(",\n"));
    let (peak, exit) = peak(&text);
    assert!(peak < 100 << 20, "{peak}");
    assert_eq!(exit, 1);
}
