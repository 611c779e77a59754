//! What statements do in a made-up database.

use serde_json::{Value, json};

use super::*;
use crate::{catalog::Unmodelled, sql::Ident};

fn catalog() -> Catalog {
    let mut catalog = Catalog::empty(150_000, Ident::new("me"));
    let mut insert = |id: &str, model: Value, parent: Option<&str>| {
        let id: ObjectId = id.parse().unwrap();
        let object = id.kind.read(model).unwrap();
        catalog.insert(id, object, parent.map(|parent| parent.parse().unwrap()));
    };
    insert("table app.t", json!({}), None);
    insert(
        "table app.part",
        json!({"partition_of_ref": "table app.t", "partition_bound": "DEFAULT"}),
        None,
    );
    insert("table app.plain", json!({}), None);
    insert("table app.other", json!({}), None);
    for (table, column, type_name) in [("t", "a", "integer"), ("other", "c", "app.colour[]")] {
        insert(
            &format!("column app.{table}.{column}"),
            json!({"position": 1, "type": type_name, "local": true}),
            Some(&format!("table app.{table}")),
        );
    }
    insert(
        "trigger app.t.g",
        json!({
            "definition": "CREATE TRIGGER g AFTER DELETE ON app.t FOR EACH ROW EXECUTE FUNCTION app.f()",
            "state": "ENABLE",
        }),
        Some("table app.t"),
    );
    insert(
        "view app.v",
        json!({"definition": "SELECT app.f() AS a, nextval('app.s') FROM app.plain"}),
        None,
    );
    insert(
        "view app.w",
        json!({"definition": "SELECT a FROM app.v"}),
        None,
    );
    catalog.depend(
        &"table app.part".parse().unwrap(),
        &"table app.t".parse().unwrap(),
    );
    for (noun, identity) in [
        ("rule", "r on app.plain"),
        ("cast", "(app.colour AS integer)"),
    ] {
        catalog.unmodelled.insert(Unmodelled {
            noun: noun.to_owned(),
            identity: identity.to_owned(),
            content: 0,
        });
    }
    catalog
}

/// What the statement does besides what its text tells, in a plan of which it is the last one.
#[track_caller]
fn check(statements: &[&str], expected: &[&str]) {
    let catalog = catalog();
    let statements: Vec<String> = statements.iter().map(ToString::to_string).collect();
    let judge = Judge::new([&catalog], &statements);
    let sql = statements.last().unwrap();
    let of_text = effects(sql);
    let found = judge
        .effects(sql)
        .into_iter()
        .filter(|effect| !of_text.contains(effect));
    let found: Vec<String> = found
        .map(|effect| match effect {
            Effect::Calls(what) => format!("calls {what}"),
            Effect::Unknown(what) => format!("runs {what}"),
            Effect::Fires(what) => format!("fires {what}"),
            Effect::PassesOn(what) => format!("changes rows of {what}"),
            Effect::BlocksReads(verb) => format!("blocks reads {verb}"),
            Effect::BlocksWrites(verb) => format!("blocks writes {verb}"),
            Effect::Rewrites(verb) => format!("rewrites {verb}"),
            Effect::Deletes(what) | Effect::Changes(what) => what.to_owned(),
        })
        .collect();
    assert_eq!(found, expected, "{statements:?}");
}

#[test]
fn what_stands_on_a_relation_answers() {
    check(&["DELETE FROM app.t"], &["fires the trigger app.t.g"]);
    check(&["UPDATE app.t SET a = 1"], &[]);
    check(
        &["DELETE FROM app.plain"],
        &["fires the rule r on app.plain"],
    );
    check(&["SELECT FROM app.plain"], &[]);
    // A partition and the whole have each other's triggers.
    check(&["DELETE FROM app.part"], &["fires the trigger app.t.g"]);
}

#[test]
fn views_are_seen_through() {
    let calls = "calls app.f for the view app.v";
    check(
        &["INSERT INTO app.plain SELECT a FROM app.w"],
        &[calls, "fires the rule r on app.plain"],
    );
    check(
        &["INSERT INTO app.w VALUES (1)"],
        &[calls, "fires the rule r on app.plain"],
    );
}

#[test]
fn casts_that_users_made_are_met_by_their_types() {
    check(
        &["INSERT INTO app.other VALUES (NULL)"],
        &["runs the cast of app.colour to integer"],
    );
    check(
        &["SELECT 1::app.unheard"],
        &["runs a cast to the type app.unheard, which forge does not manage"],
    );
}

#[test]
fn what_the_plan_makes_on_its_way_is_met() {
    check(
        &["CREATE TABLE app.new ()", "INSERT INTO app.new VALUES (1)"],
        &[],
    );
    check(
        &["INSERT INTO app.new VALUES (1)"],
        &["runs a statement on app.new, which forge does not manage"],
    );
    check(
        &[
            "CREATE TRIGGER n BEFORE UPDATE ON app.other FOR EACH ROW EXECUTE FUNCTION app.f()",
            "UPDATE app.other SET c = NULL WHERE false",
        ],
        &[
            "runs the cast of app.colour to integer",
            "fires the trigger n of app.other",
        ],
    );
    check(
        &[
            "CREATE VIEW app.new AS SELECT a FROM app.v",
            "INSERT INTO app.t SELECT a FROM app.new",
        ],
        &["calls app.f for the view app.v"],
    );
    check(
        &[
            "CREATE RULE q AS ON INSERT TO app.t DO NOTHING",
            "INSERT INTO app.t VALUES (1)",
        ],
        &["fires the rule q on app.t"],
    );
    check(
        &["ALTER TABLE app.t RENAME TO moved", "DELETE FROM app.moved"],
        &["fires the trigger app.t.g"],
    );
}

#[test]
fn definitions_are_judged_where_those_of_forge_are_known() {
    let catalog = catalog();
    let sql = "ALTER TABLE app.t ADD COLUMN b app.unheard".to_owned();
    let statements = [sql.clone()];
    let judge = Judge::new([&catalog], &statements);
    assert!(judge.effects(&sql).is_empty());
    let judge = judge.but_for([]);
    assert_eq!(judge.effects(&sql).len(), 1);
    let judge = judge.but_for(&statements);
    assert!(judge.effects(&sql).is_empty());
}
