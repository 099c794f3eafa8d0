//! The pages for payments: what forms do, what is said of mistakes, who sees nothing, and what is done once.

use super::every_route::{card, shipped};
use super::shop_pages::{are_closed, done, location, owner, page, read, refused, send, stranger};
use crate::house::people::Member;
use crate::house::{House, Party};
use bonded_base::{Id, Moment};
use bonded_connect::payments::{Charge, ChargeState, RefundState};
use bonded_ledger::{Change, Stored};
use bonded_people::members::Role;
use serde_json::{Value, json};

/// A retailer with an invoice, its supplier, and the owners of both.
struct Stage {
    house: House,
    retailer: Party,
    supplier: Party,
    buyer: Member,
    seller: Member,
    invoice: String,
}

impl Stage {
    async fn new() -> Self {
        let house = House::new().await;
        let (retailer, supplier, _) = house.partners().await;
        house.stocked(&supplier, "POT-S", 5).await;
        let posted = shipped(&house, &retailer, &supplier).await;
        let draft = json!({"number": "R-17"});
        let invoice = house.post(&supplier, &format!("{posted}/invoice"), draft).await.expect(201);
        let invoice = invoice["id"].as_str().unwrap().to_owned();
        house.until(&retailer, "/v1/invoices?state=open", |list| list["data"][0]["id"] == json!(invoice)).await;
        let (buyer, seller) = (owner(&house, &retailer).await, owner(&house, &supplier).await);
        Self { house, retailer, supplier, buyer, seller, invoice }
    }

    async fn page(&self, path: &str) -> String {
        page(&self.house, &self.buyer, path).await
    }

    async fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        done(&self.house, &self.buyer, path, fields).await
    }

    async fn refused(&self, path: &str, fields: &[(&str, &str)]) -> String {
        refused(&self.house, &self.buyer, path, fields).await
    }

    /// The invoice is agreed to, from a card; the charge and the card.
    async fn agreed(&self) -> (Id<Charge>, String) {
        let card = card(&self.house, &self.retailer).await;
        let payout = json!({"stripe_account": "acct_1Lamps"});
        self.house.post(&self.supplier, "/v1/account/payout", payout).await.expect(200);
        let said = self.done(&format!("/payments/invoices/{}/pay", self.invoice), &[("method", &card)]).await;
        assert!(said.contains("You have agreed.") && said.contains(">agreed</a>"), "{said}");
        let charges = self.house.get(&self.retailer, "/v1/charges").await.expect(200);
        (charges["data"][0]["id"].as_str().unwrap().parse().unwrap(), card)
    }

    async fn charge(&self, id: Id<Charge>) -> Stored<Charge> {
        self.house.ledger.get(&House::operator(self.retailer.account), id).await.unwrap().unwrap()
    }

    /// The gateway has said how the charge stands.
    async fn becomes(&self, id: Id<Charge>, state: ChargeState, why: Option<&str>) {
        let was = self.charge(id).await;
        let paid_at = state.is_paid().then(|| Moment::from_millis(1_700_000_000_000));
        let (why, stripe_payment) = (why.map(str::to_owned), Some("pi_1".to_owned()));
        let mut change = Change::new();
        change.update(&was, &Charge { state, why, paid_at, stripe_payment, ..(*was).clone() }, "followed");
        self.house.ledger.commit(&House::operator(self.retailer.account), change).await.unwrap();
    }
}

/// A field of a form on a page.
fn value_of(page: &str, name: &str) -> String {
    let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_invoice_is_paid_from_a_card_and_what_hinders_it_is_said_beside_it() {
    let stage = Stage::new().await;
    let first = stage.page("/payments").await;
    for shown in ["R-17", "Sample Pottery", "EUR 9.99", "order 3", "Add a card to pay it.", "No card is set up."] {
        assert!(first.contains(shown), "{shown}: {first}");
    }
    // Nobody can reach the gateway here.
    let away = stage.refused("/payments/methods", &[]).await;
    assert!(away.contains("role=\"alert\"") && away.contains("page could not be opened"), "{away}");
    let card = card(&stage.house, &stage.retailer).await;
    let pay = format!("/payments/invoices/{}/pay", stage.invoice);
    assert!(stage.page("/payments").await.contains("Visa ending in 4242"));
    let early = stage.refused(&pay, &[("method", &card)]).await;
    assert!(early.contains("The supplier has not said where its money goes"), "{early}");
    assert!(early.contains(&format!("<option value=\"{card}\" selected>")), "what was chosen stays: {early}");
    let none = stage.refused(&pay, &[("method", "visa")]).await;
    assert!(none.contains("There is no such payment method"), "{none}");
    let (charge, _) = stage.agreed().await;
    let twice = stage.refused(&pay, &[("method", &card)]).await;
    assert!(twice.contains("There is a charge for this invoice already"), "{twice}");
    let said = stage.page(&format!("/payments?charge={charge}")).await;
    assert!(said.contains("Invoice R-17: your bank has not answered yet."), "{said}");
    let removed = stage.done(&format!("/payments/methods/{card}/remove"), &[]).await;
    assert!(removed.contains("The card is charged no more."), "{removed}");
    stage.refused(&format!("/payments/methods/{card}/remove"), &[]).await;
}

#[tokio::test]
async fn a_payment_that_stopped_says_why_and_goes_on_by_its_owner_s_hand() {
    let stage = Stage::new().await;
    let (charge, card) = stage.agreed().await;
    let at = format!("/payments/charges/{charge}");
    stage.becomes(charge, ChargeState::RequiresAction, Some("authentication_required")).await;
    for path in ["/payments", &at] {
        let shown = stage.page(path).await;
        assert!(
            shown.contains("Continue at your bank</button>") && shown.contains("your bank wants to see you"),
            "{shown}"
        );
    }
    assert!(stage.page("/payments").await.contains("What waits for you"));
    stage.becomes(charge, ChargeState::Failed, Some("insufficient_funds")).await;
    let shown = stage.page(&at).await;
    assert!(shown.contains("the card has not enough money left") && !shown.contains("/authorise"), "{shown}");
    let said = stage.page(&format!("/payments?charge={charge}")).await;
    assert!(said.contains("Invoice R-17 was not paid: the card has not enough money left."), "{said}");
    let (seen, retry) = (value_of(&shown, "version"), format!("{at}/retry"));
    stage.refused(&retry, &[("version", "1"), ("method", &card)]).await;
    stage.refused(&retry, &[("method", &card)]).await;
    stage.done(&retry, &[("version", &seen), ("method", &card)]).await;
    let again = stage.charge(charge).await;
    assert_eq!((again.state, again.attempt), (ChargeState::Due, 2));
    stage.refused(&retry, &[("version", &seen), ("method", &card)]).await;
    assert_eq!(stage.charge(charge).await.attempt, 2, "what is sent twice is done once");
    // A code that nobody has put into words is said as it is.
    stage.becomes(charge, ChargeState::Failed, Some("something_new")).await;
    assert!(stage.page(&at).await.contains("Stripe says: something new"));
}

#[tokio::test]
async fn money_goes_back_once_for_each_time_it_is_asked_for() {
    let stage = Stage::new().await;
    let (charge, _) = stage.agreed().await;
    let (at, refund) = (format!("/payments/charges/{charge}"), format!("/payments/charges/{charge}/refund"));
    assert!(!stage.page(&at).await.contains(&refund), "nothing was paid yet");
    stage.becomes(charge, ChargeState::Succeeded, None).await;
    let shown = stage.page(&at).await;
    assert!(shown.contains(&refund) && shown.contains("placeholder=\"9.99\"") && !shown.contains("/retry"), "{shown}");
    let seen = value_of(&shown, "version");
    for (typed, sure, why) in [
        ("5.00", "", "Tick that the money is to go back"),
        ("5,00", "yes", "at most one point"),
        ("10.00", "yes", "1 to 999 minor units are left"),
        ("0", "yes", "1 to 999 minor units are left"),
    ] {
        let again = stage.refused(&refund, &[("version", &seen), ("amount", typed), ("sure", sure)]).await;
        assert!(again.contains(why) && again.contains(&format!("value=\"{typed}\"")), "{why}: {again}");
    }
    let part = [("version", seen.as_str()), ("amount", "5.00"), ("sure", "yes")];
    let said = stage.done(&refund, &part).await;
    assert!(said.contains("The money goes back.") && said.contains("EUR 5.00"), "{said}");
    stage.refused(&refund, &part).await;
    let kept = stage.charge(charge).await;
    assert_eq!((kept.refunds.len(), kept.refunds[0].amount, kept.refunds[0].state), (1, 500, RefundState::Due));
    let seen = value_of(&said, "version");
    let whole = stage.done(&refund, &[("version", &seen), ("amount", ""), ("sure", "yes")]).await;
    assert!(!whole.contains("name=\"sure\""), "nothing is left: {whole}");
    assert_eq!(stage.charge(charge).await.refundable(), 0);
}

#[tokio::test]
async fn a_supplier_says_where_its_money_goes_and_invoices_what_it_shipped() {
    let stage = Stage::new().await;
    let (house, seller) = (&stage.house, &stage.seller);
    let first = page(house, seller, "/payments").await;
    assert!(first.contains("Nowhere yet") && first.contains("R-17") && first.contains("Sample Shop"), "{first}");
    let wrong = refused(house, seller, "/payments/payout", &[("stripe_account", "lamps")]).await;
    assert!(wrong.contains("is written like acct_") && wrong.contains("value=\"lamps\""), "{wrong}");
    let right = done(house, seller, "/payments/payout", &[("stripe_account", " acct_1Lamps ")]).await;
    assert!(right.contains("To your account at Stripe"), "{right}");
    assert_eq!(house.get(&stage.supplier, "/v1/account").await.expect(200)["stripe_account"], "acct_1Lamps");
    refused(house, &stage.buyer, "/payments/payout", &[("stripe_account", "acct_1Lamps")]).await;

    let posted = another_shipped(&stage).await;
    let shown = page(house, seller, "/payments").await;
    assert!(shown.contains("Shipped, and not invoiced") && shown.contains(&posted), "{shown}");
    let issue = format!("/payments/purchase-orders/{posted}/invoice");
    let wrong = refused(house, seller, &issue, &[("number", "R-18"), ("days", "soon")]).await;
    assert!(
        wrong.contains("whole number") && wrong.contains("value=\"R-18\"") && wrong.contains("value=\"soon\""),
        "{wrong}"
    );
    let made = done(house, seller, &issue, &[("number", "R-18"), ("days", "30")]).await;
    assert!(made.contains("R-18") && !made.contains("Shipped, and not invoiced"), "{made}");
    refused(house, seller, &issue, &[("number", "R-19")]).await;
    let listed = house.get(&stage.supplier, "/v1/invoices").await.expect(200);
    let numbers: Vec<_> = listed["data"].as_array().unwrap().iter().map(|invoice| invoice["number"].clone()).collect();
    assert_eq!(numbers, ["R-17", "R-18"]);
    are_closed(house, &stranger(house).await, &[], &[&issue]).await;
}

/// Another purchase order is shipped and waits for its invoice; its id.
async fn another_shipped(stage: &Stage) -> String {
    let order = crate::house::order("4", "POT-S", 2);
    stage.house.post(&stage.retailer, "/v1/orders", order).await.expect(201);
    let find = |list: &Value| {
        let all = list["data"].as_array().unwrap().iter();
        all.clone().find(|posted| posted["reference"] == "4").map(|posted| posted["id"].as_str().unwrap().to_owned())
    };
    let listed = stage.house.until(&stage.supplier, "/v1/purchase_orders", |list| find(list).is_some()).await;
    let id = find(&listed).unwrap();
    stage.house.post(&stage.supplier, &format!("/v1/purchase_orders/{id}/fulfilments"), Value::Null).await.expect(200);
    id
}

#[tokio::test]
async fn nobody_but_owners_who_have_confirmed_changes_anything() {
    let stage = Stage::new().await;
    let house = &stage.house;
    let (charge, card) = stage.agreed().await;
    stage.becomes(charge, ChargeState::Succeeded, None).await;
    let at = format!("/payments/charges/{charge}");
    let steps = [
        format!("/payments/methods/{card}/remove"),
        format!("/payments/invoices/{}/pay", stage.invoice),
        format!("{at}/authorise"),
        format!("{at}/retry"),
        format!("{at}/refund"),
    ];
    let sent: Vec<_> = steps.iter().map(String::as_str).collect();
    let back = [format!("{at}/back"), format!("/payments/methods/{card}/back")];
    let asked = [&at, &back[0], &back[1], &format!("/payments?charge={charge}"), &format!("/payments?method={card}")];
    are_closed(house, &stranger(house).await, &asked.map(String::as_str), &sent).await;
    for role in [Role::Viewer, Role::Operator, Role::Manager] {
        let reader = house.member(&stage.retailer, role, true).await;
        for path in ["/payments", &at] {
            let shown = page(house, &reader, path).await;
            assert!(!shown.contains("action=\"/payments") && !shown.contains("/confirm?next="), "{role:?}: {shown}");
        }
        for path in sent.iter().copied().chain(["/payments/methods", "/payments/payout"]) {
            assert_eq!(send(house, &reader, path, &[]).await.status, 403, "{role:?} {path}");
        }
    }
    let weak = house.member(&stage.retailer, Role::Owner, false).await;
    assert_eq!(send(house, &weak, "/payments/methods", &[]).await.status, 403, "without a second factor");
    house.age(&stage.buyer).await;
    for path in ["/payments", &at] {
        let shown = stage.page(path).await;
        assert!(shown.contains(&format!("/confirm?next={path}\"")) && !shown.contains("action=\"/payments"), "{shown}");
    }
    for (path, page) in [("/payments/methods", "/payments"), (sent[4], &at)] {
        let leads = location(&send(house, &stage.buyer, path, &[]).await);
        assert!(leads.ends_with(&format!("next={page}")), "{leads}");
    }
}

#[tokio::test]
async fn whoever_comes_back_leaves_the_gateway_s_secrets_behind() {
    let stage = Stage::new().await;
    let (charge, card) = stage.agreed().await;
    stage.becomes(charge, ChargeState::Succeeded, None).await;
    let back =
        format!("/payments/charges/{charge}/back?payment_intent_client_secret=pi_1_secret_2&redirect_status=succeeded");
    let led = location(&read(&stage.house, &stage.buyer, &back).await);
    assert_eq!(led, format!("/payments?charge={charge}"));
    assert!(stage.page(&led).await.contains("Invoice R-17 is paid: EUR 9.99."));
    let led = location(&read(&stage.house, &stage.buyer, &format!("/payments/methods/{card}/back")).await);
    assert!(stage.page(&led).await.contains("The card is set up: Visa ending in 4242."));
    assert!(stage.page(&format!("/payments?left={card}")).await.contains("The card is set up"), "as our records say");
}
