//! A proxy of the tests' own: real keys, real signatures, over whatever it is told to sign.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bonded_base::Moment;
use bonded_people::assertion::{Identity, KeySet, Refusal, Rules, Verifier};
use serde_json::{Value, json};

/// Now, in seconds.
pub const NOW: i64 = 1_795_339_800;
pub const ISSUER: &str = "https://proxy.example/iap";
pub const AUDIENCE: &str = "/projects/1234/global/backendServices/5678";
/// The header of a good assertion.
pub const HEADER: &str = r#"{"alg":"ES256","typ":"JWT","kid":"key-1"}"#;

/// A key pair with a name.
pub struct Signer {
    pub kid: String,
    pair: EcdsaKeyPair,
}

impl Signer {
    pub fn new(kid: &str) -> Self {
        Self::by(kid, &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    pub fn by(kid: &str, algorithm: &'static EcdsaSigningAlgorithm) -> Self {
        Self { kid: kid.to_owned(), pair: EcdsaKeyPair::generate(algorithm).unwrap() }
    }

    /// The public key as an uncompressed point.
    pub fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The public key as issuers publish it.
    pub fn jwk(&self) -> Value {
        let (x, y) = self.point()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": encode(x), "y": encode(y)})
    }

    /// The public key in DER: the frame of RFC 5480 and the point.
    pub fn der(&self) -> Vec<u8> {
        let mut der = vec![0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08];
        der.extend([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00]);
        der.extend(self.point());
        der
    }

    /// The same in PEM.
    pub fn pem(&self) -> String {
        let body = STANDARD.encode(self.der());
        let (first, second) = body.split_at(64);
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    /// Signs header and claims, each any text.
    pub fn token(&self, header: &str, claims: &str) -> String {
        self.seal(&encode(header), &encode(claims))
    }

    /// Signs two parts as they are written.
    pub fn seal(&self, header: &str, claims: &str) -> String {
        let signed = format!("{header}.{claims}");
        let signature = self.sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    }
}

/// An issuer with two keys, and whoever takes its word.
pub struct Mint {
    pub first: Signer,
    pub second: Signer,
    /// A key that the issuer does not have, under a name that it has.
    pub stranger: Signer,
    pub keys: KeySet,
    pub verifier: Verifier,
}

impl Mint {
    pub fn new() -> Self {
        let (first, second) = (Signer::new("key-1"), Signer::new("key-2"));
        let keys = KeySet::parse(json!({"keys": [first.jwk(), second.jwk()]}).to_string().as_bytes()).unwrap();
        let rules = Rules { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned() };
        Self { first, second, stranger: Signer::new("key-1"), keys, verifier: Verifier::new(rules) }
    }

    pub fn token(&self, header: &str, claims: &str) -> String {
        self.first.token(header, claims)
    }

    /// An assertion with these claims besides or instead of the good ones; `null` stays `null`.
    pub fn with(&self, changes: &[(&str, Value)]) -> String {
        let mut claims: Value = serde_json::from_str(&claims()).unwrap();
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        self.token(HEADER, &claims.to_string())
    }

    /// An assertion without this claim.
    pub fn without(&self, name: &str) -> String {
        let mut claims: Value = serde_json::from_str(&claims()).unwrap();
        claims.as_object_mut().unwrap().remove(name).unwrap();
        self.token(HEADER, &claims.to_string())
    }

    pub fn verify(&self, assertion: &str) -> Result<Identity, Refusal> {
        self.verifier.verify(&self.keys, assertion, Moment::from_millis(NOW * 1000))
    }
}

/// The claims of a good assertion.
pub fn claims() -> String {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": NOW - 60, "exp": NOW + 540,
        "sub": "accounts.google.com:1234567890", "email": "ada@example.com",
    })
    .to_string()
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

/// Its three parts.
pub fn parts(assertion: &str) -> [&str; 3] {
    let parts: Vec<_> = assertion.split('.').collect();
    parts.try_into().unwrap()
}
