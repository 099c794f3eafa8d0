//! Mails that fall due as time passes, each sent once however often somebody looks.

use crate::PeopleError;
use crate::books::books;
use crate::mail::{self, Draft, Mail};
use bonded_ledger::Ledger;

/// Queues those of these mails that never were, and says how many that is. What a mail's cause and address are makes it
/// the same mail.
pub(crate) async fn send_once(ledger: &Ledger, drafts: Vec<Draft>) -> Result<usize, PeopleError> {
    let ids = drafts.iter().map(|draft| mail::id_of(ledger, &books(), draft.cause, &draft.to, draft.matter.name()));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let known = ledger.get_many::<Mail>(&books(), &ids).await?;
    let fresh: Vec<_> =
        drafts.into_iter().zip(known).filter_map(|(draft, known)| known.is_none().then_some(draft)).collect();
    let queued = fresh.len();
    mail::enqueue(ledger, &books(), fresh).await?;
    Ok(queued)
}
