//! How a moment of a database is read, and how one is brought back: the one place here that knows the engines.

use super::error::BackupError;
use super::signer::make_directory;
use super::{Setup, is_unfinished};
use bonded_base::{Id, Secret};
use bonded_ledger::engine::{Engine, EngineError, Facts};
use bonded_ledger::postgres::{PostgresEngine, PostgresOptions, copies};
use bonded_ledger::sqlite::{self, SqliteEngine, SqliteOptions};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

/// Our tables; the database may hold others that are none of our business.
const TABLES: [&str; 6] = ["records", "lookups", "entries", "cursors", "tiles", "bonded_schema"];

/// Where Debian puts PostgreSQL's programs: one directory for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Begins the name of a copy that is read once.
const COPY: &str = "copy-";

/// Where a SQLite file is brought back to before it is checked, below the setup's directory.
const RESTORING: &str = "restoring";

/// What is copied, or brought back.
#[derive(Clone)]
pub enum Database {
    /// The embedded engine's file.
    Sqlite {
        /// The file.
        file: PathBuf,
    },
    /// A PostgreSQL database.
    Postgres {
        /// Where, as whom, and with which password.
        url: Secret<String>,
        /// The authority that signed its certificate, if it is none of the machine's own.
        root_certificate: Option<PathBuf>,
    },
}

/// A moment of a database, to be read once from its beginning to its end.
pub(super) struct Moment {
    pub(super) facts: Facts,
    pub(super) reader: Box<dyn Read + Send>,
    ending: Ending,
}

enum Ending {
    /// A file's end is its end.
    File,
    /// The program that wrote it must have ended well, the moment held until then.
    Program(Child, Box<copies::Held>),
}

impl Database {
    /// `sqlite` or `postgres`.
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }

    /// Holds the present moment; the database's writers go on.
    pub(super) async fn hold(&self, setup: &Setup) -> Result<Moment, BackupError> {
        match self {
            Self::Sqlite { file } => {
                let (from, to) = (file.clone(), setup.directory.join(format!("{COPY}{}", name(setup))));
                tokio::task::spawn_blocking(move || held_copy(&from, &to)).await.map_err(BackupError::internal)?
            }
            Self::Postgres { url, root_certificate } => {
                let held = copies::hold(url.expose(), root_certificate.clone()).await?;
                let program = tool("pg_dump", held.major)?;
                let mut command = reaching(&program, url.expose(), root_certificate.clone())?;
                command.args(["--format=custom", "--compress=0", "--no-owner", "--no-privileges", "--strict-names"]);
                command.args(TABLES.map(|table| format!("--table={table}")));
                command.arg(format!("--snapshot={}", held.snapshot));
                let mut child =
                    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(started("pg_dump"))?;
                let reader = child.stdout.take().ok_or_else(|| BackupError::internal("no output"))?;
                let facts = held.facts.clone();
                Ok(Moment { facts, reader: Box::new(reader), ending: Ending::Program(child, Box::new(held)) })
            }
        }
    }

    /// Refuses a place that is not empty, and opens it for what is brought back.
    pub(super) async fn empty(&self, setup: &Setup) -> Result<Target, BackupError> {
        match self {
            Self::Sqlite { file } => {
                if file.exists() {
                    return Err(BackupError::NotEmpty(file.display().to_string()));
                }
                let room = setup.directory.join(RESTORING);
                if room.exists() {
                    // Of a restore that was broken off: nobody has used it.
                    std::fs::remove_dir_all(&room).map_err(BackupError::file(&room))?;
                }
                make_directory(&room)?;
                let path = room.join("bonded.sqlite");
                let to = File::create_new(&path).map_err(BackupError::file(&path))?;
                Ok(Target::File { path, to })
            }
            Self::Postgres { url, root_certificate } => {
                let (major, is_empty) = copies::is_empty(url.expose(), root_certificate.clone()).await?;
                if !is_empty {
                    let what = if is_unfinished(&setup.directory) {
                        "the database, in which a restore was broken off while it was checked,"
                    } else {
                        "the database"
                    };
                    return Err(BackupError::NotEmpty(what.to_owned()));
                }
                let program = tool("pg_restore", major)?;
                let variables = copies::variables(url.expose(), root_certificate.clone())?;
                let database = variables.iter().find(|(name, _)| *name == "PGDATABASE");
                let database = database.map(|(_, value)| value.clone()).unwrap_or_default();
                let mut command = reaching(&program, url.expose(), root_certificate.clone())?;
                command.args(["--format=custom", "--no-owner", "--no-privileges", "--single-transaction"]);
                command.arg("--exit-on-error").arg(format!("--dbname={database}"));
                let mut child =
                    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().map_err(started("pg_restore"))?;
                let to = child.stdin.take().ok_or_else(|| BackupError::internal("no input"))?;
                Ok(Target::Program { child, to })
            }
        }
    }

    /// What was brought back, opened to be checked; older tables are brought up to date.
    pub(super) async fn brought_back(&self, setup: &Setup) -> Result<Arc<dyn Engine>, BackupError> {
        Ok(match self {
            Self::Sqlite { .. } => {
                let path = setup.directory.join(RESTORING).join("bonded.sqlite");
                let opened = tokio::task::spawn_blocking(move || SqliteEngine::open(&path, SqliteOptions::default()));
                Arc::new(opened.await.map_err(BackupError::internal)??)
            }
            Self::Postgres { url, root_certificate } => {
                let options =
                    PostgresOptions { root_certificates: root_certificate.clone(), ..PostgresOptions::default() };
                Arc::new(PostgresEngine::connect(url.expose(), options).await?)
            }
        })
    }

    /// Lets what was brought back be used, now that it was found good.
    pub(super) fn accept(&self, setup: &Setup) -> Result<(), BackupError> {
        let Self::Sqlite { file } = self else { return Ok(()) };
        let room = setup.directory.join(RESTORING);
        let from = room.join("bonded.sqlite");
        let settle = || -> std::io::Result<()> {
            File::open(&from)?.sync_all()?;
            std::fs::rename(&from, file)?;
            file.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())?;
            std::fs::remove_dir_all(&room)
        };
        settle().map_err(BackupError::file(file))
    }

    /// Takes away what was brought back and found wanting. `is_in` says whether it came to its end: before that PostgreSQL has
    /// kept nothing of it, and what is there now is somebody else's.
    pub(super) async fn refuse(&self, setup: &Setup, is_in: bool) -> Result<(), BackupError> {
        match self {
            Self::Sqlite { .. } => {
                let room = setup.directory.join(RESTORING);
                if room.exists() { std::fs::remove_dir_all(&room).map_err(BackupError::file(&room)) } else { Ok(()) }
            }
            Self::Postgres { .. } if !is_in => Ok(()),
            Self::Postgres { url, root_certificate } => {
                Ok(copies::clear(url.expose(), root_certificate.clone()).await?)
            }
        }
    }
}

impl Moment {
    /// After the last byte: whether it was really the last.
    pub(super) async fn end(self) -> Result<(), BackupError> {
        let Ending::Program(mut child, held) = self.ending else { return Ok(()) };
        drop(self.reader);
        let ended = tokio::task::spawn_blocking(move || child.wait()).await.map_err(BackupError::internal)?;
        let well = ended.is_ok_and(|status| status.success()) && held.holds().await;
        if well { Ok(()) } else { Err(BackupError::Tool("pg_dump did not come to its end".to_owned())) }
    }
}

/// Where what is brought back is written to.
pub(super) enum Target {
    File { path: PathBuf, to: File },
    Program { child: Child, to: ChildStdin },
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::File { to, .. } => to.write(bytes),
            Self::Program { to, .. } => to.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::File { to, .. } => to.flush(),
            Self::Program { to, .. } => to.flush(),
        }
    }
}

impl Target {
    /// After the last byte: durable, and accepted by whoever read it. Blocks.
    pub(super) fn end(self) -> Result<(), BackupError> {
        match self {
            Self::File { path, to } => to.sync_all().map_err(BackupError::file(&path)),
            Self::Program { mut child, to } => {
                drop(to);
                match child.wait() {
                    Ok(status) if status.success() => Ok(()),
                    _ => Err(BackupError::Tool("pg_restore refused what it was given; nothing was kept".to_owned())),
                }
            }
        }
    }

    /// Breaks off: what was written counts as nothing. Blocks.
    pub(super) fn abandon(self) {
        if let Self::Program { mut child, to } = self {
            // Killed before its input ends, so that it cannot take what came for all there is.
            let _ = child.kill();
            drop(to);
            let _ = child.wait();
        }
    }
}

fn held_copy(from: &Path, to: &Path) -> Result<Moment, BackupError> {
    if !from.exists() {
        return Err(EngineError::Failed("there is no database yet".into()).into());
    }
    let facts = sqlite::copy(from, to).inspect_err(|_| {
        let _ = std::fs::remove_file(to);
    })?;
    let file = File::open(to).map_err(BackupError::file(to))?;
    // Read through the open file alone: gone with this process, however that ends.
    std::fs::remove_file(to).map_err(BackupError::file(to))?;
    Ok(Moment { facts, reader: Box::new(file), ending: Ending::File })
}

/// Removes copies of runs that were killed.
pub(super) fn tidy(directory: &Path) -> Result<(), BackupError> {
    let entries = std::fs::read_dir(directory).map_err(BackupError::file(directory))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(COPY) {
            std::fs::remove_file(entry.path()).map_err(BackupError::file(&entry.path()))?;
        }
    }
    Ok(())
}

fn name(setup: &Setup) -> Id<super::Backup> {
    Id::new(&*setup.clock, &*setup.chance)
}

fn started(program: &'static str) -> impl FnOnce(std::io::Error) -> BackupError {
    move |error| BackupError::Tool(format!("{program} could not be started: {}", error.kind()))
}

/// A program of PostgreSQL's, with nothing in its environment but how the database is reached.
fn reaching(program: &Path, url: &str, root_certificate: Option<PathBuf>) -> Result<Command, BackupError> {
    let mut command = Command::new(program);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("LC_ALL", "C").envs(copies::variables(url, root_certificate)?);
    // What it has to say may repeat what is stored; its end says enough.
    command.stderr(Stdio::null()).current_dir("/");
    Ok(command)
}

/// The newest program of this name, which must not be older than the server.
fn tool(name: &str, server: u32) -> Result<PathBuf, BackupError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = debian(Path::new(DEBIAN)).into_iter().chain(std::env::split_paths(&path));
    let found = found.map(|directory| directory.join(name)).filter(|program| program.is_file());
    let mut newest: Option<(u32, PathBuf)> = None;
    for program in found {
        let version = Command::new(&program).arg("--version").env("LC_ALL", "C").stderr(Stdio::null()).output();
        let major = version.ok().and_then(|said| major(&String::from_utf8_lossy(&said.stdout)));
        if let Some(major) = major
            && newest.as_ref().is_none_or(|(known, _)| major > *known)
        {
            newest = Some((major, program));
        }
    }
    match newest {
        Some((major, program)) if major >= server => Ok(program),
        Some((major, _)) => Err(BackupError::Tool(format!(
            "the newest {name} here is of version {major}, and the server of {server}: install postgresql-client-{server}"
        ))),
        None => Err(BackupError::Tool(format!("there is no {name} here: install postgresql-client-{server}"))),
    }
}

fn debian(root: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).collect()
}

/// `pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`: 15.
fn major(said: &str) -> Option<u32> {
    let version = said.split_once("(PostgreSQL) ")?.1;
    version.split(|symbol: char| !symbol.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_s_version_is_read() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major("pg_dump (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("something else"), None);
    }

    #[test]
    fn a_server_that_is_newer_than_every_program_is_told() {
        let why = tool("pg_dump", 4_000).unwrap_err().to_string();
        assert!(why.contains("postgresql-client-4000"), "{why}");
        assert!(tool("no-such-program", 1).unwrap_err().to_string().contains("there is no no-such-program"));
    }
}
