//! Invoice lines: a wholesaler's invoices as orders, their cancellations, and the catalogue that they show.
//!
//! The format is that of the public "Online Retail" data (`InvoiceNo,StockCode,Description,Quantity,InvoiceDate,
//! UnitPrice,CustomerID,Country`). The customer's number serves to match cancellations while the file is read, and is
//! kept nowhere; the country is not read at all.

use super::ProductFile;
use super::cancellations::{Businesses, CancelledLine, InvoiceCancellation, LinePlace};
use super::dates::moment;
use super::report::{Fate, Held, Report, Row};
use super::stock_codes::{StockCode, catalogue, is_product};
use super::table::{Cells, Column, FileError, Table};
use bonded_base::{Currency, Moment, Money};
use serde::Serialize;
use std::collections::HashMap;

/// The columns of an invoice file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvoiceColumn {
    Invoice,
    StockCode,
    Description,
    Quantity,
    Date,
    Price,
    Customer,
    Country,
}

use InvoiceColumn as C;

impl Column for InvoiceColumn {
    const NAMES: &'static [(Self, &'static [&'static str])] = &[
        (C::Invoice, &["InvoiceNo", "Invoice", "Invoice number"]),
        (C::StockCode, &["StockCode", "Stock code", "SKU"]),
        (C::Description, &["Description"]),
        (C::Quantity, &["Quantity"]),
        (C::Date, &["InvoiceDate", "Invoice date", "Date"]),
        (C::Price, &["UnitPrice", "Unit price", "Price"]),
        (C::Customer, &["CustomerID", "Customer ID", "Customer"]),
        (C::Country, &["Country"]),
    ];
    const NEEDED: &'static [Self] = &[C::Invoice, C::StockCode, C::Quantity, C::Date, C::Price];
}

impl InvoiceColumn {
    /// The field of a product's draft that it fills.
    const fn field(self) -> Option<&'static str> {
        match self {
            C::StockCode => Some("sku"),
            C::Description => Some("title"),
            C::Price => Some("price"),
            _ => None,
        }
    }
}

/// What an invoice file holds.
#[derive(Debug)]
pub struct InvoiceFile {
    /// The invoices, in the order in which they begin.
    pub orders: Vec<InvoiceOrder>,
    /// The cancellations, in the order in which they begin.
    pub cancellations: Vec<InvoiceCancellation>,
    /// The things that they are about, in the order in which they are first named.
    pub stock_codes: Vec<StockCode>,
    /// What became of each row.
    pub report: Report<InvoiceRow>,
    /// What the file calls the fields of a product.
    names: Vec<(&'static str, String)>,
}

/// One invoice, as an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceOrder {
    /// The invoice's number.
    pub reference: String,
    /// When it was written, by its first line.
    pub placed_at: Moment,
    /// At least one.
    pub lines: Vec<InvoiceLine>,
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLine {
    /// The stock code.
    pub sku: String,
    /// Its description; empty if the row has none.
    pub title: String,
    /// Pieces, at least one.
    pub quantity: u32,
    /// What one costs, more than nothing.
    pub price: Money,
    /// The row that it comes from, as a place in the report's rows.
    pub row: usize,
}

/// What an invoice row became. Numbers of orders and lines begin with 0, as in [`InvoiceFile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum InvoiceRow {
    /// A line of an order.
    OrderLine(LinePlace),
    /// A cancellation of pieces that an order of this file asked for.
    Cancellation {
        /// Of which line.
        of: LinePlace,
    },
    /// A cancellation of business from before this file.
    EarlierCancellation,
}

impl InvoiceFile {
    /// The stock codes as products that can be imported, each with as many pieces as all invoices ask for.
    pub fn catalogue(&self) -> ProductFile {
        catalogue(&self.stock_codes, self.names.clone())
    }
}

/// Reads a file of invoice lines, its prices in one currency.
pub fn invoice_lines(bytes: &[u8], currency: Currency) -> Result<InvoiceFile, FileError> {
    let table = Table::<InvoiceColumn>::open(bytes)?;
    let mut gathering = Gathering { currency, ..Gathering::default() };
    table.each_row(|row, line, cells| gathering.take(row, line, cells))?;
    let names = table.known_columns().filter_map(|(column, name)| Some((column.field()?, name.to_owned()))).collect();
    let Gathering { rows, orders, cancellations, stock_codes, .. } = gathering;
    let report = Report { rows, ignored_columns: table.ignored_columns() };
    Ok(InvoiceFile {
        orders: orders.list,
        cancellations: cancellations.list,
        stock_codes: stock_codes.list,
        report,
        names,
    })
}

/// Things in the order in which they were first named.
struct Named<T> {
    list: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { list: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Named<T> {
    /// The thing of a name and its place; made, if it is named for the first time.
    fn place_of(&mut self, name: &str, make: impl FnOnce() -> T) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.list.len();
        self.list.push(make());
        self.places.insert(name.to_owned(), place);
        place
    }
}

/// The invoices of a file while it is read.
struct Gathering {
    currency: Currency,
    rows: Vec<Row<InvoiceRow>>,
    orders: Named<InvoiceOrder>,
    cancellations: Named<InvoiceCancellation>,
    stock_codes: Named<StockCode>,
    businesses: Businesses,
}

impl Default for Gathering {
    fn default() -> Self {
        Self {
            currency: Currency::GBP,
            rows: Vec::new(),
            orders: Named::default(),
            cancellations: Named::default(),
            stock_codes: Named::default(),
            businesses: Businesses::default(),
        }
    }
}

/// A row that was found good.
struct Read<'r> {
    invoice: &'r str,
    customer: &'r str,
    at: Moment,
    cancels: bool,
    bought: InvoiceLine,
}

impl Gathering {
    fn take(&mut self, row: u64, line: u64, cells: Result<Cells<'_, InvoiceColumn>, Held>) {
        let place = self.rows.len();
        let fate = match cells.and_then(|cells| self.sorted(place, (row, line), &cells)) {
            Ok(taken) => Fate::Taken(taken),
            Err(held) => Fate::Held(held),
        };
        self.rows.push(Row { row, line, fate });
    }

    fn sorted(&mut self, place: usize, seen: (u64, u64), cells: &Cells<'_, InvoiceColumn>) -> Result<InvoiceRow, Held> {
        let read = read(cells, place, self.currency)?;
        if read.cancels {
            let of = self.businesses.cancel(read.customer, &read.bought);
            if of.is_none() {
                self.count(&read.bought, seen);
            }
            self.cancel(read, of);
            return Ok(of.map_or(InvoiceRow::EarlierCancellation, |of| InvoiceRow::Cancellation { of }));
        }
        self.count(&read.bought, seen);
        Ok(InvoiceRow::OrderLine(self.order(read)))
    }

    /// Adds a line to its invoice.
    fn order(&mut self, read: Read<'_>) -> LinePlace {
        let Read { invoice, customer, at, bought: line, .. } = read;
        let order = self.orders.place_of(invoice, || InvoiceOrder {
            reference: invoice.to_owned(),
            placed_at: at,
            lines: Vec::new(),
        });
        let lines = self.orders.list.get_mut(order).map(|order| &mut order.lines);
        let place = LinePlace { order, line: lines.as_ref().map_or(0, |lines| lines.len()) };
        self.businesses.made(customer, &line, place);
        if let Some(lines) = lines {
            lines.push(line);
        }
        place
    }

    /// Adds a line to its cancellation.
    fn cancel(&mut self, read: Read<'_>, of: Option<LinePlace>) {
        let Read { invoice, at, bought: line, .. } = read;
        let place = self.cancellations.place_of(invoice, || InvoiceCancellation {
            reference: invoice.to_owned(),
            at,
            lines: Vec::new(),
        });
        if let Some(cancellation) = self.cancellations.list.get_mut(place) {
            cancellation.lines.push(CancelledLine { line, of });
        }
    }

    /// Counts a line's pieces for the catalogue.
    fn count(&mut self, line: &InvoiceLine, seen: (u64, u64)) {
        let place = self.stock_codes.place_of(&line.sku, || StockCode {
            code: line.sku.clone(),
            title: line.sku.clone(),
            price: line.price,
            pieces: 0,
            seen,
        });
        let Some(code) = self.stock_codes.list.get_mut(place) else { return };
        code.pieces = code.pieces.saturating_add(u64::from(line.quantity));
        if code.title == code.code && !line.title.is_empty() {
            code.title.clone_from(&line.title);
        }
    }
}

/// What a row says, if it is an order's line or a cancellation's.
fn read<'r>(cells: &'r Cells<'_, InvoiceColumn>, row: usize, currency: Currency) -> Result<Read<'r>, Held> {
    let invoice = cells.filled(C::Invoice).ok_or_else(|| cells.held(C::Invoice, "the row has no invoice number"))?;
    let code = cells.filled(C::StockCode).ok_or_else(|| cells.held(C::StockCode, "the row has no stock code"))?;
    if !is_product(code) {
        return Err(cells.held(C::StockCode, "the code stands for a charge or a correction, not for a product"));
    }
    let cancels = invoice.starts_with(['C', 'c']);
    let quantity = quantity(cells, cancels)?;
    let price = Money::from_decimal(&cells.decimal(C::Price), currency)
        .map_err(|error| cells.held(C::Price, error.to_string()))?;
    if price.amount <= 0 {
        return Err(cells.held(C::Price, "a price above nothing is needed"));
    }
    let at = moment(cells.get(C::Date)).ok_or_else(|| {
        cells.held(C::Date, "a date is needed, as in 12/31/2010 8:26 (month first) or 2010-12-31 08:26")
    })?;
    let bought =
        InvoiceLine { sku: code.to_owned(), title: cells.get(C::Description).to_owned(), quantity, price, row };
    Ok(Read { invoice, customer: cells.get(C::Customer), at, cancels, bought })
}

/// Pieces, without their sign.
fn quantity(cells: &Cells<'_, InvoiceColumn>, cancels: bool) -> Result<u32, Held> {
    let signed: i64 =
        cells.get(C::Quantity).parse().map_err(|_| cells.held(C::Quantity, "a whole number is needed"))?;
    if cancels && signed > 0 {
        return Err(cells.held(C::Quantity, "a cancellation has a negative quantity"));
    }
    if !cancels && signed < 0 {
        return Err(cells.held(C::Quantity, "only a cancellation has a negative quantity: its number begins with C"));
    }
    match u32::try_from(signed.unsigned_abs()) {
        Ok(0) => Err(cells.held(C::Quantity, "at least one piece is needed")),
        Ok(pieces) => Ok(pieces),
        Err(_) => Err(cells.held(C::Quantity, "that is more pieces than can be counted")),
    }
}
