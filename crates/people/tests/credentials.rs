//! What proves who somebody is, kept in a record of a real ledger and read from it again.

use bonded_base::{Id, Kind, Kinded, Secret};
use bonded_ledger::{Change, PLATFORM, Record, Scope, System};
use bonded_people::credentials::device;
use bonded_people::credentials::password::{Cost, Passwords};
use bonded_people::credentials::recovery::{CODES, Recovery};
use bonded_people::credentials::totp::{PENDING_MS_MAX, PendingTotp, STEP_SECONDS};
use bonded_people::credentials::{CredentialError, Credentials, FactorKind, Keeper};
use bonded_testkit::ledger::{TestLedger, on_sqlite};
use serde::{Deserialize, Serialize};

const GOOD: &str = "zebra lantern quiet orbit";

/// A record that holds credentials, as those of users and staff do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Person {
    credentials: Credentials,
}

impl Kinded for Person {
    const KIND: Kind = Kind::User;
}

impl Record for Person {}

struct House {
    ledger: TestLedger,
    scope: Scope,
    ada: Id<Person>,
}

impl House {
    async fn new() -> Self {
        let ledger = on_sqlite().await;
        let ada = ledger.new_id();
        Self { ledger, scope: Scope::system(PLATFORM, System::Doorkeeper), ada }
    }

    fn keeper(&self) -> Keeper<'_, Person> {
        Keeper::new(&self.ledger, &self.scope, self.ada)
    }

    fn keeper_of_another(&self) -> Keeper<'_, Person> {
        Keeper::new(&self.ledger, &self.scope, self.ledger.new_id())
    }

    /// Keeps the credentials in the record, and reads them from there.
    #[expect(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]
    async fn kept(&self, credentials: Credentials) -> Credentials {
        let mut change = Change::new();
        change.create(self.ada, &Person { credentials }, "invited");
        self.ledger.commit(&self.scope, change).await.unwrap();
        self.ledger.get(&self.scope, self.ada).await.unwrap().unwrap().into_value().credentials
    }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

const fn is_not_proven<T>(outcome: &Result<T, CredentialError>) -> bool {
    matches!(outcome, Err(CredentialError::NotProven))
}

#[tokio::test]
async fn a_password_is_kept_as_a_hash_and_known_again() {
    let house = House::new().await;
    let passwords = Passwords::new();
    let password = passwords.make(house.keeper(), secret(GOOD), &["Ada"]).await.unwrap();
    let kept = house.kept(Credentials { password: Some(password), ..Credentials::default() }).await.password.unwrap();
    assert_eq!(kept.cost, Cost::TODAY);
    assert!(!kept.needs_rehash());
    assert!(passwords.verify(house.keeper(), secret(GOOD), Some(&kept)).await.is_ok());
    for wrong in ["zebra lantern quiet orbiT", "zebra lantern quiet orbit ", "", &GOOD.repeat(20)] {
        let verified = passwords.verify(house.keeper(), secret(wrong), Some(&kept)).await;
        assert!(is_not_proven(&verified), "{wrong}");
    }
    let again = passwords.rehash(house.keeper(), secret(GOOD)).await.unwrap();
    assert_ne!(again, kept, "another salt");
    assert!(passwords.verify(house.keeper(), secret(GOOD), Some(&again)).await.is_ok());
}

#[tokio::test]
async fn nobody_s_password_is_right_and_another_s_does_not_open() {
    let house = House::new().await;
    let passwords = Passwords::new();
    assert!(is_not_proven(&passwords.verify(house.keeper(), secret(GOOD), None).await));
    let kept = passwords.make(house.keeper(), secret(GOOD), &[]).await.unwrap();
    let moved = passwords.verify(house.keeper_of_another(), secret(GOOD), Some(&kept)).await;
    assert!(matches!(moved, Err(CredentialError::Ledger(_))), "a hash moved into another record");
}

#[tokio::test]
async fn a_weak_password_is_refused_with_a_reason() {
    let house = House::new().await;
    let made = Passwords::new().make(house.keeper(), secret("adalovelace2026"), &["Ada Lovelace"]).await;
    assert!(matches!(made, Err(CredentialError::Problem(_))));
}

#[tokio::test]
async fn neither_the_record_nor_the_log_shows_what_is_kept() {
    let house = House::new().await;
    let password = Passwords::new().make(house.keeper(), secret(GOOD), &[]).await.unwrap();
    let credentials = house.kept(Credentials { password: Some(password), ..Credentials::default() }).await;
    let text = serde_json::to_string(&credentials).unwrap() + &format!("{credentials:?}");
    for word in ["argon2", "$", "zebra"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

/// What an app shows for this secret, `steps` from now.
#[expect(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]
fn app_shows(house: &House, uri: &str, steps: i64) -> String {
    let app = totp_rs::Totp::from_url(uri).unwrap();
    let millis = house.ledger.clock().now().millis() + steps * 1000 * STEP_SECONDS.cast_signed();
    app.generate(u64::try_from(millis).unwrap() / 1000).to_string()
}

#[tokio::test]
async fn an_app_counts_once_its_first_code_has_come_and_each_code_once() {
    let house = House::new().await;
    let (pending, shown) = PendingTotp::begin(house.keeper(), "Bonded", "ada@example.com").unwrap();
    let uri = shown.uri.expose();
    assert!(is_not_proven(&pending.clone().confirm(house.keeper(), "000000")));
    let totp = pending.clone().confirm(house.keeper(), &app_shows(&house, uri, 0)).unwrap();
    let mut totp = house.kept(Credentials { totp: Some(totp), ..Credentials::default() }).await.totp.unwrap();
    assert!(is_not_proven(&totp.check(house.keeper(), &app_shows(&house, uri, 0))), "the code of the enrolment");
    assert!(totp.check(house.keeper(), &app_shows(&house, uri, 1)).is_ok());
    assert!(is_not_proven(&totp.check(house.keeper(), &app_shows(&house, uri, 1))), "the same code again");
    house.ledger.test_clock().advance_ms(10 * 60 * 1000);
    assert!(is_not_proven(&totp.clone().check(house.keeper(), &app_shows(&house, uri, -2))));
    assert!(totp.clone().check(house.keeper(), &app_shows(&house, uri, -1)).is_ok());
    assert!(totp.check(house.keeper(), &app_shows(&house, uri, 0)).is_ok());
    assert_eq!(totp.last_used_at, house.ledger.clock().now());
    assert!(matches!(totp.check(house.keeper_of_another(), "000000"), Err(CredentialError::Ledger(_))));
    house.ledger.test_clock().advance_ms(PENDING_MS_MAX);
    let late = pending.confirm(house.keeper(), &app_shows(&house, uri, 0));
    assert!(matches!(late, Err(CredentialError::Problem(_))), "the enrolment waited too long");
}

#[tokio::test]
async fn a_recovery_code_works_once_and_the_others_stay() {
    let house = House::new().await;
    let (recovery, codes) = Recovery::make(house.keeper()).unwrap();
    assert_eq!(codes.len(), usize::from(CODES));
    let kept = house.kept(Credentials { recovery: Some(recovery), ..Credentials::default() }).await;
    let mut recovery = kept.recovery.unwrap();
    for (used, code) in codes.iter().enumerate() {
        let typed = code.expose().to_uppercase().replace('-', " ").replace('0', "O").replace('1', "l");
        assert!(recovery.check(house.keeper(), &typed).is_ok(), "code {used}");
        assert!(is_not_proven(&recovery.check(house.keeper(), code.expose())), "code {used} again");
        assert_eq!(usize::from(recovery.left), codes.len() - used - 1);
    }
    assert_eq!(recovery.last_used_at, Some(house.ledger.clock().now()));
    let (_, others) = Recovery::make(house.keeper()).unwrap();
    assert!(is_not_proven(&recovery.check(house.keeper(), others[0].expose())), "the sheet is used up");
}

#[tokio::test]
async fn people_see_what_they_have_and_what_counts_as_a_second_factor() {
    let house = House::new().await;
    let mut credentials = Credentials::default();
    assert!(credentials.factors().is_empty() && !credentials.has_second_factor());
    credentials.password = Some(Passwords::new().make(house.keeper(), secret(GOOD), &[]).await.unwrap());
    credentials.recovery = Some(Recovery::make(house.keeper()).unwrap().0);
    let (pending, shown) = PendingTotp::begin(house.keeper(), "Bonded", "ada@example.com").unwrap();
    credentials.pending_totp = Some(pending.clone());
    assert!(!credentials.has_second_factor(), "an app without its first code, and codes on paper");
    credentials.totp = Some(pending.confirm(house.keeper(), &app_shows(&house, shown.uri.expose(), 0)).unwrap());
    assert!(credentials.has_second_factor() && !credentials.has_passkey());
    let kinds: Vec<_> = credentials.factors().iter().map(|factor| (factor.kind, factor.left)).collect();
    let expected = [(FactorKind::Password, None), (FactorKind::Totp, None), (FactorKind::RecoveryCodes, Some(CODES))];
    assert_eq!(kinds, expected);
    assert!(credentials.passkey("AAAA").is_none());
}

#[tokio::test]
async fn a_device_is_known_to_be_one_person_s_and_cannot_be_invented() {
    let house = House::new().await;
    let (one, other) = (device::remember(house.keeper()).unwrap(), device::remember(house.keeper()).unwrap());
    let known = |cookie: &str| device::known(house.keeper(), cookie).unwrap();
    assert!(known(one.expose()).is_some());
    assert_ne!(known(one.expose()), known(other.expose()));
    assert_eq!(known(one.expose()), known(one.expose()));
    assert_eq!(device::known(house.keeper_of_another(), one.expose()).unwrap(), None, "another person's");
    let mixed = format!("{}{}", &one.expose()[..22], &other.expose()[22..]);
    for invented in ["", "AAAA", &"A".repeat(43), &"A".repeat(44), &mixed, &one.expose()[..40], "💥"] {
        assert_eq!(known(invented), None, "{invented}");
    }
}
