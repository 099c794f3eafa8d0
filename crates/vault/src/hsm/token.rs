//! The token, as its one thread sees it: a library, a session, and the keys in it.
//!
//! Source: PKCS #11 2.40 (OASIS), by way of the `cryptoki` library. Google's library makes a key from a label and an
//! algorithm of its own numbering alone (`kmsp11.h` of Google's `kms-integrations`).

use super::{HsmError, HsmSetup};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::{AuthPin, Ulong};

/// Bytes of a wrapping key.
const KEY_BYTES: u64 = 32;

/// How the maker of Google's library calls itself.
const GOOGLE: &str = "Google";
/// `CKA_KMS_ALGORITHM`.
const GOOGLE_ALGORITHM: u64 = 0x8001_e101;
/// `AES_256_CBC` among its values.
const GOOGLE_AES_256_CBC: u64 = 43;

/// A token, entered or not.
pub(super) struct Token {
    setup: HsmSetup,
    entered: Option<Entered>,
}

struct Entered {
    session: Session,
    library: Pkcs11,
    is_google: bool,
}

impl Token {
    pub(super) const fn new(setup: HsmSetup) -> Self {
        Self { setup, entered: None }
    }

    /// Makes a key that never leaves the token, and sees that it does not.
    pub(super) fn make_key(&mut self, label: &str) -> Result<(), HsmError> {
        self.inside(|entered| {
            let key = entered.session.generate_key(&Mechanism::AesKeyGen, &entered.template(label))?;
            let asked = [AttributeType::Sensitive, AttributeType::Extractable];
            let said = entered.session.get_attributes(key, &asked)?;
            if said.contains(&Attribute::Sensitive(true)) && said.contains(&Attribute::Extractable(false)) {
                return Ok(Ok(()));
            }
            entered.session.destroy_object(key)?;
            Ok(Err(HsmError::Exposed))
        })
    }

    /// What the key makes of a challenge, two blocks of AES.
    pub(super) fn answer(&mut self, label: &str, challenge: &[u8]) -> Result<Vec<u8>, HsmError> {
        self.inside(|entered| {
            let named = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(label.as_bytes().to_vec())];
            match entered.session.find_objects(&named)?.first() {
                Some(key) => entered.session.encrypt(&Mechanism::AesCbc([0; 16]), *key, challenge).map(Ok),
                None => Ok(Err(HsmError::NoKey)),
            }
        })
    }

    /// Destroys every key whose label is doomed.
    pub(super) fn destroy(&mut self, is_doomed: impl Fn(&[u8]) -> bool) -> Result<(), HsmError> {
        self.inside(|entered| {
            for key in entered.session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)])? {
                if is_doomed(&entered.label(key)?) {
                    entered.session.destroy_object(key)?;
                }
            }
            Ok(Ok(()))
        })
    }

    /// The labels of all keys.
    #[cfg(test)]
    pub(super) fn labels(&mut self) -> Result<Vec<Vec<u8>>, HsmError> {
        self.inside(|entered| {
            let keys = entered.session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)])?;
            keys.into_iter().map(|key| entered.label(key)).collect::<Result<_, _>>().map(Ok)
        })
    }

    /// Does something in a session. After a failure the library is left, to be entered anew: most know no other way back.
    fn inside<T>(&mut self, deed: impl FnOnce(&Entered) -> Result<Result<T, HsmError>, Error>) -> Result<T, HsmError> {
        let entered = match self.entered.take() {
            Some(entered) => entered,
            None => Entered::enter(&self.setup)?,
        };
        match deed(&entered) {
            Ok(Ok(done)) => {
                self.entered = Some(entered);
                Ok(done)
            }
            Ok(Err(refusal)) => {
                entered.leave();
                Err(refusal)
            }
            Err(error) => {
                entered.leave();
                Err(refused(&error))
            }
        }
    }

    /// Leaves the library, so that the process may end.
    pub(super) fn leave(&mut self) {
        if let Some(entered) = self.entered.take() {
            entered.leave();
        }
    }
}

impl Entered {
    fn enter(setup: &HsmSetup) -> Result<Self, HsmError> {
        let library = Pkcs11::new(&setup.module).map_err(|_| HsmError::Module { module: setup.module.clone() })?;
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(refused(&error)),
        }
        match Self::log_in(&library, setup) {
            Ok((session, is_google)) => Ok(Self { session, library, is_google }),
            Err(error) => {
                let _ = library.finalize();
                Err(error)
            }
        }
    }

    fn log_in(library: &Pkcs11, setup: &HsmSetup) -> Result<(Session, bool), HsmError> {
        let maker = library.get_library_info().map_err(|error| refused(&error))?;
        let mut slots = library.get_slots_with_token().map_err(|error| refused(&error))?.into_iter();
        let labelled = |slot: &_| library.get_token_info(*slot).is_ok_and(|token| token.label().trim() == setup.token);
        let slot = slots.find(labelled).ok_or_else(|| HsmError::NoToken { token: setup.token.clone() })?;
        let session = library.open_rw_session(slot).map_err(|error| refused(&error))?;
        if let Some(pin) = &setup.pin {
            let pin = AuthPin::from(pin.expose().clone());
            match session.login(UserType::User, Some(&pin)) {
                Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
                Err(error) => return Err(refused(&error)),
            }
        }
        Ok((session, maker.manufacturer_id().starts_with(GOOGLE)))
    }

    fn template(&self, label: &str) -> Vec<Attribute> {
        let label = Attribute::Label(label.as_bytes().to_vec());
        if self.is_google {
            let algorithm = GOOGLE_AES_256_CBC.to_ne_bytes().to_vec();
            return vec![label, Attribute::VendorDefined((AttributeType::VendorDefined(GOOGLE_ALGORITHM), algorithm))];
        }
        vec![
            label,
            Attribute::ValueLen(Ulong::from(KEY_BYTES)),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(false),
        ]
    }

    fn label(&self, key: ObjectHandle) -> Result<Vec<u8>, Error> {
        let said = self.session.get_attributes(key, &[AttributeType::Label])?;
        let label = said.into_iter().find_map(|attribute| match attribute {
            Attribute::Label(label) => Some(label),
            _ => None,
        });
        Ok(label.unwrap_or_default())
    }

    fn leave(self) {
        drop(self.session);
        let _ = self.library.finalize();
    }
}

/// By the code alone.
fn refused(error: &Error) -> HsmError {
    match error {
        Error::Pkcs11(
            code @ (RvError::PinIncorrect
            | RvError::PinLocked
            | RvError::PinExpired
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::UserPinNotInitialized),
            _,
        ) => HsmError::Pin { code: format!("{code:?}") },
        Error::Pkcs11(code, doing) => HsmError::Refused { doing: format!("{doing:?}"), code: format!("{code:?}") },
        _ => HsmError::Refused { doing: "the call".to_owned(), code: "no code of PKCS#11".to_owned() },
    }
}
