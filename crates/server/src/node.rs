//! A running server: its vault, its ledger, the readers of the log and both doors, started and stopped in order.

use crate::deployment::{backup_setup, open_ledger, open_vault};
use crate::desk::{Desk, Socket};
use crate::ending::{Code, Ending};
use crate::hardware::{self, ByHand};
use crate::identity;
use crate::officers;
use crate::places::Places;
use crate::settings::{Settings, StripeSettings};
use crate::tls::{Authority, Certificates, Drained, Listener, Marks};
use axum::Router;
use bonded_assure::backups;
use bonded_base::{Clock, Id, Kind, SystemChance, SystemClock};
use bonded_connect::mail::Mailer;
use bonded_connect::outbound::{self, Outbound};
use bonded_connect::platforms::Platforms;
use bonded_connect::stripe::{Stripe, StripeSetup};
use bonded_flow::connections::{Connected, Opens};
use bonded_flow::deletions::DeletionTurn;
use bonded_flow::followers::Makes;
use bonded_flow::imports::ImportTurn;
use bonded_flow::payments::PaymentTurn;
use bonded_flow::privacy::PrivacyTurn;
use bonded_flow::webhooks::Deliverer;
use bonded_ledger::Ledger;
use bonded_people::mail::Origins;
use bonded_vault::{Holder, Officer, Vault, VaultError};
use bonded_web::identity::IdentityCheck;
use bonded_web::{App, Readiness};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often certificates are looked at: for changed files, and for their end.
const CERTIFICATE_LOOK: Duration = Duration::from_mins(1);

/// How long the readers of the log get to note their cursors at a stop.
const READERS_LIMIT: Duration = Duration::from_secs(10);

/// How long a mail that is on its way gets at a stop.
const POST_LIMIT: Duration = Duration::from_secs(10);

/// How long what the calendar has begun gets at a stop.
const CALENDAR_LIMIT: Duration = Duration::from_secs(10);

/// How long a backup gets to break off at a stop.
const BACKUPS_LIMIT: Duration = Duration::from_secs(10);

/// A server that answers on both doors.
pub struct Node {
    /// How the world reaches it.
    pub origin: String,
    /// Where the public listener listens.
    pub public: SocketAddr,
    /// What its operator may do with it.
    pub desk: Desk,
    readiness: Readiness,
    stop: watch::Sender<bool>,
    doors: [JoinHandle<Drained>; 2],
    work: Work,
    certificates: Arc<Both>,
    chores: Vec<JoinHandle<()>>,
}

/// What happens by itself while a server runs.
struct Work {
    flow: bonded_flow::Running,
    post: Option<bonded_flow::post::Running>,
    calendar: bonded_flow::calendar::Running,
    followers: bonded_flow::followers::Running,
    backups: Option<backups::watch::Running>,
    platforms: Platforms,
    stripe: Option<Stripe>,
}

/// The certificates of both doors.
struct Both {
    public: Certificates,
    private: Certificates,
}

impl Node {
    /// Opens what the settings name and starts to serve; sealed, unless they name an identity to unseal with.
    pub async fn start(settings: &Settings) -> Result<Self, Ending> {
        let places = Places::new(settings.data.clone());
        places.check()?;
        let socket_path = places.socket()?;
        // The doors come first: a port that is taken is the cheapest mistake to find.
        let certificates = Arc::new(certificates(settings, &places)?);
        let public = Listener::bind("public", &settings.public, &certificates.public).await?;
        let private = Listener::bind("private", &settings.private, &certificates.private).await?;
        let vault = open_vault(settings)?;
        let ledger = open_ledger(settings, vault.clone()).await?;
        unseal(settings, &vault)?;
        let (identity, issuer) = identity::open(settings).await?;

        let readiness = Readiness::open();
        let log_origin = settings.name.clone();
        let origin = settings.origin(public.address().port());
        let origins = Origins { public: origin.clone(), private: settings.private_origin(private.address()) };
        let desk = Desk {
            vault,
            ledger: Some(ledger.clone()),
            log_origin: log_origin.clone(),
            origins: origins.clone(),
            issuer: issuer.clone(),
            by_hand: ByHand::default(),
        };
        let socket = tokio::spawn(Socket::open(socket_path)?.serve(desk.clone()));
        let work = Work::start(settings, &ledger, log_origin, origins)?;
        let inside = settings.private_origin(private.address());
        let about = about(settings, [&origin, &inside], identity, &work);
        let app = app(ledger, about, readiness.clone())?;
        let addresses = [public.address(), private.address()];
        let (stop, stopped) = watch::channel(false);
        let marks = Arc::new(Marks::new(SystemChance));
        let doors = [
            tokio::spawn(public.serve(
                bonded_web::public(app.clone()),
                origin.clone(),
                Arc::clone(&marks),
                stopped.clone(),
                settings.drain,
            )),
            tokio::spawn(private.serve(
                bonded_web::private(app, Router::new()),
                inside,
                marks,
                stopped,
                settings.drain,
            )),
        ];
        let mut chores = vec![socket, tokio::spawn(look_after(Arc::clone(&certificates)))];
        chores.push(tokio::spawn(settle(work.platforms.outbound().clone())));
        chores.push(tokio::spawn(hardware::watch(desk.clone())));
        chores.extend(issuer.map(|issuer| tokio::spawn(issuer.keep_fresh())));
        let [public, private] = addresses;
        for (listener, address) in [("public", public), ("private", private)] {
            tracing::info!(listener, %address, "listening");
        }
        if desk.vault.is_sealed() {
            tracing::warn!("the vault is sealed: requests are refused until the holder of its root unseals it");
        }
        Ok(Self { origin, public, desk, readiness, stop, doors, work, certificates, chores })
    }

    /// Takes the certificates from their files again.
    pub fn reload(&self) {
        renew(&self.certificates, true);
    }

    /// Stops in order: no new work, begun requests answered, the readers' cursors noted, the database closed.
    pub async fn stop(self) {
        self.readiness.close();
        self.stop.send_replace(true);
        for door in self.doors {
            match door.await {
                Ok(Drained::Whole) => {}
                Ok(Drained::Cut(connections)) => {
                    tracing::warn!(connections, "connections were cut: the drain limit passed");
                }
                Err(_) => tracing::error!("a listener ended by itself"),
            }
        }
        let outbound = self.work.stop().await;
        for chore in self.chores {
            chore.abort();
            let _ = chore.await;
        }
        tell_unsettled(outbound.settle().await);
        if let Some(ledger) = self.desk.ledger {
            ledger.close().await;
        }
        self.desk.vault.leave_hsm();
        tracing::info!("stopped");
    }
}

impl Work {
    /// Starts everything, as one node.
    fn start(settings: &Settings, ledger: &Ledger, log_origin: String, origins: Origins) -> Result<Self, Ending> {
        let node = Places::new(settings.data.clone()).node()?;
        let outbound = Outbound::new(settings.outbound.clone());
        let outbound = outbound.map_err(|error| Ending::new(Code::Config, error.to_string()))?;
        let stripe = settings.stripe.as_ref().map(|said| stripe(&outbound, said, origins.public.clone()));
        let platforms = Platforms::new(outbound, origins.public.clone());
        let platforms = match &settings.shopify {
            Some(address) => platforms.with_shopify_at(address.clone()),
            None => platforms,
        };
        let platforms = match settings.shopify_app.clone() {
            Some(app) => platforms.with_app(app),
            None => platforms,
        };
        let makes = makes(ledger, &platforms, stripe.clone(), log_origin.clone());
        Ok(Self {
            post: post(settings, ledger, node, origins)?,
            flow: bonded_flow::start(ledger.clone(), node, log_origin),
            calendar: bonded_flow::calendar::start(ledger.clone(), node),
            followers: bonded_flow::followers::start(ledger.clone(), node, makes),
            backups: watch_backups(settings, ledger, node)?,
            platforms,
            stripe,
        })
    }

    /// Lets what was begun end, as far as it does in time; gives back the way out, whose counts are yet to be written down.
    async fn stop(self) -> Outbound {
        if tokio::time::timeout(READERS_LIMIT, self.flow.stop()).await.is_err() {
            tracing::warn!("readers of the log did not stop in time; they go on from their cursors at the next start");
        }
        if tokio::time::timeout(READERS_LIMIT, self.followers.stop()).await.is_err() {
            tracing::warn!("calls were under way; what came of them is found out at the next start");
        }
        if let Some(post) = self.post
            && tokio::time::timeout(POST_LIMIT, post.stop()).await.is_err()
        {
            tracing::warn!("a mail was on its way; it may be sent again at the next start");
        }
        if tokio::time::timeout(CALENDAR_LIMIT, self.calendar.stop()).await.is_err() {
            tracing::warn!("the calendar did not stop in time; what it was doing is done at the next start");
        }
        if let Some(backups) = self.backups
            && tokio::time::timeout(BACKUPS_LIMIT, backups.stop()).await.is_err()
        {
            tracing::warn!("a backup did not break off in time; the next start makes another");
        }
        self.platforms.outbound().clone()
    }
}

fn certificates(settings: &Settings, places: &Places) -> Result<Both, Ending> {
    let now = SystemClock.now();
    let mut known: Option<Arc<Authority>> = None;
    let mut authority = || match &known {
        Some(authority) => Ok(Arc::clone(authority)),
        None => Authority::open(places).map(|authority| Arc::clone(known.insert(Arc::new(authority)))),
    };
    let public = Certificates::load(&settings.public, &settings.names, &mut authority, now)?;
    Ok(Both { public, private: Certificates::load(&settings.private, &settings.names, &mut authority, now)? })
}

/// What follows logs from places of its own, and what is at work until it is done.
fn makes(ledger: &Ledger, platforms: &Platforms, stripe: Option<Stripe>, log_origin: String) -> Makes {
    let (ledger, outbound) = (ledger.clone(), platforms.outbound().clone());
    let platforms: Arc<dyn Opens> = Arc::new(platforms.clone());
    Arc::new(move |what, account, id| match what {
        Kind::Connection => Some(Box::new(Connected::new(ledger.clone(), platforms.clone(), account, id))),
        Kind::Deletion => Some(Box::new(DeletionTurn::new(ledger.clone(), account, id, log_origin.clone()))),
        Kind::PrivacyRequest => Some(Box::new(PrivacyTurn::new(ledger.clone(), account, id))),
        Kind::Import => Some(Box::new(ImportTurn::new(ledger.clone(), account, id))),
        Kind::WebhookEndpoint => Some(Box::new(Deliverer::new(ledger.clone(), outbound.clone(), account, id))),
        Kind::Charge | Kind::PaymentMethod => {
            let turn = PaymentTurn::new(ledger.clone(), stripe.clone()?, what, account, id)?;
            Some(Box::new(turn))
        }
        _ => None,
    })
}

/// The payment gateway, as the settings say.
fn stripe(outbound: &Outbound, said: &StripeSettings, origin: String) -> Stripe {
    let setup = StripeSetup {
        key: said.key.clone(),
        webhook_secrets: said.webhook_secrets.clone(),
        version: said.version.clone(),
        address: said.address.clone(),
        origin,
    };
    Stripe::new(outbound.clone(), setup)
}

/// The post, if a mail server is named.
fn post(
    settings: &Settings,
    ledger: &Ledger,
    node: Id<bonded_base::Node>,
    origins: Origins,
) -> Result<Option<bonded_flow::post::Running>, Ending> {
    let Some(server) = &settings.mail else {
        tracing::warn!("no mail server is named (mail.host): invitations and notices wait until one is");
        return Ok(None);
    };
    let mailer = Mailer::new(server.clone()).map_err(|error| Ending::new(Code::Config, error.to_string()))?;
    Ok(Some(bonded_flow::post::start(ledger.clone(), node, mailer, origins)))
}

/// The watch over backups, if places for them are named.
fn watch_backups(
    settings: &Settings,
    ledger: &Ledger,
    node: Id<bonded_base::Node>,
) -> Result<Option<backups::watch::Running>, Ending> {
    if settings.backup.is_none() {
        tracing::warn!("no place for backups is named (backup.places): none are made");
        return Ok(None);
    }
    Ok(Some(backups::watch::start(backup_setup(settings)?, ledger.clone(), node)))
}

fn unseal(settings: &Settings, vault: &Vault) -> Result<(), Ending> {
    let Some(file) = &settings.unseal_with else { return Ok(()) };
    if vault.holder()? == Holder::Hsm {
        return Ok(());
    }
    let identity = officers::identity(file)?;
    vault.unseal(&Officer::read(identity.expose(), None).map_err(VaultError::Officer)?)?;
    tracing::info!("unsealed with the identity file of the configuration");
    Ok(())
}

fn about(
    settings: &Settings,
    [origin, inside]: [&str; 2],
    identity: IdentityCheck,
    work: &Work,
) -> bonded_web::Settings {
    bonded_web::Settings {
        base_url: origin.to_owned(),
        private_url: inside.to_owned(),
        log_origin: settings.name.clone(),
        environment: settings.environment.name().to_owned(),
        limits: settings.limits,
        identity,
        platforms: Some(work.platforms.clone()),
        stripe: work.stripe.clone(),
    }
}

fn app(ledger: Ledger, about: bonded_web::Settings, readiness: Readiness) -> Result<App, Ending> {
    App::new(ledger, about, readiness).map_err(|problem| {
        let sentence = format!("people cannot sign in: {problem}");
        Ending::new(Code::Config, sentence)
            .next("name the hosts in `origin` and `private.origin`, as https://app.example.com")
    })
}

/// Writes down from time to time how often each destination was called.
async fn settle(outbound: Outbound) {
    let mut due = tokio::time::interval(outbound::SETTLE_EVERY);
    loop {
        due.tick().await;
        tell_unsettled(outbound.settle().await);
    }
}

fn tell_unsettled(settled: Result<(), bonded_ledger::LedgerError>) {
    if let Err(error) = settled {
        tracing::warn!(%error, "how often destinations were called could not be written down; it is tried again");
    }
}

async fn look_after(certificates: Arc<Both>) {
    let mut look = tokio::time::interval(CERTIFICATE_LOOK);
    loop {
        look.tick().await;
        renew(&certificates, false);
    }
}

fn renew(both: &Both, asked: bool) {
    for (certificates, listener) in [(&both.public, "public"), (&both.private, "private")] {
        match certificates.renew(SystemClock.now(), asked) {
            Ok(true) => tracing::info!(listener, "another certificate is in use"),
            Ok(false) => {}
            Err(ending) => tracing::error!(listener, why = ending.sentence, "the old certificate stays in use"),
        }
    }
}
