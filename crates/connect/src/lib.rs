//! Connections: how records come from the systems that merchants already use, and one day go back to them.
//!
//! Each system has a room of its own. Files are the first one; whatever the room, what comes in is parsed into drafts
//! of the business, nothing unknown is kept, and every record that cannot be taken is reported with its reason. What goes
//! out goes over verified TLS: letters by `mail`, every call over HTTP by `outbound`.

pub mod conformity;
pub mod connections;
pub mod csv;
pub mod files;
pub mod followers;
pub mod installs;
pub mod mail;
pub mod medusa;
pub mod mirrors;
pub mod notices;
pub mod outbound;
pub mod payments;
pub mod platform;
pub mod platforms;
pub mod privacy;
pub mod shopify;
pub mod stripe;
mod tls;
pub mod vendure;
pub mod webhooks;
