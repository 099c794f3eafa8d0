//! The command line's side: asks the running server, or opens the deployment itself.

use super::answer::{Desk, Lines};
use super::import::File;
use super::socket::connect;
use super::wish::{Letter, Wish, Word};
use crate::deployment::{open_ledger, open_vault};
use crate::ending::{Code, Ending};
use crate::hardware::ByHand;
use crate::officers;
use crate::places::Places;
use crate::settings::Settings;
use bonded_vault::Holder;
use serde_json::Value;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Lines of an answer that may wait for whoever writes them down.
const LINES_WAITING: usize = 256;

/// Has a wish carried out; `line` gets each line of a long answer. The identity file is read where unsealing is needed.
pub async fn ask(
    settings: &Settings,
    wish: Wish,
    identity: Option<&Path>,
    line: impl FnMut(&str) -> Result<(), Ending>,
) -> Result<Value, Ending> {
    ask_with_file(settings, wish, identity, None, line).await
}

/// The same for a wish that a file goes with.
pub async fn ask_with_file(
    settings: &Settings,
    wish: Wish,
    identity: Option<&Path>,
    file: Option<&Path>,
    mut line: impl FnMut(&str) -> Result<(), Ending>,
) -> Result<Value, Ending> {
    let file = match file {
        None => None,
        Some(path) => {
            let opened = tokio::fs::File::open(path).await.map_err(Ending::file("read", path))?;
            let bytes = opened.metadata().await.map_err(Ending::file("read", path))?.len();
            Some(File { reader: Box::new(opened), bytes })
        }
    };
    let places = Places::new(settings.data.clone());
    places.check()?;
    if let Some(stream) = connect(&places.socket()?).await {
        return ask_server(stream, wish, identity, file, line).await;
    }
    let (lines, mut said) = mpsc::channel(LINES_WAITING);
    let answer = ask_here(settings, wish, identity, file, lines);
    let write_down = async {
        while let Some(text) = said.recv().await {
            line(&text)?;
        }
        drop(said);
        Ok(())
    };
    let (answer, written) = tokio::join!(answer, write_down);
    written.and(answer)
}

/// Has a wish carried out by the server that runs on this data directory.
pub async fn ask_running(places: &Places, wish: Wish) -> Result<Value, Ending> {
    let stream = connect(&places.socket()?).await;
    let stream = stream.ok_or_else(|| Ending::new(Code::Unavailable, "no server runs on this data directory"))?;
    ask_server(stream, wish, None, None, |_| Ok(())).await
}

async fn ask_server(
    stream: UnixStream,
    wish: Wish,
    identity: Option<&Path>,
    file: Option<File>,
    mut line: impl FnMut(&str) -> Result<(), Ending>,
) -> Result<Value, Ending> {
    let broken = |error: std::io::Error| {
        Ending::new(Code::Unavailable, format!("the running server hung up: {error}")).next("see its log")
    };
    let (reader, mut writer) = stream.into_split();
    // A server that runs is unsealed or not; only the wish to unseal it needs an officer.
    let identity = identity.filter(|_| wish == Wish::Unseal).map(officers::identity).transpose()?;
    let identity_bytes = identity.as_ref().map_or(0, |identity| identity.expose().len());
    let mut letter =
        serde_json::to_vec(&Letter { wish, identity_bytes, file_bytes: file.as_ref().map_or(0, |file| file.bytes) })
            .map_err(Ending::internal)?;
    letter.push(b'\n');
    writer.write_all(&letter).await.map_err(broken)?;
    if let Some(identity) = identity {
        writer.write_all(identity.expose()).await.map_err(broken)?;
    }
    let send = async {
        if let Some(mut file) = file {
            // A server that wants no more of it says why; that is the answer, and not that it no longer reads.
            let _ = tokio::io::copy(&mut file.reader, &mut writer).await;
        }
        // Held open: the server takes the end of what is sent for its asker's leaving.
        writer
    };
    let hear = async {
        let mut words = BufReader::new(reader).lines();
        while let Some(word) = words.next_line().await.map_err(broken)? {
            match serde_json::from_str(&word).map_err(Ending::internal)? {
                Word::Line(text) => line(&text)?,
                Word::Done(value) => return Ok(value),
                Word::Ended(ending) => return Err(ending),
            }
        }
        Err(broken(std::io::ErrorKind::UnexpectedEof.into()))
    };
    let mut send = std::pin::pin!(send);
    let mut hear = std::pin::pin!(hear);
    tokio::select! {
        answer = &mut hear => answer,
        _writer = &mut send => hear.await,
    }
}

async fn ask_here(
    settings: &Settings,
    wish: Wish,
    identity: Option<&Path>,
    file: Option<File>,
    lines: Lines,
) -> Result<Value, Ending> {
    if matches!(wish, Wish::Unseal | Wish::Seal) {
        return Err(
            Ending::new(Code::Unavailable, "no server runs on this data directory").next("start it: bonded serve")
        );
    }
    let vault = open_vault(settings)?;
    let mut desk = Desk {
        vault: vault.clone(),
        ledger: None,
        log_origin: settings.name.clone(),
        origins: settings.origins(),
        issuer: None,
        by_hand: ByHand::default(),
    };
    let answer = ask_desk(settings, &mut desk, wish, identity, file, &lines).await;
    vault.leave_hsm();
    answer
}

/// At a desk where no server runs: unsealed first, by the officer or by the hardware that holds the root.
async fn ask_desk(
    settings: &Settings,
    desk: &mut Desk,
    wish: Wish,
    identity: Option<&Path>,
    file: Option<File>,
    lines: &Lines,
) -> Result<Value, Ending> {
    let vault = desk.vault.clone();
    if let Some(identity) = identity {
        desk.answer(Wish::Unseal, Some(officers::identity(identity)?), lines).await?;
    } else if wish != Wish::KeysStatus && vault.holder()? == Holder::Hsm {
        desk.answer(Wish::Unseal, None, lines).await?;
    } else if wish != Wish::KeysStatus {
        return Err(Ending::new(Code::Sealed, "no server runs here, so an officer is needed")
            .next("start the server, or name an identity file: --officer FILE"));
    }
    if !wish.is_about_keys() {
        desk.ledger = Some(open_ledger(settings, vault).await?);
    } else if wish.changes_officers() {
        // Told in the platform's log, if the database is in reach; the keys wait for nobody's database.
        desk.ledger = open_ledger(settings, vault).await.ok();
    }
    desk.answer_with(wish, None, file, lines).await
}
