//! A way into a Kubernetes cluster.

use std::{
    borrow::Cow,
    fmt,
    process::{Command, Stdio},
};

use crate::{environment::Environment, shown};

/// What is forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The context of the kubeconfig; the current one otherwise.
    pub context: Option<String>,
    /// The namespace; the context's otherwise.
    pub namespace: Option<String>,
    /// What to forward to: `svc/postgres`, `pod/postgres-0`.
    pub resource: String,
    /// PostgreSQL's port there.
    pub port: u16,
}

impl Forward {
    /// A `kubectl` that talks to the cluster and the namespace.
    pub(super) fn kubectl(&self, environment: &Environment) -> Command {
        let mut command = Command::new("kubectl");
        command
            .env_clear()
            .envs(environment.iter())
            .stdin(Stdio::null());
        for (flag, value) in [
            ("--context", &self.context),
            ("--namespace", &self.namespace),
        ] {
            if let Some(value) = value {
                command.args([flag, value]);
            }
        }
        command
    }

    /// Whether `kubectl` may repeat a text that is not shown.
    pub(super) fn hides(&self) -> bool {
        let differs = |text: &Option<String>, show: fn(&str) -> Cow<'_, str>| {
            text.as_ref().is_some_and(|text| show(text) != *text)
        };
        shown::path(&self.resource) != self.resource
            || differs(&self.namespace, shown::name)
            || differs(&self.context, shown::path)
    }
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, port) = (shown::path(&self.resource), self.port);
        write!(f, "kubectl port-forward {resource}:{port}")?;
        if let Some(namespace) = &self.namespace {
            write!(f, ", namespace {}", shown::name(namespace))?;
        }
        if let Some(context) = &self.context {
            write!(f, ", context {}", shown::path(context))?;
        }
        Ok(())
    }
}
