//! Files that nobody should send: every row is accounted for all the same, and memory stays bounded.

use crate::{faults, import, ledgers, pieces, receive, worked};
use bonded_base::Currency;
use bonded_connect::files::{self, Format, ImportState, Upload};
use bonded_testkit::ledger::on_sqlite;
use bonded_trade::Page;
use bonded_trade::catalog;
use bytes::Bytes;
use futures::stream;
use proptest::prelude::*;
use std::convert::Infallible;

/// A stream of many times the same bytes between a beginning and an end.
fn repeated(
    begin: &'static [u8],
    again: Bytes,
    times: usize,
    end: &'static [u8],
) -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    let all = std::iter::once(Bytes::from_static(begin)).chain(std::iter::repeat_n(again, times));
    stream::iter(all.chain([Bytes::from_static(end)]).map(Ok))
}

#[tokio::test]
async fn a_cell_without_end_is_one_row_that_is_held() {
    let ledger = on_sqlite().await;
    let scope = ledger.any_account();
    let upload = Upload { format: Format::Stock, currency: Some(Currency::EUR) };
    let piece = Bytes::from(vec![b'x'; 1024 * 1024]);
    for (begin, end, rows) in [
        (&b"SKU,On hand\nA,\""[..], &b"\"\nB,2\n"[..], 2),
        (b"SKU,On hand\nA,", b"\nB,2\n", 2),
        (b"SKU,On hand\nA,\"", b"\nB,2\n", 1),
    ] {
        let body = repeated(begin, piece.clone(), 64, end);
        let received = files::receive(&ledger, &scope, upload, body).await.unwrap();
        assert_eq!(received.rows, rows);
        files::start(&ledger, &scope, received.id()).await.unwrap();
        let done = worked(&ledger, &scope, received.id()).await;
        assert_eq!((done.state, done.counts.held), (ImportState::Done, rows), "no such variant either");
        assert!(faults(&ledger, &scope, &done).await[0].contains("is a quotation mark left open?"));
    }
}

#[tokio::test]
async fn a_file_beyond_all_bounds_is_refused_and_leaves_nothing_to_start() {
    let ledger = on_sqlite().await;
    let scope = ledger.any_account();
    let upload = Upload { format: Format::Stock, currency: Some(Currency::EUR) };
    let columns = repeated(b"SKU,On hand", Bytes::from(vec![b','; 1_000_000]), 2, b"\nA,1\n");
    assert!(files::receive(&ledger, &scope, upload, columns).await.is_err());
    assert!(files::receive(&ledger, &scope, upload, pieces(b"", 10)).await.is_err());
    // One GiB in one cell: it ends at the limit, far before.
    let times = usize::try_from(files::FILE_BYTES_MAX / (1024 * 1024)).unwrap() * 2;
    let huge = repeated(b"SKU,On hand\nA,\"", Bytes::from(vec![b'x'; 1024 * 1024]), times, b"");
    assert!(files::receive(&ledger, &scope, upload, huge).await.is_err());
    let (imports, _) = files::list(&ledger, &scope, Page::first(10)).await.unwrap();
    assert_eq!(imports.len(), 1);
    assert!(files::start(&ledger, &scope, imports[0].id()).await.is_err());
    // Nobody comes back to it, so it is taken away when an upload cannot take so long any more.
    ledger.test_clock().advance_ms(files::UPLOAD_MS_MAX);
    let given_up = worked(&ledger, &scope, imports[0].id()).await;
    assert_eq!(given_up.state, ImportState::Failed);
}

#[tokio::test]
async fn signs_that_mislead_are_held_or_kept_as_they_are() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        // Mixed line ends, NUL, a mark that turns the direction of reading, a formula, cells too many and too few.
        let file = "Title,SKU,Price\r\nMug,MUG,1\rPot\0,POT,1\nC\u{202e}up,CUP,1\r\n=1+1,F,1\n,,\n\n\"a\"\"b\",Q,1\nx,y\nx,y,1,z\n";
        let done = import(&ledger, &scope, Format::Products, file).await;
        assert_eq!((done.rows, done.counts.created, done.counts.held), (8, 4, 4));
        let faults = faults(&ledger, &scope, &done).await;
        assert!(
            faults[0].contains("NUL") && faults[1].contains("empty") && faults[2].contains("2 fields"),
            "{faults:?}"
        );
        let titles = catalog::list(&ledger, &scope, None, Page::first(10)).await.unwrap().records;
        assert!(titles.iter().any(|product| product.title == "=1+1"));
        let file = crate::exported(&ledger, &scope, Format::Products).await;
        assert!(file.contains("'=1+1") && !file.contains(",=1"));
    }
}

#[tokio::test]
async fn a_compressed_file_is_no_file() {
    let ledger = on_sqlite().await;
    let scope = ledger.any_account();
    let zip = [b"PK\x03\x04\x14\0\0\0\x08\0".as_slice(), &[0x9c; 500]].concat();
    let received = receive(&ledger, &scope, Format::Products, &zip).await;
    assert_eq!(received.state, ImportState::Failed);
    assert_eq!(received.chunks, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_bytes_are_accounted_for(bytes in prop::collection::vec(any::<u8>(), 0..3_000), size in 1_usize..700) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let ledger = on_sqlite().await;
            let scope = ledger.any_account();
            let upload = Upload { format: Format::Products, currency: Some(Currency::EUR) };
            let file = [b"Handle,Title,SKU,Price,Vendor\n".as_slice(), &bytes].concat();
            let received = files::receive(&ledger, &scope, upload, pieces(&file, size)).await.unwrap();
            if received.state == ImportState::Previewed {
                files::start(&ledger, &scope, received.id()).await.unwrap();
                let done = worked(&ledger, &scope, received.id()).await;
                assert_eq!((done.state, done.counts.rows()), (ImportState::Done, done.rows));
            }
        });
    }
}
