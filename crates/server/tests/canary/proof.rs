//! The search is itself tested: it finds every canary in every form, names it, and finds none where none is.

use crate::encoding::{Encoding, Letters, hex_byte};
use crate::search::{Found, Search, Word};
use crate::shapes::{Canary, FORMS_MAX, IPV6_BYTES, Shape};
use std::collections::BTreeSet;
use std::fs;

/// Every form of a shape, early and late numbers among them.
fn canaries() -> impl Iterator<Item = Canary> {
    let serials = [0, 900_000].into_iter().flat_map(|from| from..from + FORMS_MAX);
    serials.flat_map(|serial| Shape::ALL.map(|shape| Canary { shape, serial }))
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

fn found(search: &Search, haystack: &[u8]) -> BTreeSet<Found> {
    search.bytes("test", haystack).into_iter().map(|finding| finding.found).collect()
}

#[test]
fn every_canary_is_found_in_every_encoding_and_at_every_alignment() {
    let search = Search::with(&[]);
    for canary in canaries() {
        let text = format!("note: {} (end)", canary.written());
        for encoding in Encoding::ALL {
            for before in 0..3 {
                let haystack = [&noise(8)[..before], b" ", &encoding.written(&text), b" "].concat();
                let expected = BTreeSet::from([Found::Canary(canary)]);
                assert_eq!(found(&search, &haystack), expected, "{} as {encoding:?}", canary.written());
            }
        }
    }
}

#[test]
fn addresses_in_memory_are_found_too() {
    let search = Search::with(&[]);
    for serial in [0, 7, 123_456] {
        let canary = Canary { shape: Shape::Ip, serial };
        assert_eq!(canary.ipv6().octets()[..6], IPV6_BYTES);
        for encoding in Encoding::OF_BYTES {
            let haystack = [b"..".as_slice(), &encoding.written_bytes(&canary.ipv6().octets()), b".."].concat();
            assert_eq!(found(&search, &haystack), BTreeSet::from([Found::Canary(canary)]), "{encoding:?}");
        }
    }
}

#[test]
fn a_number_without_its_signs_is_still_found() {
    let search = Search::with(&[]);
    let british = Found::Canary(Canary { shape: Shape::Phone, serial: 123_456 });
    for text in
        ["4479460123456", "+4479460123456", "\"079460123456\"", "0044 7946 0 12 34 56", "7946-0123456;", "7318123456"]
    {
        assert_eq!(found(&search, text.as_bytes()), BTreeSet::from([british.clone()]), "{text}");
    }
    for text in ["a4479460123456", "79460123456789", "7946012345", "0x7318123456"] {
        assert_eq!(found(&search, text.as_bytes()), BTreeSet::new(), "{text}");
    }
}

#[test]
fn a_torn_mail_address_is_found() {
    let search = Search::with(&[]);
    assert_eq!(found(&search, b"kanarix at post"), BTreeSet::from([Found::Torn]));
}

#[test]
fn words_are_found_in_every_encoding_and_numbers_only_whole() {
    let words = [
        Word::text("title", "Velvet \"q\u{fc}ill\""),
        Word::text("price", "735193771"),
        Word::bytes("id", &[1, 0xff, 7, 9, 200, 3, 1, 2]),
    ];
    let search = Search::with(&words);
    for encoding in Encoding::ALL {
        for before in 0..3 {
            let haystack =
                [&noise(8)[..before], b" ", &encoding.written("a Velvet \"q\u{fc}ill\" at 735193771."), b" "].concat();
            let expected = ["title", "price"].map(|name| Found::Word(name.to_owned()));
            assert_eq!(found(&search, &haystack), BTreeSet::from(expected), "{encoding:?}");
        }
    }
    for encoding in Encoding::OF_BYTES {
        let haystack = [b"..".as_slice(), &encoding.written_bytes(&words[2].bytes), b".."].concat();
        assert_eq!(found(&search, &haystack), BTreeSet::from([Found::Word("id".to_owned())]), "{encoding:?}");
    }
    assert_eq!(found(&search, b"17351937719, a735193771, 735193771b"), BTreeSet::new());
}

#[test]
fn sealed_data_and_its_dump_look_like_nothing() {
    let search = Search::with(&[Word::text("price", "735193771")]);
    let noise = noise(4 * 1024 * 1024);
    assert_eq!(found(&search, &noise), BTreeSet::new());
    for encoding in [Encoding::HexLower, Encoding::Base64(Letters::Standard, 0), Encoding::Numbers] {
        assert_eq!(found(&search, &encoding.written_bytes(&noise)), BTreeSet::new(), "{encoding:?}");
    }
}

#[test]
fn files_and_their_names_are_searched_wherever_they_lie() {
    let search = Search::with(&[]);
    let root = tempfile::tempdir().unwrap();
    let deep = root.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    let [in_file, in_name] = [1, 2].map(|serial| Canary { shape: Shape::Mail, serial: serial * 16 });
    fs::write(deep.join("file"), [noise(1024), Encoding::Utf16Le.written(&in_file.written())].concat()).unwrap();
    fs::write(root.path().join(in_name.written()), "").unwrap();
    let (findings, searched) = search.directory(root.path());
    let found: BTreeSet<_> = findings.iter().map(|finding| (finding.found.clone(), finding.offset)).collect();
    assert_eq!(found, BTreeSet::from([(Found::Canary(in_file), 1024), (Found::Canary(in_name), 0)]));
    assert!(searched.has("b/file") && searched.files.len() == 2);
    let told = findings.iter().find(|finding| finding.offset == 1024).unwrap().to_string();
    assert!(
        told.contains("kanarix000016@post.example as Utf16Le in ") && told.ends_with("/a/b/file at byte 1024"),
        "{told}"
    );
}

#[test]
fn a_dump_is_read_as_the_bytes_that_it_writes() {
    let search = Search::with(&[]);
    let canary = Canary { shape: Shape::Phone, serial: 4 };
    let stored = Encoding::Base64(Letters::Url, 1).written(&canary.written());
    let dump = [b"1\t\\x".as_slice(), &Encoding::HexLower.written_bytes(&stored), b"\t2\n"].concat();
    let findings = search.dump("dump", &dump);
    assert_eq!(findings[0].found, Found::Canary(canary));
    let from_there: Vec<_> = dump[findings[0].offset..].chunks_exact(2).map_while(hex_byte).collect();
    assert!(from_there.len() > 8 && stored.ends_with(&from_there));
}
