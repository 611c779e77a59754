//! A shadow server in use: it builds the desired state, rebuilds the live one, and proves plans on it.

mod compare;
mod halfway;
mod proof;
mod rebuild;
mod rehearse;
mod rename;
mod replay;
mod run;
mod server;
mod walk;

pub use self::{
    compare::{Comparison, Proposal, Wish, judge_bodies},
    proof::Proof,
    rehearse::{Pair, Rehearsed},
    rename::Renames,
    replay::Replayed,
    server::{Desired, Workbench},
};
