//! Reading orders from Medusa: business lines, six fields of the consumer, parcels.

use super::products::{asked, named};
use super::wire::Call;
use super::{MARK, Medusa};
use crate::platform::street::Street;
use crate::platform::walk::{Place, Walk};
use crate::platform::{
    Failure, Read, RemoteFulfilment, RemoteId, RemoteLine, RemoteOrder, RemotePage, Since, Unreadable, reading,
};
use bonded_base::{Currency, Moment, Problem};
use bonded_trade::consumers::{ConsumerDraft, SixFields};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use zeroize::Zeroize;

/// What is asked for of an order: no mail address and no phone number are among it.
pub(super) const FIELDS: &str = "id,display_id,status,version,created_at,updated_at,metadata,currency_code,canceled_at,\
    items.id,items.title,items.variant_id,items.variant_sku,items.unit_price,items.requires_shipping,\
    items.adjustments.amount,items.detail.quantity,items.detail.fulfilled_quantity,shipping_address.first_name,\
    shipping_address.last_name,shipping_address.address_1,shipping_address.address_2,shipping_address.city,\
    shipping_address.postal_code,shipping_address.province,shipping_address.country_code,fulfillments.id,\
    fulfillments.shipped_at,fulfillments.canceled_at,fulfillments.metadata,fulfillments.items.line_item_id,\
    fulfillments.items.quantity,fulfillments.labels.tracking_number,fulfillments.labels.tracking_url";

#[derive(Deserialize)]
struct OrdersAnswer {
    orders: Vec<Value>,
}

#[derive(Deserialize)]
struct LinesAnswer {
    order_items: Vec<FirstRow>,
}

/// A line as it was when the order was placed.
#[derive(Deserialize)]
struct FirstRow {
    item_id: String,
    quantity: f64,
}

#[derive(Deserialize)]
pub(super) struct OrderRow {
    pub id: String,
    display_id: Option<i64>,
    status: String,
    version: u32,
    created_at: Moment,
    updated_at: Moment,
    metadata: Option<Map<String, Value>>,
    currency_code: String,
    canceled_at: Option<Moment>,
    #[serde(default)]
    pub items: Vec<LineRow>,
    shipping_address: Option<AddressRow>,
    #[serde(default)]
    pub fulfillments: Vec<ParcelRow>,
}

#[derive(Deserialize)]
pub(super) struct LineRow {
    pub id: String,
    title: String,
    variant_id: Option<String>,
    variant_sku: Option<String>,
    unit_price: f64,
    requires_shipping: bool,
    #[serde(default)]
    adjustments: Vec<AdjustmentRow>,
    pub detail: DetailRow,
}

#[derive(Deserialize)]
struct AdjustmentRow {
    amount: f64,
}

#[derive(Deserialize)]
pub(super) struct DetailRow {
    pub quantity: f64,
    pub fulfilled_quantity: f64,
}

#[derive(Deserialize)]
struct AddressRow {
    first_name: Option<String>,
    last_name: Option<String>,
    address_1: Option<String>,
    address_2: Option<String>,
    city: Option<String>,
    postal_code: Option<String>,
    province: Option<String>,
    country_code: Option<String>,
}

impl Drop for AddressRow {
    fn drop(&mut self) {
        let Self { first_name, last_name, address_1, address_2, city, postal_code, province, country_code } = self;
        for field in [first_name, last_name, address_1, address_2, city, postal_code, province, country_code] {
            field.zeroize();
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ParcelRow {
    pub id: String,
    pub shipped_at: Option<Moment>,
    pub canceled_at: Option<Moment>,
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    items: Vec<PackedRow>,
    #[serde(default)]
    labels: Vec<LabelRow>,
}

#[derive(Deserialize)]
struct PackedRow {
    line_item_id: Option<String>,
    quantity: f64,
}

#[derive(Deserialize)]
struct LabelRow {
    tracking_number: Option<String>,
    tracking_url: Option<String>,
}

/// A whole number of pieces.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what does not fit becomes the nearest that does"
)]
pub(super) fn pieces(quantity: f64) -> u32 {
    quantity.round() as u32
}

impl AddressRow {
    fn consumer(&self) -> ConsumerDraft {
        let text = |field: &Option<String>| -> String { field.clone().unwrap_or_default() };
        let [first, second, city] = [&self.address_1, &self.address_2, &self.city].map(text);
        let mut street = Street::joined([&first, &second, &city]);
        let mut country = text(&self.country_code).to_uppercase();
        let [first_name, last_name] =
            [&self.first_name, &self.last_name].map(|field| field.as_deref().unwrap_or_default());
        let [postal_code, region] =
            [&self.postal_code, &self.province].map(|field| field.as_deref().unwrap_or_default());
        let draft = ConsumerDraft::of(SixFields {
            first_name,
            last_name,
            street: &street,
            postal_code,
            region,
            country: &country,
        });
        for mut field in [first, second, city] {
            field.zeroize();
        }
        street.zeroize();
        country.zeroize();
        draft
    }
}

impl ParcelRow {
    fn said(&self, name: &str) -> Option<String> {
        self.metadata.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The mark that we left.
    pub fn mark(&self) -> Option<String> {
        self.said(MARK)
    }

    fn remote(self) -> RemoteFulfilment {
        let label = self.labels.first();
        // `#` is what Medusa's own pages write where nothing is known.
        let known = |text: Option<&String>| text.filter(|text| !text.is_empty() && *text != "#").cloned();
        RemoteFulfilment {
            number: known(label.and_then(|label| label.tracking_number.as_ref())),
            url: known(label.and_then(|label| label.tracking_url.as_ref())),
            carrier: self.said("carrier"),
            mark: self.mark(),
            shipped_at: self.shipped_at,
            lines: self
                .items
                .into_iter()
                .filter_map(|row| Some((RemoteId::new(row.line_item_id?), pieces(row.quantity))))
                .collect(),
            id: RemoteId::new(self.id),
        }
    }
}

impl OrderRow {
    pub fn is_cancelled(&self) -> bool {
        self.canceled_at.is_some() || self.status == "canceled"
    }

    pub fn mark(&self) -> Option<&str> {
        self.metadata.as_ref()?.get(MARK)?.as_str()
    }

    /// The order as we understand it; `first` are the lines as they were when it was placed.
    fn remote(self, first: &HashMap<String, u32>) -> Result<RemoteOrder, Problem> {
        let currency = Currency::from_code(&self.currency_code.to_uppercase())
            .ok_or_else(|| Problem::invalid("/currency_code", "the currency is none"))?;
        let is_cancelled = self.is_cancelled();
        let line = |(place, row): (usize, LineRow)| {
            let quantity = first.get(&row.id).copied().unwrap_or(0).max(pieces(row.detail.quantity));
            let less: f64 = row.adjustments.iter().map(|adjustment| adjustment.amount).sum();
            let price = reading::money(row.unit_price - less / row.detail.quantity.max(1.0), currency);
            Ok(RemoteLine {
                price: price
                    .ok_or_else(|| Problem::invalid(format!("/items/{place}/unit_price"), "the price is none"))?,
                dropped: quantity - if is_cancelled { 0 } else { pieces(row.detail.quantity) },
                quantity,
                id: RemoteId::new(row.id),
                variant: row.variant_id.map(RemoteId::new),
                sku: row.variant_sku,
                title: row.title,
                requires_shipping: row.requires_shipping,
            })
        };
        let mark = self.mark().map(str::to_owned);
        let sent = self.fulfillments.into_iter().filter(|row| row.shipped_at.is_some() && row.canceled_at.is_none());
        Ok(RemoteOrder {
            reference: self.display_id.map_or_else(|| self.id.clone(), |number| format!("#{number}")),
            id: RemoteId::new(self.id),
            placed_at: self.created_at,
            updated_at: Some(self.updated_at),
            lines: self.items.into_iter().enumerate().map(line).collect::<Result<_, Problem>>()?,
            consumer: self.shipping_address.as_ref().map(AddressRow::consumer).unwrap_or_default(),
            cancelled: is_cancelled,
            test: false,
            fulfilments: sent.map(ParcelRow::remote).collect(),
            mark,
        })
    }
}

impl Medusa {
    pub(super) async fn changed_orders(&self, since: &Since) -> Result<RemotePage<RemoteOrder>, Failure> {
        let Walk { part, place } = Walk::resume(since, Place::since(since))?;
        let call = Call::get("orders", "/admin/orders", asked(place.question())).answering(FIELDS);
        let answer: OrdersAnswer = self.call(call).await?;
        let (rows, next) = place.turn(reading::stamped(answer.orders, "updated_at"));
        let items = self.understood_orders(rows).await?;
        Ok(RemotePage { items, next: next.and_then(|place| Walk { part, place }.cursor()) })
    }

    pub(super) async fn named_orders(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteOrder>>>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.order_rows(named(ids)).await?;
        let ids_found: Vec<_> = rows.iter().map(reading::id).collect();
        let found = ids_found.into_iter().zip(self.understood_orders(rows).await?).collect();
        Ok(reading::in_order(ids, found))
    }

    async fn order_rows(&self, query: Vec<(&str, String)>) -> Result<Vec<Value>, Failure> {
        let call = Call::get("orders", "/admin/orders", query).answering(FIELDS);
        Ok(self.call::<OrdersAnswer>(call).await?.orders)
    }

    /// One order that we are about to change.
    pub(super) async fn order_row(&self, id: &RemoteId) -> Result<OrderRow, Failure> {
        let row = self.order_rows(named(std::slice::from_ref(id))).await?.into_iter().next().ok_or(Failure::Gone)?;
        reading::row(row, "updated_at").map_err(|bad: Unreadable| Failure::Strange(bad.problem.to_string()))
    }

    /// One order, as it is after we changed it.
    pub(super) async fn order_now(&self, id: &RemoteId) -> Result<RemoteOrder, Failure> {
        let read = self.named_orders(std::slice::from_ref(id)).await?.into_iter().flatten().next();
        read.ok_or(Failure::Gone)?.map_err(|bad| Failure::Strange(bad.problem.to_string()))
    }

    async fn understood_orders(&self, rows: Vec<Value>) -> Result<Vec<Read<RemoteOrder>>, Failure> {
        let mut orders = Vec::with_capacity(rows.len());
        for row in rows {
            orders.push(match reading::row::<OrderRow>(row, "updated_at") {
                Ok(row) => {
                    let (id, updated_at) = (RemoteId::new(&row.id), Some(row.updated_at));
                    let first = self.first_lines(&row).await?;
                    row.remote(&first).map_err(|problem| Unreadable { id, problem, updated_at })
                }
                Err(unreadable) => Err(unreadable),
            });
        }
        Ok(orders)
    }

    /// An order that was changed says what it is now; what it was at first stands in its first version.
    async fn first_lines(&self, row: &OrderRow) -> Result<HashMap<String, u32>, Failure> {
        if row.version <= 1 {
            return Ok(HashMap::new());
        }
        let path = format!("/admin/orders/{}/line-items", row.id);
        let call = Call::get("orders", &path, vec![("version", "1".to_owned())]).answering("item_id,quantity");
        let answer: LinesAnswer = self.call(call).await?;
        Ok(answer.order_items.into_iter().map(|row| (row.item_id, pieces(row.quantity))).collect())
    }
}
