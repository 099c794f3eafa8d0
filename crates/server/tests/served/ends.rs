//! How a server ends: asked to, with requests under way; or killed, in the middle of everything.

use crate::house::{House, Server, order};
use serde_json::Value;
use std::collections::HashMap;
use tokio::task::JoinSet;

/// Callers that place orders without pause while the server ends.
const CALLERS: usize = 8;

#[tokio::test]
async fn a_server_that_is_asked_to_stop_answers_who_waits() {
    let house = House::new();
    let server = house.serve_unsealed();
    let (_, key) = house.account("Corner Shop", "retailer");
    let (_, events) = Server::answer(server.get("/v1/events").bearer_auth(&key)).await;
    let poll = server.get(&format!("/v1/events?wait=30&after={}", events["next_after"])).bearer_auth(&key);
    let waiting = tokio::spawn(Server::answer(poll));
    // One answered request of the same kind shows that the connection with the poll is served by now.
    assert_eq!(Server::answer(server.get("/v1/account").bearer_auth(&key)).await.0, 200);
    let begun = std::time::Instant::now();
    server.stop().await;
    assert_eq!(waiting.await.unwrap().0, 200);
    assert!(begun.elapsed().as_secs() < 25, "the poll was not answered when the server closed");
}

/// Places orders until the server is gone; gives the references that it answered with 201, and any other answer.
async fn place_until_gone(client: reqwest::Client, url: String, key: String, caller: usize) -> (Vec<String>, Vec<u16>) {
    let (mut placed, mut others) = (Vec::new(), Vec::new());
    for number in 0.. {
        let reference = format!("{caller}-{number}");
        let request =
            client.post(&url).bearer_auth(&key).header("Idempotency-Key", &reference).json(&order(&reference));
        match request.send().await {
            Ok(answer) if answer.status() == 201 => placed.push(reference),
            Ok(answer) => others.push(answer.status().as_u16()),
            Err(_) => break,
        }
    }
    (placed, others)
}

/// Lets callers place orders, ends the server when some are placed, and gives the references that were answered.
async fn placed_until(server: Server, key: &str, end: impl FnOnce(Server) + Send + 'static) -> (Vec<String>, Vec<u16>) {
    let url = format!("https://{}/v1/orders", server.public);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(place_until_gone(server.client.clone(), url.clone(), key.to_owned(), caller));
    }
    loop {
        let (_, page) = Server::answer(server.get("/v1/orders?limit=50").bearer_auth(key)).await;
        if page["has_more"] == true {
            break;
        }
    }
    // Waiting for the end blocks a thread, and the callers need this one.
    tokio::task::spawn_blocking(move || end(server)).await.unwrap();
    let mut whole = (Vec::new(), Vec::new());
    for (placed, others) in callers.join_all().await {
        whole.0.extend(placed);
        whole.1.extend(others);
    }
    whole
}

/// Every order of the account by reference, with how often it is there.
async fn orders(server: &Server, key: &str) -> HashMap<String, usize> {
    let (mut found, mut cursor) = (HashMap::new(), String::new());
    loop {
        let (_, page) = Server::answer(server.get(&format!("/v1/orders?limit=500{cursor}")).bearer_auth(key)).await;
        for order in page["data"].as_array().unwrap() {
            *found.entry(order["reference"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match &page["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_a_busy_server_is_asked_to_stop() {
    let house = House::new();
    let server = house.serve_unsealed();
    let (_, key) = house.account("Corner Shop", "retailer");
    let (placed, others) = placed_until(server, &key, |server| drop(server.end())).await;
    assert!(!placed.is_empty());
    assert!(others.iter().all(|status| *status == 503), "{others:?}");

    let server = house.serve_unsealed();
    let found = orders(&server, &key).await;
    for reference in &placed {
        assert_eq!(found.get(reference), Some(&1), "{reference}");
    }
    server.stop().await;
}

async fn killed_and_asked_again(house: House) {
    let server = house.serve_unsealed();
    let (_, key) = house.account("Corner Shop", "retailer");
    let (placed, _) = placed_until(server, &key, Server::kill).await;
    assert!(!placed.is_empty());

    let server = house.serve_unsealed();
    let before = orders(&server, &key).await;
    for reference in &placed {
        assert_eq!(before.get(reference), Some(&1), "{reference} was acknowledged");
    }
    // Callers do what they would: send again whatever they are not sure of, with the same key.
    for caller in 0..CALLERS {
        let sure = placed.iter().filter(|reference| reference.starts_with(&format!("{caller}-"))).count();
        for number in 0..=sure {
            let reference = format!("{caller}-{number}");
            let again = server.post("/v1/orders", &key, &order(&reference)).header("Idempotency-Key", &reference);
            let (status, body) = Server::answer(again).await;
            // 409 where the order was written and the kill came before its answer was kept: done, and not done twice.
            assert!(status == 201 || status == 409, "{reference}: {status} {body}");
        }
    }
    let after = orders(&server, &key).await;
    assert!(after.values().all(|times| *times == 1), "an order is there twice");
    assert!(after.len() >= placed.len() + CALLERS, "{} of {}", after.len(), placed.len() + CALLERS);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_each_order_is_there_exactly_once_on_sqlite() {
    killed_and_asked_again(House::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_each_order_is_there_exactly_once_on_postgres() {
    let Some(house) = House::on_postgres().await else { return };
    killed_and_asked_again(house).await;
}
