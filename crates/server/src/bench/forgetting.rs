//! Forgetting: the keys of many orders destroyed at once, in a tree of keys of its own.

use crate::ending::Ending;
use bonded_base::{Id, SystemChance, SystemClock};
use bonded_vault::{Doomed, Environment, Officer, Places, Slot, Vault};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Destroys the keys of so many orders, every other one of twice as many: no node of the tree goes as a whole, which is
/// the dearest case. With one replica, and complete only when that has confirmed.
pub fn measure(room: &Path, orders: u64) -> Result<Duration, Ending> {
    let places = Places { primary: room.join("forget-keys"), replicas: vec![room.join("forget-keys-replica")] };
    let officer = Officer::generate();
    let vault = Vault::init(&places, Environment::Development, &officer.recipients(), Arc::new(SystemChance))?;
    let account = Id::new(&SystemClock, &SystemChance);
    let doomed = (0..orders).map(|order| Ok(Doomed::Slot { account, slot: Slot::new(2 * order)? }));
    let doomed = doomed.collect::<Result<Vec<_>, bonded_vault::VaultError>>()?;
    let begin = Instant::now();
    let done = vault.destroy(&doomed)?;
    let took = begin.elapsed();
    if done.complete() { Ok(took) } else { Err(Ending::internal("a replica on the same disk did not confirm")) }
}
