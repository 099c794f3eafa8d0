//! PostgreSQL at its best: arrays through `unnest`, statements sent together, two connections that write.

use super::{Raw, Waiting, gathered, of_growth, singles};
use crate::bench::plan::{BATCH_CONNECTIONS, Plan, RAW_ROWS, RAW_ROWS_SMALL};
use crate::bench::rows::{Row, Rows};
use crate::bench::samples::{Growth, per_second};
use crate::ending::{Code, Ending};
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_postgres::{Client, Error, NoTls, Statement};
use uuid::Uuid;

/// Connections that write, as many as the product has.
const CONNECTIONS: usize = 2;

/// Transactions that are made before the clock runs, and then stored: making rows must cost the engine nothing.
const ROUND: usize = 16;

/// Statements over arrays are planned once; see the product's own sessions.
const SESSION: &str = "SET plan_cache_mode = force_generic_plan; SET jit = off";

/// Measures in databases of its own, which it empties: their URLs, for the growth and for the rest.
pub async fn measure(urls: [&str; 3], plan: &Plan) -> Result<Raw, Ending> {
    let [grown, small, single] = urls;
    let growth = grow(grown, plan.records, RAW_ROWS).await?;
    let (large, dearer) = of_growth(&growth, plan);
    let (count, took) = grow(small, plan.raw_small, RAW_ROWS_SMALL).await?.whole();
    make(single).await?;
    let stores = connect_all(single).await?;
    let store = |queue| one_by_one(stores, queue);
    let singles = singles(Rows::orders(), Duration::from_millis(plan.singles_ms), store).await?;
    Ok(Raw { large, small: per_second(count, took), dearer, singles })
}

/// Stores so many rows in transactions of `at_once`, over all connections at once.
async fn grow(url: &str, count: u64, at_once: usize) -> Result<Growth, Ending> {
    make(url).await?;
    let stores: Vec<_> = connect_all(url).await?.into_iter().map(Arc::new).collect();
    let mut rows = Rows::new(BATCH_CONNECTIONS);
    let growth = Arc::new(Mutex::new(Growth::new()));
    let (mut left, mut took) = (count, Duration::ZERO);
    while left > 0 {
        let mut round = Vec::with_capacity(ROUND);
        while left > 0 && round.len() < ROUND {
            let some = rows.take(at_once.min(usize::try_from(left).unwrap_or(at_once)));
            left -= some.len() as u64;
            round.push(some);
        }
        round.reverse();
        took = store_round(&stores, round, &growth, took).await?;
    }
    let growth = std::mem::replace(&mut *growth.lock().unwrap_or_else(PoisonError::into_inner), Growth::new());
    Ok(growth)
}

/// Stores these transactions over all connections; says how long everything has taken until now.
async fn store_round(
    stores: &[Arc<Store>],
    round: Vec<Vec<Row>>,
    growth: &Arc<Mutex<Growth>>,
    before: Duration,
) -> Result<Duration, Ending> {
    let round = Arc::new(Mutex::new(round));
    let mut storing = JoinSet::new();
    let begin = Instant::now();
    for store in stores {
        let (store, round, growth) = (Arc::clone(store), Arc::clone(&round), Arc::clone(growth));
        storing.spawn(async move {
            loop {
                let next = round.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some(rows) = next else { return Ok(()) };
                store.transaction(&rows).await?;
                let mut growth = growth.lock().unwrap_or_else(PoisonError::into_inner);
                growth.add(before + begin.elapsed(), rows.len() as u64);
            }
        });
    }
    while let Some(stored) = storing.join_next().await {
        stored.map_err(Ending::internal)?.map_err(|error| failed(&error))?;
    }
    Ok(before + begin.elapsed())
}

/// Stores what waits, again and again, until all writers are gone.
async fn one_by_one(stores: Vec<Store>, queue: mpsc::Receiver<Waiting>) -> Result<(), Ending> {
    let queue = Arc::new(tokio::sync::Mutex::new(queue));
    let mut storing = JoinSet::new();
    for store in stores {
        let queue = Arc::clone(&queue);
        storing.spawn(async move {
            loop {
                let (rows, told) = {
                    let mut queue = queue.lock().await;
                    let Some(first) = queue.recv().await else { return Ok(()) };
                    gathered(first, &mut queue)
                };
                store.transaction(&rows).await?;
                // A writer that went away does not mind.
                for tell in told {
                    let _ = tell.send(());
                }
            }
        });
    }
    while let Some(stored) = storing.join_next().await {
        stored.map_err(Ending::internal)?.map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// The product's own tables.
async fn make(url: &str) -> Result<(), Ending> {
    drop(PostgresEngine::connect(url, PostgresOptions::default()).await?);
    Ok(())
}

async fn connect_all(url: &str) -> Result<Vec<Store>, Ending> {
    let mut stores = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        stores.push(Store::connect(url).await.map_err(|error| failed(&error))?);
    }
    Ok(stores)
}

struct Store {
    client: Client,
    records: Statement,
    lookups: Statement,
    entries: Statement,
}

impl Store {
    async fn connect(url: &str) -> Result<Self, Error> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        // Ends with the client; what goes wrong is told by the statement that it happens to.
        tokio::spawn(connection);
        client.batch_execute(SESSION).await?;
        let records = client
            .prepare(
                "INSERT INTO records (account, kind, id, version, state, parent, sealed, consumer, sort_at)
                 SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::bigint[], $5::smallint[], $6::uuid[],
                                      $7::bytea[], $8::bytea[], $9::bigint[])",
            )
            .await?;
        let lookups = client
            .prepare(
                "INSERT INTO lookups (account, name, token, kind, id)
                 SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::smallint[], $5::uuid[])",
            )
            .await?;
        let entries = client
            .prepare(
                "INSERT INTO entries (account, seq, at, actor, action, kind, id, version, sealed, leaf)
                 SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::smallint[],
                                      $7::uuid[], $8::bigint[], $9::bytea[], $10::bytea[])",
            )
            .await?;
        Ok(Self { client, records, lookups, entries })
    }

    async fn transaction(&self, rows: &[Row]) -> Result<(), Error> {
        tokio::try_join!(
            self.client.batch_execute("BEGIN"),
            self.insert_records(rows),
            self.insert_lookups(rows),
            self.insert_entries(rows),
            self.client.batch_execute("COMMIT"),
        )?;
        Ok(())
    }

    async fn insert_records(&self, rows: &[Row]) -> Result<u64, Error> {
        let records: Vec<_> =
            rows.iter().filter_map(|row| Some((Uuid::from_bytes(row.account), row.record()?))).collect();
        let accounts: Vec<_> = records.iter().map(|(account, _)| *account).collect();
        let kinds: Vec<_> = records.iter().map(|(_, row)| i16::from(row.kind)).collect();
        let ids: Vec<_> = records.iter().map(|(_, row)| Uuid::from_bytes(row.id)).collect();
        let versions: Vec<_> = records.iter().map(|(_, row)| row.version.cast_signed()).collect();
        let states: Vec<_> = records.iter().map(|(_, row)| i16::from(row.state)).collect();
        let parents: Vec<_> = records.iter().map(|(_, row)| row.parent.map(Uuid::from_bytes)).collect();
        let sealed: Vec<_> = records.iter().map(|(_, row)| &*row.sealed).collect();
        let consumers: Vec<_> = records.iter().map(|(_, row)| row.consumer.as_deref()).collect();
        let sort_ats: Vec<_> = records.iter().map(|(_, row)| row.sort_at).collect();
        self.client
            .execute(
                &self.records,
                &[&accounts, &kinds, &ids, &versions, &states, &parents, &sealed, &consumers, &sort_ats],
            )
            .await
    }

    async fn insert_lookups(&self, rows: &[Row]) -> Result<u64, Error> {
        let lookups = || rows.iter().flat_map(|row| row.write.lookups_added.iter().map(|lookup| (row.account, lookup)));
        let accounts: Vec<_> = lookups().map(|(account, _)| Uuid::from_bytes(account)).collect();
        let names: Vec<_> = lookups().map(|(_, lookup)| i16::from(lookup.name)).collect();
        let tokens: Vec<_> = lookups().map(|(_, lookup)| Uuid::from_bytes(lookup.token)).collect();
        let kinds: Vec<_> = lookups().map(|(_, lookup)| i16::from(lookup.kind)).collect();
        let ids: Vec<_> = lookups().map(|(_, lookup)| Uuid::from_bytes(lookup.id)).collect();
        self.client.execute(&self.lookups, &[&accounts, &names, &tokens, &kinds, &ids]).await
    }

    async fn insert_entries(&self, rows: &[Row]) -> Result<u64, Error> {
        let entries = || rows.iter().map(|row| &row.write.entry);
        let accounts: Vec<_> = rows.iter().map(|row| Uuid::from_bytes(row.account)).collect();
        let seqs: Vec<_> = rows.iter().map(|row| row.seq.cast_signed()).collect();
        let ats: Vec<_> = entries().map(|entry| entry.at).collect();
        let actors: Vec<_> = entries().map(|entry| &entry.actor[..]).collect();
        let actions: Vec<_> = entries().map(|entry| &*entry.action).collect();
        let kinds: Vec<_> = entries().map(|entry| i16::from(entry.kind)).collect();
        let ids: Vec<_> = entries().map(|entry| Uuid::from_bytes(entry.id)).collect();
        let versions: Vec<_> = entries().map(|entry| entry.version.cast_signed()).collect();
        let sealed: Vec<_> = entries().map(|entry| &*entry.sealed).collect();
        let leaves: Vec<_> = entries().map(|entry| &entry.leaf[..]).collect();
        self.client
            .execute(
                &self.entries,
                &[&accounts, &seqs, &ats, &actors, &actions, &kinds, &ids, &versions, &sealed, &leaves],
            )
            .await
    }
}

/// The server's own words could repeat a URL only while connecting, and it is the caller's own there.
fn failed(error: &Error) -> Ending {
    let said = error.as_db_error().map_or_else(|| "the connection failed".to_owned(), |said| said.message().to_owned());
    Ending::new(Code::Unavailable, format!("the raw engine failed: {said}"))
}
