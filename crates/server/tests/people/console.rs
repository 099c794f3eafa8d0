//! The staff's console in a browser: a form that keeps what was typed, an invitation taken back, mail, training, the log.

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_officer_invites_takes_it_back_and_reads_of_it() {
    let Some(stage) = Stage::new().await else { return };
    let (officer, _key) = stage.staffed("ines@example.net", "Ines Example", "security_officer").await;
    officer.check_basics().await;
    officer.click_on("Staff").await;
    officer.check_basics().await;
    officer.fill("input[name=mail]", "grace@example.net").await;
    officer.click_on("Invite").await;
    officer.wait_for_text("Name at least one role.").await;
    assert_eq!(officer.status().await, 422);
    officer.check_basics().await;
    assert_eq!(officer.eval("document.querySelector('input[name=mail]').value").await, "grace@example.net");
    officer.click("fieldset input[value=support]").await;
    officer.click_on("Invite").await;
    officer.wait_for_text("The invitation is on its way by mail.").await;
    officer.check_basics().await;
    let invited = stage.house.must(&["staff", "invitations", "--json"]).json();
    assert_eq!(invited["invitations"][0]["roles"], serde_json::json!(["support"]));
    officer.click_on("Take back the invitation of grace@example.net").await;
    officer.wait_for_text("The invitation was taken back").await;
    assert_eq!(stage.house.must(&["staff", "invitations"]).out, "nobody is invited\n");

    officer.click_on("Mail").await;
    officer.check_basics().await;
    officer.click_on("held").await;
    let said = officer.text().await;
    assert!(said.contains("called off before it was sent") && !said.contains('@'), "{said}");
    officer.check_basics().await;
    officer.click_on("Training").await;
    officer.check_basics().await;
    assert!(officer.text().await.contains("Handling customers' data, version 1"));
    officer.click_on("Log").await;
    officer.choose("select[name=kind]", "invitation").await;
    officer.click_on("Show").await;
    officer.wait_for_text("withdrawn").await;
    officer.check_basics().await;
    let said = officer.text().await;
    assert!(said.contains("Ines Example") && !said.contains('@'), "{said}");

    let (support, _key) = stage.staffed("grace@example.net", "Grace Example", "support").await;
    let head = support.eval("document.querySelector('nav').innerText").await;
    let head = head.as_str().unwrap();
    assert!(head.contains("Mail") && !head.contains("Log") && !head.contains("Legal"), "{head}");
    support.open(&stage.private("/staff/log")).await;
    assert_eq!(support.status().await, 403);
    support.click_on("Start again").await;
    assert_eq!(support.url().await, stage.private("/staff"));
    stage.server.stop().await;
}
