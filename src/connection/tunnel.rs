//! The way to a server inside a Kubernetes cluster: `kubectl port-forward`, started and ended by forge.
//!
//! The forwarding process ends with this one, however this one ends: when the tunnel is closed or dropped, and, because
//! the kernel tells a child of its parent's end, also after `kill -9`. For that, [`Tunnel::start`] has to be called on a
//! thread that lives as long as the tunnel, such as the main thread of a current-thread runtime.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Child,
    time::timeout,
};

use super::{
    forward::Forward,
    options::{ConnectOptions, Host},
    pods,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    shown,
    system::{self, Signal},
};

/// How long `kubectl` may take until it forwards.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How many of its last lines are kept.
const KEPT_LINES: usize = 5;

/// A running `kubectl port-forward`.
pub struct Tunnel {
    forward: Forward,
    environment: Environment,
    child: Child,
    port: u16,
    said: Said,
}

/// The last lines that `kubectl` wrote to its standard error.
type Said = Arc<Mutex<Vec<String>>>;

impl Tunnel {
    /// Starts `kubectl port-forward` and waits until it forwards.
    ///
    /// # Errors
    /// [`Code::Unreachable`], with what `kubectl` says and the state of the pods behind the resource.
    pub async fn start(forward: &Forward, environment: &Environment) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;

        let mut command = forward.kubectl(environment);
        command
            .args(["port-forward", "--address", "127.0.0.1", &forward.resource])
            .arg(format!(":{}", forward.port))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal goes to the whole process group; forge decides when the tunnel ends.
            .process_group(0);
        let orphaned = system::Child {
            when_orphaned: Signal::Kill,
            namespace: None,
        };
        system::prepare(&mut command, orphaned);
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .map_err(|error| no_kubectl(&error))?;
        let said = Said::default();
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let listening = tokio::spawn(listen(stderr, Arc::clone(&said)));
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let mut tunnel = Self {
            forward: forward.clone(),
            environment: environment.clone(),
            child,
            port: 0,
            said,
        };
        match timeout(START_LIMIT, announced(stdout)).await {
            Ok(Some(port)) => {
                tunnel.port = port;
                Ok(tunnel)
            }
            Ok(None) => {
                // Its standard output has ended, so it is about to; its last words may still be on their way.
                let ending = async { tokio::join!(tunnel.child.wait(), listening) };
                drop(timeout(Duration::from_secs(2), ending).await);
                let error = tunnel.failure("doesn't come up");
                Err(tunnel.explain(error).await)
            }
            Err(_) => {
                let limit = START_LIMIT.as_secs();
                let error = tunnel.failure(&format!("wasn't there in {limit} s"));
                Err(tunnel.explain(error).await)
            }
        }
    }

    /// The same connection through the tunnel. The host keeps its name, so that TLS checks what it would check there.
    pub fn through(&self, options: &ConnectOptions) -> ConnectOptions {
        through(options, self.port)
    }

    /// Adds to an error of a connection through the tunnel what is known of the tunnel and the pods behind it.
    pub async fn explain(&self, error: Diagnostic) -> Diagnostic {
        if self.forward.hides() {
            return error
                .note(shown::WHY_HIDDEN)
                .note("the words of `kubectl` would repeat it");
        }
        let error = self
            .words()
            .into_iter()
            .fold(error, |error, line| error.note(format!("kubectl: {line}")));
        let pods = pods::states(&self.forward, &self.environment).await;
        pods.into_iter().fold(error, Diagnostic::note)
    }

    /// What is to be said if the tunnel ended by itself, or lost the pod.
    pub async fn broken(&mut self) -> Option<Diagnostic> {
        let ended = matches!(self.child.try_wait(), Ok(Some(_)));
        let lost = self
            .words()
            .iter()
            .any(|line| line.contains("lost connection") || line.contains("error forwarding port"));
        if !ended && !lost {
            return None;
        }
        let warning = Diagnostic::warning(
            Code::Unreachable,
            format!(
                "the tunnel to `{}` broke",
                shown::path(&self.forward.resource)
            ),
        );
        Some(self.explain(warning).await)
    }

    /// Ends it.
    pub async fn close(mut self) {
        self.kill();
        drop(self.child.wait().await);
    }

    /// Ends it with what it has started: `kubectl` may be a script around the real one.
    fn kill(&self) {
        // A process that has been waited for has no id any more.
        if let Some(process) = self.child.id() {
            system::send_to_group(process, Signal::Kill);
        }
    }

    fn failure(&self, what: &str) -> Diagnostic {
        Diagnostic::error(
            Code::Unreachable,
            format!("the tunnel to `{}` {what}", shown::path(&self.forward.resource)),
        )
        .help("check `tunnel` in `forge.toml`, and that `kubectl` may forward ports in that namespace")
    }

    fn words(&self) -> Vec<String> {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.kill();
    }
}

fn through(options: &ConnectOptions, port: u16) -> ConnectOptions {
    let first = options.hosts.first().expect("there is at least one host");
    let host = if first.socket().is_some() {
        "localhost".to_owned()
    } else {
        first.host.clone()
    };
    ConnectOptions {
        hosts: vec![Host {
            host,
            port,
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        }],
        ..options.clone()
    }
}

/// Collects what `kubectl` complains of.
async fn listen(stderr: impl AsyncRead + Unpin, said: Said) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if !line.trim().is_empty() {
            said.push(line.trim().to_owned());
        }
        let surplus = said.len().saturating_sub(KEPT_LINES);
        said.drain(..surplus);
    }
}

/// The local port that `kubectl` announces: `Forwarding from 127.0.0.1:41235 -> 5432`. What else it prints is read to the
/// end, so that it never waits for a reader.
async fn announced(stdout: impl AsyncRead + Unpin + Send + 'static) -> Option<u16> {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(port) = local_port(&line) {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(port);
        }
    }
    None
}

fn local_port(line: &str) -> Option<u16> {
    let rest = line.split_once("Forwarding from 127.0.0.1:")?.1;
    rest.split_once(' ')?.0.parse().ok()
}

fn no_kubectl(error: &io::Error) -> Diagnostic {
    let diagnostic = if error.kind() == io::ErrorKind::NotFound {
        Diagnostic::error(Code::Unreachable, "there is no `kubectl` on the PATH")
    } else {
        Diagnostic::error(Code::Unreachable, "`kubectl` can't be run").note(error.to_string())
    };
    diagnostic.help("install kubectl, or connect without a tunnel: `--url` takes the place of the environment's")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_keeps_its_name() {
        fn check(url: &str, name: &str) {
            let variables = [("HOME", "/nonexistent"), ("PGUSER", "app")];
            let variables = variables.into_iter().collect();
            let resolved = ConnectOptions::resolve(Some(url), &variables).unwrap();
            let options = through(&resolved.options, 41235);
            let [host] = &options.hosts[..] else {
                panic!("{:?}", options.hosts)
            };
            assert_eq!((host.host.as_str(), host.port), (name, 41235));
            assert_eq!(host.address, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
            assert_eq!(options.tls, resolved.options.tls);
        }
        check(
            "postgresql://db.shop.svc:6000/x?sslmode=verify-full",
            "db.shop.svc",
        );
        check("postgresql:///x?host=/run/postgresql", "localhost");
    }

    #[test]
    fn the_port_that_kubectl_announces() {
        fn check(line: &str, expected: Option<u16>) {
            assert_eq!(local_port(line), expected, "{line}");
        }
        check("Forwarding from 127.0.0.1:41235 -> 5432", Some(41235));
        check("Forwarding from [::1]:41235 -> 5432", None);
        check("Handling connection for 41235", None);
    }
}
