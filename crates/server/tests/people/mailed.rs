//! What comes by mail: an invitation, a new password. Told without scripts, which only passkeys need.

use crate::house::House;
use crate::stage::{PASSWORD, Stage};
use aws_lc_rs::hmac;
use bonded_testkit::browser::Page;
use bonded_testkit::mail_server::{MailServer, Wanted};
use std::time::SystemTime;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const NEW_PASSWORD: &str = "marble otters read by lamplight";

/// The first link of the newest mail.
async fn link_of(mail: &mut MailServer, mails: usize) -> String {
    let taken = mail.wait_for("taken", mails).await;
    // Long lines are broken as RFC 2045 section 6.7 says.
    let text = taken["text"].as_str().unwrap().replace("=\r\n", "").replace("=\n", "");
    let words = text.split_whitespace().map(|word| word.trim_end_matches(['>', ')', '.']));
    words.filter(|word| word.starts_with("https://")).max_by_key(|word| word.len()).unwrap().to_owned()
}

/// The code that an authenticator app shows now (RFC 6238), for a secret as the page tells it.
#[expect(clippy::disallowed_methods, reason = "an authenticator app has a clock of its own")]
fn code_of(secret: &str) -> String {
    let letters = secret.bytes().filter(u8::is_ascii_alphanumeric);
    let fives = letters.map(|letter| ALPHABET.iter().position(|known| *known == letter).unwrap());
    // Base32 (RFC 4648 section 6): five bits a letter, read eight at a time.
    let (mut key, mut held, mut bits) = (Vec::new(), 0_usize, 0);
    for five in fives {
        (held, bits) = (held << 5 | five, bits + 5);
        if bits >= 8 {
            bits -= 8;
            key.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    let step = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() / 30;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

async fn sign_in(page: &Page, password: &str) {
    page.fill("input[name=mail]", "olga@example.com").await;
    page.fill("input[name=password]", password).await;
    page.click_on("Sign in").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_joins_by_mail_adds_an_app_and_chooses_a_new_password_without_scripts() {
    let Some(mut mail) = MailServer::start(Wanted::GOOD).await else { return };
    let house = House::new();
    let mut serve = house.command(&["serve"]);
    serve
        .env("BONDED_MAIL_HOST", "localhost")
        .env("BONDED_MAIL_PORT", mail.port().to_string())
        .env("BONDED_MAIL_TLS", "starttls")
        .env("BONDED_MAIL_FROM", "Bonded <no-reply@bonded.example>")
        .env("BONDED_MAIL_ROOT_CERTIFICATE", mail.authority());
    let Some(stage) = Stage::of(house, serve).await else { return };
    let (account, _) = stage.house.account("Corner Shop", "retailer");
    stage.invite(&account, "olga@example.com", "operator");

    let page = stage.browser.page().await;
    page.run_scripts(false).await;
    page.open(&link_of(&mut mail, 1).await).await;
    page.check_basics().await;
    page.fill("input[name=name]", "Olga Example").await;
    page.fill("input[name=password]", "passwordpassword").await;
    page.click_on("Join").await;
    assert!(page.text().await.contains("known from breaches") || page.text().await.contains("easily guessed"));
    page.fill("input[name=password]", PASSWORD).await;
    page.click_on("Join").await;
    assert_eq!(page.url().await, stage.public("/home"), "an operator need not enrol");
    assert!(page.text().await.contains("operator"));
    page.open(&stage.public("/keys")).await;
    assert_eq!(page.status().await, 403, "keys are for managers");
    page.check_basics().await;

    page.open(&stage.public("/security")).await;
    page.click_on("Add an authenticator app").await;
    page.check_basics().await;
    let secret = page.eval("document.querySelector('.code').textContent").await;
    page.fill("input[name=code]", &code_of(secret.as_str().unwrap())).await;
    page.click_on("Add it").await;
    assert!(page.text().await.contains("The authenticator app was added."), "{}", page.text().await);
    assert_eq!(page.eval("document.querySelectorAll('.codes li').length").await, 10);
    let recovery = page.eval("document.querySelector('.codes li').textContent").await;
    page.click_on("Sign out").await;

    page.click_on("Forgot the password?").await;
    page.check_basics().await;
    page.fill("input[name=mail]", "nobody@example.com").await;
    page.click_on("Send the link").await;
    let to_nobody = page.text().await;
    page.fill("input[name=mail]", "olga@example.com").await;
    page.click_on("Send the link").await;
    assert_eq!(page.text().await, to_nobody, "whether an address is known is never told");
    // The invitation, the notice of the new app, and now the link: nothing to nobody.
    let link = link_of(&mut mail, 3).await;
    page.open(&link).await;
    page.check_basics().await;
    page.fill("input[name=password]", NEW_PASSWORD).await;
    page.click_on("Choose this password").await;
    assert!(page.text().await.contains("The new password holds."));
    page.open(&link).await;
    assert_eq!(page.status().await, 404, "a link works once");

    page.open(&stage.public("/sign-in")).await;
    sign_in(&page, PASSWORD).await;
    assert!(page.text().await.contains("is not right"));
    sign_in(&page, NEW_PASSWORD).await;
    page.fill("input[name=code]", recovery.as_str().unwrap()).await;
    page.click_on("Continue").await;
    assert_eq!(page.url().await, stage.public("/home"));
    assert!(mail.told("taken").await.iter().all(|taken| taken["to"] == "olga@example.com"));
    stage.server.stop().await;
}
