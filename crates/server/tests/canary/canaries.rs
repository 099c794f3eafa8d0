//! Canaries: made-up things of a person, as an e-mail address or a password, each with a number of its own in it.
//!
//! The number says in which field a canary was planted, so that one that is found names the leak. They share a few
//! marks, so that a search needs a few hundred needles and not millions. None is anyone's: the IPv4 block is reserved
//! (RFC 1112 section 4), the IPv6 prefix is for documentation (RFC 3849), the domains are for examples (RFC 2606).

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;

/// What a canary looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    /// What a consumer has, who must leave nothing of it.
    Mail,
    Phone,
    Ip,
    /// What a user or one of the staff has: where they sign in, what they are called, and what nobody may know.
    Address,
    Name,
    Password,
    /// The number of a payment card, which nobody may send.
    Card,
}

/// One canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Canary {
    pub shape: Shape,
    pub serial: u32,
}

/// What every canary of a shape has in it in front of its number, and how the number is read after it.
pub struct Mark {
    pub text: &'static str,
    pub shape: Shape,
    pub number: fn(&str) -> Option<u32>,
    /// Nothing else has this mark, so that it counts even where the number is torn off.
    pub certain: bool,
}

pub const MARKS: [Mark; 20] = [
    Mark { text: "kanarix", shape: Shape::Mail, number: mail, certain: true },
    Mark { text: "KANARIX", shape: Shape::Mail, number: mail, certain: true },
    Mark { text: "7946", shape: Shape::Phone, number: |tail| phone(tail, '0'), certain: false },
    Mark {
        text: "\u{ff17}\u{ff19}\u{ff14}\u{ff16}",
        shape: Shape::Phone,
        number: |tail| phone(tail, '0'),
        certain: false,
    },
    Mark { text: "731", shape: Shape::Phone, number: |tail| phone(tail, '8'), certain: false },
    Mark { text: "241.", shape: Shape::Ip, number: ipv4, certain: false },
    Mark { text: "db8:ca9a:", shape: Shape::Ip, number: ipv6, certain: true },
    Mark { text: "DB8:CA9A:", shape: Shape::Ip, number: ipv6, certain: true },
    person("zeisigel", Shape::Address),
    person("Zeisigel", Shape::Address),
    person("ZEISIGEL", Shape::Address),
    person("wachtelin", Shape::Name),
    person("Wachtelin", Shape::Name),
    person("WACHTELIN", Shape::Name),
    person("dompfaffe", Shape::Password),
    person("Dompfaffe", Shape::Password),
    person("DOMPFAFFE", Shape::Password),
    Mark { text: "40000079", shape: Shape::Card, number: card, certain: false },
    Mark { text: "4000 0079", shape: Shape::Card, number: card, certain: false },
    Mark { text: "4000-0079", shape: Shape::Card, number: card, certain: false },
];

const fn person(text: &'static str, shape: Shape) -> Mark {
    Mark { text, shape, number: mail, certain: true }
}

/// The beginning of the IPv6 addresses as they lie in memory.
pub const IPV6_BYTES: [u8; 6] = [0x20, 0x01, 0x0d, 0xb8, 0xca, 0x9a];

/// Canaries of one shape at most: six digits.
const SERIALS_MAX: u32 = 1_000_000;
/// The second part of the first IPv4 address.
const IPV4_SECOND: u8 = 160;
/// Added to each half of a number in an IPv6 address, so that no part of it is zero and left out.
const IPV6_PART: u32 = 0x1000;
/// Numbers that the lower half of an IPv6 address counts.
const IPV6_LOWER: u32 = 1_000;

/// How people and programs write an e-mail address; each `#` is a digit of its number.
const MAILS: [&str; 15] = [
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
    "e-mail:kanarix######@post.example.",
    "kanarix######@xn--bcher-kva.example",
];

/// How they write a phone number.
const PHONES: [&str; 30] = [
    "+4479460######",
    "+44 7946 0######",
    "+44 (0)7946 0######",
    "+44-7946-0###-###",
    "+44.7946.0###.###",
    "+44 (7946) 0###-###",
    "+(44) 7946 0######",
    "0044 7946 0######",
    "004479460######",
    "07946 0######",
    "079460######",
    "07946-0###-###",
    "07946/0######",
    "(07946) 0### ###",
    "(07946)0######",
    "07946.0###.###",
    "07946 0###### ext. 12",
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
    "+17318######",
    "Apt4 07946 0######",
];

/// How they write an IP address; the words stand for whole addresses.
const IPS: [&str; 14] = [
    "V4",
    "V6",
    "V4:8443",
    "[V6]:8443",
    "from V4, ",
    "V6%eth0",
    "PADDED",
    "LONG",
    "https://V4/",
    "CAPITALS",
    "::ffff:V4",
    "V6/64",
    "(V4)",
    "TAILED",
];

/// Addresses that people sign in with, all of a good form; a mail server refuses some of them.
pub const ADDRESSES: [&str; 7] = [
    "zeisigel######@aviary.example",
    "Zeisigel.######@aviary.example",
    "zeisigel+######@mail.aviary.example",
    "ZEISIGEL-######@AVIARY.EXAMPLE",
    "refused.zeisigel######@aviary.example",
    "zeisigel_######@aviary.example",
    "rejected-zeisigel######@aviary.example",
];

/// What people are called.
const NAMES: [&str; 5] = [
    "Wachtelin ######",
    "wachtelin-######",
    "WACHTELIN ###### of Mews",
    "Dr. Wachtelin ######",
    "Wachtelin ###### \u{c9}l\u{e8}ve",
];

/// Passwords that the rules take.
const PASSWORDS: [&str; 4] = [
    "dompfaffe###### plum anvil tide",
    "Dompfaffe-###### quiet harbour",
    "DOMPFAFFE###### vellum & quince",
    "dompfaffe_###### \u{fc}ber die 7 seen",
];

/// How they write the number of a payment card: of a range that is for tests of one country's cards. `=` is its check digit.
const CARDS: [&str; 3] = ["400000790######=", "4000 0079 0### ###=", "4000-0079-0###-###="];

/// So many canaries one after the other show every form.
pub const FORMS: u32 = 30;

impl Shape {
    /// What a consumer has.
    pub const ALL: [Self; 3] = [Self::Mail, Self::Phone, Self::Ip];
    /// What people have who sign in.
    pub const OF_PEOPLE: [Self; 3] = [Self::Address, Self::Name, Self::Password];
    pub const EVERY: [Self; 7] =
        [Self::Mail, Self::Phone, Self::Ip, Self::Address, Self::Name, Self::Password, Self::Card];
}

impl Canary {
    /// The canary as it is planted; the forms follow one another.
    pub fn written(self) -> String {
        let form = |forms: &[&'static str]| forms[self.serial as usize % forms.len()];
        match self.shape {
            Shape::Mail => self.filled(form(&MAILS)),
            Shape::Phone => self.filled(form(&PHONES)),
            Shape::Ip => self.address(form(&IPS)),
            Shape::Address => self.filled(form(&ADDRESSES)),
            Shape::Name => self.filled(form(&NAMES)),
            Shape::Password => self.filled(form(&PASSWORDS)),
            Shape::Card => self.filled(form(&CARDS)).replace('=', &self.check_digit().to_string()),
        }
    }

    fn filled(self, form: &str) -> String {
        let digits = format!("{:06}", self.serial);
        let mut digits = digits.chars();
        form.chars().map(|symbol| if symbol == '#' { digits.next().unwrap() } else { symbol }).collect()
    }

    /// The last digit of the card of this number.
    fn check_digit(self) -> u32 {
        let sum = luhn(&format!("400000790{:06}0", self.serial));
        (10 - sum % 10) % 10
    }

    fn address(self, form: &str) -> String {
        let [_, block, third, fourth] = self.serial.to_be_bytes();
        let v4 = Ipv4Addr::new(241, IPV4_SECOND + block, third, fourth);
        let v6 = self.ipv6();
        let long = v6.segments().map(|part| format!("{part:04x}")).join(":");
        match form {
            "PADDED" => v4.octets().map(|part| format!("{part:03}")).join("."),
            "LONG" => long,
            "CAPITALS" => long.to_uppercase(),
            // The last two parts as an IPv4 address (RFC 4291 section 2.2).
            "TAILED" => format!("{}:0:192.0.2.1", v6.to_string().trim_end_matches("::1")),
            form => form.replace("V4", &v4.to_string()).replace("V6", &v6.to_string()),
        }
    }

    pub fn ipv6(self) -> Ipv6Addr {
        let [upper, lower] = [self.serial / IPV6_LOWER, self.serial % IPV6_LOWER];
        let [upper, lower] = [upper, lower].map(|half| u16::try_from(IPV6_PART + half).unwrap());
        Ipv6Addr::new(0x2001, 0x0db8, 0xca9a, upper, lower, 0, 0, 1)
    }
}

fn mail(tail: &str) -> Option<u32> {
    // A dump may write down once more what was written in the way of URLs.
    let tail = tail.replace("%20", " ");
    six_digits(tail.trim_start_matches(['.', '+', '-', '_', ' ']), "")
}

fn phone(tail: &str, first: char) -> Option<u32> {
    let tail = tail.trim_start_matches(|symbol| SEPARATORS.contains(symbol));
    let tail = tail.strip_prefix(first).or_else(|| tail.strip_prefix('\u{ff10}').filter(|_| first == '0'))?;
    six_digits(tail, SEPARATORS)
}

/// Only dots part its numbers: behind a comma stands the next cell of a file, as a price behind an address in `…241.170`.
fn ipv4(tail: &str) -> Option<u32> {
    let mut parts = tail.splitn(3, '.');
    let block = parts.next()?.parse::<u8>().ok()?.checked_sub(IPV4_SECOND)?;
    let third = parts.next()?.parse().ok()?;
    let fourth = parts.next()?.split(|symbol: char| !symbol.is_ascii_digit()).next()?.parse().ok()?;
    Some(u32::from_be_bytes([0, block, third, fourth]))
}

fn ipv6(tail: &str) -> Option<u32> {
    let mut halves = tail.split(':').map(|part| u32::from_str_radix(part, 16).ok()?.checked_sub(IPV6_PART));
    Some(halves.next()?? * IPV6_LOWER + halves.next()??)
}

/// A zero, six digits and the right check digit; more of them are something longer.
fn card(tail: &str) -> Option<u32> {
    let digits: String = tail.chars().filter(|symbol| !" -+".contains(*symbol)).take(9).collect();
    let digits = digits.split(|symbol: char| !symbol.is_ascii_digit()).next().unwrap_or_default();
    if digits.len() != 8 || !digits.starts_with('0') || !luhn(&format!("40000079{digits}")).is_multiple_of(10) {
        return None;
    }
    digits[1..7].parse().ok()
}

/// The sum that ends in a zero for a right number (ISO/IEC 7812-1 annex B).
fn luhn(digits: &str) -> u32 {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let digits = digits.chars().rev().map(|digit| digit.to_digit(10).unwrap());
    digits.enumerate().map(|(place, digit)| if place % 2 == 1 { doubled(digit) } else { digit }).sum()
}

/// What may part the digits of a phone number.
const SEPARATORS: &str = " +-./()\u{a0}\u{2013}";

/// Exactly six digits that only separators part. Those of a phone number are a part of some id where a letter or a hyphen
/// follows.
fn six_digits(text: &str, separators: &str) -> Option<u32> {
    let mut number = String::new();
    for symbol in text.chars() {
        match (symbol.is_ascii_digit(), number.len()) {
            (true, 6) => return None,
            (true, _) => number.push(symbol),
            (false, 0..6) if separators.contains(symbol) => {}
            (false, 6) if !separators.is_empty() && (symbol.is_ascii_alphabetic() || symbol == '-') => return None,
            (false, _) => break,
        }
    }
    (number.len() == 6).then(|| number.parse().ok()).flatten()
}

/// A field that a request can carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// `POST /v1/orders`; `*` for what every request can carry.
    pub operation: String,
    /// `body /consumer/street`, `query limit`, `header user-agent` …
    pub part: String,
}

impl Place {
    pub fn new(operation: impl Into<String>, part: impl Into<String>) -> Self {
        Self { operation: operation.into(), part: part.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.part, self.operation)
    }
}

/// Hands out canaries, each once, and knows where each was planted.
#[derive(Default)]
pub struct Planting(Mutex<Book>);

#[derive(Default)]
struct Book {
    numbers: HashMap<Place, usize>,
    /// Of each place, how many of each shape it has got.
    places: Vec<(Place, [u32; Shape::EVERY.len()])>,
    /// For each shape, the number of the place of each canary.
    planted: [Vec<usize>; Shape::EVERY.len()],
}

impl Planting {
    /// One canary for a place.
    pub fn one(&self, place: &Place, shape: Shape) -> String {
        let mut book = self.0.lock().unwrap();
        let number = book.numbers.get(place).copied().unwrap_or_else(|| {
            let number = book.places.len();
            book.places.push((place.clone(), [0; Shape::EVERY.len()]));
            book.numbers.insert(place.clone(), number);
            number
        });
        book.places[number].1[shape as usize] += 1;
        let planted = &mut book.planted[shape as usize];
        let serial = u32::try_from(planted.len()).unwrap();
        assert!(serial < SERIALS_MAX, "more canaries than there are numbers");
        planted.push(number);
        Canary { shape, serial }.written()
    }

    /// So many of each shape, in one text.
    pub fn some(&self, place: &Place, each: usize) -> String {
        let texts = (0..each).flat_map(|_| Shape::ALL.map(|shape| self.one(place, shape)));
        texts.collect::<Vec<_>>().join("; ")
    }

    /// Where a canary was planted; `None` if it never was.
    pub fn origin(&self, canary: Canary) -> Option<Place> {
        let book = self.0.lock().unwrap();
        let number = *book.planted[canary.shape as usize].get(canary.serial as usize)?;
        Some(book.places[number].0.clone())
    }

    /// How many a place has got of that shape of a consumer's which is rarest there.
    pub fn count(&self, place: &Place) -> usize {
        let book = self.0.lock().unwrap();
        let rarest = |counts: &[u32]| Shape::ALL.map(|shape| counts[shape as usize]).into_iter().min().unwrap_or(0);
        book.numbers.get(place).map_or(0, |number| rarest(&book.places[*number].1) as usize)
    }

    /// Every place, with how many of each shape it has got.
    pub fn counts(&self) -> Vec<(Place, [u32; Shape::EVERY.len()])> {
        self.0.lock().unwrap().places.clone()
    }
}
