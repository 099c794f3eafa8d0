//! What is not called: clear text, bad certificates, hosts nobody approved, networks that are not the internet.

use super::World;
use bonded_base::Secret;
use bonded_connect::outbound::{CallError, Request, TlsVersion};
use bonded_connect::platform::Failure;
use bonded_testkit::https_server::{HttpsServer, Shows, Wanted, answer};
use hyper::Version;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that counts what it hears.
async fn counting(wanted: Wanted) -> (HttpsServer, Arc<AtomicUsize>) {
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let server = HttpsServer::start(wanted, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { answer(200, "heard") }
    });
    (server.await, heard)
}

#[tokio::test]
async fn a_good_host_answers_over_either_http_and_either_tls() {
    for (h2, tls13, tls) in
        [(true, true, TlsVersion::V13), (false, true, TlsVersion::V13), (true, false, TlsVersion::V12)]
    {
        let wanted = Wanted { h2, tls13, ..Wanted::GOOD };
        let spoken = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&spoken);
        let server = HttpsServer::start(wanted, move |request| {
            *noted.lock().unwrap() = Some(request.version());
            assert_eq!(request.headers()["user-agent"], "Bonded/test");
            assert_eq!(request.headers()["accept-encoding"], "identity");
            async { answer(201, "made") }
        })
        .await;
        let world = World::around(&server).await;
        for name in ["localhost", "127.0.0.1", "shop.example"] {
            let answer = world.ask(&server.origin(name)).await.unwrap();
            assert_eq!((answer.status, &answer.body[..], answer.tls), (201, &b"made"[..], tls));
        }
        assert_eq!(*spoken.lock().unwrap(), Some(if h2 { Version::HTTP_2 } else { Version::HTTP_11 }));
        let counted: Vec<_> =
            world.outbound.counts().iter().map(|count| (count.purpose, count.tls, count.calls)).collect();
        assert_eq!(counted, [("tests", Some(tls), 3)]);
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_host_whose_certificate_is_bad() {
    for (shows, fault) in [
        (Shows::OtherName, "is for another name"),
        (Shows::OtherAuthority, "is of no trusted authority"),
        (Shows::Expired, "has expired"),
    ] {
        let (server, heard) = counting(Wanted { shows, ..Wanted::GOOD }).await;
        let world = World::around(&server).await;
        let refused = world.ask(&server.origin("shop.example")).await;
        assert!(matches!(&refused, Err(CallError::Certificate(why)) if *why == fault), "{shows:?}: {refused:?}");
        assert_eq!(heard.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn old_tls_and_no_tls_are_refused() {
    let (server, _) = counting(Wanted::GOOD).await;
    let world = World::around(&server).await;
    // A ServerHello of TLS 1.1 with the suite RSA-AES128-SHA, then one who answers in clear, then one who hangs up.
    let old = [&[0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..], &[9; 32], &[0, 0, 0x2f, 0]].concat();
    for said in [old, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Vec::new()] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stranger = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut hello = vec![0; 4096];
            let read = tcp.read(&mut hello).await.unwrap();
            tcp.write_all(&said).await.unwrap();
            let mut rest = Vec::new();
            let _ = tcp.shutdown().await;
            let _ = tcp.read_to_end(&mut rest).await;
            hello.truncate(read);
            [hello, rest].concat()
        });
        let refused = world.ask(&format!("https://shop.example:{port}/secret-path")).await;
        assert!(matches!(&refused, Err(CallError::Away(_))), "{refused:?}");
        let heard = stranger.await.unwrap();
        assert!(!heard.windows(6).any(|part| part == b"secret"), "nothing was said but the wish for TLS");
    }
}

#[tokio::test]
async fn clear_text_users_and_unapproved_hosts_are_refused_before_anything_is_looked_up() {
    let (server, heard) = counting(Wanted::GOOD).await;
    let world = World::around(&server).await;
    let line = world.line(&[&format!("shop.example:{}", server.port())]);
    let call = async |url: String| line.call("tests", &["lines"], Request::get(url.parse().unwrap())).await;
    for url in [format!("http://shop.example:{}", server.port()), format!("https://me@shop.example:{}", server.port())]
    {
        assert!(matches!(call(url).await, Err(CallError::NotHttps)));
    }
    for url in
        [server.origin("other.example"), "https://shop.example/".to_owned(), "https://169.254.169.254/".to_owned()]
    {
        assert!(matches!(call(url).await, Err(CallError::NotApproved)));
    }
    let broken = Request::get(server.origin("shop.example").parse().unwrap())
        .secret_header("authorization", &Secret::new("two\r\nlines".to_owned()));
    assert!(matches!(line.call("tests", &[], broken).await, Err(CallError::Header)));
    assert_eq!(world.ledger.head(&world.scope).await.unwrap(), 0, "nothing was to be told");
    assert_eq!(heard.load(Ordering::SeqCst), 0);
    assert!(world.names.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn names_that_lead_inside_are_not_called() {
    let (server, heard) = counting(Wanted::GOOD).await;
    let inside: &[(&'static str, &[&str])] = &[
        ("private.example", &["10.1.2.3"]),
        ("metadata.example", &["169.254.169.254"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("unique.example", &["fd00:ec2::254"]),
        ("nat64.example", &["64:ff9b::a00:1"]),
        ("mixed.example", &["93.184.216.34", "127.0.0.1"]),
        ("machine.example", &["127.0.0.1"]),
    ];
    let world = World::with(&server, inside, false).await;
    for (name, _) in inside {
        let refused = world.ask(&server.origin(name)).await;
        assert!(matches!(refused, Err(CallError::Private)), "{name}: {refused:?}");
    }
    for literal in ["127.0.0.1", "2130706433", "0x7f.1", "017700000001", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"] {
        let refused = world.ask(&server.origin(literal)).await;
        assert!(matches!(refused, Err(CallError::Private)), "{literal}: {refused:?}");
    }
    assert_eq!(heard.load(Ordering::SeqCst), 0);
    // Where its own machine may be called, no other inside may.
    let world = World::with(&server, &inside[..1], true).await;
    assert!(matches!(world.ask(&server.origin("private.example")).await, Err(CallError::Private)));
    assert!(matches!(world.ask("https://192.168.1.1/").await, Err(CallError::Private)));
}

#[tokio::test]
async fn a_name_is_resolved_once_for_a_connection() {
    let (server, heard) = counting(Wanted { h2: false, ..Wanted::GOOD }).await;
    let world = World::around(&server).await;
    for _ in 0..3 {
        world.ask(&server.origin("shop.example")).await.unwrap();
    }
    assert_eq!(heard.load(Ordering::SeqCst), 3);
    assert_eq!(*world.names.asked.lock().unwrap(), ["shop.example"]);
}

/// A server that sends on to wherever the path says, and notes what it was shown.
async fn sending_on(status: u16) -> (HttpsServer, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&heard);
    let server = HttpsServer::start(Wanted::GOOD, move |request| {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let secret = request.headers().get("authorization").map_or("-", |_| "secret");
        let body = String::from_utf8_lossy(request.body()).into_owned();
        noted.lock().unwrap().push(format!("{} {host} {secret} {body}", request.method()));
        let place = request.uri().query().map(str::to_owned);
        async move {
            let mut answer = answer(if place.is_some() { status } else { 200 }, "");
            if let Some(place) = place {
                answer.headers_mut().insert("location", place.parse().unwrap());
            }
            answer
        }
    });
    (server.await, heard)
}

fn with_secret(request: Request) -> Request {
    request.secret_header("authorization", &Secret::new("Bearer hunter2".to_owned()))
}

#[tokio::test]
async fn a_call_is_sent_on_only_to_where_it_might_have_gone_at_first() {
    let (server, heard) = sending_on(307).await;
    let world = World::with(&server, &[("inside.example", &["10.0.0.1"])], true).await;
    let [shop, other, inside] = ["shop", "other", "inside"].map(|name| format!("{name}.example:{}", server.port()));
    let line = world.line(&[&shop, &inside]);
    for (to, refusal) in [
        (format!("https://{inside}/"), "Private"),
        (format!("https://{other}/"), "NotApproved"),
        (format!("http://{shop}/"), "NotHttps"),
        ("https://10.0.0.1/".to_owned(), "NotApproved"),
        ("file:///etc/passwd".to_owned(), "NotHttps"),
    ] {
        let request = with_secret(Request::get(format!("https://{shop}/?{to}").parse().unwrap()));
        let refused = line.call("tests", &[], request).await;
        assert!(matches!(&refused, Err(error) if format!("{error:?}") == refusal), "{to}: {refused:?}");
    }
    assert!(heard.lock().unwrap().iter().all(|heard| heard.starts_with("GET shop.example secret")), "and nobody else");
}

#[tokio::test]
async fn secrets_stay_with_their_host_and_bodies_follow_307() {
    let (server, heard) = sending_on(307).await;
    let world = World::around(&server).await;
    let [shop, other] = ["shop", "other"].map(|name| format!("{name}.example:{}", server.port()));
    let line = world.line(&[&shop, &other]);
    for to in [format!("https://{other}/"), "/elsewhere".to_owned()] {
        let url = format!("https://{shop}/?{to}").parse().unwrap();
        assert_eq!(line.call("tests", &["lines"], with_secret(Request::post(url, "body"))).await.unwrap().status, 200);
    }
    let heard = heard.lock().unwrap().clone();
    let [at_shop, at_other] = ["POST shop.example secret body", "POST other.example - body"];
    assert_eq!(heard, [at_shop, at_other, at_shop, at_shop]);
}

#[tokio::test]
async fn only_reading_follows_302_and_nothing_for_ever() {
    let (server, heard) = sending_on(302).await;
    let world = World::around(&server).await;
    let shop = format!("shop.example:{}", server.port());
    let line = world.line(&[&shop]);
    let url = |rest: &str| format!("https://{shop}/{rest}").parse().unwrap();
    assert_eq!(line.call("tests", &[], Request::post(url("?/there"), "x")).await.unwrap().status, 302);
    assert_eq!(line.call("tests", &[], Request::get(url("?/there")).without_redirects()).await.unwrap().status, 302);
    assert_eq!(heard.lock().unwrap().len(), 2);
    assert_eq!(line.call("tests", &[], Request::get(url("?/there"))).await.unwrap().status, 200);
    let round = HttpsServer::start(Wanted::GOOD, async |_| {
        let mut answer = answer(302, "");
        answer.headers_mut().insert("location", "/".parse().unwrap());
        answer
    })
    .await;
    let world = World::around(&round).await;
    assert!(matches!(world.ask(&round.origin("localhost")).await, Err(CallError::TooManyRedirects)));
}

#[test]
fn a_platform_s_failure_says_who_has_to_act() {
    assert!(matches!(Failure::from(CallError::NotApproved), Failure::Unauthorised(_)));
    assert!(matches!(Failure::from(CallError::Away("x")), Failure::Away(_)));
    assert!(matches!(Failure::from(CallError::TooLarge), Failure::Strange(_)));
}
