//! The attributes of a kind, and what a difference in each means.

use std::fmt;

use serde::Serialize;

use super::change::{Change, Reaction};

/// One attribute of a kind.
pub struct Attribute<K: 'static> {
    /// The model's field.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What it is, in short; none where that is no short text.
    pub show: fn(&K) -> Option<String>,
    /// Whether two objects agree in it.
    pub same: fn(&K, &K) -> bool,
    /// What a difference means.
    pub on_change: fn(&Change<'_, K>) -> Reaction,
    /// How it decides equality.
    pub comparison: Comparison,
}

/// How an attribute decides equality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// As it is.
    Exact,
    /// As a list whose order means nothing, and is kept where that costs nothing.
    Unordered,
    /// Not at all: it is a physical fact that no statement can change.
    Physical,
}

/// The values of a list in an order of their own, so that lists which hold the same are equal.
#[doc(hidden)]
pub fn sorted<T: Ord>(list: &[T]) -> Vec<&T> {
    let mut list: Vec<&T> = list.iter().collect();
    list.sort_unstable();
    list
}

impl<K> Attribute<K> {
    /// Whether it decides equality.
    pub fn decides(&self) -> bool {
        self.comparison != Comparison::Physical
    }
}

/// Lists a kind's attributes: `field => reaction` or `field` (a difference replaces the object), either with `: unordered`
/// for a list whose order means nothing, or `field: physical`. What people call it follows the field's name where that is
/// something else.
#[macro_export]
#[doc(hidden)]
macro_rules! attributes {
    ($kind:ty { $($field:ident $($label:literal)? $(=> $reaction:path)? $(: $comparison:ident)?),* $(,)? }) => {
        &[$($crate::kinds::Attribute {
            name: stringify!($field),
            label: $crate::attributes!(@label $field $($label)?),
            show: |model: &$kind| $crate::kinds::shown(&model.$field),
            same: $crate::attributes!(@same $kind, $field $($comparison)?),
            on_change: $crate::attributes!(@reaction $kind $(, $reaction)?),
            comparison: $crate::attributes!(@comparison $($comparison)?),
        },)*]
    };
    (@label $field:ident) => { stringify!($field) };
    (@label $field:ident $label:literal) => { $label };
    (@reaction $kind:ty) => { $crate::kinds::replace::<$kind> };
    (@reaction $kind:ty, $reaction:path) => { $reaction };
    (@same $kind:ty, $field:ident unordered) => {
        |a: &$kind, b: &$kind| $crate::kinds::sorted(&a.$field) == $crate::kinds::sorted(&b.$field)
    };
    (@same $kind:ty, $field:ident $($comparison:ident)?) => { |a: &$kind, b: &$kind| a.$field == b.$field };
    (@comparison) => { $crate::kinds::Comparison::Exact };
    (@comparison unordered) => { $crate::kinds::Comparison::Unordered };
    (@comparison physical) => { $crate::kinds::Comparison::Physical };
}

/// A value as a reviewer reads it in a line; none where it is too long for that or has parts of its own.
#[doc(hidden)]
pub fn shown<T: Serialize>(value: &T) -> Option<String> {
    use serde_json::Value;
    const SHORT: usize = 40;
    let text = match serde_json::to_value(value).ok()? {
        Value::Null => "none".to_string(),
        Value::Bool(is_on) => if is_on { "on" } else { "off" }.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        Value::Array(items) if items.is_empty() => "none".to_string(),
        Value::Array(items) => {
            let items: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            items?.join(", ")
        }
        Value::Object(_) => return None,
    };
    let fits = !text.is_empty() && !text.contains('\n') && text.chars().count() <= SHORT;
    fits.then_some(text)
}

/// How an attribute differs: what people call it, and what it was and shall be where that is short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What people call the attribute.
    pub label: &'static str,
    /// From what to what.
    pub values: Option<(String, String)>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label.replace('_', " "))?;
        match &self.values {
            Some((from, to)) => write!(f, " from {from} to {to}"),
            None => Ok(()),
        }
    }
}

/// The reaction of an attribute that can't be changed in place.
pub fn replace<K>(_: &Change<'_, K>) -> Reaction {
    Reaction::Replace
}
