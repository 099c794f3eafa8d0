//! The hardware module that holds the root, or that it may be moved to.

use super::super::keys;
use super::Check;
use bonded_base::Secret;
use bonded_vault::HsmSetup;
use std::sync::Arc;

impl Check {
    /// The module, if one is named.
    pub(super) fn hsm(&mut self) -> Option<HsmSetup> {
        let (module, token, pin_file) =
            (self.path(keys::HSM_MODULE), self.text(keys::HSM_TOKEN), self.path(keys::HSM_PIN_FILE));
        let pin = pin_file.as_ref().map(|file| Arc::new(Secret::new(self.secret_file(keys::HSM_PIN_FILE, file))));
        match (module, token) {
            (Some(module), Some(token)) => Some(HsmSetup { module, token, pin }),
            (None, None) => {
                if pin.is_some() {
                    self.complain(keys::HSM_PIN_FILE, "is for the module that `hsm.module` names, and none is named");
                }
                None
            }
            (module, _) => {
                let (given, missing) = if module.is_some() {
                    (keys::HSM_MODULE, keys::HSM_TOKEN)
                } else {
                    (keys::HSM_TOKEN, keys::HSM_MODULE)
                };
                self.complain(given, format!("needs `{missing}` too"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::checked;

    fn complaints(text: &str) -> Vec<String> {
        checked(text, &[]).err().unwrap()
    }

    #[test]
    fn a_module_needs_its_token_and_its_pin_is_the_owner_s_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pin");
        std::fs::write(&file, "1234\n").unwrap();
        let set = |mode| std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        let text = format!("[hsm]\nmodule = \"/lib/m.so\"\ntoken = \"t\"\npin_file = \"{}\"", file.display());
        set(0o600);
        let hsm = checked(&text, &[]).ok().unwrap().hsm.unwrap();
        assert_eq!((hsm.token.as_str(), hsm.pin.unwrap().expose().as_str()), ("t", "1234"));
        set(0o644);
        assert!(complaints(&text)[0].contains("can be read by others"));
        assert!(complaints("[hsm]\nmodule = \"/lib/m.so\"")[0].contains("needs `hsm.token` too"));
        assert!(complaints("[hsm]\ntoken = \"t\"")[0].contains("needs `hsm.module` too"));
        assert!(checked("", &[]).is_ok_and(|settings| settings.hsm.is_none()));
    }
}
