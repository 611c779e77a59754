//! The renames, round by round: first the schemas, then what stands in them, then what belongs to that, and last what
//! PostgreSQL named after the renamed.
//!
//! Each round is carried out on a copy of the live state, which is read again before the next one. Whatever a rename takes
//! along is known by its address, which stays.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Intent,
    names::{Named, Turn},
    order::{Move, in_order},
    renamed::Renamed,
    request::Rename,
};
use crate::{
    catalog::{Addresses, Catalog, Families},
    diagnostic::{Code, Diagnostic, Result},
    diff::{Catalogs, Diff},
    kinds::{Object, ObjectId, Step},
    plan::plan,
};

/// Renames under way.
pub struct Renaming<'a> {
    catalogs: Catalogs<'a>,
    /// By their turns.
    rounds: std::vec::IntoIter<Vec<Rename>>,
    /// The addresses before the first rename.
    first: Addresses,
    /// What has been renamed, by its present name.
    touched: BTreeSet<ObjectId>,
    families: Families<'a>,
    /// What the steps expect, by its name in the live catalog.
    expected: BTreeSet<ObjectId>,
    forth: Vec<Step>,
    /// What undoes each step, in the same order.
    back: Vec<Vec<Step>>,
}

impl<'a> Renaming<'a> {
    /// Begins the renames; `first` are the addresses of the copy before any of them.
    pub fn new(intent: &Intent, catalogs: Catalogs<'a>, first: Addresses) -> Self {
        let mut rounds: BTreeMap<Turn, Vec<Rename>> = BTreeMap::new();
        for rename in &intent.renames {
            rounds.entry(rename.turn).or_default().push(rename.clone());
        }
        Self {
            catalogs,
            rounds: rounds.into_values().collect::<Vec<_>>().into_iter(),
            first,
            touched: BTreeSet::new(),
            families: catalogs.live.families(),
            expected: BTreeSet::new(),
            forth: Vec::new(),
            back: Vec::new(),
        }
    }

    /// The steps of the next round, given the copy as it is now; none when everything is done.
    pub fn next_round(&mut self, now: &Catalog, addresses: &Addresses) -> Result<Vec<Step>> {
        let begin = self.forth.len();
        if let Some(renames) = self.rounds.next() {
            let moves: Vec<Move> = renames
                .into_iter()
                .map(|rename| self.at_present(rename, addresses))
                .collect();
            self.make_room(&moves, now)?;
            self.carry_out(moves, now, addresses)?;
        } else {
            let companions = self.companions(now);
            self.carry_out(companions, now, addresses)?;
            self.rename_along(now, addresses);
        }
        Ok(self.forth[begin..].to_vec())
    }

    /// What the renames have led to.
    pub fn finish(self, now: Catalog, addresses: &Addresses) -> Renamed {
        let origins = addresses
            .iter()
            .filter_map(|(address, id)| Some((id.clone(), self.first.get(address)?.clone())))
            .filter(|(id, origin)| id != origin)
            .collect();
        Renamed {
            catalog: now,
            origins,
            forth: self.forth,
            back: self.back.into_iter().rev().flatten().collect(),
        }
    }

    /// A rename from the name that earlier rounds have left.
    fn at_present(&self, rename: Rename, addresses: &Addresses) -> Move {
        let Rename { from, mut to, .. } = rename;
        let address = self.first.iter().find(|(_, id)| **id == from.id);
        let present = address.and_then(|(address, _)| addresses.get(address));
        let from = Named {
            id: present.cloned().unwrap_or(from.id),
            part: from.part,
        };
        // Types among the arguments keep the names that they have.
        to.id.args.clone_from(&from.id.args);
        Move::new(from, to)
    }

    /// Creates the schemas that something moves to.
    fn make_room(&mut self, moves: &[Move], now: &Catalog) -> Result<()> {
        let Catalogs { desired, .. } = self.catalogs;
        let mut roomy = now.clone();
        for Move { to, .. } in moves {
            let room = |id: &&ObjectId| id.path.len() == 1 && id.path[..] == to.id.path[..1];
            for id in desired.dependencies(&to.id).filter(room) {
                if let (Some(object), false) = (desired.get(id), roomy.contains(id)) {
                    roomy.insert(id.clone(), object.clone(), None);
                }
            }
        }
        let steps = |live: &Catalog, desired: &Catalog| -> Result<Vec<Step>> {
            let made = plan(&Diff::new(Catalogs { live, desired }))?;
            Ok(made.steps().cloned().collect())
        };
        let (forth, back) = (steps(now, &roomy)?, steps(&roomy, now)?);
        if !forth.is_empty() {
            self.forth.extend(forth);
            self.back.push(back);
        }
        Ok(())
    }

    fn carry_out(&mut self, moves: Vec<Move>, now: &Catalog, addresses: &Addresses) -> Result<()> {
        for Move { begins, from, to } in in_order(moves, now) {
            let object = now.get(&begins.id);
            let step = |from: &Named, to: &Named| match (&from.part, &to.part) {
                (Some(part), Some(other)) => object?.rename_part(&from.id, part, other),
                _ => object?.rename(&from.id, &to.id),
            };
            let (Some(forth), Some(back)) = (step(&from, &to), step(&to, &from)) else {
                return Err(Diagnostic::error(
                    Code::CannotPlan,
                    format!("`{from}` can't be renamed to `{to}`"),
                )
                .note("PostgreSQL has no statement for it, or it is renamed with something else")
                .help("delete the directive; rename what it belongs to"));
            };
            self.touched.insert(to.id);
            self.put(forth, back, addresses);
        }
        Ok(())
    }

    /// What belongs to something renamed, and is there under one name and shall be there under another, equal but for it.
    fn companions(&self, now: &Catalog) -> Vec<Move> {
        let desired = self.catalogs.desired;
        let mut wanted: Vec<(&ObjectId, &Object)> = desired
            .objects()
            .filter(|(id, _)| !now.contains(id))
            .collect();
        let mut moves = Vec::new();
        let leaving = now.objects().filter(|(id, _)| !desired.contains(id));
        for (id, object) in leaving.filter(|(id, object)| self.is_near(id, object, now)) {
            let alike = |(other, namesake): &(&ObjectId, &Object)| {
                now.parent(id) == desired.parent(other)
                    && object.facts().goes_with == namesake.facts().goes_with
                    && object.is_namesake(id, namesake, other)
                    && object.rename(id, other).is_some()
            };
            if let Some(at) = wanted.iter().position(alike) {
                let (other, _) = wanted.remove(at);
                let to = ObjectId {
                    args: id.args.clone(),
                    ..other.clone()
                };
                moves.push(Move::new(Named::object(id.clone()), Named::object(to)));
            }
        }
        moves
    }

    /// Whether the object belongs to something, and that or what it depends on has been renamed.
    fn is_near(&self, id: &ObjectId, object: &Object, now: &Catalog) -> bool {
        let holder = now.parent(id).or(object.facts().goes_with);
        let whole = holder.and_then(|holder| now.parent(holder));
        let mut around = holder.into_iter().chain(whole);
        let is_touched = |id: &ObjectId| self.touched.contains(id);
        holder.is_some() && (around.any(is_touched) || now.dependencies(id).any(is_touched))
    }

    /// What belongs to something renamed and is no object of its own.
    fn rename_along(&mut self, now: &Catalog, addresses: &Addresses) {
        let desired = self.catalogs.desired;
        for (id, object) in now.objects() {
            let parent = now.parent(id);
            let is_touched = |id: &ObjectId| self.touched.contains(id);
            if !(is_touched(id) || parent.is_some_and(is_touched)) {
                continue;
            }
            let Some(wanted) = desired.get(id) else {
                continue;
            };
            let steps = object.rename_along(wanted, id).into_iter();
            for (forth, back) in steps.zip(wanted.rename_along(object, id)) {
                // What is handed down names the same sequence.
                if !self.forth.iter().any(|step| step.sql == forth.sql) {
                    self.put(forth, back, addresses);
                }
            }
        }
    }

    /// Notes a step and what undoes it. It expects what the live catalog has under the old name.
    fn put(&mut self, forth: Step, back: Step, addresses: &Addresses) {
        let mut forth = forth;
        let address = addresses.iter().find(|(_, id)| **id == forth.object);
        if let Some(was) = address.and_then(|(address, _)| self.first.get(address))
            && let Some(state) = self.families.state(forth.action, was)
            && self.expected.insert(was.clone())
        {
            forth.expects = vec![(was.clone(), state)];
        }
        // A rename evaluates nothing, and says itself what it breaks.
        let mut back = back;
        for step in [&mut forth, &mut back] {
            step.settle(&mut BTreeSet::new(), |_| BTreeSet::new());
        }
        self.forth.push(forth);
        self.back.push(vec![back]);
    }
}
