//! Letters as messages: headers, and the two forms of one text.
//!
//! Source: RFC 5322 (headers), RFC 2046 section 5.1.4 (alternatives), RFC 3834 (`Auto-Submitted`).

use super::MailFailure;
use bonded_base::Moment;
use bonded_people::mail::Letter;
use lettre::Message;
use lettre::address::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// Whom letters are from: `Bonded <no-reply@example.com>`.
#[derive(Clone)]
pub struct Sender(Mailbox);

/// That is no sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sender is written like Bonded <no-reply@example.com>")]
pub struct NoSender;

impl FromStr for Sender {
    type Err = NoSender;

    fn from_str(text: &str) -> Result<Self, NoSender> {
        if text.chars().any(char::is_control) {
            return Err(NoSender);
        }
        text.parse().map(Self).map_err(|_| NoSender)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl Sender {
    pub(super) fn address(&self) -> Address {
        self.0.email.clone()
    }
}

/// The address that a letter goes to, and its message as bytes, lines ended by CR LF.
pub(super) fn of(letter: &Letter, from: &Sender, at: Moment) -> Result<(Address, Vec<u8>), MailFailure> {
    let unwritable = || MailFailure::Never("no letter can be written to this address".into());
    let to: Address = letter.to.expose().parse().map_err(|_| unwritable())?;
    let name = Some(one_line(&letter.name)).filter(|name| !name.is_empty());
    // The same mail has the same Message-ID and boundary each time it is sent: its reader can tell a repetition.
    let id = letter.id;
    let body = MultiPart::alternative()
        .boundary(format!("={id}="))
        .singlepart(SinglePart::plain(letter.text.expose().clone()))
        .singlepart(SinglePart::html(letter.html.expose().clone()));
    let message = Message::builder()
        .from(from.0.clone())
        .to(Mailbox::new(name, to.clone()))
        .subject(one_line(&letter.subject))
        .date(time(at))
        .message_id(Some(format!("<{id}@{}>", from.0.email.domain())))
        .header(AutoSubmitted)
        .multipart(body)
        .map_err(|_| unwritable())?;
    Ok((to, message.formatted()))
}

/// A header's value ends with its line; `lettre` ends the process over a name that has more than one.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn time(at: Moment) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.millis().try_into().unwrap_or(0))
}

/// Says that no person wrote this, so that no automatic answer is sent.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), String::from("auto-generated"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::{Id, Secret};

    fn message(name: &str, subject: &str) -> String {
        let letter = Letter {
            id: Id::from_bytes([1; 16]),
            to: "ada@example.com".parse().unwrap(),
            name: name.to_owned(),
            subject: subject.to_owned(),
            text: Secret::new(String::from("Hello,\n\nyou are invited: é\n.\n")),
            html: Secret::new(String::from("<p>Hello</p>")),
        };
        let from = "Bonded <no-reply@bonded.example>".parse().unwrap();
        let (_, bytes) = of(&letter, &from, Moment::from_millis(1_795_339_800_000)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_message_has_its_headers_and_two_forms_of_one_text() {
        let message = message("Ada Lovelace", "Reset your Bonded password");
        for line in [
            "From: Bonded <no-reply@bonded.example>",
            "To: \"Ada Lovelace\" <ada@example.com>",
            "Subject: Reset your Bonded password",
            "Date: Sun, 22 Nov 2026 09:30:00 +0000",
            "Message-ID: <mail_01040g2081040g2081040g2081@bonded.example>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(message.lines().any(|found| found == line), "{line}\n{message}");
        }
        let plain = message.find("Content-Type: text/plain; charset=utf-8").unwrap();
        assert!(plain < message.find("Content-Type: text/html; charset=utf-8").unwrap(), "the best form comes last");
        assert!(message.contains("multipart/alternative"));
        assert!(message.is_ascii(), "no server needs to know more than ASCII");
        assert!(!message.replace("\r\n", "").contains(['\r', '\n']));
    }

    #[test]
    fn nobody_s_name_makes_another_header() {
        for name in
            ["Eve\r\nBcc: all@example.com", "Eve\nBcc: all@example.com", "Eve\r\n\r\nbody", "a, b <c@d.example>"]
        {
            let message = message(name, name);
            let head = message.split("\r\n\r\n").next().unwrap();
            assert!(!head.lines().any(|line| line.starts_with("Bcc") || line.starts_with("body")), "{head}");
            assert_eq!(head.lines().filter(|line| line.starts_with("To:")).count(), 1);
            assert!(head.contains("MIME-Version"), "{head}");
        }
        let other = message("a, b <c@d.example>", "x");
        assert!(!other.contains("c@d.example"), "{other}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_a_message(name in ".{0,80}", subject in "(?s).{0,200}") {
            let message = message(&name, &subject);
            let head = message.split("\r\n\r\n").next().unwrap();
            let names: Vec<_> = head
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap())
                .collect();
            let wanted = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
            assert_eq!(names, wanted, "{head}");
            assert!(message.is_ascii() && message.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
        }
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for good in ["no-reply@example.com", "Bonded <no-reply@example.com>", "\"B, onded\" <x@example.com>"] {
            assert!(good.parse::<Sender>().is_ok(), "{good}");
        }
        for bad in ["", "Bonded", "Bonded <>", "a@b@c", "Bonded <x@example.com>\r\nBcc: y@example.com"] {
            assert!(bad.parse::<Sender>().is_err(), "{bad}");
        }
    }
}
