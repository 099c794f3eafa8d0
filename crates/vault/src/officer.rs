//! Security officers: any one of them can unseal the vault, with an `age` key that never comes near the server's disk.
//!
//! Source: age v1 (<https://c2sp.org/age>), X25519 recipients and identities, and key files protected by a passphrase
//! (scrypt). The `age` library draws its own randomness from the operating system.

use crate::key::sure;
use crate::{BadOfficer, VaultError};
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::{ExposeSecret, SecretString};
use age::x25519;
use age::{Decryptor, Encryptor, scrypt};
use bonded_base::Secret;
use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;
use zeroize::Zeroizing;

/// How many officers a root is sealed to, at most.
pub const OFFICERS_MAX: usize = 16;

/// The work to protect a key file with a passphrase: scrypt with N = 2^18, about a second.
const PASSPHRASE_WORK: u8 = 18;
/// The most work a protected key file may ask of us: scrypt with N = 2^20, a gibibyte of memory.
const PASSPHRASE_WORK_MAX: u8 = 20;
/// Longest key file that is read.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// An officer's public key, `age1…`: the root is sealed to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Recipient(x25519::Recipient);

impl FromStr for Recipient {
    type Err = BadOfficer;

    fn from_str(text: &str) -> Result<Self, BadOfficer> {
        text.trim().parse().map(Self).map_err(|_| BadOfficer::Recipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An officer's secret key: unseals the vault. Never printed.
///
/// ```compile_fail
/// println!("{:?}", bonded_vault::Officer::generate());
/// ```
pub struct Officer(Vec<x25519::Identity>);

impl Officer {
    /// A new officer.
    pub fn generate() -> Self {
        Self(vec![x25519::Identity::generate()])
    }

    /// Reads a key file as `age-keygen` writes it: plain, or encrypted with a passphrase (binary or armored).
    ///
    /// # Errors
    /// [`BadOfficer::PassphraseNeeded`] if the file is encrypted and none is given: ask, and read again.
    pub fn read(file: &[u8], passphrase: Option<&Secret<String>>) -> Result<Self, BadOfficer> {
        let encrypted = file.starts_with(b"age-encryption.org/") || file.starts_with(b"-----BEGIN AGE ENCRYPTED FILE");
        match (encrypted, passphrase) {
            (false, _) => Self::parse(file),
            (true, None) => Err(BadOfficer::PassphraseNeeded),
            (true, Some(passphrase)) => Self::parse(&decrypt(file, passphrase).ok_or(BadOfficer::Passphrase)?),
        }
    }

    fn parse(file: &[u8]) -> Result<Self, BadOfficer> {
        let text = std::str::from_utf8(file).map_err(|_| BadOfficer::Identity)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let identities: Vec<_> = lines.map(str::parse).collect::<Result<_, _>>().map_err(|_| BadOfficer::Identity)?;
        if identities.is_empty() { Err(BadOfficer::Identity) } else { Ok(Self(identities)) }
    }

    /// Their public keys; one, unless the key file holds several.
    pub fn recipients(&self) -> Vec<Recipient> {
        self.0.iter().map(|identity| Recipient(identity.to_public())).collect()
    }

    /// A key file to be kept by the officer: encrypted and armored if a passphrase is given, else plain.
    pub fn to_file(&self, passphrase: Option<&Secret<String>>) -> Secret<Vec<u8>> {
        let mut plain = Zeroizing::new(Vec::with_capacity(self.0.len() * 256));
        for identity in &self.0 {
            let secret = identity.to_string();
            sure(writeln!(plain, "# public key: {}\n{}", identity.to_public(), secret.expose_secret()));
        }
        match passphrase {
            None => Secret::new(plain.to_vec()),
            Some(passphrase) => Secret::new(encrypt(&plain, passphrase, PASSPHRASE_WORK)),
        }
    }

    /// What was sealed to this officer, if it was.
    pub(crate) fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let identities = self.0.iter().map(|identity| identity as &dyn age::Identity);
        let decryptor = Decryptor::new_buffered(sealed).map_err(|_| VaultError::WrongOfficer)?;
        let mut stream = decryptor.decrypt(identities).map_err(|_| VaultError::WrongOfficer)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        stream.read_to_end(&mut plain).map_err(|_| VaultError::WrongOfficer)?;
        Ok(plain)
    }
}

/// Seals a few bytes to officers, any one of whom can open them.
pub(crate) fn seal_to(officers: &[Recipient], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let recipients = officers.iter().map(|officer| &officer.0 as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(|_| VaultError::OfficerCount)?;
    let mut sealed = Vec::new();
    let mut stream = sure(encryptor.wrap_output(&mut sealed));
    sure(stream.write_all(plain).and_then(|()| stream.finish()));
    Ok(sealed)
}

fn encrypt(plain: &[u8], passphrase: &Secret<String>, work: u8) -> Vec<u8> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.expose().clone()));
    recipient.set_work_factor(work);
    let encryptor = sure(Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)));
    let mut file = Vec::new();
    let armor = sure(ArmoredWriter::wrap_output(&mut file, Format::AsciiArmor));
    let mut stream = sure(encryptor.wrap_output(armor));
    sure(stream.write_all(plain).and_then(|()| stream.finish()).and_then(ArmoredWriter::finish));
    file
}

fn decrypt(file: &[u8], passphrase: &Secret<String>) -> Option<Zeroizing<Vec<u8>>> {
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase.expose().clone()));
    identity.set_max_work_factor(PASSPHRASE_WORK_MAX);
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(file)).ok()?;
    let stream = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).ok()?;
    let mut plain = Zeroizing::new(Vec::with_capacity(file.len()));
    stream.take(KEY_FILE_BYTES_MAX).read_to_end(&mut plain).ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little work: tests do not try how hard a passphrase is to guess.
    const TEST_WORK: u8 = 2;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_plain_key_file_is_read_back() {
        let officer = Officer::generate();
        let again = Officer::read(officer.to_file(None).expose(), None).unwrap();
        assert_eq!(again.recipients(), officer.recipients());
        let sealed = seal_to(&officer.recipients(), b"root").unwrap();
        assert_eq!(*again.open(&sealed).unwrap(), b"root");
    }

    /// A pair that `age-keygen` made.
    #[test]
    fn a_known_pair_belongs_together() {
        let file = b"# created: 2026-11-22T09:30:00Z\n\
            AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33\n";
        let officer = Officer::read(file, None).unwrap();
        let public = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
        assert_eq!(officer.recipients(), [public.parse().unwrap()]);
    }

    #[test]
    fn a_protected_key_file_wants_its_passphrase() {
        let officer = Officer::generate();
        let plain = officer.to_file(None);
        let armored = encrypt(plain.expose(), &secret("correct horse"), TEST_WORK);
        let mut binary = Vec::new();
        ArmoredReader::new(&armored[..]).read_to_end(&mut binary).unwrap();
        for file in [armored, binary] {
            assert!(matches!(Officer::read(&file, None), Err(BadOfficer::PassphraseNeeded)));
            assert!(matches!(Officer::read(&file, Some(&secret("wrong"))), Err(BadOfficer::Passphrase)));
            let again = Officer::read(&file, Some(&secret("correct horse"))).unwrap();
            assert_eq!(again.recipients(), officer.recipients());
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_quoting_it() {
        for text in ["", "# nothing", "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa", "\u{fffd}"] {
            assert!(matches!(Officer::read(text.as_bytes(), None), Err(BadOfficer::Identity)), "{text}");
        }
        assert!(matches!(Officer::read(&[0xff], None), Err(BadOfficer::Identity)));
        for text in ["", "age1", "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33"] {
            assert_eq!(text.parse::<Recipient>(), Err(BadOfficer::Recipient), "{text}");
        }
    }

    #[test]
    fn any_officer_opens_and_others_do_not() {
        let officers = [Officer::generate(), Officer::generate(), Officer::generate()];
        let sealed = seal_to(&[officers[0].recipients(), officers[1].recipients()].concat(), b"root").unwrap();
        assert_eq!(*officers[0].open(&sealed).unwrap(), b"root");
        assert_eq!(*officers[1].open(&sealed).unwrap(), b"root");
        assert!(matches!(officers[2].open(&sealed), Err(VaultError::WrongOfficer)));
        assert!(matches!(seal_to(&[], b"root"), Err(VaultError::OfficerCount)));
    }
}
