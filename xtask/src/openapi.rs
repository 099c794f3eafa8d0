//! The API's description as a file: what the server says of itself is written to `openapi/`.

use crate::chore::Chore;
use crate::failure::Failure;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// The contract that is committed; a test of the server compares it with what the server says.
const CONTRACT: &str = "openapi/bonded-v1.json";

/// Runs `bonded openapi` and keeps its standard output as the contract.
pub fn write(root: &Path) -> ExitCode {
    match said(root) {
        Ok(()) => {
            println!("{CONTRACT} is up to date");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("{CONTRACT} is as it was: {why}");
            ExitCode::FAILURE
        }
    }
}

fn said(root: &Path) -> Result<(), Failure> {
    let text = Chore::cargo(root, &["run", "--quiet", "--package", "bonded-server", "--", "openapi"]).output()?;
    if !text.trim_start().starts_with('{') {
        return Err(Failure::Missing("`bonded openapi` did not print a JSON object".to_owned()));
    }
    fs::write(root.join(CONTRACT), format!("{}\n", text.trim_end())).map_err(Failure::reaching(CONTRACT))
}
