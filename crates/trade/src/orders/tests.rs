//! Drafts and the rules of an order, by table. How both sides agree is shown in `tests/trading/agreement.rs`.

use super::draft::Placing;
use super::*;
use crate::catalog::Variant;
use crate::lines::LineWish;
use bonded_base::{Moment, Problem, Reason};
use serde_json::{Value, json};

const NOW: Moment = Moment::from_millis(1_795_339_800_000);

fn draft() -> Value {
    json!({
        "reference": "#1001",
        "lines": [
            {"sku": "85123A", "title": "Lantern", "quantity": 3, "price": {"amount": 255, "currency": "GBP"}},
            {"variant": Id::<Variant>::from_bytes([7; 16]).to_string(), "quantity": 2, "price": {"amount": 0, "currency": "GBP"}},
        ],
        "consumer": {"last_name": "Lovelace", "street": "1 High St\nLeeds", "country": "GB"},
        "email": "dropped@example.com", "note": "call +44 20 7946 0018",
    })
}

fn checked(sent: Value) -> Result<Placing, Problem> {
    serde_json::from_value::<OrderDraft>(sent).unwrap().check(NOW)
}

fn order() -> Order {
    checked(draft()).unwrap_or_else(|problem| panic!("{problem}")).order
}

fn with(pointer: &str, value: Value) -> Value {
    let mut sent = draft();
    *sent.pointer_mut(pointer).unwrap() = value;
    sent
}

#[test]
fn a_draft_becomes_an_open_order() {
    let order = order();
    assert_eq!((order.reference.as_str(), order.state, order.placed_at), ("#1001", OrderState::Open, NOW));
    assert_eq!(order.lines.iter().map(|line| (line.number, line.quantity)).collect::<Vec<_>>(), [(1, 3), (2, 2)]);
    assert_eq!(order.unrouted().count(), 2);
    assert!(!serde_json::to_string(&order).unwrap().contains("Lovelace"));
}

#[test]
fn what_cannot_be_placed_names_its_field() {
    let many = Value::Array(vec![draft()["lines"][0].clone(); LINES_MAX + 1]);
    for (pointer, value, blamed) in [
        ("/reference", json!("  "), "/reference"),
        ("/reference", json!("x".repeat(101)), "/reference"),
        ("/reference", json!("two\nlines"), "/reference"),
        ("/reference", json!("+44 20 7946 0018"), "/reference"),
        ("/lines", json!([]), "/lines"),
        ("/lines", many, "/lines"),
        ("/lines/1/quantity", json!(0), "/lines/1/quantity"),
        ("/lines/1/quantity", json!(-3), "/lines/1/quantity"),
        ("/lines/0/quantity", json!(1_000_001), "/lines/0/quantity"),
        ("/lines/0/price/amount", json!(-1), "/lines/0/price"),
        ("/lines/0/price/amount", json!(i64::MAX), "/lines/0/price"),
        ("/lines/0/title", json!("x".repeat(256)), "/lines/0/title"),
        ("/lines/0/sku", json!("x".repeat(256)), "/lines/0/sku"),
        ("/lines/0", json!({"quantity": 1, "price": {"amount": 1, "currency": "EUR"}}), "/lines/0"),
        ("/consumer/country", json!("Nowhere"), "/consumer/country"),
        ("/consumer/street", json!(""), "/consumer/street"),
    ] {
        let problem = checked(with(pointer, value)).map(|_| ()).unwrap_err();
        assert_eq!(problem.pointer.as_deref(), Some(blamed), "{pointer}");
    }
    let mut late = draft();
    late["placed_at"] = json!(NOW.plus_millis(PLACED_AHEAD_MAX_MS + 1));
    assert_eq!(checked(late.clone()).map(|_| ()).unwrap_err().pointer.as_deref(), Some("/placed_at"));
    late["placed_at"] = json!("2010-12-01T08:26:00Z");
    assert!(checked(late).is_ok_and(|placing| placing.order.placed_at < NOW));
}

#[test]
fn kept_texts_are_screened_and_doubtful_skus_are_marked() {
    let mut sent = with("/reference", json!("#1001 ada@example.com"));
    sent["lines"][0]["title"] = json!("Lantern, call 0151 2345678");
    sent["lines"][1]["title"] = json!("555-123-4567");
    sent["lines"][1]["sku"] = json!("555-123-4567");
    let placing = checked(sent).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(placing.order.reference, "#1001");
    assert_eq!(placing.order.lines[0].title.as_deref(), Some("Lantern, call"));
    assert_eq!(placing.order.lines[1].title, None);
    assert_eq!(placing.doubtful, [1]);
}

fn part(order: u8, lines: &[u32]) -> Part {
    let line = |number: &u32| PartLine {
        number: *number,
        variant: Id::from_bytes([9; 16]),
        sku: Some(String::from("S-9")),
        title: String::from("Found"),
    };
    Part {
        supplier: Id::from_bytes([3; 16]),
        link: Id::from_bytes([4; 16]),
        purchase_order: Id::from_bytes([order; 16]),
        lines: lines.iter().map(line).collect(),
    }
}

fn cancel(lines: &[(i64, i64)]) -> Cancellation {
    let wish = |(line, quantity): &(i64, i64)| LineWish { line: *line, quantity: Some(*quantity) };
    Cancellation { lines: Some(lines.iter().map(wish).collect()) }
}

fn counts(order: &Order) -> Vec<(u32, u32)> {
    order.lines.iter().map(|line| (line.cancelled, line.cancel_wanted)).collect()
}

#[test]
fn lines_are_given_to_suppliers_once() {
    let first = order().assign(&[part(1, &[1])]);
    assert_eq!(first.state, OrderState::Open);
    assert_eq!((first.lines[0].sku.as_deref(), first.lines[0].title.as_deref()), (Some("85123A"), Some("Lantern")));
    let both = first.assign(&[part(2, &[1, 2])]);
    assert_eq!(both.state, OrderState::Routed);
    assert_eq!(both.lines[0].purchase_order, Some(Id::from_bytes([1; 16])), "a line stays where it is");
    assert_eq!((both.lines[1].sku.as_deref(), both.lines[1].title.as_deref()), (Some("S-9"), Some("Found")));
    assert_eq!(both.purchase_orders().len(), 2);
    assert_eq!(both.clone().assign(&[part(3, &[1, 2])]), both);
}

#[test]
fn what_is_not_routed_is_cancelled_at_once_and_what_is_has_to_be_asked_for() {
    let order = order().cancel(&cancel(&[(1, 1)])).unwrap();
    assert_eq!(counts(&order), [(1, 1), (0, 0)]);
    let order = order.assign(&[part(1, &[1])]).cancel(&cancel(&[(1, 1), (2, 2)])).unwrap();
    assert_eq!(counts(&order), [(1, 2), (2, 2)]);
    assert_eq!(order.state, OrderState::Routed, "nothing of the other line is left to route");
    let problem = order.clone().cancel(&cancel(&[(1, 2)])).unwrap_err();
    assert_eq!((problem.reason, problem.pointer.as_deref()), (Reason::Refused, Some("/lines/0/quantity")));
    let all = order.cancel(&Cancellation::default()).unwrap();
    assert_eq!(counts(&all), [(1, 3), (2, 2)]);
    assert_eq!(all.cancel(&Cancellation::default()).unwrap_err().reason, Reason::State);
}

#[test]
fn an_order_of_which_nothing_is_left_is_cancelled() {
    let order = order().cancel(&Cancellation::default()).unwrap();
    assert_eq!(order.state, OrderState::Cancelled);
    assert_eq!(order.clone().cancel(&Cancellation::default()).unwrap_err().reason, Reason::State);
    assert_eq!(order.clone().complete().unwrap_err().reason, Reason::State);
    assert_eq!(order.archive(NOW).unwrap().state, OrderState::Archived);
}

#[test]
fn lines_that_no_purchase_order_took_come_back() {
    let routed = order().assign(&[part(1, &[1, 2])]).cancel(&cancel(&[(1, 1)])).unwrap();
    let back = routed.unassign(Id::from_bytes([1; 16]));
    assert_eq!((back.state, counts(&back)), (OrderState::Open, vec![(1, 1), (0, 0)]));
    assert!(back.purchase_orders().is_empty());
    assert_eq!(back.clone().unassign(Id::from_bytes([1; 16])), back);
    let all = order().assign(&[part(1, &[1, 2])]).cancel(&Cancellation::default()).unwrap();
    assert_eq!(all.unassign(Id::from_bytes([1; 16])).state, OrderState::Cancelled);
}

#[test]
fn an_order_is_closed_in_order() {
    let mut shipped = order().assign(&[part(1, &[1, 2])]);
    assert_eq!(shipped.clone().complete().unwrap_err().reason, Reason::State);
    assert_eq!(shipped.clone().archive(NOW).unwrap_err().reason, Reason::State);
    for line in &mut shipped.lines {
        line.shipped = line.quantity;
    }
    shipped.state = OrderState::Shipped;
    let completed = shipped.complete().unwrap();
    assert_eq!(completed.state, OrderState::Completed);
    assert_eq!(completed.clone().complete().unwrap_err().reason, Reason::State);
    assert_eq!(completed.clone().cancel(&Cancellation::default()).unwrap_err().reason, Reason::State);
    let archived = completed.archive(NOW).unwrap();
    assert_eq!(archived.state, OrderState::Archived);
    assert_eq!(archived.archive(NOW).unwrap_err().reason, Reason::State);
}
