//! PostgreSQL goes away while a server runs, and comes back: 503 meanwhile, nothing lost, no restart.

use crate::house::{House, Server, order};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A cable between the server and PostgreSQL that can be cut and mended.
struct Cable {
    address: SocketAddr,
    whole: Arc<watch::Sender<bool>>,
}

impl Cable {
    async fn lay(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let whole = Arc::new(watch::Sender::new(true));
        let state = Arc::clone(&whole);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let mut cut = state.subscribe();
                tokio::spawn(async move {
                    if !*cut.borrow() {
                        return;
                    }
                    let (mut near, mut far) = (near, TcpStream::connect(to).await.unwrap());
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Self { address, whole }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_database_is_waited_for_and_nothing_is_lost() {
    let Some(house) = House::on_postgres().await else { return };
    let url = house.database.as_ref().unwrap().url().to_owned();
    let host = url.split('@').nth(1).unwrap().split('/').next().unwrap();
    let Ok(database) = host.parse() else {
        println!("skipped: the test cluster is not reached by an address");
        return;
    };
    let cable = Cable::lay(database).await;
    let mut command = house.command(&["serve"]);
    command.env("BONDED_DATABASE_URL", url.replace(host, &cable.address.to_string()));
    let server = house.serve_by(command);
    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    let (_, key) = house.account("Corner Shop", "retailer");
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("before"))).await.0, 201);

    cable.whole.send_replace(false);
    let (status, problem) = Server::answer(server.post("/v1/orders", &key, &order("meanwhile"))).await;
    assert_eq!(status, 503, "{problem}");
    assert_eq!(server.ready().await.1["status"], "database");

    cable.whole.send_replace(true);
    while server.ready().await.0 != 200 {
        tokio::task::yield_now().await;
    }
    for (reference, expected) in [("meanwhile", 201), ("after", 201)] {
        let (status, body) = Server::answer(server.post("/v1/orders", &key, &order(reference))).await;
        assert_eq!(status, expected, "{body}");
    }
    let (_, page) = Server::answer(server.get("/v1/orders").bearer_auth(&key)).await;
    let references: Vec<_> = page["data"].as_array().unwrap().iter().map(|order| order["reference"].clone()).collect();
    assert_eq!(references, ["before", "meanwhile", "after"]);
    server.stop().await;
}
