//! What every handler needs: the ledger, the door, the limits, and whether the server is still open.

use crate::figures::Figures;
use crate::identity::IdentityCheck;
use crate::once::InFlight;
use crate::rate::Meter;
use crate::waiting::Waiting;
use axum::extract::FromRef;
use bonded_base::{Problem, Secret};
use bonded_connect::installs::Installing;
use bonded_connect::platforms::Platforms;
use bonded_connect::stripe::Stripe;
use bonded_ledger::Ledger;
use bonded_people::grants::Terms;
use bonded_people::keys::Doorkeeper;
use bonded_people::sign_in::Doors;
use std::sync::Arc;
use tokio::sync::watch;

/// Requests a second that a key may send over time, unless the configuration says otherwise.
pub const REQUESTS_PER_SECOND: u32 = 20_000;
/// Requests that a key may send at once, unless the configuration says otherwise.
pub const REQUESTS_AT_ONCE: u32 = 40_000;

/// How much one key may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests a second over time, at least 1.
    pub requests_per_second: u32,
    /// Requests at once, at least 1.
    pub requests_at_once: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_second: REQUESTS_PER_SECOND, requests_at_once: REQUESTS_AT_ONCE }
    }
}

/// What the server knows of itself.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the public listener is reached, without a path: `https://bonded.example`.
    pub base_url: String,
    /// Where staff reach the private listener, without a path: `https://console.bonded.example`.
    pub private_url: String,
    /// The name of the deployment in its signed checkpoints: `bonded.example`.
    pub log_origin: String,
    /// The environment's name: `production`, `staging` …
    pub environment: String,
    /// How much one key may ask for.
    pub limits: Limits,
    /// What the private listener asks of a request before anything else.
    pub identity: IdentityCheck,
    /// How connected shops are reached and reach us; `None` where nothing is called.
    pub platforms: Option<Platforms>,
    /// The payment gateway; `None` where the operator has not set up payments.
    pub stripe: Option<Stripe>,
}

/// Whether the server takes new work. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Readiness {
    open: Arc<watch::Sender<bool>>,
}

impl Readiness {
    /// Open from the start.
    pub fn open() -> Self {
        Self { open: Arc::new(watch::Sender::new(true)) }
    }

    /// Takes no new work: `/readyz` says so, and whoever waits for news is answered now.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// Whether new work is taken.
    pub fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Returns when the server is closing.
    pub async fn closed(&self) {
        // The sender lives in `self`, so this ends only by closing.
        let _ = self.open.subscribe().wait_for(|open| !open).await;
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::open()
    }
}

/// Everything that the routes share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    ledger: Ledger,
    doorkeeper: Doorkeeper,
    doors: Doors,
    codes: Waiting<Vec<Secret<String>>>,
    terms: Waiting<Terms>,
    installs: Waiting<Installing>,
    settings: Settings,
    readiness: Readiness,
    meter: Meter,
    in_flight: InFlight,
    figures: Figures,
}

impl App {
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If an origin has no host name: passkeys are bound to one.
    pub fn new(ledger: Ledger, settings: Settings, readiness: Readiness) -> Result<Self, Problem> {
        let doorkeeper = Doorkeeper::new(ledger.clone());
        let doors = Doors::new(ledger.clone(), &settings.base_url, &settings.private_url)?;
        let (meter, in_flight, figures) = (Meter::new(settings.limits), InFlight::default(), Figures::default());
        let (codes, terms, installs) = (Waiting::default(), Waiting::default(), Waiting::default());
        let inner =
            Inner { ledger, doorkeeper, doors, codes, terms, installs, settings, readiness, meter, in_flight, figures };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    /// How connected shops are reached and reach us.
    pub fn platforms(&self) -> Option<&Platforms> {
        self.inner.settings.platforms.as_ref()
    }

    /// The payment gateway, if the operator has set it up.
    pub fn stripe(&self) -> Option<&Stripe> {
        self.inner.settings.stripe.as_ref()
    }

    /// Lets callers in, and forgets revoked keys at once.
    pub fn doorkeeper(&self) -> &Doorkeeper {
        &self.inner.doorkeeper
    }

    /// Everything that signing in needs.
    pub fn doors(&self) -> &Doors {
        &self.inner.doors
    }

    /// Recovery codes that a page is yet to show.
    pub(crate) fn codes(&self) -> &Waiting<Vec<Secret<String>>> {
        &self.inner.codes
    }

    /// Terms that a passkey is yet to sign.
    pub(crate) fn terms(&self) -> &Waiting<Terms> {
        &self.inner.terms
    }

    /// Installations that a shop's owner is yet to agree to.
    pub(crate) fn installs(&self) -> &Waiting<Installing> {
        &self.inner.installs
    }

    /// What the server knows of itself.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Whether the server takes new work.
    pub fn readiness(&self) -> &Readiness {
        &self.inner.readiness
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.inner.meter
    }

    pub(crate) fn figures(&self) -> &Figures {
        &self.inner.figures
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.inner.in_flight
    }
}

impl FromRef<App> for Ledger {
    fn from_ref(app: &App) -> Self {
        app.inner.ledger.clone()
    }
}
