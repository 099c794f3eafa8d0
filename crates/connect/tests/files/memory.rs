//! A million rows in bounded memory, shown by what a process of its own has used at most.

use bonded_connect::files::{Decoder, Sheet};
use std::process::Command;

/// Says to this very test, in a process of its own, how many rows it is to read.
const ROWS: &str = "BONDED_TEST_ROWS";
/// KiB that a million rows may take beyond a thousand: the pieces, one row, and what the allocator keeps.
const MORE_KIB_MAX: u64 = 8 * 1024;

/// The most memory that this process has used, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Reads so many rows that are made while they are read, and counts them.
fn read(rows: u64) -> u64 {
    let mut decoder = Decoder::for_sample(b"SKU;Titel;Preis\n");
    let mut sheet = Sheet::new(b';');
    let mut count = 0;
    for first in (0..rows).step_by(1_000) {
        let rows: Vec<_> = (first..first + 1_000).map(|row| format!("SKU-{row};\"Käse; {row}\";{row},50\n")).collect();
        let piece = rows.concat();
        let text = decoder.text(piece.as_bytes(), false);
        sheet.push(&text, false, |row| count += u64::from(row.len() == 3));
    }
    count
}

#[test]
fn a_million_rows_are_read_in_the_memory_of_a_thousand() {
    if let Ok(rows) = std::env::var(ROWS) {
        let rows = rows.parse().unwrap();
        assert_eq!(read(rows), rows);
        println!("peak {}", peak_kib());
        return;
    }
    let peak = |rows: u64| -> u64 {
        let this = std::env::current_exe().unwrap();
        let name = "memory::a_million_rows_are_read_in_the_memory_of_a_thousand";
        let done =
            Command::new(this).args(["--exact", name, "--nocapture"]).env(ROWS, rows.to_string()).output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        let peak = said.lines().find_map(|line| line.split("peak ").nth(1));
        peak.unwrap_or_else(|| panic!("{said}")).trim().parse().unwrap()
    };
    let (few, many) = (peak(1_000), peak(1_000_000));
    assert!(many < few + MORE_KIB_MAX, "{many} KiB for a million rows, {few} KiB for a thousand");
}
