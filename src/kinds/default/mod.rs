//! Defaults of columns (PostgreSQL docs: 5.2 Default Values).

use serde::{Deserialize, Serialize};

use super::{Attribute, Change, Context, Follow, Fragment, Lock, Object, ObjectId, ObjectKind, Reaction, Step};
use crate::attributes;

/// The default of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Default {
    /// The expression, as `pg_get_expr` prints it.
    pub expression: String,
    /// Whether its column is a view's, whose statement can't say it.
    #[serde(default)]
    pub of_view: bool,
    /// The parent table's default that it was copied from.
    pub inherited_from_ref: Option<ObjectId>,
}

impl ObjectKind for Default {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] =
        attributes!(Self { expression => set_expression, of_view: physical, inherited_from_ref: physical });

    fn address(&self, id: &ObjectId) -> String {
        format!("COLUMN {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        vec![alter_column(Step::create, id, &format!("SET DEFAULT {}", self.expression))]
    }

    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        // Dropping the parent's default drops the copies.
        if self.inherited_from_ref.as_ref().is_some_and(|parent| cx.world.desired(parent).is_none()) {
            return Vec::new();
        }
        vec![alter_column(Step::drop, id, "DROP DEFAULT")]
    }

    fn fold(&self, _id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Option<Fragment> {
        let sql = format!("DEFAULT {}", self.expression);
        (!self.of_view).then_some(Fragment { position: 0, sql })
    }

    const SPLITS: bool = true;

    fn implied(&self, _id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
        let Object::Default(parent) = cx.world.desired(self.inherited_from_ref.as_ref()?)? else { return None };
        Some(Self { inherited_from_ref: self.inherited_from_ref.clone(), ..parent.clone() })
    }

    fn when_dislodged(&self, desired: Option<&Self>) -> Follow {
        // PostgreSQL casts the default along with the column; one that changes anyway may not fit the old type.
        if desired == Some(self) { Follow::Stays } else { Follow::Rebuilt }
    }

    const DROP_IS_SHOWN: bool = false;
}

fn set_expression(change: &Change<'_, Default>) -> Reaction {
    let expression = format!("SET DEFAULT {}", change.desired.expression);
    Reaction::Alter(vec![alter_column(Step::alter, change.id, &expression)])
}

fn alter_column(step: fn(&ObjectId, String) -> Step, id: &ObjectId, action: &str) -> Step {
    let table = id.container();
    step(id, format!("ALTER TABLE {table} ALTER COLUMN {} {action}", id.name())).lock(Lock::AccessExclusive, table)
}
