//! Modules are named for the business they do, never for being useful to others.

use super::Refusal;
use crate::source::Source;

/// Words that no module or directory may have in its name.
const BANNED: [&str; 10] =
    ["common", "helper", "helpers", "manager", "managers", "misc", "service", "services", "util", "utils"];

pub fn refusals(source: &Source) -> Vec<Refusal> {
    let of_path = source.path.iter().filter_map(|part| banned(&part.to_string_lossy()).map(|word| (1, word)));
    let of_modules = source.code.lines().enumerate().filter_map(|(at, line)| Some((at + 1, banned(module(line)?)?)));
    of_path
        .chain(of_modules)
        .map(|(line, word)| {
            Refusal::line(&source.path, line, format!("a module named `{word}` tells nobody what it does"))
        })
        .collect()
}

/// The name that `pub mod name {` or `mod name;` gives.
fn module(line: &str) -> Option<&str> {
    let mut words = line.split([' ', ';', '{', '(', ')']).filter(|word| !word.is_empty());
    words.find(|word| !matches!(*word, "pub" | "crate" | "super")).filter(|word| *word == "mod")?;
    words.next()
}

fn banned(name: &str) -> Option<&'static str> {
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    BANNED.into_iter().find(|word| stem.split(['_', '-', '.']).any(|part| part == *word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::words;

    fn said(path: &str, text: &str) -> String {
        words(&refusals(&Source::new(path, text)))
    }

    #[test]
    fn business_names_are_fine() {
        assert_eq!(said("crates/trade/src/orders.rs", "mod lines;\npub mod routing { }\nlet service = 1;"), "");
        assert_eq!(said("crates/trade/src/utilisation.rs", ""), "");
    }

    #[test]
    fn banned_names_are_caught_wherever_they_stand() {
        assert!(said("crates/trade/src/utils.rs", "").contains("`utils`"));
        assert!(said("crates/trade/src/order_helpers.rs", "").contains("`helpers`"));
        assert!(said("crates/common/src/lib.rs", "").contains("`common`"));
        assert!(said("crates/trade/src/manager/mod.rs", "").contains("`manager`"));
        assert!(said("crates/trade/src/x.rs", "fn a() {}\npub(crate) mod order_service {").contains("x.rs:2"));
        assert!(said("crates/trade/src/x.rs", "mod misc;").contains("`misc`"));
    }
}
