//! One deployment, opened: its keys, its engine, its ledger. The one place where the engine is chosen.

use crate::ending::{Code, Ending};
use crate::places::Places;
use crate::settings::{EngineChoice, Settings};
use bonded_assure::backups::{Database, Setup, is_unfinished};
use bonded_base::{SystemChance, SystemClock};
use bonded_ledger::Ledger;
use bonded_ledger::engine::Engine;
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use bonded_vault::{Hsm, Vault, VaultError};
use std::sync::Arc;

/// Where the tree of keys lies.
pub fn key_places(settings: &Settings) -> bonded_vault::Places {
    bonded_vault::Places { primary: settings.keys_primary.clone(), replicas: settings.keys_replicas.clone() }
}

/// The vault, sealed; it knows the hardware module that the configuration names.
pub fn open_vault(settings: &Settings) -> Result<Vault, Ending> {
    let vault = Vault::open(&key_places(settings), settings.environment, Arc::new(SystemChance))?;
    if let Some(setup) = &settings.hsm {
        vault.attach(Hsm::new(setup.clone()).map_err(VaultError::from)?);
    }
    Ok(vault)
}

/// The deployment's backups, as the configuration has them.
pub fn backup_setup(settings: &Settings) -> Result<Setup, Ending> {
    let Some(said) = &settings.backup else {
        return Err(Ending::new(Code::Config, "no place for backups is named")
            .next("name places and recipients in `backup`; docs/backups.md shows how"));
    };
    let places = Places::new(settings.data.clone());
    let database = match &settings.engine {
        EngineChoice::Sqlite => Database::Sqlite { file: places.database() },
        EngineChoice::Postgres { url, root_certificate } => {
            Database::Postgres { url: url.clone(), root_certificate: root_certificate.clone() }
        }
    };
    Ok(Setup {
        environment: settings.environment,
        deployment: settings.name.clone(),
        database,
        directory: places.backup(),
        places: said.places.clone(),
        recipients: said.recipients.clone(),
        signer: said.signer.clone(),
        keep: said.keep,
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
    })
}

/// The engine that the configuration chose, its tables brought up to date.
pub async fn open_engine(settings: &Settings) -> Result<Arc<dyn Engine>, Ending> {
    let places = Places::new(settings.data.clone());
    if is_unfinished(&places.backup()) {
        return Err(Ending::new(Code::Data, "a backup was being brought back into this place, and that has not ended")
            .next("run `bonded backup restore` again; nothing may use the data before it ends well"));
    }
    engine_of(&settings.engine, &places).await
}

/// The engine of a choice; the embedded one's database lies in these places.
pub async fn engine_of(choice: &EngineChoice, places: &Places) -> Result<Arc<dyn Engine>, Ending> {
    Ok(match choice {
        EngineChoice::Sqlite => Arc::new(SqliteEngine::open(&places.database(), SqliteOptions::default())?),
        EngineChoice::Postgres { url, root_certificate } => {
            let options = PostgresOptions { root_certificates: root_certificate.clone(), ..PostgresOptions::default() };
            Arc::new(PostgresEngine::connect(url.expose(), options).await?)
        }
    })
}

/// The ledger over both; needs a tokio runtime.
pub async fn open_ledger(settings: &Settings, vault: Vault) -> Result<Ledger, Ending> {
    let engine = open_engine(settings).await?;
    Ok(Ledger::open(engine, vault, Arc::new(SystemClock), Arc::new(SystemChance)))
}
