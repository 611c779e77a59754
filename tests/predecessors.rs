//! Projects that begin with a database that another tool has brought to where it is: `forge init --from-db`.

#![expect(
    clippy::unwrap_used,
    reason = "a desk that can't be set fails the test"
)]

use std::process::ExitCode;

use clap::CommandFactory as _;
use forge::{
    catalog::Catalog,
    cli::Cli,
    introspect::{Cast, introspect},
    kinds::ObjectId,
    predecessor::{Predecessor, Tool, recognise, versions},
};
use insta::assert_snapshot;
use support::{
    cluster::Cluster,
    desk::{self, Desk},
};

fn main() -> ExitCode {
    desk::run(support::trials![
        books_are_told_from_their_namesakes,
        books_that_others_need_stay,
        commands_that_are_named_exist,
        beside_alembic,
        beside_flyway,
        without_a_right_to_keep_a_history,
        without_a_baseline,
        with_nothing_to_begin_with,
    ])
}

/// The text of a fixture: a tool's books, and in the schema `other` tables of the same name that are somebody's own.
fn books(name: &str) -> String {
    let path = format!(
        "{}/fixtures/predecessors/{name}.sql",
        env!("CARGO_MANIFEST_DIR")
    );
    fs_err::read_to_string(path).unwrap()
}

/// What is found in a database with this in it.
async fn found(cluster: &Cluster, script: &str) -> (Catalog, Vec<Predecessor>, Vec<Vec<String>>) {
    let database = cluster.database(script).await.unwrap();
    let catalog = introspect(database.session(), &Cast::new()).await.unwrap();
    let found = recognise(&catalog);
    let versions = versions(database.session(), &found).await.unwrap();
    database.drop().await.unwrap();
    (catalog, found, versions)
}

async fn books_are_told_from_their_namesakes(cluster: &Cluster) {
    let expected = [
        (
            "alembic",
            "Alembic",
            "public.alembic_version",
            "1975ea83b712",
        ),
        ("flyway", "Flyway", "shop.flyway_schema_history", "1.1"),
        ("flyway_before_5", "Flyway", "public.schema_version", ""),
        (
            "liquibase",
            "Liquibase",
            "public.databasechangelog public.databasechangeloglock",
            "add-email of bob",
        ),
        (
            "django",
            "Django",
            "public.django_migrations",
            "auth.0002_alter_permission_name_max_length shop.0001_initial",
        ),
        (
            "django_before_4_1",
            "Django",
            "public.django_migrations",
            "",
        ),
        (
            "rails",
            "Rails",
            "public.schema_migrations public.ar_internal_metadata",
            "20260203040506",
        ),
        (
            "prisma",
            "Prisma",
            "public._prisma_migrations",
            "20260103000000_add_email",
        ),
        (
            "diesel",
            "Diesel",
            "public.__diesel_schema_migrations",
            "20260102030405",
        ),
        ("sqlx", "sqlx", "public._sqlx_migrations", "20260102030405"),
        (
            "golang_migrate",
            "golang-migrate",
            "public.schema_migrations",
            "20260102030405 (dirty)",
        ),
        (
            "goose",
            "goose",
            "public.goose_db_version",
            "20260102030405",
        ),
        (
            "dbmate",
            "dbmate",
            "public.schema_migrations",
            "20260203040506",
        ),
    ];
    for (fixture, tool, tables, version) in expected {
        let (catalog, found, versions) = found(cluster, &books(fixture)).await;
        let [one] = found.as_slice() else {
            panic!("{fixture}: {found:?}");
        };
        let names: Vec<String> = one.tables.iter().map(ObjectId::sql).collect();
        let shown = (one.tool.name, names.join(" "), versions[0].join(" "));
        assert_eq!(
            (shown.0, shown.1.as_str(), shown.2.as_str()),
            (tool, tables, version),
            "{fixture}"
        );
        assert!(one.needed_by(&catalog).is_empty(), "{fixture}");
    }
    let told: Vec<&str> = expected.iter().map(|(_, tool, ..)| *tool).collect();
    for tool in Tool::all() {
        assert!(told.contains(&tool.name), "{} has no fixture", tool.name);
    }
    let fixtures = format!("{}/fixtures/predecessors", env!("CARGO_MANIFEST_DIR"));
    let fixtures = fs_err::read_dir(fixtures).unwrap().count();
    assert_eq!(fixtures, expected.len(), "a fixture that nothing reads");
}

async fn books_that_others_need_stay(cluster: &Cluster) {
    let view = "CREATE VIEW other.version AS SELECT version_num FROM public.alembic_version;";
    let (catalog, found, _) = found(cluster, &(books("alembic") + view)).await;
    let needed_by: Vec<String> = found[0]
        .needed_by(&catalog)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(needed_by, ["view other.version"]);
}

async fn commands_that_are_named_exist(_cluster: &Cluster) {
    for tool in Tool::all() {
        for (theirs, ours) in tool.commands {
            let words = ["forge"].into_iter().chain(ours.split(' '));
            let parsed = Cli::command().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{theirs}: forge {ours}: {parsed:?}");
        }
    }
}

/// What an application of three objects looks like, whoever made it.
const APP: &str = "CREATE SCHEMA app;
    CREATE TABLE app.users (id bigserial PRIMARY KEY, name text NOT NULL);
    CREATE INDEX users_name ON app.users (name);
    COMMENT ON TABLE app.users IS 'people';";

/// A desk at a database of an application with these books.
async fn desk<'a>(cluster: &'a Cluster, fixture: &str) -> Desk<'a> {
    let desk = Desk::new(cluster, &[]).await;
    let script = format!("{}{APP}", books(fixture));
    desk.database.run(&script).await.unwrap();
    desk
}

/// What was typed, without what is another each time.
fn typed(desk: &Desk<'_>) -> String {
    let mut typed = desk.typed.clone();
    let plans = fs_err::read_dir(desk.environment.project().join("plans")).unwrap();
    for plan in plans {
        let path = plan.unwrap().path();
        let text = fs_err::read_to_string(&path).unwrap();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default().trim().to_owned()
        };
        let name = path.file_name().unwrap().to_str().unwrap();
        if let [date, time, _] = name.splitn(3, '_').collect::<Vec<_>>()[..] {
            typed = typed.replace(&format!("{date}_{time}_"), "[DATE]_");
        }
        let revision = value("-- forge:revision");
        if !revision.is_empty() && value("-- forge:message").starts_with("baseline") {
            typed = typed.replace(&revision, "[BASELINE]");
        }
    }
    typed
}

async fn beside_alembic(cluster: &Cluster) {
    let mut desk = desk(cluster, "alembic").await;
    desk.forge("init --from-db");
    desk.typed += &desk.other("cat", &["forge.toml"]);
    desk.typed += &desk.other("sh", &["-c", "find schema -type f | sort"]);
    desk.forge("plan --check");
    desk.forge("current");
    desk.forge("drift");
    desk.commit("begin");

    // As a release with Alembic goes on: the change and its own bookkeeping in one transaction.
    let alembic = "BEGIN;
        ALTER TABLE app.users ADD COLUMN email text;
        UPDATE public.alembic_version SET version_num = 'ae1027a6acf7' WHERE version_num = '1975ea83b712';
        COMMIT;";
    desk.database.run(alembic).await.unwrap();
    desk.forge("drift");
    // Back to what the schema tree says …
    desk.forge("plan -m \"take email back\" --rev-id 200000000000");
    // … or into a plan.
    desk.other("sh", &["-c", "rm plans/*take_email_back*"]);
    let users = "schema/app/tables/users.sql";
    let text = fs_err::read_to_string(desk.environment.project().join(users)).unwrap();
    desk.write(
        users,
        &text.replace("name text NOT NULL", "name text NOT NULL,\n    email text"),
    );
    desk.forge("plan --from history -m \"add email to users\" --rev-id 300000000000");
    desk.forge("approve");
    desk.forge("stamp head");
    desk.forge("drift");
    desk.forge("history");
    let version = desk.other(
        "psql",
        &[
            "-X",
            "-Atc",
            "SELECT version_num FROM public.alembic_version",
        ],
    );
    assert_eq!(version, "ae1027a6acf7\n");

    // What the plans build elsewhere is the application, without the other tool's books.
    let wanted = desk.dump();
    let first = desk.turn_to_another().await;
    desk.forge("apply");
    let built = desk.dump();
    let script = books("alembic").replace("1975ea83b712", "ae1027a6acf7");
    let (books_alone, _) = script.split_once("CREATE SCHEMA").unwrap();
    desk.database.run(books_alone).await.unwrap();
    assert_ne!(built, wanted);
    assert_eq!(desk.dump(), wanted);
    drop(first);
    assert_snapshot!("beside_alembic", typed(&desk));
}

async fn beside_flyway(cluster: &Cluster) {
    let mut desk = desk(cluster, "flyway").await;
    desk.forge("init --from-db");
    desk.typed += &desk.other("sh", &["-c", "grep -A9 'leaves alone' forge.toml"]);
    desk.forge("plan --check");
    let flyway = "ALTER TABLE app.users ADD COLUMN email text;
        INSERT INTO shop.flyway_schema_history VALUES
            (5, '3', 'add email', 'SQL', 'V3__add_email.sql', 5, 'ann', '2026-01-02', 12, true);";
    desk.database.run(flyway).await.unwrap();
    desk.forge("drift");
    desk.forge("plan -m \"take email back\" --rev-id 200000000000");
    desk.forge("approve --allow deletes-data");
    desk.forge("apply");
    desk.forge("drift");
    desk.write(
        "forge.toml",
        "[managed]\nexclude = [\"shop.flyway_schema_history.version\"]\n",
    );
    desk.forge("plan --check");
    desk.write("forge.toml", "[managed]\ninclude = [\"app.users\"]\n");
    desk.forge("plan --check");
    assert_snapshot!("beside_flyway", typed(&desk));
}

async fn without_a_right_to_keep_a_history(cluster: &Cluster) {
    let mut desk = desk(cluster, "alembic").await;
    let role = format!("forge_case_reader_{}", std::process::id());
    let roles = format!(
        "DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN;
         GRANT SELECT ON public.alembic_version TO {role};"
    );
    desk.database.run(&roles).await.unwrap();
    let url = format!("user={role}");
    desk.forge(&format!("init --from-db --url {url}"));
    let (_, name) = desk.database.variables().pop().unwrap();
    let stamp = format!("stamp head --url {url}");
    desk.forge(&stamp);
    let grant = format!("GRANT CREATE ON DATABASE {name} TO {role}");
    desk.database.run(&grant).await.unwrap();
    desk.forge(&stamp);
    desk.forge(&format!("drift --url {url}"));
    desk.typed = desk
        .typed
        .replace(&role, "[ROLE]")
        .replace(&name, "[DATABASE]");
    let gone = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    desk.database.run(&gone).await.unwrap();
    assert_snapshot!("without_a_right_to_keep_a_history", typed(&desk));
}

async fn without_a_baseline(cluster: &Cluster) {
    let mut desk = desk(cluster, "rails").await;
    let before = desk.dump();
    desk.forge("init --from-db --no-baseline");
    assert_eq!(desk.dump(), before);
    let plans = desk.other("ls", &["-A", "plans"]);
    assert_eq!(plans, ".gitkeep\n");
    desk.forge("plan --check");
    assert_snapshot!("without_a_baseline", typed(&desk));
}

async fn with_nothing_to_begin_with(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, &[]).await;
    desk.forge("init --from-db");
    desk.forge("plan --check");
    desk.database.run(APP).await.unwrap();
    desk.forge("init again --from-db");
    desk.forge("init once_more --from-db");
    let view = "CREATE TABLE app.alembic_version (version_num varchar(32) NOT NULL);
        CREATE VIEW app.version AS SELECT version_num FROM app.alembic_version;";
    desk.database.run(view).await.unwrap();
    desk.forge("init with_a_view --from-db --no-baseline");
    let mut typed = typed(&desk);
    let plans = fs_err::read_dir(desk.environment.project().join("again/plans")).unwrap();
    for plan in plans {
        let name = plan.unwrap().file_name().into_string().unwrap();
        typed = typed.replace(name.trim_end_matches("baseline.sql"), "[DATE]_");
    }
    let stamped = typed.find("stamped ").unwrap() + "stamped ".len();
    typed.replace_range(stamped..stamped + 12, "[BASELINE]");
    assert_snapshot!("with_nothing_to_begin_with", typed);
}
