//! Lists in pages: first and after, search by time of change, at most 250 at once, as the maker has them.

use crate::state::State;
use crate::view::{Found, Thing, World};
use apollo_compiler::resolvers::{FieldError, ResolveInfo};
use apollo_compiler::response::JsonValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Nodes of a page at most.
const FIRST_MAX: u64 = 250;

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    pub type_name: String,
    edges: Vec<(Thing, String)>,
    has_next: bool,
}

impl Page {
    pub fn field(&self, field: &str) -> Option<Found> {
        Some(match field {
            "nodes" => Found::Many(self.edges.iter().map(|(thing, _)| thing.clone()).collect()),
            "edges" => {
                let name = self.type_name.replace("Connection", "Edge");
                let edge = |(thing, cursor): &(Thing, String)| {
                    Thing::Edge(name.clone(), Box::new(thing.clone()), cursor.clone())
                };
                Found::Many(self.edges.iter().map(edge).collect())
            }
            "pageInfo" => Found::Json(json!({
                "hasNextPage": self.has_next,
                "hasPreviousPage": false,
                "endCursor": self.edges.last().map(|(_, cursor)| cursor),
            })),
            _ => return None,
        })
    }
}

/// The page that the arguments of the field ask for.
pub fn page(world: &World<'_>, state: &State, info: &ResolveInfo<'_>, things: Vec<Thing>) -> Result<Page, FieldError> {
    let arguments = info.arguments();
    let text = |name: &str| arguments.get(name).and_then(JsonValue::as_str).filter(|text| !text.is_empty());
    let type_name = info.field_definition().ty.inner_named_type().to_string();
    let first = match arguments.get("first").and_then(JsonValue::as_u64) {
        _ if world.is_bulk => u64::MAX,
        Some(first) if first <= FIRST_MAX => first,
        Some(_) => return Err(refused("first cannot exceed 250")),
        None => return Err(refused("you must provide one of first or last")),
    };
    let by_time = text("sortKey") == Some("UPDATED_AT");
    let mut placed: Vec<((u64, u64), Thing)> = Vec::new();
    for (place, thing) in things.into_iter().enumerate() {
        let changed = changed_ms(state, &thing);
        if let Some(query) = text("query")
            && !matches(query, changed)?
        {
            continue;
        }
        let place = place as u64;
        placed.push((if by_time { (changed, number(&thing)) } else { (0, place) }, thing));
    }
    placed.sort_by_key(|(key, _)| *key);
    if let Some(after) = text("after") {
        let after = read_cursor(after).ok_or_else(|| refused("invalid cursor"))?;
        placed.retain(|(key, _)| *key > after);
    }
    let count = usize::try_from(first).unwrap_or(usize::MAX);
    let has_next = placed.len() > count;
    placed.truncate(count);
    let edges = placed.into_iter().map(|(key, thing)| (thing, cursor(key))).collect();
    Ok(Page { type_name, edges, has_next })
}

fn refused(why: &str) -> FieldError {
    FieldError { message: format!("BAD_USER_INPUT: {why}") }
}

fn cursor((value, id): (u64, u64)) -> String {
    STANDARD.encode(json!({ "last_id": id, "last_value": value }).to_string())
}

fn read_cursor(text: &str) -> Option<(u64, u64)> {
    let read: Value = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    Some((read.get("last_value")?.as_u64()?, read.get("last_id")?.as_u64()?))
}

fn number(thing: &Thing) -> u64 {
    match thing {
        Thing::Product(id) | Thing::Order(id) => *id,
        _ => 0,
    }
}

/// When it changed, in whole seconds, as the maker counts.
fn changed_ms(state: &State, thing: &Thing) -> u64 {
    let ms = match thing {
        Thing::Product(id) => state.products.get(id).map(|product| product.updated_ms),
        Thing::Order(id) => state.orders.get(id).map(|order| order.updated_ms),
        Thing::Level(item, location) => state.levels.get(&(*item, *location)).map(|level| level.updated_ms),
        _ => None,
    };
    ms.unwrap_or_default() / 1_000 * 1_000
}

/// The one term that tests search by: `updated_at:>='2026-11-22T10:00:00Z'`.
fn matches(query: &str, changed_ms: u64) -> Result<bool, FieldError> {
    let wanted = || -> Option<u64> {
        let moment = query.strip_prefix("updated_at:>=")?.trim_matches('\'');
        u64::try_from(moment.parse::<jiff::Timestamp>().ok()?.as_millisecond()).ok()
    };
    let wanted = wanted().ok_or_else(|| refused("this counterpart does not know this search"))?;
    Ok(changed_ms >= wanted / 1_000 * 1_000)
}
