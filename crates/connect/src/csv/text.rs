//! Bytes of a file as text: UTF-8 or UTF-16, with or without a byte order mark, else what western spreadsheets write.

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;

/// The text of a file. Every sequence of bytes is some text.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let utf16 = [([0xff, 0xfe], UTF_16LE), ([0xfe, 0xff], UTF_16BE)];
    if let Some((text, encoding)) =
        utf16.iter().find_map(|(mark, encoding)| Some((bytes.strip_prefix(mark)?, encoding)))
    {
        return encoding.decode_without_bom_handling(text).0;
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_or_else(|_| WINDOWS_1252.decode_without_bom_handling(bytes).0, Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_spreadsheets_is_read() {
        assert_eq!(decoded("Thé".as_bytes()), "Thé");
        assert_eq!(decoded(b"\xef\xbb\xbfTea"), "Tea");
        assert_eq!(decoded(b"Th\xe9 \x80 2\x2e50 \x93x\x94"), "Thé € 2.50 “x”");
        assert_eq!(decoded(b"\xff\xfeT\0h\0\xe9\0"), "Thé");
        assert_eq!(decoded(b"\xfe\xff\0T\0h\0\xe9"), "Thé");
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&all).chars().count(), 256);
    }
}
