//! Mail as the real program sends it: what the operator sees of it, what a bad mail server gets, and what a kill leaves.

use crate::house::{House, Server};
use bonded_base::{Id, SystemChance, SystemClock};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use bonded_ledger::{Ledger, PLATFORM, Scope};
use bonded_people::mail::{Cause, Draft, Matter, Notice, about, enqueue};
use bonded_testkit::mail_server::{MailServer, Shows, Speaks, Wanted};
use bonded_vault::{Environment, Officer, Places, Vault};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

const PASSWORD: &str = "swordfish-in-a-file";
const LOGIN: &str = "bonded:swordfish-in-a-file";

/// Queues a notice for each address, as the program itself would, while no server runs.
async fn queue(house: &House, addresses: &[&str]) {
    let places = Places { primary: house.path("bonded-data-keys"), replicas: Vec::new() };
    let vault = Vault::open(&places, Environment::Development, Arc::new(SystemChance)).unwrap();
    vault.unseal(&Officer::read(&std::fs::read(house.officer()).unwrap(), None).unwrap()).unwrap();
    let engine = SqliteEngine::open(&house.path("bonded-data/bonded.sqlite"), SqliteOptions::default()).unwrap();
    let ledger = Ledger::open(Arc::new(engine), vault, Arc::new(SystemClock), Arc::new(SystemChance));
    let draft = |to: &&str| Draft {
        cause: Cause::birth(Id::<about::Grant>::new(&SystemClock, &SystemChance)),
        to: to.parse().unwrap(),
        name: String::from("Ada"),
        matter: Matter::Notice { what: Notice::PasswordChanged, account_name: None },
    };
    enqueue(&ledger, &Scope::operator(PLATFORM), addresses.iter().map(draft).collect()).await.unwrap();
    ledger.close().await;
}

/// The command with the settings of this mail server.
fn with_mail(house: &House, mail: &MailServer, wanted: Wanted, words: &[&str]) -> Command {
    let password = house.path("mail-password");
    std::fs::write(&password, PASSWORD).unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = house.command(words);
    command
        .env("BONDED_MAIL_HOST", "localhost")
        .env("BONDED_MAIL_PORT", mail.port().to_string())
        .env("BONDED_MAIL_TLS", if wanted.speaks == Speaks::Implicit { "implicit" } else { "starttls" })
        .env("BONDED_MAIL_FROM", "Bonded <no-reply@bonded.example>")
        .env("BONDED_MAIL_ROOT_CERTIFICATE", mail.authority());
    if wanted.login.is_some() {
        command.env("BONDED_MAIL_USER", "bonded").env("BONDED_MAIL_PASSWORD_FILE", password);
    }
    command
}

fn serve(house: &House, mail: &MailServer, wanted: Wanted) -> Server {
    let server = house.serve_by(with_mail(house, mail, wanted, &["serve"]));
    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    server
}

/// The mails in a state, once there are so many.
async fn listed(house: &House, state: &str, count: usize) -> Vec<Value> {
    loop {
        let told = house.must(&["mail", "list", "--json", "--state", state]).json();
        let mails = told["mails"].as_array().unwrap().clone();
        if mails.len() >= count {
            return mails;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn mail_goes_out_and_the_operator_sees_how_without_addresses() {
    let wanted = Wanted { login: Some(LOGIN), ..Wanted::GOOD };
    let Some(mut mail) = MailServer::start(wanted).await else { return };
    let house = House::new();
    queue(&house, &["ada@example.com", "refused@example.com"]).await;
    let server = serve(&house, &mail, wanted);
    let taken = mail.wait_for("taken", 1).await;
    assert_eq!(taken["to"], "ada@example.com");
    assert!(taken["text"].as_str().unwrap().contains(&format!("https://localhost:{}", server.public.port())));

    let sent = listed(&house, "sent", 1).await;
    assert_eq!((&sent[0]["tls"], &sent[0]["matter"]), (&"1.3".into(), &"password_changed".into()));
    let held = listed(&house, "held", 1).await;
    assert_eq!(held[0]["why"], "the mail server does not take letters to this address (550)");
    let shown = house.must(&["mail", "list"]).out;
    assert!(shown.contains("held") && !shown.contains("example.com"), "{shown}");
    assert!(house.must(&["mail", "list", "--addresses"]).out.contains("refused@example.com"));

    let id = held[0]["mail"].as_str().unwrap();
    house.must(&["mail", "retry", id]);
    mail.wait_for("recipient", 3).await;
    listed(&house, "held", 1).await;
    let no_such = house.run(&["mail", "retry", sent[0]["mail"].as_str().unwrap()]);
    assert_eq!(no_such.code, 64, "{}", no_such.err);
    assert_eq!(house.run(&["mail", "list", "--state", "lost"]).code, 64);

    let log = server.stop().await;
    for secret in ["@example.com", PASSWORD, "no such mailbox"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_mail_server_without_a_good_certificate_gets_nothing_and_doctor_says_so() {
    let bad = Wanted { shows: Shows::Expired, speaks: Speaks::Implicit, ..Wanted::GOOD };
    let Some(mut mail) = MailServer::start(bad).await else { return };
    let house = House::new();
    queue(&house, &["ada@example.com"]).await;
    let server = serve(&house, &mail, bad);
    let waiting = loop {
        let waiting = listed(&house, "waiting", 1).await;
        if waiting[0]["attempts"].as_u64() > Some(0) {
            break waiting;
        }
    };
    assert_eq!(waiting[0]["why"], "the mail server's certificate has expired");
    assert!(mail.told("mail").await.is_empty());
    let doctor = with_mail(&house, &mail, bad, &["doctor"]).output().unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert_eq!(doctor.status.code(), Some(1));
    assert!(said.contains("the mail server's certificate has expired"), "{said}");
    server.stop().await;
}

#[tokio::test]
async fn doctor_tells_the_tls_of_a_good_mail_server_and_warns_where_there_is_none() {
    let wanted = Wanted { login: Some(LOGIN), ..Wanted::GOOD };
    let Some(mut mail) = MailServer::start(wanted).await else { return };
    let house = House::new();
    let doctor = with_mail(&house, &mail, wanted, &["doctor"]).output().unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains(&format!("localhost port {} takes mail over TLS 1.3", mail.port())), "{said}");
    assert!(mail.told("mail").await.is_empty() && mail.told("noop").await.len() == 1);
    assert!(house.run(&["doctor"]).out.contains("no mail server is named"));

    let log = house.serve().stop().await;
    assert_eq!(log.matches("no mail server is named").count(), 1, "said once, at the start");
}

#[tokio::test]
async fn what_the_server_took_while_the_vault_was_sealed_is_not_sent_again() {
    let Some(mut mail) = MailServer::start(Wanted::GOOD).await else { return };
    let house = House::new();
    queue(&house, &["slow@example.com"]).await;
    let server = serve(&house, &mail, Wanted::GOOD);
    mail.wait_for("taken", 1).await;
    house.must(&["keys", "seal"]);
    mail.answer();
    mail.wait_for("quit", 1).await;
    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    assert_eq!(listed(&house, "sent", 1).await[0]["attempts"], 1);
    assert_eq!(mail.told("taken").await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_kill_between_sending_and_writing_it_down_loses_no_mail() {
    let Some(mut mail) = MailServer::start(Wanted::GOOD).await else { return };
    let house = House::new();
    queue(&house, &["silent@example.com"]).await;
    let server = serve(&house, &mail, Wanted::GOOD);
    mail.wait_for("taken", 1).await;
    server.kill();

    let server = serve(&house, &mail, Wanted::GOOD);
    // Once the killed one's lease is over.
    mail.wait_for("taken", 2).await;
    let sent = listed(&house, "sent", 1).await;
    assert_eq!(sent[0]["attempts"], 1, "the first attempt was never written down");
    assert_eq!(mail.told("taken").await.len(), 2);
    server.stop().await;
}
