//! What has changed here since the logs were last read: each record once, however often it changed.

use super::at::{At, Halt, apart};
use crate::followers::Held;
use bonded_base::{Account, Id, Kind, Moment};
use bonded_connect::connections::Connection;
use bonded_connect::mirrors::{Mirror, MirrorState};
use bonded_ledger::{Headline, Lease, List, PAGE_MAX, Record, Stored};
use bonded_trade::catalog::{Product, Variant};
use bonded_trade::inventory::InventoryLevel;
use bonded_trade::orders::{Order, OrderState};
use bonded_trade::partners::{self, LinkedPartner};
use bonded_trade::purchase_orders::{PoState, PurchaseOrder};
use std::collections::{BTreeSet, HashMap};

/// Entries of one log that one turn reads at most; the rest is read in the next.
const ENTRIES_A_TURN_MAX: usize = 4_096;
/// Entries that are read at once.
const CHUNK: u32 = 1_024;
/// Mirrors that wait and are looked at in one turn.
const WAITING_MAX: u32 = 500;
/// A partner's lease with less than this left is renewed before its place is noted.
const RENEW_MS: i64 = 15_000;

/// What has changed.
pub(super) struct News {
    /// The account's orders.
    pub orders: BTreeSet<Id<Order>>,
    /// The account's purchase orders.
    pub purchase_orders: BTreeSet<Id<PurchaseOrder>>,
    /// What partners share.
    pub partners: Vec<PartnerNews>,
    /// When the first thing that failed is tried again.
    pub next_try: Option<Moment>,
    /// What the shop has, could not be taken, and is to be tried again.
    pub asked: Vec<Stored<Mirror>>,
    read_to: u64,
}

/// What has changed of what one partner shares.
pub(super) struct PartnerNews {
    pub partner: LinkedPartner,
    /// Whose stock or self may have changed.
    pub variants: BTreeSet<Id<Variant>>,
    pub products: BTreeSet<Id<Product>>,
    /// Whether some of it was not there before: the shop may have it already, by its SKU.
    pub has_grown: bool,
    read_to: u64,
}

/// What the account's own log tells of.
#[derive(Default)]
struct Own {
    orders: BTreeSet<Id<Order>>,
    purchase_orders: BTreeSet<Id<PurchaseOrder>>,
    mirrors: BTreeSet<Id<Mirror>>,
    /// The connection itself is another now: everything is looked at again.
    everything: bool,
}

impl News {
    /// Reads on in all logs that the connection follows.
    pub async fn gather(at: &At<'_>, held: &Held, places: &mut HashMap<Id<Account>, Lease>) -> Result<Self, Halt> {
        let (headlines, read_to) = read_on(at, at.scope, held.seq()).await?;
        let mut own = Own::of(&headlines, at.connection.id);
        if own.everything {
            own.add_open(at).await?;
        }
        let mut partners = Vec::new();
        if at.connection.direction.sells() {
            for partner in open_suppliers(at).await? {
                partners.push(PartnerNews::gather(at, held, places, partner, own.everything).await?);
            }
        }
        places.retain(|account, _| partners.iter().any(|news| news.partner.partner == *account));
        let Own { orders, purchase_orders, .. } = own;
        let mut news = Self { orders, purchase_orders, partners, next_try: None, asked: Vec::new(), read_to };
        news.add_waiting(at, own.mirrors.into_iter().collect()).await?;
        Ok(news)
    }

    /// The logs that wake the connection, besides its account's own.
    pub fn watched(&self) -> Vec<Id<Account>> {
        self.partners.iter().map(|news| news.partner.partner).collect()
    }

    /// Notes how far the logs were read, now that all of it has arrived or waits in a mirror.
    pub async fn note(
        self,
        at: &At<'_>,
        held: &mut Held,
        places: &mut HashMap<Id<Account>, Lease>,
    ) -> Result<(), Halt> {
        if self.read_to > held.seq() {
            held.advance(self.read_to).await?;
        }
        for news in self.partners {
            let Some(lease) = places.get_mut(&news.partner.partner) else { continue };
            if news.read_to > lease.seq {
                if lease.until < at.now().plus_millis(RENEW_MS) {
                    *lease = held.place_in(news.partner.partner).await?;
                }
                at.ledger.advance(lease, news.read_to).await?;
            }
        }
        Ok(())
    }

    /// What failed before and is due again, and what somebody asked to be tried again.
    async fn add_waiting(&mut self, at: &At<'_>, asked: Vec<Id<Mirror>>) -> Result<(), Halt> {
        let now = at.now();
        let list = List { state: Some(MirrorState::Waiting.number()), ..List::first(WAITING_MAX) };
        let mut mirrors = at.ledger.list::<Mirror>(at.scope, &list).await?.records;
        if !asked.is_empty() {
            let asked: Vec<_> = at.ledger.get_many(at.scope, &asked).await?.into_iter().flatten().collect();
            let ours = asked.iter().filter(|mirror| mirror.connection == at.connection.id && mirror.link.is_none());
            self.asked = ours.filter(|mirror| mirror.remote.is_some()).cloned().collect();
            mirrors.extend(asked);
        }
        for mirror in mirrors.into_iter().filter(|mirror| mirror.connection == at.connection.id) {
            match mirror.next_try_at {
                Some(due) if due > now => {
                    self.next_try = Some(self.next_try.map_or(due, |known| known.min(due)));
                }
                _ => self.add(&mirror),
            }
        }
        Ok(())
    }

    fn add(&mut self, mirror: &Stored<Mirror>) {
        self.orders.extend(mirror.record_of::<Order>());
        self.purchase_orders.extend(mirror.record_of::<PurchaseOrder>());
        if let Some(news) = self.partners.iter_mut().find(|news| Some(news.partner.link) == mirror.link) {
            news.variants.extend(mirror.record_of::<Variant>());
            news.products.extend(mirror.record_of::<Product>());
        }
    }
}

impl Own {
    fn of(headlines: &[Headline], connection: Id<Connection>) -> Self {
        let mut own = Self::default();
        for headline in headlines {
            match headline.kind {
                Kind::Order => own.orders.extend(headline.id_of::<Order>()),
                Kind::PurchaseOrder => own.purchase_orders.extend(headline.id_of::<PurchaseOrder>()),
                Kind::Mirror if headline.action == "retried" => own.mirrors.extend(headline.id_of::<Mirror>()),
                // What the worker itself notes of the shop changes nothing of what is to be brought there.
                Kind::Connection => {
                    let told = matches!(headline.action.as_str(), "connected" | "updated" | "resumed" | "renewed");
                    own.everything |= told && headline.id_of::<Connection>() == Some(connection);
                }
                _ => {}
            }
        }
        own
    }

    /// Everything of the account's that may have to be brought to the shop.
    async fn add_open(&mut self, at: &At<'_>) -> Result<(), Halt> {
        for state in [PoState::Posted, PoState::Acknowledged] {
            let open = all::<PurchaseOrder>(at, at.scope, Some(state.number())).await?;
            self.purchase_orders.extend(open.iter().map(|record| record.id));
        }
        for state in [OrderState::Routed, OrderState::Shipped] {
            let open = all::<Order>(at, at.scope, Some(state.number())).await?;
            self.orders.extend(open.iter().map(|record| record.id));
        }
        Ok(())
    }
}

impl PartnerNews {
    async fn gather(
        at: &At<'_>,
        held: &Held,
        places: &mut HashMap<Id<Account>, Lease>,
        partner: LinkedPartner,
        everything: bool,
    ) -> Result<Self, Halt> {
        let seq = if let Some(lease) = places.get(&partner.partner) {
            lease.seq
        } else {
            let lease = held.place_in(partner.partner).await?;
            places.entry(partner.partner).or_insert(lease).seq
        };
        // A partner whose log was never read is taken as it is now, not entry by entry from its beginning.
        if everything || seq == 0 {
            let read_to = at.ledger.head(&partner.scope).await?;
            let variants = all::<Variant>(at, &partner.scope, None).await?;
            let products = variants.iter().map(|variant| variant.product).collect();
            let variants = variants.iter().map(|variant| variant.id).collect();
            return Ok(Self { partner, variants, products, has_grown: seq == 0, read_to });
        }
        let (headlines, read_to) = read_on(at, &partner.scope, seq).await?;
        let has_grown = headlines.iter().any(|headline| headline.kind == Kind::Variant && headline.version == 1);
        let mut news = Self { partner, variants: BTreeSet::new(), products: BTreeSet::new(), has_grown, read_to };
        let mut levels = BTreeSet::new();
        let mut places_changed = false;
        for headline in headlines {
            news.variants.extend(headline.id_of::<Variant>());
            news.products.extend(headline.id_of::<Product>());
            levels.extend(headline.id_of::<InventoryLevel>());
            places_changed |= headline.kind == Kind::Location && headline.version > 1;
        }
        news.add_products_and_levels(at, &levels.into_iter().collect::<Vec<_>>()).await?;
        if places_changed {
            let all = all::<Variant>(at, &news.partner.scope, None).await?;
            news.variants.extend(all.iter().map(|variant| variant.id));
        }
        Ok(news)
    }

    /// Levels are about variants; variants are part of products; a product's state is its variants'.
    async fn add_products_and_levels(&mut self, at: &At<'_>, levels: &[Id<InventoryLevel>]) -> Result<(), Halt> {
        let scope = &self.partner.scope;
        if !levels.is_empty() {
            let levels = at.ledger.get_many::<InventoryLevel>(scope, levels).await?;
            self.variants.extend(levels.into_iter().flatten().map(|level| level.variant));
        }
        for product in self.products.clone() {
            match bonded_trade::catalog::all_variants_of(at.ledger, scope, product).await {
                Ok(variants) => self.variants.extend(variants.iter().map(|variant| variant.id)),
                Err(bonded_trade::TradeError::Problem(_)) => {}
                Err(bonded_trade::TradeError::Ledger(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

async fn open_suppliers(at: &At<'_>) -> Result<Vec<LinkedPartner>, Halt> {
    Ok(apart(partners::opened_suppliers(at.ledger, at.scope).await)?.unwrap_or_default())
}

/// Up to [`ENTRIES_A_TURN_MAX`] entries after a place, and how far that goes.
async fn read_on(at: &At<'_>, scope: &bonded_ledger::Scope, after: u64) -> Result<(Vec<Headline>, u64), Halt> {
    let (mut read, mut read_to) = (Vec::new(), after);
    while read.len() < ENTRIES_A_TURN_MAX {
        let (headlines, to) = at.ledger.headlines_read_to(scope, read_to, CHUNK).await?;
        read.extend(headlines);
        if to - read_to < u64::from(CHUNK) {
            return Ok((read, to));
        }
        read_to = to;
    }
    Ok((read, read_to))
}

/// All records of a kind, or those in one state.
async fn all<R: Record>(at: &At<'_>, scope: &bonded_ledger::Scope, state: Option<u8>) -> Result<Vec<Stored<R>>, Halt> {
    let (mut all, mut list) = (Vec::new(), List { state, ..List::first(PAGE_MAX) });
    loop {
        let page = at.ledger.list::<R>(scope, &list).await?;
        all.extend(page.records);
        match page.next {
            Some(next) => list.after = Some(next),
            None => return Ok(all),
        }
    }
}
