//! Confirming that it is still oneself, in a real browser: with the passkey, and back to where one was.

use crate::stage::{Stage, add_passkey};

// The server's clock cannot be moved from here, so the proof is a young one and the page is opened by hand; that an old
// one leads to it is shown in `crates/web/src/tests/confirmation.rs`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_confirms_and_leads_back_to_the_page() {
    let Some(stage) = Stage::new().await else { return };
    let (_, _, owner, _passkey) = stage.owned("ada@example.com").await;
    let elsewhere = stage.browser.page().await;
    elsewhere.open(&stage.public("/members")).await;
    assert_eq!(elsewhere.url().await, stage.public("/sign-in"), "another window has another session, or none");
    owner.open(&stage.public("/confirm?next=/members")).await;
    owner.check_basics().await;
    let said = owner.text().await;
    assert!(said.contains("Confirm that it is you") && said.contains("recovery code"), "{said}");
    assert_eq!(owner.eval("document.querySelectorAll('input[type=password]').length").await, 0);
    owner.click_on("Confirm with a passkey").await;
    owner.wait_for_text("Invite somebody").await;
    assert_eq!(owner.url().await, stage.public("/members"));
    owner.fill("input[name=mail]", "bob@example.com").await;
    owner.click_on("Invite").await;
    assert!(owner.text().await.contains("The invitation is on its way by mail."));

    // No other origin is gone on to.
    owner.open(&stage.public("/confirm?unchanged=yes&next=//evil.example")).await;
    assert!(owner.text().await.contains("Nothing was changed yet"));
    owner.click_on("Confirm with a passkey").await;
    owner.wait_for_text("Corner Shop").await;
    assert_eq!(owner.url().await, stage.public("/home"));
    let said = owner.console().await;
    assert!(said.is_empty(), "{said:?}");
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_other_sessions_end_with_one_button() {
    let Some(stage) = Stage::new().await else { return };
    let link =
        stage.house.must(&["staff", "invite", "--json", "ines@example.net", "--role", "security_officer"]).json();
    let page = stage.joined(link["link"].as_str().unwrap(), "Ines Example").await;
    let _authenticator = page.authenticator().await;
    add_passkey(&page).await;
    page.click_on("I have kept them: go on").await;
    page.open(&stage.private("/staff/security")).await;
    assert!(!page.text().await.contains("End all other sessions"), "there is none yet");
    let other = stage.browser.page().await;
    other.open(&stage.private("/staff/sign-in")).await;
    other.fill("input[name=mail]", "ines@example.net").await;
    other.fill("input[name=password]", crate::stage::PASSWORD).await;
    other.click_on("Sign in").await;
    other.wait_for_text("Second factor").await;
    page.reload().await;
    page.click_on("End all other sessions").await;
    page.wait_until("!document.body.textContent.includes('End all other sessions')").await;
    page.check_basics().await;
    other.reload().await;
    assert_eq!(other.url().await, stage.private("/staff/sign-in"), "an unfinished sign-in is over as well");

    page.open(&stage.private("/staff/confirm?next=/staff/people")).await;
    page.check_basics().await;
    assert!(!page.text().await.contains("code"), "an officer confirms with a passkey alone");
    page.click_on("Confirm with a passkey").await;
    page.wait_until("!location.pathname.endsWith('/confirm')").await;
    assert_eq!(page.url().await, stage.private("/staff/people"));
    stage.server.stop().await;
}
