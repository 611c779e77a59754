//! Names and texts that are meant to be taken for something else, and bytes that are easily lost.

use std::{
    fmt::Write as _,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use forge::sql::is_hidden;

use crate::FILES;
use support::{
    cluster::{Cluster, Database},
    desk::Desk,
};

/// What a name or a text is made of.
const PIECES: &[&str] = &[
    "a",
    "Z9",
    " ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "'",
    "''",
    "\"",
    "\\",
    "\\n",
    "\\u{a}",
    "--",
    "/*",
    "*/",
    "$$",
    "$f$",
    "$function$",
    "$forge$",
    ";",
    ":x",
    ":'x'",
    ":\"x\"",
    "%",
    "{",
    "`",
    "é",
    "表",
    "👍",
    "\nALTER ROLE low SUPERUSER; --",
    "\n\\! true\n",
    "\\echo x",
    "\n-- forge:step 1 drop table x\n",
    "COMMIT;",
    "END",
    "  \n",
    "\n\n",
];

/// Made-up names and texts, the same for the same seed.
struct MadeUp {
    state: u64,
    count: usize,
}

impl MadeUp {
    fn next(&mut self, below: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).unwrap() % below
    }

    /// A text with any of the pieces.
    fn text(&mut self) -> String {
        let length = 1 + self.next(8);
        (0..length)
            .map(|_| PIECES[self.next(PIECES.len())])
            .collect()
    }

    /// A name of at most 63 bytes that is nobody else's, quoted.
    fn name(&mut self) -> String {
        self.count += 1;
        let mut name = self.text();
        let length = name.floor_char_boundary(60);
        name.truncate(length);
        write!(name, "{}", self.count).unwrap();
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// A literal, as it stands or with escapes of either kind.
    fn literal(&mut self) -> String {
        let text = self.text().replace('\'', "''");
        match self.next(3) {
            0 => format!("E'{}'", text.replace('\\', "\\\\").replace('\r', "\\r")),
            1 => format!("U&'{}'", text.replace('\\', "\\\\").replace('é', "\\00e9")),
            _ => format!("'{text}'"),
        }
    }

    /// A schema with one of everything that carries names or texts.
    fn schema(&mut self) -> String {
        let [
            schema,
            kind,
            table,
            a,
            b,
            c,
            check,
            index,
            view,
            function,
            trigger,
            policy,
            domain,
        ] = std::array::from_fn(|_| self.name());
        let comments = [
            format!("SCHEMA {schema}"),
            format!("TYPE {schema}.{kind}"),
            format!("TABLE {schema}.{table}"),
            format!("COLUMN {schema}.{table}.{a}"),
            format!("CONSTRAINT {check} ON {schema}.{table}"),
            format!("INDEX {schema}.{index}"),
            format!("FUNCTION {schema}.{function}({schema}.{kind}, text[])"),
            format!("POLICY {policy} ON {schema}.{table}"),
            format!("TRIGGER {trigger} ON {schema}.{table}"),
        ];
        let mut sql = format!(
            "CREATE SCHEMA {schema};\n\
             CREATE TYPE {schema}.{kind} AS ENUM ('{}', 'last');\n\
             CREATE DOMAIN {schema}.{domain} AS text DEFAULT {} CHECK (VALUE <> {});\n\
             CREATE TABLE {schema}.{table} ({a} bigint PRIMARY KEY, {b} text NOT NULL DEFAULT {}, \
               {c} {schema}.{kind} DEFAULT 'last', x int, tags int[] CHECK (tags[1:x] IS NOT NULL), CONSTRAINT {check} CHECK ({b} <> {}));\n\
             CREATE INDEX {index} ON {schema}.{table} ({b}) WHERE {b} <> {};\n\
             CREATE VIEW {schema}.{view} AS SELECT {a}, {b} || {} AS {c} FROM {schema}.{table};\n",
            self.text()
                .replace('\'', "''")
                .chars()
                .take(40)
                .collect::<String>()
                .trim_end_matches('\''),
            self.literal(),
            self.literal(),
            self.literal(),
            self.literal(),
            self.literal(),
            self.literal(),
        );
        let body = format!(
            "\nBEGIN\r\n  -- {}\n  RETURN {};\t \nEND;\r",
            self.text().replace(['\n', '\r'], " "),
            self.literal()
        );
        write!(
            sql,
            "CREATE FUNCTION {schema}.{function}({a} {schema}.{kind}, {b} text[]) RETURNS text LANGUAGE plpgsql AS '{}';\n\
             CREATE FUNCTION {schema}.{trigger}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN RETURN NEW; END $body$;\n\
             CREATE TRIGGER {trigger} BEFORE INSERT ON {schema}.{table} FOR EACH ROW EXECUTE FUNCTION {schema}.{trigger}({});\n\
             CREATE POLICY {policy} ON {schema}.{table} USING ({b} <> {});\n",
            body.replace('\'', "''"), self.literal(), self.literal(),
        )
        .unwrap();
        for comment in comments {
            writeln!(sql, "COMMENT ON {comment} IS {};", self.literal()).unwrap();
        }
        sql
    }
}

/// The database as pg_dump prints it, byte for byte.
fn bytes(database: &Database) -> String {
    let output = Command::new("pg_dump")
        .args(["--schema-only", "--exclude-schema=forge"])
        .envs(database.variables())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let restricted =
        |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    text.split_inclusive('\n').filter(restricted).collect()
}

/// Runs forge, which has to succeed, and whose messages show nothing hidden.
fn forge(desk: &Desk<'_>, args: &[&str]) -> String {
    let output = desk.environment.command(args).output().unwrap();
    let (stdout, stderr) = (output.stdout, String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "forge {args:?}\n{stderr}");
    assert!(
        !stderr.contains(|c| is_hidden(c) && c != '\n'),
        "{stderr:?}"
    );
    String::from_utf8(stdout).unwrap()
}

fn psql(desk: &Desk<'_>, script: &str) {
    desk.write("script.sql", script);
    // Variables that the script must not take for its own.
    let args = [
        "-X",
        "-q",
        "-v",
        "x=1; DROP",
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
        "script.sql",
    ];
    desk.other("psql", &args);
}

/// A seed of the clock's, or the one that is to be run again.
#[expect(
    clippy::print_stdout,
    reason = "with the seed a failure can be run again"
)]
fn seed(of: &str) -> u64 {
    let seed = std::env::var("FORGE_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .subsec_nanos();
    let seed = seed.unwrap_or_else(|| u64::from(now));
    println!("{of}: FORGE_TEST_SEED={seed}");
    seed
}

pub(crate) async fn hostile_names_and_texts_stay_what_they_are(cluster: &Cluster) {
    let seed = seed("hostile names and texts");
    let mut made_up = MadeUp {
        state: seed,
        count: 0,
    };
    for _ in 0..2 {
        let tree = made_up.schema();
        // The file begins as some editors let files begin.
        let file = format!("\u{feff}{tree}");
        let files = [FILES[0], ("schema/all.sql", file.as_str())];
        let mut desk = Desk::new(cluster, &files).await;
        desk.database
            .run(&tree)
            .await
            .unwrap_or_else(|error| panic!("{error:?}\n{tree}"));
        let wanted = bytes(&desk.database);
        let same = |desk: &Desk<'_>, how: &str| {
            let found = bytes(&desk.database);
            assert!(
                found == wanted,
                "{how}, seed {seed}\n{tree}\n=== wanted\n{wanted}\n=== found\n{found}"
            );
        };
        // The tree is what its statements make.
        forge(&desk, &["plan", "--check"]);
        drop(desk.turn_to_another().await);

        forge(
            &desk,
            &["plan", "-m", "all\nof it\u{1b}", "--rev-id", "100000000000"],
        );
        forge(&desk, &["approve", "--reason", "\u{202e}it\nis so"]);
        forge(&desk, &["apply"]);
        same(&desk, "apply");
        forge(&desk, &["plan", "--check"]);
        forge(&desk, &["status"]);

        // What somebody took away comes back by a script.
        let table = tree
            .split("CREATE VIEW ")
            .nth(1)
            .unwrap()
            .split(" AS SELECT")
            .next()
            .unwrap();
        desk.database
            .run(&format!("DROP VIEW {table}"))
            .await
            .unwrap();
        let script = forge(&desk, &["drift", "--revert"]);
        psql(&desk, &script);
        same(&desk, "drift --revert");

        forge(&desk, &["downgrade", "base", "--allow", "all"]);
        let plan = desk.other("sh", &["-c", "cat plans/[!.]*[!n].sql"]);
        drop(desk.turn_to_another().await);
        let script = forge(&desk, &["apply", "--sql", "base:head"]);
        psql(&desk, &script);
        same(&desk, "apply --sql");
        drop(desk.turn_to_another().await);
        psql(&desk, &plan);
        same(&desk, "psql -f of the plan");
    }
}

pub(crate) async fn a_name_breaks_out_of_nothing(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
    desk.database
        .run("CREATE ROLE low; CREATE TABLE app.\"x\nALTER ROLE low SUPERUSER; --\" (id int)")
        .await
        .unwrap();
    let script = forge(&desk, &["drift", "--revert"]);
    psql(&desk, &script);
    desk.forge("drift");
    assert!(
        desk.typed.ends_with("[exit 0]\n") || !desk.typed.contains("[exit"),
        "{}",
        desk.typed
    );
    // Nor does what a script says of it end where psql or a DO block would go on.
    desk.write(
        "schema/more.sql",
        "CREATE TABLE app.\"$forge$; ALTER ROLE low SUPERUSER; --\" (\"$$\" int);\n",
    );
    forge(
        &desk,
        &[
            "plan",
            "-m",
            "x\n\\! touch broke_out\nALTER ROLE low SUPERUSER; --",
            "--rev-id",
            "200000000000",
        ],
    );
    forge(&desk, &["approve"]);
    let script = forge(&desk, &["apply", "--sql"]);
    psql(&desk, &script);
    assert!(!desk.environment.project().join("broke_out").exists());
    forge(&desk, &["status"]);
    let role = desk.database.session().client();
    let row = role
        .query_one("SELECT rolsuper FROM pg_roles WHERE rolname = 'low'", &[])
        .await
        .unwrap();
    assert!(!row.get::<_, bool>(0));
}

/// The body of a function.
async fn body(desk: &Desk<'_>, name: &str) -> String {
    let client = desk.database.session().client();
    let sql = "SELECT prosrc FROM pg_proc WHERE proname = $1";
    client.query_one(sql, &[&name]).await.unwrap().get(0)
}

/// Where only line ends differ, a plan says so once for all objects.
pub(crate) async fn a_difference_of_line_ends_is_told_once(cluster: &Cluster) {
    let tree = "CREATE SCHEMA app;\n\
        CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS $$\nSELECT 1\n$$;\n\
        CREATE FUNCTION app.g() RETURNS int LANGUAGE sql AS $$\nSELECT 2\n$$;\n\
        COMMENT ON SCHEMA app IS 'one\ntwo';\n";
    let mut desk = Desk::begun(cluster, &[FILES[0], ("schema/all.sql", tree)]).await;
    desk.forge("plan --check");
    assert!(!desk.typed.contains("line ends"), "{}", desk.typed);
    desk.write("schema/all.sql", &tree.replace('\n', "\r\n"));
    desk.typed.clear();
    desk.forge("plan --check");
    let told = "only line ends differ between the tree and the database";
    assert_eq!(desk.typed.matches(told).count(), 1, "{}", desk.typed);
    for object in [
        "function app.f()",
        "function app.g()",
        "comment on schema app",
    ] {
        assert!(desk.typed.contains(object), "{}", desk.typed);
    }
    // What differs in more is not told of so.
    desk.write("schema/all.sql", &tree.replace("SELECT 1", "SELECT 3"));
    desk.typed.clear();
    desk.forge("plan --check");
    assert!(!desk.typed.contains(told), "{}", desk.typed);
}

/// Line ends belong to a body, and a plan file whose line ends were converted is refused before anything runs.
pub(crate) async fn line_ends_that_git_converted_are_told(cluster: &Cluster) {
    let function = |name: &str, end: &str| {
        let lines = [
            &format!("CREATE FUNCTION app.{name}() RETURNS int LANGUAGE plpgsql AS $$"),
            "BEGIN",
            "  RETURN 1;",
            "END $$;",
            "",
        ];
        lines.join(end)
    };
    let (unix, windows) = (function("unix", "\n"), function("windows", "\r\n"));
    let mut desk = Desk::begun(cluster, FILES).await;
    let converted = |desk: &Desk<'_>, to: &str| {
        for file in desk.other("sh", &["-c", "ls plans/*"]).lines() {
            let path = desk.environment.project().join(file);
            let text = fs_err::read_to_string(&path).unwrap();
            fs_err::write(path, text.replace("\r\n", "\n").replace('\n', to)).unwrap();
        }
    };
    // A file that was converted as a whole is what it was, because forge ends no line with CRLF.
    desk.write("schema/unix.sql", &unix);
    forge(
        &desk,
        &["plan", "-m", "add unix", "--rev-id", "200000000000"],
    );
    forge(&desk, &["approve"]);
    converted(&desk, "\r\n");
    forge(&desk, &["apply"]);
    assert_eq!(body(&desk, "unix").await, "\nBEGIN\n  RETURN 1;\nEND ");
    // A body with CRLF stays one, unless the file was converted.
    desk.write("schema/windows.sql", &windows);
    forge(
        &desk,
        &["plan", "-m", "add windows", "--rev-id", "300000000000"],
    );
    forge(&desk, &["approve"]);
    let approved = desk.other("sh", &["-c", "cat plans/*windows.sql"]);
    for end in ["\n", "\r\n"] {
        converted(&desk, end);
        desk.typed.clear();
        desk.forge("validate");
        desk.forge("apply");
        let told = "were converted after its approval";
        assert_eq!(desk.typed.matches(told).count(), 2, "{}", desk.typed);
        assert!(
            desk.typed.contains("function app.windows()"),
            "{}",
            desk.typed
        );
        assert!(!desk.typed.contains("✓ step"), "{}", desk.typed);
    }
    assert!(approved.contains("\r\n  RETURN 1;\r\n"));
    let name = desk.other("sh", &["-c", "ls plans/*windows.sql"]);
    desk.write(name.trim(), &approved);
    forge(&desk, &["apply"]);
    assert_eq!(
        body(&desk, "windows").await,
        "\r\nBEGIN\r\n  RETURN 1;\r\nEND "
    );
    forge(&desk, &["plan", "--check"]);
}

/// What `init` writes of a database, and `drift --adopt` of what somebody changed, declares it to the byte.
pub(crate) async fn trees_of_hostile_names_are_written_and_adopted(cluster: &Cluster) {
    let seed = seed("trees of hostile names");
    let mut made_up = MadeUp {
        state: seed,
        count: 0,
    };
    let made = made_up.schema();
    let desk = Desk::new(cluster, &[]).await;
    desk.database.run(&made).await.unwrap();
    forge(&desk, &["init", "--from-db"]);
    forge(&desk, &["plan", "--check"]);
    forge(&desk, &["drift"]);
    // Another schema appears, and texts of the first one become others.
    let more = made_up.schema();
    desk.database.run(&more).await.unwrap();
    let function = made.split("CREATE FUNCTION ").nth(1).unwrap();
    let (head, _) = function.split_once(" LANGUAGE plpgsql AS '").unwrap();
    let replaced = format!(
        "CREATE OR REPLACE FUNCTION {head} LANGUAGE plpgsql AS $$\r\n  \t \u{b}BEGIN\n\u{c}RETURN E'\u{a0}{}'; \r END\u{2028}-- \n$$",
        made_up.text().replace(['\'', '\\', '$'], "")
    );
    let replaced = replaced.replace("END\u{2028}--", "END -- \u{2028}");
    desk.database.run(&replaced).await.unwrap();
    forge(&desk, &["drift", "--adopt"]);
    forge(&desk, &["plan", "--check"]);
}

/// A step's code changes how text is read, and those after it are read all the same as they were written and approved.
pub(crate) async fn a_step_does_not_change_how_the_next_is_read(cluster: &Cluster) {
    let tree = "CREATE TABLE public.texts (id int PRIMARY KEY, a text, b text);\n";
    let files = [("forge.toml", ""), ("schema/texts.sql", tree)];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.write("schema/more.sql", "CREATE TABLE public.more (id int);\n");
    desk.forge("plan -m more --rev-id 200000000000");
    let path = fs_err::read_dir(desk.environment.project().join("plans")).unwrap();
    let path = path
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.to_str().unwrap().contains("more") && !path.to_str().unwrap().contains(".down.")
        })
        .unwrap();
    let draft = fs_err::read_to_string(&path).unwrap();
    let off = "DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false), set_config('client_encoding', 'LATIN1', false); END $$;";
    let steps = format!(
        "\n-- forge:data table public.texts\n{off}\n\
         \n-- forge:data table public.texts\nINSERT INTO public.texts VALUES (1, 'a\\nö', 'b') ON CONFLICT DO NOTHING;\n\
         \n-- forge:data table public.texts\n{off}\n\
         \n-- forge:data table public.texts\n-- forge:batch key=id size=10\nUPDATE public.texts SET b = 'b\\nö';\n"
    );
    fs_err::write(&path, format!("{draft}{steps}")).unwrap();
    desk.forge("approve --allow all");
    desk.forge("apply");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
    let client = desk.database.session().client();
    let row = client
        .query_one("SELECT a, b FROM public.texts", &[])
        .await
        .unwrap();
    let found: (String, String) = (row.get(0), row.get(1));
    assert_eq!(found, ("a\\nö".to_owned(), "b\\nö".to_owned()));
}
