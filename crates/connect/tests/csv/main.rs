//! Files as merchants have them, and as nobody should have them.

#![cfg(test)]

mod hostile;
mod importing;
mod invoices;
mod products;
mod samples;

use bonded_connect::csv::{Fate, Report, Row};

/// What became of each row: `taken`, or the column and the reason why it is held.
fn fates<T>(report: &Report<T>) -> Vec<String> {
    let fate = |row: &Row<T>| match &row.fate {
        Fate::Taken(_) => "taken".to_owned(),
        Fate::Held(held) => format!("{}: {}", held.column.as_deref().unwrap_or("row"), held.reason),
    };
    report.rows.iter().map(fate).collect()
}
