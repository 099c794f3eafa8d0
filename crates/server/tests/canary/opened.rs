//! Everything that is stored, opened by the program itself: what sealing hides must not be there either.

use crate::caller::told;
use crate::canaries::Planting;
use crate::house::House;
use crate::kept;
use crate::search::{Found, Search};
use crate::secrets;
use std::collections::BTreeSet;

/// What was found among what is stored.
#[derive(Default)]
pub struct Opened {
    /// Canaries that should not be there, each with where it is and where it was planted.
    pub leaks: BTreeSet<String>,
    /// The names of the words that are there.
    pub words: BTreeSet<String>,
    /// Canaries that are there as they may be.
    pub kept: usize,
    /// Records, entries and consumers that were looked at.
    pub lines: usize,
}

/// Reads every record, every consumer and every entry of these accounts.
pub fn read(house: &House, accounts: &[String], search: &Search, planting: &Planting) -> Opened {
    let mut opened = Opened::default();
    for account in accounts {
        let export = house.must(&["export", account, "--with-consumers"]).out;
        for line in export.lines() {
            opened.look(line.get(..80).unwrap_or(line), line.as_bytes(), search, planting);
        }
    }
    opened
}

impl Opened {
    /// Looks at one record, entry or consumer.
    pub fn look(&mut self, source: &str, bytes: &[u8], search: &Search, planting: &Planting) {
        self.lines += 1;
        for finding in search.bytes(source, bytes) {
            let place = if let Found::Canary(canary) = &finding.found { planting.origin(*canary) } else { None };
            match (&finding.found, place) {
                (Found::Word(name), _) if !secrets::is(name) => drop(self.words.insert(name.clone())),
                (Found::Canary(canary), Some(place)) if kept::may_be(*canary, &place) => self.kept += 1,
                _ => self.leaks.extend(told(&finding, planting)),
            }
        }
    }
}
