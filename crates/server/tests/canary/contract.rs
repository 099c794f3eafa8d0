//! The contract of the API, walked: every operation with every field that a request to it can carry.

use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

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
    /// Names and examples.
    pub in_query: Vec<(String, Value)>,
    /// The same of those that must be there.
    pub needed: Vec<(String, Value)>,
    pub in_path: Vec<(String, Value)>,
    pub body: Option<Body>,
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
    Csv(String),
}

impl Operation {
    /// `POST /v1/orders`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Every operation of the contract that is committed with the product.
pub fn operations() -> Vec<Operation> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/bonded-v1.json");
    let document: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        all.extend(item.as_object().unwrap().iter().map(|(method, it)| operation(&document, path, method, it)));
    }
    all
}

fn operation(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let those = |wanted: &dyn Fn(&Value) -> bool| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let inside = parameters.filter(|parameter| wanted(parameter));
        let read = inside.map(|parameter| {
            let example = match &parameter["example"] {
                Value::Null => sample(document, &parameter["schema"], 0),
                example => example.clone(),
            };
            (parameter["name"].as_str().unwrap().to_owned(), example)
        });
        read.collect()
    };
    let in_query = those(&|parameter| parameter["in"] == "query");
    let needed = those(&|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let in_path = those(&|parameter| parameter["in"] == "path");
    let content = &operation["requestBody"]["content"];
    let (json, csv) = (&content["application/json"], &content["text/csv"]["example"]);
    let body = csv.as_str().map(|example| Body::Csv(example.to_owned())).or_else(|| {
        let example = json["example"].clone();
        let whole = joined(sample(document, json.get("schema")?, 0), &example);
        Some(Body::Json { example, whole })
    });
    let method = method.to_uppercase().parse().unwrap();
    Operation { method, path: path.to_owned(), in_query, needed, in_path, body }
}

/// A value that has every field of a schema.
fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(name) = schema["$ref"].as_str() {
        return sample(document, document.pointer(name.trim_start_matches('#')).unwrap(), depth + 1);
    }
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let one = choices.iter().find(|choice| choice["type"] != "null").unwrap();
        return sample(document, one, depth + 1);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().fold(Value::Null, |whole, part| joined(whole, &sample(document, part, depth + 1)));
    }
    let example = [&schema["example"], &schema["examples"][0], &schema["enum"][0]];
    let example = example.into_iter().find(|example| !example.is_null()).unwrap_or(&Value::Null);
    match kind(schema) {
        "object" => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let whole: Map<_, _> =
                fields.map(|(name, field)| (name.clone(), sample(document, field, depth + 1))).collect();
            joined(Value::Object(whole), example)
        }
        "array" => joined(json!([sample(document, &schema["items"], depth + 1)]), example),
        "integer" | "number" => joined(json!(1), example),
        "boolean" => joined(json!(true), example),
        _ if schema["format"] == "date-time" => joined(json!("2026-11-22T09:30:00Z"), example),
        _ => joined(json!("sample"), example),
    }
}

/// The type that is not null.
fn kind(schema: &Value) -> &str {
    let kinds = schema["type"].as_array().map_or_else(|| vec![&schema["type"]], |kinds| kinds.iter().collect());
    kinds.into_iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default()
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
            over.iter().map(|value| joined(item.clone(), value)).collect()
        }
        (_, over) => over.clone(),
    }
}

/// The pointers (RFC 6901) of everything in a value that is no object and no array.
pub fn leaves(value: &Value) -> Vec<String> {
    pointers(value, |value| !value.is_object() && !value.is_array())
}

/// The pointers of every object in a value.
pub fn objects(value: &Value) -> Vec<String> {
    pointers(value, Value::is_object)
}

fn pointers(value: &Value, wanted: fn(&Value) -> bool) -> Vec<String> {
    let inside: Vec<_> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(values) => values.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let below = inside
        .into_iter()
        .flat_map(|(part, value)| pointers(value, wanted).into_iter().map(move |pointer| format!("/{part}{pointer}")));
    wanted(value).then(String::new).into_iter().chain(below).collect()
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
            array.resize(array.len().max(place + 1), Value::Null);
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
        Value::String(text) => {
            let prefix = text.split_once('_').filter(|(_, rest)| rest.len() == ID_CHARS).map(|(prefix, _)| prefix);
            json!(prefix.and_then(|prefix| ids.get(prefix)).unwrap_or(text))
        }
        Value::Array(values) => values.iter().map(|value| resolved(value, ids)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), resolved(value, ids))).collect(),
        other => other.clone(),
    }
}
