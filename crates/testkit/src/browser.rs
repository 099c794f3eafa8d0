//! A real Chromium for tests, with people, windows, hands and passkeys; driven over its developer protocol (CDP).
//!
//! The server's own authority is truly trusted, as a person's machine would trust it, so that chain, name and dates are
//! checked and WebAuthn works; nothing is told to ignore errors. Names outside this machine do not resolve.
//!
//! Every call waits until the page is at rest again: loaded, and no request of its own open. A call that cannot be done
//! within [`PATIENCE`] fails the test, and says from which line it was made, what it waited for, and what the page
//! showed. There are no sleeps, and pages in other windows than [`Page`]s are not followed.

mod authenticator;
mod hands;
mod page;
mod person;
mod program;
mod seen;
#[cfg(test)]
mod tests;
mod trouble;
mod wire;

pub use authenticator::{Passkey, VirtualAuthenticator};
pub use page::Page;
pub use person::Cookie;
pub use seen::{Kind, Message};
pub use trouble::Trouble;

use person::Person;
use program::Program;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wire::Wire;

/// How long a call may take before it fails the test; far more than is ever needed on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running Chromium with nothing in it; dropping it ends it and removes all that it wrote.
///
/// One is enough for all tests of a program: each [`Browser::page`] belongs to somebody new.
pub struct Browser {
    wire: Arc<Wire>,
    program: Program,
}

impl Browser {
    /// Starts a browser that trusts the authority in this PEM file; `None`, and said on standard output, where Chromium
    /// or NSS's `certutil` is not installed.
    ///
    /// Panics when they are there and do not start: then the test cannot say anything true.
    #[expect(clippy::panic, reason = "a broken Chromium must fail the test that asked for it, and only tests ask")]
    pub async fn start(authority: &Path) -> Option<Self> {
        let programs = program::find()?;
        let started = async {
            let (program, wire) = Program::start(&programs, authority)?;
            let answered = match tokio::time::timeout(PATIENCE, wire.ask(None, "Browser.getVersion", json!({}))).await {
                Ok(answer) => answer.map(drop),
                Err(_) => Err(Trouble::Waited("Chromium says nothing".to_owned())),
            };
            answered.map_err(|why| program.said(&why))?;
            Ok::<_, Trouble>(Self { wire, program })
        };
        match started.await {
            Ok(browser) => Some(browser),
            Err(why) => panic!("no browser could be started: {why}"),
        }
    }

    /// A window of somebody who was never here: no cookies, no cache, nothing shared with other pages.
    #[expect(clippy::panic, reason = "a broken Chromium must fail the test that asked for it, and only tests ask")]
    pub async fn page(&self) -> Page {
        let opened = async { Page::open_in(Arc::new(Person::arrive(&self.wire).await?)).await };
        match tokio::time::timeout(PATIENCE, opened).await {
            Ok(Ok(page)) => page,
            Ok(Err(why)) => panic!("no page could be opened: {why}"),
            Err(late) => panic!("no page could be opened in {PATIENCE:?}: {late}"),
        }
    }

    /// Where all its files lie, for tests of what it leaves.
    pub fn directory(&self) -> &Path {
        self.program.directory()
    }
}
