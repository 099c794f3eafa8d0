//! Answers that were given once and are given again: what makes a repeated request harmless.

use crate::record::{Lookup, LookupName, Record};
use bonded_base::{Kind, Kinded};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What came of a request that carried a key of its own.
///
/// It is claimed in the same commit as the request's first change, and completed when the answer is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The caller's key, or a digest of it.
    pub key: String,
    /// The digest of the request.
    pub fingerprint: [u8; 32],
    /// What was written, as ids: enough to answer again when the process ended before the answer was kept.
    pub wrote: Vec<String>,
    /// The answer, once known: its status, and its body without consumer fields.
    pub given: Option<(u16, Value)>,
}

impl Kinded for Answer {
    const KIND: Kind = Kind::Answer;
}

impl Record for Answer {
    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![Lookup::new(LookupName::Request, self.key.as_bytes())]
    }
}
