//! Objects whose texts differ only in their line ends, as they do where git has converted the files of a tree.

use serde_json::Value;

use crate::{
    diff::Catalogs,
    kinds::{Object, ObjectId},
};

/// The objects of both catalogs that would be equal if LF and CRLF were the same.
pub fn differ_in_line_ends(catalogs: Catalogs<'_>) -> Vec<&ObjectId> {
    let live = |id| catalogs.live.get(id).map(model);
    let differing = catalogs.desired.objects().filter(|(id, object)| {
        let desired = model(object);
        live(id).is_some_and(|live| {
            live != desired && with_line_feeds(live) == with_line_feeds(desired)
        })
    });
    differing.map(|(id, _)| id).collect()
}

fn model(object: &Object) -> Value {
    serde_json::to_value(object).expect("a model is JSON")
}

fn with_line_feeds(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("\r\n", "\n")),
        Value::Array(list) => list.into_iter().map(with_line_feeds).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, with_line_feeds(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}
