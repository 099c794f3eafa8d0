//! Files that the program writes of itself: what it says is kept beside the code, so that a change of it is seen in a diff.

use crate::chore::Chore;
use crate::failure::Failure;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// One such file, that a test compares with what the program says.
pub struct Generated {
    path: &'static str,
    command: &'static str,
    begins: &'static str,
}

/// The API's description.
pub const OPENAPI: Generated = Generated { path: "openapi/bonded-v1.json", command: "openapi", begins: "{" };

/// What each role may do.
pub const ROLES: Generated = Generated { path: "docs/roles.md", command: "roles", begins: "# Who may do what" };

impl Generated {
    /// Runs `bonded` with its command and keeps the standard output.
    pub fn write(&self, root: &Path) -> ExitCode {
        match self.keep_what_is_said(root) {
            Ok(()) => {
                println!("{} is up to date", self.path);
                ExitCode::SUCCESS
            }
            Err(why) => {
                println!("{} is as it was: {why}", self.path);
                ExitCode::FAILURE
            }
        }
    }

    fn keep_what_is_said(&self, root: &Path) -> Result<(), Failure> {
        let words = ["run", "--quiet", "--package", "bonded-server", "--", self.command];
        let text = Chore::cargo(root, &words).output()?;
        if !text.trim_start().starts_with(self.begins) {
            return Err(Failure::Missing(format!("`bonded {}` did not print what it should", self.command)));
        }
        fs::write(root.join(self.path), format!("{}\n", text.trim_end())).map_err(Failure::reaching(self.path))
    }
}
