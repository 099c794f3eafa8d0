//! What the API says of deletions, in shapes.

use utoipa::ToSchema;

/// What is to be deleted: one of the two.
#[derive(ToSchema)]
pub struct NewDeletion {
    /// Archived orders, up to 1,000.
    #[schema(example = json!(["ord_01jd2mk8x3e5v9zq4t7w6y5h0c"]))]
    pub orders: Option<Vec<String>>,
    /// All orders that were archived more than so many days ago: 1 to 3,660.
    #[schema(example = 365)]
    pub archived_days: Option<u16>,
}

/// Orders whose consumers are forgotten for good.
#[derive(ToSchema)]
pub struct Deletion {
    /// `deletion`
    #[schema(example = "deletion")]
    pub object: String,
    /// Its id.
    #[schema(example = "del_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was asked for.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// How far it has come.
    pub state: DeletionState,
    /// Which orders.
    pub selection: DeletionSelection,
    /// Why.
    pub because: DeletionReason,
    /// Who asked for it, as the log names them.
    #[schema(example = "key_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub asked_by: String,
    /// When it begins.
    #[schema(format = DateTime)]
    pub due_at: String,
    /// Orders whose six fields are gone.
    #[schema(example = 1)]
    pub forgotten: u64,
    /// The version of the tree of keys when it began.
    #[schema(required)]
    pub root_before: Option<u64>,
    /// SHA-256 in hex over the ids of its orders, sorted, each followed by a line feed.
    #[schema(required)]
    pub orders_sha256: Option<String>,
    /// That the keys were destroyed.
    #[schema(required)]
    pub destroyed: Option<KeysDestroyed>,
    /// Every place of the keys, the primary first.
    pub replicas: Vec<KeyReplica>,
    /// Who had received the six fields.
    pub recipients: Vec<ConsumerRecipient>,
    /// When the last replica confirmed it.
    #[schema(required, format = DateTime)]
    pub completed_at: Option<String>,
    /// The signed certificate: a C2SP signed note.
    #[schema(required)]
    pub certificate: Option<String>,
}

/// How far a deletion has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum DeletionState {
    /// It waits for its time, and can be cancelled.
    Due,
    /// Its orders lose their six fields.
    Deleting,
    /// The keys are destroyed; a replica of the keys has not confirmed it.
    Pending,
    /// Every replica has confirmed it, and the certificate is signed.
    Complete,
    /// It was taken back in time.
    Cancelled,
}

/// Which orders a deletion is about: one of the two.
#[derive(ToSchema)]
pub struct DeletionSelection {
    /// These.
    pub orders: Option<Vec<String>>,
    /// All that were archived before this moment.
    #[schema(format = DateTime)]
    pub archived_before: Option<String>,
}

/// Why something is deleted.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum DeletionReason {
    /// Somebody of the account asked for it.
    Asked,
    /// The account's own rule.
    Rule,
    /// A platform asked for it, for a consumer's or a shop's sake.
    PrivacyRequest,
}

/// That keys were destroyed.
#[derive(ToSchema)]
pub struct KeysDestroyed {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// The version of the tree of keys that could still open the fields.
    #[schema(example = 17)]
    pub root_before: u64,
    /// The version that cannot.
    #[schema(example = 18)]
    pub root_after: u64,
}

/// A place of the keys.
#[derive(ToSchema)]
pub struct KeyReplica {
    /// Its name.
    #[schema(example = "primary")]
    pub place: String,
    /// When it had the new root and had overwritten the old one.
    #[schema(required, format = DateTime)]
    pub confirmed_at: Option<String>,
    /// If it has not, why.
    #[schema(required)]
    pub why_not: Option<String>,
}

/// Somebody who had received the six fields.
#[derive(ToSchema)]
pub struct ConsumerRecipient {
    /// Whose account; your own for a shop that the orders came from.
    #[schema(example = "acct_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub account: String,
    /// The shop there that has them; null for the partner itself.
    #[schema(required, example = "shopify lamps.myshopify.com")]
    pub shop: Option<String>,
    /// How many of the orders.
    #[schema(example = 1)]
    pub orders: u64,
    /// When the first of them was placed.
    #[schema(format = DateTime)]
    pub from: String,
    /// When the last of them was placed.
    #[schema(format = DateTime)]
    pub to: String,
    /// What was asked of them.
    pub asked: String,
}

/// What an account wants of its deletions.
#[derive(ToSchema)]
pub struct DeletionPolicy {
    /// Days that a deletion waits and can be cancelled: 0 to 30.
    #[schema(example = 2)]
    pub grace_days: u16,
    /// Deletes by itself what was archived longer ago than so many days, 1 to 3,660; null for no rule.
    #[schema(required, example = 730)]
    pub archived_days: Option<u16>,
}

/// What a platform asks for a consumer's sake.
#[derive(ToSchema)]
pub struct PrivacyRequest {
    /// `privacy_request`
    #[schema(example = "privacy_request")]
    pub object: String,
    /// Its id.
    #[schema(example = "prv_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// What is asked.
    pub wanted: PrivacyWanted,
    /// Through which connection, which may have been given up since.
    #[schema(example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub connection: String,
    /// Which shop asks.
    #[schema(example = "shopify lamps.myshopify.com")]
    pub shop: String,
    /// Which of your orders; empty where a whole shop is meant.
    pub orders: Vec<String>,
    /// How far it is.
    pub state: PrivacyState,
    /// When it came.
    #[schema(format = DateTime)]
    pub asked_at: String,
    /// Until when it is to be done.
    #[schema(format = DateTime)]
    pub due_at: String,
    /// Orders that have to be completed or cancelled first, up to 100 of them.
    pub waits_for: Vec<String>,
    /// What was deleted for it.
    pub deletions: Vec<String>,
    /// When it was done.
    #[schema(required, format = DateTime)]
    pub done_at: Option<String>,
}

/// What a platform asks.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum PrivacyWanted {
    /// What is kept of a consumer, in these orders.
    Data,
    /// That the consumer of these orders be forgotten.
    RedactConsumer,
    /// That all consumers of a shop be forgotten.
    RedactShop,
}

/// How far a privacy request is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum PrivacyState {
    /// It is to be done.
    Open,
    /// It is done.
    Done,
}
