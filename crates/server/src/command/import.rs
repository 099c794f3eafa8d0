//! `bonded import …`: CSV files into an account, with a bar at the terminal.

use super::{on_runtime, parsed};
use crate::cli::{Choices, Import, ImportFile, OneImport};
use crate::desk::{Wish, ask_with_file};
use crate::ending::Ending;
use crate::terminal::say;
use bonded_base::{Account, Id};
use bonded_connect::files::Format;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Signs of a full bar.
const BAR_WIDTH: usize = 30;

pub fn run(choices: &Choices, import: Import) -> Result<(), Ending> {
    match import {
        Import::Products(file) => bring(choices, Format::Products, file),
        Import::Stock(file) => bring(choices, Format::Stock, file),
        Import::Orders(file) => bring(choices, Format::Orders, file),
        Import::Fulfilments(file) => bring(choices, Format::Fulfilments, file),
        Import::Resume(one) => again(choices, &one, |account, import| Wish::ImportResume { account, import }),
        Import::Undo(one) => again(choices, &one, |account, import| Wish::ImportUndo { account, import }),
        Import::List { account, unsealed } => {
            let wish = Wish::ImportList { account: parsed(&account)? };
            let done = super::wish(choices, wish, &unsealed)?;
            super::tell(&done, &unsealed, |done| {
                for import in done.get("imports").and_then(Value::as_array).into_iter().flatten() {
                    let [id, format, state] = ["import", "format", "state"].map(|name| word(import, name));
                    say!(
                        "{id}  {format:11}  {state:9}  {} of {} rows",
                        number(import, "rows_done"),
                        number(import, "rows")
                    );
                }
            });
            Ok(())
        }
    }
}

fn bring(choices: &Choices, format: Format, file: ImportFile) -> Result<(), Ending> {
    let account: Id<Account> = parsed(&file.account)?;
    let (preview, currency) = (file.preview, file.currency);
    let wish = Wish::ImportFile { account, format, currency, preview };
    let done = with_bar(choices, wish, file.unsealed.officer.as_deref(), Some(&file.file))?;
    super::tell(&done, &file.unsealed, |done| if preview { seen(done) } else { told(done) });
    Ok(())
}

fn again(
    choices: &Choices,
    one: &OneImport,
    wish: impl FnOnce(Id<Account>, Id<bonded_connect::files::ImportRecord>) -> Wish,
) -> Result<(), Ending> {
    let wish = wish(parsed(&one.account)?, parsed(&one.import)?);
    let done = with_bar(choices, wish, one.unsealed.officer.as_deref(), None)?;
    super::tell(&done, &one.unsealed, told);
    Ok(())
}

/// Has a wish carried out, and draws how far it is where somebody looks.
fn with_bar(choices: &Choices, wish: Wish, officer: Option<&Path>, file: Option<&Path>) -> Result<Value, Ending> {
    let settings = choices.settings()?;
    let mut screen = std::io::stderr();
    let draws = screen.is_terminal();
    let line = |line: &str| {
        if draws && let Some(bar) = serde_json::from_str(line).ok().as_ref().and_then(bar) {
            let _ = write!(screen, "\r{bar}\x1b[K").and_then(|()| screen.flush());
        }
        Ok(())
    };
    let done = on_runtime(1, ask_with_file(&settings, wish, officer, file, line))?;
    if draws {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    done
}

/// How far it is, as a bar.
fn bar(progress: &Value) -> Option<String> {
    let (what, done, of) = match progress.get("received").and_then(Value::as_u64) {
        Some(received) => ("sending ", received, number(progress, "of")),
        None => (word(progress, "state"), number(progress, "rows_done"), number(progress, "rows")),
    };
    let share = |whole: u64| done.min(of).saturating_mul(whole).checked_div(of);
    let filled = usize::try_from(share(BAR_WIDTH as u64)?).ok()?;
    let held = progress.get("counts").map_or(0, |counts| number(counts, "held"));
    let held = if held > 0 { format!(", {held} held") } else { String::new() };
    let empty = BAR_WIDTH.saturating_sub(filled);
    Some(format!("{what:9} [{}{}] {:3} %{held}", "#".repeat(filled), ".".repeat(empty), share(100)?))
}

fn told(done: &Value) {
    say!("import   {}", word(done, "import"));
    say!("state    {}", word(done, "state"));
    if let Some(why) = done.get("why").and_then(Value::as_str) {
        say!("why      {why}");
    }
    counted(done);
    for left in done.get("left").and_then(Value::as_array).into_iter().flatten() {
        say!("left     {}: {}", word(left, "record"), word(left, "reason"));
    }
}

fn seen(done: &Value) {
    for column in done.get("columns").and_then(Value::as_array).into_iter().flatten() {
        let field = column.get("field").and_then(Value::as_str).unwrap_or("(left out)");
        say!("column   {} -> {field}", word(column, "name"));
    }
    counted(done);
    say!("\nNothing was changed. The same without --preview brings it in.");
}

fn counted(done: &Value) {
    let counts = done.get("counts").unwrap_or(&Value::Null);
    for name in ["created", "changed", "unchanged", "held", "taken_back", "left"] {
        let count = number(counts, name);
        if count > 0 {
            say!("{:8} {count}", name.replace('_', " "));
        }
    }
    for problem in done.get("problems").and_then(Value::as_array).into_iter().flatten() {
        let column = problem.get("column").and_then(Value::as_str).map(|name| format!(" {name}")).unwrap_or_default();
        say!("line {}{column}: {}", number(problem, "line"), word(problem, "reason"));
    }
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use super::bar;
    use serde_json::json;

    #[test]
    fn a_bar_says_how_far_it_is() {
        let half = bar(&json!({"state": "running", "rows": 10, "rows_done": 5, "counts": {"held": 1}})).unwrap();
        assert_eq!(half, format!("running   [{}{}]  50 %, 1 held", "#".repeat(15), ".".repeat(15)));
        let sent = bar(&json!({"received": 10, "of": 10})).unwrap();
        assert!(sent.starts_with("sending") && sent.ends_with("100 %"));
        assert_eq!(bar(&json!({"received": 0, "of": 0})), None);
    }
}
