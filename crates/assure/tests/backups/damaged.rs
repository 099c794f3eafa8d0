//! Backups that somebody or something has damaged: each is found and said, and none is brought back in silence.

use crate::house::{House, account, files, keep, quiet};
use bonded_assure::backups::{
    BackupError, CHUNK_BYTES, Choice, Done, Setup, is_unfinished, list, restore, run, verify,
};
use std::path::PathBuf;

/// A house with a backup of several chunks.
async fn several_chunks() -> (House, Done) {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    let large = |count: usize| format!("{count}{}", "x".repeat(400_000));
    // Sealed bytes do not shrink.
    keep(&ledger, &account(), (0..100).map(large)).await;
    let done = run(&house.setup(), &quiet).await.unwrap();
    assert!(done.bytes > 2 * CHUNK_BYTES as u64, "{}", done.bytes);
    (house, done)
}

fn room(house: &House, place: &str, done: &Done) -> PathBuf {
    house.at(place).join("bonded.example/development/backups").join(done.backup.to_string())
}

fn flip(path: &PathBuf, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

/// Nothing came back, and nothing is left of the attempt.
fn is_untouched(house: &House) {
    assert!(!house.at("again/bonded.sqlite").exists());
    assert!(!is_unfinished(&house.again().directory));
    assert!(files(&house.again().directory).is_empty(), "{:?}", files(&house.again().directory));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_is_damaged_in_one_place_is_taken_from_the_other_and_told() {
    let (house, done) = several_chunks().await;
    flip(&room(&house, "one", &done).join("chunk-000001"), 777);
    std::fs::remove_file(room(&house, "two", &done).join("chunk-000000")).unwrap();

    let verified = verify(&house.setup(), None, &quiet).await.unwrap();
    assert!(verified.whole_in.is_empty());
    assert_eq!(verified.flaws.len(), 2, "{:?}", verified.flaws);
    assert!(verified.flaws[0].ends_with("one: chunk 1 was changed"), "{:?}", verified.flaws);
    assert!(verified.flaws[1].ends_with("two: chunk 0 is missing"), "{:?}", verified.flaws);
    // Sizes alone show the one that is missing.
    let listing = list(&house.setup()).await.unwrap();
    assert_eq!(listing.backups[0].whole_in(), 1);

    let back = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap();
    assert_eq!(back.flaws.len(), 1, "{:?}", back.flaws);
    assert!(back.flaws[0].contains("chunk 1 was changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_is_whole_nowhere_brings_nothing_back() {
    let (house, done) = several_chunks().await;
    flip(&room(&house, "one", &done).join("chunk-000001"), 5);
    flip(&room(&house, "two", &done).join("chunk-000001"), 9_000_000);
    let refused = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap_err();
    assert!(matches!(refused, BackupError::Chunk { number: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("one: chunk 1 was changed"), "{refused}");
    assert!(refused.to_string().contains("two: chunk 1 was changed"), "{refused}");
    is_untouched(&house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_flips_anywhere_in_either_file_is_found() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    keep(&ledger, &account(), ["one".to_owned()]).await;
    let single = Setup { places: vec![house.place("one")], ..house.setup() };
    let done = run(&single, &quiet).await.unwrap();
    for name in ["manifest", "chunk-000000"] {
        let path = room(&house, "one", &done).join(name);
        let whole = std::fs::read(&path).unwrap();
        for step in 0..40 {
            flip(&path, whole.len() * step / 40);
            let setup = Setup { places: vec![house.place("one")], ..house.again() };
            let refused = restore(&setup, Choice::This(done.backup), house.identities(), &quiet).await;
            assert!(refused.is_err(), "{name}, byte {}", whole.len() * step / 40);
            is_untouched(&house);
            let verified = verify(&single, Some(done.backup), &quiet).await;
            assert!(verified.is_err() || verified.is_ok_and(|verified| verified.whole_in.is_empty()));
            std::fs::write(&path, &whole).unwrap();
        }
    }
    assert_eq!(verify(&single, None, &quiet).await.unwrap().whole_in.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_is_half_written_makes_no_backup() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    keep(&ledger, &account(), ["one".to_owned()]).await;
    let done = run(&house.setup(), &quiet).await.unwrap();
    for place in ["one", "two"] {
        let path = room(&house, place, &done).join("manifest");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    }
    let listing = list(&house.setup()).await.unwrap();
    assert!(listing.backups[0].places.iter().all(|one| one.why_not.as_ref().unwrap().contains("cut off")));
    assert_eq!(listing.alarms, ["there is no whole backup"]);
    let refused = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap_err();
    assert!(matches!(refused, BackupError::NotFound(_)), "{refused}");
    is_untouched(&house);
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_and_chunks_that_were_swapped_are_found() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    let mut done = Vec::new();
    for name in ["one", "two"] {
        keep(&ledger, &account(), [name.to_owned()]).await;
        done.push(run(&house.setup(), &quiet).await.unwrap());
        house.clock.advance_ms(1000);
    }
    // An old backup passed off as the newest: first its manifest, then all of it.
    for name in ["manifest", "chunk-000000"] {
        for place in ["one", "two"] {
            let (old, new) = (room(&house, place, &done[0]).join(name), room(&house, place, &done[1]).join(name));
            std::fs::copy(old, new).unwrap();
        }
        let choice = Choice::This(done[1].backup);
        let refused = restore(&house.again(), choice, house.identities(), &quiet).await.unwrap_err();
        assert!(refused.to_string().contains(&format!("is that of {}", done[0].backup)), "{refused}");
        is_untouched(&house);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_somebody_else_signed_is_not_brought_back() {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    keep(&ledger, &account(), ["one".to_owned()]).await;
    let ours = run(&house.setup(), &quiet).await.unwrap();
    // A thief who can write into the places, and encrypt to the recipient, as anybody can.
    let thief = Setup { directory: house.at("thief"), ..house.setup() };
    house.clock.advance_ms(1000);
    let theirs = run(&thief, &quiet).await.unwrap();
    assert_ne!(ours.signer, theirs.signer);

    let pinned = Setup { signer: Some(ours.signer.parse().unwrap()), ..house.again() };
    let refused = restore(&pinned, Choice::This(theirs.backup), house.identities(), &quiet).await.unwrap_err();
    assert!(refused.to_string().contains("whom nobody here trusts"), "{refused}");
    is_untouched(&house);
    let back = restore(&pinned, Choice::Newest, house.identities(), &quiet).await.unwrap();
    assert_eq!((back.backup, back.signer_is_new), (ours.backup, false));
    // The deployment itself trusts its own key alone.
    assert_eq!(list(&house.setup()).await.unwrap().backups[0].whole_in(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_older_than_its_log_is_found_after_all_hashes_were_right() {
    let house = House::on_sqlite();
    let (ledger, engine) = house.ledger().await;
    let scope = account();
    keep(&ledger, &scope, ["one".to_owned(), "two".to_owned()]).await;
    let page = engine.entries(scope.account().bytes(), 1, 1).await.unwrap();
    ledger.close().await;
    drop((ledger, engine));
    // What a fault below the ledger could do: an entry without its record's change, and one that is gone.
    let file = house.at("data/bonded.sqlite");
    for (statement, said) in [
        ("UPDATE entries SET version = 7 WHERE seq = 1", "is older than its log"),
        ("UPDATE records SET version = 9", "a version that its log does not tell of"),
        ("DELETE FROM entries WHERE seq = 1", "entry 1 is missing"),
    ] {
        let was = std::fs::read(&file).unwrap();
        rusqlite::Connection::open(&file).unwrap().execute(statement, []).unwrap();
        house.clock.advance_ms(1000);
        run(&house.setup(), &quiet).await.unwrap();
        let refused = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap_err();
        assert!(matches!(&refused, BackupError::Checks(_)) && refused.to_string().contains(said), "{refused}");
        is_untouched(&house);
        std::fs::write(&file, was).unwrap();
    }
    assert_eq!(page.len(), 1);
}
