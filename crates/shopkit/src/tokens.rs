//! Tokens: a code for a pair, a pair for the next one, as the maker hands them out since expiring tokens came.

use serde_json::{Value, json};

/// Seconds that an access token opens the shop.
const ACCESS_S: u64 = 3_600;
/// Seconds that a refresh token is good for: 90 days.
const REFRESH_S: u64 = 7_776_000;

/// Who may come in.
#[derive(Debug)]
pub struct Tokens {
    /// The app's id.
    pub client_id: String,
    /// The app's secret, which signs webhooks too.
    pub client_secret: String,
    /// A token that does not expire, of an app that the merchant made.
    pub custom: String,
    codes: Vec<String>,
    pair: Option<Pair>,
    /// The refresh token before the pair: good again until the pair is used (the maker's changelog, August 2026).
    before: Option<String>,
    made: u64,
    /// Refreshes that were carried out.
    pub refreshes: u32,
    /// Times that a refresh token came which was no longer good.
    pub refused: u32,
}

#[derive(Clone, Debug)]
struct Pair {
    access: String,
    until_ms: u64,
    refresh: String,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            client_id: "client-id".to_owned(),
            client_secret: "shpss_counterpart".to_owned(),
            custom: "shpat_custom".to_owned(),
            codes: Vec::new(),
            pair: None,
            before: None,
            made: 0,
            refreshes: 0,
            refused: 0,
        }
    }
}

impl Tokens {
    /// A merchant installs the app: this code comes to the callback.
    pub fn code(&mut self) -> String {
        self.made += 1;
        let code = format!("code-{}", self.made);
        self.codes.push(code.clone());
        code
    }

    /// Does the token open the shop? Using the pair's ends the one before.
    pub fn opens(&mut self, token: &str, now_ms: u64) -> bool {
        let is_pair = self.pair.as_ref().is_some_and(|pair| pair.access == token && now_ms < pair.until_ms);
        if is_pair {
            self.before = None;
        }
        is_pair || token == self.custom
    }

    /// Nobody's token is good any more: the app was uninstalled.
    pub fn end(&mut self) {
        (self.pair, self.before) = (None, None);
        self.custom.clear();
    }

    /// Answers the token endpoint: a status and a body.
    pub fn answer(&mut self, field: impl Fn(&str) -> String, now_ms: u64) -> (u16, Value) {
        let refused = |code: &str| (400, json!({ "error": code }));
        if field("client_id") != self.client_id || field("client_secret") != self.client_secret {
            return refused("application_cannot_be_found");
        }
        if field("grant_type") == "refresh_token" {
            let given = field("refresh_token");
            let is_current = self.pair.as_ref().is_some_and(|pair| pair.refresh == given);
            if !is_current && self.before.as_ref() != Some(&given) {
                self.refused += 1;
                return refused("invalid_grant");
            }
            self.refreshes += 1;
            self.before = Some(given);
            return (200, self.mint(now_ms));
        }
        let code = field("code");
        let Some(place) = self.codes.iter().position(|known| *known == code) else {
            return refused("invalid_request");
        };
        self.codes.remove(place);
        if field("expiring") != "1" {
            return (200, json!({ "access_token": self.custom, "scope": "" }));
        }
        self.before = None;
        (200, self.mint(now_ms))
    }

    fn mint(&mut self, now_ms: u64) -> Value {
        self.made += 1;
        let pair = Pair {
            access: format!("shpat_{}", self.made),
            until_ms: now_ms + ACCESS_S * 1_000,
            refresh: format!("shprt_{}", self.made),
        };
        let answer = json!({
            "access_token": pair.access, "expires_in": ACCESS_S, "scope": "write_products",
            "refresh_token": pair.refresh, "refresh_token_expires_in": REFRESH_S,
        });
        self.pair = Some(pair);
        answer
    }
}
