//! A syntax tree as data, without what names nothing: numbers, switches, places.
//!
//! As plain JSON, a tree takes a thousand bytes for each constant in it.

use std::fmt;

use serde::ser::{self, Impossible, Serialize, Serializer};
use serde_json::{Map, Value};

/// Fields that say by being there what sort of node it is, or whose value is a number that counts.
const KEPT: [&str; 5] = ["pct_type", "funcname", "objargs", "fk_attrs", "roletype"];

/// The strings of a tree, with the fields and lists that they stand in. In a list, null stands for what has none.
pub(super) fn outline(tree: &impl Serialize) -> Value {
    let outline = tree.serialize(Outline { whole: false });
    outline.expect("the syntax tree is plain data")
}

#[derive(Clone, Copy)]
struct Outline {
    /// Whether numbers and empty things stay.
    whole: bool,
}

impl Outline {
    fn scalar(self, value: impl Into<Value>) -> Value {
        if self.whole {
            value.into()
        } else {
            Value::Null
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

impl Serializer for Outline {
    type Ok = Value;
    type Error = Unexpected;
    type SerializeSeq = List;
    type SerializeTuple = Impossible<Value, Unexpected>;
    type SerializeTupleStruct = Impossible<Value, Unexpected>;
    type SerializeTupleVariant = Impossible<Value, Unexpected>;
    type SerializeMap = Impossible<Value, Unexpected>;
    type SerializeStruct = Fields;
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
        let mut fields = Fields::default();
        fields.add(name, value)?;
        Ok(fields.finish())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<List, Unexpected> {
        Ok(List {
            items: Vec::new(),
            // An empty list says something where the field does.
            whole: self.whole && length == Some(0),
            nulls: 0,
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, Unexpected> {
        Ok(Fields::default())
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
struct List {
    items: Vec<Value>,
    nulls: usize,
    whole: bool,
}

impl ser::SerializeSeq for List {
    type Ok = Value;
    type Error = Unexpected;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unexpected> {
        match value.serialize(Outline { whole: false })? {
            Value::Null => self.nulls += 1,
            item => {
                let nulls = std::mem::take(&mut self.nulls);
                self.items.extend(std::iter::repeat_n(Value::Null, nulls));
                self.items.push(item);
            }
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

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Unexpected> {
        let whole = KEPT.contains(&name);
        let value = value.serialize(Outline { whole })?;
        if whole || !value.is_null() {
            self.0.insert(name.to_owned(), value);
        }
        Ok(())
    }

    fn finish(self) -> Value {
        if self.0.is_empty() {
            Value::Null
        } else {
            Value::Object(self.0)
        }
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = Value;
    type Error = Unexpected;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unexpected> {
        self.add(name, value)
    }

    fn end(self) -> Result<Value, Unexpected> {
        Ok(self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::syntax;

    #[test]
    fn what_names_nothing_is_left_out() {
        let of = |sql: &str| outline(&syntax::parse(sql).unwrap()).to_string();
        let chain =
            |length: usize| format!("SELECT 1 WHERE {}", vec!["true"; length].join(" AND "));
        assert_eq!(of(&chain(1000)).len(), of(&chain(2)).len());
        let named = of("SELECT f(1, 'app.t'::regclass) FROM app.t");
        for name in [
            "\"f\"",
            "\"app.t\"",
            "\"regclass\"",
            "\"schemaname\":\"app\"",
        ] {
            assert!(named.contains(name), "{named}");
        }
        assert!(of("DROP FUNCTION f()").contains("\"objargs\""));
    }
}
