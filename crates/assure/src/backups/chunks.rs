//! The stream between a database and its places: compressed, encrypted, cut into chunks, and the way back.
//!
//! Source: age v1 (<https://c2sp.org/age>) around one line of JSON and Zstandard (RFC 8878).

use super::error::{BackupError, PlaceError};
use super::manifest::{CHUNK_BYTES, CHUNKS_MAX, Chunk, Manifest, chunk_name};
use super::place::Place;
use super::{Backup, Progress, Stage, Tell};
use age::{DecryptError, Decryptor, Encryptor, x25519};
use bonded_base::{Id, Moment};
use bytes::Bytes;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Chunks that may wait between the thread that seals and the places; with one in each hand, memory stays below 70 MiB.
const CHUNKS_WAITING: usize = 1;

/// How hard Zstandard tries. Sealed values do not shrink; what lies between them does at once.
const LEVEL: i32 = 1;

/// Bytes that are moved at once.
const PIECE_BYTES: usize = 256 * 1024;

/// Bytes of the first line at most.
const HEADER_BYTES_MAX: u64 = 4096;

/// The first line inside the encryption: which backup this is, for whoever would swap them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) backup: Id<Backup>,
    pub(super) environment: String,
    pub(super) deployment: String,
    pub(super) at: Moment,
}

impl Header {
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self {
            backup: manifest.backup,
            environment: manifest.environment.clone(),
            deployment: manifest.deployment.clone(),
            at: manifest.at,
        }
    }
}

/// Compresses and encrypts all of `from` into chunks. Blocks; says how many bytes there were.
pub(super) fn seal(
    from: &mut dyn Read,
    header: &Header,
    recipients: &[x25519::Recipient],
    to: mpsc::Sender<Bytes>,
) -> Result<u64, BackupError> {
    let recipients = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(|_| BackupError::NoRecipient)?;
    let work = || -> std::io::Result<u64> {
        let mut sealed = encryptor.wrap_output(Cut { room: Vec::with_capacity(CHUNK_BYTES), to })?;
        serde_json::to_writer(&mut sealed, header)?;
        sealed.write_all(b"\n")?;
        let mut small = zstd::Encoder::new(sealed, LEVEL)?;
        small.include_checksum(true)?;
        let bytes = pour(from, &mut small)?;
        small.finish()?.finish()?.send()?;
        Ok(bytes)
    };
    work().map_err(|error| match error.kind() {
        // The places gave up; they say why.
        ErrorKind::BrokenPipe => BackupError::NoPlaceWhole(String::new()),
        kind => BackupError::Tool(format!("the copy cannot be read: {kind}")),
    })
}

fn pour(from: &mut dyn Read, to: &mut dyn Write) -> std::io::Result<u64> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(read) => {
                to.write_all(piece.get(..read).unwrap_or_default())?;
                bytes += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Cuts what is written into chunks.
struct Cut {
    room: Vec<u8>,
    to: mpsc::Sender<Bytes>,
}

impl Cut {
    fn send(&mut self) -> std::io::Result<()> {
        if self.room.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.room, Vec::with_capacity(CHUNK_BYTES));
        self.to.blocking_send(full.into()).map_err(|_| ErrorKind::BrokenPipe.into())
    }
}

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let fits = bytes.len().min(CHUNK_BYTES - self.room.len());
        self.room.extend_from_slice(bytes.get(..fits).unwrap_or_default());
        if self.room.len() == CHUNK_BYTES {
            self.send()?;
        }
        Ok(fits)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A place on the way, and why it was left.
pub(super) struct Leg {
    pub(super) place: Arc<dyn Place>,
    pub(super) failed: Option<PlaceError>,
}

/// Stores chunks in every place at once as they come. A place that fails is left; without any the sender hears of it.
pub(super) async fn store(
    legs: &mut [Leg],
    room: &str,
    mut from: mpsc::Receiver<Bytes>,
    tell: Tell<'_>,
) -> Result<Vec<Chunk>, BackupError> {
    let mut chunks = Vec::new();
    let mut bytes = 0;
    while let Some(chunk) = from.recv().await {
        if chunks.len() == CHUNKS_MAX {
            return Err(BackupError::Tool(format!("the backup has more than {CHUNKS_MAX} chunks")));
        }
        let name = chunk_name(room, chunks.len());
        put(legs, &name, &chunk).await;
        if legs.iter().all(|leg| leg.failed.is_some()) {
            break;
        }
        bytes += chunk.len() as u64;
        chunks.push(Chunk::of(&chunk));
        tell(Progress { stage: Stage::Sending, bytes, of: None });
    }
    Ok(chunks)
}

/// Stores one thing in every place that has not failed.
pub(super) async fn put(legs: &mut [Leg], name: &str, bytes: &Bytes) {
    join_all(legs.iter_mut().filter(|leg| leg.failed.is_none()).map(|leg| async {
        if let Err(why) = leg.place.put(name, bytes.clone()).await {
            tracing::warn!(target: "bonded::backups", place = leg.place.name(), %why, "a place does not take the backup");
            leg.failed = Some(why);
        }
    }))
    .await;
}

/// What is wrong with a chunk in a place; `None` if it is whole.
pub(super) async fn flaw(place: &dyn Place, room: &str, number: usize, chunk: &Chunk) -> Result<Bytes, String> {
    match place.get(&chunk_name(room, number)).await {
        Err(why) => Err(why.to_string()),
        Ok(None) => Err("is missing".to_owned()),
        Ok(Some(bytes)) if Chunk::of(&bytes) == *chunk => Ok(bytes),
        Ok(Some(bytes)) if bytes.len() as u64 == chunk.bytes => Err("was changed".to_owned()),
        Ok(Some(_)) => Err("has another size".to_owned()),
    }
}

/// Fetches all chunks in order, each from the first place where it is whole; `told` hears of each that was not.
pub(super) async fn fetch(
    places: &[Arc<dyn Place>],
    room: &str,
    manifest: &Manifest,
    to: mpsc::Sender<Bytes>,
    tell: Tell<'_>,
    flaws: &mut Vec<String>,
) -> Result<(), BackupError> {
    let of = Some(manifest.bytes());
    let mut bytes = 0;
    for (number, chunk) in manifest.chunks.iter().enumerate() {
        let mut found = None;
        let mut whys = Vec::new();
        for place in places {
            match flaw(place.as_ref(), room, number, chunk).await {
                Ok(whole) => {
                    found = Some(whole);
                    break;
                }
                Err(why) => whys.push(format!("{}: chunk {number} {why}", place.name())),
            }
        }
        let Some(whole) = found else {
            return Err(BackupError::Chunk { number, backup: manifest.backup.to_string(), whys: whys.join("; ") });
        };
        flaws.append(&mut whys);
        bytes += whole.len() as u64;
        if to.send(whole).await.is_err() {
            // Whoever reads has stopped, and says why.
            return Ok(());
        }
        tell(Progress { stage: Stage::Reading, bytes, of });
    }
    Ok(())
}

/// Decrypts and decompresses what `from` brings into `to`. Blocks; says how many bytes there were.
pub(super) fn open(
    from: mpsc::Receiver<Bytes>,
    header: &Header,
    identities: &[x25519::Identity],
    to: &mut dyn Write,
) -> Result<u64, BackupError> {
    let decryptor = Decryptor::new(Joined { from, rest: Bytes::new() });
    let decryptor = decryptor.map_err(|_| BackupError::Content("it is not encrypted as it should be".to_owned()))?;
    let identities = identities.iter().map(|identity| identity as &dyn age::Identity);
    let stream = decryptor.decrypt(identities).map_err(|error| match error {
        DecryptError::NoMatchingKeys => BackupError::WrongIdentity,
        _ => BackupError::Content("it is not encrypted as it should be".to_owned()),
    })?;
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    let read = (&mut stream).take(HEADER_BYTES_MAX).read_until(b'\n', &mut line);
    let told = read.ok().and_then(|_| serde_json::from_slice::<Header>(&line).ok());
    if told.as_ref() != Some(header) {
        return Err(BackupError::Content("it is another backup than its manifest tells of".to_owned()));
    }
    let broken = |_| BackupError::Content("it is cut off or damaged".to_owned());
    let mut large = zstd::Decoder::with_buffer(stream).map_err(broken)?.single_frame();
    let bytes = pour(&mut large, to).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => BackupError::Tool("what was brought back was not taken".to_owned()),
        ErrorKind::StorageFull | ErrorKind::FileTooLarge => EngineFull.into(),
        _ => BackupError::Content("it is cut off or damaged".to_owned()),
    })?;
    let mut rest = large.finish();
    let mut byte = [0];
    match rest.read(&mut byte) {
        Ok(0) => Ok(bytes),
        _ => Err(BackupError::Content("something stands behind its end".to_owned())),
    }
}

/// The disk on which it is brought back is full.
struct EngineFull;

impl From<EngineFull> for BackupError {
    fn from(_: EngineFull) -> Self {
        bonded_ledger::engine::EngineError::DiskFull.into()
    }
}

/// Chunks, read as one stream.
struct Joined {
    from: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl Read for Joined {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() {
            match self.from.blocking_recv() {
                Some(next) => self.rest = next,
                None => return Ok(0),
            }
        }
        let piece = self.rest.split_to(into.len().min(self.rest.len()));
        into.get_mut(..piece.len()).unwrap_or_default().copy_from_slice(&piece);
        Ok(piece.len())
    }
}

/// A way for chunks.
pub(super) fn way() -> (mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>) {
    mpsc::channel(CHUNKS_WAITING)
}
