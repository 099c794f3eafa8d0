//! What a grant opens, and every way in which it does not.

use super::*;
use crate::testing::Seeded;
use crate::{Context, Environment, Officer, OpenError, Places};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bonded_base::Secret;
use tempfile::TempDir;

const NOW: Moment = Moment::from_millis(1_795_339_800_000);
const PARTY: &str = "bonded.example";
const ADA: [u8; 16] = [7; 16];

/// A passkey in software.
struct Passkey(EcdsaKeyPair);

impl Passkey {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn key(&self) -> ApprovalKey {
        let point = self.0.public_key().as_ref();
        ApprovalKey::Es256 { x: point[1..33].to_vec(), y: point[33..].to_vec() }
    }

    fn signs(&self, challenge: &[u8]) -> Assertion {
        self.signs_as(challenge, "webauthn.get", "https://app.bonded.example", PARTY, 0b101, false)
    }

    fn signs_as(&self, challenge: &[u8], what: &str, origin: &str, party: &str, flags: u8, cross: bool) -> Assertion {
        let client = format!(
            r#"{{"type":"{what}","challenge":"{}","origin":"{origin}","crossOrigin":{cross}}}"#,
            BASE64URL.encode(challenge)
        );
        let mut data = digest(&SHA256, party.as_bytes()).as_ref().to_vec();
        data.extend([flags, 0, 0, 0, 1]);
        let signed = [data.as_slice(), digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let signature = self.0.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec();
        let credential_id = vec![1; 16];
        Assertion { credential_id, client_data_json: client.into_bytes(), authenticator_data: data, signature }
    }
}

struct House {
    vault: Vault,
    account: Id<Account>,
    order: Vec<u8>,
    consumer: Vec<u8>,
    _directory: TempDir,
}

fn context(kind: Kind) -> Context<'static> {
    Context { table: 1, kind: kind.number(), id: [3; 16], version: 1, rest: &[] }
}

impl House {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let places = Places { primary: directory.path().join("keys"), replicas: Vec::new() };
        let officers = Officer::generate().recipients();
        let vault = Vault::init(&places, Environment::Development, &officers, Arc::new(Seeded::new(1))).unwrap();
        let account = Id::from_bytes([1; 16]);
        let keys = vault.account(account).unwrap();
        let order = keys.seal(&context(Kind::Order), b"order");
        let consumer = keys.seal_consumer(crate::Slot::new(0).unwrap(), &context(Kind::Order), b"Ada").unwrap();
        Self { vault, account, order, consumer, _directory: directory }
    }

    fn grant(&self) -> Grant {
        Grant {
            id: [9; 16],
            account: self.account,
            staff: Id::from_bytes([2; 16]),
            opens: vec![Kind::Order],
            changes: Vec::new(),
            only: None,
            consumers: false,
            reason: String::from("an order never arrived"),
            from: NOW,
            until: NOW.plus_millis(DAY_MS),
        }
    }

    fn endorsed(&self, passkey: &Passkey) -> Approver {
        self.vault.endorse(self.account, ADA, passkey.key(), PARTY).unwrap()
    }

    fn signed(&self, passkey: &Passkey, grant: Grant) -> SignedGrant {
        let assertion = passkey.signs(&grant.challenge());
        SignedGrant { approval: Approval::Passkey { approver: self.endorsed(passkey), assertion }, grant }
    }

    /// What the order's value opens to under a grant.
    fn opened(&self, signed: &SignedGrant, now: Moment) -> Result<Secret<Vec<u8>>, VaultError> {
        Ok(self.vault.account_for(signed, now)?.open(&context(Kind::Order), &self.order)?)
    }

    #[track_caller]
    fn refused(&self, signed: &SignedGrant, now: Moment) -> NotApproved {
        match self.opened(signed, now) {
            Err(VaultError::NotApproved(why)) => why,
            Err(other) => panic!("refused for another reason: {other}"),
            Ok(_) => panic!("it opened"),
        }
    }
}

#[test]
fn the_statement_says_all_that_is_approved() {
    let house = House::new();
    let grant = Grant { only: Some([3; 16]), changes: vec![Kind::Order], ..house.grant() };
    let id = |kind, byte| bonded_base::id_text(kind, [byte; 16]);
    let expected = [
        String::from("bonded grant v1"),
        id(Kind::Grant, 9),
        id(Kind::Account, 1),
        id(Kind::Staff, 2),
        String::from("open order\nchange order"),
        format!("only {}", id(Kind::Order, 3)),
        String::from("consumers no\nfrom 2026-11-22T09:30:00.000Z\nuntil 2026-11-23T09:30:00.000Z"),
        String::from("reason an order never arrived\n"),
    ];
    assert_eq!(grant.statement(), expected.join("\n"));
}

#[test]
fn a_signed_grant_opens_what_it_names_while_it_holds() {
    let house = House::new();
    let signed = house.signed(&Passkey::new(), house.grant());
    assert_eq!(house.opened(&signed, NOW).unwrap().expose(), b"order");
    let keys = house.vault.account_for(&signed, NOW).unwrap();
    let product = house.vault.account(house.account).unwrap().seal(&context(Kind::Product), b"product");
    assert_eq!(keys.open(&context(Kind::Product), &product).err(), Some(OpenError::NotGranted));
    assert!(matches!(
        keys.open_consumer(&context(Kind::Order), &house.consumer),
        Err(VaultError::Open(OpenError::NotGranted))
    ));
    assert_eq!(house.refused(&signed, NOW.plus_millis(-1)), NotApproved::Time);
    assert_eq!(house.refused(&signed, NOW.plus_millis(DAY_MS)), NotApproved::Time);
}

#[test]
fn consumers_open_only_where_the_grant_says_so_and_one_record_only_itself() {
    let house = House::new();
    let passkey = Passkey::new();
    let signed = house.signed(&passkey, Grant { consumers: true, ..house.grant() });
    let keys = house.vault.account_for(&signed, NOW).unwrap();
    assert_eq!(keys.open_consumer(&context(Kind::Order), &house.consumer).unwrap().expose(), b"Ada");
    let only = |id| house.signed(&passkey, Grant { only: Some(id), ..house.grant() });
    assert!(house.opened(&only([3; 16]), NOW).is_ok());
    assert!(matches!(house.opened(&only([4; 16]), NOW), Err(VaultError::Open(OpenError::NotGranted))));
}

/// Everything that can be changed about an approved grant.
#[test]
fn a_grant_that_was_changed_after_it_was_signed_opens_nothing() {
    let house = House::new();
    let signed = house.signed(&Passkey::new(), house.grant());
    let changed: [fn(&mut Grant); 8] = [
        |grant| grant.id[0] ^= 1,
        |grant| grant.staff = Id::from_bytes([8; 16]),
        |grant| grant.opens.push(Kind::Product),
        |grant| grant.changes.push(Kind::Order),
        |grant| grant.only = Some([3; 16]),
        |grant| grant.consumers = true,
        |grant| grant.reason.push('!'),
        |grant| grant.until = grant.until.plus_millis(1),
    ];
    for change in changed {
        let mut other = signed.clone();
        change(&mut other.grant);
        assert_eq!(house.refused(&other, NOW), NotApproved::Signature);
    }
    let mut elsewhere = signed.clone();
    elsewhere.grant.account = Id::from_bytes([5; 16]);
    assert_eq!(house.refused(&elsewhere, NOW), NotApproved::Approver);
    let long = house.signed(&Passkey::new(), Grant { until: NOW.plus_millis(8 * DAY_MS), ..house.grant() });
    assert_eq!(house.refused(&long, NOW), NotApproved::TooLong);
}

#[test]
fn nobody_approves_whose_passkey_is_not_endorsed_for_this_account() {
    let house = House::new();
    let (ada, stranger) = (Passkey::new(), Passkey::new());
    let grant = house.grant();
    let assertion = stranger.signs(&grant.challenge());
    // The stranger's own word for his key, Ada's endorsement on it, and an endorsement for another account.
    let elsewhere = house.vault.endorse(Id::from_bytes([5; 16]), ADA, stranger.key(), PARTY).unwrap();
    let borrowed = Approver { key: stranger.key(), ..house.endorsed(&ada) };
    let renamed = Approver { person: [8; 16], ..house.endorsed(&ada) };
    for approver in [elsewhere, borrowed, renamed] {
        let approval = Approval::Passkey { approver, assertion: assertion.clone() };
        assert_eq!(house.refused(&SignedGrant { grant: grant.clone(), approval }, NOW), NotApproved::Approver);
    }
    let approval = Approval::Passkey { approver: house.endorsed(&ada), assertion };
    assert_eq!(house.refused(&SignedGrant { grant, approval }, NOW), NotApproved::Signature);
}

#[test]
fn a_signature_for_something_else_is_none() {
    let house = House::new();
    let ada = Passkey::new();
    let grant = house.grant();
    let challenge = grant.challenge();
    let home = "https://bonded.example";
    let bad = [
        ada.signs(&[0; 32]),
        ada.signs_as(&challenge, "webauthn.create", home, PARTY, 5, false),
        ada.signs_as(&challenge, "webauthn.get", "https://evil.example", PARTY, 5, false),
        ada.signs_as(&challenge, "webauthn.get", "http://bonded.example", PARTY, 5, false),
        ada.signs_as(&challenge, "webauthn.get", home, "evil.example", 5, false),
        ada.signs_as(&challenge, "webauthn.get", home, PARTY, 1, false),
        ada.signs_as(&challenge, "webauthn.get", home, PARTY, 4, false),
        ada.signs_as(&challenge, "webauthn.get", home, PARTY, 5, true),
        Assertion { signature: vec![0; 70], ..ada.signs(&challenge) },
        Assertion { authenticator_data: Vec::new(), ..ada.signs(&challenge) },
        Assertion { client_data_json: b"{}".to_vec(), ..ada.signs(&challenge) },
    ];
    for assertion in bad {
        let approval = Approval::Passkey { approver: house.endorsed(&ada), assertion };
        assert_eq!(house.refused(&SignedGrant { grant: grant.clone(), approval }, NOW), NotApproved::Signature);
    }
}

#[test]
fn a_code_is_vouched_for_and_only_for_its_grant() {
    let house = House::new();
    let grant = house.grant();
    let approval = house.vault.vouch(&grant, ADA).unwrap();
    assert!(house.opened(&SignedGrant { grant: grant.clone(), approval: approval.clone() }, NOW).is_ok());
    let longer = Grant { until: grant.until.plus_millis(1), ..grant.clone() };
    assert_eq!(house.refused(&SignedGrant { grant: longer, approval }, NOW), NotApproved::Signature);
    let made_up = Approval::Code { person: ADA, vouched: [0; 32] };
    assert_eq!(house.refused(&SignedGrant { grant, approval: made_up }, NOW), NotApproved::Signature);
}

#[test]
fn what_the_law_demands_takes_two_different_officers() {
    let house = House::new();
    let grant = house.grant();
    let platform = Id::from_bytes([0; 16]);
    let officer = |person: u8, account| {
        let passkey = Passkey::new();
        let approver = house.vault.endorse(account, [person; 16], passkey.key(), PARTY).unwrap();
        (approver, passkey.signs(&grant.challenge()))
    };
    let open = |signed| SignedGrant { grant: grant.clone(), approval: Approval::Officers { signed } };
    assert!(house.opened(&open(vec![officer(1, platform), officer(2, platform)]), NOW).is_ok());
    for too_few in [vec![], vec![officer(1, platform)], vec![officer(1, platform), officer(1, platform)]] {
        assert_eq!(house.refused(&open(too_few), NOW), NotApproved::Approver);
    }
    let owner = officer(3, house.account);
    assert_eq!(house.refused(&open(vec![officer(1, platform), owner]), NOW), NotApproved::Approver);
}

#[test]
fn a_signed_grant_is_kept_as_text_and_read_back() {
    let house = House::new();
    let signed = house.signed(&Passkey::new(), house.grant());
    let text = serde_json::to_string(&signed).unwrap();
    assert_eq!(serde_json::from_str::<SignedGrant>(&text).unwrap(), signed);
    house.vault.seal();
    assert!(matches!(house.opened(&signed, NOW), Err(VaultError::Sealed)));
}
