//! What can be asked about people, the platform's own staff above all, and how it reads in `--help`.

use super::Unsealed;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Staff {
    /// Invites somebody onto the platform's staff
    Invite {
        /// Who is invited, as ada@example.com
        mail: String,
        /// The role; repeat for more
        #[arg(
            long,
            required = true,
            help = "support, engineer, on_call, security_officer or reviewer; repeat for more"
        )]
        role: Vec<String>,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Lists the open invitations onto the staff
    Invitations {
        /// With the mail addresses of whom they are for
        #[arg(long)]
        addresses: bool,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Takes an invitation onto the staff back; its link opens nothing any more
    Withdraw {
        /// The invitation, as inv_…
        invitation: String,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Lists everybody on the staff, with roles, factors and training
    List {
        /// With their mail addresses
        #[arg(long)]
        addresses: bool,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Gives somebody these roles, instead of those they have
    Roles {
        /// Who, as staff_…
        staff: String,
        /// The roles
        #[arg(
            value_name = "ROLE",
            required_unless_present = "none",
            help = "support, engineer, on_call, security_officer or reviewer"
        )]
        roles: Vec<String>,
        /// No role at all
        #[arg(long, conflicts_with = "roles")]
        none: bool,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Ends a staff account, and its sessions with it
    End {
        /// Who, as staff_…
        staff: String,
        #[command(flatten)]
        unsealed: Unsealed,
    },
}

#[derive(Args)]
pub struct SignOut {
    /// Whose, as ada@example.com: as a user and as one of the staff
    #[arg(required_unless_present = "everybody")]
    pub mail: Option<String>,
    /// Everybody's, users' and staff's
    #[arg(long, conflicts_with = "mail")]
    pub everybody: bool,
    #[command(flatten)]
    pub unsealed: Unsealed,
}

#[derive(Subcommand)]
pub enum Training {
    /// Lists the courses, and how everybody stands with those that their roles demand
    List {
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Adds a course, or changes the one of this name
    Course(Course),
    /// Records that somebody has completed a course
    Record {
        /// Who, as staff_…
        staff: String,
        /// The course's name, or its id as crs_…
        course: String,
        /// The day, as 2026-11-22 [default: today]
        #[arg(long, value_name = "DATE")]
        on: Option<String>,
        /// The version that was completed [default: the present one]
        #[arg(long, value_name = "NUMBER")]
        of_version: Option<u32>,
        /// A certificate: PDF, PNG or JPEG, at most 256 KiB
        #[arg(long, value_name = "FILE")]
        certificate: Option<PathBuf>,
        #[command(flatten)]
        unsealed: Unsealed,
    },
}

#[derive(Args)]
pub struct Course {
    /// What it is called
    pub name: String,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    pub about: Option<String>,
    /// A role that must have completed it; repeat for more [default: as before, or none]
    #[arg(long = "for", value_name = "ROLE")]
    pub required_for: Vec<String>,
    /// For how many days a completion counts [default: as before, or 365]
    #[arg(long, value_name = "NUMBER")]
    pub valid_days: Option<u16>,
    /// There is a new version: everybody has 30 days to complete it
    #[arg(long)]
    pub new_version: bool,
    /// Nobody needs it any more
    #[arg(long, conflicts_with_all = ["about", "required_for", "valid_days", "new_version"])]
    pub retire: bool,
    #[command(flatten)]
    pub unsealed: Unsealed,
}

#[derive(Subcommand)]
pub enum Review {
    /// Opens a review of every staff account now
    Open {
        /// Days until the next one opens by itself, 15 to 366 [default: as before, or 90]
        #[arg(long, value_name = "DAYS")]
        every: Option<u16>,
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Lists the newest reviews
    List {
        #[command(flatten)]
        unsealed: Unsealed,
    },
    /// Shows one review, and whether the signature under its result is good
    Show {
        /// The review, as rev_… [default: the newest]
        review: Option<String>,
        #[command(flatten)]
        unsealed: Unsealed,
    },
}
