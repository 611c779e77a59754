//! The tools that changed a database before forge did: whose bookkeeping it holds, and at which version.
//!
//! A tool is recognised by a table of its name *and* the columns that it makes, in any schema: a table that is only called
//! the same is somebody's own.

mod tool;
mod tools;

use std::collections::BTreeSet;

pub use self::tool::Tool;
use self::tools::TOOLS;
use crate::{
    catalog::{Catalog, Scope},
    connection::session::Session,
    diagnostic::Result,
    kinds::{Glob, Kind, Object, ObjectId},
    sql::visible,
};

/// The longest version that is shown, in characters.
const LONGEST: usize = 120;

impl Tool {
    /// Every tool that forge recognises.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        TOOLS.iter()
    }
}

/// A tool's books in a database.
#[derive(Debug)]
pub struct Predecessor {
    /// The tool.
    pub tool: &'static Tool,
    /// Its tables, the one that holds the version first.
    pub tables: Vec<ObjectId>,
}

/// The tools whose books a database holds; the same tool may keep several, each in a schema of its own.
pub fn recognise(catalog: &Catalog) -> Vec<Predecessor> {
    let children = catalog.children();
    let columns = |table: &ObjectId| -> Vec<(&str, &str)> {
        let parts = children.get(table).into_iter().flatten();
        parts
            .filter_map(|id| match catalog.get(id) {
                Some(Object::Column(column)) => {
                    Some((id.name().as_str(), column.type_name.as_str()))
                }
                Some(_) | None => None,
            })
            .collect()
    };
    let tables: Vec<&ObjectId> = catalog
        .objects()
        .map(|(id, _)| id)
        .filter(|id| id.kind == Kind::Table)
        .collect();
    let mut found = Vec::new();
    for tool in Tool::all() {
        let (first, others) = tool.books.split_first().expect("a tool has a table");
        for table in tables
            .iter()
            .filter(|id| id.name().as_str() == first.table && first.fits(&columns(id)))
        {
            let beside = others
                .iter()
                .map(|books| (books, table.renamed(books.table.into())))
                .filter(|(books, id)| catalog.contains(id) && books.fits(&columns(id)))
                .map(|(_, id)| id);
            found.push(Predecessor {
                tool,
                tables: [(*table).clone()].into_iter().chain(beside).collect(),
            });
        }
    }
    found
}

impl Predecessor {
    /// What leaves its tables out of what is managed.
    pub fn globs(&self) -> Vec<Glob> {
        self.tables.iter().map(Glob::of_object).collect()
    }

    /// The objects of others that need its tables, without which they can't be declared.
    pub fn needed_by(&self, catalog: &Catalog) -> BTreeSet<ObjectId> {
        let without = Scope {
            exclude: self.globs(),
            ..Scope::default()
        };
        let mut rest = catalog.clone();
        without.restrict(&mut rest);
        let needs = |id: &ObjectId| catalog.dependencies(id).any(|on| !rest.contains(on));
        rest.objects()
            .filter(|(id, _)| needs(id))
            .map(|(id, _)| id.clone())
            .collect()
    }
}

/// The versions that each one's table holds, read at one moment. None where it is empty.
///
/// # Errors
/// If a table can't be read.
pub async fn versions(session: &Session, found: &[Predecessor]) -> Result<Vec<Vec<String>>> {
    let queries: Vec<String> = found
        .iter()
        .map(|one| one.tool.version.replace("@table@", &one.tables[0].sql()))
        .collect();
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let answers = session.snapshot(&queries).await?;
    let shown = |version: String| {
        // It is shown, and stands in a comment: a line of its own it doesn't get.
        visible(&version).chars().take(LONGEST).collect()
    };
    Ok(answers
        .iter()
        .map(|rows| rows.iter().map(|row| shown(row.get("version"))).collect())
        .collect())
}
