//! Bytes of a file as text: UTF-8 with or without a byte order mark, else what spreadsheets of western Europe write.

use super::FileError;
use std::borrow::Cow;

/// What Windows-1252 means by the bytes 0x80 to 0x9F; the five that it leaves free keep their control characters.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text of a file. Every sequence of bytes is some text, except UTF-16, which would become nonsense.
pub(super) fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, FileError> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(FileError::Utf16);
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| latin(*byte)).collect()),
    })
}

fn latin(byte: u8) -> char {
    byte.checked_sub(0x80).and_then(|high| WINDOWS_1252.get(usize::from(high))).copied().unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_latin_and_byte_order_marks_are_read() {
        assert_eq!(decoded("Thé".as_bytes()).unwrap(), "Thé");
        assert_eq!(decoded(b"\xef\xbb\xbfTea").unwrap(), "Tea");
        assert_eq!(decoded(b"Th\xe9 \x80 2\x2e50 \x93x\x94").unwrap(), "Thé € 2.50 “x”");
        assert!(matches!(decoded(b"\xff\xfeT\0"), Err(FileError::Utf16)));
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&all).unwrap().chars().count(), 256);
    }
}
