//! Reads what a database is: its catalog, its locale, its roles, the keys of its rows.

mod catalog;
pub mod keys;
mod locale;
mod row;
mod state;

pub use self::{
    catalog::{Cast, introspect, introspect_with_addresses},
    state::{extension_versions, state},
};
