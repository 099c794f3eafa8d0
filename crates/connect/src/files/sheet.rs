//! Text as it arrives, cut into rows: with a bound on what one row holds, whatever the file does.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Bytes of one row.
pub const ROW_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Columns of a file.
pub const COLUMNS_MAX: usize = 1_000;

/// Why a row is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oversize {
    /// More than [`ROW_BYTES_MAX`].
    Bytes,
    /// More than [`COLUMNS_MAX`].
    Columns,
}

/// Reads rows piece by piece.
pub struct Sheet {
    core: Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
    filled: usize,
    ended: usize,
    oversize: Option<Oversize>,
    line: u64,
    after_return: bool,
    /// The line in which the present row begins, once it has.
    begins: Option<u64>,
}

/// One row, lent.
pub struct SheetRow<'s> {
    /// The line of the file in which it begins; 1 is the first.
    pub line: u64,
    cells: &'s [u8],
    ends: &'s [usize],
    oversize: Option<Oversize>,
}

impl SheetRow<'_> {
    /// How many cells it has.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The cell at a place.
    pub fn cell(&self, place: usize) -> &str {
        let begin = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let cell = self.ends.get(place).and_then(|end| self.cells.get(begin..*end)).unwrap_or_default();
        std::str::from_utf8(cell).unwrap_or_default()
    }

    /// Each cell in its order.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|place| self.cell(place))
    }

    pub(super) const fn oversize(&self) -> Option<Oversize> {
        self.oversize
    }
}

impl Sheet {
    /// Rows whose cells are parted by this byte.
    pub fn new(delimiter: u8) -> Self {
        let core = ReaderBuilder::new().delimiter(delimiter).build();
        let (cells, ends) = (vec![0; 4_096], vec![0; COLUMNS_MAX + 1]);
        let (filled, ended, oversize) = (0, 0, None);
        Self { core, cells, ends, filled, ended, oversize, line: 1, after_return: false, begins: None }
    }

    /// Hands out every row that ends in this piece; `last` says that nothing follows.
    pub fn push(&mut self, piece: &str, last: bool, mut take: impl FnMut(&SheetRow<'_>)) {
        let mut rest = piece.as_bytes();
        loop {
            // An empty input tells the reader that the file ends here.
            if rest.is_empty() && !last {
                return;
            }
            let cells = self.cells.get_mut(self.filled..).unwrap_or_default();
            let ends = self.ends.get_mut(self.ended..).unwrap_or_default();
            let (result, read, filled, ended) = self.core.read_record(rest, cells, ends);
            self.count(rest.get(..read).unwrap_or_default());
            rest = rest.get(read..).unwrap_or_default();
            self.filled += filled;
            self.ended += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.cells.len() < ROW_BYTES_MAX => {
                    self.cells.resize((self.cells.len() * 2).min(ROW_BYTES_MAX), 0);
                }
                ReadRecordResult::OutputFull => self.overflow(Oversize::Bytes),
                ReadRecordResult::OutputEndsFull => self.overflow(Oversize::Columns),
                ReadRecordResult::Record => {
                    if self.ended > COLUMNS_MAX {
                        self.overflow(Oversize::Columns);
                    }
                    self.hand_out(&mut take);
                }
                ReadRecordResult::End => return,
            }
        }
    }

    /// Lets go of what the row has so far; the rest of it is read, and let go of too.
    const fn overflow(&mut self, oversize: Oversize) {
        (self.filled, self.ended) = (0, 0);
        if self.oversize.is_none() {
            self.oversize = Some(oversize);
        }
    }

    fn hand_out(&mut self, take: &mut impl FnMut(&SheetRow<'_>)) {
        let line = self.begins.take().unwrap_or(self.line);
        let ends = if self.oversize.is_some() { 0 } else { self.ended };
        take(&SheetRow {
            line,
            cells: self.cells.get(..self.filled).unwrap_or_default(),
            ends: self.ends.get(..ends).unwrap_or_default(),
            oversize: self.oversize.take(),
        });
        (self.filled, self.ended) = (0, 0);
    }

    /// Counts lines, however they end: `\n`, `\r\n` or `\r`.
    fn count(&mut self, read: &[u8]) {
        for byte in read {
            match byte {
                b'\n' if self.after_return => {}
                b'\n' | b'\r' => self.line += 1,
                _ if self.begins.is_none() => self.begins = Some(self.line),
                _ => {}
            }
            self.after_return = *byte == b'\r';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(file: &str, size: usize) -> Vec<(u64, Vec<String>)> {
        let mut sheet = Sheet::new(b',');
        let mut rows = Vec::new();
        let mut take = |row: &SheetRow<'_>| rows.push((row.line, row.cells().map(str::to_owned).collect()));
        let symbols: Vec<char> = file.chars().collect();
        for piece in symbols.chunks(size) {
            sheet.push(&piece.iter().collect::<String>(), false, &mut take);
        }
        sheet.push("", true, &mut take);
        rows
    }

    #[test]
    fn rows_are_cut_the_same_however_they_arrive() {
        let file = "a,b\n\n\"x\ny\",é\r\n\r\n1,2\r3,\"\"\"4\"\n5,6";
        let owned = |line, a: &str, b: &str| (line, vec![a.to_owned(), b.to_owned()]);
        let wanted =
            [owned(1, "a", "b"), owned(3, "x\ny", "é"), owned(6, "1", "2"), owned(7, "3", "\"4"), owned(8, "5", "6")];
        for size in [1, 2, 3, 100] {
            assert_eq!(rows(file, size), wanted, "{size}");
        }
    }

    #[test]
    fn a_row_without_bounds_is_let_go_of_and_the_next_one_read() {
        let mut sheet = Sheet::new(b',');
        let mut seen = Vec::new();
        let mut take = |row: &SheetRow<'_>| seen.push((row.line, row.oversize(), row.len()));
        let piece = "x".repeat(100_000);
        for _ in 0..100 {
            sheet.push(&piece, false, &mut take);
        }
        sheet.push("\n1,2\n", false, &mut take);
        for _ in 0..100 {
            sheet.push(&",".repeat(10_000), false, &mut take);
        }
        sheet.push("\n3,4\n", false, &mut take);
        sheet.push("", true, &mut take);
        let wanted = [(1, Some(Oversize::Bytes), 0), (2, None, 2), (3, Some(Oversize::Columns), 0), (4, None, 2)];
        assert_eq!(seen, wanted);
        assert!(sheet.cells.len() <= ROW_BYTES_MAX);
    }
}
