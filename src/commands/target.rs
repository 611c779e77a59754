//! The target that a command works on, and the shadow server beside it.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::{consent, project::Project};
use crate::{
    apply::{Committing, Dropped, MAX_LAG, Reading, Work, attended},
    cancel::Urgency,
    catalog::{Catalog, Scope},
    connection::{
        options::{ConnectOptions, Pooler},
        pooling::Pooling,
        session::Session,
        tunnel::Tunnel,
    },
    diagnostic::{Code, Diagnostic, Result},
    history::Actor,
    introspect::{Cast, introspect},
    listener::Listener,
    settings::{Setting, ShadowProvider, Target},
    shadow::{Mode, ShadowSettings, embedded::Embedded},
    shown::{self, LONGEST_NAME},
    sql::Ident,
};

/// The pause between two tries to connect, and the least time that one gets.
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
const SHORTEST_TRY: Duration = Duration::from_secs(1);

/// An open target.
pub(crate) struct OpenTarget<'a> {
    /// A session in the role that owns what is applied.
    pub(crate) session: Session,
    /// Its URL without the password.
    pub(crate) url: String,
    /// What is managed there.
    pub(crate) scope: Scope,
    /// How it is reached.
    pub(crate) options: ConnectOptions,
    committing: Committing,
    way: Way,
    listener: &'a dyn Listener,
}

/// What has to stay for the connection to stay.
enum Way {
    /// Nothing of forge's.
    Direct,
    /// The project's own server.
    Embedded(Box<Embedded>),
    /// A forwarded port.
    Tunnel(Box<Tunnel>),
}

impl<'a> OpenTarget<'a> {
    /// Connects to the target that the settings name; the embedded one is started, a tunnel opened. `command` is what the
    /// server's administrator sees.
    ///
    /// # Errors
    /// [`Code::Configuration`] behind a pooler that doesn't keep a server process for a connection.
    pub(crate) async fn open(project: &Project<'a>, command: &str) -> Result<Self> {
        let named = named(project)?;
        Self::try_open(project, command, named.as_ref())
            .await?
            .of_its_own()
            .await
    }

    /// As [`Self::open`], for a command that only reads: it works behind any pooler.
    pub(crate) async fn open_to_read(project: &Project<'a>, command: &str) -> Result<Self> {
        let named = named(project)?;
        Self::try_open(project, command, named.as_ref()).await
    }

    /// This target, unless its session may be another's a moment later.
    pub(crate) async fn of_its_own(self) -> Result<Self> {
        match self.session.must_be_its_own() {
            Ok(()) => Ok(self),
            Err(error) => {
                self.close().await;
                Err(error)
            }
        }
    }

    /// As [`Self::open`], and tries again for this time while the database isn't there. Says why it waits.
    pub(crate) async fn open_within(
        project: &Project<'a>,
        command: &str,
        limit: Duration,
    ) -> Result<Self> {
        let named = named(project)?;
        let started = Instant::now();
        let mut told = None;
        loop {
            // A server that doesn't answer at all may not use up more time than there is.
            let left = limit.saturating_sub(started.elapsed()).max(SHORTEST_TRY);
            let trying = Self::try_open(project, command, named.as_ref());
            let error = match timeout(left, trying).await {
                Ok(Ok(target)) => return Ok(target),
                Ok(Err(error)) if may_pass(&error) => error,
                Ok(Err(error)) => return Err(error),
                Err(_) => Diagnostic::error(Code::Unreachable, "the database does not answer"),
            };
            let left = limit.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(error.note(format!("waited for {} s", limit.as_secs())));
            }
            if told.as_deref() != Some(error.message()) {
                let why = error.notes().first();
                let why = why.map_or(String::new(), |note| format!(" ({note})"));
                project
                    .listener
                    .note(format_args!("waiting: {}{why}", error.message()));
                told = Some(error.message().to_owned());
            }
            tokio::select! {
                () = sleep(BETWEEN_TRIES.min(left)) => {}
                () = project.cancel.reached(Urgency::Soon) => {
                    return Err(Diagnostic::error(Code::Interrupted, "stopped while waiting for the database"));
                }
            }
        }
    }

    async fn try_open(
        project: &Project<'a>,
        command: &str,
        named: Option<&ConnectOptions>,
    ) -> Result<Self> {
        let (options, way) = match (named, &project.settings.operations.tunnel) {
            (None, _) => {
                let progress = project.listener.progress("starting the embedded server");
                let embedded = embedded(project).await?;
                drop(progress);
                (embedded.options(), Way::Embedded(Box::new(embedded)))
            }
            (Some(options), None) => (options.clone(), Way::Direct),
            (Some(options), Some(forward)) => {
                let progress = project.listener.progress("opening the tunnel");
                let tunnel = Tunnel::start(&forward.value, &project.environment).await?;
                drop(progress);
                (tunnel.through(options), Way::Tunnel(Box::new(tunnel)))
            }
        };
        let session = match session(project, &options, command).await {
            Ok(session) => session,
            Err(error) => return Err(way.close_after(error).await),
        };
        let options = match session.pooling() {
            Pooling::Direct => options,
            known @ (Pooling::Session | Pooling::Transaction | Pooling::Statement) => {
                ConnectOptions {
                    pooler: Pooler::Known(known),
                    ..options
                }
            }
        };
        Ok(Self {
            session,
            url: named.unwrap_or(&options).redacted(),
            scope: scope(project),
            options,
            committing: Committing::default(),
            way,
            listener: project.listener,
        })
    }

    /// What an apply, or another command that holds the lock, works with.
    pub(crate) fn work<'w>(&'w self, project: &'w Project<'_>, actor: &'w Actor) -> Work<'w> {
        Work {
            session: &self.session,
            options: &self.options,
            scope: &self.scope,
            actor,
            listener: project.listener,
            cancel: &project.cancel,
            committing: &self.committing,
            unfinished: &project.unfinished,
            patience: project.settings.lock_wait.value,
            max_lag: MAX_LAG,
            signers: project.signers(),
            dropped: Dropped::default(),
            looks_for_rows: true,
            is_followed: project.settings.operations.after_apply.is_some(),
            backup: None,
        }
    }

    /// Another session on the same target, in the same role.
    pub(crate) async fn another_session(
        &self,
        project: &Project<'_>,
        command: &str,
    ) -> Result<Session> {
        session(project, &self.options, command).await
    }

    /// Manages what these settings say from now on.
    pub(crate) fn manage(&mut self, project: &Project<'_>) {
        self.scope = scope(project);
    }

    /// What says whom a query waits for.
    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading {
            session: &self.session,
            options: &self.options,
            listener: self.listener,
        }
    }

    /// Reads what of the database is managed.
    pub(crate) async fn catalog(&self) -> Result<Catalog> {
        let cast = Cast::new();
        let mut catalog = attended(self.reading(), introspect(&self.session, &cast)).await?;
        self.scope.restrict(&mut catalog);
        Ok(catalog)
    }

    /// Ends the session, with it the lock that it holds, and what leads to the server: the tunnel, or the embedded server
    /// if no other forge uses it.
    pub(crate) async fn close(self) {
        // What the command ends with says only that the connection was closed.
        if let Some(loss) = self.session.take_loss() {
            self.listener.diagnostic(&loss.into_warning());
        }
        self.session.close().await;
        match self.way {
            Way::Direct => {}
            Way::Embedded(embedded) => {
                if let Err(error) = embedded.stop().await {
                    self.listener.diagnostic(&error);
                }
            }
            Way::Tunnel(mut tunnel) => {
                // What went wrong in the command may have its reason here.
                if let Some(warning) = tunnel.broken().await {
                    self.listener.diagnostic(&warning);
                }
                tunnel.close().await;
            }
        }
    }
}

impl Way {
    /// Ends it because of an error, of which it may know more.
    async fn close_after(self, error: Diagnostic) -> Diagnostic {
        match self {
            Self::Direct => error,
            Self::Embedded(embedded) => match embedded.stop().await {
                Ok(()) => error,
                Err(another) => error.with(another),
            },
            Self::Tunnel(tunnel) => {
                let error = tunnel.explain(error).await;
                tunnel.close().await;
                error
            }
        }
    }
}

/// Starts the project's own server, or joins it.
pub(crate) async fn embedded(project: &Project<'_>) -> Result<Embedded> {
    consent::to_cluster(project)?;
    let shadow = shadow_settings(project)?;
    Embedded::start(&project.settings.project.files, &shadow).await
}

/// The connection that the settings name; `None` is the embedded server's.
fn named(project: &Project<'_>) -> Result<Option<ConnectOptions>> {
    let options = match &project.settings.target()?.value {
        Target::Embedded => None,
        Target::Connection(connection) => Some(resolve(project, Some(connection.reveal()))?),
        Target::Variables => Some(resolve(project, None)?),
    };
    Ok(options.map(|options| ConnectOptions {
        pooler: Pooler::Find,
        ..options
    }))
}

/// Whether the same connection may succeed a moment later: the server isn't there yet, or has no such database yet.
fn may_pass(error: &Diagnostic) -> bool {
    matches!(error.code(), Code::Unreachable | Code::ConnectionLost)
        || error.notes().iter().any(|note| note == "SQLSTATE 3D000")
}

async fn session(
    project: &Project<'_>,
    options: &ConnectOptions,
    command: &str,
) -> Result<Session> {
    let progress = project.listener.progress("connecting");
    let session = Session::open(options, &format!("forge {command}")).await?;
    drop(progress);
    if let Some(role) = &project.settings.role {
        act_as(&session, role).await?;
    }
    Ok(session)
}

/// Works in the environment's role. The server repeats a role that it doesn't know, and cuts a long one off.
async fn act_as(session: &Session, role: &Setting<String>) -> Result<()> {
    let origin = format!("`role` comes from {}", role.origin);
    if role.value.len() > LONGEST_NAME {
        let message = format!("`role` is longer than a name can be: {LONGEST_NAME} bytes");
        return Err(Diagnostic::error(Code::Configuration, message).help(origin));
    }
    let acting = session.act_as(&Ident::new(role.value.as_str())).await;
    acting.map_err(|error| {
        if shown::name(&role.value) == role.value {
            return error.help(origin);
        }
        Diagnostic::error(error.code(), "the environment's role can't be set")
            .note(shown::WHY_HIDDEN)
            .help(origin)
    })
}

/// What the project manages.
pub(crate) fn scope(project: &Project<'_>) -> Scope {
    let managed = &project.settings.managed.value;
    Scope {
        include: managed.include.clone().unwrap_or_default(),
        exclude: managed.exclude.clone(),
    }
}

/// How a shadow server may be had.
pub(crate) fn shadow_settings(project: &Project<'_>) -> Result<ShadowSettings> {
    consent::to_shadow(project)?;
    let shadow = &project.settings.shadow;
    let mut wanted = ShadowSettings::new(project.environment.clone());
    wanted.mode = match shadow.provider.value {
        ShadowProvider::Auto => Mode::Auto,
        ShadowProvider::Url => Mode::Url,
        ShadowProvider::Local => Mode::Local,
        ShadowProvider::Download => Mode::Download,
        ShadowProvider::Target => Mode::Target,
    };
    wanted.url = match &shadow.url {
        Some(url) => Some(resolve(project, Some(url.value.reveal()))?),
        None => None,
    };
    wanted.bin = shadow.bin.as_ref().map(|bin| bin.value.clone());
    wanted.offline = shadow.offline.value;
    wanted.statement_timeout = shadow.statement_timeout.value;
    wanted.cache = shadow.cache.value.clone();
    if let Some(mirror) = &shadow.mirror {
        wanted.registry = Some(mirror.value.reveal().to_owned());
    }
    Ok(wanted)
}

fn resolve(project: &Project<'_>, given: Option<&str>) -> Result<ConnectOptions> {
    let resolved = ConnectOptions::resolve(given, &project.environment)?;
    for warning in &resolved.warnings {
        project.listener.diagnostic(warning);
    }
    Ok(resolved.options)
}
