//! Files: a whole catalogue and its stock brought in and taken out again, and how much memory the server has meanwhile.
//!
//! A file is read and made piece by piece. Its memory is told beside its speed, since it must not grow with the rows: one
//! run with few rows and one with many show it.

use crate::bench::answers::{Made, Progress};
use crate::bench::child::Server;
use crate::bench::figure::{Figure, Unit};
use crate::bench::https::Connection;
use crate::bench::samples::per_second;
use crate::bench::traders::Trader;
use crate::ending::{Code, Ending};
use bytes::Bytes;
use hyper::StatusCode;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How often an import is asked how far it has come.
const LOOK: Duration = Duration::from_millis(20);
/// How long an import may come no further.
const QUIET_LIMIT: Duration = Duration::from_mins(2);

/// So many products with one variant each: sent, previewed and brought in, then counted, then both taken out.
pub async fn measure(server: &Server, rows: u64) -> Result<Vec<Figure>, Ending> {
    let supplier = Trader::open(server, "Files".to_owned(), "supplier", 1).await?;
    let mut connection = supplier.connect(server, 0).await?;
    let mut figures = Vec::new();
    for (names, about, format, file) in [
        (["products_in", "products_in_memory"], "product file in, rows", "products", products as fn(u64) -> Bytes),
        (["stock_in", "stock_in_memory"], "stock file in, rows", "stock", stock),
    ] {
        eprintln!("a file of {rows} rows is brought in: {format}");
        let (file, begin) = (file(rows), Instant::now());
        let bringing = bring(&mut connection, format, file, rows);
        let (brought, highest) = server.process().highest_megabytes(bringing).await?;
        brought?;
        figures.extend(figures_of(names, about, per_second(rows, begin.elapsed()), highest));
    }
    for (names, about, format) in [
        (["products_out", "products_out_memory"], "product file out, rows", "products"),
        (["stock_out", "stock_out_memory"], "stock file out, rows", "stock"),
    ] {
        eprintln!("a file of as many is taken out: {format}");
        let (path, begin) = (format!("/v1/exports/{format}.csv"), Instant::now());
        let (lines, highest) = server.process().highest_megabytes(connection.lines(&path)).await?;
        let lines = lines?;
        if lines != rows + 1 {
            return Err(Ending::new(Code::Bad, format!("{path} has {lines} lines, not {rows} below a header")));
        }
        figures.extend(figures_of(names, about, per_second(rows, begin.elapsed()), highest));
    }
    Ok(figures)
}

fn figures_of([rate, memory]: [&'static str; 2], about: &str, rows: f64, megabytes: f64) -> [Figure; 2] {
    [
        Figure::new(rate, about, (rows, Unit::PerSecond)),
        Figure::new(memory, format!("{about}: memory of the server at most"), (megabytes, Unit::Megabytes)),
    ]
}

/// Sends a file, looks at what it would do, starts it, and waits until every row of it was brought in.
async fn bring(connection: &mut Connection, format: &str, file: Bytes, rows: u64) -> Result<(), Ending> {
    let Made { id } = connection.send_file(&format!("/v1/imports?format={format}"), file).await?;
    let path = format!("/v1/imports/{id}");
    connection.get(&format!("{path}/preview")).await?;
    connection.post(&format!("{path}/start"), "", StatusCode::OK).await?;
    let (mut last, mut moved) = (0, Instant::now());
    loop {
        let Progress { state, rows_done, counts } = connection.read(&path).await?;
        match state.as_str() {
            "done" if rows_done == rows && counts.held == 0 => return Ok(()),
            "running" if rows_done > last => (last, moved) = (rows_done, Instant::now()),
            "running" if moved.elapsed() < QUIET_LIMIT => {}
            _ => {
                let said =
                    format!("an import is {state} with {rows_done} of {rows} rows, {} of them held", counts.held);
                return Err(Ending::new(Code::Bad, said));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn products(rows: u64) -> Bytes {
    written("Handle,Title,Vendor,SKU,Price\n", rows, |text, row| {
        writeln!(text, "chair-{row:07},Garden chair {row:07},Sample Garden,GC-{row:07},19.99")
    })
}

fn stock(rows: u64) -> Bytes {
    written("SKU,On hand\n", rows, |text, row| writeln!(text, "GC-{row:07},{}", 1 + row % 100))
}

fn written(header: &str, rows: u64, line: impl Fn(&mut String, u64) -> std::fmt::Result) -> Bytes {
    let mut text = header.to_owned();
    for row in 0..rows {
        // Writing to a String cannot fail.
        let _ = line(&mut text, row);
    }
    text.into()
}
