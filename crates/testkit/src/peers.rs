//! Real commerce platforms for tests: Medusa and Vendure servers from npm, each with a database and a TLS front of its own.
//!
//! `cargo xtask needs` puts their packages into `target/peers`. The first test that asks makes a server's database once and
//! keeps it there as a dump, so that each test begins with a shop that can sell and has sold nothing. Where Node.js, the
//! packages or PostgreSQL are missing, [`Peer::start`] answers `None` and says so.
//!
//! A server is ended with its [`Peer`], and with this process however that ends: it watches its standard input, a pipe that
//! only we hold open.

mod front;
mod server;
mod template;

pub use front::Front;

use crate::postgres::{self, TestDatabase};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use server::Server;
use std::path::{Path, PathBuf};

/// Where the servers' packages lie, from the root of the workspace.
pub const PEERS: &str = "target/peers";

/// Which platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// Medusa 2.
    Medusa,
    /// Vendure 3.
    Vendure,
}

impl Brand {
    /// The name of its directory below [`PEERS`].
    const fn name(self) -> &'static str {
        match self {
            Self::Medusa => "medusa",
            Self::Vendure => "vendure",
        }
    }

    /// Where its packages lie, and our scripts beside them.
    fn directory(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PEERS).join(self.name())
    }
}

/// A running shop of one test; dropping it ends the server and drops its database.
pub struct Peer {
    brand: Brand,
    keys: Value,
    front: Front,
    server: Server,
    client: Client,
    // Last, so that the server is gone before its database.
    database: TestDatabase,
}

impl Peer {
    /// Starts a shop; `None`, and said on standard output, where something that it needs is not installed.
    ///
    /// Panics when all is there and it does not start: then the test cannot say anything true.
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    pub async fn start(brand: Brand) -> Option<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        if !brand.directory().join("installed").is_file() {
            println!("skipped: there are no packages of {brand:?}; `cargo xtask needs` puts them into {PEERS}");
            return None;
        }
        let database = postgres::database().await?;
        let keys = template::restore(brand, database.url()).await;
        let server = Server::start(brand, database.url()).await;
        let front = Front::before(server.port()).await;
        let client = Client::builder().no_proxy().build().expect("a client");
        Some(Self { brand, keys, front, server, client, database })
    }

    /// Which platform.
    pub const fn brand(&self) -> Brand {
        self.brand
    }

    /// What stands before it, which speaks TLS and can lose an answer.
    pub const fn front(&self) -> &Front {
        &self.front
    }

    /// One of the keys and ids that its seed made, see `peers/*/seed.js`.
    #[expect(clippy::expect_used, reason = "a key that no seed makes is a mistake of the test")]
    pub fn key(&self, name: &str) -> &str {
        self.keys.get(name).and_then(Value::as_str).expect("a key that the seed made")
    }

    /// Ends the server at once, as a failing machine would.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again, behind the same front and with the same database.
    pub async fn restart(&mut self) {
        self.server.kill();
        self.server = Server::start(self.brand, self.database.url()).await;
        self.front.lead_to(self.server.port());
    }

    /// A request of the test's own, past the front: `/store/products`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://127.0.0.1:{}{path}", self.server.port()))
    }

    /// Runs a statement in its database, for states that no API makes quickly.
    #[expect(clippy::expect_used, reason = "a statement that fails is a mistake of the test")]
    pub async fn sql(&self, statement: &str) {
        let client = postgres::connect(self.database.url()).await.expect("PostgreSQL answers");
        client.batch_execute(statement).await.expect("a statement that its tables take");
    }
}
