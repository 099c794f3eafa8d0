//! Vendure from inside.

use crate::shop::{SHOPPER_MAIL, SHOPPER_PHONE, ShopSide, Steps};
use async_trait::async_trait;
use bonded_base::Secret;
use bonded_connect::outbound::{Line, Url};
use bonded_connect::platform::{Platform, RemoteId};
use bonded_connect::vendure::{Vendure, VendureCredential};
use bonded_testkit::peers::Peer;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// The shop, and the session of the shopper who ordered last.
pub struct VendureShop(Peer, Mutex<Option<String>>);

impl VendureShop {
    async fn answer(&self, query: &str, variables: Value) -> Value {
        let request = self.0.request(Method::POST, "/admin-api").header("vendure-api-key", self.0.key("secret"));
        request.json(&json!({"query": query, "variables": variables})).send().await.unwrap().json().await.unwrap()
    }

    async fn admin(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.answer(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        answer["data"].take()
    }

    /// Says something as the shopper, whose session goes on.
    async fn store(&self, query: &str, variables: Value) -> Value {
        let mut session = self.1.lock().await;
        let mut request = self.0.request(Method::POST, "/shop-api");
        if let Some(token) = &*session {
            request = request.bearer_auth(token);
        }
        let answer = request.json(&json!({"query": query, "variables": variables})).send().await.unwrap();
        if let Some(token) = answer.headers().get("vendure-auth-token") {
            *session = Some(token.to_str().unwrap().to_owned());
        }
        let mut answer: Value = answer.json().await.unwrap();
        let is_good = answer.get("errors").is_none() && !answer.to_string().contains("errorCode");
        assert!(is_good, "{query}: {answer}");
        answer["data"].take()
    }
}

#[async_trait]
impl ShopSide for VendureShop {
    const STEPS: Steps = Steps {
        placing: &[
            "mutation CreateDraft",
            "mutation AddressDraft",
            "mutation AddLine",
            "mutation CompleteDraft",
            "mutation Pay",
        ],
        sending: &["mutation Pack", "mutation Ship"],
        product: &["mutation CreateMark", "mutation CreateProduct", "mutation CreateGroup", "mutation CreateVariants"],
    };

    // Vendure takes a piece that was sent for one that came back.
    const PUT_BACK_TOO_MANY: i64 = 1;

    fn of(peer: Peer) -> Self {
        Self(peer, Mutex::default())
    }

    fn peer(&self) -> &Peer {
        &self.0
    }

    fn peer_mut(&mut self) -> &mut Peer {
        &mut self.0
    }

    fn platform(line: Line, base: Url, key: Secret<String>) -> Box<dyn Platform> {
        Box::new(Vendure::new(line, base, VendureCredential::Key(key)))
    }

    async fn shopper_orders(&self, variant: &RemoteId, pieces: u32) -> RemoteId {
        *self.1.lock().await = None;
        let add = "mutation ($v: ID!, $n: Int!) { addItemToOrder(productVariantId: $v, quantity: $n) { __typename ... on ErrorResult { errorCode } } }";
        self.store(add, json!({"v": variant.as_str(), "n": pieces})).await;
        let customer = "mutation ($c: CreateCustomerInput!) { setCustomerForOrder(input: $c) { __typename ... on ErrorResult { errorCode } } }";
        let anna = json!({"firstName": "Anna", "lastName": "Muster", "emailAddress": SHOPPER_MAIL, "phoneNumber": SHOPPER_PHONE});
        self.store(customer, json!({"c": anna})).await;
        let address = "mutation ($a: CreateAddressInput!) { setOrderShippingAddress(input: $a) { __typename } }";
        let home = json!({
            "fullName": "Anna Muster", "streetLine1": "Weg 1", "streetLine2": "Hof", "city": "Berlin", "province": "BE",
            "postalCode": "10115", "countryCode": "DE", "phoneNumber": SHOPPER_PHONE,
        });
        self.store(address, json!({"a": home})).await;
        let methods = self.store("{ eligibleShippingMethods { id } }", json!({})).await;
        let ship = "mutation ($m: [ID!]!) { setOrderShippingMethod(shippingMethodId: $m) { __typename ... on ErrorResult { errorCode } } }";
        self.store(ship, json!({"m": [methods["eligibleShippingMethods"][0]["id"]]})).await;
        let arrange = "mutation { transitionOrderToState(state: \"ArrangingPayment\") { __typename ... on ErrorResult { errorCode } } }";
        self.store(arrange, json!({})).await;
        let pay = "mutation { addPaymentToOrder(input: { method: \"try\", metadata: {} }) { __typename ... on Order { id } ... on ErrorResult { errorCode } } }";
        let placed = self.store(pay, json!({})).await;
        RemoteId::new(placed["addPaymentToOrder"]["id"].as_str().unwrap())
    }

    async fn shown(&self, order: &RemoteId) -> String {
        let code = self.admin("query ($o: ID!) { order(id: $o) { code } }", json!({"o": order.as_str()})).await;
        let query = "query ($c: String!) { orderByCode(code: $c) { fulfillments { method trackingCode state } } }";
        self.store(query, json!({"c": code["order"]["code"]})).await["orderByCode"]["fulfillments"].to_string()
    }

    async fn reprice(&self, _product: &RemoteId, variant: &RemoteId, cents: i64) {
        let change = "mutation ($i: [UpdateProductVariantInput!]!) { updateProductVariants(input: $i) { id } }";
        self.admin(change, json!({"i": [{"id": variant.as_str(), "price": cents}]})).await;
    }

    async fn recount(&self, variant: &RemoteId, location: &RemoteId, pieces: i64) {
        let change = "mutation ($i: [UpdateProductVariantInput!]!) { updateProductVariants(input: $i) { id } }";
        let levels = json!([{"stockLocationId": location.as_str(), "stockOnHand": pieces}]);
        self.admin(change, json!({"i": [{"id": variant.as_str(), "stockLevels": levels}]})).await;
    }

    async fn sends(&self, _order: &RemoteId, line: &RemoteId, pieces: u32, number: &str) {
        let arguments = json!([{"name": "method", "value": "Post"}, {"name": "trackingCode", "value": number}]);
        let input = json!({
            "lines": [{"orderLineId": line.as_str(), "quantity": pieces}],
            "handler": {"code": "manual-fulfillment", "arguments": arguments},
        });
        let pack =
            "mutation ($i: FulfillOrderInput!) { p: addFulfillmentToOrder(input: $i) { ... on Fulfillment { id } } }";
        let packed = self.admin(pack, json!({"i": input})).await;
        let ship = "mutation ($f: ID!) { transitionFulfillmentToState(id: $f, state: \"Shipped\") { __typename } }";
        self.admin(ship, json!({"f": packed["p"]["id"]})).await;
    }

    async fn crowd(&self) {
        let many = Self::CROWD;
        let statement = format!(
            "INSERT INTO product (id, \"updatedAt\", enabled) SELECT 100000 + n, '2030-01-01T00:00:00.000123', true \
             FROM generate_series(1, {many}) n; \
             INSERT INTO product_translation (\"languageCode\", name, slug, description, \"baseId\") \
             SELECT 'en', 'Crowd ' || n, 'crowd-' || n, '', 100000 + n FROM generate_series(1, {many}) n; \
             INSERT INTO product_channels_channel (\"productId\", \"channelId\") SELECT 100000 + n, 1 \
             FROM generate_series(1, {many}) n"
        );
        self.0.sql(&statement).await;
    }

    async fn orders_and_drafts(&self) -> usize {
        // A draft without a customer holds nothing and was asked for by nobody.
        let query = "{ orders(options: { take: 500 }) { items { state customer { id } } } }";
        let orders = self.admin(query, json!({})).await;
        let is_something = |order: &&Value| order["state"] != "Draft" || !order["customer"].is_null();
        orders["orders"]["items"].as_array().unwrap().iter().filter(is_something).count()
    }
}
