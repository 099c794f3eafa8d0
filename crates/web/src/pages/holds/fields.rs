//! What people correct in a held record: its values as texts, and the texts as values again.

use crate::pages::form::Form;
use bonded_base::{Currency, Money, Problem};
use bonded_people::PeopleError;
use bonded_trade::holds::{self, Fix, Hold};
use serde_json::{Value, json};

/// Lines or variants of one record that are shown.
const ELEMENTS_SHOWN: usize = 50;

/// What is shown of a line, of a product and of each of its variants.
const OF_A_LINE: [&str; 4] = ["sku", "title", "quantity", "price"];
const OF_A_PRODUCT: [&str; 4] = ["title", "handle", "vendor", "product_type"];
const OF_A_VARIANT: [&str; 4] = ["sku", "barcode", "price", "compare_at_price"];

/// One value of a held record.
pub(super) struct Field {
    pub label: String,
    pub pointer: String,
    /// What stands there, or was typed.
    pub text: String,
    /// What the shop has there, where that is something else.
    pub was: Option<String>,
    pub is_money: bool,
}

/// The values of a hold's payload that can be corrected here, and whether there are more.
pub(super) fn of(hold: &Hold, typed: Option<&Form>) -> (Vec<Field>, bool) {
    let Some(read) = &hold.payload else { return (Vec::new(), false) };
    let mut corrected = read.clone();
    holds::lay(&mut corrected, &hold.corrections);
    let (pointers, more) = pointers(read);
    let field = |(label, pointer): (String, String)| {
        let was = read.pointer(&pointer)?;
        let present = text(corrected.pointer(&pointer)?);
        let typed =
            typed.and_then(|form| said(form).find(|(known, _)| *known == pointer).map(|(_, text)| text.to_owned()));
        let was = Some(text(was)).filter(|was| *was != present);
        let is_money = is_money(&pointer);
        Some(Field { label, text: typed.unwrap_or(present), was, is_money, pointer })
    };
    (pointers.into_iter().filter_map(field).collect(), more)
}

/// What was changed in the form, as corrections.
pub(super) fn read(hold: &Hold, form: &Form) -> Result<Vec<Fix>, PeopleError> {
    let (present, _) = of(hold, None);
    let mut fixes = Vec::new();
    for (pointer, typed) in said(form) {
        let Some(field) = present.iter().find(|field| field.pointer == pointer) else { continue };
        if field.text != typed.trim() {
            let to =
                value(pointer, typed.trim()).map_err(|why| Problem::invalid("", format!("{}: {why}", field.label)))?;
            fixes.push(Fix { pointer: pointer.to_owned(), to });
        }
    }
    Ok(fixes)
}

/// The error in words that name the field as the form does.
pub(super) fn named(error: PeopleError, fixes: &[Fix]) -> PeopleError {
    let PeopleError::Problem(problem) = error else { return error };
    let place = problem.pointer.as_deref().and_then(|pointer| pointer.strip_prefix("/corrections/"));
    let place = place.and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
    let label = place.and_then(|place| fixes.get(place)).map(|fix| label(&fix.pointer));
    match label {
        Some(label) => Problem { detail: format!("{label}: {}", problem.detail).into(), ..problem }.into(),
        None => problem.into(),
    }
}

/// The form's pairs of a pointer and what was typed for it.
fn said(form: &Form) -> impl Iterator<Item = (&str, &str)> {
    form.all("pointer").iter().zip(form.all("to")).map(|(pointer, to)| (pointer.as_str(), to.as_str()))
}

fn pointers(read: &Value) -> (Vec<(String, String)>, bool) {
    let (mut pointers, mut more) = (Vec::new(), false);
    let product = OF_A_PRODUCT.iter().map(|field| format!("/product/{field}"));
    pointers.extend(product.filter(|pointer| read.pointer(pointer).is_some()));
    for (list, fields) in [("/lines", OF_A_LINE), ("/product/variants", OF_A_VARIANT)] {
        let count = read.pointer(list).and_then(Value::as_array).map_or(0, Vec::len);
        more |= count > ELEMENTS_SHOWN;
        for place in 0..count.min(ELEMENTS_SHOWN) {
            pointers.extend(fields.iter().map(|field| format!("{list}/{place}/{field}")));
        }
    }
    (pointers.into_iter().map(|pointer| (label(&pointer), pointer)).collect(), more)
}

/// `/lines/0/quantity` in words: `Line 1, quantity`.
fn label(pointer: &str) -> String {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    let number = |place: &str| place.parse::<usize>().map_or(0, |place| place + 1);
    match parts.as_slice() {
        ["lines", place, field, ..] => format!("Line {}, {}", number(place), field.replace('_', " ")),
        ["product", "variants", place, field, ..] => format!("Variant {}, {}", number(place), field.replace('_', " ")),
        [.., field] => format!("Product, {}", field.replace('_', " ")),
        [] => String::new(),
    }
}

fn is_money(pointer: &str) -> bool {
    pointer.ends_with("/price") || pointer.ends_with("/compare_at_price")
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(_) => match serde_json::from_value::<Money>(value.clone()) {
            Ok(money) => format!("{} {}", money.to_decimal(), money.currency.code()),
            Err(_) => value.to_string(),
        },
        other => other.to_string(),
    }
}

fn value(pointer: &str, typed: &str) -> Result<Value, String> {
    if is_money(pointer) {
        if typed.is_empty() {
            return Ok(Value::Null);
        }
        let money = typed.split_once(' ').and_then(|(amount, code)| Some((amount, Currency::from_code(code.trim())?)));
        let (amount, currency) = money.ok_or("write an amount and its currency, as in 19.99 EUR")?;
        return Ok(json!(Money::from_decimal(amount, currency).map_err(|error| error.to_string())?));
    }
    if pointer.ends_with("/quantity") {
        return Ok(json!(typed.parse::<i64>().map_err(|_| "write a whole number")?));
    }
    let may_be_nothing = ["/sku", "/barcode", "/handle"].iter().any(|end| pointer.ends_with(end));
    Ok(if typed.is_empty() && may_be_nothing { Value::Null } else { json!(typed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_back_as_they_are_shown() {
        for (pointer, typed, kept) in [
            ("/lines/0/price", "19.99 EUR", json!({"amount": 1999, "currency": "EUR"})),
            ("/lines/0/price", "-0.5 EUR", json!({"amount": -50, "currency": "EUR"})),
            ("/product/variants/1/compare_at_price", "", Value::Null),
            ("/lines/0/quantity", "3", json!(3)),
            ("/lines/0/sku", "", Value::Null),
            ("/product/title", "", json!("")),
        ] {
            assert_eq!(value(pointer, typed), Ok(kept.clone()), "{pointer}");
            assert_eq!(value(pointer, &text(&kept)), Ok(kept), "{pointer}");
        }
        for (pointer, typed) in [("/lines/0/price", "19.99"), ("/lines/0/price", "a EUR"), ("/lines/0/quantity", "1.5")]
        {
            assert!(value(pointer, typed).is_err(), "{typed}");
        }
        assert_eq!(label("/lines/0/quantity"), "Line 1, quantity");
        assert_eq!(label("/product/variants/1/compare_at_price"), "Variant 2, compare at price");
    }
}
