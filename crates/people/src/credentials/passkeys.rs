//! Passkeys: keys that a device or a small stick holds, which sign what this origin asks and nothing else.
//!
//! Web Authentication Level 3, by `webauthn-rs`. Every passkey must recognise its owner (a PIN, a finger, a face), so
//! it is two factors at once, and must be found by the device alone, so that nobody need say who they are. Attestation
//! is not asked for: which make of key people use is their own business.
//!
//! A ceremony has two halves. The first gives options as JSON for `navigator.credentials.create` or `.get`
//! (`PublicKeyCredential.parseCreationOptionsFromJSON`); the second takes what its `toJSON()` gave. Between them the
//! state stays here in memory, bound to whoever began.

mod ceremonies;

pub use ceremonies::{Binding, KEPT_MAX, WAIT_MS_MAX};

use super::CredentialError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bonded_base::{Chance, Moment, Problem, Reason};
use bonded_vault::{ApprovalKey, Assertion};
use ceremonies::Shelf;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use webauthn_rs::prelude::{
    AuthenticationResult, COSEAlgorithm, COSEKey, COSEKeyType, Credential, DiscoverableAuthentication,
    PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid, Webauthn,
    WebauthnBuilder, WebauthnError,
};

/// Passkeys that a person may have.
pub const PASSKEYS_MAX: usize = 20;
/// Characters of the name that a person gives a passkey.
pub const NAME_CHARS_MAX: usize = 60;
/// Bytes of a credential id at most (Web Authentication Level 3, section 5.8.3).
pub const ID_BYTES_MAX: usize = 1023;

/// Ways to reach a passkey that a browser may tell, as hints for the next time.
const TRANSPORTS: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];
/// What keys may sign with: ES256 and RS256 (RFC 9053, RFC 8812). All authenticators have one of them.
const ALGORITHMS: [i64; 2] = [-7, -257];

/// A passkey, as a record holds it. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passkey {
    /// The credential's id in base64url; unique in the deployment.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What its signatures are verified with where only the vault is believed.
    pub public_key: ApprovalKey,
    /// How the browser may reach it: `usb`, `internal`.
    pub transports: Vec<String>,
    /// Whether its owner's devices may copy it among themselves.
    pub synced: bool,
    /// When it was enrolled.
    pub enrolled_at: Moment,
    /// When it signed last.
    pub last_used_at: Option<Moment>,
    credential: webauthn_rs::prelude::Passkey,
}

/// The library compares ids, which is an equivalence.
impl Eq for Passkey {}

impl Passkey {
    /// Whether it has this credential id.
    pub fn is(&self, credential_id: &[u8]) -> bool {
        self.id == BASE64URL.encode(credential_id)
    }
}

/// Whose passkey is to be enrolled, and what the browser calls them.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// The 16 bytes of the person's id.
    pub person: [u8; 16],
    /// Their mail address.
    pub mail: &'a str,
    /// Their name.
    pub name: &'a str,
}

/// The first half of a ceremony.
pub struct Begun {
    /// To be sent back with the answer.
    pub ceremony: String,
    /// What the browser is to be asked with.
    pub options: Value,
}

/// Who an answer says it is from, before anything of it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The 16 bytes of the person's id.
    pub person: [u8; 16],
    /// The credential's id, as [`Passkey::id`] has it.
    pub passkey: String,
}

/// Where passkeys are enrolled and asked; one for each origin that people sign in at.
pub struct Passkeys {
    webauthn: Webauthn,
    relying_party: String,
    enrolments: Shelf<(PasskeyRegistration, Vec<String>)>,
    sign_ins: Shelf<([u8; 16], PasskeyAuthentication)>,
    /// By themselves, so that strangers who begin many cannot push out what known persons began.
    alone: Shelf<DiscoverableAuthentication>,
}

impl Passkeys {
    /// For a relying party (`bonded.example`) at an origin (`https://app.bonded.example`), called `name`.
    ///
    /// # Errors
    /// If the origin is none, or is not the relying party's or below it.
    pub fn new(relying_party: &str, origin: &str, name: &str) -> Result<Self, Problem> {
        let wrong = || Problem::new(Reason::Invalid, "passkeys need an origin with a name, at or below their domain");
        let origin = Url::parse(origin).map_err(|_| wrong())?;
        let webauthn = WebauthnBuilder::new(relying_party, &origin)
            .map(|builder| builder.rp_name(name).timeout(Duration::from_millis(WAIT_MS_MAX.unsigned_abs())))
            .and_then(WebauthnBuilder::build)
            .map_err(|_| wrong())?;
        let relying_party = relying_party.to_owned();
        Ok(Self { webauthn, relying_party, enrolments: Shelf::new(), sign_ins: Shelf::new(), alone: Shelf::new() })
    }

    /// The relying party's id: what passkeys are bound to, for good.
    pub fn relying_party(&self) -> &str {
        &self.relying_party
    }

    /// Begins to enrol a passkey. `existing` are those the person has.
    pub fn begin_enrolment(
        &self,
        owner: Owner<'_>,
        existing: &[Passkey],
        binding: Binding,
        now: Moment,
        chance: &dyn Chance,
    ) -> Result<Begun, CredentialError> {
        if existing.len() >= PASSKEYS_MAX {
            return Err(Problem::new(Reason::TooMuch, "a person has at most 20 passkeys: remove one first").into());
        }
        let ids = existing.iter().map(|passkey| passkey.credential.cred_id().clone()).collect();
        let person = Uuid::from_bytes(owner.person);
        let (challenge, state) = self
            .webauthn
            .start_passkey_registration(person, owner.mail, owner.name, Some(ids))
            .map_err(|_| not_begun())?;
        let mut options = inner(&challenge)?;
        // The library's passkeys may be found by their id alone; ours must be found without one.
        if let Some(selection) = options.get_mut("authenticatorSelection") {
            set(selection, "residentKey", json!("required"));
            set(selection, "requireResidentKey", json!(true));
        }
        let algorithms = ALGORITHMS.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
        set(&mut options, "pubKeyCredParams", algorithms);
        let ids = existing.iter().map(|passkey| passkey.id.clone()).collect();
        Ok(Begun { ceremony: self.enrolments.put((state, ids), binding, now, chance), options })
    }

    /// Enrols the passkey that answered, under the name that its owner gives it.
    ///
    /// # Errors
    /// A [`Problem`] that helps its owner; [`CredentialError::NotProven`] if the ceremony is over, or another's.
    pub fn finish_enrolment(
        &self,
        ceremony: &str,
        binding: Binding,
        name: &str,
        answer: &Value,
        now: Moment,
    ) -> Result<Passkey, CredentialError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(Problem::invalid("/name", "a passkey needs a name of 1 to 60 characters").into());
        }
        let (state, existing) = self.enrolments.take(ceremony, binding, now)?;
        let found = answer.pointer("/clientExtensionResults/credProps/rk").and_then(Value::as_bool) != Some(false);
        let response = RegisterPublicKeyCredential::deserialize(answer).map_err(|_| not_enrolled())?;
        if !found || response.raw_id.len() > ID_BYTES_MAX || is_framed(&response.response.client_data_json) {
            return Err(not_enrolled());
        }
        let credential =
            self.webauthn.finish_passkey_registration(&response, &state).map_err(|error| why_not_enrolled(&error))?;
        let id = BASE64URL.encode(credential.cred_id());
        if existing.contains(&id) {
            return Err(Problem::new(Reason::Duplicate, "this passkey is enrolled already").into());
        }
        Ok(Passkey {
            id,
            name: name.to_owned(),
            public_key: public_key(credential.get_public_key()).ok_or_else(not_enrolled)?,
            transports: transports(answer),
            synced: Credential::from(credential.clone()).backup_eligible,
            enrolled_at: now,
            last_used_at: None,
            credential,
        })
    }

    /// Begins to ask a known person for one of their passkeys.
    pub fn begin_sign_in(
        &self,
        person: [u8; 16],
        passkeys: &[Passkey],
        binding: Binding,
        now: Moment,
        chance: &dyn Chance,
    ) -> Result<Begun, CredentialError> {
        let credentials: Vec<_> = passkeys.iter().map(|passkey| passkey.credential.clone()).collect();
        if credentials.is_empty() {
            return Err(CredentialError::NotProven);
        }
        let (challenge, state) = self.webauthn.start_passkey_authentication(&credentials).map_err(|_| not_begun())?;
        let mut options = inner(&challenge)?;
        set(&mut options, "allowCredentials", allowed(passkeys));
        Ok(Begun { ceremony: self.sign_ins.put((person, state), binding, now, chance), options })
    }

    /// Takes a known person's answer; says which passkey signed, and notes it there. The record must be kept before
    /// anybody is let in.
    ///
    /// # Errors
    /// [`CredentialError::NotProven`], whatever the reason.
    pub fn finish_sign_in(
        &self,
        ceremony: &str,
        binding: Binding,
        passkeys: &mut [Passkey],
        answer: &Value,
        now: Moment,
    ) -> Result<String, CredentialError> {
        let (person, state) = self.sign_ins.take(ceremony, binding, now)?;
        let response = response(answer)?;
        if response.get_user_unique_id().is_some_and(|handle| handle != person) {
            return Err(CredentialError::NotProven);
        }
        let result = self.webauthn.finish_passkey_authentication(&response, &state);
        noted(&result.map_err(|_| CredentialError::NotProven)?, passkeys, now)
    }

    /// Begins to ask for any passkey of this relying party, before anybody has said who they are.
    pub fn begin_alone(&self, binding: Binding, now: Moment, chance: &dyn Chance) -> Result<Begun, CredentialError> {
        let (challenge, state) = self.webauthn.start_discoverable_authentication().map_err(|_| not_begun())?;
        Ok(Begun { ceremony: self.alone.put(state, binding, now, chance), options: inner(&challenge)? })
    }

    /// Who an answer to [`Passkeys::begin_alone`] says it is from, so that their passkeys can be looked up.
    ///
    /// # Errors
    /// [`CredentialError::NotProven`] if it does not say.
    pub fn claim(&self, answer: &Value) -> Result<Claim, CredentialError> {
        let response = response(answer)?;
        let claimed = self.webauthn.identify_discoverable_authentication(&response);
        let (person, passkey) = claimed.map_err(|_| CredentialError::NotProven)?;
        Ok(Claim { person: person.into_bytes(), passkey: BASE64URL.encode(passkey) })
    }

    /// Takes the answer of someone who has not said who they are, with the passkeys of `person`, whom it claims to be.
    /// As [`Passkeys::finish_sign_in`] otherwise.
    pub fn finish_alone(
        &self,
        ceremony: &str,
        binding: Binding,
        person: [u8; 16],
        passkeys: &mut [Passkey],
        answer: &Value,
        now: Moment,
    ) -> Result<String, CredentialError> {
        let state = self.alone.take(ceremony, binding, now)?;
        let claim = self.claim(answer)?;
        let passkey = passkeys.iter().find(|passkey| passkey.id == claim.passkey && claim.person == person);
        let credential = passkey.ok_or(CredentialError::NotProven)?.credential.clone();
        let result = self.webauthn.finish_discoverable_authentication_v2(&response(answer)?, state, &credential);
        noted(&result.map_err(|_| CredentialError::NotProven)?, passkeys, now)
    }

    /// What a browser is to be asked with so that one of these passkeys signs this challenge: for approvals, which the
    /// vault verifies itself.
    pub fn approval_options(&self, challenge: &[u8], passkeys: &[Passkey]) -> Value {
        json!({
            "challenge": BASE64URL.encode(challenge),
            "rpId": self.relying_party,
            "allowCredentials": allowed(passkeys),
            "userVerification": "required",
            "timeout": WAIT_MS_MAX,
        })
    }
}

/// The signature in an answer to [`Passkeys::approval_options`], for the vault to verify, and nothing checked yet.
///
/// # Errors
/// [`CredentialError::NotProven`] if it is no answer.
pub fn approval_answer(answer: &Value) -> Result<Assertion, CredentialError> {
    let PublicKeyCredential { raw_id, response, .. } = response(answer)?;
    Ok(Assertion {
        credential_id: raw_id,
        client_data_json: response.client_data_json,
        authenticator_data: response.authenticator_data,
        signature: response.signature,
    })
}

fn response(answer: &Value) -> Result<PublicKeyCredential, CredentialError> {
    let response = PublicKeyCredential::deserialize(answer).map_err(|_| CredentialError::NotProven)?;
    if is_framed(&response.response.client_data_json) {
        return Err(CredentialError::NotProven);
    }
    Ok(response)
}

/// Whether the page was shown inside another site's; the library looks at this only when a passkey is enrolled.
fn is_framed(client_data_json: &[u8]) -> bool {
    let client_data: Value = serde_json::from_slice(client_data_json).unwrap_or_default();
    client_data.get("crossOrigin").is_some_and(|framed| *framed != json!(false))
        || client_data.get("topOrigin").is_some()
}

/// Notes a signature on the passkey that made it.
fn noted(result: &AuthenticationResult, passkeys: &mut [Passkey], now: Moment) -> Result<String, CredentialError> {
    let id = BASE64URL.encode(result.cred_id());
    let passkey = passkeys.iter_mut().find(|passkey| passkey.id == id).ok_or(CredentialError::NotProven)?;
    // The library compared with the counter as it was when the ceremony began; another may have ended since.
    let counted = Credential::from(passkey.credential.clone()).counter;
    if (counted > 0 || result.counter() > 0) && result.counter() <= counted {
        return Err(CredentialError::NotProven);
    }
    passkey.credential.update_credential(result);
    passkey.synced = result.backup_eligible();
    passkey.last_used_at = Some(now);
    Ok(id)
}

/// The public key in the form that the vault understands; `None` for algorithms that were not asked for.
fn public_key(key: &COSEKey) -> Option<ApprovalKey> {
    match (key.type_, &key.key) {
        (COSEAlgorithm::ES256, COSEKeyType::EC_EC2(point)) => {
            Some(ApprovalKey::Es256 { x: point.x.clone(), y: point.y.clone() })
        }
        (COSEAlgorithm::EDDSA, COSEKeyType::EC_OKP(point)) => Some(ApprovalKey::EdDsa { key: point.x.clone() }),
        (COSEAlgorithm::RS256, COSEKeyType::RSA(rsa)) => {
            Some(ApprovalKey::Rs256 { n: rsa.n.clone(), e: rsa.e.to_vec() })
        }
        _ => None,
    }
}

/// The known ones of the transports that the browser tells.
fn transports(answer: &Value) -> Vec<String> {
    let told = answer.pointer("/response/transports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    TRANSPORTS.iter().filter(|known| told.contains(&json!(known))).map(|known| (*known).to_owned()).collect()
}

fn allowed(passkeys: &[Passkey]) -> Value {
    passkeys
        .iter()
        .map(|passkey| json!({ "type": "public-key", "id": passkey.id, "transports": passkey.transports }))
        .collect()
}

/// The options themselves, without the wrapping that the browser's function wants around them.
fn inner(challenge: &impl Serialize) -> Result<Value, CredentialError> {
    let mut whole = serde_json::to_value(challenge).map_err(|_| not_begun())?;
    whole.get_mut("publicKey").map(Value::take).ok_or_else(not_begun)
}

fn set(object: &mut Value, member: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
}

fn not_begun() -> CredentialError {
    Problem::new(Reason::Unavailable, "passkeys cannot be asked for at this moment").into()
}

fn not_enrolled() -> CredentialError {
    Problem::invalid("/credential", "this passkey could not be enrolled: begin again, or use another one").into()
}

fn why_not_enrolled(error: &WebauthnError) -> CredentialError {
    match error {
        WebauthnError::UserNotVerified => {
            let detail = "this passkey does not ask for a PIN, a finger or a face: set one up on it, and begin again";
            Problem::invalid("/credential", detail).into()
        }
        _ => not_enrolled(),
    }
}
