//! What can go wrong between a test and its browser, in words for the person who reads the failed test.

use std::fmt;

/// Why something could not be done in the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A program could not be prepared or started.
    Start(String),
    /// Chromium is gone.
    Ended,
    /// Chromium refused a command of the protocol.
    Refused {
        /// The command.
        command: String,
        /// Chromium's words.
        why: String,
    },
    /// The document went away while it was asked.
    Moved,
    /// A script of the test threw.
    Threw(String),
    /// What was waited for did not come.
    Waited(String),
    /// The page could not be had: Chromium's name of the network error, such as `net::ERR_CERT_AUTHORITY_INVALID`.
    Unreachable(String),
    /// The page is not as it should be.
    Wrong(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(why) | Self::Wrong(why) => f.write_str(why),
            Self::Ended => f.write_str("Chromium has ended"),
            Self::Refused { command, why } => write!(f, "Chromium refused {command}: {why}"),
            Self::Moved => f.write_str("the page went elsewhere meanwhile"),
            Self::Threw(what) => write!(f, "the script threw: {what}"),
            Self::Waited(what) => write!(f, "waited in vain: {what}"),
            Self::Unreachable(error) => write!(f, "the page could not be had: {error}"),
        }
    }
}

impl std::error::Error for Trouble {}

impl Trouble {
    /// What an answer of the protocol says went wrong.
    pub(super) fn refused(command: &str, why: &str) -> Self {
        let went = ["context was destroyed", "Cannot find context", "navigated or closed", "Promise was collected"];
        if went.iter().any(|words| why.contains(words)) {
            return Self::Moved;
        }
        Self::Refused { command: command.to_owned(), why: why.to_owned() }
    }
}
