//! The documentation of the code: it builds without a warning, and its examples run.

use crate::chore::{Chore, Voice};
use crate::failure::Failure;
use crate::plan::Round;

/// Builds the docs of our own crates, then runs the examples in them.
pub fn build(round: &mut Round) -> Result<(), Failure> {
    Chore::cargo(round.root, &["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").run()?;
    Chore::cargo(round.root, &["test", "--workspace", "--doc"]).count(Voice::Output, &mut round.tally)
}
