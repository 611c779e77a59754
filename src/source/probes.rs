//! What rows could make a statement fail: a query for each way, made from the statement itself and those that run before it.

mod demand;
mod demands;
mod domain;
mod domains;
mod follow;
mod foresight;
mod key;
mod known;
mod look;
mod nodes;
mod partitions;
mod probe;
mod sequence;
mod sequences;
mod tables;
mod upheld;
mod values;

pub use self::{
    foresight::Foresight,
    known::{Known, KnownColumn, KnownDomain, KnownSequence, KnownTable},
    probe::{ENOUGH, Probe, SHOWN},
    tables::is_named,
};
