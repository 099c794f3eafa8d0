//! What the tests need on a machine beyond Rust, and how it gets there on Debian.
//!
//! A C compiler is not looked for: Rust links with it, so without one this program would not run. Nothing else is
//! needed to build: the libraries that hold C code (`aws-lc-sys`, `libsqlite3-sys`) compile with it alone.

mod peers;
mod shopify;

use crate::chore::Chore;
use crate::failure::Failure;
use bonded_pgcluster::Programs;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const PACKAGE: &str = "postgresql";

/// What the tests in a browser need: Chromium, a font, and the tool that makes it trust an authority.
const BROWSER_PACKAGES: [&str; 3] = ["chromium", "libnss3-tools", "fonts-dejavu-core"];

/// The programs of these packages that the tests call.
const BROWSER_PROGRAMS: &str = "command -v chromium && command -v certutil";

/// Where the tests' mail server lives: a Python environment of its own, gone with `target`.
const MAIL_SERVER: &str = "target/mail-server";

/// What is put there, from the Python Package Index.
const MAIL_PACKAGE: &str = "aiosmtpd==1.4.6";

/// Where the tests' payment gateway lives.
const PAYMENT_SERVER: &str = "target/payment-server";

/// What is put there; a program of its own, which the tests speak to over HTTP.
const PAYMENT_PACKAGE: &str = "localstripe==1.15";

/// Where the tests' object store lives.
const OBJECT_STORE: &str = "target/object-store";

/// What is put there: an S3-compatible server that checks signatures and policies.
const OBJECT_PACKAGE: &str = "moto[server,s3]==5.2.5";

/// What plays the hardware that holds keys.
const HARDWARE_PACKAGE: &str = "softhsm2";

/// The program of this package that the tests call.
const HARDWARE_PROGRAM: &str = "command -v softhsm2-util";

/// Read by Debian's package before it makes a first cluster.
const CLUSTER_SETTINGS: &str = "/etc/postgresql-common/createcluster.conf";

const MAIL_TESTS_SKIPPED: &str = "none, so the tests that send mail are skipped";

const PAYMENT_TESTS_SKIPPED: &str = "none, so the tests that pay are skipped";

const OBJECT_TESTS_SKIPPED: &str = "none, so the tests of backups in object stores are skipped";

const HARDWARE_TESTS_SKIPPED: &str = "none, so the tests of keys in hardware are skipped";

const BROWSER_TESTS_SKIPPED: &str = "none, so the tests in a browser are skipped";

const ASK_FOR_IT: &str = "PostgreSQL's server programs are missing (initdb, pg_ctl, postgres). The tests run a private \
                          server of their own; no running server is needed.";

/// Installs what is missing where that is possible, and says so. What only long tests need is left out of a quick run.
pub fn meet(root: &Path, is_quick: bool) -> Result<(), Failure> {
    for (component, word) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !Chore::cargo(root, &[word, "--version"]).answers() {
            return Err(Failure::Missing(format!("{component} is missing: rustup component add {component}")));
        }
    }
    if Programs::find().is_none() {
        install_postgresql(root)?;
    }
    if !has_mail_server(root) {
        install_python(root, MAIL_SERVER, MAIL_PACKAGE, "the tests of mail");
    }
    if !has_payment_server(root) {
        install_python(root, PAYMENT_SERVER, PAYMENT_PACKAGE, "the tests of payments");
    }
    if !has_object_store(root) {
        install_python(root, OBJECT_STORE, OBJECT_PACKAGE, "the tests of backups in object stores");
    }
    if !has_browser(root) {
        install_debian(root, &BROWSER_PACKAGES, "the tests in a browser");
    }
    if !has_hardware(root) {
        install_debian(root, &[HARDWARE_PACKAGE], "the tests of keys in hardware");
    }
    if !is_quick {
        peers::meet(root);
        shopify::meet(root);
    }
    let programs = Programs::find().ok_or_else(|| Failure::Missing(ASK_FOR_IT.to_owned()))?;
    println!("    PostgreSQL's programs: {}", programs.directory().display());
    println!("    mail server: {}", if has_mail_server(root) { MAIL_SERVER } else { MAIL_TESTS_SKIPPED });
    println!("    payment gateway: {}", if has_payment_server(root) { PAYMENT_SERVER } else { PAYMENT_TESTS_SKIPPED });
    println!("    object store: {}", if has_object_store(root) { OBJECT_STORE } else { OBJECT_TESTS_SKIPPED });
    println!("    browser: {}", if has_browser(root) { "Chromium" } else { BROWSER_TESTS_SKIPPED });
    println!("    hardware module: {}", if has_hardware(root) { "SoftHSM2" } else { HARDWARE_TESTS_SKIPPED });
    println!(
        "    test runner: {}",
        if has_nextest(root) { "cargo nextest" } else { "cargo test (nextest is not installed)" }
    );
    Ok(())
}

/// Is the quicker runner here?
pub fn has_nextest(root: &Path) -> bool {
    Chore::cargo(root, &["nextest", "--version"]).answers()
}

fn has_mail_server(root: &Path) -> bool {
    can_import(root, MAIL_SERVER, "import aiosmtpd")
}

fn has_payment_server(root: &Path) -> bool {
    can_import(root, PAYMENT_SERVER, "import localstripe")
}

fn has_object_store(root: &Path) -> bool {
    can_import(root, OBJECT_STORE, "import moto.server, boto3")
}

fn can_import(root: &Path, place: &str, line: &str) -> bool {
    let python = root.join(place).join("bin/python");
    Chore::program(root, &python.to_string_lossy(), &["-c", line]).answers()
}

/// Nothing outside `target` is touched. Where it cannot be had, the tests that need it say that they were skipped.
fn install_python(root: &Path, place: &str, package: &str, for_what: &str) {
    println!("    installing from the Python Package Index into {place}: {package} (for {for_what})");
    let pip = root.join(place).join("bin/pip");
    let made = Chore::program(root, "python3", &["-m", "venv", place]).answers();
    let words = ["install", "--quiet", "--disable-pip-version-check", package];
    if !made || !Chore::program(root, &pip.to_string_lossy(), &words).answers() {
        println!("    it could not be had: python3 with its venv module, and the index, are needed");
    }
}

fn has_browser(root: &Path) -> bool {
    Chore::program(root, "sh", &["-c", BROWSER_PROGRAMS]).answers()
}

fn has_hardware(root: &Path) -> bool {
    Chore::program(root, "sh", &["-c", HARDWARE_PROGRAM]).answers()
}

/// Where it cannot be had, the tests that need it say that they were skipped.
fn install_debian(root: &Path, packages: &[&str], for_what: &str) {
    let named = packages.join(" ");
    if !has_apt(root) || !is_root() {
        println!("    for {for_what}, on Debian: sudo apt-get install --no-install-recommends {named}");
        return;
    }
    println!("    installing from Debian: {named} (for {for_what})");
    let installed = apt(root, &["-qq", "update"]).and_then(|()| apt_install(root, packages));
    if let Err(why) = installed {
        println!("    it could not be had: {why}");
    }
}

fn has_apt(root: &Path) -> bool {
    Chore::program(root, "apt-get", &["--version"]).answers()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn install_postgresql(root: &Path) -> Result<(), Failure> {
    if !has_apt(root) {
        return Err(Failure::Missing(format!("{ASK_FOR_IT} Install them and come again.")));
    }
    if !is_root() {
        return Err(Failure::Missing(format!(
            "{ASK_FOR_IT} Install them and come again: sudo apt-get install --no-install-recommends {PACKAGE}"
        )));
    }
    println!("    installing from Debian: {PACKAGE} (for the tests; no server of the system is started)");
    leave_no_cluster()?;
    apt(root, &["-qq", "update"])?;
    apt_install(root, &[PACKAGE])
}

fn apt_install(root: &Path, packages: &[&str]) -> Result<(), Failure> {
    let words = ["-qq", "-o", "Dpkg::Use-Pty=0", "install", "-y", "--no-install-recommends"];
    apt(root, &[&words, packages].concat())
}

/// Tells Debian's package not to make and start a cluster of its own.
fn leave_no_cluster() -> Result<(), Failure> {
    let settings = Path::new(CLUSTER_SETTINGS);
    if settings.exists() {
        return Ok(());
    }
    let directory = settings.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).map_err(Failure::reaching(CLUSTER_SETTINGS))?;
    fs::write(settings, "create_main_cluster = false\n").map_err(Failure::reaching(CLUSTER_SETTINGS))
}

/// Without questions, and with the settings that are there kept.
fn apt(root: &Path, words: &[&str]) -> Result<(), Failure> {
    Chore::program(root, "apt-get", words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("UCF_FORCE_CONFFOLD", "1")
        .advising("Debian's packages could not be reached or installed")
        .run()
}
