//! Changes of a column in place that lean on each other: type, collation, `NOT NULL`, identity, expression.

use super::{
    cast, filling,
    model::{Column, Identity},
    not_null::{allow_null, change_not_null},
    statement::alter_column,
};
use crate::{
    kinds::{
        Action, Change, HazardKind, ObjectKind as _, Reaction, Step,
        casting::Cast,
        counting,
        filling::{fill, waiting},
    },
    sql::Clauses,
};

/// Whether the parent's own change, which goes down to this column, already leads where it shall.
pub(super) fn handed_down<T: PartialEq>(
    change: &Change<'_, Column>,
    attribute: fn(&Column) -> &T,
) -> bool {
    let Some(parent) = change.desired.inherited_from_ref.as_ref() else {
        return false;
    };
    if change.live.inherited_from_ref.as_ref() != Some(parent) {
        return false; // It has yet to join the parent.
    }
    let both = (change.cx.live(parent)).zip(change.cx.desired(parent));
    both.is_some_and(|(live, desired): (&Column, &Column)| {
        attribute(live) != attribute(desired) && attribute(desired) == attribute(change.desired)
    })
}

/// Type, collation, NOT NULL and identity lean on each other, so that their order is settled in one place.
pub(super) fn reshape(change: &Change<'_, Column>) -> Reaction {
    let Change {
        live,
        desired,
        id,
        cx,
    } = change;
    let mut steps = Vec::new();
    if live.identity.is_some() && desired.identity.is_none() {
        let drop = alter_column(id, "DROP IDENTITY").because("drop the identity");
        steps.push(match &live.identity {
            Some(identity) if !cx.world.has_successor(id) => counting::forgets(drop, &identity.sequence_name()),
            Some(_) | None => drop,
        });
    }
    let retyped = (&live.type_name, &live.collation) != (&desired.type_name, &desired.collation);
    if retyped && !handed_down(change, |column| &column.type_name) {
        match set_type(change) {
            Some(step) => steps.push(step),
            None => return Reaction::Replace,
        }
    }
    let refuses = |column: &Column| !column.facts().takes_null;
    if handed_down(change, |column| &column.not_null) {
        // The parent's change leads here.
    } else if refuses(live) && !refuses(desired) {
        steps.push(allow_null(id, cx));
    } else if !refuses(live) && refuses(desired) {
        if let Some(fill) = fill(id, cx) {
            steps.extend(desired.fill_and_refuse(id, fill, cx));
        } else if retyped || filling::is_held(id, cx) {
            // Nobody gets in anyway, and what had to make way for the new type shall be back soon.
            steps.push(desired.set_not_null_at_once(id, cx));
        } else {
            steps.extend(desired.set_not_null(id, cx));
        }
    } else if !handed_down(change, |column| &column.not_null_constraint) {
        steps.extend(change_not_null(change));
    }
    match (&live.identity, &desired.identity) {
        (None, Some(identity)) => steps.extend(identity.add_to(id, cx)),
        (Some(live_identity), Some(identity)) => {
            let before = if retyped {
                live_identity.retyped(identity)
            } else {
                live_identity.clone()
            };
            let limits = |identity: &Identity| (identity.minimum, identity.maximum);
            steps.extend(before.alter(identity).into_iter().map(|action| {
                let mut step = alter_column(id, &action);
                let name = before.sequence_name();
                let move_on = counting::move_into(
                    &name,
                    identity.increment,
                    limits(&before),
                    limits(identity),
                );
                step.sql.splice(0..0, move_on);
                if counting::begin_anew(limits(&before), limits(identity), identity.start).is_some() {
                    step = counting::forgets(step, &name);
                }
                step
            }));
            if before.sequence != identity.sequence {
                steps.push(before.rename_sequence(id, identity, Action::Alter));
            }
        }
        (_, None) => {}
    }
    if retyped {
        Reaction::Dislodge(steps)
    } else {
        Reaction::Alter(steps)
    }
}

/// `None` where no cast leads from the old type to the new one.
fn set_type(change: &Change<'_, Column>) -> Option<Step> {
    let Change {
        live,
        desired,
        id,
        cx,
    } = change;
    let mut action = Clauses::new(format!("TYPE {}", desired.type_name));
    if let Some(collation) = &desired.collation {
        action.push(format_args!(" COLLATE {collation}"));
    }
    let values = cx.world.values(id);
    let using = values.and_then(|values| values.using.as_deref());
    let cast = match using {
        Some(_) => Cast::Explicit,
        None => cast::between(live, desired, id, cx)?,
    };
    let cast_by = || cast::explicit(cast, live, desired, id, cx);
    if let Some(expression) = using.map(str::to_owned).or_else(cast_by) {
        action.push(format_args!(" USING {expression}"));
    }
    let mut step =
        alter_column(id, &String::from(action)).because(format!("from {}", live.type_name));
    if cast != Cast::Free {
        step = step
            .hazard(
                HazardKind::Rewrites,
                format!("{} is written anew", id.container()),
            )
            .hazard(HazardKind::BlocksReads, "for as long as that takes")
            .hazard(
                HazardKind::MayFail,
                "a value that doesn't fit the new type stops it",
            );
    }
    if using.is_some() {
        step = waiting(step, values);
    }
    Some(cast::tell_loss(step, live, desired, id, cx))
}

pub(super) fn set_generated(change: &Change<'_, Column>) -> Reaction {
    let Change {
        live,
        desired,
        id,
        cx,
    } = change;
    match (&live.generated, &desired.generated) {
        _ if handed_down(change, |column| &column.generated) => Reaction::Alter(Vec::new()),
        (Some(live), None) if live.stored => Reaction::Alter(vec![
            alter_column(id, "DROP EXPRESSION").because("keep the values, compute no more"),
        ]),
        // SET EXPRESSION came with PostgreSQL 17.
        (Some(live), Some(desired))
            if live.stored == desired.stored && cx.server_version >= 170_000 =>
        {
            let step = alter_column(id, &format!("SET EXPRESSION AS ({})", desired.expression))
                .because("change its expression");
            Reaction::Dislodge(vec![if desired.stored {
                step.hazard(
                    HazardKind::Rewrites,
                    format!("{} is written anew", id.container()),
                )
                .hazard(HazardKind::BlocksReads, "for as long as that takes")
            } else {
                step
            }])
        }
        _ => Reaction::Replace,
    }
}
