//! Installations: by the owner's own word at Shopify, a shop is opened to an account, without a token in anybody's hands.
//!
//! A member begins one and is sent to the shop; Shopify asks its owner and sends them back with a signed answer. It is
//! believed only from the session that began it, once and soon after, so that nobody brings another's shop into their own
//! account, or their own shop into another's. What is asked for is the least that the connection needs. Installed anew after
//! it was thrown out, the app opens the same connection.
//!
//! Source: `shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant`.

use crate::connections::{
    self, Connection, ConnectionDraft, ConnectionState, Direction, Mode, Policy, Syncs, shop_name,
};
use crate::followers;
use crate::outbound::{Owner, Url};
use crate::platform::{Failure, PlatformName};
use crate::platforms::{self, Platforms};
use crate::shopify::install::{self, App, Callback};
use crate::shopify::{ShopName, Shopify};
use bonded_base::{Account, Id, Kind, Problem, Reason, Secret};
use bonded_ledger::{Ledger, Scope, Stored};
use bonded_trade::accounts::{self, Role};
use bonded_trade::{TradeError, Written};
use std::sync::Arc;

/// Bytes of chance in what binds an answer to its question.
const STATE_BYTES: usize = 24;

/// An installation that was begun, for the session that began it to keep until the answer comes.
pub struct Installing {
    account: Id<Account>,
    shop: ShopName,
    state: Secret<String>,
}

/// The shop that the address of an installation's beginning names. Where Shopify sent somebody there, it is signed.
pub fn named(platforms: &Platforms, query: &str) -> Result<ShopName, Problem> {
    let app = app(platforms)?;
    install::shop_of(query, &app.secrets()).map_err(|bad| Problem::new(Reason::Refused, bad.to_string()))
}

/// Begins an installation: where the member goes, and what their session keeps meanwhile.
pub async fn begin(
    ledger: &Ledger,
    scope: &Scope,
    platforms: &Platforms,
    shop: ShopName,
) -> Result<(Url, Installing), TradeError> {
    let app = app(platforms)?;
    let scopes = match connected(ledger, scope, &shop).await? {
        Some(connection) => connection.scopes_needed.clone(),
        None => platforms::scopes(&first_draft(ledger, scope, &shop).await?)?,
    };
    let mut bytes = [0; STATE_BYTES];
    ledger.chance().fill(&mut bytes);
    let state = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let names: Vec<_> = scopes.iter().map(String::as_str).collect();
    let back = platforms.callback();
    let url = back.and_then(|back| app.install_url(&shop, platforms.shopify_base(), &names, &back, &state));
    let url = url.ok_or_else(|| Problem::new(Reason::Refused, "this shop has no address"))?;
    Ok((url, Installing { account: scope.account(), shop, state: Secret::new(state) }))
}

/// Takes Shopify's answer: checks it, makes the shop's connection if the account has none, and puts in what opens it. A
/// connection that is made here only watches, until its owner says what it is to do.
pub async fn finish(
    ledger: &Ledger,
    scope: &Scope,
    platforms: &Platforms,
    begun: Installing,
    query: &str,
) -> Result<Written<Connection>, TradeError> {
    let app = app(platforms)?;
    let refused = |why: String| Problem::new(Reason::Refused, why);
    let answer =
        Callback::check(query, &app.secrets(), begun.state.expose()).map_err(|bad| refused(bad.to_string()))?;
    if answer.shop != begun.shop || scope.account() != begun.account {
        return Err(refused("this is not the answer to the installation that was begun here".to_owned()).into());
    }
    let id = if let Some(connection) = connected(ledger, scope, &begun.shop).await? {
        connection.id
    } else {
        let draft = first_draft(ledger, scope, &begun.shop).await?;
        let needed = platforms::scopes(&draft)?;
        connections::await_install(ledger, scope, draft, needed).await?.id
    };
    let hosts = Shopify::hosts(&begun.shop, platforms.shopify_base()).map_err(said)?;
    let line = platforms.outbound().line(ledger, scope, Owner::of(id), hosts);
    let token = answer.token(&line, platforms.shopify_base(), app, ledger.clock()).await.map_err(said)?;
    connections::renew(ledger, scope, id, None, &token.to_bytes()).await
}

fn app(platforms: &Platforms) -> Result<&App, Problem> {
    let none = || Problem::new(Reason::Missing, "there is no app at Shopify that belongs to this deployment");
    platforms.app().ok_or_else(none)
}

/// The account's own connection to a shop. One of another account stands in the way of a second.
async fn connected(ledger: &Ledger, scope: &Scope, shop: &ShopName) -> Result<Option<Stored<Connection>>, TradeError> {
    let name = shop_name(PlatformName::Shopify, shop.as_str());
    let Some(known) = followers::of(ledger, &name).await?.filter(|known| known.what == Kind::Connection) else {
        return Ok(None);
    };
    if known.account != scope.account() {
        return Err(Problem::new(Reason::Duplicate, "this shop is connected already, in another account").into());
    }
    let connection: Option<Stored<Connection>> = ledger.get(scope, Id::from_bytes(known.id.bytes())).await?;
    Ok(connection.filter(|connection| connection.state != ConnectionState::Disconnected))
}

/// What a shop is connected as whose owner came by Shopify's own store, and has said nothing yet: a dry run.
async fn first_draft(ledger: &Ledger, scope: &Scope, shop: &ShopName) -> Result<ConnectionDraft, TradeError> {
    let direction = match accounts::profile(ledger, scope).await?.role {
        Role::Retailer => Direction::SellThrough,
        Role::Supplier => Direction::SupplyFrom,
    };
    let (platform, shop) = (PlatformName::Shopify, shop.as_str().to_owned());
    Ok(ConnectionDraft { platform, shop, direction, syncs: Syncs::all(Mode::Watch), policy: Policy::default() })
}

fn said(failure: Failure) -> TradeError {
    match failure {
        Failure::Ledger(error) => Arc::try_unwrap(error).map_or_else(
            |_| Problem::new(Reason::Unavailable, "the call to the shop could not be written down; begin again").into(),
            TradeError::Ledger,
        ),
        Failure::Away(_) | Failure::Throttled(_) => {
            Problem::new(Reason::Unavailable, "the shop did not answer; begin again").into()
        }
        other => Problem::new(Reason::Refused, other.to_string()).into(),
    }
}
