//! Who gets to see the consumer: two operations show the six fields, to those whom the order concerns, and no other does.

use crate::caller::Request;
use crate::contract::{Operation, resolved};
use crate::market::{CONSUMER, COUNTRY, Market, consumer_words};
use crate::search::Search;
use reqwest::Method;
use serde_json::Value;

/// The operations that show a consumer.
const SHOWING: [&str; 2] = ["GET /v1/orders/{id}", "GET /v1/purchase_orders/{id}"];

/// Asks for everything that can be read, as everybody.
pub async fn only_where_they_belong(market: &Market, operations: &[Operation]) {
    let search = Search::with(&consumer_words());
    let reading: Vec<_> = operations.iter().filter(|operation| operation.method == Method::GET).collect();
    for name in SHOWING {
        assert!(reading.iter().any(|operation| operation.name() == name), "{name} is not in the contract");
    }
    let mut shown = Vec::new();
    for operation in reading {
        for (who, trader) in
            [("retailer", &market.retailer), ("supplier", &market.supplier), ("stranger", &market.stranger)]
        {
            for target in targets(market, operation) {
                let answer = market.callers.send(Request::new(Method::GET, &target, trader.key())).await;
                let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
                let rest = if answer.status == 200 && SHOWING.contains(&operation.name().as_str()) {
                    if let Some(consumer) = body.as_object_mut().and_then(|body| body.remove("consumer")) {
                        assert!(is_whole(&consumer), "{target} shows another consumer to the {who}");
                        shown.push((operation.name(), who));
                    }
                    body.to_string().into_bytes()
                } else {
                    answer.body
                };
                let findings = search.bytes(&target, &rest);
                assert!(findings.is_empty(), "the {who} sees {}", findings[0]);
            }
        }
    }
    shown.dedup();
    let expected = [(SHOWING[0].to_owned(), "retailer"), (SHOWING[1].to_owned(), "supplier")];
    assert_eq!(shown, expected, "who sees the consumer where");
}

/// The operation with the contract's own examples; where there is a choice what to show, everything and nothing.
fn targets(market: &Market, operation: &Operation) -> Vec<String> {
    let text = |value: &Value| match resolved(value, &market.ids) {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let mut path = operation.path.clone();
    for parameter in &operation.path_parameters {
        path = path.replace(&format!("{{{}}}", parameter.name), &text(&parameter.example));
    }
    // Filters and cursors would only hide something; what must be said is said.
    let needed = ["entry", "from", "variant", "sku", "product", "expand"];
    let queries = operation.query.iter().filter(|parameter| needed.contains(&parameter.name.as_str()));
    let pairs: Vec<_> = queries.map(|query| format!("{}={}", query.name, text(&query.example))).collect();
    let mut targets = vec![format!("{path}?{}", pairs.join("&"))];
    if !pairs.is_empty() {
        targets.push(path);
    }
    targets
}

fn is_whole(consumer: &Value) -> bool {
    let fields = consumer.as_object().unwrap();
    fields.len() == CONSUMER.len() + 1
        && consumer["country"] == COUNTRY
        && CONSUMER.iter().all(|(field, text)| consumer[*field] == *text)
}
