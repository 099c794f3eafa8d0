//! The rules of a purchase order, by table. How both sides agree is shown in `tests/trading/agreement.rs`.

use super::*;
use crate::LineWish;
use crate::catalog::Variant;
use crate::inventory::{InventoryLevel, Location};
use bonded_base::{Currency, Money};

const NOW: Moment = Moment::from_millis(1_795_339_800_000);
const VARIANT: Id<Variant> = Id::from_bytes([1; 16]);
const LOCATION: Id<Location> = Id::from_bytes([2; 16]);

fn line(number: u32, quantity: u32) -> PoLine {
    PoLine {
        line: number,
        variant: VARIANT,
        location: Some(LOCATION),
        sku: None,
        title: String::from("Lantern"),
        quantity,
        price: Money::new(100, Currency::EUR),
        shipped: 0,
        rejected: 0,
        cancelled: 0,
        why_rejected: None,
    }
}

fn posted() -> PurchaseOrder {
    PurchaseOrder {
        order: Id::from_bytes([5; 16]),
        retailer: Id::from_bytes([6; 16]),
        link: Id::from_bytes([7; 16]),
        reference: String::from("#1"),
        state: PoState::Posted,
        lines: vec![line(1, 3), line(4, 2)],
        fulfilments: Vec::new(),
        placed_at: NOW,
        acknowledged_at: None,
        rejection: None,
        consumer_deleted_at: None,
    }
}

fn some(lines: &[(i64, i64)]) -> Vec<LineWish> {
    lines.iter().map(|(line, quantity)| LineWish { line: *line, quantity: Some(*quantity) }).collect()
}

fn parcel(lines: Option<Vec<LineWish>>) -> Shipment {
    let text = |text: &str| Some(text.to_owned());
    Shipment { lines, carrier: text("DHL"), number: text("JD 0146-00"), url: text("https://dhl.example/t?n=JD014600") }
}

fn no(lines: Option<Vec<LineWish>>) -> Rejection {
    Rejection { reason: String::from("damaged"), lines }
}

fn ship(purchase_order: PurchaseOrder, lines: Option<Vec<LineWish>>) -> Result<Moved, Problem> {
    let number = u128::try_from(purchase_order.fulfilments.len()).unwrap();
    purchase_order.ship(&parcel(lines), Id::from_bytes(number.to_be_bytes()), NOW)
}

fn pieces(moved: &Moved, what: Move) -> u32 {
    moved.stock.iter().filter(|step| step.what == what).map(|step| step.quantity).sum()
}

#[test]
fn a_supplier_says_yes_once() {
    let yes = posted().acknowledge(NOW).unwrap();
    assert_eq!((yes.purchase_order.state, yes.purchase_order.acknowledged_at), (PoState::Acknowledged, Some(NOW)));
    assert!(yes.stock.is_empty());
    assert_eq!(yes.purchase_order.acknowledge(NOW).unwrap_err().reason, Reason::State);
}

#[test]
fn a_supplier_says_no_to_all_or_to_a_part() {
    let all = posted().reject(&no(None)).unwrap();
    assert_eq!((all.purchase_order.state, pieces(&all, Move::Release)), (PoState::Rejected, 5));
    assert_eq!(all.purchase_order.rejection.as_deref(), Some("damaged"));
    for closed in [
        all.purchase_order.clone().acknowledge(NOW),
        all.purchase_order.clone().reject(&no(None)),
        ship(all.purchase_order, None),
    ] {
        assert_eq!(closed.unwrap_err().reason, Reason::State);
    }
    let part = posted().reject(&no(Some(some(&[(4, 1)])))).unwrap();
    assert_eq!((part.purchase_order.state, pieces(&part, Move::Release)), (PoState::Posted, 1));
    assert_eq!(part.purchase_order.rejection, None);
    assert_eq!(part.purchase_order.lines[1].why_rejected.as_deref(), Some("damaged"));
}

#[test]
fn a_reason_is_a_sentence_without_ways_to_reach_a_person() {
    let because = |reason: &str| posted().reject(&Rejection { reason: reason.to_owned(), lines: None });
    for bad in ["", " ", "ada@example.com", &"x".repeat(301), "two\nlines"] {
        assert_eq!(because(bad).unwrap_err().pointer.as_deref(), Some("/reason"), "{bad}");
    }
    let moved = because("ask ada@example.com or 0151 2345678").unwrap();
    assert_eq!(moved.purchase_order.rejection.as_deref(), Some("ask or"));
}

#[test]
fn parcels_leave_in_parts() {
    let first = ship(posted(), Some(some(&[(1, 2)]))).unwrap();
    assert_eq!((first.purchase_order.state, pieces(&first, Move::Ship)), (PoState::Acknowledged, 2));
    assert_eq!(first.purchase_order.acknowledged_at, Some(NOW), "shipping says yes as well");
    let more = ship(first.purchase_order.clone(), Some(some(&[(1, 2)]))).unwrap_err();
    assert_eq!((more.reason, more.pointer.as_deref()), (Reason::Refused, Some("/lines/0/quantity")));
    let rest = ship(first.purchase_order, None).unwrap();
    assert_eq!((rest.purchase_order.state, pieces(&rest, Move::Ship)), (PoState::Shipped, 3));
    assert_eq!(rest.purchase_order.fulfilments.len(), 2);
    let sent = &rest.purchase_order.fulfilments[0];
    assert_eq!((sent.carrier.as_deref(), sent.number.as_deref()), (Some("DHL"), Some("JD 0146-00")));
    assert_eq!(sent.url.as_deref(), Some("https://dhl.example/t?n=JD014600"));
    assert_eq!(ship(rest.purchase_order.clone(), None).unwrap_err().reason, Reason::State);
    let done = rest.purchase_order.complete().unwrap().purchase_order;
    assert_eq!(done.state, PoState::Completed);
    assert_eq!(done.complete().unwrap_err().reason, Reason::State);
    assert_eq!(posted().complete().unwrap_err().reason, Reason::State);
}

#[test]
fn tracking_is_kept_as_given_or_refused() {
    let blamed = |change: fn(&mut Shipment)| {
        let mut shipment = parcel(None);
        change(&mut shipment);
        shipment.tracking().map_or_else(|problem| problem.pointer.unwrap_or_default(), |_| String::new())
    };
    for url in [
        "http://dhl.example/t",
        "ftp://dhl.example",
        "https://",
        "https://dhl",
        "https://192.0.2.1/t",
        "https://[2001:db8::1]/",
        "https://user@dhl.example/",
        "https://dhl.example/?to=a@b.example",
        "https://dhl.example/?to=a%40b.example",
        "https://dhl.example/\u{0}",
        "https://dhl.example/a b",
        "https://dhl..example/",
        "javascript:alert(1)",
        "https://dhl.example/?call=+4915123456789",
    ] {
        let shipment = Shipment { url: Some(url.to_owned()), ..parcel(None) };
        assert_eq!(shipment.tracking().unwrap_err().pointer.as_deref(), Some("/url"), "{url}");
    }
    for url in [
        "https://dhl.example",
        "https://www.dhl.example:443/de/t?piececode=00340434161094042557#top",
        " https://x.example/ ",
    ] {
        let shipment = Shipment { url: Some(url.to_owned()), ..parcel(None) };
        assert!(shipment.tracking().is_ok(), "{url}");
    }
    assert_eq!(blamed(|shipment| shipment.url = Some(format!("https://x.example/{}", "x".repeat(2_048)))), "/url");
    assert_eq!(blamed(|shipment| shipment.number = Some(String::from("+4915123456789"))), "/number");
    assert_eq!(blamed(|shipment| shipment.number = Some(String::from("a@b.example"))), "/number");
    assert_eq!(blamed(|shipment| shipment.number = Some(String::from("192.0.2.1"))), "/number");
    assert_eq!(blamed(|shipment| shipment.number = Some("1".repeat(101))), "/number");
    assert_eq!(blamed(|shipment| shipment.carrier = Some(String::from("call 0151 2345678"))), "/carrier");
    assert_eq!(blamed(|shipment| shipment.carrier = None), "");
}

#[test]
fn parcels_are_counted() {
    let mut purchase_order = posted();
    purchase_order.lines = vec![line(1, 1_000)];
    for _ in 0..FULFILMENTS_MAX {
        purchase_order = ship(purchase_order, Some(some(&[(1, 1)]))).unwrap().purchase_order;
    }
    assert_eq!(ship(purchase_order, None).unwrap_err().reason, Reason::TooMuch);
}

#[test]
fn a_parcel_is_recorded_once() {
    let first = posted().ship(&parcel(Some(some(&[(1, 1)]))), Id::from_bytes([8; 16]), NOW).unwrap().purchase_order;
    assert_eq!(first.ship(&parcel(None), Id::from_bytes([8; 16]), NOW).unwrap_err().reason, Reason::Duplicate);
}

#[test]
fn nothing_is_moved_where_nothing_is_counted() {
    let mut purchase_order = posted();
    purchase_order.lines[0].location = None;
    let moved = ship(purchase_order, None).unwrap();
    assert_eq!((moved.stock.len(), pieces(&moved, Move::Ship)), (1, 2));
}

#[test]
fn stock_is_reserved_where_most_of_it_lies() {
    let elsewhere = Id::from_bytes([3; 16]);
    let level =
        |location, on_hand, reserved| InventoryLevel { on_hand, reserved, ..InventoryLevel::empty(VARIANT, location) };
    let mut stock = Stock::of([level(LOCATION, 5, 3), level(elsewhere, 3, 0)]);
    assert_eq!(stock.reserve(VARIANT, 4, false), None, "a line is not taken from two places");
    assert_eq!(stock.reserve(VARIANT, 3, false), Some(elsewhere));
    assert_eq!(stock.reserve(VARIANT, 2, false), Some(LOCATION));
    assert_eq!(stock.reserve(VARIANT, 1, false), None);
    assert_eq!(stock.reserve(VARIANT, 7, true), Some(LOCATION), "of equals the first");
    assert_eq!(stock.level(VARIANT, LOCATION), Some(&level(LOCATION, 5, 12)));
    assert_eq!(stock.reserve(Id::from_bytes([9; 16]), 1, true), None);
}

#[test]
fn an_id_says_order_supplier_and_line() {
    let (order, supplier) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
    let id = PurchaseOrder::id_of(order, supplier, 1);
    assert_eq!(id, PurchaseOrder::id_of(order, supplier, 1));
    assert_eq!(id.bytes()[..8], order.bytes()[..8]);
    assert_eq!(id.bytes()[8] >> 6, 2, "the variant of a UUID");
    let others = [
        PurchaseOrder::id_of(order, supplier, 2),
        PurchaseOrder::id_of(order, Id::from_bytes([3; 16]), 1),
        PurchaseOrder::id_of(Id::from_bytes([3; 16]), supplier, 1),
    ];
    assert!(!others.contains(&id));
}
