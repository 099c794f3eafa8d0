//! The libraries that the house lets in: their licences, those that are banned, and the reason for each direct one.

use crate::chore::Chore;
use crate::failure::Failure;
use crate::licence;
use crate::tidy::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Libraries that must not be in the tree, not even by way of another one, and why.
const BANNED: [(&str, &str); 8] = [
    ("ring", "cryptography has one source, aws-lc-rs"),
    ("openssl", "cryptography has one source, aws-lc-rs"),
    ("openssl-sys", "cryptography has one source, aws-lc-rs"),
    ("native-tls", "TLS is rustls on every machine"),
    ("webpki-roots", "the machine's own certificates are trusted, not a list that ages with our release"),
    ("chrono", "time has one library, jiff"),
    ("async-std", "there is one runtime, tokio"),
    ("serde_yaml", "given up by its author; configuration is TOML"),
];

/// Banned libraries that one other brings along and keeps to itself: nobody else in the tree may use them.
const CARRIED: [(&str, &str); 1] = [("chrono", "object_store")];

/// Packages whose manifest names no licence but a file, and the licence that the file is: read by a person, version by
/// version.
const READ: [(&str, &str); 1] = [("jsonpath-rust v0.3.5", "MIT")];

/// The file whose table of libraries gives the reasons.
const REASONS: &str = "ARCHITECTURE.md";

/// Begins the names of our own crates.
const OURS: &str = "bonded-";

/// Looks at all that is built for this machine, tests included.
pub fn check(root: &Path) -> Result<(), Failure> {
    let mut refusals = tree(&cargo_tree(root, &["--prefix", "none", "--format", "{p}|{l}"])?);
    let near = cargo_tree(root, &["--no-dedupe", "--depth", "1", "--prefix", "depth"])?;
    let architecture = fs::read_to_string(root.join(REASONS)).map_err(Failure::reaching(REASONS))?;
    refusals.extend(reasons(&direct(&near), &architecture));
    for (library, carrier) in CARRIED {
        let users = cargo_tree(root, &["--invert", library, "--depth", "1", "--prefix", "depth"])?;
        refusals.extend(carried(library, carrier, &users));
    }
    if refusals.is_empty() { Ok(()) } else { Err(Failure::Refused(refusals)) }
}

fn cargo_tree(root: &Path, form: &[&str]) -> Result<String, Failure> {
    let words = [&["tree", "--workspace", "--edges", "normal,build,dev"][..], form].concat();
    Chore::cargo(root, &words).output()
}

/// Checks every line `name v1.2.3 (place)|licence` of the tree.
fn tree(lines: &str) -> Vec<Refusal> {
    let packages: BTreeMap<&str, &str> =
        lines.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once('|')).collect();
    let mut refusals = Vec::new();
    for (package, licence) in packages {
        let name = package.split(' ').next().unwrap_or(package);
        let is_carried = CARRIED.iter().any(|(library, _)| *library == name);
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name && !is_carried) {
            refusals.push(Refusal::new("Cargo.lock", format!("{name} is banned: {why}")));
        }
        let licence = READ.iter().find(|(read, _)| *read == package).map_or(licence, |(_, licence)| licence);
        if !licence::is_allowed(licence) {
            refusals
                .push(Refusal::new("Cargo.lock", format!("{package} has a licence that is not allowed: `{licence}`")));
        }
        if package.contains("://") {
            refusals.push(Refusal::new("Cargo.lock", format!("{package} does not come from the registry")));
        }
    }
    refusals
}

/// A banned library is used by its carrier and by nobody else; `users` is the tree from it upwards, of depth one.
fn carried(library: &str, carrier: &str, users: &str) -> Vec<Refusal> {
    let names = users.lines().filter_map(|line| line.strip_prefix('1')?.split(' ').next());
    let others = names.filter(|name| *name != carrier);
    others.map(|name| Refusal::new("Cargo.lock", format!("{library} is banned, and {name} uses it"))).collect()
}

/// The names at depth one that are not our own.
fn direct(lines: &str) -> BTreeSet<&str> {
    lines
        .lines()
        .filter_map(|line| line.strip_prefix('1')?.split(' ').next())
        .filter(|name| !name.starts_with(OURS))
        .collect()
}

/// Each direct library stands in the table with its reason, and no other does.
fn reasons(direct: &BTreeSet<&str>, architecture: &str) -> Vec<Refusal> {
    let table = table(architecture);
    let missing = direct.iter().filter(|name| table.get(*name).is_none_or(|reason| reason.is_empty()));
    let stale = table.keys().filter(|name| !direct.contains(*name));
    missing
        .map(|name| format!("the table of libraries gives no reason for {name}: a row | `{name}` | why |"))
        .chain(stale.map(|name| format!("the table of libraries names {name}, which nothing uses directly")))
        .map(|why| Refusal::new(REASONS, why))
        .collect()
}

/// Library and reason, from the rows | `name`, `name` | reason | below a heading that holds the word libraries.
fn table(architecture: &str) -> BTreeMap<&str, &str> {
    architecture
        .lines()
        .skip_while(|line| !(line.starts_with('#') && line.to_lowercase().contains("libraries")))
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_prefix('|')?.split_once('|'))
        .flat_map(|(names, reason)| {
            let reason = reason.trim_matches(['|', ' ']);
            names.split('`').skip(1).step_by(2).map(move |name| (name, reason))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(refusals: &[Refusal]) -> String {
        refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_good_tree_is_let_in() {
        let lines = "bonded-base v0.1.0 (/src/crates/base)|Apache-2.0\nserde v1.0.228|MIT OR Apache-2.0 (*)\n\nserde_derive v1.0.228 (proc-macro)|MIT\n";
        assert_eq!(words(&tree(lines)), "");
    }

    #[test]
    fn banned_libraries_foreign_licences_and_sources_are_refused() {
        let said = words(&tree(
            "ring v0.17.14|Apache-2.0 AND ISC\nviral v1.0.0|AGPL-3.0-only\nnameless v1.0.0|\ngitty v0.1.0 (https://example.org/gitty#abc)|MIT\n",
        ));
        assert!(said.contains("ring is banned"), "{said}");
        assert!(said.contains("viral v1.0.0 has a licence"), "{said}");
        assert!(said.contains("nameless v1.0.0 has a licence"), "{said}");
        assert!(said.contains("gitty v0.1.0 (https://example.org/gitty#abc) does not come"), "{said}");
        assert_eq!(said.lines().count(), 4, "{said}");
    }

    #[test]
    fn what_one_library_brings_along_is_nobody_else_s() {
        let users = "0chrono v0.4.45\n1object_store v0.14.2\n";
        assert_eq!(words(&carried("chrono", "object_store", users)), "");
        let users = format!("{users}1bonded-trade v0.1.0 (/src)\n");
        assert!(words(&carried("chrono", "object_store", &users)).contains("bonded-trade uses it"));
    }

    #[test]
    fn direct_libraries_are_those_at_depth_one() {
        let lines = "0bonded-ledger v0.1.0 (/src)\n1serde v1.0.228\n1bonded-base v0.1.0 (/src)\n1toml v1.0.0\n";
        assert_eq!(direct(lines), BTreeSet::from(["serde", "toml"]));
    }

    #[test]
    fn each_direct_library_needs_a_reason_and_no_reason_outlives_its_library() {
        let architecture = "# House\n| `old` | not this table |\n## Libraries\n| library | why |\n|---|---|\n| `serde`, `serde_json` | JSON |\n| `toml` | |\n| `gone` | once |\n## Next\n| `jiff` | not here |\n";
        let said = words(&reasons(&BTreeSet::from(["serde", "serde_json", "toml", "jiff"]), architecture));
        assert!(!said.contains("serde"), "{said}");
        for refused in ["no reason for toml", "no reason for jiff", "names gone"] {
            assert!(said.contains(refused), "{refused}: {said}");
        }
        assert_eq!(said.lines().count(), 3, "{said}");
    }
}
