//! Exports made by hand, whole and spoilt in every way, and what is said about them.

use super::*;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_ledger::record_digest;
use bonded_merkle::{Checkpoint, Frontier, Signer, Tile, inclusion_proof, leaf_hash, sign, tiles_for_inclusion};
use serde_json::{Value, json};

const LOG: &str = "bonded.example/acct_1";
const RECORD: &str = r#"{"name":"lamp","count":3}"#;

struct Key(Ed25519KeyPair);

impl Signer for Key {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}

fn key() -> Key {
    Key(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap())
}

fn verifier() -> VerifierKey {
    VerifierKey::new(LOG, key().public_key()).unwrap()
}

fn leaf(seq: u64, said: &str) -> String {
    let digest = record_digest(&[9; 16], said.as_bytes());
    format!("bonded entry v1\n2026-11-22T09:30:00.125Z\noperator\nmade\nproduct prod_{seq}\n1\n{digest}\n")
}

fn said(seq: u64) -> String {
    if seq == 3 { format!(r#"{{"record":"{}"}}"#, record_digest(&[9; 16], RECORD.as_bytes())) } else { "{}".to_owned() }
}

fn entry(seq: u64) -> String {
    let (leaf, said) = (leaf(seq, &said(seq)), said(seq));
    let hash = BASE64.encode(leaf_hash(leaf.as_bytes()));
    let (leaf, salt) = (BASE64.encode(&leaf), BASE64.encode([9; 16]));
    format!(r#"{{"seq":{seq},"leaf":"{leaf}","leaf_hash":"{hash}","salt":"{salt}","said":{said}}}"#)
}

fn tree(size: u64) -> (Frontier, Vec<Tile>) {
    let mut frontier = Frontier::new();
    let leaves: Vec<_> = (1..=size).map(|seq| leaf_hash(leaf(seq, &said(seq)).as_bytes())).collect();
    let tiles = frontier.append(&leaves);
    (frontier, tiles)
}

fn checkpoint(size: u64) -> String {
    let root = tree(size).0.root();
    let checkpoint = Checkpoint { origin: LOG.to_owned(), size, root, extensions: Vec::new() };
    sign(&checkpoint, LOG, &key()).unwrap()
}

/// Header, checkpoint of 4, a record, six entries, end.
fn export() -> Vec<String> {
    let mut lines = vec![
        json!({"export": {"format": crate::desk::EXPORT_FORMAT, "log": LOG, "key": verifier().to_string()}})
            .to_string(),
        json!({"checkpoint": checkpoint(4)}).to_string(),
        format!(r#"{{"record":{{"kind":"product","id":"prod_3","version":1,"value":{RECORD}}}}}"#),
    ];
    lines.extend((1..=6).map(|seq| format!(r#"{{"entry":{}}}"#, entry(seq))));
    lines.push(json!({"end": {"entries": 6, "records": 1}}).to_string());
    lines
}

fn judged(lines: &[String], trust: Trust) -> Verdict {
    check(lines.join("\n").as_bytes(), trust).unwrap()
}

fn own() -> Trust {
    Trust { checkpoints: Vec::new(), key: Some(verifier()) }
}

#[test]
fn an_export_as_it_was_written_is_good() {
    let verdict = judged(&export(), own());
    assert!(verdict.is_good(), "{:?}", verdict.findings);
    let numbers = (verdict.entries, verdict.signed_entries, verdict.checkpoints, verdict.records);
    assert_eq!(numbers, (6, 4, 1, 1));
    assert_eq!(verdict.root, BASE64.encode(tree(6).0.root()));
    let trusting = judged(&export(), Trust { checkpoints: Vec::new(), key: None });
    assert!(trusting.is_good() && trusting.notes.len() == 2, "{trusting:?}");
}

#[test]
fn what_was_done_to_an_export_is_found_and_named() {
    type Spoil = fn(&mut Vec<String>);
    let spoils: [(Spoil, &str); 9] = [
        (|lines| lines[5] = lines[5].replace(r#""record":""#, r#""record":"A"#), "entry 3 was changed: what it says"),
        (|lines| drop(lines.remove(5)), "entries are missing: from 3 to 3"),
        (|lines| lines.swap(4, 5), "is not in its place"),
        (|lines| lines[2] = lines[2].replace("lamp", "lump"), "prod_3 is not what entry 3 says"),
        (|lines| lines[2] = lines[2].replace("prod_3", "prod_9"), "prod_9 has a version 1 of which no entry speaks"),
        (|lines| drop(lines.pop()), "breaks off"),
        (|lines| lines.truncate(6), "the log went back: it has 3 entries, and 4 were signed"),
        (|lines| lines[4] = "nonsense".to_owned(), "line 5 cannot be read"),
        (
            |lines| {
                // An entry forged with all its own hashes: only the signed root tells.
                let forged = leaf(2, r#"{"seen":["x"]}"#);
                let hash = BASE64.encode(leaf_hash(forged.as_bytes()));
                let (forged, salt) = (BASE64.encode(forged), BASE64.encode([9; 16]));
                lines[4] = format!(
                    r#"{{"entry":{{"seq":2,"leaf":"{forged}","leaf_hash":"{hash}","salt":"{salt}","said":{{"seen":["x"]}}}}}}"#
                );
            },
            "the first 4 entries are not those that were signed",
        ),
    ];
    for (spoil, said) in spoils {
        let mut lines = export();
        spoil(&mut lines);
        let verdict = judged(&lines, own());
        assert!(verdict.findings.iter().any(|finding| finding.contains(said)), "{said}: {:?}", verdict.findings);
    }
}

#[test]
fn an_older_checkpoint_of_one_s_own_holds_the_log_to_it() {
    let trust = |size| Trust { checkpoints: vec![checkpoint(size)], key: Some(verifier()) };
    assert_eq!(judged(&export(), trust(2)).checkpoints, 2);
    let verdict = judged(&export(), trust(8));
    assert!(verdict.findings.iter().any(|finding| finding.contains("went back")), "{:?}", verdict.findings);
}

#[test]
fn a_key_of_one_s_own_wins_over_the_export_s() {
    let other = VerifierKey::new(LOG, [3; 32]).unwrap();
    let verdict = judged(&export(), Trust { checkpoints: Vec::new(), key: Some(other) });
    assert!(verdict.findings.iter().any(|finding| finding.contains("another key")), "{:?}", verdict.findings);
}

#[test]
fn the_api_s_export_needs_a_key_and_a_checkpoint() {
    let lines: Vec<_> = (1..=6).map(entry).collect();
    let verdict = judged(&lines, Trust { checkpoints: vec![checkpoint(6)], key: Some(verifier()) });
    assert!(verdict.is_good() && verdict.signed_entries == 6, "{verdict:?}");
    let refused = check(lines.join("\n").as_bytes(), Trust { checkpoints: Vec::new(), key: None }).unwrap_err();
    assert_eq!(refused.code, Code::Usage);
    assert!(!judged(&lines, own()).is_good());
}

fn proof(seq: u64, size: u64) -> Value {
    let (_, tiles) = tree(size);
    let needed: Vec<_> = tiles_for_inclusion(seq - 1, size);
    assert!(!needed.is_empty());
    let proof = inclusion_proof(seq - 1, size, &tiles).unwrap();
    let proof: Vec<_> = proof.iter().map(|hash| BASE64.encode(hash)).collect();
    let leaf = BASE64.encode(leaf(seq, &said(seq)));
    json!({"entry": seq, "index": seq - 1, "size": size, "leaf": leaf, "leaf_hash": "", "proof": proof, "checkpoint": checkpoint(size)})
}

#[test]
fn a_proof_holds_for_its_own_entry_alone() {
    let good = check(proof(3, 6).to_string().as_bytes(), own()).unwrap();
    assert!(good.is_good() && good.proven.unwrap().contains("prod_3"), "{:?}", good.findings);
    for (field, value) in [
        ("index", json!(1)),
        ("entry", json!(2)),
        ("size", json!(5)),
        ("leaf", json!(BASE64.encode(leaf(2, "{}")))),
        ("proof", json!([])),
        ("checkpoint", json!(checkpoint(5))),
        ("checkpoint", json!(checkpoint(6).replace("bonded.example", "bonded.exampl3"))),
    ] {
        let mut spoilt = proof(3, 6);
        spoilt[field] = value;
        assert!(!check(spoilt.to_string().as_bytes(), own()).unwrap().is_good(), "{field}");
    }
    assert_eq!(
        check(proof(3, 6).to_string().as_bytes(), Trust { checkpoints: Vec::new(), key: None }).unwrap_err().code,
        Code::Usage
    );
}

#[test]
fn other_files_are_told_to_be_others() {
    for text in ["", "{}", "hello\nworld", "\u{0}\u{1}"] {
        assert_eq!(check(text.as_bytes(), own()).unwrap_err().code, Code::Data, "{text:?}");
    }
}
