//! The ways out of a plan that has stopped half-way, where somebody changes something by hand after that.

use crate::halfway::typed;
use support::{cluster::Cluster, desk::Desk, dump::Dump};

const BEFORE: &str = "\
CREATE SCHEMA app;
CREATE TABLE app.users (id bigint PRIMARY KEY, country text, name text);
CREATE TABLE app.notes (id bigint PRIMARY KEY, user_id bigint);
CREATE TABLE app.other (id int);
";

const AFTER: &str = "\
CREATE SCHEMA app;
CREATE TYPE app.size AS ENUM ('s', 'l');
CREATE SEQUENCE app.counter;
CREATE FUNCTION app.one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE TABLE app.users (
    id bigint PRIMARY KEY,
    country text NOT NULL,
    name text CHECK (name <> ''),
    nick text
);
CREATE INDEX users_name ON app.users (name);
CREATE TABLE app.made (id bigint PRIMARY KEY, size app.size);
CREATE VIEW app.sizes AS SELECT size FROM app.made;
CREATE TABLE app.notes (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES app.users,
    extra int
);
CREATE INDEX notes_user ON app.notes (user_id);
CREATE TABLE app.other (id int);
";

/// Two rows, one of which stops the plan in its middle.
const ROWS: &str = "
    INSERT INTO app.users VALUES (1, 'it', 'Ann'), (2, 'de', '');
    INSERT INTO app.notes VALUES (1, 1)";

/// What somebody does by hand, and whether the plan's undo steps lead back from there.
const BY_HAND: &[(&str, Back)] = &[
    // What a step that is done has made.
    ("DROP VIEW app.sizes", Back::Leads),
    ("DROP TABLE app.made CASCADE", Back::Leads),
    ("DROP TYPE app.size CASCADE", Back::Refuses),
    ("DROP SEQUENCE app.counter", Back::Leads),
    ("DROP FUNCTION app.one()", Back::Leads),
    ("ALTER TABLE app.users DROP COLUMN nick", Back::Leads),
    (
        "ALTER TABLE app.users DROP CONSTRAINT users_name_check",
        Back::Leads,
    ),
    (
        "ALTER TABLE app.notes DROP CONSTRAINT notes_user_id_fkey",
        Back::Leads,
    ),
    (
        "ALTER TABLE app.users ALTER COLUMN country DROP NOT NULL",
        Back::Refuses,
    ),
    ("ALTER TABLE app.made ADD COLUMN more int", Back::Refuses),
    (
        "ALTER TABLE app.users ALTER COLUMN nick TYPE varchar(9)",
        Back::Refuses,
    ),
    (
        "CREATE OR REPLACE FUNCTION app.one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'",
        Back::Refuses,
    ),
    // What steps need that are to come.
    ("ALTER TABLE app.users DROP COLUMN country", Back::Refuses),
    ("DROP TABLE app.users CASCADE", Back::Leads),
    ("DROP TABLE app.notes", Back::Leads),
    ("ALTER TABLE app.notes DROP COLUMN user_id", Back::Refuses),
    ("DROP SCHEMA app CASCADE", Back::Leads),
    // What steps make that are to come.
    ("CREATE INDEX users_name ON app.users (name)", Back::Leads),
    (
        "CREATE INDEX users_name ON app.users (id, name)",
        Back::Leads,
    ),
    // What the plan is not about.
    ("DROP TABLE app.other", Back::Leads),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    Leads,
    /// What somebody has changed cannot be undone, and the error names another way out.
    Refuses,
}

/// A project whose next plan is approved; and a database to which it is applied.
async fn planned(cluster: &Cluster) -> (Desk<'_>, Dump) {
    let naming = "[naming]\ntemplate = \"{seq}_{slug}\"\n";
    let files = [("forge.toml", naming), ("schema/app.sql", BEFORE)];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.write("schema/app.sql", AFTER);
    typed(&mut desk, "plan -m next --rev-id 200000000000", 0);
    typed(&mut desk, "approve --allow all", 0);
    typed(&mut desk, "apply", 0);
    let after = desk.dump();
    (desk, after)
}

/// A database in which the plan has stopped in its middle, and somebody has changed something then.
async fn stopped(desk: &mut Desk<'_>, by_hand: &str) {
    desk.turn_to_another().await.drop().await.unwrap();
    typed(desk, "apply 100000000000", 0);
    desk.database.run(ROWS).await.unwrap();
    typed(desk, "apply --skip-row-checks", 6);
    desk.database.run(by_hand).await.unwrap();
}

pub(crate) async fn what_somebody_changes_by_hand_leaves_a_way_out(cluster: &Cluster) {
    let (mut desk, _) = planned(cluster).await;
    let mut wrong = Vec::new();
    for (by_hand, back) in BY_HAND {
        stopped(&mut desk, by_hand).await;
        desk.typed.clear();
        desk.forge("apply --abort --allow all");
        let leads = !desk.typed.contains("[exit ");
        let names = desk.typed.contains("`forge repair --mark-done rest`");
        if leads != (*back == Back::Leads) || leads == names {
            wrong.push(format!("=== {by_hand}: {back:?}\n{}\n", desk.typed));
        }
        desk.typed.clear();
        if !leads {
            desk.forge("repair --mark-done rest");
        }
        desk.forge("drift");
        if desk.typed.contains("error") {
            wrong.push(format!("=== {by_hand}: drift\n{}\n", desk.typed));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// A plan that is ended where the database stands is followed by one that makes what is missing.
pub(crate) async fn a_plan_is_ended_where_the_database_stands(cluster: &Cluster) {
    let (mut desk, after) = planned(cluster).await;
    let mut wrong = Vec::new();
    for (by_hand, _) in BY_HAND {
        stopped(&mut desk, by_hand).await;
        desk.typed.clear();
        desk.forge("status");
        desk.forge("repair --mark-done rest");
        let named = desk
            .typed
            .contains("`forge repair --mark-done rest` ends it");
        desk.forge("repair --mark-done 1");
        // It names what the plan has not made.
        desk.forge("drift");
        let tells = desk.typed.contains("`index app.notes_user` is missing");
        // Rows are in the way of what the next plan makes.
        for emptied in ["DELETE FROM app.notes", "DELETE FROM app.users"] {
            drop(desk.database.run(emptied).await);
        }
        desk.forge("plan -m rest --rev-id 300000000000");
        desk.forge("approve --allow all");
        desk.forge("apply");
        let drift = desk.typed.len();
        desk.forge("drift");
        let settled = desk.typed[drift..].contains("no drift: ");
        let same = desk.dump() == after;
        if !(named && tells && settled && same) {
            wrong.push(format!(
                "=== {by_hand}: {named} {tells} {settled} {same}\n{}\n",
                desk.typed
            ));
        }
        for file in ["plans/0003_rest.sql", "plans/0003_rest.down.sql"] {
            desk.remove(file);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
