//! Shapes as lists of their fields.

use super::html::{escaped, prose};
use super::json::Shapes;
use std::fmt::Write as _;
use utoipa::openapi::schema::{ArrayItems, Object, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema};

/// How deep fields within fields are listed.
const DEPTH_MAX: usize = 4;

/// The fields of a shape, as a list.
pub(super) fn list(shapes: Shapes<'_>, schema: &RefOr<Schema>, sent: bool) -> String {
    shapes.resolved(schema).map(|schema| of_schema(shapes, schema, sent, 0)).unwrap_or_default()
}

fn of_schema(shapes: Shapes<'_>, schema: &Schema, sent: bool, depth: usize) -> String {
    if let Schema::OneOf(one) = schema {
        return either(shapes, &one.items, sent, depth);
    }
    let mut list = String::new();
    for (name, member, required) in shapes.members(schema) {
        list.push_str(&field(shapes, name, member, required, sent, depth));
    }
    if list.is_empty() { list } else { format!("<ul class=\"fields\">{list}</ul>") }
}

/// Several shapes of which one is meant.
fn either(shapes: Shapes<'_>, items: &[RefOr<Schema>], sent: bool, depth: usize) -> String {
    let shapes_of = items.iter().filter_map(|item| shapes.resolved(item)).filter(|item| !is_null(item));
    let lists: Vec<_> = shapes_of
        .map(|item| (description_of(item), of_schema(shapes, item, sent, depth)))
        .filter(|(_, list)| !list.is_empty())
        .collect();
    if let [(_, only)] = lists.as_slice() {
        return only.clone();
    }
    let lists: Vec<_> =
        lists.into_iter().map(|(said, list)| format!("<p class=\"either\">{}</p>{list}", prose(&said))).collect();
    lists.concat()
}

fn field(shapes: Shapes<'_>, name: &str, member: &RefOr<Schema>, required: bool, sent: bool, depth: usize) -> String {
    let mut item = format!("<li><code class=\"name\">{}</code> <span class=\"type\">", escaped(name));
    item.push_str(&prose(&type_of(shapes, member)));
    item.push_str("</span>");
    // Of what is sent one wants to know what must be there; of what is answered, what may be missing.
    match (sent, required) {
        (true, true) => item.push_str(" <span class=\"needed\">required</span>"),
        (false, false) => item.push_str(" <span class=\"maybe\">not always</span>"),
        _ => {}
    }
    let said = said_of(shapes, member);
    if !said.is_empty() {
        let _ = write!(item, "<p>{}</p>", prose(&said));
    }
    if depth < DEPTH_MAX
        && let Some(inner) = inner(shapes, member)
    {
        let fields = of_schema(shapes, inner, sent, depth + 1);
        if !fields.is_empty() {
            let _ = write!(item, "<details><summary>Its fields</summary>{fields}</details>");
        }
    }
    item.push_str("</li>");
    item
}

/// The shape whose fields are listed below a field: itself, or what its list holds.
fn inner<'a>(shapes: Shapes<'a>, member: &'a RefOr<Schema>) -> Option<&'a Schema> {
    match shapes.resolved(member)? {
        Schema::Array(array) => match &array.items {
            ArrayItems::RefOrSchema(item) => inner(shapes, item),
            ArrayItems::False => None,
        },
        other => Some(other),
    }
}

/// What a field says of itself, or what its shape says.
fn said_of(shapes: Shapes<'_>, member: &RefOr<Schema>) -> String {
    let own = match member {
        RefOr::Ref(reference) => reference.description.clone(),
        RefOr::T(schema) => description_of(schema),
    };
    if own.is_empty() { shapes.resolved(member).map(description_of).unwrap_or_default() } else { own }
}

fn description_of(schema: &Schema) -> String {
    let said = match schema {
        Schema::Object(object) => &object.description,
        Schema::Array(array) => &array.description,
        Schema::OneOf(one) => &one.description,
        Schema::AllOf(all) => &all.description,
        _ => &None,
    };
    said.as_deref().unwrap_or_default().replace('\n', " ")
}

/// What a value of the shape is, in a word or two.
fn type_of(shapes: Shapes<'_>, member: &RefOr<Schema>) -> String {
    match shapes.resolved(member) {
        Some(Schema::Object(object)) => type_of_object(object),
        Some(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(item) => format!("list of {}", type_of(shapes, item)),
            ArrayItems::False => String::from("list"),
        },
        Some(Schema::OneOf(one)) => {
            let (null, others): (Vec<_>, Vec<_>) =
                one.items.iter().partition(|item| shapes.resolved(item).is_some_and(is_null));
            let mut types: Vec<_> = others.into_iter().map(|item| type_of(shapes, item)).collect();
            types.dedup();
            types.join(" or ") + if null.is_empty() { "" } else { " or null" }
        }
        Some(Schema::AllOf(_)) => String::from("object"),
        _ => String::from("any"),
    }
}

fn type_of_object(object: &Object) -> String {
    if let Some(words) = &object.enum_values {
        let words: Vec<_> = words.iter().map(|word| format!("`{}`", word.as_str().unwrap_or_default())).collect();
        return words.join(", ");
    }
    let name = |kind: &Type| match kind {
        Type::String if matches!(object.format, Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))) => "time",
        Type::String => "text",
        Type::Integer => "whole number",
        Type::Number => "number",
        Type::Boolean => "true or false",
        Type::Array => "list",
        Type::Null => "null",
        Type::Object => "object",
    };
    match &object.schema_type {
        SchemaType::Type(kind) => String::from(name(kind)),
        SchemaType::Array(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" or "),
        SchemaType::AnyValue => String::from("any"),
    }
}

fn is_null(schema: &Schema) -> bool {
    matches!(schema, Schema::Object(object) if object.schema_type == SchemaType::Type(Type::Null))
}
