//! People who come to the house: members with a session, staff with a grant.

use super::{Answer, Guest, House, Party};
use crate::cookies::Cookie;
use axum::body::Body;
use axum::http::header::{COOKIE, ORIGIN};
use axum::http::{HeaderName, Method, Request};
use bonded_base::{Id, Secret, Staff, User};
use bonded_ledger::{Change, List, PLATFORM};
use bonded_people::credentials::Credentials;
use bonded_people::grants::{self, Area, Asker, GrantRecord, GrantScope, Proof, Reason, ReasonKind};
use bonded_people::members::{self, Acting, MemberRecord, MemberState, Role};
use bonded_people::session::{self, Factor, Person, Stage};
use bonded_people::staff::{self, StaffRecord, StaffRole, StaffState};
use bonded_people::training::{self, Completion, CourseDraft};
use bonded_people::users::{self, UserRecord};
use serde_json::json;

/// A member whose browser shows a session.
pub struct Member {
    pub user: Id<User>,
    pub id: Id<MemberRecord>,
    token: String,
}

/// One of the platform's staff, signed in on the private listener.
pub struct Helper {
    pub staff: Id<Staff>,
    token: String,
}

/// Somebody who is signed in.
pub trait Seated: Guest {
    /// What their browser keeps.
    fn token(&self) -> &str;
}

impl Seated for Member {
    fn token(&self) -> &str {
        &self.token
    }
}

impl Seated for Helper {
    fn token(&self) -> &str {
        &self.token
    }
}

impl Guest for Member {
    fn shows(&self) -> Vec<(HeaderName, String)> {
        let cookie = format!("{}={}", Cookie::Member.name(), self.token);
        vec![(COOKIE, cookie), (ORIGIN, String::from("https://bonded.example"))]
    }
}

impl Guest for Helper {
    fn shows(&self) -> Vec<(HeaderName, String)> {
        let cookie = format!("{}={}", Cookie::Staff.name(), self.token);
        vec![(COOKIE, cookie), (ORIGIN, String::from("https://console.bonded.example"))]
    }
}

impl House {
    /// A new member of the party's account, signed in with a second factor or without.
    pub async fn member(&self, party: &Party, role: Role, strong: bool) -> Member {
        let factors = [&[Factor::Password][..], &[Factor::Totp][..usize::from(strong)]].concat();
        let user = self.joined(party, role).await;
        self.signed_in(party, user, Stage::Full, factors).await
    }

    /// The same member in another session.
    pub async fn signed_in(&self, party: &Party, user: Id<User>, stage: Stage, factors: Vec<Factor>) -> Member {
        let person = Person::User(user);
        self.ledger.test_clock().advance_ms(1);
        let begun = session::begin(&self.ledger, person, stage, factors, Some(party.account), "test").await.unwrap();
        Member { user, id: members::id_of(user), token: begun.token.expose().clone() }
    }

    /// Makes a session's last proof of who it is half an hour old, as if time had passed.
    pub async fn age(&self, guest: &impl Seated) {
        let token = Secret::new(guest.token().to_owned());
        let session = session::find(&self.ledger, &token).await.unwrap().unwrap();
        let mut becomes = (*session).clone();
        becomes.proved_at = self.ledger.clock().now().plus_millis(-session::FRESH_MS);
        let mut change = Change::new();
        change.update(&session, &becomes, "left");
        self.ledger.commit(&House::operator(PLATFORM), change).await.unwrap();
    }

    async fn joined(&self, party: &Party, role: Role) -> Id<User> {
        let platform = House::operator(PLATFORM);
        let known = self.ledger.list::<UserRecord>(&platform, &List::first(1_000)).await.unwrap().records.len();
        // So that lists have them in the order in which they came; of sessions the oldest is ended when there are many.
        self.ledger.test_clock().advance_ms(1);
        let id = self.ledger.new_id::<UserRecord>();
        let (mail, name, joined_at) = (format!("{role}{known}@example.com"), format!("The {role}"), id.born_at());
        let user = UserRecord {
            mail: mail.parse().unwrap(),
            name: name.clone(),
            credentials: Credentials::default(),
            accounts: vec![party.account],
            joined_at,
            last_sign_in_at: None,
        };
        let member = MemberRecord {
            mail: user.mail.clone(),
            name,
            role,
            state: MemberState::Active,
            joined_at,
            last_sign_in_at: None,
            has_second_factor: false,
        };
        let user_id = Id::<User>::from_bytes(id.bytes());
        let mut change = Change::new();
        change.create(users::record_id(user_id), &user, "joined");
        self.ledger.commit(&platform, change).await.unwrap();
        let mut change = Change::new();
        change.create(members::id_of(user_id), &member, "joined");
        self.ledger.commit(&House::operator(party.account), change).await.unwrap();
        user_id
    }

    /// A new person on the staff with a valid course, signed in with a passkey.
    pub async fn staff(&self, role: StaffRole) -> Helper {
        let staff = self.hired(role).await;
        self.trained(staff, role).await;
        self.let_in(staff, Factor::Passkey).await
    }

    /// One of the staff in another session.
    pub async fn let_in(&self, staff: Id<Staff>, factor: Factor) -> Helper {
        let (person, factors) = (Person::Staff(staff), vec![Factor::Password, factor]);
        self.ledger.test_clock().advance_ms(1);
        let begun = session::begin(&self.ledger, person, Stage::Full, factors, None, "test").await.unwrap();
        Helper { staff, token: begun.token.expose().clone() }
    }

    /// A new person on the staff, who has completed no course yet.
    pub async fn hired(&self, role: StaffRole) -> Id<Staff> {
        let scope = House::operator(PLATFORM);
        let known = staff::list(&self.ledger, &scope).await.unwrap().len();
        let id = self.ledger.new_id::<StaffRecord>();
        let record = StaffRecord {
            mail: format!("{role}{known}@bonded.example").parse().unwrap(),
            name: format!("The {role}"),
            roles: [role].into_iter().collect(),
            credentials: Credentials::default(),
            state: StaffState::Active,
            joined_at: id.born_at(),
            last_sign_in_at: None,
        };
        let mut change = Change::new();
        change.create(id, &record, "joined");
        self.ledger.commit(&scope, change).await.unwrap();
        Id::from_bytes(id.bytes())
    }

    async fn trained(&self, id: Id<Staff>, role: StaffRole) {
        let acting = staff::Acting::Operator(House::operator(PLATFORM));
        let name = format!("The work of {role}");
        let known = training::find(&self.ledger, &name).await.unwrap();
        let course = if let Some(course) = known {
            course
        } else {
            let required_for = [role].into_iter().collect();
            let draft = CourseDraft { name, about: String::from("All of it."), required_for, valid_days: 365 };
            training::add(&self.ledger, &acting, draft).await.unwrap()
        };
        // The day of the test clock's beginning; its type belongs to a library that is not used here otherwise.
        let completed_on = serde_json::from_value(json!("2026-11-21")).unwrap();
        let completion = Completion { course: course.id, of_version: None, completed_on, certificate: None };
        training::record(&self.ledger, &acting, staff::record_id(id), completion).await.unwrap();
    }

    /// A request that nobody has answered yet.
    pub async fn asked(&self, party: &Party, helper: &Helper, areas: &[Area], act: bool) -> Id<GrantRecord> {
        let scope = GrantScope { areas: areas.to_vec(), act, record: None, consumers: false };
        let text = String::from("two orders never arrived");
        let reason = Reason { kind: ReasonKind::CustomerRequest, text, ticket: Some(String::from("4711")) };
        let draft = grants::Draft { scope, reason, duration_ms: 60 * 60 * 1_000 };
        let asker = Asker { staff: helper.staff, name: String::from("Grace") };
        grants::ask(&self.ledger, &asker, party.account, draft).await.unwrap()
    }

    /// A request that the owner has approved, for an hour.
    pub async fn granted(
        &self,
        party: &Party,
        owner: &Member,
        helper: &Helper,
        areas: &[Area],
        act: bool,
    ) -> Id<GrantRecord> {
        let id = self.asked(party, helper, areas, act).await;
        let acting = Acting::operator(House::operator(party.account));
        let terms = grants::terms(&self.ledger, &acting, id, None).await.unwrap();
        grants::approve(&self.ledger, &acting, owner.user, terms, Proof::Totp).await.unwrap();
        id
    }

    /// A request of one of the staff for a route of the API, under a grant, on the private listener.
    pub async fn support(
        &self,
        helper: &impl Guest,
        grant: &Id<GrantRecord>,
        method: Method,
        path: &str,
        body: &str,
    ) -> Answer {
        self.send_privately(super::request(
            helper,
            method,
            &format!("/support/{grant}{path}"),
            &[],
            body.to_owned().into(),
        ))
        .await
    }

    /// A request on the private listener.
    pub async fn send_privately(&self, request: Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        // The same routes, below the grant.
        let path = path.strip_prefix("/support/").and_then(|rest| rest.find('/').map(|place| rest[place..].to_owned()));
        self.answered(self.private.clone(), request, &path.unwrap_or_default()).await
    }
}
