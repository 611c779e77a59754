//! Steps that people write, and what is said of those that can't be read.

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::*;
use crate::{
    kinds::Action,
    report::{Paint, render},
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
    PlanFile::read("p.sql".into(), &format!("{HEADER}{steps}"))
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
    ] {
        let error = read(steps).unwrap_err();
        writeln!(text, "{steps}{}", render(&error, Paint::PLAIN)).unwrap();
    }
    assert_snapshot!(text);
}
