//! The packages of the real Medusa and Vendure that the tests talk to, from the npm registry into `target/peers`.
//!
//! Nothing outside `target` is touched, but for Node.js itself from Debian where it is missing. Where they cannot be had,
//! the tests that need them say that they were skipped.

use super::{apt, apt_install, has_apt, is_root};
use crate::chore::Chore;
use crate::failure::Failure;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Where the packages lie.
const PEERS: &str = "target/peers";

/// Where it stands which packages: a `package.json` and its lock for each platform.
const WANTED: &str = "crates/testkit/peers";

/// The platforms, each with what npm must be told for it.
const PLATFORMS: [(&str, &[&str]); 2] = [("medusa", &["--legacy-peer-deps"]), ("vendure", &[])];

const NODE_PACKAGES: [&str; 2] = ["nodejs", "npm"];

/// Succeeds where Node.js is recent enough: both platforms ask for 20.
const NODE_IS_RECENT: &str = "process.exit(Number(process.versions.node.split('.')[0]) >= 20 ? 0 : 1)";

/// Installs what is missing, where that is possible, and says so.
pub fn meet(root: &Path) {
    if !has_node(root) {
        install_node(root);
    }
    for (name, words) in PLATFORMS {
        if let Err(why) = install(root, name, words) {
            println!("    {name} could not be had: {why}");
        }
    }
    let missing: Vec<_> = PLATFORMS.iter().map(|(name, _)| *name).filter(|name| !is_installed(root, name)).collect();
    if missing.is_empty() {
        println!("    commerce platforms: Medusa and Vendure in {PEERS}");
    } else {
        println!("    commerce platforms: without {}, so the tests with them are skipped", missing.join(" and "));
    }
}

fn has_node(root: &Path) -> bool {
    Chore::program(root, "node", &["-e", NODE_IS_RECENT]).answers()
        && Chore::program(root, "npm", &["--version"]).answers()
}

fn install_node(root: &Path) {
    let packages = NODE_PACKAGES.join(" ");
    if !has_apt(root) || !is_root() {
        println!(
            "    for the tests with Medusa and Vendure, Node.js 20 or later is needed: sudo apt-get install {packages}"
        );
        return;
    }
    println!("    installing from Debian: {packages} (for the tests with Medusa and Vendure)");
    if let Err(why) = apt(root, &["-qq", "update"]).and_then(|()| apt_install(root, &NODE_PACKAGES)) {
        println!("    it could not be had: {why}");
    } else if !has_node(root) {
        println!("    Debian's Node.js is too old here: the tests with Medusa and Vendure need 20 or later");
    }
}

/// What npm is told to install: the two files of a platform, one after the other.
fn wanted(root: &Path, name: &str) -> Result<[String; 2], Failure> {
    let read = |file: &str| {
        let path = root.join(WANTED).join(name).join(file);
        fs::read_to_string(&path).map_err(Failure::reaching(path.display().to_string()))
    };
    Ok([read("package.json")?, read("package-lock.json")?])
}

/// Written when all is there: what it was installed from.
fn mark(root: &Path, name: &str) -> PathBuf {
    root.join(PEERS).join(name).join("installed")
}

fn is_installed(root: &Path, name: &str) -> bool {
    wanted(root, name).is_ok_and(|wanted| fs::read_to_string(mark(root, name)).is_ok_and(|had| had == wanted.concat()))
}

fn install(root: &Path, name: &str, words: &[&str]) -> Result<(), Failure> {
    let directory = root.join(PEERS).join(name);
    let reaching = || Failure::reaching(directory.display().to_string());
    fs::create_dir_all(&directory).map_err(reaching())?;
    // Another run of this program may be at it.
    let lock = File::create(directory.join("install.lock")).map_err(reaching())?;
    lock.lock().map_err(reaching())?;
    if is_installed(root, name) || !has_node(root) {
        return Ok(());
    }
    let [package, locked] = wanted(root, name)?;
    fs::write(directory.join("package.json"), &package).map_err(reaching())?;
    fs::write(directory.join("package-lock.json"), &locked).map_err(reaching())?;
    println!("    installing from the npm registry into {PEERS}/{name} (for the tests with Medusa and Vendure)");
    let place = format!("{PEERS}/{name}");
    // Not `ci`: that refuses a lock without the packages of every other system.
    let fixed = ["--prefix", &place, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    Chore::program(root, "npm", &[&fixed, words].concat()).advising("the npm registry is needed").run()?;
    fs::write(mark(root, name), [package, locked].concat()).map_err(reaching())
}
