//! What is written down is true, and nothing lies about.

use std::collections::BTreeSet;

use forge::{
    diagnostic::Code,
    kinds::{HazardKind, Kind},
};

use crate::sources::{files, has_word, names, root, text};

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
