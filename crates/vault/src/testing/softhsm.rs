//! A token of `SoftHSM2` of a test's own, in a process of the test's own.
//!
//! The library reads where its tokens lie from a variable of its process, and there is one library a process. So a test
//! starts itself once more, with that variable set, and plays its scene there.

use crate::{Hsm, HsmSetup};
use bonded_base::Secret;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// Where Debian keeps the library.
const MODULES: [&str; 2] = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
/// The variable that `SoftHSM2` reads.
const SETTINGS: &str = "SOFTHSM2_CONF";
/// Tells the process that plays the scene where its files are.
const STAGE: &str = "BONDED_VAULT_TEST_STAGE";

pub(crate) const TOKEN: &str = "bonded";
const PIN: &str = "493817";

/// Plays a scene, which gets a directory of its own, in a process of its own. `name` is the test's.
pub(crate) fn play(name: &str, scene: fn(&Path)) {
    if let Some(stage) = std::env::var_os(STAGE) {
        return scene(Path::new(&stage));
    }
    if module().is_none() {
        eprintln!("skipped: SoftHSM2 is not installed (cargo xtask needs)");
        return;
    }
    // Power failures are played here, as in the house: a disk of memory does.
    let memory = Path::new("/dev/shm");
    let stage = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
    make_token(stage.path(), TOKEN);
    let mut command = again(name);
    command.env(STAGE, stage.path()).env(SETTINGS, stage.path().join("softhsm2.conf"));
    let output = command.output().unwrap();
    let (said, erred) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{:?}\n{said}\n{erred}", output.status);
    assert!(said.contains("1 passed"), "{said}");
}

/// This program, to run one test of it.
pub(crate) fn again(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).stdin(Stdio::null());
    command
}

/// A token in the stage's directory of tokens.
pub(crate) fn make_token(stage: &Path, label: &str) {
    let tokens = stage.join("tokens");
    std::fs::create_dir_all(&tokens).unwrap();
    let settings = stage.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    std::fs::write(&settings, text).unwrap();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", label, "--so-pin", "271828", "--pin", PIN])
        .env(SETTINGS, settings)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

pub(crate) fn module() -> Option<PathBuf> {
    MODULES.map(PathBuf::from).into_iter().find(|module| module.exists())
}

pub(crate) fn setup() -> HsmSetup {
    let pin = Some(Arc::new(Secret::new(PIN.to_owned())));
    HsmSetup { module: module().unwrap(), token: TOKEN.to_owned(), pin }
}

pub(crate) fn hsm() -> Hsm {
    Hsm::new(setup()).unwrap()
}
