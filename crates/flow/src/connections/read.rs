//! Reading a shop: what its notices name, and all that changed since it was last read.

use super::at::{At, Halt, Kept, apart};
use super::{levels_in, orders_in, products_in};
use bonded_base::{Kind, Moment};
use bonded_connect::connections::Mode;
use bonded_connect::mirrors::{self, Agreed, Mirror};
use bonded_connect::notices::{self, Notice, Topic};
use bonded_connect::platform::{NAMED_MAX, Read, RemoteId, RemoteOrder, RemotePage, RemoteProduct, Since, Unreadable};
use bonded_connect::privacy;
use bonded_ledger::{Change, Stored};
use bonded_trade::holds::{self, HoldReason};
use std::collections::BTreeSet;

/// Notices that one turn deals with.
const NOTICES_MAX: u32 = 500;

/// What the notices of one turn were about.
pub(super) struct Noticed {
    /// The shop has removed us.
    pub is_thrown_out: bool,
}

/// Reads what the shop's notices name, as it is now, and takes it in. Notices about what has been read since they were
/// sent cost no call.
pub(super) async fn noticed(at: &At<'_>) -> Result<Noticed, Halt> {
    let all = notices::waiting(at.ledger, at.scope, NOTICES_MAX).await?;
    let ours: Vec<Stored<Notice>> = all.into_iter().filter(|notice| notice.connection == at.connection.id).collect();
    let named = |topic: Topic| -> Vec<RemoteId> {
        let about = ours.iter().filter(|notice| notice.topic == topic);
        let each = about.flat_map(|notice| notice.named.iter().map(|id| (id, notice.triggered_at)));
        let news = each.filter(|(id, told_at)| !at.seen.is_newer(id, *told_at));
        news.map(|(id, _)| id.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    for ids in named(Topic::Products).chunks(NAMED_MAX) {
        let read = at.platform.products(ids).await?;
        let gone = ids.iter().zip(&read).filter(|(_, read)| read.is_none()).map(|(id, _)| id.clone()).collect();
        products(at, read.into_iter().flatten().collect()).await?;
        products_in::gone(at, gone).await?;
    }
    for ids in named(Topic::Levels).chunks(NAMED_MAX) {
        // A shop that only sells tells of what we wrote ourselves: there is nothing to take in.
        if at.connection.syncs.stock.looks() && at.connection.direction.supplies() {
            levels_in::take(at, at.platform.levels(ids).await?).await?;
        }
    }
    for ids in named(Topic::Orders).chunks(NAMED_MAX) {
        if at.connection.syncs.orders.looks() || at.connection.syncs.fulfilments.looks() {
            let read = at.platform.orders(ids).await?;
            orders(at, read.into_iter().flatten().collect()).await?;
        }
    }
    for notice in &ours {
        privacy::take(at.ledger, at.scope, at.connection, notice).await?;
    }
    let mut change = Change::new();
    for notice in &ours {
        // What was read just now is at least as new as what was told.
        if let Some(told_at) = notice.triggered_at {
            notice.named.iter().for_each(|id| at.seen.note(id, told_at));
        }
        notices::done(&mut change, notice);
    }
    if !change.is_empty() {
        at.ledger.commit(at.scope, change).await?;
    }
    Ok(Noticed { is_thrown_out: ours.iter().any(|notice| notice.topic == Topic::Uninstalled) })
}

/// Reads again what could not be taken before, since somebody has corrected it or asked for it.
pub(super) async fn asked(at: &At<'_>, asked: &[Stored<Mirror>]) -> Result<(), Halt> {
    let of = |kinds: &[Kind]| -> Vec<RemoteId> {
        let of_kind = asked.iter().filter(|mirror| kinds.contains(&mirror.about));
        of_kind.filter_map(|mirror| mirror.remote.clone()).collect()
    };
    for ids in of(&[Kind::Product]).chunks(NAMED_MAX) {
        products(at, at.platform.products(ids).await?.into_iter().flatten().collect()).await?;
    }
    for ids in of(&[Kind::Order, Kind::PurchaseOrder]).chunks(NAMED_MAX) {
        orders(at, at.platform.orders(ids).await?.into_iter().flatten().collect()).await?;
    }
    for mirror in asked {
        apart(holds::tried(at.ledger, at.scope.account(), mirror.id, HoldReason::Refused).await)?.ok();
    }
    Ok(())
}

/// Reads all that changed since the shop was last read, page by page; how far it came is kept after each page, so that a
/// long first reading goes on after a crash where it was.
pub(super) async fn everything_new(at: &At<'_>) -> Result<(), Halt> {
    let syncs = at.connection.syncs;
    let mut place = Place::of(at).await?;
    if syncs.products.looks() || syncs.stock.looks() {
        loop {
            let page = at.platform.products_since(&place.products).await?;
            let newest = newest(page.items.iter().map(|read| updated(read, |product| product.updated_at)));
            let next = place.products.after(&page, newest);
            products(at, page.items).await?;
            if place.move_on(at, |place| place.products = next).await? {
                break;
            }
        }
    }
    if syncs.stock.looks() && at.connection.direction.supplies() {
        loop {
            let page = at.platform.levels_since(&place.levels).await?;
            let newest = newest(page.items.iter().map(|read| updated(read, |level| level.updated_at)));
            let next = place.levels.after(&page, newest);
            levels_in::take(at, page.items.into_iter().flatten().collect()).await?;
            if place.move_on(at, |place| place.levels = next).await? {
                break;
            }
        }
    }
    if syncs.orders.looks() || syncs.fulfilments.looks() {
        loop {
            let page = at.platform.orders_since(&place.orders).await?;
            let newest = newest(page.items.iter().map(|read| updated(read, |order| order.updated_at)));
            let next = place.orders.after(&page, newest);
            orders(at, page.items).await?;
            if place.move_on(at, |place| place.orders = next).await? {
                break;
            }
        }
    }
    Ok(())
}

/// Lets the next reading of the shop's products begin at the first: what was unknown may be known now.
pub(super) async fn again(at: &At<'_>) -> Result<(), Halt> {
    let mut place = Place::of(at).await?;
    place.move_on(at, |place| place.products = Reading::default()).await.map(drop)
}

/// Takes products in: a supplier's into its catalogue, and those of a shop that sells for what partners' they are.
async fn products(at: &At<'_>, read: Vec<Read<RemoteProduct>>) -> Result<(), Halt> {
    let mode = at.connection.syncs.products;
    for one in read {
        let read = one.as_ref().ok().and_then(|product| Some((product.id.clone(), product.updated_at?)));
        match one {
            Ok(product) if product.mark.is_some() => {}
            Ok(product) => {
                if at.connection.direction.supplies() && mode != Mode::Off {
                    products_in::take(at, &product).await?;
                }
                if at.connection.direction.sells() {
                    products_in::recognise(at, &product).await?;
                }
            }
            Err(bad) if at.connection.direction.supplies() && mode != Mode::Off => {
                products_in::refuse(at, &bad).await?;
            }
            Err(_) => {}
        }
        if let Some((id, updated_at)) = read {
            at.seen.note(&id, updated_at);
        }
    }
    Ok(())
}

async fn orders(at: &At<'_>, read: Vec<Read<RemoteOrder>>) -> Result<(), Halt> {
    let mut readable = Vec::with_capacity(read.len());
    for one in read {
        match one {
            Ok(order) => readable.push(order),
            Err(bad) => orders_in::refuse(at, &bad).await?,
        }
    }
    let seen: Vec<_> = readable.iter().filter_map(|order| Some((order.id.clone(), order.updated_at?))).collect();
    orders_in::take(at, readable).await?;
    for (id, updated_at) in seen {
        at.seen.note(&id, updated_at);
    }
    Ok(())
}

fn updated<T>(read: &Read<T>, of: impl Fn(&T) -> Option<Moment>) -> Option<Moment> {
    read.as_ref().map_or_else(|bad: &Unreadable| bad.updated_at, of)
}

fn newest(moments: impl Iterator<Item = Option<Moment>>) -> Option<Moment> {
    moments.flatten().max()
}

/// How far the shop was read: kept in the connection's mirror of itself.
struct Place {
    kept: Option<Kept>,
    products: Reading,
    levels: Reading,
    orders: Reading,
}

/// How far one list was read.
#[derive(Clone, Debug, Default)]
struct Reading {
    since: Since,
    /// The newest change that was seen since the list was begun.
    newest: Option<Moment>,
}

impl std::ops::Deref for Reading {
    type Target = Since;

    fn deref(&self) -> &Since {
        &self.since
    }
}

impl Reading {
    fn of(since: Since) -> Self {
        Self { newest: since.updated_at, since }
    }

    /// Where it goes on after a page. The next list begins with the newest change of this one: others may share its moment.
    fn after<T>(&self, page: &RemotePage<T>, newest: Option<Moment>) -> Self {
        let newest = self.newest.max(newest);
        let since = match &page.next {
            Some(next) => Since { updated_at: self.since.updated_at, cursor: Some(next.clone()) },
            None => Since { updated_at: newest, cursor: None },
        };
        Self { since, newest }
    }
}

impl Place {
    async fn of(at: &At<'_>) -> Result<Self, Halt> {
        let id = at.connection.id;
        let known = mirrors::of(at.ledger, at.scope, id, &[id]).await?.pop().flatten();
        let (products, levels, orders) = match known.as_ref().map(|known| known.agreed.clone()) {
            Some(Agreed::Read { products, levels, orders }) => (products, levels, orders),
            _ => Default::default(),
        };
        let [products, levels, orders] = [products, levels, orders].map(Reading::of);
        Ok(Self { kept: Some(Kept::of(at, id, known)), products, levels, orders })
    }

    /// Notes how far one of the lists was read; says whether that list is at its end.
    async fn move_on(&mut self, at: &At<'_>, step: impl FnOnce(&mut Self)) -> Result<bool, Halt> {
        let was = [&self.products, &self.levels, &self.orders].map(|reading| reading.since.clone());
        step(self);
        let is = [&self.products, &self.levels, &self.orders].map(|reading| reading.since.clone());
        let at_end = was.iter().zip(&is).all(|(was, is)| was == is || is.cursor.is_none());
        if was != is {
            at.luck.good();
            let [products, levels, orders] = is;
            let agreed = Agreed::Read { products, levels, orders };
            let now = at.now();
            if let Some(kept) = self.kept.take() {
                let kept = kept.becomes(|mirror| mirror.agree(agreed, now, None));
                at.keep(&[kept]).await?;
            }
            self.kept = Self::of(at).await?.kept;
        }
        Ok(at_end)
    }
}
