//! A file of invoice lines as orders of a wholesaler: every row accounted for.
//!
//! Its stock codes become the wholesaler's catalogue, its invoices a retailer's orders, its cancelling invoices
//! cancellations.

use super::api::{Caller, list, number, text};
use super::cast::{CURRENCY, Cast, link, merchant};
use super::catalogue::{read, tell_held};
use super::outcome::{Invoices, Outcome};
use super::people::{Dice, person};
use super::shelves::levels;
use super::stage::Stage;
use super::teller::Teller;
use crate::ending::{Code, Ending};
use bonded_base::{Currency, Moment};
use bonded_connect::csv::{InvoiceCancellation, InvoiceFile, InvoiceOrder, invoice_lines};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

/// Records in one request.
const BATCH: usize = 500;

/// Variants in one question about stock.
const LEVELS_AT_ONCE: usize = 100;

/// The same people each time.
const SEED: u64 = 1201;

const SAMPLE: (&str, &str) = ("orders.csv", include_str!("../../../../samples/orders.csv"));

/// Tells what became of the file.
pub async fn tell(
    stage: &Stage,
    cast: &mut Cast,
    file: Option<&Path>,
    teller: &mut Teller,
    outcome: &mut Outcome,
) -> Result<(), Ending> {
    let (name, bytes) = match file {
        Some(path) => read(&path.to_owned()).map(|file| (file.name, file.bytes))?,
        None => (SAMPLE.0.to_owned(), SAMPLE.1.as_bytes().to_vec()),
    };
    teller.step(&format!("A wholesaler's invoices become orders: {name}"));
    let currency = Currency::from_code(CURRENCY).unwrap_or(Currency::EUR);
    let invoices = invoice_lines(&bytes, currency).map_err(|bad| {
        Ending::new(Code::Data, format!("{name} cannot be read: {bad}"))
            .next("the first line names the columns: InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country")
    })?;
    let shop = merchant(stage, &cast.line, "Invoice Shop", "retailer").await?;
    let wholesaler = merchant(stage, &cast.line, "Wholesaler", "supplier").await?;
    link(&shop, &wholesaler).await?;
    let mut told = Invoices { file: name, rows: invoices.report.rows.len(), ..Invoices::default() };
    let mut ledger = Rows::of(&invoices)?;

    let begun = Instant::now();
    told.products = stock_up(&wholesaler, &invoices).await?;
    teller.timed("catalogue", format!("{} stock codes, with stock for all invoices", told.products), begun.elapsed());
    let begun = Instant::now();
    let placed = place(&shop, &invoices, &mut ledger, &mut told).await?;
    follow(&shop, &placed, &mut told).await?;
    let took = begun.elapsed();
    told.took_ms = took.as_secs_f64() * 1000.0;
    teller.timed("orders", format!("{} placed and {} routed", told.orders, told.routed), took);
    cancel(&shop, &invoices, &placed, &mut told, teller).await?;
    reckon(&wholesaler, &mut told, teller).await?;
    (told.taken, told.held) = ledger.count();
    told.report = ledger.rows;
    let sum = format!("{} rows = {} taken + {} held", told.rows, told.taken, told.held);
    teller.line("rows", teller.good(&sum));
    tell_held(&told.report, teller);
    outcome.invoices = Some(told);
    cast.others.extend([("retailer", shop), ("supplier", wholesaler)]);
    Ok(())
}

/// What became of each row, as it will be reported.
struct Rows {
    rows: Vec<Value>,
}

impl Rows {
    fn of(invoices: &InvoiceFile) -> Result<Self, Ending> {
        let rows = invoices.report.rows.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        Ok(Self { rows: rows.map_err(Ending::internal)? })
    }

    /// The server refused what the row asked for.
    fn hold(&mut self, place: usize, reason: &str) {
        if let Some(row) = self.rows.get_mut(place) {
            *row = json!({"row": row["row"], "line": row["line"], "fate": "held", "reason": reason});
        }
    }

    fn count(&self) -> (usize, usize) {
        let held = self.rows.iter().filter(|row| text(row, "/fate") == "held").count();
        (self.rows.len() - held, held)
    }
}

/// The stock codes as products of the wholesaler, each with as many pieces as all the invoices ask for.
async fn stock_up(wholesaler: &Caller, invoices: &InvoiceFile) -> Result<usize, Ending> {
    let catalogue = invoices.catalogue();
    let mut made = 0;
    for parcels in catalogue.products.chunks(BATCH) {
        let drafts: Vec<_> = parcels.iter().map(|parcel| &parcel.draft).collect();
        let done = wholesaler.post("/v1/products/batch", Some(&json!({"data": drafts}))).await?;
        made += usize::try_from(number(&done, "/succeeded")).unwrap_or(0);
        let levels: Vec<_> = parcels
            .iter()
            .flat_map(|parcel| parcel.draft.variants.iter().zip(&parcel.stock))
            .filter_map(|(variant, stock)| Some(json!({"sku": variant.sku.as_ref()?, "on_hand": (*stock)?})))
            .collect();
        wholesaler.post("/v1/inventory_levels/batch", Some(&json!({"data": levels}))).await?;
    }
    Ok(made)
}

/// An invoice as an order. Its consumer is made up: such files hold none.
fn order(invoice: &InvoiceOrder, dice: &mut Dice) -> Value {
    let lines: Vec<_> = invoice
        .lines
        .iter()
        .map(|line| json!({"sku": line.sku, "title": line.title, "quantity": line.quantity, "price": line.price}))
        .collect();
    let placed_at: Moment = invoice.placed_at;
    json!({"reference": invoice.reference, "placed_at": placed_at, "lines": lines, "consumer": person(dice)})
}

/// The orders that were placed: those of the file in their order, then those of business from before it.
struct Placed {
    /// The id of each invoice's order; `None` where it was refused.
    ids: Vec<Option<String>>,
    /// Orders that stand for what a cancelling invoice takes back from before the file.
    earlier: Vec<String>,
}

async fn place(shop: &Caller, invoices: &InvoiceFile, rows: &mut Rows, told: &mut Invoices) -> Result<Placed, Ending> {
    let mut dice = Dice::new(SEED);
    let earlier: Vec<_> = invoices.cancellations.iter().filter_map(InvoiceCancellation::earlier_order).collect();
    let all: Vec<&InvoiceOrder> = invoices.orders.iter().chain(&earlier).collect();
    let mut ids = Vec::with_capacity(all.len());
    for some in all.chunks(BATCH) {
        let drafts: Vec<_> = some.iter().map(|invoice| order(invoice, &mut dice)).collect();
        let done = shop.post("/v1/orders/batch", Some(&json!({"data": drafts}))).await?;
        for (invoice, result) in some.iter().zip(list(&done, "/data")) {
            let id = result.get("id").and_then(Value::as_str).map(str::to_owned);
            if id.is_none() {
                for line in &invoice.lines {
                    rows.hold(line.row, text(result, "/problem/detail"));
                }
            } else {
                told.pieces_ordered += invoice.lines.iter().map(|line| i64::from(line.quantity)).sum::<i64>();
            }
            ids.push(id);
        }
    }
    told.orders = ids.iter().flatten().count();
    let earlier = ids.split_off(invoices.orders.len());
    Ok(Placed { ids, earlier: earlier.into_iter().flatten().collect() })
}

/// Waits until no order is on its way to the wholesaler any more.
async fn follow(shop: &Caller, placed: &Placed, told: &mut Invoices) -> Result<(), Ending> {
    let held = async |orders: &[Value]| {
        let holds = shop.all("/v1/holds?state=open").await?;
        let is_held = |order: &Value| holds.iter().any(|hold| text(hold, "/subject") == text(order, "/id"));
        Ok::<_, Ending>(orders.iter().all(is_held))
    };
    let open = shop
        .until("the routing of all orders", async || {
            // The oldest tells most of the time; reading all of them at each piece of news would take longer than routing.
            let oldest = shop.get("/v1/orders?state=open&limit=1").await?;
            if !held(list(&oldest, "/data")).await? {
                return Ok(None);
            }
            let open = shop.all("/v1/orders?state=open").await?;
            Ok(held(&open).await?.then_some(open.len()))
        })
        .await?;
    told.unrouted = open;
    told.routed = placed.ids.iter().flatten().count() + placed.earlier.len() - open;
    Ok(())
}

/// Cancels what cancelling invoices take back, and waits until the wholesaler has taken it.
async fn cancel(
    shop: &Caller,
    invoices: &InvoiceFile,
    placed: &Placed,
    told: &mut Invoices,
    teller: &Teller,
) -> Result<(), Ending> {
    told.cancellations = invoices.cancellations.len();
    let begun = Instant::now();
    // Pieces by order and line; several invoices may take back from one line.
    let mut wishes: BTreeMap<&str, BTreeMap<usize, i64>> = BTreeMap::new();
    for cancelled in invoices.cancellations.iter().flat_map(|invoice| &invoice.lines) {
        let Some(of) = cancelled.of else { continue };
        let Some(Some(id)) = placed.ids.get(of.order) else { continue };
        *wishes.entry(id).or_default().entry(of.line + 1).or_default() += i64::from(cancelled.line.quantity);
    }
    let mut waiting = Vec::new();
    for (id, lines) in &wishes {
        told.cancelled_lines += lines.len();
        let lines: Vec<_> = lines.iter().map(|(line, quantity)| json!({"line": line, "quantity": quantity})).collect();
        shop.post(&format!("/v1/orders/{id}/cancel"), Some(&json!({"lines": lines}))).await?;
        waiting.push((*id).to_owned());
    }
    for id in &placed.earlier {
        let order = shop.post(&format!("/v1/orders/{id}/cancel"), None).await?;
        told.cancelled_lines += list(&order, "/lines").len();
        waiting.push(id.clone());
    }
    for id in &waiting {
        told.pieces_cancelled += shop
            .until("a cancellation", async || {
                let order = shop.get(&format!("/v1/orders/{id}")).await?;
                let settled = list(&order, "/lines").iter().all(|line| {
                    number(line, "/cancelled") + number(line, "/shipped") + number(line, "/rejected")
                        >= number(line, "/cancel_wanted")
                });
                Ok(settled.then(|| list(&order, "/lines").iter().map(|line| number(line, "/cancelled")).sum::<i64>()))
            })
            .await?;
    }
    teller.timed(
        "cancellations",
        format!(
            "{} invoices took back {} pieces of {} lines",
            told.cancellations, told.pieces_cancelled, told.cancelled_lines
        ),
        begun.elapsed(),
    );
    Ok(())
}

/// What the wholesaler has reserved must be what was ordered less what was cancelled.
async fn reckon(wholesaler: &Caller, told: &mut Invoices, teller: &Teller) -> Result<(), Ending> {
    let mut variants = BTreeSet::new();
    let mut open = 0;
    let purchase_orders = wholesaler.all("/v1/purchase_orders").await?;
    for line in purchase_orders.iter().flat_map(|purchase_order| list(purchase_order, "/lines")) {
        variants.insert(text(line, "/variant"));
        open += number(line, "/quantity") - number(line, "/cancelled") - number(line, "/rejected");
    }
    let variants: Vec<&str> = variants.into_iter().collect();
    for some in variants.chunks(LEVELS_AT_ONCE) {
        let counted = levels(wholesaler, "/v1/inventory_levels", some).await?;
        told.pieces_reserved += counted.values().map(|(on_hand, available)| on_hand - available).sum::<i64>();
    }
    let sum = format!(
        "{} ordered - {} cancelled = {} reserved",
        told.pieces_ordered, told.pieces_cancelled, told.pieces_reserved
    );
    if told.unrouted == 0 && (told.pieces_reserved != open || open != told.pieces_ordered - told.pieces_cancelled) {
        return Err(Ending::internal(format!("pieces do not add up: {sum}, {open} open")));
    }
    teller.line("pieces", teller.good(&sum));
    Ok(())
}
