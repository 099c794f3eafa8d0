//! Stock on its way: one supplier counts anew, and the connected shops of its retailers are brought the new count.

use super::peer::{Identity, Peer};
use super::shops::{Shop, Written};
use crate::bench::answers::{Made, Outcomes};
use crate::bench::child::Server;
use crate::bench::https::Connection;
use crate::bench::samples::{Samples, per_second};
use crate::bench::traders::{self, Trader};
use crate::ending::{Code, Ending};
use hyper::StatusCode;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Shops that are brought a whole catalogue.
pub const SHOPS: usize = 8;
/// How long nothing may be written before it is taken that nothing will.
const QUIET_LIMIT: Duration = Duration::from_mins(2);
/// Pieces that are counted first; each count has one more.
const PIECES: i64 = 1_000;

/// How long a change took.
pub struct Waited {
    /// To each shop.
    pub each: Samples,
    /// To the last of them, for each change.
    pub last: Samples,
}

/// A supplier, and its retailers' shops.
struct Street {
    connection: Connection,
    skus: Vec<String>,
    written: mpsc::UnboundedReceiver<Written>,
    /// Levels that one count of everything brings.
    levels: usize,
    _peers: Vec<Peer>,
}

/// One variant is counted anew so many times, and every shop sells it.
pub async fn one_variant(server: &Server, identity: &Identity, shops: usize, changes: u64) -> Result<Waited, Ending> {
    let mut street = Street::open(server, identity, ("T", shops, 1)).await?;
    let mut waited = Waited { each: Samples::default(), last: Samples::default() };
    for change in 0..changes {
        let (begin, pieces) = (Instant::now(), PIECES + i64::try_from(change).unwrap_or_default());
        street.count(pieces).await?;
        let times = street.arrive(pieces).await?;
        let times: Vec<_> = times.into_iter().map(|at| at.saturating_duration_since(begin)).collect();
        waited.last.extend(times.iter().max().copied());
        waited.each.extend(times);
    }
    Ok(waited)
}

/// A whole catalogue is counted anew so many times: levels a second that were brought to [`SHOPS`] shops.
pub async fn whole_catalogue(server: &Server, identity: &Identity, counts: u64) -> Result<f64, Ending> {
    let mut street = Street::open(server, identity, ("W", SHOPS, traders::VARIANTS)).await?;
    let begin = Instant::now();
    for count in 0..counts {
        let pieces = PIECES + i64::try_from(count).unwrap_or_default();
        street.count(pieces).await?;
        street.arrive(pieces).await?;
    }
    Ok(per_second(street.levels as u64 * counts, begin.elapsed()))
}

impl Street {
    /// Every shop has the first so many of the supplier's variants, and shows what the supplier has.
    async fn open(
        server: &Server,
        identity: &Identity,
        (mark, shops, variants): (&str, usize, usize),
    ) -> Result<Self, Ending> {
        let supplier = Trader::open(server, format!("Supplier {mark}"), "supplier", 1).await?;
        let mut skus = traders::stock(server, &supplier, mark).await?;
        skus.truncate(variants);
        let retailers = Trader::open_many(server, &format!("Retailer {mark}"), "retailer", shops).await?;
        traders::link_many(server, &retailers, &supplier).await?;
        let (tell, written) = mpsc::unbounded_channel();
        let mut peers = Vec::with_capacity(shops);
        for (number, retailer) in retailers.iter().enumerate() {
            let peer = Peer::open(identity, Arc::new(Shop::new(number, skus.clone(), tell.clone()))).await?;
            let shop = json!({
                "platform": "medusa", "shop": peer.host(), "direction": "sell_through", "syncs": { "stock": "on" },
                "credential": { "api_key": "sk_bench" },
            });
            let mut connection = retailer.connect(server, 0).await?;
            let _: Made = connection.tell("/v1/connections", &shop, StatusCode::CREATED).await?;
            peers.push(peer);
        }
        let connection = supplier.connect(server, 0).await?;
        let mut street = Self { connection, levels: shops * skus.len(), skus, written, _peers: peers };
        // Whatever they are brought first, they are in step when they show this.
        street.count(PIECES - 1).await?;
        street.arrive(PIECES - 1).await?;
        Ok(street)
    }

    async fn count(&mut self, pieces: i64) -> Result<(), Ending> {
        let levels: Vec<_> = self.skus.iter().map(|sku| json!({ "sku": sku, "on_hand": pieces })).collect();
        let counted = json!({ "data": levels });
        let Outcomes { succeeded } =
            self.connection.tell("/v1/inventory_levels/batch", &counted, StatusCode::OK).await?;
        if succeeded == self.skus.len() { Ok(()) } else { Err(Ending::internal("variants were not counted")) }
    }

    /// Waits until every shop shows so many pieces of everything; says when each level was written.
    async fn arrive(&mut self, pieces: i64) -> Result<Vec<Instant>, Ending> {
        let (mut there, mut times) = (HashSet::new(), Vec::with_capacity(self.levels));
        while times.len() < self.levels {
            let late = |_| Ending::new(Code::Bad, format!("only {} of {} levels arrived", there.len(), self.levels));
            let next = tokio::time::timeout(QUIET_LIMIT, self.written.recv()).await.map_err(late)?;
            let Some(Written { shop, place, pieces: is, at }) = next else {
                return Err(Ending::internal("the shops are closed"));
            };
            if is == pieces && there.insert((shop, place)) {
                times.push(at);
            }
        }
        Ok(times)
    }
}
