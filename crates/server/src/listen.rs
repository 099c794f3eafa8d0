//! `bonded listen`: forwards an account's events to a port of this machine, signed as webhooks are, for whoever builds a receiver.
//!
//! It is a client, on a developer's machine: it asks the API under https with a key, and tells a program beside it over
//! HTTP in clear, which never leaves the machine. It is told what an endpoint would be told, and keeps nothing.

use crate::cli::Listen;
use crate::ending::{Code, Ending};
use crate::terminal::say;
use bonded_base::{Clock, Kind, Moment, Secret, SystemChance, SystemClock};
use bonded_connect::webhooks::{self, EventPattern, Signed};
use reqwest::{Certificate, Client, StatusCode, Url};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// The variable with the API key: a flag could be seen by other users of the machine.
const KEY_VARIABLE: &str = "BONDED_API_KEY";
/// How long one question waits for news, in seconds.
const NEWS_SECONDS: u32 = 30;
/// How long a question may take in all.
const QUESTION_LIMIT: Duration = Duration::from_mins(1);
/// How long the receiver may take, as at a real endpoint.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How long to wait before a server that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// Where each kind of record is read alone.
const ROUTES: [(Kind, &str); 7] = [
    (Kind::Order, "orders"),
    (Kind::PurchaseOrder, "purchase_orders"),
    (Kind::Product, "products"),
    (Kind::Variant, "variants"),
    (Kind::Location, "locations"),
    (Kind::PartnerLink, "partner_links"),
    (Kind::Hold, "holds"),
];

/// Forwards until it is stopped.
pub async fn run(asked: &Listen) -> Result<(), Ending> {
    let listener = Listener::new(asked)?;
    let mut after = match asked.after {
        Some(after) => after,
        None => listener.newest().await?,
    };
    say!("signing secret  {}", listener.written_secret.expose());
    say!("forwarding to   {}", listener.to);
    loop {
        after = listener.forward(after).await?;
    }
}

struct Listener {
    api: Client,
    beside: Client,
    base: String,
    key: Secret<String>,
    to: Url,
    events: Vec<EventPattern>,
    secret: [Secret<Vec<u8>>; 1],
    written_secret: Secret<String>,
}

impl Listener {
    fn new(asked: &Listen) -> Result<Self, Ending> {
        let usage = |sentence: &str| Ending::new(Code::Usage, sentence.to_owned());
        let base = asked.api.trim_end_matches('/').to_owned();
        if !base.starts_with("https://") {
            return Err(usage("--api takes the API's address, as https://api.example.com"));
        }
        let to: Url = asked.forward_to.parse().map_err(|_| usage("--forward-to takes an address"))?;
        let is_here = matches!(to.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if to.scheme() != "http" || !is_here {
            return Err(usage("--forward-to takes an address of this machine, as http://localhost:3000/hook")
                .next("for any other make a webhook endpoint"));
        }
        let patterns = asked.event.iter().map(|event| event.parse());
        let mut events: Vec<EventPattern> =
            patterns.collect::<Result<_, _>>().map_err(|error| usage(&format!("{error}")))?;
        if events.is_empty() {
            events.push(EventPattern::All);
        }
        // Chosen here, for the process: the library that speaks HTTP leaves the choice to us.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut api = Client::builder().https_only(true).timeout(QUESTION_LIMIT);
        if let Some(file) = &asked.root_certificate {
            api = api.tls_certs_only([authority(file)?]);
        }
        let (secret, written_secret) = webhooks::make_secret(&SystemChance);
        let beside = Client::builder().no_proxy().timeout(ANSWER_LIMIT).redirect(reqwest::redirect::Policy::none());
        Ok(Self {
            api: api.build().map_err(Ending::internal)?,
            beside: beside.build().map_err(Ending::internal)?,
            base,
            key: key(asked.key_file.as_deref())?,
            to,
            events,
            secret: [secret],
            written_secret,
        })
    }

    /// What the newest signed checkpoint covers: from there on everything is news.
    async fn newest(&self) -> Result<u64, Ending> {
        let asked = self.api.get(format!("{}/v1/log/checkpoint", self.base)).bearer_auth(self.key.expose());
        let answer = asked.send().await.map_err(unreachable)?;
        let answer = match answer.status() {
            StatusCode::NOT_FOUND => return Ok(0),
            status => allowed(status).map(|()| answer)?,
        };
        let note = answer.text().await.map_err(unreachable)?;
        Ok(note.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0))
    }

    /// Waits for news, tells the receiver of each that it is to hear, and says where to go on.
    async fn forward(&self, after: u64) -> Result<u64, Ending> {
        let path = format!("/v1/events?after={after}&limit=100&wait={NEWS_SECONDS}");
        let Some(page) = self.ask(&path).await? else {
            tokio::time::sleep(AGAIN).await;
            return Ok(after);
        };
        for event in page.get("data").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
            let Some(kind) = Kind::from_name(text("kind")) else { continue };
            let name = format!("{kind}.{}", text("action"));
            let is_wanted = self.events.iter().any(|pattern| pattern.chooses(kind, &name));
            if is_wanted && webhooks::is_of_interest(kind, text("action")) {
                let object = self.object(kind, text("subject")).await?;
                self.tell(text("id"), &name, &body(event, &name, &object)).await;
            }
        }
        Ok(page.get("next_after").and_then(Value::as_u64).unwrap_or(after))
    }

    /// The record as it is now; null where it is gone, or is not read alone.
    async fn object(&self, kind: Kind, id: &str) -> Result<Value, Ending> {
        match ROUTES.iter().find(|(known, _)| *known == kind) {
            Some((_, route)) => Ok(self.ask(&format!("/v1/{route}/{id}")).await?.unwrap_or_default()),
            None => Ok(Value::Null),
        }
    }

    async fn tell(&self, id: &str, name: &str, body: &Value) {
        let (now, body) = (SystemClock.now(), body.to_string());
        let signed = Signed::over(id.to_owned(), now, body.as_bytes(), &self.secret);
        let request = self
            .beside
            .post(self.to.clone())
            .header("content-type", "application/json")
            .header("webhook-id", signed.id)
            .header("webhook-timestamp", signed.timestamp)
            .header("webhook-signature", signed.signature)
            .body(body);
        let began = Instant::now();
        let said = match request.send().await {
            Ok(answer) => answer.status().as_u16().to_string(),
            Err(error) if error.is_connect() => "nobody listens there".to_owned(),
            Err(error) if error.is_timeout() => "no answer in time".to_owned(),
            Err(_) => "no answer".to_owned(),
        };
        say!("{}  {name}  {id} -> {said} ({} ms)", clock_of(now), began.elapsed().as_millis());
    }

    /// What the API answers; `None` where there is no such thing, or nobody to ask for the moment.
    async fn ask(&self, path: &str) -> Result<Option<Value>, Ending> {
        let asked = self.api.get(format!("{}{path}", self.base)).bearer_auth(self.key.expose()).send().await;
        let Ok(answer) = asked else { return Ok(None) };
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Ok(None),
            status => {
                allowed(status)?;
                Ok(answer.json().await.ok())
            }
        }
    }
}

/// What an endpoint would be sent.
fn body(event: &Value, name: &str, object: &Value) -> Value {
    let field = |name: &str| event.get(name).cloned().unwrap_or_default();
    let changes = event.get("changes").and_then(Value::as_object);
    let before = |(field, change): (&String, &Value)| (field.clone(), change.get("from").cloned().unwrap_or_default());
    let previous: Map<_, _> = changes.into_iter().flatten().map(before).collect();
    json!({
        "type": name,
        "timestamp": field("at"),
        "data": {
            "id": field("subject"),
            "version": field("version"),
            "actor": field("actor"),
            "object": object,
            "previous": previous,
        },
    })
}

/// `14:03:27`, in UTC.
fn clock_of(now: Moment) -> String {
    now.to_string().get(11..19).unwrap_or_default().to_owned()
}

fn key(file: Option<&Path>) -> Result<Secret<String>, Ending> {
    let text = match file {
        Some(file) => std::fs::read_to_string(file).map_err(Ending::file("read", file))?,
        None => std::env::var(KEY_VARIABLE).map_err(|_| {
            Ending::new(Code::Usage, format!("an API key is needed, in the variable {KEY_VARIABLE} or with --key-file"))
                .next("`bonded account key` issues one")
        })?,
    };
    Ok(Secret::new(text.trim().to_owned()))
}

fn authority(file: &Path) -> Result<Certificate, Ending> {
    let pem = std::fs::read(file).map_err(Ending::file("read", file))?;
    let bad = |_| Ending::new(Code::Data, format!("{} is no certificate", file.display()));
    Certificate::from_pem(&pem).map_err(bad)
}

fn allowed(status: StatusCode) -> Result<(), Ending> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED => Err(Ending::new(Code::Sealed, "the API does not know this key")),
        StatusCode::FORBIDDEN => {
            Err(Ending::new(Code::Sealed, "the key may not read the log").next("give it the permission log:read"))
        }
        status => Err(Ending::new(Code::Unavailable, format!("the API answered {status}"))),
    }
}

fn unreachable(error: reqwest::Error) -> Ending {
    Ending::new(Code::Unavailable, format!("the API cannot be reached: {}", error.without_url()))
}
