//! Orders that an app places, cancels and fulfils.

use crate::mutate::{error, list, take_metafields, text};
use crate::state::{Line, Metafields, State, gid, read_gid};
use serde_json::{Value, json};

pub fn create(state: &mut State, arguments: &Value) -> Option<Value> {
    let input = arguments.get("order")?;
    let refused = |field: &[&str], code: &str| Some(json!({ "order": null, "userErrors": [error(field, Some(code))] }));
    let behaviour = arguments.pointer("/options/inventoryBehaviour").and_then(Value::as_str).unwrap_or("BYPASS");
    let mut lines = Vec::new();
    for entry in list(input, "/lineItems") {
        let known = read_gid(text(entry, "/variantId")).and_then(|(_, id)| Some((id, state.variants.get(&id)?)));
        let Some((variant, of)) = known else { return refused(&["order", "lineItems", "0", "variantId"], "INVALID") };
        let amount = entry.pointer("/priceSet/shopMoney/amount");
        let amount = amount.map(|amount| amount.as_str().map_or_else(|| amount.to_string(), str::to_owned));
        lines.push(Line {
            id: 0,
            variant: Some(variant),
            sku: of.sku.clone(),
            title: state.products.get(&of.product).map(|product| product.title.clone()).unwrap_or_default(),
            quantity: entry.get("quantity").and_then(Value::as_i64).unwrap_or_default(),
            dropped: 0,
            price: amount.unwrap_or_else(|| of.price.clone()),
        });
    }
    if lines.is_empty() || lines.iter().any(|line| line.quantity < 1) {
        return refused(&["order", "lineItems"], "INVALID");
    }
    let is_short = |line: &Line| {
        let item = line.variant.unwrap_or_default();
        let obeys = state.variants.get(&item).is_some_and(|of| of.tracked && of.policy == "DENY");
        obeys && state.levels.get(&(item, 1)).is_none_or(|level| level.available < line.quantity)
    };
    if behaviour == "DECREMENT_OBEYING_POLICY" && lines.iter().any(is_short) {
        return refused(&["order", "lineItems"], "INVENTORY_CLAIM_FAILED");
    }
    let mut metafields = Metafields::new();
    if take_metafields(state, "ORDER", &mut metafields, input.get("metafields"), 0) {
        return refused(&["order", "metafields", "0", "value"], "INVALID");
    }
    let address = input.get("shippingAddress").and_then(Value::as_object).cloned().map(|mut address| {
        let country = address.remove("countryCode").unwrap_or_default();
        address.insert("countryCodeV2".to_owned(), country);
        address
    });
    let id = state.insert_order(lines, address, behaviour != "BYPASS");
    let order = state.orders.get_mut(&id)?;
    order.metafields = metafields;
    let given = |name: &str| input.get(name).and_then(Value::as_str).map(str::to_owned);
    order.source_identifier = given("sourceIdentifier");
    order.po_number = given("poNumber");
    order.financial_status = given("financialStatus").unwrap_or_else(|| "PAID".to_owned());
    order.test = input.get("test").and_then(Value::as_bool).unwrap_or_default();
    Some(json!({ "order": { "$thing": gid("Order", id) }, "userErrors": [] }))
}

pub fn cancel(state: &mut State, arguments: &Value) -> Option<Value> {
    let (_, id) = read_gid(text(arguments, "/orderId"))?;
    let refused = |code: &str| json!({ "job": null, "orderCancelUserErrors": [error(&["orderId"], Some(code))] });
    let Some(order) = state.orders.get(&id) else { return Some(refused("NOT_FOUND")) };
    if order.cancelled_ms.is_some() || order.fulfilments.iter().any(|parcel| parcel.status == "SUCCESS") {
        return Some(refused("INVALID"));
    }
    state.cancel(id);
    let job = state.next_id();
    Some(json!({ "job": { "id": gid("Job", job), "done": false }, "orderCancelUserErrors": [] }))
}

pub fn fulfil(state: &mut State, arguments: &Value) -> Option<Value> {
    let input = arguments.get("fulfillment")?;
    let refused = |field: &[&str]| Some(json!({ "fulfillment": null, "userErrors": [error(field, None)] }));
    let mut order = None;
    let mut lines: Vec<(u64, i64)> = Vec::new();
    for group in list(input, "/lineItemsByFulfillmentOrder") {
        let (_, part) = read_gid(text(group, "/fulfillmentOrderId"))?;
        let found = state
            .orders
            .iter()
            .find_map(|(id, order)| order.fulfilment_orders.iter().find(|of| of.id == part).map(|of| (*id, of)));
        let Some((of_order, part)) = found else { return refused(&["fulfillment", "lineItemsByFulfillmentOrder"]) };
        let is_open = part.status == "OPEN" || part.status == "IN_PROGRESS";
        if !is_open || order.is_some_and(|other| other != of_order) {
            return refused(&["fulfillment", "lineItemsByFulfillmentOrder"]);
        }
        order = Some(of_order);
        for entry in list(group, "/fulfillmentOrderLineItems") {
            let (_, id) = read_gid(text(entry, "/id"))?;
            let quantity = entry.get("quantity").and_then(Value::as_i64).unwrap_or_default();
            let Some((_, line, left)) = part.lines.iter().find(|(of, ..)| *of == id) else {
                return refused(&["fulfillment", "fulfillmentOrderLineItems"]);
            };
            if quantity < 1 || quantity > *left {
                return refused(&["fulfillment", "fulfillmentOrderLineItems", "quantity"]);
            }
            lines.push((*line, quantity));
        }
    }
    let tracking = |name: &str| input.pointer(&format!("/trackingInfo/{name}")).and_then(Value::as_str);
    let tracking = [tracking("company"), tracking("number"), tracking("url")];
    match state.fulfil(order?, &lines, tracking) {
        Some(id) => Some(json!({ "fulfillment": { "$thing": gid("Fulfillment", id) }, "userErrors": [] })),
        None => refused(&["fulfillment"]),
    }
}

/// Says anew how a parcel can be followed: what is not said stays.
pub fn track(state: &mut State, arguments: &Value) -> Option<Value> {
    let (_, id) = read_gid(text(arguments, "/fulfillmentId"))?;
    let refused = || Some(json!({ "fulfillment": null, "userErrors": [error(&["fulfillmentId"], None)] }));
    let found = state.orders.iter().find(|(_, order)| order.fulfilments.iter().any(|parcel| parcel.id == id));
    let Some((order, _)) = found.map(|(order, of)| (*order, of)) else { return refused() };
    let parcel = state.orders.get_mut(&order)?.fulfilments.iter_mut().find(|parcel| parcel.id == id)?;
    for (name, place) in [("company", &mut parcel.company), ("number", &mut parcel.number), ("url", &mut parcel.url)] {
        if let Some(given) = arguments.pointer(&format!("/trackingInfoInput/{name}")).and_then(Value::as_str) {
            *place = Some(given.to_owned());
        }
    }
    state.tell_of_parcel(order, id);
    Some(json!({ "fulfillment": { "$thing": gid("Fulfillment", id) }, "userErrors": [] }))
}
