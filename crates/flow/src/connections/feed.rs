//! How fresh what we know of a supplier's stock is: where nothing was heard for longer than agreed, partners are told so.

use super::at::{At, Halt};
use bonded_base::{Id, Moment};
use bonded_connect::connections::Connection;
use bonded_connect::mirrors;
use bonded_ledger::{Ledger, LedgerError, Scope, Stored};
use bonded_trade::TradeError;
use bonded_trade::inventory::{self, Location, Stale};

/// What the worker knows of its shop's feed.
#[derive(Default)]
pub(super) struct Feed {
    /// When the shop was last read to the end; after a restart, what was written down last.
    heard_at: Option<Moment>,
    /// Whether its locations say that they are stale; not known after a restart.
    is_stale: Option<bool>,
}

impl Feed {
    /// The shop was read to the end.
    pub async fn heard(&mut self, at: &At<'_>) -> Result<(), Halt> {
        self.heard_at = Some(at.now());
        if at.connection.direction.supplies() && self.is_stale != Some(false) {
            say(at.ledger, at.scope, at.connection.id, None).await?;
            self.is_stale = Some(false);
        }
        Ok(())
    }

    /// The shop could not be read, or is not to be: says so to partners when that has lasted too long. Answers when it
    /// will have.
    pub async fn unheard(
        &mut self,
        ledger: &Ledger,
        scope: &Scope,
        connection: &Stored<Connection>,
    ) -> Result<Option<Moment>, LedgerError> {
        let policy = &connection.policy;
        let Some(seconds) = policy.stale_after_s.filter(|_| connection.direction.supplies()) else { return Ok(None) };
        let since = match self.heard_at {
            Some(heard) => heard,
            None => last_written(ledger, scope, connection).await?,
        };
        let due = since.plus_millis(i64::from(seconds) * 1_000);
        if due > ledger.clock().now() || self.is_stale == Some(true) {
            return Ok((self.is_stale != Some(true)).then_some(due));
        }
        say(ledger, scope, connection.id, Some(Stale { since, counts_as: policy.stale })).await?;
        self.is_stale = Some(true);
        Ok(None)
    }
}

/// When something of the shop was last written down: what a restart knows of its feed.
async fn last_written(ledger: &Ledger, scope: &Scope, connection: &Stored<Connection>) -> Result<Moment, LedgerError> {
    let read = mirrors::of(ledger, scope, connection.id, &[connection.id]).await?.pop().flatten();
    let read = read.and_then(|mirror| mirror.agreed_at);
    Ok(read.max(connection.verified_at).unwrap_or_else(|| connection.id.born_at()))
}

/// Says of all locations that the shop counts whether they are stale.
pub(super) async fn say(
    ledger: &Ledger,
    scope: &Scope,
    shop: Id<Connection>,
    stale: Option<Stale>,
) -> Result<(), LedgerError> {
    let said = async {
        let places: Vec<_> = inventory::locations(ledger, scope).await?.iter().map(|place| place.id).collect();
        let known = mirrors::of(ledger, scope, shop, &places).await?;
        let ours: Vec<Id<Location>> = known.iter().flatten().filter_map(|mirror| mirror.record_of()).collect();
        if ours.is_empty() { Ok(()) } else { inventory::mark_stale(ledger, scope, &ours, stale).await }
    };
    match said.await {
        Ok(()) | Err(TradeError::Problem(_)) => Ok(()),
        Err(TradeError::Ledger(error)) => Err(error),
    }
}
