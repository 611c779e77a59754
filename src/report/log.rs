//! Logs on stderr: messages as lines of JSON, and what forge's developers want to know, switched on by `FORGE_LOG` or
//! `--log-level`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    filter::filter_fn,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::{choice::Verbosity, json::Json, paint::Paint};
use crate::diagnostic::{Code, Diagnostic, Result, Severity};

/// The time by which a log's lines are stamped.
pub type Clock = fn() -> Timestamp;

/// How much a log holds: the level and those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum LogLevel {
    /// What ended the command
    Error,
    /// What needs attention, too
    Warn,
    /// What was done, too
    Info,
    /// How and why, too
    Debug,
    /// What only forge's developers understand, too
    Trace,
}

impl LogLevel {
    /// How much of the messages for users that is.
    pub fn verbosity(self) -> Verbosity {
        match self {
            Self::Error => Verbosity::Silent,
            Self::Warn => Verbosity::Quiet,
            Self::Info => Verbosity::Normal,
            Self::Debug | Self::Trace => Verbosity::Verbose,
        }
    }

    /// The filter for what developers want to know, if that is asked for.
    pub fn filter(self) -> Option<&'static str> {
        match self {
            Self::Error | Self::Warn | Self::Info => None,
            Self::Debug => Some("forge=debug"),
            Self::Trace => Some("forge=trace"),
        }
    }
}

/// Starts logging with a filter such as `debug` or `forge::server=trace`; in lines of JSON, if there is a clock to stamp
/// them by.
pub fn start(filter: &str, paint: Paint, lines: Option<Clock>) -> Result<()> {
    let levels = EnvFilter::try_new(filter).map_err(|_| {
        Diagnostic::error(Code::Configuration, "`FORGE_LOG` holds no log filter")
            .help("write a level, or targets with levels: `FORGE_LOG=forge=debug`")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(levels)
        .with_writer(std::io::stderr)
        .with_ansi(paint.is_colored());
    // Libraries log what they are given, such as the address of a webhook.
    let own = filter_fn(|metadata| metadata.target().split("::").next() == Some("forge"));
    let started = match lines {
        Some(clock) => log.event_format(Lines(clock)).finish().with(own).try_init(),
        None => log.finish().with(own).try_init(),
    };
    // The first of several runs in one process (a test's) has set up the log for all of them.
    drop(started);
    Ok(())
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    fields: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Problem<'a> {
    time: String,
    level: &'a str,
    #[serde(flatten)]
    diagnostic: Json<'a>,
}

fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value)
        .expect("a log's line has string keys and no failing Serialize");
    super::screen::json(&text)
}

/// A message as a line.
pub(super) fn line(clock: Clock, level: &str, message: &str) -> String {
    json(&Line {
        time: clock().to_string(),
        level,
        target: None,
        message,
        fields: serde_json::Map::new(),
    })
}

/// A problem as a line.
pub(super) fn problem(clock: Clock, diagnostic: &Diagnostic) -> String {
    json(&Problem {
        time: clock().to_string(),
        level: match diagnostic.severity() {
            Severity::Error => "error",
            Severity::Warning => "warn",
            Severity::Advice => "info",
        },
        diagnostic: Json(diagnostic),
    })
}

/// Developers' logs as lines.
struct Lines(Clock);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let line = Line {
            time: (self.0)().to_string(),
            level: &metadata.level().as_str().to_lowercase(),
            target: Some(metadata.target()),
            message: &fields.message,
            fields: fields.others,
        };
        writeln!(writer, "{}", json(&line))
    }
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    others: serde_json::Map<String, serde_json::Value>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        if field.name() == "message" {
            self.message = value;
        } else {
            self.others.insert(field.name().to_owned(), value.into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}
