//! What a partner shares: its catalogue and stock by reference, and a feed of what has changed.
//!
//! Nothing is copied. Each request reads the partner's own records through the link, so it sees them as they are now,
//! and nothing at all once the link has ended.

use super::events::Waiting;
use super::inventory::levels;
use super::shown::{Shown, listing};
use crate::app::App;
use crate::body::IdIn;
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Kind, Moment, id_text};
use bonded_flow::{Shared, shared_since};
use bonded_people::Permission;
use bonded_trade::catalog::{self, Product, Variant};
use bonded_trade::partners::{self, LinkedPartner, PartnerLink};
use serde::Serialize;
use tokio::time::Instant;
use utoipa_axum::routes;

/// Times that one request reads on in a log in which nothing shared was found.
const READS_MAX: u32 = 100;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::PartnerLinksRead, routes!(list_partner_products)),
        Route::new(Permission::PartnerLinksRead, routes!(get_partner_product)),
        Route::new(Permission::PartnerLinksRead, routes!(list_partner_variants)),
        Route::new(Permission::PartnerLinksRead, routes!(get_partner_variant)),
        Route::new(Permission::PartnerLinksRead, routes!(list_partner_inventory_levels)),
        Route::new(Permission::PartnerLinksRead, routes!(list_partner_changes)),
    ]
}

/// List a partner's products
///
/// Those that the partner offers.
#[utoipa::path(get, path = "/v1/partner_links/{id}/products", tag = "Partner catalogue",
    params(("id" = String, Path, description = "The link.", example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c"), PageParams),
    responses((status = 200, body = shapes::ProductPage)))]
async fn list_partner_products(
    State(app): State<App>,
    caller: Caller,
    IdIn(link): IdIn<PartnerLink>,
    params: Params,
) -> Result<Reply, Failure> {
    let page = params.page(Kind::Product, &[])?;
    let partner = partners::open(app.ledger(), caller.scope(), link).await?;
    listing(&catalog::list(app.ledger(), &partner.scope, None, page).await?)
}

/// Get a partner's product
#[utoipa::path(get, path = "/v1/partner_links/{id}/products/{product}", tag = "Partner catalogue",
    params(("id" = String, Path, description = "The link.", example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("product" = String, Path, description = "The partner's product.", example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Product)))]
async fn get_partner_product(
    State(app): State<App>,
    caller: Caller,
    IdIn(link): IdIn<PartnerLink>,
    IdIn(product): IdIn<Product>,
) -> Result<Reply, Failure> {
    let partner = partners::open(app.ledger(), caller.scope(), link).await?;
    Shown::from(&catalog::get(app.ledger(), &partner.scope, product).await?).reply()
}

/// List a partner's variants
///
/// The variants of one of the partner's products.
#[utoipa::path(get, path = "/v1/partner_links/{id}/variants", tag = "Partner catalogue",
    params(("id" = String, Path, description = "The link.", example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("product" = String, Query, description = "The partner's product.", example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c"), PageParams),
    responses((status = 200, body = shapes::VariantPage)))]
async fn list_partner_variants(
    State(app): State<App>,
    caller: Caller,
    IdIn(link): IdIn<PartnerLink>,
    params: Params,
) -> Result<Reply, Failure> {
    let page = params.page(Kind::Variant, &["product"])?;
    let unsaid = || Failure::parameter("`product` must be the id of one of the partner's products.");
    let product = params.id::<Product>("product")?.ok_or_else(unsaid)?;
    let partner = partners::open(app.ledger(), caller.scope(), link).await?;
    listing(&catalog::variants_of(app.ledger(), &partner.scope, product, page).await?)
}

/// Get a partner's variant
#[utoipa::path(get, path = "/v1/partner_links/{id}/variants/{variant}", tag = "Partner catalogue",
    params(("id" = String, Path, description = "The link.", example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("variant" = String, Path, description = "The partner's variant.", example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Variant)))]
async fn get_partner_variant(
    State(app): State<App>,
    caller: Caller,
    IdIn(link): IdIn<PartnerLink>,
    IdIn(variant): IdIn<Variant>,
) -> Result<Reply, Failure> {
    let partner = partners::open(app.ledger(), caller.scope(), link).await?;
    Shown::from(&catalog::variant(app.ledger(), &partner.scope, variant).await?).reply()
}

/// List a partner's inventory levels
///
/// The stock of up to 100 of the partner's variants, as it is now.
#[utoipa::path(get, path = "/v1/partner_links/{id}/inventory_levels", tag = "Partner catalogue",
    params(("id" = String, Path, description = "The link.", example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("variant" = String, Query, description = "Up to 100 variants, joined by commas.", example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::InventoryLevelPage)))]
async fn list_partner_inventory_levels(
    State(app): State<App>,
    caller: Caller,
    IdIn(link): IdIn<PartnerLink>,
    params: Params,
) -> Result<Reply, Failure> {
    let partner = partners::open(app.ledger(), caller.scope(), link).await?;
    levels(app.ledger(), &partner.scope, &params).await
}

#[derive(Serialize)]
struct ChangeShown {
    kind: &'static str,
    id: String,
    version: u64,
    at: Moment,
}

#[derive(Serialize)]
struct Changes {
    data: Vec<ChangeShown>,
    has_more: bool,
    next_after: u64,
}

impl From<Shared> for ChangeShown {
    fn from(shared: Shared) -> Self {
        let Shared { kind, id, version, at } = shared;
        Self { kind: kind.name(), id: id_text(kind, id), version, at }
    }
}

/// List what a partner has changed
///
/// The products, variants, locations and levels that changed after a cursor, each once with its newest version: read
/// them as they are now, and go on from `next_after`. With `wait`, an empty answer is held back until something
/// changes, up to that many seconds.
#[utoipa::path(get, path = "/v1/partner_links/{id}/changes", tag = "Partner catalogue",
    params(("id" = String, Path, description = "The link.", example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c"),
        ("after" = Option<u64>, Query, description = "The `next_after` of the answer before; 0 from the start."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "How far to read on at most."),
        ("wait" = Option<u32>, Query, maximum = 30, description = "Seconds to wait for a change.")),
    responses((status = 200, body = shapes::Changes)))]
async fn list_partner_changes(
    State(app): State<App>,
    caller: Caller,
    IdIn(link): IdIn<PartnerLink>,
    params: Params,
) -> Result<Reply, Failure> {
    params.only(&["after", "limit", "wait"])?;
    let mut after = params.parsed("after", "a whole number")?.unwrap_or(0);
    let (limit, wait) = (params.limit()?, params.wait()?);
    let deadline = Instant::now() + wait;
    let (mut reads, mut waiting) = (0, None::<Waiting>);
    loop {
        reads += 1;
        // Opened anew each time, so that a link that ends ends the waiting too.
        let LinkedPartner { scope, .. } = partners::open(app.ledger(), caller.scope(), link).await?;
        let (changes, read_to) = shared_since(app.ledger(), &scope, after, limit).await?;
        after = read_to;
        let has_more = app.ledger().head(&scope).await? > after;
        // A supplier's log is mostly about other things than what it shares.
        let go_on = changes.is_empty() && reads < READS_MAX;
        let is_news = match &mut waiting {
            _ if !go_on || has_more => go_on,
            Some(waiting) => waiting.news(&app).await,
            // Watched first and then read once more: what happened in between, as the link's end, wakes nobody.
            None => {
                waiting = Some(Waiting::on(&app, scope.account(), deadline));
                !wait.is_zero()
            }
        };
        if !is_news {
            let data = changes.into_iter().map(ChangeShown::from).collect();
            return Reply::ok(&Changes { data, has_more, next_after: after });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_partner_reads_what_is_offered_and_nothing_else() {
        let house = House::new().await;
        let (retailer, supplier, link) = house.partners().await;
        let variant = house.stocked(&supplier, "POT-S", 7).await;
        let draft = json!({
            "title": "Secret", "status": "draft",
            "variants": [{"sku": "SECRET", "price": {"amount": 1, "currency": "EUR"}}],
        });
        let hidden = house.post(&supplier, "/v1/products", draft).await.expect(201);
        let base = format!("/v1/partner_links/{link}");

        let products = house.get(&retailer, &format!("{base}/products")).await.expect(200);
        insta::assert_json_snapshot!("partner_products", scrubbed(&products));
        let product = products["data"][0]["id"].as_str().unwrap();
        assert_eq!(house.get(&retailer, &format!("{base}/products/{product}")).await.expect(200)["id"], product);
        let variants = house.get(&retailer, &format!("{base}/variants?product={product}")).await.expect(200);
        assert_eq!(variants["data"][0]["id"], variant.as_str());
        assert_eq!(house.get(&retailer, &format!("{base}/variants/{variant}")).await.expect(200)["sku"], "POT-S");
        let levels = house.get(&retailer, &format!("{base}/inventory_levels?variant={variant}")).await.expect(200);
        assert_eq!(levels["data"][0]["available"], 7);

        let hidden_variant = hidden["variants"][0]["id"].as_str().unwrap();
        for path in [
            format!("products/{}", hidden["id"].as_str().unwrap()),
            format!("variants/{hidden_variant}"),
            format!("variants?product={}", hidden["id"].as_str().unwrap()),
        ] {
            house.get(&retailer, &format!("{base}/{path}")).await.expect(404);
        }
        house.get(&retailer, &format!("{base}/variants")).await.expect(400);
        // The own account's catalogue is another one.
        assert_eq!(house.get(&retailer, "/v1/products").await.expect(200)["data"], json!([]));
        house.get(&retailer, &format!("/v1/products/{product}")).await.expect(404);
    }

    #[tokio::test]
    async fn a_feed_names_each_changed_record_once_and_waits_for_more() {
        let house = House::new().await;
        let (retailer, supplier, link) = house.partners().await;
        let variant = house.stocked(&supplier, "POT-S", 7).await;
        let path = format!("/v1/partner_links/{link}/changes");
        let set = |on_hand: i64| json!({"data": [{"sku": "POT-S", "on_hand": on_hand}]});
        house.post(&supplier, "/v1/inventory_levels/batch", set(6)).await.expect(200);
        let all = house.get(&retailer, &path).await.expect(200);
        let kinds: Vec<_> = all["data"].as_array().unwrap().iter().map(|change| change["kind"].clone()).collect();
        assert_eq!(kinds.iter().filter(|kind| *kind == "inventory_level").count(), 1);
        assert!(["product", "variant", "location"].iter().all(|kind| kinds.contains(&json!(kind))), "{kinds:?}");
        let next = &all["next_after"];

        let waiting = format!("{path}?after={next}&wait=30");
        let counting = house.post(&supplier, "/v1/inventory_levels/batch", set(5));
        let (news, counted) = tokio::join!(house.get(&retailer, &waiting), counting);
        counted.expect(200);
        let news = news.expect(200);
        let changes = news["data"].as_array().unwrap();
        assert_eq!(changes.len(), 1, "{news}");
        assert_eq!((&changes[0]["kind"], &changes[0]["version"]), (&json!("inventory_level"), &json!(3)));
        let none = house.get(&retailer, &format!("{path}?after={}", news["next_after"])).await.expect(200);
        assert_eq!((&none["data"], &none["has_more"]), (&json!([]), &json!(false)));
        assert!(!variant.is_empty());
    }

    #[tokio::test]
    async fn a_link_that_has_ended_shows_nothing_and_ends_the_waiting() {
        let house = House::new().await;
        let (retailer, supplier, link) = house.partners().await;
        house.stocked(&supplier, "POT-S", 7).await;
        let path = format!("/v1/partner_links/{link}");
        let next = house.get(&retailer, &format!("{path}/changes")).await.expect(200)["next_after"].clone();
        let waiting = format!("{path}/changes?after={next}&wait=30");
        let end = format!("{path}/end");
        let (told, ended) = tokio::join!(house.get(&retailer, &waiting), house.post(&supplier, &end, Value::Null));
        ended.expect(200);
        assert_eq!(told.expect(409)["type"], "/problems/state");
        for what in ["products", "changes"] {
            house.get(&retailer, &format!("{path}/{what}")).await.expect(409);
        }
    }
}
