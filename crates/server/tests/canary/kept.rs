//! The fields whose text is kept as it was sent, each with the reason; from all others nothing of a person may stay.
//!
//! Kept means sealed: even from these fields no canary may be found in a file, a dump, a log or an error.

use crate::planting::Place;
use crate::shapes::Shape;

/// Why one sort of field is kept as it is.
struct Exception {
    operations: &'static [&'static str],
    /// Pointers of fields, as in `body /title`; in lists of records below `/data/*`.
    parts: &'static [&'static str],
    shapes: &'static [Shape],
    why: &'static str,
}

const EXCEPTIONS: [Exception; 5] = [
    Exception {
        operations: &[
            "POST /v1/products",
            "POST /v1/products/batch",
            "PATCH /v1/products/batch",
            "PATCH /v1/products/{id}",
        ],
        parts: &[
            "/handle",
            "/title",
            "/description_html",
            "/vendor",
            "/product_type",
            "/tags/*",
            "/options/*/name",
            "/options/*/values/*",
            "/images/*/url",
            "/images/*/alt",
            "/variants/*/options/*",
            "/variants/*/sku",
            "/variants/*/barcode",
            "/variants/*/image_url",
        ],
        shapes: &Shape::ALL,
        why: "what a supplier says of its products is for everybody, and no order brings it",
    },
    Exception {
        operations: &["PATCH /v1/variants/{id}", "PATCH /v1/variants/batch"],
        parts: &["/sku", "/barcode", "/image_url"],
        shapes: &Shape::ALL,
        why: "as for products",
    },
    Exception {
        operations: &["POST /v1/imports/products"],
        parts: &[
            "Handle",
            "Title",
            "Body (HTML)",
            "Vendor",
            "Type",
            "Tags",
            "Option1 Name",
            "Option1 Value",
            "Variant SKU",
            "Variant Barcode",
            "Image Src",
            "Image Alt Text",
            "Variant Image",
        ],
        shapes: &Shape::ALL,
        why: "as for products",
    },
    Exception {
        operations: &["POST /v1/locations", "PATCH /v1/locations/{id}"],
        parts: &["/name"],
        shapes: &Shape::ALL,
        why: "a supplier's own name for its own warehouse",
    },
    Exception {
        operations: &["POST /v1/purchase_orders/{id}/fulfilments"],
        parts: &["/number"],
        shapes: &[Shape::Phone],
        why: "a parcel's number is digits in groups, and cannot be told from a phone number",
    },
];

/// Why a canary of this place may be kept, sealed; `None` if it may not.
pub fn why(place: &Place, shape: Shape) -> Option<&'static str> {
    let part = place.part.strip_prefix("body ").or_else(|| place.part.strip_prefix("cell "))?;
    let part = part.strip_prefix("/data/*").unwrap_or(part);
    let fits = |exception: &&Exception| {
        exception.operations.contains(&place.operation.as_str())
            && exception.parts.contains(&part)
            && exception.shapes.contains(&shape)
    };
    EXCEPTIONS.iter().find(fits).map(|exception| exception.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_orders_bring_is_never_an_exception() {
        for part in ["body /reference", "body /lines/*/title", "body /consumer/street", "body extra /", "header cookie"]
        {
            for operation in ["POST /v1/orders", "POST /v1/orders/batch"] {
                assert!(Shape::ALL.iter().all(|shape| why(&Place::new(operation, part), *shape).is_none()), "{part}");
            }
        }
        assert!(why(&Place::new("POST /v1/products/batch", "body /data/*/title"), Shape::Mail).is_some());
        assert!(why(&Place::new("POST /v1/products/batch", "body extra /data/*"), Shape::Mail).is_none());
    }
}
