//! Previews: how an import's rows are understood, and what they would change, without changing anything.

use super::chunk::{Chunk, kept_columns};
use super::plan::Plan;
use super::record::{Counts, ImportRecord, RowProblem, get};
use bonded_base::Id;
use bonded_ledger::{Ledger, Scope};
use bonded_trade::TradeError;

/// Chunks that a preview looks through.
pub const PREVIEW_CHUNKS: u32 = 10;
/// Rows that it shows.
pub const PREVIEW_ROWS: usize = 20;
/// Problems that it names.
const PREVIEW_PROBLEMS: usize = 100;
/// What is shown instead of what belongs to a consumer.
const NOT_SHOWN: &str = "(not shown)";

/// A row as it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewRow {
    /// Its number; 1 is the first below the header.
    pub row: u64,
    /// The line in which it begins.
    pub line: u64,
    /// Each field that says something. A consumer's are named and not shown.
    pub fields: Vec<(String, String)>,
}

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The first rows.
    pub rows: Vec<PreviewRow>,
    /// How many rows were looked at: the first ones, if there are many.
    pub looked_at: u64,
    /// What would become of those.
    pub counts: Counts,
    /// The first of those that would be held.
    pub problems: Vec<RowProblem>,
}

/// Looks at what an import would do, from where it stands.
pub async fn preview(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<Preview, TradeError> {
    let import = get(ledger, scope, id).await?;
    let mut seen = Preview { rows: Vec::new(), looked_at: 0, counts: Counts::default(), problems: Vec::new() };
    let last = import.chunks.min(import.chunks_done.saturating_add(PREVIEW_CHUNKS));
    for number in import.chunks_done..last {
        let Some((_, chunk)) = Chunk::read(ledger, scope, id, number).await? else { break };
        let plan = Plan::of(ledger, scope, &import, &chunk).await?;
        seen.looked_at += chunk.rows() as u64;
        plan.count(&chunk, &mut seen.counts);
        let room = PREVIEW_PROBLEMS.saturating_sub(seen.problems.len());
        seen.problems.extend(plan.problems(&import, &chunk).into_iter().take(room));
        let room = PREVIEW_ROWS.saturating_sub(seen.rows.len());
        let fields: Vec<&str> = kept_columns(&import.columns).map(|(_, field)| field).collect();
        let hidden = import.format.consumer();
        let rows = chunk.cells(&import).into_iter().zip(&chunk.places).take(room).map(|(cells, (row, line))| {
            let filled = fields.iter().zip(&cells).filter(|(_, cell)| !cell.trim().is_empty());
            let shown = filled.map(|(field, cell)| {
                let cell = if hidden.contains(field) { NOT_SHOWN } else { cell };
                ((*field).to_owned(), cell.to_owned())
            });
            PreviewRow { row: *row, line: *line, fields: shown.collect() }
        });
        seen.rows.extend(rows);
    }
    Ok(seen)
}
