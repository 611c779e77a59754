//! pg_dump as an independent observer.

use std::{collections::BTreeMap, process::Command};

use libtest_mimic::Failed;

use crate::cluster::Database;

/// The entries of a dump by their headers.
pub type Dump = BTreeMap<String, Vec<String>>;

/// Dumps the schema of a database, owners included.
pub fn of(database: &Database) -> Result<Dump, Failed> {
    let output = Command::new("pg_dump")
        .args(["--schema-only", "--exclude-schema=forge"])
        .envs(database.variables())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let mut dump = Dump::new();
    let mut key = String::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        if line.starts_with("-- Name: ") {
            key = line.to_string();
            dump.entry(key.clone()).or_default();
        } else if !key.is_empty()
            && !line.trim().is_empty()
            && !line.starts_with("--")
            && !is_setting(line)
        {
            // The order of a table's columns is history, not declaration.
            dump.entry(key.clone())
                .or_default()
                .push(line.trim().trim_end_matches(',').to_string());
        }
    }
    let attached: Vec<String> = dump
        .keys()
        .filter(|key| key.contains("Type: TABLE ATTACH;"))
        .map(|key| key.replace("Type: TABLE ATTACH;", "Type: TABLE;"))
        .collect();
    for (key, lines) in &mut dump {
        // No statement changes the name of what a partition inherits.
        for line in lines.iter_mut().filter(|_| attached.contains(key)) {
            if let Some((before, rest)) = line.split_once(" CONSTRAINT ")
                && let Some((_, "NOT NULL")) = rest.split_once(' ')
            {
                *line = format!("{before} NOT NULL");
            }
        }
        // So is the order in which storage parameters were set.
        for line in &mut *lines {
            if let Some(list) = line
                .strip_prefix("WITH (")
                .and_then(|rest| rest.strip_suffix(");"))
            {
                let mut options: Vec<&str> = list.split(", ").collect();
                options.sort_unstable();
                *line = format!("WITH ({});", options.join(", "));
            }
        }
        if key.contains("Type: TABLE;") {
            lines.sort();
        }
    }
    Ok(dump)
}

fn is_setting(line: &str) -> bool {
    line.starts_with("SET ")
        || line.starts_with("SELECT pg_catalog.set_config")
        || line.starts_with("RESET ")
        || line.starts_with('\\')
}

/// Whether two dumps say the same.
pub fn same(result: &Dump, wanted: &Dump) -> Result<(), Failed> {
    let text = |dump: &Dump| {
        let entries = dump
            .iter()
            .map(|(key, lines)| format!("{key}\n{}\n", lines.join("\n")));
        entries.collect::<Vec<_>>().join("\n")
    };
    if result == wanted {
        return Ok(());
    }
    let (wanted, result) = (text(wanted), text(result));
    Err(format!(
        "pg_dump differs\n{}",
        similar::TextDiff::from_lines(&wanted, &result).unified_diff()
    )
    .into())
}
