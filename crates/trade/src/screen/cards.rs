//! Finds numbers of payment cards in texts and in JSON: none is ever taken in, whatever the field.
//!
//! A card number (ISO/IEC 7812-1) has 13 to 19 digits, alone or in groups with spaces or dashes between them, begins as
//! issuers' numbers do and ends in a right check digit (Luhn). What only looks like one is let through: barcodes with a right
//! check digit of their own (GS1), digits inside a word that has others besides, and parts of an address behind `://`.

use bonded_base::{Problem, Reason};
use serde_json::Value;

/// How many digits a card number has.
const DIGITS_MIN: usize = 13;
/// The longest one.
const DIGITS_MAX: usize = 19;
/// Characters that may stand between two groups.
const SEPARATORS_MAX: usize = 2;
/// Digits of each group but the last: 4 4 4 4, 4 6 5.
const GROUP_DIGITS_MIN: usize = 3;
/// Groups that are looked at together: 19 digits, one by one.
const GROUPS_MAX: usize = DIGITS_MAX;
/// The one field whose digits are a trade item's number.
const BARCODE: &str = "barcode";

/// What is said of a card number; nothing of the number itself.
const REFUSED: &str = "this looks like the number of a payment card, which is never taken here: cards are entered at the \
                       payment gateway";

/// How an issuer's numbers begin (the first and last of a range of prefixes), and how long they are.
type Issuer = (u32, u32, &'static [usize]);

const ISSUERS: [Issuer; 31] = [
    // Visa.
    (4, 4, &[13, 16, 19]),
    // Mastercard, both ranges.
    (51, 55, &[16]),
    (2221, 2720, &[16]),
    // Mir.
    (2200, 2204, &[16, 17, 18, 19]),
    // American Express.
    (34, 34, &[15]),
    (37, 37, &[15]),
    // Diners Club.
    (300, 305, &[14, 16]),
    (3095, 3095, &[14, 16]),
    (36, 36, &[14, 16]),
    (38, 39, &[14, 16]),
    // JCB.
    (3528, 3589, &[16, 17, 18, 19]),
    // Discover, and RuPay beside it.
    (60, 60, &[16, 19]),
    (644, 649, &[16, 19]),
    (65, 65, &[16, 19]),
    (508, 508, &[16]),
    (82, 82, &[16]),
    // UnionPay.
    (62, 62, &[16, 17, 18, 19]),
    (81, 81, &[16, 17, 18, 19]),
    // Maestro.
    (5018, 5018, &[13, 14, 15, 16, 17, 18, 19]),
    (5020, 5020, &[13, 14, 15, 16, 17, 18, 19]),
    (5038, 5038, &[13, 14, 15, 16, 17, 18, 19]),
    (5893, 5893, &[13, 14, 15, 16, 17, 18, 19]),
    (6304, 6304, &[13, 14, 15, 16, 17, 18, 19]),
    (6759, 6759, &[13, 14, 15, 16, 17, 18, 19]),
    (6761, 6763, &[13, 14, 15, 16, 17, 18, 19]),
    // Elo, Hipercard, UATP and other national schemes.
    (5066, 5067, &[16]),
    (5090, 5090, &[16]),
    (6363, 6363, &[16]),
    (6375, 6375, &[16]),
    (9792, 9792, &[16]),
    (1, 1, &[15]),
];

/// An unbroken run of digits.
struct Group {
    /// Bytes of the text.
    start: usize,
    end: usize,
    digits: Vec<u8>,
}

/// The problem of a field that holds a card number.
pub fn refused(pointer: impl Into<String>) -> Problem {
    Problem { reason: Reason::CardNumber, ..Problem::invalid(pointer, REFUSED) }
}

/// Whether a text holds the number of a payment card.
pub fn has_card_number(text: &str) -> bool {
    if !is_suspect(text.as_bytes()) {
        return false;
    }
    let groups = groups(text);
    (0..groups.len()).any(|first| begins_card(text, groups.get(first..).unwrap_or_default()))
}

/// The same for what is kept as a barcode: a number of a trade item (GTIN, 8 to 14 digits) is one, whatever else it looks
/// like.
pub fn barcode_has_card_number(barcode: &str) -> bool {
    let digits: Option<Vec<u8>> = barcode.trim().chars().map(digit).collect();
    let is_gtin = digits.is_some_and(|digits| matches!(digits.len(), 8 | 12..=14) && has_gs1_check(&digits));
    !is_gtin && has_card_number(barcode)
}

/// Where JSON holds the number of a payment card: a JSON pointer (RFC 6901), which ends before a name that is not plain.
pub fn card_number_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => has_card_number(text).then(String::new),
        Value::Number(number) => has_card_number(&number.to_string()).then(String::new),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(place, item)| card_number_in(item).map(|pointer| format!("/{place}{pointer}"))),
        Value::Object(members) => members.iter().find_map(|(name, value)| card_number_under(name, value)),
        Value::Null | Value::Bool(_) => None,
    }
}

fn card_number_under(name: &str, value: &Value) -> Option<String> {
    if has_card_number(name) {
        return Some(String::new());
    }
    let within = match value {
        Value::String(text) if name == BARCODE => barcode_has_card_number(text).then(String::new),
        other => card_number_in(other),
    }?;
    let is_plain = name.len() <= 32 && name.bytes().all(|symbol| symbol.is_ascii_lowercase() || symbol == b'_');
    Some(if is_plain { format!("/{name}{within}") } else { String::new() })
}

/// Whether a JSON text may hold a card number anywhere; cheap, and wrong only in saying yes.
pub fn is_suspect(json: &[u8]) -> bool {
    let (mut digits, mut between, mut escape) = (0_usize, 0_usize, false);
    for symbol in json {
        // A digit may be written as an escape: then only reading it tells.
        if escape && *symbol == b'u' {
            return true;
        }
        escape = *symbol == b'\\' && !escape;
        match symbol {
            // The first bytes of digits of other scripts count as one.
            b'0'..=b'9' | 0xd9 | 0xdb | 0xef => (digits, between) = (digits + 1, 0),
            b' ' | b'\t' | b'-' | 0x80.. if between < SEPARATORS_MAX * 3 => between += 1,
            _ => (digits, between) = (0, 0),
        }
        if digits >= DIGITS_MIN {
            return true;
        }
    }
    false
}

/// Whether a card number begins with the first of these groups.
fn begins_card(text: &str, groups: &[Group]) -> bool {
    let mut digits: Vec<u8> = Vec::with_capacity(DIGITS_MAX);
    let mut last: Option<&Group> = None;
    for (place, group) in groups.iter().take(GROUPS_MAX).enumerate() {
        if let Some(last) = last
            && (!joined(text, last, group) || !shaped(groups.get(..place).unwrap_or_default()))
        {
            return false;
        }
        digits.extend_from_slice(&group.digits);
        if digits.len() > DIGITS_MAX {
            return false;
        }
        let first = groups.first().unwrap_or(group);
        if is_card(&digits, place == 0) && stands_alone(text, first.start, group.end) {
            return true;
        }
        last = Some(group);
    }
    false
}

/// Whether another group may follow these: they are written as people write a card's number.
fn shaped(groups: &[Group]) -> bool {
    let one_by_one = groups.iter().all(|group| group.digits.len() == 1);
    one_by_one || groups.iter().all(|group| group.digits.len() >= GROUP_DIGITS_MIN)
}

fn joined(text: &str, first: &Group, second: &Group) -> bool {
    let between = text.get(first.end..second.start).unwrap_or_default();
    between.chars().count() <= SEPARATORS_MAX && between.chars().all(is_separator)
}

/// Spaces and dashes, as Unicode has them.
fn is_separator(symbol: char) -> bool {
    symbol.is_whitespace() || matches!(symbol, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}')
}

/// Not a part of an address or of a word that has other digits besides: such are names of things. Nor behind a plus sign:
/// that begins a phone number.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let (before, after) = (text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default());
    let token = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    if token.contains("://") || before.ends_with(['+', '\u{ff0b}']) {
        return false;
    }
    let in_word = |symbol: &char| symbol.is_alphanumeric() || *symbol == '_';
    let mut touching = before.chars().rev().take_while(in_word).chain(after.chars().take_while(in_word));
    !touching.any(|symbol| digit(symbol).is_some())
}

fn is_card(digits: &[u8], unbroken: bool) -> bool {
    let length = digits.len();
    if !(DIGITS_MIN..=DIGITS_MAX).contains(&length) || !has_luhn_check(digits) {
        return false;
    }
    let issued = ISSUERS.iter().any(|(first, last, lengths)| {
        let places = first.ilog10() as usize + 1;
        let begins = digits.iter().take(places).fold(0, |number, digit| number * 10 + u32::from(*digit));
        (*first..=*last).contains(&begins) && lengths.contains(&length)
    });
    // Numbers of trade items (GTIN-13) and of parcels (SSCC) are far more common than cards of these lengths.
    issued && !(unbroken && matches!(length, 13 | 18) && has_gs1_check(digits))
}

/// ISO/IEC 7812-1 annex B.
fn has_luhn_check(digits: &[u8]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 1 { doubled(u32::from(*digit)) } else { u32::from(*digit) })
        .sum();
    sum.is_multiple_of(10)
}

/// GS1 General Specifications section 7.9.
fn has_gs1_check(digits: &[u8]) -> bool {
    let weight = |place: usize| if place % 2 == 1 { 3 } else { 1 };
    let sum: u32 = digits.iter().rev().enumerate().map(|(place, digit)| weight(place) * u32::from(*digit)).sum();
    sum.is_multiple_of(10)
}

/// A decimal digit of the scripts in which people type numbers.
fn digit(symbol: char) -> Option<u8> {
    let code = u32::from(symbol);
    let zero = [0x30, 0xff10, 0x660, 0x6f0].into_iter().find(|zero| (*zero..zero + 10).contains(&code))?;
    u8::try_from(code - zero).ok()
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (start, symbol) in text.char_indices() {
        let Some(digit) = digit(symbol) else { continue };
        let end = start + symbol.len_utf8();
        match groups.last_mut() {
            Some(group) if group.end == start => {
                group.digits.push(digit);
                group.end = end;
            }
            _ => groups.push(Group { start, end, digits: vec![digit] }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Numbers that card schemes and gateways publish for tests.
    const TEST_CARDS: [&str; 14] = [
        "4242424242424242",
        "4000056655665556",
        "4222222222222",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "3056930009020004",
        "36227206271667",
        "6555900000604105",
        "3566002020360505",
        "6200000000000005",
        "6205500000000000004",
    ];

    fn grouped(card: &str, between: &str) -> String {
        let groups: Vec<_> =
            card.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        groups.join(between)
    }

    #[test]
    fn every_published_card_is_found_however_it_is_written() {
        for card in TEST_CARDS {
            for text in [
                card.to_owned(),
                format!("pay with {card}, please"),
                format!("VISA{card}"),
                format!("{card}EUR"),
                format!("SKU-{card}"),
                format!("<p>{card}</p>"),
                grouped(card, " "),
                grouped(card, "-"),
                grouped(card, "\u{a0}"),
                grouped(card, " \u{2013}"),
                format!("1001 {}", grouped(card, " ")),
                card.chars().flat_map(|digit| [digit, ' ']).collect(),
                card.chars().filter_map(|digit| char::from_u32(u32::from(digit) + 0xff10 - 0x30)).collect(),
            ] {
                assert!(has_card_number(&text), "{text}");
                assert!(is_suspect(text.as_bytes()), "{text}");
            }
        }
        assert!(has_card_number("3782 822463 10005"));
    }

    #[test]
    fn what_is_no_card_is_let_through() {
        for text in [
            // A wrong check digit, a wrong length, no issuer.
            "4242424242424241",
            "42424242424242",
            "7992739871379927",
            "0000000000000000",
            // Barcodes with a right check digit of their own, of which some would pass as cards.
            "4006381333931",
            "4012345678901",
            "9780201379624",
            "00340434161094042557",
            // Times, ids, digests, addresses.
            "1700000000000",
            "2026-11-22T09:30:00.000Z",
            "2026-11-22 09:30:00 1234",
            "gid://shopify/Order/4222222222222",
            "https://cdn.example/files/4242424242424242.jpg?v=1530129113",
            "550e8400-e29b-41d4-a716-446655440000",
            "ord_01jd2mk8x3e5v9zq4t7w6y5h0c",
            "9f4242424242424242ab77",
            // Parcels' and phones' numbers, lists of small ones.
            "1Z999AA10123456784",
            "9400100000000000000000",
            "+44 20 7946 0958 20",
            "tel:+4222222222222",
            "4 24 24 24 24 24 24 24 2",
        ] {
            assert!(!has_card_number(text), "{text}");
        }
    }

    #[test]
    fn a_barcode_field_takes_every_trade_item_number_and_no_card() {
        // Both a GTIN-14 and, by its check digit, a card of Diners Club.
        let both = (0..100_000).map(|number| format!("36{number:012}")).find(|text| {
            let digits: Vec<_> = text.chars().filter_map(digit).collect();
            has_luhn_check(&digits) && has_gs1_check(&digits)
        });
        let both = both.unwrap();
        assert!(has_card_number(&both) && !barcode_has_card_number(&both));
        assert!(barcode_has_card_number("4242424242424242"));
    }

    #[test]
    fn json_is_told_by_its_place_and_nothing_of_it_is_repeated() {
        for (value, pointer) in [
            (json!("4242 4242 4242 4242"), ""),
            (json!({"lines": [{"title": "x"}, {"title": "4242424242424242"}]}), "/lines/1/title"),
            (json!({"amount": 4_242_424_242_424_242_u64}), "/amount"),
            (json!({"note": {"4242424242424242": 1}}), "/note"),
            (json!({"Ada Example": "4242424242424242"}), ""),
            (json!({"variants": [{"barcode": "4242424242424242"}]}), "/variants/0/barcode"),
        ] {
            assert_eq!(card_number_in(&value).as_deref(), Some(pointer), "{value}");
            assert!(is_suspect(value.to_string().as_bytes()));
        }
        assert!(is_suspect(br#""\u0034242424242424242""#), "escapes hide digits");
        let usual = json!({"reference": "1001", "barcode": "4006381333931", "price": {"amount": 1499}, "ok": true});
        assert_eq!(card_number_in(&usual), None);
        assert!(!is_suspect(br#"{"a":[4242,4242,4242,4242],"b":"2026-11-22T09:30:00Z"}"#));
    }
}
