//! The certificate: what was forgotten, when, and who has confirmed it, as lines of text that the account's log key signs.
//!
//! Source of the form: C2SP signed-note. The lines are `name value`, in this order; `replica`, `recipient` and `field` may
//! be there several times:
//!
//! ```text
//! bonded certificate of deletion
//! log bonded.example/acct_…
//! deletion del_…
//! because asked
//! asked_by key_…
//! asked_at 2026-11-22T09:30:00.125Z
//! field first_name                          one line for each of the six
//! orders 2
//! orders_sha256 …                           of their ids, sorted, each with a line feed
//! root_before 17                            the last version of the keys that could open them
//! root_after 18                             the first that cannot
//! destroyed_at 2026-11-22T09:30:01.000Z
//! replica primary 2026-11-22T09:30:01.000Z  when it confirmed
//! recipient acct_… shopify lamps.myshopify.com 2 2026-10-01T…Z 2026-10-02T…Z: what was asked
//! completed_at 2026-11-22T09:30:01.500Z
//! ```

use super::{Because, Deletion, DeletionState, Replica};
use crate::consumers::FIELD_NAMES;
use crate::{TradeError, Written};
use bonded_base::{Id, Moment};
use bonded_ledger::{Ledger, Scope};

/// The first line of each certificate.
pub const CERTIFICATE_TITLE: &str = "bonded certificate of deletion";

/// Completes a deletion whose replicas have all confirmed it, with its signed certificate.
pub async fn complete(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Deletion>,
    replicas: &[Replica],
    at: Moment,
    certificate: &str,
) -> Result<Written<Deletion>, TradeError> {
    super::turn(ledger, scope, id, "certified", |deletion| {
        let (state, completed_at, certificate) = (DeletionState::Complete, Some(at), Some(certificate.to_owned()));
        Ok(match deletion.state {
            DeletionState::Pending => {
                Deletion { state, replicas: replicas.to_vec(), completed_at, certificate, ..deletion }
            }
            _ => deletion,
        })
    })
    .await
}

/// The lines of the certificate of a deletion that is complete at this moment; `None` where something is not confirmed yet.
/// `log` is the name of the account's log.
pub fn certificate(log: &str, id: Id<Deletion>, deletion: &Deletion, completed_at: Moment) -> Option<String> {
    let destroyed = deletion.destroyed.as_ref()?;
    let because = match deletion.because {
        Because::Asked => "asked",
        Because::Rule => "rule",
        Because::PrivacyRequest => "privacy_request",
    };
    let mut lines = vec![
        CERTIFICATE_TITLE.to_owned(),
        format!("log {log}"),
        format!("deletion {id}"),
        format!("because {because}"),
        format!("asked_by {}", deletion.asked_by),
        format!("asked_at {}", id.born_at()),
    ];
    lines.extend(FIELD_NAMES.iter().map(|name| format!("field {name}")));
    lines.extend([
        format!("orders {}", deletion.forgotten),
        format!("orders_sha256 {}", deletion.orders_sha256.as_ref()?),
        format!("root_before {}", destroyed.root_before),
        format!("root_after {}", destroyed.root_after),
        format!("destroyed_at {}", destroyed.at),
    ]);
    for replica in &deletion.replicas {
        lines.push(format!("replica {} {}", replica.place, replica.confirmed_at?));
    }
    for told in &deletion.recipients {
        let shop = told.shop.as_deref().unwrap_or("partner");
        let (account, orders, from, to, asked) = (told.account, told.orders, told.from, told.to, &told.asked);
        lines.push(format!("recipient {account} {shop} {orders} {from} {to}: {asked}"));
    }
    lines.push(format!("completed_at {completed_at}"));
    Some(lines.join("\n") + "\n")
}
