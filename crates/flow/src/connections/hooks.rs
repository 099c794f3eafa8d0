//! What a connected shop tells us by itself: checked, and kept before it is answered.

use bonded_base::{Id, Kind};
use bonded_connect::connections::{self, Connection, ConnectionState};
use bonded_connect::followers;
use bonded_connect::notices::{self, Notice, Topic};
use bonded_connect::platform::PlatformName;
use bonded_connect::platforms::Platforms;
use bonded_connect::privacy;
use bonded_connect::shopify::webhook::{self, BadNotice, Subject};
use bonded_ledger::{Ledger, LedgerError, Scope, Stored, System};

/// What became of what a shop said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is kept, durably; or a copy of it was kept before.
    Kept,
    /// It was signed, and is nothing that we listen to.
    Ignored,
    /// It was not signed by whom it says.
    Unsigned,
    /// There is no such connection, or not any more.
    Unknown,
}

/// Takes what was sent to the address of a connection (see [`Platforms::address`]). `header` gives a header's value by its
/// lower-case name; of the body nothing is kept but ids.
pub async fn hear<'a>(
    ledger: &Ledger,
    platforms: &Platforms,
    id: Id<Connection>,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
) -> Result<Heard, LedgerError> {
    let Some(follower) = followers::find(ledger, id.bytes()).await? else { return Ok(Heard::Unknown) };
    if follower.what != Kind::Connection {
        return Ok(Heard::Unknown);
    }
    let scope = Scope::system(follower.account, System::Connect);
    let Some(connection) = ledger.get(&scope, id).await? else { return Ok(Heard::Unknown) };
    if connection.platform != PlatformName::Shopify || connection.state == ConnectionState::Disconnected {
        return Ok(Heard::Unknown);
    }
    let credential = connections::credential(ledger, &scope, &connection)?;
    let secrets = platforms.signing_secrets(credential.as_ref());
    let is_genuine = webhook::is_genuine(body, header(webhook::SIGNATURE_HEADER).unwrap_or_default(), &secrets);
    // One app signs for all its shops: this one has to be meant.
    if !is_genuine || header(webhook::SHOP_HEADER) != Some(connection.shop.as_str()) {
        return Ok(Heard::Unsigned);
    }
    let Some(notice) = noticed(id, header, body) else { return Ok(Heard::Ignored) };
    take(ledger, &scope, &connection, notice).await?;
    Ok(Heard::Kept)
}

/// Takes what was sent to the one address of our app at Shopify, for all its shops: what concerns people, and that a shop has
/// thrown us out. It reaches a shop that was given up as well, since it is asked for months later; where several accounts
/// had the same shop one after the other, each of them.
pub async fn hear_for_app<'a>(
    ledger: &Ledger,
    platforms: &Platforms,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
) -> Result<Heard, LedgerError> {
    let Some(app) = platforms.app() else { return Ok(Heard::Unknown) };
    if !webhook::is_genuine(body, header(webhook::SIGNATURE_HEADER).unwrap_or_default(), &app.secrets()) {
        return Ok(Heard::Unsigned);
    }
    let Some(shop) = header(webhook::SHOP_HEADER) else { return Ok(Heard::Ignored) };
    let name = connections::shop_name(PlatformName::Shopify, shop);
    let present = followers::of(ledger, &name).await?;
    let mut heard = Heard::Ignored;
    for follower in present.into_iter().chain(followers::once_of(ledger, &name).await?) {
        let (id, scope) = (Id::from_bytes(follower.id.bytes()), Scope::system(follower.account, System::Connect));
        let connection: Stored<Connection> = match ledger.get(&scope, id).await {
            Ok(Some(connection)) => connection,
            // An account that is gone has nothing left to forget.
            Ok(None) | Err(LedgerError::Destroyed) => continue,
            Err(error) => return Err(error),
        };
        let Some(notice) = noticed(id, &header, body) else { return Ok(Heard::Ignored) };
        if connection.state != ConnectionState::Disconnected || privacy::wanted(notice.topic).is_some() {
            take(ledger, &scope, &connection, notice).await?;
            heard = Heard::Kept;
        }
    }
    Ok(heard)
}

/// What was said, as it is kept; `None` for what is nothing of ours.
fn noticed<'a>(id: Id<Connection>, header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> Option<Notice> {
    let said = match webhook::Notice::read(&header, body) {
        Ok(said) => said,
        Err(BadNotice::Topic | BadNotice::Event | BadNotice::Body) => return None,
    };
    let (topic, named) = meant(said.topic, said.subject);
    let event = format!("{} {}", header(webhook::TOPIC_HEADER).unwrap_or_default(), said.event);
    Some(Notice { connection: id, event, topic, named, triggered_at: said.triggered_at, is_done: false })
}

/// Keeps a notice for its connection's worker. Where none is at work, what concerns people is asked of us at once, and the
/// notice is only remembered: a copy of it finds the same.
async fn take(
    ledger: &Ledger,
    scope: &Scope,
    connection: &Stored<Connection>,
    mut notice: Notice,
) -> Result<(), LedgerError> {
    if !connection.state.is_at_work() && privacy::wanted(notice.topic).is_some() {
        privacy::take(ledger, scope, connection, &notice).await?;
        (notice.is_done, notice.named) = (true, Vec::new());
    }
    notices::keep(ledger, scope, &notice).await.map(drop)
}

/// What is to be read because of it.
fn meant(topic: webhook::Topic, subject: Subject) -> (Topic, Vec<bonded_connect::platform::RemoteId>) {
    match subject {
        Subject::Order(order) => (Topic::Orders, vec![order]),
        Subject::Product(product) => (Topic::Products, vec![product]),
        Subject::Level { item, .. } => (Topic::Levels, vec![item]),
        Subject::Consumers(mut orders) => {
            orders.truncate(notices::NAMED_MAX);
            let is_request = topic == webhook::Topic::DataRequest;
            (if is_request { Topic::DataRequest } else { Topic::RedactConsumer }, orders)
        }
        Subject::Shop if topic == webhook::Topic::Uninstalled => (Topic::Uninstalled, Vec::new()),
        Subject::Shop => (Topic::RedactShop, Vec::new()),
    }
}
