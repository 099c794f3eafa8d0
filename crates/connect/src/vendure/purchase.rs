//! Placing a purchase order in Vendure, and cancelling what is left of one.

use super::Vendure;
use super::documents::{
    ADD_LINE, ADDRESS_DRAFT, CANCEL, COMPLETE_DRAFT, CREATE_DRAFT, DELETE_DRAFT, PAY, SHIPPING_CHOICES,
};
use super::orders::{LineRow, OrderRow};
use crate::platform::street::Street;
use crate::platform::{Failure, OrderWrite, RemoteId, RemoteOrder, Unreadable, reading};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a purchase order's id begins with, and so each mark of an order.
pub(super) const MARKS: &str = "po_";

/// The names of what an order sends.
const SENT: &[&str] = &["reference", "first_name", "last_name", "street", "postal_code", "region", "country"];
const LINES_SENT: &[&str] = &["lines"];

/// Where the made-up mail addresses of our orders lead: nowhere (RFC 2606 section 2).
const NOWHERE: &str = "orders.bonded.invalid";

/// What the payment of an order is called, which is settled elsewhere.
const PAYMENT: &str = "Bonded";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DraftAnswer {
    create_draft_order: IdRow,
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChoicesAnswer {
    eligible_shipping_methods_for_draft_order: Vec<ChoiceRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChoiceRow {
    id: String,
    price_with_tax: i64,
}

impl Vendure {
    /// Places an order, unless one with its mark is there; goes on with one that was left half made.
    pub(super) async fn place(&self, order: &OrderWrite) -> Result<RemoteOrder, Failure> {
        let id = match self.marked(&order.mark).await? {
            Some(row) if row.state == "ArrangingPayment" => {
                self.pay(&row.id, order).await?;
                row.id
            }
            Some(row) if row.state == "Draft" => {
                self.give_up(&row.id).await?;
                self.place_anew(order).await?
            }
            Some(row) => row.id,
            None => self.place_anew(order).await?,
        };
        self.order_now(&RemoteId::new(id)).await
    }

    /// The order of the customer whose last name is this mark: a placed one, if there is one, before a draft.
    async fn marked(&self, mark: &str) -> Result<Option<OrderRow>, Failure> {
        let options = json!({"options": {"take": 10, "filter": {"customerLastName": {"eq": mark}}}});
        let strange = |bad: Unreadable| Failure::Strange(bad.problem.to_string());
        let mut rows = Vec::new();
        for row in self.order_values(options).await? {
            rows.push(reading::row::<OrderRow>(row, "updatedAt").map_err(strange)?);
        }
        rows.sort_by_key(|row| row.state == "Draft");
        Ok(rows.into_iter().next())
    }

    async fn give_up(&self, draft: &str) -> Result<(), Failure> {
        self.act(DELETE_DRAFT, &[], json!({"order": draft}), &[]).await.map(drop)
    }

    async fn place_anew(&self, order: &OrderWrite) -> Result<String, Failure> {
        let draft = self.say::<DraftAnswer>(CREATE_DRAFT, &[], json!({})).await?.create_draft_order.id;
        match self.fill(&draft, order).await {
            Ok(()) => Ok(draft),
            // What the shop will not have leaves no draft in its people's way.
            Err(refused @ Failure::Refused(_)) => {
                let _ = self.give_up(&draft).await;
                Err(refused)
            }
            Err(other) => Err(other),
        }
    }

    async fn fill(&self, draft: &str, order: &OrderWrite) -> Result<(), Failure> {
        self.act(ADDRESS_DRAFT, SENT, addressed(draft, order), &["customer"]).await?;
        for line in &order.lines {
            let line = json!({"order": draft, "variant": line.variant.as_str(), "quantity": line.quantity});
            self.act(ADD_LINE, LINES_SENT, line, &["added"]).await?;
        }
        let choices: ChoicesAnswer = self.say(SHIPPING_CHOICES, &[], json!({"order": draft})).await?;
        let choices = choices.eligible_shipping_methods_for_draft_order;
        let cheapest = choices.into_iter().min_by_key(|choice| choice.price_with_tax);
        let cheapest = cheapest.ok_or_else(|| Failure::Refused("the shop ships it there in no way".to_owned()))?;
        let variables = json!({"order": draft, "shipping": cheapest.id});
        self.act(COMPLETE_DRAFT, &[], variables, &["shipping", "completed"]).await?;
        self.pay(draft, order).await
    }

    /// The step that makes a draft an order, and allocates its stock.
    async fn pay(&self, draft: &str, order: &OrderWrite) -> Result<(), Failure> {
        let metadata = json!({"reference": order.reference});
        let input = json!({"orderId": draft, "method": PAYMENT, "transactionId": order.mark, "metadata": metadata});
        self.act(PAY, &["reference"], json!({"input": input}), &["paid"]).await.map(drop)
    }

    /// Cancels all pieces that are in no parcel.
    pub(super) async fn cancel_rest(&self, id: &RemoteId) -> Result<RemoteOrder, Failure> {
        let row = self.order_row(id).await?;
        let open = |line: &LineRow| (line.id.clone(), line.quantity.saturating_sub(row.packed(&line.id)));
        let open: Vec<_> = row.lines.iter().map(open).filter(|(_, pieces)| *pieces > 0).collect();
        if !row.is_cancelled() && !open.is_empty() {
            let lines = open.iter().map(|(line, quantity)| json!({"orderLineId": line, "quantity": quantity}));
            let is_whole = row.parcels().next().is_none();
            let input = json!({"orderId": row.id, "lines": lines.collect::<Value>(), "cancelShipping": is_whole});
            self.act(CANCEL, LINES_SENT, json!({"input": input}), &["cancelled"]).await?;
        }
        self.order_now(id).await
    }
}

fn addressed(draft: &str, order: &OrderWrite) -> Value {
    let consumer = order.consumer.expose();
    let street = Street::parted(consumer.street);
    json!({
        "order": draft,
        "customer": {
            "firstName": order.reference,
            "lastName": order.mark,
            "emailAddress": format!("{}@{NOWHERE}", order.mark),
        },
        "address": {
            "fullName": format!("{} {}", consumer.first_name, consumer.last_name).trim(),
            "streetLine1": street.first,
            "streetLine2": street.second,
            "city": street.city,
            "province": consumer.region,
            "postalCode": consumer.postal_code,
            "countryCode": consumer.country,
        },
    })
}
