//! The way back from an installation is believed only if Shopify signed it, for this browser, for a shop.

use bonded_base::Secret;
use bonded_connect::outbound::Url;
use bonded_connect::shopify::install::{App, BadCallback, Callback};

const SECRET: &str = "shpss_secret";

/// What the maker's pages say, done here once more: sorted, joined, HMAC-SHA256 in hex.
fn signed(pairs: &[(&str, &str)], secret: &str) -> String {
    let mut sorted: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    sorted.sort();
    let base64 = bonded_shopkit::signature(secret, sorted.join("&").as_bytes());
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, base64).unwrap();
    let hmac: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs).append_pair("hmac", &hmac).finish()
}

const GOOD: [(&str, &str); 4] =
    [("code", "c0de"), ("shop", "blue-mugs.myshopify.com"), ("state", "nonce"), ("timestamp", "1795339800")];

fn secrets(secrets: &[&str]) -> Vec<Secret<String>> {
    secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect()
}

fn refused(query: &str) -> BadCallback {
    Callback::check(query, &secrets(&[SECRET]), "nonce").err().expect("should be refused")
}

#[test]
fn a_good_callback_is_taken_under_either_secret() {
    let query = signed(&GOOD, SECRET);
    for known in [&[SECRET][..], &["newer", SECRET]] {
        let callback = Callback::check(&query, &secrets(known), "nonce").ok().unwrap();
        assert_eq!((callback.shop.as_str(), callback.code.expose().as_str()), ("blue-mugs.myshopify.com", "c0de"));
    }
}

#[test]
fn what_was_changed_on_the_way_is_refused() {
    let query = signed(&GOOD, SECRET);
    assert_eq!(refused(&query.replace("c0de", "c0d3")), BadCallback::Signature);
    assert_eq!(refused(&query.replace("blue", "grey")), BadCallback::Signature);
    assert_eq!(refused(&format!("{query}&extra=1")), BadCallback::Signature);
    assert_eq!(refused(&signed(&GOOD, "another")), BadCallback::Signature);
    assert_eq!(refused(&signed(&GOOD, "")), BadCallback::Signature);
    assert_eq!(refused(&query.replace("hmac=", "hmac=zz")), BadCallback::Signature);
    assert_eq!(refused(""), BadCallback::Shape);
    assert_eq!(refused(&format!("{query}&hmac=00")), BadCallback::Shape);
    assert_eq!(Callback::check(&query, &[], "nonce").err(), Some(BadCallback::Signature));
}

#[test]
fn another_browsers_answer_is_refused() {
    let query = signed(&GOOD, SECRET);
    assert_eq!(Callback::check(&query, &secrets(&[SECRET]), "other").err(), Some(BadCallback::State));
    let nameless = signed(&[GOOD[0], GOOD[1], ("state", "")], SECRET);
    assert_eq!(Callback::check(&nameless, &secrets(&[SECRET]), "").err(), Some(BadCallback::State));
}

#[test]
fn a_host_that_is_no_shop_is_refused_though_signed() {
    for shop in ["evil.example", "blue-mugs.myshopify.com.evil.example", "evil.example/blue-mugs.myshopify.com"] {
        let query = signed(&[GOOD[0], ("shop", shop), GOOD[2]], SECRET);
        assert_eq!(refused(&query), BadCallback::Shop, "{shop}");
    }
}

#[test]
fn the_way_there_names_app_scopes_state_and_the_way_back() {
    let app = App { client_id: "client".into(), client_secret: Secret::new(SECRET.into()), older_secrets: Vec::new() };
    let back: Url = "https://bonded.example/back".parse().unwrap();
    let shop = "blue-mugs.myshopify.com".parse().unwrap();
    let url = app.install_url(&shop, None, &["read_orders", "write_inventory"], &back, "nonce").unwrap();
    assert_eq!(
        url.as_str(),
        "https://blue-mugs.myshopify.com/admin/oauth/authorize?client_id=client&scope=read_orders%2Cwrite_inventory\
         &redirect_uri=https%3A%2F%2Fbonded.example%2Fback&state=nonce"
    );
    assert!(!url.as_str().contains(SECRET));
}
