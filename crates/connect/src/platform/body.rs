//! Bodies of JSON that are put together bit by bit.

use serde_json::Value;

/// Gives an object one member more, or another value for one that it has.
pub fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}
