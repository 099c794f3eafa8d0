//! Checkpoints: how long a log was and what its root was, signed so that it cannot be taken back.
//!
//! Source: C2SP tlog-checkpoint.

use crate::note::is_text;
use crate::{BadNote, Hash, Note, Signer, VerifierKey, decimal, open};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::str::FromStr;

/// The state of a log at one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: one line, by custom an address without scheme, and the name of the key that signs.
    pub origin: String,
    /// Entries in the log.
    pub size: u64,
    /// The root over all of them.
    pub root: Hash,
    /// Further lines, none of them empty. The specification advises against them; Bonded writes none.
    pub extensions: Vec<String>,
}

/// Why a checkpoint is not accepted or not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCheckpoint {
    /// Not at least three lines, or with an empty line or a control character.
    #[error("a checkpoint is three or more lines of text, none of them empty")]
    Form,
    /// The second line is not a number of 64 bits in its shortest form.
    #[error("the second line of a checkpoint is the log's size, in digits without leading zeros")]
    Size,
    /// The third line is not 32 bytes in base64.
    #[error("the third line of a checkpoint is the root, 32 bytes in base64")]
    Root,
    /// The note around it is not good.
    #[error(transparent)]
    Note(#[from] BadNote),
}

impl Checkpoint {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads a text that was signed. Only what [`Checkpoint::to_text`] writes is accepted.
    pub fn parse(text: &str) -> Result<Self, BadCheckpoint> {
        if !is_text(text) {
            return Err(BadCheckpoint::Form);
        }
        let mut lines = text.split_terminator('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(BadCheckpoint::Form);
        };
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(BadCheckpoint::Form);
        }
        let size = decimal::parse(size).ok_or(BadCheckpoint::Size)?;
        let root = BASE64.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or(BadCheckpoint::Root)?;
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// Reads a signed checkpoint and verifies it. The origin is the caller's to compare.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, BadCheckpoint> {
        Self::parse(&open(note, std::slice::from_ref(key))?.text)
    }
}

impl FromStr for Checkpoint {
    type Err = BadCheckpoint;

    fn from_str(text: &str) -> Result<Self, BadCheckpoint> {
        Self::parse(text)
    }
}

/// Signs a checkpoint under a key name, by custom its origin, and returns the note to serve.
///
/// Never sign two that contradict each other: whoever holds both can prove it for ever.
pub fn sign(checkpoint: &Checkpoint, key_name: &str, signer: &dyn Signer) -> Result<String, BadCheckpoint> {
    let text = checkpoint.to_text();
    // The fields are free text until here; a line feed in one of them would sign something else.
    if Checkpoint::parse(&text).as_ref() != Ok(checkpoint) {
        return Err(BadCheckpoint::Form);
    }
    Ok(Note::signed(text, key_name, signer)?.to_string())
}
