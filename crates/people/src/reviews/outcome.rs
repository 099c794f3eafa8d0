//! What came of a review: counted, digested, and signed with the key of the platform's own log.
//!
//! The signature is over this text, each line of which ends with a line feed, and so is part of the entry that closes the
//! review. A signed checkpoint of that log never begins like it, since a log's name has no spaces:
//!
//! ```text
//! bonded access review v1
//! rev_01kbn…
//! opened 2026-11-22T09:30:00.000Z
//! due 2026-12-06T09:30:00.000Z
//! closed 2026-11-23T10:00:00.000Z
//! certified 7
//! revoked 1
//! lapsed 0
//! items 5d41… (SHA-256 of the items, one JSON array a line, in hexadecimal digits)
//! ```

use super::record::{Decision, ReviewItem, ReviewRecord};
use crate::PeopleError;
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_base::{Id, Kind, Moment};
use bonded_ledger::{Ledger, LedgerError, Scope, Stored};
use bonded_merkle::Signer as _;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// What came of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewOutcome {
    /// Accounts that keep their roles.
    pub certified: u32,
    /// Accounts whose roles were taken.
    pub revoked: u32,
    /// Accounts that nobody decided about in time, and whose roles went.
    pub lapsed: u32,
    /// SHA-256 of the items, in hexadecimal digits.
    pub digest: String,
    /// Ed25519 over the text, in base64.
    pub signature: String,
}

/// The outcome of a review whose items are all decided.
pub(super) fn signed(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<ReviewRecord>,
    review: &ReviewRecord,
    closed_at: Moment,
) -> Result<ReviewOutcome, LedgerError> {
    let mut outcome = counted(review)?;
    let text = text(id, review, closed_at, &outcome);
    outcome.signature = BASE64.encode(ledger.log_signer(scope)?.sign(text.as_bytes()));
    Ok(outcome)
}

/// Whether a closed review is as it was when it was closed, by the key of the platform's log.
pub fn verify_result(ledger: &Ledger, scope: &Scope, review: &Stored<ReviewRecord>) -> Result<(), PeopleError> {
    if review.outcome.is_none() {
        return Err(PeopleError::state("the review is still open"));
    }
    let key = ledger.log_signer(scope)?.public_key();
    if is_signed_by(&key, review.id, review) {
        return Ok(());
    }
    Err(LedgerError::Damaged(Kind::AccessReview).into())
}

/// Whether this key, of 32 bytes, has signed what the review says of itself.
pub fn is_signed_by(key: &[u8; 32], id: Id<ReviewRecord>, review: &ReviewRecord) -> bool {
    let (Some(said), Some(closed_at), Ok(found)) = (&review.outcome, review.closed_at, counted(review)) else {
        return false;
    };
    let is_same = (found.certified, found.revoked, found.lapsed, &found.digest)
        == (said.certified, said.revoked, said.lapsed, &said.digest);
    let Ok(signature) = BASE64.decode(&said.signature) else { return false };
    let text = text(id, review, closed_at, said);
    is_same && UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &signature).is_ok()
}

/// The outcome without its signature.
fn counted(review: &ReviewRecord) -> Result<ReviewOutcome, LedgerError> {
    let count = |name: &str| {
        let these = review.items.iter().filter(|item| item.decision.name() == name).count();
        u32::try_from(these).unwrap_or(u32::MAX)
    };
    let mut hash = Context::new(&SHA256);
    for item in &review.items {
        hash.update(line(item).map_err(|error| LedgerError::Unwritable(Kind::AccessReview, error))?.as_bytes());
    }
    let digest = hash.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    let (certified, revoked, lapsed) = (count("certified"), count("revoked"), count("lapsed"));
    Ok(ReviewOutcome { certified, revoked, lapsed, digest, signature: String::new() })
}

/// An item as one JSON array and a line feed: whose, name, roles, last sign-in; password, apps, passkeys, codes; grants
/// asked, approved; trained, missing courses, until; the decision's name, who, when, note, roles.
fn line(item: &ReviewItem) -> Result<String, serde_json::Error> {
    let ReviewItem { staff, name, roles, last_sign_in_at, factors, grants, training, decision } = item;
    let decided = match decision {
        Decision::Open => (decision.name(), None, None, None, None),
        Decision::Certified { by, at, note, roles } | Decision::Revoked { by, at, note, roles } => {
            (decision.name(), Some(by), Some(at), Some(note), Some(roles))
        }
        Decision::Lapsed { at, roles } => (decision.name(), None, Some(at), None, Some(roles)),
    };
    let who = (staff, name, roles, last_sign_in_at);
    let ways = (factors.password, factors.totp, factors.passkeys, factors.recovery_codes);
    let used = (grants.asked, grants.approved);
    let learnt = (training.is_trained, &training.missing, training.until);
    Ok(serde_json::to_string(&(who, ways, used, learnt, decided))? + "\n")
}

fn text(id: Id<ReviewRecord>, review: &ReviewRecord, closed_at: Moment, outcome: &ReviewOutcome) -> String {
    let ReviewRecord { opened_at, due_at, .. } = review;
    let ReviewOutcome { certified, revoked, lapsed, digest, .. } = outcome;
    format!(
        "bonded access review v1\n{id}\nopened {opened_at}\ndue {due_at}\nclosed {closed_at}\n\
         certified {certified}\nrevoked {revoked}\nlapsed {lapsed}\nitems {digest}\n"
    )
}
