//! Makes the list of breached passwords that the program carries: see `bonded_people::credentials::breached`.

use bonded_people::credentials::breached::{essence, file_of, is_listable};
use bonded_people::credentials::password::{CHARS_MIN, is_guessable};
use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = arguments.as_slice() else {
        return Err("usage: breached_passwords DIRECTORY_OF_LISTS FILE_TO_WRITE".into());
    };
    let mut essences = BTreeSet::new();
    gather(from, &mut essences)?;
    let file = file_of(essences.iter().map(String::as_str)).ok_or("too many for the format")?;
    println!("{} essences, {} bytes", essences.len(), file.len());
    std::fs::write(to, file)?;
    Ok(())
}

/// Takes every long entry of every text file that the program would not refuse without a list.
fn gather(place: &Path, essences: &mut BTreeSet<String>) -> Result<(), Box<dyn Error>> {
    if place.is_dir() {
        return std::fs::read_dir(place)?.try_for_each(|entry| gather(&entry?.path(), essences));
    }
    if place.extension().is_none_or(|extension| extension != "txt") {
        return Ok(());
    }
    for line in String::from_utf8_lossy(&std::fs::read(place)?).lines() {
        // Mail addresses name people: they are no passwords of anybody else.
        if line.chars().count() < CHARS_MIN || line.contains('@') {
            continue;
        }
        let essence = essence(line);
        if is_listable(&essence) && !essences.contains(&essence) && !is_guessable(&essence, &[]) {
            essences.insert(essence);
        }
    }
    Ok(())
}
