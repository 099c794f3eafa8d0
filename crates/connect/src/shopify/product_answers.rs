//! Products as Shopify answers them, and how they become drafts of the business.

use super::answers::{Nodes, ValuePart};
use crate::platform::{RemoteId, RemoteProduct, Unreadable};
use bonded_base::{Currency, Moment, Money, Problem};
use bonded_trade::catalog::{Image, ProductDraft, ProductOption, ProductStatus, VariantDraft};
use serde::Deserialize;
use serde_json::Value;

/// A product whose lists were read to the end.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductPart {
    pub id: RemoteId,
    updated_at: Moment,
    title: String,
    handle: String,
    description_html: String,
    vendor: String,
    product_type: String,
    status: String,
    tags: Vec<String>,
    has_only_default_variant: bool,
    options: Vec<OptionPart>,
    mark: Option<ValuePart>,
    #[serde(default)]
    pub media: Option<Nodes<MediaPart>>,
    #[serde(default)]
    pub variants: Option<Nodes<VariantPart>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OptionPart {
    name: String,
    option_values: Vec<NamePart>,
}

#[derive(Deserialize)]
struct NamePart {
    name: String,
}

/// A picture, or another medium, which has none.
#[derive(Deserialize)]
pub(super) struct MediaPart {
    #[serde(default)]
    alt: Option<String>,
    #[serde(default)]
    image: Option<UrlPart>,
}

#[derive(Deserialize)]
struct UrlPart {
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VariantPart {
    pub id: RemoteId,
    sku: Option<String>,
    barcode: Option<String>,
    price: String,
    compare_at_price: Option<String>,
    taxable: bool,
    inventory_policy: String,
    selected_options: Vec<ValuePart>,
    mark: Option<ValuePart>,
    inventory_item: ItemPart,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemPart {
    tracked: bool,
    requires_shipping: bool,
    measurement: MeasurementPart,
}

#[derive(Deserialize)]
struct MeasurementPart {
    weight: Option<WeightPart>,
}

#[derive(Deserialize)]
struct WeightPart {
    unit: String,
    value: f64,
}

impl WeightPart {
    /// Grams; nothing is what Shopify has where nobody said.
    fn grams(&self) -> Option<u64> {
        let in_grams = match self.unit.as_str() {
            "GRAMS" => 1.0,
            "KILOGRAMS" => 1_000.0,
            "OUNCES" => 28.349_523_125,
            "POUNDS" => 453.592_37,
            _ => return None,
        };
        let grams = (self.value * in_grams).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and in range")]
        let grams = (1.0..1e15).contains(&grams).then_some(grams as u64);
        grams
    }
}

/// A product, with the marks of its variants beside it.
pub(super) struct ReadProduct {
    pub product: RemoteProduct,
    /// In the order of the variants.
    pub marks: Vec<Option<String>>,
}

impl ProductPart {
    /// Reads a product of an answer; one that is not as described is named by its id.
    pub(super) fn read(value: Value) -> Result<Self, Unreadable> {
        let id = value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let updated_at = value.get("updatedAt").and_then(Value::as_str).and_then(|moment| moment.parse().ok());
        serde_path_to_error::deserialize(value).map_err(|error| {
            let pointer = pointer(error.path());
            unreadable(&id, updated_at, Problem::invalid(pointer, "the shop answers this otherwise than described"))
        })
    }

    /// The product as the business has it.
    pub(super) fn draft(self, currency: Currency) -> Result<ReadProduct, Unreadable> {
        let (id, updated_at) = (self.id.clone(), Some(self.updated_at));
        self.read_draft(currency).map_err(|problem| unreadable(id.as_str(), updated_at, problem))
    }

    fn read_draft(self, currency: Currency) -> Result<ReadProduct, Problem> {
        let (mut ids, mut marks, mut variants) = (Vec::new(), Vec::new(), Vec::new());
        for (place, part) in self.variants.map(|variants| variants.nodes).unwrap_or_default().into_iter().enumerate() {
            ids.push(part.id.clone());
            marks.push(part.mark.as_ref().map(|mark| mark.value.clone()));
            let draft = part.draft(currency, self.has_only_default_variant);
            variants.push(draft.map_err(|problem| problem.within(&format!("/variants/nodes/{place}")))?);
        }
        let option = |part: OptionPart| ProductOption {
            name: part.name,
            values: part.option_values.into_iter().map(|value| value.name).collect(),
        };
        let media = self.media.map(|media| media.nodes).unwrap_or_default();
        let image = |part: MediaPart| Some(Image { url: part.image?.url, alt: part.alt.unwrap_or_default() });
        let product = ProductDraft {
            handle: Some(self.handle),
            title: self.title,
            description_html: self.description_html,
            vendor: self.vendor,
            product_type: self.product_type,
            tags: self.tags,
            status: match self.status.as_str() {
                "ACTIVE" => ProductStatus::Active,
                "ARCHIVED" => ProductStatus::Archived,
                // Also what is sold by a direct link only: nobody finds it in the shop.
                _ => ProductStatus::Draft,
            },
            options: if self.has_only_default_variant {
                Vec::new()
            } else {
                self.options.into_iter().map(option).collect()
            },
            images: media.into_iter().filter_map(image).collect(),
            variants,
        };
        let mark = self.mark.map(|mark| mark.value);
        let product = RemoteProduct { id: self.id, updated_at: Some(self.updated_at), product, variants: ids, mark };
        Ok(ReadProduct { product, marks })
    }
}

impl VariantPart {
    fn draft(self, currency: Currency, is_only: bool) -> Result<VariantDraft, Problem> {
        let money = |text: &str, pointer: &str| {
            Money::from_decimal(text, currency).map_err(|bad| Problem::invalid(pointer, bad.to_string()))
        };
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let options = self.selected_options.into_iter().map(|option| option.value).collect();
        Ok(VariantDraft {
            options: if is_only { Vec::new() } else { options },
            sku: filled(self.sku),
            barcode: filled(self.barcode),
            price: Some(money(&self.price, "/price")?),
            compare_at_price: self.compare_at_price.map(|price| money(&price, "/compareAtPrice")).transpose()?,
            weight_grams: self.inventory_item.measurement.weight.and_then(|weight| weight.grams()),
            image_url: None,
            tracked: self.inventory_item.tracked,
            sell_when_out: self.inventory_policy == "CONTINUE",
            requires_shipping: self.inventory_item.requires_shipping,
            taxable: self.taxable,
        })
    }
}

fn unreadable(id: &str, updated_at: Option<Moment>, problem: Problem) -> Unreadable {
    Unreadable { id: RemoteId::new(id), problem, updated_at }
}

/// Where in an answer something is, as a JSON pointer (RFC 6901): names of fields and places of lists.
pub(super) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => format!("/{key}"),
        Segment::Unknown => String::new(),
    };
    path.iter().map(part).collect()
}
