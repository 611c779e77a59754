//! Every folder `fixtures/cases/<kind>/<behaviour>` is a case: `live.sql` is turned into `desired.sql`, and back again.
//!
//! What has to hold: the plan is the one in `plan.sql` (written anew with `UPDATE=1`), pg_dump of the result equals
//! pg_dump of the desired database, a second plan is empty, the rows of `seed.sql` survive where no step declares a loss.

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/dump.rs"]
mod dump;

use std::{collections::BTreeMap, path::Path, process::ExitCode, sync::Arc};

use cluster::{Cluster, Database};
use forge::{
    catalog::{Catalog, introspect},
    diff::{Catalogs, Diff},
    kinds::HazardKind,
    plan::{Plan, file::render_steps, plan},
};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    let listing = arguments.list;
    let cluster = if listing {
        None
    } else {
        Some(Arc::new(Cluster::start()))
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let mut trials = Vec::new();
    for kind in folders(&root) {
        for case in folders(&kind) {
            let name = |path: &Path| {
                path.file_name()
                    .expect("a folder has a name")
                    .to_string_lossy()
                    .into_owned()
            };
            let cluster = cluster.clone();
            let title = format!("cases::{}::{}", name(&kind), name(&case));
            trials.push(Trial::test(title, move || {
                let cluster = cluster
                    .as_ref()
                    .expect("a cluster runs unless tests are only listed");
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?
                    .block_on(check(cluster, &case))
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn folders(root: &Path) -> Vec<std::path::PathBuf> {
    let mut folders: Vec<_> = fs_err::read_dir(root)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

async fn check(cluster: &Cluster, case: &Path) -> Result<(), Failed> {
    let settings = Settings::read(case)?;
    if !settings.suits(cluster.version()) {
        return Ok(());
    }
    let file = |name: &str| fs_err::read_to_string(case.join(name)).ok();
    let text = |name: &str| file(name).ok_or_else(|| Failed::from(format!("{name} is missing")));
    let live = cluster.database(&text("live.sql")?).await?;
    let desired = cluster.database(&text("desired.sql")?).await?;
    if let Some(seed) = file("seed.sql") {
        live.run(&seed).await?;
    }
    let (live_dump, desired_dump) = (dump::of(&live)?, dump::of(&desired)?);

    let forth = transform(&live, &desired).await?;
    same_plan(case, &forth)?;
    dump::same(&dump::of(&live)?, &desired_dump)?;
    let old = cluster.database(&text("live.sql")?).await?;
    transform(&live, &old).await?;
    dump::same(&dump::of(&live)?, &live_dump)
        .map_err(|failed| Failed::from(format!("on the way back: {failed:?}")))?;
    for database in [live, desired, old] {
        database.drop().await?;
    }
    Ok(())
}

/// Plans and applies; the second plan is empty, and no row is lost without a word.
async fn transform(database: &Database, goal: &Database) -> Result<Plan, Failed> {
    let (live, desired) = (read(database).await?, read(goal).await?);
    let diff = Diff::new(Catalogs {
        live: &live,
        desired: &desired,
    });
    let made = plan(&diff).map_err(|error| error.to_string())?;
    let before = database.rows().await?;
    for batch in &made.batches {
        let statements: Vec<&str> = batch
            .steps
            .iter()
            .flat_map(|step| &step.sql)
            .map(String::as_str)
            .collect();
        database
            .statements(&statements, batch.transactional)
            .await
            .map_err(|error| format!("{error}\nin the plan\n{}", render_steps(&made)))?;
    }
    let after = read(database).await?;
    let rest = Diff::new(Catalogs {
        live: &after,
        desired: &desired,
    });
    if !rest.is_empty() {
        let left: Vec<String> = rest
            .fates
            .iter()
            .map(|(id, fate)| format!("{id}: {fate:?}"))
            .collect();
        return Err(format!(
            "left after the plan:\n{}\n{}",
            left.join("\n"),
            render_steps(&made)
        )
        .into());
    }
    let lossy = made
        .hazards()
        .any(|(_, hazard)| hazard.kind == HazardKind::DeletesData);
    if !lossy {
        same_rows(&before, &database.rows().await?)?;
    }
    Ok(made)
}

async fn read(database: &Database) -> Result<Catalog, Failed> {
    let catalog = introspect(database.session(), None)
        .await
        .map_err(|error| format!("{error}: {:?}", error.notes()))?;
    Ok(catalog)
}

fn same_rows(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> Result<(), Failed> {
    for (table, rows) in before {
        match after.get(table) {
            Some(left) if left == rows => {}
            left => {
                return Err(format!(
                    "{table} had {rows} rows and has {left:?}, though no step declares a loss"
                )
                .into());
            }
        }
    }
    Ok(())
}

fn same_plan(case: &Path, plan: &Plan) -> Result<(), Failed> {
    let (path, rendered) = (case.join("plan.sql"), render_steps(plan));
    if std::env::var_os("UPDATE").is_some() {
        fs_err::write(&path, rendered)?;
        return Ok(());
    }
    let expected = fs_err::read_to_string(&path).unwrap_or_default();
    if expected == rendered {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(&expected, &rendered)
        .unified_diff()
        .to_string();
    Err(format!("the plan isn't plan.sql's any more; UPDATE=1 writes it\n{diff}").into())
}

/// `case.toml`: what a case needs.
#[derive(Default)]
struct Settings {
    at_least: u32,
}

impl Settings {
    fn read(case: &Path) -> Result<Self, Failed> {
        let Ok(text) = fs_err::read_to_string(case.join("case.toml")) else {
            return Ok(Self::default());
        };
        let document: toml_edit::DocumentMut = text
            .parse()
            .map_err(|error| format!("case.toml: {error}"))?;
        let postgres = document
            .get("postgres")
            .and_then(|item| item.as_str())
            .unwrap_or(">=14");
        let at_least = postgres
            .trim_start_matches(">=")
            .parse()
            .map_err(|_| format!("case.toml: `{postgres}`"))?;
        Ok(Self { at_least })
    }

    fn suits(&self, version: u32) -> bool {
        version / 10_000 >= self.at_least
    }
}
