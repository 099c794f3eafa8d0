//! Arrows between crates run down only: a crate uses those below its own floor, and never one beside or above it.

use super::{Page, Refusal};

/// The floors of the house, from the ground up. Crates on one floor do not know each other.
const FLOORS: [&[&str]; 9] = [
    &["base", "pgcluster"],
    &["merkle", "vault"],
    &["ledger"],
    &["trade", "people"],
    &["connect"],
    &["flow"],
    &["assure"],
    &["web"],
    &["server"],
];

/// For tests alone: they may use any floor, and the floors name them under `[dev-dependencies]` only.
const SCAFFOLDS: [&str; 3] = ["shopkit", "testkit", "xtask"];

const PREFIX: &str = "bonded-";

/// Looks at the `Cargo.toml` of every member.
pub fn refusals(manifests: &[Page]) -> Vec<Refusal> {
    manifests.iter().flat_map(of_manifest).collect()
}

fn of_manifest(manifest: &Page) -> Vec<Refusal> {
    let directory = manifest.path.parent().and_then(|directory| directory.file_name()).unwrap_or_default();
    let room = directory.to_string_lossy();
    if SCAFFOLDS.contains(&&*room) {
        return Vec::new();
    }
    let Some(own) = floor(&room) else {
        let why = "this crate has no floor: give it one in xtask/src/tidy/order.rs, as ARCHITECTURE.md says";
        return vec![Refusal::file(&manifest.path, why)];
    };
    used(&manifest.text)
        .into_iter()
        .filter(|used| used.room != room && !is_allowed(own, used))
        .map(|used| Refusal::line(&manifest.path, used.line, reason(&room, &used)))
        .collect()
}

struct Used {
    room: String,
    line: usize,
    is_dev: bool,
}

fn is_allowed(own: usize, used: &Used) -> bool {
    match floor(&used.room) {
        Some(floor) => floor < own,
        None => used.is_dev && SCAFFOLDS.contains(&used.room.as_str()),
    }
}

fn reason(room: &str, used: &Used) -> String {
    if SCAFFOLDS.contains(&used.room.as_str()) {
        return format!("{} is for tests alone: name it under [dev-dependencies]", used.room);
    }
    format!("arrows run down only: {room} must not use {}", used.room)
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// Our own crates that a manifest names, in whatever table of dependencies.
fn used(manifest: &str) -> Vec<Used> {
    let mut table = "";
    let mut found = Vec::new();
    for (at, line) in manifest.lines().enumerate() {
        let line = line.trim();
        let (place, name) = if let Some(header) = line.strip_prefix('[') {
            table = header.trim_end_matches(']');
            // `[dependencies.bonded-base]` is the long way to write an entry.
            table.rsplit_once('.').unwrap_or(("", table))
        } else {
            (table, line)
        };
        if let Some(name) = name.strip_prefix(PREFIX).filter(|_| place.ends_with("dependencies")) {
            let room = name.split(|character: char| !character.is_alphanumeric() && character != '-').next();
            let room = room.unwrap_or_default().to_owned();
            found.push(Used { room, line: at + 1, is_dev: place.ends_with("dev-dependencies") });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::words;

    fn said(room: &str, manifest: &str) -> String {
        words(&refusals(&[Page { path: format!("crates/{room}/Cargo.toml").into(), text: manifest.into() }]))
    }

    #[test]
    fn arrows_down_are_allowed() {
        assert_eq!(
            said("ledger", "[dependencies]\nbonded-base.workspace = true\nbonded-vault = { path = \"../vault\" }\n"),
            ""
        );
        assert_eq!(said("ledger", "[dev-dependencies]\nbonded-testkit.workspace = true\n"), "");
        assert_eq!(said("testkit", "[dependencies]\nbonded-server.workspace = true\n"), "");
    }

    #[test]
    fn an_arrow_up_or_sideways_is_refused() {
        let up = said("ledger", "[dependencies]\nserde.workspace = true\nbonded-trade.workspace = true\n");
        assert_eq!(up, "crates/ledger/Cargo.toml:3: arrows run down only: ledger must not use trade");
        assert!(said("trade", "[dependencies]\nbonded-people.workspace = true\n").contains("must not use people"));
        assert!(
            said("trade", "[dev-dependencies]\nbonded-flow = { path = \"../flow\" }\n").contains("must not use flow")
        );
        assert!(said("base", "[dependencies.bonded-ledger]\npath = \"../ledger\"\n").contains("must not use ledger"));
        assert!(said("base", "[target.'cfg(unix)'.dependencies]\nbonded-web.workspace = true\n").contains("use web"));
    }

    #[test]
    fn scaffolds_stay_out_of_the_product() {
        let said = said("trade", "[dependencies]\nbonded-testkit.workspace = true\n");
        assert!(said.contains("testkit is for tests alone"), "{said}");
    }

    #[test]
    fn a_crate_without_a_floor_is_refused() {
        assert!(said("attic", "").contains("has no floor"));
        assert!(said("ledger", "[dependencies]\nbonded-attic.workspace = true\n").contains("must not use attic"));
    }
}
