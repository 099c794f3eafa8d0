//! Backups that are made by themselves: when they are due, by one node, with alarms that are told.

use crate::house::{House, account, keep, quiet};
use bonded_assure::backups::watch::{DUE_MS, Looked, look};
use bonded_assure::backups::{Choice, Setup, list, restore};
use bonded_base::{Id, Kind, Node, SystemChance, SystemClock};
use bonded_ledger::{PLATFORM, Scope};

const HOUR_MS: i64 = 60 * 60 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn one_node_makes_a_backup_every_six_hours_and_the_platform_s_log_tells_of_it() {
    for house in House::both().await {
        let (ledger, _engine) = house.ledger().await;
        keep(&ledger, &account(), ["one".to_owned()]).await;
        let [node, other] =
            [Id::<Node>::new(&SystemClock, &SystemChance), Id::<Node>::new(&SystemClock, &SystemChance)];
        let setup = house.setup();
        let Looked::At { made: Some(first), next_ms: DUE_MS, alarms } = look(&setup, &ledger, node).await.unwrap()
        else {
            panic!("none was made")
        };
        assert!(alarms.is_empty() && first.is_good());
        assert!(matches!(look(&setup, &ledger, other).await.unwrap(), Looked::Elsewhere));

        house.clock.advance_ms(2 * HOUR_MS);
        let looked = look(&setup, &ledger, other).await.unwrap();
        assert!(matches!(looked, Looked::At { made: None, next_ms, .. } if next_ms == 4 * HOUR_MS), "{looked:?}");
        house.clock.advance_ms(4 * HOUR_MS);
        let Looked::At { made: Some(second), .. } = look(&setup, &ledger, other).await.unwrap() else {
            panic!("none was made")
        };
        assert_eq!(list(&setup).await.unwrap().backups.len(), 2);

        let platform = Scope::operator(PLATFORM);
        let told = ledger.headlines(&platform, 0, 100).await.unwrap();
        let told: Vec<_> =
            told.iter().filter(|line| line.kind == Kind::Backup).map(|line| (line.id, line.action.as_str())).collect();
        assert_eq!(told, [(first.backup.bytes(), "made"), (second.backup.bytes(), "made")]);
        // Those entries come back like any other.
        house.clock.advance_ms(DUE_MS);
        look(&setup, &ledger, node).await.unwrap();
        let back = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap();
        assert!(back.checked.findings.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_deployment_is_backed_up_all_the_same_and_what_is_wrong_is_told() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    keep(&ledger, &account(), ["one".to_owned()]).await;
    ledger.vault().seal();
    let node = Id::<Node>::new(&SystemClock, &SystemChance);
    let single = Setup { places: vec![house.place("one")], ..house.setup() };
    let Looked::At { made: Some(_), alarms, .. } = look(&single, &ledger, node).await.unwrap() else {
        panic!("none was made")
    };
    assert_eq!(alarms.len(), 2, "{alarms:?}");
    assert!(alarms.iter().all(|alarm| alarm.contains("one place only")), "{alarms:?}");

    let nowhere = Setup { places: vec![house.place("not-mounted")], ..house.setup() };
    let refused = look(&nowhere, &ledger, node).await.unwrap_err();
    assert!(refused.to_string().contains("entity not found"), "{refused}");
}
