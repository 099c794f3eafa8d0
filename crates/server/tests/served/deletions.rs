//! Consumers who are forgotten by an operator at the command line, with a server and without one.

use crate::house::{House, Server, order};
use serde_json::{Value, json};

/// Places two orders, and puts them away.
async fn archived(server: &Server, key: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for reference in ["F-1", "F-2"] {
        let (status, placed) = Server::answer(server.post("/v1/orders", key, &order(reference))).await;
        assert_eq!(status, 201, "{placed}");
        let id = placed["id"].as_str().unwrap().to_owned();
        for step in ["cancel", "archive"] {
            let (status, done) = Server::answer(server.post(&format!("/v1/orders/{id}/{step}"), key, &json!({}))).await;
            assert_eq!(status, 200, "{done}");
        }
        ids.push(id);
    }
    ids
}

async fn an_operator_forgets_consumers(house: House) {
    let server = house.serve_unsealed();
    let (account, key) = house.account("Sample Shop", "retailer");
    let orders = archived(&server, &key).await;
    let of = ["--account", &account, "--json"];
    let done = house.must(&[&["deletion", "ask", "--order", &orders[0]], &of[..]].concat()).json();
    assert_eq!((&done["state"], &done["forgotten"]), (&json!("complete"), &json!(1)), "{done}");
    let id = done["deletion"].as_str().unwrap();
    let certificate = house.must(&["deletion", "certificate", id, "--account", &account]).out;
    assert!(certificate.starts_with("bonded certificate of deletion\n") && certificate.contains("\norders 1\n"));
    let path = format!("/v1/orders/{}?expand=consumer", orders[0]);
    let (_, shown) = Server::answer(server.get(&path).bearer_auth(&key)).await;
    assert_eq!((&shown["state"], &shown["consumer"]), (&json!("forgotten"), &Value::Null));
    let again = house.run(&[&["deletion", "ask", "--order", &orders[0]], &of[..]].concat());
    assert!(again.code != 0 && again.err.contains("forgotten already"), "{}", again.err);
    let policy = house.must(&[&["deletion", "policy", "--grace-days", "3"], &of[..]].concat()).json();
    assert_eq!(policy, json!({"grace_days": 3, "archived_days": null}));
    let waits = house.must(&[&["deletion", "ask", "--order", &orders[1]], &of[..]].concat()).json();
    assert_eq!(waits["state"], "due");
    let id = waits["deletion"].as_str().unwrap();
    assert_eq!(house.must(&[&["deletion", "cancel", id], &of[..]].concat()).json()["state"], "cancelled");
    house.must(&[&["deletion", "policy", "--grace-days", "0"], &of[..]].concat());
    server.stop().await;

    // Without a server the command does the work itself.
    let officer = house.officer();
    let alone = [&of[..], &["--officer", &officer]].concat();
    let done = house.must(&[&["deletion", "ask", "--order", &orders[1]], &alone[..]].concat()).json();
    assert_eq!(done["state"], "complete", "{done}");
    let listed = house.must(&[&["deletion", "list"], &alone[..]].concat()).json();
    let states: Vec<_> = listed["deletions"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["complete", "cancelled", "complete"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_are_forgotten_with_and_without_a_server() {
    an_operator_forgets_consumers(House::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_postgresql() {
    let Some(house) = House::on_postgres().await else { return };
    an_operator_forgets_consumers(house).await;
}
