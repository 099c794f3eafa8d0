//! Shows whether the time of a refused sign-in tells if there is such a person.
//!
//! ```text
//! cargo run --release -p bonded-people --example sign_in_timing
//! ```
//! What is measured is the whole first step, from the address and the password to the refusal, as `bonded-web` calls it. A
//! person and an address that is nobody's are tried in turn, so that whatever else the machine does falls on both alike.

use bonded_base::{Id, Secret};
use bonded_ledger::{Change, Ledger, PLATFORM, Scope};
use bonded_people::PeopleError;
use bonded_people::credentials::throttle::{Attempt, KEY_LIFE_MS};
use bonded_people::credentials::{Credentials, Keeper};
use bonded_people::sign_in::{self, Doors, Visit};
use bonded_people::users::UserRecord;
use bonded_testkit::ledger::{TestLedger, on_sqlite};
use std::time::Instant;

/// Of each sort.
const ROUNDS: usize = 1_000;
/// People who are there to be found.
const PEOPLE: usize = 50;
const OPERATOR: Scope = Scope::operator(PLATFORM);

#[tokio::main]
async fn main() -> Result<(), PeopleError> {
    let ledger = on_sqlite().await;
    let doors = Doors::new(Ledger::clone(&ledger), "https://app.bonded.example", "https://console.bonded.example")?;
    for number in 0..PEOPLE {
        join(&doors, &address("person", number)).await?;
    }
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        forget_failures(&ledger, &doors);
        // The caches know neither better: each person comes as seldom as the others.
        let mut turns = [(0, address("person", round % PEOPLE)), (1, address("nobody", round % PEOPLE))];
        // Whoever comes second finds warmer caches.
        turns.rotate_left(round / PEOPLE % 2);
        for (sort, mail) in turns {
            let micros = refused(&doors, &mail).await?;
            times.get_mut(sort).into_iter().for_each(|times: &mut Vec<u128>| times.push(micros));
        }
    }
    let [person, nobody] = &mut times;
    tell(person, nobody);
    Ok(())
}

fn address(who: &str, number: usize) -> String {
    format!("{who}-{number:04}@example.com")
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn join(doors: &Doors, mail: &str) -> Result<(), PeopleError> {
    let ledger = &doors.ledger;
    let id: Id<UserRecord> = ledger.new_id();
    let password =
        doors.passwords.make(Keeper::new(ledger, &OPERATOR, id), secret("zebra lantern quiet orbit"), &[]).await?;
    let person = UserRecord {
        mail: mail.parse()?,
        name: String::from("Ada Lovelace"),
        credentials: Credentials { password: Some(password), ..Credentials::default() },
        accounts: Vec::new(),
        joined_at: ledger.clock().now(),
        last_sign_in_at: None,
    };
    let mut change = Change::new();
    change.create(id, &person, "joined");
    ledger.commit(&OPERATOR, change).await?;
    Ok(())
}

/// Lets so much time pass that no failure counts any more, and has the counters begin anew before anything is measured.
fn forget_failures(ledger: &TestLedger, doors: &Doors) {
    ledger.test_clock().advance_ms(3 * KEY_LIFE_MS);
    let attempt = Attempt::at_password("somebody else", [0; 16], None);
    if doors.throttle.check(&attempt, ledger.clock().now()).is_ok() {
        doors.throttle.failed(&attempt, ledger.clock().now());
    }
}

/// How long a refusal took, in microseconds.
async fn refused(doors: &Doors, mail: &str) -> Result<u128, PeopleError> {
    let visit = Visit { mark: [1; 16], device: None, description: String::from("Firefox on Linux") };
    let password = secret("another long password");
    let began = Instant::now();
    let outcome = sign_in::with_password::<UserRecord>(doors, mail, password, &visit).await;
    let micros = began.elapsed().as_micros();
    match outcome {
        Err(PeopleError::NotProven) => Ok(micros),
        Err(error) => Err(error),
        Ok(_) => Err(PeopleError::SignedOut),
    }
}

fn tell(person: &mut [u128], nobody: &mut [u128]) {
    let rounds = person.iter().zip(&*nobody).filter(|(person, nobody)| person > nobody).count();
    for (name, times) in [("wrong password", &mut *person), ("no such person", &mut *nobody)] {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
        println!("{name}: 5 % {} µs, median {} µs, 95 % {} µs", at(5), at(50), at(95));
    }
    // The chance that one of the first sort took longer than one of the second: 0.5 tells nothing. Of a thousand rounds,
    // which come right after each other, chance alone makes it differ by 0.03 once in twenty times.
    let pairs: usize = person.iter().map(|time| nobody.partition_point(|other| other < time)).sum();
    println!("longer where there is such a person: {} of rounds", share(rounds, person.len()));
    println!("longer where there is such a person: {} of all pairs", share(pairs, person.len() * nobody.len()));
}

fn share(part: usize, whole: usize) -> String {
    let number = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    format!("{:.3}", number(part) / number(whole))
}
