//! Reading a chunk's rows by a format's columns, and gathering those that belong together.

use super::{Said, Sorted};
use crate::csv::Held;
use crate::csv::product_rows::ABSURD_PIECES;
use crate::csv::table::{Cells, Column, Table};
use crate::files::chunk::Chunk;
use bonded_base::{Problem, Reason};

/// Rows that were read, and rows that are held, each by its place in the chunk.
pub(super) type Read<T> = (Vec<(usize, T)>, Vec<(usize, Held)>);

/// Reads each row; what cannot be read is held.
pub(super) fn read<C: Column, T>(
    chunk: &Chunk,
    mut take: impl FnMut(&Cells<'_, C>) -> Result<T, Held>,
) -> Result<Read<T>, Problem> {
    let table = Table::<C>::open(chunk.text.as_bytes())?;
    let (mut good, mut held) = (Vec::new(), Vec::new());
    let mut place = 0;
    table.each_row(|_, _, cells| {
        match cells.and_then(|cells| take(&cells)) {
            Ok(row) => good.push((place, row)),
            Err(why) => held.push((place, why)),
        }
        place += 1;
    })?;
    if place == chunk.places.len() {
        return Ok((good, held));
    }
    // What was written as one row and is read as two, or none, must not be taken for its neighbour.
    Err(Problem::new(Reason::Unavailable, "the rows of a chunk cannot be told apart"))
}

/// Gathers rows that follow each other under one key; where one of them is held, so are the others.
pub(super) fn gathered<K: PartialEq, R, T>(
    rows: Vec<(usize, (K, R))>,
    mut held: Vec<(usize, Held)>,
    count: usize,
    mut make: impl FnMut(K, Vec<R>) -> Result<T, Held>,
) -> Sorted<T> {
    let mut groups: Vec<(K, Vec<usize>, Vec<R>)> = Vec::new();
    for (place, (key, row)) in rows {
        match groups.iter_mut().find(|(known, ..)| *known == key) {
            Some((_, places, rows)) => {
                places.push(place);
                rows.push(row);
            }
            None => groups.push((key, vec![place], vec![row])),
        }
    }
    let mut said = Vec::with_capacity(groups.len());
    for (key, rows, values) in groups {
        match make(key, values) {
            Ok(what) => said.push(Said { what, rows }),
            Err(why) => held.extend(rows.into_iter().map(|row| (row, why.clone()))),
        }
    }
    Sorted { said, held, rows: count }
}

/// A whole number of pieces, none or more.
pub(super) fn pieces<C: Column>(cells: &Cells<'_, C>, column: C) -> Result<i64, Held> {
    let text = cells.get(column);
    // Some spreadsheets write whole numbers with decimals.
    let whole = text.strip_suffix(".0").or_else(|| text.strip_suffix(",0")).unwrap_or(text);
    match whole.parse::<i64>() {
        Ok(pieces) if pieces < 0 => Err(cells.held(column, "there cannot be fewer than none")),
        Ok(pieces) if pieces > ABSURD_PIECES => Err(cells.held(column, "nobody has so many pieces")),
        Ok(pieces) => Ok(pieces),
        Err(_) => Err(cells.held(column, "a whole number is needed")),
    }
}
