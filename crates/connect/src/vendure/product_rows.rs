//! Products as Vendure says them, and as we understand them.

use super::money;
use crate::platform::{RemoteId, RemoteProduct};
use bonded_base::{Currency, Moment, Problem};
use bonded_trade::catalog::{Image, ProductDraft, ProductOption, ProductStatus, VariantDraft};
use serde::Deserialize;

/// The code of the private facet whose values are our marks.
pub(super) const FACET: &str = "bonded";
/// Facets that say who makes a thing, in shops as they are.
const VENDORS: [&str; 3] = ["brand", "vendor", "manufacturer"];
/// Facets that say what sort of thing it is.
const SORTS: [&str; 2] = ["category", "type"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductRow {
    pub id: String,
    pub updated_at: Moment,
    pub name: String,
    pub slug: String,
    pub description: String,
    pub enabled: bool,
    assets: Vec<AssetRow>,
    pub facet_values: Vec<ValueRow>,
    pub option_groups: Vec<GroupRow>,
    pub variants: Vec<VariantRow>,
}

#[derive(Deserialize)]
struct AssetRow {
    source: String,
}

#[derive(Deserialize)]
pub(super) struct ValueRow {
    pub id: String,
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    name: String,
    pub facet: FacetRow,
}

#[derive(Deserialize)]
pub(super) struct FacetRow {
    pub code: String,
}

#[derive(Deserialize)]
pub(super) struct GroupRow {
    pub id: String,
    pub name: String,
    pub options: Vec<OptionRow>,
}

#[derive(Clone, Deserialize)]
pub(super) struct OptionRow {
    pub id: String,
    pub name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VariantRow {
    pub id: String,
    pub updated_at: Moment,
    pub sku: String,
    track_inventory: String,
    out_of_stock_threshold: i64,
    use_global_out_of_stock_threshold: bool,
    prices: Vec<PriceRow>,
    pub facet_values: Vec<ValueRow>,
    pub options: Vec<ChosenRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PriceRow {
    currency_code: String,
    price: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChosenRow {
    pub id: String,
    group_id: String,
    name: String,
}

impl ValueRow {
    /// Whether it is one of our marks.
    pub fn is_mark(&self) -> bool {
        self.facet.code == FACET
    }
}

impl VariantRow {
    fn draft(self, groups: &[GroupRow], currency: Currency) -> Result<VariantDraft, Problem> {
        let price = self.prices.iter().find(|price| price.currency_code == currency.code());
        let price = price.ok_or_else(|| Problem::invalid("/prices", "it has no price in the shop's currency"))?;
        let price = money(price.price, currency)
            .ok_or_else(|| Problem::invalid("/prices", "its price is none in the shop's currency"))?;
        let value_of = |group: &GroupRow| {
            let chosen = self.options.iter().find(|chosen| chosen.group_id == group.id);
            chosen.map(|chosen| chosen.name.clone()).unwrap_or_default()
        };
        Ok(VariantDraft {
            options: groups.iter().map(value_of).collect(),
            sku: Some(self.sku).filter(|sku| !sku.is_empty()),
            price: Some(price),
            tracked: self.track_inventory != "FALSE",
            sell_when_out: !self.use_global_out_of_stock_threshold && self.out_of_stock_threshold < 0,
            ..VariantDraft::default()
        })
    }
}

impl ProductRow {
    /// The product as we understand it; pointers are those of Vendure's own answer.
    pub fn remote(self, currency: Currency) -> Result<RemoteProduct, (Moment, Problem)> {
        let updated_at = self.variants.iter().map(|variant| variant.updated_at).fold(self.updated_at, Moment::max);
        let ids = self.variants.iter().map(|variant| RemoteId::new(&variant.id)).collect();
        let mut variants = Vec::with_capacity(self.variants.len());
        for (place, variant) in self.variants.into_iter().enumerate() {
            let draft = variant.draft(&self.option_groups, currency);
            variants.push(draft.map_err(|problem| (updated_at, problem.within(&format!("/variants/{place}"))))?);
        }
        let mark = self.facet_values.iter().find(|value| value.is_mark()).map(|value| value.code.clone());
        let of = |codes: &[&str]| {
            let value = self.facet_values.iter().find(|value| codes.contains(&value.facet.code.as_str()));
            value.map(|value| value.name.clone()).unwrap_or_default()
        };
        let is_tag = |value: &&ValueRow| {
            let code = value.facet.code.as_str();
            !value.is_mark() && !VENDORS.contains(&code) && !SORTS.contains(&code)
        };
        let option = |group: GroupRow| ProductOption {
            name: group.name,
            values: group.options.into_iter().map(|option| option.name).collect(),
        };
        let secure = self.assets.into_iter().filter(|asset| asset.source.starts_with("https://"));
        let product = ProductDraft {
            handle: Some(self.slug).filter(|slug| !slug.is_empty()),
            title: self.name,
            description_html: self.description,
            vendor: of(&VENDORS),
            product_type: of(&SORTS),
            tags: self.facet_values.iter().filter(is_tag).map(|value| value.name.clone()).collect(),
            // A product is enabled or not, and that is all.
            status: if self.enabled { ProductStatus::Active } else { ProductStatus::Draft },
            options: self.option_groups.into_iter().map(option).collect(),
            images: secure.map(|asset| Image { url: asset.source, alt: String::new() }).collect(),
            variants,
        };
        Ok(RemoteProduct { id: RemoteId::new(self.id), updated_at: Some(updated_at), product, variants: ids, mark })
    }
}
