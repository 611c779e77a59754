//! What could keep the pending plans from going through, looked at before they run.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ahead::Ahead,
    facts::{self, Surroundings, Touched, about, bytes},
    line::Line,
    verify,
};
use crate::{
    apply::{self, InTheWay, Looked, Remaining, look_for_rows},
    connection::{pooling::Pooling, session::Session},
    diagnostic::{Code, Result},
    history::{self, Filed, Standing},
    kinds::{Action, HazardKind, Kind, Step},
    plan::{estimate, held, outlook},
};

/// Looks at everything that decides whether an apply would go through now.
///
/// # Errors
/// If the server can't be asked.
pub async fn preflight(session: &Session, ahead: &Ahead<'_>) -> Result<Vec<Line>> {
    let steps: Vec<&Step> = ahead
        .plans
        .iter()
        .flat_map(|filed| filed.plan.plan.steps())
        .collect();
    let relations = facts::relations(steps.iter().copied());
    let extensions: BTreeSet<&str> = steps
        .iter()
        .filter(|step| step.action == Action::Create && step.object.kind == Kind::Extension)
        .map(|step| step.object.name().as_str())
        .collect();
    let relations: Vec<&str> = relations.into_iter().collect();
    let extensions: Vec<&str> = extensions.into_iter().collect();
    let around = facts::surroundings(session, &relations, &extensions).await?;
    let (journal, live) = (&ahead.revisions.journal, ahead.live);
    let is_as_left = history::is_as_left(session, ahead.scope, journal, live).await?;
    let mut lines = vec![
        server(session, ahead).await?,
        lock(session).await?,
        verify::bodies(session, ahead.revisions).await?,
        verify::finished(ahead.revisions),
        plans(ahead),
        approvals(ahead),
        target(ahead),
        verify::as_left(ahead.revisions, is_as_left),
        super::rights::line(session, ahead).await?,
        Line::of(
            "extensions",
            around
                .missing_extensions
                .iter()
                .map(|name| format!("`{name}` is not to be had on this server"))
                .collect(),
            "all that the plans create are to be had",
        ),
        Line::of(
            "transactions",
            around.waiting_for.clone(),
            "none is older than 60 s, and no vacuum to prevent wraparound runs on what the plans change",
        ),
        leftovers(session, &relations).await?,
        replication(&around),
        sizes(&steps, &around),
        duration(ahead, &around),
        application(ahead),
    ];
    lines.push(data(session, ahead).await);
    Ok(lines)
}

async fn server(session: &Session, ahead: &Ahead<'_>) -> Result<Line> {
    let server = facts::server(session).await?;
    let mut wrong = Vec::new();
    if server.standby {
        wrong.push("it is a standby, on which nothing can be changed".to_owned());
    }
    let majors: BTreeSet<u32> = ahead
        .plans
        .iter()
        .map(|filed| filed.plan.header.postgres)
        .filter(|major| *major != session.major())
        .collect();
    for major in majors {
        wrong.push(format!(
            "plans were made for PostgreSQL {major}, this is PostgreSQL {}",
            server.version
        ));
    }
    let way = match session.pooling() {
        Pooling::Direct => "without a pooler",
        Pooling::Session => "through a pooler that keeps its process",
        Pooling::Transaction | Pooling::Statement => {
            wrong.push(format!(
                "a connection pooler stands between: {}",
                session.pooling().words()
            ));
            "through a pooler"
        }
    };
    let found = format!(
        "PostgreSQL {}, a primary, reached {way}, database of {}",
        server.version, server.size
    );
    Ok(Line::of("server", wrong, &found))
}

/// Whether another forge works there. The lock that is tried ends with this session.
async fn lock(session: &Session) -> Result<Line> {
    match apply::acquire_shared(session).await {
        Ok(()) => Ok(Line::good("lock", "free")),
        Err(error) if error.code() == Code::Busy => Ok(Line::failed("lock", &error)),
        Err(error) => Err(error),
    }
}

fn plans(ahead: &Ahead<'_>) -> Line {
    let mut wrong: Vec<String> = ahead
        .held
        .iter()
        .map(|revision| format!("{revision} is not approved, or builds on one that isn't"))
        .collect();
    for (filed, down) in ahead.plans.iter().zip(ahead.downs) {
        if let Err(error) = history::check_approved(filed, down.as_ref(), ahead.signers) {
            wrong.push(error.message().to_owned());
        }
    }
    let pending: Vec<&str> = ahead.plans.iter().map(Filed::revision).collect();
    let pending = if pending.is_empty() {
        "none is pending".to_owned()
    } else {
        format!("pending, approved and unedited: {}", pending.join(", "))
    };
    Line::of("plans", wrong, &pending)
}

/// Whether somebody has taken responsibility for each hazard that needs it.
fn approvals(ahead: &Ahead<'_>) -> Line {
    let (mut wrong, mut covered) = (Vec::new(), 0);
    let journal = &ahead.revisions.journal;
    for (filed, coverage) in history::coverages(ahead.plans, ahead.live, journal) {
        covered += coverage.covered;
        let missing = coverage.missing.into_iter();
        wrong.extend(
            missing.map(|(wanted, _)| format!("{}: nobody has allowed {wanted}", filed.revision())),
        );
    }
    let found = match covered {
        0 => "no hazard needs one".to_owned(),
        count => format!("hazards that need one and have it: {count}"),
    };
    Line::of("approvals", wrong, &found)
}

/// Whether what the first plan changes is as it expects. Those that follow build on its result.
fn target(ahead: &Ahead<'_>) -> Line {
    let Some(first) = ahead.plans.first() else {
        return Line::good("target", "nothing is to be changed");
    };
    if ahead.revisions.journal.standing(first.revision()) != Standing::Absent {
        return Line::good(
            "target",
            "the first plan is begun, and goes on where it stands",
        );
    }
    match apply::check(&first.path, &first.plan, ahead.live) {
        Ok(()) => Line::good(
            "target",
            format!("what {} changes is as it expects", first.revision()),
        ),
        Err(error) => Line::failed("target", &error),
    }
}

async fn leftovers(session: &Session, relations: &[&str]) -> Result<Line> {
    let found = facts::leftovers(session).await?;
    let (here, elsewhere): (Vec<_>, Vec<_>) = found.iter().partition(|leftover| {
        let relation = leftover.relation.as_deref();
        relation.is_none_or(|relation| relations.contains(&relation))
    });
    let here = here
        .iter()
        .map(|leftover| format!("{}: {}", leftover.what, leftover.name));
    let otherwise = match elsewhere.len() {
        0 => "none".to_owned(),
        count => format!("none on what is changed; {count} elsewhere, which `forge doctor` lists"),
    };
    Ok(Line::of("leftovers", here.collect(), &otherwise))
}

fn replication(around: &Surroundings) -> Line {
    let words = |late: bool| {
        let some = around.followers.iter().filter(move |(_, is)| *is == late);
        some.map(|(what, _)| what.clone())
    };
    let behind: Vec<String> = words(true).collect();
    let others: Vec<String> = words(false).collect();
    let otherwise = if others.is_empty() {
        "nobody follows this server".to_owned()
    } else {
        others.join("; ")
    };
    Line::of("replication", behind, &otherwise)
}

/// How much is locked, and how much disk the rewrites need. How much there is, the server doesn't tell.
fn sizes(steps: &[&Step], around: &Surroundings) -> Line {
    let sizes: BTreeMap<&str, &Touched> = around
        .touched
        .iter()
        .map(|touched| (touched.name.as_str(), touched))
        .collect();
    let mut evidence: Vec<String> = around
        .touched
        .iter()
        .map(|touched| {
            format!(
                "{}: {} and {} of indexes, about {} rows",
                touched.name,
                bytes(touched.size.heap),
                bytes(touched.size.indexes),
                touched.size.rows
            )
        })
        .collect();
    let rewritten: BTreeSet<&str> = steps
        .iter()
        .filter(|step| {
            let mut hazards = step.hazards.iter();
            hazards.any(|hazard| hazard.kind == HazardKind::Rewrites)
        })
        .flat_map(|step| facts::relations(std::iter::once(*step)))
        .collect();
    let needed: i64 = rewritten
        .iter()
        .filter_map(|name| sizes.get(name))
        .map(|touched| touched.size.heap + touched.size.indexes)
        .sum();
    if needed > 0 {
        let names: Vec<&str> = rewritten.into_iter().collect();
        evidence.push(format!(
            "rewriting {} needs up to {} of free disk, and as much WAL",
            names.join(", "),
            bytes(needed)
        ));
    }
    if evidence.is_empty() {
        evidence.push("no table that is there is locked".to_owned());
    }
    Line {
        evidence,
        ..Line::good("sizes", "")
    }
}

/// How long it takes about, and what others wait for meanwhile.
fn duration(ahead: &Ahead<'_>, around: &Surroundings) -> Line {
    let sizes = around.sizes();
    let plans = || ahead.plans.iter().map(|filed| &filed.plan.plan);
    let total = plans()
        .flat_map(|plan| estimate(plan, &sizes))
        .map(|estimate| estimate.time)
        .sum();
    let mut evidence = vec![format!(
        "{} in all; `forge estimate` shows it step by step",
        about(total)
    )];
    evidence.extend(plans().flat_map(|plan| held(plan, &sizes)).map(|held| {
        format!(
            "{} on {} for {}: {}",
            held.lock,
            held.relation,
            about(held.time),
            held.lock.effect()
        )
    }));
    Line {
        evidence,
        ..Line::good("duration", "")
    }
}

/// Whether the application can keep running. What it still uses, forge can't see.
fn application(ahead: &Ahead<'_>) -> Line {
    let outlooks = ahead.plans.iter().map(|filed| outlook(&filed.plan.plan));
    let noticed: Vec<String> = outlooks
        .filter(|outlook| !outlook.is_online())
        .flat_map(|outlook| outlook.lines())
        .collect();
    if noticed.is_empty() {
        Line::good("application", "online: it can keep running")
    } else {
        Line::unknown("application", noticed)
    }
}

/// Looks for rows that would make a step fail.
async fn data(session: &Session, ahead: &Ahead<'_>) -> Line {
    let journal = &ahead.revisions.journal;
    let done = ahead.plans.iter();
    let done: Vec<BTreeSet<usize>> = done.map(|filed| journal.done(filed.revision())).collect();
    let plans = ahead.plans.iter().map(|filed| &filed.plan.plan);
    let remaining = plans
        .zip(&done)
        .map(|(plan, done)| Remaining { plan, done });
    let Looked {
        in_the_way,
        skipped,
        clear,
    } = look_for_rows(session, ahead.live, remaining).await;
    if !in_the_way.is_empty() {
        let wrong = in_the_way.iter().flat_map(InTheWay::notes);
        return Line::bad("data", wrong.chain(skipped).collect());
    }
    if !skipped.is_empty() {
        return Line::unknown("data", skipped);
    }
    Line::good(
        "data",
        match clear {
            0 => "no step depends on rows that are there".to_owned(),
            1 => "no row is in the way of the one check of rows".to_owned(),
            _ => format!("no row is in the way of {clear} checks of rows"),
        },
    )
}
