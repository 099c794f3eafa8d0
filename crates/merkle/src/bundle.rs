//! Entry bundles: the entries under one tile of level 0, joined for fetching.
//!
//! Source: C2SP tlog-tiles, "Log entries": each entry behind its length in two bytes, big-endian.

use crate::TILE_WIDTH;

/// Bytes in an entry, at most: what two bytes can say.
pub const ENTRY_LENGTH_MAX: usize = u16::MAX as usize;

/// Why bytes and entries do not make a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBundle {
    /// An entry is longer than [`ENTRY_LENGTH_MAX`].
    #[error("entry {0} of the bundle is longer than 65,535 bytes")]
    Long(usize),
    /// Not 1 to 256 entries, or not as many as the width says.
    #[error("a bundle has 1 to 256 entries, as many as its width says")]
    Width,
    /// The bytes end within an entry.
    #[error("the bundle ends within entry {0}")]
    Cut(usize),
    /// Bytes follow the last entry.
    #[error("{0} bytes follow the last entry of the bundle")]
    Trailing(usize),
}

/// Joins 1 to 256 entries.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BadBundle> {
    let full = usize::try_from(TILE_WIDTH).unwrap_or(usize::MAX);
    if !(1..=full).contains(&entries.len()) {
        return Err(BadBundle::Width);
    }
    let mut bundle = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.as_ref().len()).sum());
    for (place, entry) in entries.iter().enumerate() {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).map_err(|_| BadBundle::Long(place))?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Takes a bundle of exactly `width` entries apart.
pub fn decode_bundle(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, BadBundle> {
    if !(1..=TILE_WIDTH).contains(&u64::from(width)) {
        return Err(BadBundle::Width);
    }
    let mut rest = bundle;
    let mut entries = Vec::with_capacity(usize::from(width));
    for place in 0..usize::from(width) {
        let (entry, behind) = split_entry(rest).ok_or(BadBundle::Cut(place))?;
        entries.push(entry);
        rest = behind;
    }
    if rest.is_empty() { Ok(entries) } else { Err(BadBundle::Trailing(rest.len())) }
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_stand_before_entries_in_two_bytes() {
        let bundle = encode_bundle(&[&b"one"[..], b"", b"three"]).unwrap();
        assert_eq!(bundle, b"\0\x03one\0\0\0\x05three");
        assert_eq!(decode_bundle(&bundle, 3), Ok(vec![&b"one"[..], b"", b"three"]));
        let long = vec![1; 258];
        assert_eq!(encode_bundle(&[&long]).unwrap()[..2], [1, 2]);
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        let none: [&[u8]; 0] = [];
        assert_eq!(encode_bundle(&none), Err(BadBundle::Width));
        assert_eq!(encode_bundle(&vec![b""; 257]), Err(BadBundle::Width));
        assert_eq!(encode_bundle(&[vec![], vec![0; ENTRY_LENGTH_MAX + 1]]), Err(BadBundle::Long(1)));
        assert_eq!(encode_bundle(&[vec![0; ENTRY_LENGTH_MAX]]).map(|bundle| bundle.len()), Ok(2 + ENTRY_LENGTH_MAX));
        for width in [0, 257, u16::MAX] {
            assert_eq!(decode_bundle(&[0; 700], width), Err(BadBundle::Width));
        }
        assert_eq!(decode_bundle(b"\0\x01a", 2), Err(BadBundle::Cut(1)));
        assert_eq!(decode_bundle(b"\0\x01a\0", 2), Err(BadBundle::Cut(1)));
        assert_eq!(decode_bundle(b"\0\x02a", 1), Err(BadBundle::Cut(0)));
        assert_eq!(decode_bundle(b"", 1), Err(BadBundle::Cut(0)));
        assert_eq!(decode_bundle(b"\0\x01ab", 1), Err(BadBundle::Trailing(1)));
    }

    proptest! {
        #[test]
        fn bundles_are_read_back(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 1..=256)) {
            let bundle = encode_bundle(&entries).unwrap();
            let width = u16::try_from(entries.len()).unwrap();
            prop_assert_eq!(decode_bundle(&bundle, width).unwrap(), entries);
        }

        #[test]
        fn any_bytes_are_refused_or_are_the_bundle_of_their_entries(bytes: Vec<u8>, width in 0_u16..300) {
            if let Ok(entries) = decode_bundle(&bytes, width) {
                prop_assert_eq!(encode_bundle(&entries), Ok(bytes));
            }
        }
    }
}
