//! Writes a plan and its way back into the plans folder, where a draft takes the place of earlier ones.

use camino::{Utf8Path, Utf8PathBuf};

use super::Filed;
use crate::{diagnostic::Result, plan::file::PlanFile};

/// Writes a plan, the way back first, so that a plan never stands without one; the project's own lines stand at the head of
/// both. Returns the plan's path.
pub fn write_plan(
    folder: &Utf8Path,
    name: &str,
    preamble: &str,
    up: &PlanFile,
    down: &PlanFile,
) -> Result<Utf8PathBuf> {
    fs_err::create_dir_all(folder)?;
    let path = folder.join(format!("{name}.sql"));
    replace(
        &folder.join(format!("{name}.down.sql")),
        &format!("{preamble}{}", down.render()),
    )?;
    replace(&path, &format!("{preamble}{}", up.render()))?;
    Ok(path)
}

/// Takes a draft away, and its way back.
pub fn remove_draft(root: &Utf8Path, draft: &Filed) -> Result<()> {
    let path = root.join(&draft.path);
    fs_err::remove_file(&path)?;
    let down = path.with_extension("down.sql");
    if down.exists() {
        fs_err::remove_file(&down)?;
    }
    Ok(())
}

/// Writes beside a file and then puts that into its place, so that nobody sees half of it.
pub fn replace(path: &Utf8Path, text: &str) -> Result<()> {
    let beside = path.with_extension("sql.new");
    fs_err::write(&beside, text)?;
    Ok(fs_err::rename(&beside, path)?)
}
