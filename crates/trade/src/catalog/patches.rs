//! What may become of a product and of a variant: their patches, and the rules that those keep to.

use super::drafts::{images, tags};
use super::text::{barcode, block, filled_line, https_url, line, optional_line, price};
use super::{
    DESCRIPTION_BYTES_MAX, Image, PRODUCTS_A_CALL_MAX, Patched, Product, ProductStatus, SKU_MAX, TITLE_MAX,
    VARIANTS_A_CALL_MAX, Variant, handles, update,
};
use crate::patch::Patch;
use crate::{TradeError, Written};
use bonded_base::{Id, Money, Problem};
use bonded_ledger::{Ledger, Scope};
use serde::Deserialize;

/// What is to become of a product. A field that is left out stays; `null` empties it, where it can be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the product's of the same name")]
pub struct ProductPatch {
    pub handle: Patch<String>,
    pub title: Patch<String>,
    pub description_html: Patch<String>,
    pub vendor: Patch<String>,
    pub product_type: Patch<String>,
    pub tags: Patch<Vec<String>>,
    pub status: Patch<ProductStatus>,
    pub images: Patch<Vec<Image>>,
}

/// What is to become of a variant. A field that is left out stays; `null` empties it, where it can be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the variant's of the same name")]
pub struct VariantPatch {
    pub sku: Patch<String>,
    pub barcode: Patch<String>,
    pub price: Patch<Money>,
    pub compare_at_price: Patch<Money>,
    pub weight_grams: Patch<u64>,
    pub image_url: Patch<String>,
    pub tracked: Patch<bool>,
    pub sell_when_out: Patch<bool>,
    pub requires_shipping: Patch<bool>,
    pub taxable: Patch<bool>,
}

impl Patched for Product {
    type Patch = ProductPatch;

    const UPDATES_A_CALL_MAX: usize = PRODUCTS_A_CALL_MAX;

    fn patched(&self, patch: &ProductPatch) -> Result<Self, Problem> {
        let mut next = self.clone();
        if let Some(title) = filled(&patch.title, "/title")? {
            next.title = filled_line(title, "/title", TITLE_MAX)?;
        }
        if let Some(handle) = filled(&patch.handle, "/handle")? {
            next.handle = handles::given(&handle)?;
        }
        if let Some(status) = filled(&patch.status, "/status")? {
            next.status = status;
        }
        if let Some(text) = emptied(&patch.description_html) {
            next.description_html = block(text, "/description_html", DESCRIPTION_BYTES_MAX)?;
        }
        if let Some(text) = emptied(&patch.vendor) {
            next.vendor = line(text, "/vendor", TITLE_MAX)?;
        }
        if let Some(text) = emptied(&patch.product_type) {
            next.product_type = line(text, "/product_type", TITLE_MAX)?;
        }
        if let Some(given) = emptied(&patch.tags) {
            next.tags = tags(given)?;
        }
        if let Some(given) = emptied(&patch.images) {
            next.images = images(given)?;
        }
        Ok(next)
    }
}

impl Patched for Variant {
    type Patch = VariantPatch;

    const UPDATES_A_CALL_MAX: usize = VARIANTS_A_CALL_MAX;

    fn patched(&self, patch: &VariantPatch) -> Result<Self, Problem> {
        let mut next = self.clone();
        next.sku = optional_line(optional(&patch.sku, next.sku), "/sku", SKU_MAX)?;
        next.barcode = barcode(optional(&patch.barcode, next.barcode))?;
        if let Some(asked) = filled(&patch.price, "/price")? {
            // The product's other variants are in this currency, and so are its price lists.
            if asked.currency != self.price.currency {
                return Err(Problem::invalid("/price/currency", "a variant's price stays in its currency"));
            }
            next.price = price(asked, "/price")?;
        }
        next.compare_at_price = optional(&patch.compare_at_price, next.compare_at_price);
        next.weight_grams = optional(&patch.weight_grams, next.weight_grams);
        next.image_url =
            optional(&patch.image_url, next.image_url).map(|url| https_url(url, "/image_url")).transpose()?;
        for (field, asked, pointer) in [
            (&mut next.tracked, &patch.tracked, "/tracked"),
            (&mut next.sell_when_out, &patch.sell_when_out, "/sell_when_out"),
            (&mut next.requires_shipping, &patch.requires_shipping, "/requires_shipping"),
            (&mut next.taxable, &patch.taxable, "/taxable"),
        ] {
            *field = filled(asked, pointer)?.unwrap_or(*field);
        }
        next.checked()
    }
}

/// No longer offers a product; it is kept for the orders that name it.
pub async fn archive(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Product>,
    expected: Option<u64>,
) -> Result<Written<Product>, TradeError> {
    let archived = ProductPatch { status: Patch::Set(ProductStatus::Archived), ..ProductPatch::default() };
    update(ledger, scope, id, expected, archived).await
}

/// A field that cannot be empty: `None` if it stays.
fn filled<T: Clone>(patch: &Patch<T>, pointer: &'static str) -> Result<Option<T>, Problem> {
    match patch {
        Patch::Keep => Ok(None),
        Patch::Clear => Err(Problem::invalid(pointer, "this cannot be emptied")),
        Patch::Set(value) => Ok(Some(value.clone())),
    }
}

/// A field whose emptiness is its default: `None` if it stays.
fn emptied<T: Clone + Default>(patch: &Patch<T>) -> Option<T> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => Some(T::default()),
        Patch::Set(value) => Some(value.clone()),
    }
}

/// A field that may be absent, as the patch leaves it.
fn optional<T: Clone>(patch: &Patch<T>, was: Option<T>) -> Option<T> {
    match patch {
        Patch::Keep => was,
        Patch::Clear => None,
        Patch::Set(value) => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::Currency;

    fn pot() -> Product {
        Product {
            handle: "pot".into(),
            title: "Pot".into(),
            description_html: "<p>A pot</p>".into(),
            vendor: "Kiln".into(),
            product_type: String::new(),
            tags: vec!["clay".into()],
            status: ProductStatus::Active,
            options: Vec::new(),
            images: Vec::new(),
            variant_count: 1,
        }
    }

    fn small() -> Variant {
        Variant {
            product: Id::from_bytes([1; 16]),
            position: 1,
            title: "Small".into(),
            options: vec!["Small".into()],
            sku: Some("POT-S".into()),
            barcode: None,
            price: Money::new(900, Currency::GBP),
            compare_at_price: Some(Money::new(1_100, Currency::GBP)),
            weight_grams: Some(400),
            image_url: None,
            tracked: true,
            sell_when_out: false,
            requires_shipping: true,
            taxable: true,
        }
    }

    fn product_patch(json: &str) -> ProductPatch {
        serde_json::from_str(json).unwrap()
    }

    fn variant_patch(json: &str) -> VariantPatch {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_empty_patch_changes_nothing() {
        assert_eq!(pot().patched(&ProductPatch::default()).unwrap(), pot());
        assert_eq!(small().patched(&VariantPatch::default()).unwrap(), small());
    }

    #[test]
    fn null_empties_what_can_be_empty_and_is_refused_elsewhere() {
        let patch = product_patch(r#"{"vendor": null, "tags": null, "description_html": null}"#);
        let next = pot().patched(&patch).unwrap();
        assert_eq!((next.vendor.as_str(), next.tags.len(), next.description_html.as_str()), ("", 0, ""));
        for field in ["title", "handle", "status"] {
            let problem = pot().patched(&product_patch(&format!(r#"{{"{field}": null}}"#))).unwrap_err();
            assert_eq!(problem.pointer, Some(format!("/{field}")));
        }
        let next = small().patched(&variant_patch(
            r#"{"sku": null, "compare_at_price": null, "weight_grams": null, "image_url": null}"#,
        ));
        let next = next.unwrap();
        assert_eq!((next.sku, next.compare_at_price, next.weight_grams), (None, None, None));
        for field in ["price", "tracked", "taxable"] {
            let problem = small().patched(&variant_patch(&format!(r#"{{"{field}": null}}"#))).unwrap_err();
            assert_eq!(problem.pointer, Some(format!("/{field}")));
        }
    }

    #[test]
    fn values_are_checked_as_at_birth() {
        for (patch, pointer) in [
            (r#"{"title": " "}"#, "/title"),
            (r#"{"handle": "?"}"#, "/handle"),
            (r#"{"images": [{"url": "https://example.com/a"}, {"url": "x"}]}"#, "/images/1/url"),
        ] {
            assert_eq!(pot().patched(&product_patch(patch)).unwrap_err().pointer.as_deref(), Some(pointer));
        }
        for (patch, pointer) in [
            (r#"{"price": {"amount": -1, "currency": "GBP"}}"#, "/price"),
            (r#"{"price": {"amount": 1, "currency": "EUR"}}"#, "/price/currency"),
            (r#"{"compare_at_price": {"amount": 1, "currency": "EUR"}}"#, "/compare_at_price/currency"),
            (r#"{"image_url": "http://example.com"}"#, "/image_url"),
            (r#"{"weight_grams": 18446744073709551615}"#, "/weight_grams"),
            (r#"{"sku": "a\nb"}"#, "/sku"),
        ] {
            assert_eq!(small().patched(&variant_patch(patch)).unwrap_err().pointer.as_deref(), Some(pointer));
        }
    }
}
