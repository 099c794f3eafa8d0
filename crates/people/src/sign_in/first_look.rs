//! Looking somebody up by the address that was typed, with the same reads whether or not there is such a person.
//!
//! Somebody who is found is read once more, as a whole. For an address that is nobody's the record of a stand-in is read
//! and dropped: of whoever was found last. What is left is what the engine itself needs to find an index's row or to
//! find none, and an unsealing of 150 bytes; the example `sign_in_timing` shows what can be seen of it.

use super::{Doors, Holder, books};
use crate::MailAddress;
use bonded_base::{Id, Kind};
use bonded_ledger::{LedgerError, Stored};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Whoever was found last, of each sort of person; nobody since the process began, before the first.
#[derive(Default)]
pub(super) struct StandIns(Mutex<HashMap<Kind, [u8; 16]>>);

impl StandIns {
    /// Whose record is to be read, for whom was found or for nobody.
    fn or_last<H: Holder>(&self, found: Option<Id<H>>) -> Id<H> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.entry(H::KIND).or_default();
        if let Some(id) = found {
            *last = id.bytes();
        }
        Id::from_bytes(*last)
    }
}

/// The active person with this address. What is no address at all is nobody's, and whoever sent it knows.
pub(super) async fn by_address<H: Holder>(doors: &Doors, mail: &str) -> Result<Option<Stored<H>>, LedgerError> {
    let Ok(mail) = mail.trim().parse::<MailAddress>() else { return Ok(None) };
    let found = doors.ledger.find::<H>(&books(), &H::by_mail(&mail)).await?;
    let read = doors.ledger.get(&books(), doors.stand_ins.or_last(found)).await?;
    Ok(read.filter(|person| found.is_some() && person.is_active()))
}
