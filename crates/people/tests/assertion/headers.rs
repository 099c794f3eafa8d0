//! Headers that name another algorithm, another type, another key, or bring one along.

use crate::mint::{Mint, Signer, claims, encode};
use crate::{Case, case};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, RSA_PKCS1_SHA256};
use bonded_people::assertion::Refusal;
use serde_json::{Value, json};

pub fn cases(mint: &Mint) -> Vec<Case> {
    let mut cases = algorithms(mint);
    cases.extend(really_signed_otherwise(mint));
    cases.extend(types(mint));
    cases.extend(demands(mint));
    cases.extend(keys_brought_along(mint));
    cases.extend(key_names(mint));
    cases
}

fn signed(mint: &Mint, header: &Value) -> String {
    mint.token(&header.to_string(), &claims())
}

/// Signed as they should be, by the right key, and naming something else.
fn algorithms(mint: &Mint) -> Vec<Case> {
    let names = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES384",
        "ES512",
        "ES256K",
        "es256",
        "Es256",
        "eS256",
        "ES256 ",
        " ES256",
        "ES-256",
        "ES256\u{0}",
        "ES256\n",
        "\u{ff25}S256",
        "EdDSA",
        "Ed25519",
        "ECDH-ES",
        "SHA256withECDSA",
        "ES256,none",
        "ES256;none",
    ];
    let others =
        [json!(256), json!(null), json!(true), json!(["ES256"]), json!({"alg": "ES256"}), json!([]), json!(7.5)];
    let values = names.into_iter().map(|name| json!(name)).chain(others);
    let mut cases: Vec<_> = values
        .map(|alg| {
            let header = json!({"alg": alg, "typ": "JWT", "kid": "key-1"});
            case(Refusal::Algorithm, format!("alg {alg}"), signed(mint, &header))
        })
        .collect();
    let missing = json!({"typ": "JWT", "kid": "key-1"});
    cases.push(case(Refusal::Algorithm, "alg missing", signed(mint, &missing)));
    let elsewhere = json!({"ALG": "ES256", "Alg": "ES256", "typ": "JWT", "kid": "key-1"});
    cases.push(case(Refusal::Algorithm, "alg in capitals", signed(mint, &elsewhere)));
    cases
}

/// Signed by another algorithm, and saying so; then the same signatures under the right name.
fn really_signed_otherwise(mint: &Mint) -> Vec<Case> {
    let random = SystemRandom::new();
    let rsa = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let by_rsa = |signed: &[u8]| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature).unwrap();
        signature
    };
    let p384 = Signer::by("key-1", &ECDSA_P384_SHA384_FIXED_SIGNING);
    let point = mint.first.point();
    let (public_der, pem) = (mint.first.der(), mint.first.pem());
    let secrets: [(&str, Vec<u8>); 7] = [
        ("the point", point.to_vec()),
        ("the key in DER", public_der),
        ("the key in PEM", pem.clone().into_bytes()),
        ("the key in PEM without its line end", pem.trim_end().as_bytes().to_vec()),
        ("the key as JSON", mint.first.jwk().to_string().into_bytes()),
        ("the name of the key", b"key-1".to_vec()),
        ("nothing", Vec::new()),
    ];
    let mut cases = Vec::new();
    let mut both = |alg: &str, how: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        for (named, why) in [(alg, Refusal::Algorithm), ("ES256", Refusal::Signature)] {
            let header = json!({"alg": named, "typ": "JWT", "kid": "key-1"});
            let signed = format!("{}.{}", encode(header.to_string()), encode(claims()));
            let signature = encode(sign(signed.as_bytes()));
            cases.push(case(why, format!("{how}, called {named}"), format!("{signed}.{signature}")));
        }
    };
    for (what, secret) in &secrets {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        both("HS256", &format!("HMAC with {what} as secret"), &|signed| hmac::sign(&key, signed).as_ref().to_vec());
    }
    let key = hmac::Key::new(hmac::HMAC_SHA512, point);
    // Of the same length as a signature of ES256.
    both("HS512", "HMAC of 64 bytes", &|signed| hmac::sign(&key, signed).as_ref().to_vec());
    both("RS256", "RSA", &by_rsa);
    both("ES384", "P-384", &|signed| p384.sign(signed));
    both("none", "no signature, written as null bytes", &|_| vec![0; 64]);
    cases
}

fn types(mint: &Mint) -> Vec<Case> {
    let values = [
        json!("jwt"),
        json!("Jwt"),
        json!("JWS"),
        json!("JWE"),
        json!("JWT "),
        json!("at+jwt"),
        json!("application/jwt"),
        json!("JOSE"),
        json!(""),
        json!(1),
        json!(null),
        json!(["JWT"]),
        json!({"typ": "JWT"}),
        json!(true),
    ];
    let mut cases: Vec<_> = values
        .into_iter()
        .map(|typ| {
            let header = json!({"alg": "ES256", "typ": typ, "kid": "key-1"});
            case(Refusal::Type, format!("typ {typ}"), signed(mint, &header))
        })
        .collect();
    for cty in [json!("JWT"), json!("json"), json!(null)] {
        let header = json!({"alg": "ES256", "cty": cty, "kid": "key-1"});
        cases.push(case(Refusal::Type, format!("cty {cty}"), signed(mint, &header)));
    }
    cases
}

fn demands(mint: &Mint) -> Vec<Case> {
    let values = [
        json!(["exp"]),
        json!(["b64"]),
        json!(["alg"]),
        json!(["x"]),
        json!([]),
        json!("exp"),
        json!(null),
        json!(false),
        json!({}),
    ];
    values
        .into_iter()
        .map(|crit| {
            let header = json!({"alg": "ES256", "typ": "JWT", "kid": "key-1", "crit": crit, "b64": false, "x": 1});
            case(Refusal::Critical, format!("crit {crit}"), signed(mint, &header))
        })
        .collect()
}

/// Signed by a stranger, who says how to check that.
fn keys_brought_along(mint: &Mint) -> Vec<Case> {
    let stranger = &mint.stranger;
    let values = [
        ("jwk", stranger.jwk()),
        ("jwk", mint.first.jwk()),
        ("jwk", json!(null)),
        ("jku", json!("https://elsewhere.example/keys")),
        ("jku", json!("https://proxy.example/iap/../keys")),
        ("jku", json!("file:///etc/passwd")),
        ("jku", json!(null)),
        ("x5u", json!("https://elsewhere.example/chain.pem")),
        ("x5u", json!(null)),
        ("x5c", json!(["MIIBszCCAVmgAwIBAgIUQm9uZGVk"])),
        ("x5c", json!([])),
        ("x5c", json!(null)),
    ];
    values
        .into_iter()
        .map(|(name, value)| {
            let header = json!({"alg": "ES256", "typ": "JWT", "kid": "key-1", name: value});
            let assertion = stranger.token(&header.to_string(), &claims());
            case(Refusal::EmbeddedKey, format!("{name} {value}"), assertion)
        })
        .collect()
}

fn key_names(mint: &Mint) -> Vec<Case> {
    let none = [json!(""), json!(1), json!(null), json!(true), json!(["key-1"]), json!({"kid": "key-1"}), json!([])];
    let unknown = [
        "key-3",
        "KEY-1",
        "Key-1",
        "key-1 ",
        " key-1",
        "key-",
        "key-11",
        "key_1",
        "key-1\u{0}",
        "key-1\n",
        "../key-1",
        "key-1/../key-1",
        "k\u{435}y-1",
        "key\u{2010}1",
        "key-1' OR '1'='1",
        "/dev/null",
        "0",
        "*",
        "key-1,key-2",
    ];
    let named = |kid: &Value| signed(mint, &json!({"alg": "ES256", "typ": "JWT", "kid": kid}));
    let mut cases: Vec<_> = none.iter().map(|kid| case(Refusal::KeyId, format!("kid {kid}"), named(kid))).collect();
    let unknown = unknown.iter().map(|kid| json!(kid));
    cases.extend(unknown.map(|kid| case(Refusal::UnknownKey, format!("kid {kid}"), named(&kid))));
    cases.push(case(Refusal::KeyId, "kid missing", signed(mint, &json!({"alg": "ES256", "typ": "JWT"}))));
    let huge = json!("k".repeat(8_000));
    cases.push(case(Refusal::UnknownKey, "kid of 8,000 letters", named(&huge)));
    cases.push(case(Refusal::Signature, "kid of the issuer's other key", named(&json!("key-2"))));
    for (name, header) in [
        ("kid twice", r#"{"alg":"ES256","kid":"key-1","kid":"key-1"}"#),
        ("kid twice, first unknown", r#"{"alg":"ES256","kid":"key-9","kid":"key-1"}"#),
        ("kid twice, last unknown", r#"{"alg":"ES256","kid":"key-1","kid":"key-9"}"#),
        ("kid twice, once escaped", r#"{"alg":"ES256","kid":"key-1","\u006bid":"key-1"}"#),
        ("alg twice", r#"{"alg":"ES256","alg":"ES256","kid":"key-1"}"#),
        ("alg twice, first none", r#"{"alg":"none","alg":"ES256","kid":"key-1"}"#),
        ("alg twice, last none", r#"{"alg":"ES256","alg":"none","kid":"key-1"}"#),
        ("typ twice", r#"{"alg":"ES256","typ":"JWT","typ":"JWT","kid":"key-1"}"#),
        ("a member of a member twice", r#"{"alg":"ES256","kid":"key-1","x":{"a":1,"a":1}}"#),
    ] {
        cases.push(case(Refusal::Json, name, mint.token(header, &claims())));
    }
    cases
}
