//! Placing orders at a supplier's shop, once each, and taking them back.
//!
//! An order is made by `orderCreate`, in one step: a draft order would take two, and a crash between them would leave a draft
//! for somebody to find. It carries our mark in a metafield whose values are unique among the shop's orders, so a second
//! one with the mark is refused by the shop itself; before that, and after each refusal, the mark is looked for.
//!
//! Stock: the order *takes* the pieces there (`DECREMENT_OBEYING_POLICY`), for the supplier's own customers draw on the
//! same shelf and must not be sold them too; where they are gone already, the shop refuses, and nothing is oversold. What
//! Bonded had reserved of the same pieces is then counted twice until the shop's own figure, which is lower now, is
//! read: too few are offered for that moment, never too many. The caller lets go of its reservation when it takes that
//! figure over.
//!
//! It is marked as not paid (`PENDING`): the retailer is invoiced by Bonded, and no money goes through that shop.

use super::answers::{Payload, Written};
use super::call::{accepted, refused};
use super::{MARK, NAMESPACE, Shopify, documents};
use crate::platform::{Failure, OrderLineWrite, OrderWrite, RemoteId, RemoteOrder};
use bonded_trade::consumers::Consumer;
use serde::Deserialize;
use serde_json::{Value, json};

/// How often a cancellation that runs by itself is looked at before the caller is asked to come again.
const LOOKS_MAX: u32 = 10;
/// Milliseconds between two looks.
const LOOK_AGAIN_MS: u64 = 500;
/// Characters of a province's code at most (ISO 3166-2 has three).
const PROVINCE_CHARS_MAX: usize = 3;

/// What a mark belongs to.
#[derive(Clone, Copy)]
pub(super) enum Marked {
    Product,
    Order,
}

impl Shopify {
    /// Says once that our marks are unique in this shop, and of a sort that things can be found by.
    pub(super) async fn define_marks(&self, of: Marked) -> Result<(), Failure> {
        let (place, owner) = match of {
            Marked::Product => (self.marks_defined.first(), "PRODUCT"),
            Marked::Order => (self.marks_defined.last(), "ORDER"),
        };
        let Some(place) = place else { return Ok(()) };
        let define = || async {
            let definition = json!({
                "name": "Bonded mark", "namespace": NAMESPACE, "key": MARK, "type": "id", "ownerType": owner,
                "capabilities": { "uniqueValues": { "enabled": true } },
            });
            let answer: Payload = self.ask(&documents::MARK_DEFINE, json!({ "definition": definition })).await?;
            let errors = answer.written()?.user_errors;
            // Defined already, as on every time but the first.
            if errors.iter().any(|error| error.is("TAKEN")) { Ok(()) } else { accepted("mark", &errors) }
        };
        place.get_or_try_init(define).await.copied()
    }

    pub(super) async fn place_order(&self, order: &OrderWrite) -> Result<RemoteOrder, Failure> {
        self.define_marks(Marked::Order).await?;
        if let Some(found) = self.order_by_mark(&order.mark).await? {
            return Ok(found);
        }
        let currency = self.currency().await?;
        if order.lines.iter().any(|line| line.price.currency != currency) {
            return Err(Failure::Refused("the prices are not in the shop's currency".to_owned()));
        }
        let variables = json!({
            "order": {
                "sourceIdentifier": order.mark,
                "poNumber": order.reference,
                "financialStatus": "PENDING",
                "metafields": [{ "namespace": NAMESPACE, "key": MARK, "type": "id", "value": order.mark }],
                "lineItems": order.lines.iter().map(line).collect::<Vec<_>>(),
                "shippingAddress": address(&order.consumer),
            },
            "options": {
                "inventoryBehaviour": "DECREMENT_OBEYING_POLICY",
                "sendReceipt": false,
                "sendFulfillmentReceipt": false,
            },
        });
        let answer: Payload = self.ask(&documents::ORDER_CREATE, variables).await?;
        let Written { user_errors, made } = answer.written()?;
        if let Some(error) = user_errors.first() {
            // Another call with this mark may have been quicker.
            return match self.order_by_mark(&order.mark).await? {
                Some(found) => Ok(found),
                None if error.is("INVENTORY_CLAIM_FAILED") => {
                    Err(Failure::Refused("the shop has too few pieces for this order".to_owned()))
                }
                None => Err(refused("order", error)),
            };
        }
        let id = made.ok_or_else(|| Failure::Strange("an order without an id".to_owned()))?.id;
        self.order(&id).await
    }

    /// An order of which something has left already is not cancelled by the shop, which refuses then.
    pub(super) async fn take_back_order(&self, id: &RemoteId) -> Result<RemoteOrder, Failure> {
        let order = self.order(id).await?;
        if order.cancelled {
            return Ok(order);
        }
        let answer: Payload = self.ask(&documents::ORDER_CANCEL, json!({ "id": id })).await?;
        let Written { user_errors, made } = answer.written()?;
        if let Some(error) = user_errors.first() {
            let order = self.order(id).await?;
            return if order.cancelled { Ok(order) } else { Err(refused("cancellation", error)) };
        }
        if let Some(job) = made {
            self.job_done(&job.id).await?;
        }
        self.order(id).await
    }

    async fn job_done(&self, id: &RemoteId) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct JobAnswer {
            job: Option<JobPart>,
        }
        #[derive(Deserialize)]
        struct JobPart {
            done: bool,
        }
        for _ in 0..LOOKS_MAX {
            let answer: JobAnswer = self.ask(&documents::JOB, json!({ "id": id })).await?;
            if answer.job.is_none_or(|job| job.done) {
                return Ok(());
            }
            self.pace.wait(LOOK_AGAIN_MS).await;
        }
        Err(Failure::Throttled(LOOK_AGAIN_MS))
    }
}

fn line(line: &OrderLineWrite) -> Value {
    json!({
        "variantId": line.variant,
        "quantity": line.quantity,
        "requiresShipping": true,
        "priceSet": { "shopMoney": { "amount": decimal(line.price), "currencyCode": line.price.currency.code() } },
    })
}

/// An amount in major units, as Shopify writes them: `19.99`.
pub(super) fn decimal(money: bonded_base::Money) -> String {
    let text = money.to_string();
    text.split_once(' ').map_or_else(String::new, |(_, amount)| amount.to_owned())
}

/// The six fields in Shopify's parts. The last line of the street is the locality. A region that is no province's code stands
/// with the locality, because Shopify takes codes only and a parcel may need it.
fn address(consumer: &Consumer) -> Value {
    let fields = consumer.expose();
    let mut lines: Vec<&str> = fields.street.lines().collect();
    let city = if lines.len() > 1 { lines.pop().unwrap_or_default() } else { "" };
    let first = if lines.is_empty() { "" } else { lines.remove(0) };
    let is_code = !fields.region.is_empty()
        && fields.region.len() <= PROVINCE_CHARS_MAX
        && fields.region.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let city = match (is_code || fields.region.is_empty(), city.is_empty()) {
        (true, _) => city.to_owned(),
        (false, true) => fields.region.to_owned(),
        (false, false) => format!("{city}, {}", fields.region),
    };
    let mut address = json!({
        "firstName": fields.first_name,
        "lastName": fields.last_name,
        "address1": first,
        "address2": lines.join(", "),
        "city": city,
        "zip": fields.postal_code,
        "countryCode": fields.country,
    });
    if let (true, Some(parts)) = (is_code, address.as_object_mut()) {
        parts.insert("provinceCode".to_owned(), json!(fields.region));
    }
    address
}
