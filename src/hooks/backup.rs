//! Has a backup made, and believes it only when there is something.

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    Occasion,
    command::{Hook, masked, run},
};
use crate::{diagnostic::Result, settings::CommandLine};

/// Where backups go that say nothing of another place, below the project's folder.
const FOLDER: &str = ".forge/backups";

/// Runs the backup's command. `stamp` tells this backup from others.
///
/// The command writes the file that `FORGE_BACKUP_FILE` names, or prints the name of the one that it has written as its
/// last line; an address of a store elsewhere (`s3://…`) is taken at its word. Returns where the backup is.
///
/// # Errors
/// [`crate::diagnostic::Code::Hook`] if the command fails, or leaves nothing.
pub async fn take(occasion: &Occasion<'_>, command: &CommandLine, stamp: &str) -> Result<String> {
    let name = match occasion.revisions.first() {
        Some(revision) => format!("{stamp}_{revision}.dump"),
        None => format!("{stamp}.dump"),
    };
    let root = occasion.files.root();
    let below = Utf8Path::new(FOLDER).join(name);
    let file = root.join(&below);
    occasion.files.create_folder(&root.join(FOLDER))?;
    let printed = run(
        occasion,
        Hook::Backup,
        command,
        &[("FORGE_BACKUP_FILE", file.as_str())],
    )
    .await?;
    if file.exists() {
        return if is_filled(&file) {
            Ok(below.into_string())
        } else {
            Err(Hook::Backup.error(&format!("left `{below}` empty")))
        };
    }
    let Some(printed) = printed else {
        return Err(nothing());
    };
    if printed.contains("://") {
        occasion.listener.warn(format_args!(
            "the backup is elsewhere, where forge can't look whether it is empty"
        ));
        return Ok(masked(occasion, &printed));
    }
    let path = root.join(Utf8PathBuf::from(&printed));
    if !path.exists() {
        return Err(nothing().note(format!(
            "its last line is no file: `{}`",
            masked(occasion, &printed)
        )));
    }
    if is_filled(&path) {
        Ok(printed)
    } else {
        Err(Hook::Backup.error(&format!("left `{printed}` empty")))
    }
}

fn nothing() -> crate::diagnostic::Diagnostic {
    Hook::Backup.error("left no file").help(
        "have the command write `$FORGE_BACKUP_FILE`, or print the name of the file as its last line",
    )
}

/// Whether a file has bytes, or a folder (`pg_dump -Fd`) files.
fn is_filled(path: &Utf8Path) -> bool {
    let Ok(metadata) = fs_err::metadata(path) else {
        return false;
    };
    if metadata.is_dir() {
        return fs_err::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    }
    metadata.len() > 0
}
