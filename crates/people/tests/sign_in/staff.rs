//! The staff at their own door: what must be shown, who may change whose roles, and what ends.

use crate::house::{ANOTHER, House, OPERATOR, PASSWORD, Why, secret, staff_key, visit, why};
use bonded_base::{Id, Reason, Staff};
use bonded_ledger::Scope;
use bonded_people::PeopleError;
use bonded_people::mail::Notice;
use bonded_people::session::{Factor, Stage};
use bonded_people::sign_in;
use bonded_people::staff::{self, Acting, Power, StaffRecord, StaffRole, StaffState};
use bonded_people::training::{self, Completion, CourseDraft};
use bonded_people::users::{self, UserRecord};

const EDITH: &str = "edith@bonded.example";
const STATE: Why = Why::Refused(Reason::State);

const fn id_of(record: Id<StaffRecord>) -> Id<Staff> {
    Id::from_bytes(record.bytes())
}

async fn gives(
    house: &House,
    by: Id<StaffRecord>,
    to: Id<StaffRecord>,
    roles: &[StaffRole],
) -> Result<Vec<StaffRole>, PeopleError> {
    let (scope, roles) = (Scope::staff(id_of(by)), roles.iter().copied().collect());
    let changed = staff::change_roles(&house.ledger, &scope, Some(id_of(by)), to, roles).await?;
    Ok(changed.roles.iter().collect())
}

async fn ends(house: &House, by: Id<StaffRecord>, whom: Id<StaffRecord>) -> Result<StaffState, PeopleError> {
    Ok(staff::end(&house.ledger, &Scope::staff(id_of(by)), Some(id_of(by)), whom).await?.state)
}

/// A course for these roles, which all of these people have passed.
pub async fn trains(house: &House, roles: &[StaffRole], people: &[Id<StaffRecord>]) {
    let operator = Acting::Operator(OPERATOR);
    let required_for = roles.iter().copied().collect();
    let draft = CourseDraft { name: "Privacy".into(), about: "What we see".into(), required_for, valid_days: 365 };
    let course = training::add(&house.ledger, &operator, draft).await.unwrap().id;
    for person in people {
        let completed_on = "2026-11-22".parse().unwrap();
        let completion = Completion { course, of_version: None, completed_on, certificate: None };
        training::record(&house.ledger, &operator, *person, completion).await.unwrap();
    }
}

#[tokio::test]
async fn an_officer_is_let_in_with_a_passkey_only() {
    for house in House::each().await {
        let edith = house.hires(EDITH, &[StaffRole::SecurityOfficer]).await;
        trains(&house, &[StaffRole::SecurityOfficer], &[edith]).await;
        let begun = house.staff_begins(EDITH).await;
        assert_eq!(begun.record.stage, Stage::Enrolment);
        let (with_app, app) = house.adds_app::<StaffRecord>(&begun).await;
        assert_eq!(with_app.begun.record.stage, Stage::Enrolment, "an app will not do");
        let visitor = house.staff_visitor(&with_app.begun).await;
        assert!(!visitor.is_let_in() && Power::ALL.into_iter().all(|power| !visitor.may(power)));

        let begun = house.staff_begins(EDITH).await;
        assert_eq!(begun.record.stage, Stage::SecondFactor);
        let halfway = house.shows_code::<StaffRecord>(&begun, &app.shows(&house, 1)).await.unwrap();
        assert_eq!(halfway.record.stage, Stage::Enrolment, "nor later");
        let key = staff_key();
        let with_key = house.adds_key::<StaffRecord>(&halfway, &key).await.begun;
        assert_eq!(with_key.record.stage, Stage::Full);
        let visitor = house.staff_visitor(&with_key).await;
        assert!(visitor.may(Power::ManageStaff) && !visitor.may(Power::DecideReviews));

        house.pass_ms(60_000);
        let begun = house.staff_begins(EDITH).await;
        let by_app = house.shows_code::<StaffRecord>(&begun, &app.shows(&house, 0)).await.unwrap();
        let visitor = house.staff_visitor(&by_app).await;
        assert!(!visitor.is_let_in() && !visitor.may(Power::ManageStaff), "the app was shown, not the passkey");
        let entering = house.entering::<StaffRecord>(&by_app).await;
        assert_eq!(why(sign_in::begin_passkey(&house.doors, &entering)), Why::Stale, "no passkey is added by a code");
        assert_eq!(why(sign_in::remove_totp(&house.doors, &entering).await), Why::Stale);
        let confirmed = house.confirms_by_key::<StaffRecord>(&by_app, &key).await.unwrap();
        assert!(house.staff_visitor(&confirmed).await.is_let_in(), "the passkey was shown after all");
        let begun = house.staff_begins(EDITH).await;
        let by_key = house.shows_key::<StaffRecord>(&begun, &key).await.unwrap();
        assert!(house.staff_visitor(&by_key).await.may(Power::ManageStaff));
        let alone = house.key_alone::<StaffRecord>(&key).await.unwrap();
        assert!(house.staff_visitor(&alone).await.may(Power::ManageStaff));
        assert!(users::admit(&house.ledger, &alone.token).await.is_err(), "no way into a merchant account");

        let entering = house.entering::<StaffRecord>(&alone).await;
        let passkey = entering.holder.credentials.passkeys[0].id.clone();
        assert_eq!(why(sign_in::remove_passkey(&house.doors, &entering, &passkey).await), STATE);
        let left = sign_in::remove_totp(&house.doors, &entering).await.unwrap().begun;
        assert!(house.staff_visitor(&left).await.is_let_in());
    }
}

#[tokio::test]
async fn support_is_let_in_with_an_app_and_its_powers_rest_untrained() {
    let house = House::on_sqlite().await;
    let edith = house.hires(EDITH, &[StaffRole::Support]).await;
    let (full, _) = house.adds_app::<StaffRecord>(&house.staff_begins(EDITH).await).await;
    let visitor = house.staff_visitor(&full.begun).await;
    assert_eq!(full.begun.record.factors, [Factor::Password, Factor::Totp]);
    assert!(visitor.is_let_in() && !visitor.is_trained);
    assert!(Power::ALL.into_iter().all(|power| !visitor.may(power)));
    trains(&house, &[StaffRole::Support], &[edith]).await;
    let visitor = house.staff_visitor(&full.begun).await;
    assert!(visitor.may(Power::AskForGrants) && !visitor.may(Power::ReadStaff), "as soon as it is recorded");
    assert!(sign_in::entering::<UserRecord>(&house.ledger, &full.begun.token).await.is_err());
}

#[tokio::test]
async fn new_roles_count_at_once_and_end_what_was_open() {
    let house = House::on_sqlite().await;
    let edith = house.hires(EDITH, &[StaffRole::Support]).await;
    let grace = house.hires("grace@bonded.example", &[StaffRole::SecurityOfficer]).await;
    let (full, app) = house.adds_app::<StaffRecord>(&house.staff_begins(EDITH).await).await;
    assert_eq!(gives(&house, grace, edith, &[StaffRole::Reviewer]).await.unwrap(), [StaffRole::Reviewer]);
    assert!(!house.holds(&full.begun).await);
    let begun = house.staff_begins(EDITH).await;
    let halfway = house.shows_code::<StaffRecord>(&begun, &app.shows(&house, 1)).await.unwrap();
    assert_eq!(halfway.record.stage, Stage::Enrolment, "the new role wants a passkey");
    assert_eq!(house.told(EDITH).await, [Notice::FactorAdded, Notice::RoleChanged]);
    assert_eq!(gives(&house, grace, edith, &[]).await.unwrap(), []);
    house.pass_ms(60_000);
    let full = house.shows_code::<StaffRecord>(&house.staff_begins(EDITH).await, &app.shows(&house, 0)).await.unwrap();
    let visitor = house.staff_visitor(&full).await;
    assert!(visitor.is_let_in() && Power::ALL.into_iter().all(|power| !visitor.may(power)), "without roles no powers");
}

#[tokio::test]
async fn two_officers_remain_and_nobody_changes_their_own_roles() {
    for house in House::each().await {
        let officer = [StaffRole::SecurityOfficer];
        let one = house.hires("one@bonded.example", &officer).await;
        let two = house.hires("two@bonded.example", &officer).await;
        for roles in [&officer[..], &[], &[StaffRole::SecurityOfficer, StaffRole::Reviewer]] {
            assert_eq!(why(gives(&house, one, one, roles).await), Why::Refused(Reason::Forbidden));
        }
        assert_eq!(why(ends(&house, one, one).await), Why::Refused(Reason::Forbidden));
        assert_eq!(why(gives(&house, one, two, &[StaffRole::Engineer]).await), STATE);
        assert_eq!(why(ends(&house, one, two).await), STATE);
        assert_eq!(why(staff::end(&house.ledger, &OPERATOR, None, two).await), STATE, "nor by the operator");
        gives(&house, one, two, &[StaffRole::SecurityOfficer, StaffRole::Engineer]).await.unwrap();
        house.hires("three@bonded.example", &officer).await;
        let (first, second) = tokio::join!(ends(&house, one, two), ends(&house, two, one));
        assert!(first.is_ok() != second.is_ok(), "of two who remove each other at once one stays");
        assert!([Why::Refused(Reason::Changed), STATE].contains(&why(first.and(second))));
        let mut left = staff::list(&house.ledger, &OPERATOR).await.unwrap();
        left.retain(|person| person.is_active() && person.roles.contains(StaffRole::SecurityOfficer));
        assert_eq!(left.len(), 2);
    }
}

#[tokio::test]
async fn whoever_left_the_staff_is_shut_out_everywhere_and_at_once() {
    for house in House::each().await {
        let edith = house.hires(EDITH, &[StaffRole::Engineer]).await;
        let grace = house.hires("grace@bonded.example", &[StaffRole::SecurityOfficer]).await;
        let key = staff_key();
        let full = house.adds_key::<StaffRecord>(&house.staff_begins(EDITH).await, &key).await.begun;
        let unfinished = house.staff_begins(EDITH).await;
        let entering = house.entering::<StaffRecord>(&unfinished).await;
        let asked = sign_in::ask_passkey(&house.doors, &entering).unwrap();
        let answer = key.get(&asked.options);
        assert_eq!(ends(&house, grace, edith).await.unwrap(), StaffState::Ended);
        assert!(!house.holds(&full).await && !house.holds(&unfinished).await);
        assert!(staff::admit(&house.ledger, &full.token).await.is_err());
        let late = sign_in::with_second_passkey(&house.doors, &entering, &asked.ceremony, &answer).await;
        assert_eq!(why(late), Why::SignedOut, "also in the midst of signing in");
        assert_eq!(why(house.key_alone::<StaffRecord>(&key).await), Why::NotProven);
        assert_eq!(why(house.tries::<StaffRecord>(EDITH, PASSWORD, &visit()).await), Why::NotProven);
        assert_eq!(why(gives(&house, grace, edith, &[StaffRole::Engineer]).await), STATE, "nor given roles again");
        let back = house.hires(EDITH, &[StaffRole::Support]).await;
        assert_ne!(back, edith, "who comes back is somebody new, and enrols anew");
        assert_eq!(house.staff_begins(EDITH).await.record.stage, Stage::Enrolment);
    }
}

#[tokio::test]
async fn staff_change_their_password_as_users_do() {
    let house = House::on_sqlite().await;
    house.hires(EDITH, &[StaffRole::Engineer]).await;
    let (full, _) = house.adds_app::<StaffRecord>(&house.staff_begins(EDITH).await).await;
    let entering = house.entering::<StaffRecord>(&full.begun).await;
    let changed = sign_in::change_password(&house.doors, &entering, secret(PASSWORD), secret(ANOTHER)).await.unwrap();
    assert!(house.staff_visitor(&changed.begun).await.is_let_in());
    assert_eq!(why(house.tries::<StaffRecord>(EDITH, PASSWORD, &visit()).await), Why::NotProven);
}
