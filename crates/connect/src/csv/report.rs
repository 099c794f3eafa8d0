//! What became of each row of a file.

use serde::Serialize;
use std::borrow::Cow;

/// Why a row was not taken. Never repeats what stood in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The column to look at, as the file names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// One sentence for a person.
    pub reason: Cow<'static, str>,
}

impl Held {
    /// Held because of the whole row.
    pub fn row(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { column: None, reason: reason.into() }
    }

    /// Held because of one column.
    pub fn column(column: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { column: Some(column.to_owned()), reason: reason.into() }
    }
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate<T> {
    /// It was taken, as this.
    Taken(T),
    /// It was kept back.
    Held(Held),
}

/// One row of a file and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row<T> {
    /// Its number; 1 is the first below the header.
    pub row: u64,
    /// The line of the file in which it begins; 1 is the first.
    pub line: u64,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate<T>,
}

/// What became of a file, row by row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report<T> {
    /// Every row of the file, in its order.
    pub rows: Vec<Row<T>>,
    /// Columns that were not read, as the file names them.
    pub ignored_columns: Vec<String>,
}

impl<T> Report<T> {
    /// How many rows were taken.
    pub fn taken(&self) -> usize {
        self.rows.iter().filter(|row| matches!(row.fate, Fate::Taken(_))).count()
    }

    /// The rows that were held, each with its reason.
    pub fn held(&self) -> impl Iterator<Item = (&Row<T>, &Held)> {
        self.rows.iter().filter_map(|row| match &row.fate {
            Fate::Held(held) => Some((row, held)),
            Fate::Taken(_) => None,
        })
    }

    /// Holds a row, unless it is held already: the first reason stands.
    pub(super) fn hold(&mut self, place: usize, held: Held) {
        if let Some(row) = self.rows.get_mut(place).filter(|row| matches!(row.fate, Fate::Taken(_))) {
            row.fate = Fate::Held(held);
        }
    }

    /// The same report, with what was taken seen as something else.
    pub(super) fn map<U>(self, mut seen: impl FnMut(usize, T) -> Fate<U>) -> Report<U> {
        let rows = self.rows.into_iter().enumerate().map(|(place, Row { row, line, fate })| {
            let fate = match fate {
                Fate::Taken(taken) => seen(place, taken),
                Fate::Held(held) => Fate::Held(held),
            };
            Row { row, line, fate }
        });
        Report { rows: rows.collect(), ignored_columns: self.ignored_columns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_written_with_its_fate() {
        #[derive(Serialize)]
        struct Tea {
            leaf: &'static str,
        }
        let row = |fate| Row { row: 1, line: 2, fate };
        assert_eq!(
            serde_json::to_string(&row(Fate::Taken(Tea { leaf: "green" }))).unwrap(),
            r#"{"row":1,"line":2,"fate":"taken","leaf":"green"}"#
        );
        assert_eq!(
            serde_json::to_string(&row(Fate::Held(Held::column("Price", "a price is needed")))).unwrap(),
            r#"{"row":1,"line":2,"fate":"held","column":"Price","reason":"a price is needed"}"#
        );
    }
}
