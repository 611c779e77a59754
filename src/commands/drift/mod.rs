//! What somebody changed in the database behind forge's back, and what to do about it.

mod adopt;
mod found;
mod look;
mod report;
mod revert;
mod run;

pub use self::{
    adopt::{Adopted, ByHand},
    report::{Report, Unmodelled},
    revert::Reverted,
    run::{Mended, adopt_drift, drift, revert_drift},
};
