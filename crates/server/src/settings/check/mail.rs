//! What the configuration says of the mail server.

use super::{Check, is_host};
use crate::settings::keys;
use bonded_base::Secret;
use bonded_connect::mail::{Begins, Login, MailServer, Sender};

/// What means nothing without a server.
const KEYS_OF_SERVER: [&str; 5] =
    [keys::MAIL_PORT, keys::MAIL_FROM, keys::MAIL_USER, keys::MAIL_PASSWORD_FILE, keys::MAIL_ROOT_CERTIFICATE];

impl Check {
    /// The mail server, if one is named. `name` is the deployment's, by which it greets.
    pub(super) fn mail(&mut self, name: &str) -> Option<MailServer> {
        let begins = self.one_of(keys::MAIL_TLS, &[("starttls", Begins::StartTls), ("implicit", Begins::Implicit)]);
        let Some(host) = self.text(keys::MAIL_HOST) else {
            for key in KEYS_OF_SERVER {
                if self.text(key).is_some() {
                    self.complain(key, "means nothing without `mail.host`");
                }
            }
            return None;
        };
        if !is_host(&host) {
            self.complain(
                keys::MAIL_HOST,
                "takes the mail server's name, as its certificate says it: smtp.example.com",
            );
        }
        let usual = if begins == Begins::Implicit { 465 } else { 587 };
        let port = self.number(keys::MAIL_PORT, 1, u16::MAX).unwrap_or(usual);
        let root_certificate = self.path(keys::MAIL_ROOT_CERTIFICATE);
        let login = self.mail_login();
        let from = self.sender()?;
        Some(MailServer { host, port, begins, root_certificate, login, from, greets_as: name.to_owned() })
    }

    fn sender(&mut self) -> Option<Sender> {
        let Some(text) = self.text(keys::MAIL_FROM) else {
            self.complain(keys::MAIL_HOST, "needs `mail.from` beside it");
            return None;
        };
        match text.parse() {
            Ok(sender) => Some(sender),
            Err(no_sender) => {
                self.complain(keys::MAIL_FROM, format!("{no_sender}"));
                None
            }
        }
    }

    fn mail_login(&mut self) -> Option<Login> {
        match (self.text(keys::MAIL_USER), self.path(keys::MAIL_PASSWORD_FILE)) {
            (Some(user), Some(file)) => {
                let password = Secret::new(self.secret_file(keys::MAIL_PASSWORD_FILE, &file));
                Some(Login { user, password })
            }
            (None, None) => None,
            (Some(_), None) => {
                self.complain(keys::MAIL_USER, "needs `mail.password_file` beside it");
                None
            }
            (None, Some(_)) => {
                self.complain(keys::MAIL_PASSWORD_FILE, "needs `mail.user` beside it");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings;
    use crate::settings::{Given, Settings};
    use bonded_connect::mail::Begins;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn checked(file: &str) -> Result<Settings, Vec<String>> {
        let mut given = Given::default();
        given.read_file(Path::new("/etc/bonded/bonded.toml"), file);
        settings(given)
    }

    #[test]
    fn a_mail_server_needs_a_name_and_a_sender() {
        let settings = checked("[mail]\nhost = \"smtp.example.com\"\nfrom = \"Bonded <no-reply@example.com>\"");
        let Ok(Settings { mail: Some(mail), .. }) = settings else { panic!("refused") };
        assert_eq!((mail.port, mail.begins), (587, Begins::StartTls));
        assert_eq!(mail.greets_as, "localhost");
        assert!(mail.login.is_none() && mail.root_certificate.is_none());
        let implicit = "[mail]\nhost = \"smtp.example.com\"\nfrom = \"x@example.com\"\ntls = \"implicit\"";
        assert!(checked(implicit).is_ok_and(|settings| settings.mail.is_some_and(|mail| mail.port == 465)));
        assert!(checked("").is_ok_and(|settings| settings.mail.is_none()));
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        let server = "host = \"smtp.example.com\"\nfrom = \"x@example.com\"";
        for (section, said) in [
            ("from = \"x@example.com\"", "means nothing without `mail.host`"),
            ("host = \"smtp.example.com\"", "needs `mail.from`"),
            ("host = \"smtp example\"\nfrom = \"x@example.com\"", "as its certificate says it"),
            ("host = \"smtp.example.com\"\nfrom = \"Bonded\"", "a sender is written like"),
            (&format!("{server}\ntls = \"none\""), "takes `starttls` or `implicit`"),
            (&format!("{server}\nport = 0"), "from 1 to 65535"),
            (&format!("{server}\nuser = \"bonded\""), "needs `mail.password_file`"),
            (&format!("{server}\npassword_file = \"/nonexistent\""), "needs `mail.user`"),
            (&format!("{server}\nuser = \"b\"\npassword_file = \"/nonexistent\""), "cannot be read"),
        ] {
            let complaints = checked(&format!("[mail]\n{section}")).map(|_| ()).expect_err(section);
            assert_eq!(complaints.len(), 1, "{section}: {complaints:?}");
            assert!(complaints[0].contains(said), "{section}: {complaints:?}");
        }
    }

    #[test]
    fn the_password_comes_from_a_file_of_the_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, "swordfish\n").unwrap();
        let file = format!(
            "[mail]\nhost = \"smtp.example.com\"\nfrom = \"x@example.com\"\nuser = \"b\"\npassword_file = \"{}\"",
            path.display()
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(checked(&file).map(|_| ()).unwrap_err()[0].contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let Ok(Settings { mail: Some(mail), .. }) = checked(&file) else { panic!("refused") };
        assert_eq!(mail.login.unwrap().password.expose(), "swordfish");
    }
}
