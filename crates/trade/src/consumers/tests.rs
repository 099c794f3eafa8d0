//! What is taken of a consumer, what is dropped, and what is refused.

use super::*;
use serde_json::{Value, json};

fn read(sent: Value) -> Consumer {
    serde_json::from_value::<ConsumerDraft>(sent).unwrap().check().unwrap_or_else(|problem| panic!("{problem}"))
}

fn refused(sent: Value) -> Problem {
    serde_json::from_value::<ConsumerDraft>(sent).unwrap().check().map(|_| ()).unwrap_err()
}

fn whole() -> Value {
    json!({
        "first_name": " Ada ", "last_name": "Lovelace", "street": "12 St James's Square\nFlat 3\nLondon",
        "postal_code": "SW1Y 4JH", "region": "Greater London", "country": "gb",
    })
}

/// The whole consumer with one member set.
fn with(name: &str, value: Value) -> Value {
    let mut sent = whole();
    sent[name] = value;
    sent
}

#[test]
fn the_six_fields_are_taken() {
    let consumer = read(whole());
    let fields = consumer.expose();
    assert_eq!((fields.first_name, fields.last_name), ("Ada", "Lovelace"));
    assert_eq!(fields.street, "12 St James's Square\nFlat 3\nLondon");
    assert_eq!((fields.postal_code, fields.region, fields.country), ("SW1Y 4JH", "Greater London", "GB"));
}

#[test]
fn every_other_member_is_dropped_unread() {
    let mut sent = whole();
    for (name, value) in [
        ("email", json!("ada@example.com")),
        ("phone", json!("+44 20 7946 0018")),
        ("note", json!({"deep": [1, {"ip": "192.0.2.1"}]})),
        ("company", json!(["x"])),
        ("First_Name", json!("Eve")),
    ] {
        sent[name] = value;
    }
    assert!(read(sent) == read(whole()));
}

#[test]
fn address_parts_become_the_lines_of_a_street() {
    let mut sent = whole();
    sent.as_object_mut().unwrap().remove("street");
    sent["address1"] = json!("Hauptstr. 12-14");
    sent["address2"] = json!("c/o Müller, 0151 2345678");
    sent["city"] = json!("Berlin");
    assert_eq!(read(sent.clone()).expose().street, "Hauptstr. 12-14\nc/o Müller,\nBerlin");
    sent["street"] = json!("Hauptstr. 1\nBerlin");
    assert_eq!(read(sent).expose().street, "Hauptstr. 1\nBerlin", "a street comes before its parts");
}

#[test]
fn contacts_are_taken_out_of_every_field() {
    for (name, sent, kept) in [
        ("first_name", "Ada ada@example.com", "Ada"),
        ("last_name", "Lovelace +442079460018", "Lovelace"),
        ("last_name", "Lovelace 5551234", "Lovelace"),
        ("street", "12 Pine St\n(555) 123-4567\nSpringfield", "12 Pine St\nSpringfield"),
        ("street", "12 Pine St 2001:db8::1", "12 Pine St"),
        ("postal_code", "555-123-4567", ""),
        ("postal_code", "ada@example.com", ""),
        ("postal_code", "192.0.2.1", ""),
        ("postal_code", "+49151", ""),
        ("postal_code", "060-8588", "060-8588"),
        ("postal_code", "62704-1234", "62704-1234"),
        ("region", "Bavaria 0151 2345678", "Bavaria"),
    ] {
        let consumer = read(with(name, json!(sent)));
        let fields = consumer.expose();
        let place = ["first_name", "last_name", "street", "postal_code", "region"].iter().position(|n| *n == name);
        assert_eq!(fields.in_order()[place.unwrap()], kept, "{name}: {sent}");
    }
    let mut iran = with("postal_code", json!("12345-67890"));
    iran["country"] = json!("IR");
    assert_eq!(read(iran).expose().postal_code, "12345-67890");
}

#[test]
fn control_characters_and_blank_lines_do_not_stay() {
    let consumer = read(with("street", json!("1 High St\r\n\r\n\u{0}\tLeeds\u{1b}[31m")));
    assert_eq!(consumer.expose().street, "1 High St\nLeeds [31m");
    assert_eq!(read(with("first_name", json!("Ada\nAugusta"))).expose().first_name, "Ada Augusta");
}

#[test]
fn what_a_parcel_needs_must_be_there() {
    for (name, value, pointer) in [
        ("country", json!("Atlantis"), "/country"),
        ("country", json!(null), "/country"),
        ("street", json!(""), "/street"),
        ("street", json!("ada@example.com"), "/street"),
        ("street", json!("x".repeat(401)), "/street"),
        ("first_name", json!("x".repeat(101)), "/first_name"),
        ("region", json!("x".repeat(101)), "/region"),
        ("postal_code", json!("x".repeat(21)), "/postal_code"),
    ] {
        assert_eq!(refused(with(name, value)).pointer.as_deref(), Some(pointer), "{name}");
    }
    let mut nameless = with("first_name", json!("12345678"));
    nameless["last_name"] = json!(null);
    assert_eq!(refused(nameless).pointer.as_deref(), Some("/last_name"));
    assert!(read(with("last_name", json!(""))).expose().last_name.is_empty(), "one name is enough");
}

#[test]
fn errors_never_repeat_what_was_sent() {
    let mut shapes = vec![json!("SECRET"), json!(424_242), json!(["SECRET"]), json!(true), json!(null), json!(4.2)];
    shapes.extend(["SECRET", "424242"].map(|value| with("street", json!([value]))));
    shapes.extend([with("first_name", json!(424_242)), with("region", json!({"SECRET": "SECRET"}))]);
    shapes.push(with("last_name", json!(false)));
    for sent in shapes {
        let error = serde_json::from_value::<ConsumerDraft>(sent.clone()).map(|_| ()).unwrap_err().to_string();
        assert!(!error.contains("SECRET") && !error.contains("424242") && !error.contains("4.2"), "{error}");
        let text = serde_json::from_str::<ConsumerDraft>(&sent.to_string()).map(|_| ()).unwrap_err().to_string();
        assert!(!text.contains("SECRET") && !text.contains("424242") && !text.contains("4.2"), "{text}");
    }
}

#[test]
fn the_sealed_form_is_read_back_and_nothing_else_is() {
    let consumer = read(whole());
    let bytes = consumer.to_bytes();
    assert!(Consumer::from_bytes(&bytes).is_some_and(|back| back == consumer));
    for cut in 0..bytes.expose().len() {
        assert!(Consumer::from_bytes(&Secret::new(bytes.expose()[..cut].to_vec())).is_none(), "{cut}");
    }
    let mut longer = bytes.expose().clone();
    longer.push(0);
    assert!(Consumer::from_bytes(&Secret::new(longer)).is_none());
    let mut another = bytes.expose().clone();
    another[0] = 2;
    assert!(Consumer::from_bytes(&Secret::new(another)).is_none());
}

#[test]
fn a_draft_can_be_made_of_fields() {
    let consumer = read(whole());
    assert!(ConsumerDraft::of(consumer.expose()).check().is_ok_and(|again| again == consumer));
}
