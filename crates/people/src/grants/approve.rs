//! Approving: terms are drawn up, the approver signs them, and the vault has the last word.

use super::{ApprovedWith, DURATION_MS_MIN, GrantRecord, GrantState, get, settle};
use crate::PeopleError;
use crate::members::Acting;
use bonded_base::{Id, Problem, User};
use bonded_ledger::{Ledger, Stored};
use bonded_vault::{ApprovalKey, Assertion, Grant, SignedGrant};

/// What an approver is about to sign. Kept by whoever asked for it until the signature comes.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The grant, from now on.
    pub grant: Grant,
    /// The version of its record that was seen.
    pub version: u64,
}

/// What an approver proves the approval with.
pub enum Proof {
    /// The signature of a passkey that is enrolled for the approver, over [`Grant::challenge`].
    Passkey {
        /// The passkey's public key, as it was enrolled.
        key: ApprovalKey,
        /// The relying party that it is for.
        relying_party: String,
        /// The signature.
        assertion: Assertion,
    },
    /// A one-time code that was just found right, of an approver who has no passkey.
    Totp,
}

/// Draws up what is to be signed; `duration_ms` may be shorter than was asked.
pub async fn terms(
    ledger: &Ledger,
    acting: &Acting,
    id: Id<GrantRecord>,
    duration_ms: Option<i64>,
) -> Result<Terms, PeopleError> {
    let grant = get(ledger, &acting.scope, id).await?;
    let now = ledger.clock().now();
    if !grant.awaits(now) {
        return Err(PeopleError::state("only a request that nobody has answered can be approved"));
    }
    let duration_ms = duration_ms.unwrap_or(grant.duration_ms);
    if !(DURATION_MS_MIN..=grant.duration_ms).contains(&duration_ms) {
        return Err(Problem::invalid("/duration", "approve at least 15 minutes, and not more than was asked").into());
    }
    Ok(Terms { version: grant.version, grant: grant.terms(id, now, duration_ms)? })
}

/// Approves a request on these terms. The vault checks the proof before anything is written.
pub async fn approve(
    ledger: &Ledger,
    acting: &Acting,
    approver: Id<User>,
    terms: Terms,
    proof: Proof,
) -> Result<Stored<GrantRecord>, PeopleError> {
    let Terms { grant, version } = terms;
    let id = Id::<GrantRecord>::from_bytes(grant.id);
    let was = get(ledger, &acting.scope, id).await?;
    let now = ledger.clock().now();
    if was.version != version || !was.awaits(now) || was.account != grant.account {
        return Err(PeopleError::state("the request was answered meanwhile, or has lapsed"));
    }
    let (vault, person) = (ledger.vault(), approver.bytes());
    let (approval, approved_with) = match proof {
        Proof::Passkey { key, relying_party, assertion } => {
            let approver = vault.endorse(grant.account, person, key, &relying_party)?;
            (bonded_vault::Approval::Passkey { approver, assertion }, ApprovedWith::Passkey)
        }
        Proof::Totp => (vault.vouch(&grant, person)?, ApprovedWith::Totp),
    };
    let until = grant.until;
    let signed = SignedGrant { grant, approval };
    // What the vault would not open is not approved.
    vault.account_for(&signed, now).map_err(|_| PeopleError::NotProven)?;
    let becomes = GrantRecord {
        state: GrantState::Approved,
        approved_by: Some(approver),
        approved_with: Some(approved_with),
        until: Some(until),
        signed: Some(signed),
        ..(*was).clone()
    };
    settle(ledger, &acting.scope, &was, &becomes, "approved").await
}
