//! Medusa from inside.

use crate::shop::{SHOPPER_MAIL, SHOPPER_PHONE, ShopSide, Steps};
use async_trait::async_trait;
use bonded_base::Secret;
use bonded_connect::medusa::Medusa;
use bonded_connect::outbound::{Line, Url};
use bonded_connect::platform::{Platform, RemoteId};
use bonded_testkit::peers::Peer;
use reqwest::Method;
use serde_json::{Value, json};

pub struct MedusaShop(Peer);

impl MedusaShop {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.0.request(method, path);
        request = if path.starts_with("/store") {
            request.header("x-publishable-api-key", self.0.key("publishable"))
        } else {
            request.basic_auth(self.0.key("secret"), Some(""))
        };
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, Some(body)).await
    }
}

#[async_trait]
impl ShopSide for MedusaShop {
    const STEPS: Steps = Steps {
        placing: &["POST /admin/draft-orders?", "/convert-to-order"],
        sending: &["/fulfillments?", "/shipments?"],
        product: &["POST /admin/products?"],
    };

    const PUT_BACK_TOO_MANY: i64 = 0;

    fn of(peer: Peer) -> Self {
        Self(peer)
    }

    fn peer(&self) -> &Peer {
        &self.0
    }

    fn peer_mut(&mut self) -> &mut Peer {
        &mut self.0
    }

    fn platform(line: Line, base: Url, key: Secret<String>) -> Box<dyn Platform> {
        Box::new(Medusa::new(line, base, key))
    }

    async fn shopper_orders(&self, variant: &RemoteId, pieces: u32) -> RemoteId {
        let cart = self.post("/store/carts", json!({"region_id": self.0.key("region"), "email": SHOPPER_MAIL})).await;
        let cart = cart["cart"]["id"].as_str().unwrap().to_owned();
        let path = format!("/store/carts/{cart}");
        self.post(&format!("{path}/line-items"), json!({"variant_id": variant.as_str(), "quantity": pieces})).await;
        let address = json!({
            "first_name": "Anna", "last_name": "Muster", "address_1": "Weg 1", "address_2": "Hof", "city": "Berlin",
            "postal_code": "10115", "province": "BE", "country_code": "de", "phone": SHOPPER_PHONE,
        });
        self.post(&path, json!({"shipping_address": address, "billing_address": address})).await;
        self.post(&format!("{path}/shipping-methods"), json!({"option_id": self.0.key("shipping")})).await;
        let payment = self.post("/store/payment-collections", json!({"cart_id": cart})).await;
        let payment = payment["payment_collection"]["id"].as_str().unwrap().to_owned();
        let sessions = format!("/store/payment-collections/{payment}/payment-sessions");
        self.post(&sessions, json!({"provider_id": "pp_system_default"})).await;
        let placed = self.post(&format!("{path}/complete"), json!({})).await;
        RemoteId::new(placed["order"]["id"].as_str().unwrap())
    }

    async fn shown(&self, order: &RemoteId) -> String {
        let order = self.get(&format!("/store/orders/{order}?fields=id,*fulfillments")).await;
        order["order"]["fulfillments"].to_string()
    }

    async fn reprice(&self, product: &RemoteId, variant: &RemoteId, cents: i64) {
        let amount = f64::from(i32::try_from(cents).unwrap()) / 100.0;
        let body = json!({"prices": [{"currency_code": "eur", "amount": amount}]});
        self.post(&format!("/admin/products/{product}/variants/{variant}"), body).await;
    }

    async fn recount(&self, variant: &RemoteId, location: &RemoteId, pieces: i64) {
        let path = format!("/admin/product-variants?id[]={variant}&fields=inventory_items.inventory_item_id");
        let item = self.get(&path).await["variants"][0]["inventory_items"][0]["inventory_item_id"].clone();
        let path = format!("/admin/inventory-items/{}/location-levels/{location}", item.as_str().unwrap());
        self.post(&path, json!({"stocked_quantity": pieces})).await;
    }

    async fn sends(&self, order: &RemoteId, line: &RemoteId, pieces: u32, number: &str) {
        let items = json!([{"id": line.as_str(), "quantity": pieces}]);
        let path = format!("/admin/orders/{order}/fulfillments");
        let packed = self.post(&format!("{path}?fields=*fulfillments"), json!({"items": items})).await;
        let parcels = packed["order"]["fulfillments"].as_array().unwrap();
        let open = parcels.iter().find(|parcel| parcel["shipped_at"].is_null()).unwrap();
        let label = json!({"tracking_number": number, "tracking_url": "#", "label_url": "#"});
        let path = format!("{path}/{}/shipments", open["id"].as_str().unwrap());
        self.post(&path, json!({"items": items, "labels": [label]})).await;
    }

    async fn crowd(&self) {
        let statement = format!(
            "INSERT INTO product (id, title, handle, status, updated_at) SELECT 'prod_crowd' || n, 'Crowd ' || n, \
             'crowd-' || n, 'published', '2030-01-01T00:00:00.000123Z' FROM generate_series(1, {}) n",
            Self::CROWD
        );
        self.0.sql(&statement).await;
    }

    async fn orders_and_drafts(&self) -> usize {
        let orders = self.get("/admin/orders?limit=500&fields=id").await;
        let drafts = self.get("/admin/draft-orders?limit=500&fields=id").await;
        orders["orders"].as_array().unwrap().len() + drafts["draft_orders"].as_array().unwrap().len()
    }
}
