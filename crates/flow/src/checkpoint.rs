//! Checkpoint: grows each account's Merkle tree by its new entries and signs the result.
//!
//! Source: C2SP tlog-tiles, tlog-checkpoint and signed-note. The tiles, the checkpoint and the cursor are stored
//! in one transaction, so the tree, what is signed of it and how far it reaches never disagree.

use bonded_base::{Account, Id, Kind};
use bonded_ledger::{Lease, Ledger, LedgerError, Scope};
use bonded_merkle::{Checkpoint, Frontier};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Leaves that one checkpoint takes in at most.
const LEAVES_MAX: u32 = 65_536;
/// How long entries gather before a checkpoint is signed over them: a quarter of what an entry may wait.
const GATHER: Duration = Duration::from_millis(100);
/// Trees whose right edge is kept in memory.
const EDGES_MAX: usize = 10_000;

/// The name under which an account's log is signed: `bonded.example/acct_01jd…`.
pub fn log_origin(origin: &str, account: Id<Account>) -> String {
    format!("{origin}/{account}")
}

/// Signs checkpoints. Remembers the right edges of trees; what it forgets it reads again from the tiles.
#[derive(Default)]
pub(crate) struct Checkpointer {
    edges: Mutex<HashMap<Id<Account>, Frontier>>,
}

impl Checkpointer {
    /// Takes in what is new, if anything is, and says whether there was.
    pub async fn sign(
        &self,
        ledger: &Ledger,
        scope: &Scope,
        lease: &mut Lease,
        origin: &str,
    ) -> Result<bool, LedgerError> {
        if ledger.head(scope).await? == lease.seq {
            return Ok(false);
        }
        tokio::time::sleep(GATHER).await;
        let account = scope.account();
        let mut edge = self.edge(ledger, scope, lease.seq).await?;
        let leaves = ledger.leaves(scope, lease.seq, LEAVES_MAX).await?;
        let tiles = edge.append(&leaves);
        let name = log_origin(origin, account);
        let checkpoint =
            Checkpoint { origin: name.clone(), size: edge.size(), root: edge.root(), extensions: Vec::new() };
        let note = bonded_merkle::sign(&checkpoint, &name, &ledger.log_signer(scope)?)
            .map_err(|_| LedgerError::Damaged(Kind::Account))?;
        if ledger.publish(lease, edge.size(), tiles, Some(note)).await? {
            let mut edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
            if edges.len() >= EDGES_MAX {
                edges.clear();
            }
            edges.insert(account, edge);
        }
        Ok(true)
    }

    /// The right edge of a tree of this size: remembered, or read from its tiles.
    async fn edge(&self, ledger: &Ledger, scope: &Scope, size: u64) -> Result<Frontier, LedgerError> {
        let kept = self.edges.lock().unwrap_or_else(PoisonError::into_inner).remove(&scope.account());
        if let Some(edge) = kept.filter(|edge| edge.size() == size) {
            return Ok(edge);
        }
        let places: Vec<_> = Frontier::edge_tiles(size).into_iter().map(|(level, index, _)| (level, index)).collect();
        let tiles = ledger.tiles(scope, &places).await?;
        Frontier::from_tiles(size, &tiles).map_err(|_| LedgerError::Damaged(Kind::Account))
    }
}
