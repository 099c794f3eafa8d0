//! Accounts and links.

use utoipa::ToSchema;

/// A merchant account.
#[derive(ToSchema)]
pub struct Account {
    /// `account`
    #[schema(example = "account")]
    pub object: String,
    /// Its id.
    #[schema(example = "acct_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was opened.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// As partners see it.
    #[schema(example = "Sample Shop")]
    pub name: String,
    /// What it is in trade.
    pub role: Role,
    /// What it reckons in (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: String,
    /// Where a supplier's money goes: its account at Stripe. Not there while it has said nothing.
    pub stripe_account: Option<String>,
    /// What it wants of its deletions. Not there while it has said nothing.
    pub deletions: Option<super::DeletionPolicy>,
}

/// What an account is in trade.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Role {
    /// Sells to consumers what its suppliers ship.
    Retailer,
    /// Has the goods, and ships them.
    Supplier,
}

/// One side's view of a partner link. Its id is the same on both sides.
#[derive(ToSchema)]
pub struct PartnerLink {
    /// `partner_link`
    #[schema(example = "partner_link")]
    pub object: String,
    /// Its id.
    #[schema(example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When one side asked.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The account on the other side.
    #[schema(example = "acct_01jd2mk8x3e5v9zq4t7w6y5h0d")]
    pub partner: String,
    /// Its name when the link was made.
    #[schema(example = "Sample Pottery")]
    pub partner_name: String,
    /// What this account is in it.
    pub role: Role,
    /// How far it has come.
    pub state: LinkState,
    /// Whether this account asked, and the other side answers.
    pub invited_by_us: bool,
}

/// How far a link has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum LinkState {
    /// One side has asked.
    Invited,
    /// Both sides want it.
    Active,
    /// One side has ended it.
    Ended,
}

/// An invitation.
#[derive(ToSchema)]
pub struct NewPartnerLink {
    /// The account that is invited.
    #[schema(example = "acct_01jd2mk8x3e5v9zq4t7w6y5h0d")]
    pub partner: String,
}

/// What a partner has changed.
#[derive(ToSchema)]
pub struct Changes {
    /// Each record once, in the order of the last changes.
    pub data: Vec<PartnerChange>,
    /// Whether there is more to read at once.
    #[schema(example = false)]
    pub has_more: bool,
    /// What to send as `after` next time.
    #[schema(example = 1)]
    pub next_after: u64,
}

/// One record of a partner that changed.
#[derive(ToSchema)]
pub struct PartnerChange {
    /// `product`, `variant`, `location` or `inventory_level`.
    #[schema(example = "variant")]
    pub kind: String,
    /// Which one.
    #[schema(example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Its newest version.
    #[schema(example = 1)]
    pub version: u64,
    /// When that came to be.
    #[schema(format = DateTime)]
    pub at: String,
}
