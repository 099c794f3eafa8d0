//! Invoices: what a supplier asks of a retailer for what it shipped of one purchase order.
//!
//! An invoice is one id with a record on each side. The supplier's is the truth: it is made there together with the purchase
//! order's new state, and the log carries it to the retailer ([`mirror`]). What was paid and refunded is written to both by
//! [`settle`]. Its id has the same bytes as its purchase order's, so there is one for each.

use crate::partners::PartnerLink;
use crate::purchase_orders::{self, PurchaseOrder};
use crate::{Page, Races, TradeError, Written, as_expected, carrier, text};
use bonded_base::{Account, Id, Kind, Kinded, Moment, Money, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Listed, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// Characters of an invoice's number at most.
pub const NUMBER_CHARS_MAX: usize = 60;
/// Days until an invoice is due, if its supplier says nothing.
pub const DUE_DAYS: u32 = 14;
/// Days until it can be due at most.
pub const DUE_DAYS_MAX: u32 = 365;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How far an invoice has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceState {
    /// Nothing was paid.
    Open,
    /// All of it was paid.
    Paid,
    /// It was paid, and a part went back.
    PartlyRefunded,
    /// It was paid, and all of it went back.
    Refunded,
}

impl InvoiceState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// What a supplier asks for what it shipped of a purchase order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// The supplier's number for it.
    pub number: String,
    /// What was shipped.
    pub purchase_order: Id<PurchaseOrder>,
    /// The retailer's number for the order.
    pub reference: String,
    /// Who asks.
    pub supplier: Id<Account>,
    /// Who is asked.
    pub retailer: Id<Account>,
    /// The link between the two.
    pub link: Id<PartnerLink>,
    /// What for.
    pub lines: Vec<InvoiceLine>,
    /// The sum of its lines.
    pub total: Money,
    /// When it was made.
    pub issued_at: Moment,
    /// When it is to be paid.
    pub due_at: Moment,
    /// How far it has come.
    pub state: InvoiceState,
    /// When it was paid.
    pub paid_at: Option<Moment>,
    /// How much of it went back.
    pub refunded: Money,
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// The order's number for it.
    pub line: u32,
    /// Its stock keeping unit.
    pub sku: Option<String>,
    /// What it is called.
    pub title: String,
    /// Pieces that were shipped.
    pub quantity: u32,
    /// What the supplier asks for one.
    pub price: Money,
    /// What it asks for all of them.
    pub amount: Money,
}

/// An invoice that is to be made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct InvoiceDraft {
    /// The supplier's number for it; the order's, if not said.
    pub number: Option<String>,
    /// In how many days it is to be paid: 0 to [`DUE_DAYS_MAX`].
    pub due_in_days: Option<u32>,
}

/// What was paid of an invoice, and went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// When it was paid.
    pub paid_at: Moment,
    /// How much went back since, in minor units.
    pub refunded: i64,
}

impl Kinded for Invoice {
    const KIND: Kind = Kind::Invoice;
}

impl Record for Invoice {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn sort_at(&self) -> Option<Moment> {
        Some(self.issued_at)
    }
}

impl Invoice {
    /// The id of a purchase order's invoice.
    pub const fn id_of(purchase_order: Id<PurchaseOrder>) -> Id<Self> {
        Id::from_bytes(purchase_order.bytes())
    }

    /// The invoice for all that was shipped.
    fn of(
        supplier: Id<Account>,
        was: &Stored<PurchaseOrder>,
        draft: &InvoiceDraft,
        now: Moment,
    ) -> Result<Self, Problem> {
        let number = text::optional_line("/number", draft.number.as_deref(), NUMBER_CHARS_MAX)?;
        let days = draft.due_in_days.unwrap_or(DUE_DAYS);
        if days > DUE_DAYS_MAX {
            return Err(Problem::invalid("/due_in_days", format!("0 to {DUE_DAYS_MAX} days are given to pay")));
        }
        let (mut lines, mut total): (Vec<InvoiceLine>, Option<Money>) = (Vec::new(), None);
        for line in was.lines.iter().filter(|line| line.shipped > 0) {
            let refused =
                |_| Problem::new(Reason::Refused, "its lines are in several currencies, or beyond all bounds");
            let amount = line.price.times(i64::from(line.shipped)).map_err(refused)?;
            total = Some(total.map_or(Ok(amount), |sum| sum.plus(amount)).map_err(refused)?);
            let (sku, title) = (line.sku.clone(), line.title.clone());
            lines.push(InvoiceLine { line: line.line, sku, title, quantity: line.shipped, price: line.price, amount });
        }
        let total = total.filter(|total| total.amount > 0);
        let total = total.ok_or_else(|| Problem::new(Reason::Refused, "there is nothing to be paid for"))?;
        Ok(Self {
            number: number.unwrap_or_else(|| was.reference.clone()),
            purchase_order: was.id,
            reference: was.reference.clone(),
            supplier,
            retailer: was.retailer,
            link: was.link,
            lines,
            total,
            issued_at: now,
            due_at: now.plus_millis(i64::from(days) * DAY_MS),
            state: InvoiceState::Open,
            paid_at: None,
            refunded: Money::new(0, total.currency),
        })
    }

    /// As it becomes once that was paid; `None` when it says so already.
    fn settled(&self, settled: Settled) -> Option<Self> {
        let state = match settled.refunded {
            0 => InvoiceState::Paid,
            refunded if refunded < self.total.amount => InvoiceState::PartlyRefunded,
            _ => InvoiceState::Refunded,
        };
        let refunded = Money::new(settled.refunded, self.total.currency);
        let next = Self { state, refunded, paid_at: self.paid_at.or(Some(settled.paid_at)), ..self.clone() };
        (next != *self).then_some(next)
    }
}

/// Makes the invoice of a purchase order of which all that is left was shipped, and turns that into an invoiced one.
pub async fn issue(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<PurchaseOrder>,
    expected: Option<u64>,
    draft: &InvoiceDraft,
) -> Result<Written<Invoice>, TradeError> {
    let mut races = Races::staked(Kind::PurchaseOrder, id.bytes(), expected);
    loop {
        let was = purchase_orders::get(ledger, scope, id).await?;
        as_expected(&was, expected)?;
        let moved = (*was).clone().invoice()?;
        let invoice = Invoice::of(scope.account(), &was, draft, ledger.clock().now())?;
        let (invoice_id, mut change) = (Invoice::id_of(id), Change::new());
        change.update(&was, &moved.purchase_order, "invoiced");
        change.create(invoice_id, &invoice, "issued");
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::born(invoice_id, invoice, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// One invoice, on either side.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<Invoice>) -> Result<Stored<Invoice>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::Invoice))
}

/// Those of these invoices that are there, each in the place of its id.
pub async fn some(
    ledger: &Ledger,
    scope: &Scope,
    ids: &[Id<Invoice>],
) -> Result<Vec<Option<Stored<Invoice>>>, TradeError> {
    Ok(ledger.get_many(scope, ids).await?)
}

/// A page of the invoices in one state, by when they were issued; or of all.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    state: Option<InvoiceState>,
    page: Page,
) -> Result<Listed<Invoice>, TradeError> {
    Ok(ledger.list(scope, &page.of_state(state.map(InvoiceState::number))).await?)
}

/// Brings a supplier's invoice to its retailer; does nothing when it is there.
pub async fn mirror(ledger: &Ledger, supplier: Id<Account>, id: Id<Invoice>) -> Result<(), TradeError> {
    let Some(theirs) = ledger.get(&carrier(supplier), id).await? else { return Ok(()) };
    // The retailer's own record of an invoice is never carried back.
    if theirs.supplier != supplier {
        return Ok(());
    }
    let scope = carrier(theirs.retailer);
    if ledger.get(&scope, id).await?.is_some() {
        return Ok(());
    }
    let mut change = Change::new();
    change.create(id, &*theirs, "received");
    match ledger.commit(&scope, change).await {
        Ok(_) | Err(LedgerError::Conflict { kind: Kind::Invoice, .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Writes on both sides what was paid of an invoice that a retailer has, and went back; as often as it is said.
pub async fn settle(ledger: &Ledger, retailer: &Scope, id: Id<Invoice>, settled: Settled) -> Result<(), TradeError> {
    let ours = get(ledger, retailer, id).await?;
    if ours.retailer != retailer.account() {
        return Err(Problem::new(Reason::Forbidden, "only the retailer pays an invoice").into());
    }
    for side in [ours.supplier, ours.retailer] {
        match settle_side(ledger, &carrier(side), id, settled).await {
            // A partner whose account was closed has no books any more.
            Ok(()) | Err(TradeError::Ledger(LedgerError::Destroyed)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn settle_side(ledger: &Ledger, scope: &Scope, id: Id<Invoice>, settled: Settled) -> Result<(), TradeError> {
    let mut races = Races::new();
    loop {
        let was = get(ledger, scope, id).await?;
        let Some(next) = was.settled(settled) else { return Ok(()) };
        let mut change = Change::new();
        change.update(&was, &next, if settled.refunded == 0 { "paid" } else { "refunded" });
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(()),
            Err(error) => races.lost(error)?,
        }
    }
}
