//! A retailer that owes a supplier money, and a payment gateway between them.

use crate::trade::Trade;
use bonded_base::{Account, Id, Kind, Secret};
use bonded_connect::outbound::{Outbound, OutboundSetup};
use bonded_connect::payments::{self, Charge, ChargeDraft, ChargeState, MethodState, PaymentMethod};
use bonded_connect::stripe::{Stripe, StripeSetup, VERSION};
use bonded_flow::followers::{self, Makes, Running, Turn};
use bonded_flow::payments::{Heard, PaymentTurn, hear};
use bonded_ledger::{Ledger, Scope, Stored};
use bonded_testkit::payment_server::{Gateway, PaymentServer};
use bonded_trade::accounts::{self, Role};
use bonded_trade::fulfilments::Shipment;
use bonded_trade::invoices::{self, Invoice, InvoiceDraft};
use bonded_trade::purchase_orders::{self, PoState};
use serde_json::json;
use std::sync::Arc;

/// What webhooks are signed with.
pub const SECRET: &str = "whsec_new";
/// What they were signed with before.
pub const OLD_SECRET: &str = "whsec_old";
/// Where the supplier's money goes.
pub const PAYOUT: &str = "acct_1SupplierOfLamps";
/// A card that pays.
pub const GOOD: &str = "4242424242424242";
/// A card that can be kept, and is declined when it is charged.
pub const DECLINED: &str = "4000000000000341";
/// A card whose bank wants to see the buyer each time.
pub const ASKING: &str = "4000002760003184";

pub struct Till {
    pub trade: Trade,
    pub retailer: Scope,
    pub supplier: Scope,
    pub server: PaymentServer,
    pub stripe: Stripe,
    pub running: Option<Running>,
    nodes: u8,
}

impl Till {
    /// Both parties, linked, and nothing bought yet; `None` where there is no gateway.
    pub async fn open(trade: Trade) -> Option<Self> {
        let server = PaymentServer::start().await?;
        let retailer = trade.account("Corner Shop", Role::Retailer).await;
        let supplier = trade.account("Lamps", Role::Supplier).await;
        trade.link(&retailer, &supplier).await;
        trade.product(&supplier, "LAMP", 1_000).await;
        accounts::pay_out_to(&trade.ledger, &supplier, PAYOUT).await.unwrap();
        let outbound = OutboundSetup {
            loopback: true,
            root_certificate: Some(server.front().authority()),
            user_agent: "Bonded/test".to_owned(),
        };
        let setup = StripeSetup {
            key: Secret::new("sk_test_bonded".to_owned()),
            webhook_secrets: [SECRET, OLD_SECRET].map(|secret| Secret::new(secret.to_owned())).to_vec(),
            version: VERSION.to_owned(),
            address: server.front().address().parse().unwrap(),
            origin: "https://bonded.test".to_owned(),
        };
        let stripe = Stripe::new(Outbound::new(outbound).unwrap(), setup);
        let mut till = Self { trade, retailer, supplier, server, stripe, running: None, nodes: 100 };
        till.start();
        Some(till)
    }

    pub fn start(&mut self) {
        let (ledger, stripe) = (Ledger::clone(&self.trade.ledger), self.stripe.clone());
        let makes: Makes = Arc::new(move |kind: Kind, account: Id<Account>, id| {
            let turn = PaymentTurn::new(ledger.clone(), stripe.clone(), kind, account, id)?;
            Some(Box::new(turn) as Box<dyn Turn>)
        });
        self.nodes += 1;
        let node = Id::from_bytes([self.nodes; 16]);
        self.running = Some(followers::start(Ledger::clone(&self.trade.ledger), node, makes));
    }

    /// The node ends where it stands, and another takes over.
    pub fn crash(&mut self) {
        self.running.take().unwrap().abandon();
        self.trade.ledger.test_clock().advance_ms(31_000);
        self.start();
    }

    pub async fn close(mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        self.trade.stop().await;
    }

    pub fn gateway(&self) -> &Gateway {
        self.server.gateway()
    }

    /// Some lamps are ordered, shipped and invoiced: 7.00 each. The invoice as the retailer has it.
    pub async fn invoice(&self, reference: &str, lamps: i64) -> Id<Invoice> {
        let (ledger, supplier) = (&self.trade.ledger, &self.supplier);
        self.trade.order(&self.retailer, reference, &[("LAMP", lamps)]).await;
        let mut posted = None;
        self.trade
            .until("the order is posted", async || {
                let all = self.trade.purchase_orders(supplier).await;
                posted = all.into_iter().find(|(_, known)| known.reference == reference).map(|(id, _)| id);
                posted.is_some()
            })
            .await;
        let id = posted.unwrap();
        let early = invoices::issue(ledger, supplier, id, None, &InvoiceDraft::default()).await;
        early.expect_err("nothing was shipped");
        purchase_orders::ship(ledger, supplier, id, None, &Shipment::default()).await.unwrap();
        let draft = InvoiceDraft { number: Some(format!("R-{reference}")), due_in_days: Some(7) };
        let issued = invoices::issue(ledger, supplier, id, None, &draft).await.unwrap();
        assert_eq!(purchase_orders::get(ledger, supplier, id).await.unwrap().state, PoState::Invoiced);
        self.trade
            .until("the invoice arrives", async || invoices::get(ledger, &self.retailer, issued.id).await.is_ok())
            .await;
        issued.id
    }

    /// The retailer enters a card at the gateway.
    pub async fn card(&self, number: &str) -> Id<PaymentMethod> {
        let (begun, url) = payments::begin_method(&self.trade.ledger, &self.retailer, &self.stripe).await.unwrap();
        let session = self.gateway().newest_session();
        assert!(url.starts_with("https://checkout.stripe.example/") && url.ends_with(&session));
        self.gateway().enter_card(&session, number).await;
        self.tell("checkout.session.completed", &self.about("payment_method", &begun.id.to_string())).await;
        let active = async || self.method(begun.id).await.state == MethodState::Active;
        self.trade.until("the card can be charged", active).await;
        begun.id
    }

    pub async fn method(&self, id: Id<PaymentMethod>) -> Stored<PaymentMethod> {
        payments::get_method(&self.trade.ledger, &self.retailer, id).await.unwrap()
    }

    pub async fn agree(&self, invoice: Id<Invoice>, payment_method: Id<PaymentMethod>) -> Id<Charge> {
        let draft = ChargeDraft { invoice, payment_method };
        payments::agree(&self.trade.ledger, &self.retailer, draft).await.unwrap().id
    }

    pub async fn charge(&self, id: Id<Charge>) -> Stored<Charge> {
        payments::get(&self.trade.ledger, &self.retailer, id).await.unwrap()
    }

    pub async fn until_charge(&self, id: Id<Charge>, state: ChargeState) -> Stored<Charge> {
        self.trade.until(&format!("the charge is {state:?}"), async || self.charge(id).await.state == state).await;
        self.charge(id).await
    }

    /// Waits until the owners were told of this stop of a charge.
    pub async fn until_told(&self, id: Id<Charge>, stop: u32) {
        self.trade.until("the owners are told", async || self.charge(id).await.stops_told == stop).await;
    }

    /// Who was told of this, in order.
    pub async fn told_of(&self, matter: &str) -> Vec<String> {
        let mails = self.trade.mails().await;
        let mut told: Vec<_> = mails.iter().filter(|mail| mail.matter.name() == matter).collect();
        told.sort_by_key(|mail| mail.to.expose().to_owned());
        told.iter().map(|mail| mail.to.expose().to_owned()).collect()
    }

    /// The invoice on both sides.
    pub async fn invoices(&self, id: Id<Invoice>) -> [Invoice; 2] {
        let of = async |scope| invoices::get(&self.trade.ledger, scope, id).await.unwrap().into_value();
        [of(&self.supplier).await, of(&self.retailer).await]
    }

    /// What the gateway writes on its things about one of our records.
    pub fn about(&self, what: &str, id: &str) -> serde_json::Value {
        json!({what: id, "account": self.retailer.account().to_string()})
    }

    /// A webhook of the gateway's, signed now.
    pub async fn tell(&self, event: &str, metadata: &serde_json::Value) -> Heard {
        let body = self.event(event, metadata);
        self.send(&body, SECRET, 0).await
    }

    /// An event in the form that Stripe describes.
    pub fn event(&self, event: &str, metadata: &serde_json::Value) -> Vec<u8> {
        let (waiting, now) = (self.trade.ledger.wakes().len(), self.trade.ledger.clock().now().millis());
        let id = format!("evt_{event}_{waiting}_{now}");
        let object = json!({"id": "x_1", "object": "thing", "metadata": metadata});
        json!({"id": id, "object": "event", "type": event, "data": {"object": object}}).to_string().into_bytes()
    }

    /// Sends a body, signed so many seconds ago.
    pub async fn send(&self, body: &[u8], secret: &str, ago: i64) -> Heard {
        let seconds = self.trade.ledger.clock().now().millis() / 1_000 - ago;
        let signature = PaymentServer::signature(body, secret, seconds);
        hear(&self.trade.ledger, &self.stripe, &signature, body).await.unwrap()
    }
}
