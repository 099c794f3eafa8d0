//! The forms in which a text may lie in a file, and how to read on from a place in each.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::fmt::Write as _;

/// How a text is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    HexLower,
    HexUpper,
    /// So many bytes of something else came before, counted in threes.
    Base64(Letters, usize),
    /// Unreserved characters as they are, the others as `%2B`.
    Url(Case),
    /// Every byte as `%41`.
    UrlWhole(Case),
    /// What is not ASCII as `\u00fc`, and quotes and backslashes after a backslash.
    Json,
    /// `[107, 97, 110]`: how a program prints bytes that nobody told it are a text.
    Numbers,
}

/// Which 62nd and 63rd letter base64 has (RFC 4648).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Letters {
    Standard,
    Url,
}

/// How hexadecimal digits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Case {
    Lower,
    Upper,
}

/// Letters of base64 that also carry bits of the bytes before, by how many those are.
const SHARED_LETTERS: [usize; 3] = [0, 2, 3];
/// Bytes of text that are read on from a mark.
const TAIL_BYTES: usize = 64;
/// Bytes of text that are looked at before a mark.
const LEAD_BYTES: usize = 16;

impl Encoding {
    pub const ALL: [Self; 17] = [
        Self::Utf8,
        Self::Utf16Le,
        Self::Utf16Be,
        Self::HexLower,
        Self::HexUpper,
        Self::Base64(Letters::Standard, 0),
        Self::Base64(Letters::Standard, 1),
        Self::Base64(Letters::Standard, 2),
        Self::Base64(Letters::Url, 0),
        Self::Base64(Letters::Url, 1),
        Self::Base64(Letters::Url, 2),
        Self::Url(Case::Lower),
        Self::Url(Case::Upper),
        Self::UrlWhole(Case::Lower),
        Self::UrlWhole(Case::Upper),
        Self::Json,
        Self::Numbers,
    ];

    /// Those that also tell bytes which are no text.
    pub const OF_BYTES: [Self; 10] = [
        Self::Utf8,
        Self::HexLower,
        Self::HexUpper,
        Self::Base64(Letters::Standard, 0),
        Self::Base64(Letters::Standard, 1),
        Self::Base64(Letters::Standard, 2),
        Self::Base64(Letters::Url, 0),
        Self::Base64(Letters::Url, 1),
        Self::Base64(Letters::Url, 2),
        Self::Numbers,
    ];

    /// The text in this form, as it would stand somewhere in a file.
    pub fn written(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Url(case) => {
                in_url(text.as_bytes(), case, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
            }
            Self::Json => in_json(text),
            _ => self.written_bytes(text.as_bytes()),
        }
    }

    /// The bytes in this form.
    pub fn written_bytes(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::HexLower => hex(bytes, Case::Lower),
            Self::HexUpper => hex(bytes, Case::Upper),
            Self::Base64(letters, before) => {
                let mut longer = vec![0; before];
                longer.extend_from_slice(bytes);
                engine(letters).encode(longer).into_bytes()
            }
            Self::UrlWhole(case) => in_url(bytes, case, |_| false),
            Self::Numbers => bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes(),
            _ => bytes.to_vec(),
        }
    }

    /// What to look for: the form, less what its neighbours have a part in.
    pub fn needle(self, written: Vec<u8>, bytes: usize) -> Vec<u8> {
        let Self::Base64(_, before) = self else { return written };
        let whole_letters = (before + bytes) * 8 / 6;
        written[SHARED_LETTERS[before]..whole_letters].to_vec()
    }

    /// What follows a mark that was found from `start` to `end`, as bytes of the text; `mark` is its length in the text.
    pub fn tail(self, haystack: &[u8], (start, end): (usize, usize), mark: usize) -> Vec<u8> {
        let from = |units: usize| &haystack[end..haystack.len().min(end + units)];
        match self {
            Self::Utf8 | Self::Url(_) | Self::Json => from(TAIL_BYTES).to_vec(),
            Self::Utf16Le => utf16(from(2 * TAIL_BYTES), u16::from_le_bytes),
            Self::Utf16Be => utf16(from(2 * TAIL_BYTES), u16::from_be_bytes),
            Self::HexLower | Self::HexUpper => from(2 * TAIL_BYTES).chunks_exact(2).map_while(hex_byte).collect(),
            Self::UrlWhole(_) => from(3 * TAIL_BYTES)
                .chunks_exact(3)
                .map_while(|three| (three[0] == b'%').then(|| hex_byte(&three[1..])).flatten())
                .collect(),
            Self::Numbers => {
                let text = String::from_utf8_lossy(from(5 * TAIL_BYTES)).into_owned();
                text.split(", ").skip(1).map_while(|number| number.parse().ok()).collect()
            }
            Self::Base64(_, before) => {
                let Some(from) = start.checked_sub(SHARED_LETTERS[before]) else { return Vec::new() };
                let letters =
                    haystack[from..haystack.len().min(end + 2 * TAIL_BYTES)].iter().map_while(|letter| match letter {
                        // A mark may look alike in both alphabets, so what follows it may be of either.
                        b'-' => Some(b'+'),
                        b'_' => Some(b'/'),
                        letter => (letter.is_ascii_alphanumeric() || b"+/".contains(letter)).then_some(*letter),
                    });
                let mut run: Vec<_> = letters.collect();
                if run.len() % 4 == 1 {
                    run.pop();
                }
                let bytes = engine(Letters::Standard).decode(run).unwrap();
                bytes.get(before + mark..).unwrap_or_default().to_vec()
            }
        }
    }

    /// What stands before a mark, as text; empty where the form does not let one see.
    pub fn lead(self, haystack: &[u8], start: usize) -> String {
        let back = |bytes: usize| &haystack[start.saturating_sub(bytes)..start];
        match self {
            Self::Utf8 | Self::Url(_) | Self::Json => String::from_utf8_lossy(back(LEAD_BYTES)).into_owned(),
            Self::Utf16Le => text(&utf16(back(2 * LEAD_BYTES.min(start / 2)), u16::from_le_bytes)),
            Self::Utf16Be => text(&utf16(back(2 * LEAD_BYTES.min(start / 2)), u16::from_be_bytes)),
            _ => String::new(),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = bytes.chunks_exact(2).map(|two| unit([two[0], two[1]]));
    char::decode_utf16(units)
        .map(|symbol| symbol.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect::<String>()
        .into_bytes()
}

fn hex(bytes: &[u8], case: Case) -> Vec<u8> {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = match case {
            Case::Lower => write!(text, "{byte:02x}"),
            Case::Upper => write!(text, "{byte:02X}"),
        };
    }
    text.into_bytes()
}

/// Two hexadecimal digits as a byte.
pub fn hex_byte(two: &[u8]) -> Option<u8> {
    let digit = |symbol: u8| char::from(symbol).to_digit(16);
    u8::try_from(digit(*two.first()?)? << 4 | digit(*two.get(1)?)?).ok()
}

fn in_url(bytes: &[u8], case: Case, as_it_is: fn(u8) -> bool) -> Vec<u8> {
    let mut written = Vec::with_capacity(3 * bytes.len());
    for byte in bytes {
        if as_it_is(*byte) {
            written.push(*byte);
        } else {
            written.push(b'%');
            written.extend(hex(&[*byte], case));
        }
    }
    written
}

fn in_json(text: &str) -> Vec<u8> {
    let mut written = String::new();
    for symbol in text.chars() {
        match symbol {
            '"' | '\\' => written.extend(['\\', symbol]),
            symbol if symbol.is_ascii() => written.push(symbol),
            symbol => {
                for unit in symbol.encode_utf16(&mut [0; 2]) {
                    let _ = write!(written, "\\u{unit:04x}");
                }
            }
        }
    }
    written.into_bytes()
}

fn engine(letters: Letters) -> GeneralPurpose {
    let alphabet = if letters == Letters::Standard { STANDARD } else { URL_SAFE };
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&alphabet, config)
}

/// A text without the escapes of URLs and JSON, were there two layers of them; what is none stays as it is.
pub fn unescaped(text: &str) -> String {
    let once = |text: &str| {
        let (mut plain, mut rest) = (Vec::new(), text.as_bytes());
        while let Some(first) = rest.first() {
            let unit =
                rest.strip_prefix(b"\\u").and_then(|digits| Some([hex_byte(digits)?, hex_byte(digits.get(2..)?)?]));
            let byte = rest.strip_prefix(b"%").and_then(hex_byte);
            let length = match (unit, byte) {
                (Some(unit), _) => {
                    let symbol = char::from_u32(u16::from_be_bytes(unit).into()).unwrap_or(char::REPLACEMENT_CHARACTER);
                    plain.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
                    6
                }
                (None, Some(byte)) => {
                    plain.push(byte);
                    3
                }
                _ if rest.starts_with(b"\\/") => 1,
                _ => {
                    plain.push(*first);
                    1
                }
            };
            rest = &rest[length..];
        }
        String::from_utf8_lossy(&plain).into_owned()
    };
    once(&once(text))
}
