//! Brings what a database has become into the schema tree: which stretches of which files have to say something else.
//!
//! Where it can be told which part of a statement has changed, only that part is. Otherwise the object's statements are written
//! anew, and the comments among them stand above; those of a file that several objects share only if there is one. Where an object's declaration is spread over several statements beside others, the author has to say where
//! things go. What an edit comes to is for the shadow server to say: here it is only put together.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    in_place,
    new_file::SCHEMA,
    tree::{Declaration, declarations},
};
use crate::{
    catalog::Catalog,
    diagnostic::{Result, SourceFile},
    drift,
    kinds::ObjectId,
    source::{Sort, Statement, Symbol, Tree, comments, with_line_ends_of},
    sql::Ident,
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
    /// What can be done where changing only a part leads astray.
    whole: BTreeMap<ObjectId, Edit>,
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
    /// How many comments stand above the statement now that stood in it.
    pub moved_comments: usize,
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
        let (before, declarations) = (declarations(declared)?, declarations(live)?);
        let desk = Desk {
            tree,
            statements,
            folder,
            live,
            drifted: &drifted,
            before: &before,
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
                let parts = desk.in_place(object).filter(|parts| !parts.is_empty());
                match (parts, desk.edit(object)) {
                    (Some(parts), whole) => {
                        adoption.edits.extend(parts);
                        let whole = whole.ok().map(|whole| (object.clone(), whole));
                        adoption.whole.extend(whole);
                    }
                    (None, Ok(whole)) => adoption.edits.push(whole),
                    (None, Err(why)) => adoption.by_hand.push(desk.by_hand(object, why)),
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

    /// Writes statements anew of which a part was changed and that doesn't lead where it should, and leaves other such edits to
    /// the author.
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
        let mut given_up: Vec<Edit> = given_up;
        given_up.dedup_by(|one, other| one.object == other.object);
        given_up.retain(|edit| match self.whole.remove(&edit.object) {
            Some(whole) => {
                self.edits.push(whole);
                false
            }
            None => true,
        });
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
    /// How the tree declares each object, in PostgreSQL's words, and how the database is.
    before: &'a BTreeMap<ObjectId, Declaration>,
    declarations: &'a BTreeMap<ObjectId, Declaration>,
}

impl Desk<'_> {
    /// The edits that change of an object's statements only what is different.
    fn in_place(&self, object: &ObjectId) -> Option<Vec<Edit>> {
        let (before, after) = (self.before.get(object)?, self.declarations.get(object)?);
        let parts = in_place::stretches(&self.statements_of(object), &before.sql, &after.sql)?;
        let edits = parts.into_iter().map(|part| Edit {
            object: object.clone(),
            path: part.path,
            span: part.span,
            text: part.text,
            moved_comments: 0,
        });
        Some(edits.collect())
    }

    /// The edit that writes an object's statements anew, or why there is none.
    fn edit(&self, object: &ObjectId) -> Result<Edit, &'static str> {
        let own = self.statements_of(object);
        let text = self.text(object);
        let edit = |path: &Utf8Path, span, text| Edit {
            object: object.clone(),
            path: path.to_owned(),
            span,
            text,
            moved_comments: 0,
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
            [only] => (only.span.start, in_place::end_of(only)),
            several
                if several.iter().all(|one| one.file.path == file.path) && self.is_alone(&own) =>
            {
                (
                    first.span.start,
                    several
                        .iter()
                        .map(|one| in_place::end_of(one))
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
        // Directives are of the columns that they stand beside, and say what was to be done.
        let kept = comments(&file.text[start..end]).into_iter();
        let kept: Vec<&str> = kept.filter(|comment| !is_directive(comment)).collect();
        let mut text = text.trim_end().to_owned();
        for comment in kept.iter().rev() {
            text.insert_str(0, &format!("{comment}\n"));
        }
        Ok(Edit {
            moved_comments: kept.len(),
            ..edit(&file.path, start..end, with_line_ends_of(&file.text, text))
        })
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
                .facts()
                .goes_with
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
        let same = |symbol: &Symbol| {
            names(symbol, object)
                && symbol.arguments.as_ref().map(Ident::as_str) == object.args.as_deref()
        };
        found
            .into_iter()
            .filter(|statement| statement.defines.iter().chain(&*statement.needs).any(same))
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

/// Whether a comment is for forge.
fn is_directive(comment: &str) -> bool {
    let text = comment.strip_prefix("--").unwrap_or_default();
    text.trim_start().starts_with("forge:")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::source::load_order;

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
        let comment = "COMMENT ON TABLE app.a IS 'x';";
        check(
            &[("a.sql", "-- ours\ncreate table app.a (); -- so\n")],
            &[(
                "a.sql",
                &format!("-- ours\ncreate table app.a (); -- so\n{comment}\n"),
            )],
            &[],
        );
        check(
            &[("all.sql", "create table app.a ();create table app.b () ;\n")],
            &[(
                "all.sql",
                &format!("create table app.a ();\n{comment}create table app.b () ;\n"),
            )],
            &[],
        );
        let spread =
            "create table app.b ();\ncreate table app.a ();\nalter table app.a owner to me;\n";
        check(
            &[("all.sql", spread)],
            &[("all.sql", &format!("{spread}{comment}\n"))],
            &[],
        );
        let crlf = "create table app.a ();\r\nalter table app.a owner to me;\r\n";
        check(
            &[("a.sql", crlf)],
            &[("a.sql", &format!("{crlf}{comment}\r\n"))],
            &[],
        );
        let anew = format!("CREATE TABLE app.a ();\n{comment}");
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
