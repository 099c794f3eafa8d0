//! What is put together otherwise than RFC 7515 section 7.1 says: parts, alphabet, padding, JSON.

use crate::mint::{AUDIENCE, HEADER, ISSUER, Mint, NOW, claims, encode, parts};
use crate::{Case, case};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bonded_people::assertion::{ASSERTION_BYTES_MAX, Refusal};
use serde_json::json;

pub fn cases(mint: &Mint) -> Vec<Case> {
    let mut cases = parts_of(mint);
    cases.extend(surroundings(mint));
    cases.extend(alphabets(mint));
    cases.extend(no_objects(mint));
    cases.extend(members_twice(mint));
    cases
}

/// The good claims without `exp` and `iat`, from their first member to the closing brace.
pub fn without_times(claims: &str) -> String {
    let mut claims: serde_json::Value = serde_json::from_str(claims).unwrap();
    for name in ["exp", "iat"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    claims.to_string().trim_start_matches('{').to_owned()
}

fn parts_of(mint: &Mint) -> Vec<Case> {
    let good = mint.token(HEADER, &claims());
    let [h, c, s] = parts(&good);
    let shapes = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        h.to_owned(),
        format!("{h}."),
        format!("{h}.{c}"),
        format!("{h}.{c}."),
        format!("{h}..{s}"),
        format!(".{c}.{s}"),
        format!(".{h}.{c}.{s}"),
        format!("{h}.{c}.{s}."),
        format!("{h}.{c}.{s}.{s}"),
        format!("{h}.{c}..{s}"),
        format!("{h}.{h}.{c}.{s}.{s}"),
        format!("{good}.{good}"),
        format!("{h}{c}{s}"),
        good.replace('.', "\u{ff0e}"),
        good.replace('.', "%2E"),
        good.replace('.', ":"),
        good.replacen('.', ",", 1),
    ];
    let mut cases: Vec<_> = shapes
        .into_iter()
        .enumerate()
        .map(|(at, assertion)| case(Refusal::Shape, format!("parts {at}"), assertion))
        .collect();
    let none = json!({"alg": "none", "typ": "JWT"}).to_string();
    let unsigned = format!("{}.{}.", encode(none), encode(claims()));
    cases.push(case(Refusal::Shape, "alg none, and no signature", unsigned));
    let flattened = json!({"protected": h, "payload": c, "signature": s}).to_string();
    cases.push(case(Refusal::Shape, "the JSON form of a JWS", flattened));
    cases.push(case(Refusal::TooLong, "one byte too long", "a".repeat(ASSERTION_BYTES_MAX + 1)));
    let long = json!({"iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 60, "groups": "g".repeat(20_000)});
    cases.push(case(Refusal::TooLong, "good, but huge", mint.token(HEADER, &long.to_string())));
    cases
}

/// A good assertion with something around or between.
fn surroundings(mint: &Mint) -> Vec<Case> {
    let good = mint.token(HEADER, &claims());
    let [h, c, s] = parts(&good);
    let (front, back) = c.split_at(20);
    let written = [
        format!(" {good}"),
        format!("{good} "),
        format!("\t{good}"),
        format!("{good}\n"),
        format!("{good}\r\n"),
        format!("{good}\u{0}"),
        format!("\u{0}{good}"),
        format!("{good}\u{a0}"),
        format!("\u{feff}{good}"),
        format!("{good}\u{200b}"),
        format!("Bearer {good}"),
        format!("\"{good}\""),
        format!("'{good}'"),
        format!("{good};"),
        format!("{good}#"),
        format!("{good}?x=1"),
        format!("{h} .{c}.{s}"),
        format!("{h}. {c}.{s}"),
        format!("{h}.{front} {back}.{s}"),
        format!("{h}.{front}\n{back}.{s}"),
        format!("{h}.{front}\r\n {back}.{s}"),
        format!("{h}.{front}\u{0}{back}.{s}"),
        format!("{h}.{front}\u{e9}{back}.{s}"),
        format!("{h}.{front}\u{2024}{back}.{s}"),
        format!("{h}.{front}={back}.{s}"),
        format!("{h}.{front}%{back}.{s}"),
        format!("{h}.{c}.{s}AAA"),
        format!("{h}.{c}.{s}AA=="),
    ];
    written
        .into_iter()
        .enumerate()
        .map(|(at, assertion)| case(Refusal::Encoding, format!("surroundings {at}"), assertion))
        .collect()
}

/// Signed over parts that are written in another way than the one that there is.
fn alphabets(mint: &Mint) -> Vec<Case> {
    let mut cases = Vec::new();
    // Of a length that leaves bits over, and with letters that the two alphabets write differently.
    let header = format!("{HEADER}  ");
    let header = &header[..header.len() - (header.len() + 2) % 3];
    let odd = json!({"iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 60, "sub": "1",
        "email": "ada@example.com", "name": "\u{7ff}\u{3ff}\u{7bf}~~~???>>>\u{fbff}"})
    .to_string();
    let odd = format!("{odd}{}", " ".repeat((4 - odd.len() % 3) % 3));
    let (h, c) = (encode(header), encode(&odd));
    assert!(header.len() % 3 == 1 && odd.len() % 3 == 1);
    let spare = |part: &str| {
        let (front, last) = part.split_at(part.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        format!("{front}{next}")
    };
    for (name, h, c) in [
        ("header padded", URL_SAFE.encode(header), c.clone()),
        ("claims padded", h.clone(), URL_SAFE.encode(&odd)),
        ("header with bits behind its end", spare(&h), c.clone()),
        ("claims with bits behind their end", h.clone(), spare(&c)),
        ("claims in the other alphabet", h.clone(), STANDARD.encode(&odd).trim_end_matches('=').to_owned()),
        ("header in hex", format!("{:x}!", u128::from_be_bytes(*HEADER.as_bytes().first_chunk().unwrap())), c.clone()),
        ("header as it is", HEADER.replace('.', ""), c.clone()),
    ] {
        cases.push(case(Refusal::Encoding, name, mint.first.seal(&h, &c)));
    }
    let good = mint.token(HEADER, &claims());
    let [h, c, s] = parts(&good);
    cases.push(case(Refusal::Encoding, "signature padded", format!("{h}.{c}.{s}==")));
    cases.push(case(Refusal::Encoding, "signature with bits behind its end", format!("{h}.{c}.{}", spare(s))));
    cases.push(case(Refusal::Encoding, "signature cut by a letter", format!("{h}.{c}.{}", &s[..s.len() - 1])));
    let twice = mint.first.seal(&encode(encode(HEADER)), &encode(claims()));
    cases.push(case(Refusal::Json, "header encoded twice", twice));
    let twice = mint.first.seal(&encode(HEADER), &encode(encode(claims())));
    cases.push(case(Refusal::Json, "claims encoded twice", twice));
    cases
}

/// Parts that are no JSON object.
fn no_objects(mint: &Mint) -> Vec<Case> {
    let mut cases = Vec::new();
    for (part, good) in [("header", HEADER.to_owned()), ("claims", claims())] {
        let deep = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
        let texts: [Vec<u8>; 20] = [
            b"null".to_vec(),
            b"true".to_vec(),
            b"7".to_vec(),
            b"[]".to_vec(),
            format!("[{good}]").into_bytes(),
            format!("\"{}\"", good.replace('"', "\\\"")).into_bytes(),
            b"{".to_vec(),
            b"}".to_vec(),
            b"x".to_vec(),
            good.as_bytes()[..good.len() - 1].to_vec(),
            format!("{good}{good}").into_bytes(),
            format!("{good},").into_bytes(),
            format!("{good}\u{0}").into_bytes(),
            format!("\u{feff}{good}").into_bytes(),
            format!("/* */{good}").into_bytes(),
            good.replace('"', "'").into_bytes(),
            good.replacen('}', ",}", 1).into_bytes(),
            good.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            [b"{\"x\":\"\xff\",", &good.as_bytes()[1..]].concat(),
            deep.into_bytes(),
        ];
        for (at, text) in texts.into_iter().enumerate() {
            let (h, c) =
                if part == "header" { (encode(text), encode(claims())) } else { (encode(HEADER), encode(text)) };
            cases.push(case(Refusal::Json, format!("{part} no object {at}"), mint.first.seal(&h, &c)));
        }
    }
    cases
}

/// Claims in which a member stands twice, so that two readers could read two things.
fn members_twice(mint: &Mint) -> Vec<Case> {
    let good = claims();
    let mut cases = Vec::new();
    for (name, same, other) in [
        ("iss", json!(ISSUER), json!("https://evil.example")),
        ("aud", json!(AUDIENCE), json!("other")),
        ("exp", json!(NOW + 540), json!(NOW + 9_999_999)),
        ("iat", json!(NOW - 60), json!(0)),
        ("sub", json!("accounts.google.com:1234567890"), json!("eve")),
        ("email", json!("ada@example.com"), json!("eve@example.com")),
    ] {
        for (how, value) in [("the same", same), ("another", other)] {
            let last = format!("{},\"{name}\":{value}}}", good.trim_end_matches('}'));
            let first = format!("{{\"{name}\":{value},{}", good.trim_start_matches('{'));
            cases.push(case(Refusal::Json, format!("{name} twice, {how} last"), mint.token(HEADER, &last)));
            cases.push(case(Refusal::Json, format!("{name} twice, {how} first"), mint.token(HEADER, &first)));
        }
        let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
        let last = format!("{},\"{escaped}\":1}}", good.trim_end_matches('}'));
        cases.push(case(Refusal::Json, format!("{name} twice, once escaped"), mint.token(HEADER, &last)));
    }
    for (name, more) in [
        ("nbf twice", "\"nbf\":0,\"nbf\":1"),
        ("a stranger's member twice", "\"x\":1,\"x\":1"),
        ("an inner member twice", "\"google\":{\"a\":1,\"b\":2,\"a\":3}"),
        ("an inner member of a list twice", "\"groups\":[{\"a\":1,\"a\":1}]"),
    ] {
        let claims = format!("{},{more}}}", good.trim_end_matches('}'));
        cases.push(case(Refusal::Json, name, mint.token(HEADER, &claims)));
    }
    cases
}
