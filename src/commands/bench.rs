//! The shadow server that a command works on.

use super::{
    project::Project,
    target::{OpenTarget, shadow_settings},
};
use crate::{
    catalog::{Catalog, Scope},
    diagnostic::{Code, Diagnostic, Result},
    plan::file::PlanFile,
    shadow::ShadowSettings,
    sql::{Ident, Locale},
    workbench::Workbench,
};

/// Whom a shadow server stands for.
pub(crate) struct Whom<'a> {
    /// The target, where the shadow may be too if the settings ask for that.
    pub(crate) target: Option<&'a OpenTarget<'a>>,
    /// Its major version.
    pub(crate) major: u32,
    /// How its databases store and compare text.
    pub(crate) locale: Locale,
    /// The role that runs plans there.
    pub(crate) role: Ident,
    /// What is managed.
    pub(crate) scope: Scope,
}

impl<'a> Whom<'a> {
    /// A live database.
    pub(crate) async fn live(target: &'a OpenTarget<'a>, live: &Catalog) -> Result<Self> {
        Ok(Self {
            target: Some(target),
            major: live.server_version / 10_000,
            locale: Locale::of(&target.session).await?,
            role: live.role.clone(),
            scope: target.scope.clone(),
        })
    }

    /// Any database that these plans were made for. Nobody knows its role, which is of no account: what belongs to it
    /// isn't part of a state.
    pub(crate) fn history(plans: &[&PlanFile], scope: Scope) -> Option<Self> {
        let newest = plans.last()?;
        Some(Self {
            target: None,
            major: newest.header.postgres,
            locale: newest.header.locale.clone(),
            role: Ident::new("postgres"),
            scope,
        })
    }
}

/// Starts a shadow server, does some work on it, and takes it away however that ends.
///
/// On the user's server no statement has a superuser's privileges. Where nobody has insisted on that server and one needs
/// them, the work is done again on a private one, and the user is told.
pub(crate) async fn on_bench<T>(
    project: &Project<'_>,
    whom: Whom<'_>,
    work: impl AsyncFn(&Workbench, &mut Vec<Diagnostic>) -> Result<T>,
) -> Result<T> {
    let shadow = shadow_settings(project)?;
    let bench = start(project, &shadow, &whom).await?;
    let first = bench.description().to_owned();
    let private = shadow.private();
    let error = match finish(project, bench, &work, private.is_some()).await {
        Err(error) => error,
        done => return done,
    };
    let (Some(private), Some(cause)) = (private, unprivileged(&error)) else {
        return Err(error);
    };
    let bench = match start(project, &private, &whom).await {
        Ok(bench) => bench,
        Err(none) if none.code() == Code::Interrupted => return Err(none),
        Err(none) => return Err(error.with(none)),
    };
    let warning = Diagnostic::warning(
        Code::Note,
        format!(
            "a statement needs a superuser, so the shadow server is {} and not {first}",
            bench.description()
        ),
    );
    let warning = cause.places().iter().fold(warning, |warning, place| {
        warning.at(&place.file, place.span.clone(), "needs a superuser")
    });
    let notes = std::iter::once(cause.message()).chain(cause.notes().iter().map(String::as_str));
    project.listener.diagnostic(
        &notes
            .fold(warning, Diagnostic::note)
            .help("`--shadow local` takes a private server from the start; `--shadow url` refuses the statement"),
    );
    finish(project, bench, &work, false).await
}

/// The error, or one of those that come with it, that a superuser would not have had.
fn unprivileged(error: &Diagnostic) -> Option<&Diagnostic> {
    let is_meant = error.code() == Code::Unprivileged
        || error.notes().iter().any(|note| note == "SQLSTATE 42501");
    if is_meant {
        return Some(error);
    }
    error.related().iter().find_map(unprivileged)
}

async fn start(
    project: &Project<'_>,
    shadow: &ShadowSettings,
    whom: &Whom<'_>,
) -> Result<Workbench> {
    let progress = project.listener.progress("starting the shadow server");
    let options = whom.target.map(|target| &target.options);
    let (locale, role, scope) = (whom.locale.clone(), whom.role.clone(), whom.scope.clone());
    let bench = Workbench::start(shadow, options, whom.major, locale, role, scope).await?;
    drop(progress);
    project
        .listener
        .detail(format_args!("shadow: {}", bench.description()));
    Ok(bench)
}

/// The error of a shadow server that has gone: it is not the target that can't be reached.
fn of_bench(error: Diagnostic, bench: &Workbench) -> Diagnostic {
    if error.code() != Code::ConnectionLost {
        return error;
    }
    let gone = Diagnostic::error(
        Code::NoShadow,
        format!("the shadow server is gone: {}", error.message()),
    );
    let gone = error.notes().iter().fold(gone, Diagnostic::note);
    gone.note(bench.description())
        .help("its log may say why; run the command again")
}

/// Does the work and takes the server away. Warnings are left to the second attempt where there may be one.
async fn finish<T>(
    project: &Project<'_>,
    bench: Workbench,
    work: &impl AsyncFn(&Workbench, &mut Vec<Diagnostic>) -> Result<T>,
    may_repeat: bool,
) -> Result<T> {
    let mut said = Vec::new();
    let progress = project.listener.progress("working on the shadow server");
    let outcome = work(&bench, &mut said).await;
    let outcome = outcome.map_err(|error| of_bench(error, &bench));
    drop(progress);
    let bench_said = bench.warnings();
    let closed = bench.close().await;
    let repeats = may_repeat && outcome.as_ref().err().and_then(unprivileged).is_some();
    for warning in bench_said.iter().chain(&said).filter(|_| !repeats) {
        project.listener.diagnostic(warning);
    }
    let outcome = outcome?;
    closed?;
    Ok(outcome)
}
