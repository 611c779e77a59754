//! Which way dependencies point, and what is pure.

use std::path::Path;

use crate::sources::{Breach, Source, has_word, hold, root, sources};

/// The modules in the order in which they may know each other: each names only those before it.
const LAYERS: &[&str] = &[
    "sql",
    "diagnostic",
    "cancel",
    "listener",
    "environment",
    "system",
    "files",
    "spelling",
    "shown",
    "source",
    "kinds",
    "catalog",
    "diff",
    "plan",
    "intent",
    "report",
    "http",
    "connection",
    "introspect",
    "shadow",
    "build",
    "settings",
    "hooks",
    "conclusions",
    "drift",
    "history",
    "predecessor",
    "scaffold",
    "workbench",
    "apply",
    "health",
    "commands",
    "cli",
];

#[test]
fn dependencies_point_one_way() {
    let rank = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let mut breaches = Vec::new();
    for source in sources() {
        let module = source
            .path
            .trim_start_matches("src/")
            .split(['/', '.'])
            .next()
            .unwrap_or_default();
        if ["main", "lib"].contains(&module) {
            continue;
        }
        let own = rank(module).unwrap_or_else(|| {
            panic!("src/{module} has no place in LAYERS: which modules may it name?")
        });
        for (line, named) in modules_named(&source) {
            let is_module = Path::new(&root().join("src").join(&named)).is_dir()
                || root().join(format!("src/{named}.rs")).exists();
            if is_module && rank(&named).is_none_or(|other| other > own) {
                breaches.push(Breach {
                    path: source.path.clone(),
                    line,
                    text: format!("{module} names {named}"),
                });
            }
        }
    }
    hold(
        "dependencies point one way: sql ← kinds ← catalog ← diff ← plan ← history ← apply ← commands ← cli",
        breaches,
        &[],
    );
}

/// The modules of the crate that a file names, with the line: `crate::plan`, and each of `crate::{…}`.
fn modules_named(source: &Source) -> Vec<(usize, String)> {
    let code: Vec<(usize, char)> = source
        .lines
        .iter()
        .flat_map(|(number, line)| line.chars().chain(['\n']).map(|c| (*number, c)))
        .collect();
    let text: String = code
        .iter()
        .map(|(_, c)| if c.is_ascii() { *c } else { '?' })
        .collect();
    let mut named = Vec::new();
    for (at, root) in text.match_indices("crate::") {
        let (mut depth, mut name, mut first) = (0_usize, String::new(), true);
        for &(line, c) in &code[at + root.len()..] {
            if first && (c.is_alphanumeric() || c == '_') {
                name.push(c);
                continue;
            }
            if !name.is_empty() {
                named.push((line, std::mem::take(&mut name)));
                first = false;
            }
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            // In a use tree, the next branch begins behind a comma of its outermost level.
            first = first || (depth == 1 && c == ',');
            if depth == 0 {
                break;
            }
        }
    }
    named
}

#[test]
fn the_core_is_pure() {
    let words = [
        "async",
        "await",
        "tokio",
        "tokio_postgres",
        "clap",
        "fs_err",
        "std::fs",
        "std::env",
        "std::process",
        "std::net",
        "Environment",
        "now()",
        "Session",
    ];
    let core = sources().into_iter().filter(|source| {
        source.is_below(&[
            "src/sql",
            "src/kinds",
            "src/catalog",
            "src/diff.rs",
            "src/plan",
            "src/intent",
        ])
    });
    let breaches = core
        .flat_map(|source| source.breaches(|line| words.iter().any(|word| has_word(line, word))))
        .collect();
    hold(
        "sql, kinds, catalog, diff, plan and intent do no I/O and read no clock and no environment",
        breaches,
        &[],
    );
}

#[test]
fn commands_know_no_terminal_and_no_flags() {
    let words = ["clap", "Reporter", "io::stdin", "io::stdout", "io::stderr"];
    let mut breaches = Vec::new();
    for source in sources() {
        if !source.is_below(&["src/commands"]) {
            continue;
        }
        breaches.extend(source.breaches(|line| words.iter().any(|word| line.contains(word))));
        let named = modules_named(&source).into_iter();
        for (line, text) in named.filter(|(_, named)| named == "report") {
            let path = source.path.clone();
            breaches.push(Breach { path, line, text });
        }
    }
    hold(
        "`commands` takes plain values, prints nothing and asks nobody: `cli` parses and renders, a `Listener` hears",
        breaches,
        &[],
    );
}

/// The files of `cli` whose work has not moved to `commands` yet. None is added; what has moved is taken out.
const NOT_MOVED: &[&str] = &[
    "src/cli/abort.rs",
    "src/cli/adopt.rs",
    "src/cli/backfill.rs",
    "src/cli/baseline.rs",
    "src/cli/check.rs",
    "src/cli/doctor.rs",
    "src/cli/edit.rs",
    "src/cli/grants.rs",
    "src/cli/init.rs",
    "src/cli/merge.rs",
    "src/cli/mod.rs",
    "src/cli/offline.rs",
    "src/cli/repair.rs",
    "src/cli/rollback_plan.rs",
    "src/cli/show.rs",
    "src/cli/stamp.rs",
    "src/cli/test.rs",
    "src/cli/up.rs",
];

#[test]
fn the_command_line_works_on_nothing_itself() {
    let words = [
        "OpenTarget",
        "on_bench",
        "locked",
        "Session",
        "Catalog",
        "Revisions",
        "Folder",
        "PlanFile",
    ];
    let at_work = |source: &Source| {
        let breaches = source.breaches(|line| words.iter().any(|word| has_word(line, word)));
        breaches.into_iter().next()
    };
    let cli = sources();
    let cli = cli.iter().filter(|source| source.is_below(&["src/cli"]));
    let breaches: Vec<Breach> = cli.filter_map(at_work).collect();
    let exceptions: Vec<_> = NOT_MOVED.iter().map(|path| (*path, "", "")).collect();
    hold(
        "`cli` parses arguments, calls `commands` and renders reports: no session, catalog or plan file is its own",
        breaches,
        &exceptions,
    );
}
