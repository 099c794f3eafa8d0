//! The configuration: read from a file, the environment and flags, checked once, and valid from then on.

mod check;
mod given;
pub mod keys;
mod nearest;
mod sample;

pub use check::{BackupSettings, StripeSettings};
pub use given::Given;
pub use sample::sample;

use crate::ending::{Code, Ending};
use axum::http::HeaderName;
use bonded_base::Secret;
use bonded_connect::mail::MailServer;
use bonded_connect::outbound::OutboundSetup;
use bonded_connect::shopify::install::App;
use bonded_people::assertion::Rules;
use bonded_people::mail::Origins;
use bonded_vault::{Environment, HsmSetup};
use reqwest::Url;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file in the working directory, looked for first.
const FILE_HERE: &str = "bonded.toml";

/// The file of a machine-wide installation.
const FILE_OF_MACHINE: &str = "/etc/bonded/bonded.toml";

/// The variable that names the file.
const FILE_VARIABLE: &str = "BONDED_CONFIG";

/// One of the two doors.
#[derive(Clone, Debug)]
pub struct Door {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Certificate chain and private key; `None` means one of the local authority.
    pub files: Option<CertificateFiles>,
    /// Connections at once.
    pub connections_max: usize,
}

/// Two PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, then those that lead to a trusted one.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What the private listener asks of whoever stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nothing; it is on loopback.
    Off,
    /// That its proxy vouches for them.
    Required(IdentityRules),
}

/// How an identity-aware proxy vouches for a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRules {
    /// The header with its assertion.
    pub header: HeaderName,
    /// Issuer and audience of the assertion.
    pub rules: Rules,
    /// Where the issuer publishes its keys.
    pub keys: IssuerSource,
}

/// Where an issuer publishes its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerSource {
    /// A file of this machine.
    File(PathBuf),
    /// An address under https.
    Url(Url),
}

/// Which engine keeps the data.
pub enum EngineChoice {
    /// The embedded one, in the data directory.
    Sqlite,
    /// A PostgreSQL server.
    Postgres {
        /// Where, as whom, and with which password.
        url: Secret<String>,
        /// The authority that signed its certificate, if it is none of the machine's own.
        root_certificate: Option<PathBuf>,
    },
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// A configuration without mistakes.
pub struct Settings {
    /// Bound into the keys.
    pub environment: Environment,
    /// The server's own files.
    pub data: PathBuf,
    /// `https://host` or `https://host:port`, without a slash at the end, if it was said.
    origin: Option<String>,
    /// The same for the private listener.
    private_origin: Option<String>,
    /// The name under which logs are signed.
    pub name: String,
    /// Worker threads.
    pub threads: usize,
    /// How long a stop waits.
    pub drain: Duration,
    /// The world's door.
    pub public: Door,
    /// The operator's door.
    pub private: Door,
    /// How much one API key may ask for.
    pub limits: bonded_web::Limits,
    /// What the operator's door asks of whoever stands before it.
    pub identity: Identity,
    /// Host names for the local authority's certificate.
    pub names: Vec<String>,
    /// Where mail goes; without one it waits.
    pub mail: Option<MailServer>,
    /// How other systems are called.
    pub outbound: OutboundSetup,
    /// How payments are made; without it they are not.
    pub stripe: Option<StripeSettings>,
    /// Where backups go; without it none are made.
    pub backup: Option<BackupSettings>,
    /// Where all of Shopify's shops are instead of at their own names.
    pub shopify: Option<Url>,
    /// This deployment's own app at Shopify.
    pub shopify_app: Option<App>,
    /// Where the data lies.
    pub engine: EngineChoice,
    /// Where the tree of keys lies.
    pub keys_primary: PathBuf,
    /// Where its copies lie.
    pub keys_replicas: Vec<PathBuf>,
    /// Unseals at each start, outside production.
    pub unseal_with: Option<PathBuf>,
    /// The hardware module that holds the root, or that it may be moved to.
    pub hsm: Option<HsmSetup>,
    /// How the log is written.
    pub log_format: LogFormat,
    /// The lowest level that is written.
    pub log_level: tracing::Level,
    /// What deserves a word in the log and in `doctor`, but no refusal.
    pub warnings: Vec<String>,
}

impl Settings {
    /// How the world reaches a public listener on this port: `https://host` or `https://host:port`.
    pub fn origin(&self, port: u16) -> String {
        let name = self.names.first().map_or("localhost", String::as_str);
        match (&self.origin, port) {
            (Some(origin), _) => origin.clone(),
            (None, 443) => format!("https://{name}"),
            (None, port) => format!("https://{name}:{port}"),
        }
    }

    /// How people reach both listeners, where no server runs that knows better.
    pub fn origins(&self) -> Origins {
        let public = self.origin(self.public.listen.port());
        Origins { public, private: self.private_origin(self.private.listen) }
    }

    /// How staff reach a private listener at this address.
    pub fn private_origin(&self, address: SocketAddr) -> String {
        // Passkeys are bound to a name; an address has none, but for the machine's own.
        let own = || {
            if address.ip().is_loopback() {
                format!("https://localhost:{}", address.port())
            } else {
                format!("https://{address}")
            }
        };
        self.private_origin.clone().unwrap_or_else(own)
    }
}

/// Which file to read: the flag's, the variable's, the one here, the machine's; a named one must exist.
pub fn find_file(flag: Option<&Path>) -> Option<PathBuf> {
    let named = flag.map(Path::to_owned).or_else(|| std::env::var_os(FILE_VARIABLE).map(PathBuf::from));
    named.or_else(|| [FILE_HERE, FILE_OF_MACHINE].map(PathBuf::from).into_iter().find(|path| path.is_file()))
}

/// Reads and checks everything; `flags` puts in what the command line says. Without a file, defaults start from `home`.
pub fn read(file: Option<&Path>, home: &Path, flags: impl FnOnce(&mut Given)) -> Result<Settings, Ending> {
    let mut given = Given::at(home);
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Ending::new(Code::Config, format!("the configuration {} cannot be read: {error}", path.display()))
                .next("`bonded init` writes one")
        })?;
        given.read_file(path, &text);
    }
    given.read_variables(std::env::vars_os().filter_map(|(name, value)| {
        // Names that are not UTF-8 cannot be ours, and such a value cannot be right.
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    }));
    flags(&mut given);
    check::settings(given).map_err(|complaints| refused(&complaints))
}

/// One ending for all mistakes, so that they can be mended in one go.
fn refused(complaints: &[String]) -> Ending {
    let sentence = match complaints {
        [only] => format!("the configuration is wrong: {only}"),
        many => format!("the configuration has {} mistakes:\n  - {}", many.len(), many.join("\n  - ")),
    };
    Ending::new(Code::Config, sentence).next("docs/configuration.md explains every key")
}
