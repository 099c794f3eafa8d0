//! The name of a shop, which decides where secrets go, so it is checked before anything is made of it.

use crate::outbound::Url;
use crate::platform::Failure;
use std::fmt;
use std::str::FromStr;

/// What every shop's name ends with.
const DOMAIN: &str = ".myshopify.com";
/// Bytes of the part in front of it at most (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;

/// A shop's own name: `blue-mugs.myshopify.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShopName(String);

/// The text is no shop's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shop's name is written like blue-mugs.myshopify.com")]
pub struct BadShopName;

impl ShopName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the shop is, or where the setup says that it is.
    pub(super) fn base(&self, other: Option<Url>) -> Result<Url, Failure> {
        let own = || Url::parse(&format!("https://{}/", self.0));
        other.map_or_else(own, Ok).map_err(|_| Failure::Strange("the shop has no address".to_owned()))
    }
}

impl FromStr for ShopName {
    type Err = BadShopName;

    /// Takes what the maker allows: `^[a-z0-9][a-z0-9-]*\.myshopify\.com$`, whatever the case.
    fn from_str(text: &str) -> Result<Self, BadShopName> {
        let text = text.to_ascii_lowercase();
        let label = text.strip_suffix(DOMAIN).ok_or(BadShopName)?;
        let is_plain = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let is_good = is_plain && !label.is_empty() && !label.starts_with('-') && label.len() <= LABEL_BYTES_MAX;
        if is_good { Ok(Self(text)) } else { Err(BadShopName) }
    }
}

impl fmt::Display for ShopName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shops_own_name_is_taken() {
        for good in ["blue-mugs.myshopify.com", "1.myshopify.com", "Blue-Mugs.myshopify.com"] {
            assert!(good.parse::<ShopName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "myshopify.com",
            ".myshopify.com",
            "-a.myshopify.com",
            "a.b.myshopify.com",
            "evil.example/a.myshopify.com",
            "a.myshopify.com.evil.example",
            "a.myshopify.com\n",
            "a_b.myshopify.com",
            "user@a.myshopify.com",
        ] {
            assert!(bad.parse::<ShopName>().is_err(), "{bad}");
        }
    }
}
