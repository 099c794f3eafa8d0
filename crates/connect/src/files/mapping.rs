//! Mappings: which column of a file means which field, proposed by the columns' names and kept once somebody has chosen.

use super::columns::Format;
use super::record::{ImportRecord, SHELF_OF_MAPPINGS};
use crate::csv::table::folded;
use bonded_base::{Id, Kind, Problem, Reason};
use bonded_ledger::{Change, Ledger, Scope, Stored};
use bonded_trade::screen::cards::has_card_number;
use bonded_trade::screen::{Kept as Screen, has_contacts};
use bonded_trade::{Page, TradeError};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Mappings of one account.
pub const MAPPINGS_MAX: usize = 200;
/// Columns of one mapping.
const CHOICES_MAX: usize = 200;
/// Characters of a column's name that is kept.
const NAME_CHARS_MAX: usize = 64;
/// What is said instead of a column's name that may be a value.
const NOT_REPEATED: &str = "(not repeated)";
/// The column that a file of held rows has besides its own; it means nothing on the way in.
pub(super) const ERROR_COLUMN: &str = "error";

/// A column of a file, and the field that it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedColumn {
    /// Its name in the file; not repeated where it may be a value of a file without a header.
    pub name: String,
    /// Its place in the file; 0 is the first.
    pub place: usize,
    /// The field; none for a column that is not kept.
    pub field: Option<String>,
}

impl MappedColumn {
    /// Whether its name is shown, so that something can be chosen for it.
    pub fn is_named(&self) -> bool {
        self.name != NOT_REPEATED
    }
}

/// What somebody has chosen for a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnChoice {
    /// Its name in the file.
    pub column: String,
    /// The field that it means; none if it is to be left out.
    pub field: Option<String>,
}

/// Choices that are kept. They are used for every file of the format that has all these columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// For files of this format.
    pub format: Format,
    /// What each column means.
    pub columns: Vec<ColumnChoice>,
}

/// The fields that a column of a format can mean.
pub fn fields(format: Format) -> Vec<&'static str> {
    format.fields()
}

/// Whether a column's name can be kept and shown: names are; what may be somebody's mail, phone or card, or a whole text, is
/// not.
fn is_name(name: &str) -> bool {
    name.chars().count() <= NAME_CHARS_MAX && !has_contacts(name, Screen::Text) && !has_card_number(name)
}

/// A column's name, unless it may be what should have stood below one.
pub fn repeatable(name: &str) -> &str {
    if is_name(name) { name } else { NOT_REPEATED }
}

impl Mapping {
    fn check(self) -> Result<Self, Problem> {
        if self.columns.is_empty() || self.columns.len() > CHOICES_MAX {
            return Err(Problem::invalid("/columns", format!("1 to {CHOICES_MAX} columns make a mapping")));
        }
        let known = self.format.fields();
        let (mut names, mut taken) = (HashSet::new(), HashSet::new());
        for (place, ColumnChoice { column, field }) in self.columns.iter().enumerate() {
            let at = |field: &str, detail: &'static str| Problem::invalid(format!("/columns/{place}/{field}"), detail);
            if column.trim().is_empty() || !is_name(column) || !names.insert(folded(column)) {
                return Err(at("column", "a column's name is needed, each once"));
            }
            let Some(field) = field else { continue };
            if !known.contains(&field.as_str()) || !taken.insert(field) {
                return Err(at("field", "a field of the format is needed, each once"));
            }
        }
        Ok(self)
    }

    /// Whether a file with this header has all the columns.
    fn fits(&self, header: &[String]) -> bool {
        let header: HashSet<_> = header.iter().map(|name| folded(name)).collect();
        self.columns.iter().all(|choice| header.contains(&folded(&choice.column)))
    }
}

/// Keeps a mapping; one for the same columns is replaced.
pub async fn keep_mapping(
    ledger: &Ledger,
    scope: &Scope,
    mapping: Mapping,
) -> Result<(Id<ImportRecord>, Mapping), TradeError> {
    let mapping = mapping.check()?;
    let all = stored(ledger, scope).await?;
    let names = |mapping: &Mapping| mapping.columns.iter().map(|choice| folded(&choice.column)).collect::<HashSet<_>>();
    let known = all.iter().find(|(_, known)| known.format == mapping.format && names(known) == names(&mapping));
    if known.is_none() && all.len() >= MAPPINGS_MAX {
        return Err(Problem::new(Reason::TooMuch, format!("at most {MAPPINGS_MAX} mappings are kept")).into());
    }
    let mut change = Change::new();
    let record = ImportRecord::Mapping(mapping.clone());
    let id = if let Some((was, _)) = known {
        change.update(was, &record, "mapped");
        was.id
    } else {
        let id = ledger.new_id();
        change.create(id, &record, "mapped");
        id
    };
    ledger.commit(scope, change).await?;
    Ok((id, mapping))
}

/// Every mapping of the account, oldest first.
pub async fn mappings(ledger: &Ledger, scope: &Scope) -> Result<Vec<(Id<ImportRecord>, Mapping)>, TradeError> {
    Ok(stored(ledger, scope).await?.into_iter().map(|(stored, mapping)| (stored.id, mapping)).collect())
}

/// Forgets a mapping.
pub async fn forget_mapping(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<(), TradeError> {
    let found = ledger.get(scope, id).await?.filter(|found| matches!(**found, ImportRecord::Mapping(_)));
    let found = found.ok_or_else(|| TradeError::missing(Kind::Import))?;
    let mut change = Change::new();
    change.remove(&found, "forgotten");
    ledger.commit(scope, change).await?;
    Ok(())
}

async fn stored(ledger: &Ledger, scope: &Scope) -> Result<Vec<(Stored<ImportRecord>, Mapping)>, TradeError> {
    let page = Page::first(u32::try_from(MAPPINGS_MAX).unwrap_or(u32::MAX)).of_parent(SHELF_OF_MAPPINGS);
    let listed = ledger.list::<ImportRecord>(scope, &page).await?;
    let mapping = |stored: Stored<ImportRecord>| match &*stored {
        ImportRecord::Mapping(mapping) => Some((mapping.clone(), stored)),
        _ => None,
    };
    Ok(listed.records.into_iter().filter_map(mapping).map(|(mapping, stored)| (stored, mapping)).collect())
}

/// The mapping of a file: a kept one that fits and says most, else what the columns' names say.
pub(super) fn mapped(
    format: Format,
    header: &[String],
    kept: &[(Id<ImportRecord>, Mapping)],
) -> (Vec<MappedColumn>, Option<Id<ImportRecord>>) {
    let best = kept
        .iter()
        .filter(|(_, mapping)| mapping.format == format && mapping.fits(header))
        .max_by_key(|(_, mapping)| mapping.columns.len());
    let chosen = |name: &str| {
        let choices = best.map(|(_, mapping)| mapping.columns.as_slice()).unwrap_or_default();
        choices.iter().find(|choice| folded(&choice.column) == folded(name)).map(|choice| choice.field.clone())
    };
    let mut taken: HashSet<String> = header.iter().filter_map(|name| chosen(name).flatten()).collect();
    let column = |(place, name): (usize, &String)| {
        let proposed = || {
            let field = format.field_of(name).filter(|_| folded(name) != ERROR_COLUMN)?;
            // Of two columns that could mean the same, the first one does.
            taken.insert(field.to_owned()).then(|| field.to_owned())
        };
        let field = chosen(name).unwrap_or_else(proposed);
        let name = if field.is_some() { name } else { repeatable(name) }.to_owned();
        MappedColumn { name, place, field }
    };
    let mut columns: Vec<_> = header.iter().enumerate().map(column).collect();
    if columns.iter().all(|column| column.field.is_none()) {
        // What has no column that is known may have no header at all, but a first row.
        for column in &mut columns {
            NOT_REPEATED.clone_into(&mut column.name);
        }
    }
    (columns, best.map(|(id, _)| *id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn fields_of(columns: &[MappedColumn]) -> Vec<Option<&str>> {
        columns.iter().map(|column| column.field.as_deref()).collect()
    }

    #[test]
    fn columns_are_proposed_by_name_and_unknown_ones_left_out() {
        let names =
            header(&["Artikelnummer", "E-Mail", "Bestand", "Menge", "error", "ada@example.com", "4242 4242 4242 4242"]);
        let (columns, used) = mapped(Format::Stock, &names, &[]);
        assert_eq!(fields_of(&columns), [Some("SKU"), None, Some("On hand"), None, None, None, None]);
        assert_eq!((columns[5].name.as_str(), columns[6].name.as_str(), used), (NOT_REPEATED, NOT_REPEATED, None));
    }

    #[test]
    fn a_kept_mapping_is_used_where_all_its_columns_are() {
        let choice = |column: &str, field: Option<&str>| ColumnChoice {
            column: column.to_owned(),
            field: field.map(str::to_owned),
        };
        let mapping = Mapping {
            format: Format::Stock,
            columns: vec![choice("Code", Some("SKU")), choice("Bestand", None), choice("Frei", Some("On hand"))],
        };
        let kept = [(Id::from_bytes([1; 16]), mapping.clone().check().unwrap())];
        let (columns, used) = mapped(Format::Stock, &header(&["frei", "Bestand", "CODE"]), &kept);
        assert_eq!(fields_of(&columns), [Some("On hand"), None, Some("SKU")]);
        assert_eq!(used, Some(kept[0].0));
        let (columns, used) = mapped(Format::Stock, &header(&["Bestand", "CODE"]), &kept);
        assert_eq!((fields_of(&columns), used), (vec![Some("On hand"), None], None));
        for wrong in [
            vec![choice("Code", Some("Colour"))],
            vec![choice("Code", Some("SKU")), choice("code", None)],
            vec![choice("A", Some("SKU")), choice("B", Some("SKU"))],
            vec![choice("ada@example.com", Some("SKU"))],
            vec![],
        ] {
            assert!(Mapping { columns: wrong, ..mapping.clone() }.check().is_err());
        }
    }
}
