//! What surrounds an apply: window, hooks, backup, webhook.

use super::{Context, person, revisions::counted, target::OpenTarget};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Actor, Entry, EventKind},
    hooks::{self, Hook, Message, Occasion, Outcome},
    settings::{Backup, CommandLine, Operations, Setting, Settings, Window},
};

/// The flags of `forge apply` for it.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Conditions {
    /// Make a backup first, as the environment's `backup` says
    #[arg(long)]
    backup: bool,

    /// Change the database only at these hours, such as `01:00-05:00 Europe/Rome`, whatever the environment's `window` says
    #[arg(long, value_name = "HOURS")]
    window: Option<Window>,

    /// Change the database at any hour
    #[arg(long, conflicts_with = "window")]
    ignore_window: bool,
}

impl Conditions {
    /// Refuses to go on outside of the window.
    pub(super) fn check_window(&self, operations: &Operations) -> Result<()> {
        if self.ignore_window {
            return Ok(());
        }
        let of_environment = operations.window.as_ref();
        let of_environment =
            of_environment.map(|Setting { value, origin }| (value, origin.to_string()));
        let given = self.window.as_ref();
        let given = given.map(|window| (window, "--window".to_owned()));
        let Some((window, origin)) = given.or(of_environment) else {
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
pub(super) struct Around<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) settings: &'a Settings,
    pub(super) target: &'a OpenTarget<'a>,
    pub(super) actor: &'a Actor,
    /// The revisions that are to be applied.
    pub(super) revisions: Vec<String>,
    /// Those that an earlier apply has applied, and that `after_apply` has not followed yet.
    pub(super) unfollowed: Vec<String>,
}

impl Around<'_> {
    /// Has the backup made and runs `before_apply`. Returns where the backup is.
    pub(super) async fn before(&self, args: &Conditions) -> Result<Option<String>> {
        let operations = &self.settings.operations;
        let occasion = self.occasion(&self.revisions);
        let backup = match args.wanted(operations)? {
            Some(backup) => {
                let now = person::clock().strftime("%Y%m%d_%H%M%S").to_string();
                let path = hooks::take(&occasion, &backup.command, &now).await?;
                let reporter = self.context.reporter;
                reporter.note(format_args!("the backup is {path}"));
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
    pub(super) async fn after<T>(&self, applied: Result<T>, backup: Option<&str>) -> Result<T> {
        let result = match (applied, &self.settings.operations.after_apply) {
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
        tell(self.context, self.settings, message).await;
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
        let session = self
            .target
            .another_session(self.context, self.settings, "apply");
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
            files: &self.settings.project.files,
            environment: environment(self.settings),
            target: &self.target.url,
            revisions,
            options: &self.target.options,
            variables: self.context.environment,
            reporter: self.context.reporter,
            cancel: self.context.cancel,
        }
    }
}

/// Posts a message to the environment's webhook, if it has one.
pub(super) async fn tell(context: &Context<'_>, settings: &Settings, message: Message<'_>) {
    let Some(webhook) = &settings.operations.webhook else {
        return;
    };
    let environment = environment(settings);
    let place = environment.unwrap_or(message.target);
    let message = Message {
        text: format!("forge {} on {place}: {}", message.event, message.text),
        environment,
        ..message
    };
    hooks::post(context.reporter, &webhook.value, &message).await;
}

fn environment(settings: &Settings) -> Option<&str> {
    settings
        .environment
        .as_ref()
        .map(|name| name.value.as_str())
}
