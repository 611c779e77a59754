//! What surrounds an apply: window, hooks, backup, webhook.

use super::{person, project::Project, revisions::counted, target::OpenTarget};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Actor, Entry, EventKind},
    hooks::{self, Hook, Message, Occasion, Outcome},
    settings::{Backup, CommandLine, Operations, Setting, Window},
};

/// When an apply may change the database, and what is done before.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// Makes a backup first, as the environment's `backup` says.
    pub backup: bool,
    /// The hours, whatever the environment's `window` says.
    pub window: Hours,
}

/// The hours at which the database may be changed.
#[derive(Debug, Clone, Default)]
pub enum Hours {
    /// Those of the environment.
    #[default]
    OfEnvironment,
    /// These.
    Only(Window),
    /// Any.
    Any,
}

impl Conditions {
    /// Refuses to go on outside of the window.
    pub(crate) fn check_window(&self, operations: &Operations) -> Result<()> {
        let of_environment = || {
            let Setting { value, origin } = operations.window.as_ref()?;
            Some((value, origin.to_string()))
        };
        let hours = match &self.window {
            Hours::OfEnvironment => of_environment(),
            Hours::Only(window) => Some((window, "--window".to_owned())),
            Hours::Any => None,
        };
        let Some((window, origin)) = hours else {
            return Ok(());
        };
        let now = person::clock();
        if window.contains(now) {
            return Ok(());
        }
        Err(Diagnostic::error(
            Code::OutsideWindow,
            format!(
                "the database may be changed at {window}, and it is {} there",
                window.time_of(now)
            ),
        )
        .note(format!("`{origin}` says so; nothing was changed"))
        .help("run it at these hours, or say `--ignore-window`"))
    }

    /// The backup that has to be made.
    fn wanted<'s>(&self, operations: &'s Operations) -> Result<Option<&'s Backup>> {
        let backup = operations.backup.as_ref().map(|backup| &backup.value);
        if self.backup && backup.is_none() {
            return Err(Diagnostic::error(
                Code::Configuration,
                "nothing says how to make a backup",
            )
            .help("add `backup = 'pg_dump -Fc -f \"$FORGE_BACKUP_FILE\"'` to the environment in `forge.toml`"));
        }
        Ok(backup.filter(|backup| self.backup || backup.required))
    }
}

/// One apply, as those around it see it.
pub(crate) struct Around<'a> {
    pub(crate) project: &'a Project<'a>,
    pub(crate) target: &'a OpenTarget<'a>,
    pub(crate) actor: &'a Actor,
    /// The revisions that are to be applied.
    pub(crate) revisions: Vec<String>,
    /// Those that an earlier apply has applied, and that `after_apply` has not followed yet.
    pub(crate) unfollowed: Vec<String>,
}

impl Around<'_> {
    /// Has the backup made and runs `before_apply`. Returns where the backup is.
    pub(crate) async fn before(&self, args: &Conditions) -> Result<Option<String>> {
        let operations = &self.project.settings.operations;
        let occasion = self.occasion(&self.revisions);
        let backup = match args.wanted(operations)? {
            Some(backup) => {
                let now = person::clock().strftime("%Y%m%d_%H%M%S").to_string();
                let path = hooks::take(&occasion, &backup.command, &now).await?;
                self.project
                    .listener
                    .note(format_args!("the backup is {path}"));
                Some(path)
            }
            None => None,
        };
        if let Some(before) = &operations.before_apply {
            hooks::run(&occasion, Hook::Before, &before.value, &[]).await?;
        }
        Ok(backup)
    }

    /// Runs `after_apply` if all went well, also for earlier applies that it has not followed yet, and tells the webhook how
    /// it went.
    pub(crate) async fn after<T>(&self, applied: Result<T>, backup: Option<&str>) -> Result<T> {
        let result = match (applied, &self.project.settings.operations.after_apply) {
            (Ok(reached), Some(after)) => self.follow(&after.value).await.map(|()| reached),
            (result, _) => result,
        };
        let what = counted(self.revisions.len(), "plan");
        let (text, outcome) = match &result {
            Ok(_) if self.revisions.is_empty() => {
                ("`after_apply` succeeded".to_owned(), Outcome::Done)
            }
            Ok(_) => (format!("applied {what}"), Outcome::Done),
            Err(error) => (format!("failed: {error}"), Outcome::Failed),
        };
        let revisions = self.all();
        let error = result.as_ref().err().map(ToString::to_string);
        let message = Message {
            text,
            event: "apply",
            outcome,
            environment: None,
            target: &self.target.url,
            revisions: &revisions,
            backup,
            error,
            by: Some(format!("{}@{}", self.actor.os_user, self.actor.host)),
            at: person::now(),
        };
        tell(self.project, message).await;
        result
    }

    /// Runs `after_apply`, and records how it ended: one that failed, or that was killed, is run again.
    async fn follow(&self, command: &CommandLine) -> Result<()> {
        let revisions = self.all();
        let ran = hooks::run(&self.occasion(&revisions), Hook::After, command, &[]).await;
        let kind = match &ran {
            Ok(_) => EventKind::AfterDone,
            Err(_) => EventKind::AfterFailed,
        };
        let error = ran.as_ref().err().map(Diagnostic::message);
        let recorded = self.record(kind, error).await;
        match (ran, recorded) {
            (Ok(_), recorded) => recorded,
            (Err(error), Ok(())) => Err(error),
            (Err(error), Err(unrecorded)) => Err(error.with(unrecorded)),
        }
    }

    /// Records it of each revision that is to be followed. The apply may have gone on over another connection.
    async fn record(&self, kind: EventKind, error: Option<&str>) -> Result<()> {
        let session = self.target.another_session(self.project, "apply");
        let session = session.await?;
        let recorded = async {
            let journal = history::load(&session).await?;
            for due in journal.to_follow() {
                let entry = Entry {
                    error,
                    ..Entry::new(&due.revision, kind)
                };
                history::record(&session, self.actor, &entry).await?;
            }
            Ok(())
        };
        let recorded = recorded.await;
        session.close().await;
        recorded
    }

    /// The revisions that `after_apply` follows.
    fn all(&self) -> Vec<String> {
        [&self.unfollowed[..], &self.revisions[..]].concat()
    }

    fn occasion<'o>(&'o self, revisions: &'o [String]) -> Occasion<'o> {
        Occasion {
            files: &self.project.settings.project.files,
            environment: environment(self.project),
            target: &self.target.url,
            revisions,
            options: &self.target.options,
            variables: &self.project.environment,
            listener: self.project.listener,
            cancel: &self.project.cancel,
        }
    }
}

/// Posts a message to the environment's webhook, if it has one.
pub(crate) async fn tell(project: &Project<'_>, message: Message<'_>) {
    let Some(webhook) = &project.settings.operations.webhook else {
        return;
    };
    let environment = environment(project);
    let place = environment.unwrap_or(message.target);
    let message = Message {
        text: format!("forge {} on {place}: {}", message.event, message.text),
        environment,
        ..message
    };
    hooks::post(project.listener, &webhook.value, &message).await;
}

fn environment<'p>(project: &'p Project<'_>) -> Option<&'p str> {
    project
        .settings
        .environment
        .as_ref()
        .map(|name| name.value.as_str())
}
