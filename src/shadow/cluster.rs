//! A private throwaway cluster: a copy of a template in a folder of its own, with a server that only forge can reach.

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    ShadowSettings,
    account::Account,
    binaries::Binaries,
    download,
    folder::{self, Folder},
    landlock::Landlock,
    postmaster::{Postmaster, Start},
    template,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    system::Signal,
};

/// A running cluster. Dropping it ends the server and removes the folder.
#[derive(Debug)]
pub(super) struct Cluster {
    // The server ends before its folder goes.
    server: Postmaster,
    folder: Folder,
    bin: Utf8PathBuf,
    account: Account,
    landlock: Landlock,
}

impl Cluster {
    /// Starts a cluster from a template of these programs.
    pub(super) async fn start(binaries: &Binaries, settings: &ShadowSettings) -> Result<Self> {
        let environment = &settings.environment;
        folder::sweep(environment);
        let folder = Folder::create(environment)?;
        let accounts = Account::candidates(environment);
        let (binaries, account) = runnable_by(&accounts, binaries, folder.path(), settings)?;
        let data = folder.path().join("data");
        template::copy_to(&data, &binaries, &account, settings).await?;
        let server = Postmaster::start(Start {
            binaries: &binaries,
            account: &account,
            data: &data,
            socket: folder.path(),
            log: &folder.path().join("log"),
            settings,
        })
        .await?;
        Ok(Self {
            server,
            folder,
            bin: binaries.bin,
            account,
            landlock: settings.landlock.clone(),
        })
    }

    /// The folder of the socket.
    pub(super) fn socket(&self) -> &Utf8Path {
        self.folder.path()
    }

    /// The folder of the programs that run.
    pub(super) fn bin(&self) -> &Utf8Path {
        &self.bin
    }

    /// As whom the server runs.
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// What confines the server.
    pub(super) fn landlock(&self) -> &Landlock {
        &self.landlock
    }

    /// Ends the server and removes the folder.
    pub(super) async fn close(self) -> Result<()> {
        self.server.stop(Signal::Quit).await?;
        self.folder.remove()
    }
}

/// The programs and the first of the accounts that can run them in `folder`, which then is that account's own.
///
/// Where none can reach programs of forge's own cache, they are copied to where all can.
pub(crate) fn runnable_by(
    accounts: &[Account],
    binaries: &Binaries,
    folder: &Utf8Path,
    settings: &ShadowSettings,
) -> Result<(Binaries, Account)> {
    let obstacles = match usable(accounts, binaries, folder, settings) {
        Ok(account) => return Ok((binaries.clone(), account)),
        Err(obstacles) => obstacles,
    };
    if let Some(shared) = download::shared_copy(binaries, settings)?
        && let Ok(account) = usable(accounts, &shared, folder, settings)
    {
        return Ok((shared, account));
    }
    let error = Diagnostic::error(
        Code::NoShadow,
        format!(
            "no ordinary user can run `{}` in `{folder}`",
            binaries.postgres()
        ),
    )
    .help("run forge as an ordinary user, or install PostgreSQL where every user can reach it");
    Err(obstacles.into_iter().fold(error, Diagnostic::note))
}

/// The first account without an obstacle; the folder is then its own.
fn usable(
    accounts: &[Account],
    binaries: &Binaries,
    folder: &Utf8Path,
    settings: &ShadowSettings,
) -> Result<Account, Vec<String>> {
    let mut obstacles = Vec::new();
    for account in accounts {
        let obstacle = match account.own(folder) {
            Ok(()) => account.obstacle(&binaries.postgres(), folder, &settings.environment),
            Err(error) => Some(error.to_string()),
        };
        match obstacle {
            None => return Ok(account.clone()),
            Some(obstacle) => obstacles.push(obstacle),
        }
    }
    Err(obstacles)
}
