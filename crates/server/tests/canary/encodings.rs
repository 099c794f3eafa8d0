//! The forms in which bytes may lie in a file: one table, each with how it is written and how it is read on from a place.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// How bytes are written down.
pub struct Encoding {
    pub name: &'static str,
    /// These bytes in this form, less what their neighbours have a part in.
    pub write: fn(&[u8]) -> Vec<u8>,
    /// What stands in this form in a file, from the place on where such a part begins.
    pub read: fn(&[u8], usize) -> Vec<u8>,
}

/// Every form that is looked for; where two look alike, the first one's name is told.
pub const ENCODINGS: [Encoding; 16] = [
    // Much looks the same with the escapes of URLs and without, so they are undone here too.
    form("UTF-8", <[u8]>::to_vec, percent_read),
    form("UTF-16 LE", |bytes| utf16(bytes, u16::to_le_bytes), |file, at| utf16_read(file, at, u16::from_le_bytes)),
    form("UTF-16 BE", |bytes| utf16(bytes, u16::to_be_bytes), |file, at| utf16_read(file, at, u16::from_be_bytes)),
    form("hex", hex, hex_read),
    form("HEX", |bytes| hex(bytes).to_ascii_uppercase(), hex_read),
    // By how many bytes of something else come before, counted in threes.
    form("base64, 0 before", base64::<0>, base64_read::<0>),
    form("base64, 1 before", base64::<1>, base64_read::<1>),
    form("base64, 2 before", base64::<2>, base64_read::<2>),
    form("base64url, 0 before", base64url::<0>, base64_read::<0>),
    form("base64url, 1 before", base64url::<1>, base64_read::<1>),
    form("base64url, 2 before", base64url::<2>, base64_read::<2>),
    form("URL", |bytes| percent(bytes, "%20", hex_upper), percent_read),
    form("URL, small", |bytes| percent(bytes, "%20", hex), percent_read),
    form("URL, of a form", |bytes| percent(bytes, "+", hex_upper), percent_read),
    // How a program prints bytes that nobody told it are a text, and how it writes them as JSON.
    form("numbers", |bytes| numbers(bytes, ", "), numbers_read),
    form("JSON numbers", |bytes| numbers(bytes, ","), numbers_read),
];

/// Bytes of a file that are read on; a canary is shorter in every form.
const READ_BYTES: usize = 256;
/// Letters of base64 that also carry bits of the bytes before, by how many those are.
const SHARED_LETTERS: [usize; 3] = [0, 2, 3];

const fn form(name: &'static str, write: fn(&[u8]) -> Vec<u8>, read: fn(&[u8], usize) -> Vec<u8>) -> Encoding {
    Encoding { name, write, read }
}

fn from(file: &[u8], at: usize) -> &[u8] {
    &file[at..file.len().min(at + READ_BYTES)]
}

fn utf16(bytes: &[u8], unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    String::from_utf8_lossy(bytes).encode_utf16().flat_map(unit).collect()
}

fn utf16_read(file: &[u8], at: usize, unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = from(file, at).chunks_exact(2).map(|two| unit([two[0], two[1]]));
    let symbols = char::decode_utf16(units).map(|symbol| symbol.unwrap_or(char::REPLACEMENT_CHARACTER));
    symbols.collect::<String>().into_bytes()
}

pub fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn hex_upper(bytes: &[u8]) -> Vec<u8> {
    hex(bytes).to_ascii_uppercase()
}

fn hex_byte(two: &[u8]) -> Option<u8> {
    let digit = |place: usize| char::from(*two.get(place)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

fn hex_read(file: &[u8], at: usize) -> Vec<u8> {
    from(file, at).chunks_exact(2).map_while(hex_byte).collect()
}

fn base64<const BEFORE: usize>(bytes: &[u8]) -> Vec<u8> {
    let whole = lenient().encode([&[0; 2][..BEFORE], bytes].concat()).into_bytes();
    whole[SHARED_LETTERS[BEFORE]..(BEFORE + bytes.len()) * 8 / 6].to_vec()
}

fn base64url<const BEFORE: usize>(bytes: &[u8]) -> Vec<u8> {
    let other = |letter| match letter {
        b'+' => b'-',
        b'/' => b'_',
        letter => letter,
    };
    base64::<BEFORE>(bytes).into_iter().map(other).collect()
}

/// Of either alphabet, since most of what is looked for looks alike in both.
fn base64_read<const BEFORE: usize>(file: &[u8], at: usize) -> Vec<u8> {
    let Some(start) = at.checked_sub(SHARED_LETTERS[BEFORE]) else { return Vec::new() };
    let letters = from(file, start).iter().map_while(|letter| match letter {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        letter => (letter.is_ascii_alphanumeric() || b"+/".contains(letter)).then_some(*letter),
    });
    let mut letters: Vec<_> = letters.collect();
    // One letter alone holds no byte.
    letters.truncate(letters.len() - usize::from(letters.len() % 4 == 1));
    lenient().decode(letters).unwrap().into_iter().skip(BEFORE).collect()
}

fn lenient() -> GeneralPurpose {
    let config = GeneralPurposeConfig::new().with_encode_padding(false).with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, config.with_decode_padding_mode(DecodePaddingMode::Indifferent))
}

/// All but the unreserved characters escaped (RFC 3986 section 2).
fn percent(bytes: &[u8], space: &str, digits: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let written = bytes.iter().flat_map(|byte| match byte {
        b' ' => space.as_bytes().to_vec(),
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => vec![*byte],
        byte => [b"%".to_vec(), digits(&[*byte])].concat(),
    });
    written.collect()
}

/// As it may stand in a path or a query.
pub fn in_url(text: &str) -> String {
    String::from_utf8(percent(text.as_bytes(), "%20", hex_upper)).unwrap()
}

fn percent_read(file: &[u8], at: usize) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::new(), from(file, at));
    while let Some(first) = rest.first() {
        let escaped = rest.strip_prefix(b"%").and_then(hex_byte);
        plain.push(escaped.unwrap_or(*first));
        rest = &rest[if escaped.is_some() { 3 } else { 1 }..];
    }
    plain
}

fn numbers(bytes: &[u8], between: &str) -> Vec<u8> {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(between).into_bytes()
}

fn numbers_read(file: &[u8], at: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(from(file, at)).into_owned();
    text.split(',').map_while(|number| number.trim_start().parse().ok()).collect()
}
