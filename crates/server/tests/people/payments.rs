//! Payments in a real browser: a card is set up at the gateway, an invoice is paid from it, the bank asks, and money goes back.

use crate::house::{House, Server, order};
use crate::shops::look;
use crate::stage::{Stage, add_passkey};
use bonded_testkit::browser::Page;
use bonded_testkit::payment_server::PaymentServer;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

/// A card whose bank wants to see the buyer each time.
const ASKING: &str = "4000002760003184";
/// How often something is asked for that comes by itself.
const ASKED_MAX: usize = 1_200;

/// A server whose payments go through this gateway.
async fn paying(gateway: &PaymentServer) -> Option<Stage> {
    let house = House::new();
    let key = house.path("stripe-key");
    fs::write(&key, "sk_test_bonded\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let mut serve = house.command(&["serve"]);
    serve
        .env("BONDED_STRIPE_KEY_FILE", key)
        .env("BONDED_STRIPE_ADDRESS", gateway.front().address())
        .env("BONDED_OUTBOUND_LOOPBACK", "true")
        .env("BONDED_OUTBOUND_ROOT_CERTIFICATE", gateway.front().authority());
    Stage::of(house, serve).await
}

async fn post(stage: &Stage, key: &str, path: &str, body: Value) -> Value {
    let (status, answer) = Server::answer(stage.server.post(path, key, &body)).await;
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

/// Asks until the answer is as wanted.
async fn until(stage: &Stage, key: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..ASKED_MAX {
        last = Server::answer(stage.server.get(path).bearer_auth(key)).await.1;
        if wanted(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} never became as wanted: {last}");
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id: {value}")).to_owned()
}

/// A supplier's invoice reaches the retailer: EUR 7.00, with the order's number. Another order was shipped, and is not
/// invoiced. The supplier.
async fn invoiced(stage: &Stage, key: &str) -> String {
    let (supplier, theirs) = stage.house.account("Lamps", "supplier");
    let link = id(&post(stage, key, "/v1/partner_links", json!({"partner": supplier})).await);
    let path = format!("/v1/partner_links/{link}");
    until(stage, &theirs, &path, |link| link["state"] == "invited").await;
    post(stage, &theirs, &format!("{path}/accept"), json!({})).await;
    until(stage, key, &path, |link| link["state"] == "active").await;
    let price = json!({"amount": 700, "currency": "EUR"});
    post(stage, &theirs, "/v1/products", json!({"title": "Lamp", "variants": [{"sku": "LAMP", "price": price}]})).await;
    post(stage, &theirs, "/v1/inventory_levels/batch", json!({"data": [{"sku": "LAMP", "on_hand": 5}]})).await;
    post(stage, &theirs, "/v1/account/payout", json!({"stripe_account": "acct_1Lamps"})).await;
    let mut shipped = Vec::new();
    for (place, reference) in ["4711", "4712"].into_iter().enumerate() {
        post(stage, key, "/v1/orders", order(reference)).await;
        let path = "/v1/purchase_orders";
        let posted = until(stage, &theirs, path, |list| list["data"][place]["id"].is_string()).await;
        shipped.push(format!("{path}/{}", id(&posted["data"][place])));
        post(stage, &theirs, &format!("{}/fulfilments", shipped[place]), json!({})).await;
    }
    post(stage, &theirs, &format!("{}/invoice", shipped[0]), json!({})).await;
    until(stage, key, "/v1/invoices", |list| list["data"][0]["id"].is_string()).await;
    supplier
}

/// The window has come to a page of another origin.
async fn is_led_to(page: &Page, origin: &str, path: &str) {
    page.wait_until(&format!("location.href.startsWith('{origin}{path}')")).await;
}

/// The page of another origin sends the buyer back, to the path of an address that the gateway was given.
async fn is_sent_back(stage: &Stage, page: &Page, address: &str, secrets: &str) {
    let path = &address[address.find("/payments").unwrap_or_else(|| panic!("{address}"))..];
    page.eval(&format!("location.href = '{}{secrets}'; true", stage.public(path))).await;
}

async fn the_supplier_invoices_what_it_shipped(stage: &Stage, supplier: &str) {
    let page = stage.joined(&stage.invite(supplier, "bob@example.com", "owner"), "Bob Example").await;
    let _passkey = page.authenticator().await;
    add_passkey(&page).await;
    page.click_on("I have kept them: go on").await;
    page.wait_for_text("Lamps").await;
    page.open(&stage.public("/payments")).await;
    page.wait_for_text("To your account at Stripe, acct_1Lamps.").await;
    look(&page, "selling").await;
    page.fill("input[name=number]", "R-2").await;
    page.click_on("Invoice order 4712").await;
    page.wait_for_text("The invoice was made").await;
    assert!(page.text().await.contains("partly refunded"), "what was paid and went back is known here too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_set_up_an_invoice_paid_at_the_bank_and_a_part_given_back() {
    let Some(server) = PaymentServer::start().await else { return };
    let Some(stage) = paying(&server).await else { return };
    let (_, key, page, _passkey) = stage.owned("ada@example.com").await;
    let supplier = invoiced(&stage, &key).await;
    // Another port is another origin to a browser, and this one has a certificate that it trusts.
    let elsewhere = stage.private("");
    server.gateway().send_buyers_to(&elsewhere);

    page.open(&stage.public("/payments")).await;
    page.wait_for_text("Add a card to pay it.").await;
    page.click_on("Add a card").await;
    is_led_to(&page, &elsewhere, "/c/pay/cs_test_").await;
    server.gateway().enter_card(&server.gateway().newest_session(), ASKING).await;
    let opened = server.gateway().asked("POST /v1/checkout/sessions").remove(0).form;
    is_sent_back(&stage, &page, &opened["success_url"], "").await;
    page.wait_for_text("The card is set up: Visa ending in 3184.").await;
    look(&page, "payments").await;

    page.click_on("Pay invoice 4711").await;
    page.wait_for_text("You have agreed.").await;
    until(&stage, &key, "/v1/charges", |list| list["data"][0]["state"] == "requires_action").await;
    page.open(&stage.public("/payments")).await;
    page.wait_for_text("your bank wants to see you").await;
    look(&page, "payments-waiting").await;
    page.click_on("Continue at your bank for invoice 4711").await;
    is_led_to(&page, &elsewhere, "/redirect/pi_").await;
    let charge = until(&stage, &key, "/v1/charges", |list| list["data"][0]["id"].is_string()).await["data"][0].clone();
    let payment = charge["stripe_payment"].as_str().unwrap();
    server.gateway().authenticate(payment, true).await;
    let confirmed = server.gateway().asked(&format!("POST /v1/payment_intents/{payment}/confirm")).remove(0).form;
    let secrets = "?payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_2&redirect_status=succeeded";
    is_sent_back(&stage, &page, &confirmed["return_url"], secrets).await;
    page.wait_for_text("Invoice 4711 is paid: EUR 7.00.").await;
    assert!(!page.url().await.contains("secret"));

    page.click_on("Payment of invoice 4711").await;
    page.wait_for_text("Give money back").await;
    look(&page, "payment").await;
    page.fill("input[name=amount]", "2.00").await;
    page.click("input[name=sure]").await;
    page.click_on("Refund").await;
    page.wait_for_text("The money goes back.").await;
    let path = format!("/v1/charges/{}", id(&charge));
    let partly = until(&stage, &key, &path, |charge| charge["state"] == "partly_refunded").await;
    assert_eq!((&partly["refunded"]["amount"], server.gateway().payments().await), (&json!(200), 1));
    the_supplier_invoices_what_it_shipped(&stage, &supplier).await;
    let said = page.console().await;
    assert!(!said.iter().any(|message| message.text.contains("Content Security Policy")), "{said:?}");
    stage.server.stop().await;
}
