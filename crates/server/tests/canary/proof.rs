//! The search is itself tested: it finds every canary in every form, names it, and finds none where none is.

use crate::canaries::{Canary, FORMS, Place, Planting, Shape};
use crate::encodings::ENCODINGS;
use crate::opened::Opened;
use crate::search::{Found, Search, Word};
use crate::secrets;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What holds nothing; as ids these are a quarter of a million, more than a test has.
const NOISE_BYTES: usize = 4 * 1024 * 1024;

/// Every form of a shape, early and late numbers among them.
fn canaries() -> impl Iterator<Item = Canary> {
    let serials = [0, 65_500, 900_000].into_iter().flat_map(|from| from..from + FORMS);
    serials.flat_map(|serial| Shape::EVERY.map(|shape| Canary { shape, serial }))
}

/// Bytes that hold nothing, always the same.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..bytes / 8).flat_map(|_| next().to_le_bytes()).collect()
}

fn found(search: &Search, bytes: &[u8]) -> BTreeSet<Found> {
    search.bytes("test", bytes).into_iter().map(|finding| finding.found).collect()
}

#[test]
fn every_canary_is_another_and_is_found_in_every_encoding() {
    let search = Search::with(&[]);
    let mut known = BTreeSet::new();
    for canary in canaries() {
        assert!(known.insert(canary.written()), "{} is there twice", canary.written());
        for encoding in &ENCODINGS {
            let file =
                [&noise(8), &b" "[..], &(encoding.write)(format!("   {}   ", canary.written()).as_bytes())].concat();
            let mut found = found(&search, &file);
            assert!(found.remove(&Found::Canary(canary)), "{} as {}", canary.written(), encoding.name);
            // UTF-16 reads almost the same a byte further, where it seems torn.
            assert!(
                found.iter().all(|other| *other == Found::Torn(canary.shape)),
                "{} as {}",
                canary.written(),
                encoding.name
            );
        }
    }
}

#[test]
fn a_number_is_found_without_its_signs_but_not_in_a_longer_one() {
    let search = Search::with(&[]);
    let british = Found::Canary(Canary { shape: Shape::Phone, serial: 123_456 });
    for text in
        ["4479460123456", "+4479460123456", "\"079460123456\"", "%2B44794601234567946-0123456;", "0044 7946 0 12 34 56"]
    {
        assert_eq!(found(&search, text.as_bytes()), BTreeSet::from([british.clone()]), "{text}");
    }
    for text in ["a4479460123456", "79460123456789", "7946012345", "0x7318123456", "-79460123456a"] {
        assert_eq!(found(&search, text.as_bytes()), BTreeSet::new(), "{text}");
    }
}

#[test]
fn of_people_only_what_they_are_called_is_kept_and_only_where_it_belongs() {
    let planting = Planting::default();
    let search = Search::with(&[Word::new(secrets::named("a code"), "w7q2hm5x8k1d")]);
    let typed = |operation: &str, part: &str, shape| planting.one(&Place::new(operation, part), shape);
    let join = "POST /invitations/{}/{}";
    let kept = [
        typed("bonded account invite", "option mail", Shape::Address),
        typed(join, "form name", Shape::Name),
        typed("POST /staff/grants", "form text", Shape::Address),
    ];
    let leaked = [
        typed(join, "form password", Shape::Password),
        typed(join, "form password", Shape::Name),
        typed("POST /sign-in", "form mail", Shape::Address),
        typed("POST /members/invite", "form role", Shape::Address),
        typed("POST /members/invite", "form mail", Shape::Password),
        "w7q2hm5x8k1d".to_owned(),
    ];
    let look = |text: &str| {
        let mut opened = Opened::default();
        opened.look("test", text.as_bytes(), &search, &planting);
        (opened.kept, opened.leaks.len())
    };
    for text in kept {
        assert_eq!(look(&text), (1, 0), "{text}");
    }
    for text in leaked {
        assert_eq!(look(&text), (0, 1), "{text}");
    }
}

#[test]
fn cells_beside_each_other_are_no_address_and_digits_are_no_card_without_their_check_digit() {
    let search = Search::with(&[]);
    assert_eq!(found(&search, b"PLAIN,241.169.241.170,7.50,EUR"), found(&search, b"241.169.241.170"));
    for text in ["MUG-241.170,7.50,3", "4000 0079 0123 4566", "40000079012345680", "40000079 1234 5678"] {
        assert_eq!(found(&search, text.as_bytes()), BTreeSet::new(), "{text}");
    }
    let card = Canary { shape: Shape::Card, serial: 123_456 };
    assert_eq!(Canary { serial: 0, ..card }.written(), "4000007900000008");
    for text in ["4000007901234564", "4000 0079 0123 4564 ", "\"4000-0079-0123-4564\"", "4000%200079%200123%204564"] {
        assert_eq!(found(&search, text.as_bytes()), BTreeSet::from([Found::Canary(card)]), "{text}");
    }
}

#[test]
fn a_torn_canary_is_found() {
    let search = Search::with(&[]);
    assert_eq!(found(&search, b"kanarix at post"), BTreeSet::from([Found::Torn(Shape::Mail)]));
    assert_eq!(found(&search, b"2001:db8:ca9a:1"), BTreeSet::from([Found::Torn(Shape::Ip)]));
}

#[test]
fn words_are_found_in_every_encoding() {
    let search = Search::with(&[Word::new("title", "Velvet quill"), Word::new("id", [1, 0xff, 7, 9, 200, 3, 1, 2])]);
    for encoding in &ENCODINGS {
        for before in [&b"   "[..], b"    ", b"     "] {
            let file = (encoding.write)(&[before, b"a Velvet quill at 7."].concat());
            assert_eq!(found(&search, &file), BTreeSet::from([Found::Word("title".into())]), "{}", encoding.name);
        }
    }
    assert_eq!(found(&search, &[0, 1, 0xff, 7, 9, 200, 3, 1, 2, 0]), BTreeSet::from([Found::Word("id".into())]));
}

#[test]
fn sealed_data_and_its_dump_look_like_nothing() {
    let search = Search::with(&[Word::new("price", "735193771264")]);
    let noise = noise(NOISE_BYTES);
    assert_eq!(found(&search, &noise), BTreeSet::new());
    for name in ["hex", "base64, 0 before", "numbers"] {
        let encoding = ENCODINGS.iter().find(|encoding| encoding.name == name).unwrap();
        assert_eq!(found(&search, &(encoding.write)(&noise)), BTreeSet::new(), "{name}");
    }
    // Ids of records, as a dump writes them (RFC 9562).
    let ids: Vec<_> = noise.chunks_exact(16).map(|id| Uuid::from_slice(id).unwrap().to_string()).collect();
    assert_eq!(found(&search, ids.join("\t").as_bytes()), BTreeSet::new());
}
