//! When a device becomes known: with a complete sign-in, and not with a password alone.

use crate::cookies::Cookie;
use crate::house::{Answer, House};
use axum::body::Body;
use axum::http::header::{COOKIE, ORIGIN, SET_COOKIE, USER_AGENT};
use axum::http::{Method, Request};
use bonded_base::Id;
use bonded_ledger::{List, PLATFORM};
use bonded_people::invitations;
use bonded_people::mail::{self, Matter, Origins};
use bonded_people::members::{Acting, Role};
use bonded_testkit::authenticator::SoftKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ORIGIN_OF_PAGES: &str = "https://bonded.example";
const MAIL: &str = "ada@example.com";
const PASSWORD: &str = "zebra lantern quiet orbit";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A browser that keeps cookies as browsers do.
#[derive(Clone, Default)]
struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn posts(&mut self, house: &House, path: &str, body: String) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder().method(Method::POST).uri(path).header(ORIGIN, ORIGIN_OF_PAGES);
        let request = request.header(USER_AGENT, BROWSER).header(COOKIE, cookies.join("; "));
        let answer = house.send(request.body(Body::from(body)).unwrap()).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    async fn sends(&mut self, house: &House, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.posts(house, path, fields).await
    }

    async fn answers(&mut self, house: &House, path: &str, answer: impl FnOnce(&Value) -> Value) -> Value {
        let asked = self.posts(house, &format!("{path}/ask"), String::new()).await.expect(200);
        let answer = json!({"ceremony": asked["ceremony"], "answer": answer(&asked["options"]), "name": "blue key"});
        self.posts(house, path, answer.to_string()).await.expect(200)
    }

    fn is_known(&self) -> bool {
        self.cookies.contains_key(Cookie::Device.name())
    }

    /// A new browser, with the cookie of this one's device.
    fn elsewhere(&self, with_device: bool) -> Self {
        let device = self.cookies.get_key_value(Cookie::Device.name()).filter(|_| with_device);
        Self { cookies: device.map(|(name, value)| (name.clone(), value.clone())).into_iter().collect() }
    }
}

/// Which devices Ada was told of.
async fn told(house: &House) -> Vec<String> {
    let mails = mail::list(&house.ledger, &House::operator(PLATFORM), None, List::first(100)).await.unwrap().records;
    let device = |matter: &Matter| match matter {
        Matter::NewDevice { device, .. } => Some(device.clone()),
        _ => None,
    };
    mails.iter().filter_map(|mail| device(&mail.matter)).collect()
}

/// Ada has joined in this role; her browser, after that.
async fn joined(house: &House, role: Role) -> Browser {
    let party = house.retailer().await;
    let acting = Acting::operator(House::operator(party.account));
    let invited =
        invitations::invite_member(&house.ledger, &acting, "Grace", MAIL.parse().unwrap(), role).await.unwrap();
    let origins = Origins { public: String::new(), private: String::new() };
    let link = invitations::link_of(&house.ledger, invited.id, &invited, &origins).unwrap();
    let mut browser = Browser::default();
    let answer = browser.sends(house, link.expose(), &[("name", "Ada"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    browser
}

async fn gives_password(house: &House, browser: &mut Browser) {
    let answer = browser.sends(house, "/sign-in", &[("mail", MAIL), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
}

#[tokio::test]
async fn the_browser_that_joins_is_known_and_another_is_told_of() {
    let house = House::new().await;
    let browser = joined(&house, Role::Operator).await;
    assert!(browser.is_known(), "the sign-in was complete");
    gives_password(&house, &mut browser.elsewhere(true)).await;
    assert_eq!(told(&house).await, [""; 0]);
    let mut other = browser.elsewhere(false);
    gives_password(&house, &mut other).await;
    assert_eq!(told(&house).await, ["Firefox on Linux"]);
    assert!(other.is_known());
}

#[tokio::test]
async fn whoever_has_the_password_alone_makes_no_device_known() {
    let house = House::new().await;
    let mut browser = joined(&house, Role::Owner).await;
    assert!(!browser.is_known(), "a second factor is yet to be enrolled");
    let key = SoftKey::new("bonded.example", ORIGIN_OF_PAGES);
    browser.answers(&house, "/security/passkeys", |options| key.create(options)).await;
    assert!(browser.is_known());
    assert_eq!(told(&house).await, [""; 0], "it is where she joined");

    let mut thief = Browser::default();
    for _ in 0..2 {
        gives_password(&house, &mut thief).await;
        assert!(!thief.is_known());
    }
    let wrong = thief.sends(&house, "/sign-in/second-factor", &[("code", "123456")]).await;
    assert_eq!(wrong.status, 401);
    assert!(!thief.is_known() && told(&house).await.is_empty());

    let mut other = Browser::default();
    gives_password(&house, &mut other).await;
    other.answers(&house, "/sign-in/second-factor/passkey", |options| key.get(options)).await;
    assert!(other.is_known());
    assert_eq!(told(&house).await, ["Firefox on Linux"]);
    let mut third = Browser::default();
    third.answers(&house, "/sign-in/passkey", |options| key.get(options)).await;
    assert!(third.is_known());
    assert_eq!(told(&house).await.len(), 2, "a passkey alone, in a browser that was never here");
    third.elsewhere(true).answers(&house, "/sign-in/passkey", |options| key.get(options)).await;
    assert_eq!(told(&house).await.len(), 2);
}

#[tokio::test]
async fn the_members_page_signs_out_and_lets_in_anew() {
    let house = House::new().await;
    let party = house.retailer().await;
    let owner = house.member(&party, Role::Owner, true).await;
    let manager = house.member(&party, Role::Manager, true).await;
    let viewer = house.member(&party, Role::Viewer, false).await;
    let page = house.get(&owner, "/members").await.text();
    assert!(page.contains("Sign The viewer out everywhere") && page.contains("Let somebody in anew"));
    assert!(!house.get(&manager, "/members").await.text().contains("Let somebody in anew"));
    let id = |id: &Id<_>| form_urlencoded::Serializer::new(String::new()).append_pair("id", &id.to_string()).finish();
    let asked = |guest, path, body: String| crate::house::request(guest, Method::POST, path, &[], body.into());
    let out = house.send(asked(&owner, "/members/sign-out", id(&viewer.id))).await;
    assert!(out.status == 200 && out.text().contains("All sessions of this person have ended"), "{}", out.text());
    house.get(&viewer, "/v1/account").await.expect(401);
    let forbidden = house.send(asked(&manager, "/members/reset-sign-in", id(&viewer.id))).await;
    assert!(forbidden.status == 422 && forbidden.text().contains("nly an owner"), "{}", forbidden.text());
    let anew = house.send(asked(&owner, "/members/reset-sign-in", id(&viewer.id))).await;
    assert!(anew.status == 200 && anew.text().contains("A link to a new password is on its way"), "{}", anew.text());
    let own = house.send(asked(&owner, "/members/reset-sign-in", id(&owner.id))).await;
    assert!(own.status == 422 && own.text().contains("obody lets themselves in anew"), "{}", own.text());
}
