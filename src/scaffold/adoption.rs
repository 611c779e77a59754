//! Brings what a database has become into the schema tree: which stretches of which files have to say something else.
//!
//! A file that is one object's is written anew; of a file that several share, only the one statement that declares the
//! object is. Where an object's declaration is spread over several statements beside others, the author has to say where
//! things go. What an edit comes to is for the shadow server to say: here it is only put together.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    SCHEMA,
    tree::{Declaration, declarations},
};
use crate::{
    catalog::Catalog,
    diagnostic::{Result, SourceFile},
    drift,
    kinds::ObjectId,
    source::{Sort, Statement, Symbol, Tree},
};

/// The three states of a database of which one has to be told from the others.
#[derive(Debug, Clone, Copy)]
pub struct Stands<'a> {
    /// As the last revision left it.
    pub left: &'a Catalog,
    /// As the tree declares it.
    pub declared: &'a Catalog,
    /// As it is.
    pub live: &'a Catalog,
}

/// What makes a tree declare what a database is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adoption {
    /// What can be done.
    pub edits: Vec<Edit>,
    /// What is left to the author.
    pub by_hand: Vec<ByHand>,
    /// What the tree declares as it is already.
    pub declared: Vec<ObjectId>,
    /// What the tree has in mind for other objects, which no plan says yet.
    pub is_ahead: bool,
}

/// A stretch of a file that has to say something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The object that it is about.
    pub object: ObjectId,
    /// The file, relative to the project; it may have to be made.
    pub path: Utf8PathBuf,
    /// What is replaced; nothing of a new file.
    pub span: Range<usize>,
    /// The replacement.
    pub text: String,
}

/// An object for which the author has to edit the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// The object.
    pub object: ObjectId,
    /// Why.
    pub why: &'static str,
    /// Where the tree speaks of it: `path:line`.
    pub places: Vec<String>,
    /// What to write there; nothing where it is gone.
    pub sql: Option<String>,
}

const SPREAD: &str = "several statements declare it, beside other objects";
const AHEAD: &str = "the tree declares a change of it that no plan has made yet";
const NOWHERE: &str = "no statement of the tree is known to declare it";
const UNPROVED: &str = "the edit that forge would make doesn't lead there";

impl Adoption {
    /// What has to be done to a tree, given with its statements, which lies in a folder (or file) of the project.
    ///
    /// # Errors
    /// If the database's objects need each other in a circle that nothing can take apart.
    pub fn new(
        stands: Stands<'_>,
        tree: &Tree,
        statements: &[Statement],
        folder: &Utf8Path,
    ) -> Result<Self> {
        let Stands {
            left,
            declared,
            live,
        } = stands;
        let drifted = drift::roots(left, live);
        let differs = drift::roots(declared, live);
        let pending = drift::roots(left, declared);
        let declarations = declarations(live)?;
        let desk = Desk {
            tree,
            statements,
            folder,
            live,
            drifted: &drifted,
            declarations: &declarations,
        };
        let mut adoption = Self {
            is_ahead: pending.iter().any(|id| !drifted.contains(id)),
            ..Self::default()
        };
        for object in &drifted {
            if !differs.contains(object) {
                adoption.declared.push(object.clone());
            } else if pending.contains(object) {
                adoption.by_hand.push(desk.by_hand(object, AHEAD));
            } else {
                match desk.edit(object) {
                    Ok(edit) => adoption.edits.push(edit),
                    Err(why) => adoption.by_hand.push(desk.by_hand(object, why)),
                }
            }
        }
        Ok(adoption)
    }

    /// The tree with the edits.
    pub fn revise(&self, tree: &Tree) -> Tree {
        let mut texts: BTreeMap<&Utf8Path, String> = tree
            .files
            .iter()
            .map(|file| (file.path.as_path(), file.text.clone()))
            .collect();
        let mut edits: Vec<&Edit> = self.edits.iter().collect();
        // The last first, so that the places of the others hold. Of those at one place, the order is kept.
        edits.sort_by_key(|edit| edit.span.start);
        for edit in edits.into_iter().rev() {
            let text = texts.entry(&edit.path).or_default();
            text.replace_range(edit.span.clone(), &edit.text);
        }
        let files = texts.into_iter().map(|(path, text)| {
            let path = path.to_owned();
            Arc::new(SourceFile { path, text })
        });
        Tree {
            files: files.collect(),
        }
    }

    /// Leaves edits to the author that don't lead where they should.
    pub fn give_up(
        &mut self,
        unproved: &BTreeSet<ObjectId>,
        tree: &Tree,
        live: &Catalog,
    ) -> Result<()> {
        let declarations = declarations(live)?;
        let (kept, given_up) = std::mem::take(&mut self.edits)
            .into_iter()
            .partition(|edit| !unproved.contains(&edit.object));
        self.edits = kept;
        let given_up: Vec<Edit> = given_up;
        self.by_hand.extend(given_up.into_iter().map(|edit| {
            let file = tree.files.iter().find(|file| file.path == edit.path);
            let place = file.map(|file| place(file, edit.span.start));
            ByHand {
                why: UNPROVED,
                places: place.into_iter().collect(),
                sql: declarations.get(&edit.object).map(|it| it.sql.clone()),
                object: edit.object,
            }
        }));
        Ok(())
    }
}

fn place(file: &SourceFile, offset: usize) -> String {
    format!("{}:{}", file.path, file.line_column(offset).0)
}

/// What edits are made from.
struct Desk<'a> {
    tree: &'a Tree,
    statements: &'a [Statement],
    folder: &'a Utf8Path,
    live: &'a Catalog,
    drifted: &'a BTreeSet<ObjectId>,
    declarations: &'a BTreeMap<ObjectId, Declaration>,
}

impl Desk<'_> {
    /// The edit for an object, or why there is none.
    fn edit(&self, object: &ObjectId) -> Result<Edit, &'static str> {
        let own = self.statements_of(object);
        let text = self.text(object);
        let edit = |path: &Utf8Path, span, text| Edit {
            object: object.clone(),
            path: path.to_owned(),
            span,
            text,
        };
        let Some(first) = own.first() else {
            let declaration = self.declarations.get(object);
            let declaration = declaration.ok_or(NOWHERE)?;
            let path = self.path(&declaration.path);
            let file = self.tree.files.iter().find(|file| file.path == path);
            let end = file.map_or(0, |file| file.text.len());
            let gap = match file {
                Some(file) if file.text.ends_with('\n') => "\n",
                Some(file) if !file.text.is_empty() => "\n\n",
                Some(_) | None => "",
            };
            return Ok(edit(&path, end..end, format!("{gap}{}", declaration.sql)));
        };
        let file = &first.file;
        let (start, end) = match own.as_slice() {
            [only] => (only.span.start, end_of(only)),
            several
                if several.iter().all(|one| one.file.path == file.path) && self.is_alone(&own) =>
            {
                (
                    first.span.start,
                    several
                        .iter()
                        .map(|one| end_of(one))
                        .max()
                        .unwrap_or_default(),
                )
            }
            _ => return Err(SPREAD),
        };
        if text.is_empty() {
            // Comments about what is gone go along, and an empty file is none.
            let whole = self.is_alone(&own);
            let span = if whole {
                0..file.text.len()
            } else {
                start..end + usize::from(file.text[end..].starts_with('\n'))
            };
            return Ok(edit(&file.path, span, String::new()));
        }
        Ok(edit(&file.path, start..end, text.trim_end().to_owned()))
    }

    fn by_hand(&self, object: &ObjectId, why: &'static str) -> ByHand {
        let own = self.statements_of(object);
        let sql = self.text(object);
        ByHand {
            object: object.clone(),
            why,
            places: own
                .iter()
                .map(|statement| place(&statement.file, statement.span.start))
                .collect(),
            sql: (!sql.is_empty()).then_some(sql),
        }
    }

    /// What declares the object, with the sequences that came with its statement unasked.
    fn text(&self, object: &ObjectId) -> String {
        let own = self.declarations.get(object);
        let mut text = own.map_or_else(String::new, |own| own.sql.clone());
        for (id, model) in self.live.objects() {
            let goes_with_it = model
                .goes_with()
                .is_some_and(|whole| whole == object || self.live.parent(whole) == Some(object));
            if !goes_with_it
                || self.live.parent(id).is_some()
                || self.drifted.contains(id)
                || !self.statements_of(id).is_empty()
            {
                continue;
            }
            if let Some(companion) = self.declarations.get(id) {
                text.push('\n');
                text.push_str(&companion.sql);
            }
        }
        text
    }

    /// The file for a new object: where a new project would have it, in this project's tree.
    fn path(&self, own: &Utf8Path) -> Utf8PathBuf {
        if self.folder.extension() == Some("sql") {
            return self.folder.to_owned();
        }
        let below = own.strip_prefix(SCHEMA).unwrap_or(own);
        self.folder.join(below)
    }

    /// The statements that say something of the object, as they stand in the files.
    fn statements_of(&self, object: &ObjectId) -> Vec<&Statement> {
        let mut found: Vec<&Statement> = self
            .statements
            .iter()
            .filter(|statement| is_about(statement, object))
            .collect();
        // They come in the order in which they are loaded.
        found.sort_by_key(|statement| (&statement.file.path, statement.span.start));
        let creating =
            |statement: &&Statement| statement.defines.iter().any(|it| names(it, object));
        if object.args.is_none() || found.iter().filter(|it| creating(it)).count() < 2 {
            return found;
        }
        // Of routines that share a name, the one whose arguments are written as PostgreSQL writes them.
        let same = |symbol: &Symbol| names(symbol, object) && symbol.arguments == object.args;
        found
            .into_iter()
            .filter(|statement| statement.defines.iter().chain(&statement.needs).any(same))
            .collect()
    }

    /// Whether the files of these statements say nothing else.
    fn is_alone(&self, own: &[&Statement]) -> bool {
        let is_own = |statement: &Statement| {
            own.iter()
                .any(|one| one.span == statement.span && one.file.path == statement.file.path)
        };
        self.statements
            .iter()
            .filter(|statement| own.iter().any(|one| one.file.path == statement.file.path))
            .all(is_own)
    }
}

/// Whether a statement creates the object or a part of it, or defines nothing and names it. It may be taken for more than
/// it is: what comes of that isn't what the database is, and then no file is changed.
fn is_about(statement: &Statement, object: &ObjectId) -> bool {
    let needs_it = || statement.needs.iter().any(|symbol| names(symbol, object));
    match statement.defines.first() {
        Some(symbol) if symbol.sort != Sort::Index => names(symbol, object),
        Some(_) | None => needs_it(),
    }
}

/// Whether a symbol is the object's name, or a part's.
fn names(symbol: &Symbol, object: &ObjectId) -> bool {
    match object.path.as_slice() {
        [name] => symbol.schema.is_none() && symbol.name == *name,
        [schema, name] => {
            symbol.name == *name && symbol.schema.as_ref().is_none_or(|own| own == schema)
        }
        _ => false,
    }
}

/// Where a statement ends, with its semicolon.
fn end_of(statement: &Statement) -> usize {
    let rest = &statement.file.text[statement.span.end..];
    let gap = rest.len() - rest.trim_start().len();
    let closed = rest[gap..].starts_with(';');
    statement.span.end + if closed { gap + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{source::load_order, sql::Ident};

    fn catalog(objects: &[(&str, Value, Option<&str>)]) -> Catalog {
        let mut catalog = Catalog::empty(150_000, Ident::new("me"));
        for (id, model, parent) in objects {
            let id: ObjectId = id.parse().unwrap();
            let model = id.kind.read(model.clone()).unwrap();
            catalog.insert(id, model, parent.map(|parent| parent.parse().unwrap()));
        }
        catalog
    }

    fn comment(table: &str, text: &str) -> (String, Value, String) {
        let table = format!("table app.{table}");
        (
            format!("comment on {table}"),
            json!({ "text": text }),
            table,
        )
    }

    /// Adopts a comment that somebody put on the table `app.a`; what the files are then, and what is left to the author.
    fn check(files: &[(&str, &str)], expected: &[(&str, &str)], by_hand: &[&str]) {
        let tables = [
            ("table app.a", json!({}), None),
            ("table app.b", json!({}), None),
        ];
        let left = catalog(&tables);
        let (id, text, parent) = comment("a", "x");
        let mut objects = tables.to_vec();
        objects.push((&id, text, Some(&parent)));
        let live = catalog(&objects);
        let files = files.iter().map(|(path, text)| {
            Arc::new(SourceFile {
                path: (*path).into(),
                text: (*text).to_owned(),
            })
        });
        let tree = Tree {
            files: files.collect(),
        };
        let statements = load_order(tree.parse().unwrap());
        let stands = Stands {
            left: &left,
            declared: &left,
            live: &live,
        };
        let adoption = Adoption::new(stands, &tree, &statements, "schema".into()).unwrap();
        let revised = adoption.revise(&tree);
        let found: Vec<(&str, &str)> = revised
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_str()))
            .collect();
        assert_eq!(found, expected);
        let places: Vec<&str> = adoption
            .by_hand
            .iter()
            .flat_map(|one| &one.places)
            .map(String::as_str)
            .collect();
        assert_eq!(places, by_hand);
    }

    #[test]
    fn what_is_changed() {
        let anew = "CREATE TABLE app.a ();\nCOMMENT ON TABLE app.a IS 'x';";
        check(
            &[("a.sql", "-- ours\ncreate table app.a ();\n")],
            &[("a.sql", &format!("-- ours\n{anew}\n"))],
            &[],
        );
        check(
            &[("all.sql", "create table app.a ();create table app.b () ;\n")],
            &[("all.sql", &format!("{anew}create table app.b () ;\n"))],
            &[],
        );
        let spread =
            "create table app.b ();\ncreate table app.a ();\nalter table app.a owner to me;\n";
        check(
            &[("all.sql", spread)],
            &[("all.sql", spread)],
            &["all.sql:2", "all.sql:3"],
        );
        let alone = "create table app.a ();\nalter table app.a owner to me;\n";
        check(&[("a.sql", alone)], &[("a.sql", &format!("{anew}\n"))], &[]);
        check(
            &[("b.sql", "create table app.b ();\n")],
            &[
                ("b.sql", "create table app.b ();\n"),
                ("schema/app/tables/a.sql", &format!("{anew}\n")),
            ],
            &[],
        );
    }
}
