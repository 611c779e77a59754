//! Reads the schema tree: walks its files, parses them, finds directives, and puts the statements of all files into an
//! order in which they load.
//!
//! The only part of forge that sees pg_query and sqlparser. It doesn't decide what the desired catalog is — the shadow
//! server does — but where each statement stands, what it names, and whether it belongs into a schema tree at all.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "PostgreSQL's syntax tree has 270 kinds of node, its scanner 500 tokens"
)]

mod about_table;
mod abridged;
mod accesses;
mod amend;
mod ast;
mod bounded;
mod breaks;
mod casts;
mod columns;
mod define;
mod dialect;
mod directive;
mod directives;
mod do_block;
mod duplicates;
mod effects;
mod elements;
mod expression;
mod foreign_keys;
mod grammar;
mod grants;
mod inert;
mod leakproof;
mod lexer;
mod makes;
mod named;
mod names;
mod needs;
mod newer_words;
mod order;
mod outline;
mod owner;
mod parse;
mod places;
mod policy;
mod probes;
mod psql;
mod references;
mod rewrite;
mod role;
mod session;
mod statement;
mod statement_kind;
mod symbol;
mod syntax;
mod tokens;
mod walk;

pub use about_table::{About, about_table};
pub use accesses::{
    Access, Accesses, accesses, fires, moves, passed_on, passes_on, query_accesses,
};
pub use amend::{about, amend, comments, with_line_ends_of};
pub use ast::argument_types;
pub use bounded::{Bounded, row, writes_rows};
pub use casts::casts_of;
pub use directive::{Directive, DirectiveKind};
pub use effects::{
    Effect, Harm, defined, effects, evaluated, fires_event_triggers, unqualified,
    unqualified_within,
};
pub use expression::{ExpressionNames, names_in};
pub use grammar::SyntaxError;
pub use grants::{Defined, Share, granted_on_share};
pub use inert::{AboutExtensions, Inert, Performer, about_extensions, inert};
pub use leakproof::{Leakproof, leakproof};
pub use makes::{Makes, makes};
pub(crate) use names::first_causes;
pub use needs::{Need, needs};
pub use order::load_order;
pub(crate) use places::{byte_of_character, name_at};
pub use probes::{
    ENOUGH, Foresight, Known, KnownColumn, KnownDomain, KnownSequence, KnownTable, Probe, SHOWN,
    is_named,
};
pub use psql::without_variables;
pub use references::{body_references, roles_in};
pub use rewrite::rewritten;
pub use role::{RolesOf, needed_roles, with_stand_ins};
pub use session::{Session, dotted_name};
pub use statement::{Action, Statement, extensions, roles, warnings};
pub use symbol::{Namespace, Sort, Symbol};
pub use tokens::{normalised, split, statements_in, with_plain_comments};
pub use walk::Tree;
