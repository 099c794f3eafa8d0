//! A process is killed in every phase of a backup and of a restore: what is left is no backup, and nothing that can be used.

use crate::house::{House, account, files, keep, quiet};
use bonded_assure::backups::{Choice, Database, Setup, Stage, identities, is_unfinished, list, prune, restore, run};
use bonded_base::Secret;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Tells the victim where its house is.
const VICTIM: &str = "BONDED_TEST_BACKUP_VICTIM";

/// Tells it in which phase it stops and waits for its end.
const PHASE: &str = "BONDED_TEST_BACKUP_PHASE";

/// Not a test of its own: what the killed process does.
#[tokio::test(flavor = "multi_thread")]
async fn victim() {
    let (Some(house), Ok(phase)) = (std::env::var_os(VICTIM), std::env::var(PHASE)) else { return };
    let house = Path::new(&house);
    let room = if matches!(phase.as_str(), "copying" | "sending") { "data" } else { "again" };
    let own = House::on_sqlite();
    let identity = Secret::new(std::fs::read(house.join("identity")).unwrap());
    let identities = identities(&identity).unwrap();
    let setup = Setup {
        database: Database::Sqlite { file: house.join(room).join("bonded.sqlite") },
        directory: house.join(room).join("backup"),
        places: ["one", "two"].map(|name| own.place(house.join(name).to_str().unwrap())).to_vec(),
        recipients: vec![identities[0].to_public()],
        ..own.setup()
    };
    let stops = |progress: bonded_assure::backups::Progress| {
        if progress.stage.name() == phase {
            println!("\nin {phase}");
            std::io::stdin().read_line(&mut String::new()).unwrap();
        }
    };
    if room == "data" {
        run(&setup, &stops).await.unwrap();
    } else {
        restore(&setup, Choice::Newest, identities, &stops).await.unwrap();
    }
}

/// Ends with its parent, whatever happens.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn kill_in(house: &House, stage: Stage) {
    use age::secrecy::ExposeSecret;
    std::fs::write(house.at("identity"), house.identity.to_string().expose_secret()).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::victim", "--nocapture"])
        .env(VICTIM, house.directory.path())
        .env(PHASE, stage.name())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut victim = Victim(child.unwrap());
    let mut lines = BufReader::new(victim.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == format!("in {}", stage.name())), "it came to no {}", stage.name());
    victim.0.kill().unwrap();
    victim.0.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_leaves_no_backup_and_the_next_one_is_whole() {
    for stage in [Stage::Copying, Stage::Sending] {
        let house = House::on_sqlite();
        let (ledger, engine) = house.ledger().await;
        keep(&ledger, &account(), ["one".to_owned()]).await;
        ledger.close().await;
        drop((ledger, engine));
        kill_in(&house, stage);
        let listing = list(&house.setup()).await.unwrap();
        assert!(listing.backups.iter().all(|one| one.whole_in() == 0), "{listing:?}");
        assert!(listing.alarms.contains(&"there is no whole backup".to_owned()));
        assert!(restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.is_err());

        let done = run(&house.setup(), &quiet).await.unwrap();
        assert!(done.is_good());
        assert!(files(&house.setup().directory).iter().all(|path| !path.to_string_lossy().contains("copy-")));
        let back = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap();
        assert_eq!(back.backup, done.backup);
        house.clock.advance_ms(72 * 60 * 60 * 1000);
        let pruned = prune(&house.setup()).await.unwrap();
        assert_eq!((pruned.kept, pruned.broken.len()), (1, listing.backups.len()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_leaves_a_marked_place_that_a_second_one_brings_to_its_end() {
    for stage in [Stage::Reading, Stage::Checking] {
        let house = House::on_sqlite();
        let (ledger, _engine) = house.ledger().await;
        keep(&ledger, &account(), ["one".to_owned()]).await;
        run(&house.setup(), &quiet).await.unwrap();
        kill_in(&house, stage);
        assert!(is_unfinished(&house.again().directory), "{stage:?}");
        assert!(!house.at("again/bonded.sqlite").exists());
        let back = restore(&house.again(), Choice::Newest, house.identities(), &quiet).await.unwrap();
        assert!(back.checked.findings.is_empty());
        assert!(!is_unfinished(&house.again().directory));
        assert!(house.at("again/bonded.sqlite").exists());
    }
}
