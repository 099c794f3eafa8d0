//! What time brings about: done once, by one node, as soon as somebody looks.

use bonded_base::{Id, Node, Staff};
use bonded_flow::calendar::{look, start};
use bonded_ledger::{Change, LedgerError, PLATFORM, Scope};
use bonded_people::credentials::Credentials;
use bonded_people::grants::{Area, GrantRecord, GrantScope, GrantState, Reason, ReasonKind};
use bonded_people::reviews::{self, OPEN_DAYS, PERIOD_DAYS};
use bonded_people::staff::{self, StaffRecord, StaffRole, StaffState};
use bonded_testkit::ledger::{TestLedger, on_postgres, on_sqlite};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const OPERATOR: Scope = Scope::operator(PLATFORM);

const fn node(number: u8) -> Id<Node> {
    Id::from_bytes([number; 16])
}

/// Somebody on the staff who will be reviewed one day, and a request whose account never got it.
async fn with_things_to_come() -> Vec<TestLedger> {
    let mut ledgers = vec![on_sqlite().await];
    ledgers.extend(on_postgres().await);
    for ledger in &ledgers {
        let now = bonded_base::Clock::now(ledger.clock());
        let person = StaffRecord {
            mail: "ada@bonded.example".parse().unwrap(),
            name: "Ada".into(),
            roles: [StaffRole::Support].into_iter().collect(),
            credentials: Credentials::default(),
            state: StaffState::Active,
            joined_at: now,
            last_sign_in_at: None,
        };
        let id = ledger.new_id::<StaffRecord>();
        let request = GrantRecord {
            account: Id::from_bytes([9; 16]),
            staff: Id::<Staff>::from_bytes(id.bytes()),
            staff_name: "Ada".into(),
            scope: GrantScope { areas: vec![Area::Orders], act: false, record: None, consumers: false },
            reason: Reason { kind: ReasonKind::Incident, text: "late".into(), ticket: None },
            duration_ms: DAY_MS,
            state: GrantState::Requested,
            asked_at: now,
            approved_by: None,
            approved_with: None,
            until: None,
            ended_at: None,
            legal: None,
            signed: None,
        };
        let mut change = Change::new();
        change.create(id, &person, "joined");
        change.create(ledger.new_id::<GrantRecord>(), &request, "requested");
        ledger.commit(&OPERATOR, change).await.unwrap();
    }
    ledgers
}

#[tokio::test]
async fn what_is_due_is_done_once_and_by_one_node() {
    for ledger in with_things_to_come().await {
        assert_eq!(look(&ledger, node(1)).await.unwrap(), Some(0));
        ledger.test_clock().advance_ms(i64::from(PERIOD_DAYS) * DAY_MS);
        assert_eq!(look(&ledger, node(1)).await.unwrap(), Some(2), "the request went, and a review was opened");
        assert_eq!(look(&ledger, node(2)).await.unwrap(), None, "the first node goes on");
        ledger.test_clock().advance_ms(i64::from(OPEN_DAYS) * DAY_MS);
        assert_eq!(look(&ledger, node(2)).await.unwrap(), Some(1), "the first node's lease has ended");
        assert_eq!(look(&ledger, node(1)).await.unwrap(), None);
        assert!(reviews::current(&ledger).await.unwrap().is_none());
        let everybody = staff::list(&ledger, &OPERATOR).await.unwrap();
        assert!(everybody.iter().all(|person| person.roles.is_empty()), "nobody certified them");
    }
}

#[tokio::test]
async fn a_node_that_runs_does_it_and_leaves_its_place_when_it_stops() {
    for ledger in with_things_to_come().await {
        ledger.test_clock().advance_ms(i64::from(PERIOD_DAYS) * DAY_MS);
        let mut grown = ledger.watch(PLATFORM);
        let running = start(ledger.clone(), node(1));
        while reviews::current(&ledger).await.unwrap().is_none() {
            grown.changed().await.unwrap();
        }
        running.stop().await;
        assert!(look(&ledger, node(2)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_sealed_vault_is_waited_for() {
    let ledger = on_sqlite().await;
    ledger.vault().seal();
    assert!(matches!(look(&ledger, node(1)).await, Err(LedgerError::Sealed)));
}
