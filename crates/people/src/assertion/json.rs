//! JSON without ambiguity: a member that stands twice is refused, and a whole number is one that was written as such.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// A value.
pub(super) enum Value {
    Null,
    Truth(bool),
    /// Written without a fraction or an exponent, and within 64 bits.
    Whole(i64),
    /// Any other number; nobody asks which.
    Number,
    Text(String),
    List(Vec<Self>),
    Object(Object),
}

/// Members by name, each once.
pub(super) struct Object(BTreeMap<String, Value>);

impl Object {
    /// A member.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Every member with its name.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A member that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The object that these bytes are; none if they are anything else. `serde_json` bounds how deep it may be.
pub(super) fn object(bytes: &[u8]) -> Option<Object> {
    match serde_json::from_slice(bytes).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Truth(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Number, Value::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(Value::Object(Object(object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_with_its_members() {
        let object = object(br#" {"a": "b", "n": 7, "t": true, "l": [null, {"x": "y"}]} "#).unwrap();
        assert_eq!(object.text("a"), Some("b"));
        assert!(object.text("n").is_none() && object.text("none").is_none());
        assert!(matches!(object.get("n"), Some(Value::Whole(7))));
        assert!(matches!(object.get("t"), Some(Value::Truth(true))));
        let Some(Value::List(items)) = object.get("l") else { panic!("no list") };
        assert!(matches!(items.as_slice(), [Value::Null, Value::Object(_)]));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for bad in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": 1, "\u0061": 1}"#,
            r#"{"l": [{"a": 1, "b": 2, "a": 3}]}"#,
            r#"{"a": 1} {"a": 1}"#,
            r#"{"a": 1,}"#,
            "\u{feff}{}",
            r#"{"a": NaN}"#,
            r#"{"a": 01}"#,
            r#"{"a": "\ud800"}"#,
            "{'a': 1}",
            "[]",
            "\"{}\"",
            "null",
            "",
        ] {
            assert!(object(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(object(b"{\"a\": \"\xff\"}").is_none());
        assert!(object("{\"a\":".repeat(5_000).as_bytes()).is_none());
    }

    #[test]
    fn a_number_is_whole_only_if_it_was_written_so() {
        for (text, whole) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("1e3", None),
            ("1.0", None),
            ("-0", None),
            ("99999999999999999999999", None),
        ] {
            let object = object(format!("{{\"n\": {text}}}").as_bytes()).unwrap();
            let found = match object.get("n") {
                Some(Value::Whole(number)) => Some(*number),
                _ => None,
            };
            assert_eq!(found, whole, "{text}");
        }
    }
}
