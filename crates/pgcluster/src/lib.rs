//! A private PostgreSQL cluster for tests that is gone when the program that started it is gone.
//!
//! Life of a cluster: [`Programs::find`] looks for the server's programs; [`Cluster::start`] picks a free port of the
//! loopback and starts the keeper (`keeper.sh`) as a user without rights, because PostgreSQL refuses to run as root;
//! the keeper makes the cluster in a fresh directory, starts the server and says so; when the [`Cluster`] is dropped, or
//! its program dies in any way, the keeper stops the server and removes the directory.
//!
//! Architecture invariant: this crate needs the standard library alone, because `xtask` must compile in seconds.

mod programs;

pub use programs::Programs;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const KEEPER: &str = include_str!("keeper.sh");

/// How often a cluster is started anew because another program was quicker to take the free port.
const STARTS_MAX: usize = 3;

/// Users that may run the server when we are root, the better one first: Debian's package makes `postgres`.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A running cluster; dropping it stops the server and removes its files.
#[derive(Debug)]
pub struct Cluster {
    port: u16,
    password: String,
    directory: PathBuf,
    keeper: Child,
    lifeline: Option<ChildStdin>,
}

impl Cluster {
    /// Makes and starts a cluster: durable (`fsync=on`), 200 connections, UTF-8, collation `C`.
    ///
    /// Fails with what the server's own log said last.
    pub fn start(programs: &Programs) -> io::Result<Self> {
        let mut outcome = Self::start_once(programs);
        for _ in 1..STARTS_MAX {
            if outcome.is_ok() {
                break;
            }
            outcome = Self::start_once(programs);
        }
        outcome
    }

    fn start_once(programs: &Programs) -> io::Result<Self> {
        let port = free_port()?;
        let password = password()?;
        let mut keeper = keeper(programs)?.env("PORT", port.to_string()).env("PASSWORD", &password).spawn()?;
        let lifeline = keeper.stdin.take();
        let answer = keeper.stdout.take().ok_or_else(|| io::Error::other("the keeper has no output"))?;
        match ready(answer) {
            Ok(directory) => Ok(Self { port, password, directory, keeper, lifeline }),
            Err(why) => {
                drop(lifeline);
                keeper.wait()?;
                Err(why)
            }
        }
    }

    /// `postgres://bonded:…@127.0.0.1:PORT/postgres`, a superuser's connection.
    pub fn url(&self) -> String {
        format!("postgres://bonded:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// Where everything of it lies: `data/`, the server's `log`, its socket.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // The keeper ends once the server has stopped and the files are gone; a failure here has no one to hear it.
        let _ = self.keeper.wait();
    }
}

/// The command that runs the keeper, out of reach of a terminal's Ctrl-C, without root's rights.
fn keeper(programs: &Programs) -> io::Result<Command> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", KEEPER])
        .env("PROGRAMS", programs.directory())
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0);
    if is_root() {
        let (uid, gid) = unprivileged(&fs::read_to_string("/etc/passwd")?).ok_or_else(|| {
            io::Error::other(format!("PostgreSQL does not run as root, and there is no user {}", USERS.join(" or ")))
        })?;
        command.uid(uid).gid(gid);
    }
    Ok(command)
}

/// Waits for the keeper's word: the directory, or all it said when that was something else.
fn ready(answer: ChildStdout) -> io::Result<PathBuf> {
    let mut answer = BufReader::new(answer);
    let mut said = String::new();
    answer.read_line(&mut said)?;
    if let Some(directory) = said.strip_prefix("ready ") {
        return Ok(PathBuf::from(directory.trim_end()));
    }
    answer.read_to_string(&mut said)?;
    Err(io::Error::other(format!("PostgreSQL did not start: {}", said.trim_end())))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// User and group number of the first of [`USERS`] that stands in a text of the form of `/etc/passwd`.
fn unprivileged(passwd: &str) -> Option<(u32, u32)> {
    USERS.iter().find_map(|user| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// 32 hexadecimal digits: other users of the machine must not become superuser of the cluster.
fn password() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;
    use std::os::unix::fs::PermissionsExt;
    use std::thread;
    use std::time::Duration;

    /// Tells [`holds_a_cluster_until_it_is_killed`] that it runs in a process of its own.
    const HOLD: &str = "BONDED_PGCLUSTER_HOLD";

    #[test]
    fn the_unprivileged_user_is_read_from_passwd() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\npostgresql:x:1:1::/:\npostgres:x:105:112:,,,:/var/lib:/bin/bash\n";
        assert_eq!(unprivileged(passwd), Some((105, 112)));
        assert_eq!(unprivileged("nobody:x:65534:65533:nobody:/:/bin/false"), Some((65534, 65533)));
        assert_eq!(unprivileged("root:x:0:0:root:/root:/bin/bash"), None);
    }

    #[test]
    fn a_dropped_cluster_leaves_nothing_behind() {
        let Some(programs) = Programs::find() else {
            println!("skipped: PostgreSQL's server programs are not installed");
            return;
        };
        let cluster = Cluster::start(&programs).unwrap();
        let directory = cluster.directory().to_owned();
        let port = cluster.port;
        assert!(directory.join("data/postmaster.pid").exists());
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        drop(cluster);
        assert!(!directory.exists());
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }

    #[test]
    fn a_server_that_does_not_start_says_why() {
        let elsewhere = Programs::within(&[PathBuf::from("/nonexistent/bin")]);
        assert!(elsewhere.is_none());
        let broken = Programs::trusted("/nonexistent/bin".into());
        let why = Cluster::start(&broken).unwrap_err().to_string();
        assert!(why.contains("initdb"), "{why}");
    }

    #[test]
    fn a_program_that_dies_while_the_cluster_starts_leaves_nothing_behind() {
        let Some(programs) = Programs::find() else {
            println!("skipped: PostgreSQL's server programs are not installed");
            return;
        };
        let room = std::env::temp_dir().join(format!("bonded-pg-room-{}", std::process::id()));
        fs::create_dir(&room).unwrap();
        fs::set_permissions(&room, fs::Permissions::from_mode(0o777)).unwrap();
        let port = free_port().unwrap().to_string();
        let mut command = keeper(&programs).unwrap();
        let mut keeper = command.env("TMPDIR", &room).env("PORT", port).env("PASSWORD", "x").spawn().unwrap();
        drop(keeper.stdin.take());
        drop(keeper.stdout.take());
        keeper.wait().unwrap();
        assert_eq!(fs::read_dir(&room).unwrap().count(), 0);
        fs::remove_dir(&room).unwrap();
    }

    /// The other half of [`a_killed_program_leaves_nothing_behind`]; by itself it does nothing.
    #[test]
    fn holds_a_cluster_until_it_is_killed() {
        if std::env::var_os(HOLD).is_some() {
            let cluster = Cluster::start(&Programs::find().unwrap()).unwrap();
            println!("directory {}", cluster.directory().display());
            io::stdin().read_line(&mut String::new()).unwrap();
        }
    }

    #[test]
    fn a_killed_program_leaves_nothing_behind() {
        if Programs::find().is_none() {
            println!("skipped: PostgreSQL's server programs are not installed");
            return;
        }
        let mut program = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::holds_a_cluster_until_it_is_killed", "--nocapture"])
            .env(HOLD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let said = lines.find(|line| line.as_ref().unwrap().contains("directory ")).unwrap().unwrap();
        let directory = PathBuf::from(said.split_once("directory ").unwrap().1);
        assert!(directory.join("data/postmaster.pid").exists());
        program.kill().unwrap();
        program.wait().unwrap();
        while directory.exists() {
            thread::sleep(Duration::from_millis(10));
        }
    }
}
