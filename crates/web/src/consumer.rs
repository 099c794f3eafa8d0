//! The one place where a consumer's six fields are written into an answer.
//!
//! They are added to JSON that is otherwise complete, so that nothing before this step (what is kept for repeated
//! requests, what is logged) has ever held them.

use bonded_trade::consumers::Consumer;
use serde::Serialize;
use utoipa::ToSchema;

/// The person who gets the parcel: exactly these six fields, and nothing else, are kept of them.
#[derive(Serialize, ToSchema)]
#[schema(as = Consumer)]
pub struct ConsumerShown<'a> {
    /// First name.
    #[schema(example = "Ada")]
    first_name: &'a str,
    /// Last name.
    #[schema(example = "Example")]
    last_name: &'a str,
    /// Street address: its lines and the locality a parcel needs, as one value.
    #[schema(example = "12 Sample Road, Testbury")]
    street: &'a str,
    /// Postal or zip code.
    #[schema(example = "T3 5TT")]
    postal_code: &'a str,
    /// Region, province or state.
    #[schema(example = "Testshire")]
    region: &'a str,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "GB")]
    country: &'a str,
}

/// The JSON of an object, with its consumer as one more member; null where there is none or it has been forgotten.
pub fn beside(mut object: Vec<u8>, consumer: Option<&Consumer>) -> Vec<u8> {
    if object.pop() != Some(b'}') {
        return object;
    }
    object.extend_from_slice(if object.ends_with(b"{") { b"\"consumer\":" } else { b",\"consumer\":" });
    match consumer.and_then(written) {
        Some(json) => object.extend_from_slice(&json),
        None => object.extend_from_slice(b"null"),
    }
    object.push(b'}');
    object
}

fn written(consumer: &Consumer) -> Option<Vec<u8>> {
    let fields = consumer.expose();
    serde_json::to_vec(&ConsumerShown {
        first_name: fields.first_name,
        last_name: fields.last_name,
        street: fields.street,
        postal_code: fields.postal_code,
        region: fields.region,
        country: fields.country,
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_trade::consumers::{ConsumerDraft, SixFields};

    #[test]
    fn the_fields_are_added_to_any_object() {
        let fields = SixFields { first_name: "A\"da", street: "1 C", country: "GB", ..SixFields::default() };
        let consumer = ConsumerDraft::of(fields).check().unwrap();
        for object in ["{}", r#"{"id":"x"}"#] {
            let whole: serde_json::Value = serde_json::from_slice(&beside(object.into(), Some(&consumer))).unwrap();
            assert_eq!(whole["consumer"]["first_name"], "A\"da");
            assert_eq!(whole["consumer"].as_object().unwrap().len(), 6);
            let without: serde_json::Value = serde_json::from_slice(&beside(object.into(), None)).unwrap();
            assert!(without["consumer"].is_null());
        }
    }
}
