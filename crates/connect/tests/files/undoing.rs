//! Imports that are taken back.

use crate::{import, ledgers, worked};
use bonded_connect::files::{self, Format, ImportState, Kept};
use bonded_ledger::{Ledger, Scope};
use bonded_trade::catalog::{self, ProductPatch, ProductStatus, update};
use bonded_trade::inventory::{LevelSet, levels_of, set_many};
use bonded_trade::orders::{self, Cancellation};
use bonded_trade::{Page, Patch};

async fn undone(ledger: &Ledger, scope: &Scope, import: &Kept) -> (Kept, Vec<String>) {
    files::undo(ledger, scope, import.id()).await.unwrap();
    let undone = worked(ledger, scope, import.id()).await;
    assert_eq!((undone.state, undone.chunks_done), (ImportState::Undone, 0));
    let page = files::problems(ledger, scope, import.id(), 0, usize::MAX).await.unwrap();
    assert_eq!(undone.counts.left, page.left.len() as u64);
    (undone, page.left.into_iter().map(|left| left.reason).collect())
}

async fn titles(ledger: &Ledger, scope: &Scope) -> Vec<String> {
    let products = catalog::list(ledger, scope, None, Page::first(100)).await.unwrap().records;
    products.iter().map(|product| product.title.clone()).collect()
}

#[tokio::test]
async fn what_was_created_goes_and_what_was_changed_is_as_before() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let first = "Handle,Title,Vendor,Option1 Name,Option1 Value,SKU,Inventory quantity,Price\n\
            tin,Tin,Kiln,Size,S,TIN-S,5,7\nmug,Mug,Kiln,,,MUG,3,4\n";
        import(&ledger, &scope, Format::Products, first).await;
        let tin = catalog::by_handle(&ledger, &scope, "tin").await.unwrap();
        let second = "Handle,Title,Vendor,Option1 Name,Option1 Value,SKU,Inventory quantity,Price\n\
            tin,Tea tin,Other,Size,S,TIN-S,50,8\ntin,,,,L,TIN-L,2,9\njar,Jar,Kiln,,,JAR,1,2\n";
        let import = import(&ledger, &scope, Format::Products, second).await;
        let (undone, left) = undone(&ledger, &scope, &import).await;
        assert!(left.is_empty(), "{left:?}");
        assert!(undone.counts.taken_back >= 6);
        assert_eq!(titles(&ledger, &scope).await, ["Tin", "Mug"]);
        let now = catalog::by_handle(&ledger, &scope, "tin").await.unwrap();
        assert_eq!(*now, *tin);
        let variants = catalog::all_variants_of(&ledger, &scope, tin.id).await.unwrap();
        assert_eq!((variants.len(), variants[0].price.amount), (1, 700));
        assert_eq!(levels_of(&ledger, &scope, &[variants[0].id]).await.unwrap()[0][0].on_hand, 5);
        assert_eq!(catalog::by_skus(&ledger, &scope, &["JAR", "TIN-L"]).await.unwrap(), [None, None]);
        // What it freed can be taken again.
        assert_eq!(crate::import(&ledger, &scope, Format::Products, second).await.counts.held, 0);
    }
}

#[tokio::test]
async fn what_somebody_has_built_on_stays_and_is_named() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let file = "Title,SKU,Inventory quantity,Price\nMug,MUG,3,4\nPot,POT,3,4\nCup,CUP,3,4\n";
        let import = import(&ledger, &scope, Format::Products, file).await;
        let mug = catalog::by_handle(&ledger, &scope, "mug").await.unwrap();
        let patch = ProductPatch { vendor: Patch::Set("Kiln".into()), ..ProductPatch::default() };
        update(&ledger, &scope, mug.id, None, patch).await.unwrap();
        let recount = LevelSet { sku: Some("POT".into()), on_hand: 1, ..LevelSet::default() };
        set_many(&ledger, &scope, &[recount]).await.unwrap()[0].as_ref().unwrap();
        let (_, left) = undone(&ledger, &scope, &import).await;
        let changed = left.iter().filter(|reason| *reason == "it has changed since").count();
        assert_eq!(changed, 2, "the mug and its variant: {left:?}");
        assert!(left.iter().any(|reason| reason.contains("archived")), "{left:?}");
        assert_eq!(titles(&ledger, &scope).await, ["Mug", "Pot"]);
        let pot = catalog::by_handle(&ledger, &scope, "pot").await.unwrap();
        assert_eq!(pot.status, ProductStatus::Archived);
        assert!(files::undo(&ledger, &scope, import.id()).await.is_err(), "once");
    }
}

#[tokio::test]
async fn orders_that_nobody_has_heard_of_go_and_counts_go_back() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let file = "Reference,SKU,Quantity,Price,Name,Street,Country\n\
            1,A,1,2,Ada Example,1 Road,GB\n2,A,1,2,Ada Example,1 Road,GB\n";
        let import = import(&ledger, &scope, Format::Orders, file).await;
        let two = orders::by_reference(&ledger, &scope, "2").await.unwrap().unwrap();
        orders::cancel(&ledger, &scope, two.id, None, &Cancellation::default()).await.unwrap();
        let (_, left) = undone(&ledger, &scope, &import).await;
        assert!(left.is_empty(), "{left:?}");
        assert!(orders::by_reference(&ledger, &scope, "1").await.unwrap().is_none());
        assert!(orders::by_reference(&ledger, &scope, "2").await.unwrap().is_some());

        crate::import(&ledger, &scope, Format::Products, "Title,SKU,Inventory quantity,Price\nMug,MUG,3,4\n").await;
        // One variant twice in one file, in two chunks: the last count stands, and both go back.
        let mut file = String::from("SKU,On hand\nMUG,5\n");
        for _ in 0..1_500 {
            file.push_str("MUG,6\n");
        }
        file.push_str("MUG,7\n");
        let stock = crate::import(&ledger, &scope, Format::Stock, &file).await;
        let mug = catalog::by_skus(&ledger, &scope, &["MUG"]).await.unwrap()[0].unwrap();
        let count = async || levels_of(&ledger, &scope, &[mug]).await.unwrap()[0][0].on_hand;
        assert_eq!(count().await, 7);
        let (_, left) = undone(&ledger, &scope, &stock).await;
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(count().await, 3);
    }
}
