//! A running server with a browser before it, and what people do there again and again.

use crate::house::{House, Server};
use bonded_testkit::browser::{Browser, Page, VirtualAuthenticator};
use std::process::Command;

pub const PASSWORD: &str = "violet tractor sings at dawn";

/// A server and a browser that trusts it.
pub struct Stage {
    pub house: House,
    pub server: Server,
    pub browser: Browser,
}

impl Stage {
    /// `None` where no browser is installed; the test then says so and is skipped.
    pub async fn new() -> Option<Self> {
        let house = House::new();
        let serve = house.command(&["serve"]);
        Self::of(house, serve).await
    }

    /// The same with a server that is started by this command.
    pub async fn of(house: House, serve: Command) -> Option<Self> {
        let browser = Browser::start(&house.path("bonded-data/tls/ca.pem")).await?;
        let server = house.serve_by(serve);
        house.must(&["keys", "unseal", "--officer", &house.officer()]);
        Some(Self { house, server, browser })
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

    /// Somebody joins the staff with a passkey and what the role must have learnt; the window is on the staff's home.
    pub async fn staffed(&self, mail: &str, name: &str, role: &str) -> (Page, VirtualAuthenticator) {
        let link = self.house.must(&["staff", "invite", "--json", mail, "--role", role]).json()["link"].clone();
        let page = self.joined(link.as_str().unwrap(), name).await;
        let authenticator = page.authenticator().await;
        add_passkey(&page).await;
        page.click_on("I have kept them: go on").await;
        page.wait_for_text(name).await;
        self.house.must(&["training", "course", "Handling customers' data", "--for", role]);
        let staff = self.house.must(&["staff", "list", "--json"]).json();
        let people = staff["staff"].as_array().unwrap();
        let id = people.iter().find(|person| person["name"] == name).unwrap()["staff"].clone();
        self.house.must(&["training", "record", id.as_str().unwrap(), "Handling customers' data"]);
        page.reload().await;
        (page, authenticator)
    }

    /// An account with its owner signed in, who has a passkey, and the secret of an API key to the account.
    pub async fn owned(&self, mail: &str) -> (String, String, Page, VirtualAuthenticator) {
        let (account, key) = self.house.account("Corner Shop", "retailer");
        let page = self.joined(&self.invite(&account, mail, "owner"), "Ada Example").await;
        let authenticator = page.authenticator().await;
        add_passkey(&page).await;
        page.click_on("I have kept them: go on").await;
        page.wait_for_text("Corner Shop").await;
        (account, key, page, authenticator)
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
