//! The door of the private listener: whom the proxy vouches for is let in, and nobody else sees what it said.

use crate::house::people::Helper;
use crate::house::{Guest as _, House};
use crate::identity::{AssertedIdentity, Door, IdentityCheck, IdentityProof, IssuerKeys};
use crate::{App, Readiness, Settings, private, surrounded};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::routing::get;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bonded_base::Moment;
use bonded_people::assertion::{KeySet, Rules, Verifier};
use bonded_people::staff::StaffRole;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

const HEADER: &str = "x-our-proxy";

/// An issuer, and what the server knows of its keys: `held` now, `next` after the next question.
struct Issuer {
    pair: EcdsaKeyPair,
    held: Mutex<Option<Arc<KeySet>>>,
    next: Mutex<Option<Arc<KeySet>>>,
    sought: Mutex<u32>,
}

impl Issuer {
    fn new() -> Arc<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let issuer = Self { pair, held: Mutex::default(), next: Mutex::default(), sought: Mutex::default() };
        *issuer.held.lock().unwrap() = Some(issuer.keys("key-1"));
        Arc::new(issuer)
    }

    /// Its key under this name.
    fn keys(&self, kid: &str) -> Arc<KeySet> {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let set = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y}]});
        Arc::new(KeySet::parse(set.to_string().as_bytes()).unwrap())
    }

    fn assertion(&self, kid: &str, now: Moment) -> String {
        self.assertion_about("ada@example.com", kid, now)
    }

    fn assertion_about(&self, mail: &str, kid: &str, now: Moment) -> String {
        let second = now.millis() / 1000;
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": kid}).to_string();
        let claims = json!({"iss": "https://proxy.example", "aud": "console", "iat": second, "exp": second + 300,
            "sub": "1", "email": mail});
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl IssuerKeys for Issuer {
    fn usable(&self, _: Moment) -> Option<Arc<KeySet>> {
        self.held.lock().unwrap().clone()
    }

    fn seek(&self) -> BoxFuture<'_, ()> {
        async {
            *self.sought.lock().unwrap() += 1;
            if let Some(next) = self.next.lock().unwrap().take() {
                *self.held.lock().unwrap() = Some(next);
            }
        }
        .boxed()
    }

    fn confirmed_at(&self) -> Option<Moment> {
        Some(Moment::from_millis(0))
    }
}

struct Guarded {
    house: House,
    issuer: Arc<Issuer>,
    app: App,
    router: Router,
}

/// What a handler sees of its request.
async fn seen(headers: HeaderMap, identity: Option<Extension<AssertedIdentity>>) -> Json<Value> {
    let names: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
    Json(json!({"headers": names, "mail": identity.map(|Extension(identity)| identity.mail.expose().to_owned())}))
}

fn seeing() -> Router<App> {
    Router::new().route("/seen", get(seen))
}

impl Guarded {
    async fn new() -> Self {
        let (house, issuer) = (House::new().await, Issuer::new());
        let rules = Rules { issuer: String::from("https://proxy.example"), audience: String::from("console") };
        let keys: Arc<dyn IssuerKeys> = Arc::<Issuer>::clone(&issuer);
        let proof = IdentityProof { header: HeaderName::from_static(HEADER), verifier: Verifier::new(rules), keys };
        let settings = Settings { identity: IdentityCheck::Required(Arc::new(proof)), ..house.app.settings().clone() };
        let app = App::new((**house.ledger).clone(), settings, Readiness::open()).unwrap();
        let router = private(app.clone(), Router::new().route("/seen", get(seen)));
        Self { house, issuer, app, router }
    }

    fn good(&self) -> HeaderValue {
        HeaderValue::try_from(self.issuer.assertion("key-1", self.house.ledger.clock().now())).unwrap()
    }

    async fn get(&self, path: &str, headers: &[(&str, HeaderValue)]) -> (StatusCode, Value) {
        send(&self.router, Method::GET, path, headers).await
    }

    async fn figures(&self) -> String {
        self.figures_by(self.good()).await
    }

    async fn figures_by(&self, assertion: HeaderValue) -> String {
        let mut request = Request::builder().uri("/metrics").body(Body::empty()).unwrap();
        request.headers_mut().insert(HEADER, assertion);
        let response = self.router.clone().oneshot(request).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }
}

async fn send(router: &Router, method: Method, path: &str, headers: &[(&str, HeaderValue)]) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    for (name, value) in headers {
        request.headers_mut().append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.clone());
    }
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn nothing_but_health_is_answered_without_an_assertion() {
    let guarded = Guarded::new().await;
    for path in ["/healthz", "/readyz", "/healthz?x=1"] {
        assert_eq!(guarded.get(path, &[]).await.0, StatusCode::OK, "{path}");
    }
    for path in
        ["/metrics", "/seen", "/nothing", "/", "/healthz/", "//healthz", "/HEALTHZ", "/healthz/../seen", "/v1/orders"]
    {
        let (status, problem) = guarded.get(path, &[]).await;
        assert_eq!((status, &problem["type"]), (StatusCode::FORBIDDEN, &json!("/problems/identity")), "{path}");
    }
    for method in [Method::POST, Method::DELETE, Method::OPTIONS, Method::from_bytes(b"CANARY").unwrap()] {
        let (status, _) = send(&guarded.router, method.clone(), "/metrics", &[]).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method}");
    }
    let good = || [(HEADER, guarded.good())];
    assert_eq!(guarded.get("/nothing", &good()).await.0, StatusCode::NOT_FOUND);
    assert_eq!(send(&guarded.router, Method::POST, "/metrics", &good()).await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert!(guarded.figures().await.contains("bonded_identity_keys_age_seconds "));
}

#[tokio::test]
async fn a_handler_sees_the_person_and_never_what_the_proxy_said() {
    let guarded = Guarded::new().await;
    let forged = HeaderValue::from_static("accounts.google.com:eve@example.com");
    let headers = [
        (HEADER, guarded.good()),
        ("x-goog-iap-jwt-assertion", guarded.good()),
        ("x-goog-authenticated-user-email", forged.clone()),
        ("x-pomerium-claim-email", forged),
        ("x-other", HeaderValue::from_static("stays")),
    ];
    let (status, seen) = guarded.get("/seen", &headers).await;
    assert_eq!((status, seen), (StatusCode::OK, json!({"headers": ["x-other"], "mail": "ada@example.com"})));
}

#[tokio::test]
async fn one_header_with_one_assertion_is_asked_for() {
    let guarded = Guarded::new().await;
    let good = guarded.good();
    let text = good.to_str().unwrap().to_owned();
    let value = |text: String| HeaderValue::try_from(text).unwrap();
    let bytes = |suffix: &[u8]| HeaderValue::from_bytes(&[text.as_bytes(), suffix].concat()).unwrap();
    for (name, headers) in [
        ("none", vec![]),
        ("two", vec![(HEADER, good.clone()), (HEADER, good.clone())]),
        ("a good and a bad one", vec![(HEADER, good.clone()), (HEADER, HeaderValue::from_static("x"))]),
        ("a bad and a good one", vec![(HEADER, HeaderValue::from_static("x")), (HEADER, good.clone())]),
        ("an empty and a good one", vec![(HEADER, HeaderValue::from_static("")), (HEADER, good.clone())]),
        ("two folded into one", vec![(HEADER, value(format!("{text}, {text}")))]),
        ("two folded without a space", vec![(HEADER, value(format!("{text},{text}")))]),
        ("a comma behind", vec![(HEADER, value(format!("{text},")))]),
        ("a comma before", vec![(HEADER, value(format!(",{text}")))]),
        ("a space behind", vec![(HEADER, bytes(b" "))]),
        ("a byte above 127 behind", vec![(HEADER, bytes(b"\xff"))]),
        ("as a bearer", vec![(HEADER, value(format!("Bearer {text}")))]),
        ("empty", vec![(HEADER, HeaderValue::from_static(""))]),
        ("in another proxy's header", vec![("x-goog-iap-jwt-assertion", good.clone())]),
        ("in Authorization", vec![("authorization", value(format!("Bearer {text}")))]),
        ("in a cookie", vec![("cookie", value(format!("{HEADER}={text}")))]),
        ("with an underscore", vec![("x_our_proxy", good.clone())]),
        ("under a longer name", vec![("x-our-proxy-2", good.clone())]),
    ] {
        assert_eq!(guarded.get("/seen", &headers).await.0, StatusCode::FORBIDDEN, "{name}");
    }
    let figures = guarded.figures().await;
    for line in [
        "bonded_identity_refusals_total{reason=\"absent\"} 6\n",
        "bonded_identity_refusals_total{reason=\"repeated\"} 8\n",
        "bonded_identity_refusals_total{reason=\"encoding\"} 3\n",
        "bonded_identity_refusals_total{reason=\"shape\"} 1\n",
    ] {
        assert!(figures.contains(line), "{line}{figures}");
    }
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_once_and_a_known_one_never() {
    let guarded = Guarded::new().await;
    let now = guarded.house.ledger.clock().now();
    let by = |kid: &str| [(HEADER, HeaderValue::try_from(guarded.issuer.assertion(kid, now)).unwrap())];
    let sought = || *guarded.issuer.sought.lock().unwrap();
    assert_eq!(guarded.get("/seen", &by("key-1")).await.0, StatusCode::OK);
    assert_eq!(sought(), 0);
    assert_eq!(guarded.get("/seen", &by("key-2")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(sought(), 1);
    *guarded.issuer.next.lock().unwrap() = Some(guarded.issuer.keys("key-2"));
    assert_eq!(guarded.get("/seen", &by("key-2")).await.0, StatusCode::OK);
    assert_eq!(guarded.get("/seen", &by("key-1")).await.0, StatusCode::FORBIDDEN, "the issuer took it back");
    *guarded.issuer.held.lock().unwrap() = None;
    assert_eq!(guarded.get("/seen", &by("key-2")).await.0, StatusCode::FORBIDDEN);
    *guarded.issuer.next.lock().unwrap() = Some(guarded.issuer.keys("key-2"));
    assert_eq!(guarded.get("/seen", &by("key-2")).await.0, StatusCode::OK);
    assert_eq!(sought(), 5);
    let figures = guarded.figures_by(by("key-2")[0].1.clone()).await;
    assert!(
        figures.contains("{reason=\"unknown_key\"} 2\n") && figures.contains("{reason=\"keys_away\"} 1\n"),
        "{figures}"
    );
}

#[tokio::test]
async fn an_assertion_ends_while_its_keys_stay() {
    let guarded = Guarded::new().await;
    let good = [(HEADER, guarded.good())];
    assert_eq!(guarded.get("/seen", &good).await.0, StatusCode::OK);
    guarded.house.ledger.test_clock().advance_ms(331_000);
    assert_eq!(guarded.get("/seen", &good).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn where_nothing_is_asked_nobody_is_believed_either() {
    let guarded = Guarded::new().await;
    let headers = [
        (HEADER, guarded.good()),
        ("x-goog-iap-jwt-assertion", guarded.good()),
        ("x-pomerium-jwt-assertion", guarded.good()),
        ("x-amzn-oidc-identity", HeaderValue::from_static("eve")),
    ];
    let off = private(guarded.house.app.clone(), Router::new().route("/seen", get(seen)));
    let (status, seen) = send(&off, Method::GET, "/seen", &headers).await;
    assert_eq!((status, seen), (StatusCode::OK, json!({"headers": [HEADER], "mail": null})));
    // The public door takes out the header of the private one's proxy as well.
    let outside = surrounded(guarded.app.clone(), seeing(), Door::Public);
    let (status, seen) = send(&outside, Method::GET, "/seen", &headers).await;
    assert_eq!((status, seen), (StatusCode::OK, json!({"headers": [], "mail": null})));
}

#[tokio::test]
async fn figures_are_for_programs_and_for_those_of_the_staff_who_have_the_power() {
    let guarded = Guarded::new().await;
    let (engineer, support) =
        (guarded.house.staff(StaffRole::Engineer).await, guarded.house.staff(StaffRole::Support).await);
    let now = guarded.house.ledger.clock().now();
    let by = |mail: &str| {
        let assertion = guarded.issuer.assertion_about(mail, "key-1", now);
        (HEADER, HeaderValue::try_from(assertion).unwrap())
    };
    let session = |helper: &Helper| ("cookie", HeaderValue::try_from(helper.shows()[0].1.clone()).unwrap());
    let (engineer_mail, support_mail) = ("engineer0@bonded.example", "Support1@bonded.example");
    let status = async |headers: &[(&str, HeaderValue)]| guarded.get("/metrics", headers).await.0.as_u16();
    assert_eq!(status(&[by("collector@bonded.example")]).await, 200, "a program has no session");
    assert_eq!(status(&[by(engineer_mail)]).await, 303, "who is on the staff signs in first");
    assert_eq!(status(&[by(engineer_mail), session(&engineer)]).await, 200);
    assert_eq!(status(&[by(support_mail), session(&support)]).await, 403);
    assert_eq!(status(&[by(support_mail), session(&engineer)]).await, 403, "another's session");
    assert_eq!(status(&[by("collector@bonded.example"), session(&engineer)]).await, 403, "nor a program with one");
    guarded.house.ledger.vault().seal();
    assert_eq!(status(&[by("collector@bonded.example")]).await, 200, "that the vault is sealed is among them");
    assert!(guarded.figures().await.contains("bonded_vault_sealed 1\n"));
}
