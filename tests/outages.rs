//! What forge does when connections, servers and other sessions fail it: nothing is left unknown, nothing is done twice.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are configured by the environment"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that fails shows what it unwrapped"
)]

#[expect(dead_code, reason = "the cases use the rest")]
#[path = "support/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "the tests of plans' lives use the rest")]
#[path = "support/desk.rs"]
mod desk;
#[expect(dead_code, reason = "the cases use the rest")]
#[path = "support/dump.rs"]
mod dump;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/mod.rs"]
mod support;

use std::{collections::BTreeSet, process::ExitCode};

use cluster::Cluster;
use desk::Desk;
use proxy::{Loss, Proxy};

fn main() -> ExitCode {
    desk::run(desk::trials![a_commit_whose_answer_is_lost])
}

const FILES: &[(&str, &str)] = &[
    ("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n"),
    (
        "schema/app.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.users (id bigint PRIMARY KEY, name text, n int NOT NULL);\n",
    ),
];

/// A project whose first revision is applied, with rows.
async fn begun(cluster: &Cluster) -> Desk<'_> {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m begin --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("apply");
    let rows = "INSERT INTO app.users SELECT g, 'user ' || g, 0 FROM generate_series(1, 250) AS g";
    desk.database.run(rows).await.unwrap();
    desk.typed.clear();
    desk
}

/// What a command says, which has to end well.
fn done(desk: &Desk<'_>, args: &[&str]) -> String {
    let text = desk.environment.run(args);
    assert!(text.ends_with("[exit 0]\n"), "{text}");
    text
}

async fn number(desk: &Desk<'_>, query: &str) -> i64 {
    let client = desk.database.session().client();
    client.query_one(query, &[]).await.unwrap().get(0)
}

async fn a_commit_whose_answer_is_lost(cluster: &Cluster) {
    let mut desk = begun(cluster).await;
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\nCREATE INDEX users_name ON app.users (name);\n",
    );
    desk.forge("plan -m more --rev-id 200000000000");
    let path = desk.environment.project().join("plans/0002_more.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    let count = "\n-- forge:data table app.users\n-- forge:batch key=id size=100\nUPDATE app.users SET n = n + 1;\n";
    fs_err::write(&path, format!("{draft}{count}")).unwrap();
    desk.forge("approve");
    let before = desk.dump();
    let forward = desk.database.variables();
    let value = |name: &str| &forward.iter().find(|(found, _)| *found == name).unwrap().1;
    let proxy = Proxy::start(value("PGHOST"), value("PGPORT"));
    desk.environment = std::mem::replace(&mut desk.environment, support::TestEnvironment::new())
        .variable("PGHOST", "127.0.0.1")
        .variable("PGPORT", &proxy.port())
        .variable("PGSSLMODE", "disable");

    let mut rounds = 0;
    let mut kinds = BTreeSet::new();
    for loss in [Loss::BeforeCommit, Loss::AfterCommit, Loss::Silent] {
        let commits = if loss == Loss::Silent { 1..2 } else { 1..20 };
        for commit in commits {
            proxy.lose(loss, commit);
            let text = done(&desk, &["apply", "--yes"]);
            rounds += 1;
            assert_eq!(
                number(&desk, "SELECT sum(n) FROM app.users").await,
                250 * rounds
            );
            let all_there =
                "SELECT count(*) FROM forge.event WHERE kind = 'step_done' AND rev = '200000000000'
                AND id > (SELECT max(id) FROM forge.event WHERE kind = 'apply_start')";
            assert_eq!(number(&desk, all_there).await, 3, "{text}");
            let lost = proxy.has_lost();
            if lost {
                let (verdict, other) = match loss {
                    Loss::AfterCommit => ("was committed", "was not committed"),
                    Loss::BeforeCommit | Loss::Silent => ("was not committed", "was committed"),
                };
                assert!(text.contains(verdict), "{loss:?} {commit} {text}");
                assert!(!text.contains(other), "{loss:?} {commit} {text}");
                let (_, what) = text.split_once("the COMMIT of ").unwrap();
                kinds.insert(what.split(" was under way").next().unwrap().to_owned());
            }
            proxy.lose(loss, commit);
            let text = done(&desk, &["downgrade", "-1", "--yes", "--allow", "all"]);
            assert_eq!(text.contains("was under way"), proxy.has_lost(), "{text}");
            if !lost {
                break;
            }
        }
    }
    assert_eq!(desk.dump(), before);
    let kinds: Vec<String> = kinds.into_iter().collect();
    assert_eq!(
        kinds.join(", "),
        "a batch of step 3, step 1, step 2, step 3"
    );
}
