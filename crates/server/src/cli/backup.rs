//! What can be asked about backups.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Backup {
    /// Makes a backup, whether the server runs or not
    Run(Json),
    /// Lists what is where, and what somebody must look at
    List(Json),
    /// Reads every byte of a backup again, in every place
    Verify(Verify),
    /// Brings a backup back, into an empty place only
    Restore(Restore),
    /// Removes what the policy no longer keeps
    Prune(Json),
}

#[derive(Args)]
pub struct Json {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Verify {
    /// Which, as bkp_… [default: the newest]
    pub backup: Option<String>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Restore {
    /// Which, as bkp_… [default: the newest whole one]
    #[arg(conflicts_with = "to")]
    pub backup: Option<String>,
    /// The newest that shows no later moment than this, as 2026-11-22T09:30:00Z
    #[arg(long, value_name = "MOMENT")]
    pub to: Option<String>,
    /// The identity file of one of the recipients; its passphrase is asked for at the terminal
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}
