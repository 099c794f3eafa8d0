//! Every route in the registry: described, closed to strangers, to those without its permission, to other accounts.

use crate::api;
use crate::house::people::Member;
use crate::house::{Guest, House, Party, contract, order, request};
use crate::route::Route;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bonded_connect::payments::PaymentMethod;
use bonded_connect::privacy::{PrivacyRequest, PrivacyState, Wanted};
use bonded_ledger::Change;
use bonded_people::grants::Area;
use bonded_people::members;
use bonded_people::session::{FRESH_MS, Factor, Stage};
use bonded_people::staff::StaffRole;
use bonded_trade::accounts::Role;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::ParameterIn;

/// The committed contract.
const CONTRACT: &str = include_str!("../../../../openapi/bonded-v1.json");

#[test]
fn the_contract_is_what_the_server_says_of_itself() {
    let said = crate::openapi();
    assert!(CONTRACT.trim_end() == said, "run `cargo xtask openapi`: the API has changed");
    let contract: Value = serde_json::from_str(CONTRACT).unwrap();
    assert_eq!(contract["openapi"], "3.1.0");
}

#[test]
fn every_route_is_described_and_no_two_are_alike() {
    let (mut names, mut places) = (HashSet::new(), HashSet::new());
    for route in api::routes() {
        let (operation, place) = (&route.operation, format!("{} {}", route.method, route.path));
        let name = operation.operation_id.clone().unwrap_or_default();
        assert!(route.path.starts_with("/v1/"), "{place}");
        assert!(places.insert(place.clone()) && names.insert(name), "{place} is there twice");
        assert!(operation.summary.as_deref().is_some_and(|summary| summary.len() > 5), "{place} has no summary");
        let tags: Vec<_> = operation.tags.iter().flatten().map(String::as_str).collect();
        assert!(tags.iter().all(|tag| crate::openapi::TAGS.iter().any(|(known, _)| known == tag)), "{place}: {tags:?}");
        assert_eq!(tags.len(), 1, "{place}");
        assert!(operation.responses.responses.keys().any(|status| status.starts_with('2')), "{place} has no answer");
        let parameters = operation.parameters.as_deref().unwrap_or_default();
        for parameter in parameters {
            let RefOr::T(parameter) = parameter else { panic!("{place}") };
            assert!(parameter.description.is_some(), "{place}: {} has no description", parameter.name);
        }
        // Each segment of the path that is a parameter is described, and only those.
        let in_path = parameters.iter().filter_map(|parameter| match parameter {
            RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Path) => Some(parameter.name.clone()),
            _ => None,
        });
        let segments = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(in_path.collect::<Vec<_>>(), segments.collect::<Vec<_>>(), "{place}");
        if route.method == Method::PATCH {
            // In a batch each record brings the version that it expects.
            let versioned = route.takes_version() != route.path.ends_with("/batch");
            assert!(operation.request_body.is_some() && versioned, "{place}");
        }
        assert_eq!(route.method == Method::GET, route.permission.is_read() && !route.changes(), "{place}");
    }
}

/// A path of a route with ids that were never given to anybody.
fn path_of(route: &Route, ids: &HashMap<&str, String>) -> String {
    let mut path = route.path.clone();
    let kind = path.split('/').nth(2).unwrap_or_default().to_owned();
    path = path.replace("{id}", ids.get(kind.as_str()).map_or("none", String::as_str));
    for (segment, kind) in [("{product}", "products"), ("{variant}", "variants"), ("{message}", "webhook_messages")] {
        path = path.replace(segment, ids.get(kind).map_or("none", String::as_str));
    }
    path.replace("{rest}", "0/000.p/1")
}

#[tokio::test]
async fn without_a_key_every_route_is_closed() {
    let house = House::new().await;
    for route in api::routes() {
        for bearer in [None, Some("Bearer bk_test_00000000000000000000000000000000"), Some("Basic x"), Some("Bearer ")]
        {
            let mut request = Request::builder().method(&route.method).uri(path_of(&route, &HashMap::new()));
            if let Some(bearer) = bearer {
                request = request.header("authorization", bearer);
            }
            let answer = house.send(request.body(Body::from("not read")).unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {}", route.method, route.path);
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
            assert_eq!(answer.json()["type"], "/problems/unauthenticated");
        }
    }
}

#[tokio::test]
async fn a_sign_in_that_is_not_complete_or_is_over_opens_nothing() {
    let house = House::new().await;
    let party = house.retailer().await;
    let owner = house.member(&party, members::Role::Owner, true).await;
    let half = house.signed_in(&party, owner.user, Stage::SecondFactor, vec![Factor::Password]).await;
    let to_enrol = house.signed_in(&party, owner.user, Stage::Enrolment, vec![Factor::Password]).await;
    let removed = house.member(&party, members::Role::Manager, true).await;
    house.post(&owner, &format!("/v1/members/{}/remove", removed.id), Value::Null).await.expect(200);
    house.ledger.test_clock().advance_ms(bonded_people::session::MEMBER_LIMITS.idle_ms);
    let fresh = house.signed_in(&party, removed.user, Stage::Full, vec![Factor::Passkey]).await;
    for route in api::routes() {
        for (guest, who) in [(&owner, "over"), (&half, "half"), (&to_enrol, "enrolment"), (&fresh, "no member")] {
            let asked = request(guest, route.method.clone(), &path_of(&route, &HashMap::new()), &[], unreadable());
            let answer = house.send(asked).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {}: {who}", route.method, route.path);
        }
    }
}

/// A body that must not be read.
fn unreadable() -> Body {
    Body::from_stream(futures::stream::once(async { panic!("the body was read") as Result<Vec<u8>, std::io::Error> }))
}

#[tokio::test]
async fn a_session_opens_what_its_role_has_before_the_body_is_read() {
    let house = House::new().await;
    let party = house.supplier().await;
    let mut members = Vec::new();
    for role in members::Role::ALL {
        members.push((role, house.member(&party, role, true).await));
    }
    let weak = house.member(&party, members::Role::Owner, false).await;
    for route in api::routes() {
        let place = format!("{} {}", route.method, route.path);
        let path = path_of(&route, &HashMap::new());
        let asked = |guest: &Member| request(guest, route.method.clone(), &path, &[], unreadable());
        for (_, member) in members.iter().filter(|(role, _)| !role.has(route.permission)) {
            let answer = house.send(asked(member)).await.expect(403);
            assert!(answer["detail"].as_str().unwrap().contains(route.permission.name()), "{place}");
        }
        if route.permission.is_grave() {
            assert_eq!(house.send(asked(&weak)).await.expect(403)["type"], "/problems/second-factor", "{place}");
        }
        if route.changes() {
            let mut foreign = asked(&members[0].1);
            foreign.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
            assert_eq!(house.send(foreign).await.expect(403)["type"], "/problems/cross-site", "{place}");
        }
    }
}

#[tokio::test]
async fn what_is_grave_is_closed_to_an_old_proof_before_the_body_is_read() {
    let house = House::new().await;
    let party = house.retailer().await;
    let owner = house.member(&party, members::Role::Owner, true).await;
    let viewer = house.member(&party, members::Role::Viewer, true).await;
    let clock = house.ledger.test_clock();
    clock.advance_ms(FRESH_MS - 3);
    house.post(&owner, "/v1/invitations", json!({"mail": "bob@example.com", "role": "viewer"})).await.expect(201);
    clock.advance_ms(3);
    let mut grave = 0;
    for route in api::routes().iter().filter(|route| route.needs_proof()) {
        let place = format!("{} {}", route.method, route.path);
        let asked =
            |guest: &Member| request(guest, route.method.clone(), &path_of(route, &HashMap::new()), &[], unreadable());
        let refused = house.send(asked(&owner)).await.expect(403);
        assert_eq!(refused["type"], "/problems/confirmation", "{place}");
        assert!(refused["detail"].as_str().unwrap().contains("/confirm"), "{place}");
        assert_eq!(house.send(asked(&viewer)).await.expect(403)["type"], "/problems/not-permitted", "{place}");
        grave += 1;
    }
    assert_eq!(grave, 21, "members, invitations, keys, payments and deletions");
    // What only takes back is not hindered, nor is anything that is not grave.
    let grant = format!("/v1/grants/grant_{}", "0".repeat(26));
    for way in ["deny", "revoke"] {
        house.post(&owner, &format!("{grant}/{way}"), Value::Null).await.expect(404);
    }
    house.post(&owner, &format!("{grant}/shorten"), json!({"until": "2026-11-22T10:00:00Z"})).await.expect(404);
    house.get(&owner, "/v1/api_keys").await.expect(200);
    house.post(&owner, "/v1/locations", json!({"name": "Shed"})).await.expect(201);
}

#[tokio::test]
async fn without_its_permission_every_route_is_closed_before_the_body_is_read() {
    let house = House::new().await;
    let party = house.supplier().await;
    for route in api::routes() {
        let lacking = house.key_without(&party, route.permission).await;
        let path = path_of(&route, &HashMap::new());
        let asked = request(&lacking, route.method.clone(), &path, &[("idempotency-key", "k")], unreadable());
        let answer = house.send(asked).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} {}", route.method, route.path);
        assert!(answer.json()["detail"].as_str().unwrap().contains(route.permission.name()));
        let scope = bonded_ledger::Scope::operator(lacking.account);
        house.app.doorkeeper().revoke(&scope, lacking.key).await.unwrap();
        let again = house.send(request(&lacking, Method::GET, "/v1/account", &[], Body::empty())).await;
        assert_eq!(again.status, StatusCode::UNAUTHORIZED, "a revoked key is shut out at once");
    }
}

/// Something of every kind, in the accounts of a retailer and a supplier.
struct Furniture {
    retailer: Party,
    supplier: Party,
    /// The retailer's.
    owner: Member,
    ids: HashMap<&'static str, String>,
}

async fn furnished(house: &House) -> Furniture {
    let (retailer, supplier, link) = house.partners().await;
    let variant = house.stocked(&supplier, "POT-S", 10).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let product = text(&house.get(&supplier, &format!("/v1/variants/{variant}")).await.expect(200)["product"]);
    let location = text(&house.get(&supplier, "/v1/locations").await.expect(200)["data"][0]["id"]);
    let placed = text(&house.post(&retailer, "/v1/orders", order("1", "POT-S", 1)).await.expect(201)["id"]);
    let held = house.post(&retailer, "/v1/orders", order("2", "NOBODY-SELLS", 1)).await.expect(201);
    let holds = house.until(&retailer, "/v1/holds", |holds| holds["data"][0].is_object()).await;
    assert_eq!(holds["data"][0]["record"], held["id"]);
    let posted = house.until(&supplier, "/v1/purchase_orders", |list| list["data"][0].is_object()).await;
    let owner = house.member(&retailer, members::Role::Owner, true).await;
    let viewer = house.member(&retailer, members::Role::Viewer, true).await;
    let wanted = json!({"mail": "somebody@example.com", "role": "viewer"});
    let invited = house.post(&owner, "/v1/invitations", wanted).await.expect(201);
    let helper = house.staff(StaffRole::Support).await;
    let granted = house.granted(&retailer, &owner, &helper, &[Area::Orders], false).await;
    let hook = json!({"url": "https://shop.example/hook", "events": ["order.*"]});
    let hook = text(&house.post(&supplier, "/v1/webhook_endpoints", hook).await.expect(201)["id"]);
    let message = house.post(&supplier, &format!("/v1/webhook_endpoints/{hook}/test"), Value::Null).await.expect(200);
    let shop = json!({"platform": "medusa", "shop": "pots.example", "direction": "supply_from",
        "credential": {"api_key": "sk_1"}});
    let shop = text(&house.post(&supplier, "/v1/connections", shop).await.expect(201)["id"]);
    let own = house.post(&supplier, "/v1/sku_mappings", json!({"sku": "PAPER"})).await.expect(200);
    let csv = [("content-type", "text/csv")];
    let sent = request(&supplier, Method::POST, "/v1/imports?format=stock", &csv, Body::from("SKU,Stock\nPOT-S,1\n"));
    let import = house.send(sent).await.expect(201);
    let [invoice, method, charge] = paid_for(house, &retailer, &supplier).await;
    let archived = text(&house.post(&retailer, "/v1/orders", order("9", "NOBODY-SELLS", 1)).await.expect(201)["id"]);
    for step in ["cancel", "archive"] {
        house.post(&retailer, &format!("/v1/orders/{archived}/{step}"), Value::Null).await.expect(200);
    }
    let deletion = house.post(&retailer, "/v1/deletions", json!({"orders": [archived]})).await.expect(201);
    let ids = HashMap::from([
        ("invoices", invoice),
        ("payment_methods", method),
        ("charges", charge),
        ("imports", text(&import["id"])),
        ("connections", shop),
        ("sku_mappings", text(&own["id"])),
        ("webhook_endpoints", hook),
        ("webhook_messages", text(&message["id"])),
        ("members", viewer.id.to_string()),
        ("invitations", text(&invited["id"])),
        ("api_keys", retailer.key.to_string()),
        ("grants", granted.to_string()),
        ("partner_links", link),
        ("products", product),
        ("variants", variant),
        ("locations", location),
        ("orders", placed),
        ("deletions", text(&deletion["id"])),
        ("privacy_requests", asked_by_shop(house, &retailer).await),
        ("holds", text(&holds["data"][0]["id"])),
        ("purchase_orders", text(&posted["data"][0]["id"])),
    ]);
    Furniture { retailer, supplier, owner, ids }
}

/// A request that a shop has made for a consumer's sake.
async fn asked_by_shop(house: &House, retailer: &Party) -> String {
    let now = house.ledger.clock().now();
    let request = PrivacyRequest {
        wanted: Wanted::Data,
        connection: house.ledger.new_id(),
        shop: String::from("shopify lamps.myshopify.com"),
        orders: vec![house.ledger.new_id()],
        state: PrivacyState::Open,
        asked_at: now,
        due_at: now,
        waits_for: Vec::new(),
        deletions: Vec::new(),
        done_at: None,
    };
    let (id, mut made) = (house.ledger.new_id::<PrivacyRequest>(), Change::new());
    made.create(id, &request, "asked");
    house.ledger.commit(&House::operator(retailer.account), made).await.unwrap();
    id.to_string()
}

/// An order's purchase order, of which all was shipped; its address.
pub(super) async fn shipped(house: &House, retailer: &Party, supplier: &Party) -> String {
    house.post(retailer, "/v1/orders", order("3", "POT-S", 1)).await.expect(201);
    let wanted = |list: &Value| list["data"].as_array().unwrap().iter().any(|posted| posted["reference"] == "3");
    let posted = house.until(supplier, "/v1/purchase_orders", wanted).await;
    let posted = posted["data"].as_array().unwrap().iter().find(|posted| posted["reference"] == "3").unwrap().clone();
    let posted = format!("/v1/purchase_orders/{}", posted["id"].as_str().unwrap());
    house.post(supplier, &format!("{posted}/fulfilments"), Value::Null).await.expect(200);
    posted
}

/// A card that can be charged, as the gateway would have said.
pub(super) async fn card(house: &House, retailer: &Party) -> String {
    let method = json!({"state": "active", "brand": "visa", "last4": "4242"});
    let method: PaymentMethod = serde_json::from_value(method).unwrap();
    let (id, mut made) = (house.ledger.new_id::<PaymentMethod>(), Change::new());
    made.create(id, &method, "activated");
    house.ledger.commit(&House::operator(retailer.account), made).await.unwrap();
    id.to_string()
}

/// An invoice, a card that can be charged, and the charge that was agreed to.
async fn paid_for(house: &House, retailer: &Party, supplier: &Party) -> [String; 3] {
    let posted = shipped(house, retailer, supplier).await;
    let invoice = house.post(supplier, &format!("{posted}/invoice"), Value::Null).await.expect(201);
    let invoice = invoice["id"].as_str().unwrap().to_owned();
    house.until(retailer, "/v1/invoices?state=open", |list| list["data"][0]["id"] == json!(invoice)).await;
    house.post(supplier, "/v1/account/payout", json!({"stripe_account": "acct_1Lamps"})).await.expect(200);
    let method = card(house, retailer).await;
    let agreed = json!({"invoice": invoice, "payment_method": method});
    let charge = house.post(retailer, "/v1/charges", agreed.clone()).await.expect(201);
    assert_eq!((&charge["state"], &charge["amount"]["amount"]), (&json!("due"), &json!(999)));
    let twice = house.post(retailer, "/v1/charges", agreed).await.expect(409);
    assert_eq!((&twice["type"], &twice["pointer"]), (&json!("/problems/duplicate"), &json!("/invoice")));
    [invoice, method, charge["id"].as_str().unwrap().to_owned()]
}

#[tokio::test]
async fn other_accounts_ids_are_not_found_on_any_route() {
    let house = House::new().await;
    let Furniture { retailer, supplier, ids, .. } = furnished(&house).await;
    let keys = [house.retailer().await, house.party("Other", Role::Supplier).await];
    let owners = [
        house.member(&keys[0], members::Role::Owner, true).await,
        house.member(&keys[1], members::Role::Owner, true).await,
    ];
    let of_keys = keys.iter().map(|key| (key as &dyn Guest, true));
    let strangers: Vec<_> = of_keys.chain(owners.iter().map(|owner| (owner as &dyn Guest, false))).collect();
    let heads = |house: &House| {
        let (ledger, accounts) = (house.ledger.clone(), [retailer.account, supplier.account]);
        async move {
            let mut heads = Vec::new();
            for account in accounts {
                heads.push(ledger.head(&bonded_ledger::Scope::operator(account)).await.unwrap());
            }
            heads
        }
    };
    let before = heads(&house).await;
    for route in api::routes().iter().filter(|route| route.path.contains('{') && !route.path.contains("{rest}")) {
        let path = path_of(route, &ids);
        for (stranger, is_key) in &strangers {
            // A good body, so that nothing but the id can be to blame.
            let body = match route.path.as_str() {
                path if path.ends_with("/reject") => json!({"reason": "none"}).to_string(),
                path if path.ends_with("/shorten") => json!({"until": "2026-11-22T10:00:00Z"}).to_string(),
                "/v1/webhook_endpoints/{id}/replay" => {
                    json!({"from": "2026-11-22T09:00:00Z", "to": "2026-11-22T10:00:00Z"}).to_string()
                }
                "/v1/members/{id}" if route.changes() => json!({"role": "viewer"}).to_string(),
                _ if route.method == Method::GET => String::new(),
                _ => String::from("{}"),
            };
            let asked = request(*stranger, route.method.clone(), &with_query(&path), &[], Body::from(body));
            let answer = house.send(asked).await;
            // What no key may do at all is refused to keys before anything is looked up.
            let never = *is_key && route.permission.needs_second_factor();
            let expected = if never { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND };
            assert_eq!(answer.status, expected, "{} {path}: {}", route.method, answer.text());
        }
    }
    assert_eq!(heads(&house).await, before, "nothing was written for strangers");
}

/// What a path needs to say in its query.
fn with_query(path: &str) -> String {
    let never = "00000000000000000000000000";
    match path {
        path if path.ends_with("/inventory_levels") => format!("{path}?variant=var_{never}"),
        path if path.starts_with("/v1/partner_links") && path.ends_with("/variants") => {
            format!("{path}?product=prod_{never}")
        }
        path => path.to_owned(),
    }
}

#[tokio::test]
async fn parameters_are_those_that_are_described() {
    let house = House::new().await;
    let Furniture { retailer, supplier, ids, .. } = furnished(&house).await;
    for route in api::routes().iter().filter(|route| route.method == Method::GET) {
        let path = path_of(route, &ids);
        let owner = if path.contains("orders/ord_")
            || path.contains("/holds")
            || path.contains("/partner_links")
            || path.contains("/deletions")
            || path.contains("/privacy")
        {
            &retailer
        } else {
            &supplier
        };
        let parameters = route.operation.parameters.as_deref().unwrap_or_default();
        let in_query = parameters.iter().filter_map(|parameter| match parameter {
            RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Query) => {
                Some(parameter.name.as_str())
            }
            _ => None,
        });
        let described: Vec<_> = in_query.collect();
        for name in &described {
            // A bare dash is no good value of anything that is checked, so that the complaint names the parameter.
            let answer = house.get(owner, &format!("{path}?{name}=-")).await;
            let unknown = answer.text().contains("is not known here");
            assert!(!unknown, "{path}: {name} is described but not taken");
        }
        if !described.is_empty() {
            let answer = house.get(owner, &format!("{path}?canary=canary")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text());
            for name in &described {
                assert!(answer.text().contains(name), "{path}: {name} is described but not named: {}", answer.text());
            }
        }
    }
}

/// A request body as the docs show it, with ids that there are.
fn example(route: &Route, ids: &HashMap<&str, String>) -> Option<Value> {
    let RefOr::T(body) = route.operation.request_body.as_ref()? else { return None };
    let RefOr::T(content) = body.content.get("application/json")? else { return None };
    let mut text = content.example.as_ref()?.to_string();
    for (prefix, kind) in
        [("prod", "products"), ("var", "variants"), ("acct", "partners"), ("in", "invoices"), ("pm", "payment_methods")]
    {
        if let Some(id) = ids.get(kind) {
            text = text.replace(&format!("{prefix}_01jd2mk8x3e5v9zq4t7w6y5h0c"), id);
        }
    }
    Some(serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn the_examples_of_the_docs_are_what_the_routes_take() {
    let house = House::new().await;
    let Furniture { retailer, supplier, owner, mut ids } = furnished(&house).await;
    let fresh = house.party("Fresh", Role::Supplier).await;
    ids.insert("partners", fresh.account.to_string());
    let mut tried = 0;
    for route in api::routes() {
        let Some(body) = example(&route, &ids) else { continue };
        let path = path_of(&route, &ids);
        contract::takes(&route.method, &path, &body).unwrap_or_else(|why| panic!("{path}: {why}"));
        let retails = path.contains("/orders") && !path.contains("purchase")
            || ["/partner_links", "/holds/", "/charges", "/deletions"].iter().any(|part| path.contains(part));
        // What the docs create first, an account has that is as new as its reader's.
        let creates = route.method == Method::POST
            && ["/v1/products", "/v1/products/batch", "/v1/inventory_levels/batch"].contains(&path.as_str());
        let party = if retails { &retailer } else { [&supplier, &fresh][usize::from(creates)] };
        let guest: &dyn Guest = if route.permission.needs_second_factor() { &owner } else { party };
        let asked = request(guest, route.method.clone(), &path, &[], Body::from(body.to_string()));
        let answer = house.send(asked).await;
        // The furniture is already in a state of its own; what it must never be is misunderstood.
        let fits = answer.status.is_success() || answer.status == StatusCode::CONFLICT;
        assert!(fits, "{} {path}: {}", route.method, answer.text());
        assert!(answer.status.is_success() || !creates, "{}", answer.text());
        if path.ends_with("/batch") {
            assert_eq!(answer.json()["failed"], 0, "{path}: {}", answer.text());
        }
        tried += 1;
    }
    assert!(tried >= 16, "{tried}");
}
