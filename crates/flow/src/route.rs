//! Route: x
use bonded_ledger::{Headline, Ledger, LedgerError, Scope};
#[derive(Default)]
pub(crate) struct Router {}
impl Router {
    pub async fn route(&self, _l: &Ledger, _s: &Scope, _c: &[Headline]) -> Result<(), LedgerError> {
        Ok(())
    }
}
