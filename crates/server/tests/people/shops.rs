//! Shops, holds, webhooks and files, as a person finds them in a browser: without a mouse, light and dark.

use crate::house::{Server, order};
use crate::stage::Stage;
use bonded_testkit::browser::Page;

/// A page is well made, and is kept as a picture if somebody wants to look at it.
pub async fn look(page: &Page, name: &str) {
    page.check_basics().await;
    if let Some(directory) = std::env::var_os("BONDED_SCREENSHOTS") {
        for dark in [false, true] {
            page.prefer_dark(dark).await;
            let file = format!("{name}-{}.png", if dark { "dark" } else { "light" });
            page.screenshot(&std::path::Path::new(&directory).join(file)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_an_endpoint_and_a_file_are_brought_in_and_what_is_held_is_seen() {
    let Some(stage) = Stage::new().await else { return };
    let (_, key, page, _passkey) = stage.owned("ada@example.com").await;
    let placed = Server::answer(stage.server.post("/v1/orders", &key, &order("4711"))).await;
    assert_eq!(placed.0, 201, "{}", placed.1);

    page.open(&stage.public("/connections")).await;
    look(&page, "connections").await;
    page.click_on("Connect a shop").await;
    look(&page, "connect").await;
    page.fill("form:has(input[value=medusa]) input[name=shop]", "lamps").await;
    page.fill("form:has(input[value=medusa]) input[name=api_key]", "sk_1").await;
    page.choose("form:has(input[value=medusa]) select[name=direction]", "both ways").await;
    page.click_on("Connect the Medusa shop").await;
    page.wait_for_text("lamps").await;
    look(&page, "connection").await;
    let said = page.text().await;
    assert!(said.contains("both ways") && said.contains("What was sent where") && !page.html().await.contains("sk_1"));
    page.click_on("Pause").await;
    page.wait_for_text("paused").await;
    page.click_on("Disconnect for good").await;
    page.wait_for_text("disconnected").await;

    page.open(&stage.public("/holds")).await;
    page.wait_for_text("no partner sells this").await;
    look(&page, "holds").await;
    page.click("tbody a").await;
    page.wait_for_text("What is LAMP?").await;
    look(&page, "hold").await;
    page.click_on("We ship it ourselves").await;
    page.wait_for_text("what waited for it is tried again").await;

    page.open(&stage.public("/webhooks")).await;
    page.fill("input[name=url]", "https://lamps.example/hook").await;
    page.fill("textarea[name=events]", "order.lost").await;
    page.click_on("Make the endpoint").await;
    page.wait_for("[role=alert]").await;
    look(&page, "webhooks").await;
    page.fill("textarea[name=events]", "order.*").await;
    page.click_on("Make the endpoint").await;
    page.wait_for_text("whsec_").await;
    page.click_on("Send a test").await;
    page.wait_for_text("webhook_endpoint.test").await;
    look(&page, "webhook").await;

    page.open(&stage.public("/files")).await;
    look(&page, "files").await;
    page.choose("select[name=format]", "stock").await;
    let file = "const chosen = new DataTransfer();
        chosen.items.add(new File(['SKU,Stock\\nLAMP,5\\n'], 'stock.csv', {type: 'text/csv'}));
        document.querySelector('input[type=file]').files = chosen.files; true";
    page.eval(file).await;
    page.click_on("Send it").await;
    page.wait_for_text("What it would do").await;
    look(&page, "file").await;
    let said = page.console().await;
    // A mistake in a form is answered with 422, which the browser notes.
    assert!(said.iter().all(|message| message.text.contains("422")), "{said:?}");
    stage.server.stop().await;
}
