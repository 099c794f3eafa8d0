//! The vault as officers and callers see it.

use crate::house::{House, Server, order};
use std::os::unix::fs::MetadataExt;

#[tokio::test]
async fn a_server_starts_sealed_and_serves_when_an_officer_unseals_it() {
    let house = House::new();
    let server = house.serve();
    assert_eq!(server.ready().await.0, 503);
    assert_eq!(server.ready().await.1["status"], "sealed");
    let key = "bk_test_00000000000000000000000000000000";
    let (status, problem) = Server::answer(server.post("/v1/orders", key, &order("1"))).await;
    assert_eq!(status, 503, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("sealed"), "{problem}");
    assert_eq!(house.must(&["keys", "status", "--json"]).json()["sealed"], true);

    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    assert_eq!(server.ready().await.0, 200);
    let (_, key) = house.account("Corner Shop", "retailer");
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("1"))).await.0, 201);

    house.must(&["keys", "seal"]);
    assert_eq!(server.ready().await.1["status"], "sealed");
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("2"))).await.0, 503);
    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("2"))).await.0, 201);
    server.stop().await;
}

#[tokio::test]
async fn officers_come_and_go() {
    let house = House::new();
    let other = house.path("other.key").display().to_string();
    let public = format!("{other}.pub");
    house.must(&["keys", "new-officer", "--plain", &other]);
    let server = house.serve();
    let refused = house.run(&["keys", "unseal", "--officer", &other]);
    assert_eq!(refused.code, 77, "{}", refused.err);
    assert_eq!(house.run(&["keys", "add-officer", &public]).code, 77, "a sealed vault takes no officer");

    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    house.must(&["keys", "add-officer", &public]);
    assert_eq!(house.must(&["keys", "status", "--json"]).json()["officers"].as_array().unwrap().len(), 2);
    house.must(&["keys", "remove-officer", &format!("{}.pub", house.officer())]);
    house.must(&["keys", "seal"]);
    assert_eq!(house.run(&["keys", "unseal", "--officer", &house.officer()]).code, 77);
    house.must(&["keys", "unseal", "--officer", &other]);
    assert_eq!(house.run(&["keys", "remove-officer", &public]).code, 64, "the last one must stay");
    server.stop().await;
}

#[tokio::test]
async fn accounts_are_opened_with_or_without_a_running_server() {
    let house = House::new();
    let create = ["account", "create", "--json", "--name", "Shop", "--role", "retailer", "--currency", "EUR"];
    assert_eq!(house.run(&create).code, 77, "nobody unsealed it");
    let account = house.must(&[&create[..], &["--officer", &house.officer()]].concat()).json();
    let account = account["account"].as_str().unwrap();
    let server = house.serve_unsealed();
    let listed = house.must(&["account", "list", "--json"]).json();
    assert_eq!(listed["accounts"][0]["account"], account);
    let key = ["account", "key", "--json", account, "--permission", "orders:read"];
    let key = house.must(&key).json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(Server::answer(server.get("/v1/orders").bearer_auth(&key)).await.0, 200);
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("1"))).await.0, 403);
    let unknown = house.run(&["account", "key", account, "--permission", "orders"]);
    assert_eq!(unknown.code, 64);
    assert!(unknown.err.contains("orders:read"), "{}", unknown.err);
    server.stop().await;
}

/// All that is left: a copy of the data, one replica of the keys, and one officer.
#[tokio::test]
async fn a_lost_machine_is_rebuilt_from_its_data_any_replica_and_one_officer() {
    let lost = House::new();
    let replica = lost.path("replica");
    lost.must(&["keys", "prepare-replica", replica.to_str().unwrap()]);
    assert_eq!(lost.run(&["keys", "prepare-replica", lost.path("bonded-data-keys").to_str().unwrap()]).code, 73);
    let mut serve = lost.command(&["serve"]);
    serve.env("BONDED_KEYS_REPLICAS", &replica);
    let server = lost.serve_by(serve);
    lost.must(&["keys", "unseal", "--officer", &lost.officer()]);
    let places = lost.must(&["keys", "status", "--json"]).json()["places"].clone();
    assert!(
        places[1]["confirmed"] == true && places[1]["version"] == 1 && places[1]["written_at"].is_string(),
        "{places}"
    );
    let (_, key) = lost.account("Corner Shop", "retailer");
    let (code, order) = Server::answer(server.post("/v1/orders", &key, &order("1"))).await;
    assert_eq!(code, 201);
    server.stop().await;

    let rebuilt = House::empty();
    for name in ["bonded.toml", "bonded-data", "replica", "officer.key"] {
        let copied = std::process::Command::new("cp").arg("-a").arg(lost.path(name)).arg(rebuilt.path(name)).status();
        assert!(copied.unwrap().success(), "{name}");
    }
    drop(lost);
    let another = rebuilt.path("another");
    rebuilt.must(&["keys", "prepare-replica", another.to_str().unwrap()]);
    let mut serve = rebuilt.command(&["serve"]);
    serve.env("BONDED_KEYS_PRIMARY", rebuilt.path("replica")).env("BONDED_KEYS_REPLICAS", &another);
    let server = rebuilt.serve_by(serve);
    rebuilt.must(&["keys", "unseal", "--officer", &rebuilt.officer()]);
    let path = format!("/v1/orders/{}?expand=consumer", order["id"].as_str().unwrap());
    let (status, read) = Server::answer(server.get(&path).bearer_auth(&key)).await;
    assert_eq!((status, &read["consumer"]["first_name"]), (200, &serde_json::json!("Ada")), "{read}");
    let places = rebuilt.must(&["keys", "status", "--json"]).json()["places"].clone();
    assert!(places.as_array().unwrap().iter().all(|place| place["confirmed"] == true), "{places}");
    server.stop().await;
}

#[test]
fn what_is_written_is_the_owner_s_alone() {
    let house = House::new();
    let server = house.serve_unsealed();
    let mode = |name: &str| std::fs::metadata(house.path(name)).unwrap().mode() & 0o777;
    assert_eq!(mode("bonded-data"), 0o700);
    for file in ["bonded-data/operator.sock", "bonded-data/tls/ca-key.pem", "bonded-data/bonded.sqlite", "officer.key"]
    {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    server.end();
    assert!(!house.path("bonded-data/operator.sock").exists());
}

#[tokio::test]
async fn an_identity_file_unseals_at_the_start_but_not_in_production() {
    let house = House::new();
    let server = house.serve_by(house.command(&["serve", "--unseal-with", &house.officer()]));
    assert_eq!(server.ready().await.0, 200);
    server.stop().await;
    let refused = house.run(&["serve", "--environment", "production", "--unseal-with", &house.officer()]);
    assert_eq!(refused.code, 78, "{}", refused.err);
    assert!(refused.err.contains("refused in production"), "{}", refused.err);
}
