//! Products that are put as an outside system or a file says, again and again.

use crate::{euros, ledgers, priced, simple, sized};
use bonded_base::Reason;
use bonded_ledger::Scope;
use bonded_testkit::ledger::TestLedger;
use bonded_trade::catalog::{self, ProductDraft, ProductPut, Put, VariantDraft, all_variants_of};
use bonded_trade::inventory::{LevelSet, levels_of, set_many};
use bonded_trade::{Did, TradeError};

async fn put(ledger: &TestLedger, scope: &Scope, was: Option<&Put>, draft: ProductDraft, known: &[usize]) -> Put {
    let variants = known.iter().map(|place| was.and_then(|was| was.variants.get(*place).copied())).collect();
    let wish = ProductPut { id: was.map(|was| was.id), draft, variants };
    catalog::put(ledger, scope, &wish).await.unwrap()
}

#[tokio::test]
async fn a_product_is_made_changed_and_left_alone() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let made = put(&ledger, &scope, None, sized("Rope", "R", 3), &[]).await;
        assert_eq!((made.did, made.variants.len()), (Did::Created, 3));
        let head = ledger.head(&scope).await.unwrap();
        let same = put(&ledger, &scope, Some(&made), sized("Rope", "R", 3), &[0, 1, 2]).await;
        assert_eq!((same.did, &same.variants), (Did::Unchanged, &made.variants));
        assert_eq!(ledger.head(&scope).await.unwrap(), head, "nothing changed, so there is nothing to tell");

        let mut longer = sized("Strong rope", "R", 3);
        longer.variants[1].price = Some(euros(2_500));
        let changed = put(&ledger, &scope, Some(&made), longer, &[0, 1, 2]).await;
        assert_eq!((changed.did, &changed.variants), (Did::Changed, &made.variants));
        assert_eq!(ledger.head(&scope).await.unwrap(), head + 2, "the product and one of its variants");
        let product = catalog::get(&ledger, &scope, made.id).await.unwrap();
        assert_eq!((product.title.as_str(), product.handle.as_str()), ("Strong rope", "rope"));
    }
}

#[tokio::test]
async fn variants_join_leave_and_trade_their_skus() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let made = put(&ledger, &scope, None, sized("Rope", "R", 3), &[]).await;
        // The first leaves, the other two trade their SKUs, a fourth joins.
        let mut draft = sized("Rope", "R", 4);
        draft.variants.remove(0);
        draft.variants[0].sku = Some("R-3".to_owned());
        draft.variants[1].sku = Some("R-2".to_owned());
        let next = put(&ledger, &scope, Some(&made), draft, &[1, 2]).await;
        assert_eq!((next.did, &next.variants[..2]), (Did::Changed, &made.variants[1..]));
        let all = all_variants_of(&ledger, &scope, made.id).await.unwrap();
        let shown: Vec<_> = all.iter().map(|one| (one.position, one.sku.as_deref().unwrap(), one.id)).collect();
        let [second, third, fourth] = next.variants[..] else { panic!("three variants") };
        assert_eq!(shown, [(1, "R-3", second), (2, "R-2", third), (3, "R-4", fourth)]);
        assert_eq!(catalog::get(&ledger, &scope, made.id).await.unwrap().variant_count, 3);
    }
}

#[tokio::test]
async fn what_is_promised_does_not_leave() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let made = put(&ledger, &scope, None, sized("Rope", "R", 2), &[]).await;
        let count = |variant| LevelSet { variant: Some(variant), on_hand: 5, ..LevelSet::default() };
        let counts: Vec<_> = made.variants.iter().copied().map(count).collect();
        for level in set_many(&ledger, &scope, &counts).await.unwrap() {
            let level = level.unwrap();
            if level.variant == made.variants[1] {
                let mut change = bonded_ledger::Change::new();
                let was = ledger.get(&scope, level.id).await.unwrap().unwrap();
                change.update(&was, &was.reserve(1).unwrap(), "reserved");
                ledger.commit(&scope, change).await.unwrap();
            }
        }
        let mut draft = sized("Rope", "R", 3);
        draft.variants.drain(..2);
        let next = put(&ledger, &scope, Some(&made), draft, &[]).await;
        assert_eq!(next.kept, [made.variants[1]]);
        let all = all_variants_of(&ledger, &scope, made.id).await.unwrap();
        assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [made.variants[1], next.variants[0]]);
        assert_eq!(catalog::get(&ledger, &scope, made.id).await.unwrap().variant_count, 2);
        assert!(levels_of(&ledger, &scope, &[made.variants[0]]).await.unwrap()[0].is_empty(), "its stock left with it");
    }
}

#[tokio::test]
async fn a_taken_handle_is_done_without_and_a_taken_sku_is_not() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let mug = put(&ledger, &scope, None, simple("Mug", Some("M")), &[]).await;
        let jug = put(&ledger, &scope, None, simple("Jug", Some("J")), &[]).await;
        let handled = ProductDraft { handle: Some("mug".to_owned()), ..simple("Big jug", Some("J")) };
        put(&ledger, &scope, Some(&jug), handled, &[0]).await;
        let product = catalog::get(&ledger, &scope, jug.id).await.unwrap();
        assert_eq!((product.title.as_str(), product.handle.as_str()), ("Big jug", "jug"));
        let stolen =
            ProductPut { id: Some(jug.id), draft: simple("Jug", Some("M")), variants: vec![Some(jug.variants[0])] };
        match catalog::put(&ledger, &scope, &stolen).await {
            Err(TradeError::Problem(problem)) => assert_eq!(problem.reason, Reason::Duplicate),
            _ => panic!("the SKU is the mug's"),
        }
        let bad = ProductDraft { variants: vec![VariantDraft { price: None, ..priced(None) }], ..simple("X", None) };
        assert_eq!(catalog::check(&bad).unwrap_err().pointer.as_deref(), Some("/variants/0/price"));
        assert!(catalog::check(&simple("X", None)).is_ok() && mug.kept.is_empty());
    }
}
