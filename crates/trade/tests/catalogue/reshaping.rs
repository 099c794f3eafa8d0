//! Variants that join a product later, and variants that leave it.

use crate::{euros, ledgers, priced, simple, sized};
use bonded_base::{Currency, Money, Problem, Reason};
use bonded_trade::TradeError;
use bonded_trade::catalog::{
    self, Created, VARIANTS_MAX, VariantDraft, add_variants, all_variants_of, create, remove_variant,
};
use bonded_trade::inventory::{LevelSet, levels_of, set_many};

fn size(value: &str, sku: &str) -> VariantDraft {
    VariantDraft { options: vec![value.to_owned()], ..priced(Some(sku)) }
}

fn problem<T>(result: Result<T, TradeError>) -> Problem {
    match result {
        Err(TradeError::Problem(problem)) => problem,
        Err(TradeError::Ledger(error)) => panic!("{error}"),
        Ok(_) => panic!("should be refused"),
    }
}

#[tokio::test]
async fn variants_join_at_the_end_and_bring_their_option_values() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let rope = create(&ledger, &scope, sized("Rope", "R", 2)).await.unwrap();
        let drafts = vec![size(" Long ", "R-LONG"), size("Longer", "R-LONGER")];
        let Created { product, variants } =
            add_variants(&ledger, &scope, rope.product.id, Some(1), drafts).await.unwrap();
        assert_eq!((product.version, product.variant_count), (2, 4));
        assert_eq!(product.options[0].values, ["Size 1", "Size 2", "Long", "Longer"]);
        assert_eq!((variants[0].position, variants[0].title.as_str()), (3, "Long"));
        let all = all_variants_of(&ledger, &scope, rope.product.id).await.unwrap();
        assert_eq!(all.iter().map(|variant| variant.position).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(*all[3], variants[1].value);
    }
}

#[tokio::test]
async fn variants_that_do_not_fit_join_not_at_all() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let rope = create(&ledger, &scope, sized("Rope", "R", 2)).await.unwrap().product.id;
        let mug = create(&ledger, &scope, simple("Mug", Some("M"))).await.unwrap().product.id;
        let head = ledger.head(&scope).await.unwrap();
        let dollars = VariantDraft { price: Some(Money::new(1, Currency::USD)), ..size("X", "X") };
        for (drafts, reason, pointer) in [
            (vec![], Reason::Invalid, "/variants"),
            (vec![size("A", "A"), size("Size 2", "B")], Reason::Duplicate, "/variants/1/options"),
            (vec![size("A", "A"), size("A", "B")], Reason::Duplicate, "/variants/1/options"),
            (vec![size("A", "A"), size("B", "A")], Reason::Duplicate, "/variants/1/sku"),
            (vec![size("A", "A"), size("B", "M")], Reason::Duplicate, "/variants/1/sku"),
            (vec![size(" ", "A")], Reason::Invalid, "/variants/0/options/0"),
            (vec![priced(None)], Reason::Invalid, "/variants/0/options"),
            (vec![dollars], Reason::Invalid, "/variants/0/price/currency"),
            (vec![size("A", "A"); VARIANTS_MAX - 1], Reason::TooMuch, "/variants"),
        ] {
            let refused = problem(add_variants(&ledger, &scope, rope, None, drafts).await);
            assert_eq!((refused.reason, refused.pointer.as_deref()), (reason, Some(pointer)));
        }
        let refused = problem(add_variants(&ledger, &scope, mug, None, vec![size("A", "A")]).await);
        assert_eq!(refused.reason, Reason::State);
        let refused = problem(add_variants(&ledger, &scope, rope, Some(9), vec![size("A", "A")]).await);
        assert_eq!(refused.reason, Reason::Changed);
        assert_eq!(ledger.head(&scope).await.unwrap(), head);
    }
}

#[tokio::test]
async fn variants_that_join_at_once_all_join_and_the_same_one_only_once() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let rope = create(&ledger, &scope, sized("Rope", "R", 1)).await.unwrap().product.id;
        let callers: Vec<_> = (0..8)
            .map(|number| {
                let (ledger, scope) = ((*ledger).clone(), scope.clone());
                // Two callers want each value.
                let draft = size(&format!("Extra {}", number / 2), &format!("E-{number}"));
                tokio::spawn(async move { add_variants(&ledger, &scope, rope, None, vec![draft]).await.is_ok() })
            })
            .collect();
        let mut joined = 0;
        for caller in callers {
            joined += u32::from(caller.await.unwrap());
        }
        assert_eq!(joined, 4);
        let product = catalog::get(&ledger, &scope, rope).await.unwrap();
        let all = all_variants_of(&ledger, &scope, rope).await.unwrap();
        assert_eq!((product.variant_count, all.len(), product.options[0].values.len()), (5, 5, 5));
    }
}

#[tokio::test]
async fn a_variant_leaves_with_its_stock_unless_it_is_the_last() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let rope = create(&ledger, &scope, sized("Rope", "R", 2)).await.unwrap();
        let (first, last) = (rope.variants[0].id, rope.variants[1].id);
        let counted = LevelSet { variant: Some(first), on_hand: 3, ..LevelSet::default() };
        set_many(&ledger, &scope, &[counted]).await.unwrap().remove(0).unwrap();
        assert_eq!(problem(remove_variant(&ledger, &scope, first, Some(2)).await).reason, Reason::Changed);
        let product = remove_variant(&ledger, &scope, first, Some(1)).await.unwrap();
        assert_eq!((product.variant_count, product.version), (1, 2));
        assert_eq!(
            catalog::variant(&ledger, &scope, first).await.err().unwrap().to_string(),
            "there is no such variant"
        );
        assert!(levels_of(&ledger, &scope, &[first]).await.unwrap()[0].is_empty());
        assert_eq!(problem(remove_variant(&ledger, &scope, last, None).await).reason, Reason::State);
        // Its SKU and its option values are free again.
        let again = VariantDraft { price: Some(euros(1)), ..size("Size 1", "R-1") };
        let again = add_variants(&ledger, &scope, rope.product.id, None, vec![again]).await.unwrap();
        assert_eq!(again.product.options[0].values, ["Size 1", "Size 2"]);
        assert_eq!(again.variants[0].position, 3);
    }
}
