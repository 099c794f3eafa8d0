//! `bonded keys …`: the ceremonies of the security officers.

use super::on_runtime;
use crate::cli::{Choices, Json, Keys, NewOfficer};
use crate::deployment::key_places;
use crate::desk::{Wish, ask};
use crate::ending::{Code, Ending};
use crate::places::write_secret;
use crate::{officers, terminal};
use bonded_base::SystemChance;
use bonded_vault::{Officer, Vault};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub fn run(choices: &Choices, keys: Keys) -> Result<(), Ending> {
    match keys {
        Keys::Init(named) => init(choices, &officers::recipients(&named.officer)?),
        Keys::NewOfficer(new) => new_officer(&new),
        Keys::Status(Json { json }) => tell(&wish(choices, Wish::KeysStatus, None)?, json),
        Keys::Unseal(identity) => tell(&wish(choices, Wish::Unseal, Some(&identity.officer))?, false),
        Keys::Seal(Json { json }) => tell(&wish(choices, Wish::Seal, None)?, json),
        Keys::AddOfficer(one) => {
            let key = officers::recipient(&one.key)?.to_string();
            tell(&wish(choices, Wish::AddOfficer { key }, one.officer.as_deref())?, false)
        }
        Keys::RemoveOfficer(one) => {
            let key = officers::recipient(&one.key)?.to_string();
            tell(&wish(choices, Wish::RemoveOfficer { key }, one.officer.as_deref())?, false)
        }
    }
}

fn wish(choices: &Choices, wish: Wish, identity: Option<&Path>) -> Result<Value, Ending> {
    let settings = choices.settings()?;
    on_runtime(1, ask(&settings, wish, identity, |_| Ok(())))?
}

fn init(choices: &Choices, officers: &[bonded_vault::Recipient]) -> Result<(), Ending> {
    let settings = choices.settings()?;
    let vault = Vault::init(&key_places(&settings), settings.environment, officers, Arc::new(SystemChance))?;
    drop(vault);
    println!("keys         {}", settings.keys_primary.display());
    println!("environment  {}  (bound into every key, for ever)", settings.environment);
    println!("officers     {}", officers.len());
    println!("\nnext: bonded serve, and in another terminal: bonded keys unseal --officer FILE");
    Ok(())
}

fn new_officer(new: &NewOfficer) -> Result<(), Ending> {
    let public = {
        let mut name = new.file.as_os_str().to_owned();
        name.push(".pub");
        PathBuf::from(name)
    };
    for path in [&new.file, &public] {
        if path.exists() {
            return Err(Ending::new(Code::CannotCreate, format!("{} is there already", path.display()))
                .next("choose another name; an officer's key is never overwritten"));
        }
    }
    let passphrase = if new.plain { None } else { Some(terminal::new_passphrase()?) };
    let officer = Officer::generate();
    write_secret(&new.file, officer.to_file(passphrase.as_ref()).expose())?;
    let keys: String = officer.recipients().iter().map(|key| format!("{key}\n")).collect();
    std::fs::write(&public, &keys).map_err(Ending::file("written", &public))?;
    println!("identity    {}  (keep it off the server)", new.file.display());
    println!("public key  {}", keys.trim_end());
    Ok(())
}

/// Shows how the vault stands.
fn tell(status: &Value, as_json: bool) -> Result<(), Ending> {
    if as_json {
        println!("{status}");
        return Ok(());
    }
    let text = |name: &str| status.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let list = |name: &str| status.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let sealed = status.get("sealed").and_then(Value::as_bool).unwrap_or(true);
    println!("vault        {}", if sealed { "sealed" } else { "unsealed" });
    println!("environment  {}", text("environment"));
    println!("root         version {}", status.get("version").unwrap_or(&Value::Null));
    for officer in list("officers") {
        println!("officer      {}", officer.as_str().unwrap_or("-"));
    }
    for place in list("places") {
        let path = place.get("place").and_then(Value::as_str).unwrap_or("-");
        let stand = match place.get("why_not").and_then(Value::as_str) {
            Some(why) => format!("behind: {why}"),
            None => "up to date".to_owned(),
        };
        println!("place        {path}  {stand}");
    }
    Ok(())
}
