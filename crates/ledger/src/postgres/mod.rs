//! The engine for many machines: PostgreSQL.
