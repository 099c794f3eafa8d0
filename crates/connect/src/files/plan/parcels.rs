//! Files of parcels: rows of one purchase order and one parcel are what is in it.

use super::lines::{gathered, pieces, read};
use super::{Deeds, Plan, Said, Sorted, blamed};
use crate::csv::Held;
use crate::csv::dates::moment;
use crate::csv::table::Cells;
use crate::files::chunk::Chunk;
use crate::files::columns::ParcelColumn as C;
use bonded_base::{Id, Moment};
use bonded_ledger::{Ledger, Scope, Stored};
use bonded_trade::fulfilments::{FulfilmentMark, Shipment};
use bonded_trade::purchase_orders::{PurchaseOrder, Sent, by_references, send_many};
use bonded_trade::{LineWish, TradeError};
use std::collections::{BTreeSet, HashMap};

/// What the fields of a parcel are called in a file.
const NAMES: &[(&str, &str)] = &[
    ("line", "Line"),
    ("quantity", "Quantity"),
    ("carrier", "Carrier"),
    ("number", "Tracking number"),
    ("url", "Tracking URL"),
];

/// By what the rows of one parcel are known.
#[derive(Clone, PartialEq)]
struct Key {
    purchase_order: Option<Id<PurchaseOrder>>,
    reference: String,
    id: Option<Id<FulfilmentMark>>,
    number: Option<String>,
}

/// What one row says of its parcel.
struct Row {
    line: Option<i64>,
    sku: Option<String>,
    quantity: Option<i64>,
    carrier: Option<String>,
    url: Option<String>,
    at: Option<Moment>,
}

/// The purchase orders that a chunk speaks of.
struct Known {
    by_id: HashMap<Id<PurchaseOrder>, Stored<PurchaseOrder>>,
    by_reference: HashMap<String, Vec<Stored<PurchaseOrder>>>,
}

pub(super) async fn plan(ledger: &Ledger, scope: &Scope, chunk: &Chunk) -> Result<Plan, TradeError> {
    let (rows, held) = read::<C, _>(chunk, row)?;
    let ids: Vec<_> = rows.iter().filter_map(|(_, (key, _))| key.purchase_order).collect();
    let by_id = ledger.get_many(scope, &ids).await?.into_iter().flatten().map(|order| (order.id, order));
    let by_id: HashMap<_, _> = by_id.collect();
    let unknown = |key: &Key| key.purchase_order.is_none_or(|id| !by_id.contains_key(&id));
    let references: BTreeSet<String> = rows
        .iter()
        .filter(|(_, (key, _))| unknown(key) && !key.reference.is_empty())
        .map(|(_, (key, _))| key.reference.clone())
        .collect();
    let by_reference =
        if references.is_empty() { HashMap::new() } else { by_references(ledger, scope, &references).await? };
    let known = Known { by_id, by_reference };
    let sorted = gathered(rows, held, chunk.places.len(), |key, rows| known.parcel(key, &rows));
    let sent: Vec<_> = sorted.said.iter().map(|said: &Said<Sent>| said.what.clone()).collect();
    let sending = send_many(ledger, scope, &sent).await?;
    let fates = fates(&sorted, &sending);
    Ok(Plan { deeds: Deeds::Parcels(sending), fates })
}

fn fates(
    sorted: &Sorted<Sent>,
    sending: &bonded_trade::purchase_orders::Sending,
) -> Vec<Result<bonded_trade::Did, Held>> {
    sorted.fates(sending.outcomes().to_vec(), |said, problem| blamed(said, problem, "/lines/", NAMES))
}

fn row(cells: &Cells<'_, C>) -> Result<(Key, Row), Held> {
    let owned = |column| cells.filled(column).map(str::to_owned);
    let purchase_order = match cells.filled(C::PurchaseOrder) {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| cells.held(C::PurchaseOrder, "an id is needed that begins with po_"))?),
    };
    let id = match cells.filled(C::Fulfilment) {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| cells.held(C::Fulfilment, "an id is needed that begins with ful_"))?),
    };
    if purchase_order.is_none() && cells.filled(C::Reference).is_none() {
        return Err(cells.held(C::Reference, "the row names no purchase order"));
    }
    let line = match cells.filled(C::Line) {
        None => None,
        Some(_) => Some(pieces(cells, C::Line)?),
    };
    let quantity = match cells.filled(C::Quantity) {
        None => None,
        Some(_) => Some(pieces(cells, C::Quantity)?),
    };
    let at = match cells.filled(C::ShippedAt) {
        None => None,
        Some(text) => {
            Some(moment(text).ok_or_else(|| cells.held(C::ShippedAt, "a date is needed, as 2026-11-22T09:30:00Z"))?)
        }
    };
    let key = Key { purchase_order, reference: cells.get(C::Reference).to_owned(), id, number: owned(C::Number) };
    Ok((key, Row { line, sku: owned(C::Sku), quantity, carrier: owned(C::Carrier), url: owned(C::Url), at }))
}

impl Known {
    /// The purchase order of a parcel; where a reference has several, the one that has the parcel's lines.
    fn order(&self, key: &Key, rows: &[Row]) -> Result<&Stored<PurchaseOrder>, Held> {
        if let Some(order) = key.purchase_order.and_then(|id| self.by_id.get(&id)) {
            return Ok(order);
        }
        let named = self.by_reference.get(&key.reference).map(Vec::as_slice).unwrap_or_default();
        let has = |order: &&Stored<PurchaseOrder>| rows.iter().all(|row| line_of(order, row).is_some());
        let mut fitting = named.iter().filter(has);
        match (named, fitting.next(), fitting.next()) {
            ([], ..) => Err(Held::column("Reference", "there is no such purchase order")),
            ([only], ..) | (_, Some(only), None) => Ok(only),
            (_, None, _) => Err(Held::column("SKU", "no purchase order of this reference has such a line")),
            (_, Some(_), Some(_)) => {
                Err(Held::column("Reference", "several purchase orders have this reference; name it by its id"))
            }
        }
    }

    fn parcel(&self, key: Key, rows: &[Row]) -> Result<Sent, Held> {
        let order = self.order(&key, rows)?;
        // A parcel without lines takes all that is left.
        let all = rows.len() == 1 && rows.iter().all(|row| row.line.is_none() && row.sku.is_none());
        let lines = rows.iter().map(|row| {
            let line = line_of(order, row);
            let line = line.ok_or_else(|| Held::column("SKU", "the purchase order has no such line"))?;
            let quantity = row.quantity.unwrap_or_else(|| i64::from(line.open()));
            Ok(LineWish { line: i64::from(line.line), quantity: Some(quantity) })
        });
        let lines = if all { None } else { Some(lines.collect::<Result<Vec<_>, Held>>()?) };
        let first = |field: fn(&Row) -> &Option<String>| rows.iter().find_map(|row| field(row).clone());
        let shipment =
            Shipment { lines, carrier: first(|row| &row.carrier), number: key.number, url: first(|row| &row.url) };
        Ok(Sent { purchase_order: order.id, id: key.id, shipment, at: rows.iter().find_map(|row| row.at) })
    }
}

fn line_of<'o>(order: &'o PurchaseOrder, row: &Row) -> Option<&'o bonded_trade::purchase_orders::PoLine> {
    let named = |line: &&bonded_trade::purchase_orders::PoLine| match (row.line, &row.sku) {
        (Some(number), _) => i64::from(line.line) == number,
        (None, Some(_)) => line.sku == row.sku,
        (None, None) => true,
    };
    order.lines.iter().find(named)
}
