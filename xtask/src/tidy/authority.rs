//! The calls that give power over an account stand only where the evidence for it was checked.

use super::Refusal;
use crate::source::Source;

/// A file, or all files below a directory that ends in `/`, and the calls that may stand there.
struct Door {
    place: &'static str,
    calls: &'static [&'static str],
}

/// Every call that gives authority.
const CALLS: [&str; 8] = [
    "Scope::key(",
    "Scope::member(",
    "Scope::operator(",
    "Scope::partner(",
    "Scope::partner_order(",
    "Scope::staff(",
    "Scope::system(",
    // Under another name the calls above could not be found.
    "Scope as ",
];

/// Who may make them, and on what evidence.
const DOORS: [Door; 6] = [
    // Where they are defined.
    Door { place: "crates/ledger/src/scope.rs", calls: &CALLS },
    // The places of consumer keys, which the ledger keeps for itself.
    Door { place: "crates/ledger/src/slots.rs", calls: &["Scope::system("] },
    // A sign-in, or a key that was looked up and found valid.
    Door { place: "crates/people/src/", calls: &["Scope::key(", "Scope::member(", "Scope::staff(", "Scope::system("] },
    // A partner link that was read and is active.
    Door {
        place: "crates/trade/src/partners.rs",
        calls: &["Scope::partner(", "Scope::partner_order(", "Scope::system("],
    },
    // The program's own consumers of the log, by name.
    Door { place: "crates/flow/src/", calls: &["Scope::system(", "Scope::partner(", "Scope::partner_order("] },
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

/// Where the product makes this call; `ApiScope::key(` is another.
fn places<'a>(source: &'a Source, call: &'a str) -> impl Iterator<Item = usize> + 'a {
    source.code.match_indices(call).map(|(at, _)| at).filter(|at| {
        let before = source.code.get(..*at).and_then(|code| code.chars().next_back()).unwrap_or(' ');
        !before.is_alphanumeric() && before != '_' && source.is_product(*at)
    })
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
    }
}
