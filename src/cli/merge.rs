//! `forge merge`: joins the heads of branches.

use std::collections::BTreeSet;

use super::{Context, changes, draft::describe};
use crate::{
    catalog::Catalog,
    commands::{
        bench::{Whom, on_bench},
        draft::{self, New},
        revisions,
        target::scope,
    },
    diagnostic::{Code, Diagnostic, Exit, Result},
    drift::compare,
    history::{Filed, Journal, Reference, Revisions},
    plan::file::{PlanFile, revision_id},
    source::{Tree, load_order, warnings},
    workbench::{Comparison, Wish, Workbench},
};

/// Join the heads of branches
///
/// The branches are applied on a shadow server in every order in which `forge apply` can meet them: from each of their revisions
/// on. `apply` must refuse none of their plans, and all orders must lead to the same state; otherwise merge is refused and shows
/// the objects. Where schema/ declares another state, the plan holds the steps that lead there. While other heads are left,
/// schema/ declares their work too and is not compared.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The revisions to join; without any, all heads
    #[arg(value_name = "REVISION")]
    heads: Vec<Reference>,

    /// A revision to join, as Alembic spells it
    #[arg(short, long = "rev", value_name = "REVISION", conflicts_with = "heads")]
    revisions: Vec<Reference>,

    /// Say what is joined
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// The plan's revision: twelve hexadecimal digits
    #[arg(long, value_name = "REVISION", value_parser = revision_id)]
    rev_id: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    Box::pin(join(args, context)).await
}

/// Joins all heads.
pub(super) async fn all(
    message: Option<String>,
    rev_id: Option<String>,
    context: &Context<'_>,
) -> Result<Exit> {
    let args = Args {
        heads: Vec::new(),
        revisions: Vec::new(),
        message,
        rev_id,
    };
    Box::pin(join(&args, context)).await
}

async fn join(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let named: Vec<&Reference> = args.heads.iter().chain(&args.revisions).collect();
    let project = context.project()?;
    let revisions = Revisions::new(revisions::folder(&project)?, Journal::default())?;
    let heads = chosen(&revisions, &named)?;
    if heads.len() < 2 {
        context.reporter.note(match heads[..] {
            [] => "nothing to merge: there are no approved plans".to_owned(),
            [head, ..] => format!("nothing to merge: `{head}` is the only head"),
        });
        return Ok(Exit::Done);
    }
    draft::may_replace_drafts(&revisions)?;
    let left: Vec<&str> = revisions
        .approved_heads()
        .into_iter()
        .filter(|head| !heads.contains(head))
        .collect();
    let own = &project.settings.project;
    let tree = Tree::read(&own.schema.value, &own.files)?;
    let statements = load_order(tree.parse()?);
    let orders = orders(&revisions, &heads);
    let whom = Whom::history(&orders[0].files, scope(&project)).expect("heads are plans");
    let (postgres, locale) = (whom.major, whom.locale.clone());
    let (base, proposal, to) = on_bench(&project, whom, async |bench, said| {
        let states = apply(bench, &revisions, &heads, &orders).await?;
        tell_conflicts(context, &orders, &states)?;
        let base = states.into_iter().next().expect("there is an order");
        if !left.is_empty() {
            let state = base.fingerprint();
            return Ok((state, None, state));
        }
        said.extend(warnings(&statements));
        let desired = bench.build(&statements).await?;
        let compared = bench
            .compare(&statements, &base, desired, Wish::default(), true, said)
            .await?;
        Ok(match compared {
            Comparison::Same(_) => {
                let state = base.fingerprint();
                (state, None, state)
            }
            Comparison::Different(proposal) => {
                let to = proposal.desired.fingerprint();
                (
                    base.fingerprint(),
                    Some((proposal.up, proposal.down, proposal.undo)),
                    to,
                )
            }
        })
    })
    .await?;
    let outcome = match &proposal {
        Some(_) => format!(
            "the branches don't come to what `{}` declares by themselves: the plan holds the steps that lead there; \
             review it",
            own.schema.value
        ),
        None if left.is_empty() => {
            "the branches come to what schema/ declares in every order".to_owned()
        }
        None => format!(
            "the branches come to the same state in every order; schema/ will be asked when `{}` is joined too",
            left.join("`, `")
        ),
    };
    let (up, down, undo) = proposal.unwrap_or_default();
    let new = New {
        message: Some(
            args.message
                .clone()
                .unwrap_or_else(|| format!("merge {}", heads.join(" and "))),
        ),
        parents: heads.iter().map(ToString::to_string).collect(),
        depends_on: Vec::new(),
        branch_labels: Vec::new(),
        only: Vec::new(),
        revision: args.rev_id.clone(),
        semver: None,
        postgres,
        locale,
        from: base,
        to,
        up,
        down,
        undo,
    };
    let draft = draft::write(&project, &revisions, new)?;
    describe(context, &draft);
    context.reporter.note(format_args!(
        "{outcome}; run `forge approve {}`",
        draft.revision
    ));
    Ok(Exit::Done)
}

/// The heads that are to be joined, in the graph's order.
fn chosen<'a>(revisions: &'a Revisions, named: &[&Reference]) -> Result<Vec<&'a str>> {
    if named.is_empty() {
        return Ok(revisions.approved_heads());
    }
    let mut wanted = BTreeSet::new();
    for reference in named {
        wanted.extend(revisions.walk().resolve(reference)?);
    }
    for one in &wanted {
        if let Some(filed) = revisions.folder.plans.get(*one) {
            filed.plan.check_frozen(&filed.path)?;
        }
        let before = revisions.graph.ancestors(one);
        if let Some(other) = wanted
            .iter()
            .find(|other| *other != one && before.contains(*other))
        {
            return Err(Diagnostic::error(
                Code::History,
                format!("`{one}` builds on `{other}` already"),
            )
            .help("there is nothing to join: name the heads, which `forge heads` lists"));
        }
    }
    let order = revisions.graph.order();
    Ok(order.filter(|revision| wanted.contains(revision)).collect())
}

/// An order in which the branches' plans can be applied.
struct Order<'a> {
    /// What it is called in messages.
    name: String,
    files: Vec<&'a PlanFile>,
}

/// The orders in which `apply` brings a database to the heads: the graph's own from the beginning, and from each revision on
/// that is not common to the heads, after what comes before it.
fn orders<'a>(revisions: &'a Revisions, heads: &[&'a str]) -> Vec<Order<'a>> {
    let graph = &revisions.graph;
    let branches: Vec<BTreeSet<&str>> = heads.iter().map(|head| graph.ancestors(head)).collect();
    let all: Vec<&str> = graph
        .order()
        .filter(|revision| branches.iter().any(|branch| branch.contains(revision)))
        .collect();
    let is_common = |revision: &str| branches.iter().all(|branch| branch.contains(revision));
    let files = |order: &[&str]| -> Vec<&'a PlanFile> {
        let filed = order
            .iter()
            .filter_map(|revision| revisions.folder.plans.get(*revision));
        filed.map(|Filed { plan, .. }| plan).collect()
    };
    let mut seen: Vec<Vec<&str>> = vec![all.clone()];
    let mut orders = vec![Order {
        name: "in the order of their making".to_owned(),
        files: files(&all),
    }];
    // The heads first: what differs between whole branches is told as such.
    let own = all.iter().copied().filter(|revision| !is_common(revision));
    let parts = own.filter(|revision| !heads.contains(revision));
    for first in heads.iter().copied().chain(parts) {
        let before = graph.ancestors(first);
        let (mut order, rest): (Vec<&str>, Vec<&str>) =
            all.iter().partition(|revision| before.contains(*revision));
        order.extend(rest);
        if !seen.contains(&order) {
            orders.push(Order {
                name: if heads.contains(&first) {
                    format!("with the branch of `{first}` first")
                } else {
                    format!("from `{first}` on")
                },
                files: files(&order),
            });
            seen.push(order);
        }
    }
    orders
}

/// What to do about branches that conflict.
const PLAN_AGAIN: &str = "plan one of them again on top of the other, before it is applied anywhere: delete its plan and its \
                          `.down.sql`, then `forge plan --from history --head REVISION` with the other one's head";

/// Applies the branches in each order.
async fn apply(
    bench: &Workbench,
    revisions: &Revisions,
    heads: &[&str],
    orders: &[Order<'_>],
) -> Result<Vec<Catalog>> {
    let mut states = Vec::new();
    for order in orders {
        let applied = Box::pin(bench.apply_in_order(&order.files))
            .await
            .map_err(|error| {
                let common = revisions.graph.told_in_common(heads);
                let error = error.note(format!("the branches are applied {}", order.name));
                common
                    .into_iter()
                    .fold(error, Diagnostic::note)
                    .help(PLAN_AGAIN)
            })?;
        states.push(applied);
    }
    Ok(states)
}

/// Shows where the orders lead to different states, with both definitions.
///
/// # Errors
/// [`Code::History`] if there is such a place.
fn tell_conflicts(context: &Context<'_>, orders: &[Order<'_>], states: &[Catalog]) -> Result<()> {
    let (base, first) = (&states[0], &orders[0]);
    let mut differing = BTreeSet::new();
    for (order, state) in orders.iter().zip(states).skip(1) {
        let groups = compare(base, state);
        let sections: Vec<String> = groups
            .iter()
            .map(|group| changes::section(context, group, &first.name, &order.name))
            .collect();
        if !sections.is_empty() {
            context.reporter.data(sections.concat().trim_end());
        }
        differing.extend(groups.into_iter().map(|group| group.object));
    }
    if differing.is_empty() {
        return Ok(());
    }
    let error = Diagnostic::error(
        Code::History,
        format!(
            "the branches conflict: {} {} with the order in which they are applied",
            revisions::counted(differing.len(), "object"),
            if differing.len() == 1 {
                "differs"
            } else {
                "differ"
            },
        ),
    );
    let named = differing.iter();
    Err(named
        .fold(error, |error, object| error.note(format!("`{object}`")))
        .help(PLAN_AGAIN))
}
