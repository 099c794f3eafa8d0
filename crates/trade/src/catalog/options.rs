//! Options: how the variants of one product differ, and that no two of them are the same.

use super::text::{filled_line, too_much};
use super::{OPTIONS_MAX, ProductOption, TITLE_MAX, VARIANTS_MAX, VariantDraft};
use bonded_base::{Problem, Reason};
use std::collections::HashSet;

/// The options of a product and the values that its variants give them, checked against each other.
///
/// Values that were listed keep their order; where none were listed, they come in the order of the variants.
pub(super) fn settle(options: Vec<ProductOption>, variants: &[VariantDraft]) -> Result<Vec<ProductOption>, Problem> {
    if options.len() > OPTIONS_MAX {
        return Err(too_much("/options", format!("at most {OPTIONS_MAX} options")));
    }
    if options.is_empty() {
        return without_options(variants).map(|()| options);
    }
    let mut settled: Vec<ProductOption> = Vec::with_capacity(options.len());
    for (place, option) in options.into_iter().enumerate() {
        let at = |problem: Problem| problem.within(&format!("/options/{place}"));
        let name = filled_line(option.name, "/name", TITLE_MAX).map_err(at)?;
        if settled.iter().any(|known| known.name.eq_ignore_ascii_case(&name)) {
            return Err(at(Problem::invalid("/name", "another option has the same name")));
        }
        settled.push(ProductOption { name, values: listed(option.values).map_err(at)? });
    }
    shaped(settled.len(), variants)?;
    for (place, option) in settled.iter_mut().enumerate() {
        values_of(place, option, variants)?;
    }
    all_different(variants)?;
    Ok(settled)
}

/// Without options there is nothing by which two variants could differ.
fn without_options(variants: &[VariantDraft]) -> Result<(), Problem> {
    if variants.len() > 1 {
        return Err(Problem::invalid("/options", "several variants need options that tell them apart"));
    }
    match variants.first() {
        Some(only) if !only.options.is_empty() => {
            Err(Problem::invalid("/variants/0/options", "the product has no options to give values to"))
        }
        _ => Ok(()),
    }
}

/// Values as a caller listed them, each once.
fn listed(values: Vec<String>) -> Result<Vec<String>, Problem> {
    if values.len() > VARIANTS_MAX {
        return Err(too_much("/values", format!("at most {VARIANTS_MAX} values")));
    }
    let values = values
        .into_iter()
        .enumerate()
        .map(|(place, value)| {
            filled_line(value, "", TITLE_MAX).map_err(|problem| problem.within(&format!("/values/{place}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::with_capacity(values.len());
    match values.iter().position(|value| !seen.insert(value.as_str())) {
        None => Ok(values),
        Some(place) => Err(Problem::invalid(format!("/values/{place}"), "the value is listed twice")),
    }
}

/// Every variant gives each option a value.
fn shaped(options: usize, variants: &[VariantDraft]) -> Result<(), Problem> {
    match variants.iter().position(|variant| variant.options.len() != options) {
        None => Ok(()),
        Some(place) => Err(Problem::invalid(
            format!("/variants/{place}/options"),
            "a variant gives one value for each option of its product",
        )),
    }
}

/// Checks the variants' values of one option against the listed ones, or lists them.
fn values_of(place: usize, option: &mut ProductOption, variants: &[VariantDraft]) -> Result<(), Problem> {
    let mut known: HashSet<String> = option.values.iter().cloned().collect();
    let closed = !known.is_empty();
    for (number, variant) in variants.iter().enumerate() {
        let value = variant.options.get(place).map(|value| value.trim()).unwrap_or_default();
        if known.contains(value) {
            continue;
        }
        let pointer = || format!("/variants/{number}/options/{place}");
        if closed {
            return Err(Problem::invalid(pointer(), "the value is not among those that the option lists"));
        }
        let value = filled_line(value.to_owned(), "", TITLE_MAX).map_err(|problem| problem.within(&pointer()))?;
        option.values.push(value.clone());
        known.insert(value);
    }
    Ok(())
}

/// No two variants give the same values.
fn all_different(variants: &[VariantDraft]) -> Result<(), Problem> {
    let mut seen = HashSet::with_capacity(variants.len());
    let values = |variant: &'_ VariantDraft| -> Vec<String> {
        variant.options.iter().map(|value| value.trim().to_owned()).collect()
    };
    match variants.iter().position(|variant| !seen.insert(values(variant))) {
        None => Ok(()),
        Some(place) => Err(Problem {
            reason: Reason::Duplicate,
            ..Problem::invalid(format!("/variants/{place}/options"), "another variant has the same option values")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(name: &str, values: &[&str]) -> ProductOption {
        ProductOption { name: name.to_owned(), values: values.iter().map(ToString::to_string).collect() }
    }

    fn variants(values: &[&[&str]]) -> Vec<VariantDraft> {
        let draft = |values: &&[&str]| VariantDraft {
            options: values.iter().map(ToString::to_string).collect(),
            ..VariantDraft::default()
        };
        values.iter().map(draft).collect()
    }

    fn refused(options: &[ProductOption], given: &[&[&str]]) -> String {
        settle(options.to_vec(), &variants(given)).unwrap_err().pointer.unwrap()
    }

    #[test]
    fn values_come_from_the_variants_or_keep_the_listed_order() {
        let given = variants(&[&["L", "Red"], &[" S ", "Red"], &["S", "Blue"]]);
        let settled = settle(vec![option("Size", &[]), option("Colour", &["Blue", "Red", "Green"])], &given).unwrap();
        assert_eq!(settled, [option("Size", &["L", "S"]), option("Colour", &["Blue", "Red", "Green"])]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused_where_it_stands() {
        let size = || option("Size", &[]);
        assert_eq!(refused(&[], &[&[], &[]]), "/options");
        assert_eq!(refused(&[], &[&["S"]]), "/variants/0/options");
        assert_eq!(refused(&[option(" ", &[])], &[&["S"]]), "/options/0/name");
        assert_eq!(refused(&[size(), option("SIZE", &[])], &[&["S", "S"]]), "/options/1/name");
        assert_eq!(refused(&[option("Size", &["S", "S"])], &[&["S"]]), "/options/0/values/1");
        assert_eq!(refused(&[option("Size", &["S"])], &[&["S"], &["M"]]), "/variants/1/options/0");
        assert_eq!(refused(&[size()], &[&["S"], &[]]), "/variants/1/options");
        assert_eq!(refused(&[size()], &[&["S"], &["  "]]), "/variants/1/options/0");
        assert_eq!(refused(&[size()], &[&["S"], &["M"], &[" S"]]), "/variants/2/options");
        assert_eq!(refused(&[size(), option("b", &[]), option("c", &[]), option("d", &[])], &[]), "/options");
    }
}
