//! Product files that go into an account, on both engines.

use crate::{fates, samples};
use bonded_base::Currency;
use bonded_connect::csv::{Fate, IMPORT_PAGE_PRODUCTS, ProductFile, import_products, shopify_products};
use bonded_ledger::RequestKey;
use bonded_testkit::ledger::{TestLedger, on_postgres, on_sqlite};
use bonded_trade::catalog::{self, ProductDraft, VariantDraft};
use bonded_trade::inventory::levels_of;
use std::fmt::Write as _;

async fn ledgers() -> Vec<TestLedger> {
    [Some(on_sqlite().await), on_postgres().await].into_iter().flatten().collect()
}

fn read(file: &str) -> ProductFile {
    shopify_products(file.as_bytes(), Currency::GBP).unwrap()
}

#[tokio::test]
async fn a_sample_catalogue_is_in_the_account_after_its_import() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let file = samples::products("catalog-tea.csv");
        let (rows, parcels) = (file.report.rows.len(), file.products.clone());
        let import = import_products(&ledger, &scope, file).await;
        assert!(import.stopped.is_none());
        assert_eq!((import.report.taken(), import.products.len()), (rows, parcels.len()));
        assert_eq!(import.variants, parcels.iter().map(|parcel| parcel.draft.variants.len()).sum::<usize>());
        for (id, parcel) in import.products.iter().zip(&parcels) {
            let product = catalog::get(&ledger, &scope, *id).await.unwrap();
            assert_eq!((&product.title, product.status), (&parcel.draft.title, parcel.draft.status));
            assert_eq!(product.images, parcel.draft.images);
            let variants = catalog::all_variants_of(&ledger, &scope, *id).await.unwrap();
            let ids: Vec<_> = variants.iter().map(|variant| variant.id).collect();
            let levels = levels_of(&ledger, &scope, &ids).await.unwrap();
            let counted: Vec<_> = levels.iter().map(|levels| levels.first().map(|level| level.on_hand)).collect();
            assert_eq!(counted, parcel.stock);
            for ((variant, draft), row) in variants.iter().zip(&parcel.draft.variants).zip(&parcel.variant_rows) {
                assert_eq!((&variant.sku, &variant.options), (&draft.sku, &draft.options));
                let Fate::Taken(taken) = &import.report.rows[*row].fate else { panic!("taken") };
                assert_eq!((taken.product, taken.variant), (*id, Some(variant.id)));
            }
        }
    }
}

#[tokio::test]
async fn an_import_sent_twice_adds_nothing() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        import_products(&ledger, &scope, samples::products("catalog-home.csv")).await;
        let head = ledger.head(&scope).await.unwrap();
        let again = import_products(&ledger, &scope, samples::products("catalog-home.csv")).await;
        assert!(again.products.is_empty() && again.stopped.is_none());
        assert_eq!(again.report.taken(), 0);
        assert_eq!(fates(&again.report)[0], "URL handle: another product has this handle");
        assert_eq!(ledger.head(&scope).await.unwrap(), head);
    }
}

#[tokio::test]
async fn a_refused_product_holds_its_rows_in_the_words_of_the_file() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let taken = ProductDraft {
            title: "Cup".to_owned(),
            variants: vec![VariantDraft {
                sku: Some("CUP".to_owned()),
                price: Some(bonded_base::Money::new(1, Currency::GBP)),
                ..VariantDraft::default()
            }],
            ..ProductDraft::default()
        };
        catalog::create(&ledger, &scope, taken).await.unwrap();
        let long = "x".repeat(300);
        let file = format!(
            "URL handle,Title,Option1 name,Option1 value,Variant SKU,Variant Price,Image Src\n\
             pot,Pot,Size,S,POT-S,1,\n\
             pot,,,M,CUP,1,\n\
             pot,,,,,,https://example.com/pot.png\n\
             cup,Mug,,,MUG,1,\n\
             long,{long},,,LONG,1,\n\
             rope,Rope,Size,S,ROPE-S,1,\n\
             rope,,,S,ROPE-T,1,\n\
             bowl,Bowl,,,BOWL,1,https://exa mple.com/bowl.png\n\
             dish,Dish,,,DISH,1,\n"
        );
        let import = import_products(&ledger, &scope, read(&file)).await;
        let another = "row: another row of the same product is held";
        assert_eq!(
            fates(&import.report),
            [
                another,
                "Variant SKU: another variant has this SKU",
                another,
                "URL handle: another product has this handle",
                "Title: at most 255 characters",
                another,
                "Option1 value: another variant has the same option values",
                "Image Src: the address has no host, or one with credentials in it",
                "taken"
            ]
        );
        assert_eq!((import.products.len(), import.variants), (1, 1));
    }
}

#[tokio::test]
async fn a_large_file_goes_in_page_by_page_under_one_request() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let count = IMPORT_PAGE_PRODUCTS * 2 + 7;
        let mut file = String::from("Title,SKU,Price,Inventory quantity\n");
        for number in 0..count {
            writeln!(file, "Nail {number},NAIL-{number},0.10,{number}").unwrap();
        }
        let once = scope.clone().once(RequestKey { key: "import".to_owned(), fingerprint: [1; 32] });
        let import = import_products(&ledger, &once, read(&file)).await;
        assert!(import.stopped.is_none(), "{:?}", import.stopped);
        assert_eq!((import.products.len(), import.report.taken()), (count, count));
        let again = import_products(&ledger, &once, read(&file)).await;
        assert!(again.stopped.is_some() || again.products.is_empty(), "the request is known");
    }
}

#[tokio::test]
async fn an_import_that_cannot_go_on_says_which_rows_to_send_again() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let once = scope.clone().once(RequestKey { key: "import".to_owned(), fingerprint: [1; 32] });
        import_products(&ledger, &once, read("Title,SKU,Price\nCup,CUP,1\n")).await;
        // The same request again, with other rows: the ledger refuses it whole.
        let import = import_products(&ledger, &once, read("Title,SKU,Price\nMug,MUG,1\nPot,,x\n")).await;
        assert!(import.stopped.is_some());
        assert_eq!(
            fates(&import.report),
            [
                "row: the import stopped before this row; send it again",
                "Price: an amount is digits with at most one point: 19.99"
            ]
        );
    }
}
