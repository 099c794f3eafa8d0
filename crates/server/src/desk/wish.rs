//! What an operator may wish for, as it crosses the socket.

use crate::ending::Ending;
use bonded_base::{Account, Id};
use bonded_connect::files::{Format, ImportRecord};
use bonded_people::invitations::InvitationRecord;
use bonded_people::mail::Mail;
use bonded_people::reviews::ReviewRecord;
use bonded_people::staff::StaffRecord;
use bonded_trade::deletions::Deletion;
use bonded_trade::orders::Order;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of a wish at most, and of the identity that may follow it. The longest carries a certificate of 256 KiB.
pub const WISH_BYTES_MAX: usize = 512 * 1024;

/// One wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case")]
pub enum Wish {
    /// How the vault stands.
    KeysStatus,
    /// Unseal with the identity that comes with the wish.
    Unseal,
    /// How old the keys are with which callers of the private listener are vouched for.
    IdentityStatus,
    /// Forget the keys.
    Seal,
    /// One more officer.
    AddOfficer {
        /// `age1…`
        key: String,
    },
    /// One officer less.
    RemoveOfficer {
        /// `age1…`
        key: String,
    },
    /// The root to another holder.
    MoveKeys {
        /// `hsm` or `officers`.
        to: String,
    },
    /// A new merchant account.
    AccountCreate {
        /// Its name.
        name: String,
        /// `retailer` or `supplier`.
        role: String,
        /// ISO 4217.
        currency: String,
    },
    /// Every merchant account.
    AccountList,
    /// A new API key.
    AccountKey {
        /// Whose.
        account: Id<Account>,
        /// What for.
        name: String,
        /// Names of permissions; none means all.
        permissions: Vec<String>,
        /// `bk_test_…` instead of `bk_live_…`.
        test: bool,
    },
    /// Somebody is invited into a merchant account.
    AccountInvite {
        /// Which.
        account: Id<Account>,
        /// The mail address of whoever is invited.
        mail: String,
        /// `owner`, `manager` …
        role: String,
    },
    /// Somebody is invited onto the staff.
    StaffInvite {
        /// The mail address of whoever is invited.
        mail: String,
        /// `security_officer`, `support` …
        roles: Vec<String>,
    },
    /// The newest mails.
    MailList {
        /// `waiting`, `sent` or `held`; none means what was not sent.
        state: Option<String>,
        /// Whether addresses are shown.
        addresses: bool,
    },
    /// Another attempt for a mail.
    MailRetry {
        /// Which.
        mail: Id<Mail>,
    },
    /// Everybody on the staff.
    StaffList {
        /// Whether addresses are shown.
        addresses: bool,
    },
    /// The open invitations onto the staff.
    StaffInvitations {
        /// Whether addresses are shown.
        addresses: bool,
    },
    /// An invitation onto the staff is taken back.
    StaffWithdraw {
        /// Which.
        invitation: Id<InvitationRecord>,
    },
    /// Other roles for one of the staff.
    StaffRoles {
        /// Who.
        staff: Id<StaffRecord>,
        /// Which.
        roles: Vec<String>,
    },
    /// The end of a staff account.
    StaffEnd {
        /// Whose.
        staff: Id<StaffRecord>,
    },
    /// The end of all sessions of one person.
    SignOut {
        /// The person's mail address.
        mail: String,
    },
    /// The end of everybody's sessions.
    SignOutEverybody,
    /// Every course, and how everybody stands.
    TrainingList,
    /// A new course, or another shape of one.
    TrainingCourse(CourseWish),
    /// A completion.
    TrainingRecord {
        /// Whose.
        staff: Id<StaffRecord>,
        /// The course's name or id.
        course: String,
        /// `2026-11-22`; today if none.
        on: Option<String>,
        /// The present one if none.
        of_version: Option<u32>,
        /// The file that proves it.
        certificate: Option<CertificateGiven>,
    },
    /// A review of every staff account, now.
    ReviewOpen {
        /// Days until the next.
        every: Option<u16>,
    },
    /// The newest reviews.
    ReviewList,
    /// One review, or the newest.
    ReviewShow {
        /// Which.
        review: Option<Id<ReviewRecord>>,
    },
    /// The file that comes with the wish, brought into an account.
    ImportFile {
        /// Which.
        account: Id<Account>,
        /// What it is about.
        format: Format,
        /// ISO 4217; the account's own, if none.
        currency: Option<String>,
        /// Only what it would change.
        preview: bool,
    },
    /// The newest imports of an account.
    ImportList {
        /// Which.
        account: Id<Account>,
    },
    /// An import goes on.
    ImportResume {
        /// Of which account.
        account: Id<Account>,
        /// Which.
        import: Id<ImportRecord>,
    },
    /// What an import did is taken back.
    ImportUndo {
        /// Of which account.
        account: Id<Account>,
        /// Which.
        import: Id<ImportRecord>,
    },
    /// Consumers of archived orders are forgotten for good.
    DeletionAsk {
        /// Whose.
        account: Id<Account>,
        /// Which; none where a rule says it.
        orders: Vec<Id<Order>>,
        /// All that were archived more than so many days ago.
        archived_days: Option<u16>,
    },
    /// The newest deletions of an account.
    DeletionList {
        /// Whose.
        account: Id<Account>,
    },
    /// How far a deletion is.
    DeletionShow {
        /// Of which account.
        account: Id<Account>,
        /// Which.
        deletion: Id<Deletion>,
    },
    /// A deletion's certificate.
    DeletionCertificate {
        /// Of which account.
        account: Id<Account>,
        /// Which.
        deletion: Id<Deletion>,
    },
    /// A deletion is taken back.
    DeletionCancel {
        /// Of which account.
        account: Id<Account>,
        /// Which.
        deletion: Id<Deletion>,
    },
    /// What an account wants of its deletions.
    DeletionPolicy {
        /// Whose.
        account: Id<Account>,
        /// Days that a deletion waits; as before, if none.
        grace_days: Option<u16>,
        /// Days of the rule, 0 for none; as before, if none.
        archived_days: Option<u16>,
    },
    /// An account's log and records, line by line.
    Export {
        /// Whose.
        account: Id<Account>,
        /// Whether the six fields go with it.
        with_consumers: bool,
    },
}

/// What is asked about a course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourseWish {
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub about: Option<String>,
    /// Names of roles; none means as before.
    pub required_for: Vec<String>,
    /// For how many days a completion counts.
    pub valid_days: Option<u16>,
    /// Whether there is a new version.
    pub new_version: bool,
    /// Whether nobody needs it any more.
    pub retire: bool,
}

/// A certificate on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateGiven {
    /// What the file is called.
    pub file_name: String,
    /// Its bytes.
    pub base64: String,
}

impl Wish {
    /// Whether it changes who can unseal.
    pub const fn changes_officers(&self) -> bool {
        matches!(self, Self::AddOfficer { .. } | Self::RemoveOfficer { .. } | Self::MoveKeys { .. })
    }

    /// Whether the keys alone are enough for it, without the database.
    pub const fn is_about_keys(&self) -> bool {
        self.changes_officers() || matches!(self, Self::KeysStatus | Self::Unseal | Self::Seal)
    }
}

/// A wish on its way, and how many bytes follow its line: of an identity, then of a file.
#[derive(Serialize, Deserialize)]
pub struct Letter {
    /// The wish.
    #[serde(flatten)]
    pub wish: Wish,
    /// Zero where none follows.
    #[serde(default)]
    pub identity_bytes: usize,
    /// Zero where none follows.
    #[serde(default)]
    pub file_bytes: u64,
}

/// One line of what comes back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// A line of what was asked for; more follow.
    Line(String),
    /// All is done.
    Done(Value),
    /// It could not be done.
    Ended(Ending),
}
