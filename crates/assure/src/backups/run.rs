//! Makes a backup: a moment of the database, on its way to every place at once, and the manifest when all of it is there.

use super::chunks::{Header, Leg, put, seal, store, way};
use super::database::tidy;
use super::error::BackupError;
use super::manifest::{FORMAT, Manifest, home, manifest_name, room};
use super::signer::{BackupSigner, make_directory};
use super::{Backup, PLACES_MIN, Progress, Setup, Stage, Tell};
use bonded_base::{Id, Moment};
use serde::Serialize;
use std::fs::{File, TryLockError};

/// The file whose lock keeps a second run of this machine away.
const LOCK_FILE: &str = "lock";

/// A backup that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Done {
    /// Which.
    pub backup: Id<Backup>,
    /// The moment that it shows.
    pub at: Moment,
    /// Bytes in each place.
    pub bytes: u64,
    /// Bytes of the database's copy.
    pub plain_bytes: u64,
    /// Accounts in it.
    pub accounts: u64,
    /// Entries in it.
    pub entries: u64,
    /// Places that have all of it.
    pub places: Vec<String>,
    /// Places that have not, and why.
    pub failed: Vec<Failed>,
    /// Who signed it.
    pub signer: String,
}

/// A place that did not take a backup.
#[derive(Clone, Debug, Serialize)]
pub struct Failed {
    /// Which.
    pub place: String,
    /// Why.
    pub why: String,
}

impl Done {
    /// Whether it lies in as many places as it should.
    pub const fn is_good(&self) -> bool {
        self.places.len() >= PLACES_MIN
    }
}

/// Makes a backup. Whoever writes into the database goes on meanwhile.
///
/// # Errors
/// Where no place took it whole; a place that failed beside others is told in [`Done::failed`].
pub async fn run(setup: &Setup, tell: Tell<'_>) -> Result<Done, BackupError> {
    if setup.places.is_empty() {
        return Err(BackupError::NoPlace);
    }
    if setup.recipients.is_empty() {
        return Err(BackupError::NoRecipient);
    }
    make_directory(&setup.directory)?;
    let _lock = lock(setup)?;
    tidy(&setup.directory)?;
    let signer = BackupSigner::open(setup)?;
    let at = setup.clock.now();
    let backup = Id::born(at, &*setup.chance);
    tell(Progress { stage: Stage::Copying, bytes: 0, of: None });
    let mut moment = setup.database.hold(setup).await?;
    let facts = moment.facts.clone();
    let mut manifest = Manifest {
        format: FORMAT,
        backup,
        environment: setup.environment.to_string(),
        deployment: setup.deployment.clone(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        engine: setup.database.engine().to_owned(),
        engine_version: facts.version,
        schema: facts.schema,
        at,
        accounts: facts.accounts,
        entries: facts.entries,
        checkpoints: facts.checkpoints,
        plain_bytes: 0,
        recipients: setup.recipients.iter().map(ToString::to_string).collect(),
        chunks: Vec::new(),
        signer: signer.key().to_string(),
    };
    let room = room(&home(setup.environment, &setup.deployment), backup);
    let mut legs: Vec<_> = setup.places.iter().cloned().map(|place| Leg { place, failed: None }).collect();
    let (to, from) = way();
    let (header, recipients) = (Header::of(&manifest), setup.recipients.clone());
    let sealing = tokio::task::spawn_blocking(move || {
        let sealed = seal(&mut moment.reader, &header, &recipients, to);
        (sealed, moment)
    });
    let stored = store(&mut legs, &room, from, tell).await;
    let (sealed, moment) = sealing.await.map_err(BackupError::internal)?;
    if legs.iter().all(|leg| leg.failed.is_some()) {
        return Err(none_whole(&legs));
    }
    manifest.chunks = stored?;
    manifest.plain_bytes = sealed?;
    // Only now is it known that nothing is missing.
    moment.end().await?;
    put(&mut legs, &manifest_name(&room), &manifest.signed(&signer)?.into()).await;
    if legs.iter().all(|leg| leg.failed.is_some()) {
        return Err(none_whole(&legs));
    }
    Ok(done(&manifest, &legs))
}

fn done(manifest: &Manifest, legs: &[Leg]) -> Done {
    let whole = legs.iter().filter(|leg| leg.failed.is_none()).map(|leg| leg.place.name().to_owned()).collect();
    let failed = legs.iter().filter_map(|leg| {
        let why = leg.failed.as_ref()?.to_string();
        Some(Failed { place: leg.place.name().to_owned(), why })
    });
    Done {
        backup: manifest.backup,
        at: manifest.at,
        bytes: manifest.bytes(),
        plain_bytes: manifest.plain_bytes,
        accounts: manifest.accounts,
        entries: manifest.entries,
        places: whole,
        failed: failed.collect(),
        signer: manifest.signer.clone(),
    }
}

fn none_whole(legs: &[Leg]) -> BackupError {
    let whys = legs.iter().filter_map(|leg| Some(format!("{}: {}", leg.place.name(), leg.failed.as_ref()?)));
    BackupError::NoPlaceWhole(whys.collect::<Vec<_>>().join("; "))
}

fn lock(setup: &Setup) -> Result<File, BackupError> {
    let path = setup.directory.join(LOCK_FILE);
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(BackupError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupError::Busy),
        Err(TryLockError::Error(error)) => Err(BackupError::file(&path)(error)),
    }
}
