//! The pages that people see: signing in, their own security, members, keys, support; and the staff's own.
//!
//! They are rendered on the server and work without scripts, but for passkeys, which only a browser's script can ask
//! for. Every page is in a registry with what it asks of its visitors ([`Access`]), as every route of the API is.
//!
//! Architecture invariants: a page without an [`Access`] cannot be written down; what changes something is taken from
//! our own pages alone; a page loads nothing from elsewhere.

pub(crate) mod answer;
mod confirm;
mod connections;
pub(crate) mod face;
mod files;
mod form;
mod gate;
mod holds;
mod home;
mod invitations;
mod keys;
mod members;
mod payments;
mod reset;
mod security;
mod shopify;
mod sign_in;
mod staff;
mod support;
mod webhooks;

pub(crate) use confirm::CONFIRM;
pub(crate) use gate::{Access, Page, is_vouched_for};

use crate::app::App;
use crate::figures;
use answer::{asset, go};
use axum::Router;
use axum::routing::get;
use face::{Console, Face, Shop};

const STYLE: &str = include_str!("../assets/app.css");
const PASSKEYS: &str = include_str!("../assets/passkeys.js");

const HOUR_MS: i64 = 60 * 60 * 1000;
/// How long a grant may be chosen to last, in hours.
const HOURS: [(i64, &str); 6] =
    [(1, "an hour"), (4, "4 hours"), (24, "a day"), (72, "3 days"), (120, "5 days"), (168, "7 days")];

/// Every page of the public listener.
pub(crate) fn public() -> Vec<Page> {
    [
        sign_in::pages::<Shop>(),
        confirm::pages::<Shop>(),
        security::pages::<Shop>(),
        invitations::pages(),
        reset::pages(),
        home::pages(),
        members::pages(),
        keys::pages(),
        connections::pages(),
        holds::pages(),
        webhooks::pages(),
        files::pages(),
        payments::pages(),
        support::pages(),
        shopify::pages(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every page of the private listener.
pub(crate) fn private() -> Vec<Page> {
    let first = vec![Page::get(Access::Anyone, "/", get(async || go(Console::HOME)))];
    [
        first,
        figures::pages(),
        sign_in::pages::<Console>(),
        confirm::pages::<Console>(),
        security::pages::<Console>(),
        staff::pages(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Serves the pages of the public listener.
pub(crate) fn public_router(app: &App) -> Router<App> {
    router::<Shop>(app, public())
}

/// Serves the pages of the private listener.
pub(crate) fn private_router(app: &App) -> Router<App> {
    router::<Console>(app, private())
}

/// Serves pages of one face, with their style and their one script; what they change comes from the face's own origin.
fn router<F: Face>(app: &App, pages: Vec<Page>) -> Router<App> {
    let router = Router::new()
        .route("/assets/app.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/assets/passkeys.js", get(async || asset("text/javascript; charset=utf-8", PASSKEYS)));
    let read: Vec<_> = pages.iter().filter(|page| !page.changes()).map(|page| page.path.clone()).collect();
    pages.into_iter().fold(router, |router, page| page.mount::<F>(app, router, &read))
}

/// What the business says of trade, to be shown as what is said of people is.
fn of_trade(error: bonded_trade::TradeError) -> bonded_people::PeopleError {
    match error {
        bonded_trade::TradeError::Problem(problem) => problem.into(),
        bonded_trade::TradeError::Ledger(error) => error.into(),
    }
}

/// A moment as people read it here: to the minute, in UTC.
fn when(moment: bonded_base::Moment) -> String {
    let text = moment.to_string();
    match text.get(..16) {
        Some(minute) => format!("{} UTC", minute.replace('T', " ")),
        None => text,
    }
}
