//! Rows that were held: listed with their reasons, and as a file to be corrected and sent again.

use super::chunk::{Chunk, kept_columns};
use super::guard::guarded;
use super::mapping::ERROR_COLUMN;
use super::record::{ImportRecord, Kept, RowProblem, get, step_id};
use super::stream::{Lines, csv_line};
use bonded_base::{Id, Problem, Reason};
use bonded_ledger::{Ledger, LedgerError, Scope};
use bonded_trade::{Left, TradeError};
use bytes::Bytes;
use futures::{Stream, stream};
use std::collections::HashMap;

/// Steps that are read at once.
const STEPS_AT_ONCE: u32 = 16;

/// Some of what was held or left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProblemPage {
    /// Rows that were held.
    pub rows: Vec<RowProblem>,
    /// Records that undoing could not take back.
    pub left: Vec<Left>,
    /// The chunk to go on from; none when this was the last.
    pub next: Option<u32>,
}

/// The rows of an import that were held, from a chunk on: those of whole chunks, until there are at least `limit`.
pub async fn problems(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<ImportRecord>,
    from: u32,
    limit: usize,
) -> Result<ProblemPage, TradeError> {
    let import = get(ledger, scope, id).await?;
    let mut page = ProblemPage::default();
    let mut number = from;
    while number < import.chunks {
        let last = number.saturating_add(STEPS_AT_ONCE).min(import.chunks);
        let ids: Vec<_> = (number..last).map(|number| step_id(id, number)).collect();
        for step in ledger.get_many(scope, &ids).await? {
            number += 1;
            if let Some(step) = step
                && let ImportRecord::Step { problems, left, .. } = &*step
            {
                page.rows.extend(problems.iter().cloned());
                page.left.extend(left.iter().cloned());
            }
            if page.rows.len() + page.left.len() >= limit {
                page.next = (number < import.chunks).then_some(number);
                return Ok(page);
            }
        }
    }
    Ok(page)
}

/// The rows that were held as a file: the columns that were kept, and one that says what is wrong with each.
///
/// It is made while it is read, from what is kept of the rows; when that is gone, so is this.
pub async fn bad_rows(
    ledger: Ledger,
    scope: Scope,
    id: Id<ImportRecord>,
) -> Result<impl Stream<Item = Result<Bytes, LedgerError>> + Send + 'static, TradeError> {
    let import = get(&ledger, &scope, id).await?;
    if import.rows_until.is_none() && !import.state.is_active() {
        let gone = Problem::new(Reason::State, "no rows are kept: none was held, or their time is over");
        return Err(gone.into());
    }
    let columns = kept_columns(&import.columns).map(|(column, _)| guarded(&column.name).into_owned());
    let header: Vec<String> = columns.chain([ERROR_COLUMN.to_owned()]).collect();
    let begin = BadRows { ledger, scope, import, next: 0, header: Some(header) };
    Ok(stream::try_unfold(begin, |mut rows| async move { Ok(rows.more().await?.map(|bytes| (bytes, rows))) }))
}

struct BadRows {
    ledger: Ledger,
    scope: Scope,
    import: Kept,
    next: u32,
    header: Option<Vec<String>>,
}

impl BadRows {
    async fn more(&mut self) -> Result<Option<Bytes>, LedgerError> {
        if let Some(header) = self.header.take() {
            return Ok(Some(csv_line(&header)));
        }
        while self.next < self.import.chunks_done {
            let number = self.next;
            self.next += 1;
            let step = self.ledger.get(&self.scope, step_id(self.import.id(), number)).await?;
            let Some(ImportRecord::Step { problems, .. }) = step.as_deref() else { continue };
            if problems.is_empty() {
                continue;
            }
            let Some((_, chunk)) = Chunk::read(&self.ledger, &self.scope, self.import.id(), number).await? else {
                continue;
            };
            return Ok(Some(self.lines(problems, &chunk)));
        }
        Ok(None)
    }

    fn lines(&self, problems: &[RowProblem], chunk: &Chunk) -> Bytes {
        let cells = chunk.cells(&self.import);
        let by_row: HashMap<u64, usize> = chunk.places.iter().map(|(row, _)| *row).zip(0..).collect();
        let mut lines = Lines::default();
        for problem in problems {
            let broken = || chunk.broken.iter().find(|broken| broken.problem.row == problem.row);
            let row: Vec<&str> = match by_row.get(&problem.row).and_then(|place| cells.get(*place)) {
                Some(cells) => cells.iter().collect(),
                None => broken().map(|broken| broken.cells.iter().map(String::as_str).collect()).unwrap_or_default(),
            };
            let column = problem.column.as_deref().map(|column| format!("{column}: ")).unwrap_or_default();
            let why = format!("{column}{}", problem.reason);
            lines.row(row.into_iter().chain([why.as_str()]).map(guarded));
        }
        lines.bytes()
    }
}
