//! Brings a backup back, into an empty place only; nothing can be used before all of it was found good.

use super::catalogue::list;
use super::check::{Checked, check};
use super::chunks::{Header, fetch, open, way};
use super::error::BackupError;
use super::manifest::{Manifest, home, room};
use super::signer::{make_directory, pin};
use super::{Backup, Setup, Tell};
use age::x25519;
use bonded_base::{Id, Moment, Secret};
use bonded_ledger::engine::Engine;
use bonded_vault::Environment;
use serde::Serialize;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file in the setup's directory that marks a place which is being restored, and must not be used until then.
const UNFINISHED: &str = "restore-unfinished";

/// Which backup is brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The newest whole one.
    Newest,
    /// The newest whole one that shows no later moment.
    At(Moment),
    /// This one.
    This(Id<Backup>),
}

/// A backup that was brought back.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// Which.
    pub backup: Id<Backup>,
    /// The moment that it shows: all that happened later is missing.
    pub at: Moment,
    /// Bytes of the database's copy.
    pub plain_bytes: u64,
    /// What was checked.
    pub checked: Checked,
    /// What was not whole in one place and was taken from another.
    pub flaws: Vec<String>,
    /// Who signed it.
    pub signer: String,
    /// Whether nothing had said before whose signature counts; from now on it is this one's.
    pub signer_is_new: bool,
}

/// The identities in a file as `age-keygen` writes it, free of its passphrase.
pub fn identities(file: &Secret<Vec<u8>>) -> Result<Vec<x25519::Identity>, BackupError> {
    let text = std::str::from_utf8(file.expose()).map_err(|_| BackupError::WrongIdentity)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.parse().map_err(|_| BackupError::WrongIdentity)).collect()
}

/// Whether a restore into the place of this directory was begun and has not ended well.
pub fn is_unfinished(directory: &Path) -> bool {
    directory.join(UNFINISHED).exists()
}

/// Brings a backup back.
///
/// # Errors
/// Whatever is wrong with it, wherever: nothing is left behind then, and nothing can be used.
pub async fn restore(
    setup: &Setup,
    choice: Choice,
    identities: Vec<x25519::Identity>,
    tell: Tell<'_>,
) -> Result<Restored, BackupError> {
    let (manifest, signer_is_new) = chosen(setup, choice).await?;
    if manifest.engine != setup.database.engine() {
        return Err(BackupError::OtherEngine { found: manifest.engine, here: setup.database.engine() });
    }
    let target = setup.database.empty(setup).await?;
    let mark = mark(setup)?;
    let mut flaws = Vec::new();
    let brought = bring(setup, &manifest, identities, target, tell, &mut flaws).await;
    let is_in = brought.is_ok();
    let checked = match brought {
        Ok(()) => examine(setup, &manifest, tell).await,
        Err(error) => Err(error),
    };
    let checked = match checked {
        Ok(checked) => checked,
        Err(error) => {
            setup.database.refuse(setup, is_in).await?;
            unmark(&mark)?;
            return Err(error);
        }
    };
    setup.database.accept(setup)?;
    pin(setup, &manifest.signer)?;
    unmark(&mark)?;
    Ok(Restored {
        backup: manifest.backup,
        at: manifest.at,
        plain_bytes: manifest.plain_bytes,
        checked,
        flaws,
        signer: manifest.signer,
        signer_is_new,
    })
}

/// The manifest of what was asked for, and whether its signer is taken at its word.
async fn chosen(setup: &Setup, choice: Choice) -> Result<(Manifest, bool), BackupError> {
    let listing = list(setup).await?;
    let mut backups = listing.backups.into_iter();
    let found = match choice {
        Choice::Newest => backups.find(|listed| listed.whole_in() > 0),
        Choice::At(moment) => backups.find(|listed| listed.whole_in() > 0 && listed.at <= moment),
        // One that is whole in no place may be whole in all of them together.
        Choice::This(id) => backups.find(|listed| listed.backup == id),
    };
    if let Some(manifest) = found.as_ref().and_then(|listed| listed.manifest.clone()) {
        return Ok((manifest, listing.signers.is_empty()));
    }
    if let Some(listed) = found {
        let whys = listed.places.iter().filter_map(|one| Some(format!("{}: {}", one.place, one.why_not.as_ref()?)));
        return Err(BackupError::NotFound(format!("{} ({})", listed.backup, whys.collect::<Vec<_>>().join("; "))));
    }
    foreign(setup).await?;
    Err(BackupError::NotFound(match choice {
        Choice::Newest => "in any place".to_owned(),
        Choice::At(moment) => format!("of {moment} or before"),
        Choice::This(id) => id.to_string(),
    }))
}

/// Says so where the places have backups of this deployment in another environment.
async fn foreign(setup: &Setup) -> Result<(), BackupError> {
    let others = [Environment::Production, Environment::Staging, Environment::Development];
    for other in others.into_iter().filter(|other| *other != setup.environment) {
        for place in &setup.places {
            let held = place.list(&home(other, &setup.deployment)).await;
            if held.is_ok_and(|held| !held.is_empty()) {
                return Err(BackupError::Environment { found: other.to_string(), here: setup.environment });
            }
        }
    }
    Ok(())
}

async fn bring(
    setup: &Setup,
    manifest: &Manifest,
    identities: Vec<x25519::Identity>,
    mut target: super::database::Target,
    tell: Tell<'_>,
    flaws: &mut Vec<String>,
) -> Result<(), BackupError> {
    let room = room(&home(setup.environment, &setup.deployment), manifest.backup);
    let (to, from) = way();
    let (header, whole) = (Header::of(manifest), manifest.plain_bytes);
    let opening = tokio::task::spawn_blocking(move || {
        let opened = open(from, &header, &identities, &mut target).and_then(|bytes| {
            if bytes == whole { Ok(()) } else { Err(BackupError::Content(format!("{bytes} bytes instead of {whole}"))) }
        });
        match opened {
            Ok(()) => target.end(),
            Err(error) => {
                target.abandon();
                Err(error)
            }
        }
    });
    let fetched = fetch(&setup.places, &room, manifest, to, tell, flaws).await;
    let opened = opening.await.map_err(BackupError::internal)?;
    // A chunk that is nowhere ends the stream early; that is the reason, and not what the reader made of it.
    fetched.and(opened)
}

async fn examine(setup: &Setup, manifest: &Manifest, tell: Tell<'_>) -> Result<Checked, BackupError> {
    let engine: Arc<dyn Engine> = setup.database.brought_back(setup).await?;
    let checked = check(engine.as_ref(), manifest, tell).await;
    // The engine's threads are waited for, which blocks.
    tokio::task::spawn_blocking(move || drop(engine)).await.map_err(BackupError::internal)?;
    let checked = checked?;
    if checked.findings.is_empty() { Ok(checked) } else { Err(BackupError::Checks(checked.findings)) }
}

fn mark(setup: &Setup) -> Result<PathBuf, BackupError> {
    make_directory(&setup.directory)?;
    let path = setup.directory.join(UNFINISHED);
    let write = || -> std::io::Result<()> {
        File::create(&path)?.sync_all()?;
        File::open(&setup.directory)?.sync_all()
    };
    write().map_err(BackupError::file(&path))?;
    Ok(path)
}

fn unmark(path: &Path) -> Result<(), BackupError> {
    std::fs::remove_file(path).map_err(BackupError::file(path))
}
