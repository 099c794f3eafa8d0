//! Invoice lines as orders, cancellations and a catalogue.

use crate::fates;
use bonded_base::{Currency, Money};
use bonded_connect::csv::{Fate, FileError, InvoiceFile, InvoiceRow, LinePlace, invoice_lines};

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

fn read(rows: &str) -> InvoiceFile {
    invoice_lines(format!("{HEADER}{rows}").as_bytes(), Currency::GBP).unwrap()
}

#[test]
fn lines_of_one_invoice_are_one_order() {
    let read = read(
        "10,A1,Lamp ,2,12/1/10 8:26,2.55,7,United Kingdom\n\
         11,B1,Pot,1,12/1/10 8:34,1,,France\n\
         10,A1,Lamp,3,12/1/10 8:26,2.5,7,United Kingdom\n",
    );
    assert_eq!(fates(&read.report), ["taken"; 3]);
    assert_eq!(read.orders.iter().map(|order| order.reference.as_str()).collect::<Vec<_>>(), ["10", "11"]);
    let first = &read.orders[0];
    assert_eq!(first.placed_at.to_string(), "2010-12-01T08:26:00.000Z");
    let lines: Vec<_> =
        first.lines.iter().map(|line| (line.sku.as_str(), line.title.as_str(), line.quantity)).collect();
    assert_eq!(lines, [("A1", "Lamp", 2), ("A1", "Lamp", 3)], "two lines of one code stay two");
    assert_eq!(first.lines[0].price, Money::new(255, Currency::GBP));
    assert_eq!((first.lines[1].row, read.orders[1].lines[0].row), (2, 1));
    assert!(read.cancellations.is_empty());
}

#[test]
fn a_cancellation_finds_the_newest_line_of_its_customer_that_has_enough_left() {
    let read = read(
        "10,A1,Lamp,5,12/1/10 8:26,2,7,UK\n\
         11,A1,Lamp,2,12/1/10 8:30,2,7,UK\n\
         12,A1,Lamp,9,12/1/10 8:40,2,8,UK\n\
         C13,A1,Lamp,-2,12/1/10 9:00,2,7,UK\n\
         C14,A1,Lamp,-4,12/1/10 9:10,2,7,UK\n\
         C14,A1,Lamp,-4,12/1/10 9:10,2,7,UK\n\
         C15,A1,Lamp,-1,12/1/10 9:20,2,,UK\n\
         C16,B1,Pot,-1,12/1/10 9:30,2,7,UK\n",
    );
    let of: Vec<_> = read
        .cancellations
        .iter()
        .flat_map(|cancellation| &cancellation.lines)
        .map(|cancelled| (cancelled.line.quantity, cancelled.of.map(|place| (place.order, place.line))))
        .collect();
    assert_eq!(of, [(2, Some((1, 0))), (4, Some((0, 0))), (4, None), (1, None), (1, None)]);
    assert!(matches!(
        read.report.rows[3].fate,
        Fate::Taken(InvoiceRow::Cancellation { of: LinePlace { order: 1, line: 0 } })
    ));
    assert!(matches!(read.report.rows[5].fate, Fate::Taken(InvoiceRow::EarlierCancellation)));
    assert!(read.cancellations[0].earlier_order().is_none());
    let earlier = read.cancellations[1].earlier_order().unwrap();
    assert_eq!((earlier.reference.as_str(), earlier.lines.len(), earlier.lines[0].quantity), ("C14", 1, 4));
}

#[test]
fn what_is_no_business_is_held() {
    for (row, why) in [
        (
            "10,POST,Postage,1,12/1/10 8:26,18,7,UK",
            "StockCode: the code stands for a charge or a correction, not for a product",
        ),
        (
            "C10,D,Discount,-1,12/1/10 8:26,27.5,7,UK",
            "StockCode: the code stands for a charge or a correction, not for a product",
        ),
        (",A1,Lamp,1,12/1/10 8:26,2,7,UK", "InvoiceNo: the row has no invoice number"),
        ("10,,Lamp,1,12/1/10 8:26,2,7,UK", "StockCode: the row has no stock code"),
        ("10,A1,Lamp,0,12/1/10 8:26,2,7,UK", "Quantity: at least one piece is needed"),
        (
            "10,A1,Lamp,-1,12/1/10 8:26,2,7,UK",
            "Quantity: only a cancellation has a negative quantity: its number begins with C",
        ),
        ("C10,A1,Lamp,1,12/1/10 8:26,2,7,UK", "Quantity: a cancellation has a negative quantity"),
        ("10,A1,Lamp,1.5,12/1/10 8:26,2,7,UK", "Quantity: a whole number is needed"),
        ("10,A1,Lamp,99999999999,12/1/10 8:26,2,7,UK", "Quantity: that is more pieces than can be counted"),
        ("10,A1,Lamp,1,12/1/10 8:26,0,7,UK", "UnitPrice: a price above nothing is needed"),
        ("10,A1,Lamp,1,12/1/10 8:26,-2,7,UK", "UnitPrice: a price above nothing is needed"),
        ("10,A1,Lamp,1,12/1/10 8:26,0.001,7,UK", "UnitPrice: Pound sterling has at most 2 decimals"),
        (
            "10,A1,Lamp,1,31/12/10 8:26,2,7,UK",
            "InvoiceDate: a date is needed, as in 12/31/2010 8:26 (month first) or 2010-12-31 08:26",
        ),
        ("10,A1,Lamp,1,12/1/10 8:26,2,7", "row: the row has 7 fields where the header has 8"),
    ] {
        let read = read(&format!("{row}\n9,Z9,Cup,1,12/1/10 8:26,2,7,UK\n"));
        assert_eq!(fates(&read.report), [why, "taken"]);
        assert_eq!((read.orders.len(), read.cancellations.len(), read.stock_codes.len()), (1, 0, 1), "{row}");
    }
}

#[test]
fn the_catalogue_holds_each_code_once_with_all_its_pieces() {
    let read = read(
        "10,A1,,2,12/1/10 8:26,2.55,7,UK\n\
         11,B1,Pot,1,12/1/10 8:34,1,7,UK\n\
         12,A1,Lamp,3,12/1/10 8:40,2.10,7,UK\n\
         C13,A1,Lamp,-1,12/1/10 9:00,2.10,7,UK\n\
         C14,C1,Cup,-4,12/1/10 9:10,3,7,UK\n\
         15,D9,,1,12/1/10 9:20,3,7,UK\n",
    );
    let codes: Vec<_> =
        read.stock_codes.iter().map(|code| (code.code.as_str(), code.title.as_str(), code.pieces)).collect();
    assert_eq!(codes, [("A1", "Lamp", 5), ("B1", "Pot", 1), ("C1", "Cup", 4), ("D9", "D9", 1)]);
    assert_eq!(read.stock_codes[0].price, Money::new(255, Currency::GBP));
    let catalogue = read.catalogue();
    assert_eq!(fates(&catalogue.report), ["taken"; 4]);
    assert_eq!(catalogue.products[0].draft.variants[0].sku.as_deref(), Some("A1"));
    assert_eq!(catalogue.products[0].stock, [Some(5)]);
    assert_eq!(catalogue.report.rows[2].row, 5);
}

#[test]
fn later_editions_of_the_format_are_read_too() {
    let file = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n\
                489434,85048,15CM GLASS BALL,12,2009-12-01 07:45:00,6.95,13085.0,United Kingdom\n";
    let read = invoice_lines(file.as_bytes(), Currency::GBP).unwrap();
    assert_eq!(read.orders[0].placed_at.to_string(), "2009-12-01T07:45:00.000Z");
    let missing = invoice_lines(b"InvoiceNo,StockCode\n1,2\n", Currency::GBP).err();
    assert_eq!(missing, Some(FileError::MissingColumn("Quantity")));
}

#[test]
fn nothing_of_the_customer_is_kept() {
    let read = read(
        "10,A1,Lamp,5,12/1/10 8:26,2,CUSTOMER-CANARY,COUNTRY-CANARY\n\
         C11,A1,Lamp,-5,12/1/10 9:26,2,CUSTOMER-CANARY,COUNTRY-CANARY\n\
         12,A1,Lamp,x,12/1/10 9:26,2,CUSTOMER-CANARY,COUNTRY-CANARY\n",
    );
    assert!(matches!(read.report.rows[1].fate, Fate::Taken(InvoiceRow::Cancellation { .. })));
    let all = format!("{read:?} {}", serde_json::to_string(&read.report).unwrap());
    assert!(!all.contains("CANARY"), "{all}");
}
