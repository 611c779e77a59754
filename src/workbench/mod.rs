//! A shadow server in use: it builds the desired state, rebuilds the live one, and proves plans on it.

mod compare;
mod halfway;
mod rebuild;
mod rehearse;
mod replay;
mod walk;

use std::collections::BTreeSet;

pub use self::{
    compare::{Comparison, Proposal, Wish},
    halfway::Renames,
    rehearse::{Pair, Rehearsed},
    replay::Replayed,
};
use crate::{
    build::{ORDINARY, Scratch, bodies::BodyProblem, load::load},
    catalog::{Addresses, Catalog, Scope, Unlike},
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Result, Severity},
    diff::{Catalogs, Diff},
    intent::{Intent, Renamed, Renaming, named_owners},
    introspect::{introspect, introspect_with_addresses},
    kinds::{Batching, ObjectId, Step},
    plan::{Plan, file::PlanFile},
    shadow::{self, Shadow, ShadowSettings},
    source::{Bounded, Statement, roles, roles_in},
    sql::{Ident, Locale},
};

/// A running shadow server and whom it stands for.
pub struct Workbench {
    shadow: Shadow,
    role: Ident,
    scope: Scope,
}

/// What the schema tree declares, as the server sees it.
pub struct Desired {
    /// The objects.
    pub catalog: Catalog,
    /// Function bodies that their language rejects.
    pub broken_bodies: Vec<BodyProblem>,
}

/// What a proof has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// What the way back doesn't bring back as it was.
    pub irreversible: BTreeSet<ObjectId>,
    /// What undoes the plan's steps from each place where it can stop, if it can.
    pub undo: Option<Plan>,
}

impl Proof {
    /// What the user should know of the way back.
    pub fn warnings(&self) -> impl Iterator<Item = Diagnostic> {
        self.irreversible.iter().map(|id| {
            Diagnostic::warning(
                Code::Note,
                format!("the way back doesn't bring `{id}` back as it was"),
            )
        })
    }
}

impl Workbench {
    /// Starts a shadow server of a major version, in which `role` runs plans, with databases of this locale. `target` is where
    /// the shadow may be, if the settings ask for that.
    pub async fn start(
        settings: &ShadowSettings,
        target: Option<&crate::connection::options::ConnectOptions>,
        major: u32,
        locale: Locale,
        role: Ident,
        scope: Scope,
    ) -> Result<Self> {
        Ok(Self {
            shadow: Box::pin(shadow::start(settings, major, target))
                .await?
                .with_locale(locale),
            role,
            scope,
        })
    }

    /// Which server it is, for the user.
    pub fn description(&self) -> &str {
        self.shadow.description()
    }

    /// What the user should know about it.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let warnings = self.shadow.warnings().iter().cloned();
        warnings.chain(self.shadow.strange_locale()).collect()
    }

    /// Builds what the tree's statements, in load order, declare.
    pub async fn build(&self, statements: &[Statement]) -> Result<Desired> {
        self.shadow
            .create_roles(&roles(statements).into_iter().collect::<Vec<_>>())
            .await?;
        let mut scratch = self.scratch("desired").await?;
        let broken_bodies = Box::pin(load(&mut scratch, statements)).await?;
        let mut catalog = self.read(&scratch).await?;
        catalog.declare();
        catalog.named_owners = named_owners(statements, &catalog);
        self.shadow.drop_scratch(scratch).await?;
        Ok(Desired {
            catalog,
            broken_bodies,
        })
    }

    /// The catalog of an empty database.
    pub async fn empty(&self) -> Result<Catalog> {
        let scratch = self.scratch("empty").await?;
        let catalog = self.read(&scratch).await?;
        self.shadow.drop_scratch(scratch).await?;
        Ok(catalog)
    }

    /// Proves a plan: rebuilds the live state, runs the way up, which has to end in the desired state, and the way down,
    /// which should end where it began. Where the plan can stop half-way, the way back from there is made and proved, too.
    /// `statements` are the tree's.
    ///
    /// # Errors
    /// [`Code::Unproved`] with what stands in the way.
    pub async fn prove(
        &self,
        statements: &[Statement],
        catalogs: Catalogs<'_>,
        (up, down): (&Plan, &Plan),
        renames: Option<Renames<'_>>,
    ) -> Result<Proof> {
        let Catalogs { live, desired } = catalogs;
        let roles: BTreeSet<String> = live.roles().union(&desired.roles()).cloned().collect();
        self.shadow
            .create_roles(&roles.into_iter().collect::<Vec<_>>())
            .await?;
        let unlike = Unlike::between(&live.unmodelled, &desired.unmodelled);
        let mut scratch = self.scratch("proof").await?;
        self.rebuild(&mut scratch, catalogs, statements).await?;
        let missing = |error| rebuild::for_want_of(error, &unlike.new, CREATE_IT);
        let undone = self.undo(scratch, statements, catalogs, up, renames);
        let (mut scratch, undo) = Box::pin(undone).await.map_err(missing)?;
        run(&mut scratch, up, "the plan fails on the shadow server")
            .await
            .map_err(missing)?;
        let reached = self.read(&scratch).await?;
        differing(&reached, desired).map_or(Ok(()), |left| {
            Err(unproved(
                "the plan doesn't lead to what the schema tree declares",
                &left,
                &reached,
                desired,
            ))
        })?;
        run(
            &mut scratch,
            down,
            "the way back fails on the shadow server",
        )
        .await?;
        let back = self.read(&scratch).await?;
        let irreversible = differing(&back, live).unwrap_or_default();
        self.shadow.drop_scratch(scratch).await?;
        Ok(Proof { irreversible, undo })
    }

    /// Carries the wanted renames out on a copy of the live state; none if there are none to be done.
    ///
    /// # Errors
    /// [`Code::Unproved`] where PostgreSQL refuses one.
    pub async fn rename(
        &self,
        statements: &[Statement],
        intent: &Intent,
        catalogs: Catalogs<'_>,
    ) -> Result<Option<Renamed>> {
        if !intent.renames() {
            return Ok(None);
        }
        let live = catalogs.live.roles().into_iter().collect::<Vec<_>>();
        self.shadow.create_roles(&live).await?;
        let mut scratch = self.scratch("renamed").await?;
        self.rebuild(&mut scratch, catalogs, statements).await?;
        let (mut now, mut addresses) = self.read_with_addresses(&scratch).await?;
        let mut renaming = Renaming::new(intent, catalogs, addresses.clone());
        loop {
            let steps = renaming.next_round(&now, &addresses)?;
            if steps.is_empty() {
                break;
            }
            let round = Plan::from(steps);
            run(&mut scratch, &round, "a rename fails on the shadow server").await?;
            (now, addresses) = self.read_with_addresses(&scratch).await?;
        }
        self.shadow.drop_scratch(scratch).await?;
        let mut renamed = renaming.finish(now, &addresses);
        renamed.adopt_contents(catalogs.live);
        Ok(Some(renamed))
    }

    /// Takes the server away.
    pub async fn close(self) -> Result<()> {
        self.shadow.close().await
    }

    /// Creates the roles that the steps of plans name.
    async fn create_roles_of<'a>(&self, files: impl Iterator<Item = &'a PlanFile>) -> Result<()> {
        let roles: BTreeSet<String> = files
            .flat_map(|file| file.plan.steps())
            .flat_map(|step| &step.sql)
            .flat_map(|sql| roles_in(sql))
            .collect();
        self.shadow
            .create_roles(&roles.into_iter().collect::<Vec<_>>())
            .await
    }

    async fn scratch(&self, purpose: &str) -> Result<Scratch> {
        Box::pin(self.shadow.scratch(purpose, &self.role)).await
    }

    async fn read_with_addresses(&self, scratch: &Scratch) -> Result<(Catalog, Addresses)> {
        let (mut catalog, addresses) =
            introspect_with_addresses(scratch.session(), scratch.cast()).await?;
        self.scope.restrict(&mut catalog);
        Ok((catalog, addresses))
    }

    async fn read(&self, scratch: &Scratch) -> Result<Catalog> {
        let mut catalog = introspect(scratch.session(), scratch.cast()).await?;
        self.scope.restrict(&mut catalog);
        Ok(catalog)
    }
}

const CREATE_IT: &str = "create it in the database by a statement of your own, and plan again";

async fn run(scratch: &mut Scratch, plan: &Plan, what: &str) -> Result<()> {
    for batch in &plan.batches {
        for step in &batch.steps {
            has_key(scratch.session(), step).await?;
        }
        let statements: Vec<(&ObjectId, &str)> = batch
            .steps
            .iter()
            .flat_map(|step| step.sql.iter().map(|sql| (&step.object, sql.as_str())))
            .collect();
        let texts: Vec<&str> = statements.iter().map(|(_, sql)| *sql).collect();
        scratch.run_all(&texts, batch.transactional).await.map_err(|rejection| {
            let (object, sql) = statements[rejection.number];
            if rejection.overdue {
                return rejection
                    .diagnostic
                    .note(format!("{what}: `{object}`"))
                    .note(format!("in the statement: {sql}"));
            }
            let diagnostic = Diagnostic::error(Code::Unproved, format!("{what}: `{object}`"))
                .note(format!("the server says: {}", rejection.diagnostic.message()));
            let notes = rejection.diagnostic.notes().iter();
            let diagnostic = notes
                .fold(diagnostic, |diagnostic, note| diagnostic.note(note.clone()))
                .note(format!("in the statement: {sql}"));
            if rejection.lacks_privilege {
                return diagnostic.note(ORDINARY).help("let the schema do without; no plan was written");
            }
            diagnostic.help(
                "no plan was written; if the schema is sound, this is a case that forge doesn't know: please report it",
            )
        })?;
    }
    Ok(())
}

/// On the shadow a statement is carried out as a whole, and its key would not be missed.
async fn has_key(session: &Session, step: &Step) -> Result<()> {
    let Some(Batching { key, .. }) = &step.batching else {
        return Ok(());
    };
    for sql in &step.sql {
        let bounded = Bounded::read(sql, key).map_err(|error| {
            let message = format!("the statement can't go in batches: {error}");
            Diagnostic::error(Code::Unproved, message).note(format!("in the statement: {sql}"))
        })?;
        session
            .key(&bounded.relation, &bounded.rows_of, key)
            .await?;
    }
    Ok(())
}

/// The objects in which two catalogs differ, if they do.
fn differing(one: &Catalog, other: &Catalog) -> Option<BTreeSet<ObjectId>> {
    let diff = Diff::new(Catalogs {
        live: one,
        desired: other,
    });
    (!diff.is_empty()).then(|| diff.fates.into_keys().collect())
}

fn unproved(
    what: &str,
    left: &BTreeSet<ObjectId>,
    reached: &Catalog,
    wanted: &Catalog,
) -> Diagnostic {
    let diagnostic = left.iter().take(20).fold(
        Diagnostic::error(Code::Unproved, what.to_string()),
        |diagnostic, id| {
            let why = match (reached.get(id), wanted.get(id)) {
                (None, _) => "is missing".to_string(),
                (_, None) => "is there and shouldn't be".to_string(),
                (Some(reached), Some(wanted)) => {
                    format!("differs in {}", reached.differences(wanted).join(", "))
                }
            };
            diagnostic.note(format!("`{id}` {why}"))
        },
    );
    diagnostic.help("no plan was written; if the schema is sound, this is a case that forge doesn't know: please report it")
}

/// The diagnostics of broken bodies: an error where the plan writes the function, a warning where it stands as it was.
pub fn judge_bodies(
    problems: &[BodyProblem],
    statements: &[Statement],
    plan: &Plan,
) -> Vec<Diagnostic> {
    problems
        .iter()
        .map(|problem| {
            let name = [
                Ident::new(problem.schema.clone()),
                Ident::new(problem.name.clone()),
            ];
            let written = plan.steps().any(|step| {
                step.object.args.is_some() && step.object.of.is_none() && step.object.path == name
            });
            problem.diagnostic(
                statements,
                if written {
                    Severity::Error
                } else {
                    Severity::Warning
                },
            )
        })
        .collect()
}
