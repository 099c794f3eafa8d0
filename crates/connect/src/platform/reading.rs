//! Reading rows of a platform's answer one by one, so that one that cannot be understood does not hold up the others.

use super::walk::Stamped;
use super::{RemoteId, Unreadable};
use bonded_base::{Currency, Moment, Money, Problem};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

/// Reads one row; `stamp` is the name of the member that says when it changed.
pub fn row<T: DeserializeOwned>(row: Value, stamp: &str) -> Result<T, Unreadable> {
    let (id, updated_at) = (id(&row), moment(&row, stamp));
    serde_path_to_error::deserialize(row).map_err(|error| {
        let at = error.path().iter().map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{key}"),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        });
        // The reader's own words are left out, because they repeat what was read.
        let problem = Problem::invalid(at.collect::<String>(), "it has not the form that the platform describes");
        Unreadable { id, problem, updated_at }
    })
}

/// Rows with what a walk has to know of them.
pub fn stamped(rows: Vec<Value>, stamp: &str) -> Vec<Stamped<Value>> {
    let stamped = |row: Value| Stamped {
        id: id(&row).as_str().to_owned(),
        at: moment(&row, stamp).unwrap_or_default(),
        item: row,
    };
    rows.into_iter().map(stamped).collect()
}

/// The same things in the order in which they were asked for.
pub fn in_order<T>(ids: &[RemoteId], found: Vec<(RemoteId, T)>) -> Vec<Option<T>> {
    let mut found: std::collections::HashMap<_, _> = found.into_iter().collect();
    ids.iter().map(|id| found.remove(id)).collect()
}

/// An amount in major units, as JSON has it, to the nearest minor unit.
pub fn money(amount: f64, currency: Currency) -> Option<Money> {
    let decimals = usize::from(currency.exponent().unwrap_or(0));
    Money::from_decimal(&format!("{amount:.decimals$}"), currency).ok()
}

/// The platform's id of a row; empty if it says none.
pub fn id(row: &Value) -> RemoteId {
    RemoteId::new(row.get("id").and_then(Value::as_str).unwrap_or_default())
}

fn moment(row: &Value, stamp: &str) -> Option<Moment> {
    row.get(stamp)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        parts: Vec<Part>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Part {
        pieces: u32,
    }

    #[test]
    fn a_row_that_is_not_understood_is_named_with_the_place_and_without_its_words() {
        let bad = json!({"id": "t_1", "at": "2026-11-22T09:30:00Z", "parts": [{"pieces": 1}, {"pieces": "Anna"}]});
        let unreadable = row::<Thing>(bad, "at").unwrap_err();
        assert_eq!(unreadable.id.as_str(), "t_1");
        assert_eq!(unreadable.problem.pointer.as_deref(), Some("/parts/1/pieces"));
        assert!(unreadable.updated_at.is_some() && !unreadable.problem.to_string().contains("Anna"));
    }

    #[test]
    fn amounts_are_rounded_to_the_minor_unit() {
        let minor = |amount, currency| money(amount, currency).map(|money| money.amount);
        assert_eq!(minor(12.5, Currency::EUR), Some(1_250));
        assert_eq!(minor(8.333_333, Currency::EUR), Some(833));
        assert_eq!(minor(1_200.0, Currency::JPY), Some(1_200));
        assert_eq!(minor(f64::MAX, Currency::EUR), None);
    }
}
