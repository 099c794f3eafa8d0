//! The shapes of what is sent and answered, for the description of the API.
//!
//! Nothing here is ever filled with a value: records are written by the business types themselves. Tests hold every
//! answer against its shape, so that the two cannot drift apart.

#![expect(clippy::struct_excessive_bools, reason = "these say what a form has, and are never filled")]

mod catalogue;
mod conformity;
mod connections;
mod deletions;
mod imports;
mod log;
mod orders;
mod partners;
mod payments;
mod people;
mod purchase_orders;
mod stock;
mod webhooks;

pub use catalogue::*;
pub use conformity::*;
pub use connections::*;
pub use deletions::*;
pub use imports::*;
pub use log::*;
pub use orders::*;
pub use partners::*;
pub use payments::*;
pub use people::*;
pub use purchase_orders::*;
pub use stock::*;
pub use webhooks::*;

use utoipa::ToSchema;

/// Shapes of lists: a page of records each.
macro_rules! pages {
    ($($(#[$doc:meta])* $page:ident of $record:ty;)*) => {$(
        $(#[$doc])*
        #[derive(ToSchema)]
        pub struct $page {
            /// The records, in the order asked.
            pub data: Vec<$record>,
            /// Whether there are more.
            #[schema(example = false)]
            pub has_more: bool,
            /// What to send as `cursor` for the next page; null on the last.
            #[schema(required)]
            pub next_cursor: Option<String>,
        }
    )*};
}

pages! {
    /// A page of partner links.
    PartnerLinkPage of PartnerLink;
    /// A page of products.
    ProductPage of Product;
    /// A page of variants.
    VariantPage of Variant;
    /// All locations.
    LocationPage of Location;
    /// Inventory levels.
    InventoryLevelPage of InventoryLevel;
    /// A page of orders.
    OrderPage of Order;
    /// A page of purchase orders.
    PurchaseOrderPage of PurchaseOrder;
    /// A page of destinations.
    DestinationPage of Destination;
    /// A page of deletions.
    DeletionPage of Deletion;
    /// A page of privacy requests.
    PrivacyRequestPage of PrivacyRequest;
    /// A page of holds.
    HoldPage of Hold;
    /// A page of connections.
    ConnectionPage of Connection;
    /// A page of mirrors.
    MirrorPage of Mirror;
    /// A page of SKU mappings.
    SkuMappingPage of SkuMapping;
    /// A page of invoices.
    InvoicePage of Invoice;
    /// A page of payment methods.
    PaymentMethodPage of PaymentMethod;
    /// A page of charges.
    ChargePage of Charge;
    /// A page of webhook endpoints.
    WebhookEndpointPage of WebhookEndpoint;
    /// A page of webhook messages.
    WebhookMessagePage of WebhookMessage;
    /// A page of imports.
    FileImportPage of FileImport;
    /// A page of members.
    MemberPage of Member;
    /// A page of invitations.
    InvitationPage of Invitation;
    /// A page of API keys.
    ApiKeyPage of ApiKey;
    /// A page of support grants.
    GrantPage of Grant;
}

/// What is wrong with a request (RFC 9457).
#[derive(ToSchema)]
pub struct Problem {
    /// The sort of problem: a path on this server that explains it.
    #[schema(example = "/problems/invalid")]
    pub r#type: String,
    /// The sort, in a few words.
    #[schema(example = "A value is not what the field takes")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// What is wrong here, in a sentence. Never repeats what was sent.
    pub detail: String,
    /// The field that is to blame, as a JSON pointer (RFC 6901).
    #[schema(example = "/lines/0/quantity")]
    pub pointer: Option<String>,
    /// The id of the request; also in the header `X-Request-Id`.
    #[schema(example = "req_0192f0c4a1b27d3e8f5a6b7c8d9e0f1a")]
    pub request_id: Option<String>,
    /// Only with `/problems/answer-lost`: the ids of the records that were written.
    pub wrote: Option<Vec<String>>,
}

/// An amount of money.
#[derive(ToSchema)]
pub struct Money {
    /// In the currency's minor unit: cents.
    #[schema(example = 1999)]
    pub amount: i64,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
}

/// What came of one record of a batch that could not be done.
#[derive(ToSchema)]
pub struct Refused {
    /// Its place in `data`, from 0.
    #[schema(example = 0)]
    pub index: u32,
    /// The status that the record alone would have had.
    #[schema(example = 422)]
    pub status: u16,
    /// Why.
    pub problem: Problem,
}
