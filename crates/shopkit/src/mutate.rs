//! What changes the shop: each mutation does what the maker says that it does, and refuses what the maker refuses.

use crate::state::{Metafields, State, Subscription, gid, read_gid};
use crate::view::{World, digest};
use crate::{bulk, mutate_orders, mutate_products};
use apollo_compiler::executable::Value as Literal;
use apollo_compiler::resolvers::{FieldError, ResolveInfo};
use serde_json::{Value, json};

/// Mutations that the maker wants an idempotency key for since 2026-04.
const KEYED: [&str; 2] = ["inventorySetQuantities", "inventoryActivate"];

/// Carries out one mutation and answers its payload; a thing in it is `{"$thing": id}`.
pub fn carry_out(world: &World<'_>, info: &ResolveInfo<'_>) -> Result<Value, FieldError> {
    let name = info.field_name();
    let arguments = serde_json::to_value(info.arguments()).unwrap_or_default();
    let key = key(world, info);
    if KEYED.contains(&name) && key.is_none() {
        return Err(FieldError { message: format!("BAD_REQUEST: the @idempotent directive is required for {name}") });
    }
    if let Some(key) = &key
        && let Some((asked, answered)) = world.state.borrow().idempotent.get(key)
    {
        return Ok(replayed(asked == &arguments.to_string(), answered));
    }
    let count = |state: &mut State| *state.done.entry(name.to_owned()).or_default() += 1;
    count(*world.state.borrow_mut());
    let payload = if name == "bulkOperationRunQuery" {
        bulk::start(world, text(&arguments, "/query"))
    } else {
        let state = &mut **world.state.borrow_mut();
        perform(state, name, &arguments).ok_or_else(|| FieldError {
            message: format!("BAD_USER_INPUT: {name} was asked for what this counterpart does not know"),
        })?
    };
    if let Some(key) = key {
        world.state.borrow_mut().idempotent.insert(key, (arguments.to_string(), payload.clone()));
    }
    Ok(payload)
}

/// What a second call under a key answers.
fn replayed(is_same: bool, answered: &Value) -> Value {
    let failed = answered.get("userErrors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty());
    match (is_same, failed) {
        (false, _) => json!({ "userErrors": [error(&[], Some("IDEMPOTENCY_KEY_PARAMETER_MISMATCH"))] }),
        (true, true) => json!({ "userErrors": [error(&[], Some("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"))] }),
        (true, false) => answered.clone(),
    }
}

fn key(world: &World<'_>, info: &ResolveInfo<'_>) -> Option<String> {
    let directive = info.field_selections().first()?.directives.get("idempotent")?;
    let given = directive.arguments.iter().find(|argument| argument.name == "key")?;
    match &*given.value {
        Literal::String(key) => Some(key.clone()),
        Literal::Variable(name) => world.variables.get(name.as_str())?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn perform(state: &mut State, name: &str, arguments: &Value) -> Option<Value> {
    match name {
        "productCreate" => mutate_products::create(state, arguments),
        "productUpdate" => mutate_products::update(state, arguments),
        "productSet" => mutate_products::set(state, arguments),
        "productVariantsBulkCreate" => mutate_products::create_variants(state, arguments),
        "productVariantsBulkUpdate" => mutate_products::update_variants(state, arguments),
        "inventorySetQuantities" => Some(set_quantities(state, arguments)),
        "inventoryActivate" => activate(state, arguments),
        "orderCreate" => mutate_orders::create(state, arguments),
        "orderCancel" => mutate_orders::cancel(state, arguments),
        "fulfillmentCreate" => mutate_orders::fulfil(state, arguments),
        "fulfillmentTrackingInfoUpdate" => mutate_orders::track(state, arguments),
        "metafieldsSet" => set_metafields(state, arguments),
        "metafieldDefinitionCreate" => Some(define(state, arguments)),
        "webhookSubscriptionCreate" => Some(subscribe(state, arguments)),
        "webhookSubscriptionUpdate" => resubscribe(state, arguments),
        "webhookSubscriptionDelete" => {
            let (_, id) = read_gid(text(arguments, "/id"))?;
            state.subscriptions.remove(&id);
            Some(json!({ "deletedWebhookSubscriptionId": gid("WebhookSubscription", id), "userErrors": [] }))
        }
        _ => None,
    }
}

/// The text at a pointer, or nothing.
pub fn text<'a>(of: &'a Value, pointer: &str) -> &'a str {
    of.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The entries of the list at a pointer.
pub fn list<'a>(of: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    of.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// One user error.
pub fn error(field: &[&str], code: Option<&str>) -> Value {
    json!({ "field": field, "code": code, "message": "refused, and here stands what was sent" })
}

/// Takes the metafields of an input; answers whether one has a unique value that another thing has.
pub fn take_metafields(state: &State, owner: &str, into: &mut Metafields, input: Option<&Value>, id: u64) -> bool {
    let mut is_taken = false;
    for field in input.and_then(Value::as_array).into_iter().flatten() {
        let namespace = field.get("namespace").and_then(Value::as_str).unwrap_or("$app");
        let place = format!("{namespace}/{}", text(field, "/key"));
        let value = text(field, "/value").to_owned();
        is_taken |= state.definitions.contains(&format!("{owner}/{place}")) && has(state, owner, &place, &value, id);
        into.insert(place, value);
    }
    is_taken
}

/// Does another thing of this sort have the value?
fn has(state: &State, owner: &str, place: &str, value: &str, id: u64) -> bool {
    let same = |other: u64, fields: &Metafields| other != id && fields.get(place).is_some_and(|found| found == value);
    match owner {
        "PRODUCT" => state.products.iter().any(|(other, product)| same(*other, &product.metafields)),
        "PRODUCTVARIANT" => state.variants.iter().any(|(other, variant)| same(*other, &variant.metafields)),
        _ => state.orders.iter().any(|(other, order)| same(*other, &order.metafields)),
    }
}

fn set_quantities(state: &mut State, arguments: &Value) -> Value {
    let entries: Vec<_> = list(arguments, "/input/quantities").cloned().collect();
    let mut errors = Vec::new();
    let mut changes = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let place = place.to_string();
        let at = ["input", "quantities", &place, "quantity"];
        let item = read_gid(text(entry, "/inventoryItemId")).map(|(_, id)| id);
        let location = read_gid(text(entry, "/locationId")).map(|(_, id)| id);
        let quantity = entry.get("quantity").and_then(Value::as_i64).unwrap_or_default();
        let (Some(item), Some(location)) = (item.filter(|item| state.variants.contains_key(item)), location) else {
            errors.push(error(&at, Some("INVALID_INVENTORY_ITEM")));
            continue;
        };
        match (state.levels.get(&(item, location)), entry.get("changeFromQuantity")) {
            (None, _) => errors.push(error(&at, Some("ITEM_NOT_STOCKED_AT_LOCATION"))),
            (_, None) => errors.push(error(&at, Some("COMPARE_QUANTITY_REQUIRED"))),
            (Some(level), Some(from)) if from.as_i64().is_some_and(|from| from != level.available) => {
                errors.push(error(&at, Some("CHANGE_FROM_QUANTITY_STALE")));
            }
            _ => changes.push((item, location, quantity)),
        }
    }
    if errors.is_empty() {
        for (item, location, quantity) in changes {
            state.change_level(item, location, |level| level.available = quantity);
        }
    }
    json!({ "inventoryAdjustmentGroup": null, "userErrors": errors })
}

fn activate(state: &mut State, arguments: &Value) -> Option<Value> {
    let (_, item) = read_gid(text(arguments, "/inventoryItemId"))?;
    let (_, location) = read_gid(text(arguments, "/locationId"))?;
    if !state.variants.contains_key(&item) || !state.locations.contains_key(&location) {
        return Some(json!({ "inventoryLevel": null, "userErrors": [error(&["inventoryItemId"], None)] }));
    }
    let available = arguments.get("available").and_then(Value::as_i64).unwrap_or_default();
    let is_new = !state.levels.contains_key(&(item, location));
    if !is_new {
        return Some(json!({ "inventoryLevel": null, "userErrors": [error(&["available"], None)] }));
    }
    state.change_level(item, location, |level| level.available = available);
    Some(json!({ "inventoryLevel": null, "userErrors": [] }))
}

fn set_metafields(state: &mut State, arguments: &Value) -> Option<Value> {
    let inputs: Vec<_> = list(arguments, "/metafields").cloned().collect();
    for (at, input) in inputs.iter().enumerate() {
        let (kind, id) = read_gid(text(input, "/ownerId"))?;
        let place = format!("{}/{}", text(input, "/namespace"), text(input, "/key"));
        let fields = match kind {
            "Order" => &mut state.orders.get_mut(&id)?.metafields,
            "Product" => &mut state.products.get_mut(&id)?.metafields,
            _ => return None,
        };
        if let Some(compare) = input.get("compareDigest")
            && compare.as_str().map(str::to_owned) != fields.get(&place).map(|value| digest(value))
        {
            let at = at.to_string();
            return Some(
                json!({ "metafields": null, "userErrors": [error(&["metafields", &at], Some("STALE_OBJECT"))] }),
            );
        }
        fields.insert(place, text(input, "/value").to_owned());
    }
    let fields: Vec<_> = inputs.iter().map(|input| json!({ "compareDigest": digest(text(input, "/value")) })).collect();
    Some(json!({ "metafields": fields, "userErrors": [] }))
}

fn define(state: &mut State, arguments: &Value) -> Value {
    let part = |name: &str| text(arguments, &format!("/definition/{name}"));
    let definition = format!("{}/{}/{}", part("ownerType"), part("namespace"), part("key"));
    if state.definitions.contains(&definition) {
        return json!({ "createdDefinition": null, "userErrors": [error(&["definition", "key"], Some("TAKEN"))] });
    }
    state.definitions.push(definition);
    json!({ "createdDefinition": null, "userErrors": [] })
}

fn subscription(of: &Value, topic: String) -> Subscription {
    let include_fields = list(of, "/includeFields").filter_map(Value::as_str).map(str::to_owned).collect();
    Subscription { topic, uri: text(of, "/uri").to_owned(), include_fields }
}

fn subscribe(state: &mut State, arguments: &Value) -> Value {
    let wanted = subscription(
        arguments.get("webhookSubscription").unwrap_or(&Value::Null),
        text(arguments, "/topic").to_owned(),
    );
    let is_same = |other: &&Subscription| other.topic == wanted.topic && other.uri == wanted.uri;
    if !wanted.uri.starts_with("https://") || state.subscriptions.values().any(|other| is_same(&other)) {
        // The maker says that the address is taken already.
        return json!({ "webhookSubscription": null, "userErrors": [error(&["webhookSubscription", "uri"], None)] });
    }
    let id = state.next_id();
    state.subscriptions.insert(id, wanted);
    json!({ "webhookSubscription": { "$thing": gid("WebhookSubscription", id) }, "userErrors": [] })
}

fn resubscribe(state: &mut State, arguments: &Value) -> Option<Value> {
    let (_, id) = read_gid(text(arguments, "/id"))?;
    let known = state.subscriptions.get_mut(&id)?;
    *known = subscription(arguments.get("webhookSubscription").unwrap_or(&Value::Null), known.topic.clone());
    Some(json!({ "webhookSubscription": { "$thing": gid("WebhookSubscription", id) }, "userErrors": [] }))
}
