//! `bonded bench connections`: how fast platforms are heard, shops and an account's own systems told, and files brought.
//!
//! The server under test is the same as in the rest of the bench; the other side is in this process: https servers that
//! answer at once, speak only as much of a platform's published API as the program asks for, and check every signature.

mod files;
mod hooks_in;
mod hooks_out;
mod peer;
mod shops;
mod stock;

use super::child::{Deployment, Server, Store};
use super::cluster::Postgres;
use super::figure::{Figure, Target, Unit};
use super::plan::{ORDER_CONNECTIONS, Plan, RECORDS_MIN};
use super::raw;
use super::trial::millis;
use crate::ending::Ending;
use crate::settings::keys;
use hooks_out::Told;
use peer::Identity;
use std::path::Path;

/// Endpoints of as many accounts that are told at the same time.
const ENDPOINTS: usize = 4;

/// Everything on the embedded engine.
pub async fn on_sqlite(room: &Path, plan: Plan) -> Result<Vec<Figure>, Ending> {
    eprintln!("the raw engine stores rows");
    let raw = raw::sqlite::measure(room, &alone(plan)).await?;
    let mut figures = over_https(room, plan, Store::Sqlite, raw.singles).await?;
    figures.extend(by_file(room, plan, Store::Sqlite).await?);
    Ok(figures)
}

/// Everything on PostgreSQL.
pub async fn on_postgres(room: &Path, plan: Plan, server: &mut Postgres) -> Result<Vec<Figure>, Ending> {
    eprintln!("the raw engine stores rows");
    let urls = [server.database().await?, server.database().await?, server.database().await?];
    let raw = raw::postgres::measure(urls.each_ref().map(|url| url.expose().as_str()), &alone(plan)).await?;
    server.tidy().await?;
    let store = Store::Postgres(server.database().await?);
    let mut figures = over_https(room, plan, store, raw.singles).await?;
    server.tidy().await?;
    let store = Store::Postgres(server.database().await?);
    figures.extend(by_file(room, plan, store).await?);
    Ok(figures)
}

/// Of the raw engine, single rows alone are compared.
fn alone(plan: Plan) -> Plan {
    Plan { singles_ms: plan.singles_ms, ..Plan::of(RECORDS_MIN) }
}

async fn over_https(room: &Path, plan: Plan, store: Store, raw_singles: f64) -> Result<Vec<Figure>, Ending> {
    let identity = Identity::make(room)?;
    let also = [
        (keys::OUTBOUND_LOOPBACK, true.to_string()),
        (keys::OUTBOUND_ROOT_CERTIFICATE, identity.authority().display().to_string()),
    ];
    let deployment = Deployment::make_with(room, store, &also)?;
    let (server, _) = deployment.start().await?;
    let mut figures = Vec::new();
    figures.push(heard(&server, plan, raw_singles).await?);
    figures.extend(told(&server, &identity, plan).await?);
    figures.extend(brought(&server, &identity, plan).await?);
    let about = format!("raw engine, single rows of {ORDER_CONNECTIONS} writers");
    figures.push(Figure::new("raw_singles", about, (raw_singles, Unit::PerSecond)));
    server.stop().await?;
    Ok(figures)
}

/// What is brought and taken as files, by a server that did nothing else before: its memory is told as well.
async fn by_file(room: &Path, plan: Plan, store: Store) -> Result<Vec<Figure>, Ending> {
    let room = room.join("files");
    std::fs::create_dir(&room).map_err(Ending::file("written", &room))?;
    let (server, _) = Deployment::make(&room, store)?.start().await?;
    let figures = files::measure(&server, plan.rows).await?;
    server.stop().await?;
    Ok(figures)
}

/// What platforms tell.
async fn heard(server: &Server, plan: Plan, raw: f64) -> Result<Figure, Ending> {
    eprintln!("a shop sends webhooks");
    let rate = hooks_in::measure(server, plan.singles_ms).await?;
    let about = format!("webhooks in, kept and answered, {ORDER_CONNECTIONS} connections");
    Ok(Figure::new("hooks_in", about, (rate, Unit::PerSecond)).beside(raw))
}

/// What the account's own systems are told.
async fn told(server: &Server, identity: &Identity, plan: Plan) -> Result<Vec<Figure>, Ending> {
    eprintln!("bare posts to the receiver");
    let raw = hooks_out::bare(identity, plan.singles_ms).await?;
    eprintln!("one endpoint is told of {} changes", plan.messages);
    let Told { rate: one, processor: cost } = hooks_out::measure(server, identity, 1, plan.messages).await?;
    eprintln!("{ENDPOINTS} endpoints are told of as many together");
    let several = hooks_out::measure(server, identity, ENDPOINTS, plan.messages).await?.rate;
    eprintln!("one endpoint is told how a few records change again and again");
    let ordered = hooks_out::in_order(server, identity, plan.messages).await?.rate;
    let figure = |name, about: String, rate| Figure::new(name, about, (rate, Unit::PerSecond)).beside(raw);
    Ok(vec![
        figure("hooks_out", format!("webhooks out, {ENDPOINTS} endpoints"), several)
            .target(&[Target::AtLeast(5_000.0)]),
        figure("hooks_out_one", "webhooks out, one endpoint".to_owned(), one),
        figure("hooks_out_ordered", "webhooks out, in order for each of 500 records".to_owned(), ordered),
        Figure::new("hook_processor", "the server's processor time a webhook out", (cost, Unit::Micros)),
        Figure::new("raw_posts", "bare https posts to the same receiver", (raw, Unit::PerSecond)),
    ])
}

/// What connected shops are brought.
async fn brought(server: &Server, identity: &Identity, plan: Plan) -> Result<Vec<Figure>, Ending> {
    eprintln!("{} shops wait for a stock change", plan.shops);
    let mut waited = stock::one_variant(server, identity, plan.shops, plan.stock_changes).await?;
    eprintln!("{} shops are brought a whole catalogue's stock", stock::SHOPS);
    let rate = stock::whole_catalogue(server, identity, plan.counts).await?;
    let last = format!("stock change to the last of {} shops", plan.shops);
    let [p50, p99] = [waited.last.percentile(500), waited.last.percentile(990)].map(millis);
    let each = millis(waited.each.percentile(500));
    Ok(vec![
        Figure::new("deliveries", format!("stock brought to {} shops, levels", stock::SHOPS), (rate, Unit::PerSecond)),
        Figure::new("stock_each_p50", "stock change to a shop, median", (each, Unit::Millis)),
        Figure::new("stock_last_p50", format!("{last}, median"), (p50, Unit::Millis)),
        Figure::new("stock_last_p99", format!("{last}, p99"), (p99, Unit::Millis)),
    ])
}
