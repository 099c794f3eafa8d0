//! `bonded listen` beside a real server: what happens is told to a local port, signed.

use crate::house::{House, Server, order};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came, answered with 204: its head in lower case, and its body.
async fn heard(listener: &TcpListener) -> (String, String) {
    let (mut tcp, _) = listener.accept().await.unwrap();
    let text = read(&mut tcp).await;
    tcp.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn read(tcp: &mut TcpStream) -> String {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let read = tcp.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let length = text.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let is_whole = text.split_once("\r\n\r\n").is_some_and(|(_, body)| Some(body.len()) == length);
        if is_whole || read == 0 {
            return text;
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_told_to_a_local_port() {
    let house = House::new();
    let server = house.serve_unsealed();
    let (_, key) = house.account("Corner Shop", "retailer");
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://localhost:{}/hook", receiver.local_addr().unwrap().port());
    let base = format!("https://{}", server.public);
    let words = ["listen", "--forward-to", &to, "--api", &base, "--event", "order.placed"];
    let mut command = house.command(&words);
    command.arg("--root-certificate").arg(house.path("bonded-data/tls/ca.pem")).env("BONDED_API_KEY", &key);
    let mut listening = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(listening.stdout.take().unwrap()).lines().map_while(Result::ok);
    let secret = lines.next().unwrap().strip_prefix("signing secret  ").unwrap().to_owned();
    assert_eq!(lines.next().unwrap(), format!("forwarding to   {to}"));

    let (placed, body) = Server::answer(server.post("/v1/orders", &key, &order("A-1"))).await;
    assert_eq!(placed, 201);
    let (head, told) = heard(&receiver).await;
    let signer = standardwebhooks::Webhook::new(&secret).unwrap();
    let (id, timestamp) = (header(&head, "webhook-id"), header(&head, "webhook-timestamp").parse().unwrap());
    assert_eq!(header(&head, "webhook-signature"), signer.sign(id, timestamp, told.as_bytes()).unwrap());
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["type"], &told["data"]["id"]), (&"order.placed".into(), &body["id"]));
    assert_eq!(told["data"]["object"]["reference"], "A-1");
    assert!(!told.to_string().contains("Sample Road"));
    let line = lines.next().unwrap();
    assert!(line.contains("  order.placed  evt_") && line.contains(" -> 204 ("), "{line}");
    listening.kill().unwrap();
    listening.wait().unwrap();
    server.stop().await;
}

#[test]
fn what_cannot_be_listened_to_is_said() {
    let house = House::empty();
    for (words, said) in [
        (&["--forward-to", "http://example.com/", "--api", "https://localhost"][..], "an address of this machine"),
        (&["--forward-to", "http://localhost:1/", "--api", "http://localhost"], "--api takes"),
        (&["--forward-to", "http://localhost:1/", "--api", "https://localhost"], "BONDED_API_KEY"),
        (&["--forward-to", "http://localhost:1/", "--api", "https://localhost", "--event", "x"], "order.placed"),
    ] {
        let ended = house.run(&[&["listen"], words].concat());
        assert!(ended.code == 64 && ended.err.contains(said), "{words:?}: {} {}", ended.code, ended.err);
    }
}
