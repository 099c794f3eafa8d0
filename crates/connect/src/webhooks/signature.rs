//! Signatures over what is sent: HMAC-SHA256 under a secret that both sides know.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_base::{Chance, Moment, Secret};

/// Begins a secret as people copy it.
pub const SECRET_PREFIX: &str = "whsec_";
/// Random bytes of a secret; the standard asks for 24 to 64.
pub const SECRET_BYTES: usize = 32;

/// The headers that a message goes with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `webhook-id`: the same however often the message is sent.
    pub id: String,
    /// `webhook-timestamp`: when this attempt was made, in whole seconds since 1970.
    pub timestamp: String,
    /// `webhook-signature`: one `v1,` and base64 for each secret, with spaces between.
    pub signature: String,
}

impl Signed {
    /// Signs `id.timestamp.body` under each secret that holds.
    pub fn over(id: String, at: Moment, body: &[u8], secrets: &[Secret<Vec<u8>>]) -> Self {
        let timestamp = at.millis().div_euclid(1_000).to_string();
        let signature = |secret: &Secret<Vec<u8>>| {
            let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose()));
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                signing.update(part);
            }
            format!("v1,{}", BASE64.encode(signing.sign()))
        };
        let signature = secrets.iter().map(signature).collect::<Vec<_>>().join(" ");
        Self { id, timestamp, signature }
    }
}

/// A new secret: its bytes, and as people copy it (`whsec_` and base64).
pub fn make_secret(chance: &dyn Chance) -> (Secret<Vec<u8>>, Secret<String>) {
    let mut bytes = vec![0; SECRET_BYTES];
    chance.fill(&mut bytes);
    let written = format!("{SECRET_PREFIX}{}", BASE64.encode(&bytes));
    (Secret::new(bytes), Secret::new(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the standard's own libraries are tested with.
    #[test]
    fn the_standard_s_example_is_signed_as_it_says() {
        let secret = BASE64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = Signed::over(
            "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
            Moment::from_millis(1_614_265_330_999),
            br#"{"test": 2432232314}"#,
            &[Secret::new(secret)],
        );
        assert_eq!(signed.timestamp, "1614265330");
        assert_eq!(signed.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
