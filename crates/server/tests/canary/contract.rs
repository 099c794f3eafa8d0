//! The contract of the API, walked: every operation with every field that a request to it can carry.

use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What follows the prefix of an id.
const ID_CHARS: usize = 26;
/// Schemas that lie deeper than this are cut off.
const DEPTH_MAX: usize = 8;

/// One method at one path.
#[derive(Clone)]
pub struct Operation {
    pub method: Method,
    /// As in the contract: `/v1/orders/{id}`.
    pub path: String,
    pub query: Vec<Parameter>,
    pub path_parameters: Vec<Parameter>,
    pub body: Option<Body>,
    /// Whether it takes `If-Match`.
    pub versioned: bool,
}

/// A parameter, and the example that the contract gives.
#[derive(Clone)]
pub struct Parameter {
    pub name: String,
    pub example: Value,
}

/// What a request can send.
#[derive(Clone)]
pub enum Body {
    Json {
        /// A request that is good, but for its ids.
        example: Value,
        /// The same with every field there is.
        whole: Value,
    },
    Csv {
        example: String,
    },
}

impl Operation {
    /// `POST /v1/orders`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Every operation of a contract in the form of `OpenAPI` 3.1.
pub fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            all.push(self::operation(document, path, method, operation));
        }
    }
    all
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn operation(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let parameters: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
    let those_in = |place: &str| {
        let inside = parameters.iter().filter(|parameter| parameter["in"] == place);
        let read = inside.map(|parameter| Parameter {
            name: parameter["name"].as_str().unwrap().to_owned(),
            example: match &parameter["example"] {
                Value::Null => sample(document, &parameter["schema"], 0),
                example => example.clone(),
            },
        });
        read.collect::<Vec<_>>()
    };
    Operation {
        method: method.to_uppercase().parse().unwrap(),
        path: path.to_owned(),
        query: those_in("query"),
        path_parameters: those_in("path"),
        body: body(document, &operation["requestBody"]["content"]),
        versioned: those_in("header").iter().any(|header| header.name == "If-Match"),
    }
}

fn body(document: &Value, content: &Value) -> Option<Body> {
    if let Some(csv) = content.get("text/csv") {
        return Some(Body::Csv { example: csv["example"].as_str().unwrap().to_owned() });
    }
    let json = content.get("application/json")?;
    let example = json["example"].clone();
    let whole = joined(sample(document, &json["schema"], 0), &example);
    Some(Body::Json { example, whole })
}

/// A value that has every field of a schema.
fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(name) = schema["$ref"].as_str() {
        let target = document.pointer(name.trim_start_matches('#')).unwrap();
        return sample(document, target, depth + 1);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let one = choices.iter().find(|choice| choice["type"] != "null").unwrap();
            return sample(document, one, depth + 1);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().fold(Value::Null, |whole, part| joined(whole, &sample(document, part, depth + 1)));
    }
    if let Some(known) = schema["enum"].as_array() {
        return known[0].clone();
    }
    let example = match &schema["example"] {
        Value::Null => schema["examples"][0].clone(),
        example => example.clone(),
    };
    match kind(schema) {
        "object" => {
            let fields = members(&schema["properties"]);
            let whole: Map<_, _> =
                fields.map(|(name, field)| (name.clone(), sample(document, field, depth + 1))).collect();
            joined(Value::Object(whole), &example)
        }
        "array" if example.is_null() => json!([sample(document, &schema["items"], depth + 1)]),
        "string" if example.is_null() && schema["format"] == "date-time" => json!("2026-11-22T09:30:00Z"),
        "string" if example.is_null() => json!("sample"),
        "integer" | "number" if example.is_null() => json!(1),
        "boolean" if example.is_null() => json!(true),
        _ => example,
    }
}

/// The type that is not null.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    }
}

/// The first value with what the second says put over it.
fn joined(under: Value, over: &Value) -> Value {
    match (under, over) {
        (under, Value::Null) => under,
        (Value::Object(mut under), Value::Object(over)) => {
            for (name, value) in over {
                let below = under.remove(name).unwrap_or_default();
                under.insert(name.clone(), joined(below, value));
            }
            Value::Object(under)
        }
        (Value::Array(under), Value::Array(over)) if !over.is_empty() => {
            let item = under.into_iter().next().unwrap_or_default();
            Value::Array(over.iter().map(|value| joined(item.clone(), value)).collect())
        }
        (_, over) => over.clone(),
    }
}

/// The pointers (RFC 6901) of everything in a value that is no object and no array.
pub fn leaves(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, "", &mut |pointer, value| {
        if !value.is_object() && !value.is_array() {
            found.push(pointer.to_owned());
        }
    });
    found
}

/// The pointers of every object in a value.
pub fn objects(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, "", &mut |pointer, value| {
        if value.is_object() {
            found.push(pointer.to_owned());
        }
    });
    found
}

/// Calls `seen` with each value inside a value, and its pointer.
pub fn walk(value: &Value, pointer: &str, seen: &mut impl FnMut(&str, &Value)) {
    seen(pointer, value);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                walk(value, &format!("{pointer}/{name}"), seen);
            }
        }
        Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                walk(value, &format!("{pointer}/{place}"), seen);
            }
        }
        _ => {}
    }
}

/// A pointer without the places of arrays: `/lines/0/sku` and `/lines/1/sku` are one field.
pub fn field(pointer: &str) -> String {
    let parts = pointer.split('/').map(|part| if part.parse::<usize>().is_ok() { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Puts a value at a pointer; makes what is missing on the way.
pub fn put(into: &mut Value, pointer: &str, value: Value) {
    let mut here = into;
    for part in pointer.split('/').skip(1) {
        here = if let Ok(place) = part.parse::<usize>() {
            if !here.is_array() {
                *here = json!([]);
            }
            let array = here.as_array_mut().unwrap();
            while array.len() <= place {
                array.push(Value::Null);
            }
            &mut array[place]
        } else {
            if !here.is_object() {
                *here = json!({});
            }
            here.as_object_mut().unwrap().entry(part).or_insert(Value::Null)
        };
    }
    *here = value;
}

/// Real ids in the places of the examples', by the prefix that says of what they are.
pub fn resolved(value: &Value, ids: &BTreeMap<&'static str, String>) -> Value {
    match value {
        Value::String(text) => json!(resolved_text(text, ids)),
        Value::Array(values) => values.iter().map(|value| resolved(value, ids)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), resolved(value, ids))).collect())
        }
        other => other.clone(),
    }
}

/// The path of the contract that a target is about: the first id is `{id}`, another one is named for what it is of.
pub fn path(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    let mut first = true;
    let parts = path.split('/').map(|part| match part.split_once('_') {
        Some((_, rest)) if rest.len() != ID_CHARS => part,
        Some(_) if std::mem::take(&mut first) => "{id}",
        Some(("prod", _)) => "{product}",
        Some(("var", _)) => "{variant}",
        _ => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

fn resolved_text<'a>(text: &'a str, ids: &'a BTreeMap<&'static str, String>) -> &'a str {
    let Some((prefix, rest)) = text.split_once('_').filter(|(_, rest)| rest.len() == ID_CHARS) else { return text };
    let is_id = rest.bytes().all(|symbol| symbol.is_ascii_alphanumeric());
    match ids.get(prefix) {
        Some(id) if is_id => id,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "paths": {"/v1/things/{id}": {"post": {
                "parameters": [
                    {"name": "id", "in": "path", "example": "thing_01jd2mk8x3e5v9zq4t7w6y5h0c"},
                    {"name": "limit", "in": "query", "schema": {"type": ["integer", "null"]}},
                    {"name": "If-Match", "in": "header", "schema": {"type": "string"}},
                ],
                "requestBody": {"content": {"application/json": {
                    "schema": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Thing"}]},
                    "example": {"name": "A", "parts": [{"size": 1}, {"size": 2}]},
                }}},
            }}},
            "components": {"schemas": {"Thing": {"type": "object", "properties": {
                "name": {"type": "string"},
                "at": {"type": ["string", "null"], "format": "date-time"},
                "parts": {"type": "array", "items": {"type": "object", "properties": {
                    "size": {"type": "integer"}, "kind": {"type": "string", "enum": ["big", "small"]},
                }}},
            }}}},
        })
    }

    #[test]
    fn every_field_of_a_request_is_known() {
        let [operation] = &operations(&document())[..] else { panic!() };
        assert_eq!((operation.name().as_str(), operation.versioned), ("POST /v1/things/{id}", true));
        assert_eq!((operation.query[0].name.as_str(), &operation.query[0].example), ("limit", &json!(1)));
        let Some(Body::Json { example, whole }) = &operation.body else { panic!() };
        assert_eq!(leaves(example), ["/name", "/parts/0/size", "/parts/1/size"]);
        let all = ["/at", "/name", "/parts/0/kind", "/parts/0/size", "/parts/1/kind", "/parts/1/size"];
        assert_eq!(leaves(whole), all);
        assert_eq!(objects(whole), ["", "/parts/0", "/parts/1"]);
        assert_eq!(field("/parts/1/size"), "/parts/*/size");
    }

    #[test]
    fn a_target_is_about_a_path_of_the_contract() {
        let [link, product] = ["link", "prod"].map(|prefix| format!("{prefix}_01jd2mk8x3e5v9zq4t7w6y5h0c"));
        let target = format!("/v1/partner_links/{link}/products/{product}?limit=1");
        assert_eq!(path(&target), "/v1/partner_links/{id}/products/{product}");
        assert_eq!(path("/v1/purchase_orders"), "/v1/purchase_orders");
    }

    #[test]
    fn values_are_put_where_nothing_was() {
        let mut value = json!({"a": 1});
        put(&mut value, "/b/1/c", json!("x"));
        put(&mut value, "/a", json!("y"));
        assert_eq!(value, json!({"a": "y", "b": [null, {"c": "x"}]}));
        let ids = BTreeMap::from([("thing", "thing_1".to_owned())]);
        let example = json!({"id": ["thing_01jd2mk8x3e5v9zq4t7w6y5h0c", 2, "thing_2"]});
        assert_eq!(resolved(&example, &ids), json!({"id": ["thing_1", 2, "thing_2"]}));
    }
}
