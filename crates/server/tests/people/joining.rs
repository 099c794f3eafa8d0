//! Joining an account and coming back to it.

use crate::stage::{PASSWORD, Stage, add_passkey};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_joins_enrols_a_passkey_and_signs_in_with_it() {
    let Some(stage) = Stage::new().await else { return };
    let (_, link) = stage.account("ada@example.com");
    let page = stage.joined(&link, "Ada Example").await;
    assert_eq!(page.url().await, stage.public("/security"), "an owner must enrol a second factor");
    page.check_basics().await;
    page.open(&stage.public("/members")).await;
    assert_eq!(page.url().await, stage.public("/security"), "nothing else opens before that");
    let authenticator = page.authenticator().await;
    add_passkey(&page).await;
    assert_eq!(authenticator.passkeys().await.len(), 1);
    page.check_basics().await;
    assert_eq!(page.eval("document.querySelectorAll('.codes li').length").await, 10);
    if let Some(directory) = std::env::var_os("BONDED_SCREENSHOTS") {
        page.screenshot(&std::path::Path::new(&directory).join("security.png")).await;
    }
    page.click_on("I have kept them: go on").await;
    page.wait_for_text("Corner Shop").await;
    page.check_basics().await;

    page.open(&link).await;
    assert_eq!(page.status().await, 404, "an invitation is used once");
    page.open(&stage.public("/home")).await;
    page.click_on("Sign out").await;
    page.wait_for_text("Sign in with a passkey").await;
    page.open(&stage.public("/home")).await;
    assert_eq!(page.url().await, stage.public("/sign-in"));
    page.click_on("Sign in with a passkey").await;
    page.wait_for_text("Corner Shop").await;

    page.click_on("Sign out").await;
    page.fill("input[name=mail]", "Ada@Example.com").await;
    page.fill("input[name=password]", PASSWORD).await;
    page.click_on("Sign in").await;
    page.wait_for_text("Second factor").await;
    page.check_basics().await;
    page.open(&stage.public("/home")).await;
    assert_eq!(page.url().await, stage.public("/sign-in/second-factor"), "a password alone opens nothing");
    page.click_on("Use a passkey").await;
    page.wait_for_text("Corner Shop").await;
    let said = page.console().await;
    assert!(said.iter().all(|message| message.text.contains("404")), "{said:?}");
    stage.server.stop().await;
}
