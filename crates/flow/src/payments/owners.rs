//! Tells owners by mail that a payment of theirs has come to a stop: their bank wants to see them, or it was refused.

use bonded_base::{Account, Id};
use bonded_connect::payments::{self, Charge, ChargeState};
use bonded_ledger::{Ledger, LedgerError, PLATFORM, Scope, System};
use bonded_people::mail::{self, Cause, Draft, Matter};
use bonded_people::{PeopleError, Permission, directory, members};
use bonded_trade::{TradeError, invoices};

/// Tells the owners of an account of the stop at which a charge of theirs stands, if they do not know of it yet.
///
/// First the mails, which are the same however often they are queued for one stop; then the charge says that they were. So
/// a crash in between tells nobody twice.
pub(super) async fn tell(
    ledger: &Ledger,
    scope: &Scope,
    account: Id<Account>,
    id: Id<Charge>,
) -> Result<(), LedgerError> {
    let Some(charge) = ledger.get(scope, id).await? else { return Ok(()) };
    let Some(stop) = charge.untold_stop() else { return Ok(()) };
    if let Some(matter) = matter(ledger, scope, account, &charge).await? {
        let owners = members::who_may(ledger, account, Permission::PaymentsWrite).await;
        let owners = owners.map(Some).or_else(unless_missing)?.unwrap_or_default();
        let drafts = owners.iter().map(|owner| Draft {
            cause: Cause::change(id, stop.into()),
            to: owner.mail.clone(),
            name: owner.name.clone(),
            matter: matter.clone(),
        });
        mail::enqueue(ledger, &Scope::system(PLATFORM, System::Connect), drafts.collect()).await?;
    }
    match payments::stop_told(ledger, scope, id, stop).await {
        Ok(()) | Err(TradeError::Problem(_)) => Ok(()),
        Err(TradeError::Ledger(error)) => Err(error),
    }
}

/// What they are told; `None` for an account that is not in the directory, where nobody is.
async fn matter(
    ledger: &Ledger,
    scope: &Scope,
    account: Id<Account>,
    charge: &Charge,
) -> Result<Option<Matter>, LedgerError> {
    let name_of = async |account| directory::name_of(ledger, account).await.map(Some).or_else(unless_missing);
    let Some(account_name) = name_of(account).await? else { return Ok(None) };
    let supplier = name_of(charge.supplier).await?.unwrap_or_else(|| String::from("a supplier"));
    let invoice = match invoices::get(ledger, scope, charge.invoice).await {
        Ok(invoice) => invoice.into_value().number,
        Err(TradeError::Problem(_)) => String::new(),
        Err(TradeError::Ledger(error)) => return Err(error),
    };
    let (amount, needs_buyer) = (charge.amount.to_string(), charge.state == ChargeState::RequiresAction);
    Ok(Some(Matter::PaymentStopped { account_name, supplier, invoice, amount, needs_buyer }))
}

/// What is not there is nobody's to be told of; everything else is tried again.
fn unless_missing<T>(error: PeopleError) -> Result<Option<T>, LedgerError> {
    match error {
        PeopleError::Ledger(error) => Err(error),
        _ => Ok(None),
    }
}
