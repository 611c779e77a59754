//! The hazards of a step that its statements show.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::{Hazard, HazardKind, Step};
use crate::source::{About, Effect, Harm, about_table, accesses, effects, normalised};

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
            hazards.extend(self.unsaid(self.sql.iter().flat_map(|sql| effects(sql))));
        }
        hazards
    }

    /// Whether the objects of a database may do more than the text of the step tells: it is about rows or somebody wrote it,
    /// and forge does not vouch for it.
    pub fn meets_objects(&self) -> bool {
        !self.is_vouched_for() && (self.by_hand || self.is_about_rows())
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
        let mut called = BTreeSet::new();
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
                let calls = |effect: &&Effect| effect.harm == Harm::Calls;
                called.extend(shown.iter().filter(calls).cloned());
            }
            if self.batching.is_some() {
                called.extend(effects_there(sql).difference(shown).cloned());
            }
        }
        // Of its own step forge says what it does in one hazard of each kind.
        let own = called.iter().cloned();
        let own = own.map(|effect| Effect {
            about: self.object.sql(),
            ..effect
        });
        self.hazards.extend(self.unsaid(own));
        let knows_better = !self.unsaid(shown.into_iter().flatten()).is_empty()
            || !called.is_empty()
            || (may_be_about_rows && self.is_about_rows());
        self.safe = knows_better.then(|| self.statements_hash());
    }

    /// What its statements show, all of it these effects, and its hazards do not say. What needs approval is named by what it
    /// is about, whatever the step says of its own object.
    fn unsaid(&self, shown: impl IntoIterator<Item = Effect>) -> Vec<Hazard> {
        let own = self.object.sql();
        let mut found: Vec<Hazard> = Vec::new();
        for effect in shown {
            let Some((kind, mut why)) = self.hazard_of(&effect) else {
                continue;
            };
            let about = (kind.needs_approval() && effect.about != own).then_some(effect.about);
            if about.is_none() && self.hazards.iter().any(|hazard| hazard.kind == kind) {
                continue;
            }
            if let (Some(about), Harm::Deletes | Harm::Changes) = (&about, effect.harm) {
                why = format!("{why} on {about}");
            }
            let same = |hazard: &&mut Hazard| hazard.kind == kind && hazard.about == about;
            match found.iter_mut().find(same) {
                Some(hazard) => hazard.why = format!("{}, {why}", hazard.why),
                None => found.push(Hazard { kind, why, about }),
            }
        }
        found
    }

    fn hazard_of(&self, effect: &Effect) -> Option<(HazardKind, String)> {
        let kind = match effect.harm {
            Harm::Deletes | Harm::Cascades => HazardKind::DeletesData,
            // Rows in batches are what the batches are for.
            Harm::Changes if self.batching.is_some() => return None,
            Harm::Changes | Harm::PassesOn => HazardKind::ChangesRows,
            Harm::Calls | Harm::Runs => HazardKind::RunsCode,
            Harm::Breaks => HazardKind::BreaksApplication,
            Harm::BlocksReads => HazardKind::BlocksReads,
            Harm::BlocksWrites => HazardKind::BlocksWrites,
            Harm::Rewrites => HazardKind::Rewrites,
        };
        Some((kind, effect.how.clone()))
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
