//! Until when a certificate holds, read from its DER.
//!
//! Source: RFC 5280 section 4.1 for the order of the fields, X.690 for their encoding.

use bonded_base::Moment;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's validity; `None` when the bytes are no certificate.
pub fn not_after(certificate: &[u8]) -> Option<Moment> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if let Some((_, after)) = element(rest, VERSION) {
        rest = after;
    }
    // Serial number, algorithm, issuer; then the validity.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, rest) = element(rest, tag)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, end) = time(validity)?;
    time(end)?.0
}

/// A time and what follows it.
fn time(bytes: &[u8]) -> Option<(Option<Moment>, &[u8])> {
    if let Some((text, rest)) = element(bytes, UTC_TIME) {
        let text = std::str::from_utf8(text).ok()?;
        // Two digits of the year: 50 to 99 are of the last century.
        let century = if text.as_bytes().first()? >= &b'5' { "19" } else { "20" };
        return Some((moment(&format!("{century}{text}")), rest));
    }
    let (text, rest) = element(bytes, GENERALIZED_TIME)?;
    Some((moment(std::str::from_utf8(text).ok()?), rest))
}

/// Reads `20271122093000Z`.
fn moment(text: &str) -> Option<Moment> {
    let part = |from: usize, to: usize| text.get(from..to);
    let [year, month, day] = [part(0, 4)?, part(4, 6)?, part(6, 8)?];
    let [hour, minute, second] = [part(8, 10)?, part(10, 12)?, part(12, 14)?];
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

/// The content of the element that begins here, if it has this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    if found != tag {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        // Four bytes count to more than any certificate has.
        (length.iter().filter(|_| length.len() <= 4).fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 11, 22);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        for year in [2027, 2049, 2050, 2999] {
            let end = not_after(&certificate(year)).unwrap().to_string();
            assert_eq!(end, format!("{year}-11-22T00:00:00.000Z"));
        }
    }

    #[test]
    fn cut_or_foreign_bytes_are_no_certificate() {
        let whole = certificate(2027);
        for length in 0..whole.len() {
            assert_eq!(not_after(&whole[..length]), None, "{length}");
        }
        assert_eq!(not_after(b"-----BEGIN CERTIFICATE-----"), None);
    }
}
