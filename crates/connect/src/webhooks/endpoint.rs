//! Endpoints: where an account is told, of what, and under which secrets.

use super::event::EventPattern;
use super::signature::make_secret;
use crate::followers::{self, Follower};
use crate::outbound::{Host, Owner, Url};
use bonded_base::{Id, Kind, Kinded, Moment, Problem, Reason, Secret};
use bonded_ledger::{Change, Concealed, Ledger, LedgerError, Listed, PAGE_MAX, Record, Scope, Stored};
use bonded_trade::screen::{Kept, screened};
use bonded_trade::{Page, Patch, TradeError, as_expected};
use serde::{Deserialize, Serialize};

/// Endpoints of one account at most.
pub const ENDPOINTS_MAX: usize = 16;
/// Patterns of events that one endpoint has at most.
pub const EVENTS_MAX: usize = 50;
/// Bytes of an endpoint's address at most.
const URL_BYTES_MAX: usize = 2_048;
/// Characters of its description at most.
const DESCRIPTION_CHARS_MAX: usize = 200;
/// Secrets that hold at once at most: the newest, and those that are on their way out.
pub const SECRETS_MAX: usize = 4;
/// How long a secret still holds after it was replaced, unless the caller says otherwise.
pub const OLD_SECRET_MS: i64 = 24 * 60 * 60 * 1000;
/// How long it can hold at most.
pub const OLD_SECRET_MS_MAX: i64 = 7 * OLD_SECRET_MS;

/// What a secret is concealed for.
const SECRET: &str = "webhook_secret";

/// How it stands with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It is told.
    Enabled,
    /// Its owner has stopped it for a while, or it has said itself that it is gone.
    Paused,
    /// It failed for so long that it is told nothing until its owner says so.
    Failing,
}

/// A secret that signatures are made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSecret {
    /// Its bytes.
    pub bytes: Concealed,
    /// When it stops to hold, once it was replaced.
    pub until: Option<Moment>,
}

/// Where an account is told of what happens in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEndpoint {
    /// Where messages go, under https.
    pub url: String,
    /// Of what.
    pub events: Vec<EventPattern>,
    /// What its owner calls it.
    pub description: Option<String>,
    /// How it stands.
    pub state: EndpointState,
    /// Why it is not told, where it was not its owner who said so.
    pub why: Option<String>,
    /// What signatures are made with, the newest first.
    pub secrets: Vec<KeptSecret>,
    /// The entry after which it begins to be told.
    pub after: u64,
    /// Since when nothing has arrived, though it was tried.
    pub failing_since: Option<Moment>,
    /// How many attempts have failed since then.
    pub failures: u64,
    /// When its owner last let it go on: what waited then is tried at once.
    pub resumed_at: Option<Moment>,
}

impl Kinded for WebhookEndpoint {
    const KIND: Kind = Kind::WebhookEndpoint;
}

impl Record for WebhookEndpoint {}

impl WebhookEndpoint {
    /// Its address, and the host that its owner approved with it.
    pub fn place(&self) -> Option<(Url, Host)> {
        let url = Url::parse(&self.url).ok()?;
        let host = Host::of(&url)?;
        Some((url, host))
    }

    /// For whom its calls are made.
    pub fn owner(id: Id<Self>) -> Owner {
        Owner::of(id)
    }
}

/// An endpoint that is to be made.
#[derive(Clone, Debug, Deserialize)]
pub struct EndpointDraft {
    /// Where messages go: https, and nothing that is a secret.
    pub url: String,
    /// Of what.
    pub events: Vec<String>,
    /// What its owner calls it.
    #[serde(default)]
    pub description: Option<String>,
}

/// What is to become of an endpoint. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointPatch {
    /// Where messages go.
    pub url: Patch<String>,
    /// Of what.
    pub events: Patch<Vec<String>>,
    /// What its owner calls it; null empties it.
    pub description: Patch<String>,
    /// `enabled` lets it go on from where it stopped, `paused` stops it.
    pub state: Patch<EndpointState>,
}

/// Makes an endpoint, which is told of what happens from now on. The secret is shown this once.
pub async fn create(
    ledger: &Ledger,
    scope: &Scope,
    draft: EndpointDraft,
) -> Result<(Stored<WebhookEndpoint>, Secret<String>), TradeError> {
    let (url, events) = (address(&draft.url)?, patterns(&draft.events)?);
    let description = describe(draft.description)?;
    if list(ledger, scope, Page::first(PAGE_MAX)).await?.records.len() >= ENDPOINTS_MAX {
        let detail = format!("an account has at most {ENDPOINTS_MAX} webhook endpoints");
        return Err(Problem::new(Reason::TooMuch, detail).into());
    }
    let id: Id<WebhookEndpoint> = ledger.new_id();
    let (bytes, secret) = make_secret(ledger.chance());
    let endpoint = WebhookEndpoint {
        url,
        events,
        description,
        state: EndpointState::Enabled,
        why: None,
        secrets: vec![KeptSecret { bytes: ledger.conceal(scope, id, SECRET, bytes.expose())?, until: None }],
        after: ledger.head(scope).await?,
        failing_since: None,
        failures: 0,
        resumed_at: None,
    };
    let follower = Follower { account: scope.account(), what: Kind::WebhookEndpoint, shop: None, aside: None };
    followers::register(ledger, &follower, id.bytes()).await?;
    let mut change = Change::new();
    change.create(id, &endpoint, "created");
    if let Err(error) = ledger.commit(scope, change).await {
        // Should this fail too, the follower finds no record of its own, and goes.
        followers::retire(ledger, id.bytes()).await?;
        return Err(error.into());
    }
    Ok((get(ledger, scope, id).await?, secret))
}

/// One endpoint.
pub async fn get(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<WebhookEndpoint>,
) -> Result<Stored<WebhookEndpoint>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::WebhookEndpoint))
}

/// A page of an account's endpoints.
pub async fn list(ledger: &Ledger, scope: &Scope, page: Page) -> Result<Listed<WebhookEndpoint>, LedgerError> {
    ledger.list(scope, &page.of_state(None)).await
}

/// Changes an endpoint. One that goes on is told of everything that happened meanwhile.
pub async fn update(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<WebhookEndpoint>,
    expected: Option<u64>,
    patch: EndpointPatch,
) -> Result<Stored<WebhookEndpoint>, TradeError> {
    let was = get(ledger, scope, id).await?;
    as_expected(&was, expected)?;
    let mut next = (*was).clone();
    let needed = |pointer| Problem::invalid(pointer, "this cannot be empty");
    match patch.url {
        Patch::Keep => {}
        Patch::Clear => return Err(needed("/url").into()),
        Patch::Set(url) => next.url = address(&url)?,
    }
    match patch.events {
        Patch::Keep => {}
        Patch::Clear => return Err(needed("/events").into()),
        Patch::Set(events) => next.events = patterns(&events)?,
    }
    match patch.description {
        Patch::Keep => {}
        Patch::Clear => next.description = None,
        Patch::Set(description) => next.description = describe(Some(description))?,
    }
    match patch.state {
        Patch::Keep => {}
        Patch::Set(EndpointState::Enabled) => {
            if next.state != EndpointState::Enabled {
                next.resumed_at = Some(ledger.clock().now());
            }
            (next.state, next.why, next.failing_since, next.failures) = (EndpointState::Enabled, None, None, 0);
        }
        Patch::Set(EndpointState::Paused) => (next.state, next.why) = (EndpointState::Paused, None),
        Patch::Set(EndpointState::Failing) | Patch::Clear => {
            return Err(Problem::invalid("/state", "this becomes `enabled` or `paused`").into());
        }
    }
    commit(ledger, scope, &was, &next, "updated").await
}

/// Gives an endpoint a new secret, shown this once; the old ones hold for so many milliseconds more.
pub async fn rotate(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<WebhookEndpoint>,
    old_for_ms: i64,
) -> Result<(Stored<WebhookEndpoint>, Secret<String>), TradeError> {
    let was = get(ledger, scope, id).await?;
    let now = ledger.clock().now();
    let until = now.plus_millis(old_for_ms.clamp(0, OLD_SECRET_MS_MAX));
    let (bytes, secret) = make_secret(ledger.chance());
    let mut next = (*was).clone();
    for old in &mut next.secrets {
        old.until = Some(old.until.map_or(until, |sooner| sooner.min(until)));
    }
    next.secrets.retain(|old| old.until.is_none_or(|until| until > now));
    next.secrets.truncate(SECRETS_MAX - 1);
    next.secrets.insert(0, KeptSecret { bytes: ledger.conceal(scope, id, SECRET, bytes.expose())?, until: None });
    Ok((commit(ledger, scope, &was, &next, "rotated").await?, secret))
}

/// Takes an endpoint away, with its secrets. Whoever delivered to it forgets its messages, and leaves the register.
pub async fn remove(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<WebhookEndpoint>,
    expected: Option<u64>,
) -> Result<(), TradeError> {
    let was = get(ledger, scope, id).await?;
    as_expected(&was, expected)?;
    let mut change = Change::new();
    change.remove(&was, "removed");
    ledger.commit(scope, change).await.map_err(changed)?;
    Ok(())
}

/// Lends the secrets that hold now to whoever signs, the newest first.
pub fn secrets(
    ledger: &Ledger,
    scope: &Scope,
    endpoint: &Stored<WebhookEndpoint>,
) -> Result<Vec<Secret<Vec<u8>>>, LedgerError> {
    let now = ledger.clock().now();
    let holding = endpoint.secrets.iter().filter(|kept| kept.until.is_none_or(|until| until > now));
    holding.map(|kept| ledger.reveal(scope, endpoint.id, SECRET, &kept.bytes)).collect()
}

async fn commit(
    ledger: &Ledger,
    scope: &Scope,
    was: &Stored<WebhookEndpoint>,
    next: &WebhookEndpoint,
    action: &'static str,
) -> Result<Stored<WebhookEndpoint>, TradeError> {
    let mut change = Change::new();
    change.update(was, next, action);
    ledger.commit(scope, change).await.map_err(changed)?;
    get(ledger, scope, was.id).await
}

fn changed(error: LedgerError) -> TradeError {
    match error {
        LedgerError::Conflict { kind: Kind::WebhookEndpoint, .. } => TradeError::changed(Kind::WebhookEndpoint),
        other => other.into(),
    }
}

fn address(text: &str) -> Result<String, Problem> {
    let refused = || Problem::invalid("/url", "an address that begins with https:// is needed, without a user in it");
    let url = Url::parse(text.trim()).map_err(|_| refused())?;
    if url.as_str().len() > URL_BYTES_MAX || url.fragment().is_some() || Host::of(&url).is_none() {
        return Err(refused());
    }
    Ok(url.into())
}

fn patterns(texts: &[String]) -> Result<Vec<EventPattern>, Problem> {
    if texts.is_empty() || texts.len() > EVENTS_MAX {
        return Err(Problem::invalid("/events", format!("1 to {EVENTS_MAX} events are needed; `*` is all of them")));
    }
    let mut patterns = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        let unknown = |error| Problem::invalid(format!("/events/{place}"), format!("{error}"));
        let pattern: EventPattern = text.parse().map_err(unknown)?;
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    Ok(patterns)
}

fn describe(text: Option<String>) -> Result<Option<String>, Problem> {
    let text = text.map(|text| screened(text.trim(), Kept::Text).into_owned()).filter(|text| !text.is_empty());
    match &text {
        Some(text) if text.chars().count() > DESCRIPTION_CHARS_MAX || text.chars().any(char::is_control) => {
            let detail = format!("one line of up to {DESCRIPTION_CHARS_MAX} characters is kept here");
            Err(Problem::invalid("/description", detail))
        }
        _ => Ok(text),
    }
}
