//! Where backups go, who can open them, and how long they are kept.

use super::super::keys;
use super::{Check, MODE_OF_OTHERS};
use bonded_assure::backups::{Keep, Place, PlaceSettings, Recipient, open_place};
use bonded_merkle::VerifierKey;
use bonded_vault::Environment;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the name of a file ends that says how an object store is reached.
const STORE_FILE: &str = "toml";

/// Backups kept at most, of each sort.
const KEPT_MAX: usize = 10_000;

/// What means nothing without places.
const KEYS_OF_PLACES: [&str; 2] = [keys::BACKUP_RECIPIENTS, keys::BACKUP_SIGNER];

/// How this deployment is backed up.
pub struct BackupSettings {
    /// Where backups go.
    pub places: Vec<Arc<dyn Place>>,
    /// Who can open them.
    pub recipients: Vec<Recipient>,
    /// Whose signature counts, if it was said.
    pub signer: Option<VerifierKey>,
    /// How long they are kept.
    pub keep: Keep,
}

impl Check {
    /// Backups, if places are named.
    pub(super) fn backup(&mut self, environment: Environment) -> Option<BackupSettings> {
        let keep = Keep::default();
        let keep = Keep {
            newest: self.number(keys::BACKUP_KEEP_NEWEST, 1, KEPT_MAX).unwrap_or(keep.newest),
            daily: self.number(keys::BACKUP_KEEP_DAILY, 0, KEPT_MAX).unwrap_or(keep.daily),
            monthly: self.number(keys::BACKUP_KEEP_MONTHLY, 0, KEPT_MAX).unwrap_or(keep.monthly),
        };
        let paths = self.paths(keys::BACKUP_PLACES);
        if paths.is_empty() {
            for key in KEYS_OF_PLACES {
                if self.given.get(key).is_some_and(|(value, _)| !value.is_empty()) {
                    self.complain(key, "means nothing without `backup.places`");
                }
            }
            return None;
        }
        let places = self.places(&paths, environment);
        let recipients = self.recipients();
        Some(BackupSettings { places, recipients, signer: self.signer(), keep })
    }

    fn places(&mut self, paths: &[PathBuf], environment: Environment) -> Vec<Arc<dyn Place>> {
        let mut places: Vec<Arc<dyn Place>> = Vec::new();
        for path in paths {
            let is_store = path.extension().is_some_and(|ending| ending == STORE_FILE);
            let settings =
                if is_store { self.store(path) } else { Ok(PlaceSettings::Directory { path: path.clone() }) };
            let plain = environment == Environment::Development;
            let opened = settings.and_then(|settings| open_place(settings, plain).map_err(|why| why.to_string()));
            match opened {
                Ok(place) if places.iter().any(|known| known.name() == place.name()) => {
                    self.complain(keys::BACKUP_PLACES, format!("{} is named twice", place.name()));
                }
                Ok(place) => places.push(place),
                Err(why) => self.complain(keys::BACKUP_PLACES, format!("{}: {why}", path.display())),
            }
        }
        places
    }

    /// How a store is reached; what is wrong with its file is told without a word of it.
    #[expect(clippy::unused_self, reason = "it is one of the checks")]
    fn store(&self, path: &Path) -> Result<PlaceSettings, String> {
        let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if metadata.mode() & MODE_OF_OTHERS != 0 {
            return Err("can be read by others: chmod 600 it".to_owned());
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        toml::from_str(&text).map_err(|_| "is not of the form that docs/backups.md shows".to_owned())
    }

    fn recipients(&mut self) -> Vec<Recipient> {
        let said = self.list(keys::BACKUP_RECIPIENTS).unwrap_or_default();
        if said.is_empty() {
            self.complain(keys::BACKUP_PLACES, "needs `backup.recipients` beside it: backups are always encrypted");
        }
        let mut recipients = Vec::new();
        for key in said {
            match key.parse() {
                Ok(recipient) => recipients.push(recipient),
                Err(_) => self.complain(keys::BACKUP_RECIPIENTS, "takes public keys of age: age1…"),
            }
        }
        recipients
    }

    fn signer(&mut self) -> Option<VerifierKey> {
        let key = self.text(keys::BACKUP_SIGNER)?.parse();
        if key.is_err() {
            self.complain(keys::BACKUP_SIGNER, "takes a verifier key, as `bonded backup list` prints it");
        }
        key.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::checked;
    use bonded_assure::backups::Keep;
    use std::os::unix::fs::PermissionsExt;

    const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    const STORE: &str = "kind = \"s3\"\nbucket = \"b\"\nregion = \"eu-central-1\"\naccess_key_id = \"AKIA\"\n\
        secret_access_key = \"swordfish\"\n";

    #[test]
    fn directories_and_stores_are_places() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("s3.toml");
        std::fs::write(&store, STORE).unwrap();
        let file =
            format!("[backup]\nplaces = [\"/mnt/one\", \"{}\"]\nrecipients = [\"{RECIPIENT}\"]", store.display());
        std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(checked(&file, &[]).map(|_| ()).unwrap_err()[0].contains("chmod 600"));
        std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o600)).unwrap();
        let backup = checked(&file, &[]).map(|settings| settings.backup.unwrap());
        let Ok(backup) = backup else { panic!("refused") };
        let names: Vec<_> = backup.places.iter().map(|place| place.name().to_owned()).collect();
        assert_eq!(names, ["/mnt/one", "s3://b"]);
        assert_eq!((backup.keep, backup.recipients.len()), (Keep::default(), 1));

        let plain = format!("{STORE}endpoint = \"http://127.0.0.1:9000\"\n");
        std::fs::write(&store, plain).unwrap();
        assert!(checked(&file, &[]).map(|_| ()).unwrap_err()[0].contains("https://"));
        assert!(checked(&format!("environment = \"development\"\n{file}"), &[]).is_ok());
        std::fs::write(&store, "kind = \"s3\"\nsecret_access_key = \"swordfish\"").unwrap();
        let refused = checked(&file, &[]).map(|_| ()).unwrap_err();
        assert!(refused[0].contains("docs/backups.md") && !refused[0].contains("swordfish"), "{refused:?}");
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        for (section, said) in [
            (format!("recipients = [\"{RECIPIENT}\"]"), "means nothing without `backup.places`"),
            ("places = [\"/a\", \"/b\"]".to_owned(), "needs `backup.recipients`"),
            (format!("places = [\"/a\", \"/a\"]\nrecipients = [\"{RECIPIENT}\"]"), "named twice"),
            ("places = [\"/a\"]\nrecipients = [\"me\"]".to_owned(), "takes public keys of age"),
            (format!("places = [\"/a\"]\nrecipients = [\"{RECIPIENT}\"]\nsigner = \"me\""), "takes a verifier key"),
            ("keep_newest = 0".to_owned(), "from 1 to 10000"),
        ] {
            let complaints = checked(&format!("[backup]\n{section}"), &[]).map(|_| ()).expect_err(&section);
            assert_eq!(complaints.len(), 1, "{section}: {complaints:?}");
            assert!(complaints[0].contains(said), "{section}: {complaints:?}");
        }
    }
}
