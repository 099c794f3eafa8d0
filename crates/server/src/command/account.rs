//! `bonded account …`: merchant accounts and their API keys.

use super::{tell, wish};
use crate::cli::{Account, Choices};
use crate::desk::Wish;
use crate::ending::{Code, Ending};
use crate::terminal::say;
use serde_json::Value;

pub fn run(choices: &Choices, account: Account) -> Result<(), Ending> {
    match account {
        Account::Create { name, role, currency, unsealed } => {
            let done = wish(choices, Wish::AccountCreate { name, role, currency }, &unsealed)?;
            tell(&done, &unsealed, |done| {
                say!("account  {}", word(done, "account"));
                say!("\nnext: bonded account invite {} ada@example.com   (its first owner)", word(done, "account"));
                say!("      bonded account key {}", word(done, "account"));
            });
        }
        Account::Invite { account, mail, role, unsealed } => {
            let account = account.parse().map_err(|bad| Ending::new(Code::Usage, format!("{bad}")))?;
            let done = wish(choices, Wish::AccountInvite { account, mail, role }, &unsealed)?;
            tell(&done, &unsealed, invited);
        }
        Account::List { unsealed } => {
            let done = wish(choices, Wish::AccountList, &unsealed)?;
            tell(&done, &unsealed, |done| {
                for account in done.get("accounts").and_then(Value::as_array).into_iter().flatten() {
                    let [id, role, currency, name] =
                        ["account", "role", "currency", "name"].map(|field| word(account, field));
                    say!("{id}  {role:8}  {currency}  {name}");
                }
            });
        }
        Account::Key { account, name, permission, test, unsealed } => {
            let account = account.parse().map_err(|bad| Ending::new(Code::Usage, format!("{bad}")))?;
            let done = wish(choices, Wish::AccountKey { account, name, permissions: permission, test }, &unsealed)?;
            tell(&done, &unsealed, |done| {
                say!("key     {}", word(done, "key"));
                say!("secret  {}", word(done, "secret"));
                say!("\nThe secret is shown this once and kept nowhere: store it where the caller can read it.");
            });
        }
    }
    Ok(())
}

/// What an invitation's maker is told; also of one onto the staff.
pub fn invited(done: &Value) {
    say!("link   {}", word(done, "link"));
    say!("until  {}", word(done, "until"));
    say!("\nIt is also sent by mail. Whoever opens it joins: hand it to nobody else.");
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("-")
}
