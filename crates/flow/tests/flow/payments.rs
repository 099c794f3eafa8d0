//! Payments through a gateway that loses answers, forgets keys, declines cards and tells of everything twice.

mod till;

use crate::on_both_engines;
use crate::trade::{Trade, euro};
use bonded_base::{Id, Reason};
use bonded_connect::outbound::destinations;
use bonded_connect::payments::{
    self, Charge, ChargeDraft, ChargeRetry, ChargeState, MethodState, RefundDraft, RefundState,
};
use bonded_flow::payments::{Heard, hear};
use bonded_ledger::{Change, Scope};
use bonded_people::mail::{Mail, Matter};
use bonded_people::members::Role;
use bonded_testkit::payment_server::PaymentServer;
use bonded_trade::invoices::InvoiceState;
use bonded_trade::{Page, TradeError};
use serde_json::json;
use till::{ASKING, DECLINED, GOOD, OLD_SECRET, PAYOUT, SECRET, Till};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PAY: &str = "POST /v1/payment_intents";
const REFUND: &str = "POST /v1/refunds";

fn refused<T>(outcome: Result<T, TradeError>) -> (Reason, Option<String>) {
    let problem = outcome.map(drop).unwrap_err().into_problem().unwrap();
    (problem.reason, problem.pointer)
}

async fn an_invoice_is_charged_once_whatever_gets_lost(trade: Trade) {
    let Some(mut till) = Till::open(trade).await else { return };
    let (invoice, card) = (till.invoice("A-1", 3).await, till.card(GOOD).await);
    // The gateway pays, its answer is lost, the node ends, and the gateway forgets that it was ever asked.
    till.server.front().lose_answer_to("POST /v1/payment_intents ");
    let charge = till.agree(invoice, card).await;
    till.trade.until("the answer is lost", async || till.server.front().lost() == 1).await;
    till.gateway().forget_keys();
    till.crash();
    let paid = till.until_charge(charge, ChargeState::Succeeded).await;
    assert_eq!(till.gateway().payments().await, 1, "there is one payment");
    let asked = till.gateway().asked(PAY);
    assert_eq!(asked.len(), 1, "what was made was found, not made again");
    let form = &asked[0].form;
    for (field, value) in [("amount", "2100"), ("currency", "eur"), ("off_session", "true"), ("confirm", "true")] {
        assert_eq!(form[field], value);
    }
    assert_eq!(form["metadata[charge]"], charge.to_string());
    assert_eq!(till.gateway().destination(paid.stripe_payment.as_deref().unwrap()).as_deref(), Some(PAYOUT));
    till.trade
        .until("both sides say that it is paid", async || {
            till.invoices(invoice)
                .await
                .iter()
                .all(|invoice| invoice.state == InvoiceState::Paid && invoice.paid_at.is_some())
        })
        .await;
    assert_eq!(till.invoices(invoice).await[0].total, euro(2_100));
    // Whoever agrees again is told so; nothing more is asked for.
    let again = ChargeDraft { invoice, payment_method: card };
    let told = refused(payments::agree(&till.trade.ledger, &till.retailer, again).await);
    assert!(told.0 == Reason::State || told == (Reason::Duplicate, Some("/invoice".to_owned())), "{told:?}");
    // Every call that sent something of the account's stands among its destinations.
    let page = Page::first(100);
    let called = destinations::list(&till.trade.ledger, &till.retailer, page).await.unwrap().records;
    let payment = called.iter().find(|called| called.purpose == "payment").unwrap();
    assert!(payment.fields.contains("amount") && payment.owner == till.retailer.account().to_string());
    till.close().await;
}

async fn answers_that_are_lost_once_each_cost_nothing(trade: Trade) {
    let Some(mut till) = Till::open(trade).await else { return };
    let (ledger, front) = (&till.trade.ledger, till.server.front());
    // Setting up is asked for by somebody who waits: they are told, and ask again.
    for call in ["POST /v1/customers ", "POST /v1/checkout/sessions "] {
        front.lose_answer_to(call);
        assert_eq!(refused(payments::begin_method(ledger, &till.retailer, &till.stripe).await).0, Reason::Unavailable);
    }
    let (invoice, card) = (till.invoice("A-1", 1).await, till.card(GOOD).await);
    front.lose_answer_to("POST /v1/payment_intents ");
    let charge = till.agree(invoice, card).await;
    till.trade.until("the answer is lost", async || front.lost() == 3).await;
    let (lost, retailer) = (front.lost(), till.retailer.again());
    till.crash();
    till.until_charge(charge, ChargeState::Succeeded).await;
    till.server.front().lose_answer_to("POST /v1/refunds ");
    payments::ask_refund(&till.trade.ledger, &retailer, charge, None, RefundDraft::default()).await.unwrap();
    till.trade.until("the answer is lost", async || till.server.front().lost() == lost + 1).await;
    till.gateway().forget_keys();
    till.crash();
    let after = till.until_charge(charge, ChargeState::Refunded).await;
    assert_eq!((after.refunds.len(), till.gateway().asked(REFUND).len()), (1, 1), "it went back once");
    assert_eq!(till.gateway().payments().await, 1);
    till.close().await;
}

async fn a_refund_takes_the_supplier_s_share_back_in_parts_and_whole(trade: Trade) {
    let Some(till) = Till::open(trade).await else { return };
    let (ledger, retailer) = (&till.trade.ledger, &till.retailer);
    let (invoice, card) = (till.invoice("A-1", 2).await, till.card(GOOD).await);
    let charge = till.agree(invoice, card).await;
    let early = payments::ask_refund(ledger, retailer, charge, None, RefundDraft { amount: Some(0) }).await;
    assert!(early.is_err(), "nothing is nothing");
    let paid = till.until_charge(charge, ChargeState::Succeeded).await;
    let part = |amount| RefundDraft { amount: Some(amount) };
    payments::ask_refund(ledger, retailer, charge, None, part(500)).await.unwrap();
    till.until_charge(charge, ChargeState::PartlyRefunded).await;
    till.trade
        .until("the invoice says so", async || {
            till.invoices(invoice)
                .await
                .iter()
                .all(|one| one.state == InvoiceState::PartlyRefunded && one.refunded == euro(500))
        })
        .await;
    assert_eq!(
        refused(payments::ask_refund(ledger, retailer, charge, None, part(901)).await).1.as_deref(),
        Some("/amount")
    );
    // Somebody at the gateway itself gives some back, and the gateway tells of it.
    till.gateway().refund(paid.stripe_payment.as_deref().unwrap(), 300).await;
    till.tell("charge.refunded", &till.about("charge", &charge.to_string())).await;
    till.trade.until("what went back there is known", async || till.charge(charge).await.refunded() == 800).await;
    payments::ask_refund(ledger, retailer, charge, None, RefundDraft::default()).await.unwrap();
    let whole = till.until_charge(charge, ChargeState::Refunded).await;
    assert_eq!(whole.refunds.iter().map(|refund| refund.amount).collect::<Vec<_>>(), [500, 300, 600]);
    assert!(whole.refunds.iter().all(|refund| refund.state == RefundState::Succeeded));
    let asked = till.gateway().asked(REFUND);
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.form["reverse_transfer"] == "true" && asked.key.is_some()));
    till.trade
        .until("the invoice says so", async || {
            till.invoices(invoice)
                .await
                .iter()
                .all(|one| one.state == InvoiceState::Refunded && one.refunded == euro(1_400))
        })
        .await;
    let more = payments::ask_refund(ledger, retailer, charge, None, RefundDraft::default()).await;
    assert_eq!(refused(more).0, Reason::State);
    till.close().await;
}

async fn a_buyer_whom_the_bank_wants_to_see_is_brought_there_and_back(trade: Trade) {
    let Some(till) = Till::open(trade).await else { return };
    let (ledger, retailer) = (&till.trade.ledger, &till.retailer);
    let (invoice, card) = (till.invoice("A-1", 1).await, till.card(ASKING).await);
    let charge = till.agree(invoice, card).await;
    let waits = till.until_charge(charge, ChargeState::RequiresAction).await;
    assert_eq!(waits.why.as_deref(), Some("authentication_required"));
    let back = "https://bonded.test/";
    let url = payments::authorise(ledger, retailer, &till.stripe, charge, back).await.unwrap();
    assert!(url.starts_with("https://hooks.stripe.example/redirect/pi_"), "{url}");
    let again = payments::authorise(ledger, retailer, &till.stripe, charge, back).await.unwrap();
    assert_eq!(again, url, "asking again leads to the same place");
    let payment = waits.stripe_payment.clone().unwrap();
    till.gateway().authenticate(&payment, true).await;
    till.tell("payment_intent.succeeded", &till.about("charge", &charge.to_string())).await;
    let paid = till.until_charge(charge, ChargeState::Succeeded).await;
    assert_eq!(paid.stripe_payment, Some(payment));
    let late = payments::authorise(ledger, retailer, &till.stripe, charge, back).await;
    assert_eq!(refused(late).0, Reason::State);
    till.close().await;
}

async fn a_declined_card_is_told_by_its_code_and_another_one_pays(trade: Trade) {
    let Some(till) = Till::open(trade).await else { return };
    let (ledger, retailer) = (&till.trade.ledger, &till.retailer);
    let (invoice, bad, good) = (till.invoice("A-1", 1).await, till.card(DECLINED).await, till.card(GOOD).await);
    let charge = till.agree(invoice, bad).await;
    let failed = till.until_charge(charge, ChargeState::Failed).await;
    assert_eq!(failed.why.as_deref(), Some("card_declined"));
    assert!(till.invoices(invoice).await.iter().all(|invoice| invoice.state == InvoiceState::Open));
    let other = ChargeRetry { payment_method: Some(good) };
    payments::retry(ledger, retailer, charge, None, other).await.unwrap();
    let paid = till.until_charge(charge, ChargeState::Succeeded).await;
    assert_eq!((paid.attempt, paid.stripe_payment == failed.stripe_payment), (2, true), "it is the same payment");
    assert_eq!(refused(payments::retry(ledger, retailer, charge, None, other).await).0, Reason::State);
    // Of what the gateway said nothing is kept but codes.
    let said = ledger.entries(retailer, 0, 1_000).await.unwrap();
    let said = said.iter().map(|entry| serde_json::to_string(&entry.said).unwrap()).collect::<String>();
    assert!(said.contains("card_declined") && !said.contains("4242424242424242") && !said.contains("Ada Example's"));
    till.close().await;
}

async fn owners_are_told_once_of_each_stop_of_a_charge(trade: Trade) {
    let Some(mut till) = Till::open(trade).await else { return };
    for (address, role) in [("ada@example.com", Role::Owner), ("bob@example.com", Role::Owner)] {
        till.trade.joins(&till.retailer, address, role).await;
    }
    till.trade.joins(&till.retailer, "manager@example.com", Role::Manager).await;
    till.trade.joins(&till.supplier, "supplier@example.com", Role::Owner).await;
    let (invoice, asking, declined) =
        (till.invoice("A-1", 3).await, till.card(ASKING).await, till.card(DECLINED).await);
    let good = till.card(GOOD).await;
    let charge = till.agree(invoice, asking).await;
    let waits = till.until_charge(charge, ChargeState::RequiresAction).await;
    till.until_told(charge, 1).await;
    assert_eq!(till.told_of("payment_needs_buyer").await, ["ada@example.com", "bob@example.com"]);
    let mails = till.trade.mails().await;
    let says = |mail: &Mail| {
        let Matter::PaymentStopped { account_name, supplier, invoice, amount, needs_buyer } = &mail.matter else {
            return false;
        };
        *needs_buyer && [account_name, supplier, invoice, amount] == ["Corner Shop", "Lamps", "R-A-1", "EUR 21.00"]
    };
    assert!(mails.iter().all(|mail| says(mail)));

    // Neither another look nor another node tells them again, nor one that died before it had noted that it did.
    till.tell("payment_intent.requires_action", &till.about("charge", &charge.to_string())).await;
    till.crash();
    let was = till.charge(charge).await;
    let mut forgets = Change::new();
    forgets.update(&was, &Charge { stops_told: 0, ..(*was).clone() }, "forgotten");
    // Where somebody was faster, the charge has been looked at: that is as good.
    let _ = till.trade.ledger.commit(&till.retailer, forgets).await;
    till.until_told(charge, 1).await;
    assert_eq!(till.trade.mails().await.len(), 2);

    // The buyer fails at the bank, and then with another card: each is told of.
    let (ledger, retailer) = (&till.trade.ledger, &till.retailer);
    payments::authorise(ledger, retailer, &till.stripe, charge, "https://bonded.test/").await.unwrap();
    till.gateway().authenticate(waits.stripe_payment.as_deref().unwrap(), false).await;
    payments::came_back(ledger, retailer, charge).await.unwrap();
    let failed = till.until_charge(charge, ChargeState::Failed).await;
    assert_eq!(failed.why.as_deref(), Some("payment_intent_authentication_failure"));
    till.until_told(charge, 2).await;
    assert_eq!(till.told_of("payment_failed").await, ["ada@example.com", "bob@example.com"]);
    payments::retry(ledger, retailer, charge, None, ChargeRetry { payment_method: Some(declined) }).await.unwrap();
    till.until_told(charge, 3).await;
    assert_eq!(till.told_of("payment_failed").await.len(), 4);
    payments::retry(ledger, retailer, charge, None, ChargeRetry { payment_method: Some(good) }).await.unwrap();
    till.until_charge(charge, ChargeState::Succeeded).await;
    till.trade.until("the invoice is told", async || till.charge(charge).await.told.is_some()).await;
    assert_eq!((till.trade.mails().await.len(), till.charge(charge).await.stops_told), (6, 3));
    till.close().await;
}

async fn webhooks_that_are_forged_old_doubled_or_early_do_no_harm(trade: Trade) {
    let Some(till) = Till::open(trade).await else { return };
    let (invoice, card) = (till.invoice("A-1", 1).await, till.card(GOOD).await);
    let charge = till.agree(invoice, card).await;
    // Before the answer has come, perhaps: what it says is never believed, only looked at.
    let news = till.event("payment_intent.payment_failed", &till.about("charge", &charge.to_string()));
    for _ in 0..3 {
        assert_eq!(till.send(&news, SECRET, 0).await, Heard::Kept);
    }
    assert_eq!(till.send(&news, OLD_SECRET, 299).await, Heard::Kept);
    till.until_charge(charge, ChargeState::Succeeded).await;
    let quiet = async || {
        let charge = till.charge(charge).await;
        charge.heard == charge.seen && charge.told.is_some()
    };
    till.trade.until("all was looked at", quiet).await;
    let before = till.charge(charge).await.version;
    assert_eq!(till.send(&news, "whsec_forged", 0).await, Heard::Unsigned);
    assert_eq!(till.send(&news, SECRET, 302).await, Heard::Unsigned);
    assert_eq!(till.send(&news, SECRET, -302).await, Heard::Unsigned);
    assert_eq!(hear(&till.trade.ledger, &till.stripe, "", &news).await.unwrap(), Heard::Unsigned);
    assert_eq!(till.send(&news, SECRET, 0).await, Heard::Kept, "a copy of what is known changes nothing");
    let other = json!({"charge": charge.to_string(), "account": till.supplier.account().to_string()});
    for metadata in [other, json!({}), till.about("charge", &format!("ch_{}", "0".repeat(26)))] {
        let body = till.event("payment_intent.succeeded", &metadata);
        assert_eq!(till.send(&body, SECRET, 0).await, Heard::Ignored);
    }
    assert_eq!(till.send(b"[]", SECRET, 0).await, Heard::Ignored);
    assert_eq!(till.charge(charge).await.version, before);
    assert_eq!(till.gateway().payments().await, 1);
    till.close().await;
}

async fn a_method_that_was_taken_away_is_let_go_of_and_charged_no_more(trade: Trade) {
    let Some(till) = Till::open(trade).await else { return };
    let (ledger, retailer) = (&till.trade.ledger, &till.retailer);
    let (invoice, card) = (till.invoice("A-1", 1).await, till.card(GOOD).await);
    let shown = till.method(card).await;
    assert_eq!((shown.brand.as_deref(), shown.last4.as_deref()), (Some("visa"), Some("4242")));
    assert_eq!((shown.expires_month, shown.expires_year), (Some(12), Some(2042)));
    payments::remove_method(ledger, retailer, card, None).await.unwrap();
    till.trade.until("it is let go of", async || till.method(card).await.token.is_none()).await;
    assert_eq!(till.method(card).await.state, MethodState::Removed);
    let calls = till.gateway().asked(PAY).len();
    let draft = ChargeDraft { invoice, payment_method: card };
    assert_eq!(refused(payments::agree(ledger, retailer, draft).await).1.as_deref(), Some("/payment_method"));
    assert_eq!(refused(payments::remove_method(ledger, retailer, card, None).await).0, Reason::State);
    // One that is taken away before a card was entered closes its page.
    let (begun, _) = payments::begin_method(ledger, retailer, &till.stripe).await.unwrap();
    payments::remove_method(ledger, retailer, begun.id, None).await.unwrap();
    till.trade.until("its page is closed", async || till.method(begun.id).await.session.is_none()).await;
    assert_eq!(till.gateway().asked(PAY).len(), calls);
    till.close().await;
}

on_both_engines!(
    an_invoice_is_charged_once_whatever_gets_lost,
    answers_that_are_lost_once_each_cost_nothing,
    a_refund_takes_the_supplier_s_share_back_in_parts_and_whole,
    a_buyer_whom_the_bank_wants_to_see_is_brought_there_and_back,
    a_declined_card_is_told_by_its_code_and_another_one_pays,
    owners_are_told_once_of_each_stop_of_a_charge,
    webhooks_that_are_forged_old_doubled_or_early_do_no_harm,
    a_method_that_was_taken_away_is_let_go_of_and_charged_no_more,
);

/// One request in clear, as `localstripe` sends its webhooks: its signature and its body.
async fn one_webhook(listener: &TcpListener) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let line = head.lines().find(|line| line.to_lowercase().starts_with(name));
                line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned())
            };
            let length: usize = header("content-length:").unwrap().parse().unwrap();
            if body.len() == length {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
                return (header("stripe-signature:").unwrap(), body.as_bytes().to_vec());
            }
        }
        stream.read_buf(&mut read).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_localstripe_signs_is_heard() {
    let Some(till) = Till::open(Trade::on(bonded_testkit::ledger::on_sqlite().await)).await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    till.gateway().send_webhooks_to(&url, SECRET).await;
    let (begun, _) = payments::begin_method(&till.trade.ledger, &till.retailer, &till.stripe).await.unwrap();
    let (signature, body) = one_webhook(&listener).await;
    // It is signed with the real time, ours stands still.
    let seconds = signature.strip_prefix("t=").unwrap().split(',').next().unwrap().parse::<i64>().unwrap();
    till.trade.ledger.test_clock().set(bonded_base::Moment::from_millis(seconds * 1_000));
    let heard = hear(&till.trade.ledger, &till.stripe, &signature, &body).await.unwrap();
    assert_eq!(heard, Heard::Kept);
    let event = till.method(begun.id).await.heard.clone().unwrap();
    assert!(event.starts_with("evt_"));
    let forged = PaymentServer::signature(&body, "whsec_forged", seconds);
    assert_eq!(hear(&till.trade.ledger, &till.stripe, &forged, &body).await.unwrap(), Heard::Unsigned);
    till.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_agree_at_once_make_one_charge() {
    let Some(till) = Till::open(Trade::on(bonded_testkit::ledger::on_sqlite().await)).await else { return };
    let (invoice, card) = (till.invoice("A-1", 1).await, till.card(GOOD).await);
    let draft = ChargeDraft { invoice, payment_method: card };
    let agree = || payments::agree(&till.trade.ledger, &till.retailer, draft);
    let (one, other) = tokio::join!(agree(), agree());
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
    let charge = one.or(other).unwrap().id;
    till.until_charge(charge, ChargeState::Succeeded).await;
    let foreign = Scope::operator(till.supplier.account());
    let theirs =
        payments::agree(&till.trade.ledger, &foreign, ChargeDraft { payment_method: Id::from_bytes([1; 16]), ..draft });
    assert_eq!(refused(theirs.await).0, Reason::Forbidden);
    assert_eq!(till.gateway().payments().await, 1);
    till.close().await;
}
