//! Tells a service what happened.

use std::time::Duration;

use serde::Serialize;

use crate::{
    http::{self, Limits},
    listener::Listener,
    settings::Webhook,
    shown,
};

/// Nobody waits long for a chat.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    response: Duration::from_secs(10),
    total: Duration::from_secs(10),
};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All that was to be done is done.
    Done,
    /// It failed.
    Failed,
    /// Somebody changed the database by hand.
    Drift,
}

/// What is posted. Services for chats show `text`.
#[derive(Debug, Clone, Serialize)]
pub struct Message<'a> {
    /// All of it in a sentence.
    pub text: String,
    /// The command.
    pub event: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// The name of the environment.
    pub environment: Option<&'a str>,
    /// The database's URL without the password.
    pub target: &'a str,
    /// The revisions that it is about.
    pub revisions: &'a [String],
    /// Where the backup is that was made before.
    pub backup: Option<&'a str>,
    /// What went wrong.
    pub error: Option<String>,
    /// Who ran it.
    pub by: Option<String>,
    /// When, RFC 3339 in UTC.
    pub at: String,
}

/// Posts a message. If that fails, there is a warning and nothing more.
pub async fn post(listener: &dyn Listener, webhook: &Webhook, message: &Message<'_>) {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u32,
        #[serde(flatten)]
        message: &'a Message<'a>,
    }
    let document = Document {
        version: VERSION,
        message,
    };
    if let Some(variable) = webhook.reveal().strip_prefix("env:") {
        listener.warn(format_args!(
            "can't tell the webhook: environment variable `{}` is not set",
            shown::name(variable)
        ));
        return;
    }
    let body = serde_json::to_string(&document)
        .expect("forge's documents have string keys and no failing Serialize");
    let address = webhook.reveal().to_owned();
    let progress = listener.progress("telling the webhook");
    let posted = tokio::task::spawn_blocking(move || {
        let request = http::agent(LIMITS).post(&address);
        // Another address than the one that was given learns nothing.
        let request = request.config().max_redirects(0).build();
        let posted = request.content_type("application/json").send(body);
        let status = posted.map_err(|error| http::reason(&error))?.status();
        if status.is_redirection() {
            return Err(format!(
                "it redirects (http status: {}), which forge does not follow",
                status.as_u16()
            ));
        }
        Ok(())
    });
    let result = posted.await.unwrap_or_else(|error| Err(error.to_string()));
    drop(progress);
    match result {
        Ok(()) => listener.detail(format_args!("told {webhook}")),
        Err(why) => {
            listener.warn(format_args!("can't tell the webhook ({webhook}): {why}"));
        }
    }
}
