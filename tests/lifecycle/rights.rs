//! What a role needs: preflight knows it before, apply fails without it, and `forge grants` prints it.

use std::{process::Stdio, time::Duration};

use crate::FILES;
use support::{cluster::Cluster, desk::Desk};

/// Something that a role needs: in a database, for a change, with the words that say so and what helps. `ME`, `HOLDER` and
/// `OTHER` are roles of the test.
struct Need {
    database: &'static str,
    change: &'static str,
    lacks: &'static str,
    helps: &'static str,
}

/// What the tree and the database have in each case.
const TABLE: &str = "CREATE TABLE app.t (id int PRIMARY KEY, n int);";

const NEEDS: &[Need] = &[
    Need {
        database: "REVOKE CREATE ON SCHEMA app FROM ME",
        change: "CREATE TABLE app.new (id int);",
        lacks: "CREATE on schema app is missing: GRANT CREATE ON SCHEMA app TO",
        helps: "GRANT CREATE ON SCHEMA app TO ME",
    },
    Need {
        database: "REVOKE CREATE ON DATABASE BASE FROM ME",
        change: "CREATE SCHEMA more;",
        lacks: "CREATE on database",
        helps: "GRANT CREATE ON DATABASE BASE TO ME",
    },
    Need {
        database: "GRANT CREATE ON SCHEMA app TO OTHER",
        change: "CREATE TABLE app.new (id int); ALTER TABLE app.new OWNER TO OTHER; GRANT CREATE ON SCHEMA app TO OTHER;",
        lacks: "the new owner: GRANT",
        helps: "GRANT OTHER TO ME",
    },
    Need {
        database: "GRANT OTHER TO ME",
        change: "CREATE TABLE app.new (id int); ALTER TABLE app.new OWNER TO OTHER;",
        lacks: "the new owner, lacks CREATE on schema app",
        helps: "GRANT CREATE ON SCHEMA app TO OTHER",
    },
    Need {
        database: "SELECT",
        change: "ALTER DEFAULT PRIVILEGES FOR ROLE OTHER IN SCHEMA app GRANT SELECT ON TABLES TO pg_monitor;",
        lacks: "default privileges of",
        helps: "GRANT OTHER TO ME",
    },
    Need {
        database: "SELECT",
        change: "CREATE TABLE app.new (id int REFERENCES app.t);",
        lacks: "REFERENCES on app.t is missing: GRANT REFERENCES ON TABLE app.t TO",
        helps: "GRANT REFERENCES ON TABLE app.t TO ME",
    },
    Need {
        database: "SELECT",
        change: "CREATE FUNCTION app.fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
                 CREATE TRIGGER fires BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.fired();",
        lacks: "TRIGGER on app.t is missing: GRANT TRIGGER ON TABLE app.t TO",
        helps: "GRANT TRIGGER ON TABLE app.t TO ME",
    },
    Need {
        database: "SELECT",
        change: "CREATE FUNCTION app.new() RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1';",
        lacks: "LEAKPROOF needs a superuser",
        helps: "ALTER ROLE ME SUPERUSER",
    },
    Need {
        database: "SELECT",
        change: "CREATE EXTENSION dblink SCHEMA app;",
        lacks: "extension dblink is not trusted and needs a superuser",
        helps: "ALTER ROLE ME SUPERUSER",
    },
    Need {
        database: "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION app.f() OWNER TO HOLDER",
        change: "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 2';",
        lacks: "function app.f() belongs to",
        helps: "GRANT HOLDER TO ME",
    },
    Need {
        database: "CREATE TYPE app.mood AS ENUM ('sad'); ALTER TYPE app.mood OWNER TO HOLDER",
        change: "CREATE TYPE app.mood AS ENUM ('sad', 'happy');",
        lacks: "enum app.mood belongs to",
        helps: "GRANT HOLDER TO ME",
    },
    Need {
        database: "CREATE TYPE app.mood AS ENUM ('sad'); ALTER TYPE app.mood OWNER TO HOLDER; REVOKE USAGE ON TYPE app.mood FROM PUBLIC",
        change: "CREATE TYPE app.mood AS ENUM ('sad'); REVOKE USAGE ON TYPE app.mood FROM PUBLIC; CREATE TABLE app.new (m app.mood);",
        lacks: "USAGE on type app.mood is missing: GRANT USAGE ON TYPE app.mood TO",
        helps: "GRANT USAGE ON TYPE app.mood TO ME",
    },
    Need {
        database: "GRANT SELECT ON app.t TO ME",
        change: "GRANT SELECT ON app.t TO pg_monitor;",
        lacks: "SELECT on app.t can be granted or revoked only with the grant option",
        helps: "GRANT SELECT ON app.t TO ME WITH GRANT OPTION",
    },
    Need {
        database: "SELECT",
        change: "ALTER TABLE app.t ADD COLUMN more int;",
        lacks: "app.t belongs to",
        helps: "GRANT HOLDER TO ME",
    },
    Need {
        database: "SELECT",
        change: "CREATE INDEX t_n ON app.t (n);",
        lacks: "app.t belongs to",
        helps: "GRANT HOLDER TO ME",
    },
    Need {
        database: "SELECT",
        change: "COMMENT ON TABLE app.t IS 'told';",
        lacks: "app.t belongs to",
        helps: "GRANT HOLDER TO ME",
    },
];

/// The roles of a test, which the whole server has.
struct Roles {
    me: String,
    owner: String,
    other: String,
    base: String,
}

impl Roles {
    async fn new(desk: &Desk<'_>) -> Self {
        let variables = desk.database.variables();
        let base = variables.iter().find(|(key, _)| *key == "PGDATABASE");
        let base = base.unwrap().1.clone();
        let roles = Self {
            me: format!("{base}_me"),
            owner: format!("{base}_owner"),
            other: format!("{base}_other"),
            base,
        };
        let sql = "CREATE ROLE ME LOGIN; CREATE ROLE HOLDER; CREATE ROLE OTHER;";
        desk.database.run(&roles.named(sql)).await.unwrap();
        roles
    }

    fn named(&self, sql: &str) -> String {
        let words: Vec<String> = sql
            .split_inclusive(|c: char| !c.is_alphanumeric() && c != '_')
            .map(|word| {
                let end = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
                let name = match end {
                    "ME" => &self.me,
                    "HOLDER" => &self.owner,
                    "OTHER" => &self.other,
                    "BASE" => &self.base,
                    other => other,
                };
                format!("{name}{}", &word[end.len()..])
            })
            .collect();
        words.concat()
    }
}

/// Runs forge as a role: what it says, and its exit code.
fn run_as(desk: &Desk<'_>, role: &str, args: &[&str]) -> (String, i32) {
    let output = desk
        .environment
        .command(args)
        .env("PGUSER", role)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    (said, output.status.code().unwrap())
}

fn succeeds_as(desk: &Desk<'_>, role: &str, args: &[&str]) -> String {
    let (said, code) = run_as(desk, role, args);
    assert_eq!(code, 0, "{args:?} as {role}: {said}");
    said
}

/// The line of `preflight` about rights, with what belongs to it.
fn rights(said: &str) -> String {
    let lines = said.lines().skip_while(|line| !line.contains(" rights"));
    let mut lines = lines.enumerate();
    lines
        .by_ref()
        .take_while(|(number, line)| *number == 0 || line.starts_with("  "))
        .map(|(_, line)| line.trim())
        .collect::<Vec<_>>()
        .join(" ")
}

/// For each need: preflight names it and what helps, apply fails; once it is granted, preflight is content and apply succeeds.
pub(crate) async fn preflight_knows_what_apply_needs(cluster: &Cluster) {
    for need in NEEDS {
        let desk = Desk::new(cluster, FILES).await;
        let roles = Roles::new(&desk).await;
        let me = roles.me.as_str();
        let setup = format!(
            "{} {TABLE} ALTER SCHEMA app OWNER TO HOLDER; ALTER TABLE app.t OWNER TO HOLDER;
             GRANT USAGE, CREATE ON SCHEMA app TO ME; GRANT CREATE ON DATABASE BASE TO ME; {}",
            FILES[1].1, need.database
        );
        let setup = roles.named(&setup);
        desk.database.run(&setup).await.unwrap();
        let change = roles.named(need.change);
        desk.write("schema/t.sql", &format!("{TABLE}\n{change}\n"));
        succeeds_as(&desk, me, &["plan", "-m", "change it"]);
        succeeds_as(&desk, me, &["approve", "--allow", "all"]);

        let (said, code) = run_as(&desk, me, &["preflight"]);
        let told = rights(&said);
        assert!(
            told.starts_with('✗') && told.contains(need.lacks),
            "{}: {said}",
            need.change
        );
        assert_eq!(code, 3, "{said}");
        let (said, code) = run_as(&desk, me, &["apply"]);
        assert_ne!(code, 0, "{}: {said}", need.change);
        assert!(!said.contains("result-differs"), "{}: {said}", need.change);

        desk.database.run(&roles.named(need.helps)).await.unwrap();
        let (said, _) = run_as(&desk, me, &["preflight"]);
        assert!(rights(&said).starts_with('✓'), "{}: {said}", need.change);
        succeeds_as(&desk, me, &["apply"]);
        if need.helps.ends_with("TO ME") {
            succeeds_as(&desk, me, &["plan", "--check"]);
        }
        desk.database
            .run(&roles.named("ALTER ROLE ME NOSUPERUSER NOLOGIN"))
            .await
            .unwrap();
    }
}

/// The printed statements are all that the roles need: for a whole cycle, with owners that are no superusers, granted by an
/// administrator who is none either, as on a hosted server.
pub(crate) async fn printed_grants_are_enough(cluster: &Cluster) {
    let desk = Desk::new(cluster, FILES).await;
    let roles = Roles::new(&desk).await;
    let admin = format!("{}_admin", roles.base);
    let (planner, watcher) = (
        format!("{}_planner", roles.base),
        format!("{}_watcher", roles.base),
    );
    let more =
        "CREATE VIEW app.names AS SELECT name FROM app.users; CREATE TYPE app.mood AS ENUM ('sad');
        CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';";
    desk.write("schema/more.sql", more);
    let (base, owner) = (&roles.base, &roles.owner);
    desk.database
        .run(&format!(
            "CREATE ROLE {admin} LOGIN CREATEROLE CREATEDB IN ROLE pg_monitor; CREATE ROLE {planner} LOGIN;
             CREATE ROLE {watcher} LOGIN; GRANT {owner} TO {admin} WITH ADMIN OPTION;
             GRANT pg_read_all_stats TO {admin} WITH ADMIN OPTION;
             ALTER DATABASE {base} OWNER TO {admin}; REVOKE ALL ON DATABASE {base} FROM PUBLIC;
             {} {more}
             ALTER SCHEMA app OWNER TO {owner}; ALTER TABLE app.users OWNER TO {owner}; ALTER VIEW app.names OWNER TO {owner};
             ALTER TYPE app.mood OWNER TO {owner}; ALTER FUNCTION app.f() OWNER TO {owner};",
            FILES[1].1
        ))
        .await
        .unwrap();
    let granted = |role: &str, purpose: &str| {
        let output = desk
            .environment
            .command(&["grants", "--role", role, "--for", purpose])
            .env("PGUSER", &admin)
            .output()
            .unwrap();
        let sql = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let psql = desk
            .environment
            .program("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", &sql])
            .env("PGUSER", &admin)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&psql.stderr).into_owned();
        assert!(psql.status.success() && said.is_empty(), "{sql}\n{said}");
    };
    let (_, code) = run_as(&desk, &roles.me, &["plan", "--check"]);
    assert_ne!(code, 0, "the role can do nothing yet");
    granted(&roles.me, "apply");
    succeeds_as(&desk, &roles.me, &["plan", "--check"]);
    desk.write(
        "schema/new.sql",
        "CREATE SCHEMA new; CREATE TABLE new.t (id int PRIMARY KEY REFERENCES app.users);
         ALTER TABLE app.users ADD COLUMN mood app.mood; CREATE INDEX users_name ON app.users (name);
         COMMENT ON TABLE app.users IS 'people'; GRANT SELECT ON app.users TO pg_monitor;",
    );
    succeeds_as(&desk, &roles.me, &["plan", "-m", "change all sorts"]);
    succeeds_as(&desk, &roles.me, &["approve", "--allow", "all"]);
    let (said, _) = run_as(&desk, &roles.me, &["preflight"]);
    assert!(rights(&said).starts_with('✓'), "{said}");
    succeeds_as(&desk, &roles.me, &["apply"]);
    for args in [
        &["drift"][..],
        &["downgrade", "-1", "--allow", "all"],
        &["apply"],
        &["plan", "--check"],
        &["verify"],
        &["status"],
    ] {
        succeeds_as(&desk, &roles.me, args);
    }

    // The history belongs to the role that applies, so it grants the reading.
    desk.database
        .run(&format!("GRANT {} TO {admin} WITH ADMIN OPTION", roles.me))
        .await
        .unwrap();
    for (role, purpose) in [(&planner, "plan"), (&watcher, "drift")] {
        let (_, code) = run_as(&desk, role, &["drift"]);
        assert_ne!(code, 0, "{role} can do nothing yet");
        granted(role, purpose);
    }
    for args in [
        &["status"][..],
        &["history"],
        &["drift"],
        &["plan", "--check"],
    ] {
        succeeds_as(&desk, &planner, args);
    }
    for args in [&["drift"][..], &["verify"]] {
        succeeds_as(&desk, &watcher, args);
    }
    desk.write("schema/later.sql", "CREATE TABLE app.later (id int);");
    succeeds_as(&desk, &planner, &["plan", "-m", "add later"]);
    succeeds_as(&desk, &planner, &["approve"]);
    for role in [&planner, &watcher] {
        let (said, code) = run_as(&desk, role, &["apply"]);
        assert_ne!(code, 0, "{said}");
    }
    succeeds_as(&desk, &roles.me, &["apply"]);
    desk.database
        .run(&format!(
            "ALTER ROLE {admin} NOLOGIN; ALTER ROLE {planner} NOLOGIN; ALTER ROLE {watcher} NOLOGIN; ALTER ROLE {} NOLOGIN",
            roles.me
        ))
        .await
        .unwrap();
}

/// Whoever reads the catalog while somebody holds a table is told whom that waits for.
pub(crate) async fn who_keeps_the_catalog_from_being_read_is_told(cluster: &Cluster) {
    let view = "CREATE VIEW app.names AS SELECT name FROM app.users;\n";
    let mut desk = Desk::begun(cluster, &[FILES[0], FILES[1], ("schema/names.sql", view)]).await;
    desk.write("schema/more.sql", "CREATE TABLE app.more (id int);\n");
    desk.forge("plan -m \"add more\" --rev-id 200000000000");
    desk.forge("approve");
    desk.write("schema/even.sql", "CREATE TABLE app.even (id int);\n");
    for args in [
        &["plan", "--check"][..],
        &["drift"],
        &["preflight"],
        &["apply"],
    ] {
        desk.database
            .run("SET application_name = 'the one in the way'; BEGIN; LOCK TABLE app.users IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let mut command = desk.environment.command(args);
        let running = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        desk.database.run("COMMIT").await.unwrap();
        let output = running.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("waits for a lock of process"),
            "{args:?}: {said}"
        );
        assert!(said.contains("the one in the way"), "{args:?}: {said}");
        assert!(!said.contains("LOCK TABLE"), "{args:?}: {said}");
    }
}

/// Changes of the tree that name a role, which is `OTHER`.
const NAMING: &[&str] = &[
    "GRANT SELECT ON app.t TO OTHER;",
    "GRANT SELECT (n) ON app.t TO OTHER;",
    "GRANT USAGE ON SCHEMA app TO OTHER;",
    "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION app.f() TO OTHER;",
    "CREATE SEQUENCE app.s; GRANT USAGE ON SEQUENCE app.s TO OTHER;",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO OTHER;",
    "ALTER DEFAULT PRIVILEGES FOR ROLE OTHER IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC;",
    "CREATE POLICY mine ON app.t TO OTHER USING (true);",
    "ALTER TABLE app.t OWNER TO OTHER;",
    "CREATE SCHEMA more AUTHORIZATION OTHER;",
];

/// A role that the server does not have is told with what makes it, before anything is run.
pub(crate) async fn a_role_that_is_missing_is_told_before_the_first_step(cluster: &Cluster) {
    for change in NAMING {
        let desk = Desk::new(cluster, FILES).await;
        let variables = desk.database.variables();
        let (_, base) = variables
            .iter()
            .find(|(key, _)| *key == "PGDATABASE")
            .unwrap();
        let other = format!("{base}_other");
        let me = variables.iter().find(|(key, _)| *key == "PGUSER");
        let me = me.map_or("postgres", |(_, user)| user.as_str());
        let setup = format!("{} {TABLE}", FILES[1].1);
        desk.database.run(&setup).await.unwrap();
        let change = change.replace("OTHER", &other);
        desk.write("schema/t.sql", &format!("{TABLE}\n{change}\n"));
        let missing = format!("role `{other}` does not exist: CREATE ROLE {other}");
        let said = succeeds_as(&desk, me, &["plan", "-m", "name a role"]);
        assert!(said.contains(&missing), "{change}: {said}");
        succeeds_as(&desk, me, &["approve", "--allow", "all"]);
        let (said, code) = run_as(&desk, me, &["preflight"]);
        let told = rights(&said);
        assert!(
            told.starts_with('✗') && told.contains(&missing),
            "{change}: {said}"
        );
        assert_eq!(code, 3, "{change}: {said}");
        for args in [&["apply", "--dry-run"][..], &["apply"]] {
            let (said, code) = run_as(&desk, me, args);
            assert!(said.contains(&missing), "{change}: {said}");
            assert!(said.contains("error[target-changed]"), "{change}: {said}");
            assert_eq!(code, 3, "{change}: {said}");
        }
        // What it may do is another matter.
        let create = format!("CREATE ROLE {other} SUPERUSER");
        desk.database.run(&create).await.unwrap();
        let said = succeeds_as(&desk, me, &["preflight"]);
        assert!(rights(&said).starts_with('✓'), "{change}: {said}");
        succeeds_as(&desk, me, &["apply"]);
        let drop = format!("DROP OWNED BY {other} CASCADE; DROP ROLE {other}");
        desk.database.run(&drop).await.unwrap();
    }
}
