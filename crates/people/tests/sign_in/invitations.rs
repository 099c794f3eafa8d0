//! Invitations: from the mail to the first session, and every way in which one must not be accepted.

use crate::house::{House, OPERATOR, PASSWORD, Why, secret, user, visit, why};
use bonded_base::{Account, Id, Reason};
use bonded_ledger::{Change, Scope, Stored};
use bonded_people::PeopleError;
use bonded_people::invitations::{self, HOLDS_MS, InvitationRecord, InvitationState, OPEN_MAX};
use bonded_people::mail::{MailState, Matter, Notice};
use bonded_people::members::{self, MemberRecord, MemberState, Role};
use bonded_people::session::{Factor, Stage};
use bonded_people::sign_in;
use bonded_people::staff::{self, StaffRecord, StaffRole};
use bonded_people::users::{self, UserRecord};

const ADA: &str = "ada@example.com";
const GONE: Why = Why::Refused(Reason::Missing);

type Link = (Id<InvitationRecord>, String);

/// Where an invitation stands: for the account, and for the platform.
async fn stands(house: &House, account: Id<Account>, id: Id<InvitationRecord>) -> [InvitationState; 2] {
    let own = invitations::get(&house.ledger, &Scope::operator(account), id).await.unwrap();
    [own.state, invitations::get(&house.ledger, &OPERATOR, id).await.unwrap().state]
}

async fn accepts_as_user(
    house: &House,
    (id, code): &Link,
    begun: &bonded_people::session::Begun,
) -> Result<Id<Account>, PeopleError> {
    invitations::accept_as_user(&house.ledger, *id, code, &house.visitor(begun).await).await
}

async fn members_of(house: &House, account: Id<Account>) -> Vec<Stored<MemberRecord>> {
    members::list(&house.ledger, &Scope::operator(account)).await.unwrap()
}

#[tokio::test]
async fn whoever_reads_the_mail_joins_with_a_name_and_a_password() {
    for house in House::each().await {
        for (role, stage) in [(Role::Owner, Stage::Enrolment), (Role::Operator, Stage::Full)] {
            let mail = format!("{role}@example.com");
            let link = house.invites(house.shop, &mail, role).await;
            let sent = house.mails().await.into_iter().find(|one| one.to.expose() == mail).unwrap();
            let Matter::Invitation { account_name, inviter, .. } = &sent.matter else { panic!() };
            assert_eq!((account_name.as_str(), inviter.as_str()), ("Corner Shop", "Grace"));
            assert_eq!(stands(&house, house.shop, link.0).await, [InvitationState::Open; 2]);
            let joined = house.accepts(&link, " Ada Lovelace ").await.unwrap();
            assert_eq!((joined.name.as_str(), &joined.accounts[..]), ("Ada Lovelace", &[house.shop][..]));
            let member = house.member(house.shop, joined.id).await;
            assert_eq!((member.name.as_str(), member.role), ("Ada Lovelace", role));
            assert_eq!(stands(&house, house.shop, link.0).await, [InvitationState::Accepted; 2]);
            let begun = sign_in::first_time(&house.ledger, &joined, "Firefox").await.unwrap();
            assert_eq!((begun.record.stage, begun.record.account), (stage, Some(house.shop)));
            assert_eq!(begun.record.factors, [Factor::Password]);
            assert_eq!(house.begins(&mail).await.record.stage, stage);
            assert_eq!(why(house.accepts(&link, "Eve").await), GONE, "once");
        }
    }
}

#[tokio::test]
async fn a_wrong_code_and_another_invitation_s_code_open_nothing() {
    let house = House::on_sqlite().await;
    let link = house.invites(house.shop, ADA, Role::Operator).await;
    let other = house.invites(house.shop, "bob@example.com", Role::Owner).await;
    let staffs = house.invites_staff("edith@bonded.example", &[StaffRole::Support]).await;
    for code in ["", "0", &other.1, &staffs.1, &link.1.to_uppercase(), &link.1[1..]] {
        assert_eq!(why(house.accepts(&(link.0, code.to_owned()), "Eve").await), GONE, "{code}");
    }
    assert_eq!(why(house.accepts(&(house.ledger.new_id(), link.1.clone()), "Eve").await), GONE);
    assert_eq!(why(house.accepts(&staffs, "Eve").await), GONE, "the staff's door is another");
    assert_eq!(why(house.accepts_staff(&link, "Eve").await), GONE);
    for name in ["", "  ", "Eve\nOwner", &"é".repeat(101)] {
        assert_eq!(why(house.accepts(&link, name).await), Why::Refused(Reason::Invalid), "{name}");
    }
    let weak = invitations::accept_as_new(
        &house.ledger,
        &house.doors.passwords,
        link.0,
        &link.1,
        "Ada Lovelace",
        secret("corner shop 2026"),
    );
    assert_eq!(why(weak.await), Why::Refused(Reason::Invalid), "made of the account's own name");
    assert!(members_of(&house, house.shop).await.is_empty());
    house.accepts(&link, "Ada Lovelace").await.unwrap();
}

#[tokio::test]
async fn an_invitation_runs_out_to_the_millisecond_and_can_be_taken_back() {
    let house = House::on_sqlite().await;
    let acting = House::operator(house.shop);
    let late = house.invites(house.shop, ADA, Role::Operator).await;
    house.pass_ms(HOLDS_MS - 1);
    invitations::find(&house.ledger, late.0, &late.1).await.unwrap();
    house.pass_ms(1);
    assert_eq!(why(house.accepts(&late, "Ada").await), GONE);
    let back = house.invites(house.shop, ADA, Role::Operator).await;
    invitations::withdraw(&house.ledger, &acting, back.0).await.unwrap();
    assert_eq!(stands(&house, house.shop, back.0).await, [InvitationState::Withdrawn; 2]);
    assert_eq!(why(house.accepts(&back, "Ada").await), GONE);
    assert_eq!(why(invitations::withdraw(&house.ledger, &acting, back.0).await), Why::Refused(Reason::State));
    let third = house.invites(house.shop, ADA, Role::Viewer).await;
    house.accepts(&third, "Ada").await.unwrap();
    assert_eq!(stands(&house, house.shop, late.0).await, [InvitationState::Open; 2], "it ran out, nobody accepted it");
    assert_eq!(why(invitations::withdraw(&house.ledger, &acting, third.0).await), Why::Refused(Reason::State));
    let elsewhere = House::operator(house.opens("Other Shop").await);
    assert_eq!(why(invitations::withdraw(&house.ledger, &elsewhere, late.0).await), GONE, "another account's");
}

#[tokio::test]
async fn nobody_is_invited_twice_or_above_their_inviter() {
    let house = House::on_sqlite().await;
    house.has(ADA, Role::Operator).await;
    let invite = async |role, mail: &str, gives| {
        let acting = members::Acting { role, ..House::operator(house.shop) };
        invitations::invite_member(&house.ledger, &acting, "Grace", mail.parse().unwrap(), gives).await
    };
    let duplicate = Why::Refused(Reason::Duplicate);
    assert_eq!(why(invite(Role::Owner, "ADA@example.com", Role::Viewer).await), duplicate, "a member already");
    invite(Role::Manager, "bob@example.com", Role::Manager).await.unwrap();
    assert_eq!(why(invite(Role::Owner, "Bob@example.com", Role::Viewer).await), duplicate, "invited already");
    let forbidden = Why::Refused(Reason::Forbidden);
    assert_eq!(why(invite(Role::Manager, "carl@example.com", Role::Owner).await), forbidden);
    assert_eq!(why(invite(Role::Operator, "carl@example.com", Role::Viewer).await), forbidden);
}

#[tokio::test]
async fn a_user_accepts_with_the_session_that_is_open_and_under_the_invited_address_only() {
    for house in House::each().await {
        let (id, full, _) = house.has_with_app(ADA, Role::Owner).await;
        let other = house.opens("Other Shop").await;
        let link = house.invites(other, "ADA@example.com", Role::Manager).await;
        assert_eq!(why(house.accepts(&link, "Eve").await), Why::Refused(Reason::Duplicate), "a user already");
        assert!(members_of(&house, other).await.is_empty());
        house.has("bob@example.com", Role::Viewer).await;
        let bobs = house.begins("bob@example.com").await;
        assert_eq!(why(accepts_as_user(&house, &link, &bobs).await), Why::Refused(Reason::Forbidden));
        let unfinished = house.begins(ADA).await;
        assert_eq!(why(accepts_as_user(&house, &link, &unfinished).await), Why::SecondFactor);
        assert!(members_of(&house, other).await.is_empty());
        assert_eq!(accepts_as_user(&house, &link, &full).await.unwrap(), other);
        assert_eq!(house.user(id).await.accounts, [house.shop, other]);
        assert_eq!(house.member(other, id).await.role, Role::Manager);
        assert_eq!(stands(&house, other, link.0).await, [InvitationState::Accepted; 2]);
        assert_eq!(why(accepts_as_user(&house, &link, &full).await), GONE, "once");
    }
}

#[tokio::test]
async fn whoever_left_comes_back_by_a_new_invitation_in_the_new_role() {
    let house = House::on_sqlite().await;
    let id = house.has(ADA, Role::Operator).await;
    let (acting, member) = (House::operator(house.shop), members::id_of(user(id)));
    members::remove(&house.ledger, &acting, member, None).await.unwrap();
    house.pass_ms(1_000);
    let link = house.invites(house.shop, ADA, Role::Viewer).await;
    assert_eq!(why(house.accepts(&link, "Ada").await), Why::Refused(Reason::Duplicate));
    let begun = house.begins(ADA).await;
    accepts_as_user(&house, &link, &begun).await.unwrap();
    let back = house.member(house.shop, id).await;
    assert_eq!((back.role, back.state, back.joined_at), (Role::Viewer, MemberState::Active, house.now()));
    assert_eq!(house.user(id).await.accounts, [house.shop], "named once");
    assert_eq!(members_of(&house, house.shop).await.len(), 1);
}

/// The first of the two commits of [`House::accepts`], and nothing after it.
async fn joins_half(house: &House, link: &Link, mail: &str, role: Role) {
    let scope = Scope::operator(house.shop);
    let own = invitations::get(&house.ledger, &scope, link.0).await.unwrap();
    let member = MemberRecord {
        mail: mail.parse().unwrap(),
        name: "Ada Lovelace".into(),
        role,
        state: MemberState::Active,
        joined_at: house.now(),
        last_sign_in_at: None,
        has_second_factor: false,
    };
    let mut change = Change::new();
    change.create(Id::<MemberRecord>::from_bytes(link.0.bytes()), &member, "joined");
    change.update(&own, &InvitationRecord { state: InvitationState::Accepted, ..(*own).clone() }, "accepted");
    house.ledger.commit(&scope, change).await.unwrap();
}

#[tokio::test]
async fn what_a_crash_left_half_done_is_repaired_by_accepting_again() {
    for house in House::each().await {
        let link = house.invites(house.shop, ADA, Role::Operator).await;
        joins_half(&house, &link, ADA, Role::Operator).await;
        assert_eq!(why(house.tries::<UserRecord>(ADA, PASSWORD, &visit()).await), Why::NotProven);
        let joined = house.accepts(&link, "Ada Lovelace").await.unwrap();
        assert_eq!(members_of(&house, house.shop).await.len(), 1);
        assert_eq!(house.member(house.shop, joined.id).await.version, 1, "the member was there");
        assert_eq!(stands(&house, house.shop, link.0).await, [InvitationState::Accepted; 2]);
        assert_eq!(house.visitor(&house.begins(ADA).await).await.standing(), Some((house.shop, Role::Operator)));
    }
}

#[tokio::test]
async fn the_same_is_repaired_for_somebody_who_is_a_user_already() {
    let house = House::on_sqlite().await;
    let id = house.has(ADA, Role::Viewer).await;
    let begun = house.begins(ADA).await;
    let other = house.opens("Other Shop").await;
    let link = house.invites(other, ADA, Role::Operator).await;
    let scope = Scope::operator(other);
    let own = invitations::get(&house.ledger, &scope, link.0).await.unwrap();
    let member = MemberRecord { role: Role::Operator, ..(*house.member(house.shop, id).await).clone() };
    let mut change = Change::new();
    change.create(members::id_of(user(id)), &member, "joined");
    change.update(&own, &InvitationRecord { state: InvitationState::Accepted, ..(*own).clone() }, "accepted");
    house.ledger.commit(&scope, change).await.unwrap();
    assert_eq!(accepts_as_user(&house, &link, &begun).await.unwrap(), other);
    assert_eq!(house.user(id).await.accounts, [house.shop, other]);
    assert_eq!((members_of(&house, other).await.len(), house.member(other, id).await.version), (1, 1));
    assert_eq!(stands(&house, other, link.0).await, [InvitationState::Accepted; 2]);
}

#[tokio::test]
async fn whoever_was_removed_in_between_does_not_come_back_by_the_same_link() {
    let house = House::on_sqlite().await;
    let link = house.invites(house.shop, ADA, Role::Operator).await;
    joins_half(&house, &link, ADA, Role::Operator).await;
    let half = Id::<MemberRecord>::from_bytes(link.0.bytes());
    members::remove(&house.ledger, &House::operator(house.shop), half, None).await.unwrap();
    assert_eq!(why(house.accepts(&link, "Ada Lovelace").await), GONE);
    assert!(members_of(&house, house.shop).await.iter().all(|member| !member.is_active()));
}

#[tokio::test]
async fn a_half_made_member_whose_address_became_a_user_elsewhere_is_replaced() {
    let house = House::on_sqlite().await;
    let link = house.invites(house.shop, ADA, Role::Owner).await;
    joins_half(&house, &link, ADA, Role::Owner).await;
    let other = house.opens("Other Shop").await;
    let elsewhere = house.invites(other, ADA, Role::Viewer).await;
    let ada = house.accepts(&elsewhere, "Ada").await.unwrap().id;
    assert_eq!(why(house.accepts(&link, "Ada").await), Why::Refused(Reason::Duplicate));
    let begun = house.begins(ADA).await;
    accepts_as_user(&house, &link, &begun).await.unwrap();
    let members = members_of(&house, house.shop).await;
    let active: Vec<_> = members.iter().filter(|member| member.is_active()).map(|member| member.id).collect();
    assert_eq!(active, [members::id_of(user(ada))], "no owner who is nobody");
}

#[tokio::test]
async fn accepting_and_taking_back_at_once_leaves_one_of_the_two() {
    for house in House::each().await {
        for round in 0..4 {
            let mail = format!("ada{round}@example.com");
            let link = house.invites(house.shop, &mail, Role::Operator).await;
            let acting = House::operator(house.shop);
            let withdrawing = async {
                for _ in 0..round * 40 {
                    tokio::task::yield_now().await;
                }
                invitations::withdraw(&house.ledger, &acting, link.0).await
            };
            let (joined, withdrawn) = tokio::join!(house.accepts(&link, "Ada Lovelace"), withdrawing);
            let own = invitations::get(&house.ledger, &acting.scope, link.0).await.unwrap().state;
            let is_member =
                members_of(&house, house.shop).await.iter().any(|one| one.is_active() && one.mail.expose() == mail);
            assert_eq!(own == InvitationState::Accepted, is_member, "round {round}");
            assert_eq!(own == InvitationState::Withdrawn, withdrawn.is_ok(), "round {round}");
            assert_eq!(joined.is_ok(), is_member, "round {round}");
        }
    }
}

#[tokio::test]
async fn one_link_opened_twice_at_once_makes_one_member() {
    for house in House::each().await {
        let link = house.invites(house.shop, ADA, Role::Operator).await;
        let (one, other) = tokio::join!(house.accepts(&link, "Ada Lovelace"), house.accepts(&link, "Ada L."));
        assert!(one.is_ok() != other.is_ok());
        let refused = why(one.and(other));
        assert!(
            [GONE, Why::Refused(Reason::Changed), Why::Refused(Reason::Duplicate)].contains(&refused),
            "{refused:?}"
        );
        assert_eq!(members_of(&house, house.shop).await.len(), 1);
        house.begins(ADA).await;
    }
}

#[tokio::test]
async fn staff_join_by_the_same_steps_at_their_own_door() {
    for house in House::each().await {
        let mail = "edith@bonded.example";
        let link = house.invites_staff(mail, &[StaffRole::Support, StaffRole::OnCall]).await;
        let twice = house.invites_staff(mail, &[StaffRole::SecurityOfficer]).await;
        let edith = house.accepts_staff(&link, "Edith Clarke").await.unwrap();
        assert_eq!(edith.roles.iter().collect::<Vec<_>>(), [StaffRole::Support, StaffRole::OnCall]);
        assert_eq!(why(house.accepts_staff(&link, "Eve").await), GONE);
        assert_eq!(why(house.accepts_staff(&twice, "Edith").await), Why::Refused(Reason::Duplicate));
        assert_eq!(staff::list(&house.ledger, &OPERATOR).await.unwrap().len(), 1);
        let (mail_again, roles) =
            ("Edith@bonded.example".parse().unwrap(), [StaffRole::Engineer].into_iter().collect());
        let again = invitations::invite_staff(&house.ledger, &OPERATOR, "Grace", mail_again, roles).await;
        assert_eq!(why(again), Why::Refused(Reason::Duplicate));
        assert_eq!(house.tries::<StaffRecord>(mail, PASSWORD, &visit()).await.unwrap().record.stage, Stage::Enrolment);
        assert_eq!(why(house.tries::<UserRecord>(mail, PASSWORD, &visit()).await), Why::NotProven);
        assert!(users::find(&house.ledger, &mail.parse().unwrap()).await.unwrap().is_none());
        assert_eq!(house.told(mail).await, [] as [Notice; 0]);
    }
}

#[tokio::test]
async fn invitations_onto_the_staff_are_listed_and_taken_back() {
    for house in House::each().await {
        let mail = "edith@bonded.example";
        let late = house.invites_staff("late@bonded.example", &[StaffRole::Engineer]).await;
        house.pass_ms(HOLDS_MS);
        let link = house.invites_staff(mail, &[StaffRole::Support]).await;
        let taken = house.invites_staff("grace@bonded.example", &[StaffRole::OnCall]).await;
        let shop = house.invites(house.shop, ADA, Role::Owner).await;
        house.accepts_staff(&taken, "Grace Hopper").await.unwrap();
        let listed = invitations::list_staff(&house.ledger, &OPERATOR).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|one| one.id).collect();
        assert_eq!(ids, [link.0], "neither what ran out, nor what was accepted, nor what leads into an account");

        let withdraws = async |id| invitations::withdraw_staff(&house.ledger, &OPERATOR, id).await;
        assert_eq!(withdraws(link.0).await.unwrap().state, InvitationState::Withdrawn);
        assert_eq!(why(house.accepts_staff(&link, "Edith Clarke").await), GONE, "its link opens nothing");
        assert!(invitations::list_staff(&house.ledger, &OPERATOR).await.unwrap().is_empty());
        let sent = house.mails().await.into_iter().find(|one| one.to.expose() == mail).unwrap();
        assert_eq!(sent.state, MailState::Held, "what has not gone yet does not go");
        let head = house.ledger.head(&OPERATOR).await.unwrap();
        let told = house.ledger.headlines(&OPERATOR, head - 2, 2).await.unwrap();
        assert_eq!((told[0].action.as_str(), told[0].id_of()), ("withdrawn", Some(link.0)), "the log tells of it");

        for used in [link.0, taken.0] {
            assert_eq!(why(withdraws(used).await), Why::Refused(Reason::State));
        }
        assert_eq!(why(withdraws(shop.0).await), GONE, "an account's own is the account's to take back");
        assert_eq!(stands(&house, house.shop, shop.0).await, [InvitationState::Open; 2]);
        assert_eq!(why(house.accepts_staff(&late, "Eve").await), GONE);
    }
}

#[tokio::test]
async fn the_staff_have_a_hundred_open_invitations_at_most() {
    let house = House::on_sqlite().await;
    let mut last = None;
    for number in 0..OPEN_MAX {
        last = Some(house.invites_staff(&format!("s{number}@bonded.example"), &[StaffRole::Support]).await);
    }
    let one_more = async || {
        let (mail, roles) = ("more@bonded.example".parse().unwrap(), [StaffRole::Support].into_iter().collect());
        invitations::invite_staff(&house.ledger, &OPERATOR, "Grace", mail, roles).await
    };
    assert_eq!(why(one_more().await), Why::Refused(Reason::TooMuch));
    invitations::withdraw_staff(&house.ledger, &OPERATOR, last.unwrap().0).await.unwrap();
    one_more().await.unwrap();
}

#[tokio::test]
async fn joining_the_staff_and_being_taken_back_at_once_leaves_one_of_the_two() {
    for house in House::each().await {
        for round in 0..4 {
            let mail = format!("edith{round}@bonded.example");
            let link = house.invites_staff(&mail, &[StaffRole::Support]).await;
            let withdrawing = async {
                for _ in 0..round * 40 {
                    tokio::task::yield_now().await;
                }
                invitations::withdraw_staff(&house.ledger, &OPERATOR, link.0).await
            };
            let (joined, withdrawn) = tokio::join!(house.accepts_staff(&link, "Edith Clarke"), withdrawing);
            let found = staff::find(&house.ledger, &mail.parse().unwrap()).await.unwrap();
            assert_eq!((joined.is_ok(), withdrawn.is_ok()), (found.is_some(), found.is_none()), "round {round}");
        }
    }
}
