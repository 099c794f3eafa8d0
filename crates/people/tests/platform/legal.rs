//! Access that the law demands: two officers, and a customer who sees it.

use crate::house::{DAY_MS, OPERATOR, Platform};
use bonded_base::{Account, Id};
use bonded_ledger::{Actor, Change, LedgerError, List, Scope};
use bonded_people::PeopleError;
use bonded_people::directory::AccountName;
use bonded_people::grants::{self, ApprovedWith, Area, Draft, GrantRecord, GrantScope, GrantState, Reason, ReasonKind};
use bonded_people::members::{Acting, MemberRecord, MemberState, Role};
use bonded_people::staff::{StaffRole, StaffVisitor};
use bonded_testkit::authenticator::SoftKey;
use bonded_vault::{ApprovalKey, Assertion};

const PARTY: &str = "console.bonded.example";
const HOUR_MS: i64 = 60 * 60 * 1000;

struct Officer {
    visitor: StaffVisitor,
    passkey: SoftKey,
}

struct Case {
    platform: Platform,
    account: Id<Account>,
    grace: Officer,
    linus: Officer,
}

impl Case {
    async fn on(platform: Platform) -> Self {
        let account = platform.ledger.any_account().account();
        let mut change = Change::new();
        let name = AccountName { name: "Corner Shop".into() };
        change.create(Id::<AccountName>::from_bytes(account.bytes()), &name, "opened");
        platform.ledger.commit(&OPERATOR, change).await.unwrap();
        let owner = MemberRecord {
            mail: "ada@example.com".parse().unwrap(),
            name: "Ada".into(),
            role: Role::Owner,
            state: MemberState::Active,
            joined_at: platform.now(),
            last_sign_in_at: None,
            has_second_factor: true,
        };
        let mut change = Change::new();
        change.create(Id::<MemberRecord>::from_bytes([6; 16]), &owner, "joined");
        platform.ledger.commit(&Scope::operator(account), change).await.unwrap();
        let (grace, linus) = (Self::officer(&platform, "grace").await, Self::officer(&platform, "linus").await);
        Self { platform, account, grace, linus }
    }

    async fn officer(platform: &Platform, name: &str) -> Officer {
        let hired = platform.hire(name, &[StaffRole::SecurityOfficer]).await;
        let visitor = StaffVisitor { is_trained: true, ..platform.visitor(hired).await };
        Officer { visitor, passkey: SoftKey::new(PARTY, "https://console.bonded.example") }
    }

    fn draft(ticket: Option<&str>) -> Draft {
        let scope = GrantScope { areas: vec![Area::Members], act: false, record: None, consumers: false };
        let reason = Reason {
            kind: ReasonKind::LegalDemand,
            text: "an order of a court".into(),
            ticket: ticket.map(str::to_owned),
        };
        Draft { scope, reason, duration_ms: HOUR_MS }
    }

    async fn demanded(&self) -> Id<GrantRecord> {
        let draft = Self::draft(Some("Az. 4711"));
        grants::demand(&self.platform.ledger, &self.grace.visitor, self.account, draft).await.unwrap()
    }

    async fn sign(&self, officer: &Officer, id: Id<GrantRecord>) -> Result<GrantState, PeopleError> {
        let copy = grants::copy_of(&self.platform.ledger, id).await?;
        let challenge = copy.legal.as_ref().map(|legal| legal.terms.challenge()).unwrap_or_default();
        self.sign_over(officer, id, &challenge).await
    }

    async fn sign_over(
        &self,
        officer: &Officer,
        id: Id<GrantRecord>,
        challenge: &[u8],
    ) -> Result<GrantState, PeopleError> {
        let parts = officer.passkey.sign(challenge);
        let (x, y) = officer.passkey.public_key();
        let key = ApprovalKey::Es256 { x: x.to_vec(), y: y.to_vec() };
        let assertion = Assertion {
            credential_id: parts.credential_id,
            client_data_json: parts.client_data_json,
            authenticator_data: parts.authenticator_data,
            signature: parts.signature,
        };
        let signed = grants::sign(&self.platform.ledger, &officer.visitor, id, key, PARTY, assertion).await?;
        Ok(signed.state)
    }

    async fn reads(&self, id: Id<GrantRecord>) -> Result<usize, PeopleError> {
        let (scope, _) = grants::admit(&self.platform.ledger, self.grace.visitor.id(), self.account, id).await?;
        Ok(self.platform.ledger.list::<MemberRecord>(&scope, &List::first(10)).await?.records.len())
    }
}

#[tokio::test]
async fn two_officers_open_an_account_and_its_owner_sees_it() {
    for platform in Platform::each().await {
        let case = Case::on(platform).await;
        let id = case.demanded().await;
        assert_eq!(case.sign(&case.grace, id).await.unwrap(), GrantState::Requested);
        assert!(case.reads(id).await.is_err(), "one officer opens nothing");
        assert!(case.sign(&case.grace, id).await.is_err(), "nor does one who signs twice");
        assert_eq!(case.sign(&case.linus, id).await.unwrap(), GrantState::Approved);
        assert_eq!(case.reads(id).await.unwrap(), 1);

        let own = Scope::operator(case.account);
        let seen = grants::get(&case.platform.ledger, &own, id).await.unwrap();
        assert_eq!((seen.approved_with, seen.approved_by), (Some(ApprovedWith::Officers), None));
        assert_eq!(seen.reason.ticket.as_deref(), Some("Az. 4711"));
        let log = case.platform.ledger.headlines(&own, 0, 100).await.unwrap();
        let told: Vec<_> = log.iter().map(|entry| (entry.action.as_str(), entry.actor)).collect();
        let linus = Actor::Staff(case.linus.visitor.id());
        let grace = Actor::Staff(case.grace.visitor.id());
        assert_eq!(told[1..], [("legally_demanded", linus), ("viewed", grace)]);
        assert_eq!(case.platform.told("legal_act").await, ["Ada"]);
        let owner =
            Acting { scope: Scope::member(case.account, Id::from_bytes([6; 16])), role: Role::Owner, member: None };
        assert!(grants::revoke(&case.platform.ledger, &owner, id).await.is_err(), "it ends by itself alone");
        case.platform.ledger.test_clock().advance_ms(HOUR_MS);
        assert!(matches!(case.reads(id).await, Err(PeopleError::Ledger(LedgerError::NotGranted))));
    }
}

#[tokio::test]
async fn a_demand_that_two_did_not_sign_lapses_and_never_reaches_the_account() {
    let case = Case::on(Platform::on_sqlite().await).await;
    let id = case.demanded().await;
    case.sign(&case.grace, id).await.unwrap();
    assert!(matches!(case.sign_over(&case.linus, id, &[0; 32]).await, Err(PeopleError::NotProven)));
    assert_eq!(grants::demands(&case.platform.ledger).await.unwrap().len(), 1);
    grants::keep(&case.platform.ledger).await.unwrap();
    assert_eq!(grants::copy_of(&case.platform.ledger, id).await.unwrap().state, GrantState::Requested);
    case.platform.ledger.test_clock().advance_ms(DAY_MS);
    assert!(case.sign(&case.linus, id).await.is_err());
    grants::keep(&case.platform.ledger).await.unwrap();
    assert_eq!(grants::copy_of(&case.platform.ledger, id).await.unwrap().state, GrantState::Lapsed);
    assert!(grants::get(&case.platform.ledger, &Scope::operator(case.account), id).await.is_err());
    assert!(grants::demands(&case.platform.ledger).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_trained_officers_demand_and_only_to_look_with_a_reference() {
    let case = Case::on(Platform::on_sqlite().await).await;
    let ledger = &case.platform.ledger;
    let asked = |visitor: StaffVisitor, draft: Draft| async move {
        grants::demand(ledger, &visitor, case.account, draft).await.is_err()
    };
    let hired = case.platform.hire("ceo", &[StaffRole::Reviewer, StaffRole::Support]).await;
    let ceo = StaffVisitor { is_trained: true, ..case.platform.visitor(hired).await };
    assert!(asked(ceo, Case::draft(Some("1"))).await);
    assert!(asked(StaffVisitor { is_trained: false, ..case.grace.visitor.clone() }, Case::draft(Some("1"))).await);
    assert!(asked(case.grace.visitor.clone(), Case::draft(None)).await);
    let mut acting = Case::draft(Some("1"));
    acting.scope = GrantScope { areas: vec![Area::Orders], act: true, record: None, consumers: false };
    assert!(asked(case.grace.visitor.clone(), acting).await);
    assert_eq!(ledger.head(&Scope::operator(case.account)).await.unwrap(), 1, "the account heard nothing");
}
