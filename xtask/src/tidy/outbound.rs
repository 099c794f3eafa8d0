//! There is one way out over HTTP: no other code of the product makes a client of its own.

use super::Refusal;
use crate::source::Source;

/// What a client for HTTP is made with.
const CLIENTS: [&str; 4] = ["reqwest::", "hyper_util::client", "hyper::client", "lettre::transport"];

/// Who may: the way out itself, the mailer; the operator's proxy, whose keys are no account's business; and programs
/// that are clients of Bonded itself.
const DOORS: [(&str, &[&str]); 11] = [
    ("crates/connect/src/outbound.rs", &["hyper_util::client"]),
    ("crates/connect/src/outbound/", &["hyper_util::client"]),
    ("crates/connect/src/mail.rs", &["lettre::transport"]),
    ("crates/connect/src/mail/", &["lettre::transport"]),
    // Backups go to the operator's own places, in chunks that no merchant's account knows of.
    ("crates/assure/src/backups/place/http.rs", &["reqwest::"]),
    ("crates/server/src/identity.rs", &["reqwest::"]),
    ("crates/server/src/settings/", &["reqwest::"]),
    ("crates/server/src/demo/", &["reqwest::"]),
    ("crates/server/src/bench/", &["reqwest::", "hyper_util::client", "hyper::client"]),
    // The shops that tests speak to are no part of the product.
    ("crates/shopkit/", &["reqwest::"]),
    ("crates/server/src/listen.rs", &["reqwest::"]),
];

pub fn refusals(source: &Source) -> Vec<Refusal> {
    let path = source.path.to_string_lossy();
    let may = |client: &str| {
        let is_at = |place: &str| if place.ends_with('/') { path.starts_with(place) } else { path == place };
        DOORS.iter().any(|(place, clients)| is_at(place) && clients.contains(&client))
    };
    let mut refusals = Vec::new();
    for client in CLIENTS.into_iter().filter(|client| path.starts_with("crates/") && !may(client)) {
        let places = source.code.match_indices(client).filter(|(at, _)| source.is_product(*at));
        refusals.extend(places.map(|(at, _)| {
            let why = format!("`{client}` leads out past crates/connect/src/outbound.rs, which is the one way");
            Refusal::line(&source.path, source.line(at), why)
        }));
    }
    refusals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::words;

    fn said(path: &str, text: &str) -> String {
        words(&refusals(&Source::new(path, text)))
    }

    #[test]
    fn clients_are_made_at_the_door_alone() {
        assert_eq!(said("crates/connect/src/outbound.rs", "use hyper_util::client::legacy::Client;"), "");
        assert_eq!(said("crates/server/src/demo/api.rs", "reqwest::Client::new()"), "");
        assert_eq!(said("crates/web/src/x.rs", "#[cfg(test)]\nmod tests { fn a() { reqwest::get(x); } }"), "");
        assert!(said("crates/flow/src/x.rs", "fn a() {\n    reqwest::get(x);\n}").contains("x.rs:2: `reqwest::`"));
        assert!(
            said("crates/connect/src/shopify.rs", "use hyper_util::client::legacy::Client;").contains("outbound.rs")
        );
        assert!(said("crates/people/src/x.rs", "use lettre::transport::smtp;").contains("`lettre::transport`"));
    }
}
