//! Products and their variants, made and changed; of these mutations `productSet` alone takes away what it does not name.

use crate::mutate::{error, list, take_metafields, text};
use crate::state::{Metafields, Product, State, Variant, gid, read_gid};
use serde_json::{Value, json};

/// Variants of a product.
const VARIANTS_MAX: usize = 2_048;
/// Variants that one call names.
const NAMED_MAX: usize = 250;

pub fn create(state: &mut State, arguments: &Value) -> Option<Value> {
    let input = arguments.get("product")?;
    let (id, now) = (state.next_id(), state.now_ms());
    let mut product = Product {
        title: String::new(),
        handle: text(input, "/title").to_lowercase().replace(' ', "-"),
        description_html: String::new(),
        vendor: String::new(),
        product_type: String::new(),
        status: "ACTIVE".to_owned(),
        tags: Vec::new(),
        options: vec![("Title".to_owned(), vec!["Default Title".to_owned()])],
        media: list(arguments, "/media")
            .map(|media| (text(media, "/originalSource").to_owned(), text(media, "/alt").to_owned()))
            .collect(),
        variants: Vec::new(),
        metafields: Metafields::new(),
        updated_ms: now,
    };
    let values = |option: &Value| list(option, "/values").map(|value| text(value, "/name").to_owned()).collect();
    let options: Vec<_> =
        list(input, "/productOptions").map(|option| (text(option, "/name").to_owned(), values(option))).collect();
    if !options.is_empty() {
        product.options = options;
    }
    let first: Vec<_> = product.options.iter().filter_map(|(_, values)| values.first().cloned()).collect();
    if first.len() != product.options.len() || text(input, "/title").is_empty() {
        return Some(json!({ "product": null, "userErrors": [error(&["title"], None)] }));
    }
    if !take(state, &mut product, input, id) {
        return Some(json!({ "product": null, "userErrors": [error(&["metafields", "0", "value"], None)] }));
    }
    let variant = state.next_id();
    let mut standalone = Variant::new(id, first, None, "0.00");
    standalone.tracked = false;
    product.variants.push(variant);
    state.variants.insert(variant, standalone);
    state.change_level(variant, 1, |level| level.available = 0);
    state.products.insert(id, product);
    state.tell("products/create", json!({ "id": id, "admin_graphql_api_id": gid("Product", id) }));
    Some(json!({ "product": { "$thing": gid("Product", id) }, "userErrors": [] }))
}

pub fn update(state: &mut State, arguments: &Value) -> Option<Value> {
    let input = arguments.get("product")?;
    let (_, id) = read_gid(text(input, "/id"))?;
    let Some(mut product) = state.products.get(&id).cloned() else {
        return Some(json!({ "product": null, "userErrors": [error(&["id"], None)] }));
    };
    if !take(state, &mut product, input, id) {
        return Some(json!({ "product": null, "userErrors": [error(&["metafields", "0", "value"], None)] }));
    }
    state.products.insert(id, product);
    state.touch_product(id);
    Some(json!({ "product": { "$thing": gid("Product", id) }, "userErrors": [] }))
}

/// Takes what an input says; false where a unique value is another product's.
fn take(state: &State, product: &mut Product, input: &Value, id: u64) -> bool {
    let texts = [
        ("title", &mut product.title),
        ("handle", &mut product.handle),
        ("descriptionHtml", &mut product.description_html),
        ("vendor", &mut product.vendor),
        ("productType", &mut product.product_type),
        ("status", &mut product.status),
    ];
    for (name, place) in texts {
        if let Some(given) = input.get(name).and_then(Value::as_str) {
            given.clone_into(place);
        }
    }
    if input.get("tags").is_some() {
        product.tags = list(input, "/tags").filter_map(Value::as_str).map(str::to_owned).collect();
    }
    !take_metafields(state, "PRODUCT", &mut product.metafields, input.get("metafields"), id)
}

pub fn create_variants(state: &mut State, arguments: &Value) -> Option<Value> {
    let (_, product_id) = read_gid(text(arguments, "/productId"))?;
    let refused = |code: &str, place: usize| {
        let place = place.to_string();
        Some(json!({ "productVariants": null, "userErrors": [error(&["variants", &place], Some(code))] }))
    };
    let Some(mut product) = state.products.get(&product_id).cloned() else {
        return refused("PRODUCT_DOES_NOT_EXIST", 0);
    };
    let inputs: Vec<_> = list(arguments, "/variants").cloned().collect();
    if inputs.len() > NAMED_MAX || product.variants.len() + inputs.len() > VARIANTS_MAX {
        return refused("INVALID_INPUT", NAMED_MAX);
    }
    let mut made = Vec::new();
    for (place, input) in inputs.iter().enumerate() {
        let mut values = Vec::new();
        for (name, known) in &mut product.options {
            let given = list(input, "/optionValues").find(|value| text(value, "/optionName") == name);
            let Some(value) = given.map(|value| text(value, "/name").to_owned()) else {
                return refused("NEED_TO_ADD_OPTION_VALUES", place);
            };
            if !known.contains(&value) {
                known.push(value.clone());
            }
            values.push(value);
        }
        let others = product.variants.iter().filter_map(|id| state.variants.get(id)).map(|variant| &variant.values);
        if others.chain(made.iter().map(|(_, made): &(u64, Variant)| &made.values)).any(|other| *other == values) {
            return refused("VARIANT_ALREADY_EXISTS", place);
        }
        let id = state.next_id();
        let mut variant = Variant::new(product_id, values, None, "0.00");
        if !take_variant(state, &mut variant, input, id) {
            return refused("TAKEN", place);
        }
        made.push((id, variant));
    }
    product.variants.extend(made.iter().map(|(id, _)| *id));
    state.products.insert(product_id, product);
    let ids: Vec<_> = made.iter().map(|(id, _)| json!({ "id": gid("ProductVariant", *id) })).collect();
    for (id, variant) in made {
        state.variants.insert(id, variant);
        state.change_level(id, 1, |level| level.available = 0);
    }
    state.touch_product(product_id);
    Some(json!({ "productVariants": ids, "userErrors": [] }))
}

pub fn update_variants(state: &mut State, arguments: &Value) -> Option<Value> {
    let (_, product) = read_gid(text(arguments, "/productId"))?;
    let mut changed = Vec::new();
    for (place, input) in list(arguments, "/variants").enumerate() {
        let place = place.to_string();
        let refused = |code: &str| {
            Some(json!({ "productVariants": null, "userErrors": [error(&["variants", &place], Some(code))] }))
        };
        let known = read_gid(text(input, "/id")).and_then(|(_, id)| Some((id, state.variants.get(&id)?.clone())));
        let Some((id, mut variant)) = known else { return refused("PRODUCT_VARIANT_DOES_NOT_EXIST") };
        if variant.product != product || changed.len() >= NAMED_MAX {
            return refused("INVALID_INPUT");
        }
        if !take_variant(state, &mut variant, input, id) {
            return refused("TAKEN");
        }
        changed.push((id, variant));
    }
    let ids: Vec<_> = changed.iter().map(|(id, _)| json!({ "id": gid("ProductVariant", *id) })).collect();
    state.variants.extend(changed);
    state.touch_product(product);
    Some(json!({ "productVariants": ids, "userErrors": [] }))
}

/// Makes a product be as it is given: entries of a list that is given and does not name them are deleted, variants above all.
pub fn set(state: &mut State, arguments: &Value) -> Option<Value> {
    let input = arguments.get("input")?;
    let refused = |code: &str| Some(json!({ "product": null, "userErrors": [error(&["input"], Some(code))] }));
    let id = match read_gid(text(arguments, "/identifier/id")) {
        Some((_, id)) if state.products.contains_key(&id) => id,
        Some(_) => return refused("PRODUCT_DOES_NOT_EXIST"),
        None => {
            let made = create(state, &json!({ "product": { "title": text(input, "/title") } }))?;
            let Some((_, id)) = read_gid(text(&made, "/product/$thing")) else { return Some(made) };
            id
        }
    };
    let mut product = state.products.get(&id)?.clone();
    if !take(state, &mut product, input, id) {
        return refused("INVALID_METAFIELD");
    }
    if input.get("productOptions").is_some() {
        let values = |option: &Value| list(option, "/values").map(|value| text(value, "/name").to_owned()).collect();
        let options = list(input, "/productOptions");
        product.options = options.map(|option| (text(option, "/name").to_owned(), values(option))).collect();
    }
    if input.get("files").is_some() {
        let files = list(input, "/files");
        product.media =
            files.map(|file| (text(file, "/originalSource").to_owned(), text(file, "/alt").to_owned())).collect();
    }
    let before = product.variants.clone();
    if input.get("variants").is_some() {
        match set_variants(state, id, &before, input) {
            Some(named) => product.variants = named,
            None => return refused("INVALID_VARIANT"),
        }
    }
    let kept = product.variants.clone();
    state.products.insert(id, product);
    for left_out in before.iter().filter(|known| !kept.contains(known)) {
        state.delete_variant(*left_out);
    }
    state.touch_product(id);
    Some(json!({ "product": { "$thing": gid("Product", id) }, "userErrors": [] }))
}

/// The variants that are named, each known by its id or by its values, or new.
fn set_variants(state: &mut State, product: u64, before: &[u64], input: &Value) -> Option<Vec<u64>> {
    let inputs: Vec<_> = list(input, "/variants").cloned().collect();
    if inputs.len() > VARIANTS_MAX {
        return None;
    }
    let mut named = Vec::new();
    for input in inputs {
        let values: Vec<_> = list(&input, "/optionValues").map(|value| text(value, "/name").to_owned()).collect();
        let by_values = || before.iter().find(|id| state.variants.get(id).is_some_and(|known| known.values == values));
        let known = read_gid(text(&input, "/id")).map(|(_, id)| id).or_else(|| by_values().copied());
        let id = known.filter(|id| before.contains(id)).unwrap_or_else(|| state.next_id());
        let fresh = || Variant::new(product, values.clone(), None, "0.00");
        let mut variant = state.variants.get(&id).cloned().unwrap_or_else(fresh);
        variant.values = values;
        if !take_variant(state, &mut variant, &input, id) {
            return None;
        }
        state.variants.insert(id, variant);
        if !before.contains(&id) {
            state.change_level(id, 1, |level| level.available = 0);
        }
        named.push(id);
    }
    Some(named)
}

fn take_variant(state: &State, variant: &mut Variant, input: &Value, id: u64) -> bool {
    let given = |pointer: &str| input.pointer(pointer).filter(|value| !value.is_null());
    let decimal = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(price) = given("/price") {
        variant.price = decimal(price);
    }
    if input.get("compareAtPrice").is_some() {
        variant.compare_at_price = given("/compareAtPrice").map(decimal);
    }
    if input.get("barcode").is_some() {
        variant.barcode = given("/barcode").and_then(Value::as_str).map(str::to_owned);
    }
    if input.pointer("/inventoryItem/sku").is_some() {
        variant.sku = given("/inventoryItem/sku").and_then(Value::as_str).map(str::to_owned);
    }
    let flags = [
        ("/taxable", &mut variant.taxable),
        ("/inventoryItem/tracked", &mut variant.tracked),
        ("/inventoryItem/requiresShipping", &mut variant.requires_shipping),
    ];
    for (pointer, place) in flags {
        *place = given(pointer).and_then(Value::as_bool).unwrap_or(*place);
    }
    if let Some(policy) = given("/inventoryPolicy").and_then(Value::as_str) {
        policy.clone_into(&mut variant.policy);
    }
    if let Some(grams) = given("/inventoryItem/measurement/weight/value").and_then(Value::as_f64) {
        variant.grams = grams;
    }
    !take_metafields(state, "PRODUCTVARIANT", &mut variant.metafields, input.get("metafields"), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_set_deletes_what_it_is_not_told_of_and_the_others_delete_nothing() {
        let mut state = State::new("EUR", false);
        let id = state.add_product("Lamp", &[("S", "1.00", 1), ("M", "1.00", 1), ("L", "1.00", 1)]);
        let variants = state.products[&id].variants.clone();
        let named =
            |id: u64, name: &str| json!({ "id": gid("ProductVariant", id), "optionValues": [{ "name": name }] });
        let update = json!({ "product": { "id": gid("Product", id), "title": "Bright lamp" } });
        assert!(super::update(&mut state, &update).is_some());
        assert_eq!(state.products[&id].variants, variants);
        let wish = json!({ "identifier": { "id": gid("Product", id) }, "input": {
            "title": "Lamp", "variants": [named(variants[0], "S"), { "optionValues": [{ "name": "XL" }] }],
        } });
        assert!(set(&mut state, &wish).is_some());
        let now = state.products[&id].variants.clone();
        assert_eq!((now.len(), now[0]), (2, variants[0]));
        assert!(!state.variants.contains_key(&variants[1]) && !state.levels.contains_key(&(variants[2], 1)));
        // A list that is not given stays whole.
        let wish = json!({ "identifier": { "id": gid("Product", id) }, "input": { "title": "Lamp" } });
        assert!(set(&mut state, &wish).is_some());
        assert_eq!(state.products[&id].variants, now);
    }
}
