//! Nothing of a person is left: canaries go into every field of a request, and all that stays is searched for them.
//!
//! The real program serves over TLS, on either engine, logging all it can. Thousands of e-mail addresses, phone numbers
//! and IP addresses go into good requests and into bad ones of every sort, of every operation. Every answer is looked at,
//! and so is all that the program itself shows of what it keeps. Then it is stopped, or killed, and searched are: its
//! files and their names, the database as it lies there with what stands in front of it, its values and a dump of it, and
//! the logs. What is found is told with the field that it was planted in, its encoding, its file and its place there.
//! Last, canaries are leaked on purpose, and must be found.
//!
//! The same of the people who sign in: their addresses and names may be found in what is opened with the keys, their
//! passwords and whatever the program shows once nowhere at all, and where they call from neither.
//!
//! Numbers of payment cards are refused wherever they stand, and may be found nowhere at all.
//!
//! Begin with [`story`]; [`taken`], [`flood`], [`cards`], [`people`] and [`forms`] plant, [`opened`], [`platform`] and [`remains`]
//! look, [`encodings`] and [`search`] are how, [`kept`] is what may be found in what is opened, and [`secrets`] what may
//! not.

#![cfg(test)]

mod caller;
mod canaries;
mod cards;
mod contract;
mod encodings;
mod flood;
mod forms;
#[path = "../served/house.rs"]
#[expect(dead_code, reason = "the other tests of the program ask for more")]
mod house;
mod kept;
mod letters;
mod market;
mod opened;
mod people;
mod person;
mod platform;
mod proof;
mod remains;
mod search;
mod secrets;
mod story;
mod taken;
mod wire;

use house::House;
use story::{End, Plan, tell};

/// Canaries of each shape in each field.
const EACH: usize = 600;
/// The same where the question is only what a killed program leaves behind.
const EACH_BEFORE_KILL: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_is_left_on_sqlite() {
    tell(Plan { house: House::new(), log_format: "text", each: EACH, end: End::Stopped }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_is_left_on_postgres() {
    let Some(house) = House::on_postgres().await else { return };
    tell(Plan { house, log_format: "json", each: EACH, end: End::Stopped }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_is_left_by_a_killed_program_on_sqlite() {
    tell(Plan { house: House::new(), log_format: "json", each: EACH_BEFORE_KILL, end: End::Killed }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_is_left_by_a_killed_program_on_postgres() {
    let Some(house) = House::on_postgres().await else { return };
    tell(Plan { house, log_format: "text", each: EACH_BEFORE_KILL, end: End::Killed }).await;
}
