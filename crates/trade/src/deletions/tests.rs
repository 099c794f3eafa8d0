//! What a certificate says, and what a policy may ask for.

use super::*;
use bonded_base::Moment;

const NOW: Moment = Moment::from_millis(1_795_339_800_000);

fn deletion() -> Deletion {
    let account = Id::from_bytes([2; 16]);
    let (shop, asked) = (Some(String::from("shopify lamps.myshopify.com")), String::from("nothing can be asked"));
    Deletion {
        state: DeletionState::Pending,
        selection: Selection::ArchivedBefore(NOW),
        because: Because::Rule,
        asked_by: String::from("system:deletion"),
        due_at: NOW,
        forgotten: 2,
        root_before: Some(17),
        orders_sha256: Some("ab".repeat(32)),
        destroyed: Some(Destroyed { at: NOW, root_before: 17, root_after: 18 }),
        replicas: vec![Replica { place: String::from("primary"), confirmed_at: Some(NOW), why_not: None }],
        recipients: vec![Recipient { account, shop, orders: 2, from: NOW, to: NOW, asked }],
        completed_at: None,
        certificate: None,
    }
}

#[test]
fn a_certificate_is_made_when_every_replica_has_confirmed() {
    let text = |deletion: &Deletion| certificate("bonded.example/acct", Id::from_bytes([1; 16]), deletion, NOW);
    insta::assert_snapshot!(text(&deletion()).unwrap());
    let mut pending = deletion();
    pending.replicas.push(Replica { place: String::from("replica 1"), confirmed_at: None, why_not: None });
    assert_eq!(text(&pending), None);
    assert_eq!(text(&Deletion { destroyed: None, ..deletion() }), None);
}

#[test]
fn a_policy_is_within_bounds() {
    let policy = |grace_days, archived_days| DeletionPolicy { grace_days, archived_days }.check().is_ok();
    assert!(policy(0, None) && policy(GRACE_DAYS_MAX, Some(1)) && policy(0, Some(ARCHIVED_DAYS_MAX)));
    assert!(!policy(GRACE_DAYS_MAX + 1, None) && !policy(0, Some(0)) && !policy(0, Some(ARCHIVED_DAYS_MAX + 1)));
}
