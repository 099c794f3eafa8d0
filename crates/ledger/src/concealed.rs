//! Secrets inside records: sealed a second time, so that neither the log's account of a change nor an export shows them.

use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::record::Record;
use crate::scope::Scope;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bonded_base::{Id, Secret};
use bonded_vault::Context;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number that concealed values go by in a sealing context.
const TABLE_CONCEALED: u8 = 4;
/// The name under which capabilities are derived; no lookup has it.
const CAPABILITY: u8 = 255;

/// A secret as a record holds it: sealed, bound to its record and its purpose. Serialises as base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Concealed(String);

impl fmt::Debug for Concealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Concealed")
    }
}

impl Ledger {
    /// Conceals a secret that record `id` is to hold, for one purpose (`password`).
    pub fn conceal<R: Record>(
        &self,
        scope: &Scope,
        id: Id<R>,
        purpose: &'static str,
        plain: &[u8],
    ) -> Result<Concealed, LedgerError> {
        let sealed = self.reading(scope, R::KIND)?.seal(&context(id, purpose), plain);
        Ok(Concealed(BASE64.encode(sealed)))
    }

    /// Lends what was concealed in record `id` for this purpose. Only for the program's own use, never to be shown.
    pub fn reveal<R: Record>(
        &self,
        scope: &Scope,
        id: Id<R>,
        purpose: &'static str,
        concealed: &Concealed,
    ) -> Result<Secret<Vec<u8>>, LedgerError> {
        if !scope.is_whole() {
            return Err(LedgerError::OutOfReach(R::KIND));
        }
        let damaged = || LedgerError::Damaged(R::KIND);
        let sealed = BASE64.decode(&concealed.0).map_err(|_| damaged())?;
        self.reading(scope, R::KIND)?.open(&context(id, purpose), &sealed).map_err(|_| damaged())
    }

    /// A code of 128 bits that only this deployment can make for record `id` and this purpose: what a mailed link carries,
    /// so that no such code need be kept anywhere.
    pub fn capability<R: Record>(
        &self,
        scope: &Scope,
        id: Id<R>,
        purpose: &'static str,
    ) -> Result<Secret<[u8; 16]>, LedgerError> {
        let mut value = vec![R::KIND.number()];
        value.extend_from_slice(&id.bytes());
        value.extend_from_slice(purpose.as_bytes());
        Ok(Secret::new(self.reading(scope, R::KIND)?.token(CAPABILITY, &value)))
    }
}

fn context<R: Record>(id: Id<R>, purpose: &'static str) -> Context<'static> {
    Context { table: TABLE_CONCEALED, kind: R::KIND.number(), id: id.bytes(), version: 0, rest: purpose.as_bytes() }
}
