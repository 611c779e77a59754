//! The hazards of a step that its statements show.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::{Hazard, HazardKind, Step};
use crate::source::{
    About, Effect, about_table, accesses, changed_in, deleted_from, effects, normalised,
};

impl Step {
    /// Every hazard of the step: those that it says, and those that its statements show besides.
    ///
    /// What is not known to be harmless is a hazard. A step that forge wrote says itself what it does
    /// ([`Self::safe`]).
    pub fn risks(&self) -> Vec<Hazard> {
        self.risks_by(effects)
    }

    /// As [`Self::risks`], where it is known what the statements do besides what their text tells.
    pub fn risks_by(&self, effects: impl Fn(&str) -> BTreeSet<Effect>) -> Vec<Hazard> {
        let mut hazards = self.hazards.clone();
        if !self.is_vouched_for() {
            hazards.extend(self.unsaid(self.sql.iter().map(|sql| effects(sql))));
        }
        hazards
    }

    /// Whether the objects of a database may do more than the text of the step tells: it is about rows, and forge does not
    /// vouch for it.
    pub fn meets_objects(&self) -> bool {
        !self.is_vouched_for() && self.is_about_rows()
    }

    /// Whether the statements are those that forge wrote, and the hazards say all that they do.
    fn is_vouched_for(&self) -> bool {
        self.safe.as_ref() == Some(&self.statements_hash())
    }

    fn is_about_rows(&self) -> bool {
        self.sql.iter().any(|sql| accesses(sql).of_rows())
    }

    /// Marks a step that forge has written: what its statements do is known, but for the functions of the tree that its
    /// expressions call. `empty` are the tables that have no rows for which an expression could be evaluated; `effects_there`
    /// says what a statement does in the database.
    ///
    /// Of the objects that a statement meets, a backfill's are said: it fires the table's triggers for each row, and what they
    /// do is as unknown as what a step by hand does.
    pub fn settle(
        &mut self,
        empty: &mut BTreeSet<String>,
        effects_there: impl Fn(&str) -> BTreeSet<Effect>,
    ) {
        let shown: Vec<BTreeSet<Effect>> = self.sql.iter().map(|sql| effects(sql)).collect();
        let mut called = Vec::new();
        let mut may_be_about_rows = false;
        for (sql, shown) in self.sql.iter().zip(&shown) {
            let about = about_table(sql);
            match &about {
                Some(About::Creates(table)) => _ = empty.insert(table.clone()),
                Some(About::Fills(table)) => _ = empty.remove(table),
                Some(About::Alters(_)) | None => {}
            }
            may_be_about_rows |= matches!(about, Some(About::Fills(_)) | None);
            let evaluates = !matches!(&about, Some(About::Alters(table)) if empty.contains(table));
            if evaluates {
                let calls = |effect: &&Effect| matches!(effect, Effect::Calls(_));
                called.extend(shown.iter().filter(calls).cloned());
            }
            if self.batching.is_some() {
                called.extend(effects_there(sql).difference(shown).cloned());
            }
        }
        self.hazards.extend(self.said_of(called));
        let unsaid = self.unsaid(shown);
        let knows_better = !unsaid.is_empty() || (may_be_about_rows && self.is_about_rows());
        self.safe = knows_better.then(|| self.statements_hash());
    }

    /// What its statements show, each these effects, and its hazards do not say. What a statement does to another table than
    /// the step's is named by that table, whatever the step says of its own.
    fn unsaid(&self, shown: impl IntoIterator<Item = BTreeSet<Effect>>) -> Vec<Hazard> {
        let mut elsewhere = Vec::new();
        let mut own = BTreeSet::new();
        for (sql, effects) in self.sql.iter().zip(shown) {
            for effect in effects {
                let tables = self.tables_elsewhere(sql, &effect);
                if tables.is_empty() {
                    own.insert(effect);
                } else if let Some((kind, why)) = self.hazard_of(effect) {
                    elsewhere.extend(tables.into_iter().map(|table| Hazard {
                        kind,
                        why: format!("{why} on {table}"),
                        about: Some(table),
                    }));
                }
            }
        }
        let mut found = self.said_of(own);
        found.extend(elsewhere);
        found
    }

    /// The tables other than the step's whose rows a statement deletes or changes.
    fn tables_elsewhere(&self, sql: &str, effect: &Effect) -> BTreeSet<String> {
        let mut tables = match effect {
            Effect::Deletes(_) => deleted_from(sql),
            Effect::Changes(_) if self.batching.is_none() => changed_in(sql),
            Effect::Changes(_)
            | Effect::Calls(_)
            | Effect::Unknown(_)
            | Effect::Fires(_)
            | Effect::PassesOn(_)
            | Effect::BlocksReads(_)
            | Effect::BlocksWrites(_)
            | Effect::Rewrites(_) => BTreeSet::new(),
        };
        tables.remove(&self.object.sql());
        tables
    }

    /// The hazards of these effects, of kinds that the step does not have yet.
    fn said_of(&self, effects: impl IntoIterator<Item = Effect>) -> Vec<Hazard> {
        let mut found: Vec<Hazard> = Vec::new();
        for (kind, why) in effects
            .into_iter()
            .filter_map(|effect| self.hazard_of(effect))
        {
            if self.hazards.iter().any(|hazard| hazard.kind == kind) {
                continue;
            }
            match found.iter_mut().find(|hazard| hazard.kind == kind) {
                Some(hazard) => {
                    hazard.why.push_str(", ");
                    hazard.why.push_str(&why);
                }
                None => found.push(Hazard {
                    kind,
                    why,
                    about: None,
                }),
            }
        }
        found
    }

    fn hazard_of(&self, effect: Effect) -> Option<(HazardKind, String)> {
        match effect {
            Effect::Deletes(verb) => Some((HazardKind::DeletesData, format!("runs {verb}"))),
            // Rows in batches are what the batches are for.
            Effect::Changes(_) if self.batching.is_some() => None,
            Effect::Changes(verb) => Some((HazardKind::ChangesRows, format!("runs {verb}"))),
            Effect::Calls(function) => Some((HazardKind::RunsCode, format!("calls {function}"))),
            Effect::Unknown(what) => Some((HazardKind::RunsCode, format!("runs {what}"))),
            Effect::Fires(what) => Some((HazardKind::RunsCode, format!("fires {what}"))),
            // Not those of the batches.
            Effect::PassesOn(what) => {
                Some((HazardKind::ChangesRows, format!("changes rows of {what}")))
            }
            Effect::BlocksReads(verb) => {
                Some((HazardKind::BlocksReads, format!("until {verb} ends")))
            }
            Effect::BlocksWrites(verb) => {
                Some((HazardKind::BlocksWrites, format!("until {verb} ends")))
            }
            Effect::Rewrites(verb) => Some((HazardKind::Rewrites, format!("runs {verb}"))),
        }
    }

    /// A short hash of the statements: whether they are still those that forge wrote.
    fn statements_hash(&self) -> String {
        let mut hash = Sha256::new();
        for sql in &self.sql {
            hash.update(normalised(sql).unwrap_or_else(|_| sql.clone()));
            hash.update(";\n");
        }
        hex::encode(hash.finalize())[..12].to_owned()
    }
}
