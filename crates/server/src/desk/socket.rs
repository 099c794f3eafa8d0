//! The server's side of the socket: one wish a connection, from the server's own user only.

use super::answer::Desk;
use super::import::File;
use super::wish::{Letter, WISH_BYTES_MAX, Word};
use crate::ending::{Code, Ending};
use bonded_base::Secret;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// How long a wish may take to arrive.
const WISH_LIMIT: Duration = Duration::from_secs(10);

/// Lines of an answer that may wait for a slow reader.
const LINES_WAITING: usize = 256;

/// The superuser, who could read the memory of this process anyway.
const ROOT: u32 = 0;

/// The socket of a running server; its file goes when it is dropped.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    owner: u32,
}

impl Socket {
    /// Opens the socket. Whoever calls holds the deployment's locks, so a file that lies there is a dead server's.
    pub fn open(path: PathBuf) -> Result<Self, Ending> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Ending::file("removed", &path)(error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(Ending::file("opened", &path))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
            .map_err(Ending::file("opened", &path))?;
        let owner = std::fs::metadata(&path).map_err(Ending::file("read", &path))?.uid();
        Ok(Self { listener, path, owner })
    }

    /// Answers wishes for as long as the future lives.
    pub async fn serve(self, desk: Desk) {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else { continue };
            let caller = stream.peer_cred().map(|caller| caller.uid());
            // The file's mode says the same; this holds even if someone loosens it.
            if !matches!(caller, Ok(uid) if uid == self.owner || uid == ROOT) {
                tracing::warn!("a wish of another user was refused");
                continue;
            }
            let desk = desk.clone();
            tokio::spawn(async move {
                if talk(stream, &desk).await.is_err() {
                    tracing::debug!("an operator hung up");
                }
            });
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn talk(stream: UnixStream, desk: &Desk) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let read = tokio::time::timeout(WISH_LIMIT, letter(&mut reader)).await;
    let Ok(Ok((Letter { wish, file_bytes, .. }, identity))) = read else {
        let ended = Ending::new(Code::Usage, "the server did not understand this wish")
            .next("use the program of the server's own version");
        return say(&mut writer, &Word::Ended(ended)).await;
    };
    let (lines, mut said) = mpsc::channel(LINES_WAITING);
    let answer = async {
        let file = File { reader: Box::new(reader.take(file_bytes)), bytes: file_bytes };
        let answer = desk.answer_with(wish, identity, (file_bytes > 0).then_some(file), &lines).await;
        drop(lines);
        answer
    };
    let pass_on = async {
        while let Some(line) = said.recv().await {
            say(&mut writer, &Word::Line(line)).await?;
        }
        // Dropped here, so that an answer whose reader has gone ends as well.
        drop(said);
        std::io::Result::Ok(())
    };
    let (answer, passed) = tokio::join!(answer, pass_on);
    passed?;
    say(&mut writer, &answer.map_or_else(Word::Ended, Word::Done)).await
}

/// Reads a wish and the identity behind it.
async fn letter(
    reader: &mut (impl tokio::io::AsyncBufRead + Unpin),
) -> std::io::Result<(Letter, Option<Secret<Vec<u8>>>)> {
    let mut reader = reader.take(2 * WISH_BYTES_MAX as u64);
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let letter: Letter = serde_json::from_str(&line)?;
    if letter.identity_bytes == 0 {
        return Ok((letter, None));
    }
    let mut identity = vec![0; letter.identity_bytes.min(WISH_BYTES_MAX)];
    reader.read_exact(&mut identity).await?;
    Ok((letter, Some(Secret::new(identity))))
}

async fn say(writer: &mut (impl AsyncWriteExt + Unpin), word: &Word) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(word)?;
    line.push(b'\n');
    writer.write_all(&line).await
}

/// Whether a server listens here.
pub async fn connect(path: &Path) -> Option<UnixStream> {
    UnixStream::connect(path).await.ok()
}
