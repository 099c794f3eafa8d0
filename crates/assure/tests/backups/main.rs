//! Backups on both engines, into real directories and a real object store, damaged in every way and brought back.

#![cfg(test)]

mod damaged;
mod house;
mod killed;
mod made;
mod stored;
mod watched;
