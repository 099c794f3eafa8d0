//! A trial: the parts of a run in their order, and the figures that come of them.

use super::batches::{self, Batched};
use super::child::{Deployment, Server, Store};
use super::cluster::{self, Postgres};
use super::figure::{Figure, Target, Unit};
use super::forgetting;
use super::guessing;
use super::orders::{self, Shop};
use super::plan::{BATCH_CONNECTIONS, ORDER_CONNECTIONS, ORDERS_PER_SECOND, Plan, RAW_ROWS, RAW_ROWS_SMALL};
use super::raw::{self, Raw};
use super::rows;
use super::samples::{number, per_second};
use super::sharing;
use super::sizes;
use super::traders::{self, Trader};
use crate::ending::Ending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Keys of a supplier whose system reads a purchase order a millisecond.
const SUPPLIER_KEYS: usize = 8;

/// Suppliers among whom orders are divided.
const SUPPLIERS: usize = 2;

/// One run on one engine.
pub struct Trial {
    room: PathBuf,
    plan: Plan,
    begin: Instant,
    figures: Vec<Figure>,
}

/// The merchants of a trial.
struct Town {
    makers: Vec<Trader>,
    shop: Arc<Shop>,
}

impl Trial {
    /// Nothing measured yet.
    pub fn new(room: &Path, plan: Plan) -> Self {
        Self { room: room.to_owned(), plan, begin: Instant::now(), figures: Vec::new() }
    }

    /// Everything on the embedded engine.
    pub async fn on_sqlite(mut self) -> Result<Vec<Figure>, Ending> {
        self.tell("the raw engine stores rows");
        let raw = raw::sqlite::measure(&self.room, &self.plan).await?;
        let deployment = Deployment::make(&self.room, Store::Sqlite)?;
        self.over_https(&deployment, &raw).await?;
        Ok(self.figures)
    }

    /// Everything on PostgreSQL.
    pub async fn on_postgres(mut self, server: &mut Postgres) -> Result<Vec<Figure>, Ending> {
        self.tell("the raw engine stores rows");
        let urls = [server.database().await?, server.database().await?, server.database().await?];
        let raw = raw::postgres::measure(urls.each_ref().map(|url| url.expose().as_str()), &self.plan).await?;
        server.tidy().await?;
        let deployment = Deployment::make(&self.room, Store::Postgres(server.database().await?))?;
        self.over_https(&deployment, &raw).await?;
        Ok(self.figures)
    }

    fn tell(&self, what: &str) {
        eprintln!("{:>5.0} s  {what}", self.begin.elapsed().as_secs_f64());
    }

    fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    async fn over_https(&mut self, deployment: &Deployment, raw: &Raw) -> Result<(), Ending> {
        self.tell("a server starts");
        let (server, first_start) = deployment.start().await?;
        let first_idle = server.process().megabytes()?;
        let town = self.settle(&server).await?;
        let process = server.process();
        let ((), at_full_load) = process
            .highest_megabytes(self.under_load(&server, deployment, &town, raw))
            .await
            .and_then(|(done, highest)| done.map(|done| (done, highest)))?;
        self.share(&server, &town).await?;
        self.guess(&server, &town).await?;
        server.stop().await?;
        self.sizes(deployment).await?;
        self.tell("the server starts again, on all of it");
        let (server, start) = deployment.start().await?;
        let idle = server.process().megabytes()?;
        server.stop().await?;
        self.memory_and_start([first_idle, idle], at_full_load, [first_start, start]);
        self.forget(deployment).await?;
        self.raw_alone(raw);
        Ok(())
    }

    /// Opens the accounts, links them and fills the suppliers' shelves.
    async fn settle(&self, server: &Server) -> Result<Town, Ending> {
        self.tell("merchants open their accounts");
        let makers = Trader::open_many(server, "Maker", "supplier", BATCH_CONNECTIONS).await?;
        let retailer = Trader::open(server, "Shop".to_owned(), "retailer", ORDER_CONNECTIONS).await?;
        let mut suppliers = Vec::with_capacity(SUPPLIERS);
        for place in 0..SUPPLIERS {
            let supplier = Trader::open(server, format!("Supplier {place}"), "supplier", SUPPLIER_KEYS).await?;
            let skus = traders::stock(server, &supplier, &format!("S{place}")).await?;
            traders::link(server, &retailer, &supplier).await?;
            suppliers.push((supplier, skus));
        }
        Ok(Town { makers, shop: Arc::new(Shop::new(retailer, suppliers)) })
    }

    async fn under_load(
        &mut self,
        server: &Server,
        deployment: &Deployment,
        town: &Town,
        raw: &Raw,
    ) -> Result<(), Ending> {
        self.tell(&format!("{} state changes in batches", self.plan.records));
        let before = server.process().processor()?;
        let batched = batches::send(server, &town.makers, &self.plan).await?;
        let spent = server.process().processor()?.saturating_sub(before);
        self.batched(batched, spent, raw);
        if let Store::Postgres(url) = deployment.store() {
            self.tell("PostgreSQL tidies up after them");
            cluster::tidy_up(url).await?;
        }
        self.tell(&format!("single orders on {ORDER_CONNECTIONS} connections"));
        let lasting = Duration::from_millis(self.plan.singles_ms);
        let before = server.process().processor()?;
        let singles = orders::as_many_as_possible(server, &town.shop, lasting).await?;
        self.add(
            Figure::new("single_orders", "single orders, 32 connections", (singles, Unit::PerSecond))
                .beside(raw.singles)
                .target(&[Target::OfRaw(0.5)]),
        );
        self.tell("those orders reach their suppliers");
        orders::all_routed(server, &town.shop).await?;
        let spent = server.process().processor()?.saturating_sub(before);
        let spent = spent.as_secs_f64() * 1e6 / number(town.shop.count());
        self.add(Figure::new("order_processor", "the server's processor time an order, routed", (spent, Unit::Micros)));
        self.tell(&format!("{} orders at {ORDERS_PER_SECOND} a second", self.plan.orders));
        let mut visible = orders::until_visible(server, &town.shop, self.plan.orders).await?;
        let [p50, p99] = [visible.percentile(500), visible.percentile(990)].map(millis);
        self.add(
            Figure::new("order_visible_p50", "order to supplier at 1,000/s, p50", (p50, Unit::Millis))
                .target(&[Target::AtMost(10.0)]),
        );
        self.add(
            Figure::new("order_visible_p99", "order to supplier at 1,000/s, p99", (p99, Unit::Millis))
                .target(&[Target::AtMost(50.0)]),
        );
        Ok(())
    }

    fn batched(&mut self, Batched { growth, mut under_checkpoint }: Batched, spent: Duration, raw: &Raw) {
        let (count, took) = growth.whole();
        let about = "state changes, batches of 500 products";
        self.add(
            Figure::new("batch_changes", about, (per_second(count, took), Unit::PerSecond))
                .beside(raw.large)
                .target(&[Target::AtLeast(30_000.0), Target::OfRaw(0.6)]),
        );
        let about = format!("a change at {} against {}", in_words(self.plan.records), in_words(self.plan.early));
        let dearer = growth.dearer(self.plan.early, count);
        self.add(Figure::new("growth", about, (dearer, Unit::Times)).beside(raw.dearer).target(&[Target::AtMost(1.5)]));
        let spent = spent.as_secs_f64() * 1e6 / number(count);
        self.add(Figure::new("server_processor", "the server's processor time a change", (spent, Unit::Micros)));
        let p99 = millis(under_checkpoint.percentile(990));
        self.add(
            Figure::new("checkpoint_p99", "entry under a checkpoint at full load, p99", (p99, Unit::Millis))
                .target(&[Target::AtMost(1_000.0)]),
        );
    }

    async fn share(&mut self, server: &Server, town: &Town) -> Result<(), Ending> {
        let count = self.plan.retailers;
        self.tell(&format!("{count} retailers wait for one stock change"));
        let Some((supplier, skus)) = town.shop.suppliers.first() else { return Ok(()) };
        let retailers = Trader::open_many(server, "Retailer", "retailer", count).await?;
        let links = traders::link_many(server, &retailers, supplier).await?;
        let retailers: Vec<_> = retailers.into_iter().zip(links).collect();
        let sku = skus.first().map_or("", String::as_str);
        let sharing::Shared { took, writes } = sharing::one_change(server, supplier, sku, &retailers).await?;
        let about = format!("one stock change until {count} retailers have it");
        self.add(Figure::new("shared_change", about, (millis(took), Unit::Millis)));
        self.add(
            Figure::new("shared_change_writes", "entries that it wrote", (number(writes), Unit::Count))
                .target(&[Target::AtMost(1.0)]),
        );
        Ok(())
    }

    async fn guess(&mut self, server: &Server, town: &Town) -> Result<(), Ending> {
        let Some(host) = town.makers.first() else { return Ok(()) };
        self.tell("somebody guesses passwords");
        let mut guessed = guessing::measure(server, host, self.plan.guessed_at).await?;
        let told = guessed.somebody.larger_than(&guessed.nobody);
        let about = "a refused sign-in takes longer where there is such a person";
        self.add(
            Figure::new("sign_in_told", about, (told, Unit::Share))
                .target(&[Target::AtLeast(0.35), Target::AtMost(0.65)]),
        );
        let median = millis(guessed.somebody.percentile(500));
        self.add(Figure::new("sign_in_refused", "a refused sign-in, median", (median, Unit::Millis)));
        Ok(())
    }

    async fn sizes(&mut self, deployment: &Deployment) -> Result<(), Ending> {
        let [record, entry] = sizes::measure(deployment).await?;
        for (name, about, measured, raw) in [
            ("record_bytes", "a record, sealed", record, rows::RECORD_BYTES),
            ("entry_bytes", "what an entry says, sealed", entry, rows::ENTRY_BYTES),
        ] {
            self.add(Figure::new(name, about, (measured, Unit::Bytes)).beside(number(raw as u64)));
        }
        Ok(())
    }

    fn memory_and_start(&mut self, idle: [f64; 2], loaded: f64, start: [Duration; 2]) {
        let [empty, full] = idle;
        self.add(
            Figure::new("memory_idle", "memory, idle", (empty.max(full), Unit::Megabytes))
                .target(&[Target::AtMost(40.0)]),
        );
        self.add(
            Figure::new("memory_load", "memory, most under full load", (loaded, Unit::Megabytes))
                .target(&[Target::AtMost(300.0)]),
        );
        let slowest = start.into_iter().max().unwrap_or_default();
        self.add(
            Figure::new("start", "start to first answer", (millis(slowest), Unit::Millis))
                .target(&[Target::AtMost(300.0)]),
        );
    }

    async fn forget(&mut self, deployment: &Deployment) -> Result<(), Ending> {
        let orders = self.plan.forgotten;
        self.tell(&format!("the consumers of {orders} orders are forgotten"));
        let took = forgetting::measure(deployment, orders).await?;
        let about = format!("forget the consumers of {} orders", in_words(orders));
        let destroyed = (millis(took.destroyed), Unit::Millis);
        self.add(Figure::new("forget", about, destroyed).target(&[Target::AtMost(10_000.0)]));
        let certified = (millis(took.certified), Unit::Millis);
        let about = "certificate of that deletion";
        self.add(Figure::new("forget_certified", about, certified).target(&[Target::AtMost(60_000.0)]));
        Ok(())
    }

    /// The raw engine's own figures: what the ratios are made of.
    fn raw_alone(&mut self, raw: &Raw) {
        for (name, about, rate) in [
            ("raw_large", format!("raw engine, {RAW_ROWS} rows a transaction"), raw.large),
            ("raw_small", format!("raw engine, {RAW_ROWS_SMALL} rows a transaction"), raw.small),
            ("raw_singles", format!("raw engine, single rows of {ORDER_CONNECTIONS} writers"), raw.singles),
        ] {
            self.add(Figure::new(name, about, (rate, Unit::PerSecond)));
        }
    }
}

/// Milliseconds as a number to reckon with.
pub fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// `100,000`, `1 million`.
fn in_words(count: u64) -> String {
    if count >= 1_000_000 && count.is_multiple_of(1_000_000) {
        return format!("{} million", count / 1_000_000);
    }
    if count >= 1_000 { format!("{},{:03}", count / 1_000, count % 1_000) } else { count.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_at_a_glance() {
        assert_eq!([500, 2_000, 100_000, 10_000_000].map(in_words), ["500", "2,000", "100,000", "10 million"]);
    }
}
