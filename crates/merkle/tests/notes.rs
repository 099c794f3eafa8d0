//! Notes and checkpoints: what others published, and every way in which one is not good.

mod pen;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_merkle::{
    BadCheckpoint, BadKey, BadNote, Checkpoint, Note, SIGNATURES_MAX, VerifierKey, leaf_hash, open, sign,
};
use pen::Pen;
use proptest::prelude::*;

const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const BY_PETER: &str =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const BY_ENOCH: &str =
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

#[expect(clippy::unwrap_used, reason = "a test stops when its key is not one")]
fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

fn names(note: &str, keys: &[VerifierKey]) -> Result<Vec<String>, BadNote> {
    Ok(open(note, keys)?.signed_by.iter().map(|key| key.name().to_owned()).collect())
}

/// The notes in the tests of Go's `sumdb/note`, with what they are expected to be.
#[test]
fn published_notes_are_opened_as_published() {
    let (peter, enoch) = (key(PETER), key(ENOCH));
    let both = format!("{TEXT}\n{BY_PETER}{BY_ENOCH}");
    let opened = open(&both, std::slice::from_ref(&peter)).unwrap();
    assert_eq!((opened.text.as_str(), opened.signed_by), (TEXT, vec![peter.clone()]));
    let keys = [peter.clone(), enoch.clone()];
    assert_eq!(names(&both, &keys), Ok(vec!["PeterNeumann".into(), "EnochRoot".into()]));
    assert_eq!(names(&both, &[]), Err(BadNote::UnknownSigners));
    assert_eq!(both.parse::<Note>().unwrap().to_string(), both);

    let many = format!("{TEXT}\n{}", BY_PETER.repeat(SIGNATURES_MAX + 1));
    assert_eq!(names(&many, std::slice::from_ref(&peter)), Err(BadNote::Long));
    assert_eq!(names(&many, &[]), Err(BadNote::Long));

    let (start, end) = BY_PETER.split_at(60);
    let invalid = format!("{TEXT}\n{start}ABCD{end}");
    assert_eq!(names(&invalid, std::slice::from_ref(&peter)), Err(BadNote::Signature("PeterNeumann".into())));
    // A known key's name with another id, and its id with another name, are other keys.
    for stranger in [BY_PETER.replace("x08g", "xxxx"), BY_PETER.replace("PeterNeumann", "CarmenSandiego")] {
        assert_eq!(names(&format!("{TEXT}\n{stranger}"), std::slice::from_ref(&peter)), Err(BadNote::UnknownSigners));
        let beside = format!("{TEXT}\n{stranger}{BY_PETER}");
        assert_eq!(names(&beside, std::slice::from_ref(&peter)), Ok(vec!["PeterNeumann".into()]));
    }
}

/// The example key and note in the text of C2SP signed-note.
#[test]
fn the_specification_s_example_is_opened() {
    let foo = key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert_eq!(open(note, &[foo]).map(|opened| opened.text), Ok("This is an example message.\n".into()));
    // The text's other example has an empty line of its own.
    let poem = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    let parsed: Note = poem.parse().unwrap();
    assert!(parsed.text().ends_with("sole:\n\ned è subito sera.\n"));
    assert_eq!(parsed.signatures()[0].key_id, 0x367b_a04b);
    assert_eq!(parsed.to_string(), poem);
}

#[test]
fn a_line_signed_twice_counts_once_and_is_checked_twice() {
    let peter = [key(PETER)];
    let (start, end) = BY_ENOCH.split_at(60);
    let unknown = format!("{TEXT}\n{BY_PETER}{BY_PETER}{BY_ENOCH}{BY_ENOCH}{start}ABCD{end}");
    assert_eq!(names(&unknown, &peter), Ok(vec!["PeterNeumann".into()]));
    let (start, end) = BY_PETER.split_at(60);
    let second_is_bad = format!("{TEXT}\n{BY_PETER}{start}ABCD{end}");
    assert_eq!(names(&second_is_bad, &peter), Err(BadNote::Signature("PeterNeumann".into())));
}

#[test]
fn of_two_keys_with_one_name_and_id_none_is_chosen() {
    let (peter, enoch) = (key(PETER), key(ENOCH));
    let both = format!("{TEXT}\n{BY_PETER}{BY_ENOCH}");
    // The same key given twice is no question.
    let keys = [enoch.clone(), peter.clone(), enoch];
    assert_eq!(names(&both, &keys), Ok(vec!["PeterNeumann".into(), "EnochRoot".into()]));
    let keys = colliding("n");
    let line = [&keys[0].id().to_be_bytes()[..], &[7; 64]].concat();
    let note = format!("{TEXT}\n— n {}\n", BASE64.encode(line));
    assert_eq!(names(&note, &keys), Err(BadNote::Ambiguous("n".into())));
    assert_eq!(names(&note, &keys[..1]), Err(BadNote::Signature("n".into())));
}

/// Two keys whose ids collide under one name; among a hundred thousand, some do.
fn colliding(name: &str) -> Vec<VerifierKey> {
    let mut seen = std::collections::HashMap::new();
    let mut keys = (0_u64..).filter_map(|number| VerifierKey::new(name, leaf_hash(&number.to_be_bytes())).ok());
    let pair = keys.find_map(|key| Some(vec![seen.insert(key.id(), key.clone())?, key]));
    pair.unwrap_or_default()
}

#[test]
fn what_is_no_note_is_refused() {
    let cut = BY_PETER.strip_suffix('\n').unwrap();
    for (note, problem) in [
        (String::new(), BadNote::Text),
        (TEXT.into(), BadNote::Unsigned),
        (format!("{TEXT}\n"), BadNote::Unsigned),
        (format!("{TEXT}{BY_PETER}"), BadNote::Unsigned),
        (BY_PETER.into(), BadNote::Unsigned),
        (format!("{TEXT}\n{cut}"), BadNote::Text),
        (format!("\u{1}{TEXT}\n{BY_PETER}"), BadNote::Text),
        (format!("a\tb\n\n{BY_PETER}"), BadNote::Text),
        (format!("{TEXT}\n{cut}\r\n"), BadNote::Text),
        (format!("{TEXT}\n{BY_PETER}Unexpected line.\n"), BadNote::Line(1)),
        (format!("{TEXT}\n{BY_PETER}\n"), BadNote::Unsigned),
        (format!("{TEXT}\n{}", BY_PETER.replace("PeterNeumann", "Bad Name")), BadNote::Line(0)),
        (format!("{TEXT}\n{}", BY_PETER.replace("PeterNeumann", "Bad+Name")), BadNote::Line(0)),
        (format!("{TEXT}\n{}", BY_PETER.replace("PeterNeumann", "")), BadNote::Line(0)),
        (format!("{TEXT}\n{}", BY_PETER.replace('—', "-")), BadNote::Line(0)),
        (format!("{TEXT}\n{}", BY_PETER.replace("— ", "—")), BadNote::Line(0)),
        (format!("{TEXT}\n{}", BY_PETER.replace("nAM=", "nAM")), BadNote::Line(0)),
        (format!("{TEXT}\n{}", BY_PETER.replace("nAM=", "nAN=")), BadNote::Line(0)),
        (format!("{TEXT}\n{}", BY_PETER.replace("nAM=", "nAM=\u{20}")), BadNote::Line(0)),
        (format!("{TEXT}\n{}", BY_PETER.replace('/', "_")), BadNote::Line(0)),
        (format!("{TEXT}\n— PeterNeumann x08gow==\n"), BadNote::Line(0)),
        (format!("{TEXT}\n— PeterNeumann x08gowA=\n"), BadNote::Signature("PeterNeumann".into())),
        (format!("{}\n{BY_PETER}", "x\n".repeat(500_000)), BadNote::Long),
    ] {
        let start: String = note.chars().take(300).collect();
        assert_eq!(names(&note, &[key(PETER)]), Err(problem), "{start}");
    }
}

#[test]
fn a_note_with_any_change_is_refused() {
    let peter = [key(PETER)];
    let note = format!("{TEXT}\n{BY_PETER}");
    for place in 0..note.len() {
        for change in [1, 4, 32] {
            let mut bytes = note.clone().into_bytes();
            bytes[place] ^= change;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(open(&changed, &peter).is_err(), "{changed}");
            }
        }
    }
}

#[test]
fn a_note_made_here_is_the_published_one() {
    // The seed behind Peter's published key.
    let seed = [
        0x81, 0x0a, 0x14, 0x02, 0xd5, 0x14, 0x6c, 0x8d, 0x84, 0xf2, 0x44, 0x33, 0x30, 0xf5, 0x40, 0x80, 0xeb, 0xf9,
        0x8e, 0xe1, 0x7d, 0x9c, 0x74, 0xf6, 0x25, 0x2f, 0xc5, 0xd5, 0xc7, 0x28, 0x31, 0x73,
    ];
    let pen = Pen::new(seed);
    assert_eq!(pen.key("PeterNeumann").to_string(), PETER);
    let note = Note::signed(TEXT, "PeterNeumann", &pen).unwrap();
    assert_eq!(note.to_string(), format!("{TEXT}\n{BY_PETER}"));
    // Signing again renews the line instead of adding one; a second key adds one.
    assert_eq!(note.clone().also_signed("PeterNeumann", &pen), Ok(note.clone()));
    let two = note.also_signed("other", &Pen::new([5; 32])).unwrap();
    assert_eq!(names(&two.to_string(), &[Pen::new([5; 32]).key("other")]), Ok(vec!["other".into()]));
    for text in ["", "abc", "a\tb\n"] {
        assert_eq!(Note::signed(text, "PeterNeumann", &pen), Err(BadNote::Text), "{text:?}");
    }
    assert_eq!(Note::signed("a\n", "Bad Name", &pen), Err(BadNote::Key(BadKey::Name)));
}

fn checkpoint() -> Checkpoint {
    let root = leaf_hash(b"hello world");
    Checkpoint { origin: "go.sum database tree".into(), size: 123_456_789_012, root, extensions: Vec::new() }
}

/// The tree in the tests of Go's `sumdb/tlog`, and the example in the text of C2SP tlog-checkpoint.
#[test]
fn published_checkpoints_are_read_and_written() {
    let text = "go.sum database tree\n123456789012\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n";
    assert_eq!(checkpoint().to_text(), text);
    assert_eq!(text.parse(), Ok(checkpoint()));

    let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    let parsed: Note = note.parse().unwrap();
    let sofa = Checkpoint::parse(parsed.text()).unwrap();
    assert_eq!((sofa.origin.as_str(), sofa.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(sofa.to_text(), parsed.text());
}

#[test]
fn a_checkpoint_has_one_spelling() {
    let root = "TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=";
    for (text, problem) in [
        (String::new(), BadCheckpoint::Form),
        ("o\n5\n".into(), BadCheckpoint::Form),
        (format!("o\n5\n{root}"), BadCheckpoint::Form),
        (format!("\n5\n{root}\n"), BadCheckpoint::Form),
        (format!("o\n5\n{root}\n\n"), BadCheckpoint::Form),
        (format!("o\n5\n{root}\na\n\nb\n"), BadCheckpoint::Form),
        (format!("o\r\n5\r\n{root}\r\n"), BadCheckpoint::Form),
        (format!("o\n\n{root}\n"), BadCheckpoint::Size),
        (format!("o\n05\n{root}\n"), BadCheckpoint::Size),
        (format!("o\n00\n{root}\n"), BadCheckpoint::Size),
        (format!("o\n+5\n{root}\n"), BadCheckpoint::Size),
        (format!("o\n-5\n{root}\n"), BadCheckpoint::Size),
        (format!("o\n 5\n{root}\n"), BadCheckpoint::Size),
        (format!("o\n0x5\n{root}\n"), BadCheckpoint::Size),
        (format!("o\n18446744073709551616\n{root}\n"), BadCheckpoint::Size),
        ("o\n5\n\n".into(), BadCheckpoint::Root),
        ("o\n5\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0\n".into(), BadCheckpoint::Root),
        ("o\n5\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb1=\n".into(), BadCheckpoint::Root),
        ("o\n5\nTszzRgjTG6xce-z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n".into(), BadCheckpoint::Root),
        ("o\n5\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBTOOBIG=\n".into(), BadCheckpoint::Root),
        (format!("o\n5\n{root} \n"), BadCheckpoint::Root),
    ] {
        assert_eq!(Checkpoint::parse(&text), Err(problem), "{text:?}");
    }
    let most = format!("o\n18446744073709551615\n{root}\nmore\n");
    let parsed = Checkpoint::parse(&most).unwrap();
    assert_eq!((parsed.size, parsed.extensions.as_slice()), (u64::MAX, &["more".to_owned()][..]));
    assert_eq!(parsed.to_text(), most);
}

#[test]
fn a_signed_checkpoint_opens_with_its_key_alone() {
    let (pen, other) = (Pen::new([1; 32]), Pen::new([2; 32]));
    let checkpoint = Checkpoint { origin: "bonded.example/acct".into(), ..checkpoint() };
    let note = sign(&checkpoint, "bonded.example/acct", &pen).unwrap();
    let key = pen.key("bonded.example/acct");
    assert_eq!(Checkpoint::open(&note, &key), Ok(checkpoint.clone()));
    let stranger = other.key("bonded.example/acct");
    assert_eq!(Checkpoint::open(&note, &stranger), Err(BadNote::UnknownSigners.into()));
    let renamed = pen.key("bonded.example/other");
    assert_eq!(Checkpoint::open(&note, &renamed), Err(BadNote::UnknownSigners.into()));
    let older = note.replace("123456789012", "123456789011");
    let problem = BadNote::Signature("bonded.example/acct".into());
    assert_eq!(Checkpoint::open(&older, &key), Err(problem.into()));
    let no_checkpoint = Note::signed("text\n", "bonded.example/acct", &pen).unwrap().to_string();
    assert_eq!(Checkpoint::open(&no_checkpoint, &key), Err(BadCheckpoint::Form));
}

#[test]
fn a_checkpoint_that_would_read_back_otherwise_is_not_signed() {
    let pen = Pen::new([1; 32]);
    for origin in ["", "a\n7", "a\n", "a\tb", "a\n\nb"] {
        let bad = Checkpoint { origin: origin.into(), ..checkpoint() };
        assert_eq!(sign(&bad, "k", &pen), Err(BadCheckpoint::Form), "{origin:?}");
    }
    for extension in ["", "a\nb", "\n", "a\u{7}"] {
        let bad = Checkpoint { extensions: vec![extension.into()], ..checkpoint() };
        assert_eq!(sign(&bad, "k", &pen), Err(BadCheckpoint::Form), "{extension:?}");
    }
    assert_eq!(sign(&checkpoint(), "a b", &pen), Err(BadNote::Key(BadKey::Name).into()));
}

proptest! {
    #[test]
    fn every_checkpoint_is_read_back(
        origin in "[^\\pC]{1,30}", size: u64, root: [u8; 32], extensions in prop::collection::vec("[^\\pC]{1,20}", 0..3),
    ) {
        let checkpoint = Checkpoint { origin, size, root, extensions };
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_text()), Ok(checkpoint.clone()));
        let pen = Pen::new(root);
        let note = sign(&checkpoint, "k", &pen).unwrap();
        prop_assert_eq!(Checkpoint::open(&note, &pen.key("k")), Ok(checkpoint));
        prop_assert_eq!(note.parse::<Note>().unwrap().to_string(), note);
    }

    #[test]
    fn a_note_that_is_read_is_written_the_same(
        text in "[ -~\n]{0,40}|(?s).{0,40}", lines in prop::collection::vec("— [a-z+ ]{1,4} [A-Za-z0-9+/]{8,12}={0,2}|.{0,9}", 0..4),
    ) {
        let note = format!("{text}\n\n{}\n", lines.join("\n"));
        if let Ok(parsed) = note.parse::<Note>() {
            prop_assert_eq!(parsed.to_string(), note);
        }
    }

    #[test]
    fn a_checkpoint_that_is_read_is_written_the_same(
        text in "[a-z]{0,3}\n[0-9]{0,21}\n[A-Za-z0-9+/]{42}[A-Za-z0-9+/=]{1,2}\n([a-z]{0,2}\n){0,2}|(?s).{0,60}",
    ) {
        if let Ok(parsed) = Checkpoint::parse(&text) {
            prop_assert_eq!(parsed.to_text(), text);
        }
    }
}
