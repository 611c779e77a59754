//! forge keeps a PostgreSQL database in the shape that a tree of SQL files declares.
//!
//! The author of a change edits the files; `forge plan` writes the steps from what the database is to what the files say;
//! a person approves them; `forge apply` carries them out; `forge drift` tells when somebody changed the database by hand.
//! This page is the map of the code and the list of what it promises. `tests/contract` holds the rules that can be held
//! by reading the source, and the cases under `fixtures/cases` hold the rest against a real server.
//!
//! # The way of the data
//!
//! ```text
//! schema/**/*.sql ── source ──▶ statements ── shadow server ── introspect ──▶ desired catalog ─┐
//! live database ────────────────────────────────────────────── introspect ──▶ live catalog ────┤
//!                                                                                        diff ◀┘
//!                                                                                          │ fates
//!                                                            steps, edges, order, transactions
//!                                                                                          ▼
//! plans/<name>.sql, a draft ◀── render ── plan ──▶ proved on the shadow: up gives desired, down gives live
//!         │ approve
//!         ▼
//! plans/<name>.sql, frozen ── apply ──▶ live database ── introspect ──▶ as the plan promised?
//! ```
//!
//! There is one direction and no way back. Both [`Catalog`]s come from the same queries on a real server
//! ([`introspect`](mod@introspect)), so that a difference between them is a real difference: expressions, views and types are
//! compared as PostgreSQL prints them, and nothing repairs SQL text. The parser under [`source`] splits files, orders
//! statements, and refuses what is no schema; what a statement *means* is for the server to say.
//!
//! # In a program
//!
//! The [`commands`] are functions: a program plans, applies and checks drift of its own database when it starts, or in its tests.
//! They print nothing; what they tell while they work goes to a [`Listener`](listener::Listener), and what they return is a report
//! that can be serialized. `examples/embed.rs` is a whole program.
//!
//! ```no_run
//! use forge::commands::{self, Project, apply};
//!
//! # fn main() -> forge::diagnostic::Result<()> {
//! let report = commands::block_on(async || {
//!     let project = Project::open("database")?;
//!     commands::apply(&project, &apply::Options::default()).await?;
//!     commands::drift(&project).await
//! })?;
//! assert!(!report.drift, "somebody changed the database by hand");
//! # Ok(())
//! # }
//! ```
//!
//! # Where is what
//!
//! | module | what it does |
//! |---|---|
//! | [`sql`] | identifiers and literals: the only code that quotes |
//! | [`diagnostic`] | what forge says when something is wrong: [`Diagnostic`](diagnostic::Diagnostic), its stable [`Code`](diagnostic::Code), the process's [`Exit`](diagnostic::Exit) code |
//! | [`files`] | the project's files: the only code that opens a path which the repository decides |
//! | [`shown`] | what may be shown of a text that the user gave, which may be a password |
//! | [`source`] | the schema tree: walk, parse, judge, order; the only user of the parsers |
//! | [`kinds`] | one folder for each kind of object, and the contract that they fulfil, [`ObjectKind`](kinds::ObjectKind) |
//! | [`connection`] | connecting as libpq does: options, TLS, login, [`Session`](connection::session::Session), tunnel |
//! | [`introspect`](mod@introspect) | reads a database: its catalog, its locale, the keys of its rows |
//! | [`shadow`] | throwaway servers and the [embedded](shadow::embedded) one |
//! | [`build`] | a schema tree becomes a [`Scratch`](build::Scratch) database of a shadow server; plans run there |
//! | [`catalog`] | a database's objects at one moment, what depends on what, and the [`Fingerprint`](catalog::Fingerprint) of it all |
//! | [`diff`] | the [`Fate`](diff::Fate) of each object; names no kind |
//! | [`plan`](mod@plan) | from fates to ordered steps in transactions, and the [plan file](plan::file) |
//! | [`intent`] | what the author says and catalogs can't tell: renames, and values of rows |
//! | [`workbench`] | a shadow server in use: builds the desired state, proves, compares, replays and rehearses plans |
//! | [`conclusions`] | what was found out before and holds as long as nothing changes: the catalog that a tree declares, and that it is the target's |
//! | [`predecessor`] | the tools that changed a database before forge did: whose bookkeeping it holds |
//! | [`scaffold`] | the files of a new project, also from a database's schema |
//! | [`history`] | revisions: their graph, the plans folder, the journal in the target |
//! | [`drift`] | what changed in a database, for people to read |
//! | [`apply`] | runs frozen plans: lock, checks, execution, resumption |
//! | [`health`] | is all well? what `doctor`, `verify` and `preflight` look at |
//! | [`settings`] | flags, environment and `forge.toml`, brought together once |
//! | [`hooks`] | the project's own commands around an apply, backup and webhook |
//! | [`report`] | the terminal: the only code that prints |
//! | [`spelling`] | which known word a mistyped one may stand for |
//! | [`listener`] | who hears what a command tells while it works |
//! | [`cancel`] | the user's wish to stop, by degrees |
//! | [`commands`] | what commands do, for programs: plain values in, a report out, nothing printed |
//! | [`cli`] | one file for each command: its arguments, and how its report is shown |
//!
//! Dependencies point one way, `sql ← kinds ← catalog ← diff ← plan ← history ← apply ← commands ← cli`; the contract test has the
//! whole list. Only [`connection`], [`introspect`](mod@introspect), [`shadow`], [`build`] and [`apply`] use a connection's
//! client, everybody else holds a [`Session`](connection::session::Session). (The journal of [`history`] is the exception,
//! because it stands in the database that it is about.)
//!
//! # Kinds
//!
//! Whatever `pg_depend` can point at is an [`Object`](kinds::Object) with an [`ObjectId`](kinds::ObjectId) of its own: a
//! column, a default and a constraint are objects that belong to a table. Comments, owners and grants are kinds too, once for
//! all that they can be about. A kind's folder holds the query that reads it, its model, a table that says what a difference
//! in each attribute means ([`Attribute`](kinds::Attribute), [`Reaction`](kinds::Reaction)), and the statements that create,
//! drop and alter it. It compares nothing, orders nothing and names no other kind; and the engine — [`diff`], and of
//! [`plan`](mod@plan) the steps, their edges, order and transactions — names no kind at all. What is special about a kind is
//! said through the [`contract`](kinds::contract), for everyone: that dropping it is shown although its table goes too, that
//! PostgreSQL makes it by itself on a new partition, that it can leave its parent's `CREATE` to break a cycle. The contract's
//! page shows a whole kind.
//!
//! The vocabulary of steps — [`Step`](kinds::Step), [`Lock`](kinds::Lock), [`Hazard`](kinds::Hazard) — lives in [`kinds`] and
//! not in [`plan`](mod@plan), because it is kinds that answer with steps, and they know nothing of what comes after them.
//!
//! A kind sees the rest of the plan only through [`World`](kinds::World): read-only questions about both catalogs and the
//! fates of objects. Another kind's object is a [`Model`](kinds::Model) to it, which tells its [`Facts`](kinds::Facts); it never
//! sees another kind's SQL.
//!
//! # Replacement, order, cycles
//!
//! What has to be dropped and created again takes its dependents along, by the live catalog's dependencies on the way down
//! and the desired catalog's on the way up; forge never writes `CASCADE`. A table is replaced without losing its rows: the old
//! one stands [`Aside`](kinds::Aside) under another name until the new one has been filled from it. Steps wait for each other
//! where the catalogs say so or where one takes a name that another frees; ties are broken by rank and id. A cycle is broken at
//! a part that can stand alone, a foreign key or a default, and one that can't be broken is an error that names its members.
//!
//! # Renames and values
//!
//! Two catalogs can't tell a rename from a drop and a create, so the tree's directives do ([`intent`]). What is to be renamed
//! is renamed on a copy of the live state, since only PostgreSQL knows which views, checks and defaults mention a name; the
//! copy is read again, and the plan is the renames and then the difference between the copy and the desired state. Objects
//! are told by their addresses, which stay, so that each step expects of the database what has the old name there. The way
//! back is the rest backwards, and then the old names. Without a directive nothing is guessed: the plan only says which
//! rename a drop looks like.
//!
//! # Fingerprints
//!
//! The fingerprint of a catalog is the *sum* of a hash of each object. So the effect of a plan is the difference of two
//! fingerprints, and a plan fits any database in which the objects that it touches are as it expects, whatever else is there:
//! other people's tables, a plan that was merged from another branch. A plan file notes the fingerprints `from` and `to`, and
//! with each step the short fingerprint of the object that it changes.
//!
//! # What stays true
//!
//! - [`sql`], [`kinds`], [`catalog`], [`diff`], [`plan`](mod@plan) and [`intent`] do no I/O, know no server and no command
//!   line, and read no clock and no environment.
//! - A catalog is read in one `REPEATABLE READ READ ONLY` transaction under fixed settings, which is closed at once.
//! - The same two catalogs give the same plan, byte for byte.
//! - An object that the introspection sees and no kind models is reported, never dropped silently; a catalog value that this
//!   version doesn't know is an error that names the object.
//! - No step is without its lock level, its hazards and its reason. Rows survive unless a step with an approved hazard says
//!   otherwise.
//! - Every plan that is written has been proved on a shadow server, up and down.
//! - Code of the schema tree runs as an ordinary role in a scratch database, and reaches nothing outside it. On a server of
//!   forge's own, a superuser's privileges are for single statements that evaluate nothing ([`Inert`](source::Inert)) and that
//!   forge writes itself; on a server of the user's, no statement has them. Where the kernel can, it
//!   confines the servers that forge starts ([`Landlock`](shadow::Landlock)).
//! - What the tree or a plan says reaches a server as exactly the one statement that the parser has read, whatever settings
//!   its code has changed. On a shadow server it has a time limit that its code can't lift.
//! - A frozen plan is applied verbatim or refused, with the approval and the way back that it was frozen with. Line ends,
//!   white space and comments don't count.
//! - Killing forge or the server at any moment loses nothing: the next `apply` finishes the work or says what stands.
//! - No secret is printed or written.
//! - The exit codes are stable: see [`Exit`](diagnostic::Exit).
//!
//! # A new kind
//!
//! A folder under `src/kinds` with `introspect.sql` and `mod.rs`, a line in the list of `src/kinds/mod.rs`, cases under
//! `fixtures/cases`, a line in the README's table. Where it costs more, the contract is wrong: mend that first, for all kinds.
//!
//! [`Catalog`]: catalog::Catalog

pub mod apply;
pub mod build;
pub mod cancel;
pub mod catalog;
pub mod cli;
pub mod commands;
pub mod conclusions;
pub mod connection;
pub mod diagnostic;
pub mod diff;
pub mod drift;
pub mod environment;
pub mod files;
pub mod health;
pub mod history;
pub mod hooks;
mod http;
pub mod intent;
pub mod introspect;
pub mod kinds;
pub mod listener;
pub mod plan;
pub mod predecessor;
pub mod report;
pub mod scaffold;
pub mod settings;
pub mod shadow;
pub mod shown;
pub mod source;
pub mod spelling;
pub mod sql;
mod system;
pub mod workbench;
