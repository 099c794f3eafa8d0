//! Why an assertion was not believed, in one word each.

use std::fmt;

/// The reason of a refusal. Holds nothing of what was refused, so it may stand in logs and figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Longer than [`super::ASSERTION_BYTES_MAX`].
    TooLong,
    /// Not three parts with two dots between.
    Shape,
    /// A part is not strict base64url.
    Encoding,
    /// A part is no JSON object, or a member stands twice in one.
    Json,
    /// Another algorithm than ES256, or none.
    Algorithm,
    /// The header says that it is something else than a JWT.
    Type,
    /// The header demands what a reader must understand; we understand no such thing.
    Critical,
    /// The header brings its own key, or says where to get it.
    EmbeddedKey,
    /// The header names no key.
    KeyId,
    /// The key that the header names is none of the issuer's, as far as we know.
    UnknownKey,
    /// The signature is none of that key over these bytes.
    Signature,
    /// Another issuer.
    Issuer,
    /// Another audience, or more than one.
    Audience,
    /// `exp`, `iat` or `nbf` is not a whole number of seconds, or one that must be there is not.
    Times,
    /// It held once.
    Expired,
    /// It does not hold yet.
    TooEarly,
    /// It is made to hold for longer than [`super::LIFETIME_SECONDS_MAX`], or for no time at all.
    Lifetime,
    /// It is about nobody.
    Subject,
    /// It has no mail address, or one that was not verified.
    Mail,
}

impl Refusal {
    /// For logs and labels; never changes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Shape => "shape",
            Self::Encoding => "encoding",
            Self::Json => "json",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::Critical => "critical",
            Self::EmbeddedKey => "embedded_key",
            Self::KeyId => "key_id",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Times => "times",
            Self::Expired => "expired",
            Self::TooEarly => "too_early",
            Self::Lifetime => "lifetime",
            Self::Subject => "subject",
            Self::Mail => "mail",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl std::error::Error for Refusal {}
