//! What business code may rely on.

use crate::house::{House, Thing, new_account};
use bonded_base::{Id, Kind, Moment, Secret};
use bonded_ledger::engine::{Commit, Outcome, RecordWrite, Write};
use bonded_ledger::{
    Actor, Answer, Change, Consumer, LedgerError, List, Lookup, LookupName, Reader, RequestKey, Scope, Stored, System,
};
use std::time::Duration;

crate::on_both_engines!(
    a_change_is_read_back_with_its_entry,
    a_record_written_down_has_the_digest_its_entry_says,
    a_lost_race_is_a_conflict_and_leaves_nothing,
    a_unique_value_belongs_to_one_record,
    a_change_happens_whole_or_not_at_all,
    a_request_sent_many_times_happens_once,
    partners_read_what_is_shared_and_write_nothing,
    pages_follow_each_other_without_loss,
    consumer_fields_open_until_their_key_is_destroyed,
    a_value_in_another_place_does_not_open,
    a_sealed_vault_gives_and_takes_nothing,
    one_node_at_a_time_reads_a_log,
    waiting_for_the_log_ends_when_it_grows,
);

async fn a_change_is_read_back_with_its_entry(house: House) {
    let House { ledger, scope, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let was = ledger.get(scope, id).await.unwrap().unwrap();
    assert_eq!((was.version, &*was), (1, &Thing::named("lamp")));

    let mut change = Change::new();
    change.update(&was, &Thing { count: 3, name: String::from("lantern"), ..Thing::named("") }, "renamed");
    let done = ledger.commit(scope, change).await.unwrap();
    assert_eq!(done.first_seq, 2);

    let log = ledger.entries(scope, 0, 10).await.unwrap();
    let last = log.last().unwrap();
    assert_eq!((log.len(), last.headline.version, last.headline.actor), (2, 2, Actor::Operator));
    assert_eq!(
        serde_json::Value::Object(last.said.set.clone()),
        serde_json::json!({"count": [0, 3], "name": ["lamp", "lantern"]})
    );
    let by_name = |name: &'static str| async move {
        ledger.find::<Thing>(scope, &Lookup::new(LookupName::Handle, name.as_bytes())).await.unwrap()
    };
    assert_eq!((by_name("lamp").await, by_name("lantern").await), (None, Some(id)));

    let mut change = Change::new();
    change.remove(&ledger.get(scope, id).await.unwrap().unwrap(), "removed");
    ledger.commit(scope, change).await.unwrap();
    assert!(ledger.get(scope, id).await.unwrap().is_none());
    assert_eq!(by_name("lantern").await, None);
    assert_eq!(ledger.head(scope).await.unwrap(), 3);
}

async fn a_record_written_down_has_the_digest_its_entry_says(house: House) {
    let House { ledger, scope, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let page = ledger.plains(scope, Kind::Product, &List::first(10)).await.unwrap();
    let [record] = &page.records[..] else { panic!("{}", page.records.len()) };
    assert_eq!((record.id, record.version, page.next), (id.bytes(), 1, None));
    assert_eq!(serde_json::from_slice::<Thing>(&record.json).unwrap(), Thing::named("lamp"));
    let entry = ledger.entries(scope, 0, 1).await.unwrap().remove(0);
    let digest = bonded_ledger::record_digest(&entry.plain[..bonded_ledger::SALT_BYTES], &record.json);
    assert_eq!(entry.said.record, Some(digest));
    let partner = Scope::partner(house.account, Id::from_bytes([9; 16]));
    let refused = ledger.plains(&partner, Kind::Product, &List::first(10)).await;
    assert!(matches!(refused, Err(LedgerError::OutOfReach(_))));
}

async fn a_lost_race_is_a_conflict_and_leaves_nothing(house: House) {
    let House { ledger, scope, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let was = ledger.get(scope, id).await.unwrap().unwrap();
    let race = (0..8).map(|count| {
        let mut change = Change::new();
        change.update(&was, &Thing { count, ..Thing::named("lamp") }, "counted");
        change.create(ledger.new_id(), &Thing::named(format!("shade {count}")), "made");
        ledger.commit(scope, change)
    });
    let ended = futures::future::join_all(race).await;
    let won = ended.iter().filter(|end| end.is_ok()).count();
    let lost = ended.iter().filter(|end| matches!(end, Err(LedgerError::Conflict { kind: Kind::Product, .. }))).count();
    assert_eq!((won, lost), (1, 7));
    assert_eq!(ledger.list::<Thing>(scope, &List::first(10)).await.unwrap().records.len(), 2);
    assert_eq!(ledger.head(scope).await.unwrap(), 3);
}

async fn a_unique_value_belongs_to_one_record(house: House) {
    let House { ledger, scope, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let mut change = Change::new();
    change.create(ledger.new_id(), &Thing::named("lamp"), "made");
    match ledger.commit(scope, change).await {
        Err(LedgerError::Taken { name: LookupName::Handle, id: holder, .. }) => assert_eq!(holder, id.bytes()),
        other => panic!("{other:?}"),
    }
    // Another account may use the same value.
    let mut change = Change::new();
    change.create(ledger.new_id(), &Thing::named("lamp"), "made");
    ledger.commit(&Scope::operator(new_account()), change).await.unwrap();
}

async fn a_change_happens_whole_or_not_at_all(house: House) {
    let House { ledger, scope, .. } = &house;
    house.keep(&Thing::named("lamp")).await;
    let mut change = Change::new();
    change.create(ledger.new_id(), &Thing::named("shade"), "made");
    change.create(ledger.new_id(), &Thing::named("lamp"), "made");
    assert!(ledger.commit(scope, change).await.is_err());
    assert_eq!(ledger.list::<Thing>(scope, &List::first(10)).await.unwrap().records.len(), 1);
    assert_eq!(ledger.head(scope).await.unwrap(), 1);
}

async fn a_request_sent_many_times_happens_once(house: House) {
    let House { ledger, scope, .. } = &house;
    let copies = (0..10).map(|_| {
        let once = scope.clone().once(RequestKey { key: String::from("k-1"), fingerprint: [7; 32] });
        let mut change = Change::new();
        change.create(ledger.new_id(), &Thing::named("lamp"), "made");
        async move { ledger.commit(&once, change).await }
    });
    let ended = futures::future::join_all(copies).await;
    assert_eq!(ended.iter().filter(|end| end.is_ok()).count(), 1);
    let lookup = Lookup::new(LookupName::Request, &b"k-1"[..]);
    let claimed = ledger.find::<Answer>(scope, &lookup).await.unwrap().unwrap();
    let claimed = ledger.get(scope, claimed).await.unwrap().unwrap();
    assert_eq!((claimed.fingerprint, claimed.wrote.len(), claimed.given.is_none()), ([7; 32], 1, true));
    ledger.answered(scope, &claimed, 201, serde_json::json!({"id": 1})).await.unwrap();
    let kept = ledger.get(scope, claimed.id).await.unwrap().unwrap();
    assert_eq!(kept.given, Some((201, serde_json::json!({"id": 1}))));
}

async fn partners_read_what_is_shared_and_write_nothing(house: House) {
    let House { ledger, account, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    let partner = Scope::partner(*account, new_account());
    assert!(ledger.get(&partner, id).await.unwrap().is_some(), "products are shared");
    assert!(matches!(
        ledger.find::<Answer>(&partner, &Lookup::new(LookupName::Request, &b"k"[..])).await,
        Err(LedgerError::OutOfReach(Kind::Answer))
    ));
    let mut change = Change::new();
    change.create(ledger.new_id(), &Thing::named("shade"), "made");
    assert!(matches!(ledger.commit(&partner, change).await, Err(LedgerError::OutOfReach(_))));
    assert!(ledger.entries(&partner, 0, 10).await.is_err());
}

async fn pages_follow_each_other_without_loss(house: House) {
    let House { ledger, scope, .. } = &house;
    let parent = [9; 16];
    let mut change = Change::new();
    for count in 0..23_u64 {
        let sort_at = Some(Moment::from_millis(1_000 + i64::try_from(count / 5).unwrap()));
        let state = if count % 2 == 0 { 2 } else { 3 };
        let parent = (count % 3 == 0).then_some(parent);
        let thing = Thing { count, state, parent, sort_at, ..Thing::named(format!("thing {count}")) };
        change.create(ledger.new_id(), &thing, "made");
    }
    ledger.commit(scope, change).await.unwrap();
    for (list, expected) in [
        (List::first(4), 23),
        (List { descending: true, ..List::first(4) }, 23),
        (List { state: Some(2), ..List::first(4) }, 12),
        (List { state: Some(3), descending: true, ..List::first(4) }, 11),
        (List { parent: Some(parent), ..List::first(3) }, 8),
    ] {
        let (mut seen, mut list) = (Vec::<Stored<Thing>>::new(), list);
        loop {
            let page = ledger.list::<Thing>(scope, &list).await.unwrap();
            assert!(page.records.len() <= list.limit as usize);
            seen.extend(page.records);
            list.after = page.next;
            if list.after.is_none() {
                break;
            }
        }
        let mut ids: Vec<_> = seen.iter().map(|thing| thing.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), expected, "{list:?}");
        let times: Vec<_> = seen.iter().map(|thing| thing.sort_at).collect();
        assert!(list.state.is_none() || times.is_sorted_by(|a, b| if list.descending { a >= b } else { a <= b }));
    }
}

async fn consumer_fields_open_until_their_key_is_destroyed(house: House) {
    let House { ledger, scope, account, .. } = &house;
    let fields = || Secret::new(b"Ada Lovelace".to_vec());
    let mut ids = Vec::new();
    for name in ["first", "second"] {
        let mut change = Change::new();
        let id = ledger.new_id::<Thing>();
        change.create_with_consumer(id, &Thing::named(name), fields(), "made");
        ledger.commit(scope, change).await.unwrap();
        ids.push(id);
    }
    let was = ledger.get(scope, ids[0]).await.unwrap().unwrap();
    let mut change = Change::new();
    change.update(&was, &Thing { count: 1, ..Thing::named("first") }, "counted");
    ledger.commit(scope, change).await.unwrap();

    let first = ledger.get(scope, ids[0]).await.unwrap().unwrap();
    assert_eq!(ledger.consumer(scope, &first).await.unwrap().unwrap().expose(), b"Ada Lovelace");
    let slot = bonded_vault::Slot::new(0).unwrap();
    assert!(ledger.vault().destroy(&[bonded_vault::Doomed::Slot { account: *account, slot }]).unwrap().complete());
    let second = ledger.get(scope, ids[1]).await.unwrap().unwrap();
    assert!(ledger.consumer(scope, &first).await.unwrap().is_none());
    assert_eq!(ledger.consumer(scope, &second).await.unwrap().unwrap().expose(), b"Ada Lovelace");
}

async fn a_value_in_another_place_does_not_open(house: House) {
    let House { ledger, scope, engine, account, .. } = &house;
    let (lamp, shade) = (house.keep(&Thing::named("lamp")).await, house.keep(&Thing::named("shade")).await);
    let kind = Kind::Product.number();
    let rows = engine.records(account.bytes(), kind, &[lamp.bytes(), shade.bytes()]).await.unwrap();
    let of = |id: Id<Thing>| rows.iter().find(|row| row.id == id.bytes()).unwrap().clone();
    let entry = engine.entries(account.bytes(), 0, 1).await.unwrap().remove(0).row;
    // Whoever can write to the database, but holds no key, puts the shade's value in the lamp's place.
    let swapped = bonded_ledger::engine::RecordRow { version: 2, sealed: of(shade).sealed, ..of(lamp) };
    let write = Write {
        entry: bonded_ledger::engine::EntryRow { version: 2, ..entry },
        record: Some(RecordWrite::Update(swapped)),
        lookups_added: Vec::new(),
        lookups_removed: Vec::new(),
    };
    let ended = engine.write(vec![Commit { account: account.bytes(), writes: vec![write] }]).await.unwrap();
    assert_eq!(ended, [Outcome::Committed { first_seq: 3 }]);
    assert!(matches!(ledger.get(scope, lamp).await, Err(LedgerError::Damaged(Kind::Product))));
    assert!(ledger.get(scope, shade).await.unwrap().is_some());
    assert!(matches!(ledger.entries(scope, 2, 1).await, Err(LedgerError::Damaged(Kind::Product))));
}

async fn a_sealed_vault_gives_and_takes_nothing(house: House) {
    let House { ledger, scope, .. } = &house;
    let id = house.keep(&Thing::named("lamp")).await;
    ledger.vault().seal();
    assert!(matches!(ledger.get(scope, id).await, Err(LedgerError::Sealed)));
    let mut change = Change::new();
    change.create(ledger.new_id(), &Thing::named("shade"), "made");
    assert!(matches!(ledger.commit(scope, change).await, Err(LedgerError::Sealed)));
}

async fn one_node_at_a_time_reads_a_log(house: House) {
    let House { ledger, account, .. } = &house;
    house.keep(&Thing::named("lamp")).await;
    let (mine, theirs) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
    let mut lease = ledger.lease(*account, Reader::Route, mine, 60_000).await.unwrap().unwrap();
    assert!(ledger.lease(*account, Reader::Route, theirs, 60_000).await.unwrap().is_none());
    assert!(ledger.lease(*account, Reader::Checkpoint, theirs, 60_000).await.unwrap().is_some());
    // The lease is given up; the other node takes it, and the first one's word counts no more.
    ledger.lease(*account, Reader::Route, mine, 0).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    let mut taken = ledger.lease(*account, Reader::Route, theirs, 60_000).await.unwrap().unwrap();
    assert!(!ledger.advance(&mut lease, 1).await.unwrap());
    assert!(ledger.advance(&mut taken, 1).await.unwrap());
    assert!(ledger.behind(Reader::Route, None, 10).await.unwrap().is_empty());
    assert_eq!(Reader::Route.system(), System::Route);
    // A follower has a place of its own in any log.
    let [lamps, shades] = [[7; 16], [8; 16]].map(Consumer::Follower);
    let mut followed = ledger.lease(*account, lamps, mine, 60_000).await.unwrap().unwrap();
    assert!(ledger.lease(*account, lamps, theirs, 60_000).await.unwrap().is_none());
    assert!(ledger.advance(&mut followed, 1).await.unwrap());
    assert_eq!(ledger.lease(*account, shades, theirs, 60_000).await.unwrap().unwrap().seq, 0);
    assert_eq!(ledger.lease(*account, lamps, mine, 60_000).await.unwrap().unwrap().seq, 1);
}

async fn waiting_for_the_log_ends_when_it_grows(house: House) {
    let House { ledger, scope, .. } = &house;
    assert!(!ledger.wait_beyond(scope, 0, Duration::from_millis(20)).await.unwrap());
    let (waited, _) = tokio::join!(ledger.wait_beyond(scope, 0, Duration::from_secs(30)), async {
        tokio::task::yield_now().await;
        house.keep(&Thing::named("lamp")).await
    });
    assert!(waited.unwrap());
}
