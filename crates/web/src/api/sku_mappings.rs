//! SKU mappings: what the account's own SKUs mean.

use super::shown::{Shown, listing_viewed};
use crate::app::App;
use crate::body::{IdIn, Sent};
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Id, Kind};
use bonded_people::Permission;
use bonded_trade::catalog::Variant;
use bonded_trade::holds;
use bonded_trade::sku_mappings::{self, Means, SkuMapping};
use bonded_trade::sku_suggestions::{self, Wanted};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::ConnectionsWrite, routes!(set_sku_mapping)),
        Route::new(Permission::ConnectionsRead, routes!(list_sku_mappings)),
        Route::new(Permission::ConnectionsRead, routes!(suggest_sku_mappings)),
        Route::new(Permission::ConnectionsWrite, routes!(delete_sku_mapping)),
    ]
}

#[derive(Serialize)]
struct MappingShown<'a> {
    sku: &'a str,
    variant: Option<Id<Variant>>,
}

impl<'a> MappingShown<'a> {
    fn of(mapping: &'a SkuMapping) -> Self {
        let variant = match mapping.means {
            Means::Variant(variant) => Some(variant),
            Means::Own => None,
        };
        Self { sku: &mapping.sku, variant }
    }
}

#[derive(Deserialize)]
struct NewMapping {
    sku: String,
    #[serde(default)]
    variant: Option<Id<Variant>>,
}

/// Say what a SKU means
///
/// A partner's variant, or with `variant` left out a thing that you ship yourself. What was said of this SKU before is
/// replaced. Orders that are held because nobody, or several, sell it are tried again.
#[utoipa::path(post, path = "/v1/sku_mappings", tag = "Connections",
    request_body(content = shapes::NewSkuMapping,
        example = json!({"sku": "MY-LAMP", "variant": "var_01jd2mk8x3e5v9zq4t7w6y5h0c"})),
    responses((status = 200, body = shapes::SkuMapping)))]
async fn set_sku_mapping(
    State(app): State<App>,
    caller: Caller,
    Sent(NewMapping { sku, variant }): Sent<NewMapping>,
) -> Result<Reply, Failure> {
    let means = variant.map_or(Means::Own, Means::Variant);
    let mapping = sku_mappings::set(app.ledger(), caller.scope(), &sku, means).await?;
    // The request's key is the mapping's; trying again is harmless however often it happens.
    holds::retry_skus(app.ledger(), &caller.scope().again(), &[mapping.sku.as_str()]).await?;
    Shown::written(&mapping, &MappingShown::of(&mapping)).reply()
}

/// List SKU mappings
#[utoipa::path(get, path = "/v1/sku_mappings", tag = "Connections", params(PageParams),
    responses((status = 200, body = shapes::SkuMappingPage)))]
async fn list_sku_mappings(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::SkuMapping, &[])?;
    let listed = sku_mappings::list(app.ledger(), caller.scope(), page).await?;
    listing_viewed(&listed, |mapping| Shown::viewed(mapping, &MappingShown::of(mapping)).json())
}

/// Suggest what a SKU means
///
/// What partners share that a SKU of yours may mean, best first, each with why: the same barcode, the same SKU but for case
/// and punctuation, one SKU within the other, words of the title. With `hold`, for all SKUs that an order is held for.
/// Nothing is mapped until you say so. At most 20,000 variants are looked at.
#[utoipa::path(get, path = "/v1/sku_mappings/suggestions", tag = "Connections",
    params(("sku" = Option<String>, Query, description = "Your SKU.", example = "MY-LAMP"),
        ("barcode" = Option<String>, Query, description = "What is printed on it, if you know."),
        ("title" = Option<String>, Query, description = "What you call it."),
        ("hold" = Option<String>, Query, description = "A hold of an order, in place of the others.")),
    responses((status = 200, body = shapes::SkuSuggestions)))]
async fn suggest_sku_mappings(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&["sku", "barcode", "title", "hold"])?;
    let (ledger, scope) = (app.ledger(), caller.scope());
    let wanted = match (params.id("hold")?, params.text("sku")) {
        (Some(hold), None) => sku_suggestions::wanted_by(ledger, scope, hold).await?,
        (None, Some(sku)) => {
            let known = sku_suggestions::wanted(ledger, scope, sku).await?;
            let or = |name, known: Option<String>| params.text(name).map(str::to_owned).or(known);
            vec![Wanted { barcode: or("barcode", known.barcode), title: or("title", known.title), sku: known.sku }]
        }
        _ => return Err(Failure::parameter("Say `sku` (with `barcode` and `title`, if you know them), or `hold`.")),
    };
    Reply::ok(&sku_suggestions::suggest(ledger, scope, &wanted).await?)
}

#[derive(Serialize)]
struct Removal {
    object: &'static str,
    id: Id<SkuMapping>,
    deleted: bool,
}

/// Forget what a SKU means
#[utoipa::path(delete, path = "/v1/sku_mappings/{id}", tag = "Connections",
    params(("id" = String, Path, description = "The mapping.", example = "map_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::DeletedSkuMapping)))]
async fn delete_sku_mapping(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<SkuMapping>,
) -> Result<Reply, Failure> {
    sku_mappings::remove(app.ledger(), caller.scope(), id).await?;
    Reply::ok(&Removal { object: Kind::SkuMapping.name(), id, deleted: true })
}

#[cfg(test)]
mod tests {
    use crate::house::{House, order};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn an_order_that_waits_for_a_meaning_goes_on_when_it_is_said() {
        let house = House::new().await;
        let (retailer, supplier, _) = house.partners().await;
        let variant = house.stocked(&supplier, "LAMP", 5).await;
        let placed = house.post(&retailer, "/v1/orders", order("1", "MY-LAMP", 1)).await.expect(201);
        house.until(&retailer, "/v1/holds?state=open", |list| list["data"][0].is_object()).await;
        let said = json!({"sku": "MY-LAMP", "variant": variant});
        let mapping = house.post(&retailer, "/v1/sku_mappings", said).await.expect(200);
        assert_eq!((&mapping["sku"], &mapping["variant"]), (&json!("MY-LAMP"), &json!(variant)));
        let path = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
        house.until(&retailer, &path, |order| order["state"] == "routed").await;
        let listed = house.get(&retailer, "/v1/sku_mappings").await.expect(200);
        assert_eq!(listed["data"][0]["id"], mapping["id"]);
        let path = format!("/v1/sku_mappings/{}", mapping["id"].as_str().unwrap());
        assert_eq!(house.delete(&retailer, &path).await.expect(200)["deleted"], true);
        house.delete(&retailer, &path).await.expect(404);
        let own = house.post(&retailer, "/v1/sku_mappings", json!({"sku": "PAPER"})).await.expect(200);
        assert_eq!(own["variant"], Value::Null);
    }
    #[tokio::test]
    async fn what_a_sku_may_mean_is_suggested_best_first_with_why() {
        let house = House::new().await;
        let (retailer, supplier, _) = house.partners().await;
        house.stocked(&supplier, "CHAIR", 5).await;
        let lamp = house.stocked(&supplier, "LAMP-S", 5).await;
        house.post(&retailer, "/v1/orders", order("1", "MY-LAMP-S", 1)).await.expect(201);
        let held = house.until(&retailer, "/v1/holds?state=open", |list| list["data"][0].is_object()).await;
        let asked = format!("/v1/sku_mappings/suggestions?hold={}", held["data"][0]["id"].as_str().unwrap());
        let by_hold = house.get(&retailer, &asked).await.expect(200);
        let first = &by_hold["data"][0];
        assert_eq!((&first["variant"], &first["for_sku"]), (&json!(lamp), &json!("MY-LAMP-S")), "{by_hold}");
        assert_eq!((&first["because"][0], &by_hold["complete"]), (&json!("part_of_sku"), &json!(true)));
        let by_sku = house.get(&retailer, "/v1/sku_mappings/suggestions?sku=lamp_s").await.expect(200);
        assert_eq!((&by_sku["data"][0]["variant"], &by_sku["data"][0]["because"][0]), (&json!(lamp), &json!("sku")));
        // Who has no partner learns nothing, and another's hold is not found.
        let stranger = house.retailer().await;
        let none = house.get(&stranger, "/v1/sku_mappings/suggestions?sku=lamp_s").await.expect(200);
        assert_eq!(none["data"], json!([]));
        house.get(&stranger, &asked).await.expect(404);
        house.get(&retailer, "/v1/sku_mappings/suggestions").await.expect(400);
        house.get(&retailer, &format!("{asked}&sku=x")).await.expect(400);
    }
}
