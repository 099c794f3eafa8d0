//! The catalogue: what a supplier sells, as products and the variants they come in.
//!
//! A product holds what its variants share; a variant holds what is ordered: its SKU, its price, its weight. A draft
//! brings both and is checked whole before anything is written, so that a stored product is always a valid one.

mod bring;
mod create;
mod drafts;
mod handles;
mod options;
mod patches;
mod product;
mod put;
mod read;
mod reshape;
mod text;
mod update;
mod variant;

pub use bring::{Bringing, Brought, Incoming, Said, bring};
pub use create::{Created, create, create_many};
pub use drafts::{ProductDraft, VariantDraft};
pub use handles::slug;
pub use patches::{ProductPatch, VariantPatch, archive};
pub use product::{Image, Product, ProductOption, ProductStatus};
pub use put::{ProductPut, Put, check, put};
pub use read::{all_variants_of, by_handle, by_skus, get, list, variant, variants_of};
pub use reshape::{add_variants, remove_variant};
pub use update::{Patched, Update, update, update_many};
pub use variant::{DEFAULT_VARIANT_TITLE, Variant};

/// Characters of a product's title, an option's name or value, a vendor, a type.
pub const TITLE_MAX: usize = 255;
/// Characters of a handle.
pub const HANDLE_MAX: usize = 255;
/// Bytes of a description.
pub const DESCRIPTION_BYTES_MAX: usize = 512 * 1024;
/// Tags of a product.
pub const TAGS_MAX: usize = 250;
/// Characters of a tag.
pub const TAG_MAX: usize = 255;
/// Options of a product.
pub const OPTIONS_MAX: usize = 3;
/// Variants of a product.
pub const VARIANTS_MAX: usize = 2_048;
/// Images of a product.
pub const IMAGES_MAX: usize = 250;
/// Characters of an image's alternative text.
pub const ALT_MAX: usize = 512;
/// Bytes of a URL.
pub const URL_BYTES_MAX: usize = 2_048;
/// Characters of a SKU.
pub const SKU_MAX: usize = 255;
/// Characters of a barcode.
pub const BARCODE_MAX: usize = 255;
/// Minor units of a price: ten billion euros, and still a thousand times of it can be summed.
pub const PRICE_MINOR_MAX: i64 = 1_000_000_000_000;
/// Grams of a variant: a thousand tonnes.
pub const WEIGHT_GRAMS_MAX: u64 = 1_000_000_000;
/// Products that one call creates or changes.
pub const PRODUCTS_A_CALL_MAX: usize = 1_000;
/// Variants that one call creates or changes, over all its products.
pub const VARIANTS_A_CALL_MAX: usize = 10_000;
/// Times that a change is worked out anew because somebody else was faster.
pub const TRIES_MAX: usize = 8;
