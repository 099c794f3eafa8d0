//! What a page was seen doing: where it is, whether it rests, what it fetched, answered and said.
//!
//! Fed by the thread that reads the wire, read by whoever waits; every change wakes all who wait.

use super::trouble::Trouble;
use super::wire::text;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use tokio::sync::watch;

/// One thing that a page said, to its developer or to its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Of what sort.
    pub kind: Kind,
    /// The page's words, or Chromium's.
    pub text: String,
}

/// Sorts of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `console.log` and its like.
    Said,
    /// A warning, of the page or about it.
    Warned,
    /// An error: `console.error`, something thrown and not caught, a resource that could not be loaded.
    Failed,
    /// Something that the content security policy forbade: the directive, and what it was used on.
    Violated,
    /// A dialog that was shown and at once agreed to.
    Asked,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.text)
    }
}

/// The answer that a document came with.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Lower-case names; several fields of one name are joined by a line break.
    pub(super) headers: BTreeMap<String, String>,
    /// The headers as they were on the wire are still to come.
    pub(super) is_partial: bool,
}

/// Whether a page is about to leave its document.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Stays,
    /// A form or a script asked for it.
    Scheduled,
    Leaves,
}

/// How things stand with one page.
#[derive(Default)]
pub(super) struct State {
    frame: String,
    /// The document that is shown, by Chromium's name for the load that brought it.
    loader: String,
    /// All documents that were ever shown.
    shown: HashSet<String>,
    is_loaded: bool,
    way: Way,
    /// Requests without an end yet: id to (load, address).
    open: HashMap<String, (String, String)>,
    answers: HashMap<String, Answer>,
    wire_headers: HashMap<String, Value>,
    failures: HashMap<String, String>,
    /// Counts whatever begins, so that a rest can be told from a pause.
    pub(super) begun: u64,
    pub(super) requested: Vec<String>,
    pub(super) messages: Vec<Message>,
    has_ended: bool,
}

/// What one page was seen doing.
pub(super) struct Seen(watch::Sender<State>);

impl Seen {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(State::default()))
    }

    /// Which frame is the page's own, and what it shows at the start.
    pub(super) fn begin(&self, frame: &str, loader: &str) {
        self.0.send_modify(|state| {
            frame.clone_into(&mut state.frame);
            state.show(loader);
            state.is_loaded = true;
        });
    }

    pub(super) fn end(&self) {
        self.0.send_modify(|state| state.has_ended = true);
    }

    pub(super) fn now<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.borrow())
    }

    /// What was said and requested so far is no longer told.
    pub(super) fn forget_words(&self) {
        self.0.send_modify(|state| {
            state.messages.clear();
            state.requested.clear();
        });
    }

    /// Waits until the page is so.
    pub(super) async fn until(&self, mut is_so: impl FnMut(&State) -> bool) -> Result<(), Trouble> {
        let mut watcher = self.0.subscribe();
        let so = watcher.wait_for(|state| state.has_ended || is_so(state)).await;
        if so.is_ok_and(|state| !state.has_ended) { Ok(()) } else { Err(Trouble::Ended) }
    }

    /// Waits until something begins that had not begun when the count was taken, or a document is shown.
    pub(super) async fn until_news(&self, begun: u64) -> Result<(), Trouble> {
        self.until(|state| state.begun != begun).await
    }

    /// Notes an event; the answer is a command that the page needs at once.
    pub(super) fn note(&self, event: &str, params: &Value) -> Option<(&'static str, Value)> {
        self.0.send_modify(|state| state.note(event, params));
        // A dialog stops the page until somebody answers.
        (event == "Page.javascriptDialogOpening").then(|| ("Page.handleJavaScriptDialog", json!({"accept": true})))
    }
}

impl State {
    /// Nothing is on its way, neither a document nor a part of one.
    pub(super) fn rests(&self) -> bool {
        self.is_loaded && self.way == Way::Stays && self.open.is_empty()
    }

    /// What keeps the page from resting.
    pub(super) fn unrest(&self) -> String {
        let open: Vec<&str> = self.open.values().map(|(_, address)| address.as_str()).collect();
        match (self.way != Way::Stays, open.is_empty()) {
            (true, true) => "the page is on its way elsewhere".to_owned(),
            (true, false) => format!("the page is on its way elsewhere, and these are not answered: {open:?}"),
            (false, false) => format!("these requests are not answered: {open:?}"),
            (false, true) => "the page is not loaded yet".to_owned(),
        }
    }

    pub(super) fn has_shown(&self, loader: &str) -> bool {
        self.shown.contains(loader)
    }

    /// The answer that the shown document came with; its headers as they were on the wire.
    pub(super) fn answer(&self) -> Result<Answer, Trouble> {
        let Some(answer) = self.answers.get(&self.loader) else {
            let why = self.failures.get(&self.loader).map_or("no page was opened yet", String::as_str);
            return Err(Trouble::Unreachable(why.to_owned()));
        };
        let mut answer = answer.clone();
        if let Some(wire) = self.wire_headers.get(&self.loader) {
            (answer.headers, answer.is_partial) = (headers(wire), false);
        }
        Ok(answer)
    }

    fn show(&mut self, loader: &str) {
        loader.clone_into(&mut self.loader);
        self.shown.insert(loader.to_owned());
        self.is_loaded = false;
        self.unschedule();
        // What an earlier document asked for is no longer waited for.
        self.open.retain(|_, (of, _)| of == loader);
    }

    fn note(&mut self, event: &str, params: &Value) {
        match event.split_once('.') {
            Some(("Page", name)) => self.note_page(name, params),
            Some(("Network", name)) => self.note_network(name, params),
            _ => self.messages.extend(message(event, params)),
        }
    }

    fn note_page(&mut self, event: &str, params: &Value) {
        if event == "javascriptDialogOpening" {
            let text = text(params, "message").to_owned();
            return self.messages.push(Message { kind: Kind::Asked, text });
        }
        let frame = params.get("frame").map_or_else(|| text(params, "frameId"), |frame| text(frame, "id"));
        if frame != self.frame {
            return;
        }
        match event {
            "frameRequestedNavigation" if text(params, "disposition") == "currentTab" => self.set_off(),
            "frameStartedLoading" => self.set_off(),
            "frameStoppedLoading" => self.way = Way::Stays,
            "frameScheduledNavigation" => {
                self.begun += 1;
                if self.way == Way::Stays {
                    self.way = Way::Scheduled;
                }
            }
            "frameClearedScheduledNavigation" => self.unschedule(),
            "navigatedWithinDocument" => {
                self.begun += 1;
                self.unschedule();
            }
            "frameNavigated" => {
                self.begun += 1;
                self.show(params.get("frame").map_or("", |frame| text(frame, "loaderId")));
            }
            "lifecycleEvent" if text(params, "name") == "load" && text(params, "loaderId") == self.loader => {
                self.is_loaded = true;
            }
            _ => {}
        }
    }

    fn set_off(&mut self) {
        self.way = Way::Leaves;
        self.begun += 1;
    }

    fn unschedule(&mut self) {
        if self.way == Way::Scheduled {
            self.way = Way::Stays;
        }
    }

    fn note_network(&mut self, event: &str, params: &Value) {
        let (id, loader) = (text(params, "requestId"), text(params, "loaderId"));
        let is_document = text(params, "type") == "Document" && text(params, "frameId") == self.frame;
        match event {
            "requestWillBeSent" => {
                let address = params.pointer("/request/url").and_then(Value::as_str).unwrap_or_default();
                self.requested.push(address.to_owned());
                // These two never end while the page lives.
                if !matches!(text(params, "type"), "EventSource" | "WebSocket") {
                    self.open.insert(id.to_owned(), (loader.to_owned(), address.to_owned()));
                }
                self.begun += 1;
            }
            "responseReceived" if is_document => {
                let response = params.get("response").unwrap_or(&Value::Null);
                let status = response.get("status").and_then(Value::as_u64).unwrap_or_default();
                let answer = Answer {
                    status: status.try_into().unwrap_or_default(),
                    headers: headers(response.get("headers").unwrap_or(&Value::Null)),
                    is_partial: params.get("hasExtraInfo") == Some(&Value::Bool(true)),
                };
                self.answers.insert(loader.to_owned(), answer);
            }
            "responseReceivedExtraInfo" => {
                self.wire_headers.insert(id.to_owned(), params.get("headers").cloned().unwrap_or_default());
            }
            "loadingFailed" => {
                self.failures.insert(id.to_owned(), text(params, "errorText").to_owned());
                self.open.remove(id);
            }
            "loadingFinished" => drop(self.open.remove(id)),
            _ => {}
        }
    }
}

fn headers(fields: &Value) -> BTreeMap<String, String> {
    let fields = fields.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn message(event: &str, params: &Value) -> Option<Message> {
    let (kind, text) = match event {
        "Runtime.consoleAPICalled" => (level(text(params, "type")), console_words(params.get("args")?)),
        "Runtime.exceptionThrown" => (Kind::Failed, thrown(params.get("exceptionDetails")?)),
        "Log.entryAdded" => {
            let entry = params.get("entry")?;
            let (words, address) = (text(entry, "text"), text(entry, "url"));
            // The first is told as an issue too, and better; the second no page asks for, but Chromium when it likes.
            if words.contains("Content Security Policy") || address.ends_with("/favicon.ico") {
                return None;
            }
            (level(text(entry, "level")), format!("{words} {address}").trim_end().to_owned())
        }
        "Audits.issueAdded" => {
            let details = params.pointer("/issue/details/contentSecurityPolicyIssueDetails")?;
            let what = match (text(details, "blockedURL"), text(details, "contentSecurityPolicyViolationType")) {
                ("", "kInlineViolation") => "inline",
                ("", "kEvalViolation") => "eval",
                ("", other) => other,
                (address, _) => address,
            };
            (Kind::Violated, format!("{} {what}", text(details, "violatedDirective")))
        }
        "Inspector.targetCrashed" => (Kind::Failed, "the page's process crashed".to_owned()),
        _ => return None,
    };
    Some(Message { kind, text })
}

fn level(word: &str) -> Kind {
    match word {
        "error" | "assert" => Kind::Failed,
        "warning" => Kind::Warned,
        _ => Kind::Said,
    }
}

fn console_words(args: &Value) -> String {
    let words = args.as_array().into_iter().flatten().map(|arg| match arg.get("value") {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => text(arg, "description").to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What an exception says of itself.
pub(super) fn thrown(details: &Value) -> String {
    let exception = details.get("exception").unwrap_or(&Value::Null);
    match (text(exception, "description"), exception.get("value")) {
        ("", Some(value)) => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        ("", None) => text(details, "text").to_owned(),
        (description, _) => description.to_owned(),
    }
}
