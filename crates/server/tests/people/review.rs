//! Access reviews: the reviewer certifies or revokes on a page, and what is revoked is gone at once.

use crate::stage::{Stage, add_passkey};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reviewer_certifies_one_and_takes_the_roles_of_another() {
    let Some(stage) = Stage::new().await else { return };
    let (grace, _key) = stage.staffed("grace@example.net", "Grace Example", "support").await;
    let (linus, _key) = stage.staffed("linus@example.net", "Linus Example", "engineer").await;
    let invite = ["staff", "invite", "--json", "ceo@example.net", "--role", "reviewer"];
    let link = stage.house.must(&invite).json()["link"].clone();
    let ceo = stage.joined(link.as_str().unwrap(), "Edith Example").await;
    ceo.open(&stage.private("/staff/reviews")).await;
    assert_eq!(ceo.url().await, stage.private("/staff/security"), "a reviewer needs a passkey first");
    let _authenticator = ceo.authenticator().await;
    add_passkey(&ceo).await;
    ceo.open(&stage.private("/staff/reviews")).await;
    ceo.check_basics().await;
    ceo.click_on("Open a review now").await;
    ceo.check_basics().await;
    let notes = "for (const field of document.querySelectorAll('input[name=note]')) field.value = 'as agreed'";
    ceo.eval(notes).await;
    ceo.click_on("Certify Grace Example").await;
    ceo.wait_for_text("as agreed").await;
    ceo.eval(notes).await;
    ceo.click_on("Revoke the roles of Linus Example").await;
    ceo.wait_for_text("revoked").await;
    ceo.eval(notes).await;
    ceo.click_on("Certify Edith Example").await;
    assert!(ceo.text().await.contains("open"), "nobody decides about themselves");
    ceo.check_basics().await;

    grace.open(&stage.private("/staff")).await;
    assert!(grace.text().await.contains("support"));
    linus.open(&stage.private("/staff")).await;
    assert_eq!(linus.url().await, stage.private("/staff/sign-in"), "the sessions ended with the roles");
    grace.open(&stage.private("/staff/reviews")).await;
    assert_eq!(grace.status().await, 403);
    stage.server.stop().await;
}
