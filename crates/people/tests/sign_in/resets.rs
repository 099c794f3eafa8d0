//! Forgotten passwords: a mailed link, and nothing for whoever only tries addresses.

use crate::house::{ANOTHER, House, Why, secret, user, visit, why};
use bonded_base::{Id, Reason};
use bonded_ledger::PLATFORM;
use bonded_people::PeopleError;
use bonded_people::mail::link::{Purpose, code};
use bonded_people::mail::{Matter, Notice};
use bonded_people::members::Role;
use bonded_people::session::{Person, Stage};
use bonded_people::sign_in::{self, RESET_MS, ResetRecord};
use bonded_people::users::UserRecord;

const ADA: &str = "ada@example.com";
const GONE: Why = Why::Refused(Reason::Missing);

type Link = (Id<ResetRecord>, String);

/// Asks, and reads the mails that came of it: the newest last.
async fn asks(house: &House, mail: &str) -> Vec<Link> {
    sign_in::ask_for_reset(&house.ledger, &mail.parse().unwrap()).await.unwrap();
    let mut links = Vec::new();
    for one in house.mails().await {
        let Matter::PasswordReset { reset, .. } = one.matter else { continue };
        let scope = bonded_ledger::Scope::operator(PLATFORM);
        let code = code(&house.ledger, &scope, reset, Purpose::PasswordReset).unwrap();
        links.push((Id::from_bytes(reset.bytes()), code.expose().clone()));
    }
    links
}

async fn resets(house: &House, (id, code): &Link) -> Result<(), PeopleError> {
    sign_in::reset_password(&house.doors, *id, code, secret(ANOTHER)).await
}

#[tokio::test]
async fn a_mailed_link_replaces_the_password_and_nothing_else() {
    for house in House::each().await {
        let (id, full, app) = house.has_with_app(ADA, Role::Owner).await;
        let unfinished = house.begins(ADA).await;
        let link = asks(&house, "ADA@example.com").await.remove(0);
        assert!(house.holds(&full).await, "asking changes nothing");
        resets(&house, &link).await.unwrap();
        assert_eq!(house.sessions(Person::User(user(id))).await.len(), 0);
        assert!(!house.holds(&full).await && !house.holds(&unfinished).await);
        let begun = house.tries::<UserRecord>(ADA, ANOTHER, &visit()).await.unwrap();
        assert_eq!(begun.record.stage, Stage::SecondFactor, "the app is asked for as before");
        house.shows_code::<UserRecord>(&begun, &app.shows(&house, 1)).await.unwrap();
        assert_eq!(house.told(ADA).await, [Notice::PasswordChanged, Notice::FactorAdded]);
        assert_eq!(why(resets(&house, &link).await), GONE, "once");
    }
}

#[tokio::test]
async fn an_unknown_address_gets_no_mail_and_the_same_answer() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Owner).await;
    house.hires("edith@bonded.example", &[bonded_people::staff::StaffRole::Support]).await;
    let had = house.mails().await.len();
    assert!(asks(&house, "nobody@example.com").await.is_empty());
    assert!(asks(&house, "edith@bonded.example").await.is_empty(), "staff ask an officer");
    assert_eq!(house.mails().await.len(), had);
}

#[tokio::test]
async fn a_link_runs_out_and_a_wrong_code_opens_nothing() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Operator).await;
    house.has("bob@example.com", Role::Operator).await;
    let link = asks(&house, ADA).await.remove(0);
    let others = asks(&house, "bob@example.com").await.into_iter().find(|other| other.0 != link.0).unwrap();
    for wrong in ["", "0000000000000000000000000", &others.1, &link.1.to_uppercase()] {
        assert_eq!(why(resets(&house, &(link.0, wrong.to_owned())).await), GONE, "{wrong}");
    }
    assert_eq!(why(resets(&house, &(house.ledger.new_id(), link.1.clone())).await), GONE);
    let weak = sign_in::reset_password(&house.doors, link.0, &link.1, secret("short")).await;
    assert_eq!(why(weak), Why::Refused(Reason::Invalid));
    house.pass_ms(RESET_MS - 1);
    sign_in::find_reset(&house.ledger, link.0, &link.1).await.unwrap();
    house.pass_ms(1);
    assert_eq!(why(resets(&house, &link).await), GONE);
    house.begins(ADA).await;
}

#[tokio::test]
async fn one_link_used_twice_at_once_is_used_once_and_older_links_go_with_it() {
    for house in House::each().await {
        house.has(ADA, Role::Operator).await;
        let old = asks(&house, ADA).await.remove(0);
        house.pass_ms(1);
        let new = asks(&house, ADA).await.into_iter().find(|link| link.0 != old.0).unwrap();
        house.pass_ms(1);
        let (one, other) = tokio::join!(resets(&house, &new), resets(&house, &new));
        assert!(one.is_ok() != other.is_ok());
        assert_eq!(why(one.and(other)), GONE);
        assert_eq!(why(resets(&house, &old).await), GONE, "it lies in the same mailbox");
        assert_eq!(house.told(ADA).await, [Notice::PasswordChanged]);
    }
}

#[tokio::test]
async fn no_session_with_the_old_password_begins_beside_a_reset() {
    for house in House::each().await {
        let id = house.has(ADA, Role::Operator).await;
        let link = asks(&house, ADA).await.remove(0);
        let visit = visit();
        let (reset, ..) = tokio::join!(
            resets(&house, &link),
            house.tries::<UserRecord>(ADA, crate::house::PASSWORD, &visit),
            house.tries::<UserRecord>(ADA, crate::house::PASSWORD, &visit),
        );
        reset.unwrap();
        assert_eq!(house.sessions(Person::User(user(id))).await.len(), 0);
    }
}
