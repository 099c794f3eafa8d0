//! Changing products and variants: guarded, logged, and unique throughout.

use crate::{euros, ledgers, simple, sized};
use bonded_base::{Id, Problem, Reason};
use bonded_trade::catalog::{
    self, ProductPatch, ProductStatus, Variant, VariantPatch, VariantUpdate, archive, create, update,
    update_many_variants, update_variant,
};
use bonded_trade::{Patch, TradeError, Written};

fn problem<T>(result: Result<T, TradeError>) -> Problem {
    match result {
        Err(TradeError::Problem(problem)) => problem,
        Err(TradeError::Ledger(error)) => panic!("{error}"),
        Ok(_) => panic!("should be refused"),
    }
}

fn titled(title: &str) -> ProductPatch {
    ProductPatch { title: Patch::Set(title.to_owned()), ..ProductPatch::default() }
}

fn with_sku(sku: &str) -> VariantPatch {
    VariantPatch { sku: Patch::Set(sku.to_owned()), ..VariantPatch::default() }
}

fn moved(id: Id<Variant>, sku: &str) -> VariantUpdate {
    VariantUpdate { id, expected_version: None, patch: with_sku(sku) }
}

#[tokio::test]
async fn a_change_is_logged_from_what_to_what_and_no_change_is_not() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let created = create(&ledger, &scope, simple("Mug", Some("M"))).await.unwrap();
        let id = created.product.id;
        let head = ledger.head(&scope).await.unwrap();
        let same = update(&ledger, &scope, id, Some(1), &titled(" Mug ")).await.unwrap();
        assert_eq!((same.version, ledger.head(&scope).await.unwrap()), (1, head));
        ledger.test_clock().advance_ms(1_000);
        let renamed = update(&ledger, &scope, id, Some(1), &titled("Cup")).await.unwrap();
        assert_eq!((renamed.version, renamed.handle.as_str()), (2, "mug"));
        assert_eq!(renamed.updated_at, ledger.clock().now());
        let entry = ledger.entries(&scope, head, 10).await.unwrap().pop().unwrap();
        assert_eq!(entry.headline.action, "updated");
        assert_eq!(serde_json::to_value(&entry.said.set).unwrap(), serde_json::json!({"title": ["Mug", "Cup"]}));
        let stored = catalog::get(&ledger, &scope, id).await.unwrap();
        assert_eq!((stored.title.as_str(), stored.version), ("Cup", 2));
    }
}

#[tokio::test]
async fn an_expected_version_guards_a_change() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let created = create(&ledger, &scope, simple("Mug", Some("M"))).await.unwrap();
        let (product, variant) = (created.product.id, created.variants[0].id);
        update(&ledger, &scope, product, Some(1), &titled("Cup")).await.unwrap();
        assert_eq!(problem(update(&ledger, &scope, product, Some(1), &titled("Bowl")).await).reason, Reason::Changed);
        assert_eq!(problem(archive(&ledger, &scope, product, Some(1)).await).reason, Reason::Changed);
        let stale = update_variant(&ledger, &scope, variant, Some(9), &with_sku("N")).await;
        assert_eq!(problem(stale).reason, Reason::Changed);
        assert_eq!(
            problem(update(&ledger, &scope, Id::from_bytes([9; 16]), None, &titled("x")).await).reason,
            Reason::Missing
        );
    }
}

#[tokio::test]
async fn changes_without_an_expected_version_all_come_through() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let id = create(&ledger, &scope, simple("Mug", None)).await.unwrap().product.id;
        let callers: Vec<_> = (0..12)
            .map(|number| {
                let (ledger, scope) = ((*ledger).clone(), scope.clone());
                tokio::spawn(async move { update(&ledger, &scope, id, None, &titled(&format!("Mug {number}"))).await })
            })
            .collect();
        let mut versions = Vec::new();
        for caller in callers {
            versions.push(caller.await.unwrap().unwrap().version);
        }
        versions.sort_unstable();
        assert_eq!(versions, (2..=13).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn handles_and_skus_stay_unique_and_become_free() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let mug = create(&ledger, &scope, simple("Mug", Some("M"))).await.unwrap();
        let cup = create(&ledger, &scope, simple("Cup", Some("C"))).await.unwrap();
        let handle = |handle: &str| ProductPatch { handle: Patch::Set(handle.to_owned()), ..ProductPatch::default() };
        let refused = problem(update(&ledger, &scope, cup.product.id, None, &handle("mug")).await);
        assert_eq!((refused.reason, refused.pointer.as_deref()), (Reason::Duplicate, Some("/handle")));
        let refused = problem(update_variant(&ledger, &scope, cup.variants[0].id, None, &with_sku("M")).await);
        assert_eq!((refused.reason, refused.pointer.as_deref()), (Reason::Duplicate, Some("/sku")));
        update(&ledger, &scope, mug.product.id, None, &handle("big mug")).await.unwrap();
        update_variant(&ledger, &scope, mug.variants[0].id, None, &with_sku("BIG")).await.unwrap();
        update(&ledger, &scope, cup.product.id, None, &handle("mug")).await.unwrap();
        update_variant(&ledger, &scope, cup.variants[0].id, None, &with_sku("M")).await.unwrap();
        assert_eq!(catalog::by_handle(&ledger, &scope, "mug").await.unwrap().id, cup.product.id);
        assert_eq!(
            catalog::by_skus(&ledger, &scope, &["M", "BIG", "C"]).await.unwrap(),
            [Some(cup.variants[0].id), Some(mug.variants[0].id), None]
        );
    }
}

fn seen(result: &Result<Written<Variant>, Problem>) -> String {
    match result {
        Ok(variant) => format!("{} v{}", variant.sku.as_deref().unwrap_or("-"), variant.version),
        Err(problem) => format!("{:?}", problem.reason),
    }
}

#[tokio::test]
async fn many_variants_change_in_one_commit_and_may_swap_their_skus() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let rope = create(&ledger, &scope, sized("Rope", "R", 6)).await.unwrap();
        let id = |number: usize| rope.variants[number - 1].id;
        let head = ledger.head(&scope).await.unwrap();
        let dearer = VariantPatch { price: Patch::Set(euros(2_500)), ..VariantPatch::default() };
        let updates = [
            moved(id(1), "R-2"),
            moved(id(2), "R-1"),
            VariantUpdate { id: id(3), expected_version: Some(1), patch: dearer.clone() },
            VariantUpdate { id: id(4), expected_version: Some(7), patch: dearer },
            moved(id(5), "R-6"),
            moved(id(1), "TWICE"),
            moved(Id::from_bytes([9; 16]), "NONE"),
            VariantUpdate { id: id(6), expected_version: None, patch: VariantPatch::default() },
        ];
        let results = update_many_variants(&ledger, &scope, &updates).await.unwrap();
        assert_eq!(
            results.iter().map(seen).collect::<Vec<_>>(),
            ["R-2 v2", "R-1 v2", "R-3 v2", "Changed", "Duplicate", "Duplicate", "Missing", "R-6 v1"]
        );
        assert_eq!(ledger.head(&scope).await.unwrap(), head + 3);
        let found = catalog::by_skus(&ledger, &scope, &["R-1", "R-2"]).await.unwrap();
        assert_eq!(found, [Some(id(2)), Some(id(1))]);
    }
}

#[tokio::test]
async fn a_refused_change_keeps_its_sku_from_those_who_counted_on_it() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let rope = create(&ledger, &scope, sized("Rope", "R", 4)).await.unwrap();
        let id = |number: usize| rope.variants[number - 1].id;
        // 3 cannot have 4's SKU, so 2 cannot have 3's, so 1 cannot have 2's.
        let updates = [moved(id(1), "R-2"), moved(id(2), "R-3"), moved(id(3), "R-4")];
        let results = update_many_variants(&ledger, &scope, &updates).await.unwrap();
        assert_eq!(results.iter().map(seen).collect::<Vec<_>>(), ["Duplicate", "Duplicate", "Duplicate"]);
        let updates = [moved(id(1), "R-2"), moved(id(2), "R-3"), moved(id(3), "R-4"), moved(id(4), "NEW")];
        let results = update_many_variants(&ledger, &scope, &updates).await.unwrap();
        assert_eq!(results.iter().map(seen).collect::<Vec<_>>(), ["R-2 v2", "R-3 v2", "R-4 v2", "NEW v2"]);
    }
}

#[tokio::test]
async fn an_archived_product_is_kept_and_listed_as_such() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let mug = create(&ledger, &scope, simple("Mug", Some("M"))).await.unwrap();
        let archived = archive(&ledger, &scope, mug.product.id, Some(1)).await.unwrap();
        assert_eq!((archived.status, archived.version), (ProductStatus::Archived, 2));
        assert_eq!(archive(&ledger, &scope, mug.product.id, None).await.unwrap().version, 2);
        let page = bonded_trade::Page::first(10);
        let listed = catalog::list(&ledger, &scope, Some(ProductStatus::Archived), page).await.unwrap();
        assert_eq!(listed.records.len(), 1);
        let listed = catalog::list(&ledger, &scope, Some(ProductStatus::Active), page).await.unwrap();
        assert!(listed.records.is_empty());
    }
}
