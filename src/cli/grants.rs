//! `forge grants`: the least privileges that a role needs, as SQL.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::Context;
use crate::{
    commands::target::OpenTarget,
    diagnostic::{Exit, Result},
    sql::{Ident, comment},
};

/// Print the GRANTs that a role needs to apply, to plan or to look for drift
///
/// The statements are for this database as it is: its schemas and the owners of what stands in them. They grant as little as
/// possible on objects, which the schema tree declares: the role that applies gets the owners' rights. Run them with psql as a
/// role that may grant this, a superuser or the owners' administrator, and again when an owner is new. Nothing is changed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Grant to this role, which has to exist
    #[arg(long, value_name = "ROLE")]
    role: String,

    /// What the role does
    #[arg(long = "for", value_enum, value_name = "PURPOSE")]
    purpose: Purpose,
}

/// What a role does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Purpose {
    /// `apply`, `downgrade`, `stamp`, `repair`, `preflight`; also all of the others.
    Apply,
    /// `plan`, `status`, `history`: reads the catalog and the history.
    Plan,
    /// `drift`, `verify`: reads the catalog and the history.
    Drift,
}

/// What the privileges are about.
#[derive(Default)]
struct Scene {
    database: String,
    /// The schemas with their owners.
    schemas: BTreeMap<String, String>,
    /// The owners of all that is managed.
    owners: BTreeSet<String>,
    /// Those in which something stands.
    filled: BTreeSet<String>,
    superusers: BTreeSet<String>,
    /// The owner of the schema of the history, if it is there.
    history: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let target = OpenTarget::open_to_read(&project, "grants").await?;
    let scene = look(&target).await;
    let major = target.session.major();
    target.close().await;
    let role = Ident::new(args.role.as_str());
    context
        .reporter
        .sql(&statements(&scene?, &role, args.purpose, major));
    Ok(Exit::Done)
}

async fn look(target: &OpenTarget<'_>) -> Result<Scene> {
    let answers = target
        .session
        .snapshot(&[include_str!("grants.sql")])
        .await?;
    let mut scene = Scene::default();
    for row in answers.iter().flatten() {
        let (what, name): (String, String) = (row.get("what"), row.get("name"));
        let owner: Option<String> = row.get("owner");
        let owner = owner.unwrap_or_default();
        match what.as_str() {
            "database" => scene.database = name,
            "history" => scene.history = Some(owner),
            "superuser" => {
                scene.superusers.insert(name);
            }
            _ if !target.scope.holds_schema(&name) => {}
            "schema" => {
                if name != "public" {
                    scene.owners.insert(owner.clone());
                }
                scene.schemas.insert(name, owner);
            }
            _ => {
                scene.filled.insert(name);
                scene.owners.insert(owner);
            }
        }
    }
    Ok(scene)
}

fn statements(scene: &Scene, role: &Ident, purpose: Purpose, major: u32) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("writing to a String can't fail");
    let database = Ident::new(scene.database.as_str());
    match purpose {
        Purpose::Apply => {
            line("-- New schemas, and the schema `forge` of the history, need CREATE on the database.".to_owned());
            line(format!(
                "GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {database} TO {role};"
            ));
            let foreign = scene.schemas.iter().filter(|(schema, owner)| {
                scene.superusers.contains(*owner)
                    || (*schema == "public" && scene.filled.contains(*schema))
            });
            for (schema, _) in foreign {
                let schema = Ident::new(schema.as_str());
                line(
                    "-- Declare this in the schema tree, too: a plan of another role revokes what the tree does not grant."
                        .to_owned(),
                );
                line(format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};"));
            }
            if scene
                .history
                .as_deref()
                .is_some_and(|owner| owner != role.as_str())
            {
                line("-- The history is written by each apply.".to_owned());
                line(format!("GRANT USAGE, CREATE ON SCHEMA forge TO {role};"));
                line(format!(
                    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA forge TO {role};"
                ));
                line(format!(
                    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA forge TO {role};"
                ));
            }
            line(
                "-- Objects are changed, and created in their schemas, with the owners' rights."
                    .to_owned(),
            );
            let history = scene.history.iter();
            let owners: BTreeSet<&String> = scene.owners.iter().chain(history).collect();
            for owner in owners.into_iter().filter(|owner| *owner != role.as_str()) {
                line(if scene.superusers.contains(owner) {
                    let owner = Ident::new(owner.as_str());
                    comment(format_args!(
                        "{owner} is a superuser, and its members would be as mighty. What it owns can be changed only once it \
                         belongs to another role: REASSIGN OWNED BY does that, or ALTER … OWNER TO."
                    ))
                } else {
                    membership(owner, role, major)
                });
            }
            line("-- forge names the sessions that keep it waiting.".to_owned());
            line(membership("pg_read_all_stats", role, major));
        }
        Purpose::Plan | Purpose::Drift => {
            line(format!("GRANT CONNECT ON DATABASE {database} TO {role};"));
            line("-- The catalog is readable for everyone; the history is not.".to_owned());
            match &scene.history {
                None => line(
                    "-- The schema `forge` of the history is not there yet: run `forge ensure-history` as the role that applies, then \
                     `forge grants` again."
                        .to_owned(),
                ),
                Some(owner) => {
                    let owner = Ident::new(owner.as_str());
                    line(format!("GRANT USAGE ON SCHEMA forge TO {role};"));
                    line(format!("GRANT SELECT ON ALL TABLES IN SCHEMA forge TO {role};"));
                    line("-- Tables that later versions of forge add:".to_owned());
                    line(format!(
                        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA forge GRANT SELECT ON TABLES TO {role};"
                    ));
                }
            }
        }
    }
    text
}

/// From 16 on, membership comes with options.
fn membership(owner: &str, role: &Ident, major: u32) -> String {
    let options = if major >= 16 {
        " WITH INHERIT TRUE, SET TRUE"
    } else {
        ""
    };
    format!("GRANT {} TO {role}{options};", Ident::new(owner))
}
