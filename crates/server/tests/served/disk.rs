//! A disk that fills up: a clear answer, nothing half done, and it goes on when there is room again.

use crate::house::{House, Server, order};
use std::process::Command;

/// A small disk in memory; gone when dropped.
struct SmallDisk<'a>(&'a std::path::Path);

impl<'a> SmallDisk<'a> {
    /// `None` where this user may not mount.
    fn mount(at: &'a std::path::Path, size: &str) -> Option<Self> {
        let options = format!("size={size},mode=700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost() {
    let house = House::empty();
    let small = house.path("bonded-data");
    std::fs::create_dir(&small).unwrap();
    let Some(_disk) = SmallDisk::mount(&small, "6m") else {
        println!("skipped: this user may not mount a small disk");
        return;
    };
    house.must(&["keys", "new-officer", "--plain", &house.officer()]);
    let public = format!("{}.pub", house.officer());
    house.must(&["init", "--environment", "development", "--officer", &public]);
    let server = house.serve_unsealed();
    let (_, key) = house.account("Corner Shop", "retailer");
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("before"))).await.0, 201);

    let ballast = small.join("ballast");
    // Takes all the room there is; that it ends with an error is the point.
    let _ = std::fs::write(&ballast, vec![1; 6 * 1024 * 1024]);
    let mut placed = vec!["before".to_owned()];
    let refused = loop {
        let reference = format!("more-{}", placed.len());
        let (status, body) = Server::answer(server.post("/v1/orders", &key, &order(&reference))).await;
        match status {
            201 => placed.push(reference),
            _ => break (status, body),
        }
    };
    assert_eq!(refused.0, 503, "{}", refused.1);
    assert!(refused.1["detail"].as_str().unwrap().contains("disk is full"), "{}", refused.1);
    let (status, _) = Server::answer(server.get("/v1/orders").bearer_auth(&key)).await;
    assert_eq!(status, 200, "reading goes on");

    std::fs::remove_file(&ballast).unwrap();
    let (status, body) = Server::answer(server.post("/v1/orders", &key, &order("room again"))).await;
    assert_eq!(status, 201, "{body}");
    placed.push("room again".to_owned());
    let (_, page) = Server::answer(server.get("/v1/orders?limit=500").bearer_auth(&key)).await;
    let found: Vec<_> = page["data"].as_array().unwrap().iter().map(|order| order["reference"].clone()).collect();
    assert_eq!(found, placed);
    server.stop().await;
}
