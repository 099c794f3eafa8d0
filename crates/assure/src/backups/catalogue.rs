//! What the places have: which backups are whole where, which are not, and what that means.

use super::chunks::flaw;
use super::error::BackupError;
use super::manifest::{Manifest, chunk_name, home, manifest_name, room};
use super::signer::trusted;
use super::{Backup, PLACES_MIN, Progress, STALE_MS, Setup, Stage, Tell};
use bonded_base::{Id, Moment};
use bonded_merkle::VerifierKey;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// One backup.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Which.
    pub backup: Id<Backup>,
    /// The moment that it shows; where no manifest is good, when it was begun.
    pub at: Moment,
    /// What a good manifest says; none where there is no good one.
    #[serde(skip)]
    pub manifest: Option<Manifest>,
    /// Bytes in each place.
    pub bytes: u64,
    /// Accounts in it.
    pub accounts: u64,
    /// Entries in it.
    pub entries: u64,
    /// Each place that has something of it.
    pub places: Vec<Whereabouts>,
}

/// How a backup stands in one place.
#[derive(Clone, Debug, Serialize)]
pub struct Whereabouts {
    /// Which place.
    pub place: String,
    /// What is wrong with it there; none where manifest and sizes of all chunks are as they should be.
    pub why_not: Option<String>,
}

/// All that the places have.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// Newest first.
    pub backups: Vec<Listed>,
    /// Places that could not be asked, and why.
    pub unreachable: Vec<Whereabouts>,
    /// Whose signatures count; empty where nobody has said so yet.
    pub signers: Vec<String>,
    /// What somebody must look at.
    pub alarms: Vec<String>,
}

impl Listed {
    /// Places that have it whole.
    pub fn whole_in(&self) -> usize {
        self.places.iter().filter(|place| place.why_not.is_none()).count()
    }
}

/// Lists what all places have. Looks at manifests and sizes; [`verify`] reads everything.
pub async fn list(setup: &Setup) -> Result<Listing, BackupError> {
    if setup.places.is_empty() {
        return Err(BackupError::NoPlace);
    }
    let signers = trusted(setup)?;
    let home = home(setup.environment, &setup.deployment);
    let mut found: BTreeMap<Id<Backup>, Listed> = BTreeMap::new();
    let mut unreachable = Vec::new();
    for (number, place) in setup.places.iter().enumerate() {
        let held = match place.list(&home).await {
            Ok(held) => held,
            Err(why) => {
                unreachable.push(Whereabouts { place: place.name().to_owned(), why_not: Some(why.to_string()) });
                continue;
            }
        };
        let mut sizes: BTreeMap<Id<Backup>, HashMap<String, u64>> = BTreeMap::new();
        for one in held {
            let id = one.name.strip_prefix(&home).and_then(|rest| rest.split('/').nth(1)?.parse().ok());
            if let Some(id) = id {
                sizes.entry(id).or_default().insert(one.name, one.bytes);
            }
        }
        for (id, sizes) in sizes {
            let (manifest, why_not) = looked_at(setup, number, &signers, id, &sizes).await;
            let listed = found.entry(id).or_insert_with(|| Listed {
                backup: id,
                at: id.born_at(),
                manifest: None,
                bytes: 0,
                accounts: 0,
                entries: 0,
                places: Vec::new(),
            });
            listed.places.push(Whereabouts { place: place.name().to_owned(), why_not });
            if let Some(manifest) = manifest {
                (listed.at, listed.bytes) = (manifest.at, manifest.bytes());
                (listed.accounts, listed.entries) = (manifest.accounts, manifest.entries);
                listed.manifest = Some(manifest);
            }
        }
    }
    let backups: Vec<_> = found.into_values().rev().collect();
    let alarms = alarms(setup, &backups, &unreachable);
    Ok(Listing { backups, unreachable, signers: signers.iter().map(ToString::to_string).collect(), alarms })
}

async fn looked_at(
    setup: &Setup,
    number: usize,
    signers: &[VerifierKey],
    id: Id<Backup>,
    sizes: &HashMap<String, u64>,
) -> (Option<Manifest>, Option<String>) {
    let room = room(&home(setup.environment, &setup.deployment), id);
    let Some(place) = setup.places.get(number) else { return (None, None) };
    let manifest = match place.get(&manifest_name(&room)).await {
        Err(why) => return (None, Some(why.to_string())),
        Ok(None) => return (None, Some("has no manifest: it was broken off".to_owned())),
        Ok(Some(note)) => match opened(setup, &note, signers, id) {
            Ok(manifest) => manifest,
            Err(why) => return (None, Some(format!("its manifest {why}"))),
        },
    };
    let wrong =
        manifest.chunks.iter().enumerate().find_map(|(number, chunk)| match sizes.get(&chunk_name(&room, number)) {
            None => Some(format!("chunk {number} is missing")),
            Some(bytes) if *bytes != chunk.bytes => Some(format!("chunk {number} has another size")),
            Some(_) => None,
        });
    (Some(manifest), wrong)
}

/// Reads a manifest and holds it against where it lies.
pub(super) fn opened(setup: &Setup, note: &[u8], signers: &[VerifierKey], id: Id<Backup>) -> Result<Manifest, String> {
    let manifest = Manifest::open(note, signers)?;
    if manifest.backup != id {
        return Err(format!("is that of {}", manifest.backup));
    }
    if manifest.deployment != setup.deployment {
        return Err(format!("is of the deployment {}", manifest.deployment));
    }
    if manifest.environment != setup.environment.name() {
        return Err(format!("is of environment {}, and this is {}", manifest.environment, setup.environment));
    }
    Ok(manifest)
}

/// What is not as it was promised.
fn alarms(setup: &Setup, backups: &[Listed], unreachable: &[Whereabouts]) -> Vec<String> {
    let mut alarms = Vec::new();
    if setup.places.len() < PLACES_MIN {
        alarms.push(format!("backups go to one place only: name {PLACES_MIN} or more"));
    }
    for place in unreachable {
        alarms.push(format!("{}: {}", place.place, place.why_not.as_deref().unwrap_or_default()));
    }
    match backups.iter().find(|listed| listed.whole_in() > 0) {
        None => alarms.push("there is no whole backup".to_owned()),
        Some(newest) => {
            let age = setup.clock.now().millis() - newest.at.millis();
            if age > STALE_MS {
                alarms.push(format!("the newest whole backup is {} hours old", age / (60 * 60 * 1000)));
            }
            if newest.whole_in() < PLACES_MIN {
                alarms.push(format!("the newest whole backup {} lies in one place only", newest.backup));
            }
        }
    }
    alarms
}

/// What reading all of a backup came to.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Which.
    pub backup: Id<Backup>,
    /// The moment that it shows.
    pub at: Moment,
    /// Chunks that were read, in all places together.
    pub chunks: usize,
    /// Places in which every byte is as it was signed.
    pub whole_in: Vec<String>,
    /// Everything that is not as it should be, with its place.
    pub flaws: Vec<String>,
}

/// Reads every byte of a backup in every place; of the newest where none is named.
pub async fn verify(setup: &Setup, backup: Option<Id<Backup>>, tell: Tell<'_>) -> Result<Verified, BackupError> {
    let listing = list(setup).await?;
    let mut candidates = listing.backups.into_iter();
    let listed = match backup {
        Some(id) => candidates.find(|listed| listed.backup == id),
        None => candidates.find(|listed| listed.manifest.is_some()),
    };
    let missing = || BackupError::NotFound(backup.map_or_else(|| "yet".to_owned(), |id| id.to_string()));
    let listed = listed.ok_or_else(missing)?;
    let Some(manifest) = &listed.manifest else {
        let whys = listed.places.iter().filter_map(|one| Some(format!("{}: {}", one.place, one.why_not.as_ref()?)));
        return Err(BackupError::NotFound(format!("{} ({})", listed.backup, whys.collect::<Vec<_>>().join("; "))));
    };
    let room = room(&home(setup.environment, &setup.deployment), listed.backup);
    let of = Some(manifest.bytes() * setup.places.len() as u64);
    let (mut bytes, mut chunks) = (0, 0);
    let (mut whole_in, mut flaws) = (Vec::new(), Vec::new());
    for place in &setup.places {
        let before = flaws.len();
        match place.get(&manifest_name(&room)).await {
            Err(why) => flaws.push(format!("{}: {why}", place.name())),
            Ok(None) => flaws.push(format!("{}: has no manifest", place.name())),
            Ok(Some(note)) => match opened(setup, &note, &trusted(setup)?, listed.backup) {
                Ok(same) if same == *manifest => {}
                Ok(_) => flaws.push(format!("{}: has another manifest", place.name())),
                Err(why) => flaws.push(format!("{}: the manifest {why}", place.name())),
            },
        }
        for (number, chunk) in manifest.chunks.iter().enumerate() {
            if let Err(why) = flaw(place.as_ref(), &room, number, chunk).await {
                flaws.push(format!("{}: chunk {number} {why}", place.name()));
            }
            (bytes, chunks) = (bytes + chunk.bytes, chunks + 1);
            tell(Progress { stage: Stage::Reading, bytes, of });
        }
        if flaws.len() == before {
            whole_in.push(place.name().to_owned());
        }
    }
    Ok(Verified { backup: listed.backup, at: listed.at, chunks, whole_in, flaws })
}
