//! The kinds of objects that forge manages, one folder each, and the contract that they fulfil.
//!
//! To add a kind: a folder with `introspect.sql` and `mod.rs`, a line in `kind.rs`, cases under `fixtures/cases`.

mod address;
mod batching;
mod breakage;
mod casting;
pub mod contract;
mod counting;
mod filling;
mod glob;
mod hazard;
mod heirs;
mod id;
mod kind;
mod lock;
mod object;
mod partitions;
mod rename;
mod risks;
mod rollout;
mod step;
mod stored;

pub use self::{
    address::Address,
    batching::Batching,
    contract::{
        Additions, Answer, Aside, Attribute, Change, Claim, Comparison, Contents, Context,
        Difference, Facts, Follow, Fragment, HandedDown, IndexName, Model, ObjectKind, Passage,
        Profile, Reaction, Renaming, Replacement, Survival, Unfinished, Values, World, replace,
        shown, sorted,
    },
    counting::{Counter, Predecessor},
    glob::Glob,
    hazard::{Hazard, HazardKind},
    id::{Grantee, ObjectId},
    kind::Kind,
    lock::Lock,
    object::Object,
    rollout::Rollout,
    step::{Action, Effort, Mode, Phase, Step},
};

macro_rules! modules {
    ($($module:ident $name:ident $noun:literal,)*) => { $(pub mod $module;)* };
}

kind::each_kind!(modules);
