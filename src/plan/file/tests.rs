//! Steps that people write, and what is said of those that can't be read.

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::*;
use crate::{
    diagnostic::Result,
    kinds::{Action, Rollout},
    report::{Paint, render},
    sql::Locale,
};

const HEADER: &str = "\
-- forge:format 1
-- forge:revision aaaaaaaaaaaa
-- forge:message m
-- forge:author a
-- forge:created 2026-01-01T00:00:00Z
-- forge:postgres 15
-- forge:from 00000000000000000000000000000000
-- forge:to 00000000000000000000000000000000
-- forge:semver 0.1.0

";

fn read(steps: &str) -> Result<PlanFile> {
    PlanFile::read("p.sql".into(), &text(steps))
}

fn text(steps: &str) -> String {
    format!("{HEADER}{};\n\n{steps}", SETTINGS.join(";\n"))
}

const PHASED: &str = "\
BEGIN;
-- forge:step 1 create column app.users.full_name
ALTER TABLE app.users ADD COLUMN full_name text;
COMMIT;

-- forge:phase backfill
-- forge:data table app.users give everybody a full name
-- lock: RowExclusive on app.users
-- forge:batch key=id size=5000 pause=50ms
UPDATE app.users SET full_name = name WHERE full_name IS NULL; -- mine

-- forge:phase contract
-- forge:step 3 alter column app.users.full_name
ALTER TABLE app.users ALTER COLUMN full_name SET NOT NULL;
";

#[test]
fn written_by_hand() {
    let file = read(PHASED).unwrap();
    let steps: Vec<_> = file.plan.steps().collect();
    assert_eq!(steps[1].action, Action::Data);
    assert_eq!(steps[1].object.to_string(), "table app.users");
    assert_eq!(steps[1].summary, "give everybody a full name");
    assert_eq!(
        steps[1].batching.as_ref().unwrap().to_string(),
        "key=id size=5000 pause=50ms"
    );
    let rollouts: Vec<_> = steps.iter().map(|step| step.rollout).collect();
    assert_eq!(rollouts, Rollout::ALL);
    let again = PlanFile::read("p.sql".into(), &file.render()).unwrap();
    assert_eq!(again, file);
    assert_eq!(again.sha256(), file.sha256());
    assert_snapshot!(render_steps(&file.plan));
}

#[test]
fn what_decides_the_hash() {
    fn check(from: &str, to: &str, same: bool) {
        let [one, other] =
            [PHASED, &PHASED.replace(from, to)].map(|steps| read(steps).unwrap().sha256().unwrap());
        assert_eq!(one == other, same, "{from} / {to}");
    }
    check("size=5000", "size=6000", false);
    check("key=id ", "key=tenant,id ", false);
    check(" pause=50ms", "", false);
    check("pause=50ms", "pause=50msecs", true);
    check("-- forge:batch key=id size=5000 pause=50ms\n", "", false);
    check("-- forge:phase contract\n", "", false);
    check("give everybody", "give nobody", true);
    check(
        "-- forge:data table app.users give everybody a full name",
        "-- forge:step 2 data table app.users",
        true,
    );
}

/// A plan file with every line that a header can have.
fn with_every_line() -> String {
    let mut file = read(PHASED).unwrap();
    let header = &mut file.header;
    header.down_revision = vec!["bbbbbbbbbbbb".to_owned(), "cccccccccccc".to_owned()];
    header.depends_on = vec!["dddddddddddd".to_owned()];
    header.branch_labels = vec!["label".to_owned()];
    header.only = ["app.a", "app.b"].map(|glob| glob.parse().unwrap()).into();
    header.locale = Locale::in_c("LATIN1");
    header.proved = Some("1".repeat(64));
    header.approval = Some(Approval {
        by: "Ann".to_owned(),
        at: "2026-01-02T03:04:05Z".to_owned(),
        reason: Some("needed".to_owned()),
        allowed: vec!["one".to_owned(), "two".to_owned()],
        by_hand: [1, 2].into(),
        down_sha256: Some("2".repeat(64)),
        sha256: "3".repeat(64),
        signature: Some("U1NIU0lHAAAA".to_owned()),
    });
    let text = file.render();
    for key in header::KEYS {
        let line = format!("-- forge:{} ", key.name);
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
    text
}

/// The header's lines, by key.
fn lines_of(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().take_while(|line| !line.is_empty());
    lines
        .map(|line| (syntax::directive(line).unwrap().0, line))
        .collect()
}

#[test]
fn every_line_of_the_header_is_hashed() {
    let text = with_every_line();
    let hash = |text: &str| PlanFile::read("p.sql".into(), text).map(|file| file.sha256().unwrap());
    let expected = hash(&text).unwrap();
    for (key, line) in lines_of(&text) {
        let covered = !["proved", "sha256", "signature"].contains(&key);
        let flipped = |c: char| if c == '1' { '2' } else { '1' };
        let last = line.chars().last().unwrap();
        let edited = format!("{}{}", line.strip_suffix(last).unwrap(), flipped(last));
        for other in [
            text.replacen(line, &edited, 1),
            text.replacen(&format!("{line}\n"), "", 1),
        ] {
            let Ok(found) = hash(&other) else {
                continue;
            };
            assert_eq!(found != expected, covered, "{line}\n{other}");
        }
    }
}

#[test]
fn a_line_of_the_header_stands_once_and_before_the_steps() {
    let text = with_every_line();
    for (key, line) in lines_of(&text) {
        let doubled = text.replacen(line, &format!("{line}\n{line}"), 1);
        let read = PlanFile::read("p.sql".into(), &doubled);
        let repeats = ["only", "allowed"].contains(&key);
        assert_eq!(read.is_ok(), repeats, "{line}");
        for (at, what) in [
            ("BEGIN;", "before a transaction"),
            ("COMMIT;", "in a transaction"),
            ("-- lock:", "in a step"),
        ] {
            let stray = text.replacen(at, &format!("{line}\n{at}"), 1);
            let read = PlanFile::read("p.sql".into(), &stray);
            assert!(read.is_err(), "{line} {what}");
        }
        let last = PlanFile::read("p.sql".into(), &format!("{text}\n{line}\n"));
        assert!(last.is_err(), "{line} at the end");
    }
}

#[test]
fn a_header_takes_the_place_of_another() {
    for before in ["", "-- © us\n\n", "-- a\n/* b\n c */\n"] {
        let text = format!(
            "{before}{}\n-- mine\n",
            with_every_line().replace(
                "-- forge:author",
                "-- a comment among them\n-- forge:author"
            )
        );
        let mut file = PlanFile::read("p.sql".into(), &text).unwrap();
        file.header.message = "another".to_owned();
        file.header.approval.as_mut().unwrap().allowed.clear();
        let replaced = with_header(&text, &file.header);
        let read = PlanFile::read("p.sql".into(), &replaced).unwrap();
        assert_eq!(read, file, "{replaced}");
        assert!(replaced.starts_with(before) && replaced.ends_with("\n-- mine\n"));
        assert!(replaced.contains("\n-- a comment among them\n"));
        assert_eq!(with_header(&replaced, &file.header), replaced);
    }
}

#[test]
fn what_cannot_be_read() {
    let mut text = String::new();
    for steps in [
        "-- forge:data app.users fill\nUPDATE app.users SET a = 1;\n",
        "-- forge:data table app.users\n-- forge:batch key=id size=10\n",
        "-- forge:data table app.users\n-- forge:batch key=id\nUPDATE app.users SET a = 1;\n",
        "-- forge:data table app.users\n-- forge:batch size=10\nUPDATE app.users SET a = 1;\n",
        "-- forge:data table app.users\n-- forge:batch key=id size=10\nUPDATE app.users SET a = 1;\nUPDATE app.users SET b = 1;\n",
        "-- forge:data table app.users\n-- forge:batch key=id size=10\nINSERT INTO app.n\n  SELECT count(*) FROM app.users;\n",
        "-- forge:data table app.users\n-- forge:batch key=id size=10\nUPDATE users SET a = 1;\n",
        "BEGIN;\n-- forge:data table app.users\n-- forge:batch key=id size=10\nUPDATE app.users SET a = 1;\nCOMMIT;\n",
        "-- forge:step 1 alter table app.users\n-- forge:batch key=id size=10\nUPDATE app.users SET a = 1;\n",
        "-- forge:data table app.users\nUPDATE app.users SET a = 1;\n-- forge:batch key=id size=10\n",
        "-- forge:phase contract\n-- forge:phase expand\n",
        "-- forge:phase later\n",
        "BEGIN;\n-- forge:phase backfill\nCOMMIT;\n",
        "-- forge:batch key=id size=10\n",
        "UPDATE app.users SET a = 1;\n",
        "-- forge:revision bbbbbbbbbbbb\n",
        "-- forge:approved_bx Ann\n",
        "-- forge:approved_by Ann\n",
        "-- forge:phase expand\n-- forge:sha256 0\n",
    ] {
        let error = read(steps).unwrap_err();
        writeln!(text, "{steps}{}", render(&error, Paint::PLAIN)).unwrap();
    }
    assert_snapshot!(text);
}

#[test]
fn steps_are_numbered_from_one() {
    let of = |numbers: [&str; 4]| {
        let [one, data, two, undo] = numbers;
        text(&format!(
            "-- forge:step{one} create table app.users\nCREATE TABLE app.users ();\n\n\
             -- forge:data{data} table app.users\nUPDATE app.users SET a = 1;\n\n\
             --forge:step{two} drop table app.users\nDROP TABLE app.users;\n\n\
             \\if false\n-- forge:undo 1\n-- forge:step{undo} drop table app.users\nDROP TABLE app.users;\n\\endif\n"
        ))
    };
    let right = of([" 1", " 2", " 3", " 1"]);
    assert_eq!(PlanFile::numbered(&right).unwrap(), right);
    let approved = |text: &str| {
        let mut file = PlanFile::read("p.sql".into(), text)?;
        file.header.approval = Some(Approval::default());
        let file = file.sealed_as_is()?;
        PlanFile::read("p.sql".into(), &with_header(text, &file.header))
    };
    assert!(approved(&right).is_ok());
    for numbers in [
        [" 2", " 2", " 3", " 1"],
        [" 1", " 2", " 2", " 1"],
        [" 1", " 2", " 03", " 1"],
        [" 1", " 1", " 3", " 1"],
        [" 1", "", " 3", " 1"],
        ["", " 2", " 3", " 1"],
        [" 1", " 2", "", " 1"],
        [" 1", " 2", " 3", " 2"],
        [" 1", " 2", " 3", ""],
    ] {
        let wrong = of(numbers);
        let error = approved(&wrong).unwrap_err();
        assert!(
            error.message().contains("has another number"),
            "{numbers:?}"
        );
        assert_eq!(error.places().len(), 1);
        assert_eq!(PlanFile::numbered(&wrong).unwrap(), right, "{numbers:?}");
    }
}

#[test]
fn a_plan_has_every_setting_in_its_place() {
    let right = text("-- forge:step 1 create schema app\nCREATE SCHEMA app;\n");
    assert!(PlanFile::read("p.sql".into(), &right).is_ok());
    let empty = text("");
    for text in [&right, &empty] {
        for setting in SETTINGS {
            let without = text.replace(&format!("{setting};\n"), "");
            let error = PlanFile::read("p.sql".into(), &without).unwrap_err();
            let expected = format!("`p.sql` has no line `{setting};`");
            assert_eq!(error.message(), expected);
            assert_eq!(error.places().len(), 1);
        }
    }
    let none = format!("{HEADER}-- forge:step 1 create schema app\nCREATE SCHEMA app;\n");
    assert!(PlanFile::read("p.sql".into(), &none).is_err());
}

#[test]
fn a_signature_looks_like_one() {
    let text = with_every_line();
    for junk in [
        "AAAA",
        "U1NIU0lHAAA",
        "U1NIU0lH====",
        "U1NIU0lHAA=A",
        "junk",
    ] {
        let junk = text.replace("U1NIU0lHAAAA", junk);
        let error = PlanFile::read("p.sql".into(), &junk).unwrap_err();
        assert!(error.message().contains("no SSH signature"), "{junk}");
    }
}

/// Undo steps whose function's text has the lines that set them apart.
#[test]
fn undo_steps_stand_behind_the_way_back() {
    let undo = "BEGIN;\n-- forge:step 1 create function app.f()\nCREATE FUNCTION app.f() RETURNS text LANGUAGE sql AS $$\n\\if false\n\\endif\n$$;\nCOMMIT;\n";
    let steps = format!(
        "{undo}\n\\if false\n-- What it is.\n\n-- forge:undo 2-3\n-- forge:changes - 0123456789ab table app.users\n\n-- forge:undo 1\n-- forge:stays table app.t\n{undo}\\endif\n"
    );
    let file = read(&steps).unwrap();
    assert_eq!(file.plan.steps().count(), 1);
    let plan = file.undo.as_ref().unwrap();
    assert_eq!(plan.steps().count(), 1);
    assert_eq!(plan.parts[0].numbers(), "2-3");
    assert_eq!(
        plan.parts[0].changes[0].after.as_deref(),
        Some("0123456789ab")
    );
    assert_eq!(plan.parts[0].batches, 0);
    assert_eq!(plan.parts[1].batches, 1);
    assert_eq!(plan.parts[1].stays[0].to_string(), "table app.t");
    let text = file.render();
    let again = PlanFile::read("p.sql".into(), &text).unwrap();
    assert_eq!(again, file);
    let without = PlanFile::with_undo(&text, None).unwrap();
    let without = PlanFile::read("p.sql".into(), &without).unwrap();
    assert_eq!((&without.plan, &without.undo), (&file.plan, &None));
    assert_ne!(without.sha256().unwrap(), file.sha256().unwrap());
    let with = PlanFile::with_undo(&without.render(), file.undo.as_ref()).unwrap();
    assert_eq!(with, text);
    let lines = |text: &str| text.matches('\n').count();
    assert!(PlanFile::undo_text(&text).contains("-- forge:undo 1"));
    assert_eq!(lines(&PlanFile::undo_text(&text)) + 1, lines(&text));
    for wrong in [
        "-- forge:undo 1\n",
        "\\if false\n",
        "\\if false\n-- forge:step 1 create schema a\nCREATE SCHEMA a;\n\\endif\n",
        "\\if false\n-- forge:undo 0\n\\endif\n",
        "\\if false\n-- forge:undo 1\n-- forge:changes x table a.b\n\\endif\n",
    ] {
        assert!(
            read(&format!("BEGIN;\nCOMMIT;\n{wrong}")).is_err(),
            "{wrong}"
        );
    }
}

/// What looks like the line of a step in a body is none.
#[test]
fn statements_have_their_places() {
    const BODY: &str = "DO $$\n-- forge:step 2 create schema c\n$$";
    let text = format!(
        "-- forge:step 1 create schema a\nCREATE SCHEMA a;\n{BODY};\n\n-- forge:step 2 create schema b\n-- why\nCREATE SCHEMA a;\n"
    );
    let place = |number, sql: &str| PlanFile::place_of(&text, number, sql);
    assert_eq!(place(1, "CREATE SCHEMA a"), Some(32..47));
    assert_eq!(place(1, BODY), Some(49..49 + BODY.len()));
    let second = text.rfind("CREATE").unwrap();
    assert_eq!(place(2, "CREATE SCHEMA a"), Some(second..second + 15));
    assert_eq!(place(1, "CREATE SCHEMA b"), None);
    assert_eq!(place(3, "CREATE SCHEMA a"), None);
    assert_eq!(place(0, "CREATE SCHEMA a"), None);
}
