//! Devices that a person has signed in with before, so that guessing strangers cannot slow them there.
//!
//! After a sign-in the browser is given a cookie: a random name, and a keyed hash of it that only this deployment can
//! make, for this person alone. Nothing of it is kept here. It opens nothing: it only says which counter of
//! [`super::throttle`] a failure belongs to.

use super::{CredentialError, Keeper};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bonded_base::Secret;
use bonded_ledger::Record;

const NAME_BYTES: usize = 16;
const HASH_BYTES: usize = 16;
const PURPOSE: &str = "device";

/// A cookie for a device that this person has just signed in with: 43 characters.
pub fn remember<R: Record>(keeper: Keeper<'_, R>) -> Result<Secret<String>, CredentialError> {
    let mut name = [0; NAME_BYTES];
    keeper.ledger.chance().fill(&mut name);
    let hash = hmac::sign(&key(keeper)?, &name);
    let hash = hash.as_ref().get(..HASH_BYTES).unwrap_or_default();
    Ok(Secret::new(BASE64URL.encode([&name, hash].concat())))
}

/// The name of the device, if the cookie was given to this very person. To be asked also where there is no such person,
/// with any id, so that both take the same time.
pub fn known<R: Record>(keeper: Keeper<'_, R>, cookie: &str) -> Result<Option<[u8; NAME_BYTES]>, CredentialError> {
    let key = key(keeper)?;
    let Ok(bytes) = BASE64URL.decode(cookie) else { return Ok(None) };
    let Some((name, hash)) = bytes.split_first_chunk::<NAME_BYTES>() else { return Ok(None) };
    let right = hmac::sign(&key, name);
    let right = right.as_ref().get(..HASH_BYTES).unwrap_or_default();
    let is_right = aws_lc_rs::constant_time::verify_slices_are_equal(hash, right).is_ok();
    Ok(is_right.then_some(*name))
}

fn key<R: Record>(keeper: Keeper<'_, R>) -> Result<hmac::Key, CredentialError> {
    let secret = keeper.ledger.capability(keeper.scope, keeper.id, PURPOSE)?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
}
