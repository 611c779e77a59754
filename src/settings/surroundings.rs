//! What surrounds the work on the chosen environment's database.

use super::{
    Backup, ConnectionString, ForgeToml, Operations, Origin, Setting, Target, Webhook,
    sources::Sources, tables::EnvironmentTable, words::VARIABLE_PREFIX,
};
use crate::connection::forward::Forward;

impl Sources<'_> {
    /// What the chosen environment says. Its tunnel leads to its own database, not to one that a flag or variable names.
    pub(super) fn operations(
        &self,
        environment: Option<&Setting<String>>,
        target: Option<&Setting<Target>>,
    ) -> Operations {
        let Some((file, name)) = self.file().zip(environment) else {
            return Operations::default();
        };
        let table = &file.contents.environments[&name.value];
        let key = Key { file, name };
        let tunnel = table.tunnel.as_ref().filter(|_| is_own(table, target));
        Operations {
            tunnel: key.setting("tunnel", tunnel.map(|table| Forward::from(&table.kubectl))),
            window: key.setting("window", table.window.clone()),
            before_apply: key.setting("before_apply", table.before_apply.clone()),
            after_apply: key.setting("after_apply", table.after_apply.clone()),
            backup: key.setting("backup", table.backup.as_ref().map(Backup::from)),
            webhook: self.webhook(&key, table.webhook.as_ref()),
        }
    }

    /// A variable that isn't set is no reason to stop anything: posting warns of it.
    fn webhook(
        &self,
        key: &Key<'_>,
        written: Option<&ConnectionString>,
    ) -> Option<Setting<Webhook>> {
        let path = ["environments", &key.name.value, "webhook"];
        let url = match self.file_url(key.file, &path, written) {
            Ok(url) => url?,
            Err(_) => Setting::new(written?.clone(), key.file.origin(&path)),
        };
        let webhook = Webhook(url.value.reveal().to_owned());
        Some(Setting::new(webhook, url.origin))
    }
}

/// Whether the target is the one that the environment names, or that it leaves to the variables to name.
fn is_own(table: &EnvironmentTable, target: Option<&Setting<Target>>) -> bool {
    let Some(target) = target else { return false };
    match (&target.origin, &table.url) {
        (Origin::Flag(_), _) | (Origin::Default, Some(_)) => false,
        (Origin::Variable(_) | Origin::Default, None) | (Origin::File { .. }, _) => true,
        (Origin::Variable(name), Some(url)) => names_variable(url, name),
    }
}

/// A place among an environment's keys.
struct Key<'a> {
    file: &'a ForgeToml,
    name: &'a Setting<String>,
}

impl Key<'_> {
    fn setting<T>(&self, key: &str, value: Option<T>) -> Option<Setting<T>> {
        let origin = self.file.origin(&["environments", &self.name.value, key]);
        Some(Setting::new(value?, origin))
    }
}

/// Whether a URL of the file is the value of this variable.
fn names_variable(url: &ConnectionString, name: &str) -> bool {
    url.reveal().strip_prefix(VARIABLE_PREFIX) == Some(name)
}
