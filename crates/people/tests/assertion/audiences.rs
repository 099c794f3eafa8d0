//! Assertions of other issuers and for other audiences, most of them very like the right one.

use crate::mint::{AUDIENCE, ISSUER, Mint};
use crate::{Case, case};
use bonded_people::assertion::Refusal;
use serde_json::{Value, json};

pub fn cases(mint: &Mint) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, right, why) in [("iss", ISSUER, Refusal::Issuer), ("aud", AUDIENCE, Refusal::Audience)] {
        for value in near(right) {
            cases.push(case(why, format!("{name} {value}"), mint.with(&[(name, value)])));
        }
        cases.push(case(why, format!("{name} missing"), mint.without(name)));
    }
    for issuer in ["http://proxy.example/iap", "proxy.example/iap", "https://proxy.example:443/iap"] {
        cases.push(case(Refusal::Issuer, format!("iss {issuer}"), mint.with(&[("iss", json!(issuer))])));
    }
    cases.push(case(Refusal::Issuer, "iss in a list", mint.with(&[("iss", json!([ISSUER]))])));
    let lists = [
        json!([AUDIENCE, AUDIENCE]),
        json!([AUDIENCE, "other"]),
        json!(["other", AUDIENCE]),
        json!([AUDIENCE, null]),
        json!([AUDIENCE, ""]),
        json!([null]),
        json!([[AUDIENCE]]),
        json!([{"aud": AUDIENCE}]),
        json!([""]),
        json!(["/projects/1234/global/backendServices/567"]),
    ];
    cases.extend(lists.map(|aud| case(Refusal::Audience, format!("aud {aud}"), mint.with(&[("aud", aud)]))));
    let swapped = mint.with(&[("iss", json!(AUDIENCE)), ("aud", json!(ISSUER))]);
    cases.push(case(Refusal::Issuer, "iss and aud swapped", swapped));
    cases
}

/// What is nearly `right`, or not even a text.
fn near(right: &str) -> Vec<Value> {
    let texts = [
        right.to_uppercase(),
        right.replacen('p', "P", 1),
        format!("{right}/"),
        format!("{right}0"),
        format!("{right}.evil.example"),
        right[..right.len() - 1].to_owned(),
        right[1..].to_owned(),
        format!(" {right}"),
        format!("{right} "),
        format!("{right}\n"),
        format!("{right}\u{0}"),
        format!("{right},other"),
        format!("\u{200b}{right}"),
        right.replacen('o', "\u{43e}", 1),
        right.replace('/', "%2F"),
        right.replacen('/', "//", 1),
        String::new(),
        "*".to_owned(),
        "null".to_owned(),
    ];
    let others = [json!(null), json!(7), json!(true), json!([]), json!({}), json!({"0": right})];
    texts.into_iter().map(|text| json!(text)).chain(others).collect()
}
