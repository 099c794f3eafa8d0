//! Products as Medusa says them, and as we understand them.

use super::MARK;
use crate::platform::{RemoteId, RemoteProduct, reading};
use bonded_base::{Currency, Moment, Problem};
use bonded_trade::catalog::{Image, ProductDraft, ProductOption, ProductStatus, VariantDraft};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What is asked for of a product: no more than is read below.
pub(super) const FIELDS: &str = "id,title,handle,description,status,updated_at,external_id,metadata,type.value,\
    tags.value,images.url,options.id,options.title,options.values.value,variants.id,variants.sku,variants.barcode,\
    variants.ean,variants.upc,variants.weight,variants.manage_inventory,variants.allow_backorder,variants.metadata,\
    variants.updated_at,variants.variant_rank,variants.options.value,variants.options.option_id,variants.prices.id,\
    variants.prices.amount,variants.prices.currency_code,variants.prices.min_quantity,variants.prices.max_quantity,\
    variants.inventory_items.inventory.requires_shipping";

/// What Medusa's own pages call the option and the value of a product that comes in one form only, and what we do.
const ONLY_FORM: &str = "Default";

#[derive(Deserialize)]
pub(super) struct ProductRow {
    pub id: String,
    pub title: String,
    pub handle: Option<String>,
    pub description: Option<String>,
    pub status: String,
    pub updated_at: Moment,
    pub external_id: Option<String>,
    pub metadata: Option<Map<String, Value>>,
    #[serde(rename = "type")]
    pub sort: Option<NamedRow>,
    #[serde(default)]
    pub tags: Vec<NamedRow>,
    #[serde(default)]
    pub images: Vec<ImageRow>,
    #[serde(default)]
    pub options: Vec<OptionRow>,
    #[serde(default)]
    pub variants: Vec<VariantRow>,
}

#[derive(Deserialize)]
pub(super) struct NamedRow {
    pub value: String,
}

#[derive(Deserialize)]
pub(super) struct ImageRow {
    pub url: String,
}

#[derive(Deserialize)]
pub(super) struct OptionRow {
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub values: Vec<NamedRow>,
}

#[derive(Deserialize)]
pub(super) struct VariantRow {
    pub id: String,
    pub sku: Option<String>,
    pub barcode: Option<String>,
    pub ean: Option<String>,
    pub upc: Option<String>,
    pub weight: Option<f64>,
    pub manage_inventory: bool,
    pub allow_backorder: bool,
    pub metadata: Option<Map<String, Value>>,
    pub updated_at: Moment,
    #[serde(default)]
    pub variant_rank: Option<i64>,
    #[serde(default)]
    pub options: Vec<ChosenRow>,
    #[serde(default)]
    pub prices: Vec<PriceRow>,
    #[serde(default)]
    pub inventory_items: Vec<StockedRow>,
}

#[derive(Deserialize)]
pub(super) struct ChosenRow {
    pub value: String,
    pub option_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PriceRow {
    pub id: String,
    pub amount: f64,
    pub currency_code: String,
    pub min_quantity: Option<f64>,
    pub max_quantity: Option<f64>,
    #[serde(default)]
    pub rules: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct StockedRow {
    pub inventory: Option<InventoryRow>,
}

#[derive(Deserialize)]
pub(super) struct InventoryRow {
    #[serde(default)]
    pub requires_shipping: Option<bool>,
}

impl PriceRow {
    /// What anybody pays for one piece in this currency.
    pub fn is_plain(&self, currency: Currency) -> bool {
        let is_bound = self.min_quantity.is_some() || self.max_quantity.is_some() || !self.rules.is_empty();
        !is_bound && self.currency_code.eq_ignore_ascii_case(currency.code())
    }
}

impl VariantRow {
    /// The mark that we left.
    pub fn mark(&self) -> Option<&str> {
        self.metadata.as_ref()?.get(MARK)?.as_str()
    }

    fn draft(self, options: &[OptionRow], currency: Currency) -> Result<VariantDraft, Problem> {
        let price = self.prices.iter().find(|price| price.is_plain(currency));
        let price = price.ok_or_else(|| Problem::invalid("/prices", "it has no price in the shop's currency"))?;
        let price = reading::money(price.amount, currency)
            .ok_or_else(|| Problem::invalid("/prices", "its price is none in the shop's currency"))?;
        let value_of = |option: &OptionRow| {
            let chosen = self.options.iter().find(|chosen| chosen.option_id.as_deref() == Some(&option.id));
            chosen.map(|chosen| chosen.value.clone()).unwrap_or_default()
        };
        let grams = self.weight.filter(|weight| *weight > 0.0).map(|weight| format!("{weight:.0}").parse());
        let mut travels = self.inventory_items.iter().filter_map(|item| item.inventory.as_ref()?.requires_shipping);
        Ok(VariantDraft {
            options: options.iter().map(value_of).collect(),
            sku: self.sku,
            barcode: self.barcode.or(self.ean).or(self.upc),
            price: Some(price),
            weight_grams: grams.transpose().ok().flatten(),
            tracked: self.manage_inventory,
            sell_when_out: self.allow_backorder,
            requires_shipping: travels.next().unwrap_or(true),
            ..VariantDraft::default()
        })
    }
}

impl ProductRow {
    /// The product as we understand it; pointers are those of Medusa's own answer.
    pub fn remote(mut self, currency: Currency) -> Result<RemoteProduct, (Moment, Problem)> {
        let updated_at = self.variants.iter().map(|variant| variant.updated_at).fold(self.updated_at, Moment::max);
        self.variants.sort_by_key(|variant| variant.variant_rank);
        if self.comes_in_one_form() {
            self.options.clear();
        }
        let ids = self.variants.iter().map(|variant| RemoteId::new(&variant.id)).collect();
        let mut variants = Vec::with_capacity(self.variants.len());
        for (place, variant) in self.variants.into_iter().enumerate() {
            let draft = variant.draft(&self.options, currency);
            variants.push(draft.map_err(|problem| (updated_at, problem.within(&format!("/variants/{place}"))))?);
        }
        let vendor = self.metadata.as_ref().and_then(|metadata| metadata.get("vendor")?.as_str()).unwrap_or_default();
        let option = |row: OptionRow| ProductOption { name: row.title, values: values(row.values, &[]) };
        let secure = self.images.into_iter().filter(|image| image.url.starts_with("https://"));
        let product = ProductDraft {
            handle: self.handle,
            title: self.title,
            description_html: self.description.unwrap_or_default(),
            vendor: vendor.to_owned(),
            product_type: self.sort.map(|sort| sort.value).unwrap_or_default(),
            tags: self.tags.into_iter().map(|tag| tag.value).collect(),
            status: status(&self.status),
            options: self.options.into_iter().map(option).collect(),
            images: secure.map(|image| Image { url: image.url, alt: String::new() }).collect(),
            variants,
        };
        let updated_at = Some(updated_at);
        Ok(RemoteProduct { id: RemoteId::new(self.id), updated_at, product, variants: ids, mark: self.external_id })
    }

    /// Medusa asks for an option even where there is nothing to choose.
    fn comes_in_one_form(&self) -> bool {
        match self.options.as_slice() {
            [only] => self.variants.len() == 1 && only.values.len() == 1 && only.title.starts_with(ONLY_FORM),
            _ => false,
        }
    }
}

/// The values of an option, those of `first` first.
pub(super) fn values(rows: Vec<NamedRow>, first: &[String]) -> Vec<String> {
    let mut values: Vec<String> = rows.into_iter().map(|row| row.value).collect();
    values.sort_by_key(|value| first.iter().position(|known| known == value).unwrap_or(first.len()));
    values
}

fn status(text: &str) -> ProductStatus {
    match text {
        "published" => ProductStatus::Active,
        "rejected" => ProductStatus::Archived,
        _ => ProductStatus::Draft,
    }
}

/// What Medusa calls a status. It has none for what is over; a rejected product is not offered and not being prepared.
pub(super) const fn status_name(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Active => "published",
        ProductStatus::Draft => "draft",
        ProductStatus::Archived => "rejected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row() -> Value {
        json!({
            "id": "prod_1", "title": "Mug", "handle": "mug", "description": null, "status": "published",
            "updated_at": "2026-11-22T09:30:00.000Z", "external_id": null, "metadata": {"vendor": "Potter"}, "type": null,
            "options": [{"id": "opt_1", "title": "Size", "values": [{"value": "L"}, {"value": "S"}]}],
            "images": [{"url": "https://img.example/1"}, {"url": "http://img.example/2"}],
            "variants": [{
                "id": "variant_1", "sku": "MUG-S", "barcode": null, "ean": "4006381333931", "upc": null, "weight": 250,
                "manage_inventory": true, "allow_backorder": false, "metadata": null,
                "updated_at": "2026-11-22T09:31:00.000Z", "options": [{"value": "S", "option_id": "opt_1"}],
                "prices": [
                    {"id": "p0", "amount": 9, "currency_code": "eur", "min_quantity": 10, "max_quantity": null, "rules": {}},
                    {"id": "p1", "amount": 12.5, "currency_code": "eur", "min_quantity": null, "max_quantity": null, "rules": {}},
                ],
            }],
        })
    }

    fn read(row: Value) -> Result<RemoteProduct, String> {
        let row: ProductRow = reading::row(row, "updated_at").map_err(|unreadable| unreadable.problem.to_string())?;
        row.remote(Currency::EUR).map_err(|(_, problem)| problem.to_string())
    }

    #[test]
    fn a_product_is_read_with_the_price_that_anybody_pays() {
        let product = read(row()).unwrap();
        let variant = &product.product.variants[0];
        assert_eq!(variant.price.map(|price| price.amount), Some(1_250));
        assert_eq!((variant.barcode.as_deref(), variant.weight_grams), (Some("4006381333931"), Some(250)));
        assert_eq!(
            (variant.options.as_slice(), product.product.vendor.as_str()),
            (["S".to_owned()].as_slice(), "Potter")
        );
        assert_eq!(product.product.images.len(), 1);
        assert_eq!(product.updated_at, "2026-11-22T09:31:00.000Z".parse().ok());
    }

    #[test]
    fn a_variant_without_a_price_is_named() {
        let mut bad = row();
        bad["variants"][0]["prices"] = json!([]);
        assert_eq!(read(bad).unwrap_err(), "/variants/0/prices: it has no price in the shop's currency");
    }

    #[test]
    fn the_option_of_a_product_without_options_is_none() {
        let mut plain = row();
        plain["options"] =
            json!([{"id": "opt_1", "title": "Default option", "values": [{"value": "Default option value"}]}]);
        let product = read(plain).unwrap().product;
        assert!(product.options.is_empty() && product.variants[0].options.is_empty());
    }
}
