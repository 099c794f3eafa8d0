//! Keys, from the day they are made to the day they end, on a real ledger of either engine.

use bonded_base::{Id, Problem, Reason, Secret};
use bonded_ledger::{Actor, Change, LedgerError, LookupName, PLATFORM, RequestKey, Scope, System};
use bonded_people::keys::{
    self, Doorkeeper, Draft, Issued, KEYS_PER_ACCOUNT_MAX, KeyError, KeyRecord, Maker, MakerRights, Mode,
    REMEMBERED_MS_MAX, ROTATION_MS, admit, issue, list, revoke, rotate,
};
use bonded_people::{Permission, Permissions};
use bonded_testkit::ledger::{TestLedger, on_postgres, on_sqlite};
use bonded_vault::Environment;

const OPERATOR: Scope = Scope::operator(Id::from_bytes([7; 16]));
const STRANGER: Scope = Scope::operator(Id::from_bytes([8; 16]));

fn draft(name: &str) -> Draft {
    let permissions = [Permission::OrdersRead].into_iter().collect();
    Draft { name: name.to_owned(), permissions, mode: Mode::Live }
}

#[expect(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]
async fn made(ledger: &TestLedger) -> Issued {
    issue(ledger, &OPERATOR, &MakerRights::operator(), draft("warehouse")).await.unwrap()
}

fn not_valid<T>(outcome: &Result<T, KeyError>) -> bool {
    matches!(outcome, Err(KeyError::NotValid))
}

#[tokio::test]
async fn a_key_opens_its_account_for_what_it_may_do() {
    for ledger in [Some(on_sqlite().await), on_postgres().await].into_iter().flatten() {
        let key = made(&ledger).await;
        let text = key.secret.expose();
        assert!(text.starts_with("bk_live_") && text.len() == 40, "{}", text.len());
        let admission = admit(&ledger, &key.secret).await.unwrap();
        assert_eq!(admission.scope.account(), OPERATOR.account());
        assert_eq!(admission.scope.actor(), Actor::Key(key.id));
        assert!(admission.permissions.contains(Permission::OrdersRead));
        assert!(!admission.permissions.contains(Permission::OrdersWrite));
        assert_eq!((admission.name.as_str(), admission.mode), ("warehouse", Mode::Live));
        assert!(text.ends_with(&admission.ends_with));
    }
}

#[tokio::test]
async fn what_is_no_key_opens_nothing() {
    let ledger = on_sqlite().await;
    let key = made(&ledger).await;
    let text = key.secret.expose();
    let other_mode = text.replace("bk_live_", "bk_test_");
    let other_end = format!("{}{}", &text[..39], if text.ends_with('0') { '1' } else { '0' });
    let long = format!("{text}0");
    for wrong in ["", "bk_live_", &text[..39], &long, &text.to_uppercase(), &text[8..], &other_mode, &other_end] {
        assert!(not_valid(&admit(&ledger, &Secret::new(wrong.to_owned())).await), "{wrong}");
    }
}

#[tokio::test]
async fn two_keys_are_never_alike_and_the_secret_is_kept_nowhere() {
    let ledger = on_sqlite().await;
    let (one, other) = (made(&ledger).await, made(&ledger).await);
    assert_ne!(one.secret.expose(), other.secret.expose());
    let kept = list(&ledger, &OPERATOR).await.unwrap();
    let text = serde_json::to_string(&*kept[0]).unwrap();
    let secret = one.secret.expose();
    for start in 0..secret.len() - 6 {
        let piece = &secret[start..start + 6];
        assert!(!text.contains(piece), "the record holds {piece}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_shut_out_at_once_and_for_good() {
    let ledger = on_sqlite().await;
    let (doorkeeper, key) = (Doorkeeper::new(ledger.clone()), made(&ledger).await);
    doorkeeper.admit(&key.secret).await.unwrap();
    doorkeeper.revoke(&OPERATOR, key.id).await.unwrap();
    assert!(not_valid(&doorkeeper.admit(&key.secret).await));
    assert!(not_valid(&admit(&ledger, &key.secret).await));
    revoke(&ledger, &OPERATOR, key.id).await.unwrap();
    let kept = list(&ledger, &OPERATOR).await.unwrap();
    assert_eq!((kept.len(), kept[0].version, kept[0].revoked_at.is_some()), (1, 2, true));
    let other = made(&ledger).await;
    for (scope, id) in [(&OPERATOR, Id::from_bytes([9; 16])), (&STRANGER, other.id)] {
        let nobody = revoke(&ledger, scope, id).await;
        assert!(matches!(nobody, Err(KeyError::Problem(Problem { reason: Reason::Missing, .. }))));
    }
    admit(&ledger, &other.secret).await.unwrap();
}

#[tokio::test]
async fn a_revocation_elsewhere_is_heard_of() {
    let ledger = on_sqlite().await;
    let (doorkeeper, key) = (Doorkeeper::new(ledger.clone()), made(&ledger).await);
    doorkeeper.admit(&key.secret).await.unwrap();
    let mut platform = ledger.watch(PLATFORM);
    revoke(&ledger, &OPERATOR, key.id).await.unwrap();
    platform.changed().await.unwrap();
    assert!(not_valid(&doorkeeper.admit(&key.secret).await));
}

#[tokio::test]
async fn a_remembered_key_is_looked_up_again_after_a_while() {
    let ledger = on_sqlite().await;
    let (doorkeeper, key) = (Doorkeeper::new(ledger.clone()), made(&ledger).await);
    // The wake of the key's own making must not hide what is tested here.
    while doorkeeper.admit(&key.secret).await.is_err() {}
    ledger.vault().seal();
    ledger.test_clock().advance_ms(REMEMBERED_MS_MAX);
    assert!(matches!(doorkeeper.admit(&key.secret).await, Err(KeyError::Ledger(bonded_ledger::LedgerError::Sealed))));
}

#[tokio::test]
async fn a_key_needs_a_name_a_permission_and_room() {
    let ledger = on_sqlite().await;
    for name in ["", "  ", "line\nbreak", &"x".repeat(keys::NAME_CHARS_MAX + 1)] {
        let refused = issue(&ledger, &OPERATOR, &MakerRights::operator(), draft(name)).await.err();
        assert!(matches!(refused, Some(KeyError::Problem(problem)) if problem.pointer.as_deref() == Some("/name")));
    }
    let none = Draft { permissions: Permissions::default(), ..draft("none") };
    assert!(matches!(issue(&ledger, &OPERATOR, &MakerRights::operator(), none).await, Err(KeyError::Problem(_))));
    let mut first = None;
    for _ in 0..KEYS_PER_ACCOUNT_MAX {
        first = first.or(Some(made(&ledger).await));
    }
    let full = issue(&ledger, &OPERATOR, &MakerRights::operator(), draft("one more")).await.err();
    assert!(matches!(full, Some(KeyError::Problem(problem)) if problem.reason == Reason::TooMuch));
    revoke(&ledger, &OPERATOR, first.unwrap().id).await.unwrap();
    made(&ledger).await;
}

#[tokio::test]
async fn a_key_never_exceeds_its_maker() {
    let ledger = on_sqlite().await;
    let maker = Maker::Operator;
    let rights = |permissions: &[Permission]| MakerRights { maker, permissions: permissions.iter().copied().collect() };
    let with = |permissions: &[Permission]| Draft { permissions: permissions.iter().copied().collect(), ..draft("k") };
    let (read, write) = (Permission::OrdersRead, Permission::OrdersWrite);
    for (rights, draft) in [
        (rights(&[read]), with(&[read, write])),
        (rights(&[]), with(&[read])),
        (MakerRights { maker, permissions: Permissions::all() }, with(&[Permission::MembersWrite])),
    ] {
        let refused = issue(&ledger, &OPERATOR, &rights, draft).await.err();
        assert!(
            matches!(refused, Some(KeyError::Problem(problem)) if problem.pointer.as_deref() == Some("/permissions"))
        );
    }
    let made = issue(&ledger, &OPERATOR, &rights(&[read, write]), with(&[read, write])).await.unwrap();
    assert_eq!(admit(&ledger, &made.secret).await.unwrap().permissions, with(&[read, write]).permissions);
    assert_eq!(list(&ledger, &OPERATOR).await.unwrap()[0].made_by, maker);
}

#[tokio::test]
async fn a_key_whose_making_stopped_half_way_can_be_revoked() {
    let ledger = on_sqlite().await;
    let record: KeyRecord = serde_json::from_value(serde_json::json!({
        "account": OPERATOR.account(), "name": "warehouse", "permissions": ["orders:read"], "mode": "test",
        "ends_with": "abcd", "revoked_at": null,
    }))
    .unwrap();
    let id = ledger.new_id::<KeyRecord>();
    let mut change = Change::new();
    change.create(id, &record, "issued");
    ledger.commit(&OPERATOR, change).await.unwrap();
    assert!(list(&ledger, &OPERATOR).await.unwrap()[0].holds(ledger.clock().now()));
    revoke(&ledger, &OPERATOR, Id::from_bytes(id.bytes())).await.unwrap();
    assert!(!list(&ledger, &OPERATOR).await.unwrap()[0].holds(ledger.clock().now()));
    // Should its making go on all the same, its place is taken.
    let mut change = Change::new();
    change.create(id, &record, "issued");
    let platform = Scope::system(PLATFORM, System::Doorkeeper);
    assert!(matches!(ledger.commit(&platform, change).await, Err(LedgerError::Conflict { .. })));
}

#[tokio::test]
async fn a_rotated_key_goes_on_for_a_day() {
    let ledger = on_sqlite().await;
    let old = made(&ledger).await;
    let new = rotate(&ledger, &OPERATOR, &MakerRights::operator(), old.id).await.unwrap();
    for key in [&old, &new] {
        admit(&ledger, &key.secret).await.unwrap();
    }
    ledger.test_clock().advance_ms(ROTATION_MS);
    assert!(not_valid(&admit(&ledger, &old.secret).await));
    admit(&ledger, &new.secret).await.unwrap();
    let again = rotate(&ledger, &OPERATOR, &MakerRights::operator(), old.id).await.err();
    assert!(matches!(again, Some(KeyError::Problem(Problem { reason: Reason::State, .. }))));
    let log = ledger.entries(&OPERATOR, 0, 10).await.unwrap();
    let actions: Vec<_> = log.iter().map(|entry| entry.headline.action.as_str()).collect();
    assert_eq!(actions, ["issued", "issued", "rotated"], "the account's own log tells of its keys");
}

#[test]
fn live_keys_are_made_in_production_alone() {
    let mode = |environment, wished| Mode::of_new_key(environment, wished).map_err(|problem| problem.pointer);
    assert_eq!(mode(Environment::Production, None), Ok(Mode::Live));
    assert_eq!(mode(Environment::Production, Some(Mode::Test)), Ok(Mode::Test));
    for elsewhere in [Environment::Staging, Environment::Development] {
        assert_eq!(mode(elsewhere, None), Ok(Mode::Test));
        assert_eq!(mode(elsewhere, Some(Mode::Live)), Err(Some(String::from("/mode"))));
    }
}

#[tokio::test]
async fn a_rotation_that_must_happen_once_happens_whole_and_once() {
    let ledger = on_sqlite().await;
    let old = made(&ledger).await;
    let request = RequestKey { key: String::from("one"), fingerprint: [0; 32] };
    let once = || OPERATOR.again().once(request.clone());
    let new = rotate(&ledger, &once(), &MakerRights::operator(), old.id).await.unwrap();
    assert!(keys::get(&ledger, &OPERATOR, old.id).await.unwrap().ends_at.is_some(), "the old one was told to end");
    let again = rotate(&ledger, &once(), &MakerRights::operator(), old.id).await.err();
    assert!(matches!(again, Some(KeyError::Ledger(LedgerError::Taken { name: LookupName::Request, .. }))));
    admit(&ledger, &new.secret).await.unwrap();
    assert_eq!(list(&ledger, &OPERATOR).await.unwrap().len(), 2);
}
