//! What a platform asks for a consumer's sake: held up to the account's people, who alone archive and delete orders.

use bonded_base::{Id, Kind};
use bonded_connect::connections::Connection;
use bonded_connect::mirrors;
use bonded_connect::notices::{Notice, Topic};
use bonded_ledger::{Ledger, LedgerError, Scope};
use bonded_trade::TradeError;
use bonded_trade::holds::{self, HoldReason};

/// What is asked, as people read it; `None` for a notice that asks nothing of the kind.
const fn asked(topic: Topic) -> Option<&'static str> {
    match topic {
        Topic::DataRequest => Some("a consumer asks the shop what is kept of them"),
        Topic::RedactConsumer => {
            Some("the shop asks that the consumer of this order be forgotten: archive it and delete it")
        }
        Topic::RedactShop => Some("the shop asks that everything of it be forgotten"),
        Topic::Products | Topic::Levels | Topic::Orders | Topic::Uninstalled => None,
    }
}

/// Whether a notice is for a consumer's sake, and so concerns a shop that was given up as well.
pub(super) const fn is_asked(topic: Topic) -> bool {
    asked(topic).is_some()
}

/// Holds up each order of ours that a notice names, or the connection where the whole shop is meant. Of a consumer none of
/// whose orders came here nothing is kept, so there is nothing to see to. What is held up already stays so.
pub(super) async fn hold_up(ledger: &Ledger, scope: &Scope, notice: &Notice) -> Result<(), LedgerError> {
    let Some(why) = asked(notice.topic) else { return Ok(()) };
    let (id, account): (Id<Connection>, _) = (notice.connection, scope.account());
    let known = mirrors::of_remotes(ledger, scope, id, Kind::Order, &notice.named).await?;
    let known: Vec<_> = known.into_iter().flatten().collect();
    for mirror in &known {
        done(holds::raise(ledger, account, mirror.id, HoldReason::Refused, why).await)?;
    }
    if notice.topic == Topic::RedactShop {
        done(holds::raise_with(ledger, account, id, HoldReason::Refused, why, None).await)?;
    }
    Ok(())
}

/// A hold that cannot be raised for its own sake holds nothing else up.
fn done<T>(raised: Result<T, TradeError>) -> Result<(), LedgerError> {
    match raised {
        Ok(_) | Err(TradeError::Problem(_)) => Ok(()),
        Err(TradeError::Ledger(error)) => Err(error),
    }
}
