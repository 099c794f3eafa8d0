//! A machine is lost, and everything comes back from its backups, the keys that were kept elsewhere and an officer.

use crate::house::{House, Server, order};
use serde_json::Value;

/// Names two places and a recipient in the configuration; the identity lies beside the officer's.
fn with_backups(house: &House) {
    house.must(&["keys", "new-officer", "--plain", &house.path("backup.key").display().to_string()]);
    let public = std::fs::read_to_string(house.path("backup.key.pub")).unwrap();
    for place in ["one", "two"] {
        std::fs::create_dir(house.path(place)).unwrap();
    }
    let file = house.path("bonded.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let section = format!("[backup]\nplaces = [\"one\", \"two\"]\nrecipients = [\"{}\"]\n", public.trim());
    assert!(text.contains("[backup]\n"));
    std::fs::write(&file, text.replacen("[backup]\n", &section, 1)).unwrap();
}

/// Waits until a backup is whole in both places, and nobody makes another.
fn until_there_is_one(house: &House) {
    let is_whole = |one: &Value| one["places"].as_array().unwrap().iter().all(|place| place["why_not"].is_null());
    loop {
        let listing = house.must(&["backup", "list", "--json"]).json();
        let newest = listing["backups"].as_array().unwrap().first().cloned();
        if newest.is_some_and(|one| one["places"].as_array().unwrap().len() == 2 && is_whole(&one)) {
            return;
        }
    }
}

#[tokio::test]
async fn a_lost_machine_comes_back_and_goes_on() {
    let on_postgres = House::on_postgres().await;
    for mut house in [Some(House::new()), on_postgres].into_iter().flatten() {
        with_backups(&house);
        assert_eq!(house.run(&["backup", "run"]).code, 74, "there is nothing yet");
        let server = house.serve_unsealed();
        let (account, key) = house.account("Corner Shop", "retailer");
        for reference in ["1", "2"] {
            assert_eq!(Server::answer(server.post("/v1/orders", &key, &order(reference))).await.0, 201);
        }
        // The server has made one by itself by now, or is about to.
        until_there_is_one(&house);
        let done = house.must(&["backup", "run", "--json"]).json();
        assert_eq!(done["places"].as_array().unwrap().len(), 2, "{done}");
        assert_eq!(house.must(&["backup", "verify", "--json"]).json()["flaws"], Value::Array(Vec::new()));
        // Not onto a place where a server runs.
        let identity = house.path("backup.key").display().to_string();
        let restore = ["backup", "restore", "--json", "--identity", &identity];
        assert_eq!(house.run(&restore).code, 75);
        drop(server);

        // The machine burns: its data directory, and its database.
        std::fs::remove_dir_all(house.path("bonded-data")).unwrap();
        if house.database.is_some() {
            house.database = bonded_testkit::postgres::database().await;
        }
        // The configuration was put back; the keys and the officer's were never on that disk.
        house.must(&["init"]);
        let signer = done["signer"].as_str().unwrap().to_owned();
        let mut command = house.command(&restore);
        let output = command.env("BONDED_BACKUP_SIGNER", &signer).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let back: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&back["backup"], &back["signer_is_new"]), (&done["backup"], &Value::Bool(false)));
        assert_eq!(house.run(&restore).code, 73, "it is not empty any more");

        let server = house.serve_unsealed();
        let listed = house.must(&["account", "list", "--json"]).json();
        assert_eq!(listed["accounts"][0]["account"], account.as_str());
        let (_, orders) = Server::answer(server.get("/v1/orders").bearer_auth(&key)).await;
        let orders = orders["data"].as_array().unwrap();
        assert_eq!(orders.len(), 2);
        for placed in orders {
            let one = format!("/v1/orders/{}?expand=consumer", placed["id"].as_str().unwrap());
            let (status, consumer) = Server::answer(server.get(&one).bearer_auth(&key)).await;
            assert_eq!(
                (status, &consumer["consumer"]["last_name"]),
                (200, &order("1")["consumer"]["last_name"]),
                "{consumer}"
            );
        }
        assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("3"))).await.0, 201);
        server.stop().await;
    }
}

#[tokio::test]
async fn no_server_starts_where_a_restore_has_not_ended() {
    let house = House::new();
    std::fs::create_dir(house.path("bonded-data/backup")).unwrap();
    std::fs::write(house.path("bonded-data/backup/restore-unfinished"), "").unwrap();
    let refused = house.run(&["serve", "--public", "127.0.0.1:0", "--private", "127.0.0.1:0"]);
    assert_eq!(refused.code, 65, "{}", refused.err);
    assert!(refused.err.contains("bonded backup restore"), "{}", refused.err);
}

#[tokio::test]
async fn a_single_copy_and_a_damaged_one_end_with_one() {
    let house = House::new();
    assert_eq!(house.run(&["backup", "list"]).code, 78, "no place is named");
    with_backups(&house);
    house.serve_unsealed().stop().await;
    std::fs::remove_dir_all(house.path("two")).unwrap();
    let single = house.run(&["backup", "run"]);
    assert_eq!(single.code, 1, "{}", single.err);
    assert!(single.out.contains("failed") && single.err.contains("one place only"), "{}", single.err);
    let told = house.run(&["doctor"]).out;
    assert!(told.contains("lies in one place only"), "{told}");

    let place = house.path("one/localhost/development/backups");
    for backup in std::fs::read_dir(place).unwrap() {
        std::fs::write(backup.unwrap().path().join("chunk-000000"), "nothing").unwrap();
    }
    let damaged = house.run(&["backup", "verify"]);
    assert_eq!(damaged.code, 1, "{}", damaged.err);
    assert!(damaged.out.contains("chunk 0 has another size"), "{}", damaged.out);
    let listed = house.must(&["backup", "list"]).out;
    assert!(listed.contains("broken") && listed.contains("alarm   there is no whole backup"), "{listed}");
}
