//! Exports: the account's products, stock, orders and fulfilments as CSV, page by page while they are read.
//!
//! What is written here is what the same format reads: a file that went out comes in again as it was. Texts that a
//! spreadsheet would run as formulae are made harmless; numbers stay numbers.

use super::columns::Format;
use super::guard::guarded;
use super::stream::Lines;
use bonded_base::Id;
use bonded_ledger::{Ledger, Scope, Stored};
use bonded_trade::accounts::{self, Role};
use bonded_trade::catalog::{self, DEFAULT_VARIANT_TITLE, OPTIONS_MAX, Product, ProductStatus, Variant};
use bonded_trade::consumers::SixFields;
use bonded_trade::inventory::{self, InventoryLevel, Location, MAIN_LOCATION};
use bonded_trade::orders::{self, Order, OrderLine};
use bonded_trade::purchase_orders::{self, PurchaseOrder};
use bonded_trade::{LineQuantity, Page, TradeError};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use std::borrow::Cow;
use std::collections::HashMap;

/// Products that are read at once, each with its variants.
const PRODUCTS_A_PAGE: u32 = 100;
/// Of those, how many whose variants are read at the same time.
const PRODUCTS_AT_ONCE: usize = 8;
/// Levels, orders or purchase orders that are read at once.
const RECORDS_A_PAGE: u32 = 500;

const PRODUCT_HEADER: [&str; 29] = [
    "URL handle",
    "Title",
    "Description",
    "Vendor",
    "Type",
    "Tags",
    "Published on online store",
    "Status",
    "Option1 name",
    "Option1 value",
    "Option2 name",
    "Option2 value",
    "Option3 name",
    "Option3 value",
    "SKU",
    "Barcode",
    "Price",
    "Currency",
    "Compare-at price",
    "Weight value (grams)",
    "Inventory tracker",
    "Inventory quantity",
    "Continue selling when out of stock",
    "Requires shipping",
    "Charge tax",
    "Product image URL",
    "Image position",
    "Image alt text",
    "Variant image URL",
];
const STOCK_HEADER: [&str; 4] = ["SKU", "Variant", "Location", "On hand"];
const ORDER_HEADER: [&str; 13] = [
    "Reference",
    "Placed at",
    "SKU",
    "Title",
    "Quantity",
    "Price",
    "Currency",
    "First name",
    "Last name",
    "Street",
    "Postal code",
    "Region",
    "Country",
];
const PARCEL_HEADER: [&str; 10] = [
    "Purchase order",
    "Reference",
    "Fulfilment",
    "Line",
    "SKU",
    "Quantity",
    "Carrier",
    "Tracking number",
    "Tracking URL",
    "Shipped at",
];
/// Columns of an order file that say who gets it.
const CONSUMER_COLUMNS: usize = 6;
/// What stands in the column of the inventory tracker where pieces are counted.
const TRACKER: &str = "bonded";
/// What products without options have in the column of the first one's name, as the format asks.
const NO_OPTION: &str = "Title";

/// The account's things of one sort as a CSV file, made while it is read. Consumers are in it only `with_consumers`.
pub fn export(
    ledger: Ledger,
    scope: Scope,
    format: Format,
    with_consumers: bool,
) -> impl Stream<Item = Result<Bytes, TradeError>> + Send + 'static {
    let begin = Exporting { ledger, scope, format, with_consumers, page: Some(None), header: true, main: None };
    stream::try_unfold(
        begin,
        |mut exporting| async move { Ok(exporting.more().await?.map(|bytes| (bytes, exporting))) },
    )
}

type After = Option<(bonded_base::Moment, [u8; 16])>;
/// A product with its variants, and the pieces of each.
type Counted<'p> = (&'p Stored<Product>, Vec<Stored<Variant>>, HashMap<Id<Variant>, i64>);

struct Exporting {
    ledger: Ledger,
    scope: Scope,
    format: Format,
    with_consumers: bool,
    /// Where the next page begins; none when there is none.
    page: Option<After>,
    header: bool,
    main: Option<Id<Location>>,
}

impl Exporting {
    async fn more(&mut self) -> Result<Option<Bytes>, TradeError> {
        let mut lines = Lines::default();
        if std::mem::take(&mut self.header) {
            self.head(&mut lines).await?;
            return Ok(Some(lines.bytes()));
        }
        // A page may say nothing, such as orders of which nothing was sent.
        while let Some(after) = self.page {
            let next = match self.format {
                Format::Products => self.products(after, &mut lines).await?,
                Format::Stock => self.stock(after, &mut lines).await?,
                Format::Orders => self.orders(after, &mut lines).await?,
                Format::Fulfilments => self.parcels(after, &mut lines).await?,
            };
            self.page = next.map(Some);
            let bytes = std::mem::take(&mut lines).bytes();
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    async fn head(&mut self, lines: &mut Lines) -> Result<(), TradeError> {
        match self.format {
            Format::Products => {
                let locations = inventory::locations(&self.ledger, &self.scope).await?;
                self.main = locations.iter().find(|place| place.name == MAIN_LOCATION).map(|place| place.id);
                lines.row(PRODUCT_HEADER);
            }
            Format::Stock => lines.row(STOCK_HEADER),
            Format::Orders => lines.row(ORDER_HEADER.into_iter().take(self.order_columns())),
            Format::Fulfilments => lines.row(PARCEL_HEADER),
        }
        Ok(())
    }

    const fn order_columns(&self) -> usize {
        ORDER_HEADER.len() - if self.with_consumers { 0 } else { CONSUMER_COLUMNS }
    }

    const fn page(after: After, limit: u32) -> Page {
        Page { after, limit, descending: false }
    }

    async fn products(&self, after: After, lines: &mut Lines) -> Result<After, TradeError> {
        let (ledger, scope) = (&self.ledger, &self.scope);
        let listed = catalog::list(ledger, scope, None, Self::page(after, PRODUCTS_A_PAGE)).await?;
        let each: Vec<_> = listed.records.iter().map(|product| self.variants(product)).collect();
        let mut each = stream::iter(each).buffered(PRODUCTS_AT_ONCE);
        while let Some((product, variants, counts)) = each.try_next().await? {
            for row in 0..variants.len().max(product.images.len()) {
                let variant = variants.get(row);
                let count = variant.and_then(|variant| counts.get(&variant.id)).copied();
                lines.row(product_row(product, row, variant.map(|variant| &**variant), count));
            }
        }
        Ok(listed.next)
    }

    /// A product with its variants, and how many of each lie at the main location.
    async fn variants<'p>(&self, product: &'p Stored<Product>) -> Result<Counted<'p>, TradeError> {
        let variants = catalog::all_variants_of(&self.ledger, &self.scope, product.id).await?;
        let counts = self.counted(&variants).await?;
        Ok((product, variants, counts))
    }

    /// What lies at the main location.
    async fn counted(&self, variants: &[Stored<Variant>]) -> Result<HashMap<Id<Variant>, i64>, TradeError> {
        let Some(main) = self.main else { return Ok(HashMap::new()) };
        let ids: Vec<_> = variants.iter().map(|variant| InventoryLevel::id_of(variant.id, main)).collect();
        let levels = self.ledger.get_many(&self.scope, &ids).await?;
        Ok(levels.into_iter().flatten().map(|level| (level.variant, level.on_hand)).collect())
    }

    async fn stock(&self, after: After, lines: &mut Lines) -> Result<After, TradeError> {
        let (ledger, scope) = (&self.ledger, &self.scope);
        let page = Self::page(after, RECORDS_A_PAGE).of_state(None);
        let listed = ledger.list::<InventoryLevel>(scope, &page).await?;
        let places = inventory::locations(ledger, scope).await?;
        let places: HashMap<_, _> = places.iter().map(|place| (place.id, place.name.as_str())).collect();
        let ids: Vec<_> = listed.records.iter().map(|level| level.variant).collect();
        let variants = ledger.get_many::<Variant>(scope, &ids).await?;
        let variants: HashMap<_, _> = variants.into_iter().flatten().map(|variant| (variant.id, variant)).collect();
        for level in &listed.records {
            let sku = variants.get(&level.variant).and_then(|variant| variant.sku.as_deref());
            let id = if sku.is_some() { String::new() } else { level.variant.to_string() };
            let place = places.get(&level.location).copied().unwrap_or_default();
            lines.row([text(sku), id.into(), guarded(place), level.on_hand.to_string().into()]);
        }
        Ok(listed.next)
    }

    async fn orders(&self, after: After, lines: &mut Lines) -> Result<After, TradeError> {
        let (ledger, scope) = (&self.ledger, &self.scope);
        let listed = orders::list(ledger, scope, None, Self::page(after, RECORDS_A_PAGE)).await?;
        for order in &listed.records {
            let consumer = if self.with_consumers { orders::consumer(ledger, scope, order).await? } else { None };
            let fields = consumer.as_ref().map(bonded_trade::consumers::Consumer::expose).unwrap_or_default();
            for line in &order.lines {
                lines.row(order_row(order, line, fields).into_iter().take(self.order_columns()));
            }
        }
        Ok(listed.next)
    }

    async fn parcels(&self, after: After, lines: &mut Lines) -> Result<After, TradeError> {
        let (ledger, scope) = (&self.ledger, &self.scope);
        let page = Self::page(after, RECORDS_A_PAGE);
        match accounts::profile(ledger, scope).await?.role {
            Role::Supplier => {
                let listed = purchase_orders::list(ledger, scope, None, page).await?;
                for order in &listed.records {
                    sent_rows(order, lines);
                }
                Ok(listed.next)
            }
            Role::Retailer => {
                let listed = orders::list(ledger, scope, None, page).await?;
                for order in &listed.records {
                    followed_rows(order, lines);
                }
                Ok(listed.next)
            }
        }
    }
}

/// A text that may be none, made harmless.
fn text(text: Option<&str>) -> Cow<'_, str> {
    guarded(text.unwrap_or_default())
}

const fn answer(yes: bool) -> &'static str {
    if yes { "TRUE" } else { "FALSE" }
}

const fn status(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Active => "active",
        ProductStatus::Draft => "draft",
        ProductStatus::Archived => "archived",
    }
}

/// One row of a product: its first one says what the product is, each a variant, a picture, or both.
fn product_row<'p>(
    product: &'p Product,
    row: usize,
    variant: Option<&'p Variant>,
    count: Option<i64>,
) -> Vec<Cow<'p, str>> {
    let first = row == 0;
    let of_product = |value: &'p str| if first { guarded(value) } else { Cow::Borrowed("") };
    let mut cells = vec![
        guarded(&product.handle),
        of_product(&product.title),
        of_product(&product.description_html),
        of_product(&product.vendor),
        of_product(&product.product_type),
        if first { guarded(&product.tags.join(", ")).into_owned().into() } else { "".into() },
        if first { answer(product.is_offered()) } else { "" }.into(),
        if first { status(product.status) } else { "" }.into(),
    ];
    for place in 0..OPTIONS_MAX {
        let alone = place == 0 && product.options.is_empty();
        let name = product.options.get(place).map_or(if alone { NO_OPTION } else { "" }, |option| &option.name);
        let value = variant.and_then(|variant| variant.options.get(place)).map(String::as_str);
        let only = if alone && variant.is_some() { DEFAULT_VARIANT_TITLE } else { "" };
        cells.extend([of_product(name), guarded(value.unwrap_or(only))]);
    }
    cells.extend(variant_cells(variant, count));
    let image = product.images.get(row);
    cells.extend([
        image.map_or("".into(), |image| guarded(&image.url)),
        image.map_or_else(String::new, |_| (row + 1).to_string()).into(),
        image.map_or("".into(), |image| guarded(&image.alt)),
        text(variant.and_then(|variant| variant.image_url.as_deref())),
    ]);
    cells
}

fn variant_cells(variant: Option<&Variant>, count: Option<i64>) -> Vec<Cow<'_, str>> {
    let Some(variant) = variant else { return vec![Cow::Borrowed(""); 11] };
    let number = |number: Option<String>| Cow::Owned(number.unwrap_or_default());
    vec![
        text(variant.sku.as_deref()),
        text(variant.barcode.as_deref()),
        variant.price.to_decimal().into(),
        variant.price.currency.code().into(),
        number(variant.compare_at_price.map(bonded_base::Money::to_decimal)),
        number(variant.weight_grams.map(|grams| grams.to_string())),
        if variant.tracked { TRACKER } else { "" }.into(),
        number(count.map(|count| count.to_string())),
        if variant.sell_when_out { "continue" } else { "deny" }.into(),
        answer(variant.requires_shipping).into(),
        answer(variant.taxable).into(),
    ]
}

fn order_row<'o>(order: &'o Order, line: &'o OrderLine, consumer: SixFields<'o>) -> [Cow<'o, str>; 13] {
    [
        guarded(&order.reference),
        order.placed_at.to_string().into(),
        text(line.sku.as_deref()),
        text(line.title.as_deref()),
        line.quantity.to_string().into(),
        line.price.to_decimal().into(),
        line.price.currency.code().into(),
        guarded(consumer.first_name),
        guarded(consumer.last_name),
        guarded(consumer.street),
        guarded(consumer.postal_code),
        guarded(consumer.region),
        guarded(consumer.country),
    ]
}

/// What a supplier has sent.
fn sent_rows(order: &Stored<PurchaseOrder>, lines: &mut Lines) {
    for parcel in &order.fulfilments {
        for LineQuantity { line, quantity } in &parcel.lines {
            let sku = order.lines.iter().find(|known| known.line == *line).and_then(|known| known.sku.as_deref());
            lines.row([
                order.id.to_string().into(),
                guarded(&order.reference),
                parcel.id.to_string().into(),
                line.to_string().into(),
                text(sku),
                quantity.to_string().into(),
                text(parcel.carrier.as_deref()),
                text(parcel.number.as_deref()),
                text(parcel.url.as_deref()),
                Cow::Owned(parcel.shipped_at.to_string()),
            ]);
        }
    }
}

/// What a retailer's suppliers have sent.
fn followed_rows(order: &Stored<Order>, lines: &mut Lines) {
    for parcel in &order.fulfilments {
        for LineQuantity { line, quantity } in &parcel.lines {
            let sku = order.lines.iter().find(|known| known.number == *line).and_then(|known| known.sku.as_deref());
            lines.row([
                parcel.purchase_order.to_string().into(),
                guarded(&order.reference),
                parcel.id.to_string().into(),
                line.to_string().into(),
                text(sku),
                quantity.to_string().into(),
                text(parcel.carrier.as_deref()),
                text(parcel.number.as_deref()),
                text(parcel.url.as_deref()),
                Cow::Owned(parcel.shipped_at.to_string()),
            ]);
        }
    }
}
