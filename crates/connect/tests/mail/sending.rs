//! Good servers: the letter arrives whole, over TLS, once.

use super::{login, reaching, send};
use bonded_connect::mail::{MailFailure, Mailer};
use bonded_people::mail::TlsVersion;
use bonded_testkit::mail_server::{MailServer, Speaks, Wanted};

async fn arrives(wanted: Wanted, tls: TlsVersion) {
    let Some(mut server) = MailServer::start(wanted).await else { return };
    let mut reached = reaching(&server, wanted);
    reached.login = wanted.login.map(|_| login("swordfish"));
    let mailer = Mailer::new(reached).unwrap();
    assert_eq!(send(&mailer, "ada@example.com").await.unwrap().tls, tls);
    let taken = server.wait_for("taken", 1).await;
    assert_eq!(taken["to"], "ada@example.com");
    assert_eq!(taken["sender"], "no-reply@bonded.example");
    assert_eq!(taken["tls"], format!("TLSv{}", tls.name()), "both sides saw the same");
    let text = taken["text"].as_str().unwrap();
    for part in
        ["To: \"Ada Lovelace\" <ada@example.com>", "text/plain", "text/html", "\n.a line that begins with a dot"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(server.told("mail").await.iter().all(|told| told["tls"].is_string()), "nothing was said in clear");
    assert_eq!(taken["user"].as_str(), wanted.login.map(|_| "bonded"));
}

#[tokio::test]
async fn a_letter_arrives_over_starttls() {
    arrives(Wanted::GOOD, TlsVersion::V13).await;
}

#[tokio::test]
async fn a_letter_arrives_over_implicit_tls() {
    arrives(Wanted { speaks: Speaks::Implicit, ..Wanted::GOOD }, TlsVersion::V13).await;
}

#[tokio::test]
async fn the_version_is_the_one_that_was_agreed() {
    arrives(Wanted { newest: "1.2", ..Wanted::GOOD }, TlsVersion::V12).await;
    arrives(Wanted { newest: "1.2", speaks: Speaks::Implicit, ..Wanted::GOOD }, TlsVersion::V12).await;
}

#[tokio::test]
async fn a_password_is_shown_inside_tls_only() {
    let wanted = Wanted { login: Some("bonded:swordfish"), ..Wanted::GOOD };
    arrives(wanted, TlsVersion::V13).await;
    arrives(Wanted { speaks: Speaks::Implicit, ..wanted }, TlsVersion::V13).await;

    let Some(mut server) = MailServer::start(wanted).await else { return };
    let mut reached = reaching(&server, wanted);
    reached.login = Some(login("wrong"));
    let refused = send(&Mailer::new(reached).unwrap(), "ada@example.com").await;
    let why = MailFailure::Away("the mail server did not accept user and password (535)".into());
    assert_eq!(refused, Err(why));
    assert!(server.told("mail").await.is_empty());

    let nobody = send(&Mailer::new(reaching(&server, wanted)).unwrap(), "ada@example.com").await;
    assert!(matches!(nobody, Err(MailFailure::Away(_))), "who asks for a password gets no letter without: {nobody:?}");
    assert!(server.told("login").await.iter().all(|login| login["tls"].is_string()));
}

#[tokio::test]
async fn letters_of_one_burst_share_a_connection() {
    let Some(mut server) = MailServer::start(Wanted::GOOD).await else { return };
    let mailer = Mailer::new(reaching(&server, Wanted::GOOD)).unwrap();
    for to in ["ada@example.com", "bob@example.com", "cyd@example.com"] {
        send(&mailer, to).await.unwrap();
    }
    assert_eq!(server.told("connected").await.iter().filter(|told| told["tls"].is_null()).count(), 1);
    mailer.hang_up().await;
    server.wait_for("quit", 1).await;
    send(&mailer, "ada@example.com").await.unwrap();
    assert_eq!(server.told("taken").await.len(), 4);
}

#[tokio::test]
async fn a_server_may_tire_of_a_connection() {
    let wanted = Wanted { letters_max: 2, ..Wanted::GOOD };
    let Some(mut server) = MailServer::start(wanted).await else { return };
    let mailer = Mailer::new(reaching(&server, wanted)).unwrap();
    for number in 0..7 {
        assert!(send(&mailer, &format!("reader{number}@example.com")).await.is_ok(), "{number}");
    }
    assert_eq!((server.told("taken").await.len(), server.told("tired").await.len()), (7, 3));
}

#[tokio::test]
async fn a_refused_letter_leaves_the_connection_to_the_next() {
    let Some(mut server) = MailServer::start(Wanted::GOOD).await else { return };
    let mailer = Mailer::new(reaching(&server, Wanted::GOOD)).unwrap();
    for to in ["refused@example.com", "ada@example.com", "rejected@example.com", "bob@example.com"] {
        assert_eq!(send(&mailer, to).await.is_ok(), !to.starts_with("re"), "{to}");
    }
    let to: Vec<_> = server.told("taken").await.iter().map(|told| told["to"].clone()).collect();
    assert_eq!(to, ["ada@example.com", "bob@example.com"], "none reaches another's reader");
    assert_eq!(server.told("connected").await.iter().filter(|told| told["tls"].is_null()).count(), 1);
}

#[tokio::test]
async fn a_check_sends_nothing() {
    let wanted = Wanted { login: Some("bonded:swordfish"), ..Wanted::GOOD };
    let Some(mut server) = MailServer::start(wanted).await else { return };
    let mut reached = reaching(&server, wanted);
    reached.login = Some(login("swordfish"));
    assert_eq!(Mailer::new(reached).unwrap().check().await, Ok(TlsVersion::V13));
    server.wait_for("quit", 1).await;
    assert_eq!((server.told("noop").await.len(), server.told("mail").await.len()), (1, 0));
}
