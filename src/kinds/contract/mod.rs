//! What a kind of object has to say of itself: [`ObjectKind`].
//!
//! A kind lives in one folder: the query that reads it, the model that a row becomes, the table of its attributes, and
//! the statements that create, drop and alter it. Comparison, order, quoting and printing are the engine's.
//!
//! Most kinds need little of this. What they all answer are the trait's required items. What holds for a kind as a whole is
//! its [`Profile`]; what its objects are like, to the engine and to other kinds, are their [`Facts`]. The rest are protocols, each
//! a table of functions that a kind fills where it takes part:
//!
//! | protocol | what it is for |
//! |---|---|
//! | [`Renaming`] | objects and their parts get other names |
//! | [`Replacement`] | a new object takes the place of the old one, which stands aside meanwhile |
//! | [`Survival`] | an object outlives what it goes with, or leaves it |
//! | [`Contents`] | what the object holds, which no schema tree can say |
//! | [`Additions`] | what the server adds of its own accord |
//!
//! # A whole kind
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use forge::{attributes, kinds::{Attribute, Context, Fragment, ObjectId, ObjectKind, Passage, Profile, Renaming, Step}};
//! /// An access method (PostgreSQL docs: CREATE ACCESS METHOD).
//! #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
//! pub struct AccessMethod {
//!     /// `TABLE` or `INDEX`.
//!     pub of: String,
//!     /// Its handler, as SQL.
//!     pub handler: String,
//! }
//!
//! impl ObjectKind for AccessMethod {
//!     // A file of its own: `include_str!("introspect.sql")`.
//!     const INTROSPECT: &'static str = "
//! SELECT ARRAY[a.amname]::text[] AS path,
//!     CASE a.amtype WHEN 't' THEN 'TABLE' ELSE 'INDEX' END AS of,
//!     a.amhandler::regproc::text AS handler,
//!     'pg_am'::regclass::oid AS classid, a.oid AS objid, 0 AS objsubid
//! FROM pg_am a ORDER BY a.amname";
//!     // PostgreSQL changes neither, so that a difference replaces the object.
//!     const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self { of, handler });
//!
//!     fn address(&self, id: &ObjectId) -> String {
//!         format!("ACCESS METHOD {}", id.sql())
//!     }
//!
//!     fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
//!         let (of, handler) = (&self.of, &self.handler);
//!         vec![Step::create(id, format!("CREATE ACCESS METHOD {} TYPE {of} HANDLER {handler}", id.sql()))]
//!     }
//!
//!     fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
//!         vec![Step::drop(id, format!("DROP ACCESS METHOD {}", id.sql()))]
//!     }
//!
//!     fn breaks(_change: &Passage<'_, Self>) -> Option<String> {
//!         None // What uses it would go, too, and says so itself.
//!     }
//! }
//! ```
//!
//! With a line in `src/kinds/kind.rs` (`access_method AccessMethod "access method",`) and a case under `fixtures/cases`
//! (`live.sql`, `desired.sql`; `UPDATE=1 cargo test --test cases` writes the plan to be reviewed), that is all.

mod additions;
mod attribute;
mod change;
mod contents;
mod facts;
mod follow;
mod object_kind;
mod profile;
mod renaming;
mod replacement;
mod survival;
mod world;

pub use self::{
    additions::Additions,
    attribute::{Attribute, Comparison, Difference, replace, shown, sorted},
    change::{Change, Passage, Reaction},
    contents::Contents,
    facts::{Facts, HandedDown, IndexName},
    follow::Follow,
    object_kind::{Answer, Claim, Fragment, ObjectKind, Unfinished},
    profile::Profile,
    renaming::Renaming,
    replacement::{Aside, Replacement},
    survival::Survival,
    world::{Context, Model, Values, World},
};
