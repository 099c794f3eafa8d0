//! JSON as people like to read it: in the order of its schema, indented, short lists on one line.

use super::html::escaped;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::openapi::schema::{ArrayItems, Object, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema};

/// Characters of a list that is written on one line at most.
const SHORT_CHARS_MAX: usize = 60;
/// How deep a sample goes.
const DEPTH_MAX: usize = 6;

/// The shapes of a description, by name.
#[derive(Clone, Copy)]
pub(super) struct Shapes<'a>(pub &'a BTreeMap<String, RefOr<Schema>>);

/// Which members a sample has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Members {
    /// All that there can be.
    All,
    /// Those that are always there.
    Certain,
}

/// JSON whose members keep their order.
#[derive(Debug, PartialEq)]
pub(super) enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Leaf(Value),
}

impl<'a> Shapes<'a> {
    /// The shape itself, if this names one.
    pub fn resolved(self, schema: &'a RefOr<Schema>) -> Option<&'a Schema> {
        match schema {
            RefOr::T(schema) => Some(schema),
            RefOr::Ref(reference) => match self.0.get(reference.ref_location.rsplit('/').next()?)? {
                RefOr::T(schema) => Some(schema),
                RefOr::Ref(_) => None,
            },
        }
    }

    /// The members of an object, also of one that is made of several.
    pub fn members(self, schema: &'a Schema) -> Vec<(&'a String, &'a RefOr<Schema>, bool)> {
        match schema {
            Schema::Object(object) => members_of(object),
            Schema::AllOf(all) => {
                all.items.iter().filter_map(|item| self.resolved(item)).flat_map(|part| self.members(part)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether it is an object with members of its own.
    pub fn has_members(self, schema: &'a RefOr<Schema>) -> bool {
        self.resolved(schema).is_some_and(|schema| !self.members(schema).is_empty())
    }

    /// A value of this shape, made of its examples.
    pub fn sample(self, schema: &'a RefOr<Schema>, which: Members, depth: usize) -> Json {
        let Some(schema) = self.resolved(schema).filter(|_| depth < DEPTH_MAX) else { return Json::Leaf(Value::Null) };
        match schema {
            Schema::Object(object) => match object.example.clone().or_else(|| object.examples.first().cloned()) {
                Some(example) => ordered(example),
                None if object.properties.is_empty() => Json::Leaf(leaf(object)),
                None => self.sample_of_members(schema, which, depth),
            },
            Schema::AllOf(_) => self.sample_of_members(schema, which, depth),
            Schema::Array(array) => match (&array.example, &array.items) {
                (Some(example), _) => ordered(example.clone()),
                (None, ArrayItems::RefOrSchema(item)) => Json::Array(vec![self.sample(item, which, depth + 1)]),
                (None, ArrayItems::False) => Json::Array(Vec::new()),
            },
            Schema::OneOf(one) => match one.items.first() {
                Some(first) => self.sample(first, which, depth),
                None => Json::Leaf(Value::Null),
            },
            _ => Json::Leaf(Value::Null),
        }
    }

    fn sample_of_members(self, schema: &'a Schema, which: Members, depth: usize) -> Json {
        let members = self.members(schema).into_iter().filter(|(.., certain)| *certain || which == Members::All);
        Json::Object(members.map(|(name, member, _)| (name.clone(), self.sample(member, which, depth + 1))).collect())
    }

    /// A value in the order of its shape.
    pub fn arranged(self, value: &Value, schema: Option<&'a RefOr<Schema>>) -> Json {
        let shape = schema.and_then(|schema| self.resolved(schema));
        match (value, shape) {
            (Value::Object(map), Some(shape @ (Schema::Object(_) | Schema::AllOf(_)))) => {
                let known = self.members(shape);
                let first = known.iter().filter_map(|(name, member, _)| {
                    Some(((*name).clone(), self.arranged(map.get(*name)?, Some(member))))
                });
                let rest = map.iter().filter(|(name, _)| !known.iter().any(|(known, ..)| known == name));
                Json::Object(first.chain(rest.map(|(name, value)| (name.clone(), ordered(value.clone())))).collect())
            }
            (Value::Object(_), Some(Schema::OneOf(one))) => self.arranged(value, one.items.first()),
            (Value::Array(items), Some(Schema::Array(array))) => {
                let ArrayItems::RefOrSchema(item) = &array.items else { return ordered(value.clone()) };
                Json::Array(items.iter().map(|value| self.arranged(value, Some(item))).collect())
            }
            _ => ordered(value.clone()),
        }
    }
}

fn members_of(object: &Object) -> Vec<(&String, &RefOr<Schema>, bool)> {
    object.properties.iter().map(|(name, member)| (name, member, object.required.contains(name))).collect()
}

fn ordered(value: Value) -> Json {
    match value {
        Value::Object(map) => Json::Object(map.into_iter().map(|(name, value)| (name, ordered(value))).collect()),
        Value::Array(items) => Json::Array(items.into_iter().map(ordered).collect()),
        leaf => Json::Leaf(leaf),
    }
}

fn leaf(object: &Object) -> Value {
    if let Some(first) = object.enum_values.iter().flatten().next() {
        return first.clone();
    }
    let SchemaType::Type(kind) = &object.schema_type else { return Value::Null };
    match kind {
        Type::Integer | Type::Number => Value::from(0),
        Type::Boolean => Value::from(true),
        Type::String if matches!(object.format, Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))) => {
            Value::from("2026-11-22T09:30:00.125Z")
        }
        Type::String => Value::from(""),
        _ => Value::Null,
    }
}

impl Json {
    /// Indented text, without a line end.
    pub fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0, &|kind, part| match kind {
            Part::Name => format!("{}: ", Value::from(part)),
            Part::Leaf => part.to_owned(),
        });
        text
    }

    /// The same as HTML, with names and values told apart.
    pub fn coloured(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0, &|kind, part| match kind {
            Part::Name => format!("<b>{}</b>: ", escaped(&Value::from(part).to_string())),
            Part::Leaf if part.starts_with('"') => format!("<i>{}</i>", escaped(part)),
            Part::Leaf => format!("<u>{}</u>", escaped(part)),
        });
        text
    }

    fn write(&self, text: &mut String, depth: usize, part: &dyn Fn(Part, &str) -> String) {
        match self {
            Self::Leaf(value) => text.push_str(&part(Part::Leaf, &value.to_string())),
            Self::Object(members) if members.is_empty() => text.push_str("{}"),
            Self::Object(members) => {
                let lines = members.iter().map(|(name, value)| (Some(name.as_str()), value));
                enclosed(text, depth, ('{', '}'), self.is_short(), lines, part);
            }
            Self::Array(items) if items.is_empty() => text.push_str("[]"),
            Self::Array(items) => {
                enclosed(text, depth, ('[', ']'), self.is_short(), items.iter().map(|item| (None, item)), part);
            }
        }
    }

    fn is_short(&self) -> bool {
        let (leaves, chars) = match self {
            Self::Leaf(_) => return true,
            Self::Array(items) => {
                (items.iter().all(|item| matches!(item, Self::Leaf(_))), items.iter().map(Self::chars).sum::<usize>())
            }
            Self::Object(members) => (
                members.iter().all(|(_, value)| matches!(value, Self::Leaf(_))),
                members.iter().map(|(name, value)| name.len() + 4 + value.chars()).sum(),
            ),
        };
        leaves && chars <= SHORT_CHARS_MAX
    }

    fn chars(&self) -> usize {
        match self {
            Self::Leaf(value) => value.to_string().chars().count() + 2,
            _ => SHORT_CHARS_MAX,
        }
    }
}

enum Part {
    Name,
    Leaf,
}

fn enclosed<'a>(
    text: &mut String,
    depth: usize,
    (open, close): (char, char),
    short: bool,
    lines: impl Iterator<Item = (Option<&'a str>, &'a Json)>,
    part: &dyn Fn(Part, &str) -> String,
) {
    let broken = |text: &mut String, depth: usize| {
        if !short {
            text.push('\n');
            text.push_str(&"  ".repeat(depth));
        }
    };
    text.push(open);
    for (place, (name, value)) in lines.enumerate() {
        if place > 0 {
            text.push_str(if short { ", " } else { "," });
        }
        broken(text, depth + 1);
        if let Some(name) = name {
            text.push_str(&part(Part::Name, name));
        }
        value.write(text, depth + 1, part);
    }
    broken(text, depth);
    text.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_written_in_few_lines() {
        let value = ordered(json!({"a": [1, 2], "b": {"c": "x".repeat(60)}, "d": [], "e": {}}));
        let text = value.pretty();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["a"], json!([1, 2]));
        assert!(text.contains("  \"a\": [1, 2],\n  \"b\": {\n    \"c\""), "{text}");
    }

    #[test]
    fn coloured_json_is_the_same_text() {
        let value = ordered(json!({"a<b": "x & \"y\"", "n": 1}));
        let plain = value.coloured().replace("<b>", "").replace("</b>", "").replace("<i>", "").replace("</i>", "");
        assert_eq!(plain.replace("<u>", "").replace("</u>", ""), escaped(&value.pretty()));
    }
}
