//! What the author of a tree says in a `-- forge:` comment.

use std::{ops::Range, sync::Arc};

use super::symbol::Symbol;
use crate::diagnostic::SourceFile;

/// One `-- forge:` comment of the schema tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// What it says.
    pub kind: DirectiveKind,
    /// What it says it of: a statement's object, or with a member a part of it.
    pub target: Symbol,
    /// The file it stands in.
    pub file: Arc<SourceFile>,
    /// The bytes of the comment.
    pub span: Range<usize>,
}

/// What a directive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectiveKind {
    /// The target used to have this name; without a schema, in the same one. A part's old name is its member's.
    RenamedFrom(Symbol),
    /// The value of the column when its type changes.
    Using(String),
    /// The value of existing rows when the column is new.
    Backfill(String),
}
