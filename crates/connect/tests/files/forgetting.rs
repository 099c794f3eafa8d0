//! Consumers who are forgotten leave the rows of files that are still kept, too.

use super::{bad_rows, import, ledgers};
use bonded_base::Kind;
use bonded_connect::files::{Format, ImportRecord, forget_orders};
use bonded_ledger::{Ledger, List, Scope, Stored};
use std::collections::BTreeSet;

/// Two good orders and one that is held, so that the rows of all three are kept.
const FILE: &str = "Reference,SKU,Quantity,Price,First name,Last name,Street,Postal code,Country\n\
    A-1,LAMP,1,9.00,Ada,Lovelace,12 St James's Square,SW1Y 4JH,GB\n\
    A-2,LAMP,1,9.00,Grace,Hopper,1 Placeholder Street,10115,DE\n\
    A-3,LAMP,none,9.00,Alan,Turing,2 Sample Road,T3 5TT,GB\n";

/// Everything that is kept of rows, in clear, with the record that it was read from.
async fn kept(ledger: &Ledger, scope: &Scope) -> (String, Vec<Stored<ImportRecord>>) {
    let listed = ledger.list::<ImportRecord>(scope, &List::first(100)).await.unwrap().records;
    let (mut text, mut chunks) = (String::new(), Vec::new());
    for record in listed.into_iter().filter(Stored::has_consumer) {
        if let Some(bytes) = ledger.consumer(scope, &record).await.unwrap() {
            text.push_str(std::str::from_utf8(bytes.expose()).unwrap());
            chunks.push(record);
        }
    }
    (text, chunks)
}

#[tokio::test]
async fn rows_of_forgotten_orders_go_and_the_held_ones_stay() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let done = import(&ledger, &scope, Format::Orders, FILE).await;
        assert_eq!((done.counts.created, done.counts.held), (2, 1));
        let (before, chunks) = kept(&ledger, &scope).await;
        assert!(["Lovelace", "Hopper", "Turing"].iter().all(|name| before.contains(name)));

        forget_orders(&ledger, &scope, &BTreeSet::from(["A-1", "A-9"])).await.unwrap();
        let (after, _) = kept(&ledger, &scope).await;
        assert!(!after.contains("Lovelace") && after.contains("Hopper") && after.contains("Turing"));
        assert!(bad_rows(&ledger, &scope, &done).await.contains("Turing"), "what is held can still be corrected");
        // The old chunk, as a backup has it, opens until its key is destroyed.
        assert!(ledger.consumer(&scope, &chunks[0]).await.unwrap().is_some());
        assert!(ledger.destroy_spent(&scope).await.unwrap().unwrap().complete());
        assert!(ledger.consumer(&scope, &chunks[0]).await.unwrap().is_none());
        assert!(ledger.destroy_spent(&scope).await.unwrap().is_none(), "nothing is left to destroy");
        let (still, _) = kept(&ledger, &scope).await;
        assert_eq!(still, after);

        // With the last of its rows a chunk goes.
        forget_orders(&ledger, &scope, &BTreeSet::from(["A-2", "A-3"])).await.unwrap();
        assert!(kept(&ledger, &scope).await.1.is_empty());
        let log = ledger.headlines(&scope, 0, 1_000).await.unwrap();
        assert!(log.iter().any(|entry| entry.kind == Kind::Import && entry.action == "forgotten"));
    }
}
