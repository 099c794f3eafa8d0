//! The command line of imports.

use super::Unsealed;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Import {
    /// Products and their variants: Shopify's product format, or plain
    Products(ImportFile),
    /// Pieces counted of each variant at each location
    Stock(ImportFile),
    /// A retailer's orders, one row a line
    Orders(ImportFile),
    /// A supplier's parcels, one row a line
    Fulfilments(ImportFile),
    /// Lists the newest imports of an account
    List {
        /// The account, as acct_…
        #[arg(long)]
        account: String,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Goes on with an import that was interrupted or has failed
    Resume(OneImport),
    /// Takes back what an import did, as far as nobody has built on it
    Undo(OneImport),
}

#[derive(Args)]
pub struct ImportFile {
    /// The CSV file
    pub file: PathBuf,
    /// The account, as acct_…
    #[arg(long)]
    pub account: String,
    /// Only show what it would change
    #[arg(long)]
    pub preview: bool,
    /// The currency of amounts that name none, as EUR [default: the account's own]
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    #[command(flatten)]
    pub unsealed: Unsealed,
}

#[derive(Args)]
pub struct OneImport {
    /// The import, as imp_…
    pub import: String,
    /// The account, as acct_…
    #[arg(long)]
    pub account: String,
    #[command(flatten)]
    pub unsealed: Unsealed,
}
