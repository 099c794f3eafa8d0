//! Deletions: archived orders whose consumers are forgotten for good, with a certificate.

use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bonded_base::{Id, Kind, Problem};
use bonded_people::Permission;
use bonded_trade::deletions::{self, ARCHIVED_DAYS_MAX, Because, Deletion, DeletionPolicy, DeletionState, Selection};
use bonded_trade::orders::Order;
use serde::Deserialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    let (read, write) = (Permission::DeletionsRead, Permission::DeletionsWrite);
    vec![
        Route::new(write, routes!(create_deletion)),
        Route::new(read, routes!(list_deletions)),
        Route::new(read, routes!(get_deletion)),
        Route::new(write, routes!(cancel_deletion)),
        Route::new(read, routes!(list_deleted_orders)),
        Route::new(read, routes!(get_certificate)),
        Route::new(read, routes!(get_deletion_policy)),
        Route::new(write, routes!(set_deletion_policy)),
    ]
}

const STATES: [(&str, DeletionState); 5] = [
    ("due", DeletionState::Due),
    ("deleting", DeletionState::Deleting),
    ("pending", DeletionState::Pending),
    ("complete", DeletionState::Complete),
    ("cancelled", DeletionState::Cancelled),
];

/// What is to be deleted: these orders, or all that were archived longer ago than so many days.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    orders: Option<Vec<Id<Order>>>,
    archived_days: Option<u16>,
}

/// Delete consumers of archived orders
///
/// Names up to 1,000 archived orders, or says `archived_days`: all that were archived more than so many days ago. Their
/// six consumer fields are then gone for good, out of every old backup too; what was traded stays. After the account's
/// grace period it goes on by itself: `due`, `deleting`, `pending` until every replica of the keys has confirmed, `complete`
/// with a certificate.
#[utoipa::path(post, path = "/v1/deletions", tag = "Deletions",
    request_body(content = shapes::NewDeletion, example = json!({"archived_days": 365})),
    responses((status = 201, body = shapes::Deletion)))]
async fn create_deletion(State(app): State<App>, caller: Caller, Sent(wanted): Sent<Wanted>) -> Result<Reply, Failure> {
    let selection = match (wanted.orders, wanted.archived_days) {
        (Some(orders), None) => Selection::Orders(orders),
        (None, Some(days)) if (1..=ARCHIVED_DAYS_MAX).contains(&days) => {
            deletions::by_rule(app.ledger().clock().now(), days)
        }
        (None, Some(_)) => {
            let detail = format!("1 to {ARCHIVED_DAYS_MAX} days");
            return Err(Problem::invalid("/archived_days", detail).into());
        }
        _ => return Err(Problem::invalid("/orders", "name orders or archived_days, one of the two").into()),
    };
    let asked = bonded_flow::deletions::ask(app.ledger(), caller.scope(), selection, Because::Asked).await?;
    Ok(Shown::from(&asked).reply()?.created(format!("/v1/deletions/{}", asked.id)))
}

/// List deletions
#[utoipa::path(get, path = "/v1/deletions", tag = "Deletions",
    params(PageParams, ("state" = Option<shapes::DeletionState>, Query, description = "Only those in this state.")),
    responses((status = 200, body = shapes::DeletionPage)))]
async fn list_deletions(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Deletion, &["state"])?;
    let state = params.one_of("state", &STATES)?;
    listing(&deletions::list(app.ledger(), caller.scope(), state, page).await?)
}

/// Get a deletion
///
/// How far it has come: `forgotten` counts the orders whose fields are gone, `replicas` who has confirmed that the keys are
/// destroyed, `recipients` who had received the fields.
#[utoipa::path(get, path = "/v1/deletions/{id}", tag = "Deletions",
    params(("id" = String, Path, description = "The deletion.", example = "del_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Deletion)))]
async fn get_deletion(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Deletion>) -> Result<Reply, Failure> {
    Shown::from(&deletions::get(app.ledger(), caller.scope(), id).await?).reply()
}

/// Cancel a deletion
///
/// As long as it is `due`. What has begun cannot be taken back.
#[utoipa::path(post, path = "/v1/deletions/{id}/cancel", tag = "Deletions",
    params(("id" = String, Path, description = "The deletion.", example = "del_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Deletion)))]
async fn cancel_deletion(State(app): State<App>, caller: Caller, IdIn(id): IdIn<Deletion>) -> Result<Reply, Failure> {
    Shown::from(&deletions::cancel(app.ledger(), caller.scope(), id).await?).reply()
}

/// List the orders of a deletion
///
/// Those whose fields are gone, by their ids: the list whose SHA-256 the certificate names.
#[utoipa::path(get, path = "/v1/deletions/{id}/orders", tag = "Deletions",
    params(("id" = String, Path, description = "The deletion.", example = "del_01jd2mk8x3e5v9zq4t7w6y5h0c"), PageParams),
    responses((status = 200, body = shapes::OrderPage)))]
async fn list_deleted_orders(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Deletion>,
    params: Params,
) -> Result<Reply, Failure> {
    let page = params.page(Kind::Order, &[])?;
    listing(&deletions::orders(app.ledger(), caller.scope(), id, page).await?)
}

/// Get a certificate of deletion
///
/// A C2SP signed note under the key of the account's log, once the deletion is `complete`: which orders, when, which
/// versions of the keys could and cannot open them, who confirmed it, who had received the fields.
#[utoipa::path(get, path = "/v1/deletions/{id}/certificate", tag = "Deletions",
    params(("id" = String, Path, description = "The deletion.", example = "del_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn get_certificate(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Deletion>,
) -> Result<Response, Failure> {
    let deletion = deletions::get(app.ledger(), caller.scope(), id).await?;
    let certificate = deletion.certificate.clone().ok_or_else(deletions::not_complete)?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], certificate).into_response())
}

/// Get the deletion policy
///
/// How long deletions wait, and whether archived orders are deleted by rule.
#[utoipa::path(get, path = "/v1/deletion_policy", tag = "Deletions",
    responses((status = 200, body = shapes::DeletionPolicy)))]
async fn get_deletion_policy(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&[])?;
    Reply::ok(&deletions::policy(app.ledger(), caller.scope()).await?)
}

/// Set the deletion policy
///
/// `grace_days` is how long a deletion waits and can be cancelled, `archived_days` deletes by itself what was archived
/// longer ago; null ends that.
#[utoipa::path(put, path = "/v1/deletion_policy", tag = "Deletions",
    request_body(content = shapes::DeletionPolicy, example = json!({"grace_days": 2, "archived_days": 730})),
    responses((status = 200, body = shapes::DeletionPolicy)))]
async fn set_deletion_policy(
    State(app): State<App>,
    caller: Caller,
    Sent(policy): Sent<DeletionPolicy>,
) -> Result<Reply, Failure> {
    Reply::ok(&bonded_flow::deletions::set_policy(app.ledger(), caller.scope(), policy).await?)
}

#[cfg(test)]
mod tests {
    use crate::house::{House, order, scrubbed};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn archived_orders_are_deleted_and_others_refused() {
        let house = House::new().await;
        let party = house.retailer().await;
        let mut ids = Vec::new();
        for reference in ["1", "2"] {
            let placed = house.post(&party, "/v1/orders", order(reference, "NOBODY-SELLS", 1)).await.expect(201);
            ids.push(placed["id"].as_str().unwrap().to_owned());
        }
        house.post(&party, &format!("/v1/orders/{}/cancel", ids[0]), Value::Null).await.expect(200);
        house.post(&party, &format!("/v1/orders/{}/archive", ids[0]), Value::Null).await.expect(200);
        let refused = house.post(&party, "/v1/deletions", json!({"orders": ids})).await.expect(409);
        assert_eq!((&refused["type"], &refused["pointer"]), (&json!("/problems/state"), &json!("/orders/1")));
        for unclear in [json!({}), json!({"orders": [], "archived_days": 3}), json!({"orders": []})] {
            house.post(&party, "/v1/deletions", unclear).await.expect(422);
        }
        house.post(&party, "/v1/deletions", json!({"archived_days": 0})).await.expect(422);

        house.put(&party, "/v1/deletion_policy", json!({"grace_days": 31})).await.expect(422);
        let policy = json!({"grace_days": 1, "archived_days": null});
        house.put(&party, "/v1/deletion_policy", policy.clone()).await.expect(200);
        assert_eq!(house.get(&party, "/v1/deletion_policy").await.expect(200), policy);
        let asked = house.post(&party, "/v1/deletions", json!({"orders": [ids[0]]})).await.expect(201);
        let path = format!("/v1/deletions/{}", asked["id"].as_str().unwrap());
        insta::assert_json_snapshot!("deletion_asked", scrubbed(&asked));
        house.get(&party, &format!("{path}/certificate")).await.expect(409);
        assert_eq!(house.get(&party, &format!("{path}/orders")).await.expect(200)["data"], json!([]));
        let listed = house.get(&party, "/v1/deletions?state=due").await.expect(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), 1);
        let cancelled = house.post(&party, &format!("{path}/cancel"), Value::Null).await.expect(200);
        assert_eq!(cancelled["state"], "cancelled");
    }
}
