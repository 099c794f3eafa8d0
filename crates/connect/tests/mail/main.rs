//! Letters handed to a real mail server, a good one and bad ones.

#![cfg(test)]

mod refusals;
mod sending;

use bonded_base::{Id, Moment, Secret};
use bonded_connect::mail::{Begins, Login, MailFailure, MailServer, Mailer, Sent};
use bonded_people::mail::Letter;
use bonded_testkit::mail_server::{self, Speaks, Wanted};

/// When every letter of these tests is sent: 2026-11-22T09:30:00Z.
const NOW: Moment = Moment::from_millis(1_795_339_800_000);

/// How to reach a test's server.
fn reaching(server: &mail_server::MailServer, wanted: Wanted) -> MailServer {
    let begins = if wanted.speaks == Speaks::Implicit { Begins::Implicit } else { Begins::StartTls };
    MailServer {
        host: String::from("localhost"),
        port: server.port(),
        begins,
        root_certificate: Some(server.authority()),
        login: None,
        from: "Bonded <no-reply@bonded.example>".parse().unwrap(),
        greets_as: String::from("api.bonded.example"),
    }
}

fn login(password: &str) -> Login {
    Login { user: String::from("bonded"), password: Secret::new(password.to_owned()) }
}

fn letter(to: &str) -> Letter {
    Letter {
        id: Id::from_bytes([1; 16]),
        to: to.parse().unwrap(),
        name: String::from("Ada Lovelace"),
        subject: String::from("Reset your Bonded password"),
        text: Secret::new(String::from("Hello Ada,\n\n.a line that begins with a dot, and é\n")),
        html: Secret::new(String::from("<p>Hello Ada,</p>")),
    }
}

async fn send(mailer: &Mailer, to: &str) -> Result<Sent, MailFailure> {
    mailer.send(&letter(to), NOW).await
}
