//! Canaries: made-up e-mail addresses, phone numbers and IP addresses, each with a number of its own in it.
//!
//! The number says in which field a canary was planted, so that one that is found anywhere names the leak. All of them
//! share a few marks, so that a search needs a few hundred needles and not millions. No address or number is anyone's:
//! the IPv4 block is reserved (RFC 1112 section 4), the IPv6 prefix is for documentation (RFC 3849), the domains are
//! for examples (RFC 2606).

use crate::encoding::unescaped;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Stands in the local part of every e-mail address, before its number.
pub const MAIL_MARK: &str = "kanarix";
/// Stands before a 0 and the number, in phone numbers that are written as in Britain.
pub const BRITISH_MARK: &str = "7946";
/// Stands before an 8 and the number, in phone numbers that are written as in America.
pub const AMERICAN_MARK: &str = "731";
/// The IPv4 addresses begin with 241 and one of these.
pub const IPV4_SECONDS: std::ops::Range<u8> = 160..176;
/// Stands before the number in IPv6 addresses.
pub const IPV6_MARK: &str = "db8:ca9a:";
/// The same as an address is kept in memory.
pub const IPV6_BYTES: [u8; 6] = [0x20, 0x01, 0x0d, 0xb8, 0xca, 0x9a];

/// Canaries of one shape at most: six digits, and fewer than the IPv4 block holds.
pub const SERIALS_MAX: u32 = 1_000_000;

/// What a canary looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    Mail,
    Phone,
    Ip,
}

/// One canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Canary {
    pub shape: Shape,
    pub serial: u32,
}

/// How people and programs write an e-mail address; each `#` is a digit of its number.
const MAILS: [&str; 16] = [
    "kanarix######@post.example",
    "kanarix.######@post.example",
    "kanarix+######@mail.shop.example.org",
    "KANARIX######@POST.EXAMPLE",
    "kanarix_######@b\u{fc}cher.example",
    "kanarix-######.\u{e9}l\u{e8}ve@post.example",
    "\"kanarix ######\"@post.example",
    "Ada Example <kanarix######@post.example>",
    "mailto:kanarix######@post.example?subject=hello",
    "kanarix######@[IPv6:::1]",
    "kanarix######%40post.example",
    "kanarix######\u{ff20}post.example",
    "(kanarix######@post.example)",
    "kanarix######@post.example,",
    "e-mail:kanarix######@post.example.",
    "kanarix######@xn--bcher-kva.example",
];

/// How people and programs write a phone number.
const PHONES: [&str; 37] = [
    "+4479460######",
    "+44 7946 0######",
    "+44 (0)7946 0######",
    "+44-7946-0###-###",
    "+44.7946.0###.###",
    "+44 79460 ######",
    "+44 (7946) 0###-###",
    "+(44) 7946 0######",
    "+ 44 7946 0######",
    "0044 7946 0######",
    "004479460######",
    "00 44 7946 0######",
    "07946 0######",
    "079460######",
    "07946-0###-###",
    "07946/0######",
    "(07946) 0### ###",
    "(07946)0######",
    "07946.0###.###",
    "07946 0###### ext. 12",
    "07946 0###### x12",
    "Tel: 07946 0######",
    "tel:+4479460######",
    "%2B4479460######",
    "07946\u{a0}0###\u{a0}###",
    "07946\u{2013}0###\u{2013}###",
    "\u{ff0b}\u{ff14}\u{ff14}\u{ff17}\u{ff19}\u{ff14}\u{ff16}\u{ff10}######",
    "(731) 8##-####",
    "731-8##-####",
    "731.8##.####",
    "731 8## ####",
    "+1 (731) 8##-####",
    "1-731-8##-####",
    "+17318######",
    "731-8##-####x12",
    "Apt4 731-8##-####",
    "Apt4 07946 0######",
];

/// How people and programs write an IP address.
#[derive(Clone, Copy)]
enum Written {
    /// `#` is the IPv4 address.
    V4(&'static str),
    /// Each part with three digits.
    V4Padded,
    /// `#` is the IPv6 address.
    V6(&'static str),
    /// Nothing left out.
    V6Long,
    /// The same in capitals.
    V6Capitals,
    /// The last two parts as an IPv4 address (RFC 4291 section 2.2).
    V6Tailed,
}

const IPS: [Written; 16] = [
    Written::V4("#"),
    Written::V6("#"),
    Written::V4("#:8443"),
    Written::V6("[#]:8443"),
    Written::V4("from #, "),
    Written::V6("#%eth0"),
    Written::V4Padded,
    Written::V6Long,
    Written::V4("https://#/"),
    Written::V6Capitals,
    Written::V4("::ffff:#"),
    Written::V6("#/64"),
    Written::V4("(#)"),
    Written::V6Tailed,
    Written::V4("#/32"),
    Written::V6("<#>"),
];

/// So many canaries of any shape, one after the other, show every form of it.
pub const FORMS_MAX: u32 = 40;
const _: () = assert!(PHONES.len() <= 40 && MAILS.len() <= 40 && IPS.len() <= 40);

impl Shape {
    pub const ALL: [Self; 3] = [Self::Mail, Self::Phone, Self::Ip];
}

impl Canary {
    /// The canary as it is planted; the forms follow one another.
    pub fn written(self) -> String {
        let place = self.serial as usize;
        match self.shape {
            Shape::Mail => self.filled(MAILS[place % MAILS.len()]),
            Shape::Phone => self.filled(PHONES[place % PHONES.len()]),
            Shape::Ip => self.address(IPS[place % IPS.len()]),
        }
    }

    fn filled(self, form: &str) -> String {
        let digits = format!("{:06}", self.serial);
        let mut digits = digits.chars();
        form.chars().map(|symbol| if symbol == '#' { digits.next().unwrap() } else { symbol }).collect()
    }

    fn address(self, form: Written) -> String {
        let (v4, v6) = (self.ipv4(), self.ipv6());
        let long = v6.segments().map(|part| format!("{part:04x}")).join(":");
        match form {
            Written::V4(form) => form.replace('#', &v4.to_string()),
            Written::V4Padded => v4.octets().map(|part| format!("{part:03}")).join("."),
            Written::V6(form) => form.replace('#', &v6.to_string()),
            Written::V6Long => long,
            Written::V6Capitals => long.to_uppercase(),
            Written::V6Tailed => {
                let [first, second, third, fourth, fifth, ..] = v6.segments().map(|part| format!("{part:x}"));
                format!("{first}:{second}:{third}:{fourth}:{fifth}:0:192.0.2.1")
            }
        }
    }

    /// The IPv4 address that holds the number.
    pub fn ipv4(self) -> Ipv4Addr {
        let [_, block, third, fourth] = self.serial.to_be_bytes();
        Ipv4Addr::new(241, IPV4_SECONDS.start + block, third, fourth)
    }

    /// The IPv6 address that holds the number.
    pub fn ipv6(self) -> Ipv6Addr {
        let [high, low] = [self.serial >> 16, self.serial & 0xffff].map(|part| u16::try_from(part).unwrap());
        Ipv6Addr::new(0x2001, 0x0db8, 0xca9a, high, low, 0, 0, 1)
    }
}

/// The number of an e-mail address, given what follows its mark.
pub fn mail_serial(tail: &str) -> Option<u32> {
    let tail = unescaped(tail);
    digits(tail.chars().skip_while(|symbol| ".+-_ ".contains(*symbol)), "")
}

/// The number of a phone number, given what follows its mark; `first` is the digit that must come before it.
pub fn phone_serial(tail: &str, first: char) -> Option<u32> {
    let tail = unescaped(tail);
    let mut symbols = tail.chars().filter_map(plain_digit).skip_while(|symbol| is_separator(*symbol));
    (symbols.next()? == first).then(|| digits(symbols, SEPARATORS)).flatten()
}

/// The number of an IPv4 address, given what follows its first two parts.
pub fn ipv4_serial(second: u8, tail: &str) -> Option<u32> {
    let mut parts = tail.split(|symbol: char| !symbol.is_ascii_digit()).map(str::parse::<u8>);
    let (third, fourth) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some(u32::from_be_bytes([0, second - IPV4_SECONDS.start, third, fourth]))
}

/// The number of an IPv6 address, given what follows its mark. A part that is zero may have been left out.
pub fn ipv6_serial(tail: &str) -> Option<u32> {
    let tail = unescaped(tail);
    let address = tail.split(|symbol: char| !symbol.is_ascii_hexdigit() && symbol != ':' && symbol != '.').next()?;
    // The tail of a search is cut somewhere, and a text may go on behind the address.
    let whole = (1..=address.len()).rev().find_map(|end| {
        format!("2001:{IPV6_MARK}{}", address.get(..end)?).to_ascii_lowercase().parse::<Ipv6Addr>().ok()
    })?;
    let [.., high, low, _, _, _] = whole.segments();
    Some((u32::from(high) << 16) | u32::from(low))
}

/// The number of an IPv6 address in memory, given what follows its first six bytes.
pub fn ipv6_bytes_serial(tail: &[u8]) -> Option<u32> {
    let [a, b, c, d, 0, 0, ..] = tail else { return None };
    Some(u32::from_be_bytes([*a, *b, *c, *d]))
}

/// What may part the digits of a phone number; `+` is a space in URLs.
const SEPARATORS: &str = " +-./()\u{a0}\u{2013}";

fn is_separator(symbol: char) -> bool {
    SEPARATORS.contains(symbol)
}

/// Exactly six digits that only separators part.
fn digits(symbols: impl Iterator<Item = char>, separators: &str) -> Option<u32> {
    let mut number = String::new();
    for symbol in symbols {
        match (symbol.is_ascii_digit(), number.len()) {
            (true, 6) => return None,
            (true, _) => number.push(symbol),
            (false, 6) => break,
            (false, _) if separators.contains(symbol) => {}
            (false, _) => return None,
        }
    }
    (number.len() == 6).then(|| number.parse().ok()).flatten()
}

/// Digits of other scripts as plain ones, all else as it is.
fn plain_digit(symbol: char) -> Option<char> {
    match symbol {
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(symbol) - 0xff10, 10),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_canary_of_a_shape_is_another() {
        for shape in Shape::ALL {
            let serials = (0..2_000).chain(SERIALS_MAX - 100..SERIALS_MAX);
            let written: HashSet<_> = serials.clone().map(|serial| Canary { shape, serial }.written()).collect();
            assert_eq!(written.len(), serials.count());
        }
    }

    #[test]
    fn what_follows_the_mark_names_the_canary() {
        for serial in (0..200).chain([65_535, 65_536, 123_456, SERIALS_MAX - 1]) {
            let mail = Canary { shape: Shape::Mail, serial }.written().to_lowercase();
            assert_eq!(mail_serial(mail.split_once(MAIL_MARK).unwrap().1), Some(serial), "{mail}");
            let ip = Canary { shape: Shape::Ip, serial };
            let second = ip.ipv4().octets()[1];
            let written = ip.written().to_lowercase();
            let found = match written.split_once(IPV6_MARK) {
                Some((_, tail)) => ipv6_serial(tail),
                None => ipv4_serial(second, written.split_once(&format!("241.{second}.")).unwrap().1),
            };
            assert_eq!(found, Some(serial), "{written}");
            assert_eq!(ipv6_bytes_serial(&ip.ipv6().octets()[6..]), Some(serial));
        }
    }

    #[test]
    fn separators_of_a_phone_number_may_be_lost_or_escaped() {
        for tail in ["0123456", " 0123-456 x12", "-0123-456", "%200123%2D456", ")+0123+456", "\\u00a00123\\u00a0456"] {
            assert_eq!(phone_serial(tail, '0'), Some(123_456), "{tail}");
        }
        for tail in ["012345", "1123456", "0 12 a 3456", ""] {
            assert_eq!(phone_serial(tail, '0'), None, "{tail}");
        }
    }
}
