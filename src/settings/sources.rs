//! Where each setting is looked for, and in which order.

use std::{sync::Arc, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::tz::TimeZone;

use super::{
    ConnectionString, FILE_NAME, ForgeToml, GlobalFlags, Managed, Naming, Origin, Policy, Project,
    Setting, Shadow, ShadowProvider, Target, parse_time_limit,
    resolved::{existing, no_project},
    tables::ShadowTable,
    words::{EMBEDDED, SWITCH, VARIABLE_PREFIX},
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    files::ProjectFiles,
    shadow::STATEMENT_TIMEOUT,
    shown,
    spelling::closest,
};

/// How long `apply` waits for another forge unless told otherwise.
const LOCK_WAIT: Duration = Duration::from_mins(5);
/// Any of these says that libpq's variables name the target.
const LIBPQ_VARIABLES: &[&str] = &[
    "PGSERVICE",
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
];

/// What settings are made from.
pub(super) struct Sources<'a> {
    flags: &'a GlobalFlags,
    variables: &'a Environment,
    file: Option<ForgeToml>,
    /// Where the search for `forge.toml` begins, and what paths in flags and variables are relative to.
    working_dir: &'a Utf8Path,
    /// The folders outside the project whose files may be read and written.
    allowed: Vec<Utf8PathBuf>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(
        flags: &'a GlobalFlags,
        variables: &'a Environment,
        working_dir: &'a Utf8Path,
    ) -> Result<Self> {
        let allowed = flags.allowed(variables, working_dir);
        Ok(Self {
            flags,
            variables,
            file: ForgeToml::find(working_dir, &allowed)?,
            working_dir,
            allowed,
        })
    }

    pub(super) fn file(&self) -> Option<&ForgeToml> {
        self.file.as_ref()
    }

    fn root(&self) -> &Utf8Path {
        self.file
            .as_ref()
            .map_or(self.working_dir, |file| &file.folder)
    }

    fn files(&self) -> ProjectFiles {
        ProjectFiles::new(self.root(), &self.allowed)
    }

    pub(super) fn project(&self) -> Project {
        let folder = |key: &str, written: Option<&Utf8PathBuf>, default: &str| {
            let file = self.file.as_ref();
            match file.zip(written) {
                Some((file, folder)) => {
                    Setting::new(file.folder.join(folder), file.origin(&["project", key]))
                }
                None => Setting::default_value(self.root().join(default)),
            }
        };
        let table = self.file.as_ref().map(|file| &file.contents.project);
        let schema = table.and_then(|table| table.schema.as_ref());
        let plans = table.and_then(|table| table.plans.as_ref());
        Project {
            root: self.root().to_owned(),
            declared: self.file.is_some(),
            schema: folder("schema", schema, "schema"),
            plans: folder("plans", plans, "plans"),
            files: Arc::new(self.files()),
        }
    }

    pub(super) fn managed(&self) -> Setting<Managed> {
        let Some(file) = &self.file else {
            return Setting::default_value(Managed::default());
        };
        let managed = file.contents.managed.clone();
        if managed == Managed::default() {
            return Setting::default_value(managed);
        }
        Setting::new(managed, file.origin(&["managed"]))
    }

    pub(super) fn naming(&self) -> Result<Naming> {
        let mut naming = Naming::default();
        let Some(file) = &self.file else {
            return Ok(naming);
        };
        let table = &file.contents.naming;
        if let Some(template) = &table.template {
            Naming::check(template).map_err(|why| {
                let message = "the template names no plan";
                file.error(&["naming", "template"], message, &why)
            })?;
            naming.template.clone_from(template);
        }
        if let Some(name) = &table.timezone {
            naming.timezone = TimeZone::get(name).map_err(|_| {
                let message = format!("no time zone `{}`", shown::path(name));
                file.error(&["naming", "timezone"], message, "not known here")
                    .help("use a name of the IANA database such as `Europe/Rome`")
            })?;
        }
        if let Some(length) = table.slug_length {
            naming.slug_length = length;
        }
        naming.header = table.header.as_ref().map(|path| file.folder.join(path));
        Ok(naming)
    }

    /// The variable beats the file, because who writes the project's files is not to decide who has to sign them.
    pub(super) fn policy(&self) -> Policy {
        let variable = self.variable("FORGE_SIGNERS").map(into_path);
        let of_file = || {
            let file = self.file.as_ref()?;
            let signers = file.contents.policy.signers.as_ref()?;
            let origin = file.origin(&["policy", "signers"]);
            Some(Setting::new(file.folder.join(signers), origin))
        };
        Policy {
            signers: variable
                .map(|path| self.in_working_dir(path))
                .or_else(of_file),
            signing_key: self.variable("FORGE_SIGNING_KEY"),
        }
    }

    pub(super) fn environment_names(&self) -> Vec<String> {
        self.file.as_ref().map_or_else(Vec::new, |file| {
            file.contents.environments.keys().cloned().collect()
        })
    }

    /// The environment's name, which is one that exists.
    pub(super) fn environment(&self) -> Result<Option<Setting<String>>> {
        let chosen = flag("--env", self.flags.env.clone()).or_else(|| self.variable("FORGE_ENV"));
        let Some(file) = &self.file else {
            return match chosen {
                Some(name) => Err(no_project(self.working_dir).note(format!(
                    "`{}` asks for environment `{}`",
                    name.origin,
                    shown::name(&name.value)
                ))),
                None => Ok(None),
            };
        };
        let Some(name) = chosen.or_else(|| {
            let name = file.contents.project.default_environment.clone()?;
            let origin = file.origin(&["project", "default_environment"]);
            Some(Setting::new(name, origin))
        }) else {
            return Ok(None);
        };
        if file.contents.environments.contains_key(&name.value) {
            return Ok(Some(name));
        }
        Err(self.unknown_environment(file, &name))
    }

    fn unknown_environment(&self, file: &ForgeToml, name: &Setting<String>) -> Diagnostic {
        let shown = shown::name(&name.value);
        let message = format!("no environment `{shown}` in `{FILE_NAME}`");
        let diagnostic = match &name.origin {
            Origin::File { .. } => {
                file.error(&["project", "default_environment"], message, "not declared")
            }
            Origin::Flag(_) | Origin::Variable(_) | Origin::Default => {
                Diagnostic::error(Code::Configuration, message)
                    .note(format!("`{}` asks for it", name.origin))
            }
        };
        let names = self.environment_names();
        let diagnostic = if names.is_empty() {
            diagnostic.note(format!("`{FILE_NAME}` has no environments"))
        } else {
            diagnostic.note(existing(&names))
        };
        match closest(&name.value, names.iter().map(String::as_str)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("add `[environments.{shown}]`")),
        }
    }

    /// The database to work on.
    ///
    /// An environment's URL ranks with what chose the environment: `--env prod` must not end up at some other database
    /// because the application's `DATABASE_URL` happens to be set.
    pub(super) fn target(
        &self,
        environment: Option<&Setting<String>>,
    ) -> Result<Option<Setting<Target>>> {
        if let Some(url) = flag("--url", self.flags.url.clone()) {
            return Ok(Some(target(url)));
        }
        let of_environment = || match environment {
            Some(name) => self.environment_url(name),
            None => Ok(None),
        };
        let rank = environment.map(|name| &name.origin);
        if let Some(Origin::Flag(_)) = rank
            && let Some(url) = of_environment()?
        {
            return Ok(Some(target(url)));
        }
        if let Some(url) = self.connection_variable("FORGE_URL") {
            return Ok(Some(target(url)));
        }
        if let Some(Origin::Variable(_)) = rank
            && let Some(url) = of_environment()?
        {
            return Ok(Some(target(url)));
        }
        if let Some(url) = self.connection_variable("DATABASE_URL") {
            return Ok(Some(target(url)));
        }
        if let Some(url) = of_environment()? {
            return Ok(Some(target(url)));
        }
        Ok(LIBPQ_VARIABLES
            .iter()
            .find(|name| self.variables.get(name).is_some())
            .map(|name| Setting::new(Target::Variables, Origin::Variable((*name).to_owned()))))
    }

    fn environment_url(&self, name: &Setting<String>) -> Result<Option<Setting<ConnectionString>>> {
        let file = self
            .file
            .as_ref()
            .expect("an environment is one of the file's");
        let written = file.contents.environments[&name.value].url.as_ref();
        self.file_url(file, &["environments", &name.value, "url"], written)
    }

    /// A URL of the file: as it stands there, or from the variable that it names.
    pub(super) fn file_url(
        &self,
        file: &ForgeToml,
        key: &[&str],
        written: Option<&ConnectionString>,
    ) -> Result<Option<Setting<ConnectionString>>> {
        let Some(url) = written else { return Ok(None) };
        let Some(name) = url.reveal().strip_prefix(VARIABLE_PREFIX) else {
            return Ok(Some(Setting::new(url.clone(), file.origin(key))));
        };
        if let Some(url) = self.connection_variable(name) {
            return Ok(Some(url));
        }
        let name = shown::name(name);
        let message = format!("environment variable `{name}` is not set");
        let error = file.error(key, message, "its value is wanted here");
        Err(error.help(format!("set `{name}` to the database's URL")))
    }

    pub(super) fn role(&self, environment: &Setting<String>) -> Option<Setting<String>> {
        let file = self.file.as_ref()?;
        let role = file.contents.environments[&environment.value]
            .role
            .clone()?;
        let origin = file.origin(&["environments", &environment.value, "role"]);
        Some(Setting::new(role, origin))
    }

    /// Whether the environment calls its database disposable, and the target is that database: another that happens to be
    /// named by a flag or a variable is not meant.
    pub(super) fn disposable(
        &self,
        environment: Option<&Setting<String>>,
        chosen: Option<&Setting<Target>>,
    ) -> Result<bool> {
        let Some((file, name)) = self.file.as_ref().zip(environment) else {
            return Ok(false);
        };
        if !file.contents.environments[&name.value].disposable {
            return Ok(false);
        }
        let own = self.environment_url(name)?.map(target);
        Ok(own.is_some() && own.as_ref() == chosen)
    }

    pub(super) fn lock_wait(&self, environment: Option<&Setting<String>>) -> Setting<Duration> {
        self.file
            .as_ref()
            .zip(environment)
            .and_then(|(file, name)| {
                let wait = file.contents.environments[&name.value].lock_wait?;
                let origin = file.origin(&["environments", &name.value, "lock_wait"]);
                Some(Setting::new(wait, origin))
            })
            .unwrap_or_else(|| Setting::default_value(LOCK_WAIT))
    }

    pub(super) fn shadow(&self) -> Result<Shadow> {
        let provider = match flag("--shadow", self.flags.shadow) {
            Some(provider) => Some(provider),
            None => self.shadow_provider_variable()?,
        };
        let url = flag("--shadow-url", self.flags.shadow_url.clone())
            .or_else(|| self.connection_variable("FORGE_SHADOW_URL"));
        let bin = flag("--shadow-bin", self.flags.shadow_bin.clone())
            .or_else(|| self.variable("FORGE_SHADOW_BIN").map(into_path))
            .map(|bin| self.in_working_dir(bin));
        let offline = match flag("--offline", self.flags.offline.then_some(true)) {
            Some(offline) => Some(offline),
            None => self.switch("FORGE_OFFLINE")?,
        };
        let statement_timeout = match flag(
            "--shadow-statement-timeout",
            self.flags.shadow_statement_timeout,
        ) {
            Some(limit) => Some(limit),
            None => self.time_limit("FORGE_SHADOW_STATEMENT_TIMEOUT")?,
        };
        let cache = self
            .variable("FORGE_CACHE_DIR")
            .map(|cache| self.in_working_dir(into_path(cache)));
        let shadow = Shadow {
            provider: provider
                .or_else(|| self.shadow_key("provider", |table| table.provider))
                .unwrap_or(Setting::default_value(ShadowProvider::Auto)),
            url: match (url, &self.file) {
                (None, Some(file)) => {
                    self.file_url(file, &["shadow", "url"], file.contents.shadow.url.as_ref())?
                }
                (url, _) => url,
            },
            bin: bin.or_else(|| self.shadow_path("bin", |table| table.bin.as_ref())),
            offline: offline
                .or_else(|| self.shadow_key("offline", |table| table.offline))
                .unwrap_or(Setting::default_value(false)),
            cache: match cache {
                Some(cache) => cache,
                None => self.cache_of_the_file()?,
            },
            statement_timeout: statement_timeout
                .or_else(|| self.shadow_key("statement_timeout", |table| table.statement_timeout))
                .unwrap_or(Setting::default_value(STATEMENT_TIMEOUT)),
            mirror: self
                .connection_variable("FORGE_PG_MIRROR")
                .or_else(|| self.connection_variable("npm_config_registry")),
        };
        if shadow.provider.value == ShadowProvider::Url && shadow.url.is_none() {
            return Err(Diagnostic::error(
                Code::Configuration,
                "shadow provider `url` needs a server",
            )
            .note(format!(
                "`{}` asks for that provider",
                shadow.provider.origin
            ))
            .help("give `--shadow-url`, set `FORGE_SHADOW_URL`, or add `url` to `[shadow]`"));
        }
        Ok(shadow)
    }

    fn shadow_provider_variable(&self) -> Result<Option<Setting<ShadowProvider>>> {
        let Some(written) = self.variable("FORGE_SHADOW") else {
            return Ok(None);
        };
        let provider = <ShadowProvider as clap::ValueEnum>::from_str(&written.value, false)
            .map_err(|_| {
                let told = shown::told(&written.value, ShadowProvider::words());
                let message = format!("`FORGE_SHADOW` names no shadow provider{told}");
                Diagnostic::error(Code::Configuration, message)
                    .help("set it to `auto`, `url`, `local`, `download` or `target`")
            })?;
        Ok(Some(Setting::new(provider, written.origin)))
    }

    fn shadow_key<T>(
        &self,
        key: &str,
        read: impl FnOnce(&ShadowTable) -> Option<T>,
    ) -> Option<Setting<T>> {
        let file = self.file.as_ref()?;
        let value = read(&file.contents.shadow)?;
        Some(Setting::new(value, file.origin(&["shadow", key])))
    }

    fn shadow_path(
        &self,
        key: &str,
        read: impl FnOnce(&ShadowTable) -> Option<&Utf8PathBuf>,
    ) -> Option<Setting<Utf8PathBuf>> {
        self.shadow_key(key, |table| read(table).map(|path| self.root().join(path)))
    }

    /// The cache that the file names, which is a part of the project; else the default.
    fn cache_of_the_file(&self) -> Result<Setting<Utf8PathBuf>> {
        let written = self.shadow_path("cache", |table| table.cache.as_ref());
        let (Some(file), Some(cache)) = (&self.file, written) else {
            return Ok(self.default_cache());
        };
        self.files().check_place(&cache.value).map_err(|error| {
            let message = format!("the cache {}", error.message());
            let error = file.error(&["shadow", "cache"], message, "leads out of the project");
            error.help(
                "keep it in the project, or name it from outside the repository: `FORGE_CACHE_DIR`",
            )
        })?;
        Ok(cache)
    }

    /// The XDG cache folder; without a home, the project's own.
    fn default_cache(&self) -> Setting<Utf8PathBuf> {
        if let Some(folder) = self.variable("XDG_CACHE_HOME") {
            return Setting::new(Utf8Path::new(&folder.value).join("forge"), folder.origin);
        }
        Setting::default_value(match self.variables.get("HOME") {
            Some(home) => Utf8Path::new(home).join(".cache/forge"),
            None => self.root().join(".forge/cache"),
        })
    }

    fn variable(&self, name: &str) -> Option<Setting<String>> {
        let value = self.variables.get(name)?.to_owned();
        Some(Setting::new(value, Origin::Variable(name.to_owned())))
    }

    fn connection_variable(&self, name: &str) -> Option<Setting<ConnectionString>> {
        let Setting { value, origin } = self.variable(name)?;
        Some(Setting::new(value.into(), origin))
    }

    fn switch(&self, name: &str) -> Result<Option<Setting<bool>>> {
        let Some(written) = self.variable(name) else {
            return Ok(None);
        };
        let value = match written.value.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => true,
            "0" | "false" | "no" | "off" => false,
            _ => {
                let told = shown::told(&written.value, SWITCH);
                let message = format!("`{name}` is neither on nor off{told}");
                return Err(Diagnostic::error(Code::Configuration, message)
                    .help(format!("set `{name}` to `1` or `0`")));
            }
        };
        Ok(Some(Setting::new(value, written.origin)))
    }

    fn time_limit(&self, name: &str) -> Result<Option<Setting<Duration>>> {
        let Some(written) = self.variable(name) else {
            return Ok(None);
        };
        let limit = parse_time_limit(&written.value).map_err(|why| {
            Diagnostic::error(
                Code::Configuration,
                format!("`{name}` can't be read: {why}"),
            )
            .help(format!("set `{name}` to a duration such as `5m`"))
        })?;
        Ok(Some(Setting::new(limit, written.origin)))
    }

    fn in_working_dir(&self, path: Setting<Utf8PathBuf>) -> Setting<Utf8PathBuf> {
        Setting::new(self.working_dir.join(path.value), path.origin)
    }
}

fn flag<T>(name: &'static str, value: Option<T>) -> Option<Setting<T>> {
    value.map(|value| Setting::new(value, Origin::Flag(name)))
}

fn into_path(setting: Setting<String>) -> Setting<Utf8PathBuf> {
    Setting::new(setting.value.into(), setting.origin)
}

fn target(url: Setting<ConnectionString>) -> Setting<Target> {
    let target = if url.value.reveal() == EMBEDDED {
        Target::Embedded
    } else {
        Target::Connection(url.value)
    };
    Setting::new(target, url.origin)
}
