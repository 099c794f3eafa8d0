//! Security officers' keys as the command line gets them: public ones by word or file, identities from files.

use crate::ending::{Code, Ending};
use crate::terminal;
use bonded_base::Secret;
use bonded_vault::{BadOfficer, Officer, Recipient, VaultError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes of an identity file at most.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// How the public key is noted in an identity file.
const PUBLIC_KEY_NOTE: &str = "public key:";

/// The public keys that were named: each word is a key itself, or a file with keys.
pub fn recipients(words: &[String]) -> Result<Vec<Recipient>, Ending> {
    let mut found = Vec::new();
    for word in words {
        if word.starts_with("age1") {
            found.push(word.parse().map_err(VaultError::Officer)?);
        } else {
            found.extend(in_file(Path::new(word))?);
        }
    }
    Ok(found)
}

/// The one public key that was named.
pub fn recipient(word: &str) -> Result<Recipient, Ending> {
    let mut found = recipients(&[word.to_owned()])?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(Ending::new(Code::Usage, format!("{word} holds several public keys")).next("name one of them: age1…")),
    }
}

fn in_file(path: &Path) -> Result<Vec<Recipient>, Ending> {
    let bytes = read(path)?;
    let text = String::from_utf8_lossy(bytes.expose());
    let found = public_keys(&text);
    if found.is_empty() {
        return Err(Ending::new(Code::NoInput, format!("{} holds no public key of an officer", path.display()))
            .next("name the file that ends with .pub, or the key itself: age1…"));
    }
    Ok(found)
}

/// Lines that are a public key, or note one as identity files do.
fn public_keys(text: &str) -> Vec<Recipient> {
    let word = |line: &str| {
        let line = line.trim().trim_start_matches('#').trim();
        line.strip_prefix(PUBLIC_KEY_NOTE).unwrap_or(line).trim().parse().ok()
    };
    text.lines().filter_map(word).collect()
}

/// An officer's identity, free of its passphrase; asks for that at the terminal if there is one.
pub fn identity(path: &Path) -> Result<Secret<Vec<u8>>, Ending> {
    let file = read(path)?;
    let officer = match Officer::read(file.expose(), None) {
        Err(BadOfficer::PassphraseNeeded) => {
            let passphrase = terminal::passphrase(&format!("Passphrase of {}", path.display()))?;
            Officer::read(file.expose(), Some(&passphrase))
        }
        other => other,
    };
    Ok(officer.map_err(VaultError::Officer)?.to_file(None))
}

fn read(path: &Path) -> Result<Secret<Vec<u8>>, Ending> {
    let metadata = std::fs::metadata(path).map_err(Ending::file("read", path))?;
    if metadata.size() > FILE_BYTES_MAX {
        return Err(Ending::new(Code::Data, format!("{} is too long to be an officer's key", path.display())));
    }
    std::fs::read(path).map(Secret::new).map_err(Ending::file("read", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_keys_are_found_in_every_form() {
        let officer = Officer::generate();
        let [key] = &officer.recipients()[..] else { panic!() };
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("identity"), officer.to_file(None).expose()).unwrap();
        std::fs::write(path("public"), format!("# of the office\n{key}\n")).unwrap();
        for word in [key.to_string(), path("identity"), path("public")] {
            assert_eq!(recipients(&[word]).unwrap(), std::slice::from_ref(key));
        }
        std::fs::write(path("none"), "nothing here").unwrap();
        assert_eq!(recipients(&[path("none")]).unwrap_err().code, Code::NoInput);
        assert_eq!(recipients(&["age1nonsense".to_owned()]).unwrap_err().code, Code::Sealed);
    }

    #[test]
    fn a_plain_identity_is_read_and_a_wrong_one_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("identity");
        let officer = Officer::generate();
        std::fs::write(&path, officer.to_file(None).expose()).unwrap();
        let read = Officer::read(identity(&path).unwrap().expose(), None).unwrap();
        assert_eq!(read.recipients(), officer.recipients());
        std::fs::write(&path, "AGE-SECRET-KEY-1NONSENSE").unwrap();
        assert_eq!(identity(&path).map(|_| ()).unwrap_err().code, Code::Sealed);
    }
}
