//! What a new user sees, and that everybody's files go through it.

use crate::house::House;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

/// A directory with real product files (`*.csv`) and invoice lines (`retail-invoices.csv`).
const DATA_VARIABLE: &str = "BONDED_SAMPLE_DATA";

fn told(house: &House, words: &[&str]) -> Value {
    let engine = if house.database.is_some() { "postgres" } else { "sqlite" };
    house.must(&[&["demo", "--once", "--json", "--engine", engine], words].concat()).json()
}

/// Everything that the story promises, whatever the files.
fn holds(outcome: &Value) {
    assert_eq!(outcome["readiness"], serde_json::json!([503, 200]));
    for catalogue in outcome["catalogues"].as_array().unwrap() {
        accounted(catalogue);
        assert!(catalogue["variants"].as_u64().unwrap() > 0, "{catalogue}");
    }
    let order = &outcome["order"];
    assert_eq!(order["state"], "completed");
    let parts = order["purchase_orders"].as_array().unwrap();
    assert_eq!(parts.len(), outcome["catalogues"].as_array().unwrap().len(), "each supplier has its part");
    for part in parts {
        let consumer = part["consumer"].as_object().unwrap();
        let names: Vec<_> = consumer.keys().map(String::as_str).collect();
        assert_eq!(names, ["country", "first_name", "last_name", "postal_code", "region", "street"]);
    }
    assert!(order["fulfilments"].as_array().unwrap().iter().all(|parcel| parcel["number"].is_string()));
    assert!(order["fulfilments"].as_array().unwrap().len() >= parts.len());
    for stock in outcome["stock"].as_array().unwrap() {
        let pieces = |name: &str| stock[name].as_i64().unwrap();
        assert_eq!(pieces("before") - pieces("ordered"), pieces("after"), "{stock}");
    }
    let proof = &outcome["proof"];
    assert_eq!((&proof["entry_proven"], &proof["log_verified"]), (&Value::Bool(true), &Value::Bool(true)));
    let invoices = &outcome["invoices"];
    accounted(invoices);
    let pieces = |name: &str| invoices[name].as_i64().unwrap();
    assert_eq!(pieces("pieces_ordered") - pieces("pieces_cancelled"), pieces("pieces_reserved"), "{invoices}");
    assert_eq!((pieces("unrouted"), pieces("routed")), (0, pieces("orders")));
}

/// Nothing is lost in silence: each row was taken, or held with a reason.
fn accounted(file: &Value) {
    let rows = file["report"].as_array().unwrap();
    let held: Vec<_> = rows.iter().filter(|row| row["fate"] == "held").collect();
    assert!(held.iter().all(|row| row["reason"].is_string() && row["line"].is_u64()), "{held:?}");
    let count = |name: &str| usize::try_from(file[name].as_u64().unwrap()).unwrap();
    assert_eq!((count("rows"), count("held")), (rows.len(), held.len()));
    assert_eq!(count("taken") + count("held"), count("rows"));
}

#[test]
fn the_story_holds_on_sqlite() {
    let outcome = told(&House::empty(), &[]);
    holds(&outcome);
    assert_eq!(outcome["engine"], "sqlite");
    assert_eq!(outcome["stock"].as_array().unwrap().len(), 4, "two suppliers, two lines each, all counted");
    assert!(outcome["merchants"].as_array().unwrap().iter().all(|merchant| merchant["key"].is_null()));
}

#[tokio::test]
async fn the_story_holds_on_postgres() {
    let Some(database) = bonded_testkit::postgres::database().await else { return };
    let house = House { database: Some(database), ..House::empty() };
    let outcome = tokio::task::spawn_blocking(move || told(&house, &[])).await.unwrap();
    holds(&outcome);
    assert_eq!(outcome["engine"], "postgres");
}

#[test]
fn the_story_can_be_told_twice_in_one_place() {
    let house = House::empty();
    holds(&told(&house, &["--data", "kept"]));
    holds(&told(&house, &["--data", "kept"]));
    assert_eq!(House::new().run(&["demo", "--once", "--data", "bonded-data"]).code, 73, "a real server is left alone");
}

#[test]
fn the_story_for_people_ends_well() {
    let told = House::empty().must(&["demo", "--once"]).out;
    for words in ["503 sealed", "200 ready", "completed", "Stock went down once", "verified offline", "taken"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains('\u{1b}'), "colour without a terminal");
}

#[tokio::test]
async fn without_once_the_server_stays_up_with_what_was_printed() {
    let house = House::empty();
    let mut command = house.command(&["demo", "--data", "kept"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    // The line to paste is the last one before it waits.
    let curl = lines.into_iter().find(|line| line.starts_with("curl ")).expect("a line to paste");
    let words: Vec<_> = curl.split(['\'', ' ']).filter(|word| !word.is_empty()).collect();
    let (Some(authority), Some(url), Some(key)) =
        (words.get(2), words.last(), words.iter().find(|word| word.starts_with("bk_test_")))
    else {
        panic!("{curl}");
    };
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let authority = reqwest::Certificate::from_pem(&std::fs::read(house.path(authority)).unwrap()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([authority]).no_proxy().build().unwrap();
    let answer = client.get(*url).bearer_auth(key).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let orders: Value = answer.json().await.unwrap();
    assert_eq!(orders["data"][0]["state"], "completed");
    let docs = url.replace("/v1/orders", "/docs");
    assert_eq!(client.get(docs).send().await.unwrap().status(), 200);
    drop(client);
    let process = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap().success());
}

#[test]
fn files_that_are_none_are_told_to_be_none() {
    let house = House::empty();
    assert_eq!(house.run(&["demo", "--once", "--catalog", "nowhere.csv"]).code, 66);
    std::fs::write(house.path("orders.csv"), "a,b\n1,2\n").unwrap();
    let refused = house.run(&["demo", "--once", "--orders", "orders.csv"]);
    assert_eq!(refused.code, 65, "{}", refused.err);
}

/// Real files, where there are any beside the checkout.
#[test]
fn real_files_go_through_whole() {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let data = std::env::var_os(DATA_VARIABLE).map_or_else(default, PathBuf::from);
    let path = |name: &str| data.join(name).display().to_string();
    let orders = path("retail-invoices.csv");
    if !data.join("retail-invoices.csv").exists() {
        println!("skipped: {DATA_VARIABLE} names no directory with product files and retail-invoices.csv");
        return;
    }
    let (first, second, third) = (path("apparel.csv"), path("home-and-garden.csv"), path("jewelery.csv"));
    let words = ["--catalog", &first, "--catalog", &second, "--catalog", &third, "--orders", &orders];
    let outcome = told(&House::empty(), &words);
    holds(&outcome);
    let invoices = &outcome["invoices"];
    assert_eq!(invoices["rows"], 999);
    let in_file = std::fs::read_to_string(&orders).unwrap();
    // Codes of letters alone stand for discounts and fees, which nobody can send back.
    let is_product =
        |line: &&str| line.split(',').nth(1).is_some_and(|code| code.starts_with(|first: char| first.is_ascii_digit()));
    let cancelling = in_file.lines().filter(|line| line.starts_with('C')).filter(is_product);
    let cancelling: std::collections::HashSet<_> = cancelling.filter_map(|line| line.split(',').next()).collect();
    assert_eq!(invoices["cancellations"], cancelling.len(), "cancelled invoices become cancellations");
    assert!(invoices["pieces_cancelled"].as_u64().unwrap() > 0);
}
