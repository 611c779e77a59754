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
    insert("table app.computed", json!({}), None);
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
    for (column, generated) in [
        ("b", Value::Null),
        ("g", json!({"expression": "b + 1", "stored": true})),
    ] {
        insert(
            &format!("column app.computed.{column}"),
            json!({"position": 1, "type": "integer", "local": true, "generated": generated}),
            Some("table app.computed"),
        );
    }
    insert(
        "trigger app.computed.u",
        json!({
            "definition": "CREATE TRIGGER u AFTER UPDATE OF g ON app.computed FOR EACH ROW EXECUTE FUNCTION app.f()",
            "state": "ENABLE",
        }),
        Some("table app.computed"),
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
    assert_eq!(judged(statements), expected, "{statements:?}");
}

fn judged(statements: &[&str]) -> Vec<String> {
    let catalog = catalog();
    let statements: Vec<String> = statements.iter().map(ToString::to_string).collect();
    let judge = Judge::new([&catalog], &statements);
    let sql = statements.last().unwrap();
    let of_text = effects(sql);
    let found = judge
        .effects(sql)
        .into_iter()
        .filter(|effect| !of_text.contains(effect));
    found.map(|effect| effect.how).collect()
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
            "fires the trigger app.other.n",
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

/// What a statement of the plan defines runs where a later one meets it, whatever it is a part of.
#[test]
fn what_the_plan_defines_on_its_way_is_evaluated() {
    let table = "CREATE TABLE app.new (a int DEFAULT app.f() CHECK (app.g(a)), b int)";
    let [f, g] = ["f", "g"].map(|it| format!("calls app.{it} for what the plan makes of app.new"));
    check(&[table, "INSERT INTO app.new VALUES (1)"], &[&f, &g]);
    check(&[table, "UPDATE app.new SET a = DEFAULT"], &[&f, &g]);
    check(&[table, "UPDATE app.new SET a = 1"], &[&g]);
    check(&[table, "DELETE FROM app.new"], &[]);
    check(&[table, "INSERT INTO app.t SELECT a FROM app.new"], &[]);
    let other = "calls app.f for what the plan makes of app.t";
    for definition in [
        "ALTER TABLE app.t ALTER a SET DEFAULT app.f()",
        "ALTER TABLE app.t ADD CHECK (app.f(a)) NOT VALID",
        "ALTER TABLE app.t ADD COLUMN x int GENERATED ALWAYS AS (app.f(a)) STORED",
        "CREATE UNIQUE INDEX ON app.t (app.f(a))",
        "CREATE POLICY p ON app.t WITH CHECK (app.f(a))",
    ] {
        check(&[definition, "INSERT INTO app.t VALUES (1)"], &[other]);
    }
    let statistics = "CREATE STATISTICS app.s ON app.f(a), b FROM app.t";
    check(&[statistics, "ANALYZE app.t"], &[other]);
    check(
        &[
            "CREATE POLICY p ON app.t USING (app.f(a))",
            "DELETE FROM app.t",
        ],
        &[other, "fires the trigger app.t.g"],
    );
    let domain = "CREATE DOMAIN app.d AS int CHECK (app.f(VALUE))";
    let of_domain = "calls app.f for what the plan makes of app.d";
    check(&[domain, "UPDATE app.t SET a = 1::app.d"], &[of_domain]);
    let typed = "CREATE TABLE app.new (a app.d)";
    check(
        &[domain, typed, "INSERT INTO app.new VALUES (1)"],
        &[of_domain],
    );
    let mood = "CREATE TYPE app.mood AS ENUM ('glad')";
    check(&[mood, "UPDATE app.t SET a = 'glad'::app.mood::text"], &[]);
}

#[test]
fn tables_that_the_plan_ties_together_answer_for_each_other() {
    let fires = "fires the trigger app.t.g";
    check(
        &[
            "CREATE TABLE app.new PARTITION OF app.t DEFAULT",
            "DELETE FROM app.new",
        ],
        &[fires],
    );
    check(
        &[
            "CREATE TABLE app.new () INHERITS (app.t)",
            "DELETE FROM app.new",
        ],
        &[fires],
    );
    check(
        &[
            "ALTER TABLE app.computed ATTACH PARTITION app.t DEFAULT",
            "DELETE FROM app.computed",
        ],
        &[fires],
    );
    check(
        &[
            "ALTER TABLE app.t INHERIT app.computed",
            "DELETE FROM app.computed",
        ],
        &[fires],
    );
    check(
        &[
            "ALTER TABLE app.t ADD CHECK (app.f(a))",
            "CREATE TABLE app.new (LIKE app.t INCLUDING ALL)",
            "INSERT INTO app.new VALUES (1)",
        ],
        &["calls app.f for what the plan makes of app.t"],
    );
    check(
        &[
            "ALTER TABLE app.t ADD FOREIGN KEY (a) REFERENCES app.computed ON DELETE CASCADE",
            "DELETE FROM app.computed",
        ],
        &[
            "runs a delete that cascades by the foreign key that the plan makes",
            fires,
        ],
    );
}

#[test]
fn an_update_reaches_columns_that_are_computed() {
    let fires = "fires the trigger app.computed.u";
    check(&["UPDATE app.computed SET b = 1"], &[fires]);
    check(
        &[
            "ALTER TABLE app.computed RENAME g TO h",
            "UPDATE app.computed SET h = 1",
        ],
        &[fires],
    );
}

#[test]
fn only_the_servers_own_relations_are_trusted() {
    let insert = |from: &str| format!("INSERT INTO app.t SELECT a FROM {from}");
    for own in [
        "pg_catalog.pg_class",
        "pg_class",
        "information_schema.columns",
    ] {
        check(&[&insert(own)], &[]);
    }
    for other in ["information_schema.mine", "pg_toast.mine", "pg_mine.t"] {
        let unknown = format!("runs a statement on {other}, which forge does not manage");
        check(&[&insert(other)], &[&unknown]);
    }
    for view in ["CREATE VIEW pg_temp.pg_class", "CREATE TEMP VIEW pg_class"] {
        let view = format!("{view} AS SELECT app.f() AS a");
        let calls = "calls app.f for the view pg_class";
        check(&[&view, &insert("pg_class")], &[calls]);
        check(&[&view, &insert("pg_temp.pg_class")], &[calls]);
    }
}

/// Only what is not forge's own says so: an event trigger is there for every statement of everybody's.
#[test]
fn event_triggers_fire_at_definitions_by_hand() {
    let mut catalog = catalog();
    catalog.unmodelled.insert(Unmodelled {
        noun: "event trigger".to_owned(),
        identity: "watch".to_owned(),
        content: 0,
    });
    let fires = "fires the event trigger watch";
    for (sql, expected) in [
        ("COMMENT ON TABLE app.t IS 'x'", true),
        ("CREATE TABLE app.new ()", true),
        ("DROP VIEW app.v", true),
        ("GRANT SELECT ON app.t TO PUBLIC", true),
        ("SELECT 1 AS a INTO app.new", true),
        ("REINDEX TABLE app.plain", true),
        ("UPDATE app.t SET a = 1", false),
        ("ANALYZE app.t", false),
    ] {
        let statements = [sql.to_owned()];
        let judge = Judge::new([&catalog], &statements);
        let says = |judge: &Judge<'_>| judge.effects(sql).iter().any(|effect| effect.how == fires);
        let judge = judge.but_for([]);
        assert_eq!(says(&judge), expected, "{sql}");
        assert!(!says(&judge.but_for(&statements)), "{sql}");
    }
}

/// What goes along with what is dropped is named, but for what the name of that says already.
#[test]
fn what_a_cascade_takes_along_is_named() {
    let mut catalog = catalog();
    let colour: ObjectId = "enum app.colour".parse().unwrap();
    let object = colour.kind.read(json!({"values": ["red"]})).unwrap();
    catalog.insert(colour, object, None);
    for (id, on) in [
        ("column app.other.c", "enum app.colour"),
        ("view app.w", "view app.v"),
    ] {
        catalog.depend(&id.parse().unwrap(), &on.parse().unwrap());
    }
    let of = |sql: &str| {
        let statements = [sql.to_owned()];
        let judge = Judge::new([&catalog], &statements).but_for([]);
        let deletes = judge.effects(sql).into_iter();
        let deletes =
            deletes.filter(|effect| matches!(effect.harm, Harm::Deletes | Harm::Cascades));
        deletes.map(|effect| effect.about).collect::<Vec<_>>()
    };
    assert_eq!(of("DROP TABLE app.t CASCADE"), ["app.part", "app.t"]);
    assert_eq!(
        of("DROP TYPE app.colour CASCADE"),
        ["app.other.c", "app.colour"]
    );
    assert_eq!(of("DROP VIEW app.v CASCADE"), ["app.v"]);
    assert_eq!(of("DROP TABLE app.t"), ["app.t"]);
}

/// A trigger of an update of a computed column, whoever made the table, the column and the trigger.
#[test]
fn an_update_reaches_computed_columns_that_the_plan_makes() {
    let trigger = |of: &str, on: &str| {
        format!(
            "CREATE TRIGGER n AFTER UPDATE OF {of} ON {on} FOR EACH ROW EXECUTE FUNCTION app.f()"
        )
    };
    for table in [
        "CREATE TABLE app.new (a int, g int GENERATED ALWAYS AS (a + 1) STORED)",
        "CREATE TABLE app.new (LIKE app.computed INCLUDING ALL)",
        "CREATE TABLE app.new () INHERITS (app.computed)",
    ] {
        let judged = judged(&[table, &trigger("g", "app.new"), "UPDATE app.new SET a = 1"]);
        let fires = "fires the trigger app.new.n".to_owned();
        assert!(judged.contains(&fires), "{table}: {judged:?}");
    }
    check(
        &[
            "CREATE TABLE app.new (a int, b int)",
            &trigger("b", "app.new"),
            "UPDATE app.new SET a = 1",
        ],
        &[],
    );
    check(
        &[
            &trigger("g", "app.computed"),
            "UPDATE app.computed SET b = 1",
        ],
        &[
            "fires the trigger app.computed.n",
            "fires the trigger app.computed.u",
        ],
    );
}

/// A row that an update moves to another partition is deleted from one and added to the other.
#[test]
fn an_update_that_moves_rows_fires_triggers_of_deletes_and_inserts() {
    let mut catalog = catalog();
    let mut insert = |id: &str, object: Value, parent: Option<&str>| {
        let id: ObjectId = id.parse().unwrap();
        let object = id.kind.read(object).unwrap();
        catalog.insert(id, object, parent.map(|parent| parent.parse().unwrap()));
    };
    let whole = json!({"partition_key": "RANGE (a)", "persistence": "p"});
    insert("table app.whole", whole, None);
    insert("table app.slice", json!({"persistence": "p"}), None);
    let definition =
        "CREATE TRIGGER m AFTER INSERT ON app.slice FOR EACH ROW EXECUTE FUNCTION app.f()";
    insert(
        "trigger app.slice.m",
        json!({"definition": definition, "state": "ENABLE"}),
        Some("table app.slice"),
    );
    catalog.depend(
        &"table app.slice".parse().unwrap(),
        &"table app.whole".parse().unwrap(),
    );
    for (sql, expected) in [
        ("UPDATE app.whole SET a = 1", true),
        ("UPDATE app.whole SET b = 1", false),
        ("DELETE FROM app.whole", false),
        ("UPDATE app.slice SET a = 1", false),
    ] {
        let statements = [sql.to_owned()];
        let effects = Judge::new([&catalog], &statements).effects(sql);
        let fires = effects
            .iter()
            .any(|it| it.how == "fires the trigger app.slice.m");
        assert_eq!(fires, expected, "{sql}");
    }
    check(
        &[
            "CREATE TABLE app.new (a int) PARTITION BY LIST (a)",
            "CREATE TABLE app.new_1 PARTITION OF app.new DEFAULT",
            "CREATE TRIGGER m AFTER DELETE ON app.new_1 FOR EACH ROW EXECUTE FUNCTION app.f()",
            "UPDATE app.new SET a = 1",
        ],
        &["fires the trigger app.new_1.m"],
    );
}

#[test]
fn casts_and_operator_classes_that_the_plan_makes_are_met() {
    check(
        &[
            "CREATE CAST (integer AS app.colour) WITH FUNCTION app.f(integer) AS ASSIGNMENT",
            "INSERT INTO app.other VALUES (1)",
        ],
        &[
            "runs the cast of app.colour to integer",
            "runs the cast of integer to app.colour",
        ],
    );
    check(
        &[
            "CREATE CAST (app.t AS json) WITH FUNCTION app.f(app.t)",
            "INSERT INTO app.new2 SELECT to_json(t) FROM app.t",
        ],
        &[
            "runs the cast of app.t to json",
            "runs a statement on app.new2, which forge does not manage",
        ],
    );
    check(
        &[
            "CREATE OPERATOR CLASS app.ops DEFAULT FOR TYPE integer USING gist AS FUNCTION 1 app.f(internal)",
            "UPDATE app.t SET a = 1",
        ],
        &["runs what the operator class app.ops computes"],
    );
    let mut catalog = catalog();
    catalog.unmodelled.insert(Unmodelled {
        noun: "operator class".to_owned(),
        identity: "app.ops USING gist".to_owned(),
        content: 0,
    });
    for sql in [
        "ANALYZE app.t",
        "UPDATE app.t SET a = 1",
        "REINDEX TABLE app.t",
    ] {
        let statements = [sql.to_owned()];
        let effects = Judge::new([&catalog], &statements).effects(sql);
        assert!(
            effects.iter().any(|it| it.about == "app.ops"),
            "{sql}: {effects:?}"
        );
    }
}

/// Where the plan sets the search path, a name without a schema may be anybody's.
#[test]
fn names_are_not_trusted_where_the_plan_sets_the_search_path() {
    let set = "SET search_path = app, pg_catalog";
    check(
        &[set, "DELETE FROM app.computed WHERE lower('A') = 'a'"],
        &["calls =", "calls lower"],
    );
    check(
        &[
            set,
            "DELETE FROM app.computed WHERE pg_catalog.lower('A') OPERATOR(pg_catalog.=) 'a'",
        ],
        &[],
    );
    check(
        &[set, "INSERT INTO app.t SELECT 1 FROM pg_class"],
        &["runs a statement on pg_class, which forge does not manage"],
    );
    check(
        &[
            set,
            "CREATE VIEW app.new AS SELECT abs(1)",
            "INSERT INTO app.t SELECT abs FROM app.new",
        ],
        &["calls abs for the view app.new"],
    );
    check(
        &[
            set,
            "CREATE TABLE app.new (a int DEFAULT abs(1))",
            "INSERT INTO app.new DEFAULT VALUES",
        ],
        &["calls abs for what the plan makes of app.new"],
    );
    check(&[set, "CREATE VIEW app.new AS SELECT abs(1)"], &[]);
    check(&["DELETE FROM app.computed WHERE lower('A') = 'a'"], &[]);
}

#[test]
fn event_triggers_of_the_plan_fire_at_what_follows() {
    let catalog = catalog();
    let statements = [
        "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION app.f()".to_owned(),
        "COMMENT ON TABLE app.t IS 'x'".to_owned(),
    ];
    let judge = Judge::new([&catalog], &statements).but_for([]);
    let effects = judge.effects(&statements[1]);
    assert!(
        effects
            .iter()
            .any(|it| it.how == "fires the event trigger watch"),
        "{effects:?}"
    );
}
