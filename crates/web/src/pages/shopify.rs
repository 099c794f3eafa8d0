//! Installing our app in a Shopify shop: from Shopify's store or a link of ours to the shop's owner, and back with their word.
//!
//! Whoever comes may not have signed in yet: the shop's name waits in a cookie until they have. The pages only lead and read
//! what Shopify signed; nothing is changed until its answer has come to the session that asked.

use super::answer::{Refused, Shell, go, page, with_cookie};
use super::gate::{Access, Member, Page};
use super::home;
use crate::app::App;
use crate::body::IdIn;
use crate::cookies::Cookie;
use crate::problem::Failure;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use bonded_base::Secret;
use bonded_connect::connections::{self, Connection};
use bonded_connect::installs;
use bonded_connect::platforms::{CALLBACK_PATH, INSTALL_PATH, Platforms};
use bonded_connect::shopify::ShopName;
use bonded_people::Permission;

/// Where a member is led to the shop from.
const BEGIN_PATH: &str = "/shopify/begin";

pub(super) fn pages() -> Vec<Page> {
    let (look, connect) = (Access::Member(Permission::ConnectionsRead), Access::Member(Permission::ConnectionsWrite));
    vec![
        Page::get(Access::Anyone, INSTALL_PATH, get(install)),
        Page::get(connect, BEGIN_PATH, get(begin)),
        Page::get(connect, CALLBACK_PATH, get(finish)),
        Page::get(look, "/shopify/connected/{id}", get(show)),
    ]
}

#[derive(Template)]
#[template(path = "shopify.html")]
struct ConnectedPage {
    shell: Shell,
    id: String,
    shop: String,
    state: &'static str,
    missing: Vec<String>,
    watches: bool,
}

/// Where somebody goes on who came to connect a shop, and has signed in meanwhile.
pub(super) fn unfinished(headers: &HeaderMap) -> Option<Response> {
    let shop: ShopName = Cookie::Installing.token(headers)?.expose().parse().ok()?;
    Some(with_cookie(go(&format!("{BEGIN_PATH}?shop={shop}")), Cookie::Installing.clear()))
}

fn platforms(app: &App) -> Result<&Platforms, Failure> {
    app.platforms().ok_or_else(|| Failure::missing("app"))
}

async fn install(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Refused> {
    let named = installs::named(platforms(&app)?, &query.unwrap_or_default()).map_err(Failure::from)?;
    let shop = Secret::new(named.as_str().to_owned());
    Ok(with_cookie(go("/home"), Cookie::Installing.set(&shop)))
}

async fn begin(
    State(app): State<App>,
    Member(visitor): Member,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let platforms = platforms(&app)?;
    let shop = installs::named(platforms, &query.unwrap_or_default()).map_err(Failure::from)?;
    let begun = installs::begin(app.ledger(), &visitor.scope()?, platforms, shop).await;
    let (url, installing) = begun.map_err(Failure::from)?;
    app.installs().leave(visitor.session.id.bytes(), installing, app.ledger().clock().now());
    Ok(go(url.as_str()))
}

async fn finish(
    State(app): State<App>,
    Member(visitor): Member,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let platforms = platforms(&app)?;
    let begun = app.installs().take(visitor.session.id.bytes(), app.ledger().clock().now());
    let unasked = || Failure::parameter("No installation was begun here a moment ago. Begin again.");
    let begun = begun.ok_or_else(unasked)?;
    let done = installs::finish(app.ledger(), &visitor.scope()?, platforms, begun, &query.unwrap_or_default()).await;
    let connection = done.map_err(Failure::from)?;
    Ok(go(&format!("/shopify/connected/{}", connection.id)))
}

async fn show(
    State(app): State<App>,
    Member(visitor): Member,
    IdIn(id): IdIn<Connection>,
) -> Result<Response, Refused> {
    let connection = connections::get(app.ledger(), &visitor.scope()?, id).await.map_err(Failure::from)?;
    let is_known = connection.verified_at.is_some();
    Ok(page(&ConnectedPage {
        shell: home::shell("Shop connected", &visitor),
        id: id.to_string(),
        shop: connection.shop.clone(),
        state: connection.state.name(),
        missing: connection.scopes_missing().filter(|_| is_known).cloned().collect(),
        watches: !connection.syncs.changes_anything(),
    }))
}
