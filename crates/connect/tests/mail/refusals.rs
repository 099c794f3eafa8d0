//! Bad servers and refused letters: nothing leaves in clear, and each failure says whether to try again.

use super::{reaching, send};
use bonded_connect::mail::{Begins, MailFailure, MailSetup, Mailer};
use bonded_testkit::mail_server::{MailServer, Shows, Speaks, Wanted};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a bad server is told before we turn away.
async fn turned_away(wanted: Wanted, why: &'static str) {
    let Some(mut server) = MailServer::start(wanted).await else { return };
    let mailer = Mailer::new(reaching(&server, wanted)).unwrap();
    assert_eq!(send(&mailer, "ada@example.com").await, Err(MailFailure::Away(why.into())), "{wanted:?}");
    assert_eq!(mailer.check().await, Err(MailFailure::Away(why.into())));
    if wanted.speaks != Speaks::Implicit {
        server.wait_for("connected", 1).await;
    }
    for event in ["mail", "recipient", "taken", "login"] {
        assert!(server.told(event).await.is_empty(), "{wanted:?}: {:?}", server.told(event).await);
    }
}

#[tokio::test]
async fn nobody_is_sent_anything_whose_certificate_is_bad() {
    for speaks in [Speaks::StartTls, Speaks::Implicit] {
        for (shows, why) in [
            (Shows::OtherName, "the mail server's certificate is for another name"),
            (Shows::OtherAuthority, "the mail server's certificate is of no trusted authority"),
            (Shows::Expired, "the mail server's certificate has expired"),
        ] {
            turned_away(Wanted { speaks, shows, ..Wanted::GOOD }, why).await;
        }
    }
}

#[tokio::test]
async fn nobody_is_sent_anything_in_clear() {
    turned_away(Wanted { speaks: Speaks::Clear, ..Wanted::GOOD }, "the mail server offers no TLS").await;
}

#[tokio::test]
async fn the_machine_s_authorities_do_not_know_the_tests_own() {
    let Some(server) = MailServer::start(Wanted::GOOD).await else { return };
    let mut reached = reaching(&server, Wanted::GOOD);
    reached.root_certificate = None;
    let refused = send(&Mailer::new(reached).unwrap(), "ada@example.com").await;
    let why = MailFailure::Away("the mail server's certificate is of no trusted authority".into());
    assert_eq!(refused, Err(why));
}

#[tokio::test]
async fn tls_of_the_wrong_sort_is_no_way_in() {
    // Implicit TLS where the server begins in clear, and the other way round.
    let Some(mut server) = MailServer::start(Wanted::GOOD).await else { return };
    let mut reached = reaching(&server, Wanted::GOOD);
    reached.begins = Begins::Implicit;
    let refused = send(&Mailer::new(reached).unwrap(), "ada@example.com").await;
    assert!(matches!(&refused, Err(MailFailure::Away(why)) if why.contains("TLS")), "{refused:?}");
    assert!(server.told("mail").await.is_empty());
}

#[tokio::test]
async fn what_the_server_says_decides_whether_to_try_again() {
    let Some(server) = MailServer::start(Wanted::GOOD).await else { return };
    let mailer = Mailer::new(reaching(&server, Wanted::GOOD)).unwrap();
    let later = |why: &'static str| Err(MailFailure::Later(why.into()));
    let never = |why: &'static str| Err(MailFailure::Never(why.into()));
    for (to, said) in [
        ("refused@example.com", never("the mail server does not take letters to this address (550)")),
        ("busy@example.com", later("the mail server does not take letters to this address (451)")),
        ("rejected@example.com", never("the mail server does not take this letter (554)")),
        ("greylisted@example.com", later("the mail server does not take this letter (452)")),
    ] {
        let failed = send(&mailer, to).await;
        assert_eq!(failed, said);
        assert!(!format!("{failed:?}").contains("example.com"), "no address is repeated");
        assert!(send(&mailer, "ada@example.com").await.is_ok(), "the next letter is not hurt");
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_us_is_told_no_password() {
    let Some(server) = MailServer::start(Wanted::GOOD).await else { return };
    let mut reached = reaching(&server, Wanted::GOOD);
    reached.login = Some(super::login("swordfish"));
    let refused = send(&Mailer::new(reached).unwrap(), "ada@example.com").await;
    let why = "the mail server does not ask for user and password, and got none";
    assert_eq!(refused, Err(MailFailure::Away(why.into())));
}

#[tokio::test]
async fn an_unwelcome_sender_is_everybody_s_trouble() {
    let Some(server) = MailServer::start(Wanted::GOOD).await else { return };
    let mut reached = reaching(&server, Wanted::GOOD);
    reached.from = "unwelcome@bonded.example".parse().unwrap();
    let refused = send(&Mailer::new(reached).unwrap(), "ada@example.com").await;
    let why = "the mail server does not take letters from this sender (553)";
    assert_eq!(refused, Err(MailFailure::Away(why.into())));
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let refused = at_port(port).await;
    assert_eq!(refused, Err(MailFailure::Away("the mail server cannot be reached".into())));
}

/// A listener of our own that says what it is told to say, and notes what it hears.
async fn said_by(answers: &'static [&'static str]) -> (Result<(), MailFailure>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&heard);
    let stranger = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 1024];
        for answer in answers {
            tcp.write_all(answer.as_bytes()).await.unwrap();
            let read = tcp.read(&mut bytes).await.unwrap_or(0);
            noted.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
    let refused = at_port(port).await;
    stranger.await.unwrap();
    let heard = heard.lock().unwrap().clone();
    (refused, heard)
}

async fn at_port(port: u16) -> Result<(), MailFailure> {
    let server = bonded_connect::mail::MailServer {
        host: String::from("localhost"),
        port,
        begins: Begins::StartTls,
        root_certificate: None,
        login: Some(super::login("swordfish")),
        from: "no-reply@bonded.example".parse().unwrap(),
        greets_as: String::from("api.bonded.example"),
    };
    send(&Mailer::new(server).unwrap(), "ada@example.com").await.map(drop)
}

#[tokio::test]
async fn what_is_slipped_in_before_tls_ends_the_attempt() {
    let answers = &["220 mail\r\n", "250-mail\r\n250 STARTTLS\r\n", "220 go\r\n250 AUTH PLAIN\r\n"];
    let (refused, heard) = said_by(answers).await;
    assert_eq!(refused, Err(MailFailure::Away("somebody spoke out of turn before TLS".into())));
    assert_eq!(heard, "EHLO api.bonded.example\r\nSTARTTLS\r\n", "and nothing else was said in clear");
}

#[tokio::test]
async fn a_server_without_manners_is_away() {
    for answers in [
        &["HTTP/1.1 400 Bad Request\r\n"][..],
        &["421 busy\r\n"],
        &["220 mail\r\n", "500 what?\r\n"],
        &["220 mail\r\n", "250 STARTTLS\r\n", "454 not now\r\n"],
        &["220 mail\r\n", "250-STARTTLS is not what this says\r\n250 HELP\r\n"],
        &["220 mail\r\n", "250 STARTTLS\r\n", "220 go\r\n", "this is no TLS at all, whatever else it may be"],
    ] {
        let (refused, heard) = said_by(answers).await;
        assert!(matches!(refused, Err(MailFailure::Away(_))), "{answers:?}: {refused:?}");
        assert!(!heard.contains("ada@") && !heard.contains("swordfish") && !heard.contains("MAIL"), "{heard}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let setup = |host: &str, root: Option<std::path::PathBuf>| {
        let server = bonded_connect::mail::MailServer {
            host: host.to_owned(),
            port: 587,
            begins: Begins::StartTls,
            root_certificate: root,
            login: None,
            from: "no-reply@bonded.example".parse().unwrap(),
            greets_as: String::from("api.bonded.example"),
        };
        Mailer::new(server).map(drop)
    };
    assert!(matches!(setup("not a host", None), Err(MailSetup::Host(_))));
    let directory = std::env::temp_dir();
    assert!(matches!(setup("localhost", Some(directory.join("none.pem"))), Err(MailSetup::RootCertificate(_))));
    assert!(setup("localhost", None).is_ok());
}
