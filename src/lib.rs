//! forge keeps a PostgreSQL database in the shape that a tree of SQL files declares.

pub mod apply;
pub mod cancel;
pub mod catalog;
pub mod cli;
pub mod diagnostic;
pub mod diff;
pub mod drift;
pub mod history;
pub mod kinds;
pub mod plan;
pub mod report;
pub mod scaffold;
pub mod server;
pub mod settings;
pub mod source;
pub mod sql;
pub mod workbench;
