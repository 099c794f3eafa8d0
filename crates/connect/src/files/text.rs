//! Bytes as they arrive, turned into text: which encoding it is, and a decoder that needs no more than the newest piece.

use encoding_rs::{DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::{Deserialize, Serialize};

/// Bytes from the beginning of a file by which its encoding is recognised.
pub(super) const SAMPLE_BYTES: usize = 64 * 1024;

/// What stands for a character that cannot be read.
pub(super) const UNREADABLE: char = char::REPLACEMENT_CHARACTER;

/// How a file writes its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// What spreadsheets of western Europe and America save where nobody asks for more.
    #[serde(rename = "windows_1252")]
    Windows1252,
}

/// Turns the pieces of a file into text.
pub struct Decoder {
    encoding: Encoding,
    /// The byte order mark that is still to be left out.
    mark: usize,
    /// Bytes of a character that has not arrived whole.
    carry: Vec<u8>,
    /// Whether nothing but ASCII has come so far, which is the same text in UTF-8 and Windows-1252.
    ascii: bool,
    wide: Option<encoding_rs::Decoder>,
}

impl Decoder {
    /// The decoder for a file that begins so.
    pub fn for_sample(sample: &[u8]) -> Self {
        let (encoding, mark) = recognised(sample);
        let wide = match encoding {
            Encoding::Utf16Le => Some(UTF_16LE.new_decoder_without_bom_handling()),
            Encoding::Utf16Be => Some(UTF_16BE.new_decoder_without_bom_handling()),
            Encoding::Utf8 | Encoding::Windows1252 => None,
        };
        Self { encoding, mark, carry: Vec::new(), ascii: true, wide }
    }

    /// Which encoding it has turned out to be so far.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The text of the next piece; `last` says that nothing follows.
    pub fn text(&mut self, mut piece: &[u8], last: bool) -> String {
        let skipped = self.mark.min(piece.len());
        self.mark -= skipped;
        piece = piece.get(skipped..).unwrap_or_default();
        let mut text = String::with_capacity(piece.len() + 8);
        match &mut self.wide {
            Some(decoder) => widened(decoder, piece, last, &mut text),
            None => self.narrow(piece, last, &mut text),
        }
        text
    }

    fn narrow(&mut self, piece: &[u8], last: bool, text: &mut String) {
        let joined;
        let mut rest = if self.carry.is_empty() {
            piece
        } else {
            joined = [std::mem::take(&mut self.carry).as_slice(), piece].concat();
            &joined
        };
        while self.encoding == Encoding::Utf8 && !rest.is_empty() {
            let (valid, broken) = match std::str::from_utf8(rest) {
                Ok(valid) => (valid, None),
                Err(error) => {
                    let valid = rest.get(..error.valid_up_to()).unwrap_or_default();
                    (std::str::from_utf8(valid).unwrap_or_default(), Some(error.error_len()))
                }
            };
            self.ascii &= valid.is_ascii();
            text.push_str(valid);
            rest = rest.get(valid.len()..).unwrap_or_default();
            match broken {
                Some(None) if !last => {
                    self.carry = rest.to_vec();
                    return;
                }
                // So far it could have been either; this is not UTF-8.
                Some(_) if self.ascii => self.encoding = Encoding::Windows1252,
                Some(length) => {
                    text.push(UNREADABLE);
                    rest = length.and_then(|length| rest.get(length..)).unwrap_or_default();
                }
                None => {}
            }
        }
        if self.encoding == Encoding::Windows1252 {
            text.push_str(&WINDOWS_1252.decode_without_bom_handling(rest).0);
        }
    }
}

fn widened(decoder: &mut encoding_rs::Decoder, mut piece: &[u8], last: bool, text: &mut String) {
    loop {
        text.reserve(decoder.max_utf8_buffer_length(piece.len()).unwrap_or(piece.len()));
        let (result, read) = decoder.decode_to_string_without_replacement(piece, text, last);
        piece = piece.get(read..).unwrap_or_default();
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => text.push(UNREADABLE),
        }
    }
}

/// The encoding of a file that begins so, and how many bytes of it are a byte order mark.
fn recognised(sample: &[u8]) -> (Encoding, usize) {
    match sample {
        [0xef, 0xbb, 0xbf, ..] => return (Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => return (Encoding::Utf16Le, 2),
        [0xfe, 0xff, ..] => return (Encoding::Utf16Be, 2),
        _ => {}
    }
    // Western text in UTF-16 has a zero in nearly every other byte.
    let zeros = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, many) = (zeros(0), zeros(1), sample.len() / 3);
    if sample.len() >= 4 && odd > many && even == 0 {
        return (Encoding::Utf16Le, 0);
    }
    if sample.len() >= 4 && even > many && odd == 0 {
        return (Encoding::Utf16Be, 0);
    }
    match std::str::from_utf8(sample) {
        // A character that the sample cuts through is no fault.
        Err(error) if error.error_len().is_some() => (Encoding::Windows1252, 0),
        _ => (Encoding::Utf8, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a file that arrives in pieces of a size.
    fn read(file: &[u8], size: usize) -> (Encoding, String) {
        let mut decoder = Decoder::for_sample(&file[..file.len().min(SAMPLE_BYTES)]);
        let mut text: String = file.chunks(size).map(|piece| decoder.text(piece, false)).collect();
        text.push_str(&decoder.text(&[], true));
        (decoder.encoding(), text)
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_is_recognised_in_pieces_of_any_size() {
        let text = "Name;Preis\nTee €;1,50\nPhở 🍜;2\n";
        let files = [
            (Encoding::Utf8, text.as_bytes().to_vec()),
            (Encoding::Utf8, [b"\xef\xbb\xbf", text.as_bytes()].concat()),
            (Encoding::Utf16Le, utf16(text, u16::to_le_bytes, true)),
            (Encoding::Utf16Be, utf16(text, u16::to_be_bytes, true)),
            (Encoding::Utf16Le, utf16(text, u16::to_le_bytes, false)),
            (Encoding::Utf16Be, utf16(text, u16::to_be_bytes, false)),
        ];
        for (encoding, file) in files {
            for size in [1, 2, 3, 7, 1_000] {
                assert_eq!(read(&file, size), (encoding, text.to_owned()), "{size}");
            }
        }
        let latin = b"Name;Preis\nTee \x80;1,50\nK\xe4se;2\n";
        for size in [1, 5, 1_000] {
            assert_eq!(read(latin, size), (Encoding::Windows1252, "Name;Preis\nTee €;1,50\nKäse;2\n".to_owned()));
        }
    }

    #[test]
    fn what_only_later_turns_out_to_be_no_utf8_is_read_all_the_same() {
        let mut file = "a,b\n".repeat(SAMPLE_BYTES / 4 + 100).into_bytes();
        file.extend_from_slice(b"K\xe4se,1\n");
        let (encoding, text) = read(&file, 1_000);
        assert_eq!(encoding, Encoding::Windows1252);
        assert!(text.ends_with("Käse,1\n"));
        let mut mixed = "é,b\n".repeat(SAMPLE_BYTES / 5 + 100).into_bytes();
        mixed.extend_from_slice(b"K\xe4se,1\n");
        let (encoding, text) = read(&mixed, 1_000);
        assert_eq!(encoding, Encoding::Utf8);
        assert!(text.ends_with("K\u{fffd}se,1\n"));
    }
}
