//! Files: products, stock, orders and fulfilments as CSV, in and out, however large, in bounded memory.
//!
//! What is uploaded is read as it arrives: its encoding and delimiter are recognised, its columns are matched with what a
//! format knows, and only those are kept, in chunks that are sealed like a consumer under keys of their own. An import goes
//! through its chunks one by one. What a chunk changes, what it notes for undoing it, and how far the import has come are
//! one commit, so that no crash brings a row twice. Rows that cannot be taken are held with their reason, and given back as
//! a file to be corrected and sent again.
//!
//! Architecture invariants: no row is ever in clear outside of memory; a row leaves nothing behind but what it became and,
//! if it was held, its number, its column's name and a reason that does not repeat it.

mod chunk;
mod columns;
mod export;
mod forget;
mod guard;
mod mapping;
mod plan;
mod preview;
mod problems;
mod receive;
mod record;
mod sheet;
mod stream;
mod text;
mod undo;
mod work;

pub use columns::Format;
pub use export::export;
pub use forget::forget_orders;
pub use guard::{guarded, unguarded};
pub use mapping::{
    ColumnChoice, MAPPINGS_MAX, MappedColumn, Mapping, fields, forget_mapping, keep_mapping, mappings, repeatable,
};
pub use preview::{PREVIEW_CHUNKS, PREVIEW_ROWS, Preview, PreviewRow, preview};
pub use problems::{ProblemPage, bad_rows, problems};
pub use receive::{ReceiveError, Upload, receive};
pub use record::{
    Counts, Import, ImportRecord, ImportState, Kept, RowProblem, discard, follower, get, list, resume, start,
};
pub use sheet::{COLUMNS_MAX, ROW_BYTES_MAX, Sheet, SheetRow};
pub use text::{Decoder, Encoding};
pub use undo::undo;
pub use work::{Worked, work};

/// Bytes of an uploaded file.
pub const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Rows of an uploaded file, below its header.
pub const ROWS_MAX: u64 = 5_000_000;
/// How long rows are kept: those that wait for a start, and those that were held.
pub const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// How long an upload may take before what has come of it is taken away.
pub const UPLOAD_MS_MAX: i64 = 24 * 60 * 60 * 1_000;
