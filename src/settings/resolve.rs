//! Flags, variables and `forge.toml`, brought together.

use camino::Utf8Path;

use super::{GlobalFlags, Settings, sources::Sources};
use crate::{diagnostic::Result, environment::Environment};

impl Settings {
    /// Brings flags, variables and the nearest `forge.toml` together. `working_dir` is [`GlobalFlags::folder`].
    pub fn resolve(
        flags: &GlobalFlags,
        variables: &Environment,
        working_dir: &Utf8Path,
    ) -> Result<Self> {
        let sources = Sources::new(flags, variables, working_dir)?;
        let environment = sources.environment()?;
        let name = environment.as_ref();
        let target = sources.target(name)?;
        Ok(Self {
            project: sources.project(),
            operations: sources.operations(name, target.as_ref()),
            role: name.and_then(|name| sources.role(name)),
            lock_wait: sources.lock_wait(name),
            disposable: sources.disposable(name, target.as_ref())?,
            target,
            managed: sources.managed(),
            naming: sources.naming()?,
            policy: sources.policy(),
            shadow: sources.shadow()?,
            environments: sources.environment_names(),
            environment,
        })
    }
}
