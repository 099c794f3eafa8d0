//! Files through the API, with the server's own readers and followers behind it.

use crate::house::{Answer, House, Party, order, request};
use axum::body::Body;
use axum::http::Method;
use bonded_base::{Id, Kind};
use bonded_flow::followers::{self, Makes};
use bonded_flow::imports::ImportTurn;
use bonded_people::Permission;
use serde_json::{Value, json};
use std::sync::Arc;

/// What brings files in.
fn hands(house: &House) -> followers::Running {
    let ledger = (**house.ledger).clone();
    let node = Id::new(ledger.clock(), ledger.chance());
    let made = ledger.clone();
    let makes: Makes = Arc::new(move |what, account, id| match what {
        Kind::Import => Some(Box::new(ImportTurn::new(made.clone(), account, id))),
        _ => None,
    });
    followers::start(ledger, node, makes)
}

async fn send(house: &House, party: &Party, query: &str, file: &str) -> Answer {
    let body = Body::from_stream(futures::stream::iter(
        file.as_bytes().chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>(),
    ));
    let path = format!("/v1/imports{query}");
    house.send(request(party, Method::POST, &path, &[("content-type", "text/csv")], body)).await
}

async fn settled(house: &House, party: &Party, import: &Value, state: &str) -> Value {
    let path = format!("/v1/imports/{}", import["id"].as_str().unwrap());
    house.until(party, &path, |import| import["state"] == state).await
}

#[tokio::test]
async fn a_file_is_sent_looked_at_started_watched_corrected_and_undone() {
    let house = House::new().await;
    let _hands = hands(&house);
    let supplier = house.supplier().await;
    let file = "Titel;Artikelnummer;Bestand;Preis;E-Mail\n\
        Becher;MUG;3;4,50;ada@example.com\nTopf;POT;viele;2,00;\n=Dose;TIN;1;9,00;\n";
    let sent = send(&house, &supplier, "?format=products", file).await;
    assert!(sent.headers["location"].to_str().unwrap().starts_with("/v1/imports/imp_"));
    let sent = sent.expect(201);
    assert_eq!((&sent["state"], &sent["rows"], &sent["delimiter"]), (&json!("previewed"), &json!(3), &json!(";")));
    assert_eq!(sent["columns"][4], json!({"name": "E-Mail", "place": 4, "field": null}));
    let path = format!("/v1/imports/{}", sent["id"].as_str().unwrap());
    let seen = house.get(&supplier, &format!("{path}/preview")).await.expect(200);
    assert_eq!((&seen["counts"]["created"], &seen["counts"]["held"]), (&json!(2), &json!(1)));
    assert_eq!(seen["rows"][0]["fields"]["Title"], "Becher");
    assert_eq!(house.get(&supplier, "/v1/products").await.expect(200)["data"], json!([]));

    house.post(&supplier, &format!("{path}/undo"), Value::Null).await.expect(409);
    house.post(&supplier, &format!("{path}/start"), Value::Null).await.expect(200);
    let done = settled(&house, &supplier, &sent, "done").await;
    assert_eq!((&done["rows_done"], &done["counts"]["created"]), (&json!(3), &json!(2)));
    let problems = house.get(&supplier, &format!("{path}/problems")).await.expect(200);
    let held = json!({"row": 2, "line": 3, "column": "Bestand", "reason": "a whole number is needed"});
    assert_eq!(problems["data"], json!([held]));
    let bad = house.get(&supplier, &format!("{path}/bad_rows.csv")).await;
    assert_eq!(
        bad.text(),
        "Titel,Artikelnummer,Bestand,Preis,error\n\
        Topf,POT,viele,\"2,00\",Bestand: a whole number is needed\n"
    );
    let corrected = bad.text().replace("viele", "5");
    let again = send(&house, &supplier, "?format=products&start=true", &corrected).await.expect(201);
    let again = settled(&house, &supplier, &again, "done").await;
    assert_eq!(again["counts"]["created"], 1);
    let file = house.get(&supplier, "/v1/exports/products.csv").await.text();
    assert!(file.contains("'=Dose") && file.contains(",5,"), "{file}");
    let stock = house.get(&supplier, "/v1/exports/stock.csv").await.text();
    assert!(stock.contains("POT,,Main,5\n"), "{stock}");

    house.post(&supplier, &format!("{path}/undo"), Value::Null).await.expect(200);
    let undone = settled(&house, &supplier, &sent, "undone").await;
    assert!(undone["counts"]["taken_back"].as_u64().unwrap() >= 4 && undone["counts"]["left"] == 0);
    let left = house.get(&supplier, "/v1/products").await.expect(200);
    assert_eq!((left["data"].as_array().unwrap().len(), &left["data"][0]["title"]), (1, &json!("Topf")));
    assert_eq!(house.get(&supplier, "/v1/imports?order=desc").await.expect(200)["data"].as_array().unwrap().len(), 2);
    house.post(&supplier, &format!("{path}/resume"), Value::Null).await.expect(409);
    house.post(&supplier, &format!("{path}/discard"), Value::Null).await.expect(200);
    house.get(&supplier, &format!("{path}/bad_rows.csv")).await.expect(409);
}

#[tokio::test]
async fn an_import_needs_the_permission_for_what_its_file_is_about() {
    let house = House::new().await;
    let supplier = house.supplier().await;
    let lacking = house.key_without(&supplier, Permission::InventoryWrite).await;
    let refused = send(&house, &lacking, "?format=stock", "SKU,Stock\nA,1\n").await.expect(403);
    assert!(refused["detail"].as_str().unwrap().contains("inventory:write"));
    send(&house, &supplier, "", "SKU,Stock\nA,1\n").await.expect(400);
    send(&house, &supplier, "?format=tea", "SKU,Stock\nA,1\n").await.expect(400);
    send(&house, &supplier, "?format=stock", "").await.expect(422);
    let sent = send(&house, &supplier, "?format=stock", "SKU,Stock\nA,1\n").await.expect(201);
    let path = format!("/v1/imports/{}", sent["id"].as_str().unwrap());
    for way in ["start", "resume", "undo", "discard"] {
        house.post(&lacking, &format!("{path}/{way}"), Value::Null).await.expect(403);
    }
    let lacking = house.key_without(&supplier, Permission::InventoryRead).await;
    house.get(&lacking, &format!("{path}/preview")).await.expect(403);
    house.get(&lacking, &format!("{path}/bad_rows.csv")).await.expect(403);
    house.get(&lacking, &path).await.expect(200);
}

#[tokio::test]
async fn what_a_header_means_is_kept_and_forgotten() {
    let house = House::new().await;
    let supplier = house.supplier().await;
    let file = "Art.,Frei\nA,1\n";
    let failed = send(&house, &supplier, "?format=stock", file).await.expect(201);
    assert_eq!((&failed["state"], &failed["why"]), (&json!("failed"), &json!("the file has no column `On hand`")));
    let mapping = json!({"format": "stock", "columns": [
        {"column": "Art.", "field": "SKU"}, {"column": "Frei", "field": "On hand"}]});
    let kept = house.post(&supplier, "/v1/imports/mappings", mapping).await.expect(200);
    let sent = send(&house, &supplier, "?format=stock", file).await.expect(201);
    assert_eq!((&sent["state"], &sent["mapping"]), (&json!("previewed"), &kept["id"]));
    let all = house.get(&supplier, "/v1/imports/mappings").await.expect(200);
    assert_eq!(all["data"], json!([kept]));
    assert!(all["fields"]["stock"].as_array().unwrap().contains(&json!("On hand")));
    let wrong = json!({"format": "stock", "columns": [{"column": "Art.", "field": "Colour"}]});
    let refused = house.post(&supplier, "/v1/imports/mappings", wrong).await.expect(422);
    assert_eq!(refused["pointer"], "/columns/0/field");
    let path = format!("/v1/imports/mappings/{}/forget", kept["id"].as_str().unwrap());
    house.post(&supplier, &path, Value::Null).await.expect(200);
    house.post(&supplier, &path, Value::Null).await.expect(404);
}

#[tokio::test]
async fn parcels_go_from_one_deployment_to_another_as_they_were() {
    let (one, other) = (House::new().await, House::new().await);
    let mut files = Vec::new();
    for house in [&one, &other] {
        let _hands = hands(house);
        let (retailer, supplier, _) = house.partners().await;
        house.stocked(&supplier, "POT-S", 10).await;
        house.post(&retailer, "/v1/orders", order("1001", "POT-S", 3)).await.expect(201);
        let posted =
            house.until(&supplier, "/v1/purchase_orders?state=posted", |list| list["data"][0].is_object()).await;
        let path = format!("/v1/purchase_orders/{}", posted["data"][0]["id"].as_str().unwrap());
        match files.pop() {
            None => {
                let parcel = json!({"lines": [{"line": 1, "quantity": 2}], "carrier": "Sample Parcel", "number": "SP-1",
                    "url": "https://track.parcel.example/SP-1"});
                house.post(&supplier, &format!("{path}/fulfilments"), parcel).await.expect(200);
                files.push(house.get(&supplier, "/v1/exports/fulfilments.csv").await.text());
            }
            Some(file) => {
                for created in [1, 0] {
                    let sent = send(house, &supplier, "?format=fulfilments&start=true", &file).await.expect(201);
                    let done = settled(house, &supplier, &sent, "done").await;
                    assert_eq!((&done["counts"]["changed"], &done["counts"]["held"]), (&json!(created), &json!(0)));
                }
                let shipped = house.get(&supplier, &path).await.expect(200);
                assert_eq!((&shipped["lines"][0]["shipped"], &shipped["state"]), (&json!(2), &json!("acknowledged")));
                let here = house.get(&supplier, "/v1/exports/fulfilments.csv").await.text();
                let without_order = |file: &str| -> Vec<String> {
                    file.lines().filter_map(|line| Some(line.split_once(',')?.1.to_owned())).collect()
                };
                assert_eq!(without_order(&here), without_order(&file));
                let followed = house
                    .until(&retailer, "/v1/orders?reference=1001", |list| list["data"][0]["lines"][0]["shipped"] == 2)
                    .await;
                assert_eq!(followed["data"][0]["fulfilments"][0]["number"], "SP-1");
                let there = house.get(&retailer, "/v1/exports/fulfilments.csv").await.text();
                assert_eq!(there, here, "both sides tell the same");
                let orders = house.get(&retailer, "/v1/exports/orders.csv").await.text();
                assert!(orders.starts_with("Reference,Placed at,SKU,Title,Quantity,Price,Currency\n"), "{orders}");
                let orders = house.get(&retailer, "/v1/exports/orders.csv?consumers=true").await.text();
                assert!(orders.contains("Ada,Example,\"12 Sample Road\nTestbury\",T3 5TT,Testshire,GB"), "{orders}");
            }
        }
    }
}
