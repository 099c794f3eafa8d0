//! A real mail server, which takes the letters with the links in them, or refuses them and repeats the address.

use crate::house::House;
use bonded_testkit::mail_server::{MailServer, Wanted};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use tempfile::TempDir;

const LOGIN: &str = "postbote:kestrel-in-the-chimney-9";
/// What nobody but the mail server may see of it.
pub const PASSWORD: &str = "kestrel-in-the-chimney-9";
/// How often the mail server is asked for a letter.
const ROUNDS_MAX: usize = 20_000;
/// How often the program is asked for letters that were refused.
const LISTS_MAX: usize = 500;
const USER: &str = "postbote";

/// A mail server, and its password in a file of its own.
pub struct Letters {
    server: MailServer,
    directory: TempDir,
}

impl Letters {
    /// `None` where it is not installed: then links that are only mailed are left out, and that is said.
    pub async fn open() -> Option<Self> {
        let server = MailServer::start(Wanted { login: Some(LOGIN), ..Wanted::GOOD }).await?;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        fs::write(&file, PASSWORD).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        Some(Self { server, directory })
    }

    /// Lets a server send its mail here.
    pub fn configure(&self, command: &mut Command) {
        command
            .env("BONDED_MAIL_HOST", "localhost")
            .env("BONDED_MAIL_PORT", self.server.port().to_string())
            .env("BONDED_MAIL_FROM", "Bonded <no-reply@bonded.example>")
            .env("BONDED_MAIL_ROOT_CERTIFICATE", self.server.authority())
            .env("BONDED_MAIL_USER", USER)
            .env("BONDED_MAIL_PASSWORD_FILE", self.directory.path().join("password"));
    }

    /// The first link of this sort that was mailed there.
    pub async fn link(&mut self, to: &str, path: &str) -> String {
        for _ in 0..ROUNDS_MAX {
            for letter in self.server.told("taken").await {
                // Lines may be folded as quoted-printable folds them (RFC 2045 section 6.7).
                let text = letter["text"].as_str().unwrap().replace("=\r\n", "").replace("=3D", "=");
                let is_end = |symbol: char| symbol.is_whitespace() || "\"<>".contains(symbol);
                let link = text.split(is_end).find(|word| word.starts_with("https://") && word.contains(path));
                if let Some(link) = link.filter(|_| letter["to"].as_str().unwrap().eq_ignore_ascii_case(to)) {
                    return link.to_owned();
                }
            }
            tokio::task::yield_now().await;
        }
        panic!("no letter with a link to {path} came");
    }

    /// Waits until letters were taken, and refused with an address in the reply.
    pub async fn until_some_were_refused(&mut self, house: &House) {
        for _ in 0..LISTS_MAX {
            let held = house.must(&["mail", "list", "--json", "--state", "held"]).json();
            if held["mails"].as_array().is_some_and(|mails| !mails.is_empty()) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the mail server refused nothing");
    }
}
