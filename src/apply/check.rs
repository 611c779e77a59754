//! Whether the target is what a plan was made for.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::{
    catalog::{Catalog, Families},
    diagnostic::{Code, Diagnostic, Result},
    kinds::{Action, Step},
    plan::{Misfit, Plan, Why, file::PlanFile, misfits},
};

/// Checks that everything the plan touches is as it was when the plan was made, and that what it creates isn't there.
///
/// # Errors
/// [`Code::TargetChanged`] with every object that is otherwise, or that others need which the plan drops.
pub fn check(path: &Utf8Path, plan: &PlanFile, live: &Catalog) -> Result<()> {
    refuse_misfits(path, &misfits(&plan.plan, live))
}

/// Refuses a plan for a database with objects that are not what it expects, if there are any.
pub(super) fn refuse_misfits(path: &Utf8Path, wrong: &[Misfit]) -> Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    let diagnostic = Diagnostic::error(
        Code::TargetChanged,
        format!("the database is not what `{path}` was made for; nothing was changed"),
    );
    Err(wrong
        .iter()
        .fold(diagnostic, |error, misfit| error.note(misfit.to_string()))
        .help("`forge drift` shows what changed; plan again from the database as it is"))
}

/// Checks that the tables that the steps which are left are spread over have the partitions that they had when the plan was
/// made. The others are compared by what the steps have left.
///
/// # Errors
/// [`Code::TargetChanged`] with the tables that have others.
pub(super) fn check_partitions(
    path: &Utf8Path,
    plan: &Plan,
    done: &BTreeSet<usize>,
    live: &Catalog,
) -> Result<()> {
    let families = live.families();
    let numbered = || (1..).zip(plan.steps());
    let is_done = |(number, _): &(usize, &Step)| done.contains(number);
    let mut wrong = BTreeSet::new();
    for (_, step) in numbered().filter(|it| !is_done(it)) {
        for (table, state) in &step.expects {
            // Which table's partition it was that the plan has dropped itself can't be told any more.
            let mut gone = numbered().filter(is_done).map(|(_, step)| step);
            let may_be_own =
                gone.any(|it| it.action == Action::Drop && it.object.kind == table.kind);
            let is_other = Families::is_of_partitions(state)
                && families.is_as(step.action, table, state) == Some(false);
            if is_other && !may_be_own {
                wrong.insert(table);
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let error = Diagnostic::error(
        Code::Partial,
        format!("the steps of `{path}` that are left do not suit the database"),
    );
    let misfits = wrong.into_iter().map(|table| Misfit {
        object: table.clone(),
        why: Why::Partitions,
    });
    Err(misfits
        .fold(error, |error, misfit| error.note(misfit.to_string()))
        .help("`forge apply --abort` undoes what stands; a plan that is made then knows them"))
}

/// Whether a step outside of any transaction, whose beginning is all that is known of it, came to its end.
pub(super) fn came_to_its_end(step: &Step, live: &Catalog) -> bool {
    let expected = step.expects.iter().find(|(id, _)| *id == step.object);
    let unchanged =
        expected.map(|(id, state)| live.families().is_as(step.action, id, state) == Some(true));
    match step.action {
        Action::Create => unchanged != Some(true) && live.contains(&step.object),
        Action::Drop => !live.contains(&step.object),
        // Only a change of something known can be told from no change.
        Action::Alter | Action::Rename | Action::Data => unchanged == Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Fingerprint,
        kinds::{Kind, Object, ObjectId, schema::Schema},
        sql::Ident,
    };

    fn id(name: &str) -> ObjectId {
        ObjectId::new(Kind::Schema, [name])
    }

    fn live() -> Catalog {
        let mut live = Catalog::empty(150_000, Ident::new("owner"));
        live.insert(id("there"), Object::Schema(Schema {}), None);
        live
    }

    fn expecting(mut step: Step, state: &str) -> Step {
        step.expects.push((step.object.clone(), state.to_owned()));
        step
    }

    fn as_it_is() -> String {
        Fingerprint::of(&id("there"), &Object::Schema(Schema {})).short()
    }

    #[test]
    fn interrupted_steps() {
        fn check(step: &Step, expected: bool) {
            assert_eq!(came_to_its_end(step, &live()), expected, "{step:?}");
        }
        check(&Step::create(&id("there"), ""), true);
        check(&Step::create(&id("gone"), ""), false);
        check(&Step::drop(&id("there"), ""), false);
        check(&Step::drop(&id("gone"), ""), true);
        check(&Step::alter(&id("there"), ""), false);
        check(
            &expecting(Step::alter(&id("there"), ""), &as_it_is()),
            false,
        );
        check(
            &expecting(Step::alter(&id("there"), ""), "0123456789ab"),
            true,
        );
    }
}
