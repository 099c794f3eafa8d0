//! The real program as operators and callers meet it: its commands, its doors, its exit codes, its ends.

#![cfg(test)]

mod backups;
mod cut;
mod deletions;
mod demo;
mod disk;
mod doors;
mod ends;
mod export;
mod hardware;
mod house;
mod identity;
mod imports;
mod keys;
mod listen;
mod mail;
mod proxy;
mod refusals;
mod staff;
