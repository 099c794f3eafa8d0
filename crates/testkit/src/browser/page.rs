//! One window of one person: going to pages, looking at them, waiting for them.

use super::PATIENCE;
use super::person::{Cookie, Person, Tab};
use super::seen::{Answer, Message, Seen, State, thrown};
use super::trouble::Trouble;
use super::wire::text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::panic::Location;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is put before every question to a page.
const LOOK: &str = include_str!("look.js");

/// How many frames a page is asked before the driver looks whether it is still there.
const FRAMES_A_QUESTION: u32 = 30;

/// How long the page may take to say what it shows when a test fails.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// How much of the page's text a failed test shows, in characters.
const TEXT_SHOWN_MAX: usize = 3000;

/// The size of a window, in CSS pixels.
const WINDOW: (u32, u32) = (1280, 800);

/// One window; dropping it closes it.
pub struct Page {
    pub(super) tab: Arc<Tab>,
    person: Arc<Person>,
    seen: Arc<Seen>,
    runs_scripts: AtomicBool,
    // What is being waited for, for the words of a failure.
    awaited: Mutex<String>,
    patience: Duration,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.tab.wire.forget(&self.tab.session);
        self.tab.wire.tell(None, "Target.closeTarget", &json!({"targetId": self.tab.target}));
    }
}

/// Going and looking.
impl Page {
    /// Goes to an address and waits until the page rests. Panics if it cannot be had; an answer of 404 is an answer.
    #[track_caller]
    pub fn open(&self, url: &str) -> impl Future<Output = ()> + Send {
        self.or_fail(format!("open {url}"), async move {
            let went = self.tab.ask("Page.navigate", json!({"url": url})).await?;
            match text(&went, "errorText") {
                "" => self.arrive(text(&went, "loaderId")).await,
                error => Err(Trouble::Unreachable(error.to_owned())),
            }
        })
    }

    /// Goes to an address that must not be had, and tells why not: Chromium's name of the error, such as
    /// `net::ERR_CERT_AUTHORITY_INVALID`. Panics if there is an answer.
    #[track_caller]
    pub fn open_in_vain(&self, url: &str) -> impl Future<Output = String> + Send {
        self.or_fail(format!("open {url} in vain"), async move {
            let went = self.tab.ask("Page.navigate", json!({"url": url})).await?;
            self.arrive(text(&went, "loaderId")).await?;
            match text(&went, "errorText") {
                "" => Err(Trouble::Wrong("it was answered".to_owned())),
                error => Ok(error.to_owned()),
            }
        })
    }

    /// Loads the page anew.
    #[track_caller]
    pub fn reload(&self) -> impl Future<Output = ()> + Send {
        self.or_fail("reload".to_owned(), async move {
            let begun = self.seen.now(|state| state.begun);
            self.tab.ask("Page.reload", json!({})).await?;
            self.seen.until_news(begun).await?;
            self.settle().await
        })
    }

    /// Goes back by one page, as the browser's button does.
    #[track_caller]
    pub fn back(&self) -> impl Future<Output = ()> + Send {
        self.or_fail("go back".to_owned(), async move {
            let history = self.tab.ask("Page.getNavigationHistory", json!({})).await?;
            let now = history.get("currentIndex").and_then(Value::as_u64).unwrap_or_default();
            let before = now.checked_sub(1).and_then(|at| history.pointer(&format!("/entries/{at}/id")));
            let before = before.ok_or_else(|| Trouble::Wrong("there is no page before this one".to_owned()))?;
            let begun = self.seen.now(|state| state.begun);
            self.tab.ask("Page.navigateToHistoryEntry", json!({"entryId": before})).await?;
            self.seen.until_news(begun).await?;
            self.settle().await
        })
    }

    /// A further window of the same person.
    #[track_caller]
    pub fn another(&self) -> impl Future<Output = Self> + Send {
        self.or_fail("open another window".to_owned(), Self::open_in(Arc::clone(&self.person)))
    }

    /// The address that is shown.
    #[track_caller]
    pub fn url(&self) -> impl Future<Output = String> + Send {
        self.or_fail("tell the address".to_owned(), self.word("location.href"))
    }

    /// The title of the page.
    #[track_caller]
    pub fn title(&self) -> impl Future<Output = String> + Send {
        self.or_fail("tell the title".to_owned(), self.word("document.title"))
    }

    /// The text that a person sees.
    #[track_caller]
    pub fn text(&self) -> impl Future<Output = String> + Send {
        self.or_fail("tell the text".to_owned(), self.word("document.body?.innerText ?? ''"))
    }

    /// The document as it is now, as HTML.
    #[track_caller]
    pub fn html(&self) -> impl Future<Output = String> + Send {
        self.or_fail("tell the HTML".to_owned(), self.word("document.documentElement.outerHTML"))
    }

    /// The value of an expression in the page, awaited if it is a promise. Panics if it throws.
    #[track_caller]
    pub fn eval(&self, script: &str) -> impl Future<Output = Value> + Send {
        self.or_fail(format!("evaluate {script}"), self.evaluate(script))
    }

    /// The status that the shown page was answered with.
    #[track_caller]
    pub fn status(&self) -> impl Future<Output = u16> + Send {
        self.or_fail("tell the status".to_owned(), async { Ok(self.answer().await?.status) })
    }

    /// The header fields that the shown page was answered with: lower-case names; several fields of one name, such as
    /// `set-cookie`, joined by line breaks.
    #[track_caller]
    pub fn headers(&self) -> impl Future<Output = BTreeMap<String, String>> + Send {
        self.or_fail("tell the headers".to_owned(), async { Ok(self.answer().await?.headers) })
    }

    /// All that the page said since it was opened or [`Page::clear_console`] was called.
    #[track_caller]
    pub fn console(&self) -> impl Future<Output = Vec<Message>> + Send {
        self.or_fail("tell what was said".to_owned(), async {
            self.settle().await?;
            Ok(self.seen.now(|state| state.messages.clone()))
        })
    }

    /// Forgets what was said and requested.
    pub fn clear_console(&self) {
        self.seen.forget_words();
    }

    /// Every address that was requested so far, in order.
    pub fn requested(&self) -> Vec<String> {
        self.seen.now(|state| state.requested.clone())
    }

    /// The cookies of this person.
    #[track_caller]
    pub fn cookies(&self) -> impl Future<Output = Vec<Cookie>> + Send {
        self.or_fail("tell the cookies".to_owned(), self.person.cookies())
    }

    /// Writes what is seen of the whole page as a PNG.
    #[track_caller]
    pub fn screenshot(&self, file: &Path) -> impl Future<Output = ()> + Send {
        self.or_fail("take a picture".to_owned(), async move {
            let params = json!({"format": "png", "captureBeyondViewport": true});
            let taken = self.tab.ask("Page.captureScreenshot", params).await?;
            let png = STANDARD.decode(text(&taken, "data")).map_err(|why| Trouble::Wrong(why.to_string()))?;
            std::fs::write(file, png).map_err(|why| Trouble::Wrong(format!("{}: {why}", file.display())))
        })
    }
}

/// Waiting and checking.
impl Page {
    /// Waits until something that the CSS selector names is visible.
    #[track_caller]
    pub fn wait_for(&self, css: &str) -> impl Future<Output = ()> + Send {
        let what = json!(css);
        let question = format!(
            "() => [...document.querySelectorAll({what})].some(isVisible) ? {{ready: true}} : {{why: 'it is not visible'}}"
        );
        self.or_fail(format!("wait for {css}"), async move { self.poll(&question).await.map(drop) })
    }

    /// Waits until an expression in the page is true; one that throws is not true yet.
    #[track_caller]
    pub fn wait_until(&self, script: &str) -> impl Future<Output = ()> + Send {
        let question = format!("() => ({script}) ? {{ready: true}} : {{why: 'it is not so'}}");
        self.or_fail(format!("wait until {script}"), async move { self.poll(&question).await.map(drop) })
    }

    /// Waits until the page shows this text; how words are spaced does not matter.
    #[track_caller]
    pub fn wait_for_text(&self, words: &str) -> impl Future<Output = ()> + Send {
        let what = json!(words);
        let question = format!(
            "() => squeeze(document.body.innerText).includes(squeeze({what})) ? {{ready: true}} : {{why: 'it is not shown'}}"
        );
        self.or_fail(format!("wait for the text {words:?}"), async move { self.poll(&question).await.map(drop) })
    }

    /// Panics, and says all that is wrong, unless the page has a language, a title and one main heading, every field a
    /// label, everything to press a name and every image an alternative, no id is used twice or named and missing, and
    /// the order of the Tab key is the order of the page. Colours are not looked at.
    #[track_caller]
    pub fn check_basics(&self) -> impl Future<Output = ()> + Send {
        self.or_fail("check the basics".to_owned(), async {
            let wrong = self.poll("basics").await?;
            let wrong: Vec<&str> = wrong.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if wrong.is_empty() { Ok(()) } else { Err(Trouble::Wrong(wrong.join("\n"))) }
        })
    }

    /// Lets pages run scripts, or not, from the next page on.
    #[track_caller]
    pub fn run_scripts(&self, runs: bool) -> impl Future<Output = ()> + Send {
        self.or_fail("switch scripts".to_owned(), async move {
            self.tab.ask("Emulation.setScriptExecutionDisabled", json!({"value": !runs})).await?;
            self.runs_scripts.store(runs, Ordering::Relaxed);
            Ok(())
        })
    }

    /// Sends these header fields with every further request, as a proxy before the server would; they replace those
    /// that were set before.
    #[track_caller]
    pub fn send_headers(&self, fields: &[(&str, &str)]) -> impl Future<Output = ()> + Send {
        let fields: Map<String, Value> = fields.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect();
        self.or_fail("set header fields".to_owned(), async move {
            self.tab.ask("Network.setExtraHTTPHeaders", json!({"headers": fields})).await.map(drop)
        })
    }

    /// The person prefers a dark scheme, or a light one.
    #[track_caller]
    pub fn prefer_dark(&self, dark: bool) -> impl Future<Output = ()> + Send {
        let value = if dark { "dark" } else { "light" };
        let params = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.or_fail(format!("prefer {value}"), async move {
            self.tab.ask("Emulation.setEmulatedMedia", params).await.map(drop)
        })
    }

    /// Changes the size of the window, in CSS pixels.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) -> impl Future<Output = ()> + Send {
        let params = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.or_fail(format!("be {width} by {height}"), async move {
            self.tab.ask("Emulation.setDeviceMetricsOverride", params).await.map(drop)
        })
    }
}

/// What the other calls are made of.
impl Page {
    /// How long each further call may take, for tests in which something must not happen.
    pub const fn be_patient_for(&mut self, patience: Duration) {
        self.patience = patience;
    }

    pub(super) async fn open_in(person: Arc<Person>) -> Result<Self, Trouble> {
        let wire = Arc::clone(&person.wire);
        let params = json!({
            "url": "about:blank", "browserContextId": person.id, "newWindow": true,
            "width": WINDOW.0, "height": WINDOW.1,
        });
        let made = wire.ask(None, "Target.createTarget", params).await?;
        let target = text(&made, "targetId").to_owned();
        let attached = wire.ask(None, "Target.attachToTarget", json!({"targetId": target, "flatten": true})).await?;
        let session = text(&attached, "sessionId").to_owned();
        let seen = Arc::new(Seen::new());
        wire.hear(&session, &seen);
        let tab = Arc::new(Tab { wire, target, session });
        let page = Self {
            tab,
            person,
            seen,
            runs_scripts: AtomicBool::new(true),
            awaited: Mutex::default(),
            patience: PATIENCE,
        };
        page.prepare().await?;
        Ok(page)
    }

    async fn prepare(&self) -> Result<(), Trouble> {
        let tree = self.tab.ask("Page.getFrameTree", json!({})).await?;
        let frame = tree.pointer("/frameTree/frame").unwrap_or(&Value::Null);
        self.seen.begin(text(frame, "id"), text(frame, "loaderId"));
        for domain in ["Page", "Network", "Runtime", "Log", "Audits"] {
            self.tab.ask(&format!("{domain}.enable"), json!({})).await?;
        }
        self.tab.ask("Page.setLifecycleEventsEnabled", json!({"enabled": true})).await?;
        // Else only one page at a time would have the focus, which passkeys ask for.
        self.tab.ask("Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await.map(drop)
    }

    /// Waits for a deed; when it fails or takes too long the test fails, at the line that asked for it.
    #[track_caller]
    pub(super) fn or_fail<T: Send>(
        &self,
        what: String,
        deed: impl Future<Output = Result<T, Trouble>> + Send,
    ) -> impl Future<Output = T> + Send {
        let asked_at = Location::caller();
        async move {
            self.awaiting("");
            match tokio::time::timeout(self.patience, deed).await {
                Ok(Ok(done)) => done,
                Ok(Err(why)) => self.fail(asked_at, &what, &why).await,
                Err(_) => {
                    let awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    self.fail(asked_at, &what, &Trouble::Waited(awaited)).await
                }
            }
        }
    }

    #[expect(clippy::panic, reason = "this is how a test fails that asked a page for something it does not do")]
    async fn fail(&self, asked_at: &Location<'_>, what: &str, why: &Trouble) -> ! {
        let look = async {
            Ok::<_, Trouble>((self.word("location.href").await?, self.word("document.body.innerText").await?))
        };
        let shown = match tokio::time::timeout(LAST_LOOK, look).await {
            Ok(Ok((url, text))) => {
                let text: String = text.chars().take(TEXT_SHOWN_MAX).collect();
                format!("the page is {url} and shows:\n{text}")
            }
            _ => "the page does not answer any more".to_owned(),
        };
        panic!("{asked_at}: could not {what}: {why}\n{shown}")
    }

    pub(super) fn awaiting(&self, what: &str) {
        what.clone_into(&mut self.awaited.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Evaluates once.
    pub(super) async fn evaluate(&self, script: &str) -> Result<Value, Trouble> {
        let params = json!({
            "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let answer = self.tab.ask("Runtime.evaluate", params).await?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(Trouble::Threw(thrown(details))),
            None => Ok(answer.pointer("/result/value").cloned().unwrap_or_default()),
        }
    }

    /// Evaluates what may be asked again of the next document when one goes away.
    async fn word(&self, script: &str) -> Result<String, Trouble> {
        loop {
            match self.evaluate(script).await {
                Err(Trouble::Moved) => self.seen.until(State::rests).await?,
                answer => return answer.map(|value| value.as_str().unwrap_or_default().to_owned()),
            }
        }
    }

    /// Asks a question of `look.js` until it has an answer.
    pub(super) async fn poll(&self, question: &str) -> Result<Value, Trouble> {
        // The first time at once, so that what is missing is known however soon the patience ends.
        let mut frames = 0;
        loop {
            let begun = self.seen.now(|state| state.begun);
            let runs = self.runs_scripts.load(Ordering::Relaxed);
            let asked = if runs { format!("ask({question}, {frames})") } else { format!("({question})()") };
            frames = FRAMES_A_QUESTION;
            match self.evaluate(&format!("(() => {{ {LOOK}\nreturn {asked}; }})()")).await {
                Err(Trouble::Moved) => self.seen.until(State::rests).await?,
                Err(why) => return Err(why),
                Ok(answer) => {
                    if let Some(ready) = answer.get("ready") {
                        return Ok(ready.clone());
                    }
                    self.awaiting(text(&answer, "why"));
                    if !runs {
                        // Without scripts nothing changes before the page goes elsewhere.
                        self.seen.until_news(begun).await?;
                    }
                }
            }
        }
    }

    /// Waits until the document of a load is shown and rests.
    async fn arrive(&self, loader: &str) -> Result<(), Trouble> {
        if !loader.is_empty() {
            self.seen.until(|state| state.has_shown(loader)).await?;
        }
        self.settle().await
    }

    /// Waits until nothing is on its way, and what the last answer set off is done too.
    pub(super) async fn settle(&self) -> Result<(), Trouble> {
        loop {
            self.seen
                .until(|state| {
                    let rests = state.rests();
                    if !rests {
                        self.awaiting(&state.unrest());
                    }
                    rests
                })
                .await?;
            let begun = self.seen.now(|state| state.begun);
            let is_through = self.let_pass().await?;
            if is_through && self.seen.now(|state| state.rests() && state.begun == begun) {
                return Ok(());
            }
        }
    }

    /// Lets the page do what it has put off; false if it went elsewhere.
    async fn let_pass(&self) -> Result<bool, Trouble> {
        let script = if self.runs_scripts.load(Ordering::Relaxed) {
            "new Promise((done) => setTimeout(() => setTimeout(done)))"
        } else {
            "0"
        };
        match self.evaluate(script).await {
            Ok(_) => Ok(true),
            Err(Trouble::Moved) => Ok(false),
            Err(why) => Err(why),
        }
    }

    async fn answer(&self) -> Result<Answer, Trouble> {
        self.seen.until(|state| !matches!(state.answer(), Ok(Answer { is_partial: true, .. }))).await?;
        self.seen.now(State::answer)
    }
}
