//! Changing products and variants: guarded, logged, and unique throughout.

use crate::{euros, ledgers, simple, sized};
use bonded_base::{Id, Problem, Reason};
use bonded_ledger::Scope;
use bonded_testkit::ledger::TestLedger;
use bonded_trade::catalog::{
    self, Patched, Product, ProductPatch, ProductStatus, Update, Variant, VariantPatch, archive, create, create_many,
    update, update_many,
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

fn with_handle(handle: &str) -> ProductPatch {
    ProductPatch { handle: Patch::Set(handle.to_owned()), ..ProductPatch::default() }
}

fn to<R: Patched>(id: Id<R>, expected_version: Option<u64>, patch: R::Patch) -> Update<R> {
    Update { id, expected_version, patch }
}

fn moved(id: Id<Variant>, sku: &str) -> Update<Variant> {
    to(id, None, with_sku(sku))
}

/// Products of these titles, in one account.
async fn titles(ledger: &TestLedger, scope: &Scope, titles: &[&str]) -> Vec<Id<Product>> {
    let drafts = titles.iter().map(|title| simple(title, None)).collect();
    let created = create_many(ledger, scope, drafts).await.unwrap();
    created.into_iter().map(|created| created.unwrap().product.id).collect()
}

#[tokio::test]
async fn a_change_is_logged_from_what_to_what_and_no_change_is_not() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let created = create(&ledger, &scope, simple("Mug", Some("M"))).await.unwrap();
        let id = created.product.id;
        let head = ledger.head(&scope).await.unwrap();
        let same = update(&ledger, &scope, id, Some(1), titled(" Mug ")).await.unwrap();
        assert_eq!((same.version, ledger.head(&scope).await.unwrap()), (1, head));
        ledger.test_clock().advance_ms(1_000);
        let renamed = update(&ledger, &scope, id, Some(1), titled("Cup")).await.unwrap();
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
        update(&ledger, &scope, product, Some(1), titled("Cup")).await.unwrap();
        assert_eq!(problem(update(&ledger, &scope, product, Some(1), titled("Bowl")).await).reason, Reason::Changed);
        assert_eq!(problem(archive(&ledger, &scope, product, Some(1)).await).reason, Reason::Changed);
        let stale = update(&ledger, &scope, variant, Some(9), with_sku("N")).await;
        assert_eq!(problem(stale).reason, Reason::Changed);
        assert_eq!(
            problem(update(&ledger, &scope, Id::<Product>::from_bytes([9; 16]), None, titled("x")).await).reason,
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
                tokio::spawn(async move { update(&ledger, &scope, id, None, titled(&format!("Mug {number}"))).await })
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
        let refused = problem(update(&ledger, &scope, cup.product.id, None, with_handle("mug")).await);
        assert_eq!((refused.reason, refused.pointer.as_deref()), (Reason::Duplicate, Some("/handle")));
        let refused = problem(update(&ledger, &scope, cup.variants[0].id, None, with_sku("M")).await);
        assert_eq!((refused.reason, refused.pointer.as_deref()), (Reason::Duplicate, Some("/sku")));
        update(&ledger, &scope, mug.product.id, None, with_handle("big mug")).await.unwrap();
        update(&ledger, &scope, mug.variants[0].id, None, with_sku("BIG")).await.unwrap();
        update(&ledger, &scope, cup.product.id, None, with_handle("mug")).await.unwrap();
        update(&ledger, &scope, cup.variants[0].id, None, with_sku("M")).await.unwrap();
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
            to(id(3), Some(1), dearer.clone()),
            to(id(4), Some(7), dearer),
            moved(id(5), "R-6"),
            moved(id(1), "TWICE"),
            moved(Id::from_bytes([9; 16]), "NONE"),
            to(id(6), None, VariantPatch::default()),
        ];
        let results = update_many(&ledger, &scope, &updates).await.unwrap();
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
        let results = update_many(&ledger, &scope, &updates).await.unwrap();
        assert_eq!(results.iter().map(seen).collect::<Vec<_>>(), ["Duplicate", "Duplicate", "Duplicate"]);
        let updates = [moved(id(1), "R-2"), moved(id(2), "R-3"), moved(id(3), "R-4"), moved(id(4), "NEW")];
        let results = update_many(&ledger, &scope, &updates).await.unwrap();
        assert_eq!(results.iter().map(seen).collect::<Vec<_>>(), ["R-2 v2", "R-3 v2", "R-4 v2", "NEW v2"]);
    }
}

fn told(result: &Result<Written<Product>, Problem>) -> String {
    match result {
        Ok(product) => format!("{} v{}", product.title, product.version),
        Err(Problem { reason, pointer, .. }) => format!("{reason:?} {}", pointer.as_deref().unwrap_or("-")),
    }
}

#[tokio::test]
async fn many_products_change_in_one_commit_and_the_bad_hold_back_only_themselves() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let ids = titles(&ledger, &scope, &["A", "B", "C", "D", "E", "F"]).await;
        let head = ledger.head(&scope).await.unwrap();
        let updates = [
            to(ids[0], None, titled("A2")),
            to(ids[1], Some(1), titled("B2")),
            to(ids[2], Some(7), titled("C2")),
            to(ids[3], None, titled(" ")),
            to(ids[0], None, titled("A3")),
            // The first place counts, also when it came to nothing.
            to(ids[2], None, titled("C3")),
            to(Id::from_bytes([9; 16]), None, titled("G")),
            to(ids[4], None, with_handle("F")),
            to(ids[5], Some(1), titled("F")),
        ];
        let results = update_many(&ledger, &scope, &updates).await.unwrap();
        assert_eq!(
            results.iter().map(told).collect::<Vec<_>>(),
            [
                "A2 v2",
                "B2 v2",
                "Changed -",
                "Invalid /title",
                "Duplicate /id",
                "Duplicate /id",
                "Missing -",
                "Duplicate /handle",
                "F v1"
            ]
        );
        let entries = ledger.entries(&scope, head, 10).await.unwrap();
        assert_eq!(entries.len(), 2, "what is refused, and what is as asked already, leaves no entry");
        assert_eq!(entries[0].headline.at, entries[1].headline.at);
        let again = update_many(&ledger, &scope, &updates).await.unwrap();
        assert_eq!(again.iter().map(told).take(2).collect::<Vec<_>>(), ["A2 v2", "Changed -"]);
        assert_eq!(ledger.head(&scope).await.unwrap(), head + 2);
    }
}

#[tokio::test]
async fn products_may_swap_their_handles_within_a_call() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let ids = titles(&ledger, &scope, &["Mug", "Cup", "Jug"]).await;
        let swaps = [
            to(ids[0], None, with_handle("cup")),
            to(ids[1], None, with_handle("mug")),
            to(ids[2], None, with_handle("mug")),
        ];
        let results = update_many(&ledger, &scope, &swaps).await.unwrap();
        assert_eq!(results.iter().map(told).collect::<Vec<_>>(), ["Mug v2", "Cup v2", "Duplicate /handle"]);
        assert_eq!(catalog::by_handle(&ledger, &scope, "mug").await.unwrap().id, ids[1]);
        assert_eq!(catalog::by_handle(&ledger, &scope, "cup").await.unwrap().id, ids[0]);
    }
}

#[tokio::test]
async fn a_call_changes_only_so_many_products() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let most = catalog::PRODUCTS_A_CALL_MAX;
        let updates = vec![to(Id::<Product>::from_bytes([9; 16]), None, ProductPatch::default()); most + 1];
        let refused = problem(update_many(&ledger, &scope, &updates).await);
        assert_eq!((refused.reason, &*refused.detail), (Reason::TooMuch, "at most 1000 products in one call"));
        let results = update_many(&ledger, &scope, &updates[..most]).await.unwrap();
        assert_eq!(results.len(), most);
    }
}

/// Twelve calls at once, each of which changes one product that all want, and one of its own.
async fn rivals(ledger: &TestLedger, scope: &Scope, expected: Option<u64>) -> Vec<[String; 2]> {
    let ids = titles(ledger, scope, &["All"; 13]).await;
    let calls = ids[1..].iter().map(|own| {
        let (ledger, scope) = ((*ledger).clone(), scope.clone());
        let updates = [to(ids[0], expected, titled(&format!("{own}"))), to(*own, expected, titled("Own"))];
        tokio::spawn(async move { update_many(&ledger, &scope, &updates).await })
    });
    let mut outcomes = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let results = call.await.unwrap().unwrap();
        let version = |result: &Result<Written<Product>, Problem>| match result {
            Ok(product) => format!("v{}", product.version),
            Err(problem) => format!("{:?}", problem.reason),
        };
        outcomes.push([version(&results[0]), version(&results[1])]);
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_that_lost_a_race_tries_again() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let outcomes = rivals(&ledger, &scope, None).await;
        let mut wanted: Vec<_> = outcomes.iter().map(|[all, _]| all.clone()).collect();
        wanted.sort_unstable_by_key(|version| version[1..].parse::<u64>().unwrap());
        assert_eq!(wanted, (2..=13).map(|version| format!("v{version}")).collect::<Vec<_>>());
        assert!(outcomes.iter().all(|[_, own]| own == "v2"), "{outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_expect_the_same_version_one_wins_and_the_others_lose_that_product_alone() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let outcomes = rivals(&ledger, &scope, Some(1)).await;
        let winners = outcomes.iter().filter(|[all, _]| all == "v2").count();
        let losers = outcomes.iter().filter(|[all, _]| all == "Changed").count();
        assert_eq!((winners, losers), (1, 11), "{outcomes:?}");
        assert!(outcomes.iter().all(|[_, own]| own == "v2"), "{outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_want_the_same_handle_at_once_one_gets_it() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let ids = titles(&ledger, &scope, &["All"; 12]).await;
        let calls = ids.iter().map(|id| {
            let (ledger, scope) = ((*ledger).clone(), scope.clone());
            let updates = [to(*id, None, with_handle("wanted"))];
            tokio::spawn(async move { update_many(&ledger, &scope, &updates).await })
        });
        let mut told_each = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            told_each.push(told(&call.await.unwrap().unwrap()[0]));
        }
        told_each.sort_unstable();
        assert_eq!(told_each[0], "All v2");
        assert!(told_each[1..].iter().all(|other| other == "Duplicate /handle"), "{told_each:?}");
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
