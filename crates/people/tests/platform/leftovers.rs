//! What is over goes, what may still be used stays, however many there are.

use crate::house::{DAY_MS, OPERATOR, Platform};
use bonded_base::{Id, User};
use bonded_ledger::{Change, List, Record};
use bonded_people::invitations::{Into, InvitationRecord, InvitationState};
use bonded_people::leftovers::{INVITATIONS_KEPT_MS, forget};
use bonded_people::session::{self, Factor, MEMBER_LIMITS, Person, SessionRecord, Stage};
use bonded_people::sign_in::{RESET_MS, ResetRecord};
use bonded_people::staff::{StaffRole, StaffRoles};

const USER: Id<User> = Id::from_bytes([3; 16]);

async fn left<R: Record>(platform: &Platform) -> usize {
    platform.ledger.list::<R>(&OPERATOR, &List::first(1_000)).await.unwrap().records.len()
}

async fn keep<R: Record>(platform: &Platform, records: &[R]) {
    let mut change = Change::new();
    for record in records {
        change.create(platform.ledger.new_id::<R>(), record, "made");
    }
    platform.ledger.commit(&OPERATOR, change).await.unwrap();
}

async fn begin(platform: &Platform) {
    let person = Person::User(USER);
    session::begin(&platform.ledger, person, Stage::Full, vec![Factor::Password], None, "test").await.unwrap();
}

#[tokio::test]
async fn sessions_links_and_invitations_go_when_nobody_can_use_them_any_more() {
    for platform in Platform::each().await {
        let ledger = &platform.ledger;
        let staff = platform.hire("ada", &[StaffRole::Support]).await;
        platform.visitor(staff).await;
        begin(&platform).await;
        let invitation = InvitationRecord {
            mail: "bob@example.com".parse().unwrap(),
            into: Into::Staff { roles: StaffRoles::default() },
            invited_by: "Ada".into(),
            state: InvitationState::Open,
            until: platform.now().plus_millis(7 * DAY_MS),
        };
        keep(&platform, &[invitation]).await;
        keep(&platform, &[ResetRecord { user: USER, until: platform.now().plus_millis(RESET_MS), used: false }]).await;
        assert_eq!(forget(ledger).await.unwrap(), 0);
        ledger.test_clock().advance_ms(RESET_MS - 1);
        assert_eq!(forget(ledger).await.unwrap(), 0);
        ledger.test_clock().advance_ms(1);
        assert_eq!((forget(ledger).await.unwrap(), left::<ResetRecord>(&platform).await), (1, 0));
        ledger.test_clock().advance_ms(MEMBER_LIMITS.whole_ms - RESET_MS);
        let other = Person::User(Id::from_bytes([4; 16]));
        session::begin(ledger, other, Stage::Full, vec![Factor::Password], None, "test").await.unwrap();
        assert_eq!((forget(ledger).await.unwrap(), left::<SessionRecord>(&platform).await), (2, 1));
        assert_eq!(left::<InvitationRecord>(&platform).await, 1, "its account's staff may want to see it");
        ledger.test_clock().advance_ms(INVITATIONS_KEPT_MS);
        assert_eq!(forget(ledger).await.unwrap(), 2);
        assert_eq!(left::<InvitationRecord>(&platform).await, 0);
    }
}

#[tokio::test]
async fn a_thousand_links_go_at_once() {
    let platform = Platform::on_sqlite().await;
    let reset = || ResetRecord { user: USER, until: platform.now().plus_millis(RESET_MS), used: false };
    keep(&platform, &(0..1_000).map(|_| reset()).collect::<Vec<_>>()).await;
    platform.ledger.test_clock().advance_ms(RESET_MS);
    keep(&platform, &[reset()]).await;
    assert_eq!(forget(&platform.ledger).await.unwrap(), 1_000);
    assert_eq!(left::<ResetRecord>(&platform).await, 1);
}
