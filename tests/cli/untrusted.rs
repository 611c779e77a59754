//! Files that nobody has reviewed, and drafts that somebody has edited, run no commands on the machine that plans.

use support::{TestEnvironment, server::Server};

/// One literal to the parser; two statements to a server for which a backslash escapes.
const TREE: &str = "\
CREATE SCHEMA app;
CREATE EXTENSION dblink SCHEMA app;
CREATE TABLE app.t (a int);
COMMENT ON SCHEMA app IS 'x\\''; COPY (SELECT 1) TO PROGRAM $q$touch PROOF$q$; --';
";

const SWITCH: &str =
    "DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$;\n";

#[test]
fn neither_a_tree_nor_a_draft_runs_commands() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs_err::set_permissions(folder.path(), open).unwrap();
    let proof = folder.path().join("proof");
    let tree = TREE.replace("PROOF", proof.to_str().unwrap());
    let mut environment = TestEnvironment::new()
        .file(
            "forge.toml",
            "[naming]\ntemplate = \"{slug}\"\n\n[environments.local]\nurl = \"embedded\"\n",
        )
        .file("schema/app.sql", &tree)
        .variable("FORGE_OFFLINE", "1");
    let server = Server::start(&environment);
    // Consent to the extension, by the server's administrator.
    server.sql_as(
        "postgres",
        "CREATE SCHEMA elsewhere; CREATE EXTENSION dblink SCHEMA elsewhere",
    );
    let url = format!("postgresql://postgres@/app?host={}", server.folder());
    server.sql_as("postgres", "CREATE DATABASE empty");
    let target = format!("postgresql://postgres@/empty?host={}", server.folder());
    environment = environment
        .variable("DATABASE_URL", &target)
        .variable("FORGE_SHADOW_URL", &url);
    let app = environment.project().join("schema/app.sql");
    let switched = tree.replace("CREATE TABLE", &format!("{SWITCH}CREATE TABLE"));
    for shadow in ["local", "url"] {
        fs_err::write(&app, &switched).unwrap();
        let checked = environment.run(&["plan", "--check", "--shadow", shadow]);
        assert!(checked.ends_with("[exit 2]\n"), "{checked}");
        assert!(
            checked.contains("COMMENT ON SCHEMA app IS E'x\\\\''; COPY"),
            "{checked}"
        );

        fs_err::write(&app, &tree).unwrap();
        let name = format!("a {shadow}");
        let planned = environment.run(&["plan", "-m", &name, "--shadow", shadow]);
        assert!(planned.ends_with("[exit 0]\n"), "{planned}");
        let plans = environment.project().join("plans");
        let draft = plans.join(format!("a_{shadow}.sql"));
        let text = fs_err::read_to_string(&draft).unwrap();
        let comment = text.find("COMMENT ON SCHEMA app").unwrap();
        let begin = text[..comment].rfind("-- forge:step").unwrap();
        let (before, after) = text.split_at(begin);
        let step = format!("-- forge:step 90 alter schema app\n-- it switches\n{SWITCH}\n");
        let edited = format!("{before}{step}{after}");
        fs_err::write(&draft, edited).unwrap();
        let approved = environment.run(&["approve", "--allow", "all", "--shadow", shadow]);
        assert!(approved.contains("it is proved again"), "{approved}");
        assert!(approved.ends_with("[exit 0]\n"), "{approved}");
        assert!(!proof.exists(), "{shadow}");
        fs_err::remove_dir_all(plans).unwrap();
    }
}
