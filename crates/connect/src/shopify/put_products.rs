//! Writing products: what is ours is made as it should be, and nothing that the shop has is taken away.
//!
//! `productSet` would be one call, but it deletes every variant, option value and picture that it is not told of; between
//! reading them and telling them a person in the shop can add one, and it would be gone. So a product is made and changed
//! by mutations that can delete nothing: `productCreate` with the first variant's values, then
//! `productVariantsBulkCreate` and `productVariantsBulkUpdate` for what is missing or different. A crash between them leaves
//! a product with our mark and too few variants, which the next call completes.

use super::answers::{Payload, Written};
use super::call::{accepted, refused};
use super::placing::{Marked, decimal};
use super::product_answers::ReadProduct;
use super::{MARK, NAMESPACE, Shopify, documents};
use crate::platform::{Failure, ProductWrite, RemoteId, RemoteProduct, VariantWrite};
use bonded_base::{Currency, Money};
use bonded_trade::catalog::{Image, ProductOption, ProductStatus, VariantDraft};
use serde_json::{Map, Value, json};

/// Variants that one call makes or changes.
const VARIANTS_PER_CALL: usize = 100;

impl Shopify {
    pub(super) async fn write_product(&self, write: &ProductWrite) -> Result<RemoteProduct, Failure> {
        let currency = self.currency().await?;
        let found = match self.find(write).await? {
            Some(found) => found,
            None => self.create_product(write).await?,
        };
        let is_plain = found.product.product.options.is_empty();
        let names = |names: &[ProductOption]| names.iter().map(|option| option.name.clone()).collect::<Vec<_>>();
        if names(&found.product.product.options) != names(&write.product.options) {
            return Err(Failure::Refused("the shop's product differs by other options".to_owned()));
        }
        let mut changed = self.update_product(write, &found).await?;
        let (mut missing, mut different) = (Vec::new(), Vec::new());
        for variant in &write.variants {
            match place_of(variant, &found, is_plain) {
                None => missing.push(input(variant, None, write, currency)?),
                Some(place) => {
                    let known = found.product.product.variants.get(place).zip(found.product.variants.get(place));
                    let mark = found.marks.get(place).and_then(Option::as_deref);
                    if let Some((known, id)) = known
                        && !is_as_wanted(variant, known, mark, currency)
                    {
                        different.push(input(variant, Some(id), write, currency)?);
                    }
                }
            }
        }
        let id = &found.product.id;
        for variants in different.chunks(VARIANTS_PER_CALL) {
            let variables = json!({ "product": id, "variants": variants });
            let answer: Payload = self.ask(&documents::VARIANTS_UPDATE, variables).await?;
            accepted("variants", &answer.written()?.user_errors)?;
            changed = true;
        }
        for variants in missing.chunks(VARIANTS_PER_CALL) {
            let variables = json!({ "product": id, "variants": variants });
            let answer: Payload = self.ask(&documents::VARIANTS_CREATE, variables).await?;
            accepted("variants", &answer.written()?.user_errors)?;
            changed = true;
        }
        if !changed {
            return Ok(found.product);
        }
        self.product_by_id(id).await?.map(|read| read.product).ok_or(Failure::Gone)
    }

    /// The product as it is there: by its id, or by our mark.
    async fn find(&self, write: &ProductWrite) -> Result<Option<ReadProduct>, Failure> {
        if let Some(id) = &write.id
            && let Some(found) = self.product_by_id(id).await?
        {
            return Ok(Some(found));
        }
        self.define_marks(Marked::Product).await?;
        self.product_by_mark(&write.mark).await
    }

    async fn create_product(&self, write: &ProductWrite) -> Result<ReadProduct, Failure> {
        let mut product = fields(write);
        let first = write.variants.first().map(|variant| variant.variant.options.as_slice()).unwrap_or_default();
        if first.len() != write.product.options.len() {
            return Err(Failure::Refused("the product's first variant does not have its options".to_owned()));
        }
        let options: Vec<_> = write.product.options.iter().zip(first).collect();
        if !options.is_empty() {
            let option = |(option, value): &(&ProductOption, &String)| json!({ "name": option.name, "values": [{ "name": value }] });
            product.insert("productOptions".to_owned(), options.iter().map(option).collect());
        }
        let image =
            |image: &Image| json!({ "originalSource": image.url, "alt": image.alt, "mediaContentType": "IMAGE" });
        let media: Vec<_> = write.product.images.iter().map(image).collect();
        let answer: Payload =
            self.ask(&documents::PRODUCT_CREATE, json!({ "product": product, "media": media })).await?;
        let Written { user_errors, made } = answer.written()?;
        let found = match (user_errors.first(), made) {
            // Another call with this mark may have been quicker.
            (Some(error), _) => match self.product_by_mark(&write.mark).await? {
                Some(found) => return Ok(found),
                None => return Err(refused("product", error)),
            },
            (None, Some(made)) => self.product_by_id(&made.id).await?,
            (None, None) => None,
        };
        found.ok_or(Failure::Gone)
    }

    /// Makes the product's own fields as they should be; answers whether that took a call.
    async fn update_product(&self, write: &ProductWrite, found: &ReadProduct) -> Result<bool, Failure> {
        let (wanted, known) = (&write.product, &found.product.product);
        let is_same = wanted.title == known.title
            && wanted.description_html == known.description_html
            && wanted.vendor == known.vendor
            && wanted.product_type == known.product_type
            && wanted.status == known.status
            && sorted(&wanted.tags) == sorted(&known.tags)
            && found.product.mark.as_ref() == Some(&write.mark);
        if is_same {
            return Ok(false);
        }
        let mut product = fields(write);
        product.insert("id".to_owned(), json!(found.product.id));
        let answer: Payload = self.ask(&documents::PRODUCT_UPDATE, json!({ "product": product })).await?;
        accepted("product", &answer.written()?.user_errors)?;
        Ok(true)
    }
}

fn sorted(tags: &[String]) -> Vec<&String> {
    let mut tags: Vec<_> = tags.iter().collect();
    tags.sort();
    tags
}

/// What is ours of a product. Not its handle, which is the shop's own address for it.
fn fields(write: &ProductWrite) -> Map<String, Value> {
    let product = &write.product;
    let status = match product.status {
        ProductStatus::Active => "ACTIVE",
        ProductStatus::Draft => "DRAFT",
        ProductStatus::Archived => "ARCHIVED",
    };
    let fields = [
        ("title", json!(product.title)),
        ("descriptionHtml", json!(product.description_html)),
        ("vendor", json!(product.vendor)),
        ("productType", json!(product.product_type)),
        ("tags", json!(product.tags)),
        ("status", json!(status)),
        ("metafields", json!([{ "namespace": NAMESPACE, "key": MARK, "type": "id", "value": write.mark }])),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Where the variant is among the shop's: by its id, by our mark, by its options, and never by its SKU, which people rename.
fn place_of(write: &VariantWrite, found: &ReadProduct, is_plain: bool) -> Option<usize> {
    let by_id = || found.product.variants.iter().position(|id| write.id.as_ref() == Some(id));
    let by_mark = || found.marks.iter().position(|mark| mark.as_ref() == Some(&write.mark));
    let same = |known: &VariantDraft| is_plain || known.options == write.variant.options;
    // One that carries another mark is another variant of ours.
    let by_options = || {
        let unmarked = |place: usize| found.marks.get(place).is_none_or(Option::is_none);
        let mut known = found.product.product.variants.iter().enumerate();
        known.find(|(place, known)| same(known) && unmarked(*place)).map(|(place, _)| place)
    };
    by_id().or_else(by_mark).or_else(by_options)
}

fn is_as_wanted(write: &VariantWrite, known: &VariantDraft, mark: Option<&str>, currency: Currency) -> bool {
    let wanted = &write.variant;
    mark == Some(write.mark.as_str())
        && known.sku == wanted.sku
        && known.barcode == wanted.barcode
        && write.price.is_none_or(|price| known.price == Some(price))
        && (write.price.is_none() || known.compare_at_price == compare_at(write, currency))
        && known.weight_grams.unwrap_or(0) == wanted.weight_grams.unwrap_or(0)
        && known.tracked == wanted.tracked
        && known.sell_when_out == wanted.sell_when_out
        && known.requires_shipping == wanted.requires_shipping
        && known.taxable == wanted.taxable
}

/// A price before it makes sense only beside a price that we give too.
fn compare_at(write: &VariantWrite, currency: Currency) -> Option<Money> {
    let price = write.price?;
    write.variant.compare_at_price.filter(|before| before.currency == currency && before.amount > price.amount)
}

/// A variant as the mutations take it. A new one has a price in any case: without one it would be sold for nothing.
fn input(
    write: &VariantWrite,
    id: Option<&RemoteId>,
    product: &ProductWrite,
    currency: Currency,
) -> Result<Value, Failure> {
    let variant = &write.variant;
    let mut input = json!({
        "barcode": variant.barcode,
        "taxable": variant.taxable,
        "inventoryPolicy": if variant.sell_when_out { "CONTINUE" } else { "DENY" },
        "inventoryItem": {
            "sku": variant.sku,
            "tracked": variant.tracked,
            "requiresShipping": variant.requires_shipping,
            "measurement": { "weight": { "unit": "GRAMS", "value": variant.weight_grams.unwrap_or(0) } },
        },
        "metafields": [{
            "namespace": NAMESPACE, "key": MARK, "type": "single_line_text_field", "value": write.mark,
        }],
    });
    let price = match (write.price, id) {
        (Some(price), _) => Some(price),
        (None, None) => Some(variant.price),
        (None, Some(_)) => None,
    };
    if price.is_some_and(|price| price.currency != currency) {
        return Err(Failure::Refused("the price is not in the shop's currency".to_owned()));
    }
    let Some(fields) = input.as_object_mut() else { return Ok(input) };
    if let Some(price) = price {
        fields.insert("price".to_owned(), json!(decimal(price)));
    }
    if write.price.is_some() {
        fields.insert("compareAtPrice".to_owned(), json!(compare_at(write, currency).map(decimal)));
    }
    if let Some(id) = id {
        fields.insert("id".to_owned(), json!(id));
    } else {
        let value = |(option, value): (&ProductOption, &String)| json!({ "optionName": option.name, "name": value });
        let values: Vec<_> = product.product.options.iter().zip(&variant.options).map(value).collect();
        fields.insert("optionValues".to_owned(), json!(values));
    }
    Ok(input)
}
