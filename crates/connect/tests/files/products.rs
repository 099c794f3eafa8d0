//! Products that a file creates and changes, and rows that are held.

use crate::{bad_rows, faults, import, ledgers, receive, worked};
use bonded_base::{Currency, Kind, Money};
use bonded_connect::files::{self, Format, ImportState};
use bonded_ledger::Stored;
use bonded_ledger::{List, Scope};
use bonded_testkit::ledger::TestLedger;
use bonded_trade::catalog::{self, Product, Variant};
use bonded_trade::inventory::levels_of;
use std::fmt::Write as _;

const FILE: &str = "Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price\n\
    tin,Tea Tin,Pottery,Size,S,TIN-S,12,7.50\n\
    tin,,,,L,TIN-L,8,11.00\n\
    mug,Mug,Pottery,,,MUG,3,4.00\n";

async fn by_sku(ledger: &TestLedger, scope: &Scope, sku: &str) -> Stored<Variant> {
    let id = catalog::by_skus(ledger, scope, &[sku]).await.unwrap()[0].unwrap();
    catalog::variant(ledger, scope, id).await.unwrap()
}

async fn stock(ledger: &TestLedger, scope: &Scope, sku: &str) -> i64 {
    let variant = by_sku(ledger, scope, sku).await;
    levels_of(ledger, scope, &[variant.id]).await.unwrap()[0][0].on_hand
}

#[tokio::test]
async fn a_file_creates_then_changes_and_then_says_what_is_so_already() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let done = import(&ledger, &scope, Format::Products, FILE).await;
        assert_eq!((done.counts.created, done.counts.held, done.rows_until), (3, 0, None));
        assert_eq!(stock(&ledger, &scope, "TIN-L").await, 8);
        let head = ledger.head(&scope).await.unwrap();
        let again = import(&ledger, &scope, Format::Products, FILE).await;
        assert_eq!((again.counts.unchanged, again.counts.created, again.counts.changed), (3, 0, 0));
        let about: Vec<_> = ledger.headlines(&scope, head, 100).await.unwrap();
        // What a chunk was sealed under is noted as spent.
        let own = [Kind::Import, Kind::SpentSlots];
        assert!(about.iter().all(|entry| own.contains(&entry.kind)), "nothing else is touched");

        // Only what is spoken of changes: the vendor stays, a third size joins, one price is another.
        let file = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price\n\
            tin,Tea Tin,Size,S,TIN-S,12,7.90\ntin,,,M,TIN-M,5,9\nmug,Mug,,,MUG,3,4.00\n";
        let changed = import(&ledger, &scope, Format::Products, file).await;
        assert_eq!((changed.counts.changed, changed.counts.unchanged), (2, 1));
        let tin = catalog::by_handle(&ledger, &scope, "tin").await.unwrap();
        assert_eq!((tin.vendor.as_str(), tin.variant_count), ("Pottery", 3));
        assert_eq!(tin.options[0].values, ["S", "L", "M"]);
        assert_eq!(by_sku(&ledger, &scope, "TIN-S").await.price, Money::new(790, Currency::EUR));
        assert_eq!(stock(&ledger, &scope, "TIN-M").await, 5);
        // The count alone is a change too.
        let counted = "Title,SKU,Inventory quantity,Price\nMug,MUG,9,4\n";
        let counted = import(&ledger, &scope, Format::Products, counted).await;
        assert_eq!(counted.counts.changed, 1);
        assert_eq!(stock(&ledger, &scope, "MUG").await, 9);
    }
}

#[tokio::test]
async fn rows_that_cannot_be_taken_come_back_as_a_file_that_goes_in_when_corrected() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let file = "Handle;Titel;Option1 Name;Option1 Value;Artikelnummer;Bestand;Preis;E-Mail\n\
            tin;Dose;Größe;S;TIN-S;12;7,50;ada@example.com\n\
            tin;;;L;TIN-L;viele;11,00;\n\
            mug;Becher;;;MUG;3;4,00;\n\
            cup;Tasse;;;MUG;1;2,00;\n\
            jar;Krug;;;JAR;1;-2,00;\n\
            pot;Topf;;;POT;99999999999;2,00;\n\
            bowl;Schale;;;BOWL\n\
            dish;=1+1;;;DISH;1;1.299,95;\n";
        let import = import(&ledger, &scope, Format::Products, file).await;
        assert_eq!((import.counts.created, import.counts.held), (2, 6));
        assert!(import.decimal_comma && import.delimiter == ';' && import.rows_until.is_some());
        assert_eq!(
            faults(&ledger, &scope, &import).await,
            [
                "1 (line 2) row: row 2, of the same product, is held",
                "2 (line 3) Bestand: a whole number is needed",
                "4 (line 5) Artikelnummer: another row has this SKU",
                "5 (line 6) Preis: a price cannot be negative",
                "6 (line 7) Bestand: nobody has so many pieces",
                "7 (line 8) row: the row has 5 fields where the header has 8",
            ]
        );
        assert_eq!(by_sku(&ledger, &scope, "DISH").await.price.amount, 129_995);
        let bad = bad_rows(&ledger, &scope, &import).await;
        assert!(!bad.contains("ada@example.com") && !bad.contains("E-Mail"));
        assert!(
            bad.starts_with("Handle,Titel,Option1 Name,Option1 Value,Artikelnummer,Bestand,Preis,error\n"),
            "{bad}"
        );
        assert!(bad.contains("tin,,,L,TIN-L,viele,\"11,00\",Bestand: a whole number is needed\n"), "{bad}");
        let corrected = bad
            .replace("viele", "8")
            .replace("cup,Tasse,,,MUG", "cup,Tasse,,,CUP")
            .replace("\"-2,00\"", "\"2,00\"")
            .replace("99999999999", "9")
            .replace("bowl,Schale,,,BOWL,,", "bowl,Schale,,,BOWL,1,3");
        let again = crate::import(&ledger, &scope, Format::Products, &corrected).await;
        assert_eq!((again.counts.created, again.counts.held), (6, 0), "{:?}", faults(&ledger, &scope, &again).await);
        // When its time is over, what was held goes, and the import is told of as before.
        ledger.test_clock().advance_ms(files::KEPT_MS);
        let over = worked(&ledger, &scope, import.id()).await;
        assert_eq!((over.state, over.rows_until), (ImportState::Done, None));
        assert!(files::bad_rows(ledger.clone(), scope.clone(), import.id()).await.is_err());
    }
}

#[tokio::test]
async fn a_preview_says_what_would_happen_and_changes_nothing() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        import(&ledger, &scope, Format::Products, "Title,SKU,Price\nMug,MUG,4\nPot,POT,1\n").await;
        let file = "Title,SKU,Price\nMug,MUG,5\nPot,POT,1\nCup,CUP,2\nJar,JAR,x\n";
        let received = receive(&ledger, &scope, Format::Products, file.as_bytes()).await;
        let before = ledger.head(&scope).await.unwrap();
        let seen = files::preview(&ledger, &scope, received.id()).await.unwrap();
        let counts = seen.counts;
        assert_eq!((counts.created, counts.changed, counts.unchanged, counts.held), (1, 1, 1, 1));
        assert_eq!((seen.looked_at, seen.rows.len(), seen.problems.len()), (4, 4, 1));
        assert_eq!(
            seen.rows[0].fields,
            [("Title", "Mug"), ("SKU", "MUG"), ("Price", "5")]
                .map(|(field, cell)| { (field.to_owned(), cell.to_owned()) })
        );
        assert_eq!(ledger.head(&scope).await.unwrap(), before, "nothing was written");
        assert_eq!(by_sku(&ledger, &scope, "MUG").await.price.amount, 400);
        // Given up: its rows go, and it cannot be started any more.
        files::discard(&ledger, &scope, received.id()).await.unwrap();
        assert!(files::start(&ledger, &scope, received.id()).await.is_err());
    }
}

#[tokio::test]
async fn a_large_file_goes_in_chunk_by_chunk_and_no_row_twice() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let mut file = String::from("Title,SKU,Price,Inventory quantity\n");
        for number in 0..3_500 {
            writeln!(file, "Nail {number},NAIL-{number},0.10,{number}").unwrap();
        }
        let received = receive(&ledger, &scope, Format::Products, file.as_bytes()).await;
        assert_eq!((received.rows, received.chunks, received.bytes), (3_500, 4, file.len() as u64));
        files::start(&ledger, &scope, received.id()).await.unwrap();
        // Two nodes that both believe that it is theirs do no harm.
        let (one, other) = (worked(&ledger, &scope, received.id()), worked(&ledger, &scope, received.id()));
        let (done, _) = futures::join!(one, other);
        assert_eq!((done.state, done.counts.created, done.counts.held), (ImportState::Done, 3_500, 0));
        let mut count = 0;
        let mut list = List::first(1_000);
        loop {
            let page = ledger.list::<Product>(&scope, &list).await.unwrap();
            count += page.records.len();
            match page.next {
                Some(next) => list.after = Some(next),
                None => break,
            }
        }
        assert_eq!(count, 3_500);
    }
}
