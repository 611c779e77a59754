//! The target that a command works on, and the shadow server beside it.

use super::Context;
use crate::{
    catalog::{Catalog, Scope, introspect},
    diagnostic::Result,
    report::Reporter,
    server::{
        connect::ConnectOptions,
        embedded::Embedded,
        session::Session,
        shadow::{Mode, ShadowSettings},
    },
    settings::{Settings, ShadowProvider, Target},
    sql::Ident,
};

/// An open target.
pub(super) struct OpenTarget<'a> {
    /// A session in the role that owns what is applied.
    pub(super) session: Session,
    /// Its URL without the password.
    pub(super) url: String,
    /// What is managed there.
    pub(super) scope: Scope,
    /// How it is reached.
    pub(super) options: ConnectOptions,
    embedded: Option<Embedded>,
    reporter: &'a Reporter,
}

impl<'a> OpenTarget<'a> {
    /// Connects to the target that the settings name; the embedded one is started. `command` is what the server's
    /// administrator sees.
    pub(super) async fn open(
        context: &Context<'a>,
        settings: &Settings,
        command: &str,
    ) -> Result<Self> {
        let (options, embedded) = match &settings.target()?.value {
            Target::Embedded => {
                let progress = context.reporter.progress("starting the embedded server");
                let shadow = shadow_settings(context, settings)?;
                let embedded = Embedded::start(&settings.project.root, &shadow).await?;
                drop(progress);
                (embedded.options(), Some(embedded))
            }
            Target::Connection(connection) => (resolve(context, Some(connection.reveal()))?, None),
            Target::Variables => (resolve(context, None)?, None),
        };
        let session = match session(context, settings, &options, command).await {
            Ok(session) => session,
            Err(error) => {
                if let Some(embedded) = embedded {
                    embedded.stop().await?;
                }
                return Err(error);
            }
        };
        Ok(Self {
            session,
            url: options.redacted(),
            scope: scope(settings),
            options,
            embedded,
            reporter: context.reporter,
        })
    }

    /// Reads what of the database is managed.
    pub(super) async fn catalog(&self) -> Result<Catalog> {
        let mut catalog = introspect(&self.session, None).await?;
        self.scope.restrict(&mut catalog);
        Ok(catalog)
    }

    /// Ends the session, with it the lock that it holds, and the embedded server if no other forge uses it.
    pub(super) async fn close(self) {
        self.session.close().await;
        if let Some(embedded) = self.embedded
            && let Err(error) = embedded.stop().await
        {
            self.reporter.diagnostic(&error);
        }
    }
}

async fn session(
    context: &Context<'_>,
    settings: &Settings,
    options: &ConnectOptions,
    command: &str,
) -> Result<Session> {
    let progress = context.reporter.progress("connecting");
    let session = Session::open(options, &format!("forge {command}")).await?;
    drop(progress);
    if let Some(role) = &settings.role {
        session
            .act_as(&Ident::new(role.value.as_str()))
            .await
            .map_err(|error| error.help(format!("`role` comes from {}", role.origin)))?;
    }
    Ok(session)
}

/// What the project manages.
pub(super) fn scope(settings: &Settings) -> Scope {
    let managed = &settings.managed.value;
    Scope {
        include: managed.include.clone().unwrap_or_default(),
        exclude: managed.exclude.clone(),
    }
}

/// How a shadow server may be had.
pub(super) fn shadow_settings(
    context: &Context<'_>,
    settings: &Settings,
) -> Result<ShadowSettings> {
    let shadow = &settings.shadow;
    let mut wanted = ShadowSettings::new(context.environment.clone());
    wanted.mode = match shadow.provider.value {
        ShadowProvider::Auto => Mode::Auto,
        ShadowProvider::Url => Mode::Url,
        ShadowProvider::Local => Mode::Local,
        ShadowProvider::Download => Mode::Download,
        ShadowProvider::Target => Mode::Target,
    };
    wanted.url = match &shadow.url {
        Some(url) => Some(resolve(context, Some(url.value.reveal()))?),
        None => None,
    };
    wanted.bin = shadow.bin.as_ref().map(|bin| bin.value.clone());
    wanted.offline = shadow.offline.value;
    wanted.cache = shadow.cache.value.clone();
    if let Some(mirror) = &shadow.mirror {
        wanted.registry = Some(mirror.value.reveal().to_owned());
    }
    Ok(wanted)
}

fn resolve(context: &Context<'_>, given: Option<&str>) -> Result<ConnectOptions> {
    let resolved = ConnectOptions::resolve(given, context.environment)?;
    for warning in &resolved.warnings {
        context.reporter.diagnostic(warning);
    }
    Ok(resolved.options)
}
