//! Passkeys at the door: as the second step and alone, and everything that only looks like one.

use crate::house::{House, Why, browser, key, staff_key, user, visit, why};
use bonded_base::Id;
use bonded_people::Permission;
use bonded_people::credentials::passkeys::Binding;
use bonded_people::members::Role;
use bonded_people::session::{Factor, Person, Stage};
use bonded_people::sign_in;
use bonded_people::staff::StaffRecord;
use bonded_people::users::UserRecord;
use bonded_testkit::authenticator::SoftKey;
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";

/// Somebody new with a passkey, not signed in any more.
async fn has_with_key(house: &House, mail: &str, role: Role) -> (Id<UserRecord>, SoftKey) {
    let (id, key) = (house.has(mail, role).await, key());
    let enrolled = house.adds_key::<UserRecord>(&house.begins(mail).await, &key).await;
    assert_eq!((enrolled.begun.record.stage, enrolled.recovery.len()), (Stage::Full, 10));
    bonded_people::session::end_all(&house.ledger, Person::User(user(id)), None).await.unwrap();
    (id, key)
}

#[tokio::test]
async fn a_passkey_is_the_second_step_or_both() {
    for house in House::each().await {
        let (id, key) = has_with_key(&house, ADA, Role::Owner).await;
        house.pass_ms(1);
        let begun = house.begins(ADA).await;
        assert_eq!(begun.record.stage, Stage::SecondFactor);
        let full = house.shows_key::<UserRecord>(&begun, &key).await.unwrap();
        assert_eq!(full.record.factors, [Factor::Password, Factor::Passkey]);
        assert!(
            !house.holds(&begun).await && house.visitor(&full).await.permissions().contains(Permission::GrantsWrite)
        );
        house.pass_ms(1);
        let alone = house.key_alone::<UserRecord>(&key).await.unwrap();
        assert_eq!((alone.record.stage, &alone.record.factors[..]), (Stage::Full, &[Factor::Passkey][..]));
        assert_eq!(alone.record.account, Some(house.shop));
        assert!(house.visitor(&alone).await.permissions().contains(Permission::GrantsWrite));
        let ada = house.user(id).await;
        assert_eq!(ada.last_sign_in_at, Some(house.now()));
        assert_eq!(ada.credentials.passkeys[0].last_used_at, Some(house.now()));
        assert!(
            matches!(why(house.shows_key::<UserRecord>(&alone, &key).await), Why::Refused(_)),
            "nothing is awaited"
        );
    }
}

#[tokio::test]
async fn a_passkey_shown_to_another_site_opens_nothing() {
    let house = House::on_sqlite().await;
    let (_, key) = has_with_key(&house, ADA, Role::Owner).await;
    let rp = "app.bonded.example";
    let key = key.at(rp, "https://app.bonded.example.evil.example");
    assert_eq!(why(house.shows_key::<UserRecord>(&house.begins(ADA).await, &key).await), Why::NotProven);
    assert_eq!(why(house.key_alone::<UserRecord>(&key).await), Why::NotProven);
    let key = key.at(rp, "https://app.bonded.example").framed();
    assert_eq!(why(house.key_alone::<UserRecord>(&key).await), Why::NotProven);
    let key = key.unframed();
    assert_eq!(why(house.key_alone::<StaffRecord>(&key).await), Why::NotProven, "nor at the staff's door");
    house.key_alone::<UserRecord>(&key).await.unwrap();
}

#[tokio::test]
async fn an_answer_counts_once_and_only_in_the_sign_in_that_it_was_asked_for() {
    let house = House::on_sqlite().await;
    let (id, key) = has_with_key(&house, ADA, Role::Owner).await;
    let entering = house.entering::<UserRecord>(&house.begins(ADA).await).await;
    let elsewhere = house.entering::<UserRecord>(&house.begins(ADA).await).await;
    let asked = sign_in::ask_passkey(&house.doors, &entering).unwrap();
    let answer = key.get(&asked.options);
    let finish = async |entering, ceremony: &str| {
        sign_in::with_second_passkey::<UserRecord>(&house.doors, entering, ceremony, &answer).await
    };
    assert_eq!(why(finish(&elsewhere, &asked.ceremony).await), Why::NotProven);
    let other = sign_in::ask_passkey(&house.doors, &elsewhere).unwrap();
    assert_eq!(why(finish(&elsewhere, &other.ceremony).await), Why::NotProven, "an answer to another question");
    finish(&entering, &asked.ceremony).await.unwrap();
    assert_eq!(why(finish(&entering, &asked.ceremony).await), Why::NotProven, "the same once more");

    let asked = sign_in::ask_any_passkey::<UserRecord>(&house.doors, browser()).unwrap();
    let answer = key.get(&asked.options);
    let alone = async |browser| {
        sign_in::with_passkey::<UserRecord>(&house.doors, browser, &asked.ceremony, &answer, &visit()).await
    };
    assert_eq!(why(alone(Binding::to(b"another browser")).await), Why::NotProven);
    alone(browser()).await.unwrap();
    assert_eq!(why(alone(browser()).await), Why::NotProven);
    let full = house.sessions(Person::User(user(id))).await;
    assert_eq!(full.iter().filter(|session| session.stage == Stage::Full).count(), 2);
}

#[tokio::test]
async fn another_s_passkey_is_nobody_s_second_factor() {
    let house = House::on_sqlite().await;
    let (ada, _) = has_with_key(&house, ADA, Role::Owner).await;
    let (_, bobs) = has_with_key(&house, BOB, Role::Owner).await;
    let entering = house.entering::<UserRecord>(&house.begins(ADA).await).await;
    let mut asked = sign_in::ask_passkey(&house.doors, &entering).unwrap();
    asked.options["allowCredentials"] = json!([]);
    let answer = bobs.get(&asked.options);
    let refused = sign_in::with_second_passkey(&house.doors, &entering, &asked.ceremony, &answer).await;
    assert_eq!(why(refused), Why::NotProven);

    let handle = house.key_alone::<UserRecord>(&bobs).await.unwrap().record.person;
    assert_ne!(handle, Person::User(user(ada)), "alone it opens its owner's door");
    let asked = sign_in::ask_any_passkey::<UserRecord>(&house.doors, browser()).unwrap();
    let mut answer: Value = bobs.get(&asked.options);
    // Sixteen bytes in base64url, as the browser would hand them over.
    answer["response"]["userHandle"] = json!(base64url(&ada.bytes()));
    let refused =
        sign_in::with_passkey::<UserRecord>(&house.doors, browser(), &asked.ceremony, &answer, &visit()).await;
    assert_eq!(why(refused), Why::NotProven, "who says to be Ada must sign as Ada");
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn a_copied_passkey_whose_counter_is_behind_is_refused() {
    let house = House::on_sqlite().await;
    let (_, key) = has_with_key(&house, ADA, Role::Owner).await;
    house.key_alone::<UserRecord>(&key).await.unwrap();
    for last in [0, 1] {
        key.wind_back_to(last);
        assert_eq!(why(house.key_alone::<UserRecord>(&key).await), Why::NotProven, "{last}");
        key.wind_back_to(last);
        assert_eq!(why(house.shows_key::<UserRecord>(&house.begins(ADA).await, &key).await), Why::NotProven, "{last}");
    }
    key.wind_back_to(2);
    house.key_alone::<UserRecord>(&key).await.unwrap();
}

#[tokio::test]
async fn a_passkey_that_was_taken_away_opens_nothing_and_ends_what_it_opened() {
    let house = House::on_sqlite().await;
    let (id, lost) = has_with_key(&house, ADA, Role::Owner).await;
    let opened = house.key_alone::<UserRecord>(&lost).await.unwrap();
    let kept = key();
    let full = house.shows_key::<UserRecord>(&house.begins(ADA).await, &lost).await.unwrap();
    let full = house.adds_key::<UserRecord>(&full, &kept).await.begun;
    let asked = sign_in::ask_any_passkey::<UserRecord>(&house.doors, browser()).unwrap();
    let answer = lost.get(&asked.options);
    let entering = house.entering::<UserRecord>(&full).await;
    let passkey = house.user(id).await.credentials.passkeys[0].id.clone();
    let full = sign_in::remove_passkey(&house.doors, &entering, &passkey).await.unwrap().begun;
    assert!(!house.holds(&opened).await && house.holds(&full).await);
    let late = sign_in::with_passkey::<UserRecord>(&house.doors, browser(), &asked.ceremony, &answer, &visit()).await;
    assert_eq!(why(late), Why::NotProven);
    assert_eq!(why(house.key_alone::<UserRecord>(&lost).await), Why::NotProven);
    house.key_alone::<UserRecord>(&kept).await.unwrap();
}

#[tokio::test]
async fn a_key_that_was_never_enrolled_is_nobody() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Owner).await;
    for stranger in [key(), staff_key()] {
        assert_eq!(why(house.key_alone::<UserRecord>(&stranger).await), Why::NotProven);
    }
}
