//! Finds e-mail and IP addresses in a text.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// How an `@` may be written: plain, full width, small, URL-encoded.
const AT_SIGNS: [&str; 4] = ["@", "\u{ff20}", "\u{fe6b}", "%40"];

/// Characters of the longest IPv6 address (RFC 4291, with an IPv4 tail).
const IPV6_CHARS_MAX: usize = 45;

/// Every `@` between word parts, with the words.
pub(super) fn emails(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for sign in AT_SIGNS {
        for (at, _) in text.match_indices(sign) {
            let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + sign.len()..).unwrap_or_default());
            let (local, domain) = (local_part(before), domain_part(after));
            if local > 0 && domain > 0 {
                found.push(at - local..at + sign.len() + domain);
            }
        }
    }
    found
}

/// Bytes of the local part that a text ends with (RFC 5322 atoms and quoted strings, and any letter).
fn local_part(before: &str) -> usize {
    if let Some(quoted) = before.strip_suffix('"') {
        return quoted.rfind('"').map_or(1, |open| before.len() - open);
    }
    let atom = |symbol: char| symbol.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(symbol);
    before.len() - before.trim_end_matches(atom).len()
}

/// Bytes of the domain, or of the bracketed address, that a text begins with.
fn domain_part(after: &str) -> usize {
    if after.starts_with('[') {
        return after.find(']').map_or(1, |close| close + 1);
    }
    let label = |symbol: char| symbol.is_alphanumeric() || matches!(symbol, '-' | '.' | '_');
    let domain = after.len() - after.trim_start_matches(label).len();
    // A full stop ends the sentence, not the domain.
    after.get(..domain).map_or(0, |domain| domain.trim_end_matches('.').len())
}

/// Every IPv4 address in dotted form and every IPv6 address (RFC 4291 section 2.2).
pub(super) fn ips(text: &str) -> Vec<Range<usize>> {
    let v4 = runs(text, |symbol| symbol.is_ascii_digit() || symbol == '.');
    let v6 = runs(text, |symbol| symbol.is_ascii_hexdigit() || matches!(symbol, ':' | '.'));
    let mut found: Vec<_> = v4.into_iter().filter_map(|run| ipv4(text, &run)).collect();
    found.extend(v6.into_iter().flat_map(|run| ipv6(text, run)));
    found
}

/// The longest stretches of such characters.
fn runs(text: &str, belongs: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let (mut found, mut start) = (Vec::new(), None);
    for (at, symbol) in text.char_indices() {
        match (belongs(symbol), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    found.extend(start.map(|from| from..text.len()));
    found
}

fn ipv4(text: &str, run: &Range<usize>) -> Option<Range<usize>> {
    let run_text = text.get(run.clone())?;
    let lead = run_text.len() - run_text.trim_start_matches('.').len();
    let address = run_text.trim_matches('.');
    // Leading zeros are refused by the parser, but people write them.
    let plain: Vec<_> = address.split('.').map(without_zeros).collect();
    plain.join(".").parse::<Ipv4Addr>().ok()?;
    let start = run.start + lead;
    Some(start..start + address.len())
}

fn without_zeros(part: &str) -> &str {
    let trimmed = part.trim_start_matches('0');
    if trimmed.is_empty() && !part.is_empty() { "0" } else { trimmed }
}

/// The IPv6 addresses in a stretch of hexadecimal digits and colons: the longest at each place.
fn ipv6(text: &str, run: Range<usize>) -> Vec<Range<usize>> {
    let Some(run_text) = text.get(run.clone()) else { return Vec::new() };
    let (mut found, mut at) = (Vec::new(), 0);
    if run_text.matches(':').count() < 2 {
        return found;
    }
    while at < run_text.len() {
        let begins = at == 0
            || run_text.as_bytes().get(at - 1) == Some(&b':')
            || run_text.get(at..).is_some_and(|r| r.starts_with("::"));
        match begins.then(|| longest_ipv6(text, run.start + at, run.end)).flatten() {
            Some(end) => {
                found.push(run.start + at..end);
                at = end - run.start;
            }
            None => at += 1,
        }
    }
    found
}

/// Where the longest IPv6 address from here ends; it may not be glued to further letters.
fn longest_ipv6(text: &str, start: usize, run_end: usize) -> Option<usize> {
    if text.get(..start)?.chars().next_back().is_some_and(char::is_alphanumeric) {
        return None;
    }
    let last = run_end.min(start + IPV6_CHARS_MAX);
    (start + 2..=last).rev().find(|end| {
        let glued = text.get(*end..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric);
        let address = text.get(start..*end).unwrap_or_default();
        !glued && address.len() > 2 && address.parse::<Ipv6Addr>().is_ok()
    })
}
