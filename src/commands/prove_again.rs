//! Proves a draft that its author has edited.

use std::collections::BTreeSet;

use super::{
    allow::{self, Allow},
    bench::{Whom, on_bench},
    project::Project,
    revisions,
    target::OpenTarget,
};
use crate::{
    catalog::{Fingerprint, Judge},
    diagnostic::{Code, Diagnostic, Result},
    diff::Catalogs,
    history::{self, Direction, Filed, Revisions},
    kinds::{HazardKind, Step},
    plan::{
        Plan,
        file::{PlanFile, Semver},
    },
    source::{Tree, load_order},
    workbench::{Comparison, Wish},
};

/// What a proof has shown.
pub(crate) struct Proved {
    from: Fingerprint,
    to: Fingerprint,
    semver: Semver,
    /// The hazards that are allowed, also those of the objects that the steps meet.
    pub(crate) allowed: Vec<String>,
    /// The numbers of the steps that forge did not write: of the plan, and of its way back.
    pub(crate) by_hand: (BTreeSet<usize>, BTreeSet<usize>),
    /// What undoes the plan's steps from each place where it can stop.
    pub(crate) undo: Option<Plan>,
}

impl Proved {
    /// Writes it into a plan.
    pub(crate) fn mark(&self, plan: &mut PlanFile, direction: Direction) {
        let (from, to) = match direction {
            Direction::Up => (self.from, self.to),
            Direction::Down | Direction::Abort => (self.to, self.from),
        };
        (plan.header.from, plan.header.to) = (from, to);
        plan.plan.mark_by_hand(match direction {
            Direction::Up => &self.by_hand.0,
            Direction::Down | Direction::Abort => &self.by_hand.1,
        });
        plan.header.semver = self.semver;
    }
}

/// Runs an edited draft on the shadow, from the database as it is: it has to end in what the schema tree declares, and keep
/// what forge said of its own steps.
pub(crate) async fn run(
    project: &Project<'_>,
    up: &Filed,
    down: Option<&Filed>,
    allow: &[Allow],
) -> Result<Proved> {
    project.listener.note(format_args!(
        "`{}` was edited, so it is proved again",
        up.path
    ));
    let down = down.ok_or_else(|| {
        Diagnostic::error(Code::PlanFile, format!("`{}` has no way back", up.path))
            .help("restore its `.down.sql`; one without steps says that there is no way back")
    })?;
    let own = &project.settings.project;
    let tree = Tree::read(&own.schema.value, &own.files)?;
    let target = OpenTarget::open_to_read(project, "approve").await?;
    let proved = on_target(project, (up, down), allow, &tree, &target).await;
    target.close().await;
    proved
}

async fn on_target(
    project: &Project<'_>,
    (up, down): (&Filed, &Filed),
    allow: &[Allow],
    tree: &Tree,
    target: &OpenTarget<'_>,
) -> Result<Proved> {
    let folder = revisions::files(project)?;
    let revisions = Revisions::new(folder, history::load(&target.session).await?)?;
    revisions.at_head()?;
    let live = target.catalog().await?;
    let statements = load_order(tree.parse()?);
    let whom = Whom::live(target, &live).await?;
    let wish = Wish {
        renames: &[],
        only: &up.plan.header.only,
    };
    let (to, allowed, by_hand, undo) = on_bench(project, whom, async |bench, said| {
        let desired = bench.build(&statements).await?;
        let declared = bench
            .compare(&statements, &live, desired, wish, false, said)
            .await?;
        let (desired, own) = match &declared {
            Comparison::Same(_) => (&live, None),
            Comparison::Different(proposal) => (&proposal.desired, Some(proposal)),
        };
        let nothing = Plan::default();
        let (own_up, own_down) = own.map_or((&nothing, &nothing), |own| (&own.up, &own.down));
        keeps_what_is_said(up, own_up)?;
        keeps_what_is_said(down, own_down)?;
        vouches_for_its_own(up, own_up)?;
        vouches_for_its_own(down, own_down)?;
        let by_hand = (by_hand(up, own_up), by_hand(down, own_down));
        let judge =
            Judge::new([&live, desired], up.plan.plan.statements()).but_for(own_up.statements());
        let risks = |step: &Step| judge.risks(step);
        let allowed = allow::check(&up.path, &up.plan.plan, allow, risks)?;
        let catalogs = Catalogs {
            live: &live,
            desired,
        };
        let ways = (&up.plan.plan, &down.plan.plan);
        let renames = match &declared {
            Comparison::Same(_) => None,
            Comparison::Different(proposal) => proposal.renames(),
        };
        let proof = Box::pin(bench.prove(&statements, catalogs, ways, renames))
            .await
            .map_err(|error| error.help("mend the draft, or let `forge plan` write it anew"))?;
        said.extend(proof.warnings());
        Ok((desired.fingerprint(), allowed, by_hand, proof.undo))
    })
    .await?;
    let parents = &up.plan.header.down_revision;
    let version = revisions.version(parents.iter().map(String::as_str));
    Ok(Proved {
        from: live.fingerprint(),
        to,
        semver: version.after(&up.plan.plan),
        allowed,
        by_hand,
        undo,
    })
}

/// The numbers of the steps that have a statement of which forge wrote none.
fn by_hand(filed: &Filed, own: &Plan) -> BTreeSet<usize> {
    let own: BTreeSet<&String> = own.statements().collect();
    let numbered = (1..).zip(filed.plan.plan.steps());
    let by_hand = numbered.filter(|(_, step)| step.sql.iter().any(|sql| !own.contains(sql)));
    by_hand.map(|(number, _)| number).collect()
}

/// What an author may not take out of a draft: that a step of forge's own deletes data, and which locks it takes.
fn keeps_what_is_said(filed: &Filed, own: &Plan) -> Result<()> {
    let hazards = |step: &Step| -> BTreeSet<HazardKind> {
        let kinds = step.hazards.iter().map(|hazard| hazard.kind);
        kinds.filter(|kind| kind.needs_approval()).collect()
    };
    let mut errors = Vec::new();
    for step in own.steps() {
        let numbered = (1..).zip(filed.plan.plan.steps());
        let kept = numbered.filter(|(_, other)| other.sql.iter().any(|sql| step.sql.contains(sql)));
        for (number, other) in kept {
            let here = |error| PlanFile::at_step(&filed.path, &filed.text, number, error);
            let (path, what) = (&filed.path, format!("{} {}", step.action, step.object));
            for kind in hazards(step).difference(&hazards(other)) {
                let message = format!("hazards were taken out of `{path}`");
                errors.push(here(
                    Diagnostic::error(Code::Hazard, message)
                        .note(format!("{what}: {kind}"))
                        .help(
                            "put the lines `-- hazard: …` back; `--allow` is how they are allowed",
                        ),
                )?);
            }
            let gone = step.locks.iter().filter(|lock| !other.locks.contains(lock));
            for (lock, relation) in gone {
                let message = format!("a lock was taken out of `{path}`");
                errors.push(here(Diagnostic::error(Code::PlanFile, message)
                    .note(what.clone())
                    .help(format!("put the line `-- lock: {lock} on {relation}` back: the step takes this lock")))?);
            }
        }
    }
    Diagnostic::all(errors).map_or(Ok(()), Err)
}

/// Only what forge wrote is known to do no more than it says.
fn vouches_for_its_own(filed: &Filed, own: &Plan) -> Result<()> {
    let vouched = |step: &&Step| step.safe.is_some();
    let own: BTreeSet<Option<&String>> = own
        .steps()
        .filter(vouched)
        .map(|step| step.safe.as_ref())
        .collect();
    let mut foreign = Vec::new();
    for (number, step) in (1..).zip(filed.plan.plan.steps()) {
        if vouched(&step) && !own.contains(&step.safe.as_ref()) {
            foreign.push(format!("step {number}, {} {}", step.action, step.object));
        }
    }
    if foreign.is_empty() {
        return Ok(());
    }
    let error = Diagnostic::error(
        Code::Hazard,
        format!("`{}` calls steps safe that forge did not write", filed.path),
    );
    Err(foreign
        .into_iter()
        .fold(error, Diagnostic::note)
        .help("delete their lines `-- forge:safe`; what they do is allowed with `--allow`"))
}
