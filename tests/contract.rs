//! The rules of the architecture, held by reading the source: each test names the file and line that breaks one.
//!
//! What has to be excepted from a rule stands beside it with the reason. An exception that nothing needs any more fails too.

#![expect(
    clippy::unwrap_used,
    reason = "a file that can't be read fails the test that reads it"
)]

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use clap::CommandFactory as _;
use forge::{
    cli::Cli,
    diagnostic::{Code, Exit},
    kinds::{Comparison, HazardKind, Kind},
};

/// A file of the source: lines of code, counted from one, without comments and without its unit tests.
struct Source {
    path: String,
    lines: Vec<(usize, String)>,
}

/// What breaks a rule.
struct Breach {
    path: String,
    line: usize,
    text: String,
}

/// Why a file may do what its like may not: the file, what it names, the reason.
type Exceptions<'a> = &'a [(&'a str, &'a str, &'a str)];

/// Fails with every breach that isn't excepted, and with every exception that isn't needed.
fn hold(rule: &str, breaches: Vec<Breach>, exceptions: Exceptions<'_>) {
    let excepted = |breach: &Breach, (path, text, _): &(&str, &str, &str)| {
        breach.path == *path && breach.text.contains(text)
    };
    let mut message = String::new();
    for exception in exceptions
        .iter()
        .filter(|exception| !breaches.iter().any(|breach| excepted(breach, exception)))
    {
        writeln!(
            message,
            "  {}: needs no exception for `{}` any more",
            exception.0, exception.1
        )
        .unwrap();
    }
    let breaches = breaches.into_iter().filter(|breach| {
        !exceptions
            .iter()
            .any(|exception| excepted(breach, exception))
    });
    for Breach { path, line, text } in breaches {
        writeln!(message, "  {path}:{line}: {}", text.trim()).unwrap();
    }
    assert!(message.is_empty(), "{rule}\n{message}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The paths of all files below a folder, relative to the package, sorted.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(
                    path.strip_prefix(root())
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_string(),
                );
            }
        }
    }
    found.sort();
    found
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs_err::read_dir(root().join(folder)).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn text(path: &str) -> String {
    fs_err::read_to_string(root().join(path)).unwrap()
}

/// The Rust files below `src`, but for those of unit tests.
fn sources() -> Vec<Source> {
    files("src", "rs")
        .into_iter()
        .filter(|path| !path.ends_with("/tests.rs"))
        .map(|path| source(&path))
        .collect()
}

fn source(path: &str) -> Source {
    let mut tests = false;
    let mut lines = Vec::new();
    for (number, line) in text(path).lines().enumerate() {
        tests |= line == "mod tests {";
        if !tests && !line.trim_start().starts_with("//") {
            lines.push((number + 1, line.to_string()));
        }
        tests &= line != "}";
    }
    Source {
        path: path.to_string(),
        lines,
    }
}

impl Source {
    fn is_below(&self, paths: &[&str]) -> bool {
        paths
            .iter()
            .any(|path| self.path == *path || self.path.starts_with(&format!("{path}/")))
    }

    /// The folder of the kind that the file belongs to.
    fn kind(&self) -> Option<Kind> {
        let folder = self.path.strip_prefix("src/kinds/")?.split_once('/')?.0;
        Kind::ALL
            .iter()
            .copied()
            .find(|kind| kind.folder() == folder)
    }

    fn breaches(&self, breaks: impl Fn(&str) -> bool) -> Vec<Breach> {
        let lines = self.lines.iter().filter(|(_, line)| breaks(line));
        lines
            .map(|(line, text)| Breach {
                path: self.path.clone(),
                line: *line,
                text: text.clone(),
            })
            .collect()
    }
}

/// Whether a word stands in the line as a whole.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

/// The names behind `Kind::` and `Object::` in a line, where they are a kind's.
fn kinds_named(line: &str) -> Vec<Kind> {
    let mut named = Vec::new();
    for &kind in Kind::ALL {
        let variant = format!("{kind:?}");
        let folder = kind.folder();
        if has_word(line, &format!("Kind::{variant}"))
            || has_word(line, &format!("Object::{variant}"))
            || has_word(line, &format!("kinds::{folder}"))
            || has_word(line, &format!("super::{folder}"))
        {
            named.push(kind);
        }
    }
    named
}

/// Every file that isn't below the paths and has one of the words.
fn only_below(paths: &[&str], words: &[&str]) -> Vec<Breach> {
    let outside = sources()
        .into_iter()
        .filter(|source| !source.is_below(paths));
    outside
        .flat_map(|source| source.breaches(|line| words.iter().any(|word| has_word(line, word))))
        .collect()
}

#[test]
fn only_source_parses_sql() {
    hold(
        "only `source` sees the parsers: what SQL means is PostgreSQL's to say",
        only_below(&["src/source"], &["pg_query", "sqlparser"]),
        &[(
            "src/report/sql.rs",
            "use sqlparser",
            "it paints tokens; the next test holds it to that",
        )],
    );
}

#[test]
fn the_reporter_only_tokenizes() {
    let breaches = source("src/report/sql.rs").breaches(|line| {
        ["parser::", "ast::", "Parser"].iter().any(|part| {
            line.split("sqlparser")
                .skip(1)
                .any(|rest| rest.contains(part))
        }) || has_word(line, "Parser")
    });
    hold(
        "`report/sql.rs` may take tokens from sqlparser and nothing else",
        breaches,
        &[],
    );
}

#[test]
fn only_server_and_apply_hold_a_client() {
    let rows = "a model is made of a row; it holds no client";
    hold(
        "only `server` and `apply` talk to PostgreSQL; others hold a `Session`",
        only_below(
            &["src/server", "src/apply"],
            &["tokio_postgres", "postgres_types"],
        ),
        &[
            (
                "src/catalog/introspect.rs",
                "use tokio_postgres::Row;",
                rows,
            ),
            ("src/catalog/row.rs", "use tokio_postgres::{", rows),
            ("src/catalog/row.rs", "tokio_postgres::types::Json", rows),
        ],
    );
    let clients = only_below(
        &["src/server", "src/apply"],
        &["Client", "client()", "client_mut()"],
    );
    hold(
        "only `server` and `apply` use a client",
        clients,
        &[
            (
                "src/history/store.rs",
                ".client()",
                "the journal stands in the database that it is about",
            ),
            (
                "src/history/backfill.rs",
                ".client()",
                "so does how far its steps in batches have come",
            ),
            (
                "src/history/running.rs",
                ".client()",
                "so does which process carries a run out",
            ),
        ],
    );
}

#[test]
fn only_report_prints() {
    let words = [
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "dbg!",
        "io::stdout",
        "io::stderr",
        "anstream",
        "owo_colors",
        "indicatif",
    ];
    let printing = only_below(&["src/report"], &words);
    hold("only `report` prints", printing, &[]);
}

#[test]
fn only_sql_quotes() {
    let quotes = [
        r#"\""#,
        r#"'"'"#,
        r#""''""#,
        r"'\''",
        "quote_ident",
        "quote_literal",
    ];
    let kinds = sources().into_iter().filter(|source| {
        source.is_below(&[
            "src/kinds",
            "src/plan",
            "src/diff.rs",
            "src/catalog",
            "src/apply",
        ])
    });
    let breaches = kinds
        .flat_map(|source| source.breaches(|line| quotes.iter().any(|quote| line.contains(quote))))
        .collect();
    let reads = "it reads what `Ident` wrote; what it writes goes through `Ident`";
    hold(
        "only `sql` quotes",
        breaches,
        &[
            ("src/kinds/id.rs", "'\"'", reads),
            (
                "src/kinds/column/cast.rs",
                r#""\"char\"""#,
                "the type is called that, and `format_type` quotes it",
            ),
            (
                "src/apply/leftovers.rs",
                "matches!(c, '_' | '$' | '\"')",
                "it looks for a whole name in a statement",
            ),
        ],
    );
}

#[test]
fn the_engine_names_no_kind() {
    let engine = [
        "src/diff.rs",
        "src/plan/steps.rs",
        "src/plan/graph.rs",
        "src/plan/order.rs",
        "src/plan/batch.rs",
        "src/plan/likeness.rs",
        "src/intent/judge.rs",
        "src/intent/order.rs",
        "src/intent/request.rs",
        "src/intent/renamed.rs",
        "src/intent/renaming.rs",
        "src/apply",
    ];
    let engine = sources()
        .into_iter()
        .filter(|source| source.is_below(&engine));
    let breaches = engine
        .flat_map(|source| source.breaches(|line| !kinds_named(line).is_empty()))
        .collect();
    hold(
        "the engine names no kind: what is special about one is the contract's to say",
        breaches,
        &[],
    );
}

#[test]
fn a_kind_names_no_other() {
    let breaches = sources()
        .into_iter()
        .filter_map(|source| Some((source.kind()?, source)))
        .flat_map(|(own, source)| {
            source.breaches(|line| kinds_named(line).iter().any(|kind| *kind != own))
        })
        .collect();
    let options = "storage parameters are the same text wherever `reloptions` is; they belong beside the kinds, not into one";
    let privileges = "default privileges become grants, and are written with the same words";
    hold(
        "a kind names no other: what lies between two is for `pg_depend` or the contract to say",
        breaches,
        &[
            (
                "src/kinds/column/settings.rs",
                "crate::kinds::table::options_difference",
                options,
            ),
            (
                "src/kinds/constraint/mod.rs",
                "super::table::options_list",
                options,
            ),
            (
                "src/kinds/constraint/mod.rs",
                "super::table::options_difference",
                options,
            ),
            (
                "src/kinds/materialized_view/mod.rs",
                "super::table::options_list",
                options,
            ),
            (
                "src/kinds/materialized_view/mod.rs",
                "super::table::options_difference",
                options,
            ),
            (
                "src/kinds/view/mod.rs",
                "super::table::options_list",
                options,
            ),
            (
                "src/kinds/view/mod.rs",
                "super::table::options_difference",
                options,
            ),
            (
                "src/kinds/default_privilege/mod.rs",
                "Kind::Grant",
                privileges,
            ),
            (
                "src/kinds/default_privilege/mod.rs",
                "Object::Grant(grant)",
                privileges,
            ),
            (
                "src/kinds/default_privilege/mod.rs",
                "super::grant::Grant::with",
                privileges,
            ),
            (
                "src/kinds/default_privilege/mod.rs",
                "super::grant::privileges_change",
                privileges,
            ),
        ],
    );
}

#[test]
fn a_kind_neither_compares_nor_sorts() {
    let words = [
        "fn cmp",
        "fn partial_cmp",
        "fn eq",
        "impl Ord",
        "sort",
        "sort_by",
        "sort_by_key",
        "sort_unstable",
    ];
    let breaches = sources()
        .into_iter()
        .filter(|source| source.kind().is_some())
        .flat_map(|source| source.breaches(|line| words.iter().any(|word| has_word(line, word))))
        .collect();
    hold(
        "comparing models and putting steps in order is the engine's",
        breaches,
        &[
            (
                "src/kinds/grant/mod.rs",
                "privileges.sort();",
                "a list of privileges is a set, which the catalog sorts too",
            ),
            (
                "src/kinds/column/not_null.rs",
                "fn eq(&self, other: &Self)",
                "an inherited constraint's name decides nothing",
            ),
        ],
    );
}

#[test]
fn comments_owners_and_privileges_are_kinds_of_their_own() {
    let rules: [(&[Kind], &[&str]); 3] = [
        (&[Kind::Comment], &["COMMENT ON"]),
        (&[Kind::Owner], &["OWNER TO"]),
        (
            &[Kind::Grant, Kind::DefaultPrivilege],
            &["GRANT ", "REVOKE "],
        ),
    ];
    let mut breaches = Vec::new();
    for source in sources()
        .into_iter()
        .filter(|source| source.is_below(&["src/kinds", "src/plan", "src/diff.rs"]))
    {
        let foreign = rules
            .iter()
            .filter(|(kinds, _)| source.kind().is_none_or(|kind| !kinds.contains(&kind)));
        for (_, statements) in foreign {
            breaches.extend(
                source.breaches(|line| statements.iter().any(|statement| line.contains(statement))),
            );
        }
    }
    hold(
        "comments, owners and privileges exist once, for all kinds of targets",
        breaches,
        &[],
    );
}

/// The modules in the order in which they may know each other: each names only those before it.
const LAYERS: &[&str] = &[
    "sql",
    "diagnostic",
    "cancel",
    "source",
    "kinds",
    "report",
    "server",
    "settings",
    "hooks",
    "catalog",
    "conclusions",
    "diff",
    "plan",
    "intent",
    "drift",
    "history",
    "predecessor",
    "scaffold",
    "workbench",
    "apply",
    "health",
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
        "dependencies point one way: sql ← kinds ← catalog ← diff ← plan ← history ← apply ← cli",
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
            "src/diff.rs",
            "src/plan",
            "src/intent",
        ])
    });
    let breaches = core
        .flat_map(|source| source.breaches(|line| words.iter().any(|word| has_word(line, word))))
        .collect();
    hold(
        "diff, plan and kinds do no I/O and read no clock and no environment",
        breaches,
        &[],
    );
}

#[test]
fn introspection_is_ordered_and_names_its_columns() {
    let mut breaches = Vec::new();
    for kind in Kind::ALL {
        let path = format!("src/kinds/{}/introspect.sql", kind.folder());
        let sql = text(&path);
        let last = last_select(&sql);
        let line = sql.lines().count();
        if !last.contains("\nORDER BY ") {
            breaches.push(Breach {
                path: path.clone(),
                line,
                text: "the outermost SELECT has no ORDER BY".to_string(),
            });
        }
        for (number, line) in sql.lines().enumerate() {
            let everything = line.to_uppercase().contains("SELECT *");
            if everything || (last.contains(line) && line.contains(".*")) {
                breaches.push(Breach {
                    path: path.clone(),
                    line: number + 1,
                    text: line.to_string(),
                });
            }
        }
    }
    hold("what is read has names, and an order", breaches, &[]);
}

/// The query's last SELECT that begins a line: what it returns.
fn last_select(sql: &str) -> &str {
    let at = sql.rfind("\nSELECT ").map_or(0, |at| at + 1);
    &sql[at..]
}

/// A field of a kind's model, and what it is called when serialized.
struct Field {
    name: String,
    serialized: String,
}

fn fields(kind: Kind) -> Vec<Field> {
    let path = format!("src/kinds/{}/mod.rs", kind.folder());
    let text = text(&path);
    let open = format!("pub struct {kind:?} {{");
    let at = text
        .find(&open)
        .unwrap_or_else(|| panic!("{path} has no `{open}`"));
    let body = text[at + open.len()..]
        .split("\n}")
        .next()
        .unwrap_or_default();
    let mut renamed = None;
    let mut fields = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some((_, rest)) = line.split_once("rename = \"") {
            renamed = rest.split('"').next().map(ToString::to_string);
        }
        if let Some((name, _)) = line
            .strip_prefix("pub ")
            .and_then(|field| field.split_once(':'))
        {
            fields.push(Field {
                name: name.to_string(),
                serialized: renamed.take().unwrap_or_else(|| name.to_string()),
            });
        }
    }
    fields
}

#[test]
fn every_field_decides_equality_once() {
    for &kind in Kind::ALL {
        let attributes: Vec<&str> = kind
            .attributes()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        for Field { name, .. } in fields(kind) {
            let entries = attributes
                .iter()
                .filter(|attribute| **attribute == name)
                .count();
            assert_eq!(
                entries,
                1,
                "src/kinds/{}/mod.rs: `{name}` stands {entries} times in ATTRIBUTES",
                kind.folder()
            );
        }
    }
}

#[test]
fn every_attribute_reaches_the_fingerprint() {
    for &kind in Kind::ALL {
        for Field { name, serialized } in fields(kind) {
            assert!(
                serialized == name || serialized == name.trim_end_matches("_name"),
                "src/kinds/{}/mod.rs: `{name}` is serialized as `{serialized}`, where the fingerprint doesn't look for it",
                kind.folder()
            );
        }
    }
}

#[test]
fn every_kind_has_cases() {
    for kind in Kind::ALL {
        let folder = format!("fixtures/cases/{}", kind.folder());
        assert!(
            root().join(&folder).is_dir() && !names(&folder).is_empty(),
            "{folder} has no case"
        );
    }
}

#[test]
fn fixtures_are_referenced() {
    let tests: String = files("tests", "rs")
        .iter()
        .chain(&files("src", "rs"))
        .map(|path| text(path))
        .collect();
    for folder in names("fixtures") {
        assert!(
            tests.contains(&format!("fixtures/{folder}")),
            "no test names `fixtures/{folder}`"
        );
    }
    // Besides those of the kinds: what is about several objects and their order.
    let kinds: BTreeSet<&str> = Kind::ALL
        .iter()
        .map(|kind| kind.folder())
        .chain(["order"])
        .collect();
    for folder in names("fixtures/cases")
        .iter()
        .filter(|name| root().join("fixtures/cases").join(name).is_dir())
    {
        assert!(
            kinds.contains(folder.as_str()),
            "`fixtures/cases/{folder}` is of no kind"
        );
        for case in names(&format!("fixtures/cases/{folder}")) {
            let path = format!("fixtures/cases/{folder}/{case}");
            let files = names(&path);
            for needed in ["live.sql", "desired.sql"] {
                assert!(files.contains(needed), "`{path}` has no {needed}");
            }
            for file in files {
                let known = [
                    "live.sql",
                    "desired.sql",
                    "seed.sql",
                    "after.sql",
                    "plan.sql",
                    "case.toml",
                ];
                let of_a_version = file
                    .strip_prefix("plan.")
                    .and_then(|rest| rest.strip_suffix(".sql"))
                    .is_some_and(|major| major.bytes().all(|b| b.is_ascii_digit()));
                assert!(
                    of_a_version || known.contains(&file.as_str()),
                    "nothing reads `{path}/{file}`"
                );
            }
        }
    }
}

#[test]
fn snapshots_are_referenced() {
    for path in files("tests", "snap")
        .into_iter()
        .chain(files("src", "snap"))
    {
        let (folder, file) = path.rsplit_once('/').unwrap();
        let module = folder.trim_end_matches("/snapshots");
        // `cli__env__as_json`, `forge__report__tests__streams`: the crate, the modules, the test.
        let test = file
            .trim_end_matches(".snap")
            .rsplit("__")
            .next()
            .unwrap_or_default();
        let test = test
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .trim_end_matches('-');
        let around = files(module, "rs")
            .into_iter()
            .chain([format!("{module}.rs")])
            .filter(|path| root().join(path).exists());
        let named = around.into_iter().any(|path| {
            let code = text(&path);
            has_word(&code, &format!("fn {test}")) || code.contains(&format!("\"{test}\""))
        });
        assert!(named, "no test writes `{path}`");
    }
}

#[test]
fn codes_and_hazards_are_documented() {
    for (path, is_entry) in [
        (
            "src/diagnostic.rs",
            (|line: &str| line.contains(" = \"") && line.contains(" => ")) as fn(&str) -> bool,
        ),
        ("src/kinds/hazard.rs", |line: &str| {
            line.contains(" = \"") && line.contains("approval:")
        }),
    ] {
        let text = text(path);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_entry(line)) {
            assert!(
                lines[at - 1].starts_with("///"),
                "{path}:{}: `{line}` has no documentation",
                at + 1
            );
        }
    }
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len(), "two codes share a name");
    for hazard in HazardKind::ALL {
        let meaning = hazard.meaning();
        assert!(
            meaning.ends_with('.') && meaning.len() > 10,
            "`{hazard}` says nothing: {meaning}"
        );
    }
}

#[test]
fn suppressions_state_their_reason() {
    for path in files("src", "rs").into_iter().chain(files("tests", "rs")) {
        let text = text(&path);
        for marker in ["#[expect(", "#![expect(", "#[allow(", "#![allow("] {
            // This file names the markers in quotes.
            for (at, _) in text
                .match_indices(marker)
                .filter(|(at, _)| !text[..*at].ends_with('"'))
            {
                let attribute = text[at..].split(")]").next().unwrap_or_default();
                let line = text[..at].lines().count() + 1;
                assert!(
                    attribute.contains("reason = \""),
                    "{path}:{line}: `{marker}…)]` states no reason"
                );
            }
        }
    }
}

/// The README's table of kinds: what of each is compared.
fn table_of_kinds() -> String {
    let mut table = "\n| kind | compared |\n|---|---|\n".to_string();
    for kind in Kind::ALL {
        let compared: Vec<String> = kind
            .attributes()
            .into_iter()
            .filter(|(_, comparison)| *comparison != Comparison::Physical)
            .map(|(name, _)| {
                let name = ["_ref", "_refs"]
                    .iter()
                    .fold(name, |name, end| name.trim_end_matches(end));
                name.replace('_', " ")
            })
            .collect();
        let compared = if compared.is_empty() {
            "that it is there".to_string()
        } else {
            compared.join(", ")
        };
        writeln!(table, "| {} | {compared} |", kind.noun()).unwrap();
    }
    table + "\n"
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no settings; UPDATE is how its reference is written anew"
)]
fn the_readme_lists_every_kind() {
    let readme = text("README.md");
    let begin = readme
        .find("<!-- kinds:")
        .expect("the README has a place for the kinds");
    let begin = begin + readme[begin..].find("-->\n").expect("a comment ends") + "-->\n".len();
    let end = readme
        .find("<!-- /kinds -->")
        .expect("the list of kinds ends");
    let table = table_of_kinds();
    if std::env::var_os("UPDATE").is_some() {
        let readme = format!("{}{table}{}", &readme[..begin], &readme[end..]);
        fs_err::write(root().join("README.md"), readme).unwrap();
    } else {
        assert_eq!(
            &readme[begin..end],
            table,
            "`UPDATE=1 cargo test --test contract` writes the README's table"
        );
    }
}

#[test]
fn the_readme_knows_the_commands() {
    let commands: BTreeSet<String> = Cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_string())
        .chain(["help".to_string()])
        .collect();
    let readme = text("README.md");
    let mut named = BTreeSet::new();
    for (number, line) in readme.lines().enumerate() {
        let spots = line
            .match_indices("forge ")
            .filter(|(at, _)| *at == 0 || line[..*at].ends_with('`'));
        for (at, word) in spots {
            let command: String = line[at + word.len()..]
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '-')
                .collect();
            // A sentence may begin with the program's name.
            if line[..at].ends_with('`') || !line.ends_with('.') {
                assert!(
                    commands.contains(&command),
                    "README.md:{}: there is no `forge {command}`",
                    number + 1
                );
                named.insert(command);
            }
        }
    }
    let unnamed: Vec<&String> = commands.difference(&named).collect();
    assert!(unnamed.is_empty(), "the README doesn't name {unnamed:?}");
}

#[test]
fn the_readme_lists_every_exit_code() {
    let readme = text("README.md");
    let codes: BTreeSet<u8> = Code::ALL
        .iter()
        .map(|code| code.exit() as u8)
        .chain([Exit::Done as u8, Exit::Difference as u8])
        .collect();
    for code in codes {
        assert!(
            readme.contains(&format!("\n| {code} | ")),
            "the README doesn't explain exit code {code}"
        );
    }
}
