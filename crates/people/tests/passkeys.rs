//! Passkeys from the day they are enrolled, with an authenticator in software, and everything that must be refused.

use bonded_base::{Chance as _, Moment};
use bonded_people::credentials::CredentialError;
use bonded_people::credentials::passkeys::{
    Begun, Binding, Claim, NAME_CHARS_MAX, Owner, PASSKEYS_MAX, Passkey, Passkeys, WAIT_MS_MAX, approval_answer,
};
use bonded_testkit::authenticator::SoftKey;
use bonded_testkit::ledger::{BEGINNING, SeededChance};
use bonded_vault::ApprovalKey;
use serde_json::{Value, json};

const RP: &str = "bonded.example";
const ORIGIN: &str = "https://app.bonded.example";
const ADA: [u8; 16] = [7; 16];
const EVE: [u8; 16] = [8; 16];
const NOW: Moment = BEGINNING;

struct Door {
    passkeys: Passkeys,
    chance: SeededChance,
}

#[expect(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]
impl Door {
    fn new() -> Self {
        Self { passkeys: Passkeys::new(RP, ORIGIN, "Bonded").unwrap(), chance: SeededChance::of(3) }
    }

    fn binding() -> Binding {
        Binding::to(b"a session of Ada's")
    }

    fn begin_enrolment(&self, existing: &[Passkey]) -> Begun {
        let owner = Owner { person: ADA, mail: "ada@example.com", name: "Ada Lovelace" };
        self.passkeys.begin_enrolment(owner, existing, Self::binding(), NOW, &self.chance).unwrap()
    }

    fn finish_enrolment(&self, begun: &Begun, answer: &Value) -> Result<Passkey, CredentialError> {
        self.passkeys.finish_enrolment(&begun.ceremony, Self::binding(), "blue key", answer, NOW)
    }

    fn enrolled(&self, key: &SoftKey) -> Passkey {
        let begun = self.begin_enrolment(&[]);
        self.finish_enrolment(&begun, &key.create(&begun.options)).unwrap()
    }

    fn begin(&self, passkeys: &[Passkey]) -> Begun {
        self.passkeys.begin_sign_in(ADA, passkeys, Self::binding(), NOW, &self.chance).unwrap()
    }

    fn finish(&self, begun: &Begun, passkeys: &mut [Passkey], answer: &Value) -> Result<String, CredentialError> {
        self.passkeys.finish_sign_in(&begun.ceremony, Self::binding(), passkeys, answer, NOW)
    }

    fn begin_alone(&self) -> Begun {
        self.passkeys.begin_alone(Self::binding(), NOW, &self.chance).unwrap()
    }

    fn finish_alone(
        &self,
        begun: &Begun,
        person: [u8; 16],
        passkeys: &mut [Passkey],
        answer: &Value,
    ) -> Result<String, CredentialError> {
        self.passkeys.finish_alone(&begun.ceremony, Self::binding(), person, passkeys, answer, NOW)
    }
}

fn key() -> SoftKey {
    SoftKey::new(RP, ORIGIN)
}

const fn is_not_proven<T>(outcome: &Result<T, CredentialError>) -> bool {
    matches!(outcome, Err(CredentialError::NotProven))
}

const fn is_a_problem<T>(outcome: &Result<T, CredentialError>) -> bool {
    matches!(outcome, Err(CredentialError::Problem(_)))
}

#[test]
fn a_passkey_is_enrolled_as_asked() {
    let (door, key) = (Door::new(), key());
    let begun = door.begin_enrolment(&[]);
    let options = &begun.options;
    assert_eq!(options["rp"], json!({ "id": RP, "name": "Bonded" }));
    assert_eq!(options["user"]["name"], "ada@example.com");
    assert_eq!(options["attestation"], "none");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    let algorithms: Vec<_> = options["pubKeyCredParams"].as_array().unwrap().iter().map(|one| &one["alg"]).collect();
    assert_eq!(algorithms, [&json!(-7), &json!(-257)]);
    let passkey = door.finish_enrolment(&begun, &key.create(options)).unwrap();
    assert_eq!((passkey.name.as_str(), passkey.synced), ("blue key", false));
    assert_eq!(passkey.transports, ["usb", "nfc"]);
    let (x, y) = key.public_key();
    assert_eq!(passkey.public_key, ApprovalKey::Es256 { x: x.to_vec(), y: y.to_vec() });
    assert_eq!(key.user_handle(), Some(ADA.to_vec()));
    let kept: Passkey = serde_json::from_str(&serde_json::to_string(&passkey).unwrap()).unwrap();
    assert_eq!(kept, passkey);
    // Kept and read again, it still signs in.
    let begun = door.begin(std::slice::from_ref(&kept));
    assert!(door.finish(&begun, &mut [kept], &key.get(&begun.options)).is_ok());
}

#[test]
fn enrolments_that_are_not_as_asked_are_refused() {
    let door = Door::new();
    let refused = |key: SoftKey| {
        let begun = door.begin_enrolment(&[]);
        let answer = key.create(&begun.options);
        is_a_problem(&door.finish_enrolment(&begun, &answer))
    };
    assert!(!refused(key()));
    assert!(!refused(key().synced()));
    assert!(refused(key().at(RP, "https://app.bonded.example.evil.example")), "another origin");
    assert!(refused(key().at(RP, "https://bonded.example")), "an origin above");
    assert!(refused(key().at(RP, "https://app.bonded.example:8443")), "another port");
    assert!(refused(key().at(RP, "http://app.bonded.example")), "without TLS");
    assert!(refused(key().at("evil.example", ORIGIN)), "another relying party");
    assert!(refused(key().without_verification()), "nobody was recognised");
    let begun = door.begin_enrolment(&[]);
    let other = door.begin_enrolment(&[]);
    assert!(is_a_problem(&door.finish_enrolment(&begun, &key().create(&other.options))), "another challenge");
    for (pointer, value) in [
        ("/clientExtensionResults/credProps/rk", json!(false)),
        ("/response/attestationObject", json!("AAAA")),
        ("/response/clientDataJSON", json!("e30")),
        ("/response", Value::Null),
        ("", Value::Null),
    ] {
        let begun = door.begin_enrolment(&[]);
        let mut answer = key().create(&begun.options);
        *answer.pointer_mut(pointer).unwrap() = value;
        assert!(is_a_problem(&door.finish_enrolment(&begun, &answer)), "{pointer}");
    }
}

#[test]
fn an_enrolment_is_finished_once_by_whoever_began_it_and_in_time() {
    let (door, key) = (Door::new(), key());
    let begun = door.begin_enrolment(&[]);
    let answer = key.create(&begun.options);
    let finish = |binding: Binding, name: &str, now: Moment| {
        door.passkeys.finish_enrolment(&begun.ceremony, binding, name, &answer, now)
    };
    assert!(is_not_proven(&finish(Binding::to(b"a session of Eve's"), "key", NOW)));
    for name in ["", "   ", "a\nb", &"x".repeat(NAME_CHARS_MAX + 1)] {
        assert!(is_a_problem(&finish(Door::binding(), name, NOW)), "{name}");
    }
    assert_eq!(finish(Door::binding(), " key ", NOW).unwrap().name, "key");
    assert!(is_not_proven(&finish(Door::binding(), "key", NOW)), "again");
    let begun = door.begin_enrolment(&[]);
    let answer = key.create(&begun.options);
    let late = NOW.plus_millis(WAIT_MS_MAX);
    let outcome = door.passkeys.finish_enrolment(&begun.ceremony, Door::binding(), "key", &answer, late);
    assert!(is_not_proven(&outcome), "too late");
}

#[test]
fn one_key_is_enrolled_once_and_a_person_has_only_so_many() {
    let (door, key) = (Door::new(), key());
    let first = door.enrolled(&key);
    let begun = door.begin_enrolment(std::slice::from_ref(&first));
    assert_eq!(begun.options["excludeCredentials"][0]["id"], first.id);
    // A browser that does not heed the list.
    let mut options = begun.options.clone();
    options["excludeCredentials"] = json!([]);
    assert!(is_a_problem(&door.finish_enrolment(&begun, &key.create(&options))));
    let many = vec![first; PASSKEYS_MAX];
    let owner = Owner { person: ADA, mail: "ada@example.com", name: "Ada" };
    let one_more = door.passkeys.begin_enrolment(owner, &many, Door::binding(), NOW, &door.chance);
    assert!(is_a_problem(&one_more));
}

#[test]
fn a_known_person_signs_in_with_one_of_several() {
    let (door, blue, red) = (Door::new(), key(), key());
    let mut passkeys = [door.enrolled(&blue), door.enrolled(&red)];
    let begun = door.begin(&passkeys);
    assert_eq!(begun.options["allowCredentials"].as_array().unwrap().len(), 2);
    assert_eq!(begun.options["allowCredentials"][1]["transports"], json!(["usb", "nfc"]));
    assert_eq!(begun.options["userVerification"], "required");
    let used = door.finish(&begun, &mut passkeys, &red.get(&begun.options)).unwrap();
    assert_eq!(used, passkeys[1].id);
    assert_eq!((passkeys[0].last_used_at, passkeys[1].last_used_at), (None, Some(NOW)));
    assert!(is_not_proven(&door.passkeys.begin_sign_in(ADA, &[], Door::binding(), NOW, &door.chance).map(|_| ())));
}

#[test]
fn a_synced_passkey_counts_nothing_and_signs_in_all_the_same() {
    let (door, key) = (Door::new(), key().synced());
    let mut passkeys = [door.enrolled(&key)];
    assert!(passkeys[0].synced);
    for _ in 0..3 {
        let begun = door.begin(&passkeys);
        assert!(door.finish(&begun, &mut passkeys, &key.get(&begun.options)).is_ok());
    }
}

#[test]
fn sign_ins_that_are_not_as_asked_are_refused() {
    let (door, key) = (Door::new(), key());
    let passkeys = [door.enrolled(&key)];
    let refused = |key: &SoftKey| {
        let begun = door.begin(&passkeys);
        is_not_proven(&door.finish(&begun, &mut passkeys.clone(), &key.get(&begun.options)))
    };
    assert!(!refused(&key));
    let key = key.at(RP, "https://app.bonded.example.evil.example");
    assert!(refused(&key), "another origin");
    let key = key.at("evil.example", ORIGIN);
    assert!(refused(&key), "another relying party");
    let key = key.at(RP, ORIGIN);
    assert!(!refused(&key));
    key.wind_back_to(0);
    let mut later = passkeys.clone();
    let begun = door.begin(&later);
    assert!(is_not_proven(&door.finish(&begun, &mut later, &key.get(&begun.options))), "the counter went back");
    key.wind_back_to(100);
    let key = key.without_verification();
    assert!(refused(&key), "nobody was recognised");
}

#[test]
fn answers_that_were_touched_are_refused() {
    let (door, key) = (Door::new(), key());
    let passkeys = [door.enrolled(&key)];
    let touch = |pointer: &str, touched: &dyn Fn(&str) -> String| {
        let begun = door.begin(&passkeys);
        let mut answer = key.get(&begun.options);
        let value = answer.pointer_mut(pointer).unwrap();
        *value = json!(touched(value.as_str().unwrap()));
        door.finish(&begun, &mut passkeys.clone(), &answer)
    };
    for pointer in ["/response/signature", "/response/authenticatorData", "/response/clientDataJSON", "/rawId"] {
        assert!(touch(pointer, &str::to_owned).is_ok(), "{pointer} untouched");
        assert!(is_not_proven(&touch(pointer, &|_| String::new())), "{pointer} empty");
        assert!(is_not_proven(&touch(pointer, &|_| String::from("AAAA"))), "{pointer} of zeros");
        assert!(is_not_proven(&touch(pointer, &|text| text[..text.len() - 4].to_owned())), "{pointer} cut");
        for at in [0, 9, 21, 40] {
            let other = |text: &str| {
                let mut bytes = text.as_bytes().to_vec();
                let last = bytes.len() - 1;
                let byte = &mut bytes[at.min(last - 1)];
                *byte = if *byte == b'Q' { b'R' } else { b'Q' };
                String::from_utf8(bytes).unwrap()
            };
            assert!(is_not_proven(&touch(pointer, &other)), "{pointer} at {at}");
        }
    }
    for answer in [Value::Null, json!({}), json!([]), json!("assertion")] {
        let begun = door.begin(&passkeys);
        assert!(is_not_proven(&door.finish(&begun, &mut passkeys.clone(), &answer)));
    }
}

#[test]
fn a_page_inside_another_site_s_is_refused() {
    let (door, key) = (Door::new(), key().framed());
    let begun = door.begin_enrolment(&[]);
    assert!(is_a_problem(&door.finish_enrolment(&begun, &key.create(&begun.options))));
    let key = key.unframed();
    let mut passkeys = [door.enrolled(&key)];
    let key = key.framed();
    let begun = door.begin(&passkeys);
    assert!(is_not_proven(&door.finish(&begun, &mut passkeys, &key.get(&begun.options))));
}

#[test]
fn an_answer_works_once_in_its_own_ceremony_and_in_time() {
    let (door, key) = (Door::new(), key());
    let mut passkeys = [door.enrolled(&key)];
    let begun = door.begin(&passkeys);
    let answer = key.get(&begun.options);
    let (finish, ceremony) = (&door.passkeys, &begun.ceremony);
    let stranger = Binding::to(b"a session of Eve's");
    assert!(is_not_proven(&finish.finish_sign_in(ceremony, stranger, &mut passkeys, &answer, NOW)));
    assert!(door.finish(&begun, &mut passkeys, &answer).is_ok());
    assert!(is_not_proven(&door.finish(&begun, &mut passkeys, &answer)), "again");
    let begun = door.begin(&passkeys);
    assert!(is_not_proven(&door.finish(&begun, &mut passkeys, &answer)), "in another ceremony");
    let begun = door.begin(&passkeys);
    let (late, answer) = (NOW.plus_millis(WAIT_MS_MAX), key.get(&begun.options));
    let outcome = door.passkeys.finish_sign_in(&begun.ceremony, Door::binding(), &mut passkeys, &answer, late);
    assert!(is_not_proven(&outcome), "too late");
    let begun = door.begin_alone();
    assert!(is_not_proven(&door.finish(&begun, &mut passkeys, &key.get(&begun.options))), "of another sort");
}

#[test]
fn two_ceremonies_at_once_do_not_hide_a_copied_key() {
    let (door, key) = (Door::new(), key());
    let mut passkeys = [door.enrolled(&key)];
    let (one, other) = (door.begin(&passkeys), door.begin(&passkeys));
    let answer = key.get(&one.options);
    key.wind_back_to(1);
    let of_the_copy = key.get(&other.options);
    assert!(door.finish(&one, &mut passkeys, &answer).is_ok());
    assert!(is_not_proven(&door.finish(&other, &mut passkeys, &of_the_copy)));
}

#[test]
fn another_person_s_passkey_does_not_sign_in() {
    let (door, ada_s, eve_s) = (Door::new(), key(), key());
    let mut passkeys = [door.enrolled(&ada_s)];
    door.enrolled(&eve_s);
    let begun = door.begin(&passkeys);
    let mut options = begun.options.clone();
    options["allowCredentials"] = json!([]);
    assert!(is_not_proven(&door.finish(&begun, &mut passkeys, &eve_s.get(&options))));
    // Eve's signature under the name of Ada's passkey.
    let begun = door.begin(&passkeys);
    let mut answer = eve_s.get(&json!({ "challenge": begun.options["challenge"] }));
    for pointer in ["/id", "/rawId"] {
        *answer.pointer_mut(pointer).unwrap() = json!(passkeys[0].id);
    }
    assert!(is_not_proven(&door.finish(&begun, &mut passkeys, &answer)));
    // Ada's signature, said to be of somebody else.
    let begun = door.begin(&passkeys);
    let mut answer = ada_s.get(&begun.options);
    answer["response"]["userHandle"] = json!("CAgICAgICAgICAgICAgICA");
    assert!(is_not_proven(&door.finish(&begun, &mut passkeys, &answer)));
}

#[test]
fn a_passkey_alone_says_who_signs_in() {
    let (door, key) = (Door::new(), key());
    let mut passkeys = [door.enrolled(&key)];
    let begun = door.begin_alone();
    assert_eq!(begun.options["allowCredentials"], json!([]));
    assert_eq!(begun.options["userVerification"], "required");
    let answer = key.get(&begun.options);
    let claim = door.passkeys.claim(&answer).unwrap();
    assert_eq!(claim, Claim { person: ADA, passkey: passkeys[0].id.clone() });
    assert_eq!(door.finish_alone(&begun, ADA, &mut passkeys, &answer).unwrap(), passkeys[0].id);
    assert_eq!(passkeys[0].last_used_at, Some(NOW));
    assert!(is_not_proven(&door.finish_alone(&begun, ADA, &mut passkeys, &answer)), "again");
}

#[test]
fn a_passkey_alone_is_refused_where_anything_is_wrong() {
    let (door, key) = (Door::new(), key());
    let passkeys = [door.enrolled(&key)];
    let refused = |key: &SoftKey, person: [u8; 16], touched: &dyn Fn(&mut Value)| {
        let begun = door.begin_alone();
        let mut answer = key.get(&begun.options);
        touched(&mut answer);
        is_not_proven(&door.finish_alone(&begun, person, &mut passkeys.clone(), &answer))
    };
    assert!(!refused(&key, ADA, &|_| ()));
    assert!(refused(&key, EVE, &|_| ()), "another person's record");
    assert!(refused(&key, ADA, &|answer| answer["response"]["userHandle"] = Value::Null), "nobody");
    assert!(refused(&key, ADA, &|answer| answer["response"]["userHandle"] = json!("CAgICAgICAgICAgICAgICA")));
    assert!(refused(&key, ADA, &|answer| answer["response"]["userHandle"] = json!("BwcH")));
    assert!(refused(&SoftKey::new(RP, ORIGIN), ADA, &|_| ()), "a key that nobody enrolled");
    let key = key.at(RP, "https://evil.example");
    assert!(refused(&key, ADA, &|_| ()), "another origin");
    let key = key.at(RP, ORIGIN).without_verification();
    assert!(refused(&key, ADA, &|_| ()), "nobody was recognised");
}

#[test]
fn an_approval_is_asked_for_and_read() {
    let (door, key) = (Door::new(), key());
    let passkeys = [door.enrolled(&key)];
    let mut challenge = [0; 32];
    door.chance.fill(&mut challenge);
    let options = door.passkeys.approval_options(&challenge, &passkeys);
    let assertion = approval_answer(&key.get(&options)).unwrap();
    assert_eq!(assertion.credential_id, key.credential_id());
    let client_data: Value = serde_json::from_slice(&assertion.client_data_json).unwrap();
    assert_eq!(client_data["challenge"], options["challenge"]);
    assert!(is_not_proven(&approval_answer(&json!({}))));
}

#[test]
fn an_origin_must_be_of_the_relying_party() {
    for (relying_party, origin) in [
        ("bonded.example", "https://evil.example"),
        ("bonded.example", "https://evilbonded.example"),
        ("bonded.example", "app.bonded.example"),
        ("127.0.0.1", "https://127.0.0.1:8443"),
    ] {
        assert!(Passkeys::new(relying_party, origin, "Bonded").is_err(), "{relying_party} {origin}");
    }
    assert!(Passkeys::new("localhost", "https://localhost:8443", "Bonded").is_ok());
}
