//! `bonded serve`: both doors open, until a signal.

use super::on_runtime;
use crate::cli::{Choices, Serve};
use crate::ending::Ending;
use crate::logging;
use crate::places::Places;
use crate::settings::Settings;
use crate::tls::{Authority, Certificates, Listener};
use axum::Router;
use bonded_base::{Clock, SystemClock};
use std::sync::Arc;
use tokio::sync::watch;

pub fn run(choices: &Choices, _serve: &Serve) -> Result<(), Ending> {
    let settings = choices.settings()?;
    logging::start(settings.log_format, settings.log_level);
    on_runtime(settings.threads, serve(settings))?
}

async fn serve(settings: Settings) -> Result<(), Ending> {
    let places = Places::new(settings.data.clone());
    places.check()?;
    let now = SystemClock.now();
    let certificates =
        Certificates::load(&settings.public, &settings.names, || Authority::open(&places).map(Arc::new), now)?;
    let listener = Listener::bind("public", &settings.public, &certificates).await?;
    tracing::info!(listener = "public", address = %listener.address(), "listening");
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(listener.serve(Router::new(), settings.origin.clone(), stopped, settings.drain));
    tokio::signal::ctrl_c().await.map_err(Ending::internal)?;
    stop.send_replace(true);
    serving.await.map_err(Ending::internal)?;
    Ok(())
}
