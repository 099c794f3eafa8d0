//! A passkey in software: what a security key and a browser would answer, for tests of the doors that ask them.
//!
//! It speaks the JSON that browsers' `PublicKeyCredential.toJSON()` gives (Web Authentication Level 3, section 5.1),
//! over authenticator data and attestation "none" as sections 6.1 and 8.7 of the same lay out.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Flags of authenticator data: the person was there.
const PRESENT: u8 = 0x01;
/// The person was recognised, by a PIN or a finger.
const VERIFIED: u8 = 0x04;
/// The key may live on more than one device, and does.
const SYNCED: u8 = 0x08 | 0x10;
/// Credential data follow.
const ATTESTED: u8 = 0x40;

/// One authenticator with one key pair (P-256), in a browser that shows one page.
pub struct SoftKey {
    rp_id: String,
    origin: String,
    pair: EcdsaKeyPair,
    credential_id: Vec<u8>,
    flags: u8,
    framed: bool,
    counter: AtomicU32,
    user_handle: Mutex<Option<Vec<u8>>>,
}

/// A signature and what it is over, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionParts {
    /// Which passkey.
    pub credential_id: Vec<u8>,
    /// The JSON that the browser made.
    pub client_data_json: Vec<u8>,
    /// What the authenticator says of itself and of the person.
    pub authenticator_data: Vec<u8>,
    /// ECDSA in ASN.1 over the authenticator data and the SHA-256 of the client data.
    pub signature: Vec<u8>,
}

#[expect(clippy::expect_used, clippy::panic, reason = "a test that asks for what no authenticator does must fail")]
impl SoftKey {
    /// A fresh key for a relying party (`bonded.example`), in a browser at an origin (`https://app.bonded.example`).
    pub fn new(rp_id: &str, origin: &str) -> Self {
        let mut credential_id = vec![0; 32];
        rand::fill(&mut credential_id).expect("randomness");
        Self {
            rp_id: rp_id.to_owned(),
            origin: origin.to_owned(),
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key pair"),
            credential_id,
            flags: PRESENT | VERIFIED,
            framed: false,
            counter: AtomicU32::new(0),
            user_handle: Mutex::new(None),
        }
    }

    /// The same, but it does not ask for a PIN or a finger.
    #[must_use]
    pub fn without_verification(mut self) -> Self {
        self.flags &= !VERIFIED;
        self
    }

    /// The same, but copied between its owner's devices, as those of phones are: it counts nothing.
    #[must_use]
    pub fn synced(mut self) -> Self {
        self.flags |= SYNCED;
        self
    }

    /// The same authenticator, now in a browser that shows another page.
    #[must_use]
    pub fn at(mut self, rp_id: &str, origin: &str) -> Self {
        rp_id.clone_into(&mut self.rp_id);
        origin.clone_into(&mut self.origin);
        self
    }

    /// The same authenticator, asked by a page inside another site's.
    #[must_use]
    pub fn framed(mut self) -> Self {
        self.framed = true;
        self
    }

    /// The same authenticator, asked by a page of its own again.
    #[must_use]
    pub fn unframed(mut self) -> Self {
        self.framed = false;
        self
    }

    /// Puts the counter of signatures to what it was, as on a copy: the next signature says `last + 1`.
    pub fn wind_back_to(&self, last: u32) {
        self.counter.store(last, Ordering::SeqCst);
    }

    /// The name of its key.
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    /// The public key: the coordinates of the point, big-endian.
    pub fn public_key(&self) -> ([u8; 32], [u8; 32]) {
        let point = self.pair.public_key().as_ref();
        let half = |from: usize| point.get(from..from + 32).and_then(|half| half.try_into().ok());
        (half(1).expect("32 bytes"), half(33).expect("32 bytes"))
    }

    /// Whose passkey it is, once it has been enrolled.
    pub fn user_handle(&self) -> Option<Vec<u8>> {
        self.user_handle.lock().expect("no test panicked here").clone()
    }

    /// Enrols: takes `PublicKeyCredentialCreationOptions` as JSON (bare, or under `publicKey`), gives the credential.
    ///
    /// # Panics
    /// If the key is on the list of those to leave out, or is asked for an algorithm that it does not have.
    pub fn create(&self, options: &Value) -> Value {
        let options = options.get("publicKey").unwrap_or(options);
        assert!(!self.is_listed(options.get("excludeCredentials")), "this authenticator is enrolled already");
        let algorithms = options.get("pubKeyCredParams").and_then(Value::as_array).expect("algorithms");
        assert!(algorithms.iter().any(|one| one.get("alg") == Some(&json!(-7))), "ES256 is not asked for");
        let handle = decoded(options.pointer("/user/id"));
        *self.user_handle.lock().expect("no test panicked here") = Some(handle);
        let client_data = self.client_data("webauthn.create", &challenge(options));
        let id = BASE64URL.encode(&self.credential_id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "clientDataJSON": BASE64URL.encode(client_data),
                "attestationObject": BASE64URL.encode(self.attestation()),
                "transports": ["usb", "nfc"],
            },
        })
    }

    /// Signs in: takes `PublicKeyCredentialRequestOptions` as JSON (bare, or under `publicKey`), gives the assertion.
    ///
    /// # Panics
    /// If the key is not among those that are asked for.
    pub fn get(&self, options: &Value) -> Value {
        let options = options.get("publicKey").unwrap_or(options);
        let listed =
            options.get("allowCredentials").filter(|list| list.as_array().is_some_and(|list| !list.is_empty()));
        assert!(listed.is_none() || self.is_listed(listed), "this authenticator is not asked for");
        self.assertion_json(&self.sign(&challenge(options)))
    }

    /// An assertion in the browser's JSON.
    pub fn assertion_json(&self, parts: &AssertionParts) -> Value {
        let id = BASE64URL.encode(&parts.credential_id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL.encode(&parts.client_data_json),
                "authenticatorData": BASE64URL.encode(&parts.authenticator_data),
                "signature": BASE64URL.encode(&parts.signature),
                "userHandle": self.user_handle().map(|handle| BASE64URL.encode(handle)),
            },
        })
    }

    /// Signs a challenge, whoever asks.
    pub fn sign(&self, challenge: &[u8]) -> AssertionParts {
        let client_data_json = self.client_data("webauthn.get", challenge);
        let authenticator_data = self.authenticator_data(self.flags);
        let signed = [&authenticator_data, digest(&SHA256, &client_data_json).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).expect("a signature").as_ref().to_vec();
        AssertionParts { credential_id: self.credential_id.clone(), client_data_json, authenticator_data, signature }
    }

    fn is_listed(&self, list: Option<&Value>) -> bool {
        let id = json!(BASE64URL.encode(&self.credential_id));
        list.and_then(Value::as_array).is_some_and(|list| list.iter().any(|one| one.get("id") == Some(&id)))
    }

    fn client_data(&self, kind: &str, challenge: &[u8]) -> Vec<u8> {
        let challenge = BASE64URL.encode(challenge);
        let data = json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.framed });
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let count = if flags & SYNCED == 0 { self.counter.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        [digest(&SHA256, self.rp_id.as_bytes()).as_ref(), &[flags], &count.to_be_bytes()].concat()
    }

    /// `{"fmt": "none", "attStmt": {}, "authData": …}` in CBOR (RFC 8949).
    fn attestation(&self) -> Vec<u8> {
        let (x, y) = self.public_key();
        let length = u16::try_from(self.credential_id.len()).expect("a short id");
        // COSE (RFC 9053): kty EC2, alg ES256, crv P-256, x, y.
        let key = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], &x[..], &[0x22, 0x58, 32], &y[..]].concat();
        let data = self.authenticator_data(self.flags | ATTESTED);
        let data = [&data, &[0; 16][..], &length.to_be_bytes(), &self.credential_id, &key].concat();
        let size = u8::try_from(data.len()).unwrap_or_else(|_| panic!("authenticator data of one length byte"));
        [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58", &[size][..], &data].concat()
    }
}

#[expect(clippy::expect_used, reason = "a test that asks for what no browser understands must fail")]
fn decoded(text: Option<&Value>) -> Vec<u8> {
    let text = text.and_then(Value::as_str).expect("a text in base64url");
    BASE64URL.decode(text).expect("base64url")
}

fn challenge(options: &Value) -> Vec<u8> {
    decoded(options.get("challenge"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

    #[test]
    fn what_it_signs_is_what_the_standard_lays_out() {
        let key = SoftKey::new("bonded.example", "https://app.bonded.example");
        let parts = key.sign(b"approve this");
        assert_eq!(parts.authenticator_data[..32], *digest(&SHA256, b"bonded.example").as_ref());
        assert_eq!(parts.authenticator_data[32..], [PRESENT | VERIFIED, 0, 0, 0, 1]);
        let client: Value = serde_json::from_slice(&parts.client_data_json).unwrap();
        assert_eq!(client["challenge"], BASE64URL.encode(b"approve this"));
        assert_eq!(client["origin"], "https://app.bonded.example");
        let (x, y) = key.public_key();
        let signed = [&parts.authenticator_data, digest(&SHA256, &parts.client_data_json).as_ref()].concat();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, [&[4], &x[..], &y[..]].concat());
        assert!(public.verify(&signed, &parts.signature).is_ok());
        assert_eq!(key.sign(b"").authenticator_data[33..], [0, 0, 0, 2], "it counts");
    }
}
