//! Files that nobody should send: every row is accounted for all the same.

use bonded_base::Currency;
use bonded_connect::csv::{
    Fate, FileError, InvoiceFile, InvoiceRow, ProductFile, Report, invoice_lines, shopify_products,
};
use proptest::prelude::*;
use std::collections::HashSet;

const PRODUCTS: &str =
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty,Image Src";
const INVOICES: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

/// Taken and held make up all rows, which lie further and further down.
fn accounted<T>(report: &Report<T>) {
    assert_eq!(report.taken() + report.held().count(), report.rows.len());
    assert!(report.rows.is_sorted_by(|earlier, later| earlier.row < later.row));
    assert!(report.rows.is_sorted_by_key(|row| row.line));
    assert!(report.rows.iter().all(|row| row.line >= 2));
}

/// The rows of a whole file are numbered one by one.
fn numbered<T>(report: &Report<T>) {
    assert!((1..).zip(&report.rows).all(|(number, row)| row.row == number));
}

/// Every row that was taken is part of one product, and no other row is.
fn products_hold_together(file: &ProductFile) {
    accounted(&file.report);
    let mut rows = HashSet::new();
    for parcel in &file.products {
        assert!(!parcel.draft.title.is_empty());
        assert_eq!(parcel.draft.variants.len(), parcel.variant_rows.len());
        assert_eq!(parcel.draft.variants.len(), parcel.stock.len());
        assert!(!parcel.variant_rows.is_empty());
        for row in parcel.rows() {
            assert!(rows.insert(row), "row {row} is part of two products");
            assert!(matches!(file.report.rows[row].fate, Fate::Taken(_)));
        }
    }
    assert_eq!(rows.len(), file.report.taken());
}

/// Every row that was taken is one line; nobody cancels more than was bought; the catalogue covers all.
fn invoices_hold_together(file: &InvoiceFile) {
    accounted(&file.report);
    let lines: usize = file.orders.iter().map(|order| order.lines.len()).sum();
    let cancelled: usize = file.cancellations.iter().map(|cancellation| cancellation.lines.len()).sum();
    assert_eq!(lines + cancelled, file.report.taken());
    let mut left: Vec<Vec<i64>> =
        file.orders.iter().map(|order| order.lines.iter().map(|line| i64::from(line.quantity)).collect()).collect();
    for cancelled in file.cancellations.iter().flat_map(|cancellation| &cancellation.lines) {
        let Some(of) = cancelled.of else { continue };
        let order = &file.orders[of.order].lines[of.line];
        assert_eq!(order.sku, cancelled.line.sku);
        assert!(order.row < cancelled.line.row, "only what was bought before can be taken back");
        left[of.order][of.line] -= i64::from(cancelled.line.quantity);
        assert!(left[of.order][of.line] >= 0);
    }
    for row in &file.report.rows {
        if let Fate::Taken(InvoiceRow::OrderLine(place)) = &row.fate {
            assert!(file.orders[place.order].lines[place.line].quantity > 0);
        }
    }
    products_hold_together(&file.catalogue());
}

fn both(bytes: &[u8]) {
    if let Ok(file) = shopify_products(bytes, Currency::EUR) {
        products_hold_together(&file);
        numbered(&file.report);
    }
    if let Ok(file) = invoice_lines(bytes, Currency::EUR) {
        invoices_hold_together(&file);
        numbered(&file.report);
    }
}

#[test]
fn broken_files_give_held_rows_or_one_error() {
    let with = |header: &str, rest: &[u8]| [header.as_bytes(), b"\n", rest].concat();
    let huge = "x".repeat(10 * 1024 * 1024);
    let rests: Vec<Vec<u8>> = vec![
        b"\"pot,Pot,,,,1,1,\ncup,Cup,,,,1,1,\n".to_vec(),
        b"pot,\"Pot\"\"\",,,,1,1,\n\"\n".to_vec(),
        b"pot\0,Pot,,,,1,1,\n\0\0\0\n".to_vec(),
        b"p\xf6t,P\xf6t,,,,1,1,\n\xff\xfe,\xc3,,,,1,1,\n".to_vec(),
        format!("pot,{huge},,,,1,1,\ncup,Cup,,,,1,1,\n").into_bytes(),
        format!("pot,\"{huge}").into_bytes(),
        b",,,,,,,\n\n\n,\n,,,,,,,,,,,,,\n".to_vec(),
        b"\r\r\n\n\r\"\r\n\"".to_vec(),
        ",".repeat(100_000).into_bytes(),
        b"pot,Pot,,,,99999999999999999999999,1,\npot,Pot,,,,1,-99999999999999999999,\n".to_vec(),
    ];
    for rest in &rests {
        both(&with(PRODUCTS, rest));
        both(&with(INVOICES, rest));
        both(rest);
    }
    let latin = shopify_products(&with(PRODUCTS, b"p,P\xf6t \x80,,,,1,1,\n"), Currency::EUR).unwrap();
    assert_eq!(latin.products[0].draft.title, "Pöt €");
    let quoted = shopify_products(&with(PRODUCTS, &rests[0]), Currency::EUR).unwrap();
    assert_eq!((quoted.products.len(), quoted.report.held().count()), (0, 1));
    let huge = shopify_products(&with(PRODUCTS, &rests[4]), Currency::EUR).unwrap();
    assert_eq!((huge.products.len(), huge.report.held().count()), (1, 1));
    assert_eq!(shopify_products(b"\xff\xfeH\0", Currency::EUR).err(), Some(FileError::MissingColumn("Title")));
}

#[test]
fn a_file_beyond_the_limits_is_refused_whole() {
    let rows = format!("Title,Price\n{}", "a,1\n".repeat(500_001));
    assert_eq!(shopify_products(rows.as_bytes(), Currency::EUR).err(), Some(FileError::TooManyRows));
    let large = vec![b'a'; 64 * 1024 * 1024 + 1];
    assert_eq!(shopify_products(&large, Currency::EUR).err(), Some(FileError::TooLarge));
}

/// A cell of a product file: often right, sometimes not.
fn product_cell() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["", "a", "b", "Size", "S", "M", "Title", "Default Title", "1", "9.99", "TRUE"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(vec!["https://example.com/a.png", "http://x", "-5", "1,5", "\"", "\n", "é\0", "deny"])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn invoice_cell() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["10", "11", "C12", "A1", "B1", "1", "2", "5", "-1", "-2", "12/1/10 8:26", "2.55"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(vec!["", "POST", "0", "x", "2010-12-01", "\"", "\n", "7"]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// An invoice row that is nearly always right.
fn invoice_row() -> impl Strategy<Value = String> {
    let pick = |values: &'static [&'static str]| prop::sample::select(values);
    (
        pick(&["10", "11", "C12", "C13"]),
        pick(&["A1", "B1", "POST"]),
        pick(&["-2", "-1", "1", "2", "5"]),
        pick(&["7", "8", ""]),
    )
        .prop_map(|(invoice, code, quantity, customer)| {
            format!("{invoice},{code},Lamp,{quantity},12/1/10 8:26,2,{customer},UK")
        })
}

fn lines(header: &str, rows: &[Vec<String>]) -> Vec<u8> {
    let rows: Vec<String> = rows.iter().map(|cells| cells.join(",")).collect();
    format!("{header}\n{}", rows.join("\n")).into_bytes()
}

proptest! {
    #[test]
    fn any_bytes_are_accounted_for(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        both(&bytes);
        both(&[PRODUCTS.as_bytes(), b"\n", &bytes].concat());
        both(&[INVOICES.as_bytes(), b"\r\n", &bytes].concat());
    }

    #[test]
    fn any_table_of_products_is_accounted_for(
        rows in prop::collection::vec(prop::collection::vec(product_cell(), 8..9), 0..40),
    ) {
        both(&lines(PRODUCTS, &rows));
    }

    #[test]
    fn any_table_of_invoices_is_accounted_for(
        rows in prop::collection::vec(prop::collection::vec(invoice_cell(), 8..9), 0..40),
    ) {
        both(&lines(INVOICES, &rows));
    }

    #[test]
    fn nearly_good_invoices_are_accounted_for(rows in prop::collection::vec(invoice_row(), 0..60)) {
        let bytes = format!("{INVOICES}\n{}\n", rows.join("\n"));
        let file = invoice_lines(bytes.as_bytes(), Currency::GBP).unwrap();
        invoices_hold_together(&file);
        prop_assert_eq!(file.report.rows.len(), rows.len());
    }

    #[test]
    fn well_formed_tables_lose_no_row(
        rows in prop::collection::vec(prop::collection::vec("[a-z0-9 \",\r\n]{0,6}", 8..9), 0..30),
    ) {
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let quoted: Vec<Vec<String>> = rows.iter().map(|cells| cells.iter().map(quoted).collect()).collect();
        let file = shopify_products(&lines(PRODUCTS, &quoted), Currency::EUR).unwrap();
        products_hold_together(&file);
        prop_assert_eq!(file.report.rows.len(), rows.len());
    }
}
