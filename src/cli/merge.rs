//! `forge merge`: joins the heads of branches.

use std::collections::BTreeSet;

use super::{
    Context,
    bench::{Whom, on_bench},
    changes,
    draft::{self, New},
    revisions,
    target::scope,
};
use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Exit, Result},
    drift::compare,
    history::{Filed, Journal, Reference, Revisions},
    plan::{
        Plan,
        file::{PlanFile, revision_id},
    },
    source::{Tree, load_order, warnings},
    workbench::{Comparison, Workbench},
};

/// Join the heads of branches
///
/// The branches are replayed in every order on a shadow server, and must come to the same state: that which schema/ declares.
/// Where they come to another, the plan holds the steps that lead there.
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
    join(args, context).await
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
    join(&args, context).await
}

async fn join(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let named: Vec<&Reference> = args.heads.iter().chain(&args.revisions).collect();
    let settings = context.settings()?;
    let revisions = Revisions::new(revisions::folder(&settings)?, Journal::default())?;
    let heads = chosen(&revisions, &named)?;
    if heads.len() < 2 {
        context.reporter.note(match heads[..] {
            [] => "nothing to merge: there are no approved plans".to_owned(),
            [head, ..] => format!("nothing to merge: `{head}` is the only head"),
        });
        return Ok(Exit::Done);
    }
    draft::may_replace_drafts(&revisions)?;
    let project = &settings.project;
    let tree = Tree::read(&project.schema.value, &project.root)?;
    let statements = load_order(tree.parse()?);
    let orders = orders(&revisions, &heads);
    let whom = Whom::history(&orders[0].files, scope(&settings)).expect("heads are plans");
    let postgres = whom.major;
    let (base, proposal, to) = on_bench(context, &settings, whom, async |bench, said| {
        let states = replay(bench, &orders).await?;
        tell_conflicts(context, &orders, &states);
        said.extend(warnings(&statements));
        let desired = bench.build(&statements).await?;
        let base = states.into_iter().next().expect("there is an order");
        let compared = bench
            .compare(&statements, &base, desired, &[], true, said)
            .await?;
        Ok(match compared {
            Comparison::Same(_) => {
                let state = base.fingerprint();
                (state, None, state)
            }
            Comparison::Different(proposal) => {
                let to = proposal.desired.fingerprint();
                (base.fingerprint(), Some((proposal.up, proposal.down)), to)
            }
        })
    })
    .await?;
    let reconciles = proposal.is_some();
    let (up, down) = proposal.unwrap_or((Plan::default(), Plan::default()));
    let new = New {
        message: Some(
            args.message
                .clone()
                .unwrap_or_else(|| format!("merge {}", heads.join(" and "))),
        ),
        parents: heads.iter().map(ToString::to_string).collect(),
        depends_on: Vec::new(),
        branch_labels: Vec::new(),
        revision: args.rev_id.clone(),
        semver: None,
        postgres,
        from: base,
        to,
        up,
        down,
    };
    let file = draft::write(context, &settings, &revisions, new)?;
    context.reporter.note(if reconciles {
        format!(
            "the branches don't come to what `{}` declares by themselves: the plan holds the steps that lead there; \
             review it, then run `forge approve {}`",
            project.schema.value, file.header.revision
        )
    } else {
        format!(
            "the branches come to what schema/ declares in every order; run `forge approve {}`",
            file.header.revision
        )
    });
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

/// The graph's own order, in which forge applies them, and each branch before the others.
fn orders<'a>(revisions: &'a Revisions, heads: &[&str]) -> Vec<Order<'a>> {
    let wanted: BTreeSet<&str> = heads
        .iter()
        .flat_map(|head| revisions.graph.ancestors(head))
        .collect();
    let all = || {
        revisions
            .graph
            .order()
            .filter(|revision| wanted.contains(revision))
    };
    let files = |order: &[&str]| -> Vec<&'a PlanFile> {
        let filed = order
            .iter()
            .filter_map(|revision| revisions.folder.plans.get(*revision));
        filed.map(|Filed { plan, .. }| plan).collect()
    };
    let mut seen: Vec<Vec<&str>> = vec![all().collect()];
    let mut orders = vec![Order {
        name: "in the order of their making".to_owned(),
        files: files(&seen[0]),
    }];
    for head in heads {
        let first = revisions.graph.ancestors(head);
        let mut order: Vec<&str> = all().filter(|revision| first.contains(revision)).collect();
        order.extend(all().filter(|revision| !first.contains(revision)));
        if !seen.contains(&order) {
            orders.push(Order {
                name: format!("with the branch of `{head}` first"),
                files: files(&order),
            });
            seen.push(order);
        }
    }
    orders
}

async fn replay(bench: &Workbench, orders: &[Order<'_>]) -> Result<Vec<Catalog>> {
    let mut states = Vec::new();
    for order in orders {
        let replayed = bench.replay(&order.files).await.map_err(|error| {
            error
                .note(format!("the branches are replayed {}", order.name))
                .help("the branches conflict: plan one of them again on top of the other, before it is applied anywhere")
        })?;
        states.push(replayed.catalog);
    }
    Ok(states)
}

/// Says where the orders come to different states, with both definitions.
fn tell_conflicts(context: &Context<'_>, orders: &[Order<'_>], states: &[Catalog]) {
    let (base, first) = (&states[0], &orders[0]);
    for (order, state) in orders.iter().zip(states).skip(1) {
        let groups = compare(base, state);
        if groups.is_empty() {
            continue;
        }
        let sections: Vec<String> = groups
            .iter()
            .map(|group| changes::section(context, group, &first.name, &order.name))
            .collect();
        context.reporter.data(sections.concat().trim_end());
        context.reporter.warn(format_args!(
            "the branches conflict: {} differ with the order in which they are applied; the plan leads from the state that \
             they come to {}, and is refused where they were applied otherwise",
            revisions::counted(groups.len(), "object"),
            first.name
        ));
    }
}
