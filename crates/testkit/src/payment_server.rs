//! A payment gateway for each test that asks: Python's `localstripe`, completed by what Stripe documents and it lacks.
//!
//! `localstripe` keeps customers, cards, setups, payments and refunds, and signs webhooks. In front of it stands a server of
//! our own, written from `docs.stripe.com/api`, for Checkout's pages, connected accounts, idempotency keys, lists of a
//! customer's payments, further attempts of a payment, and the refusals of payments while the buyer is away. A
//! [`Front`] before that speaks TLS and loses answers when a test says so.
//!
//! `cargo xtask needs` puts `localstripe` into `target/payment-server`; where it is missing, [`PaymentServer::start`] answers
//! `None` and says so.

mod gateway;

pub use gateway::{Asked, Gateway};

use crate::peers::Front;
use aws_lc_rs::hmac;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The Python that has `localstripe`, from the root of the workspace.
pub const PYTHON: &str = "target/payment-server/bin/python";

const SCRIPT: &str = include_str!("payment_server.py");

/// A running gateway of one test; dropping it ends it.
pub struct PaymentServer {
    child: Child,
    // Closing it is what ends the server, should it not be killed.
    _stdin: Option<ChildStdin>,
    front: Front,
    gateway: Arc<Gateway>,
    serving: JoinHandle<()>,
}

impl Drop for PaymentServer {
    fn drop(&mut self) {
        self.serving.abort();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl PaymentServer {
    /// Starts a gateway; `None`, and said on standard output, where `localstripe` is not installed.
    ///
    /// Panics when it is there and does not start: then the test cannot say anything true.
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
    pub async fn start() -> Option<Self> {
        let mut command = Command::new(python()?);
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let (stdin, mut line) = (child.stdin.take(), String::new());
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("the server's port");
        let said: Value = serde_json::from_str(&line).expect("the server says its port");
        let port = said.get("port").and_then(Value::as_u64).expect("a port");
        let gateway = Arc::new(Gateway::before(port));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("an address").port();
        let serving = tokio::spawn(serve(listener, Arc::clone(&gateway)));
        Some(Self { child, _stdin: stdin, front: Front::before(own).await, gateway, serving })
    }

    /// What stands before it: TLS, and answers that get lost.
    pub const fn front(&self) -> &Front {
        &self.front
    }

    /// What it knows, and what buyers do there.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// A `Stripe-Signature` of this body under a secret, made at this second.
    pub fn signature(body: &[u8], secret: &str, seconds: i64) -> String {
        let mut signed = format!("{seconds}.").into_bytes();
        signed.extend_from_slice(body);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &signed);
        tag.as_ref().iter().fold(format!("t={seconds},v1="), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

async fn serve(listener: TcpListener, gateway: Arc<Gateway>) {
    while let Ok((stream, _)) = listener.accept().await {
        let gateway = Arc::clone(&gateway);
        let service = service_fn(move |request: Request<Incoming>| {
            let gateway = Arc::clone(&gateway);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let (status, answer) = gateway.answer(&head, &body).await;
                let response =
                    Response::builder().status(status).body(Full::new(bytes::Bytes::from(answer.to_string())));
                Ok::<_, hyper::Error>(response.unwrap_or_default())
            }
        });
        tokio::spawn(async move {
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The Python that can be a payment gateway.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PYTHON);
    if python.is_file() {
        return Some(python);
    }
    println!("skipped: no payment gateway is installed; `cargo xtask needs` puts one into target/payment-server");
    None
}
