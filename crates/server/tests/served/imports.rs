//! Files that are brought in by a server that is killed, and by an operator at the command line.

use crate::house::{House, Server};
use serde_json::Value;
use std::collections::HashSet;
use std::fmt::Write as _;

const ROWS: usize = 5_000;

fn products() -> String {
    let mut file = String::from("Handle,Title,SKU,Inventory quantity,Price\n");
    for number in 0..ROWS {
        writeln!(file, "nail-{number},Nail {number},NAIL-{number},{number},0.10").unwrap();
    }
    file
}

/// A server that is unsealed from its start on, as after a restart in the night.
fn serve(house: &House) -> Server {
    house.serve_by(house.command(&["serve", "--unseal-with", &house.officer()]))
}

async fn until(server: &Server, key: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let (status, import) = Server::answer(server.get(path).bearer_auth(key)).await;
        if status == 200 && wanted(&import) {
            return import;
        }
        assert!(import["state"] != "failed", "{import}");
        tokio::task::yield_now().await;
    }
}

async fn a_killed_import_goes_on(house: House) {
    let server = serve(&house);
    let (_, key) = house.account("Sample Pottery", "supplier");
    let sent = server.client.post(format!("https://{}/v1/imports?format=products&start=true", server.public));
    let sent = sent.bearer_auth(&key).header("content-type", "text/csv").body(products());
    let (status, import) = Server::answer(sent).await;
    assert_eq!(status, 201, "{import}");
    let path = format!("/v1/imports/{}", import["id"].as_str().unwrap());
    let now = until(&server, &key, &path, |now| now["rows_done"].as_u64().unwrap() > 0).await;
    assert!(now["rows_done"].as_u64().unwrap() < ROWS as u64, "it must be killed on its way");
    server.kill();
    // The dead node's lease must end first: half a minute.
    let server = serve(&house);
    let done = until(&server, &key, &path, |now| now["state"] == "done").await;
    assert_eq!((&done["counts"]["created"], &done["counts"]["held"]), (&ROWS.into(), &0.into()), "{done}");
    let file = server.get("/v1/exports/products.csv").bearer_auth(&key).send().await.unwrap().text().await.unwrap();
    let handles: HashSet<_> = file.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!((file.lines().count(), handles.len()), (ROWS + 1, ROWS), "each row once");
    // What every chunk did can be taken back, also what was done before a kill.
    let undo = server.post(&format!("{path}/undo"), &key, &Value::Null);
    assert_eq!(Server::answer(undo).await.0, 200);
    until(&server, &key, &path, |now| now["counts"]["taken_back"].as_u64().unwrap() > 0).await;
    server.kill();
    let server = serve(&house);
    let undone = until(&server, &key, &path, |now| now["state"] == "undone").await;
    assert_eq!(undone["counts"]["left"], 0);
    assert_eq!(undone["counts"]["taken_back"].as_u64().unwrap(), 3 * ROWS as u64, "product, variant and level of each");
    let (_, left) = Server::answer(server.get("/v1/products").bearer_auth(&key)).await;
    assert_eq!(left["data"], Value::Array(Vec::new()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_goes_on_by_itself_and_brings_no_row_twice() {
    a_killed_import_goes_on(House::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_postgresql() {
    let Some(house) = House::on_postgres().await else { return };
    a_killed_import_goes_on(house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_brings_files_in_with_and_without_a_server() {
    let house = House::new();
    let server = house.serve_unsealed();
    let (account, _) = house.account("Sample Pottery", "supplier");
    let file = "Titel;SKU;Bestand;Preis\nBecher;MUG;3;4,50\nTopf;POT;viele;2,00\n";
    std::fs::write(house.path("products.csv"), file).unwrap();
    let products = ["import", "products", "products.csv", "--account", &account];
    let seen = house.must(&[&products[..], &["--preview"]].concat());
    assert!(
        seen.out.contains("Bestand -> Inventory quantity") && seen.out.contains("line 3 Bestand: "),
        "{}",
        seen.out
    );
    let done = house.must(&[&products[..], &["--json"]].concat()).json();
    assert_eq!(
        (&done["state"], &done["counts"]["created"], &done["counts"]["held"]),
        (&"done".into(), &1.into(), &1.into())
    );
    assert_eq!(done["problems"][0]["reason"], "a whole number is needed");
    assert!(done["import"].as_str().unwrap().starts_with("imp_"));
    let none = house.run(&["import", "stock", "nowhere.csv", "--account", &account]);
    assert_eq!(none.code, 66, "{}", none.err);
    server.stop().await;

    // Without a server the command does the work itself.
    std::fs::write(house.path("stock.csv"), "SKU,Stock\nMUG,9\nTIN,1\n").unwrap();
    let officer = house.officer();
    let alone = ["--account", &account, "--officer", &officer, "--json"];
    let counted = house.must(&[&["import", "stock", "stock.csv"], &alone[..]].concat()).json();
    assert_eq!((&counted["counts"]["changed"], &counted["counts"]["held"]), (&1.into(), &1.into()), "{counted}");
    let one = counted["import"].as_str().unwrap();
    let undone = house.must(&[&["import", "undo", one], &alone[..]].concat()).json();
    assert_eq!((&undone["state"], &undone["counts"]["left"]), (&"undone".into(), &0.into()), "{undone}");
    let listed = house.must(&[&["import", "list"], &alone[..]].concat()).json();
    let states: Vec<_> = listed["imports"].as_array().unwrap().iter().map(|import| import["state"].clone()).collect();
    assert_eq!(states, ["undone", "done", "failed"], "the preview was given up");
    let again = house.run(&[&["import", "resume", one], &alone[..]].concat());
    assert_ne!(again.code, 0);
    let header = house.run(&[&["import", "stock", "officer.key"], &alone[..]].concat());
    assert_eq!(header.code, 65, "{}", header.err);
}
