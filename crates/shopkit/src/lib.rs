//! A counterpart of Shopify for tests: a shop behind real TLS that answers from the maker's own schema and keeps state.
//!
//! Every request is parsed and checked against the schema, and every answer as well, by a GraphQL library that knows
//! nothing of ours. What the schema does not say (what a mutation changes, what it refuses, what it costs) is written here
//! from the maker's pages. It is for tests alone, and never uses the client that it tests.
//!
//! A test starts a [`Counterpart`], fills its [`State`] through [`Counterpart::shop`], and looks at it afterwards.

mod bulk;
mod connection;
mod cost;
mod deliveries;
mod facts;
mod faults;
mod inputs;
mod mutate;
mod mutate_orders;
mod mutate_products;
pub mod schema;
mod scopes;
mod serve;
mod shipping;
pub mod state;
mod tokens;
mod view;
mod webhooks;

pub use deliveries::{Deliveries, Https, Receives, TRIES_MAX};
pub use faults::{Fault, Faults};
pub use serve::Call;
pub use state::State;
pub use tokens::Tokens;
pub use webhooks::{Post, Webhook, signature};

use cost::Bucket;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::PrivateKeyDer;
use serve::{Shared, Shops, lock};
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How often a shop looks for what it has to deliver.
const ROUND: Duration = Duration::from_millis(5);

/// A shop to be started.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What its prices are in.
    pub currency: &'a str,
    /// What the app may do there.
    pub scopes: &'a [&'a str],
    /// Points of the bucket, and points that come back in a second.
    pub bucket: (u64, u64),
    /// Does its clock go on by itself, or only when the test says so?
    pub real_time: bool,
}

impl Wanted<'_> {
    fn open(self, base: String) -> Arc<Shared> {
        let mut shop = State::new(self.currency, self.real_time);
        shop.scopes = self.scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Arc::new(Shared::new(shop, Bucket::new(self.bucket.0, self.bucket.1), base))
    }
}

/// A running shop; dropping it, and those beside it, ends it.
pub struct Counterpart {
    shared: Arc<Shared>,
    house: Arc<House>,
}

/// Where one or more shops are reached.
struct House {
    directory: TempDir,
    server: JoinHandle<()>,
    shops: Shops,
}

impl Drop for House {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Counterpart {
    /// Starts a shop on a free port; `None`, and said on standard output, where the maker's schema cannot be had.
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    pub async fn start(wanted: Wanted<'_>) -> Option<Self> {
        schema::schema(schema::VERSIONS[1])?;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let acceptor = acceptor(&directory);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = wanted.open(format!("https://localhost:{port}"));
        let shops = Shops::new(Arc::clone(&shared));
        let server = tokio::spawn(listen(listener, acceptor, shops.clone()));
        Some(Self { shared, house: Arc::new(House { directory, server, shops }) })
    }

    /// Another shop behind the same address; the token that a call shows says which of them is meant.
    #[must_use]
    pub fn beside(&self, wanted: Wanted<'_>, domain: &str, token: &str) -> Self {
        let shared = wanted.open(self.shared.base.clone());
        domain.clone_into(&mut lock(&shared.shop).domain);
        token.clone_into(&mut lock(&shared.tokens).custom);
        self.house.shops.add(Arc::clone(&shared));
        Self { shared, house: Arc::clone(&self.house) }
    }

    /// `https://localhost:port`
    pub fn base(&self) -> &str {
        &self.shared.base
    }

    /// The certificate that a client must trust, as a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.house.directory.path().join("authority.pem")
    }

    /// What the shop has. Held only for moments: the server needs it too.
    pub fn shop(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.shop)
    }

    /// What goes wrong.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.shared.faults)
    }

    /// Who may come in.
    pub fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.shared.tokens)
    }

    /// The calls that came so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// From now on this version answers, whatever is asked for.
    pub fn fall_to(&self, version: &str) {
        *lock(&self.shared.falls_to) = Some(version.to_owned());
    }

    /// Lets the shop's time go on.
    pub fn elapse(&self, ms: u64) {
        self.shop().elapse(ms);
    }

    /// The webhooks that wait, each as it is to be posted, with what goes wrong by the plan.
    pub fn webhooks(&self, post: Post) -> Vec<Webhook> {
        webhooks::take(&self.shared, post)
    }

    /// A webhook of a topic without a subscription.
    pub fn webhook(&self, address: &str, topic: &str, body: &str) -> Webhook {
        let secret = self.tokens().client_secret.clone();
        webhooks::signed(&mut self.shop(), &secret, address, topic, body.to_owned())
    }

    /// Posts webhooks to where they go, trusting this authority; answers each status, 0 where nobody answered.
    pub async fn post(&self, webhooks: Vec<Webhook>, authority_pem: &[u8]) -> Vec<u16> {
        let receiver = Https::trusting(authority_pem);
        let mut statuses = Vec::new();
        for webhook in webhooks {
            statuses.push(receiver.receive(&webhook).await);
        }
        statuses
    }

    /// Delivers what is due by now, as the shop does by itself; answers how many were taken.
    pub async fn deliver(&self, deliveries: &mut Deliveries, post: Post, receiver: &dyn Receives) -> usize {
        deliveries.round(&self.shared, post, receiver).await
    }

    /// From now on the shop delivers by itself, until the task is ended.
    pub fn deliver_by_itself(&self, post: Post, receiver: Arc<dyn Receives>) -> JoinHandle<()> {
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let mut deliveries = Deliveries::default();
            loop {
                deliveries.round(&shared, post, &*receiver).await;
                tokio::time::sleep(ROUND).await;
            }
        })
    }

    /// The app is thrown out: no token opens the shop any more.
    pub fn uninstall(&self) {
        self.tokens().end();
        let mut shop = self.shop();
        let domain = shop.domain.clone();
        shop.tell("app/uninstalled", serde_json::json!({ "id": 1, "domain": domain }));
    }
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, shops: Shops) {
    let router = serve::router(shops);
    loop {
        let Ok((tcp, _)) = listener.accept().await else { continue };
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            let Ok(tls) = acceptor.accept(tcp).await else { return };
            let service = TowerToHyperService::new(router);
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(tls), service).await;
        });
    }
}

#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
fn acceptor(directory: &TempDir) -> TlsAcceptor {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Counterpart");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    std::fs::write(directory.path().join("authority.pem"), authority.pem()).expect("the authority's file");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a host name");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate with its key");
    TlsAcceptor::from(Arc::new(config))
}
