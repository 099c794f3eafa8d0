//! Mail out: letters handed to a mail server over verified TLS, and to no other.
//!
//! Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (implicit TLS), RFC 4954 (AUTH). There is no way to send in
//! clear: the sender of a letter exists only on a stream whose certificate was checked, name included (`mail/tls.rs`).
//! `lettre` writes the messages and speaks SMTP; connecting and TLS are ours, because it does not say which version was
//! agreed, and because what a stranger slips in before TLS must not be taken for the server's word after it.
//!
//! Architecture invariant: no address, no subject and no word of a server's answer reaches a log or an error; an answer is
//! told by its code.

mod failure;
mod message;
mod tls;

pub use failure::MailFailure;
pub use message::{NoSender, Sender};

use bonded_base::{Moment, Secret};
use bonded_people::mail::{Letter, TlsVersion};
use lettre::address::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long it may take until a server is ready for letters.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// How long handing over one letter may take, connecting included. RFC 5321 section 4.5.3.2 would wait longer; a server
/// that takes its time is tried again.
pub const SEND_LIMIT: Duration = Duration::from_secs(90);
/// How long a goodbye may take.
const QUIT_LIMIT: Duration = Duration::from_secs(2);

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// After a word in clear, and without fail (`STARTTLS`, usually port 587).
    StartTls,
    /// With the first byte (usually port 465).
    Implicit,
}

/// Who we are to the server.
#[derive(Clone)]
pub struct Login {
    /// The user's name there.
    pub user: String,
    /// Its password.
    pub password: Secret<String>,
}

/// Which server takes our mail, and how.
#[derive(Clone)]
pub struct MailServer {
    /// Its name, as its certificate says it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When TLS begins.
    pub begins: Begins,
    /// The authority that signed its certificate; `None` means the machine's own ones.
    pub root_certificate: Option<PathBuf>,
    /// If it wants to know.
    pub login: Option<Login>,
    /// Whom letters are from.
    pub from: Sender,
    /// The name by which we greet it.
    pub greets_as: String,
}

/// A letter that the server has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The TLS with which it went.
    pub tls: TlsVersion,
}

/// Why no mail can be sent at all: the settings are wrong.
#[derive(Debug, thiserror::Error)]
pub enum MailSetup {
    /// The file of the authority's certificate.
    #[error("the mail server's root certificate {0} cannot be read")]
    RootCertificate(PathBuf),
    /// The host.
    #[error("`{0}` is not the name of a host")]
    Host(String),
}

/// Hands letters to one mail server. A connection is kept between two letters, until [`Mailer::hang_up`].
pub struct Mailer {
    server: MailServer,
    secured: tls::Secured,
    kept: Mutex<Option<Line>>,
}

/// A connection that is ready for letters.
struct Line {
    smtp: AsyncSmtpConnection,
    tls: TlsVersion,
}

impl Mailer {
    /// A mailer for this server; nothing is connected yet.
    pub fn new(server: MailServer) -> Result<Self, MailSetup> {
        let secured = tls::Secured::new(&server)?;
        Ok(Self { server, secured, kept: Mutex::new(None) })
    }

    /// Hands a letter over, dated `at`. When this returns `Sent`, the server is responsible for it.
    pub async fn send(&self, letter: &Letter, at: Moment) -> Result<Sent, MailFailure> {
        let (to, bytes) = message::of(letter, &self.server.from, at)?;
        let mut kept = self.kept.lock().await;
        let handing_over = async {
            let mut line = self.begun(kept.take()).await?;
            let outcome = hand_over(&mut line.smtp, to, &bytes).await;
            let sent = Sent { tls: line.tls };
            // After a refusal the server is asked to forget the letter; one that cannot is left.
            if outcome.is_ok() || line.smtp.command(Rset).await.is_ok() {
                *kept = Some(line);
            }
            outcome.map(|()| sent)
        };
        within(SEND_LIMIT, handing_over).await
    }

    /// Connects, proves who we are, asks for nothing and hangs up; tells the TLS that was agreed.
    pub async fn check(&self) -> Result<TlsVersion, MailFailure> {
        let asking = async {
            let mut line = self.open().await?;
            line.smtp.command(Noop).await.map_err(|error| failure::of_server(&error))?;
            Ok(line)
        };
        let line = within(SEND_LIMIT, asking).await?;
        let tls = line.tls;
        quit(line).await;
        Ok(tls)
    }

    /// Ends the connection that was kept, if there is one.
    pub async fn hang_up(&self) {
        if let Some(line) = self.kept.lock().await.take() {
            quit(line).await;
        }
    }

    /// A connection on which a letter has been begun: the one that was kept, if the server still listens there.
    async fn begun(&self, kept: Option<Line>) -> Result<Line, MailFailure> {
        let begin = || Mail::new(Some(self.server.from.address()), Vec::new());
        if let Some(mut line) = kept {
            // Many servers take only so many letters on one connection. Nothing of this one was said before.
            if line.smtp.command(begin()).await.is_ok() {
                return Ok(line);
            }
        }
        let mut line = self.open().await?;
        line.smtp.command(begin()).await.map_err(|error| failure::of_sender(&error))?;
        Ok(line)
    }

    async fn open(&self) -> Result<Line, MailFailure> {
        within(CONNECT_LIMIT, async {
            let (stream, tls) = self.secured.connect(&self.server).await?;
            let us = ClientId::Domain(self.server.greets_as.clone());
            let smtp = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &us).await;
            let mut smtp = smtp.map_err(|error| failure::of_server(&error))?;
            if let Some(login) = &self.server.login {
                let credentials = Credentials::new(login.user.clone(), login.password.expose().clone());
                let proved = smtp.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
                proved.map_err(|error| failure::of_login(&error))?;
            }
            Ok(Line { smtp, tls })
        })
        .await
    }
}

/// The steps of a letter that was begun. Which one fails says whom the server objects to.
async fn hand_over(smtp: &mut AsyncSmtpConnection, to: Address, message: &[u8]) -> Result<(), MailFailure> {
    smtp.command(Rcpt::new(to, Vec::new())).await.map_err(|error| failure::of_recipient(&error))?;
    smtp.command(Data).await.map_err(|error| failure::of_letter(&error))?;
    smtp.message(message).await.map_err(|error| failure::of_letter(&error))?;
    Ok(())
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, MailFailure>>) -> Result<T, MailFailure> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or(Err(MailFailure::Away("the mail server did not answer in time".into())))
}

async fn quit(mut line: Line) {
    // A server that does not say goodbye has taken the letters all the same.
    let _ = tokio::time::timeout(QUIT_LIMIT, line.smtp.quit()).await;
}
