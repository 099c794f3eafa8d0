//! Webhook endpoints and their messages.

use utoipa::ToSchema;

/// How it stands with an endpoint.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum WebhookEndpointState {
    /// It is told.
    Enabled,
    /// Its owner has stopped it, or it has answered that it is gone (410).
    Paused,
    /// It failed for so long that it is told nothing until it is enabled again.
    Failing,
}

/// Where the account's own systems are told of what happens in it.
#[derive(ToSchema)]
pub struct WebhookEndpoint {
    /// `webhook_endpoint`
    #[schema(example = "webhook_endpoint")]
    pub object: String,
    /// Its id.
    #[schema(example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c")]
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
    /// Where messages go.
    #[schema(example = "https://warehouse.example/bonded")]
    pub url: String,
    /// Of what: names of events, `order.*` for all of a kind, `*` for everything.
    #[schema(example = json!(["order.*"]))]
    pub events: Vec<String>,
    /// What its owner calls it.
    #[schema(required)]
    pub description: Option<String>,
    /// How it stands.
    pub state: WebhookEndpointState,
    /// Why it is not told, where it was not its owner who said so.
    #[schema(required)]
    pub why: Option<String>,
    /// Since when nothing has arrived, though it was tried.
    #[schema(required, format = DateTime)]
    pub failing_since: Option<String>,
    /// How many attempts have failed since then.
    #[schema(example = 0)]
    pub failures: u64,
    /// Until when messages are signed with old secrets too.
    #[schema(required, format = DateTime)]
    pub old_secrets_until: Option<String>,
}

/// An endpoint with its new secret.
#[derive(ToSchema)]
pub struct IssuedWebhookEndpoint {
    #[serde(flatten)]
    pub endpoint: WebhookEndpoint,
    /// What signatures are made with. Shown this once.
    #[schema(example = "whsec_…")]
    pub secret: String,
}

/// An endpoint to be made.
#[derive(ToSchema)]
pub struct NewWebhookEndpoint {
    /// Where messages go: https, without a user or a fragment.
    #[schema(example = "https://warehouse.example/bonded")]
    pub url: String,
    /// Of what, 1 to 50 patterns.
    #[schema(example = json!(["order.*"]))]
    pub events: Vec<String>,
    /// What its owner calls it, in up to 200 characters.
    pub description: Option<String>,
}

/// What is to become of an endpoint.
#[derive(ToSchema)]
pub struct WebhookEndpointPatch {
    /// Where messages go.
    pub url: Option<String>,
    /// Of what.
    pub events: Option<Vec<String>>,
    /// What its owner calls it; null empties it.
    pub description: Option<String>,
    /// `enabled` or `paused`.
    pub state: Option<WebhookEndpointState>,
}

/// That an endpoint is gone.
#[derive(ToSchema)]
pub struct DeletedWebhookEndpoint {
    /// `webhook_endpoint`
    #[schema(example = "webhook_endpoint")]
    pub object: String,
    /// Its id.
    #[schema(example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// `true`
    #[schema(example = true)]
    pub deleted: bool,
}

/// How long old secrets go on.
#[derive(ToSchema)]
pub struct WebhookSecretRotation {
    /// In seconds, up to a week; 24 hours if it is left out.
    #[schema(example = 86400)]
    pub old_secrets_for_seconds: Option<u32>,
}

/// How it stands with a message.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum WebhookMessageState {
    /// It is yet to arrive.
    Waiting,
    /// It has arrived.
    Delivered,
    /// It was given up after three days.
    Failed,
}

/// Something that an endpoint is told.
#[derive(ToSchema)]
pub struct WebhookMessage {
    /// `webhook_message`
    #[schema(example = "webhook_message")]
    pub object: String,
    /// Its id, the same in every attempt (`webhook-id`).
    #[schema(example = "msg_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When it happened.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Whom.
    #[schema(example = "we_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub endpoint: String,
    /// What.
    #[schema(example = "order.placed")]
    pub event: String,
    /// The `seq` of the event; 0 for a test.
    #[schema(example = 12)]
    pub seq: u64,
    /// The record that it is about; empty for a test.
    #[schema(example = "ord_01jd2mk8x3e5v9zq4t7w6y5h0d")]
    pub subject: String,
    /// How it stands.
    pub state: WebhookMessageState,
    /// When it is tried next; null where it waits for an earlier message about the same record, or for nothing.
    #[schema(required, format = DateTime)]
    pub next_at: Option<String>,
    /// How often it failed since it was first to be sent, or sent again.
    #[schema(example = 0)]
    pub failures: u32,
    /// What was tried, the oldest first; the newest 20.
    pub attempts: Vec<WebhookAttempt>,
}

/// One attempt to deliver a message.
#[derive(ToSchema)]
pub struct WebhookAttempt {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// What was answered.
    #[schema(required, example = 200)]
    pub status: Option<u16>,
    /// How long that took, in milliseconds.
    #[schema(example = 12)]
    pub ms: u64,
    /// The TLS that was agreed.
    #[schema(required, example = "1.3")]
    pub tls: Option<String>,
    /// How the answer begins, without mail addresses and phone numbers.
    #[schema(required)]
    pub answer: Option<String>,
    /// Why there was none.
    #[schema(required)]
    pub error: Option<String>,
}

/// Which messages are to be sent again.
#[derive(ToSchema)]
pub struct WebhookRange {
    /// About what happened from this moment on.
    #[schema(format = DateTime)]
    pub from: String,
    /// Up to this moment, and not at it.
    #[schema(format = DateTime)]
    pub to: String,
    /// The `next_after` of the answer before.
    pub after: Option<String>,
    /// Whether those that have arrived are sent again too.
    #[schema(default = false)]
    pub delivered: Option<bool>,
}

/// What became of a range.
#[derive(ToSchema)]
pub struct WebhookReplay {
    /// How many messages are sent again.
    #[schema(example = 12)]
    pub messages: usize,
    /// What to send as `after` when there are more.
    #[schema(required)]
    pub next_after: Option<String>,
}

/// Everything that an endpoint can be told of.
#[derive(ToSchema)]
pub struct EventTypes {
    /// In the order of their kinds.
    pub data: Vec<EventType>,
}

/// An event that an endpoint can be told of.
#[derive(ToSchema)]
pub struct EventType {
    /// As it is subscribed to.
    #[schema(example = "order.placed")]
    pub name: String,
    /// What it means.
    #[schema(example = "An order was placed.")]
    pub about: String,
}
