//! A shop in memory that keeps the rules of [`Platform`], with faults by plan.
//!
//! It is for what the flow decides, not for how any platform is spoken to.

use async_trait::async_trait;
use bonded_base::{Clock, Currency, Moment, Money};
use bonded_connect::platform::{
    Failure, FulfilmentWrite, LevelWrite, OrderWrite, Platform, PlatformName, ProductWrite, Read, RemoteFulfilment,
    RemoteId, RemoteLevel, RemoteLine, RemoteLocation, RemoteOrder, RemotePage, RemoteProduct, Shop as About, Since,
};
use bonded_trade::catalog::{ProductDraft, ProductOption, VariantDraft};
use bonded_trade::consumers::{ConsumerDraft, SixFields};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const ADA: SixFields<'static> = SixFields {
    first_name: "Ada",
    last_name: "Lovelace",
    street: "12 St James's Square\nLondon",
    postal_code: "SW1Y 4JH",
    region: "London",
    country: "GB",
};

const LOCATION: &str = "loc-1";
/// Things on a page: few, so that paging is always at work.
const PAGE: usize = 3;

/// A shop.
pub struct Shop {
    clock: Arc<dyn Clock>,
    stock: Mutex<Stock>,
    /// Every how manieth call goes wrong; 0 for none.
    faults: AtomicU64,
    calls: AtomicU64,
    /// What every call answers, if anything.
    pub refusal: Mutex<Option<Failure>>,
    /// The next order is placed and sent at once, under this number, and the answer is lost.
    pub hasty: Mutex<Option<String>>,
}

#[derive(Default)]
pub struct Stock {
    pub products: BTreeMap<String, RemoteProduct>,
    /// Pieces that can be sold, by variant; and when that changed.
    pub levels: BTreeMap<String, (i64, Moment)>,
    pub orders: BTreeMap<String, RemoteOrder>,
    pub writes: usize,
    next: u64,
}

impl Stock {
    fn id(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}-{:04}", self.next)
    }
}

pub fn euro(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

impl Shop {
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let (stock, faults, calls) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { clock, stock, faults, calls, refusal: Mutex::new(None), hasty: Mutex::default() })
    }

    pub fn look<T>(&self, then: impl FnOnce(&mut Stock) -> T) -> T {
        then(&mut self.stock.lock().unwrap())
    }

    /// From now on every `n`th call goes wrong, each time in another way.
    pub fn fail_every(&self, n: u64) {
        self.faults.store(n, Ordering::Relaxed);
    }

    /// A product of the shop's own with one variant for each SKU; answers the variants' ids.
    pub fn stocks(&self, title: &str, skus: &[&str], pieces: i64) -> Vec<String> {
        let now = self.clock.now();
        self.look(|stock| {
            let id = stock.id("prod");
            let variants: Vec<String> = skus.iter().map(|_| stock.id("var")).collect();
            for variant in &variants {
                stock.levels.insert(variant.clone(), (pieces, now));
            }
            let one = skus.len() == 1;
            let draft = |sku: &&str| VariantDraft {
                sku: Some((*sku).to_owned()),
                price: Some(euro(1_000)),
                options: if one { Vec::new() } else { vec![format!("Size {sku}")] },
                ..VariantDraft::default()
            };
            let options = vec![ProductOption { name: "Size".to_owned(), values: Vec::new() }];
            let product = ProductDraft {
                title: title.to_owned(),
                options: if one { Vec::new() } else { options },
                variants: skus.iter().map(draft).collect(),
                ..ProductDraft::default()
            };
            let remotes = variants.iter().map(RemoteId::new).collect();
            let product =
                RemoteProduct { id: RemoteId::new(&id), updated_at: Some(now), product, variants: remotes, mark: None };
            stock.products.insert(id, product);
            variants
        })
    }

    /// A consumer buys, if there is enough; answers the order's id.
    pub fn sell(&self, variant: &str, pieces: u32) -> Option<String> {
        let now = self.clock.now();
        self.look(|stock| {
            let (left, at) = stock.levels.get_mut(variant)?;
            if *left < i64::from(pieces) {
                return None;
            }
            (*left, *at) = (*left - i64::from(pieces), now);
            let (id, line) = (stock.id("order"), stock.id("line"));
            let sku = sku_of(stock, variant);
            let line = RemoteLine {
                id: RemoteId::new(line),
                variant: Some(RemoteId::new(variant)),
                sku,
                title: "Thing".to_owned(),
                quantity: pieces,
                dropped: 0,
                price: euro(2_000),
                requires_shipping: true,
            };
            let order = order(&id, now, vec![line], ConsumerDraft::of(ADA), None);
            stock.orders.insert(id.clone(), order);
            Some(id)
        })
    }

    /// Something happens to an order there.
    pub fn change(&self, order: &str, rule: impl FnOnce(&mut RemoteOrder)) {
        let now = self.clock.now();
        self.look(|stock| {
            let order = stock.orders.get_mut(order).unwrap();
            rule(order);
            order.updated_at = Some(now);
        });
    }

    /// The shop sends some pieces of the order's first line.
    pub fn fulfil(&self, order: &str, pieces: u32, number: &str) {
        let id = self.look(|stock| stock.id("ful"));
        let now = self.clock.now();
        self.change(order, |order| {
            order.fulfilments.push(RemoteFulfilment {
                id: RemoteId::new(id),
                lines: vec![(order.lines[0].id.clone(), pieces)],
                carrier: Some("DHL".to_owned()),
                number: Some(number.to_owned()),
                url: Some(format!("https://dhl.example/{number}")),
                shipped_at: Some(now),
                mark: None,
            });
        });
    }

    pub fn available(&self, variant: &str) -> i64 {
        self.look(|stock| stock.levels[variant].0)
    }

    /// What becomes of a call: most go well, some go wrong before or after they were done.
    async fn fated<T>(&self, does: impl FnOnce(&mut Stock) -> Result<T, Failure>) -> Result<T, Failure> {
        if let Some(refusal) = self.refusal.lock().unwrap().clone() {
            return Err(refusal);
        }
        let (call, every) = (self.calls.fetch_add(1, Ordering::Relaxed) + 1, self.faults.load(Ordering::Relaxed));
        if every == 0 || call % every != 0 {
            return self.look(does);
        }
        match (call / every) % 5 {
            0 => Err(Failure::Away("503".to_owned())),
            1 => {
                drop(self.look(does));
                Err(Failure::Away("the connection broke off".to_owned()))
            }
            2 => Err(Failure::Throttled(40)),
            3 => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.look(does)
            }
            _ => {
                drop(self.look(does));
                Err(Failure::Away("502".to_owned()))
            }
        }
    }
}

fn sku_of(stock: &Stock, variant: &str) -> Option<String> {
    stock.products.values().find_map(|product| {
        let place = product.variants.iter().position(|id| id.as_str() == variant)?;
        product.product.variants[place].sku.clone()
    })
}

fn order(id: &str, now: Moment, lines: Vec<RemoteLine>, consumer: ConsumerDraft, mark: Option<String>) -> RemoteOrder {
    RemoteOrder {
        id: RemoteId::new(id),
        reference: format!("#{id}"),
        placed_at: now,
        updated_at: Some(now),
        lines,
        consumer,
        cancelled: false,
        test: false,
        fulfilments: Vec::new(),
        mark,
    }
}

/// A page of what changed at or after a moment, oldest change first; the cursor is a place in that list.
fn page<T: Clone>(all: impl Iterator<Item = (Moment, T)>, since: &Since) -> RemotePage<T> {
    let mut all: Vec<_> = all.filter(|(at, _)| since.updated_at.is_none_or(|since| *at >= since)).collect();
    all.sort_by_key(|(at, _)| *at);
    let from = since.cursor.as_ref().map_or(0, |cursor| cursor.parse().unwrap());
    let items: Vec<Read<T>> = all.iter().skip(from).take(PAGE).map(|(_, item)| Ok(item.clone())).collect();
    let next = (from + PAGE < all.len()).then(|| (from + PAGE).to_string());
    RemotePage { items, next }
}

fn level(variant: &str, (available, at): (i64, Moment)) -> RemoteLevel {
    let (variant, location) = (RemoteId::new(variant), RemoteId::new(LOCATION));
    RemoteLevel { variant, sku: None, location, available, updated_at: Some(at) }
}

#[async_trait]
impl Platform for Shop {
    fn name(&self) -> PlatformName {
        PlatformName::Medusa
    }

    async fn shop(&self) -> Result<About, Failure> {
        self.fated(|_| {
            let (name, version) = ("Lamps & Co".to_owned(), "2".to_owned());
            Ok(About { platform: PlatformName::Medusa, name, currency: Currency::EUR, version, scopes: Vec::new() })
        })
        .await
    }

    async fn locations(&self) -> Result<Vec<RemoteLocation>, Failure> {
        let location = RemoteLocation { id: RemoteId::new(LOCATION), name: "Warehouse".to_owned(), active: true };
        self.fated(|_| Ok(vec![location])).await
    }

    async fn products_since(&self, since: &Since) -> Result<RemotePage<RemoteProduct>, Failure> {
        self.fated(|stock| {
            Ok(page(stock.products.values().map(|product| (product.updated_at.unwrap(), product.clone())), since))
        })
        .await
    }

    async fn products(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteProduct>>>, Failure> {
        self.fated(|stock| Ok(ids.iter().map(|id| stock.products.get(id.as_str()).cloned().map(Ok)).collect())).await
    }

    async fn levels_since(&self, since: &Since) -> Result<RemotePage<RemoteLevel>, Failure> {
        self.fated(|stock| Ok(page(stock.levels.iter().map(|(id, count)| (count.1, level(id, *count))), since))).await
    }

    async fn levels(&self, variants: &[RemoteId]) -> Result<Vec<RemoteLevel>, Failure> {
        self.fated(|stock| {
            let one = |id: &RemoteId| Some(level(id.as_str(), *stock.levels.get(id.as_str())?));
            Ok(variants.iter().filter_map(one).collect())
        })
        .await
    }

    async fn orders_since(&self, since: &Since) -> Result<RemotePage<RemoteOrder>, Failure> {
        self.fated(|stock| {
            Ok(page(stock.orders.values().map(|order| (order.updated_at.unwrap(), order.clone())), since))
        })
        .await
    }

    async fn orders(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteOrder>>>, Failure> {
        self.fated(|stock| Ok(ids.iter().map(|id| stock.orders.get(id.as_str()).cloned().map(Ok)).collect())).await
    }

    async fn put_product(&self, product: &ProductWrite) -> Result<RemoteProduct, Failure> {
        let now = self.clock.now();
        self.fated(|stock| {
            stock.writes += 1;
            let known = stock.products.values().find(|known| known.mark.as_ref() == Some(&product.mark)).cloned();
            let id = known.as_ref().map_or_else(|| stock.id("prod"), |known| known.id.as_str().to_owned());
            let mut variants = known.map(|known| known.variants).unwrap_or_default();
            while variants.len() < product.variants.len() {
                let id = stock.id("var");
                stock.levels.insert(id.clone(), (0, now));
                variants.push(RemoteId::new(id));
            }
            let draft = |variant: &bonded_connect::platform::VariantWrite| VariantDraft {
                sku: variant.variant.sku.clone(),
                price: variant.price,
                options: variant.variant.options.clone(),
                ..VariantDraft::default()
            };
            let draft = ProductDraft {
                title: product.product.title.clone(),
                variants: product.variants.iter().map(draft).collect(),
                ..ProductDraft::default()
            };
            let mark = Some(product.mark.clone());
            let made = RemoteProduct { id: RemoteId::new(&id), updated_at: Some(now), product: draft, variants, mark };
            stock.products.insert(id, made.clone());
            Ok(made)
        })
        .await
    }

    async fn put_levels(&self, levels: &[LevelWrite]) -> Result<Vec<Result<i64, Failure>>, Failure> {
        let now = self.clock.now();
        self.fated(|stock| {
            stock.writes += 1;
            let one = |wish: &LevelWrite| {
                let level = stock.levels.get_mut(wish.variant.as_str()).ok_or(Failure::Gone)?;
                if level.0 != wish.available && wish.was.is_some_and(|was| was != level.0) {
                    return Err(Failure::Changed);
                }
                *level = (wish.available, now);
                Ok(level.0)
            };
            Ok(levels.iter().map(one).collect())
        })
        .await
    }

    async fn put_order(&self, wish: &OrderWrite) -> Result<RemoteOrder, Failure> {
        let now = self.clock.now();
        let hasty = self.hasty.lock().unwrap().take();
        let placed = self.fated(|stock| {
            if let Some(known) = stock.orders.values().find(|known| known.mark.as_ref() == Some(&wish.mark)) {
                return Ok(known.clone());
            }
            stock.writes += 1;
            let mut lines = Vec::new();
            for line in &wish.lines {
                let level = stock.levels.get_mut(line.variant.as_str()).ok_or(Failure::Gone)?;
                *level = (level.0 - i64::from(line.quantity), now);
                lines.push(RemoteLine {
                    id: RemoteId::new(stock.id("line")),
                    variant: Some(line.variant.clone()),
                    sku: None,
                    title: "Thing".to_owned(),
                    quantity: line.quantity,
                    dropped: 0,
                    price: line.price,
                    requires_shipping: true,
                });
            }
            let id = stock.id("order");
            let consumer = ConsumerDraft::of(wish.consumer.expose());
            let placed = order(&id, now, lines, consumer, Some(wish.mark.clone()));
            stock.orders.insert(id, placed.clone());
            Ok(placed)
        });
        let placed = placed.await?;
        let Some(number) = hasty else { return Ok(placed) };
        self.fulfil(placed.id.as_str(), placed.lines[0].quantity, &number);
        Err(Failure::Away("the connection broke off".to_owned()))
    }

    async fn cancel_order(&self, id: &RemoteId) -> Result<RemoteOrder, Failure> {
        let now = self.clock.now();
        self.fated(|stock| {
            stock.writes += 1;
            let order = stock.orders.get_mut(id.as_str()).ok_or(Failure::Gone)?;
            if !order.cancelled {
                (order.cancelled, order.updated_at) = (true, Some(now));
                for line in &order.lines {
                    if let Some(level) = line.variant.as_ref().and_then(|id| stock.levels.get_mut(id.as_str())) {
                        *level = (level.0 + i64::from(line.quantity), now);
                    }
                }
            }
            Ok(order.clone())
        })
        .await
    }

    async fn put_fulfilment(&self, wish: &FulfilmentWrite) -> Result<RemoteOrder, Failure> {
        let now = self.clock.now();
        self.fated(|stock| {
            let id = stock.id("ful");
            stock.writes += 1;
            let order = stock.orders.get_mut(wish.order.as_str()).ok_or(Failure::Gone)?;
            let mark = Some(wish.mark.clone());
            let tracking = (wish.carrier.clone(), wish.number.clone(), wish.url.clone());
            if let Some(known) = order.fulfilments.iter_mut().find(|known| known.mark == mark) {
                (known.carrier, known.number, known.url) = tracking;
                return Ok(order.clone());
            }
            let lines = wish.lines.iter().map(|line| (line.line.clone(), line.quantity)).collect();
            let (carrier, number, url) = tracking;
            let sent =
                RemoteFulfilment { id: RemoteId::new(id), lines, carrier, number, url, shipped_at: Some(now), mark };
            order.fulfilments.push(sent);
            order.updated_at = Some(now);
            Ok(order.clone())
        })
        .await
    }

    async fn subscribe(&self, _: &str) -> Result<(), Failure> {
        self.fated(|_| Ok(())).await
    }

    async fn unsubscribe(&self) -> Result<(), Failure> {
        self.fated(|_| Ok(())).await
    }
}
