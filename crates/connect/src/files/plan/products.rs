//! Product files: rows of one handle are one product, which is created or becomes as the file says.

use super::{Deeds, Plan, Said, Sorted};
use crate::csv::import::refusal;
use crate::csv::{ProductFile, shopify_products};
use crate::files::chunk::Chunk;
use crate::files::record::Import;
use bonded_base::{Problem, Reason};
use bonded_ledger::{Ledger, Scope};
use bonded_trade::TradeError;
use bonded_trade::catalog::{Incoming, bring};
use bonded_trade::inventory::open_main_location;

pub(super) async fn plan(ledger: &Ledger, scope: &Scope, import: &Import, chunk: &Chunk) -> Result<Plan, TradeError> {
    let file = shopify_products(chunk.text.as_bytes(), import.currency).map_err(Problem::from)?;
    if file.report.rows.len() != chunk.places.len() {
        return Err(Problem::new(Reason::Unavailable, "the rows of a chunk cannot be told apart").into());
    }
    let held: Vec<_> = held_rows(&file);
    let ProductFile { products, names, .. } = file;
    let spoken = names.iter().map(|(field, _)| *field).collect();
    let rows = chunk.places.len();
    let said: Vec<_> =
        products.into_iter().map(|parcel| Said { rows: parcel.rows().collect(), what: parcel }).collect();
    let sorted = Sorted { said, held, rows };
    let incoming: Vec<_> = sorted
        .said
        .iter()
        .map(|said| Incoming { draft: said.what.draft.clone(), stock: said.what.stock.clone() })
        .collect();
    let main = open_main_location(ledger, scope).await?;
    let bringing = bring(ledger, scope, &incoming, &spoken, main).await?;
    let outcomes =
        bringing.outcomes().iter().map(|outcome| outcome.as_ref().map(|brought| brought.did).map_err(Clone::clone));
    let fates = sorted.fates(outcomes, |said, problem| refusal(&names, problem, &said.what));
    Ok(Plan { deeds: Deeds::Products(bringing), fates })
}

fn held_rows(file: &ProductFile) -> Vec<(usize, crate::csv::Held)> {
    let rows = file.report.held();
    rows.filter_map(|(row, held)| Some((usize::try_from(row.row).ok()?.checked_sub(1)?, held.clone()))).collect()
}
