//! Tells this node and the others which accounts got entries: in process at once, between nodes by LISTEN and NOTIFY.
//!
//! One connection of its own does both. It notifies after the commit, not within it: a NOTIFY makes every commit of the
//! whole server wait for the one before. What is lost while it reconnects is found by the sweep.

use super::connect::{Server, TlsStream};
use super::failure::engine_error;
use crate::engine::{Bytes16, EngineError};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Connection, Notification, Socket};

/// The channel that nodes listen to.
const CHANNEL: &str = "bonded";

/// Accounts that one notification names; 32 characters each, and a payload ends at 8,000.
const ACCOUNTS_A_NOTIFICATION_MAX: usize = 200;

/// How long to wait before connecting again.
const RECONNECT_WAIT: Duration = Duration::from_millis(500);

/// Accounts that wait to be told to others; a full queue drops, and the sweep finds them.
const WAITING_MAX: usize = 1024;

/// Wakes that a slow receiver may fall behind before it misses some.
const WAKES_KEPT: usize = 4096;

/// Sends and receives wakes.
pub(super) struct Wakes {
    here: broadcast::Sender<Bytes16>,
    elsewhere: mpsc::Sender<Vec<Bytes16>>,
    task: JoinHandle<()>,
}

impl Wakes {
    /// Starts the task that listens and notifies for as long as this lives.
    pub(super) fn start(server: Server) -> Self {
        let (here, _) = broadcast::channel(WAKES_KEPT);
        let (elsewhere, waiting) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(stay_connected(server, here.clone(), waiting));
        Self { here, elsewhere, task }
    }

    /// These accounts got entries.
    pub(super) fn tell(&self, accounts: Vec<Bytes16>) {
        for account in &accounts {
            // No receiver: nobody reads logs on this node yet.
            drop(self.here.send(*account));
        }
        if !accounts.is_empty() {
            drop(self.elsewhere.try_send(accounts));
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Bytes16> {
        self.here.subscribe()
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn stay_connected(server: Server, here: broadcast::Sender<Bytes16>, mut waiting: mpsc::Receiver<Vec<Bytes16>>) {
    loop {
        if let Err(error) = listen_and_notify(&server, &here, &mut waiting).await {
            tracing::warn!(%error, "wakes between nodes pause");
        }
        tokio::time::sleep(RECONNECT_WAIT).await;
    }
}

/// Works until the connection is lost.
async fn listen_and_notify(
    server: &Server,
    here: &broadcast::Sender<Bytes16>,
    waiting: &mut mpsc::Receiver<Vec<Bytes16>>,
) -> Result<(), EngineError> {
    let (client, connection) = server.connect().await?;
    let (heard, mut notifications) = mpsc::unbounded_channel();
    let mut driver = AbortOnDrop(tokio::spawn(drive(connection, heard)));
    // A notification need not survive a crash, so it need not wait for the disk.
    client
        .batch_execute(&format!("SET synchronous_commit = off; LISTEN {CHANNEL}"))
        .await
        .map_err(|error| engine_error(&error))?;
    let own = client.query_one("SELECT pg_backend_pid()", &[]).await.map_err(|error| engine_error(&error))?;
    let own: i32 = own.get(0);
    loop {
        tokio::select! {
            _ = &mut driver.0 => return Err(EngineError::Unreachable("the connection to PostgreSQL was lost".into())),
            Some(notification) = notifications.recv() => {
                // This node's receivers were told at once.
                if notification.process_id() != own {
                    accounts_of(notification.payload()).for_each(|account| drop(here.send(account)));
                }
            }
            Some(first) = waiting.recv() => notify(&client, first, waiting).await?,
        }
    }
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads the connection until it ends.
async fn drive(mut connection: Connection<Socket, TlsStream>, heard: mpsc::UnboundedSender<Notification>) {
    loop {
        match std::future::poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(notification))) => drop(heard.send(notification)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

/// Tells other nodes of the first accounts and of all that wait behind them.
async fn notify(
    client: &Client,
    first: Vec<Bytes16>,
    waiting: &mut mpsc::Receiver<Vec<Bytes16>>,
) -> Result<(), EngineError> {
    let mut accounts: BTreeSet<Bytes16> = first.into_iter().collect();
    while let Ok(more) = waiting.try_recv() {
        accounts.extend(more);
    }
    let accounts: Vec<Bytes16> = accounts.into_iter().collect();
    // Payloads are hexadecimal digits, so they need no quoting.
    let statements: Vec<String> = accounts
        .chunks(ACCOUNTS_A_NOTIFICATION_MAX)
        .map(|chunk| format!("NOTIFY {CHANNEL}, '{}'", payload(chunk)))
        .collect();
    client.batch_execute(&statements.join(";")).await.map_err(|error| engine_error(&error))
}

fn payload(accounts: &[Bytes16]) -> String {
    accounts.iter().flatten().fold(String::with_capacity(accounts.len() * 32), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The accounts that a payload names; whatever else somebody sent on the channel names none.
fn accounts_of(payload: &str) -> impl Iterator<Item = Bytes16> {
    payload
        .as_bytes()
        .chunks_exact(32)
        .filter_map(|digits| u128::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_names_its_accounts_and_fits() {
        let accounts: Vec<Bytes16> = (0..=255).map(|number| [number; 16]).take(ACCOUNTS_A_NOTIFICATION_MAX).collect();
        let told = payload(&accounts);
        assert!(told.len() < 8000);
        assert_eq!(accounts_of(&told).collect::<Vec<_>>(), accounts);
        assert_eq!(accounts_of("hello").count(), 0);
    }
}
