//! What people are told of sign-ins that may not be theirs: on a device that is not known, and guesses that were stopped.

use crate::house::{House, PASSWORD, Why, browser, key, staff_key, visit, why};
use bonded_people::credentials::throttle::{Attempt, WRONG_CODES_MAX};
use bonded_people::mail::{Guessed, Matter};
use bonded_people::members::Role;
use bonded_people::session::Stage;
use bonded_people::sign_in::{self, Visit};
use bonded_people::staff::{StaffRecord, StaffRole};
use bonded_people::users::UserRecord;
use bonded_people::{MailAddress, PeopleError};

const ADA: &str = "ada@example.com";
const NOBODY: &str = "nobody@example.com";
const EDITH: &str = "edith@bonded.example";
const DAY_MS: i64 = 24 * 60 * 60_000;
/// Failures in a row that stop unknown devices.
const STOP: u32 = 100;

fn new_device(is_staff: bool) -> Matter {
    Matter::NewDevice { device: "Firefox on Linux".into(), is_staff }
}

const fn guessed(what: Guessed) -> Matter {
    Matter::Guessed { what, is_staff: false }
}

#[tokio::test]
async fn a_sign_in_on_an_unknown_device_is_told_and_one_on_a_known_device_is_not() {
    for house in House::each().await {
        let link = house.invites(house.shop, ADA, Role::Operator).await;
        let ada = house.accepts(&link, "Ada Lovelace").await.unwrap();
        sign_in::first_time(&house.ledger, &ada, "Firefox on Linux").await.unwrap();
        assert_eq!(house.alerted(ADA).await, [], "the very first is none to be told of");
        let device = Some(sign_in::remember_device(&house.ledger, ada.id).unwrap());
        let known = Visit { device, ..visit() };
        house.tries::<UserRecord>(ADA, PASSWORD, &known).await.unwrap();
        assert_eq!(house.alerted(ADA).await, []);
        house.begins(ADA).await;
        assert_eq!(house.alerted(ADA).await, [new_device(false)]);
        let bob = house.has("bob@example.com", Role::Viewer).await;
        let device = Some(sign_in::remember_device(&house.ledger, bob).unwrap());
        house.tries::<UserRecord>(ADA, PASSWORD, &Visit { device, ..visit() }).await.unwrap();
        assert_eq!(house.alerted(ADA).await.len(), 2, "a device of somebody else's");
        assert_eq!(why(house.tries::<UserRecord>(ADA, "a wrong password", &visit()).await), Why::NotProven);
        assert_eq!(house.alerted(ADA).await.len(), 2, "nobody came in");
    }
}

#[tokio::test]
async fn it_is_told_with_the_last_step_of_a_sign_in_whichever_that_is() {
    let house = House::on_sqlite().await;
    let (id, enrolled, app) = house.has_with_app(ADA, Role::Owner).await;
    assert_eq!(house.alerted(ADA).await, [new_device(false)], "a second factor was enrolled for it");
    let begun = house.begins(ADA).await;
    assert_eq!(begun.record.stage, Stage::SecondFactor);
    assert_eq!(why(house.shows_code::<UserRecord>(&begun, "000000").await), Why::NotProven);
    assert_eq!(house.alerted(ADA).await.len(), 1, "it is not complete");
    let full = house.shows_code::<UserRecord>(&begun, &app.shows(&house, 1)).await.unwrap();
    assert_eq!(house.alerted(ADA).await.len(), 2);
    assert!(!full.record.device_untold);
    let key = key();
    house.adds_key::<UserRecord>(&full, &key).await;
    assert!(!house.holds(&enrolled).await);
    assert_eq!(house.alerted(ADA).await.len(), 2, "once for a session");
    house.key_alone::<UserRecord>(&key).await.unwrap();
    assert_eq!(house.alerted(ADA).await.len(), 3, "a passkey alone");
    let device = Some(sign_in::remember_device(&house.ledger, id).unwrap());
    let asked = sign_in::ask_any_passkey::<UserRecord>(&house.doors, browser()).unwrap();
    let (answer, known) = (key.get(&asked.options), Visit { device, ..visit() });
    sign_in::with_passkey::<UserRecord>(&house.doors, browser(), &asked.ceremony, &answer, &known).await.unwrap();
    let begun = house.tries::<UserRecord>(ADA, PASSWORD, &known).await.unwrap();
    house.shows_key::<UserRecord>(&begun, &key).await.unwrap();
    assert_eq!(house.alerted(ADA).await.len(), 3, "on a known device");
}

#[tokio::test]
async fn the_staff_are_told_too() {
    let house = House::on_sqlite().await;
    house.hires(EDITH, &[StaffRole::Support]).await;
    let key = staff_key();
    house.adds_key::<StaffRecord>(&house.staff_begins(EDITH).await, &key).await;
    assert_eq!(house.alerted(EDITH).await, [new_device(true)]);
    let begun = house.staff_begins(EDITH).await;
    house.shows_key::<StaffRecord>(&begun, &key).await.unwrap();
    assert_eq!(house.alerted(EDITH).await, [new_device(true), new_device(true)]);
}

/// Many callers fail, each as often as is free, until one failure more stops unknown devices.
fn fails_almost_to_the_stop(house: &House, mail: &str) {
    for number in 0..STOP - 1 {
        let attempt = Attempt::at_password(mail, u128::from(number).to_be_bytes(), None);
        while let Err(wait) = house.doors.throttle.check(&attempt, house.now()) {
            house.pass_ms(i64::from(wait.seconds) * 1000);
        }
        house.doors.throttle.failed(&attempt, house.now());
    }
    house.pass_ms(60_000);
}

#[tokio::test]
async fn whoever_is_guessed_at_until_the_stop_is_told_and_the_guesser_learns_nothing_by_it() {
    for house in House::each().await {
        house.has(ADA, Role::Operator).await;
        house.hires(EDITH, &[StaffRole::Support]).await;
        let guesser = Visit { mark: [9; 16], ..visit() };
        let mut answers = Vec::new();
        for mail in [ADA, NOBODY, EDITH] {
            fails_almost_to_the_stop(&house, mail);
            let told = house.mails().await.len();
            let at_the_stop = why(house.tries::<UserRecord>(mail, "one more guess than is good", &guesser).await);
            let after_it = why(house.tries::<UserRecord>(mail, "and another one for luck", &guesser).await);
            answers.push((at_the_stop, after_it));
            if mail == ADA {
                assert_eq!(house.alerted_anew(ADA, 0).await, [guessed(Guessed::Password)]);
            } else {
                // What was begun apart from the answer, once more and awaited.
                let mail: MailAddress = mail.parse().unwrap();
                sign_in::tell_of_guesses::<UserRecord>(&house.ledger, &mail, Guessed::Password).await.unwrap();
                assert_eq!(house.mails().await.len(), told, "no user");
            }
        }
        assert!(answers.iter().all(|answer| *answer == (Why::NotProven, Why::Wait(3600))), "{answers:?}");
    }
}

#[tokio::test]
async fn guesses_are_told_once_a_day_at_most_and_codes_besides() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Operator).await;
    let tell = async |what| {
        sign_in::tell_of_guesses::<UserRecord>(&house.ledger, &ADA.parse().unwrap(), what).await.unwrap();
        house.alerted(ADA).await.len()
    };
    assert_eq!((tell(Guessed::Password).await, tell(Guessed::Password).await), (1, 1));
    assert_eq!((tell(Guessed::Code).await, tell(Guessed::Code).await), (2, 2), "whose password is known as well");
    house.pass_ms(DAY_MS);
    assert_eq!((tell(Guessed::Password).await, tell(Guessed::Password).await), (3, 3));
}

#[tokio::test]
async fn whoever_has_the_password_and_guesses_codes_is_told_of() {
    let house = House::on_sqlite().await;
    house.has_with_app(ADA, Role::Owner).await;
    let told = house.alerted(ADA).await.len();
    let begun = house.begins(ADA).await;
    let mut wrong = 0;
    loop {
        match house.shows_code::<UserRecord>(&begun, "123 456").await {
            Err(PeopleError::Wait(seconds)) => house.pass_ms(i64::from(seconds) * 1000),
            Err(PeopleError::NotProven) => wrong += 1,
            Err(PeopleError::SignedOut) => break,
            other => panic!("{:?}", why(other)),
        }
        assert_eq!(house.alerted(ADA).await.len(), told, "after {wrong}");
    }
    assert_eq!(wrong + 1, WRONG_CODES_MAX);
    assert!(house.alerted_anew(ADA, told).await.contains(&guessed(Guessed::Code)));
}
