//! Backups in an object store that checks signatures and policies, behind a line that is slow, cut or busy.

use crate::house::{House, account, keep, quiet};
use bonded_assure::backups::{
    BackupError, Choice, Place, PlaceError, PlaceSettings, Setup, list, open_place, prune, restore, run, verify,
};
use bonded_base::Secret;
use bonded_testkit::object_server::{Caller, ObjectServer};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Bytes of a request that a line reads before it does what it is told.
const HEAD_BYTES: usize = 1_000;

fn place(port: u16, caller: &Caller) -> Arc<dyn Place> {
    let settings = PlaceSettings::S3 {
        bucket: "backups".to_owned(),
        region: "eu-central-1".to_owned(),
        prefix: "of/ours".to_owned(),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        access_key_id: caller.id.clone(),
        secret_access_key: Secret::new(caller.secret.clone()),
        root_certificate: None,
    };
    open_place(settings, true).unwrap()
}

/// What a line does with the calls that come over it.
#[derive(Clone, Copy)]
enum Fault {
    /// Answers 503 itself.
    Busy,
    /// Takes the beginning of the call and hangs up.
    Cut,
}

/// A line to a server that fails so many times, then works.
struct Line {
    port: u16,
    left: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Line {
    async fn to(server: u16, fault: Fault, times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicUsize::new(times));
        let counting = Arc::clone(&left);
        let serving = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let fails = counting.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
                tokio::spawn(async move {
                    if !fails {
                        let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                        return;
                    }
                    let mut head = vec![0; HEAD_BYTES];
                    let _ = near.read(&mut head).await;
                    if matches!(fault, Fault::Busy) {
                        let said = "<Error><Code>SlowDown</Code></Error>";
                        let answer = format!(
                            "HTTP/1.1 503 Slow Down\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
                            said.len()
                        );
                        let _ = near.write_all(answer.as_bytes()).await;
                    }
                });
            }
        });
        Self { port, left, serving }
    }
}

async fn with_something_to_keep() -> House {
    let house = House::on_sqlite();
    let (ledger, _engine) = house.ledger().await;
    keep(&ledger, &account(), (0..20).map(|number| format!("thing {number}"))).await;
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_lives_its_whole_life_in_an_object_store() {
    let Some(server) = ObjectServer::start() else { return };
    let house = with_something_to_keep().await;
    let store = place(server.port, &server.writer);
    let both = |setup: Setup| Setup { places: vec![Arc::clone(&store), house.place("one")], ..setup };
    let first = run(&both(house.setup()), &quiet).await.unwrap();
    assert!(first.is_good(), "{first:?}");
    assert_eq!(
        verify(&both(house.setup()), None, &quiet).await.unwrap().whole_in,
        ["s3://backups/of/ours", first.places[1].as_str()]
    );

    // The disk burns; the store alone brings everything back.
    let alone = Setup { places: vec![Arc::clone(&store)], ..house.again() };
    let back = restore(&alone, Choice::Newest, house.identities(), &quiet).await.unwrap();
    assert_eq!((back.backup, back.checked.entries), (first.backup, first.entries));

    let held = store.list("bonded.example/development/backups").await.unwrap();
    assert_eq!(held.len(), 2, "{held:?}");
    house.clock.advance_ms(1000);
    let second = run(&both(house.setup()), &quiet).await.unwrap();
    let few = bonded_assure::backups::Keep { newest: 1, daily: 0, monthly: 0 };
    let pruned = prune(&Setup { keep: few, ..both(house.setup()) }).await.unwrap();
    assert_eq!(pruned.removed, [first.backup]);
    let listing = list(&both(house.setup())).await.unwrap();
    assert_eq!(listing.backups.iter().map(|one| one.backup).collect::<Vec<_>>(), [second.backup]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_missing_rights_are_told_and_the_other_place_has_it() {
    let Some(server) = ObjectServer::start() else { return };
    let house = with_something_to_keep().await;
    let wrong = Caller { secret: "of-somebody-else".to_owned(), ..server.writer.clone() };
    let unknown = Caller { id: "AKIAXXXXXXXXXXXXXXXX".to_owned(), ..server.writer.clone() };
    for caller in [&wrong, &unknown, &server.stranger] {
        let setup = Setup { places: vec![place(server.port, caller), house.place("one")], ..house.setup() };
        let done = run(&setup, &quiet).await.unwrap();
        assert!(!done.is_good());
        assert_eq!(done.failed[0].why, "it refuses our credentials", "{}", caller.id);
        let listing = list(&setup).await.unwrap();
        assert_eq!(listing.unreachable.len(), 1);
        assert!(listing.alarms.iter().any(|alarm| alarm.contains("refuses our credentials")), "{:?}", listing.alarms);
        let alone = Setup { places: vec![place(server.port, caller)], ..house.setup() };
        let refused = run(&alone, &quiet).await.unwrap_err();
        assert!(matches!(refused, BackupError::NoPlaceWhole(_)), "{refused}");
        house.clock.advance_ms(1000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_busy_or_hangs_up_is_tried_again() {
    let Some(server) = ObjectServer::start() else { return };
    for fault in [Fault::Busy, Fault::Cut] {
        let house = with_something_to_keep().await;
        let line = Line::to(server.port, fault, 3).await;
        let setup = Setup { places: vec![place(line.port, &server.writer), house.place("one")], ..house.setup() };
        let done = run(&setup, &quiet).await.unwrap();
        assert!(done.is_good(), "{done:?}");
        assert_eq!(line.left.load(Ordering::SeqCst), 0);
        let verified = verify(&setup, Some(done.backup), &quiet).await.unwrap();
        assert_eq!(verified.whole_in.len(), 2, "{:?}", verified.flaws);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_stays_busy_is_told_with_its_status() {
    let Some(server) = ObjectServer::start() else { return };
    let line = Line::to(server.port, Fault::Busy, usize::MAX).await;
    let store = place(line.port, &server.writer);
    assert_eq!(store.get("anything").await.unwrap_err(), PlaceError::Status(503));
}
