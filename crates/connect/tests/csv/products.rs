//! Product files, under the present and the earlier names of their columns.

use crate::fates;
use bonded_base::{Currency, Money};
use bonded_connect::csv::{Became, FileError, ProductFile, shopify_products};
use bonded_trade::catalog::{Image, ProductStatus};

fn read(file: &str) -> ProductFile {
    shopify_products(file.as_bytes(), Currency::EUR).unwrap()
}

/// The one product of a file.
fn only(file: &str) -> bonded_connect::csv::ProductParcel {
    let mut read = read(file);
    assert_eq!(read.products.len(), 1, "{:?}", fates(&read.report));
    read.products.remove(0)
}

const EARLIER: &str = "\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,\
Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,\
Variant Compare At Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,Image Position,\
Image Alt Text,Variant Image,Cost per item
pot,Clay Pot,<p>Pot</p>,Kiln,Garden,\"clay, pot\",true,Size,S,Colour,Red,POT-S,400.5,shopify,5,deny,9.99,12.50,true,\
false,'0123,https://example.com/2.jpg,2,Two,https://example.com/s.jpg,3
pot,,,,,,,,L,,Red,POT-L,900,,-3,continue,15,,false,true,,https://example.com/1.jpg,1,One,,
pot,,,,,,,,,,,,,,,,,,,,,https://example.com/3.jpg,3,,,
";

const PRESENT: &str = "\
TITLE,url handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Barcode,\
Option1 name,Option1 value,Option2 name,Option2 value,Price,Compare-at price,Charge tax,Inventory tracker,\
Inventory quantity,Continue selling when out of stock,Weight value (grams),Requires shipping,Product image URL,\
Image position,Image alt text,Variant image URL
Clay Pot,pot,<p>Pot</p>,Kiln,Home > Garden,Garden,\"clay, pot\",TRUE,Active,POT-S,'0123,Size,S,Colour,Red,9.99,12.50,\
FALSE,shopify,5,DENY,400.5,TRUE,https://example.com/2.jpg,2,Two,https://example.com/s.jpg
,pot,,,,,,,,POT-L,,,L,,Red,15,,TRUE,,-3,CONTINUE,900,FALSE,https://example.com/1.jpg,1,One,
,pot,,,,,,,,,,,,,,,,,,,,,,https://example.com/3.jpg,3,,
";

#[test]
fn earlier_and_present_columns_say_the_same() {
    let (earlier, present) = (read(EARLIER), read(PRESENT));
    assert_eq!(earlier.products, present.products);
    assert_eq!(earlier.report.ignored_columns, ["Cost per item"]);
    assert_eq!(present.report.ignored_columns, ["Product category"]);
    assert_eq!((earlier.report.taken(), earlier.report.held().count()), (3, 0));
}

#[test]
fn rows_of_one_handle_are_one_product() {
    let parcel = only(EARLIER);
    let draft = &parcel.draft;
    assert_eq!((draft.handle.as_deref(), draft.title.as_str()), (Some("pot"), "Clay Pot"));
    assert_eq!((draft.vendor.as_str(), draft.product_type.as_str()), ("Kiln", "Garden"));
    assert_eq!((draft.description_html.as_str(), draft.status), ("<p>Pot</p>", ProductStatus::Active));
    assert_eq!(draft.tags, ["clay", "pot"]);
    assert_eq!(draft.options.iter().map(|option| option.name.as_str()).collect::<Vec<_>>(), ["Size", "Colour"]);
    let image = |number: u8, alt: &str| Image { url: format!("https://example.com/{number}.jpg"), alt: alt.to_owned() };
    assert_eq!(draft.images, [image(1, "One"), image(2, "Two"), image(3, "")]);
    assert_eq!((parcel.variant_rows.as_slice(), parcel.image_rows.as_slice()), ([0, 1].as_slice(), [2].as_slice()));
    assert_eq!(parcel.stock, [Some(5), Some(0)]);
    let [small, large] = draft.variants.as_slice() else { panic!("two variants") };
    assert_eq!(small.options, ["S", "Red"]);
    assert_eq!((small.sku.as_deref(), small.barcode.as_deref()), (Some("POT-S"), Some("0123")));
    assert_eq!(small.price, Some(Money::new(999, Currency::EUR)));
    assert_eq!(small.compare_at_price, Some(Money::new(1_250, Currency::EUR)));
    assert_eq!((small.weight_grams, small.image_url.as_deref()), (Some(401), Some("https://example.com/s.jpg")));
    assert_eq!(
        (small.tracked, small.sell_when_out, small.requires_shipping, small.taxable),
        (true, false, true, false)
    );
    assert_eq!(
        (large.tracked, large.sell_when_out, large.requires_shipping, large.taxable),
        (false, true, false, true)
    );
    assert_eq!((large.barcode.as_deref(), large.compare_at_price, large.image_url.as_deref()), (None, None, None));
}

#[test]
fn a_stock_below_none_is_noted() {
    let read = read(EARLIER);
    let notes: Vec<_> = read
        .report
        .rows
        .iter()
        .map(|row| match &row.fate {
            bonded_connect::csv::Fate::Taken(taken) => (taken.became, taken.note.is_some()),
            bonded_connect::csv::Fate::Held(held) => panic!("{held:?}"),
        })
        .collect();
    assert_eq!(notes, [(Became::Variant, false), (Became::Variant, true), (Became::Image, false)]);
}

#[test]
fn rows_of_a_product_need_not_stand_together_nor_begin_with_its_title() {
    let file = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src\n\
                b,,,,,https://example.com/b.png\n\
                a,A,Size,1,1,\n\
                B,B,,,2,\n\
                a,,,2,3,\n";
    let read = read(file);
    assert_eq!(fates(&read.report), ["taken"; 4]);
    let rows: Vec<Vec<usize>> = read.products.iter().map(|parcel| parcel.rows().collect()).collect();
    assert_eq!(rows, [vec![2, 0], vec![1, 3]]);
    assert_eq!(read.products[0].draft.images.len(), 1);
}

#[test]
fn rows_without_a_handle_are_products_by_their_titles() {
    let read = read("Title,Price\nCup,1\nCup,2\n,3\n");
    assert_eq!(read.products.len(), 2);
    assert!(read.products.iter().all(|parcel| parcel.draft.handle.is_none() && parcel.draft.options.is_empty()));
    assert_eq!(fates(&read.report)[2], "URL handle: the row names neither a handle nor a title");
}

#[test]
fn a_product_in_one_form_has_no_options_however_the_file_says_so() {
    for row in ["Title,Default Title", "title,default title", ",", "Title,", ",Default Title"] {
        let parcel = only(&format!("Handle,Title,Option1 Name,Option1 Value,Variant Price\ncup,Cup,{row},1\n"));
        assert!(parcel.draft.options.is_empty() && parcel.draft.variants[0].options.is_empty(), "{row}");
    }
    let parcel = only("Handle,Title,Option1 Name,Option1 Value,Variant Price\ncup,Cup,Size,Default Title,1\n");
    assert_eq!(parcel.draft.options[0].name, "Size");
}

#[test]
fn the_status_comes_from_either_column() {
    for (columns, values, status) in [
        ("Status", "active", ProductStatus::Active),
        ("Status", "Archived", ProductStatus::Archived),
        ("Status", "unlisted", ProductStatus::Draft),
        ("Status,Published", "draft,TRUE", ProductStatus::Draft),
        ("Published", "FALSE", ProductStatus::Draft),
        ("Published", "true", ProductStatus::Active),
        ("Published", "", ProductStatus::Active),
    ] {
        let parcel = only(&format!("Handle,Title,Price,{columns}\ncup,Cup,1,{values}\n"));
        assert_eq!(parcel.draft.status, status, "{columns} {values}");
    }
}

#[test]
fn stock_is_tracked_when_the_file_says_so_or_counts_without_a_word_on_trackers() {
    let tracked = |columns: &str, values: &str| {
        only(&format!("Handle,Title,Price,{columns}\ncup,Cup,1,{values}\n")).draft.variants[0].tracked
    };
    assert!(tracked("Inventory tracker,Inventory quantity", "shopify,0"));
    assert!(!tracked("Inventory tracker,Inventory quantity", ",5"));
    assert!(tracked("Inventory quantity", "5"));
    assert!(!tracked("Inventory quantity", ""));
}

#[test]
fn decimals_may_have_a_comma_where_fields_do_not() {
    let parcel = only("Handle;Title;Variant Price;Variant Grams\ncup;Cup, blue;1,50;20,6\n");
    assert_eq!(parcel.draft.title, "Cup, blue");
    assert_eq!(parcel.draft.variants[0].price, Some(Money::new(150, Currency::EUR)));
    assert_eq!(parcel.draft.variants[0].weight_grams, Some(21));
}

#[test]
fn a_bad_row_is_named_and_holds_its_product_but_no_other() {
    let header = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Inventory Qty,Variant Grams,Published,\
                  Variant Inventory Policy,Variant Taxable,Image Src,Image Position\n";
    for (bad, why) in [
        ("pot,,,L,,1,,,,,,", "Variant Price: a price is needed"),
        ("pot,,,L,\"1,50\",1,,,,,,", "Variant Price: an amount is digits with at most one point: 19.99"),
        ("pot,,,L,1.005,1,,,,,,", "Variant Price: Euro has at most 2 decimals"),
        ("pot,,,L,2,many,,,,,,", "Variant Inventory Qty: a whole number is needed"),
        ("pot,,,L,2,1,heavy,,,,,", "Variant Grams: a weight in grams is needed"),
        ("pot,,,L,2,1,.,,,,,", "Variant Grams: a weight in grams is needed"),
        ("pot,,,L,2,1,,maybe,,,,", "Published: the answer is true or false"),
        ("pot,,,L,2,1,,,perhaps,,,", "Variant Inventory Policy: the policy is deny or continue"),
        ("pot,,,L,2,1,,,,perhaps,,", "Variant Taxable: the answer is true or false"),
        ("pot,,,L,2,1,,,,,http://example.com/a.png,", "Image Src: an address that begins with https:// is needed"),
        ("pot,,,L,2,1,,,,,https://example.com/a.png,first", "Image Position: a whole number is needed"),
        ("pot,Other,,L,2,1,,,,,,", "Title: an earlier row gives this handle another title"),
    ] {
        let file = format!("{header}pot,Pot,Size,S,1,1,,,,,,\n{bad}\npot,,,M,2,1,,,,,,\ncup,Cup,,,1,1,,,,,,\n");
        let read = read(&file);
        let held = "row: row 2, of the same product, is held";
        assert_eq!(fates(&read.report), [held, why, held, "taken"], "{bad}");
        assert_eq!(read.products.len(), 1);
    }
}

#[test]
fn a_bad_picture_is_held_alone() {
    let read = read(
        "Handle,Title,Price,Image Src\npot,Pot,1,\npot,,,http://example.com/a.png\npot,,,\npot,,,https://example.com/b.png\n",
    );
    assert_eq!(
        fates(&read.report),
        [
            "taken",
            "Image Src: an address that begins with https:// is needed",
            "row: the row describes neither a variant nor a picture",
            "taken"
        ]
    );
    assert_eq!(read.products[0].draft.images.len(), 1);
}

#[test]
fn options_need_names_and_numbers() {
    let file = "Handle,Title,Price,Option1 Name,Option1 Value,Option2 Name,Option2 Value\n\
                a,A,1,,,Size,S\n\
                b,B,1,Size,S,,Red\n\
                c,,1,Size,S,,\n";
    assert_eq!(
        fates(&read(file).report),
        [
            "row: the options of the product are not numbered one after the other",
            "row: a row of the product gives a value to an option without a name",
            "Title: no row of the product gives its title"
        ]
    );
}

#[test]
fn a_file_without_the_needed_columns_is_refused() {
    let refused = |file: &str| shopify_products(file.as_bytes(), Currency::EUR).err();
    assert_eq!(refused("Handle,Price\na,1\n"), Some(FileError::MissingColumn("Title")));
    assert_eq!(refused("Handle,Title\na,A\n"), Some(FileError::MissingColumn("Price")));
    assert_eq!(refused("Handle,URL handle,Title,Price\n"), Some(FileError::RepeatedColumn("URL handle")));
    assert_eq!(refused(""), Some(FileError::Empty));
    assert!(read("Title,Price\n").products.is_empty());
}
