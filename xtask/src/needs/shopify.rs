//! Shopify's own schema and samples of its webhooks, from packages of the npm registry into `target/shopify`.

use crate::chore::Chore;
use std::path::Path;

/// Where they go; the tests' counterpart of Shopify reads them there.
const DIRECTORY: &str = "target/shopify";

/// Fetches them and leaves a file `done`; the tests use it too, where nobody called this first.
const FETCH: &str = "crates/shopkit/src/fetch.sh";

/// Fetches what is missing, and says so. npm was installed before, for the platforms that run here.
pub fn meet(root: &Path) {
    if !is_here(root) {
        println!("    fetching from the npm registry into {DIRECTORY} (for the tests with Shopify's own schema)");
        if !Chore::program(root, "sh", &[FETCH, DIRECTORY]).answers() {
            println!("    it could not be had: npm, tar, gunzip and the registry are needed");
        }
    }
    let found = if is_here(root) { DIRECTORY } else { "none, so the tests with its counterpart are skipped" };
    println!("    Shopify's schema: {found}");
}

fn is_here(root: &Path) -> bool {
    root.join(DIRECTORY).join("done").is_file()
}
