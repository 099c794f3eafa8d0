//! Finds phone numbers in a text: groups of digits that are led or separated as people write phone numbers.

use super::Kept;
use std::ops::Range;

/// Digits of a phone number: local ones have 7, E.164 allows 15.
const PHONE_DIGITS: Range<usize> = 7..16;
/// Digits, at least, of a number dialled abroad with `00`: shorter ones are padded order numbers.
const ABROAD_DIGITS_MIN: usize = 9;
/// Three groups or more are no order number, up to the length of a payment card's.
const GROUPED_DIGITS: Range<usize> = 7..20;
/// Characters that may stand between two groups of one number: `) `, ` - `, ` (`.
const SEPARATORS_MAX: usize = 3;

/// An unbroken run of digits.
#[derive(Clone, Debug)]
struct Group {
    /// Bytes of the text.
    range: Range<usize>,
    digits: usize,
    lead: Lead,
    /// Letters touch it: `85123A`.
    glued: bool,
    bracketed: bool,
}

/// What a group begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    /// `+49`, with this many bytes of sign before the digits.
    Plus(usize),
    /// `0151`.
    Zero,
    /// `0049`; never `000`, which pads an order number.
    TwoZeros,
    Other,
}

/// Every phone number, as ranges of bytes.
pub(super) fn phones(text: &str, kept: Kept) -> Vec<Range<usize>> {
    let groups = groups(text);
    let dates = dates(text, &groups);
    let mut found = Vec::new();
    let mut chain: Vec<&Group> = Vec::new();
    for (group, dated) in groups.iter().zip(&dates) {
        // `Apt4 555-123-4567`: digits that end a word begin no number behind the space.
        let linked =
            chain.last().is_some_and(|last| separated(text, last, group) && !(last.glued && spaced(text, last, group)));
        if *dated || !linked || matches!(group.lead, Lead::Plus(_)) {
            judge(text, &chain, kept, &mut found);
            chain.clear();
        }
        if !dated {
            chain.push(group);
        }
    }
    judge(text, &chain, kept, &mut found);
    let long = groups.iter().filter(|group| group.digits > kept.bare_digits_max());
    found.extend(long.map(|group| group.range.clone()));
    found
}

/// Finds the numbers in a chain of groups that only separators part.
fn judge(text: &str, chain: &[&Group], kept: Kept, found: &mut Vec<Range<usize>>) {
    let led = (0..chain.len()).find_map(|start| led_number(chain, start).map(|count| (start, count)));
    let Some((start, count)) = led else {
        if is_grouped_number(text, chain, kept) {
            found.extend(span(chain));
        }
        return;
    };
    let (before, rest) = chain.split_at(start);
    let (number, after) = rest.split_at(count);
    found.extend(span(number));
    judge(text, before, kept, found);
    judge(text, after, kept, found);
}

/// How many groups from `start` make a number that is led by `+` or `0`.
fn led_number(chain: &[&Group], start: usize) -> Option<usize> {
    let groups = chain.get(start..)?;
    let first = groups.first()?;
    let plus = matches!(first.lead, Lead::Plus(_));
    if first.lead == Lead::Other || (first.glued && !plus) || is_postal_code(groups) {
        return None;
    }
    let (mut digits, mut count) = (0, 0);
    for group in groups {
        if count > 0 && digits + group.digits >= PHONE_DIGITS.end {
            break;
        }
        digits += group.digits;
        count += 1;
    }
    let enough = match first.lead {
        // A sign leaves no doubt, however long; without one a longer run is a parcel's or an account's number.
        Lead::Plus(_) => digits >= PHONE_DIGITS.start,
        Lead::TwoZeros => (ABROAD_DIGITS_MIN..PHONE_DIGITS.end).contains(&digits),
        Lead::Zero | Lead::Other => PHONE_DIGITS.contains(&digits),
    };
    enough.then_some(count)
}

/// Whether unled groups are written as people write phone numbers: `(555) 123-4567`, `555.123.4567`.
fn is_grouped_number(text: &str, chain: &[&Group], kept: Kept) -> bool {
    let digits: usize = chain.iter().map(|group| group.digits).sum();
    let sizes: Vec<_> = chain.iter().map(|group| group.digits).collect();
    if !GROUPED_DIGITS.contains(&digits) || is_postal_code(chain) {
        return false;
    }
    let glued = chain.iter().any(|group| group.glued);
    match sizes.as_slice() {
        [_, _] if chain.first().is_some_and(|group| group.bracketed) => true,
        [3, 4] => !glued && kept != Kept::Reference && !spaced_house_number(text, chain),
        [_] | [_, _] => false,
        _ => !glued,
    }
}

/// `123 4567` in an address may be a house number and a postal code; `123-4567` is neither.
fn spaced_house_number(text: &str, chain: &[&Group]) -> bool {
    span(chain).and_then(|range| text.get(range)).is_some_and(|number| number.contains(' '))
}

/// `62704-1234` (United States) and `01310-100` (Brazil).
fn is_postal_code(groups: &[&Group]) -> bool {
    let [first, second] = groups else { return false };
    first.digits == 5 && matches!(second.digits, 3 | 4) && second.range.start == first.range.end + 1
}

fn span(groups: &[&Group]) -> Option<Range<usize>> {
    let (first, last) = (groups.first()?, groups.last()?);
    let sign = match first.lead {
        Lead::Plus(bytes) => bytes,
        // The area code's opening bracket goes with it.
        _ => usize::from(first.bracketed),
    };
    Some(first.range.start - sign..last.range.end)
}

/// Whether only separators of a phone number stand between two groups.
fn separated(text: &str, first: &Group, second: &Group) -> bool {
    let between = text.get(first.range.end..second.range.start).unwrap_or_default();
    let separator = |symbol: char| {
        matches!(symbol, ' ' | '\t' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{202f}' | '\u{2009}')
            || ('\u{2010}'..='\u{2015}').contains(&symbol)
    };
    between.chars().count() <= SEPARATORS_MAX && between.chars().all(separator)
}

fn spaced(text: &str, first: &Group, second: &Group) -> bool {
    text.get(first.range.end..second.range.start).is_some_and(|between| between.contains(char::is_whitespace))
}

/// Whether what follows a number names an extension: `x12`, `ext. 12`.
fn is_extension(after: &str) -> bool {
    let mark = |mark: &str| after.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    mark("ext") || (mark("x") && after.chars().nth(1).is_some_and(is_digit))
}

/// Decimal digits of every script that people type: a digit that is no ASCII one counts by its Unicode property.
fn is_digit(symbol: char) -> bool {
    symbol.is_ascii_digit() || (!symbol.is_ascii() && symbol.is_numeric())
}

fn is_zero(symbol: char) -> bool {
    matches!(symbol, '0' | '\u{ff10}' | '\u{660}' | '\u{6f0}')
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, symbol)) = rest.next() {
        if !is_digit(symbol) {
            continue;
        }
        let (mut end, mut digits) = (start + symbol.len_utf8(), 1);
        while let Some((at, symbol)) = rest.next_if(|(_, symbol)| is_digit(*symbol)) {
            end = at + symbol.len_utf8();
            digits += 1;
        }
        groups.push(group(text, start..end, digits));
    }
    groups
}

fn group(text: &str, range: Range<usize>, digits: usize) -> Group {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let own = text.get(range.clone()).unwrap_or_default();
    let touches = |symbol: Option<char>| symbol.is_some_and(char::is_alphabetic);
    let sign = ["+", "\u{ff0b}", "%2B", "%2b", "+ ", "+("].into_iter().find(|sign| before.ends_with(sign));
    let zeros = own.chars().take_while(|symbol| is_zero(*symbol)).count();
    let lead = match (sign, zeros) {
        (Some(sign), _) => Lead::Plus(sign.len()),
        (None, 1) => Lead::Zero,
        (None, 2) => Lead::TwoZeros,
        _ => Lead::Other,
    };
    let glued = sign.is_none() && touches(before.chars().next_back())
        || (touches(after.chars().next()) && !is_extension(after));
    let bracketed = before.ends_with('(') && after.starts_with(')');
    Group { range, digits, lead, glued, bracketed }
}

/// Which groups are parts of dates: `2026-11-22`, `22.11.2026`, `1/12/10` with the same sign twice.
fn dates(text: &str, groups: &[Group]) -> Vec<bool> {
    let mut dated = vec![false; groups.len()];
    for (start, three) in groups.windows(3).enumerate() {
        let free = dated.get(start) == Some(&false);
        if free
            && let [first, second, third] = three
            && is_date(text, first, second, third)
        {
            dated.iter_mut().skip(start).take(3).for_each(|dated| *dated = true);
        }
    }
    dated
}

fn is_date(text: &str, first: &Group, second: &Group, third: &Group) -> bool {
    let part = |group: &Group| text.get(group.range.clone()).and_then(|digits| digits.parse::<u32>().ok());
    let sign = |from: &Group, to: &Group| text.get(from.range.end..to.range.start).map(str::to_owned);
    let between = sign(first, second);
    let same = between == sign(second, third) && between.is_some_and(|sign| ["-", ".", "/"].contains(&sign.as_str()));
    let short =
        |group: &Group, most: u32| group.digits <= 2 && part(group).is_some_and(|part| (1..=most).contains(&part));
    let year = |group: &Group| group.digits == 4 && part(group).is_some_and(|year| (1900..=2199).contains(&year));
    let days = |one: &Group, other: &Group| short(one, 31) && short(other, 31) && (short(one, 12) || short(other, 12));
    same && ((year(first) && days(second, third)) || (days(first, second) && (year(third) || third.digits == 2)))
}
