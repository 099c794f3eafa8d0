//! An approver's signature: a passkey's assertion whose challenge is what was approved.
//!
//! Source: Web Authentication Level 3, section 7.2 (steps that concern the signature, its origin and the person's
//! presence). The algorithms are those of COSE (RFC 9053) that authenticators have: ES256, `EdDSA`, RS256.

use crate::NotApproved;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};

/// Bytes of authenticator data before its extensions: hash of the relying party's id, flags, counter.
const AUTHENTICATOR_DATA_BYTES: usize = 37;
/// Flags: the person was there, and the authenticator knows who it was.
const PRESENT_AND_VERIFIED: u8 = 0b0000_0101;

/// A passkey's public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "alg", rename_all = "snake_case")]
pub enum ApprovalKey {
    /// ECDSA on P-256 with SHA-256: the point's coordinates, 32 bytes each.
    Es256 {
        /// Big-endian.
        #[serde(with = "base64url")]
        x: Vec<u8>,
        /// Big-endian.
        #[serde(with = "base64url")]
        y: Vec<u8>,
    },
    /// Ed25519: the 32 bytes of RFC 8032.
    EdDsa {
        /// The key.
        #[serde(with = "base64url")]
        key: Vec<u8>,
    },
    /// RSA (PKCS #1 v1.5) with SHA-256, 2,048 bits and more.
    Rs256 {
        /// The modulus, big-endian.
        #[serde(with = "base64url")]
        n: Vec<u8>,
        /// The exponent, big-endian.
        #[serde(with = "base64url")]
        e: Vec<u8>,
    },
}

/// What a browser gives when a passkey signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertion {
    /// Which passkey.
    #[serde(with = "base64url")]
    pub credential_id: Vec<u8>,
    /// The JSON that the browser made: the challenge, the origin.
    #[serde(with = "base64url")]
    pub client_data_json: Vec<u8>,
    /// What the authenticator says of itself and of the person.
    #[serde(with = "base64url")]
    pub authenticator_data: Vec<u8>,
    /// Over the authenticator data and the digest of the client data.
    #[serde(with = "base64url")]
    pub signature: Vec<u8>,
}

/// The members of the client data that are looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

impl ApprovalKey {
    /// One text for one key, to be endorsed.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let parts: [&[u8]; 3] = match self {
            Self::Es256 { x, y } => [b"es256", x, y],
            Self::EdDsa { key } => [b"eddsa", key, b""],
            Self::Rs256 { n, e } => [b"rs256", n, e],
        };
        parts.iter().flat_map(|part| [&(part.len() as u64).to_be_bytes(), *part].concat()).collect()
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256 { x, y } => {
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            Self::EdDsa { key } => UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok(),
            Self::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }
}

impl Assertion {
    /// Whether this key signed this challenge for a page of this relying party, its owner present and recognised.
    pub(crate) fn check(&self, key: &ApprovalKey, relying_party: &str, challenge: &[u8]) -> Result<(), NotApproved> {
        let client: ClientData = serde_json::from_slice(&self.client_data_json).map_err(|_| NotApproved::Signature)?;
        let asked = client.r#type == "webauthn.get"
            && client.challenge == BASE64URL.encode(challenge)
            && !client.cross_origin
            && is_of(&client.origin, relying_party);
        let data = &self.authenticator_data;
        let party = digest(&SHA256, relying_party.as_bytes());
        let there = data.len() >= AUTHENTICATOR_DATA_BYTES
            && data.get(..32) == Some(party.as_ref())
            && data.get(32).is_some_and(|flags| flags & PRESENT_AND_VERIFIED == PRESENT_AND_VERIFIED);
        let signed = [data.as_slice(), digest(&SHA256, &self.client_data_json).as_ref()].concat();
        if asked && there && key.verifies(&signed, &self.signature) { Ok(()) } else { Err(NotApproved::Signature) }
    }
}

/// Whether an origin (`https://app.bonded.example:8443`) is of a relying party (`bonded.example`).
fn is_of(origin: &str, relying_party: &str) -> bool {
    let Some(host) = origin.strip_prefix("https://") else { return false };
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    host == relying_party || host.strip_suffix(relying_party).is_some_and(|before| before.ends_with('.'))
}

/// Bytes as base64url without padding, as browsers write them.
mod base64url {
    use super::{BASE64URL, Deserialize};
    use base64::Engine as _;
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64URL.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64URL.decode(text.trim_end_matches('=')).map_err(|_| serde::de::Error::custom("not base64url"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_of_its_relying_party_or_below_it() {
        for good in ["https://bonded.example", "https://app.bonded.example", "https://app.bonded.example:8443"] {
            assert!(is_of(good, "bonded.example"), "{good}");
        }
        for bad in ["http://bonded.example", "https://evilbonded.example", "https://bonded.example.evil.example", ""] {
            assert!(!is_of(bad, "bonded.example"), "{bad}");
        }
    }
}
