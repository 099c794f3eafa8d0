//! What the plain fields of the shop's things say.

use crate::bulk;
use crate::state::{State, gid, time};
use crate::view::{Found, Thing};
use apollo_compiler::resolvers::ResolveInfo;
use serde_json::{Value, json};

/// What a field that lists nothing says.
pub fn fact(state: &State, thing: &Thing, base: &str, info: &ResolveInfo<'_>) -> Option<Found> {
    let field = info.field_name();
    let json = match thing {
        Thing::Product(id) => product(state, *id, field)?,
        Thing::Variant(id) => match field {
            "inventoryItem" => return Some(Found::One(Some(Thing::Item(*id)))),
            "product" => return Some(Found::One(Some(Thing::Product(state.variants.get(id)?.product)))),
            _ => variant(state, *id, field)?,
        },
        Thing::Media(id, place) => {
            let (url, alt) = state.products.get(id)?.media.get(*place)?;
            match field {
                "alt" => json!(alt),
                "image" => json!({ "url": url }),
                "mediaContentType" => json!("IMAGE"),
                _ => return None,
            }
        }
        Thing::Order(id) => order(state, *id, field)?,
        Thing::Line(order, id) => return line(state, *order, *id, field),
        Thing::Subscription(id) => {
            let of = state.subscriptions.get(id)?;
            match field {
                "topic" => json!(of.topic),
                "uri" => json!(of.uri),
                "includeFields" => json!(of.include_fields),
                _ => return None,
            }
        }
        Thing::Bulk(id) => bulk::fact(state, *id, base, field)?,
        Thing::Item(_) | Thing::Level(..) | Thing::Location(_) => return stock(state, thing, info),
        thing => return shipping(state, thing, field),
    };
    Some(Found::Json(json))
}

/// What lies where.
fn stock(state: &State, thing: &Thing, info: &ResolveInfo<'_>) -> Option<Found> {
    let field = info.field_name();
    let json = match thing {
        Thing::Item(id) => {
            let of = state.variants.get(id)?;
            match field {
                "sku" => json!(of.sku),
                "tracked" => json!(of.tracked),
                "requiresShipping" => json!(of.requires_shipping),
                "measurement" => json!({ "weight": { "unit": "GRAMS", "value": of.grams } }),
                _ => return None,
            }
        }
        Thing::Level(item, location) => match field {
            "item" => return Some(Found::One(Some(Thing::Item(*item)))),
            "location" => return Some(Found::One(Some(Thing::Location(*location)))),
            "updatedAt" => json!(time(state.levels.get(&(*item, *location))?.updated_ms)),
            "quantities" => {
                let level = state.levels.get(&(*item, *location))?;
                let names = info.arguments().get("names")?.as_array()?.iter().filter_map(|name| name.as_str());
                let quantity = |name: &str| match name {
                    "available" => level.available,
                    "committed" => level.committed,
                    _ => level.available + level.committed,
                };
                names.map(|name| json!({ "name": name, "quantity": quantity(name) })).collect()
            }
            _ => return None,
        },
        Thing::Location(id) => {
            let of = state.locations.get(id)?;
            match field {
                "name" => json!(of.name),
                "isActive" => json!(of.active),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Found::Json(json))
}

/// What is to be sent, and what was.
fn shipping(state: &State, thing: &Thing, field: &str) -> Option<Found> {
    let json = match thing {
        Thing::FulfilmentOrder(order, id) => {
            let part = state.orders.get(order)?.fulfilment_orders.iter().find(|part| part.id == *id)?;
            match field {
                "status" => json!(part.status),
                "assignedLocation" => json!({ "location": { "$thing": gid("Location", part.location) } }),
                _ => return None,
            }
        }
        Thing::FulfilmentOrderLine(order, part, id) => {
            let part = state.orders.get(order)?.fulfilment_orders.iter().find(|of| of.id == *part)?;
            let (_, line, left) = part.lines.iter().find(|(entry, ..)| entry == id)?;
            match field {
                "lineItem" => return Some(Found::One(Some(Thing::Line(*order, *line)))),
                "remainingQuantity" => json!(left),
                _ => return None,
            }
        }
        Thing::Fulfilment(order, id) => {
            let parcel = state.orders.get(order)?.fulfilments.iter().find(|parcel| parcel.id == *id)?;
            match field {
                "status" => json!(parcel.status),
                "createdAt" => json!(time(parcel.created_ms)),
                "trackingInfo" => {
                    let is_tracked = parcel.company.is_some() || parcel.number.is_some() || parcel.url.is_some();
                    let info = json!({ "company": parcel.company, "number": parcel.number, "url": parcel.url });
                    if is_tracked { json!([info]) } else { json!([]) }
                }
                _ => return None,
            }
        }
        Thing::FulfilmentLine(order, parcel, line) => {
            let parcel = state.orders.get(order)?.fulfilments.iter().find(|of| of.id == *parcel)?;
            match field {
                "lineItem" => return Some(Found::One(Some(Thing::Line(*order, *line)))),
                "quantity" => json!(parcel.lines.iter().find(|(of, _)| of == line)?.1),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Found::Json(json))
}

fn product(state: &State, id: u64, field: &str) -> Option<Value> {
    let of = state.products.get(&id)?;
    Some(match field {
        "title" => json!(of.title),
        "handle" => json!(of.handle),
        "descriptionHtml" => json!(of.description_html),
        "vendor" => json!(of.vendor),
        "productType" => json!(of.product_type),
        "status" => json!(of.status),
        "tags" => json!(of.tags),
        "updatedAt" => json!(time(of.updated_ms)),
        "hasOnlyDefaultVariant" => json!(of.options.first().is_some_and(|(name, _)| name == "Title")),
        "options" => {
            let values = |values: &[String]| values.iter().map(|name| json!({ "name": name })).collect::<Value>();
            let option = |(name, of): &(String, Vec<String>)| json!({ "name": name, "optionValues": values(of) });
            of.options.iter().map(option).collect()
        }
        _ => return None,
    })
}

fn variant(state: &State, id: u64, field: &str) -> Option<Value> {
    let of = state.variants.get(&id)?;
    let names = state.products.get(&of.product)?.options.iter().map(|(name, _)| name);
    Some(match field {
        "sku" => json!(of.sku),
        "barcode" => json!(of.barcode),
        "price" => json!(of.price),
        "compareAtPrice" => json!(of.compare_at_price),
        "taxable" => json!(of.taxable),
        "inventoryPolicy" => json!(of.policy),
        "selectedOptions" => {
            names.zip(&of.values).map(|(name, value)| json!({ "name": name, "value": value })).collect()
        }
        _ => return None,
    })
}

fn order(state: &State, id: u64, field: &str) -> Option<Value> {
    let of = state.orders.get(&id)?;
    Some(match field {
        "name" => json!(of.name),
        "processedAt" | "createdAt" => json!(time(of.created_ms)),
        "updatedAt" => json!(time(of.updated_ms)),
        "cancelledAt" => json!(of.cancelled_ms.map(time)),
        "test" => json!(of.test),
        "sourceIdentifier" => json!(of.source_identifier),
        "shippingAddress" => of.address.clone().map_or(Value::Null, Value::Object),
        "fulfillmentsCount" => json!({ "count": of.fulfilments.len(), "precision": "EXACT" }),
        _ => return None,
    })
}

fn line(state: &State, order: u64, id: u64, field: &str) -> Option<Found> {
    let order = state.orders.get(&order)?;
    let of = order.lines.iter().find(|line| line.id == id)?;
    let shipped = || -> i64 {
        let parcels = order.fulfilments.iter().filter(|parcel| parcel.status != "CANCELLED");
        parcels.flat_map(|parcel| &parcel.lines).filter(|(line, _)| *line == id).map(|(_, pieces)| pieces).sum()
    };
    Some(Found::Json(match field {
        "variant" => return Some(Found::One(of.variant.map(Thing::Variant))),
        "sku" => json!(of.sku),
        "title" => json!(of.title),
        "quantity" => json!(of.quantity),
        "currentQuantity" => json!(of.quantity - of.dropped),
        "unfulfilledQuantity" => json!(of.quantity - of.dropped - shipped()),
        "requiresShipping" => json!(true),
        "discountedUnitPriceAfterAllDiscountsSet" => {
            json!({ "shopMoney": { "amount": of.price, "currencyCode": state.currency } })
        }
        _ => return None,
    }))
}
