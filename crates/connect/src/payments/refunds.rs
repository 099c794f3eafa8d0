//! Refunds: each is made once, and what the gateway says of them all is taken over.

use super::charge::{Charge, RefundState};
use super::charging::{Trouble, turn};
use crate::stripe::{Refunding, StripeError, Till, counted};
use bonded_base::Money;
use bonded_ledger::{Ledger, LedgerError, Scope, Stored};

/// Takes over what the gateway knows, then asks for the refund that is due, if it does not know that one.
pub(super) async fn refund(
    ledger: &Ledger,
    scope: &Scope,
    till: &Till,
    charge: &Stored<Charge>,
    intent: &str,
) -> Result<(), Trouble> {
    let charge = read(ledger, scope, till, charge, intent).await?;
    let Some(due) = charge.refund_due() else { return Ok(()) };
    let amount = counted(Money::new(due.amount, charge.amount.currency));
    let asked = match amount {
        Some(amount) => {
            let about = charge.id.to_string();
            till.refund(Refunding { charge: &about, number: due.number, intent, amount }).await
        }
        None => Err(StripeError::Strange("an amount with more decimals than it takes")),
    };
    let (number, now) = (due.number, ledger.clock().now());
    match asked {
        Ok(made) => turn(ledger, scope, charge.id, "refunding", |charge| {
            Some(charge.with_refunds(std::slice::from_ref(&made), now))
        })
        .await
        .map_err(Into::into),
        Err(StripeError::Refused { code, .. }) => {
            turn(ledger, scope, charge.id, "refund_refused", |charge| Some(charge.refund_refused(number, &code)))
                .await
                .map_err(Into::into)
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes over what the gateway knows of a charge's refunds; answers the charge as it became.
pub(super) async fn read(
    ledger: &Ledger,
    scope: &Scope,
    till: &Till,
    charge: &Stored<Charge>,
    intent: &str,
) -> Result<Stored<Charge>, Trouble> {
    let (answers, now, seen) = (till.refunds(intent).await?, ledger.clock().now(), charge.heard.clone());
    let rule = |charge: &Charge| {
        let next = Charge { seen: seen.clone(), ..charge.with_refunds(&answers, now) };
        (next != *charge).then_some(next)
    };
    turn(ledger, scope, charge.id, "looked", rule).await?;
    let found = ledger.get(scope, charge.id).await?;
    found.ok_or(Trouble::Ledger(LedgerError::Damaged(bonded_base::Kind::Charge)))
}

/// Whether a refund is on its way that the gateway knows.
pub(super) fn is_pending(charge: &Charge) -> bool {
    charge.refunds.iter().any(|refund| refund.state == RefundState::Pending)
}
