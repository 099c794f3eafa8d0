//! A file as a table: which column means what, and its rows, each of the header's shape or held.

use super::report::Held;
use super::text::decoded;
use bonded_base::{Problem, Reason};
use bonded_trade::screen::cards;
use csv::{ReaderBuilder, StringRecord};
use std::borrow::Cow;

/// Bytes of a file.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Rows of a file, below its header.
pub const ROWS_MAX: u64 = 500_000;
/// Columns of a file.
pub const COLUMNS_MAX: usize = 1_000;
/// Bytes of one field: twice a product's longest description.
pub const FIELD_BYTES_MAX: usize = 1024 * 1024;

/// What may stand between two fields. Spreadsheets write `;` where the comma is for decimals.
pub(crate) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Why a file cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing in it, not even a header.
    #[error("the file is empty; its first line names the columns")]
    Empty,
    /// More than [`FILE_BYTES_MAX`].
    #[error("the file is larger than {FILE_BYTES_MAX} bytes; send it in parts")]
    TooLarge,
    /// More than [`ROWS_MAX`].
    #[error("the file has more than {ROWS_MAX} rows; send it in parts")]
    TooManyRows,
    /// More than [`COLUMNS_MAX`].
    #[error("the file has more than {COLUMNS_MAX} columns")]
    TooManyColumns,
    /// A column without which nothing can be understood.
    #[error("the file has no column `{0}`")]
    MissingColumn(&'static str),
    /// Two columns that mean the same.
    #[error("two columns of the file mean `{0}`")]
    RepeatedColumn(&'static str),
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let too_much = matches!(error, FileError::TooLarge | FileError::TooManyRows | FileError::TooManyColumns);
        Self::new(if too_much { Reason::TooMuch } else { Reason::Invalid }, error.to_string())
    }
}

/// The columns that a format knows.
pub(crate) trait Column: Copy + PartialEq + 'static {
    /// Every column with the names that it goes by, the present one first. Case does not matter.
    const NAMES: &'static [(Self, &'static [&'static str])];
    /// The columns without which a file cannot be understood.
    const NEEDED: &'static [Self];

    /// What it is called today.
    fn name(self) -> &'static str {
        let names = Self::NAMES.iter().find(|(column, _)| *column == self).and_then(|(_, names)| names.first());
        names.copied().unwrap_or_default()
    }

    /// The column that goes by a name.
    fn named(name: &str) -> Option<Self> {
        let name = folded(name);
        let goes_by = |names: &[&str]| names.iter().any(|known| folded(known) == name);
        Self::NAMES.iter().find(|(_, names)| goes_by(names)).map(|(column, _)| *column)
    }
}

/// A column's name as it is compared: case, hyphens and underscores make no difference.
pub(crate) fn folded(name: &str) -> String {
    let words = name.split(|symbol: char| symbol.is_whitespace() || matches!(symbol, '_' | '-' | '\u{feff}'));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// Where each column stands in one file.
struct Layout<C> {
    places: Vec<(C, usize)>,
    header: Vec<String>,
    ignored: Vec<String>,
}

impl<C: Column> Layout<C> {
    fn of(header: &StringRecord) -> Result<Self, FileError> {
        if header.len() > COLUMNS_MAX {
            return Err(FileError::TooManyColumns);
        }
        let mut layout = Self { places: Vec::new(), header: Vec::new(), ignored: Vec::new() };
        for (place, name) in header.iter().enumerate() {
            let name = shown(name);
            match C::named(&name) {
                Some(column) if layout.place(column).is_some() => return Err(FileError::RepeatedColumn(column.name())),
                Some(column) => layout.places.push((column, place)),
                None => layout.ignored.push(name.clone()),
            }
            layout.header.push(name);
        }
        match C::NEEDED.iter().find(|needed| layout.place(**needed).is_none()) {
            Some(missing) => Err(FileError::MissingColumn(missing.name())),
            None => Ok(layout),
        }
    }

    /// A row held because of the field at a place, which is named only if its column is a known one.
    fn held(&self, place: usize, reason: impl Into<Cow<'static, str>>) -> Held {
        let known = self.places.iter().any(|(_, known)| *known == place);
        let column = self.header.get(place).filter(|_| known).cloned();
        Held { column, reason: reason.into() }
    }

    fn place(&self, column: C) -> Option<usize> {
        self.places.iter().find(|(known, _)| *known == column).map(|(_, place)| *place)
    }
}

/// A column's name as it may be shown again: trimmed, short, nothing invisible.
pub(crate) fn shown(name: &str) -> String {
    const SHOWN_MAX: usize = 100;
    name.trim().chars().filter(|symbol| !symbol.is_control()).take(SHOWN_MAX).collect()
}

/// Why a row with the number of a payment card is held.
pub(crate) const HOLDS_CARD: &str = "the field looks like the number of a payment card, which is never taken here";

/// Whether a cell holds the number of a payment card; the number of a trade item is none.
pub(crate) fn holds_card(is_barcode: bool, cell: &str) -> bool {
    if is_barcode { cards::barcode_has_card_number(cell) } else { cards::has_card_number(cell) }
}

/// The text of a file and how it is divided.
pub(crate) struct Table<'b, C> {
    text: Cow<'b, str>,
    delimiter: u8,
    layout: Layout<C>,
}

/// One row that has the header's shape.
pub(crate) struct Cells<'r, C> {
    layout: &'r Layout<C>,
    record: &'r StringRecord,
    /// Whether decimals may be written with a comma.
    comma_decimals: bool,
}

impl<'b, C: Column> Table<'b, C> {
    /// Reads the header of a file.
    pub fn open(bytes: &'b [u8]) -> Result<Self, FileError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(FileError::TooLarge);
        }
        let text = decoded(bytes);
        let header = |delimiter| -> Option<StringRecord> {
            let mut header = StringRecord::new();
            reader(&text, delimiter).read_record(&mut header).ok().filter(|there| *there).map(|_| header)
        };
        let known = |header: &StringRecord| header.iter().filter(|name| C::named(name).is_some()).count();
        // The first of the best: a comma, unless another one finds more columns.
        let best = DELIMITERS
            .into_iter()
            .filter_map(|delimiter| header(delimiter).map(|header| (delimiter, header)))
            .rev()
            .max_by_key(|(_, header)| known(header));
        let (delimiter, header) = best.ok_or(FileError::Empty)?;
        let layout = Layout::of(&header)?;
        Ok(Self { text, delimiter, layout })
    }

    /// Hands out the rows below the header, one by one: its number, its line, and its cells or why it is held.
    pub fn each_row(&self, mut take: impl FnMut(u64, u64, Result<Cells<'_, C>, Held>)) -> Result<(), FileError> {
        let mut reader = reader(&self.text, self.delimiter);
        let mut record = StringRecord::new();
        let mut lines = Lines { text: self.text.as_bytes(), line: 1, counted: 0 };
        // The header, which was read before.
        let _ = reader.read_record(&mut record);
        for row in 1.. {
            let begin = lines.at_record(reader.position().byte());
            let read = reader.read_record(&mut record);
            if matches!(read, Ok(false)) {
                break;
            }
            if row > ROWS_MAX {
                return Err(FileError::TooManyRows);
            }
            let cells = match read {
                Ok(_) => self.cells(&record, lines.clone().at(reader.position().byte()).saturating_sub(begin)),
                Err(_) => Err(Held::row("the row cannot be read")),
            };
            take(row, begin, cells);
        }
        Ok(())
    }

    /// The cells of a record that runs over so many line ends.
    fn cells<'r>(&'r self, record: &'r StringRecord, lines: u64) -> Result<Cells<'r, C>, Held> {
        if record.len() != self.layout.header.len() {
            let (found, wanted) = (record.len(), self.layout.header.len());
            let quote = if lines > 1 {
                format!(" and runs over {lines} lines; is a quotation mark left open?")
            } else {
                String::new()
            };
            return Err(Held::row(format!("the row has {found} fields where the header has {wanted}{quote}")));
        }
        if let Some(place) = record.iter().position(|field| field.len() > FIELD_BYTES_MAX) {
            return Err(self.layout.held(place, format!("a field holds at most {FIELD_BYTES_MAX} bytes")));
        }
        if let Some(place) = record.iter().position(|field| field.contains('\0')) {
            return Err(self.layout.held(place, "the field holds a NUL character"));
        }
        let is_barcode =
            |place: usize| self.layout.header.get(place).is_some_and(|name| folded(name).contains("barcode"));
        if let Some(place) = (0..).zip(record).position(|(place, field)| holds_card(is_barcode(place), field)) {
            return Err(self.layout.held(place, HOLDS_CARD));
        }
        if record.iter().all(|field| field.trim().is_empty()) {
            return Err(Held::row("the row is empty"));
        }
        Ok(Cells { layout: &self.layout, record, comma_decimals: self.delimiter != b',' })
    }

    /// Every known column of the file, with its name there.
    pub fn known_columns(&self) -> impl Iterator<Item = (C, &str)> {
        let named = |(column, place): &(C, usize)| Some((*column, self.layout.header.get(*place)?.as_str()));
        self.layout.places.iter().filter_map(named)
    }

    /// The columns that are not read, as the file names them; ones without a name are left out.
    pub fn ignored_columns(self) -> Vec<String> {
        self.layout.ignored.into_iter().filter(|name| !name.is_empty()).collect()
    }
}

/// Counts the lines of a file as its rows go by.
#[derive(Clone)]
struct Lines<'t> {
    text: &'t [u8],
    line: u64,
    counted: usize,
}

impl Lines<'_> {
    /// The line of a byte; bytes are asked for in rising order.
    fn at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(self.text.len());
        let passed = self.text.get(self.counted..byte).unwrap_or_default();
        for byte in passed {
            self.line += u64::from(*byte == b'\n');
        }
        self.counted = self.counted.max(byte);
        self.line
    }

    /// The line in which the record at or after a byte begins: the reader may stand before blank lines.
    fn at_record(&mut self, byte: u64) -> u64 {
        let from = usize::try_from(byte).unwrap_or(usize::MAX);
        let blank = self.text.get(from..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        self.at(byte.saturating_add(u64::try_from(blank.count()).unwrap_or(0)))
    }
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes())
}

impl<C: Column> Cells<'_, C> {
    /// What stands in a column, without white space around it; empty if the file has no such column.
    pub fn get(&self, column: C) -> &str {
        self.layout.place(column).and_then(|place| self.record.get(place)).map(str::trim).unwrap_or_default()
    }

    /// What stands in a column, if anything does.
    pub fn filled(&self, column: C) -> Option<&str> {
        Some(self.get(column)).filter(|value| !value.is_empty())
    }

    /// Whether the file has a column.
    pub fn has(&self, column: C) -> bool {
        self.layout.place(column).is_some()
    }

    /// A decimal as the rest of the program writes it: `1299.99`, also where the file writes `1.299,99`.
    pub fn decimal(&self, column: C) -> Cow<'_, str> {
        let value = self.get(column);
        match value.rsplit_once(',') {
            Some((whole, fraction)) if self.comma_decimals && !fraction.contains('.') => {
                let whole: String = whole.chars().filter(|symbol| !matches!(symbol, '.' | ' ' | '\u{a0}')).collect();
                format!("{whole}.{fraction}").into()
            }
            _ => value.into(),
        }
    }

    /// The row held because of a column.
    pub fn held(&self, column: C, reason: impl Into<Cow<'static, str>>) -> Held {
        let place = self.layout.place(column);
        let name = place.and_then(|place| self.layout.header.get(place)).map_or(column.name(), String::as_str);
        Held::column(name, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Tea {
        Leaf,
        Price,
    }

    impl Column for Tea {
        const NAMES: &'static [(Self, &'static [&'static str])] =
            &[(Self::Leaf, &["Leaf", "Tea leaf"]), (Self::Price, &["Price"])];
        const NEEDED: &'static [Self] = &[Self::Leaf];
    }

    /// The cells of a row, or why it is held.
    type Seen = Result<(String, String), String>;

    fn rows(bytes: &[u8]) -> Result<Vec<(u64, u64, Seen)>, FileError> {
        let table = Table::<Tea>::open(bytes)?;
        let mut rows = Vec::new();
        table.each_row(|row, line, cells| {
            let seen = cells.map(|cells| (cells.get(Tea::Leaf).to_owned(), cells.decimal(Tea::Price).into_owned()));
            rows.push((row, line, seen.map_err(|held| held.reason.into_owned())));
        })?;
        Ok(rows)
    }

    fn tea(leaf: &str, price: &str) -> Seen {
        Some((leaf.to_owned(), price.to_owned())).ok_or_else(String::new)
    }

    #[test]
    fn columns_are_found_by_any_of_their_names_in_any_case_and_order() {
        let green = vec![(1, 2, tea("green", "1.5"))];
        for file in [
            "Leaf,Price\ngreen,1.5\n",
            "price, TEA LEAF \r\n1.5, green \r\n",
            "\u{feff}leaf;price\ngreen;1,5",
            "Leaf\tPrice\ngreen\t1.5",
            "\"Leaf\",\"Price\"\n\"green\",\"1.5\"\n",
        ] {
            assert_eq!(rows(file.as_bytes()).unwrap(), green, "{file}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_understood_says_why_once() {
        assert_eq!(rows(b"").unwrap_err(), FileError::Empty);
        assert_eq!(rows(b"\n\n").unwrap_err(), FileError::Empty);
        assert_eq!(rows(b"Price\n1").unwrap_err(), FileError::MissingColumn("Leaf"));
        assert_eq!(rows(b"Leaf,tea leaf\na,b").unwrap_err(), FileError::RepeatedColumn("Leaf"));
        assert_eq!(rows("Leaf,".repeat(COLUMNS_MAX).as_bytes()).unwrap_err(), FileError::TooManyColumns);
        assert_eq!(Problem::from(FileError::TooLarge).reason, Reason::TooMuch);
    }

    #[test]
    fn rows_of_another_shape_are_held_and_the_others_read() {
        let file = "Leaf,Price\ngreen\n\nblack,2,x\n , \nwhite,3\nno\0l,1\n";
        let seen = rows(file.as_bytes()).unwrap();
        let held = |reason: &str| Err(reason.to_owned());
        assert_eq!(
            seen,
            [
                (1, 2, held("the row has 1 fields where the header has 2")),
                (2, 4, held("the row has 3 fields where the header has 2")),
                (3, 5, held("the row is empty")),
                (4, 6, tea("white", "3")),
                (5, 7, held("the field holds a NUL character")),
            ]
        );
    }

    #[test]
    fn a_quotation_mark_left_open_is_suspected() {
        let seen = rows(b"Leaf,Price\n\"green,1\nblack,2\nwhite,3\n").unwrap();
        assert_eq!(seen.len(), 1);
        assert!(seen[0].2.as_ref().unwrap_err().contains("is a quotation mark left open?"), "{seen:?}");
    }

    #[test]
    fn a_huge_field_is_held() {
        let file = format!("Leaf,Price\n{},1\ngreen,2\n", "x".repeat(10 * FIELD_BYTES_MAX));
        let seen = rows(file.as_bytes()).unwrap();
        assert!(seen[0].2.is_err());
        assert_eq!(seen[1].2, tea("green", "2"));
    }
}
