//! Mail that waits, and a real mail server: what is sent, put off, held, and what a crash leaves.

use bonded_base::{Id, Node};
use bonded_connect::mail::{Begins, MailServer, Mailer};
use bonded_flow::post::{self, Running};
use bonded_ledger::{Change, List, PLATFORM, Scope, Stored};
use bonded_people::mail::{
    Cause, Draft, GIVE_UP_MS, KEPT_MS, Mail, MailState, Matter, Origins, RAN_OUT, TlsVersion, about, list, queue,
    release,
};
use bonded_testkit::ledger::{BEGINNING, TestLedger, on_postgres, on_sqlite};
use bonded_testkit::mail_server::{self, Shows, Speaks, Wanted};

/// A ledger with mail in it, and a server to send it to.
struct PostOffice {
    ledger: TestLedger,
    server: mail_server::MailServer,
    wanted: Wanted,
}

impl PostOffice {
    async fn open(wanted: Wanted) -> Option<Self> {
        let server = mail_server::MailServer::start(wanted).await?;
        Some(Self { ledger: on_sqlite().await, server, wanted })
    }

    /// The post of one node.
    fn start(&self, node: u8) -> Running {
        let begins = if self.wanted.speaks == Speaks::Implicit { Begins::Implicit } else { Begins::StartTls };
        let mailer = Mailer::new(MailServer {
            host: String::from("localhost"),
            port: self.server.port(),
            begins,
            root_certificate: Some(self.server.authority()),
            login: None,
            from: "Bonded <no-reply@bonded.example>".parse().unwrap(),
            greets_as: String::from("api.bonded.example"),
        });
        let origins = Origins {
            public: String::from("https://api.bonded.example"),
            private: String::from("https://console.bonded.example"),
        };
        post::start(self.ledger.clone(), Id::<Node>::from_bytes([node; 16]), mailer.unwrap(), origins)
    }

    /// Queues the mail of invitation number `number`.
    async fn invite(&self, number: u8, to: &str) -> Id<Mail> {
        let invitation = Id::<about::Invitation>::from_bytes([number; 16]);
        let draft = Draft {
            cause: Cause::birth(invitation),
            to: to.parse().unwrap(),
            name: String::from("Ada"),
            matter: Matter::Invitation {
                invitation,
                inviter: String::from("Ivy"),
                account_name: String::from("Corner Shop"),
                role: String::from("manager"),
                until: BEGINNING.plus_millis(2 * GIVE_UP_MS),
            },
        };
        let mut change = Change::new();
        let id = queue(&mut change, &self.ledger, &scope(), draft).unwrap();
        self.ledger.commit(&scope(), change).await.unwrap();
        id
    }

    /// The mail, once it is as it should be.
    async fn once(&self, id: Id<Mail>, is_so: impl Fn(&Mail) -> bool) -> Stored<Mail> {
        let mut changed = self.ledger.watch(PLATFORM);
        loop {
            changed.mark_unchanged();
            let mail = self.ledger.get(&scope(), id).await.unwrap().unwrap();
            if is_so(&mail) {
                return mail;
            }
            changed.changed().await.unwrap();
        }
    }
}

fn scope() -> Scope {
    Scope::operator(PLATFORM)
}

#[tokio::test]
async fn what_waits_is_sent_and_its_record_says_how() {
    let Some(mut office) = PostOffice::open(Wanted::GOOD).await else { return };
    let before = office.invite(1, "ada@example.com").await;
    let post = office.start(1);
    let sent = office.once(before, |mail| mail.state == MailState::Sent).await;
    assert_eq!((sent.attempts, sent.tls, sent.sent_at), (1, Some(TlsVersion::V13), Some(BEGINNING)));
    let after = office.invite(2, "bob@example.com").await;
    office.once(after, |mail| mail.state == MailState::Sent).await;

    let taken = office.server.wait_for("taken", 2).await;
    let text = taken["text"].as_str().unwrap().replace("=\r\n", "");
    assert!(text.contains(&format!("Message-ID: <{after}@bonded.example>")), "{text}");
    let invitation = Id::<about::Invitation>::from_bytes([2; 16]);
    let code = bonded_people::mail::link::code(
        &office.ledger,
        &scope(),
        invitation,
        bonded_people::mail::link::Purpose::Invitation,
    );
    let link = format!("https://api.bonded.example/invitations/{invitation}/{}", code.unwrap().expose());
    assert!(text.contains(&link), "{link}\n{text}");
    assert_eq!(office.server.told("taken").await.len(), 2);
    post.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_gets_nothing_and_the_mail_waits() {
    let bad = [
        (Wanted { shows: Shows::OtherName, ..Wanted::GOOD }, "the mail server's certificate is for another name"),
        (Wanted { speaks: Speaks::Clear, ..Wanted::GOOD }, "the mail server offers no TLS"),
    ];
    for (wanted, why) in bad {
        let Some(mut office) = PostOffice::open(wanted).await else { return };
        let ids = [office.invite(1, "ada@example.com").await, office.invite(2, "bob@example.com").await];
        let post = office.start(1);
        for id in ids {
            let mail = office.once(id, |mail| mail.attempts > 0).await;
            assert_eq!((mail.state, mail.why.as_deref()), (MailState::Waiting, Some(why)));
            assert!(mail.next_try_at > BEGINNING);
        }
        post.stop().await;
        assert!(office.server.told("mail").await.is_empty());
        let connected = office.server.told("connected").await.len();
        assert!(connected <= 1, "one attempt is enough for all: {connected}");
    }
}

#[tokio::test]
async fn a_mail_that_nobody_takes_is_held_and_can_be_released() {
    let Some(mut office) = PostOffice::open(Wanted::GOOD).await else { return };
    let id = office.invite(1, "refused@example.com").await;
    let post = office.start(1);
    let held = office.once(id, |mail| mail.state == MailState::Held).await;
    assert_eq!(held.why.as_deref(), Some("the mail server does not take letters to this address (550)"));
    release(&office.ledger, &scope(), id).await.unwrap();
    office.once(id, |mail| mail.state == MailState::Held).await;
    post.stop().await;
    assert_eq!(office.server.told("recipient").await.len(), 2);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_later() {
    let Some(office) = PostOffice::open(Wanted::GOOD).await else { return };
    let id = office.invite(1, "busy-once@example.com").await;
    let post = office.start(1);
    let put_off = office.once(id, |mail| mail.attempts == 1).await;
    assert_eq!(put_off.state, MailState::Waiting);
    office.ledger.test_clock().set(put_off.next_try_at);
    // Any change of the account makes the post look at the clock.
    office.invite(2, "ada@example.com").await;
    let sent = office.once(id, |mail| mail.state == MailState::Sent).await;
    assert_eq!((sent.attempts, sent.why.as_deref()), (2, None));
    post.stop().await;
}

#[tokio::test]
async fn what_would_come_too_late_is_not_sent() {
    let Some(mut office) = PostOffice::open(Wanted::GOOD).await else { return };
    let id = office.invite(1, "ada@example.com").await;
    office.ledger.test_clock().advance_ms(3 * GIVE_UP_MS);
    let post = office.start(1);
    let held = office.once(id, |mail| mail.state == MailState::Held).await;
    assert_eq!(held.why.as_deref(), Some(RAN_OUT));
    post.stop().await;
    assert!(office.server.told("connected").await.is_empty());
}

#[tokio::test]
async fn a_crash_after_sending_sends_at_most_twice_and_loses_nothing() {
    let Some(mut office) = PostOffice::open(Wanted::GOOD).await else { return };
    let id = office.invite(1, "silent@example.com").await;
    let first = office.start(1);
    office.server.wait_for("taken", 1).await;
    first.abandon();
    let mail = office.ledger.get(&scope(), id).await.unwrap().unwrap();
    assert_eq!((mail.state, mail.attempts), (MailState::Waiting, 0), "nobody wrote down that it was taken");

    // Another node may only once the lease of the crashed one is over.
    office.ledger.test_clock().advance_ms(15_000);
    let second = office.start(2);
    office.once(id, |mail| mail.state == MailState::Sent).await;
    let taken = office.server.told("taken").await;
    assert_eq!(taken.len(), 2);
    let message_id = |mail: &serde_json::Value| {
        let text = mail["text"].as_str().unwrap().to_owned();
        text.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned()
    };
    assert_eq!(message_id(&taken[0]), message_id(&taken[1]), "its reader can tell that it is the same");
    second.stop().await;
}

#[tokio::test]
async fn mails_of_long_ago_are_forgotten_by_themselves() {
    let Some(office) = PostOffice::open(Wanted::GOOD).await else { return };
    let id = office.invite(1, "ada@example.com").await;
    let post = office.start(1);
    office.once(id, |mail| mail.state == MailState::Sent).await;
    office.ledger.test_clock().advance_ms(KEPT_MS + 1);
    let mut changed = office.ledger.watch(PLATFORM);
    // A change of the account makes the post look at the clock; this one has run out and is held.
    office.invite(2, "bob@example.com").await;
    while office.ledger.get(&scope(), id).await.unwrap().is_some() {
        changed.changed().await.unwrap();
    }
    post.stop().await;
}

async fn nodes_share_the_work(ledger: TestLedger) {
    const MAILS: u8 = 40;
    let Some(server) = mail_server::MailServer::start(Wanted::GOOD).await else { return };
    let mut office = PostOffice { ledger, server, wanted: Wanted::GOOD };
    let nodes = [1, 2, 3].map(|node| office.start(node));
    let mut ids = Vec::new();
    for number in 1..=MAILS {
        ids.push(office.invite(number, &format!("reader{number}@example.com")).await);
    }
    for id in ids {
        let sent = office.once(id, |mail| mail.state == MailState::Sent).await;
        assert_eq!(sent.attempts, 1);
    }
    for node in nodes {
        node.stop().await;
    }
    let mut taken: Vec<_> = office.server.told("taken").await.iter().map(|told| told["to"].to_string()).collect();
    taken.sort();
    taken.dedup();
    assert_eq!((taken.len(), office.server.told("taken").await.len()), (usize::from(MAILS), usize::from(MAILS)));
    let waiting = list(&office.ledger, &scope(), Some(MailState::Waiting), List::first(10)).await.unwrap();
    assert!(waiting.records.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_send_each_mail_once_on_sqlite() {
    nodes_share_the_work(on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_send_each_mail_once_on_postgres() {
    if let Some(ledger) = on_postgres().await {
        nodes_share_the_work(ledger).await;
    }
}
