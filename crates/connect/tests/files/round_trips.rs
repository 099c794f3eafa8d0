//! What goes out comes in again as it was.

use crate::{exported, faults, import, ledgers};
use bonded_base::{Currency, Money};
use bonded_connect::files::{Format, ImportState};
use bonded_ledger::{Ledger, Scope};
use bonded_trade::Page;
use bonded_trade::catalog::{self, Image, Product, ProductDraft, ProductOption, ProductStatus, Variant, VariantDraft};
use bonded_trade::inventory::{LevelSet, create_location, set_many};
use bonded_trade::orders;

/// Everything that a catalogue says, without ids and in the order of its making.
async fn catalogue(ledger: &Ledger, scope: &Scope) -> Vec<(Product, Vec<Variant>)> {
    let mut all = Vec::new();
    for product in catalog::list(ledger, scope, None, Page::first(1_000)).await.unwrap().records {
        let variants = catalog::all_variants_of(ledger, scope, product.id).await.unwrap();
        let bare = |variant: &Variant| Variant { product: bonded_base::Id::from_bytes([0; 16]), ..variant.clone() };
        all.push(((*product).clone(), variants.iter().map(|variant| bare(variant)).collect()));
    }
    all
}

fn awkward() -> Vec<ProductDraft> {
    let price = Some(Money::new(1_250, Currency::USD));
    let image = |name: &str| Image { url: format!("https://example.com/{name}.png"), alt: format!("+{name}") };
    let large = VariantDraft {
        options: vec!["Large".into(), "@red".into()],
        sku: Some("-L".into()),
        barcode: Some("00123".into()),
        price,
        compare_at_price: Some(Money::new(1_500, Currency::USD)),
        weight_grams: Some(400),
        image_url: Some("https://example.com/l.png".into()),
        tracked: false,
        sell_when_out: true,
        requires_shipping: false,
        taxable: false,
    };
    let small = VariantDraft {
        options: vec!["Small".into(), "blue, \"dark\"".into()],
        sku: Some("=S+1".into()),
        price,
        ..VariantDraft::default()
    };
    let option = |name: &str| ProductOption { name: name.into(), values: Vec::new() };
    let shirt = ProductDraft {
        handle: Some("shirt".into()),
        title: "=HYPERLINK(\"x\")".into(),
        description_html: "<p>One\nline; another, \"quoted\"</p>".into(),
        vendor: "'=Vendor".into(),
        product_type: "Größe".into(),
        tags: vec!["a".into(), "b c".into()],
        status: ProductStatus::Draft,
        options: vec![option("Size"), option("Colour")],
        images: vec![image("one"), image("two"), image("three")],
        variants: vec![large, small],
    };
    let yen = VariantDraft { price: Some(Money::new(300, Currency::JPY)), ..VariantDraft::default() };
    let plain = ProductDraft { title: "Tea 茶".into(), variants: vec![yen], ..ProductDraft::default() };
    vec![shirt, plain]
}

#[tokio::test]
async fn products_and_stock_come_back_as_they_were() {
    for ledger in ledgers().await {
        let (from, to) = (ledger.any_account(), ledger.any_account());
        for draft in awkward() {
            catalog::create(&ledger, &from, draft).await.unwrap();
        }
        let sets = [LevelSet { sku: Some("=S+1".into()), on_hand: 7, ..LevelSet::default() }];
        set_many(&ledger, &from, &sets).await.unwrap()[0].as_ref().unwrap();
        let place = create_location(&ledger, &from, "-Shed").await.unwrap();
        let sets = [LevelSet { sku: Some("-L".into()), location: Some(place.id), on_hand: 9, ..LevelSet::default() }];
        set_many(&ledger, &from, &sets).await.unwrap()[0].as_ref().unwrap();
        let file = exported(&ledger, &from, Format::Products).await;
        assert!(
            file.contains("\"'=HYPERLINK(\"\"x\"\")\"") && file.contains("'=S+1") && file.contains(",12.50,USD,"),
            "{file}"
        );
        let done = import(&ledger, &to, Format::Products, &file).await;
        assert_eq!((done.state, done.counts.held), (ImportState::Done, 0), "{:?}", faults(&ledger, &to, &done).await);
        assert_eq!(catalogue(&ledger, &to).await, catalogue(&ledger, &from).await);
        assert_eq!(exported(&ledger, &to, Format::Products).await, file);

        create_location(&ledger, &to, "-Shed").await.unwrap();
        let stock = exported(&ledger, &from, Format::Stock).await;
        assert!(stock.contains("'=S+1,,Main,7\n") && stock.contains("'-L,,'-Shed,9\n"), "{stock}");
        let done = import(&ledger, &to, Format::Stock, &stock).await;
        assert_eq!((done.counts.created, done.counts.unchanged, done.counts.held), (1, 1, 0));
        let [one, other] = [exported(&ledger, &to, Format::Stock).await, stock].map(|file| {
            let mut lines: Vec<_> = file.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        });
        assert_eq!(one, other);
    }
}

const ORDERS: &str = "Bestellnummer;Datum;Artikelnummer;Menge;Einzelpreis;Name;Straße;Ort;PLZ;Land;E-Mail;Telefon\n\
    1001;22.11.2026 09:00;TIN-S;2;7,50;Ada Example;1 Sample Road;Testbury;T3 5TT;GB;ada@example.com;+44 20 7946 0958\n\
    1001;22.11.2026 09:00;TIN-L;1;11,00;;;;;;;\n\
    1002;21.11.2026;MUG;3;4,00;Grace Specimen;2 Platz;Modelltown;10115;DE;;\n\
    1003;21.11.2026;MUG;0;4,00;Grace Specimen;2 Platz;Modelltown;10115;DE;;\n\
    1004;21.11.2026;MUG;1;4,00;Grace Specimen;;;10115;Atlantis;;\n";

#[tokio::test]
async fn orders_come_back_with_their_consumers_and_nothing_else_of_them() {
    for ledger in ledgers().await {
        let (from, to) = (ledger.any_account(), ledger.any_account());
        let done = import(&ledger, &from, Format::Orders, ORDERS).await;
        assert_eq!((done.counts.created, done.counts.held), (3, 2));
        let faults = faults(&ledger, &from, &done).await;
        assert!(
            faults[0].starts_with("4 (line 5) Menge: 1 to") && faults[1].starts_with("5 (line 6) Land: "),
            "{faults:?}"
        );
        let again = import(&ledger, &from, Format::Orders, ORDERS).await;
        assert_eq!((again.counts.unchanged, again.counts.held), (3, 2));
        let other = ORDERS.replace(";TIN-L;1;", ";TIN-L;5;");
        let other = import(&ledger, &from, Format::Orders, &other).await;
        assert_eq!((other.counts.unchanged, other.counts.held), (1, 4), "an order that is there is not changed");

        let file = exported(&ledger, &from, Format::Orders).await;
        assert!(file.contains("1001,2026-11-22T09:00:00.000Z,TIN-S,,2,7.50,EUR,Ada,Example,"), "{file}");
        assert!(!file.contains("example.com") && !file.contains("7946"));
        let back = import(&ledger, &to, Format::Orders, &file).await;
        assert_eq!((back.counts.created, back.counts.held), (3, 0));
        assert_eq!(exported(&ledger, &to, Format::Orders).await, file);
        for reference in ["1001", "1002"] {
            let [one, other] = [&from, &to].map(async |scope| orders::by_reference(&ledger, scope, reference).await);
            let (one, other) = (one.await.unwrap().unwrap(), other.await.unwrap().unwrap());
            assert_eq!(*one, *other);
            let consumer = orders::consumer(&ledger, &from, &one).await.unwrap();
            assert!(consumer.is_some() && consumer == orders::consumer(&ledger, &to, &other).await.unwrap());
        }
    }
}
