//! Sessions: how long they hold, what ends them, and what an open one may still do when its owner's role changes.

use crate::house::{House, MINUTE_MS, Why, secret, user, why};
use bonded_base::{Id, Reason};
use bonded_people::Permission;
use bonded_people::invitations;
use bonded_people::members::{self, Role};
use bonded_people::session::{
    self, Begun, DEVICE_CHARS_MAX, Factor, Limits, MEMBER_LIMITS, Person, SESSIONS_MAX, STAFF_LIMITS, Stage,
    UNFINISHED_MS,
};
use bonded_people::sign_in;
use bonded_people::users::{self, UserRecord};

const ADA: &str = "ada@example.com";
const A_USER: Person = Person::User(Id::from_bytes([3; 16]));
const A_STAFF_MEMBER: Person = Person::Staff(Id::from_bytes([4; 16]));

async fn begun(house: &House, person: Person, stage: Stage) -> Begun {
    session::begin(&house.ledger, person, stage, vec![Factor::Password], None, "Firefox").await.unwrap()
}

#[tokio::test]
async fn a_session_rests_and_lasts_to_the_millisecond() {
    assert_eq!(MEMBER_LIMITS, Limits { idle_ms: 60 * MINUTE_MS, whole_ms: 24 * 60 * MINUTE_MS });
    assert_eq!(STAFF_LIMITS, Limits { idle_ms: 15 * MINUTE_MS, whole_ms: 12 * 60 * MINUTE_MS });
    for house in House::each().await {
        for (person, limits) in [(A_USER, MEMBER_LIMITS), (A_STAFF_MEMBER, STAFF_LIMITS)] {
            let (used, rested) = (begun(&house, person, Stage::Full).await, begun(&house, person, Stage::Full).await);
            house.pass_ms(limits.idle_ms - 1);
            assert!(house.holds(&used).await);
            house.pass_ms(1);
            assert!(house.holds(&used).await, "it was used a moment ago");
            assert!(!house.holds(&rested).await, "nobody used it");
            let mut left = limits.whole_ms - limits.idle_ms - 1;
            while left > 0 {
                let step = left.min(limits.idle_ms / 2);
                house.pass_ms(step);
                left -= step;
                assert!(house.holds(&used).await, "{left} ms before its end");
            }
            house.pass_ms(1);
            assert!(!house.holds(&used).await, "however often it was used");
        }
    }
}

#[tokio::test]
async fn an_unfinished_sign_in_lasts_ten_minutes_however_busy() {
    let house = House::on_sqlite().await;
    for person in [A_USER, A_STAFF_MEMBER] {
        let begun = begun(&house, person, Stage::SecondFactor).await;
        house.pass_ms(5 * MINUTE_MS);
        assert!(house.holds(&begun).await);
        house.pass_ms(UNFINISHED_MS - 5 * MINUTE_MS - 1);
        assert!(house.holds(&begun).await);
        house.pass_ms(1);
        assert!(!house.holds(&begun).await);
    }
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_and_nobody_else_s() {
    let house = House::on_sqlite().await;
    let (one, two) = (begun(&house, A_USER, Stage::Full).await, begun(&house, A_USER, Stage::Full).await);
    let theirs = begun(&house, A_STAFF_MEMBER, Stage::Full).await;
    let seen: Vec<_> = house.sessions(A_USER).await.iter().map(|session| session.id).collect();
    assert_eq!(seen, [one.id, two.id]);
    assert!(!session::end(&house.ledger, A_USER, theirs.id).await.unwrap() && house.holds(&theirs).await);
    assert!(session::end(&house.ledger, A_USER, one.id).await.unwrap() && !house.holds(&one).await);
    assert!(!session::end(&house.ledger, A_USER, one.id).await.unwrap(), "it has ended");
    let third = begun(&house, A_USER, Stage::Full).await;
    assert_eq!(session::end_all(&house.ledger, A_USER, Some(third.id)).await.unwrap(), 1);
    assert!(!house.holds(&two).await && house.holds(&third).await && house.holds(&theirs).await);
}

#[tokio::test]
async fn one_person_has_fifty_sessions_and_the_oldest_gives_way() {
    let house = House::on_sqlite().await;
    let first = begun(&house, A_USER, Stage::Full).await;
    house.pass_ms(MEMBER_LIMITS.idle_ms - 2);
    let second = begun(&house, A_USER, Stage::Full).await;
    house.pass_ms(1);
    for _ in 2..SESSIONS_MAX {
        begun(&house, A_USER, Stage::Full).await;
    }
    assert_eq!(house.sessions(A_USER).await.len(), SESSIONS_MAX as usize);
    house.pass_ms(1);
    let more = begun(&house, A_USER, Stage::Full).await;
    let held = house.sessions(A_USER).await;
    assert_eq!(
        (held.len(), held[0].id),
        (SESSIONS_MAX as usize, second.id),
        "one that is over goes before one that holds"
    );
    assert!(!house.holds(&first).await);
    begun(&house, A_USER, Stage::Full).await;
    assert!(!house.holds(&second).await && house.holds(&more).await);
    assert_eq!(house.sessions(A_USER).await.len(), SESSIONS_MAX as usize);
}

#[tokio::test]
async fn whoever_has_the_password_alone_pushes_nobody_out_who_is_signed_in() {
    let house = House::on_sqlite().await;
    let full = begun(&house, A_USER, Stage::Full).await;
    house.pass_ms(1);
    for _ in 0..SESSIONS_MAX {
        begun(&house, A_USER, Stage::SecondFactor).await;
    }
    assert!(house.holds(&full).await);
    assert_eq!(house.sessions(A_USER).await.len(), SESSIONS_MAX as usize);
}

#[tokio::test]
async fn sign_ins_at_the_same_moment_all_succeed_where_old_sessions_must_give_way() {
    for house in House::each().await {
        let id = house.has(ADA, Role::Operator).await;
        let person = Person::User(user(id));
        for _ in 0..SESSIONS_MAX {
            begun(&house, person, Stage::Full).await;
        }
        let (one, two, three) = tokio::join!(house.begins(ADA), house.begins(ADA), house.begins(ADA));
        for begun in [one, two, three] {
            assert!(house.holds(&begun).await);
        }
        assert_eq!(house.sessions(person).await.len(), SESSIONS_MAX as usize);
    }
}

#[tokio::test]
async fn what_is_no_token_finds_nothing() {
    let house = House::on_sqlite().await;
    let begun = begun(&house, A_USER, Stage::Full).await;
    let token = begun.token.expose();
    assert!(token.starts_with("bs_") && token.len() == 3 + 32);
    for wrong in ["", "bs_", &token[..34], &format!("{token}0"), &token.to_uppercase(), &token[3..], "bk_live_x"] {
        assert!(session::find(&house.ledger, &secret(wrong)).await.unwrap().is_none(), "{wrong}");
    }
    let kept = serde_json::to_string(&*house.sessions(A_USER).await[0]).unwrap();
    assert!((3..token.len() - 5).all(|start| !kept.contains(&token[start..start + 5])), "the token is kept nowhere");
    assert!(users::admit(&house.ledger, &begun.token).await.is_err(), "a session of nobody who is there");
}

#[tokio::test]
async fn what_a_device_calls_itself_is_kept_short_and_plain() {
    let house = House::on_sqlite().await;
    let device = format!("Fire\u{0}fox\n{}", "é".repeat(200));
    let begun = session::begin(&house.ledger, A_USER, Stage::Full, Vec::new(), None, &device).await.unwrap();
    assert!(begun.record.device.starts_with("Firefoxé") && begun.record.device.chars().count() == DEVICE_CHARS_MAX);
}

#[tokio::test]
async fn a_session_goes_on_under_one_new_token_only() {
    let house = House::on_sqlite().await;
    let begun = begun(&house, A_USER, Stage::SecondFactor).await;
    let was = session::find(&house.ledger, &begun.token).await.unwrap().unwrap();
    house.pass_ms(MINUTE_MS);
    let full = session::advance(&house.ledger, &was, Stage::Full, Some(Factor::Totp), None).await.unwrap();
    assert!(house.holds(&full).await && !house.holds(&begun).await);
    assert_eq!((full.id, full.record.began_at), (begun.id, begun.record.began_at), "its end comes no later for that");
    assert!(session::advance(&house.ledger, &was, Stage::Full, None, None).await.is_err());
}

#[tokio::test]
async fn an_open_session_follows_its_owner_s_role_at_once() {
    for house in House::each().await {
        let (id, full, _) = house.has_with_app(ADA, Role::Owner).await;
        house.has("grace@example.com", Role::Owner).await;
        let (acting, member) = (House::operator(house.shop), members::id_of(user(id)));
        for role in [Role::Viewer, Role::Manager, Role::Operator] {
            members::change_role(&house.ledger, &acting, member, role, None).await.unwrap();
            let visitor = house.visitor(&full).await;
            assert_eq!(visitor.standing(), Some((house.shop, role)));
            assert_eq!(visitor.permissions(), role.permissions());
        }
        members::remove(&house.ledger, &acting, member, None).await.unwrap();
        let visitor = house.visitor(&full).await;
        assert!(visitor.standing().is_none() && visitor.scope().is_err() && visitor.acting().is_err());
        assert_eq!(visitor.permissions().iter().count(), 0);
        assert_eq!(visitor.maker_rights().permissions.iter().count(), 0);
        let missing = sign_in::open_account(&house.ledger, &visitor, house.shop).await;
        assert_eq!(why(missing), Why::Refused(Reason::Missing));
        assert_eq!(house.begins(ADA).await.record.account, None);
    }
}

#[tokio::test]
async fn a_user_of_two_accounts_opens_one_at_a_time() {
    let house = House::on_sqlite().await;
    let (id, full, app) = house.has_with_app(ADA, Role::Owner).await;
    let (other, strange) = (house.opens("Other Shop").await, house.opens("Strange Shop").await);
    let (invitation, code) = house.invites(other, ADA, Role::Viewer).await;
    let visitor = house.visitor(&full).await;
    assert_eq!(invitations::accept_as_user(&house.ledger, invitation, &code, &visitor).await.unwrap(), other);
    assert_eq!(house.visitor(&full).await.standing(), Some((house.shop, Role::Owner)), "the open one stays open");
    let begun = house.begins(ADA).await;
    assert_eq!(begun.record.account, None, "which of the two is for its owner to say");
    let begun = house.shows_code::<UserRecord>(&begun, &app.shows(&house, 1)).await.unwrap();
    assert!(house.visitor(&begun).await.standing().is_none());
    let visitor = house.visitor(&begun).await;
    let in_other = sign_in::open_account(&house.ledger, &visitor, other).await.unwrap();
    assert!(!house.holds(&begun).await);
    let visitor = house.visitor(&in_other).await;
    assert_eq!(visitor.standing(), Some((other, Role::Viewer)));
    assert!(!visitor.permissions().contains(Permission::OrdersWrite), "an owner elsewhere");
    assert_eq!(visitor.scope().unwrap().account(), other);
    let refused = sign_in::open_account(&house.ledger, &visitor, strange).await;
    assert_eq!(why(refused), Why::Refused(Reason::Missing));
    let back = sign_in::open_account(&house.ledger, &visitor, house.shop).await.unwrap();
    assert_eq!(house.visitor(&back).await.standing(), Some((house.shop, Role::Owner)));
    assert_eq!(house.member(other, id).await.last_sign_in_at, Some(house.now()));
    let unfinished = house.visitor(&house.begins(ADA).await).await;
    assert_eq!(why(sign_in::open_account(&house.ledger, &unfinished, other).await), Why::SignedOut);
}
