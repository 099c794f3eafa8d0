//! The second step with a one-time or a recovery code, and what becomes of the factors themselves.

use crate::house::{ANOTHER, House, MINUTE_MS, PASSWORD, Why, key, secret, user, visit, why};
use bonded_people::credentials::throttle::WRONG_CODES_MAX;
use bonded_people::mail::Notice;
use bonded_people::members::{self, Role};
use bonded_people::session::{Factor, Person, Stage};
use bonded_people::sign_in::{self, Enrolled};
use bonded_people::users::UserRecord;
use bonded_people::{PeopleError, Permission};

const ADA: &str = "ada@example.com";
const STEP_MS: i64 = 30_000;

#[tokio::test]
async fn an_owner_enrols_an_app_and_is_asked_for_it_from_then_on() {
    for house in House::each().await {
        let id = house.has(ADA, Role::Owner).await;
        let begun = house.begins(ADA).await;
        let (Enrolled { begun: enrolled, recovery }, app) = house.adds_app::<UserRecord>(&begun).await;
        assert_eq!((enrolled.record.stage, enrolled.id), (Stage::Full, begun.id));
        assert_eq!(recovery.len(), 10);
        assert!(!house.holds(&begun).await, "the token is another one");
        let visitor = house.visitor(&enrolled).await;
        assert!(visitor.permissions().contains(Permission::MembersWrite));
        assert!(house.member(house.shop, id).await.has_second_factor);
        house.pass_ms(STEP_MS);
        let asked = house.begins(ADA).await;
        assert_eq!((asked.record.stage, asked.record.account), (Stage::SecondFactor, Some(house.shop)));
        let halfway = house.visitor(&asked).await;
        assert!(halfway.standing().is_none() && halfway.scope().is_err() && halfway.acting().is_err());
        let entering = house.entering::<UserRecord>(&asked).await;
        let change = sign_in::change_password(&house.doors, &entering, secret(PASSWORD), secret(ANOTHER)).await;
        assert_eq!(why(change), Why::SecondFactor);
        assert_eq!(why(sign_in::begin_passkey(&house.doors, &entering)), Why::SecondFactor);
        let full = house.shows_code::<UserRecord>(&asked, &app.shows(&house, 0)).await.unwrap();
        assert_eq!(full.record.factors, [Factor::Password, Factor::Totp]);
        assert_eq!((full.record.stage, full.id), (Stage::Full, asked.id));
        assert!(!house.holds(&asked).await && house.holds(&full).await && house.holds(&enrolled).await);
        assert_eq!(house.user(id).await.last_sign_in_at, Some(house.now()));
        let once_more = house.shows_code::<UserRecord>(&full, &app.shows(&house, 1)).await;
        assert!(matches!(why(once_more), Why::Refused(_)), "nothing is awaited");
    }
}

#[tokio::test]
async fn two_who_show_one_code_at_once_get_one_session() {
    for house in House::each().await {
        let (id, _, app) = house.has_with_app(ADA, Role::Owner).await;
        let (one, other) = (house.begins(ADA).await, house.begins(ADA).await);
        let code = app.shows(&house, 1);
        let one = house.entering::<UserRecord>(&one).await;
        let other = house.entering::<UserRecord>(&other).await;
        let visit = visit();
        let (one, other) = tokio::join!(
            sign_in::with_code(&house.doors, &one, &code, &visit),
            sign_in::with_code(&house.doors, &other, &code, &visit),
        );
        let [let_in, refused] = if one.is_ok() { [one, other] } else { [other, one] };
        assert_eq!(why(refused), Why::NotProven);
        assert!(house.holds(&let_in.unwrap()).await);
        let full = |sessions: Vec<bonded_ledger::Stored<bonded_people::session::SessionRecord>>| {
            sessions.iter().filter(|session| session.stage == Stage::Full).count()
        };
        assert_eq!(full(house.sessions(Person::User(user(id))).await), 2, "this one and that of the enrolment");
        house.pass_ms(STEP_MS);
        let third = house.begins(ADA).await;
        assert_eq!(why(house.shows_code::<UserRecord>(&third, &code).await), Why::NotProven, "nor afterwards");
    }
}

#[tokio::test]
async fn both_steps_at_two_places_at_once_go_through() {
    let house = House::on_sqlite().await;
    let (_, _, app) = house.has_with_app(ADA, Role::Owner).await;
    let begun = house.begins(ADA).await;
    let entering = house.entering::<UserRecord>(&begun).await;
    // Another sign-in notes itself with the person between the reading and the keeping of this one.
    house.begins(ADA).await;
    sign_in::with_code(&house.doors, &entering, &app.shows(&house, 1), &visit()).await.unwrap();
}

#[tokio::test]
async fn whoever_takes_minutes_over_a_code_is_still_let_in() {
    let house = House::on_sqlite().await;
    let (_, full, app) = house.has_with_app(ADA, Role::Owner).await;
    let begun = house.begins(ADA).await;
    house.pass_ms(9 * MINUTE_MS);
    house.shows_code::<UserRecord>(&begun, &app.shows(&house, 0)).await.unwrap();
    house.pass_ms(9 * MINUTE_MS);
    let key = key();
    let added = house.adds_key::<UserRecord>(&full, &key).await;
    assert!(house.holds(&added.begun).await, "nor does a session that has rested refuse a change");
}

#[tokio::test]
async fn ten_wrong_codes_end_a_sign_in() {
    let house = House::on_sqlite().await;
    let (_, full, app) = house.has_with_app(ADA, Role::Owner).await;
    let begun = house.begins(ADA).await;
    let mut wrong = 0;
    loop {
        match house.shows_code::<UserRecord>(&begun, "123 456").await {
            Err(PeopleError::Wait(seconds)) => house.pass_ms(i64::from(seconds) * 1000),
            Err(PeopleError::NotProven) => wrong += 1,
            Err(PeopleError::SignedOut) => break,
            other => panic!("{:?}", why(other)),
        }
    }
    assert_eq!(wrong + 1, WRONG_CODES_MAX, "the last one is told that it is over");
    assert!(!house.holds(&begun).await);
    assert_eq!(why(house.shows_code::<UserRecord>(&begun, &app.shows(&house, 0)).await), Why::SignedOut);
    assert!(house.holds(&full).await, "who is signed in stays so");
}

#[tokio::test]
async fn a_recovery_code_lets_in_once_and_a_mail_says_so() {
    for house in House::each().await {
        let id = house.has(ADA, Role::Owner).await;
        let (Enrolled { recovery, .. }, _) = house.adds_app::<UserRecord>(&house.begins(ADA).await).await;
        let code = recovery[3].expose();
        let begun = house.begins(ADA).await;
        let full = house.shows_code::<UserRecord>(&begun, &code.to_uppercase()).await.unwrap();
        assert_eq!(full.record.factors, [Factor::Password, Factor::RecoveryCode]);
        assert!(house.visitor(&full).await.permissions().contains(Permission::MembersWrite));
        assert_eq!(house.user(id).await.credentials.recovery.as_ref().unwrap().left, 9);
        let again = house.begins(ADA).await;
        assert_eq!(why(house.shows_code::<UserRecord>(&again, code).await), Why::NotProven);
        let told = house.told(ADA).await;
        assert_eq!(told.iter().filter(|what| **what == Notice::RecoveryCodeUsed).count(), 1, "{told:?}");
    }
}

#[tokio::test]
async fn new_recovery_codes_replace_the_old_ones() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Owner).await;
    let (first, _) = house.adds_app::<UserRecord>(&house.begins(ADA).await).await;
    let entering = house.entering::<UserRecord>(&first.begun).await;
    let second = sign_in::new_recovery_codes(&house.doors, &entering).await.unwrap();
    assert_eq!(second.recovery.len(), 10);
    assert!(!house.holds(&first.begun).await && house.holds(&second.begun).await);
    let begun = house.begins(ADA).await;
    assert_eq!(why(house.shows_code::<UserRecord>(&begun, first.recovery[0].expose()).await), Why::NotProven);
    house.shows_code::<UserRecord>(&begun, second.recovery[0].expose()).await.unwrap();
    assert_eq!(house.told(ADA).await, [Notice::FactorAdded, Notice::RecoveryCodesMade, Notice::RecoveryCodeUsed]);
    house.has("bob@example.com", Role::Viewer).await;
    let entering = house.entering::<UserRecord>(&house.begins("bob@example.com").await).await;
    let none = sign_in::new_recovery_codes(&house.doors, &entering).await;
    assert!(matches!(why(none), Why::Refused(_)), "codes alone are no second factor");
}

#[tokio::test]
async fn an_approval_takes_each_code_once() {
    let house = House::on_sqlite().await;
    let (_, full, app) = house.has_with_app(ADA, Role::Owner).await;
    let entering = house.entering::<UserRecord>(&full).await;
    let code = app.shows(&house, 1);
    let visit = visit();
    let (one, other) = tokio::join!(
        sign_in::prove_with_totp(&house.doors, &entering, &code, &visit),
        sign_in::prove_with_totp(&house.doors, &entering, &code, &visit),
    );
    assert!(one.is_ok() != other.is_ok());
    assert_eq!(why(one.and(other)), Why::NotProven);
    house.pass_ms(STEP_MS);
    let entering = house.entering::<UserRecord>(&full).await;
    assert_eq!(why(sign_in::prove_with_totp(&house.doors, &entering, &code, &visit).await), Why::NotProven);
    let begun = house.begins(ADA).await;
    assert_eq!(why(house.shows_code::<UserRecord>(&begun, &code).await), Why::NotProven, "nor at the door");
}

#[tokio::test]
async fn the_last_factor_that_a_role_needs_stays() {
    let house = House::on_sqlite().await;
    let (id, full, _) = house.has_with_app(ADA, Role::Manager).await;
    let entering = house.entering::<UserRecord>(&full).await;
    assert!(matches!(why(sign_in::remove_totp(&house.doors, &entering).await), Why::Refused(_)));
    let key = key();
    let both = house.adds_key::<UserRecord>(&full, &key).await;
    assert!(both.recovery.is_empty(), "the codes that were shown still work");
    let entering = house.entering::<UserRecord>(&both.begun).await;
    let left = sign_in::remove_totp(&house.doors, &entering).await.unwrap();
    assert!(house.visitor(&left.begun).await.permissions().contains(Permission::MembersWrite));
    let entering = house.entering::<UserRecord>(&left.begun).await;
    assert!(matches!(why(sign_in::remove_totp(&house.doors, &entering).await), Why::Refused(_)), "there is none");
    let passkey = house.user(id).await.credentials.passkeys[0].id.clone();
    assert!(matches!(why(sign_in::remove_passkey(&house.doors, &entering, &passkey).await), Why::Refused(_)));
    assert!(matches!(why(sign_in::remove_passkey(&house.doors, &entering, "AAAA").await), Why::Refused(_)));
    assert_eq!(house.told(ADA).await, [Notice::FactorAdded, Notice::FactorAdded, Notice::FactorRemoved]);
}

#[tokio::test]
async fn a_factor_that_was_taken_away_counts_for_no_later_role() {
    let house = House::on_sqlite().await;
    let (id, full, _) = house.has_with_app(ADA, Role::Viewer).await;
    let entering = house.entering::<UserRecord>(&full).await;
    let left = sign_in::remove_totp(&house.doors, &entering).await.unwrap();
    assert_eq!((left.begun.record.stage, &left.begun.record.factors[..]), (Stage::Full, &[Factor::Password][..]));
    assert!(house.user(id).await.credentials.recovery.is_none(), "codes stand in for nothing now");
    let member = members::id_of(user(id));
    members::change_role(&house.ledger, &House::operator(house.shop), member, Role::Owner, None).await.unwrap();
    let visitor = house.visitor(&left.begun).await;
    assert_eq!(visitor.standing(), Some((house.shop, Role::Owner)));
    assert!(visitor.permissions().iter().all(|permission| !permission.needs_second_factor()));
    assert!(visitor.permissions().contains(Permission::PartnerLinksWrite), "the others do not rest");
}

#[tokio::test]
async fn a_session_without_the_second_factor_changes_nothing_once_there_is_one() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Operator).await;
    let (weak, other) = (house.begins(ADA).await, house.begins(ADA).await);
    let weak_entering = house.entering::<UserRecord>(&weak).await;
    let (added, _) = house.adds_app::<UserRecord>(&other).await;
    assert!(!house.holds(&weak).await && house.holds(&added.begun).await);
    // A request that had read everything before the app was added comes too late as well.
    let late = sign_in::change_password(&house.doors, &weak_entering, secret(PASSWORD), secret(ANOTHER)).await;
    assert_eq!(why(late), Why::SignedOut);
}
