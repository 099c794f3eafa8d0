//! What is signed, and what a partner sees change.

use crate::trade::{ORIGIN, Trade, account_of};
use bonded_base::Kind;
use bonded_flow::{log_origin, shared_since};
use bonded_ledger::Scope;
use bonded_merkle::{Checkpoint, Signer as _, VerifierKey};
use bonded_trade::accounts::Role;
use bonded_trade::inventory::{self, LevelSet};
use bonded_trade::partners;

crate::on_both_engines!(every_entry_comes_under_a_signed_checkpoint, a_partner_sees_the_newest_of_what_is_shared,);

async fn every_entry_comes_under_a_signed_checkpoint(mut trade: Trade) {
    let tea = trade.account("Tea", Role::Supplier).await;
    let name = log_origin(ORIGIN, account_of(&tea));
    let key = VerifierKey::new(&name, trade.ledger.log_signer(&tea).unwrap().public_key()).unwrap();
    let mut notes = Vec::new();
    for round in 0..3 {
        for number in 0..150 {
            trade.product(&tea, &format!("SKU-{round}-{number}"), 1).await;
        }
        let note = covered(&trade, &tea, &key).await;
        notes.push(note);
        // The next round's edge is read from the tiles again.
        trade.stop().await;
        trade.start();
    }
    let mut leaves = Vec::new();
    while let Some(page) = Some(trade.ledger.entries(&tea, leaves.len() as u64, 1_000).await.unwrap()) {
        if page.is_empty() {
            break;
        }
        leaves.extend(page.iter().map(|entry| entry.headline.leaf_data(&entry.plain)));
    }
    let report = bonded_merkle::audit(&leaves, &notes, &key).unwrap();
    assert_eq!(report.entries, leaves.len() as u64);
    leaves.swap(7, 8);
    assert!(bonded_merkle::audit(&leaves, &notes, &key).is_err());
    trade.stop().await;
}

/// The newest checkpoint, once it covers the whole log.
async fn covered(trade: &Trade, scope: &Scope, key: &VerifierKey) -> String {
    let head = trade.ledger.head(scope).await.unwrap();
    let newest = async || trade.ledger.checkpoint(scope).await.unwrap();
    trade
        .until("the checkpoint covers the log", async || {
            newest().await.is_some_and(|note| Checkpoint::open(&note, key).unwrap().size >= head)
        })
        .await;
    newest().await.unwrap()
}

async fn a_partner_sees_the_newest_of_what_is_shared(mut trade: Trade) {
    let shop = trade.account("Shop", Role::Retailer).await;
    let tea = trade.account("Tea", Role::Supplier).await;
    let link = trade.link(&shop, &tea).await;
    let partner = partners::open(&trade.ledger, &shop, link).await.unwrap();
    let (_, cursor) = shared_since(&trade.ledger, &partner.scope, 0, 1_000).await.unwrap();
    let pot = trade.product(&tea, "POT", 5).await;
    for on_hand in 6..20 {
        let level = LevelSet { sku: Some("POT".to_owned()), on_hand, ..LevelSet::default() };
        inventory::set_many(&trade.ledger, &tea, &[level]).await.unwrap().remove(0).unwrap();
    }
    let (changes, read_to) = shared_since(&trade.ledger, &partner.scope, cursor, 1_000).await.unwrap();
    let of = |kind: Kind| changes.iter().filter(|change| change.kind == kind).collect::<Vec<_>>();
    assert_eq!(of(Kind::Variant)[0].id, pot.variants[0].id.bytes());
    assert_eq!((of(Kind::InventoryLevel).len(), of(Kind::InventoryLevel)[0].version), (1, 15));
    assert!(of(Kind::PartnerLink).is_empty());
    assert!(shared_since(&trade.ledger, &partner.scope, read_to, 1_000).await.unwrap().0.is_empty());
    trade.stop().await;
}
