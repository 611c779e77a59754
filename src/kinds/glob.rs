//! Globs of names, as `[managed]` in `forge.toml` has them: `app_*` is of schemas, `public.tmp_*` of the objects in them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

use super::{
    ObjectId,
    id::{is_quoted, take_ident},
};
use crate::{
    shown,
    sql::{Ident, escaped},
};

/// A glob of the names of schemas, or of the names of objects with their schemas. `*` stands for any characters; a quoted
/// part stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    schema: Part,
    object: Option<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Like(String),
    Exactly(Ident),
}

impl Glob {
    /// The glob of one schema.
    pub fn of_schema(name: &Ident) -> Self {
        Self {
            schema: Part::Exactly(name.clone()),
            object: None,
        }
    }

    /// The glob of one object that lives in a schema.
    pub fn of_object(id: &ObjectId) -> Self {
        Self {
            schema: Part::Exactly(id.schema().clone()),
            object: Some(Part::Exactly(id.name().clone())),
        }
    }

    /// The glob of an object that stands for itself: as `schema.name`, or by the only name that it has.
    pub fn of(id: &ObjectId) -> Self {
        if id.path.len() == 1 {
            Self::of_schema(id.name())
        } else {
            Self::of_object(id)
        }
    }

    /// Whether it names whole schemas.
    pub fn is_of_schemas(&self) -> bool {
        self.object.is_none()
    }

    /// Whether it names this schema.
    pub fn names_schema(&self, schema: &str) -> bool {
        self.object.is_none() && self.schema.fits(schema)
    }

    /// Whether it names this object by itself: one that is called `schema.name`, and isn't a part of another.
    pub fn names_object(&self, id: &ObjectId) -> bool {
        let (Some(object), [schema, name]) = (&self.object, id.path.as_slice()) else {
            return false;
        };
        id.of.is_none()
            && id.lives_in() == Some(schema)
            && self.schema.fits(schema.as_str())
            && object.fits(name.as_str())
    }
}

impl Part {
    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Like(pattern) => is_like(pattern, name),
            Self::Exactly(wanted) => wanted.as_str() == name,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Like(pattern) => f.write_str(pattern),
            Self::Exactly(name) => f.write_str(&escaped(&name.to_string())),
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schema.fmt(f)?;
        match &self.object {
            Some(object) => write!(f, ".{object}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown = shown::pattern(text);
        let (schema, rest) = take_part(text, text)?;
        let Some(rest) = rest.strip_prefix('.') else {
            return if rest.is_empty() {
                Ok(Self {
                    schema,
                    object: None,
                })
            } else {
                Err(format!("`{shown}` goes on behind the closing quote"))
            };
        };
        let (object, rest) = take_part(text, rest)?;
        if rest.is_empty() {
            Ok(Self {
                schema,
                object: Some(object),
            })
        } else if rest.starts_with('.') {
            Err(format!(
                "`{shown}` has more than two parts: what belongs to an object goes along with it, so write `schema.name`"
            ))
        } else {
            Err(format!("`{shown}` goes on behind the closing quote"))
        }
    }
}

/// The part that the rest of a glob begins with, and what follows it.
fn take_part<'a>(text: &str, rest: &'a str) -> Result<(Part, &'a str), String> {
    let shown = shown::pattern(text);
    let found = take_ident(rest, &['.']).filter(|(name, _)| !name.as_str().is_empty());
    match found {
        Some((name, after)) if is_quoted(rest) => Ok((Part::Exactly(name), after)),
        Some((name, after)) => Ok((Part::Like(name.as_str().to_owned()), after)),
        None if is_quoted(rest) => Err(format!("`{shown}` has a quote that nothing closes")),
        None => Err(format!(
            "`{shown}` has an empty part: write `schema` or `schema.name`, with `*` for any characters"
        )),
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Whether a name is of a pattern's shape. Each star but the last is content with the first place where what follows it fits,
/// so that many stars take no longer than few.
fn is_like(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let inner = name
        .strip_prefix(start)
        .and_then(|inner| inner.strip_suffix(end));
    let after = |inner: &'_ str, piece: &str| inner.find(piece).map(|at| at + piece.len());
    let mut pieces = middle.split('*');
    inner.is_some_and(|mut inner| {
        pieces.all(|piece| {
            let end = after(inner, piece);
            inner = &inner[end.unwrap_or(0)..];
            end.is_some()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        fn check(pattern: &str, name: &str, expected: bool) {
            assert_eq!(is_like(pattern, name), expected, "{pattern} {name}");
        }
        check("app", "app", true);
        check("app", "apple", false);
        check("app*", "apple", true);
        check("*_x", "a_x", true);
        check("*_x", "a_y", false);
        check("a*b*c", "axxbyyc", true);
        check("a*b*c", "abbc", true);
        check("a*b*c", "acb", false);
        check("ab*ba", "aba", false);
        check("*a*", "bab", true);
        check("**", "", true);
        check(&"*a".repeat(5000), &format!("{}b", "a".repeat(63)), false);
        check("*", "", true);
    }

    #[test]
    fn schemas_and_objects() {
        fn check(glob: &str, id: &str, expected: bool) {
            let (glob, id): (Glob, ObjectId) = (glob.parse().unwrap(), id.parse().unwrap());
            assert_eq!(glob.names_object(&id), expected, "{glob} {id}");
        }
        check(
            "public.alembic_version",
            "table public.alembic_version",
            true,
        );
        check("public.alembic_version", "table app.alembic_version", false);
        check("*.alembic_version", "table app.alembic_version", true);
        check("public.*", "function public.f(integer)", true);
        check("public.*", "schema public", false);
        check("public.id", "column public.users.id", false);
        check("public.users", "comment on table public.users", false);
        check("public", "table public.users", false);
        check(r#""a.b"."c*""#, r#"table "a.b"."c*""#, true);
        check(r#""a.b"."c*""#, r#"table "a.b".cc"#, false);
        assert!("app_*".parse::<Glob>().unwrap().names_schema("app_x"));
        assert!(!"app_*.x".parse::<Glob>().unwrap().names_schema("app_x"));
    }

    #[test]
    fn one_object_and_back() {
        let id: ObjectId = r#"table "a.b"."Books""#.parse().unwrap();
        let glob = Glob::of_object(&id);
        assert_eq!(glob.to_string(), r#""a.b"."Books""#);
        assert!(glob.to_string().parse::<Glob>().unwrap().names_object(&id));
    }

    #[test]
    fn malformed() {
        fn check(glob: &str, why: &str) {
            let error = glob.parse::<Glob>().unwrap_err();
            assert!(error.contains(why), "{glob}: {error}");
        }
        check("", "an empty part");
        check(".a", "an empty part");
        check("a.", "an empty part");
        check("a..b", "an empty part");
        check("a.b.c", "more than two parts");
        check(r#"a."b"#, "nothing closes");
        check(r#""a"b"#, "behind the closing quote");
    }
}
