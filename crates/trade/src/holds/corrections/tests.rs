//! Corrections that follow their line, end by themselves, and pass the same checks as what comes from outside.

use super::*;
use crate::holds::{HoldReason, HoldState};
use bonded_base::Moment;
use serde_json::json;

fn hold(payload: Value) -> Hold {
    Hold {
        about: "mirror".to_owned(),
        record: String::new(),
        reason: HoldReason::Refused,
        detail: String::new(),
        state: HoldState::Open,
        tries: 1,
        raised_at: Moment::from_millis(0),
        payload: Some(payload),
        corrections: Vec::new(),
        asked: false,
        outcome: None,
    }
}

fn order() -> Hold {
    let line = |id: &str, quantity: i64| json!({"id": id, "sku": "LAMP", "title": "Lamp", "quantity": quantity, "price": {"amount": 5, "currency": "EUR"}});
    hold(json!({"lines": [line("l1", 1), line("l2", 0)]}))
}

fn product() -> Hold {
    hold(json!({"id": "p1", "product": {"title": "Lamp", "variants": [{"id": "v1", "sku": "L", "price": null}]}}))
}

fn fix(pointer: &str, to: Value) -> Fix {
    Fix { pointer: pointer.to_owned(), to }
}

fn pointer_of(hold: &Hold, fixes: &[Fix]) -> String {
    merged(hold, fixes).unwrap_err().pointer.unwrap_or_default()
}

#[test]
fn a_correction_follows_its_line_and_ends_when_the_shop_says_something_else() {
    let corrections = merged(&order(), &[fix("/lines/1/quantity", json!(3))]).unwrap();
    assert_eq!((corrections[0].of.as_deref(), &corrections[0].was), (Some("l2"), &json!(0)));
    // The line has moved to the first place.
    let mut read = json!({"lines": [{"id": "l2", "quantity": 0}, {"id": "l1", "quantity": 0}]});
    assert!(lay(&mut read, &corrections).is_empty());
    assert_eq!(read, json!({"lines": [{"id": "l2", "quantity": 3}, {"id": "l1", "quantity": 0}]}));
    for there in [3, 2] {
        let mut read = json!({"lines": [{"id": "l2", "quantity": there}]});
        assert_eq!(lay(&mut read, &corrections), corrections, "right or changed, its own value counts");
        assert_eq!(read["lines"][0]["quantity"], there);
    }
    let mut gone = json!({"lines": []});
    assert_eq!(lay(&mut gone, &corrections), corrections);
}

#[test]
fn what_is_corrected_passes_the_same_checks() {
    let price = json!({"amount": 900, "currency": "EUR"});
    assert_eq!(merged(&product(), &[fix("/product/variants/0/price", price.clone())]).unwrap().len(), 1);
    let bad = fix("/product/variants/0/price", json!({"amount": -1, "currency": "EUR"}));
    assert_eq!(pointer_of(&product(), &[fix("/product/title", json!("A lamp")), bad]), "/corrections/1/to");
    let not_money = fix("/product/variants/0/price", json!("9 EUR"));
    assert_eq!(pointer_of(&product(), &[not_money]), "/corrections/0/to");
    // What is corrected is not all that is wrong.
    assert_eq!(pointer_of(&product(), &[fix("/product/title", json!("A lamp"))]), "/corrections");
    assert_eq!(pointer_of(&order(), &[fix("/lines/1/quantity", json!(0.5))]), "/corrections/0/to");
    assert_eq!(pointer_of(&order(), &[fix("/lines/1/quantity", json!(2_000_000))]), "/corrections/0/to");
    let mail = fix("/lines/1/title", json!("for ada@example.com"));
    assert_eq!(pointer_of(&order(), &[mail]), "/corrections/0/to");
}

#[test]
fn ids_and_what_is_not_there_cannot_be_corrected() {
    for pointer in
        ["", "/lines", "/lines/0", "/lines/0/id", "/lines/7/quantity", "/lines/0/variant", "/consumer/street"]
    {
        assert_eq!(pointer_of(&order(), &[fix(pointer, json!(1))]), "/corrections/0/pointer", "{pointer}");
    }
    for pointer in ["/id", "/product", "/product/variants", "/product/variants/0", "/product/variants/0/id"] {
        assert_eq!(pointer_of(&product(), &[fix(pointer, json!(1))]), "/corrections/0/pointer", "{pointer}");
    }
    let nothing = Hold { payload: None, ..order() };
    assert_eq!(merged(&nothing, &[]).unwrap_err().reason, Reason::State);
}

#[test]
fn the_latest_correction_of_a_value_counts_and_the_value_itself_takes_it_back() {
    let mut hold = product();
    hold.corrections =
        merged(&hold, &[fix("/product/variants/0/price", json!({"amount": 1, "currency": "EUR"}))]).unwrap();
    let anew = fix("/product/variants/0/price", json!({"amount": 2, "currency": "EUR"}));
    let corrections = merged(&hold, &[anew]).unwrap();
    assert_eq!((corrections.len(), &corrections[0].to["amount"]), (1, &json!(2)));
    let mut order = order();
    order.corrections = merged(&order, &[fix("/lines/1/quantity", json!(1)), fix("/lines/0/sku", json!("L"))]).unwrap();
    let left = merged(&order, &[fix("/lines/0/sku", json!("LAMP"))]).unwrap();
    assert_eq!(left.iter().map(|one| one.pointer.as_str()).collect::<Vec<_>>(), ["/lines/1/quantity"]);
    let many: Vec<_> = (0..=CORRECTIONS_MAX).map(|_| fix("/lines/0/sku", json!("L"))).collect();
    assert_eq!(merged(&order, &many).unwrap().len(), 2, "one value is corrected once");
}
