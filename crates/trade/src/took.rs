//! What a large change did to records, kept so that it can be taken back as long as nobody builds on it.

use crate::TradeError;
use crate::catalog::{Product, ProductStatus, Variant};
use crate::inventory::{InventoryLevel, levels_of};
use crate::orders::{Cancellation, Order, OrderState};
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Id, Kind, id_bytes};
use bonded_ledger::{Change, Ledger, LedgerError, Record, Scope, Stored};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Bytes of the digest by which a record is known again.
const DIGEST_BYTES: usize = 8;

const CHANGED_SINCE: &str = "it has changed since";
const STOCK_MOVED: &str = "its stock has moved since";
const ARCHIVED: &str = "its stock has moved since, so it was archived instead of removed";
const WITH_SUPPLIER: &str = "a supplier has it already, so cancelling was asked for";
const CLOSED: &str = "it was shipped or closed since";
const SENT: &str = "a parcel that has left cannot be called back";

/// What became of something that a file or another system brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// It is new.
    Created,
    /// It was there, and is different now.
    Changed,
    /// It was there as it is brought.
    Unchanged,
}

/// One record that was created or changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Touched {
    kind: Kind,
    /// As people read it: `prod_…`.
    record: String,
    /// A digest of the record as it became: whoever has changed it since has another.
    became: String,
    /// The fields that were different before, as they were; none where the record was born.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<Map<String, Value>>,
}

/// A record that could not be taken back, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// As people read it: `prod_…`.
    pub record: String,
    /// In a few words.
    pub reason: String,
}

impl Touched {
    /// A record that is born.
    pub fn born<R: Record>(id: Id<R>, record: &R) -> Self {
        Self { kind: R::KIND, record: id.to_string(), became: digest_of(record), was: None }
    }

    /// A record that becomes another.
    pub fn changed<R: Record>(was: &Stored<R>, next: &R) -> Self {
        let after = fields_of(next);
        let differs = |(name, value): &(String, Value)| after.get(name) != Some(value);
        let before = fields_of(&**was).into_iter().filter(differs).collect();
        Self { kind: R::KIND, record: was.id.to_string(), became: digest_of(next), was: Some(before) }
    }

    /// Whether the record was born then.
    pub const fn is_born(&self) -> bool {
        self.was.is_none()
    }

    fn bytes(&self) -> Option<[u8; 16]> {
        id_bytes(self.kind, &self.record)
    }

    /// Whether the record is still as this left it.
    fn stands<R: Record>(&self, record: &R) -> bool {
        digest_of(record) == self.became
    }

    /// The record as it was before.
    fn before<R: Record>(&self, now: &R) -> Option<R> {
        let mut fields = fields_of(now);
        fields.extend(self.was.clone()?);
        serde_json::from_value(Value::Object(fields)).ok()
    }
}

fn fields_of<R: Record>(record: &R) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn digest_of<R: Record>(record: &R) -> String {
    let json = serde_json::to_vec(record).unwrap_or_default();
    let digest = digest(&SHA256, &json);
    let number = digest.as_ref().iter().take(DIGEST_BYTES).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:016x}")
}

/// What one record goes back to: what it was, or nothing.
struct Back<R> {
    now: Stored<R>,
    next: Option<R>,
}

impl<R: Record> Back<R> {
    fn write(&self, change: &mut Change) {
        match &self.next {
            Some(next) => change.update(&self.now, next, "taken_back"),
            None => change.remove(&self.now, "taken_back"),
        }
    }
}

/// What is to be taken back of one change, worked out but not written.
#[derive(Default)]
pub struct TakingBack {
    products: Vec<Back<Product>>,
    variants: Vec<Back<Variant>>,
    levels: Vec<Back<InventoryLevel>>,
    orders: Vec<Back<Order>>,
    left: Vec<Left>,
}

impl TakingBack {
    /// Adds it to a change.
    pub fn write(&self, change: &mut Change) {
        self.products.iter().for_each(|back| back.write(change));
        self.variants.iter().for_each(|back| back.write(change));
        self.levels.iter().for_each(|back| back.write(change));
        self.orders.iter().for_each(|back| back.write(change));
    }

    /// How many records go back.
    pub fn count(&self) -> usize {
        self.products.len() + self.variants.len() + self.levels.len() + self.orders.len()
    }

    /// What stays, and why.
    pub fn left(&self) -> &[Left] {
        &self.left
    }

    fn leave(&mut self, touched: &Touched, reason: &str) {
        self.left.push(Left { record: touched.record.clone(), reason: reason.to_owned() });
    }
}

/// Works out what goes back: what was born is removed if nothing depends on it, what was changed becomes what it was if
/// nobody has changed it since; the rest is named with its reason.
pub async fn take_back(ledger: &Ledger, scope: &Scope, touched: &[Touched]) -> Result<TakingBack, TradeError> {
    let mut back = TakingBack::default();
    let products = there::<Product>(ledger, scope, touched).await?;
    let variants = there::<Variant>(ledger, scope, touched).await?;
    let levels = there::<InventoryLevel>(ledger, scope, touched).await?;
    let mut families: HashMap<Id<Product>, Family<'_>> = HashMap::new();
    for (mark, product) in products {
        families.insert(product.id, Family { product: Some((mark, product)), variants: Vec::new() });
    }
    for (mark, variant) in variants {
        let family = families.entry(variant.product).or_default();
        family.variants.push((mark, variant));
    }
    let born: Vec<_> = families.values().flat_map(Family::born).collect();
    let shelves = levels_of(ledger, scope, &born).await?;
    let mut shelves: HashMap<_, _> = born.into_iter().zip(shelves).collect();
    let mut gone = HashSet::new();
    for family in families.into_values() {
        let shelves = family.born().filter_map(|variant| shelves.remove(&variant)).flatten().collect();
        family.back(shelves, &levels, &mut back, &mut gone);
    }
    for (mark, level) in levels {
        if !gone.contains(&level.id) {
            back.level(mark, level);
        }
    }
    for (mark, order) in there::<Order>(ledger, scope, touched).await? {
        back.order(mark, order);
    }
    for mark in touched.iter().filter(|mark| mark.kind == Kind::PurchaseOrder) {
        back.leave(mark, SENT);
    }
    Ok(back)
}

/// The touched records of a kind that are still there.
async fn there<'t, R: Record>(
    ledger: &Ledger,
    scope: &Scope,
    touched: &'t [Touched],
) -> Result<Vec<(&'t Touched, Stored<R>)>, LedgerError> {
    let marks: Vec<_> = touched
        .iter()
        .filter(|mark| mark.kind == R::KIND)
        .filter_map(|mark| Some((mark, Id::<R>::from_bytes(mark.bytes()?))))
        .collect();
    if marks.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = marks.iter().map(|(_, id)| *id).collect();
    let found = ledger.get_many(scope, &ids).await?;
    Ok(marks.into_iter().zip(found).filter_map(|((mark, _), found)| Some((mark, found?))).collect())
}

impl TakingBack {
    fn level(&mut self, mark: &Touched, level: Stored<InventoryLevel>) {
        if !mark.stands(&*level) {
            return self.leave(mark, STOCK_MOVED);
        }
        let next = mark.before(&*level);
        if next.is_none() && level.reserved > 0 {
            return self.leave(mark, STOCK_MOVED);
        }
        self.levels.push(Back { now: level, next });
    }

    fn order(&mut self, mark: &Touched, order: Stored<Order>) {
        if mark.stands(&*order) {
            // As it was placed: no supplier has heard of it.
            return self.orders.push(Back { now: order, next: None });
        }
        match (*order).clone().cancel(&Cancellation::default()) {
            Ok(next) => {
                if next.state != OrderState::Cancelled {
                    self.leave(mark, WITH_SUPPLIER);
                }
                self.orders.push(Back { now: order, next: Some(next) });
            }
            Err(_) if order.state == OrderState::Cancelled => {}
            Err(_) => self.leave(mark, CLOSED),
        }
    }
}

/// What was touched of one product and its variants; they go back together or not at all.
#[derive(Default)]
struct Family<'t> {
    product: Option<(&'t Touched, Stored<Product>)>,
    variants: Vec<(&'t Touched, Stored<Variant>)>,
}

impl Family<'_> {
    fn leave(self, back: &mut TakingBack, reason: &str) {
        let marks = self.product.iter().map(|(mark, _)| *mark).chain(self.variants.iter().map(|(mark, _)| *mark));
        marks.for_each(|mark| back.leave(mark, reason));
    }

    /// The variants that were born.
    fn born(&self) -> impl Iterator<Item = Id<Variant>> {
        self.variants.iter().filter(|(mark, _)| mark.is_born()).map(|(_, variant)| variant.id)
    }

    /// `shelves` are the levels of the variants that were born. A product that stands has the variants that it had, since it
    /// counts them.
    fn back(
        self,
        shelves: Vec<Stored<InventoryLevel>>,
        levels: &[(&Touched, Stored<InventoryLevel>)],
        back: &mut TakingBack,
        gone: &mut HashSet<Id<InventoryLevel>>,
    ) {
        let stands = self.product.iter().all(|(mark, product)| mark.stands(&**product))
            && self.variants.iter().all(|(mark, variant)| mark.stands(&**variant));
        if !stands {
            return self.leave(back, CHANGED_SINCE);
        }
        let as_left = |level: &Stored<InventoryLevel>| {
            level.reserved == 0 && levels.iter().any(|(mark, now)| now.id == level.id && mark.stands(&**now))
        };
        if !shelves.iter().all(as_left) {
            return self.archive(back);
        }
        gone.extend(shelves.iter().map(|level| level.id));
        back.levels.extend(shelves.into_iter().map(|now| Back { now, next: None }));
        back.variants.extend(self.variants.into_iter().map(|(mark, now)| Back { next: mark.before(&*now), now }));
        back.products.extend(self.product.into_iter().map(|(mark, now)| Back { next: mark.before(&*now), now }));
    }

    /// What partners build on stays, but is offered no longer.
    fn archive(self, back: &mut TakingBack) {
        let Some((mark, product)) = self.product.filter(|(mark, _)| mark.is_born()) else {
            return self.variants.iter().for_each(|(mark, _)| back.leave(mark, STOCK_MOVED));
        };
        back.leave(mark, ARCHIVED);
        let next = Product { status: ProductStatus::Archived, ..(*product).clone() };
        back.products.push(Back { now: product, next: Some(next) });
    }
}
