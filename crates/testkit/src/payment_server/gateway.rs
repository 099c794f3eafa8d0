//! What Stripe documents and `localstripe` lacks, over what it has.

use hyper::http::request::Parts;
use reqwest::{Client, Method};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The fields of a call, as they were sent.
type Form = BTreeMap<String, String>;
/// A status, and a body.
type Answer = (u16, Value);

/// A call that came, its method and path (`POST /v1/refunds`) and its fields.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its method and path.
    pub call: String,
    /// Its fields.
    pub form: Form,
    /// Its idempotency key.
    pub key: Option<String>,
}

/// A payment as callers know it, and the one of `localstripe` that stands for its newest attempt.
#[derive(Clone)]
struct Payment {
    inner: String,
    customer: String,
    destination: Option<String>,
    /// Whether the buyer is at hand.
    with_buyer: bool,
}

/// Where buyers are sent, if no test says otherwise: a page for cards, and a bank's.
const CHECKOUT: &str = "https://checkout.stripe.example";
const BANK: &str = "https://hooks.stripe.example";

#[derive(Default)]
struct State {
    /// The origin that stands for both.
    pages: Option<String>,
    asked: Vec<Asked>,
    answered: BTreeMap<String, (String, Answer)>,
    sessions: BTreeMap<String, Value>,
    payments: BTreeMap<String, Payment>,
    refunds: Vec<Value>,
    made: usize,
}

/// The gateway of one test.
pub struct Gateway {
    client: Client,
    base: String,
    state: Mutex<State>,
    // One call after the other, as they would be for one thing at Stripe.
    turn: tokio::sync::Mutex<()>,
}

impl Gateway {
    pub(super) fn before(port: u64) -> Self {
        // Chosen by whoever was first in this process; it is the only one there is.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (client, base) = (Client::new(), format!("http://127.0.0.1:{port}"));
        Self { client, base, state: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every call to this method and path so far (`POST /v1/payment_intents`), replayed ones included.
    pub fn asked(&self, call: &str) -> Vec<Asked> {
        self.state().asked.iter().filter(|asked| asked.call == call).cloned().collect()
    }

    /// Buyers are sent to this origin from now on, where a browser can go.
    pub fn send_buyers_to(&self, origin: &str) {
        self.state().pages = Some(origin.to_owned());
    }

    /// Forgets all idempotency keys, as Stripe may after a day.
    pub fn forget_keys(&self) {
        self.state().answered.clear();
    }

    /// How many payments `localstripe` itself has, whatever they are called outside.
    pub async fn payments(&self) -> usize {
        let (_, listed) = self.ask(Method::GET, "/v1/payment_intents?limit=100", &Form::new()).await;
        listed.get("data").and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// To whom this payment's share went.
    pub fn destination(&self, payment: &str) -> Option<String> {
        self.state().payments.get(payment)?.destination.clone()
    }

    /// What `localstripe` knows under this path.
    pub async fn known(&self, path: &str) -> Value {
        self.ask(Method::GET, path, &Form::new()).await.1
    }

    /// Tells `localstripe` to send its webhooks to this address, signed with this secret.
    pub async fn send_webhooks_to(&self, url: &str, secret: &str) {
        let form = Form::from([("url".to_owned(), url.to_owned()), ("secret".to_owned(), secret.to_owned())]);
        self.ask(Method::POST, "/_config/webhooks/test", &form).await;
    }

    /// A buyer enters this card on the page of a session.
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    pub async fn enter_card(&self, session: &str, number: &str) {
        let known = self.state().sessions.get(session).cloned().expect("such a page");
        let customer = text(&known, "customer");
        let mut card = form(&[("type", "card"), ("card[number]", number), ("card[exp_month]", "12")]);
        card.extend(form(&[("card[exp_year]", "2042"), ("card[cvc]", "123")]));
        let (_, method) = self.ask(Method::POST, "/v1/payment_methods", &card).await;
        let method = text(&method, "id");
        let attach = format!("/v1/payment_methods/{method}/attach");
        self.ask(Method::POST, &attach, &form(&[("customer", &customer)])).await;
        let (_, setup) = self.ask(Method::POST, "/v1/setup_intents", &form(&[("customer", &customer)])).await;
        let setup = text(&setup, "id");
        let mut state = self.state();
        let session = state.sessions.get_mut(session).and_then(Value::as_object_mut).expect("such a page");
        session.insert("status".to_owned(), json!("complete"));
        session.insert("url".to_owned(), Value::Null);
        session.insert("setup_intent".to_owned(), json!(setup));
        session.insert("card".to_owned(), json!(method));
    }

    /// The page of the newest session.
    pub fn newest_session(&self) -> String {
        self.state().sessions.keys().last().cloned().unwrap_or_default()
    }

    /// The buyer of a payment authenticates, or fails to.
    pub async fn authenticate(&self, payment: &str, success: bool) {
        let inner = self.state().payments.get(payment).map(|payment| payment.inner.clone()).unwrap_or_default();
        let (_, known) = self.ask(Method::GET, &format!("/v1/payment_intents/{inner}"), &Form::new()).await;
        let success = success.to_string();
        let form = form(&[("client_secret", &text(&known, "client_secret")), ("success", &success)]);
        self.ask(Method::POST, &format!("/v1/payment_intents/{inner}/_authenticate"), &form).await;
    }

    /// Somebody gives money of a payment back at Stripe itself.
    pub async fn refund(&self, payment: &str, amount: i64) {
        let amount = amount.to_string();
        self.make_refund(&form(&[("payment_intent", payment), ("amount", &amount), ("reverse_transfer", "true")]))
            .await;
    }

    pub(super) async fn answer(&self, head: &Parts, body: &[u8]) -> (u16, Value) {
        let _turn = self.turn.lock().await;
        let call = format!("{} {}", head.method, head.uri.path());
        let sent: Form = form_urlencoded::parse(body).into_owned().collect();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let key = header("idempotency-key");
        self.state().asked.push(Asked { call: call.clone(), form: sent.clone(), key: key.clone() });
        if header("authorization").as_deref() != Some("Bearer sk_test_bonded") || header("stripe-version").is_none() {
            return refusal(401, "invalid_request_error", "unauthorized");
        }
        let same = format!("{call} {sent:?}");
        if let Some(key) = &key
            && let Some((before, answer)) = self.state().answered.get(key).cloned()
        {
            return if before == same { answer } else { refusal(400, "idempotency_error", "idempotency_error") };
        }
        let query: Form =
            form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let answer = self.carry_out(&call, &sent, &query).await;
        if let Some(key) = key {
            self.state().answered.insert(key, (same, answer.clone()));
        }
        answer
    }

    async fn carry_out(&self, call: &str, sent: &Form, query: &Form) -> Answer {
        let parts: Vec<&str> = call.split([' ', '/']).filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            ["POST", "v1", "checkout", "sessions"] => self.open_session(sent),
            ["GET", "v1", "checkout", "sessions", id] => self.session(id),
            ["POST", "v1", "checkout", "sessions", id, "expire"] => self.expire(id),
            ["GET", "v1", "setup_intents", id] => self.setup_intent(id).await,
            ["POST", "v1", "payment_intents"] => self.pay(sent).await,
            ["GET", "v1", "payment_intents"] => self.list(query).await,
            ["GET", "v1", "payment_intents", id] => self.shown(id).await,
            ["POST", "v1", "payment_intents", id, "confirm"] => self.confirm(id, sent).await,
            ["POST", "v1", "refunds"] => self.make_refund(sent).await,
            ["GET", "v1", "refunds"] => {
                (200, json!({"object": "list", "data": self.refunds_of(query), "has_more": false}))
            }
            ["POST", "v1", "customers"] => self.ask(Method::POST, "/v1/customers", sent).await,
            ["GET", "v1", "payment_methods", id] => {
                self.ask(Method::GET, &format!("/v1/payment_methods/{id}"), &Form::new()).await
            }
            ["POST", "v1", "payment_methods", id, "detach"] => {
                self.ask(Method::POST, &format!("/v1/payment_methods/{id}/detach"), &Form::new()).await
            }
            _ => refusal(404, "invalid_request_error", "resource_missing"),
        }
    }

    fn open_session(&self, sent: &Form) -> Answer {
        let mut state = self.state();
        state.made += 1;
        let id = format!("cs_test_{:04}", state.made);
        let origin = state.pages.as_deref().unwrap_or(CHECKOUT);
        let session = json!({
            "id": id, "object": "checkout.session", "mode": sent.get("mode"), "status": "open",
            "url": format!("{origin}/c/pay/{id}"), "setup_intent": null,
            "customer": sent.get("customer"), "client_reference_id": sent.get("client_reference_id"),
        });
        state.sessions.insert(id, session.clone());
        (200, session)
    }

    fn session(&self, id: &str) -> Answer {
        let found = self.state().sessions.get(id).cloned();
        found.map_or_else(|| refusal(404, "invalid_request_error", "resource_missing"), |session| (200, session))
    }

    fn expire(&self, id: &str) -> Answer {
        let mut state = self.state();
        match state.sessions.get_mut(id).and_then(Value::as_object_mut) {
            Some(session) if session.get("status") == Some(&json!("open")) => {
                session.insert("status".to_owned(), json!("expired"));
                (200, Value::Object(session.clone()))
            }
            _ => refusal(400, "invalid_request_error", "checkout_session_not_open"),
        }
    }

    /// On Checkout's page the buyer authenticates too, so that a setup which is complete has succeeded.
    async fn setup_intent(&self, id: &str) -> Answer {
        let (status, mut setup) = self.ask(Method::GET, &format!("/v1/setup_intents/{id}"), &Form::new()).await;
        let state = self.state();
        let session = state.sessions.values().find(|session| text(session, "setup_intent") == id);
        if let (Some(setup), Some(session)) = (setup.as_object_mut(), session) {
            setup.insert("status".to_owned(), json!("succeeded"));
            setup.insert("payment_method".to_owned(), session.get("card").cloned().unwrap_or_default());
        }
        (status, setup)
    }

    async fn pay(&self, sent: &Form) -> Answer {
        let destination = sent.get("transfer_data[destination]").cloned();
        if destination.as_deref().is_some_and(|account| account.starts_with("acct_gone")) {
            return refusal(400, "invalid_request_error", "account_invalid");
        }
        let taken = |name: &str| {
            ["amount", "currency", "customer", "payment_method", "confirm"].contains(&name)
                || name.starts_with("metadata[")
        };
        let known = sent.iter().filter(|(name, _)| taken(name)).map(|(name, value)| (name.clone(), value.clone()));
        let (status, made) = self.ask(Method::POST, "/v1/payment_intents", &known.collect()).await;
        if status >= 300 {
            return (status, made);
        }
        let (id, customer) = (text(&made, "id"), sent.get("customer").cloned().unwrap_or_default());
        let payment = Payment { inner: id.clone(), customer, destination, with_buyer: false };
        self.state().payments.insert(id.clone(), payment);
        self.tried(&id).await
    }

    /// What an attempt answers: a refusal with the payment in it, if the bank has refused.
    async fn tried(&self, id: &str) -> Answer {
        let (status, shown) = self.shown(id).await;
        let code = shown.pointer("/last_payment_error/code").and_then(Value::as_str).map(str::to_owned);
        match code.filter(|_| text(&shown, "status") == "requires_payment_method") {
            Some(code) => {
                let (_, mut refused) = refusal(402, "card_error", &code);
                if let Some(error) = refused.get_mut("error").and_then(Value::as_object_mut) {
                    error.insert("payment_intent".to_owned(), shown);
                }
                (402, refused)
            }
            None => (status, shown),
        }
    }

    async fn confirm(&self, id: &str, sent: &Form) -> Answer {
        let Some(payment) = self.state().payments.get(id).cloned() else {
            return refusal(404, "invalid_request_error", "resource_missing");
        };
        let (_, inner) = self.ask(Method::GET, &format!("/v1/payment_intents/{}", payment.inner), &Form::new()).await;
        let with_buyer = sent.contains_key("return_url") && !sent.contains_key("off_session");
        match text(&inner, "status").as_str() {
            "requires_action" => self.change(id, |payment| payment.with_buyer = with_buyer),
            "requires_payment_method" | "requires_confirmation" => {
                let amount = inner.get("amount").cloned().unwrap_or_default().to_string();
                let mut again = form(&[("amount", &amount), ("currency", &text(&inner, "currency"))]);
                again.extend(form(&[("customer", &payment.customer), ("confirm", "true")]));
                again.extend(sent.get("payment_method").map(|method| ("payment_method".to_owned(), method.clone())));
                let metadata = inner.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
                for (name, value) in &metadata {
                    again.insert(format!("metadata[{name}]"), value.as_str().unwrap_or_default().to_owned());
                }
                let (status, made) = self.ask(Method::POST, "/v1/payment_intents", &again).await;
                if status >= 300 {
                    return (status, made);
                }
                self.change(id, |payment| (payment.inner, payment.with_buyer) = (text(&made, "id"), with_buyer));
            }
            _ => return refusal(400, "invalid_request_error", "payment_intent_unexpected_state"),
        }
        self.tried(id).await
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Payment)) {
        if let Some(payment) = self.state().payments.get_mut(id) {
            change(payment);
        }
    }

    /// A payment as Stripe shows it.
    async fn shown(&self, id: &str) -> Answer {
        let Some(payment) = self.state().payments.get(id).cloned() else {
            return refusal(404, "invalid_request_error", "resource_missing");
        };
        let (status, mut known) =
            self.ask(Method::GET, &format!("/v1/payment_intents/{}", payment.inner), &Form::new()).await;
        let waits = text(&known, "status") == "requires_action";
        let Some(shown) = known.as_object_mut() else { return (status, known) };
        shown.insert("id".to_owned(), json!(id));
        shown.insert("transfer_data".to_owned(), json!({"destination": payment.destination}));
        shown.remove("charges");
        shown.insert("latest_charge".to_owned(), Value::Null);
        if waits && payment.with_buyer {
            let origin = self.state().pages.clone();
            let url = format!("{}/redirect/{id}", origin.as_deref().unwrap_or(BANK));
            shown.insert("next_action".to_owned(), json!({"type": "redirect_to_url", "redirect_to_url": {"url": url}}));
        } else if waits {
            shown.insert("status".to_owned(), json!("requires_payment_method"));
            shown.insert("next_action".to_owned(), Value::Null);
            shown.insert("last_payment_error".to_owned(), json!({"code": "authentication_required"}));
        }
        (status, known)
    }

    async fn list(&self, query: &Form) -> Answer {
        let state = self.state().payments.clone();
        let of_customer =
            |payment: &Payment| query.get("customer").is_none_or(|customer| *customer == payment.customer);
        let mut data = Vec::new();
        for (id, _) in state.iter().filter(|(_, payment)| of_customer(payment)) {
            data.push(self.shown(id).await.1);
        }
        (200, json!({"object": "list", "data": data, "has_more": false}))
    }

    async fn make_refund(&self, sent: &Form) -> Answer {
        let id = sent.get("payment_intent").cloned().unwrap_or_default();
        let Some(payment) = self.state().payments.get(&id).cloned() else {
            return refusal(404, "invalid_request_error", "resource_missing");
        };
        let (_, known) = self.ask(Method::GET, &format!("/v1/payment_intents/{}", payment.inner), &Form::new()).await;
        let number = |value: Option<&Value>| value.and_then(Value::as_i64).unwrap_or_default();
        let of_it = Form::from([("payment_intent".to_owned(), id.clone())]);
        let gone: i64 = self.refunds_of(&of_it).iter().map(|refund| number(refund.get("amount"))).sum();
        let amount = sent.get("amount").and_then(|amount| amount.parse::<i64>().ok()).unwrap_or_default();
        if gone + amount > number(known.get("amount")) {
            return refusal(400, "invalid_request_error", "charge_already_refunded");
        }
        let charge = known.pointer("/latest_charge/id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let taken = |name: &str| name == "amount" || name.starts_with("metadata[");
        let mut form: Form =
            sent.iter().filter(|(name, _)| taken(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
        form.insert("charge".to_owned(), charge);
        let (status, mut made) = self.ask(Method::POST, "/v1/refunds", &form).await;
        if let Some(refund) = made.as_object_mut().filter(|_| status < 300) {
            refund.insert("payment_intent".to_owned(), json!(id));
            self.state().refunds.insert(0, made.clone());
        }
        (status, made)
    }

    fn refunds_of(&self, query: &Form) -> Vec<Value> {
        let of = query.get("payment_intent").cloned().unwrap_or_default();
        self.state().refunds.iter().filter(|refund| text(refund, "payment_intent") == of).cloned().collect()
    }

    /// Asks `localstripe`.
    #[expect(clippy::expect_used, reason = "a gateway that ended must fail the test, and only tests ask")]
    async fn ask(&self, method: Method, path: &str, form: &Form) -> Answer {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        request = request.header("authorization", "Bearer sk_test_bonded");
        if method == Method::POST {
            let mut body = form_urlencoded::Serializer::new(String::new());
            body.extend_pairs(form);
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body.finish());
        }
        let answer = request.send().await.expect("localstripe answers");
        let (status, bytes) = (answer.status().as_u16(), answer.bytes().await.expect("the whole answer"));
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Object(Map::new())))
    }
}

fn form(fields: &[(&str, &str)]) -> Form {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A refusal in Stripe's form, whose message repeats what nobody may keep.
fn refusal(status: u16, sort: &str, code: &str) -> Answer {
    let message = "Ada Example's card 4242424242424242 cannot be used.";
    (status, json!({"error": {"type": sort, "code": code, "message": message}}))
}
