//! Orders as Shopify answers them, and how they become what the business knows; the consumer's fields are wiped after.

use super::answers::{IdPart, Nodes, ValuePart};
use super::parcels::Noted;
use super::product_answers::pointer;
use crate::platform::{FulfilmentWrite, RemoteFulfilment, RemoteId, RemoteLine, RemoteOrder, Unreadable};
use bonded_base::{Currency, Moment, Money, Problem};
use bonded_trade::consumers::{ConsumerDraft, SixFields};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderPart {
    pub id: RemoteId,
    name: String,
    processed_at: Moment,
    updated_at: Moment,
    cancelled_at: Option<Moment>,
    test: bool,
    mark: Option<ValuePart>,
    parcels: Option<ValuePart>,
    shipping_address: Option<AddressPart>,
    pub line_items: Nodes<LinePart>,
    pub fulfillments_count: Option<CountPart>,
    pub fulfillments: Vec<FulfilmentPart>,
}

#[derive(Deserialize)]
pub(super) struct CountPart {
    pub count: usize,
}

/// Where a parcel goes: six fields, in Shopify's parts.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase")]
struct AddressPart {
    first_name: Option<String>,
    last_name: Option<String>,
    address1: Option<String>,
    address2: Option<String>,
    city: Option<String>,
    zip: Option<String>,
    province_code: Option<String>,
    country_code_v2: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinePart {
    id: RemoteId,
    sku: Option<String>,
    title: String,
    quantity: u32,
    unfulfilled_quantity: u32,
    requires_shipping: bool,
    variant: Option<IdPart>,
    discounted_unit_price_after_all_discounts_set: BagPart,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BagPart {
    shop_money: MoneyPart,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoneyPart {
    amount: String,
    currency_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentPart {
    pub id: RemoteId,
    status: String,
    created_at: Moment,
    tracking_info: Vec<TrackingPart>,
    pub fulfillment_line_items: Nodes<FulfilledPart>,
}

#[derive(Deserialize)]
struct TrackingPart {
    company: Option<String>,
    number: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilledPart {
    quantity: Option<u32>,
    line_item: IdPart,
}

impl OrderPart {
    /// Reads an order of an answer; one that is not as described is named by its id.
    pub(super) fn read(value: Value) -> Result<Self, Unreadable> {
        let id = value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let updated_at = value.get("updatedAt").and_then(Value::as_str).and_then(|moment| moment.parse().ok());
        serde_path_to_error::deserialize(value).map_err(|error| {
            let why = "the shop answers this otherwise than described";
            let problem = Problem::invalid(pointer(error.path()), why);
            Unreadable { id: RemoteId::new(id), problem, updated_at }
        })
    }

    /// Why it cannot be taken.
    pub(super) fn unreadable(&self, problem: Problem) -> Unreadable {
        Unreadable { id: self.id.clone(), problem, updated_at: Some(self.updated_at) }
    }

    /// The order as the business has it; its lists were read to the end.
    pub(super) fn remote(self) -> Result<RemoteOrder, Unreadable> {
        let noted = Noted::read(self.parcels.as_ref().map(|parcels| parcels.value.as_str()));
        let fulfilments: Vec<_> =
            self.fulfillments.iter().filter(|part| part.has_left()).map(|part| part.remote(&noted)).collect();
        let mut shipped: HashMap<&RemoteId, u32> = HashMap::new();
        for (line, pieces) in fulfilments.iter().flat_map(|fulfilment| &fulfilment.lines) {
            *shipped.entry(line).or_default() += pieces;
        }
        let mut lines = Vec::with_capacity(self.line_items.nodes.len());
        for (place, part) in self.line_items.nodes.iter().enumerate() {
            let line = part.remote(shipped.get(&part.id).copied().unwrap_or_default());
            lines.push(line.map_err(|problem| self.unreadable(problem.within(&format!("/lineItems/nodes/{place}"))))?);
        }
        Ok(RemoteOrder {
            reference: self.name,
            placed_at: self.processed_at,
            updated_at: Some(self.updated_at),
            lines,
            consumer: self.shipping_address.as_ref().map(AddressPart::consumer).unwrap_or_default(),
            cancelled: self.cancelled_at.is_some(),
            test: self.test,
            fulfilments,
            mark: self.mark.map(|mark| mark.value),
            id: self.id,
        })
    }
}

impl AddressPart {
    fn consumer(&self) -> ConsumerDraft {
        let text = |part: &Option<String>| Zeroizing::new(part.clone().unwrap_or_default());
        let lines = [text(&self.address1), text(&self.address2), text(&self.city)];
        let length = lines.iter().map(|line| line.len() + 1).sum();
        let mut street = Zeroizing::new(String::with_capacity(length));
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            if !street.is_empty() {
                street.push('\n');
            }
            street.push_str(line);
        }
        ConsumerDraft::of(SixFields {
            first_name: self.first_name.as_deref().unwrap_or_default(),
            last_name: self.last_name.as_deref().unwrap_or_default(),
            street: &street,
            postal_code: self.zip.as_deref().unwrap_or_default(),
            region: self.province_code.as_deref().unwrap_or_default(),
            country: self.country_code_v2.as_deref().unwrap_or_default(),
        })
    }
}

impl LinePart {
    /// What neither left nor waits to leave was dropped: cancelled, removed, or refunded before it was shipped.
    fn remote(&self, shipped: u32) -> Result<RemoteLine, Problem> {
        let price = &self.discounted_unit_price_after_all_discounts_set.shop_money;
        let at = "/discountedUnitPriceAfterAllDiscountsSet/shopMoney";
        let currency = Currency::from_code(&price.currency_code)
            .ok_or_else(|| Problem::invalid(format!("{at}/currencyCode"), "no currency of ISO 4217"))?;
        Ok(RemoteLine {
            id: self.id.clone(),
            variant: self.variant.as_ref().map(|variant| variant.id.clone()),
            sku: self.sku.clone().filter(|sku| !sku.trim().is_empty()),
            title: self.title.clone(),
            quantity: self.quantity,
            dropped: self.quantity.saturating_sub(shipped).saturating_sub(self.unfulfilled_quantity),
            price: rounded(&price.amount, currency).map_err(|why| Problem::invalid(format!("{at}/amount"), why))?,
            requires_shipping: self.requires_shipping,
        })
    }
}

/// A price in minor units. Shopify shares a discount out over the pieces and may give more decimals than there are: half a
/// unit and more is one.
fn rounded(amount: &str, currency: Currency) -> Result<Money, &'static str> {
    const NO_AMOUNT: &str = "this is no amount";
    let decimals = usize::from(currency.exponent().unwrap_or(0));
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let (Some(kept), Some(rest)) =
        (fraction.get(..decimals.min(fraction.len())), fraction.get(decimals.min(fraction.len())..))
    else {
        return Err(NO_AMOUNT);
    };
    if !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NO_AMOUNT);
    }
    let mut money = Money::from_decimal(&format!("{whole}.{kept}"), currency).map_err(|_| NO_AMOUNT)?;
    if rest.bytes().next().is_some_and(|digit| digit >= b'5') {
        money.amount = money.amount.checked_add(if amount.starts_with('-') { -1 } else { 1 }).ok_or(NO_AMOUNT)?;
    }
    Ok(money)
}

impl FulfilmentPart {
    /// Whether it stands for a parcel: neither cancelled nor failed.
    fn has_left(&self) -> bool {
        !matches!(self.status.as_str(), "CANCELLED" | "ERROR" | "FAILURE")
    }

    fn remote(&self, noted: &Noted) -> RemoteFulfilment {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let tracking = self.tracking_info.first();
        RemoteFulfilment {
            id: self.id.clone(),
            lines: self.lines(),
            carrier: tracking.and_then(|tracking| filled(&tracking.company)),
            number: tracking.and_then(|tracking| filled(&tracking.number)),
            url: tracking.and_then(|tracking| filled(&tracking.url)),
            shipped_at: Some(self.created_at),
            mark: noted.mark_of(self).map(str::to_owned),
        }
    }

    /// Which lines of the order are in it, and how many of each.
    pub(super) fn lines(&self) -> Vec<(RemoteId, u32)> {
        let parts = self.fulfillment_line_items.nodes.iter();
        parts.filter_map(|part| Some((part.line_item.id.clone(), part.quantity?))).collect()
    }

    /// Number and address of its tracking.
    pub(super) fn tracking(&self) -> (Option<&str>, Option<&str>) {
        let tracking = self.trail();
        (tracking.and_then(|of| of.number.as_deref()), tracking.and_then(|of| of.url.as_deref()))
    }

    /// Whether it says already how this parcel can be followed; what the parcel does not say is no matter.
    pub(super) fn can_be_followed_by(&self, parcel: &FulfilmentWrite) -> bool {
        let same = |wanted: Option<&String>, shown: Option<&String>| wanted.is_none() || wanted == shown;
        let shown = self.trail();
        same(parcel.carrier.as_ref(), shown.and_then(|of| of.company.as_ref()))
            && same(parcel.number.as_ref(), shown.and_then(|of| of.number.as_ref()))
            && same(parcel.url.as_ref(), shown.and_then(|of| of.url.as_ref()))
    }

    fn trail(&self) -> Option<&TrackingPart> {
        self.tracking_info.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_discounts_are_rounded_to_what_there_is() {
        let euro = |text: &str| rounded(text, Currency::EUR).map(|money| money.amount);
        assert_eq!(euro("19.99"), Ok(1_999));
        assert_eq!(euro("3.333333"), Ok(333));
        assert_eq!(euro("6.666666"), Ok(667));
        assert_eq!(euro("5"), Ok(500));
        assert_eq!(rounded("100.0", Currency::JPY).map(|money| money.amount), Ok(100));
        for bad in ["", "x", "1.2x", "1.234x", "1,5"] {
            assert!(euro(bad).is_err(), "{bad}");
        }
    }
}
