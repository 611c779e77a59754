//! Constraints of partitions: copies of the partitioned table's, which PostgreSQL makes and names.

use super::{Constraint, ConstraintKind};
use crate::{
    kinds::{Context, ObjectId, Step},
    sql::{Ident, chosen_name},
};

impl Constraint {
    /// The partitioned table's constraint that a new partition gets a copy of, and the name that PostgreSQL gives the copy.
    pub(super) fn copied_from<'a>(
        &self,
        id: &ObjectId,
        cx: &'a Context<'_>,
    ) -> Option<(&'a Self, Ident)> {
        let whole_id = self.attached_to_ref.as_ref()?;
        let whole = cx.desired::<Constraint>(whole_id)?;
        // One whose parts are missing is not copied.
        if whole.incomplete || !cx.makes_part(id, whole_id) {
            return None;
        }
        let table = cx
            .world
            .parent(id)
            .expect("a constraint has a table")
            .name()
            .as_str();
        let columns = self.columns.as_deref().unwrap_or_default();
        let name = match self.kind {
            ConstraintKind::PrimaryKey => chosen_name(table, &[], "pkey"),
            ConstraintKind::Unique => chosen_name(table, columns, "key"),
            ConstraintKind::Exclusion => chosen_name(table, columns, "excl"),
            ConstraintKind::Check | ConstraintKind::ForeignKey => id.name().clone(),
        };
        Some((whole, name))
    }

    /// The name of the copy of a partitioned table's index that a new partition gets, which the constraint takes over.
    pub(super) fn copied_as_index(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Ident> {
        let whole = cx.world.desired(self.attached_to_ref.as_ref()?)?;
        let columns = whole.facts().copied_columns?;
        let table = cx.world.parent(id).filter(|_| cx.parent_is_created(id))?;
        Some(chosen_name(table.name().as_str(), columns, "idx"))
    }

    /// Makes the constraint's index part of the partitioned table's, where it stands on a partition.
    pub(super) fn attach(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Step> {
        let (index, parent) = self.index.as_ref().zip(self.parent_index(cx))?;
        let attach = Step::alter(id, format!("ALTER INDEX {parent} ATTACH PARTITION {index}"));
        Some(
            attach
                .because("make it part of the partitioned table's")
                .finish(),
        )
    }

    fn parent_index(&self, cx: &Context<'_>) -> Option<String> {
        let whole = self.attached_to_ref.as_ref()?;
        cx.world.desired(whole)?.facts().index_name.map(|name| name.of(whole))
    }
}
