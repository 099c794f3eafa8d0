//! Claims about when an assertion holds and whom it is about.

use crate::mint::{Mint, NOW};
use crate::{Case, case};
use bonded_people::assertion::Refusal;
use serde_json::{Value, json};

pub fn cases(mint: &Mint) -> Vec<Case> {
    let mut cases = no_times(mint);
    cases.extend(out_of_time(mint));
    cases.extend(subjects(mint));
    cases.extend(addresses(mint));
    cases
}

/// What stands where a second should stand.
fn no_times(mint: &Mint) -> Vec<Case> {
    let second = NOW.to_string();
    let written = [
        "null",
        "true",
        "\"\"",
        "[]",
        "{}",
        "-1",
        "-0",
        "-1795339800",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "253402300800",
        "1e9",
        "1795339800.0",
        "1795339800.5",
        "1.7953398e9",
        "1e400",
    ];
    let made = [
        format!("\"{second}\""),
        format!("[{second}]"),
        format!("{second}000"),
        format!("{second}e0"),
        "\"2026-11-22T09:30:00Z\"".to_owned(),
    ];
    let written: Vec<String> = written.into_iter().map(str::to_owned).chain(made).collect();
    let mut cases = Vec::new();
    for name in ["exp", "iat", "nbf"] {
        for value in &written {
            // By hand, since a number out of range has no value.
            let times = match name {
                "exp" => format!("\"iat\": {}", NOW - 60),
                "iat" => format!("\"exp\": {}", NOW + 540),
                _ => format!("\"iat\": {}, \"exp\": {}", NOW - 60, NOW + 540),
            };
            let claims = crate::mint::claims();
            let rest = crate::structure::without_times(&claims);
            let claims = format!("{{{times}, \"{name}\": {value}, {rest}");
            let why = if value == "1e400" { Refusal::Json } else { Refusal::Times };
            cases.push(case(why, format!("{name} {value}"), mint.token(crate::mint::HEADER, &claims)));
        }
    }
    for name in ["exp", "iat"] {
        cases.push(case(Refusal::Times, format!("{name} missing"), mint.without(name)));
    }
    cases
}

fn out_of_time(mint: &Mint) -> Vec<Case> {
    let lasting = |issued: i64, expires: i64| mint.with(&[("iat", json!(issued)), ("exp", json!(expires))]);
    let mut cases = Vec::new();
    for (ago, name) in [(30, "30 s"), (31, "31 s"), (60, "a minute"), (3_600, "an hour"), (86_400, "a day")] {
        let assertion = lasting(NOW - ago - 300, NOW - ago);
        cases.push(case(Refusal::Expired, format!("expired {name} ago"), assertion));
    }
    cases.push(case(Refusal::Expired, "expired in 1970", lasting(0, 1)));
    for (ahead, name) in [(31, "31 s"), (60, "a minute"), (3_600, "an hour"), (86_400 * 365, "a year")] {
        let assertion = lasting(NOW + ahead, NOW + ahead + 300);
        cases.push(case(Refusal::TooEarly, format!("issued {name} from now"), assertion));
        let not_before = mint.with(&[("nbf", json!(NOW + ahead))]);
        cases.push(case(Refusal::TooEarly, format!("not before {name} from now"), not_before));
    }
    for seconds in [601, 602, 660, 3_600, 86_400, 31_536_000, 0, -1, -60] {
        let assertion = lasting(NOW - 10, NOW - 10 + seconds);
        cases.push(case(Refusal::Lifetime, format!("holds for {seconds} s"), assertion));
    }
    cases.push(case(Refusal::Lifetime, "holds since 1970", lasting(0, NOW + 300)));
    cases.push(case(Refusal::Lifetime, "holds until the year 9999", lasting(NOW - 10, 253_402_300_799)));
    cases
}

fn subjects(mint: &Mint) -> Vec<Case> {
    let values =
        [json!(""), json!(" "), json!("\t\n"), json!(null), json!(7), json!(true), json!([]), json!(["a"]), json!({})];
    let mut cases: Vec<_> = values
        .into_iter()
        .map(|sub| case(Refusal::Subject, format!("sub {sub}"), mint.with(&[("sub", sub)])))
        .collect();
    cases.push(case(Refusal::Subject, "sub missing", mint.without("sub")));
    cases
}

fn addresses(mint: &Mint) -> Vec<Case> {
    let long = format!("{}@example.com", "a".repeat(250));
    let texts = [
        "",
        " ",
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "ada@example",
        "Ada <ada@example.com>",
        "<ada@example.com>",
        "ada@example.com\n",
        "\nada@example.com",
        " ada@example.com",
        "ada@example.com ",
        "ada@example.com\u{0}",
        "ada@example.com\u{0}@evil.example",
        "ada@example.com,eve@example.com",
        "ada@example.com;eve@example.com",
        "ada@example.com eve@example.com",
        "ada@evil.example@example.com",
        "accounts.google.com:ada@example.com",
        "mailto:ada@example.com",
        "\"ada\"@example.com",
        "ada@[192.0.2.1]",
        "ada..b@example.com",
        ".ada@example.com",
        "\u{430}da@example.com",
        "ada@ex\u{e4}mple.com",
        "ada\u{ff20}example.com",
        "ada(comment)@example.com",
        &long,
    ];
    let others = [
        json!(null),
        json!(7),
        json!(true),
        json!([]),
        json!(["ada@example.com"]),
        json!({"value": "ada@example.com"}),
    ];
    let mut cases: Vec<_> = texts
        .into_iter()
        .map(|text| json!(text))
        .chain(others)
        .map(|email| case(Refusal::Mail, format!("email {email}"), mint.with(&[("email", email)])))
        .collect();
    cases.push(case(Refusal::Mail, "email missing", mint.without("email")));
    let unverified: [Value; 6] = [json!(false), json!("true"), json!("false"), json!(null), json!(1), json!([true])];
    for verified in unverified {
        let name = format!("email_verified {verified}");
        cases.push(case(Refusal::Mail, name, mint.with(&[("email_verified", verified)])));
    }
    cases
}
