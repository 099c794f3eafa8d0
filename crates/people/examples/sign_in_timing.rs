//! Shows whether the time of a refused sign-in tells if there is such a person.
//!
//! ```text
//! cargo run --release -p bonded-people --example sign_in_timing
//! ```
//! The two are measured in turn, so that whatever else the machine does falls on both alike.

use bonded_base::{Id, Kind, Kinded, Secret};
use bonded_ledger::Record;
use bonded_people::credentials::password::{Password, Passwords};
use bonded_people::credentials::{CredentialError, Keeper};
use bonded_testkit::ledger::on_sqlite;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Of each sort.
const ROUNDS: usize = 400;

#[derive(Serialize, Deserialize)]
struct Person {}

impl Kinded for Person {
    const KIND: Kind = Kind::User;
}

impl Record for Person {}

#[tokio::main]
async fn main() -> Result<(), CredentialError> {
    let ledger = on_sqlite().await;
    let scope = ledger.any_account();
    let (ada, nobody) = (ledger.new_id(), Id::from_bytes([0; 16]));
    let passwords = Passwords::new();
    let secret = |text: &str| Secret::new(text.to_owned());
    let kept =
        passwords.make(Keeper::<Person>::new(&ledger, &scope, ada), secret("zebra lantern quiet orbit"), &[]).await?;
    let refused = async |id: Id<Person>, kept: Option<&Password>| {
        let began = Instant::now();
        let verified = passwords.verify(Keeper::new(&ledger, &scope, id), secret("another long password"), kept).await;
        (verified.is_err(), began.elapsed().as_micros())
    };
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        let mut turns = [(0, ada, Some(&kept)), (1, nobody, None)];
        // Whoever comes second finds warmer caches.
        turns.rotate_left(round % 2);
        for (sort, id, kept) in turns {
            let (is_refused, micros) = refused(id, kept).await;
            assert!(is_refused, "a wrong password is refused");
            times.get_mut(sort).into_iter().for_each(|times| times.push(micros));
        }
    }
    let [wrong, unknown] = &mut times;
    for (name, times) in [("wrong password", &mut *wrong), ("no such person", &mut *unknown)] {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
        println!("{name}: 5 % {} µs, median {} µs, 95 % {} µs", at(5), at(50), at(95));
    }
    // The chance that one of the first sort took longer than one of the second: 0.5 tells nothing.
    let longer: usize = wrong.iter().map(|time| unknown.partition_point(|other| other < time)).sum();
    let pairs = u32::try_from(wrong.len() * unknown.len()).unwrap_or(u32::MAX);
    println!(
        "longer where there is such a person: {:.3} of pairs",
        f64::from(u32::try_from(longer).unwrap_or(u32::MAX)) / f64::from(pairs)
    );
    Ok(())
}
