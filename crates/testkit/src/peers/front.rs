//! What stands before a platform's server: TLS on a port that stays, and answers that get lost when a test says so.

use crate::https_server::{HttpsServer, Wanted};
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Bytes that are passed on at once.
const CHUNK: usize = 64 * 1024;

/// A TLS listener on the loopback that leads to a server in clear; dropping it ends it.
pub struct Front {
    listener: HttpsServer,
    way: Arc<Way>,
}

/// What all connections share.
struct Way {
    server: AtomicU16,
    /// A text of the request whose answer is to get lost.
    lose: Mutex<Option<String>>,
    lost: AtomicUsize,
    /// How many requests came so far.
    asked: watch::Sender<usize>,
    /// All that was answered so far.
    answered: Mutex<Vec<u8>>,
}

impl Front {
    /// Listens on a free port, and leads to this one of the loopback.
    pub async fn before(server: u16) -> Self {
        let way = Arc::new(Way {
            server: server.into(),
            lose: Mutex::new(None),
            lost: AtomicUsize::new(0),
            asked: watch::Sender::new(0),
            answered: Mutex::default(),
        });
        let shared = Arc::clone(&way);
        let listener = HttpsServer::raw(Wanted { h2: false, ..Wanted::GOOD }, move |stream| {
            let way = Arc::clone(&shared);
            // One that breaks off is the client's to notice.
            async move { drop(way.serve(stream).await) }
        })
        .await;
        Self { listener, way }
    }

    /// `https://localhost:PORT`.
    pub fn address(&self) -> String {
        self.listener.origin("localhost")
    }

    /// A PEM file of the authority that made its certificate.
    pub fn authority(&self) -> PathBuf {
        self.listener.authority()
    }

    /// Leads to another port of the loopback from now on.
    pub fn lead_to(&self, server: u16) {
        self.way.server.store(server, Ordering::SeqCst);
    }

    /// Lets the next request that contains this text through, and cuts the connection in place of its answer.
    pub fn lose_answer_to(&self, text: &str) {
        *self.way.lose.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
    }

    /// How many answers were lost so far.
    pub fn lost(&self) -> usize {
        self.way.lost.load(Ordering::SeqCst)
    }

    /// Waits until so many more requests have come; the last of them is perhaps being carried out.
    pub async fn asked(&self, more: usize) {
        let mut asked = self.way.asked.subscribe();
        let until = *asked.borrow_and_update() + more;
        // It ends with us, who hold the other end.
        let _ = asked.wait_for(|asked| *asked >= until).await;
    }

    /// Whether this text was in any answer so far.
    pub fn answered(&self, text: &str) -> bool {
        contains(&self.way.answered.lock().unwrap_or_else(PoisonError::into_inner), text)
    }
}

impl Way {
    /// Passes on what comes from either side, until one has enough.
    async fn serve(&self, client: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server.load(Ordering::SeqCst))).await?;
        let (mut from_server, mut to_server) = server.split();
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut asked, mut answered) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut request = Vec::new();
        loop {
            tokio::select! {
                read = from_client.read(&mut asked) => {
                    let Some(bytes) = asked.get(..read?).filter(|bytes| !bytes.is_empty()) else { break };
                    if request.is_empty() {
                        self.asked.send_modify(|asked| *asked += 1);
                    }
                    request.extend_from_slice(bytes);
                    to_server.write_all(bytes).await?;
                }
                read = from_server.read(&mut answered) => {
                    let Some(bytes) = answered.get(..read?).filter(|bytes| !bytes.is_empty()) else { break };
                    // The server answers when it is done, so what was asked has happened.
                    if self.is_to_be_lost(&std::mem::take(&mut request)) {
                        break;
                    }
                    self.answered.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
                    to_client.write_all(bytes).await?;
                    to_client.flush().await?;
                }
            }
        }
        Ok(())
    }

    fn is_to_be_lost(&self, request: &[u8]) -> bool {
        let mut lose = self.lose.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = lose.as_ref().is_some_and(|text| contains(request, text));
        if is_meant {
            *lose = None;
            self.lost.fetch_add(1, Ordering::SeqCst);
        }
        is_meant
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|part| part == text.as_bytes())
}
