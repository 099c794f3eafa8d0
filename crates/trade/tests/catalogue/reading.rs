//! Reading the catalogue: one's own whole, a partner's as far as it is offered.

use crate::{ledgers, simple};
use bonded_base::{Id, Reason};
use bonded_ledger::{LedgerError, Scope};
use bonded_trade::catalog::{self, ProductDraft, ProductStatus, create};
use bonded_trade::{Page, TradeError};

#[tokio::test]
async fn a_partner_sees_what_is_offered_and_changes_nothing() {
    for ledger in ledgers().await {
        let ours = ledger.any_account();
        let partner = Scope::partner(ours.account(), Id::from_bytes([5; 16]));
        let mut products = Vec::new();
        for status in [ProductStatus::Active, ProductStatus::Draft, ProductStatus::Archived] {
            let draft = ProductDraft { status, ..simple(&format!("{status:?}"), Some(&format!("{status:?}"))) };
            products.push(create(&ledger, &ours, draft).await.unwrap());
        }
        let page = Page::first(10);
        assert_eq!(catalog::list(&ledger, &ours, None, page).await.unwrap().records.len(), 3);
        for asked in [None, Some(ProductStatus::Draft)] {
            let listed = catalog::list(&ledger, &partner, asked, page).await.unwrap();
            assert_eq!(listed.records.iter().map(|product| product.title.as_str()).collect::<Vec<_>>(), ["Active"]);
        }
        for created in &products {
            let offered = created.product.is_offered();
            let (product, variant) = (created.product.id, created.variants[0].id);
            assert!(catalog::get(&ledger, &ours, product).await.is_ok());
            assert!(catalog::variant(&ledger, &ours, variant).await.is_ok());
            assert_eq!(catalog::get(&ledger, &partner, product).await.is_ok(), offered);
            assert_eq!(catalog::variant(&ledger, &partner, variant).await.is_ok(), offered);
            assert_eq!(catalog::variants_of(&ledger, &partner, product, page).await.is_ok(), offered);
            assert_eq!(catalog::by_handle(&ledger, &partner, &created.product.handle).await.is_ok(), offered);
        }
        let refused = create(&ledger, &partner, simple("Mug", None)).await;
        assert!(matches!(refused, Err(TradeError::Ledger(LedgerError::OutOfReach(_)))));
    }
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_accounts_do_not_meet() {
    for ledger in ledgers().await {
        let (ours, theirs) = (ledger.any_account(), ledger.any_account());
        let mug = create(&ledger, &ours, simple("Mug", Some("M"))).await.unwrap();
        // The same handle and SKU in another account are nobody's business.
        let other = create(&ledger, &theirs, simple("Mug", Some("M"))).await.unwrap();
        assert_eq!(other.product.handle, "mug");
        let missing = catalog::get(&ledger, &theirs, mug.product.id).await.err().unwrap();
        assert_eq!(missing.into_problem().unwrap().reason, Reason::Missing);
        assert!(catalog::variant(&ledger, &theirs, mug.variants[0].id).await.is_err());
        assert!(catalog::by_handle(&ledger, &ours, "cup").await.is_err());
        assert_eq!(catalog::by_skus(&ledger, &theirs, &["M"]).await.unwrap(), [Some(other.variants[0].id)]);
    }
}
