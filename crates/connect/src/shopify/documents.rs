//! The documents: every call that the client can make, as a file beside this one.

/// One document, with what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document {
    /// The name of its operation.
    pub name: &'static str,
    /// The document itself, with the fragments that it uses.
    pub text: &'static str,
    /// What it is for, as the account's list of destinations says it.
    pub purpose: &'static str,
    /// The names of the account's fields that it sends.
    pub fields: &'static [&'static str],
}

impl Document {
    /// Whether it may change something in the shop.
    pub fn changes(&self) -> bool {
        self.text.trim_start().starts_with("mutation")
    }
}

/// A document of the file, with the parts it is written with.
macro_rules! document {
    ($place:ident, $name:literal, $purpose:literal, [$($field:literal),*], $($file:literal),+) => {
        pub(super) const $place: Document = Document {
            name: $name,
            text: concat!($(include_str!(concat!("graphql/", $file))),+),
            purpose: concat!("shopify: ", $purpose),
            fields: &[$($field),*],
        };
    };
}

document!(SHOP, "Shop", "read the shop", [], "shop.graphql");
document!(LOCATIONS, "Locations", "read locations", [], "locations.graphql");
document!(PRODUCTS_COUNT, "ProductsCount", "count products", [], "products_count.graphql");
document!(
    PRODUCTS,
    "Products",
    "read products",
    [],
    "products.graphql",
    "product.part.graphql",
    "media.part.graphql",
    "variant.part.graphql"
);
document!(
    PRODUCTS_BY_ID,
    "ProductsById",
    "read products",
    [],
    "products_by_id.graphql",
    "product.part.graphql",
    "media.part.graphql",
    "variant.part.graphql"
);
document!(
    PRODUCT_BY_MARK,
    "ProductByMark",
    "find a product",
    [],
    "product_by_mark.graphql",
    "product.part.graphql",
    "media.part.graphql",
    "variant.part.graphql"
);
document!(PRODUCT_VARIANTS, "ProductVariants", "read products", [], "product_variants.graphql", "variant.part.graphql");
document!(PRODUCT_MEDIA, "ProductMedia", "read products", [], "product_media.graphql", "media.part.graphql");
document!(BULK_START, "BulkStart", "import products", [], "bulk_start.graphql");
document!(BULK_STATE, "BulkState", "import products", [], "bulk_state.graphql");
document!(LEVELS_OF_LOCATION, "LevelsOfLocation", "read stock", [], "levels_of_location.graphql");
document!(LEVELS_OF_VARIANTS, "LevelsOfVariants", "read stock", [], "levels_of_variants.graphql", "level.part.graphql");
document!(LEVELS_OF_ITEM, "LevelsOfItem", "read stock", [], "levels_of_item.graphql", "level.part.graphql");
document!(ITEMS_OF_VARIANTS, "ItemsOfVariants", "read stock", [], "items_of_variants.graphql");
document!(VARIANTS_OF_ITEMS, "VariantsOfItems", "read stock", [], "variants_of_items.graphql");
document!(LEVELS_SET, "LevelsSet", "write stock", ["stock.available"], "levels_set.graphql");
document!(LEVEL_ACTIVATE, "LevelActivate", "write stock", ["stock.available"], "level_activate.graphql");
document!(
    ORDERS,
    "Orders",
    "read orders",
    [],
    "orders.graphql",
    "order.part.graphql",
    "line.part.graphql",
    "fulfilment.part.graphql"
);
document!(
    ORDERS_BY_ID,
    "OrdersById",
    "read orders",
    [],
    "orders_by_id.graphql",
    "order.part.graphql",
    "line.part.graphql",
    "fulfilment.part.graphql"
);
document!(
    ORDER_BY_MARK,
    "OrderByMark",
    "find an order",
    [],
    "order_by_mark.graphql",
    "order.part.graphql",
    "line.part.graphql",
    "fulfilment.part.graphql"
);
document!(ORDER_LINES, "OrderLines", "read orders", [], "order_lines.graphql", "line.part.graphql");
document!(ORDER_FULFILMENTS, "OrderFulfilments", "read orders", [], "order_fulfilments.graphql");
document!(
    FULFILMENTS_BY_ID,
    "FulfilmentsById",
    "read orders",
    [],
    "fulfilments_by_id.graphql",
    "fulfilment.part.graphql"
);
document!(FULFILMENT_LINES, "FulfilmentLines", "read orders", [], "fulfilment_lines.graphql");
document!(
    FULFILMENT_ORDERS,
    "FulfilmentOrders",
    "read what is to be shipped",
    [],
    "fulfilment_orders.graphql",
    "fulfilment_order_line.part.graphql"
);
document!(
    FULFILMENT_ORDER_LINES,
    "FulfilmentOrderLines",
    "read what is to be shipped",
    [],
    "fulfilment_order_lines.graphql",
    "fulfilment_order_line.part.graphql"
);
document!(
    FULFILMENT_CREATE,
    "FulfilmentCreate",
    "write fulfilments",
    ["fulfilment.lines", "fulfilment.carrier", "fulfilment.number", "fulfilment.url"],
    "fulfilment_create.graphql"
);
document!(
    FULFILMENT_TRACK,
    "FulfilmentTrack",
    "write fulfilments",
    ["fulfilment.carrier", "fulfilment.number", "fulfilment.url"],
    "fulfilment_track.graphql"
);
document!(METAFIELDS_SET, "MetafieldsSet", "note fulfilments", ["fulfilment.id"], "metafields_set.graphql");
document!(MARK_DEFINE, "MarkDefine", "define the mark", [], "mark_define.graphql");
document!(
    ORDER_CREATE,
    "OrderCreate",
    "place orders",
    [
        "order.id",
        "order.reference",
        "order.lines",
        "consumer.first_name",
        "consumer.last_name",
        "consumer.street",
        "consumer.postal_code",
        "consumer.region",
        "consumer.country"
    ],
    "order_create.graphql"
);
document!(ORDER_CANCEL, "OrderCancel", "cancel orders", ["order.cancelled"], "order_cancel.graphql");
document!(JOB, "Job", "cancel orders", [], "job.graphql");
document!(
    PRODUCT_CREATE,
    "ProductCreate",
    "write products",
    [
        "product.id",
        "product.title",
        "product.description",
        "product.vendor",
        "product.product_type",
        "product.tags",
        "product.status",
        "product.options",
        "product.images"
    ],
    "product_create.graphql"
);
document!(
    PRODUCT_UPDATE,
    "ProductUpdate",
    "write products",
    [
        "product.id",
        "product.title",
        "product.description",
        "product.vendor",
        "product.product_type",
        "product.tags",
        "product.status"
    ],
    "product_update.graphql"
);
document!(
    VARIANTS_CREATE,
    "VariantsCreate",
    "write variants",
    [
        "variant.id",
        "variant.sku",
        "variant.barcode",
        "variant.price",
        "variant.compare_at_price",
        "variant.weight",
        "variant.options"
    ],
    "variants_create.graphql"
);
document!(
    VARIANTS_UPDATE,
    "VariantsUpdate",
    "write variants",
    ["variant.id", "variant.sku", "variant.barcode", "variant.price", "variant.compare_at_price", "variant.weight"],
    "variants_update.graphql"
);
document!(SUBSCRIPTIONS, "Subscriptions", "read subscriptions", [], "subscriptions.graphql");
document!(SUBSCRIPTION_CREATE, "SubscriptionCreate", "subscribe", [], "subscription_create.graphql");
document!(SUBSCRIPTION_UPDATE, "SubscriptionUpdate", "subscribe", [], "subscription_update.graphql");
document!(SUBSCRIPTION_DELETE, "SubscriptionDelete", "unsubscribe", [], "subscription_delete.graphql");

/// The query of a bulk operation, which is sent as a text inside [`BULK_START`].
pub(super) const BULK_PRODUCTS: &str =
    concat!(include_str!("graphql/bulk_products.graphql"), include_str!("graphql/variant.part.graphql"));

/// Every document, for the test that checks them against the maker's schema.
pub const DOCUMENTS: &[Document] = &[
    SHOP,
    LOCATIONS,
    PRODUCTS_COUNT,
    PRODUCTS,
    PRODUCTS_BY_ID,
    PRODUCT_BY_MARK,
    PRODUCT_VARIANTS,
    PRODUCT_MEDIA,
    BULK_START,
    BULK_STATE,
    LEVELS_OF_LOCATION,
    LEVELS_OF_VARIANTS,
    LEVELS_OF_ITEM,
    ITEMS_OF_VARIANTS,
    VARIANTS_OF_ITEMS,
    LEVELS_SET,
    LEVEL_ACTIVATE,
    ORDERS,
    ORDERS_BY_ID,
    ORDER_BY_MARK,
    ORDER_LINES,
    ORDER_FULFILMENTS,
    FULFILMENTS_BY_ID,
    FULFILMENT_LINES,
    FULFILMENT_ORDERS,
    FULFILMENT_ORDER_LINES,
    FULFILMENT_CREATE,
    FULFILMENT_TRACK,
    METAFIELDS_SET,
    MARK_DEFINE,
    ORDER_CREATE,
    ORDER_CANCEL,
    JOB,
    PRODUCT_CREATE,
    PRODUCT_UPDATE,
    VARIANTS_CREATE,
    VARIANTS_UPDATE,
    SUBSCRIPTIONS,
    SUBSCRIPTION_CREATE,
    SUBSCRIPTION_UPDATE,
    SUBSCRIPTION_DELETE,
    Document { name: "BulkProducts", text: BULK_PRODUCTS, purpose: "", fields: &[] },
];
