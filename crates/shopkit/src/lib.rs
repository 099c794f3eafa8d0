//! A counterpart.
