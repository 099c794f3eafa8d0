//! The command line of deletions.

use super::Unsealed;
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Deletion {
    /// Forgets the consumers of archived orders for good, after the account's grace period
    Ask {
        /// An archived order, as ord_…; repeat for more
        #[arg(long, value_name = "ORDER", required_unless_present = "archived_days", conflicts_with = "archived_days")]
        order: Vec<String>,
        /// All orders that were archived more than so many days ago
        #[arg(long, value_name = "DAYS")]
        archived_days: Option<u16>,
        #[command(flatten)]
        of: OfAccount,
    },
    /// Lists the newest deletions of an account
    List {
        #[command(flatten)]
        of: OfAccount,
    },
    /// Shows how far a deletion is
    Show {
        #[command(flatten)]
        one: OneDeletion,
    },
    /// Prints the certificate of a deletion that is complete
    Certificate {
        #[command(flatten)]
        one: OneDeletion,
    },
    /// Takes a deletion back that is still due
    Cancel {
        #[command(flatten)]
        one: OneDeletion,
    },
    /// Shows what an account wants of its deletions, or changes it
    Policy {
        /// Days that a deletion waits and can be cancelled
        #[arg(long, value_name = "DAYS")]
        grace_days: Option<u16>,
        /// Delete by itself what was archived longer ago than so many days; 0 for no such rule
        #[arg(long, value_name = "DAYS")]
        archived_days: Option<u16>,
        #[command(flatten)]
        of: OfAccount,
    },
}

#[derive(Args)]
pub struct OfAccount {
    /// The account, as acct_…
    #[arg(long)]
    pub account: String,
    #[command(flatten)]
    pub unsealed: Unsealed,
}

#[derive(Args)]
pub struct OneDeletion {
    /// The deletion, as del_…
    pub deletion: String,
    #[command(flatten)]
    pub of: OfAccount,
}
