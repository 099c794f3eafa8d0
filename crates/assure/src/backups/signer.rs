//! The key that signs backups, and whose signature counts.

use super::Setup;
use super::error::BackupError;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use bonded_merkle::{Signer, VerifierKey};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// The file with the key's seed.
const KEY_FILE: &str = "signing.key";

/// The file with the key that signed the first backup that was seen.
const PIN_FILE: &str = "signer";

/// Bytes of the seed (RFC 8032).
const SEED_BYTES: usize = 32;

/// Signs manifests.
pub(crate) struct BackupSigner {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

impl BackupSigner {
    /// The deployment's key, made at its first use.
    pub(crate) fn open(setup: &Setup) -> Result<Self, BackupError> {
        make_directory(&setup.directory)?;
        let path = setup.directory.join(KEY_FILE);
        let seed = match std::fs::read(&path) {
            Ok(seed) => seed,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut seed = [0; SEED_BYTES];
                setup.chance.fill(&mut seed);
                write_new(&path, &seed)?;
                seed.to_vec()
            }
            Err(error) => return Err(BackupError::file(&path)(error)),
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| BackupError::File { path, why: ErrorKind::InvalidData })?;
        let public = pair.public_key().as_ref().try_into().map_err(BackupError::internal)?;
        let key = VerifierKey::new(setup.deployment.clone(), public).map_err(BackupError::internal)?;
        Ok(Self { pair, key })
    }

    /// Who it is.
    pub(crate) const fn key(&self) -> &VerifierKey {
        &self.key
    }
}

impl Signer for BackupSigner {
    fn public_key(&self) -> [u8; 32] {
        *self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }
}

/// Whose signatures count: the configuration's signer, else the one seen first; and this directory's own key, which signed
/// what was made here. Empty where nobody has said so yet.
pub(crate) fn trusted(setup: &Setup) -> Result<Vec<VerifierKey>, BackupError> {
    let mut keys = Vec::new();
    match &setup.signer {
        Some(key) => keys.push(key.clone()),
        None => keys.extend(seen_first(setup)?),
    }
    if setup.directory.join(KEY_FILE).exists() {
        keys.push(BackupSigner::open(setup)?.key);
    }
    keys.dedup();
    Ok(keys)
}

fn seen_first(setup: &Setup) -> Result<Option<VerifierKey>, BackupError> {
    let path = setup.directory.join(PIN_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse() {
            Ok(key) => Ok(Some(key)),
            Err(_) => Err(BackupError::File { path, why: ErrorKind::InvalidData }),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BackupError::file(&path)(error)),
    }
}

/// Notes who signed the first backup that was brought back here, where nothing else says who may.
pub(crate) fn pin(setup: &Setup, signer: &str) -> Result<(), BackupError> {
    if !trusted(setup)?.is_empty() {
        return Ok(());
    }
    make_directory(&setup.directory)?;
    write_new(&setup.directory.join(PIN_FILE), format!("{signer}\n").as_bytes())
}

/// Makes a directory for its owner alone.
pub(crate) fn make_directory(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(BackupError::file(path))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    };
    write().map_err(BackupError::file(path))
}
