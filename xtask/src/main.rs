//! The chores of the house as one program: `cargo xtask test` checks everything that a change must pass.
//!
//! Architecture invariant: it depends on the standard library and on `bonded-pgcluster` alone, so that a newcomer's
//! first command compiles in seconds.

mod chore;
mod docs;
mod failure;
mod generated;
mod libraries;
mod licence;
mod needs;
mod plan;
mod source;
mod suite;
mod tally;
mod tidy;

use plan::Plan;
use std::env;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test [--quick]   everything a change must pass, in this order; --quick leaves out what takes long
  needs            is what the tests need on this machine? installs PostgreSQL from Debian where it is missing
  fmt              is every file formatted?
  tidy             the house's rules that no lint can hold
  clippy           lints, every warning an error
  libraries        licences, banned crates, and a reason in ARCHITECTURE.md for every direct dependency
  tests            unit, conformance and end-to-end tests, with a PostgreSQL of their own
  docs             the documentation builds and its examples run
  openapi          writes openapi/bonded-v1.json anew
  roles            writes docs/roles.md anew
";

/// The exit code for a command line that nobody understands.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    match words.as_slice() {
        ["test"] => Plan::whole().carry_out(root),
        ["test", "--quick"] => Plan::quick().carry_out(root),
        ["openapi"] => generated::OPENAPI.write(root),
        ["roles"] => generated::ROLES.write(root),
        [name] if Plan::single(name).is_some() => {
            Plan::single(name).map_or(ExitCode::FAILURE, |plan| plan.carry_out(root))
        }
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}
