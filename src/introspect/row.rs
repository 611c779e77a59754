//! Rows become models by the names of their columns.

use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, Visitor, value,
};
use tokio_postgres::{
    Row,
    types::{FromSql, Type},
};

use crate::kinds::{Address, ObjectId};

/// A row as serde sees it: a map from column names to values. A column whose name ends in `_ref` or `_refs` holds
/// addresses, which become the ids of the objects there.
pub(super) struct RowDeserializer<'a> {
    pub(super) row: &'a Row,
    /// The id of the object at an address.
    pub(super) resolve: &'a dyn Fn(Address) -> Option<ObjectId>,
}

/// What doesn't fit, said of the query rather than of the user's database.
#[derive(Debug)]
pub(super) struct Mismatch(pub(super) String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'de> Deserializer<'de> for RowDeserializer<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_map(Columns {
            source: self,
            index: 0,
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Columns<'a> {
    source: RowDeserializer<'a>,
    index: usize,
}

impl<'de> MapAccess<'de> for Columns<'_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mismatch> {
        let Some(column) = self.source.row.columns().get(self.index) else {
            return Ok(None);
        };
        let name: value::StrDeserializer<'_, Mismatch> = column.name().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let index = self.index;
        self.index += 1;
        seed.deserialize(Value {
            source: &self.source,
            index,
        })
    }
}

struct Value<'a> {
    source: &'a RowDeserializer<'a>,
    index: usize,
}

impl Value<'_> {
    fn get<'r, T: FromSql<'r>>(&'r self) -> Result<Option<T>, Mismatch> {
        self.source
            .row
            .try_get(self.index)
            .map_err(|error| Mismatch(error.to_string()))
    }

    fn name(&self) -> &str {
        self.source.row.columns()[self.index].name()
    }

    /// The addresses of a reference column: three numbers each.
    fn addresses(&self) -> Result<Option<Vec<String>>, Mismatch> {
        let Some(numbers) = self.get::<Vec<u32>>()? else {
            return Ok(None);
        };
        let addresses = numbers.chunks_exact(3).map(|triple| Address {
            class: triple[0],
            object: triple[1],
            sub: triple[2].cast_signed(),
        });
        // An object outside of what forge manages can't be named; the server's own check of dependencies covers it.
        Ok(Some(
            addresses
                .filter_map(|address| (self.source.resolve)(address))
                .map(|id| id.to_string())
                .collect(),
        ))
    }
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.name().ends_with("_ref") {
            return match self.addresses()?.and_then(|mut ids| ids.pop()) {
                Some(id) => visitor.visit_string(id),
                None => visitor.visit_none(),
            };
        }
        if self.name().ends_with("_refs") {
            return match self.addresses()? {
                Some(ids) => ids.into_deserializer().deserialize_any(visitor),
                None => visitor.visit_none(),
            };
        }
        let kind = self.source.row.columns()[self.index].type_();
        macro_rules! visit {
            ($type:ty, $value:ident => $visit:expr) => {
                match self.get::<$type>()? {
                    Some($value) => $visit,
                    None => visitor.visit_none(),
                }
            };
        }
        match *kind {
            Type::BOOL => visit!(bool, value => visitor.visit_bool(value)),
            Type::INT2 => visit!(i16, value => visitor.visit_i16(value)),
            Type::INT4 => visit!(i32, value => visitor.visit_i32(value)),
            Type::INT8 => visit!(i64, value => visitor.visit_i64(value)),
            Type::OID => visit!(u32, value => visitor.visit_u32(value)),
            Type::TEXT | Type::NAME | Type::VARCHAR => {
                visit!(String, value => visitor.visit_string(value))
            }
            Type::TEXT_ARRAY | Type::NAME_ARRAY => {
                visit!(Vec<String>, value => value.into_deserializer().deserialize_any(visitor))
            }
            Type::JSON => visit!(tokio_postgres::types::Json<serde_json::Value>, value => {
                value.0.deserialize_any(visitor).map_err(de::Error::custom)
            }),
            ref other => Err(Mismatch(format!(
                "column `{}` has the type {other}, which no model reads",
                self.name()
            ))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let empty = if self.name().ends_with("_ref") {
            self.addresses()?.is_none_or(|ids| ids.is_empty())
        } else {
            // Any column can be asked whether it is null, whatever its type.
            self.get::<Anything>()?.is_none()
        };
        if empty {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let text = self
            .get::<String>()?
            .ok_or_else(|| Mismatch(format!("column `{}` is null", self.name())))?;
        let text: value::StringDeserializer<Mismatch> = text.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A value of any type that isn't null.
struct Anything;

impl<'a> FromSql<'a> for Anything {
    fn from_sql(_: &Type, _: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
