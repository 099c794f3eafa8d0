//! The database: whether it can be reached, and how far its tables have come. Nothing is changed, nothing is made.

use super::Finding;
use crate::ending::Ending;
use crate::places::Places;
use crate::settings::{EngineChoice, Settings};
use bonded_ledger::engine::Schema;
use bonded_ledger::{postgres, sqlite};

/// The engine and its schema.
pub async fn database(settings: &Settings) -> Vec<Finding> {
    let (name, schema) = match &settings.engine {
        EngineChoice::Sqlite => {
            ("sqlite", sqlite::schema(&Places::new(settings.data.clone()).database()).map_err(Ending::from))
        }
        EngineChoice::Postgres { url, root_certificate } => {
            let schema = postgres::schema(url.expose(), root_certificate.clone()).await;
            ("postgres", schema.map(Some).map_err(Ending::from))
        }
    };
    vec![match schema {
        Ok(Some(Schema { found: 0, .. })) => {
            Finding::ok("database", format!("{name}, empty; the first start makes its tables"))
        }
        Ok(None) => Finding::ok("database", format!("{name}, not made yet; the first start makes it")),
        Ok(Some(Schema { found, known })) if found < known => Finding::warn(
            "database",
            format!("{name}, schema {found}; this program knows {known}"),
            "the next start brings it up to date, and no older program opens it then: make a backup first",
        ),
        Ok(Some(Schema { found, .. })) => Finding::ok("database", format!("{name}, schema {found}, up to date")),
        Err(ending) => Finding::failed("database", ending),
    }]
}
