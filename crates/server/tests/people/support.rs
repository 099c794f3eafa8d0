//! Support in an account: nothing before the owner's passkey says so, nothing after it was taken back.

use crate::house::{Server, order};
use crate::stage::Stage;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_testkit::browser::Page;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Asks the account for its orders, in the staff's window.
async fn ask(page: &Page, stage: &Stage, account: &str) {
    page.open(&stage.private("/staff/accounts?q=corner")).await;
    page.check_basics().await;
    page.click_on("Corner Shop").await;
    page.check_basics().await;
    assert!(page.text().await.contains("You see nothing of Corner Shop"));
    page.click("input[value=orders]").await;
    page.fill("input[name=text]", "An order is missing").await;
    page.fill("input[name=ticket]", "4711").await;
    page.choose("select[name=hours]", "a day").await;
    page.click_on("Ask").await;
    page.wait_for_text("requested").await;
    assert!(page.text().await.contains(account));
    page.check_basics().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn support_reads_what_the_owner_approves_until_it_is_revoked() {
    let Some(stage) = Stage::new().await else { return };
    let (account, key, owner, _passkey) = stage.owned("ada@example.com").await;
    let placed = Server::answer(stage.server.post("/v1/orders", &key, &order("4711"))).await;
    assert_eq!(placed.0, 201, "{}", placed.1);
    let (support, _key) = stage.staffed("grace@example.net", "Grace Example", "support").await;
    support.check_basics().await;
    ask(&support, &stage, &account).await;

    owner.open(&stage.public("/home")).await;
    owner.click_on("1 request of support waits for an answer.").await;
    owner.check_basics().await;
    owner.click_on("read orders").await;
    owner.check_basics().await;
    let said = owner.text().await;
    assert!(said.contains("Grace Example") && said.contains("An order is missing (ticket 4711)"), "{said}");
    owner.choose("select[name=hours]", "an hour").await;
    owner.click_on("Approve with a passkey").await;
    owner.wait_for_text("approved").await;
    assert!(owner.text().await.contains("with a passkey"));

    support.open(&stage.private("/staff/grants")).await;
    support.click_on("/v1/orders").await;
    let orders: Value = serde_json::from_str(&support.text().await).unwrap();
    assert_eq!(orders["data"][0]["reference"], "4711");
    let grant = support.url().await;
    let consumer = grant.replace("/v1/orders", &format!("/v1/orders/{}", orders["data"][0]["id"].as_str().unwrap()));
    support.open(&format!("{consumer}?expand=consumer")).await;
    assert_eq!(support.status().await, 403, "the consumer is outside of the grant");
    support.open(&grant.replace("/v1/orders", "/v1/products")).await;
    assert_eq!(support.status().await, 403, "products are outside of the grant");

    // Reading again and again, while the owner takes the grant back.
    support.open(&stage.private("/staff/grants")).await;
    let reading = "(async () => { while ((await fetch('GRANT')).ok); window.ended = true; })(); true";
    support.eval(&reading.replace("GRANT", &grant)).await;
    let revoked = Instant::now();
    owner.click_on("Revoke now").await;
    owner.wait_for_text("revoked").await;
    support.wait_until("window.ended").await;
    assert!(revoked.elapsed() < Duration::from_secs(20), "patience for a busy machine; it takes milliseconds");
    support.open(&grant).await;
    assert_eq!(support.status().await, 403);

    let log = stage.house.must(&["export", &account]).out;
    let leaves = log.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        Some(String::from_utf8(BASE64.decode(line["entry"]["leaf"].as_str()?).unwrap()).unwrap())
    });
    let leaves: Vec<String> = leaves.collect();
    let told = |action: &str| leaves.iter().filter(|leaf| leaf.lines().nth(3) == Some(action)).count();
    assert_eq!((told("requested"), told("approved"), told("revoked")), (1, 1, 1));
    assert!(told("viewed") >= 1, "each look is in the account's log");
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_signs_for_its_own_origin_alone() {
    let Some(stage) = Stage::new().await else { return };
    let (_, _, owner, _passkey) = stage.owned("ada@example.com").await;
    owner.open(&format!("https://127.0.0.1:{}/sign-in", stage.server.public.port())).await;
    owner.click_on("Sign in with a passkey").await;
    owner.wait_until("document.querySelector('[data-said]').textContent.length > 0").await;
    owner.wait_until("!document.querySelector('button[data-passkey]').disabled").await;
    assert!(owner.url().await.ends_with("/sign-in"), "another origin gets no signature");
    stage.server.stop().await;
}
