//! Placing a purchase order in Medusa, and cancelling what is left of one.
//!
//! A draft takes everything at once: lines with their prices, address, shipping, mark. It becomes an order, with its stock
//! reserved, in a second call. Whichever answer gets lost, the mark finds what there is.

use super::orders::{OrderRow, pieces};
use super::products::decimal;
use super::wire::Call;
use super::{MARK, Medusa};
use crate::platform::street::Street;
use crate::platform::{Failure, OrderWrite, RemoteId, RemoteOrder};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The names of what an order sends.
const SENT: &[&str] = &["reference", "lines", "first_name", "last_name", "street", "postal_code", "region", "country"];

/// Where the made-up mail addresses of our orders lead: nowhere (RFC 2606 section 2).
const NOWHERE: &str = "orders.bonded.invalid";

/// What stands on our changes of an order, by which they are known from other people's.
const NOTE: &str = "Bonded";

/// Regions and shipping options that are looked through at most.
const CHOICES_MAX: &str = "500";

#[derive(Deserialize)]
struct FoundAnswer {
    #[serde(alias = "draft_orders")]
    orders: Vec<FoundRow>,
}

#[derive(Deserialize)]
struct FoundRow {
    id: String,
    metadata: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct DraftAnswer {
    draft_order: FoundRow,
}

#[derive(Deserialize)]
struct RegionsAnswer {
    regions: Vec<RegionRow>,
}

#[derive(Deserialize)]
struct RegionRow {
    id: String,
    currency_code: String,
    #[serde(default)]
    countries: Vec<CountryRow>,
}

#[derive(Deserialize)]
struct CountryRow {
    iso_2: String,
}

#[derive(Deserialize)]
struct OptionsAnswer {
    shipping_options: Vec<OptionRow>,
}

#[derive(Deserialize)]
struct OptionRow {
    id: String,
    name: String,
    service_zone: Option<ZoneRow>,
}

#[derive(Deserialize)]
struct ZoneRow {
    #[serde(default)]
    geo_zones: Vec<GeoRow>,
}

#[derive(Deserialize)]
struct GeoRow {
    country_code: Option<String>,
}

#[derive(Deserialize)]
struct ChangesAnswer {
    order_changes: Vec<ChangeRow>,
}

#[derive(Deserialize)]
struct ChangeRow {
    internal_note: Option<String>,
}

#[derive(Deserialize)]
struct ReservationsAnswer {
    reservations: Vec<IdRow>,
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

impl Medusa {
    /// Places an order, unless one with its mark is there.
    pub(super) async fn place(&self, order: &OrderWrite) -> Result<RemoteOrder, Failure> {
        if let Some(id) = self.marked("/admin/orders", &order.mark).await? {
            return self.order_now(&id).await;
        }
        let draft = match self.marked("/admin/draft-orders", &order.mark).await? {
            Some(id) => id,
            None => self.draft(order).await?,
        };
        let path = format!("/admin/draft-orders/{draft}/convert-to-order");
        self.done(Call::post("order", &[], &path, json!({})).answering("id")).await?;
        self.order_now(&draft).await
    }

    /// The order or draft with this mark. The search is for words in several fields, so what it finds is looked at.
    async fn marked(&self, path: &str, mark: &str) -> Result<Option<RemoteId>, Failure> {
        let query = vec![("q", mark.to_owned()), ("limit", CHOICES_MAX.to_owned())];
        let answer: FoundAnswer = self.call(Call::get("orders", path, query).answering("id,metadata")).await?;
        let has_mark = |row: &FoundRow| row.metadata.as_ref().and_then(|said| said.get(MARK)?.as_str()) == Some(mark);
        Ok(answer.orders.into_iter().find(has_mark).map(|row| RemoteId::new(row.id)))
    }

    async fn draft(&self, order: &OrderWrite) -> Result<RemoteId, Failure> {
        let facts = self.facts().await?;
        let country = order.consumer.expose().country.to_lowercase();
        let currency = order.lines.first().map_or(facts.currency, |line| line.price.currency);
        if order.lines.iter().any(|line| line.price.currency != currency) {
            return Err(Failure::Refused("an order is in one currency".to_owned()));
        }
        let region = self.region(&country, currency.code()).await?;
        let shipping = self.shipping(&country).await?;
        let line = |line: &crate::platform::OrderLineWrite| json!({"variant_id": line.variant.as_str(), "quantity": line.quantity, "unit_price": decimal(line.price)});
        let body = json!({
            "region_id": region,
            "currency_code": currency.code().to_lowercase(),
            "sales_channel_id": facts.channel,
            "email": format!("{}@{NOWHERE}", order.mark),
            "no_notification_order": true,
            "metadata": {MARK: order.mark, "reference": order.reference},
            "shipping_address": address(order),
            "items": order.lines.iter().map(line).collect::<Vec<_>>(),
            "shipping_methods": [{"shipping_option_id": shipping.id, "name": shipping.name, "amount": 0}],
        });
        let call = Call::post("order", SENT, "/admin/draft-orders", body).answering("id");
        Ok(RemoteId::new(self.call::<DraftAnswer>(call).await?.draft_order.id))
    }

    /// A region of this currency, best with this country.
    async fn region(&self, country: &str, currency: &str) -> Result<String, Failure> {
        let query = vec![("limit", CHOICES_MAX.to_owned())];
        let fields = "id,currency_code,countries.iso_2";
        let answer: RegionsAnswer = self.call(Call::get("shop", "/admin/regions", query).answering(fields)).await?;
        let mut regions = answer.regions;
        regions.retain(|region| region.currency_code.eq_ignore_ascii_case(currency));
        let has_country = |region: &RegionRow| region.countries.iter().any(|known| known.iso_2 == country);
        regions.sort_by_key(|region| !has_country(region));
        let region = regions.into_iter().next().map(|region| region.id);
        region.ok_or_else(|| Failure::Refused("the shop sells in no region of this currency".to_owned()))
    }

    /// The first way of shipping to this country.
    async fn shipping(&self, country: &str) -> Result<OptionRow, Failure> {
        let query = vec![("limit", CHOICES_MAX.to_owned())];
        let fields = "id,name,service_zone.geo_zones.country_code";
        let answer: OptionsAnswer =
            self.call(Call::get("shop", "/admin/shipping-options", query).answering(fields)).await?;
        let leads_there = |option: &OptionRow| {
            let zones = option.service_zone.iter().flat_map(|zone| &zone.geo_zones);
            zones.into_iter().any(|zone| zone.country_code.as_deref() == Some(country))
        };
        let option = answer.shipping_options.into_iter().find(leads_there);
        option.ok_or_else(|| Failure::Refused("the shop ships to that country in no way".to_owned()))
    }

    /// Cancels the whole order where nothing is packed yet, else takes out of it what is not.
    pub(super) async fn cancel_rest(&self, id: &RemoteId) -> Result<RemoteOrder, Failure> {
        let row = self.order_row(id).await?;
        let is_packed = row.fulfillments.iter().any(|parcel| parcel.canceled_at.is_none());
        if row.is_cancelled() {
            return self.order_now(id).await;
        }
        if is_packed {
            self.take_out(&row).await?;
            self.release(&row).await?;
        } else {
            self.done(Call::post("cancel", &[], &format!("/admin/orders/{id}/cancel"), json!({})).answering("id"))
                .await?;
        }
        self.order_now(id).await
    }

    async fn take_out(&self, row: &OrderRow) -> Result<(), Failure> {
        let open: Vec<_> =
            row.items.iter().filter(|line| line.detail.quantity > line.detail.fulfilled_quantity).collect();
        if open.is_empty() {
            return Ok(());
        }
        let path = format!("/admin/order-edits/{}", row.id);
        self.begin_edit(&row.id, &path).await?;
        for line in open {
            let item = format!("{path}/items/item/{}", line.id);
            let body = json!({"quantity": pieces(line.detail.fulfilled_quantity)});
            self.done(Call::post("cancel", &["lines"], &item, body)).await?;
        }
        self.done(Call::post("cancel", &[], &format!("{path}/confirm"), json!({}))).await
    }

    /// Frees what is still reserved for lines of which nothing is to be sent any more: Medusa reserves anew what a changed
    /// order has, and forgets what of it has left already.
    async fn release(&self, row: &OrderRow) -> Result<(), Failure> {
        let mut query: Vec<_> = row.items.iter().map(|line| ("line_item_id[]", line.id.clone())).collect();
        query.push(("limit", CHOICES_MAX.to_owned()));
        let call = Call::get("stock", "/admin/reservations", query).answering("id");
        for reservation in self.call::<ReservationsAnswer>(call).await?.reservations {
            self.done(Call::delete("cancel", &format!("/admin/reservations/{}", reservation.id))).await?;
        }
        Ok(())
    }

    /// Begins a change; one of ours that was left half done is given up first, anybody else's is not.
    async fn begin_edit(&self, order: &str, path: &str) -> Result<(), Failure> {
        let body = json!({"order_id": order, "internal_note": NOTE});
        let begin = || Call::post("cancel", &[], "/admin/order-edits", body.clone());
        let Err(refused) = self.done(begin()).await else { return Ok(()) };
        let changes = format!("/admin/orders/{order}/changes");
        let query = vec![("status[]", "pending".to_owned()), ("status[]", "requested".to_owned())];
        let call = Call::get("orders", &changes, query).answering("id,internal_note");
        let pending = self.call::<ChangesAnswer>(call).await?.order_changes;
        if pending.is_empty() || pending.iter().any(|change| change.internal_note.as_deref() != Some(NOTE)) {
            return Err(refused);
        }
        self.done(Call::delete("cancel", path)).await?;
        self.done(begin()).await
    }
}

fn address(order: &OrderWrite) -> Value {
    let consumer = order.consumer.expose();
    let street = Street::parted(consumer.street);
    json!({
        "first_name": consumer.first_name,
        "last_name": consumer.last_name,
        "address_1": street.first,
        "address_2": street.second,
        "city": street.city,
        "postal_code": consumer.postal_code,
        "province": consumer.region,
        "country_code": consumer.country.to_lowercase(),
    })
}
