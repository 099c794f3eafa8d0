//! Columns that somebody maps by hand, once.

use crate::{import, ledgers, receive};
use bonded_connect::files::{self, ColumnChoice, Encoding, Format, ImportState, Mapping};
use bonded_trade::catalog::by_skus;

#[tokio::test]
async fn a_header_that_says_nothing_is_mapped_once_and_known_from_then_on() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let utf16: Vec<u8> =
            "Was|Code|Geld|Tel\nKäse|K-1|2,50|020 7946 0958\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let file = [&[0xff, 0xfe], utf16.as_slice()].concat();
        let refused = receive(&ledger, &scope, Format::Products, &file).await;
        assert_eq!(refused.state, ImportState::Failed);
        assert_eq!(refused.why.as_deref(), Some("the file has no column `Title`"));
        let names: Vec<_> = refused.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["(not repeated)"; 4], "it may be a first row");
        let choice = |column: &str, field: Option<&str>| ColumnChoice {
            column: column.to_owned(),
            field: field.map(str::to_owned),
        };
        let columns = vec![choice("was", Some("Title")), choice("CODE", Some("SKU")), choice("Geld", Some("Price"))];
        let mapping = Mapping { format: Format::Products, columns };
        let (id, _) = files::keep_mapping(&ledger, &scope, mapping.clone()).await.unwrap();
        let (same, _) = files::keep_mapping(&ledger, &scope, mapping).await.unwrap();
        assert_eq!(id, same, "the same columns are one mapping");
        let received = receive(&ledger, &scope, Format::Products, &file).await;
        assert_eq!((received.state, received.mapping), (ImportState::Previewed, Some(id)));
        assert_eq!((received.encoding, received.delimiter, received.decimal_comma), (Encoding::Utf16Le, '|', true));
        files::start(&ledger, &scope, received.id()).await.unwrap();
        let done = crate::worked(&ledger, &scope, received.id()).await;
        assert_eq!((done.counts.created, done.counts.held), (1, 0));
        assert!(by_skus(&ledger, &scope, &["K-1"]).await.unwrap()[0].is_some());

        assert_eq!(files::mappings(&ledger, &scope).await.unwrap().len(), 1);
        files::forget_mapping(&ledger, &scope, id).await.unwrap();
        assert!(files::forget_mapping(&ledger, &scope, received.id()).await.is_err(), "an import is no mapping");
        assert!(files::get(&ledger, &scope, id).await.is_err());
        let refused = receive(&ledger, &scope, Format::Products, &file).await;
        assert_eq!(refused.state, ImportState::Failed);
    }
}

#[tokio::test]
async fn stock_finds_its_place_by_the_names_of_four_languages() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        import(&ledger, &scope, Format::Products, "Title,SKU,Price\nMug,MUG,4\n").await;
        for (file, changed) in [
            ("SKU,Quantity\nMUG,1\n", 1),
            ("Artikelnummer;Bestand\nMUG;2\n", 1),
            ("Référence\tQuantité\nMUG\t3\n", 1),
            ("Referencia|Existencias\nMUG|3\n", 0),
        ] {
            let done = import(&ledger, &scope, Format::Stock, file).await;
            assert_eq!((done.counts.changed + done.counts.created, done.counts.held), (changed, 0), "{file}");
        }
    }
}
