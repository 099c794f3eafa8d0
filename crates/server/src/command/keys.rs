//! `bonded keys …`: the ceremonies of the security officers.

use super::on_runtime;
use crate::cli::{Choices, Json, Keys, NewOfficer};
use crate::deployment::key_places;
use crate::desk::{Wish, ask};
use crate::ending::{Code, Ending};
use crate::places::write_secret;
use crate::terminal::say;
use crate::{officers, terminal};
use bonded_base::SystemChance;
use bonded_vault::{Officer, Places, Vault};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub fn run(choices: &Choices, keys: Keys) -> Result<(), Ending> {
    match keys {
        Keys::Init(named) => init(choices, &officers::recipients(&named.officer)?),
        Keys::NewOfficer(new) => new_officer(&new),
        Keys::Status(Json { json }) => show(wish(choices, Wish::KeysStatus, None), json),
        Keys::Unseal(identity) => show(wish(choices, Wish::Unseal, identity.officer.as_deref()), false),
        Keys::Seal(Json { json }) => show(wish(choices, Wish::Seal, None), json),
        Keys::PrepareReplica { directory } => prepare(&directory),
        Keys::Move(to) => show(wish(choices, Wish::MoveKeys { to: to.to }, to.officer.as_deref()), false),
        Keys::AddOfficer(one) => {
            let key = officers::recipient(&one.key)?.to_string();
            show(wish(choices, Wish::AddOfficer { key }, one.officer.as_deref()), false)
        }
        Keys::RemoveOfficer(one) => {
            let key = officers::recipient(&one.key)?.to_string();
            show(wish(choices, Wish::RemoveOfficer { key }, one.officer.as_deref()), false)
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
    say!("keys         {}", settings.keys_primary.display());
    say!("environment  {}  (bound into every key, for ever)", settings.environment);
    say!("officers     {}", officers.len());
    say!("\nnext: bonded serve, and in another terminal: bonded keys unseal --officer FILE");
    Ok(())
}

fn prepare(directory: &Path) -> Result<(), Ending> {
    Places::prepare_replica(directory)?;
    say!("ready        {}", directory.display());
    say!("\nnext: name it in `keys.replicas`, start the server again and unseal: it is filled then");
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
    let keys: Vec<_> = officer.recipients().iter().map(ToString::to_string).collect();
    let keys = keys.join("\n");
    std::fs::write(&public, format!("{keys}\n")).map_err(Ending::file("written", &public))?;
    say!("identity    {}  (keep it off the server)", new.file.display());
    say!("public key  {keys}");
    Ok(())
}

fn show(status: Result<Value, Ending>, as_json: bool) -> Result<(), Ending> {
    tell(&status?, as_json);
    Ok(())
}

/// Says how the vault stands.
fn tell(status: &Value, as_json: bool) {
    if as_json {
        say!("{status}");
        return;
    }
    let text = |name: &str| status.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let list = |name: &str| status.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let sealed = status.get("sealed").and_then(Value::as_bool).unwrap_or(true);
    say!("vault        {}", if sealed { "sealed" } else { "unsealed" });
    say!("environment  {}", text("environment"));
    say!("root         version {}", status.get("version").unwrap_or(&Value::Null));
    let holder = status.get("holder").unwrap_or(&Value::Null);
    let of_holder = |name: &str| holder.get(name).and_then(Value::as_str);
    match (of_holder("kind"), of_holder("why_not")) {
        (Some("hsm"), Some(why)) => say!("held by      {}: AWAY: {why}", module(of_holder("token"))),
        (Some("hsm"), None) => say!("held by      {}, which answers", module(of_holder("token"))),
        _ => say!("held by      the officers"),
    }
    for officer in list("officers") {
        say!("officer      {}", officer.as_str().unwrap_or("-"));
    }
    for place in list("places") {
        let path = place.get("place").and_then(Value::as_str).unwrap_or("-");
        let stand = match place.get("why_not").and_then(Value::as_str) {
            Some(why) => format!("behind: {why}"),
            None => "up to date".to_owned(),
        };
        let version =
            place.get("version").and_then(Value::as_u64).map_or_else(|| "-".to_owned(), |one| one.to_string());
        let written = place.get("written_at").and_then(Value::as_str).unwrap_or("-");
        say!("place        {path}  version {version} of {written}  {stand}");
    }
}

fn module(token: Option<&str>) -> String {
    token.map_or_else(|| "a hardware module".to_owned(), |token| format!("the hardware token {token}"))
}
