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
    let [down, up] = plan_texts(folder, name, preamble, up, down);
    files.write(&down.0, &down.1)?;
    files.write(&up.0, &up.1)?;
    Ok(up.0)
}

/// The files of a plan, in the order in which they are written, with their texts.
pub fn plan_texts(
    folder: &Utf8Path,
    name: &str,
    preamble: &str,
    up: &PlanFile,
    down: &PlanFile,
) -> [(Utf8PathBuf, String); 2] {
    let file = |end: &str, plan: &PlanFile| {
        let text = format!("{preamble}{}", plan.render());
        (folder.join(format!("{name}.{end}")), text)
    };
    [file("down.sql", down), file("sql", up)]
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
