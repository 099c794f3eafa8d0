//! A running server with a browser before it, and what people do there again and again.

use crate::house::{House, Server};
use bonded_testkit::browser::{Browser, Page};
use std::sync::Arc;

pub const PASSWORD: &str = "violet tractor sings at dawn";

/// A server and a browser that trusts it.
pub struct Stage {
    pub house: House,
    pub server: Server,
    pub browser: Arc<Browser>,
}

impl Stage {
    /// `None` where no browser is installed; the test then says so and is skipped.
    pub async fn new() -> Option<Self> {
        let house = House::new();
        let browser = Browser::start(&house.path("bonded-data/tls/ca.pem")).await?;
        let server = house.serve_unsealed();
        Some(Self { house, server, browser: Arc::new(browser) })
    }

    /// An address of the public listener.
    pub fn public(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.server.public.port())
    }

    /// An address of the private listener.
    pub fn private(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.server.private.port())
    }

    /// A new account and the link that invites its owner.
    pub fn account(&self, mail: &str) -> (String, String) {
        let (account, _) = self.house.account("Corner Shop", "retailer");
        let link = self.invite(&account, mail, "owner");
        (account, link)
    }

    pub fn invite(&self, account: &str, mail: &str, role: &str) -> String {
        let words = ["account", "invite", "--json", account, mail, "--role", role];
        self.house.must(&words).json()["link"].as_str().unwrap().to_owned()
    }

    /// A fresh window in which somebody opens an invitation and joins.
    pub async fn joined(&self, link: &str, name: &str) -> Page {
        let page = self.browser.page().await;
        page.open(link).await;
        page.check_basics().await;
        page.fill("input[name=name]", name).await;
        page.fill("input[name=password]", PASSWORD).await;
        page.click_on("Join").await;
        page
    }
}

/// Adds a passkey on the security page, and goes on past the recovery codes.
pub async fn add_passkey(page: &Page) {
    page.wait_for("button[data-passkey=create]:not([hidden])").await;
    page.click_on("Add a passkey").await;
    page.wait_for_text("The passkey was added.").await;
}
