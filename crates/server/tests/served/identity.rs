//! The private listener behind its proxy: who is let in, over both versions of HTTP, and how keys come and go.

use crate::house::{House, Server};
use crate::proxy::{HEADER, MAIL, Publisher, Signer, connection, guarded, published};
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::{Client, StatusCode, Version};
use serde_json::{Value, json};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Callers of either version of HTTP.
fn callers(house: &House) -> [(Client, Version); 2] {
    let pem = std::fs::read(house.path("bonded-data/tls/ca.pem")).unwrap();
    let authority = reqwest::Certificate::from_pem(&pem).unwrap();
    let builder = || Client::builder().tls_certs_only([authority.clone()]).no_proxy();
    let one = builder().http1_only().build().unwrap();
    [(one, Version::HTTP_11), (builder().build().unwrap(), Version::HTTP_2)]
}

async fn asked(client: &Client, server: &Server, path: &str, headers: &[(&str, &str)]) -> (StatusCode, Version, Value) {
    let mut request = client.get(format!("https://{}{path}", server.private));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, version) = (answer.status(), answer.version());
    (status, version, answer.json().await.unwrap_or_default())
}

/// Whether this assertion lets in.
async fn is_in(server: &Server, assertion: &str) -> bool {
    let (status, _, _) = asked(&server.client, server, "/metrics", &[(HEADER, assertion)]).await;
    assert!(status == StatusCode::OK || status == StatusCode::FORBIDDEN, "{status}");
    status == StatusCode::OK
}

/// A house with an issuer whose keys lie in a file.
fn by_file() -> (House, Signer, String) {
    let (house, signer) = (House::new(), Signer::new("key-1"));
    let path = house.path("keys.json");
    std::fs::write(&path, published(&[&signer])).unwrap();
    (house, signer, path.display().to_string())
}

#[tokio::test]
async fn only_whom_the_proxy_vouches_for_is_let_in_over_either_version_of_http() {
    let (house, signer, keys) = by_file();
    let server = guarded(&house, &keys, None);
    let good = signer.assertion();
    let unsigned = format!("{}.{}.", "eyJhbGciOiJub25lIn0", good.split('.').nth(1).unwrap());
    let [expired, other, elsewhere] = [
        json!({"iat": 1, "exp": 2}),
        json!({"aud": "/projects/1234/global/backendServices/567"}),
        json!({"iss": "https://cloud.google.com/iap/"}),
    ]
    .map(|claims| signer.assertion_with(&json!({}), &claims));
    let hashed = signer.assertion_with(&json!({"alg": "HS256"}), &json!({}));
    let stranger = Signer::new("key-1").assertion();
    let (folded, spaced) = (format!("{good},{good}"), format!("{good}, x"));
    let mut refused = 0;
    for (client, version) in callers(&house) {
        for path in ["/healthz", "/readyz"] {
            let (status, spoken, _) = asked(&client, &server, path, &[]).await;
            assert!(status != StatusCode::FORBIDDEN && spoken == version, "{path} {status}");
        }
        let (status, _, _) = asked(&client, &server, "/metrics", &[(HEADER, &good)]).await;
        assert_eq!(status, StatusCode::OK);
        for headers in [
            &[][..],
            &[(HEADER, good.as_str()), (HEADER, good.as_str())],
            &[(HEADER, "x"), (HEADER, good.as_str())],
            &[(HEADER, good.as_str()), (HEADER, "")],
            &[(HEADER, folded.as_str())],
            &[(HEADER, spaced.as_str())],
            &[(HEADER, unsigned.as_str())],
            &[(HEADER, expired.as_str())],
            &[(HEADER, other.as_str())],
            &[(HEADER, elsewhere.as_str())],
            &[(HEADER, hashed.as_str())],
            &[(HEADER, stranger.as_str())],
            &[("x-pomerium-jwt-assertion", good.as_str())],
            &[("x-goog-authenticated-user-email", "accounts.google.com:canary.person@example.com")],
            &[("authorization", "Bearer x")],
        ] {
            let (status, _, problem) = asked(&client, &server, "/metrics", headers).await;
            assert_eq!(
                (status, &problem["type"]),
                (StatusCode::FORBIDDEN, &json!("/problems/identity")),
                "{headers:?}"
            );
            assert!(!problem.to_string().contains(&good), "nothing of it is repeated");
            refused += 1;
        }
        // The first leads to the page where the staff sign in.
        for (path, status) in
            [("/", StatusCode::OK), ("/nothing", StatusCode::NOT_FOUND), ("/v1/account", StatusCode::NOT_FOUND)]
        {
            assert_eq!(asked(&client, &server, path, &[]).await.0, StatusCode::FORBIDDEN, "{path}");
            assert_eq!(asked(&client, &server, path, &[(HEADER, &good)]).await.0, status, "{path}");
            refused += 1;
        }
    }
    let log = server.stop().await;
    let told = log.lines().filter(|line| line.contains("a request on the private listener was refused"));
    let told: Vec<Value> = told.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), refused, "every refusal is logged");
    for line in told {
        let names: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["level", "message", "reason", "request_id", "timestamp"], "{line}");
    }
    for secret in [MAIL, good.as_str(), good.rsplit('.').next().unwrap(), "accounts.google.com"] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}

/// The status of what is written as it stands; 0 if the connection was closed without an answer.
async fn raw(house: &House, server: &Server, request: &str) -> u16 {
    let mut stream = connection(house, server.private, b"http/1.1").await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is cut is an answer too.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_header_that_is_written_strangely_lets_nobody_in() {
    let (house, signer, keys) = by_file();
    let server = guarded(&house, &keys, None);
    let good = signer.assertion();
    let start = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let (front, back) = good.split_at(good.len() / 2);
    assert_eq!(raw(&house, &server, &format!("{start}X-GOOG-IAP-JWT-ASSERTION: {good}\r\n\r\n")).await, 200);
    assert_eq!(
        raw(&house, &server, &format!("{start}{HEADER}: \t {good} \t\r\n\r\n")).await,
        200,
        "space around is none of it"
    );
    for lines in [
        format!("{HEADER} : {good}\r\n"),
        format!(" {HEADER}: {good}\r\n"),
        format!("{HEADER}\t: {good}\r\n"),
        format!("{HEADER}: {front}\r\n {back}\r\n"),
        format!("{HEADER}:\r\n {good}\r\n"),
        format!("{HEADER}: {front} {back}\r\n"),
        format!("{HEADER}: {front}\u{0}{back}\r\n"),
        format!("{HEADER}: {good}\u{0}\r\n"),
        format!("{HEADER}: {good}\u{7f}\r\n"),
        format!("{HEADER}: {good}\u{e9}\r\n"),
        format!("{HEADER}: {good};\r\n"),
        format!("{HEADER}: \"{good}\"\r\n"),
        format!("{HEADER}: {good}\r\nX-Goog-Iap-Jwt-Assertion: {good}\r\n"),
        format!("{HEADER}: {good}\r\n{HEADER}:\r\n"),
        format!("x_goog_iap_jwt_assertion: {good}\r\n"),
        format!("x-other: a\r{HEADER}: {good}\r\n"),
        format!("connection: {HEADER}\r\nx-other: {good}\r\n"),
        format!("transfer-encoding: chunked\r\ntrailer: {HEADER}\r\n\r\n1\r\nx\r\n0\r\n{HEADER}: {good}\r\n"),
        format!("transfer-encoding: chunked\r\n\r\n1;{HEADER}={good}\r\nx\r\n0\r\n"),
        format!("content-length: 5\r\n\r\n{HEADER}: {good}\r\n"),
        format!("\r\n{HEADER}: {good}\r\n"),
    ] {
        let status = raw(&house, &server, &format!("{start}{lines}\r\n")).await;
        assert!(matches!(status, 0 | 400 | 403), "{status}: {lines:?}");
    }
    let in_target = format!("GET /metrics?{HEADER}={good} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(raw(&house, &server, &in_target).await, 403);
    let absolute = "GET https://localhost/healthz/../metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(&house, &server, absolute).await, 403);
    server.stop().await;
}

#[tokio::test]
async fn trailers_of_http_2_let_nobody_in() {
    let (house, signer, keys) = by_file();
    let server = guarded(&house, &keys, None);
    let stream = connection(&house, server.private, b"h2").await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let good: hyper::header::HeaderValue = signer.assertion().parse().unwrap();
    for (in_head, status) in [(true, StatusCode::OK), (false, StatusCode::FORBIDDEN)] {
        let mut trailers = hyper::HeaderMap::new();
        trailers.insert(HEADER, good.clone());
        let frames = [Frame::data(Bytes::from_static(b"x")), Frame::trailers(trailers)];
        let body = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, std::convert::Infallible>)));
        let mut request = hyper::Request::get("https://localhost/metrics").body(body).unwrap();
        if in_head {
            request.headers_mut().insert(HEADER, good.clone());
        }
        assert_eq!(sender.send_request(request).await.unwrap().status(), status);
    }
    drop(sender);
    let _ = connection.await;
    server.stop().await;
}

#[tokio::test]
async fn outside_an_assertion_opens_nothing_and_changes_nothing() {
    let (house, signer, keys) = by_file();
    let server = guarded(&house, &keys, None);
    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    let (_, key) = house.account("Corner Shop", "retailer");
    let good = signer.assertion();
    for (client, _) in callers(&house) {
        let ask = |path: &str| {
            let request = client.get(format!("https://{}{path}", server.public));
            let request = request.header(HEADER, &good).header(HEADER, "x").header("x-pomerium-jwt-assertion", &good);
            request.header("x-goog-authenticated-user-email", MAIL).header("cf-access-jwt-assertion", "x")
        };
        assert_eq!(Server::answer(ask("/metrics")).await.0, 404);
        assert_eq!(Server::answer(ask("/v1/account")).await.0, 401);
        let (status, account) = Server::answer(ask("/v1/account").bearer_auth(&key)).await;
        assert_eq!((status, &account["name"]), (200, &json!("Corner Shop")));
    }
    let log = server.stop().await;
    assert!(!log.contains(MAIL) && !log.contains(&good));
}

#[tokio::test]
async fn keys_of_a_file_are_taken_when_they_change() {
    let (house, first, keys) = by_file();
    let server = guarded(&house, &keys, None);
    let second = Signer::new("key-2");
    assert!(is_in(&server, &first.assertion()).await && !is_in(&server, &Signer::new("key-1").assertion()).await);
    std::fs::write(&keys, published(&[&first, &second])).unwrap();
    assert!(is_in(&server, &second.assertion()).await, "a key that nobody knows is looked for at once");
    assert!(is_in(&server, &first.assertion()).await);
    std::fs::remove_file(&keys).unwrap();
    assert!(is_in(&server, &second.assertion()).await && !is_in(&server, &Signer::new("key-3").assertion()).await);
    server.stop().await;
}

#[tokio::test]
async fn keys_of_an_address_are_fetched_and_a_storm_asks_once() {
    let house = House::new();
    let publisher = Publisher::new(&house).await;
    let [first, second, third] = ["key-1", "key-2", "key-3"].map(Signer::new);
    publisher.publish(&published(&[&first]));
    let server = guarded(&house, &publisher.url, Some(&publisher.authority));
    assert!(is_in(&server, &first.assertion()).await, "the first caller waits for the keys");
    let before = publisher.asked();

    publisher.publish(&published(&[&second]));
    let began = Instant::now();
    let storm = (0..100).map(|_| second.assertion()).collect::<Vec<_>>();
    let let_in = futures::future::join_all(storm.iter().map(|assertion| is_in(&server, assertion))).await;
    assert!(let_in.iter().all(|let_in| *let_in), "all wait for the one answer");
    assert!(!is_in(&server, &first.assertion()).await, "the issuer took the first key back");

    publisher.publish(&published(&[&third]));
    for _ in 0..100 {
        is_in(&server, &third.assertion()).await;
    }
    // One question now, and one more for each half minute that this machine took for it.
    let allowed = 1 + began.elapsed().as_secs() / 30;
    let asked = publisher.asked() - before;
    assert!(asked >= 1 && asked as u64 <= allowed, "{asked} questions, {allowed} allowed");
    server.stop().await;
}

#[tokio::test]
async fn while_the_address_is_away_or_wrong_the_known_keys_stay() {
    let house = House::new();
    let signer = Signer::new("key-1");
    let good = published(&[&signer]);
    let huge = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{good}{}", " ".repeat(100_000));
    for wrong in [
        String::new(),
        "HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n".to_owned(),
        format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{good}", good.len()),
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\": []".to_owned(),
        huge,
    ] {
        let publisher = Publisher::new(&house).await;
        publisher.publish(&good);
        let server = guarded(&house, &publisher.url, Some(&publisher.authority));
        assert!(is_in(&server, &signer.assertion()).await);
        publisher.answer(&wrong);
        assert!(!is_in(&server, &Signer::new("key-2").assertion()).await);
        assert!(is_in(&server, &signer.assertion()).await, "{}", wrong.chars().take(40).collect::<String>());
        publisher.close().await;
        assert!(is_in(&server, &signer.assertion()).await);
        let log = server.stop().await;
        assert!(log.contains("the issuer's keys could not be read"), "{log}");
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_trusted_or_reached_leaves_the_listener_shut() {
    let house = House::new();
    let publisher = Publisher::new(&house).await;
    let signer = Signer::new("key-1");
    publisher.publish(&published(&[&signer]));
    // The machine trusts another authority.
    let server = guarded(&house, &publisher.url, Some(&house.path("bonded-data/tls/ca.pem")));
    assert!(!is_in(&server, &signer.assertion()).await);
    assert_eq!(asked(&server.client, &server, "/healthz", &[]).await.0, StatusCode::OK);
    assert_eq!(publisher.asked(), 0, "nothing is asked of who cannot prove its name");
    let log = server.stop().await;
    assert!(log.contains("\"reason\":\"keys_away\""), "{log}");
}

#[tokio::test]
async fn doctor_says_how_old_the_keys_are_and_a_broken_file_is_told_at_the_start() {
    let (house, signer, keys) = by_file();
    let config = house.path("bonded.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let section = format!(
        "[identity]\nheader = \"{HEADER}\"\nissuer = \"{}\"\naudience = \"a\"\nkeys = \"{keys}\"\n",
        crate::proxy::ISSUER
    );
    let at = text.find("[identity]").unwrap();
    let end = at + text[at..].find("\n[").unwrap() + 1;
    std::fs::write(&config, format!("{}{section}{}", &text[..at], &text[end..])).unwrap();
    let told = |house: &House| {
        let checks = house.run(&["doctor", "--json"]).json()["checks"].clone();
        let about = |check: &&Value| check["about"] == "identity";
        checks.as_array().unwrap().iter().filter(about).cloned().collect::<Vec<_>>()
    };
    let idle = told(&house);
    assert_eq!((idle.len(), &idle[0]["level"]), (1, &json!("ok")), "{idle:?}");
    assert!(idle[0]["said"].as_str().unwrap().contains("1 key, in "), "{idle:?}");
    let server = house.serve();
    let running = told(&house);
    assert_eq!(running.len(), 2, "{running:?}");
    assert!(running[1]["said"].as_str().unwrap().ends_with("read its keys 0 min ago"), "{running:?}");
    assert!(is_in(&server, &signer.assertion_with(&json!({}), &json!({"aud": "a"}))).await);
    server.stop().await;

    std::fs::write(&keys, "{}").unwrap();
    let said = house.run(&["serve", "--public", "127.0.0.1:0", "--private", "127.0.0.1:0"]);
    assert_eq!(said.code, 78, "{}", said.err);
    assert!(said.err.contains("keys.json cannot be used: it is no JSON object"), "{}", said.err);
    assert_eq!(told(&house)[0]["level"], "fail");
}

#[tokio::test]
async fn in_production_it_is_said_that_nothing_is_asked() {
    let house = House::empty();
    house.must(&["keys", "new-officer", "--plain", &house.officer()]);
    house.must(&["init", "--environment", "production", "--officer", &format!("{}.pub", house.officer())]);
    let server = house.serve();
    assert_eq!(asked(&server.client, &server, "/metrics", &[]).await.0, StatusCode::OK);
    let checks = house.run(&["doctor", "--json"]).json()["checks"].clone();
    let identity = checks.as_array().unwrap().iter().find(|check| check["about"] == "identity").unwrap();
    assert_eq!(identity["level"], "warn", "{identity}");
    let log = server.stop().await;
    assert!(log.contains("is asked for no identity"), "{log}");

    let said = house.run(&["serve", "--public", "127.0.0.1:0", "--private", "10.255.255.254:0"]);
    assert_eq!(said.code, 78, "{}", said.err);
    assert!(said.err.contains("identity.check") && said.err.contains("docs/running.md"), "{}", said.err);
}
