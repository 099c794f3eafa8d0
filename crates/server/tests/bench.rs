//! The bench runs from end to end and reports every figure. How fast anything was is never asserted.

#![cfg(test)]

use serde_json::Value;
use std::process::Command;

const FIGURES: [&str; 22] = [
    "batch_changes",
    "growth",
    "checkpoint_p99",
    "single_orders",
    "order_processor",
    "order_visible_p50",
    "order_visible_p99",
    "shared_change",
    "shared_change_writes",
    "record_bytes",
    "entry_bytes",
    "sign_in_told",
    "sign_in_refused",
    "memory_idle",
    "memory_load",
    "start",
    "forget",
    "forget_certified",
    "raw_large",
    "raw_small",
    "raw_singles",
    "server_processor",
];

const FIGURES_OF_CONNECTIONS: [&str; 19] = [
    "hooks_in",
    "hooks_out",
    "hooks_out_one",
    "hooks_out_ordered",
    "hook_processor",
    "raw_posts",
    "deliveries",
    "stock_each_p50",
    "stock_last_p50",
    "stock_last_p99",
    "raw_singles",
    "products_in",
    "products_in_memory",
    "stock_in",
    "stock_in_memory",
    "products_out",
    "products_out_memory",
    "stock_out",
    "stock_out_memory",
];

fn bench(engine: &str) -> Value {
    run(&["bench", "--engine", engine])
}

fn run(words: &[&str]) -> Value {
    let scratch = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_bonded"))
        .args(words)
        .args(["--records", "2000", "--json", "--scratch"])
        .arg(scratch.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "something was left behind");
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn every_figure_is_reported_on_the_embedded_engine() {
    let outcome = bench("sqlite");
    assert_eq!((&outcome["engine"], &outcome["records"]), (&"sqlite".into(), &2_000.into()));
    assert_complete(&outcome);
}

#[test]
fn every_figure_is_reported_on_postgresql() {
    if bonded_pgcluster::Programs::find().is_none() {
        println!("skipped: PostgreSQL's server programs are not installed");
        return;
    }
    assert_complete(&bench("postgres"));
}

#[test]
fn every_figure_of_connections_is_reported_on_the_embedded_engine() {
    assert_has(&run(&["bench", "connections", "--engine", "sqlite"]), &FIGURES_OF_CONNECTIONS);
}

#[test]
fn every_figure_of_connections_is_reported_on_postgresql() {
    if bonded_pgcluster::Programs::find().is_none() {
        println!("skipped: PostgreSQL's server programs are not installed");
        return;
    }
    assert_has(&run(&["bench", "connections", "--engine", "postgres"]), &FIGURES_OF_CONNECTIONS);
}

fn assert_has(outcome: &Value, names: &[&str]) {
    let figures = outcome["figures"].as_array().unwrap();
    for name in names {
        let figure = figures.iter().find(|figure| figure["name"] == *name);
        let measured = figure.and_then(|figure| figure["measured"].as_f64());
        assert!(measured.is_some_and(|measured| measured > 0.0), "{name} is missing in {outcome}");
    }
    assert_eq!(figures.len(), names.len());
}

fn assert_complete(outcome: &Value) {
    assert_has(outcome, &FIGURES);
    let figures = outcome["figures"].as_array().unwrap();
    let writes = figures.iter().find(|figure| figure["name"] == "shared_change_writes");
    assert_eq!(writes.unwrap()["measured"], 1.0, "one stock change is one write, however many wait for it");
}
