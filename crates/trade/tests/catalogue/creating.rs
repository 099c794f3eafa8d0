//! Creating products: many at once, beside others who want the same names.

use crate::{ledgers, simple, sized};
use bonded_base::{Problem, Reason};
use bonded_ledger::{LedgerError, LookupName, RequestKey};
use bonded_trade::catalog::{
    self, Created, PRODUCTS_A_CALL_MAX, ProductDraft, VARIANTS_A_CALL_MAX, VARIANTS_MAX, create, create_many,
};
use bonded_trade::{Page, TradeError};
use std::collections::HashSet;

fn pointer(result: &Result<Created, Problem>) -> &str {
    match result {
        Ok(_) => "created",
        Err(problem) => problem.pointer.as_deref().unwrap_or("?"),
    }
}

fn handle(result: &Result<Created, Problem>) -> &str {
    &result.as_ref().unwrap().product.handle
}

#[tokio::test]
async fn five_hundred_products_are_one_commit_and_are_read_back_as_created() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let drafts = (0..500).map(|number| simple(&format!("Mug {number}"), Some(&format!("MUG-{number}")))).collect();
        let created = create_many(&ledger, &scope, drafts).await.unwrap();
        assert_eq!(ledger.head(&scope).await.unwrap(), 1_000);
        let mut last = None;
        for (number, created) in created.into_iter().enumerate() {
            let Created { product, variants } = created.unwrap();
            assert!(last < Some(product.id), "products are listed in the order in which they were sent");
            last = Some(product.id);
            let stored = catalog::get(&ledger, &scope, product.id).await.unwrap();
            assert_eq!(*stored, product.value);
            assert_eq!((stored.version, stored.updated_at), (product.version, product.updated_at));
            assert_eq!(stored.title, format!("Mug {number}"));
            let variant = catalog::variant(&ledger, &scope, variants[0].id).await.unwrap();
            assert_eq!(*variant, variants[0].value);
            assert_eq!(variant.product, product.id);
        }
    }
}

#[tokio::test]
async fn what_is_taken_holds_back_only_its_own_draft() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        create(&ledger, &scope, simple("Old Mug", Some("OLD"))).await.unwrap();
        let before = ledger.head(&scope).await.unwrap();
        let named = |handle: &str, draft: ProductDraft| ProductDraft { handle: Some(handle.to_owned()), ..draft };
        let drafts = vec![
            simple("New Mug", Some("NEW")),
            simple("Thief", Some("OLD")),
            named("old-mug", simple("Impostor", None)),
            simple("Old Mug", Some("ALSO-NEW")),
            simple("", Some("UNTITLED")),
            simple("Twin", Some("NEW")),
            named("New Mug", simple("Shadow", None)),
            simple("Plain", None),
        ];
        let created = create_many(&ledger, &scope, drafts).await.unwrap();
        assert_eq!(
            created.iter().map(pointer).collect::<Vec<_>>(),
            ["created", "/variants/0/sku", "/handle", "created", "/title", "/variants/0/sku", "/handle", "created"]
        );
        assert_eq!(handle(&created[3]), "old-mug-1");
        for place in [1, 2, 5, 6] {
            assert_eq!(created[place].as_ref().unwrap_err().reason, Reason::Duplicate);
        }
        assert_eq!(ledger.head(&scope).await.unwrap(), before + 6, "nothing of the refused drafts is in the log");
        let found = catalog::by_skus(&ledger, &scope, &["OLD", "NEW", "ALSO-NEW", "UNTITLED"]).await.unwrap();
        assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, true, false]);
    }
}

#[tokio::test]
async fn products_of_one_title_all_get_handles_of_their_own() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let mut handles = HashSet::new();
        for _ in 0..4 {
            let drafts = (0..10).map(|_| simple("Tea Towel", None)).collect();
            for created in create_many(&ledger, &scope, drafts).await.unwrap() {
                handles.insert(handle(&created).to_owned());
            }
        }
        assert_eq!(handles.len(), 40);
        assert!(handles.contains("tea-towel") && handles.contains("tea-towel-9"), "{handles:?}");
        assert!(handles.iter().all(|handle| handle.starts_with("tea-towel")));
        let found = catalog::by_handle(&ledger, &scope, "tea-towel-9").await.unwrap();
        assert_eq!(found.title, "Tea Towel");
    }
}

#[tokio::test]
async fn a_product_with_2048_variants_is_made_and_listed_in_order() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let created = create(&ledger, &scope, sized("Rope", "ROPE", VARIANTS_MAX)).await.unwrap();
        assert_eq!((created.variants.len(), created.product.variant_count), (2_048, 2_048));
        let mut page = Page::first(500);
        let mut positions = Vec::new();
        loop {
            let listed = catalog::variants_of(&ledger, &scope, created.product.id, page).await.unwrap();
            positions.extend(listed.records.iter().map(|variant| variant.position));
            let Some(next) = listed.next else { break };
            page.after = Some(next);
        }
        assert_eq!(positions, (1..=2_048).collect::<Vec<u32>>());
        let all = catalog::all_variants_of(&ledger, &scope, created.product.id).await.unwrap();
        assert!(all.iter().zip(&created.variants).all(|(stored, created)| **stored == created.value));
        assert_eq!(created.product.options[0].values.len(), 2_048);
    }
}

#[tokio::test]
async fn calls_that_want_the_same_skus_share_them_out() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let callers = (0..8).map(|caller: usize| {
            let (ledger, scope) = ((*ledger).clone(), scope.clone());
            tokio::spawn(async move {
                // Each caller wants 20 SKUs, half of them its neighbour's.
                let drafts = (0..20).map(|number| simple("Cup", Some(&format!("CUP-{}", caller * 10 + number))));
                create_many(&ledger, &scope, drafts.collect()).await.unwrap()
            })
        });
        let mut created = Vec::new();
        for caller in callers.collect::<Vec<_>>() {
            created.extend(caller.await.unwrap());
        }
        let good: Vec<_> = created.iter().filter_map(|result| result.as_ref().ok()).collect();
        let skus: HashSet<_> = good.iter().map(|created| created.variants[0].sku.clone().unwrap()).collect();
        let handles: HashSet<_> = good.iter().map(|created| created.product.handle.clone()).collect();
        assert_eq!((good.len(), skus.len(), handles.len()), (90, 90, 90), "each SKU once, each handle once");
        assert_eq!(ledger.head(&scope).await.unwrap(), 180);
    }
}

#[tokio::test]
async fn a_call_has_its_limits() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let many = vec![simple("Mug", None); PRODUCTS_A_CALL_MAX + 1];
        let Err(TradeError::Problem(problem)) = create_many(&ledger, &scope, many).await else { panic!("refused") };
        assert_eq!(problem.reason, Reason::TooMuch);
        let ropes = (0..5).map(|number| sized("Rope", &format!("R{number}"), VARIANTS_MAX)).collect();
        let created = create_many(&ledger, &scope, ropes).await.unwrap();
        assert_eq!(
            created.iter().map(pointer).collect::<Vec<_>>(),
            ["created", "created", "created", "created", "/variants"]
        );
        const { assert!(4 * VARIANTS_MAX <= VARIANTS_A_CALL_MAX && 5 * VARIANTS_MAX > VARIANTS_A_CALL_MAX) };
        assert!(create_many(&ledger, &scope, Vec::new()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_once_only_call_is_claimed_by_what_it_creates() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let once = scope.clone().once(RequestKey { key: "k1".to_owned(), fingerprint: [1; 32] });
        create(&ledger, &scope, simple("Mug", Some("M"))).await.unwrap();
        // The first try of this call is refused for its SKU; the second one makes the rest, and claims the key.
        let drafts = vec![simple("Cup", Some("M")), simple("Bowl", Some("B"))];
        let created = create_many(&ledger, &once, drafts.clone()).await.unwrap();
        assert_eq!(created.iter().map(pointer).collect::<Vec<_>>(), ["/variants/0/sku", "created"]);
        let head = ledger.head(&scope).await.unwrap();
        let again = create_many(&ledger, &once, vec![simple("Plate", Some("P"))]).await;
        assert!(matches!(again, Err(TradeError::Ledger(LedgerError::Taken { name: LookupName::Request, .. }))));
        assert_eq!(ledger.head(&scope).await.unwrap(), head);
    }
}
