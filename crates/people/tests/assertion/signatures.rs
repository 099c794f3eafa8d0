//! Signatures that are another's, another thing's, or none.

use crate::mint::{HEADER, Mint, claims, decode, encode, parts};
use crate::{Case, case};
use bonded_people::assertion::Refusal;
use serde_json::json;

/// The order of P-256 (SEC 2 section 2.4.2).
pub const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// `a - b`, both big-endian, modulo 2^256.
pub fn less(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrow = false;
    for at in (0..32).rev() {
        let (byte, first) = a[at].overflowing_sub(b[at]);
        let (byte, second) = byte.overflowing_sub(u8::from(borrow));
        (difference[at], borrow) = (byte, first || second);
    }
    difference
}

/// An integer as DER has it.
fn der_integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let mut value = bytes[start..].to_vec();
    if value[0] >= 0x80 {
        value.insert(0, 0);
    }
    [vec![2, u8::try_from(value.len()).unwrap()], value].concat()
}

fn der(signature: &[u8]) -> Vec<u8> {
    let body = [der_integer(&signature[..32]), der_integer(&signature[32..])].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

pub fn cases(mint: &Mint) -> Vec<Case> {
    let good = mint.token(HEADER, &claims());
    let [h, c, s] = parts(&good);
    let s = decode(s);
    let (r, half) = s.split_at(32);
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let flipped = |at: usize| {
        let mut s = s.clone();
        s[at] ^= 1;
        s
    };
    let signed = format!("{h}.{c}");
    let raw = format!("{HEADER}.{}", claims());
    let changed: Vec<(&str, Vec<u8>)> = vec![
        ("in DER", der(&s)),
        ("all zero", vec![0; 64]),
        ("r zero", [&[0; 32][..], half].concat()),
        ("s zero", [r, &[0; 32]].concat()),
        ("r and s one", [[vec![0; 31], vec![1]].concat(), [vec![0; 31], vec![1]].concat()].concat()),
        ("r the order", [&ORDER, half].concat()),
        ("s the order", [r, &ORDER].concat()),
        ("both the order", [ORDER, ORDER].concat()),
        ("all ones", vec![0xff; 64]),
        ("r and s swapped", [half, r].concat()),
        ("r twice", [r, r].concat()),
        ("bytes reversed", reversed(&s)),
        ("halves reversed", [reversed(r), reversed(half)].concat()),
        ("63 bytes", s[..63].to_vec()),
        ("62 bytes, from the second", s[2..].to_vec()),
        ("65 bytes", [&s[..], &[0]].concat()),
        ("65 bytes, zero first", [&[0], &s[..]].concat()),
        ("66 bytes, a zero before each half", [&[0], r, &[0], half].concat()),
        ("128 bytes", [&s[..], &s[..]].concat()),
        ("one byte", vec![0]),
        ("first bit flipped", flipped(0)),
        ("bit of r flipped", flipped(31)),
        ("bit of s flipped", flipped(32)),
        ("last bit flipped", flipped(63)),
        ("the stranger's", mint.stranger.sign(signed.as_bytes())),
        ("the issuer's other key's", mint.second.sign(signed.as_bytes())),
        ("of the parts before encoding", mint.first.sign(raw.as_bytes())),
        ("of the header", mint.first.sign(h.as_bytes())),
        ("of the claims", mint.first.sign(c.as_bytes())),
        ("of the parts without a dot", mint.first.sign(format!("{h}{c}").as_bytes())),
        ("of the parts the other way round", mint.first.sign(format!("{c}.{h}").as_bytes())),
        ("of the parts and a dot", mint.first.sign(format!("{h}.{c}.").as_bytes())),
        ("of nothing", mint.first.sign(b"")),
    ];
    let mut cases: Vec<_> = changed
        .into_iter()
        .map(|(name, s)| case(Refusal::Signature, format!("signature {name}"), format!("{h}.{c}.{}", encode(s))))
        .collect();
    cases.extend(transplants(mint, &good));
    cases
}

/// Parts of good assertions, put together anew.
fn transplants(mint: &Mint, good: &str) -> Vec<Case> {
    let [h, c, s] = parts(good);
    let other = mint.with(&[("email", json!("eve@example.com"))]);
    let [_, other_c, other_s] = parts(&other);
    let spaced = mint.token(&HEADER.replace(',', ", "), &claims());
    let [spaced_h, _, spaced_s] = parts(&spaced);
    let by_second = mint.second.token(&HEADER.replace("key-1", "key-2"), &claims());
    let [second_h, _, second_s] = parts(&by_second);
    [
        ("another's claims", format!("{h}.{other_c}.{s}")),
        ("another's signature", format!("{h}.{c}.{other_s}")),
        ("another header that says the same", format!("{spaced_h}.{c}.{s}")),
        ("the signature under another header", format!("{h}.{c}.{spaced_s}")),
        ("the header of another key", format!("{second_h}.{c}.{s}")),
        ("the signature of another key", format!("{h}.{c}.{second_s}")),
        ("claims that say the same otherwise", format!("{h}.{}.{s}", encode(claims().replace(',', ", ")))),
        ("a stranger's own", mint.stranger.token(HEADER, &claims())),
    ]
    .map(|(name, assertion)| case(Refusal::Signature, format!("transplant: {name}"), assertion))
    .into()
}
