//! Confirming that it is still oneself: how long a proof is fresh, what counts as one, and what waits for it.

use crate::house::{ANOTHER, House, MINUTE_MS, OPERATOR, PASSWORD, Why, key, secret, staff_key, visit, why};
use bonded_base::Reason;
use bonded_people::mail::Notice;
use bonded_people::members::Role;
use bonded_people::session::{self, Begun, FRESH_MS, Factor, Stage};
use bonded_people::sign_in::{self, Enrolled};
use bonded_people::staff::{StaffRecord, StaffRole};
use bonded_people::users::UserRecord;
use bonded_people::{PeopleError, invitations};
use serde_json::Value;

const ADA: &str = "ada@example.com";
const EDITH: &str = "edith@bonded.example";
const STATE: Why = Why::Refused(Reason::State);

async fn is_fresh(house: &House, begun: &Begun) -> bool {
    session::find(&house.ledger, &begun.token).await.unwrap().unwrap().is_fresh(house.now())
}

/// Time passes until the session's last proof is no longer fresh, and somebody goes on using it.
async fn grows_stale(house: &House, begun: &Begun) {
    house.pass_ms(FRESH_MS / 2);
    assert!(house.holds(begun).await);
    house.pass_ms(FRESH_MS / 2);
    assert!(!is_fresh(house, begun).await, "using it proves nothing");
}

#[tokio::test]
async fn a_proof_is_fresh_for_half_an_hour_to_the_millisecond() {
    assert_eq!(FRESH_MS, 30 * MINUTE_MS);
    for house in House::each().await {
        let (_, full, _) = house.has_with_app(ADA, Role::Owner).await;
        house.pass_ms(FRESH_MS - 1);
        assert!(is_fresh(&house, &full).await);
        let entering = house.entering::<UserRecord>(&full).await;
        sign_in::begin_passkey(&house.doors, &entering).unwrap();
        house.pass_ms(1);
        assert!(!is_fresh(&house, &full).await);
        assert_eq!(why(sign_in::begin_passkey(&house.doors, &entering)), Why::Stale);
    }
}

#[tokio::test]
async fn no_factor_is_added_or_taken_away_without_a_fresh_proof() {
    let house = House::on_sqlite().await;
    let (_, full, _) = house.has_with_app(ADA, Role::Owner).await;
    let full = house.adds_key::<UserRecord>(&full, &key()).await.begun;
    let entering = house.entering::<UserRecord>(&full).await;
    let passkey = entering.holder.credentials.passkeys[0].id.clone();
    let asked = sign_in::begin_passkey(&house.doors, &entering).unwrap();
    let answer = key().create(&asked.options);
    grows_stale(&house, &full).await;
    let (doors, entering) = (&house.doors, house.entering::<UserRecord>(&full).await);
    assert_eq!(why(sign_in::begin_passkey(doors, &entering)), Why::Stale);
    let late = sign_in::add_passkey(doors, &entering, &asked.ceremony, "late", &answer).await;
    assert_eq!(why(late), Why::Stale, "what was begun in time is not ended later");
    assert_eq!(why(sign_in::remove_passkey(doors, &entering, &passkey).await), Why::Stale);
    assert_eq!(why(sign_in::begin_totp(doors, &entering).await), Why::Stale);
    assert_eq!(why(sign_in::confirm_totp(doors, &entering, "000000").await), Why::Stale);
    assert_eq!(why(sign_in::remove_totp(doors, &entering).await), Why::Stale);
    assert_eq!(why(sign_in::new_recovery_codes(doors, &entering).await), Why::Stale);
    assert!(house.holds(&full).await, "and nothing has changed");
    assert_eq!(house.told(ADA).await, [Notice::FactorAdded, Notice::FactorAdded]);
}

/// What every confirmation does, whatever was shown: the same session, under a token of its own.
async fn goes_on(house: &House, was: &Begun, begun: &Begun) {
    assert!(!house.holds(was).await && house.holds(begun).await && is_fresh(house, begun).await);
    let (before, now) = (&was.record, &begun.record);
    assert_eq!((was.id, before.began_at, before.stage), (begun.id, now.began_at, now.stage));
    assert_eq!(before.account, now.account);
}

#[tokio::test]
async fn each_factor_that_a_sign_in_could_end_with_confirms() {
    for house in House::each().await {
        let id = house.has(ADA, Role::Owner).await;
        let (Enrolled { begun: full, recovery }, app) = house.adds_app::<UserRecord>(&house.begins(ADA).await).await;
        let key = key();
        let full = house.adds_key::<UserRecord>(&full, &key).await.begun;
        let signed_in_at = house.user(id).await.last_sign_in_at;
        let ways = sign_in::ways_to_confirm(&*house.user(id).await);
        assert_eq!(ways, [Factor::Passkey, Factor::Totp, Factor::RecoveryCode]);

        grows_stale(&house, &full).await;
        let by_key = house.confirms_by_key::<UserRecord>(&full, &key).await.unwrap();
        goes_on(&house, &full, &by_key).await;
        grows_stale(&house, &by_key).await;
        let by_code = house.confirms_by_code::<UserRecord>(&by_key, &app.shows(&house, 0)).await.unwrap();
        goes_on(&house, &by_key, &by_code).await;
        grows_stale(&house, &by_code).await;
        let on_paper = house.confirms_by_code::<UserRecord>(&by_code, recovery[0].expose()).await.unwrap();
        goes_on(&house, &by_code, &on_paper).await;
        let shown = [Factor::Password, Factor::Totp, Factor::Passkey, Factor::RecoveryCode];
        assert_eq!(on_paper.record.factors, shown);
        let told = house.told(ADA).await;
        assert_eq!(told.iter().filter(|what| **what == Notice::RecoveryCodeUsed).count(), 1, "{told:?}");
        let ada = house.user(id).await;
        assert_eq!(ada.credentials.recovery.as_ref().unwrap().left, 9, "it is used up");
        assert_eq!(ada.last_sign_in_at, signed_in_at, "a confirmation is no sign-in");
        assert_eq!(house.member(house.shop, id).await.last_sign_in_at, signed_in_at);
        let log = house.ledger.entries(&OPERATOR, 0, 500).await.unwrap();
        assert_eq!(log.iter().filter(|entry| entry.headline.action == "confirmed").count(), 3, "the log tells of each");
        let entering = house.entering::<UserRecord>(&on_paper).await;
        sign_in::new_recovery_codes(&house.doors, &entering).await.unwrap();
    }
}

#[tokio::test]
async fn a_password_confirms_for_those_alone_who_have_nothing_more() {
    let house = House::on_sqlite().await;
    let bob = house.has("bob@example.com", Role::Viewer).await;
    assert_eq!(sign_in::ways_to_confirm(&*house.user(bob).await), [Factor::Password]);
    let full = house.begins("bob@example.com").await;
    grows_stale(&house, &full).await;
    assert_eq!(why(house.confirms_by_password::<UserRecord>(&full, ANOTHER).await), Why::NotProven);
    assert_eq!(why(house.confirms_by_code::<UserRecord>(&full, "123456").await), STATE);
    assert_eq!(why(house.confirms_by_key::<UserRecord>(&full, &key()).await), STATE);
    let confirmed = house.confirms_by_password::<UserRecord>(&full, PASSWORD).await.unwrap();
    goes_on(&house, &full, &confirmed).await;
    let (with_app, _) = house.adds_app::<UserRecord>(&confirmed).await;

    grows_stale(&house, &with_app.begun).await;
    assert_eq!(why(house.confirms_by_password::<UserRecord>(&with_app.begun, PASSWORD).await), STATE);
}

async fn changes_password(house: &House, begun: &Begun, old: &str, new: &str) -> Result<Enrolled, PeopleError> {
    let entering = house.entering::<UserRecord>(begun).await;
    sign_in::change_password(&house.doors, &entering, secret(old), secret(new)).await
}

#[tokio::test]
async fn another_password_asks_for_the_present_one_and_for_nothing_else() {
    let house = House::on_sqlite().await;
    house.has("bob@example.com", Role::Viewer).await;
    let full = house.begins("bob@example.com").await;
    grows_stale(&house, &full).await;
    let changed = changes_password(&house, &full, PASSWORD, ANOTHER).await.unwrap().begun;
    assert!(is_fresh(&house, &changed).await, "the present one was just shown");

    let (_, full, _) = house.has_with_app(ADA, Role::Owner).await;
    grows_stale(&house, &full).await;
    let changed = changes_password(&house, &full, PASSWORD, ANOTHER).await.unwrap().begun;
    assert!(!is_fresh(&house, &changed).await, "of two factors the one that is stolen more easily is not enough");
    let entering = house.entering::<UserRecord>(&changed).await;
    assert_eq!(why(sign_in::remove_totp(&house.doors, &entering).await), Why::Stale);
}

#[tokio::test]
async fn opening_another_account_proves_nothing() {
    let house = House::on_sqlite().await;
    let (_, full, _) = house.has_with_app(ADA, Role::Owner).await;
    let other = house.opens("Other Shop").await;
    let (invitation, code) = house.invites(other, ADA, Role::Owner).await;
    let visitor = house.visitor(&full).await;
    invitations::accept_as_user(&house.ledger, invitation, &code, &visitor).await.unwrap();
    grows_stale(&house, &full).await;
    let visitor = house.visitor(&full).await;
    let in_other = sign_in::open_account(&house.ledger, &visitor, other).await.unwrap();
    assert!(house.holds(&in_other).await && !is_fresh(&house, &in_other).await);
}

#[tokio::test]
async fn an_enrolment_that_was_left_lying_is_confirmed_too() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Owner).await;
    let begun = house.begins(ADA).await;
    assert_eq!(begun.record.stage, Stage::Enrolment);
    grows_stale(&house, &begun).await;
    let entering = house.entering::<UserRecord>(&begun).await;
    assert_eq!(why(sign_in::begin_totp(&house.doors, &entering).await), Why::Stale);
    let confirmed = house.confirms_by_password::<UserRecord>(&begun, PASSWORD).await.unwrap();
    goes_on(&house, &begun, &confirmed).await;
    let (enrolled, _) = house.adds_app::<UserRecord>(&confirmed).await;
    assert_eq!(enrolled.begun.record.stage, Stage::Full);
}

#[tokio::test]
async fn an_unfinished_sign_in_is_not_confirmed() {
    let house = House::on_sqlite().await;
    let (_, _, app) = house.has_with_app(ADA, Role::Owner).await;
    let begun = house.begins(ADA).await;
    let code = app.shows(&house, 1);
    assert_eq!(why(house.confirms_by_code::<UserRecord>(&begun, &code).await), Why::SecondFactor);
    assert_eq!(why(house.confirms_by_password::<UserRecord>(&begun, PASSWORD).await), Why::SecondFactor);
    house.shows_code::<UserRecord>(&begun, &code).await.unwrap();
}

#[tokio::test]
async fn an_officer_confirms_with_a_passkey_only() {
    for house in House::each().await {
        house.hires(EDITH, &[StaffRole::SecurityOfficer]).await;
        let (with_app, app) = house.adds_app::<StaffRecord>(&house.staff_begins(EDITH).await).await;
        // As long as there is no passkey, the app is what there is: the session can only enrol one.
        house.pass_ms(MINUTE_MS);
        let begun = house.confirms_by_code::<StaffRecord>(&with_app.begun, &app.shows(&house, 0)).await.unwrap();
        assert_eq!(begun.record.stage, Stage::Enrolment);
        let key = staff_key();
        let full = house.adds_key::<StaffRecord>(&begun, &key).await.begun;
        let entering = house.entering::<StaffRecord>(&full).await;
        assert_eq!(sign_in::ways_to_confirm(&*entering.holder), [Factor::Passkey]);
        house.pass_ms(MINUTE_MS);
        assert_eq!(why(house.confirms_by_code::<StaffRecord>(&full, &app.shows(&house, 0)).await), STATE);
        assert_eq!(why(house.confirms_by_password::<StaffRecord>(&full, PASSWORD).await), STATE);
        let confirmed = house.confirms_by_key::<StaffRecord>(&full, &key).await.unwrap();
        goes_on(&house, &full, &confirmed).await;
        assert!(house.staff_visitor(&confirmed).await.is_let_in());
    }
}

#[tokio::test]
async fn support_confirms_with_what_it_has() {
    let house = House::on_sqlite().await;
    house.hires(EDITH, &[StaffRole::Support]).await;
    let (full, app) = house.adds_app::<StaffRecord>(&house.staff_begins(EDITH).await).await;
    house.pass_ms(14 * MINUTE_MS);
    assert_eq!(why(house.confirms_by_password::<StaffRecord>(&full.begun, PASSWORD).await), STATE);
    let confirmed = house.confirms_by_code::<StaffRecord>(&full.begun, &app.shows(&house, 0)).await.unwrap();
    goes_on(&house, &full.begun, &confirmed).await;
}

#[tokio::test]
async fn what_was_shown_counts_once_and_in_its_own_session() {
    let house = House::on_sqlite().await;
    let (_, full, app) = house.has_with_app(ADA, Role::Owner).await;
    let key = key();
    let full = house.adds_key::<UserRecord>(&full, &key).await.begun;
    let elsewhere = house.key_alone::<UserRecord>(&key).await.unwrap();
    let code = app.shows(&house, 1);
    let (one, other) = tokio::join!(
        house.confirms_by_code::<UserRecord>(&full, &code),
        house.confirms_by_code::<UserRecord>(&elsewhere, &code),
    );
    assert!(one.is_ok() != other.is_ok(), "of two sessions that show one code at once");
    let (full, elsewhere) = match (one, other) {
        (Ok(one), Err(_)) => (one, elsewhere),
        (Err(_), Ok(other)) => (full, other),
        _ => unreachable!("this was looked at"),
    };
    let entering = house.entering::<UserRecord>(&full).await;
    let asked = sign_in::ask_to_confirm(&house.doors, &entering).unwrap();
    let answer: Value = key.get(&asked.options);
    let theirs = house.entering::<UserRecord>(&elsewhere).await;
    let stolen = sign_in::confirm_with_passkey(&house.doors, &theirs, &asked.ceremony, &answer).await;
    assert_eq!(why(stolen), Why::NotProven, "it was asked in another session");
    let confirmed = sign_in::confirm_with_passkey(&house.doors, &entering, &asked.ceremony, &answer).await.unwrap();
    let entering = house.entering::<UserRecord>(&confirmed).await;
    let again = sign_in::confirm_with_passkey(&house.doors, &entering, &asked.ceremony, &answer).await;
    assert_eq!(why(again), Why::NotProven);
}

#[tokio::test]
async fn ten_wrong_codes_end_the_session_and_nobody_else_waits() {
    let house = House::on_sqlite().await;
    let (_, full, app) = house.has_with_app(ADA, Role::Owner).await;
    let (mut wrong, mut waited) = (0, 0);
    loop {
        match house.confirms_by_code::<UserRecord>(&full, "123 456").await {
            Err(PeopleError::Wait(seconds)) => {
                waited += 1;
                house.pass_ms(i64::from(seconds) * 1000);
            }
            Err(PeopleError::NotProven) => wrong += 1,
            Err(PeopleError::SignedOut) => break,
            other => panic!("{:?}", why(other)),
        }
    }
    assert_eq!((wrong, waited), (9, 5), "five are free, and the tenth is told that it is over");
    assert!(!house.holds(&full).await);
    let begun = house.tries::<UserRecord>(ADA, PASSWORD, &visit()).await.unwrap();
    let mut known = visit();
    known.device =
        Some(sign_in::remember_device(&house.ledger, house.entering::<UserRecord>(&begun).await.holder.id).unwrap());
    let entering = house.entering::<UserRecord>(&begun).await;
    sign_in::with_code(&house.doors, &entering, &app.shows(&house, 0), &known).await.unwrap();
}

#[tokio::test]
async fn wrong_passwords_are_slowed_in_their_session_alone() {
    let house = House::on_sqlite().await;
    house.has("bob@example.com", Role::Viewer).await;
    let (stolen, own) = (house.begins("bob@example.com").await, house.begins("bob@example.com").await);
    for _ in 0..5 {
        assert_eq!(why(house.confirms_by_password::<UserRecord>(&stolen, ANOTHER).await), Why::NotProven);
    }
    assert_eq!(why(house.confirms_by_password::<UserRecord>(&stolen, PASSWORD).await), Why::Wait(1));
    let guessed = changes_password(&house, &stolen, PASSWORD, ANOTHER).await;
    assert_eq!(why(guessed), Why::Wait(1), "one counter for both ways of guessing");
    house.confirms_by_password::<UserRecord>(&own, PASSWORD).await.unwrap();
    house.pass_ms(1000);
    house.confirms_by_password::<UserRecord>(&stolen, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_session_that_was_ended_meanwhile_is_not_revived() {
    let house = House::on_sqlite().await;
    let (_, full, app) = house.has_with_app(ADA, Role::Owner).await;
    let entering = house.entering::<UserRecord>(&full).await;
    session::end_all(&house.ledger, full.record.person, None).await.unwrap();
    let late = sign_in::confirm_with_code(&house.doors, &entering, &app.shows(&house, 1), &visit()).await;
    assert_eq!(why(late), Why::SignedOut);
    assert!(house.sessions(full.record.person).await.is_empty());
}
