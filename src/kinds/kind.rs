//! Which kinds there are.

use serde::{Deserialize, Serialize};

/// The list of all kinds, for a macro that is called with it: folder, model, name in English.
macro_rules! each_kind {
    ($callback:ident) => {
        $callback! {
            schema Schema "schema",
            extension Extension "extension",
            enumeration Enumeration "enum",
            domain Domain "domain",
            domain_constraint DomainConstraint "domain constraint",
            composite Composite "composite type",
            sequence Sequence "sequence",
            function Function "function",
            table Table "table",
            column Column "column",
            default Default "default",
            constraint Constraint "constraint",
            index Index "index",
            view View "view",
            materialized_view MaterializedView "materialized view",
            trigger Trigger "trigger",
            policy Policy "policy",
            owner Owner "owner",
            grant Grant "grant",
            default_privilege DefaultPrivilege "default privilege",
            comment Comment "comment",
        }
    };
}
pub(super) use each_kind;

macro_rules! kinds {
    ($($module:ident $name:ident $noun:literal,)*) => {
        /// A kind of object, in the order in which kinds come when nothing else decides.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind { $(#[doc = concat!("A ", $noun, ".")] $name,)* }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind's name in English: `materialized view`.
            pub fn noun(self) -> &'static str {
                match self { $(Self::$name => $noun,)* }
            }

            /// The folder of the kind below `src/kinds`.
            pub fn folder(self) -> &'static str {
                match self { $(Self::$name => stringify!($module),)* }
            }
        }
    };
}

each_kind!(kinds);
