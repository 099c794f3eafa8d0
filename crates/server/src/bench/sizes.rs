//! How large the rows are that the product stores: shows that the raw engine was measured with the same.

use super::child::{Deployment, Store};
use super::cluster;
use crate::ending::{Code, Ending};
use rusqlite::{Connection, OpenFlags};

/// The mean over some rows of products and variants, which are kinds 7 and 8, and over their entries.
const RECORDS: &str = "SELECT CAST(avg(length(sealed)) AS double precision)
    FROM (SELECT sealed FROM records WHERE kind IN (7, 8) LIMIT 20000) AS sampled";
const ENTRIES: &str = "SELECT CAST(avg(length(sealed)) AS double precision)
    FROM (SELECT sealed FROM entries WHERE kind IN (7, 8) LIMIT 20000) AS sampled";

/// Bytes of a sealed record and of what a sealed entry says. The server must have stopped.
pub async fn measure(deployment: &Deployment) -> Result<[f64; 2], Ending> {
    match deployment.store() {
        Store::Sqlite => in_file(deployment)
            .map_err(|error| Ending::new(Code::Io, format!("the database cannot be looked at: {error}"))),
        Store::Postgres(url) => {
            let client = cluster::connect(url).await?;
            let mut sizes = [0.0; 2];
            for (size, question) in sizes.iter_mut().zip([RECORDS, ENTRIES]) {
                *size = client.query_one(question, &[]).await.map_err(|error| cluster::failed(&error))?.get(0);
            }
            Ok(sizes)
        }
    }
}

fn in_file(deployment: &Deployment) -> rusqlite::Result<[f64; 2]> {
    let connection = Connection::open_with_flags(deployment.database(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let ask = |question: &str| connection.query_row(question, [], |row| row.get(0));
    Ok([ask(RECORDS)?, ask(ENTRIES)?])
}
