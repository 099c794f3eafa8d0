//! Members, invitations, keys and support grants.

use utoipa::ToSchema;

/// A person who belongs to the account, or once did.
#[derive(ToSchema)]
pub struct Member {
    /// `member`
    #[schema(example = "member")]
    pub object: String,
    /// Its id.
    #[schema(example = "mem_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// As whom the log names the person.
    #[schema(example = "usr_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub user: String,
    /// The address that the person signs in with.
    #[schema(example = "ada@example.com")]
    pub mail: String,
    /// What the person is called.
    #[schema(example = "Ada Example")]
    pub name: String,
    /// What the person may do.
    pub role: MemberRole,
    /// Whether the membership holds.
    pub state: MemberState,
    /// Since when it does.
    #[schema(format = DateTime)]
    pub joined_at: String,
    /// When the person last signed in to this account.
    #[schema(required, format = DateTime)]
    pub last_sign_in_at: Option<String>,
    /// Whether a second factor was enrolled, as of the last sign-in.
    #[schema(example = true)]
    pub has_second_factor: bool,
}

/// What a member may do: each role has all the rights of the ones below it.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum MemberRole {
    /// Everything, other owners included.
    Owner,
    /// Also links partners, invites members below an owner, makes API keys, answers support.
    Manager,
    /// Does the daily work: products, stock, orders, holds.
    Operator,
    /// Looks at everything of the business.
    Viewer,
}

/// Whether a membership holds.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum MemberState {
    /// It does.
    Active,
    /// It has ended.
    Ended,
}

/// What is to change about a member.
#[derive(ToSchema)]
pub struct MemberChange {
    /// What the member may do from now on.
    pub role: MemberRole,
}

/// An invitation into the account.
#[derive(ToSchema)]
pub struct Invitation {
    /// `invitation`
    #[schema(example = "invitation")]
    pub object: String,
    /// Its id.
    #[schema(example = "inv_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Who is invited.
    #[schema(example = "ada@example.com")]
    pub mail: String,
    /// As what.
    pub role: MemberRole,
    /// Who invited, as a name.
    #[schema(example = "Grace Example")]
    pub invited_by: String,
    /// Where it stands.
    pub state: InvitationState,
    /// Until when it can be accepted.
    #[schema(format = DateTime)]
    pub until: String,
}

/// Where an invitation stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum InvitationState {
    /// It can be accepted.
    Open,
    /// It was accepted.
    Accepted,
    /// It was taken back.
    Withdrawn,
    /// Nobody accepted it in time.
    Expired,
}

/// An invitation to be made.
#[derive(ToSchema)]
pub struct NewInvitation {
    /// Who is invited.
    #[schema(example = "ada@example.com")]
    pub mail: String,
    /// As what.
    pub role: MemberRole,
}

/// An API key. Its secret is shown only once, when it is made.
#[derive(ToSchema)]
pub struct ApiKey {
    /// `api_key`
    #[schema(example = "api_key")]
    pub object: String,
    /// Its id.
    #[schema(example = "key_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// What its owner calls it.
    #[schema(example = "warehouse")]
    pub name: String,
    /// `live` in production, `test` anywhere else.
    pub mode: KeyMode,
    /// The last characters of the secret.
    #[schema(example = "w6y5")]
    pub ends_with: String,
    /// What it may do.
    #[schema(example = json!(["orders:read", "orders:write"]))]
    pub permissions: Vec<String>,
    /// Whether it opens anything.
    pub state: KeyState,
    /// The user who made it, or `operator`.
    #[schema(example = "usr_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub made_by: String,
    /// When it ends by itself: 24 hours after it was rotated.
    #[schema(required, format = DateTime)]
    pub ends_at: Option<String>,
    /// When it was revoked.
    #[schema(required, format = DateTime)]
    pub revoked_at: Option<String>,
}

/// Whether a key moves real goods.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum KeyMode {
    /// In a production environment.
    Live,
    /// Anywhere else.
    Test,
}

/// Whether a key opens anything.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum KeyState {
    /// It does.
    Active,
    /// It was rotated, and its time is over.
    Ended,
    /// It was revoked.
    Revoked,
}

/// A key that was just made, with its secret.
#[derive(ToSchema)]
pub struct IssuedApiKey {
    #[serde(flatten)]
    pub key: ApiKey,
    /// What is sent as `Authorization: Bearer`. Shown this once.
    #[schema(example = "bk_test_…")]
    pub secret: String,
}

/// A key to be made.
#[derive(ToSchema)]
pub struct NewApiKey {
    /// What its owner calls it, in 1 to 100 characters.
    #[schema(example = "warehouse")]
    pub name: String,
    /// What it may do, none of it more than its maker may.
    #[schema(example = json!(["orders:read", "orders:write"]))]
    pub permissions: Vec<String>,
    /// `live` if it is left out in production, `test` anywhere else.
    pub mode: Option<KeyMode>,
}

/// What the platform's staff have asked to see or do in the account, and what became of it.
#[derive(ToSchema)]
pub struct Grant {
    /// `grant`
    #[schema(example = "grant")]
    pub object: String,
    /// Its id.
    #[schema(example = "grant_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 2)]
    pub version: u64,
    /// When it was asked for.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Who asked, and alone may use it.
    #[schema(example = "staff_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub staff: String,
    /// What that person is called.
    #[schema(example = "Grace Example")]
    pub staff_name: String,
    /// What it is for, in a few words.
    #[schema(example = "read orders, holds")]
    pub summary: String,
    /// What it is for.
    pub scope: GrantScope,
    /// Why.
    pub reason: GrantReason,
    /// For how long it was asked, from the approval on.
    #[schema(example = 86_400)]
    pub duration_seconds: i64,
    /// Where it stands.
    pub state: GrantState,
    /// When the request lapses if nobody answers it.
    #[schema(format = DateTime)]
    pub lapses_at: String,
    /// The user who approved it.
    #[schema(required, example = "usr_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub approved_by: Option<String>,
    /// What the approval was proven with.
    #[schema(required)]
    pub approved_with: Option<ApprovedWith>,
    /// Until when it holds, once approved.
    #[schema(required, format = DateTime)]
    pub until: Option<String>,
    /// When it came to its end.
    #[schema(required, format = DateTime)]
    pub ended_at: Option<String>,
    /// What the approver signed, word for word.
    #[schema(required)]
    pub statement: Option<String>,
}

/// What a grant is for.
#[derive(ToSchema)]
pub struct GrantScope {
    /// The parts of the account.
    pub areas: Vec<GrantArea>,
    /// Whether things may also be done there, not only looked at.
    #[schema(example = false)]
    pub act: bool,
    /// The one record that it is about, if it is about one.
    #[schema(example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub record: Option<String>,
    /// Whether consumers' fields are in it.
    #[schema(example = false)]
    pub consumers: bool,
}

/// A part of the account.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum GrantArea {
    /// The account's own profile.
    Account,
    /// Links with partners.
    PartnerLinks,
    /// Products and their variants.
    Products,
    /// Locations and stock.
    Inventory,
    /// Orders, without who they are for.
    Orders,
    /// Purchase orders, shipments and invoices.
    Documents,
    /// What is held back, and why.
    Holds,
    /// Who the members are, and their roles.
    Members,
    /// Connections to commerce platforms.
    Connection,
}

/// Why a grant is asked for.
#[derive(ToSchema)]
pub struct GrantReason {
    /// The sort.
    pub kind: GrantReasonKind,
    /// One line.
    #[schema(example = "two orders never arrived")]
    pub text: String,
    /// The number of a ticket, if there is one.
    #[schema(example = "4711")]
    pub ticket: Option<String>,
}

/// The sort of a reason.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum GrantReasonKind {
    /// The account asked for help.
    CustomerRequest,
    /// Something is wrong with the service.
    Incident,
    /// A platform is to be connected, or data to be moved.
    Setup,
    /// The law demands it.
    LegalDemand,
}

/// Where a grant stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum GrantState {
    /// It waits for an answer.
    Requested,
    /// It holds until its time is over.
    Approved,
    /// The account said no.
    Denied,
    /// Nobody answered in time.
    Lapsed,
    /// The account took it back.
    Revoked,
    /// Its time is over.
    Ended,
}

/// What an approval was proven with.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ApprovedWith {
    /// The signature of a passkey.
    Passkey,
    /// A one-time code, where the approver has no passkey.
    Totp,
    /// The signatures of two of the platform's officers, on a legal demand.
    Officers,
}

/// When a grant is to end instead.
#[derive(ToSchema)]
pub struct Shortening {
    /// Between now and its end.
    #[schema(format = DateTime)]
    pub until: String,
}
