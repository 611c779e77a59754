//! Writes a plan and its way back into the plans folder, where a draft takes the place of earlier ones.

use camino::{Utf8Path, Utf8PathBuf};

use super::Filed;
use crate::{diagnostic::Result, files::ProjectFiles, plan::file::PlanFile};

/// Writes a plan, the way back first, so that a plan never stands without one; the project's own lines stand at the head of
/// both. Returns the plan's path.
pub fn write_plan(
    files: &ProjectFiles,
    folder: &Utf8Path,
    name: &str,
    preamble: &str,
    up: &PlanFile,
    down: &PlanFile,
) -> Result<Utf8PathBuf> {
    let path = folder.join(format!("{name}.sql"));
    files.write(
        &folder.join(format!("{name}.down.sql")),
        &format!("{preamble}{}", down.render()),
    )?;
    files.write(&path, &format!("{preamble}{}", up.render()))?;
    Ok(path)
}

/// Takes a draft away, and its way back.
pub fn remove_draft(files: &ProjectFiles, draft: &Filed) -> Result<()> {
    let path = files.root().join(&draft.path);
    files.remove(&path)?;
    let down = path.with_extension("down.sql");
    if down.exists() {
        files.remove(&down)?;
    }
    Ok(())
}
