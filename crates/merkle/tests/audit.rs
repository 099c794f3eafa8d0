//! The offline audit: a log that was tampered with, in each way that there is, and what is said of it.

mod pen;

use bonded_merkle::{
    Audit, BadCheckpoint, BadNote, Checkpoint, EMPTY_ROOT, Exported, FINDINGS_MAX, Finding, Hash, Note, Peaks, Report,
    VerifierKey, audit, check_leaf, leaf_hash, sign,
};
use pen::Pen;
use proptest::prelude::*;

const ORIGIN: &str = "bonded.example/acct";

type Log = Vec<Vec<u8>>;

fn log(size: u64) -> Log {
    (0..size).map(|seq| format!("entry {seq}").into_bytes()).collect()
}

fn pen() -> Pen {
    Pen::new([1; 32])
}

fn key() -> VerifierKey {
    pen().key(ORIGIN)
}

fn root(log: &[Vec<u8>]) -> Hash {
    let mut peaks = Peaks::new();
    for leaf in log {
        peaks.push(&leaf_hash(leaf));
    }
    peaks.root()
}

fn note(origin: &str, size: u64, root: Hash, pen: &Pen) -> String {
    let checkpoint = Checkpoint { origin: origin.into(), size, root, extensions: Vec::new() };
    sign(&checkpoint, ORIGIN, pen).unwrap_or_default()
}

/// The root when the log had this many entries.
fn root_at(log: &[Vec<u8>], size: usize) -> Hash {
    root(log.get(..size).unwrap_or_default())
}

/// The checkpoint a server would have signed then.
fn signed(log: &[Vec<u8>], size: usize) -> String {
    note(ORIGIN, size as u64, root_at(log, size), &pen())
}

fn mismatch(log: &[Vec<u8>], original: &[Vec<u8>], size: usize) -> Finding {
    let (signed, computed) = (root_at(original, size), root_at(log, size));
    Finding::RootMismatch { size: size as u64, signed, computed, stored_hashes_agree: false }
}

#[test]
fn an_untouched_log_is_confirmed() {
    let log = log(300);
    let checkpoints = [signed(&log, 256), signed(&log, 0), signed(&log, 7), signed(&log, 7)];
    let report = Report { entries: 300, root: root(&log), signed_entries: 256, checkpoints: 4 };
    assert_eq!(audit(&log, &checkpoints, &key()), Ok(report));
    let empty = Report { entries: 0, root: EMPTY_ROOT, signed_entries: 0, checkpoints: 1 };
    assert_eq!(audit(Log::new(), &[signed(&log, 0)], &key()), Ok(empty));
}

#[test]
fn without_a_checkpoint_nothing_is_shown() {
    assert_eq!(audit(log(3), &[] as &[&str], &key()), Err(vec![Finding::NoCheckpoint]));
}

#[test]
fn checkpoints_that_are_not_to_be_trusted_are_named() {
    let log = log(20);
    let good = signed(&log, 10);
    let unsigned = Finding::BadSignature { checkpoint: 1, problem: BadNote::UnknownSigners.into() };
    let forged = note(ORIGIN, 10, root(&log[..10]), &Pen::new([2; 32]));
    assert_eq!(audit(&log, &[good.clone(), forged], &key()), Err(vec![unsigned]));

    let changed = good.replace("\n10\n", "\n11\n");
    let problem = BadCheckpoint::Note(BadNote::Signature(ORIGIN.into()));
    assert_eq!(audit(&log, &[&changed], &key()), Err(vec![Finding::BadSignature { checkpoint: 0, problem }]));

    let other = note("bonded.example/other", 10, root(&log[..10]), &pen());
    let origin = "bonded.example/other".to_owned();
    assert_eq!(audit(&log, &[good.clone(), other], &key()), Err(vec![Finding::WrongOrigin { checkpoint: 1, origin }]));

    let problem = BadCheckpoint::Note(BadNote::Text);
    assert_eq!(audit(&log, &["rubbish"], &key()), Err(vec![Finding::Unreadable { checkpoint: 0, problem }]));
    let certificate = Note::signed("certificate\n", ORIGIN, &pen()).unwrap().to_string();
    let problem = BadCheckpoint::Form;
    assert_eq!(audit(&log, &[certificate], &key()), Err(vec![Finding::Unreadable { checkpoint: 0, problem }]));
}

#[test]
fn a_log_that_went_back_is_found() {
    let log = log(100);
    let checkpoints = [signed(&log, 50), signed(&log, 90), signed(&log, 100)];
    let went_back = |size| Finding::WentBack { entries: 80, size };
    assert_eq!(audit(&log[..80], &checkpoints, &key()), Err(vec![went_back(90), went_back(100)]));
}

#[test]
fn a_changed_entry_is_located_between_two_checkpoints() {
    let original = log(100);
    let checkpoints = [20, 60, 80, 100].map(|size| signed(&original, size));
    for place in 0..100 {
        let mut log = original.clone();
        log[place][0] ^= 1;
        let (intact, changed_by) = match place {
            0..20 => (0, 20),
            20..60 => (20, 60),
            60..80 => (60, 80),
            _ => (80, 100),
        };
        let wrong = [20, 60, 80, 100].into_iter().filter(|size| *size > place);
        let mut findings: Vec<_> = wrong.map(|size| mismatch(&log, &original, size)).collect();
        findings.push(Finding::FirstDivergence { intact, changed_by });
        assert_eq!(audit(&log, &checkpoints, &key()), Err(findings), "{place}");
    }
}

#[test]
fn dropped_swapped_and_inserted_entries_are_located() {
    let original = log(100);
    let checkpoints = [40, 80].map(|size| signed(&original, size));
    let mut dropped = original.clone();
    dropped.remove(50);
    let mut swapped = original.clone();
    swapped.swap(50, 70);
    let mut inserted = original.clone();
    inserted.insert(50, b"more".to_vec());
    for log in [dropped, swapped, inserted] {
        let divergence = Finding::FirstDivergence { intact: 40, changed_by: 80 };
        let findings = vec![mismatch(&log, &original, 80), divergence];
        assert_eq!(audit(&log, &checkpoints, &key()), Err(findings));
    }
}

#[test]
fn two_roots_for_one_size_are_a_fork() {
    let ours = log(50);
    let mut theirs = ours.clone();
    theirs[30] = b"another story".to_vec();
    let checkpoints = [signed(&ours, 20), signed(&ours, 50), signed(&theirs, 50)];
    let fork = Finding::Fork { size: 50, first: 1, second: 2 };
    // Whichever of the two stories the log tells, the fork is what is wrong.
    assert_eq!(audit(&ours, &checkpoints, &key()), Err(vec![fork.clone()]));
    assert_eq!(audit(&theirs, &checkpoints, &key()), Err(vec![fork.clone()]));
    let mut neither = ours.clone();
    neither[10] = b"a third".to_vec();
    let findings = vec![
        fork,
        mismatch(&neither, &ours, 20),
        mismatch(&neither, &ours, 50),
        Finding::FirstDivergence { intact: 0, changed_by: 20 },
    ];
    assert_eq!(audit(&neither, &checkpoints, &key()), Err(findings));
}

#[test]
fn a_history_rewritten_and_signed_again_is_found_by_an_older_checkpoint() {
    let before = log(60);
    let mut after = log(100);
    after[30] = b"as if it had never been".to_vec();
    let checkpoints = [signed(&before, 20), signed(&before, 60), signed(&after, 100)];
    let findings =
        vec![Finding::Rewritten { older: 60, newer: 100 }, Finding::FirstDivergence { intact: 20, changed_by: 60 }];
    assert_eq!(audit(&after, &checkpoints, &key()), Err(findings));
}

#[test]
fn a_wrong_root_of_the_empty_log_blames_no_entry() {
    let log = log(10);
    let empty = note(ORIGIN, 0, [3; 32], &pen());
    let wrong = Finding::RootMismatch { size: 0, signed: [3; 32], computed: EMPTY_ROOT, stored_hashes_agree: false };
    assert_eq!(audit(&log, &[empty.as_str()], &key()), Err(vec![wrong]));
    let rewritten = Finding::Rewritten { older: 0, newer: 10 };
    assert_eq!(audit(&log, &[empty, signed(&log, 10)], &key()), Err(vec![rewritten]));
}

/// An export as the server writes it: number, data and leaf hash.
fn export(log: &[Vec<u8>]) -> Vec<(u64, Vec<u8>, Hash)> {
    (1..).zip(log).map(|(seq, leaf)| (seq, leaf.clone(), leaf_hash(leaf))).collect()
}

fn audit_export(export: &[(u64, Vec<u8>, Hash)], checkpoints: &[String]) -> Result<Report, Vec<Finding>> {
    let mut audit = Audit::new(checkpoints, &key(), 1);
    for (seq, leaf, leaf_hash) in export {
        audit.entry(Exported { seq: *seq, leaf, leaf_hash: *leaf_hash });
    }
    audit.finish()
}

#[test]
fn an_export_names_the_entry_that_was_changed() {
    let original = log(100);
    let checkpoints = [40, 80].map(|size| signed(&original, size));
    assert_eq!(audit_export(&export(&original), &checkpoints).map(|report| report.signed_entries), Ok(80));

    let mut export = export(&original);
    export[49].1[3] ^= 4;
    let changed: Log = export.iter().map(|entry| entry.1.clone()).collect();
    let wrong = Finding::RootMismatch {
        size: 80,
        signed: root(&original[..80]),
        computed: root(&changed[..80]),
        stored_hashes_agree: true,
    };
    let located = Finding::FirstDivergence { intact: 40, changed_by: 80 };
    let named = Finding::LeafHashDiffers { seq: 50 };
    assert_eq!(check_leaf(50, &export[49].1, &export[49].2), Err(named.clone()));
    assert_eq!(audit_export(&export, &checkpoints), Err(vec![wrong, located.clone(), named.clone()]));

    // Only the stored hash was changed: the data still have the signed root.
    export[49].1[3] ^= 4;
    export[49].2[0] ^= 1;
    assert_eq!(audit_export(&export, &checkpoints), Err(vec![named]));

    // Data and hash rewritten alike: only the roots show it.
    export[49].1 = b"rewritten".to_vec();
    export[49].2 = leaf_hash(b"rewritten");
    let rewritten: Log = export.iter().map(|entry| entry.1.clone()).collect();
    assert_eq!(audit_export(&export, &checkpoints), Err(vec![mismatch(&rewritten, &original, 80), located]));
}

#[test]
fn an_export_names_what_is_missing_repeated_or_misplaced() {
    let original = log(100);
    let checkpoints = [signed(&original, 100)];
    let of_sequence = |export: &[(u64, Vec<u8>, Hash)]| -> Vec<Finding> {
        let findings = audit_export(export, &checkpoints).unwrap_err().into_iter();
        let numbered = |finding: &Finding| {
            matches!(finding, Finding::Missing { .. } | Finding::Repeated { .. } | Finding::OutOfOrder { .. })
        };
        findings.filter(numbered).collect()
    };
    let whole = export(&original);
    assert_eq!(of_sequence(&whole[1..]), [Finding::Missing { first: 1, last: 1 }]);
    assert_eq!(of_sequence(&[&whole[..10], &whole[15..]].concat()), [Finding::Missing { first: 11, last: 15 }]);
    assert_eq!(of_sequence(&[&whole[..10], &whole[9..]].concat()), [Finding::Repeated { seq: 10 }]);
    let mut swapped = whole.clone();
    swapped.swap(20, 21);
    assert_eq!(of_sequence(&swapped), [Finding::OutOfOrder { seq: 22 }]);
    // A dropped end has no number to miss; the checkpoint knows of it.
    let went_back = Finding::WentBack { entries: 99, size: 100 };
    assert_eq!(audit_export(&whole[..99], &checkpoints), Err(vec![went_back]));
}

#[test]
fn of_a_log_that_is_wrong_throughout_only_some_entries_are_named() {
    let original = log(3000);
    let mut export = export(&original);
    for entry in &mut export {
        entry.2 = [0; 32];
    }
    let findings = audit_export(&export, &[signed(&original, 3000)]).unwrap_err();
    assert_eq!(findings.len(), FINDINGS_MAX + 1);
    assert_eq!(findings.last(), Some(&Finding::TooMany));
}

#[test]
fn findings_are_sentences() {
    let went_back = Finding::WentBack { entries: 80, size: 90 };
    assert_eq!(went_back.to_string(), "the log went back: it has 80 entries, and 90 were signed");
    let divergence = Finding::FirstDivergence { intact: 40, changed_by: 80 };
    assert_eq!(
        divergence.to_string(),
        "the first 40 entries are as signed; the first change is among the 40 after them"
    );
    let root = Finding::RootMismatch { size: 2, signed: [0; 32], computed: EMPTY_ROOT, stored_hashes_agree: false };
    assert!(root.to_string().ends_with("the signed one AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is done to a log that checkpoints cover, the audit finds it, and not elsewhere.
    #[test]
    fn any_change_under_a_checkpoint_is_found(
        sizes in prop::collection::btree_set(1_usize..120, 1..6), place: prop::sample::Index, act in 0..4, other in 0_u8..255,
    ) {
        let original = log(*sizes.last().unwrap() as u64);
        let checkpoints: Vec<_> = sizes.iter().map(|size| signed(&original, *size)).collect();
        let place = place.index(original.len());
        let mut log = original.clone();
        match act {
            0 => log[place].push(other),
            1 => drop(log.remove(place)),
            2 => log.insert(place, vec![other]),
            _ => log.truncate(place),
        }
        let findings = audit(&log, &checkpoints, &key()).unwrap_err();
        let located = findings.iter().find_map(|finding| match *finding {
            Finding::FirstDivergence { intact, changed_by } => Some((intact, changed_by)),
            _ => None,
        });
        match located {
            Some((intact, changed_by)) => prop_assert!((intact..changed_by).contains(&(place as u64))),
            None => prop_assert!(log.len() < original.len()),
        }
    }
}
