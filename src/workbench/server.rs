//! The shadow server that a workbench stands on: its databases, built from a tree or empty, and what is read of them.

use std::collections::BTreeSet;

use crate::{
    build::{Scratch, bodies::BodyProblem, load::load},
    catalog::{Addresses, Catalog, Scope},
    connection::options::ConnectOptions,
    diagnostic::{Diagnostic, Result},
    intent::named_owners,
    introspect::{introspect, introspect_with_addresses},
    plan::file::PlanFile,
    shadow::{self, Shadow, ShadowSettings},
    source::{Statement, roles, roles_in},
    sql::{Ident, Locale},
};

/// A running shadow server and whom it stands for.
pub struct Workbench {
    pub(super) shadow: Shadow,
    role: Ident,
    pub(super) scope: Scope,
}

/// What the schema tree declares, as the server sees it.
pub struct Desired {
    /// The objects.
    pub catalog: Catalog,
    /// Function bodies that their language rejects.
    pub broken_bodies: Vec<BodyProblem>,
}

impl Workbench {
    /// Starts a shadow server of a major version, in which `role` runs plans, with databases of this locale. `target` is where
    /// the shadow may be, if the settings ask for that.
    pub async fn start(
        settings: &ShadowSettings,
        target: Option<&ConnectOptions>,
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

    /// Takes the server away.
    pub async fn close(self) -> Result<()> {
        self.shadow.close().await
    }

    /// Creates the roles that the steps of plans name.
    pub(super) async fn create_roles_of<'a>(
        &self,
        files: impl Iterator<Item = &'a PlanFile>,
    ) -> Result<()> {
        let roles: BTreeSet<String> = files
            .flat_map(|file| file.plan.steps())
            .flat_map(|step| &step.sql)
            .flat_map(|sql| roles_in(sql))
            .collect();
        self.shadow
            .create_roles(&roles.into_iter().collect::<Vec<_>>())
            .await
    }

    pub(super) async fn scratch(&self, purpose: &str) -> Result<Scratch> {
        Box::pin(self.shadow.scratch(purpose, &self.role)).await
    }

    pub(super) async fn read_with_addresses(
        &self,
        scratch: &Scratch,
    ) -> Result<(Catalog, Addresses)> {
        let (mut catalog, addresses) =
            introspect_with_addresses(scratch.session(), scratch.cast()).await?;
        self.scope.restrict(&mut catalog);
        Ok((catalog, addresses))
    }

    pub(super) async fn read(&self, scratch: &Scratch) -> Result<Catalog> {
        let mut catalog = introspect(scratch.session(), scratch.cast()).await?;
        self.scope.restrict(&mut catalog);
        Ok(catalog)
    }
}
