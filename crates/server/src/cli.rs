//! The command line: what can be asked, and how it reads in `--help`.

mod backup;
mod deletions;
mod files;
mod people;

pub use backup::Backup;
pub use deletions::{Deletion, OfAccount};
pub use files::{Import, ImportFile, OneImport};
pub use people::{Course, Review, SignOut, Staff, Training};

use crate::ending::Ending;
use crate::settings::{self, Given, Settings, keys};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// Moves orders, products and stock between trading partners, and proves what it did with them.
#[derive(Parser)]
#[command(name = "bonded", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Line {
    #[command(flatten)]
    pub choices: Choices,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes. Each also is a key of the configuration file and a variable of the environment.
#[derive(Args, Clone)]
pub struct Choices {
    /// The configuration file [default: ./bonded.toml, then /etc/bonded/bonded.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The directory of the server's own files
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<String>,
    /// production, staging or development
    #[arg(long, global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// sqlite or postgres
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help = "sqlite or postgres; its URL comes from a file or from BONDED_DATABASE_URL, never from a flag"
    )]
    pub engine: Option<String>,
    /// Address and port of the public listener
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub public: Option<String>,
    /// Address and port of the private listener
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub private: Option<String>,
    /// text or json
    #[arg(long, global = true, value_name = "FORM")]
    pub log_format: Option<String>,
    /// error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Set by `serve` from its own flag
    #[arg(skip)]
    pub unseal_with: Option<String>,
}

impl Choices {
    /// The configuration that holds for this command.
    pub fn settings(&self) -> Result<Settings, Ending> {
        self.settings_of(settings::find_file(self.config.as_deref()).as_deref())
    }

    /// The same, with this file or none.
    pub fn settings_of(&self, file: Option<&Path>) -> Result<Settings, Ending> {
        settings::read(file, Path::new(""), |given| self.apply(given))
    }

    /// The same, for a file that is yet to be written: defaults start from its directory.
    pub fn settings_for(&self, new_file: &Path) -> Result<Settings, Ending> {
        settings::read(None, new_file.parent().unwrap_or(Path::new("")), |given| self.apply(given))
    }

    fn apply(&self, given: &mut Given) {
        for (key, flag, value) in self.said() {
            given.flag(key, flag, value.clone());
        }
    }

    /// Each flag with its key.
    pub const fn said(&self) -> [(&'static str, &'static str, &Option<String>); 8] {
        [
            (keys::DATA, "data", &self.data),
            (keys::ENVIRONMENT, "environment", &self.environment),
            (keys::DATABASE_ENGINE, "engine", &self.engine),
            (keys::PUBLIC_LISTEN, "public", &self.public),
            (keys::PRIVATE_LISTEN, "private", &self.private),
            (keys::LOG_FORMAT, "log-format", &self.log_format),
            (keys::LOG_LEVEL, "log-level", &self.log_level),
            (keys::KEYS_UNSEAL_WITH, "unseal-with", &self.unseal_with),
        ]
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// Sets up a server: configuration file, data directory, local certificate authority, and keys if officers are named
    Init(Init),
    /// Runs the server until it is told to stop
    Serve(Serve),
    /// Shows on made-up or your own data how an order travels; keeps running to be tried out
    Demo(Demo),
    /// The tree of keys and its security officers
    #[command(subcommand)]
    Keys(Keys),
    /// Merchant accounts and their API keys
    #[command(subcommand)]
    Account(Account),
    /// Mail to people: what waits, what is held, what was sent
    #[command(subcommand)]
    Mail(Mail),
    /// The people who run the platform
    #[command(subcommand)]
    Staff(Staff),
    /// Ends all sessions of one person, or everybody's
    SignOut(SignOut),
    /// What staff must have learnt, and who has
    #[command(subcommand)]
    Training(Training),
    /// Reviews of the staff's access
    #[command(subcommand)]
    Review(Review),
    /// Prints what each role of the staff and of members may do
    Roles(Json),
    /// Checks an exported log against signed checkpoints, without a server
    Verify(Verify),
    /// Writes an account's log and records as JSON lines
    Export(Export),
    /// Copies of the data in other places: made, listed, verified, brought back, pruned
    #[command(subcommand)]
    Backup(Backup),
    /// Forwards an account's events to a port of this machine, signed as webhooks are
    Listen(Listen),
    /// Brings CSV files into an account, and undoes that
    #[command(subcommand)]
    Import(Import),
    /// Forgets consumers of archived orders for good, and certifies it
    #[command(subcommand)]
    Deletion(Deletion),
    /// Measures how fast this program is on this machine, beside what the storage engine could do at best
    Bench(Bench),
    /// Prints the description of the API, as of version 3.1 of the specification
    #[command(about = "Prints the description of the API (OpenAPI 3.1)")]
    Openapi,
    /// Looks whether everything is as it should be
    Doctor(Doctor),
}

#[derive(Args)]
pub struct Listen {
    #[arg(long, value_name = "URL", help = "Where to: an address of this machine, as http://localhost:3000/hook")]
    pub forward_to: String,
    /// The API's address
    #[arg(long, value_name = "URL", default_value = "https://localhost:8443")]
    pub api: String,
    /// An event, as order.placed, or order.* for all of a kind; repeat for more [default: all]
    #[arg(long, value_name = "NAME")]
    pub event: Vec<String>,
    /// Begin after this entry of the log [default: with what is new]
    #[arg(long, value_name = "SEQ")]
    pub after: Option<u64>,
    #[arg(long, value_name = "FILE", help = "A file with the API key, instead of the variable BONDED_API_KEY")]
    pub key_file: Option<PathBuf>,
    /// PEM file of the authority that signed the API's certificate, if it is none of the machine's own
    #[arg(long, value_name = "FILE")]
    pub root_certificate: Option<PathBuf>,
}

#[derive(Args)]
pub struct Init {
    /// An officer's public key (age1…), or a file with public keys; repeat for more
    #[arg(long, value_name = "FILE")]
    pub officer: Vec<String>,
    /// The mail address of a first security officer, who is invited onto the staff; repeat for the second
    #[arg(long, value_name = "MAIL", requires = "officer")]
    pub security_officer: Vec<String>,
    /// The mail address of the reviewer of staff accounts: the CEO
    #[arg(long, value_name = "MAIL", requires = "officer")]
    pub reviewer: Option<String>,
}

#[derive(Args)]
pub struct Serve {
    /// Unseal at once with this officer's identity file; refused in production
    #[arg(long, value_name = "FILE")]
    pub unseal_with: Option<String>,
}

#[derive(Args)]
pub struct Demo {
    /// End after the story instead of staying up
    #[arg(long)]
    pub once: bool,
    /// Print the outcome as one JSON object
    #[arg(long)]
    pub json: bool,
    /// A supplier's product file in Shopify's CSV format; repeat for more suppliers
    #[arg(long, value_name = "FILE")]
    pub catalog: Vec<PathBuf>,
    /// A file of invoice lines, each invoice of which becomes an order
    #[arg(long, value_name = "FILE")]
    pub orders: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Keys {
    /// Makes the tree of keys, sealed to officers
    Init(Officers),
    /// Says whether the vault is sealed, who the officers are, and how each place stands
    Status(Json),
    /// Unseals the vault: by an officer's identity, or by the hardware module that holds its root
    Unseal(Identity),
    /// Forgets the keys until an officer unseals again
    Seal(Json),
    /// Seals the root to one more officer
    AddOfficer(OneOfficer),
    /// Seals the root to the other officers only
    RemoveOfficer(OneOfficer),
    /// Makes a directory ready to be a replica, which is then named in `keys.replicas`
    PrepareReplica {
        /// The directory: on another disk, outside the backups of the data
        directory: PathBuf,
    },
    /// Moves the root into the hardware module that the configuration names, or back to the officers
    Move(Move),
    /// Makes an officer's identity file and, beside it, FILE.pub with the public key
    NewOfficer(NewOfficer),
}

#[derive(Args)]
pub struct Officers {
    /// An officer's public key (age1…), or a file with public keys; repeat for more
    #[arg(long, value_name = "FILE", required = true)]
    pub officer: Vec<String>,
}

#[derive(Args)]
pub struct Identity {
    /// The officer's identity file; its passphrase is asked for at the terminal
    #[arg(long, value_name = "FILE")]
    pub officer: Option<PathBuf>,
}

#[derive(Args)]
pub struct Move {
    /// hsm (the hardware module that the configuration names) or officers
    #[arg(long, value_name = "HOLDER")]
    pub to: String,
    /// Unseal with this identity file first, where no server runs
    #[arg(long, value_name = "FILE")]
    pub officer: Option<PathBuf>,
}

#[derive(Args)]
pub struct OneOfficer {
    /// An officer's public key (age1…), or a file with one
    #[arg(value_name = "KEY")]
    pub key: String,
    /// Unseal with this identity file first, where no server runs
    #[arg(long, value_name = "FILE")]
    pub officer: Option<PathBuf>,
}

#[derive(Args)]
pub struct NewOfficer {
    /// The identity file to write
    pub file: PathBuf,
    /// Without a passphrase, for development and for files that are protected otherwise
    #[arg(long)]
    pub plain: bool,
}

#[derive(Args)]
pub struct Json {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

/// How a command gets at the keys where no server runs.
#[derive(Args)]
pub struct Unsealed {
    /// Unseal with this identity file, where no server runs
    #[arg(long, value_name = "FILE")]
    pub officer: Option<PathBuf>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Account {
    /// Opens a merchant account
    Create {
        /// The merchant's name
        #[arg(long)]
        name: String,
        /// retailer or supplier
        #[arg(long)]
        role: String,
        /// ISO 4217 code, as EUR
        #[arg(long)]
        currency: String,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Invites somebody into an account: its first owner, for instance
    Invite {
        /// The account, as acct_…
        account: String,
        /// Who is invited, as ada@example.com
        mail: String,
        /// owner, manager, operator or viewer
        #[arg(long, default_value = "owner")]
        role: String,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Lists the merchant accounts
    List {
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Issues an API key and shows its secret, once
    Key {
        /// The account, as acct_…
        account: String,
        /// What the key is for, as its holder will know it
        #[arg(long, default_value = "api")]
        name: String,
        /// One of the permissions, as orders:read; repeat for more [default: all]
        #[arg(long, value_name = "NAME")]
        permission: Vec<String>,
        /// A key for tests, also in production
        #[arg(long)]
        test: bool,
        #[command(flatten)]
        unsealed: Unsealed,
    },
}

#[derive(Subcommand)]
pub enum Mail {
    /// Lists the newest mails, by default those that wait and those that are held
    List {
        /// waiting, held or sent
        #[arg(long, value_name = "NAME")]
        state: Option<String>,
        /// With the address that each goes to
        #[arg(long)]
        addresses: bool,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Has a mail that waits or is held tried again at once
    Retry {
        /// The mail, as mail_…
        mail: String,
        #[command(flatten)]
        unsealed: Unsealed,
    },
}

#[derive(Args)]
pub struct Verify {
    /// An export of `bonded export` or of the API, or a proof of the API; - for standard input
    pub log: PathBuf,
    /// A file with a signed checkpoint; repeat for more. Those in the export count too, but prove little by themselves
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// The log's verifier key, or a file with it, got from elsewhere than the export [default: the export's own]
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Export {
    /// The account, as acct_…; or platform, for the log of staff, users and keys
    pub account: String,
    /// Where to; standard output if not said
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// With the six fields of each order's consumer
    #[arg(long)]
    pub with_consumers: bool,
    /// Unseal with this identity file, where no server runs
    #[arg(long, value_name = "FILE")]
    pub officer: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "With --engine postgres, a private server is started from this machine's packages, unless \
    BONDED_DATABASE_URL or BONDED_DATABASE_URL_FILE names one of this machine.")]
pub struct Bench {
    /// What is measured [default: everything but connections]
    #[arg(value_enum)]
    pub what: Option<BenchWhat>,
    /// State changes of the growth run; the other parts shrink with it [default: 1000000]
    #[arg(long, value_name = "NUMBER")]
    pub records: Option<u64>,
    /// Ten million state changes
    #[arg(long, conflicts_with = "records")]
    pub long: bool,
    /// Rows of each file that `connections` brings in and takes out [default: as many as state changes, at most 1000000]
    #[arg(long, value_name = "NUMBER")]
    pub rows: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// End with 1 when a target is missed
    #[arg(long)]
    pub check: bool,
    /// Where temporary files go; best a disk like that of the data [default: the system's temporary directory]
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

/// A part of the bench that is measured by itself.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchWhat {
    /// Webhooks in and out, stock on its way to connected shops, and files in and out
    Connections,
}

#[derive(Args)]
pub struct Doctor {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn no_flag_takes_a_secret() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                assert!(!["password", "secret", "passphrase", "url"].iter().any(|word| name.contains(word)), "{name}");
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Line::command());
    }
}
