//! Writing CSV piece by piece.

use bytes::Bytes;
use csv::{Writer, WriterBuilder};

/// Rows that are written together.
pub(super) struct Lines(Writer<Vec<u8>>);

impl Default for Lines {
    fn default() -> Self {
        Self(WriterBuilder::new().flexible(true).from_writer(Vec::new()))
    }
}

impl Lines {
    /// Adds a row.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        // Into memory, where nothing fails.
        let _ = self.0.write_record(cells.into_iter().map(|cell| cell.as_ref().as_bytes().to_vec()));
    }

    /// All that was added.
    pub fn bytes(self) -> Bytes {
        self.0.into_inner().map(Bytes::from).unwrap_or_default()
    }
}

/// One row alone.
pub(super) fn csv_line(cells: &[String]) -> Bytes {
    let mut lines = Lines::default();
    lines.row(cells);
    lines.bytes()
}
