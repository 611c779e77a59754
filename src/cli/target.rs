//! The database that a command works on, and the shadow server beside it.

use super::Context;
use crate::{
    catalog::{Catalog, Scope, introspect},
    diagnostic::Result,
    server::{
        connect::ConnectOptions,
        embedded::Embedded,
        session::Session,
        shadow::{Mode, ShadowSettings},
    },
    settings::{self, Settings, ShadowProvider},
};

/// An open target.
pub(super) struct Target {
    /// The session on it.
    pub(super) session: Session,
    /// How it was reached.
    pub(super) options: ConnectOptions,
    embedded: Option<Embedded>,
}

impl Target {
    /// Opens the target that the settings name; an embedded one is started.
    pub(super) async fn open(context: &Context<'_>, settings: &Settings) -> Result<Self> {
        let (options, embedded) = match &settings.target()?.value {
            settings::Target::Embedded => {
                let shadow = shadow_settings(context, settings)?;
                let embedded = Embedded::start(&settings.project.root, &shadow).await?;
                (embedded.options(), Some(embedded))
            }
            settings::Target::Connection(connection) => {
                (resolve(context, Some(connection.reveal()))?, None)
            }
            settings::Target::Variables => (resolve(context, None)?, None),
        };
        let session = match Session::open(&options, "forge").await {
            Ok(session) => session,
            Err(error) => {
                if let Some(embedded) = embedded {
                    embedded.stop().await?;
                }
                return Err(error);
            }
        };
        let target = Self {
            session,
            options,
            embedded,
        };
        if let Some(role) = &settings.role {
            let role = crate::sql::Ident::new(role.value.as_str());
            target.session.run(&format!("SET ROLE {role}")).await?;
        }
        Ok(target)
    }

    /// Reads what of the database is managed.
    pub(super) async fn catalog(&self, settings: &Settings) -> Result<Catalog> {
        let mut catalog = introspect(&self.session, None).await?;
        scope(settings).restrict(&mut catalog);
        Ok(catalog)
    }

    /// Ends the session, and the embedded server if nobody else uses it.
    pub(super) async fn close(self) -> Result<()> {
        self.session.close().await;
        match self.embedded {
            Some(embedded) => embedded.stop().await,
            None => Ok(()),
        }
    }
}

/// The schemas that the project manages.
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
    let mut wanted = ShadowSettings::new(crate::server::shadow::Environment(
        context.environment.clone(),
    ));
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
