//! Webhooks: is it Stripe that speaks, now, and of which of our records? The body is read for ids alone and never kept.
//!
//! Source: `docs.stripe.com/webhooks/signature`: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=…]`, the HMAC-SHA256 of `t.body` under
//! the endpoint's secret. Events come twice, late and out of order, so one says only what to look at.

use crate::payments::{Charge, PaymentMethod};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};
use bonded_base::{Account, Id, Moment, Secret};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "stripe-signature";
/// How far the time in a signature may lie from ours.
pub const TOLERANCE_MS: i64 = 300_000;
/// Signatures of one header that are looked at.
const SIGNATURES_MAX: usize = 8;
/// Characters of an event's id at most.
const EVENT_CHARS_MAX: usize = 128;

/// Whether this body was signed with one of the secrets, within [`TOLERANCE_MS`] of now. Takes the same time whatever is
/// wrong with a signature.
pub(super) fn is_genuine(body: &[u8], header: &str, secrets: &[Secret<String>], now: Moment) -> bool {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let Some((_, seconds)) = parts().find(|(name, _)| *name == "t") else { return false };
    let Some(at) = seconds.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000)) else { return false };
    if now.millis().abs_diff(at) > TOLERANCE_MS.unsigned_abs() {
        return false;
    }
    let mut signed = format!("{seconds}.").into_bytes();
    signed.extend_from_slice(body);
    let given: Vec<_> = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| unhex(hex)).collect();
    let under = |secret: &Secret<String>, signature: &[u8]| {
        let key = Key::new(HMAC_SHA256, secret.expose().as_bytes());
        !secret.expose().is_empty() && verify(&key, &signed, signature).is_ok()
    };
    let pairs = given.iter().take(SIGNATURES_MAX).flat_map(|given| secrets.iter().map(move |secret| (given, secret)));
    pairs.fold(false, |found, (signature, secret)| under(secret, signature) | found)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

/// What a webhook says: its id, and which of our records to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Stripe's id of it: copies have the same.
    pub id: String,
    /// Whose, and which; `None` for what is no business of ours.
    pub about: Option<(Id<Account>, Subject)>,
}

/// Which record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A payment or a refund of it.
    Charge(Id<Charge>),
    /// A card that is being set up, or was.
    PaymentMethod(Id<PaymentMethod>),
}

#[derive(Deserialize)]
struct Said {
    id: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl Event {
    /// Reads what was signed; of what has another form nothing is known but that it is no business of ours.
    pub(super) fn read(body: &[u8]) -> Self {
        let Ok(said) = serde_json::from_slice::<Said>(body) else { return Self { id: String::new(), about: None } };
        let named = |name: &str| said.data.object.metadata.get(name);
        let account = named("account").and_then(|id| id.parse().ok());
        let charge = named("charge").and_then(|id| id.parse().ok()).map(Subject::Charge);
        let method = || named("payment_method").and_then(|id| id.parse().ok()).map(Subject::PaymentMethod);
        let about = account.zip(charge.or_else(method));
        Self { id: said.id.chars().take(EVENT_CHARS_MAX).collect(), about }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::hmac::sign;
    use std::fmt::Write as _;

    const BODY: &[u8] = br#"{"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1",
        "metadata": {"account": "acct_01jd2mk8x3e5v9zq4t7w6y5h0c", "charge": "ch_01jd2mk8x3e5v9zq4t7w6y5h0c"}}}}"#;

    fn signed(seconds: i64, secret: &str) -> String {
        let mut text = format!("{seconds}.").into_bytes();
        text.extend_from_slice(BODY);
        let tag = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), &text);
        tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
    }

    #[test]
    fn only_what_is_signed_now_with_a_secret_of_ours_is_heard() {
        let secrets = ["whsec_new", "whsec_old"].map(|secret| Secret::new(secret.to_owned()));
        let now = Moment::from_millis(1_700_000_000_000);
        let good = |seconds: i64, secret: &str| format!("t={seconds},v1={},v0=00", signed(seconds, secret));
        for (header, heard) in [
            (good(1_700_000_000, "whsec_new"), true),
            (good(1_700_000_000, "whsec_old"), true),
            (good(1_699_999_700, "whsec_new"), true),
            (format!("t=1700000000,v1=00,v1={}", signed(1_700_000_000, "whsec_new")), true),
            (good(1_699_999_699, "whsec_new"), false),
            (good(1_700_000_301, "whsec_new"), false),
            (good(1_700_000_000, "whsec_other"), false),
            (good(1_700_000_000, ""), false),
            (format!("t=1700000001,v1={}", signed(1_700_000_000, "whsec_new")), false),
            (format!("v1={}", signed(1_700_000_000, "whsec_new")), false),
            (format!("t=1700000000,v0={}", signed(1_700_000_000, "whsec_new")), false),
            ("t=,v1=".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_genuine(BODY, &header, &secrets, now), heard, "{header}");
        }
        assert!(!is_genuine(BODY, &good(1_700_000_000, ""), &[Secret::new(String::new())], now));
    }

    #[test]
    fn an_event_names_our_record_or_nothing() {
        let event = Event::read(BODY);
        assert_eq!(event.id, "evt_1");
        assert!(matches!(event.about, Some((_, Subject::Charge(_)))));
        for body in [&b"{}"[..], b"[", br#"{"id": "evt_2", "data": {"object": {"metadata": {"charge": "ch_x"}}}}"#] {
            assert_eq!(Event::read(body).about, None);
        }
    }
}
