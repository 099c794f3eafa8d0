//! The driver on a small website of its own.

mod site;

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::FutureExt;
use serde_json::Value;
use site::Site;
use std::panic::AssertUnwindSafe;

/// Everything is tried in one browser, one start being enough; `None` where there is none.
async fn start() -> Option<(Site, Browser)> {
    let site = Site::start().await;
    let browser = Browser::start(&site.authority()).await?;
    Some((site, browser))
}

/// The words with which a call fails.
async fn failure<T>(call: impl Future<Output = T>) -> String {
    let Err(why) = AssertUnwindSafe(call).catch_unwind().await else { panic!("it did not fail") };
    *why.downcast::<String>().unwrap()
}

#[tokio::test]
async fn pages_are_opened_read_and_left() {
    let Some((site, browser)) = start().await else { return };
    let page = browser.page().await;
    page.open(&site.at("/")).await;
    assert_eq!((page.status().await, page.title().await), (200, "Home".to_owned()));
    assert!(page.text().await.contains("The form"));
    assert!(!page.text().await.contains("unseen") && page.html().await.contains("unseen"));
    page.click_on("Tea").await;
    assert_eq!((page.status().await, page.url().await), (418, site.at("/teapot")));
    page.back().await;
    assert_eq!(page.title().await, "Home");
    page.reload().await;
    assert_eq!((page.status().await, page.title().await), (200, "Home".to_owned()));
    page.open(&site.at("/onwards")).await;
    assert_eq!(page.title().await, "Tea", "it was left by a script");
    page.open(&site.at("/missing")).await;
    assert_eq!(page.status().await, 404);
    page.open(&site.at("/cookie")).await;
    let headers = page.headers().await;
    assert_eq!((headers["x-word"].as_str(), headers["set-cookie"].as_str()), ("one", "c=3\nd=4"));
    assert_eq!(
        page.eval("new Promise((done) => done([1, {a: location.pathname}]))").await,
        json!([1, {"a": "/cookie"}])
    );
    assert!(page.requested().contains(&site.at("/onwards")));
}

#[tokio::test]
async fn forms_are_filled_and_sent() {
    let Some((site, browser)) = start().await else { return };
    let page = browser.page().await;
    page.open(&site.at("/form")).await;
    page.fill("#mail", "new@example.com").await;
    page.fill("#day", "2026-11-22").await;
    page.choose("#role", "Owner").await;
    page.click_on("Agreed").await;
    page.fill_in("Note", "two words").await;
    page.attach("#paper", &site.authority()).await;
    assert_eq!(page.eval("paper.files[0].name").await, "ca.pem");
    page.click_on("Approve").await;
    assert_eq!((page.title().await.as_str(), page.status().await), ("Thanks", 200));
    assert_eq!(site.posted(), ["mail=new%40example.com&role=o&day=2026-11-22&agreed=on&note=two+words"]);
    assert!(page.text().await.contains("Seen as a=1; b=2"));

    page.open(&site.at("/form")).await;
    page.fill("#mail", "").await;
    assert_eq!(page.eval("mail.value").await, "");
    page.fill_in("Mail address", "key@example.com").await;
    page.submit().await;
    assert_eq!(page.title().await, "Thanks");
    assert!(site.posted()[1].starts_with("mail=key%40example.com&role=v"));
}

#[tokio::test]
async fn each_page_is_somebody_else() {
    let Some((site, browser)) = start().await else { return };
    let (first, second) = tokio::join!(browser.page(), browser.page());
    tokio::join!(first.open("about:blank"), second.open("about:blank"));
    first.open(&site.at("/form")).await;
    first.click_on("Approve").await;
    second.open(&site.at("/thanks")).await;
    assert!(second.text().await.contains("Seen as nobody"));
    assert_eq!(second.cookies().await, []);
    let mut cookies = first.cookies().await;
    cookies.sort_by(|one, other| one.name.cmp(&other.name));
    let a = &cookies[0];
    assert_eq!((a.name.as_str(), a.value.as_str(), a.same_site.as_str()), ("a", "1", "Lax"));
    assert!(a.is_secure && a.is_http_only && a.is_session);
    assert!(!cookies[1].is_secure && cookies.len() == 2);
    let again = first.another().await;
    again.open(&site.at("/thanks")).await;
    assert!(again.text().await.contains("Seen as a=1"), "another window of the same person");
    second.send_headers(&[("Assertion", "from a proxy")]).await;
    second.reload().await;
    assert!(second.text().await.contains("from a proxy"));
    second.send_headers(&[]).await;
    second.reload().await;
    assert!(!second.text().await.contains("from a proxy"));
}

#[tokio::test]
async fn calls_wait_for_what_they_set_off() {
    let Some((site, browser)) = start().await else { return };
    let page = browser.page().await;
    page.open(&site.at("/lively")).await;
    tokio::join!(page.click_on("Fetch"), async {
        page.wait_until("out.textContent === ''").await;
        site.open_gate();
    });
    assert!(page.text().await.contains("It came"));
    page.wait_for("#came").await;
    page.click_on("Ask").await;
    assert!(page.text().await.contains("agreed"));
    page.click_on("Later").await;
    page.wait_for_text("Grown").await;
    page.click_on("Grown").await;
    assert_eq!(page.title().await, "Form");
    page.back().await;
    page.click("#chain").await;
    assert_eq!(page.title().await, "Tea", "one request after another, and then away");
}

#[tokio::test]
async fn downloads_leave_the_page_where_it_is() {
    let Some((site, browser)) = start().await else { return };
    let page = browser.page().await;
    page.open(&site.at("/")).await;
    page.eval("document.querySelector('a').href = '/download'").await;
    page.click_on("The form").await;
    assert_eq!(page.title().await, "Home");
    page.eval("document.querySelector('a').href = '#here'").await;
    page.click_on("The form").await;
    assert_eq!(page.url().await, site.at("/#here"));
    page.back().await;
    assert_eq!(page.url().await, site.at("/"), "within the document");
}

#[tokio::test]
async fn what_pages_say_is_heard() {
    let Some((site, browser)) = start().await else { return };
    let page = browser.page().await;
    page.open(&site.at("/lively")).await;
    page.open(&site.at("/strict")).await;
    assert_eq!(page.title().await, "Strict");
    let said = page.console().await;
    assert_eq!(said, [Message { kind: Kind::Violated, text: "script-src-elem inline".to_owned() }]);
    page.open(&site.at("/lively")).await;
    page.clear_console();
    page.click_on("Throw").await;
    page.click_on("Ask").await;
    let said: Vec<String> = page.console().await.iter().map(ToString::to_string).collect();
    assert_eq!(said[..2], ["Said: before 1 Object", "Warned: careful"]);
    assert!(said[2].starts_with("Failed: Error: uncaught"), "{said:?}");
    assert_eq!(said[3], "Asked: Sure?");
}

#[tokio::test]
async fn pages_are_seen_without_scripts_in_the_dark_and_small() {
    let Some((site, browser)) = start().await else { return };
    let page = browser.page().await;
    page.open(&site.at("/scripted")).await;
    assert!(page.text().await.contains("enhanced"));
    page.run_scripts(false).await;
    page.open(&site.at("/scripted")).await;
    assert!(page.text().await.contains("plain"));
    page.click_on("The form").await;
    page.fill_in("Note", "by hand").await;
    page.click_on("Approve").await;
    assert_eq!(page.title().await, "Thanks");
    assert!(site.posted()[0].ends_with("note=by+hand"));
    page.run_scripts(true).await;
    page.prefer_dark(true).await;
    page.resize(320, 640).await;
    page.open(&site.at("/lively")).await;
    assert_eq!(
        page.eval("[innerWidth, getComputedStyle(document.body).backgroundColor]").await,
        json!([320, "rgb(1, 2, 3)"])
    );
    let picture = site.authority().with_file_name("page.png");
    page.screenshot(&picture).await;
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn a_passkey_is_made_and_used() {
    let Some((site, browser)) = start().await else { return };
    let page = browser.page().await;
    let authenticator = page.authenticator().await;
    page.open(&site.at("/passkey")).await;
    let press = async |name: &str| {
        page.click_on(name).await;
        page.wait_until("document.querySelector('#result').textContent").await;
        page.eval("document.querySelector('#result').textContent").await.as_str().unwrap().to_owned()
    };
    let made: Value = serde_json::from_str(&press("Make").await).unwrap();
    let kept = authenticator.passkeys().await;
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].id.as_str(), kept[0].site.as_str()), (made["id"].as_str().unwrap(), "localhost"));
    assert_eq!((kept[0].user.as_str(), kept[0].is_discoverable), ("dXNlcg", true));
    let used: Value = serde_json::from_str(&press("Use").await).unwrap();
    assert_eq!(used["id"], made["id"]);
    let client = URL_SAFE_NO_PAD.decode(used["response"]["clientDataJSON"].as_str().unwrap()).unwrap();
    let client: Value = serde_json::from_slice(&client).unwrap();
    assert_eq!(client["origin"], format!("https://localhost:{}", site.port));
    assert!(authenticator.passkeys().await[0].signatures > kept[0].signatures);

    authenticator.set_user_verified(false).await;
    assert_eq!(press("Use").await, "refused: NotAllowedError");
    authenticator.set_user_verified(true).await;
    page.open(&format!("https://shop.localhost:{}/passkey", site.port)).await;
    assert_eq!(press("Use").await, "refused: NotAllowedError", "it belongs to another site");
    authenticator.wipe().await;
    assert_eq!(authenticator.passkeys().await, []);
    authenticator.remove().await;
}

#[tokio::test]
async fn only_the_own_authority_and_the_right_name_are_trusted() {
    let Some((site, browser)) = start().await else { return };
    let (page, stranger) = (browser.page().await, Site::start().await);
    assert_eq!(page.open_in_vain(&stranger.at("/")).await, "net::ERR_CERT_AUTHORITY_INVALID");
    let other = format!("https://127.0.0.1:{}/", site.port);
    assert_eq!(page.open_in_vain(&other).await, "net::ERR_CERT_COMMON_NAME_INVALID");
    assert_eq!(page.open_in_vain("https://example.com/").await, "net::ERR_NAME_NOT_RESOLVED");
    page.open(&site.at("/")).await;
    assert_eq!(page.eval("isSecureContext").await, true);
}

#[tokio::test]
async fn failures_say_where_and_what_was_shown() {
    let Some((site, browser)) = start().await else { return };
    let page = browser.page().await;
    page.open(&site.at("/careless")).await;
    let said = failure(page.check_basics()).await;
    assert!(said.contains(&format!("{}:{}:", file!(), line!() - 1)), "{said}");
    for wrong in [
        "no lang",
        "no title",
        "2 h1",
        "\"a\" is there twice",
        "no label",
        "no name: <button",
        "no alt",
        "\"none\"",
        "tabindex",
    ] {
        assert!(said.contains(wrong), "{wrong}: {said}");
    }
    assert!(said.contains(&site.at("/careless")) && said.contains("Two"), "{said}");
    assert!(!said.contains("summary"), "what is folded away has a name too: {said}");
    page.open(&site.at("/form")).await;
    page.check_basics().await;
    assert!(failure(page.eval("nobody.knows")).await.contains("ReferenceError"));
    assert!(failure(page.open_in_vain(&site.at("/"))).await.contains("it was answered"));
    assert!(failure(page.press("Hyper")).await.contains("no such key"));
}

#[tokio::test]
async fn waiting_in_vain_says_for_what() {
    let Some((site, browser)) = start().await else { return };
    let impatient = async || {
        let mut page = browser.page().await;
        page.open(&site.at("/form")).await;
        page.be_patient_for(Duration::from_secs(3));
        page
    };
    let said = tokio::join!(
        async { failure(impatient().await.click_on("Refuse")).await },
        async { failure(impatient().await.click_on("Twice")).await },
        async { failure(impatient().await.click_on("Nothing")).await },
        async { failure(impatient().await.wait_until("nobody.knows")).await },
        async { failure(impatient().await.wait_for("h2")).await },
    );
    assert!(said.0.contains("\"Refuse\" is disabled"), "{}", said.0);
    assert!(said.1.contains("2 things are called \"Twice\""), "{}", said.1);
    assert!(said.2.contains("nothing is called \"Nothing\""), "{}", said.2);
    assert!(said.3.contains("ReferenceError"), "{}", said.3);
    assert!(said.4.contains("not visible"), "{}", said.4);
}

#[tokio::test]
async fn nothing_is_left_of_a_browser() {
    let Some((site, browser)) = start().await else { return };
    let page = browser.page().await;
    page.open(&site.at("/")).await;
    let directory = browser.directory().to_owned();
    assert!(directory.join("profile").is_dir());
    drop(browser);
    assert!(!directory.exists());
    assert!(failure(page.text()).await.contains("has ended"));
}
