//! The shadow server that a command works on.

use super::{
    Context,
    target::{OpenTarget, shadow_settings},
};
use crate::{
    catalog::{Catalog, Scope},
    diagnostic::{Diagnostic, Result},
    plan::file::PlanFile,
    server::shadow::Locale,
    settings::Settings,
    sql::Ident,
    workbench::Workbench,
};

/// Whom a shadow server stands for.
pub(super) struct Whom<'a> {
    /// The target, where the shadow may be too if the settings ask for that.
    pub(super) target: Option<&'a OpenTarget<'a>>,
    /// Its major version.
    pub(super) major: u32,
    /// The role that runs plans there.
    pub(super) role: Ident,
    /// What is managed.
    pub(super) scope: Scope,
}

impl<'a> Whom<'a> {
    /// A live database.
    pub(super) fn live(target: &'a OpenTarget<'a>, live: &Catalog) -> Self {
        Self {
            target: Some(target),
            major: live.server_version / 10_000,
            role: live.role.clone(),
            scope: target.scope.clone(),
        }
    }

    /// Any database that these plans were made for. Nobody knows its role, which is of no account: what belongs to it
    /// isn't part of a state.
    pub(super) fn history(plans: &[&PlanFile], scope: Scope) -> Option<Self> {
        let newest = plans.last()?;
        Some(Self {
            target: None,
            major: newest.header.postgres,
            role: Ident::new("postgres"),
            scope,
        })
    }
}

/// Starts a shadow server, does some work on it, and takes it away however that ends.
pub(super) async fn on_bench<T>(
    context: &Context<'_>,
    settings: &Settings,
    whom: Whom<'_>,
    work: impl AsyncFnOnce(&Workbench, &mut Vec<Diagnostic>) -> Result<T>,
) -> Result<T> {
    let progress = context.reporter.progress("starting the shadow server");
    let shadow = shadow_settings(context, settings)?;
    let Whom {
        target,
        major,
        role,
        scope,
    } = whom;
    let locale = match target {
        Some(target) => Locale::of(&target.session).await?,
        None => Locale::default(),
    };
    let options = target.map(|target| &target.options);
    let bench = Workbench::start(&shadow, options, major, locale, role, scope).await?;
    context
        .reporter
        .detail(format_args!("shadow: {}", bench.description()));
    let mut said = Vec::new();
    progress.message("working on the shadow server");
    let outcome = work(&bench, &mut said).await;
    drop(progress);
    let bench_said = bench.warnings();
    let closed = bench.close().await;
    for warning in bench_said.iter().chain(&said) {
        context.reporter.diagnostic(warning);
    }
    let outcome = outcome?;
    closed?;
    Ok(outcome)
}
