//! One statement of the schema tree.

use std::{borrow::Cow, collections::BTreeSet, ops::Range, sync::Arc};

use super::{Directive, Inert, Session, Sort, Symbol, lexer::Lexer, references::References};
use crate::diagnostic::{Code, Diagnostic, SourceFile};

/// One statement of the schema tree, with what it defines and needs.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The file it stands in.
    pub file: Arc<SourceFile>,
    /// Its bytes in the file, without leading comments and white space, and without its semicolon.
    pub span: Range<usize>,
    /// What it creates, fully qualified; the first is the object that the statement is about.
    pub defines: Box<[Symbol]>,
    /// What must exist before it runs; unqualified names are looked up along the session's search path.
    pub needs: Arc<[Symbol]>,
    /// Whether it is loaded.
    pub action: Action,
    /// The settings under which it runs.
    pub session: Arc<Session>,
    /// How many bytes of its text its description takes.
    pub(super) described: u16,
    /// What it brings along without naming it in its own right: columns, keys, a serial column's sequence.
    pub(super) implied: Box<[Symbol]>,
    /// Facts for ordering.
    pub(super) traits: Traits,
    /// What few statements have: a tree has hundreds of thousands of others.
    pub(super) rare: Option<Box<Rare>>,
}

/// What few statements have.
#[derive(Debug, Clone, Default)]
pub(super) struct Rare {
    /// Its description, where that isn't its beginning.
    pub(super) description: Option<String>,
    /// Why it isn't loaded, where the user should know that.
    pub(super) warning: &'static str,
    /// The relation or type whose columns, keys or labels it changes.
    pub(super) shapes: Option<Symbol>,
    /// What a function's body refers to, which matters once the function runs.
    pub(super) body_needs: Vec<Symbol>,
    /// What `-- forge:` comments say of it and of its parts.
    pub(super) directives: Vec<Directive>,
    /// Whether and how it may be run with a superuser's privileges.
    pub(super) inert: Option<Inert>,
    /// The object to which it gives an owner by name.
    pub(super) owned: Option<Symbol>,
    /// The objects on which it grants or revokes privileges, where it names them one by one.
    pub(super) granted: Vec<Symbol>,
    /// The schemas on whose every object it does.
    pub(super) whole_schemas: Vec<String>,
    /// The roles that it names.
    pub(super) roles: BTreeSet<String>,
    /// What is changed in its text before it is loaded, in ascending order without overlap.
    pub(super) edits: Vec<Edit>,
    /// The foreign keys that can be split off a CREATE TABLE.
    pub(super) foreign_keys: Vec<ForeignKey>,
    /// A function's body as the catalog stores it, and where its literal stands in the file.
    pub(super) body: Option<Body>,
}

/// What a statement has of that which few have.
static NOTHING: Rare = Rare {
    description: None,
    warning: "",
    shapes: None,
    body_needs: Vec::new(),
    directives: Vec::new(),
    inert: None,
    owned: None,
    granted: Vec::new(),
    whole_schemas: Vec::new(),
    roles: BTreeSet::new(),
    edits: Vec::new(),
    foreign_keys: Vec::new(),
    body: None,
};

impl Rare {
    /// Kept by itself, if there is anything.
    pub(super) fn kept(self) -> Option<Box<Self>> {
        let Self {
            description,
            warning,
            shapes,
            body_needs,
            directives,
            inert,
            owned,
            granted,
            whole_schemas,
            roles,
            edits,
            foreign_keys,
            body,
        } = &self;
        let nothing = description.is_none()
            && warning.is_empty()
            && shapes.is_none()
            && body_needs.is_empty()
            && directives.is_empty()
            && inert.is_none()
            && owned.is_none()
            && granted.is_empty()
            && whole_schemas.is_empty()
            && roles.is_empty()
            && edits.is_empty()
            && foreign_keys.is_empty()
            && body.is_none();
        (!nothing).then(|| Box::new(self))
    }
}

/// What becomes of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is loaded into the shadow.
    Load,
    /// It declares nothing, such as pg_dump's SET lines.
    Skip,
    /// It isn't loaded, and the user should know.
    SkipWithWarning,
}

/// Facts about a statement that decide its place.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each read by one rule"
)]
pub(super) struct Traits {
    /// Whether it takes things away or renames them, so that its file's order counts.
    pub(super) ordered: bool,
    /// Whether PostgreSQL may run functions to carry it out, as it does to fold constants.
    pub(super) evaluates: bool,
    /// Whether later DDL could set off what it defines, so that it comes last.
    pub(super) last: bool,
    /// Whether it is a program: it may do anything to whatever is there.
    pub(super) program: bool,
    /// Whether a second definition of the same object is meant: OR REPLACE or IF NOT EXISTS.
    pub(super) repeatable: bool,
}

/// A replacement of a stretch of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

/// A foreign key inside a CREATE TABLE.
#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    /// What to cut out of the CREATE TABLE.
    pub(super) cut: Range<usize>,
    /// The constraint's text.
    pub(super) span: Range<usize>,
    /// What turns the constraint's text into a statement of its own.
    pub(super) prefix: String,
    /// The table it refers to.
    pub(super) target: Symbol,
}

/// A function's body.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) text: String,
    pub(super) literal: Range<usize>,
}

impl Statement {
    /// What it has of that which few have.
    pub(super) fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING)
    }

    /// The same, to be changed.
    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Its beginning, for messages: `CREATE TABLE app.users`.
    pub fn description(&self) -> String {
        if let Some(description) = &self.rare().description {
            return description.clone();
        }
        let mut words = String::new();
        let mut gap = false;
        let beginning = &self.text()[..usize::from(self.described)];
        for (lexeme, span) in Lexer::new(beginning) {
            if lexeme.is_blank() {
                gap = true;
                continue;
            }
            if gap && !words.is_empty() {
                words.push(' ');
            }
            gap = false;
            words.push_str(&beginning[span]);
        }
        words
    }

    /// What a function's body refers to, which matters once the function runs.
    pub fn body_needs(&self) -> &[Symbol] {
        &self.rare().body_needs
    }

    /// What `-- forge:` comments say of it and of its parts.
    pub fn directives(&self) -> &[Directive] {
        &self.rare().directives
    }

    /// Whether and how it may be run with a superuser's privileges.
    pub fn inert(&self) -> Option<&Inert> {
        self.rare().inert.as_ref()
    }

    /// The object to which it gives an owner by name.
    pub fn owned(&self) -> Option<&Symbol> {
        self.rare().owned.as_ref()
    }

    /// The text as it stands in the file.
    pub fn text(&self) -> &str {
        &self.file.text[self.span.clone()]
    }

    /// The text to load, without a semicolon.
    pub fn sql(&self) -> Cow<'_, str> {
        let edits = &self.rare().edits;
        if edits.is_empty() {
            return Cow::Borrowed(self.text());
        }
        let mut sql = String::with_capacity(self.span.len());
        let mut at = self.span.start;
        for edit in edits {
            sql.push_str(&self.file.text[at..edit.span.start]);
            sql.push_str(&edit.text);
            at = edit.span.end;
        }
        sql.push_str(&self.file.text[at..self.span.end]);
        Cow::Owned(sql)
    }

    /// The byte of the file that a byte of [`Statement::sql`] comes from.
    pub fn file_offset(&self, offset: usize) -> usize {
        let mut at = self.span.start;
        let mut passed = 0;
        for edit in &self.rare().edits {
            let kept = edit.span.start - at;
            if offset < passed + kept {
                break;
            }
            passed += kept;
            if offset < passed + edit.text.len() {
                return edit.span.start;
            }
            passed += edit.text.len();
            at = edit.span.end;
        }
        (at + offset.saturating_sub(passed)).min(self.span.end)
    }

    /// The object that the statement is about, if it defines one.
    pub fn subject(&self) -> Option<&Symbol> {
        self.defines.first()
    }

    /// Everything that it defines, the parts and helpers that come along included.
    pub fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.defines.iter().chain(&self.implied)
    }

    /// Whether it is loaded into the shadow.
    pub fn is_loaded(&self) -> bool {
        match self.action {
            Action::Load => true,
            Action::Skip | Action::SkipWithWarning => false,
        }
    }

    /// Whether later statements could set off what it defines.
    pub fn is_last(&self) -> bool {
        self.traits.last
    }

    /// Whether it grants or revokes privileges on all objects of schemas.
    pub fn grants_on_whole_schemas(&self) -> bool {
        !self.rare().whole_schemas.is_empty()
    }

    /// Whether it is a program, a DO block or a call: what it does to the database isn't all to be seen in it.
    pub fn is_program(&self) -> bool {
        self.traits.program
    }

    /// Adds what parts of it refer to that were read by themselves.
    pub(super) fn needs_also(&mut self, parts: impl Iterator<Item = References>) {
        let mut more = BTreeSet::new();
        for references in parts {
            more.extend(references.needs);
            if !references.roles.is_empty() {
                self.rare_mut().roles.extend(references.roles);
            }
        }
        if !more.is_empty() {
            more.retain(|need| !self.needs.contains(need));
            self.needs = self.needs.iter().cloned().chain(more).collect();
        }
    }

    /// The statement of a stretch that begins at a byte of the file, as one of the file.
    pub(super) fn moved(mut self, file: &Arc<SourceFile>, base: usize) -> Self {
        if Arc::ptr_eq(&self.file, file) {
            return self;
        }
        self.file = Arc::clone(file);
        let moved = |span: &Range<usize>| span.start + base..span.end + base;
        self.span = moved(&self.span);
        let Some(rare) = self.rare.as_deref_mut() else {
            return self;
        };
        let directives = rare.directives.iter_mut();
        let keys = rare.foreign_keys.iter_mut();
        let edits = rare.edits.iter_mut().map(|edit| &mut edit.span);
        for span in directives
            .map(|directive| {
                directive.file = Arc::clone(file);
                &mut directive.span
            })
            .chain(keys.flat_map(|key| [&mut key.cut, &mut key.span]))
            .chain(edits)
            .chain(rare.body.as_mut().map(|body| &mut body.literal))
        {
            *span = moved(span);
        }
        self
    }

    /// An error at the statement's beginning.
    pub(super) fn error(&self, code: Code, message: impl Into<String>, label: &str) -> Diagnostic {
        Diagnostic::error(code, message).at(&self.file, self.head(), label)
    }

    /// The first line of the statement, which is enough to point at.
    pub fn head(&self) -> Range<usize> {
        let line = self.text().lines().next().unwrap_or("").trim_end();
        self.span.start..self.span.start + line.len()
    }

    /// Where a byte of a function's body stands in the file, if the statement has a body.
    pub fn body_offset(&self, offset: usize) -> Option<usize> {
        let body = self.rare().body.as_ref()?;
        Some(body.literal.start + raw_offset(&self.file.text[body.literal.clone()], offset))
    }

    /// The body that the statement gives its function.
    pub fn body(&self) -> Option<&str> {
        self.rare().body.as_ref().map(|body| body.text.as_str())
    }
}

/// The byte of a string literal that a byte of its value comes from.
fn raw_offset(literal: &str, offset: usize) -> usize {
    if let Some(tagged) = literal.strip_prefix('$') {
        let tag = tagged.find('$').map_or(0, |end| end + 2);
        return (tag + offset).min(literal.len());
    }
    let escapes = literal.starts_with(['E', 'e']);
    let mut value = 0;
    let mut raw = literal.find('\'').map_or(0, |quote| quote + 1);
    while value < offset && raw < literal.len() {
        let rest = &literal[raw..];
        // A doubled quote or an escape is two bytes for one; the rarer numeric escapes shift the caret by a few columns.
        let pair = rest.starts_with("''") || (escapes && rest.starts_with('\\') && rest.len() > 1);
        raw += if pair { 2 } else { 1 };
        value += 1;
    }
    raw.min(literal.len())
}

/// The roles that the statements name, as owners, grantees or members of policies: they must exist where the tree is loaded.
pub fn roles(statements: &[Statement]) -> BTreeSet<String> {
    statements
        .iter()
        .filter(|statement| statement.is_loaded())
        .flat_map(|statement| statement.rare().roles.iter().cloned())
        .collect()
}

/// The extensions that the statements create, with the statement that does.
pub fn extensions(statements: &[Statement]) -> Vec<(&str, &Statement)> {
    statements
        .iter()
        .filter(|statement| statement.is_loaded())
        .filter_map(|statement| {
            let symbol = statement
                .subject()
                .filter(|symbol| symbol.sort == Sort::Extension)?;
            Some((symbol.name.as_str(), statement))
        })
        .collect()
}

/// As many statements that are left out are named.
const MOST_WARNINGS: usize = 100;

/// What to tell the user of statements that are left out.
pub fn warnings(statements: &[Statement]) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        if warnings.len() >= MOST_WARNINGS {
            let is_left_out = |it: &&Statement| it.action == Action::SkipWithWarning;
            let more = statements[index..].iter().filter(is_left_out).count();
            if more > 0 {
                let message = format!("{more} more statements are left out");
                warnings.push(Diagnostic::warning(Code::NotSchema, message));
            }
            break;
        }
        match statement.action {
            Action::SkipWithWarning => {
                // The text isn't shown: a role's password or a connection string may stand there.
                let (line, _) = statement.file.line_column(statement.span.start);
                warnings.push(
                    Diagnostic::warning(
                        Code::NotSchema,
                        format!("`{}` is left out", statement.description()),
                    )
                    .note(statement.rare().warning)
                    .note(format!(
                        "it stands in `{}`, line {line}",
                        statement.file.path
                    )),
                );
            }
            Action::Load | Action::Skip => {}
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literals_value_is_found_in_its_text() {
        fn check(literal: &str, offset: usize, rest: &str) {
            assert_eq!(&literal[raw_offset(literal, offset)..], rest);
        }
        check("$$abc$$", 1, "bc$$");
        check("$body$abc$body$", 0, "abc$body$");
        check("'a''bc'", 2, "bc'");
        check("E'a\\'b'", 2, "b'");
        check("'ab'", 9, "");
    }
}
