//! The plan file: what people review, psql runs, and forge reads back without loss.
//!
//! Its first lines say what it is, `-- forge:<key> <value>`; then come the settings of the session, and the steps, each
//! under a line `-- forge:step <number> <action> <object>` and what a reviewer must know of it. `BEGIN` and `COMMIT` show
//! the transactions.
//!
//! `-- forge:safe <hash>` stands in a step whose statements forge wrote, where their text alone would ask for more hazards
//! than there are; the hash is of the statements.
//!
//! A step that writes rows begins with `-- forge:data <number> <object> [what]`. Above its one statement, an UPDATE, a DELETE or an
//! INSERT … SELECT, may stand `-- forge:batch key=<columns> size=<rows> [pause=<duration>]`: forge carries it out in
//! transactions of so many rows each, in the order of the key; psql as a whole. Lines `-- forge:phase` with `expand`,
//! `backfill` or `contract` divide the steps into parts that can be applied on their own.
//!
//! The file of a way back ends with the undo steps of the plan, where that can stop half-way, between `\if false` and
//! `\endif`: psql leaves them out. They are divided by lines `-- forge:undo <steps>` with the numbers of the steps that the part undoes. Below
//! such a line stand `-- forge:changes <before> <after> <object>` for each object that those steps change, with `-` for one
//! that isn't there, and `-- forge:stays <object>` for what can't be brought back.

mod body;
mod edit;
mod frozen;
mod header;
mod read;
mod render;
mod section;
mod semver;
mod syntax;
#[cfg(test)]
mod tests;

pub use self::{
    edit::with_header,
    frozen::PlanFile,
    header::{Approval, Header},
    read::as_written,
    render::render_steps,
    semver::Semver,
    syntax::{FORMAT, SETTINGS, header_line, header_value, revision_id},
};
