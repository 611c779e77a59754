//! The cached cluster that throwaway clusters are copies of.
//!
//! `initdb` takes half a second, a copy 30 ms. The copy is slim: of the three databases of a new cluster only `template0`
//! stays, from which the shadow's databases are made, and forge itself connects there.

use std::{fs::DirBuilder, io::Write as _, os::unix::fs::DirBuilderExt as _, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    ShadowSettings,
    account::Account,
    admin,
    binaries::Binaries,
    folder::Folder,
    postmaster::{self, Postmaster, Start},
    reach::Reach,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    system::Signal,
};

/// Changes when the way templates are made changes.
const FORMAT: u32 = 3;

/// The database that a slim cluster has.
pub(crate) const DATABASE: &str = "template0";

/// The superuser of a private shadow. Nobody else calls a role so: those that a target or a tree names are ordinary.
pub(crate) const SUPERUSER: &str = "forge shadow superuser";

/// What a template's lock file has after the template's name.
const LOCK: &str = ".lock";

/// How long a template that nobody uses is kept.
const KEPT: Duration = Duration::from_hours(24 * 60);

/// Copies the template of these programs to `data`, for `account`; makes the template first if there is none.
pub(crate) async fn copy_to(
    data: &Utf8Path,
    binaries: &Binaries,
    account: &Account,
    settings: &ShadowSettings,
) -> Result<()> {
    let templates = settings.cache.join("template");
    let name = format!("{FORMAT}-{}-{}", binaries.version.major, binaries.stamp);
    let template = templates.join(&name);
    fs_err::create_dir_all(&templates)?;
    let mut lock = fs_err::File::create(templates.join(format!("{name}{LOCK}")))?;
    lock.lock_shared()?;
    if !template.is_dir() {
        // Another forge may make it between the two locks; `build` looks again.
        lock.unlock()?;
        lock.lock()?;
        if !template.is_dir() {
            build(&template, binaries, account, settings).await?;
            remove_unused(&templates);
        }
    }
    // The file's time is that of the last use.
    lock.write_all(b"in use\n")?;
    copy(&template, data, account)
}

async fn build(
    template: &Utf8Path,
    binaries: &Binaries,
    account: &Account,
    settings: &ShadowSettings,
) -> Result<()> {
    let folder = Folder::create(&settings.environment)?;
    account.own(folder.path())?;
    let data = folder.path().join("data");
    let options = ["-U", SUPERUSER, "--no-sync", "--wal-segsize=1"];
    initdb(binaries, account, &data, settings, &options)?;
    configure(&data, &for_throwaway(binaries.version.major))?;
    let log = folder.path().join("log");
    let server = Postmaster::start(Start {
        binaries,
        account,
        data: &data,
        socket: folder.path(),
        log: &log,
        settings,
    })
    .await?;
    slim(folder.path(), binaries.version.major).await?;
    // A cluster that was shut down in order starts without recovery.
    server.stop(Signal::Interrupt).await?;

    let unfinished = tempfile::Builder::new()
        .prefix(".unfinished-")
        .tempdir_in(template.parent().expect("a template lies in the cache"))?;
    let copied = Utf8PathBuf::from_path_buf(unfinished.path().join("data")).map_err(|path| {
        Diagnostic::error(Code::Io, format!("`{}` is not UTF-8", path.display()))
    })?;
    copy(&data, &copied, &Account::Own)?;
    fs_err::rename(&copied, template)?;
    folder.remove()
}

/// Drops the databases that nobody needs.
async fn slim(socket: &Utf8Path, major: u32) -> Result<()> {
    let first = admin::connect(&admin::private(socket, SUPERUSER, "postgres")).await?;
    first
        .run("UPDATE pg_catalog.pg_database SET datallowconn = true WHERE datname = 'template0'")
        .await?;
    first.close().await;
    let admin = admin::connect(&admin::private(socket, SUPERUSER, DATABASE)).await?;
    if let Some(role) = owner_of_public(major) {
        admin
            .run(&format!(
                "CREATE ROLE {role}; ALTER SCHEMA public OWNER TO {role}"
            ))
            .await?;
    }
    admin
        .run("UPDATE pg_catalog.pg_database SET datistemplate = false WHERE datname = 'template1'")
        .await?;
    admin.run("DROP DATABASE template1 WITH (FORCE)").await?;
    admin.run("DROP DATABASE postgres WITH (FORCE)").await?;
    admin.run("CHECKPOINT").await?;
    admin.close().await;
    Ok(())
}

/// The role that the schema `public` of a new database belongs to where that isn't the database's owner: until 14 it is the
/// superuser who made the cluster, whom everybody calls so.
pub(crate) fn owner_of_public(major: u32) -> Option<&'static str> {
    (major <= 14).then_some("postgres")
}

/// Makes a cluster with UTF-8 and the C collation.
pub(crate) fn initdb(
    binaries: &Binaries,
    account: &Account,
    data: &Utf8Path,
    settings: &ShadowSettings,
    options: &[&str],
) -> Result<()> {
    let Err(error) = try_initdb(binaries, account, data, settings, options) else {
        return Ok(());
    };
    // `initdb`, unlike the server, wants a user with a name, which containers with an arbitrary user don't have. A user
    // namespace gives it one, and the files are forge's all the same.
    let nameless = error
        .notes()
        .iter()
        .any(|note| note.contains("look up effective user ID"));
    if *account == Account::Own
        && nameless
        && let Some(named) = Account::candidates(&settings.environment).pop()
        && try_initdb(binaries, &named, data, settings, options).is_ok()
    {
        return Ok(());
    }
    Err(error)
}

fn try_initdb(
    binaries: &Binaries,
    account: &Account,
    data: &Utf8Path,
    settings: &ShadowSettings,
    options: &[&str],
) -> Result<()> {
    let program = binaries.initdb();
    let ShadowSettings {
        environment,
        landlock,
        ..
    } = settings;
    let mut command = account.command(&program, Signal::Kill, environment);
    let parent = data.parent().expect("a cluster lies in a folder");
    let reach = Reach::of_initdb(
        &binaries.postgres(),
        &binaries.initdb(),
        parent,
        environment,
    );
    landlock.confine(&mut command, &reach)?;
    command
        .args(["-E", "UTF8", "--locale=C", "-A", "trust"])
        .args(options)
        .arg("-D")
        .arg(data);
    postmaster::run(&mut command, program.as_str())
}

/// Adds lines to the settings of a cluster.
pub(crate) fn configure(data: &Utf8Path, settings: &str) -> Result<()> {
    let file = data.join("postgresql.conf");
    let text = fs_err::read_to_string(&file)?;
    // The file keeps its owner and mode.
    Ok(fs_err::write(file, format!("{text}\n{settings}"))?)
}

/// What makes a throwaway cluster quick and quiet.
fn for_throwaway(major: u32) -> String {
    let mut settings = String::from(
        "\
# Nothing here outlives forge.
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
jit = off
max_wal_size = 256MB
checkpoint_timeout = 1h
shared_buffers = 64MB
max_connections = 40
# A transaction may make thousands of objects.
max_locks_per_transaction = 2048
# CREATE PUBLICATION warns below this level; replica costs the same, minimal more.
wal_level = logical
max_wal_senders = 0
max_logical_replication_workers = 0
huge_pages = off
timezone = 'UTC'
log_timezone = 'UTC'
# The user's statements don't belong in a log.
log_min_messages = log
log_min_error_statement = panic
logging_collector = off
",
    );
    if major >= 18 {
        // Three processes fewer to start.
        settings.push_str("io_method = sync\n");
    }
    settings
}

/// Copies a cluster's folder and gives the copy to `account`.
fn copy(from: &Utf8Path, to: &Utf8Path, account: &Account) -> Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    if !account.owns_what_forge_makes() {
        account.own(to)?;
    }
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        // PostgreSQL names its files in ASCII.
        let Some(name) = name.to_str() else { continue };
        let target = to.join(name);
        if entry.file_type()?.is_dir() {
            copy(&from.join(name), &target, account)?;
        } else {
            fs_err::copy(from.join(name), &target)?;
            if !account.owns_what_forge_makes() {
                account.own(&target)?;
            }
        }
    }
    Ok(())
}

/// Removes the templates of programs that were replaced or are used no more.
fn remove_unused(templates: &Utf8Path) {
    let Ok(entries) = templates.read_dir_utf8() else {
        return;
    };
    for entry in entries.flatten() {
        let Some(name) = entry.file_name().strip_suffix(LOCK) else {
            continue;
        };
        let age = entry.metadata().and_then(|file| file.modified());
        let unused = age.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > KEPT));
        let template = templates.join(name);
        if !unused || !template.is_dir() {
            continue;
        }
        // The empty lock file stays: removing it would part those who wait for it.
        if let Ok(lock) = fs_err::File::open(entry.path())
            && lock.try_lock().is_ok()
            && let Err(error) = fs_err::remove_dir_all(&template)
        {
            tracing::debug!(%error, "an unused template stays");
        }
    }
}
