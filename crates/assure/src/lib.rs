//! Promises and their evidence: what is kept elsewhere in case everything here is lost.
//!
//! [`backups`] copies a deployment's sealed data to several places and brings it back from any of them.
//!
//! Architecture invariant: nothing here needs an unsealed vault, and nothing here can open what it carries.
#![deny(missing_docs)]

pub mod backups;
