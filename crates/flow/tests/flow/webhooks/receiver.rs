//! The other side: a server under TLS that keeps what it hears, and answers as a test says.

use bonded_testkit::https_server::{HttpsServer, Wanted, answer};
use bytes::Bytes;
use hyper::HeaderMap;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// What the receiver does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Thanks for it.
    Well,
    /// Answers with this status.
    Status(u16),
    /// Ends the connection without an answer.
    Cut,
    /// Never answers.
    Nothing,
}

/// One message as it was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    pub headers: HeaderMap,
    pub body: Bytes,
    /// How many came before it.
    pub count: usize,
    /// Whether it was thanked for.
    pub was_well: bool,
}

impl Heard {
    pub fn id(&self) -> String {
        self.headers["webhook-id"].to_str().unwrap().to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn subject(&self) -> String {
        self.json()["data"]["id"].as_str().unwrap_or_default().to_owned()
    }
}

type Rule = Arc<dyn Fn(&Heard) -> Does + Send + Sync>;

pub struct Receiver {
    server: HttpsServer,
    rule: Arc<Mutex<Rule>>,
    heard: watch::Receiver<Vec<Heard>>,
}

impl Receiver {
    /// A receiver that is content with everything.
    pub async fn start() -> Self {
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Arc::new(|_| Does::Well)));
        let (told, heard) = watch::channel(Vec::new());
        let (told, chosen) = (Arc::new(told), Arc::clone(&rule));
        // Over HTTP/1.1, where a connection is one request's own, and so can be cut.
        let server = HttpsServer::start(Wanted { h2: false, ..Wanted::GOOD }, move |request| {
            let (parts, body) = request.into_parts();
            let count = told.borrow().len();
            let mut heard = Heard { headers: parts.headers, body, count, was_well: false };
            let does = chosen.lock().unwrap().clone()(&heard);
            heard.was_well = does == Does::Well;
            told.send_modify(|all: &mut Vec<Heard>| all.push(heard));
            async move {
                match does {
                    Does::Well => answer(200, "thank you"),
                    Does::Status(301) => {
                        let mut answer = answer(301, "");
                        answer.headers_mut().insert("location", "/elsewhere".parse().unwrap());
                        answer
                    }
                    Does::Status(status) => answer(status, "ask ada@example.com later"),
                    Does::Cut => panic!("the receiver hangs up"),
                    Does::Nothing => std::future::pending().await,
                }
            }
        });
        Self { server: server.await, rule, heard }
    }

    pub fn url(&self) -> String {
        format!("{}/hook", self.server.origin("localhost"))
    }

    pub fn authority(&self) -> PathBuf {
        self.server.authority()
    }

    /// From now on it does as this says.
    pub fn answers(&self, rule: impl Fn(&Heard) -> Does + Send + Sync + 'static) {
        *self.rule.lock().unwrap() = Arc::new(rule);
    }

    /// All that was heard, once it is so much.
    pub async fn until(&self, count: usize) -> Vec<Heard> {
        let mut heard = self.heard.clone();
        let heard = tokio::time::timeout(crate::trade::PATIENCE, heard.wait_for(|all| all.len() >= count)).await;
        heard.unwrap_or_else(|_| panic!("{count} messages never came")).unwrap().clone()
    }
}
