//! Defaults of columns (PostgreSQL docs: 5.2 Default Values).

use serde::{Deserialize, Serialize};

use super::{
    Answer, Attribute, Change, Context, Follow, Fragment, Lock, ObjectId, ObjectKind,
    Passage, Profile, Reaction, Step,
};
use crate::{attributes, source::Access, sql::Expression};

/// The default of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Default {
    /// The expression, as `pg_get_expr` prints it.
    pub expression: Expression,
    /// Whether its column is a view's, whose statement can't say it.
    #[serde(default)]
    pub of_view: bool,
    /// The parent table's default that it was copied from.
    pub inherited_from_ref: Option<ObjectId>,
}

impl ObjectKind for Default {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self { expression => set_expression, of_view: physical, inherited_from_ref: physical });
    const PROFILE: Profile = Profile {
        added_by: &["set default", "add column"],
        runs_functions: true,
        splits: true,
        drop_is_shown: false,
        ..Profile::USUAL
    };

    fn when_accessed(&self, _id: &ObjectId, access: &Access) -> Option<Answer> {
        matches!(access, Access::Inserts | Access::Defaults).then(|| Answer::Evaluates(format!("SELECT {}", self.expression)))
    }

    fn address(&self, id: &ObjectId) -> String {
        format!("COLUMN {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        alter_column(
            Step::create,
            id,
            &format!("SET DEFAULT {}", self.expression),
            cx,
        )
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        if change.desired.is_some() {
            return None;
        }
        let column = change.cx.world.parent(change.id)?;
        let object = change.cx.world.desired(column)?;
        // An identity gives values instead, and a column that is computed takes none.
        let has_others = object.counter(column).is_some() || (!change.live?.of_view && !object.facts().holds_values);
        let fail = object.facts().holds_values && !object.facts().takes_null;
        let end = if fail { "fail" } else { "get no value for it" };
        (!has_others).then(|| format!("inserts that leave out {} {end}", change.id.sql()))
    }

    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        alter_column(Step::drop, id, "DROP DEFAULT", cx)
    }

    fn fold(&self, _id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Option<Fragment> {
        let sql = format!("DEFAULT {}", self.expression);
        (!self.of_view).then_some(Fragment { position: 0, sql })
    }

    fn implied(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
        let parent = cx.desired::<Self>(self.inherited_from_ref.as_ref()?)?;
        // It comes with its column only.
        let column = cx.world.parent(id)?;
        cx.world.desired(column)?.is_made_by_itself(column, cx).then(|| Self {
            inherited_from_ref: self.inherited_from_ref.clone(),
            ..parent.clone()
        })
    }

    fn when_dislodged(&self, desired: Option<&Self>) -> Follow {
        // PostgreSQL casts the default along with the column; one that changes anyway may not fit the old type.
        if desired == Some(self) {
            Follow::Stays
        } else {
            Follow::Rebuilt
        }
    }
}

fn set_expression(change: &Change<'_, Default>) -> Reaction {
    let expression = format!("SET DEFAULT {}", change.desired.expression);
    Reaction::Alter(alter_column(Step::alter, change.id, &expression, change.cx))
}

fn alter_column(
    step: fn(&ObjectId, String) -> Step,
    id: &ObjectId,
    action: &str,
    cx: &Context<'_>,
) -> Vec<Step> {
    if is_handed_down(id, cx) {
        return Vec::new();
    }
    let (table, name) = (id.container(), id.name());
    let only = if spreads(id, cx) { "" } else { "ONLY " };
    let sql = format!("ALTER TABLE {only}{table} ALTER COLUMN {name} {action}");
    vec![step(id, sql).lock(Lock::AccessExclusive, table)]
}

/// The defaults of the columns that inherit the default's column.
fn heirs(id: &ObjectId, cx: &Context<'_>) -> Vec<ObjectId> {
    let column = cx.world.parent(id);
    let columns = column.map(|column| cx.heirs(column)).unwrap_or_default();
    columns
        .into_iter()
        .map(|heir| ObjectId::new(id.kind, heir.path.clone()))
        .collect()
}

fn live<'a>(id: &ObjectId, cx: &'a Context<'_>) -> Option<&'a Expression> {
    Some(&cx.live::<Default>(id)?.expression)
}

fn desired<'a>(id: &ObjectId, cx: &'a Context<'_>) -> Option<&'a Expression> {
    Some(&cx.desired::<Default>(id)?.expression)
}

/// Whether the columns that inherit shall have the same default, so that one statement serves them all.
fn spreads(id: &ObjectId, cx: &Context<'_>) -> bool {
    heirs(id, cx).iter().all(|heir| {
        desired(heir, cx) == desired(id, cx) && spreads(heir, cx)
    })
}

/// Whether the default of the column that is inherited changes and brings this one along.
fn is_handed_down(id: &ObjectId, cx: &Context<'_>) -> bool {
    let column = cx.world.parent(id).and_then(|column| cx.world.live(column));
    let Some(above) = column.and_then(|object| object.facts().inherited_from) else {
        return false;
    };
    let above = ObjectId::new(id.kind, above.path.clone());
    let changes = live(&above, cx) != desired(&above, cx);
    changes && spreads(&above, cx) || is_handed_down(&above, cx) && spreads(&above, cx)
}
