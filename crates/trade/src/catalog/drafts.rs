//! Drafts: products as callers bring them, and the one place where they become valid ones.

use super::options::settle;
use super::text::{barcode, block, filled_line, https_url, line, optional_line, price, too_much};
use super::{
    ALT_MAX, DESCRIPTION_BYTES_MAX, IMAGES_MAX, Image, Product, ProductOption, ProductStatus, SKU_MAX, TAG_MAX,
    TAGS_MAX, TITLE_MAX, VARIANTS_MAX, Variant, WEIGHT_GRAMS_MAX, handles,
};
use bonded_base::{Id, Money, Problem};
use serde::{Deserialize, Deserializer, Serialize};

/// A product that somebody wants to sell, not checked yet. Fields that are not named here are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProductDraft {
    /// Its name in addresses; made from the title, and made unique, if left out.
    pub handle: Option<String>,
    /// Its name.
    pub title: String,
    /// What it is, as HTML.
    #[serde(deserialize_with = "null_is_empty")]
    pub description_html: String,
    /// Who makes it.
    #[serde(deserialize_with = "null_is_empty")]
    pub vendor: String,
    /// What sort of thing it is.
    #[serde(deserialize_with = "null_is_empty")]
    pub product_type: String,
    /// Words to find it by.
    #[serde(deserialize_with = "null_is_empty")]
    pub tags: Vec<String>,
    /// Active, if left out.
    #[serde(deserialize_with = "null_is_empty")]
    pub status: ProductStatus,
    /// How its variants differ; left out for a product with one variant only.
    #[serde(deserialize_with = "null_is_empty")]
    pub options: Vec<ProductOption>,
    /// Pictures.
    #[serde(deserialize_with = "null_is_empty")]
    pub images: Vec<Image>,
    /// What it is sold as: at least one.
    pub variants: Vec<VariantDraft>,
}

/// A variant of a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent answers, named as platforms name them")]
pub struct VariantDraft {
    /// One value for each of the product's options.
    #[serde(deserialize_with = "null_is_empty")]
    pub options: Vec<String>,
    /// Stock keeping unit.
    pub sku: Option<String>,
    /// What is printed on it.
    pub barcode: Option<String>,
    /// What one costs. Cannot be left out.
    pub price: Option<Money>,
    /// What one used to cost, in the same currency.
    pub compare_at_price: Option<Money>,
    /// Grams, packed.
    pub weight_grams: Option<u64>,
    /// Its own picture.
    pub image_url: Option<String>,
    /// Whether its stock is counted; yes, if left out.
    pub tracked: bool,
    /// Whether it is sold also when there is none; no, if left out.
    pub sell_when_out: bool,
    /// Whether it travels; yes, if left out.
    pub requires_shipping: bool,
    /// Whether tax is charged on it; yes, if left out.
    pub taxable: bool,
}

impl Default for VariantDraft {
    fn default() -> Self {
        Self {
            options: Vec::new(),
            sku: None,
            barcode: None,
            price: None,
            compare_at_price: None,
            weight_grams: None,
            image_url: None,
            tracked: true,
            sell_when_out: false,
            requires_shipping: true,
            taxable: true,
        }
    }
}

/// Takes `null` for what is empty by default.
pub(super) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A draft that was found good.
pub(super) struct Ready {
    pub product: Product,
    pub variants: Vec<Variant>,
    /// Whether the handle may be changed so that it is unique.
    pub handle_generated: bool,
}

impl ProductDraft {
    /// Checks everything that can be checked without looking into the account.
    pub(super) fn ready(self, id: Id<Product>) -> Result<Ready, Problem> {
        if self.variants.is_empty() {
            return Err(Problem::invalid("/variants", "a product has at least one variant"));
        }
        if self.variants.len() > VARIANTS_MAX {
            return Err(too_much("/variants", format!("at most {VARIANTS_MAX} variants")));
        }
        let title = filled_line(self.title, "/title", TITLE_MAX)?;
        let given = self.handle.filter(|handle| !handle.trim().is_empty());
        let handle_generated = given.is_none();
        let handle = given.map_or_else(|| Ok(handles::of_title(&title)), |handle| handles::given(&handle))?;
        let options = settle(self.options, &self.variants)?;
        let mut variants = Vec::with_capacity(self.variants.len());
        for (place, draft) in self.variants.into_iter().enumerate() {
            let variant = draft.ready(id, place).map_err(|problem| problem.within(&format!("/variants/{place}")))?;
            variants.push(variant);
        }
        one_currency(&variants)?;
        let product = Product {
            handle,
            title,
            description_html: block(self.description_html, "/description_html", DESCRIPTION_BYTES_MAX)?,
            vendor: line(self.vendor, "/vendor", TITLE_MAX)?,
            product_type: line(self.product_type, "/product_type", TITLE_MAX)?,
            tags: tags(self.tags)?,
            status: self.status,
            options,
            images: images(self.images)?,
            variant_count: u32::try_from(variants.len()).unwrap_or(u32::MAX),
        };
        Ok(Ready { product, variants, handle_generated })
    }
}

impl VariantDraft {
    /// The variant at a place (0 is the first); its options were settled with the product's.
    pub(super) fn ready(self, product: Id<Product>, place: usize) -> Result<Variant, Problem> {
        let Some(asked) = self.price else {
            return Err(Problem::invalid("/price", "a variant has a price"));
        };
        let options: Vec<_> = self.options.into_iter().map(super::text::trimmed).collect();
        let variant = Variant {
            product,
            position: u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1),
            title: Variant::title_of(&options),
            options,
            sku: optional_line(self.sku, "/sku", SKU_MAX)?,
            barcode: barcode(self.barcode)?,
            price: price(asked, "/price")?,
            compare_at_price: self.compare_at_price,
            weight_grams: self.weight_grams,
            image_url: self.image_url.map(|url| https_url(url, "/image_url")).transpose()?,
            tracked: self.tracked,
            sell_when_out: self.sell_when_out,
            requires_shipping: self.requires_shipping,
            taxable: self.taxable,
        };
        variant.checked()
    }
}

impl Variant {
    /// The rules that hold between its own fields, at its birth and after every change.
    pub(super) fn checked(self) -> Result<Self, Problem> {
        if let Some(before) = self.compare_at_price {
            price(before, "/compare_at_price")?;
            if before.currency != self.price.currency {
                return Err(Problem::invalid("/compare_at_price/currency", "it must be the price's own currency"));
            }
        }
        if self.weight_grams.is_some_and(|grams| grams > WEIGHT_GRAMS_MAX) {
            return Err(too_much("/weight_grams", format!("at most {WEIGHT_GRAMS_MAX} grams")));
        }
        Ok(self)
    }
}

/// A product's prices can be compared only when they are in one currency.
fn one_currency(variants: &[Variant]) -> Result<(), Problem> {
    let first = variants.first().map(|variant| variant.price.currency);
    match variants.iter().position(|variant| Some(variant.price.currency) != first) {
        None => Ok(()),
        Some(place) => Err(Problem::invalid(
            format!("/variants/{place}/price/currency"),
            "all prices of a product are in one currency",
        )),
    }
}

/// Tags, trimmed, each once (whatever its case), in the order in which they were given.
pub(super) fn tags(given: Vec<String>) -> Result<Vec<String>, Problem> {
    let mut tags: Vec<String> = Vec::with_capacity(given.len().min(TAGS_MAX));
    for (place, tag) in given.into_iter().enumerate() {
        let tag = line(tag, "", TAG_MAX).map_err(|problem| problem.within(&format!("/tags/{place}")))?;
        if tag.is_empty() || tags.iter().any(|known| known.eq_ignore_ascii_case(&tag)) {
            continue;
        }
        if tags.len() == TAGS_MAX {
            return Err(too_much("/tags", format!("at most {TAGS_MAX} tags")));
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// Pictures, checked one by one.
pub(super) fn images(given: Vec<Image>) -> Result<Vec<Image>, Problem> {
    if given.len() > IMAGES_MAX {
        return Err(too_much("/images", format!("at most {IMAGES_MAX} images")));
    }
    let checked = |Image { url, alt }| Ok(Image { url: https_url(url, "/url")?, alt: line(alt, "/alt", ALT_MAX)? });
    given
        .into_iter()
        .enumerate()
        .map(|(place, image)| checked(image).map_err(|problem: Problem| problem.within(&format!("/images/{place}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::{Currency, Reason};

    const ID: Id<Product> = Id::from_bytes([7; 16]);

    fn mug() -> ProductDraft {
        let price = Some(Money::new(1_250, Currency::EUR));
        let variant = VariantDraft { price, sku: Some(" MUG-1 ".to_owned()), ..VariantDraft::default() };
        ProductDraft { title: " Blue Mug ".to_owned(), variants: vec![variant], ..ProductDraft::default() }
    }

    /// A draft with one thing changed, and where that is refused.
    fn refused(change: impl FnOnce(&mut ProductDraft)) -> (Reason, String) {
        let mut draft = mug();
        change(&mut draft);
        let problem = draft.ready(ID).err().expect("should be refused");
        (problem.reason, problem.pointer.expect("should say where"))
    }

    #[test]
    fn the_least_draft_is_a_product_with_one_variant() {
        let Ready { product, variants, handle_generated } = mug().ready(ID).unwrap();
        assert!(handle_generated);
        assert_eq!((product.title.as_str(), product.handle.as_str()), ("Blue Mug", "blue-mug"));
        assert_eq!((product.status, product.variant_count), (ProductStatus::Active, 1));
        let variant = &variants[0];
        assert_eq!((variant.product, variant.position, variant.title.as_str()), (ID, 1, DEFAULT_TITLE));
        assert_eq!(variant.sku.as_deref(), Some("MUG-1"));
        assert!(variant.tracked && !variant.sell_when_out && variant.requires_shipping && variant.taxable);
    }

    const DEFAULT_TITLE: &str = super::super::DEFAULT_VARIANT_TITLE;

    #[test]
    fn each_bad_field_is_named_by_its_pointer() {
        use Reason::{Invalid, TooMuch};
        let at = |reason, pointer: &str| (reason, pointer.to_owned());
        let long = "x".repeat(TITLE_MAX + 1);
        let euro = |amount| Some(Money::new(amount, Currency::EUR));
        assert_eq!(refused(|draft| draft.title = "  ".into()), at(Invalid, "/title"));
        assert_eq!(refused(|draft| draft.title.clone_from(&long)), at(TooMuch, "/title"));
        assert_eq!(refused(|draft| draft.handle = Some("!".into())), at(Invalid, "/handle"));
        assert_eq!(refused(|draft| draft.vendor.clone_from(&long)), at(TooMuch, "/vendor"));
        assert_eq!(refused(|draft| draft.product_type = "a\nb".into()), at(Invalid, "/product_type"));
        assert_eq!(refused(|draft| draft.description_html = "\u{1}".into()), at(Invalid, "/description_html"));
        assert_eq!(refused(|draft| draft.tags = vec!["a".into(), "b\0".into()]), at(Invalid, "/tags/1"));
        assert_eq!(
            refused(|draft| draft.tags = (0..=TAGS_MAX).map(|tag| tag.to_string()).collect()),
            at(TooMuch, "/tags")
        );
        let image = |url: &str| Image { url: url.into(), alt: String::new() };
        assert_eq!(refused(|draft| draft.images = vec![image("ftp://example.com/a")]), at(Invalid, "/images/0/url"));
        assert_eq!(
            refused(|draft| draft.images = vec![image("https://example.com/a"); IMAGES_MAX + 1]),
            at(TooMuch, "/images")
        );
        assert_eq!(refused(|draft| draft.variants.clear()), at(Invalid, "/variants"));
        assert_eq!(refused(|draft| draft.variants[0].price = None), at(Invalid, "/variants/0/price"));
        assert_eq!(refused(|draft| draft.variants[0].price = euro(-1)), at(Invalid, "/variants/0/price"));
        assert_eq!(
            refused(|draft| draft.variants[0].compare_at_price = Some(Money::new(1, Currency::USD))),
            at(Invalid, "/variants/0/compare_at_price/currency")
        );
        assert_eq!(refused(|draft| draft.variants[0].sku = Some(long.clone())), at(TooMuch, "/variants/0/sku"));
        assert_eq!(
            refused(|draft| draft.variants[0].weight_grams = Some(u64::MAX)),
            at(TooMuch, "/variants/0/weight_grams")
        );
        assert_eq!(
            refused(|draft| draft.variants[0].image_url = Some("http://example.com".into())),
            at(Invalid, "/variants/0/image_url")
        );
        let several = |draft: &mut ProductDraft| draft.variants = vec![draft.variants[0].clone(); VARIANTS_MAX + 1];
        assert_eq!(refused(several), at(TooMuch, "/variants"));
    }

    #[test]
    fn a_product_has_one_currency() {
        let mut draft = mug();
        draft.options = vec![ProductOption { name: "Size".into(), values: Vec::new() }];
        draft.variants[0].options = vec!["S".into()];
        draft.variants.push(VariantDraft {
            options: vec!["L".into()],
            price: Some(Money::new(1, Currency::USD)),
            ..VariantDraft::default()
        });
        let problem = draft.ready(ID).err().unwrap();
        assert_eq!(problem.pointer.as_deref(), Some("/variants/1/price/currency"));
    }

    #[test]
    fn tags_are_kept_once() {
        let given = ["Tea", " tea ", "", "Pot"].map(str::to_owned).to_vec();
        assert_eq!(tags(given).unwrap(), ["Tea", "Pot"]);
    }

    #[test]
    fn null_stands_for_what_may_be_left_out() {
        let json = r#"{"title": "Mug", "handle": null, "vendor": null, "tags": null, "status": null, "options": null,
            "images": null, "platform_field": {"x": 1},
            "variants": [{"price": {"amount": 100, "currency": "EUR"}, "sku": null, "options": null}]}"#;
        let draft: ProductDraft = serde_json::from_str(json).unwrap();
        assert!(draft.ready(ID).is_ok());
    }
}
