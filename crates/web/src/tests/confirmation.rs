//! Confirming on the pages: what an old proof sees, where a form leads that comes too late, and how one goes on.

use crate::cookies::Cookie;
use crate::house::people::{Helper, Member};
use crate::house::{Answer, Guest, House, Party, made_up, request};
use crate::pages::{self, Page};
use axum::body::Body;
use axum::http::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderName, Method};
use bonded_base::{Id, Secret};
use bonded_people::credentials::Credentials;
use bonded_people::invitations;
use bonded_people::mail::Origins;
use bonded_people::members::{self, Acting};
use bonded_people::session::{FRESH_MS, Factor};
use bonded_people::sign_in;
use bonded_people::staff::{StaffRecord, StaffRole};
use bonded_people::users::UserRecord;
use bonded_testkit::authenticator::SoftKey;
use serde_json::{Value, json};

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];
const PASSWORD: &str = "zebra lantern quiet orbit";
const ADA: &str = "ada@example.com";
const LINK: &str = "Confirm that it is you to make changes";

/// A body that must not be read.
fn unreadable() -> Body {
    Body::from_stream(futures::stream::once(async { panic!("the body was read") as Result<Vec<u8>, std::io::Error> }))
}

/// What a browser with these cookies is given at an address of either listener.
async fn sent(house: &House, guest: &dyn Guest, method: Method, path: &str, body: Body) -> Answer {
    let request = request(guest, method, path, &FORM, body);
    if path.starts_with("/staff") { house.send_privately(request).await } else { house.send(request).await }
}

fn location(answer: &Answer) -> &str {
    answer.headers[LOCATION].to_str().unwrap()
}

/// The addresses that a page's forms and buttons send to.
fn targets(html: &str) -> Vec<&str> {
    let after = |mark: &str| {
        let values: Vec<_> = html.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).collect();
        values
    };
    ["action=\"", "data-ask=\"", "data-answer=\""].into_iter().flat_map(after).collect()
}

struct Cast {
    owner: Member,
    officer: Helper,
    reviewer: Helper,
}

impl Cast {
    async fn of(house: &House) -> Self {
        let party = house.retailer().await;
        let owner = house.member(&party, members::Role::Owner, true).await;
        // So that there is somebody to change, something to take back, a session to end.
        house.member(&party, members::Role::Viewer, false).await;
        house.signed_in(&party, owner.user, bonded_people::session::Stage::Full, vec![Factor::Password]).await;
        let wanted = json!({"mail": "bob@example.com", "role": "viewer"});
        house.post(&owner, "/v1/invitations", wanted).await.expect(201);
        let (officer, reviewer) =
            (house.staff(StaffRole::SecurityOfficer).await, house.staff(StaffRole::Reviewer).await);
        Self { owner, officer, reviewer }
    }

    async fn age(&self, house: &House) {
        house.age(&self.owner).await;
        house.age(&self.officer).await;
        house.age(&self.reviewer).await;
    }

    /// Whoever has the most to do with an address.
    fn of_page(&self, path: &str) -> &dyn Guest {
        match path {
            path if path.starts_with("/staff/reviews") => &self.reviewer,
            path if path.starts_with("/staff") => &self.officer,
            _ => &self.owner,
        }
    }
}

fn all_pages() -> Vec<Page> {
    pages::public().into_iter().chain(pages::private()).collect()
}

#[tokio::test]
async fn a_form_that_comes_too_late_leads_to_the_confirmation_before_it_is_read() {
    let house = House::new().await;
    let cast = Cast::of(&house).await;
    cast.age(&house).await;
    for page in all_pages().iter().filter(|page| page.needs_proof) {
        let (path, guest) = (made_up(&page.path), cast.of_page(&page.path));
        let answer = sent(&house, guest, Method::POST, &path, unreadable()).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text());
        let (at, next) = location(&answer).split_once("?unchanged=yes&next=").unwrap();
        assert_eq!(at, if path.starts_with("/staff") { "/staff/confirm" } else { "/confirm" });
        // Back to the page that has the form.
        let back = sent(&house, guest, Method::GET, next, Body::empty()).await;
        assert!(path.starts_with(next) && [200, 404].contains(&back.status.as_u16()), "{path} leads back to {next}");
        let asks = sent(&house, guest, Method::GET, location(&answer), Body::empty()).await;
        assert_eq!(asks.status, 200);
        assert!(asks.text().contains("Nothing was changed yet"), "{}", asks.text());
        // A script is told in words.
        let script = request(guest, Method::POST, &path, &[], unreadable());
        let told =
            if path.starts_with("/staff") { house.send_privately(script).await } else { house.send(script).await };
        assert_eq!(told.expect(403)["type"], "/problems/confirmation", "{path}");
    }
}

#[tokio::test]
async fn in_place_of_forms_an_old_proof_sees_a_link() {
    let house = House::new().await;
    let cast = Cast::of(&house).await;
    let fresh = house.staff(StaffRole::Reviewer).await;
    let opened = sent(&house, &fresh, Method::POST, "/staff/reviews", Body::empty()).await;
    let review = location(&opened).to_owned();
    let read = [
        "/members",
        "/keys",
        "/payments",
        "/security",
        "/staff/people",
        "/staff/legal",
        "/staff/reviews",
        "/staff/security",
    ];
    let grave: Vec<_> = all_pages().into_iter().filter(|page| page.needs_proof).map(|page| page.path).collect();
    let is_grave = |target: &str| grave.iter().any(|path| path == target) || target.ends_with("/decide");
    for is_old in [false, true] {
        if is_old {
            cast.age(&house).await;
        }
        for path in read.into_iter().chain([review.as_str()]) {
            let shown = sent(&house, cast.of_page(path), Method::GET, path, Body::empty()).await;
            assert_eq!(shown.status, 200, "{path}");
            let html = shown.text();
            assert_eq!(targets(&html).into_iter().any(is_grave), !is_old, "{path}: {html}");
            let prefix = if path.starts_with("/staff") { "/staff" } else { "" };
            let link = format!("<a href=\"{prefix}/confirm?next={path}\">{LINK}</a>");
            assert_eq!(html.contains(&link), is_old, "{path}: {html}");
        }
    }
    // Who may change nothing there is not asked for anything.
    let party = house.retailer().await;
    let viewer = house.member(&party, members::Role::Viewer, true).await;
    house.age(&viewer).await;
    assert!(!house.get(&viewer, "/members").await.text().contains(LINK));
    assert!(house.get(&viewer, "/security").await.text().contains(LINK), "one's own factors are everybody's");
}

/// A person with real credentials, and what their browser keeps.
struct Browser {
    token: String,
    is_staff: bool,
}

impl Guest for Browser {
    fn shows(&self) -> Vec<(HeaderName, String)> {
        let (cookie, origin) = if self.is_staff {
            (Cookie::Staff, "https://console.bonded.example")
        } else {
            (Cookie::Member, "https://bonded.example")
        };
        vec![(COOKIE, format!("{}={}", cookie.name(), self.token)), (ORIGIN, String::from(origin))]
    }
}

impl Browser {
    /// Keeps the session's next token.
    fn keep(&mut self, answer: &Answer) {
        let set = answer.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let name = if self.is_staff { Cookie::Staff.name() } else { Cookie::Member.name() };
        let mut values = set.filter_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('=')?.split(';').next());
        let token = values.next().expect("a session's cookie").to_owned();
        assert_ne!(token, self.token, "the session goes on under another token");
        self.token = token;
    }

    async fn posts(&self, house: &House, path: &str, body: &str) -> Answer {
        sent(house, self, Method::POST, path, Body::from(body.to_owned())).await
    }

    async fn asks(&self, house: &House, path: &str, body: &Value) -> Answer {
        let request = request(self, Method::POST, path, &[], body.to_string().into());
        if self.is_staff { house.send_privately(request).await } else { house.send(request).await }
    }
}

/// A new member of the account, signed in with a password.
async fn joined(house: &House, party: &Party, role: members::Role) -> Browser {
    let acting = Acting::operator(House::operator(party.account));
    let invited =
        invitations::invite_member(&house.ledger, &acting, "Grace", ADA.parse().unwrap(), role).await.unwrap();
    let origins = Origins { public: "https://p".into(), private: "https://s".into() };
    let link = invitations::link_of(&house.ledger, invited.id, &invited, &origins).unwrap();
    let code = link.expose().rsplit('/').next().unwrap().to_owned();
    let (passwords, password) = (&house.app.doors().passwords, Secret::new(PASSWORD.to_owned()));
    let user = invitations::accept_as_new(&house.ledger, passwords, invited.id, &code, "Ada", password).await.unwrap();
    let begun = sign_in::first_time(&house.ledger, &user, "test").await.unwrap();
    Browser { token: begun.token.expose().clone(), is_staff: false }
}

/// Adds a passkey by the session's own page.
async fn adds_key(house: &House, browser: &mut Browser) -> SoftKey {
    let (host, prefix) = if browser.is_staff { ("console.bonded.example", "/staff") } else { ("bonded.example", "") };
    let key = SoftKey::new(host, &format!("https://{host}"));
    let path = format!("{prefix}/security/passkeys");
    let asked = browser.asks(house, &format!("{path}/ask"), &json!({})).await.expect(200);
    let answer = key.create(&asked["options"]);
    let body = json!({"ceremony": asked["ceremony"], "answer": answer, "name": "blue key"});
    let added = browser.asks(house, &path, &body).await;
    assert_eq!(added.status, 200, "{}", added.text());
    browser.keep(&added);
    key
}

#[tokio::test]
async fn an_owner_whose_proof_is_old_confirms_with_a_passkey_and_goes_on() {
    let house = House::new().await;
    let party = house.retailer().await;
    let mut ada = joined(&house, &party, members::Role::Owner).await;
    let key = adds_key(&house, &mut ada).await;
    let wanted = "mail=bob%40example.com&role=viewer";
    house.ledger.test_clock().advance_ms(FRESH_MS);
    let late = ada.posts(&house, "/members/invite", wanted).await;
    assert_eq!((late.status.as_u16(), location(&late)), (303, "/confirm?unchanged=yes&next=/members"));
    let page = house.get(&ada, location(&late)).await.text();
    assert!(page.contains("data-answer=\"/confirm/passkey\"") && page.contains("name=\"code\""), "{page}");
    assert!(!page.contains("name=\"password\""), "who has more is not asked for the password");
    for (next, leads_to) in [("/members", "/members"), ("https://evil.example", "/home"), ("/staff/people", "/home")] {
        let asked = ada.asks(&house, "/confirm/passkey/ask", &json!({"next": next})).await.expect(200);
        let body = json!({"next": next, "ceremony": asked["ceremony"], "answer": key.get(&asked["options"])});
        let confirmed = ada.asks(&house, "/confirm/passkey", &body).await;
        ada.keep(&confirmed);
        assert_eq!(confirmed.expect(200)["next"], leads_to);
        let again = ada.asks(&house, "/confirm/passkey", &body).await;
        assert_eq!(again.expect(401)["type"], "/problems/not-proven", "an answer counts once");
    }
    let invited = ada.posts(&house, "/members/invite", wanted).await;
    assert!(invited.text().contains("The invitation is on its way by mail."), "{}", invited.text());
    house.post(&ada, "/v1/api_keys", json!({"name": "new", "permissions": ["orders:read"]})).await.expect(201);
}

#[tokio::test]
async fn whoever_has_a_password_alone_confirms_with_it_and_is_slowed() {
    let house = House::new().await;
    let party = house.retailer().await;
    let mut ada = joined(&house, &party, members::Role::Viewer).await;
    let other = joined_again(&house).await;
    house.ledger.test_clock().advance_ms(FRESH_MS);
    let late = ada.posts(&house, "/security/sessions/end-others", "").await;
    assert_eq!(location(&late), "/confirm?unchanged=yes&next=/security");
    let page = house.get(&ada, location(&late)).await.text();
    assert!(page.contains("name=\"password\"") && !page.contains("name=\"code\""), "{page}");
    for _ in 0..5 {
        let wrong = ada.posts(&house, "/confirm", "password=canary&next=/security").await;
        assert_eq!(wrong.status, 401);
        assert!(wrong.text().contains("The password is not right.") && !wrong.text().contains("canary"));
    }
    let right = format!("password={}&next=/security", PASSWORD.replace(' ', "+"));
    let slowed = ada.posts(&house, "/confirm", &right).await;
    assert_eq!(slowed.status, 401);
    assert!(slowed.text().contains("Wait 1 second."), "{}", slowed.text());
    house.ledger.test_clock().advance_ms(1_000);
    let confirmed = ada.posts(&house, "/confirm", &right).await;
    assert_eq!((confirmed.status.as_u16(), location(&confirmed)), (303, "/security"));
    ada.keep(&confirmed);
    assert!(house.get(&ada, "/security").await.text().contains("End all other sessions"));
    assert_eq!(location(&ada.posts(&house, "/security/sessions/end-others", "").await), "/security");
    assert_eq!(location(&house.get(&other, "/home").await), "/sign-in");
    assert_eq!(house.get(&ada, "/home").await.status, 200);
    assert!(!house.get(&ada, "/security").await.text().contains("End all other sessions"), "there is none");
}

/// The same person in another browser.
async fn joined_again(house: &House) -> Browser {
    let visit = sign_in::Visit { mark: [1; 16], device: None, description: String::from("another") };
    let password = Secret::new(PASSWORD.to_owned());
    let begun = sign_in::with_password::<UserRecord>(house.app.doors(), ADA, password, &visit).await.unwrap();
    Browser { token: begun.token.expose().clone(), is_staff: false }
}

#[tokio::test]
async fn an_officer_confirms_on_the_own_listener_with_the_passkey() {
    let house = House::new().await;
    let helper = house.staff(StaffRole::SecurityOfficer).await;
    let mut edith = Browser { token: crate::house::people::Seated::token(&helper).to_owned(), is_staff: true };
    let key = adds_key(&house, &mut edith).await;
    assert_ne!(credentials(&house, &helper).await.passkeys.len(), 0);
    // A staff session may rest for a quarter of an hour only.
    for _ in 0..3 {
        assert_eq!(edith.posts(&house, "/staff/reviews/none/decide", "").await.status, 404);
        house.ledger.test_clock().advance_ms(FRESH_MS / 3);
    }
    let late = edith.posts(&house, "/staff/people/invite", "mail=x%40bonded.example&role=support").await;
    assert_eq!(location(&late), "/staff/confirm?unchanged=yes&next=/staff/people");
    let page = sent(&house, &edith, Method::GET, location(&late), Body::empty()).await.text();
    assert!(page.contains("/staff/confirm/passkey") && !page.contains("name=\"code\""), "{page}");
    assert!(!page.contains("name=\"password\""), "{page}");
    let by_word = edith.posts(&house, "/staff/confirm", "code=123456&next=/staff/people").await;
    assert_eq!(by_word.status, 401, "{}", by_word.text());
    let asked = edith.asks(&house, "/staff/confirm/passkey/ask", &json!({})).await.expect(200);
    let body = json!({"next": "/staff/people", "ceremony": asked["ceremony"], "answer": key.get(&asked["options"])});
    let confirmed = edith.asks(&house, "/staff/confirm/passkey", &body).await;
    edith.keep(&confirmed);
    assert_eq!(confirmed.expect(200)["next"], "/staff/people");
    let invited = edith.posts(&house, "/staff/people/invite", "mail=x%40bonded.example&role=support").await;
    assert!(invited.text().contains("The invitation is on its way by mail."), "{}", invited.text());
}

async fn credentials(house: &House, helper: &Helper) -> Credentials {
    let id = Id::<StaffRecord>::from_bytes(helper.staff.bytes());
    house.ledger.get(&House::operator(bonded_ledger::PLATFORM), id).await.unwrap().unwrap().credentials.clone()
}
