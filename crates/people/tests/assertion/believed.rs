//! What is believed: assertions as Google IAP and Pomerium make them, and both sides of every limit.

use crate::mint::{AUDIENCE, HEADER, ISSUER, Mint, NOW, Signer, claims, decode, encode, parts};
use crate::signatures::{ORDER, less};
use bonded_base::Moment;
use bonded_people::assertion::{ASSERTION_BYTES_MAX, KeySet, Refusal, Rules, Verifier};
use serde_json::{Value, json};

fn verifier(issuer: &str, audience: &str) -> Verifier {
    Verifier::new(Rules { issuer: issuer.to_owned(), audience: audience.to_owned() })
}

#[test]
fn an_assertion_of_google_iap_is_believed() {
    let signer = Signer::new("0oeLcQ");
    let older = Signer::new("mpf0DA");
    let published = json!({"keys": [older.jwk(), signer.jwk()]});
    let keys = KeySet::parse(published.to_string().as_bytes()).unwrap();
    let claims = json!({
        "aud": "/projects/1234567890/global/backendServices/9876543210",
        "azp": "/projects/1234567890/global/backendServices/9876543210",
        "email": "Ada.Example@example.com",
        "exp": NOW + 590, "iat": NOW - 10, "hd": "example.com",
        "google": {"access_levels": ["accessPolicies/1/accessLevels/office"]},
        "iss": "https://cloud.google.com/iap",
        "sub": "accounts.google.com:112233445566778899001",
    });
    let assertion = signer.token(r#"{"alg":"ES256","typ":"JWT","kid":"0oeLcQ"}"#, &claims.to_string());
    let verifier = verifier("https://cloud.google.com/iap", "/projects/1234567890/global/backendServices/9876543210");
    let identity = verifier.verify(&keys, &assertion, Moment::from_millis(NOW * 1000)).unwrap();
    assert_eq!(identity.mail.expose(), "Ada.Example@example.com");
    assert_eq!(identity.subject, "accounts.google.com:112233445566778899001");
    assert_eq!(format!("{identity:?}"), "Identity");
}

#[test]
fn an_assertion_of_pomerium_is_believed() {
    let kid = "ccc5bc9d835ff3c8f7075ed4a7510159cf440fd7bf7b517b5caeb1fa419ee6a1";
    let signer = Signer::new(kid);
    let keys = KeySet::parse(json!({"keys": [signer.jwk()]}).to_string().as_bytes()).unwrap();
    let claims = json!({
        "aud": "console.example.com", "iss": "console.example.com",
        "email": "ada@example.com", "name": "Ada Example", "user": "auth0|5f1b", "sub": "auth0|5f1b",
        "groups": ["support@example.com", "engineers@example.com"],
        "jti": "2f9b2b0e-6b9f-4bd6-9d4d-1f1f6f1a9f4e", "sid": "e0a3b9f4-0a50-4f24-8c09-1f0a1f0c9a11",
        "iat": NOW, "exp": NOW + 300,
    });
    let header = json!({"alg": "ES256", "kid": kid, "typ": "JWT"}).to_string();
    let assertion = signer.token(&header, &claims.to_string());
    let verifier = verifier("console.example.com", "console.example.com");
    let identity = verifier.verify(&keys, &assertion, Moment::from_millis(NOW * 1000)).unwrap();
    assert_eq!((identity.mail.expose(), identity.subject.as_str()), ("ada@example.com", "auth0|5f1b"));
}

#[test]
fn the_last_moment_on_this_side_of_each_limit_is_good() {
    let mint = Mint::new();
    let with = |iat: i64, exp: i64, more: &[(&str, Value)]| {
        let times = [("iat", json!(iat)), ("exp", json!(exp))];
        mint.with(&[&times[..], more].concat())
    };
    for (name, assertion) in [
        ("expired 29 s ago", with(NOW - 300, NOW - 29, &[])),
        ("issued 30 s from now", with(NOW + 30, NOW + 60, &[])),
        ("not before 30 s from now", with(NOW, NOW + 60, &[("nbf", json!(NOW + 30))])),
        ("not before 1970", with(NOW, NOW + 60, &[("nbf", json!(0))])),
        ("holds for ten minutes", with(NOW - 60, NOW + 540, &[])),
        ("ten minutes, at their end", with(NOW - 629, NOW - 29, &[])),
        ("ten minutes, from 30 s ahead", with(NOW + 30, NOW + 630, &[])),
        ("holds for a second", with(NOW, NOW + 1, &[])),
        ("verified", with(NOW, NOW + 60, &[("email_verified", json!(true))])),
        ("audience in a list", with(NOW, NOW + 60, &[("aud", json!([AUDIENCE]))])),
        ("no type", mint.token(r#"{"alg":"ES256","kid":"key-1"}"#, &claims())),
        ("thumbprints", mint.token(r#"{"alg":"ES256","kid":"key-1","x5t":"a","x5t#S256":"b"}"#, &claims())),
        (
            "spaces in JSON",
            mint.token(&format!(" {}\n", HEADER.replace(',', " , ")), &claims().replace("\":", "\" : ")),
        ),
        ("escapes in JSON", mint.token(&HEADER.replace("ES256", "\\u0045S256"), &claims())),
        ("the other key", mint.second.token(&HEADER.replace("key-1", "key-2"), &claims())),
    ] {
        assert!(mint.verify(&assertion).is_ok(), "{name}: {:?}", mint.verify(&assertion).err());
    }
    // To the millisecond: 30 s after `exp` is too late, and 30 s before `iat` is not too early.
    let at =
        |assertion: &str, millis: i64| mint.verifier.verify(&mint.keys, assertion, Moment::from_millis(millis)).err();
    let assertion = with(NOW, NOW + 60, &[]);
    assert_eq!(at(&assertion, (NOW + 90) * 1000 - 1), None);
    assert_eq!(at(&assertion, (NOW + 90) * 1000), Some(Refusal::Expired));
    assert_eq!(at(&assertion, (NOW - 30) * 1000), None);
    assert_eq!(at(&assertion, (NOW - 30) * 1000 - 1), Some(Refusal::TooEarly));
}

#[test]
fn an_assertion_may_be_as_long_as_the_limit() {
    let mint = Mint::new();
    // The other two parts, the dots, and the claims in base64: four letters for three bytes.
    let base = mint.token(HEADER, &claims());
    let room = ASSERTION_BYTES_MAX - base.len();
    let padded = format!("{}{}", claims(), " ".repeat(room * 3 / 4));
    let long = mint.token(HEADER, &padded);
    assert!(long.len() <= ASSERTION_BYTES_MAX && long.len() > ASSERTION_BYTES_MAX - 4, "{}", long.len());
    assert!(mint.verify(&long).is_ok());
    let longer = mint.token(HEADER, &format!("{padded}     "));
    assert_eq!(mint.verify(&longer).err(), Some(Refusal::TooLong));
}

/// Known and harmless: nothing tells assertions apart by their bytes. Issuers use both forms, so neither is refused.
#[test]
fn the_twin_of_a_signature_holds_too() {
    let mint = Mint::new();
    let good = mint.token(HEADER, &claims());
    let [h, c, s] = parts(&good);
    let s = decode(s);
    let (r, half) = s.split_at(32);
    let other = less(&ORDER, half.try_into().unwrap());
    let twin = format!("{h}.{c}.{}", encode([r, &other].concat()));
    assert_ne!(twin, good);
    assert!(mint.verify(&good).is_ok() && mint.verify(&twin).is_ok());
    assert_ne!(other[..], *half, "one of the two is the low form, the other the high");
}

#[test]
fn the_rules_are_those_it_was_made_with() {
    let mint = Mint::new();
    assert_eq!((mint.verifier.rules().issuer.as_str(), mint.verifier.rules().audience.as_str()), (ISSUER, AUDIENCE));
    assert_eq!(Refusal::UnknownKey.to_string(), "unknown_key");
}
