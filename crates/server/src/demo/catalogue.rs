//! The suppliers' product files: read from disk or from the product's own samples, imported through the API.

use super::api::{Caller, list, number, text};
use super::outcome::{Catalogue, Outcome};
use super::teller::Teller;
use crate::ending::Ending;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// Held rows that are told one by one; more are told by their reasons.
pub const ROWS_TOLD_MAX: usize = 20;

/// A file and whose it is.
pub struct File {
    /// Its name, without the directories.
    pub name: String,
    /// The supplier that it makes.
    pub supplier: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The product's own samples.
const SAMPLES: [(&str, &str, &str); 2] = [
    ("catalog-tea.csv", "Hollybush Tea House", include_str!("../../../../samples/catalog-tea.csv")),
    ("catalog-home.csv", "Fernhill Home", include_str!("../../../../samples/catalog-home.csv")),
];

/// The files that were named, or the samples.
pub fn files(named: &[PathBuf]) -> Result<Vec<File>, Ending> {
    if named.is_empty() {
        let sample = |(name, supplier, text): (&str, &str, &str)| File {
            name: name.to_owned(),
            supplier: supplier.to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        return Ok(SAMPLES.map(sample).into());
    }
    named.iter().map(read).collect()
}

/// A file from disk; its supplier has the file's name.
pub fn read(path: &PathBuf) -> Result<File, Ending> {
    let bytes = std::fs::read(path).map_err(Ending::file("read", path))?;
    let word =
        |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(File { name: word(path.file_name()), supplier: supplier_of(&word(path.file_stem())), bytes })
}

/// `home-and-garden` becomes `Home and garden`.
fn supplier_of(stem: &str) -> String {
    let spaced = stem.replace(['-', '_'], " ");
    let mut letters = spaced.trim().chars();
    letters.next().map_or_else(|| "Supplier".to_owned(), |first| first.to_uppercase().chain(letters).collect())
}

/// Imports a supplier's file and says what became of its rows.
pub async fn import(supplier: &Caller, file: &File, teller: &Teller, outcome: &mut Outcome) -> Result<(), Ending> {
    let begun = Instant::now();
    let done = supplier.send_file("/v1/imports/products", file.bytes.clone()).await?;
    let took = begun.elapsed();
    let count = |pointer| u64::try_from(number(&done, pointer)).unwrap_or(0);
    let report = list(&done, "/report").to_vec();
    let catalogue = Catalogue {
        file: file.name.clone(),
        supplier: supplier.name.clone(),
        rows: count("/rows"),
        taken: count("/taken"),
        held: count("/held"),
        products: list(&done, "/products").len() as u64,
        variants: count("/variants"),
        report,
    };
    teller.timed(
        &file.name,
        format!(
            "{} rows = {} taken + {} held: {} products, {} variants",
            catalogue.rows, catalogue.taken, catalogue.held, catalogue.products, catalogue.variants
        ),
        took,
    );
    tell_held(&catalogue.report, teller);
    outcome.catalogues.push(catalogue);
    Ok(())
}

/// Tells the held rows one by one, or, where there are many, how many there are of each reason.
pub fn tell_held(report: &[Value], teller: &Teller) {
    let held: Vec<_> = report.iter().filter(|row| text(row, "/fate") == "held").collect();
    let why = |row: &Value| match row.get("column").and_then(Value::as_str) {
        Some(column) => format!("{column}: {}", text(row, "/reason")),
        None => text(row, "/reason").to_owned(),
    };
    if held.len() <= ROWS_TOLD_MAX {
        for row in held {
            let told = format!("held  line {:>4}  {}", number(row, "/line"), why(row));
            teller.more(teller.notable(&told));
        }
        return;
    }
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for row in held {
        *reasons.entry(why(row)).or_default() += 1;
    }
    for (reason, count) in reasons {
        teller.more(teller.notable(&format!("held  {count:>5} rows  {reason}")));
    }
    teller.more("(--json lists every row)");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supplier_is_called_after_its_file() {
        for (stem, name) in
            [("home-and-garden", "Home and garden"), ("tea", "Tea"), ("", "Supplier"), ("été_2", "Été 2")]
        {
            assert_eq!(supplier_of(stem), name);
        }
    }
}
