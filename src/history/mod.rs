//! The revisions: those of the plans folder, how they build on each other, and what a target remembers of them.
//!
//! A target remembers in its schema `forge`: each revision with its whole body, so that a lost file loses nothing, and an
//! append-only list of events. Which revisions are applied follows from the events; nothing else says it.

mod approved;
mod backfill;
mod draft;
mod folder;
mod graph;
mod journal;
mod naming;
mod preamble;
mod reference;
mod registration;
mod resolve;
mod revisions;
mod running;
mod signature;
mod stamp;
mod store;
mod stray;
mod validate;
mod walk;

pub use self::{
    approved::{Coverage, check_all_covered, check_approved, check_covered, coverages},
    backfill::{
        Backfill, KeyValues, Opened, Opening, Passed, StepOf, Wish, advance_backfill, backfills,
        beat_backfill, forget_backfills, open_backfill, wish_backfills,
    },
    draft::{plan_texts, remove_draft, write_plan},
    folder::{Filed, Folder},
    graph::{Graph, Node},
    journal::{Direction, Event, EventKind, Journal, Owed, Partly, Recorded, Standing, Taken},
    naming::{Unnamed, file_name, new_revision, vague},
    preamble::preamble,
    reference::{Place, Range, Reference},
    registration::{Body, Storable, registration},
    resolve::Walk,
    revisions::{Revisions, remembered, remembered_down, remembered_pair},
    running::{Running, running},
    signature::{Signers, sign},
    stamp::{Stamp, stamp},
    store::{
        Actor, Ensured, Entry, HISTORY, body, ensure, is_as_left, load, new_run, owed, record,
        register, save_snapshot, snapshot,
    },
    stray::Stray,
    validate::{is_broken, validate},
};
