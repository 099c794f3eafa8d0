//! Why a call got no answer, in our own words.

use crate::platform::Failure;
use crate::tls::Refused;
use bonded_ledger::LedgerError;
use std::error::Error;
use std::io;
use std::sync::Arc;

/// Why there is no answer. Holds no address, no part of an answer, and nothing that was sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The address is no https one, or carries a user.
    #[error("only addresses that begin with https:// and carry no user are called")]
    NotHttps,
    /// The account has not approved that host.
    #[error("the account has not approved this host")]
    NotApproved,
    /// The host lies in a network that is not the internet.
    #[error("the host lies in a network that must not be called from here")]
    Private,
    /// No address was found for the host.
    #[error("the host's name leads nowhere")]
    Unresolved,
    /// The host's certificate is not what it should be.
    #[error("the host's certificate {0}")]
    Certificate(&'static str),
    /// It refused, cut the line, or took too long. What was asked may have happened.
    #[error("{0}")]
    Away(&'static str),
    /// The answer is longer than it may be.
    #[error("the answer is longer than it may be")]
    TooLarge,
    /// It sent us on too often, or to nowhere.
    #[error("it sent us on too often, or to no address")]
    TooManyRedirects,
    /// So many calls are under way to this host, or for this owner, that this one was not made.
    #[error("too many calls are under way there")]
    Busy,
    /// A header that was to be sent cannot be written.
    #[error("a header cannot be written")]
    Header,
    /// It could not be written down, so it was not made.
    #[error("the call could not be written down: {0}")]
    Ledger(Arc<LedgerError>),
}

impl From<LedgerError> for CallError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(Arc::new(error))
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Ledger(error) => Self::Ledger(error),
            CallError::NotHttps | CallError::NotApproved | CallError::Private => Self::Unauthorised(error.to_string()),
            CallError::TooLarge | CallError::TooManyRedirects | CallError::Header => Self::Strange(error.to_string()),
            CallError::Unresolved | CallError::Certificate(_) | CallError::Away(_) | CallError::Busy => {
                Self::Away(error.to_string())
            }
        }
    }
}

impl CallError {
    /// Whether the call certainly never left, so that it may be repeated whatever it does.
    pub const fn never_left(&self) -> bool {
        !matches!(self, Self::Away(_) | Self::TooLarge | Self::TooManyRedirects)
    }

    pub(super) const LATE: Self = Self::Away("the host did not answer in time");
    pub(super) const CUT: Self = Self::Away("the connection to the host broke off");

    pub(super) fn of_handshake(error: &io::Error) -> Self {
        match Refused::of(error) {
            Refused::Certificate(fault) => Self::Certificate(fault),
            Refused::NoneAgreed => Self::Away("no TLS could be agreed with the host"),
            Refused::BrokeOff => Self::CUT,
        }
    }

    /// Our own error from inside the client's, if that is what it is about.
    pub(super) fn within(error: &(dyn Error + 'static)) -> Self {
        let mut inner = Some(error);
        while let Some(error) = inner {
            if let Some(own) = error.downcast_ref::<Self>() {
                return own.clone();
            }
            inner = error.source();
        }
        Self::CUT
    }
}
