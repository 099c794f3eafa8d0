//! Takes e-mail addresses, phone numbers and IP addresses out of the free text that orders keep.
//!
//! Pure functions. What is found is replaced by a space; the rest stays as it was. Order numbers, dates, prices, postal
//! codes, house numbers and stock keeping units are told apart from phone numbers by their shape, see [`Kept`].

mod addresses;
pub mod cards;
mod phones;

use std::borrow::Cow;
use std::ops::Range;

/// What a text is kept as; decides how strictly digits are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A number or name that others know an order or a product by: bare digit runs stay.
    Reference,
    /// A title or a reason: as a reference, but short local numbers (`555-1234`) go too.
    Text,
    /// A person's name: every run of 5 digits or more goes.
    Name,
    /// The lines of an address: every run of 7 digits or more goes.
    Street,
}

impl Kept {
    /// From this many digits on, a run that looks like nothing else is taken for a phone number.
    const fn bare_digits_max(self) -> usize {
        match self {
            Self::Reference | Self::Text => usize::MAX,
            Self::Name => 4,
            Self::Street => 6,
        }
    }
}

/// The text without e-mail addresses, phone numbers and IP addresses; as it was when there are none.
pub fn screened(text: &str, kept: Kept) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    // What is taken out may bring together what was apart, so it is looked at until nothing is found; each round is
    // shorter than the one before.
    loop {
        let found = contacts(&text, kept);
        if found.is_empty() {
            return text;
        }
        text = Cow::Owned(without(&text, &found));
    }
}

/// Whether there is an e-mail address, a phone number or an IP address in the text.
pub fn has_contacts(text: &str, kept: Kept) -> bool {
    !contacts(text, kept).is_empty()
}

/// Where they are: ranges of bytes, in order, apart from each other.
fn contacts(text: &str, kept: Kept) -> Vec<Range<usize>> {
    let mut found = addresses::emails(text);
    found.extend(addresses::ips(text));
    found.extend(phones::phones(text, kept));
    found.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// The text without these ranges, and without the brackets and double spaces that they leave behind.
fn without(text: &str, ranges: &[Range<usize>]) -> String {
    let (mut rest, mut at) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        rest.push_str(text.get(at..range.start).unwrap_or_default());
        rest.push(' ');
        at = range.end;
    }
    rest.push_str(text.get(at..).unwrap_or_default());
    let lines = rest.split('\n').map(|line| {
        let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
        words.join(" ").replace("< >", "").replace("( )", "").replace("[ ]", "").trim().to_owned()
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
