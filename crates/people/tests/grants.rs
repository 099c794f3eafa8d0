//! Support in an account: asked for, approved, used, ended - and never without the account's word.

#![cfg(test)]

use bonded_base::{Account, Id, Kind, Kinded, Staff, User};
use bonded_ledger::{Actor, Change, LedgerError, PLATFORM, Record, Scope};
use bonded_people::PeopleError;
use bonded_people::directory::AccountName;
use bonded_people::grants::{
    self, ANSWER_MS, ApprovedWith, Area, Asker, GrantRecord, GrantScope, GrantState, Proof, Reason, ReasonKind,
};
use bonded_people::mail::{Mail, MailState, Matter};
use bonded_people::members::{Acting, MemberRecord, MemberState, Role};
use bonded_testkit::authenticator::SoftKey;
use bonded_testkit::ledger::{TestLedger, on_postgres, on_sqlite};
use bonded_vault::{ApprovalKey, Assertion};
use serde::{Deserialize, Serialize};

const STAFF: Id<Staff> = Id::from_bytes([5; 16]);
const OWNER: Id<User> = Id::from_bytes([6; 16]);
const HOUR_MS: i64 = 60 * 60 * 1000;
const PARTY: &str = "bonded.example";

/// An order, as far as this matters here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    reference: String,
}

impl Kinded for Order {
    const KIND: Kind = Kind::Order;
}

impl Record for Order {}

struct House {
    ledger: TestLedger,
    account: Id<Account>,
    owner: Acting,
    order: Id<Order>,
    passkey: SoftKey,
}

impl House {
    async fn on(ledger: TestLedger) -> Self {
        let account = ledger.any_account().account();
        let own = Scope::operator(account);
        let mut change = Change::new();
        change.create(
            Id::<AccountName>::from_bytes(account.bytes()),
            &AccountName { name: "Corner Shop".into() },
            "opened",
        );
        ledger.commit(&Scope::operator(PLATFORM), change).await.unwrap();
        let mut change = Change::new();
        let now = ledger.clock().now();
        for (byte, role) in [(6, Role::Owner), (7, Role::Viewer)] {
            let member = MemberRecord {
                mail: format!("member{byte}@example.com").parse().unwrap(),
                name: format!("Member {byte}"),
                role,
                state: MemberState::Active,
                joined_at: now,
                last_sign_in_at: None,
                has_second_factor: true,
            };
            change.create(Id::<MemberRecord>::from_bytes([byte; 16]), &member, "joined");
        }
        let order = ledger.new_id();
        change.create(order, &Order { reference: "4711".into() }, "placed");
        ledger.commit(&own, change).await.unwrap();
        let owner = Acting { scope: Scope::member(account, OWNER), role: Role::Owner, member: None };
        Self { ledger, account, owner, order, passkey: SoftKey::new(PARTY, "https://bonded.example") }
    }

    async fn asked(&self, areas: &[Area]) -> Id<GrantRecord> {
        let scope = GrantScope { areas: areas.to_vec(), act: false, record: None, consumers: false };
        let reason = Reason {
            kind: ReasonKind::CustomerRequest,
            text: "an order is missing".into(),
            ticket: Some("T-1".into()),
        };
        let draft = grants::Draft { scope, reason, duration_ms: 24 * HOUR_MS };
        let asker = Asker { staff: STAFF, name: "Grace".into() };
        grants::ask(&self.ledger, &asker, self.account, draft).await.unwrap()
    }

    fn signed(&self, challenge: &[u8]) -> Proof {
        let parts = self.passkey.sign(challenge);
        let (x, y) = self.passkey.public_key();
        Proof::Passkey {
            key: ApprovalKey::Es256 { x: x.to_vec(), y: y.to_vec() },
            relying_party: PARTY.into(),
            assertion: Assertion {
                credential_id: parts.credential_id,
                client_data_json: parts.client_data_json,
                authenticator_data: parts.authenticator_data,
                signature: parts.signature,
            },
        }
    }

    async fn approved(&self, areas: &[Area], hours: Option<i64>) -> Id<GrantRecord> {
        let id = self.asked(areas).await;
        let terms = grants::terms(&self.ledger, &self.owner, id, hours.map(|hours| hours * HOUR_MS)).await.unwrap();
        let proof = self.signed(&terms.grant.challenge());
        grants::approve(&self.ledger, &self.owner, OWNER, terms, proof).await.unwrap();
        id
    }

    /// What support gets when it reads the order under a grant.
    async fn reads(&self, id: Id<GrantRecord>) -> Result<Option<Order>, PeopleError> {
        let (scope, _) = grants::admit(&self.ledger, STAFF, self.account, id).await?;
        Ok(self.ledger.get(&scope, self.order).await?.map(|order| (*order).clone()))
    }

    async fn state(&self, id: Id<GrantRecord>) -> (GrantState, GrantState) {
        let own = grants::get(&self.ledger, &self.owner.scope, id).await.unwrap().state;
        (own, grants::copy_of(&self.ledger, id).await.unwrap().state)
    }

    async fn mails(&self) -> Vec<(String, &'static str)> {
        let page = bonded_ledger::List::first(100);
        let mails =
            bonded_people::mail::list(&self.ledger, &Scope::operator(PLATFORM), Some(MailState::Waiting), page).await;
        let told = |mail: &bonded_ledger::Stored<Mail>| (mail.to.expose().to_owned(), mail.matter.name());
        mails.unwrap().records.iter().map(told).collect()
    }
}

async fn houses() -> Vec<House> {
    let mut houses = vec![House::on(on_sqlite().await).await];
    if let Some(ledger) = on_postgres().await {
        houses.push(House::on(ledger).await);
    }
    houses
}

fn not_granted<T>(outcome: &Result<T, PeopleError>) -> bool {
    matches!(outcome, Err(PeopleError::Ledger(LedgerError::NotGranted)))
}

#[tokio::test]
async fn support_reads_once_the_owner_has_signed_and_the_account_sees_it() {
    for house in houses().await {
        let id = house.asked(&[Area::Orders]).await;
        assert_eq!(house.mails().await, [("member6@example.com".to_owned(), "grant_asked")], "whoever may approve");
        assert!(not_granted(&house.reads(id).await), "asking opens nothing");
        let terms = grants::terms(&house.ledger, &house.owner, id, Some(HOUR_MS)).await.unwrap();
        let proof = house.signed(&terms.grant.challenge());
        let granted = grants::approve(&house.ledger, &house.owner, OWNER, terms, proof).await.unwrap();
        assert_eq!((granted.approved_by, granted.approved_with), (Some(OWNER), Some(ApprovedWith::Passkey)));
        assert_eq!(house.state(id).await, (GrantState::Approved, GrantState::Approved));
        assert_eq!(house.reads(id).await.unwrap().unwrap().reference, "4711");
        let log = house.ledger.entries(&Scope::operator(house.account), 0, 100).await.unwrap();
        let told: Vec<_> = log.iter().skip(3).map(|entry| entry.headline.action.as_str()).collect();
        assert_eq!(told, ["requested", "approved", "viewed"]);
        let viewed = log.last().unwrap();
        assert_eq!(
            (viewed.headline.actor, viewed.said.seen.clone()),
            (Actor::Staff(STAFF), vec!["reference".to_owned()])
        );
        let other = grants::admit(&house.ledger, Id::from_bytes([9; 16]), house.account, id).await;
        assert!(matches!(other, Err(PeopleError::Problem(_))), "a grant is for one person");
    }
}

#[tokio::test]
async fn a_signature_over_other_terms_or_by_another_key_approves_nothing() {
    let house = House::on(on_sqlite().await).await;
    let id = house.asked(&[Area::Orders]).await;
    let terms = || grants::terms(&house.ledger, &house.owner, id, None);
    let other = house.signed(&[0; 32]);
    let refused = grants::approve(&house.ledger, &house.owner, OWNER, terms().await.unwrap(), other).await;
    assert!(matches!(refused, Err(PeopleError::NotProven)));
    let drawn = terms().await.unwrap();
    let stranger = SoftKey::new(PARTY, "https://bonded.example").sign(&drawn.grant.challenge());
    let Proof::Passkey { key, relying_party, mut assertion } = house.signed(&drawn.grant.challenge()) else { panic!() };
    assertion.signature = stranger.signature;
    let forged = Proof::Passkey { key, relying_party, assertion };
    assert!(matches!(
        grants::approve(&house.ledger, &house.owner, OWNER, drawn, forged).await,
        Err(PeopleError::NotProven)
    ));
    assert_eq!(house.state(id).await.0, GrantState::Requested);
}

#[tokio::test]
async fn what_ends_a_grant_ends_the_next_read() {
    let house = House::on(on_sqlite().await).await;
    let revoked = house.approved(&[Area::Orders], None).await;
    let (reading, _) = grants::admit(&house.ledger, STAFF, house.account, revoked).await.unwrap();
    house.ledger.get(&reading, house.order).await.unwrap();
    grants::revoke(&house.ledger, &house.owner, revoked).await.unwrap();
    let after = house.ledger.get(&reading, house.order).await;
    assert!(matches!(after, Err(LedgerError::NotGranted)), "also in the midst of reading");
    assert!(not_granted(&house.reads(revoked).await));
    assert_eq!(house.state(revoked).await, (GrantState::Revoked, GrantState::Revoked));

    let short = house.approved(&[Area::Orders], None).await;
    let until = house.ledger.clock().now().plus_millis(HOUR_MS);
    grants::shorten(&house.ledger, &house.owner, short, until).await.unwrap();
    assert!(grants::shorten(&house.ledger, &house.owner, short, until).await.is_err(), "never longer");
    house.reads(short).await.unwrap();
    house.ledger.test_clock().advance_ms(HOUR_MS);
    assert!(not_granted(&house.reads(short).await));
    assert_eq!(grants::keep(&house.ledger).await.unwrap(), 1);
    assert_eq!(house.state(short).await, (GrantState::Ended, GrantState::Ended));
    assert_eq!(grants::keep(&house.ledger).await.unwrap(), 0);
}

#[tokio::test]
async fn a_request_is_denied_or_lapses_and_is_never_approved_afterwards() {
    let house = House::on(on_sqlite().await).await;
    let denied = house.asked(&[Area::Orders]).await;
    grants::deny(&house.ledger, &house.owner, denied).await.unwrap();
    assert!(grants::terms(&house.ledger, &house.owner, denied, None).await.is_err());
    assert!(grants::deny(&house.ledger, &house.owner, denied).await.is_err());

    let late = house.asked(&[Area::Orders]).await;
    let terms = grants::terms(&house.ledger, &house.owner, late, None).await.unwrap();
    house.ledger.test_clock().advance_ms(ANSWER_MS);
    let proof = house.signed(&terms.grant.challenge());
    assert!(grants::approve(&house.ledger, &house.owner, OWNER, terms, proof).await.is_err());
    grants::keep(&house.ledger).await.unwrap();
    assert_eq!(house.state(late).await, (GrantState::Lapsed, GrantState::Lapsed));
    let ended = house.mails().await.iter().filter(|(_, what)| *what == "grant_ended").count();
    assert_eq!(ended, 2);
}

#[tokio::test]
async fn a_grant_opens_its_areas_alone() {
    let house = House::on(on_sqlite().await).await;
    let id = house.approved(&[Area::Products], None).await;
    assert!(matches!(house.reads(id).await, Err(PeopleError::Ledger(LedgerError::OutOfReach(Kind::Order)))));
    let (scope, _) = grants::admit(&house.ledger, STAFF, house.account, id).await.unwrap();
    assert!(matches!(members_seen(&house, &scope).await, Err(LedgerError::OutOfReach(Kind::Member))));
}

async fn members_seen(house: &House, scope: &Scope) -> Result<usize, LedgerError> {
    Ok(house.ledger.list::<MemberRecord>(scope, &bonded_ledger::List::first(10)).await?.records.len())
}

#[tokio::test]
async fn a_request_that_never_reached_its_account_is_taken_away() {
    let house = House::on(on_sqlite().await).await;
    let id = house.asked(&[Area::Orders]).await;
    let own = grants::get(&house.ledger, &house.owner.scope, id).await.unwrap();
    let mut change = Change::new();
    change.remove(&own, "lost");
    house.ledger.commit(&Scope::operator(house.account), change).await.unwrap();
    assert_eq!(grants::keep(&house.ledger).await.unwrap(), 0, "it may still be on its way");
    house.ledger.test_clock().advance_ms(HOUR_MS);
    assert_eq!(grants::keep(&house.ledger).await.unwrap(), 1);
    assert!(grants::copy_of(&house.ledger, id).await.is_err());
}

#[tokio::test]
async fn mails_about_grants_hold_names_and_reasons_only() {
    let house = House::on(on_sqlite().await).await;
    house.asked(&[Area::Orders, Area::Holds]).await;
    let page = bonded_ledger::List::first(1);
    let mails = bonded_people::mail::list(&house.ledger, &Scope::operator(PLATFORM), None, page).await.unwrap();
    let Matter::GrantAsked { what, reason, staff_name, account_name, .. } = &mails.records[0].matter else { panic!() };
    assert_eq!((what.as_str(), reason.as_str()), ("read orders, holds", "an order is missing (ticket T-1)"));
    assert_eq!((staff_name.as_str(), account_name.as_str()), ("Grace", "Corner Shop"));
}
