//! Connected shops: the list, one with all that is known of it, and what can be done with it.

mod connect;
mod settings;

use super::answer::{Refused, Shell, answered, go, page};
use super::form::{Attempt, Choice, Form, id_in};
use super::gate::{Access, Member, Page};
use super::{home, of_trade, when};
use crate::app::App;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::Id;
use bonded_connect::conformity::{self, Conformity, Figures};
use bonded_connect::connections::{self, Connection, ConnectionState, Direction, Mode, Syncs};
use bonded_connect::mirrors::{self, Mirror, MirrorState};
use bonded_connect::outbound::Owner;
use bonded_connect::outbound::destinations::{self, Destination};
use bonded_ledger::{PAGE_MAX, Stored};
use bonded_people::users::Visitor;
use bonded_people::{PeopleError, Permission};
use bonded_trade::Page as Part;
use settings::SETTINGS;

/// Destinations that one connection's page lists.
const DESTINATIONS_SHOWN: u32 = 50;

/// The name of the form with a new credential.
const RENEW: &str = "renew";

pub(super) fn pages() -> Vec<Page> {
    let (look, change) = (Access::Member(Permission::ConnectionsRead), Access::Member(Permission::ConnectionsWrite));
    vec![
        Page::get(look, "/connections", get(list)),
        Page::get(change, "/connections/new", get(connect::show)),
        Page::post(change, "/connections/new", post(connect::make)),
        Page::get(look, "/connections/{id}", get(show)),
        Page::post(change, "/connections/{id}/settings", post(settings::save)),
        Page::post(change, "/connections/{id}/pause", post(pause)),
        Page::post(change, "/connections/{id}/resume", post(resume)),
        Page::post(change, "/connections/{id}/check", post(check)),
        Page::post(change, "/connections/{id}/repair", post(repair)),
        // Whoever finds a browser open must not take a shop away, nor put another in its place.
        Page::post(change, "/connections/{id}/credential", post(renew)).afresh(),
        Page::post(change, "/connections/{id}/disconnect", post(disconnect)).afresh(),
    ]
}

struct Row {
    id: String,
    shop: String,
    title: String,
    platform: &'static str,
    direction: &'static str,
    state: &'static str,
    why: Option<String>,
}

#[derive(Template)]
#[template(path = "connections.html")]
struct ConnectionsPage {
    shell: Shell,
    rows: Vec<Row>,
    may_change: bool,
}

/// What a shop is allowed to be asked.
struct ScopeRow {
    name: String,
    words: &'static str,
}

struct DestinationRow {
    host: String,
    purpose: String,
    fields: String,
    calls: u64,
    last: String,
    status: String,
}

struct MirrorRow {
    state: &'static str,
    about: String,
    record: String,
    remote: String,
    why: String,
    planned: Option<String>,
}

#[derive(Template)]
#[template(path = "connection.html")]
struct ConnectionPage {
    shell: Shell,
    id: String,
    connection: Row,
    api_version: String,
    verified: String,
    scopes: Vec<ScopeRow>,
    counts: [(&'static str, usize); 5],
    conformity: Vec<(&'static str, String)>,
    drifted: usize,
    complete: bool,
    mirrors: Vec<MirrorRow>,
    destinations: Vec<DestinationRow>,
    settings: settings::SettingsForm,
    renew_wrong: Option<String>,
    may_change: bool,
    is_fresh: bool,
}

/// A platform as people call it.
const fn platform_words(connection: &Connection) -> &'static str {
    use bonded_connect::platform::PlatformName;
    match connection.platform {
        PlatformName::Shopify => "Shopify",
        PlatformName::Medusa => "Medusa",
        PlatformName::Vendure => "Vendure",
        PlatformName::Stripe => "Stripe",
    }
}

const fn state_words(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Degraded => "needs you",
        ConnectionState::Paused => "paused",
        ConnectionState::Disconnected => "disconnected",
    }
}

const fn direction_words(direction: Direction) -> &'static str {
    match direction {
        Direction::SellThrough => "sells what partners ship",
        Direction::SupplyFrom => "ships what partners sell",
        Direction::Both => "both ways",
    }
}

const DIRECTIONS: [(&str, Direction); 3] =
    [("sell_through", Direction::SellThrough), ("supply_from", Direction::SupplyFrom), ("both", Direction::Both)];
const MODES: [(&str, Mode); 3] = [("off", Mode::Off), ("watch", Mode::Watch), ("on", Mode::On)];

/// What can be kept in step, and how it stands in `syncs`.
const fn sync_modes(syncs: Syncs) -> [(&'static str, Mode); 5] {
    [
        ("products", syncs.products),
        ("stock", syncs.stock),
        ("prices", syncs.prices),
        ("orders", syncs.orders),
        ("fulfilments", syncs.fulfilments),
    ]
}

/// One sort of thing that is kept in step, with its three choices.
pub(super) struct SyncField {
    name: &'static str,
    choices: Vec<Choice>,
}

fn sync_fields(sent: &Attempt, form: &str, syncs: Syncs) -> Vec<SyncField> {
    let field = |(name, present): (&'static str, Mode)| {
        let choices = MODES.map(|(words, mode)| (format!("{name}:{words}"), words, mode == present));
        SyncField { name, choices: sent.choices(form, "sync", choices) }
    };
    sync_modes(syncs).into_iter().map(field).collect()
}

fn direction_choices(sent: &Attempt, form: &str, present: Direction) -> Vec<Choice> {
    let choices = DIRECTIONS.map(|(value, direction)| (value, direction_words(direction), direction == present));
    sent.choices(form, "direction", choices)
}

/// What a form says is to be kept in step; what it does not say is off.
fn syncs_in(form: &Form) -> Syncs {
    let of = |name: &str| {
        let chosen = form.all("sync").iter().find_map(|value| value.strip_prefix(name)?.strip_prefix(':'));
        MODES.into_iter().find(|(words, _)| Some(*words) == chosen).map_or(Mode::Off, |(_, mode)| mode)
    };
    Syncs {
        products: of("products"),
        stock: of("stock"),
        prices: of("prices"),
        orders: of("orders"),
        fulfilments: of("fulfilments"),
    }
}

fn direction_in(form: &Form) -> Result<Direction, PeopleError> {
    let chosen = DIRECTIONS.into_iter().find(|(value, _)| *value == form.text("direction"));
    let unknown = || bonded_base::Problem::invalid("/direction", "choose which way goods move");
    Ok(chosen.map(|(_, direction)| direction).ok_or_else(unknown)?)
}

fn row(id: Id<Connection>, connection: &Connection) -> Row {
    Row {
        id: id.to_string(),
        shop: connection.shop.clone(),
        title: connection.title.clone().unwrap_or_else(|| connection.shop.clone()),
        platform: platform_words(connection),
        direction: direction_words(connection.direction),
        state: state_words(connection.state),
        why: connection.why.clone(),
    }
}

fn may_change(visitor: &Visitor) -> bool {
    visitor.permissions().contains(Permission::ConnectionsWrite)
}

async fn list(State(app): State<App>, Member(visitor): Member) -> Result<Response, Refused> {
    let newest = Part { descending: true, ..Part::first(PAGE_MAX) };
    let listed = connections::list(app.ledger(), &visitor.scope()?, None, newest).await.map_err(of_trade)?;
    let rows = listed.records.iter().map(|connection| row(connection.id, connection)).collect();
    let shell = home::shell("Connections", &visitor);
    Ok(page(&ConnectionsPage { shell, rows, may_change: may_change(&visitor) }))
}

fn id_of(text: &str) -> Result<Id<Connection>, PeopleError> {
    id_in(text, "there is no such connection")
}

async fn show(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    rendered(&app, &visitor, id_of(&id)?, &Attempt::default()).await
}

/// The page of one connection, after something was done or refused.
async fn rendered(app: &App, visitor: &Visitor, id: Id<Connection>, sent: &Attempt) -> Result<Response, Refused> {
    let (ledger, scope) = (app.ledger(), visitor.scope()?);
    let connection = connections::get(ledger, &scope, id).await.map_err(of_trade)?;
    let overview = mirrors::overview(ledger, &scope, id).await.map_err(of_trade)?;
    let called = destinations::of(ledger, &scope, Owner::of(id), Part::first(DESTINATIONS_SHOWN)).await?;
    let is_alive = connection.state != ConnectionState::Disconnected;
    let may_change = may_change(visitor) && is_alive;
    let is_fresh = visitor.session.is_fresh(ledger.clock().now());
    let connection_row = row(id, &connection);
    let shell = home::shell(&connection_row.title, visitor)
        .with_notice(sent.notice())
        .with_error(sent.wrong_elsewhere([SETTINGS, RENEW].into_iter()));
    let shown = ConnectionPage {
        shell: shell.confirming(may_change && !is_fresh, format!("/connections/{id}")),
        id: id.to_string(),
        connection: connection_row,
        api_version: Connection::clone(&connection).version.unwrap_or_else(|| String::from("not known yet")),
        verified: connection.verified_at.map_or_else(|| String::from("not yet"), when),
        scopes: scopes(&connection),
        counts: [
            ("agreed", overview.agreed),
            ("waiting", overview.waiting),
            ("held", overview.held),
            ("planned", overview.planned),
            ("drifted", overview.drifted),
        ],
        conformity: conformity_rows(&conformity::days(ledger, &scope, id).await?),
        drifted: overview.drifted,
        complete: overview.complete,
        mirrors: overview.shown.iter().map(mirror_row).collect(),
        destinations: called.records.iter().map(destination_row).collect(),
        settings: settings::form(&connection, sent),
        renew_wrong: sent.wrong(RENEW),
        may_change,
        is_fresh,
    };
    Ok(answered(sent.status(), &shown))
}

/// What was compared and how soon news arrived, in words.
fn conformity_rows(days: &[Stored<Conformity>]) -> Vec<(&'static str, String)> {
    let mut all = Figures::default();
    for day in days {
        all.add(&day.figures);
    }
    let seconds = |share: f64| all.delays.quantile(share).map(|ms| format!("{}.{:01} s", ms / 1_000, ms % 1_000 / 100));
    let delays = seconds(0.5).zip(seconds(0.99));
    let swept = days.iter().rev().find_map(|day| day.sweep);
    let swept = swept.map(|sweep| format!("{} of {}, {}", sweep.equal, sweep.records, when(sweep.ended_at)));
    vec![
        ("Equal when all were last compared", swept.unwrap_or_else(|| String::from("not compared yet"))),
        ("Brought to the other side in 90 days", format!("{}, {} of them read back", all.delivered, all.confirmed)),
        ("Changed by the shop itself", format!("{}, {} of them put right", all.drifted, all.repaired)),
        (
            "Until the other side had it",
            delays.map_or_else(
                || String::from("not known yet"),
                |(half, most)| format!("{half}, at most {most} for 99 of 100"),
            ),
        ),
    ]
}

/// What is asked for and what is allowed: who may write may read, so that a right to read besides is none too many.
fn scopes(connection: &Connection) -> Vec<ScopeRow> {
    let missing: Vec<_> = connection.scopes_missing().collect();
    let needed = connection.scopes_needed.iter().map(|scope| ScopeRow {
        name: scope.clone(),
        words: if missing.contains(&scope) { "missing" } else { "held" },
    });
    let is_implied = |scope: &str| {
        let written = scope.strip_prefix("read_").map(|of| format!("write_{of}"));
        written.is_some_and(|written| connection.scopes_needed.contains(&written))
    };
    let besides = connection.scopes_held.iter();
    let besides = besides.filter(|scope| !connection.scopes_needed.contains(scope) && !is_implied(scope));
    needed.chain(besides.map(|scope| ScopeRow { name: scope.clone(), words: "more than is needed" })).collect()
}

fn mirror_row(mirror: &Stored<Mirror>) -> MirrorRow {
    let state = match mirror.state {
        MirrorState::Agreed => "agreed",
        MirrorState::Waiting => "waiting",
        MirrorState::Held => "held",
        MirrorState::Planned => "planned",
        MirrorState::Drifted => "drifted",
    };
    MirrorRow {
        state,
        about: mirror.about.name().replace('_', " "),
        record: mirror.record.clone(),
        remote: mirror.remote.as_ref().map(ToString::to_string).unwrap_or_default(),
        why: mirror.why.clone().unwrap_or_default(),
        planned: mirror
            .found
            .as_ref()
            .or(mirror.planned.as_ref())
            .and_then(|planned| serde_json::to_string_pretty(planned).ok()),
    }
}

fn destination_row(destination: &Stored<Destination>) -> DestinationRow {
    DestinationRow {
        host: destination.host.clone(),
        purpose: destination.purpose.clone(),
        fields: destination.fields.iter().cloned().collect::<Vec<_>>().join(", "),
        calls: destination.calls,
        last: when(destination.last_at),
        status: destination.last_status.map_or_else(|| String::from("none"), |status| status.to_string()),
    }
}

async fn pause(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let done = connections::pause(app.ledger(), &visitor.scope()?, id, None).await.map_err(of_trade);
    let notice = "The shop is not spoken to until you resume it. What happens meanwhile is made up for.";
    rendered(&app, &visitor, id, &Attempt::after(done, notice, "pause", Form::default())?).await
}

async fn resume(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let done = connections::resume(app.ledger(), &visitor.scope()?, id, None).await.map_err(of_trade);
    rendered(&app, &visitor, id, &Attempt::after(done, "It goes on.", "resume", Form::default())?).await
}

async fn check(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let done = connections::ask_check(app.ledger(), &visitor.scope()?, id).await.map_err(of_trade);
    let notice = "Everything is compared with the shop now.";
    rendered(&app, &visitor, id, &Attempt::after(done, notice, "check", Form::default())?).await
}

async fn repair(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let (id, scope) = (id_of(&id)?, visitor.scope()?);
    let work = async {
        connections::get(app.ledger(), &scope, id).await?;
        conformity::repair(app.ledger(), &scope, id).await
    };
    let notice = "What the shop has changed is written again.";
    rendered(&app, &visitor, id, &Attempt::after(work.await.map_err(of_trade), notice, "repair", Form::default())?)
        .await
}

async fn renew(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    mut form: Form,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let credential = connect::credential_in(&mut form);
    let work = async {
        let scope = visitor.scope()?;
        let connection = connections::get(app.ledger(), &scope, id).await.map_err(of_trade)?;
        let credential = credential.check(connection.platform)?;
        connections::renew(app.ledger(), &scope, id, None, &credential).await.map_err(of_trade)
    };
    let notice = "The next call uses the new credential. The old one is gone.";
    rendered(&app, &visitor, id, &Attempt::after(work.await, notice, RENEW, form)?).await
}

async fn disconnect(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let done = connections::disconnect(app.ledger(), &visitor.scope()?, id, None).await.map_err(of_trade);
    match done {
        Ok(_) => Ok(go(&format!("/connections/{id}"))),
        Err(error) => rendered(&app, &visitor, id, &Attempt::failed("disconnect", Form::default(), error)?).await,
    }
}
