//! Tests of the queue, of links and of every letter.

use super::link::{Purpose, code, code_matches};
use super::*;
use bonded_base::{Secret, SystemChance};
use bonded_testkit::ledger::{BEGINNING, on_sqlite};
use std::fmt::Write as _;

const INVITATION: Id<about::Invitation> = Id::from_bytes([1; 16]);

fn address(text: &str) -> MailAddress {
    text.parse().unwrap()
}

fn platform() -> Scope {
    Scope::operator(PLATFORM)
}

fn invitation() -> Matter {
    Matter::Invitation {
        invitation: INVITATION,
        inviter: String::from("Ivy Marsh"),
        account_name: String::from("Corner Shop"),
        role: String::from("manager"),
        until: BEGINNING.plus_millis(7 * 24 * 60 * 60_000),
    }
}

fn draft(to: &str, matter: Matter) -> Draft {
    Draft { cause: Cause::birth(INVITATION), to: address(to), name: String::from("Ada"), matter }
}

fn origins() -> Origins {
    Origins {
        public: String::from("https://api.bonded.example"),
        private: String::from("https://console.bonded.example"),
    }
}

fn every_matter() -> Vec<Matter> {
    let later = BEGINNING.plus_millis(24 * 60 * 60_000);
    let shop = || String::from("Corner Shop");
    let mut all = vec![
        invitation(),
        Matter::StaffInvitation { invitation: INVITATION, until: later },
        Matter::PasswordReset { reset: Id::from_bytes([2; 16]), until: later },
        Matter::GrantAsked {
            account: Id::from_bytes([3; 16]),
            grant: Id::from_bytes([4; 16]),
            account_name: shop(),
            staff_name: String::from("Sam Reed"),
            what: String::from("read orders and products"),
            reason: String::from("Orders of this morning were not routed (ticket 4711)"),
            until: BEGINNING.plus_millis(3 * 24 * 60 * 60_000),
            lapses_at: later,
        },
        Matter::LegalAct { account_name: shop(), reference: String::from("2026-117") },
        Matter::WebhookStopped {
            account_name: shop(),
            host: String::from("warehouse.example"),
            why: String::from("nothing has arrived there for 72 hours"),
        },
        Matter::ReviewOpened { review: Id::from_bytes([5; 16]), due: later },
        Matter::TrainingExpires { course: String::from("Handling customers' data"), at: later },
        Matter::NewDevice { device: String::from("Firefox on Linux"), is_staff: false },
        Matter::NewDevice { device: String::from("Firefox on Linux"), is_staff: true },
        Matter::Guessed { what: Guessed::Password, is_staff: false },
        Matter::Guessed { what: Guessed::Code, is_staff: true },
        Matter::SignInReset {
            reset: Id::from_bytes([6; 16]),
            account_name: shop(),
            by: String::from("Ivy Marsh"),
            until: later,
        },
        Matter::MemberReset { account_name: shop(), member: String::from("Bob Hale"), by: String::from("Ivy Marsh") },
    ];
    all.extend([true, false].map(|needs_buyer| Matter::PaymentStopped {
        account_name: shop(),
        supplier: String::from("Lamps"),
        invoice: String::from("R-2026-0117"),
        amount: String::from("EUR 129.00"),
        needs_buyer,
    }));
    all.extend(Notice::all().map(|what| Matter::Notice { what, account_name: Some(shop()) }));
    all.push(Matter::Notice { what: Notice::SignedOut, account_name: None });
    all.extend(
        [GrantEnd::Denied, GrantEnd::Lapsed, GrantEnd::Revoked, GrantEnd::RanOut]
            .map(|how| Matter::GrantEnded { account_name: shop(), how }),
    );
    all
}

fn letter_of(name: &str, matter: Matter, link: &str) -> Letter {
    let mail = Mail::queued(Draft { name: name.to_owned(), ..draft("ada@example.com", matter) }, BEGINNING);
    letter::written(Id::from_bytes([9; 16]), &mail, &Secret::new(link.to_owned()), &origins()).unwrap()
}

#[test]
fn every_letter_says_what_it_should() {
    let mut seen = std::collections::HashMap::new();
    for matter in every_matter() {
        let turn = seen.entry(matter.name()).and_modify(|turn| *turn += 1).or_insert(1);
        let name = format!("{}_{turn}", matter.name());
        let letter = letter_of("Ada Lovelace", matter, "https://api.bonded.example/the-link");
        let mut shown = String::new();
        writeln!(shown, "Subject: {}\n\n{}", letter.subject, letter.text.expose()).unwrap();
        write!(shown, "=====\n{}", letter.html.expose()).unwrap();
        assert!(letter.text.expose().contains("This mail is for ada@example.com."), "{name}");
        assert!(letter.text.expose().lines().all(|line| line.chars().count() <= 100), "{name}");
        insta::assert_snapshot!(name, shown);
    }
}

#[test]
fn a_letter_loads_nothing_and_links_to_one_place() {
    for matter in every_matter() {
        let letter = letter_of("", matter, "https://api.bonded.example/l");
        let html = letter.html.expose();
        for loading in ["src=", "<img", "<link", "<script", "url(", "@import", "<style"] {
            assert!(!html.contains(loading), "{loading}");
        }
        assert_eq!(html.matches("href=").count(), 1);
        assert!(html.contains("href=\"https://api.bonded.example/l\""));
        assert!(letter.text.expose().starts_with("Hello,\n"));
    }
}

#[test]
fn names_cannot_change_a_letter() {
    let evil = "<a href='https://evil.example'>x</a> & \"co\"";
    let matter = Matter::Invitation {
        invitation: INVITATION,
        inviter: String::from(evil),
        account_name: String::from("A\r\nBcc: eve@example.com"),
        role: String::from("</td><script>alert(1)</script>"),
        until: BEGINNING,
    };
    let letter = letter_of(evil, matter, "https://api.bonded.example/l");
    let html = letter.html.expose();
    assert!(!html.contains("<a href='") && !html.contains("<script"));
    assert!(html.contains("&#60;a href=&#39;https://evil.example&#39;&#62;x&#60;/a&#62; &#38; &#34;co&#34;"), "{html}");
    assert!(!letter.subject.contains(['\r', '\n']));
    assert!(letter.text.expose().contains(evil), "text needs no escaping");
}

#[tokio::test]
async fn what_is_queued_twice_is_queued_once() {
    let ledger = on_sqlite().await;
    let scope = platform();
    let (ada, bob) = (draft("ada@example.com", invitation()), draft("bob@example.com", invitation()));
    enqueue(&ledger, &scope, vec![ada.clone()]).await.unwrap();
    enqueue(&ledger, &scope, vec![Draft { to: address("ADA@example.com"), ..ada.clone() }, bob]).await.unwrap();
    enqueue(&ledger, &scope, vec![ada.clone()]).await.unwrap();
    let waiting = list(&ledger, &scope, Some(MailState::Waiting), List::first(10)).await.unwrap().records;
    assert_eq!(waiting.len(), 2, "one each, though the address was written otherwise");

    let other_cause = Draft { cause: Cause::change(INVITATION, 2), ..ada.clone() };
    let notice = Matter::Notice { what: Notice::RoleChanged, account_name: None };
    let other_matter = Draft { matter: notice, ..ada };
    enqueue(&ledger, &scope, vec![other_cause, other_matter]).await.unwrap();
    assert_eq!(list(&ledger, &scope, None, List::first(10)).await.unwrap().records.len(), 4);
}

#[tokio::test]
async fn a_mail_is_queued_with_what_causes_it_and_only_on_the_platform() {
    let ledger = on_sqlite().await;
    let mut change = Change::new();
    let id = queue(&mut change, &ledger, &platform(), draft("ada@example.com", invitation())).unwrap();
    assert!(ledger.get(&platform(), id).await.unwrap().is_none());
    ledger.commit(&platform(), change).await.unwrap();
    let mail = ledger.get(&platform(), id).await.unwrap().unwrap();
    assert!(mail.is_due(BEGINNING) && mail.attempts == 0);

    let elsewhere = queue(&mut Change::new(), &ledger, &ledger.any_account(), draft("ada@example.com", invitation()));
    assert!(matches!(elsewhere, Err(LedgerError::OutOfReach(Kind::Mail))));
}

#[tokio::test]
async fn ids_tell_no_address_to_whoever_lacks_the_keys() {
    let (one, other) = (on_sqlite().await, bonded_testkit::ledger::on_sqlite_seeded(7).await);
    let id = |ledger: &Ledger, to: &str| {
        id_of(ledger, &platform(), Cause::birth(INVITATION), &address(to), "invitation").unwrap()
    };
    assert_eq!(id(&one, "ada@example.com"), id(&one, "Ada@Example.com"));
    assert_ne!(id(&one, "ada@example.com"), id(&one, "bob@example.com"));
    assert_ne!(id(&one, "ada@example.com"), id(&other, "ada@example.com"));
    assert_eq!(id(&one, "ada@example.com").born_at(), INVITATION.born_at());
}

#[tokio::test]
async fn a_link_s_code_opens_its_own_door_only() {
    let ledger = on_sqlite().await;
    let scope = platform();
    let right = code(&ledger, &scope, INVITATION, Purpose::Invitation).unwrap();
    assert_eq!(right.expose().len(), 26);
    let matches = |id, purpose, presented: &str| code_matches(&ledger, &scope, id, purpose, presented).unwrap();
    assert!(matches(INVITATION, Purpose::Invitation, right.expose()));
    assert!(!matches(INVITATION, Purpose::StaffInvitation, right.expose()));
    assert!(!matches(Id::from_bytes([7; 16]), Purpose::Invitation, right.expose()));
    assert!(!matches(INVITATION, Purpose::Invitation, ""));
    assert!(!matches(INVITATION, Purpose::Invitation, &right.expose()[1..]));
    let reset = Id::<about::PasswordReset>::from_bytes(INVITATION.bytes());
    assert!(!code_matches(&ledger, &scope, reset, Purpose::PasswordReset, right.expose()).unwrap());
}

#[tokio::test]
async fn links_lead_to_the_right_pages() {
    let ledger = on_sqlite().await;
    let link = |matter: &Matter| {
        let link = link::of(&ledger, &platform(), matter, &origins()).unwrap().expose().clone();
        // The codes depend on the keys.
        link.split('/').map(|part| if part.len() == 26 { "CODE" } else { part }).collect::<Vec<_>>().join("/")
    };
    let links: Vec<_> = every_matter().iter().map(link).take(15).collect();
    insta::assert_snapshot!("links", links.join("\n"));
}

#[test]
fn a_mail_is_tried_less_and_less_often_and_then_held() {
    let mut mail = Mail::queued(draft("ada@example.com", invitation()), BEGINNING);
    let mut now = BEGINNING;
    let mut waits = Vec::new();
    while mail.state == MailState::Waiting {
        mail = mail.put_off(now, "the server is away", &SystemChance);
        waits.push(mail.next_try_at.millis() - now.millis());
        now = mail.next_try_at;
    }
    assert!((45_000..=75_000).contains(&waits[0]), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= BACK_OFF_MS_MAX * 5 / 4));
    assert!((60..=110).contains(&mail.attempts), "{}", mail.attempts);
    assert!(now.millis() - BEGINNING.millis() >= GIVE_UP_MS);
    assert_eq!(mail.why.as_deref(), Some("given up after three days: the server is away"));
    assert_eq!((mail.standing(), mail.clone().refused("no such mailbox").standing()), ("given up", "held"));
    assert!(!mail.is_due(now));
}

#[tokio::test]
async fn a_held_mail_is_released_unless_it_would_come_too_late() {
    let ledger = on_sqlite().await;
    let scope = platform();
    let mut change = Change::new();
    let id = queue(&mut change, &ledger, &scope, draft("ada@example.com", invitation())).unwrap();
    ledger.commit(&scope, change).await.unwrap();
    let read = async || ledger.get(&scope, id).await.unwrap().unwrap();

    let was = read().await;
    let held = (*was).clone().refused("no such mailbox");
    assert!(record(&ledger, &scope, &was, &held, "held").await.unwrap());
    assert!(!record(&ledger, &scope, &was, &held, "held").await.unwrap(), "somebody else was faster");
    assert!(!read().await.is_due(BEGINNING));
    release(&ledger, &scope, id).await.unwrap();
    assert!(read().await.is_due(BEGINNING));

    let was = read().await;
    let sent = (*was).clone().sent(BEGINNING, TlsVersion::V13);
    assert!(record(&ledger, &scope, &was, &sent, "sent").await.unwrap());
    assert!(
        matches!(release(&ledger, &scope, id).await, Err(MailError::Problem(problem)) if problem.reason == Reason::State)
    );
    let missing = release(&ledger, &scope, Id::from_bytes([0; 16])).await;
    assert!(matches!(missing, Err(MailError::Problem(problem)) if problem.reason == Reason::Missing));

    let late = Draft { cause: Cause::change(INVITATION, 9), ..draft("ada@example.com", invitation()) };
    let mut change = Change::new();
    let id = queue(&mut change, &ledger, &scope, late).unwrap();
    ledger.commit(&scope, change).await.unwrap();
    ledger.test_clock().advance_ms(8 * 24 * 60 * 60_000);
    assert!(matches!(release(&ledger, &scope, id).await, Err(MailError::Problem(_))));
}

#[tokio::test]
async fn a_mail_is_called_off_only_before_it_is_sent() {
    let ledger = on_sqlite().await;
    let scope = platform();
    let id = id_of(&ledger, &scope, Cause::birth(INVITATION), &address("ada@example.com"), "invitation").unwrap();
    call_off(&ledger, &scope, id).await.unwrap();
    enqueue(&ledger, &scope, vec![draft("ada@example.com", invitation())]).await.unwrap();
    call_off(&ledger, &scope, id).await.unwrap();
    let held = ledger.get(&scope, id).await.unwrap().unwrap();
    assert_eq!((held.state, held.why.as_deref()), (MailState::Held, Some("called off before it was sent")));

    release(&ledger, &scope, id).await.unwrap();
    let was = ledger.get(&scope, id).await.unwrap().unwrap();
    assert!(record(&ledger, &scope, &was, &(*was).clone().sent(BEGINNING, TlsVersion::V13), "sent").await.unwrap());
    call_off(&ledger, &scope, id).await.unwrap();
    assert_eq!(ledger.get(&scope, id).await.unwrap().unwrap().state, MailState::Sent);
}

#[tokio::test]
async fn what_was_sent_or_held_long_ago_is_forgotten_and_what_waits_is_not() {
    let ledger = on_sqlite().await;
    let scope = platform();
    for to in ["sent@example.com", "held@example.com", "waiting@example.com", "late@example.com"] {
        enqueue(&ledger, &scope, vec![draft(to, invitation())]).await.unwrap();
    }
    let becomes = async |to: &str, change: fn(Mail) -> Mail| {
        let id = id_of(&ledger, &scope, Cause::birth(INVITATION), &address(to), "invitation").unwrap();
        let was = ledger.get(&scope, id).await.unwrap().unwrap();
        assert!(record(&ledger, &scope, &was, &change((*was).clone()), "changed").await.unwrap());
    };
    becomes("sent@example.com", |mail| mail.sent(BEGINNING, TlsVersion::V13)).await;
    becomes("held@example.com", |mail| mail.refused("no")).await;
    ledger.test_clock().advance_ms(KEPT_MS);
    assert_eq!(forget_old(&ledger, &scope, 10).await.unwrap(), 0, "not yet");
    becomes("late@example.com", |mail| mail.sent(BEGINNING, TlsVersion::V13)).await;
    ledger.test_clock().advance_ms(1);
    assert_eq!(forget_old(&ledger, &scope, 10).await.unwrap(), 2);
    let left = list(&ledger, &scope, None, List::first(10)).await.unwrap().records;
    let mut left: Vec<_> = left.iter().map(|mail| mail.to.expose()).collect();
    left.sort_unstable();
    assert_eq!(left, ["late@example.com", "waiting@example.com"]);
}

#[test]
fn every_mail_is_kept_and_read_again() {
    for matter in every_matter() {
        let mail = Mail::queued(draft("ada@example.com", matter), BEGINNING).sent(BEGINNING, TlsVersion::V12);
        let written = serde_json::to_string(&mail).unwrap();
        assert!(serde_json::from_str::<Mail>(&written).unwrap() == mail, "{written}");
    }
}
