//! Triggers (PostgreSQL docs: CREATE TRIGGER).

use serde::{Deserialize, Serialize};

use super::{
    Answer, Attribute, Change, Context, Fragment, Lock, ObjectId, ObjectKind, Passage,
    Profile, Reaction, Renaming, Step,
    rename::on_table,
};
use crate::{
    attributes,
    source::{Access, fires},
    sql::Expression,
};

/// A trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its definition, as `pg_get_triggerdef` prints it.
    pub definition: Expression,
    /// When it fires: `ENABLE`, `DISABLE`, `ENABLE REPLICA`, `ENABLE ALWAYS`.
    pub state: String,
    /// Whether it is a constraint trigger.
    #[serde(default)]
    pub constraint: bool,
    /// The partitioned table's trigger that this one is a copy of. The copy comes with the partition; what it has of its
    /// own is its state.
    pub copy_of_ref: Option<ObjectId>,
}

impl ObjectKind for Trigger {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] =
        attributes!(Self { constraint "nature", definition, state => set_state, copy_of_ref });
    const PROFILE: Profile = Profile {
        added_by: &["create trigger", "create or replace trigger", "create constraint trigger"],
        splits: true,
        ..Profile::USUAL
    };
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        is_namesake: Some(Self::is_namesake),
        ..Renaming::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("TRIGGER {} ON {}", id.name(), id.container())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        if self.copy_of_ref.is_some() {
            return Vec::new(); // The server has made it, and its state follows.
        }
        let step = Step::create(id, self.definition.to_string());
        vec![if cx.parent_is_created(id) {
            step
        } else {
            step.lock(Lock::ShareRowExclusive, id.container())
        }]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        // What another trigger does to rows, only its function tells.
        let works = |trigger: &Self| trigger.state != "DISABLE" && trigger.definition.as_str().contains(" INSTEAD OF ");
        let stops = change.live.is_some_and(works) && !change.desired.is_some_and(works);
        stops.then(|| format!("statements that write to {} fail", change.id.container()))
    }

    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        if let Some(whole) = &self.copy_of_ref {
            // The copy gets the state of the trigger that it is a copy of.
            let whole = cx.desired::<Self>(whole).filter(|_| !cx.world.is_created(whole));
            let step = whole.map(|whole| switch(id, &whole.state).because("give it the state of the whole's"));
            return step.into_iter().collect();
        }
        let sql = format!("DROP TRIGGER {} ON {}", id.name(), id.container());
        vec![Step::drop(id, sql).lock(Lock::AccessExclusive, id.container())]
    }

    fn complete(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        let step = switch(id, &self.state).because(format!("set its state to {}", self.state));
        if self.copy_of_ref.is_some() {
            // A copy stands here because its state is another than that of the trigger that it is a copy of. One that the
            // table gets as it is attached is there after that.
            vec![step.finish()]
        } else if self.state == "ENABLE" {
            Vec::new()
        } else {
            vec![step]
        }
    }

    fn when_accessed(&self, _id: &ObjectId, access: &Access) -> Option<Answer> {
        // Also one that is disabled: a statement of the same plan can enable it.
        fires(self.definition.as_str(), access).then_some(Answer::Fires)
    }
}

impl Trigger {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        // A copy has the name of the partitioned table's trigger.
        self.copy_of_ref
            .is_none()
            .then(|| on_table(&self.address(id), id, new))
    }

    fn is_namesake(&self, id: &ObjectId, other: &Self, other_id: &ObjectId) -> bool {
        let renamed = Self {
            definition: Expression::new(&self.definition_as(id, other_id)),
            ..self.clone()
        };
        renamed == *other
    }
}

impl Trigger {
    /// The definition under another name, which stands behind the first words.
    fn definition_as(&self, id: &ObjectId, new: &ObjectId) -> String {
        let word = if self.constraint {
            "CREATE CONSTRAINT TRIGGER"
        } else {
            "CREATE TRIGGER"
        };
        match self
            .definition
            .as_str()
            .strip_prefix(&format!("{word} {} ", id.name()))
        {
            Some(rest) => format!("{word} {} {rest}", new.name()),
            None => self.definition.as_str().to_owned(),
        }
    }
}

fn switch(id: &ObjectId, state: &str) -> Step {
    // The same word serves tables and views.
    Step::alter(
        id,
        format!(
            "ALTER TABLE {} {state} TRIGGER {}",
            id.container(),
            id.name()
        ),
    )
    .lock(Lock::ShareRowExclusive, id.container())
}

fn set_state(change: &Change<'_, Trigger>) -> Reaction {
    // The state is handed down to copies that have another.
    Reaction::Dislodge(vec![switch(change.id, &change.desired.state)])
}
