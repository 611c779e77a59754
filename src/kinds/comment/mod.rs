//! Comments on objects of every kind (PostgreSQL docs: COMMENT).

use serde::{Deserialize, Serialize};

use super::{
    Attribute, Change, Context, Follow, Fragment, ObjectId, ObjectKind, Passage, Profile, Reaction,
    Step,
};
use crate::{attributes, sql::Literal};

/// The comment on an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// Its text.
    pub text: String,
    /// What it says in a fresh database, where that is something.
    pub initial: Option<String>,
}

impl ObjectKind for Comment {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] =
        attributes!(Self { text => set_text, initial: physical });
    const PROFILE: Profile = Profile {
        added_by: &["comment on"],
        ..Profile::USUAL
    };

    fn when_dislodged(&self, _desired: Option<&Self>) -> Follow {
        Follow::Stays
    }

    fn address(&self, id: &ObjectId) -> String {
        format!("COMMENT ON {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        vec![Step::create(id, comment_on(id, Some(&self.text), cx))]
    }

    fn breaks(_change: &Passage<'_, Self>) -> Option<String> {
        None // No statement uses it.
    }

    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        vec![Step::drop(id, comment_on(id, self.initial.as_deref(), cx))]
    }
}

fn set_text(change: &Change<'_, Comment>) -> Reaction {
    Reaction::Alter(vec![Step::alter(
        change.id,
        comment_on(change.id, Some(&change.desired.text), change.cx),
    )])
}

fn comment_on(id: &ObjectId, text: Option<&str>, cx: &Context<'_>) -> String {
    let target = id.target().expect("a comment is about an object");
    let text = text.map_or_else(|| "NULL".to_string(), |text| Literal(text).to_string());
    format!("COMMENT ON {} IS {text}", cx.address(&target))
}
