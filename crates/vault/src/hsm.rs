//! A hardware module that holds the root: a wrapping key inside it, made anew at each change of the root, opens it.
//!
//! The root is sealed under `HKDF-Expand-SHA-256(AES-256-CBC(wrapping key, zero IV, challenge), "bonded/hsm/1" || SHA-256
//! of the root's lines)`: the module answers a random challenge of 32 bytes with a key that it alone can work out. AES in
//! CBC mode is the one mechanism that `SoftHSM2`, Google Cloud KMS, AWS `CloudHSM` and `YubiHSM` 2 all have (the last has no
//! GCM, and those before it disagree on who draws its nonce), and so the root itself never goes to the module.
//!
//! Architecture invariant: one thread owns the library and its session; nothing of theirs leaves it. It finalizes the
//! library before it ends, for `SoftHSM2` brings a process down that ends without.

mod token;

use crate::VaultError;
use crate::disk::begins_elsewhere;
use crate::key::Key;
use crate::xaes::{NONCE_BYTES, Xaes};
use bonded_base::{Chance, Secret};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use token::Token;
use zeroize::Zeroize;

/// How long a module may take for one answer; Google's library gives its own calls as long.
pub const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Bytes of a challenge and of its answer: two blocks of AES.
const CHALLENGE_BYTES: usize = 32;

const WRAP_LABEL: &[u8] = b"bonded/hsm/1";

/// Begins the names of our keys in a token.
const NAME_START: &str = "bonded-";
/// Bytes of a name: the longest label that a `YubiHSM` keeps.
const NAME_BYTES: usize = 40;

/// Which hardware module, and how it is entered.
#[derive(Clone)]
pub struct HsmSetup {
    /// The maker's PKCS#11 library.
    pub module: PathBuf,
    /// The label of the token in it.
    pub token: String,
    /// The user's PIN; none where the module asks for none.
    pub pin: Option<Arc<Secret<String>>>,
}

/// Why a hardware module did not do what it was asked. Tells codes of PKCS#11, and no texts of the module's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HsmError {
    /// The library is not there, or is no PKCS#11 library.
    #[error("{} cannot be loaded as a PKCS#11 library", .module.display())]
    Module {
        /// The file.
        module: PathBuf,
    },
    /// The library has no token of this label.
    #[error("there is no token labelled {token}")]
    NoToken {
        /// The label.
        token: String,
    },
    /// The PIN was refused; whoever tries again and again may lock the token.
    #[error("the token refuses the PIN ({code})")]
    Pin {
        /// The code, by its name in PKCS#11.
        code: String,
    },
    /// The key that the root names is not in the token.
    #[error("the token does not hold the key that this root names: it is an older copy, or the key was destroyed")]
    NoKey,
    /// The token would hand the key out.
    #[error("the token made a key that could be taken out of it")]
    Exposed,
    /// Another refusal.
    #[error("{doing} failed ({code})")]
    Refused {
        /// The function of PKCS#11.
        doing: String,
        /// The code, by its name in PKCS#11.
        code: String,
    },
    /// No answer came in time, and the thread still waits for it.
    #[error("it did not answer within {} seconds", ANSWER_MAX.as_secs())]
    Silent,
    /// It was closed.
    #[error("it was closed")]
    Closed,
}

/// The name of a wrapping key in a token: `bonded-`, half of the tree's number, a hyphen, and eight random bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyName(String);

impl KeyName {
    fn new(tree: &[u8; 16], chance: &dyn Chance) -> Self {
        let mut own = [0; 8];
        chance.fill(&mut own);
        Self(format!("{}{:016x}", Self::start(tree), u64::from_be_bytes(own)))
    }

    /// How the names of all keys of one tree begin.
    fn start(tree: &[u8; 16]) -> String {
        format!("{NAME_START}{:016x}-", u128::from_be_bytes(*tree) >> 64)
    }
}

impl FromStr for KeyName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = |rest: &str| rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
        let whole = text.len() == NAME_BYTES && text.strip_prefix(NAME_START).is_some_and(plain);
        if whole { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hardware module. Clones are the same; the last one that goes closes it.
#[derive(Clone)]
pub struct Hsm(Arc<Desk>);

struct Desk {
    token: String,
    /// How it is named among the places of the keys.
    place: PathBuf,
    answer_max: Duration,
    line: Mutex<Option<Line>>,
}

/// The way to the thread. One deed at a time: a late one is waited for, so that it cannot overtake a newer.
struct Line {
    deeds: Sender<Deed>,
    late: Option<Receiver<()>>,
    thread: JoinHandle<()>,
}

type Deed = Box<dyn FnOnce(&mut Token) + Send>;

impl Hsm {
    /// Names a module; it is entered when it is first needed, and again after a failure.
    ///
    /// # Errors
    /// [`HsmError::Closed`] if the system starts no thread.
    pub fn new(setup: HsmSetup) -> Result<Self, HsmError> {
        Self::with_patience(setup, ANSWER_MAX)
    }

    fn with_patience(setup: HsmSetup, answer_max: Duration) -> Result<Self, HsmError> {
        let (deeds, work) = mpsc::channel::<Deed>();
        let place = PathBuf::from(format!("pkcs11:token={}", setup.token));
        let token = setup.token.clone();
        let at_work = move || {
            let mut token = Token::new(setup);
            for deed in work {
                deed(&mut token);
            }
            token.leave();
        };
        let thread = std::thread::Builder::new().name("hsm".to_owned()).spawn(at_work);
        let line = Line { deeds, late: None, thread: thread.map_err(|_| HsmError::Closed)? };
        Ok(Self(Arc::new(Desk { token, place, answer_max, line: Mutex::new(Some(line)) })))
    }

    /// The label of its token.
    pub fn token(&self) -> &str {
        &self.0.token
    }

    /// Leaves the module, for good. A program does it before it ends.
    pub fn close(&self) {
        self.0.close();
    }

    /// How it is named among the places of the keys: `pkcs11:token=…` (RFC 7512).
    pub(crate) fn place(&self) -> &Path {
        &self.0.place
    }

    /// Whether the key answers.
    pub(crate) fn check(&self, key: &KeyName) -> Result<(), HsmError> {
        self.answer(key, [0; CHALLENGE_BYTES]).map(drop)
    }

    /// Makes a wrapping key for the next root of a tree.
    pub(crate) fn make_key(&self, tree: &[u8; 16], chance: &dyn Chance) -> Result<KeyName, VaultError> {
        begins_elsewhere(self.place())?;
        let name = KeyName::new(tree, chance);
        let label = name.clone();
        self.ask(move |token| token.make_key(&label.0))?;
        Ok(name)
    }

    /// Destroys a wrapping key; it may be gone already.
    pub(crate) fn destroy(&self, key: &KeyName) -> Result<(), VaultError> {
        begins_elsewhere(self.place())?;
        let label = key.0.clone().into_bytes();
        Ok(self.ask(move |token| token.destroy(|other| other == label))?)
    }

    /// Destroys the wrapping keys of a tree but the one that today's root names.
    pub(crate) fn sweep(&self, tree: &[u8; 16], today: Option<&KeyName>) -> Result<(), VaultError> {
        begins_elsewhere(self.place())?;
        let (start, today) = (KeyName::start(tree).into_bytes(), today.map(|name| name.0.clone().into_bytes()));
        let is_old = move |label: &[u8]| label.starts_with(&start) && today.as_deref() != Some(label);
        Ok(self.ask(move |token| token.destroy(is_old))?)
    }

    /// Seals a few bytes, bound to others: `challenge (32) || nonce (24) || ciphertext || tag (16)`.
    pub(crate) fn wrap(
        &self,
        key: &KeyName,
        bound: &[u8],
        plain: &[u8],
        chance: &dyn Chance,
    ) -> Result<Vec<u8>, HsmError> {
        let (mut challenge, mut nonce) = ([0; CHALLENGE_BYTES], [0; NONCE_BYTES]);
        chance.fill(&mut challenge);
        chance.fill(&mut nonce);
        let sealing = self.answer(key, challenge)?.purpose(WRAP_LABEL, bound);
        Ok(Xaes::new(&sealing).seal(&challenge, nonce, bound, plain))
    }

    /// What was sealed so; `None` if it was changed, or bound to something else.
    pub(crate) fn unwrap(
        &self,
        key: &KeyName,
        bound: &[u8],
        sealed: &[u8],
    ) -> Result<Option<Secret<Vec<u8>>>, HsmError> {
        let Some((challenge, rest)) = sealed.split_first_chunk::<CHALLENGE_BYTES>() else { return Ok(None) };
        let opening = self.answer(key, *challenge)?.purpose(WRAP_LABEL, bound);
        Ok(Xaes::new(&opening).open(bound, rest).ok())
    }

    fn answer(&self, key: &KeyName, challenge: [u8; CHALLENGE_BYTES]) -> Result<Key, HsmError> {
        let label = key.0.clone();
        self.ask(move |token| {
            let mut answer = token.answer(&label, &challenge)?;
            let key = answer.first_chunk::<CHALLENGE_BYTES>().copied().map(Key::from_bytes);
            answer.zeroize();
            key.ok_or(HsmError::NoKey)
        })
    }

    /// Has the thread do something, and waits for what comes of it.
    fn ask<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&mut Token) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, HsmError> {
        let mut line = self.0.line.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line.as_mut().ok_or(HsmError::Closed)?;
        if let Some(late) = line.late.take()
            && late.recv_timeout(self.0.answer_max) == Err(mpsc::RecvTimeoutError::Timeout)
        {
            line.late = Some(late);
            return Err(HsmError::Silent);
        }
        let ((tell, told), (end, ended)) = (mpsc::channel(), mpsc::channel());
        let deed: Deed = Box::new(move |token| {
            let _ = tell.send(deed(token));
            let _ = end.send(());
        });
        line.deeds.send(deed).map_err(|_| HsmError::Closed)?;
        told.recv_timeout(self.0.answer_max).unwrap_or_else(|_| {
            line.late = Some(ended);
            Err(HsmError::Silent)
        })
    }
}

impl Desk {
    fn close(&self) {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Line { deeds, late, thread }) = line else { return };
        drop(deeds);
        // Nobody waits for a module that does not answer.
        if late.is_none() {
            let _ = thread.join();
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
