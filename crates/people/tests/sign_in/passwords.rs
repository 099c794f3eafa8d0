//! Signing in with a password: who is let in, how far, and what everybody else gets.

use crate::house::{ANOTHER, House, PASSWORD, Why, secret, user, visit, why};
use bonded_ledger::Scope;
use bonded_people::Permission;
use bonded_people::mail::Notice;
use bonded_people::members::Role;
use bonded_people::session::{Factor, Person, Stage};
use bonded_people::sign_in::{self, Visit};
use bonded_people::staff::{StaffRecord, StaffRole};
use bonded_people::users::UserRecord;

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn a_right_password_lets_an_operator_in_and_the_logs_tell_of_it() {
    for house in House::each().await {
        let id = house.has(ADA, Role::Operator).await;
        house.pass_ms(1);
        let begun = house.begins(" Ada@Example.com ").await;
        assert_eq!((begun.record.stage, begun.record.account), (Stage::Full, Some(house.shop)));
        assert_eq!(begun.record.factors, [Factor::Password]);
        let visitor = house.visitor(&begun).await;
        assert_eq!(visitor.standing(), Some((house.shop, Role::Operator)));
        assert!(visitor.permissions().contains(Permission::OrdersWrite));
        assert_eq!(house.user(id).await.last_sign_in_at, Some(house.now()));
        assert_eq!(house.member(house.shop, id).await.last_sign_in_at, Some(house.now()));
        let log = house.ledger.entries(&Scope::operator(house.shop), 0, 100).await.unwrap();
        assert_eq!(log.last().unwrap().headline.action, "signed_in");
    }
}

#[tokio::test]
async fn whoever_is_not_let_in_learns_nothing_about_who_exists() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Operator).await;
    house.hires("edith@bonded.example", &[StaffRole::Support]).await;
    let long = "zebra ".repeat(10_000);
    let tries = [
        (ADA, ANOTHER),
        (ADA, ""),
        (ADA, &long),
        ("nobody@example.com", PASSWORD),
        ("edith@bonded.example", PASSWORD),
        ("no address at all", PASSWORD),
        ("", ""),
    ];
    for (number, (mail, password)) in (0..).zip(tries) {
        let visit = Visit { mark: [number; 16], ..visit() };
        let refused = house.tries::<UserRecord>(mail, password, &visit).await;
        let text = refused.as_ref().err().map(ToString::to_string);
        assert_eq!(text.as_deref(), Some("this does not prove who you are"), "{number}");
        assert_eq!(why(refused), Why::NotProven, "{number}");
    }
    assert_eq!(why(house.tries::<StaffRecord>(ADA, PASSWORD, &visit()).await), Why::NotProven, "users are no staff");
}

#[tokio::test]
async fn a_guesser_waits_whether_or_not_there_is_such_a_person_and_the_owner_does_not() {
    let house = House::on_sqlite().await;
    let ada = house.has(ADA, Role::Operator).await;
    let device = Some(sign_in::remember_device(&house.ledger, ada).unwrap());
    for mail in [ADA, "nobody@example.com"] {
        for guess in 0..5 {
            let refused = house.tries::<UserRecord>(mail, &format!("a wrong password {guess}"), &visit()).await;
            assert_eq!(why(refused), Why::NotProven, "{mail} {guess}");
        }
        assert_eq!(
            why(house.tries::<UserRecord>(mail, PASSWORD, &visit()).await),
            Why::Wait(1),
            "{mail}, even if right"
        );
    }
    let at_home = Visit { device, ..visit() };
    house.tries::<UserRecord>(ADA, PASSWORD, &at_home).await.unwrap();
    let bob = house.has("bob@example.com", Role::Viewer).await;
    let device = Some(sign_in::remember_device(&house.ledger, bob).unwrap());
    let borrowed = Visit { device, ..visit() };
    assert_eq!(why(house.tries::<UserRecord>(ADA, PASSWORD, &borrowed).await), Why::Wait(1), "another's device");
    house.pass_ms(1_000);
    house.begins(ADA).await;
}

#[tokio::test]
async fn a_second_factor_is_forced_where_a_role_needs_one() {
    let house = House::on_sqlite().await;
    for (role, stage) in [
        (Role::Owner, Stage::Enrolment),
        (Role::Manager, Stage::Enrolment),
        (Role::Operator, Stage::Full),
        (Role::Viewer, Stage::Full),
    ] {
        let mail = format!("{role}@example.com");
        house.has(&mail, role).await;
        let begun = house.begins(&mail).await;
        assert_eq!(begun.record.stage, stage, "{role}");
        let visitor = house.visitor(&begun).await;
        assert_eq!(visitor.standing().is_some(), stage == Stage::Full, "{role}");
        assert_eq!(visitor.permissions().iter().count() > 0, stage == Stage::Full, "{role}");
    }
    for role in StaffRole::ALL {
        let mail = format!("{role}@bonded.example").replace('_', "-");
        house.hires(&mail, &[role]).await;
        assert_eq!(house.staff_begins(&mail).await.record.stage, Stage::Enrolment, "{role}");
    }
}

#[tokio::test]
async fn whoever_also_owns_another_account_enrols_before_entering_any() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Viewer).await;
    let begun = house.begins(ADA).await;
    let other = house.opens("Other Shop").await;
    let (id, code) = house.invites(other, ADA, Role::Owner).await;
    let visitor = house.visitor(&begun).await;
    bonded_people::invitations::accept_as_user(&house.ledger, id, &code, &visitor).await.unwrap();
    let moved = sign_in::open_account(&house.ledger, &house.visitor(&begun).await, other).await.unwrap();
    assert_eq!(moved.record.stage, Stage::Enrolment);
    assert!(house.visitor(&moved).await.standing().is_none() && !house.holds(&begun).await);
    assert_eq!(house.begins(ADA).await.record.stage, Stage::Enrolment);
}

#[tokio::test]
async fn a_hash_that_has_become_too_cheap_is_made_anew_without_a_word() {
    let house = House::on_sqlite().await;
    let id = house.has(ADA, Role::Operator).await;
    let was = house.user(id).await;
    let mut becomes = (*was).clone();
    becomes.credentials.password.as_mut().unwrap().cost.passes = 1;
    house.leaves(&crate::house::OPERATOR, &was, &becomes).await;
    assert!(house.user(id).await.credentials.password.as_ref().unwrap().needs_rehash());
    assert_eq!(why(house.tries::<UserRecord>(ADA, ANOTHER, &visit()).await), Why::NotProven);
    assert!(house.user(id).await.credentials.password.as_ref().unwrap().needs_rehash(), "a wrong one is kept nowhere");
    let first = house.begins(ADA).await;
    assert!(!house.user(id).await.credentials.password.as_ref().unwrap().needs_rehash());
    house.begins(ADA).await;
    assert!(house.holds(&first).await, "it is the same password");
    assert_eq!(house.told(ADA).await, []);
}

#[tokio::test]
async fn another_password_ends_all_other_sessions_and_is_told() {
    let house = House::on_sqlite().await;
    let id = house.has(ADA, Role::Operator).await;
    let (here, there) = (house.begins(ADA).await, house.begins(ADA).await);
    let entering = house.entering::<UserRecord>(&here).await;
    let wrong = sign_in::change_password(&house.doors, &entering, secret(ANOTHER), secret(ANOTHER)).await;
    assert_eq!(why(wrong), Why::NotProven);
    let weak = sign_in::change_password(&house.doors, &entering, secret(PASSWORD), secret("ada lovelace ada")).await;
    assert!(matches!(why(weak), Why::Refused(_)));
    assert!(house.holds(&there).await, "nothing has changed");
    let changed = sign_in::change_password(&house.doors, &entering, secret(PASSWORD), secret(ANOTHER)).await.unwrap();
    assert!(!house.holds(&there).await && !house.holds(&here).await && house.holds(&changed.begun).await);
    assert_eq!(house.visitor(&changed.begun).await.standing(), Some((house.shop, Role::Operator)));
    assert_eq!(house.sessions(Person::User(user(id))).await.len(), 1);
    assert_eq!(why(house.tries::<UserRecord>(ADA, PASSWORD, &visit()).await), Why::NotProven);
    house.tries::<UserRecord>(ADA, ANOTHER, &visit()).await.unwrap();
    assert_eq!(house.told(ADA).await, [Notice::PasswordChanged]);
}

#[tokio::test]
async fn whoever_holds_a_stolen_session_cannot_guess_its_password_on_and_on() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Operator).await;
    let (stolen, own) = (house.begins(ADA).await, house.begins(ADA).await);
    let change = async |begun, old| {
        let entering = house.entering::<UserRecord>(begun).await;
        sign_in::change_password(&house.doors, &entering, secret(old), secret(ANOTHER)).await
    };
    for _ in 0..5 {
        assert_eq!(why(change(&stolen, "a wrong password").await), Why::NotProven);
    }
    assert_eq!(why(change(&stolen, PASSWORD).await), Why::Wait(1));
    change(&own, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn no_session_with_the_old_password_begins_beside_the_change_to_another() {
    for house in House::each().await {
        let id = house.has(ADA, Role::Operator).await;
        let begun = house.begins(ADA).await;
        let entering = house.entering::<UserRecord>(&begun).await;
        let visits: Vec<_> = (1..4).map(|mark| Visit { mark: [mark; 16], ..visit() }).collect();
        let (changed, ..) = tokio::join!(
            sign_in::change_password(&house.doors, &entering, secret(PASSWORD), secret(ANOTHER)),
            house.tries::<UserRecord>(ADA, PASSWORD, &visits[0]),
            house.tries::<UserRecord>(ADA, PASSWORD, &visits[1]),
            house.tries::<UserRecord>(ADA, PASSWORD, &visits[2]),
        );
        let changed = changed.unwrap().begun;
        let left: Vec<_> = house.sessions(Person::User(user(id))).await.iter().map(|session| session.id).collect();
        assert_eq!(left, [changed.id], "whichever came first");
    }
}
