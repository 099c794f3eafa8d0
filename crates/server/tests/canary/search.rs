//! The search: every needle in every encoding, through files as they lie there, in one pass over each.

use crate::encoding::{Encoding, hex_byte, unescaped};
use crate::shapes::{self, Canary, Shape};
use aho_corasick::AhoCorasick;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// Something that was looked for and is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Found {
    /// A canary.
    Canary(Canary),
    /// The mark of a mail address whose number could not be read.
    Torn,
    /// One of the words that the search was given, by its name.
    Word(String),
}

/// What was found, in which form, in which file, at which offset.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Finding {
    pub found: Found,
    pub encoding: Encoding,
    pub source: String,
    pub offset: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Found::Canary(canary) => write!(f, "{}", canary.written())?,
            Found::Torn => write!(f, "a part of a mail address")?,
            Found::Word(name) => write!(f, "{name}")?,
        }
        write!(f, " as {:?} in {} at byte {}", self.encoding, self.source, self.offset)
    }
}

/// A text that must not be found, and the name by which it is told.
#[derive(Clone, Debug)]
pub struct Word {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Bytes that are no text are not looked for in forms of texts.
    is_text: bool,
}

impl Word {
    pub fn text(name: impl Into<String>, text: &str) -> Self {
        Self { name: name.into(), bytes: text.as_bytes().to_vec(), is_text: true }
    }

    pub fn bytes(name: impl Into<String>, bytes: &[u8]) -> Self {
        Self { name: name.into(), bytes: bytes.to_vec(), is_text: false }
    }
}

/// What one pattern of the automaton stands for.
#[derive(Clone)]
enum Mark {
    Mail,
    British,
    American,
    WidePhone,
    /// The second part of the address.
    Ipv4(u8),
    Ipv6,
    Ipv6Bytes,
    Word(Word),
}

struct Pattern {
    mark: Mark,
    encoding: Encoding,
    /// Bytes of the mark as a text.
    length: usize,
}

/// A search for all canaries, and for some words.
pub struct Search {
    automaton: AhoCorasick,
    patterns: Vec<Pattern>,
}

impl Search {
    /// A search for all canaries, and for these words too.
    pub fn with(words: &[Word]) -> Self {
        let mut needles: HashMap<(Vec<u8>, usize), usize> = HashMap::new();
        let (mut bytes, mut patterns) = (Vec::new(), Vec::new());
        let marks =
            canary_marks().into_iter().chain(words.iter().map(|word| (word.bytes.clone(), Mark::Word(word.clone()))));
        for (place, (mark_bytes, mark)) in marks.enumerate() {
            let encodings: &[Encoding] = if is_text(&mark) { &Encoding::ALL } else { &Encoding::OF_BYTES };
            for encoding in encodings {
                let written = match std::str::from_utf8(&mark_bytes) {
                    Ok(text) if is_text(&mark) => encoding.written(text),
                    _ => encoding.written_bytes(&mark_bytes),
                };
                let needle = encoding.needle(written, mark_bytes.len());
                // Two forms that look alike are told by the first one's name.
                if needles.insert((needle.clone(), place), patterns.len()).is_none() {
                    bytes.push(needle);
                    patterns.push(Pattern { mark: mark.clone(), encoding: *encoding, length: mark_bytes.len() });
                }
            }
        }
        Self { automaton: AhoCorasick::new(bytes).unwrap(), patterns }
    }

    /// Everything that is in these bytes.
    pub fn bytes(&self, source: &str, haystack: &[u8]) -> Vec<Finding> {
        let matches = self.automaton.find_overlapping_iter(haystack);
        let found = matches.filter_map(|hit| {
            let pattern = &self.patterns[hit.pattern()];
            let found = pattern.judge(haystack, (hit.start(), hit.end()))?;
            Some(Finding { found, encoding: pattern.encoding, source: source.to_owned(), offset: hit.start() })
        });
        let mut found: Vec<_> = found.collect::<BTreeSet<_>>().into_iter().collect();
        // UTF-16 reads almost the same a byte further; what only looks torn from there is whole here.
        let whole: BTreeSet<_> =
            found.iter().filter(|finding| finding.found != Found::Torn).map(|finding| finding.offset).collect();
        let near = |offset: usize| (offset.saturating_sub(1)..=offset + 1).any(|offset| whole.contains(&offset));
        found.retain(|finding| finding.found != Found::Torn || !near(finding.offset));
        found
    }

    /// Everything in a directory and below it: what files hold, and what they are called. One that goes away while the
    /// search is under way is left out; its engine has deleted it.
    pub fn directory(&self, root: &Path) -> (Vec<Finding>, Searched) {
        let (mut findings, mut searched) = (Vec::new(), Searched::default());
        let mut open = vec![root.to_owned()];
        while let Some(directory) = open.pop() {
            for entry in present(fs::read_dir(&directory)).into_iter().flatten().flatten() {
                let path = entry.path();
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                findings.extend(self.bytes(&format!("the name of {name}"), name.as_bytes()));
                match present(entry.file_type()) {
                    Some(kind) if kind.is_dir() => open.push(path),
                    Some(kind) if kind.is_file() => {
                        let Some(bytes) = present(fs::read(&path)) else { continue };
                        searched.add(&name, bytes.len());
                        findings.extend(self.bytes(&path.to_string_lossy(), &bytes));
                    }
                    _ => {}
                }
            }
        }
        (findings, searched)
    }

    /// What is in a dump of PostgreSQL, both as it stands there and in the bytes that it writes as `\x6b61`.
    pub fn dump(&self, source: &str, dump: &[u8]) -> Vec<Finding> {
        let mut findings = self.bytes(source, dump);
        for sign in AhoCorasick::new(["\\x"]).unwrap().find_iter(dump) {
            let bytes: Vec<_> = dump[sign.end()..].chunks_exact(2).map_while(hex_byte).collect();
            let inside = self.bytes(&format!("{source}, the bytes written"), &bytes);
            findings.extend(
                inside.into_iter().map(|finding| Finding { offset: sign.end() + 2 * finding.offset, ..finding }),
            );
        }
        findings
    }
}

/// What was looked through.
#[derive(Clone, Debug, Default)]
pub struct Searched {
    pub files: Vec<String>,
    pub bytes: usize,
}

impl Searched {
    fn add(&mut self, name: &str, bytes: usize) {
        self.files.push(name.to_owned());
        self.bytes += bytes;
    }

    /// Whether a file whose name ends like this was among them.
    pub fn has(&self, ending: &str) -> bool {
        self.files.iter().any(|name| name.ends_with(ending))
    }
}

fn present<T>(outcome: io::Result<T>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => panic!("what should be searched cannot be read: {error}"),
    }
}

fn is_text(mark: &Mark) -> bool {
    !matches!(mark, Mark::Ipv6Bytes | Mark::Word(Word { is_text: false, .. }))
}

fn canary_marks() -> Vec<(Vec<u8>, Mark)> {
    let text = |text: &str, mark| (text.as_bytes().to_vec(), mark);
    let wide: String =
        shapes::BRITISH_MARK.chars().filter_map(|digit| char::from_u32(0xff10 + digit.to_digit(10)?)).collect();
    let mut marks = vec![
        text(shapes::MAIL_MARK, Mark::Mail),
        text(&shapes::MAIL_MARK.to_uppercase(), Mark::Mail),
        text(shapes::BRITISH_MARK, Mark::British),
        text(shapes::AMERICAN_MARK, Mark::American),
        text(&wide, Mark::WidePhone),
        text(shapes::IPV6_MARK, Mark::Ipv6),
        text(&shapes::IPV6_MARK.to_uppercase(), Mark::Ipv6),
        (shapes::IPV6_BYTES.to_vec(), Mark::Ipv6Bytes),
    ];
    marks.extend(shapes::IPV4_SECONDS.map(|second| text(&format!("241.{second}."), Mark::Ipv4(second))));
    marks
}

impl Pattern {
    /// What a place where the pattern stands turns out to be.
    fn judge(&self, haystack: &[u8], hit: (usize, usize)) -> Option<Found> {
        let bytes = || self.encoding.tail(haystack, hit, self.length);
        let tail = || String::from_utf8_lossy(&bytes()).into_owned();
        let lead = || self.encoding.lead(haystack, hit.0);
        let canary = |shape, serial: Option<u32>| {
            serial.filter(|serial| *serial < shapes::SERIALS_MAX).map(|serial| Found::Canary(Canary { shape, serial }))
        };
        match &self.mark {
            Mark::Mail => canary(Shape::Mail, shapes::mail_serial(&tail())).or(Some(Found::Torn)),
            // Digits stand in numbers and ids of all sorts; a phone number begins where they begin.
            Mark::British | Mark::American if is_glued(&lead()) => None,
            Mark::British | Mark::WidePhone => canary(Shape::Phone, shapes::phone_serial(&tail(), '0')),
            Mark::American => canary(Shape::Phone, shapes::phone_serial(&tail(), '8')),
            Mark::Ipv4(second) => canary(Shape::Ip, shapes::ipv4_serial(*second, &tail())),
            Mark::Ipv6 => canary(Shape::Ip, shapes::ipv6_serial(&tail())),
            Mark::Ipv6Bytes => canary(Shape::Ip, shapes::ipv6_bytes_serial(&bytes())),
            Mark::Word(word) => {
                let digits = word.is_text && word.bytes.iter().all(u8::is_ascii_digit);
                let longer = digits && (ends_in_word(&unescaped(&lead())) || begins_a_word(&tail()));
                (!longer).then(|| Found::Word(word.name.clone()))
            }
        }
    }
}

/// Whether a phone number's mark goes on from a word: `44` and a zero belong to it, letters do not.
fn is_glued(lead: &str) -> bool {
    ends_in_word(unescaped(lead).trim_end_matches(|symbol: char| symbol.is_ascii_digit()))
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(|symbol: char| symbol.is_ascii_alphanumeric())
}

fn begins_a_word(text: &str) -> bool {
    text.starts_with(|symbol: char| symbol.is_ascii_alphanumeric())
}
