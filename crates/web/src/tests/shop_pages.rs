//! The pages for shops, holds, webhooks and files: what forms do, what is said of mistakes, and who sees nothing.

use crate::house::people::Member;
use crate::house::{Answer, House, Party, order, request};
use axum::body::Body;
use axum::http::Method;
use axum::http::header::LOCATION;
use bonded_base::Id;
use bonded_connect::mirrors::Mirror;
use bonded_people::members::Role;
use bonded_trade::holds::{self, HoldReason, HoldState, Outcome};
use serde_json::json;

const SHOP: &str = "https://bonded.example";

pub(super) async fn read(house: &House, guest: &Member, path: &str) -> Answer {
    house.send(request(guest, Method::GET, path, &[], Body::empty())).await
}

pub(super) async fn page(house: &House, guest: &Member, path: &str) -> String {
    let answer = read(house, guest, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

pub(super) async fn send(house: &House, guest: &Member, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", SHOP)];
    house.send(request(guest, Method::POST, path, &headers, body.into())).await
}

/// What a form answers that was filled in wrongly: the page again.
pub(super) async fn refused(house: &House, guest: &Member, path: &str, fields: &[(&str, &str)]) -> String {
    let answer = send(house, guest, path, fields).await;
    assert_eq!(answer.status, 422, "{path}: {}", answer.text());
    answer.text()
}

pub(super) async fn done(house: &House, guest: &Member, path: &str, fields: &[(&str, &str)]) -> String {
    let answer = send(house, guest, path, fields).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

#[track_caller]
pub(super) fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.headers[LOCATION].to_str().unwrap().to_owned()
}

pub(super) async fn owner(house: &House, party: &Party) -> Member {
    house.member(party, Role::Owner, true).await
}

/// Somebody who may do everything, in another account.
pub(super) async fn stranger(house: &House) -> Member {
    owner(house, &house.party("Other", bonded_trade::accounts::Role::Supplier).await).await
}

/// Nobody else finds any of these.
pub(super) async fn are_closed(house: &House, guest: &Member, read_paths: &[&str], sent_paths: &[&str]) {
    for path in read_paths {
        assert_eq!(read(house, guest, path).await.status, 404, "{path}");
    }
    for path in sent_paths {
        assert_eq!(send(house, guest, path, &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_shop_is_connected_changed_paused_and_given_up() {
    let house = House::new().await;
    let party = house.retailer().await;
    let owner = owner(&house, &party).await;
    assert!(page(&house, &owner, "/connections").await.contains("No shop is connected."));
    assert!(page(&house, &owner, "/connections/new").await.contains("name=\"access_token\""));
    let medusa = [
        ("platform", "medusa"),
        ("shop", "not a host"),
        ("direction", "both"),
        ("sync", "orders:on"),
        ("sync", "stock:watch"),
        ("api_key", "sk_hidden"),
    ];
    let again = refused(&house, &owner, "/connections/new", &medusa).await;
    assert!(again.contains("Name the shop&#39;s host") && again.contains("value=\"not a host\""), "{again}");
    assert!(again.contains("<option value=\"orders:on\" selected>") && !again.contains("sk_hidden"), "{again}");
    let mut good = medusa;
    good[1] = ("shop", "lamps.example");
    let path = location(&send(&house, &owner, "/connections/new", &good).await);
    let shown = page(&house, &owner, &path).await;
    assert!(shown.contains("lamps.example") && shown.contains("connecting") && !shown.contains("sk_hidden"), "{shown}");
    let api = path.replace("/connections/", "/v1/connections/");
    let kept = house.get(&party, &api).await.expect(200);
    assert_eq!(
        (&kept["direction"], &kept["syncs"]["orders"], &kept["syncs"]["stock"]),
        (&json!("both"), &json!("on"), &json!("watch"))
    );

    let settings = format!("{path}/settings");
    let wrong = [("direction", "supply_from"), ("buffer", "many"), ("markup", "0"), ("sync", "stock:on")];
    let again = refused(&house, &owner, &settings, &wrong).await;
    assert!(again.contains("kept back is a whole number") && again.contains("value=\"many\""), "{again}");
    let right = [("direction", "supply_from"), ("buffer", "3"), ("markup", "0"), ("sync", "stock:on"), ("stale", "90")];
    done(&house, &owner, &settings, &right).await;
    let kept = house.get(&party, &api).await.expect(200);
    assert_eq!((&kept["policy"]["buffer"], &kept["policy"]["stale_after_s"]), (&json!(3), &json!(5400)));
    assert_eq!((&kept["syncs"]["stock"], &kept["syncs"]["orders"]), (&json!("on"), &json!("off")));

    assert!(done(&house, &owner, &format!("{path}/pause"), &[]).await.contains("Resume"));
    assert!(done(&house, &owner, &format!("{path}/resume"), &[]).await.contains("Pause"));
    assert!(done(&house, &owner, &format!("{path}/check"), &[]).await.contains("not compared yet"));
    assert!(house.get(&party, &format!("{api}/conformity")).await.expect(200)["check_asked_at"].is_string());
    assert!(done(&house, &owner, &format!("{path}/repair"), &[]).await.contains("written again"));
    let none = refused(&house, &owner, &format!("{path}/credential"), &[]).await;
    assert!(none.contains("A secret API key opens a shop"), "{none}");
    let renewed = done(&house, &owner, &format!("{path}/credential"), &[("api_key", "sk_other")]).await;
    assert!(renewed.contains("The old one is gone.") && !renewed.contains("sk_other"));

    let steps = ["settings", "pause", "resume", "check", "repair", "credential", "disconnect"]
        .map(|step| format!("{path}/{step}"));
    let steps: Vec<_> = steps.iter().map(String::as_str).collect();
    are_closed(&house, &stranger(&house).await, &[&path], &steps).await;
    let viewer = house.member(&party, Role::Viewer, true).await;
    assert!(!page(&house, &viewer, &path).await.contains("<form method=\"post\" action=\"/connections"));
    assert_eq!(send(&house, &viewer, &settings, &right).await.status, 403);

    house.age(&owner).await;
    let stale = page(&house, &owner, &path).await;
    assert!(stale.contains("/confirm?next=") && !stale.contains("Disconnect for good"), "{stale}");
    assert!(location(&send(&house, &owner, &format!("{path}/disconnect"), &[]).await).contains("/confirm"));
    let fresh = self::owner(&house, &party).await;
    location(&send(&house, &fresh, &format!("{path}/disconnect"), &[]).await);
    assert!(page(&house, &fresh, &path).await.contains("disconnected"));
}

#[tokio::test]
async fn who_puts_drift_right_and_what_stale_stock_counts_as_are_chosen() {
    let house = House::new().await;
    let party = house.retailer().await;
    let owner = owner(&house, &party).await;
    let shop = [("platform", "medusa"), ("shop", "lamps.example"), ("direction", "both"), ("api_key", "sk_hidden")];
    let path = location(&send(&house, &owner, "/connections/new", &shop).await);
    let (api, settings) = (path.replace("/connections/", "/v1/connections/"), format!("{path}/settings"));
    let rules = async || {
        let kept = house.get(&party, &api).await.expect(200);
        [&kept["policy"]["stale"], &kept["policy"]["repair"]].map(|rule| rule.as_str().unwrap().to_owned())
    };
    let chosen = |page: &str, value: &str| page.contains(&format!("<option value=\"{value}\" selected>"));
    let shown = page(&house, &owner, &path).await;
    assert!(chosen(&shown, "last") && chosen(&shown, "automatic"), "{shown}");

    let rest = [("direction", "both"), ("buffer", "0"), ("markup", "0"), ("stale", "90")];
    let strict = [&rest[..], &[("counts_as", "zero"), ("repair", "on_request")]].concat();
    let mut wrong = strict.clone();
    wrong[3] = ("stale", "soon");
    let again = refused(&house, &owner, &settings, &wrong).await;
    assert!(again.contains("value=\"soon\"") && chosen(&again, "zero") && chosen(&again, "on_request"), "{again}");
    assert_eq!(rules().await, ["last", "automatic"]);
    let shown = done(&house, &owner, &settings, &strict).await;
    assert!(chosen(&shown, "zero") && chosen(&shown, "on_request"), "{shown}");
    assert_eq!(rules().await, ["zero", "on_request"]);
    // What a form does not say stays.
    done(&house, &owner, &settings, &rest).await;
    assert_eq!(rules().await, ["zero", "on_request"]);
    let lenient = [&rest[..], &[("counts_as", "last"), ("repair", "automatic")]].concat();
    done(&house, &owner, &settings, &lenient).await;
    assert_eq!(rules().await, ["last", "automatic"]);
}

/// A shop's product without a price is held in this account; where its page is.
async fn held_product(house: &House, party: &Party) -> (String, Id<holds::Hold>) {
    let mirror: Id<Mirror> = Id::from_bytes([9; 16]);
    let variants = json!([{"id": "v1", "sku": "LAMP", "barcode": null, "price": null, "compare_at_price": null}]);
    let payload = json!({"id": "p1", "product": {"title": "<b>Lamp</b>", "variants": variants}});
    let (reason, why) = (HoldReason::Refused, "/variants/0/price: a variant has a price");
    let raised = holds::raise_with(&house.ledger, party.account, mirror, reason, why, Some(payload)).await.unwrap();
    (format!("/holds/{}", raised.id), raised.id)
}

#[tokio::test]
async fn what_is_held_is_corrected_or_dismissed() {
    let house = House::new().await;
    let party = house.supplier().await;
    let owner = owner(&house, &party).await;
    assert!(page(&house, &owner, "/holds").await.contains("Nothing is held."));
    let (path, id) = held_product(&house, &party).await;
    let listed = page(&house, &owner, "/holds").await;
    assert!(listed.contains("product in a shop") && listed.contains("a variant has a price"), "{listed}");
    let shown = page(&house, &owner, &path).await;
    assert!(
        shown.contains("Variant 1, price") && shown.contains("&lt;b&gt;Lamp") || shown.contains("&#60;b&#62;Lamp"),
        "{shown}"
    );

    let correct = format!("{path}/correct");
    let price = "/product/variants/0/price";
    for (typed, why) in [("9.99", "write an amount and its currency"), ("-1 EUR", "Variant 1, price")] {
        let again = refused(&house, &owner, &correct, &[("pointer", price), ("to", typed)]).await;
        assert!(again.contains(why) && again.contains(&format!("value=\"{typed}\"")), "{again}");
    }
    let unchanged = refused(&house, &owner, &correct, &[("pointer", "/product/variants/0/sku"), ("to", "LAMP")]).await;
    assert!(unchanged.contains("Nothing was changed here"), "{unchanged}");
    let corrected = done(&house, &owner, &correct, &[("pointer", price), ("to", "9.99 EUR")]).await;
    assert!(corrected.contains("value=\"9.99 EUR\"") && corrected.contains("another try is on its way"), "{corrected}");
    let scope = House::operator(party.account);
    let kept = holds::get(&house.ledger, &scope, id).await.unwrap();
    assert_eq!((kept.corrections.len(), &kept.corrections[0].to["amount"], kept.asked), (1, &json!(999), true));

    done(&house, &owner, &format!("{path}/retry"), &[]).await;
    let steps = ["correct", "retry", "dismiss", "map"].map(|step| format!("{path}/{step}"));
    let steps: Vec<_> = steps.iter().map(String::as_str).collect();
    are_closed(&house, &stranger(&house).await, &[&path], &steps).await;
    let viewer = house.member(&party, Role::Viewer, true).await;
    assert!(!page(&house, &viewer, &path).await.contains("action=\"/holds"));
    assert_eq!(location(&send(&house, &owner, &format!("{path}/dismiss"), &[]).await), "/holds");
    let kept = holds::get(&house.ledger, &scope, id).await.unwrap();
    assert_eq!((kept.state, kept.outcome), (HoldState::Resolved, Some(Outcome::Dismissed)));
    assert!(page(&house, &owner, "/holds?state=resolved").await.contains("dismissed"));
    refused_state(&house, &owner, &format!("{path}/dismiss")).await;
}

/// What cannot be done in this state is said on the page.
async fn refused_state(house: &House, owner: &Member, path: &str) {
    let again = send(house, owner, path, &[]).await;
    assert!(again.status == 422 && again.text().contains("resolved already"), "{}", again.text());
}

#[tokio::test]
async fn an_order_s_sku_is_explained_by_what_is_suggested() {
    let house = House::new().await;
    let (retailer, supplier, _) = house.partners().await;
    let lamp = house.stocked(&supplier, "LAMP-S", 5).await;
    let owner = owner(&house, &retailer).await;
    let placed = house.post(&retailer, "/v1/orders", order("1", "MY-LAMP-S", 1)).await.expect(201);
    let held = house.until(&retailer, "/v1/holds?state=open", |list| list["data"][0].is_object()).await;
    let path = format!("/holds/{}", held["data"][0]["id"].as_str().unwrap());
    let shown = page(&house, &owner, &path).await;
    assert!(shown.contains("What is MY-LAMP-S?") && shown.contains(&format!("value=\"{lamp}\"")), "{shown}");
    let wrong = refused(&house, &owner, &format!("{path}/map"), &[("sku", "MY-LAMP-S"), ("variant", "lamp")]).await;
    assert!(wrong.contains("begins with var_") && wrong.contains("value=\"lamp\""), "{wrong}");
    done(&house, &owner, &format!("{path}/map"), &[("sku", "MY-LAMP-S"), ("variant", &lamp)]).await;
    let order = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
    house.until(&retailer, &order, |order| order["state"] == "routed").await;
}

#[tokio::test]
async fn an_endpoint_is_made_told_paused_and_removed() {
    let house = House::new().await;
    let party = house.supplier().await;
    let owner = owner(&house, &party).await;
    let typed = [("url", "http://lamps.example/hook"), ("events", "order.*"), ("description", "warehouse")];
    let again = refused(&house, &owner, "/webhooks", &typed).await;
    assert!(again.contains("value=\"http://lamps.example/hook\"") && again.contains("order.*</textarea>"), "{again}");
    let made = done(
        &house,
        &owner,
        "/webhooks",
        &[
            ("url", "https://lamps.example/hook"),
            ("events", "order.*, purchase_order.posted"),
            ("description", "warehouse"),
        ],
    )
    .await;
    let secret = |page: &str| page.split("whsec_").nth(1).map(|rest| rest.split('<').next().unwrap().to_owned());
    let first = secret(&made).expect("shown once");
    let listed = house.get(&party, "/v1/webhook_endpoints").await.expect(200);
    assert_eq!(listed["data"][0]["events"], json!(["order.*", "purchase_order.posted"]));
    let path = format!("/webhooks/{}", listed["data"][0]["id"].as_str().unwrap());
    assert_eq!(secret(&page(&house, &owner, &path).await), None);
    assert!(page(&house, &owner, "/webhooks").await.contains("warehouse"));

    done(&house, &owner, &format!("{path}/test"), &[]).await;
    let shown = page(&house, &owner, &path).await;
    assert!(shown.contains("webhook_endpoint.test") && shown.contains("waiting"), "{shown}");
    let message = shown.split("name=\"message\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    done(&house, &owner, &format!("{path}/replay"), &[("message", &message)]).await;
    done(&house, &owner, &format!("{path}/replay-all"), &[]).await;
    let rotated = secret(&done(&house, &owner, &format!("{path}/rotate"), &[]).await).expect("shown once");
    assert_ne!(rotated, first);

    let changed = [("url", "https://lamps.example/other"), ("events", "nothing.known")];
    let again = refused(&house, &owner, &format!("{path}/settings"), &changed).await;
    assert!(again.contains("nothing.known</textarea>"), "{again}");
    let changed = [("url", "https://lamps.example/other"), ("events", "*")];
    assert!(done(&house, &owner, &format!("{path}/settings"), &changed).await.contains("lamps.example/other"));
    assert!(done(&house, &owner, &format!("{path}/state"), &[("state", "paused")]).await.contains("Enable again"));
    assert!(done(&house, &owner, &format!("{path}/state"), &[("state", "enabled")]).await.contains("Send a test"));
    let steps = ["settings", "state", "rotate", "test", "replay-all"].map(|step| format!("{path}/{step}"));
    let steps: Vec<_> = steps.iter().map(String::as_str).collect();
    are_closed(&house, &stranger(&house).await, &[&path], &steps).await;
    refused(&house, &owner, &format!("{path}/remove"), &[]).await;
    assert_eq!(location(&send(&house, &owner, &format!("{path}/remove"), &[("sure", "yes")]).await), "/webhooks");
    assert_eq!(house.get(&party, "/v1/webhook_endpoints").await.expect(200)["data"], json!([]));
}

/// A form with a file in it, as browsers send it.
async fn upload(house: &House, guest: &Member, format: &str, file: Option<&str>) -> Answer {
    let part = |name: &str, more: &str, value: &str| {
        format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{value}\r\n")
    };
    let name = if file.is_some() { "; filename=\"counts.csv\"\r\nContent-Type: text/csv" } else { "; filename=\"\"" };
    let file = part("file", name, file.unwrap_or_default());
    let body = format!("{}{}{file}--edge--\r\n", part("format", "", format), part("currency", "", ""));
    let headers = [("content-type", "multipart/form-data; boundary=edge"), ("origin", SHOP)];
    house.send(request(guest, Method::POST, "/files", &headers, body.into())).await
}

#[tokio::test]
async fn a_file_is_sent_looked_at_mapped_started_and_undone() {
    let house = House::new().await;
    let party = house.supplier().await;
    house.stocked(&party, "LAMP", 5).await;
    let owner = owner(&house, &party).await;
    assert!(page(&house, &owner, "/files").await.contains("/v1/exports/stock.csv"));
    house.send(request(&owner, Method::GET, "/v1/exports/stock.csv", &[], Body::empty())).await;
    let none = upload(&house, &owner, "stock", None).await;
    assert!(none.status == 422 && none.text().contains("Choose a file"), "{}", none.text());
    assert!(none.text().contains("<option value=\"stock\" selected>"), "what was chosen stays");
    assert_eq!(send(&house, &owner, "/files", &[("format", "stock")]).await.status, 422);

    // Nobody can know what this column means.
    let strange = upload(&house, &owner, "stock", Some("SKU,Menge-X\nLAMP,9\n")).await;
    let path = location(&strange);
    let shown = page(&house, &owner, &path).await;
    assert!(shown.contains("Menge-X") && shown.contains("failed"), "{shown}");
    let columns = format!("{path}/columns");
    let twice = [("column", "SKU"), ("field", "SKU"), ("column", "Menge-X"), ("field", "SKU")];
    let again = refused(&house, &owner, &columns, &twice).await;
    assert_eq!(again.matches("<option selected>SKU</option>").count(), 2, "what was chosen stays: {again}");
    let right = [("column", "SKU"), ("field", "SKU"), ("column", "Menge-X"), ("field", "On hand")];
    done(&house, &owner, &columns, &right).await;
    let path = location(&upload(&house, &owner, "stock", Some("SKU,Menge-X\nLAMP,9\nNONE,1\n")).await);
    let shown = page(&house, &owner, &path).await;
    assert!(shown.contains("What it would do") && shown.contains("Rows that cannot be taken"), "{shown}");
    assert!(shown.contains("1 change something") && shown.contains("1 would be held"), "{shown}");

    let steps = ["columns", "start", "resume", "undo", "discard"].map(|step| format!("{path}/{step}"));
    let steps: Vec<_> = steps.iter().map(String::as_str).collect();
    are_closed(&house, &stranger(&house).await, &[&path], &steps).await;
    let viewer = house.member(&party, Role::Viewer, true).await;
    assert_eq!(upload(&house, &viewer, "stock", Some("SKU\n")).await.status, 403);
    done(&house, &owner, &format!("{path}/start"), &[]).await;
    assert!(refused(&house, &owner, &format!("{path}/discard"), &[]).await.contains("The import is at work."));
    let api = path.replace("/files/", "/v1/imports/");
    assert_eq!(house.get(&party, &api).await.expect(200)["state"], "running");
    done(&house, &owner, &format!("{}/discard", location(&strange)), &[]).await;
}

#[tokio::test]
async fn the_head_of_each_page_leads_to_pages_that_every_role_may_read() {
    let house = House::new().await;
    let party = house.retailer().await;
    for role in Role::ALL {
        let member = house.member(&party, role, true).await;
        for path in ["/connections", "/holds", "/webhooks", "/files", "/payments"] {
            let answer = read(&house, &member, path).await;
            assert_eq!(answer.status, 200, "{role:?} {path}");
            assert!(answer.text().contains("<a href=\"/holds\">Holds</a>"), "{path}");
        }
    }
}
