//! Reading orders from Vendure: business lines, six fields of the consumer, parcels.

use super::documents::ORDERS;
use super::parcels::{self, Told};
use super::{Items, Vendure, asked, money, named};
use crate::platform::street::Street;
use crate::platform::walk::{Place, SETTLING_MS, Walk};
use crate::platform::{
    Failure, Read, RemoteFulfilment, RemoteId, RemoteLine, RemoteOrder, RemotePage, Since, Unreadable, reading,
};
use bonded_base::{Currency, Moment, Problem};
use bonded_trade::consumers::{ConsumerDraft, SixFields};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroize;

/// States in which an order gets parcels without changing itself.
const PARTLY: [&str; 2] = ["PartiallyShipped", "PartiallyDelivered"];

#[derive(Deserialize)]
struct OrdersAnswer {
    orders: Items<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderRow {
    pub id: String,
    code: String,
    pub state: String,
    order_placed_at: Option<Moment>,
    updated_at: Moment,
    currency_code: String,
    shipping_address: Option<AddressRow>,
    pub lines: Vec<LineRow>,
    payments: Option<Vec<PaymentRow>>,
    pub fulfillments: Option<Vec<ParcelRow>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineRow {
    pub id: String,
    pub quantity: u32,
    order_placed_quantity: u32,
    prorated_unit_price_with_tax: i64,
    product_variant: VariantRow,
}

#[derive(Deserialize)]
struct VariantRow {
    id: String,
    sku: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentRow {
    transaction_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParcelRow {
    pub id: String,
    pub state: String,
    method: String,
    tracking_code: Option<String>,
    updated_at: Moment,
    pub lines: Vec<PackedRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PackedRow {
    pub order_line_id: String,
    pub quantity: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddressRow {
    full_name: Option<String>,
    street_line1: Option<String>,
    street_line2: Option<String>,
    city: Option<String>,
    province: Option<String>,
    postal_code: Option<String>,
    country_code: Option<String>,
}

impl Drop for AddressRow {
    fn drop(&mut self) {
        let Self { full_name, street_line1, street_line2, city, province, postal_code, country_code } = self;
        for field in [full_name, street_line1, street_line2, city, province, postal_code, country_code] {
            field.zeroize();
        }
    }
}

/// First and last name of a full one: the last word is the last name.
fn names(full: &str) -> (&str, &str) {
    full.trim().rsplit_once(' ').map_or(("", full.trim()), |(first, last)| (first.trim_end(), last))
}

impl AddressRow {
    fn consumer(&self) -> ConsumerDraft {
        let text = |field: &'_ Option<String>| -> String { field.clone().unwrap_or_default() };
        let [mut full, first, second, city] =
            [&self.full_name, &self.street_line1, &self.street_line2, &self.city].map(text);
        let mut street = Street::joined([&first, &second, &city]);
        let (first_name, last_name) = names(&full);
        let [postal_code, region, country] =
            [&self.postal_code, &self.province, &self.country_code].map(|field| field.as_deref().unwrap_or_default());
        let draft =
            ConsumerDraft::of(SixFields { first_name, last_name, street: &street, postal_code, region, country });
        full.zeroize();
        street.zeroize();
        for mut field in [first, second, city] {
            field.zeroize();
        }
        draft
    }
}

impl ParcelRow {
    pub fn is_cancelled(&self) -> bool {
        self.state == "Cancelled"
    }

    pub fn has_left(&self) -> bool {
        matches!(self.state.as_str(), "Shipped" | "Delivered")
    }

    pub fn told(&self) -> Told {
        parcels::told(&self.method)
    }

    fn remote(self) -> RemoteFulfilment {
        let Told { carrier, url, mark } = self.told();
        RemoteFulfilment {
            // Once it is delivered, nothing says any more when it left.
            shipped_at: (self.state == "Shipped").then_some(self.updated_at),
            lines: self.lines.into_iter().map(|row| (RemoteId::new(row.order_line_id), row.quantity)).collect(),
            number: self.tracking_code.filter(|code| !code.is_empty()),
            id: RemoteId::new(self.id),
            carrier,
            url,
            mark,
        }
    }
}

impl OrderRow {
    pub fn is_cancelled(&self) -> bool {
        self.state == "Cancelled"
    }

    /// Parcels that were not taken back.
    pub fn parcels(&self) -> impl Iterator<Item = &ParcelRow> {
        self.fulfillments.iter().flatten().filter(|parcel| !parcel.is_cancelled())
    }

    /// Pieces of a line that are in parcels.
    pub fn packed(&self, line: &str) -> u32 {
        let packed = self.parcels().flat_map(|parcel| &parcel.lines).filter(|packed| packed.order_line_id == line);
        packed.map(|packed| packed.quantity).sum()
    }

    /// The order as we understand it.
    fn remote(self) -> Result<RemoteOrder, Problem> {
        let currency = Currency::from_code(&self.currency_code)
            .ok_or_else(|| Problem::invalid("/currencyCode", "the currency is none"))?;
        let placed_at =
            self.order_placed_at.ok_or_else(|| Problem::invalid("/orderPlacedAt", "the order is not placed yet"))?;
        let cancelled = self.is_cancelled();
        let line = |(place, row): (usize, LineRow)| {
            let quantity = row.order_placed_quantity.max(row.quantity);
            let pointer = || format!("/lines/{place}/proratedUnitPriceWithTax");
            let price = money(row.prorated_unit_price_with_tax, currency);
            Ok(RemoteLine {
                price: price.ok_or_else(|| Problem::invalid(pointer(), "the price is none"))?,
                dropped: quantity - row.quantity,
                quantity,
                id: RemoteId::new(row.id),
                variant: Some(RemoteId::new(row.product_variant.id)),
                sku: Some(row.product_variant.sku).filter(|sku| !sku.is_empty()),
                title: row.product_variant.name,
                // Vendure does not tell things that travel from others.
                requires_shipping: true,
            })
        };
        let changes = self.fulfillments.iter().flatten().map(|parcel| parcel.updated_at);
        let updated_at = Some(changes.fold(self.updated_at, Moment::max));
        let mark = self.payments.into_iter().flatten().filter_map(|payment| payment.transaction_id);
        let parcels = self.fulfillments.into_iter().flatten().filter(ParcelRow::has_left);
        Ok(RemoteOrder {
            id: RemoteId::new(self.id),
            reference: self.code,
            placed_at,
            updated_at,
            lines: self.lines.into_iter().enumerate().map(line).collect::<Result<_, Problem>>()?,
            consumer: self.shipping_address.as_ref().map(AddressRow::consumer).unwrap_or_default(),
            cancelled,
            test: false,
            fulfilments: parcels.map(ParcelRow::remote).collect(),
            mark: mark.into_iter().find(|mark| mark.starts_with(super::purchase::MARKS)),
        })
    }
}

fn understood(row: Value) -> Read<RemoteOrder> {
    let row: OrderRow = reading::row(row, "updatedAt")?;
    let (id, updated_at) = (RemoteId::new(&row.id), Some(row.updated_at));
    row.remote().map_err(|problem| Unreadable { id, problem, updated_at })
}

impl Vendure {
    /// First the orders that changed, then those that are partly shipped and may have got a parcel.
    pub(super) async fn changed_orders(&self, since: &Since) -> Result<RemotePage<RemoteOrder>, Failure> {
        let Walk { part, place } = Walk::resume(since, Place::since(since))?;
        // What a shopper still puts together, or somebody drafts, is no order yet.
        let filter =
            if part == 0 { json!({"orderPlacedAt": {"isNull": false}}) } else { json!({"state": {"in": PARTLY}}) };
        let filter: Map<String, Value> = filter.as_object().cloned().unwrap_or_default();
        let rows = self.order_values(asked(place.question(), filter)).await?;
        let (rows, next) = place.turn(reading::stamped(rows, "updatedAt"));
        let mut items: Vec<_> = rows.into_iter().map(understood).collect();
        if part > 0 {
            let from = since.updated_at.map(|at| at.plus_millis(-SETTLING_MS));
            items.retain(|read| read.as_ref().map_or(true, |order| order.updated_at >= from));
        }
        let then = (part == 0 && since.updated_at.is_some()).then_some(Walk { part: 1, place: Place::All(0) });
        let next = next.map(|place| Walk { part, place }).or(then);
        Ok(RemotePage { items, next: next.and_then(|walk| walk.cursor()) })
    }

    pub(super) async fn named_orders(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteOrder>>>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.order_values(named(ids)).await?;
        let found = rows.into_iter().map(|row| (reading::id(&row), understood(row))).collect();
        Ok(reading::in_order(ids, found))
    }

    /// Orders by these options, not understood yet.
    pub(super) async fn order_values(&self, options: Value) -> Result<Vec<Value>, Failure> {
        Ok(self.say::<OrdersAnswer>(ORDERS, &[], options).await?.orders.items)
    }

    /// One order that we are about to change.
    pub(super) async fn order_row(&self, id: &RemoteId) -> Result<OrderRow, Failure> {
        let row = self.order_values(named(std::slice::from_ref(id))).await?.into_iter().next().ok_or(Failure::Gone)?;
        reading::row(row, "updatedAt").map_err(|bad: Unreadable| Failure::Strange(bad.problem.to_string()))
    }

    /// One order, as it is after we changed it.
    pub(super) async fn order_now(&self, id: &RemoteId) -> Result<RemoteOrder, Failure> {
        let read = self.named_orders(std::slice::from_ref(id)).await?.into_iter().flatten().next();
        read.ok_or(Failure::Gone)?.map_err(|bad| Failure::Strange(bad.problem.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn the_last_word_is_the_last_name() {
        assert_eq!(names("Anna Maria Muster"), ("Anna Maria", "Muster"));
        assert_eq!(names(" Muster "), ("", "Muster"));
        assert_eq!(names(""), ("", ""));
    }
}
