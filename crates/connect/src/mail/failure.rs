//! Why a letter was not taken, in our own words: whose fault it is, and whether it is worth trying again.

use crate::tls::Refused;
use lettre::transport::smtp::Error;
use std::borrow::Cow;
use std::io;

/// Why a letter was not taken. Holds no address, and nothing of a server's own words but the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailFailure {
    /// The server cannot be used now, by any letter.
    #[error("{0}")]
    Away(Cow<'static, str>),
    /// It does not take this letter now.
    #[error("{0}")]
    Later(Cow<'static, str>),
    /// It will never take this letter.
    #[error("{0}")]
    Never(Cow<'static, str>),
}

/// Reply codes that are about us, whatever the step: RFC 4954 section 6 and RFC 3207 section 4.
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

/// Something about the server as a whole.
pub(super) fn of_server(error: &Error) -> MailFailure {
    MailFailure::Away(said("the mail server answered otherwise than it should", error))
}

/// Something about who we say we are.
pub(super) fn of_login(error: &Error) -> MailFailure {
    if error.is_client() {
        return MailFailure::Away("the mail server does not ask for user and password, and got none".into());
    }
    MailFailure::Away(said("the mail server did not accept user and password", error))
}

/// Something about whom letters are from; that is the same for all of them.
pub(super) fn of_sender(error: &Error) -> MailFailure {
    MailFailure::Away(said("the mail server does not take letters from this sender", error))
}

/// Something about to whom it goes.
pub(super) fn of_recipient(error: &Error) -> MailFailure {
    of_one(error, "the mail server does not take letters to this address")
}

/// Something about the letter itself.
pub(super) fn of_letter(error: &Error) -> MailFailure {
    of_one(error, "the mail server does not take this letter")
}

fn of_one(error: &Error, what: &'static str) -> MailFailure {
    let is_ours = code(error).is_some_and(|code| ABOUT_US.contains(&code));
    if error.is_permanent() && !is_ours {
        MailFailure::Never(said(what, error))
    } else if error.is_transient() {
        MailFailure::Later(said(what, error))
    } else {
        of_server(error)
    }
}

fn code(error: &Error) -> Option<u16> {
    error.status().map(u16::from)
}

fn said(what: &'static str, error: &Error) -> Cow<'static, str> {
    match code(error) {
        Some(code) => format!("{what} ({code})").into(),
        None if error.is_response() => "the mail server's answer could not be read".into(),
        None => "the connection to the mail server broke off".into(),
    }
}

/// A handshake that failed.
pub(super) fn of_handshake(error: &io::Error) -> MailFailure {
    MailFailure::Away(match Refused::of(error) {
        Refused::Certificate(fault) => format!("the mail server's certificate {fault}").into(),
        Refused::NoneAgreed => "no TLS could be agreed with the mail server".into(),
        Refused::BrokeOff => "the mail server broke off while TLS was being agreed".into(),
    })
}
