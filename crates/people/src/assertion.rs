//! What an identity-aware proxy says of a caller, believed only when its signature and every claim hold.
//!
//! The proxy (Google IAP, Pomerium, or another that signs) puts a JSON Web Token into a header of each request it lets
//! through. Here the token is taken apart and checked; nothing is fetched, and time is an argument.
//!
//! Sources: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 section 3.4 (ES256), RFC 7519 (JWT), RFC 8725 (what goes wrong
//! with them). The structure is read by our own few lines, the signature by `aws-lc-rs`: the JWT libraries keep the last
//! of two equal members, take floats for times, have no rule for `crit`, and bring algorithms along that must not be
//! there at all.
//!
//! Architecture invariants: one algorithm is known, so none can be chosen; no key comes from the assertion itself; no
//! claim is looked at before the signature holds; a [`Refusal`] is a word and holds nothing of the assertion. An ECDSA
//! signature has a twin that holds too, so an assertion is never told from another by its bytes.

mod json;
mod keyring;
mod keys;
mod refusal;

pub use keyring::{KEPT_MS_MAX, Keyring, RETRY_MS, SEEK_MS_MIN};
pub use keys::{BadKeys, KEYS_BYTES_MAX, KEYS_MAX, KeySet};
pub use refusal::Refusal;

use crate::MailAddress;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bonded_base::Moment;
use json::{Object, Value};
use std::fmt;

/// Bytes of an assertion at most. Proxies that add a person's groups make long ones.
pub const ASSERTION_BYTES_MAX: usize = 16 * 1024;
/// How far the clocks of the proxy and of this machine may be apart, in milliseconds.
pub const SKEW_MS: i64 = 30_000;
/// From `iat` to `exp` at most, in seconds: Google IAP gives 10 minutes, Pomerium 5.
pub const LIFETIME_SECONDS_MAX: i64 = 600;
/// Bytes of a signature: r and s, 32 each (RFC 7518 section 3.4).
const SIGNATURE_BYTES: usize = 64;
/// The last second that a moment in RFC 3339 can name: 9999-12-31T23:59:59Z.
const SECOND_MAX: i64 = 253_402_300_799;

/// Whose word is taken, and about what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The `iss` that an assertion must have, letter by letter.
    pub issuer: String,
    /// The `aud` that it must have, letter by letter, and alone.
    pub audience: String,
}

/// Whom the proxy let through.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The address that the person signed in with at the proxy.
    pub mail: MailAddress,
    /// The issuer's own name for the person; Google puts `accounts.google.com:` before it.
    pub subject: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// Checks assertions against rules.
#[derive(Clone, Debug)]
pub struct Verifier {
    rules: Rules,
}

impl Verifier {
    /// For assertions of one issuer to one audience.
    pub const fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// Whose word it takes, and about what.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whom the assertion is about, if everything about it holds now.
    pub fn verify(&self, keys: &KeySet, assertion: &str, now: Moment) -> Result<Identity, Refusal> {
        let parts = Parts::of(assertion)?;
        let kid = key_id(&json::object(&parts.header).ok_or(Refusal::Json)?)?;
        let key = keys.get(&kid).ok_or(Refusal::UnknownKey)?;
        // Its length first: whoever reads ECDSA signatures may also know them in DER.
        if parts.signature.len() != SIGNATURE_BYTES {
            return Err(Refusal::Signature);
        }
        key.verify_sig(parts.signed.as_bytes(), &parts.signature).map_err(|_| Refusal::Signature)?;
        self.believe(&json::object(&parts.claims).ok_or(Refusal::Json)?, now)
    }

    /// The claims of an assertion whose signature holds.
    fn believe(&self, claims: &Object, now: Moment) -> Result<Identity, Refusal> {
        if claims.text("iss") != Some(&self.rules.issuer) {
            return Err(Refusal::Issuer);
        }
        let audience = match claims.get("aud") {
            Some(Value::Text(only)) => only,
            Some(Value::List(items)) => match items.as_slice() {
                [Value::Text(only)] => only,
                _ => return Err(Refusal::Audience),
            },
            _ => return Err(Refusal::Audience),
        };
        if *audience != self.rules.audience {
            return Err(Refusal::Audience);
        }
        is_of_now(claims, now)?;
        let subject = claims.text("sub").filter(|subject| !subject.trim().is_empty()).ok_or(Refusal::Subject)?;
        // Somebody may have written another's address at the identity provider, which then says so.
        if !matches!(claims.get("email_verified"), None | Some(Value::Truth(true))) {
            return Err(Refusal::Mail);
        }
        let mail = claims.text("email").and_then(|mail| mail.parse().ok()).ok_or(Refusal::Mail)?;
        Ok(Identity { mail, subject: subject.to_owned() })
    }
}

/// An assertion taken apart (RFC 7515 section 7.1).
struct Parts<'a> {
    /// Header and claims as they stand, which is what was signed.
    signed: &'a str,
    header: Vec<u8>,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(assertion: &'a str) -> Result<Self, Refusal> {
        if assertion.len() > ASSERTION_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let (signed, signature) = assertion.rsplit_once('.').ok_or(Refusal::Shape)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::Shape)?;
        if claims.contains('.') || [header, claims, signature].iter().any(|part| part.is_empty()) {
            return Err(Refusal::Shape);
        }
        // No padding, no bits behind the last byte, no other alphabet: each value is written in one way only.
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Encoding);
        Ok(Self { signed, header: decode(header)?, claims: decode(claims)?, signature: decode(signature)? })
    }
}

/// The name of the key that signed, from a header that asks for nothing we do not do.
fn key_id(header: &Object) -> Result<String, Refusal> {
    if header.text("alg") != Some("ES256") {
        return Err(Refusal::Algorithm);
    }
    let is_jwt = header.get("typ").is_none() || header.text("typ") == Some("JWT");
    // `cty` would say that the claims are another token inside.
    if !is_jwt || header.get("cty").is_some() {
        return Err(Refusal::Type);
    }
    if header.get("crit").is_some() {
        return Err(Refusal::Critical);
    }
    if ["jwk", "jku", "x5u", "x5c"].iter().any(|name| header.get(name).is_some()) {
        return Err(Refusal::EmbeddedKey);
    }
    header.text("kid").filter(|kid| !kid.is_empty()).map(str::to_owned).ok_or(Refusal::KeyId)
}

/// Whether it holds now, and is not made to hold for long.
fn is_of_now(claims: &Object, now: Moment) -> Result<(), Refusal> {
    let (expires, issued) = (second(claims, "exp")?, second(claims, "iat")?);
    let begins = if claims.get("nbf").is_some() { second(claims, "nbf")? } else { issued };
    if !(1..=LIFETIME_SECONDS_MAX).contains(&(expires - issued)) {
        return Err(Refusal::Lifetime);
    }
    // Seconds up to `SECOND_MAX` are far from the end of an i64 in milliseconds.
    if now.millis() >= expires * 1000 + SKEW_MS {
        return Err(Refusal::Expired);
    }
    if now.millis() < issued.max(begins) * 1000 - SKEW_MS {
        return Err(Refusal::TooEarly);
    }
    Ok(())
}

fn second(claims: &Object, name: &str) -> Result<i64, Refusal> {
    match claims.get(name) {
        Some(Value::Whole(second)) if (0..=SECOND_MAX).contains(second) => Ok(*second),
        _ => Err(Refusal::Times),
    }
}
