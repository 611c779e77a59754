//! The order of the renames of one round: a name is given up before another takes it.

use super::names::Named;
use crate::{
    catalog::Catalog,
    kinds::{Claim, ObjectId},
    sql::Ident,
};

/// One rename on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    /// The name that it has when the round begins.
    pub(super) begins: Named,
    /// The name that it has when the move begins.
    pub(super) from: Named,
    /// The name that it gets.
    pub(super) to: Named,
}

impl Move {
    pub(super) fn new(from: Named, to: Named) -> Self {
        Self {
            begins: from.clone(),
            from,
            to,
        }
    }

    /// Whether this one has to wait until the other has given up its name.
    fn waits_for(&self, other: &Self, now: &Catalog) -> bool {
        if self.to == other.from {
            return true;
        }
        let claims = |named: &Named, id: &ObjectId| -> Vec<Claim> {
            let object = now.get(&named.id).filter(|_| named.part.is_none());
            object.map_or_else(Vec::new, |object| object.claims(id))
        };
        let taken = claims(&self.begins, &self.to.id);
        let given_up = claims(&other.begins, &other.from.id);
        taken.iter().any(|claim| given_up.contains(claim))
    }
}

/// Puts the moves in order; a circle is broken by a name in between.
pub(super) fn in_order(mut waiting: Vec<Move>, now: &Catalog) -> Vec<Move> {
    let mut order = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_free = |one: &Move| {
            let mut others = waiting.iter().filter(|other| *other != one);
            !others.any(|other| one.waits_for(other, now))
        };
        if let Some(index) = waiting.iter().position(is_free) {
            order.push(waiting.remove(index));
            continue;
        }
        let first = waiting.remove(0);
        let between = between(&first.from);
        order.push(Move {
            to: between.clone(),
            ..first.clone()
        });
        waiting.push(Move {
            from: between,
            ..first
        });
    }
    order
}

/// A name that nothing else has.
fn between(named: &Named) -> Named {
    let aside = |name: &str| {
        let mut end = name.len().min(52);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        format!("{}__forge_tmp", &name[..end])
    };
    match &named.part {
        Some(part) => Named {
            id: named.id.clone(),
            part: Some(aside(part)),
        },
        None => Named::object(
            named
                .id
                .renamed(Ident::new(aside(named.id.name().as_str()))),
        ),
    }
}
