//! forge in another program: `examples/embed.rs`.

use std::cell::RefCell;

use camino::Utf8PathBuf;
use forge::{
    commands::{self, Choices, Project},
    diagnostic::{Code, Result},
    environment::Environment,
    listener::{Listener, Message, Progress, Silent},
};
use support::TestEnvironment;

// By its path: what the test runs is the example, and not a copy.
#[expect(dead_code, reason = "the test calls what its `main` calls")]
#[path = "../../examples/embed.rs"]
mod embed;

/// Keeps the one-line messages that commands tell.
#[derive(Default)]
struct Kept(RefCell<Vec<String>>);

impl Listener for Kept {
    fn hear(&self, message: Message<'_>) {
        if let Message::Notes(lines) = message {
            self.0.borrow_mut().extend_from_slice(lines);
        }
    }

    fn begin(&self, what: String) -> Box<dyn Progress> {
        Silent.begin(what)
    }
}

/// The project of a test, without the environment that runs the tests.
fn open(environment: &TestEnvironment) -> Result<Project<'static>> {
    let folder = Utf8PathBuf::from_path_buf(environment.project()).expect("the path is UTF-8");
    let home = folder.join("../home").into_string();
    let variables = [
        ("HOME", home.as_str()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("LC_ALL", "C.UTF-8"),
        ("FORGE_OFFLINE", "1"),
    ];
    let variables: Environment = variables.into_iter().collect();
    Project::open_in(&folder, &Choices::default(), variables)
}

fn keep(environment: &TestEnvironment) -> Result<(String, Vec<String>)> {
    commands::block_on(async || {
        let kept = Kept::default();
        let said = embed::keep(&open(environment)?.heard_by(&kept)).await?;
        Ok((said, kept.0.into_inner()))
    })
}

#[test]
fn a_program_keeps_its_own_database() {
    let environment = TestEnvironment::new()
        .file(
            "forge.toml",
            "[project]\ndefault_environment = \"dev\"\n[environments.dev]\nurl = \"embedded\"\n",
        )
        .file("schema/users.sql", "CREATE TABLE users (id bigint);\n")
        .variable("FORGE_OFFLINE", "1");

    let (said, heard) = keep(&environment).unwrap();
    assert_eq!(said, "applied steps: 1");
    assert!(
        heard.iter().any(|line| line.starts_with("target: ")),
        "{heard:?}"
    );
    assert_eq!(keep(&environment).unwrap().0, "nothing to do");

    let environment = environment.file(
        "schema/users.sql",
        "CREATE TABLE users (id bigint, name text);\n",
    );
    assert_eq!(keep(&environment).unwrap().0, "applied steps: 1");

    // A step that deletes rows is for a person.
    let environment = environment.file("schema/users.sql", "CREATE TABLE users (id bigint);\n");
    assert_eq!(keep(&environment).unwrap_err().code(), Code::Hazard);

    let text = environment.run(&[
        "embedded",
        "--",
        "psql",
        "-Xqc",
        "ALTER TABLE users ADD COLUMN by_hand text",
    ]);
    assert!(text.ends_with("[exit 0]\n"), "{text}");
    assert_eq!(keep(&environment).unwrap().0, "objects changed by hand: 1");
    let report = commands::block_on(async || commands::drift(&open(&environment)?).await).unwrap();
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["objects"][0]["object"], "table public.users");
}
