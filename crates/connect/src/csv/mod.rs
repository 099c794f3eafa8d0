//! CSV files: product catalogues and invoice lines.
//!
//! Architecture invariant: each row of a file is either taken or held with a reason, so taken + held = rows; no input,
//! however broken, ends in a panic.

mod cancellations;
pub(crate) mod dates;
pub(crate) mod import;
mod invoices;
pub(crate) mod product_rows;
mod products;
mod report;
mod stock_codes;
pub(crate) mod table;
mod text;

pub use cancellations::{CancelledLine, InvoiceCancellation, LinePlace};
pub use import::{IMPORT_PAGE_PRODUCTS, IMPORT_PAGE_VARIANTS, ImportedRow, ProductImport, import_products};
pub use invoices::{InvoiceFile, InvoiceLine, InvoiceOrder, InvoiceRow, invoice_lines};
pub use products::{Became, ProductFile, ProductParcel, ProductRow, shopify_products};
pub use report::{Fate, Held, Report, Row};
pub use stock_codes::StockCode;
pub use table::{COLUMNS_MAX, FIELD_BYTES_MAX, FILE_BYTES_MAX, FileError, ROWS_MAX};
