//! Vendure 3, for now a name only.
