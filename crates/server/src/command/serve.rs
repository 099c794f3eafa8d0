//! `bonded serve`: both doors open, until a signal.

use super::on_runtime;
use crate::cli::{Choices, Serve};
use crate::ending::Ending;
use crate::logging;
use crate::node::Node;
use crate::settings::Settings;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub fn run(choices: &Choices, serve: Serve) -> Result<(), Ending> {
    let mut choices = choices.clone();
    choices.unseal_with = serve.unseal_with;
    let settings = choices.settings()?;
    logging::start(settings.log_format, settings.log_level);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    on_runtime(settings.threads, until_told(&settings))?
}

/// What the system may tell a server.
struct Signals {
    stop: Signal,
    interrupt: Signal,
    reload: Signal,
}

enum Told {
    Stop,
    Reload,
}

impl Signals {
    fn listen() -> Result<Self, Ending> {
        let listen = |kind| signal(kind).map_err(Ending::internal);
        Ok(Self {
            stop: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            reload: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.stop.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.reload.recv() => Told::Reload,
        }
    }
}

async fn until_told(settings: &Settings) -> Result<(), Ending> {
    // Before the start, so that a signal during it is not lost.
    let mut signals = Signals::listen()?;
    let node = Node::start(settings).await?;
    while matches!(signals.next().await, Told::Reload) {
        node.reload();
    }
    tracing::info!("stopping; a second signal ends at once");
    tokio::select! {
        () = node.stop() => {}
        () = stopped_again(&mut signals) => tracing::warn!("ended at once"),
    }
    Ok(())
}

async fn stopped_again(signals: &mut Signals) {
    while matches!(signals.next().await, Told::Reload) {}
}
