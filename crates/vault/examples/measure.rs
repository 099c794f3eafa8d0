//! Measures the vault on this machine: `cargo run --release -p bonded-vault --example measure`.
#![expect(clippy::unwrap_used, reason = "a measurement ends where something fails")]

use bonded_base::{Account, Chance, Id, SystemChance};
use bonded_vault::{Context, Doomed, Environment, Officer, Places, Slot, Vault};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const LOOPS: u32 = 200_000;

fn main() {
    let directory = tempfile::TempDir::new().unwrap();
    let place = |name| directory.path().join(name);
    let places = Places { primary: place("primary"), replicas: vec![place("replica")] };
    let officer = Officer::generate();
    let vault = Vault::init(&places, Environment::Development, &officer.recipients(), Arc::new(SystemChance)).unwrap();
    measure_values(&vault);
    measure_destruction(&vault, &places);
    drop(vault);
    let vault = Vault::open(&places, Environment::Development, Arc::new(SystemChance)).unwrap();
    timed("unseal", 1, || vault.unseal(&officer).unwrap());
}

fn measure_values(vault: &Vault) {
    let account = Id::<Account>::from_bytes([1; 16]);
    let keys = vault.account(account).unwrap();
    let context = Context { table: 1, kind: 11, id: [7; 16], version: 3, rest: &[1; 24] };
    let plain = [5; 400];
    let sealed = keys.seal(&context, &plain);
    let slot = Slot::new(123_456).unwrap();
    let consumer = keys.seal_consumer(slot, &context, &plain[..200]).unwrap();
    timed("24 random bytes", LOOPS, || SystemChance.fill(black_box(&mut [0; 24])));
    timed("account, remembered", LOOPS, || vault.account(account).unwrap());
    timed("seal 400 B", LOOPS, || keys.seal(&context, &plain));
    timed("open 400 B", LOOPS, || keys.open(&context, &sealed).unwrap());
    timed("seal consumer 200 B", LOOPS, || keys.seal_consumer(slot, &context, &plain[..200]).unwrap());
    timed("open consumer 200 B", LOOPS, || keys.open_consumer(&context, &consumer).unwrap());
    timed("token", LOOPS, || keys.token(1, &plain[..20]));
    timed("sign log", LOOPS / 20, || keys.sign_log(&plain[..100]));
    let mut number = 0_u32;
    timed("account, new", LOOPS / 20, || {
        number += 1;
        let mut bytes = [9; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        vault.account(Id::from_bytes(bytes)).unwrap()
    });
}

fn measure_destruction(vault: &Vault, places: &Places) {
    let account = |number| Id::<Account>::from_bytes([number; 16]);
    let slot = |number| Slot::new(number).unwrap();
    let one = |of, number| Doomed::Slot { account: account(of), slot: slot(number) };
    let random = |below: u64| {
        let mut bytes = [0; 8];
        SystemChance.fill(&mut bytes);
        u64::from_be_bytes(bytes) % below
    };
    let run = Doomed::Slots { account: account(2), from: slot(12_345), to: slot(112_344) };
    let doomed = |name: &str, what: Vec<Doomed>| {
        timed(name, 1, || assert!(vault.destroy(&what).unwrap().complete()));
        let nodes = std::fs::read_dir(places.primary.join("nodes")).unwrap();
        let sizes: Vec<u64> = nodes.map(|file| file.unwrap().metadata().unwrap().len()).collect();
        println!("{:>40} files, {} KiB a place", sizes.len(), sizes.iter().sum::<u64>() / 1024);
    };
    doomed("destroy one order", vec![one(3, 77)]);
    doomed("destroy another order", vec![one(3, 7_700)]);
    doomed("destroy 100,000 in a run", vec![run]);
    doomed("destroy 100,000 named, in a run", (0..100_000).map(|number| one(4, number)).collect());
    doomed("destroy 100,000 of 1 million", (0..100_000).map(|_| one(5, random(1_000_000))).collect());
    doomed("destroy 100,000 of 10 million", (0..100_000).map(|_| one(6, random(10_000_000))).collect());
    doomed("destroy one order of those", vec![one(6, 5_000_001)]);
    doomed("destroy 10,000 of all 2^40", (0..10_000).map(|_| one(7, random(1 << 40))).collect());
    doomed("destroy the account with 10 million", vec![Doomed::Account(account(6))]);
}

fn timed<R>(name: &str, loops: u32, mut work: impl FnMut() -> R) {
    let start = Instant::now();
    for _ in 0..loops {
        black_box(work());
    }
    println!("{name:>40} {:>12.2?}", start.elapsed() / loops);
}
