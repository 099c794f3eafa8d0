//! What is taken out and what stays, by table and by property.

use super::*;
use proptest::prelude::*;

#[test]
fn mail_addresses_go() {
    for (text, left) in [
        ("john@example.com", ""),
        ("write to john.doe+shop@mail.example.co.uk today", "write to today"),
        ("John <john@example.com>", "John"),
        ("(jane_d@example.org), thanks", ", thanks"),
        ("mailto:j@x.de.", "mailto: ."),
        ("\"john doe\"@example.com here", "here"),
        ("josé@müller.example", ""),
        ("иван@почта.рф", ""),
        ("john\u{ff20}example.com", ""),
        ("john%40example.com", ""),
        ("a@[192.0.2.1] b", "b"),
        ("root@localhost", ""),
        ("order 17/john@example.com", "order"),
    ] {
        assert_eq!(screened(text, Kept::Text), left, "{text}");
    }
}

#[test]
fn ip_addresses_go() {
    for (text, left) in [
        ("192.0.2.44", ""),
        ("from 192.0.2.44:8080", "from :8080"),
        ("ip=010.001.002.003;", "ip= ;"),
        ("seen at 203.0.113.9.", "seen at ."),
        ("2001:db8::1", ""),
        ("IP:2001:db8:0:0:0:0:2:1", "IP:"),
        ("[2001:db8::ff00:42:8329]", ""),
        ("::ffff:192.0.2.128", ""),
        ("fe80::1%eth0", "%eth0"),
        ("2001:DB8::A, twice 2001:DB8::B", ", twice"),
    ] {
        assert_eq!(screened(text, Kept::Text), left, "{text}");
    }
}

#[test]
fn phone_numbers_go() {
    for (text, left) in [
        ("+49 151 23456789", ""),
        ("+4915123456789", ""),
        ("+49 (0) 151 234567", ""),
        ("+1 (555) 123-4567", ""),
        ("%2B4915123456789", ""),
        ("\u{ff0b}4915123456789", ""),
        ("0049 151 2345678", ""),
        ("01512345678", ""),
        ("0151 2345678", ""),
        ("0151/2345678", ""),
        ("(0151) 2345678", ""),
        ("call 0151-234 5678 now", "call now"),
        ("tel:0151.2345.678", "tel:"),
        ("(555) 123-4567", ""),
        ("555-123-4567", ""),
        ("555.123.4567", ""),
        ("555 123 4567", ""),
        ("1-800-555-0199", ""),
        ("06 12 34 56 78", ""),
        ("020 7946 0018", ""),
        ("020\u{a0}7946\u{2011}0018", ""),
        ("０１５１ ２３４５６７８", ""),
        ("555-1234", ""),
        ("Apt4 555-123-4567", "Apt4"),
        ("line2 0151 2345678", "line2"),
        ("555-123-4567x12", "x12"),
        ("01512345678 ext. 9, 01512345678ext9", "ext. 9, ext9"),
        ("12 Pine St, 0151 2345678", "12 Pine St,"),
        ("4111 1111 1111 1111", ""),
    ] {
        assert_eq!(screened(text, Kept::Text), left, "{text}");
    }
}

#[test]
fn what_is_no_contact_stays_as_a_reference() {
    for text in [
        "",
        "1001",
        "#1001",
        "SO-2026-00017",
        "2026-11-22",
        "2026-11-22 09:30",
        "01/12/2010 08:26",
        "22.11.2026",
        "1/12/10",
        "2026-11-22T09:30:00Z",
        "19.99",
        "1,234.56",
        "0.99",
        "EUR 1.299,00",
        "85123A",
        "84406B",
        "100000123",
        "4006381333931",
        "0000012345",
        "00340434161094042557",
        "536365",
        "C536379",
        "2026-1234",
        "20261122-0001",
        "12-14",
        "10 x 20 cm",
        "100-123456",
        "5-4-3-2-1",
        "A1-0012345",
        "62704-1234",
        "01310-100",
        "1.2.3",
        "256.1.1.1",
        "12:30:45",
        "std::vec",
        "a@",
        "@home",
        "5 @ 3 EUR",
        "10115",
        "00-950",
        "AB12 3CD",
        "AB12-345-6789",
        "10x20x30-40",
        "00:1A:2B:3C:4D:5E",
    ] {
        let kept = screened(text, Kept::Reference);
        assert_eq!(kept, text);
        assert!(matches!(kept, Cow::Borrowed(_)), "{text} was copied");
    }
}

#[test]
fn names_and_streets_are_looked_at_more_strictly() {
    for (text, kept, left) in [
        ("Anna 12345", Kept::Name, "Anna"),
        ("Anna II 1234", Kept::Name, "Anna II 1234"),
        ("R2D2", Kept::Name, "R2D2"),
        ("Hauptstr. 12-14\n10115 Berlin", Kept::Street, "Hauptstr. 12-14\n10115 Berlin"),
        ("Dorfstr. 5\n04109 Leipzig", Kept::Street, "Dorfstr. 5\n04109 Leipzig"),
        (
            "1600 Pennsylvania Ave NW\nWashington 20500-0003",
            Kept::Street,
            "1600 Pennsylvania Ave NW\nWashington 20500-0003",
        ),
        ("12345 Main St Apt 678", Kept::Street, "12345 Main St Apt 678"),
        ("Av. Paulista 1578, 01310-200", Kept::Street, "Av. Paulista 1578, 01310-200"),
        ("Main St 1\n5551234567", Kept::Street, "Main St 1"),
        ("Main St 1, 1234567", Kept::Street, "Main St 1,"),
        ("Main St 1\n0151 2345678\nBerlin", Kept::Street, "Main St 1\nBerlin"),
        ("5 0151 2345678", Kept::Street, "5"),
        ("Main St 1 a@b.example", Kept::Street, "Main St 1"),
    ] {
        assert_eq!(screened(text, kept), left, "{text}");
    }
}

#[test]
fn what_comes_together_is_looked_at_again() {
    assert_eq!(screened("015a@b.c1 2345678", Kept::Text), "2345678");
    assert_eq!(screened("555-1.2.3.4-123-4567 x", Kept::Text), "x");
}

fn any_kept() -> impl Strategy<Value = Kept> {
    prop::sample::select(vec![Kept::Reference, Kept::Text, Kept::Name, Kept::Street])
}

/// Text that does not reach for digits by itself, so that what is planted is what is found.
fn words() -> impl Strategy<Value = String> {
    "[a-zA-Zäöüß ,;!?\n'’]{0,30}"
}

fn planted() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}[.+_-]?[a-z0-9]{1,8}@[a-z]{1,10}\\.(com|de|example)",
        "\\+[1-9][0-9]{7,13}",
        "\\+[1-9][0-9]{1,2} [1-9][0-9]{2} [0-9]{4,8}",
        "0[1-9][0-9]{2,3}[ /-][0-9]{5,8}",
        "\\([2-9][0-9]{2}\\) [2-9][0-9]{2}-[0-9]{4}",
        "[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}",
        (1_u8.., any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| format!("{a}.{b}.{c}.{d}")),
        any::<[u16; 8]>().prop_map(|parts| std::net::Ipv6Addr::from(parts).to_string()),
    ]
}

proptest! {
    #[test]
    fn what_is_planted_is_found(before in words(), planted in planted(), after in words(), kept in any_kept()) {
        let left = screened(&format!("{before} {planted} {after}"), kept).into_owned();
        prop_assert!(!left.contains(&planted), "{left}");
        prop_assert!(!left.chars().any(|symbol| symbol.is_ascii_digit()), "{left}");
        prop_assert!(!left.contains('@'), "{left}");
    }

    #[test]
    fn screening_twice_finds_nothing_more(text in "[0-9a-f+@.:()/ \\-]{0,60}", kept in any_kept()) {
        let once = screened(&text, kept).into_owned();
        prop_assert_eq!(screened(&once, kept), once.as_str());
        prop_assert!(!has_contacts(&once, kept));
    }

    #[test]
    fn any_text_at_all_is_survived(text in any::<String>(), kept in any_kept()) {
        let left = screened(&text, kept);
        prop_assert!(left.chars().count() <= text.chars().count());
    }

    #[test]
    fn words_stay(text in words(), kept in any_kept()) {
        prop_assert_eq!(screened(&text, kept), text.as_str());
    }

    #[test]
    fn order_numbers_dates_and_prices_stay(number in 1_u64..1_000_000_000_000, day in 1_u8..29, month in 1_u8..13, year in 1990_u16..2100) {
        for text in [
            number.to_string(),
            format!("#{number}"),
            format!("SO-{year}-{number:06}"),
            format!("{year}-{month:02}-{day:02}"),
            format!("{day:02}.{month:02}.{year}"),
            format!("{month}/{day}/{year} 8:26"),
            format!("{}.{:02}", number % 100_000, day),
        ] {
            prop_assert_eq!(screened(&text, Kept::Reference), text.as_str());
        }
    }
}
