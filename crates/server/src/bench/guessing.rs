//! Guessing: whether the time of a refused sign-in tells that there is such a person.
//!
//! A wrong password is sent for addresses that are somebody's and for addresses that are nobody's, in turn, through the
//! whole server.

use super::answers::Invited;
use super::child::Server;
use super::https::Connection;
use super::samples::Samples;
use super::traders::Trader;
use crate::desk::Wish;
use crate::ending::Ending;
use hyper::StatusCode;
use std::time::{Duration, Instant};

/// Tries at one address: one less than would be made to wait.
const TRIES: u64 = 4;

/// What the people of the bench sign in with.
const PASSWORD: &str = "zebra+lantern+quiet+orbit";

/// What a guesser sends instead.
const GUESS: &str = "marble+kettle+sunny+ladder";

/// How long each refusal took.
#[derive(Default)]
pub struct Guessed {
    /// For an address that is somebody's.
    pub somebody: Samples,
    /// For one that is nobody's.
    pub nobody: Samples,
}

/// Guesses at so many addresses of each sort.
pub async fn measure(server: &Server, host: &Trader, people: u64) -> Result<Guessed, Ending> {
    let mut connection = host.connect(server, 0).await?;
    for number in 0..people {
        join(server, host, &mut connection, number).await?;
    }
    let mut guessed = Guessed::default();
    for number in (0..TRIES).flat_map(|_| 0..people) {
        guessed.somebody.push(refused(&mut connection, &somebody(number)).await?);
        guessed.nobody.push(refused(&mut connection, &format!("nobody{number}@example.com")).await?);
    }
    Ok(guessed)
}

fn somebody(number: u64) -> String {
    format!("person{number}@example.com")
}

/// A member who signs in with a password alone.
async fn join(server: &Server, host: &Trader, connection: &mut Connection, number: u64) -> Result<(), Ending> {
    let wish = Wish::AccountInvite { account: host.account, mail: somebody(number), role: String::from("operator") };
    let Invited { link } = server.ask(wish).await?;
    let (_, path) =
        link.split_once("/invitations/").ok_or_else(|| Ending::internal("an invitation's link is another"))?;
    let fields = format!("name=Sample+Person&password={PASSWORD}");
    connection.fill_in(&format!("/invitations/{path}"), fields, StatusCode::SEE_OTHER).await?;
    Ok(())
}

async fn refused(connection: &mut Connection, address: &str) -> Result<Duration, Ending> {
    let fields = format!("mail={}&password={GUESS}", address.replace('@', "%40"));
    let begin = Instant::now();
    connection.fill_in("/sign-in", fields, StatusCode::UNAUTHORIZED).await?;
    Ok(begin.elapsed())
}
