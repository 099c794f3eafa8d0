//! Products and variants.

use super::{Money, Refused};
use utoipa::ToSchema;

/// Something that a supplier sells.
#[derive(ToSchema)]
pub struct Product {
    /// `product`
    #[schema(example = "product")]
    pub object: String,
    /// Its id.
    #[schema(example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Its name in addresses, unique in the account.
    #[schema(example = "clay-plant-pot")]
    pub handle: String,
    /// Its name.
    #[schema(example = "Clay Plant Pot")]
    pub title: String,
    /// What it is, as HTML that whoever shows it must clean.
    #[schema(example = "<p>Thrown by hand.</p>")]
    pub description_html: String,
    /// Who makes it.
    #[schema(example = "Sample Pottery")]
    pub vendor: String,
    /// What sort of thing it is, in the supplier's own words.
    #[schema(example = "Plant pots")]
    pub product_type: String,
    /// Words to find it by.
    #[schema(example = json!(["clay", "garden"]))]
    pub tags: Vec<String>,
    /// Whether it is offered.
    pub status: ProductStatus,
    /// How its variants differ; empty if it comes in one variant only.
    pub options: Vec<ProductOption>,
    /// Pictures, the first one first.
    pub images: Vec<Image>,
    /// How many variants it has.
    #[schema(example = 2)]
    pub variant_count: u32,
}

/// Whether a product is offered.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Offered to partners.
    Active,
    /// Being prepared; partners do not see it.
    Draft,
    /// No longer offered.
    Archived,
}

/// A way in which variants differ.
#[derive(ToSchema)]
pub struct ProductOption {
    /// Its name.
    #[schema(example = "Size")]
    pub name: String,
    /// Its values, in the order in which they are shown.
    #[schema(example = json!(["Small", "Large"]))]
    pub values: Vec<String>,
}

/// A picture, by reference.
#[derive(ToSchema)]
pub struct Image {
    /// An `https` address.
    #[schema(example = "https://pictures.example/pot.jpg")]
    pub url: String,
    /// What it shows, in words.
    #[schema(example = "A plant pot of red clay")]
    pub alt: String,
}

/// A product as it was just created, with its variants in their order.
#[derive(ToSchema)]
pub struct ProductWithVariants {
    #[serde(flatten)]
    pub product: Product,
    /// What it is sold as.
    pub variants: Vec<Variant>,
}

/// One form in which a product is sold.
#[derive(ToSchema)]
pub struct Variant {
    /// `variant`
    #[schema(example = "variant")]
    pub object: String,
    /// Its id.
    #[schema(example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Of which product.
    #[schema(example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub product: String,
    /// Its place among the product's variants; 1 is the first.
    #[schema(example = 1)]
    pub position: u32,
    /// Its option values, as in `Large / Red`.
    #[schema(example = "Large")]
    pub title: String,
    /// One value for each of the product's options.
    #[schema(example = json!(["Large"]))]
    pub options: Vec<String>,
    /// Stock keeping unit, unique in the account.
    #[schema(required, example = "POT-L")]
    pub sku: Option<String>,
    /// What is printed on it.
    #[schema(required)]
    pub barcode: Option<String>,
    /// What one costs.
    pub price: Money,
    /// What one used to cost.
    #[schema(required)]
    pub compare_at_price: Option<Money>,
    /// Grams, packed.
    #[schema(required)]
    pub weight_grams: Option<u64>,
    /// Its own picture.
    #[schema(required)]
    pub image_url: Option<String>,
    /// Whether its stock is counted.
    pub tracked: bool,
    /// Whether it is sold also when the count says that there is none.
    #[schema(example = false)]
    pub sell_when_out: bool,
    /// Whether it is a thing that travels.
    pub requires_shipping: bool,
    /// Whether tax is charged on it.
    pub taxable: bool,
}

/// A product to be created. Fields that are not named here are dropped.
#[derive(ToSchema)]
pub struct NewProduct {
    /// Made from the title, and made unique, if left out.
    pub handle: Option<String>,
    /// Up to 255 characters.
    pub title: String,
    /// Up to 512 KiB.
    pub description_html: Option<String>,
    /// Who makes it.
    pub vendor: Option<String>,
    /// What sort of thing it is.
    pub product_type: Option<String>,
    /// Up to 250.
    pub tags: Option<Vec<String>>,
    /// `active`, if left out.
    pub status: Option<ProductStatus>,
    /// Up to three; left out for a product with one variant only.
    pub options: Option<Vec<NewProductOption>>,
    /// Up to 250.
    pub images: Option<Vec<Image>>,
    /// 1 to 2,048.
    pub variants: Vec<NewVariant>,
}

/// An option of a product to be created.
#[derive(ToSchema)]
pub struct NewProductOption {
    /// Its name.
    #[schema(example = "Size")]
    pub name: String,
    /// Those of the variants, if left out.
    pub values: Option<Vec<String>>,
}

/// A variant of a product to be created.
#[derive(ToSchema)]
pub struct NewVariant {
    /// One value for each of the product's options.
    pub options: Option<Vec<String>>,
    /// Unique in the account.
    pub sku: Option<String>,
    /// What is printed on it.
    pub barcode: Option<String>,
    /// What one costs; all variants of a product are in one currency.
    pub price: Money,
    /// What one used to cost.
    pub compare_at_price: Option<Money>,
    /// Grams, packed.
    pub weight_grams: Option<u64>,
    /// An `https` address.
    pub image_url: Option<String>,
    /// Yes, if left out.
    pub tracked: Option<bool>,
    /// No, if left out.
    pub sell_when_out: Option<bool>,
    /// Yes, if left out.
    pub requires_shipping: Option<bool>,
    /// Yes, if left out.
    pub taxable: Option<bool>,
}

/// What is to become of a product. A field that is left out stays; `null` empties it, where it can be empty.
#[derive(ToSchema)]
pub struct ProductChange {
    pub handle: Option<String>,
    pub title: Option<String>,
    pub description_html: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    pub tags: Option<Vec<String>>,
    pub status: Option<ProductStatus>,
    pub images: Option<Vec<Image>>,
}

/// What is to become of a variant. A field that is left out stays; `null` empties it, where it can be empty.
#[derive(ToSchema)]
pub struct VariantChange {
    pub sku: Option<String>,
    pub barcode: Option<String>,
    pub price: Option<Money>,
    pub compare_at_price: Option<Money>,
    pub weight_grams: Option<u64>,
    pub image_url: Option<String>,
    pub tracked: Option<bool>,
    pub sell_when_out: Option<bool>,
    pub requires_shipping: Option<bool>,
    pub taxable: Option<bool>,
}

/// Products to be created.
#[derive(ToSchema)]
pub struct NewProducts {
    /// 1 to 1,000.
    pub data: Vec<NewProduct>,
}

/// What came of a batch of products.
#[derive(ToSchema)]
pub struct ProductResults {
    /// How many were created.
    #[schema(example = 1)]
    pub succeeded: u32,
    /// How many were not.
    pub failed: u32,
    /// One for each, in the order sent.
    pub data: Vec<ProductResult>,
}

/// What came of one product.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum ProductResult {
    /// It was created.
    Created {
        /// Its place in `data`, from 0.
        #[schema(example = 0)]
        index: u32,
        /// 201
        #[schema(example = 201)]
        status: u16,
        /// The product's id.
        #[schema(example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c")]
        id: String,
        /// Its variants' ids, in their order.
        #[schema(example = json!(["var_01jd2mk8x3e5v9zq4t7w6y5h0c"]))]
        variants: Vec<String>,
    },
    /// It was not.
    Refused(Refused),
}

/// Changes to products.
#[derive(ToSchema)]
pub struct ProductChanges {
    /// 1 to 1,000.
    pub data: Vec<ProductChangeById>,
}

/// A change to one product.
#[derive(ToSchema)]
pub struct ProductChangeById {
    /// Which product; each once.
    pub id: String,
    /// The version that was seen: refuses the change if there is a newer one.
    pub version: Option<u64>,
    #[serde(flatten)]
    pub change: ProductChange,
}

/// What came of a batch of changes to products.
#[derive(ToSchema)]
pub struct ProductChangeResults {
    /// How many are as asked.
    #[schema(example = 1)]
    pub succeeded: u32,
    /// How many are not.
    pub failed: u32,
    /// One for each, in the order sent.
    pub data: Vec<ProductChangeResult>,
}

/// What came of one change to a product.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum ProductChangeResult {
    /// It is as asked.
    Changed {
        /// Its place in `data`, from 0.
        #[schema(example = 0)]
        index: u32,
        /// 200
        #[schema(example = 200)]
        status: u16,
        /// The product's id.
        #[schema(example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c")]
        id: String,
        /// Its version now.
        #[schema(example = 2)]
        version: u64,
    },
    /// It was not changed.
    Refused(Refused),
}

/// Changes to variants.
#[derive(ToSchema)]
pub struct VariantChanges {
    /// 1 to 1,000.
    pub data: Vec<VariantChangeById>,
}

/// A change to one variant.
#[derive(ToSchema)]
pub struct VariantChangeById {
    /// Which variant; each once.
    pub id: String,
    /// The version that was seen: refuses the change if there is a newer one.
    pub version: Option<u64>,
    #[serde(flatten)]
    pub change: VariantChange,
}

/// What came of a batch of changes to variants.
#[derive(ToSchema)]
pub struct VariantResults {
    /// How many are as asked.
    #[schema(example = 1)]
    pub succeeded: u32,
    /// How many are not.
    pub failed: u32,
    /// One for each, in the order sent.
    pub data: Vec<VariantResult>,
}

/// What came of one change to a variant.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum VariantResult {
    /// It is as asked.
    Changed {
        /// Its place in `data`, from 0.
        #[schema(example = 0)]
        index: u32,
        /// 200
        #[schema(example = 200)]
        status: u16,
        /// The variant's id.
        #[schema(example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")]
        id: String,
        /// Its version now.
        #[schema(example = 2)]
        version: u64,
    },
    /// It was not changed.
    Refused(Refused),
}
