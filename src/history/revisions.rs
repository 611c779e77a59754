//! The revisions of a project and of its target, together.

use std::collections::BTreeSet;

use super::{Direction, Filed, Folder, Graph, Journal, Standing, Walk, body};
use crate::{
    catalog::Fingerprint,
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Result},
    plan::file::{PlanFile, Semver},
};

/// What the folder holds and what the target remembers.
pub struct Revisions {
    /// The files.
    pub folder: Folder,
    /// What the target remembers.
    pub journal: Journal,
    /// How all of them build on each other.
    pub graph: Graph,
    /// The revisions of which everything stands.
    pub applied: BTreeSet<String>,
}

impl Revisions {
    /// Joins the folder's plans and those that stand in the target though their file is gone.
    ///
    /// # Errors
    /// [`Code::EditedPlan`] for an applied plan whose file is another now, [`Code::History`] for revisions that don't fit
    /// together.
    pub fn new(folder: Folder, journal: Journal) -> Result<Self> {
        let revisions = Self::join(folder, journal, |standing| *standing != Standing::Absent)?;
        revisions.check_applied()?;
        Ok(revisions)
    }

    /// Joins the folder's plans and all that the target has ever seen, edited or not, for those who only look.
    ///
    /// # Errors
    /// [`Code::History`] for revisions that don't fit together.
    pub fn ever(folder: Folder, journal: Journal) -> Result<Self> {
        Self::join(folder, journal, |_| true)
    }

    fn join(folder: Folder, journal: Journal, belongs: impl Fn(&Standing) -> bool) -> Result<Self> {
        let mut nodes = folder.nodes();
        for (revision, recorded) in &journal.revisions {
            if !nodes.contains_key(revision) && belongs(&journal.standing(revision)) {
                nodes.insert(revision.clone(), recorded.node.clone());
            }
        }
        Ok(Self {
            graph: Graph::new(nodes)?,
            applied: journal.applied(),
            folder,
            journal,
        })
    }

    /// A plan that is applied can't be edited any more.
    fn check_applied(&self) -> Result<()> {
        let mut wrong = Vec::new();
        for revision in &self.applied {
            if let Some(filed) = self.edited(revision)? {
                wrong.push(edited(filed));
            }
        }
        Diagnostic::all(wrong).map_or(Ok(()), Err)
    }

    /// The file of a revision of which something stands, if it is another plan than the one that the target remembers.
    pub(super) fn edited(&self, revision: &str) -> Result<Option<&Filed>> {
        let filed = self.folder.plans.get(revision);
        let recorded = self.journal.revisions.get(revision);
        let Some((filed, recorded)) = filed.zip(recorded) else {
            return Ok(None);
        };
        let same = self.journal.standing(revision) == Standing::Absent
            || filed.plan.sha256()? == recorded.sha256;
        Ok((!same).then_some(filed))
    }

    /// The graph with what is applied.
    pub fn walk(&self) -> Walk<'_, '_> {
        Walk {
            graph: &self.graph,
            applied: &self.applied,
        }
    }

    /// The applied revisions that no other applied one follows.
    pub fn current(&self) -> Vec<&str> {
        self.graph
            .heads_among(|revision| self.applied.contains(revision))
    }

    /// The approved revisions that no other approved one follows: what a new plan builds on.
    pub fn approved_heads(&self) -> Vec<&str> {
        self.graph
            .heads_among(|revision| self.is_approved(revision))
    }

    /// How many plans are approved.
    pub fn approved_count(&self) -> usize {
        let all = self.graph.order();
        all.filter(|revision| self.is_approved(revision)).count()
    }

    /// Whether somebody has approved the plan. One whose file is gone was, or it wouldn't stand.
    fn is_approved(&self, revision: &str) -> bool {
        let filed = self.folder.plans.get(revision);
        filed.is_none_or(|filed| filed.plan.header.approval.is_some())
    }

    /// The approved plans that have a file, each after those that it builds on.
    pub fn approved_plans(&self) -> Vec<&PlanFile> {
        let filed = self
            .graph
            .order()
            .filter_map(|revision| self.folder.plans.get(revision));
        filed
            .map(|filed| &filed.plan)
            .filter(|plan| plan.header.approval.is_some())
            .collect()
    }

    /// The plans that have a file and lead to some revisions, each after those that it builds on.
    pub fn plans_up_to(&self, goals: &[String]) -> Vec<&PlanFile> {
        let goals = goals.iter();
        let before: BTreeSet<&str> = goals.flat_map(|goal| self.graph.ancestors(goal)).collect();
        let order = self.graph.order();
        order
            .filter(|revision| before.contains(revision))
            .filter_map(|revision| self.folder.plans.get(revision))
            .map(|filed| &filed.plan)
            .collect()
    }

    /// The approved revisions that aren't applied.
    pub fn unapplied(&self) -> Vec<&str> {
        let all = self.graph.order();
        all.filter(|revision| self.is_approved(revision) && !self.applied.contains(*revision))
            .collect()
    }

    /// Checks that all that was approved is applied, so that a new plan builds on what is there.
    ///
    /// # Errors
    /// [`Code::NotAtHead`] with what isn't.
    pub fn at_head(&self) -> Result<()> {
        let unapplied = self.unapplied();
        if unapplied.is_empty() {
            return Ok(());
        }
        let at = match &self.current()[..] {
            [] => "base".to_owned(),
            current => current.join(", "),
        };
        Err(Diagnostic::error(
            Code::NotAtHead,
            format!(
                "the database is at {at}, head is {}",
                self.approved_heads().join(", ")
            ),
        )
        .note(format!(
            "approved and not applied: {}",
            unapplied.join(", ")
        ))
        .help("run `forge apply` first, or plan from the history alone with `--from history`"))
    }

    /// The schema's version at some revisions: the highest of theirs.
    pub fn version<'a>(&self, revisions: impl IntoIterator<Item = &'a str>) -> Semver {
        let versions = revisions.into_iter().filter_map(|revision| {
            let filed = self.folder.plans.get(revision);
            let recorded = self.journal.revisions.get(revision);
            filed
                .map(|filed| filed.plan.header.semver)
                .or_else(|| recorded.map(|recorded| recorded.semver))
        });
        versions.max().unwrap_or_default()
    }

    /// The states that a revision leads from and to.
    fn states(&self, revision: &str) -> Option<(Fingerprint, Fingerprint)> {
        let filed = self.folder.plans.get(revision);
        let recorded = self.journal.revisions.get(revision);
        filed
            .map(|filed| (filed.plan.header.from, filed.plan.header.to))
            .or_else(|| recorded.map(|recorded| (recorded.from, recorded.to)))
    }

    /// The state of a database to which just these revisions are applied: that to which the last one leads that builds on
    /// all before it, with what each of the others changes. `None` if there is no revision at all.
    ///
    /// Where a plan doesn't lead on from where its parents lead, because somebody had changed the database that it was made
    /// for, it is where it leads that counts.
    pub fn state(&self, applied: &BTreeSet<&str>) -> Option<Fingerprint> {
        let (begin, _) = self.states(self.graph.order().next()?)?;
        let order: Vec<&str> = self
            .graph
            .order()
            .filter(|it| applied.contains(it))
            .collect();
        let builds_on_all = |number: &usize| {
            let ancestors = self.graph.ancestors(order[*number]);
            order[..*number].iter().all(|it| ancestors.contains(it))
        };
        let (trunk, branches) = match (0..order.len()).rev().find(builds_on_all) {
            Some(number) => (self.states(order[number])?.1, &order[number + 1..]),
            None => (begin, &order[..]),
        };
        let states = branches.iter().filter_map(|it| self.states(it));
        Some(states.fold(trunk, |state, (from, to)| state.after(from, to)))
    }

    /// What a revision is for.
    pub fn message(&self, revision: &str) -> &str {
        let recorded = self.journal.revisions.get(revision);
        let node = self.graph.node(revision);
        node.or(recorded.map(|recorded| &recorded.node))
            .map_or("", |node| &node.message)
    }

    /// Splits revisions that are to be applied, in order, into those that can be and those that nobody has approved or
    /// that build on such a one.
    pub fn approved<'a>(&self, pending: Vec<&'a str>) -> (Vec<&'a str>, Vec<&'a str>) {
        let mut held: BTreeSet<&str> = BTreeSet::new();
        pending.into_iter().partition(|revision| {
            let filed = self.folder.plans.get(*revision);
            let draft = filed.is_some_and(|filed| filed.plan.header.approval.is_none());
            let ancestors = self.graph.ancestors(revision);
            let holds = draft || ancestors.iter().any(|earlier| held.contains(earlier));
            if holds {
                held.insert(*revision);
            }
            !holds
        })
    }

    /// Revisions that are being reverted count as there until that is done.
    pub fn standing(&self) -> BTreeSet<String> {
        let mut standing = self.applied.clone();
        for (revision, partly) in self.journal.partly() {
            if partly.direction == Direction::Down {
                standing.insert(revision.to_owned());
            }
        }
        standing
    }

    /// A plan whose file can't be read, and that the target doesn't remember either.
    fn expect_readable(&self, revision: &str) -> Result<()> {
        let forgotten = self.journal.standing(revision) == Standing::Absent;
        let damaged = self.folder.damaged(revision).filter(|_| forgotten);
        damaged.map_or(Ok(()), |problem| Err(problem.clone()))
    }

    /// The files of a revision, plan and way back, or what the target remembers of them.
    pub async fn pair(&self, revision: &str, session: &Session) -> Result<(Filed, Option<Filed>)> {
        self.expect_readable(revision)?;
        match self.folder.plans.get(revision) {
            Some(filed) => Ok((filed.clone(), self.folder.downs.get(revision).cloned())),
            None => remembered_pair(revision, session).await,
        }
    }

    /// The file of a revision, or what the target remembers of it.
    pub async fn filed(&self, revision: &str, session: &Session) -> Result<Filed> {
        self.expect_readable(revision)?;
        match self.folder.plans.get(revision) {
            Some(filed) => Ok(filed.clone()),
            None => remembered(revision, session).await,
        }
    }
}

/// A plan as the target remembers it.
pub async fn remembered(revision: &str, session: &Session) -> Result<Filed> {
    let body = body(session, revision).await?;
    Filed::new(format!("forge.revision {revision}").into(), &body.up)
}

/// A plan and its way back, as the target remembers them.
pub async fn remembered_pair(revision: &str, session: &Session) -> Result<(Filed, Option<Filed>)> {
    let body = body(session, revision).await?;
    let path = format!("forge.revision {revision}");
    let up = Filed::new(path.clone().into(), &body.up)?;
    let down = body
        .down
        .map(|down| Filed::new(format!("{path}.down").into(), &down));
    Ok((up, down.transpose()?))
}

/// The way back as the target remembers it.
pub async fn remembered_down(revision: &str, session: &Session) -> Result<Filed> {
    let body = body(session, revision).await?;
    let down = body.down.ok_or_else(|| {
        Diagnostic::error(
            Code::History,
            format!("revision `{revision}` was applied without a way back"),
        )
        .help("change the schema tree to what it was, and plan that")
    })?;
    Filed::new(format!("forge.revision {revision}.down").into(), &down)
}

fn edited(filed: &Filed) -> Diagnostic {
    Diagnostic::error(
        Code::EditedPlan,
        format!("`{}` was edited after it was applied", filed.path),
    )
    .help(format!(
        "put it back: `forge show {} --applied` prints it as it was applied; then make a new plan of the change",
        filed.revision()
    ))
}
