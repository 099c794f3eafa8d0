//! Where the demonstration takes place: a data directory with keys and an authority, on its own free ports.

use crate::cli::Choices;
use crate::deployment::key_places;
use crate::ending::{Code, Ending};
use crate::places::{Places, write_secret};
use crate::settings::Settings;
use crate::tls::Authority;
use bonded_base::{Clock, SystemChance, SystemClock};
use bonded_vault::{Officer, Vault};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Any free port of this machine alone.
const ANY_PORT: &str = "127.0.0.1:0";

/// The officer's identity, which tells a demonstration's directory from a real server's.
const OFFICER_FILE: &str = "demo-officer.key";

/// The stage; it is cleared away at the end, unless a directory was named for it.
pub struct Stage {
    /// What holds for its server.
    pub settings: Settings,
    /// Its officer's identity file.
    pub officer: PathBuf,
    /// The local authority that clients trust.
    pub authority_pem: String,
    /// Where files that the story writes go.
    pub papers: PathBuf,
    /// Whether they are still there when somebody reads of them.
    pub papers_stay: bool,
    /// Removed when dropped.
    _cleared_away: Option<TempDir>,
}

impl Stage {
    /// Sets the stage. A configuration file is not looked at: it may be that of a real server.
    pub fn set(choices: &Choices, once: bool) -> Result<Self, Ending> {
        let mut choices = choices.clone();
        let temporary = match choices.data {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("bonded-demo-")
                    .tempdir()
                    .map_err(Ending::file("made", &std::env::temp_dir()))?,
            ),
        };
        if let Some(directory) = &temporary {
            choices.data = Some(directory.path().join("data").display().to_string());
        }
        choices.environment = Some("development".to_owned());
        choices.public.get_or_insert_with(|| ANY_PORT.to_owned());
        choices.private.get_or_insert_with(|| ANY_PORT.to_owned());
        let settings = choices.settings_of(None)?;
        let places = Places::new(settings.data.clone());
        let officer = places.root().join(OFFICER_FILE);
        if places.authority().exists() && !officer.exists() {
            let sentence = format!("{} belongs to a server, not to a demonstration", places.root().display());
            return Err(Ending::new(Code::CannotCreate, sentence).next("name another directory, or none"));
        }
        let authority = furnish(&settings, &places, &officer)?;
        let papers = places.root().join("papers");
        crate::places::make_directory(&papers)?;
        let papers_stay = !once || temporary.is_none();
        let authority_pem = authority.pem().to_owned();
        Ok(Self { settings, officer, authority_pem, papers, papers_stay, _cleared_away: temporary })
    }
}

/// Puts in what is missing, and leaves what an earlier demonstration left.
fn furnish(settings: &Settings, places: &Places, officer: &Path) -> Result<Authority, Ending> {
    if places.authority().exists() {
        return Authority::open(places);
    }
    places.make()?;
    let identity = Officer::generate();
    write_secret(officer, identity.to_file(None).expose())?;
    let vault =
        Vault::init(&key_places(settings), settings.environment, &identity.recipients(), Arc::new(SystemChance))?;
    drop(vault);
    Authority::make(places, SystemClock.now())
}
