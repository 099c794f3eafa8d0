//! Webhooks out: an account's own systems are told of what happens in it, signed as Standard Webhooks 1.0 says.
//!
//! Source: <https://www.standardwebhooks.com>, version 1.0 (names of headers, signatures, secrets, retries). An endpoint
//! follows the account's log from a place of its own. A message is known by an id that is worked out from its entry, so that
//! one that is sent again is the same; what was tried is kept with it for [`KEPT_MS`].
//!
//! Architecture invariant: no consumer's field is ever in a message, and no secret of an endpoint is shown twice.

mod endpoint;
mod event;
mod message;
mod signature;

pub use endpoint::{
    ENDPOINTS_MAX, EVENTS_MAX, EndpointDraft, EndpointPatch, EndpointState, KeptSecret, OLD_SECRET_MS,
    OLD_SECRET_MS_MAX, SECRETS_MAX, WebhookEndpoint, create, get, list, remove, rotate, secrets, update,
};
pub use event::{
    EVENT_TYPES, EventPattern, NoSuchEvent, TEST_EVENT, event_type, fields, is_of_interest, is_told, test_body, told,
};
pub use message::{
    ANSWER_BYTES_KEPT, ATTEMPTS_KEPT, Attempt, Due, GIVE_UP_MS, KEPT_MS, MessageState, RANGE_MAX, RETRIES_MS, Range,
    Replayed, WebhookMessage, id_of, message, messages, replay, replay_range, send_test,
};
pub use signature::{SECRET_BYTES, SECRET_PREFIX, Signed, make_secret};

/// What calls to endpoints are for, in the account's list of destinations.
pub const PURPOSE: &str = "webhook";
