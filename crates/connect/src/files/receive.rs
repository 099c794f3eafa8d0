//! Receiving a file: piece by piece as it arrives, into chunks that are sealed; what no column is mapped to is dropped here.

use super::chunk::{Chunk, Filling};
use super::columns::Format;
use super::mapping::{MappedColumn, Mapping, mapped, mappings};
use super::record::{Counts, Import, ImportRecord, ImportState, Kept, RowProblem, follower, get};
use super::sheet::{COLUMNS_MAX, Oversize, ROW_BYTES_MAX, Sheet, SheetRow};
use super::text::{Decoder, SAMPLE_BYTES, UNREADABLE};
use super::{FILE_BYTES_MAX, KEPT_MS, ROWS_MAX};
use crate::csv::table::{DELIMITERS, FIELD_BYTES_MAX, FileError, HOLDS_CARD, shown};
use crate::followers::register;
use bonded_base::{Currency, Id, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Scope};
use bonded_trade::{TradeError, accounts};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use std::collections::VecDeque;
use std::pin::Pin;

/// What is to be received.
#[derive(Clone, Copy, Debug)]
pub struct Upload {
    /// What the file is about.
    pub format: Format,
    /// The currency of amounts that name none; the account's own, if not said.
    pub currency: Option<Currency>,
}

/// Why a file was not received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError<E> {
    /// The file cannot be, or the account.
    #[error(transparent)]
    Trade(#[from] TradeError),
    /// It did not arrive.
    #[error("the file did not arrive")]
    Body(E),
}

impl<E> From<LedgerError> for ReceiveError<E> {
    fn from(error: LedgerError) -> Self {
        Self::Trade(error.into())
    }
}

impl<E> From<Problem> for ReceiveError<E> {
    fn from(problem: Problem) -> Self {
        Self::Trade(problem.into())
    }
}

/// Receives a file, and answers the import that it made: previewed and not started; or failed, if its columns cannot be
/// understood, with what was made of each.
pub async fn receive<S, E>(ledger: &Ledger, scope: &Scope, upload: Upload, body: S) -> Result<Kept, ReceiveError<E>>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let mut body = std::pin::pin!(body);
    let currency = match upload.currency {
        Some(currency) => currency,
        None => accounts::profile(ledger, scope).await?.currency,
    };
    let mut sample = Vec::new();
    let mut ended = false;
    while sample.len() < SAMPLE_BYTES && !ended {
        match body.next().await {
            Some(piece) => sample.extend_from_slice(&piece.map_err(ReceiveError::Body)?),
            None => ended = true,
        }
    }
    let kept = mappings(ledger, scope).await?;
    let mut reading = Reading::begin(upload.format, &sample, ended, &kept)?;
    let id = ledger.new_id();
    let import = reading.import(currency, scope.actor().to_string());
    // Registered first: what a crash leaves behind is found, and taken away.
    register(ledger, &follower(scope.account()), id.bytes()).await?;
    let mut change = Change::new();
    change.create(id, &ImportRecord::Import(import), "received");
    ledger.commit(scope, change).await?;
    if let Some(missing) = reading.missing {
        let why = FileError::MissingColumn(missing).to_string();
        return Ok(settle(ledger, scope, id, &reading, Some(why)).await?);
    }
    match reading.all(ledger, scope, id, (sample.into(), ended), body).await {
        Ok(()) => Ok(settle(ledger, scope, id, &reading, None).await?),
        Err(error) => {
            // Should this fail too, it is done when the upload's time is over.
            drop(super::discard(ledger, &scope.again(), id).await);
            Err(error)
        }
    }
}

/// Writes down what has arrived.
async fn settle(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<ImportRecord>,
    reading: &Reading,
    why: Option<String>,
) -> Result<Kept, TradeError> {
    let received = get(ledger, scope, id).await?;
    let until = why.is_none().then(|| ledger.clock().now().plus_millis(KEPT_MS));
    let next = Import {
        state: if why.is_none() { ImportState::Previewed } else { ImportState::Failed },
        why: why.map(Into::into),
        encoding: reading.decoder.encoding(),
        bytes: reading.bytes,
        rows: reading.rows,
        chunks: reading.chunks,
        rows_until: until,
        ..(*received).clone()
    };
    let mut change = Change::new();
    received.turn(&mut change, next, "previewed");
    // A once-only request is claimed by its first commit; the ones after it go on without.
    ledger.commit(&scope.again(), change).await?;
    get(ledger, scope, id).await
}

/// A file that is arriving.
struct Reading {
    format: Format,
    decoder: Decoder,
    delimiter: u8,
    sheet: Sheet,
    columns: Vec<MappedColumn>,
    mapping: Option<Id<ImportRecord>>,
    missing: Option<&'static str>,
    decimal_comma: bool,
    filling: Filling,
    full: VecDeque<Chunk>,
    is_below_header: bool,
    bytes: u64,
    rows: u64,
    chunks: u32,
}

impl Reading {
    /// Recognises a file by how it begins.
    fn begin(
        format: Format,
        sample: &[u8],
        whole: bool,
        kept: &[(Id<ImportRecord>, Mapping)],
    ) -> Result<Self, Problem> {
        let beginning = sample.get(..SAMPLE_BYTES).unwrap_or(sample);
        let text = Decoder::for_sample(beginning).text(beginning, whole);
        let read = |delimiter| {
            let rows = rows_of(&text, delimiter, whole);
            let header = rows.first()?.clone();
            let (columns, mapping) = mapped(format, &header, kept);
            let known = columns.iter().filter(|column| column.field.is_some()).count();
            Some((known, header.len(), delimiter, columns, mapping, rows))
        };
        // The first of the best: a comma, unless another one finds more columns.
        let best = DELIMITERS.into_iter().filter_map(read).rev().max_by_key(|(known, width, ..)| (*known, *width));
        let Some((_, width, delimiter, columns, mapping, rows)) = best else { return Err(FileError::Empty.into()) };
        if width > COLUMNS_MAX || width == 0 {
            return Err(FileError::TooManyColumns.into());
        }
        let has = |field: &str| columns.iter().any(|column| column.field.as_deref() == Some(field));
        let needed = format.needed();
        let missing = needed.into_iter().find(|field| !has(field)).or_else(|| lacking(format, has));
        let decimal_comma = writes_commas(format, &columns, delimiter, rows.get(1..).unwrap_or_default());
        Ok(Self {
            format,
            decoder: Decoder::for_sample(beginning),
            delimiter,
            sheet: Sheet::new(delimiter),
            filling: Filling::new(format, &columns, decimal_comma),
            columns,
            mapping,
            missing,
            decimal_comma,
            full: VecDeque::new(),
            is_below_header: false,
            bytes: sample.len() as u64,
            rows: 0,
            chunks: 0,
        })
    }

    fn import(&self, currency: Currency, started_by: String) -> Import {
        Import {
            format: self.format,
            state: ImportState::Receiving,
            why: None,
            started_by,
            currency,
            encoding: self.decoder.encoding(),
            delimiter: char::from(self.delimiter),
            decimal_comma: self.decimal_comma,
            columns: self.columns.clone(),
            mapping: self.mapping,
            bytes: 0,
            rows: 0,
            chunks: 0,
            chunks_done: 0,
            counts: Counts::default(),
            rows_until: None,
        }
    }

    /// Takes every piece, and keeps what it holds.
    async fn all<E>(
        &mut self,
        ledger: &Ledger,
        scope: &Scope,
        id: Id<ImportRecord>,
        (mut piece, mut ended): (Bytes, bool),
        mut body: Pin<&mut impl Stream<Item = Result<Bytes, E>>>,
    ) -> Result<(), ReceiveError<E>> {
        loop {
            self.push(&piece, ended)?;
            self.keep(ledger, scope, id).await?;
            if ended {
                break;
            }
            let next = body.next().await.transpose().map_err(ReceiveError::Body)?;
            ended = next.is_none();
            piece = next.unwrap_or_default();
        }
        self.full.push_back(self.filling.finish());
        Ok(self.keep(ledger, scope, id).await?)
    }

    /// Takes the next piece.
    fn push(&mut self, piece: &[u8], last: bool) -> Result<(), Problem> {
        if self.is_below_header {
            self.bytes += piece.len() as u64;
        }
        if self.bytes > FILE_BYTES_MAX {
            return Err(Problem::new(Reason::TooMuch, format!("a file has at most {FILE_BYTES_MAX} bytes")));
        }
        let text = self.decoder.text(piece, last);
        let (filling, full, rows) = (&mut self.filling, &mut self.full, &mut self.rows);
        let mut skip = !self.is_below_header;
        self.sheet.push(&text, last, |row| {
            if std::mem::take(&mut skip) {
                return;
            }
            *rows += 1;
            full.extend(taken(filling, *rows, row));
        });
        self.is_below_header = true;
        if self.rows > ROWS_MAX {
            return Err(Problem::new(Reason::TooMuch, format!("a file has at most {ROWS_MAX} rows")));
        }
        Ok(())
    }

    /// Keeps the chunks that are full.
    async fn keep(&mut self, ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<(), LedgerError> {
        while let Some(chunk) = self.full.pop_front() {
            if chunk.rows() == 0 {
                continue;
            }
            let mut change = Change::new();
            chunk.keep(&mut change, id, self.chunks)?;
            ledger.commit(&scope.again(), change).await?;
            self.chunks += 1;
        }
        Ok(())
    }
}

/// A field that is needed besides: one of several that name what a row is about.
fn lacking(format: Format, has: impl Fn(&str) -> bool) -> Option<&'static str> {
    let of: &[&'static str] = match format {
        Format::Products => &[],
        Format::Stock => &["SKU", "Variant"],
        Format::Orders => &["SKU", "Title"],
        Format::Fulfilments => &["Reference", "Purchase order"],
    };
    let first = of.first().copied()?;
    if of.iter().any(|field| has(field)) { None } else { Some(first) }
}

/// The rows that a sample holds whole.
fn rows_of(text: &str, delimiter: u8, whole: bool) -> Vec<Vec<String>> {
    let (mut rows, mut is_wide) = (Vec::new(), false);
    let mut sheet = Sheet::new(delimiter);
    sheet.push(text, whole, |row| {
        is_wide |= rows.is_empty() && row.oversize().is_some();
        rows.push(row.cells().map(shown).collect());
    });
    if is_wide {
        // No header is so wide; told as one that is too wide.
        return vec![vec![String::new(); COLUMNS_MAX + 1]];
    }
    rows
}

/// Whether a file writes decimals with a comma: as its amounts show, else as files do whose cells a semicolon parts.
fn writes_commas(format: Format, columns: &[MappedColumn], delimiter: u8, rows: &[Vec<String>]) -> bool {
    let is_amount =
        |column: &&MappedColumn| column.field.as_deref().is_some_and(|field| format.amounts().contains(&field));
    let (mut commas, mut points) = (0, 0);
    for place in columns.iter().filter(is_amount).map(|column| column.place) {
        for cell in rows.iter().filter_map(|row| row.get(place)) {
            match cell.rfind([',', '.']).and_then(|at| cell.get(at..)) {
                Some(fraction) if fraction.starts_with(',') => commas += 1,
                Some(_) => points += 1,
                None => {}
            }
        }
    }
    if commas == points { delimiter == b';' } else { commas > points }
}

/// Puts a row into the chunk that is being filled; answers the one that was full before it.
fn taken(filling: &mut Filling, number: u64, row: &SheetRow<'_>) -> Option<Chunk> {
    let with_card = |place| filling.holds_card(place, row.cell(place));
    match fault(filling, row) {
        None if (0..row.len()).any(with_card) => {
            let problem = RowProblem { row: number, line: row.line, column: None, reason: HOLDS_CARD.to_owned() };
            take_broken(filling, problem, row)
        }
        None => filling.take((number, row.line), |place| row.cell(place)),
        Some(reason) => {
            let problem = RowProblem { row: number, line: row.line, column: None, reason };
            take_broken(filling, problem, row)
        }
    }
}

/// Takes a row that is none, without cells that hold the number of a payment card.
fn take_broken(filling: &mut Filling, problem: RowProblem, row: &SheetRow<'_>) -> Option<Chunk> {
    let shown = |place| if filling.holds_card(place, row.cell(place)) { "" } else { row.cell(place) };
    let cells: Vec<&str> = (0..row.len()).map(shown).collect();
    filling.take_broken(problem, |place| cells.get(place).copied().unwrap_or_default())
}

/// Why a row is none, if it is none.
fn fault(filling: &Filling, row: &SheetRow<'_>) -> Option<String> {
    match row.oversize() {
        Some(Oversize::Bytes) => {
            return Some(format!("the row has more than {ROW_BYTES_MAX} bytes; is a quotation mark left open?"));
        }
        Some(Oversize::Columns) => return Some(format!("the row has more than {COLUMNS_MAX} fields")),
        None => {}
    }
    let (found, wanted) = (row.len(), filling.width());
    if found != wanted {
        return Some(format!("the row has {found} fields where the header has {wanted}"));
    }
    if row.cells().any(|cell| cell.len() > FIELD_BYTES_MAX) {
        return Some(format!("a field holds at most {FIELD_BYTES_MAX} bytes"));
    }
    if row.cells().any(|cell| cell.contains('\0')) {
        return Some("a field holds a NUL character".to_owned());
    }
    if row.cells().any(|cell| cell.contains(UNREADABLE)) {
        return Some("a character cannot be read: the file mixes encodings".to_owned());
    }
    if row.cells().all(|cell| cell.trim().is_empty()) {
        return Some("the row is empty".to_owned());
    }
    None
}
