//! Forgetting: rows of files that are still kept lose what they say of consumers who are to be forgotten.

use super::chunk::{Chunk, delimiter, kept_columns};
use super::columns::Format;
use super::record::{ImportRecord, Kept, list};
use bonded_ledger::{Change, Ledger, LedgerError, PAGE_MAX, Scope};
use bonded_trade::{Page, TradeError};
use csv::{QuoteStyle, WriterBuilder};
use std::collections::BTreeSet;

/// Takes the rows of orders with these references out of every file of orders that is still kept in part. What remains of
/// a chunk is sealed under a new key; the old one is noted as spent.
pub async fn forget_orders(ledger: &Ledger, scope: &Scope, references: &BTreeSet<&str>) -> Result<(), TradeError> {
    let mut page = Page::first(PAGE_MAX);
    loop {
        let (imports, next) = list(ledger, scope, page).await?;
        for import in imports.iter().filter(|import| import.format == Format::Orders) {
            for number in 0..import.chunks {
                forget_in(ledger, scope, import, number, references).await?;
            }
        }
        match next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn forget_in(
    ledger: &Ledger,
    scope: &Scope,
    import: &Kept,
    number: u32,
    references: &BTreeSet<&str>,
) -> Result<(), LedgerError> {
    loop {
        let Some((stored, chunk)) = Chunk::read(ledger, scope, import.id(), number).await? else { return Ok(()) };
        let Some(rest) = chunk.without(import, references) else { return Ok(()) };
        let mut change = Change::new();
        if rest.rows() == 0 {
            change.remove(&stored, "forgotten");
        } else {
            let record = ImportRecord::Chunk { rows: rest.rows() as u64 };
            change.update_with_consumer(&stored, &record, rest.sealable()?, "forgotten");
        }
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(()),
            // The import has just taken it away, or somebody else the same rows.
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

impl Chunk {
    /// The chunk without the rows of these orders; `None` when it has none of them.
    fn without(&self, import: &Kept, references: &BTreeSet<&str>) -> Option<Self> {
        let column = kept_columns(&import.columns).position(|(_, field)| Format::Orders.group().contains(&field))?;
        let named = |cell: Option<&str>| cell.is_some_and(|cell| references.contains(cell.trim()));
        let is_named = |row: &csv::StringRecord| named(row.get(column));
        let rows = self.cells(import);
        let broken_named = self.broken.iter().any(|broken| named(broken.cells.get(column).map(String::as_str)));
        if !broken_named && !rows.iter().any(is_named) {
            return None;
        }
        let mut writer = WriterBuilder::new()
            .delimiter(delimiter(import.decimal_comma))
            .quote_style(QuoteStyle::Necessary)
            .from_writer(Vec::new());
        // Into memory, where nothing fails.
        let _ = writer.write_record(kept_columns(&import.columns).map(|(_, field)| field));
        let mut rest = Self::default();
        for (row, place) in rows.iter().zip(&self.places).filter(|(row, _)| !is_named(row)) {
            let _ = writer.write_record(row);
            rest.places.push(*place);
        }
        let kept = self.broken.iter().filter(|broken| !named(broken.cells.get(column).map(String::as_str)));
        rest.broken.extend(kept.cloned());
        rest.text = writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        Some(rest)
    }
}
