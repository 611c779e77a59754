//! What keeps a pod from answering, as the cluster tells it.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use super::forward::Forward;
use crate::environment::Environment;

/// How long the cluster may take to tell.
const LIMIT: Duration = Duration::from_secs(10);

/// A list of pods, or a single one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pods {
    Many { items: Vec<Pod> },
    One(Box<Pod>),
}

#[derive(Deserialize)]
struct Pod {
    metadata: Metadata,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodStatus {
    phase: Option<String>,
    reason: Option<String>,
    message: Option<String>,
    conditions: Vec<Condition>,
    init_container_statuses: Vec<Container>,
    container_statuses: Vec<Container>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    name: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Container {
    name: String,
    #[serde(default)]
    state: ContainerState,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    waiting: Option<Reason>,
    terminated: Option<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    reason: Option<String>,
    message: Option<String>,
}

/// What has pods: a service, a deployment, a stateful set.
#[derive(Deserialize)]
struct Owner {
    spec: OwnerSpec,
}

#[derive(Deserialize)]
struct OwnerSpec {
    selector: serde_json::Map<String, serde_json::Value>,
}

/// What is to be said of the pods behind a resource, one sentence for each; nothing if the cluster doesn't tell.
pub(super) async fn states(forward: &Forward, environment: &Environment) -> Vec<String> {
    let kind_and_name = forward.resource.split_once('/');
    let asked = match kind_and_name {
        None => vec!["pod".to_owned(), forward.resource.clone()],
        Some(("pod" | "pods" | "po", name)) => vec!["pod".to_owned(), name.to_owned()],
        Some(_) => match selector(forward, environment).await {
            Some(selector) => vec!["pod".to_owned(), "--selector".to_owned(), selector],
            None => return Vec::new(),
        },
    };
    match get(forward, environment, &asked).await {
        Some(Pods::Many { items }) if items.is_empty() => {
            vec![format!("no pod is behind `{}`", forward.resource)]
        }
        Some(Pods::Many { items }) => items.iter().map(sentence).collect(),
        Some(Pods::One(pod)) => vec![sentence(&pod)],
        None => Vec::new(),
    }
}

/// How the owner of pods finds them: `app=postgres,role=primary`.
async fn selector(forward: &Forward, environment: &Environment) -> Option<String> {
    let owner: Owner = get(
        forward,
        environment,
        std::slice::from_ref(&forward.resource),
    )
    .await?;
    let labels = match owner.spec.selector.get("matchLabels") {
        Some(labels) => labels.as_object()?,
        None => &owner.spec.selector,
    };
    let pairs = labels
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)));
    let selector = pairs.collect::<Vec<_>>().join(",");
    (!selector.is_empty()).then_some(selector)
}

async fn get<T: serde::de::DeserializeOwned>(
    forward: &Forward,
    environment: &Environment,
    what: &[String],
) -> Option<T> {
    let mut command = forward.kubectl(environment);
    command.arg("get").args(what).args(["--output", "json"]);
    let mut command = tokio::process::Command::from(command);
    let output = timeout(LIMIT, command.kill_on_drop(true).output()).await;
    serde_json::from_slice(&output.ok()?.ok()?.stdout).ok()
}

fn sentence(pod: &Pod) -> String {
    let name = &pod.metadata.name;
    let status = &pod.status;
    let phase = status.phase.as_deref().unwrap_or("in no known phase");
    let containers = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses);
    let held_up = containers.filter_map(|container| {
        let (verb, reason) = match (&container.state.waiting, &container.state.terminated) {
            (Some(reason), _) => ("waits", reason),
            (None, Some(reason)) if reason.reason.as_deref() != Some("Completed") => {
                ("has ended", reason)
            }
            (None, _) => return None,
        };
        let why = because(reason.reason.as_deref(), reason.message.as_deref());
        Some(format!("container `{}` {verb}{why}", container.name))
    });
    let mut parts: Vec<String> = held_up.collect();
    if parts.is_empty() {
        let not_so = status.conditions.iter().filter(|condition| {
            condition.status == "False"
                && ["Ready", "PodScheduled"].contains(&condition.name.as_str())
        });
        parts.extend(not_so.map(|condition| {
            let why = because(condition.reason.as_deref(), condition.message.as_deref());
            let what = match condition.name.as_str() {
                "Ready" => "not ready",
                _ => "not scheduled",
            };
            format!("{what}{why}")
        }));
    }
    if parts.is_empty() && (status.reason.is_some() || status.message.is_some()) {
        let why = because(status.reason.as_deref(), status.message.as_deref());
        parts.push(format!("the cluster says{why}"));
    }
    if parts.is_empty() {
        return format!("pod `{name}` is {phase}");
    }
    format!("pod `{name}` is {phase}: {}", parts.join("; "))
}

fn because(reason: Option<&str>, message: Option<&str>) -> String {
    match (reason, message) {
        (Some(reason), Some(message)) => format!(": {reason}, {message}"),
        (Some(one), None) | (None, Some(one)) => format!(": {one}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_pod() {
        fn check(status: &str, expected: &str) {
            let pod = format!(r#"{{"metadata": {{"name": "pg-0"}}, "status": {status}}}"#);
            assert_eq!(sentence(&serde_json::from_str(&pod).unwrap()), expected);
        }
        check(r#"{"phase": "Running"}"#, "pod `pg-0` is Running");
        check(
            r#"{"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": "0/3 nodes are available"}]}"#,
            "pod `pg-0` is Pending: not scheduled: Unschedulable, 0/3 nodes are available",
        );
        check(
            r#"{"phase": "Running", "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
                "containerStatuses": [{"name": "postgres", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}"#,
            "pod `pg-0` is Running: container `postgres` waits: CrashLoopBackOff",
        );
        check(
            r#"{"phase": "Running", "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
                "containerStatuses": [{"name": "postgres", "state": {"running": {}}}]}"#,
            "pod `pg-0` is Running: not ready: ContainersNotReady",
        );
        check(
            r#"{"phase": "Failed", "reason": "Evicted"}"#,
            "pod `pg-0` is Failed: the cluster says: Evicted",
        );
    }
}
