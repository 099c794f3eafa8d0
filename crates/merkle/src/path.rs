//! The addresses under which a log is served: its checkpoint, its tiles, its entries.
//!
//! Source: C2SP tlog-tiles, "APIs". Every resource has exactly one address; other spellings are refused, so that no
//! cache keeps one thing under two names.

use crate::TILE_WIDTH;
use crate::decimal;
use std::fmt;
use std::str::FromStr;

/// The highest level the specification lets an address name. A tree of 64 bits ends at level 7.
const LEVEL_MAX: u64 = 63;
/// Hashes in a full tile, as a width.
const FULL: u16 = 256;
/// The index is cut into groups of three digits.
const GROUP: u64 = 1000;

/// One resource of a log, by its address relative to the log's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogPath {
    /// `checkpoint`: the newest signed checkpoint.
    Checkpoint,
    /// `tile/<level>/<index>[.p/<width>]`: a tile of hashes.
    Tile {
        /// 0 to 63.
        level: u8,
        /// The tile's place within the level.
        index: u64,
        /// 1 to 256; 256 is a full tile and is not written.
        width: u16,
    },
    /// `tile/entries/<index>[.p/<width>]`: the entries under a tile of level 0.
    Entries {
        /// The bundle's place, that of the tile of level 0 with the entries' hashes.
        index: u64,
        /// 1 to 256; 256 is a full bundle and is not written.
        width: u16,
    },
}

/// The text is not an address of a log's resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a checkpoint, a tile or an entry bundle")]
pub struct BadPath;

/// The address of a tile, such as `tile/0/x001/234.p/5`. A width of 256 (or none that a partial tile can have) is a
/// full tile's.
pub fn tile_path(level: u8, index: u64, width: u16) -> String {
    LogPath::Tile { level, index, width }.to_string()
}

/// The address of an entry bundle, such as `tile/entries/x001/234.p/5`; the width as in [`tile_path`].
pub fn entries_path(index: u64, width: u16) -> String {
    LogPath::Entries { index, width }.to_string()
}

impl fmt::Display for LogPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, width) = match *self {
            Self::Checkpoint => return f.write_str("checkpoint"),
            Self::Tile { level, index, width } => {
                write!(f, "tile/{level}/")?;
                (index, width)
            }
            Self::Entries { index, width } => {
                f.write_str("tile/entries/")?;
                (index, width)
            }
        };
        write_index(f, index)?;
        if (1..FULL).contains(&width) { write!(f, ".p/{width}") } else { Ok(()) }
    }
}

/// The index in groups of three digits; all but the last begin with an `x`.
fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    if index >= GROUP {
        write_leading_groups(f, index / GROUP)?;
    }
    write!(f, "{:03}", index % GROUP)
}

fn write_leading_groups(f: &mut fmt::Formatter<'_>, groups: u64) -> fmt::Result {
    if groups >= GROUP {
        write_leading_groups(f, groups / GROUP)?;
    }
    write!(f, "x{:03}/", groups % GROUP)
}

impl FromStr for LogPath {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        if text == "checkpoint" {
            return Ok(Self::Checkpoint);
        }
        let (level, rest) = text.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(BadPath)?;
        let (index, width) = match rest.split_once(".p/") {
            None => (parse_index(rest), Some(FULL)),
            Some((index, width)) => (parse_index(index), parse_partial_width(width)),
        };
        let (index, width) = index.zip(width).ok_or(BadPath)?;
        if level == "entries" {
            return Ok(Self::Entries { index, width });
        }
        let level = decimal::parse(level).filter(|&level| level <= LEVEL_MAX);
        let level = level.and_then(|level| u8::try_from(level).ok()).ok_or(BadPath)?;
        Ok(Self::Tile { level, index, width })
    }
}

fn parse_partial_width(text: &str) -> Option<u16> {
    let width = decimal::parse(text).filter(|width| (1..TILE_WIDTH).contains(width));
    width.and_then(|width| u16::try_from(width).ok())
}

fn parse_index(text: &str) -> Option<u64> {
    // The first group may be all zeros only if it stands alone; otherwise the index has a shorter spelling.
    if text.starts_with("x000/") {
        return None;
    }
    let (leading, last) = text.rsplit_once('/').map_or((None, text), |(leading, last)| (Some(leading), last));
    let mut index = 0;
    for group in leading.into_iter().flat_map(|leading| leading.split('/')) {
        index = add_group(index, group.strip_prefix('x')?)?;
    }
    add_group(index, last)
}

fn add_group(index: u64, group: &str) -> Option<u64> {
    let digits = group.len() == 3 && group.bytes().all(|symbol| symbol.is_ascii_digit());
    let value: u64 = digits.then(|| group.parse().ok()).flatten()?;
    index.checked_mul(GROUP)?.checked_add(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The address of C2SP tlog-tiles' text, and those of the Go checksum database that have tiles of height 8.
    #[test]
    fn published_addresses_are_read_and_written() {
        for (text, path) in [
            ("tile/0/x001/x234/067", LogPath::Tile { level: 0, index: 1_234_067, width: 256 }),
            ("tile/0/001", LogPath::Tile { level: 0, index: 1, width: 256 }),
            ("tile/0/001.p/5", LogPath::Tile { level: 0, index: 1, width: 5 }),
            ("tile/5/x123/x456/078", LogPath::Tile { level: 5, index: 123_456_078, width: 256 }),
            ("tile/5/x123/x456/078.p/2", LogPath::Tile { level: 5, index: 123_456_078, width: 2 }),
            ("tile/entries/x003/x057/500", LogPath::Entries { index: 3_057_500, width: 256 }),
            ("tile/entries/000.p/255", LogPath::Entries { index: 0, width: 255 }),
            ("tile/63/x018/x446/x744/x073/x709/x551/615.p/1", LogPath::Tile { level: 63, index: u64::MAX, width: 1 }),
            ("tile/0/x001/000", LogPath::Tile { level: 0, index: 1000, width: 256 }),
            ("tile/0/x001/x000/000", LogPath::Tile { level: 0, index: 1_000_000, width: 256 }),
            ("checkpoint", LogPath::Checkpoint),
        ] {
            assert_eq!(text.parse(), Ok(path), "{text}");
            assert_eq!(path.to_string(), text);
        }
        assert_eq!(tile_path(0, 1234, 5), "tile/0/x001/234.p/5");
        assert_eq!(entries_path(1234, 256), "tile/entries/x001/234");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "/checkpoint",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/1",
            "tile/0/0001",
            "tile/0/x001",
            "tile/0/x001/",
            "tile/0/x001/x002",
            "tile/0/001/002",
            "tile/0/x000/001",
            "tile/0/X001/002",
            "tile/0/-01",
            "tile/0/+01",
            "tile/00/001",
            "tile/64/001",
            "tile/-1/001",
            "tile/a/001",
            "tile/data/001",
            "tile/3/5/123/456/078",
            "tile/0/001.p",
            "tile/0/001.p/",
            "tile/0/001.p/0",
            "tile/0/001.p/05",
            "tile/0/001.p/256",
            "tile/0/001.p/-1",
            "tile/0/001.p/5/",
            "tile/0/001.p/5.p/5",
            "tile/0/.p/5",
            "tile/0/x001/.p/5",
            "/tile/0/001",
            "tile//0/001",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
            "tile/0/٠٠١",
        ] {
            assert_eq!(text.parse::<LogPath>(), Err(BadPath), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_path_is_read_back(level in 0_u8..64, index: u64, shift in 0_u32..64, width in 1_u16..=256) {
            let index = index >> shift;
            for path in [LogPath::Tile { level, index, width }, LogPath::Entries { index, width }] {
                prop_assert_eq!(path.to_string().parse(), Ok(path));
            }
        }

        #[test]
        fn what_is_read_is_written_the_same(text in "(tile/)?[0-9e]{0,2}(entries)?/?[x0-9/]{0,12}(\\.p/[0-9]{0,3})?|\\PC*") {
            if let Ok(path) = text.parse::<LogPath>() {
                prop_assert_eq!(path.to_string(), text);
            }
        }
    }
}
