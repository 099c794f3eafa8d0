//! The two doors: TLS connections accepted, certificates kept fresh, everything unencrypted sent away.
//!
//! Architecture invariant: no request of HTTP reaches a handler unless it came through TLS 1.2 or later.

mod authority;
mod certificate;
mod idle;
mod listener;
mod marks;
mod plain;
mod validity;

pub use authority::Authority;
pub use certificate::{Certificates, not_after_of};
pub use listener::{Drained, Listener};
pub use marks::Marks;
