//! Every place where the plan of a case can stop half-way has two ways out: on, and back.
//!
//! The plans are those of the folders under `fixtures/cases`. Each is made and proved by a workbench, with its undo steps. It is
//! stopped behind each of its transactions, and behind each step outside of any. From there `apply --abort` leads back to the
//! live state, and `apply` leads on to the desired one; catalogs, pg_dump and rows tell.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are configured by the environment"
)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use forge::{
    apply::{self, Committing, Dropped, Halfway, Reached, Script, Target, Unfinished, Work},
    cancel::Cancel,
    catalog::{Catalog, Scope},
    diagnostic::{Diagnostic, SourceFile},
    environment::Environment,
    history::{
        self, Actor, Body, Direction, Entry, EventKind, Filed, Folder, Partly, Revisions, Standing,
    },
    introspect::{Cast, introspect},
    kinds::{HazardKind, Step},
    plan::{
        Plan,
        file::{Approval, Header, PlanFile, Semver},
    },
    report::{ColorChoice, Reporter, Stream, StreamKind, Verbosity},
    shadow::ShadowSettings,
    source::Tree,
    sql::{Ident, Locale},
    workbench::{Comparison, Desired, Wish, Workbench},
};
use libtest_mimic::{Arguments, Failed, Trial};
use support::{
    cluster::{Cluster, Database},
    dump,
};

/// Cases whose plan no shadow server proves, and why.
const UNPROVED: &[(&str, &str)] = &[
    (
        "extension/schema_changed_under_index",
        "it needs the extension's owner, which nobody is on a shadow server",
    ),
    (
        "index/tablespace_changed",
        "its tablespace is the test server's",
    ),
];

const REVISION: &str = "aaaaaaaaaaaa";

/// How many places were left both ways.
static PLACES: Mutex<usize> = Mutex::new(0);

#[expect(
    clippy::print_stderr,
    reason = "how many places there are is worth knowing"
)]
fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    let cluster = (!arguments.list).then(|| Arc::new(Cluster::start()));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let mut trials = Vec::new();
    for kind in folders(&root) {
        for case in folders(&kind) {
            let cluster = cluster.clone();
            let title = case.strip_prefix(&root).expect("a case is below the root");
            let title = format!("halfway::{}", title.display()).replace('/', "::");
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
    let conclusion = libtest_mimic::run(&arguments, trials);
    let places = *PLACES.lock().expect("nobody panics with it");
    eprintln!("{places} places were left both ways");
    conclusion.exit_code()
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

/// A case: its scripts, what they lead to, and the plan between.
struct Case {
    live: String,
    seed: String,
    old: Catalog,
    new: Catalog,
    old_dump: dump::Dump,
    new_dump: dump::Dump,
    up: Filed,
    down: Filed,
}

async fn check(cluster: &Cluster, folder: &Path) -> Result<(), Failed> {
    let Some(case) = Case::read(cluster, folder).await? else {
        return Ok(());
    };
    for batches in 1..=case.up.plan.plan.stops() {
        let there = |failed: Failed| {
            let words = failed.message().unwrap_or_default();
            Failed::from(format!(
                "stopped behind {batches} of\n{}\n{}\n{words}",
                case.up.text, case.down.text
            ))
        };
        case.leave_backwards(cluster, batches)
            .await
            .map_err(there)?;
        case.leave_forwards(cluster, batches).await.map_err(there)?;
        *PLACES.lock().expect("nobody panics with it") += 1;
    }
    Ok(())
}

impl Case {
    /// Reads a case, unless its plan can't stop half-way, and plans it.
    async fn read(cluster: &Cluster, folder: &Path) -> Result<Option<Self>, Failed> {
        let file = |name: &str| fs_err::read_to_string(folder.join(name)).unwrap_or_default();
        let (toml, plan) = (file("case.toml"), file("plan.sql"));
        // One that fails or stands as a whole is told from its snapshot, so that it isn't planned in vain.
        let is_one = plan.starts_with("BEGIN;") && plan.find("COMMIT;\n") == Some(plan.len() - 8);
        let is_unproved = UNPROVED.iter().any(|(case, _)| folder.ends_with(case));
        let major = cluster.version() / 10_000;
        let is_newer = (major + 1..30).any(|later| toml.contains(&format!(">={later}")));
        if is_newer || is_one || is_unproved {
            return Ok(None);
        }
        let (live, desired) = (file("live.sql"), file("desired.sql"));
        let (one, other) = (
            cluster.database(&live).await?,
            cluster.database(&desired).await?,
        );
        let (old, new) = (read(&one).await?, read(&other).await?);
        let (old_dump, new_dump) = (dump::of(&one)?, dump::of(&other)?);
        one.drop().await?;
        other.drop().await?;
        let Some((up, down)) = planned(&old, &new, &desired, &toml).await? else {
            return Ok(None);
        };
        Ok(Some(Self {
            live,
            seed: file("seed.sql"),
            old,
            new,
            old_dump,
            new_dump,
            up,
            down,
        }))
    }

    /// A database in which so many batches of the plan have been run, as an apply records it.
    async fn stopped(&self, cluster: &Cluster, batches: usize) -> Result<Database, Failed> {
        let database = cluster.database(&self.live).await?;
        database.run(&self.seed).await?;
        let before = read(&database).await?.fingerprint();
        let session = database.session();
        let actor = actor();
        let done = async {
            history::ensure(session).await?;
            let body = Body {
                up: self.up.text.clone(),
                down: Some(self.down.text.clone()),
            };
            history::register(session, &self.up.plan, &body).await?;
            let entry = Entry {
                fingerprint: Some(before),
                ..Entry::new(REVISION, EventKind::ApplyStart)
            };
            history::record(session, &actor, &entry).await
        };
        done.await.map_err(words)?;
        let mut number = 0;
        for batch in &self.up.plan.plan.batches[..batches] {
            let statements: Vec<&str> = batch
                .steps
                .iter()
                .flat_map(|step| &step.sql)
                .map(String::as_str)
                .collect();
            database
                .statements(&statements, batch.transactional)
                .await?;
            for _ in &batch.steps {
                number += 1;
                let entry = Entry::of_step(REVISION, EventKind::StepDone, number);
                history::record(session, &actor, &entry)
                    .await
                    .map_err(words)?;
            }
        }
        Ok(database)
    }

    /// Undoes what stands, and applies the plan after that.
    async fn leave_backwards(&self, cluster: &Cluster, batches: usize) -> Result<(), Failed> {
        let database = self.stopped(cluster, batches).await?;
        let before = database.rows().await?;
        let hands = Hands::new();
        let work = hands.work(&database);
        let revisions = self.revisions(&work).await?;
        let partly = partly(&revisions)?;
        let halfway = Halfway::read(&work, &revisions, REVISION, &partly)
            .await
            .map_err(words)?;
        let stands: usize = self.up.plan.plan.batches[..batches]
            .iter()
            .map(|batch| batch.steps.len())
            .sum();
        if halfway.stands != (1..=stands).collect() {
            return Err(format!("it is said to stand: {:?}", halfway.stands).into());
        }
        halfway.can_be_undone().map_err(words)?;
        let rest = halfway.rest();
        halfway.begin(&work, &partly).await.map_err(words)?;
        self.run(&work, Direction::Abort, &halfway.undo).await?;
        self.is(&database, &self.old, &self.old_dump).await?;
        same_rows(&before, &database.rows().await?, &rest)?;
        let journal = history::load(work.session).await.map_err(words)?;
        if journal.standing(REVISION) != Standing::Absent {
            return Err(format!("it is {:?}", journal.standing(REVISION)).into());
        }
        // Values that the plan has dropped aren't there any more for its second time.
        let stood = &self.up.plan.plan.batches[..batches];
        let mut stood = stood.iter().flat_map(|batch| &batch.steps);
        if !stood.any(loses) {
            self.run(&work, Direction::Up, &self.up).await?;
            self.is(&database, &self.new, &self.new_dump).await?;
        }
        database.drop().await
    }

    /// Goes on with the plan.
    async fn leave_forwards(&self, cluster: &Cluster, batches: usize) -> Result<(), Failed> {
        let database = self.stopped(cluster, batches).await?;
        let before = database.rows().await?;
        let hands = Hands::new();
        self.run(&hands.work(&database), Direction::Up, &self.up)
            .await?;
        self.is(&database, &self.new, &self.new_dump).await?;
        same_rows(&before, &database.rows().await?, &self.up.plan.plan)?;
        database.drop().await
    }

    async fn run(&self, work: &Work<'_>, direction: Direction, file: &Filed) -> Result<(), Failed> {
        let ran = async {
            let journal = history::load(work.session).await?;
            let target = Target::read(work, &journal).await?;
            let script = Script {
                direction,
                file,
                down: Some(&self.down),
                phase: None,
            };
            apply::run(work, &script, &journal, target).await
        };
        match ran.await.map_err(words)? {
            Reached::End(_) => Ok(()),
            Reached::Before(phase) => Err(format!("it stopped before {phase}").into()),
        }
    }

    async fn is(
        &self,
        database: &Database,
        expected: &Catalog,
        expected_dump: &dump::Dump,
    ) -> Result<(), Failed> {
        let mut found = read(database).await?;
        Scope::default().restrict(&mut found);
        let mut expected = expected.clone();
        Scope::default().restrict(&mut expected);
        if found.fingerprint() != expected.fingerprint() {
            return Err("the catalog is another one".into());
        }
        dump::same(&dump::of(database)?, expected_dump)
    }

    async fn revisions(&self, work: &Work<'_>) -> Result<Revisions, Failed> {
        let folder = Folder {
            plans: BTreeMap::from([(REVISION.to_owned(), self.up.clone())]),
            downs: BTreeMap::from([(REVISION.to_owned(), self.down.clone())]),
            ..Folder::default()
        };
        let journal = history::load(work.session).await.map_err(words)?;
        Revisions::new(folder, journal).map_err(words)
    }
}

/// The hazards that a person would have to allow.
fn allowed(plan: &Plan) -> Vec<String> {
    let hazards = plan.hazards();
    let hazards = hazards.filter(|(_, hazard)| hazard.kind.needs_approval());
    hazards
        .map(|(step, hazard)| format!("{} {}", hazard.kind, step.object))
        .collect()
}

fn loses(step: &Step) -> bool {
    let mut hazards = step.hazards.iter();
    hazards.any(|hazard| hazard.kind == HazardKind::DeletesData)
}

fn partly(revisions: &Revisions) -> Result<Partly, Failed> {
    match revisions.journal.standing(REVISION) {
        Standing::Partly(partly) => Ok(partly),
        Standing::Absent | Standing::Applied => Err("nothing of it stands, or all".into()),
    }
}

/// Makes and proves the plan of a case, approved; none if it can't stop half-way.
async fn planned(
    old: &Catalog,
    new: &Catalog,
    desired: &str,
    toml: &str,
) -> Result<Option<(Filed, Filed)>, Failed> {
    let file = SourceFile {
        path: "desired.sql".into(),
        text: desired.to_owned(),
    };
    let tree = Tree {
        files: vec![Arc::new(file)],
    };
    let statements = if desired.contains("-- forge:") {
        tree.parse().map_err(words)?
    } else {
        Vec::new()
    };
    let document: toml_edit::DocumentMut = toml.parse().map_err(|error| format!("{error}"))?;
    let flags = document.get("rename").and_then(|item| item.as_array());
    let flags: Vec<&str> = flags
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str())
        .collect();
    let renames: Result<Vec<_>, String> = flags.iter().map(|flag| flag.parse()).collect();
    let renames = renames?;
    let environment: Environment = std::env::vars().collect();
    let settings = ShadowSettings {
        offline: true,
        ..ShadowSettings::new(environment)
    };
    let major = old.server_version / 10_000;
    let bench = Workbench::start(
        &settings,
        None,
        major,
        Locale::default(),
        Ident::new("postgres"),
        Scope::default(),
    )
    .await
    .map_err(words)?;
    let (mut live, mut catalog) = (old.clone(), new.clone());
    Scope::default().restrict(&mut live);
    Scope::default().restrict(&mut catalog);
    let declared = Desired {
        catalog,
        broken_bodies: Vec::new(),
    };
    let wish = Wish {
        renames: &renames,
        only: &[],
    };
    let compared = bench
        .compare(&statements, &live, declared, wish, true, &mut Vec::new())
        .await;
    bench.close().await.map_err(words)?;
    let Comparison::Different(proposal) = compared.map_err(words)? else {
        return Ok(None);
    };
    if proposal.up.stops() == 0 {
        return Ok(None);
    }
    let (from, to) = (live.fingerprint(), proposal.desired.fingerprint());
    let file = |path: &str, plan: Plan, undo: Option<Plan>, (from, to), down_sha256| {
        let mut file = PlanFile {
            header: Header {
                revision: REVISION.to_owned(),
                down_revision: Vec::new(),
                depends_on: Vec::new(),
                branch_labels: Vec::new(),
                only: Vec::new(),
                message: "a case".to_owned(),
                author: "Ann".to_owned(),
                created: "2026-01-01T00:00:00Z".to_owned(),
                postgres: major,
                locale: Locale::default(),
                from,
                to,
                semver: Semver::default(),
                proved: None,
                approval: None,
            },
            plan,
            undo,
        };
        file.header.approval = Some(Approval {
            by: "Ann".to_owned(),
            at: "2026-01-01T00:00:00Z".to_owned(),
            reason: None,
            allowed: allowed(&file.plan),
            by_hand: file.plan.by_hand(),
            down_sha256,
            sha256: "0".repeat(64),
            signature: None,
        });
        let file = file.sealed_as_is().map_err(words)?;
        let filed = Filed::new(path.into(), &file.render()).map_err(words)?;
        if filed.plan != file {
            return Err(Failed::from(format!(
                "it reads back otherwise:\n{}",
                file.render()
            )));
        }
        Ok(filed)
    };
    let down = file(
        "up.down.sql",
        proposal.down,
        proposal.undo,
        (to, from),
        None,
    )?;
    let sealed = down.plan.header.approval.as_ref();
    let down_sha256 = sealed.map(|approval| approval.sha256.clone());
    let up = file("up.sql", proposal.up, None, (from, to), down_sha256)?;
    Ok(Some((up, down)))
}

/// What an apply needs besides a database.
struct Hands {
    scope: Scope,
    actor: Actor,
    reporter: Reporter,
    cancel: Cancel,
    committing: Committing,
    unfinished: Unfinished,
}

impl Hands {
    fn new() -> Self {
        let silent = || Stream::new(StreamKind::Other, std::io::sink());
        Self {
            scope: Scope::default(),
            actor: actor(),
            reporter: Reporter::new(ColorChoice::Never, Verbosity::Quiet, silent(), silent()),
            cancel: Cancel::new(),
            committing: Committing::default(),
            unfinished: Unfinished::default(),
        }
    }

    fn work<'a>(&'a self, database: &'a Database) -> Work<'a> {
        Work {
            session: database.session(),
            options: database.options(),
            scope: &self.scope,
            actor: &self.actor,
            listener: &self.reporter,
            cancel: &self.cancel,
            committing: &self.committing,
            unfinished: &self.unfinished,
            patience: Duration::from_secs(10),
            max_lag: apply::MAX_LAG,
            dropped: Dropped::Lost,
            looks_for_rows: true,
            is_followed: false,
            signers: None,
            backup: None,
        }
    }
}

fn actor() -> Actor {
    Actor {
        run: "test".to_owned(),
        ..Actor::default()
    }
}

async fn read(database: &Database) -> Result<Catalog, Failed> {
    let mut read = introspect(database.session(), &Cast::new())
        .await
        .map_err(words)?;
    Scope::default().restrict(&mut read);
    Ok(read)
}

/// Every table that is still there has the rows that it had, but where a step says that it loses some.
fn same_rows(
    before: &BTreeMap<String, i64>,
    after: &BTreeMap<String, i64>,
    plan: &Plan,
) -> Result<(), Failed> {
    let lossy: Vec<String> = plan
        .hazards()
        .filter(|(_, hazard)| hazard.kind == HazardKind::DeletesData)
        .map(|(step, _)| step.object.sql())
        .collect();
    for (table, rows) in before {
        let found = after.get(table).copied().unwrap_or_default();
        if found < *rows && !lossy.contains(table) && !table.starts_with("forge.") {
            return Err(format!("{table} had {rows} rows and has {found}").into());
        }
    }
    Ok(())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what an error is mapped by takes it"
)]
fn words(error: Diagnostic) -> Failed {
    format!("{error}\n{}", error.notes().join("\n")).into()
}
