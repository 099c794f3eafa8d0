//! One row of a product file: which columns it has, and what it says.
//!
//! Source: Shopify's description of its product CSV, with the column names of today and those used before 2025.

use super::report::Held;
use super::table::{Cells, Column};
use bonded_base::{Currency, Money};
use bonded_trade::catalog::{Image, OPTIONS_MAX, ProductStatus, VariantDraft};

/// The columns of a product file that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProductColumn {
    Handle,
    Title,
    Description,
    Vendor,
    Type,
    Tags,
    Published,
    Status,
    OptionName(u8),
    OptionValue(u8),
    Sku,
    Barcode,
    Price,
    Currency,
    CompareAtPrice,
    Grams,
    Tracker,
    Quantity,
    Policy,
    RequiresShipping,
    Taxable,
    ImageUrl,
    ImagePosition,
    ImageAlt,
    VariantImage,
}

use ProductColumn as C;

impl Column for ProductColumn {
    const NAMES: &'static [(Self, &'static [&'static str])] = &[
        (C::Handle, &["URL handle", "Handle"]),
        (C::Title, &["Title", "Product", "Titel", "Artikel", "Bezeichnung", "Produkt", "Titre", "Produit", "Título"]),
        (C::Description, &["Description", "Body (HTML)", "Body HTML", "Beschreibung", "Descripción"]),
        (C::Vendor, &["Vendor", "Brand", "Hersteller", "Marke", "Fabricant", "Marque", "Proveedor", "Marca"]),
        (
            C::Type,
            &["Type", "Product type", "Custom product type", "Produkttyp", "Type de produit", "Tipo de producto"],
        ),
        (C::Tags, &["Tags", "Schlagwörter", "Étiquettes", "Etiquetas"]),
        (C::Published, &["Published on online store", "Published"]),
        (C::Status, &["Status", "Statut", "Estado"]),
        (C::OptionName(0), &["Option1 name"]),
        (C::OptionValue(0), &["Option1 value"]),
        (C::OptionName(1), &["Option2 name"]),
        (C::OptionValue(1), &["Option2 value"]),
        (C::OptionName(2), &["Option3 name"]),
        (C::OptionValue(2), &["Option3 value"]),
        (C::Sku, &["SKU", "Variant SKU", "Item number", "Artikelnummer", "Artikel-Nr.", "Référence", "Referencia"]),
        (
            C::Barcode,
            &["Barcode", "Variant barcode", "EAN", "GTIN", "UPC", "Strichcode", "Code-barres", "Código de barras"],
        ),
        (C::Price, &["Price", "Variant price", "Preis", "Verkaufspreis", "Prix", "Precio"]),
        (C::Currency, &["Currency", "Währung", "Devise", "Moneda"]),
        (C::CompareAtPrice, &["Compare-at price", "Variant compare at price", "Vergleichspreis", "Prix barré"]),
        (C::Grams, &["Weight value (grams)", "Variant grams", "Gewicht (g)", "Poids (g)", "Peso (g)"]),
        (C::Tracker, &["Inventory tracker", "Variant inventory tracker"]),
        (
            C::Quantity,
            &[
                "Inventory quantity",
                "Variant inventory qty",
                "Stock",
                "Quantity",
                "Bestand",
                "Menge",
                "Quantité",
                "Cantidad",
                "Existencias",
            ],
        ),
        (C::Policy, &["Continue selling when out of stock", "Variant inventory policy"]),
        (C::RequiresShipping, &["Requires shipping", "Variant requires shipping"]),
        (C::Taxable, &["Charge tax", "Variant taxable"]),
        (C::ImageUrl, &["Product image URL", "Image src", "Bild", "Image", "Imagen"]),
        (C::ImagePosition, &["Image position"]),
        (C::ImageAlt, &["Image alt text"]),
        (C::VariantImage, &["Variant image URL", "Variant image"]),
    ];
    const NEEDED: &'static [Self] = &[C::Title, C::Price];
}

impl ProductColumn {
    /// The field of a draft that it fills, as problems point to it.
    pub const fn field(self) -> Option<&'static str> {
        Some(match self {
            C::Handle => "handle",
            C::Title => "title",
            C::Description => "description_html",
            C::Vendor => "vendor",
            C::Type => "product_type",
            C::Tags => "tags",
            C::OptionName(_) => "name",
            C::OptionValue(_) => "options",
            C::Sku => "sku",
            C::Barcode => "barcode",
            C::Price => "price",
            C::CompareAtPrice => "compare_at_price",
            C::Grams => "weight_grams",
            C::ImageUrl => "url",
            C::ImageAlt => "alt",
            C::VariantImage => "image_url",
            C::Status | C::Published => "status",
            C::Tracker => "tracked",
            C::Quantity => "on_hand",
            C::Policy => "sell_when_out",
            C::RequiresShipping => "requires_shipping",
            C::Taxable => "taxable",
            C::Currency => "currency",
            C::ImagePosition => return None,
        })
    }
}

/// What a row says of its product.
#[derive(Debug)]
pub(super) struct ProductCells {
    pub handle: Option<String>,
    pub title: Option<String>,
    pub description_html: String,
    pub vendor: String,
    pub product_type: String,
    pub tags: Vec<String>,
    pub status: Option<ProductStatus>,
    pub option_names: [Option<String>; OPTIONS_MAX],
}

/// A variant as one row describes it.
#[derive(Debug)]
pub(super) struct VariantCells {
    pub draft: VariantDraft,
    pub values: [Option<String>; OPTIONS_MAX],
    /// Pieces counted; `None` where the row does not say.
    pub stock: Option<i64>,
    /// What was understood otherwise than it was written.
    pub note: Option<&'static str>,
}

/// A picture, with the place that it wants among the others.
#[derive(Debug)]
pub(super) struct ImageCells {
    pub image: Image,
    pub position: u32,
}

const fn option_columns() -> [(C, C); OPTIONS_MAX] {
    [
        (C::OptionName(0), C::OptionValue(0)),
        (C::OptionName(1), C::OptionValue(1)),
        (C::OptionName(2), C::OptionValue(2)),
    ]
}

fn owned(cells: &Cells<'_, C>, column: C) -> Option<String> {
    cells.filled(column).map(str::to_owned)
}

/// Spreadsheets keep long numbers as text by an apostrophe before them.
fn code(cells: &Cells<'_, C>, column: C) -> Option<String> {
    let text = cells.filled(column)?;
    Some(text.strip_prefix('\'').unwrap_or(text).to_owned())
}

/// Whether a row describes a variant, and not only one more picture. A title does so where a product begins.
pub(super) fn describes_variant(cells: &Cells<'_, C>, begins: bool) -> bool {
    let telling = [C::Price, C::Sku, C::Barcode, C::OptionValue(0), C::OptionValue(1), C::OptionValue(2)];
    telling.into_iter().any(|column| cells.filled(column).is_some()) || begins && cells.filled(C::Title).is_some()
}

/// What the row says of its product.
pub(super) fn product_cells(cells: &Cells<'_, C>) -> Result<ProductCells, Held> {
    Ok(ProductCells {
        handle: owned(cells, C::Handle),
        title: owned(cells, C::Title),
        description_html: cells.get(C::Description).to_owned(),
        vendor: cells.get(C::Vendor).to_owned(),
        product_type: cells.get(C::Type).to_owned(),
        tags: cells.get(C::Tags).split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        status: status(cells)?,
        option_names: option_columns().map(|(name, _)| owned(cells, name)),
    })
}

/// A product that is only linked to, or not published anywhere, is not for partners yet.
fn status(cells: &Cells<'_, C>) -> Result<Option<ProductStatus>, Held> {
    if let Some(status) = cells.filled(C::Status) {
        return match status.to_ascii_lowercase().as_str() {
            "active" => Ok(Some(ProductStatus::Active)),
            "draft" | "unlisted" => Ok(Some(ProductStatus::Draft)),
            "archived" => Ok(Some(ProductStatus::Archived)),
            _ => Err(cells.held(C::Status, "the status is one of active, draft, archived, unlisted")),
        };
    }
    let published = answer(cells, C::Published)?;
    Ok(published.map(|published| if published { ProductStatus::Active } else { ProductStatus::Draft }))
}

/// What the row says of a variant.
pub(super) fn variant_cells(cells: &Cells<'_, C>, currency: Currency) -> Result<VariantCells, Held> {
    let currency = match cells.filled(C::Currency) {
        None => currency,
        Some(code) => Currency::from_code(&code.to_ascii_uppercase())
            .ok_or_else(|| cells.held(C::Currency, "a currency is three letters of ISO 4217, as EUR"))?,
    };
    let price = money(cells, C::Price, currency)?.ok_or_else(|| cells.held(C::Price, "a price is needed"))?;
    let quantity = quantity(cells)?;
    let compare_at_price = money(cells, C::CompareAtPrice, currency)?.filter(|before| before.amount != 0);
    let draft = VariantDraft {
        options: Vec::new(),
        sku: code(cells, C::Sku),
        barcode: code(cells, C::Barcode),
        price: Some(price),
        compare_at_price,
        // The format writes 0 where nobody has weighed.
        weight_grams: grams(cells)?.filter(|grams| *grams != 0),
        image_url: owned(cells, C::VariantImage),
        // A file without a word on trackers counts what it gives a quantity for.
        tracked: if cells.has(C::Tracker) { cells.filled(C::Tracker).is_some() } else { quantity.is_some() },
        sell_when_out: sells_when_out(cells)?,
        requires_shipping: answer(cells, C::RequiresShipping)?.unwrap_or(true),
        taxable: answer(cells, C::Taxable)?.unwrap_or(true),
    };
    let below = quantity.is_some_and(|quantity| quantity < 0);
    Ok(VariantCells {
        draft,
        values: option_columns().map(|(_, value)| owned(cells, value)),
        stock: quantity.map(|quantity| quantity.max(0)),
        note: below.then_some("the quantity was below zero and is counted as none"),
    })
}

/// The picture of a row, if it brings one.
pub(super) fn image_cells(cells: &Cells<'_, C>) -> Result<Option<ImageCells>, Held> {
    let Some(url) = owned(cells, C::ImageUrl) else { return Ok(None) };
    if !url.starts_with("https://") {
        return Err(cells.held(C::ImageUrl, "an address that begins with https:// is needed"));
    }
    let position = match cells.filled(C::ImagePosition) {
        None => u32::MAX,
        Some(position) => position.parse().map_err(|_| cells.held(C::ImagePosition, "a whole number is needed"))?,
    };
    Ok(Some(ImageCells { image: Image { url, alt: cells.get(C::ImageAlt).to_owned() }, position }))
}

fn money(cells: &Cells<'_, C>, column: C, currency: Currency) -> Result<Option<Money>, Held> {
    if cells.filled(column).is_none() {
        return Ok(None);
    }
    Money::from_decimal(&cells.decimal(column), currency)
        .map(Some)
        .map_err(|error| cells.held(column, error.to_string()))
}

fn quantity(cells: &Cells<'_, C>) -> Result<Option<i64>, Held> {
    let Some(text) = cells.filled(C::Quantity) else { return Ok(None) };
    // Some spreadsheets write whole numbers with a decimal point.
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let pieces: i64 = whole.parse().map_err(|_| cells.held(C::Quantity, "a whole number is needed"))?;
    if pieces.abs() > ABSURD_PIECES {
        return Err(cells.held(C::Quantity, "nobody has so many pieces"));
    }
    Ok(Some(pieces))
}

/// Pieces that nobody has: a typing error, or another column's number.
pub(crate) const ABSURD_PIECES: i64 = 1_000_000_000;

/// Grams, rounded to the nearest one.
fn grams(cells: &Cells<'_, C>) -> Result<Option<u64>, Held> {
    if cells.filled(C::Grams).is_none() {
        return Ok(None);
    }
    let wrong = || cells.held(C::Grams, "a weight in grams is needed");
    let text = cells.decimal(C::Grams);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(whole) || !numeric(fraction) || whole.len() + fraction.len() == 0 {
        return Err(wrong());
    }
    let half_up = u64::from(fraction.starts_with(|first: char| first >= '5'));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
    whole.checked_add(half_up).map(Some).ok_or_else(wrong)
}

fn sells_when_out(cells: &Cells<'_, C>) -> Result<bool, Held> {
    match cells.get(C::Policy).to_ascii_lowercase().as_str() {
        "" | "deny" | "false" | "no" => Ok(false),
        "continue" | "true" | "yes" => Ok(true),
        _ => Err(cells.held(C::Policy, "the policy is deny or continue")),
    }
}

fn answer(cells: &Cells<'_, C>, column: C) -> Result<Option<bool>, Held> {
    match cells.get(column).to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "yes" | "1" => Ok(Some(true)),
        "false" | "no" | "0" => Ok(Some(false)),
        _ => Err(cells.held(column, "the answer is true or false")),
    }
}
