//! Who sits before the browser: a person with cookies of their own, and the windows they have open.

use super::trouble::Trouble;
use super::wire::{Wire, text};
use serde_json::{Value, json};
use std::sync::Arc;

/// Somebody with cookies of their own; gone with the last of their pages.
pub(super) struct Person {
    pub(super) wire: Arc<Wire>,
    pub(super) id: String,
}

impl Person {
    pub(super) async fn arrive(wire: &Arc<Wire>) -> Result<Self, Trouble> {
        let made = wire.ask(None, "Target.createBrowserContext", json!({"disposeOnDetach": true})).await?;
        Ok(Self { wire: Arc::clone(wire), id: text(&made, "browserContextId").to_owned() })
    }

    pub(super) async fn cookies(&self) -> Result<Vec<Cookie>, Trouble> {
        let kept = self.wire.ask(None, "Storage.getCookies", json!({"browserContextId": self.id})).await?;
        Ok(kept.get("cookies").and_then(Value::as_array).into_iter().flatten().map(cookie).collect())
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.wire.tell(None, "Target.disposeBrowserContext", &json!({"browserContextId": self.id}));
    }
}

/// The connection with one page, which what was plugged into it shares.
pub(super) struct Tab {
    pub(super) wire: Arc<Wire>,
    pub(super) target: String,
    pub(super) session: String,
}

impl Tab {
    pub(super) async fn ask(&self, command: &str, params: Value) -> Result<Value, Trouble> {
        self.wire.ask(Some(&self.session), command, params).await
    }
}

/// A cookie as the browser keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The host it goes to; with a leading dot, its subdomains too.
    pub domain: String,
    /// The path it goes to.
    pub path: String,
    /// Sent over TLS only.
    pub is_secure: bool,
    /// Out of the reach of scripts.
    pub is_http_only: bool,
    /// Forgotten when the browser is closed.
    pub is_session: bool,
    /// `Strict`, `Lax` or `None`; empty when the server did not say.
    pub same_site: String,
}

fn cookie(kept: &Value) -> Cookie {
    let word = |name| text(kept, name).to_owned();
    let is = |name| kept.get(name) == Some(&Value::Bool(true));
    Cookie {
        name: word("name"),
        value: word("value"),
        domain: word("domain"),
        path: word("path"),
        is_secure: is("secure"),
        is_http_only: is("httpOnly"),
        is_session: is("session"),
        same_site: word("sameSite"),
    }
}
