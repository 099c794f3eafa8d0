//! Starting Chromium: a home of its own in which an authority is trusted, and the end of both.

use super::trouble::Trouble;
use super::wire::Wire;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// Chromium, by the name Debian gives it.
const CHROMIUM: &str = "chromium";

/// The tool of NSS that writes the list of trusted authorities which Chromium reads.
const CERTUTIL: &str = "certutil";

/// Runs Chromium with the pipes of its developer protocol as the descriptors 3 and 4, then removes the directory that was given first;
/// so it goes too when the test was killed and could not remove it.
const SHELL: &str = r#"d=$1; shift; "$@" 3<&0 4>&1 </dev/null >/dev/null; rm -rf -- "$d""#;

/// How Chromium is to run: without a screen, alone, quiet, and asking nobody outside.
const FLAGS: [&str; 25] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-startup-window",
    // Containers seldom let a sandbox be made; only our own pages are opened.
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-back-forward-cache",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--password-store=basic",
    "--mute-audio",
    "--lang=en",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
];

/// How many of Chromium's last words are kept for the case that it does not start.
const LAST_LINES: usize = 20;

/// How long all of Chromium's processes may take to go after they were killed.
const GOING: Duration = Duration::from_secs(10);

/// What must be installed.
pub(super) struct Programs {
    chromium: PathBuf,
    certutil: PathBuf,
}

/// Finds the programs; `None`, and said on standard output, where one is missing.
pub(super) fn find() -> Option<Programs> {
    let on_path = |name: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file());
        if found.is_none() {
            println!("skipped: {name} is not installed; `cargo xtask needs` installs it on Debian");
        }
        found
    };
    Some(Programs { chromium: on_path(CHROMIUM)?, certutil: on_path(CERTUTIL)? })
}

/// A running Chromium; dropping it ends all its processes and removes its directory.
pub(super) struct Program {
    child: Child,
    directory: TempDir,
    last_lines: Arc<Mutex<Vec<String>>>,
    // Closed when the last process that inherited Chromium's standard error is gone.
    gone: Receiver<()>,
}

impl Program {
    pub(super) fn start(programs: &Programs, authority: &Path) -> Result<(Self, Arc<Wire>), Trouble> {
        let directory = tempfile::Builder::new().prefix("browser-").tempdir().map_err(start("a directory"))?;
        trust(&programs.certutil, directory.path(), authority)?;
        let mut profile = std::ffi::OsString::from("--user-data-dir=");
        profile.push(directory.path().join("profile"));
        let mut child = Command::new("sh")
            .args(["-c", SHELL, "sh"])
            .arg(directory.path())
            .arg(&programs.chromium)
            .args(FLAGS)
            .arg(profile)
            .env("HOME", directory.path())
            .env("TMPDIR", directory.path())
            .envs([("LANG", "C.UTF-8"), ("TZ", "UTC"), ("DBUS_SESSION_BUS_ADDRESS", "disabled:")])
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("DISPLAY")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(start("Chromium"))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(output), Some(input), Some(errors)) = pipes else {
            return Err(Trouble::Start("Chromium has no pipes".to_owned()));
        };
        let last_lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&last_lines);
        let (going, gone) = channel();
        std::thread::spawn(move || {
            keep(errors, &kept);
            drop(going);
        });
        Ok((Self { child, directory, last_lines, gone }, Wire::open(output, input)))
    }

    /// The trouble together with what Chromium said last.
    pub(super) fn said(&self, why: &Trouble) -> Trouble {
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        Trouble::Start(format!("{why}; it said:\n{}", lines.join("\n")))
    }

    /// Where all its files lie.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            // It is gone already if this fails.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.child.wait();
        // What still runs might write into the directory that is removed next.
        let _ = self.gone.recv_timeout(GOING);
        let _ = std::fs::remove_dir_all(self.directory.path());
    }
}

fn start(what: &str) -> impl FnOnce(std::io::Error) -> Trouble {
    move |why| Trouble::Start(format!("{what}: {why}"))
}

/// Makes a list of authorities in a new home and puts one there, good for servers.
fn trust(certutil: &Path, home: &Path, authority: &Path) -> Result<(), Trouble> {
    let list = home.join(".pki/nssdb");
    std::fs::create_dir_all(&list).map_err(start("a directory"))?;
    let run = |words: &[&str], file: Option<&Path>| {
        let mut command = Command::new(certutil);
        command.arg("-d").arg(format!("sql:{}", list.display())).args(words).args(file);
        let done = command.stdin(Stdio::null()).output().map_err(start(CERTUTIL))?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        Err(Trouble::Start(format!("{CERTUTIL} does not take {}: {said}", authority.display())))
    };
    run(&["-N", "--empty-password"], None)?;
    run(&["-A", "-t", "C,,", "-n", "authority", "-i"], Some(authority))
}

fn keep(errors: impl Read, kept: &Mutex<Vec<String>>) {
    for line in BufReader::new(errors).lines().map_while(Result::ok) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == LAST_LINES {
            kept.remove(0);
        }
        kept.push(line);
    }
}
