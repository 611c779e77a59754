//! Every folder `fixtures/cases/<kind>/<behaviour>` is a case: `live.sql` is turned into `desired.sql`, and back again.
//!
//! What has to hold: the plan is the one in `plan.sql` (written anew with `UPDATE=1`), pg_dump of the result equals
//! pg_dump of the desired database, a second plan is empty, the rows of `seed.sql` survive where no step declares a loss,
//! the query of `after.sql` answers true once the plan has been carried out, and no two steps read the same. Directives in
//! `desired.sql` are followed. Once all cases have run, each attribute of each kind has differed in one of them.
//!
//! `FORGE_TEST_CASES` names another folder of cases, whose files can also be called `old.sql` and `new.sql`; no plan is
//! expected there, so that any two schemas can be tried.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are configured by the environment"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
};

use forge::{
    catalog::Catalog,
    diagnostic::{Diagnostic, SourceFile},
    diff::{Catalogs, Diff},
    intent::{Intent, RenameFlag, Renamed, Renaming},
    introspect::{Cast, introspect, introspect_with_addresses},
    kinds::{Action, Comparison, HazardKind, Kind, ObjectId},
    plan::{Plan, file::render_steps},
    source::Tree,
};
use libtest_mimic::{Arguments, Failed, Trial};
use support::{
    cluster::{Cluster, Database},
    dump,
};

/// The attributes that differed between the two sides of a case.
static CHANGED: Mutex<BTreeSet<(Kind, &'static str)>> = Mutex::new(BTreeSet::new());

/// Attributes of later versions than the oldest one that every case runs on.
const LATER: &[(Kind, &str, u32)] = &[(Kind::Column, "not_null_constraint", 18)];

/// Attributes that no case can change, because no kind models what the other value would need: an access method of the
/// user's own.
const OUT_OF_REACH: &[(Kind, &str)] = &[(Kind::MaterializedView, "access_method")];

#[expect(
    clippy::print_stderr,
    reason = "the attributes without a case are told where the cases are"
)]
fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    let listing = arguments.list;
    let cluster = if listing {
        None
    } else {
        Some(Arc::new(Cluster::start()))
    };
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let root = std::env::var_os("FORGE_TEST_CASES").map_or(own, PathBuf::from);
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
            let trial = Trial::test(title, move || {
                let cluster = cluster
                    .as_ref()
                    .expect("a cluster runs unless tests are only listed");
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?
                    .block_on(check(cluster, &case))
            });
            trials.push(trial);
        }
    }
    let is_complete = !listing
        && arguments.filter.is_none()
        && arguments.skip.is_empty()
        && std::env::var_os("FORGE_TEST_CASES").is_none();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let unseen = match &cluster {
        Some(cluster) if is_complete => without_a_case(cluster.version() / 10_000),
        Some(_) | None => Vec::new(),
    };
    if unseen.is_empty() {
        return conclusion.exit_code();
    }
    eprintln!("no case changes {}", unseen.join(", "));
    ExitCode::FAILURE
}

/// The attributes that decide equality and differ in no case.
fn without_a_case(major: u32) -> Vec<String> {
    let changed = CHANGED.lock().expect("no case panics while it notes");
    let mut unseen = Vec::new();
    for &kind in Kind::ALL {
        let compared = kind
            .attributes()
            .into_iter()
            .filter(|(_, comparison)| *comparison != Comparison::Physical);
        for (name, _) in compared {
            let comes_later = LATER
                .iter()
                .any(|(of, later, first)| (*of, *later) == (kind, name) && major < *first);
            let is_possible = !comes_later && !OUT_OF_REACH.contains(&(kind, name));
            if is_possible && !changed.contains(&(kind, name)) {
                unseen.push(format!("{}.{name}", kind.folder()));
            }
        }
    }
    unseen
}

fn folders(root: &Path) -> Vec<PathBuf> {
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
    let text = |name: &str, other: &str| {
        let text = file(name).or_else(|| file(other));
        text.ok_or_else(|| Failed::from(format!("{name} is missing")))
    };
    let live = cluster.database(&text("live.sql", "old.sql")?).await?;
    let desired = cluster.database(&text("desired.sql", "new.sql")?).await?;
    if let Some(seed) = file("seed.sql") {
        live.run(&seed).await?;
    }
    let (live_dump, desired_dump) = (dump::of(&live)?, dump::of(&desired)?);
    let (old, mut new) = (read(&live).await?, read(&desired).await?);
    new.declare();
    new.adopt_contents(&old, ObjectId::clone);
    if let Some(object) = old.unmodelled.union(&new.unmodelled).next() {
        return Err(format!("no kind models {object}").into());
    }

    note_changes(&old, &new);
    let catalogs = Catalogs {
        live: &old,
        desired: &new,
    };
    let intent = intent(&settings, &text("desired.sql", "new.sql")?, catalogs)?;
    let renamed = if intent.renames() {
        let copy = cluster.database(&text("live.sql", "old.sql")?).await?;
        let renamed = carry_out(&intent, catalogs, &copy).await;
        copy.drop().await?;
        Some(renamed?)
    } else {
        None
    };
    let way = intent.way_up(catalogs, renamed.as_ref());
    let forth = way.map_err(|error| error.to_string())?.plan;
    transform(&live, &new, &forth).await?;
    dump::same(&dump::of(&live)?, &desired_dump)?;
    stays_filled(&old, &read(&live).await?)?;
    if let Some(question) = file("after.sql") {
        let row = live.session().client().query_one(&question, &[]).await?;
        let holds: bool = row.get(0);
        if !holds {
            return Err(format!("after.sql doesn't hold after\n{}", render_steps(&forth)).into());
        }
    }
    if settings.both_ways {
        let now = read(&live).await?;
        let catalogs = Catalogs {
            live: &old,
            desired: &now,
        };
        let back = intent.way_down(catalogs, renamed.as_ref());
        let back = back.map_err(|error| on_the_way_back(&error.to_string().into()))?;
        transform(&live, &old, &back)
            .await
            .map_err(|failed| on_the_way_back(&failed))?;
        dump::same(&dump::of(&live)?, &live_dump).map_err(|failed| on_the_way_back(&failed))?;
        stays_filled(&old, &read(&live).await?).map_err(|failed| on_the_way_back(&failed))?;
    }
    if std::env::var_os("FORGE_TEST_CASES").is_none() {
        same_plan(case, &settings, cluster.version(), &forth)?;
    }
    for database in [live, desired] {
        database.drop().await?;
    }
    Ok(())
}

fn on_the_way_back(failed: &Failed) -> Failed {
    format!("on the way back: {}", failed.message().unwrap_or_default()).into()
}

/// What the directives of `desired.sql` and the flags of `case.toml` want.
fn intent(settings: &Settings, desired: &str, catalogs: Catalogs<'_>) -> Result<Intent, Failed> {
    let mut statements = Vec::new();
    if desired.contains("-- forge:") {
        let file = SourceFile {
            path: "desired.sql".into(),
            text: desired.to_owned(),
        };
        let tree = Tree {
            files: vec![Arc::new(file)],
        };
        statements = tree.parse().map_err(|error| words(&error))?;
    }
    let intent = Intent::read(&statements, &settings.renames, catalogs);
    let intent = intent.map_err(|error| words(&error))?;
    let warnings: Vec<&str> = intent.warnings.iter().map(Diagnostic::message).collect();
    if warnings != settings.warnings {
        return Err(format!("the warnings are {warnings:?}").into());
    }
    Ok(intent)
}

fn words(error: &Diagnostic) -> String {
    format!("{error}\n{}", error.notes().join("\n"))
}

/// Carries the renames out on a copy of the live database.
async fn carry_out(
    intent: &Intent,
    catalogs: Catalogs<'_>,
    copy: &Database,
) -> Result<Renamed, Failed> {
    let read = async || {
        let read = introspect_with_addresses(copy.session(), &Cast::new()).await;
        read.map_err(|error| Failed::from(words(&error)))
    };
    let (mut now, mut addresses) = read().await?;
    let mut renaming = Renaming::new(intent, catalogs, addresses.clone());
    loop {
        let steps = renaming
            .next_round(&now, &addresses)
            .map_err(|error| words(&error))?;
        if steps.is_empty() {
            return Ok(renaming.finish(now, &addresses));
        }
        let statements: Vec<&str> = steps
            .iter()
            .flat_map(|step| &step.sql)
            .map(String::as_str)
            .collect();
        copy.statements(&statements, true).await?;
        (now, addresses) = read().await?;
    }
}

/// Applies a plan; the second plan is empty, and no row is lost without a word.
async fn transform(database: &Database, desired: &Catalog, made: &Plan) -> Result<(), Failed> {
    tells_steps_apart(made)?;
    let before = database.rows().await?;
    let stays = partitions_that_stay(database, desired).await?;
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
            .map_err(|error| format!("{error}\nin the plan\n{}", render_steps(made)))?;
        let away: Vec<String> = stays
            .difference(&partitions(database).await?)
            .cloned()
            .collect();
        if !away.is_empty() {
            let plan = render_steps(made);
            return Err(
                format!("{} are away between transactions\n{plan}", away.join(", ")).into(),
            );
        }
    }
    let after = read(database).await?;
    let rest = Diff::new(Catalogs {
        live: &after,
        desired,
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
            render_steps(made)
        )
        .into());
    }
    // A step names the tables besides its object that it empties.
    let declared: Vec<(String, String)> = made
        .hazards()
        .filter(|(_, hazard)| hazard.kind == HazardKind::DeletesData)
        .map(|(step, hazard)| (step.object.sql(), hazard.why))
        .collect();
    let is_lossy = |table: &str| {
        let mut declared = declared.iter();
        declared.any(|(object, why)| object == table || why.ends_with(&format!(" of {table}")))
    };
    let lossy: Vec<String> = before
        .keys()
        .filter(|table| is_lossy(table))
        .cloned()
        .collect();
    same_rows(&before, &database.rows().await?, &lossy).map_err(|failed| {
        format!(
            "{}\n{}",
            failed.message().unwrap_or_default(),
            render_steps(made)
        )
    })?;
    Ok(())
}

/// What held rows of its own in the old state, as a materialized view does, does so again.
fn stays_filled(old: &Catalog, now: &Catalog) -> Result<(), Failed> {
    let pairs = old
        .objects()
        .filter_map(|(id, was)| Some((id, was, now.get(id)?)));
    let mut empty = pairs.filter(|(id, was, is)| is.fill(was, id).is_some());
    match empty.next() {
        Some((id, _, _)) => Err(format!("`{id}` held rows and is empty").into()),
        None => Ok(()),
    }
}

/// The tables that are partitions now and shall be: nobody finds their rows missing meanwhile.
async fn partitions_that_stay(
    database: &Database,
    desired: &Catalog,
) -> Result<BTreeSet<String>, Failed> {
    let tables = desired
        .objects()
        .filter(|(id, object)| id.kind == Kind::Table && object.facts().goes_with.is_some());
    let tables: BTreeSet<String> = tables.map(|(id, _)| id.sql()).collect();
    Ok(partitions(database)
        .await?
        .intersection(&tables)
        .cloned()
        .collect())
}

async fn partitions(database: &Database) -> Result<BTreeSet<String>, Failed> {
    let query = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relispartition AND c.relkind IN ('r', 'p')";
    let rows = database.session().client().query(query, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn note_changes(live: &Catalog, desired: &Catalog) {
    let mut changed = CHANGED.lock().expect("no case panics while it notes");
    for (id, object) in live.objects() {
        let names = desired.get(id).map(|other| object.differences(other));
        changed.extend(names.into_iter().flatten().map(|name| (id.kind, name)));
    }
}

/// A step that changes its object says what, and no two steps read the same.
fn tells_steps_apart(plan: &Plan) -> Result<(), Failed> {
    let mut seen = BTreeSet::new();
    for step in plan.steps() {
        let title = format!("{} {}", step.action, step.object);
        if step.action == Action::Alter && step.summary.is_empty() {
            return Err(format!("`{title}` doesn't say what changes: {:?}", step.sql).into());
        }
        if !seen.insert((title.clone(), step.summary.clone())) {
            let told = &step.summary;
            return Err(format!("two steps read `{title}`, {told}: {:?}", step.sql).into());
        }
    }
    Ok(())
}

async fn read(database: &Database) -> Result<Catalog, Failed> {
    let catalog = introspect(database.session(), &Cast::new())
        .await
        .map_err(|error| format!("{error}: {:?}", error.notes()))?;
    Ok(catalog)
}

/// Every row that was there is there, in its table or, as rows of partitions may move, in another one.
fn same_rows(
    before: &BTreeMap<String, i64>,
    after: &BTreeMap<String, i64>,
    lossy: &[String],
) -> Result<(), Failed> {
    let kept = |rows: &BTreeMap<String, i64>| -> i64 {
        rows.iter()
            .filter(|(table, _)| !lossy.contains(table))
            .map(|(_, rows)| rows)
            .sum()
    };
    if kept(before) > after.values().sum() {
        return Err(format!(
            "rows are lost, though no step declares it: {before:?} became {after:?}"
        )
        .into());
    }
    let emptied = before.iter().find(|(table, rows)| {
        **rows > 0 && after.get(*table) == Some(&0) && !lossy.contains(table)
    });
    match emptied {
        Some((table, rows)) => Err(format!("{table} had {rows} rows and has none").into()),
        None => Ok(()),
    }
}

/// `plan.sql` is what PostgreSQL 15 gets; where a later version gets another plan, that is in `plan.<major>.sql`, which
/// holds until the next. Fingerprints are left out: they are other numbers whenever the model learns something.
fn same_plan(case: &Path, settings: &Settings, version: u32, plan: &Plan) -> Result<(), Failed> {
    let rendered: String = render_steps(plan)
        .lines()
        .map(|line| {
            match line
                .strip_prefix("-- forge:expects ")
                .and_then(|rest| rest.rsplit_once(' '))
            {
                Some((object, _)) => format!("-- forge:expects {object}\n"),
                None => format!("{line}\n"),
            }
        })
        .collect();
    let major = version / 10_000;
    let own = case.join(format!("plan.{major}.sql"));
    let usual = case.join("plan.sql");
    let older = (16..major)
        .rev()
        .map(|major| case.join(format!("plan.{major}.sql")));
    let mut candidates = [own.clone()]
        .into_iter()
        .chain(older)
        .chain([usual.clone()]);
    let expected = candidates.find_map(|path| fs_err::read_to_string(path).ok());
    if expected.as_ref() == Some(&rendered) {
        return Ok(());
    }
    if std::env::var_os("UPDATE").is_some() {
        let is_usual = major == settings.at_least.max(15);
        fs_err::write(if is_usual { usual } else { own }, rendered)?;
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(expected.unwrap_or_default(), rendered)
        .unified_diff()
        .to_string();
    Err(format!("the plan isn't plan.sql's any more; UPDATE=1 writes it\n{diff}").into())
}

/// `case.toml`: what a case needs.
struct Settings {
    at_least: u32,
    /// What is said with `--rename`.
    renames: Vec<RenameFlag>,
    /// What is said of directives that have nothing to do.
    warnings: Vec<String>,
    /// Whether statements lead back, too.
    both_ways: bool,
}

impl Settings {
    fn read(case: &Path) -> Result<Self, Failed> {
        let text = fs_err::read_to_string(case.join("case.toml")).unwrap_or_default();
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
        let list = |key: &str| -> Vec<String> {
            let items = document.get(key).and_then(|item| item.as_array());
            let texts = items.into_iter().flatten().filter_map(|item| item.as_str());
            texts.map(ToOwned::to_owned).collect()
        };
        let renames = list("rename")
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, String>>()?;
        let warnings = list("warnings");
        let both_ways = document
            .get("both_ways")
            .and_then(toml_edit::Item::as_bool)
            .unwrap_or(true);
        Ok(Self {
            at_least,
            renames,
            warnings,
            both_ways,
        })
    }

    fn suits(&self, version: u32) -> bool {
        version / 10_000 >= self.at_least
    }
}
