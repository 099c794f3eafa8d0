//! `bonded staff …`: the people who run the platform.

use super::account::invited;
use super::on_runtime;
use crate::cli::{Choices, Staff, Unsealed};
use crate::desk::{Wish, ask};
use crate::ending::Ending;
use crate::terminal::say;
use serde_json::Value;

pub fn run(choices: &Choices, staff: Staff) -> Result<(), Ending> {
    match staff {
        Staff::Invite { mail, role, unsealed } => {
            let done = wish(choices, Wish::StaffInvite { mail, roles: role }, &unsealed)?;
            tell(&done, &unsealed, invited);
        }
    }
    Ok(())
}

fn wish(choices: &Choices, wish: Wish, unsealed: &Unsealed) -> Result<Value, Ending> {
    let settings = choices.settings()?;
    on_runtime(1, ask(&settings, wish, unsealed.officer.as_deref(), |_| Ok(())))?
}

fn tell(done: &Value, unsealed: &Unsealed, show: impl FnOnce(&Value)) {
    if unsealed.json { say!("{}", done) } else { show(done) }
}
