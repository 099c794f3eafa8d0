//! Chunks: some rows of a file as they are kept, sealed beside a record under a key of their own.

use super::columns::Format;
use super::mapping::MappedColumn;
use super::record::{Import, ImportRecord, RowProblem, chunk_id};
use crate::csv::table::holds_card;
use bonded_base::{Id, Kind, Secret};
use bonded_ledger::{Change, Ledger, LedgerError, Scope, Stored};
use csv::{QuoteStyle, ReaderBuilder, StringRecord, Writer, WriterBuilder};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// Rows of a chunk, unless more belong together.
pub(super) const CHUNK_ROWS: usize = 1_000;
/// Bytes of a chunk, unless its last row brings more.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;
/// Rows that are kept together because they are one product or one order.
pub(super) const GROUP_ROWS_MAX: usize = 5_000;
/// Bytes of rows that are kept together.
pub(super) const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Some rows of a file, in memory. Wiped when dropped, since they may be consumers'.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Chunk {
    /// The rows as a small CSV file, whose header names fields.
    pub text: String,
    /// The number and the line of each row of it.
    pub places: Vec<(u64, u64)>,
    /// Rows that are none, with what there is of their cells.
    pub broken: Vec<Broken>,
}

/// A row that is none.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Broken {
    /// Where, and why.
    pub problem: RowProblem,
    /// The cells of the kept columns.
    pub cells: Vec<String>,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.text.zeroize();
        self.broken.iter_mut().for_each(|broken| broken.cells.zeroize());
    }
}

impl Chunk {
    /// Rows of any sort.
    pub const fn rows(&self) -> usize {
        self.places.len() + self.broken.len()
    }

    /// The bytes under which it is sealed.
    pub fn sealable(&self) -> Result<Secret<Vec<u8>>, LedgerError> {
        let bytes = serde_json::to_vec(self).map_err(|error| LedgerError::Unwritable(Kind::Import, error))?;
        Ok(Secret::new(bytes))
    }

    /// Adds it to a change.
    pub fn keep(&self, change: &mut Change, import: Id<ImportRecord>, number: u32) -> Result<(), LedgerError> {
        let record = ImportRecord::Chunk { rows: self.rows() as u64 };
        change.create_with_consumer(chunk_id(import, number), &record, self.sealable()?, "kept");
        Ok(())
    }

    /// A chunk, if it is still kept.
    pub async fn read(
        ledger: &Ledger,
        scope: &Scope,
        import: Id<ImportRecord>,
        number: u32,
    ) -> Result<Option<(Stored<ImportRecord>, Self)>, LedgerError> {
        let Some(stored) = ledger.get(scope, chunk_id(import, number)).await? else { return Ok(None) };
        let Some(bytes) = ledger.consumer(scope, &stored).await? else { return Ok(None) };
        let chunk = serde_json::from_slice(bytes.expose()).map_err(|_| LedgerError::Damaged(Kind::Import))?;
        Ok(Some((stored, chunk)))
    }

    /// Each row's cells, those of the kept columns in their order.
    pub fn cells(&self, import: &Import) -> Vec<StringRecord> {
        let delimiter = delimiter(import.decimal_comma);
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(self.text.as_bytes());
        reader.records().map_while(Result::ok).collect()
    }
}

/// What stands between the cells of a chunk: it also says how decimals are written.
pub(super) const fn delimiter(decimal_comma: bool) -> u8 {
    if decimal_comma { b';' } else { b',' }
}

/// The columns that are kept, in the file's order.
pub(super) fn kept_columns(columns: &[MappedColumn]) -> impl Iterator<Item = (&MappedColumn, &str)> {
    columns.iter().filter_map(|column| Some((column, column.field.as_deref()?)))
}

/// A chunk that is being filled.
pub(super) struct Filling {
    columns: Vec<(usize, String)>,
    keys: Vec<usize>,
    width: usize,
    decimal_comma: bool,
    writer: Writer<Vec<u8>>,
    chunk: Chunk,
    bytes: usize,
    key: Option<Vec<String>>,
}

impl Filling {
    pub fn new(format: Format, columns: &[MappedColumn], decimal_comma: bool) -> Self {
        let kept: Vec<_> = kept_columns(columns).map(|(column, field)| (column.place, field.to_owned())).collect();
        let is_key = |field: &String| format.group().contains(&field.as_str());
        let keys = kept.iter().filter(|(_, field)| is_key(field)).map(|(place, _)| *place).collect();
        let mut filling = Self {
            columns: kept,
            keys,
            width: columns.len(),
            decimal_comma,
            writer: writer(decimal_comma),
            chunk: Chunk::default(),
            bytes: 0,
            key: None,
        };
        filling.begin();
        filling
    }

    fn begin(&mut self) {
        self.writer = writer(self.decimal_comma);
        // Into memory, where nothing fails.
        let _ = self.writer.write_record(self.columns.iter().map(|(_, field)| field));
        (self.chunk, self.bytes) = (Chunk::default(), 0);
    }

    /// How many cells a row of the file has.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Whether the cell at a place is kept, and holds the number of a payment card.
    pub fn holds_card(&self, place: usize, cell: &str) -> bool {
        let field = self.columns.iter().find(|(kept, _)| *kept == place).map(|(_, field)| field);
        field.is_some_and(|field| holds_card(field.contains("barcode"), cell))
    }

    /// Whether the next row begins a chunk of its own: where there is enough, and it belongs to none of those before.
    fn is_full(&self, key: &[String]) -> bool {
        let rows = self.chunk.rows();
        let enough = rows >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES;
        let follows = key.iter().any(|part| !part.is_empty()) && self.key.as_deref() == Some(key);
        enough && (!follows || rows >= GROUP_ROWS_MAX || self.bytes >= GROUP_BYTES_MAX)
    }

    /// Takes a row, given each cell by its place; answers the chunk that was full before it.
    pub fn take<'c>(&mut self, place: (u64, u64), cell: impl Fn(usize) -> &'c str) -> Option<Chunk> {
        let key: Vec<String> = self.keys.iter().map(|place| cell(*place).to_owned()).collect();
        let full = self.is_full(&key).then(|| self.finish());
        self.key = Some(key);
        let cells: Vec<&str> = self.columns.iter().map(|(place, _)| super::unguarded(cell(*place))).collect();
        self.bytes += cells.iter().map(|cell| cell.len() + 1).sum::<usize>();
        let _ = self.writer.write_record(&cells);
        self.chunk.places.push(place);
        full
    }

    /// Takes a row that is none.
    pub fn take_broken<'c>(&mut self, problem: RowProblem, cell: impl Fn(usize) -> &'c str) -> Option<Chunk> {
        let full = self.is_full(&[]).then(|| self.finish());
        let cells: Vec<String> =
            self.columns.iter().map(|(place, _)| super::unguarded(cell(*place)).to_owned()).collect();
        self.bytes += cells.iter().map(|cell| cell.len() + 1).sum::<usize>();
        self.chunk.broken.push(Broken { problem, cells });
        full
    }

    /// What was filled so far; the next row begins anew.
    pub fn finish(&mut self) -> Chunk {
        let mut chunk = std::mem::take(&mut self.chunk);
        let writer = std::mem::replace(&mut self.writer, writer(self.decimal_comma));
        chunk.text = writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        self.begin();
        chunk
    }
}

fn writer(decimal_comma: bool) -> Writer<Vec<u8>> {
    // A row of one empty cell must not look like no row.
    WriterBuilder::new().delimiter(delimiter(decimal_comma)).quote_style(QuoteStyle::Necessary).from_writer(Vec::new())
}
