//! Imports: brings files in by itself, each on whichever node holds its lease, and takes away what is kept of them in time.
//!
//! An import is a follower: it is on the register from its upload until nothing of it is left to do, so that every node
//! finds it at its start. What is done is in the import's own record, in the same commit as the rows that it is about; a
//! crash loses nothing and repeats nothing.

use crate::followers::{Again, Held, Turn};
use async_trait::async_trait;
use bonded_base::{Account, Id, Node};
use bonded_connect::files::{self, ImportRecord, ImportState, Worked};
use bonded_connect::followers;
use bonded_ledger::{Consumer, Ledger, LedgerError, Scope, System};
use std::time::Duration;

/// How long nothing is looked at while nothing is due: the net below a lost wake.
const IDLE: Duration = Duration::from_hours(1);
/// The pause before an import that was interrupted goes on.
const SOON: Duration = Duration::from_millis(50);
/// How long a lease lasts that is taken without a follower; each chunk renews it.
const LEASE_MS: i64 = 30_000;

/// One import, as a follower.
pub struct ImportTurn {
    ledger: Ledger,
    account: Id<Account>,
    id: Id<ImportRecord>,
}

impl ImportTurn {
    /// The import with this id.
    pub const fn new(ledger: Ledger, account: Id<Account>, id: [u8; 16]) -> Self {
        Self { ledger, account, id: Id::from_bytes(id) }
    }

    fn until(&self, at: bonded_base::Moment) -> Duration {
        let left = at.millis().saturating_sub(self.ledger.clock().now().millis()).max(1);
        Duration::from_millis(left.unsigned_abs()).min(IDLE)
    }
}

#[async_trait]
impl Turn for ImportTurn {
    async fn turn(&mut self, held: &mut Held) -> Result<Again, LedgerError> {
        let scope = Scope::system(self.account, System::Import);
        loop {
            if held.is_stopping() {
                return Ok(Again::Within(SOON, Vec::new()));
            }
            held.renew().await?;
            match files::work(&self.ledger, &scope, self.id).await? {
                Worked::More => {}
                Worked::Until(at) => return Ok(Again::Within(self.until(at), Vec::new())),
                Worked::Over => {
                    // What was kept of its rows opens from no backup either.
                    self.ledger.destroy_spent(&scope).await?;
                    followers::retire(&self.ledger, self.id.bytes()).await?;
                    if files::work(&self.ledger, &scope, self.id).await? == Worked::Over {
                        return Ok(Again::Never);
                    }
                    // Somebody undoes it at this very moment, and has found it on the register.
                    followers::register(&self.ledger, &files::follower(self.account), self.id.bytes()).await?;
                }
            }
        }
    }
}

/// Works on one import here and now, for a command line where no server runs; `false` when another node has it.
pub async fn work_here(
    ledger: &Ledger,
    account: Id<Account>,
    node: Id<Node>,
    id: Id<ImportRecord>,
) -> Result<bool, LedgerError> {
    let (scope, consumer) = (Scope::system(account, System::Import), Consumer::Follower(id.bytes()));
    loop {
        if ledger.lease(account, consumer, node, LEASE_MS).await?.is_none() {
            return Ok(false);
        }
        let worked = files::work(ledger, &scope, id).await?;
        if worked != Worked::More {
            ledger.lease(account, consumer, node, 0).await?;
            return Ok(true);
        }
    }
}

/// Whether there is nothing to wait for.
pub const fn is_settled(state: ImportState) -> bool {
    !matches!(state, ImportState::Running | ImportState::Undoing | ImportState::Receiving)
}
