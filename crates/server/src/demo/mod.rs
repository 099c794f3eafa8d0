//! `bonded demo`: what a new user sees. A real server, and a client that uses nothing but its HTTPS API.
//!
//! Architecture invariant: the story's merchants get at nothing of the server but its public listener; accounts and
//! keys they get from the operator's desk, as at the command line.

mod api;
mod cast;
mod catalogue;
mod outcome;
mod people;
mod proof;
mod shelves;
mod stage;
mod story;
mod teller;
mod wholesale;

use crate::cli::{Choices, Demo};
use crate::ending::Ending;
use crate::node::Node;
use crate::settings::{EngineChoice, LogFormat};
use crate::terminal::say;
use cast::Cast;
use outcome::Outcome;
use stage::Stage;
use teller::Teller;
use tokio::signal::unix::{SignalKind, signal};

/// Shows the story, and stays up unless told to end.
pub fn run(choices: &Choices, demo: &Demo) -> Result<(), Ending> {
    let stage = Stage::set(choices, demo.once)?;
    // The story is the log here, unless someone wants to see more.
    let level = if choices.log_level.is_some() { stage.settings.log_level } else { tracing::Level::ERROR };
    let format = if choices.log_format.is_some() { stage.settings.log_format } else { LogFormat::Text };
    crate::logging::start(format, level);
    crate::command::on_runtime(stage.settings.threads, play(&stage, demo))?
}

async fn play(stage: &Stage, demo: &Demo) -> Result<(), Ending> {
    let mut teller = Teller::new(demo.json);
    let mut outcome = Outcome { engine: engine(stage), ..Outcome::default() };
    teller.plain("An order travels from a retailer to its suppliers and back: sealed, logged and proven.");
    let node = story::open(stage, &mut teller, &mut outcome).await?;
    let played = scenes(stage, &node, demo, &mut teller, &mut outcome).await;
    let ended = match played {
        Ok(cast) => {
            if demo.json {
                outcome.merchants = cast.merchants(!demo.once);
                say!("{}", serde_json::to_string_pretty(&outcome).map_err(Ending::internal)?);
            }
            if demo.once { Ok(()) } else { stay(stage, &node, &cast, &teller).await }
        }
        Err(ending) => Err(ending),
    };
    node.stop().await;
    ended
}

async fn scenes(
    stage: &Stage,
    node: &Node,
    demo: &Demo,
    teller: &mut Teller,
    outcome: &mut Outcome,
) -> Result<Cast, Ending> {
    let files = catalogue::files(&demo.catalog)?;
    let mut cast = Cast::assemble(stage, node, &files, teller).await?;
    story::tell(stage, &cast, &files, teller, outcome).await?;
    wholesale::tell(stage, &mut cast, demo.orders.as_deref(), teller, outcome).await?;
    Ok(cast)
}

const fn engine(stage: &Stage) -> &'static str {
    match stage.settings.engine {
        EngineChoice::Sqlite => "sqlite",
        EngineChoice::Postgres { .. } => "postgres",
    }
}

/// Says where everything is, and waits for a signal.
async fn stay(stage: &Stage, node: &Node, cast: &Cast, teller: &Teller) -> Result<(), Ending> {
    let authority = crate::places::Places::new(stage.settings.data.clone()).authority();
    teller.plain("\nThe server stays up. Ctrl-C ends it.");
    teller.line("API", format!("{}/v1", node.origin));
    teller.line("docs", format!("{}/docs", node.origin));
    teller.line("trust", authority.display().to_string());
    for caller in cast.all() {
        teller.line("key", format!("{}  {}", caller.key.expose(), caller.name));
    }
    teller.plain("\nTo try it:");
    teller.plain(format!(
        "curl --cacert {} -H 'Authorization: Bearer {}' {}/v1/orders",
        authority.display(),
        cast.retailer.key.expose(),
        node.origin
    ));
    let mut stop = signal(SignalKind::terminate()).map_err(Ending::internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Ending::internal)?;
    tokio::select! {
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
    teller.plain("");
    Ok(())
}
