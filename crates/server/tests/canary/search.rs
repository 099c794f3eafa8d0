//! The search: every mark and every word in every encoding, in one pass over each file.

use crate::canaries::{Canary, IPV6_BYTES, MARKS, Mark, Shape};
use crate::encodings::{ENCODINGS, Encoding};
use aho_corasick::AhoCorasick;
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// Bytes that are looked at in front of a phone number.
const LEAD_BYTES: usize = 16;

/// Something that was looked for and is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    Canary(Canary),
    /// The mark of a canary whose number could not be read.
    Torn(Shape),
    /// One of the words that the search was given, by its name.
    Word(String),
}

/// What was found, in which form, in which file, at which byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub found: Found,
    pub encoding: &'static str,
    pub source: String,
    pub offset: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Found::Canary(canary) => write!(f, "{}", canary.written())?,
            Found::Torn(shape) => write!(f, "a part of a canary ({shape:?})")?,
            Found::Word(name) => write!(f, "{name}")?,
        }
        write!(f, " as {} in {} at byte {}", self.encoding, self.source, self.offset)
    }
}

/// A text that is looked for, and the name by which it is told. It should be in no other text by chance.
#[derive(Clone, Debug)]
pub struct Word {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Word {
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

enum Needle {
    Mark(&'static Mark),
    Word(Word),
}

/// A search for all canaries, and for some words.
pub struct Search {
    automaton: AhoCorasick,
    needles: Vec<(Needle, &'static Encoding)>,
}

/// What was looked through.
#[derive(Debug, Default)]
pub struct Searched {
    pub findings: Vec<Finding>,
    pub files: Vec<String>,
    pub bytes: usize,
}

impl Search {
    pub fn with(words: &[Word]) -> Self {
        let in_memory = Word::new("an IPv6 canary in memory", IPV6_BYTES);
        // An index may keep a word in small letters.
        let small = words.iter().map(|word| Word::new(&*word.name, word.bytes.to_ascii_lowercase()));
        let words: Vec<_> = words.iter().cloned().chain(small).chain([in_memory]).collect();
        let (mut known, mut written, mut needles) = (HashSet::new(), Vec::new(), Vec::new());
        for encoding in &ENCODINGS {
            for needle in MARKS.iter().map(Needle::Mark).chain(words.iter().cloned().map(Needle::Word)) {
                let bytes = (encoding.write)(needle.bytes());
                if known.insert(bytes.clone()) {
                    written.push(bytes);
                    needles.push((needle, encoding));
                }
            }
        }
        Self { automaton: AhoCorasick::new(written).unwrap(), needles }
    }

    /// Everything that is in these bytes.
    pub fn bytes(&self, source: &str, bytes: &[u8]) -> Vec<Finding> {
        let hits = self.automaton.find_overlapping_iter(bytes);
        let found = hits.filter_map(|hit| {
            let (needle, encoding) = &self.needles[hit.pattern()];
            let found = needle.judged(encoding, bytes, hit.start())?;
            Some(Finding { found, encoding: encoding.name, source: source.to_owned(), offset: hit.start() })
        });
        found.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Everything in a directory and below it: what files hold, and what they are called. One that goes away meanwhile
    /// is left out; its engine has deleted it.
    pub fn directory(&self, root: &Path, wanted: impl Fn(&str) -> bool) -> Searched {
        let mut searched = Searched::default();
        let mut open = vec![root.to_owned()];
        while let Some(directory) = open.pop() {
            for entry in present(fs::read_dir(&directory)).into_iter().flatten().flatten() {
                let path = entry.path();
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                searched.findings.extend(self.bytes(&format!("the name of {name}"), name.as_bytes()));
                match present(entry.file_type()) {
                    Some(kind) if kind.is_dir() => open.push(path),
                    Some(kind) if kind.is_file() && wanted(&name) => {
                        let Some(bytes) = present(fs::read(&path)) else { continue };
                        searched.add(self, &name, &bytes);
                    }
                    _ => {}
                }
            }
        }
        searched
    }
}

impl Searched {
    /// Searches one thing more.
    pub fn add(&mut self, search: &Search, name: &str, bytes: &[u8]) {
        self.findings.extend(search.bytes(name, bytes));
        self.files.push(name.to_owned());
        self.bytes += bytes.len();
    }

    pub fn append(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.files.extend(other.files);
        self.bytes += other.bytes;
    }
}

fn present<T>(outcome: io::Result<T>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => panic!("what should be searched cannot be read: {error}"),
    }
}

impl Needle {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Mark(mark) => mark.text.as_bytes(),
            Self::Word(word) => &word.bytes,
        }
    }

    /// What a place where the needle begins turns out to be.
    fn judged(&self, encoding: &Encoding, bytes: &[u8], at: usize) -> Option<Found> {
        let mark = match self {
            Self::Word(word) => return Some(Found::Word(word.name.clone())),
            Self::Mark(mark) => mark,
        };
        let read = (encoding.read)(bytes, at);
        let tail = String::from_utf8_lossy(read.get(mark.text.len()..).unwrap_or_default()).into_owned();
        match (mark.number)(&tail) {
            // Digits stand in ids and numbers of all sorts; a phone number begins where they begin.
            Some(_)
                if mark.shape == Shape::Phone
                    && encoding.name == "UTF-8"
                    && goes_on_from_a_word(encoding, bytes, at) =>
            {
                None
            }
            Some(serial) => Some(Found::Canary(Canary { shape: mark.shape, serial })),
            None => mark.certain.then_some(Found::Torn(mark.shape)),
        }
    }
}

/// Whether the digits in front of a phone number's mark are a part of something longer: a letter stands before them, or
/// what stands before the last part of a UUID. `44` and a zero belong to the number.
fn goes_on_from_a_word(encoding: &Encoding, bytes: &[u8], at: usize) -> bool {
    // Its plus sign may be written in the way of URLs, and that once more.
    let once = (encoding.read)(&bytes[at.saturating_sub(LEAD_BYTES)..at], 0);
    let before = (encoding.read)(&once, 0);
    let Some(place) = before.iter().rposition(|byte| !byte.is_ascii_digit()) else { return false };
    let is_in_uuid =
        || before[place] == b'-' && place >= 4 && before[place - 4..place].iter().all(u8::is_ascii_hexdigit);
    before[place].is_ascii_alphabetic() || is_in_uuid()
}
