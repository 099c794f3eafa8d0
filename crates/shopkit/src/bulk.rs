//! Bulk operations: a query that runs by itself, step by step as it is asked for, and leaves a file of JSON lines.

use crate::schema::schema;
use crate::state::{Bulk, State, gid};
use crate::view::{Seen, Thing, World};
use apollo_compiler::ExecutableDocument;
use apollo_compiler::resolvers::Execution;
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};

/// How often an operation is asked for before it has run, unless a test says otherwise.
const POLLS: u32 = 2;
/// Operations that run at once.
const RUNNING_MAX: usize = 5;

/// Keeps an operation whose query the schema allows.
pub fn start(world: &World<'_>, query: &str) -> Value {
    let refused = |code: &str| json!({ "bulkOperation": null, "userErrors": [{ "code": code, "field": ["query"], "message": "refused" }] });
    let Some(schema) = schema(world.version) else { return refused("INVALID") };
    if ExecutableDocument::parse_and_validate(schema, query, "bulk.graphql").is_err() {
        return refused("INVALID");
    }
    let mut state = world.state.borrow_mut();
    let running = state.bulks.values().filter(|bulk| bulk.status == "CREATED" || bulk.status == "RUNNING").count();
    if running >= RUNNING_MAX {
        return refused("OPERATION_IN_PROGRESS");
    }
    let id = state.next_id();
    let bulk = Bulk { query: query.to_owned(), status: "CREATED".to_owned(), polls_left: POLLS, lines: None };
    state.bulks.insert(id, bulk);
    json!({ "bulkOperation": { "$thing": gid("BulkOperation", id) }, "userErrors": [] })
}

/// Asked for: it goes on by a step.
pub fn goes_on(state: &mut State, id: u64) -> Option<u64> {
    let bulk = state.bulks.get_mut(&id)?;
    if bulk.status == "CREATED" || bulk.status == "RUNNING" {
        "RUNNING".clone_into(&mut bulk.status);
        bulk.polls_left = bulk.polls_left.saturating_sub(1);
        if bulk.polls_left == 0 {
            let query = bulk.query.clone();
            let lines = lines(state, &query);
            let bulk = state.bulks.get_mut(&id)?;
            if lines.is_some() { "COMPLETED" } else { "FAILED" }.clone_into(&mut bulk.status);
            bulk.lines = lines;
        }
    }
    Some(id)
}

pub fn fact(state: &State, id: u64, base: &str, field: &str) -> Option<Value> {
    let bulk = state.bulks.get(&id)?;
    Some(match field {
        "status" => json!(bulk.status),
        "errorCode" => {
            if bulk.status == "FAILED" {
                json!("INTERNAL_SERVER_ERROR")
            } else {
                Value::Null
            }
        }
        "url" => json!(bulk.lines.as_ref().map(|_| format!("{base}/bulk/{id}.jsonl?signature=1"))),
        "fileSize" => json!(bulk.lines.as_ref().map(|lines| lines.len().to_string())),
        _ => return None,
    })
}

/// The whole result, each node a line, children behind their parents.
fn lines(state: &mut State, query: &str) -> Option<String> {
    let schema = schema(crate::schema::VERSIONS[1])?;
    let document = ExecutableDocument::parse_and_validate(schema, query, "bulk.graphql").ok()?;
    let variables = Map::new();
    let world = World {
        state: RefCell::new(state),
        variables: &variables,
        version: crate::schema::VERSIONS[1],
        objects: Cell::new(0),
        is_bulk: true,
        base: "",
    };
    let root = Seen { world: &world, thing: Thing::Query };
    let answer = Execution::new(schema, &document).execute_sync(&root).ok()?;
    let data = serde_json::to_value(answer.data?).ok()?;
    let mut lines = String::new();
    write_nodes(&mut lines, data, None);
    Some(lines)
}

/// Writes the nodes of every connection of an object, which loses them.
fn write_nodes(lines: &mut String, mut object: Value, parent: Option<&str>) -> Value {
    let Some(fields) = object.as_object_mut() else { return object };
    let own = fields.get("id").and_then(Value::as_str).map(str::to_owned);
    let mut lists = Vec::new();
    fields.retain(|_, value| match value.get_mut("edges").map(Value::take) {
        Some(edges) => {
            lists.push(edges);
            false
        }
        None => true,
    });
    if let (Some(parent), true) = (parent, own.is_some()) {
        fields.insert("__parentId".to_owned(), json!(parent));
    }
    if own.is_some() {
        lines.push_str(&object.to_string());
        lines.push('\n');
    }
    for edge in lists.iter_mut().filter_map(Value::as_array_mut).flatten() {
        let node = edge.get_mut("node").map(Value::take).unwrap_or_default();
        write_nodes(lines, node, own.as_deref());
    }
    object
}
