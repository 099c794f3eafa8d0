//! Holds every answer against the contract: the shape that the API's description promises for it.

use super::Answer;
use axum::http::Method;
use serde_json::Value;
use std::sync::LazyLock;

static SAID: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&crate::openapi()).unwrap());

/// Panics when an answer has another shape than is said of it.
pub fn hold(method: &Method, path: &str, answer: &Answer) {
    let type_of = answer.headers.get("content-type").map(|value| value.to_str().unwrap().to_owned());
    if answer.status.is_client_error() || answer.status.is_server_error() {
        // Pages refuse in words for people.
        let is_page = !path.starts_with("/v1/") && type_of.as_deref().is_some_and(|kind| kind.starts_with("text/html"));
        if !path.ends_with('z') && !is_page {
            assert_eq!(type_of.as_deref(), Some("application/problem+json"), "{method} {path}");
            check(&SAID["components"]["schemas"]["Problem"], &answer.json(), "problem").unwrap();
        }
        return;
    }
    let Some((template, operation)) = operation(method, path) else { return };
    let status = answer.status.as_str();
    let content = &operation["responses"][status]["content"];
    assert!(content.is_object(), "{method} {template}: {status} is not promised");
    let media = type_of.as_deref().unwrap_or_default().split(';').next().unwrap_or_default();
    assert!(content[media].is_object(), "{method} {template}: {media} is not promised");
    if media == "application/json" {
        let found = check(&content[media]["schema"], &answer.json(), "");
        assert!(found.is_ok(), "{method} {template}: {}\n{}", found.unwrap_err(), answer.text());
    }
}

/// What a body must be for a route, if the description says.
pub fn takes(method: &Method, path: &str, body: &Value) -> Result<(), String> {
    let (_, operation) = operation(method, path).ok_or("no such route")?;
    check(&operation["requestBody"]["content"]["application/json"]["schema"], body, "")
}

fn operation(method: &Method, path: &str) -> Option<(String, &'static Value)> {
    let fits = |template: &str| {
        let (wanted, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        let rest = wanted.last() == Some(&"{rest}");
        (wanted.len() == given.len() || (rest && given.len() > wanted.len()))
            && wanted.iter().zip(&given).all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
    };
    let mut found: Vec<_> = SAID["paths"].as_object()?.iter().filter(|(template, _)| fits(template)).collect();
    // A fixed segment is meant before a parameter.
    found.sort_by_key(|(template, _)| template.matches('{').count());
    let (template, item) = found.into_iter().next()?;
    let operation = &item[method.as_str().to_lowercase()];
    operation.is_object().then(|| (template.clone(), operation))
}

fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return check(&SAID["components"]["schemas"][name], value, at);
    }
    if let Some(one_of) = schema["oneOf"].as_array() {
        let tried: Vec<_> = one_of.iter().map(|schema| check(schema, value, at)).collect();
        if tried.iter().any(Result::is_ok) {
            return Ok(());
        }
        return Err(tried.into_iter().filter_map(Result::err).collect::<Vec<_>>().join(" and "));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.contains(value).then_some(()).ok_or(format!("{at}: {value} is none of the known words"));
    }
    if let Some(all) = schema["allOf"].as_array() {
        return members(&all.iter().flat_map(parts).collect::<Vec<_>>(), value, at);
    }
    let kinds: Vec<_> = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() || kinds.contains(&"number") => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Err(format!("{at}: {value} is none of {kinds:?}"));
    }
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(place, item)| check(&schema["items"], item, &format!("{at}/{place}"))),
        Value::Object(_) => members(&[schema], value, at),
        _ => Ok(()),
    }
}

/// The objects that a shape is made of.
fn parts(schema: &Value) -> Vec<&Value> {
    match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => parts(&SAID["components"]["schemas"][name]),
        None => match schema["allOf"].as_array() {
            Some(all) => all.iter().flat_map(parts).collect(),
            None => vec![schema],
        },
    }
}

fn members(parts: &[&Value], value: &Value, at: &str) -> Result<(), String> {
    let members = value.as_object().ok_or(format!("{at}: not an object"))?;
    for required in parts.iter().filter_map(|part| part["required"].as_array()).flatten() {
        let name = required.as_str().unwrap();
        if !members.contains_key(name) {
            return Err(format!("{at}/{name} is missing"));
        }
    }
    for (name, member) in members {
        let place = format!("{at}/{name}");
        let said = parts.iter().map(|part| &part["properties"][name]).find(|said| !said.is_null());
        match (said, parts.iter().map(|part| &part["additionalProperties"]).find(|said| said.is_object())) {
            (Some(schema), _) | (None, Some(schema)) => check(schema, member, &place)?,
            (None, None) => return Err(format!("{place} is not said")),
        }
    }
    Ok(())
}
