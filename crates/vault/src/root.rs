//! The root: the 32 bytes that open today's tree, sealed to the officers or in hardware, and the file they travel in.
//!
//! ```text
//! bonded root 2 <length of what follows this line> <its SHA-256>
//! tree <16 bytes, drawn when the tree was made>
//! environment production
//! version 17
//! holder officers                  or `holder hsm <the wrapping key's label in the token>`
//! officer age1…                    one line each
//!                                  an empty line, then an age file (c2sp.org/age), or what the hardware module wrapped
//!                                  (src/hsm.rs), that holds 112 bytes:
//! SHA-256 of the lines from `tree` to the last `officer` || lineage (32) || root key (32) || top file's name (16)
//! ```
//! Format 1, which is read on, had no line `holder`: the officers held it.
//!
//! The lines in clear tell a sealed process which tree this is and a running one whom to seal to. Their hash inside the
//! sealed part shows on unsealing that nobody swapped a line. The lineage never changes: a root that somebody else
//! sealed to the same officers does not know it.

use crate::fragment::{Link, Name};
use crate::hsm::KeyName;
use crate::key::Key;
use crate::officer::{OFFICERS_MAX, seal_to};
use crate::{Environment, Hsm, Officer, Recipient, VaultError};
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::Chance;
use std::cmp::Ordering;
use std::fmt::Write;
use std::path::Path;
use zeroize::Zeroizing;

/// The number of the file's format.
const FORMAT: u32 = 2;
/// The format before, which did not name a holder.
const FORMAT_OF_OFFICERS: u32 = 1;
/// Words of the first line in front of the length: `bonded`, `root`, the format.
const FIRST_WORDS: usize = 3;
/// Bytes of the sealed part's content.
const SECRET_BYTES: usize = 32 + 32 + 32 + 16;

/// Who opens the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Any one of the officers, by hand.
    Officers,
    /// A hardware module, by itself. The officers stay listed.
    Hsm,
}

/// Who opens the root, and by which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Officers,
    Hsm(KeyName),
}

impl Held {
    pub(crate) const fn by(&self) -> Holder {
        match self {
            Self::Officers => Holder::Officers,
            Self::Hsm(_) => Holder::Hsm,
        }
    }

    /// The wrapping key in the token, if one holds the root.
    pub(crate) const fn key(&self) -> Option<&KeyName> {
        match self {
            Self::Officers => None,
            Self::Hsm(key) => Some(key),
        }
    }
}

/// What opens a sealed root.
pub(crate) enum Opener<'a> {
    Officer(&'a Officer),
    Hsm(&'a Hsm),
}

/// What the lines in clear say.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Tells this tree from others.
    pub(crate) tree: [u8; 16],
    pub(crate) environment: Environment,
    /// One more at each change.
    pub(crate) version: u64,
    pub(crate) held: Held,
    pub(crate) officers: Vec<Recipient>,
}

/// A root file, as it lies on a disk.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SealedRoot {
    pub(crate) header: Header,
    format: u32,
    file: Vec<u8>,
    sealed: Vec<u8>,
}

/// An unsealed root.
pub(crate) struct Root {
    pub(crate) header: Header,
    /// The same in all roots of one tree, and secret.
    lineage: Key,
    /// Where the top of the tree is, and the root key.
    pub(crate) top: Link,
}

/// How one root stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// Of the same tree, and a version before.
    Older,
    /// The very same.
    Same,
    /// Of the same tree, and a version after.
    Newer,
    /// Of another tree; or the same version, but another root: the tree went two ways.
    Stranger,
}

/// What the bytes of a root file turned out to be.
pub(crate) enum Read {
    /// Nothing but zeros: wiped, or never written.
    Blank,
    /// Neither blank nor whole.
    Broken,
    /// A format this program does not know.
    Newer(u32),
    /// A root.
    Whole(Box<SealedRoot>),
}

impl Header {
    fn text(&self, format: u32) -> String {
        let tree = u128::from_be_bytes(self.tree);
        let mut text = format!("tree {tree:032x}\nenvironment {}\nversion {}\n", self.environment, self.version);
        let _ = match &self.held {
            Held::Officers if format == FORMAT_OF_OFFICERS => Ok(()),
            Held::Officers => writeln!(text, "holder officers"),
            Held::Hsm(key) => writeln!(text, "holder hsm {key}"),
        };
        for officer in &self.officers {
            let _ = writeln!(text, "officer {officer}");
        }
        text
    }

    fn parse(text: &str, format: u32) -> Option<Self> {
        let mut lines = text.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name);
        let header = Self {
            tree: u128::from_str_radix(field("tree ")?, 16).ok()?.to_be_bytes(),
            environment: field("environment ")?.parse().ok()?,
            version: field("version ")?.parse().ok()?,
            held: if format == FORMAT_OF_OFFICERS { Held::Officers } else { held(field("holder ")?)? },
            officers: lines.map(|line| line.strip_prefix("officer ")?.parse().ok()).collect::<Option<_>>()?,
        };
        // Only what this program writes is read: one text for one header.
        (header.text(format) == text).then_some(header)
    }

    /// The hash of the lines.
    fn sum(&self, format: u32) -> [u8; 32] {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, self.text(format).as_bytes()).as_ref());
        sum
    }

    /// The header of the next root.
    pub(crate) fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

impl SealedRoot {
    /// The bytes to write.
    pub(crate) fn file(&self) -> &[u8] {
        &self.file
    }

    /// Reads a file that may be longer than what was written: its end is padding.
    pub(crate) fn read(file: &[u8]) -> Read {
        if file.iter().all(|byte| *byte == 0) {
            return Read::Blank;
        }
        let whole = |format| Self::parse(file, format).map(Box::new);
        match format(file) {
            Some(format @ (FORMAT | FORMAT_OF_OFFICERS)) => whole(format).map_or(Read::Broken, Read::Whole),
            Some(newer) => Read::Newer(newer),
            None => Read::Broken,
        }
    }

    fn parse(file: &[u8], format: u32) -> Option<Self> {
        let first = first_line(file)?;
        let mut words = first.split(' ').skip(FIRST_WORDS);
        let (length, sum) = (words.next()?.parse::<usize>().ok()?, words.next()?);
        let start = first.len() + 1;
        let file = file.get(..start.checked_add(length)?)?;
        let body = file.get(start..)?;
        if hex(digest(&SHA256, body).as_ref()) != sum {
            return None;
        }
        let end = body.windows(2).position(|two| two == b"\n\n")?;
        let header = Header::parse(std::str::from_utf8(body.get(..=end)?).ok()?, format)?;
        Some(Self { header, format, file: file.to_vec(), sealed: body.get(end + 2..)?.to_vec() })
    }

    /// How this root stands to `other`.
    pub(crate) fn against(&self, other: &Self) -> Against {
        match self.header.version.cmp(&other.header.version) {
            _ if self.header.tree != other.header.tree => Against::Stranger,
            Ordering::Less => Against::Older,
            Ordering::Greater => Against::Newer,
            Ordering::Equal if self == other => Against::Same,
            Ordering::Equal => Against::Stranger,
        }
    }

    /// Opens the root. `place` is named in errors.
    pub(crate) fn unseal(&self, opener: &Opener<'_>, place: &Path) -> Result<Root, VaultError> {
        let root = match (opener, &self.header.held) {
            (Opener::Officer(officer), Held::Officers) => self.check(&officer.open(&self.sealed)?),
            (Opener::Hsm(hsm), Held::Hsm(key)) => {
                let plain = hsm.unwrap(key, &self.header.sum(self.format), &self.sealed)?;
                plain.and_then(|plain| self.check(plain.expose()))
            }
            (Opener::Officer(_), Held::Hsm(_)) => return Err(VaultError::HeldByHsm),
            (Opener::Hsm(_), Held::Officers) => return Err(VaultError::HeldByOfficers),
        };
        root.ok_or_else(|| VaultError::Damaged {
            file: place.to_owned(),
            what: "the lines of the root are not the ones that were sealed",
        })
    }

    fn check(&self, plain: &[u8]) -> Option<Root> {
        let secret = plain.first_chunk::<SECRET_BYTES>().filter(|_| plain.len() == SECRET_BYTES)?;
        let (sum, rest) = secret.split_first_chunk::<32>()?;
        let (lineage, rest) = rest.split_first_chunk::<32>()?;
        let (key, name) = rest.split_first_chunk::<32>()?;
        let same = self.header.sum(self.format) == *sum;
        same.then_some(Root {
            header: self.header.clone(),
            lineage: Key::from_bytes(*lineage),
            top: Link { key: Key::from_bytes(*key), name: Name::from_bytes(name.try_into().ok()?) },
        })
    }
}

impl Root {
    /// The first root of a tree.
    pub(crate) fn first(header: Header, lineage: Key, top: Link) -> Self {
        Self { header, lineage, top }
    }

    /// The root after this one.
    pub(crate) fn next(&self, header: Header, top: Link) -> Self {
        Self { header, lineage: self.lineage.duplicate(), top }
    }

    /// Whether both are roots of one tree, of whatever version.
    pub(crate) fn same_tree(&self, other: &Self) -> bool {
        self.header.tree == other.header.tree && self.lineage.bytes() == other.lineage.bytes()
    }

    /// Seals it to its officers, or has its hardware module wrap it.
    pub(crate) fn seal(&self, hsm: Option<&Hsm>, chance: &dyn Chance) -> Result<SealedRoot, VaultError> {
        if self.header.officers.len() > OFFICERS_MAX {
            return Err(VaultError::OfficerCount);
        }
        let (text, sum) = (self.header.text(FORMAT), self.header.sum(FORMAT));
        let mut secret = Zeroizing::new(Vec::with_capacity(SECRET_BYTES));
        secret.extend_from_slice(&sum);
        secret.extend_from_slice(self.lineage.bytes());
        secret.extend_from_slice(self.top.key.bytes());
        secret.extend_from_slice(&self.top.name.bytes());
        let sealed = match &self.header.held {
            Held::Officers => seal_to(&self.header.officers, &secret)?,
            Held::Hsm(key) => hsm.ok_or(VaultError::NoHsm)?.wrap(key, &sum, &secret, chance)?,
        };
        let body = [text.as_bytes(), b"\n", &sealed].concat();
        let line = format!("bonded root {FORMAT} {} {}\n", body.len(), hex(digest(&SHA256, &body).as_ref()));
        let file = [line.as_bytes(), &body].concat();
        Ok(SealedRoot { header: self.header.clone(), format: FORMAT, file, sealed })
    }
}

/// What the line `holder` says.
fn held(text: &str) -> Option<Held> {
    match text.split_once(' ') {
        None => (text == "officers").then_some(Held::Officers),
        Some((kind, key)) => (kind == "hsm").then_some(Held::Hsm(key.parse().ok()?)),
    }
}

fn first_line(file: &[u8]) -> Option<&str> {
    let end = file.iter().position(|byte| *byte == b'\n')?;
    std::str::from_utf8(file.get(..end)?).ok()
}

/// The number of the format, whatever comes after it.
fn format(file: &[u8]) -> Option<u32> {
    first_line(file)?.strip_prefix("bonded root ")?.split(' ').next()?.parse().ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Seeded;

    fn sample(officers: &[&Officer]) -> Root {
        let chance = Seeded::new(1);
        let header = Header {
            tree: [5; 16],
            environment: Environment::Staging,
            version: 41,
            held: Held::Officers,
            officers: officers.iter().flat_map(|officer| officer.recipients()).collect(),
        };
        let top = Link { key: Key::random(&chance), name: Name::new(41, &chance) };
        Root::first(header, Key::random(&chance), top)
    }

    fn whole(file: &[u8]) -> Option<SealedRoot> {
        match SealedRoot::read(file) {
            Read::Whole(root) => Some(*root),
            _ => None,
        }
    }

    #[test]
    fn a_root_is_written_read_and_unsealed_by_any_officer() {
        let officers = [Officer::generate(), Officer::generate()];
        let root = sample(&[&officers[0], &officers[1]]);
        let mut file = root.seal(None, &Seeded::new(3)).unwrap().file().to_vec();
        file.resize(8192, 0);
        let sealed = whole(&file).unwrap();
        assert!(sealed.header == root.header);
        for officer in &officers {
            let again = sealed.unseal(&Opener::Officer(officer), Path::new("here")).unwrap();
            assert!(again.same_tree(&root) && again.top.name == root.top.name);
            assert_eq!(again.top.key.bytes(), root.top.key.bytes());
        }
        let stranger = Officer::generate();
        assert!(matches!(sealed.unseal(&Opener::Officer(&stranger), Path::new("here")), Err(VaultError::WrongOfficer)));
    }

    /// As earlier versions wrote it; the root after it has today's format.
    #[test]
    fn a_root_that_names_no_holder_is_read_on() {
        let officer = Officer::generate();
        let root = sample(&[&officer]);
        let (text, sum) = (root.header.text(FORMAT_OF_OFFICERS), root.header.sum(FORMAT_OF_OFFICERS));
        assert!(!text.contains("holder"));
        let secret = [&sum[..], root.lineage.bytes(), root.top.key.bytes(), &root.top.name.bytes()].concat();
        let sealed = seal_to(&root.header.officers, &secret).unwrap();
        let body = [text.as_bytes(), b"\n", &sealed].concat();
        let line = format!("bonded root 1 {} {}\n", body.len(), hex(digest(&SHA256, &body).as_ref()));
        let old = whole(&[line.as_bytes(), &body].concat()).unwrap();
        let again = old.unseal(&Opener::Officer(&officer), Path::new("here")).unwrap();
        assert!(again.same_tree(&root) && again.header.held == Held::Officers);
        let next = again.seal(None, &Seeded::new(4)).unwrap();
        assert!(next.file().starts_with(b"bonded root 2 ") && next.header.text(FORMAT).contains("\nholder officers\n"));
        // A line that this format does not have.
        let forged = line.replacen("root 1", "root 2", 1);
        assert!(whole(&[forged.as_bytes(), &body].concat()).is_none());
    }

    #[test]
    fn a_changed_byte_is_seen() {
        let officer = Officer::generate();
        let file = sample(&[&officer]).seal(None, &Seeded::new(3)).unwrap().file().to_vec();
        for place in 0..file.len() {
            let mut changed = file.clone();
            changed[place] ^= 1;
            assert!(whole(&changed).is_none(), "byte {place}");
        }
        assert!(matches!(SealedRoot::read(&[0; 4096]), Read::Blank));
        assert!(matches!(SealedRoot::read(&file[..file.len() - 1]), Read::Broken));
        assert!(matches!(SealedRoot::read(b"bonded root 3 future\n"), Read::Newer(3)));
    }

    /// Somebody who can write the file fixes the sum, but not the hash inside.
    #[test]
    fn a_swapped_line_is_seen_on_unsealing() {
        let (officer, intruder) = (Officer::generate(), Officer::generate());
        let sealed = sample(&[&officer]).seal(None, &Seeded::new(3)).unwrap();
        let forged = |header: Header| {
            let body = [header.text(FORMAT).as_bytes(), b"\n", &sealed.sealed].concat();
            let sum = hex(digest(&SHA256, &body).as_ref());
            let file = [format!("bonded root {FORMAT} {} {sum}\n", body.len()).as_bytes(), &body].concat();
            whole(&file).unwrap().unseal(&Opener::Officer(&officer), Path::new("here"))
        };
        let header = || sealed.header.clone();
        assert!(forged(header()).is_ok());
        for swapped in [
            Header { officers: intruder.recipients(), ..header() },
            Header { officers: [officer.recipients(), intruder.recipients()].concat(), ..header() },
            Header { environment: Environment::Production, ..header() },
            Header { version: 42, ..header() },
            Header { held: Held::Hsm("bonded-0505050505050505-0000000000000001".parse().unwrap()), ..header() },
            Header { tree: [6; 16], ..header() },
        ] {
            let refused = forged(swapped);
            assert!(matches!(refused, Err(VaultError::Damaged { .. } | VaultError::HeldByHsm)));
        }
    }

    #[test]
    fn a_root_of_another_maker_is_of_another_tree() {
        let officer = Officer::generate();
        let (ours, theirs) = (sample(&[&officer]), sample(&[&officer]));
        let forged = Root::first(theirs.header.clone(), Key::from_bytes([0; 32]), theirs.top);
        assert!(!ours.same_tree(&forged));
        let top = Link { key: Key::from_bytes([1; 32]), name: ours.top.name };
        assert!(ours.same_tree(&ours.next(ours.header.next(), top)));
    }
}
