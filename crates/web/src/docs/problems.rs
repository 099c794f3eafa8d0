//! Problems and limits, as tables and pages.

use super::html::{escaped, prose};
use crate::app::Limits;
use crate::problem::Sort;
use crate::{body, once, page};
use bonded_trade::{catalog, fulfilments, inventory, orders, purchase_orders};
use std::fmt::Write as _;

/// Every sort of problem, in short.
pub(super) fn table() -> String {
    let rows = Sort::all().iter().map(|sort| {
        format!(
            "<tr><td>{}</td><td><a href=\"{}\"><code>{}</code></a></td><td>{}</td></tr>",
            sort.status,
            sort.path(),
            sort.slug,
            escaped(sort.title)
        )
    });
    format!("<table><tbody>{}</tbody></table>", rows.collect::<String>())
}

/// The page that lists every sort.
pub(super) fn list() -> String {
    let head = "<article class=\"plain\"><h1>Problems</h1><p>Whatever goes wrong is answered with a problem document \
                (RFC 9457). Its <code>type</code> leads to one of these pages.</p>";
    format!("{head}{}</article>", table())
}

/// The page about one sort.
pub(super) fn one(sort: &Sort) -> String {
    format!(
        "<article class=\"plain\"><p class=\"status\">Status {}</p><h1>{}</h1><p>{}</p>\
         <p><a href=\"/problems\">All problems</a> · <a href=\"/docs\">API reference</a></p></article>",
        sort.status,
        escaped(sort.title),
        prose(sort.meaning)
    )
}

/// Every limit that a caller can meet.
pub(super) fn limits(rate: Limits) -> String {
    let kib = |bytes: usize| format!("{} KiB", bytes / 1024);
    let mib = |bytes: usize| format!("{} MiB", bytes / 1024 / 1024);
    let rows: [(&str, String); 20] = [
        ("Requests a second, of one key", rate.requests_per_second.to_string()),
        ("Requests at once, of one key", rate.requests_at_once.to_string()),
        ("Body of a request", mib(body::BODY_BYTES_MAX)),
        ("Imported file", mib(body::IMPORT_BYTES_MAX)),
        ("Records in a batch", body::BATCH_MAX.to_string()),
        ("Records on a page", format!("{} ({} unless asked)", page::PAGE_LIMIT_MAX, page::PAGE_LIMIT_DEFAULT)),
        ("Waiting for news", format!("{} s", page::WAIT_SECONDS_MAX)),
        ("Idempotency-Key", format!("{} characters, kept {} hours", once::KEY_CHARS_MAX, once::KEPT_MS / 3_600_000)),
        ("Variants of a product", catalog::VARIANTS_MAX.to_string()),
        ("Options of a product", catalog::OPTIONS_MAX.to_string()),
        ("Tags, images of a product", format!("{}, {}", catalog::TAGS_MAX, catalog::IMAGES_MAX)),
        ("Title, SKU, handle, tag", format!("{} characters", catalog::TITLE_MAX)),
        ("Description of a product", kib(catalog::DESCRIPTION_BYTES_MAX)),
        ("Price", format!("{} minor units", catalog::PRICE_MINOR_MAX)),
        ("Locations", inventory::LOCATIONS_MAX.to_string()),
        ("Lines of an order", orders::LINES_MAX.to_string()),
        ("Pieces of a line", orders::QUANTITY_MAX.to_string()),
        ("Reference of an order", format!("{} characters", orders::REFERENCE_CHARS_MAX)),
        ("Parcels of a purchase order", purchase_orders::FULFILMENTS_MAX.to_string()),
        ("Carrier, tracking number", format!("{} characters each", fulfilments::CARRIER_CHARS_MAX)),
    ];
    let mut table = String::from("<table><tbody>");
    for (what, limit) in rows {
        let _ = write!(table, "<tr><td>{}</td><td>{}</td></tr>", escaped(what), escaped(&limit));
    }
    table + "</tbody></table>"
}
