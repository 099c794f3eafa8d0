//! The server under test: this very program as a child process, on ports and in directories of its own.

use super::https::Door;
use super::samples::number;
use crate::deployment::engine_of;
use crate::desk::{Wish, ask_running};
use crate::ending::{Code, Ending};
use crate::places::{Places, write_secret};
use crate::settings::{EngineChoice, keys, sample};
use crate::tls::Authority;
use bonded_base::{Clock, Secret, SystemChance, SystemClock};
use bonded_ledger::Ledger;
use bonded_vault::{Environment, Officer, Vault, VaultError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How long a start may take; far beyond its target, so that a miss is measured and not an error.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long a stop may take.
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// How often the child is asked whether it answers, and how much memory it has.
const LOOK: Duration = Duration::from_millis(2);

/// The unit in which Linux tells times of processes: `USER_HZ` is 100 wherever this program runs.
const TICK: Duration = Duration::from_millis(10);

/// Lines of the child's log that are shown when it fails.
const LOG_LINES_SHOWN: usize = 5;

/// Begins every variable of the environment that would configure the child.
const VARIABLES: &str = "BONDED_";

/// The officer's identity, and the replica of the keys, in the deployment's directory.
const OFFICER: &str = "officer.key";
const KEY_REPLICA: &str = "keys-replica";

/// Where the child finds its database.
pub enum Store {
    /// In its own directory.
    Sqlite,
    /// At a URL.
    Postgres(Secret<String>),
}

/// A deployment that was made for the bench.
pub struct Deployment {
    room: PathBuf,
    places: Places,
    store: Store,
    public: SocketAddr,
}

impl Deployment {
    /// Makes directories, certificates and keys in an empty directory.
    pub fn make(room: &Path, store: Store) -> Result<Self, Ending> {
        Self::make_with(room, store, &[])
    }

    /// The same, with these settings besides.
    pub fn make_with(room: &Path, store: Store, also: &[(&'static str, String)]) -> Result<Self, Ending> {
        let places = Places::new(room.join("data"));
        places.make()?;
        Authority::make(&places, SystemClock.now())?;
        let officer = Officer::generate();
        let identity = room.join(OFFICER);
        write_secret(&identity, officer.to_file(None).expose())?;
        let key_places = key_places(room);
        drop(Vault::init(&key_places, Environment::Development, &officer.recipients(), Arc::new(SystemChance))?);
        let (public, private) = (free_address()?, free_address()?);
        let engine = if matches!(store, Store::Sqlite) { "sqlite" } else { "postgres" };
        let mut set = vec![
            (keys::ENVIRONMENT, Environment::Development.name().to_owned()),
            (keys::DATA, places.root().display().to_string()),
            (keys::PUBLIC_LISTEN, public.to_string()),
            (keys::PRIVATE_LISTEN, private.to_string()),
            (keys::DATABASE_ENGINE, engine.to_owned()),
            (keys::KEYS_PRIMARY, key_places.primary.display().to_string()),
            (keys::KEYS_REPLICAS, room.join(KEY_REPLICA).display().to_string()),
            (keys::KEYS_UNSEAL_WITH, identity.display().to_string()),
            (keys::LOG_LEVEL, "warn".to_owned()),
        ];
        set.extend_from_slice(also);
        let text = sample(&set);
        let file = room.join("bonded.toml");
        std::fs::write(&file, text).map_err(Ending::file("written", &file))?;
        Ok(Self { room: room.to_owned(), places, store, public })
    }

    /// Where its data lie.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The embedded database.
    pub fn database(&self) -> PathBuf {
        self.places.database()
    }

    /// Its ledger, opened here; no server may run.
    pub async fn ledger(&self) -> Result<Ledger, Ending> {
        let vault = Vault::open(&key_places(&self.room), Environment::Development, Arc::new(SystemChance))?;
        let identity = self.room.join(OFFICER);
        let identity = std::fs::read(&identity).map_err(Ending::file("read", &identity))?;
        vault.unseal(&Officer::read(&identity, None).map_err(VaultError::Officer)?)?;
        let choice = match &self.store {
            Store::Sqlite => EngineChoice::Sqlite,
            Store::Postgres(url) => {
                EngineChoice::Postgres { url: Secret::new(url.expose().clone()), root_certificate: None }
            }
        };
        let engine = engine_of(&choice, &self.places).await?;
        Ok(Ledger::open(engine, vault, Arc::new(SystemClock), Arc::new(SystemChance)))
    }

    /// Starts the server; says how long it took until it answered that it is ready.
    pub async fn start(&self) -> Result<(Server, Duration), Ending> {
        let log = self.room.join("serve.log");
        let file = File::create(&log).map_err(Ending::file("written", &log))?;
        let program = std::env::current_exe().map_err(Ending::internal)?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(self.room.join("bonded.toml"));
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with(VARIABLES) {
                command.env_remove(variable);
            }
        }
        if let Store::Postgres(url) = &self.store {
            command.env("BONDED_DATABASE_URL", url.expose());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).kill_on_drop(true);
        let door = Door::new(self.public, &self.places.authority())?;
        let begin = Instant::now();
        let child = command.spawn().map_err(Ending::internal)?;
        let mut server = Server { child, door, places: self.places.clone(), log };
        while !server.is_ready().await {
            if begin.elapsed() > START_LIMIT {
                return Err(server.failed("did not answer"));
            }
            if server.child.try_wait().map_err(Ending::internal)?.is_some() {
                return Err(server.failed("ended by itself"));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok((server, begin.elapsed()))
    }
}

fn key_places(room: &Path) -> bonded_vault::Places {
    bonded_vault::Places { primary: room.join("keys"), replicas: vec![room.join(KEY_REPLICA)] }
}

/// The running child. Dropped, it is killed; its data do not matter then.
pub struct Server {
    child: Child,
    /// Where it is reached.
    pub door: Door,
    places: Places,
    log: PathBuf,
}

impl Server {
    async fn is_ready(&self) -> bool {
        let Ok(mut connection) = self.door.connect("none").await else { return false };
        connection.get("/readyz").await.is_ok()
    }

    /// Has a wish of the operator carried out.
    pub async fn ask<T: DeserializeOwned>(&self, wish: Wish) -> Result<T, Ending> {
        serde_json::from_value(ask_running(&self.places, wish).await?).map_err(Ending::internal)
    }

    /// What the system knows of its use of memory and processor.
    pub fn process(&self) -> Process {
        Process { id: self.child.id().unwrap_or_default() }
    }

    /// Stops it as a supervisor would, and waits until it has ended.
    pub async fn stop(mut self) -> Result<(), Ending> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).ok_or_else(|| self.failed("ended by itself"))?;
        kill(Pid::from_raw(id), Signal::SIGTERM).map_err(Ending::internal)?;
        match tokio::time::timeout(STOP_LIMIT, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) => Err(self.failed("did not stop well")),
            Err(_) => Err(self.failed("did not stop")),
        }
    }

    fn failed(&self, how: &str) -> Ending {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default().join("\n  ");
        Ending::new(Code::Bad, format!("the server under test {how}; its log ends:\n  {last}"))
    }
}

/// A process, as the system's files describe it.
#[derive(Clone, Copy)]
pub struct Process {
    id: u32,
}

impl Process {
    /// Memory that it has in use now, in millions of bytes (`VmRSS` of proc(5)).
    pub fn megabytes(self) -> Result<f64, Ending> {
        let path = PathBuf::from(format!("/proc/{}/status", self.id));
        let text = std::fs::read_to_string(&path).map_err(Ending::file("read", &path))?;
        let kib = resident(&text).ok_or_else(|| Ending::internal("the system does not say how much memory is used"))?;
        Ok(number(kib * 1024) / 1e6)
    }

    /// Time of all its threads on a processor until now (`utime` and `stime` of proc(5)).
    pub fn processor(self) -> Result<Duration, Ending> {
        let path = PathBuf::from(format!("/proc/{}/stat", self.id));
        let text = std::fs::read_to_string(&path).map_err(Ending::file("read", &path))?;
        let ticks = ticks(&text).ok_or_else(|| Ending::internal("the system does not say how long the server ran"))?;
        Ok(TICK * u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// The most that it used while this went on.
    pub async fn highest_megabytes<T>(self, work: impl Future<Output = T>) -> Result<(T, f64), Ending> {
        let mut highest = self.megabytes()?;
        let mut look = tokio::time::interval(LOOK * 25);
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok((done, highest)),
                _ = look.tick() => highest = highest.max(self.megabytes()?),
            }
        }
    }
}

/// Reads `VmRSS:     12345 kB`.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Fields 14 and 15, counted behind the name, which may hold anything but ends with the last bracket.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// A port of the loopback that nobody has now.
fn free_address() -> Result<SocketAddr, Ending> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Ending::internal)?;
    listener.local_addr().map_err(Ending::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_in_use_is_read() {
        assert_eq!(resident("Name:\tbonded\nVmHWM:\t  9999 kB\nVmRSS:\t  1234 kB\n"), Some(1234));
        assert_eq!(resident("Name:\tbonded\n"), None);
    }

    #[test]
    fn the_processor_s_time_is_read_behind_any_name() {
        let stat = "42 (a) b (c)) S 1 1 1 0 -1 0 10 11 12 13 1400 1500 16 17 20 0 3 0 99";
        assert_eq!(ticks(stat), Some(2_900));
    }
}
