//! Sharing: one stock change of a supplier, until a thousand retailers that wait for it have it.

use super::answers::{Changes, Events, Outcomes};
use super::child::Server;
use super::https::Connection;
use super::traders::Trader;
use crate::ending::{Code, Ending};
use futures::future::try_join_all;
use hyper::StatusCode;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How long the change may take to reach the last one.
const LAST_LIMIT: Duration = Duration::from_secs(30);

/// Connections that are opened at the same time.
const AT_ONCE: usize = 32;

/// Pauses until every retailer's request is waiting in the server; nothing outside can see that it does.
const SETTLE: Duration = Duration::from_secs(2);

/// What sharing one change took.
pub struct Shared {
    /// From sending the change until the last retailer had it.
    pub took: Duration,
    /// Entries that it wrote, in the supplier's account, which is the only one it touched.
    pub writes: u64,
}

/// Each retailer waits on its own connection; then the supplier counts one variant anew.
pub async fn one_change(
    server: &Server,
    supplier: &Trader,
    sku: &str,
    retailers: &[(Trader, String)],
) -> Result<Shared, Ending> {
    let mut changing = supplier.connect(server, 0).await?;
    let before = end_of_log(&mut changing).await?;
    let (tell, mut heard) = mpsc::unbounded_channel();
    let mut waiting = JoinSet::new();
    for some in retailers.chunks(AT_ONCE) {
        let connections = try_join_all(some.iter().map(|(retailer, _)| retailer.connect(server, 0))).await?;
        for (mut connection, (_, link)) in connections.into_iter().zip(some) {
            let path = format!("/v1/partner_links/{link}/changes?after={before}&wait=30");
            let tell = tell.clone();
            waiting.spawn(async move {
                let Changes { data } = connection.read(&path).await?;
                // Whoever listens went away only if another one failed.
                let _ = tell.send((Instant::now(), !data.is_empty()));
                Ok::<_, Ending>(())
            });
        }
    }
    drop(tell);
    tokio::time::sleep(SETTLE).await;
    if !heard.is_empty() {
        return Err(Ending::new(Code::Bad, "a retailer was told of a change before there was one"));
    }
    let begin = Instant::now();
    let level = json!({"data": [{"sku": sku, "on_hand": 41}]});
    let Outcomes { succeeded } = changing.tell("/v1/inventory_levels/batch", &level, StatusCode::OK).await?;
    if succeeded != 1 {
        return Err(Ending::new(Code::Bad, "the stock could not be changed"));
    }
    let mut last = begin;
    for _ in retailers {
        let late = |_| Ending::new(Code::Bad, "a stock change did not reach every retailer");
        match tokio::time::timeout(LAST_LIMIT, heard.recv()).await.map_err(late)? {
            Some((at, true)) => last = last.max(at),
            _ => return Err(Ending::new(Code::Bad, "a retailer was not told of the stock change")),
        }
    }
    while let Some(waited) = waiting.join_next().await {
        waited.map_err(Ending::internal)??;
    }
    let writes = end_of_log(&mut changing).await? - before;
    Ok(Shared { took: last - begin, writes })
}

/// Where an account's log ends, found by reading it on.
pub async fn end_of_log(connection: &mut Connection) -> Result<u64, Ending> {
    let mut at: u64 = 0;
    loop {
        let Events { next_after, .. } = connection.read(&format!("/v1/events?limit=500&after={at}")).await?;
        if next_after == at {
            return Ok(at);
        }
        at = next_after;
    }
}
