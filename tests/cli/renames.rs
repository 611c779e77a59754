//! `forge plan` where something is called otherwise from now on.

use std::process::Output;

use insta::assert_snapshot;

use support::{
    TestEnvironment,
    cluster::{Cluster, Database},
};

/// A project on a database of its own.
struct Project {
    runtime: tokio::runtime::Runtime,
    environment: TestEnvironment,
    database: Option<Database>,
    _cluster: Cluster,
}

impl Project {
    fn new(live: &str) -> Self {
        let cluster = Cluster::start();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        let database = runtime.block_on(cluster.database(live));
        let database = database.unwrap_or_else(|failed| panic!("{failed:?}"));
        let environment = database.variables().into_iter().fold(
            TestEnvironment::new().file("forge.toml", ""),
            |environment, (name, value)| environment.variable(name, &value),
        );
        Self {
            runtime,
            environment,
            database: Some(database),
            _cluster: cluster,
        }
    }

    fn declare(&self, schema: &str) {
        let folder = self.environment.project().join("schema");
        fs_err::create_dir_all(&folder).expect("the project can be written");
        fs_err::write(folder.join("app.sql"), schema).expect("the project can be written");
    }

    fn forge(&self, args: &[&str]) -> Output {
        self.environment
            .command(args)
            .output()
            .expect("forge starts")
    }

    /// Runs forge, which has to end well.
    fn succeeds(&self, args: &[&str]) -> String {
        let output = self.forge(args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}\n{stderr}");
        stderr
    }

    /// The first column of a query's only row.
    fn answer(&self, query: &str) -> String {
        let database = self.database.as_ref().expect("the test goes on");
        let client = database.session().client();
        let row = self.runtime.block_on(client.query_one(query, &[]));
        row.expect("the query has one row").get(0)
    }

    fn run(&self, script: &str) {
        let database = self.database.as_ref().expect("the test goes on");
        let ran = self.runtime.block_on(database.run(script));
        ran.unwrap_or_else(|failed| panic!("{failed:?}"));
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if let Some(database) = self.database.take() {
            // A test that fails has more to say than this.
            drop(self.runtime.block_on(database.drop()));
        }
    }
}

const PEOPLE: &str = "\
CREATE SCHEMA app;
CREATE TABLE app.people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE VIEW app.names AS SELECT name FROM app.people;
CREATE FUNCTION app.size() RETURNS bigint LANGUAGE plpgsql
AS $$ BEGIN RETURN (SELECT count(name) FROM app.people); END $$;
";

const USERS: &str = "\
CREATE SCHEMA app;
-- forge: renamed from people
CREATE TABLE app.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    full_name text NOT NULL, -- forge: renamed from name
    handle text NOT NULL -- forge: backfill lower(full_name)
);
CREATE VIEW app.names AS SELECT full_name AS name FROM app.users;
CREATE FUNCTION app.size() RETURNS bigint LANGUAGE plpgsql
AS $$ BEGIN RETURN (SELECT count(full_name) FROM app.users); END $$;
";

#[test]
fn forth_and_back() {
    let project = Project::new("");
    project.declare(PEOPLE);
    for args in [&["plan"][..], &["approve", "--all"], &["apply"]] {
        project.succeeds(args);
    }
    project.run("INSERT INTO app.people (name) VALUES ('Ann'), ('Bob')");

    project.declare(USERS);
    project.succeeds(&["plan"]);
    project.succeeds(&["approve", "--all"]);
    project.succeeds(&["apply"]);
    project.succeeds(&["drift"]);
    let users = "SELECT string_agg(id || full_name || handle, ' ' ORDER BY id) || app.size() FROM app.users";
    assert_eq!(project.answer(users), "1Annann 2Bobbob2");
    assert_eq!(
        project.answer("SELECT nextval('app.users_id_seq')::text"),
        "3"
    );
    let told = project.succeeds(&["plan"]);
    assert!(told.contains("no changes"), "{told}");
    assert_eq!(told.matches("delete it").count(), 3, "{told}");

    let refused = project.forge(&["downgrade", "-1"]);
    assert_eq!(refused.status.code(), Some(3), "the handles would be lost");
    project.succeeds(&[
        "downgrade",
        "-1",
        "--allow",
        "deletes-data:app.users.handle",
    ]);
    project.succeeds(&["drift"]);
    let people = "SELECT string_agg(id || name, ' ' ORDER BY id) || app.size() FROM app.people";
    assert_eq!(project.answer(people), "1Ann 2Bob2");
}

#[test]
fn a_database_that_changed_meanwhile() {
    let project = Project::new(PEOPLE);
    project.declare(USERS);
    project.succeeds(&["plan"]);
    project.succeeds(&["approve", "--all"]);
    project.run("ALTER TABLE app.people ALTER name SET STATISTICS 7");
    let output = project.forge(&["apply"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    // It is told by the name that it has there.
    assert!(
        stderr.contains("`column app.people.name` is not as it was"),
        "{stderr}"
    );
}

#[test]
fn what_is_said_of_it() {
    let project = Project::new(
        "CREATE SCHEMA app; CREATE TABLE app.a (id int); CREATE TABLE app.b (id int);",
    );
    let check = |schema: &str, flags: &[&str]| {
        project.declare(schema);
        let args: Vec<&str> = ["plan", "--check", "-q"]
            .iter()
            .chain(flags)
            .copied()
            .collect();
        format!("{schema}\n{}", project.environment.run(&args))
    };
    let text = [
        // The old name is declared as well.
        check(
            "CREATE SCHEMA app;\nCREATE TABLE app.a (id int);\nCREATE TABLE app.b (id int);\n-- forge: renamed from a\nCREATE TABLE app.c (id int);\n",
            &[],
        ),
        // Two want the same.
        check(
            "CREATE SCHEMA app;\n-- forge: renamed from a\nCREATE TABLE app.c (id int);\n-- forge: renamed from a\nCREATE TABLE app.d (id int);\n",
            &[],
        ),
        // Directives would exchange the names again and again.
        check(
            "CREATE SCHEMA app;\n-- forge: renamed from b\nCREATE TABLE app.a (id int);\n-- forge: renamed from a\nCREATE TABLE app.b (id int);\n",
            &[],
        ),
        // Flags name what isn't there.
        check(
            "CREATE SCHEMA app;\nCREATE TABLE app.a (id int);\nCREATE TABLE app.c (id int);\n",
            &[
                "--rename",
                "app.b=app.x",
                "--rename",
                "app.y=app.c",
                "--rename",
                "app.b=app.a",
            ],
        ),
        check("", &["--rename", "app"]),
        // Without a word nothing is taken for anything else.
        check(
            "CREATE SCHEMA app;\nCREATE TABLE app.a (id int);\nCREATE TABLE app.c (id int);\n",
            &[],
        ),
        // A flag says it once.
        check(
            "CREATE SCHEMA app;\nCREATE TABLE app.a (id int);\nCREATE TABLE app.c (id int);\n",
            &["--rename", "app.b=app.c"],
        ),
    ];
    assert_snapshot!(text.join("========\n"));
}
