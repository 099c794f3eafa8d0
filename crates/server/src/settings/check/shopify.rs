//! What the configuration says of this deployment's own app at Shopify.

use super::Check;
use crate::settings::keys;
use bonded_base::Secret;
use bonded_connect::shopify::install::App;

impl Check {
    /// The app, if there is one; its secrets are read from files that their owner alone may read.
    pub(super) fn shopify_app(&mut self) -> Option<App> {
        let client_id = self.text(keys::SHOPIFY_CLIENT_ID);
        let file = self.path(keys::SHOPIFY_CLIENT_SECRET_FILE);
        let older = self.paths(keys::SHOPIFY_OLDER_SECRET_FILES);
        let (client_id, file) = match (client_id, file) {
            (Some(client_id), Some(file)) => (client_id, file),
            (None, None) => {
                if !older.is_empty() {
                    self.complain(keys::SHOPIFY_OLDER_SECRET_FILES, "needs `shopify.client_id` beside it");
                }
                return None;
            }
            (Some(_), None) => {
                self.complain(keys::SHOPIFY_CLIENT_ID, "needs `shopify.client_secret_file` beside it");
                return None;
            }
            (None, Some(_)) => {
                self.complain(keys::SHOPIFY_CLIENT_SECRET_FILE, "needs `shopify.client_id` beside it");
                return None;
            }
        };
        let client_secret = self.app_secret(keys::SHOPIFY_CLIENT_SECRET_FILE, &file);
        let older = older.iter().map(|file| self.app_secret(keys::SHOPIFY_OLDER_SECRET_FILES, file)).collect();
        Some(App { client_id, client_secret, older_secrets: older })
    }

    /// An empty secret would let everybody sign.
    fn app_secret(&mut self, key: &str, file: &std::path::Path) -> Secret<String> {
        let complaints = self.complaints.len();
        let secret = self.secret_file(key, file);
        if secret.is_empty() && self.complaints.len() == complaints {
            self.complain(key, format!("{} holds no secret in its first line", file.display()));
        }
        Secret::new(secret)
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::check;
    use crate::settings::given::Given;
    use bonded_connect::shopify::install::App;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn checked(file: &str) -> Result<Option<App>, Vec<String>> {
        let mut given = Given::default();
        given.read_file(Path::new("/etc/bonded/bonded.toml"), file);
        check::settings(given).map(|settings| settings.shopify_app)
    }

    #[test]
    fn an_app_has_an_id_and_a_secret_that_nobody_else_reads() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str, mode: u32| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        };
        let (secret, older) = (write("secret", "shpss_1\n", 0o600), write("older", "shpss_0\n", 0o600));
        let (open, empty) = (write("open", "shpss_1\n", 0o644), write("empty", "\n", 0o600));
        assert!(checked("").unwrap().is_none());
        let app = checked(&format!(
            "[shopify]\nclient_id = \"c\"\nclient_secret_file = \"{secret}\"\nolder_secret_files = [\"{older}\"]"
        ));
        let app = app.unwrap().unwrap();
        let secrets: Vec<_> = app.secrets().iter().map(|secret| secret.expose().clone()).collect();
        assert_eq!((app.client_id.as_str(), secrets), ("c", vec!["shpss_1".to_owned(), "shpss_0".to_owned()]));
        for (file, said) in [
            ("client_id = \"c\"".to_owned(), "needs `shopify.client_secret_file`"),
            (format!("client_secret_file = \"{secret}\""), "needs `shopify.client_id`"),
            (format!("older_secret_files = [\"{older}\"]"), "needs `shopify.client_id`"),
            (format!("client_id = \"c\"\nclient_secret_file = \"{open}\""), "can be read by others"),
            (format!("client_id = \"c\"\nclient_secret_file = \"{empty}\""), "holds no secret"),
            ("client_id = \"c\"\nclient_secret_file = \"/nonexistent\"".to_owned(), "cannot be read"),
        ] {
            let complaints = checked(&format!("[shopify]\n{file}")).map(|_| ()).unwrap_err();
            assert!(complaints.len() == 1 && complaints[0].contains(said), "{file}: {complaints:?}");
        }
    }
}
