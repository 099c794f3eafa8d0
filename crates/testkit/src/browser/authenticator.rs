//! A passkey's home that Chromium pretends to have: the pages speak WebAuthn with it as with a real one.

use super::page::Page;
use super::person::Tab;
use super::trouble::Trouble;
use super::wire::text;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::Arc;

/// A passkey as the authenticator keeps it, without its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its id as pages and servers write it: base64url without padding.
    pub id: String,
    /// The site it belongs to (RP ID).
    pub site: String,
    /// The user it belongs to, as the site names them: base64url without padding; empty if the key is not discoverable.
    pub user: String,
    /// Found without being named by the site.
    pub is_discoverable: bool,
    /// How often it signed.
    pub signatures: u64,
}

/// An authenticator plugged into one window: it sits in the machine (CTAP2, `internal`), keeps discoverable passkeys,
/// and its user is there and verified. Dropping it leaves it plugged in until the window is closed.
pub struct VirtualAuthenticator {
    tab: Arc<Tab>,
    id: String,
}

impl Page {
    /// Plugs an authenticator into this window. It stays there from page to page.
    #[track_caller]
    pub fn authenticator(&self) -> impl Future<Output = VirtualAuthenticator> + Send {
        self.or_fail("plug in an authenticator".to_owned(), async {
            self.tab.ask("WebAuthn.enable", json!({"enableUI": false})).await?;
            let options = json!({
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
                "isUserVerified": true, "automaticPresenceSimulation": true,
            });
            let added = self.tab.ask("WebAuthn.addVirtualAuthenticator", json!({"options": options})).await?;
            Ok(VirtualAuthenticator { tab: Arc::clone(&self.tab), id: text(&added, "authenticatorId").to_owned() })
        })
    }
}

impl VirtualAuthenticator {
    /// From now on its user proves to be the right one (a finger, a PIN), or does not.
    pub async fn set_user_verified(&self, is_verified: bool) {
        self.ask("WebAuthn.setUserVerified", json!({"isUserVerified": is_verified})).await;
    }

    /// From now on its user touches it when asked, or lets the page wait.
    pub async fn set_user_present(&self, is_present: bool) {
        self.ask("WebAuthn.setAutomaticPresenceSimulation", json!({"enabled": is_present})).await;
    }

    /// The passkeys it keeps.
    pub async fn passkeys(&self) -> Vec<Passkey> {
        let kept = self.ask("WebAuthn.getCredentials", json!({})).await;
        kept.get("credentials").and_then(Value::as_array).into_iter().flatten().map(passkey).collect()
    }

    /// Forgets all its passkeys, as a lost or wiped device does.
    pub async fn wipe(&self) {
        self.ask("WebAuthn.clearCredentials", json!({})).await;
    }

    /// Unplugs it; its passkeys are gone.
    pub async fn remove(self) {
        self.ask("WebAuthn.removeVirtualAuthenticator", json!({})).await;
    }

    #[expect(clippy::panic, reason = "an authenticator that does not work must fail the test that uses it")]
    async fn ask(&self, command: &str, mut params: Value) -> Value {
        if let Some(fields) = params.as_object_mut() {
            fields.insert("authenticatorId".to_owned(), self.id.as_str().into());
        }
        let asked = tokio::time::timeout(super::PATIENCE, self.tab.ask(command, params)).await;
        match asked.unwrap_or_else(|_| Err(Trouble::Waited("the authenticator does not answer".to_owned()))) {
            Ok(answer) => answer,
            Err(why) => panic!("{command}: {why}"),
        }
    }
}

fn passkey(kept: &Value) -> Passkey {
    Passkey {
        id: for_pages(text(kept, "credentialId")),
        site: text(kept, "rpId").to_owned(),
        user: for_pages(text(kept, "userHandle")),
        is_discoverable: kept.get("isResidentCredential") == Some(&Value::Bool(true)),
        signatures: kept.get("signCount").and_then(Value::as_u64).unwrap_or_default(),
    }
}

/// The protocol writes bytes as base64 with padding, pages as base64url without.
fn for_pages(bytes: &str) -> String {
    STANDARD.decode(bytes).map_or_else(|_| bytes.to_owned(), |bytes| URL_SAFE_NO_PAD.encode(bytes))
}
