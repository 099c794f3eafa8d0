//! Files that go in and come out again, on both engines.

#![cfg(test)]

mod forgetting;
mod hostile;
mod mappings;
mod memory;
mod products;
mod round_trips;
mod undoing;

use bonded_base::{Currency, Id};
use bonded_connect::files::{self, Format, ImportRecord, ImportState, Kept, Upload, Worked};
use bonded_ledger::{Ledger, Scope};
use bonded_testkit::ledger::{TestLedger, on_postgres, on_sqlite};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::convert::Infallible;

async fn ledgers() -> Vec<TestLedger> {
    [Some(on_sqlite().await), on_postgres().await].into_iter().flatten().collect()
}

fn pieces(file: &[u8], size: usize) -> impl futures::Stream<Item = Result<Bytes, Infallible>> + use<> {
    let pieces: Vec<_> = file.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

async fn receive(ledger: &Ledger, scope: &Scope, format: Format, file: &[u8]) -> Kept {
    let upload = Upload { format, currency: Some(Currency::EUR) };
    files::receive(ledger, scope, upload, pieces(file, 4_099)).await.unwrap()
}

/// Works until there is nothing to do.
async fn worked(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Kept {
    while files::work(ledger, scope, id).await.unwrap() == Worked::More {}
    files::get(ledger, scope, id).await.unwrap()
}

/// Receives a file, brings it in and answers the import.
async fn import(ledger: &Ledger, scope: &Scope, format: Format, file: &str) -> Kept {
    let received = receive(ledger, scope, format, file.as_bytes()).await;
    assert_eq!(received.state, ImportState::Previewed, "{:?}", received.why);
    files::start(ledger, scope, received.id()).await.unwrap();
    let done = worked(ledger, scope, received.id()).await;
    assert_eq!(done.state, ImportState::Done, "{:?}", done.why);
    assert_eq!(done.counts.rows(), done.rows);
    done
}

async fn exported(ledger: &Ledger, scope: &Scope, format: Format) -> String {
    let pieces: Vec<Bytes> = files::export(ledger.clone(), scope.clone(), format, true).try_collect().await.unwrap();
    String::from_utf8(pieces.concat()).unwrap()
}

async fn bad_rows(ledger: &Ledger, scope: &Scope, import: &Kept) -> String {
    let rows = files::bad_rows(ledger.clone(), scope.clone(), import.id()).await.unwrap();
    let pieces: Vec<_> = rows.map(Result::unwrap).collect().await;
    String::from_utf8(pieces.concat()).unwrap()
}

/// What is wrong with which row: `3 (line 4) Price: a price is needed`.
async fn faults(ledger: &Ledger, scope: &Scope, import: &Kept) -> Vec<String> {
    let page = files::problems(ledger, scope, import.id(), 0, usize::MAX).await.unwrap();
    let fault = |problem: &files::RowProblem| {
        let column = problem.column.as_deref().unwrap_or("row");
        format!("{} (line {}) {column}: {}", problem.row, problem.line, problem.reason)
    };
    page.rows.iter().map(fault).collect()
}
