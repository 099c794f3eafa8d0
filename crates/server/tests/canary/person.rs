//! Somebody with a browser: cookies, a password, an authenticator app, a passkey; every word of theirs is a canary.

use crate::caller::{Answer, BROWSERS, COOKIE_PREFIX, Callers, FETCH_SITE, Request};
use crate::canaries::{Place, Planting, Shape};
use crate::encodings::in_url;
use crate::secrets::{base32, recovery_codes, totp};
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use bonded_base::{Clock, SystemClock};
use bonded_testkit::authenticator::SoftKey;
use reqwest::Method;
use reqwest::header::SET_COOKIE;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long a one-time code is shown.
const STEP_MS: i64 = 30_000;

/// Where people call.
pub struct Doors {
    pub public: Callers,
    pub private: Callers,
}

impl Doors {
    /// The door that an address is behind.
    pub fn of(&self, path: &str) -> &Callers {
        let staff_alone =
            path == "/metrics" || path.starts_with("/staff") || path.starts_with("/support/") && path.contains("/v1/");
        if staff_alone { &self.private } else { &self.public }
    }
}

/// Somebody.
pub struct Person<'a> {
    doors: &'a Doors,
    planting: &'a Planting,
    /// What the addresses of this one's pages begin with: nothing, or `/staff`.
    prefix: &'static str,
    cookies: BTreeMap<String, String>,
    pub mail: String,
    pub password: String,
    app: Vec<u8>,
    last_step: i64,
    pub recovery: Vec<String>,
}

impl<'a> Person<'a> {
    pub fn new(doors: &'a Doors, planting: &'a Planting, prefix: &'static str, mail: &str) -> Self {
        let (cookies, app, recovery) = Default::default();
        let (mail, password) = (mail.to_owned(), String::new());
        Self { doors, planting, prefix, cookies, mail, password, app, last_step: 0, recovery }
    }

    /// The cookies as a browser sends them.
    pub fn cookies(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// A canary for a field of a form.
    pub fn typed(&self, operation: &str, field: &str, shape: Shape) -> String {
        self.planting.one(&Place::new(operation, format!("form {field}")), shape)
    }

    pub async fn send(&mut self, request: Request) -> Answer {
        let door = self.doors.of(&request.target);
        let request = Request { key: self.cookies(), ..request };
        let request =
            if request.key.is_empty() { request.header(FETCH_SITE, "same-origin".to_owned()) } else { request };
        // What a browser says of itself, and a proxy of whoever calls, is for a moment alone.
        let browser = self.planting.one(&Place::new("pages", "header user-agent"), Shape::Name);
        let request = request.header("user-agent", format!("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0 {browser}"));
        let answer = door.send(request.header("x-forwarded-for", BROWSERS[0].to_string())).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            assert!(name.starts_with(COOKIE_PREFIX));
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::new(Method::GET, path, "")).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(form(path, fields)).await
    }

    /// The same, where nothing but this status will do.
    pub async fn must(&mut self, status: u16, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, status, "POST {path}: {}", answer.text());
        answer
    }

    async fn script(&mut self, path: &str, body: &Value) -> Value {
        let answer = self.send(Request::new(Method::POST, path, "").json(body)).await;
        assert_eq!(answer.status, 200, "POST {path}: {}", answer.text());
        answer.json()
    }

    /// Opens a mailed link and joins; first with what is refused.
    pub async fn join(&mut self, link: &str) {
        let operation = format!("POST {}/invitations/{{}}/{{}}", self.prefix);
        let path = path_of(link);
        assert_eq!(self.get(path).await.status, 200);
        let name = self.typed(&operation, "name", Shape::Name);
        let short: String = self.typed(&operation, "password", Shape::Password).chars().take(14).collect();
        self.must(422, path, &[("name", &name), ("password", &short)]).await;
        self.must(422, path, &[("name", &name), ("password", &name)]).await;
        let mail = self.typed(&operation, "password", Shape::Address);
        self.must(422, path, &[("name", ""), ("password", &mail)]).await;
        self.password = self.typed(&operation, "password", Shape::Password);
        let password = self.password.clone();
        self.must(303, path, &[("name", &name), ("password", &password)]).await;
        assert_eq!(self.get(path).await.status, 404, "an invitation is used once");
    }

    /// Adds an authenticator app, and keeps the recovery codes.
    pub async fn add_app(&mut self) {
        let path = |rest: &str| format!("{}/security/totp{rest}", self.prefix);
        let [begin, confirm] = [path(""), path("/confirm")];
        let shown = totp(&self.must(200, &begin, &[]).await.text()).expect("a secret");
        self.app = base32(&shown.replace(' ', ""));
        let wrong = self.typed(&format!("POST {confirm}"), "code", Shape::Password);
        self.must(422, &confirm, &[("code", &wrong)]).await;
        let code = self.code();
        self.recovery = recovery_codes(&self.must(200, &confirm, &[("code", &code)]).await.text());
        assert_eq!(self.recovery.len(), 10);
    }

    /// Adds a passkey, and looks at the recovery codes.
    pub async fn add_passkey(&mut self, key: &SoftKey) {
        let path = |rest: &str| format!("{}/security/{rest}", self.prefix);
        let [ask, add, done] = [path("passkeys/ask"), path("passkeys"), path("done")];
        let asked = self.script(&ask, &json!({})).await;
        let name = self.typed(&format!("POST {add}"), "name", Shape::Name);
        let answer = key.create(&asked["options"]);
        self.script(&add, &json!({"ceremony": asked["ceremony"], "answer": answer, "name": name})).await;
        self.recovery = recovery_codes(&self.get(&done).await.text());
    }

    /// Shows the passkey at this address.
    pub async fn answer_with(&mut self, path: &str, key: &SoftKey) {
        let asked = self.script(&format!("{path}/ask"), &json!({})).await;
        let answer = key.get(&asked["options"]);
        self.script(path, &json!({"ceremony": asked["ceremony"], "answer": answer})).await;
    }

    /// The code that the app shows, or the one that comes next where that was used; two can be used at once.
    pub fn code(&mut self) -> String {
        let present = SystemClock.now().millis() / STEP_MS;
        self.last_step = present.max(self.last_step + 1);
        // RFC 6238, over RFC 4226 section 5.3.
        let tag = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.app), &self.last_step.to_be_bytes());
        let at = usize::from(tag.as_ref()[19] & 15);
        let number = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// Signs in with the password, up to the second factor.
    pub async fn show_password(&mut self) {
        let (mail, password) = (self.mail.clone(), self.password.clone());
        let path = format!("{}/sign-in", self.prefix);
        self.must(303, &path, &[("mail", &mail), ("password", &password)]).await;
    }

    pub async fn sign_out(&mut self) {
        let path = format!("{}/sign-out", self.prefix);
        self.must(303, &path, &[]).await;
    }
}

/// What a page's form sends.
pub fn form(path: &str, fields: &[(&str, &str)]) -> Request {
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", in_url(value))).collect();
    let body = pairs.join("&").into_bytes();
    Request::new(Method::POST, path, "").body("application/x-www-form-urlencoded", body)
}

/// A link without its origin.
pub fn path_of(link: &str) -> &str {
    let host = link.trim_start_matches("https://");
    &host[host.find('/').unwrap()..]
}
