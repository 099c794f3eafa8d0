//! Connected shops, what is known of each record in them, and what the account's own SKUs mean.

use utoipa::ToSchema;

/// What a shop runs on.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum PlatformName {
    /// Shopify.
    Shopify,
    /// Medusa 2.
    Medusa,
    /// Vendure 3.
    Vendure,
    /// Stripe, a payment gateway.
    Stripe,
}

/// Which way goods move through a shop.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ConnectionDirection {
    /// It sells what partners ship.
    SellThrough,
    /// It ships what partners sell.
    SupplyFrom,
    /// Both.
    Both,
}

/// How it stands with a connection.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ConnectionState {
    /// The shop has not answered yet.
    Connecting,
    /// It works.
    Connected,
    /// It needs its owner; `why` says what for.
    Degraded,
    /// Its owner has stopped it for a while.
    Paused,
    /// It was given up, and what opened the shop is gone.
    Disconnected,
}

/// Whether one sort of thing is kept in step.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum SyncMode {
    /// It is not looked at.
    Off,
    /// A dry run: what would be changed is shown in `mirrors`, and nothing is changed.
    Watch,
    /// It is.
    On,
}

/// What is kept in step. What is left out is off.
#[derive(ToSchema)]
pub struct Syncs {
    /// What is sold.
    #[schema(required = false)]
    pub products: SyncMode,
    /// How many there are of it.
    #[schema(required = false)]
    pub stock: SyncMode,
    /// What it costs in a shop that sells it.
    #[schema(required = false)]
    pub prices: SyncMode,
    /// What was ordered.
    #[schema(required = false)]
    pub orders: SyncMode,
    /// What was shipped, and how it can be followed.
    #[schema(required = false)]
    pub fulfilments: SyncMode,
}

/// What stale stock counts as.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum StalePolicy {
    /// As none.
    Zero,
    /// As it was.
    Last,
}

/// Who puts right what has drifted apart.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum RepairPolicy {
    /// Whoever asks for it.
    OnRequest,
    /// It happens by itself.
    Automatic,
}

/// What becomes of an order's line that no partner sells.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum UnmatchedPolicy {
    /// It is held.
    Hold,
    /// It is the shop's own affair.
    Ignore,
}

/// The rules of a connection. What is left out is as by default.
#[derive(ToSchema)]
pub struct ConnectionPolicy {
    /// Pieces that are kept back of every variant.
    #[schema(required = false, example = 2)]
    pub buffer: u32,
    /// The same by partner link, in place of `buffer`.
    #[schema(required = false, value_type = Object)]
    pub buffer_by_partner: (),
    /// The same by variant, in place of both.
    #[schema(required = false, value_type = Object)]
    pub buffer_by_variant: (),
    /// After how many seconds a supplier's stock is stale; never, if null.
    pub stale_after_s: Option<u32>,
    /// What it counts as then.
    #[schema(required = false)]
    pub stale: StalePolicy,
    /// Who puts right what has drifted apart.
    #[schema(required = false)]
    pub repair: RepairPolicy,
    /// What becomes of lines that no partner sells.
    #[schema(required = false)]
    pub unmatched: UnmatchedPolicy,
    /// Per cent that are added to a partner's price.
    #[schema(required = false, example = 0)]
    pub markup_percent: u32,
}

/// A shop that the account has connected.
#[derive(ToSchema)]
pub struct Connection {
    /// `connection`
    #[schema(example = "connection")]
    pub object: String,
    /// Its id.
    #[schema(example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")]
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
    /// What it runs on.
    pub platform: PlatformName,
    /// Its host: all that is ever called.
    #[schema(example = "blue-mugs.myshopify.com")]
    pub shop: String,
    /// What it calls itself.
    #[schema(required)]
    pub title: Option<String>,
    /// What its prices are in.
    #[schema(required, example = "EUR")]
    pub currency: Option<String>,
    /// The version of its API that answered.
    #[schema(required, example = "2026-07")]
    pub api_version: Option<String>,
    /// Which way goods move.
    pub direction: ConnectionDirection,
    /// What is kept in step.
    pub syncs: Syncs,
    /// How.
    pub policy: ConnectionPolicy,
    /// The shop's location where stock is written; its first, if null.
    #[schema(required)]
    pub location: Option<String>,
    /// How it stands.
    pub state: ConnectionState,
    /// Why it needs its owner.
    #[schema(required)]
    pub why: Option<String>,
    /// What we need to be allowed there, in the platform's words.
    pub scopes_needed: Vec<String>,
    /// What we are allowed there.
    pub scopes_held: Vec<String>,
    /// When the shop was last found as it should be.
    #[schema(required, format = DateTime)]
    pub verified_at: Option<String>,
    /// Where a member of the account goes to install our app in the shop; null where that is not needed.
    #[schema(required, example = "https://bonded.example/shopify/install?shop=blue-mugs.myshopify.com")]
    pub install_url: Option<String>,
}

/// What opens a shop. It is never shown again.
#[derive(ToSchema)]
pub struct Credential {
    /// Shopify: the Admin API token of an app that was made in the shop.
    #[schema(example = "shpat_…")]
    pub access_token: Option<String>,
    /// Shopify: that app's secret, which signs its webhooks.
    pub client_secret: Option<String>,
    /// Medusa: a secret API key. Vendure: an API key.
    pub api_key: Option<String>,
    /// Vendure: an administrator's name, with `password`.
    pub username: Option<String>,
    /// Vendure: that administrator's password.
    pub password: Option<String>,
    /// Vendure: the token of a channel other than the default one.
    pub channel: Option<String>,
}

/// A shop to be connected.
#[derive(ToSchema)]
pub struct NewConnection {
    /// What it runs on.
    pub platform: PlatformName,
    /// Its host. Naming it is the approval to call it.
    #[schema(example = "shop.example.com")]
    pub shop: String,
    /// Which way goods move.
    pub direction: ConnectionDirection,
    /// What is to be kept in step; nothing, if left out.
    pub syncs: Option<Syncs>,
    /// How.
    pub policy: Option<ConnectionPolicy>,
    /// What opens it; left out for a Shopify shop whose owner is to install our app.
    pub credential: Option<Credential>,
}

/// What is to become of a connection.
#[derive(ToSchema)]
pub struct ConnectionPatch {
    /// Which way goods move.
    pub direction: Option<ConnectionDirection>,
    /// What is kept in step.
    pub syncs: Option<Syncs>,
    /// How.
    pub policy: Option<ConnectionPolicy>,
    /// The shop's location where stock is written; null for its first.
    pub location: Option<String>,
}

/// How our record and the shop's stand to each other.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum MirrorState {
    /// Both sides are the same.
    Agreed,
    /// They are not, and it is tried again by itself.
    Waiting,
    /// They are not, and somebody has to look.
    Held,
    /// They are not, and in a dry run stay so.
    Planned,
    /// They were, and the shop has changed it since; it stays so until somebody asks to put it right.
    Drifted,
}

/// What is known of one record in a connected shop.
#[derive(ToSchema)]
pub struct Mirror {
    /// `mirror`
    #[schema(example = "mirror")]
    pub object: String,
    /// Its id.
    #[schema(example = "mir_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// In which shop.
    #[schema(example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub connection: String,
    /// What it is.
    #[schema(example = "variant")]
    pub about: String,
    /// Which of our records.
    #[schema(example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub record: String,
    /// The partner link through which it is read; null for the account's own.
    #[schema(required)]
    pub link: Option<String>,
    /// The platform's id of it.
    #[schema(required, example = "gid://shopify/ProductVariant/1")]
    pub remote: Option<String>,
    /// How the two stand to each other.
    pub state: MirrorState,
    /// What both sides last agreed on: `nothing`, `location`, or an object named by what it is.
    #[schema(value_type = serde_json::Value)]
    pub agreed: (),
    /// In a dry run: what would be written.
    #[schema(required, value_type = serde_json::Value)]
    pub planned: Option<()>,
    /// What a check found in the shop in place of what was agreed, until that is put right; `{"gone": true}` where nothing is there.
    #[schema(required, value_type = serde_json::Value)]
    pub found: Option<()>,
    /// Why it waits or is held.
    #[schema(required)]
    pub why: Option<String>,
    /// How often it failed since it last went well.
    #[schema(example = 0)]
    pub tries: u32,
    /// When it is tried again.
    #[schema(required, format = DateTime)]
    pub next_try_at: Option<String>,
    /// When both sides last agreed.
    #[schema(required, format = DateTime)]
    pub agreed_at: Option<String>,
    /// Milliseconds from the change on one side until the other had it, the last time.
    #[schema(required, example = 420)]
    pub delay_ms: Option<u64>,
    /// While it is held: what the shop had then, as a digest. What is dismissed stays away until that is another.
    pub refused: Option<String>,
    /// The hold whose corrections are laid over what the shop has.
    #[schema(example = "hold_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub corrections: Option<String>,
}

/// What one of the account's own SKUs means.
#[derive(ToSchema)]
pub struct SkuMapping {
    /// `sku_mapping`
    #[schema(example = "sku_mapping")]
    pub object: String,
    /// Its id.
    #[schema(example = "map_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was first said.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The account's own SKU.
    #[schema(example = "MY-LAMP")]
    pub sku: String,
    /// A partner's variant that it is; null for a thing that the account ships itself.
    #[schema(required, example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub variant: Option<String>,
}

/// What a SKU is to mean.
#[derive(ToSchema)]
pub struct NewSkuMapping {
    /// The account's own SKU.
    #[schema(example = "MY-LAMP")]
    pub sku: String,
    /// A partner's variant that it is; null, or left out, for a thing that the account ships itself.
    #[schema(example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub variant: Option<String>,
}

/// What an account's SKUs may mean.
#[derive(ToSchema)]
pub struct SkuSuggestions {
    /// Best first, SKU by SKU; at most 10 for each.
    pub data: Vec<SkuSuggestion>,
    /// Whether all that partners share was looked at.
    #[schema(example = true)]
    pub complete: bool,
}

/// A partner's variant that a SKU may mean.
#[derive(ToSchema)]
pub struct SkuSuggestion {
    /// The account's own SKU.
    #[schema(example = "MY-LAMP")]
    pub for_sku: String,
    /// What it may mean.
    #[schema(example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub variant: String,
    /// Through which link it is shared.
    #[schema(example = "link_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub partner_link: String,
    /// The partner's SKU.
    #[schema(required, example = "LAMP")]
    pub sku: Option<String>,
    /// What the partner calls it.
    #[schema(example = "Desk lamp - brass")]
    pub title: String,
    /// Its barcode.
    #[schema(required, example = "4006381333931")]
    pub barcode: Option<String>,
    /// Why, the strongest first.
    pub because: Vec<SuggestedBecause>,
    /// How strong that is, from 1 to 100.
    #[schema(example = 90)]
    pub score: u8,
}

/// Why something is suggested.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum SuggestedBecause {
    /// The same barcode.
    Barcode,
    /// The same SKU, but for case and punctuation.
    Sku,
    /// One SKU is the other with something before or after it.
    PartOfSku,
    /// Words of the title.
    Title,
}

/// That a mapping is gone.
#[derive(ToSchema)]
pub struct DeletedSkuMapping {
    /// `sku_mapping`
    #[schema(example = "sku_mapping")]
    pub object: String,
    /// Its id.
    #[schema(example = "map_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// `true`
    #[schema(example = true)]
    pub deleted: bool,
}
