//! A person's mail address: how people are named at sign-in, and where mail finds them.

use bonded_base::Problem;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Bytes of an address at most (RFC 5321 section 4.5.3.1.3, less the angle brackets).
pub const ADDRESS_BYTES_MAX: usize = 254;
/// Bytes of the part before the `@` at most (RFC 5321 section 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;

/// A mail address as it was written. It is personal, so nothing prints it but [`MailAddress::expose`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress(String);

impl MailAddress {
    /// The address itself: for mail, and for whoever may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// As it is looked up: in lower case, since people do not remember how they wrote it.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for MailAddress {
    type Err = Problem;

    /// The dot-atom form of RFC 5321 section 4.1.2, in ASCII, at a host with a dot; no quoted parts, no comments.
    fn from_str(text: &str) -> Result<Self, Problem> {
        let refused = || Problem::invalid("/mail", "a mail address is written like ada@example.com");
        let (local, host) = text.rsplit_once('@').ok_or_else(refused)?;
        let atom = |part: &str| !part.is_empty() && part.bytes().all(is_atom);
        let label = |part: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !part.is_empty()
                && part.len() <= 63
                && part.bytes().all(plain)
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        let fits = text.len() <= ADDRESS_BYTES_MAX && local.len() <= LOCAL_BYTES_MAX;
        if !fits || !local.split('.').all(atom) || !host.contains('.') || !host.split('.').all(label) {
            return Err(refused());
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

impl TryFrom<String> for MailAddress {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.0
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailAddress")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_what_is_none_is_refused() {
        for good in ["ada@example.com", "a.b+c@sub.example.co.uk", "o'neil@example.org", "A_B@EXAMPLE.com"] {
            assert_eq!(good.parse::<MailAddress>().unwrap().expose(), good);
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@example.com",
            "a..b@example.com",
            &long,
            "ada@-example.com",
            "ada@example..com",
            "ada@exa_mple.com",
            "ada@example.com\n",
            "<ada@example.com>",
            "a@b@.c",
        ] {
            assert!(bad.parse::<MailAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_found_however_it_is_capitalised_and_is_not_printed() {
        let address: MailAddress = "Ada@Example.COM".parse().unwrap();
        assert_eq!(address.folded(), "ada@example.com");
        assert_eq!(format!("{address:?}"), "MailAddress");
    }
}
