//! Backups that are made, listed, verified, brought back and pruned, as every day.

use crate::house::{House, Thing, account, files, keep, quiet, sign};
use age::x25519;
use bonded_assure::backups::{
    BackupError, Choice, Keep, PLACES_MIN, Setup, is_unfinished, list, prune, restore, run, verify,
};
use bonded_base::Id;
use bonded_vault::Environment;
use std::sync::Arc;

const HOUR_MS: i64 = 60 * 60 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_on_another_machine_and_opens_with_the_keys_that_were_kept_elsewhere() {
    for house in House::both().await {
        let (ledger, engine) = house.ledger().await;
        let scopes = [account(), account()];
        let mut made = Vec::new();
        for (number, scope) in scopes.iter().enumerate() {
            made.push(keep(&ledger, scope, (0..40).map(|count| format!("thing {number}/{count}"))).await);
        }
        sign(&ledger, engine.as_ref(), &[&scopes[0], &scopes[1]]).await;
        // One more, which no checkpoint tells of yet.
        let late = keep(&ledger, &scopes[0], ["late".to_owned()]).await;
        let head = ledger.head(&scopes[0]).await.unwrap();

        let done = run(&house.setup(), &quiet).await.unwrap();
        assert!(done.is_good(), "{done:?}");
        assert_eq!(done.places.len(), PLACES_MIN);
        let after = keep(&ledger, &scopes[0], ["after the backup".to_owned()]).await;

        let back = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap();
        assert_eq!((back.backup, back.at), (done.backup, done.at));
        assert!(back.signer_is_new && back.flaws.is_empty());
        assert_eq!(back.checked.entries, done.entries);
        assert!(back.checked.checkpoints >= 2 && back.checked.unsigned_entries >= 1, "{:?}", back.checked);
        assert!(back.checked.records >= 81);
        assert!(!is_unfinished(&house.again().directory));

        let again = house.ledger_again().await;
        for (number, (scope, ids)) in scopes.iter().zip(&made).enumerate() {
            for (count, id) in ids.iter().enumerate() {
                let thing = again.get::<Thing>(scope, *id).await.unwrap().unwrap();
                assert_eq!(thing.name, format!("thing {number}/{count}"));
            }
        }
        assert_eq!(again.get(&scopes[0], late[0]).await.unwrap().unwrap().name, "late");
        assert!(again.get(&scopes[0], after[0]).await.unwrap().is_none());
        assert_eq!(again.head(&scopes[0]).await.unwrap(), head);
        // It is no museum: it goes on from there.
        keep(&again, &scopes[0], ["on the new machine".to_owned()]).await;
        assert_eq!(again.head(&scopes[0]).await.unwrap(), head + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_go_on_while_a_backup_is_made_and_it_shows_one_moment() {
    for house in House::both().await {
        let (ledger, _engine) = house.ledger().await;
        let scope = account();
        keep(&ledger, &scope, (0..50).map(|count| format!("before {count}"))).await;
        let (stop, mut stopping) = tokio::sync::watch::channel(false);
        let writer = tokio::spawn({
            let (ledger, scope) = (ledger.clone(), scope.clone());
            async move {
                let mut count = 0;
                while !*stopping.borrow_and_update() {
                    keep(&ledger, &scope, [format!("meanwhile {count}")]).await;
                    count += 1;
                }
            }
        });
        let mut newest = None;
        for _ in 0..3 {
            newest = Some(run(&house.setup(), &quiet).await.unwrap());
            house.clock.advance_ms(1);
        }
        stop.send_replace(true);
        writer.await.unwrap();
        let back = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap();
        assert_eq!(Some(back.backup), newest.map(|done| done.backup));
        assert!(back.checked.entries >= 50);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_the_places_opens_with_the_recipient_s_key_alone_and_shows_nothing() {
    for house in House::both().await {
        let (ledger, _engine) = house.ledger().await;
        let scope = account();
        keep(&ledger, &scope, (0..5).map(|_| "CANARY-a-name-nobody-else-has".to_owned())).await;
        run(&house.setup(), &quiet).await.unwrap();
        let found = [files(&house.at("one")), files(&house.at("two"))].concat();
        assert_eq!(found.len(), 4, "{found:?}");
        for path in found {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"CANARY"), "{}", path.display());
            assert!(!bytes.windows(15).any(|window| window == b"SQLite format 3"), "{}", path.display());
        }
        // Copies on their way are gone.
        let left: Vec<_> = files(&house.setup().directory);
        assert!(left.iter().all(|path| path.ends_with("signing.key") || path.ends_with("lock")), "{left:?}");

        let stranger = vec![x25519::Identity::generate()];
        let refused = restore(&house.again(), Choice::Newest, stranger, &quiet).await.unwrap_err();
        assert!(matches!(refused, BackupError::WrongIdentity), "{refused}");
        // Nothing is left of the attempt, and the next one is as the first.
        assert!(!is_unfinished(&house.again().directory));
        restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_not_empty_is_left_alone() {
    for house in House::both().await {
        let (ledger, _engine) = house.ledger().await;
        keep(&ledger, &account(), ["one".to_owned()]).await;
        run(&house.setup(), &quiet).await.unwrap();
        restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap();
        for setup in [house.setup(), house.again()] {
            let refused = restore(&setup, Choice::Newest, house.identities(), &quiet).await.unwrap_err();
            assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused}");
            assert!(!is_unfinished(&setup.directory));
        }
        assert_eq!(house.is_postgres(), house.setup().database.engine() == "postgres");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_or_a_backup_by_name_can_be_asked_for() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    let scope = account();
    let mut done = Vec::new();
    for number in 0..3 {
        keep(&ledger, &scope, [format!("thing {number}")]).await;
        done.push(run(&house.setup(), &quiet).await.unwrap());
        house.clock.advance_ms(6 * HOUR_MS);
    }
    let moment = done[1].at.plus_millis(HOUR_MS);
    for (choice, expected) in [(Choice::At(moment), 1), (Choice::This(done[0].backup), 0), (Choice::At(done[2].at), 2)]
    {
        let setup = Setup { directory: house.at(&format!("again/{expected}")), ..house.again() };
        let back = restore(&setup, choice, house.identities(), &quiet).await.unwrap();
        assert_eq!(back.backup, done[expected].backup);
        std::fs::remove_file(house.at("again/bonded.sqlite")).unwrap();
    }
    let early = Choice::At(done[0].at.plus_millis(-1));
    let refused = restore(&house.again(), early, house.identities(), &quiet).await.unwrap_err();
    assert!(refused.to_string().contains("or before"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_says_what_is_where_and_what_somebody_must_look_at() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    keep(&ledger, &account(), ["one".to_owned()]).await;
    let empty = list(&house.setup()).await.unwrap();
    assert_eq!(empty.alarms, ["there is no whole backup"]);
    let done = run(&house.setup(), &quiet).await.unwrap();
    let listing = list(&house.setup()).await.unwrap();
    assert!(listing.alarms.is_empty(), "{:?}", listing.alarms);
    assert_eq!(listing.signers, std::slice::from_ref(&done.signer));
    assert_eq!((listing.backups[0].backup, listing.backups[0].whole_in()), (done.backup, 2));

    house.clock.advance_ms(8 * HOUR_MS);
    let late = list(&house.setup()).await.unwrap();
    assert_eq!(late.alarms, ["the newest whole backup is 8 hours old"]);

    std::fs::rename(house.at("two"), house.at("unmounted")).unwrap();
    let away = run(&house.setup(), &quiet).await.unwrap();
    assert!(!away.is_good());
    assert_eq!(away.failed.len(), 1);
    let alarms = list(&house.setup()).await.unwrap().alarms;
    assert_eq!(alarms.len(), 2, "{alarms:?}");
    assert!(alarms[0].contains("entity not found") && alarms[1].contains("one place only"), "{alarms:?}");
    std::fs::rename(house.at("unmounted"), house.at("two")).unwrap();

    let single = Setup { places: vec![house.place("one")], ..house.setup() };
    assert!(list(&single).await.unwrap().alarms[0].contains("one place only"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_brought_back_in_its_own_environment_only() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    keep(&ledger, &account(), ["one".to_owned()]).await;
    let real = Setup { environment: Environment::Production, ..house.setup() };
    let done = run(&real, &quiet).await.unwrap();
    let refused = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap_err();
    assert!(matches!(refused, BackupError::Environment { .. }), "{refused}");
    assert!(refused.to_string().contains("brought back in production only"), "{refused}");

    // Nor where somebody has moved it to.
    for place in ["one", "two"] {
        let home = house.at(place).join("bonded.example");
        std::fs::rename(home.join("production"), home.join("development")).unwrap();
    }
    let choice = Choice::This(done.backup);
    let refused = restore(&house.again(), choice, house.identities(), &quiet).await.unwrap_err();
    assert!(refused.to_string().contains("is of environment production"), "{refused}");
    assert!(!house.at("again/bonded.sqlite").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_reads_everything_and_pruning_keeps_what_the_policy_says() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    keep(&ledger, &account(), ["one".to_owned()]).await;
    let setup = Setup { keep: Keep { newest: 2, daily: 0, monthly: 0 }, ..house.setup() };
    let mut done = Vec::new();
    for _ in 0..4 {
        done.push(run(&setup, &quiet).await.unwrap().backup);
        house.clock.advance_ms(6 * HOUR_MS);
    }
    let verified = verify(&setup, None, &quiet).await.unwrap();
    assert_eq!((verified.backup, verified.whole_in.len(), verified.flaws.len()), (done[3], 2, 0));
    assert_eq!(verify(&setup, Some(done[0]), &quiet).await.unwrap().chunks, 2);

    // One that was broken off long ago, and one just now.
    let room = house.at("one/bonded.example/development/backups");
    let broken = |at| Id::<bonded_assure::backups::Backup>::born(at, &bonded_base::SystemChance);
    let now = setup.clock.now();
    let (old, new) = (broken(now.plus_millis(-72 * HOUR_MS)), broken(now));
    for id in [old, new] {
        std::fs::create_dir(room.join(id.to_string())).unwrap();
        std::fs::write(room.join(id.to_string()).join("chunk-000000"), b"half").unwrap();
    }
    let pruned = prune(&setup).await.unwrap();
    assert_eq!((pruned.kept, pruned.broken, pruned.left.len()), (2, vec![old], 0));
    assert_eq!(pruned.removed, [done[1], done[0]]);
    let listed: Vec<_> = list(&setup).await.unwrap().backups.iter().map(|listed| listed.backup).collect();
    assert_eq!(listed, [new, done[3], done[2]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_are_one_too_many() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    keep(&ledger, &account(), ["one".to_owned()]).await;
    let setup = Arc::new(house.setup());
    let inner = Arc::clone(&setup);
    let second = std::sync::Mutex::new(None);
    let tell = |progress: bonded_assure::backups::Progress| {
        if progress.bytes == 0 {
            // The lock is held from before the first word.
            let busy = std::thread::scope(|scope| {
                let run = scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(run(&inner, &quiet)).map(|_| ())
                });
                run.join().unwrap()
            });
            *second.lock().unwrap() = Some(busy);
        }
    };
    run(&setup, &tell).await.unwrap();
    assert!(matches!(second.lock().unwrap().take(), Some(Err(BackupError::Busy))));
}
