//! `Idempotency-Key`: copies are answered alike, and only the first is carried out.

use crate::house::{Answer, House, Party, order};
use crate::once::digest_of;
use axum::http::StatusCode;
use bonded_ledger::{Answer as Kept, Lookup, LookupName, Scope, Stored};
use futures::future::join_all;
use serde_json::{Value, json};

async fn once(house: &House, party: &Party, path: &str, body: Value, key: &str) -> Answer {
    house.post_with(party, path, body, &[("idempotency-key", key)]).await
}

fn replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_happens_once() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    let first = once(&house, &retailer, "/v1/orders", order("1", "A", 1), "one").await;
    assert!(!replayed(&first));
    let head = house.ledger.head(&Scope::operator(retailer.account)).await.unwrap();
    for key in ["one", "\"one\""] {
        let again = once(&house, &retailer, "/v1/orders", order("1", "A", 1), key).await;
        assert!(replayed(&again));
        assert_eq!((again.status, again.json()), (first.status, first.json()));
        for header in ["etag", "location", "content-type"] {
            assert_eq!(again.headers.get(header), first.headers.get(header), "{header}");
        }
        assert_ne!(again.headers["x-request-id"], first.headers["x-request-id"]);
    }
    let orders = house.get(&retailer, "/v1/orders").await.expect(200);
    assert_eq!(orders["data"].as_array().unwrap().len(), 1);
    // Routing may have written of the order; the copies have written nothing.
    let entries = house.ledger.entries(&Scope::operator(retailer.account), head, 100).await.unwrap();
    assert!(entries.iter().all(|entry| entry.headline.actor.to_string() == "system:route"));
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    once(&house, &retailer, "/v1/orders", order("1", "A", 1), "one").await.expect(201);
    let other = once(&house, &retailer, "/v1/orders", order("2", "A", 1), "one").await.expect(422);
    assert_eq!(other["type"], "/problems/idempotency-key-reused");
    let elsewhere = once(&house, &retailer, "/v1/orders?", order("1", "A", 1), "one").await;
    assert_eq!(elsewhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Another account's key of the same name is another key.
    let neighbour = house.party("Other Shop", bonded_trade::accounts::Role::Retailer).await;
    let theirs = once(&house, &neighbour, "/v1/orders", order("1", "A", 1), "one").await;
    assert!(!replayed(&theirs) && theirs.status == StatusCode::CREATED);
    let long = "k".repeat(256);
    for bad in ["", "\"\"", "with space", long.as_str()] {
        let answer = once(&house, &retailer, "/v1/orders", order("3", "A", 1), bad).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_copies_sent_at_the_same_moment_one_happens() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    // Locations have no number of the caller's own that would hold copies apart.
    let copies = (0..16).map(|_| once(&house, &retailer, "/v1/locations", json!({"name": "North"}), "same"));
    let answers = join_all(copies).await;
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, answers[0].json()));
    }
    assert_eq!(answers.iter().filter(|answer| !replayed(answer)).count(), 1);
    let places = house.get(&retailer, "/v1/locations").await.expect(200);
    assert_eq!(places["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn copies_that_reach_different_nodes_happen_once_too() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    let other_node = house.neighbour();
    let nodes = [&house, &other_node];
    let copies = (0..16).map(|turn| once(nodes[turn % 2], &retailer, "/v1/locations", json!({"name": "N"}), "same"));
    let answers = join_all(copies).await;
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, answers[0].json()));
    }
    assert_eq!(answers.iter().filter(|answer| !replayed(answer)).count(), 1);
}

#[tokio::test]
async fn a_batch_of_changes_happens_once_too() {
    let house = House::new().await;
    let supplier = house.supplier().await;
    let draft = json!({"title": "Pot", "variants": [{"price": {"amount": 999, "currency": "EUR"}}]});
    let pot = house.post(&supplier, "/v1/products", draft).await.expect(201)["id"].clone();
    let batch = json!({"data": [{"id": pot, "version": 1, "title": "Clay Pot"}, {"id": pot, "title": "Twice"}]});
    let once = || house.patch(&supplier, "/v1/products/batch", batch.clone(), &[("idempotency-key", "one")]);
    let first = once().await;
    // Carried out again, the first would be refused: it is no longer at that version.
    let again = once().await;
    assert!(!replayed(&first) && replayed(&again));
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    assert_eq!((&first.json()["succeeded"], &first.json()["failed"]), (&json!(1), &json!(1)));
    let created = json!({"data": [{"title": "Pot"}]});
    let other = house.post_with(&supplier, "/v1/products/batch", created, &[("idempotency-key", "one")]).await;
    assert_eq!(other.expect(422)["type"], "/problems/idempotency-key-reused");
}

#[tokio::test]
async fn what_failed_may_be_sent_again_under_the_same_key() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    let mut bad = order("1", "A", 0);
    once(&house, &retailer, "/v1/orders", bad.clone(), "one").await.expect(422);
    bad["lines"][0]["quantity"] = json!(1);
    let good = once(&house, &retailer, "/v1/orders", bad, "one").await;
    assert!(!replayed(&good) && good.status == StatusCode::CREATED);
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    once(&house, &retailer, "/v1/orders", order("1", "A", 1), "one").await.expect(201);
    house.ledger.test_clock().advance_ms(super::super::once::KEPT_MS - 1);
    once(&house, &retailer, "/v1/orders", order("2", "A", 1), "one").await.expect(422);
    house.ledger.test_clock().advance_ms(1);
    let fresh = once(&house, &retailer, "/v1/orders", order("2", "A", 1), "one").await;
    assert!(!replayed(&fresh) && fresh.status == StatusCode::CREATED);
}

/// What is kept under a key for once-only requests, and the scope that reads it.
async fn kept(house: &House, party: &Party, key: &str) -> (Scope, Stored<Kept>) {
    let scope = Scope::operator(party.account);
    let lookup = Lookup::new(LookupName::Request, digest_of(key).into_bytes());
    let id = house.ledger.find::<Kept>(&scope, &lookup).await.unwrap().unwrap();
    let kept = house.ledger.get(&scope, id).await.unwrap().unwrap();
    (scope, kept)
}

#[tokio::test]
async fn an_answer_that_was_lost_is_told_with_what_was_written() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    let placed = once(&house, &retailer, "/v1/orders", order("1", "A", 1), "one").await.expect(201);
    // As after a crash between the change and the keeping of its answer.
    let (scope, kept) = kept(&house, &retailer, "one").await;
    let mut change = bonded_ledger::Change::new();
    change.update(&kept, &Kept { given: None, ..(*kept).clone() }, "lost");
    house.ledger.commit(&scope, change).await.unwrap();
    house.ledger.test_clock().advance_ms(60_000);
    let again = once(&house, &retailer, "/v1/orders", order("1", "A", 1), "one").await.expect(409);
    assert_eq!(again["type"], "/problems/answer-lost");
    assert_eq!(again["wrote"], json!([placed["id"]]));
}

#[tokio::test]
async fn what_is_kept_of_an_answer_holds_no_consumer() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    once(&house, &retailer, "/v1/orders", order("1", "A", 1), "one").await.expect(201);
    let (_, kept) = kept(&house, &retailer, "one").await;
    let text = serde_json::to_string(&*kept).unwrap();
    for field in ["Ada", "Example", "Sample Road", "T3 5TT", "Testshire"] {
        assert!(!text.contains(field), "{field}");
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_is_answered_when_it_asks_again() {
    let house = House::new().await;
    let retailer = house.retailer().await;
    {
        let sent = once(&house, &retailer, "/v1/orders", order("1", "A", 1), "one");
        // Polled once, then dropped: the request was read, and nobody waits for its answer any more.
        tokio::select! {
            biased;
            _ = sent => panic!("answered at once"),
            () = tokio::task::yield_now() => {}
        }
    }
    let again = once(&house, &retailer, "/v1/orders", order("1", "A", 1), "one").await;
    assert_eq!(again.status, StatusCode::CREATED);
    let orders = house.get(&retailer, "/v1/orders").await.expect(200);
    assert_eq!(orders["data"].as_array().unwrap().len(), 1);
}
