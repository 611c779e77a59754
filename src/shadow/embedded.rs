//! The embedded server (`url = "embedded"`): a persistent private cluster in the project's folder, so that a new user needs no
//! server of their own.
//!
//! It lives in `.forge/pg<major>/`, keeps its data like any server, and runs only while a forge needs it. The forge that
//! started it stops it, once no other forge uses it; like a shadow it also ends with that forge, however that ends, and then
//! recovers at the next start. Sessions of other programs don't keep it running. The operating system confines it like a shadow:
//! the tree's code and the plans' run there, too, and its data stays in its folder all the same.

use std::{
    fs::TryLockError,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest as _, Sha256};

use super::{
    ShadowSettings,
    account::Account,
    admin,
    binaries::{self, Binaries},
    cluster,
    folder::LONGEST_SOCKET_FOLDER,
    postmaster::{self, Postmaster, Start},
    template,
};
use crate::{
    connection::options::ConnectOptions,
    diagnostic::{Code, Diagnostic, Result},
    files::ProjectFiles,
    shadow, shown,
    system::{self, Signal},
};

/// The major version where nothing is installed.
const DEFAULT_MAJOR: u32 = 17;

/// The database and its owner.
const APP: &str = "app";

/// The user who makes the cluster.
const SUPERUSER: &str = "postgres";

/// How long a server that runs may refuse connections: it may be recovering.
const JOIN_LIMIT: Duration = Duration::from_mins(1);

const POLL: Duration = Duration::from_millis(10);
/// How often it is looked whether the server is still there.
const WATCH: Duration = Duration::from_millis(250);

/// The embedded server while this forge uses it.
///
/// Call [`Embedded::stop`] at the end. Dropping it stops a server that this forge started as a crash would: nothing is lost,
/// and the next start recovers.
pub struct Embedded {
    // Declared first: the server ends before others may take its place.
    server: Option<Postmaster>,
    /// Held shared by every forge that uses the server.
    users: fs_err::File,
    home: Home,
    settings: ShadowSettings,
    description: String,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Embedded").field(&self.description).finish()
    }
}

impl Embedded {
    /// Starts the project's server, or joins the one that another forge has started; makes the cluster on first use.
    pub async fn start(project: &ProjectFiles, settings: &ShadowSettings) -> Result<Self> {
        let (home, found) = Home::find(project, settings)?;
        let binaries = match found {
            Some(binaries) => binaries,
            None => shadow::fetched(settings, home.major).await?,
        };
        let users = fs_err::File::create(home.folder.join("users.lock"))?;
        // Waits for a forge that is stopping the server.
        wait_for(|| users.try_lock_shared()).await?;
        let starting = fs_err::File::create(home.folder.join("start.lock"))?;
        wait_for(|| starting.try_lock()).await?;
        let server = if home.joined().await? {
            None
        } else {
            Some(home.serve(&binaries, settings).await?)
        };
        if server.is_some() {
            home.create_database().await?;
        }
        drop(starting);
        Ok(Self {
            server,
            users,
            description: format!(
                "embedded PostgreSQL {} in {}",
                binaries.version, home.folder
            ),
            home,
            settings: settings.clone(),
        })
    }

    /// What it is, for the user: `embedded PostgreSQL 17.10 in /project/.forge/pg17`.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its major version.
    pub fn major(&self) -> u32 {
        self.home.major
    }

    /// How to connect to the database `app`, as superuser.
    pub fn options(&self) -> ConnectOptions {
        admin::private(&self.home.socket, SUPERUSER, APP)
    }

    /// Waits until the server is gone although nobody has stopped it, and says so: somebody killed it, or it crashed. Who goes
    /// on to use a server that is gone keeps the forge that starts the next one from stopping it.
    pub async fn lost(&mut self) -> Diagnostic {
        loop {
            tokio::time::sleep(WATCH).await;
            let gone = match &mut self.server {
                Some(server) => server.has_ended().unwrap_or(true),
                None => postmaster::running(&self.home.data).is_none(),
            };
            if gone {
                return Diagnostic::error(Code::Unreachable, "the embedded server has ended")
                    .note("nobody has stopped it: it was killed, or it crashed")
                    .help(format!(
                        "see `{}`, then start it again",
                        self.home.folder.join("log")
                    ));
            }
        }
    }

    /// Stops the server if this forge has started it, once no other forge uses it.
    pub async fn stop(mut self) -> Result<()> {
        let Some(server) = self.server.take() else {
            return Ok(());
        };
        self.users.unlock()?;
        if let Err(TryLockError::WouldBlock) = self.users.try_lock() {
            self.settings
                .progress
                .say("waiting for another forge that uses the embedded server");
            wait_for(|| self.users.try_lock()).await?;
        }
        server.stop(Signal::Interrupt).await?;
        if self.home.socket != self.home.folder {
            fs_err::remove_dir_all(&self.home.socket)?;
        }
        Ok(())
    }
}

/// Where a project's cluster is.
struct Home {
    major: u32,
    /// `.forge/pg<major>`, of the account that the server runs as.
    folder: Utf8PathBuf,
    data: Utf8PathBuf,
    /// The folder itself, or one in `/tmp` where its path is too long for a socket.
    socket: Utf8PathBuf,
}

impl Home {
    /// The project's cluster, or the place for a new one; and the programs, unless they must be fetched.
    fn find(files: &ProjectFiles, settings: &ShadowSettings) -> Result<(Self, Option<Binaries>)> {
        let project = files.root().canonicalize_utf8()?;
        let parent = project.join(".forge");
        files.create_folder(&parent)?;
        let programs = programs(settings)?;
        let major = existing(&parent).unwrap_or_else(|| {
            let newest = programs.iter().map(|binaries| binaries.version.major).max();
            newest.unwrap_or(DEFAULT_MAJOR)
        });
        let found = programs
            .into_iter()
            .find(|binaries| binaries.version.major == major);
        let ignore = parent.join(".gitignore");
        if files.resolve(&ignore)?.is_none() {
            files.create(&ignore, "*\n")?;
        }
        let folder = parent.join(format!("pg{major}"));
        private_folder(&folder)?;
        files.resolve(&folder)?;
        let data = folder.join("data");
        let socket = if folder.as_str().len() <= LONGEST_SOCKET_FOLDER {
            folder.clone()
        } else {
            let name = hex::encode(&Sha256::digest(folder.as_str())[..8]);
            Utf8PathBuf::from(format!("/tmp/forge-embedded-{name}"))
        };
        let home = Self {
            major,
            folder,
            data,
            socket,
        };
        Ok((home, found))
    }

    /// Whether a server that another forge has started takes connections. One that is ending is waited for.
    async fn joined(&self) -> Result<bool> {
        let begin = Instant::now();
        while postmaster::running(&self.data).is_some() {
            match admin::connect(&admin::private(&self.socket, SUPERUSER, "postgres")).await {
                Ok(admin) => {
                    admin.close().await;
                    return Ok(true);
                }
                Err(error) if begin.elapsed() > JOIN_LIMIT => return Err(error),
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
        Ok(false)
    }

    async fn serve(&self, binaries: &Binaries, settings: &ShadowSettings) -> Result<Postmaster> {
        let (binaries, account) = self.account(binaries, settings)?;
        if self.socket != self.folder {
            self.open_socket_folder(&account)?;
        }
        if !self.data.join("PG_VERSION").exists() {
            self.make(&binaries, &account, settings)?;
        }
        // Nobody runs it, so a lock file is stale. PostgreSQL would be taken in by a process that has got the same id, which in
        // containers is common.
        match fs_err::remove_file(self.data.join("postmaster.pid")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        Postmaster::start(Start {
            binaries: &binaries,
            account: &account,
            data: &self.data,
            socket: &self.socket,
            log: &self.folder.join("log"),
            settings,
        })
        .await
    }

    /// The account that owns the cluster, or for a new one the first that can run it.
    fn account(
        &self,
        binaries: &Binaries,
        settings: &ShadowSettings,
    ) -> Result<(Binaries, Account)> {
        let Ok(metadata) = fs_err::metadata(&self.data) else {
            let accounts = Account::owners(&settings.environment);
            return cluster::runnable_by(&accounts, binaries, &self.folder, settings);
        };
        if system::effective_user() != 0 && metadata.uid() != system::effective_user() {
            return Err(Diagnostic::error(
                Code::NoShadow,
                format!("`{}` belongs to another user", self.data),
            )
            .note(format!("its owner has the user id {}", metadata.uid()))
            .help("run forge as that user, or remove the folder and lose its data"));
        }
        let account = Account::of_owner(metadata.uid(), metadata.gid());
        cluster::runnable_by(&[account], binaries, &self.folder, settings)
    }

    /// Makes the cluster: first beside its place, so that one which is there is whole.
    fn make(
        &self,
        binaries: &Binaries,
        account: &Account,
        settings: &ShadowSettings,
    ) -> Result<()> {
        settings
            .progress
            .say("making the embedded server's cluster");
        let unfinished = self.folder.join("data.unfinished");
        if unfinished.exists() {
            fs_err::remove_dir_all(&unfinished)?;
        }
        let options = ["-U", SUPERUSER];
        template::initdb(binaries, account, &unfinished, settings, &options)?;
        template::configure(&unfinished, SETTINGS)?;
        Ok(fs_err::rename(&unfinished, &self.data)?)
    }

    /// Makes the folder of the socket, whose name others know: it must be ours alone.
    fn open_socket_folder(&self, account: &Account) -> Result<()> {
        private_folder(&self.socket)?;
        account.own(&self.socket)?;
        let metadata = fs_err::symlink_metadata(&self.socket)?;
        // The six last bits of the mode are the group's and the others'.
        if metadata.is_dir() && metadata.mode().trailing_zeros() >= 6 {
            return Ok(());
        }
        Err(Diagnostic::error(
            Code::NoShadow,
            format!("`{}` isn't a private folder", self.socket),
        )
        .help("remove it"))
    }

    /// Makes the role and the database, unless they are there.
    async fn create_database(&self) -> Result<()> {
        let admin = admin::connect(&admin::private(&self.socket, SUPERUSER, "postgres")).await?;
        let row = admin
            .client()
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1) AS role, \
                 EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1) AS database",
                &[&APP],
            )
            .await
            .map_err(|error| admin::failed(&error))?;
        if !row.get::<_, bool>("role") {
            admin.run(&format!("CREATE ROLE {APP} LOGIN")).await?;
        }
        if !row.get::<_, bool>("database") {
            admin
                .run(&format!("CREATE DATABASE {APP} OWNER {APP}"))
                .await?;
        }
        admin.close().await;
        Ok(())
    }
}

/// Durable, as a server is by default; but small, quiet, and of no use to the network.
const SETTINGS: &str = "\
max_connections = 40
max_locks_per_transaction = 1024
shared_buffers = 64MB
wal_level = logical
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = log
log_min_error_statement = panic
logging_collector = off
";

/// The programs that the user chose, or all that are installed.
fn programs(settings: &ShadowSettings) -> Result<Vec<Binaries>> {
    let Some(bin) = &settings.bin else {
        return Ok(binaries::installed(settings));
    };
    match Binaries::at(bin, settings) {
        Ok(binaries) => Ok(vec![binaries]),
        Err(reason) => Err(Diagnostic::error(
            Code::NoShadow,
            format!("`{}` has no PostgreSQL to use", shown::path(bin.as_str())),
        )
        .note(reason)),
    }
}

/// The newest major that the project has a cluster of.
fn existing(parent: &Utf8Path) -> Option<u32> {
    let entries = parent.read_dir_utf8().ok()?;
    entries
        .flatten()
        .filter(|entry| entry.path().join("data/PG_VERSION").exists())
        .filter_map(|entry| entry.file_name().strip_prefix("pg")?.parse().ok())
        .max()
}

fn private_folder(folder: &Utf8Path) -> Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Diagnostic::error(
            Code::Io,
            format!("`{folder}` can't be made"),
        )
        .note(error.to_string())),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Tries a lock until it can be had.
async fn wait_for(mut lock: impl FnMut() -> Result<(), TryLockError>) -> Result<()> {
    loop {
        match lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        tokio::time::sleep(POLL).await;
    }
}
