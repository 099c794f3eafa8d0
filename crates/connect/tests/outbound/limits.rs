//! Hosts that talk too long, too slowly or not at all.

use super::World;
use bonded_connect::outbound::{CallError, Request};
use bonded_testkit::https_server::{HttpsServer, Wanted, answer};
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame};
use std::convert::Infallible;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Long enough to connect, also on a busy machine; what is tested never comes at all.
const SHORT: Duration = Duration::from_secs(2);

async fn ask_shortly(world: &World, server: &HttpsServer) -> Result<u16, CallError> {
    let request = Request::get(server.origin("shop.example").parse().unwrap()).timeout(SHORT).answer_bytes_max(100_000);
    let line = world.line(&[&format!("shop.example:{}", server.port())]);
    line.call("tests", &[], request).await.map(|answer| answer.status)
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    for h2 in [true, false] {
        let server = HttpsServer::start(Wanted { h2, ..Wanted::GOOD }, async |_| {
            let chunks = stream::repeat_with(|| Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[b'x'; 8_192]))));
            Response::new(BodyExt::boxed(StreamBody::new(chunks)))
        })
        .await;
        let world = World::around(&server).await;
        let refused = ask_shortly(&world, &server).await;
        assert!(matches!(refused, Err(CallError::TooLarge)), "{refused:?}");
    }
}

#[tokio::test]
async fn an_answer_that_says_it_is_too_long_is_not_read() {
    let server = HttpsServer::start(Wanted::GOOD, async |_| answer(200, vec![b'x'; 100_001])).await;
    let world = World::around(&server).await;
    assert!(matches!(ask_shortly(&world, &server).await, Err(CallError::TooLarge)));
    let server = HttpsServer::start(Wanted::GOOD, async |_| answer(200, vec![b'x'; 100_000])).await;
    let world = World::around(&server).await;
    assert_eq!(ask_shortly(&world, &server).await.unwrap(), 200);
}

#[tokio::test]
async fn a_host_that_drips_or_says_nothing_is_left() {
    for said in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"] {
        let server = HttpsServer::raw(Wanted { h2: false, ..Wanted::GOOD }, move |mut stream| async move {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(said.as_bytes()).await;
            // Until the other side has had enough.
            while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
        })
        .await;
        let world = World::around(&server).await;
        let left = ask_shortly(&world, &server).await;
        assert!(matches!(left, Err(CallError::Away("the host did not answer in time"))), "{said:?}: {left:?}");
    }
}

#[tokio::test]
async fn a_host_that_cuts_or_has_endless_headers_is_away() {
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(10_000));
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", "not HTTP at all\r\n\r\n", &endless] {
        let said = said.to_owned();
        let server = HttpsServer::raw(Wanted { h2: false, ..Wanted::GOOD }, move |mut stream| {
            let said = said.clone();
            async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(said.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        let world = World::around(&server).await;
        let left = ask_shortly(&world, &server).await;
        assert!(matches!(left, Err(CallError::Away("the connection to the host broke off"))), "{left:?}");
    }
}

#[tokio::test]
async fn a_port_where_nobody_is_is_said_so() {
    let server = HttpsServer::start(Wanted::GOOD, async |_| answer(200, "")).await;
    let world = World::around(&server).await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let refused = world.ask(&format!("https://shop.example:{port}/")).await;
    assert!(matches!(refused, Err(CallError::Away("the host cannot be reached"))), "{refused:?}");
}
