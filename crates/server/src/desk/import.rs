//! Files that an operator brings into an account: received, previewed, brought in, undone, with word of how far that is.

use super::answer::Lines;
use crate::ending::{Code, Ending};
use bonded_base::{Account, Currency, Id, Node};
use bonded_connect::files::{self, Format, ImportRecord, ImportState, Kept, ReceiveError, Upload};
use bonded_flow::imports::{is_settled, work_here};
use bonded_ledger::{Ledger, Scope};
use bonded_trade::{Page, accounts};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes that are taken from a file at once.
const PIECE_BYTES: usize = 256 * 1024;
/// Imports that are listed.
const LISTED: u32 = 50;
/// Rows with a problem that are named.
const PROBLEMS: usize = 50;
/// How long nothing is told when nothing changes.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// A file on its way, and how many bytes it has.
pub struct File {
    /// Where they come from.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// How many there are.
    pub bytes: u64,
}

/// What is asked of a file.
pub struct FileWish {
    /// Into which account.
    pub account: Id<Account>,
    /// What it is about.
    pub format: Format,
    /// ISO 4217; the account's own, if none.
    pub currency: Option<String>,
    /// Only to look, and to keep nothing.
    pub preview: bool,
}

/// Receives a file, and brings it in or only looks at what that would do.
pub async fn receive(ledger: &Ledger, wish: FileWish, file: Option<File>, lines: &Lines) -> Result<Value, Ending> {
    let scope = Scope::operator(wish.account);
    accounts::profile(ledger, &scope).await?;
    let file = file.ok_or_else(|| Ending::new(Code::Usage, "this wish comes with a file"))?;
    let currency = wish.currency.as_deref().map(|code| {
        Currency::from_code(code)
            .ok_or_else(|| Ending::new(Code::Usage, "a currency is three letters of ISO 4217, as EUR"))
    });
    let upload = Upload { format: wish.format, currency: currency.transpose()? };
    let told = lines.clone();
    let total = file.bytes;
    let pieces = stream::try_unfold((file.reader, 0_u64), move |(mut reader, done)| {
        let told = told.clone();
        async move {
            let mut piece = vec![0; PIECE_BYTES];
            let read = reader.read(&mut piece).await?;
            piece.truncate(read);
            let done = done + read as u64;
            // Whoever does not look misses nothing that matters.
            let _ = told.try_send(json!({"received": done, "of": total}).to_string());
            Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), (reader, done))))
        }
    });
    let kept = files::receive(ledger, &scope, upload, pieces).await.map_err(|error| match error {
        ReceiveError::Trade(error) => Ending::from(error),
        ReceiveError::Body(error) => Ending::new(Code::Io, format!("the file cannot be read to its end: {error}")),
    })?;
    if kept.state != ImportState::Previewed {
        let why = kept.why.clone().unwrap_or_default();
        return Err(Ending::new(Code::Data, why.into_owned())
            .next("name its columns as the format does, or keep a mapping: POST /v1/imports/mappings"));
    }
    if wish.preview {
        let seen = files::preview(ledger, &scope, kept.id()).await?;
        files::discard(ledger, &scope, kept.id()).await?;
        return Ok(json!({
            "rows": kept.rows, "looked_at": seen.looked_at, "counts": seen.counts, "problems": seen.problems,
            "columns": kept.columns, "encoding": kept.encoding, "delimiter": kept.delimiter,
        }));
    }
    files::start(ledger, &scope, kept.id()).await?;
    settled(ledger, &scope, kept.id(), lines).await
}

/// Goes on with an import.
pub async fn resume(
    ledger: &Ledger,
    account: Id<Account>,
    id: Id<ImportRecord>,
    lines: &Lines,
) -> Result<Value, Ending> {
    let scope = Scope::operator(account);
    files::resume(ledger, &scope, id).await?;
    settled(ledger, &scope, id, lines).await
}

/// Takes back what an import did.
pub async fn undo(ledger: &Ledger, account: Id<Account>, id: Id<ImportRecord>, lines: &Lines) -> Result<Value, Ending> {
    let scope = Scope::operator(account);
    files::undo(ledger, &scope, id).await?;
    settled(ledger, &scope, id, lines).await
}

/// The newest imports of an account.
pub async fn list(ledger: &Ledger, account: Id<Account>) -> Result<Value, Ending> {
    let scope = Scope::operator(account);
    accounts::profile(ledger, &scope).await?;
    let (imports, _) = files::list(ledger, &scope, Page { descending: true, ..Page::first(LISTED) }).await?;
    Ok(json!({"imports": imports.iter().map(outcome).collect::<Vec<_>>()}))
}

fn outcome(kept: &Kept) -> Value {
    json!({
        "import": kept.id(), "format": kept.format, "state": kept.state, "why": kept.why, "rows": kept.rows,
        "rows_done": kept.counts.rows(), "counts": kept.counts,
    })
}

/// Waits until an import has come to its end, and works on it where nobody else does.
async fn settled(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>, lines: &Lines) -> Result<Value, Ending> {
    let node = Id::<Node>::new(ledger.clock(), ledger.chance());
    let kept = loop {
        let (worked, told) = tokio::join!(work_here(ledger, scope.account(), node, id), tell(ledger, scope, id, lines));
        worked?;
        let kept = told?;
        if is_settled(kept.state) {
            break kept;
        }
    };
    let page = files::problems(ledger, scope, id, 0, PROBLEMS).await?;
    let mut done = outcome(&kept);
    if let Value::Object(members) = &mut done {
        members.insert("problems".to_owned(), json!(page.rows.iter().take(PROBLEMS).collect::<Vec<_>>()));
        members.insert("left".to_owned(), json!(page.left.iter().take(PROBLEMS).collect::<Vec<_>>()));
    }
    Ok(done)
}

/// Tells how far an import is, until it is settled or nothing has changed for a while.
async fn tell(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>, lines: &Lines) -> Result<Kept, Ending> {
    loop {
        let seq = ledger.head(scope).await?;
        let kept = files::get(ledger, scope, id).await?;
        let _ = lines.try_send(outcome(&kept).to_string());
        if is_settled(kept.state) || !ledger.wait_beyond(scope, seq, TELL_EVERY).await? {
            return Ok(kept);
        }
    }
}
