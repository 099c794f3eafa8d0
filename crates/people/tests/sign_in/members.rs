//! Members: who may change whom, what keeps an account from losing its last owner, and what becomes of API keys.

use crate::house::{House, Why, user, why};
use bonded_base::{Id, Reason, User};
use bonded_ledger::Scope;
use bonded_people::keys::{self, Draft, KeyError, Maker, MakerRights, Mode};
use bonded_people::mail::{Matter, Notice};
use bonded_people::members::{self, Acting, MemberRecord, MemberState, Role};
use bonded_people::users::UserRecord;
use bonded_people::{PeopleError, Permission, Permissions};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const FORBIDDEN: Why = Why::Refused(Reason::Forbidden);
const STATE: Why = Why::Refused(Reason::State);

const fn member(id: Id<UserRecord>) -> Id<MemberRecord> {
    members::id_of(user(id))
}

/// Somebody who acts in the shop in their present role.
async fn acting(house: &House, id: Id<UserRecord>) -> Acting {
    let role = house.member(house.shop, id).await.role;
    Acting { scope: Scope::member(house.shop, user(id)), role, member: Some(member(id)) }
}

async fn gives(house: &House, by: &Acting, to: Id<UserRecord>, role: Role) -> Result<Role, PeopleError> {
    members::change_role(&house.ledger, by, member(to), role, None).await.map(|member| member.role)
}

async fn removes(house: &House, by: &Acting, whom: Id<UserRecord>) -> Result<MemberState, PeopleError> {
    members::remove(&house.ledger, by, member(whom), None).await.map(|member| member.state)
}

async fn issued(house: &House, maker: Id<User>, permissions: &[Permission]) -> keys::Issued {
    issues(house, maker, permissions).await.unwrap()
}

/// As a request does that was admitted when its maker could still do everything.
async fn issues(house: &House, maker: Id<User>, permissions: &[Permission]) -> Result<keys::Issued, KeyError> {
    let permissions: Permissions = permissions.iter().copied().collect();
    let rights = MakerRights { maker: Maker::Member(maker), permissions: Permissions::of_keys() };
    let draft = Draft { name: "warehouse".into(), permissions, mode: Mode::Test };
    keys::issue(&house.ledger, &Scope::member(house.shop, maker), &rights, draft).await
}

async fn opens(house: &House, key: &keys::Issued) -> Vec<Permission> {
    match keys::admit(&house.ledger, &key.secret).await {
        Ok(admission) => admission.permissions.iter().collect(),
        Err(KeyError::NotValid) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn nobody_acts_above_their_role() {
    let house = House::on_sqlite().await;
    for actor in Role::ALL {
        let actor_id = house.has(&format!("the-{actor}@example.com"), actor).await;
        let by = acting(&house, actor_id).await;
        for had in Role::ALL {
            let target = house.has(&format!("{actor}-on-{had}@example.com"), had).await;
            for becomes in Role::ALL {
                let may = actor >= Role::Manager && actor >= had && actor >= becomes;
                let outcome = gives(&house, &by, target, becomes).await;
                if may {
                    assert_eq!(outcome.unwrap(), becomes, "{actor}: {had} to {becomes}");
                    gives(&house, &House::operator(house.shop), target, had).await.unwrap();
                } else {
                    assert_eq!(why(outcome), FORBIDDEN, "{actor}: {had} to {becomes}");
                }
            }
            let removed = removes(&house, &by, target).await;
            if actor >= Role::Manager && actor >= had {
                assert_eq!(removed.unwrap(), MemberState::Ended);
                assert_eq!(why(removes(&house, &by, target).await), STATE, "no longer");
            } else {
                assert_eq!(why(removed), FORBIDDEN, "{actor} removes {had}");
            }
        }
    }
}

#[tokio::test]
async fn the_last_owner_stays_an_owner_and_keeps_the_keys() {
    for house in House::each().await {
        let ada = house.has(ADA, Role::Owner).await;
        house.has(BOB, Role::Manager).await;
        let key = issued(&house, user(ada), &[Permission::OrdersRead, Permission::PartnerLinksWrite]).await;
        for by in [acting(&house, ada).await, House::operator(house.shop)] {
            assert_eq!(why(removes(&house, &by, ada).await), STATE);
            assert_eq!(why(gives(&house, &by, ada, Role::Viewer).await), STATE);
            assert_eq!(gives(&house, &by, ada, Role::Owner).await.unwrap(), Role::Owner, "nothing to do");
        }
        assert_eq!(opens(&house, &key).await, [Permission::PartnerLinksWrite, Permission::OrdersRead]);
        assert_eq!(house.told(ADA).await, [Notice::ApiKeyMade], "of what was refused nothing is told");
        let carl = house.has("carl@example.com", Role::Owner).await;
        let by = acting(&house, ada).await;
        gives(&house, &by, ada, Role::Manager).await.unwrap();
        assert_eq!(why(removes(&house, &acting(&house, carl).await, carl).await), STATE, "the next one is the last");
        assert_eq!(why(gives(&house, &acting(&house, ada).await, ada, Role::Owner).await), FORBIDDEN);
    }
}

#[tokio::test]
async fn of_two_owners_who_remove_each_other_at_once_one_stays() {
    for house in House::each().await {
        let mut before = None;
        for round in 0..4 {
            let one = house.has(&format!("one{round}@example.com"), Role::Owner).await;
            let two = house.has(&format!("two{round}@example.com"), Role::Owner).await;
            let (by_one, by_two) = (acting(&house, one).await, acting(&house, two).await);
            if let Some(before) = before {
                removes(&house, &by_one, before).await.unwrap();
            }
            let (first, second) = tokio::join!(removes(&house, &by_one, two), removes(&house, &by_two, one));
            assert!(first.is_ok() != second.is_ok(), "round {round}");
            before = Some(if first.is_ok() { one } else { two });
            let refused = why(first.and(second));
            assert!([Why::Refused(Reason::Changed), STATE].contains(&refused), "{refused:?}");
            let mut left = members::list(&house.ledger, &by_one.scope).await.unwrap();
            left.retain(|one| one.is_active() && one.role == Role::Owner);
            assert_eq!(left.iter().map(|owner| owner.id).collect::<Vec<_>>(), [member(before.unwrap())]);
        }
    }
}

#[tokio::test]
async fn keys_lose_what_their_maker_loses() {
    for house in House::each().await {
        let (ada, bob) = (house.has(ADA, Role::Owner).await, house.has(BOB, Role::Manager).await);
        let mixed = issued(&house, user(bob), &[Permission::OrdersRead, Permission::PartnerLinksWrite]).await;
        let links = issued(&house, user(bob), &[Permission::PartnerLinksWrite]).await;
        let reads = issued(&house, user(bob), &[Permission::OrdersRead]).await;
        let hers = issued(&house, user(ada), &[Permission::PartnerLinksWrite]).await;
        let by = acting(&house, ada).await;
        gives(&house, &by, bob, Role::Operator).await.unwrap();
        assert_eq!(opens(&house, &mixed).await, [Permission::OrdersRead]);
        assert_eq!(opens(&house, &links).await, [], "nothing was left of it");
        assert_eq!(opens(&house, &reads).await, [Permission::OrdersRead]);
        gives(&house, &by, bob, Role::Manager).await.unwrap();
        assert_eq!(opens(&house, &mixed).await, [Permission::OrdersRead], "what is lost does not come back");
        removes(&house, &by, bob).await.unwrap();
        for key in [&mixed, &links, &reads] {
            assert_eq!(opens(&house, key).await, []);
        }
        assert_eq!(opens(&house, &hers).await, [Permission::PartnerLinksWrite]);
    }
}

#[tokio::test]
async fn a_key_that_is_made_while_its_maker_is_demoted_does_not_exceed_the_maker() {
    for house in House::each().await {
        let ada = house.has(ADA, Role::Owner).await;
        let by = acting(&house, ada).await;
        for round in 0..8 {
            let maker = house.has(&format!("maker{round}@example.com"), Role::Manager).await;
            let wants = [Permission::OrdersRead, Permission::PartnerLinksWrite];
            let (made, demoted) =
                tokio::join!(issues(&house, user(maker), &wants), gives(&house, &by, maker, Role::Viewer));
            if let Err(error) = demoted {
                assert!(matches!(error, PeopleError::Problem(problem) if problem.reason == Reason::Changed));
                gives(&house, &by, maker, Role::Viewer).await.unwrap();
            }
            match made {
                Ok(key) => assert_eq!(opens(&house, &key).await, [Permission::OrdersRead], "round {round}"),
                Err(KeyError::Problem(_)) => {}
                Err(error) => panic!("{error}"),
            }
            let late = issues(&house, user(maker), &wants).await.err();
            assert!(matches!(late, Some(KeyError::Problem(problem)) if problem.reason == Reason::Invalid));
            removes(&house, &by, maker).await.unwrap();
            assert!(issues(&house, user(maker), &wants[..1]).await.is_err(), "a former member makes none");
        }
    }
}

#[tokio::test]
async fn whoever_is_changed_is_told_and_whoever_saw_an_old_state_is_refused() {
    let house = House::on_sqlite().await;
    let (ada, bob) = (house.has(ADA, Role::Owner).await, house.has(BOB, Role::Viewer).await);
    let by = acting(&house, ada).await;
    let seen = house.member(house.shop, bob).await.version;
    let change = |role, seen| members::change_role(&house.ledger, &by, member(bob), role, Some(seen));
    assert_eq!(change(Role::Operator, seen).await.unwrap().role, Role::Operator);
    assert_eq!(why(change(Role::Owner, seen).await), Why::Refused(Reason::Changed));
    let late = members::remove(&house.ledger, &by, member(bob), Some(seen)).await;
    assert_eq!(why(late), Why::Refused(Reason::Changed));
    assert_eq!(house.told(BOB).await, [Notice::RoleChanged]);
    removes(&house, &by, bob).await.unwrap();
    assert_eq!(house.told(BOB).await, [Notice::RoleChanged, Notice::MembershipEnded]);
    assert_eq!(house.told(ADA).await, []);
    let mails = house.mails().await;
    let named = mails.iter().filter_map(|mail| match &mail.matter {
        Matter::Notice { account_name, .. } => account_name.as_deref(),
        _ => None,
    });
    assert!(named.eq(["Corner Shop", "Corner Shop"]), "which account it was");
    let stranger = members::remove(&house.ledger, &by, house.ledger.new_id(), None).await;
    assert_eq!(why(stranger), Why::Refused(Reason::Missing));
}
