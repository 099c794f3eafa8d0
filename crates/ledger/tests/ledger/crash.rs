//! A process killed at work: whatever it was told is kept is there, once, and the log and the records agree.

use crate::house::{Home, House, Thing, dice};
use bonded_base::{Account, Id};
use bonded_ledger::{Actor, Change, Entry, Ledger, Reader, Scope, Stored, leaf_data};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

const HOME: &str = "BONDED_TEST_CRASH_HOME";
const POSTGRES: &str = "BONDED_TEST_CRASH_POSTGRES";
const ACCOUNT: &str = "BONDED_TEST_CRASH_ACCOUNT";
/// How often a process is killed, one after the other on the same data.
const LIVES: usize = 5;
const WRITERS: usize = 12;

/// What a child was told is durable: which record, at which version, as which entry.
struct Told {
    id: Id<Thing>,
    version: u64,
    seq: u64,
}

crate::on_both_engines!(what_was_acknowledged_survives_kill);

async fn what_was_acknowledged_survives_kill(house: House) {
    let (home, account) = (house.home().clone(), house.account);
    // The store is the child's while it lives.
    let House { ledger, engine, kept: _kept, .. } = house;
    ledger.close().await;
    drop((ledger, engine));
    let mut told = Vec::new();
    for _ in 0..LIVES {
        let mut child = born(&home, account);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let fate = 20 + dice() % 700;
        let mut heard = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(ack) = line.strip_prefix("ack ") {
                told.push(ack.parse::<Told>().unwrap());
                heard += 1;
            }
            if heard == fate {
                child.kill().unwrap();
            }
        }
        assert!(heard >= fate, "the child ended by itself after {heard} acknowledgements");
        child.wait().unwrap();
        let (ledger, engine) = home.open().await;
        everything_agrees(&ledger, account, &told).await;
        ledger.close().await;
        drop((ledger, engine));
    }
}

fn born(home: &Home, account: Id<Account>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::a_life", "--nocapture"]).stdout(Stdio::piped());
    command.env(HOME, home.directory()).env(ACCOUNT, account.to_string());
    if let Home::Postgres(_, url) = home {
        command.env(POSTGRES, url);
    }
    command.spawn().unwrap()
}

/// The child: makes things and changes them as fast as it can, and says each time what it was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life() {
    let Ok(directory) = std::env::var(HOME) else { return };
    let home = match std::env::var(POSTGRES) {
        Ok(url) => Home::Postgres(directory.into(), url),
        Err(_) => Home::Sqlite(directory.into()),
    };
    let account = std::env::var(ACCOUNT).unwrap().parse().unwrap();
    let (ledger, _engine) = home.open().await;
    let voice = Arc::new(Mutex::new(std::io::stdout()));
    let lives = (0..WRITERS).map(|_| tokio::spawn(live(ledger.clone(), Scope::operator(account), Arc::clone(&voice))));
    for life in lives.collect::<Vec<_>>() {
        life.await.unwrap();
    }
}

async fn live(ledger: Ledger, scope: Scope, voice: Arc<Mutex<std::io::Stdout>>) {
    let say = |id: Id<Thing>, version: u64, seq: u64| {
        writeln!(voice.lock().unwrap(), "ack {id} {version} {seq}").unwrap();
    };
    loop {
        let id = ledger.new_id::<Thing>();
        let mut change = Change::new();
        change.create(id, &Thing::named(id.to_string()), "made");
        say(id, 1, ledger.commit(&scope, change).await.unwrap().first_seq);
        for count in 1..4 {
            let was = ledger.get(&scope, id).await.unwrap().unwrap();
            let mut change = Change::new();
            change.update(&was, &Thing { count, ..Thing::clone(&was) }, "counted");
            let done = ledger.commit(&scope, change).await.unwrap();
            say(id, was.version + 1, done.first_seq);
        }
    }
}

async fn everything_agrees(ledger: &Ledger, account: Id<Account>, told: &[Told]) {
    let scope = Scope::operator(account);
    let log = whole_log(ledger, &scope).await;
    let mut versions: HashMap<Id<Thing>, Vec<&Entry>> = HashMap::new();
    for (place, entry) in log.iter().enumerate() {
        let headline = &entry.headline;
        assert_eq!(headline.seq, place as u64 + 1, "a gap in the log");
        let subject = (headline.kind, headline.id, headline.version);
        let data = leaf_data(headline.at, Actor::Operator, &headline.action, subject, &entry.plain);
        assert_eq!(bonded_merkle::leaf_hash(&data), headline.leaf);
        versions.entry(Id::from_bytes(headline.id)).or_default().push(entry);
    }
    let ids: Vec<_> = versions.keys().copied().collect();
    let mut records: HashMap<_, Stored<Thing>> = HashMap::new();
    for some in ids.chunks(500) {
        records
            .extend(ledger.get_many(&scope, some).await.unwrap().into_iter().flatten().map(|thing| (thing.id, thing)));
    }
    assert_eq!(records.len(), ids.len(), "entries without a record");
    for (id, entries) in &versions {
        let seen: Vec<_> = entries.iter().map(|entry| entry.headline.version).collect();
        assert_eq!(seen, (1..=records[id].version).collect::<Vec<_>>(), "versions and entries of one record");
    }
    for Told { id, version, seq } in told {
        assert!(records[id].version >= *version, "an acknowledged change is gone");
        let entry = &log[usize::try_from(*seq).unwrap() - 1].headline;
        assert_eq!((entry.id, entry.version), (id.bytes(), *version), "an acknowledged entry is another");
    }
    assert_eq!(ledger.behind(Reader::Route, None, 10).await.unwrap(), [account]);
}

async fn whole_log(ledger: &Ledger, scope: &Scope) -> Vec<Entry> {
    let mut log: Vec<Entry> = Vec::new();
    loop {
        let page = ledger.entries(scope, log.len() as u64, 1_000).await.unwrap();
        if page.is_empty() {
            return log;
        }
        log.extend(page);
    }
}

impl std::str::FromStr for Told {
    type Err = Box<dyn std::error::Error>;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut words = line.split(' ');
        let mut word = || words.next().ok_or("a word is missing");
        Ok(Self { id: word()?.parse()?, version: word()?.parse()?, seq: word()?.parse()? })
    }
}
