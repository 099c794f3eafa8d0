//! What owners, managers and the operator do about somebody's sign-in: end the sessions, let in anew, take back.

use crate::house::{ANOTHER, House, OPERATOR, PASSWORD, Why, key, secret, staff_key, user, visit, why};
use bonded_base::{Id, Reason};
use bonded_ledger::{Actor, Change, Scope};
use bonded_people::PeopleError;
use bonded_people::credentials::Credentials;
use bonded_people::invitations;
use bonded_people::mail::link::{Purpose, code};
use bonded_people::mail::{Matter, Notice};
use bonded_people::members::{self, Acting, MemberRecord, Role};
use bonded_people::session::{self, Person, Stage};
use bonded_people::sign_in::{self, ResetRecord};
use bonded_people::staff::{StaffRecord, StaffRole};
use bonded_people::users::UserRecord;

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const CARL: &str = "carl@example.com";
const FORBIDDEN: Why = Why::Refused(Reason::Forbidden);
const STATE: Why = Why::Refused(Reason::State);
const MISSING: Why = Why::Refused(Reason::Missing);

const fn member(id: Id<UserRecord>) -> Id<MemberRecord> {
    members::id_of(user(id))
}

async fn acting(house: &House, id: Id<UserRecord>) -> Acting {
    let role = house.member(house.shop, id).await.role;
    Acting { scope: Scope::member(house.shop, user(id)), role, member: Some(member(id)) }
}

async fn signs_out(house: &House, by: &Acting, whom: Id<UserRecord>) -> Result<u64, PeopleError> {
    members::sign_out(&house.ledger, by, member(whom), None).await.map(|member| member.version)
}

async fn lets_in_anew(house: &House, by: &Acting, whom: Id<UserRecord>) -> Result<MemberRecord, PeopleError> {
    members::reset_sign_in(&house.ledger, by, member(whom), None).await.map(|member| (*member).clone())
}

/// The last entry of the shop's log about a member: who did what.
async fn logged(house: &House, whom: Id<UserRecord>) -> (Actor, String) {
    let log = house.ledger.entries(&Scope::operator(house.shop), 0, 1_000).await.unwrap();
    let last = log.iter().rev().find(|entry| entry.headline.id == whom.bytes()).unwrap();
    (last.headline.actor, last.headline.action.clone())
}

/// What the platform's log says of a record, oldest first.
async fn platform_says(house: &House, id: [u8; 16]) -> Vec<(Actor, String)> {
    let log = house.ledger.entries(&OPERATOR, 0, 1_000).await.unwrap();
    let about = log.iter().filter(|entry| entry.headline.id == id);
    about.map(|entry| (entry.headline.actor, entry.headline.action.clone())).collect()
}

#[tokio::test]
async fn nobody_signs_out_somebody_above_their_role() {
    let house = House::on_sqlite().await;
    for actor in Role::ALL {
        let actor_id = house.has(&format!("the-{actor}@example.com"), actor).await;
        let by = acting(&house, actor_id).await;
        for had in Role::ALL {
            let mail = format!("{actor}-on-{had}@example.com");
            let target = house.has(&mail, had).await;
            let begun = house.begins(&mail).await;
            let outcome = signs_out(&house, &by, target).await;
            let may = actor >= Role::Manager && actor >= had;
            assert_eq!(house.holds(&begun).await, !may, "{actor} on {had}");
            match outcome {
                Ok(_) => assert!(may, "{actor} on {had}"),
                refused => assert!(why(refused) == FORBIDDEN && !may, "{actor} on {had}"),
            }
            let anew = lets_in_anew(&house, &by, target).await;
            assert_eq!(anew.is_ok(), actor == Role::Owner, "{actor} on {had}");
        }
    }
}

#[tokio::test]
async fn all_sessions_end_at_once_and_it_is_told_and_logged() {
    for house in House::each().await {
        let ada = house.has(ADA, Role::Manager).await;
        let (bob, full, app) = house.has_with_app(BOB, Role::Manager).await;
        let other = house.opens("Other Shop").await;
        let link = house.invites(other, BOB, Role::Viewer).await;
        let visitor = house.visitor(&full).await;
        invitations::accept_as_user(&house.ledger, link.0, &link.1, &visitor).await.unwrap();
        let elsewhere = sign_in::open_account(&house.ledger, &house.visitor(&full).await, other).await.unwrap();
        let unfinished = house.begins(BOB).await;
        let by = acting(&house, ada).await;
        let seen = house.member(house.shop, bob).await.version;
        assert_eq!(signs_out(&house, &by, bob).await.unwrap(), seen + 1);
        assert!(!house.holds(&elsewhere).await && !house.holds(&unfinished).await);
        let code = app.shows(&house, 1);
        assert_eq!(why(house.shows_code::<UserRecord>(&unfinished, &code).await), Why::SignedOut);
        assert_eq!(house.told(BOB).await, [Notice::FactorAdded, Notice::SignedOut]);
        assert_eq!(logged(&house, bob).await, (Actor::Member(user(ada)), "signed_out".into()));
        let platform = platform_says(&house, bob.bytes()).await;
        assert!(platform.iter().any(|(_, action)| action == "signed_out"), "{platform:?}");
        let stale = members::sign_out(&house.ledger, &by, member(bob), Some(seen)).await;
        assert_eq!(why(stale), Why::Refused(Reason::Changed));
        let again = house.begins(BOB).await;
        house.shows_code::<UserRecord>(&again, &code).await.unwrap();
    }
}

#[tokio::test]
async fn only_who_belongs_to_the_account_is_signed_out_or_let_in_anew() {
    let house = House::on_sqlite().await;
    let ada = house.has(ADA, Role::Owner).await;
    let other = House::operator(house.opens("Other Shop").await);
    let bob = house.has(BOB, Role::Viewer).await;
    let begun = house.begins(BOB).await;
    let told = house.mails().await.len();
    assert_eq!(why(lets_in_anew(&house, &House::operator(house.shop), bob).await), FORBIDDEN, "an owner, in person");
    let elsewhere = Acting { scope: other.scope.again(), ..acting(&house, ada).await };
    assert_eq!(why(lets_in_anew(&house, &elsewhere, bob).await), MISSING);
    for by in [&other, &elsewhere] {
        assert_eq!(why(signs_out(&house, by, bob).await), MISSING);
    }
    let by = acting(&house, ada).await;
    members::remove(&house.ledger, &by, member(bob), None).await.unwrap();
    assert_eq!(why(signs_out(&house, &by, bob).await), STATE);
    assert_eq!(why(lets_in_anew(&house, &by, bob).await), STATE);
    let half = house.ledger.new_id::<UserRecord>();
    let mut change = Change::new();
    change.create(member(half), &*house.member(house.shop, ada).await, "joined");
    house.ledger.commit(&by.scope, change).await.unwrap();
    assert_eq!(why(signs_out(&house, &by, half).await), MISSING, "whose joining was never completed");
    assert_eq!(why(lets_in_anew(&house, &by, half).await), MISSING);
    assert_eq!(house.member(house.shop, half).await.version, 1);
    assert!(house.holds(&begun).await);
    assert_eq!(house.mails().await.len(), told + 1, "of the end of the membership, and nothing else");
}

/// The link in the mail that tells a member that they are let in anew.
async fn link_in_mail(house: &House, mail: &str) -> (Id<ResetRecord>, String) {
    let alerts = house.alerted(mail).await;
    let reset = alerts.iter().find_map(|matter| match matter {
        Matter::SignInReset { reset, .. } => Some(*reset),
        _ => None,
    });
    let reset = reset.unwrap();
    let code = code(&house.ledger, &OPERATOR, reset, Purpose::PasswordReset).unwrap();
    (Id::from_bytes(reset.bytes()), code.expose().clone())
}

#[tokio::test]
async fn whoever_lost_every_factor_comes_back_by_an_owner_and_a_mailed_link() {
    for house in House::each().await {
        let (ada, carl) = (house.has(ADA, Role::Owner).await, house.has(CARL, Role::Owner).await);
        let id = house.has(BOB, Role::Manager).await;
        let added = house.adds_app::<UserRecord>(&house.begins(BOB).await).await;
        let lost = key();
        let full = house.adds_key::<UserRecord>(&added.0.begun, &lost).await.begun;
        let (unfinished, paper) = (house.begins(BOB).await, added.0.recovery[0].expose().clone());
        let becomes = lets_in_anew(&house, &acting(&house, ada).await, id).await.unwrap();
        assert!(!becomes.has_second_factor);
        assert_eq!(house.user(id).await.credentials, Credentials::default());
        assert!(!house.holds(&full).await && !house.holds(&unfinished).await);
        assert_eq!(why(house.key_alone::<UserRecord>(&lost).await), Why::NotProven);
        assert_eq!(why(house.shows_code::<UserRecord>(&unfinished, &paper).await), Why::SignedOut);
        let stolen = house.tries::<UserRecord>(BOB, PASSWORD, &visit()).await;
        assert_eq!(why(stolen), Why::NotProven, "the old password would let anybody enrol a factor");

        assert_eq!(logged(&house, id).await, (Actor::Member(user(ada)), "sign_in_reset".into()));
        let platform = platform_says(&house, id.bytes()).await;
        assert_eq!(platform.last().unwrap().1, "sign_in_reset");
        for owner in [ADA, CARL] {
            let told = house.alerted(owner).await;
            let [Matter::MemberReset { account_name, member, by }] = &told[..] else { panic!("{owner}: {told:?}") };
            assert_eq!([account_name, member, by], ["Corner Shop", "Ada Lovelace", "Ada Lovelace"]);
        }

        let (reset, code) = link_in_mail(&house, BOB).await;
        sign_in::reset_password(&house.doors, reset, &code, secret(ANOTHER)).await.unwrap();
        let begun = house.tries::<UserRecord>(BOB, ANOTHER, &visit()).await.unwrap();
        assert_eq!(begun.record.stage, Stage::Enrolment, "a manager must have a second factor");
        let (enrolled, _) = house.adds_app::<UserRecord>(&begun).await;
        assert_eq!((enrolled.begun.record.stage, enrolled.recovery.len()), (Stage::Full, 10));
        assert!(house.member(house.shop, id).await.has_second_factor);
        let by = acting(&house, carl).await;
        lets_in_anew(&house, &by, id).await.unwrap();
        assert_eq!(house.alerted(ADA).await.len(), 2, "each time");
    }
}

#[tokio::test]
async fn an_owner_does_not_let_in_themselves_nor_open_another_account_s_door() {
    for house in House::each().await {
        let (ada, full, _) = house.has_with_app(ADA, Role::Owner).await;
        let (bob, bobs, _) = house.has_with_app(BOB, Role::Owner).await;
        let by = acting(&house, ada).await;
        assert_eq!(why(lets_in_anew(&house, &by, ada).await), FORBIDDEN);
        let other = house.opens("Other Shop").await;
        let link = house.invites(other, BOB, Role::Viewer).await;
        let visitor = house.visitor(&bobs).await;
        invitations::accept_as_user(&house.ledger, link.0, &link.1, &visitor).await.unwrap();
        let (versions, told) = (house.member(house.shop, bob).await.version, house.mails().await.len());
        let refused = lets_in_anew(&house, &by, bob).await;
        assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("belongs to other accounts")));
        assert_eq!(why(refused), STATE);
        assert!(house.holds(&bobs).await && house.user(bob).await.credentials.totp.is_some());
        assert_eq!(house.member(house.shop, bob).await.version, versions, "the log tells of nothing");
        assert_eq!(house.mails().await.len(), told);
        // The other membership has ended: nobody else's door is left.
        members::remove(&house.ledger, &House::operator(other), member(bob), None).await.unwrap();
        lets_in_anew(&house, &by, bob).await.unwrap();
        assert!(!house.holds(&bobs).await && house.holds(&full).await);
    }
}

#[tokio::test]
async fn who_left_comes_back_with_the_sign_in_they_have() {
    for house in House::each().await {
        house.has(ADA, Role::Owner).await;
        let (bob, _, app) = house.has_with_app(BOB, Role::Manager).await;
        members::remove(&house.ledger, &House::operator(house.shop), member(bob), None).await.unwrap();
        let link = house.invites(house.shop, BOB, Role::Owner).await;
        let begun = house.begins(BOB).await;
        assert_eq!((begun.record.stage, begun.record.account), (Stage::SecondFactor, None), "it is still asked for");
        let full = house.shows_code::<UserRecord>(&begun, &app.shows(&house, 1)).await.unwrap();
        assert_eq!(house.visitor(&full).await.standing(), None);
        let visitor = house.visitor(&full).await;
        let account = invitations::accept_as_user(&house.ledger, link.0, &link.1, &visitor).await.unwrap();
        let visitor = house.visitor(&full).await;
        let opened = sign_in::open_account(&house.ledger, &visitor, account).await.unwrap();
        assert_eq!(opened.record.stage, Stage::Full);
        assert_eq!(house.visitor(&opened).await.standing(), Some((house.shop, Role::Owner)));
        assert_eq!(house.member(house.shop, bob).await.role, Role::Owner);
    }
}

#[tokio::test]
async fn the_operator_ends_the_sessions_of_one_person_or_everybody_s() {
    for house in House::each().await {
        let ada = house.has(ADA, Role::Operator).await;
        house.hires(ADA, &[StaffRole::Support]).await;
        let (as_user, as_staff) = (house.begins(ADA).await, house.staff_begins(ADA).await);
        house.has(BOB, Role::Viewer).await;
        let bobs = house.begins(BOB).await;
        let ended = sign_in::sign_out_everywhere(&house.ledger, &OPERATOR, &"Ada@example.com".parse().unwrap()).await;
        assert_eq!(ended.unwrap(), 2, "as a user, and as one of the staff");
        assert!(!house.holds(&as_user).await && !house.holds(&as_staff).await && house.holds(&bobs).await);
        assert_eq!(house.told(ADA).await, [Notice::SignedOut, Notice::SignedOut]);
        let platform = platform_says(&house, ada.bytes()).await;
        assert_eq!(platform.last(), Some(&(Actor::Operator, "signed_out".into())));
        let nobody = sign_in::sign_out_everywhere(&house.ledger, &OPERATOR, &"eve@example.com".parse().unwrap()).await;
        assert_eq!(why(nobody), MISSING);

        house.pass_ms(1);
        let again = house.begins(ADA).await;
        let (enrolled, _) = house.adds_app::<StaffRecord>(&house.staff_begins(ADA).await).await;
        assert_eq!(session::end_everybodys(&house.ledger, &OPERATOR).await.unwrap(), 3);
        for begun in [&bobs, &again, &enrolled.begun] {
            assert!(!house.holds(begun).await);
        }
        assert_eq!(platform_says(&house, again.id.bytes()).await.last().unwrap().0, Actor::Operator);
        assert_eq!(session::end_everybodys(&house.ledger, &OPERATOR).await.unwrap(), 0);
        assert!(house.holds(&house.begins(BOB).await).await, "everybody may sign in again");
    }
}

#[tokio::test]
async fn more_sessions_than_one_commit_takes_end_too() {
    let house = House::on_sqlite().await;
    for number in 0..11_u8 {
        let person = Person::User(Id::from_bytes([number; 16]));
        for _ in 0..session::SESSIONS_MAX {
            session::begin(&house.ledger, person, Stage::Full, Vec::new(), None, "Firefox").await.unwrap();
        }
    }
    let ended = session::end_everybodys(&house.ledger, &OPERATOR).await.unwrap();
    assert_eq!(ended, 11 * session::SESSIONS_MAX as usize);
}

#[tokio::test]
async fn a_passkey_of_the_staff_survives_that_their_sessions_end() {
    let house = House::on_sqlite().await;
    house.hires(ADA, &[StaffRole::SecurityOfficer]).await;
    let key = staff_key();
    let full = house.adds_key::<StaffRecord>(&house.staff_begins(ADA).await, &key).await.begun;
    sign_in::sign_out_everywhere(&house.ledger, &OPERATOR, &ADA.parse().unwrap()).await.unwrap();
    assert!(!house.holds(&full).await);
    let back = house.key_alone::<StaffRecord>(&key).await.unwrap();
    assert_eq!(back.record.stage, Stage::Full);
}
