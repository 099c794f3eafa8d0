//! Order files: rows of one reference are the lines of one order.

use super::lines::{gathered, pieces, read};
use super::{Deeds, Plan, blamed};
use crate::csv::Held;
use crate::csv::dates::moment;
use crate::csv::table::Cells;
use crate::files::chunk::Chunk;
use crate::files::columns::OrderColumn as C;
use crate::files::record::Import;
use bonded_base::{Currency, Moment, Money};
use bonded_ledger::{Ledger, Scope};
use bonded_trade::TradeError;
use bonded_trade::consumers::{ConsumerDraft, SixFields};
use bonded_trade::orders::{LineDraft, OrderDraft, arrive};
use zeroize::Zeroizing;

/// What the fields of an order are called in a file.
const NAMES: &[(&str, &str)] = &[
    ("reference", "Reference"),
    ("placed_at", "Placed at"),
    ("sku", "SKU"),
    ("title", "Title"),
    ("quantity", "Quantity"),
    ("price", "Price"),
    ("first_name", "First name"),
    ("last_name", "Last name"),
    ("street", "Street"),
    ("postal_code", "Postal code"),
    ("region", "Region"),
    ("country", "Country"),
];

/// What one row says of its order.
struct Row {
    placed_at: Option<Moment>,
    line: LineDraft,
    /// Who gets it, where the row says so: only the first row of an order must.
    consumer: Option<ConsumerDraft>,
}

pub(super) async fn plan(ledger: &Ledger, scope: &Scope, import: &Import, chunk: &Chunk) -> Result<Plan, TradeError> {
    let (rows, held) = read::<C, _>(chunk, |cells| row(cells, import.currency))?;
    let sorted = gathered(rows, held, chunk.places.len(), |reference: String, rows| order(reference, rows));
    let drafts: Vec<OrderDraft> = sorted.said.iter().map(|said| said.what.clone()).collect();
    let arriving = arrive(ledger, scope, &drafts).await?;
    let fates = sorted.fates(arriving.outcomes(), |said, problem| blamed(said, problem, "/lines/", NAMES));
    Ok(Plan { deeds: Deeds::Orders(arriving), fates })
}

fn row(cells: &Cells<'_, C>, currency: Currency) -> Result<(String, Row), Held> {
    let reference = cells.filled(C::Reference).ok_or_else(|| cells.held(C::Reference, "an order has a reference"))?;
    let placed_at = match cells.filled(C::PlacedAt) {
        None => None,
        Some(text) => {
            let read = moment(text).or_else(|| european(text));
            Some(read.ok_or_else(|| cells.held(C::PlacedAt, "a date is needed, as 2026-11-22T09:30:00Z"))?)
        }
    };
    let currency = match cells.filled(C::Currency) {
        None => currency,
        Some(code) => Currency::from_code(&code.to_ascii_uppercase())
            .ok_or_else(|| cells.held(C::Currency, "a currency is three letters of ISO 4217, as EUR"))?,
    };
    let price = Money::from_decimal(&cells.decimal(C::Price), currency)
        .map_err(|error| cells.held(C::Price, error.to_string()))?;
    let line = LineDraft {
        variant: None,
        sku: cells.filled(C::Sku).map(str::to_owned),
        title: cells.filled(C::Title).map(str::to_owned),
        quantity: pieces(cells, C::Quantity)?,
        price,
    };
    Ok((reference.to_owned(), Row { placed_at, line, consumer: consumer(cells) }))
}

/// The six fields of a row, if it has any of them.
fn consumer(cells: &Cells<'_, C>) -> Option<ConsumerDraft> {
    let (mut first_name, mut last_name) = (cells.get(C::FirstName), cells.get(C::LastName));
    if first_name.is_empty() && last_name.is_empty() {
        let name = cells.get(C::Name);
        (first_name, last_name) = name.rsplit_once(' ').unwrap_or(("", name));
    }
    let street = [cells.get(C::Street), cells.get(C::Street2), cells.get(C::City)];
    let street: Vec<_> = street.into_iter().filter(|line| !line.is_empty()).collect();
    let street = Zeroizing::new(street.join("\n"));
    let (postal_code, region, country) = (cells.get(C::PostalCode), cells.get(C::Region), cells.get(C::Country));
    let fields = SixFields { first_name, last_name, street: &street, postal_code, region, country };
    (fields != SixFields::default()).then(|| ConsumerDraft::of(fields))
}

fn order(reference: String, rows: Vec<Row>) -> Result<OrderDraft, Held> {
    let placed_at = rows.iter().find_map(|row| row.placed_at);
    let mut consumer = None;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        consumer = consumer.or(row.consumer);
        lines.push(row.line);
    }
    let consumer = consumer.ok_or_else(|| Held::column("Street", "no row of the order says who gets it"))?;
    Ok(OrderDraft { reference, lines, consumer, placed_at })
}

/// `22.11.2026`, with or without `09:30` behind it.
fn european(text: &str) -> Option<Moment> {
    let (date, time) = text.split_once(' ').unwrap_or((text, "00:00"));
    let mut parts = date.split('.');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    moment(&format!("{year}-{month:0>2}-{day:0>2} {time}"))
}
