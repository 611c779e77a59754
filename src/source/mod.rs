//! The schema tree.
