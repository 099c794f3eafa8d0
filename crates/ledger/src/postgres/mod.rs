//! The engine for many machines: PostgreSQL, over which any number of nodes may run.
//!
//! A batch is written by a handful of statements over arrays in two round trips, whatever its size. What is
//! acknowledged is durable, as far as the server's own `fsync` and `synchronous_commit` are.

mod columns;
mod connect;
pub mod copies;
mod cursors;
mod decide;
mod failure;
mod questions;
mod read;
mod schema;
mod wakes;
mod write;

use crate::engine::{
    Bytes16, Commit, ConsumerNumber, Engine, EngineError, HEAD, LeaseRow, ListQuery, Outcome, RecordRow, Schema,
    StoredEntry, TileRow,
};
use async_trait::async_trait;
use connect::{Server, borrowed};
use deadpool_postgres::Pool;
use failure::engine_error;
use questions::Questions;
use std::path::PathBuf;
use tokio::sync::broadcast;
use wakes::Wakes;

/// How a [`PostgresEngine`] is set up; the default suits a server.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Connections that write.
    pub writers: usize,
    /// Connections that read. One more, of its own, carries the wakes between nodes.
    pub readers: usize,
    /// A PEM file of the certificates that the server's must descend from; without it, those that the system trusts.
    pub root_certificates: Option<PathBuf>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { writers: 2, readers: 6, root_certificates: None }
    }
}

/// An engine on one PostgreSQL database.
pub struct PostgresEngine {
    pool: Pool,
    questions: Questions,
    wakes: Wakes,
    writers: usize,
}

impl PostgresEngine {
    /// Connects to the database at a `postgres://` URL and brings its tables up to date. A server that is not on this
    /// machine is reached over TLS only, its certificate and name checked.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, EngineError> {
        let PostgresOptions { writers, readers, root_certificates } = options;
        let server = Server::at(url, root_certificates)?;
        let pool = server.pool(writers + readers)?;
        let mut client = borrowed(&pool).await?;
        schema::migrate(&mut client).await?;
        drop(client);
        let questions = Questions::start(pool.clone());
        Ok(Self { pool, questions, wakes: Wakes::start(server), writers })
    }
}

/// How far the tables of the database at a URL have come. Changes nothing.
pub async fn schema(url: &str, root_certificates: Option<PathBuf>) -> Result<Schema, EngineError> {
    let (client, connection) = Server::at(url, root_certificates)?.connect().await?;
    let driven = tokio::spawn(connection);
    let schema = schema::schema(&client).await;
    drop(client);
    driven.abort();
    schema
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped as they come")]
fn told(error: tokio_postgres::Error) -> EngineError {
    engine_error(&error)
}

fn not_the_head(consumer: ConsumerNumber) -> Result<(), EngineError> {
    if consumer == HEAD { Err(EngineError::Failed("the head is no consumer's cursor".into())) } else { Ok(()) }
}

#[async_trait]
impl Engine for PostgresEngine {
    fn writers(&self) -> usize {
        self.writers
    }

    async fn write(&self, batch: Vec<Commit>) -> Result<Vec<Outcome>, EngineError> {
        let (outcomes, accounts) = write::write(&self.pool, &batch).await?;
        self.wakes.tell(accounts);
        Ok(outcomes)
    }

    async fn records(&self, account: Bytes16, kind: u8, ids: &[Bytes16]) -> Result<Vec<RecordRow>, EngineError> {
        self.questions.records(account, kind, ids).await
    }

    async fn list(&self, account: Bytes16, query: &ListQuery) -> Result<Vec<RecordRow>, EngineError> {
        read::list(&borrowed(&self.pool).await?, account, query).await.map_err(told)
    }

    async fn lookups(
        &self,
        account: Bytes16,
        asked: &[(u8, Bytes16)],
    ) -> Result<Vec<Option<(u8, Bytes16)>>, EngineError> {
        read::lookups(&borrowed(&self.pool).await?, account, asked).await.map_err(told)
    }

    async fn entries(&self, account: Bytes16, after: u64, limit: u32) -> Result<Vec<StoredEntry>, EngineError> {
        read::entries(&borrowed(&self.pool).await?, account, after, limit).await.map_err(told)
    }

    async fn leaves(&self, account: Bytes16, after: u64, limit: u32) -> Result<Vec<[u8; 32]>, EngineError> {
        read::leaves(&borrowed(&self.pool).await?, account, after, limit).await.map_err(told)
    }

    async fn cursor(&self, account: Bytes16, consumer: ConsumerNumber) -> Result<u64, EngineError> {
        read::cursor(&borrowed(&self.pool).await?, account, consumer).await.map_err(told)
    }

    async fn behind(
        &self,
        consumer: ConsumerNumber,
        after: Option<Bytes16>,
        limit: u32,
    ) -> Result<Vec<Bytes16>, EngineError> {
        read::behind(&borrowed(&self.pool).await?, consumer, after, limit).await.map_err(told)
    }

    async fn lease(
        &self,
        account: Bytes16,
        consumer: ConsumerNumber,
        node: Bytes16,
        now: i64,
        until: i64,
    ) -> Result<Option<LeaseRow>, EngineError> {
        not_the_head(consumer)?;
        cursors::lease(&borrowed(&self.pool).await?, account, consumer, node, now, until).await.map_err(told)
    }

    async fn advance(
        &self,
        account: Bytes16,
        consumer: ConsumerNumber,
        fence: u64,
        seq: u64,
        tiles: Vec<TileRow>,
    ) -> Result<bool, EngineError> {
        not_the_head(consumer)?;
        cursors::advance(&borrowed(&self.pool).await?, account, consumer, fence, seq, &tiles).await.map_err(told)
    }

    async fn tiles(&self, account: Bytes16, places: &[(u8, u64)]) -> Result<Vec<TileRow>, EngineError> {
        read::tiles(&borrowed(&self.pool).await?, account, places).await.map_err(told)
    }

    fn wakes(&self) -> broadcast::Receiver<Bytes16> {
        self.wakes.subscribe()
    }

    async fn ping(&self) -> Result<(), EngineError> {
        read::ping(&borrowed(&self.pool).await?).await.map_err(told)
    }
}
