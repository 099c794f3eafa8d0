//! A log leaves the server, and anyone can hold it to what was signed.

use crate::house::{House, Said, Server, order};
use serde_json::Value;

/// A server with a few orders, its export, and the checkpoint and key that its owner got from the API.
struct Exported {
    house: House,
    lines: Vec<String>,
}

impl Exported {
    async fn new() -> Self {
        let house = House::new();
        let server = house.serve_unsealed();
        let (account, key) = house.account("Corner Shop", "retailer");
        for reference in ["1", "2", "3"] {
            assert_eq!(Server::answer(server.post("/v1/orders", &key, &order(reference))).await.0, 201);
        }
        let text = async |path: &str| server.get(path).bearer_auth(&key).send().await.unwrap().text().await.unwrap();
        let (_, events) = Server::answer(server.get("/v1/events?limit=500").bearer_auth(&key)).await;
        let newest = events["next_after"].as_u64().unwrap();
        let checkpoint = loop {
            let note = text("/v1/log/checkpoint").await;
            if note.lines().nth(1).and_then(|size| size.parse::<u64>().ok()).is_some_and(|size| size >= newest) {
                break note;
            }
        };
        std::fs::write(house.path("checkpoint"), checkpoint).unwrap();
        std::fs::write(house.path("key"), text("/v1/log/key").await).unwrap();
        std::fs::write(house.path("api.jsonl"), text("/v1/log/export").await).unwrap();
        std::fs::write(house.path("proof.json"), text("/v1/log/proof?entry=2").await).unwrap();
        house.must(&["export", &account, "--output", "export.jsonl"]);
        let with_consumers = house.must(&["export", &account, "--with-consumers"]);
        assert_eq!(with_consumers.out.matches("1 Sample Road").count(), 3);
        server.stop().await;
        let lines = std::fs::read_to_string(house.path("export.jsonl")).unwrap();
        Self { house, lines: lines.lines().map(str::to_owned).collect() }
    }

    fn verify(&self, file: &str, more: &[&str]) -> Said {
        self.house.run(&[&["verify", file, "--json"], more].concat())
    }

    /// The same export with one line changed.
    fn spoilt(&self, find: &str, change: impl Fn(&str) -> Option<String>) -> Said {
        let place = self.lines.iter().position(|line| line.contains(find)).unwrap();
        let mut lines = self.lines.clone();
        match change(&lines[place]) {
            Some(line) => lines[place] = line,
            None => drop(lines.remove(place)),
        }
        std::fs::write(self.house.path("spoilt.jsonl"), lines.join("\n")).unwrap();
        self.verify("spoilt.jsonl", &["--checkpoint", "checkpoint", "--key", "key"])
    }
}

fn findings(said: &Said) -> String {
    said.json()["findings"].as_array().unwrap().iter().map(Value::to_string).collect()
}

#[tokio::test]
async fn an_export_verifies_without_the_server_and_a_changed_one_does_not() {
    let exported = Exported::new().await;
    assert!(!exported.lines.iter().any(|line| line.contains("1 Sample Road")), "consumers leave only where asked for");

    let good = exported.verify("export.jsonl", &["--checkpoint", "checkpoint", "--key", "key"]);
    assert_eq!(good.code, 0, "{} {}", good.out, good.err);
    assert!(good.json()["records"].as_u64().unwrap() >= 4);
    let api = exported.verify("api.jsonl", &["--checkpoint", "checkpoint", "--key", "key"]);
    assert_eq!(api.code, 0, "{} {}", api.out, api.err);
    let proof = exported.verify("proof.json", &["--key", "key"]);
    assert_eq!(proof.code, 0, "{} {}", proof.out, proof.err);

    let dropped = exported.spoilt(r#"{"entry":{"seq":3,"#, |_| None);
    assert_eq!(dropped.code, 1);
    assert!(findings(&dropped).contains("entries are missing: from 3 to 3"), "{}", dropped.out);
    let renamed = exported.spoilt(r#""reference":"2""#, |line| Some(line.replace("\"2\"", "\"9\"")));
    assert_eq!(renamed.code, 1);
    assert!(findings(&renamed).contains("is not what entry"), "{}", renamed.out);
    let said = exported.spoilt(r#"{"entry":{"seq":2,"#, |line| Some(line.replace(r#""record":""#, r#""record":"x"#)));
    assert_eq!(said.code, 1);
    assert!(findings(&said).contains("entry 2 was changed"), "{}", said.out);
    assert_eq!(exported.verify("checkpoint", &["--key", "key"]).code, 65, "a checkpoint is no export");
    assert_eq!(exported.verify("nowhere.jsonl", &[]).code, 66);
}

#[tokio::test]
async fn the_platform_s_own_log_tells_of_staff_and_keys_and_verifies_like_any_other() {
    let house = House::new();
    let server = house.serve_unsealed();
    house.must(&["staff", "invite", "grace@example.net", "--role", "security_officer"]);
    house.must(&["keys", "new-officer", "--plain", "second.key"]);
    house.must(&["keys", "add-officer", "second.key.pub"]);
    let text = loop {
        let text = house.must(&["export", "platform"]).out;
        // The log is signed a moment after it was written.
        if text.contains(r#"{"checkpoint":"#) {
            break text;
        }
    };
    std::fs::write(house.path("platform.jsonl"), &text).unwrap();
    server.stop().await;
    let records = |kind: &str| {
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line["record"].clone()).filter(|record| record["kind"] == kind).collect::<Vec<_>>()
    };
    let deeds: Vec<_> = records("ceremony").iter().map(|ceremony| ceremony["value"]["deed"].clone()).collect();
    assert_eq!(deeds, ["unsealed", "officer_added"]);
    assert_eq!(records("ceremony")[1]["value"]["officers"].as_array().unwrap().len(), 2);
    assert_eq!(records("invitation").len(), 1);
    let verified = house.run(&["verify", "platform.jsonl", "--json"]);
    assert_eq!(verified.code, 0, "{} {}", verified.out, verified.err);
    house.must(&["keys", "remove-officer", &format!("{}.pub", house.officer()), "--officer", "second.key"]);
    let server = house.serve();
    house.must(&["keys", "unseal", "--officer", "second.key"]);
    house.must(&["export", "platform", "--output", "again.jsonl"]);
    assert!(std::fs::read_to_string(house.path("again.jsonl")).unwrap().contains("officer_removed"));
    server.stop().await;
}
