//! An order and its purchase orders agree in the end, whatever happens on either side and however the news travels.
//!
//! Everything is done on values. News is a copy of what one side was at some time; it is delivered late, twice, in any
//! order, or not at all until the end.

use bonded_base::{Currency, Id, Moment, Money};
use bonded_trade::catalog::Variant;
use bonded_trade::fulfilments::Shipment;
use bonded_trade::inventory::{InventoryLevel, Location};
use bonded_trade::orders::{Cancellation, Order, OrderLine, OrderState, Part, PartLine};
use bonded_trade::purchase_orders::{Moved, PoState, Posting, PurchaseOrder, Rejection, Stock};
use bonded_trade::{LineQuantity, LineWish};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

const NOW: Moment = Moment::from_millis(1_795_339_800_000);
const ORDER: Id<Order> = Id::from_bytes([0xaa; 16]);
const VARIANTS: u8 = 3;
const LOCATIONS: u8 = 2;
const SUPPLIERS: u8 = 2;

/// Something that happens, with numbers that choose among what is there.
#[derive(Clone, Debug)]
enum Event {
    Assign { supplier: u8, lines: u8 },
    Cancel { line: u8, pieces: u8 },
    Post { order_news: u8 },
    Acknowledge { purchase_order: u8 },
    Reject { purchase_order: u8, line: u8, pieces: u8 },
    Ship { purchase_order: u8, line: u8, pieces: u8 },
    Count { variant: u8, location: u8, on_hand: u8 },
    TellSuppliers { order_news: u8 },
    TellRetailer { purchase_order_news: u8 },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let n = any::<u8>;
    let event = prop_oneof![
        2 => (0..SUPPLIERS, n()).prop_map(|(supplier, lines)| Event::Assign { supplier, lines }),
        3 => (n(), 1_u8..6).prop_map(|(line, pieces)| Event::Cancel { line, pieces }),
        3 => n().prop_map(|order_news| Event::Post { order_news }),
        1 => n().prop_map(|purchase_order| Event::Acknowledge { purchase_order }),
        2 => (n(), n(), 1_u8..6).prop_map(|(purchase_order, line, pieces)| Event::Reject { purchase_order, line, pieces }),
        4 => (n(), n(), 1_u8..6).prop_map(|(purchase_order, line, pieces)| Event::Ship { purchase_order, line, pieces }),
        1 => (0..VARIANTS, 0..LOCATIONS, 0_u8..30).prop_map(|(variant, location, on_hand)| Event::Count { variant, location, on_hand }),
        4 => n().prop_map(|order_news| Event::TellSuppliers { order_news }),
        4 => n().prop_map(|purchase_order_news| Event::TellRetailer { purchase_order_news }),
    ];
    prop::collection::vec(event, 0..80)
}

struct World {
    variants: HashMap<Id<Variant>, Variant>,
    stock: Stock,
    order: Order,
    purchase_orders: BTreeMap<Id<PurchaseOrder>, PurchaseOrder>,
    /// What the order was at each moment of its life.
    order_news: Vec<Order>,
    /// What any purchase order was at each moment of its life.
    purchase_order_news: Vec<(Id<PurchaseOrder>, PurchaseOrder)>,
    parcels: u8,
}

fn variant(number: u8, tracked: bool, sell_when_out: bool) -> (Id<Variant>, Variant) {
    let variant = Variant {
        product: Id::from_bytes([number; 16]),
        position: 1,
        title: String::from("Lantern"),
        options: Vec::new(),
        sku: Some(format!("S-{number}")),
        barcode: None,
        price: Money::new(100, Currency::EUR),
        compare_at_price: None,
        weight_grams: None,
        image_url: None,
        tracked,
        sell_when_out,
        requires_shipping: true,
        taxable: true,
    };
    (Id::from_bytes([number; 16]), variant)
}

fn line(number: u32, quantity: u32) -> OrderLine {
    OrderLine {
        number,
        variant: None,
        sku: Some(String::from("S")),
        title: None,
        quantity,
        price: Money::new(250, Currency::EUR),
        supplier: None,
        link: None,
        purchase_order: None,
        acknowledged_at: None,
        shipped: 0,
        rejected: 0,
        cancelled: 0,
        cancel_wanted: 0,
        why_rejected: None,
    }
}

fn one(line: u32, pieces: u8) -> Vec<LineWish> {
    vec![LineWish { line: i64::from(line), quantity: Some(i64::from(pieces)) }]
}

impl World {
    fn new(quantities: &[u8], on_hand: &[u8]) -> Self {
        let levels = (0..).zip(on_hand).map(|(place, on_hand): (u8, &u8)| {
            let variant = Id::from_bytes([place / LOCATIONS; 16]);
            let empty = InventoryLevel::empty(variant, location_id(place % LOCATIONS));
            InventoryLevel { on_hand: i64::from(*on_hand), ..empty }
        });
        let lines = (1..).zip(quantities).map(|(number, quantity)| line(number, u32::from(*quantity))).collect();
        let (reference, placed_at) = (String::from("#1"), NOW);
        let (state, fulfilments) = (OrderState::Open, Vec::new());
        let (archived_at, forgotten_at, deletion) = (None, None, None);
        let order = Order { reference, state, placed_at, lines, fulfilments, archived_at, forgotten_at, deletion };
        Self {
            variants: [variant(0, true, false), variant(1, true, true), variant(2, false, false)].into(),
            stock: Stock::of(levels),
            order_news: vec![order.clone()],
            order,
            purchase_orders: BTreeMap::new(),
            purchase_order_news: Vec::new(),
            parcels: 0,
        }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Assign { supplier, lines } => self.assign(supplier, lines),
            Event::Cancel { line, pieces } => {
                let lines = one(u32::from(line) % self.lines() + 1, pieces);
                if let Ok(next) = self.order.clone().cancel(&Cancellation { lines: Some(lines) }) {
                    self.order_becomes(next);
                }
            }
            Event::Post { order_news } => self.post(&pick(&self.order_news, order_news)),
            Event::Acknowledge { purchase_order } => self.act(purchase_order, |po, _| po.acknowledge(NOW).ok()),
            Event::Reject { purchase_order, line, pieces } => self.act(purchase_order, |po, _| {
                let lines = one(po.lines[usize::from(line) % po.lines.len()].line, pieces);
                po.reject(&Rejection { reason: format!("no {pieces}"), lines: Some(lines) }).ok()
            }),
            Event::Ship { purchase_order, line, pieces } => self.act(purchase_order, |po, parcel| {
                let lines = one(po.lines[usize::from(line) % po.lines.len()].line, pieces);
                po.ship(&Shipment { lines: Some(lines), ..Shipment::default() }, Id::from_bytes([parcel; 16]), NOW).ok()
            }),
            Event::Count { variant, location, on_hand } => self.count(variant, location, on_hand),
            Event::TellSuppliers { order_news } => self.tell_suppliers(&pick(&self.order_news, order_news)),
            Event::TellRetailer { purchase_order_news } => {
                if !self.purchase_order_news.is_empty() {
                    let (id, news) = pick(&self.purchase_order_news, purchase_order_news);
                    self.tell_retailer(id, &news);
                }
            }
        }
    }

    fn lines(&self) -> u32 {
        u32::try_from(self.order.lines.len()).unwrap()
    }

    fn assign(&mut self, supplier: u8, lines: u8) {
        let chosen = |line: &&OrderLine| line.is_unrouted() && lines >> (line.number - 1) & 1 == 1;
        let lines: Vec<_> = self
            .order
            .lines
            .iter()
            .filter(chosen)
            .map(|line| PartLine {
                number: line.number,
                variant: Id::from_bytes([u8::try_from(line.number).unwrap() % VARIANTS; 16]),
                sku: None,
                title: String::from("Lantern"),
            })
            .collect();
        let Some(first) = lines.first() else { return };
        let supplier = Id::from_bytes([0xf0 | supplier; 16]);
        let purchase_order = PurchaseOrder::id_of(ORDER, supplier, first.number);
        let part = Part { supplier, link: Id::from_bytes([0xcc; 16]), purchase_order, lines };
        let next = self.order.clone().assign(&[part]);
        self.order_becomes(next);
    }

    fn post(&mut self, order: &Order) {
        for (id, ..) in order.purchase_orders() {
            if !self.purchase_orders.contains_key(&id) {
                let posting = Posting::of(Id::from_bytes([0xee; 16]), ORDER, order, id).unwrap();
                let posted = posting.post(&self.variants, &mut self.stock);
                self.purchase_order_becomes(id, posted);
            }
        }
    }

    fn act(&mut self, which: u8, rule: impl Fn(PurchaseOrder, u8) -> Option<Moved>) {
        let Some(id) = self.purchase_orders.keys().nth(usize::from(which) % self.purchase_orders.len().max(1)) else {
            return;
        };
        self.parcels += 1;
        let (id, parcel) = (*id, self.parcels);
        if let Some(moved) = rule(self.purchase_orders[&id].clone(), parcel) {
            self.stock.apply(&moved.stock).expect("what is moved was reserved");
            self.purchase_order_becomes(id, moved.purchase_order);
        }
    }

    fn count(&mut self, variant: u8, location: u8, on_hand: u8) {
        let levels = self.levels().map(|level| {
            let counted = level.variant.bytes()[0] == variant && level.location == location_id(location);
            if counted { level.counted(i64::from(on_hand)).unwrap() } else { level }
        });
        self.stock = Stock::of(levels.collect::<Vec<_>>());
    }

    fn levels(&self) -> impl Iterator<Item = InventoryLevel> {
        let places = (0..VARIANTS).flat_map(|variant| (0..LOCATIONS).map(move |location| (variant, location)));
        places
            .map(|(variant, location)| *self.stock.level(Id::from_bytes([variant; 16]), location_id(location)).unwrap())
    }

    fn tell_suppliers(&mut self, order: &Order) {
        for (id, ..) in order.purchase_orders() {
            let Some(moved) = self.purchase_orders.get(&id).and_then(|mine| mine.follow(order)) else { continue };
            self.stock.apply(&moved.stock).expect("what is released was reserved");
            assert!(moved.purchase_order.follow(order).is_none(), "the same news twice is no news");
            self.purchase_order_becomes(id, moved.purchase_order);
        }
    }

    fn tell_retailer(&mut self, id: Id<PurchaseOrder>, news: &PurchaseOrder) {
        if let Some(next) = self.order.follow(id, news) {
            assert!(next.follow(id, news).is_none(), "the same news twice is no news");
            self.order_becomes(next);
        }
    }

    fn order_becomes(&mut self, next: Order) {
        self.order_news.push(next.clone());
        self.order = next;
    }

    fn purchase_order_becomes(&mut self, id: Id<PurchaseOrder>, next: PurchaseOrder) {
        self.purchase_order_news.push((id, next.clone()));
        self.purchase_orders.insert(id, next);
    }

    /// Everything is told until nobody learns anything new.
    fn settle(&mut self) {
        for _ in 0..4 {
            let order = self.order.clone();
            self.post(&order);
            self.tell_suppliers(&order);
            for (id, purchase_order) in self.purchase_orders.clone() {
                self.tell_retailer(id, &purchase_order);
            }
        }
    }

    fn holds_always(&self) -> Result<(), TestCaseError> {
        for line in &self.order.lines {
            prop_assert!(line.shipped + line.rejected + line.cancelled <= line.quantity, "{line:?}");
            prop_assert!(line.cancel_wanted <= line.quantity, "{line:?}");
        }
        for line in self.purchase_orders.values().flat_map(|po| &po.lines) {
            prop_assert!(line.shipped + line.rejected + line.cancelled <= line.quantity, "{line:?}");
        }
        for level in self.levels() {
            let own = self.purchase_orders.values().flat_map(|po| &po.lines);
            let own = own.filter(|line| line.variant == level.variant && line.location == Some(level.location));
            prop_assert_eq!(level.reserved, own.map(|line| i64::from(line.open())).sum::<i64>());
            prop_assert!(level.on_hand >= 0);
        }
        Ok(())
    }

    fn holds_in_the_end(&self) -> Result<(), TestCaseError> {
        for (id, purchase_order) in &self.purchase_orders {
            for theirs in &purchase_order.lines {
                let ours = &self.order.lines[theirs.line as usize - 1];
                prop_assert_eq!(ours.purchase_order, Some(*id));
                prop_assert_eq!(ours.acknowledged_at, purchase_order.acknowledged_at);
                prop_assert_eq!(
                    (ours.quantity, ours.shipped, ours.rejected, ours.cancelled, &ours.why_rejected),
                    (theirs.quantity, theirs.shipped, theirs.rejected, theirs.cancelled, &theirs.why_rejected)
                );
                prop_assert!(ours.cancel_wanted <= ours.cancelled || ours.open() == 0, "a wish was forgotten");
                let sent = |lines: &[LineQuantity]| -> u32 {
                    lines.iter().filter(|sent| sent.line == theirs.line).map(|sent| sent.quantity).sum()
                };
                let by_supplier: u32 = purchase_order.fulfilments.iter().map(|parcel| sent(&parcel.lines)).sum();
                let by_order: u32 = self.order.fulfilments.iter().map(|parcel| sent(&parcel.lines)).sum();
                prop_assert_eq!((by_supplier, by_order), (theirs.shipped, theirs.shipped));
            }
            let open = purchase_order.lines.iter().any(|line| line.open() > 0);
            prop_assert_eq!(open, matches!(purchase_order.state, PoState::Posted | PoState::Acknowledged));
        }
        let routed = self.order.lines.iter().filter(|line| line.purchase_order.is_some()).count();
        prop_assert_eq!(routed, self.purchase_orders.values().map(|po| po.lines.len()).sum::<usize>());
        // Old news changes nothing any more, in whatever order it comes.
        for (id, news) in &self.purchase_order_news {
            prop_assert_eq!(self.order.follow(*id, news), None);
        }
        for news in &self.order_news {
            prop_assert!(self.purchase_orders.values().all(|po| po.follow(news).is_none()));
        }
        Ok(())
    }
}

fn location_id(number: u8) -> Id<Location> {
    Id::from_bytes([0x10 | number; 16])
}

fn pick<T: Clone>(from: &[T], which: u8) -> T {
    from[usize::from(which) % from.len()].clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn both_sides_agree_in_the_end(
        quantities in prop::collection::vec(1_u8..8, 1..6),
        on_hand in prop::collection::vec(0_u8..12, usize::from(VARIANTS * LOCATIONS)),
        events in events(),
    ) {
        let mut world = World::new(&quantities, &on_hand);
        for event in &events {
            world.happen(event);
            world.holds_always()?;
        }
        world.settle();
        world.holds_always()?;
        world.holds_in_the_end()?;
    }

    #[test]
    fn what_is_promised_is_there_and_leaves_once(
        on_hand in 0_u8..20,
        quantities in prop::collection::vec(1_u8..8, 1..12),
    ) {
        // Many orders for one variant at one place: each is promised whole or not at all, and never too much.
        let (id, shop) = (Id::from_bytes([0; 16]), location_id(0));
        let mut stock = Stock::of([InventoryLevel { on_hand: i64::from(on_hand), ..InventoryLevel::empty(id, shop) }]);
        let mut shipped = 0;
        for quantity in quantities {
            if stock.reserve(id, u32::from(quantity), false).is_some() {
                shipped += i64::from(quantity);
            }
            prop_assert!(shipped <= i64::from(on_hand));
            prop_assert_eq!(stock.level(id, shop).map(InventoryLevel::available), Some(i64::from(on_hand) - shipped));
        }
    }
}
