//! The platform's staff: who runs it, what they may do, and how they are let in.

mod power;

pub use power::{Power, StaffRole, StaffRoles, UnknownStaffRole};
