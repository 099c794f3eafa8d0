//! What staff can do under a grant, and what they cannot.

use crate::house::{House, Thing};
use bonded_base::{Clock, Id, Kind, Kinded, Moment, Secret, Staff, SystemClock};
use bonded_ledger::{Actor, Change, LedgerError, List, Lookup, LookupName, Record, Scope};
use bonded_vault::{Approval, Grant, SignedGrant};
use serde::{Deserialize, Serialize};

crate::on_both_engines!(
    staff_read_what_is_granted_and_each_read_is_told_first,
    a_grant_that_changed_opens_nothing_any_more,
    without_a_good_approval_staff_get_no_plain_text,
    staff_change_only_what_is_granted,
    consumers_are_outside_every_grant_that_does_not_name_them,
    asking_leaves_a_request_and_reads_nothing,
);

const STAFF: Id<Staff> = Id::from_bytes([5; 16]);
const HOUR_MS: i64 = 60 * 60 * 1000;

/// The record of a grant: only that it is there, and at which version, matters to the ledger.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    ended: bool,
}

impl Kinded for Kept {
    const KIND: Kind = Kind::Grant;
}

impl Record for Kept {}

/// A grant on products for an hour, with its record.
async fn grant(house: &House) -> Grant {
    let id = house.ledger.new_id::<Kept>();
    let mut change = Change::new();
    change.create(id, &Kept { ended: false }, "approved");
    house.ledger.commit(&house.scope, change).await.unwrap();
    let now = SystemClock.now();
    Grant {
        id: id.bytes(),
        account: house.account,
        staff: STAFF,
        opens: vec![Kind::Product],
        changes: Vec::new(),
        only: None,
        consumers: false,
        reason: String::from("a product looks wrong"),
        from: now,
        until: now.plus_millis(HOUR_MS),
    }
}

fn approved(house: &House, grant: Grant) -> Scope {
    let approval = house.ledger.vault().vouch(&grant, [7; 16]).unwrap();
    Scope::granted(SignedGrant { grant, approval }, 1)
}

async fn staff_read_what_is_granted_and_each_read_is_told_first(house: House) {
    let House { ledger, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let staff = approved(&house, grant(&house).await);
    let before = ledger.head(&house.scope).await.unwrap();
    assert_eq!(ledger.get(&staff, id).await.unwrap().unwrap().name, "lamp");
    assert_eq!(ledger.list::<Thing>(&staff, &List::first(10)).await.unwrap().records.len(), 1);
    let named = Lookup::new(LookupName::Handle, &b"lamp"[..]);
    assert_eq!(ledger.find(&staff, &named).await.unwrap(), Some(id));
    let told = ledger.entries(&house.scope, before, 10).await.unwrap();
    let actions: Vec<_> = told.iter().map(|entry| entry.headline.action.as_str()).collect();
    assert_eq!(actions, ["viewed", "viewed", "searched"]);
    for entry in &told[..2] {
        assert_eq!((entry.headline.actor, entry.headline.id), (Actor::Staff(STAFF), id.bytes()));
        assert_eq!(entry.said.seen, ["count", "name", "parent", "sort_at", "state"]);
        assert!(!String::from_utf8_lossy(&entry.plain[16..]).contains("lamp"), "names of fields, no values");
    }
    assert!(matches!(ledger.entries(&staff, 0, 10).await, Err(LedgerError::OutOfReach(_))));
    assert!(matches!(ledger.headlines(&staff, 0, 10).await, Err(LedgerError::OutOfReach(_))));
    let other = Id::<Kept>::from_bytes([1; 16]);
    assert!(matches!(ledger.get(&staff, other).await, Err(LedgerError::OutOfReach(Kind::Grant))));
}

async fn a_grant_that_changed_opens_nothing_any_more(house: House) {
    let House { ledger, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let terms = grant(&house).await;
    let staff = approved(&house, terms.clone());
    ledger.get(&staff, id).await.unwrap();
    let record = ledger.get(&house.scope, Id::<Kept>::from_bytes(terms.id)).await.unwrap().unwrap();
    let mut change = Change::new();
    change.update(&record, &Kept { ended: true }, "revoked");
    ledger.commit(&house.scope, change).await.unwrap();
    assert!(matches!(ledger.get(&staff, id).await, Err(LedgerError::NotGranted)));
    assert!(matches!(ledger.list::<Thing>(&staff, &List::first(1)).await, Err(LedgerError::NotGranted)));
    let lost = Scope::granted(
        SignedGrant { approval: ledger.vault().vouch(&terms, [7; 16]).unwrap(), grant: Grant { id: [1; 16], ..terms } },
        1,
    );
    assert!(matches!(ledger.get(&lost, id).await, Err(LedgerError::NotGranted)), "there is no such grant");
}

async fn without_a_good_approval_staff_get_no_plain_text(house: House) {
    let House { ledger, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let terms = grant(&house).await;
    let good = ledger.vault().vouch(&terms, [7; 16]).unwrap();
    let others = ledger.vault().vouch(&Grant { reason: String::from("another"), ..terms.clone() }, [7; 16]).unwrap();
    let widened = Grant { opens: vec![Kind::Product, Kind::Order], ..terms.clone() };
    let past: Moment = terms.from.plus_millis(-2 * HOUR_MS);
    let over = Grant { from: past, until: past.plus_millis(HOUR_MS), ..terms.clone() };
    let over_approval = ledger.vault().vouch(&over, [7; 16]).unwrap();
    for (grant, approval) in [
        (terms.clone(), others),
        (terms.clone(), Approval::Officers { signed: Vec::new() }),
        (terms.clone(), Approval::Code { person: [7; 16], vouched: [0; 32] }),
        (widened, good),
        (over, over_approval),
    ] {
        let staff = Scope::granted(SignedGrant { grant, approval }, 1);
        let head = ledger.head(&house.scope).await.unwrap();
        assert!(matches!(ledger.get(&staff, id).await, Err(LedgerError::NotGranted)));
        assert!(matches!(ledger.list::<Thing>(&staff, &List::first(1)).await, Err(LedgerError::NotGranted)));
        let mut change = Change::new();
        change.create(ledger.new_id(), &Kept { ended: true }, "made");
        assert!(ledger.commit(&staff, change).await.is_err());
        assert_eq!(ledger.head(&house.scope).await.unwrap(), head);
    }
}

async fn staff_change_only_what_is_granted(house: House) {
    let House { ledger, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let terms = grant(&house).await;
    let reader = approved(&house, terms.clone());
    let lamp = ledger.get(&reader, id).await.unwrap().unwrap();
    let renaming = || {
        let mut change = Change::new();
        change.update(&lamp, &Thing::named("shade"), "renamed");
        change
    };
    assert!(matches!(ledger.commit(&reader, renaming()).await, Err(LedgerError::OutOfReach(Kind::Product))));
    let writer = approved(&house, Grant { changes: vec![Kind::Product], ..terms });
    ledger.commit(&writer, renaming()).await.unwrap();
    let last = ledger.entries(&house.scope, 0, 100).await.unwrap().pop().unwrap();
    assert_eq!((last.headline.action.as_str(), last.headline.actor), ("renamed", Actor::Staff(STAFF)));
}

async fn consumers_are_outside_every_grant_that_does_not_name_them(house: House) {
    let House { ledger, scope, .. } = &house;
    let id = ledger.new_id();
    let mut change = Change::new();
    change.create_with_consumer(id, &Thing::named("lamp"), Secret::new(b"Ada Lovelace".to_vec()), "made");
    ledger.commit(scope, change).await.unwrap();
    let terms = grant(&house).await;
    let staff = approved(&house, terms.clone());
    let lamp = ledger.get(&staff, id).await.unwrap().unwrap();
    assert!(matches!(ledger.consumer(&staff, &lamp).await, Err(LedgerError::OutOfReach(_))));
    let named = approved(&house, Grant { consumers: true, ..terms });
    assert_eq!(ledger.consumer(&named, &lamp).await.unwrap().unwrap().expose(), b"Ada Lovelace");
    let last = ledger.entries(scope, 0, 100).await.unwrap().pop().unwrap();
    assert_eq!((last.headline.action.as_str(), last.said.seen), ("viewed", vec![String::from("consumer")]));
}

async fn asking_leaves_a_request_and_reads_nothing(house: House) {
    let House { ledger, account, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let asking = Scope::asking(*account, STAFF);
    assert!(matches!(ledger.get(&asking, id).await, Err(LedgerError::OutOfReach(_))));
    let mut change = Change::new();
    change.create(ledger.new_id(), &Thing::named("shade"), "made");
    assert!(matches!(ledger.commit(&asking, change).await, Err(LedgerError::OutOfReach(Kind::Product))));
    let mut change = Change::new();
    change.create(ledger.new_id(), &Kept { ended: false }, "requested");
    ledger.commit(&asking, change).await.unwrap();
    let last = ledger.entries(&house.scope, 0, 100).await.unwrap().pop().unwrap();
    assert_eq!((last.headline.action.as_str(), last.headline.actor), ("requested", Actor::Staff(STAFF)));
}
