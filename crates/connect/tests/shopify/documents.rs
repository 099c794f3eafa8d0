//! Every document is one that the maker's schema allows, in two versions, and asks for no more than it must.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use bonded_connect::shopify::DOCUMENTS;
use bonded_shopkit::schema::{VERSIONS, schema};

/// Fields of every selection, fragments included.
fn fields<'a>(set: &'a SelectionSet, found: &mut Vec<&'a Field>) {
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => {
                found.push(field);
                fields(&field.selection_set, found);
            }
            Selection::InlineFragment(part) => fields(&part.selection_set, found),
            Selection::FragmentSpread(_) => {}
        }
    }
}

#[test]
fn every_document_is_valid_in_two_versions_and_uses_nothing_deprecated() {
    for version in VERSIONS {
        let Some(schema) = schema(version) else { return };
        for document in DOCUMENTS {
            let name = document.name;
            let parsed = ExecutableDocument::parse_and_validate(schema, document.text, name)
                .unwrap_or_else(|bad| panic!("{version} {name}: {}", bad.errors));
            let operation = parsed.operations.get(Some(name)).unwrap_or_else(|_| panic!("{name} has another name"));
            let mut all = Vec::new();
            fields(&operation.selection_set, &mut all);
            for part in parsed.fragments.values() {
                fields(&part.selection_set, &mut all);
            }
            for field in all {
                let definition = &field.definition;
                assert!(definition.directives.get("deprecated").is_none(), "{version} {name}: {}", field.name);
                for argument in &field.arguments {
                    let definition = definition.argument_by_name(&argument.name).unwrap();
                    assert!(definition.directives.get("deprecated").is_none(), "{version} {name}: {}", argument.name);
                }
            }
        }
    }
}

#[test]
fn the_schema_itself_is_a_valid_one() {
    for version in VERSIONS {
        let Some(schema) = schema(version) else { return };
        assert!(schema.types.len() > 2_000, "{version}");
        assert!(schema.get_object("Order").is_some_and(|order| order.fields.contains_key("shippingAddress")));
    }
}

#[test]
fn of_a_consumer_only_the_six_fields_are_asked_for() {
    let Some(schema) = schema(VERSIONS[1]) else { return };
    const NEVER: [&str; 14] = [
        "email",
        "phone",
        "customer",
        "note",
        "clientIp",
        "browserIp",
        "billingAddress",
        "customAttributes",
        "company",
        "latitude",
        "longitude",
        "displayAddress",
        "transactions",
        "customerJourneySummary",
    ];
    const ADDRESS: [&str; 8] =
        ["firstName", "lastName", "address1", "address2", "city", "zip", "provinceCode", "countryCodeV2"];
    for document in DOCUMENTS {
        let parsed = ExecutableDocument::parse_and_validate(schema, document.text, document.name).unwrap();
        let mut all = Vec::new();
        for operation in parsed.operations.iter() {
            fields(&operation.selection_set, &mut all);
        }
        for part in parsed.fragments.values() {
            fields(&part.selection_set, &mut all);
        }
        for field in all {
            let tracking = field.name == "company" && document.text.contains("trackingInfo");
            assert!(tracking || !NEVER.contains(&field.name.as_str()), "{} asks for {}", document.name, field.name);
            if field.name == "shippingAddress" {
                let asked: Vec<_> = field.selection_set.selections.iter().filter_map(Selection::as_field).collect();
                assert_eq!(asked.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ADDRESS);
            }
        }
        let is_order = document.text.contains("fragment OrderPart");
        assert!(!is_order || !document.text.contains("tags"), "{} asks for an order's tags", document.name);
    }
}

#[test]
fn what_is_written_is_told_by_the_names_of_its_fields() {
    for document in DOCUMENTS {
        let writes = document.text.starts_with("mutation");
        let of_our_own = ["MarkDefine", "BulkStart", "OrderCancel"];
        let is_told = !document.fields.is_empty() || document.name.starts_with("Subscription");
        assert!(!writes || is_told || of_our_own.contains(&document.name), "{}", document.name);
        assert!(writes || document.fields.is_empty(), "{}", document.name);
    }
}
