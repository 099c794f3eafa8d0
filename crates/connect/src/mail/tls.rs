//! The way to a mail server: TCP, a word in clear where STARTTLS asks for it, then TLS with a checked certificate.
//!
//! What is said in clear is a greeting and the wish for TLS, never a name or an address. Whatever the server, or somebody
//! in between, says before TLS beyond its three answers ends the attempt (RFC 3207 section 6).

use super::{Begins, MailFailure, MailServer, MailSetup, failure};
use crate::tls;
use bonded_people::mail::TlsVersion;
use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Bytes of an answer before TLS at most.
const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// The greeting that a server gives once, before STARTTLS, and that SMTP after it expects again.
const GREETING: &[u8] = b"220 ready\r\n";

/// The one way to a server: with TLS, its certificate checked.
pub(super) struct Secured {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Secured {
    /// TLS 1.2 or later, trusting the file's authority or the machine's own.
    pub(super) fn new(server: &MailServer) -> Result<Self, MailSetup> {
        let name = ServerName::try_from(server.host.clone()).map_err(|_| MailSetup::Host(server.host.clone()))?;
        let roots = match &server.root_certificate {
            Some(file) => {
                let mut roots = RootCertStore::empty();
                tls::add_roots(file, &mut roots).ok_or_else(|| MailSetup::RootCertificate(file.clone()))?;
                roots
            }
            None => tls::machine_roots(),
        };
        // The provider has suites for both versions, so this cannot fail.
        let config = tls::client(roots).map_err(|_| MailSetup::Host(server.host.clone()))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// A stream to the server, and the TLS that was agreed.
    pub(super) async fn connect(&self, server: &MailServer) -> Result<(SecuredStream, TlsVersion), MailFailure> {
        let tcp = TcpStream::connect((server.host.as_str(), server.port)).await;
        let mut tcp = tcp.map_err(|_| MailFailure::Away("the mail server cannot be reached".into()))?;
        let greeting = match server.begins {
            Begins::Implicit => &[],
            Begins::StartTls => {
                ask_for_tls(&mut tcp, &server.greets_as).await?;
                GREETING
            }
        };
        let stream = self.connector.connect(self.name.clone(), tcp).await;
        let stream = stream.map_err(|error| failure::of_handshake(&error))?;
        let version = tls::agreed(stream.get_ref().1)
            .ok_or_else(|| MailFailure::Away("no TLS could be agreed with the mail server".into()))?;
        Ok((SecuredStream { greeting, stream }, version))
    }
}

/// The dialogue in clear: greeting, `EHLO`, `STARTTLS`.
async fn ask_for_tls(tcp: &mut TcpStream, us: &str) -> Result<(), MailFailure> {
    answer(tcp, "220").await?;
    say(tcp, &format!("EHLO {us}\r\n")).await?;
    let offers = answer(tcp, "250").await?;
    let offered = |line: &str| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offers.lines().any(offered) {
        return Err(MailFailure::Away("the mail server offers no TLS".into()));
    }
    say(tcp, "STARTTLS\r\n").await?;
    answer(tcp, "220").await.map(drop)
}

async fn say(tcp: &mut TcpStream, line: &str) -> Result<(), MailFailure> {
    tcp.write_all(line.as_bytes()).await.map_err(|_| broke_off())
}

/// One whole answer with this code, and nothing behind it.
async fn answer(tcp: &mut TcpStream, wanted: &str) -> Result<String, MailFailure> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 512];
    let text = loop {
        let read = tcp.read(&mut chunk).await.map_err(|_| broke_off())?;
        bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if read == 0 || bytes.len() > ANSWER_BYTES_MAX {
            return Err(broke_off());
        }
        if let Some(whole) = whole_answer(&bytes)? {
            break whole.to_owned();
        }
    };
    match text.get(..3) {
        Some(code) if code == wanted => Ok(text),
        Some(code) if code.bytes().all(|digit| digit.is_ascii_digit()) => {
            Err(MailFailure::Away(format!("the mail server answered otherwise than it should ({code})").into()))
        }
        _ => Err(MailFailure::Away("what answers there is no mail server".into())),
    }
}

fn broke_off() -> MailFailure {
    MailFailure::Away("the connection to the mail server broke off".into())
}

/// The answer, once its last line is there (RFC 5321 section 4.2.1: the one without `-` behind its code). More than one
/// answer is refused: what stands behind it came before TLS and would be taken for its first word.
fn whole_answer(bytes: &[u8]) -> Result<Option<&str>, MailFailure> {
    let foreign = || MailFailure::Away("what answers there is no mail server".into());
    let Some(lines) = bytes.strip_suffix(b"\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(lines).map_err(|_| foreign())?;
    let is_last = |line: &str| line.as_bytes().get(3) != Some(&b'-');
    let lines: Vec<_> = text.split("\r\n").collect();
    match lines.iter().position(|line| is_last(line)) {
        None => Ok(None),
        Some(last) if last + 1 == lines.len() => Ok(Some(text)),
        Some(_) => Err(MailFailure::Away("somebody spoke out of turn before TLS".into())),
    }
}

/// An encrypted stream, as SMTP wants it: a greeting first.
pub(super) struct SecuredStream {
    greeting: &'static [u8],
    stream: TlsStream<TcpStream>,
}

impl fmt::Debug for SecuredStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecuredStream")
    }
}

impl AsyncTokioStream for SecuredStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}

impl AsyncRead for SecuredStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        let (now, later) = self.greeting.split_at(self.greeting.len().min(into.remaining()));
        into.put_slice(now);
        self.greeting = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SecuredStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn an_answer_in_pieces_is_whole_at_its_end_alone(words in proptest::collection::vec("[ -~]{0,20}", 1..6)) {
            let last = words.len() - 1;
            let line = |(at, word): (usize, &String)| format!("250{}{word}\r\n", if at == last { ' ' } else { '-' });
            let answer: String = words.iter().enumerate().map(line).collect();
            for cut in 0..answer.len() {
                assert!(matches!(whole_answer(&answer.as_bytes()[..cut]), Ok(None)), "{cut} of {answer:?}");
            }
            assert!(matches!(whole_answer(answer.as_bytes()), Ok(Some(_))));
        }

        #[test]
        fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(0_u8..=255, 0..200)) {
            let _ = whole_answer(&bytes);
        }
    }

    #[test]
    fn an_answer_is_whole_with_its_last_line_and_has_nothing_behind_it() {
        let whole = |text: &'static str| whole_answer(text.as_bytes()).map(|whole| whole.is_some());
        for text in ["220 ready\r\n", "250-one\r\n250-two\r\n250 three\r\n", "220\r\n"] {
            assert_eq!(whole(text), Ok(true), "{text}");
        }
        for text in ["", "220 rea", "220 ready\r", "250-one\r\n", "250-one\r\n250 tw"] {
            assert_eq!(whole(text), Ok(false), "{text}");
        }
        for text in ["220 ready\r\n250 injected\r\n", "250-a\r\n250 b\r\n250-c\r\n"] {
            assert!(whole(text).is_err(), "{text}");
        }
        assert!(whole_answer(b"220 \xff\r\n").is_err());
    }
}
