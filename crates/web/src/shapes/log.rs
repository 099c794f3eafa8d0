//! Events and proofs.

use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A page of events.
#[derive(ToSchema)]
pub struct Events {
    /// Oldest first.
    pub data: Vec<Event>,
    /// Whether there is more to read at once.
    #[schema(example = false)]
    pub has_more: bool,
    /// What to send as `after` next time.
    #[schema(example = 1)]
    pub next_after: u64,
}

/// One entry of the account's log.
#[derive(ToSchema)]
pub struct Event {
    /// `event`
    #[schema(example = "event")]
    pub object: String,
    /// Its id.
    #[schema(example = "evt_3f6c1d8e9ab04527c1f08e6d2b7a4950")]
    pub id: String,
    /// Its place in the log: 1 is the first, and there are no gaps.
    #[schema(example = 1)]
    pub seq: u64,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who: the id of a key, a user, a partner's account; `operator`; or `system:` and a part of the program.
    #[schema(example = "key_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub actor: String,
    /// What was done, in a word or two.
    #[schema(example = "placed")]
    pub action: String,
    /// The kind of record it was done to.
    #[schema(example = "order")]
    pub kind: String,
    /// The id of the record.
    #[schema(example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0d")]
    pub subject: String,
    /// The record's version that came of it.
    #[schema(example = 1)]
    pub version: u64,
    /// Field by field, from what to what; of a list that keeps its length only what differs in its objects, as
    /// `lines/0/purchase_order`. Empty at a record's birth. Never a consumer's fields.
    pub changes: BTreeMap<String, Change>,
    /// What a read has shown, where the event is a read.
    pub seen: Option<Vec<String>>,
}

/// What became of one field.
#[derive(ToSchema)]
pub struct Change {
    /// As it was.
    pub from: Option<serde_json::Value>,
    /// As it is.
    pub to: Option<serde_json::Value>,
}

/// The proof that an entry is in the log.
#[derive(ToSchema)]
pub struct Inclusion {
    /// The entry's `seq`.
    #[schema(example = 1)]
    pub entry: u64,
    /// The same, counted from 0.
    pub index: u64,
    /// How many entries the checkpoint covers.
    #[schema(example = 42)]
    pub size: u64,
    /// The entry's leaf data, base64.
    #[schema(example = "Ym9uZGVkIGVudHJ5IHYx…")]
    pub leaf: String,
    /// Its hash, base64: SHA-256 of a zero byte and the leaf data.
    #[schema(example = "aL0nXQ3Vb8f…=")]
    pub leaf_hash: String,
    /// The siblings on the way to the root, base64.
    pub proof: Vec<String>,
    /// The signed checkpoint.
    #[schema(
        example = "bonded.example/acct_…\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— bonded.example/acct_… Az3grl…\n"
    )]
    pub checkpoint: String,
}

/// The proof that a log has only grown.
#[derive(ToSchema)]
pub struct Consistency {
    /// The older size.
    #[schema(example = 17)]
    pub from: u64,
    /// The newer size.
    #[schema(example = 42)]
    pub to: u64,
    /// The hashes, base64.
    pub proof: Vec<String>,
    /// The newest signed checkpoint.
    #[schema(
        example = "bonded.example/acct_…\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— bonded.example/acct_… Az3grl…\n"
    )]
    pub checkpoint: String,
}

/// A host that is called for one connection or webhook endpoint, and for one purpose.
#[derive(ToSchema)]
pub struct Destination {
    /// `destination`
    #[schema(example = "destination")]
    pub object: String,
    /// Its id.
    #[schema(example = "dest_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// One more at each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was last written down.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// For which connection or webhook endpoint.
    #[schema(example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub owner: String,
    /// The host, with its port unless that is 443.
    #[schema(example = "shop.example")]
    pub host: String,
    /// What for, in a word.
    #[schema(example = "orders")]
    pub purpose: String,
    /// The names of all fields that ever went there; empty where only questions were asked.
    pub fields: Vec<String>,
    /// When it was first to be called.
    #[schema(format = DateTime)]
    pub first_at: String,
    /// When it was last called.
    #[schema(format = DateTime)]
    pub last_at: String,
    /// How often it was called.
    #[schema(example = 12)]
    pub calls: u64,
    /// How many of these calls got no answer.
    #[schema(example = 0)]
    pub unanswered: u64,
    /// Every version of TLS that was agreed with it: `1.2`, `1.3`.
    pub tls: Vec<String>,
    /// The status of its last answer; null while there was none.
    #[schema(required, example = 200)]
    pub last_status: Option<u16>,
}
