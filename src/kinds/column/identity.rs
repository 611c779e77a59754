//! Identity columns and the options of their sequences (PostgreSQL docs: 5.3 Identity Columns).

use super::{model::Identity, statement::alter_column};
use crate::{
    kinds::{
        Action, Context, Counter, Lock, ObjectId, Step,
        counting::begin_anew,
    },
    sql::{Literal, dotted, usual_limits},
};

impl Identity {
    /// The sequence's name as SQL.
    pub(super) fn sequence_name(&self) -> String {
        dotted(&self.sequence)
    }

    fn word(&self) -> &'static str {
        if self.always { "ALWAYS" } else { "BY DEFAULT" }
    }

    /// The clause of a column definition, with those options that aren't the defaults.
    pub(super) fn clause(&self, id: &ObjectId) -> String {
        let mut options = Vec::new();
        let default_name = format!("{}_{}_seq", id.path[1].as_str(), id.name().as_str());
        if self.sequence[0] != *id.schema() || self.sequence[1].as_str() != default_name {
            options.push(format!("SEQUENCE NAME {}", self.sequence_name()));
        }
        let usual = usual_limits(&self.type_name, self.increment);
        if self.start
            != if self.increment > 0 {
                self.minimum
            } else {
                self.maximum
            }
        {
            options.push(format!("START WITH {}", self.start));
        }
        if self.increment != 1 {
            options.push(format!("INCREMENT BY {}", self.increment));
        }
        if self.minimum != usual.0 {
            options.push(format!("MINVALUE {}", self.minimum));
        }
        if self.maximum != usual.1 {
            options.push(format!("MAXVALUE {}", self.maximum));
        }
        if self.cache != 1 {
            options.push(format!("CACHE {}", self.cache));
        }
        if self.cycle {
            options.push("CYCLE".to_string());
        }
        let options = if options.is_empty() {
            String::new()
        } else {
            format!(" ({})", options.join(" "))
        };
        format!("GENERATED {} AS IDENTITY{options}", self.word())
    }

    /// The steps that make an identity of a column with rows.
    pub(super) fn add_to(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        let add = alter_column(id, &format!("ADD {}", self.clause(id)));
        let mut steps = vec![add.because("make it an identity")];
        if !cx.world.has_predecessor(id) {
            let catch_up = Step::new(Action::Data, id, self.catch_up(id));
            steps.push(catch_up.because("let the identity begin after the largest value"));
        }
        steps
    }

    /// What it is to others.
    pub(super) fn counter(&self) -> Counter {
        Counter {
            sequence: self.sequence.clone(),
            increment: self.increment,
            limits: (self.minimum, self.maximum),
            cache: self.cache,
        }
    }

    /// The step that renames its sequence.
    pub(super) fn rename_sequence(&self, id: &ObjectId, desired: &Self, action: Action) -> Step {
        let (from, to) = (self.sequence_name(), &desired.sequence[1]);
        let rename = format!("ALTER SEQUENCE {from} RENAME TO {to}");
        let step = Step::new(action, id, rename).because("rename its sequence");
        step.lock(Lock::AccessExclusive, from)
    }

    /// The actions of `ALTER COLUMN` that lead to `desired`.
    pub(super) fn alter(&self, desired: &Self) -> Option<String> {
        let mut actions = Vec::new();
        if self.always != desired.always {
            actions.push(format!("SET GENERATED {}", desired.word()));
        }
        if self.increment != desired.increment {
            actions.push(format!("SET INCREMENT BY {}", desired.increment));
        }
        if self.minimum != desired.minimum {
            actions.push(format!("SET MINVALUE {}", desired.minimum));
        }
        if self.maximum != desired.maximum {
            actions.push(format!("SET MAXVALUE {}", desired.maximum));
        }
        if self.start != desired.start {
            actions.push(format!("SET START WITH {}", desired.start));
        }
        if self.cache != desired.cache {
            actions.push(format!("SET CACHE {}", desired.cache));
        }
        if self.cycle != desired.cycle {
            actions.push(format!(
                "SET {}CYCLE",
                if desired.cycle { "" } else { "NO " }
            ));
        }
        let limits = |identity: &Self| (identity.minimum, identity.maximum);
        actions.extend(begin_anew(limits(self), limits(desired), desired.start));
        (!actions.is_empty()).then(|| actions.join(" "))
    }

    /// The identity after its column has taken the type of `desired`'s: PostgreSQL changes the sequence along, and
    /// limits that were the old type's become the new one's.
    pub(super) fn retyped(&self, desired: &Self) -> Self {
        let (old, new) = (
            usual_limits(&self.type_name, self.increment),
            usual_limits(&desired.type_name, self.increment),
        );
        Self {
            type_name: desired.type_name.clone(),
            minimum: if self.minimum == old.0 {
                new.0
            } else {
                self.minimum
            },
            maximum: if self.maximum == old.1 {
                new.1
            } else {
                self.maximum
            },
            ..self.clone()
        }
    }

    /// Sets the sequence behind the largest value that the column holds.
    fn catch_up(&self, id: &ObjectId) -> String {
        let (extreme, column, table) = (
            if self.increment > 0 { "max" } else { "min" },
            id.name(),
            id.container(),
        );
        format!(
            "SELECT pg_catalog.setval({}, pg_catalog.{extreme}({column})) FROM {table} HAVING pg_catalog.count({column}) > 0",
            Literal(&self.sequence_name())
        )
    }
}
