//! Looks through a syntax tree for names, node by node, as plain data.
//!
//! As plain JSON, a tree takes a thousand bytes for each constant in it. So of each node only its own fields are held while it
//! is looked at, and of the nodes in it only what its meaning depends on: the names in lists of strings, and constants.

use std::fmt;

use serde::ser::{self, Impossible, Serialize, Serializer};
use serde_json::{Map, Value};

/// Fields that say by being there what sort of node it is, or whose value is a number that counts.
const KEPT: [&str; 5] = ["pct_type", "funcname", "objargs", "fk_attrs", "roletype"];

/// Nodes that the nodes around them are read with, with the fields that count there.
const PARTS: [(&str, &[&str]); 8] = [
    ("Node", &["node"]),
    ("String", &["sval"]),
    ("AConst", &["val"]),
    ("TypeCast", &["arg"]),
    ("TypeName", &["names"]),
    ("RangeVar", &["relname", "schemaname"]),
    ("Sval", &["sval"]),
    ("Val", &["Sval"]),
];

/// A dotted name has fewer parts, and of a call's arguments only the first is looked at.
const MOST_ITEMS: usize = 8;

/// Gives the fields of each node to `read`: its strings, and the strings in what belongs to it. What stands in the field
/// `beside`, if one is named, is left out.
pub(super) fn each_node(
    tree: &impl Serialize,
    beside: Option<&str>,
    read: &mut dyn FnMut(&Map<String, Value>),
) {
    let outline = Outline {
        whole: false,
        beside,
        silent: false,
        read,
    };
    tree.serialize(outline)
        .expect("the syntax tree is plain data");
}

struct Outline<'a> {
    /// Whether numbers and empty things stay.
    whole: bool,
    beside: Option<&'a str>,
    silent: bool,
    read: &'a mut dyn FnMut(&Map<String, Value>),
}

impl Outline<'_> {
    fn scalar(&self, value: impl Into<Value>) -> Value {
        if self.whole {
            value.into()
        } else {
            Value::Null
        }
    }

    fn inner(&mut self, whole: bool, silent: bool) -> Outline<'_> {
        Outline {
            whole,
            beside: self.beside,
            silent: self.silent || silent,
            read: &mut *self.read,
        }
    }
}

/// A value that pg_query's trees don't have.
#[derive(Debug)]
struct Unexpected(String);

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unexpected {}

impl ser::Error for Unexpected {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

macro_rules! scalars {
    ($($name:ident: $type:ty),*) => {
        $(fn $name(self, value: $type) -> Result<Value, Unexpected> { Ok(self.scalar(value)) })*
    };
}

impl<'a> Serializer for Outline<'a> {
    type Ok = Value;
    type Error = Unexpected;
    type SerializeSeq = List<'a>;
    type SerializeTuple = Impossible<Value, Unexpected>;
    type SerializeTupleStruct = Impossible<Value, Unexpected>;
    type SerializeTupleVariant = Impossible<Value, Unexpected>;
    type SerializeMap = Impossible<Value, Unexpected>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Impossible<Value, Unexpected>;

    scalars! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64
    }

    fn serialize_char(self, value: char) -> Result<Value, Unexpected> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Value, Unexpected> {
        Ok(if value.is_empty() && !self.whole {
            Value::Null
        } else {
            Value::String(value.to_owned())
        })
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Value, Unexpected> {
        Ok(Value::Null)
    }

    fn serialize_none(self) -> Result<Value, Unexpected> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Unexpected> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Unexpected> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Unexpected> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<Value, Unexpected> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Unexpected> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Value, Unexpected> {
        Ok(match value.serialize(self)? {
            Value::Null => Value::Null,
            content => Value::Object(Map::from_iter([(name.to_owned(), content)])),
        })
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<List<'a>, Unexpected> {
        Ok(List {
            items: Vec::new(),
            // An empty list says something where the field does.
            whole: self.whole && length == Some(0),
            nulls: 0,
            outline: self,
        })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'a>, Unexpected> {
        Ok(Fields {
            name,
            values: Map::new(),
            outline: self,
        })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unexpected> {
        Err(ser::Error::custom("a tuple"))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unexpected> {
        Err(ser::Error::custom(name))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unexpected> {
        Err(ser::Error::custom(name))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unexpected> {
        Err(ser::Error::custom("a map"))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unexpected> {
        Err(ser::Error::custom(name))
    }
}

/// A list; nulls at its end are left out.
struct List<'a> {
    items: Vec<Value>,
    nulls: usize,
    whole: bool,
    outline: Outline<'a>,
}

impl ser::SerializeSeq for List<'_> {
    type Ok = Value;
    type Error = Unexpected;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unexpected> {
        match value.serialize(self.outline.inner(false, false))? {
            Value::Null => self.nulls += 1,
            item if self.items.len() + self.nulls < MOST_ITEMS => {
                let nulls = std::mem::take(&mut self.nulls);
                self.items.extend(std::iter::repeat_n(Value::Null, nulls));
                self.items.push(item);
            }
            _ => {}
        }
        Ok(())
    }

    fn end(self) -> Result<Value, Unexpected> {
        Ok(if self.items.is_empty() && !self.whole {
            Value::Null
        } else {
            Value::Array(self.items)
        })
    }
}

struct Fields<'a> {
    name: &'static str,
    values: Map<String, Value>,
    outline: Outline<'a>,
}

impl ser::SerializeStruct for Fields<'_> {
    type Ok = Value;
    type Error = Unexpected;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unexpected> {
        let whole = KEPT.contains(&name);
        let silent = self.outline.beside == Some(name);
        let value = value.serialize(self.outline.inner(whole, silent))?;
        if whole || !value.is_null() {
            self.values.insert(name.to_owned(), value);
        }
        Ok(())
    }

    fn end(mut self) -> Result<Value, Unexpected> {
        if self.values.is_empty() {
            return Ok(Value::Null);
        }
        if !self.outline.silent {
            (self.outline.read)(&self.values);
        }
        let part = PARTS.iter().find(|(name, _)| *name == self.name);
        let kept = part.map_or(&[][..], |(_, fields)| fields);
        self.values.retain(|name, _| kept.contains(&name.as_str()));
        Ok(if self.values.is_empty() {
            Value::Null
        } else {
            Value::Object(self.values)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::syntax;

    /// The nodes with strings of a statement, and the length of the longest as text.
    fn nodes(sql: &str) -> Vec<String> {
        let mut nodes = Vec::new();
        let tree = syntax::parse(sql).unwrap();
        each_node(&tree, None, &mut |fields| {
            nodes.push(Value::Object(fields.clone()).to_string());
        });
        nodes
    }

    #[test]
    fn of_what_is_in_a_node_only_names_are_held() {
        let longest = |sql: &str| nodes(sql).iter().map(String::len).max();
        let chain = |length: usize| {
            let links = vec!["f('x', a) > 0"; length];
            format!("SELECT 1 WHERE {}", links.join(" AND "))
        };
        assert_eq!(longest(&chain(1000)), longest(&chain(2)));
    }

    #[test]
    fn names_are_held_with_what_they_belong_to() {
        fn check(sql: &str, parts: &[&str]) {
            let nodes = nodes(sql);
            let found = |node: &String| parts.iter().all(|part| node.contains(part));
            assert!(nodes.iter().any(found), "{sql}: {nodes:#?}");
        }
        check(
            "SELECT nextval('app.s'::regclass)",
            &["\"funcname\"", "\"nextval\"", "\"app.s\""],
        );
        check("SELECT 'app.t'::regclass", &["\"app.t\"", "\"regclass\""]);
        check(
            "SELECT 1 FROM app.t",
            &["\"schemaname\":\"app\"", "\"relname\":\"t\""],
        );
        check("DROP FUNCTION f()", &["\"objargs\"", "\"f\""]);
    }
}
