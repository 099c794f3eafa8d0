//! The calls that give power over an account stand only where the evidence for it was checked.

use super::Refusal;
use crate::source::Source;

/// A file, or all files below a directory that ends in `/`, and the calls that may stand there.
struct Door {
    place: &'static str,
    calls: &'static [&'static str],
}

/// Every call that gives authority.
const CALLS: [&str; 16] = [
    "Scope::asking(",
    "Scope::granted(",
    "Scope::key(",
    "Scope::member(",
    "Scope::operator(",
    "Scope::partner(",
    "Scope::partner_order(",
    "Scope::staff(",
    "Scope::system(",
    // Under another name the calls above could not be found.
    "Scope as ",
    // The keys of an account, which open everything in it without an entry in its log.
    "Vault::account(",
    "vault.account(",
    "vault().account(",
    // The vault's word that somebody may approve, or did.
    ".endorse(",
    ".vouch(",
    "Vault::endorse(",
];

/// What `people` may: a person signed in, a key was found valid, a grant was read as its approver left it.
const PEOPLE: &[&str] = &[
    "Scope::asking(",
    "Scope::granted(",
    "Scope::key(",
    "Scope::member(",
    "Scope::staff(",
    "Scope::system(",
    ".endorse(",
    ".vouch(",
];

/// Who may make them, and on what evidence.
const DOORS: &[Door] = &[
    // Where they are defined.
    Door { place: "crates/ledger/src/scope.rs", calls: &CALLS },
    // The places of consumer keys, which the ledger keeps for itself.
    Door { place: "crates/ledger/src/slots.rs", calls: &["Scope::system("] },
    // A sign-in, or a key that was looked up and found valid.
    Door { place: "crates/people/src/", calls: PEOPLE },
    // An operator's scope of the platform, when the account is opened; finding an account that is named.
    Door { place: "crates/trade/src/accounts.rs", calls: &["Scope::operator(", "Scope::system("] },
    // A partner link that was read and is active.
    Door {
        place: "crates/trade/src/partners.rs",
        calls: &["Scope::partner(", "Scope::partner_order(", "Scope::system("],
    },
    // What the consumers of the log have done for them, as the carrier between partners.
    Door { place: "crates/trade/src/carrier.rs", calls: &["Scope::system("] },
    // The register of connections and webhook endpoints, in the platform's account.
    Door { place: "crates/connect/src/followers.rs", calls: &["Scope::system("] },
    // The program's own consumers of the log, by name.
    Door { place: "crates/flow/src/", calls: &["Scope::system(", "Scope::partner(", "Scope::partner_order("] },
    // Backups that are made by themselves, told in the platform's log.
    Door { place: "crates/assure/src/backups/watch.rs", calls: &["Scope::system("] },
    // The door itself: a scope was shown.
    Door { place: "crates/ledger/", calls: &["vault.account("] },
    // Where keys are made.
    Door {
        place: "crates/vault/",
        calls: &["Vault::account(", "vault.account(", "vault().account(", ".endorse(", ".vouch(", "Vault::endorse("],
    },
    // The house that the API's own tests live in; no part of the program.
    Door { place: "crates/web/src/house.rs", calls: &["Scope::operator("] },
    // Whoever may start the program on its machine.
    Door { place: "crates/server/src/", calls: &["Scope::operator(", "Scope::system("] },
];

pub fn refusals(source: &Source) -> Vec<Refusal> {
    let place = source.path.to_string_lossy();
    CALLS
        .into_iter()
        .filter(|call| !DOORS.iter().any(|door| is_at(&place, door.place) && door.calls.contains(call)))
        .flat_map(|call| places(source, call).map(move |at| (call, at)))
        .map(|(call, at)| Refusal::line(&source.path, source.line(at), reason(call)))
        .collect()
}

fn reason(call: &str) -> String {
    let call = call.trim_end_matches(['(', ' ']);
    format!(
        "`{call}` gives authority, and this is not a place that checks for it: xtask/src/tidy/authority.rs names those"
    )
}

fn is_at(path: &str, place: &str) -> bool {
    if place.ends_with('/') { path.starts_with(place) } else { path == place }
}

/// Where the product makes this call, however its lines are broken; `ApiScope::key(` is another.
fn places<'a>(source: &'a Source, call: &'a str) -> impl Iterator<Item = usize> + 'a {
    let first = call.split([':', '.', ' ', '(']).next().unwrap_or(call);
    source.code.match_indices(first).map(|(at, _)| at).filter(move |at| {
        let (before, from) = source.code.split_at(*at);
        let is_whole = !before.ends_with(|character: char| character.is_alphanumeric() || character == '_');
        is_whole && begins(from, call) && source.is_product(*at)
    })
}

/// Does `code` begin with `call`, not counting the space that only the layout put there?
fn begins(code: &str, call: &str) -> bool {
    let is_plain = |wanted: char| wanted.is_alphanumeric() || matches!(wanted, '_' | ' ');
    call.chars()
        .try_fold(code, |rest, wanted| {
            if is_plain(wanted) {
                rest.strip_prefix(wanted)
            } else {
                rest.trim_start().strip_prefix(wanted).map(str::trim_start)
            }
        })
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::words;

    fn said(path: &str, text: &str) -> String {
        words(&refusals(&Source::new(path, text)))
    }

    #[test]
    fn scopes_are_made_where_evidence_is_checked() {
        assert_eq!(said("crates/people/src/keys/check.rs", "let a = Scope::key(x, y);"), "");
        assert_eq!(said("crates/trade/src/partners.rs", "Scope::partner(x, y)"), "");
        assert_eq!(said("crates/trade/tests/story.rs", "Scope::operator(x)"), "");
        assert_eq!(said("crates/trade/src/x.rs", "#[cfg(test)]\nmod tests { fn a() { Scope::key(x, y); } }"), "");
        assert_eq!(
            said("crates/web/src/x.rs", "ApiScope::key(x); // Scope::key( is elsewhere\nlet a = \"Scope::key(\";"),
            ""
        );
    }

    #[test]
    fn scopes_made_elsewhere_are_refused() {
        assert!(said("crates/web/src/x.rs", "fn a() {\n    Scope::key(x, y)\n}").contains("x.rs:2: `Scope::key`"));
        assert!(said("crates/web/src/x.rs", "bonded_ledger::Scope::staff(x, y)").contains("`Scope::staff`"));
        assert!(said("crates/flow/src/x.rs", "Scope::operator(x)").contains("`Scope::operator`"));
        assert!(said("crates/trade/src/partners/x.rs", "Scope::partner(x, y)").contains("`Scope::partner`"));
        assert!(said("crates/web/src/x.rs", "use bonded_ledger::Scope as Power;").contains("`Scope as`"));
        assert!(said("crates/web/src/x.rs", "return Scope\n    ::key(x, y)").contains("x.rs:1: `Scope::key`"));
    }

    #[test]
    fn keys_of_accounts_stay_with_the_ledger() {
        assert_eq!(said("crates/ledger/src/ledger.rs", "self.inner.vault.account(account)?"), "");
        assert!(said("crates/web/src/x.rs", "state\n    .vault\n    .account(id)").contains("x.rs:2: `vault.account`"));
        assert!(said("crates/flow/src/x.rs", "ledger.vault().account(id)").contains("`vault().account`"));
        assert!(said("crates/trade/src/x.rs", "Vault::account(&vault, id)").contains("`Vault::account`"));
        assert_eq!(said("crates/trade/src/x.rs", "scope.account(); my_vault.state()"), "");
    }
}
