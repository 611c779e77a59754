//! How a shadow server may be had.

use std::{fmt, sync::Arc, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};

use super::landlock::Landlock;
use crate::{connection::options::ConnectOptions, environment::Environment, system};

/// Which kind of shadow server is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The first that can be had: a server or programs that the user names, installed programs, fetched programs, programs of
    /// another major version.
    #[default]
    Auto,
    /// A server of the user's.
    Url,
    /// Installed programs.
    Local,
    /// Programs from the npm registry.
    Download,
    /// The target server. Never chosen by itself: it costs the target checkpoints and disk.
    Target,
}

/// Where long work says what it does, for a progress display.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(&str) + Send + Sync>);

impl Progress {
    /// Calls `say` with a line for each long step.
    pub fn new(say: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(say))
    }

    pub(crate) fn say(&self, text: &str) {
        (self.0)(text);
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(|_| ())
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// How long a statement may take on a shadow server, unless the user says otherwise.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_mins(5);

/// How a shadow server may be had.
#[derive(Clone)]
pub struct ShadowSettings {
    /// The kind.
    pub mode: Mode,
    /// The user's server (`shadow.url`, `--shadow-url`, `FORGE_SHADOW_URL`).
    pub url: Option<ConnectOptions>,
    /// The folder of the programs (`shadow.bin`, `--shadow-bin`).
    pub bin: Option<Utf8PathBuf>,
    /// Whether forge must not fetch anything.
    pub offline: bool,
    /// The npm registry or its mirror (`FORGE_PG_MIRROR`, `npm_config_registry`).
    pub registry: Option<String>,
    /// Where templates and fetched programs are kept.
    pub cache: Utf8PathBuf,
    /// How long a statement of the tree or of a plan may take (`shadow.statement_timeout`).
    pub statement_timeout: Duration,
    /// The variables of forge's environment: PATH, TMPDIR, SUDO_UID and the like.
    pub environment: Environment,
    /// How the operating system confines private servers.
    pub landlock: Landlock,
    /// Who wants to know what takes long.
    pub progress: Progress,
}

impl ShadowSettings {
    /// The same without the user's server, where that is only the first choice.
    pub fn private(&self) -> Option<Self> {
        let is_first = self.mode == Mode::Auto && self.url.is_some();
        is_first.then(|| Self {
            url: None,
            ..self.clone()
        })
    }

    /// What the environment alone says.
    pub fn new(environment: Environment) -> Self {
        let cache = match (environment.get("XDG_CACHE_HOME"), environment.get("HOME")) {
            (Some(cache), _) if cache.starts_with('/') => Utf8Path::new(cache).join("forge"),
            (_, Some(home)) => Utf8Path::new(home).join(".cache/forge"),
            (_, None) => {
                Utf8PathBuf::from("/tmp").join(format!("forge-{}", system::effective_user()))
            }
        };
        let registry = ["FORGE_PG_MIRROR", "npm_config_registry"]
            .iter()
            .find_map(|name| environment.get(name));
        Self {
            mode: Mode::Auto,
            url: None,
            bin: None,
            offline: false,
            registry: registry.map(str::to_owned),
            cache,
            statement_timeout: STATEMENT_TIMEOUT,
            environment,
            landlock: Landlock::of_kernel(),
            progress: Progress::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_from_the_environment() {
        fn check(variables: &[(&str, &str)], cache: &str, registry: Option<&str>) {
            let settings = ShadowSettings::new(variables.iter().copied().collect());
            assert_eq!(settings.cache, cache);
            assert_eq!(settings.registry.as_deref(), registry);
        }
        check(&[("HOME", "/home/ann")], "/home/ann/.cache/forge", None);
        check(
            &[
                ("HOME", "/home/ann"),
                ("XDG_CACHE_HOME", "/cache"),
                ("npm_config_registry", "http://npm"),
            ],
            "/cache/forge",
            Some("http://npm"),
        );
        check(
            &[
                ("HOME", "/home/ann"),
                ("XDG_CACHE_HOME", ""),
                ("FORGE_PG_MIRROR", "http://pg"),
                ("npm_config_registry", "http://npm"),
            ],
            "/home/ann/.cache/forge",
            Some("http://pg"),
        );
    }
}
