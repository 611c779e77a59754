//! `forge env`: what a command would work with, and why.

use std::{borrow::Cow, fmt, fmt::Write as _, time::Duration};

use camino::Utf8Path;
use serde::Serialize;

use super::{Context, Format};
use crate::{
    diagnostic::{Exit, Result},
    report::{Paint, Role},
    settings::{Origin, Setting, Settings},
    shown,
};

/// Show the settings, and where each of them comes from
///
/// Passwords, and what may hold one, are left out.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Choose the output's format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let rows = rows(&context.settings()?);
    match args.format {
        Format::Json => context.reporter.json(&rows),
        Format::Text => context
            .reporter
            .data(table(&rows, context.reporter.data_paint())),
    }
    Ok(Exit::Done)
}

/// One setting; the value and its origin are absent where nothing is set.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    value: Option<String>,
    origin: Option<String>,
}

impl Row {
    fn new<T: fmt::Display>(name: &'static str, setting: &Setting<T>) -> Self {
        Self::optional(name, Some(setting))
    }

    /// A text that is shown by its rule.
    fn text<'a, T: AsRef<str> + 'a>(
        name: &'static str,
        setting: impl Into<Option<&'a Setting<T>>>,
        show: impl Fn(&'a str) -> Cow<'a, str>,
    ) -> Self {
        let setting = setting.into();
        Self {
            name,
            value: setting.map(|setting| match setting.origin {
                Origin::Default => setting.value.as_ref().to_owned(),
                Origin::Flag(_) | Origin::Variable(_) | Origin::File { .. } => {
                    show(setting.value.as_ref()).into_owned()
                }
            }),
            origin: setting.map(|setting| setting.origin.to_string()),
        }
    }

    fn optional<T: fmt::Display>(name: &'static str, setting: Option<&Setting<T>>) -> Self {
        Self {
            name,
            value: setting.map(|setting| setting.value.to_string()),
            origin: setting.map(|setting| setting.origin.to_string()),
        }
    }
}

fn rows(settings: &Settings) -> Vec<Row> {
    let Settings {
        project,
        environment,
        target,
        role,
        lock_wait,
        managed,
        operations,
        policy,
        shadow,
        ..
    } = settings;
    let readable =
        |setting: &Setting<Duration>| Setting::new(Readable(setting.value), setting.origin.clone());
    // The project's folder is as it is; what the user wrote stands behind it.
    let inside = |path| match Utf8Path::new(path).strip_prefix(&project.root) {
        Ok(rest) => project
            .root
            .join(&*shown::path(rest.as_str()))
            .into_string()
            .into(),
        Err(_) => shown::path(path),
    };
    vec![
        Row::text("schema", &project.schema, inside),
        Row::text("plans", &project.plans, inside),
        Row::new("managed", managed),
        Row::text("environment", environment.as_ref(), shown::name),
        Row::optional("target", target.as_ref()),
        Row::text("role", role.as_ref(), shown::name),
        Row::new("lock_wait", &readable(lock_wait)),
        Row::optional("tunnel", operations.tunnel.as_ref()),
        Row::optional("window", operations.window.as_ref()),
        Row::optional("before_apply", operations.before_apply.as_ref()),
        Row::optional("after_apply", operations.after_apply.as_ref()),
        Row::optional("backup", operations.backup.as_ref()),
        Row::optional("webhook", operations.webhook.as_ref()),
        Row::text("signers", policy.signers.as_ref(), inside),
        Row::text("signing_key", policy.signing_key.as_ref(), shown::path),
        Row::new("shadow", &shadow.provider),
        Row::optional("shadow_url", shadow.url.as_ref()),
        Row::text("shadow_bin", shadow.bin.as_ref(), inside),
        Row::new(
            "shadow_statement_timeout",
            &readable(&shadow.statement_timeout),
        ),
        Row::new("offline", &shadow.offline),
        Row::text("cache", &shadow.cache, inside),
        Row::optional("mirror", shadow.mirror.as_ref()),
    ]
}

/// The settings that are set, one sentence each: `role = owner (forge.toml:9)`.
pub(super) fn sentences(settings: &Settings) -> Vec<String> {
    let rows = rows(settings).into_iter();
    rows.filter_map(|row| {
        let (value, origin) = (row.value?, row.origin?);
        Some(format!("{} = {value} ({origin})", row.name))
    })
    .collect()
}

/// A duration as `forge.toml` has it: `5m`.
struct Readable(Duration);

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = jiff::SignedDuration::try_from(self.0).unwrap_or(jiff::SignedDuration::MAX);
        write!(f, "{duration:#}")
    }
}

fn table(rows: &[Row], paint: Paint) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Row {
        name,
        value,
        origin,
    } in rows
    {
        let name = format!("{name:width$}");
        let value = value.as_deref().unwrap_or("-");
        write!(text, "{}  {value}", paint.text(Role::Strong, name))
            .expect("writing to a String can't fail");
        if let Some(origin) = origin {
            let origin = format!(" ({origin})");
            write!(text, "{}", paint.text(Role::Faint, origin))
                .expect("writing to a String can't fail");
        }
        text.push('\n');
    }
    text
}
