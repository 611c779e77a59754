//! What holds for every object of a kind.

/// What holds for every object of a kind.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer to a question of its own"
)]
pub struct Profile {
    /// Whether an object can leave its parent's `CREATE` for a statement of its own to break a cycle.
    pub splits: bool,
    /// Whether an object is, or brings along, a structure that is built from a table's rows.
    pub has_index: bool,
    /// Whether an object can't be there before what it goes with.
    pub needs_what_it_goes_with: bool,
    /// Whether an object can leave what it goes with while what the two belong to still goes together.
    pub leaves: bool,
    /// Whether a drop is written although what the object goes with takes it along, so that a reviewer sees it. Never if its
    /// parent goes.
    pub drop_is_shown: bool,
    /// Whether an object is a default for objects that are made later: the plan changes it when its own objects are there.
    pub is_default_for_new_objects: bool,
    /// Whether PostgreSQL runs functions to make an object: over rows, or to see what an expression comes to.
    pub runs_functions: bool,
    /// What the body of a function says in lower case that adds objects of this kind to others: `comment on`. Event triggers
    /// whose functions say so may have added an object.
    pub added_by: &'static [&'static str],
}

impl Profile {
    /// What holds for most kinds.
    pub const USUAL: Self = Self {
        splits: false,
        has_index: false,
        needs_what_it_goes_with: true,
        leaves: true,
        drop_is_shown: true,
        is_default_for_new_objects: false,
        runs_functions: false,
        added_by: &[],
    };
}
