//! Orders: what a retailer's consumers have ordered.

use super::batch;
use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{Batch, IdIn, MaybeSent, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::{IfMatch, Reply};
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Account, Id, Kind, Moment};
use bonded_ledger::Listed;
use bonded_people::Permission;
use bonded_trade::Written;
use bonded_trade::orders::{self, Cancellation, Order, OrderDraft, OrderState};
use bonded_trade::partners::PartnerLink;
use bonded_trade::purchase_orders::PurchaseOrder;
use serde::Serialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::OrdersWrite, routes!(place_order)),
        Route::new(Permission::OrdersWrite, routes!(place_orders)),
        Route::new(Permission::OrdersRead, routes!(list_orders)),
        Route::new(Permission::OrdersRead, routes!(get_order)),
        Route::new(Permission::OrdersWrite, routes!(cancel_order)).versioned(),
        Route::new(Permission::OrdersWrite, routes!(complete_order)).versioned(),
        Route::new(Permission::OrdersWrite, routes!(archive_order)).versioned(),
    ]
}

/// Place an order
///
/// Each line names a variant, a SKU or at least a title. The order is routed at once: every line goes to the partner
/// that sells it. Of the consumer six fields are kept; whatever else is sent of them is dropped before anything is
/// written. A `reference` is unique in the account, so that an order cannot be placed twice.
#[utoipa::path(post, path = "/v1/orders", tag = "Orders",
    request_body(content = shapes::NewOrder, example = json!({
        "reference": "A-1001",
        "lines": [{"sku": "POT-S", "quantity": 2, "price": {"amount": 1499, "currency": "EUR"}}],
        "consumer": {
            "first_name": "Ada", "last_name": "Example", "street": "12 Sample Road\nTestbury",
            "postal_code": "T3 5TT", "region": "Testshire", "country": "GB"
        }
    })),
    responses((status = 201, body = shapes::Order)))]
async fn place_order(State(app): State<App>, caller: Caller, Sent(draft): Sent<OrderDraft>) -> Result<Reply, Failure> {
    let order = orders::place(app.ledger(), caller.scope(), draft).await?;
    Ok(Shown::from(&order).reply()?.created(format!("/v1/orders/{}", order.id)))
}

#[derive(Serialize)]
struct Placed {
    id: Id<Order>,
}

/// Place many orders
///
/// Up to 1,000 at once, all good ones in one commit. `data` has a result for each, in the order sent: one that cannot
/// be holds back only itself.
#[utoipa::path(post, path = "/v1/orders/batch", tag = "Orders",
    request_body(content = shapes::NewOrders, example = json!({"data": [{
        "reference": "A-1002",
        "lines": [{"sku": "POT-L", "quantity": 1, "price": {"amount": 2499, "currency": "EUR"}}],
        "consumer": {
            "first_name": "Grace", "last_name": "Specimen", "street": "1 Placeholder Street\nModeltown",
            "postal_code": "10115", "region": "BE", "country": "DE"
        }
    }]})),
    responses((status = 200, body = shapes::OrderResults)))]
async fn place_orders(
    State(app): State<App>,
    caller: Caller,
    Batch(records): Batch<OrderDraft>,
) -> Result<Reply, Failure> {
    let (drafts, places) = batch::readable(records);
    let results = orders::place_many(app.ledger(), caller.scope(), drafts).await?;
    batch::reply(201, &batch::merged(places, results, |order: Written<Order>| Placed { id: order.id }))
}

const STATES: [(&str, OrderState); 7] = [
    ("open", OrderState::Open),
    ("routed", OrderState::Routed),
    ("shipped", OrderState::Shipped),
    ("completed", OrderState::Completed),
    ("archived", OrderState::Archived),
    ("cancelled", OrderState::Cancelled),
    ("forgotten", OrderState::Forgotten),
];

/// List orders
///
/// All of them in the order in which they came, or those in one state by when they were placed. Consumers are shown only
/// with a single order.
#[utoipa::path(get, path = "/v1/orders", tag = "Orders",
    params(PageParams,
        ("state" = Option<shapes::OrderState>, Query, description = "Only orders in this state."),
        ("reference" = Option<String>, Query, description = "Only the order with this reference.")),
    responses((status = 200, body = shapes::OrderPage)))]
async fn list_orders(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Order, &["state", "reference"])?;
    let state = params.one_of("state", &STATES)?;
    if let Some(reference) = params.text("reference") {
        let found = orders::by_reference(app.ledger(), caller.scope(), reference).await?;
        let records = found.into_iter().filter(|order| state.is_none_or(|state| order.state == state)).collect();
        return listing(&Listed { records, next: None });
    }
    listing(&orders::list(app.ledger(), caller.scope(), state, page).await?)
}

/// One purchase order that an order became, as far as the order knows.
#[derive(Serialize)]
struct PartShown {
    id: Id<PurchaseOrder>,
    supplier: Id<Account>,
    link: Id<PartnerLink>,
    acknowledged_at: Option<Moment>,
    lines: Vec<u32>,
}

#[derive(Serialize)]
struct WithParts<'a> {
    #[serde(flatten)]
    order: Shown<'a, Order>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_orders: Option<Vec<PartShown>>,
}

fn parts(order: &Order) -> Vec<PartShown> {
    let part = |(id, supplier, link)| {
        let lines: Vec<_> = order.lines.iter().filter(|line| line.purchase_order == Some(id)).collect();
        PartShown {
            id,
            supplier,
            link,
            acknowledged_at: lines.iter().find_map(|line| line.acknowledged_at),
            lines: lines.iter().map(|line| line.number).collect(),
        }
    };
    order.purchase_orders().into_iter().map(part).collect()
}

/// Get an order
///
/// `expand=consumer` shows the consumer's six fields with it (null once they were forgotten), `expand=purchase_orders` which
/// purchase orders it became; both, joined by a comma.
#[utoipa::path(get, path = "/v1/orders/{id}", tag = "Orders",
    params(("id" = String, Path, description = "The order.", example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("expand" = Option<String>, Query, description = "`consumer`, `purchase_orders`, or both joined by a comma.",
            example = "consumer,purchase_orders")),
    responses((status = 200, body = shapes::Order)))]
async fn get_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Order>,
    params: Params,
) -> Result<Reply, Failure> {
    params.only(&["expand"])?;
    let [consumer, purchase_orders] = params.expand(["consumer", "purchase_orders"])?;
    let order = orders::get(app.ledger(), caller.scope(), id).await?;
    let shown = WithParts { order: Shown::from(&order), purchase_orders: purchase_orders.then(|| parts(&order)) };
    let reply = Reply::ok(&shown)?.version(order.version);
    if !consumer {
        return Ok(reply);
    }
    Ok(reply.with_consumer(orders::consumer(app.ledger(), caller.scope(), &order).await?))
}

/// Cancel an order
///
/// All that can still be cancelled, or `lines` with a quantity of each. What is not with a supplier yet is cancelled at
/// once. Of the rest cancelling is asked for (`cancel_wanted`); `cancelled` rises when the supplier's purchase order has
/// taken it, unless it was shipped before.
#[utoipa::path(post, path = "/v1/orders/{id}/cancel", tag = "Orders",
    params(("id" = String, Path, description = "The order.", example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    request_body(content = Option<shapes::LineSelection>, example = json!({"lines": [{"line": 1, "quantity": 1}]})),
    responses((status = 200, body = shapes::Order)))]
async fn cancel_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Order>,
    IfMatch(expected): IfMatch,
    MaybeSent(cancellation): MaybeSent<Cancellation>,
) -> Result<Reply, Failure> {
    let cancellation = cancellation.unwrap_or_default();
    Shown::from(&orders::cancel(app.ledger(), caller.scope(), id, expected, &cancellation).await?).reply()
}

/// Complete an order
///
/// Once all that is left of it was shipped.
#[utoipa::path(post, path = "/v1/orders/{id}/complete", tag = "Orders",
    params(("id" = String, Path, description = "The order.", example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Order)))]
async fn complete_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Order>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&orders::complete(app.ledger(), caller.scope(), id, expected).await?).reply()
}

/// Archive an order
///
/// Puts a completed or cancelled order away. Suppliers cannot read its consumer any more.
#[utoipa::path(post, path = "/v1/orders/{id}/archive", tag = "Orders",
    params(("id" = String, Path, description = "The order.", example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Order)))]
async fn archive_order(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Order>,
    IfMatch(expected): IfMatch,
) -> Result<Reply, Failure> {
    Shown::from(&orders::archive(app.ledger(), caller.scope(), id, expected).await?).reply()
}

#[cfg(test)]
mod tests {
    use crate::house::{House, order, scrubbed};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn an_order_is_placed_once_and_shown_with_what_is_asked_for() {
        let house = House::new().await;
        let (retailer, supplier, _) = house.partners().await;
        house.stocked(&supplier, "POT-S", 10).await;
        let placed = house.post(&retailer, "/v1/orders", order("1001", "POT-S", 2)).await;
        let path = placed.headers["location"].to_str().unwrap().to_owned();
        insta::assert_json_snapshot!("order_placed", scrubbed(&placed.expect(201)));
        let twin = house.post(&retailer, "/v1/orders", order("1001", "POT-S", 2)).await.expect(409);
        assert_eq!((&twin["type"], &twin["pointer"]), (&json!("/problems/duplicate"), &json!("/reference")));

        let routed = house.until(&retailer, &path, |order| order["state"] == "routed").await;
        assert!(routed.get("consumer").is_none() && routed.get("purchase_orders").is_none());
        let shown = house.get(&retailer, &format!("{path}?expand=consumer,purchase_orders")).await;
        assert_eq!(shown.headers["etag"].to_str().unwrap(), format!("\"{}\"", routed["version"]));
        let shown = shown.expect(200);
        assert_eq!(shown["consumer"]["street"], "12 Sample Road\nTestbury");
        assert_eq!(shown["purchase_orders"][0]["supplier"], supplier.account.to_string());
        assert_eq!(shown["purchase_orders"][0]["lines"], json!([1]));
        house.get(&retailer, &format!("{path}?expand=lines")).await.expect(400);
    }

    #[tokio::test]
    async fn orders_are_listed_by_state_and_reference() {
        let house = House::new().await;
        let retailer = house.retailer().await;
        let batch =
            json!({"data": [order("1", "A", 1), order("2", "A", 1), order("1", "A", 1), order("3", "A", 0), {}]});
        let outcome = house.post(&retailer, "/v1/orders/batch", batch).await.expect(200);
        insta::assert_json_snapshot!("order_batch", scrubbed(&outcome));
        for (filter, count) in
            [("", 2), ("?state=open", 2), ("?state=routed", 0), ("?reference=2", 1), ("?reference=2&state=routed", 0)]
        {
            let listed = house.get(&retailer, &format!("/v1/orders{filter}")).await.expect(200);
            assert_eq!(listed["data"].as_array().unwrap().len(), count, "{filter}");
        }
        let refused = house.get(&retailer, "/v1/orders?state=unknown").await.expect(400);
        assert!(refused["detail"].as_str().unwrap().contains("open, routed, shipped"));
    }

    #[tokio::test]
    async fn an_order_is_cancelled_by_quantity_then_in_whole_and_put_away() {
        let house = House::new().await;
        let retailer = house.retailer().await;
        let placed = house.post(&retailer, "/v1/orders", order("1", "NOBODY-SELLS", 3)).await.expect(201);
        let path = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
        house.post(&retailer, &format!("{path}/archive"), Value::Null).await.expect(409);
        let one = json!({"lines": [{"line": 1, "quantity": 1}]});
        let part = house.post(&retailer, &format!("{path}/cancel"), one).await.expect(200);
        assert_eq!((&part["lines"][0]["cancelled"], &part["state"]), (&json!(1), &json!("open")));
        let beyond = json!({"lines": [{"line": 1, "quantity": 3}]});
        let refused = house.post(&retailer, &format!("{path}/cancel"), beyond).await.expect(422);
        assert_eq!((&refused["type"], &refused["pointer"]), (&json!("/problems/refused"), &json!("/lines/0/quantity")));
        house.post_with(&retailer, &format!("{path}/cancel"), Value::Null, &[("if-match", "\"1\"")]).await.expect(412);
        let rest = house.post(&retailer, &format!("{path}/cancel"), Value::Null).await.expect(200);
        assert_eq!((&rest["lines"][0]["cancelled"], &rest["state"]), (&json!(3), &json!("cancelled")));
        house.post(&retailer, &format!("{path}/complete"), Value::Null).await.expect(409);
        let archived = house.post(&retailer, &format!("{path}/archive"), Value::Null).await.expect(200);
        assert_eq!(archived["state"], "archived");
    }
}
