//! Whether the target is what a plan was made for.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Result},
    kinds::{Action, ObjectId, Step},
    plan::file::PlanFile,
};

/// Checks that everything the plan touches is as it was when the plan was made, and that what it creates isn't there.
///
/// # Errors
/// [`Code::TargetChanged`] with every object that is otherwise.
pub fn check(path: &Utf8Path, plan: &PlanFile, live: &Catalog) -> Result<()> {
    let wrong = differences(plan, live);
    if wrong.is_empty() {
        return Ok(());
    }
    let diagnostic = Diagnostic::error(
        Code::TargetChanged,
        format!("the database is not what `{path}` was made for; nothing was changed"),
    );
    Err(wrong
        .into_iter()
        .fold(diagnostic, Diagnostic::note)
        .help("`forge drift` shows what changed; plan again from the database as it is"))
}

fn differences(plan: &PlanFile, live: &Catalog) -> Vec<String> {
    let families = live.families();
    let mut wrong = Vec::new();
    let mut known: BTreeSet<&ObjectId> = BTreeSet::new();
    for step in plan.plan.steps() {
        for (id, state) in &step.expects {
            if !known.insert(id) {
                continue;
            }
            match families.state(step.action, id) {
                None => wrong.push(format!("`{id}` is gone")),
                Some(found) if found != *state => {
                    wrong.push(format!("`{id}` is not as it was"));
                }
                Some(_) => {}
            }
        }
        if step.action == Action::Create
            && known.insert(&step.object)
            && live.contains(&step.object)
        {
            wrong.push(format!("`{}` is there already", step.object));
        }
    }
    wrong
}

/// Whether a step outside of any transaction, whose beginning is all that is known of it, came to its end.
pub(super) fn came_to_its_end(step: &Step, live: &Catalog) -> bool {
    let expected = step.expects.iter().find(|(id, _)| *id == step.object);
    let unchanged = expected.map(|(id, state)| {
        let found = live.families().state(step.action, id);
        found.is_some_and(|found| found == *state)
    });
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
        kinds::{Kind, Object, schema::Schema},
        plan::{
            Batch, Plan,
            file::{Header, Semver},
        },
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
    fn what_a_plan_expects() {
        fn check(steps: Vec<Step>, expected: &[&str]) {
            let plan = PlanFile {
                header: Header {
                    revision: "0".repeat(12),
                    down_revision: Vec::new(),
                    depends_on: Vec::new(),
                    branch_labels: Vec::new(),
                    only: Vec::new(),
                    message: String::new(),
                    author: String::new(),
                    created: String::new(),
                    postgres: 15,
                    from: Fingerprint::default(),
                    to: Fingerprint::default(),
                    semver: Semver::default(),
                    proved: None,
                    approval: None,
                },
                plan: Plan {
                    batches: vec![Batch {
                        transactional: true,
                        steps,
                    }],
                },
            };
            assert_eq!(differences(&plan, &live()), expected);
        }
        let (there, gone) = (id("there"), id("gone"));
        check(vec![Step::create(&gone, "")], &[]);
        check(
            vec![Step::create(&there, "")],
            &["`schema there` is there already"],
        );
        check(vec![expecting(Step::drop(&there, ""), &as_it_is())], &[]);
        check(
            vec![expecting(Step::alter(&there, ""), "0123456789ab")],
            &["`schema there` is not as it was"],
        );
        check(
            vec![expecting(Step::drop(&gone, ""), "0123456789ab")],
            &["`schema gone` is gone"],
        );
        // Replaced: it is expected, then it goes, then it comes.
        check(
            vec![
                expecting(Step::drop(&there, ""), &as_it_is()),
                Step::create(&there, ""),
            ],
            &[],
        );
        // Two steps on one new object.
        check(vec![Step::create(&gone, ""), Step::create(&gone, "")], &[]);
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
