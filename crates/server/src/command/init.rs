//! `bonded init`: everything a new server needs, made once and never overwritten.

use super::on_runtime;
use crate::cli::{Choices, Init};
use crate::deployment::{key_places, open_ledger};
use crate::desk::invite;
use crate::ending::{Code, Ending};
use crate::officers;
use crate::places::{Places, make_directory};
use crate::settings::{self, Settings, keys, sample};
use crate::terminal::say;
use crate::tls::Authority;
use bonded_base::{Clock, SystemChance, SystemClock};
use bonded_people::staff::StaffRole;
use bonded_vault::Vault;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that is written where none was named.
const NEW_FILE: &str = "bonded.toml";

pub fn run(choices: &Choices, init: &Init) -> Result<(), Ending> {
    // Before anything is written: a mistake here must leave nothing half made.
    let officers = officers::recipients(&init.officer)?;
    let (file, settings) = configure(choices)?;
    let places = Places::new(settings.data.clone());
    if places.authority().exists() {
        let sentence = format!("{} is a data directory already; nothing was changed", places.root().display());
        return Err(Ending::new(Code::CannotCreate, sentence).next("start it: bonded serve"));
    }
    if let Written::Now(path, text) = &file {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            make_directory(parent)?;
        }
        std::fs::write(path, text).map_err(Ending::file("written", path))?;
    }
    places.make()?;
    Authority::make(&places, SystemClock.now())?;
    let mut links = Vec::new();
    if !officers.is_empty() {
        let vault = Vault::init(&key_places(&settings), settings.environment, &officers, Arc::new(SystemChance))?;
        links = on_runtime(1, invite_first(&settings, vault, init))??;
    }
    tell(&file, &settings, &places, officers.len());
    for (who, link) in links {
        say!("{who}: {link}");
    }
    Ok(())
}

/// Invites the first people onto the staff, while the new keys are at hand; each with a link to hand over.
async fn invite_first(settings: &Settings, vault: Vault, init: &Init) -> Result<Vec<(String, String)>, Ending> {
    let officers = init.security_officer.iter().map(|mail| (mail, StaffRole::SecurityOfficer));
    let first: Vec<_> = officers.chain(init.reviewer.iter().map(|mail| (mail, StaffRole::Reviewer))).collect();
    if first.is_empty() {
        return Ok(Vec::new());
    }
    let ledger = open_ledger(settings, vault).await?;
    let mut links = Vec::new();
    for (mail, role) in first {
        let done = invite::staff(&ledger, &settings.origins(), mail, &[role.to_string()]).await?;
        let link = done.get("link").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        links.push((format!("{role} {mail}"), link));
    }
    ledger.close().await;
    Ok(links)
}

/// The configuration file: there already, or to be written with this text.
enum Written {
    Before(PathBuf),
    Now(PathBuf, String),
}

impl Written {
    fn path(&self) -> &Path {
        match self {
            Self::Before(path) | Self::Now(path, _) => path,
        }
    }
}

/// The settings that will hold, and the file that says so. An existing file is kept as it is.
fn configure(choices: &Choices) -> Result<(Written, Settings), Ending> {
    let found = settings::find_file(choices.config.as_deref());
    if let Some(path) = found.as_ref().filter(|path| path.exists()) {
        return Ok((Written::Before(path.clone()), choices.settings_of(Some(path))?));
    }
    let path = found.unwrap_or_else(|| PathBuf::from(NEW_FILE));
    let settings = choices.settings_for(&path)?;
    let mut set = vec![(keys::ENVIRONMENT, settings.environment.name().to_owned())];
    for (key, _, value) in choices.said() {
        let Some(value) = value.as_ref().filter(|_| key != keys::ENVIRONMENT) else { continue };
        // The file's own directory is where its paths start, so one from elsewhere is written in full.
        let value = if key == keys::DATA { absolute(Path::new(value))? } else { value.clone() };
        set.push((key, value));
    }
    Ok((Written::Now(path, sample(&set)), settings))
}

fn absolute(path: &Path) -> Result<String, Ending> {
    Ok(std::path::absolute(path).map_err(Ending::file("found", path))?.display().to_string())
}

fn tell(file: &Written, settings: &Settings, places: &Places, officers: usize) {
    let kept = if matches!(file, Written::Before(_)) { "  (was there, and is kept)" } else { "" };
    say!("configuration  {}{kept}", file.path().display());
    say!("environment    {}", settings.environment);
    say!("data           {}", places.root().display());
    say!("authority      {}  (clients must trust it)", places.authority().display());
    if officers > 0 {
        say!("keys           {}  ({officers} officers)", settings.keys_primary.display());
        say!("\nnext: bonded serve, and in another terminal: bonded keys unseal --officer FILE");
    } else {
        say!("\nnext: bonded keys new-officer officer.key   (for each officer, on the officer's own machine)");
        say!("      bonded keys init --officer officer.key.pub");
        say!("      bonded serve");
    }
}
