//! A process is killed while it destroys, again and again: the tree is before or after, never between.

use crate::house::{House, account, context, open, slot};
use bonded_vault::{Doomed, Officer, Places, Vault, VaultError};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Tells the victim where the keys are.
const VICTIM: &str = "BONDED_VAULT_TEST_VICTIM";
const ORDERS: u64 = 600;
const BATCH: u64 = 5;
const ROUNDS: u64 = 12;

/// Not a test of its own: what the killed process does. Destroys batch after batch, and says what it does.
#[test]
fn victim() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let directory = Path::new(&directory);
    let places = Places { primary: directory.join("primary"), replicas: vec![directory.join("one")] };
    let vault = open(&places).unwrap();
    let officer = Officer::read(&std::fs::read(directory.join("officer")).unwrap(), None).unwrap();
    vault.unseal(&officer).unwrap();
    let first = (0..ORDERS / BATCH).find(|batch| lives(&vault, batch * BATCH)).unwrap_or(ORDERS / BATCH);
    for batch in first..ORDERS / BATCH {
        println!("\nbegins {batch}");
        // Scattered, so that every batch touches many nodes.
        let doomed = |number| Doomed::Slot { account: account(1), slot: slot(place(batch * BATCH + number)) };
        assert!(vault.destroy(&(0..BATCH).map(doomed).collect::<Vec<_>>()).unwrap().complete());
        println!("\nends {batch}");
    }
}

/// The slot of an order.
fn place(order: u64) -> u64 {
    order * 7_919
}

fn lives(vault: &Vault, order: u64) -> bool {
    match vault.account(account(1)).unwrap().seal_consumer(slot(place(order)), &context(1), b"") {
        Ok(_) => true,
        Err(VaultError::Destroyed) => false,
        Err(error) => panic!("{error}"),
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

#[test]
fn a_killed_process_leaves_the_tree_before_or_after() {
    let house = House::new(&["one"]);
    let vault = house.init();
    std::fs::write(house.at("officer"), house.officer.to_file(None).expose()).unwrap();
    let keys = vault.account(account(1)).unwrap();
    let seal = |order| keys.seal_consumer(slot(place(order)), &context(1), &u64::to_be_bytes(order)).unwrap();
    let sealed: Vec<_> = (0..ORDERS).map(seal).collect();
    drop((vault, keys));

    let mut destroyed = 0;
    for round in 0..ROUNDS {
        let (ended, begun) = kill_one(&house, round);
        let vault = house.unsealed();
        let keys = vault.account(account(1)).unwrap();
        let opens: Vec<bool> = (0..ORDERS)
            .zip(&sealed)
            .map(|(order, sealed)| match keys.open_consumer(&context(1), sealed) {
                Ok(plain) => *plain.expose() == u64::to_be_bytes(order),
                Err(VaultError::Destroyed) => false,
                Err(error) => panic!("{error}"),
            })
            .collect();
        let now = opens.iter().position(|opens| *opens).unwrap_or(opens.len()) as u64;
        assert!(opens.iter().skip(now.try_into().unwrap()).all(|opens| *opens), "all behind the last batch lives");
        assert!(now.is_multiple_of(BATCH), "no batch is half destroyed");
        let batches = now / BATCH;
        assert!(batches >= destroyed, "nothing comes back");
        assert!(ended.is_none_or(|ended| batches > ended), "what was confirmed is destroyed");
        assert!(begun.is_none_or(|begun| batches <= begun + 1), "nothing more was destroyed");
        assert!(vault.status().unwrap().places.iter().all(|place| place.confirmed));
        destroyed = batches;
    }
    assert!(destroyed > 0, "something was destroyed");
}

/// Starts a victim, kills it at some moment, and says which batch it ended last and which it began last.
fn kill_one(house: &House, round: u64) -> (Option<u64>, Option<u64>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::victim", "--nocapture"]);
    command.env(VICTIM, house.at("")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut victim = Victim(command.spawn().unwrap());
    let mut lines = BufReader::new(victim.0.stdout.take().unwrap()).lines();
    let (mut ended, mut begun, mut heard) = (None, None, 0);
    let mut hear = |line: String| {
        if let Some(batch) = line.strip_prefix("begins ") {
            begun = batch.parse().ok();
            heard += 1;
        } else if let Some(batch) = line.strip_prefix("ends ") {
            ended = batch.parse().ok();
        }
        heard
    };
    // A few batches, then into the middle of one: how deep depends on how the two processes happen to run.
    while let Some(Ok(line)) = lines.next() {
        if hear(line) > round % 4 {
            break;
        }
    }
    for _ in 0..round * 1_500 {
        std::thread::yield_now();
    }
    victim.0.kill().unwrap();
    victim.0.wait().unwrap();
    lines.map_while(Result::ok).for_each(|line| {
        hear(line);
    });
    (ended, begun)
}
