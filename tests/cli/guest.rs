//! Plans that are proved on a server of the user's, where other roles stand for those that the files name.

use support::{TestEnvironment, server::Server};

/// What says something of the role that plans, and what no kind models. Publications of whole schemas came with PostgreSQL 15.
const OWN: &str = "\
CREATE SCHEMA app;
CREATE TABLE app.users (id bigint PRIMARY KEY, name text NOT NULL);
CREATE PUBLICATION everything FOR TABLE app.users;
CREATE SUBSCRIPTION theirs CONNECTION 'host=elsewhere password=hunter2' PUBLICATION everything WITH (connect = false);
GRANT SELECT ON app.users TO postgres;
ALTER TABLE app.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.users TO postgres;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA app GRANT SELECT ON TABLES TO postgres;
";

/// What needs a superuser besides.
const FOREIGN: &str = "\
CREATE FOREIGN DATA WRAPPER files;
CREATE SERVER here FOREIGN DATA WRAPPER files;
CREATE USER MAPPING FOR postgres SERVER here;
";

#[test]
fn the_role_that_plans_is_named_where_another_stands_for_it() {
    let mut environment = TestEnvironment::new()
        .file("forge.toml", "[environments.local]\nurl = \"embedded\"\n")
        .file("schema/own.sql", OWN)
        .variable("FORGE_OFFLINE", "1");
    let server = Server::start(&environment);
    let url = format!("postgresql://postgres@/app?host={}", server.folder());
    environment = environment
        .variable("DATABASE_URL", &url)
        .variable("FORGE_SHADOW_URL", &url);
    let steps = [
        "create schema app",
        "create table app.users",
        "create policy app.users.own",
        "alter table app.users",
        "create default privilege app.postgres.tables to postgres",
    ];
    let expect = |args: &[&str], said: &[&str]| {
        let text = environment.run(args);
        assert!(text.ends_with("[exit 0]\n"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        for words in said {
            assert!(text.contains(words), "{words}\n{text}");
        }
    };
    expect(&["plan", "-m", "my own"], &steps);
    let foreign = environment.project().join("schema/foreign.sql");
    fs_err::write(&foreign, FOREIGN).unwrap();
    let refused = environment.run(&["plan", "-m", "my own", "--shadow", "url"]);
    for words in [
        "error[unprivileged]",
        "schema/foreign.sql:1:1",
        "needs a superuser",
        "--shadow local",
        "[exit 1]",
    ] {
        assert!(refused.contains(words), "{words}\n{refused}");
    }
    let planned = [
        "`CREATE SUBSCRIPTION theirs CONNECTION` is left out",
        "`foreign-data wrapper files` of the schema tree isn't in the database",
        "`publication everything` of the schema tree isn't in the database",
        "`server here` of the schema tree isn't in the database",
        "`user mapping postgres on server here` of the schema tree isn't in the database",
    ];
    expect(&["plan", "-m", "my own", "--shadow", "local"], &planned);
    // Who hasn't insisted on the named server gets a private one, and is told.
    let private = [
        "a statement needs a superuser, so the shadow server is private PostgreSQL",
        "schema/foreign.sql:1:1",
    ];
    expect(
        &["plan", "-m", "my own"],
        &[&planned[..], &private].concat(),
    );
    // Where none can be had, both are said.
    let nowhere = environment.run(&["plan", "-m", "my own", "--shadow-bin", "/nowhere"]);
    for words in [
        "error[unprivileged]",
        "schema/foreign.sql:1:1",
        "error[no-shadow]",
        "`/nowhere` has no PostgreSQL to use",
        "[exit 1]",
    ] {
        assert!(nowhere.contains(words), "{words}\n{nowhere}");
    }
    fs_err::remove_file(&foreign).unwrap();
    expect(&["approve", "--all"], &[]);
    expect(&["apply"], &steps);
    let kept = "CREATE PUBLICATION everything FOR TABLE app.users";
    server.sql_as("postgres", kept);
    expect(&["plan", "--check"], &["no changes"]);
}
