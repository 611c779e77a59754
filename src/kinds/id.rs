//! What an object is called, the same in every database.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Kind;
use crate::sql::{Ident, dotted, escaped, unescaped};

/// The identity of an object: its kind and its name, never an OID.
///
/// An id has a text form that reads as English and parses back, used in plan files, reports and the catalog's JSON:
/// `table app.users`, `column app.users.email`, `function app.f(integer, text)`, `comment on table app.users`,
/// `grant on schema app to PUBLIC`. It is one line whatever the names hold: see [`escaped`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// The object's kind.
    pub kind: Kind,
    /// For the cross-cutting kinds (comment, owner, grant): the kind of the object that they are about, whose path
    /// and arguments the id then carries.
    pub of: Option<Kind>,
    /// The name, from the outermost part to the innermost: schema, relation, column.
    pub path: Vec<Ident>,
    /// The argument types of a routine, as `pg_get_function_identity_arguments` prints the input types.
    pub args: Option<String>,
    /// The role that a privilege is granted to.
    pub grantee: Option<Grantee>,
}

/// Who holds a privilege.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// Every role.
    Public,
    /// One role.
    Role(Ident),
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("PUBLIC"),
            Self::Role(role) => role.fmt(f),
        }
    }
}

impl ObjectId {
    /// An id without arguments or target.
    pub fn new<I: Into<Ident>>(kind: Kind, path: impl IntoIterator<Item = I>) -> Self {
        Self {
            kind,
            of: None,
            path: path.into_iter().map(Into::into).collect(),
            args: None,
            grantee: None,
        }
    }

    /// The id of a cross-cutting object that is about `target`.
    pub fn about(kind: Kind, target: &Self) -> Self {
        Self {
            kind,
            of: Some(target.kind),
            path: target.path.clone(),
            args: target.args.clone(),
            grantee: None,
        }
    }

    /// The object that this cross-cutting object is about.
    pub fn target(&self) -> Option<Self> {
        let kind = self.of?;
        Some(Self {
            kind,
            of: None,
            path: self.path.clone(),
            args: self.args.clone(),
            grantee: None,
        })
    }

    /// The innermost part of the name.
    pub fn name(&self) -> &Ident {
        self.path.last().expect("an id has at least one part")
    }

    /// The name without its innermost part, as SQL: the relation of a column or constraint.
    pub fn container(&self) -> String {
        dotted(&self.path[..self.path.len() - 1])
    }

    /// The schema, for an object that lives in one; a schema's own name for a schema.
    pub fn schema(&self) -> &Ident {
        &self.path[0]
    }

    /// The schema that the object lives in; none for an extension and for default privileges of the whole database.
    pub fn lives_in(&self) -> Option<&Ident> {
        match self.of.unwrap_or(self.kind) {
            Kind::Extension => None,
            Kind::DefaultPrivilege => (self.path.len() == 3).then(|| self.schema()),
            Kind::Schema
            | Kind::Enumeration
            | Kind::Domain
            | Kind::DomainConstraint
            | Kind::Composite
            | Kind::Sequence
            | Kind::Function
            | Kind::Table
            | Kind::Column
            | Kind::Default
            | Kind::Constraint
            | Kind::Index
            | Kind::View
            | Kind::MaterializedView
            | Kind::Trigger
            | Kind::Policy
            | Kind::Owner
            | Kind::Grant
            | Kind::Comment => Some(self.schema()),
        }
    }

    /// The role that holds the privilege, unless everybody does.
    pub fn grantee_role(&self) -> Option<&Ident> {
        match self.grantee.as_ref()? {
            Grantee::Public => None,
            Grantee::Role(role) => Some(role),
        }
    }

    /// The name as SQL: `app.users`, `app.f(integer, text)`.
    pub fn sql(&self) -> String {
        let mut text = dotted(&self.path);
        if let Some(args) = &self.args {
            text.push('(');
            text.push_str(args);
            text.push(')');
        }
        text
    }

    /// Whether `to_regclass` finds the object by its name.
    pub fn is_relation(&self) -> bool {
        self.of.is_none()
            && matches!(
                self.kind,
                Kind::Table | Kind::View | Kind::MaterializedView | Kind::Sequence
            )
    }

    /// The same name with another innermost part.
    #[must_use]
    pub fn renamed(&self, name: Ident) -> Self {
        let mut id = self.clone();
        *id.path.last_mut().expect("an id has at least one part") = name;
        id
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.noun())?;
        if let Some(of) = self.of {
            write!(f, " on {}", of.noun())?;
        }
        write!(f, " {}", escaped(&self.sql()))?;
        if let Some(grantee) = &self.grantee {
            write!(f, " to {}", escaped(&grantee.to_string()))?;
        }
        Ok(())
    }
}

impl FromStr for ObjectId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, mut rest) = take_kind(text)
            .ok_or_else(|| format!("`{text}` doesn't begin with a kind of object"))?;
        let mut of = None;
        if let Some((target, after)) = rest.strip_prefix("on ").and_then(take_kind) {
            of = Some(target);
            rest = after;
        }
        let mut path = Vec::new();
        loop {
            let (part, after) =
                take_ident(rest, &ENDS).ok_or_else(|| format!("`{text}` has no name"))?;
            path.push(part);
            rest = after;
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None => break,
            }
        }
        let mut args = None;
        if rest.starts_with('(') {
            let end = closing_parenthesis(rest)
                .ok_or_else(|| format!("`{text}` has an open parenthesis"))?;
            args = Some(unescaped(&rest[1..end]).into_owned());
            rest = &rest[end + 1..];
        }
        let mut grantee = None;
        if let Some(role) = rest.strip_prefix(" to ") {
            grantee = Some(if role == "PUBLIC" {
                Grantee::Public
            } else {
                let (role, after) =
                    take_ident(role, &ENDS).ok_or_else(|| format!("`{text}` names no role"))?;
                rest = after;
                Grantee::Role(role)
            });
            if grantee == Some(Grantee::Public) {
                rest = "";
            }
        }
        if rest.is_empty() {
            Ok(Self {
                kind,
                of,
                path,
                args,
                grantee,
            })
        } else {
            Err(format!("`{text}` goes on after the name: `{rest}`"))
        }
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The longest kind that the text begins with, and what follows the blank after it.
fn take_kind(text: &str) -> Option<(Kind, &str)> {
    Kind::ALL
        .iter()
        .filter_map(|&kind| Some((kind, text.strip_prefix(kind.noun())?.strip_prefix(' ')?)))
        .max_by_key(|(kind, _)| kind.noun().len())
}

/// What ends a name without quotes in an id.
const ENDS: [char; 3] = ['.', '(', ' '];

/// The name that the text begins with as SQL reads one: without quotes, its letters become small.
pub(super) fn take_folded<'a>(text: &'a str, ends: &[char]) -> Option<(Ident, &'a str)> {
    let (name, rest) = take_ident(text, ends)?;
    if is_quoted(text) {
        return Some((name, rest));
    }
    Some((Ident::new(name.as_str().to_ascii_lowercase()), rest))
}

/// Whether the name that the text begins with is quoted.
pub(super) fn is_quoted(text: &str) -> bool {
    text.starts_with('"')
}

/// The name that the text begins with, quoted or up to one of the ends, and what follows it. A quoted one may have escapes.
pub(super) fn take_ident<'a>(text: &'a str, ends: &[char]) -> Option<(Ident, &'a str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(ends).unwrap_or(text.len());
        return (end > 0).then(|| (Ident::new(&text[..end]), &text[end..]));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|&(_, next)| next == '"').is_some() {
            name.push('"');
        } else {
            return Some((Ident::new(unescaped(&name)), &quoted[at + 1..]));
        }
    }
    None
}

/// The offset of the parenthesis that closes the one at offset 0, quoted identifiers aside.
fn closing_parenthesis(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}
