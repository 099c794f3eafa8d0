//! The few fields whose text is kept as it was sent, each for a reason; from all others nothing of a person may stay.
//!
//! Kept means sealed: even from these fields no canary may be found in a file, a dump, a log or an error.

use crate::canaries::{Canary, Place, Shape};

struct Kept {
    operations: &'static [&'static str],
    /// Pointers into a body, in a batch into its records, or names of columns; with a bar between them.
    parts: &'static str,
    shapes: &'static [Shape],
}

/// What people type for others, or programs, to know them by.
const WRITTEN: &[Shape] = &[Shape::Address, Shape::Name];

/// All that can be somebody's, but for the number of a card, which is kept nowhere.
const ANY: [Shape; 6] = [Shape::Mail, Shape::Phone, Shape::Ip, Shape::Address, Shape::Name, Shape::Password];

const KEPT: [Kept; 18] = [
    // What a supplier says of its products is for everybody, and no order brings it.
    Kept {
        operations: &["POST /v1/products", "POST /v1/products/batch", "PATCH /v1/products/{id}"],
        parts: "/handle|/title|/description_html|/vendor|/product_type|/tags/*|/options/*/name|/options/*/values/*|\
            /images/*/url|/images/*/alt|/variants/*/options/*|/variants/*/sku|/variants/*/barcode|/variants/*/image_url",
        shapes: &Shape::ALL,
    },
    Kept {
        operations: &["PATCH /v1/variants/{id}", "POST /v1/variants/batch"],
        parts: "/sku|/barcode|/image_url",
        shapes: &Shape::ALL,
    },
    Kept {
        operations: &["POST /v1/imports/products"],
        parts: "Handle|Title|Body (HTML)|Vendor|Type|Tags|Option1 Name|Option1 Value|Variant SKU|Variant Barcode|\
            Image Src|Image Alt Text|Variant Image",
        shapes: &Shape::ALL,
    },
    // What somebody calls their own goods, and what a shop calls one of its places.
    Kept { operations: &["POST /v1/sku_mappings"], parts: "/sku", shapes: &Shape::ALL },
    Kept { operations: &["POST /holds/{}/map"], parts: "sku", shapes: WRITTEN },
    Kept { operations: &["PATCH /v1/connections/{id}"], parts: "/location", shapes: &Shape::ALL },
    // Where an account's own systems are.
    Kept {
        operations: &["POST /v1/webhook_endpoints", "PATCH /v1/webhook_endpoints/{id}"],
        parts: "/url",
        shapes: &Shape::ALL,
    },
    Kept { operations: &["POST /webhooks"], parts: "url|description", shapes: WRITTEN },
    // A shop has a name of its own, which is a host's.
    Kept { operations: &["POST /connections/new"], parts: "shop", shapes: &[Shape::Name] },
    // What somebody's own files call their columns.
    Kept { operations: &["POST /v1/imports/mappings"], parts: "/columns/*/column", shapes: WRITTEN },
    // A supplier's own name for its own warehouse.
    Kept { operations: &["POST /v1/locations", "PATCH /v1/locations/{id}"], parts: "/name", shapes: &Shape::ALL },
    // A parcel's number is digits in groups, and cannot be told from a phone number.
    Kept { operations: &["POST /v1/purchase_orders/{id}/fulfilments"], parts: "/number", shapes: &[Shape::Phone] },
    // Where somebody is invited, and signs in afterwards.
    Kept {
        operations: &[
            "bonded account invite",
            "bonded staff invite",
            "POST /members/invite",
            "POST /staff/people/invite",
        ],
        parts: "mail",
        shapes: &[Shape::Address],
    },
    Kept { operations: &["POST /v1/invitations"], parts: "/mail", shapes: &[Shape::Mail, Shape::Address] },
    // What somebody wants to be called, and calls a passkey or a key.
    Kept {
        operations: &[
            "POST /invitations/{}/{}",
            "POST /staff/invitations/{}/{}",
            "POST /keys",
            "POST /staff/security/passkeys",
        ],
        parts: "name",
        shapes: WRITTEN,
    },
    Kept { operations: &["POST /v1/api_keys"], parts: "/name", shapes: &ANY },
    // What staff tell a customer, and note about each other.
    Kept {
        operations: &["POST /staff/grants", "POST /staff/legal", "POST /staff/reviews/{}/decide"],
        parts: "text|ticket|note",
        shapes: WRITTEN,
    },
    // What an officer calls a course, and says of it.
    Kept { operations: &["POST /staff/training/courses"], parts: "name|about", shapes: WRITTEN },
];

/// Fields that a page shows once more with what was wrong, to whoever has just filled them in; no page repeats others.
const ASKED_AGAIN: &str = "POST /sign-in mail|POST /staff/sign-in mail|POST /invitations/{}/{} name|\
    POST /staff/invitations/{}/{} name|GET /staff/accounts q|POST /staff/people/invite mail|\
    POST /staff/grants record|POST /staff/grants text|POST /staff/grants ticket|POST /staff/legal account|\
    POST /staff/legal record|POST /staff/legal text|POST /staff/legal ticket|POST /staff/reviews/{}/decide note|\
    POST /staff/training/courses name|POST /staff/training/courses about|POST /staff/training/courses valid_days|\
    POST /connections/new shop|POST /connections/{}/settings buffer|POST /connections/{}/settings markup|\
    POST /connections/{}/settings stale|POST /webhooks url|POST /webhooks events|POST /webhooks description|\
    POST /staff/training/completions completed_on|POST /staff/training/completions of_version";

/// Whether the answer to this operation is the page that shows what was typed there.
pub fn is_asked_again(place: &Place, operation: &str) -> bool {
    let field = place.part.split_once(' ').map_or("", |(_, field)| field);
    place.operation == operation && ASKED_AGAIN.split('|').any(|known| known == format!("{operation} {field}"))
}

/// Whether a canary that was planted there may be kept.
pub fn may_be(canary: Canary, place: &Place) -> bool {
    let Some(("body" | "cell" | "form" | "option", part)) = place.part.split_once(' ') else { return false };
    let part = part.strip_prefix("/data/*").unwrap_or(part);
    KEPT.iter().any(|kept| {
        kept.operations.contains(&place.operation.as_str())
            && kept.parts.split('|').any(|known| known == part)
            && kept.shapes.contains(&canary.shape)
    })
}
