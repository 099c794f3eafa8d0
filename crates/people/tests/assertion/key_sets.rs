//! Documents of public keys: which keys are taken from them, and which documents are refused whole.

use crate::mint::{Signer, encode};
use bonded_people::assertion::{BadKeys, KEYS_BYTES_MAX, KEYS_MAX, KeySet};
use serde_json::{Value, json};

fn parse(document: &Value) -> Result<KeySet, BadKeys> {
    KeySet::parse(document.to_string().as_bytes())
}

/// The same key with these members besides or instead.
fn with(jwk: &Value, changes: &[(&str, Value)]) -> Value {
    let mut jwk = jwk.clone();
    for (name, value) in changes {
        jwk[*name] = value.clone();
    }
    jwk
}

fn without(jwk: &Value, names: &[&str]) -> Value {
    let mut jwk = jwk.clone();
    for name in names {
        jwk.as_object_mut().unwrap().remove(*name);
    }
    jwk
}

#[test]
fn keys_for_other_purposes_are_left_out() {
    let good = Signer::new("good").jwk();
    for other in [
        json!({"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB", "use": "sig", "alg": "RS256"}),
        json!({"kty": "oct", "kid": "o", "k": "AQAB"}),
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": "AQAB"}),
        json!({"kid": "nothing else"}),
        json!({}),
        with(&good, &[("kty", json!("ec"))]),
        with(&good, &[("crv", json!("P-384"))]),
        with(&good, &[("crv", json!("p-256"))]),
        with(&good, &[("crv", json!("secp256k1"))]),
        with(&good, &[("use", json!("enc"))]),
        with(&good, &[("use", json!(null))]),
        with(&good, &[("alg", json!("ES384"))]),
        with(&good, &[("alg", json!("ECDH-ES"))]),
        with(&good, &[("key_ops", json!(["sign"]))]),
        with(&good, &[("key_ops", json!("verify"))]),
        without(&good, &["kty"]),
        without(&good, &["crv"]),
    ] {
        assert_eq!(parse(&json!({"keys": [other]})).unwrap_err(), BadKeys::NoneOfUse, "{other}");
        assert_eq!(parse(&json!({"keys": [other, good]})).unwrap().len(), 1, "{other}");
    }
    for fine in [
        good.clone(),
        without(&good, &["use"]),
        without(&good, &["alg", "use"]),
        with(&good, &[("key_ops", json!(["verify"]))]),
        with(&good, &[("x5t", json!("AQAB")), ("exp", json!(1))]),
    ] {
        assert_eq!(parse(&json!({"keys": [fine], "more": 1})).unwrap().len(), 1);
    }
}

#[test]
fn a_document_with_a_fault_is_refused_whole() {
    let (good, other) = (Signer::new("good").jwk(), Signer::new("other").jwk());
    let short = encode([7; 31]);
    let padded = format!("{}=", good["x"].as_str().unwrap());
    for (fault, why) in [
        (without(&other, &["kid"]), BadKeys::Nameless),
        (with(&other, &[("kid", json!(""))]), BadKeys::Nameless),
        (with(&other, &[("kid", json!(7))]), BadKeys::Nameless),
        (with(&other, &[("kid", json!("good"))]), BadKeys::Repeated),
        (good.clone(), BadKeys::Repeated),
        (with(&other, &[("d", json!(encode([7; 32])))]), BadKeys::Private),
        (json!({"kty": "RSA", "kid": "r", "d": "AQAB"}), BadKeys::Private),
        (without(&other, &["x"]), BadKeys::Point),
        (without(&other, &["y"]), BadKeys::Point),
        (with(&other, &[("x", json!(7))]), BadKeys::Point),
        (with(&other, &[("x", json!(short))]), BadKeys::Point),
        (with(&other, &[("y", json!(encode([7; 33])))]), BadKeys::Point),
        (with(&other, &[("x", json!(padded))]), BadKeys::Point),
        (with(&other, &[("x", good["x"].clone())]), BadKeys::Point),
        (with(&other, &[("x", json!(encode([0; 32]))), ("y", json!(encode([0; 32])))]), BadKeys::Point),
        (with(&other, &[("x", json!(encode([0xff; 32])))]), BadKeys::Point),
        (json!("key"), BadKeys::NotASet),
    ] {
        assert_eq!(parse(&json!({"keys": [good, fault]})).unwrap_err(), why, "{fault}");
    }
    for document in ["", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": null}"#, "<html>", r#"{"keys": [], "keys": []}"#] {
        assert_eq!(KeySet::parse(document.as_bytes()).unwrap_err(), BadKeys::NotASet, "{document}");
    }
    assert_eq!(parse(&json!({"keys": []})).unwrap_err(), BadKeys::NoneOfUse);
    let many: Vec<_> = (0..=KEYS_MAX).map(|_| json!({})).collect();
    assert_eq!(parse(&json!({"keys": many})).unwrap_err(), BadKeys::TooMany);
    let long = format!("{}{}", json!({"keys": [good]}), " ".repeat(KEYS_BYTES_MAX));
    assert_eq!(KeySet::parse(long.as_bytes()).unwrap_err(), BadKeys::TooLong);
}

#[test]
fn two_sets_are_one_if_their_keys_are() {
    let (a, b) = (Signer::new("a").jwk(), Signer::new("b").jwk());
    let set = |keys: &[&Value]| parse(&json!({"keys": keys})).unwrap();
    assert_eq!(set(&[&a, &b]), set(&[&b, &a]));
    assert_ne!(set(&[&a]), set(&[&a, &b]));
    assert_ne!(set(&[&a]), set(&[&Signer::new("a").jwk()]));
    assert_eq!(format!("{:?}", set(&[&a])), "KeySet { keys: 1 }");
}

#[test]
fn keys_in_pem_are_the_same_keys() {
    let (a, b) = (Signer::new("a"), Signer::new("b"));
    let set = parse(&json!({"keys": [a.jwk(), b.jwk()]})).unwrap();
    assert_eq!(parse(&json!({"a": a.pem(), "b": b.pem()})).unwrap(), set);
    assert_eq!(parse(&json!({"a": a.pem().replace('\n', "\r\n"), "b": b.pem().trim()})).unwrap(), set);
    let swap = |from: &str, to: &str| a.pem().replace(from, to);
    let p384 = Signer::by("p", &aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING);
    let body = a.pem().lines().nth(2).unwrap().to_owned();
    for (bad, why) in [
        (json!(null), BadKeys::NotASet),
        (json!([a.pem()]), BadKeys::NotASet),
        (json!("key"), BadKeys::NotASet),
        (json!(swap("PUBLIC KEY", "CERTIFICATE")), BadKeys::NotASet),
        (json!(swap("PUBLIC KEY", "EC PRIVATE KEY")), BadKeys::NotASet),
        (json!(swap("-----END PUBLIC KEY-----", "")), BadKeys::Point),
        (json!(swap(&body, "")), BadKeys::Point),
        (json!(swap(&body, &format!("{body}AAAA"))), BadKeys::Point),
        (json!(swap(&body, "====")), BadKeys::Point),
        (json!(format!("{}{}", a.pem(), b.pem())), BadKeys::Point),
        (json!(p384.pem()), BadKeys::Point),
    ] {
        assert_eq!(parse(&json!({"a": bad, "b": b.pem()})).unwrap_err(), why, "{bad}");
    }
    assert_eq!(parse(&json!({"": a.pem()})).unwrap_err(), BadKeys::Nameless);
    assert_eq!(parse(&json!({"keys": a.pem()})).unwrap_err(), BadKeys::NotASet);
    let many: serde_json::Map<_, _> = (0..=KEYS_MAX).map(|at| (at.to_string(), json!(a.pem()))).collect();
    assert_eq!(parse(&Value::Object(many)).unwrap_err(), BadKeys::TooMany);
}
